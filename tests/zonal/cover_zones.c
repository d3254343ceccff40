/* Answers questions about zones: for the test of coverage in Python.
 *
 * stdin: questions, each
 *     6 doubles: geotransform; uint32: rule; uint32: length of the WKB; uint32: number of windows
 *     the WKB; the windows: 4 int64 each
 * stdout: for each question
 *     uint32: why the geometry is unusable, or 0; 4 int64: extent
 *     for each window: uint32: consistent; uint32: number of spans; the spans: 3 int32 and a double each
 * All in the machine's byte order. One coverage serves all, as in a worker. */
#include <stdio.h>
#include <stdlib.h>

#include "fishnet/coverage.h"

static void fail(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void get(void *to, size_t bytes)
{
    if (bytes > 0 && fread(to, bytes, 1, stdin) != 1)
        fail("the question ends early");
}

static void put(const void *from, size_t bytes)
{
    if (bytes > 0 && fwrite(from, bytes, 1, stdout) != 1)
        fail("cannot write");
}

static void answer_window(fn_coverage *coverage, const fn_zone *zone, fn_pixels pixels)
{
    fn_window window;
    const fn_cells *spans = NULL;
    size_t n;
    bool consistent;
    fn_error err;
    get(&window, sizeof window);
    if (fn_coverage_find(coverage, zone, pixels, window, &spans, &n, &consistent, &err) != FN_OK)
        fail(err.text);
    const uint32_t head[2] = {consistent, (uint32_t)n};
    put(head, sizeof head);
    for (size_t i = 0; i < n; i++) {
        const int32_t cells[3] = {(int32_t)spans[i].row, (int32_t)spans[i].column, (int32_t)spans[i].count};
        put(cells, sizeof cells);
        put(&spans[i].coverage, sizeof(double));
    }
}

int main(void)
{
    double geotransform[6];
    fn_coverage *coverage;
    fn_error err;
    if (fn_coverage_new(&coverage, &err) != FN_OK)
        fail(err.text);
    while (fread(geotransform, sizeof geotransform, 1, stdin) == 1) {
        uint32_t head[3];
        get(head, sizeof head);
        uint8_t *wkb = malloc(head[1] + 1);
        fn_zone *zone;
        fn_usable usable;
        if (!wkb)
            fail("out of memory");
        get(wkb, head[1]);
        if (fn_zone_new(wkb, head[1], geotransform, &zone, &usable, &err) != FN_OK)
            fail(err.text);
        free(wkb);
        const uint32_t why = usable;
        const fn_window extent = fn_zone_extent(zone);
        put(&why, sizeof why);
        put(&extent, sizeof extent);
        for (uint32_t i = 0; i < head[2]; i++)
            answer_window(coverage, zone, (fn_pixels)head[0]);
        fn_zone_free(zone);
    }
    fn_coverage_free(coverage);
    return fflush(stdout) == 0 ? 0 : 1;
}
