#include "job.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "job_run.h"
#include "turns.h"

namespace fishnet
{

fn_status Job::Prepare(Notes &, const GoesOn &goesOn, fn_error *err)
{
    return !goesOn || goesOn() ? FN_OK : fn_fail(err, FN_ERR_CANCELLED, kStopped);
}

void Job::Tell(const Message &message, const std::string &task, long process)
{
    Emit(message, process ? CPLSPrintf("%s, worker process %ld: ", task.c_str(), process) : "");
}

fn_task_place PlaceOf(const fn_window &window, const double *geotransform)
{
    fn_task_place place = {};
    place.has_pixels = true;
    place.x = window.x;
    place.y = window.y;
    place.width = window.width;
    place.height = window.height;
    place.has_extent = geotransform != nullptr;
    for (int corner = 0; geotransform && corner < 4; corner++) {
        const auto column = static_cast<double>(window.x + (corner % 2 ? window.width : 0));
        const auto row = static_cast<double>(window.y + (corner / 2 ? window.height : 0));
        for (int axis = 0; axis < 2; axis++) {
            const double *line = geotransform + 3 * axis;
            const double at = line[0] + column * line[1] + row * line[2];
            double &least = place.extent[axis], &most = place.extent[2 + axis];
            least = corner == 0 ? at : std::min(least, at);
            most = corner == 0 ? at : std::max(most, at);
        }
    }
    return place;
}

/* ---- kinds ---- */

namespace
{
struct Kind {
    const char *name;
    MakeJob make;
};
} // namespace

/* Never destroyed: helpers may ask until they end. Registering is GDAL's, one thread at a time. */
static std::vector<Kind> &Kinds()
{
    static auto *kinds = new std::vector<Kind>();
    return *kinds;
}

MakeJob FindJob(const std::string &name)
{
    for (const Kind &kind : Kinds())
        if (name == kind.name)
            return kind.make;
    return nullptr;
}

void RegisterJob(const char *name, MakeJob make)
{
    if (!FindJob(name))
        Kinds().push_back({name, make});
}

/* ---- attempts ---- */

bool WaitToTryAgain(int tried, int retries, fn_error *err)
{
    constexpr double kFirst = 0.02, kLongest = 5; /* seconds */
    if (!fn_may_pass(err->status))
        return false;
    if (tried > retries) {
        const size_t length = strlen(err->text);
        if (retries > 0)
            snprintf(err->text + length, sizeof err->text - length, " (tried %d times)", tried);
        return false;
    }
    CPLDebug("FISHNET", "%s; again", err->text);
    double seconds = kFirst;
    for (int i = 1; i < tried && seconds < kLongest; i++)
        seconds *= 4;
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(seconds, kLongest)));
    return true;
}

/* ---- a job as the core sees it ---- */

static CoreJob &Core(void *user)
{
    return *static_cast<CoreJob *>(user);
}

static void *OpenWorker(void *user, int, fn_error *err)
{
    Job &job = *Core(user).job;
    return GuardedTask<void *>(err, "a worker cannot begin", nullptr, [&] {
        std::optional<AsWorker> forNow;
        if (Core(user).onHost)
            forNow.emplace(job.Config(), job.Threads());
        else
            ConfigureWorker(job.Config(), job.Threads()); /* the thread is ours until the job ends */
        return job.OpenWorker(err).release();
    });
}

/* Nothing is computed whose log cannot be written. */
static fn_status BeginLog(const CoreJob &core, fn_error *err)
{
    return !core.run ? FN_OK
                     : GuardedTask(err, core.job->Failure(), FN_ERR_MEMORY, [&] { return core.run->Log().Begin(err); });
}

static fn_status RunTask(void *user, void *worker, fn_task *task, fn_error *err)
{
    if (BeginLog(Core(user), err) != FN_OK)
        return err->status;
    auto *jobWorker = static_cast<JobWorker *>(worker);
    const fn_status status = GuardedTask(err, Core(user).job->Failure(), FN_ERR_MEMORY, [&] {
        std::optional<AsWorker> forNow;
        if (Core(user).onHost)
            forNow.emplace(Core(user).job->Config(), Core(user).job->Threads());
        Notes messages;
        const fn_status done = jobWorker->Run(*task, messages, err);
        if (!messages.empty())
            task->notes = new Notes(std::move(messages));
        return done;
    });
    if (status == FN_OK)
        jobWorker->Done(task->number);
    return status;
}

static void CloseWorker(void *, void *worker)
{
    delete static_cast<JobWorker *>(worker);
}

static bool OnFailure(void *user, fn_task *task, const fn_error *err)
{
    return GuardedQuietly(false, [&] {
        auto messages = std::make_unique<Notes>();
        if (!Core(user).job->Complete(*task, *messages, *err))
            return false;
        task->notes = messages.release();
        return true;
    });
}

static void SetThreadCalls(fn_job &job)
{
    job.worker_open = OpenWorker;
    job.worker_run = RunTask;
    job.worker_close = CloseWorker;
    job.rest = [](void *) { return ServersWantRest(); };
    job.notes_to_bytes = NotesToBytes;
}

static void SetPoolCalls(fn_job &job, const fn_job &pool)
{
    static const auto of = [](void *user) -> const fn_job & { return *Core(user).pool; };
    job.worker_open = [](void *user, int worker, fn_error *err) {
        return of(user).worker_open(of(user).user, worker, err);
    };
    job.worker_run = [](void *user, void *worker, fn_task *task, fn_error *err) {
        if (BeginLog(Core(user), err) != FN_OK)
            return err->status;
        return of(user).worker_run(of(user).user, worker, task, err);
    };
    job.worker_close = [](void *user, void *worker) { of(user).worker_close(of(user).user, worker); };
    job.rest = [](void *user) { return of(user).rest(of(user).user); };
    if (pool.result_new) {
        job.result_new = [](void *user, size_t bytes) { return of(user).result_new(of(user).user, bytes); };
        job.result_free = [](void *user, void *result, size_t bytes) {
            of(user).result_free(of(user).user, result, bytes);
        };
    }
}

fn_job ToCore(CoreJob &core, int variant)
{
    fn_job job = {};
    job.user = &core;
    job.variant = variant;
    if (core.pool)
        SetPoolCalls(job, *core.pool);
    else
        SetThreadCalls(job);
    job.task_label = [](void *user, int64_t task, char *label, size_t size) {
        GuardedLabel(label, size, [&] { return Core(user).job->TaskName(task); });
    };
    job.task_place = [](void *user, int64_t task, fn_task_place *place) {
        GuardedQuietly(false, [&] {
            *place = Core(user).job->Place(task);
            return true;
        });
    };
    job.notes_from_bytes = NotesFromBytes;
    if (!core.run)
        return job;
    job.task_count = core.job->TaskCount();
    job.task_bytes = [](void *user, int64_t task) {
        return Core(user).job->TaskBytes(task, Core(user).run->Variant());
    };
    job.on_report = [](void *user, const fn_report *report) { Core(user).run->OnReport(*report); };
    if (core.job->CompletesFailed())
        job.on_failure = OnFailure;
    return job;
}

} // namespace fishnet
