/* Rows as workers hand them over: plain bytes, slot after slot (schema.h), then records, that could come from another
 * process. */
#ifndef FN_PART_H
#define FN_PART_H

#include <memory>
#include <unordered_map>

#include "batch.h"
#include "schema.h"

namespace fishnet
{

constexpr uint32_t kPartRows = 16384; /* at most */

struct PartHeader {
    int64_t rows = 0;     /* in this part; of a count: of the task */
    int64_t features = 0; /* of the input that were read for it */
    Unusable unusable;    /* among them */
    uint64_t recordBytes = 0;
};

/* Rows of a part in the making. */
class PartBuilder
{
  public:
    explicit PartBuilder(const Schema &schema);

    PartHeader header;

    /* Where the slot's values go, one for each row; NULL for slot -1. Stays where it is. */
    template <class T> T *Slot(int slot)
    {
        return slot < 0 ? nullptr : reinterpret_cast<T *>(m_slots[static_cast<size_t>(slot)].get());
    }
    size_t Rows() const { return m_rows; }
    /* Adds a row, whose values are to be set, and returns its number. */
    size_t AddRow() { return m_rows++; }
    bool IsFull() const;
    /* Adds a record, or a geometry by AddGeometry(), and returns what stands for it in its slot. key: the record is
     * that of this number; it is added once. */
    uint64_t AddRecord(const char *bytes, size_t size);
    uint64_t AddRecord(uint32_t key, const char *bytes, size_t size);
    /* WKB. */
    uint64_t AddGeometry(const void *wkb, uint32_t size);

    size_t Bytes() const { return BytesFor(m_schema, m_rows, m_records.size()); }
    /* Bytes() bytes; clears the builder. */
    void Write(void *to);
    void Clear();

    static size_t BytesFor(const Schema &schema, size_t rows, size_t recordBytes);

  private:
    const Schema &m_schema;
    std::vector<std::unique_ptr<char[]>> m_slots;
    size_t m_rows = 0;
    std::vector<char> m_records;
    std::unordered_map<uint32_t, uint64_t> m_byKey;
};

/* A part that is read. */
class PartView
{
  public:
    PartHeader header;

    /* False: the bytes are no part. */
    bool Open(const Schema &schema, const void *data, size_t bytes);

    template <class T> const T *Slot(int slot) const
    {
        return reinterpret_cast<const T *>(m_slots[static_cast<size_t>(slot)]);
    }
    /* NULL: the row has none. group: its slot. */
    const char *Record(const Schema &schema, int slot, int64_t row) const;
    /* Its WKB, of *size bytes. */
    const char *Geometry(const Schema &schema, int64_t row, size_t *size) const;

  private:
    std::vector<const char *> m_slots;
    const char *m_records = nullptr;
};

} // namespace fishnet

#endif
