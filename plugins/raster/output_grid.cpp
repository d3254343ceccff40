#include "output_grid.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstring>
#include <map>

#include <ogr_api.h>

#include "crs_extent.h"
#include "crs_name.h"
#include "raster_place.h"

namespace fishnet
{

/* What lies on a line between cells but for rounding, in cells. */
static constexpr double kTolerance = kWholeCells;

namespace
{

struct CellSize {
    double x = 0, y = 0;
    std::string whose;
    bool isSaid = false; /* by a message: nobody has written it */
};

class Chooser
{
  public:
    Chooser(const Inputs &inputs, const fn_grid_options &options, OutputGrid &grid)
        : m_inputs(inputs), m_options(options), m_grid(grid), m_driver(inputs[0].driver)
    {
    }
    bool Choose(const InputHandles &handles);

  private:
    bool Fail(const std::string &text) const
    {
        CPLError(CE_Failure, CPLE_AppDefined, "%s: %s", m_driver, WithoutSecrets(text).c_str());
        return false;
    }
    bool LocateInputs(const InputHandles &handles);
    std::vector<size_t> Named(const std::string &name) const;
    std::string NamesThere() const;
    bool NoSuch(const char *option, const char *value, const std::string &cause) const;
    DatasetHandle OpenOther(const char *option, const char *name, unsigned kinds) const;

    void CompleteCRS();
    bool ChooseCRS();
    const CRSTransformation *ToOutput(const std::string &what, OGRSpatialReferenceH srs);
    bool ExtentOf(const Area &area, const std::string &what, OGRSpatialReferenceH srs, Extent &extent, bool needsEnd);
    bool ExtentOf(const Place &place, Extent &extent, bool needsEnd = true);
    bool ExtentOfFeatures(const char *name, GDALDatasetH dataset, Extent &extent);
    bool ExtentOfDataset(const char *name, Extent &extent);
    bool JoinExtents(const std::vector<size_t> &inputs, bool common, Extent &extent);
    bool NoOverlap(const std::vector<size_t> &inputs, const std::vector<Extent> &extents) const;
    bool ChooseExtent(Extent &extent);

    bool CellOf(const Place &place, CellSize &cell);
    bool ChooseCell(CellSize &cell);
    bool OriginOf(const Place &place, double *x, double *y) const;
    bool ChooseOrigin(const Extent &extent, double *x, double *y) const;
    bool Fit(const Extent &extent, const CellSize &cell, double x, double y);
    bool IsThatOfA() const;
    bool Reaches(const Place &place);
    bool CheckOverlap();
    bool CheckOffsets() const;

    const Inputs &m_inputs;
    const fn_grid_options &m_options;
    OutputGrid &m_grid;
    const char *const m_driver;
    std::vector<Place> m_places;
    /* The last one: members of a stack mostly have one CRS, and one place. */
    SRSHandle m_from;
    std::unique_ptr<CRSTransformation> m_transformation;
    std::vector<std::pair<Area, Extent>> m_last; /* transformed by it; one, or none */
    Reach m_reach = Reach::Nowhere;              /* of that */
};

/* "1,2.5": all of it finite numbers. */
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

/* ---- where things lie ---- */

bool Chooser::LocateInputs(const InputHandles &handles)
{
    for (size_t i = 0; i < m_inputs.size(); i++) {
        Place &place = m_places.emplace_back();
        place.what = Describe(m_inputs[i]);
        if (!Locate(m_driver, handles[i], place))
            return false;
    }
    return true;
}

/* The inputs of a name: members of a stack are called alike. */
std::vector<size_t> Chooser::Named(const std::string &name) const
{
    std::vector<size_t> found;
    for (size_t i = 0; i < m_inputs.size(); i++)
        if (m_inputs[i].key == name)
            found.push_back(i);
    return found;
}

std::string Chooser::NamesThere() const
{
    std::string names;
    for (size_t i = 0; i < m_inputs.size(); i++)
        if (i == 0 || m_inputs[i].key != m_inputs[i - 1].key)
            names += (names.empty() ? "" : ", ") + m_inputs[i].key;
    return names;
}

bool Chooser::NoSuch(const char *option, const char *value, const std::string &cause) const
{
    const char *words = EQUAL(option, "EXTENT") ? " (or INTERSECTION, UNION, numbers)" : " (or TAP)";
    return Fail(std::string(option) + "=" + value + ": there is no input of that name, only " + NamesThere() + words +
                (cause.empty() ? "" : ", and no such dataset: " + cause));
}

/* A dataset that is no input. NULL after CPLError. */
DatasetHandle Chooser::OpenOther(const char *option, const char *name, unsigned kinds) const
{
    if (!fn_grid_names_file(option, name)) {
        NoSuch(option, name, "");
        return nullptr;
    }
    std::string cause;
    DatasetHandle dataset;
    {
        MessageCollector collector;
        dataset.reset(GDALOpenEx(name, kinds | GDAL_OF_INTERNAL | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
        cause = collector.Cause("it is not recognized");
    }
    if (!dataset)
        NoSuch(option, name, cause);
    return dataset;
}

/* ---- the CRS ---- */

/* In the CRS of the first input those that have none are taken to be in that, and if it has none, all are: whether they
 * may, CheckGrids() decides. */
void Chooser::CompleteCRS()
{
    for (Place &place : m_places)
        if (!place.srs || !m_grid.srs)
            place.srs = CopyCRS(m_grid.srs.get());
}

bool Chooser::ChooseCRS()
{
    const Place &first = m_places[0];
    const char *given = m_options.crs;
    m_grid.srs = CopyCRS(first.srs.get());
    if (!given) {
        CompleteCRS();
        return true;
    }
    const std::vector<size_t> named = Named(given);
    if (!named.empty()) {
        const Place &place = m_places[named[0]];
        const bool isThatOfA = IsSameCRS(place.srs.get(), m_grid.srs.get());
        m_grid.srs = isThatOfA ? std::move(m_grid.srs) : CopyCRS(place.srs.get());
        if (!m_grid.srs)
            return Fail(std::string("CRS=") + given + ": " + place.what + " has no CRS");
        if (isThatOfA)
            CompleteCRS();
        return true;
    }
    SRSHandle srs(OSRNewSpatialReference(nullptr));
    std::string cause;
    {
        MessageCollector collector;
        if (OSRSetFromUserInput(srs.get(), given) != OGRERR_NONE)
            cause = collector.Cause("it is not recognized");
    }
    if (!cause.empty())
        return Fail(std::string("CRS=") + given + ": no CRS, and no input, of that name: " + cause);
    if (!OSRIsGeographic(srs.get()) && !OSRIsProjected(srs.get()) && !OSRIsLocal(srs.get()))
        return Fail(std::string("CRS=") + given + ": " + CRSName(srs.get()) + " is neither projected nor geographic");
    OSRSetAxisMappingStrategy(srs.get(), OAMS_TRADITIONAL_GIS_ORDER);
    if (IsSameCRS(srs.get(), m_grid.srs.get()))
        CompleteCRS();
    else
        m_grid.srs = std::move(srs);
    return true;
}

/* NULL: no transformation is needed; the second: after CPLError. what: whose CRS it is. */
const CRSTransformation *Chooser::ToOutput(const std::string &what, OGRSpatialReferenceH srs)
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

bool Chooser::ExtentOf(const Area &area, const std::string &what, OGRSpatialReferenceH srs, Extent &extent,
                       bool needsEnd)
{
    extent = area.Bounds();
    if (IsSameCRS(srs, m_grid.srs.get()))
        return true;
    if (!srs)
        return Fail(what + " has no CRS, and the result has " + CRSName(m_grid.srs.get()) +
                    ": gdal_translate -of VRT -a_srs gives it one");
    if (!m_grid.srs)
        return Fail(what + " has a CRS, " + CRSName(srs) + ", and " + m_places[0].what +
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

bool Chooser::ExtentOf(const Place &place, Extent &extent, bool needsEnd)
{
    return ExtentOf(place.Whole(), place.what, place.srs.get(), extent, needsEnd);
}

bool Chooser::ExtentOfFeatures(const char *name, GDALDatasetH dataset, Extent &extent)
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

bool Chooser::ExtentOfDataset(const char *name, Extent &extent)
{
    const DatasetHandle dataset = OpenOther("EXTENT", name, GDAL_OF_RASTER | GDAL_OF_VECTOR);
    if (!dataset)
        return false;
    if (GDALGetRasterCount(dataset.get()) == 0 && GDALDatasetGetLayerCount(dataset.get()) > 0)
        return ExtentOfFeatures(name, dataset.get(), extent);
    Place place;
    place.what = std::string("EXTENT=") + name;
    return Locate(m_driver, dataset.get(), place) && ExtentOf(place, extent);
}

/* Two that have nothing in common, if it is pairs that have not: of rectangles it always is. */
bool Chooser::NoOverlap(const std::vector<size_t> &inputs, const std::vector<Extent> &extents) const
{
    for (size_t i = 1; i < inputs.size(); i++)
        for (size_t k = 0; k < i; k++)
            if (IsEmpty(Common(extents[i], extents[k])))
                return Fail(m_places[inputs[i]].what + " and " + m_places[inputs[k]].what +
                            " do not overlap: they lie at " + Describe(extents[i]) + " and " + Describe(extents[k]));
    return Fail("the inputs have no extent in common");
}

bool Chooser::JoinExtents(const std::vector<size_t> &inputs, bool common, Extent &extent)
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

bool Chooser::ChooseExtent(Extent &extent)
{
    const char *given = m_options.extent;
    if (!given)
        return ExtentOf(m_places[0], extent);
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

/* ---- cells ---- */

/* To so many digits: what is found by transforming is not more exact, and should be easy to write. */
double Rounded(double value)
{
    return CPLAtof(CPLSPrintf("%.12g", value));
}

bool Chooser::CellOf(const Place &place, CellSize &cell)
{
    const double *gt = place.geotransform;
    cell.whose = place.what;
    if (IsSameCRS(place.srs.get(), m_grid.srs.get())) {
        cell.x = place.IsRotated() ? std::hypot(gt[1], gt[4]) : std::abs(gt[1]);
        cell.y = place.IsRotated() ? std::hypot(gt[2], gt[5]) : std::abs(gt[5]);
        return true;
    }
    constexpr double kMostAlong = 30; /* of one side beside the other */
    Extent unused;
    double across = 0, down = 0;
    if (!place.srs || !m_grid.srs)
        return ExtentOf(place, unused); /* which says why */
    const CRSTransformation *transformation = ToOutput(place.what, place.srs.get());
    if (!transformation)
        return false;
    transformation->SidesOf(place.Centre(), &across, &down);
    cell.x = cell.y = Rounded((across + down) / 2);
    cell.isSaid = true;
    const bool isTorn = !(std::max(across, down) <= kMostAlong * std::min(across, down));
    return (std::isfinite(cell.x) && cell.x > 0 && !isTorn) ||
           Fail("the cell in the middle of " + place.what + " has no place in the CRS of the result, " +
                CRSName(m_grid.srs.get()) + ", or is torn apart there: CELL_SIZE=<x> says how large cells are");
}

bool Chooser::ChooseCell(CellSize &cell)
{
    const char *given = m_options.cell_size;
    const bool finest = given && EQUAL(given, "FINEST"), coarsest = given && EQUAL(given, "COARSEST");
    if (finest || coarsest) {
        for (const Place &place : m_places) {
            CellSize own;
            if (!CellOf(place, own))
                return false;
            const double area = own.x * own.y, best = cell.x * cell.y;
            if (cell.whose.empty() || (finest ? area < best : area > best))
                cell = own;
        }
        cell.isSaid = true;
        return true;
    }
    const std::vector<size_t> named = given ? Named(given) : std::vector<size_t>{0};
    if (!named.empty())
        return CellOf(m_places[named[0]], cell);
    const std::string option = std::string("CELL_SIZE=") + given;
    std::vector<double> numbers;
    if (!ReadNumbers(given, numbers) || numbers.empty() || numbers.size() > 2)
        return Fail(option + ": expected x or x,y, FINEST, COARSEST, or the name of an input, which are " +
                    NamesThere());
    cell.x = numbers[0];
    cell.y = numbers.back();
    return (cell.x > 0 && cell.y > 0) || Fail(option + ": expected numbers above 0");
}

/* ---- the origin ---- */

bool Chooser::OriginOf(const Place &place, double *x, double *y) const
{
    const double *gt = place.geotransform;
    if (!IsSameCRS(place.srs.get(), m_grid.srs.get()))
        return Fail(place.what + " is in " + CRSName(place.srs.get()) + " and the result in " +
                    CRSName(m_grid.srs.get()) +
                    ": SNAP takes a raster in that of the result, "
                    "or TAP");
    if (place.IsRotated())
        return Fail(place.what + " is rotated, and another grid than its own is north up: SNAP=TAP, or another raster, "
                                 "says where cells begin");
    *x = gt[1] > 0 ? gt[0] : gt[0] + place.width * gt[1];
    *y = gt[5] < 0 ? gt[3] : gt[3] + place.height * gt[5];
    return true;
}

/* Without SNAP it is A that says it, and where that is in another CRS, the extent. */
bool Chooser::ChooseOrigin(const Extent &extent, double *x, double *y) const
{
    const char *given = m_options.snap;
    if (given && EQUAL(given, "TAP")) {
        *x = *y = 0;
        return true;
    }
    if (!given && !IsSameCRS(m_places[0].srs.get(), m_grid.srs.get())) {
        *x = extent.xmin;
        *y = extent.ymax;
        return true;
    }
    const std::vector<size_t> named = given ? Named(given) : std::vector<size_t>{0};
    if (!named.empty())
        return OriginOf(m_places[named[0]], x, y);
    const DatasetHandle dataset = OpenOther("SNAP", given, GDAL_OF_RASTER);
    Place place;
    place.what = std::string("SNAP=") + given;
    return dataset && Locate(m_driver, dataset.get(), place) && OriginOf(place, x, y);
}

/* ---- all ---- */

/* Cells from the origin that have the extent within them. */
bool Chooser::Fit(const Extent &extent, const CellSize &cell, double x, double y)
{
    constexpr double kMostCells = 1e12;
    const double left = std::floor((extent.xmin - x) / cell.x + kTolerance);
    const double top = std::floor((y - extent.ymax) / cell.y + kTolerance);
    const double xmin = x + left * cell.x, ymax = y - top * cell.y;
    const double columns = std::max(1.0, std::ceil((extent.xmax - xmin) / cell.x - kTolerance));
    const double lines = std::max(1.0, std::ceil((ymax - extent.ymin) / cell.y - kTolerance));
    const std::string size =
        CPLSPrintf("%.15g x %.15g cells of %.15g x %.15g in the extent ", columns, lines, cell.x, cell.y) +
        Describe(extent);
    if (!(columns * lines <= kMostCells))
        return Fail("the result would have " + std::string(CPLSPrintf("%.4g", columns * lines)) +
                    " cells, and 10^12 are possible: " + size);
    if (columns > INT_MAX || lines > INT_MAX)
        return Fail("the result would have too many columns or lines, 2147483647 are possible: " + size);
    const double geotransform[6] = {xmin, cell.x, 0, ymax, 0, -cell.y};
    std::copy(geotransform, geotransform + 6, m_grid.geotransform);
    m_grid.width = static_cast<int>(columns);
    m_grid.height = static_cast<int>(lines);
    return true;
}

/* Whether nothing is asked for but what A has, as it has it: south up, or rotated, too. */
bool Chooser::IsThatOfA() const
{
    const auto isA = [this](const char *given) {
        const std::vector<size_t> named = given ? Named(given) : std::vector<size_t>{0};
        return named == std::vector<size_t>{0};
    };
    return isA(m_options.extent) && isA(m_options.cell_size) && isA(m_options.snap) &&
           IsSameCRS(m_places[0].srs.get(), m_grid.srs.get());
}

/* Has the result a cell whose centre, or so, lies in the raster? */
bool Chooser::Reaches(const Place &place)
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
bool Chooser::CheckOverlap()
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
                        Describe(extent) + " and " +
                        Describe(Area::Of(m_grid.geotransform, m_grid.width, m_grid.height).Bounds()));
    }
    return true;
}

/* An offset that is neither nothing nor to be resampled without being asked for. */
bool Chooser::CheckOffsets() const
{
    constexpr double kSmall = 1e-2; /* of a cell */
    for (size_t i = 0; i < m_places.size(); i++) {
        const Place &place = m_places[i];
        const bool own = std::any_of(m_options.own, m_options.own + m_options.n_own,
                                     [&](const auto &given) { return m_inputs[i].key == given.name; });
        double x = 0, y = 0;
        if (own || m_options.resampling_given || !IsSameCRS(place.srs.get(), m_grid.srs.get()) ||
            !OffsetIn(place, m_grid.geotransform, &x, &y))
            continue;
        const double farthest = std::max(std::abs(x), std::abs(y));
        if (farthest > kTolerance && farthest <= kSmall)
            return Fail(place.what +
                        CPLSPrintf(" is shifted by %.3g, %.3g of a cell against the grid of the result: is "
                                   "that an error of rounding? RESAMPLING=NEAR takes its cells as they "
                                   "are, RESAMPLING=AUTO resamples it",
                                   x, y));
    }
    return true;
}

bool Chooser::Choose(const InputHandles &handles)
{
    if (!LocateInputs(handles) || !ChooseCRS())
        return false;
    const Place &first = m_places[0];
    if (IsThatOfA()) {
        std::copy(first.geotransform, first.geotransform + 6, m_grid.geotransform);
        m_grid.width = first.width;
        m_grid.height = first.height;
        return CheckOverlap() && CheckOffsets();
    }
    Extent extent;
    CellSize cell;
    double x = 0, y = 0;
    if (!ChooseExtent(extent) || !ChooseCell(cell) || !ChooseOrigin(extent, &x, &y) || !Fit(extent, cell, x, y) ||
        !CheckOverlap() || !CheckOffsets())
        return false;
    if (cell.isSaid)
        CPLError(CE_Warning, CPLE_AppDefined, "%s: cells of the result are %.15g x %.15g, by those of %s", m_driver,
                 cell.x, cell.y, cell.whose.c_str());
    CPLDebug("FISHNET", "grid of the result: %d x %d cells of %.17g x %.17g from %.17g,%.17g in %s", m_grid.width,
             m_grid.height, cell.x, cell.y, m_grid.geotransform[0], m_grid.geotransform[3],
             CRSName(m_grid.srs.get()).c_str());
    return true;
}

} // namespace

std::vector<std::string> FilesOf(const fn_grid_options &options)
{
    const std::pair<const char *, const char *> given[] = {
        {"EXTENT", options.extent}, {"SNAP", options.snap}, {"CRS", options.crs}};
    std::vector<std::string> files;
    for (const auto &[option, value] : given)
        if (value && fn_grid_names_file(option, value))
            files.emplace_back(value);
    return files;
}

bool ChooseGrid(const Inputs &inputs, const InputHandles &handles, const fn_grid_options &options, OutputGrid &grid)
{
    return Chooser(inputs, options, grid).Choose(handles);
}

} // namespace fishnet
