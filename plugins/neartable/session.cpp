#include "neartable/session.h"

#include <exception>
#include <utility>

namespace fishnet::neartable
{

Session *Session::Open(std::shared_ptr<const Plan> plan, Purpose purpose, SharedDatasets datasets)
{
    std::unique_ptr<Session> self(new Session());
    Work &work = self->m_work;
    work.plan = std::move(plan);
    self->m_purpose = purpose;
    self->m_config = ThreadConfig();
    if (!Split::Choose(*work.plan, (*datasets)[work.plan->input.dataset].get(), work.split))
        return nullptr;
    if (work.split.way != Split::Way::OneReader || work.plan->UsesProcesses())
        return self.release();
    work.shared = std::make_unique<OneReader>(*work.plan, work.split, std::move(datasets));
    if (!work.plan->HasGroups()) /* groups are known when the near side is */
        self->m_readAhead = std::make_unique<ReadAhead>(*work.plan, *work.shared, self->m_config.List());
    return self.release();
}

Session::~Session()
{
    if (m_readAhead)
        m_readAhead->Cancel();
    FreeHelper();
}

bool Session::Start(std::shared_ptr<const NearSide> near)
{
    m_work.near = std::move(near);
    m_readAhead.reset();
    fn_job job = {};
    job.worker_open = [](void *user, int, fn_error *error) -> void * {
        auto *session = static_cast<Session *>(user);
        return GuardedTask<void *>(error, "a worker cannot begin", nullptr, [&] {
            const Work &work = session->m_work;
            return Worker::Open(work, session->m_config.List(), work.plan->workers.threads, error).release();
        });
    };
    job.worker_run = [](void *user, void *worker, fn_task *task, fn_error *error) {
        return RunTask(static_cast<Worker *>(worker), static_cast<Session *>(user)->m_purpose, task, error);
    };
    job.worker_close = [](void *, void *worker) { delete static_cast<Worker *>(worker); };
    return Start(job);
}

bool Session::Start(std::shared_ptr<Helper> helper)
{
    static const auto pool = [](void *user) -> const fn_job & { return static_cast<Session *>(user)->m_helper->Job(); };
    m_helper = std::move(helper);
    m_helper->SetBusy(true);
    fn_job job = {};
    job.worker_open = [](void *user, int worker, fn_error *error) {
        return pool(user).worker_open(pool(user).user, worker, error);
    };
    job.worker_run = [](void *user, void *worker, fn_task *task, fn_error *error) {
        return pool(user).worker_run(pool(user).user, worker, task, error);
    };
    job.worker_close = [](void *user, void *worker) { pool(user).worker_close(pool(user).user, worker); };
    if (m_helper->Job().result_new) {
        job.result_new = [](void *user, size_t bytes) { return pool(user).result_new(pool(user).user, bytes); };
        job.result_free = [](void *user, void *result, size_t bytes) {
            pool(user).result_free(pool(user).user, result, bytes);
        };
    }
    return Start(job);
}

/* The rest of the job. */
bool Session::Start(fn_job &job)
{
    const Work &work = m_work;
    job.task_count = work.split.TaskCount();
    job.user = this;
    job.task_bytes = [](void *user, int64_t task) {
        const auto *session = static_cast<Session *>(user);
        return Worker::TaskBytes(session->m_work, session->m_purpose, task);
    };
    job.on_report = OnReport;
    job.task_label = [](void *user, int64_t task, char *label, size_t size) {
        GuardedLabel(label, size, [&] { return static_cast<Session *>(user)->m_work.split.Describe(task); });
    };
    fn_job_options options = {};
    options.workers = work.plan->workers.workers;
    options.retries = work.plan->workers.retries;
    options.budget = Budget(*work.plan);
    const std::string &trace = work.plan->options.trace;
    options.trace = m_purpose != Purpose::Rows || trace.empty() ? nullptr : trace.c_str();
    fn_error err;
    if (fn_stream_new(&job, &options, &m_stream, &err) != FN_OK) {
        EmitError(*work.plan, err);
        return false;
    }
    return true;
}

bool Session::Next(PartView *part, bool *failed, fn_part *bytes)
{
    fn_part data;
    fn_error err;
    do
        *failed = fn_stream_next(m_stream, &data, &err) != FN_OK;
    while (!*failed && data.data && data.bytes < sizeof(PartHeader)); /* nothing more of a task */
    if (*failed)
        EmitError(*m_work.plan, err);
    if (*failed || !data.data)
        return false;
    if (bytes)
        *bytes = data;
    if (m_purpose != Purpose::Rows)
        memcpy(&part->header, data.data, sizeof(PartHeader));
    else if (!part->Open(*m_work.plan, data.data, data.bytes)) {
        fn_fail(&err, FN_ERR_SYSTEM, "%s: a worker gave rows that make no sense",
                m_work.split.Describe(data.task).c_str());
        EmitError(*m_work.plan, err);
        *failed = true;
    }
    return !*failed;
}

void Session::OnReport(void *user, const fn_report *report)
{
    const auto *self = static_cast<Session *>(user);
    const std::unique_ptr<Notes> notes(static_cast<Notes *>(report->notes));
    if (self->m_hostListens)
        GuardedReport("NEARTABLE", [&] { self->Tell(*report, notes.get()); });
}

void Session::Tell(const fn_report &report, const Notes *notes) const
{
    const std::string range = m_work.split.Describe(report.task);
    CPLDebug("FISHNET", "%s by worker %d, process %ld: %.1f ms%s%s%s", range.c_str(), report.worker, report.process,
             report.seconds * 1e3, report.status == FN_OK ? "" : ", failed: ", report.error ? report.error : "",
             report.again ? "; again" : "");
    if (!notes)
        return;
    for (const Message &message : *notes)
        Emit(message, m_helper ? CPLSPrintf("%s, worker process %ld: ", range.c_str(), report.process) : "");
}

/* After the stream, which its pool must outlive. */
void Session::FreeHelper()
{
    if (m_helper)
        m_helper->SetBusy(false);
    m_helper.reset();
}

bool Session::TryStop(double seconds)
{
    const bool stopped = fn_stream_try_free(m_stream, seconds);
    if (stopped)
        m_stream = nullptr;
    return stopped;
}

/* Not to be touched afterwards: stopped() may have deleted it. */
bool Session::StopBehind(void (*stopped)(void *user), void *user)
{
    return fn_stream_free_behind(std::exchange(m_stream, nullptr), stopped, user);
}

void Session::Leave()
{
    m_hostListens = false;
}

} // namespace fishnet::neartable
