/* One worker of a FISHNET dataset: its own handles to the inputs, and the pixels of one tile after the other. */
#ifndef FN_FISHNET_WORKER_H
#define FN_FISHNET_WORKER_H

#include "fishnet/job.h"
#include "fishnet/plan.h"

namespace fishnet
{

/* Messages of a task that succeeded, for the host's error handler: fn_report::notes. */
using Notes = std::vector<Message>;

class Worker
{
  public:
    /* config: the thread-local configuration options of the thread that opened the dataset. NULL and err on failure. */
    static std::unique_ptr<Worker> Open(std::shared_ptr<const Plan> plan, CSLConstList config, fn_error *err);
    ~Worker();
    Worker(const Worker &) = delete;
    Worker &operator=(const Worker &) = delete;

    fn_status Run(const fn_task &task, Notes *notes, fn_error *err);

  private:
    explicit Worker(std::shared_ptr<const Plan> plan) : m_plan(std::move(plan)) {}
    fn_status Compute(const fn_window &window, const Plan::Group &group, char *result, const volatile bool *cancel,
                      fn_error *err);
    bool ReadPixels(GDALDatasetH dataset, int number, fn_type type, const fn_window &window, void *data);
    bool PassThrough(const fn_window &window, const Plan::Group &group, char *result);
    bool ReadPlanes(const fn_window &window, const volatile bool *cancel);

    std::shared_ptr<const Plan> m_plan;
    std::vector<DatasetHandle> m_datasets;
    std::vector<std::vector<char>> m_pixels; /* of each plane */
    std::vector<std::vector<GByte>> m_masks; /* of planes that have one */
    std::vector<char> m_block;
    std::vector<char> m_scratch;
};

} // namespace fishnet

#endif
