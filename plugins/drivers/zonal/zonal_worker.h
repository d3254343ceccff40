/* One worker of a pass: it reads tiles, and collects the values of the zones in them. */
#ifndef FN_ZONALSTATS_WORKER_H
#define FN_ZONALSTATS_WORKER_H

#include "fishnet/zone_values.h"
#include "zonal_job.h"

namespace fishnet::zonalstats
{

struct FreeCoverage {
    void operator()(fn_coverage *coverage) const { fn_coverage_free(coverage); }
};
struct FreeZoneValues {
    void operator()(fn_zone_values *values) const { fn_zone_values_free(values); }
};
struct FreeStatsPlan {
    void operator()(fn_stats_plan *plan) const { fn_stats_plan_free(plan); }
};
struct FreeStatsWorker {
    void operator()(fn_stats_worker *worker) const { fn_stats_worker_free(worker); }
};
using StatsPlan = std::unique_ptr<fn_stats_plan, FreeStatsPlan>;

class ZonalWorker final : public JobWorker
{
  public:
    /* What is referred to outlives the worker. reader: NULL for RunWithout(). NULL and err on failure. */
    static std::unique_ptr<ZonalWorker> New(const ZonalOptions &options, std::shared_ptr<const Rasters> rasters,
                                            std::unique_ptr<InputReader> reader, const ZoneList &zones,
                                            const Tiles &tiles, fn_error *err);
    ~ZonalWorker() override;
    fn_status Run(fn_task &task, Notes &messages, fn_error *err) override;
    /* As if no cell of the tile had a value. */
    fn_status RunWithout(fn_task &task, fn_error *err);

  private:
    /* Planes of values [begin, end) that are read together; then they are collected, and forgotten. */
    struct Step {
        std::vector<Plane> read;
        size_t begin, end;
    };
    /* The cells of a zone, which later steps need again: n from `first` on. */
    struct KeptZone {
        uint32_t zone;
        size_t first, n;
    };

    ZonalWorker(const ZonalOptions &options, std::shared_ptr<const Rasters> rasters,
                std::unique_ptr<InputReader> reader, const ZoneList &zones, const Tiles &tiles)
        : m_options(options), m_rasters(std::move(rasters)), m_reader(std::move(reader)), m_zones(zones), m_tiles(tiles)
    {
    }
    void MakeSteps();
    fn_window Window(const fn_task &task) const;
    fn_status Read(const fn_task &task, const std::vector<Plane> &planes, const fn_window &window,
                   std::vector<fn_plane> &read, MessageCollector &collector, fn_error *err);
    fn_status FindNumbers(const fn_task &task, const fn_window &window, MessageCollector &collector, fn_error *err);
    fn_status Compute(fn_task &task, const fn_window &window, MessageCollector &collector, fn_error *err);
    fn_status FindValues(const fn_window &window, fn_error *err);
    fn_status FindWeights(const fn_window &window, fn_error *err);
    void SetWindows(const fn_window &window, const Step &step);
    fn_status CollectAll(fn_task &task, const fn_window &window, const Step &step, fn_error *err);
    fn_status CollectNumbers(const volatile bool *cancel, const Step &step, fn_error *err);
    fn_status CollectKept(const volatile bool *cancel, const Step &step, fn_error *err);
    fn_status HandOver(fn_task &task, fn_error *err) const;
    fn_status Find(size_t first, size_t end, const fn_window &window, const fn_cells **cells, size_t *n,
                   bool *consistent, fn_error *err);
    void Keep(size_t first, size_t end, const fn_cells *cells, size_t n);
    fn_status Collect(size_t first, size_t end, const fn_window &window, const Step &step, fn_error *err);
    void Append(const RecordHead &head, const void *data);
    fn_status Put(int64_t zone, const ZoneList::Ranges *ranges, const fn_cells *cells, size_t n, const Step &step,
                  fn_error *err);
    uint32_t ZoneAt(size_t i) const { return m_zones.ZoneOf(m_tiles.geometries[i]); }

    const ZonalOptions &m_options;
    std::shared_ptr<const Rasters> m_rasters;
    std::unique_ptr<InputReader> m_reader;
    const ZoneList &m_zones;
    const Tiles &m_tiles;
    std::unique_ptr<fn_coverage, FreeCoverage> m_coverage;
    std::unique_ptr<fn_zone_values, FreeZoneValues> m_numbers; /* of a raster of zones */
    std::vector<StatsPlan> m_plans;                            /* of each plane, as the next two */
    std::vector<std::unique_ptr<fn_stats_worker, FreeStatsWorker>> m_workers;
    std::vector<fn_stats_window> m_windows;
    std::vector<Step> m_steps;
    std::vector<fn_plane> m_planes;              /* of a step */
    std::vector<fn_plane> m_read;                /* what all the values are made of */
    std::vector<std::vector<double>> m_computed; /* the values, where there are expressions */
    std::vector<char> m_scratch;
    std::vector<double> m_areas, m_weights;
    std::vector<const fn_zone *> m_group;
    std::vector<KeptZone> m_kept;
    std::vector<fn_cells> m_keptCells;
    size_t m_keptEnd = 0; /* in Tiles::geometries: those before it are kept */
    fn_stats_buffer m_partial = {};
    std::vector<char> m_result;
    std::vector<uint64_t> m_zeros; /* pixels and masks of a tile without values */
    bool m_isLost = false;         /* the tile at hand is one */
};

} // namespace fishnet::zonalstats

#endif
