#include "zone_table.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "statistics.h"

namespace fishnet::zonalstats
{

ZoneTable::ZoneTable(size_t statCount) : m_values(statCount) {}

ZoneTable::~ZoneTable() = default;

/* ---- in the making ---- */

std::shared_ptr<const ZoneTable> ZoneTable::Make(const ZonalPlan &plan, Notes &messages, const GoesOn &goesOn,
                                                 fn_error *err)
{
    return Fold(plan, nullptr, messages, goesOn, err);
}

std::shared_ptr<const ZoneTable> ZoneTable::Fold(const ZonalPlan &plan, std::shared_ptr<PartialReader> from,
                                                 Notes &messages, const GoesOn &goesOn, fn_error *err)
{
    auto table = std::make_shared<ZoneTable>(plan.StatCount());
    MessageCollector collector;
    table->m_statistics = std::make_unique<Statistics>(plan, *table, goesOn, std::move(from));
    const bool begun = table->m_statistics->Begin(err) == FN_OK;
    if (!begun || table->m_statistics->IsDone())
        table->m_statistics.reset();
    messages = std::move(collector.messages);
    if (!begun)
        return nullptr;
    CPLErrorReset(); /* of what cannot be transformed: it is counted */
    table->Sort();
    return table;
}

fn_status ZoneTable::WritePartial(const ZonalPlan &plan, int64_t part, int64_t parts, PartialWriter &to,
                                  Notes &messages, const GoesOn &goesOn, fn_error *err)
{
    ZoneTable table(plan.StatCount());
    MessageCollector collector;
    const fn_status status = Statistics(plan, table, goesOn, nullptr).WritePartial(part, parts, to, err);
    messages = std::move(collector.messages);
    if (status == FN_OK)
        CPLErrorReset();
    return status;
}

fn_status ZoneTable::GoOn(Notes &messages, fn_error *err) const
{
    if (!m_statistics)
        return fn_fail(err, m_failure.status, "%s", m_failure.text);
    fn_fail(&m_failure, FN_ERR_MEMORY, "out of memory"); /* an exception is that, and gives it up */
    MessageCollector collector;
    std::unique_ptr<Statistics> statistics = std::move(m_statistics);
    const fn_status status = statistics->GoOn(err);
    if (status != FN_OK) {
        m_failure = *err;
        GiveUp();
    } else if (!statistics->IsDone())
        m_statistics = std::move(statistics);
    else
        CPLErrorReset();
    statistics.reset();
    for (Message &message : collector.messages)
        messages.push_back(std::move(message));
    return status;
}

void ZoneTable::GiveUp() const
{
    if (IsWhole())
        return;
    m_stops = true;
    m_news.notify_all();
    m_statistics.reset();
}

void ZoneTable::Publish(int64_t zone) const
{
    {
        const std::lock_guard<std::mutex> lock(m_mutex);
        m_ready = zone;
    }
    m_news.notify_all();
}

fn_status ZoneTable::WaitFor(int64_t zone, const volatile bool *cancel, fn_error *err) const
{
    constexpr std::chrono::milliseconds kLook(20); /* for `cancel`, which wakes nobody */
    if (zone < m_ready)
        return FN_OK;
    std::unique_lock<std::mutex> lock(m_mutex);
    while (zone >= m_ready && !m_stops && !fn_is_cancelled(cancel))
        m_news.wait_for(lock, kLook);
    return zone < m_ready ? FN_OK : fn_fail(err, FN_ERR_CANCELLED, "cancelled");
}

/* ---- what is there ---- */

void ZoneTable::Sort()
{
    if (std::is_sorted(m_fids.begin(), m_fids.end()))
        return;
    m_byFid.resize(m_fids.size());
    std::iota(m_byFid.begin(), m_byFid.end(), 0U);
    std::stable_sort(m_byFid.begin(), m_byFid.end(), [this](uint32_t a, uint32_t b) { return m_fids[a] < m_fids[b]; });
}

/* Features that one reader reads in order are known by their places: FIDs may be those of several. */
int64_t ZoneTable::Find(int64_t fid, int64_t place, const InputSplit &split) const
{
    if (split.way == InputSplit::Way::OneReader) {
        const auto first = std::lower_bound(m_places.begin(), m_places.end(), place - m_firstPlace);
        if (!m_places.empty() && (first == m_places.end() || *first != place - m_firstPlace))
            return -1;
        const int64_t zone = m_places.empty() ? place - m_firstPlace : first - m_places.begin();
        return zone >= 0 && zone < Size() && m_fids[static_cast<size_t>(zone)] == fid ? zone : -1;
    }
    if (m_byFid.empty()) {
        const auto at = std::lower_bound(m_fids.begin(), m_fids.end(), fid);
        return at != m_fids.end() && *at == fid ? at - m_fids.begin() : -1;
    }
    const auto at = std::lower_bound(m_byFid.begin(), m_byFid.end(), fid,
                                     [this](uint32_t zone, int64_t wanted) { return m_fids[zone] < wanted; });
    return at != m_byFid.end() && m_fids[*at] == fid ? *at : -1;
}

} // namespace fishnet::zonalstats
