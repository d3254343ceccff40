/* The helper process of a job: it has prepared the job, and forks the workers, which share what it has prepared. */
#ifndef FN_JOBS_HELPER_H
#define FN_JOBS_HELPER_H

#include <atomic>

#include "job.h"

namespace fishnet
{

/* Of the host. It serves one run at a time, and any number one after the other, of all variants. */
class Helper
{
  public:
    /* Starts nothing yet: the first task does. budget: as in fn_job_options. NULL and err on failure. */
    static std::shared_ptr<Helper> New(std::shared_ptr<Job> job, const fn_worker_options &workers, size_t budget,
                                       fn_error *err);

    /* Starts the process and waits until it has prepared the job, trying again as often as the workers' options say.
     * messages: that preparing gave. answer: see Job::Answer(). */
    fn_status Start(Notes &messages, std::string &answer, fn_error *err);

    bool IsBusy() const { return m_busy.load(std::memory_order_acquire); }
    void SetBusy(bool busy) { m_busy.store(busy, std::memory_order_release); }

    /* The job of its pool, of which a run uses what is about workers and memory. */
    const fn_job *Processes() const { return fn_pool_job(m_pool.get()); }

  private:
    Helper(std::shared_ptr<Job> job, int retries) : m_job(std::move(job)), m_retries(retries) {}

    struct FreePool {
        void operator()(fn_pool *pool) const { fn_pool_free(pool); }
    };

    std::shared_ptr<Job> m_job;
    int m_retries;
    CoreJob m_core = {};
    std::unique_ptr<fn_pool, FreePool> m_pool;
    std::atomic<bool> m_busy{false};
};

/* What a process hands down to every helper, whatever the job: words, which the helper takes over for its life. */
struct HandedDown {
    Words (*list)();
    void (*takeOver)(const Words &words);
};
/* Drivers call it as they are registered: one does. */
void HandDown(const HandedDown &what);

/* To be called as the module is registered: remembers where its files are. */
void RememberFiles();
/* The module; GDAL's library; the program for worker processes, which is to be beside the module. Absolute, or empty
 * where they are not known: a relative one would be looked for wherever the host has gone since. */
const std::string &ModuleFile();
const std::string &GDALFile();
std::string HelperProgram();

} // namespace fishnet

#endif
