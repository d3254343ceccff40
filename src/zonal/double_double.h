/* Numbers of twice the precision: the unevaluated sum of two doubles (Dekker 1971). Contraction is off, and nothing
 * here needs a fused multiply-add, so that all machines have the same bits. */
#ifndef FN_DOUBLE_DOUBLE_H
#define FN_DOUBLE_DOUBLE_H

#include <math.h>

typedef struct fn_dd {
    double hi, lo;
} fn_dd;

/* a + b, and in lo what rounding has lost (Knuth). Where the sum is not finite nothing is. */
static inline fn_dd fn_two_sum(double a, double b)
{
    const double s = a + b, t = s - a, lost = (a - (s - t)) + (b - t);
    return (fn_dd){s, isfinite(s) ? lost : 0};
}

/* a * b, likewise, by halves of 26 bits (Veltkamp, Dekker). Beyond 2^996 the halves overflow, and nothing is told. */
static inline fn_dd fn_two_product(double a, double b)
{
    const double p = a * b, split = 134217729; /* 2^27 + 1 */
    const double ca = split * a, ah = ca - (ca - a), al = a - ah;
    const double cb = split * b, bh = cb - (cb - b), bl = b - bh;
    const double lost = al * bl - (((p - ah * bh) - al * bh) - ah * bl);
    return (fn_dd){p, isfinite(lost) ? lost : 0};
}

static inline fn_dd fn_dd_add(fn_dd a, fn_dd b)
{
    const fn_dd s = fn_two_sum(a.hi, b.hi), t = fn_two_sum(a.lo, b.lo);
    const fn_dd u = fn_two_sum(s.hi, s.lo + t.hi);
    return fn_two_sum(u.hi, u.lo + t.lo);
}

static inline fn_dd fn_dd_times(fn_dd a, fn_dd b)
{
    const fn_dd p = fn_two_product(a.hi, b.hi);
    return fn_two_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

static inline fn_dd fn_dd_of_integer(__int128 n)
{
    const double hi = (double)n;
    return (fn_dd){hi, (double)(n - (__int128)hi)};
}

static inline double fn_dd_round(fn_dd a)
{
    return a.hi + a.lo;
}

#endif
