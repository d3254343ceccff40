#include "tile_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pixels.h"
#include "workers.h"

namespace fishnet
{

/* The row of tiles that is read, of all bands, and two that are computed ahead; where a row is a single tile, one for
 * each worker. Not more than needed: memory that is touched for the first time costs as much as decoding does. */
static size_t DefaultBudget(const Plan &plan, int workers)
{
    size_t row = 0;
    for (const Plan::Group &group : plan.groups)
        row += plan.MostBytes(group);
    const size_t strips = static_cast<size_t>((plan.IsRemote() ? 2 : 1) * workers + 2) * row; /* all readers at work */
    row *= static_cast<size_t>(plan.grid.cols);
    const size_t most = static_cast<size_t>(std::max<GIntBig>(GDALGetCacheMax64(), 1 << 20));
    return std::min(std::max({3 * row, strips, size_t(64) << 20}) + plan.SharedBytes(workers, most), most);
}

TileReader::TileReader(std::shared_ptr<const Plan> plan, std::shared_ptr<InputWatch> watch)
    : m_plan(std::move(plan)), m_watch(std::move(watch)), m_progress(m_plan->groups.size())
{
}

std::unique_ptr<TileReader> TileReader::New(std::shared_ptr<const Plan> plan, const fn_recipe &recipe,
                                            const PlanSource &source, std::shared_ptr<InputWatch> watch)
{
    std::unique_ptr<TileReader> self(new TileReader(std::move(plan), std::move(watch)));
    return self->Start(recipe, source) ? std::move(self) : nullptr;
}

/* What looks around, or reads many rasters, can need much for each worker: no more of them than there is room for.
 * given: CACHE_MB in bytes, 0: then half of the machine's memory is room. */
void TileReader::KeepBudget(size_t given, size_t shared, fn_worker_options &workers) const
{
    const GIntBig machine = CPLGetUsablePhysicalRAM();
    const bool isRemote = m_plan->IsRemote();
    if (!isRemote && (!m_plan->expr || !(given ? m_plan->expr->LooksAround() : machine > 0)))
        return;
    const size_t room = given || machine <= 0 ? m_budget - shared : static_cast<size_t>(machine) / 2;
    const size_t each =
        m_plan->WorkerBytes() + (isRemote ? m_plan->MostBytes(m_plan->groups[0]) : 0); /* what readers read into */
    const size_t most = std::max<size_t>(1, room / std::max<size_t>(1, each));
    if (static_cast<size_t>(workers.workers) <= most)
        return;
    workers.workers = static_cast<int>(most);
    workers.processes = std::min(workers.processes, workers.workers);
    CPLDebug("FISHNET", "there is memory for %d workers", workers.workers);
}

/* What is not worth a thread the host's thread computes: a single tile, or as few pixels, where each is computed for
 * itself and none is waited for. */
bool TileReader::IsForHost(const fn_worker_options &workers) const
{
    constexpr int64_t kPixels = 512 * 512;
    constexpr size_t kInputs = 4;
    const fn_grid &grid = m_plan->grid;
    if (workers.processes > 0)
        return false;
    const auto groups = static_cast<int64_t>(m_plan->groups.size());
    return fn_grid_tile_count(&grid) * groups == 1 ||
           (grid.width * grid.height <= kPixels / groups && m_plan->inputs.size() <= kInputs && !m_plan->IsRemote() &&
            !(m_plan->expr && m_plan->expr->LooksAround()));
}

bool TileReader::Start(const fn_recipe &recipe, PlanSource source)
{
    JobRunOptions options = {};
    options.workers = recipe.workers;
    LimitWorkers(m_plan->inputs, m_plan->grid.width, options.workers);
    m_workers = std::max(recipe.workers.workers, options.workers.workers);
    m_budget = recipe.cache_bytes ? recipe.cache_bytes : DefaultBudget(*m_plan, m_workers);
    const size_t shared = m_plan->SharedBytes(options.workers.workers, m_budget);
    KeepBudget(recipe.cache_bytes, shared, options.workers);
    source.sharedBytes = SharedBytesOfEach(shared, options.workers);
    m_budget -= shared;
    /* What the workers hold beside the tiles, handles included, comes out of the budget: at most a quarter of it. */
    const size_t own = static_cast<size_t>(options.workers.workers) * m_plan->WorkerBytes();
    m_budget -= std::min(own, m_budget / 4);
    options.budget = m_budget;
    if (IsForHost(options.workers))
        options.workers.workers = 0;
    options.reports = FindReportFiles();
    fn_error err;
    if (CheckDepth(&err) == FN_OK) {
        m_job = std::make_shared<RasterJob>(m_plan, std::move(source), m_plan->Signature(), recipe.workers.threads,
                                            recipe.error_is_nodata);
        m_run.reset(JobRun::New(m_job, ResultKind::Placed, options, nullptr, &err).release());
        if (options.workers.processes == 0 && !options.reports.Any()) /* which tell what workers do */
            m_jumps = std::make_unique<JumpReader>(m_plan, *m_job);
    }
    if (!m_run)
        Fail(err);
    return m_run != nullptr;
}

CPLErr TileReader::Fail(const fn_error &err) const
{
    CPLError(CE_Failure, ErrorNumber(err.status), "FISHNET:%s: %s", WithoutSecrets(m_plan->inputs[0].name).c_str(),
             err.text);
    return CE_Failure;
}

/* What was computed from other files than those that were opened must not be handed out. */
CPLErr TileReader::CheckInputs(bool all, bool failed) const
{
    const std::string why = m_watch ? m_watch->WhyNot(all, failed) : std::string();
    if (why.empty())
        return CE_None;
    fn_error err;
    fn_fail(&err, FN_ERR_READ, "%s", why.c_str());
    return Fail(err);
}

/* What to compute while the reader works on what it has: at least as much as it has just asked for, within the
 * budget. */
std::vector<int64_t> TileReader::TasksAhead(const std::vector<size_t> &groups, const fn_window &tiles)
{
    Progress &progress = m_progress[groups.back()];
    if (memcmp(&progress.current, &tiles, sizeof tiles) != 0) {
        progress.previous = progress.current;
        progress.current = tiles;
    }
    const int64_t count = fn_grid_tile_count(&m_plan->grid);
    size_t bytes = 0; /* of one tile of all groups */
    for (size_t group : groups)
        bytes += m_plan->MostBytes(m_plan->groups[group]);
    const size_t requested = static_cast<size_t>(tiles.width * tiles.height);
    const size_t wanted = std::max(2 * requested, 4 * static_cast<size_t>(m_workers));
    std::vector<int64_t> next(std::min(wanted, m_budget / 4 * 3 / std::max<size_t>(1, bytes)));
    next.resize(fn_grid_ahead(&m_plan->grid, progress.previous, progress.current, next.data(), next.size()));
    std::vector<int64_t> ahead;
    for (int64_t tile : next) {
        const fn_window window = fn_grid_tile(&m_plan->grid, tile);
        if (m_limit.width > 0 && (window.x >= m_limit.x + m_limit.width || window.x + window.width <= m_limit.x ||
                                  window.y >= m_limit.y + m_limit.height || window.y + window.height <= m_limit.y))
            continue;
        for (size_t group : groups)
            ahead.push_back(static_cast<int64_t>(group) * count + tile);
    }
    return ahead;
}

namespace
{
/* Copies the part of each finished tile that lies in the request. */
struct Request {
    const Plan *plan;
    const std::vector<size_t> *wanted;
    fn_window window;
    const TileReader::Target *target;
    GDALRasterIOExtraArg *extra;
    size_t done, total;

    static bool Consume(void *user, int64_t task, const void *result, size_t)
    {
        auto *self = static_cast<Request *>(user);
        const int64_t tiles = fn_grid_tile_count(&self->plan->grid);
        self->Copy(self->plan->groups[static_cast<size_t>(task / tiles)], fn_grid_tile(&self->plan->grid, task % tiles),
                   static_cast<const char *>(result));
        self->done++;
        GDALRasterIOExtraArg *extra = self->extra;
        return !extra || !extra->pfnProgress ||
               extra->pfnProgress(static_cast<double>(self->done) / static_cast<double>(self->total), "",
                                  extra->pProgressData);
    }

    void Copy(const Plan::Group &group, const fn_window &tile, const char *result) const
    {
        const int64_t left = std::max(tile.x, window.x), top = std::max(tile.y, window.y);
        const int64_t right = std::min(tile.x + tile.width, window.x + window.width);
        const int64_t bottom = std::min(tile.y + tile.height, window.y + window.height);
        const size_t pixels = static_cast<size_t>(tile.width * tile.height);
        for (size_t k = 0; k < wanted->size(); k++) {
            const size_t output = (*wanted)[k];
            if (output < group.first || output >= group.first + group.count)
                continue;
            const GDALDataType type = ToGDAL(plan->outputs[output].type);
            const int size = static_cast<int>(fn_type_size(plan->outputs[output].type));
            for (int64_t y = top; y < bottom; y++) {
                const char *from =
                    result + plan->Offset(group, output, pixels) + ((y - tile.y) * tile.width + left - tile.x) * size;
                char *to = target->data + static_cast<GSpacing>(k) * target->bandSpace +
                           (y - window.y) * target->lineSpace + (left - window.x) * target->pixelSpace;
                GDALCopyWords64(from, type, size, to, target->type, static_cast<int>(target->pixelSpace), right - left);
            }
        }
    }
};
} // namespace

/* Of tiles that are touched: strips of a copy may begin in those that the one before has ended in. */
static bool IsForward(const fn_window &before, const fn_window &now)
{
    const int64_t end = now.y + now.height, endBefore = before.y + before.height;
    return before.width > 0 && now.y >= before.y && end >= endBefore &&
           (now.y > before.y || end > endBefore || now.x > before.x);
}

/* A program that copies leaves its output in GDAL's block cache as long as there is room, and writes most of it at
 * the end, alone. Here it writes what it has while the workers compute what it wants next, as GDAL itself does when
 * the cache is full. Only for a scan in whole strips or blocks, where blocks of the output are whole too, and at
 * points that depend on the requests alone: the layout of the output file is the same each time. Not for a worker that
 * writes a tile, whose file is written soon enough: the blocks of others would come into their files out of order. */
void TileReader::WriteBehind(size_t group, const fn_window &window, const std::vector<size_t> &wanted,
                             const std::vector<int64_t> &tasks, const std::vector<int64_t> &ahead)
{
    constexpr int64_t kBlock = 256, kStrip = 1024; /* of GTiff, and what no copy's strip is higher than */
    constexpr size_t kFirst = 64 << 20, kNext = 32 << 20;
    constexpr GIntBig kLeft = 128 << 20; /* in the cache, beside what was there before */
    constexpr int kBlocks = 1 << 16;     /* at a time: other threads of the host may be writing too, without an end */
    const fn_grid &grid = m_plan->grid;
    const fn_window &before = m_progress[group].previous, &now = m_progress[group].current;
    const bool forward = IsForward(before, now);
    const bool whole = window.x % kBlock == 0 && window.y % kBlock == 0 && window.height <= kStrip &&
                       (window.width % kBlock == 0 || window.x + window.width == grid.width) &&
                       (window.height % kBlock == 0 || window.y + window.height == grid.height);
    if (!forward || !whole || m_limit.width > 0) {
        m_copied = 0;
        return;
    }
    if (m_copied == 0)
        m_cachedBefore = GDALGetCacheUsed64();
    for (size_t output : wanted)
        m_copied += static_cast<size_t>(window.width * window.height) * fn_type_size(m_plan->outputs[output].type);
    if (m_copied < kFirst)
        return;
    m_copied -= kNext;
    std::vector<int64_t> next(tasks);
    next.insert(next.end(), ahead.begin(), ahead.end());
    if (fn_engine_advise(m_run->Engine(), next.data(), next.size(), nullptr) == FN_OK)
        for (int i = 0, dirty = TRUE; i < kBlocks; i++) {
            /* Where bands are interleaved by pixel, the others' blocks are written along with one, and stay. */
            if (!dirty && GDALGetCacheUsed64() <= m_cachedBefore + kLeft)
                break;
            if (!GDALRasterBlock::FlushCacheBlock(dirty) && !std::exchange(dirty, FALSE))
                break;
        }
}

/* What a GeoTIFF leaves out. */
void TileReader::ReadNothing(size_t count, const fn_window &window, const Target &target) const
{
    for (size_t k = 0; k < count; k++)
        for (int64_t y = 0; y < window.height; y++)
            FillWith(m_nothing, m_plan->outputs[0].type,
                     target.data + static_cast<GSpacing>(k) * target.bandSpace + y * target.lineSpace, target.type,
                     static_cast<int>(target.pixelSpace), window.width);
}

/* False: it was not to be had, or is not known to be right; then tiles are computed. */
bool TileReader::ReadJump(const std::vector<size_t> &groups, const std::vector<size_t> &wanted, const fn_window &window,
                          const Target &target)
{
    const Request request = {m_plan.get(), &wanted, window, &target, nullptr, 0, 0};
    for (size_t number : groups) {
        Notes messages;
        const Plan::Group &group = m_plan->groups[number];
        const char *result = m_jumps->Read(window, group, messages);
        if (!result)
            return false;
        for (const Message &message : messages)
            Emit(message);
        request.Copy(group, window, result);
    }
    return true;
}

/* All has been read that a scan reads, and what is left is to be computed: whether the files are still the same is
 * asked meanwhile. */
void TileReader::LookEarly()
{
    const Turns *turns = m_plan->IsRemote() ? m_plan->inputs[0].turns.get() : nullptr;
    const int64_t reads = turns && m_watch ? turns->Reads() : -1;
    if (m_readsAtLook >= 0 || reads < fn_grid_tile_count(&m_plan->grid))
        return;
    m_readsAtLook = reads;
    m_watch->BeginLook();
}

bool TileReader::EndsAdvised(const fn_window &window) const
{
    return m_advised.width > 0 && window.x + window.width == m_advised.x + m_advised.width &&
           window.y + window.height == m_advised.y + m_advised.height;
}

/* At the end of a scan. */
CPLErr TileReader::CheckAtEnd()
{
    if (m_readsAtLook >= 0 && m_plan->inputs[0].turns->Reads() != m_readsAtLook)
        m_watch->DropLook();
    m_readsAtLook = -1;
    return CheckInputs(true);
}

CPLErr TileReader::Read(const std::vector<size_t> &wanted, const fn_window &window, const Target &target,
                        GDALRasterIOExtraArg *extra)
{
    if (m_hollow && wanted[0] < static_cast<size_t>(m_plan->bandCount)) {
        ReadNothing(wanted.size(), window, target);
        return CE_None;
    }
    const fn_grid &grid = m_plan->grid;
    const fn_window touched = fn_grid_touch(&grid, window);
    const int64_t count = fn_grid_tile_count(&grid);
    std::vector<size_t> groups;
    for (size_t output : wanted) {
        const size_t group = m_plan->GroupOf(output);
        if (std::find(groups.begin(), groups.end(), group) == groups.end())
            groups.push_back(group);
    }
    std::vector<int64_t> tasks;
    for (int64_t y = touched.y; y < touched.y + touched.height; y++)
        for (int64_t x = touched.x; x < touched.x + touched.width; x++)
            for (size_t group : groups)
                tasks.push_back(static_cast<int64_t>(group) * count + y * grid.cols + x);
    const std::vector<int64_t> ahead = TasksAhead(groups, touched);
    if (m_watch && (m_progress[groups.back()].previous.width == 0 || !m_watch->IsWhole()) &&
        CheckInputs(false) != CE_None)
        return CE_Failure;
    const bool hasProgress = extra && extra->pfnProgress;
    if (m_jumps && m_jumps->Takes(window, touched, !ahead.empty()) && !hasProgress &&
        !fn_engine_has(m_run->Engine(), tasks.data(), tasks.size()) && ReadJump(groups, wanted, window, target))
        return EndsAdvised(window) ? CheckAtEnd() : CheckInputs(false);
    LookEarly();
    WriteBehind(groups.back(), window, wanted, tasks, ahead);
    Request request = {m_plan.get(), &wanted, window, &target, extra, 0, tasks.size()};
    fn_error err;
    if (fn_engine_read(m_run->Engine(), tasks.data(), tasks.size(), ahead.data(), ahead.size(), Request::Consume,
                       &request, &err) != FN_OK)
        return CheckInputs(true, true) == CE_None ? Fail(err) : CE_Failure;
    if (m_run->Log().Check(&err) != FN_OK)
        return Fail(err);
    const bool isLast = touched.x + touched.width == grid.cols && touched.y + touched.height == grid.rows;
    return isLast || EndsAdvised(window) ? CheckAtEnd() : CheckInputs(false);
}

CPLErr TileReader::Advise(const std::vector<size_t> &wanted, const fn_window &window)
{
    if (m_hollow)
        return CE_None;
    if (m_watch && !m_watch->IsWhole())
        return CheckInputs(false); /* a copy is about to begin, perhaps one that reads nothing */
    const fn_grid &grid = m_plan->grid;
    const fn_window touched = fn_grid_touch(&grid, window);
    m_advised = window;
    if (m_jumps && m_jumps->Expects(window, touched))
        return CE_None;
    const size_t group = m_plan->GroupOf(wanted[0]);
    const int64_t base = static_cast<int64_t>(group) * fn_grid_tile_count(&grid);
    const size_t most = m_budget / 4 / std::max<size_t>(1, m_plan->MostBytes(m_plan->groups[group]));
    std::vector<int64_t> ahead;
    for (int64_t y = touched.y; y < touched.y + touched.height && ahead.size() < most; y++)
        for (int64_t x = touched.x; x < touched.x + touched.width && ahead.size() < most; x++)
            ahead.push_back(base + y * grid.cols + x);
    fn_error err;
    return fn_engine_advise(m_run->Engine(), ahead.data(), ahead.size(), &err) == FN_OK ? CE_None : Fail(err);
}

} // namespace fishnet
