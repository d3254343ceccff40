/* The tiles of a raster, encoded as the blocks of one GeoTIFF, as a job. */
#ifndef FN_FISHNET_SINGLE_JOB_H
#define FN_FISHNET_SINGLE_JOB_H

#include <set>

#include "raster_job.h"
#include "tiff_blocks.h"

namespace fishnet
{

/* The file's blocks. */
struct Layout {
    int blockWidth = 0, blockHeight = 0;
    int bands = 0;
    bool byPixel = false; /* all bands of a pixel are in one block */
    GDALDataType type = GDT_Byte;
    bool sparse = false;
    CPLStringList options; /* of GTiff, for the encoder */

    BlockFormat Format(const Plan &plan) const;
    size_t BlockBytes() const; /* not compressed */
    /* Are blocks nothing but their pixels? */
    bool IsRaw() const;
    size_t PixelBytes() const;                       /* of all bands */
    size_t TileBytes(const fn_window &window) const; /* more than a tile's blocks are likely to take */
};

/* A result: how many blocks, then the head of each, then their bytes. */
struct BlockHead {
    int64_t number; /* in the file */
    uint64_t size;  /* 0: left out */
};

/* What stands before the bytes of so many blocks, which are aligned as results are. */
constexpr size_t HeadBytes(size_t blocks)
{
    return (sizeof(uint64_t) + blocks * sizeof(BlockHead) + 63) / 64 * 64;
}

class SingleJob final : public Job
{
  public:
    /* plan: with tasks of whole blocks; NULL in a helper, where each worker makes it. */
    SingleJob(std::shared_ptr<const Plan> plan, PlanSource source, std::string signature, Layout layout, int threads,
              bool errorIsNoData);
    static std::unique_ptr<Job> FromWords(const Words &words, int threads, fn_error *err);

    const Plan &GetPlan() const { return *m_plan; }
    /* Tiles that are NoData because they could not be computed. */
    std::map<int64_t, std::string> Failed() const { return m_failed.List(); }

    /* Before the first worker: memory for what they share; where they are processes, of each. */
    void Share(size_t bytes);

    std::unique_ptr<JobWorker> OpenWorker(fn_error *err) override;
    const char *Failure() const override { return "a tile cannot be computed"; }
    JobDescription Describe() const override;
    const char *Driver() const override { return "FISHNET"; }
    int64_t TaskCount() const override { return fn_grid_tile_count(&m_plan->grid); }
    size_t TaskBytes(int64_t task, int variant) const override;
    std::string TaskName(int64_t task) const override;
    std::string ShortName(int64_t task) const override { return "tile " + std::to_string(task + 1); }
    fn_task_place Place(int64_t task) const override { return m_plan->Place(task); }
    bool CompletesFailed() const override { return m_errorIsNoData; }
    bool Complete(fn_task &task, Notes &messages, const fn_error &err) override;
    void Tell(const Message &message, const std::string &task, long process) override;
    void Stopped() override { m_blocks->Report(); }

  private:
    std::shared_ptr<const Plan> m_plan;
    PlanSource m_source;
    std::shared_ptr<SharedBlocks> m_blocks; /* of the workers that are threads */
    std::string m_signature;
    Layout m_layout;
    bool m_errorIsNoData;
    FailedTasks m_failed{"FISHNET"};
    std::set<std::string> m_warnings; /* that have been given */
};

} // namespace fishnet

#endif
