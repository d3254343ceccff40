#include <cmath>

#include <ogr_api.h>

#include "crs_name.h"
#include "grid_chooser.h"
#include "patient_files.h"

namespace fishnet
{

bool ReadNumbers(const char *text, std::vector<double> &numbers)
{
    const CPLStringList pieces(
        CSLTokenizeString2(text, ",", CSLT_ALLOWEMPTYTOKENS | CSLT_STRIPLEADSPACES | CSLT_STRIPENDSPACES));
    for (int i = 0; i < pieces.size(); i++) {
        char *end = nullptr;
        numbers.push_back(CPLStrtod(pieces[i], &end));
        if (end == pieces[i] || *end || !std::isfinite(numbers.back()))
            return false;
    }
    return true;
}

/* NULL: no transformation is needed; the second: after CPLError. what: whose CRS it is. */
const CRSTransformation *GridChooser::ToOutput(const std::string &what, OGRSpatialReferenceH srs)
{
    std::string cause;
    if (m_transformation && IsSameCRS(srs, m_from.get()))
        return m_transformation.get();
    m_transformation = CRSTransformation::New(srs, m_grid.srs.get(), &cause);
    m_from = CopyCRS(srs);
    m_last.clear();
    if (!m_transformation)
        Fail("there is no transformation from the CRS of " + what + ", " + CRSName(srs) + ", to that of the result, " +
             CRSName(m_grid.srs.get()) + ": " + cause);
    return m_transformation.get();
}

/* ---- the extent ---- */

bool GridChooser::ExtentOf(const Area &area, const std::string &what, OGRSpatialReferenceH srs, Extent &extent,
                           bool needsEnd)
{
    extent = area.Bounds();
    if (IsSameCRS(srs, m_grid.srs.get()))
        return true;
    if (!srs)
        return Fail(what + " has no CRS, and the result has " + CRSName(m_grid.srs.get()) +
                    ": gdal_translate -of VRT -a_srs gives it one");
    if (!m_grid.srs)
        return Fail(what + " has a CRS, " + CRSName(srs) + ", and " + Model().what +
                    ", whose CRS the result has, has none: gdal_translate -of VRT -a_srs gives it one");
    const CRSTransformation *transformation = ToOutput(what, srs);
    if (!transformation)
        return false;
    if (m_last.empty() || !(m_last[0].first == area)) {
        m_last = {{area, Extent()}};
        m_reach = transformation->ExtentOf(area, m_last[0].second);
    }
    extent = m_last[0].second;
    if (m_reach == Reach::Bounded || (m_reach == Reach::Endless && !needsEnd))
        return true;
    const std::string of = what + ", " + CRSName(srs) + ", has ",
                      here = " in the CRS of the result, " + CRSName(m_grid.srs.get());
    return m_reach == Reach::Nowhere
               ? Fail("no part of " + of + "a place" + here)
               : Fail(of + "no end" + here + ": EXTENT=xmin,ymin,xmax,ymax says which part is wanted");
}

bool GridChooser::ExtentOf(const Place &place, Extent &extent, bool needsEnd)
{
    return ExtentOf(place.Whole(), place.what, place.srs.get(), extent, needsEnd);
}

bool GridChooser::ExtentOfFeatures(const char *name, GDALDatasetH dataset, Extent &extent)
{
    bool any = false;
    for (int i = 0; i < GDALDatasetGetLayerCount(dataset); i++) {
        OGRLayerH layer = GDALDatasetGetLayer(dataset, i);
        OGREnvelope e;
        if (OGR_L_GetGeomType(layer) == wkbNone || OGR_L_GetExtent(layer, &e, TRUE) != OGRERR_NONE)
            continue;
        const std::string what = std::string("layer ") + OGR_L_GetName(layer) + " of " + name;
        const SRSHandle srs = CopyCRS(OGR_L_GetSpatialRef(layer));
        Extent own;
        if (!ExtentOf(Area::Of(Extent{e.MinX, e.MinY, e.MaxX, e.MaxY}), what, srs.get(), own, true))
            return false;
        extent = any ? Union(extent, own) : own;
        any = true;
    }
    return (any && !IsEmpty(extent)) || Fail(std::string("EXTENT=") + name + ": its features have no extent");
}

bool GridChooser::ExtentOfDataset(const char *name, Extent &extent)
{
    const DatasetHandle dataset = OpenOther("EXTENT", name, GDAL_OF_RASTER | GDAL_OF_VECTOR);
    if (!dataset)
        return false;
    if (GDALGetRasterCount(dataset.get()) == 0 && GDALDatasetGetLayerCount(dataset.get()) > 0) {
        const int64_t failures = PatientFailures(); /* which end layers, for most drivers */
        return ExtentOfFeatures(name, dataset.get(), extent) &&
               (PatientFailures() == failures ||
                Fail(std::string("EXTENT=") + name + ": it cannot be read as a whole"));
    }
    Place place;
    place.what = std::string("EXTENT=") + name;
    return Locate(m_driver, dataset.get(), place) && ExtentOf(place, extent);
}

/* Two that have nothing in common, if it is pairs that have not: of rectangles it always is. */
bool GridChooser::NoOverlap(const std::vector<size_t> &inputs, const std::vector<Extent> &extents) const
{
    for (size_t i = 1; i < inputs.size(); i++)
        for (size_t k = 0; k < i; k++)
            if (IsEmpty(Common(extents[i], extents[k])))
                return Fail(m_places[inputs[i]].what + " and " + m_places[inputs[k]].what +
                            " do not overlap: they lie at " + Describe(extents[i]) + " and " + Describe(extents[k]));
    return Fail("the inputs have no extent in common");
}

bool GridChooser::JoinExtents(const std::vector<size_t> &inputs, bool common, Extent &extent)
{
    std::vector<Extent> extents;
    for (const size_t i : inputs) {
        Extent own;
        if (!ExtentOf(m_places[i], own, !common || inputs.size() == 1))
            return false;
        /* Beyond 180 degrees where the others are. */
        const bool moves = !IsSameCRS(m_places[i].srs.get(), m_grid.srs.get()) && m_transformation->Turn() > 0;
        const double apart = (extent.xmin + extent.xmax) / 2 - (own.xmin + own.xmax) / 2;
        if (moves && !extents.empty())
            own = Turned(own, m_transformation->Turn() * std::round(apart / m_transformation->Turn()));
        extent = extents.empty() ? own : common ? Common(extent, own) : Union(extent, own);
        extents.push_back(own);
    }
    return !IsEmpty(extent) || NoOverlap(inputs, extents);
}

bool GridChooser::FindExtent(Extent &extent)
{
    const char *given = m_options.extent;
    if (!given)
        return ExtentOf(Model(), extent);
    const bool common = EQUAL(given, "INTERSECTION"), isUnion = EQUAL(given, "UNION");
    std::vector<size_t> inputs = Named(given);
    if (common || isUnion) {
        inputs.clear();
        for (size_t i = 0; i < m_places.size(); i++)
            inputs.push_back(i);
    }
    if (!inputs.empty())
        return JoinExtents(inputs, common, extent);
    if (!fn_grid_holds_numbers(given))
        return ExtentOfDataset(given, extent);
    std::vector<double> numbers;
    const std::string option = std::string("EXTENT=") + given;
    if (!ReadNumbers(given, numbers) || numbers.size() != 4)
        return Fail(option + ": expected four numbers, xmin,ymin,xmax,ymax");
    extent = {numbers[0], numbers[1], numbers[2], numbers[3]};
    const bool isTurned = !(extent.xmin < extent.xmax);
    return !IsEmpty(extent) || Fail(option + ": expected xmin,ymin,xmax,ymax, and " +
                                    (isTurned ? "xmin is not below xmax" : "ymin is not below ymax"));
}

bool GridChooser::ChooseExtent(Extent &extent)
{
    if (!FindExtent(extent))
        return false;
    const bool isTyped = m_options.extent && fn_grid_holds_numbers(m_options.extent);
    m_extent = isTyped ? m_options.extent : Describe(extent);
    return true;
}

} // namespace fishnet
