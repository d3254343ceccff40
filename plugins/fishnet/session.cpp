#include "fishnet/session.h"

#include <exception>

#include "fishnet/worker.h"
#include "gdal_compat.h"

namespace fishnet
{

static fn_window WindowOf(const Plan &plan, int64_t task)
{
    return fn_grid_tile(&plan.grid, task % fn_grid_tile_count(&plan.grid));
}

Session *Session::Open(std::shared_ptr<const Plan> plan, const fn_job_options &options, fn_error *err)
{
    std::unique_ptr<Session> self(new Session());
    self->m_plan = std::move(plan);
    self->m_config.Assign(CPLGetThreadLocalConfigOptions(), TRUE);
    fn_job job = {};
    job.task_count = fn_grid_tile_count(&self->m_plan->grid) * static_cast<int64_t>(self->m_plan->groups.size());
    job.user = self.get();
    job.task_bytes = [](void *user, int64_t task) { return static_cast<Session *>(user)->m_plan->TaskBytes(task); };
    job.worker_open = [](void *user, int, fn_error *error) -> void * {
        auto *session = static_cast<Session *>(user);
        try {
            return Worker::Open(session->m_plan, session->m_config.List(), error).release();
        } catch (const std::exception &exception) {
            fn_fail(error, FN_ERR_MEMORY, "a worker cannot begin: %s", exception.what());
            return nullptr;
        }
    };
    job.worker_run = [](void *, void *worker, fn_task *task, fn_error *error) {
        try {
            Notes messages;
            const fn_status status = static_cast<Worker *>(worker)->Run(*task, &messages, error);
            if (!messages.empty())
                task->notes = new Notes(std::move(messages));
            return status;
        } catch (const std::exception &exception) {
            return fn_fail(error, FN_ERR_MEMORY, "a tile cannot be computed: %s", exception.what());
        }
    };
    job.worker_close = [](void *, void *worker) { delete static_cast<Worker *>(worker); };
    job.on_report = OnReport;
    job.task_label = [](void *user, int64_t task, char *label, size_t size) {
        snprintf(label, size, "%s", Describe(WindowOf(*static_cast<Session *>(user)->m_plan, task)).c_str());
    };
    if (fn_engine_new(&job, &options, &self->m_engine, err) != FN_OK)
        return nullptr;
    return self.release();
}

void Session::OnReport(void *user, const fn_report *report)
{
    const auto *self = static_cast<Session *>(user);
    const std::unique_ptr<Notes> notes(static_cast<Notes *>(report->notes));
    if (!self->m_hostListens)
        return;
    CPLDebug("FISHNET", "tile %s by worker %d, process %ld: %.1f ms%s",
             Describe(WindowOf(*self->m_plan, report->task)).c_str(), report->worker, report->process,
             report->seconds * 1e3, report->status == FN_OK ? "" : ", failed");
    if (notes)
        for (const Message &message : *notes)
            Emit(message);
}

bool Session::TryStop(double seconds)
{
    const bool stopped = fn_engine_try_free(m_engine, seconds);
    if (stopped)
        m_engine = nullptr;
    return stopped;
}

void Session::Stop()
{
    fn_engine_free(m_engine);
    m_engine = nullptr;
}

void Session::Leave()
{
    fn_engine_advise(m_engine, nullptr, 0, nullptr); /* gives the messages that there are */
    m_hostListens = false;
}

} // namespace fishnet
