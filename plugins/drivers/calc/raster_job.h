/* The tiles of a dataset as a job. */
#ifndef FN_FISHNET_RASTER_JOB_H
#define FN_FISHNET_RASTER_JOB_H

#include "failed_tasks.h"
#include "job.h"
#include "plan.h"

namespace fishnet
{

class RasterJob final : public Job
{
  public:
    /* plan: NULL in a helper, where each worker makes it: drivers that may crash are not called before there are
     * workers. signature: of the host's plan. */
    RasterJob(std::shared_ptr<const Plan> plan, PlanSource source, std::string signature, int threads,
              bool errorIsNoData);
    static std::unique_ptr<Job> FromWords(const Words &words, int threads, fn_error *err);

    /* Tiles that are NoData because they could not be computed. */
    std::map<int64_t, std::string> Failed() const { return m_failed.List(); }

    std::unique_ptr<JobWorker> OpenWorker(fn_error *err) override;
    const char *Failure() const override { return "a tile cannot be computed"; }
    JobDescription Describe() const override;
    const char *Driver() const override { return "FISHNET"; }
    int64_t TaskCount() const override;
    size_t TaskBytes(int64_t task, int) const override { return m_plan->TaskBytes(task); }
    std::string TaskName(int64_t task) const override;
    std::string ShortName(int64_t task) const override { return "tile " + std::to_string(task + 1); }
    fn_task_place Place(int64_t task) const override { return m_plan->Place(task); }
    bool CompletesFailed() const override { return m_errorIsNoData; }
    bool Complete(fn_task &task, Notes &messages, const fn_error &err) override;
    void Stopped() override;

  private:
    std::shared_ptr<const Plan> m_plan;
    PlanSource m_source;
    std::string m_signature;
    std::shared_ptr<SharedBlocks> m_blocks; /* of the workers that are threads */
    bool m_errorIsNoData;
    FailedTasks m_failed{"FISHNET"};
};

/* The names of its inputs. */
Words InputsOf(const Plan &plan);

} // namespace fishnet

#endif
