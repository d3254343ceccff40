/* The way from zones to their statistics: ranges of zones, a pass over the rasters for each, further passes for what
 * one does not settle. */
#ifndef FN_ZONALSTATS_STATISTICS_H
#define FN_ZONALSTATS_STATISTICS_H

#include <map>
#include <set>

#include "partials.h"
#include "zone_reader.h"
#include "zone_table.h"

namespace fishnet::zonalstats
{

class Statistics
{
  public:
    /* from: what shares have found in the first pass over each zone; NULL: it is to be made. */
    Statistics(const ZonalPlan &plan, ZoneTable &table, GoesOn goesOn, std::shared_ptr<PartialReader> from)
        : m_plan(plan), m_table(table), m_goesOn(std::move(goesOn)), m_partials(std::move(from))
    {
    }
    /* In the place of all else: only a share of that pass, from 0. All zones are held at a time. */
    fn_status WritePartial(int64_t part, int64_t parts, PartialWriter &to, fn_error *err);
    /* Reads the zones, and begins with the last pass over the rasters for them; those before it are done. */
    fn_status Begin(fn_error *err);
    /* After Begin(), until IsDone(): takes a part of a result of that pass. With the last one come further passes. */
    fn_status GoOn(fn_error *err);
    bool IsDone() const { return m_isDone; }

  private:
    /* What a pass does not settle, by zone of the table. */
    struct Open {
        std::map<int64_t, PlaneStats> again; /* percentiles are not found yet */
        std::set<int64_t> doubtful;          /* zones that cover cells more than once */
        bool Any() const { return !again.empty() || !doubtful.empty(); }
    };

    /* A pass that is under way. */
    struct Current {
        Current(std::shared_ptr<const ZoneList> zonesOfIt, std::shared_ptr<ZonalJob> jobOfIt,
                PassResults::Finish finish, const std::vector<StatsPlan> &plans);
        std::shared_ptr<const ZoneList> zones;
        std::shared_ptr<ZonalJob> job;
        PassResults results;
        std::unique_ptr<PartialSink> sink; /* in the place of results; or NULL */
        std::unique_ptr<RasterPass> pass;
    };

    /* The share that is written. */
    struct Share {
        PartialWriter *to = nullptr; /* NULL: none */
        int64_t part = 0, parts = 1;
        int64_t tasks = 0; /* of all parts */
    };

    fn_status Choose(fn_error *err);
    fn_status MakePlans(fn_error *err);
    using Add = std::function<fn_status(ZoneList &zones, int64_t zone, ReadZone &read, fn_error *err)>;
    int64_t ZoneOf(size_t number, const ReadZone &read, fn_error *err);
    fn_status MakeRoom(std::shared_ptr<ZoneList> &zones, fn_error *err);
    fn_status ReadZones(ZoneReader::Wants wants, std::shared_ptr<const ZoneReader::Fids> fids, const Add &add,
                        fn_error *err);
    fn_status ReadFirst(fn_error *err);
    fn_status ReadAgain(fn_error *err);
    int64_t RowOf(int64_t number);
    fn_status PassNumbers(fn_error *err);
    fn_status PassNumbersAgain(fn_error *err);
    void AddRow(int64_t fid);
    /* A pass over the rasters for these zones, which are gone afterwards. */
    void BeginPass(std::shared_ptr<ZoneList> &zones);
    void MakePass(Current &current);
    fn_status ReadPartials(fn_error *err);
    fn_status CheckZones(fn_error *err) const;
    fn_status StepPass(bool *through, fn_error *err);
    fn_status CompletePass(fn_error *err);
    fn_status CompleteAll(fn_error *err);
    fn_status Judge(ReadZone &read, bool isNew, bool &skipped, fn_error *err);
    fn_status AddOpen(ZoneList &zones, int64_t zone, ReadZone &read, fn_error *err);
    fn_status Finish(int64_t zone, PlaneStats &stats, bool inconsistent, fn_error *err);
    fn_status Store(int64_t zone, size_t plane, const fn_stat_value *values, const fn_zone_stats *stats, fn_error *err);
    fn_status FailToHold(int64_t zone, const std::string &column, double value, fn_error *err) const;
    fn_status NameZone(int64_t zone, fn_error *err) const;
    void MarkFinished(int64_t zone);
    bool IsFull(const ZoneList &zones) const;
    std::shared_ptr<ZoneList> NewList() const;
    void Warn(const std::vector<int64_t> &fids, const char *what, const char *ofWhich) const;

    const ZonalPlan &m_plan;
    ZoneTable &m_table;
    const GoesOn m_goesOn;
    const std::shared_ptr<PartialReader> m_partials;
    ZonesOfShare m_seen; /* by the shares */
    Share m_share;
    bool m_isDone = false;
    std::vector<bool> m_isFinished; /* of each zone */
    int64_t m_finished = 0;         /* zones before the first that is not */
    SharedDatasets m_datasets;      /* the input, and how it is read */
    InputSplit m_split;
    bool m_isRead = false;                          /* all zones have been, once */
    std::vector<uint32_t> m_zoneOf;                 /* with groups: of each feature */
    std::unordered_map<uint32_t, int64_t> m_groups; /* the zone of each number of ReadZone::group */
    int64_t m_next = INT64_MIN;                     /* the first number that a pass has left for another */
    /* A reading is about these zones. */
    static constexpr int64_t kAll = INT64_MAX;
    int64_t m_from = 0, m_until = kAll;
    std::vector<StatsPlan> m_plans;                    /* of each plane, as the next */
    std::vector<std::vector<fn_stat_value>> m_nothing; /* the results of a zone without cells */
    Open m_open, m_before;
    std::set<int64_t> m_doubtful; /* of all passes */
    /* By number: a tile that could not be read once is not read again, or passes would differ. */
    std::shared_ptr<FailedTasks> m_failed = std::make_shared<FailedTasks>("ZONALSTATS");
    std::set<int64_t> m_lost;       /* zones that have cells in these */
    bool m_anyCells = false;        /* of any zone */
    bool m_isFurther = false;       /* the pass goes on with zones of an earlier one */
    std::vector<int64_t> m_invalid; /* FIDs of those that are invalid, too */
    std::unique_ptr<Current> m_pass;
};

} // namespace fishnet::zonalstats

#endif
