/* Where medians and percentiles lie among sorted values. */
#ifndef FN_PLACE_H
#define FN_PLACE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Of n >= 1 sorted values. */
typedef struct fn_place {
    size_t low, high; /* the same, or neighbours */
    double way;       /* from the one to the other */
    bool average;     /* of both, as a median has it */
} fn_place;

static inline fn_place fn_place_of_median(size_t n)
{
    return (fn_place){(n - 1) / 2, n / 2, 0.5, true};
}

/* numpy's "linear": at (n - 1) * percent / 100. */
static inline fn_place fn_place_of_percentile(size_t n, double percent)
{
    const double at = (double)(n - 1) * (percent / 100), low = floor(at);
    if (low >= (double)(n - 1))
        return (fn_place){n - 1, n - 1, 0, false};
    const size_t place = (size_t)low;
    return (fn_place){place, at > low ? place + 1 : place, at - low, false};
}

/* As numpy: from the nearer of the two. */
static inline double fn_between(const fn_place *place, double low, double high)
{
    if (place->low == place->high || low == high)
        return low;
    if (place->average)
        return (low + high) / 2;
    if (isinf(low) || isinf(high))
        return isinf(low) && isinf(high) ? (double)NAN : isinf(low) ? low : high;
    const double d = high - low;
    return place->way >= 0.5 ? high - d * (1 - place->way) : low + d * place->way;
}

#endif
