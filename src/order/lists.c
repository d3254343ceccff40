#include "lists.h"

#include <stdlib.h>
#include <string.h>

#include "list_loops.h"
#include "place.h"

struct fn_list_orders {
    size_t n_members, n_asked;
    fn_type type;
    fn_exchanges all; /* sorts the wires as far as it is asked for */
    uint16_t *wires;  /* their order */
    fn_list_asked *asked;
    fn_place *places; /* of each that is asked for: of 1 to n_members values */
};

/* What a thread has. */
typedef struct sorting {
    const fn_list_orders *orders;
    const fn_list_loops *loops;
    char *wires;
    const void **sorted; /* the wires in their order */
    uint16_t count[FN_WIRE_LANES];
    bool all; /* every lane has a value of every member */
} sorting;

static const fn_list_loops *loops_of(fn_simd simd, fn_type type)
{
    switch (simd) {
#ifdef FN_X86
    case FN_SIMD_AVX512:
        return &fn_list_loops_avx512[type];
    case FN_SIMD_AVX2:
        return &fn_list_loops_avx2[type];
#endif
    default:
        return &fn_list_loops_plain[type];
    }
}

bool fn_list_sorts(fn_type type)
{
    return fn_list_loops_plain[type].take != NULL;
}

/* ---- what is sorted ---- */

static bool is_place(fn_list_statistic statistic)
{
    return statistic == FN_LIST_MEDIAN || statistic == FN_LIST_PERCENTILE || statistic == FN_LIST_QUANTILE;
}

static fn_place place_of(const fn_list_asked *asked, size_t n)
{
    return asked->statistic == FN_LIST_MEDIAN       ? fn_place_of_median(n)
           : asked->statistic == FN_LIST_PERCENTILE ? fn_place_of_quantile(n, asked->quantile)
                                                    : fn_place_of_weighted_quantile(n, asked->quantile);
}

/* Where each statistic lies among so many values; needed: the places that may be asked for. */
static void find_places(fn_list_orders *o, bool *needed)
{
    for (size_t a = 0; a < o->n_asked; a++) {
        const fn_list_asked *asked = &o->asked[a];
        if (!is_place(asked->statistic)) {
            for (size_t i = 0; i < o->n_members; i++)
                needed[i] = true;
            continue;
        }
        for (size_t n = 1; n <= o->n_members; n++) {
            const fn_place place = place_of(asked, n);
            o->places[a * o->n_members + n - 1] = place;
            if (asked->skips || n == o->n_members)
                needed[place.low] = needed[place.high] = true;
        }
    }
}

static bool make_network(fn_list_orders *o)
{
    bool *needed = calloc(o->n_members, sizeof *needed), *wires = calloc(o->n_members, sizeof *wires);
    if (needed && wires) {
        find_places(o, needed);
        for (size_t i = 0; i < o->n_members; i++)
            o->wires[i] = (uint16_t)i;
        fn_exchanges_sort(&o->all, o->wires, o->n_members, 1);
        for (size_t i = 0; i < o->n_members; i++)
            wires[o->wires[i]] = needed[i];
        if (!o->all.no_memory)
            fn_exchanges_leave_out(&o->all, wires);
    }
    const bool made = needed && wires && !o->all.no_memory;
    free(needed);
    free(wires);
    return made;
}

fn_status fn_list_orders_new(size_t n_members, fn_type type, const fn_list_asked *asked, size_t n_asked,
                             fn_list_orders **out, fn_error *err)
{
    fn_list_orders *o = *out = calloc(1, sizeof *o);
    if (o) {
        o->n_members = n_members;
        o->n_asked = n_asked;
        o->type = type;
        o->wires = malloc(n_members * sizeof *o->wires);
        o->asked = malloc(n_asked * sizeof *o->asked);
        o->places = malloc(n_asked * n_members * sizeof *o->places);
        if (o->wires && o->asked && o->places) {
            memcpy(o->asked, asked, n_asked * sizeof *asked);
            if (make_network(o))
                return FN_OK;
        }
    }
    fn_list_orders_free(o);
    *out = NULL;
    return fn_fail(err, FN_ERR_MEMORY, "out of memory for lists of %zu values", n_members);
}

void fn_list_orders_free(fn_list_orders *o)
{
    if (!o)
        return;
    fn_exchanges_free(&o->all);
    free(o->wires);
    free(o->asked);
    free(o->places);
    free(o);
}

/* ---- at work ---- */

#define ALIGNMENT 64

size_t fn_list_scratch_bytes(const fn_list_orders *o)
{
    return ALIGNMENT + o->n_members * (FN_WIRE_BYTES + sizeof(void *));
}

/* The values of n pixels, sorted as far as needed. */
static void sort_lanes(sorting *s, const fn_plane *members, size_t first, size_t n, bool nodata)
{
    const fn_list_orders *o = s->orders;
    memset(s->count, 0, sizeof s->count);
    for (size_t k = 0; k < o->n_members; k++)
        s->loops->take(s->wires + k * FN_WIRE_BYTES, s->count, &members[k], first, n, nodata);
    s->loops->exchange(s->wires, o->all.all, o->all.n);
    for (size_t k = 0; k < o->n_members; k++)
        s->sorted[k] = s->wires + (size_t)o->wires[k] * FN_WIRE_BYTES;
    s->all = true;
    for (size_t i = 0; i < n; i++)
        s->all &= s->count[i] == o->n_members;
}

/* Of a median or percentile, where lanes may have different numbers of values. */
static void answer_sparse(const sorting *s, const fn_place *places, double *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s->count[i] == 0) {
            out[i] = NAN;
            continue;
        }
        const fn_place *place = &places[s->count[i] - 1];
        out[i] = fn_between(place, s->loops->value_at(s->sorted[place->low], i),
                            s->loops->value_at(s->sorted[place->high], i));
    }
}

static void answer_place(const sorting *s, const fn_place *places, double *out, size_t n)
{
    const fn_place *place = &places[s->orders->n_members - 1];
    if (!s->all) {
        answer_sparse(s, places, out, n);
        return;
    }
    s->loops->value(out, s->sorted[place->low], n);
    if (place->low == place->high)
        return;
    double high[FN_WIRE_LANES];
    s->loops->value(high, s->sorted[place->high], n);
    for (size_t i = 0; i < n; i++)
        out[i] = fn_between(place, out[i], high[i]);
}

static void answer(const sorting *s, size_t a, double *out, size_t n)
{
    const fn_list_orders *o = s->orders;
    const fn_list_asked *asked = &o->asked[a];
    bool tied[FN_WIRE_LANES] = {false};
    if (is_place(asked->statistic))
        answer_place(s, &o->places[a * o->n_members], out, n);
    else if (asked->statistic == FN_LIST_VARIETY)
        s->loops->variety(out, s->sorted, o->n_members, s->count, n);
    else
        s->loops->mode(out, tied, s->sorted, o->n_members, s->count, n);
    for (size_t i = 0; i < n; i++)
        if (s->count[i] == 0 || (!asked->skips && s->count[i] < o->n_members) ||
            (asked->statistic == FN_LIST_MAJORITY && tied[i]))
            out[i] = NAN;
}

void fn_list_run(const fn_list_orders *o, fn_simd simd, const fn_plane *members, size_t first, size_t n, bool nodata,
                 double *const *out, void *scratch)
{
    const uintptr_t at = ((uintptr_t)scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    sorting s = {.orders = o, .loops = loops_of(simd, o->type)};
    s.wires = (char *)scratch + (at - (uintptr_t)scratch);
    s.sorted = (const void **)(void *)(s.wires + o->n_members * FN_WIRE_BYTES);
    for (size_t done = 0; done < n; done += s.loops->lanes) {
        const size_t some = n - done < s.loops->lanes ? n - done : s.loops->lanes;
        sort_lanes(&s, members, first + done, some, nodata);
        for (size_t a = 0; a < o->n_asked; a++)
            answer(&s, a, out[a] + done, some);
    }
}
