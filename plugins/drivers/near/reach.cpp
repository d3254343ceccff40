#include "reach.h"

#include <algorithm>
#include <cmath>

#include "file_names.h"
#include "input_split.h"
#include "share_extent.h"

namespace fishnet::neartable
{

static constexpr double kRadian = 3.14159265358979323846 / 180;

static void Grow(OGREnvelope &box, double dx, double dy)
{
    box.MinX -= dx;
    box.MaxX += dx;
    box.MinY -= dy;
    box.MaxY += dy;
}

/* A little more than rounding makes of coordinates. */
static double Slack(const OGREnvelope &box)
{
    return 1e-9 * std::max({1.0, std::abs(box.MinX), std::abs(box.MaxX), std::abs(box.MinY), std::abs(box.MaxY)});
}

/* ---- edges that are geodesics ---- */

/* Between vertices of latitudes up to b, no farther apart in longitude than w, an edge comes at most to the latitude B
 * with tan B = tan b / cos(w / 2). That is so on a sphere, and on the ellipsoid with reduced latitudes, whose tangents
 * are in the same proportion; longitudes on its sphere differ by f more at most. False: edges may go any way. */
static bool TakeInEdges(double flattening, OGREnvelope &box)
{
    const double width = (box.MaxX - box.MinX) * (1 + 2 * std::abs(flattening)) + 1e-6;
    if (width > 179)
        return false;
    const auto latitude = [width](double of) {
        return std::atan(std::tan(of * kRadian) / std::cos(width / 2 * kRadian)) / kRadian;
    };
    box.MinY = box.MinY < 0 ? latitude(box.MinY) : box.MinY;
    box.MaxY = box.MaxY > 0 ? latitude(box.MaxY) : box.MaxY;
    return true;
}

/* ---- in the plan's CRS ---- */

void Reach::GrowInPlane()
{
    const double slack = Slack(m_box), distance = m_plan.limits.radius * (1 + 1e-9) + slack;
    Grow(m_box, distance, distance);
}

/* A way of length s along the ellipsoid changes the latitude by s / (a (1 - f)^2) at most, the least radius of a
 * meridian's curvature, and the longitude by s / (a cos b), b being the highest latitude that it comes to. False: a
 * pole is within reach, or the world is. */
bool Reach::GrowOnEarth()
{
    const double metres = m_plan.limits.radius * (1 + 1e-9) + 1e-3, f = std::abs(m_plan.flattening);
    const double dy = metres / (m_plan.semiMajor * (1 - f) * (1 - f)) / kRadian;
    const double highest = std::max(std::abs(m_box.MinY), std::abs(m_box.MaxY)) + dy;
    if (highest > 89.9)
        return false;
    Grow(m_box, metres / (m_plan.semiMajor * std::cos(highest * kRadian)) / kRadian, dy);
    return m_box.MaxX - m_box.MinX < 359;
}

/* Whether the reach of the share is known. handle: of a near layer. */
bool Reach::FindShare(OGRLayerH handle)
{
    if (m_isRead)
        return m_isKnown;
    m_isRead = true;
    /* To read the share must be less work than to read the near side. */
    const int64_t most = OGR_L_TestCapability(handle, OLCFastFeatureCount) ? OGR_L_GetFeatureCount(handle, FALSE) : -1;
    bool edges = false;
    if (!ReadShareExtent(m_plan, most < 0 ? INT64_MAX : most, m_goesOn, &m_box, &edges) || !m_box.IsInit())
        return false;
    if (!m_plan.geodesic)
        GrowInPlane();
    m_isKnown = !m_plan.geodesic || ((!edges || TakeInEdges(m_plan.flattening, m_box)) && GrowOnEarth());
    return m_isKnown;
}

/* ---- in the layer's CRS ---- */

static bool GetExtent(const LayerPlan &layer, OGRLayerH handle, OGREnvelope *extent)
{
    return OGR_L_TestCapability(handle, OLCFastGetExtent) &&
           OGR_L_GetExtentEx(handle, layer.geometryField, extent, FALSE) == OGRERR_NONE &&
           std::isfinite(extent->MinX + extent->MaxX + extent->MinY + extent->MaxY);
}

/* A table of SQLite may hold lines where it says points. */
static bool IsMadeOfPoints(const LayerPlan &layer, OGRLayerH handle)
{
    if (!EQUAL(layer.driver.c_str(), "FlatGeobuf") && !EQUAL(layer.driver.c_str(), "PostgreSQL"))
        return false;
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(handle);
    const OGRwkbGeometryType type = wkbFlatten(OGR_GFld_GetType(OGR_FD_GetGeomFieldDefn(defn, layer.geometryField)));
    return type == wkbPoint || type == wkbMultiPoint;
}

/* The layer may number longitudes in any way: the box comes around as often as it meets -180 to 180, or the extent that
 * the layer says it has. */
static void ComeAround(const OGREnvelope &extent, double turn, OGREnvelope *box)
{
    const double least = std::min(extent.MinX, -turn / 2), most = std::max(extent.MaxX, turn / 2);
    const double first = std::ceil((least - box->MaxX) / turn), last = std::floor((most - box->MinX) / turn);
    box->MinX += turn * first;
    box->MaxX += turn * last;
}

/* Of points whose longitudes and latitudes are those of the plan. Edges that are geodesics go elsewhere than the
 * straight ones that a filter knows. */
bool Reach::InDegrees(const LayerPlan &layer, OGRLayerH handle, OGREnvelope *box) const
{
    OGREnvelope extent;
    if (!IsMadeOfPoints(layer, handle) || !GetExtent(layer, handle, &extent))
        return false;
    extent.MinX *= m_plan.toDegrees;
    extent.MaxX *= m_plan.toDegrees;
    *box = m_box;
    ComeAround(extent, 360, box);
    for (double *value : {&box->MinX, &box->MaxX, &box->MinY, &box->MaxY})
        *value /= m_plan.toDegrees;
    return true;
}

/* Layers that find what touches a box by an index, never older than they are, and whose FIDs are the same then. */
static bool FindsByIndex(const LayerPlan &layer, GDALDatasetH dataset, OGRLayerH handle)
{
    if (!OGR_L_TestCapability(handle, OLCFastSpatialFilter))
        return false;
    return EQUAL(layer.driver.c_str(), "FlatGeobuf") || IsTableWithFids(layer, dataset, OGR_L_GetFIDColumn(handle));
}

/* An index brings nothing where most of the layer is within reach. What the layer says of its extent may be wrong:
 * then only time is lost. */
static bool IsSmall(const LayerPlan &layer, OGRLayerH handle, const OGREnvelope &box)
{
    constexpr double kMost = 0.5;
    OGREnvelope extent, common = box;
    if (!GetExtent(layer, handle, &extent))
        return true;
    common.Intersect(extent);
    const auto area = [](const OGREnvelope &of) { return (of.MaxX - of.MinX) * (of.MaxY - of.MinY); };
    return !common.IsInit() || area(common) < kMost * area(extent);
}

/* The whole input is read for it, once more: only if that takes no network, and the near layer does. What an index of
 * SQLite finds there costs a request for each few features. */
bool Reach::IsWorthIt(const LayerPlan &layer) const
{
    if (m_plan.part > 1 || m_plan.lastPart < m_plan.parts)
        return true;
    VSIStatBufL status;
    const std::string &input = m_plan.input.name;
    return IsRemoteName(layer.name) && EQUAL(layer.driver.c_str(), "FlatGeobuf") && !IsVirtual(input) &&
           VSIStatL(input.c_str(), &status) == 0 && VSI_ISREG(status.st_mode);
}

bool Reach::Covers(const LayerPlan &layer, GDALDatasetH dataset, OGRLayerH handle, OGREnvelope *box)
{
    if (m_isGivenUp || !IsWorthIt(layer) || layer.transform || !std::isfinite(m_plan.limits.radius) ||
        !FindsByIndex(layer, dataset, handle) || !FindShare(handle))
        return false;
    *box = m_box;
    bool found = !m_plan.geodesic || InDegrees(layer, handle, box);
    found = found && std::isfinite(box->MinX + box->MaxX + box->MinY + box->MaxY) && IsSmall(layer, handle, *box);
    m_isUsed = m_isUsed || found;
    return found;
}

} // namespace fishnet::neartable
