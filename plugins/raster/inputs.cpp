#include "inputs.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstring>
#include <utility>

#include "dataset_pool.h"
#include "file_names.h"
#include "first_open.h"
#include "fishnet/grid.h"
#include "open_options.h"
#include "picked_input.h"
#include "pixels.h"
#include "workers.h"

namespace fishnet
{

std::string Describe(const Input &input)
{
    return input.key + " (" + WithoutSecrets(input.name) + ")";
}

/* ---- opening ---- */

DatasetHandle OpenAgain(const Input &input)
{
    const ThreadSetting calm = WithoutThreads(IsRemoteName(input.path));
    DatasetHandle dataset(GDALOpenEx(input.path.c_str(), GDAL_OF_RASTER | GDAL_OF_INTERNAL | GDAL_OF_VERBOSE_ERROR,
                                     nullptr, input.openOptions.List(), nullptr));
    return HasLackedMemory() ? DatasetHandle() : std::move(dataset);
}

DatasetHandle OpenSame(const Input &input)
{
    DatasetHandle dataset;
    bool isSame = true, isWhole = true;
    std::vector<Message> messages;
    {
        MessageCollector collector;
        dataset = OpenAgain(input);
        if (dataset && !input.structure.empty()) {
            isSame = StructureOf(dataset.get(), input.bands) == input.structure;
            isWhole = !input.IsRemote() || WhatIsUnread(collector).empty();
        }
        messages = std::move(collector.messages);
    }
    for (const Message &message : messages)
        Emit(message);
    if (isSame && isWhole)
        return dataset;
    CPLError(CE_Failure, CPLE_AppDefined, "%s",
             isSame ? "the input could not be read as a whole" : "the input has changed since it was opened");
    return nullptr;
}

/* Looks into a source that is opened at an overview level. GDAL dies when it describes a warped VRT that was opened so,
 * and the rectangles of any VRT are those of the whole. */
static Pipeline LookIntoWhole(const std::string &path)
{
    DatasetHandle whole;
    {
        MessageCollector collector;
        whole.reset(GDALOpenEx(path.c_str(), GDAL_OF_RASTER | GDAL_OF_INTERNAL, nullptr, nullptr, nullptr));
    }
    return whole ? LookInto(whole.get(), path) : Pipeline();
}

/* False after CPLError. */
static bool HasBands(const Input &input, GDALDatasetH dataset)
{
    if (GDALGetRasterCount(dataset) > 0)
        return true;
    CSLConstList subdatasets = GDALGetMetadata(dataset, "SUBDATASETS");
    const char *first = CSLFetchNameValue(subdatasets, "SUBDATASET_1_NAME");
    CPLError(CE_Failure, CPLE_AppDefined, "%s: input %s has no raster bands%s%s", input.driver, Describe(input).c_str(),
             first ? ", but subdatasets, such as " : "", first ? first : "");
    return false;
}

bool OpenInputs(const std::vector<InputName> &names, int overview, const fn_worker_options &workers, Inputs &inputs,
                InputHandles &handles)
{
    const bool mayUseReaders =
        std::any_of(names.begin(), names.end(), [](const InputName &given) { return IsRemoteName(given.name); });
    const int threads = mayUseReaders ? std::max(workers.workers, 2 * FN_READERS_DEFAULT) : workers.workers;
    const LargeDatasetPool pool(threads);
    handles = InputHandles(inputs, HandlesOfEach(IsOpenedByWorker() ? 0 : threads));
    for (const InputName &given : names) {
        Input &input = inputs.emplace_back();
        input.driver = given.driver;
        input.key = given.key;
        input.name = given.name;
        input.path = AbsoluteName(input.name);
        if (!Materialize(Describe(input), &input.path, &input.results))
            return false;
        if (given.settings && !SplitSettings(given.settings, input.openOptions)) {
            const bool isName = EQUAL(given.driver, "FISHNET") && (given.key.size() > 1 || given.key[0] > 'Z');
            const std::string option = isName ? "INPUT_OO=" + given.key + "=" : given.key + "_OO=";
            CPLError(CE_Failure, CPLE_IllegalArg,
                     "%s: %s%.200s: expected NAME=VALUE, or several separated by a semicolon", given.driver,
                     option.c_str(), given.settings);
            return false;
        }
        if (overview >= 0)
            input.openOptions.SetNameValue("OVERVIEW_LEVEL", CPLSPrintf("%d", overview));
        ReadURL(input, RetriesOf(workers));
        if (IsRemoteName(input.path))
            input.openOptions.SetNameValue("NUM_THREADS", nullptr); /* see WithoutThreads */
        input.path = NameToRead(input.path);
        DatasetHandle dataset = OpenFirst(input, RetriesOf(workers));
        if (!dataset || !HasBands(input, dataset.get()))
            return false;
        input.bandCount = GDALGetRasterCount(dataset.get());
        input.pipeline = overview < 0 ? LookInto(dataset.get(), input.path) : LookIntoWhole(input.path);
        handles.Add(std::move(dataset));
        if (!IsOpenedByWorker()) /* a thread that may have places already must not wait for others */
            input.poolPlaces = input.pipeline.levels;
    }
    if (std::any_of(inputs.begin(), inputs.end(), [](const Input &input) { return input.IsRemote(); }))
        inputs[0].turns = std::make_shared<Turns>(workers.workers > 0 ? workers.workers : fn_cpu_count());
    return true;
}

/* ---- what was opened ---- */

bool CheckShared(const Inputs &inputs, const InputHandles &handles)
{
    for (size_t i = 0; i < inputs.size(); i++) {
        const std::string why = WhyNotShared(handles[i], inputs[i].path);
        if (!why.empty()) {
            CPLError(CE_Failure, CPLE_NotSupported,
                     "%s: input %s cannot be opened by worker processes: %s. Write it to a file first, or use "
                     "WORKERS=THREADS",
                     inputs[i].driver, Describe(inputs[i]).c_str(), why.c_str());
            return false;
        }
    }
    return true;
}

/* A step that reads row by row decodes each block once only if a row of blocks stays in GDAL's block cache, which
 * all workers share. */
static int WorkersInCache(const Pipeline &pipeline, int64_t width)
{
    if (pipeline.blockHeight < 2)
        return INT_MAX;
    constexpr double kPixel = 8, kRows = 1.5; /* bytes, rows of blocks that are in use */
    const double workers =
        static_cast<double>(GDALGetCacheMax64()) / (kPixel * kRows * static_cast<double>(width) * pipeline.blockHeight);
    if (workers < CPLGetNumCPUs())
        CPLDebug("FISHNET", "GDAL_CACHEMAX is enough for %.0f workers", std::max(1.0, std::floor(workers)));
    return workers < 1 ? 1 : workers > FN_WORKERS_MAX ? FN_WORKERS_MAX : static_cast<int>(workers);
}

void UseReaders(const Inputs &inputs, fn_worker_options &workers)
{
    constexpr double kPause = 0.5; /* seconds, that a server has to recover */
    if (inputs.empty() || !inputs[0].turns)
        return;
    workers.pause = kPause;
    workers.workers = std::max(workers.workers, workers.readers);
    if (workers.usual)
        workers.retries = FN_RETRIES_REMOTE;
}

void LimitWorkers(const Inputs &inputs, int64_t width, fn_worker_options &workers)
{
    UseReaders(inputs, workers);
    for (const Input &input : inputs)
        if (input.pipeline.computesRows && workers.processes == 0) {
            workers.workers = std::min(workers.workers, WorkersInCache(input.pipeline, width));
            /* GDAL's steps take the rows of a read that failed for those of the next one */
            workers.retries = 0;
        }
}

fn_status CheckBand(const Input &input, GDALDatasetH dataset, int band, fn_type *type, fn_error *err)
{
    const int count = GDALGetRasterCount(dataset);
    if (band > count)
        return fn_fail(err, FN_ERR_SYNTAX, "there is no band %d in %.300s, it has %d", band, Describe(input).c_str(),
                       count);
    GDALRasterBandH handle = GDALGetRasterBand(dataset, band);
    *type = FromGDAL(handle);
    if (*type == FN_TYPE_COUNT)
        return fn_fail(err, FN_ERR_SYNTAX, "band %d of %.300s has the type %s: only real types can be computed", band,
                       Describe(input).c_str(), GDALGetDataTypeName(GDALGetRasterDataType(handle)));
    return FN_OK;
}

/* VRT files may declare a value that no pixel can be equal to. */
static void WarnOfLostNoData(const Input &input, int number, GDALRasterBandH band, const fn_nodata &nodata)
{
    int set = FALSE;
    const double value = nodata.set ? 0 : GDALGetRasterNoDataValue(band, &set);
    if (set)
        CPLError(
            CE_Warning, CPLE_AppDefined,
            "%s: band %d of %s is of type %s, which cannot hold its NoData value %.17g: that makes no pixel NoData",
            input.driver, number, Describe(input).c_str(), GDALGetDataTypeName(GDALGetRasterDataType(band)), value);
}

Plane MakePlane(const Inputs &inputs, const InputHandles &handles, size_t input, int band, bool ignoreAlpha, bool warn)
{
    GDALDatasetH dataset = handles[input];
    GDALRasterBandH handle = GDALGetRasterBand(dataset, band);
    const int alpha = AlphaBand(dataset);
    const bool byAlpha = (GDALGetMaskFlags(handle) & GMF_ALPHA) != 0; /* what GDAL has for a mask is that band */
    Plane plane;
    plane.input = input;
    plane.band = band;
    plane.type = FromGDAL(handle);
    if (band != alpha) { /* alpha has no NoData, though a file may have one NoData value for all bands */
        plane.nodata = NoDataOf(handle, plane.type);
        if (warn)
            WarnOfLostNoData(inputs[input], band, handle, plane.nodata);
        plane.alpha = ignoreAlpha ? 0 : alpha;
    }
    plane.mask = HasMask(handle) && !(byAlpha && (alpha > 0 || ignoreAlpha));
    return plane;
}

/* The input that decides the shape of tiles: one that computes whole rows, or else one that is read over a network, or
 * the first. */
static const Input &ShapingInput(const Inputs &inputs)
{
    for (const Input &input : inputs)
        if (input.pipeline.computesRows)
            return input;
    for (const Input &input : inputs)
        if (input.IsRemote())
            return input;
    return inputs[0];
}

/* band: whose blocks count. picking: of the dataset, or NULL. */
static void ChooseBySource(const Pipeline &shape, const Picking *picking, GDALDatasetH dataset, int band, size_t bytes,
                           int *tileWidth, int *tileHeight, int *blockHeight)
{
    const int width = GDALGetRasterXSize(dataset), height = GDALGetRasterYSize(dataset);
    int blockWidth = 0;
    GDALGetBlockSize(GDALGetRasterBand(dataset, band), &blockWidth, blockHeight);
    if (picking) {
        blockWidth = picking->blockWidth;
        *blockHeight = picking->blockHeight;
    }
    const bool rows = shape.rows || shape.halo > 0;
    const RemoteStorage &remote = shape.remote;
    if (remote.is && !shape.warped && !shape.computesRows && shape.halo == 0) {
        const fn_remote_source source = {
            width, height, remote.width, remote.blockWidth, remote.blockHeight, remote.pixelBytes};
        fn_grid_remote_tile(&source, bytes, tileWidth, tileHeight);
    } else if (shape.warped && (*blockHeight > 1 || !rows))
        fn_grid_large_tile(width, height, shape.rows ? width : blockWidth, *blockHeight, bytes, tileWidth, tileHeight);
    else if (rows)
        fn_grid_strips(width, height, shape.blockHeight, shape.halo, bytes, tileWidth, tileHeight);
    else
        fn_grid_auto_tile(width, height, blockWidth, *blockHeight, bytes, tileWidth, tileHeight);
}

void ChooseTileSize(const Inputs &inputs, const std::vector<Plane> &planes, GDALDatasetH dataset, size_t bytes,
                    int *tileWidth, int *tileHeight, int *blockHeight)
{
    const Pipeline &shape = ShapingInput(inputs).pipeline;
    const auto resampled = std::max_element(inputs.begin(), inputs.end(), [](const Input &a, const Input &b) {
        return a.onGrid.warpBlock < b.onGrid.warpBlock;
    });
    if (resampled->onGrid.warpBlock == 0 || shape.computesRows)
        return ChooseBySource(shape, inputs[0].onGrid.picking.get(), dataset,
                              planes.empty() || planes[0].input ? 1 : planes[0].band, bytes, tileWidth, tileHeight,
                              blockHeight);
    *blockHeight = resampled->onGrid.warpBlock; /* computed as a whole */
    fn_grid_large_tile(GDALGetRasterXSize(dataset), GDALGetRasterYSize(dataset), *blockHeight, *blockHeight, bytes,
                       tileWidth, tileHeight);
}

bool UsePool(const Inputs &inputs)
{
    return std::any_of(inputs.begin(), inputs.end(), [](const Input &input) { return input.poolPlaces > 0; });
}

/* As LinesAbove() has it, of one input. */
static int LinesAboveOf(const Input &input, int tileHeight, int64_t firstLine)
{
    const Pipeline &shape = input.pipeline;
    if (!input.IsRemote() || !input.onGrid.isShifted || shape.computesRows || shape.warped || shape.halo > 0 ||
        shape.remote.blockHeight < 1 || tileHeight % shape.remote.blockHeight != 0)
        return 0;
    const int64_t line = (input.onGrid.firstLine + firstLine) % tileHeight;
    return static_cast<int>(line < 0 ? line + tileHeight : line);
}

int LinesAbove(const Inputs &inputs, int tileHeight, int64_t firstLine)
{
    return LinesAboveOf(ShapingInput(inputs), tileHeight, firstLine);
}

/* ---- units ---- */

/* Of a pixel of all planes of an input, as SharedBlocks keeps it. */
static size_t UnitPixelBytes(const std::vector<Plane> &planes, size_t input)
{
    size_t bytes = 0;
    for (const Plane &plane : planes)
        if (plane.input == input)
            bytes += fn_type_size(plane.type) + (plane.Masked() ? 1 : 0);
    return bytes;
}

void CutUnits(const std::vector<Plane> &planes, const InputHandles &handles, Inputs &inputs)
{
    for (const Plane &plane : planes) {
        Input &input = inputs[plane.input];
        if (!plane.HasReach() || input.units.width > 0)
            continue;
        GDALDatasetH dataset = handles[plane.input];
        int width = 0, height = 0, blockHeight = 0;
        ChooseBySource(input.pipeline, input.onGrid.picking.get(), dataset, plane.band,
                       UnitPixelBytes(planes, plane.input), &width, &height, &blockHeight);
        fn_grid_init_above(&input.units, GDALGetRasterXSize(dataset), GDALGetRasterYSize(dataset), width, height,
                           LinesAboveOf(input, height, 0), nullptr);
    }
}

static size_t UnitBytes(const Inputs &inputs, const std::vector<Plane> &planes, size_t input)
{
    const fn_grid &units = inputs[input].units;
    return static_cast<size_t>(units.tile_width) * static_cast<size_t>(units.tile_height) *
           UnitPixelBytes(planes, input);
}

size_t ReadingBytes(const Inputs &inputs, const std::vector<Plane> &planes, const fn_grid &tiles)
{
    size_t bytes = 0, unit = 0;
    for (const Plane &plane : planes) {
        int64_t width = tiles.tile_width + int64_t(plane.reach.left) + plane.reach.right;
        int64_t height = tiles.tile_height + int64_t(plane.reach.top) + plane.reach.bottom;
        if (!plane.wraps && plane.HasReach()) {
            width = std::min(width, inputs[plane.input].units.width);
            height = std::min(height, inputs[plane.input].units.height);
        }
        bytes += static_cast<size_t>(width) * static_cast<size_t>(height) * plane.PixelBytes();
        unit = std::max(unit, UnitBytes(inputs, planes, plane.input));
    }
    return bytes + unit;
}

/* How many units, one after the other, a window of that length touches at most. */
static int64_t UnitsTouched(int64_t length, int unit, int64_t count)
{
    return std::min((length - 1 + unit - 1) / unit + 1, count);
}

/* Of a mosaic: blocks of its files that two rows of tiles have in common, and those at the edges of tiles that are at
 * work. pixelBytes: 0 where the bands are read as they are. */
static size_t SourcesBytes(const Input &input, size_t pixelBytes, const fn_grid &tiles, int workers)
{
    constexpr size_t kMost = 96 << 20; /* beyond that some are decoded again */
    if (!input.pipeline.sources)
        return 0;
    const fn_grid &units = input.pipeline.sources->Units();
    const int64_t height = tiles.tile_height + int64_t(units.tile_height);
    const int64_t pixels = 2 * tiles.width * units.tile_height + int64_t(4) * workers * units.tile_width * height;
    if (pixelBytes == 0)
        for (const int band : input.bands)
            pixelBytes += fn_type_size(input.pipeline.sources->BandOf(band).type);
    return std::min(kMost, pixelBytes * static_cast<size_t>(pixels));
}

size_t SharedBytes(const Inputs &inputs, const std::vector<Plane> &planes, const fn_grid &tiles, int workers)
{
    size_t bytes = 0;
    for (size_t input = 0; input < inputs.size(); input++) {
        const fn_grid &units = inputs[input].units;
        int64_t rows = 0, columns = 0; /* that a tile touches */
        for (const Plane &plane : planes)
            if (plane.input == input && units.width > 0) {
                const int64_t width = tiles.tile_width + int64_t(plane.reach.left) + plane.reach.right;
                const int64_t height = tiles.tile_height + int64_t(plane.reach.top) + plane.reach.bottom;
                rows = std::max(rows, UnitsTouched(height, units.tile_height, units.rows));
                columns = std::max(columns, UnitsTouched(width, units.tile_width, units.cols));
            }
        const int64_t count = std::min(rows * (units.cols + workers * columns), units.cols * units.rows);
        bytes += static_cast<size_t>(count) * UnitBytes(inputs, planes, input);
        bytes += SourcesBytes(inputs[input], UnitPixelBytes(planes, input), tiles, workers);
    }
    return bytes;
}

int64_t TilesOfUnit(const Inputs &inputs, const std::vector<Plane> &planes, const fn_grid &tiles, int64_t firstLine,
                    const SharedBlocks::Key &key)
{
    const fn_grid &units = inputs[key.input].units;
    if (key.source >= 0) {
        fn_window place = key.place;
        place.y -= firstLine;
        place = fn_window_overlap(place, {0, 0, tiles.width, tiles.height});
        const fn_window touched = place.width > 0 && units.width == 0 ? fn_grid_touch(&tiles, place) : fn_window{};
        return touched.width * touched.height;
    }
    fn_reach back = {}; /* who looks up is found below */
    for (const Plane &plane : planes) {
        if (plane.input != key.input)
            continue;
        if (plane.wraps)
            return 0;
        back = {std::max(back.top, plane.reach.bottom), std::max(back.left, plane.reach.right),
                std::max(back.bottom, plane.reach.top), std::max(back.right, plane.reach.left)};
    }
    fn_window own = fn_grid_tile(&units, key.unit);
    own.y -= firstLine;
    own = fn_window_grow(own, back, tiles.width, tiles.height, false);
    const fn_window needed = own.height > 0 ? fn_grid_touch(&tiles, own) : fn_window{};
    return needed.width * needed.height;
}

std::string StructureOf(GDALDatasetH dataset, const std::vector<int> &bands)
{
    const int count = GDALGetRasterCount(dataset);
    std::string text =
        CPLSPrintf("%d x %d pixels, %d bands", GDALGetRasterXSize(dataset), GDALGetRasterYSize(dataset), count);
    double transform[6];
    if (GDALGetGeoTransform(dataset, transform) == CE_None)
        for (double value : transform)
            text += CPLSPrintf(" %.17g", value);
    for (int number : bands) {
        GDALRasterBandH band = number <= count ? GDALGetRasterBand(dataset, number) : nullptr;
        if (!band)
            continue;
        const fn_type type = FromGDAL(band);
        const fn_nodata nodata = NoDataOf(band, type);
        text +=
            CPLSPrintf("; %d: %s %d %016llx %d", number, GDALGetDataTypeName(GDALGetRasterDataType(band)), nodata.set,
                       static_cast<unsigned long long>(nodata.set ? nodata.value.u : 0), GDALGetMaskFlags(band));
    }
    return text;
}

void PreparePython(const Inputs &inputs, const InputHandles &handles)
{
    const char *enabled = CPLGetConfigOption("GDAL_VRT_ENABLE_PYTHON", "TRUSTED_MODULES");
    const char *trusted = CPLGetConfigOption("GDAL_VRT_PYTHON_TRUSTED_MODULES", nullptr);
    const bool byModule = EQUAL(enabled, "TRUSTED_MODULES");
    if (byModule ? !trusted : !CPLTestBool(enabled))
        return;
    MessageCollector collector; /* what is wrong with a pixel function, its tile will tell */
    for (size_t i = 0; i < inputs.size(); i++) {
        GDALDatasetH dataset = handles[i];
        GDALDriverH driver = GDALGetDatasetDriver(dataset);
        double pixel = 0;
        if (driver && EQUAL(GDALGetDriverShortName(driver), "VRT") &&
            GDALRasterIO(GDALGetRasterBand(dataset, 1), GF_Read, 0, 0, 1, 1, &pixel, 1, 1, GDT_Float64, 0, 0) !=
                CE_None)
            CPLDebug("FISHNET", "the first pixel of %s cannot be read",
                     WithoutSecrets(GDALGetDescription(dataset)).c_str());
    }
}

bool AreStored(const Inputs &inputs, const InputHandles &handles, const fn_window &window)
{
    MessageCollector collector;
    for (size_t i = 0; i < inputs.size(); i++)
        for (const int band : inputs[i].bands) {
            const int status =
                GDALGetDataCoverageStatus(GDALGetRasterBand(handles[i], band), static_cast<int>(window.x),
                                          static_cast<int>(window.y), static_cast<int>(window.width),
                                          static_cast<int>(window.height), GDAL_DATA_COVERAGE_STATUS_DATA, nullptr);
            if (status & (GDAL_DATA_COVERAGE_STATUS_DATA | GDAL_DATA_COVERAGE_STATUS_UNIMPLEMENTED))
                return true;
        }
    return inputs.empty();
}

} // namespace fishnet
