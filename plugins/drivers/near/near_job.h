/* The rows of a near table as a job. */
#ifndef FN_NEARTABLE_NEAR_JOB_H
#define FN_NEARTABLE_NEAR_JOB_H

#include "job.h"
#include "source.h"

namespace fishnet::neartable
{

/* What is computed, the variant of a task: the rows, or how many there are. */
enum Purpose {
    Rows,
    CountRows,  /* searches */
    CountUsable /* of the input; searches nothing */
};

class NearJob final : public Job
{
  public:
    NearJob(std::shared_ptr<const NearPlan> thePlan, InputSplit theSplit, bool searches);
    static std::unique_ptr<Job> FromWords(const Words &words, int threads, fn_error *err);

    /* What all workers share. */
    std::shared_ptr<const NearPlan> plan;
    InputSplit split;
    std::shared_ptr<const NearSide> near; /* NULL: nothing is searched */
    std::unique_ptr<OneReader> oneReader; /* NULL: each worker reads for itself */

    /* In a helper: opens the inputs, reads the near side and closes all. */
    fn_status Prepare(Notes &messages, const GoesOn &goesOn, fn_error *err) override;
    /* How many near features there are. */
    std::string Answer() const override;
    std::unique_ptr<JobWorker> OpenWorker(fn_error *err) override;
    const char *Failure() const override { return "a range of the input cannot be computed"; }
    JobDescription Describe() const override;
    const char *Driver() const override { return "NEARTABLE"; }
    int64_t TaskCount() const override { return split.TaskCount(); }
    size_t TaskBytes(int64_t task, int variant) const override;
    std::string TaskName(int64_t task) const override { return split.Describe(task); }

  private:
    explicit NearJob(int threads) : Job(threads) {}

    bool m_searches = true;
    std::string m_connection, m_signature; /* in a helper */
    CPLStringList m_openOptions;
};

/* Bytes for results: some parts for each worker, and some more. */
size_t Budget(const NearPlan &plan);

} // namespace fishnet::neartable

#endif
