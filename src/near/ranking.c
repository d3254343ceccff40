#include "ranking.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

void fn_ranking_begin(fn_ranking *r, double limit)
{
    r->n = 0;
    r->bound = limit;
    r->bound_rank = UINT32_MAX;
    r->search++;
}

static bool before(const fn_candidate *a, const fn_candidate *b)
{
    return a->distance < b->distance || (a->distance == b->distance && a->rank < b->rank);
}

static bool better(const fn_ranking *r, const fn_candidate *a, const fn_candidate *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    if (a->kind != b->kind)
        return a->kind < b->kind;
    const int order = a->item != b->item ? r->compare(r->context, a->kind, a->item, b->item) : 0;
    return order != 0 ? order < 0 : a->part < b->part;
}

static void put(fn_ranking *r, size_t place, const fn_candidate *candidate)
{
    r->list[place] = *candidate;
    if (r->seen) {
        r->seen[candidate->rank] = r->search;
        r->place[candidate->rank] = (uint32_t)place;
    }
}

/* The worst is on top. Places `candidate` at or below `top`. */
static void sift_down(fn_ranking *r, size_t top, const fn_candidate *candidate)
{
    const fn_candidate c = *candidate;
    for (;;) {
        size_t child = 2 * top + 1;
        if (child >= r->n)
            break;
        if (child + 1 < r->n && before(&r->list[child], &r->list[child + 1]))
            child++;
        if (!before(&c, &r->list[child]))
            break;
        put(r, top, &r->list[child]);
        top = child;
    }
    put(r, top, &c);
}

static void tighten(fn_ranking *r)
{
    r->bound = r->list[0].distance;
    r->bound_rank = r->list[0].rank;
}

bool fn_ranking_offer(fn_ranking *r, const fn_candidate *candidate)
{
    if (!fn_ranking_wants(r, candidate->distance, candidate->rank))
        return true;
    if (r->seen && r->seen[candidate->rank] == r->search) {
        const size_t place = r->place[candidate->rank];
        if (!better(r, candidate, &r->list[place]))
            return true;
        if (r->n < r->k) {
            r->list[place] = *candidate;
            return true;
        }
        sift_down(r, place, candidate);
        tighten(r);
        return true;
    }
    if (r->n < r->k) {
        if (!fn_reserve(&r->list, &r->capacity, r->n + 1, sizeof *r->list))
            return false;
        put(r, r->n++, candidate);
        if (r->n < r->k)
            return true;
        for (size_t i = r->n / 2; i-- > 0;)
            sift_down(r, i, &r->list[i]);
    } else {
        if (r->seen)
            r->seen[r->list[0].rank] = 0;
        sift_down(r, 0, candidate);
    }
    tighten(r);
    return true;
}

static int in_order(const void *a, const void *b)
{
    return before(a, b) ? -1 : before(b, a);
}

void fn_ranking_sort(fn_ranking *r)
{
    if (r->n > 1)
        qsort(r->list, r->n, sizeof *r->list, in_order);
}

void fn_ranking_destroy(fn_ranking *r)
{
    free(r->list);
    *r = (fn_ranking){0};
}
