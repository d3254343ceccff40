#include "rows.h"

#include "pixel_wkb.h"
#include "zone_reader.h"

namespace fishnet::zonalstats
{

void ZonalRows::CountUnusable(const Batch &batch, Unusable &unusable) const
{
    CountUnusableWkb(batch, unusable);
}

fn_status ZonalRows::Write(const Batch &batch, int64_t first, RowSink &sink, const volatile bool *cancel, fn_error *err)
{
    const bool reads = m_split.way != InputSplit::Way::Nothing;
    if (reads)
        CountUnusable(batch, m_rows.header.unusable);
    else if (first == 0)
        m_rows.header.unusable.Add(m_zones->GetUnusable());
    for (size_t i = 0; i < batch.Count(); i++) {
        if (fn_is_cancelled(cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        const int64_t zone =
            reads ? m_zones->Find(batch.fids[i], first + static_cast<int64_t>(i), m_split) : batch.fids[i];
        if (zone < 0 && m_plan.HasGroups())
            continue; /* another one of its group has the row */
        if (zone < 0)
            return fn_fail(err, FN_ERR_READ, "the feature %lld has come since its layer was read first",
                           static_cast<long long>(batch.fids[i]));
        if (sink.Counts()) {
            sink.Count(1);
            continue;
        }
        size_t row = 0;
        if (sink.AddRow(i, &row, err) != FN_OK)
            return err->status;
        m_rows.Slot<int64_t>(m_plan.zoneFid)[row] = m_zones->Fid(zone);
        for (size_t k = 0; k < m_plan.StatCount(); k++) /* integers and doubles are of one width */
            m_rows.Slot<int64_t>(m_plan.firstStat + static_cast<int>(k))[row] = m_zones->Values(zone)[k];
        if (m_plan.schema.geometry == wkbNone)
            continue;
        PointWkb point;
        const bool none = batch.shapes[i] == Batch::Shape::Nothing, isPoint = batch.shapes[i] == Batch::Shape::Point;
        if (isPoint)
            point = MakePoint(batch.xy[2 * i], batch.xy[2 * i + 1]);
        m_rows.Slot<uint64_t>(m_plan.schema.GeometrySlot())[row] =
            none      ? NullValue<uint64_t>()
            : isPoint ? m_rows.AddGeometry(point.data(), static_cast<uint32_t>(point.size()))
                      : m_rows.AddGeometry(batch.Wkb(i), static_cast<uint32_t>(batch.WkbBytes(i)));
    }
    return FN_OK;
}

} // namespace fishnet::zonalstats
