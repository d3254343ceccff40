/* The way from zones to their statistics: ranges of zones, a pass over the rasters for each, further passes for what
 * one does not settle. */
#ifndef FN_ZONALSTATS_STATISTICS_H
#define FN_ZONALSTATS_STATISTICS_H

#include <map>
#include <set>

#include "pass_results.h"
#include "task_reader.h"
#include "zone_table.h"

namespace fishnet::zonalstats
{

class Statistics
{
  public:
    Statistics(const ZonalPlan &plan, ZoneTable &table, const GoesOn &goesOn)
        : m_plan(plan), m_table(table), m_goesOn(goesOn)
    {
    }
    fn_status Compute(fn_error *err);

  private:
    /* What a pass does not settle, by zone of the table. */
    struct Open {
        std::map<int64_t, PlaneStats> again; /* percentiles are not found yet */
        std::set<int64_t> doubtful;          /* zones that cover cells more than once */
        bool Any() const { return !again.empty() || !doubtful.empty(); }
    };

    using Visit = std::function<fn_status(int64_t zone, const void *wkb, size_t bytes, fn_error *err)>;
    fn_status MakePlans(fn_error *err);
    /* Visits the zones in the order of the table. adds: it does not have them yet. */
    fn_status ReadZones(bool adds, const Visit &visit, fn_error *err);
    fn_status ReadBatch(const Batch &batch, bool adds, int64_t &zone, const Visit &visit, fn_error *err);
    fn_status AddZone(int64_t fid, fn_error *err);
    /* Passes over the rasters for these zones, which are gone afterwards. */
    fn_status Pass(std::shared_ptr<ZoneList> &zones, fn_error *err);
    fn_status Judge(int64_t zone, const void *&wkb, size_t &bytes, std::string &repaired, bool &skipped, fn_error *err);
    fn_status AddOpen(ZoneList &zones, int64_t zone, const void *wkb, size_t bytes, fn_error *err);
    fn_status Finish(int64_t zone, PlaneStats &stats, bool inconsistent, fn_error *err);
    fn_status Store(int64_t zone, size_t plane, const fn_stat_value *values, const fn_zone_stats *stats, fn_error *err);
    fn_status FailToHold(int64_t zone, const std::string &column, double value, fn_error *err) const;
    bool IsFull(const ZoneList &zones) const;
    std::shared_ptr<ZoneList> NewList() const;
    void Warn(const std::set<int64_t> &zones, const char *what, const char *ofWhich) const;

    const ZonalPlan &m_plan;
    ZoneTable &m_table;
    const GoesOn &m_goesOn;
    InputSplit m_split;
    std::vector<StatsPlan> m_plans;                    /* of each plane, as the next */
    std::vector<std::vector<fn_stat_value>> m_nothing; /* the results of a zone without cells */
    Open m_open, m_before;
    std::set<int64_t> m_doubtful; /* of all passes */
    std::set<int64_t> m_invalid;  /* those that are invalid, too */
    /* By number: a tile that could not be read once is not read again, or passes would differ. */
    std::shared_ptr<FailedTasks> m_failed = std::make_shared<FailedTasks>("ZONALSTATS");
    std::set<int64_t> m_lost; /* zones that have cells in these */
    bool m_isFurther = false; /* the pass goes on with zones of an earlier one */
};

} // namespace fishnet::zonalstats

#endif
