#include "output_grid.h"

#include <algorithm>
#include <climits>
#include <cmath>

#include "crs_name.h"
#include "first_open.h"
#include "grid_chooser.h"

namespace fishnet
{

/* ---- where things lie ---- */

bool GridChooser::LocateInputs(const InputHandles &handles)
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
std::vector<size_t> GridChooser::Named(const std::string &name) const
{
    std::vector<size_t> found;
    for (size_t i = 0; i < m_inputs.size(); i++)
        if (m_inputs[i].key == name)
            found.push_back(i);
    return found;
}

std::string GridChooser::NamesThere() const
{
    std::string names;
    for (size_t i = 0; i < m_inputs.size(); i++)
        if (i == 0 || m_inputs[i].key != m_inputs[i - 1].key)
            names += (names.empty() ? "" : ", ") + m_inputs[i].key;
    return names;
}

bool GridChooser::NoSuch(const char *option, const char *value, const std::string &cause) const
{
    const char *words = EQUAL(option, "EXTENT") ? " (or INTERSECTION, UNION, numbers)"
                        : EQUAL(option, "SNAP") ? " (or TAP)"
                                                : "";
    return Fail(std::string(option) + "=" + value + ": there is no input of that name, only " + NamesThere() + words +
                (cause.empty() ? "" : ", and no such dataset: " + cause));
}

/* A dataset that is no input. NULL after CPLError. */
DatasetHandle GridChooser::OpenOther(const char *option, const char *name, unsigned kinds) const
{
    if (!fn_grid_names_file(option, name)) {
        NoSuch(option, name, "");
        return nullptr;
    }
    std::string cause;
    DatasetHandle dataset = OpenForGrid(option, name, kinds, cause);
    if (!dataset)
        NoSuch(option, name, cause);
    return dataset;
}

/* What options do not say is as in the input, or the dataset, that LIKE names; of a stack its first member. */
bool GridChooser::ChooseModel()
{
    const char *given = m_options.like;
    const std::vector<size_t> named = given ? Named(given) : std::vector<size_t>{0};
    if (!named.empty()) {
        m_model = named[0];
        return true;
    }
    const DatasetHandle dataset = OpenOther("LIKE", given, GDAL_OF_RASTER);
    m_model = m_places.size();
    m_other.what = std::string("LIKE=") + given;
    return dataset && Locate(m_driver, dataset.get(), m_other);
}

/* ---- the CRS ---- */

/* In the CRS of the model those inputs that have none are taken to be in that; if it has none, all are: whether they
 * may, CheckGrids() decides. */
void GridChooser::CompleteCRS()
{
    for (Place &place : m_places)
        if (!place.srs || !m_grid.srs)
            place.srs = CopyCRS(m_grid.srs.get());
}

bool GridChooser::ChooseCRS()
{
    const char *given = m_options.crs;
    m_grid.srs = CopyCRS(Model().srs.get());
    if (!given) {
        CompleteCRS();
        return true;
    }
    const std::vector<size_t> named = Named(given);
    if (!named.empty()) {
        const Place &place = m_places[named[0]];
        const bool isThatOfModel = IsSameCRS(place.srs.get(), m_grid.srs.get());
        m_grid.srs = isThatOfModel ? std::move(m_grid.srs) : CopyCRS(place.srs.get());
        if (!m_grid.srs)
            return Fail(std::string("CRS=") + given + ": " + place.what + " has no CRS");
        if (isThatOfModel)
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

/* ---- cells ---- */

/* To so many digits: what is found by transforming is not more exact, and should be easy to write. */
double Rounded(double value)
{
    return CPLAtof(CPLSPrintf("%.12g", value));
}

bool GridChooser::CellOf(const Place &place, CellSize &cell)
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

bool GridChooser::ChooseCell(CellSize &cell)
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
    if (!given)
        return CellOf(Model(), cell);
    const std::vector<size_t> named = Named(given);
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

bool GridChooser::OriginOf(const Place &place, double *x, double *y) const
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

/* Without SNAP it is the model that says it, and where that is in another CRS, the extent. */
bool GridChooser::ChooseOrigin(const Extent &extent, double *x, double *y) const
{
    const char *given = m_options.snap;
    if (given && EQUAL(given, "TAP")) {
        *x = *y = 0;
        return true;
    }
    if (!given && !IsSameCRS(Model().srs.get(), m_grid.srs.get())) {
        *x = extent.xmin;
        *y = extent.ymax;
        return true;
    }
    if (!given)
        return OriginOf(Model(), x, y);
    const std::vector<size_t> named = Named(given);
    if (!named.empty())
        return OriginOf(m_places[named[0]], x, y);
    const DatasetHandle dataset = OpenOther("SNAP", given, GDAL_OF_RASTER);
    Place place;
    place.what = std::string("SNAP=") + given;
    return dataset && Locate(m_driver, dataset.get(), place) && OriginOf(place, x, y);
}

/* ---- all ---- */

/* Cells from the origin that have the extent within them. */
bool GridChooser::Fit(const Extent &extent, const CellSize &cell, double x, double y)
{
    constexpr double kMostCells = 1e12;
    const double left = std::floor((extent.xmin - x) / cell.x + kWholeCells);
    const double top = std::floor((y - extent.ymax) / cell.y + kWholeCells);
    const double xmin = x + left * cell.x, ymax = y - top * cell.y;
    const double columns = std::max(1.0, std::ceil((extent.xmax - xmin) / cell.x - kWholeCells));
    const double lines = std::max(1.0, std::ceil((ymax - extent.ymin) / cell.y - kWholeCells));
    const std::string size =
        CPLSPrintf("%.15g x %.15g cells of %.15g x %.15g in the extent ", columns, lines, cell.x, cell.y) + m_extent;
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

/* Metres are taken for degrees. */
void GridChooser::WarnOfLargeCells(const Extent &extent, const CellSize &cell) const
{
    if (!cell.whose.empty() ||
        (cell.x * (1 - kWholeCells) <= extent.Width() && cell.y * (1 - kWholeCells) <= extent.Height()))
        return;
    char *unit = nullptr;
    if (m_grid.srs && OSRIsGeographic(m_grid.srs.get()))
        OSRGetAngularUnits(m_grid.srs.get(), &unit);
    else if (m_grid.srs)
        OSRGetLinearUnits(m_grid.srs.get(), &unit);
    const std::string size = CPLSPrintf("%.6g x %.6g", extent.Width(), extent.Height());
    CPLError(
        CE_Warning, CPLE_AppDefined,
        "%s: CELL_SIZE=%s: a cell is larger than the extent of the result, %s; sizes are in units of its CRS, %s%s%s",
        m_driver, m_options.cell_size, size.c_str(), CRSName(m_grid.srs.get()).c_str(), unit ? ": " : "",
        unit ? unit : "");
}

/* Whether nothing is asked for but what the model has, as it has it: south up, or rotated, too. */
bool GridChooser::IsThatOfModel() const
{
    const auto isModel = [this](const char *given) { return !given || Named(given) == std::vector<size_t>{m_model}; };
    return isModel(m_options.extent) && isModel(m_options.cell_size) && isModel(m_options.snap) &&
           IsSameCRS(Model().srs.get(), m_grid.srs.get());
}

bool GridChooser::Choose(const InputHandles &handles)
{
    if (!LocateInputs(handles) || !ChooseModel() || !ChooseCRS())
        return false;
    if (IsThatOfModel()) {
        const Place &model = Model();
        std::copy(model.geotransform, model.geotransform + 6, m_grid.geotransform);
        m_grid.width = model.width;
        m_grid.height = model.height;
        m_extent = Describe(model.Whole().Bounds());
        return CheckOverlap() && CheckOffsets();
    }
    Extent extent;
    CellSize cell;
    double x = 0, y = 0;
    if (!ChooseExtent(extent) || !ChooseCell(cell) || !ChooseOrigin(extent, &x, &y) || !Fit(extent, cell, x, y) ||
        !CheckOverlap() || !CheckOffsets())
        return false;
    WarnOfLargeCells(extent, cell);
    if (cell.isSaid)
        CPLError(CE_Warning, CPLE_AppDefined, "%s: cells of the result are %.15g x %.15g, by those of %s", m_driver,
                 cell.x, cell.y, cell.whose.c_str());
    CPLDebug("FISHNET", "grid of the result: %d x %d cells of %.17g x %.17g from %.17g,%.17g in %s", m_grid.width,
             m_grid.height, cell.x, cell.y, m_grid.geotransform[0], m_grid.geotransform[3],
             CRSName(m_grid.srs.get()).c_str());
    return true;
}

std::vector<std::string> FilesOf(const fn_grid_options &options)
{
    const std::pair<const char *, const char *> given[] = {
        {"LIKE", options.like}, {"EXTENT", options.extent}, {"SNAP", options.snap}, {"CRS", options.crs}};
    std::vector<std::string> files;
    for (const auto &[option, value] : given)
        if (value && fn_grid_names_file(option, value))
            files.emplace_back(value);
    return files;
}

bool ChooseGrid(const Inputs &inputs, const InputHandles &handles, const fn_grid_options &options, OutputGrid &grid)
{
    return GridChooser(inputs, options, grid).Choose(handles);
}

} // namespace fishnet
