/* The cells that a zone covers: cases whose answers are known, windows of all cuts, wild coordinates, failing memory.
 * Random geometries against exact rationals are in tests/zonal. */
#include "check.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>

#include "fishnet/coverage.h"

/* ---- failing memory: the linker leads the core's allocations here ---- */

static long allocations, failing = LONG_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    return ++allocations == failing ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return ++allocations == failing ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return ++allocations == failing ? NULL : __real_realloc(memory, size);
}

/* ---- geometries: WKT to WKB ---- */

typedef struct bytes {
    uint8_t *data;
    size_t n, capacity;
} bytes;

static void put(bytes *b, const void *data, size_t n)
{
    if (b->n + n > b->capacity) {
        b->capacity = 2 * (b->n + n);
        b->data = realloc(b->data, b->capacity);
        REQUIRE(b->data != NULL, "no memory for a test");
    }
    memcpy(b->data + b->n, data, n);
    b->n += n;
}

static void put_number(bytes *b, uint32_t n)
{
    put(b, &n, 4);
}

static void put_head(bytes *b, uint32_t type)
{
    put(b, &(uint8_t){1}, 1);
    put_number(b, type);
}

static bool take(const char **at, char c)
{
    while (isspace((unsigned char)**at))
        (*at)++;
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_empty(const char **at)
{
    while (isspace((unsigned char)**at))
        (*at)++;
    if (strncmp(*at, "EMPTY", 5) != 0)
        return false;
    *at += 5;
    return true;
}

static void put_pair(bytes *b, const char **at)
{
    for (int axis = 0; axis < 2; axis++) {
        char *end;
        const double v = strtod(*at, &end);
        REQUIRE(end != *at, "WKT: a number is expected at %s", *at);
        put(b, &v, 8);
        *at = end;
    }
}

static void put_geometry(bytes *b, const char **at);

/* A list in parentheses: of pairs at depth 0, of rings at depth 1. parts: the type that each of its items has. */
static void put_list(bytes *b, const char **at, int depth, uint32_t parts)
{
    const size_t place = b->n;
    uint32_t n = 0;
    put_number(b, 0);
    if (take_empty(at))
        return;
    REQUIRE(take(at, '('), "WKT: a list is expected at %s", *at);
    do {
        const bool bracket = parts == 1 && take(at, '(');
        if (parts > 0 && parts < 7)
            put_head(b, parts);
        if (parts == 7)
            put_geometry(b, at);
        else if (depth == 0)
            put_pair(b, at);
        else
            put_list(b, at, depth - 1, 0);
        if (bracket)
            take(at, ')');
        n++;
    } while (take(at, ','));
    REQUIRE(take(at, ')'), "WKT: a list ends at %s", *at);
    memcpy(b->data + place, &n, 4);
}

static void put_geometry(bytes *b, const char **at)
{
    static const struct {
        const char *name;
        uint32_t type;
        int depth;
        uint32_t parts;
    } kinds[] = {{"POINT", 1, 0, 0},
                 {"LINESTRING", 2, 0, 0},
                 {"POLYGON", 3, 1, 0},
                 {"MULTIPOINT", 4, 0, 1},
                 {"MULTILINESTRING", 5, 1, 2},
                 {"MULTIPOLYGON", 6, 2, 3},
                 {"GEOMETRYCOLLECTION", 7, 0, 7}};
    while (isspace((unsigned char)**at))
        (*at)++;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t length = strlen(kinds[i].name);
        if (strncmp(*at, kinds[i].name, length) != 0 || isalpha((unsigned char)(*at)[length]))
            continue;
        *at += length;
        put_head(b, kinds[i].type);
        if (kinds[i].type != 1)
            put_list(b, at, kinds[i].depth, kinds[i].parts);
        else if (take_empty(at))
            put(b, (double[]){NAN, NAN}, 16);
        else {
            take(at, '(');
            put_pair(b, at);
            take(at, ')');
        }
        return;
    }
    REQUIRE(false, "WKT: a type is expected at %s", *at);
}

static bytes wkb_of(const char *wkt)
{
    bytes b = {0};
    put_geometry(&b, &wkt);
    return b;
}

static const double kNorthUp[6] = {0, 1, 0, 6, 0, -1}, kPixels[6] = {0, 1, 0, 0, 0, 1};
static const fn_pixels kRules[] = {FN_PIXELS_CENTER, FN_PIXELS_FRACTION, FN_PIXELS_TOUCHED};

static fn_zone *zone_of(const char *wkt, const double geotransform[6], fn_usable *usable)
{
    bytes b = wkb_of(wkt);
    fn_zone *zone;
    fn_error err;
    REQUIRE(fn_zone_new(b.data, b.n, geotransform, &zone, usable, &err) == FN_OK, "%s: %s", wkt, err.text);
    free(b.data);
    return zone;
}

/* ---- what a zone covers ---- */

#define SIDE 64

/* Cells of a window as an array, from (0, 0); checks what holds for all spans. */
typedef struct grid {
    double cell[SIDE][SIDE];
    double sum;
    bool consistent;
} grid;

static fn_coverage *coverage;

static void fill_grid(grid *g, const fn_zone *zone, fn_pixels pixels, fn_window window)
{
    const fn_cells *spans;
    size_t n;
    bool consistent;
    fn_error err;
    REQUIRE(fn_coverage_find(coverage, zone, pixels, window, &spans, &n, &consistent, &err) == FN_OK, "%s", err.text);
    g->consistent &= consistent;
    for (size_t i = 0; i < n; i++) {
        const fn_cells *s = &spans[i];
        EXPECT(s->count > 0 && s->coverage > 0, "span %zu: count %lld, coverage %g", i, (long long)s->count,
               s->coverage);
        REQUIRE(s->row >= window.y && s->row < window.y + window.height && s->column >= window.x &&
                    s->column + s->count <= window.x + window.width && s->row < SIDE && s->column + s->count <= SIDE,
                "span %zu: row %lld, columns %lld + %lld", i, (long long)s->row, (long long)s->column,
                (long long)s->count);
        for (int k = 0; k < s->count; k++) {
            EXPECT(g->cell[s->row][s->column + k] == 0, "row %lld, column %lld twice", (long long)s->row,
                   (long long)s->column + k);
            g->cell[s->row][s->column + k] = s->coverage;
            g->sum += s->coverage;
        }
    }
}

static grid grid_of(const fn_zone *zone, fn_pixels pixels, int64_t columns, int64_t rows)
{
    grid g = {.consistent = true};
    fill_grid(&g, zone, pixels, (fn_window){0, 0, columns, rows});
    return g;
}

static double sum_of(const char *wkt, const double geotransform[6], fn_pixels pixels, bool *consistent)
{
    fn_zone *zone = zone_of(wkt, geotransform, NULL);
    const grid g = grid_of(zone, pixels, 6, 6);
    fn_zone_free(zone);
    if (consistent)
        *consistent = g.consistent;
    return g.sum;
}

/* Each with its sums over 6 x 6 cells of a north-up raster: centres, fraction, touched. NaN: inconsistent, and the
 * sum is for nobody. */
static void known_zones(void)
{
    static const struct {
        const char *wkt;
        double sum[3];
    } zones[] = {
        {"POLYGON((0 0,6 0,6 6,0 6,0 0))", {36, 36, 36}},
        {"POLYGON((0 0,0 6,6 6,6 0,0 0))", {36, 36, 36}}, /* the other way round */
        {"POLYGON((0 0,6 0,6 6,0 6))", {36, 36, 36}},     /* not closed */
        {"POLYGON((0 0,2.5 0,2.5 6,0 6,0 0))", {12, 15, 18}},
        {"POLYGON((2.5 0,6 0,6 6,2.5 6,2.5 0))", {24, 21, 24}},
        {"POLYGON((0 2.5,6 2.5,6 6,0 6,0 2.5))", {18, 21, 24}}, /* the row's centre belongs to what is below */
        {"POLYGON((0 0,6 0,6 2.5,0 2.5,0 0))", {18, 15, 18}},
        {"POLYGON((0 0,6 6,0 6,0 0))", {15, 18, 21}}, /* centres on the diagonal are right of the edge */
        {"POLYGON((0 0,6 0,6 6,0 0))", {21, 18, 21}},
        {"POLYGON((1.1 1.1,1.3 1.1,1.3 4.9,1.1 4.9,1.1 1.1))", {0, 0.76, 4}}, /* a sliver without a centre */
        {"POLYGON((3.1 3.1,3.2 3.1,3.2 3.2,3.1 3.2,3.1 3.1))", {0, 0.01, 1}},
        {"POLYGON((1 1,3 1,3 3,1 3,1 1))", {4, 4, 4}}, /* a border of cells touches none */
        {"POLYGON((0 0,6 0,6 6,0 6,0 0),(1 1,5 1,5 5,1 5,1 1))", {20, 20, 20}},
        {"POLYGON((0 0,6 0,6 6,0 6,0 0),(1 1,1 5,5 5,5 1,1 1))", {20, 20, 20}},
        {"MULTIPOLYGON(((0 0,1 0,1 1,0 1,0 0)),((5 5,6 5,6 6,5 6,5 5)))", {2, 2, 2}},
        {"MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)),((2 0,2 2,4 2,4 0,2 0)))", {8, 8, 8}},       /* share an edge */
        {"MULTIPOLYGON(((0 0,3 0,3 3,0 3,0 0)),((1 1,4 1,4 4,1 4,1 1)))", {NAN, NAN, NAN}}, /* overlap */
        {"POLYGON((0 0,6 6,6 0,0 6,0 0))", {NAN, NAN, NAN}},                                /* bow-tie, no area */
        {"POLYGON((0 0,6 6,6 3,0 6,0 0))", {NAN, NAN, NAN}},                                /* bow-tie */
        {"POLYGON((1.1 1.1,1.9 1.9,1.9 1.1,1.1 1.9,1.1 1.1))", {NAN, NAN, NAN}},            /* bow-tie within a cell */
        {"POLYGON((0 0,2 0,2 2,0 2,0 0),(3 3,5 3,5 5,3 5,3 3))", {NAN, NAN, NAN}},          /* a hole outside */
        {"POLYGON((1 1,3 1,3 3,5.9 3,3 3,1 3,1 1))", {4, 4, 4}},                            /* a spike on a border */
        {"POLYGON((1 1,3 1,3 3,5.9 3.5,3 3,1 3,1 1))", {4, 4, 7}},                          /* and within cells */
        {"POLYGON((-3 -3,2 -3,2 2,-3 2,-3 -3))", {4, 4, 4}},
        {"POLYGON((20 20,21 20,21 21,20 21,20 20))", {0, 0, 0}},
        {"POLYGON((6 0,8 0,8 6,6 6,6 0))", {0, 0, 0}},
        {"POLYGON((-8 0,0 0,0 6,-8 6,-8 0))", {0, 0, 0}},
        {"POLYGON((1 1,3 1,1 1,1 1))", {0, 0, 0}}, /* no area */
        {"POLYGON((1.25 1.25,3.5 3.5,2.375 2.375,1.25 1.25))", {0, 0, 0}},
        {"POLYGON((1.25 1.25,3.5 3.5,1.25 1.25,1.25 1.25),(1 1,2 1,2 2,1 1))", {0, 0, 0}}, /* with a hole */
        {"POLYGON((1.2 1.2,3.4 3.5))", {0, 0, 0}},
        {"POLYGON EMPTY", {0, 0, 0}},
        {"MULTIPOLYGON EMPTY", {0, 0, 0}},
        {"GEOMETRYCOLLECTION EMPTY", {0, 0, 0}},
        {"GEOMETRYCOLLECTION(POLYGON((0 0,2 0,2 2,0 2,0 0)),POINT(5 5))", {4, 4, 4}},
        {"GEOMETRYCOLLECTION(POLYGON((0 0,2 0,2 2,0 2,0 0)),MULTIPOLYGON(((3 0,5 0,5 2,3 2,3 0))),LINESTRING(0 5,5 5))",
         {8, 8, 8}},
        {"GEOMETRYCOLLECTION(LINESTRING(0.5 4.5,5.5 4.5),POINT(0.5 0.5))", {6, 5, 6}},
        {"POINT(2.5 2.5)", {1, 1, 1}},
        {"POINT(2 3)", {1, 1, 1}},
        {"POINT(6 3)", {0, 0, 0}}, /* in the column behind the last */
        {"POINT(3 0)", {0, 0, 0}},
        {"POINT EMPTY", {0, 0, 0}},
        {"MULTIPOINT(1.5 1.5,1.6 1.6,(2.5 1.5),100 100)", {2, 2, 2}},
        {"LINESTRING(0.5 0.5,4.5 0.5)", {5, 4, 5}},
        {"LINESTRING(0.5 2,4.5 2)", {5, 4, 5}},     /* along a border of rows */
        {"LINESTRING(3 0.5,3 4.25)", {5, 3.75, 5}}, /* along a border of columns */
        {"LINESTRING(0 0,6 6)", {6, 8.48528137423857, 6}},
        {"MULTILINESTRING((0.5 0.5,1.5 0.5),(0.5 0.5,1.5 0.5))", {2, 2, 2}},
        {"LINESTRING(1 1,1 1)", {0, 0, 0}},
        {"LINESTRING(6 0,6 6)", {0, 0, 0}},
        {"LINESTRING EMPTY", {0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        for (int k = 0; k < 3; k++) {
            bool consistent;
            const double sum = sum_of(zones[i].wkt, kNorthUp, kRules[k], &consistent), right = zones[i].sum[k];
            EXPECT(consistent == !isnan(right), "%s, rule %d: %s", zones[i].wkt, k, consistent ? "fine" : "flagged");
            EXPECT(isnan(right) || fabs(sum - right) < 1e-13, "%s, rule %d: %.17g, not %g", zones[i].wkt, k, sum,
                   right);
        }
}

/* Where a cell is, not only how many. */
static void known_cells(void)
{
    fn_zone *zone = zone_of("POLYGON((1.25 1.5,3.5 1.5,3.5 2.75,1.25 2.75,1.25 1.5))", kPixels, NULL);
    const fn_window extent = fn_zone_extent(zone);
    EXPECT(extent.x == 1 && extent.y == 1 && extent.width == 3 && extent.height == 2, "%d %d %d %d", (int)extent.x,
           (int)extent.y, (int)extent.width, (int)extent.height);
    EXPECT(fn_zone_vertices(zone) == 5, "%zu vertices", fn_zone_vertices(zone));
    const double right[4][5] = {
        {0}, {0, 0.75 * 0.5, 0.5, 0.25, 0}, {0, 0.75 * 0.75, 0.75, 0.5 * 0.75, 0}, {0, 0, 0, 0, 0}};
    const grid g = grid_of(zone, FN_PIXELS_FRACTION, 6, 6);
    for (int row = 0; row < 4; row++)
        for (int column = 0; column < 5; column++)
            EXPECT(g.cell[row][column] == right[row][column], "row %d, column %d: %.17g", row, column,
                   g.cell[row][column]);
    fn_zone_free(zone);
    const fn_cells *spans;
    size_t n;
    bool consistent;
    zone = zone_of("POLYGON((0 0,5 0,5 0.5,0 0.5,0 0))", kPixels, NULL);
    REQUIRE(fn_coverage_find(coverage, zone, FN_PIXELS_FRACTION, (fn_window){0, 0, 6, 6}, &spans, &n, &consistent,
                             NULL) == FN_OK,
            "half a row");
    EXPECT(n == 1 && spans[0].count == 5 && spans[0].coverage == 0.5, "%zu spans", n);
    fn_zone_free(zone);
}

/* A line that comes to a border of columns from the left by the last bit of a double is left of it until then. */
static void along_a_border(void)
{
    fn_zone *zone = zone_of("LINESTRING(2.9999999999999996 0,3 1.5,3 3)", kPixels, NULL);
    for (int k = 0; k < 3; k++) {
        const grid g = grid_of(zone, kRules[k], 6, 6);
        const bool is_length = kRules[k] == FN_PIXELS_FRACTION;
        EXPECT(g.cell[0][2] == 1 && g.cell[0][3] == 0, "rule %d, first row: %.17g, %.17g", k, g.cell[0][2],
               g.cell[0][3]);
        EXPECT(g.cell[1][2] == (is_length ? 0.5 : 1) && g.cell[1][3] == (is_length ? 0.5 : 1),
               "rule %d, second row: %.17g, %.17g", k, g.cell[1][2], g.cell[1][3]);
        EXPECT(g.cell[2][2] == 0 && g.cell[2][3] == 1, "rule %d, third row: %.17g, %.17g", k, g.cell[2][2],
               g.cell[2][3]);
    }
    fn_zone_free(zone);
}

/* South-up, turned, and cells that are not square. */
static void rasters(void)
{
    const double south_up[6] = {0, 1, 0, 0, 0, 1}, h = 0.70710678, turned[6] = {3, h, h, 6, h, -h};
    const double quarter[6] = {0, 0, 1, 0, 1, 0}, degrees[6] = {7, 1.0 / 3600, 0, 48, 0, -1.0 / 3600};
    fn_zone *zone = zone_of("POLYGON((0 4,2 4,2 6,0 6,0 4))", south_up, NULL);
    grid g = grid_of(zone, FN_PIXELS_CENTER, 6, 6);
    EXPECT(g.sum == 4 && g.cell[4][0] == 1 && g.cell[5][1] == 1, "south-up: %g", g.sum);
    fn_zone_free(zone);
    const double centres = sum_of("POLYGON((5 4,8 4,8 8,5 8,5 4))", turned, FN_PIXELS_CENTER, NULL);
    const double area = sum_of("POLYGON((5 4,8 4,8 8,5 8,5 4))", turned, FN_PIXELS_FRACTION, NULL);
    EXPECT(centres == 13, "turned: %g", centres);
    EXPECT(fabs(area - 12) < 1e-6, "turned: %.17g", area);
    zone = zone_of("POLYGON((0 4,2 4,2 6,0 6,0 4))", quarter, NULL);
    g = grid_of(zone, FN_PIXELS_TOUCHED, 6, 6);
    EXPECT(g.sum == 4 && g.cell[0][4] == 1 && g.cell[1][5] == 1, "turned by a quarter: %g", g.sum);
    fn_zone_free(zone);
    EXPECT(sum_of("POLYGON((7 48,7.0005 48,7.0005 47.9995,7 47.9995,7 48))", degrees, FN_PIXELS_FRACTION, NULL) > 3.2,
           "degrees");
    fn_error err;
    bytes b = wkb_of("POINT(1 1)");
    const double flat[6] = {0, 1, 1, 0, 1, 1}, wild[6] = {0, NAN, 0, 0, 0, 1};
    EXPECT(fn_zone_new(b.data, b.n, flat, &zone, NULL, &err) == FN_ERR_ARGUMENT && !zone, "no inverse");
    EXPECT_ERROR_TEXT(err, "no inverse");
    EXPECT(fn_zone_new(b.data, b.n, wild, &zone, NULL, &err) == FN_ERR_ARGUMENT && !zone, "NaN");
    free(b.data);
}

/* A vertex at a whole number of cells stays there, where the inverse of the geotransform would move it. */
static void whole_numbers(void)
{
    for (int cell = 1; cell <= 90; cell++)
        for (int k = 1; k <= 30; k++) {
            const double g[6] = {440720, cell, 0, 3751320, 0, -cell};
            char wkt[400];
            const double x = g[0] + cell * k, y = g[3] - cell * k;
            snprintf(wkt, sizeof wkt, "POLYGON((%.17g %.17g,%.17g %.17g,%.17g %.17g,%.17g %.17g))", x, y, x + cell, y,
                     x + cell, y - cell, x, y - cell);
            fn_zone *zone = zone_of(wkt, g, NULL);
            const grid touched = grid_of(zone, FN_PIXELS_TOUCHED, SIDE, SIDE);
            EXPECT(touched.sum == 1 && touched.cell[k][k] == 1, "cells of %d, cell %d: %g", cell, k, touched.sum);
            fn_zone_free(zone);
        }
}

/* ---- partitions ---- */

static void partition(const char *name, const char *const *parts, size_t n)
{
    for (int rule = 0; rule < 2; rule++) {
        grid all = {.consistent = true};
        for (size_t i = 0; i < n; i++) {
            fn_zone *zone = zone_of(parts[i], kNorthUp, NULL);
            const grid g = grid_of(zone, kRules[rule], 6, 6);
            for (int row = 0; row < 6; row++)
                for (int column = 0; column < 6; column++)
                    all.cell[row][column] += g.cell[row][column];
            fn_zone_free(zone);
        }
        for (int row = 0; row < 6; row++)
            for (int column = 0; column < 6; column++)
                EXPECT(fabs(all.cell[row][column] - 1) <= (rule == 0 ? 0 : 1e-13), "%s, rule %d: row %d, column %d: %g",
                       name, rule, row, column, all.cell[row][column]);
    }
}

static void partitions(void)
{
    partition("vertical bands",
              (const char *[]){"POLYGON((0 0,2.5 0,2.5 6,0 6,0 0))", "POLYGON((2.5 0,2.5 6,4.5 6,4.5 0,2.5 0))",
                               "POLYGON((4.5 0,6 0,6 6,4.5 6,4.5 0))"},
              3);
    partition("horizontal bands",
              (const char *[]){"POLYGON((0 0,6 0,6 2.5,0 2.5,0 0))", "POLYGON((0 2.5,0 3.5,6 3.5,6 2.5,0 2.5))",
                               "POLYGON((0 3.5,6 3.5,6 6,0 6,0 3.5))"},
              3);
    partition("triangles", (const char *[]){"POLYGON((0 0,6 6,0 6,0 0))", "POLYGON((0 0,6 0,6 6,0 0))"}, 2);
    partition("triangles, the other diagonal",
              (const char *[]){"POLYGON((0 6,6 0,0 0,0 6))", "POLYGON((0 6,6 0,6 6,0 6))"}, 2);
    partition("a fan around a centre",
              (const char *[]){"POLYGON((2.5 2.5,0 0,6 0,2.5 2.5))", "POLYGON((2.5 2.5,6 0,6 6,2.5 2.5))",
                               "POLYGON((2.5 2.5,6 6,0 6,2.5 2.5))", "POLYGON((2.5 2.5,0 6,0 0,2.5 2.5))"},
              4);
    partition("a hole and what fills it",
              (const char *[]){"POLYGON((0 0,6 0,6 6,0 6,0 0),(1.5 1.5,4.5 2.1,3.3 4.5,1.5 1.5))",
                               "POLYGON((1.5 1.5,4.5 2.1,3.3 4.5,1.5 1.5))"},
              2);
}

/* ---- windows ---- */

static check_random dice;

/* A star of n vertices around the middle, some of them far outside of the raster, in pixel space. */
static bytes star(int n, double radius)
{
    bytes b = {0};
    put_head(&b, 3);
    put_number(&b, 1);
    put_number(&b, (uint32_t)n);
    for (int i = 0; i < n; i++) {
        const double angle = 6.283185307179586 * i / n;
        const double r = random_between(&dice, 0, 9) == 0 ? 40 * radius : random_uniform(&dice, 0.1 * radius, radius);
        put(&b, (double[]){SIDE / 2.0 + r * cos(angle), SIDE / 2.0 + r * sin(angle)}, 16);
    }
    return b;
}

static void same_in_each_window(void)
{
    dice = random_for("windows");
    for (int i = 0; i < 60; i++) {
        bytes b = star(i < 58 ? (int)random_between(&dice, 3, 700) : 20000, random_uniform(&dice, 2, 60));
        fn_zone *zone;
        REQUIRE(fn_zone_new(b.data, b.n, kPixels, &zone, NULL, NULL) == FN_OK, "star %d", i);
        free(b.data);
        for (int k = 0; k < 3; k++) {
            const grid whole = grid_of(zone, kRules[k], SIDE, SIDE);
            EXPECT(whole.consistent, "star %d", i);
            for (int cut = 0; cut < 6; cut++) {
                const int64_t width = cut == 0 ? 1 : cut == 1 ? SIDE : random_between(&dice, 1, SIDE);
                const int64_t height = cut == 0 ? SIDE : cut == 1 ? 1 : random_between(&dice, 1, SIDE);
                grid parts = {.consistent = true};
                for (int64_t y = 0; y < SIDE; y += height)
                    for (int64_t x = 0; x < SIDE; x += width)
                        fill_grid(&parts, zone, kRules[k],
                                  (fn_window){x, y, x + width < SIDE ? width : SIDE - x,
                                              y + height < SIDE ? height : SIDE - y});
                EXPECT(memcmp(parts.cell, whole.cell, sizeof whole.cell) == 0 && parts.consistent,
                       "star %d, rule %d: windows of %d x %d say other than the whole", i, k, (int)width, (int)height);
            }
        }
        fn_zone_free(zone);
    }
}

/* Several zones as one: in each window the sums of their coverages, in the order of the zones, at most 1. */
static void groups(void)
{
    enum { MOST = 9 };
    dice = random_for("groups");
    for (int i = 0; i < 300; i++) {
        fn_zone *zones[MOST];
        const size_t n = (size_t)random_between(&dice, 0, MOST);
        for (size_t z = 0; z < n; z++) {
            bytes b = star((int)random_between(&dice, 3, 30), random_uniform(&dice, 1, 30));
            REQUIRE(fn_zone_new(b.data, b.n, kPixels, &zones[z], NULL, NULL) == FN_OK, "star");
            free(b.data);
        }
        for (int k = 0; k < 3; k++) {
            const fn_window window = {random_between(&dice, 0, 20), random_between(&dice, 0, 20), SIDE - 20, SIDE - 20};
            grid want = {.sum = 0}, found = {.sum = 0};
            for (size_t z = 0; z < n; z++) {
                grid one = {.consistent = true};
                fill_grid(&one, zones[z], kRules[k], window);
                for (int c = 0; c < SIDE * SIDE; c++)
                    (&want.cell[0][0])[c] += (&one.cell[0][0])[c];
            }
            for (int c = 0; c < SIDE * SIDE; c++)
                (&want.cell[0][0])[c] = fmin((&want.cell[0][0])[c], 1);
            const fn_cells *spans;
            size_t count;
            bool consistent;
            REQUIRE(fn_coverage_find_group(coverage, (const fn_zone *const *)zones, n, kRules[k], window, &spans,
                                           &count, &consistent, NULL) == FN_OK,
                    "group %d", i);
            for (size_t s = 0; s < count; s++)
                for (int c = 0; c < spans[s].count; c++)
                    found.cell[spans[s].row][spans[s].column + c] += spans[s].coverage;
            EXPECT(memcmp(found.cell, want.cell, sizeof want.cell) == 0, "group %d of %zu, rule %d", i, n, k);
            EXPECT(consistent, "group %d", i);
        }
        for (size_t z = 0; z < n; z++)
            fn_zone_free(zones[z]);
    }
}

static void windows_that_cannot_be(void)
{
    static const fn_window bad[] = {{-1, 0, 5, 5},
                                    {0, -1, 5, 5},
                                    {0, 0, -1, 5},
                                    {0, 0, 5, -1},
                                    {INT64_MAX, 0, INT64_MAX, 5},
                                    {0, INT32_MAX, 5, 1},
                                    {0, 0, (int64_t)INT32_MAX + 1, 1}};
    fn_zone *zone = zone_of("POLYGON((0 0,6 0,6 6,0 6,0 0))", kPixels, NULL);
    const fn_cells *spans;
    size_t n = 1;
    bool consistent;
    fn_error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(fn_coverage_find(coverage, zone, FN_PIXELS_CENTER, bad[i], &spans, &n, &consistent, &err) ==
                       FN_ERR_ARGUMENT &&
                   n == 0,
               "window %zu", i);
        EXPECT_ERROR_TEXT(err, "window %zu", i);
        EXPECT(fn_coverage_find_group(coverage, (const fn_zone *const *)&zone, 1, FN_PIXELS_CENTER, bad[i], &spans, &n,
                                      &consistent, &err) == FN_ERR_ARGUMENT &&
                   n == 0,
               "window %zu of a group", i);
    }
    EXPECT(fn_coverage_find(coverage, zone, FN_PIXELS_CENTER, (fn_window){0, 0, INT32_MAX, INT32_MAX}, &spans, &n,
                            &consistent, &err) == FN_OK &&
               n == 6,
           "the largest window: %zu spans", n);
    EXPECT(fn_coverage_find(coverage, zone, FN_PIXELS_CENTER, (fn_window){3, 3, 0, 2}, &spans, &n, &consistent, &err) ==
                   FN_OK &&
               n == 0,
           "an empty window: %zu spans", n);
    fn_zone_free(zone);
}

/* ---- coordinates that are wild, or not numbers ---- */

static void wild_coordinates(void)
{
    static const struct {
        const char *wkt;
        fn_usable usable;
        double fraction, center;
    } zones[] = {
        {"POLYGON((-1e300 -1e300,1e300 -1e300,1e300 1e300,-1e300 1e300))", FN_USABLE, 36, 36},
        {"POLYGON((-1e300 0,1e300 0,1e300 3,-1e300 3))", FN_USABLE, 18, 18},
        {"POLYGON((-1e15 -1e15,1e15 1e15,-1e15 1e15))", FN_USABLE, 18, 15},
        {"POLYGON((-1e300 -1e300,1e300 1e300,-1e300 1e300))", FN_USABLE, 18, 15},
        {"POLYGON((-1e100 -1e99,1e100 1e99,1e100 -1e99))", FN_USABLE, 1.8, 1},
        {"POLYGON((1e300 1e300,1.1e300 1e300,1.1e300 1.1e300))", FN_USABLE, 0, 0},
        {"POLYGON((3.5 3.5,1e-320 3.5,1e-320 1e-320))", FN_USABLE, 6.125, 3},
        {"POLYGON((0 0,1 0,nan 1))", FN_UNUSABLE_NOT_FINITE, 0, 0},
        {"POLYGON((0 0,1 0,inf 1))", FN_UNUSABLE_NOT_FINITE, 0, 0},
        {"LINESTRING(0 0,-inf 1)", FN_UNUSABLE_NOT_FINITE, 0, 0},
        {"MULTIPOINT(1 1,nan 1)", FN_UNUSABLE_NOT_FINITE, 0, 0},
        {"MULTIPOINT(1 1,1e300 1,-1e300 1e-320)", FN_USABLE, 1, 1},
        {"LINESTRING(-1e300 2.5,1e300 2.5)", FN_USABLE, 6, 6},
        {"POLYGON EMPTY", FN_UNUSABLE_EMPTY, 0, 0},
    };
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        fn_usable usable;
        fn_zone *zone = zone_of(zones[i].wkt, kPixels, &usable);
        EXPECT(usable == zones[i].usable, "%s: usable %d", zones[i].wkt, usable);
        const grid fraction = grid_of(zone, FN_PIXELS_FRACTION, 6, 6), center = grid_of(zone, FN_PIXELS_CENTER, 6, 6);
        EXPECT(fabs(fraction.sum - zones[i].fraction) < 1e-12, "%s: fraction %.17g", zones[i].wkt, fraction.sum);
        EXPECT(center.sum == zones[i].center, "%s: centres %g", zones[i].wkt, center.sum);
        fn_zone_free(zone);
    }
    const double tiny[6] = {0, 1e-150, 0, 0, 0, 1e-150};
    fn_usable usable;
    fn_zone *zone = zone_of("POINT(1e300 1)", tiny, &usable);
    EXPECT(usable == FN_UNUSABLE_NOT_FINITE && fn_zone_extent(zone).width == 0, "beyond doubles in pixel space");
    fn_zone_free(zone);
    bytes b = wkb_of("POLYGON((0 0,1 0,1 1,0 0))");
    for (size_t n = 0; n < b.n; n++) {
        REQUIRE(fn_zone_new(b.data, n, kPixels, &zone, &usable, NULL) == FN_OK, "%zu bytes", n);
        EXPECT(usable == FN_UNUSABLE_WKB && fn_zone_vertices(zone) == 0, "cut off after %zu bytes", n);
        fn_zone_free(zone);
    }
    free(b.data);
    fn_zone_free(NULL);
    fn_coverage_free(NULL);
}

/* Far from the origin, where few bits are left for the place in a cell, a share is still that of the doubles. */
static void far_from_the_origin(void)
{
    const double at = 0x1p30;
    char wkt[400];
    snprintf(wkt, sizeof wkt, "POLYGON((%.17g %.17g,%.17g %.17g,%.17g %.17g))", at + 0.25, at, at + 0.75, at, at + 0.25,
             at + 2.0);
    fn_zone *zone = zone_of(wkt, kPixels, NULL);
    const fn_cells *spans;
    size_t n;
    bool consistent;
    const int64_t whole = 1 << 30;
    REQUIRE(fn_coverage_find(coverage, zone, FN_PIXELS_FRACTION, (fn_window){whole - 5, whole - 5, 20, 20}, &spans, &n,
                             &consistent, NULL) == FN_OK,
            "far");
    EXPECT(n == 2 && spans[0].coverage == 0.375 && spans[1].coverage == 0.125 && spans[1].row == (1 << 30) + 1,
           "%zu spans", n);
    fn_zone_free(zone);
}

/* More windings than bits of a sum, in one cell and across cells: told, and cut. */
static void many_windings(void)
{
    bytes b = {0};
    put_head(&b, 6);
    put_number(&b, 300);
    for (int i = 0; i < 300; i++) {
        put_head(&b, 3);
        put_number(&b, 1);
        put_number(&b, 4);
        for (int k = 0; k < 4; k++)
            put(&b, (double[]){1.25 + (k == 1 || k == 2 ? 3 : 0), 1.25 + (k > 1 ? 3 : 0)}, 16);
    }
    fn_zone *zone;
    REQUIRE(fn_zone_new(b.data, b.n, kPixels, &zone, NULL, NULL) == FN_OK, "300 squares");
    for (int k = 0; k < 3; k++) {
        const grid g = grid_of(zone, kRules[k], 6, 6);
        EXPECT(!g.consistent && g.cell[2][2] == 1 && g.cell[1][2] == 1 && g.cell[3][3] == 1, "rule %d", k);
        grid right = {.consistent = true};
        fill_grid(&right, zone, kRules[k], (fn_window){2, 0, 4, 6});
        EXPECT(!right.consistent && right.cell[2][2] == 1, "rule %d, left of the window", k);
    }
    fn_zone_free(zone);
    b.n = 0;
    put_head(&b, 3);
    put_number(&b, 1);
    put_number(&b, 40000);
    for (int i = 0; i < 40000; i++)
        put(&b, (double[]){1.1 + 0.8 * ((i + 1) / 2 % 2), 1.1 + 0.8 * (i / 2 % 2)}, 16);
    REQUIRE(fn_zone_new(b.data, b.n, kPixels, &zone, NULL, NULL) == FN_OK, "round and round");
    const grid g = grid_of(zone, FN_PIXELS_FRACTION, 6, 6);
    EXPECT(!g.consistent && g.cell[1][1] == 1 && g.sum == 1, "round and round a cell: %g", g.sum);
    fn_zone_free(zone);
    free(b.data);
}

/* A line may be longer in a cell than any cell is wide. */
static void long_line(void)
{
    bytes b = {0};
    put_head(&b, 2);
    put_number(&b, 1001);
    for (int i = 0; i < 1001; i++)
        put(&b, (double[]){3.25 + 0.5 * (i % 2), 3.5}, 16);
    fn_zone *zone;
    REQUIRE(fn_zone_new(b.data, b.n, kPixels, &zone, NULL, NULL) == FN_OK, "to and fro");
    const grid fraction = grid_of(zone, FN_PIXELS_FRACTION, 6, 6), touched = grid_of(zone, FN_PIXELS_TOUCHED, 6, 6);
    EXPECT(fraction.cell[3][3] == 500 && fraction.sum == 500, "%.17g", fraction.sum);
    EXPECT(touched.cell[3][3] == 1 && touched.sum == 1, "%g", touched.sum);
    fn_zone_free(zone);
    free(b.data);
}

/* ---- memory ---- */

/* Makes a zone, asks for its cells twice, and sums them up. */
static fn_status all_of_it(const bytes *b, bool warm, double *sum, long *in_second, fn_error *err)
{
    fn_zone *zone = NULL;
    fn_coverage *own = NULL;
    const fn_cells *spans = NULL;
    size_t n = 0;
    bool consistent;
    *sum = 0;
    fn_status status = fn_coverage_new(&own, err);
    if (status == FN_OK)
        status = fn_zone_new(b->data, b->n, kPixels, &zone, NULL, err);
    for (int round = 0; status == FN_OK && round < 2; round++) {
        const long before = allocations;
        for (int k = 0; status == FN_OK && k < 3; k++) {
            status = fn_coverage_find(own, zone, kRules[k], (fn_window){3, 3, 50, 50}, &spans, &n, &consistent, err);
            for (size_t i = 0; i < n; i++)
                *sum += (double)spans[i].count * spans[i].coverage;
            if (status == FN_OK)
                status = fn_coverage_find_group(own, (const fn_zone *[]){zone, zone}, 2, kRules[k],
                                                (fn_window){3, 3, 50, 50}, &spans, &n, &consistent, err);
            for (size_t i = 0; i < n; i++)
                *sum += (double)spans[i].count * spans[i].coverage;
            if (status != FN_OK) { /* and can be asked again */
                const long was = failing;
                failing = LONG_MAX;
                EXPECT(fn_coverage_find(own, zone, kRules[k], (fn_window){3, 3, 50, 50}, &spans, &n, &consistent,
                                        NULL) == FN_OK,
                       "after a failure");
                failing = was;
            }
        }
        *in_second = allocations - before;
    }
    fn_coverage_free(own);
    fn_zone_free(zone);
    EXPECT(!warm || *in_second == 0, "%ld allocations of a coverage that is warm", *in_second);
    return status;
}

static void failing_memory(void)
{
    dice = random_for("memory");
    bytes cases[2] = {star(3000, 60), wkb_of("MULTIPOINT(4 4,5 5,6 6,7 7)")};
    for (int i = 0; i < 2; i++) {
        double right, sum;
        long in_second;
        fn_error err;
        allocations = 0;
        REQUIRE(all_of_it(&cases[i], true, &right, &in_second, &err) == FN_OK && right > 0, "case %d", i);
        const long n = allocations;
        for (long first = 1; first <= n; first++) {
            allocations = 0;
            failing = first;
            const fn_status status = all_of_it(&cases[i], false, &sum, &in_second, &err);
            failing = LONG_MAX;
            EXPECT(status == FN_ERR_MEMORY || (status == FN_OK && sum == right), "allocation %ld: status %d", first,
                   status);
            if (status != FN_OK)
                EXPECT_ERROR_TEXT(err, "allocation %ld", first);
        }
        printf("%ld allocations\n", n);
        free(cases[i].data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(known_zones),
        UNIT(known_cells),
        UNIT(along_a_border),
        UNIT(rasters),
        UNIT(whole_numbers),
        UNIT(partitions),
        UNIT(same_in_each_window),
        UNIT(many_windings),
        UNIT(long_line),
        UNIT(windows_that_cannot_be),
        UNIT(wild_coordinates),
        UNIT(far_from_the_origin),
        UNIT(groups),
        UNIT(failing_memory),
    };
    if (fn_coverage_new(&coverage, NULL) != FN_OK)
        return 1;
    const int failed = (check_main(tests));
    fn_coverage_free(coverage);
    return failed;
}
