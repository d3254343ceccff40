/* A point as WKB, little endian: batches have points as coordinates. */
#ifndef FN_ZONALSTATS_PIXEL_WKB_H
#define FN_ZONALSTATS_PIXEL_WKB_H

#include <array>
#include <cstring>

namespace fishnet::zonalstats
{

using PointWkb = std::array<char, 21>;

inline PointWkb MakePoint(double x, double y)
{
    PointWkb wkb = {1, 1, 0, 0, 0};
    memcpy(wkb.data() + 5, &x, sizeof x);
    memcpy(wkb.data() + 13, &y, sizeof y);
    return wkb;
}

} // namespace fishnet::zonalstats

#endif
