#include <algorithm>
#include <cstring>

#include "file_names.h"
#include "gdal_compat.h"
#include "job_run.h"
#include "output_folder.h"
#include "single_file.h"
#include "single_job.h"
#include "source_name.h"

namespace fishnet
{

using single::Fail;

/* ---- tasks ---- */

static int64_t CommonMultiple(int64_t a, int64_t b)
{
    int64_t x = a, y = b;
    while (y != 0) {
        const int64_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x * b;
}

static int RoundTo(int64_t size, int block, int64_t most)
{
    const int64_t up = (std::min(size, most) + block - 1) / block * block;
    return static_cast<int>(up > most && up > block ? up - block : up);
}

/* A task is a tile of whole blocks of the file, and of whole tiles that suit the source as far as both go together. A
 * tile that suits the source is not cut for the pixels that are read, which are computed in as many rows at a time as
 * there is memory for: blocks would be decoded twice. Depends on source and file alone: it decides on the order of the
 * blocks in the file. */
static void ChooseTile(const Plan &plan, const Layout &layout, int *width, int *height)
{
    constexpr size_t kMost = 32 << 20;
    const fn_grid &grid = plan.grid;
    size_t read = 0;
    for (const Plane &plane : plan.planes)
        read += fn_type_size(plane.type);
    const auto fit = [](size_t pixel, int64_t w, int64_t h) {
        return static_cast<double>(pixel) * static_cast<double>(w) * static_cast<double>(h) <= double(kMost);
    };
    const auto fits = [&](int64_t w, int64_t h) {
        const bool isTile = w <= grid.tile_width && h <= grid.tile_height;
        return fit(layout.PixelBytes() + (isTile ? 0 : read), w, h);
    };
    int64_t w = CommonMultiple(grid.tile_width, layout.blockWidth);
    int64_t h = CommonMultiple(grid.tile_height, layout.blockHeight);
    if (grid.tile_width >= grid.width || !fits(w, layout.blockHeight))
        w = grid.tile_width;
    if (grid.tile_height >= grid.height || !fits(w, h))
        h = grid.tile_height;
    *width = RoundTo(w, layout.blockWidth, FN_TILE_MAX);
    *height = RoundTo(h, layout.blockHeight, FN_TILE_MAX);
    while (!fits(*width, *height) && (*width > layout.blockWidth || *height > layout.blockHeight))
        if (*height > layout.blockHeight)
            *height = RoundTo(*height / 2, layout.blockHeight, FN_TILE_MAX);
        else
            *width = RoundTo(*width / 2, layout.blockWidth, FN_TILE_MAX);
}

/* ---- in the host ---- */

namespace
{
class Single
{
  public:
    explicit Single(const Creation &creation) : m_creation(creation) {}
    bool Prepare(const Dataset &source, const Layout &layout);
    /* Computes all and writes it. */
    bool Write(const std::string &path);

  private:
    size_t WorkerBytes() const;
    JobRunOptions DivideBudget();
    bool Place(const fn_part &part, BlockWriter &writer) const;
    bool NoteFailed(const std::string &path) const;

    const Creation &m_creation;
    PlanSource m_source;
    std::shared_ptr<SingleJob> m_job;
    std::shared_ptr<InputWatch> m_watch;
};
} // namespace

/* The plan, with tasks of that size. Its warnings have been given by the dataset that the metadata came from. */
bool Single::Prepare(const Dataset &dataset, const Layout &layout)
{
    const Plan &source = dataset.GetPlan();
    m_watch = dataset.Watch();
    int tileWidth = 0, tileHeight = 0;
    fn_error err;
    /* A size that was given for the source, if it will do. */
    const char *given = m_creation.openOptions.FetchNameValueDef("TILE_SIZE", "AUTO");
    if (fn_parse_tile_size(given, &tileWidth, &tileHeight, &err) != FN_OK || tileWidth == 0 ||
        tileWidth % layout.blockWidth != 0 || tileHeight % layout.blockHeight != 0)
        ChooseTile(source, layout, &tileWidth, &tileHeight);
    m_source.connection = m_creation.connection;
    m_source.openOptions = m_creation.openOptions;
    m_source.openOptions.SetNameValue("TILE_SIZE", CPLSPrintf("%dx%d", tileWidth, tileHeight));
    m_source.folder = m_creation.folder;
    fn_recipe recipe = {};
    if (fn_recipe_parse(m_source.connection.c_str(), m_source.openOptions.List(), &recipe, &err) != FN_OK)
        return Fail(CPLE_IllegalArg, m_creation.output, WithoutSecrets(err.text));
    const std::unique_ptr<fn_recipe, void (*)(fn_recipe *)> owner(&recipe, fn_recipe_clear);
    recipe.workers = m_creation.workers; /* as often as they try again, inputs are opened again */
    std::shared_ptr<const Plan> plan;
    std::string cause;
    {
        InputHandles handles;
        MessageCollector collector;
        plan = Plan::Make(recipe, -1, handles);
        cause = collector.Cause("not recognized as a raster dataset");
    }
    if (!plan)
        return Fail(CPLE_OpenFailed, m_creation.output, cause);
    m_job = std::make_shared<SingleJob>(plan, m_source, plan->Signature(), layout, m_creation.workers.threads,
                                        m_creation.errorIsNoData);
    return true;
}

/* A worker keeps the pixels of a tile, but where they are the result, and its encoder the blocks, before they are. */
size_t Single::WorkerBytes() const
{
    const Plan &plan = m_job->GetPlan();
    size_t pixels = 0;
    for (const Plan::Group &group : plan.groups)
        pixels += plan.MostBytes(group);
    return plan.WorkerBytes() + pixels + m_job->TaskBytes(0, 0);
}

/* What workers keep and share comes out of the budget, and an eighth of it at the least is left for results. A budget
 * that was given is kept by fewer workers, if need be. */
JobRunOptions Single::DivideBudget()
{
    const Plan &plan = m_job->GetPlan();
    JobRunOptions options = {};
    options.workers = m_creation.workers;
    UseReaders(plan.inputs, options.workers);
    options.reports = m_creation.reports;
    int &workers = options.workers.workers;
    const char *cache = m_source.openOptions.FetchNameValue("CACHE_MB");
    const size_t own = WorkerBytes(), results = 4 * m_job->TaskBytes(0, 0);
    const size_t most = static_cast<size_t>(std::max<GIntBig>(GDALGetCacheMax64(), 1 << 20));
    options.budget = std::min(std::max(static_cast<size_t>(workers) * (own + results), size_t(64) << 20) +
                                  plan.SharedBytes(workers, most),
                              most);
    if (cache)
        options.budget = static_cast<size_t>(strtoull(cache, nullptr, 10)) << 20;
    const size_t shared = plan.SharedBytes(workers, options.budget);
    options.budget -= shared;
    if (cache) {
        const size_t fit = std::max<size_t>(1, options.budget / 4 * 3 / own);
        workers = static_cast<int>(std::min(fit, static_cast<size_t>(workers)));
        CPLDebug("FISHNET", "CACHE_MB=%s is enough for %d workers", cache, workers);
    }
    options.budget -= std::min(static_cast<size_t>(workers) * own, options.budget / 4 * 3);
    m_job->Share(SharedBytesOfEach(shared, options.workers));
    return options;
}

/* Puts the blocks of a task where they belong. */
bool Single::Place(const fn_part &part, BlockWriter &writer) const
{
    const char *data = static_cast<const char *>(part.data);
    uint64_t count = 0;
    if (part.bytes >= sizeof count)
        memcpy(&count, data, sizeof count);
    bool ok = part.bytes >= sizeof count && count <= part.bytes / sizeof(BlockHead);
    size_t at = ok ? HeadBytes(static_cast<size_t>(count)) : 0;
    ok = ok && at <= part.bytes;
    const char *heads = data + sizeof count;
    for (uint64_t i = 0; ok && i < count; i++) {
        BlockHead head;
        memcpy(&head, heads + i * sizeof head, sizeof head);
        ok = head.size <= part.bytes - at;
        if (ok && head.size > 0 && !writer.Write(head.number, data + at, static_cast<size_t>(head.size)))
            return Fail(CPLE_FileIO, m_creation.output, "it cannot be written: " + writer.Why());
        at += ok ? static_cast<size_t>(head.size) : 0;
    }
    return ok || Fail(CPLE_AppDefined, m_creation.output, m_job->TaskName(part.task) + " came back damaged");
}

/* What was filled with NoData is listed in the file, and is not valid where it has a mask. The list moves the file's
 * directory behind the blocks. */
bool Single::NoteFailed(const std::string &path) const
{
    const std::map<int64_t, std::string> failedTiles = m_job->Failed();
    if (failedTiles.empty())
        return true;
    const char *const drivers[] = {"GTiff", nullptr};
    const DatasetHandle dataset(
        GDALOpenEx(path.c_str(), GDAL_OF_RASTER | GDAL_OF_UPDATE | GDAL_OF_VERBOSE_ERROR, drivers, nullptr, nullptr));
    if (!dataset)
        return false;
    CPLStringList list;
    list.SetNameValue("TILES_FAILED", CPLSPrintf("%d", static_cast<int>(failedTiles.size())));
    int number = 0;
    bool ok = true;
    GDALRasterBandH band = GDALGetRasterBand(dataset.get(), 1);
    const bool masked = GDALGetMaskFlags(band) == GMF_PER_DATASET;
    for (const auto &failed : failedTiles) {
        list.SetNameValue(CPLSPrintf("TILE_FAILED_%d", ++number), failed.second.c_str());
        const fn_window window = fn_grid_tile(&m_job->GetPlan().grid, failed.first);
        GByte zero = 0; /* for all pixels */
        ok = ok && (!masked ||
                    GDALRasterIOEx(GDALGetMaskBand(band), GF_Write, static_cast<int>(window.x),
                                   static_cast<int>(window.y), static_cast<int>(window.width),
                                   static_cast<int>(window.height), &zero, 1, 1, GDT_Byte, 1, 1, nullptr) == CE_None);
    }
    ok = ok && GDALSetMetadata(dataset.get(), list.List(), "FISHNET") == CE_None;
    CPLErrorReset();
    GDALFlushCache(dataset.get());
    return ok && CPLGetLastErrorType() < CE_Failure;
}

bool Single::Write(const std::string &path)
{
    const double count = static_cast<double>(m_job->TaskCount()), begin = single::ShareOfMasks(m_job->GetPlan());
    BlockWriter writer;
    fn_error err;
    if (!writer.Open(path))
        return Fail(CPLE_FileIO, m_creation.output, "it cannot be written: " + writer.Why());
    std::unique_ptr<JobRun> run = JobRun::New(m_job, ResultKind::InOrder, DivideBudget(), nullptr, &err);
    if (!run)
        return Fail(ErrorNumber(err.status), m_creation.output, err.text);
    for (;;) {
        fn_part part = {};
        fn_status status = fn_stream_next(run->Stream(), &part, &err);
        if (status == FN_OK && !part.data)
            status = run->Log().Check(&err);
        const std::string why = m_watch ? m_watch->WhyNot(!part.data, status != FN_OK) : std::string();
        if (!why.empty())
            return Fail(CPLE_FileIO, m_creation.output, why);
        if (status != FN_OK)
            return Fail(ErrorNumber(err.status), m_creation.output, err.text);
        if (!part.data)
            break;
        if (!Place(part, writer))
            return false;
        const double done = begin + (1 - begin) * static_cast<double>(part.task + 1) / count;
        if (!m_creation.progress(done, "", m_creation.progressData))
            return Fail(CPLE_UserInterrupt, m_creation.output, "stopped by the user");
    }
    run.reset();
    if (!writer.Close())
        return Fail(CPLE_FileIO, m_creation.output, "it cannot be written: " + writer.Why());
    return NoteFailed(path);
}

/* ---- the whole ---- */

/* The dataset that is to be written. It gives the warnings that there are, and its metadata. */
static DatasetHandle OpenSource(const Creation &creation)
{
    const fn_worker_options &workers = creation.workers;
    CPLStringList options(creation.openOptions);
    options.SetNameValue("WORKERS", workers.processes > 0 ? "PROCESSES" : "THREADS");
    options.SetNameValue("NUM_WORKERS", CPLSPrintf("%d", workers.workers));
    options.SetNameValue("THREADS_PER_WORKER", CPLSPrintf("%d", workers.threads));
    options.SetNameValue("RETRIES", CPLSPrintf("%d", workers.retries));
    options.SetNameValue("TASK_TIMEOUT", CPLSPrintf("%.17g", workers.timeout));
    options.SetNameValue("ON_ERROR", creation.errorIsNoData ? "NODATA" : "FAIL");
    return OpenConnection(creation, options);
}

/* Before a worker starts the source is closed again: it may have workers of its own, of masks. */
static bool Prepare(const Creation &creation, const std::string &path, Single &run)
{
    const LackOfMemory lack; /* for an option: GDAL's lists go on without it */
    const DatasetHandle handle = OpenSource(creation);
    auto *source = dynamic_cast<Dataset *>(GDALDataset::FromHandle(handle.get()));
    Layout layout;
    return source && single::MakeFile(creation, *source, path) && single::ReadLayout(creation, *source, path, layout) &&
           run.Prepare(*source, layout) && !lack.IsMet();
}

/* What an older file of that name has left would belong to the new one. False after CPLError. */
static bool RemoveSidecars(const std::string &output)
{
    for (const char *ending : {".msk", ".msk.ovr", ".ovr", ".aux.xml"})
        if (!output::Remove("FISHNET", output + ending))
            return false;
    return true;
}

GDALDataset *CreateSingle(const Creation &creation)
{
    const std::string name = CPLGetFilename(creation.output.c_str());
    output::PartFolder part("FISHNET: " + creation.output, CPLGetDirname(creation.output.c_str()), name);
    if (!single::CheckOptions(creation) || !part.Make())
        return nullptr;
    {
        const std::string path = part.Path() + "/" + name;
        Single run(creation);
        if (!Prepare(creation, path, run) || !run.Write(path))
            return nullptr;
    }
    if (!RemoveSidecars(creation.output) || !part.Publish(name))
        return nullptr;
    const unsigned update = IsFarAway(creation.output) ? 0 : GDAL_OF_UPDATE; /* objects are not written to */
    GDALDataset *written = GDALDataset::FromHandle(GDALOpenEx(
        creation.output.c_str(), GDAL_OF_RASTER | update | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
    if (!written) { /* libtiff writes a new header where it cannot read the one that is there */
        VSIUnlink(creation.output.c_str());
        RemoveSidecars(creation.output);
        Fail(CPLE_OpenFailed, creation.output, "it was written, but cannot be opened again, and has been removed");
    }
    return written;
}

} // namespace fishnet
