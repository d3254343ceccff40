/* What a capability says of its work, once. All else (threads, processes, attempts, messages, closing) is in this
 * folder, and knows no capability. */
#ifndef FN_JOBS_JOB_H
#define FN_JOBS_JOB_H

#include <functional>

#include "fishnet/grid.h"
#include "workers.h"

namespace fishnet
{

/* What a worker keeps between tasks: its own handles. Made, used and ended on the worker's thread, but for
 * fn_job::worker_close. */
class JobWorker
{
  public:
    virtual ~JobWorker() = default;
    /* Computes task into task.result. messages: for the host, of a task that succeeded. */
    virtual fn_status Run(fn_task &task, Notes &messages, fn_error *err) = 0;
    /* The task has its result, and is not tried again. */
    virtual void Done(int64_t /*task*/) noexcept {}
};

/* What is said then. */
constexpr const char *kStopped = "User terminated";
/* Asked now and then by what takes long: false, if the user has had enough. */
using GoesOn = std::function<bool()>;

/* What another process needs to make the same job. */
struct JobDescription {
    const char *kind; /* see RegisterJob() */
    Words words;
    std::string folder; /* that relative names begin at */
    Words inputs;       /* names of datasets: the options that GDAL has for their paths go along */
};

class Job
{
  public:
    /* threads: that GDAL may use for each worker. Workers have the thread-local configuration options of this
     * thread. */
    explicit Job(int threads) : m_threads(threads), m_config(ThreadConfig()) {}
    virtual ~Job() = default;
    Job(const Job &) = delete;
    Job &operator=(const Job &) = delete;

    /* ---- in the host and in a helper process ---- */

    /* Makes what all workers share and none changes, before the first of them. In a helper it is called while there
     * is one thread, and may leave no handle open, which would cross the fork. After a failure that may pass it is
     * called again. messages: for the host. goesOn: to be asked once at least; empty in a helper. */
    virtual fn_status Prepare(Notes &messages, const GoesOn &goesOn, fn_error *err);
    /* What the host is told of it. */
    virtual std::string Answer() const { return std::string(); }
    /* On a thread that is set up as a worker. NULL and err on failure. */
    virtual std::unique_ptr<JobWorker> OpenWorker(fn_error *err) = 0;
    /* What is said of a task that an exception ends: "a tile cannot be computed". */
    virtual const char *Failure() const = 0;

    /* ---- in the host ---- */

    virtual JobDescription Describe() const = 0;
    /* The driver, for messages. */
    virtual const char *Driver() const = 0;
    virtual int64_t TaskCount() const = 0;
    /* Bytes of a task's result, or of its first part. */
    virtual size_t TaskBytes(int64_t task, int variant) const = 0;
    virtual std::string TaskName(int64_t task) const = 0;
    /* In a list that has the pixels beside it. */
    virtual std::string ShortName(int64_t task) const { return TaskName(task); }
    virtual fn_task_place Place(int64_t /*task*/) const { return {}; }
    /* Whether a task that has failed for good is to be completed by Complete(): as in fn_job::on_failure, on a
     * worker's thread. */
    virtual bool CompletesFailed() const { return false; }
    virtual bool Complete(fn_task & /*task*/, Notes & /*messages*/, const fn_error & /*err*/) { return false; }
    /* An attempt has ended. On a thread of the host, like Tell(). */
    virtual void Ended(const fn_report & /*report*/, bool /*byProcess*/) {}
    /* Passes on a message of a task. process: that has computed it; 0: this one. */
    virtual void Tell(const Message &message, const std::string &task, long process);
    /* All workers have gone. Not called where closing was left to another thread. */
    virtual void Stopped() {}

    int Threads() const { return m_threads; }
    CSLConstList Config() const { return m_config.List(); }

  private:
    int m_threads;
    CPLStringList m_config;
};

/* In a helper: the job of those words. NULL and err on failure. */
using MakeJob = std::unique_ptr<Job> (*)(const Words &words, int threads, fn_error *err);

/* A window of a raster. geotransform: NULL: it has none. */
fn_task_place PlaceOf(const fn_window &window, const double *geotransform);

/* Makes a kind of job known, by a name that helpers are told. Drivers do so as they are registered. */
void RegisterJob(const char *kind, MakeJob make);
/* NULL: there is none. */
MakeJob FindJob(const std::string &kind);

/* Before attempt `tried` + 1 at something that has failed: waits, longer each time. False: it is not to be tried
 * again; err is completed. On a thread of the host. */
bool WaitToTryAgain(int tried, int retries, fn_error *err);

/* ---- a job as the core sees it ---- */

class JobRun;

/* fn_job::user. It outlives the scheduler. */
struct CoreJob {
    Job *job;
    JobRun *run;         /* of the host that listens; NULL: in a helper, and of its pool */
    const fn_job *pool;  /* whose processes are the workers; NULL: threads of this process, or this process */
    bool onHost = false; /* those threads are the host's: there are no workers */
};

/* The one place that fills an fn_job. */
fn_job ToCore(CoreJob &core, int variant);

} // namespace fishnet

#endif
