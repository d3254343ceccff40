#include "rasters.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "fishnet/options.h"
#include "onto_grid.h"
#include "patient_files.h"
#include "pixels.h"

namespace fishnet::zonalstats
{

static bool Fail(const std::string &text, CPLErrorNum number = CPLE_AppDefined)
{
    CPLError(CE_Failure, number, "ZONALSTATS: %s", WithoutSecrets(text).c_str());
    return false;
}

/* ---- values and their columns ---- */

/* Bands as expressions, which know their scale and offset. */
static ExpressionSource RealValues(const ZonalOptions &options)
{
    ExpressionSource source;
    source.ignoreAlpha = options.ignoreAlpha;
    source.unscale = options.unscale;
    for (size_t i = 0; i < options.rasters.size(); i++)
        source.names.push_back({"R" + std::to_string(i), i, 0});
    return source;
}

static bool AddBands(Rasters &rasters, const ZonalOptions &options, const InputHandles &handles)
{
    std::set<std::string> taken;
    ExpressionSource real = RealValues(options);
    for (size_t i = 0; i < options.rasters.size(); i++) {
        std::vector<int> bands = options.bands;
        for (int band = 1; options.bands.empty() && band <= GDALGetRasterCount(handles[i]); band++)
            if (options.ignoreAlpha || band != AlphaBand(handles[i]))
                bands.push_back(band);
        const std::string &given = options.rasters[i].name;
        const std::string own = given.empty() ? CPLGetBasename(rasters.inputs[i].name.c_str()) : given;
        std::string stem = own;
        for (int twin = 2; !taken.insert(stem).second; twin++)
            stem = own + "_" + std::to_string(twin);
        for (const int band : bands) {
            fn_type type;
            fn_error err;
            if (CheckBand(rasters.inputs[i], handles[i], band, &type, &err) != FN_OK)
                return Fail(std::string("BAND: ") + err.text, CPLE_IllegalArg);
            if (options.unscale) {
                type = FN_FLOAT64;
                real.texts.push_back(real.names[i].name + "[" + std::to_string(band) + "]");
            } else {
                rasters.read.push_back(MakePlane(rasters.inputs, handles, i, band, options.ignoreAlpha, true));
                rasters.inputs[i].bands.push_back(band);
            }
            const std::string number = "B" + std::to_string(band) + "_";
            rasters.planes.push_back(
                {type, (options.rasters.size() > 1 ? stem + "_" : "") + (bands.size() > 1 ? number : "")});
        }
    }
    if (rasters.planes.empty())
        return Fail("there is no band with values", CPLE_IllegalArg);
    if (options.unscale)
        rasters.calc = Expression::Compile(real, rasters.inputs, handles, rasters.read);
    return !options.unscale || rasters.calc;
}

/* The band whose numbers are the zones: of the last input. */
static bool AddZones(Rasters &rasters, const ZonalOptions &options, const InputHandles &handles)
{
    const size_t last = rasters.inputs.size() - 1;
    const int band = std::max(1, options.zoneBand);
    fn_type type;
    fn_error err;
    if (CheckBand(rasters.inputs[last], handles[last], band, &type, &err) != FN_OK)
        return Fail(std::string("ZONE_BAND: ") + err.text, CPLE_IllegalArg);
    if (!fn_type_is_integer(type))
        return Fail("band " + std::to_string(band) + " of " + Describe(rasters.inputs[last]) + " is of type " +
                        fn_type_name(type) + ": zones are whole numbers (gdal_translate -ot Int32)",
                    CPLE_NotSupported);
    rasters.zones.push_back(MakePlane(rasters.inputs, handles, last, band, options.ignoreAlpha, true));
    rasters.inputs[last].bands.push_back(band);
    return true;
}

static bool AddExpressions(Rasters &rasters, const ZonalOptions &options, const InputHandles &handles)
{
    ExpressionSource source;
    source.texts = options.calcs;
    const std::vector<std::string> names = options.NamesOfRasters();
    size_t first = 0;
    for (size_t i = 0; i < options.rasters.size(); i++) {
        const NamedInput &raster = options.rasters[i];
        source.names.push_back({names[i], first, raster.isStack ? static_cast<int>(raster.datasets.size()) : 0});
        first += raster.datasets.size();
    }
    source.option = "RASTER";
    source.ignoreAlpha = options.ignoreAlpha;
    source.unscale = options.unscale;
    rasters.calc = Expression::Compile(source, rasters.inputs, handles, rasters.read);
    for (size_t i = 0; i < options.calcs.size(); i++) {
        rasters.planes.push_back({FN_FLOAT64, options.calcs.size() > 1 ? "C" + std::to_string(i + 1) + "_" : ""});
        rasters.computes += "\n" + options.calcs[i];
    }
    return rasters.calc != nullptr;
}

/* The band itself, as an expression: that makes doubles of any type, and NaN of whatever is no weight. */
static bool AddWeights(Rasters &rasters, const ZonalOptions &options, const InputHandles &handles)
{
    rasters.computes += CPLSPrintf("\n%d", static_cast<int>(options.weights));
    if (options.weights != Weights::Raster)
        return true;
    const size_t input = options.RasterCount();
    const int band = std::max(1, options.weightsBand);
    fn_type type;
    fn_error err;
    if (CheckBand(rasters.inputs[input], handles[input], band, &type, &err) != FN_OK)
        return Fail(std::string("WEIGHTS_BAND: ") + err.text, CPLE_IllegalArg);
    ExpressionSource source;
    source.texts = {"W[" + std::to_string(band) + "]"};
    source.names = {{"W", input, 0}};
    source.ignoreAlpha = options.ignoreAlpha;
    source.unscale = options.unscale;
    rasters.weighing = Expression::Compile(source, rasters.inputs, handles, rasters.read);
    return rasters.weighing != nullptr;
}

/* ---- the grid ---- */

static int RoundUp(int size, int page)
{
    return (size + page - 1) / page * page;
}

static bool MakeGrid(Rasters &rasters, const ZonalOptions &options, const InputHandles &handles)
{
    GDALDatasetH first = handles[0];
    const int width = GDALGetRasterXSize(first), height = GDALGetRasterYSize(first);
    int blockHeight = 0, tileWidth = options.tileWidth, tileHeight = options.tileHeight;
    size_t bytes = options.weights == Weights::None ? 0 : sizeof(double);
    for (const std::vector<Plane> *planes : {&rasters.read, &rasters.zones})
        for (const Plane &plane : *planes)
            bytes += plane.PixelBytes();
    if (rasters.calc)
        bytes += rasters.planes.size() * sizeof(double);
    if (tileWidth == 0)
        ChooseTileSize(rasters.inputs, rasters.read, first, bytes, &tileWidth, &tileHeight, &blockHeight);
    fn_error err;
    if (fn_grid_init(&rasters.grid, width, height, RoundUp(tileWidth, FN_PAGE_COLUMNS),
                     RoundUp(tileHeight, FN_PAGE_ROWS), &err) != FN_OK)
        return Fail(Describe(rasters.inputs[0]) + ": " + err.text);
    return true;
}

/* ---- where the cells lie, and how large they are ---- */

static bool Locate(Rasters &rasters, const InputHandles &handles)
{
    constexpr double kDegree = 3.14159265358979323846 / 180;
    double *gt = rasters.geotransform;
    if (GDALGetGeoTransform(handles[0], gt) != CE_None)
        return Fail(Describe(rasters.inputs[0]) + " has no geotransform, so zones have no place on it",
                    CPLE_NotSupported);
    const double determinant = std::abs(gt[1] * gt[5] - gt[2] * gt[4]);
    if (!(determinant > 0) || !std::isfinite(determinant))
        return Fail(Describe(rasters.inputs[0]) + ": its geotransform cannot be inverted", CPLE_NotSupported);
    rasters.cellArea = determinant;
    OGRSpatialReferenceH srs = GDALGetSpatialRef(handles[0]);
    if (!srs)
        return true;
    rasters.srs.reset(OSRClone(srs));
    if (OSRIsCompound(rasters.srs.get()))
        OSRStripVertical(rasters.srs.get());
    OSRSetAxisMappingStrategy(rasters.srs.get(), OAMS_TRADITIONAL_GIS_ORDER);
    if (!OSRIsGeographic(rasters.srs.get())) {
        const double metres = OSRGetLinearUnits(rasters.srs.get(), nullptr);
        rasters.cellArea *= metres > 0 ? metres * metres : 1;
        return true;
    }
    OGRErr bad = OGRERR_NONE;
    const double inverse = OSRGetInvFlattening(rasters.srs.get(), &bad);
    if (std::abs(OSRGetAngularUnits(rasters.srs.get(), nullptr) / kDegree - 1) > 1e-9 || gt[2] != 0.0 || gt[4] != 0.0)
        return true; /* square degrees, and the like */
    rasters.semiMajor = OSRGetSemiMajor(rasters.srs.get(), &bad);
    rasters.flattening = inverse > 0 ? 1 / inverse : 0;
    rasters.cellArea = 0;
    return true;
}

/* The area between the equator and a latitude, for a radian of longitude, in squares of the semi-minor axis (J. P.
 * Snyder, Map Projections: A Working Manual, 1987, equation 3-12). */
static double AreaBelow(double latitude, double flattening)
{
    const double s = std::sin(latitude), e = std::sqrt(flattening * (2 - flattening));
    if (e < 1e-8)
        return s;
    return s / (2 * (1 - e * e * s * s)) + std::atanh(e * s) / (2 * e);
}

void Rasters::RowAreas(const fn_window &window, std::vector<double> &areas) const
{
    constexpr double kDegree = 3.14159265358979323846 / 180;
    areas.assign(static_cast<size_t>(window.height), cellArea);
    if (cellArea > 0)
        return;
    const double semiMinor = semiMajor * (1 - flattening);
    const auto below = [&](int64_t row) {
        const double latitude = geotransform[3] + static_cast<double>(row) * geotransform[5];
        return AreaBelow(std::clamp(latitude, -90.0, 90.0) * kDegree, flattening);
    };
    for (int64_t row = 0; row < window.height; row++)
        areas[static_cast<size_t>(row)] = std::abs(below(window.y + row) - below(window.y + row + 1)) * semiMinor *
                                          semiMinor * std::abs(geotransform[1]) * kDegree;
}

/* A cell on the equator has semiMajor^2 (1 - e^2) for each square radian, one at a latitude cos / (1 - e^2 sin^2)^2 of
 * that. */
double Rasters::AreaMost() const
{
    constexpr double kDegree = 3.14159265358979323846 / 180, kRounding = 1 + 1e-9;
    const double radii = semiMajor / (1 - flattening);
    return cellArea > 0 ? cellArea
                        : radii * radii * std::abs(geotransform[1] * geotransform[5]) * kDegree * kDegree * kRounding;
}

/* ---- all ---- */

std::string Rasters::Signature() const
{
    std::string text = computes;
    for (const std::vector<Plane> *some : {&read, &zones})
        for (const Plane &plane : *some)
            text += CPLSPrintf(" %d[%d]%d,%d *%.17g+%.17g %s %d %016llx", static_cast<int>(plane.input), plane.band,
                               plane.mask, plane.alpha, plane.scale, plane.offset, fn_type_name(plane.type),
                               plane.nodata.set,
                               static_cast<unsigned long long>(plane.nodata.set ? plane.nodata.value.u : 0));
    for (const double number : geotransform)
        text += CPLSPrintf(" %.17g", number);
    for (const Input &input : inputs)
        text += "\n" + input.structure + (input.onGrid.isBrought ? PlainName(input.path) : "");
    return text + CPLSPrintf("\n%dx%d", grid.tile_width, grid.tile_height);
}

static bool OntoGrid(Rasters &rasters, const ZonalOptions &options, InputHandles &handles)
{
    OutputGrid grid;
    return !fn_grid_options_asked(options.grid.get()) ||
           (ChooseGrid(rasters.inputs, handles, *options.grid, grid) &&
            BringOntoGrid(rasters.inputs, handles, grid, *options.grid, true));
}

std::shared_ptr<const Rasters> Rasters::Open(const ZonalOptions &options, bool zones, const fn_worker_options &workers,
                                             InputHandles &handles)
{
    auto rasters = std::make_shared<Rasters>();
    std::vector<InputName> names;
    /* Options of grids call inputs by their names, too. */
    const bool areNamed = fn_grid_options_asked(options.grid.get()) || options.rasters.size() > 1;
    const std::vector<std::string> own = options.NamesOfRasters();
    for (size_t i = 0; i < options.rasters.size(); i++) {
        const NamedInput &raster = options.rasters[i];
        const std::string key = areNamed ? own[i] : raster.name;
        for (const std::string &dataset : raster.datasets)
            names.push_back({key.empty() ? "RASTER" : key, dataset.c_str(),
                             options.rasterOptions.empty() ? nullptr : options.rasterOptions.c_str(), "ZONALSTATS"});
    }
    if (options.weights == Weights::Raster)
        names.push_back({"WEIGHTS", options.weightsRaster.c_str(), nullptr, "ZONALSTATS"});
    std::string zoneOptions;
    for (int i = 0; i < options.inputOptions.size(); i++)
        zoneOptions += (i ? ";" : "") + std::string(options.inputOptions[i]);
    if (zones)
        names.push_back(
            {"zones", options.input.c_str(), zoneOptions.empty() ? nullptr : zoneOptions.c_str(), "ZONALSTATS"});
    if (!OpenInputs(names, -1, workers, rasters->inputs, handles) || !OntoGrid(*rasters, options, handles) ||
        !CheckGrids(rasters->inputs, handles, {true, options.checkCRS}) ||
        !(options.calcs.empty() ? AddBands(*rasters, options, handles) : AddExpressions(*rasters, options, handles)) ||
        !AddWeights(*rasters, options, handles) || (zones && !AddZones(*rasters, options, handles)))
        return nullptr;
    CutUnits(rasters->read, handles, rasters->inputs);
    for (size_t i = 0; i < rasters->inputs.size(); i++)
        rasters->inputs[i].structure = StructureOf(handles[i], rasters->inputs[i].bands);
    rasters->handlesOfEach = handles.Most();
    return MakeGrid(*rasters, options, handles) && Locate(*rasters, handles) ? rasters : nullptr;
}

} // namespace fishnet::zonalstats
