#include "cursor.h"

#include "fishnet/job.h"

namespace fishnet
{

bool Cursor::Open(OGRLayerH layer, const Extractor &extractor, MessageCollector &collector, std::string &cause)
{
    extractor.Prepare(layer);
    const char *where = m_plan.input.where.empty() ? nullptr : m_plan.input.where.c_str();
    if (OGR_L_SetAttributeFilter(layer, where) != OGRERR_NONE) {
        cause = collector.Cause("the condition is not valid");
        return false;
    }
    OGR_L_ResetReading(layer);
    m_layer = layer;
    m_number = 0;
    m_atEnd = m_lost = false;
    return true;
}

void Cursor::Rewind()
{
    OGR_L_ResetReading(m_layer);
    m_number = 0;
    m_atEnd = false;
}

fn_status Cursor::Next(const volatile bool *cancel, FeatureHandle *feature, MessageCollector &collector,
                       std::string &cause)
{
    constexpr int64_t kOften = 256;
    if (m_number % kOften == 0 && fn_is_cancelled(cancel))
        return FN_ERR_CANCELLED;
    if (!ReadFeature(m_layer, collector, feature, cause, m_split.fetches ? m_number : OGRNullFID))
        return FN_ERR_READ;
    m_atEnd = !*feature;
    if (m_atEnd && m_split.fetches) {
        cause = "there are fewer features than the layer says";
        return FN_ERR_READ;
    }
    m_number += m_atEnd ? 0 : 1;
    return FN_OK;
}

fn_status Cursor::MoveTo(int64_t number, const volatile bool *cancel, MessageCollector &collector, std::string &cause)
{
    if (number < m_number || m_lost)
        Rewind();
    m_lost = true; /* should something be thrown */
    if (m_split.fetches)
        m_number = number;
    else if (m_number == 0 && number > 0 && OGR_L_TestCapability(m_layer, OLCFastSetNextByIndex)) {
        MessageCollector dropped; /* where there are not so many, reading tells */
        if (OGR_L_SetNextByIndex(m_layer, number) == OGRERR_NONE)
            m_number = number;
        else
            OGR_L_ResetReading(m_layer);
    }
    const auto before = static_cast<std::ptrdiff_t>(collector.messages.size());
    fn_status status = FN_OK;
    FeatureHandle passed;
    while (status == FN_OK && m_number < number && !m_atEnd)
        status = Next(cancel, &passed, collector, cause);
    if (status == FN_OK) /* what there was to say is said by whoever reads these features */
        collector.messages.erase(collector.messages.begin() + before, collector.messages.end());
    return status;
}

fn_status Cursor::Read(int64_t begin, int64_t size, const volatile bool *cancel, const Visit &visit, bool *end,
                       MessageCollector &collector, std::string &cause)
{
    fn_status status = MoveTo(begin, cancel, collector, cause);
    while (status == FN_OK && m_number - begin < size && !m_atEnd) {
        FeatureHandle feature;
        const int64_t number = m_number;
        status = Next(cancel, &feature, collector, cause);
        if (status == FN_OK && feature)
            visit(std::move(feature), number);
    }
    *end = m_atEnd;
    m_lost = status != FN_OK;
    return status;
}

} // namespace fishnet
