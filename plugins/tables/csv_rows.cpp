#include "csv_rows.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace fishnet
{

static constexpr int kDigits = 15;
static constexpr size_t kLongest = 32; /* of a number, and what follows */

bool CsvRows::CanLearn() const
{
#ifdef __cpp_lib_to_chars
    return m_schema.groups.empty() && m_schema.geometry == wkbNone && !m_schema.columns.empty() &&
           std::none_of(m_schema.columns.begin(), m_schema.columns.end(),
                        [](const Column &column) { return column.kind == Column::Kind::Label; });
#else
    return false;
#endif
}

static char *PutNumber(char *to, double value)
{
#ifdef __cpp_lib_to_chars
    return std::to_chars(to, to + kLongest, value, std::chars_format::general, kDigits).ptr;
#else
    return to;
#endif
}

template <class T> static char *PutNumber(char *to, T value)
{
    return std::to_chars(to, to + kLongest, value).ptr;
}

template <class T> void CsvRows::Put(T value, unsigned kind, bool last, char *&to) const
{
    const bool quoted = (m_quoted & kind) != 0;
    if (quoted)
        *to++ = '"';
    to = PutNumber(to, value);
    if (quoted)
        *to++ = '"';
    if (!last)
        *to++ = m_separator;
    for (const char *end = m_end; last && *end; end++)
        *to++ = *end;
}

/* ---- samples ---- */

/* Of all sizes, with many digits and with few, and where one rule of writing numbers differs from another. */
static constexpr double kReals[] = {0,
                                    1,
                                    -1,
                                    0.5,
                                    0.1,
                                    -2.5,
                                    100,
                                    123456.75,
                                    0.1 + 0.2,
                                    1.0 / 3,
                                    -200.0 / 3,
                                    1e5,
                                    1e6,
                                    999999.999999999,
                                    1e14,
                                    123456789012345.0,
                                    1e15,
                                    1234567890123456.0,
                                    1e16,
                                    1e22,
                                    1.7976931348623157e308,
                                    1e-4,
                                    1.2345e-4,
                                    1e-5,
                                    1.25e-7,
                                    2.2250738585072014e-308,
                                    5e-324,
                                    9007199254740993.0,
                                    0.99999999999999989,
                                    0.9999999999999996,
                                    2.00000000000000049,
                                    500000.12345678912,
                                    5200000.9876543217,
                                    -179.99999999999997,
                                    1e-10 / 3,
                                    7e10 / 9};
static constexpr int64_t kWholes[] = {0, 1, -1, 10, -99, 1000000, 2147483647, -2147483647};
static constexpr int64_t kLarge[] = {0, -1, 2147483648, -5000000000, 999999999999, INT64_MAX, -INT64_MAX, 1};

/* Of that row and column. */
template <class T, size_t n> static T Sample(const T (&values)[n], size_t row, size_t column)
{
    return values[(row + 3 * column) % n];
}

std::vector<std::unique_ptr<OGRFeature>> CsvRows::Samples(OGRFeatureDefn *defn) const
{
    std::vector<std::unique_ptr<OGRFeature>> samples;
    for (size_t row = 0; row < std::size(kReals); row++) {
        samples.push_back(std::make_unique<OGRFeature>(defn));
        for (size_t i = 0; i < m_schema.columns.size(); i++) {
            const int field = static_cast<int>(i);
            switch (m_schema.columns[i].kind) {
            case Column::Kind::Integer:
                samples.back()->SetField(field, static_cast<int>(Sample(kWholes, row, i)));
                break;
            case Column::Kind::Integer64:
                samples.back()->SetField(field, GIntBig{Sample(kLarge, row, i)});
                break;
            default:
                samples.back()->SetField(field, Sample(kReals, row, i));
            }
        }
    }
    return samples;
}

std::string CsvRows::SampleRows() const
{
    const size_t columns = m_schema.columns.size();
    std::string rows(std::size(kReals) * columns * kLongest, ' ');
    char *to = rows.data();
    for (size_t row = 0; row < std::size(kReals); row++)
        for (size_t i = 0; i < columns; i++) {
            const Column::Kind kind = m_schema.columns[i].kind;
            const bool last = i + 1 == columns;
            if (kind == Column::Kind::Integer)
                Put(Sample(kWholes, row, i), kInteger, last, to);
            else if (kind == Column::Kind::Integer64)
                Put(Sample(kLarge, row, i), kInteger64, last, to);
            else
                Put(Sample(kReals, row, i), kReal, last, to);
        }
    rows.resize(static_cast<size_t>(to - rows.data()));
    return rows;
}

bool CsvRows::Learn(const char *text, size_t size)
{
    for (const char separator : {',', ';', '\t', ' ', '|'})
        for (const char *end : {"\n", "\r\n"})
            for (unsigned quoted = 0; quoted <= (kInteger | kInteger64 | kReal); quoted++) {
                m_separator = separator;
                m_end = end;
                m_quoted = quoted;
                if (SampleRows().compare(0, std::string::npos, text, size) == 0)
                    return true;
            }
    return false;
}

/* ---- rows ---- */

bool CsvRows::Write(const PartView &part)
{
    const size_t columns = m_schema.columns.size();
    bool good = true;
    m_rows.resize(static_cast<size_t>(part.header.rows) * columns * kLongest);
    char *to = m_rows.data();
    const auto put = [&](auto value, unsigned kind, bool last) {
        good = good && !IsNullValue(value);
        Put(value, kind, last, to);
    };
    for (int64_t row = 0; good && row < part.header.rows; row++)
        for (size_t i = 0; i < columns; i++) {
            const int slot = static_cast<int>(i);
            const Column::Kind kind = m_schema.columns[i].kind;
            const bool last = i + 1 == columns;
            if (kind == Column::Kind::Integer)
                put(part.Slot<int32_t>(slot)[row], kInteger, last);
            else if (kind == Column::Kind::Integer64)
                put(part.Slot<int64_t>(slot)[row], kInteger64, last);
            else {
                good = good && std::isfinite(part.Slot<double>(slot)[row]);
                put(part.Slot<double>(slot)[row], kReal, last);
            }
        }
    m_rows.resize(static_cast<size_t>(to - m_rows.data()));
    return good;
}

} // namespace fishnet
