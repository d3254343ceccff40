#include "tile_job.h"

#include <algorithm>
#include <cstring>

#include <gdal_utils.h>

#include "dataset.h"
#include "output_folder.h"
#include "tiff_blocks.h"

namespace fishnet
{

/* ---- what workers are told ---- */

template <class T> static std::string Bytes(const std::vector<T> &values)
{
    return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

template <class T> static std::vector<T> Values(const std::string &bytes)
{
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!values.empty())
        memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
}

JobDescription TileJob::Describe() const
{
    return {"tiles",
            {folder, tiles.format, tiles.extension, PackOptions(tiles.options.List()), Bytes(tiles.columns),
             Bytes(tiles.rows), Bytes(todo), connection, PackOptions(openOptions.List()), signature,
             std::to_string(workers), run},
            hostFolder,
            inputs};
}

std::unique_ptr<Job> TileJob::FromWords(const Words &words, int threads, fn_error *err)
{
    auto job = std::make_unique<TileJob>(threads);
    if (words.size() != 12 || !UnpackOptions(words[3], job->tiles.options) ||
        !UnpackOptions(words[8], job->openOptions)) {
        fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
        return nullptr;
    }
    job->folder = words[0];
    job->tiles.format = words[1];
    job->tiles.extension = words[2];
    job->tiles.columns = Values<int>(words[4]);
    job->tiles.rows = Values<int>(words[5]);
    job->todo = Values<int64_t>(words[6]);
    job->connection = words[7];
    job->signature = words[9];
    job->workers = atoi(words[10].c_str());
    job->run = words[11];
    job->m_inHelper = true;
    return job;
}

/* ---- in the host ---- */

void TileJob::Fail(const fn_error &err) const
{
    CPLError(CE_Failure, ErrorNumber(err.status), "FISHNET: %s", err.text);
}

void TileJob::Tell(const Message &message, const std::string &task, long)
{
    if (message.level == CE_Debug || said.insert(message.text).second)
        Emit(message, ("FISHNET: " + task + ": ").c_str());
}

/* ---- opening ---- */

namespace
{
class TileWorker final : public JobWorker
{
  public:
    TileWorker(const TileJob &job, DatasetHandle dataset) : m_job(job), m_dataset(std::move(dataset)) {}
    ~TileWorker() override;

    /* Writes the tile of a task. Its part folder is gone afterwards, whatever happens. */
    fn_status Run(fn_task &task, Notes &messages, fn_error *err) override;

  private:
    bool Write(int64_t tile, const std::string &file, fn_task &task) const;
    bool IsWhole(int64_t tile, const std::string &file) const;
    bool NoteFailures(int64_t tile, const std::string &part) const;

    const TileJob &m_job;
    DatasetHandle m_dataset;
};
} // namespace

std::unique_ptr<JobWorker> TileJob::OpenWorker(fn_error *err)
{
    if (m_inHelper) { /* GDAL's cache is one for each process: together they take what one would. */
        constexpr GIntBig kLeast = 64 << 20;
        const GIntBig most = GDALGetCacheMax64();
        GDALSetCacheMax64(std::min(most, std::max(kLeast, most / std::max(1, workers))));
    }
    /* A mask in the tile's own file; the host may say otherwise. */
    if (!CPLGetConfigOption("GDAL_TIFF_INTERNAL_MASK", nullptr))
        CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES");
    MessageCollector collector; /* the host has heard them */
    DatasetHandle handle(
        GDALOpenEx(connection.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, openOptions.List(), nullptr));
    auto *dataset = static_cast<Dataset *>(GDALDataset::FromHandle(handle.get()));
    if (!dataset) {
        fn_fail(err, FN_ERR_READ, "a worker cannot open its input: %s",
                collector.Cause("not recognized as a raster dataset").c_str());
        return nullptr;
    }
    const Plan &plan = dataset->GetPlan();
    if (plan.Signature() != signature) {
        FailAsChanged(plan.inputs.data(), plan.inputs.size(), err);
        return nullptr;
    }
    return std::make_unique<TileWorker>(*this, std::move(handle));
}

TileWorker::~TileWorker()
{
    MessageCollector collector; /* nobody is there to hear them any more */
    m_dataset.reset();
}

/* ---- one tile ---- */

static int CPL_STDCALL IsWanted(double done, const char *, void *user)
{
    const auto *task = static_cast<const fn_task *>(user);
    fn_task_progress(task, done);
    return !fn_is_cancelled(task->cancel);
}

/* GDAL's own translation of a window, so that all that belongs to the raster comes along. */
bool TileWorker::Write(int64_t tile, const std::string &file, fn_task &task) const
{
    const fn_window window = m_job.tiles.Window(tile);
    CPLStringList words;
    for (const std::string &word :
         {std::string("-of"), m_job.tiles.format, std::string("-srcwin"), std::to_string(window.x),
          std::to_string(window.y), std::to_string(window.width), std::to_string(window.height)})
        words.AddString(word.c_str());
    for (int i = 0; i < m_job.tiles.options.size(); i++) {
        words.AddString("-co");
        words.AddString(m_job.tiles.options[i]);
    }
    const std::unique_ptr<GDALTranslateOptions, void (*)(GDALTranslateOptions *)> options(
        GDALTranslateOptionsNew(words.List(), nullptr), GDALTranslateOptionsFree);
    if (!options)
        return false;
    static_cast<Dataset *>(GDALDataset::FromHandle(m_dataset.get()))->Reader().LimitTo(window);
    GDALTranslateOptionsSetProgress(options.get(), IsWanted, &task);
    DatasetHandle written(GDALTranslate(file.c_str(), m_dataset.get(), options.get(), nullptr));
    const bool begun = written != nullptr;
#if FN_GDAL_AT_LEAST(3, 7)
    /* Much is written only now. */
    const bool flushed = begun && GDALFlushCache(written.get()) == CE_None;
    return begun && GDALClose(written.release()) == CE_None && flushed;
#else
    written.reset(); /* a failure is a message alone */
    return begun;
#endif
}

/* Reads a band to its end. */
static bool CanBeRead(GDALRasterBandH band)
{
    constexpr int kPixels = 1 << 20;
    int blockWidth = 0, blockHeight = 0;
    GDALGetBlockSize(band, &blockWidth, &blockHeight);
    const int width = GDALGetRasterBandXSize(band), height = GDALGetRasterBandYSize(band);
    const int rows = std::min(height, std::max(blockHeight, kPixels / width / blockHeight * blockHeight));
    const GDALDataType type = GDALGetRasterDataType(band);
    std::vector<char> pixels(static_cast<size_t>(width) * static_cast<size_t>(rows) *
                             static_cast<size_t>(GDALGetDataTypeSizeBytes(type)));
    for (int y = 0; y < height; y += rows) {
        const int lines = std::min(rows, height - y);
        if (GDALRasterIO(band, GF_Read, 0, y, width, lines, pixels.data(), width, lines, type, 0, 0) != CE_None)
            return false;
    }
    return true;
}

static bool IsGeoTIFF(GDALDatasetH dataset)
{
    return EQUAL(GDALGetDriverShortName(GDALGetDatasetDriver(dataset)), "GTiff");
}

/* Drivers do not always say that the last bytes could not be written. So a look at the file is needed: in GeoTIFF at
 * its table of blocks, elsewhere at all pixels. */
static bool IsWritten(GDALDatasetH dataset, const std::string &file)
{
    VSIStatBufL stat;
    if (VSIStatL(file.c_str(), &stat) != 0)
        return false;
    const bool tiff = IsGeoTIFF(dataset);
    for (int i = 1; i <= GDALGetRasterCount(dataset); i++) {
        GDALRasterBandH band = GDALGetRasterBand(dataset, i);
        const bool mask = i == 1 && (GDALGetMaskFlags(band) & GMF_PER_DATASET) != 0;
        if (!(tiff ? HasBlocks(band, static_cast<uint64_t>(stat.st_size), true) : CanBeRead(band)) ||
            (mask && !CanBeRead(GDALGetMaskBand(band))))
            return false;
    }
    return true;
}

/* What has been written can be read. */
bool TileWorker::IsWhole(int64_t tile, const std::string &file) const
{
    const fn_window window = m_job.tiles.Window(tile);
    const DatasetHandle written(
        GDALOpenEx(file.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
    if (!written)
        return false;
    const int width = GDALGetRasterXSize(written.get()), height = GDALGetRasterYSize(written.get());
    const int count = GDALGetRasterCount(written.get());
    if (width != window.width || height != window.height || count != GDALGetRasterCount(m_dataset.get())) {
        CPLError(CE_Failure, CPLE_AppDefined, "read again it has %d x %d pixels and %d bands", width, height, count);
        return false;
    }
    for (int i = 1; i <= count; i++) {
        const GDALDataType type = GDALGetRasterDataType(GDALGetRasterBand(written.get(), i));
        const GDALDataType computed = GDALGetRasterDataType(GDALGetRasterBand(m_dataset.get(), i));
        if (type != computed && GDALDataTypeUnion(type, computed) != type) {
            CPLError(CE_Failure, CPLE_AppDefined,
                     "%s makes %s of %s, which does not hold the values. Choose another FORMAT, or another type of "
                     "pixels (OT)",
                     m_job.tiles.format.c_str(), GDALGetDataTypeName(type), GDALGetDataTypeName(computed));
            return false;
        }
    }
    if (IsGeoTIFF(written.get()) && LacksCRS(written.get(), m_dataset.get())) {
        CPLError(CE_Failure, CPLE_AppDefined, "%s", kLacksCRS);
        return false;
    }
    return IsWritten(written.get(), file);
}

/* ON_ERROR=NODATA: what the tile lacks. The dataset tells of all that it has come across, tiles of other workers'
 * too. */
bool TileWorker::NoteFailures(int64_t tile, const std::string &part) const
{
    const fn_window window = m_job.tiles.Window(tile);
    std::string text;
    CSLConstList report = GDALGetMetadata(m_dataset.get(), "FISHNET");
    for (CSLConstList item = report; item && *item; item++) {
        const char *equal = strchr(*item, '=');
        const char *place = STARTS_WITH(*item, "TILE_FAILED_") && equal ? strstr(equal, "x=") : nullptr;
        long long x = 0, y = 0, width = 0, height = 0;
        if (place && sscanf(place, "x=%lld y=%lld %lldx%lld", &x, &y, &width, &height) == 4 &&
            x < window.x + window.width && x + width > window.x && y < window.y + window.height &&
            y + height > window.y)
            text += std::string(equal + 1) + "\n";
    }
    return text.empty() || output::WriteWhole("FISHNET", part + "/" + m_job.tiles.FailedFile(tile), text);
}

/* Has an error been collected, other than that a format cannot hold something beside the pixels? */
static bool HasFailed(const MessageCollector &collector)
{
    for (const Message &message : collector.messages)
        if (message.level >= CE_Failure && message.number != CPLE_NotSupported)
            return true;
    return false;
}

static bool IsForMemory(const MessageCollector &collector)
{
    for (const Message &message : collector.messages)
        if (message.level >= CE_Failure && message.number == CPLE_OutOfMemory)
            return true;
    return false;
}

fn_status TileWorker::Run(fn_task &task, Notes &messages, fn_error *err)
{
    const int64_t tile = m_job.PartOf(task.number);
    std::string cause, reason;
    bool done = false, memory = false;
    {
        MessageCollector collector;
        output::PartFolder part("", m_job.folder, m_job.tiles.Stem(tile), m_job.run);
        if (part.Make()) {
            const std::string file = part.Path() + "/" + m_job.tiles.File(tile);
            done = Write(tile, file, task) && !HasFailed(collector) && IsWhole(tile, file) &&
                   NoteFailures(tile, part.Path()) && part.Publish(m_job.tiles.File(tile));
        }
        cause = collector.Cause(("the driver " + m_job.tiles.format + " gives no reason").c_str());
        memory = IsForMemory(collector);
        if (!done && !part.Path().empty())
            reason = output::WhyNotWritable(part.Path());
        if (cause.find(reason) != std::string::npos)
            reason.clear();
        messages = std::move(collector.messages);
    }
    const std::string name = m_job.folder + "/" + m_job.tiles.File(tile);
    if (!done) {
        messages.clear();
        if (fn_is_cancelled(task.cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        /* Reading has been tried again by the dataset itself, and writing to a full disk is not: that is final. */
        return fn_fail(err, memory ? FN_ERR_MEMORY : FN_ERR_VALUE, "tile %.300s (%s) cannot be written: %.500s%s%s",
                       name.c_str(), Describe(m_job.tiles.Window(tile)).c_str(), cause.c_str(),
                       reason.empty() ? "" : ": ", reason.c_str());
    }
    memset(task.result, 0, task.bytes); /* nobody reads it */
    return FN_OK;
}

} // namespace fishnet
