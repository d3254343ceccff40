#include "crs_extent.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <cpl_conv.h>

namespace fishnet
{

static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/* ---- extents ---- */

Extent Common(const Extent &a, const Extent &b)
{
    return {std::max(a.xmin, b.xmin), std::max(a.ymin, b.ymin), std::min(a.xmax, b.xmax), std::min(a.ymax, b.ymax)};
}

Extent Union(const Extent &a, const Extent &b)
{
    return {std::min(a.xmin, b.xmin), std::min(a.ymin, b.ymin), std::max(a.xmax, b.xmax), std::max(a.ymax, b.ymax)};
}

bool IsEmpty(const Extent &extent)
{
    return !(extent.Width() > 0) || !(extent.Height() > 0);
}

std::string Describe(const Extent &e)
{
    return CPLSPrintf("%.12g,%.12g,%.12g,%.12g", e.xmin, e.ymin, e.xmax, e.ymax);
}

Extent Turned(const Extent &e, double by)
{
    return {e.xmin + by, e.ymin, e.xmax + by, e.ymax};
}

Area Area::Of(const Extent &e)
{
    return {{e.xmin, e.ymax}, {e.xmax - e.xmin, 0}, {0, e.ymin - e.ymax}};
}

Area Area::Of(const double *gt, double width, double height)
{
    return {{gt[0], gt[3]}, {width * gt[1], width * gt[4]}, {height * gt[2], height * gt[5]}};
}

Extent Area::Bounds() const
{
    Extent bounds = {corner[0], corner[1], corner[0], corner[1]};
    for (int k = 1; k < 4; k++) {
        const double s = k & 1, t = k >> 1;
        const double x = corner[0] + s * across[0] + t * down[0], y = corner[1] + s * across[1] + t * down[1];
        bounds = Union(bounds, {x, y, x, y});
    }
    return bounds;
}

bool Area::operator==(const Area &other) const
{
    const auto same = [](const double(&a)[2], const double(&b)[2]) { return std::equal(a, a + 2, b); };
    return same(corner, other.corner) && same(across, other.across) && same(down, other.down);
}

/* ---- transformations ---- */

bool IsSameCRS(OGRSpatialReferenceH a, OGRSpatialReferenceH b)
{
    if (!a || !b)
        return !a && !b;
    const char *const options[] = {"IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES", nullptr};
    return OSRIsSameEx(a, b, options) != 0;
}

static SRSHandle Horizontal(OGRSpatialReferenceH srs)
{
    SRSHandle own(OSRClone(srs));
    if (OSRIsCompound(own.get()))
        OSRStripVertical(own.get());
    OSRSetAxisMappingStrategy(own.get(), OAMS_TRADITIONAL_GIS_ORDER);
    return own;
}

std::unique_ptr<CRSTransformation> CRSTransformation::New(OGRSpatialReferenceH from, OGRSpatialReferenceH to,
                                                          std::string *cause)
{
    constexpr double kDegree = 3.14159265358979323846 / 180;
    const SRSHandle source = Horizontal(from), target = Horizontal(to);
    std::unique_ptr<CRSTransformation> self(new CRSTransformation());
    MessageCollector collector;
    self->m_forward.reset(OCTNewCoordinateTransformation(source.get(), target.get()));
    self->m_back.reset(self->m_forward ? OCTNewCoordinateTransformation(target.get(), source.get()) : nullptr);
    if (!self->m_back) {
        *cause = collector.Cause("PROJ has none");
        return nullptr;
    }
    if (OSRIsGeographic(target.get())) {
        const double degrees = OSRGetAngularUnits(target.get(), nullptr) / kDegree;
        self->m_turn = std::abs(degrees - 1) < 1e-9 || !(degrees > 0) ? 360 : 360 / degrees;
    }
    return self;
}

static void Run(OGRCoordinateTransformationH transformation, std::vector<double> &x, std::vector<double> &y)
{
    MessageCollector collector;
    std::vector<int> done(x.size());
    std::vector<double> z(x.size());
    OCTTransformEx(transformation, static_cast<int>(x.size()), x.data(), y.data(), z.data(), done.data());
    for (size_t i = 0; i < x.size(); i++)
        if (!done[i] || !std::isfinite(x[i]) || !std::isfinite(y[i]))
            x[i] = y[i] = kNone;
}

void CRSTransformation::Transform(std::vector<double> &x, std::vector<double> &y) const
{
    Run(m_forward.get(), x, y);
}

/* ---- extents ---- */

namespace
{

/* Places of an area, by s and t, and where they are in the other CRS. */
struct Places {
    std::vector<double> s, t, x, y;
    size_t onEdges = 0; /* that come before those inside */

    void Add(double across, double down)
    {
        s.push_back(across);
        t.push_back(down);
    }
};

/* The largest, or smallest, x or y of an area: of the best of some places, from which it climbs on by steps that get
 * smaller. The best is mostly on an edge; inside it is a pole, or where the world is cut. */
class Climb
{
  public:
    Climb(const CRSTransformation &transformation, const Area &area, double turn, double centre)
        : m_transformation(transformation), m_area(area), m_turn(turn), m_centre(centre)
    {
    }

    void Find(Places &places) const
    {
        places.x.clear();
        places.y.clear();
        for (size_t i = 0; i < places.s.size(); i++) {
            const double s = places.s[i], t = places.t[i];
            places.x.push_back(m_area.corner[0] + s * m_area.across[0] + t * m_area.down[0]);
            places.y.push_back(m_area.corner[1] + s * m_area.across[1] + t * m_area.down[1]);
        }
        m_transformation.Transform(places.x, places.y);
        /* Longitudes in half a circle to both sides of the centre. */
        for (double &x : places.x)
            if (m_turn > 0)
                x = m_centre + std::remainder(x - m_centre, m_turn);
    }

    /* sign: 1 for the largest, -1 for the smallest. places: found. */
    double Best(const Places &places, bool isX, double sign, double step) const
    {
        constexpr double kLeast = 1e-13;
        double best = -HUGE_VAL, s = 0, t = 0;
        const auto take = [&](const Places &some) {
            const std::vector<double> &values = isX ? some.x : some.y;
            bool better = false;
            for (size_t i = 0; i < values.size(); i++)
                if (sign * values[i] > best) {
                    best = sign * values[i];
                    s = some.s[i];
                    t = some.t[i];
                    better = true;
                }
            return better;
        };
        take(places);
        for (int moves = 0; step > kLeast && moves < kMost; moves++) {
            Places around;
            for (int k = 0; k < 9; k++)
                if (k != 4)
                    around.Add(std::clamp(s + (k % 3 - 1) * step, 0.0, 1.0),
                               std::clamp(t + (k / 3 - 1) * step, 0.0, 1.0));
            Find(around);
            if (!take(around))
                step /= 2;
        }
        return sign * best;
    }

  private:
    static constexpr int kMost = 1000; /* where it goes to infinity */
    const CRSTransformation &m_transformation;
    const Area &m_area;
    const double m_turn, m_centre;
};

/* Around all edges, and a net inside. */
constexpr int kEdge = 256, kNet = 32;

Places PlacesOf()
{
    Places places;
    for (int i = 0; i <= kEdge; i++) {
        const double part = i / static_cast<double>(kEdge);
        for (const double end : {0.0, 1.0}) {
            places.Add(part, end);
            places.Add(end, part);
        }
    }
    places.onEdges = places.s.size();
    for (int i = 1; i < kNet; i++)
        for (int k = 1; k < kNet; k++)
            places.Add(i / static_cast<double>(kNet), k / static_cast<double>(kNet));
    return places;
}

} // namespace

/* Well inside, not on an edge. */
bool CRSTransformation::Contains(const Area &area, double longitude, double latitude) const
{
    constexpr double kEdgeOnly = 1e-9;
    std::vector<double> x = {longitude}, y = {latitude};
    Run(m_back.get(), x, y);
    const double determinant = area.across[0] * area.down[1] - area.across[1] * area.down[0];
    const double dx = x[0] - area.corner[0], dy = y[0] - area.corner[1];
    const double s = (dx * area.down[1] - dy * area.down[0]) / determinant;
    const double t = (dy * area.across[0] - dx * area.across[1]) / determinant;
    return s > kEdgeOnly && s < 1 - kEdgeOnly && t > kEdgeOnly && t < 1 - kEdgeOnly;
}

/* Is it much larger than what is inside shows? values: x or y of the places. */
static bool IsEndless(const Places &places, const std::vector<double> &values, double least, double most)
{
    constexpr double kMost = 3;
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (size_t i = places.onEdges; i < values.size(); i++)
        if (!std::isnan(values[i])) {
            low = std::min(low, values[i]);
            high = std::max(high, values[i]);
        }
    return !(most - least <= kMost * (high - low));
}

Reach CRSTransformation::ExtentOf(const Area &area, Extent &extent) const
{
    Places places = PlacesOf();
    Climb(*this, area, 0, 0).Find(places);
    const double middle = places.x[places.onEdges + (places.x.size() - places.onEdges) / 2];
    const auto first = std::find_if(places.x.begin(), places.x.end(), [](double x) { return !std::isnan(x); });
    if (first == places.x.end())
        return Reach::Nowhere;
    const Climb climb(*this, area, m_turn, std::isnan(middle) ? *first : middle);
    climb.Find(places);
    const double step = 1.0 / kEdge;
    extent = {climb.Best(places, true, -1, step), climb.Best(places, false, -1, step),
              climb.Best(places, true, 1, step), climb.Best(places, false, 1, step)};
    if (!(m_turn > 0))
        return IsEndless(places, places.x, extent.xmin, extent.xmax) ||
                       IsEndless(places, places.y, extent.ymin, extent.ymax)
                   ? Reach::Endless
                   : Reach::Bounded;
    const bool north = Contains(area, 0, m_turn / 4), south = Contains(area, 0, -m_turn / 4);
    extent.ymax = north ? m_turn / 4 : extent.ymax;
    extent.ymin = south ? -m_turn / 4 : extent.ymin;
    const double between = (extent.xmin + extent.xmax) / 2, half = m_turn / 2;
    if (north || south)
        extent = {-half, extent.ymin, half, extent.ymax};
    else
        extent = Turned(extent, -m_turn * std::ceil((between - half) / m_turn - 1e-9));
    return Reach::Bounded;
}

void CRSTransformation::SidesOf(const Area &area, double *across, double *down) const
{
    constexpr double kDegree = 3.14159265358979323846 / 180, kNearPole = 85; /* degrees */
    std::vector<double> x = {area.corner[0], area.corner[0] + area.across[0], area.corner[0] + area.down[0]};
    std::vector<double> y = {area.corner[1], area.corner[1] + area.across[1], area.corner[1] + area.down[1]};
    Transform(x, y);
    const auto distance = [&](size_t k) {
        double dx = x[k] - x[0];
        if (m_turn > 0) {
            const double latitude = (y[0] + y[k]) / 2 * 360 / m_turn;
            dx = std::remainder(dx, m_turn);
            /* There degrees of longitude say nothing of the size of a cell. */
            dx *= std::abs(latitude) > kNearPole ? std::cos(latitude * kDegree) : 1;
        }
        return std::hypot(dx, y[k] - y[0]);
    };
    *across = distance(1);
    *down = distance(2);
}

} // namespace fishnet
