#include "block.h"

fn_place fn_place_among(const fn_focal *focal, size_t n)
{
    return focal->options.statistic == FN_FOCAL_MEDIAN ? fn_place_of_median(n)
                                                       : fn_place_of_percentile(n, focal->options.percent);
}
