/* How much of cells a zone covers, as a number of fixed point: sums are exact, so that no order of adding is better
 * than another, and equal areas are equal. All that is computed with a coverage takes it in these steps, or sums of
 * values and of coverage would not belong together. */
#ifndef FN_COVER_H
#define FN_COVER_H

#include <stdint.h>

#include "double_double.h"

#define FN_COVER_BITS 52

typedef unsigned __int128 fn_cover_bits;

typedef struct fn_cover {
    uint64_t whole;
    uint64_t part; /* below 2^52, in steps of 2^-52 */
} fn_cover;

static inline fn_cover fn_cover_add(fn_cover a, fn_cover b)
{
    const uint64_t part = a.part + b.part;
    return (fn_cover){a.whole + b.whole + (part >> FN_COVER_BITS), part & ((UINT64_C(1) << FN_COVER_BITS) - 1)};
}

/* c: 0..FN_COVERAGE_MOST; in steps of 2^-52. */
static inline uint64_t fn_cover_steps(double c)
{
    return (uint64_t)(int64_t)(c * 0x1p52 + 0.5);
}

/* What is left of c. */
static inline double fn_cover_round(double c)
{
    return (double)(int64_t)fn_cover_steps(c) * 0x1p-52;
}

static inline fn_cover fn_cover_of(double c)
{
    const uint64_t steps = fn_cover_steps(c);
    return (fn_cover){steps >> FN_COVER_BITS, steps & ((UINT64_C(1) << FN_COVER_BITS) - 1)};
}

static inline fn_cover_bits fn_cover_as_bits(fn_cover c)
{
    return (fn_cover_bits)c.whole << FN_COVER_BITS | c.part;
}

/* Below 2^116. */
static inline fn_cover fn_cover_of_bits(fn_cover_bits bits)
{
    return (fn_cover){(uint64_t)(bits >> FN_COVER_BITS), (uint64_t)bits & ((UINT64_C(1) << FN_COVER_BITS) - 1)};
}

static inline double fn_cover_as_double(fn_cover c)
{
    return (double)c.whole + (double)c.part * 0x1p-52;
}

/* Exact below 2^53 cells. */
static inline fn_dd fn_cover_as_dd(fn_cover c)
{
    return fn_two_sum((double)c.whole, (double)c.part * 0x1p-52);
}

#endif
