#include "pass_results.h"

#include <algorithm>
#include <cstring>

namespace fishnet::zonalstats
{

PassResults::PassResults(const ZoneList &zones, const ZonalJob &job, const std::vector<StatsPlan> &plans, Finish finish)
    : m_zones(zones), m_job(job), m_plans(plans), m_finish(std::move(finish)), m_stats(zones.Count()),
      m_tilesLeft(zones.Count(), 0), m_inconsistent(zones.Count(), false)
{
    for (const uint32_t zone : job.GetTiles().zones)
        m_tilesLeft[zone]++;
}

fn_status PassResults::FinishOutside(fn_error *err)
{
    for (size_t zone = 0; zone < m_zones.Count(); zone++)
        if (m_tilesLeft[zone] == 0 && m_finish(zone, m_stats[zone], false, err) != FN_OK)
            return err->status;
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
        if (head.zone >= m_stats.size() || head.bytes > left - sizeof head ||
            (head.plane >= m_plans.size() && head.plane != kInconsistent && head.plane != kLost))
            return fn_fail(err, FN_ERR_SYSTEM, "%s came back damaged", m_job.TaskName(task).c_str());
        PlaneStats &stats = m_stats[head.zone];
        if (head.plane == kInconsistent)
            m_inconsistent[head.zone] = true;
        else if (head.plane == kLost)
            m_lost.insert(head.zone);
        else if (!m_inconsistent[head.zone]) {
            if (stats.empty()) {
                stats.resize(m_plans.size());
                m_live.push_back(head.zone);
            }
            ZoneStats &own = stats[head.plane];
            fn_zone_stats *made = nullptr;
            if (!own && fn_zone_stats_new(m_plans[head.plane].get(), &made, err) != FN_OK)
                return err->status;
            if (!own)
                own.reset(made);
            if (fn_zone_stats_add(own.get(), at, static_cast<size_t>(head.bytes), err) != FN_OK)
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
            if (stats && fn_zone_stats_settle(stats.get(), row, err) != FN_OK)
                return err->status;
    m_row = row;
    return FN_OK;
}

fn_status PassResults::FinishTask(int64_t task, fn_error *err)
{
    const Tiles &tiles = m_job.GetTiles();
    const size_t index = static_cast<size_t>(task);
    if (m_job.Window(task).y > m_row && Settle(m_job.Window(task).y, err) != FN_OK)
        return err->status;
    for (size_t i = tiles.begin[index]; i < tiles.begin[index + 1]; i++) {
        const uint32_t zone = tiles.zones[i];
        if (--m_tilesLeft[zone] > 0)
            continue;
        if (m_finish(zone, m_stats[zone], m_inconsistent[zone], err) != FN_OK)
            return err->status;
        m_stats[zone].clear();
        m_stats[zone].shrink_to_fit();
    }
    return FN_OK;
}

fn_status PassResults::FinishBefore(int64_t task, fn_error *err)
{
    for (; m_next < task; m_next++)
        if (FinishTask(m_next, err) != FN_OK)
            return err->status;
    return FN_OK;
}

fn_status PassOver(const std::shared_ptr<ZonalJob> &job, const fn_worker_options &workers, const std::string &trace,
                   const GoesOn &goesOn, PassResults &results, fn_error *err)
{
    if (results.FinishOutside(err) != FN_OK)
        return err->status;
    if (job->TaskCount() == 0)
        return FN_OK;
    JobRunOptions options = {};
    options.workers = workers;
    options.budget = size_t(64) << 20;
    options.trace = trace;
    const JobRunHandle run(JobRun::New(job, ResultKind::InOrder, options, nullptr, err).release());
    if (!run)
        return err->status;
    for (;;) {
        fn_part part = {};
        if (fn_stream_next(run->Stream(), &part, err) != FN_OK) {
            if (err->status == FN_ERR_READ)
                err->status = FN_ERR_VALUE; /* it has been tried again: that is final */
            return err->status;
        }
        if (results.FinishBefore(part.data ? part.task : job->TaskCount(), err) != FN_OK)
            return err->status;
        if (!part.data)
            return FN_OK;
        if (results.Add(part.task, part.data, part.bytes, err) != FN_OK)
            return err->status;
        if (goesOn && !goesOn())
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    }
}

} // namespace fishnet::zonalstats
