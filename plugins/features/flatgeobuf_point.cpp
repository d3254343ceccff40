#include "flatgeobuf_point.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include <cpl_port.h>

namespace fishnet
{

/* Fields of the tables Feature and Geometry, in the order of the format's schema. */
enum FeatureField : size_t { kGeometry, kProperties, kColumns };
enum GeometryField : size_t { kEnds, kXY, kZ, kM, kT, kTM, kType, kParts };

namespace
{
/* A table of a FlatBuffer, of which nothing is believed. */
class Table
{
  public:
    Table(const char *bytes, size_t size) : m_bytes(bytes), m_size(size) {}
    /* The table that the offset at that place leads to. False: it is damaged. */
    bool Open(size_t offset);
    bool Has(size_t field) const { return Place(field) > 0; }
    /* Where the field is, which has that many bytes; 0: there is none. */
    size_t Find(size_t field, size_t bytes) const;
    /* Where the field's vector begins, with its length; 0: there is none, or it is damaged. */
    size_t FindVector(size_t field, size_t element, uint32_t *length) const;
    template <class T> T Get(size_t at) const
    {
        T value;
        memcpy(&value, m_bytes + at, sizeof value);
        return value;
    }

  private:
    bool Fits(size_t at, size_t bytes) const { return at <= m_size && bytes <= m_size - at; }
    size_t Place(size_t field) const;
    size_t Follow(size_t at) const;

    const char *m_bytes;
    size_t m_size, m_at = 0, m_table = 0; /* of the table: where it begins, its bytes */
    size_t m_list = 0, m_listBytes = 0;   /* of the list of its fields */
};
} // namespace

/* Where the offset at that place leads to; 0: nowhere. */
size_t Table::Follow(size_t at) const
{
    const size_t to = Fits(at, sizeof(uint32_t)) ? at + Get<uint32_t>(at) : 0;
    return to % sizeof(uint32_t) == 0 && Fits(to, sizeof(uint32_t)) ? to : 0;
}

bool Table::Open(size_t offset)
{
    constexpr size_t kSizes = 2 * sizeof(uint16_t); /* of the list and of the table, before the fields */
    m_at = Follow(offset);
    const int64_t list = m_at == 0 ? -1 : static_cast<int64_t>(m_at) - Get<int32_t>(m_at);
    if (list < 0 || list % int64_t{sizeof(uint16_t)} != 0 || !Fits(static_cast<size_t>(list), kSizes))
        return false;
    m_list = static_cast<size_t>(list);
    m_listBytes = Get<uint16_t>(m_list);
    m_table = Get<uint16_t>(m_list + sizeof(uint16_t));
    return m_listBytes >= kSizes && Fits(m_list, m_listBytes) && Fits(m_at, m_table);
}

size_t Table::Place(size_t field) const
{
    const size_t at = (2 + field) * sizeof(uint16_t);
    return at + sizeof(uint16_t) <= m_listBytes ? Get<uint16_t>(m_list + at) : 0;
}

size_t Table::Find(size_t field, size_t bytes) const
{
    const size_t place = Place(field);
    return place > 0 && place + bytes <= m_table ? m_at + place : 0;
}

size_t Table::FindVector(size_t field, size_t element, uint32_t *length) const
{
    const size_t at = Find(field, sizeof(uint32_t)), vector = at == 0 ? 0 : Follow(at);
    *length = vector == 0 ? 0 : Get<uint32_t>(vector);
    return vector > 0 && Fits(vector + sizeof(uint32_t), *length * element) ? vector + sizeof(uint32_t) : 0;
}

bool ReadFlatGeobufPoint(const char *bytes, size_t size, double xy[2])
{
    constexpr unsigned char kPoint = 1; /* 0: as the header says */
    Table feature(bytes, size), geometry(bytes, size);
    uint32_t length = 0;
    if (!CPL_IS_LSB || !feature.Open(0) || feature.Has(kColumns) ||
        (feature.Has(kProperties) && feature.FindVector(kProperties, 1, &length) == 0))
        return false;
    const size_t shape = feature.Find(kGeometry, sizeof(uint32_t));
    if (shape == 0 || !geometry.Open(shape))
        return false;
    for (const GeometryField field : {kEnds, kZ, kM, kT, kTM, kParts})
        if (geometry.Has(field))
            return false;
    const size_t type = geometry.Find(kType, 1), at = geometry.FindVector(kXY, sizeof(double), &length);
    if (geometry.Has(kType) && (type == 0 || geometry.Get<unsigned char>(type) > kPoint))
        return false;
    if (at == 0 || length != 2)
        return false;
    memcpy(xy, bytes + at, 2 * sizeof *xy);
    return !std::isnan(xy[0]) && !std::isnan(xy[1]);
}

} // namespace fishnet
