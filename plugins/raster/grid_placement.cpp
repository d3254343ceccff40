#include "grid_placement.h"

#include <algorithm>
#include <cmath>

#include <gdal.h>

namespace fishnet
{

static constexpr double kTolerance = 1e-3; /* of a cell */

namespace
{
/* Positions on the grid, in cells, as positions on the raster: x of it is m[0] + column * m[1] + row * m[2]. */
struct Mapping {
    double m[6];
    double X(double column, double row) const { return m[0] + column * m[1] + row * m[2]; }
    double Y(double column, double row) const { return m[3] + column * m[4] + row * m[5]; }
};

/* One direction. */
struct Axis {
    double offset, ratio;         /* position on the raster = offset + ratio * position on the grid */
    double rasterSize, gridSize;  /* in their cells */
    double first = 0, second = 0; /* of the grid: the part in common */
    void FindCommon()
    {
        first = std::max(0.0, -offset / ratio);
        second = std::min(gridSize, (rasterSize - offset) / ratio);
    }
    bool HasCommon() const { return second - first > kTolerance; }
};
} // namespace

static bool Map(const Lattice &raster, const Lattice &grid, Mapping &mapping)
{
    double own[6], inverse[6];
    std::copy(raster.geotransform, raster.geotransform + 6, own);
    if (!GDALInvGeoTransform(own, inverse))
        return false;
    const double *g = grid.geotransform;
    mapping.m[0] = inverse[0] + g[0] * inverse[1] + g[3] * inverse[2];
    mapping.m[1] = g[1] * inverse[1] + g[4] * inverse[2];
    mapping.m[2] = g[2] * inverse[1] + g[5] * inverse[2];
    mapping.m[3] = inverse[3] + g[0] * inverse[4] + g[3] * inverse[5];
    mapping.m[4] = g[1] * inverse[4] + g[4] * inverse[5];
    mapping.m[5] = g[2] * inverse[4] + g[5] * inverse[5];
    return std::all_of(mapping.m, mapping.m + 6, [](double value) { return std::isfinite(value); });
}

/* Is one cell as long as n cells of the other, n whole? Positions are given in the smaller cells then. */
static bool IsNested(const Axis &axis, double &origin, double &rasterCell, double &gridCell, double &off)
{
    const bool isFiner = axis.ratio >= 1; /* the raster */
    const double count = std::round(isFiner ? axis.ratio : 1 / axis.ratio);
    const double exact = isFiner ? count : 1 / count;
    const double unit = isFiner ? 1 : count; /* of a raster's cell */
    const double corner = std::round(axis.offset * unit);
    for (const double at : {axis.first, axis.second}) {
        const double is = (axis.offset + axis.ratio * at) * unit, wants = corner + exact * unit * at;
        if (!(std::abs(is - wants) <= kTolerance))
            return false;
        off = std::max(off, std::abs(is - wants));
    }
    origin = -corner;
    rasterCell = unit;
    gridCell = isFiner ? count : 1;
    return count < 1e6;
}

static bool IsShift(const Axis &axis)
{
    const double by = std::round(axis.offset + (axis.ratio - 1) * (axis.first + axis.second) / 2);
    for (const double at : {axis.first, axis.second})
        if (!(std::abs(axis.offset + (axis.ratio - 1) * at - by) <= kTolerance))
            return false;
    return true;
}

/* Rotated rasters lie in rows and columns of the grid if that is rotated alike. */
static bool IsAligned(const Mapping &map, const Lattice &grid)
{
    const auto width = static_cast<double>(grid.width), height = static_cast<double>(grid.height);
    return map.m[1] > 0 && map.m[5] > 0 && std::abs(map.m[2]) * height <= kTolerance / 10 &&
           std::abs(map.m[4]) * width <= kTolerance / 10;
}

static Placement Shift(const Axis &x, const Axis &y, const Lattice &raster, const Lattice &grid)
{
    Placement placed;
    const auto by = [](const Axis &axis) {
        return static_cast<int64_t>(std::llround(axis.offset + (axis.ratio - 1) * (axis.first + axis.second) / 2));
    };
    const int64_t dx = by(x), dy = by(y);
    placed.common = fn_window_overlap({0, 0, grid.width, grid.height}, {-dx, -dy, raster.width, raster.height});
    placed.x = placed.common.x + dx;
    placed.y = placed.common.y + dy;
    const bool same = dx == 0 && dy == 0 && raster.width == grid.width && raster.height == grid.height;
    placed.kind = same ? Placement::Kind::kSame : Placement::Kind::kShifted;
    return placed;
}

bool Placement::IsTied() const
{
    const auto isEven = [](double raster, double grid) { return grid > raster && std::fmod(grid / raster, 2) < 1; };
    return isEven(rasterCell[0], gridCell[0]) || isEven(rasterCell[1], gridCell[1]);
}

Placement PlacementOf(const Lattice &raster, const Lattice &grid)
{
    Placement placed;
    Mapping map;
    if (!Map(raster, grid, map) || !IsAligned(map, grid))
        return placed;
    Axis x = {map.m[0], map.m[1], static_cast<double>(raster.width), static_cast<double>(grid.width)};
    Axis y = {map.m[3], map.m[5], static_cast<double>(raster.height), static_cast<double>(grid.height)};
    x.FindCommon();
    y.FindCommon();
    placed.isApart = !x.HasCommon() || !y.HasCommon();
    if (placed.isApart)
        return placed;
    if (IsShift(x) && IsShift(y))
        return Shift(x, y, raster, grid);
    if (IsNested(x, placed.origin[0], placed.rasterCell[0], placed.gridCell[0], placed.off) &&
        IsNested(y, placed.origin[1], placed.rasterCell[1], placed.gridCell[1], placed.off))
        placed.kind = Placement::Kind::kNested;
    return placed;
}

} // namespace fishnet
