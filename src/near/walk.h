/* How a search walks a tree: depth first, always into the nearest box. A template: each search has its own copy of the
 * loop, made for its instruction set, its dimensions and what it does with items. */
#ifndef FN_WALK_H
#define FN_WALK_H

#include "searcher_internal.h"

/* A box to walk into. */
typedef struct fn_step {
    double d2;
    uint32_t place;
    int level;
} fn_step;

/* Visits a leaf: the items from `first` on, at these squared distances. */
typedef void (*fn_visit)(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part);
/* Whether a box that lies within the bound can be left out all the same. */
typedef bool (*fn_pass_over)(const fn_searcher *s, const fn_tree *tree, const fn_step *box, size_t part);

static inline uint32_t fn_least_rank(const fn_tree *tree, const fn_step *box)
{
    return fn_tree_least(tree, box->level + 1, box->place);
}

/* Whether all items in a box are at best as near as the last that counts, and all come after that. */
static inline bool fn_too_late(const fn_searcher *s, const fn_tree *tree, const fn_step *box)
{
    return box->d2 >= s->tie2 &&
           !fn_search_wants(s, s->measure == FN_GEODESIC ? 0 : sqrt(box->d2), fn_least_rank(tree, box));
}

/* How many of the FN_FANOUT boxes or items from `first` on there are. */
static inline size_t fn_present(const fn_tree *tree, int level, size_t first)
{
    return tree->count[level] - first < FN_FANOUT ? tree->count[level] - first : FN_FANOUT;
}

/* Which of the FN_FANOUT distances are at most `most`, a bit each; only the first n count. Without a jump for each of
 * them, which no processor foresees. */
static inline __attribute__((always_inline)) uint32_t fn_within(const double *d2, size_t n, double most)
{
    static const int64_t bit[] = {1,      2,      4,       8,       1 << 4,  1 << 5,  1 << 6,  1 << 7,
                                  1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
    _Static_assert(sizeof bit / sizeof *bit == FN_FANOUT, "a bit for each");
    int64_t bits = 0;
#pragma omp simd reduction(+ : bits)
    for (int j = 0; j < FN_FANOUT; j++)
        bits += d2[j] <= most ? bit[j] : 0;
    return (uint32_t)bits & ((1u << n) - 1);
}

/* Visits the items whose box is within *bound2 (which may shrink meanwhile) of the box lo..hi, FN_FANOUT at a time.
 * Depth first, always into the nearest box, so that the bound is tight soon; most of the others are then dropped
 * unopened, or by `over` (may be NULL). */
static inline __attribute__((always_inline)) void fn_walk(fn_searcher *s, const fn_tree *tree, int dims,
                                                          const double *lo, const double *hi, const double *bound2,
                                                          size_t part, fn_visit leaf, fn_pass_over over)
{
    fn_step stack[FN_LEVELS * FN_FANOUT];
    _Alignas(64) double d2[FN_FANOUT];
    size_t depth = 0;
    fn_step at = {0, 0, tree->levels - 1}; /* the box we are in; its level is that of the boxes in it */
    if (at.level < 0)
        return;
    for (;;) {
        const size_t first = (size_t)at.place * FN_FANOUT;
        const int level = at.level;
        fn_step next = {INFINITY, UINT32_MAX, level - 1};
        fn_search_look_up(s);
        fn_tree_distances(tree, dims, level, first, lo, hi, d2);
        const double most = *bound2;
        if (level > 0) {
            for (uint32_t bits = fn_within(d2, fn_present(tree, level, first), most); bits; bits &= bits - 1) {
                const size_t j = (size_t)__builtin_ctz(bits);
                fn_step here = {d2[j], (uint32_t)(first + j), level - 1};
                if (next.place == UINT32_MAX || here.d2 < next.d2 ||
                    (here.d2 == next.d2 && fn_least_rank(tree, &here) < fn_least_rank(tree, &next))) {
                    const fn_step before = next;
                    next = here;
                    here = before;
                }
                stack[depth] = here;
                depth += here.place != UINT32_MAX;
            }
        } else
            leaf(s, tree, first, d2, part);
        for (at = next; at.place == UINT32_MAX || at.d2 > *bound2 || fn_too_late(s, tree, &at) ||
                        (over && over(s, tree, &at, part));
             at = stack[--depth])
            if (depth == 0)
                return;
        if (s->status != FN_OK)
            return;
    }
}

#endif
