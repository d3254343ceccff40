#include "side_reader.h"

#include <map>
#include <mutex>

#include "file_names.h"
#include "job_run.h"

namespace fishnet::neartable
{

static fn_status FailToRead(const LayerPlan &layer, fn_status status, int64_t after, const std::string &cause,
                            fn_error *err)
{
    return fn_fail(err, status, "%.400s cannot be read after the first %lld features: %.500s", Describe(layer).c_str(),
                   static_cast<long long>(after), cause.c_str());
}

/* ---- by all workers ---- */

namespace
{
/* Ranges of the layer are its tasks. What has been read of them waits here. */
class SideJob final : public Job
{
  public:
    SideJob(std::shared_ptr<const NearPlan> plan, const SideSource &source, InputSplit split,
            Extractor::GroupOf groupOf, Notes &messages)
        : Job(plan->workers.threads), m_plan(std::move(plan)), m_layer(source.layer), m_split(std::move(split)),
          m_groupOf(std::move(groupOf)), m_messages(messages)
    {
        if (m_split.way == InputSplit::Way::OneReader)
            m_oneReader = std::make_unique<OneReader>(m_layer, m_split, source.datasets);
    }

    std::unique_ptr<JobWorker> OpenWorker(fn_error *err) override;
    const char *Failure() const override { return "near features cannot be read"; }
    JobDescription Describe() const override { return {}; } /* there is no other process */
    const char *Driver() const override { return m_plan->driver; }
    int64_t TaskCount() const override { return m_split.TaskCount(); }
    size_t TaskBytes(int64_t, int) const override { return kTaskBytes; }
    std::string TaskName(int64_t task) const override { return "near " + m_split.Describe(task); }
    void Tell(const Message &message, const std::string &, long) override { m_messages.push_back(message); }

    Batch Take(int64_t task);
    static constexpr size_t kTaskBytes = 64; /* which say no more than that the task is done */

  private:
    class Worker;

    const std::shared_ptr<const NearPlan> m_plan;
    const LayerPlan &m_layer;
    const InputSplit m_split;
    const Extractor::GroupOf m_groupOf;
    Notes &m_messages;
    std::unique_ptr<OneReader> m_oneReader; /* NULL: each worker reads for itself */
    std::mutex m_mutex;
    std::map<int64_t, Batch> m_read; /* by task */
};

class SideJob::Worker final : public JobWorker
{
  public:
    Worker(SideJob &job, std::unique_ptr<TaskReader> reader) : m_job(job), m_reader(std::move(reader)) {}
    ~Worker() override
    {
        MessageCollector collector; /* nobody is there to hear them any more */
        m_reader.reset();
    }

    fn_status Run(fn_task &task, Notes &messages, fn_error *err) override
    {
        MessageCollector collector;
        const Batch *batch = nullptr;
        std::string cause;
        bool end = false;
        const fn_status status = m_reader->Read(task.number, task.cancel, &batch, &end, collector, cause);
        if (status == FN_ERR_CANCELLED)
            return fn_fail(err, status, "cancelled");
        if (status != FN_OK)
            return fn_fail(err, status, "%.500s", cause.c_str());
        if (end) {
            fn_stream_end(&task);
            task.bytes = 0;
            return FN_OK;
        }
        messages = std::move(collector.messages);
        task.bytes = 1;
        const std::lock_guard<std::mutex> lock(m_job.m_mutex);
        m_job.m_read[task.number] = m_reader->TakeBatch(task.number);
        return FN_OK;
    }

  private:
    SideJob &m_job;
    std::unique_ptr<TaskReader> m_reader;
};
} // namespace

std::unique_ptr<JobWorker> SideJob::OpenWorker(fn_error *err)
{
    fn_status status = FN_OK;
    std::string cause;
    auto reader =
        TaskReader::Open(*m_plan, m_layer, m_plan->nearFields, m_groupOf, m_split, m_oneReader.get(), &status, cause);
    if (reader)
        return std::make_unique<Worker>(*this, std::move(reader));
    fn_fail(err, status, "a worker cannot open it again: %.500s", cause.c_str());
    return nullptr;
}

Batch SideJob::Take(int64_t task)
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    const auto found = m_read.find(task);
    Batch batch;
    if (found != m_read.end()) {
        batch = std::move(found->second);
        m_read.erase(found);
    }
    return batch;
}

static fn_status ReadByWorkers(const NearPlan &plan, const SideSource &source, const InputSplit &split,
                               const Extractor::GroupOf &groupOf, const VisitSide &visit, Notes &messages,
                               const GoesOn &goesOn, fn_error *err)
{
    constexpr size_t kTasksEach = 3; /* under way for each worker */
    const auto self = std::static_pointer_cast<const NearPlan>(plan.shared_from_this());
    const auto job = std::make_shared<SideJob>(self, source, split, groupOf, messages);
    JobRunOptions options = {};
    options.workers = plan.workers;
    options.workers.retries = 0; /* the whole side is tried again */
    const int readers = IsRemoteName(source.layer.name) ? plan.workers.readers : 0;
    options.workers.workers =
        static_cast<int>(std::min<int64_t>(std::max(plan.workers.workers, readers), split.TaskCount()));
    options.budget = kTasksEach * SideJob::kTaskBytes * static_cast<size_t>(options.workers.workers);
    const JobRunHandle run(JobRun::New(job, ResultKind::InOrder, options, nullptr, err).release());
    if (!run)
        return err->status;
    for (int64_t count = 0;;) {
        fn_part part = {};
        fn_error reason = {};
        if (fn_stream_next(run->Stream(), &part, &reason) != FN_OK)
            return FailToRead(source.layer, reason.status, count, reason.text, err);
        if (!part.data)
            return FN_OK;
        if (part.bytes == 0)
            continue;
        const Batch batch = job->Take(part.task);
        count += static_cast<int64_t>(batch.Count());
        if (visit(batch, err) != FN_OK)
            return err->status;
        if (goesOn && !goesOn())
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled while the near side was read");
    }
}

/* ---- by this thread ---- */

static fn_status ReadHere(const NearPlan &plan, const SideSource &source, const InputSplit &split,
                          const Extractor::GroupOf &groupOf, const VisitSide &visit, Notes &messages,
                          const GoesOn &goesOn, fn_error *err)
{
    static const volatile bool never = false;
    MessageCollector collector;
    std::string cause;
    fn_status status = FN_OK;
    int64_t count = 0;
    OneReader one(source.layer, split, source.datasets);
    const auto reader = TaskReader::Open(plan, source.layer, plan.nearFields, groupOf, split, &one, &status, cause);
    if (!reader)
        return fn_fail(err, status, "%.400s cannot be transformed: %.500s", Describe(source.layer).c_str(),
                       cause.c_str());
    for (int64_t task = 0;; task++) {
        const Batch *batch = nullptr;
        bool end = false;
        fn_pool_alive();
        status = reader->Read(task, &never, &batch, &end, collector, cause);
        if (goesOn && (!end || task == 0) && !goesOn())
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled while the near side was read");
        if (status != FN_OK)
            return FailToRead(source.layer, status, count, cause, err);
        if (end)
            break;
        count += static_cast<int64_t>(batch->Count());
        if (visit(*batch, err) != FN_OK)
            return err->status;
        reader->Done(task);
    }
    messages.insert(messages.end(), collector.messages.begin(), collector.messages.end());
    return FN_OK;
}

fn_status ReadSide(const NearPlan &plan, const SideSource &source, bool all, const Extractor::GroupOf &groupOf,
                   const VisitSide &visit, Notes &messages, const GoesOn &goesOn, fn_error *err)
{
    constexpr int64_t kPoints = 16384, kOthers = 1024; /* features of a task */
    InputSplit split;
    MessageCollector collector;
    if (all && !InputSplit::ChooseWhole(plan, source.layer, (*source.datasets)[source.layer.dataset].get(), split))
        return fn_fail(err, FN_ERR_READ, "%.400s cannot be read: %.500s", Describe(source.layer).c_str(),
                       collector.Cause("no reason given").c_str());
    split.size = source.layer.points ? kPoints : kOthers;
    split.early = 0;
    const bool several = plan.workers.workers > 1 || IsRemoteName(source.layer.name);
    if ((split.way != InputSplit::Way::OneReader || split.raw) && split.TaskCount() > 1 && several &&
        !plan.UsesProcesses())
        return ReadByWorkers(plan, source, split, groupOf, visit, messages, goesOn, err);
    split.way = InputSplit::Way::OneReader;
    split.begin = 0;
    split.count = INT64_MAX;
    return ReadHere(plan, source, split, groupOf, visit, messages, goesOn, err);
}

} // namespace fishnet::neartable
