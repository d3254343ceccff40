#include "pass_results.h"

#include <algorithm>
#include <cstring>

namespace fishnet::zonalstats
{

PassResults::PassResults(const ZoneList &zones, const ZonalJob &job, const std::vector<StatsPlan> &plans, Finish finish)
    : m_zones(zones), m_job(job), m_plans(plans), m_finish(std::move(finish)), m_stats(zones.ZoneCount()),
      m_tilesLeft(zones.ZoneCount(), 0), m_inconsistent(zones.ZoneCount(), false)
{
    for (size_t task = 0; task < job.GetTiles().numbers.size(); task++)
        ForZones(task, [this](uint32_t zone) { m_tilesLeft[zone]++; });
}

template <class What> void PassResults::ForZones(size_t task, What what) const
{
    const Tiles &tiles = m_job.GetTiles();
    for (size_t i = tiles.begin[task]; i < tiles.begin[task + 1]; i++) {
        const uint32_t zone = m_zones.ZoneOf(tiles.geometries[i]);
        if (i == tiles.begin[task] || zone != m_zones.ZoneOf(tiles.geometries[i - 1]))
            what(zone);
    }
}

fn_status PassResults::Begin(fn_error *err)
{
    for (size_t zone = 0; zone < m_zones.ZoneCount(); zone++)
        if (m_tilesLeft[zone] == 0 && m_finish(m_zones.Place(zone), m_stats[zone], false, err) != FN_OK)
            return err->status;
    return FN_OK;
}

void PassResults::SetStats(int64_t place, PlaneStats stats)
{
    const uint32_t index = m_zones.AreNumbers() ? IndexOf(place) : m_zones.Find(place);
    m_stats[index] = std::move(stats);
}

/* ---- numbers of a raster ---- */

uint32_t PassResults::IndexOf(int64_t number)
{
    const auto [at, isNew] = m_indices.try_emplace(number, static_cast<uint32_t>(m_stats.size()));
    if (isNew) {
        m_stats.emplace_back();
        m_tilesLeft.push_back(1); /* never through before the end */
        m_inconsistent.push_back(false);
    }
    return at->second;
}

/* There are too many: the higher half is for another pass. */
void PassResults::DropHalf()
{
    std::vector<int64_t> numbers;
    for (const auto &item : m_indices)
        numbers.push_back(item.first);
    const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
    std::nth_element(numbers.begin(), middle, numbers.end());
    m_limit = *middle - 1;
    std::vector<PlaneStats> kept;
    m_live.clear();
    for (auto at = m_indices.begin(); at != m_indices.end();) {
        if (at->first > m_limit) {
            at = m_indices.erase(at);
            continue;
        }
        const auto index = static_cast<uint32_t>(kept.size());
        kept.push_back(std::move(m_stats[at->second]));
        if (!kept.back().empty())
            m_live.push_back(index);
        at->second = index;
        ++at;
    }
    m_stats = std::move(kept);
    m_tilesLeft.resize(m_stats.size());
    m_inconsistent.resize(m_stats.size());
}

fn_status PassResults::FinishNumbers(int64_t *next, fn_error *err)
{
    std::vector<std::pair<int64_t, uint32_t>> numbers(m_indices.begin(), m_indices.end());
    std::sort(numbers.begin(), numbers.end());
    for (const auto &[number, index] : numbers) {
        if (m_finish(number, m_stats[index], false, err) != FN_OK)
            return err->status;
        PlaneStats().swap(m_stats[index]);
    }
    *next = m_limit == INT64_MAX ? INT64_MIN : m_limit + 1;
    return FN_OK;
}

/* ---- what comes ---- */

fn_status PassResults::AddRecord(const RecordHead &head, const char *bytes, fn_error *err)
{
    constexpr size_t kMostNumbers = 1 << 20;
    if (m_zones.AreNumbers() && head.zone > m_limit)
        return FN_OK;
    const uint32_t zone = m_zones.AreNumbers() ? IndexOf(head.zone) : static_cast<uint32_t>(head.zone);
    PlaneStats &stats = m_stats[zone];
    if (head.plane == kInconsistent)
        m_inconsistent[zone] = true;
    if (head.plane == kLost)
        m_lost.insert(zone);
    if (head.plane == kLost || m_inconsistent[zone])
        return FN_OK;
    if (stats.empty()) {
        stats.resize(m_plans.size());
        m_live.push_back(zone);
    }
    ZoneStats &own = stats[head.plane];
    fn_zone_stats *made = nullptr;
    if (!own && fn_zone_stats_new(m_plans[head.plane].get(), &made, err) != FN_OK)
        return err->status;
    if (!own)
        own.reset(made);
    if (fn_zone_stats_add(own.get(), bytes, static_cast<size_t>(head.bytes), err) != FN_OK)
        return err->status;
    if (m_indices.size() > kMostNumbers)
        DropHalf();
    return FN_OK;
}

fn_status PassResults::Add(int64_t task, const void *data, size_t bytes, fn_error *err)
{
    const char *at = static_cast<const char *>(data), *end = at + bytes;
    while (at < end) {
        RecordHead head;
        const size_t left = static_cast<size_t>(end - at);
        if (left < sizeof head)
            return fn_fail(err, FN_ERR_SYSTEM, "%s came back damaged", m_job.TaskName(task).c_str());
        memcpy(&head, at, sizeof head);
        at += sizeof head;
        const bool isZone = m_zones.AreNumbers() || (head.zone >= 0 && static_cast<size_t>(head.zone) < m_stats.size());
        if (!isZone || head.bytes > left - sizeof head ||
            (head.plane >= m_plans.size() && head.plane != kInconsistent && head.plane != kLost))
            return fn_fail(err, FN_ERR_SYSTEM, "%s came back damaged", m_job.TaskName(task).c_str());
        if (AddRecord(head, at, err) != FN_OK) {
            m_failedPlace = m_zones.AreNumbers() ? head.zone : m_zones.Place(static_cast<size_t>(head.zone));
            return err->status;
        }
        at += head.bytes;
    }
    return FN_OK;
}

/* Merges the pages above that row of cells, in all zones that are not through. */
fn_status PassResults::Settle(int64_t row, fn_error *err)
{
    const auto through = [this](uint32_t zone) { return m_tilesLeft[zone] == 0; };
    m_live.erase(std::remove_if(m_live.begin(), m_live.end(), through), m_live.end());
    for (const uint32_t zone : m_live)
        for (const ZoneStats &stats : m_stats[zone])
            if (stats && fn_zone_stats_settle(stats.get(), row, err) != FN_OK) {
                m_failedPlace = m_zones.AreNumbers() ? INT64_MIN : m_zones.Place(zone);
                return err->status;
            }
    m_row = row;
    return FN_OK;
}

fn_status PassResults::FinishTask(int64_t task, fn_error *err)
{
    fn_status status = FN_OK;
    if (m_job.Window(task).y > m_row && Settle(m_job.Window(task).y, err) != FN_OK)
        return err->status;
    ForZones(static_cast<size_t>(task), [&](uint32_t zone) {
        if (--m_tilesLeft[zone] > 0 || status != FN_OK)
            return;
        status = m_finish(m_zones.Place(zone), m_stats[zone], m_inconsistent[zone], err);
        PlaneStats().swap(m_stats[zone]);
    });
    return status;
}

fn_status PassResults::FinishBefore(int64_t task, fn_error *err)
{
    for (; m_next < task; m_next++)
        if (FinishTask(m_next, err) != FN_OK)
            return err->status;
    return FN_OK;
}

/* ---- the job at work ---- */

PassRun::PassRun(std::shared_ptr<ZonalJob> job, const fn_worker_options &workers, const ReportFiles &reports,
                 PassSink &sink)
    : m_job(std::move(job)), m_sink(sink)
{
    m_options.workers = workers;
    m_options.budget = size_t(64) << 20;
    m_options.reports = reports;
}

fn_status PassRun::Step(bool *through, fn_error *err)
{
    if (!m_run) {
        *through = m_job->TaskCount() == 0;
        if (m_sink.Begin(err) != FN_OK)
            return err->status;
        if (*through)
            return FN_OK;
        m_run.reset(JobRun::New(m_job, ResultKind::InOrder, m_options, nullptr, err).release());
        return m_run ? FN_OK : err->status;
    }
    fn_part part = {};
    if (fn_stream_next(m_run->Stream(), &part, err) != FN_OK) {
        if (err->status == FN_ERR_READ)
            err->status = FN_ERR_VALUE; /* it has been tried again: that is final */
        return err->status;
    }
    *through = !part.data;
    if (*through && m_run->Log().Check(err) != FN_OK)
        return err->status;
    const fn_status status = m_sink.FinishBefore(*through ? m_job->TaskCount() : part.task, err);
    return status != FN_OK || *through ? status : m_sink.Add(part.task, part.data, part.bytes, err);
}

fn_status PassOver(const std::shared_ptr<ZonalJob> &job, const fn_worker_options &workers, const ReportFiles &reports,
                   const GoesOn &goesOn, PassResults &results, fn_error *err)
{
    PassRun run(job, workers, reports, results);
    for (bool through = false; !through;) {
        if (run.Step(&through, err) != FN_OK)
            return err->status;
        if (!through && goesOn && !goesOn())
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    }
    return FN_OK;
}

} // namespace fishnet::zonalstats
