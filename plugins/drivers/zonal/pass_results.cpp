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

fn_status PassResults::FinishOutside(fn_error *err)
{
    for (size_t zone = 0; zone < m_zones.ZoneCount(); zone++)
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
            (head.plane >= m_plans.size() && head.plane != kInconsistent))
            return fn_fail(err, FN_ERR_SYSTEM, "%s came back damaged", m_job.TaskName(task).c_str());
        PlaneStats &stats = m_stats[head.zone];
        if (head.plane == kInconsistent)
            m_inconsistent[head.zone] = true;
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
    fn_status status = FN_OK;
    if (m_job.Window(task).y > m_row && Settle(m_job.Window(task).y, err) != FN_OK)
        return err->status;
    ForZones(static_cast<size_t>(task), [&](uint32_t zone) {
        if (--m_tilesLeft[zone] > 0 || status != FN_OK)
            return;
        status = m_finish(zone, m_stats[zone], m_inconsistent[zone], err);
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

} // namespace fishnet::zonalstats
