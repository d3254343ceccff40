/* focal_kernels.c - nanoseconds per cell that one thread needs for focal statistics of a plane in memory.
 *
 *     bench_focal [SIDE [NAME]]
 *
 * SIDE x SIDE doubles (2048), computed in tiles of 1024. NAME: only the lines that begin with it. Prints for each the
 * best of three runs, in processor time: for values that are floats, for doubles, and for floats of which one in a
 * thousand is missing.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#endif
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "focal.h"

enum { ROOM = 250, TILE = 1024 };

typedef struct row {
    const char *name;
    fn_focal_statistic statistic;
    char shape; /* b: box, c: circle, g: gaussian */
    int size;
} row;

static const row rows[] = {
    {"mean 3x3", FN_FOCAL_MEAN, 'b', 3},
    {"mean 11x11", FN_FOCAL_MEAN, 'b', 11},
    {"mean 31x31", FN_FOCAL_MEAN, 'b', 31},
    {"mean 99x99", FN_FOCAL_MEAN, 'b', 99},
    {"mean 501x501", FN_FOCAL_MEAN, 'b', 501},
    {"mean circle(10)", FN_FOCAL_MEAN, 'c', 10},
    {"mean circle(50)", FN_FOCAL_MEAN, 'c', 50},
    {"mean gaussian(3)", FN_FOCAL_MEAN, 'g', 3},
    {"min 3x3", FN_FOCAL_MIN, 'b', 3},
    {"min 11x11", FN_FOCAL_MIN, 'b', 11},
    {"min 99x99", FN_FOCAL_MIN, 'b', 99},
    {"min circle(10)", FN_FOCAL_MIN, 'c', 10},
    {"range 11x11", FN_FOCAL_RANGE, 'b', 11},
    {"std 3x3", FN_FOCAL_STD, 'b', 3},
    {"std 11x11", FN_FOCAL_STD, 'b', 11},
    {"std 99x99", FN_FOCAL_STD, 'b', 99},
    {"std circle(10)", FN_FOCAL_STD, 'c', 10},
    {"median 3x3", FN_FOCAL_MEDIAN, 'b', 3},
    {"median 5x5", FN_FOCAL_MEDIAN, 'b', 5},
    {"median 7x7", FN_FOCAL_MEDIAN, 'b', 7},
    {"median 11x11", FN_FOCAL_MEDIAN, 'b', 11},
    {"median 31x31", FN_FOCAL_MEDIAN, 'b', 31},
    {"median 99x99", FN_FOCAL_MEDIAN, 'b', 99},
    {"median circle(10)", FN_FOCAL_MEDIAN, 'c', 10},
    {"percentile 5x5", FN_FOCAL_PERCENTILE, 'b', 5},
    {"majority 3x3", FN_FOCAL_MAJORITY, 'b', 3},
    {"majority 11x11", FN_FOCAL_MAJORITY, 'b', 11},
    {"minority 11x11", FN_FOCAL_MINORITY, 'b', 11},
    {"variety 31x31", FN_FOCAL_VARIETY, 'b', 31},
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static fn_focal *focal_of(const row *r)
{
    fn_footprint *f = NULL;
    fn_focal *focal = NULL;
    const fn_focal_options options = {.statistic = r->statistic, .percent = 90};
    const fn_status status = r->shape == 'b'   ? fn_footprint_box(r->size, r->size, &f, NULL)
                             : r->shape == 'c' ? fn_footprint_circle(r->size, (fn_cell_size){1, 1}, &f, NULL)
                                               : fn_footprint_gaussian(r->size, &f, NULL);
    return status == FN_OK && fn_focal_new(&options, f, &focal, NULL) == FN_OK ? focal : NULL;
}

/* Hills with noise, as a terrain; classes are its whole numbers. */
static void fill_plane(double *cells, size_t side, int kind, bool classes)
{
    double east = 0, south = 0;
    uint64_t state = 1;
    for (size_t i = 0; i < side * side; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const double noise = (double)(state >> 40) * 0x1p-24;
        east = i % 64 == 0 ? sin((double)(i % side) / 97) : east;
        south = i % side == 0 ? cos((double)(i / side) / 71) : south;
        const double v = 500 + 300 * east * south + 20 * noise;
        cells[i] = classes ? floor(v / 40) : kind == 1 ? v : (double)(float)v;
        if (kind == 2 && state % 1000 == 0)
            cells[i] = NAN;
    }
}

static double time_of(const fn_focal *focal, const double *cells, size_t side, double *out, void *scratch)
{
    double best = INFINITY;
    for (int pass = 0; pass < 3; pass++) {
        const double start = now();
        for (size_t y = 0; y < side; y += TILE)
            for (size_t x = 0; x < side; x += TILE)
                fn_focal_run(focal, cells + (y + ROOM) * (side + 2 * ROOM) + ROOM + x, (ptrdiff_t)(side + 2 * ROOM),
                             side - x < TILE ? side - x : TILE, side - y < TILE ? side - y : TILE, out + y * side + x,
                             (ptrdiff_t)side, scratch);
        const double taken = now() - start;
        best = taken < best ? taken : best;
    }
    return best;
}

/* What reading and writing alone cost. */
static double time_of_copy(const double *cells, size_t side, double *out)
{
    double best = INFINITY;
    for (int pass = 0; pass < 3; pass++) {
        const double start = now();
        for (size_t y = 0; y < side; y++)
            memcpy(out + y * side, cells + (y + ROOM) * (side + 2 * ROOM) + ROOM, side * sizeof *out);
        const double taken = now() - start;
        best = taken < best ? taken : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    const size_t side = argc > 1 ? (size_t)atol(argv[1]) : 2048, whole = side + 2 * ROOM;
    double *cells = malloc(whole * whole * sizeof(double));
    double *out = malloc(side * side * sizeof(double));
    if (side == 0 || !cells || !out)
        return 1;
    printf("%zu x %zu, %s; ns per cell\n%-20s %8s %8s %8s\n", side, side, fn_simd_name(fn_simd_best()), "", "floats",
           "doubles", "holes");
    memset(cells, 0, whole * whole * sizeof *cells);
    printf("%-20s %8.2f\n", "copy", 1e9 * time_of_copy(cells, side, out) / (double)(side * side));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (argc > 2 && strncmp(rows[i].name, argv[2], strlen(argv[2])) != 0)
            continue;
        fn_focal *focal = focal_of(&rows[i]);
        void *scratch = focal ? malloc(fn_focal_scratch_bytes(focal, TILE, TILE)) : NULL;
        if (!scratch)
            return 1;
        printf("%-20s", rows[i].name);
        for (int kind = 0; kind < 3; kind++) {
            fill_plane(cells, whole, kind, rows[i].statistic >= FN_FOCAL_MAJORITY);
            printf(" %8.2f", 1e9 * time_of(focal, cells, side, out, scratch) / (double)(side * side));
            fflush(stdout);
        }
        printf("   %.1f MB\n", (double)fn_focal_scratch_bytes(focal, TILE, TILE) / 1e6);
        free(scratch);
        fn_focal_free(focal);
    }
    free(cells);
    free(out);
    return 0;
}
