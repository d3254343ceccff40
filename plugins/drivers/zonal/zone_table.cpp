#include "zone_table.h"

#include <algorithm>
#include <numeric>

#include "statistics.h"

namespace fishnet::zonalstats
{

std::shared_ptr<const ZoneTable> ZoneTable::Make(const ZonalPlan &plan, Notes &messages, const GoesOn &goesOn,
                                                 fn_error *err)
{
    auto table = std::make_shared<ZoneTable>(plan.StatCount());
    MessageCollector collector;
    const bool made = Statistics(plan, *table, goesOn).Compute(err) == FN_OK;
    messages = std::move(collector.messages);
    if (!made)
        return nullptr;
    CPLErrorReset(); /* of what cannot be transformed: it is counted */
    table->Sort();
    return table;
}

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
