/* A geometry as WKB, and the cells that it covers. See README.md for the layout of the input. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "fishnet/coverage.h"

#define COLUMNS 24
#define ROWS 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const double kGeotransforms[4][6] = {
    {0, 1, 0, 0, 0, 1}, {-4, 0.5, 0, 16, 0, -0.5}, {2, 0.7, 0.7, -3, 0.7, -0.7}, {1e6, 1e-3, 0, -1e9, 0, 1e3}};

/* Adds the spans of a window; they are in order, and within it. */
static bool find(fn_coverage *coverage, const fn_zone *zone, fn_pixels pixels, fn_window window,
                 double cell[ROWS][COLUMNS])
{
    const fn_cells *spans;
    size_t n;
    bool consistent;
    const fn_window extent = fn_zone_extent(zone);
    CHECK(fn_coverage_find(coverage, zone, pixels, window, &spans, &n, &consistent, NULL) == FN_OK);
    for (size_t i = 0; i < n; i++) {
        const fn_cells *s = &spans[i];
        CHECK(s->row >= window.y && s->row < window.y + window.height && s->column >= window.x && s->count > 0);
        CHECK(s->column + s->count <= window.x + window.width && s->coverage > 0);
        CHECK(s->row >= extent.y && s->row < extent.y + extent.height && s->column >= extent.x);
        CHECK(s->column + s->count <= extent.x + extent.width);
        CHECK(i == 0 || s[-1].row < s->row || (s[-1].row == s->row && s[-1].column + s[-1].count <= s->column));
        for (int k = 0; k < s->count; k++) {
            CHECK(cell[s->row][s->column + k] == 0);
            cell[s->row][s->column + k] = s->coverage;
        }
    }
    return consistent;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    double cell[3][ROWS][COLUMNS] = {0};
    const int64_t width = 1 + data[1] % COLUMNS, height = 1 + data[1] / COLUMNS;
    fn_zone *zone;
    fn_coverage *coverage;
    fn_usable usable;
    CHECK(fn_zone_new(data + 2, size - 2, kGeotransforms[data[0] & 3], &zone, &usable, NULL) == FN_OK);
    CHECK(usable == FN_USABLE || (fn_zone_vertices(zone) == 0 && fn_zone_extent(zone).height == 0));
    CHECK(fn_coverage_new(&coverage, NULL) == FN_OK);
    for (int rule = 0; rule < 3; rule++) {
        double parts[ROWS][COLUMNS] = {0};
        const bool consistent = find(coverage, zone, (fn_pixels)rule, (fn_window){0, 0, COLUMNS, ROWS}, cell[rule]);
        bool all_consistent = true;
        for (int64_t y = 0; y < ROWS; y += height)
            for (int64_t x = 0; x < COLUMNS; x += width) {
                const fn_window window = {x, y, x + width < COLUMNS ? width : COLUMNS - x,
                                          y + height < ROWS ? height : ROWS - y};
                all_consistent &= find(coverage, zone, (fn_pixels)rule, window, parts);
            }
        CHECK(all_consistent == consistent);
        CHECK(memcmp(parts, cell[rule], sizeof parts) == 0);
    }
    for (int y = 0; y < ROWS; y++)
        for (int x = 0; x < COLUMNS; x++) {
            CHECK(cell[FN_PIXELS_CENTER][y][x] <= cell[FN_PIXELS_TOUCHED][y][x] && cell[FN_PIXELS_TOUCHED][y][x] <= 1);
            CHECK(isfinite(cell[FN_PIXELS_FRACTION][y][x]));
        }
    fn_coverage_free(coverage);
    fn_zone_free(zone);
    return 0;
}
