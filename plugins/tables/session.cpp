#include "session.h"

#include <utility>

namespace fishnet
{

std::unique_ptr<Session> Session::Open(std::shared_ptr<const TablePlan> plan, Purpose purpose,
                                       std::shared_ptr<const PieceFormat> pieces, SharedDatasets datasets)
{
    InputSplit split;
    if (!ChooseSplit(*plan, purpose, *datasets, split))
        return nullptr;
    std::unique_ptr<Session> self(new Session());
    self->m_purpose = purpose;
    self->m_job = std::make_shared<TableJob>(std::move(plan), std::move(split), purpose != CountUsable);
    TableJob &job = *self->m_job;
    job.pieces = std::move(pieces);
    if (job.split.way != InputSplit::Way::OneReader || job.plan->UsesProcesses())
        return self;
    job.oneReader = std::make_unique<OneReader>(job.plan->input, job.split, std::move(datasets));
    if (!job.plan->HasGroups()) /* groups are known when what is shared is */
        self->m_readAhead = std::make_unique<ReadAhead>(*job.plan, *job.oneReader, job.Config());
    return self;
}

Session::~Session()
{
    if (m_readAhead)
        m_readAhead->Cancel();
}

bool Session::Start(std::shared_ptr<const Shared> shared, std::shared_ptr<Helper> helper)
{
    const TablePlan &plan = *m_job->plan;
    m_job->shared = std::move(shared);
    m_readAhead.reset();
    JobRunOptions options = {};
    options.workers = plan.workers;
    options.budget = Budget(plan);
    options.variant = m_purpose;
    if (MakesRows(m_purpose))
        options.reports = plan.reports;
    fn_error err;
    m_run.reset(JobRun::New(m_job, ResultKind::InOrder, options, std::move(helper), &err).release());
    if (!m_run)
        EmitError(plan, err);
    return m_run != nullptr;
}

/* Goes on with what the rows are made of, until there is a part. */
fn_status Session::GoOn(fn_error *err)
{
    const Shared *shared = m_job->shared.get();
    bool ready = false;
    while (shared && !shared->IsWhole()) {
        if (fn_stream_wait(m_run->Stream(), 0, &ready, nullptr, err) != FN_OK)
            return err->status;
        if (ready)
            return FN_OK;
        Notes messages;
        if (shared->GoOn(messages, err) != FN_OK)
            return err->status;
        for (const Message &message : messages)
            Emit(message);
    }
    return FN_OK;
}

bool Session::Next(PartView *part, bool *failed, fn_part *bytes)
{
    fn_part data;
    fn_error err;
    do
        *failed = GoOn(&err) != FN_OK || fn_stream_next(m_run->Stream(), &data, &err) != FN_OK;
    while (!*failed && data.data && data.bytes < sizeof(PartHeader)); /* nothing more of a task */
    *failed = *failed || (!data.data && m_run->Log().Check(&err) != FN_OK);
    if (*failed)
        EmitError(*m_job->plan, err);
    if (*failed || !data.data)
        return false;
    if (bytes)
        *bytes = data;
    if (m_purpose != Rows)
        memcpy(&part->header, data.data, sizeof(PartHeader));
    else if (!part->Open(m_job->plan->schema, data.data, data.bytes)) {
        fn_fail(&err, FN_ERR_SYSTEM, "%s: a worker gave rows that make no sense",
                m_job->split.Describe(data.task).c_str());
        EmitError(*m_job->plan, err);
        *failed = true;
    }
    return !*failed;
}

} // namespace fishnet
