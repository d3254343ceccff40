#include "zonal_job.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "closing.h"
#include "patient_files.h"
#include "zonal_table.h"
#include "zonal_worker.h"

namespace fishnet::zonalstats
{

fn_stats_options StatsOf(const ZonalOptions &options, const Rasters &rasters, size_t plane)
{
    fn_stats_options stats = {};
    stats.stats = options.stats.data();
    stats.n_stats = options.stats.size();
    stats.type = rasters.planes[plane].type;
    stats.fractions = options.pixels == FN_PIXELS_FRACTION;
    stats.spread = options.spread;
    stats.cell_area = rasters.cellArea;
    stats.histogram = options.histogram != Histogram::None;
    if (options.histogram == Histogram::Long && rasters.cellArea <= 0)
        stats.area_most = rasters.AreaMost();
    return stats;
}

std::string TileName(const fn_window &window)
{
    return CPLSPrintf("tile x=%d y=%d %dx%d", static_cast<int>(window.x), static_cast<int>(window.y),
                      static_cast<int>(window.width), static_cast<int>(window.height));
}

/* ---- which geometries are where ---- */

Tiles::Tiles(const fn_grid &grid, const ZoneList &list)
{
    if (list.AreNumbers()) { /* anywhere */
        numbers.resize(static_cast<size_t>(fn_grid_tile_count(&grid)));
        std::iota(numbers.begin(), numbers.end(), 0);
        begin.assign(numbers.size() + 1, 0);
        return;
    }
    const fn_window raster = {0, 0, grid.width, grid.height};
    const auto touched = [&](size_t geometry) {
        const fn_window extent = fn_zone_extent(list.Geometry(geometry));
        const int64_t left = std::max(extent.x, raster.x), top = std::max(extent.y, raster.y);
        const int64_t right = std::min(extent.x + extent.width, raster.width);
        const int64_t bottom = std::min(extent.y + extent.height, raster.height);
        fn_window tiles = {0, 0, 0, 0};
        if (left < right && top < bottom)
            tiles = fn_grid_touch(&grid, {left, top, right - left, bottom - top});
        return tiles;
    };
    std::vector<uint32_t> counts(static_cast<size_t>(fn_grid_tile_count(&grid)), 0);
    const auto visit = [&](size_t geometry, auto what) {
        const fn_window tiles = touched(geometry);
        for (int64_t row = tiles.y; row < tiles.y + tiles.height; row++)
            for (int64_t column = tiles.x; column < tiles.x + tiles.width; column++)
                what(static_cast<size_t>(row * grid.cols + column));
    };
    for (size_t geometry = 0; geometry < list.Count(); geometry++)
        visit(geometry, [&](size_t tile) { counts[tile]++; });
    begin.push_back(0);
    std::vector<size_t> next(counts.size());
    for (size_t tile = 0; tile < counts.size(); tile++)
        if (counts[tile] > 0) {
            numbers.push_back(static_cast<int64_t>(tile));
            next[tile] = begin.back();
            begin.push_back(begin.back() + counts[tile]);
        }
    geometries.resize(begin.back());
    for (size_t geometry = 0; geometry < list.Count(); geometry++)
        visit(geometry, [&](size_t tile) { geometries[next[tile]++] = static_cast<uint32_t>(geometry); });
}

void Tiles::TakePart(int64_t part, int64_t parts)
{
    const auto count = static_cast<int64_t>(numbers.size());
    const auto first = static_cast<std::ptrdiff_t>(count * part / parts);
    const auto end = static_cast<std::ptrdiff_t>(count * (part + 1) / parts);
    numbers = std::vector<int64_t>(numbers.begin() + first, numbers.begin() + end);
    begin = std::vector<size_t>(begin.begin() + first, begin.begin() + end + 1);
}

/* ---- in the host ---- */

ZonalJob::ZonalJob(std::shared_ptr<const Rasters> rasters, const ZonalOptions &options, Source source,
                   std::shared_ptr<const ZoneList> zones, const fn_worker_options &workers,
                   std::shared_ptr<FailedTasks> failed, bool completes)
    : Job(workers.threads), m_rasters(std::move(rasters)), m_options(std::make_shared<ZonalOptions>(options)),
      m_source(std::move(source)), m_signature(m_rasters->Signature()), m_zones(std::move(zones)),
      m_tiles(m_rasters->grid, *m_zones), m_failed(std::move(failed)), m_completes(completes)
{
    const size_t most = static_cast<size_t>(std::max<GIntBig>(0, GDALGetCacheMax64())) / 2;
    m_sharedBytes = SharedBytesOfEach(
        std::min(SharedBytes(m_rasters->inputs, m_rasters->read, m_rasters->grid, workers.workers), most), workers);
    m_blocks = std::make_shared<SharedBlocks>(m_sharedBytes);
    for (const auto &tile : m_failed->List())
        m_tiles.lost.insert(tile.first);
}

void ZonalJob::TakePart(int64_t part, int64_t parts)
{
    m_part = part;
    m_parts = parts;
    m_tiles.TakePart(part, parts);
}

/* A tile's few zones; more is asked for when it is known. */
size_t ZonalJob::TaskBytes(int64_t task, int) const
{
    constexpr size_t kPartial = 512;
    const size_t i = static_cast<size_t>(task);
    const size_t some = m_zones->AreNumbers() ? 100 : m_tiles.begin[i + 1] - m_tiles.begin[i];
    return kPartial * m_rasters->planes.size() * std::min<size_t>(some, 1000);
}

/* The zones of a tile that cannot be read, without it. */
bool ZonalJob::Complete(fn_task &task, Notes &messages, const fn_error &err)
{
    fn_error reason = {};
    const std::unique_ptr<ZonalWorker> worker =
        ZonalWorker::New(*m_options, m_rasters, nullptr, *m_zones, m_tiles, &reason);
    if (!worker || worker->RunWithout(task, &reason) != FN_OK)
        return false;
    m_failed->Add(m_tiles.numbers[static_cast<size_t>(task.number)], err, messages);
    return true;
}

void ZonalJob::Stopped()
{
    m_blocks->Report();
}

/* ---- for another process ---- */

/* Words: these, the zones, the open options. */
enum : size_t {
    kSignature,
    kConnection,
    kGrid,
    kGeotransform,
    kHasZones, /* whether the rasters have one of zones */
    kLostTiles,
    kSharedBytes,
    kPart,
    kParts,
    kZoneWords,
    kOpenOptions = kZoneWords + ZoneList::kWords
};

JobDescription ZonalJob::Describe() const
{
    Words words = {
        m_signature, m_source.connection,
        std::string(reinterpret_cast<const char *>(&m_rasters->grid), sizeof m_rasters->grid),
        std::string(reinterpret_cast<const char *>(m_rasters->geotransform), sizeof m_rasters->geotransform)};
    words.emplace_back(m_rasters->zones.empty() ? "0" : "1");
    const std::vector<int64_t> lost(m_tiles.lost.begin(), m_tiles.lost.end());
    words.emplace_back(reinterpret_cast<const char *>(lost.data()), lost.size() * sizeof(int64_t));
    for (const std::string &number : {std::to_string(m_sharedBytes), std::to_string(m_part), std::to_string(m_parts)})
        words.push_back(number);
    for (std::string &word : m_zones->ToWords())
        words.push_back(std::move(word));
    for (int i = 0; i < m_source.openOptions.size(); i++)
        words.emplace_back(m_source.openOptions[i]);
    Words inputs;
    for (const Input &input : m_rasters->inputs)
        inputs.push_back(PlainName(input.path));
    return {kZonalJob, std::move(words), m_source.folder, std::move(inputs)};
}

std::unique_ptr<Job> ZonalJob::FromWords(const Words &words, int threads, fn_error *err)
{
    std::unique_ptr<ZonalJob> job(new ZonalJob(threads));
    fn_grid grid;
    double geotransform[6];
    fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
    if (words.size() < kOpenOptions || words[kGrid].size() != sizeof grid ||
        words[kGeotransform].size() != sizeof geotransform)
        return nullptr;
    memcpy(&grid, words[kGrid].data(), sizeof grid);
    memcpy(geotransform, words[kGeotransform].data(), sizeof geotransform);
    job->m_signature = words[kSignature];
    job->m_hasZones = words[kHasZones] == "1";
    CPLStringList list;
    for (size_t i = kOpenOptions; i < words.size(); i++)
        list.AddString(words[i].c_str());
    MessageCollector collector; /* the host has heard them */
    auto options = std::make_shared<ZonalOptions>();
    if (!options->Parse(kZonalStats, words[kConnection].c_str(), list.List()))
        return nullptr;
    auto zones = std::make_shared<ZoneList>(false);
    if (!zones->FromWords(words, kZoneWords, geotransform, err))
        return nullptr;
    job->m_tiles = Tiles(grid, *zones);
    job->TakePart(CPLAtoGIntBig(words[kPart].c_str()), std::max<int64_t>(1, CPLAtoGIntBig(words[kParts].c_str())));
    std::vector<int64_t> lost(words[kLostTiles].size() / sizeof(int64_t));
    if (!lost.empty())
        memcpy(lost.data(), words[kLostTiles].data(), lost.size() * sizeof(int64_t));
    job->m_tiles.lost.insert(lost.begin(), lost.end());
    job->m_sharedBytes = static_cast<size_t>(strtoull(words[kSharedBytes].c_str(), nullptr, 10));
    job->m_zones = std::move(zones);
    job->m_options = std::move(options);
    return job;
}

std::unique_ptr<JobWorker> ZonalJob::OpenWorker(fn_error *err)
{
    if (m_rasters) {
        if (UsePool(m_rasters->inputs))
            WaitAtEnd();
        std::unique_ptr<InputReader> reader =
            InputReader::Open(m_rasters->inputs, m_rasters->handlesOfEach, m_blocks, err);
        return reader ? ZonalWorker::New(*m_options, m_rasters, std::move(reader), *m_zones, m_tiles, err) : nullptr;
    }
    MessageCollector collector; /* the host has heard them */
    InputHandles handles;
    fn_worker_options own = {};
    own.workers = 1;
    std::shared_ptr<const Rasters> rasters = Rasters::Open(*m_options, m_hasZones, own, handles);
    if (!rasters) {
        fn_fail(err, FN_ERR_READ, "a worker process cannot open its input: %s",
                collector.Cause("not recognized as a raster dataset").c_str());
        return nullptr;
    }
    if (rasters->Signature() != m_signature) {
        FailAsChanged(rasters->inputs.data(), rasters->inputs.size(), err);
        return nullptr;
    }
    auto reader = std::make_unique<InputReader>(rasters->inputs, std::move(handles),
                                                std::make_shared<SharedBlocks>(m_sharedBytes));
    return ZonalWorker::New(*m_options, std::move(rasters), std::move(reader), *m_zones, m_tiles, err);
}

} // namespace fishnet::zonalstats
