/* A job at work: its scheduler, its workers and all that they use. It can outlive the dataset: see closing.h. */
#ifndef FN_JOBS_JOB_RUN_H
#define FN_JOBS_JOB_RUN_H

#include "closing.h"
#include "fishnet/engine.h"
#include "fishnet/stream.h"
#include "helper.h"
#include "task_log.h"

namespace fishnet
{

/* How results are read: in any order, by Engine(), or once, from the first to the last, by Stream(). */
enum class ResultKind { Placed, InOrder };

struct JobRunOptions {
    fn_worker_options workers; /* workers 0: the threads that read compute, of ResultKind::Placed */
    size_t budget;             /* bytes, as in fn_job_options */
    ReportFiles reports;
    int variant = 0; /* of the tasks */
};

class JobRun final : public Crew
{
  public:
    /* helper: that has prepared the job; NULL: with worker processes one is made. NULL and err on failure. No worker
     * begins yet. */
    static std::unique_ptr<JobRun> New(std::shared_ptr<Job> job, ResultKind kind, const JobRunOptions &options,
                                       std::shared_ptr<Helper> helper, fn_error *err);
    ~JobRun() override;

    fn_engine *Engine() const { return m_engine; }
    fn_stream *Stream() const { return m_stream; }
    int Variant() const { return m_variant; }

    bool TryStop(double seconds) override;
    bool StopBehind(void (*stopped)(void *user), void *user) override;
    void Leave() override;
    /* What was advised will not be read after all: no more of it begins, and the log does not tell of it. */
    void ForgetAdvice();

    /* To be checked when results are complete: what is told of the last tasks is written behind them. */
    TaskLog &Log() { return m_log; }

    /* fn_job::on_report */
    void OnReport(const fn_report &report);

  private:
    void EndLog();
    JobRun(std::shared_ptr<Job> job, const JobRunOptions &options)
        : m_job(std::move(job)), m_variant(options.variant), m_log(options.reports.log, m_job->Driver())
    {
    }

    std::shared_ptr<Job> m_job;
    int m_variant;
    TaskLog m_log;
    std::shared_ptr<Helper> m_helper; /* of worker processes */
    CoreJob m_core = {};
    fn_engine *m_engine = nullptr;
    fn_stream *m_stream = nullptr;
    bool m_hostListens = true; /* messages may be given: we are on a thread of the host */
};

struct CloseJobRun {
    void operator()(JobRun *run) const { CloseCrew(run); }
};
using JobRunHandle = std::unique_ptr<JobRun, CloseJobRun>;

} // namespace fishnet

#endif
