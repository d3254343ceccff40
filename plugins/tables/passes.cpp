#include "passes.h"

#include <algorithm>
#include <utility>

#include "task_log.h"

namespace fishnet
{

Passes::Passes(std::shared_ptr<const TablePlan> plan, SharedDatasets datasets, std::shared_ptr<const Shared> shared,
               std::shared_ptr<InputWatch> watch)
    : m_plan(std::move(plan)), m_datasets(std::move(datasets)), m_watch(std::move(watch)), m_shared(std::move(shared))
{
    if (m_shared)
        m_sharedSize = m_shared->Size();
}

/* Opens the input again if its handles were left to workers that did not stop. */
bool Passes::PrepareDatasets()
{
    if (m_datasets)
        return true;
    auto datasets = std::make_shared<Handles>();
    datasets->push_back(OpenDataset(m_plan->input));
    if (!datasets->back())
        return false;
    m_datasets = std::move(datasets);
    return true;
}

Passes::~Passes()
{
    if (m_shared)
        m_shared->GiveUp();
}

bool Passes::MakeShared()
{
    static const Handles none;
    if (m_shared && m_shared->IsGivenUp())
        m_shared.reset();
    for (int tried = 1; m_plan->Shares() && !m_shared; tried++) {
        Notes messages;
        fn_error err;
        m_shared = m_plan->Share(tried == 1 ? *m_datasets : none, messages, m_goesOn, &err);
        if (!m_shared && !WaitToTryAgain(tried, m_plan->workers.retries, &err)) {
            EmitError(*m_plan, err);
            return false;
        }
        if (m_shared)
            for (const Message &message : messages)
                Emit(message);
    }
    m_sharedSize = m_shared ? m_shared->Size() : 0;
    return true;
}

/* The helper that there is, or another one if that is busy. NULL after CPLError. */
std::shared_ptr<Helper> Passes::PrepareHelper(const InputSplit &split, bool shares)
{
    if (m_helper && !m_helper->IsBusy() && m_helperSplit == split)
        return m_helper;
    fn_error err;
    Notes messages;
    std::string size;
    const auto job = std::make_shared<TableJob>(m_plan, split, shares);
    job->pieces = m_pieces;
    const std::shared_ptr<Helper> made = Helper::New(job, m_plan->workers, Budget(*m_plan), &err);
    if (!made || made->Start(messages, size, &err) != FN_OK) {
        EmitError(*m_plan, err);
        return nullptr;
    }
    if (!shares)
        return made;
    if (m_sharedSize < 0) /* or else the host has heard them before */
        for (const Message &message : messages)
            Emit(message);
    m_sharedSize = CPLAtoGIntBig(size.c_str());
    m_helper = made;
    m_helperSplit = split;
    return made;
}

bool Passes::Start(Session &session, Purpose purpose)
{
    const bool shares = purpose != CountUsable;
    fn_error err;
    if (CheckLog(m_plan->reports.log, &err) != FN_OK) {
        EmitError(*m_plan, err);
        return false;
    }
    if (!m_plan->UsesProcesses())
        return (!shares || MakeShared()) && session.Start(shares ? m_shared : nullptr, nullptr);
    const std::shared_ptr<Helper> helper = PrepareHelper(session.GetSplit(), shares);
    return helper && session.Start(nullptr, helper);
}

bool Passes::CheckInputs(bool all) const
{
    const std::string why = m_watch ? m_watch->WhyNot(all) : std::string();
    if (!why.empty())
        CPLError(CE_Failure, CPLE_FileIO, "%s: %s", Describe(*m_plan).c_str(), why.c_str());
    return why.empty();
}

void Passes::End::operator()(Session *session) const
{
    const std::unique_ptr<Session> owner(session);
    const bool uses = session->Uses(passes->m_datasets);
    if (!session->Close() && uses)
        passes->m_datasets.reset();
}

/* Finds the handles for a session: its own where one that is under way uses those that there are. */
bool Passes::Prepare(const Session *beside, SharedDatasets &datasets)
{
    if (!CheckInputs(true) || !PrepareDatasets())
        return false;
    datasets = m_datasets;
    if (!beside || !beside->Uses(m_datasets))
        return true;
    datasets = std::make_shared<Handles>();
    datasets->push_back(OpenDataset(m_plan->input));
    return datasets->back() != nullptr;
}

Passes::SessionHandle Passes::Open(Purpose purpose, SharedDatasets datasets)
{
    SessionHandle session(Session::Open(m_plan, purpose, m_pieces, std::move(datasets)).release(), End{this});
    if (session && !Start(*session, purpose))
        session.reset();
    return session;
}

Passes::SessionHandle Passes::Begin()
{
    SharedDatasets datasets;
    return Prepare(nullptr, datasets) ? Open(Rows, datasets) : SessionHandle(nullptr, End{this});
}

bool Passes::Run(Purpose purpose, const Session *beside, const Visit &visit)
{
    SharedDatasets datasets;
    if (!Prepare(beside, datasets))
        return false;
    const SessionHandle session = Open(purpose, datasets);
    bool failed = !session;
    PartView part;
    fn_part bytes = {};
    while (!failed && session->Next(&part, &failed, &bytes) && visit(part, bytes)) {
    }
    failed = !CheckInputs(true) || failed;
    return !failed;
}

bool Passes::RunPieces(std::shared_ptr<const PieceFormat> pieces, const GoesOn &goesOn, const Visit &visit)
{
    m_pieces = std::move(pieces);
    m_goesOn = goesOn;
    m_helper.reset(); /* it knows nothing of them */
    const bool done = Run(RowPieces, nullptr, visit);
    m_goesOn = nullptr;
    return done;
}

bool Passes::CanCountFast() const
{
    return m_plan->HowToCount(m_sharedSize) != Counting::Compute;
}

bool Passes::ReadsInOrder()
{
    InputSplit split;
    return !m_plan->RowsAreShared() && PrepareDatasets() &&
           InputSplit::ChooseWhole(*m_plan, m_plan->input, (*m_datasets)[m_plan->input.dataset].get(), split) &&
           split.way == InputSplit::Way::OneReader;
}

bool Passes::FindCuts(int64_t parts, std::vector<int64_t> &cuts, int64_t &features)
{
    cuts.clear();
    features = -1;
    if (m_plan->RowsAreShared())
        return true;
    return PrepareDatasets() &&
           InputSplit::FindCuts(*m_plan, (*m_datasets)[m_plan->input.dataset].get(), parts, cuts, features);
}

int64_t Passes::InputCount() const
{
    const size_t input = m_plan->input.dataset;
    GDALDatasetH dataset = m_datasets && input < m_datasets->size() ? (*m_datasets)[input].get() : nullptr;
    OGRLayerH layer = dataset ? GDALDatasetGetLayerByName(dataset, m_plan->input.layer.c_str()) : nullptr;
    return layer && m_plan->input.where.empty() && OGR_L_TestCapability(layer, OLCFastFeatureCount)
               ? OGR_L_GetFeatureCount(layer, FALSE)
               : -1;
}

/* What is shared may decide how the rows are counted, and how many there are. */
bool Passes::FindSharedSize()
{
    if (m_sharedSize >= 0)
        return true;
    if (!m_plan->UsesProcesses())
        return MakeShared();
    InputSplit split;
    return ChooseSplit(*m_plan, Rows, *m_datasets, split) && PrepareHelper(split, true);
}

GIntBig Passes::Count(const Session *beside)
{
    PartHeader sum;
    if (!PrepareDatasets() || (m_plan->HowToCount(m_sharedSize) != Counting::Features && !FindSharedSize()))
        return -1;
    const auto add = [&sum](const PartView &part, const fn_part &) {
        sum.rows += part.header.rows;
        sum.features += part.header.features;
        sum.unusable.Add(part.header.unusable);
        return true;
    };
    const Counting how = m_plan->HowToCount(m_sharedSize);
    if (!Run(how == Counting::Compute ? CountRows : CountUsable, beside, add))
        return -1;
    const int64_t unusable = sum.unusable.Total();
    return how == Counting::Compute    ? sum.rows
           : how == Counting::Features ? sum.features
                                       : m_plan->RowsOf(sum.features - unusable, unusable, m_sharedSize);
}

} // namespace fishnet
