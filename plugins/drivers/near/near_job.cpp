#include "near_job.h"

#include <algorithm>
#include <utility>

#include "worker.h"

namespace fishnet::neartable
{

NearJob::NearJob(std::shared_ptr<const NearPlan> thePlan, InputSplit theSplit, bool searches)
    : Job(thePlan->workers.threads), plan(std::move(thePlan)), split(std::move(theSplit)), m_searches(searches)
{
}

size_t Budget(const NearPlan &plan)
{
    constexpr size_t kLeast = 16 << 20, kEach = 4;
    const size_t part = PartBuilder::BytesFor(plan, kPartRows, 0);
    return std::max(kLeast, kEach * part * static_cast<size_t>(plan.workers.workers));
}

/* ---- for another process ---- */

/* Words: these, then the split, then the open options. */
enum : size_t { kSignature, kSearches, kConnection, kSplit, kOpenOptions = kSplit + InputSplit::kWords };

JobDescription NearJob::Describe() const
{
    Words words = {plan->Signature(), m_searches ? "1" : "0", plan->options.connection};
    const Words numbers = split.ToWords();
    words.insert(words.end(), numbers.begin(), numbers.end());
    for (int i = 0; i < plan->options.openOptions.size(); i++)
        words.emplace_back(plan->options.openOptions[i]);
    return {"near", std::move(words), plan->folder, InputsOf(*plan)};
}

std::unique_ptr<Job> NearJob::FromWords(const Words &words, int threads, fn_error *err)
{
    std::unique_ptr<NearJob> job(new NearJob(threads));
    if (words.size() < kOpenOptions || !job->split.FromWords(&words[kSplit])) {
        fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
        return nullptr;
    }
    job->m_signature = words[kSignature];
    job->m_searches = words[kSearches] == "1";
    job->m_connection = words[kConnection];
    for (size_t i = kOpenOptions; i < words.size(); i++)
        job->m_openOptions.AddString(words[i].c_str());
    return job;
}

fn_status NearJob::Prepare(Notes &messages, const GoesOn &goesOn, fn_error *err)
{
    Options options;
    MessageCollector collector; /* the host has heard them */
    if (!options.Parse(m_connection.c_str(), m_openOptions.List()))
        return fn_fail(err, FN_ERR_ARGUMENT, "%s", collector.Cause("the options make no sense").c_str());
    options.workers.processes = 1;
    Handles handles;
    plan = NearPlan::Make(options, handles);
    if (!plan)
        return fn_fail(err, FN_ERR_READ, "the helper process cannot open the inputs: %s",
                       collector.Cause("no reason given").c_str());
    if (plan->Signature() != m_signature)
        return fn_fail(err, FN_ERR_ARGUMENT, "an input has changed since the table was opened");
    if (m_searches)
        near = NearSide::Read(*plan, handles, messages, err, goesOn);
    return m_searches && !near ? err->status : FN_OK;
}

std::string NearJob::Answer() const
{
    return std::to_string(near ? fn_near_count(near->Set()) : 0);
}

/* ---- in the host ---- */

std::unique_ptr<JobWorker> NearJob::OpenWorker(fn_error *err)
{
    return NearWorker::Open(*this, err);
}

size_t NearJob::TaskBytes(int64_t task, int variant) const
{
    constexpr size_t kField = 16; /* bytes of a carried field, about */
    if (variant != Rows)
        return sizeof(PartHeader);
    const auto features = static_cast<size_t>(split.TaskSize(task));
    const size_t closest = std::min<size_t>(plan->limits.closest, kPartRows);
    const size_t rows = std::min<size_t>(features * closest, kPartRows);
    const size_t nearFields = plan->CarriesNearRecords() ? plan->nearFields.size() : 0;
    return PartBuilder::BytesFor(*plan, rows,
                                 (std::min(features, rows) * plan->fields.size() + rows * nearFields) * kField);
}

} // namespace fishnet::neartable
