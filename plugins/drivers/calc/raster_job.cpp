#include "raster_job.h"

#include <utility>

#include "patient_files.h"
#include "worker.h"

namespace fishnet
{

Words InputsOf(const Plan &plan)
{
    Words inputs;
    for (const Input &input : plan.inputs)
        inputs.push_back(PlainName(input.path));
    return inputs;
}

RasterJob::RasterJob(std::shared_ptr<const Plan> plan, PlanSource source, std::string signature, int threads,
                     bool errorIsNoData)
    : Job(threads), m_plan(std::move(plan)), m_source(std::move(source)), m_signature(std::move(signature)),
      m_blocks(NewSharedBlocks(m_plan, m_source.sharedBytes)), m_errorIsNoData(errorIsNoData)
{
}

/* ---- for another process ---- */

/* Words: these, then the open options. */
enum : size_t { kSignature, kOverview, kConnection, kSharedBytes, kOpenOptions };

JobDescription RasterJob::Describe() const
{
    Words words = {m_signature, std::to_string(m_source.overview), m_source.connection,
                   std::to_string(m_source.sharedBytes)};
    for (int i = 0; i < m_source.openOptions.size(); i++)
        words.emplace_back(m_source.openOptions[i]);
    return {"raster", std::move(words), m_source.folder, InputsOf(*m_plan)};
}

std::unique_ptr<Job> RasterJob::FromWords(const Words &words, int threads, fn_error *err)
{
    if (words.size() < kOpenOptions) {
        fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told too little");
        return nullptr;
    }
    PlanSource source;
    source.connection = words[kConnection];
    source.overview = atoi(words[kOverview].c_str());
    source.sharedBytes = static_cast<size_t>(strtoull(words[kSharedBytes].c_str(), nullptr, 10));
    for (size_t i = kOpenOptions; i < words.size(); i++)
        source.openOptions.AddString(words[i].c_str());
    return std::make_unique<RasterJob>(nullptr, std::move(source), words[kSignature], threads, false);
}

std::unique_ptr<JobWorker> RasterJob::OpenWorker(fn_error *err)
{
    return m_plan ? Worker::Open(m_plan, m_blocks, err) : Worker::OpenRemote(m_source, m_signature, err);
}

/* ---- in the host ---- */

int64_t RasterJob::TaskCount() const
{
    return fn_grid_tile_count(&m_plan->grid) * static_cast<int64_t>(m_plan->groups.size());
}

std::string RasterJob::TaskName(int64_t task) const
{
    return "tile " + fishnet::Describe(m_plan->InputWindow(task));
}

bool RasterJob::Complete(fn_task &task, Notes &messages, const fn_error &err)
{
    m_plan->FillNoData(task.number, task.result);
    m_failed.Add(task.number, err, messages);
    return true;
}

void RasterJob::Stopped()
{
    m_blocks->Report();
}

} // namespace fishnet
