#include "table_job.h"

#include <algorithm>
#include <utility>

#include "table_kind.h"
#include "table_worker.h"

namespace fishnet
{

TableJob::TableJob(std::shared_ptr<const TablePlan> thePlan, InputSplit theSplit, bool shares)
    : Job(thePlan->workers.threads), plan(std::move(thePlan)), split(std::move(theSplit)), m_shares(shares)
{
}

bool ChooseSplit(const TablePlan &plan, Purpose purpose, const Handles &datasets, InputSplit &split)
{
    if (purpose == CountUsable || !plan.RowsAreShared())
        return InputSplit::Choose(plan, datasets[plan.input.dataset].get(), split);
    split = InputSplit::OfRows(plan);
    return true;
}

size_t Budget(const TablePlan &plan)
{
    constexpr size_t kLeast = 16 << 20, kEach = 4;
    const size_t part = PartBuilder::BytesFor(plan.schema, kPartRows, 0);
    return std::max(kLeast, kEach * part * static_cast<size_t>(plan.workers.workers));
}

/* ---- for another process ---- */

/* Words: these, then the split, the format of pieces, and the open options. */
enum : size_t {
    kDriver,
    kSignature,
    kShares,
    kConnection,
    kSplit,
    kPieces = kSplit + InputSplit::kWords,
    kOpenOptions = kPieces + PieceFormat::kWords
};

JobDescription TableJob::Describe() const
{
    Words words = {plan->driver, plan->Signature(), m_shares ? "1" : "0", plan->connection};
    const Words numbers = split.ToWords();
    words.insert(words.end(), numbers.begin(), numbers.end());
    const Words format = (pieces ? *pieces : PieceFormat()).ToWords();
    words.insert(words.end(), format.begin(), format.end());
    for (int i = 0; i < plan->openOptions.size(); i++)
        words.emplace_back(plan->openOptions[i]);
    return {kTableJob, std::move(words), plan->folder, plan->Inputs()};
}

std::unique_ptr<Job> TableJob::FromWords(const Words &words, int threads, fn_error *err)
{
    std::unique_ptr<TableJob> job(new TableJob(threads));
    job->m_kind = words.size() < kOpenOptions ? nullptr : FindTableKind(words[kDriver]);
    auto pieces = std::make_shared<PieceFormat>();
    if (!job->m_kind || !job->split.FromWords(&words[kSplit]) || !pieces->FromWords(&words[kPieces])) {
        fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
        return nullptr;
    }
    job->pieces = std::move(pieces);
    job->m_signature = words[kSignature];
    job->m_shares = words[kShares] == "1";
    job->m_connection = words[kConnection];
    for (size_t i = kOpenOptions; i < words.size(); i++)
        job->m_openOptions.AddString(words[i].c_str());
    return job;
}

fn_status TableJob::Prepare(Notes &messages, const GoesOn &goesOn, fn_error *err)
{
    const std::unique_ptr<TableOptions> options = m_kind->newOptions();
    MessageCollector collector; /* the host has heard them */
    if (!options->Parse(*m_kind, m_connection.c_str(), m_openOptions.List()))
        return fn_fail(err, FN_ERR_ARGUMENT, "%s", collector.Cause("the options make no sense").c_str());
    options->workers.processes = 1;
    Handles handles;
    plan = TablePlan::Make(*m_kind, *options, handles);
    if (!plan)
        return fn_fail(err, FN_ERR_READ, "the helper process cannot open the inputs: %s",
                       collector.Cause("no reason given").c_str());
    if (plan->Signature() != m_signature)
        return fn_fail(err, FN_ERR_ARGUMENT, "an input has changed since the table was opened");
    const bool shares = m_shares && plan->Shares();
    if (shares)
        shared = plan->Share(handles, messages, goesOn, err);
    if (shares && !shared)
        return err->status;
    return shares ? shared->Complete(messages, err) : FN_OK;
}

std::string TableJob::Answer() const
{
    return std::to_string(shared ? shared->Size() : 0);
}

/* ---- in the host ---- */

std::unique_ptr<JobWorker> TableJob::OpenWorker(fn_error *err)
{
    return TableWorker::Open(*this, err);
}

void TableJob::Tell(const Message &message, const std::string &task, long process)
{
    if (!pieces || message.level != CE_Warning || m_warnings.insert(message.text).second)
        Job::Tell(message, task, process);
}

size_t TableJob::TaskBytes(int64_t task, int variant) const
{
    constexpr size_t kField = 16; /* bytes of a carried field, about */
    if (variant != Rows)          /* pieces are as long as they are */
        return sizeof(PartHeader);
    const auto features = static_cast<size_t>(split.TaskSize(task));
    const size_t rows = std::min<size_t>(plan->RowsOfTask(split.TaskSize(task)), kPartRows);
    return PartBuilder::BytesFor(
        plan->schema, rows, std::min(features, rows) * plan->fields.size() * kField + rows * plan->OtherRecordBytes());
}

} // namespace fishnet
