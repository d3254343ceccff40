#include "zonal_worker.h"

#include <algorithm>
#include <cstring>

#include "fishnet/stream.h"

namespace fishnet::zonalstats
{

std::unique_ptr<ZonalWorker> ZonalWorker::New(const ZonalOptions &options, std::shared_ptr<const Rasters> rasters,
                                              std::unique_ptr<InputReader> reader, const ZoneList &zones,
                                              const Tiles &tiles, fn_error *err)
{
    std::unique_ptr<ZonalWorker> self(new ZonalWorker(options, std::move(rasters), std::move(reader), zones, tiles));
    fn_coverage *coverage = nullptr;
    if (fn_coverage_new(&coverage, err) != FN_OK)
        return nullptr;
    self->m_coverage.reset(coverage);
    fn_zone_values *numbers = nullptr;
    if (zones.AreNumbers() && fn_zone_values_new(&numbers, err) != FN_OK)
        return nullptr;
    self->m_numbers.reset(numbers);
    for (size_t plane = 0; plane < self->m_rasters->planes.size(); plane++) {
        const fn_stats_options stats = StatsOf(options, *self->m_rasters, plane);
        fn_stats_plan *plan = nullptr;
        fn_stats_worker *worker = nullptr;
        if (fn_stats_plan_new(&stats, &plan, err) != FN_OK)
            return nullptr;
        self->m_plans.emplace_back(plan);
        if (fn_stats_worker_new(plan, &worker, err) != FN_OK)
            return nullptr;
        self->m_workers.emplace_back(worker);
    }
    self->m_computed.resize(self->m_rasters->calc ? self->m_plans.size() : 0);
    self->m_windows.resize(self->m_plans.size());
    self->MakeSteps();
    return self;
}

/* Where nothing needs several bands at a time each is a step: its values are in a nearer cache when they are collected,
 * and there is memory for one. */
void ZonalWorker::MakeSteps()
{
    const std::vector<Plane> &read = m_rasters->read;
    const bool together = m_rasters->calc || m_options.weights != Weights::None ||
                          std::any_of(read.begin(), read.end(), [](const Plane &plane) { return plane.alpha > 0; });
    if (together)
        m_steps.push_back({read, 0, m_plans.size()});
    for (size_t i = 0; !together && i < read.size(); i++)
        m_steps.push_back({{read[i]}, i, i + 1});
}

ZonalWorker::~ZonalWorker()
{
    free(m_partial.data);
}

/* ---- values and weights ---- */

/* The values of a window, of what was read. */
fn_status ZonalWorker::FindValues(const fn_window &window, fn_error *err)
{
    if (!m_rasters->calc) {
        m_planes.assign(m_read.begin(), m_read.end() - (m_rasters->weighing ? 1 : 0));
        return FN_OK;
    }
    std::vector<fn_sink> sinks;
    m_planes.clear();
    for (std::vector<double> &values : m_computed) {
        values.resize(static_cast<size_t>(window.width * window.height));
        sinks.push_back({values.data(), FN_FLOAT64, {}, false});
        m_planes.push_back({values.data(), FN_FLOAT64, {}, nullptr, nullptr, 0});
    }
    return m_rasters->calc->Run(m_read.data(), window, sinks.data(), m_scratch, err);
}

/* For each cell of the window, where there are weights. */
fn_status ZonalWorker::FindWeights(const fn_window &window, fn_error *err)
{
    if (m_options.weights == Weights::None)
        return FN_OK;
    m_weights.resize(static_cast<size_t>(window.width * window.height));
    if (m_rasters->weighing) {
        const fn_sink sink = {m_weights.data(), FN_FLOAT64, {}, false};
        const fn_plane *band = m_read.data() + m_rasters->BandsOfValues();
        fn_error reason;
        const fn_status status = m_rasters->weighing->Run(band, window, &sink, m_scratch, &reason);
        return status == FN_OK ? FN_OK : fn_fail(err, status, "WEIGHTS: %s", reason.text);
    }
    double *row = m_weights.data();
    for (const double area : m_areas)
        row = std::fill_n(row, window.width, area);
    return FN_OK;
}

/* ---- one tile ---- */

/* The cells of a zone whose geometries are those of Tiles::geometries from `first` on; they last until the next. */
fn_status ZonalWorker::Find(size_t first, size_t end, const fn_window &window, const fn_cells **cells, size_t *n,
                            bool *consistent, fn_error *err)
{
    fn_status status = FN_OK;
    if (end - first == 1) {
        const uint32_t only = m_tiles.geometries[first];
        status = fn_coverage_find(m_coverage.get(), m_zones.Geometry(only), m_options.pixels, window, cells, n,
                                  consistent, err);
        *consistent = *consistent || m_zones.IsTrusted(only);
    } else {
        bool trusted = true;
        m_group.clear();
        for (size_t i = first; i < end; i++) {
            m_group.push_back(m_zones.Geometry(m_tiles.geometries[i]));
            trusted = trusted && m_zones.IsTrusted(m_tiles.geometries[i]);
        }
        status = fn_coverage_find_group(m_coverage.get(), m_group.data(), m_group.size(), m_options.pixels, window,
                                        cells, n, consistent, err);
        *consistent = *consistent || trusted;
    }
    return status;
}

/* data: head.bytes of them. */
void ZonalWorker::Append(const RecordHead &head, const void *data)
{
    const char *from = reinterpret_cast<const char *>(&head), *bytes = static_cast<const char *>(data);
    m_result.insert(m_result.end(), from, from + sizeof head);
    m_result.insert(m_result.end(), bytes, bytes + head.bytes);
}

/* Adds what is asked of the zone's cells to the result. */
fn_status ZonalWorker::Put(int64_t zone, const ZoneList::Ranges *ranges, const fn_cells *cells, size_t n,
                           const Step &step, fn_error *err)
{
    if (m_isLost && n > 0)
        Append({zone, kLost, 0}, nullptr);
    for (size_t plane = step.begin; plane < step.end && n > 0; plane++) {
        const bool asked = !ranges || (plane < ranges->size() && !(*ranges)[plane].empty());
        if (!asked)
            continue;
        m_partial.bytes = 0;
        if (fn_stats_collect(m_workers[plane].get(), &m_windows[plane], cells, n,
                             ranges ? (*ranges)[plane].data() : nullptr, ranges ? (*ranges)[plane].size() : 0,
                             &m_partial, err) != FN_OK)
            return err->status;
        Append({zone, plane, m_partial.bytes}, m_partial.data);
    }
    return FN_OK;
}

/* For the steps after this one, as far as there is room: zones behind are found again. */
void ZonalWorker::Keep(size_t first, size_t end, const fn_cells *cells, size_t n)
{
    constexpr size_t kMostCells = size_t(1) << 17; /* 4 MB */
    if (m_keptEnd != first || m_keptCells.size() + n > kMostCells)
        return;
    m_kept.push_back({ZoneAt(first), m_keptCells.size(), n});
    m_keptCells.insert(m_keptCells.end(), cells, cells + n);
    m_keptEnd = end;
}

fn_status ZonalWorker::Collect(size_t first, size_t end, const fn_window &window, const Step &step, fn_error *err)
{
    const uint32_t zone = ZoneAt(first);
    const fn_cells *cells = nullptr;
    size_t n = 0;
    bool consistent = true;
    if (Find(first, end, window, &cells, &n, &consistent, err) != FN_OK)
        return err->status;
    if (step.end < m_plans.size())
        Keep(first, end, cells, consistent ? n : 0);
    if (consistent)
        return Put(zone, m_zones.RangesOf(zone), cells, n, step, err);
    Append({zone, kInconsistent, 0}, nullptr);
    return FN_OK;
}

fn_status ZonalWorker::CollectKept(const volatile bool *cancel, const Step &step, fn_error *err)
{
    for (const KeptZone &kept : m_kept) {
        if (fn_is_cancelled(cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        if (Put(kept.zone, m_zones.RangesOf(kept.zone), m_keptCells.data() + kept.first, kept.n, step, err) != FN_OK)
            return err->status;
    }
    return FN_OK;
}

fn_status ZonalWorker::CollectNumbers(const volatile bool *cancel, const Step &step, fn_error *err)
{
    for (size_t i = 0; i < fn_zone_values_count(m_numbers.get()); i++) {
        size_t n = 0;
        const int64_t number = fn_zone_values_zone(m_numbers.get(), i);
        const fn_cells *cells = fn_zone_values_cells(m_numbers.get(), i, &n);
        const ZoneList::Ranges *ranges = nullptr;
        if (fn_is_cancelled(cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        if (m_zones.IsAsked(number, &ranges) && Put(number, ranges, cells, n, step, err) != FN_OK)
            return err->status;
    }
    return FN_OK;
}

/* What the zones have in the tile, of the step's planes, which are in m_windows. */
fn_status ZonalWorker::CollectAll(fn_task &task, const fn_window &window, const Step &step, fn_error *err)
{
    const size_t index = static_cast<size_t>(task.number);
    if (m_numbers)
        return CollectNumbers(task.cancel, step, err);
    if (step.begin == 0) {
        m_kept.clear();
        m_keptCells.clear();
        m_keptEnd = m_tiles.begin[index];
    } else if (CollectKept(task.cancel, step, err) != FN_OK)
        return err->status;
    const size_t begin = step.begin == 0 ? m_tiles.begin[index] : m_keptEnd;
    for (size_t first = begin, end; first < m_tiles.begin[index + 1]; first = end) {
        for (end = first + 1; end < m_tiles.begin[index + 1] && ZoneAt(end) == ZoneAt(first); end++) {
        }
        if (fn_is_cancelled(task.cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        if (Collect(first, end, window, step, err) != FN_OK)
            return err->status;
    }
    return FN_OK;
}

fn_status ZonalWorker::Read(const fn_task &task, const std::vector<Plane> &planes, const fn_window &window,
                            std::vector<fn_plane> &read, MessageCollector &collector, fn_error *err)
{
    if (m_reader->ReadPlanes(planes, window, task.cancel, read))
        return FN_OK;
    return fn_is_cancelled(task.cancel)
               ? fn_fail(err, FN_ERR_CANCELLED, "cancelled")
               : fn_fail(err, FN_ERR_READ, " of %.300s cannot be read: %.500s", Describe(m_reader->Reading()).c_str(),
                         m_reader->Cause(collector).c_str());
}

/* NULL: all cells, as in most tiles: nothing needs to look at each then. */
static const uint8_t *UnlessAll(const uint8_t *mask, size_t pixels)
{
    return mask && memchr(mask, 0, pixels) ? mask : nullptr;
}

/* Where zones are numbers: which there are in the window. */
fn_status ZonalWorker::FindNumbers(const fn_task &task, const fn_window &window, MessageCollector &collector,
                                   fn_error *err)
{
    std::vector<fn_plane> read;
    if (Read(task, m_rasters->zones, window, read, collector, err) != FN_OK)
        return err->status;
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    return fn_zone_values_find(m_numbers.get(), read[0].type, read[0].data, UnlessAll(read[0].mask, pixels),
                               read[0].nodata, window, err);
}

void ZonalWorker::SetWindows(const fn_window &window, const Step &step)
{
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    for (size_t plane = 0; plane < m_planes.size(); plane++)
        m_windows[step.begin + plane] = {window.y,
                                         window.x,
                                         window.height,
                                         window.width,
                                         static_cast<size_t>(window.width),
                                         m_planes[plane].data,
                                         UnlessAll(m_planes[plane].mask, pixels),
                                         m_planes[plane].nodata,
                                         m_options.weights == Weights::None ? nullptr : m_weights.data(),
                                         nullptr,
                                         m_areas.data()};
}

fn_status ZonalWorker::Compute(fn_task &task, const fn_window &window, MessageCollector &collector, fn_error *err)
{
    if (m_numbers && FindNumbers(task, window, collector, err) != FN_OK)
        return err->status;
    if (m_numbers && fn_zone_values_count(m_numbers.get()) == 0)
        return FN_OK;
    m_rasters->RowAreas(window, m_areas);
    for (const Step &step : m_steps) {
        if (Read(task, step.read, window, m_read, collector, err) != FN_OK)
            return err->status;
        const Turn turn(m_reader->WhoComputes());
        if (FindValues(window, err) != FN_OK || FindWeights(window, err) != FN_OK)
            return err->status;
        SetWindows(window, step);
        if (CollectAll(task, window, step, err) != FN_OK)
            return err->status;
    }
    return FN_OK;
}

fn_window ZonalWorker::Window(const fn_task &task) const
{
    return fn_grid_tile(&m_rasters->grid, m_tiles.numbers[static_cast<size_t>(task.number)]);
}

fn_status ZonalWorker::HandOver(fn_task &task, fn_error *err) const
{
    if (m_result.size() > task.bytes && fn_stream_part(&task, 0, m_result.size(), err) != FN_OK)
        return err->status;
    if (!m_result.empty())
        memcpy(task.result, m_result.data(), m_result.size());
    task.bytes = m_result.size();
    return FN_OK;
}

/* Says which tile it was. reason: begins with a blank where it goes on from that. */
static fn_status FailAt(const fn_window &window, const fn_error &reason, fn_error *err)
{
    return fn_fail(err, reason.status, "%s%s%s", TileName(window).c_str(), reason.text[0] == ' ' ? "" : ": ",
                   reason.text);
}

fn_status ZonalWorker::Run(fn_task &task, Notes &messages, fn_error *err)
{
    const fn_window window = Window(task);
    if (m_tiles.lost.count(m_tiles.numbers[static_cast<size_t>(task.number)]) > 0)
        return RunWithout(task, err);
    MessageCollector collector;
    fn_error reason = {};
    m_isLost = false;
    m_result.clear();
    if (Compute(task, window, collector, &reason) != FN_OK)
        return FailAt(window, reason, err);
    const fn_status status = HandOver(task, err);
    if (status == FN_OK)
        messages = std::move(collector.messages);
    return status;
}

fn_status ZonalWorker::RunWithout(fn_task &task, fn_error *err)
{
    const fn_window window = Window(task);
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    fn_error reason = {};
    m_isLost = true;
    m_result.clear();
    m_zeros.assign(pixels, 0);
    m_weights.assign(pixels, 0);
    m_planes.clear();
    for (const ValuePlane &plane : m_rasters->planes)
        m_planes.push_back(
            {m_zeros.data(), plane.type, {}, reinterpret_cast<const uint8_t *>(m_zeros.data()), nullptr, 0});
    m_rasters->RowAreas(window, m_areas);
    const Step all = {{}, 0, m_plans.size()};
    SetWindows(window, all);
    return CollectAll(task, window, all, &reason) == FN_OK ? HandOver(task, err) : FailAt(window, reason, err);
}

} // namespace fishnet::zonalstats
