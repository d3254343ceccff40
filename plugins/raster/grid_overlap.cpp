#include <algorithm>
#include <cmath>
#include <map>

#include "grid_chooser.h"

namespace fishnet
{

/* Has the result a cell whose centre, or so, lies in the raster? */
bool GridChooser::Reaches(const Place &place)
{
    constexpr int kNet = 64;
    const Extent whole = Area::Of(m_grid.geotransform, m_grid.width, m_grid.height).Bounds();
    Extent extent;
    std::string cause;
    if (!ExtentOf(place, extent, false))
        return false;
    const double turn = IsSameCRS(place.srs.get(), m_grid.srs.get()) ? 0 : m_transformation->Turn();
    for (const int k : {0, 1, -1})
        if (!IsEmpty(Common(whole, Turned(extent, k * turn))))
            return true;
    const auto back =
        m_grid.srs && place.srs ? CRSTransformation::New(m_grid.srs.get(), place.srs.get(), &cause) : nullptr;
    std::vector<double> x, y;
    for (int i = 0; back && i < kNet * kNet; i++) {
        x.push_back(whole.xmin + (i % kNet + 0.5) / kNet * whole.Width());
        y.push_back(whole.ymin + (i / kNet + 0.5) / kNet * whole.Height());
    }
    const Extent own = place.Whole().Bounds();
    if (back)
        back->Transform(x, y);
    for (size_t i = 0; i < x.size(); i++)
        if (x[i] > own.xmin && x[i] < own.xmax && y[i] > own.ymin && y[i] < own.ymax)
            return true;
    return false;
}

/* Each input has something to give; of a stack, one of its members. */
bool GridChooser::CheckOverlap()
{
    std::map<std::string, bool> reached;
    for (size_t i = 0; i < m_places.size(); i++) {
        bool &any = reached[m_inputs[i].key];
        if (any)
            continue;
        Extent extent;
        if (!ExtentOf(m_places[i], extent, false)) /* which has no place there */
            return false;
        any = Reaches(m_places[i]);
        const bool isLast = i + 1 == m_places.size() || m_inputs[i + 1].key != m_inputs[i].key;
        if (!any && isLast)
            return Fail(m_places[i].what + " and the extent of the result do not overlap: they lie at " +
                        Describe(extent) + " and " + m_extent);
    }
    return true;
}

/* An offset that is neither nothing nor to be resampled without being asked for. */
bool GridChooser::CheckOffsets() const
{
    constexpr double kSmall = 1e-2; /* of a cell */
    for (size_t i = 0; i < m_places.size(); i++) {
        const Place &place = m_places[i];
        const bool own = fn_grid_options_has_method(&m_options, m_inputs[i].key.c_str());
        double x = 0, y = 0;
        if (own || m_options.resampling_given || !IsSameCRS(place.srs.get(), m_grid.srs.get()) ||
            !OffsetIn(place, m_grid.geotransform, &x, &y))
            continue;
        const double farthest = std::max(std::abs(x), std::abs(y));
        if (farthest > kWholeCells && farthest <= kSmall)
            return Fail(place.what +
                        CPLSPrintf(" is shifted by %.3g, %.3g of a cell against the grid of the result: is "
                                   "that an error of rounding? RESAMPLING=NEAR takes its cells as they "
                                   "are, RESAMPLING=AUTO resamples it",
                                   x, y));
    }
    return true;
}

} // namespace fishnet
