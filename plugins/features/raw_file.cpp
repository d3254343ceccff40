#include "raw_file.h"

#include <algorithm>
#include <cstring>

#include "csv_lines.h"
#include "fishnet/job.h"
#include "flatgeobuf_point.h"

namespace fishnet
{

static constexpr size_t kWindow = 1 << 20;        /* bytes that are read at a time */
static constexpr size_t kMost = 128 << 20;        /* of a feature, and about, of all that are handed over at once */
static constexpr size_t kSize = sizeof(uint32_t); /* stands before each feature of a FlatGeobuf */

/* ---- opening ---- */

static bool IsCsv(const LayerPlan &plan)
{
    return EQUAL(plan.driver.c_str(), "CSV");
}

/* Those that do not change what a record of a CSV is, nor depend on all of them. */
static bool AreHarmless(const CPLStringList &options)
{
    static const char *const harmless[] = {"X_POSSIBLE_NAMES",    "Y_POSSIBLE_NAMES",  "Z_POSSIBLE_NAMES",
                                           "GEOM_POSSIBLE_NAMES", "KEEP_GEOM_COLUMNS", "EMPTY_STRING_AS_NULL"};
    for (int i = 0; i < options.size(); i++)
        if (std::none_of(std::begin(harmless), std::end(harmless), [&](const char *name) {
                return EQUALN(options[i], name, strlen(name)) && options[i][strlen(name)] == '=';
            }))
            return false;
    return true;
}

bool RawFile::MayCut(const LayerPlan &plan)
{
    constexpr const char *kMemory = "/vsimem/";
    const char *path = plan.path.c_str();
    if (!plan.where.empty() || (STARTS_WITH(path, "/vsi") && !STARTS_WITH(path, kMemory)))
        return false;
    if (!IsCsv(plan))
        return EQUAL(plan.driver.c_str(), "FlatGeobuf") && EQUAL(CPLGetExtension(path), "fgb");
    VSIStatBufL stat;
    return EQUAL(CPLGetExtension(path), "csv") && AreHarmless(plan.openOptions) &&
           VSIStatL((plan.path.substr(0, plan.path.size() - strlen("csv")) + "csvt").c_str(), &stat) != 0;
}

bool RawFile::OpenFlatGeobuf()
{
    char begin[FlatGeobufHead::kBegin];
    if (VSIFReadL(begin, 1, sizeof begin, m_file.get()) != sizeof begin)
        return false;
    const size_t size = FlatGeobufHead::Size(begin);
    if (size == 0 || size > kMost)
        return false;
    std::string head(begin, sizeof begin);
    head.resize(size);
    const size_t left = size - sizeof begin;
    if (VSIFReadL(&head[sizeof begin], 1, left, m_file.get()) != left || !m_flatgeobuf.Read(head.data(), size))
        return false;
    if (VSIFSeekL(m_file.get(), 0, SEEK_END) != 0 || m_flatgeobuf.Features() > VSIFTellL(m_file.get()) / kSize)
        return false;
    m_begin = size + m_flatgeobuf.IndexBytes(m_flatgeobuf.Features());
    return true;
}

/* Its first line has names of columns: without them GDAL would look for types in all lines. */
bool RawFile::OpenCsv()
{
    std::vector<char> line(kWindow);
    line.resize(VSIFReadL(line.data(), 1, line.size(), m_file.get()));
    const auto end = std::find(line.begin(), line.end(), '\n');
    if (end == line.end())
        return false;
    m_head.assign(line.begin(), end + 1);
    m_delimiter = FindCsvDelimiter(m_head.data(), m_head.size());
    m_begin = m_head.size();
    size_t size = 0;
    return m_delimiter &&
           FindCsvLine(m_head.data(), m_head.data() + m_head.size(), true, m_delimiter, &size) == CsvLine::Record &&
           size == m_head.size();
}

/* The first features are read as the driver would have read them in their own file. */
bool RawFile::IsReadAlike(const LayerPlan &plan)
{
    constexpr int64_t kFirst = 16;
    RawFeatures raw;
    bool end = false;
    if (Read(0, kFirst, nullptr, raw, &end) != Result::Read || raw.IsEmpty())
        return false;
    fn_status status = FN_OK;
    std::string cause;
    RawDataset dataset;
    OGRLayerH layer = dataset.Open(plan, raw, &status, cause);
    int64_t number = m_isCsv ? 1 : 0;
    const int64_t after = number + raw.count;
    while (layer) {
        const FeatureHandle feature(OGR_L_GetNextFeature(layer));
        if (!feature)
            break;
        if (OGR_F_GetFID(feature.get()) != number++)
            return false;
    }
    return layer && number == after;
}

bool RawFile::Open(const LayerPlan &plan)
{
    const MessageCollector collector;
    m_isCsv = IsCsv(plan);
    m_file.reset(VSIFOpenL(plan.path.c_str(), "rb"));
    if (!MayCut(plan) || !m_file || !(m_isCsv ? OpenCsv() : OpenFlatGeobuf()))
        return false;
    Rewind();
    const bool good = IsReadAlike(plan) && collector.messages.empty();
    Rewind();
    if (good && m_isCsv)
        FindWanted(plan);
    if (!m_wanted.empty() && (!IsReadShortened(plan) || !collector.messages.empty()))
        m_wanted.clear();
    Rewind();
    return good;
}

/* Where no field is wanted: the columns that geometries are made of, by their names. */
void RawFile::FindWanted(const LayerPlan &plan)
{
    const auto isThere = [](int field) { return field >= 0; };
    const bool hasFields = std::any_of(plan.fields.begin(), plan.fields.end(), isThere) ||
                           std::any_of(plan.match.begin(), plan.match.end(), isThere);
    std::string names;
    for (int i = 0; i < plan.openOptions.size(); i++)
        names += std::string(",") + plan.openOptions[i];
    std::replace(names.begin(), names.end(), '=', ',');
    if (hasFields || names.find('*') != std::string::npos || m_head.find('"') != std::string::npos)
        return;
    const CPLStringList listed(CSLTokenizeString2(names.c_str(), ",", 0));
    const std::string head = m_head.substr(0, m_head.find_last_not_of("\r\n") + 1);
    const CPLStringList columns(
        CSLTokenizeString2(head.c_str(), std::string(1, m_delimiter).c_str(), CSLT_ALLOWEMPTYTOKENS));
    size_t last = 0;
    for (int i = 0; i < columns.size(); i++) {
        m_wanted.push_back(EQUAL(columns[i], "WKT") || STARTS_WITH_CI(columns[i], "_WKT") ||
                           listed.FindString(columns[i]) >= 0);
        if (m_wanted.back())
            last = m_wanted.size();
    }
    m_wanted.resize(last == m_wanted.size() && std::count(m_wanted.begin(), m_wanted.end(), 0) == 0 ? 0 : last);
}

/* The geometries of the first features are then the same, and one of them is not empty. */
bool RawFile::IsReadShortened(const LayerPlan &plan)
{
    constexpr int64_t kFirst = 16;
    const std::vector<char> wanted = m_wanted;
    RawFeatures raw[2];
    RawDataset datasets[2];
    OGRLayerH layers[2];
    for (size_t i = 0; i < 2; i++) {
        fn_status status = FN_OK;
        std::string cause;
        bool end = false;
        m_wanted = i == 0 ? std::vector<char>() : wanted;
        Rewind();
        if (Read(0, kFirst, nullptr, raw[i], &end) != Result::Read || raw[i].IsEmpty())
            return false;
        layers[i] = datasets[i].Open(plan, raw[i], &status, cause);
        if (!layers[i] || plan.geometryField >= OGR_FD_GetGeomFieldCount(OGR_L_GetLayerDefn(layers[i])))
            return false;
    }
    bool some = false;
    for (int64_t i = 0; i < raw[0].count; i++) {
        const FeatureHandle whole(OGR_L_GetNextFeature(layers[0])), shortened(OGR_L_GetNextFeature(layers[1]));
        if (!whole || !shortened || OGR_F_GetFID(whole.get()) != OGR_F_GetFID(shortened.get()))
            return false;
        OGRGeometryH one = OGR_F_GetGeomFieldRef(whole.get(), plan.geometryField);
        OGRGeometryH other = OGR_F_GetGeomFieldRef(shortened.get(), plan.geometryField);
        if (!one != !other || (one && !OGR_G_Equals(one, other)))
            return false;
        some = some || (one && !OGR_G_IsEmpty(one));
    }
    return some;
}

/* ---- cutting ---- */

void RawFile::Rewind()
{
    m_kept = m_at = m_end = 0;
    m_number = 0;
    m_last = VSIFSeekL(m_file.get(), m_begin, SEEK_SET) != 0;
}

/* Reads on behind what is in the window of the next feature. False: there is too much of it, or no more. */
bool RawFile::Fill()
{
    if (m_at > 0) {
        memmove(m_window.data(), m_window.data() + m_at, m_end - m_at);
        m_end -= m_at;
        m_at = m_kept = 0;
    }
    if (m_last || m_end > kMost)
        return false;
    if (m_window.size() < m_end + kWindow / 2)
        m_window.resize(std::max(kWindow, 2 * m_end));
    const size_t room = m_window.size() - m_end, size = VSIFReadL(m_window.data() + m_end, 1, room, m_file.get());
    m_last = size < room && VSIFEofL(m_file.get());
    m_end += size;
    return size == room || m_last; /* a read that fails is no end: the driver tells of it */
}

/* The next feature in the window. */
RawFile::Step RawFile::Find(size_t *size) const
{
    const char *begin = m_window.data() + m_at, *end = m_window.data() + m_end;
    if (m_isCsv) {
        if (begin == end)
            return m_last ? Step::End : Step::More;
        switch (FindCsvLine(begin, end, m_last, m_delimiter, size)) {
        case CsvLine::Record:
            return Step::Feature;
        case CsvLine::Blank:
            return Step::Nothing;
        case CsvLine::Cut:
            return Step::More;
        case CsvLine::Odd:
            break;
        }
        return Step::Odd;
    }
    if (static_cast<uint64_t>(m_number) == m_flatgeobuf.Features())
        return Step::End;
    const auto there = static_cast<size_t>(end - begin);
    uint32_t bytes = 0;
    if (there >= kSize) {
        memcpy(&bytes, begin, sizeof bytes);
        CPL_LSBPTR32(&bytes);
    }
    *size = kSize + bytes;
    if (there >= *size && there >= kSize)
        return Step::Feature;
    return m_last || *size > kMost ? Step::Odd : Step::More;
}

/* What has been passed in the window goes to the features that are handed over. */
void RawFile::Keep(RawFeatures *raw)
{
    if (raw)
        raw->bytes.insert(raw->bytes.end(), m_window.begin() + static_cast<std::ptrdiff_t>(m_kept),
                          m_window.begin() + static_cast<std::ptrdiff_t>(m_at));
    m_kept = m_at;
}

/* Passes over the next feature. raw: it goes there, by Keep() at the latest. */
RawFile::Step RawFile::Next(const volatile bool *cancel, RawFeatures *raw)
{
    for (;;) {
        size_t size = 0;
        const Step step = Find(&size);
        if (step == Step::Feature || step == Step::Nothing)
            m_at += size;
        if (step == Step::Feature) {
            m_number++;
            m_passed = size;
        }
        if (step != Step::Nothing && step != Step::More)
            return step;
        if (step == Step::Nothing)
            continue;
        Keep(raw);
        if (cancel && fn_is_cancelled(cancel))
            return Step::More;
        if (!Fill())
            return Step::Odd;
    }
}

/* Bytes before features. */
size_t RawFile::Room(int64_t count) const
{
    return m_isCsv ? m_head.size()
                   : m_flatgeobuf.Bytes().size() +
                         static_cast<size_t>(m_flatgeobuf.IndexBytes(static_cast<uint64_t>(count)));
}

/* Puts the head before the features, for which there is room. The index is left out, but for its place: it is never
 * read. */
void RawFile::SetHead(RawFeatures &raw) const
{
    const size_t room = Room(raw.count);
    raw.begin -= room;
    char *to = raw.bytes.data() + raw.begin;
    if (m_isCsv) {
        memcpy(to, m_head.data(), room);
        return;
    }
    FlatGeobufHead head = m_flatgeobuf;
    head.SetCount(static_cast<uint64_t>(raw.count));
    memcpy(to, head.Bytes().data(), head.Bytes().size());
}

RawFile::Step RawFile::MoveTo(int64_t begin, const volatile bool *cancel)
{
    if (begin < m_number)
        Rewind();
    Step step = Step::Feature;
    while (step == Step::Feature && m_number < begin)
        step = Next(cancel, nullptr);
    return step;
}

RawFile::Result RawFile::Read(int64_t begin, int64_t size, const volatile bool *cancel, RawFeatures &raw, bool *end)
{
    const int64_t asked = size;
    Step step = MoveTo(begin, cancel);
    if (!m_isCsv)
        size = std::min(size, static_cast<int64_t>(m_flatgeobuf.Features()) - std::min(begin, m_number));
    raw.begin = Room(size);
    raw.bytes.reserve(m_usual);
    raw.bytes.assign(raw.begin, '\0');
    raw.first = m_number;
    Keep(nullptr);
    while (step == Step::Feature && m_number - begin < size && raw.bytes.size() < kMost)
        step = Next(cancel, &raw);
    Keep(&raw);
    raw.count = m_number - raw.first;
    if (step == Step::Feature && m_number - begin < size)
        step = Step::Odd;
    raw.wanted = m_wanted;
    raw.delimiter = m_delimiter;
    raw.head = m_head.size();
    if (!raw.IsEmpty() && (step == Step::Feature || step == Step::End))
        SetHead(raw);
    m_usual = raw.bytes.size();
    *end = step == Step::End || (step == Step::Feature && raw.count < asked);
    return step == Step::More ? Result::Cancelled : step == Step::Odd ? Result::Odd : Result::Read;
}

/* As Extractor::Append() does. */
RawFile::Step RawFile::AddPoint(const volatile bool *cancel, Batch &batch)
{
    double xy[2];
    const Step step = Next(cancel, nullptr);
    if (step != Step::Feature)
        return step;
    if (!ReadFlatGeobufPoint(m_window.data() + m_at - m_passed + kSize, m_passed - kSize, xy))
        return Step::Odd;
    batch.fids.push_back(m_number - 1);
    batch.shapes.push_back(Batch::Shape::Point);
    batch.xy.insert(batch.xy.end(), xy, xy + 2);
    batch.wkbEnd.push_back(0);
    batch.recordEnd.push_back(0);
    return step;
}

RawFile::Result RawFile::ReadPoints(int64_t begin, int64_t size, const volatile bool *cancel, Batch &batch, bool *end)
{
    Step step = MoveTo(begin, cancel);
    while (step == Step::Feature && m_number - begin < size)
        step = AddPoint(cancel, batch);
    *end = step == Step::End;
    if (step == Step::Feature || step == Step::End)
        return Result::Read;
    batch.Clear();
    return step == Step::More ? Result::Cancelled : Result::Odd;
}

int64_t RawFile::Count()
{
    Rewind();
    Step step = Step::Feature;
    while (step == Step::Feature)
        step = Next(nullptr, nullptr);
    const int64_t count = step == Step::End ? m_number : -1;
    Rewind();
    return count;
}

} // namespace fishnet
