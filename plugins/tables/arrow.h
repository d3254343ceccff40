/* Columns of an Arrow array in the making (https://arrow.apache.org/docs/format/CDataInterface.html). */
#ifndef FN_ARROW_H
#define FN_ARROW_H

#include <cstdint>
#include <cstring>
#include <vector>

#include <ogr_core.h>
#include <ogr_recordbatch.h>

namespace fishnet
{

class ArrowColumn
{
  public:
    enum class Kind { Integer, Integer64, Real, String, Binary };

    explicit ArrowColumn(Kind kind);
    /* Whether OGR's schema has one of these kinds for the field. */
    static bool Makes(OGRFieldType type, OGRFieldSubType subtype);
    static Kind KindOf(OGRFieldType type);

    template <class T> void Append(T value) { AppendMany(&value, 1); }
    /* Values of the column's own type. */
    template <class T> void AppendMany(const T *values, int64_t n)
    {
        const size_t bytes = static_cast<size_t>(n) * sizeof(T);
        const size_t end = m_data.size();
        m_data.resize(end + bytes);
        memcpy(m_data.data() + end, values, bytes);
        m_length += n;
    }
    void AppendBytes(const void *bytes, size_t n);
    void AppendNull();
    /* Makes the i-th value NULL. */
    void SetNull(int64_t i);

    int64_t Length() const { return m_length; }
    size_t Bytes() const { return m_data.size(); }

    /* An array of structs of these columns, which have so many rows. Its release callback frees them. */
    static void Export(std::vector<ArrowColumn> &&columns, int64_t rows, ArrowArray *array);

  private:
    bool HasOffsets() const { return m_kind == Kind::String || m_kind == Kind::Binary; }

    Kind m_kind;
    size_t m_width; /* of a value, bytes */
    int64_t m_length = 0, m_nulls = 0;
    std::vector<unsigned char> m_validity; /* a bit for each value, up to the last NULL's byte; empty: all valid */
    std::vector<int32_t> m_offsets;
    std::vector<char> m_data;
};

} // namespace fishnet

#endif
