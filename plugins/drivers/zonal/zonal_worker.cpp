#include "zonal_worker.h"

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
    self->m_valid.resize(self->m_plans.size());
    self->m_windows.resize(self->m_plans.size());
    return self;
}

ZonalWorker::~ZonalWorker()
{
    free(m_partial.data);
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

/* NULL: all. NaN is no value by itself. */
const uint8_t *ZonalWorker::FindValid(size_t index, size_t pixels)
{
    const fn_plane &plane = m_planes[index];
    const bool byValue =
        plane.nodata.set && !(fn_type_is_integer(plane.type) ? false : std::isnan(plane.nodata.value.f));
    if (!byValue)
        return plane.mask;
    std::vector<uint8_t> &valid = m_valid[index];
    valid.resize(pixels);
    FindOthers(plane, pixels, valid.data());
    for (size_t i = 0; plane.mask && i < pixels; i++)
        valid[i] = valid[i] && plane.mask[i];
    return valid.data();
}

/* ---- one tile ---- */

fn_status ZonalWorker::Collect(uint32_t zone, const fn_window &window, fn_error *err)
{
    const fn_span *spans = nullptr;
    size_t n = 0;
    bool consistent = true;
    if (fn_coverage_find(m_coverage.get(), m_zones.Zone(zone), m_options.pixels, window, &spans, &n, &consistent,
                         err) != FN_OK)
        return err->status;
    const auto put = [this](const void *bytes, size_t size) {
        const char *from = static_cast<const char *>(bytes);
        m_result.insert(m_result.end(), from, from + size);
    };
    if (!consistent && !m_zones.IsTrusted(zone)) {
        const RecordHead head = {zone, kInconsistent, 0};
        put(&head, sizeof head);
        return FN_OK;
    }
    if (m_isLost && n > 0) {
        const RecordHead head = {zone, kLost, 0};
        put(&head, sizeof head);
    }
    m_cells.clear();
    for (size_t i = 0; i < n; i++)
        m_cells.push_back({spans[i].row, spans[i].column, spans[i].count, spans[i].coverage});
    for (size_t plane = 0; plane < m_plans.size() && n > 0; plane++) {
        const std::vector<fn_stats_range> &ranges = m_zones.Ranges(zone, plane);
        if (ranges.empty() && m_zones.HasRanges(zone))
            continue;
        m_partial.bytes = 0;
        if (fn_stats_collect(m_workers[plane].get(), &m_windows[plane], m_cells.data(), n,
                             ranges.empty() ? nullptr : ranges.data(), ranges.size(), &m_partial, err) != FN_OK)
            return err->status;
        const RecordHead head = {zone, static_cast<uint32_t>(plane), m_partial.bytes};
        put(&head, sizeof head);
        put(m_partial.data, m_partial.bytes);
    }
    return FN_OK;
}

fn_window ZonalWorker::Window(const fn_task &task) const
{
    return fn_grid_tile(&m_rasters->grid, m_tiles.numbers[static_cast<size_t>(task.number)]);
}

/* What the zones have in the tile that is in m_planes, as the task's result. */
fn_status ZonalWorker::CollectAll(fn_task &task, fn_error *err)
{
    const size_t index = static_cast<size_t>(task.number);
    const fn_window window = Window(task);
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    m_result.clear();
    m_rasters->RowAreas(window, m_areas);
    for (size_t plane = 0; plane < m_planes.size(); plane++)
        m_windows[plane] = {window.y,
                            window.x,
                            window.height,
                            window.width,
                            static_cast<size_t>(window.width),
                            m_planes[plane].data,
                            FindValid(plane, pixels),
                            nullptr,
                            nullptr,
                            m_areas.data()};
    for (size_t i = m_tiles.begin[index]; i < m_tiles.begin[index + 1]; i++) {
        fn_error reason = {};
        if (fn_is_cancelled(task.cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "%s: cancelled", TileName(window).c_str());
        if (Collect(m_tiles.zones[i], window, &reason) != FN_OK)
            return fn_fail(err, reason.status, "%s: %s", TileName(window).c_str(), reason.text);
    }
    if (m_result.size() > task.bytes && fn_stream_part(&task, 0, m_result.size(), err) != FN_OK)
        return err->status;
    if (!m_result.empty())
        memcpy(task.result, m_result.data(), m_result.size());
    task.bytes = m_result.size();
    return FN_OK;
}

fn_status ZonalWorker::Run(fn_task &task, Notes &messages, fn_error *err)
{
    const fn_window window = Window(task);
    if (m_tiles.lost.count(m_tiles.numbers[static_cast<size_t>(task.number)]) > 0)
        return RunWithout(task, err);
    MessageCollector collector;
    m_isLost = false;
    if (!m_reader->ReadPlanes(m_rasters->planes, window, task.cancel, m_planes))
        return fn_is_cancelled(task.cancel) ? fn_fail(err, FN_ERR_CANCELLED, "%s: cancelled", TileName(window).c_str())
                                            : fn_fail(err, FN_ERR_READ, "%s of %.300s cannot be read: %.500s",
                                                      TileName(window).c_str(), Describe(m_reader->Reading()).c_str(),
                                                      collector.Cause(m_reader->WhatFailed().c_str()).c_str());
    const fn_status status = CollectAll(task, err);
    if (status == FN_OK)
        messages = std::move(collector.messages);
    return status;
}

fn_status ZonalWorker::RunWithout(fn_task &task, fn_error *err)
{
    const fn_window window = Window(task);
    m_isLost = true;
    m_zeros.assign(static_cast<size_t>(window.width * window.height), 0);
    m_planes.clear();
    for (const Plane &plane : m_rasters->planes)
        m_planes.push_back(
            {m_zeros.data(), plane.type, plane.nodata, reinterpret_cast<const uint8_t *>(m_zeros.data())});
    return CollectAll(task, err);
}

} // namespace fishnet::zonalstats
