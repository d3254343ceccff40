/* One worker of a FISHNET dataset: what it reads with, and the pixels of one tile after the other. */
#ifndef FN_FISHNET_WORKER_H
#define FN_FISHNET_WORKER_H

#include "job.h"
#include "plan.h"

namespace fishnet
{

class Worker final : public JobWorker
{
  public:
    /* NULL and err on failure. */
    static std::unique_ptr<Worker> Open(std::shared_ptr<const Plan> plan, std::shared_ptr<SharedBlocks> blocks,
                                        fn_error *err);
    /* In a process of its own: makes the plan for itself, so that drivers that may crash are not called before there
     * are workers. signature: that the host's plan has. NULL and err on failure. */
    static std::unique_ptr<Worker> OpenRemote(const PlanSource &source, const std::string &signature, fn_error *err);
    Worker(std::shared_ptr<const Plan> plan, std::unique_ptr<InputReader> reader);

    fn_status Run(fn_task &task, Notes &messages, fn_error *err) override;
    /* Computes any window of the inputs, of the outputs of a group. result: Plan::Offset() says where. */
    fn_status RunWindow(const fn_window &window, const Plan::Group &group, char *result, const volatile bool *cancel,
                        Notes &messages, fn_error *err);

    const std::shared_ptr<const Plan> &GetPlan() const { return m_plan; }

  private:
    fn_status Compute(const fn_window &window, const Plan::Group &group, char *result, const volatile bool *cancel,
                      fn_error *err);
    bool PassThrough(const fn_window &window, const Plan::Group &group, char *result);

    std::shared_ptr<const Plan> m_plan;
    std::unique_ptr<InputReader> m_reader; /* of its inputs */
    Expression::Memory m_memory;
};

} // namespace fishnet

#endif
