#include "flatgeobuf_rows.h"

#include <algorithm>
#include <cstring>

namespace fishnet
{

/* WKB of a point, and of a line of two: what stands before the coordinates. */
static constexpr unsigned char kPoint[] = {1, 1, 0, 0, 0}, kLine[] = {1, 2, 0, 0, 0, 2, 0, 0, 0};

/* Each byte of a value in samples: two that differ. */
static constexpr int kBase = 0x41, kOther = 0x42;

static size_t Width(Column::Kind kind)
{
    return kind == Column::Kind::Integer ? sizeof(int32_t) : sizeof(int64_t);
}

static size_t Coordinates(OGRwkbGeometryType geometry)
{
    return geometry == wkbPoint ? 2 : geometry == wkbLineString ? 4 : 0;
}

FlatGeobufRows::FlatGeobufRows(const Schema &schema) : m_schema(schema)
{
    for (const Column &column : schema.columns)
        m_values.push_back({Width(column.kind), 0});
    m_values.insert(m_values.end(), Coordinates(schema.geometry), Value{sizeof(double), 0});
}

bool FlatGeobufRows::CanLearn() const
{
#ifdef CPL_MSB
    return false;
#else
    return m_schema.groups.empty() && Coordinates(m_schema.geometry) > 0 &&
           std::none_of(m_schema.columns.begin(), m_schema.columns.end(),
                        [](const Column &column) { return column.kind == Column::Kind::Label; });
#endif
}

/* ---- samples ---- */

template <class T> static T Sample(int byte)
{
    T value;
    memset(&value, byte, sizeof value);
    return value;
}

/* bytes: of each value. */
static std::unique_ptr<OGRFeature> NewSample(OGRFeatureDefn *defn, const Schema &schema, const std::vector<int> &bytes)
{
    auto feature = std::make_unique<OGRFeature>(defn);
    const size_t columns = schema.columns.size();
    for (size_t i = 0; i < columns; i++) {
        const int field = static_cast<int>(i);
        switch (schema.columns[i].kind) {
        case Column::Kind::Integer:
            feature->SetField(field, int{Sample<int32_t>(bytes[i])});
            break;
        case Column::Kind::Integer64:
            feature->SetField(field, GIntBig{Sample<int64_t>(bytes[i])});
            break;
        default:
            feature->SetField(field, Sample<double>(bytes[i]));
        }
    }
    const auto at = [&](size_t i) { return Sample<double>(bytes[columns + i]); };
    if (schema.geometry == wkbPoint)
        feature->SetGeometryDirectly(new OGRPoint(at(0), at(1)));
    else {
        auto line = std::make_unique<OGRLineString>();
        line->addPoint(at(0), at(1));
        line->addPoint(at(2), at(3));
        feature->SetGeometryDirectly(line.release());
    }
    return feature;
}

/* One of base values, one for each value in which that is another, and one in which all are. */
std::vector<std::unique_ptr<OGRFeature>> FlatGeobufRows::Samples(OGRFeatureDefn *defn) const
{
    std::vector<std::unique_ptr<OGRFeature>> samples;
    std::vector<int> bytes(m_values.size(), kBase);
    samples.push_back(NewSample(defn, m_schema, bytes));
    for (int &byte : bytes) {
        byte = kOther;
        samples.push_back(NewSample(defn, m_schema, bytes));
        byte = kBase;
    }
    std::fill(bytes.begin(), bytes.end(), kOther);
    samples.push_back(NewSample(defn, m_schema, bytes));
    return samples;
}

/* The only place in which two rows differ. */
bool FlatGeobufRows::FindValue(const char *base, const char *other, Value &value) const
{
    size_t begin = 0, end = m_row.size();
    while (begin < end && base[begin] == other[begin])
        begin++;
    while (end > begin && base[end - 1] == other[end - 1])
        end--;
    value.at = begin;
    const auto is = [](int byte) { return [byte](char c) { return c == static_cast<char>(byte); }; };
    return end - begin == value.width && std::all_of(base + begin, base + end, is(kBase)) &&
           std::all_of(other + begin, other + end, is(kOther));
}

bool FlatGeobufRows::Learn(const char *file, size_t size)
{
    const size_t count = m_values.size() + 2;
    if (!m_head.Read(file, size) || m_head.HasIndex() || m_head.Features() != count)
        return false;
    const size_t head = m_head.Bytes().size(), width = (size - head) / count;
    if (width * count != size - head)
        return false;
    m_row.assign(file + head, width);
    const auto row = [&](size_t i) { return file + head + i * width; };
    std::string all = m_row;
    for (size_t i = 0; i < m_values.size(); i++) {
        if (!FindValue(row(0), row(i + 1), m_values[i]))
            return false;
        std::fill_n(all.begin() + static_cast<std::ptrdiff_t>(m_values[i].at), m_values[i].width,
                    static_cast<char>(kOther));
    }
    return memcmp(row(count - 1), all.data(), width) == 0;
}

/* ---- rows ---- */

template <class T> bool FlatGeobufRows::SetColumn(const PartView &part, size_t column)
{
    const T *values = part.Slot<T>(static_cast<int>(column));
    char *to = m_rows.data() + m_values[column].at;
    bool good = true;
    for (int64_t row = 0; row < part.header.rows; row++, to += m_row.size()) {
        good = good && !IsNullValue(values[row]);
        memcpy(to, &values[row], sizeof(T));
    }
    return good;
}

bool FlatGeobufRows::SetGeometries(const PartView &part, double corners[4])
{
    const bool isPoint = m_schema.geometry == wkbPoint;
    const unsigned char *begin = isPoint ? kPoint : kLine;
    const size_t before = isPoint ? sizeof kPoint : sizeof kLine, coordinates = Coordinates(m_schema.geometry);
    const Value *places = m_values.data() + m_schema.columns.size();
    char *to = m_rows.data();
    for (int64_t row = 0; row < part.header.rows; row++, to += m_row.size()) {
        size_t size = 0;
        const char *wkb = part.Geometry(m_schema, row, &size);
        if (!wkb || size != before + coordinates * sizeof(double) || memcmp(wkb, begin, before) != 0)
            return false;
        for (size_t i = 0; i < coordinates; i++) {
            double value;
            memcpy(&value, wkb + before + i * sizeof value, sizeof value);
            memcpy(to + places[i].at, &value, sizeof value);
            if (std::isnan(value))
                return false;
            corners[i % 2] = std::min(corners[i % 2], value);
            corners[2 + i % 2] = std::max(corners[2 + i % 2], value);
        }
    }
    return true;
}

bool FlatGeobufRows::Write(const PartView &part)
{
    constexpr double kInfinite = std::numeric_limits<double>::infinity();
    double corners[4] = {kInfinite, kInfinite, -kInfinite, -kInfinite};
    const auto rows = static_cast<size_t>(part.header.rows);
    m_rows.resize(rows * m_row.size());
    for (size_t i = 0; i < rows; i++)
        memcpy(m_rows.data() + i * m_row.size(), m_row.data(), m_row.size());
    bool good = SetGeometries(part, corners);
    for (size_t i = 0; good && i < m_schema.columns.size(); i++)
        good = m_schema.columns[i].kind == Column::Kind::Integer     ? SetColumn<int32_t>(part, i)
               : m_schema.columns[i].kind == Column::Kind::Integer64 ? SetColumn<int64_t>(part, i)
                                                                     : SetColumn<double>(part, i);
    if (good)
        m_head.SetFeatures(rows, corners);
    return good;
}

} // namespace fishnet
