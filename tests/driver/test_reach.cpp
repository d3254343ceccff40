/* Planes with a reach, as workers read them: the grown windows of all tiles, by one thread and by several, of files of
 * many kinds, against the same rasters read row by row by GDAL alone; what is decoded once; blocks that cannot be
 * read; readers that are cancelled. Exit code 1 on failure. */
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include <gdal_utils.h>
#include <gdalwarper.h>

#include "pixels.h"
#include "reader.h"
#include "workers.h"

using namespace fishnet;

static std::atomic<int> failures{0};

#define CHECK_OF(condition, what)                                                                                      \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: failed: %s: %s\n", __FILE__, __LINE__, #condition, std::string(what).c_str());     \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

constexpr int kWidth = 1100, kHeight = 900;
constexpr size_t kRoom = size_t(1) << 40;
static const std::string kFolder = "/vsimem/reach/";
static volatile bool goOn = false;

/* ---- files ---- */

static double ValueAt(int band, int x, int y)
{
    return (x * 31 + y * 17 + band * 1001) % 251 + (x * y % 7 == 0 ? 0.0 : 3.0);
}

using Options = std::vector<const char *>;

static void WriteBand(GDALRasterBandH band, int number, const std::function<double(int, int)> &value)
{
    std::vector<double> row(kWidth);
    for (int y = 0; y < kHeight; y++) {
        for (int x = 0; x < kWidth; x++)
            row[static_cast<size_t>(x)] = value ? value(x, y) : ValueAt(number, x, y);
        CHECK_OF(GDALRasterIO(band, GF_Write, 0, y, kWidth, 1, row.data(), kWidth, 1, GDT_Float64, 0, 0) == CE_None,
                 "writing");
    }
}

static std::string MakeTiff(const char *name, GDALDataType type, int bands, Options options, bool mask = false)
{
    const std::string path = kFolder + name;
    options.push_back(nullptr);
    const DatasetHandle file(GDALCreate(GDALGetDriverByName("GTiff"), path.c_str(), kWidth, kHeight, bands, type,
                                        const_cast<char **>(options.data())));
    double transform[6] = {1000, 10, 0, 9000, 0, -10};
    GDALSetGeoTransform(file.get(), transform);
    if (bands == 1) /* before there are pixels: the directory stays in front of them */
        GDALSetRasterNoDataValue(GDALGetRasterBand(file.get(), 1), 3);
    for (int band = 1; band <= bands; band++)
        WriteBand(GDALGetRasterBand(file.get(), band), band,
                  bands == 4 && band == 4 ? [](int x, int y) { return (x / 50 + y / 30) % 3 == 0 ? 0.0 : 200.0; }
                                          : std::function<double(int, int)>());
    if (mask) {
        CPLSetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES");
        GDALCreateDatasetMaskBand(file.get(), GMF_PER_DATASET);
        WriteBand(GDALGetMaskBand(GDALGetRasterBand(file.get(), 1)), 1,
                  [](int x, int y) { return (x / 40 + y / 70) % 4 == 0 ? 0.0 : 255.0; });
    }
    return path;
}

static std::string WriteText(const char *name, const std::string &text)
{
    const std::string path = kFolder + name;
    VSILFILE *file = VSIFOpenL(path.c_str(), "wb");
    VSIFWriteL(text.data(), 1, text.size(), file);
    VSIFCloseL(file);
    return path;
}

static std::string SourceOf(const std::string &path, int width, int from, int to)
{
    return CPLSPrintf("<SimpleSource><SourceFilename>%s</SourceFilename><SourceBand>1</SourceBand>"
                      "<SrcRect xOff=\"%d\" yOff=\"0\" xSize=\"%d\" ySize=\"%d\"/>"
                      "<DstRect xOff=\"%d\" yOff=\"0\" xSize=\"%d\" ySize=\"%d\"/></SimpleSource>",
                      path.c_str(), from, width, kHeight, to, width, kHeight);
}

static std::string VirtualFile(const char *type, const char *attributes, const char *function, const std::string &body)
{
    return CPLSPrintf("<VRTDataset rasterXSize=\"%d\" rasterYSize=\"%d\"><VRTRasterBand dataType=\"%s\" "
                      "band=\"1\" %s>%s",
                      kWidth, kHeight, type, attributes, function) +
           body + "</VRTRasterBand></VRTDataset>";
}

/* A sum that is clipped where its sources are read in the type that is asked for. */
static std::string MakeDerived(const char *name, const std::string &path)
{
    const std::string both = SourceOf(path, kWidth, 0, 0) + SourceOf(path, kWidth, 0, 0);
    return WriteText(name, VirtualFile("Int16", "subClass=\"VRTDerivedRasterBand\"",
                                       "<PixelFunctionType>sum</PixelFunctionType>", both));
}

/* Two parts, each below a file with a derived band: GDAL before 3.12.3 clears more than their part. */
static std::string MakeMosaic(const std::string &derived)
{
    const int half = kWidth / 2;
    return WriteText("mosaic.vrt",
                     VirtualFile("Int16", "", "", SourceOf(derived, half, 0, 0) + SourceOf(derived, half, half, half)));
}

static std::string MakeWarped(const std::string &path)
{
    const std::string name = kFolder + "warped.vrt";
    const DatasetHandle source(GDALOpen(path.c_str(), GA_ReadOnly));
    const DatasetHandle warped(GDALAutoCreateWarpedVRT(source.get(), nullptr, nullptr, GRA_Bilinear, 0.125, nullptr));
    CHECK_OF(warped, "warped");
    GDALSetDescription(warped.get(), name.c_str());
    return name;
}

/* ---- what is read, and what it should be ---- */

struct Raster {
    Inputs inputs;
    std::vector<Plane> planes;
    std::vector<PlanePixels> whole; /* of each plane */
    int width, height;
};

static std::vector<char> ReadRows(GDALRasterBandH band, fn_type type)
{
    const int width = GDALGetRasterBandXSize(band), height = GDALGetRasterBandYSize(band);
    const size_t size = fn_type_size(type), count = static_cast<size_t>(width);
    std::vector<double> row(count);
    std::vector<char> pixels(count * static_cast<size_t>(height) * size);
    for (int y = 0; y < height; y++) {
        CHECK_OF(GDALRasterIO(band, GF_Read, 0, y, width, 1, row.data(), width, 1, GDT_Float64, 0, 0) == CE_None, "");
        GDALCopyWords64(row.data(), GDT_Float64, sizeof(double), &pixels[static_cast<size_t>(y) * count * size],
                        TypeInMemory(type), static_cast<int>(size), width);
    }
    return pixels;
}

static Raster OpenRaster(const std::string &path, const std::vector<fn_reach> &reaches, bool wraps)
{
    Raster raster;
    InputHandles handles;
    fn_worker_options workers = {};
    workers.workers = 8;
    CHECK_OF(OpenInputs({{"A", path.c_str(), nullptr}}, -1, workers, raster.inputs, handles), path);
    GDALDatasetH dataset = handles[0];
    raster.width = GDALGetRasterXSize(dataset);
    raster.height = GDALGetRasterYSize(dataset);
    for (int band = 1; band <= GDALGetRasterCount(dataset); band++) {
        Plane plane = MakePlane(raster.inputs, handles, 0, band, false, false);
        plane.reach = reaches[static_cast<size_t>(band - 1) % reaches.size()];
        plane.wraps = wraps;
        raster.inputs[0].bands.push_back(band);
        GDALRasterBandH handle = GDALGetRasterBand(dataset, band);
        PlanePixels whole;
        whole.pixels = ReadRows(handle, plane.type);
        if (plane.mask)
            for (const char valid : ReadRows(GDALGetMaskBand(handle), FN_UINT8))
                whole.mask.push_back(static_cast<unsigned char>(valid));
        if (plane.alpha > 0) {
            const std::vector<char> alpha = ReadRows(GDALGetRasterBand(dataset, plane.alpha), FN_UINT8);
            whole.mask.resize(alpha.size(), 255);
            for (size_t i = 0; i < alpha.size(); i++)
                whole.mask[i] = alpha[i] ? whole.mask[i] : 0;
        }
        raster.planes.push_back(plane);
        raster.whole.push_back(std::move(whole));
    }
    CutUnits(raster.planes, handles, raster.inputs);
    raster.inputs[0].structure = StructureOf(dataset, raster.inputs[0].bands);
    return raster;
}

/* Puts the pieces of a plane together. False: they do not cover each pixel of its window once. */
static bool Pack(const fn_plane &read, const fn_window &grown, PlanePixels &packed)
{
    const size_t size = fn_type_size(read.type), cells = static_cast<size_t>(grown.width * grown.height);
    std::vector<char> covered(cells);
    packed.pixels.resize(cells * size);
    packed.mask.resize(cells);
    for (size_t i = 0; i < read.n_pieces; i++) {
        const fn_piece &piece = read.pieces[i];
        for (int64_t y = 0; y < piece.window.height; y++)
            for (int64_t x = 0; x < piece.window.width; x++) {
                const size_t from = static_cast<size_t>(y * piece.stride + x);
                const int64_t column = piece.window.x - grown.x + x, row = piece.window.y - grown.y + y;
                const size_t to = static_cast<size_t>(row * grown.width + column);
                if (column < 0 || column >= grown.width || row < 0 || row >= grown.height || covered[to]++)
                    return false;
                memcpy(&packed.pixels[to * size], static_cast<const char *>(piece.data) + from * size, size);
                packed.mask[to] = piece.mask ? piece.mask[from] : 255;
            }
    }
    return std::count(covered.begin(), covered.end(), 1) == static_cast<long>(cells);
}

static bool IsRight(const Raster &raster, size_t index, const fn_window &window, fn_plane read)
{
    const Plane &plane = raster.planes[index];
    const PlanePixels &whole = raster.whole[index];
    const fn_window grown = fn_window_grow(window, plane.reach, raster.width, raster.height, plane.wraps);
    const size_t size = fn_type_size(plane.type);
    PlanePixels packed;
    if (read.n_pieces > 0) {
        if (!plane.HasReach() || !Pack(read, grown, packed))
            return false;
        const bool masked = read.pieces[0].mask != nullptr;
        read = {packed.pixels.data(), read.type, read.nodata, masked ? packed.mask.data() : nullptr, nullptr, 0};
    }
    if (read.type != plane.type || (read.mask != nullptr) != plane.Masked())
        return false;
    size_t at = 0;
    for (int64_t y = grown.y; y < grown.y + grown.height; y++)
        for (int64_t x = grown.x, count = 0; x < grown.x + grown.width; x += count, at += static_cast<size_t>(count)) {
            const int64_t column = (x % raster.width + raster.width) % raster.width;
            const int64_t row = (y % raster.height + raster.height) % raster.height;
            count = std::min(raster.width - column, grown.x + grown.width - x);
            const size_t from = static_cast<size_t>(row * raster.width + column), n = static_cast<size_t>(count);
            if (memcmp(static_cast<const char *>(read.data) + at * size, &whole.pixels[from * size], n * size) != 0)
                return false;
            for (size_t i = 0; read.mask && i < n; i++)
                if ((read.mask[at + i] != 0) != (whole.mask[from + i] != 0))
                    return false;
        }
    return true;
}

/* ---- scans ---- */

enum class Tile { Right, Wrong, Failed };

/* Reads all tiles, in their order, by so many threads. */
static std::vector<Tile> Scan(const Raster &raster, const fn_grid &tiles, int threads,
                              const std::shared_ptr<SharedBlocks> &blocks, const volatile bool *cancel)
{
    std::vector<Tile> found(static_cast<size_t>(fn_grid_tile_count(&tiles)), Tile::Failed);
    std::atomic<int64_t> next{0};
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; i++)
        workers.emplace_back([&] {
            ConfigureWorker(nullptr, 1);
            fn_error err;
            const std::unique_ptr<InputReader> reader = InputReader::Open(raster.inputs, 2, blocks, &err);
            CHECK_OF(reader, err.text);
            for (int64_t tile = next++; reader && tile < fn_grid_tile_count(&tiles); tile = next++) {
                MessageCollector collector;
                std::vector<fn_plane> read;
                const fn_window window = fn_grid_tile(&tiles, tile);
                Tile &result = found[static_cast<size_t>(tile)];
                if (!reader->ReadPlanes(raster.planes, window, cancel, read)) {
                    CHECK_OF(collector.Failures() > 0 || fn_is_cancelled(cancel), "it fails without a reason");
                    continue;
                }
                result = Tile::Right;
                for (size_t plane = 0; plane < raster.planes.size(); plane++)
                    if (!IsRight(raster, plane, window, read[plane]))
                        result = Tile::Wrong;
            }
        });
    for (std::thread &worker : workers)
        worker.join();
    return found;
}

static std::string said;

/* The units that were read, by what --debug says. */
static long long UnitsRead(const SharedBlocks &blocks)
{
    said.clear();
    CPLPushErrorHandler([](CPLErr, CPLErrorNum, const char *text) { said += text; });
    blocks.Report();
    CPLPopErrorHandler();
    const size_t at = said.find("shared blocks: ");
    return at == std::string::npos ? 0 : atoll(&said[at + strlen("shared blocks: ")]);
}

static void ScanAll(const Raster &raster, int size, const std::string &what)
{
    const long long units = fn_grid_tile_count(&raster.inputs[0].units);
    fn_grid tiles;
    fn_grid_init(&tiles, raster.width, raster.height, size, size, nullptr);
    const size_t front = SharedBytes(raster.inputs, raster.planes, tiles, 1);
    const auto visits = [&](const SharedBlocks::Key &key) {
        return TilesOfUnit(raster.inputs, raster.planes, tiles, 0, key);
    };
    for (const auto &[threads, limit] : {std::pair<int, size_t>(1, front), {6, kRoom}, {6, 0}}) {
        const auto blocks = std::make_shared<SharedBlocks>(limit, visits);
        const std::vector<Tile> found = Scan(raster, tiles, threads, blocks, &goOn);
        const std::string of =
            what + CPLSPrintf(", tiles of %d, %d threads, limit %g", size, threads, static_cast<double>(limit));
        CHECK_OF(std::count(found.begin(), found.end(), Tile::Right) == static_cast<long>(found.size()), of);
        const long long read = UnitsRead(*blocks);
        /* what lies on the opposite side has long gone when it is needed again */
        CHECK_OF(limit == 0 || (raster.planes[0].wraps && limit == front) || read == units, of + ": " + said);
        CHECK_OF(limit > 0 || units == 0 || read > units, of + ": " + said);
    }
}

/* The tiles that need a unit are those whose windows touch it. */
static void CountTiles(const Raster &raster, const fn_grid &tiles, int64_t firstLine, const std::string &what)
{
    const fn_grid &units = raster.inputs[0].units;
    std::vector<int64_t> counts(static_cast<size_t>(fn_grid_tile_count(&units)));
    for (int64_t tile = 0; tile < fn_grid_tile_count(&tiles); tile++) {
        fn_window window = fn_grid_tile(&tiles, tile);
        window.y += firstLine;
        const fn_window touched = fn_grid_touch(&units, GrownWindow(raster.inputs, raster.planes[0], window));
        for (int64_t y = touched.y; y < touched.y + touched.height; y++)
            for (int64_t x = touched.x; x < touched.x + touched.width; x++)
                counts[static_cast<size_t>(y * units.cols + x)]++;
    }
    for (size_t unit = 0; unit < counts.size(); unit++)
        CHECK_OF(TilesOfUnit(raster.inputs, raster.planes, tiles, firstLine, {0, static_cast<int64_t>(unit)}) ==
                     counts[unit],
                 what + CPLSPrintf(": unit %d", static_cast<int>(unit)));
}

static void CountTilesOf(const std::string &path)
{
    const Raster raster = OpenRaster(path, {{1, 200, 3, 40}}, false);
    for (const int size : {64, 256, 300})
        for (const int firstLine : {0, 128, 512}) {
            fn_grid tiles;
            fn_grid_init(&tiles, raster.width, raster.height - firstLine, size, size + 10, nullptr);
            CountTiles(raster, tiles, firstLine, CPLSPrintf("tiles of %d from line %d", size, firstLine));
            fn_grid_init(&tiles, raster.width, 100, size, size, nullptr);
            CountTiles(raster, tiles, firstLine, CPLSPrintf("part with tiles of %d from line %d", size, firstLine));
        }
}

static void Check(const std::string &path)
{
    const std::vector<std::vector<fn_reach>> reaches = {
        {{0, 0, 0, 0}}, {{1, 2, 3, 4}, {0, 0, 0, 0}, {0, 30, 0, 0}}, {{40, 0, 0, 0}}, {{1200, 2500, 10, 3}}};
    for (size_t i = 0; i < reaches.size(); i++)
        for (const bool wraps : {false, true}) {
            Raster raster = OpenRaster(path, reaches[i], wraps);
            const std::string what = path + CPLSPrintf(", reach %d%s", static_cast<int>(i), wraps ? ", wraps" : "");
            CHECK_OF((raster.inputs[0].units.width > 0) == (i > 0), what);
            if (i == 3) /* tiles of 12 million pixels each */
                raster.planes.resize(1), raster.whole.resize(1);
            if (i != 3 || GDALGetDataTypeSizeBytes(ToGDAL(raster.planes[0].type)) == 1)
                ScanAll(raster, 256, what);
            if (i != 1)
                continue;
            fn_grid_init(&raster.inputs[0].units, raster.width, raster.height, 97, 61, nullptr);
            ScanAll(raster, 300, what + ", small units");
        }
}

/* ---- what goes wrong ---- */

/* One block is damaged: the tiles that need it fail, by themselves, and all others are right. When it is whole again,
 * who tries again has all. */
static void Damaged(const std::string &path)
{
    const Raster raster = OpenRaster(path, {{5, 5, 5, 5}}, false);
    const fn_grid &units = raster.inputs[0].units;
    CHECK_OF(units.tile_width == 256 && units.tile_height == 256, "units are blocks");
    constexpr int64_t kColumn = 2, kRow = 1;
    vsi_l_offset offset = 0;
    {
        const DatasetHandle file(GDALOpen(path.c_str(), GA_ReadOnly));
        offset = static_cast<vsi_l_offset>(CPLAtoGIntBig(GDALGetMetadataItem(
            GDALGetRasterBand(file.get(), 1), CPLSPrintf("BLOCK_OFFSET_%d_%d", int(kColumn), int(kRow)), "TIFF")));
    }
    CHECK_OF(offset > 0, "offset");
    vsi_l_offset bytes = 0;
    GByte *data = VSIGetMemFileBuffer(path.c_str(), &bytes, FALSE);
    const std::vector<GByte> before(data + offset, data + offset + 64);
    memset(data + offset, 0, before.size());
    fn_grid tiles;
    fn_grid_init(&tiles, raster.width, raster.height, 200, 100, nullptr);
    const auto blocks = std::make_shared<SharedBlocks>(kRoom);
    const std::vector<Tile> found = Scan(raster, tiles, 6, blocks, &goOn);
    int bad = 0;
    for (size_t tile = 0; tile < found.size(); tile++) {
        const fn_window grown = fn_window_grow(fn_grid_tile(&tiles, static_cast<int64_t>(tile)), raster.planes[0].reach,
                                               raster.width, raster.height, false);
        const fn_window touched = fn_grid_touch(&units, grown);
        const bool needs = kColumn >= touched.x && kColumn < touched.x + touched.width && kRow >= touched.y &&
                           kRow < touched.y + touched.height;
        CHECK_OF(found[tile] == (needs ? Tile::Failed : Tile::Right), CPLSPrintf("tile %d", static_cast<int>(tile)));
        bad += needs;
    }
    CHECK_OF(bad > 1, "several tiles need it");
    memcpy(data + offset, before.data(), before.size());
    const std::vector<Tile> again = Scan(raster, tiles, 6, blocks, &goOn);
    CHECK_OF(std::count(again.begin(), again.end(), Tile::Right) == static_cast<long>(again.size()), "again");
    CHECK_OF(UnitsRead(*blocks) == fn_grid_tile_count(&units), said);
}

/* A file that ends too soon. */
static void Truncated(const std::string &path)
{
    vsi_l_offset bytes = 0;
    const GByte *data = VSIGetMemFileBuffer(path.c_str(), &bytes, FALSE);
    const std::string half = WriteText("half.tif", std::string(reinterpret_cast<const char *>(data), bytes / 2));
    Raster cut = OpenRaster(path, {{5, 5, 5, 5}}, false);
    cut.inputs[0].path = half;
    fn_grid tiles;
    fn_grid_init(&tiles, cut.width, cut.height, 256, 256, nullptr);
    const std::vector<Tile> found = Scan(cut, tiles, 6, std::make_shared<SharedBlocks>(kRoom), &goOn);
    CHECK_OF(std::count(found.begin(), found.end(), Tile::Wrong) == 0, "half a file");
    CHECK_OF(std::count(found.begin(), found.end(), Tile::Failed) > 0, "half a file");
    CHECK_OF(std::count(found.begin(), found.end(), Tile::Right) > 0, "half a file");
}

/* Those who are cancelled stop, and leave nothing behind that others would wait for. */
static void Cancelled(const std::string &path)
{
    const Raster raster = OpenRaster(path, {{9, 9, 9, 9}}, false);
    fn_grid tiles;
    fn_grid_init(&tiles, raster.width, raster.height, 64, 64, nullptr);
    for (int round = 0; round < 10; round++) {
        const auto blocks = std::make_shared<SharedBlocks>(kRoom);
        volatile bool cancel = false;
        std::thread canceller([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(2 * round));
            __atomic_store_n(&cancel, true, __ATOMIC_RELAXED);
        });
        const std::vector<Tile> some = Scan(raster, tiles, 6, blocks, &cancel);
        canceller.join();
        CHECK_OF(std::count(some.begin(), some.end(), Tile::Wrong) == 0, "cancelled");
        const std::vector<Tile> all = Scan(raster, tiles, 6, blocks, &goOn);
        CHECK_OF(std::count(all.begin(), all.end(), Tile::Right) == static_cast<long>(all.size()), "after cancelling");
    }
}

/* Files that GDAL reads wrong are known as such. */
static void CheckBugs(const std::string &derived, const std::string &mosaic)
{
    const int version = atoi(GDALVersionInfo("VERSION_NUM"));
    CHECK_OF(OpenRaster(derived, {{1, 0, 0, 0}}, false).inputs[0].pipeline.wide ==
                 (version < GDAL_COMPUTE_VERSION(3, 11, 0)),
             derived);
    CHECK_OF(OpenRaster(mosaic, {{1, 0, 0, 0}}, false).inputs[0].pipeline.oneRow ==
                 (version < GDAL_COMPUTE_VERSION(3, 12, 3)),
             mosaic);
}

int main()
{
    GDALAllRegister();
    CPLSetConfigOption("CPL_DEBUG", "FISHNET");
    CPLPushErrorHandler(CPLQuietErrorHandler);
    const Options blocks = {"TILED=YES", "COMPRESS=DEFLATE"};
    const std::string tiled = MakeTiff("tiled.tif", GDT_Int16, 1, blocks);
    const std::string bytes = MakeTiff("bytes.tif", GDT_Byte, 1, {"TILED=YES", "BLOCKXSIZE=128", "BLOCKYSIZE=64"});
    const std::string derived = MakeDerived("derived.vrt", bytes), mosaic = MakeMosaic(derived);
    CheckBugs(derived, mosaic);
    for (const std::string &path :
         {tiled, bytes, MakeTiff("strips.tif", GDT_Float32, 1, {"COMPRESS=LZW"}),
          MakeTiff("pixel.tif", GDT_Byte, 4, {"TILED=YES", "ALPHA=YES", "PHOTOMETRIC=RGB", "COMPRESS=DEFLATE"}),
          MakeTiff("band.tif", GDT_UInt16, 3, {"TILED=YES", "INTERLEAVE=BAND", "COMPRESS=DEFLATE"}, true), derived,
          mosaic, MakeWarped(tiled)})
        Check(path);
    CountTilesOf(tiled);
    Damaged(tiled);
    Truncated(bytes);
    Cancelled(tiled);
    printf(failures == 0 ? "ok\n" : "%d failures\n", failures.load());
    return failures == 0 ? 0 : 1;
}
