#include "passes.h"

#include <algorithm>
#include <utility>

namespace fishnet::neartable
{

Passes::Passes(std::shared_ptr<const NearPlan> plan, SharedDatasets datasets, std::shared_ptr<const NearSide> near,
               std::shared_ptr<InputWatch> watch)
    : m_plan(std::move(plan)), m_datasets(std::move(datasets)), m_watch(std::move(watch)), m_near(std::move(near))
{
    if (m_near)
        m_nearFeatures = static_cast<int64_t>(fn_near_count(m_near->Set()));
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

bool Passes::ReadNear()
{
    static const Handles none;
    for (int tried = 1; !m_near; tried++) {
        Notes messages;
        fn_error err;
        m_near = NearSide::Read(*m_plan, tried == 1 ? *m_datasets : none, messages, &err);
        if (!m_near && !WaitToTryAgain(tried, m_plan->workers.retries, &err)) {
            EmitError(*m_plan, err);
            return false;
        }
        if (m_near)
            for (const Message &message : messages)
                Emit(message);
    }
    m_nearFeatures = static_cast<int64_t>(fn_near_count(m_near->Set()));
    return true;
}

/* The helper that there is, or another one if that is busy. NULL after CPLError. */
std::shared_ptr<Helper> Passes::PrepareHelper(const InputSplit &split, bool withNear)
{
    if (m_helper && !m_helper->IsBusy() && m_helperSplit == split)
        return m_helper;
    fn_error err;
    Notes messages;
    std::string nearFeatures;
    const auto job = std::make_shared<NearJob>(m_plan, split, withNear);
    const std::shared_ptr<Helper> made = Helper::New(job, m_plan->workers, Budget(*m_plan), &err);
    if (!made || made->Start(messages, nearFeatures, &err) != FN_OK) {
        EmitError(*m_plan, err);
        return nullptr;
    }
    if (!withNear)
        return made;
    if (m_nearFeatures < 0) /* or else the host has heard them before */
        for (const Message &message : messages)
            Emit(message);
    m_nearFeatures = CPLAtoGIntBig(nearFeatures.c_str());
    m_helper = made;
    m_helperSplit = split;
    return made;
}

bool Passes::Start(Session &session, Purpose purpose)
{
    const bool withNear = purpose != CountUsable;
    if (!m_plan->UsesProcesses())
        return (!withNear || ReadNear()) && session.Start(withNear ? m_near : nullptr, nullptr);
    const std::shared_ptr<Helper> helper = PrepareHelper(session.GetSplit(), withNear);
    return helper && session.Start(nullptr, helper);
}

bool Passes::CheckInputs(bool all) const
{
    const std::string why = m_watch ? m_watch->WhyNot(all) : std::string();
    if (!why.empty())
        CPLError(CE_Failure, CPLE_FileIO, "NEARTABLE:%s: %s", m_plan->input.name.c_str(), why.c_str());
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
    SessionHandle session(Session::Open(m_plan, purpose, std::move(datasets)).release(), End{this});
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

bool Passes::CanCountFast() const
{
    const Options &options = m_plan->options;
    if (options.closest == kAll)
        return false;
    const bool limited = options.radius.given || options.minRadius.given || m_plan->HasGroups();
    return !limited || (options.closest == 1 && options.unmatchedNull);
}

/* Finds out how many near features there are. */
bool Passes::CountNear()
{
    if (m_nearFeatures >= 0)
        return true;
    if (!m_plan->UsesProcesses())
        return ReadNear();
    InputSplit split;
    return InputSplit::Choose(*m_plan, (*m_datasets)[m_plan->input.dataset].get(), split) && PrepareHelper(split, true);
}

GIntBig Passes::Count(const Session *beside)
{
    const Options &options = m_plan->options;
    const bool onceEach = options.closest == 1 && options.unmatchedNull;
    PartHeader sum;
    bool fast = CanCountFast();
    if (!PrepareDatasets() || (!onceEach && !CountNear()))
        return -1;
    int64_t each = 1;
    if (fast && !onceEach) {
        /* How many neighbours every usable feature has. That is certain if enough near features are left without those
         * that may be excluded. */
        const size_t excluded = m_plan->excluded.layer == -1  ? 0
                                : m_plan->excluded.layer >= 0 ? 1
                                                              : m_plan->near.size();
        const auto near = static_cast<size_t>(m_nearFeatures);
        each = static_cast<int64_t>(std::min(options.closest, near));
        fast = excluded == 0 || near >= options.closest + excluded;
    }
    const auto add = [&sum](const PartView &part, const fn_part &) {
        sum.rows += part.header.rows;
        sum.features += part.header.features;
        sum.unusable.Add(part.header.unusable);
        return true;
    };
    if (!Run(fast ? CountUsable : CountRows, beside, add))
        return -1;
    if (!fast)
        return sum.rows;
    if (onceEach)
        return sum.features;
    const int64_t usable = sum.features - sum.unusable.Total();
    const int64_t rows = usable * each;
    if (!options.unmatchedNull)
        return rows;
    return rows + sum.unusable.Total() + (each == 0 ? usable : 0);
}

} // namespace fishnet::neartable
