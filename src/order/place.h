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
    /* From the nearer of the two, as numpy; the mean of both, as a median; or the weighted sum of both. */
    enum { FN_BETWEEN_NEARER, FN_BETWEEN_MEAN, FN_BETWEEN_WEIGHTED } between;
} fn_place;

static inline fn_place fn_place_of_median(size_t n)
{
    return (fn_place){(n - 1) / 2, n / 2, 0.5, FN_BETWEEN_MEAN};
}

/* numpy's "linear": at (n - 1) * quantile, which is from 0 to 1. */
static inline fn_place fn_place_of_quantile(size_t n, double quantile)
{
    const double at = (double)(n - 1) * quantile, low = floor(at);
    if (low >= (double)(n - 1))
        return (fn_place){n - 1, n - 1, 0, FN_BETWEEN_NEARER};
    const size_t place = (size_t)low;
    return (fn_place){place, at > low ? place + 1 : place, at - low, FN_BETWEEN_NEARER};
}

static inline fn_place fn_place_of_percentile(size_t n, double percent)
{
    return fn_place_of_quantile(n, percent / 100);
}

/* At (n - 1) * q, as GDAL's pixel function `quantile` has it. */
static inline fn_place fn_place_of_weighted_quantile(size_t n, double q)
{
    const double at = (double)(n - 1) * q, low = floor(at);
    const size_t place = (size_t)low < n ? (size_t)low : n - 1;
    return (fn_place){place, at > low && place + 1 < n ? place + 1 : place, at - low, FN_BETWEEN_WEIGHTED};
}

static inline double fn_between(const fn_place *place, double low, double high)
{
    if (place->low == place->high)
        return low;
    if (place->between == FN_BETWEEN_WEIGHTED)
        return (1 - place->way) * low + place->way * high;
    if (low == high)
        return low;
    if (place->between == FN_BETWEEN_MEAN)
        return (low + high) / 2;
    if (isinf(low) || isinf(high))
        return isinf(low) && isinf(high) ? (double)NAN : isinf(low) ? low : high;
    const double d = high - low;
    return place->way >= 0.5 ? high - d * (1 - place->way) : low + d * place->way;
}

#endif
