/* Where medians and percentiles lie among sorted values. */
#include <math.h>

#include "block.h"

fn_place fn_place_among(const fn_focal *focal, size_t n)
{
    if (focal->options.statistic == FN_FOCAL_MEDIAN)
        return (fn_place){(n - 1) / 2, n / 2, 0.5};
    const double at = (double)(n - 1) * (focal->options.percent / 100), low = floor(at);
    if (low >= (double)(n - 1))
        return (fn_place){n - 1, n - 1, 0};
    const size_t place = (size_t)low;
    return (fn_place){place, at > low ? place + 1 : place, at - low};
}

/* As numpy: from the nearer of the two. */
double fn_between(const fn_focal *focal, fn_place place, double low, double high)
{
    if (place.low == place.high || low == high)
        return low;
    if (focal->options.statistic == FN_FOCAL_MEDIAN)
        return (low + high) / 2;
    if (isinf(low) || isinf(high))
        return isinf(low) && isinf(high) ? (double)NAN : isinf(low) ? low : high;
    const double d = high - low;
    return place.way >= 0.5 ? high - d * (1 - place.way) : low + d * place.way;
}
