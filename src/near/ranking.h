/* The best k of the features that a search meets, by (distance, rank): a list that becomes a heap when it is full. */
#ifndef FN_RANKING_H
#define FN_RANKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fn_candidate {
    double distance;
    uint32_t rank; /* of the feature */
    uint32_t item; /* by which item the feature is this near, */
    uint32_t part; /* and to which part of the query */
    uint32_t kind; /* kind of item */
} fn_candidate;

typedef struct fn_ranking {
    /* Set by the user. */
    size_t k;
    /* By rank, where a feature can be met more than once: number of the search that has it; else NULL. Not owned, not
     * cleared in between. */
    uint64_t *seen;
    uint32_t *place; /* and its place in the list */
    /* Which of two items of a kind comes first, as qsort() has it: by what they are, not by where an index has them,
     * which depends on all that is in it. 0: they are the same. */
    int (*compare)(const void *context, uint32_t kind, uint32_t a, uint32_t b);
    const void *context;

    fn_candidate *list;
    size_t n, capacity;
    uint64_t search;
    double bound; /* nothing beyond (bound, bound_rank) can enter */
    uint32_t bound_rank;
} fn_ranking;

/* Begins a search for the k best within `limit`, inclusive. */
void fn_ranking_begin(fn_ranking *ranking, double limit);
/* Takes a candidate in if it belongs there. A feature that is in already keeps the smaller of (distance, kind, item
 * as compared, part). False: out of memory. */
bool fn_ranking_offer(fn_ranking *ranking, const fn_candidate *candidate);
/* Puts the list in order. */
void fn_ranking_sort(fn_ranking *ranking);
void fn_ranking_destroy(fn_ranking *ranking);

static inline bool fn_ranking_wants(const fn_ranking *r, double distance, uint32_t rank)
{
    return distance < r->bound || (distance == r->bound && rank <= r->bound_rank);
}

#endif
