#include "flatgeobuf_head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <cpl_port.h>

namespace fishnet
{

/* Fields of the table Header, in the order of the format's schema. */
enum Field : size_t { kEnvelope = 1, kFeaturesCount = 8, kIndexNodeSize = 9 };

static constexpr size_t kMagic = 8, kSize = sizeof(uint32_t), kCorners = 4;

/* All numbers are little-endian. */
template <class T> static T Swapped(T value)
{
#ifdef CPL_MSB
    char bytes[sizeof value];
    memcpy(bytes, &value, sizeof value);
    std::reverse(bytes, bytes + sizeof value);
    memcpy(&value, bytes, sizeof value);
#endif
    return value;
}

template <class T> T FlatGeobufHead::Get(size_t at) const
{
    T value;
    memcpy(&value, m_bytes.data() + at, sizeof value);
    return Swapped(value);
}

template <class T> void FlatGeobufHead::Set(size_t at, T value)
{
    value = Swapped(value);
    memcpy(&m_bytes[at], &value, sizeof value);
}

bool FlatGeobufHead::Read(const char *file, size_t size)
{
    m_bytes.assign(file, std::min(size, kMagic + kSize));
    if (m_bytes.size() < kMagic + kSize || m_bytes.compare(0, 3, "fgb") != 0 || m_bytes.compare(4, 3, "fgb") != 0)
        return false;
    const size_t header = Get<uint32_t>(kMagic);
    if (header > size - kMagic - kSize)
        return false;
    m_bytes.assign(file, kMagic + kSize + header);
    return FindFields();
}

/* A table begins with how far before it, as a signed number, its list of fields is: the list's size, the table's, and
 * of each field where it is in the table, 0: it has its preset. */
bool FlatGeobufHead::FindFields()
{
    constexpr size_t kBuffer = kMagic + kSize;
    constexpr uint16_t kUsualNodeSize = 16;
    m_count = m_envelope = 0;
    if (!Has(kBuffer, sizeof(uint32_t)))
        return false;
    const size_t table = kBuffer + Get<uint32_t>(kBuffer);
    if (!Has(table, sizeof(int32_t)))
        return false;
    const int64_t list = static_cast<int64_t>(table) - Get<int32_t>(table);
    if (list < 0 || !Has(static_cast<size_t>(list), 2 * sizeof(uint16_t)))
        return false;
    const auto fields = static_cast<size_t>(list);
    const size_t bytes = Get<uint16_t>(fields);
    if (!Has(fields, bytes))
        return false;
    const auto find = [&](Field field, size_t size) -> size_t {
        const size_t at = (2 + field) * sizeof(uint16_t);
        const size_t place = at + sizeof(uint16_t) <= bytes ? Get<uint16_t>(fields + at) : 0;
        return place > 0 && Has(table + place, size) ? table + place : 0;
    };
    m_count = find(kFeaturesCount, sizeof(uint64_t));
    const size_t node = find(kIndexNodeSize, sizeof(uint16_t));
    const size_t envelope = find(kEnvelope, sizeof(uint32_t));
    if (envelope) {
        const size_t corners = envelope + Get<uint32_t>(envelope);
        if (!Has(corners, kSize + kCorners * sizeof(double)) || Get<uint32_t>(corners) != kCorners)
            return false;
        m_envelope = corners + kSize;
    }
    return m_count > 0 && (node ? Get<uint16_t>(node) : kUsualNodeSize) == 0;
}

uint64_t FlatGeobufHead::Features() const
{
    return Get<uint64_t>(m_count);
}

void FlatGeobufHead::SetFeatures(uint64_t count, const double corners[4])
{
    Set(m_count, count);
    for (size_t i = 0; m_envelope && i < kCorners; i++)
        Set(m_envelope + i * sizeof(double), corners[i]);
}

bool FlatGeobufHead::Add(const FlatGeobufHead &next)
{
    FlatGeobufHead sum = next;
    if (m_count != next.m_count || m_envelope != next.m_envelope)
        return false;
    sum.Set(m_count, Features() + next.Features());
    for (size_t i = 0; m_envelope && i < kCorners; i++) { /* least x and y, greatest x and y; NaN: there are none */
        const size_t at = m_envelope + i * sizeof(double);
        const double own = Get<double>(at), other = next.Get<double>(at);
        const double both = i < kCorners / 2 ? std::min(own, other) : std::max(own, other);
        sum.Set(at, std::isnan(own) ? other : std::isnan(other) ? own : both);
    }
    /* All else is the same. */
    FlatGeobufHead left = sum;
    left.Set(m_count, Features());
    for (size_t i = 0; m_envelope && i < kCorners; i++)
        left.Set(m_envelope + i * sizeof(double), Get<double>(m_envelope + i * sizeof(double)));
    if (left.m_bytes != m_bytes)
        return false;
    m_bytes.swap(sum.m_bytes);
    return true;
}

} // namespace fishnet
