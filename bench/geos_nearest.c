/* geos_nearest.c - seconds that GEOS's own tree needs for the nearest of each: GEOSSTRtree_nearest_generic_r. See near.py.
 *
 *     bench_geos INPUT.wkb NEAR.wkb THREADS [prepared]
 *
 * prepared: the near geometries are prepared, by each thread for itself, when first met. Geometries are in memory before the clock
 * starts. Prints: seconds for building the tree, seconds for searching, rows, sum of the distances.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#endif
#include "near_file.h"

#include <geos_c.h>
#include <stdbool.h>

typedef struct item {
    const GEOSGeometry *geometry;
    size_t number;
    bool near; /* in the tree, not asked for */
} item;

typedef struct searcher {
    GEOSContextHandle_t geos;
    const GEOSPreparedGeometry **prepared; /* by number, or NULL */
} searcher;

static int distance(const void *one, const void *other, double *result, void *user)
{
    const item *a = one, *b = other;
    searcher *s = user;
    if (!s->prepared)
        return GEOSDistance_r(s->geos, a->geometry, b->geometry, result);
    if (!b->near) {
        const item *swap = a;
        a = b;
        b = swap;
    }
    if (!s->prepared[b->number])
        s->prepared[b->number] = GEOSPrepare_r(s->geos, b->geometry);
    return GEOSPreparedDistance_r(s->geos, s->prepared[b->number], a->geometry, result);
}

static item *items_of(GEOSContextHandle_t geos, const wkb_file *file, bool near)
{
    item *items = calloc(file->n, sizeof *items);
    GEOSWKBReader *reader = GEOSWKBReader_create_r(geos);
    for (size_t i = 0; items && i < file->n; ++i) {
        items[i] = (item){GEOSWKBReader_read_r(geos, reader, file->wkb[i], file->size[i]), i, near};
        if (!items[i].geometry)
            exit(1);
    }
    GEOSWKBReader_destroy_r(geos, reader);
    if (!items)
        exit(1);
    return items;
}

static double nearest(GEOSSTRtree *tree, searcher *s, const item *asked)
{
    double d;
    const item *found = GEOSSTRtree_nearest_generic_r(s->geos, tree, asked, asked->geometry, distance, s);
    if (!found || !distance(found, asked, &d, s))
        exit(1);
    return d;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: bench_geos INPUT.wkb NEAR.wkb THREADS [prepared]\n");
        return 2;
    }
    const bool prepared = argc > 4;
    const int threads = atoi(argv[3]);
    GEOSContextHandle_t geos = GEOS_init_r();
    wkb_file input_file = wkb_file_load(argv[1]), near_file = wkb_file_load(argv[2]);
    item *input = items_of(geos, &input_file, false), *near = items_of(geos, &near_file, true);
    const long n = (long)input_file.n;

    const double start = now();
    GEOSSTRtree *tree = GEOSSTRtree_create_r(geos, 10);
    for (size_t i = 0; i < near_file.n; ++i)
        GEOSSTRtree_insert_r(geos, tree, near[i].geometry, &near[i]);
    nearest(tree, &(searcher){geos, NULL}, &input[0]); /* the first question builds the tree */
    const double built = now();

    double sum = 0;
#pragma omp parallel num_threads(threads) reduction(+ : sum)
    {
        searcher s = {GEOS_init_r(), prepared ? calloc(near_file.n, sizeof(GEOSPreparedGeometry *)) : NULL};
#pragma omp for schedule(dynamic, 1000)
        for (long i = 0; i < n; ++i)
            sum += nearest(tree, &s, &input[i]);
        for (size_t i = 0; s.prepared && i < near_file.n; ++i)
            if (s.prepared[i])
                GEOSPreparedGeom_destroy_r(s.geos, s.prepared[i]);
        free((void *)s.prepared);
        GEOS_finish_r(s.geos);
    }
    printf("%.6f %.6f %ld %.17g\n", built - start, now() - built, n, sum);
    GEOSSTRtree_destroy_r(geos, tree);
    for (long i = 0; i < n; ++i)
        GEOSGeom_destroy_r(geos, (GEOSGeometry *)(uintptr_t)input[i].geometry);
    for (size_t i = 0; i < near_file.n; ++i)
        GEOSGeom_destroy_r(geos, (GEOSGeometry *)(uintptr_t)near[i].geometry);
    free(input);
    free(near);
    wkb_file_free(&input_file);
    wkb_file_free(&near_file);
    GEOS_finish_r(geos);
    return 0;
}
