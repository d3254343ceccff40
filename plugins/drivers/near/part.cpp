#include "part.h"

#include <cstring>

namespace fishnet::neartable
{

/* Columns of 8 bytes come first: all are aligned. */
size_t PartBuilder::BytesFor(const NearPlan &plan, size_t rows, size_t recordBytes)
{
    size_t row = 0;
    Columns<Vector>().Each(plan, [&](const auto &column) { row += sizeof column[0]; });
    return sizeof(PartHeader) + rows * row + recordBytes;
}

void PartBuilder::Write(const NearPlan &plan, void *to)
{
    char *at = static_cast<char *>(to);
    header.rows = static_cast<int64_t>(Rows());
    header.recordBytes = records.size();
    memcpy(at, &header, sizeof header);
    at += sizeof header;
    columns.Each(plan, [&](auto &column) {
        const size_t bytes = column.size() * sizeof column[0];
        if (bytes > 0)
            memcpy(at, column.data(), bytes);
        at += bytes;
    });
    if (!records.empty())
        memcpy(at, records.data(), records.size());
    Clear(plan);
}

void PartBuilder::Clear(const NearPlan &plan)
{
    columns.Each(plan, [](auto &column) { column.clear(); });
    records.clear();
    nearRecords.clear();
    header = PartHeader();
}

bool PartView::Open(const NearPlan &plan, const void *data, size_t bytes)
{
    const char *at = static_cast<const char *>(data);
    memcpy(&header, at, sizeof header);
    const bool good = header.rows >= 0 && header.rows <= kPartRows && header.recordBytes <= bytes &&
                      PartBuilder::BytesFor(plan, static_cast<size_t>(header.rows), header.recordBytes) <= bytes;
    if (!good) {
        header = PartHeader();
        return false;
    }
    at += sizeof header;
    columns.Each(plan, [&](auto &column) {
        column = reinterpret_cast<std::remove_reference_t<decltype(column)>>(at);
        at += static_cast<size_t>(header.rows) * sizeof *column;
    });
    records = at;
    return true;
}

} // namespace fishnet::neartable
