/* Where medians and percentiles lie among sorted values. */
#include "block.h"

fn_place fn_place_among(const fn_focal *focal, size_t n)
{
    if (focal->options.statistic == FN_FOCAL_MEDIAN)
        return (fn_place){(n - 1) / 2, n / 2, 0.5, true};
    const double at = (double)(n - 1) * (focal->options.percent / 100), low = floor(at);
    if (low >= (double)(n - 1))
        return (fn_place){n - 1, n - 1, 0, false};
    const size_t place = (size_t)low;
    return (fn_place){place, at > low ? place + 1 : place, at - low, false};
}
