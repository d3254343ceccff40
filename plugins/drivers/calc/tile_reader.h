/* Reads windows of a plan's outputs: each becomes tasks, which are computed together with those that the reader will
 * probably want next, and the pixels of finished tiles are copied to where the reader wants them. */
#ifndef FN_FISHNET_TILE_READER_H
#define FN_FISHNET_TILE_READER_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gdal_priv.h>

#include "fishnet/recipe.h"
#include "input_watch.h"
#include "job_run.h"
#include "jump_reader.h"
#include "plan.h"
#include "raster_job.h"

namespace fishnet
{

class TileReader
{
  public:
    /* NULL after CPLError. recipe: with its workers resolved. watch: NULL in a dataset that a worker has opened. No
     * worker begins before the first read. */
    static std::unique_ptr<TileReader> New(std::shared_ptr<const Plan> plan, const fn_recipe &recipe,
                                           const PlanSource &source, std::shared_ptr<InputWatch> watch);

    /* Where pixels go: as in GDALDataset::RasterIO, one stride for each of the outputs. */
    struct Target {
        char *data;
        GDALDataType type;
        GSpacing pixelSpace, lineSpace, bandSpace;
    };
    /* Reads a window of some outputs (indices in Plan::outputs) at full resolution. extra: progress, or NULL. */
    CPLErr Read(const std::vector<size_t> &wanted, const fn_window &window, const Target &target,
                GDALRasterIOExtraArg *extra);
    /* Begins to compute what will be read. */
    CPLErr Advise(const std::vector<size_t> &wanted, const fn_window &window);
    /* It will not be read after all. */
    void ForgetAdvice() { m_run->ForgetAdvice(); }
    /* From now on the bands, but not the masks, hold nothing but that value, or zeros where it is not set: nothing is
     * computed for them. */
    void BeHollow(const fn_nodata &value)
    {
        m_hollow = true;
        m_nothing = value;
    }
    bool IsHollow() const { return m_hollow; }
    /* Only this will be read from now on: nothing else is computed ahead. */
    void LimitTo(const fn_window &window) { m_limit = window; }

    void GetStats(fn_engine_stats *stats) const { fn_engine_get_stats(m_run->Engine(), stats); }
    /* Texts, by task, about tiles that are NoData because they could not be computed. */
    std::map<int64_t, std::string> Failed() const { return m_job->Failed(); }

  private:
    TileReader(std::shared_ptr<const Plan> plan, std::shared_ptr<InputWatch> watch);
    void ReadNothing(size_t count, const fn_window &window, const Target &target) const;
    void KeepBudget(size_t given, size_t shared, fn_worker_options &workers) const;
    bool Start(const fn_recipe &recipe, PlanSource source);
    bool IsForHost(const fn_worker_options &workers) const;
    bool ReadJump(const std::vector<size_t> &groups, const std::vector<size_t> &wanted, const fn_window &window,
                  const Target &target);
    std::vector<int64_t> TasksAhead(const std::vector<size_t> &groups, const fn_window &tiles);
    void WriteBehind(size_t group, const fn_window &window, const std::vector<size_t> &wanted,
                     const std::vector<int64_t> &tasks, const std::vector<int64_t> &ahead);
    CPLErr Fail(const fn_error &err) const;
    CPLErr CheckInputs(bool all, bool failed = false) const;
    void LookEarly();
    bool EndsAdvised(const fn_window &window) const;
    CPLErr CheckAtEnd();

    std::shared_ptr<const Plan> m_plan;
    std::shared_ptr<InputWatch> m_watch;
    std::shared_ptr<RasterJob> m_job;
    JobRunHandle m_run;
    std::unique_ptr<JumpReader> m_jumps; /* NULL: workers do it all */
    int m_workers = 0;                   /* that the recipe asks for */
    size_t m_budget = 0;

    struct Progress { /* of the readers of one group: where they were, to see where they go */
        fn_window previous, current;
    };
    std::vector<Progress> m_progress;
    bool m_hollow = false;
    fn_nodata m_nothing = {};
    fn_window m_limit = {};     /* empty: none */
    fn_window m_advised = {};   /* what a program has said it will read; empty: none */
    int64_t m_readsAtLook = -1; /* over a network, before the look that was begun; -1: none was */
    size_t m_copied = 0;        /* bytes that the host has had and may not have written, see WriteBehind() */
    GIntBig m_cachedBefore = 0; /* bytes in GDAL's block cache as that began */
};

} // namespace fishnet

#endif
