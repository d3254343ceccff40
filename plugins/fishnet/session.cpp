#include "fishnet/session.h"

#include <algorithm>
#include <utility>

#include "fishnet/worker.h"
#include "gdal_compat.h"

namespace fishnet
{

static std::string TileName(const Plan &plan, int64_t task)
{
    return "tile " + Describe(plan.SourceWindow(task));
}

/* ---- what workers do, threads and processes ---- */

static void SetWorkerCalls(fn_job &job)
{
    job.worker_run = [](void *, void *worker, fn_task *task, fn_error *error) {
        return KeepNotes(task, error, "a tile cannot be computed",
                         [&](Notes &messages) { return static_cast<Worker *>(worker)->Run(*task, &messages, error); });
    };
    job.worker_close = [](void *, void *worker) { delete static_cast<Worker *>(worker); };
}

/* ---- in a helper process ---- */

namespace
{
struct RemotePlan {
    PlanSource source;
    std::string signature;
    CPLStringList config;
    int threads = 1;
};
} // namespace

static constexpr size_t kRemoteWords = 4; /* before the open options */

static Words Describe(const Plan &plan, const PlanSource &source, int threads)
{
    Words words = {plan.Signature(), std::to_string(threads), std::to_string(source.overview), source.connection};
    for (int i = 0; i < source.openOptions.size(); i++)
        words.emplace_back(source.openOptions[i]);
    return words;
}

fn_status PrepareRasterJob(const Words &words, fn_job *job, std::string *, fn_error *err)
{
    if (words.size() < kRemoteWords)
        return fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told too little");
    auto *remote = new RemotePlan();
    remote->signature = words[0];
    remote->threads = atoi(words[1].c_str());
    remote->source.overview = atoi(words[2].c_str());
    remote->source.connection = words[3];
    for (size_t i = kRemoteWords; i < words.size(); i++)
        remote->source.openOptions.AddString(words[i].c_str());
    remote->config = ThreadConfig();
    job->user = remote;
    job->worker_open = [](void *user, int, fn_error *error) -> void * {
        const auto &plan = *static_cast<const RemotePlan *>(user);
        return GuardedTask<void *>(error, "a worker cannot begin", nullptr, [&] {
            return Worker::OpenRemote(plan.source.connection, plan.source.openOptions, plan.source.overview,
                                      plan.signature, plan.config.List(), plan.threads, error)
                .release();
        });
    };
    SetWorkerCalls(*job);
    return FN_OK;
}

/* ---- in the host ---- */

Session *Session::Open(std::shared_ptr<const Plan> plan, const PlanSource &source, const fn_recipe &recipe,
                       const fn_job_options &options, fn_error *err)
{
    if (CheckDepth(err) != FN_OK)
        return nullptr;
    std::unique_ptr<Session> self(new Session());
    self->m_plan = std::move(plan);
    self->m_config = ThreadConfig();
    self->m_threads = recipe.workers.threads;
    fn_job job = {};
    job.task_count = fn_grid_tile_count(&self->m_plan->grid) * static_cast<int64_t>(self->m_plan->groups.size());
    job.user = self.get();
    job.task_bytes = [](void *user, int64_t task) { return static_cast<Session *>(user)->m_plan->TaskBytes(task); };
    job.worker_open = [](void *user, int, fn_error *error) -> void * {
        auto *session = static_cast<Session *>(user);
        return GuardedTask<void *>(error, "a worker cannot begin", nullptr, [&] {
            return Worker::Open(session->m_plan, session->m_config.List(), session->m_threads, error).release();
        });
    };
    SetWorkerCalls(job);
    job.on_report = OnReport;
    job.on_failure = recipe.error_is_nodata ? OnFailure : nullptr;
    job.task_label = [](void *user, int64_t task, char *label, size_t size) {
        GuardedLabel(label, size, [&] { return TileName(*static_cast<Session *>(user)->m_plan, task); });
    };
    job.notes_from_bytes = NotesFromBytes;
    const fn_job *scheduled = &job;
    if (recipe.workers.processes > 0) {
        Words inputs;
        for (const Source &input : self->m_plan->sources)
            inputs.push_back(input.path);
        self->m_pool = NewPool("raster", Describe(*self->m_plan, source, self->m_threads), source.folder, inputs,
                               recipe.workers, options.budget, job, err);
        if (!self->m_pool)
            return nullptr;
        scheduled = fn_pool_job(self->m_pool.get());
    }
    if (fn_engine_new(scheduled, &options, &self->m_engine, err) != FN_OK)
        return nullptr;
    return self.release();
}

void Session::OnReport(void *user, const fn_report *report)
{
    const auto *self = static_cast<Session *>(user);
    const std::unique_ptr<Notes> notes(static_cast<Notes *>(report->notes));
    if (self->m_hostListens)
        GuardedReport("FISHNET", [&] { self->Tell(*report, notes.get()); });
}

void Session::Tell(const fn_report &report, const Notes *notes) const
{
    const std::string tile = TileName(*m_plan, report.task);
    CPLDebug("FISHNET", "%s by worker %d, process %ld: %.1f ms%s%s%s", tile.c_str(), report.worker, report.process,
             report.seconds * 1e3, report.status == FN_OK ? "" : ", failed: ", report.error ? report.error : "",
             report.again ? "; again" : "");
    if (!notes)
        return;
    for (const Message &message : *notes)
        Emit(message, m_pool ? CPLSPrintf("%s, worker process %ld: ", tile.c_str(), report.process) : "");
}

/* ON_ERROR=NODATA. On a worker's thread. */
bool Session::OnFailure(void *user, fn_task *task, const fn_error *err)
{
    auto *self = static_cast<Session *>(user);
    return GuardedQuietly(false, [&] {
        self->m_plan->FillNoData(task->number, task->result);
        auto notes = std::make_unique<Notes>();
        notes->push_back({CE_Warning, CPLE_FileIO, std::string("FISHNET: filled with NoData: ") + err->text});
        const std::lock_guard<std::mutex> lock(self->m_failedMutex);
        self->m_failed[task->number] = err->text;
        task->notes = notes.release();
        return true;
    });
}

std::vector<std::string> Session::Failed() const
{
    const std::lock_guard<std::mutex> lock(m_failedMutex);
    std::vector<std::string> texts;
    for (const auto &failed : m_failed)
        texts.push_back(failed.second);
    return texts;
}

bool Session::TryStop(double seconds)
{
    const bool stopped = fn_engine_try_free(m_engine, seconds);
    if (stopped)
        m_engine = nullptr;
    return stopped;
}

/* Not to be touched afterwards: stopped() may have deleted it. */
bool Session::StopBehind(void (*stopped)(void *user), void *user)
{
    return fn_engine_free_behind(std::exchange(m_engine, nullptr), stopped, user);
}

void Session::Leave()
{
    fn_engine_advise(m_engine, nullptr, 0, nullptr); /* gives the messages that there are */
    m_hostListens = false;
}

} // namespace fishnet
