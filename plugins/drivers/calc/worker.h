/* One worker of a FISHNET dataset: its own handles to the inputs, and the pixels of one tile after the other. */
#ifndef FN_FISHNET_WORKER_H
#define FN_FISHNET_WORKER_H

#include "plan.h"
#include "job.h"

namespace fishnet
{

class Worker final : public JobWorker
{
  public:
    /* NULL and err on failure. */
    static std::unique_ptr<Worker> Open(std::shared_ptr<const Plan> plan, fn_error *err);
    /* In a process of its own: makes the plan for itself, so that drivers that may crash are not called before there
     * are workers. overview: as in Plan::Make. signature: that the host's plan has. NULL and err on failure. */
    static std::unique_ptr<Worker> OpenRemote(const std::string &connection, const CPLStringList &openOptions,
                                              int overview, const std::string &signature, fn_error *err);
    ~Worker() override;

    fn_status Run(fn_task &task, Notes &messages, fn_error *err) override;

    const std::shared_ptr<const Plan> &GetPlan() const { return m_plan; }

  private:
    explicit Worker(std::shared_ptr<const Plan> plan) : m_plan(std::move(plan)) {}
    fn_status Compute(const fn_window &window, const Plan::Group &group, char *result, const volatile bool *cancel,
                      fn_error *err);
    std::string WhatFailed() const;
    bool ReadMask(size_t source, int number, const fn_window &window, void *data);
    bool ReadPixels(size_t source, int number, fn_type type, const fn_window &window, void *data);
    bool PassThrough(const fn_window &window, const Plan::Group &group, char *result);
    bool ReadPlanes(const fn_window &window, const volatile bool *cancel);
    bool ReadAlpha(size_t index, const fn_window &window);

    std::shared_ptr<const Plan> m_plan;
    std::vector<DatasetHandle> m_datasets;
    std::vector<std::vector<char>> m_pixels; /* of each plane */
    std::vector<std::vector<GByte>> m_masks; /* of planes that have one */
    std::vector<char> m_alpha;
    struct { /* what is read, or was the last */
        size_t source;
        int band;
        bool mask;
    } m_reading = {};
    std::vector<char> m_block;
    std::vector<char> m_scratch;
};

} // namespace fishnet

#endif
