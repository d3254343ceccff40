#include "cursor.h"

#include <algorithm>

#include "fishnet/job.h"

namespace fishnet
{

bool Cursor::Open(GDALDatasetH dataset, OGRLayerH layer, const Extractor &extractor, MessageCollector &collector,
                  std::string &cause)
{
    extractor.Prepare(layer);
    const char *where = m_plan.where.empty() ? nullptr : m_plan.where.c_str();
    m_rows.Close();
    if (OGR_L_SetAttributeFilter(layer, where) != OGRERR_NONE) {
        cause = collector.Cause("the condition is not valid");
        return false;
    }
    OGR_L_ResetReading(layer);
    m_dataset = dataset;
    m_layer = layer;
    m_number = 0;
    m_atEnd = m_lost = false;
    m_raw.reset();
    if (OpenPoints(extractor))
        return true;
    if (m_split.raw) {
        m_raw = std::make_unique<RawFile>();
        if (!m_raw->Open(m_plan)) {
            CPLDebug("FISHNET", "%s is read by its driver", fishnet::Describe(m_plan).c_str());
            m_raw.reset();
        } else if (m_raw->LeavesOut())
            CPLDebug("FISHNET", "%s: columns that are not wanted are left out", fishnet::Describe(m_plan).c_str());
    }
    return m_raw || OpenRows(extractor, collector);
}

/* Whether the first features are such. */
bool Cursor::OpenPoints(const Extractor &extractor)
{
    constexpr int64_t kFirst = 16;
    m_points = false;
    if (!m_split.rows || m_split.fetches || !m_plan.points || !EQUAL(m_plan.driver.c_str(), "FlatGeobuf") ||
        OGR_L_GetGeomType(m_layer) != wkbPoint || !extractor.TakesRows(m_layer) || !RawFile::MayCut(m_plan))
        return false;
    Batch batch;
    bool end = false;
    m_raw = std::make_unique<RawFile>();
    m_points = m_raw->Open(m_plan) && m_raw->ReadPoints(0, kFirst, nullptr, batch, &end) == RawFile::Result::Read;
    if (m_points)
        CPLDebug("FISHNET", "%s: its points are taken out of the bytes of its file", fishnet::Describe(m_plan).c_str());
    else
        m_raw.reset();
    return m_points;
}

/* Where there are none, features are read. */
bool Cursor::OpenRows(const Extractor &extractor, MessageCollector &collector)
{
    const size_t before = collector.messages.size();
    if (m_split.rows && extractor.TakesRows(m_layer) && !m_rows.Open(m_plan, m_dataset, m_layer)) {
        collector.messages.resize(before);
        OGR_L_ResetReading(m_layer);
    }
    return true;
}

void Cursor::Close()
{
    m_rows.Close();
    m_raw.reset();
    m_points = false;
    m_layer = nullptr;
}

void Cursor::Rewind()
{
    m_rows.Close();
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

/* FN_ERR_READ: the rows are closed, nothing has been added, and the features are to be read for themselves. */
fn_status Cursor::ReadRows(int64_t begin, int64_t size, const volatile bool *cancel, Extractor &extractor, Batch &batch,
                           MessageCollector &collector)
{
    constexpr int64_t kOften = 4096;
    const size_t before = collector.messages.size(), failures = collector.Failures();
    const int64_t end = size > INT64_MAX - begin ? INT64_MAX : begin + size;
    bool good = !m_lost && begin >= m_number;
    m_lost = true; /* should something be thrown */
    while (good && m_number < end && !m_atEnd) {
        if (fn_is_cancelled(cancel))
            return FN_ERR_CANCELLED;
        const int64_t wanted = std::min((m_number < begin ? begin : end) - m_number, kOften);
        good = m_rows.Fetch(wanted) && collector.Failures() == failures;
        m_atEnd = good && m_rows.Ready() < wanted;
        for (int64_t n = std::min(m_rows.Ready(), wanted); good && n > 0; n--) {
            const ArrowRow row = m_rows.Take();
            good = m_number++ < begin || extractor.Append(row, batch);
        }
    }
    m_lost = false;
    if (good)
        return FN_OK;
    batch.Clear();
    collector.messages.resize(before);
    Rewind();
    return FN_ERR_READ;
}

/* FN_ERR_ARGUMENT: only the driver can read them. */
fn_status Cursor::ReadRaw(int64_t begin, int64_t size, const volatile bool *cancel, Extractor &extractor, Batch &batch,
                          Kept *kept, MessageCollector &collector, std::string &cause)
{
    RawFeatures own;
    RawFeatures &raw = kept ? kept->raw : own;
    switch (m_raw->Read(begin, size, cancel, raw, &m_atEnd)) {
    case RawFile::Result::Read:
        break;
    case RawFile::Result::Cancelled:
        raw = RawFeatures();
        return FN_ERR_CANCELLED;
    case RawFile::Result::Odd:
        CPLDebug("FISHNET", "%s is read by its driver from feature %lld on", fishnet::Describe(m_plan).c_str(),
                 static_cast<long long>(begin));
        raw = RawFeatures();
        return FN_ERR_ARGUMENT;
    }
    return kept || raw.IsEmpty()
               ? FN_OK
               : fishnet::ReadRaw(m_plan, m_split.rows, raw, cancel, extractor, batch, collector, cause);
}

/* FN_ERR_ARGUMENT: only the driver can read them. */
fn_status Cursor::ReadPoints(int64_t begin, int64_t size, const volatile bool *cancel, const Extractor &extractor,
                             Batch &batch, MessageCollector &collector)
{
    switch (m_raw->ReadPoints(begin, size, cancel, batch, &m_atEnd)) {
    case RawFile::Result::Read:
        return FN_OK;
    case RawFile::Result::Cancelled:
        return FN_ERR_CANCELLED;
    case RawFile::Result::Odd:
        break;
    }
    CPLDebug("FISHNET", "%s is read by its driver from feature %lld on", fishnet::Describe(m_plan).c_str(),
             static_cast<long long>(begin));
    m_raw.reset();
    m_atEnd = m_points = false;
    OpenRows(extractor, collector);
    return FN_ERR_ARGUMENT;
}

fn_status Cursor::ReadFeatures(int64_t begin, int64_t size, const volatile bool *cancel, Extractor &extractor,
                               Batch &batch, Kept *kept, MessageCollector &collector, std::string &cause)
{
    fn_status status = MoveTo(begin, cancel, collector, cause);
    while (status == FN_OK && m_number - begin < size && !m_atEnd) {
        FeatureHandle feature;
        const int64_t number = m_number;
        status = Next(cancel, &feature, collector, cause);
        if (status != FN_OK || !feature)
            break;
        if (kept && !m_plan.points) /* a point is taken out here and now, which is quicker than keeping the feature */
            kept->features.push_back(std::move(feature));
        else
            extractor.Append(feature.get(), number, batch, collector);
    }
    return status;
}

fn_status Cursor::Read(int64_t begin, int64_t size, const volatile bool *cancel, Extractor &extractor, Batch &batch,
                       Kept *kept, bool *end, MessageCollector &collector, std::string &cause)
{
    fn_status status = FN_ERR_READ;
    if (m_raw) {
        status = m_points ? ReadPoints(begin, size, cancel, extractor, batch, collector)
                          : ReadRaw(begin, size, cancel, extractor, batch, kept, collector, cause);
        if (status != FN_ERR_ARGUMENT) {
            *end = m_atEnd;
            return status;
        }
        m_raw.reset();
        m_atEnd = false;
    }
    if (m_rows.IsOpen())
        status = ReadRows(begin, size, cancel, extractor, batch, collector);
    if (!m_rows.IsOpen())
        status = ReadFeatures(begin, size, cancel, extractor, batch, kept, collector, cause);
    *end = m_atEnd;
    m_lost = status != FN_OK;
    return status;
}

} // namespace fishnet
