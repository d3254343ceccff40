/* What comes back from a pass, merged zone by zone: each is finished when its last tile is through. */
#ifndef FN_ZONALSTATS_PASS_RESULTS_H
#define FN_ZONALSTATS_PASS_RESULTS_H

#include <unordered_map>

#include "job_run.h"
#include "zonal_worker.h"

namespace fishnet::zonalstats
{

struct FreeZoneStats {
    void operator()(fn_zone_stats *stats) const { fn_zone_stats_free(stats); }
};
using ZoneStats = std::unique_ptr<fn_zone_stats, FreeZoneStats>;
using PlaneStats = std::vector<ZoneStats>; /* one for each plane; NULL: no cell yet */

/* What becomes of the results of a pass. */
class PassSink
{
  public:
    virtual ~PassSink() = default;
    /* Before the first part. */
    virtual fn_status Begin(fn_error *err) = 0;
    /* A part of a task's result, in the order of tasks. */
    virtual fn_status Add(int64_t task, const void *data, size_t bytes, fn_error *err) = 0;
    /* All tasks before that one are through. */
    virtual fn_status FinishBefore(int64_t task, fn_error *err) = 0;
};

/* A pass that is under way. */
class RasterPass
{
  public:
    virtual ~RasterPass() = default;
    /* The first step begins, each other one gives a part to the sink, or waits for it. *through: that was the last. */
    virtual fn_status Step(bool *through, fn_error *err) = 0;
};

class PassResults final : public PassSink
{
  public:
    /* A zone is through, with its place in the list's sense. inconsistent: it covers cells more than once. */
    using Finish = std::function<fn_status(int64_t zone, PlaneStats &stats, bool inconsistent, fn_error *err)>;

    PassResults(const ZoneList &zones, const ZonalJob &job, const std::vector<StatsPlan> &plans, Finish finish);

    /* The states that a zone has from a pass before. */
    void SetStats(int64_t place, PlaneStats stats);
    const PlaneStats &Stats(size_t zone) const { return m_stats[zone]; }
    /* Finishes zones that no tile has. */
    fn_status Begin(fn_error *err) override;
    fn_status Add(int64_t task, const void *data, size_t bytes, fn_error *err) override;
    fn_status FinishBefore(int64_t task, fn_error *err) override;
    /* Where zones are numbers, all tasks are through: finishes them, ascending. *next: those from there on are left for
     * another pass, there were too many; INT64_MIN: none. */
    fn_status FinishNumbers(int64_t *next, fn_error *err);
    /* Of the zone whose values could not be taken; INT64_MIN: none. */
    int64_t FailedPlace() const { return m_failedPlace; }
    /* Zones that have cells in tiles that could not be read. */
    const std::set<uint32_t> &Lost() const { return m_lost; }

  private:
    /* Calls what(zone) of each zone that the task has. */
    template <class What> void ForZones(size_t task, What what) const;
    fn_status FinishTask(int64_t task, fn_error *err);
    fn_status Settle(int64_t row, fn_error *err);
    fn_status AddRecord(const RecordHead &head, const char *bytes, fn_error *err);
    uint32_t IndexOf(int64_t number);
    void DropHalf();

    const ZoneList &m_zones;
    const ZonalJob &m_job;
    const std::vector<StatsPlan> &m_plans;
    Finish m_finish;
    std::vector<PlaneStats> m_stats;                 /* of each zone, as the next two */
    std::unordered_map<int64_t, uint32_t> m_indices; /* where zones are numbers: in m_stats */
    int64_t m_limit = INT64_MAX;                     /* numbers above are not looked at */
    std::vector<uint32_t> m_tilesLeft;
    std::vector<bool> m_inconsistent;
    std::set<uint32_t> m_lost;
    std::vector<uint32_t> m_live; /* zones that have cells, and are not through */
    int64_t m_next = 0;           /* the first task that is not through */
    int64_t m_failedPlace = INT64_MIN;
    int64_t m_row = 0; /* of cells: pages above are settled */
};

/* The job at work: its results are handed over one part at a time. */
class PassRun final : public RasterPass
{
  public:
    /* sink: outlives it. */
    PassRun(std::shared_ptr<ZonalJob> job, const fn_worker_options &workers, const ReportFiles &reports,
            PassSink &sink);
    fn_status Step(bool *through, fn_error *err) override;

  private:
    std::shared_ptr<ZonalJob> m_job;
    JobRunOptions m_options = {};
    PassSink &m_sink;
    JobRunHandle m_run;
};

/* All steps. Cancelled if !goesOn(); that may be empty. */
fn_status PassOver(const std::shared_ptr<ZonalJob> &job, const fn_worker_options &workers, const ReportFiles &reports,
                   const GoesOn &goesOn, PassResults &results, fn_error *err);

} // namespace fishnet::zonalstats

#endif
