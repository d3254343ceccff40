/* near.c - seconds that the core needs for a near table in memory. See near.py.
 *
 *     bench_near INPUT.wkb NEAR.wkb THREADS [closest=K] [radius=R] [geodesic]
 *
 * Geometries are in memory before the clock starts, points as coordinates, as the peers have them. radius without closest: all
 * within it. Prints: seconds for filling and building the set, seconds for searching, rows, sum of the distances.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#endif
#include "fishnet/near.h"
#include "near_file.h"

#include <math.h>

#define CHUNK ((size_t)16384) /* at most: the plugin's tasks are as large */
#define POINT_BYTES 21

static void die(fn_status status, const fn_error *err)
{
    if (status != FN_OK) {
        fprintf(stderr, "%s\n", err->text);
        exit(1);
    }
}

/* The coordinates if all are points, else NULL. */
static double *points_of(const wkb_file *file)
{
    double *xy = malloc(file->n * 2 * sizeof *xy);
    for (size_t i = 0; xy && i < file->n; ++i) {
        if (file->size[i] != POINT_BYTES) {
            free(xy);
            return NULL;
        }
        memcpy(xy + 2 * i, file->wkb[i] + 5, 16);
    }
    return xy;
}

static fn_near *build(const wkb_file *near, const double *xy, bool geodesic, int threads)
{
    fn_error err = {0};
    fn_near *set;
    int64_t *fids = malloc(near->n * sizeof *fids);
    if (!fids)
        exit(1);
    for (size_t i = 0; i < near->n; ++i)
        fids[i] = (int64_t)i;
    die(fn_near_new(&(fn_near_options){.geodesic = geodesic}, &set, &err), &err);
    if (xy)
        die(fn_near_add_points(set, near->n, xy, fids, NULL, 0, NULL, NULL, &err), &err);
    for (size_t i = 0; !xy && i < near->n; ++i) {
        fn_usable usable;
        die(fn_near_add_wkb(set, near->wkb[i], near->size[i], fids[i], FN_NO_GROUP, 0, &usable, &err), &err);
    }
    die(fn_near_build(set, threads, NULL, &err), &err);
    free(fids);
    return set;
}

typedef struct search {
    const wkb_file *input;
    const double *xy; /* or NULL */
    const fn_near *set;
    fn_near_limits limits;
} search;

/* Input features from `first` to before `last`; adds up rows and distances. */
static void search_range(const search *s, fn_searcher *searcher, fn_neighbour *many, uint32_t *counts,
                         fn_usable *usable, size_t first, size_t last, size_t *rows, double *sum)
{
    fn_error err = {0};
    if (many) {
        die(fn_searcher_find_points(searcher, last - first, s->xy + 2 * first, NULL, -1, NULL, many, counts, usable,
                                    NULL, &err),
            &err);
        for (size_t i = 0; i < last - first; ++i) {
            *rows += counts[i];
            for (size_t k = 0; k < counts[i]; ++k)
                *sum += many[i * s->limits.closest + k].distance;
        }
        return;
    }
    for (size_t i = first; i < last; ++i) {
        const fn_neighbour *found;
        size_t n;
        die(s->xy ? fn_searcher_find_point(searcher, s->xy[2 * i], s->xy[2 * i + 1], FN_NO_GROUP, FN_NOT_EXCLUDED,
                                           &found, &n, NULL, NULL, &err)
                  : fn_searcher_find_wkb(searcher, s->input->wkb[i], s->input->size[i], FN_NO_GROUP, FN_NOT_EXCLUDED,
                                         &found, &n, NULL, NULL, &err),
            &err);
        *rows += n;
        for (size_t k = 0; k < n; ++k)
            *sum += found[k].distance;
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: bench_near INPUT.wkb NEAR.wkb THREADS [closest=K] [radius=R] [geodesic]\n");
        return 2;
    }
    const int threads = atoi(argv[3]);
    fn_near_limits limits = {.closest = 0, .radius = INFINITY};
    bool geodesic = false;
    for (int i = 4; i < argc; ++i) {
        if (strncmp(argv[i], "closest=", 8) == 0)
            limits.closest = strtoul(argv[i] + 8, NULL, 10);
        else if (strncmp(argv[i], "radius=", 7) == 0)
            limits.radius = strtod(argv[i] + 7, NULL);
        else
            geodesic = true;
    }
    if (!limits.closest)
        limits.closest = isinf(limits.radius) ? 1 : SIZE_MAX;

    wkb_file input = wkb_file_load(argv[1]), near = wkb_file_load(argv[2]);
    double *xy = points_of(&input), *near_xy = points_of(&near);
    const double start = now();
    fn_near *set = build(&near, near_xy, geodesic, threads);
    const double built = now();

    const search s = {&input, xy, set, limits};
    const bool bulk = xy && limits.closest <= FN_BULK_CLOSEST;
    const size_t share = input.n / (size_t)(8 * threads) + 1, chunk = share < CHUNK ? share : CHUNK;
    const long chunks = (long)((input.n + chunk - 1) / chunk);
    size_t rows = 0;
    double sum = 0;
#pragma omp parallel num_threads(threads) reduction(+ : rows, sum)
    {
        fn_error err = {0};
        fn_searcher *searcher;
        fn_neighbour *many = bulk ? malloc(CHUNK * limits.closest * sizeof *many) : NULL;
        uint32_t *counts = malloc(CHUNK * sizeof *counts);
        fn_usable *usable = malloc(CHUNK * sizeof *usable);
        if ((bulk && !many) || !counts || !usable)
            exit(1);
        die(fn_searcher_new(set, &limits, &searcher, &err), &err);
#pragma omp for schedule(dynamic)
        for (long c = 0; c < chunks; ++c) {
            const size_t first = (size_t)c * chunk, last = first + chunk < input.n ? first + chunk : input.n;
            search_range(&s, searcher, many, counts, usable, first, last, &rows, &sum);
        }
        fn_searcher_free(searcher);
        free(many);
        free(counts);
        free(usable);
    }
    printf("%.6f %.6f %zu %.17g\n", built - start, now() - built, rows, sum);
    fn_near_free(set);
    free(xy);
    free(near_xy);
    wkb_file_free(&input);
    wkb_file_free(&near);
    return 0;
}
