#include "onto_grid.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "crs_name.h"
#include "dataset_pool.h"
#include "patient_files.h"
#include "picked_input.h"
#include "resampling_choice.h"
#include "shifted_input.h"
#include "warp_command.h"
#include "warped_input.h"
#include "workers.h"

namespace fishnet
{

static bool Fail(const Input &input, const std::string &why, CPLErrorNum number = CPLE_NotSupported)
{
    CPLError(CE_Failure, number, "%s: input %s %s", input.driver, Describe(input).c_str(), why.c_str());
    return false;
}

static Lattice LatticeOf(GDALDatasetH dataset)
{
    Lattice lattice = {{}, GDALGetRasterXSize(dataset), GDALGetRasterYSize(dataset)};
    GDALGetGeoTransform(dataset, lattice.geotransform);
    return lattice;
}

static Lattice LatticeOf(const OutputGrid &grid)
{
    Lattice lattice = {{}, grid.width, grid.height};
    std::copy(grid.geotransform, grid.geotransform + 6, lattice.geotransform);
    return lattice;
}

/* Is it what CheckGrids() lets pass as it is? */
static bool IsOnGrid(GDALDatasetH dataset, const OutputGrid &grid)
{
    constexpr double kTolerance = 1e-4; /* of a cell, at each corner */
    const Lattice own = LatticeOf(dataset);
    const char *const options[] = {"IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES", nullptr};
    OGRSpatialReferenceH srs = GDALGetSpatialRef(dataset);
    if (own.width != grid.width || own.height != grid.height ||
        (srs && grid.srs && !OSRIsSameEx(srs, grid.srs.get(), options)))
        return false;
    double forward[6], inverse[6];
    std::copy(grid.geotransform, grid.geotransform + 6, forward);
    if (!GDALInvGeoTransform(forward, inverse))
        return false;
    for (int corner = 0; corner < 4; corner++) {
        const double x = corner & 1 ? grid.width : 0, y = corner & 2 ? grid.height : 0;
        double east = 0, north = 0, column = 0, row = 0;
        GDALApplyGeoTransform(const_cast<double *>(own.geotransform), x, y, &east, &north);
        GDALApplyGeoTransform(inverse, east, north, &column, &row);
        if (!(std::hypot(column - x, row - y) <= kTolerance))
            return false;
    }
    return true;
}

/* ---- how it is resampled ---- */

/* "B_RESAMPLING", "INPUT_RESAMPLING=red=..." */
static std::string OptionOf(const Input &input)
{
    const bool isLetter = input.key.size() == 1 && input.key[0] >= 'A' && input.key[0] <= 'Z';
    return isLetter ? input.key + "_RESAMPLING" : "INPUT_RESAMPLING=" + input.key + "=<method>";
}

/* Zones are whole numbers. */
static bool IsZones(const Input &input)
{
    return EQUAL(input.driver, "ZONALSTATS") && input.key == "zones";
}

/* Whether a band says what its values stand for. */
static bool HasNamedClasses(GDALDatasetH dataset, std::string &reason)
{
    for (int number = 1; number <= GDALGetRasterCount(dataset); number++) {
        GDALRasterBandH band = GDALGetRasterBand(dataset, number);
        const bool hasTable = GDALGetRasterColorTable(band) != nullptr;
        if (!hasTable && !GDALGetRasterCategoryNames(band))
            continue;
        reason = "band " + std::to_string(number) + " has " + (hasTable ? "a colour table" : "names of categories");
        return true;
    }
    return false;
}

static fn_resampling MethodOf(const Input &input, GDALDatasetH dataset, const CellRatio &ratio,
                              const fn_grid_options &options)
{
    const bool hasOwn = fn_grid_options_has_method(&options, input.key.c_str());
    if (IsZones(input) && !hasOwn)
        return FN_RESAMPLING_NEAR;
    const fn_resampling asked = fn_grid_options_resampling(&options, input.key.c_str());
    std::string reason;
    if (asked != FN_RESAMPLING_AUTO) {
        const bool mixes = !hasOwn && MakesFractions(asked) && asked != FN_RESAMPLING_SUM;
        if (mixes && HasNamedClasses(dataset, reason))
            CPLError(CE_Warning, CPLE_AppDefined,
                     "%s: %s is resampled by %s, which mixes classes, and %s (%s says how else)", input.driver,
                     Describe(input).c_str(), fn_resampling_name(asked), reason.c_str(), OptionOf(input).c_str());
        return asked;
    }
    const fn_resampling method = ChooseResampling(dataset, ratio, reason);
    CPLError(CE_Warning, CPLE_AppDefined,
             "%s: %s lies on another grid than the result and is resampled by %s, as %s (RESAMPLING or %s says how "
             "else)",
             input.driver, Describe(input).c_str(), fn_resampling_name(method), reason.c_str(),
             OptionOf(input).c_str());
    return method;
}

/* Cells of an overview are not those that the others count or choose among. */
static int OverviewFor(fn_resampling method, const WarpSource &source)
{
    constexpr double kFiner = 2;
    if (method == FN_RESAMPLING_NEAR)
        return CoarsestOverview(source, 1);
    return HasKernel(method) || method == FN_RESAMPLING_AVERAGE ? CoarsestOverview(source, kFiner) : -1;
}

/* ---- the text ---- */

namespace
{
struct Bringing {
    const OutputGrid &grid;
    const fn_grid_options &options;
    bool computes;

    std::string Warp(Input &input, const InputOnGrid &own, const Placement &placed) const;
    bool Text(Input &input, GDALDatasetH dataset, std::string &text) const;
};
} // namespace

/* The grid as the VRT over an input says it. Where only one of the two has a CRS, the VRT has what the input has, so
 * that CheckGrids() judges that as it always does. */
static OutputGrid GridFor(GDALDatasetH dataset, const OutputGrid &grid)
{
    OutputGrid own;
    std::copy(grid.geotransform, grid.geotransform + 6, own.geotransform);
    own.width = grid.width;
    own.height = grid.height;
    OGRSpatialReferenceH srs = GDALGetSpatialRef(dataset);
    own.srs.reset(srs ? OSRClone(grid.srs ? grid.srs.get() : srs) : nullptr);
    return own;
}

/* A centre that lies so little before a cell of the raster is in that cell to GDAL's warper, in cells. */
static constexpr double kWarperTie = 5e-11;

/* isAlike: the command makes the same pixels. */
static void Tell(Input &input, const InputOnGrid &own, const WarpSource &source, const Warping &warping, bool isAlike)
{
    CPLStringList &told = input.onGrid.told;
    told.SetNameValue("SOURCE", WithoutSecrets(input.name).c_str());
    told.SetNameValue("METHOD", fn_resampling_name(warping.method));
    told.SetNameValue("OVERVIEW_LEVEL", source.overview < 0 ? "NONE" : CPLSPrintf("%d", source.overview));
    if (warping.xScale > 0) {
        told.SetNameValue("XSCALE", CPLSPrintf("%.12g", warping.xScale));
        told.SetNameValue("YSCALE", CPLSPrintf("%.12g", warping.yScale));
    }
    if (!input.onGrid.picking)
        told.SetNameValue("BLOCK", CPLSPrintf("%d", warping.block));
    if (warping.accuracy > 0) /* to gdalwarp, chunks decide where positions are exact */
        told.SetNameValue("ACCURACY", CPLSPrintf("%.12g", warping.accuracy));
    else if (const std::string alike = isAlike ? WarpCommand(own, source, warping) : ""; !alike.empty())
        told.SetNameValue("GDALWARP", alike.c_str());
    const char *command = told.FetchNameValueDef("GDALWARP", "");
    CPLDebug("FISHNET", "%s is resampled%s%s", Describe(input).c_str(), *command ? " as by " : "", command);
}

/* Empty after CPLError. */
std::string Bringing::Warp(Input &input, const InputOnGrid &own, const Placement &placed) const
{
    WarpSource source;
    if (!OpenWarpSource(input, own.grid, -1, nullptr, source))
        return "";
    const fn_resampling method = MethodOf(input, own.dataset, source.ratio, options);
    const bool isNested = placed.kind == Placement::Kind::kNested && method == FN_RESAMPLING_NEAR;
    const bool isChosen = input.openOptions.FetchNameValue("OVERVIEW_LEVEL"); /* that one counts */
    const int overview = isNested || isChosen ? -1 : OverviewFor(method, source);
    if ((isNested || overview >= 0) && !OpenWarpSource(input, own.grid, overview, isNested ? &placed : nullptr, source))
        return "";
    Warping warping = PinWarping(method, source);
    warping.accuracy = isNested ? 0 : options.accuracy;
    std::string text = WarpedText(own, source, warping);
    if (isNested)
        input.onGrid.picking = PickingOf(own, placed);
    if (!input.onGrid.picking)
        input.onGrid.warpBlock = warping.block;
    if (!text.empty())
        Tell(input, own, source, warping, !isNested || !placed.IsTied() || placed.off <= kWarperTie);
    return text;
}

/* Empty: it stays as it is. False after CPLError. */
bool Bringing::Text(Input &input, GDALDatasetH dataset, std::string &text) const
{
    text.clear();
    if (IsOnGrid(dataset, grid))
        return true;
    double geotransform[6];
    if (GDALGetGeoTransform(dataset, geotransform) != CE_None)
        return Fail(input, "has no geotransform: gdalwarp makes a raster with one of ground control points, RPCs or "
                           "geolocation arrays");
    Placement placed;
    if (IsSameHorizontally(GDALGetSpatialRef(dataset), grid.srs.get()))
        placed = PlacementOf(LatticeOf(dataset), LatticeOf(grid));
    const bool isShift =
        placed.isApart || placed.kind == Placement::Kind::kShifted || placed.kind == Placement::Kind::kSame;
    if (placed.kind == Placement::Kind::kSame) {
        placed.common = {0, 0, grid.width, grid.height};
        placed.x = placed.y = 0;
    }
    const OutputGrid target = GridFor(dataset, grid);
    const InputOnGrid own = {input, dataset, target, fn_grid_options_outside(&options, input.key.c_str()), computes};
    text = isShift ? ShiftedText(own, placed) : Warp(input, own, placed);
    input.onGrid.isShifted = isShift && !placed.isApart;
    input.onGrid.firstLine = placed.y - placed.common.y;
    return !text.empty();
}

bool BringOntoGrid(Inputs &inputs, InputHandles &handles, const OutputGrid &grid, const fn_grid_options &options,
                   bool computes)
{
    const Bringing bringing = {grid, options, computes};
    const LargeDatasetPool pool(CPLGetNumCPUs());
    for (size_t i = 0; i < inputs.size(); i++) {
        Input &input = inputs[i];
        std::string text;
        if (!bringing.Text(input, handles[i], text))
            return false;
        if (text.empty())
            continue;
        input.onGrid.source = std::exchange(input.path, text);
        input.onGrid.sourceOptions = std::exchange(input.openOptions, CPLStringList());
        input.onGrid.isBrought = true;
        DatasetHandle dataset = OpenAgain(input);
        if (!dataset)
            return Fail(input, "cannot be opened on the grid of the result", CPLE_AppDefined);
        input.pipeline = LookInto(dataset.get(), input.path);
        if (input.onGrid.warpBlock > 0)
            input.pipeline.warped = input.pipeline.allBands = true;
        if (input.onGrid.picking) { /* its source has them */
            input.pipeline.rows = input.pipeline.warped = input.pipeline.allBands = false;
            input.pipeline.oneRow = input.pipeline.wide = false;
        }
        if (!IsOpenedByWorker())
            input.poolPlaces = input.pipeline.levels;
        handles.Replace(i, std::move(dataset));
    }
    return true;
}

char **FilesOf(const Input &input, GDALDatasetH handle)
{
    const bool isBrought = input.onGrid.isBrought;
    if (handle && !isBrought)
        return PlainNames(GDALGetFileList(handle));
    const MessageCollector collector; /* where it is gone, reading says so */
    const DatasetHandle source(
        GDALOpenEx((isBrought ? input.onGrid.source : input.path).c_str(), GDAL_OF_RASTER | GDAL_OF_INTERNAL, nullptr,
                   (isBrought ? input.onGrid.sourceOptions : input.openOptions).List(), nullptr));
    return source ? PlainNames(GDALGetFileList(source.get())) : nullptr;
}

} // namespace fishnet
