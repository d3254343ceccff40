/* The index of a ring, which tells in less time what the ring contains.
 *
 * Edges in blocks of some that follow one another, and blocks of blocks: each knows the longitudes at which it can have
 * crossings, as an interval that is too narrow by no more than the rounding of a longitude. Most blocks are far from
 * p's meridian.
 *
 * An edge counts if turn(b - p) and turn(a - p) have different signs and differ by less than 180. With s = turn(b -
 * a), which they differ by modulo 360, and |s| < 180, they differ by s: p is on the way of s from a to b, modulo
 * 360. So it is enough to follow such ways from vertex to vertex. All this is up to rounding, below 1e-10 for
 * longitudes up to FAR, and MARGIN is added. Blocks with longitudes beyond FAR, steps of about 180, or poles can
 * have crossings anywhere. */
#include "geodetic_internal.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK 16 /* edges; and blocks in a block of blocks */
#define MARGIN 1e-9
#define FAR 1e5
#define LEVELS 16

typedef struct interval {
    double west, east; /* west in [-180, 180); east: infinite if it is all round */
} interval;

typedef struct block {
    float west[BLOCK], east[BLOCK];
} block;

struct fn_ring_blocks {
    bool southern;
    int levels;
    size_t first[LEVELS]; /* block of each level; the last level has one */
    block blocks[];
};

static const interval nowhere = {INFINITY, -INFINITY}, anywhere = {-180, INFINITY};

static interval normal(interval i)
{
    if (!(i.east - i.west < 360))
        return anywhere;
    double turns = 360 * floor((i.west + 180) / 360);
    return (interval){i.west - turns, i.east - turns};
}

/* As floats, no narrower. */
static void store(interval i, float *west, float *east)
{
    *west = (float)i.west;
    *east = (float)i.east;
    *west = *west > i.west ? nextafterf(*west, -INFINITY) : *west;
    *east = *east < i.east ? nextafterf(*east, INFINITY) : *east;
}

/* Where the edges that end at the vertices first..end - 1 of n may cross meridians. */
static interval interval_of_edges(const double *xy, size_t n, size_t first, size_t end)
{
    const double *a = &xy[2 * (first > 0 ? first - 1 : n - 1)];
    bool clear = !fn_geo_at_pole(a) && fabs(a[0]) <= FAR, all_polar = true;
    double west = a[0], east = a[0], lon = a[0];
    for (size_t k = first; k < end; k++) {
        const double *b = &xy[2 * k];
        double step = fn_geo_turn(b[0] - a[0]);
        bool polar = fn_geo_at_pole(b);
        clear &= !polar && fabs(b[0]) <= FAR && fabs(step) < 180 - MARGIN;
        all_polar &= polar;
        lon += step;
        west = lon < west ? lon : west;
        east = lon > east ? lon : east;
        a = b;
    }
    if (all_polar)
        return nowhere;
    return clear ? normal((interval){west - MARGIN, east + MARGIN}) : anywhere;
}

/* The narrowest interval that contains both. */
static interval hull(interval i, interval j)
{
    if (!(i.west < INFINITY) || !(j.east < INFINITY))
        return j;
    if (!(j.west < INFINITY) || !(i.east < INFINITY))
        return i;
    interval best = anywhere;
    for (int turns = -1; turns <= 1; turns++) {
        interval both = {fmin(i.west, j.west + 360 * turns), fmax(i.east, j.east + 360 * turns)};
        if (both.east - both.west < best.east - best.west)
            best = both;
    }
    return normal(best);
}

static interval interval_of_block(const block *b)
{
    interval all = nowhere;
    for (size_t j = 0; j < BLOCK; j++)
        all = hull(all, (interval){b->west[j], b->east[j]});
    return all;
}

static size_t pieces(size_t n)
{
    return n / BLOCK + (n % BLOCK > 0);
}

static struct fn_ring_blocks *blocks_of(const double *xy, size_t edges)
{
    size_t blocks = 0, level = pieces(edges);
    do
        blocks += level = pieces(level);
    while (level > 1);
    struct fn_ring_blocks *to = malloc(sizeof *to + blocks * sizeof *to->blocks);
    if (to == NULL)
        return NULL;
    to->southern = fn_geo_is_southern(xy, edges);
    to->levels = 0;
    size_t intervals = pieces(edges), next = 0;
    do {
        const block *below = to->levels > 0 ? &to->blocks[to->first[to->levels - 1]] : NULL;
        to->first[to->levels++] = next;
        for (size_t i = 0; i < pieces(intervals) * BLOCK; i++) {
            interval all = nowhere;
            if (i < intervals && below)
                all = interval_of_block(&below[i]);
            else if (i < intervals)
                all = interval_of_edges(xy, edges, i * BLOCK, i + 1 < intervals ? (i + 1) * BLOCK : edges);
            block *b = &to->blocks[next + i / BLOCK];
            store(all, &b->west[i % BLOCK], &b->east[i % BLOCK]);
        }
        intervals = pieces(intervals);
        next += intervals;
    } while (intervals > 1);
    return to;
}

bool fn_ring_index_init(fn_ring_index *index, const double *xy, size_t n)
{
    interval all = nowhere;
    *index = (fn_ring_index){.blocks = NULL};
    if (n >= FN_RING_LARGE) {
        if ((index->blocks = blocks_of(xy, n - 1)) == NULL)
            return false;
        all = interval_of_block(&index->blocks->blocks[index->blocks->first[index->blocks->levels - 1]]);
    } else if (n > 1)
        all = interval_of_edges(xy, n - 1, 0, n - 1);
    store(all, &index->west, &index->east);
    index->ready = true;
    return true;
}

void fn_ring_index_destroy(fn_ring_index *index)
{
    free(index->blocks);
    *index = (fn_ring_index){.blocks = NULL};
}

/* ---- asking ---- */

typedef struct inquiry {
    const fn_ellipsoid *e;
    const double *xy, *p;
    size_t edges;
    const struct fn_ring_blocks *index;
    float lon, again; /* of p: in [-180, 180], and once round */
    fn_crossings crossings;
} inquiry;

static void look_into(inquiry *q, int level, size_t place)
{
    const block *b = &q->index->blocks[q->index->first[level] + place];
    uint32_t hit[BLOCK];
    for (int j = 0; j < BLOCK; j++)
        hit[j] = (uint32_t)((b->west[j] <= q->lon) & (q->lon <= b->east[j])) | (uint32_t)(q->again <= b->east[j]);
    for (size_t j = 0; j < BLOCK; j++) {
        const size_t at = place * BLOCK + j;
        if (hit[j] && level > 0)
            look_into(q, level - 1, at);
        else if (hit[j]) {
            const size_t first = at * BLOCK, end = q->edges - first > BLOCK ? first + BLOCK : q->edges;
            int pole;
            const double *a = fn_geo_vertex_before(q->xy, q->edges, first, &pole);
            fn_geo_add_crossings(q->e, q->xy, first, end, a, pole, q->p, &q->crossings);
        }
    }
}

bool fn_geo_ring_contains_indexed(const fn_ellipsoid *e, const double *xy, size_t n, const fn_ring_index *index,
                                  const double p[2])
{
    if (index == NULL || !index->ready || !(fabs(p[0]) <= FAR))
        return fn_geo_ring_contains(e, xy, n, p);
    double lon = fn_geo_turn(p[0]);
    lon = lon < 180 ? lon : -180;
    inquiry q = {e, xy, p, n - 1, index->blocks, (float)lon, (float)(lon + 360), {0, 0}};
    if (!((index->west <= q.lon && q.lon <= index->east) || q.again <= index->east))
        return false;
    if (index->blocks == NULL)
        return fn_geo_ring_contains(e, xy, n, p);
    look_into(&q, index->blocks->levels - 1, 0);
    if ((q.crossings.north + q.crossings.south) % 2 == 0)
        return q.crossings.north % 2 == 1;
    return (index->blocks->southern ? q.crossings.north : q.crossings.south) % 2 == 1;
}
