#include "percentiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "keys.h"

static const fn_cover_bits one_cell = (fn_cover_bits)1 << FN_COVER_BITS;

/* numpy: place (n - 1) * q, between the values before and after it. */
static fn_target between_cells(double q, fn_cover_bits total)
{
    const uint64_t last = (uint64_t)(total >> FN_COVER_BITS) - 1;
    const double place = (double)last * q, before = floor(place);
    fn_target t = {.whole = true, .way = place - before};
    if (before >= (double)last)
        t = (fn_target){.whole = true, .from = (fn_cover_bits)last << FN_COVER_BITS};
    else
        t.from = (fn_cover_bits)(uint64_t)before << FN_COVER_BITS;
    t.to = t.from + (t.way > 0 ? 2 : 1) * one_cell;
    return t;
}

fn_target fn_target_of(double percent, fn_cover_bits total, double squares, bool whole)
{
    const double q = percent / 100;
    if (whole)
        return between_cells(q, total);
    const double all = (double)total * 0x1p-52;
    const double part = squares / all; /* of a cell */
    fn_cover_bits width = part < 1 ? (fn_cover_bits)(part * 0x1p52) : one_cell;
    width = width < 1 ? 1 : width > total ? total : width;
    const fn_cover_bits most = total - width, from = (fn_cover_bits)((double)most * q);
    fn_target t = {.from = from < most ? from : most};
    t.to = t.from + width;
    return t;
}

double fn_target_answer(const fn_target *t)
{
    const double a = t->first, b = t->last;
    if (!t->whole)
        return t->mean < a ? a : t->mean > b ? b : t->mean;
    if (t->way == 0 || a == b)
        return a;
    if (isinf(a) || isinf(b))
        return isinf(a) && isinf(b) ? (double)NAN : isinf(a) ? a : b;
    const double d = b - a;
    return t->way >= 0.5 ? b - d * (1 - t->way) : a + d * t->way;
}

static bool overlaps(const fn_target *t, fn_cover_bits below, fn_cover_bits cover)
{
    return below + cover > t->from && below < t->to;
}

static bool any_overlaps(const fn_target *targets, size_t n, fn_cover_bits below, fn_cover_bits cover)
{
    for (size_t i = 0; i < n; i++)
        if (overlaps(&targets[i], below, cover))
            return true;
    return false;
}

/* One value with its place in the cumulated cover. */
static void take(fn_target *t, double value, fn_cover_bits below, fn_cover_bits cover)
{
    if (!overlaps(t, below, cover))
        return;
    const fn_cover_bits begin = below > t->from ? below : t->from, end = below + cover < t->to ? below + cover : t->to;
    if (begin == t->from) {
        t->first = value;
        t->mean = 0;
    }
    t->last = value;
    if (!t->whole)
        t->mean += value * ((double)(end - begin) / (double)(t->to - t->from));
}

bool fn_targets_find(fn_target *targets, size_t n, const fn_tally *tally, fn_type type, const fn_known *known,
                     size_t n_known, fn_known **next, size_t *n_next)
{
    fn_known *list = NULL;
    size_t count = 0, capacity = 0, in = 0;
    const uint64_t lowest_bits = (UINT64_C(1) << tally->shift) - 1;
    fn_cover_bits below = n_known > 0 ? known[0].below : 0;
    for (size_t i = 0; i < tally->n_bins; i++) {
        const uint64_t low = tally->bins[i].key << tally->shift, high = low | lowest_bits;
        const fn_cover_bits cover = fn_cover_as_bits(tally->bins[i].cover);
        while (in + 1 < n_known && low > known[in].high)
            below = known[++in].below;
        if (any_overlaps(targets, n, below, cover)) {
            if (!fn_reserve(&list, &capacity, count + 1, sizeof *list)) {
                free(list);
                return false;
            }
            list[count++] = (fn_known){low, high, below};
            for (size_t k = 0; tally->shift == 0 && k < n; k++)
                take(&targets[k], fn_double_of_key(type, low), below, cover);
        }
        below += cover;
    }
    if (tally->shift == 0) {
        free(list);
        list = NULL;
        count = 0;
    }
    *next = list;
    *n_next = count;
    return true;
}

/* ---- narrowing ---- */

enum { PARTS_LEAST = 64, PARTS_MOST = 2048 };

/* The keys' span cut into parts of equal width, a power of two. */
typedef struct part {
    fn_cover cover;
    bool needed;
} part;

typedef struct cut {
    uint64_t least;
    int shift;
    size_t n;
    part *parts;
} cut;

static void span_of(const fn_tally *tally, uint64_t *least, uint64_t *most)
{
    uint64_t low = UINT64_MAX, high = 0;
    if (tally->key_size == 4) {
        const uint32_t *keys = (const uint32_t *)(const void *)tally->keys;
        uint32_t low4 = UINT32_MAX, high4 = 0;
        for (size_t i = 0; i < tally->n_keys; i++) {
            low4 = keys[i] < low4 ? keys[i] : low4;
            high4 = keys[i] > high4 ? keys[i] : high4;
        }
        low = low4;
        high = high4;
    } else
        for (size_t i = 0; i < tally->n_keys; i++) {
            const uint64_t key = fn_tally_key(tally, i);
            low = key < low ? key : low;
            high = key > high ? key : high;
        }
    for (size_t i = 0; i < tally->n_loose; i++) {
        const uint64_t key = tally->loose[i].key;
        low = key < low ? key : low;
        high = key > high ? key : high;
    }
    *least = low;
    *most = high;
}

#define COUNT_KEYS(ctype)                                                                                              \
    do {                                                                                                               \
        const ctype *keys = (const ctype *)(const void *)tally->keys, least = (ctype)c->least;                         \
        for (size_t i = 0; i < tally->n_keys; i++)                                                                     \
            c->parts[(size_t)((ctype)(keys[i] - least) >> c->shift)].cover.whole++;                                    \
    } while (0)

static bool measure(const fn_tally *tally, cut *c)
{
    uint64_t most;
    const size_t n = tally->n_keys + tally->n_loose;
    c->n = PARTS_LEAST;
    while (c->n < PARTS_MOST && c->n < n / 4)
        c->n *= 2;
    if (!(c->parts = calloc(c->n, sizeof *c->parts)))
        return false;
    span_of(tally, &c->least, &most);
    c->shift = 0;
    while ((most - c->least) >> c->shift >= c->n)
        c->shift++;
    if (tally->key_size == 4)
        COUNT_KEYS(uint32_t);
    else
        COUNT_KEYS(uint64_t);
    for (size_t i = 0; i < tally->n_loose; i++) {
        fn_cover *cover = &c->parts[(tally->loose[i].key - c->least) >> c->shift].cover;
        *cover = fn_cover_add(*cover, tally->loose[i].cover);
    }
    return true;
}

#define KEEP_KEYS(ctype)                                                                                               \
    do {                                                                                                               \
        ctype *keys = (ctype *)(void *)tally->keys, least = (ctype)c->least;                                           \
        for (size_t i = 0; i < tally->n_keys; i++) {                                                                   \
            const ctype key = keys[i];                                                                                 \
            keys[kept] = key;                                                                                          \
            kept += c->parts[(size_t)((ctype)(key - least) >> c->shift)].needed;                                       \
        }                                                                                                              \
    } while (0)

static void keep_needed(fn_tally *tally, const cut *c)
{
    size_t kept = 0;
    if (tally->key_size == 4)
        KEEP_KEYS(uint32_t);
    else
        KEEP_KEYS(uint64_t);
    tally->n_keys = kept;
    kept = 0;
    for (size_t i = 0; i < tally->n_loose; i++) {
        const fn_bin bin = tally->loose[i];
        tally->loose[kept] = bin;
        kept += c->parts[(bin.key - c->least) >> c->shift].needed;
    }
    tally->n_loose = kept;
}

bool fn_targets_narrow(const fn_target *targets, size_t n, fn_tally *tally, fn_known **known, size_t *n_known)
{
    cut c;
    fn_known *list = NULL;
    size_t count = 0, capacity = 0;
    fn_cover_bits below = 0;
    bool ok = measure(tally, &c);
    for (size_t i = 0; ok && i < c.n; i++) {
        const fn_cover_bits cover = fn_cover_as_bits(c.parts[i].cover);
        if (cover > 0 && any_overlaps(targets, n, below, cover) &&
            (ok = fn_reserve(&list, &capacity, count + 1, sizeof *list))) {
            const uint64_t low = c.least + ((uint64_t)i << c.shift);
            c.parts[i].needed = true;
            list[count++] = (fn_known){low, low + ((UINT64_C(1) << c.shift) - 1), below};
        }
        below += cover;
    }
    if (ok)
        keep_needed(tally, &c);
    else
        free(list);
    free(c.parts);
    *known = ok ? list : NULL;
    *n_known = ok ? count : 0;
    return ok;
}
