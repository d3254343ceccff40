#include "part_run.h"

#include <algorithm>
#include <utility>

#include "job_run.h"

namespace fishnet
{

bool PartJob::FindTodo(const output::OutputFolder &outputs, const std::vector<int64_t> &wanted,
                       const std::function<std::string(int64_t part)> &failures)
{
    run = outputs.Run();
    m_wanted = wanted;
    for (const int64_t part : wanted) {
        bool there = false;
        if (!outputs.Find(File(part), failures(part), there))
            return false;
        if (!there)
            todo.push_back(part);
    }
    return true;
}

bool PartJob::IsDone(output::OutputFolder &outputs, const output::OutputRecipe &recipe) const
{
    if (!outputs.Look())
        return false;
    for (const int64_t part : m_wanted) {
        bool there = false;
        if (!outputs.Find(File(part), std::string(), there))
            return false;
        if (!there) {
            CPLError(CE_Failure, CPLE_FileIO, "%s: %s/%s was written, and is not there any more", Driver(),
                     folder.c_str(), File(part).c_str());
            return false;
        }
    }
    if (outputs.IsStill(recipe))
        return true;
    for (const int64_t part : todo) /* another job has the folder: what this run has written is not its */
        output::Remove(Driver(), folder + "/" + File(part));
    return false;
}

bool PartJob::IsComplete(const output::OutputFolder &outputs, const PartGrid &grid) const
{
    constexpr size_t kMost = 10;
    if (todo.empty() && !outputs.IsBusy())
        return true;
    if (todo.empty()) {
        CPLError(CE_Failure, CPLE_AppDefined, "%s: ASSEMBLE: all %s in %s are there, and a run is still at work there",
                 Driver(), outputs.What(), folder.c_str());
        return false;
    }
    std::vector<int> shares;
    if (!outputs.ReadShares(shares))
        return false;
    std::string names;
    for (size_t i = 0; i < std::min(kMost, todo.size()); i++)
        names += (i ? ", " : "") + File(todo[i]);
    if (todo.size() > kMost)
        names += " and " + std::to_string(todo.size() - kMost) + " more";
    for (size_t i = 0; i < shares.size(); i++)
        names += (i ? ", or " : "; run the shares ") + NameShares(grid, shares[i], todo);
    if (outputs.IsBusy())
        names += "; a run is still at work there";
    CPLError(CE_Failure, CPLE_AppDefined, "%s: ASSEMBLE: %lld of %lld %s in %s are missing: %s", Driver(),
             static_cast<long long>(todo.size()), static_cast<long long>(PartCount()), outputs.What(), folder.c_str(),
             names.c_str());
    return false;
}

void PartJob::Ended(const fn_report &report, bool byProcess)
{
    if (report.status != FN_OK && byProcess && m_outputs)
        m_outputs->RemovePart(Stem(PartOf(report.task)), report.process);
}

/* One run over all parts that are not there yet. */
class PartRun
{
  public:
    PartRun(std::shared_ptr<PartJob> job, const output::OutputFolder &outputs, GDALProgressFunc progress,
            void *progressData)
        : m_job(std::move(job)), m_progress(progress), m_progressData(progressData),
          m_done(static_cast<int64_t>(m_job->m_wanted.size()) - m_job->TaskCount())
    {
        m_job->m_outputs = &outputs;
    }
    ~PartRun() { Stop(); }
    PartRun(const PartRun &) = delete;
    PartRun &operator=(const PartRun &) = delete;

    /* False: the user has had enough. */
    bool Progress(int64_t more, double underWay = 0);
    /* Prepares the job, in this process or in the helper. */
    fn_status Begin(const JobRunOptions &options, fn_error *err);
    fn_status Write(InputWatch *watch, fn_error *err);

  private:
    fn_status Wait(fn_error *err);
    void Stop();

    std::shared_ptr<PartJob> m_job;
    GDALProgressFunc m_progress;
    void *m_progressData;
    int64_t m_done;
    double m_most = 0; /* that has been told */
    std::unique_ptr<JobRun> m_run;
};

bool PartRun::Progress(int64_t more, double underWay)
{
    m_done += more;
    const auto all = static_cast<double>(m_job->m_wanted.size());
    const double share = all > 0 ? (static_cast<double>(m_done) + underWay) / all : 1; /* an empty share */
    m_most = std::max(m_most, share); /* a part that is tried again begins anew */
    return m_progress(m_most, "", m_progressData) != 0;
}

fn_status PartRun::Begin(const JobRunOptions &options, fn_error *err)
{
    Notes messages;
    std::string answer;
    std::shared_ptr<Helper> helper;
    const GoesOn goesOn = [this] { return Progress(0); };
    if (options.workers.processes > 0) {
        if (!Progress(0))
            return fn_fail(err, FN_ERR_CANCELLED, kStopped);
        helper = Helper::New(m_job, options.workers, options.budget, err);
        if (!helper || helper->Start(messages, answer, err) != FN_OK)
            return err->status;
    } else
        for (int tried = 1; m_job->Prepare(messages, goesOn, err) != FN_OK; tried++)
            if (!WaitToTryAgain(tried, options.workers.retries, err))
                return err->status;
    for (const Message &message : messages)
        Emit(message);
    m_run = JobRun::New(m_job, ResultKind::InOrder, options, helper, err);
    return m_run ? FN_OK : err->status;
}

/* Tells how far the parts are that are being written, until one is whole. */
fn_status PartRun::Wait(fn_error *err)
{
    constexpr double kSeconds = 0.5;
    double underWay = 0;
    for (bool ready = false; !ready;) {
        if (fn_stream_wait(m_run->Stream(), kSeconds, &ready, &underWay, err) != FN_OK)
            return err->status;
        if (!ready && !Progress(0, underWay))
            return fn_fail(err, FN_ERR_CANCELLED, kStopped);
    }
    return FN_OK;
}

fn_status PartRun::Write(InputWatch *watch, fn_error *err)
{
    for (fn_part part = {};;) {
        if (Wait(err) != FN_OK)
            return err->status;
        fn_status status = fn_stream_next(m_run->Stream(), &part, err);
        if (status == FN_OK && !part.data)
            status = m_run->Log().Check(err);
        const std::string why = watch ? watch->WhyNot(!part.data) : std::string();
        if (!why.empty())
            return fn_fail(err, FN_ERR_READ, "%s", why.c_str());
        if (status != FN_OK || !part.data)
            return status;
        m_job->Written(m_job->PartOf(part.task), part.data, part.bytes);
        if (!Progress(1))
            return fn_fail(err, FN_ERR_CANCELLED, kStopped);
    }
}

/* Nothing unfinished stays behind, whoever was writing it. A share that had nothing to write looks for nothing of its
 * own among very many names. */
void PartRun::Stop()
{
    m_run.reset();
    const bool idleShare = m_job->todo.empty() && !m_job->run.empty();
    const output::OutputFolder *outputs = std::exchange(m_job->m_outputs, nullptr);
    if (outputs && !idleShare)
        GuardedQuietly(false, [outputs] { return outputs->RemoveParts(); }); /* what stays, the next run removes */
}

bool WriteParts(const std::shared_ptr<PartJob> &job, const output::OutputFolder &outputs, fn_worker_options workers,
                const ReportFiles &reports, InputWatch *watch, GDALProgressFunc progress, void *progressData)
{
    constexpr size_t kBudget = 1 << 20; /* results are small */
    fn_error err;
    PartRun run(job, outputs, progress, progressData);
    fn_status status = FN_OK;
    if (job->todo.empty()) {
        TaskLog log(reports.log, job->Driver());
        status = run.Progress(0) ? log.Begin(&err) : fn_fail(&err, FN_ERR_CANCELLED, kStopped);
        log.End();
        if (status == FN_OK)
            status = log.Check(&err);
    } else {
        workers.workers = static_cast<int>(std::min<int64_t>(workers.workers, job->TaskCount()));
        status = run.Begin({workers, kBudget, reports, 0}, &err);
        if (status == FN_OK)
            status = run.Write(watch, &err);
    }
    if (status == FN_ERR_CANCELLED)
        CPLError(CE_Failure, CPLE_UserInterrupt, "%s", err.text);
    else if (status != FN_OK)
        job->Fail(err);
    return status == FN_OK;
}

} // namespace fishnet
