#include "neartable/session.h"

#include <algorithm>
#include <exception>

namespace fishnet::neartable
{

static void Fail(const Plan &plan, const fn_error &err)
{
    CPLErrorNum number = CPLE_AppDefined;
    if (err.status == FN_ERR_MEMORY)
        number = CPLE_OutOfMemory;
    else if (err.status == FN_ERR_CANCELLED)
        number = CPLE_UserInterrupt;
    else if (err.status == FN_ERR_READ)
        number = CPLE_FileIO;
    CPLError(CE_Failure, number, "NEARTABLE:%s: %s", plan.input.name.c_str(), err.text);
}

/* Some parts for each worker, and some more. */
static size_t Budget(const Work &work)
{
    constexpr size_t kLeast = 16 << 20, kEach = 4;
    const size_t part = PartBuilder::BytesFor(*work.plan, kPartRows, 0);
    return std::max(kLeast, kEach * part * static_cast<size_t>(work.plan->workers));
}

Session *Session::Open(std::shared_ptr<const Plan> plan, Purpose purpose, SharedDatasets datasets)
{
    std::unique_ptr<Session> self(new Session());
    Work &work = self->m_work;
    work.plan = std::move(plan);
    work.purpose = purpose;
    self->m_config.Assign(CPLGetThreadLocalConfigOptions(), TRUE);
    if (!Split::Choose(*work.plan, (*datasets)[work.plan->input.dataset].get(), work.split))
        return nullptr;
    if (work.split.way != Split::Way::OneReader)
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
}

bool Session::Start(std::shared_ptr<const NearSide> near)
{
    Work &work = m_work;
    work.near = std::move(near);
    m_readAhead.reset();

    fn_job job = {};
    job.task_count = work.split.TaskCount();
    job.user = this;
    job.task_bytes = [](void *user, int64_t task) {
        return Worker::TaskBytes(static_cast<Session *>(user)->m_work, task);
    };
    job.worker_open = [](void *user, int, fn_error *error) -> void * {
        auto *session = static_cast<Session *>(user);
        try {
            return Worker::Open(session->m_work, session->m_config.List(), error).release();
        } catch (const std::exception &exception) {
            fn_fail(error, FN_ERR_MEMORY, "a worker cannot begin: %s", exception.what());
            return nullptr;
        }
    };
    job.worker_run = [](void *, void *worker, fn_task *task, fn_error *error) {
        try {
            Notes messages;
            const fn_status status = static_cast<Worker *>(worker)->Run(task, &messages, error);
            if (!messages.empty())
                task->notes = new Notes(std::move(messages));
            return status;
        } catch (const std::exception &exception) {
            return fn_fail(error, FN_ERR_MEMORY, "a range of the input cannot be computed: %s", exception.what());
        }
    };
    job.worker_close = [](void *, void *worker) { delete static_cast<Worker *>(worker); };
    job.on_report = OnReport;
    job.task_label = [](void *user, int64_t task, char *label, size_t size) {
        snprintf(label, size, "%s", static_cast<Session *>(user)->m_work.split.Describe(task).c_str());
    };
    fn_job_options options = {};
    options.workers = work.plan->workers;
    options.budget = Budget(work);
    options.trace =
        work.purpose != Purpose::Rows || work.plan->options.trace.empty() ? nullptr : work.plan->options.trace.c_str();
    fn_error err;
    if (fn_stream_new(&job, &options, &m_stream, &err) != FN_OK) {
        Fail(*work.plan, err);
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
        Fail(*m_work.plan, err);
    if (*failed || !data.data)
        return false;
    if (bytes)
        *bytes = data;
    if (m_work.purpose == Purpose::Rows)
        part->Open(*m_work.plan, data.data);
    else
        memcpy(&part->header, data.data, sizeof(PartHeader));
    return true;
}

void Session::OnReport(void *user, const fn_report *report)
{
    const auto *self = static_cast<Session *>(user);
    const std::unique_ptr<Notes> notes(static_cast<Notes *>(report->notes));
    if (!self->m_hostListens)
        return;
    CPLDebug("FISHNET", "%s by worker %d, process %ld: %.1f ms%s", self->m_work.split.Describe(report->task).c_str(),
             report->worker, report->process, report->seconds * 1e3, report->status == FN_OK ? "" : ", failed");
    if (notes)
        for (const Message &message : *notes)
            Emit(message);
}

bool Session::TryStop(double seconds)
{
    const bool stopped = fn_stream_try_free(m_stream, seconds);
    if (stopped)
        m_stream = nullptr;
    return stopped;
}

void Session::Stop()
{
    fn_stream_free(m_stream);
    m_stream = nullptr;
}

void Session::Leave()
{
    m_hostListens = false;
}

} // namespace fishnet::neartable
