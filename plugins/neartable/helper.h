/* The helper process of a near table: it reads the near side, builds its index, and forks the workers, which share it. */
#ifndef FN_NEARTABLE_HELPER_H
#define FN_NEARTABLE_HELPER_H

#include <atomic>

#include "neartable/worker.h"

namespace fishnet
{

/* In a helper process. */
fn_status PrepareNearJob(const Words &words, fn_job *job, std::string *answer, fn_error *err);

} // namespace fishnet

namespace fishnet::neartable
{

/* A failure in words for the host: CPLError in the name of the table. */
void EmitError(const Plan &plan, const fn_error &err);

/* Before attempt `tried` + 1 at something that has failed: waits, longer each time. False: it is not to be tried again; err is
 * completed. On a thread of the host. */
bool WaitToTryAgain(int tried, int retries, fn_error *err);

/* Of the host. It serves one stream at a time, and any number of them one after the other, whatever their purposes. */
class Helper
{
  public:
    /* Starts the process and waits until it has read the near side. NULL after CPLError. withNear: false where nothing will be
     * searched. */
    static std::shared_ptr<Helper> Start(std::shared_ptr<const Plan> plan, const Split &split, bool withNear);

    /* Whether another stream can begin. */
    bool Serves(const Split &split) const { return !m_busy.load(std::memory_order_acquire) && m_split == split; }
    void SetBusy(bool busy) { m_busy.store(busy, std::memory_order_release); }
    int64_t NearFeatures() const { return m_nearFeatures; }
    const Notes &Messages() const { return *m_messages; } /* that reading the near side gave */

    /* The job of its pool, of which a stream uses what is about workers and memory. */
    const fn_job &Job() const { return *fn_pool_job(m_pool.get()); }

  private:
    Helper(std::shared_ptr<const Plan> plan, const Split &split) : m_plan(std::move(plan)), m_split(split) {}
    bool TakeAnswer();

    std::shared_ptr<const Plan> m_plan;
    Split m_split;
    PoolHandle m_pool;
    int64_t m_nearFeatures = 0;
    std::unique_ptr<Notes> m_messages;
    std::atomic<bool> m_busy{false};
};

/* Some parts for each worker, and some more. */
size_t Budget(const Plan &plan);

/* worker_run of a job: the messages go to task->notes, and nothing is thrown. */
fn_status RunTask(Worker *worker, Purpose purpose, fn_task *task, fn_error *err);

} // namespace fishnet::neartable

#endif
