/* terrain_kernels.c - nanoseconds per cell that one thread needs for a terrain function of a plane in memory.
 *
 *     bench_terrain [NAME]
 *
 * A strip of 1024 x 64 doubles, as rasters are computed: it stays in the cache. NAME: only the lines that begin with
 * it. Prints for each the best of five runs, in processor time: where all cells have values, where a tenth of them is
 * missing in a lake, and where one in a thousand is missing.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#endif
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fishnet/simd.h"
#include "terrain.h"

enum { WIDTH = 1024, HEIGHT = 64, REACH = 1, STRIDE = WIDTH + 2 * REACH, REPEATS = 40, RUNS = 5 };

typedef struct row {
    const char *name;
    fn_terrain_options options;
} row;

#define ROW(name, kind_of, ...)                                                                                        \
    {                                                                                                                  \
        name,                                                                                                          \
        {                                                                                                              \
            .kind = kind_of, .z_factor = 1, .flat = NAN, .azimuth = 315, .altitude = 45, .size = 3, __VA_ARGS__        \
        }                                                                                                              \
    }

static const row rows[] = {
    ROW("slope", FN_SLOPE, .unit = FN_SLOPE_DEGREES),
    ROW("slope percent", FN_SLOPE, .unit = FN_SLOPE_PERCENT),
    ROW("slope gdal", FN_SLOPE, .edge = FN_EDGE_GDAL),
    ROW("aspect", FN_ASPECT, .angle = FN_ANGLE_AZIMUTH),
    ROW("hillshade", FN_HILLSHADE, .hillshade = FN_HILLSHADE_REGULAR),
    ROW("hillshade combined", FN_HILLSHADE, .hillshade = FN_HILLSHADE_COMBINED),
    ROW("hillshade multi", FN_HILLSHADE, .hillshade = FN_HILLSHADE_MULTIDIRECTIONAL),
    ROW("hillshade igor", FN_HILLSHADE, .hillshade = FN_HILLSHADE_IGOR),
    ROW("curvature", FN_CURVATURE, .curvature = FN_CURVATURE_PROFILE),
    ROW("tpi", FN_TPI, ),
    ROW("tri", FN_TRI, .tri = FN_TRI_RILEY),
    ROW("tri wilson", FN_TRI, .tri = FN_TRI_WILSON),
    ROW("roughness", FN_ROUGHNESS, ),
};

static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Hills with noise. kind: what is missing, 0 nothing, 1 a lake, 2 here and there. */
static void fill_hills(double *cells, int kind)
{
    uint64_t state = 1;
    for (int y = 0; y < HEIGHT + 2 * REACH; y++)
        for (int x = 0; x < STRIDE; x++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            const double noise = (double)(state >> 40) * 0x1p-24;
            const double z = 500 + 300 * sin(x / 97.0) * cos(y / 71.0) + 20 * noise;
            const bool lake = fabs(x - 512 + 20 * sin(y / 9.0)) < 51;
            cells[y * STRIDE + x] = (kind == 1 && lake) || (kind == 2 && state % 1000 == 0) ? (double)NAN : z;
        }
}

static double time_of(const fn_terrain *terrain, const double *cells, double *out, void *scratch)
{
    double best = INFINITY;
    for (int run = 0; run < RUNS; run++) {
        const double start = processor_time();
        for (int i = 0; i < REPEATS; i++)
            fn_terrain_run(terrain, cells + REACH * STRIDE + REACH, STRIDE, 1000, 1000, WIDTH, HEIGHT, out, WIDTH,
                           scratch);
        best = fmin(best, processor_time() - start);
    }
    return best / REPEATS / (WIDTH * HEIGHT);
}

int main(int argc, char **argv)
{
    const fn_georeference meters = {
        .known = true, .width = 5000, .height = 5000, .geotransform = {0, 30, 0, 0, 0, -30}};
    double *cells = malloc(sizeof(double) * STRIDE * (HEIGHT + 2 * REACH)),
           *out = malloc(sizeof(double) * WIDTH * HEIGHT);
    if (!cells || !out)
        return 1;
    printf("%s; ns per cell\n%-20s %8s %8s %8s\n", fn_simd_name(fn_simd_best()), "", "whole", "lake", "holes");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (argc > 1 && strncmp(rows[i].name, argv[1], strlen(argv[1])) != 0)
            continue;
        fn_terrain terrain;
        if (fn_terrain_init(&terrain, &rows[i].options, &meters, NULL) != FN_OK)
            return 1;
        void *scratch = malloc(fn_terrain_scratch_bytes(&terrain));
        if (!scratch)
            return 1;
        printf("%-20s", rows[i].name);
        for (int kind = 0; kind < 3; kind++) {
            fill_hills(cells, kind);
            printf(" %8.2f", 1e9 * time_of(&terrain, cells, out, scratch));
        }
        printf("\n");
        free(scratch);
    }
    free(cells);
    free(out);
    return 0;
}
