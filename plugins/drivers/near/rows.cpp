#include "rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace fishnet::neartable
{

NearRows::NearRows(const NearPlan &plan, const NearSide *near, const InputSplit &split, PartBuilder &part)
    : m_plan(plan), m_near(near), m_split(split), m_part(part), m_inFid(part.Slot<int64_t>(plan.inFid)),
      m_nearFid(part.Slot<int64_t>(plan.nearFid)), m_distance(part.Slot<double>(plan.distance)),
      m_angle(part.Slot<double>(plan.angle)), m_along(part.Slot<double>(plan.along)),
      m_rank(part.Slot<int32_t>(plan.rank)), m_nearFc(part.Slot<uint32_t>(plan.nearFc)),
      m_nearGroup(part.Slot<uint64_t>(plan.nearGroup)),
      m_geometry(part.Slot<uint64_t>(plan.schema.geometry == wkbNone ? -1 : plan.schema.GeometrySlot()))
{
    for (int k = 0; k < 4; k++)
        m_location[k] = part.Slot<double>(plan.location < 0 ? -1 : plan.location + k);
}

std::unique_ptr<NearRows> NearRows::New(const NearPlan &plan, const NearSide *near, const InputSplit &split,
                                        PartBuilder &part, fn_error *err)
{
    std::unique_ptr<NearRows> self(new NearRows(plan, near, split, part));
    fn_searcher *searcher = nullptr;
    if (near && fn_searcher_new(near->Set(), &plan.limits, &searcher, err) != FN_OK)
        return nullptr;
    self->m_searcher.reset(searcher);
    return self;
}

/* ---- rows ---- */

/* The near feature's record: where it is, or what place it has in the part. */
uint64_t NearRows::NearRecord(uint32_t feature)
{
    const char *record = m_near->Record(feature);
    return m_plan.UsesProcesses() ? m_part.AddRecord(feature, record, m_near->RecordBytes(feature))
                                  : static_cast<uint64_t>(reinterpret_cast<uintptr_t>(record));
}

/* The longitude of a link's end that makes the link the short way: over the antimeridian it goes on beyond 180. */
static double Unwrap(double x, double from)
{
    return std::abs(x - from) > 180 ? x - 360 * std::round((x - from) / 360) : x;
}

/* As WKB, in the unit of the CRS. */
uint64_t NearRows::GeometryOf(const fn_neighbour &n)
{
    const double scale = m_plan.toDegrees;
    const double from[] = {n.from_x / scale, n.from_y / scale}, near[] = {n.near_x / scale, n.near_y / scale};
    const double far[] = {(m_plan.geodesic ? Unwrap(n.near_x, n.from_x) : n.near_x) / scale, near[1]};
    unsigned char wkb[9 + 4 * sizeof(double)] = {CPL_IS_LSB ? wkbNDR
                                                            : wkbXDR}; /* the order of bytes, the type, coordinates */
    uint32_t end = 1;
    const auto put = [&](const auto &value) {
        memcpy(wkb + end, &value, sizeof value);
        end += static_cast<uint32_t>(sizeof value);
    };
    const bool line = m_plan.options.geometry == RowGeometry::Line;
    put(uint32_t{line ? wkbLineString : wkbPoint});
    if (line) {
        put(uint32_t{2});
        put(from);
        put(far);
    } else if (m_plan.options.geometry == RowGeometry::From)
        put(from);
    else
        put(near);
    return m_part.AddGeometry(wkb, end);
}

/* What the row has of the near feature, beside its rank and record. */
void NearRows::SetRow(size_t row, const fn_neighbour &neighbour)
{
    m_nearFid[row] = neighbour.fid;
    m_distance[row] = neighbour.distance / m_plan.unit;
    if (m_location[0]) {
        m_location[0][row] = neighbour.from_x;
        m_location[1][row] = neighbour.from_y;
        m_location[2][row] = neighbour.near_x;
        m_location[3][row] = neighbour.near_y;
    }
    if (m_angle)
        m_angle[row] = neighbour.angle;
    if (m_along)
        m_along[row] = neighbour.along / m_plan.unit;
    if (m_nearFc)
        m_nearFc[row] = static_cast<uint32_t>(neighbour.layer);
}

/* The rows of feature i of the batch. */
fn_status NearRows::AddRows(const Batch &batch, size_t i, const fn_neighbour *found, size_t n, fn_usable verdict,
                            RowSink &sink, fn_error *err)
{
    constexpr double kNaN = NullValue<double>();
    static const fn_neighbour nobody = {0, -1, kNoFeature, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN};
    if (batch.shapes[i] != Batch::Shape::Nothing) /* those are counted */
        m_part.header.unusable.Count(verdict);
    const bool unmatched = n == 0;
    if (unmatched && !m_plan.options.unmatchedNull)
        return FN_OK;
    const size_t rows = std::max<size_t>(n, 1);
    if (sink.Counts()) {
        sink.Count(static_cast<int64_t>(rows));
        return FN_OK;
    }
    for (size_t r = 0; r < rows; r++) {
        size_t row = 0;
        if (sink.AddRow(i, &row, err) != FN_OK)
            return err->status;
        const fn_neighbour &neighbour = unmatched ? nobody : found[r];
        m_inFid[row] = batch.fids[i];
        SetRow(row, neighbour);
        m_rank[row] = unmatched ? NullValue<int32_t>() : static_cast<int32_t>(r + 1);
        if (m_nearGroup)
            m_nearGroup[row] = unmatched ? NullValue<uint64_t>() : NearRecord(neighbour.feature);
        if (m_geometry)
            m_geometry[row] = unmatched ? NullValue<uint64_t>() : GeometryOf(neighbour);
    }
    return FN_OK;
}

/* ---- searching ---- */

/* What each feature of the batch must not find. One that was read in the order of its layer is known by its place
 * there: FIDs may be those of several. */
void NearRows::FindExcluded(const Batch &batch, int64_t first)
{
    m_excludedLayer = m_plan.excluded.layer;
    m_excluded = batch.fids.data();
    if (m_split.way != InputSplit::Way::OneReader || !m_near->KnowsPlaces())
        return;
    m_byNumber.clear();
    for (size_t i = 0; i < batch.Count(); i++)
        m_byNumber.push_back(m_near->FeatureAt(first + static_cast<int64_t>(i)));
    m_excludedLayer = FN_BY_NUMBER;
    m_excluded = m_byNumber.data();
}

/* Points only: many at once, which is quicker. */
fn_status NearRows::SearchPoints(const Batch &batch, RowSink &sink, const volatile bool *cancel, fn_error *err)
{
    constexpr size_t kNeighbours = 65536;
    const size_t closest = m_plan.limits.closest, most = std::max<size_t>(1, kNeighbours / closest);
    for (size_t begin = 0; begin < batch.Count(); begin += most) {
        const size_t n = std::min(most, batch.Count() - begin);
        m_found.resize(n * closest);
        m_counts.resize(n);
        m_verdicts.resize(n);
        if (fn_searcher_find_points(m_searcher.get(), n, batch.xy.data() + 2 * begin,
                                    m_plan.HasGroups() ? batch.groups.data() + begin : nullptr, m_excludedLayer,
                                    m_excluded + begin, m_found.data(), m_counts.data(), m_verdicts.data(), cancel,
                                    err) != FN_OK)
            return err->status;
        for (size_t i = 0; i < n; i++)
            if (AddRows(batch, begin + i, m_found.data() + i * closest, m_counts[i], m_verdicts[i], sink, err) != FN_OK)
                return err->status;
    }
    return FN_OK;
}

fn_status NearRows::Write(const Batch &batch, int64_t first, RowSink &sink, const volatile bool *cancel, fn_error *err)
{
    FindExcluded(batch, first);
    if (batch.OnlyPoints() && m_plan.limits.closest <= FN_BULK_CLOSEST)
        return SearchPoints(batch, sink, cancel, err);
    for (size_t i = 0; i < batch.Count(); i++) {
        if (fn_is_cancelled(cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        const uint32_t group = m_plan.HasGroups() ? batch.groups[i] : FN_NO_GROUP;
        const fn_neighbour *found = nullptr;
        size_t n = 0;
        fn_usable verdict = FN_USABLE;
        fn_status status = FN_OK;
        if (batch.shapes[i] == Batch::Shape::Point)
            status = fn_searcher_find_point(m_searcher.get(), batch.xy[2 * i], batch.xy[2 * i + 1], group,
                                            {m_excludedLayer, m_excluded[i]}, &found, &n, &verdict, cancel, err);
        else if (batch.shapes[i] == Batch::Shape::Wkb)
            status = fn_searcher_find_wkb(m_searcher.get(), batch.Wkb(i), batch.WkbBytes(i), group,
                                          {m_excludedLayer, m_excluded[i]}, &found, &n, &verdict, cancel, err);
        if (status != FN_OK || (status = AddRows(batch, i, found, n, verdict, sink, err)) != FN_OK)
            return status;
    }
    return FN_OK;
}

static fn_usable PointUsable(double x, double y, bool geodesic)
{
    if (!std::isfinite(x) || !std::isfinite(y))
        return FN_UNUSABLE_NOT_FINITE;
    return geodesic && std::abs(y) > 90 ? FN_UNUSABLE_LATITUDE : FN_USABLE;
}

void NearRows::CountUnusable(const Batch &batch, Unusable &unusable) const
{
    for (size_t i = 0; i < batch.Count(); i++) {
        if (batch.shapes[i] == Batch::Shape::Wkb)
            unusable.Count(fn_wkb_usable(batch.Wkb(i), batch.WkbBytes(i), m_plan.geodesic));
        else if (batch.shapes[i] == Batch::Shape::Point)
            unusable.Count(PointUsable(batch.xy[2 * i], batch.xy[2 * i + 1], m_plan.geodesic));
    }
}

} // namespace fishnet::neartable
