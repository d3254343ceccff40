#include "tiles.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <numeric>

#include "creation_options.h"
#include "dataset.h"
#include "input_files.h"
#include "mosaic.h"
#include "output_folder.h"
#include "recipe_file.h"
#include "source_name.h"
#include "tile_job.h"

namespace fishnet
{

/* ---- the grid ---- */

fn_window TileSet::Window(int64_t tile) const
{
    const size_t count = columns.size() - 1;
    const size_t column = static_cast<size_t>(tile) % count, row = static_cast<size_t>(tile) / count;
    return {columns[column], rows[row], columns[column + 1] - columns[column], rows[row + 1] - rows[row]};
}

static int Digits(size_t count)
{
    return std::max(3, static_cast<int>(std::to_string(count - 1).size()));
}

std::string TileSet::Stem(int64_t tile) const
{
    const size_t count = columns.size() - 1;
    return CPLSPrintf("r%0*d_c%0*d", Digits(rows.size() - 1), static_cast<int>(static_cast<size_t>(tile) / count),
                      Digits(count), static_cast<int>(static_cast<size_t>(tile) % count));
}

std::vector<int> EqualEdges(int size, int count, int block)
{
    constexpr int kEven = 4; /* blocks that each part has at least, so that one more or less makes little difference */
    count = std::min(count, size);
    int unit = 1;
    for (int candidate : {block, 256, 128, 64, 32, 16})
        if (candidate > 1 && candidate < size && size / candidate >= static_cast<int64_t>(kEven) * count) {
            unit = candidate;
            break;
        }
    const int64_t units = (size + unit - 1) / unit;
    std::vector<int> edges;
    for (int64_t i = 0; i <= count; i++)
        edges.push_back(static_cast<int>(std::min<int64_t>(size, unit * (i * units / count))));
    return edges;
}

static std::vector<int> StepEdges(int size, int step)
{
    std::vector<int> edges;
    for (int64_t edge = 0; edge < size; edge += step)
        edges.push_back(static_cast<int>(edge));
    edges.push_back(size);
    return edges;
}

/* ---- creation options ---- */

namespace
{
struct TileOptions {
    int gridColumns = 0, gridRows = 0; /* GRID; 0: TILE_SIZE */
    int tileWidth = 4096, tileHeight = 4096;
    MosaicKind mosaic = MosaicKind::vrt;
    bool usualMosaic = false; /* see UsualMosaic() */
    RunOptions run;
};
} // namespace

static bool Refuse(const char *key, const std::string &value, const char *wanted)
{
    CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: %s=%.200s: %s", key, value.c_str(), wanted);
    return false;
}

/* The driver of the tiles: one that copies a raster into a file, and reads it again. */
static bool ReadFormat(const Creation &creation, TileSet &tiles)
{
    tiles.format = creation.own.FetchNameValueDef("FORMAT", "GTiff");
    GDALDriver *driver = GetGDALDriverManager()->GetDriverByName(tiles.format.c_str());
    const auto has = [&](const char *item) {
        const char *value = driver ? driver->GetMetadataItem(item) : nullptr;
        return value && CPLTestBool(value);
    };
    if (!driver || !has(GDAL_DCAP_RASTER))
        return Refuse("FORMAT", tiles.format, "GDAL has no raster driver of that name");
    if (!has(GDAL_DCAP_CREATECOPY) && !has(GDAL_DCAP_CREATE))
        return Refuse("FORMAT", tiles.format, "that driver cannot write rasters");
    if (EQUAL(tiles.format.c_str(), "VRT") || EQUAL(tiles.format.c_str(), "FISHNET"))
        return Refuse("FORMAT", tiles.format, "that driver does not write the pixels");
    /* Some write files of any name; what is no file has no name of GDAL's file systems. */
    const char *extension = driver->GetMetadataItem(GDAL_DMD_EXTENSION);
    const char *several = driver->GetMetadataItem(GDAL_DMD_EXTENSIONS);
    std::string first = extension ? extension : several ? several : "";
    first = first.substr(0, first.find(' '));
    if (EQUAL(tiles.format.c_str(), "MEM") || (first.empty() && !has(GDAL_DCAP_VIRTUALIO)))
        return Refuse("FORMAT", tiles.format, "that driver does not write a file for each tile");
    tiles.extension = first.empty() ? "dat" : first;

    const CPLStringList given(CSLFetchNameValueMultiple(const_cast<char **>(creation.own.List()), "TILE_CO"));
    for (int i = 0; i < given.size(); i++)
        if (!SplitSettings(given[i], tiles.options))
            return Refuse("TILE_CO", given[i], CreationOptions().Find("TILE_CO")->wanted);
    MakeOptionLists(driver);
    return true;
}

/* The kind of mosaic, by the name of the output and MOSAIC. */
static bool ReadMosaic(const Creation &creation, int64_t mosaic, TileOptions &options)
{
    enum { automatic, vrt, gti };
    const std::string &output = creation.output;
    const std::string ending = output.size() > 4 ? output.substr(output.size() - 4) : std::string();
    const bool isGTI = ending == ".gti"; /* in lower case: names share a folder that differ in their ending */
    if (!isGTI && ending != ".vrt") {    /* most likely meant for a single file */
        CPLError(CE_Failure, CPLE_IllegalArg,
                 "FISHNET: the output %.300s is a mosaic over tiles: its name has to end in .vrt or .gti. One GeoTIFF "
                 "is written with OUTPUT=SINGLE",
                 output.c_str());
        return false;
    }
    if ((isGTI || mosaic == gti) && !FN_GDAL_AT_LEAST(3, 9))
        return Refuse("MOSAIC", "GTI",
                      "needs GDAL 3.9, and this is GDAL " GDAL_RELEASE_NAME
                      ". MOSAIC=VRT, of a name that ends in .vrt, "
                      "does without");
    if (isGTI && mosaic == vrt)
        return Refuse("MOSAIC", "VRT", "the output's name ends in .gti, and has to end in .vrt");
    options.mosaic = isGTI ? MosaicKind::gti : mosaic == gti ? MosaicKind::vrtOverGTI : MosaicKind::vrt;
    options.usualMosaic = !isGTI && mosaic == automatic;
    return true;
}

static bool ReadOptions(const Creation &creation, TileSet &tiles, TileOptions &options)
{
    fn_option_value grid, size, mosaic;
    const auto read = [&creation](const char *name, fn_option_value &value) {
        return CreationOptions().Read(creation.own.List(), name, value);
    };
    const char *given = creation.own.FetchNameValue("GRID");
    if (given && creation.own.FetchNameValue("TILE_SIZE"))
        return Refuse("GRID", given, "give either GRID or TILE_SIZE, not both");
    if (!read("GRID", grid) || !read("TILE_SIZE", size) || !read("MOSAIC", mosaic) ||
        !ReadRunOptions(CreationOptions(), creation.own.List(), options.run))
        return false;
    options.gridColumns = static_cast<int>(grid.whole);
    options.gridRows = static_cast<int>(grid.second);
    if (size.whole > 0) { /* else AUTO */
        options.tileWidth = static_cast<int>(size.whole);
        options.tileHeight = static_cast<int>(size.second);
    }
    if (!ReadMosaic(creation, mosaic.whole, options))
        return false;
    tiles.folder = creation.output.substr(0, creation.output.size() - strlen(".vrt")) + "_tiles";
    const std::string why = creation.workers.processes > 0 ? WhyNotShared(nullptr, creation.output) : std::string();
    if (!why.empty()) {
        CPLError(CE_Failure, CPLE_NotSupported,
                 "FISHNET: worker processes cannot write to %.300s: %s. Write to a file, or use WORKERS=THREADS",
                 creation.output.c_str(), why.c_str());
        return false;
    }
    return ReadFormat(creation, tiles);
}

/* What the driver says to its options. */
static Notes CheckTileOptions(const TileSet &tiles)
{
    MessageCollector collector;
    GDALValidateCreationOptions(GDALGetDriverByName(tiles.format.c_str()), tiles.options.List());
    return collector.messages;
}

static bool MakeGrid(const TileOptions &options, GDALDataset *computed, TileSet &tiles)
{
    constexpr int64_t kMost = 1000000;
    const int width = computed->GetRasterXSize(), height = computed->GetRasterYSize();
    int blockWidth = 0, blockHeight = 0;
    computed->GetRasterBand(1)->GetBlockSize(&blockWidth, &blockHeight);
    if (options.gridColumns > 0) {
        tiles.columns = EqualEdges(width, options.gridColumns, blockWidth);
        tiles.rows = EqualEdges(height, options.gridRows, blockHeight);
    } else {
        tiles.columns = StepEdges(width, options.tileWidth);
        tiles.rows = StepEdges(height, options.tileHeight);
    }
    if (tiles.Count() <= kMost)
        return true;
    CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: that makes %lld tiles, and the most is %lld",
             static_cast<long long>(tiles.Count()), static_cast<long long>(kMost));
    return false;
}

/* ---- the folder ---- */

/* "r003_c012.tif" and what belongs to it. */
static bool IsOfTile(const std::string &name)
{
    size_t at = 0;
    for (const char *part : {"r", "_c"}) {
        if (name.compare(at, strlen(part), part) != 0)
            return false;
        at += strlen(part);
        const size_t begin = at;
        while (at < name.size() && isdigit(static_cast<unsigned char>(name[at])))
            at++;
        if (at - begin < 3)
            return false;
    }
    return at < name.size() && name[at] == '.';
}

static const output::OutputKind kTiles = {"FISHNET", "tiles", [](const std::string &name) {
                                              return IsOfTile(name) || name == kIndexName || name == kInnerGTI;
                                          }};

/* What is noted beside tiles. False after CPLError. */
static bool ReadFailures(const TileSet &tiles, const output::OutputFolder &folder, std::vector<std::string> &failures)
{
    const std::string ending = ".failed.txt";
    std::vector<std::string> all;
    if (!folder.List(all))
        return false;
    for (const std::string &name : all)
        if (IsOfTile(name) && name.size() > ending.size() && name.substr(name.size() - ending.size()) == ending &&
            !output::ReadLines(kTiles.driver, tiles.folder + "/" + name, failures))
            return false;
    std::sort(failures.begin(), failures.end());
    failures.erase(std::unique(failures.begin(), failures.end()), failures.end());
    return true;
}

/* ---- the recipe ---- */

static std::string Joined(const std::vector<int> &values)
{
    std::string text;
    for (int value : values)
        text += (text.empty() ? "" : " ") + std::to_string(value);
    return text;
}

/* All that the tiles depend on. */
static output::OutputRecipe Recipe(const Creation &creation, const TileSet &tiles, GDALDataset *computed)
{
    output::OutputRecipe recipe;
    recipe.AddConnection("dataset", creation.connection);
    recipe.AddOptions(CreationOptions(), creation.openOptions.List(), {"CACHE_MB"});
    recipe.Add(std::string("option ON_ERROR=") + (creation.errorIsNoData ? "NODATA" : "FAIL"));
    recipe.Add("FORMAT=" + tiles.format);
    recipe.AddList("TILE_CO", tiles.options.List());
    recipe.Add("edges of columns " + Joined(tiles.columns));
    recipe.Add("edges of rows " + Joined(tiles.rows));
    InputFiles files;
    files.AddName(creation.connection, creation.openOptions.List());
    for (GDALDataset *dataset : {computed, creation.source})
        files.AddDataset(GDALDataset::ToHandle(dataset));
    recipe.AddFiles(files, RecipeFile(*creation.source));
    return recipe;
}

/* ---- what workers open ---- */

/* What a worker opens. It is the only one that reads it. */
static CPLStringList OpenOptions(const Creation &creation, const std::string &tasks)
{
    CPLStringList options(creation.openOptions);
    options.SetNameValue("NUM_WORKERS", "1");
    options.SetNameValue("WORKERS", "THREADS");
    options.SetNameValue("ON_ERROR", creation.errorIsNoData ? "NODATA" : "FAIL");
    options.SetNameValue("RETRIES", CPLSPrintf("%d", creation.workers.retries));
    if (!tasks.empty() && !options.FetchNameValue("TILE_SIZE"))
        options.SetNameValue("TILE_SIZE", tasks.c_str());
    return options;
}

/* The size of the tasks that a worker reads by along one side: parts of a tile, so that no worker computes what
 * belongs to another's. */
static int TaskSize(const std::vector<int> &edges, int usual, int most)
{
    constexpr int kSmall = 16;
    int common = 0, widest = 0;
    for (size_t i = 1; i < edges.size(); i++) {
        widest = std::max(widest, edges[i] - edges[i - 1]);
        if (i + 1 < edges.size()) /* the last edge is the end of the raster */
            common = std::gcd(common, edges[i]);
    }
    if (common == 0 || (common < kSmall && common < widest))
        return std::min(usual, widest);
    if (common % usual == 0)
        return usual;
    for (int size = std::min(common, most); size > kSmall; size--)
        if (common % size == 0)
            return size;
    return std::min(common, FN_TILE_MAX);
}

static std::string TaskSizes(const TileSet &tiles, const Plan &plan)
{
    constexpr int kPixels = 512 * 512;
    const fn_grid &usual = plan.grid;
    if (plan.IsRemote()) { /* whole rows of blocks: each tile asks once for what it needs of them */
        const int widest = TaskSize(tiles.columns, usual.tile_width, usual.tile_width);
        return std::to_string(widest) + "x" + std::to_string(usual.tile_height);
    }
    const int width = TaskSize(tiles.columns, usual.tile_width, 1024);
    const int height = TaskSize(tiles.rows, usual.tile_height, std::max(16, kPixels / width));
    return std::to_string(width) + "x" + std::to_string(height);
}

/* The share of a worker: three rows of its tasks across a tile. */
static int CacheMegabytes(const Creation &creation, const TileJob &job, const Plan &plan)
{
    constexpr size_t kLeast = 16;
    if (const char *given = creation.openOptions.FetchNameValue("CACHE_MB"))
        return std::max(1, atoi(given) / job.workers);
    int widest = 0;
    for (size_t i = 1; i < job.tiles.columns.size(); i++)
        widest = std::max(widest, job.tiles.columns[i] - job.tiles.columns[i - 1]);
    const size_t tasks = static_cast<size_t>(widest / plan.grid.tile_width) + 2;
    size_t bytes = 0;
    for (const Plan::Group &group : plan.groups)
        bytes += 3 * tasks * plan.MostBytes(group);
    bytes += 2 * plan.SharedBytes(1, SIZE_MAX); /* which get half of it at the most */
    return static_cast<int>(std::max(kLeast, (bytes >> 20) + 1));
}

/* What workers will see when they open it, and what they need for it. False after CPLError. */
static bool DescribeForWorkers(const Creation &creation, TileJob &job)
{
    std::string cause;
    {
        MessageCollector collector; /* warnings have been given */
        const DatasetHandle handle = OpenConnection(creation, job.openOptions);
        if (handle) {
            const Plan &plan = static_cast<Dataset *>(GDALDataset::FromHandle(handle.get()))->GetPlan();
            job.signature = plan.Signature();
            job.openOptions.SetNameValue("CACHE_MB", CPLSPrintf("%d", CacheMegabytes(creation, job, plan)));
            return true;
        }
        cause = collector.Cause("not recognized as a raster dataset");
    }
    CPLError(CE_Failure, CPLE_OpenFailed, "FISHNET: %s cannot be opened again: %s",
             WithoutSecrets(job.connection).c_str(), cause.c_str());
    return false;
}

/* The work that tiles are, for shares: pixels; a tile where nothing is stored is hardly any. */
static std::vector<uint32_t> Weights(const TileSet &tiles, const Dataset &computed)
{
    constexpr int64_t kMost = 1 << 30, kHardly = 64;
    std::vector<uint32_t> weights;
    for (int64_t tile = 0; tile < tiles.Count(); tile++) {
        const fn_window window = tiles.Window(tile);
        const int64_t pixels = std::min(kMost, window.width * window.height);
        weights.push_back(static_cast<uint32_t>(computed.IsStored(window) ? pixels : pixels / kHardly));
    }
    return weights;
}

static PartGrid GridOf(const TileSet &tiles, const RunOptions &run, GDALDataset *computed)
{
    const bool weigh = run.shares > 1 || run.writer == output::Writer::Assembler;
    return {static_cast<int64_t>(tiles.columns.size() - 1), static_cast<int64_t>(tiles.rows.size() - 1),
            weigh ? Weights(tiles, *static_cast<Dataset *>(computed)) : std::vector<uint32_t>()};
}

/* The job, for the tiles that are not there yet. NULL after CPLError. */
static std::shared_ptr<TileJob> MakeTileJob(const Creation &creation, const TileSet &tiles,
                                            const std::vector<int64_t> &wanted, GDALDataset *computed,
                                            const output::OutputFolder &folder, const Notes &said)
{
    auto job = std::make_shared<TileJob>(creation.workers.threads);
    job->tiles = tiles;
    if (!job->FindTodo(folder, wanted, [&tiles](int64_t tile) { return tiles.FailedFile(tile); }))
        return nullptr;
    job->folder = AbsoluteName(tiles.folder);
    job->connection = creation.connection;
    job->workers =
        static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(creation.workers.workers, job->TaskCount())));
    const Plan &plan = static_cast<Dataset *>(computed)->GetPlan();
    job->openOptions = OpenOptions(creation, TaskSizes(tiles, plan));
    if (plan.IsRemote()) /* readers: those of all workers together */
        job->openOptions.SetNameValue("READERS",
                                      CPLSPrintf("%d", std::max(1, creation.workers.readers / job->workers)));
    if (plan.IsRemote() && creation.workers.usual)
        job->openOptions.SetNameValue("RETRIES", CPLSPrintf("%d", FN_RETRIES_REMOTE));
    job->geotransform.resize(6);
    if (GDALGetGeoTransform(GDALDataset::ToHandle(computed), job->geotransform.data()) != CE_None)
        job->geotransform.clear();
    job->hostFolder = creation.folder;
    job->inputs = {creation.connection, job->folder};
    const CPLStringList files(computed->GetFileList());
    for (int i = 0; i < files.size(); i++)
        job->inputs.emplace_back(files[i]);
    for (const Message &message : said)
        job->said.insert(message.text);
    return DescribeForWorkers(creation, *job) ? job : nullptr;
}

/* With what GDAL has written beside it. False after CPLError. */
static bool RemoveMosaic(const std::string &output)
{
    bool removed = true;
    for (const char *ending : {"", ".aux.xml", ".ovr", ".msk", ".msk.ovr"})
        removed = removed && output::Remove(kTiles.driver, output + ending);
    return removed;
}

/* "12 tiles within columns 0 to 511, rows 512 to 1023" */
static bool DescribeShare(const TileSet &tiles, const RunOptions &run, GDALDataset *computed, std::string &text)
{
    std::vector<int64_t> wanted;
    if (!FindWanted(kTiles.driver, kTiles.what, run, GridOf(tiles, run, computed), wanted))
        return false;
    int64_t left = INT64_MAX, top = INT64_MAX, right = 0, bottom = 0;
    for (const int64_t tile : wanted) {
        const fn_window one = tiles.Window(tile);
        left = std::min(left, one.x);
        top = std::min(top, one.y);
        right = std::max(right, one.x + one.width);
        bottom = std::max(bottom, one.y + one.height);
    }
    text = std::to_string(wanted.size()) + (wanted.size() == 1 ? " tile" : " tiles");
    if (!wanted.empty())
        text += " within " + Describe({left, top, right - left, bottom - top});
    return true;
}

/* One file is a job without tiles. */
bool PlanTiles(const Creation &creation, JobSize &size)
{
    constexpr double kPixelsOfShare = 5e7; /* 3 s of one core */
    TileOptions options;
    TileSet tiles;
    const DatasetHandle handle = OpenConnection(creation, OpenOptions(creation, std::string()));
    GDALDataset *computed = GDALDataset::FromHandle(handle.get());
    if (!computed || (size.canShare && (!ReadOptions(creation, tiles, options) || !MakeGrid(options, computed, tiles))))
        return false;
    const double pixels = static_cast<double>(computed->GetRasterXSize()) * computed->GetRasterYSize();
    const int bands = computed->GetRasterCount();
    const GDALDataType type = computed->GetRasterBand(1)->GetRasterDataType();
    size.domain = CPLSPrintf("%d x %d pixels, %d band%s of %s", computed->GetRasterXSize(), computed->GetRasterYSize(),
                             bands, bands == 1 ? "" : "s", GDALGetDataTypeName(type));
    size.bytes = pixels * bands * GDALGetDataTypeSizeBytes(type);
    size.workOfShare = kPixelsOfShare;
    size.work = pixels * bands;
    size.parts = size.canShare ? tiles.Count() : 1;
    size.cut = size.canShare
                   ? CPLSPrintf("%lld, %d columns and %d rows of them", static_cast<long long>(tiles.Count()),
                                static_cast<int>(tiles.columns.size() - 1), static_cast<int>(tiles.rows.size() - 1))
                   : "none, it is one file";
    return !size.canShare || options.run.shares == 0 || DescribeShare(tiles, options.run, computed, size.share);
}

GDALDataset *CreateTiles(const Creation &creation)
{
    auto lack = std::make_unique<LackOfMemory>(); /* for an option: GDAL's lists go on without it */
    TileOptions options;
    TileSet tiles;
    if (!ReadOptions(creation, tiles, options) || !CheckOutput(creation, tiles.folder))
        return nullptr;
    const DatasetHandle handle = OpenConnection(creation, OpenOptions(creation, std::string()));
    auto *computed = static_cast<Dataset *>(GDALDataset::FromHandle(handle.get()));
    if (!computed || !MakeGrid(options, computed, tiles) || !CanBeMosaic(options.mosaic, computed))
        return nullptr;
    if (options.usualMosaic)
        options.mosaic = UsualMosaic(tiles.Count(), computed);
    const RunOptions &run = options.run;
    const PartGrid grid = GridOf(tiles, run, computed);
    std::vector<int64_t> wanted;
    if (!FindWanted(kTiles.driver, kTiles.what, run, grid, wanted))
        return nullptr;
    const Notes said = CheckTileOptions(tiles);
    for (const Message &message : said)
        Emit(message);

    output::OutputFolder folder(kTiles, tiles.folder, run.writer);
    const output::OutputRecipe recipe = Recipe(creation, tiles, computed);
    const bool share = run.writer == output::Writer::Share, assembler = run.writer == output::Writer::Assembler;
    if (!folder.Begin(recipe) || (!share && !RemoveMosaic(creation.output)))
        return nullptr;
    const std::shared_ptr<TileJob> job = MakeTileJob(creation, tiles, wanted, computed, folder, said);
    tiles.folder = AbsoluteName(tiles.folder);
    if (!job || lack->IsMet() || (assembler && !job->IsComplete(folder, grid)) ||
        (share && !job->todo.empty() && !folder.NoteShares(run.shares)))
        return nullptr;
    lack.reset();
    std::vector<std::string> failures;
    if (!WriteParts(job, folder, creation.workers, creation.reports, computed->Watch().get(), creation.progress,
                    creation.progressData))
        return nullptr;
    if (share) /* what would be read of the whole is what is computed */
        return job->IsDone(folder, recipe)
                   ? GDALDataset::FromHandle(
                         OpenConnection(creation, OpenOptions(creation, std::string()), true).release())
                   : nullptr;
    if (!folder.Look() || !ReadFailures(tiles, folder, failures) ||
        !WriteMosaic(options.mosaic, tiles, computed, creation.output, failures))
        return nullptr;
    if (assembler)
        folder.RemoveNotes();
    return GDALDataset::FromHandle(
        GDALOpenEx(creation.output.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
}

} // namespace fishnet
