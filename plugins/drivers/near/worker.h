/* One worker of a near table: reads a batch of the input, searches, and writes rows. */
#ifndef FN_NEARTABLE_WORKER_H
#define FN_NEARTABLE_WORKER_H

#include "fishnet/stream.h"
#include "near_job.h"
#include "part.h"

namespace fishnet::neartable
{

class NearWorker final : public JobWorker
{
  public:
    /* NULL and err on failure. */
    static std::unique_ptr<NearWorker> Open(const NearJob &job, fn_error *err);
    ~NearWorker() override;

    fn_status Run(fn_task &task, Notes &messages, fn_error *err) override;
    void Done(int64_t task) noexcept override { m_reader->Done(task); }

  private:
    explicit NearWorker(const NearJob &job) : m_job(job), m_plan(*job.plan) {}
    fn_status Search(fn_task *task, fn_error *err);
    fn_status SearchPoints(fn_task *task, fn_error *err);
    fn_status AddRows(fn_task *task, size_t i, const fn_neighbour *found, size_t n, fn_usable verdict, fn_error *err);
    uint64_t NearRecord(uint32_t feature);
    fn_status Flush(fn_task *task, bool last, fn_error *err);
    void FindExcluded(int64_t task);

    struct FreeSearcher {
        void operator()(fn_searcher *searcher) const { fn_searcher_free(searcher); }
    };

    const NearJob &m_job;
    const NearPlan &m_plan;
    int m_purpose = Rows; /* of the task */
    std::unique_ptr<TaskReader> m_reader;
    std::unique_ptr<fn_searcher, FreeSearcher> m_searcher;
    const Batch *m_batch = nullptr; /* of the task */
    int m_excludedLayer = -1;       /* of fn_excluded, for all of them */
    const int64_t *m_excluded = nullptr;
    std::vector<int64_t> m_byNumber;
    PartBuilder m_part;
    std::vector<fn_neighbour> m_found;
    std::vector<uint32_t> m_counts;
    std::vector<fn_usable> m_verdicts;
};

} // namespace fishnet::neartable

#endif
