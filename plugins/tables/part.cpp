#include "part.h"

#include <cstring>

namespace fishnet
{

PartBuilder::PartBuilder(const Schema &schema) : m_schema(schema)
{
    for (size_t slot = 0; slot < schema.SlotCount(); slot++)
        m_slots.push_back(std::make_unique<char[]>(kPartRows * schema.Width(slot)));
}

size_t PartBuilder::BytesFor(const Schema &schema, size_t rows, size_t recordBytes)
{
    size_t row = 0;
    for (size_t slot = 0; slot < schema.SlotCount(); slot++)
        row += schema.Width(slot);
    return sizeof(PartHeader) + rows * row + recordBytes;
}

bool PartBuilder::IsFull() const
{
    constexpr size_t kRecordBytes = 4 << 20; /* about */
    return m_rows >= kPartRows || m_records.size() > kRecordBytes;
}

uint64_t PartBuilder::AddRecord(const char *bytes, size_t size)
{
    const uint64_t place = m_records.size();
    m_records.insert(m_records.end(), bytes, bytes + size);
    return place;
}

uint64_t PartBuilder::AddRecord(uint32_t key, const char *bytes, size_t size)
{
    const auto added = m_byKey.emplace(key, m_records.size());
    return added.second ? AddRecord(bytes, size) : added.first->second;
}

uint64_t PartBuilder::AddGeometry(const void *wkb, uint32_t size)
{
    const uint64_t place = AddRecord(reinterpret_cast<const char *>(&size), sizeof size);
    AddRecord(static_cast<const char *>(wkb), size);
    return place;
}

/* Slots in the order of their widths, so that all are aligned: visit(slot, bytes). */
template <class Visit> static void ForEachSlot(const Schema &schema, size_t rows, Visit visit)
{
    for (const size_t width : {sizeof(int64_t), sizeof(int32_t)})
        for (size_t slot = 0; slot < schema.SlotCount(); slot++)
            if (schema.Width(slot) == width)
                visit(slot, rows * width);
}

void PartBuilder::Write(void *to)
{
    char *at = static_cast<char *>(to);
    header.rows = static_cast<int64_t>(m_rows);
    header.recordBytes = m_records.size();
    memcpy(at, &header, sizeof header);
    at += sizeof header;
    ForEachSlot(m_schema, m_rows, [&](size_t slot, size_t bytes) {
        memcpy(at, m_slots[slot].get(), bytes);
        at += bytes;
    });
    if (!m_records.empty())
        memcpy(at, m_records.data(), m_records.size());
    Clear();
}

void PartBuilder::Clear()
{
    m_rows = 0;
    m_records.clear();
    m_byKey.clear();
    header = PartHeader();
}

bool PartView::Open(const Schema &schema, const void *data, size_t bytes)
{
    const char *at = static_cast<const char *>(data);
    memcpy(&header, at, sizeof header);
    const bool good = header.rows >= 0 && header.rows <= kPartRows && header.recordBytes <= bytes &&
                      PartBuilder::BytesFor(schema, static_cast<size_t>(header.rows), header.recordBytes) <= bytes;
    if (!good) {
        header = PartHeader();
        return false;
    }
    at += sizeof header;
    m_slots.resize(schema.SlotCount());
    ForEachSlot(schema, static_cast<size_t>(header.rows), [&](size_t slot, size_t size) {
        m_slots[slot] = at;
        at += size;
    });
    m_records = at;
    return true;
}

const char *PartView::Record(const Schema &schema, int slot, int64_t row) const
{
    const uint64_t place = Slot<uint64_t>(slot)[row];
    if (IsNullValue(place))
        return nullptr;
    return schema.groups[static_cast<size_t>(slot) - schema.columns.size()].inPlace
               ? reinterpret_cast<const char *>(static_cast<uintptr_t>(place))
               : m_records + place;
}

const char *PartView::Geometry(const Schema &schema, int64_t row, size_t *size) const
{
    const uint64_t place = Slot<uint64_t>(schema.GeometrySlot())[row];
    if (IsNullValue(place))
        return nullptr;
    uint32_t bytes;
    memcpy(&bytes, m_records + place, sizeof bytes);
    *size = bytes;
    return m_records + place + sizeof bytes;
}

} // namespace fishnet
