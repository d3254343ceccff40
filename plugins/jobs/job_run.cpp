#include "job_run.h"

#include <utility>

namespace fishnet
{

std::unique_ptr<JobRun> JobRun::New(std::shared_ptr<Job> job, ResultKind kind, const JobRunOptions &options,
                                    std::shared_ptr<Helper> helper, fn_error *err)
{
    std::unique_ptr<JobRun> self(new JobRun(std::move(job), options.variant));
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
    scheduling.trace = options.trace.empty() ? nullptr : options.trace.c_str();
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
    if (m_hostListens)
        GuardedReport(m_job->Driver(), [&] { m_job->Stopped(); });
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

/* Gives the messages that there are. */
void JobRun::Leave()
{
    if (m_engine)
        fn_engine_advise(m_engine, nullptr, 0, nullptr);
    if (m_stream)
        fn_stream_report(m_stream);
    m_hostListens = false;
}

} // namespace fishnet
