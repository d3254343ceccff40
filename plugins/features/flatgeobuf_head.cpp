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
static_assert(FlatGeobufHead::kBegin == kMagic + kSize);

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

size_t FlatGeobufHead::Size(const char *begin)
{
    uint32_t header;
    memcpy(&header, begin + kMagic, sizeof header);
    const bool good = memcmp(begin, "fgb", 3) == 0 && memcmp(begin + 4, "fgb", 3) == 0;
    return good ? kBegin + Swapped(header) : 0;
}

bool FlatGeobufHead::Read(const char *file, size_t size)
{
    const size_t head = size < kBegin ? 0 : Size(file);
    if (head == 0 || head > size)
        return false;
    m_bytes.assign(file, head);
    return FindFields();
}

/* A packed tree: the features, and above each level, up to one that has a single entry, the nodes of that level. */
uint64_t FlatGeobufHead::IndexBytes(uint64_t features) const
{
    constexpr uint64_t kEntry = kCorners * sizeof(double) + sizeof(uint64_t);
    uint64_t entries = features, level = features;
    if (m_node == 0 || features == 0)
        return 0;
    do {
        level = level / m_node + (level % m_node ? 1 : 0);
        entries += level;
    } while (level > 1);
    return entries * kEntry;
}

/* A table begins with how far before it, as a signed number, its list of fields is: the list's size, the table's, and
 * of each field where it is in the table, 0: it has its preset. */
bool FlatGeobufHead::FindFields()
{
    constexpr size_t kBuffer = kBegin;
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
    m_node = node ? Get<uint16_t>(node) : kUsualNodeSize;
    return m_count > 0 && m_node != 1;
}

uint64_t FlatGeobufHead::Features() const
{
    return Get<uint64_t>(m_count);
}

void FlatGeobufHead::SetCount(uint64_t count)
{
    Set(m_count, count);
}

void FlatGeobufHead::SetFeatures(uint64_t count, const double corners[4])
{
    SetCount(count);
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
