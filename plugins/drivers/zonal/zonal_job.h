/* A pass over the rasters as a job: tiles that zones touch are its tasks, and partial results of these zones come back
 * in order. */
#ifndef FN_ZONALSTATS_JOB_H
#define FN_ZONALSTATS_JOB_H

#include <set>

#include "failed_tasks.h"
#include "job.h"
#include "rasters.h"
#include "zone_list.h"

namespace fishnet::zonalstats
{

/* Before each partial result of a zone, see fn_stats_collect(). */
struct RecordHead {
    int64_t zone;   /* of the list, or a number of a raster of zones */
    uint64_t plane; /* or one of these, and no bytes follow */
    uint64_t bytes;
};
constexpr uint64_t kInconsistent = UINT64_MAX; /* the zone covers cells more than once */
constexpr uint64_t kLost = UINT64_MAX - 1;     /* it has cells in a tile that could not be read */

/* What statistics are computed of a plane. */
fn_stats_options StatsOf(const ZonalOptions &options, const Rasters &rasters, size_t plane);

/* What a worker process opens the same of. */
struct Source {
    std::string connection;
    CPLStringList openOptions;
    std::string folder; /* that relative names begin at */
};

/* "tile x=0 y=512 512x512" */
std::string TileName(const fn_window &window);

/* Tiles, and the geometries that may have cells in each. */
struct Tiles {
    std::vector<int64_t> numbers;     /* of those with geometries, ascending: a task each */
    std::vector<size_t> begin;        /* of each task in `geometries`, and the end */
    std::vector<uint32_t> geometries; /* of a task ascending: those of a zone come together */
    std::set<int64_t> lost;           /* numbers of those that could not be read before: their cells have no value */

    Tiles() = default;
    Tiles(const fn_grid &grid, const ZoneList &list);
    /* Leaves the part-th of so many runs of equal numbers of them, from 0. */
    void TakePart(int64_t part, int64_t parts);
};

class ZonalJob final : public Job
{
  public:
    /* workers: that will run it. failed: tiles that are lost, by their number. completes: more of them may be. */
    ZonalJob(std::shared_ptr<const Rasters> rasters, const ZonalOptions &options, Source source,
             std::shared_ptr<const ZoneList> zones, const fn_worker_options &workers,
             std::shared_ptr<FailedTasks> failed, bool completes);
    static std::unique_ptr<Job> FromWords(const Words &words, int threads, fn_error *err);

    std::unique_ptr<JobWorker> OpenWorker(fn_error *err) override;
    const char *Failure() const override { return "a tile cannot be computed"; }
    JobDescription Describe() const override;
    const char *Driver() const override { return "ZONALSTATS"; }
    int64_t TaskCount() const override { return static_cast<int64_t>(m_tiles.numbers.size()); }
    size_t TaskBytes(int64_t task, int variant) const override;
    std::string TaskName(int64_t task) const override { return TileName(Window(task)); }
    std::string ShortName(int64_t task) const override { return "tile " + std::to_string(Number(task) + 1); }
    fn_task_place Place(int64_t task) const override { return PlaceOf(Window(task), m_rasters->geotransform); }
    bool CompletesFailed() const override { return m_completes; }
    bool Complete(fn_task &task, Notes &messages, const fn_error &err) override;
    void Stopped() override;

    /* It is about these tiles alone. Before it runs. */
    void TakePart(int64_t part, int64_t parts);
    const Tiles &GetTiles() const { return m_tiles; }
    /* Of the tile that is a task. */
    int64_t Number(int64_t task) const { return m_tiles.numbers[static_cast<size_t>(task)]; }
    fn_window Window(int64_t task) const { return fn_grid_tile(&m_rasters->grid, Number(task)); }

  private:
    explicit ZonalJob(int threads) : Job(threads) {}

    std::shared_ptr<const Rasters> m_rasters; /* NULL in a helper: each worker opens them */
    std::shared_ptr<const ZonalOptions> m_options;
    Source m_source;
    std::string m_signature;
    bool m_hasZones = false; /* in a helper: the rasters have one of zones */
    std::shared_ptr<const ZoneList> m_zones;
    Tiles m_tiles;
    int64_t m_part = 0, m_parts = 1;
    size_t m_sharedBytes = 0;               /* the limit of SharedBlocks */
    std::shared_ptr<SharedBlocks> m_blocks; /* of the workers that are threads; NULL in a helper */
    std::shared_ptr<FailedTasks> m_failed;  /* NULL in a helper */
    bool m_completes = false;
};

constexpr const char *kZonalJob = "zonal";

} // namespace fishnet::zonalstats

#endif
