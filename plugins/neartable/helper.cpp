#include "neartable/helper.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

namespace fishnet::neartable
{

void EmitError(const Plan &plan, const fn_error &err)
{
    CPLErrorNum number = CPLE_AppDefined;
    if (err.status == FN_ERR_MEMORY)
        number = CPLE_OutOfMemory;
    else if (err.status == FN_ERR_CANCELLED)
        number = CPLE_UserInterrupt;
    else if (err.status == FN_ERR_READ)
        number = CPLE_FileIO;
    CPLError(CE_Failure, number, "NEARTABLE:%s: %s", WithoutSecrets(plan.input.name).c_str(), err.text);
}

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

size_t Budget(const Plan &plan)
{
    constexpr size_t kLeast = 16 << 20, kEach = 4;
    const size_t part = PartBuilder::BytesFor(plan, kPartRows, 0);
    return std::max(kLeast, kEach * part * static_cast<size_t>(plan.workers.workers));
}

fn_status RunTask(Worker *worker, Purpose purpose, fn_task *task, fn_error *err)
{
    const fn_status status = KeepNotes(task, err, "a range of the input cannot be computed",
                                       [&](Notes &messages) { return worker->Run(purpose, task, &messages, err); });
    if (status == FN_OK)
        worker->Done(task->number);
    return status;
}

/* ---- what both sides know ---- */

/* Words: these, then the split, then the open options. */
enum : size_t { kSignature, kThreads, kWithNear, kConnection, kSplit, kOpenOptions = kSplit + Split::kWords };

/* ---- in the host ---- */

std::shared_ptr<Helper> Helper::Start(std::shared_ptr<const Plan> plan, const Split &split, bool withNear)
{
    const std::shared_ptr<Helper> self(new Helper(plan, split));
    Words words = {plan->Signature(), std::to_string(plan->workers.threads), withNear ? "1" : "0",
                   plan->options.connection};
    const Words numbers = split.ToWords();
    words.insert(words.end(), numbers.begin(), numbers.end());
    for (int i = 0; i < plan->options.openOptions.size(); i++)
        words.emplace_back(plan->options.openOptions[i]);
    Words inputs = {plan->input.path};
    for (const LayerPlan &layer : plan->near)
        inputs.push_back(layer.path);

    fn_job job = {};
    job.task_count = split.TaskCount();
    job.user = self.get();
    job.task_bytes = [](void *, int64_t) { return size_t(0); }; /* the stream's own is asked */
    job.task_label = [](void *user, int64_t number, char *label, size_t size) {
        GuardedLabel(label, size, [&] { return static_cast<Helper *>(user)->m_split.Describe(number); });
    };
    job.notes_from_bytes = NotesFromBytes;
    fn_error err;
    self->m_pool = NewPool("near", words, plan->folder, inputs, plan->workers, Budget(*plan), job, &err);
    if (!self->m_pool) {
        EmitError(*plan, err);
        return nullptr;
    }
    for (int tried = 1; fn_pool_start(self->m_pool.get(), &err) != FN_OK; tried++)
        if (!WaitToTryAgain(tried, plan->workers.retries, &err)) {
            EmitError(*plan, err);
            return nullptr;
        }
    return self->TakeAnswer() ? self : nullptr;
}

/* The number of near features, and what reading them gave to say. */
bool Helper::TakeAnswer()
{
    size_t bytes = 0;
    const void *answer = fn_pool_answer(m_pool.get(), &bytes);
    Words words;
    if (Unpack(answer, bytes, words) && words.size() == 2)
        m_messages.reset(static_cast<Notes *>(NotesFromBytes(nullptr, words[1].data(), words[1].size())));
    if (!m_messages) {
        fn_error err;
        fn_fail(&err, FN_ERR_SYSTEM, "the helper process gave an answer that makes no sense");
        EmitError(*m_plan, err);
        return false;
    }
    m_nearFeatures = CPLAtoGIntBig(words[0].c_str());
    return true;
}

/* ---- in the helper process ---- */

namespace
{
struct RemoteTable {
    Work work;
    CPLStringList config;
    int threads = 1;
};
} // namespace

/* Opens the inputs, reads the near side and closes all: no handle may cross the fork. */
static fn_status MakeTable(const Words &words, RemoteTable &remote, Notes &messages, fn_error *err)
{
    Options options;
    MessageCollector collector; /* the host has heard them */
    const CPLStringList list = [&words] {
        CPLStringList copy;
        for (size_t i = kOpenOptions; i < words.size(); i++)
            copy.AddString(words[i].c_str());
        return copy;
    }();
    if (!options.Parse(words[kConnection].c_str(), list.List()))
        return fn_fail(err, FN_ERR_ARGUMENT, "%s", collector.Cause("the options make no sense").c_str());
    options.workers.processes = 1;
    std::vector<DatasetHandle> handles;
    const std::shared_ptr<const Plan> plan = Plan::Make(options, handles);
    if (!plan)
        return fn_fail(err, FN_ERR_READ, "the helper process cannot open the inputs: %s",
                       collector.Cause("no reason given").c_str());
    if (plan->Signature() != words[kSignature])
        return fn_fail(err, FN_ERR_ARGUMENT, "an input has changed since the table was opened");
    remote.work.plan = plan;
    if (words[kWithNear] == "1")
        remote.work.near = NearSide::Read(*plan, handles, messages, err);
    return words[kWithNear] == "1" && !remote.work.near ? err->status : FN_OK;
}

static fn_status PrepareJob(const Words &words, fn_job *job, std::string *answer, fn_error *err)
{
    auto *remote = new RemoteTable(); /* lives as long as the process */
    if (words.size() < kOpenOptions || !remote->work.split.FromWords(&words[kSplit]))
        return fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
    remote->threads = atoi(words[kThreads].c_str());
    remote->config = ThreadConfig();
    ConfigureWorker(remote->config.List(), 1); /* threads of the helper would be missing in its workers */
    Notes messages;
    const fn_status status = MakeTable(words, *remote, messages, err);
    if (status != FN_OK)
        return status;
    VSICurlClearCache(); /* nor may a connection cross the fork */
    const size_t features = remote->work.near ? fn_near_count(remote->work.near->Set()) : 0;
    size_t bytes = 0;
    void *packed = NotesToBytes(nullptr, new Notes(std::move(messages)), &bytes);
    const std::string notes(static_cast<const char *>(packed), packed ? bytes : 0);
    free(packed);
    *answer = Pack({std::to_string(features), notes});

    job->user = remote;
    job->worker_open = [](void *user, int, fn_error *error) -> void * {
        const auto *table = static_cast<const RemoteTable *>(user);
        return GuardedTask<void *>(error, "a worker cannot begin", nullptr, [&] {
            return Worker::Open(table->work, table->config.List(), table->threads, error).release();
        });
    };
    job->worker_run = [](void *, void *worker, fn_task *task, fn_error *error) {
        return RunTask(static_cast<Worker *>(worker), Worker::PurposeOf(task->bytes), task, error);
    };
    job->worker_close = [](void *, void *worker) { delete static_cast<Worker *>(worker); };
    return FN_OK;
}

} // namespace fishnet::neartable

fn_status fishnet::PrepareNearJob(const Words &words, fn_job *job, std::string *answer, fn_error *err)
{
    return neartable::PrepareJob(words, job, answer, err);
}
