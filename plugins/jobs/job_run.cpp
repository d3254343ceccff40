#include "job_run.h"

#include <cmath>
#include <utility>

namespace fishnet
{

std::unique_ptr<JobRun> JobRun::New(std::shared_ptr<Job> job, ResultKind kind, const JobRunOptions &options,
                                    std::shared_ptr<Helper> helper, fn_error *err)
{
    std::unique_ptr<JobRun> self(new JobRun(std::move(job), options));
    if (options.workers.processes > 0 && !helper) {
        helper = Helper::New(self->m_job, options.workers, options.budget, err);
        if (!helper)
            return nullptr;
    }
    if (helper)
        helper->SetBusy(true);
    self->m_helper = std::move(helper);
    self->m_core = {self->m_job.get(), self.get(), self->m_helper ? self->m_helper->Processes() : nullptr,
                    options.workers.workers == 0};
    const fn_job core = ToCore(self->m_core, options.variant);
    fn_job_options scheduling = {};
    scheduling.workers = options.workers.workers;
    scheduling.retries = options.workers.retries;
    scheduling.pause = options.workers.pause;
    scheduling.budget = options.budget;
    scheduling.trace = options.reports.trace.empty() ? nullptr : options.reports.trace.c_str();
    const fn_status status = kind == ResultKind::Placed ? fn_engine_new(&core, &scheduling, &self->m_engine, err)
                                                        : fn_stream_new(&core, &scheduling, &self->m_stream, err);
    return status == FN_OK ? std::move(self) : nullptr;
}

/* The scheduler before the pool, which must outlive it. */
JobRun::~JobRun()
{
    TryStop(-1);
    if (m_helper)
        m_helper->SetBusy(false);
    EndLog();
    if (m_hostListens)
        GuardedReport(m_job->Driver(), [&] { m_job->Stopped(); });
}

/* Nobody is told any more who reads, but the host. */
void JobRun::EndLog()
{
    if (!m_hostListens || !m_log.IsAsked())
        return;
    GuardedReport(m_job->Driver(), [&] {
        fn_error err;
        const bool good = m_log.Check(&err) == FN_OK;
        m_log.End();
        if (good && m_log.Check(&err) != FN_OK)
            CPLError(CE_Failure, CPLE_FileIO, "%s: %s", m_job->Driver(), err.text);
    });
}

void JobRun::OnReport(const fn_report &report)
{
    const std::unique_ptr<Notes> messages(static_cast<Notes *>(report.notes));
    if (!m_hostListens)
        return;
    GuardedReport(m_job->Driver(), [&] {
        const std::string task = m_job->TaskName(report.task);
        CPLDebug("FISHNET", "%s by worker %d, process %ld: %.1f ms%s%s%s", task.c_str(), report.worker, report.process,
                 report.seconds * 1e3, report.status == FN_OK ? "" : ", failed: ", report.error ? report.error : "",
                 report.again ? "; again" : "");
        if (m_log.IsAsked())
            m_log.Add(report, m_job->ShortName(report.task), m_job->Place(report.task));
        m_job->Ended(report, m_helper != nullptr);
        if (messages)
            for (const Message &message : *messages)
                m_job->Tell(message, task, m_helper ? report.process : 0);
    });
}

/* A negative time: as long as it takes. */
bool JobRun::TryStop(double seconds)
{
    if (seconds < 0) {
        fn_engine_free(std::exchange(m_engine, nullptr));
        fn_stream_free(std::exchange(m_stream, nullptr));
        return true;
    }
    if (!fn_engine_try_free(m_engine, seconds) || !fn_stream_try_free(m_stream, seconds))
        return false;
    m_engine = nullptr;
    m_stream = nullptr;
    return true;
}

/* Not to be touched afterwards: stopped() may have deleted it. */
bool JobRun::StopBehind(void (*stopped)(void *user), void *user)
{
    return m_engine ? fn_engine_free_behind(std::exchange(m_engine, nullptr), stopped, user)
                    : fn_stream_free_behind(std::exchange(m_stream, nullptr), stopped, user);
}

void JobRun::ForgetAdvice()
{
    fn_engine_stats stats;
    fn_engine_get_stats(m_engine, &stats);
    if (stats.workers == 0)
        return; /* none has begun */
    m_log.TellFrom(HUGE_VAL);
    fn_engine_advise(m_engine, nullptr, 0, nullptr);
    m_log.TellFrom(m_log.Clock());
}

/* Gives the messages that there are. */
void JobRun::Leave()
{
    if (m_engine)
        fn_engine_advise(m_engine, nullptr, 0, nullptr);
    if (m_stream)
        fn_stream_report(m_stream);
    EndLog();
    m_hostListens = false;
}

} // namespace fishnet
