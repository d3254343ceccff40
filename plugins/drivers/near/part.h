/* Rows as workers hand them over: plain bytes, column after column, that could come from another process. */
#ifndef FN_NEARTABLE_PART_H
#define FN_NEARTABLE_PART_H

#include <unordered_map>

#include "batch.h"

namespace fishnet::neartable
{

constexpr uint32_t kNoFeature = UINT32_MAX;
constexpr uint32_t kPartRows = 16384; /* at most */

struct PartHeader {
    int64_t rows = 0;     /* in this part; of a count: of the task */
    int64_t features = 0; /* of the input that were read for it */
    Unusable unusable;    /* among them */
    uint64_t recordBytes = 0;
};

/* The columns of a part. A row without a near feature has the feature kNoFeature. */
template <template <class> class Column> struct Columns {
    Column<int64_t> inFid, nearFid;
    Column<double> distance;
    Column<double> fromX, fromY, nearX, nearY; /* with fn_near_limits::location */
    Column<double> angle, along;               /* if asked for */
    Column<uint64_t> record;                   /* with FIELDS: where it begins among the records */
    Column<uint64_t> nearRecord;               /* the same with NearPlan::CarriesNearRecords() */
    Column<uint32_t> rank, feature, layer;     /* feature: number in the near side */

    /* Calls visit for each column that the plan has, in their order in a part. */
    template <class Visit> void Each(const NearPlan &plan, Visit visit)
    {
        visit(inFid);
        visit(nearFid);
        visit(distance);
        if (plan.limits.location) {
            visit(fromX);
            visit(fromY);
            visit(nearX);
            visit(nearY);
        }
        if (plan.limits.angle)
            visit(angle);
        if (plan.limits.along)
            visit(along);
        if (!plan.fields.empty())
            visit(record);
        if (plan.CarriesNearRecords())
            visit(nearRecord);
        visit(rank);
        visit(feature);
        visit(layer);
    }
};

template <class T> using Vector = std::vector<T>;
template <class T> using Pointer = const T *;

/* Rows of a part in the making. */
struct PartBuilder {
    PartHeader header;
    Columns<Vector> columns;
    std::vector<char> records;
    std::unordered_map<uint32_t, uint64_t> nearRecords; /* of near features: where they are in `records`, each once */

    size_t Rows() const { return columns.inFid.size(); }
    size_t Bytes(const NearPlan &plan) const { return BytesFor(plan, Rows(), records.size()); }
    void Write(const NearPlan &plan, void *to); /* Bytes() bytes; clears the builder */
    void Clear(const NearPlan &plan);

    static size_t BytesFor(const NearPlan &plan, size_t rows, size_t recordBytes);
};

/* A part that is read. */
struct PartView {
    PartHeader header;
    Columns<Pointer> columns = {};
    const char *records = nullptr;

    /* False: the bytes are no part. */
    bool Open(const NearPlan &plan, const void *data, size_t bytes);
};

} // namespace fishnet::neartable

#endif
