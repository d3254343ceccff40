#include "zonal_worker.h"

#include <algorithm>
#include <cmath>
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
    self->m_valid.resize(self->m_plans.size());
    self->m_windows.resize(self->m_plans.size());
    return self;
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
        m_planes.assign(m_read.begin(), m_read.begin() + static_cast<std::ptrdiff_t>(m_rasters->BandsOfValues()));
        return FN_OK;
    }
    std::vector<fn_sink> sinks;
    m_planes.clear();
    for (std::vector<double> &values : m_computed) {
        values.resize(static_cast<size_t>(window.width * window.height));
        sinks.push_back({values.data(), FN_FLOAT64, {}});
        m_planes.push_back({values.data(), FN_FLOAT64, {}, nullptr});
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
        const fn_sink sink = {m_weights.data(), FN_FLOAT64, {}};
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

/* ---- which cells have a value ---- */

template <class T> static void FindOthers(const void *data, T nodata, size_t n, uint8_t *valid)
{
    const T *values = static_cast<const T *>(data);
    for (size_t i = 0; i < n; i++)
        valid[i] = values[i] != nodata;
}

static void FindOthers(const fn_plane &plane, size_t n, uint8_t *valid)
{
    const auto &value = plane.nodata.value;
    switch (plane.type) {
    case FN_UINT8:
        return FindOthers(plane.data, static_cast<uint8_t>(value.u), n, valid);
    case FN_INT8:
        return FindOthers(plane.data, static_cast<int8_t>(value.i), n, valid);
    case FN_UINT16:
        return FindOthers(plane.data, static_cast<uint16_t>(value.u), n, valid);
    case FN_INT16:
        return FindOthers(plane.data, static_cast<int16_t>(value.i), n, valid);
    case FN_UINT32:
        return FindOthers(plane.data, static_cast<uint32_t>(value.u), n, valid);
    case FN_INT32:
        return FindOthers(plane.data, static_cast<int32_t>(value.i), n, valid);
    case FN_UINT64:
        return FindOthers(plane.data, value.u, n, valid);
    case FN_INT64:
        return FindOthers(plane.data, value.i, n, valid);
    case FN_FLOAT32:
        return FindOthers(plane.data, static_cast<float>(value.f), n, valid);
    default:
        return FindOthers(plane.data, value.f, n, valid);
    }
}

/* What is declared of the cells. valid: memory for it. */
static const uint8_t *FindDeclared(const fn_plane &plane, size_t pixels, std::vector<uint8_t> &valid)
{
    const bool byValue =
        plane.nodata.set && !(fn_type_is_integer(plane.type) ? false : std::isnan(plane.nodata.value.f));
    if (!byValue)
        return plane.mask;
    valid.resize(pixels);
    FindOthers(plane, pixels, valid.data());
    for (size_t i = 0; plane.mask && i < pixels; i++)
        valid[i] = valid[i] && plane.mask[i];
    return valid.data();
}

/* NULL: all, as in most tiles; statistics need not look at each then. NaN is no value by itself. */
static const uint8_t *FindValid(const fn_plane &plane, size_t pixels, std::vector<uint8_t> &valid)
{
    const uint8_t *declared = FindDeclared(plane, pixels, valid);
    return declared && memchr(declared, 0, pixels) ? declared : nullptr;
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
fn_status ZonalWorker::Put(int64_t zone, const ZoneList::Ranges *ranges, const fn_cells *cells, size_t n, fn_error *err)
{
    if (m_isLost && n > 0)
        Append({zone, kLost, 0}, nullptr);
    for (size_t plane = 0; plane < m_plans.size() && n > 0; plane++) {
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

fn_status ZonalWorker::Collect(size_t first, size_t end, const fn_window &window, fn_error *err)
{
    const uint32_t zone = ZoneAt(first);
    const fn_cells *cells = nullptr;
    size_t n = 0;
    bool consistent = true;
    if (Find(first, end, window, &cells, &n, &consistent, err) != FN_OK)
        return err->status;
    if (consistent)
        return Put(zone, m_zones.RangesOf(zone), cells, n, err);
    Append({zone, kInconsistent, 0}, nullptr);
    return FN_OK;
}

fn_status ZonalWorker::CollectNumbers(const volatile bool *cancel, fn_error *err)
{
    for (size_t i = 0; i < fn_zone_values_count(m_numbers.get()); i++) {
        size_t n = 0;
        const int64_t number = fn_zone_values_zone(m_numbers.get(), i);
        const fn_cells *cells = fn_zone_values_cells(m_numbers.get(), i, &n);
        const ZoneList::Ranges *ranges = nullptr;
        if (fn_is_cancelled(cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        if (m_zones.IsAsked(number, &ranges) && Put(number, ranges, cells, n, err) != FN_OK)
            return err->status;
    }
    return FN_OK;
}

/* What the zones have in the tile that is in m_windows. */
fn_status ZonalWorker::CollectAll(fn_task &task, const fn_window &window, fn_error *err)
{
    const size_t index = static_cast<size_t>(task.number);
    if (m_numbers)
        return CollectNumbers(task.cancel, err);
    for (size_t first = m_tiles.begin[index], end; first < m_tiles.begin[index + 1]; first = end) {
        for (end = first + 1; end < m_tiles.begin[index + 1] && ZoneAt(end) == ZoneAt(first); end++) {
        }
        if (fn_is_cancelled(task.cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        if (Collect(first, end, window, err) != FN_OK)
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
                         collector.Cause(m_reader->WhatFailed().c_str()).c_str());
}

/* Where zones are numbers: which there are in the window. */
fn_status ZonalWorker::FindNumbers(const fn_task &task, const fn_window &window, MessageCollector &collector,
                                   fn_error *err)
{
    std::vector<fn_plane> read;
    if (Read(task, m_rasters->zones, window, read, collector, err) != FN_OK)
        return err->status;
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    return fn_zone_values_find(m_numbers.get(), read[0].type, read[0].data, FindValid(read[0], pixels, m_numbersValid),
                               window, err);
}

void ZonalWorker::SetWindows(const fn_window &window)
{
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    for (size_t plane = 0; plane < m_planes.size(); plane++)
        m_windows[plane] = {window.y,
                            window.x,
                            window.height,
                            window.width,
                            static_cast<size_t>(window.width),
                            m_planes[plane].data,
                            FindValid(m_planes[plane], pixels, m_valid[plane]),
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
    if (Read(task, m_rasters->read, window, m_read, collector, err) != FN_OK || FindValues(window, err) != FN_OK ||
        FindWeights(window, err) != FN_OK)
        return err->status;
    SetWindows(window);
    return CollectAll(task, window, err);
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
        m_planes.push_back({m_zeros.data(), plane.type, {}, reinterpret_cast<const uint8_t *>(m_zeros.data())});
    m_rasters->RowAreas(window, m_areas);
    SetWindows(window);
    return CollectAll(task, window, &reason) == FN_OK ? HandOver(task, err) : FailAt(window, reason, err);
}

} // namespace fishnet::zonalstats
