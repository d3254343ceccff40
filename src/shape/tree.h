/* A packed R-tree over boxes or points, in the plane or in space, for nearest-neighbour search.
 *
 * Items are sorted along a Hilbert curve (I. Kamel, C. Faloutsos, Hilbert R-tree, VLDB 1994, in its packed form) and
 * every FN_FANOUT of them, and of the boxes above, make a box one level up. Boxes lie level by level in one array
 * for each side of each axis, so the distances to the children of a box are one loop that the compiler vectorizes. */
#ifndef FN_TREE_H
#define FN_TREE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FN_FANOUT 16
#define FN_LEVELS 10 /* 16^9 > 2^32 */

/* Level 0 holds the items, in tree order; level l > 0 the boxes of FN_FANOUT boxes of the level below; the top level
 * has at most FN_FANOUT. Levels follow one another, each padded to a multiple of FN_FANOUT with boxes at infinity. */
typedef struct fn_tree {
    int dims, levels; /* levels: 0 for an empty tree */
    bool points;      /* level 0 are points: its upper sides are its lower sides */
    uint32_t count[FN_LEVELS];
    uint32_t start[FN_LEVELS];
    double *lo[3], *hi[3]; /* by axis; one block of memory, which begins at lo[0] */
    uint32_t *least;       /* of the boxes: the lowest rank below; at the end of that block */
} fn_tree;

static inline double *fn_tree_lo(const fn_tree *tree, int level, int axis)
{
    return tree->lo[axis] + tree->start[level];
}

static inline double *fn_tree_hi(const fn_tree *tree, int level, int axis)
{
    return tree->points ? level == 0 ? tree->lo[axis] : tree->hi[axis] + tree->start[level] - tree->start[1]
                        : tree->hi[axis] + tree->start[level];
}

/* The lowest rank of the items below a box of a level above 0. */
static inline uint32_t fn_tree_least(const fn_tree *tree, int level, size_t place)
{
    return tree->least[tree->start[level] - tree->start[1] + place];
}

/* Makes room for n items; the caller then fills fn_tree_lo() and fn_tree_hi() of level 0 (in tree order, see
 * places.h) and calls fn_tree_finish(). False: out of memory, and the tree is empty. */
bool fn_tree_init(fn_tree *tree, int dims, size_t n, bool points);
/* Between the two, of a tree of points: there are only n items, the first, which stay as they are. */
void fn_tree_shrink(fn_tree *tree, size_t n);
/* rank: of item i at rank[i * stride]. */
void fn_tree_finish(fn_tree *tree, const uint32_t *rank, size_t stride);
void fn_tree_destroy(fn_tree *tree);

static inline double fn_gap(double lo, double hi, double qlo, double qhi)
{
    const double below = lo - qhi, above = qlo - hi, gap = below > above ? below : above;
    return gap > 0 ? gap : 0;
}

/* Squared distances from the box (or point) qlo..qhi to FN_FANOUT boxes of a level, from `first` on. dims is the
 * tree's: a constant here makes faster code. The floating point result is never above that of anything inside of the
 * box: rounding is monotone. */
static inline void fn_tree_distances(const fn_tree *tree, int dims, int level, size_t first, const double *qlo,
                                     const double *qhi, double *restrict d2)
{
    const double *restrict xlo = fn_tree_lo(tree, level, 0) + first, *restrict xhi = fn_tree_hi(tree, level, 0) + first;
    const double *restrict ylo = fn_tree_lo(tree, level, 1) + first, *restrict yhi = fn_tree_hi(tree, level, 1) + first;
    for (int j = 0; j < FN_FANOUT; j++) {
        const double x = fn_gap(xlo[j], xhi[j], qlo[0], qhi[0]), y = fn_gap(ylo[j], yhi[j], qlo[1], qhi[1]);
        d2[j] = x * x + y * y;
    }
    if (dims == 3) {
        const double *restrict zlo = fn_tree_lo(tree, level, 2) + first, *restrict zhi =
                                                                             fn_tree_hi(tree, level, 2) + first;
        for (int j = 0; j < FN_FANOUT; j++) {
            const double z = fn_gap(zlo[j], zhi[j], qlo[2], qhi[2]);
            d2[j] += z * z;
        }
    }
}

#endif
