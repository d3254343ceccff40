#include "rows.h"

#include <algorithm>
#include <cmath>

#include "pixel_wkb.h"
#include "slots.h"
#include "zone_reader.h"

namespace fishnet::zonalstats
{

void ZonalRows::CountUnusable(const Batch &batch, Unusable &unusable) const
{
    CountUnusableWkb(batch, unusable);
}

void ZonalRows::SetStats(size_t row, int64_t zone)
{
    for (size_t k = 0; k < m_plan.StatCount(); k++) /* integers and doubles are of one width */
        m_rows.Slot<int64_t>(m_plan.firstStat + static_cast<int>(k))[row] = m_zones->Values(zone)[k];
}

/* A zone without cells has a row for none. */
void ZonalRows::SetClass(size_t row, int64_t zone, size_t index)
{
    const ZoneClasses &classes = m_zones->Classes(zone);
    const bool isNone = classes.count == 0, isVoid = std::isnan(classes.total);
    const bool countIsInteger = m_plan.CountIsInteger();
    const Column &value = m_plan.schema.columns[static_cast<size_t>(m_plan.classValue)];
    const double cells = isNone           ? 0
                         : countIsInteger ? static_cast<double>(classes.rows[index].count)
                                          : FromSlot(classes.rows[index].count);
    m_rows.Slot<int64_t>(m_plan.classValue)[row] =
        isNone ? NullSlot(value.kind == Column::Kind::Integer64) : classes.rows[index].value;
    m_rows.Slot<int64_t>(m_plan.classCount)[row] = isVoid           ? NullSlot(countIsInteger)
                                                   : !isNone        ? classes.rows[index].count
                                                   : countIsInteger ? 0
                                                                    : AsSlot(0.0);
    m_rows.Slot<double>(m_plan.classArea)[row] = isNone ? NullValue<double>() : classes.rows[index].area;
    m_rows.Slot<double>(m_plan.classShare)[row] = isNone ? NullValue<double>() : cells / classes.total;
}

void ZonalRows::SetGeometry(size_t row, const Batch &batch, size_t i)
{
    PointWkb point;
    const bool none = batch.shapes[i] == Batch::Shape::Nothing, isPoint = batch.shapes[i] == Batch::Shape::Point;
    if (isPoint)
        point = MakePoint(batch.xy[2 * i], batch.xy[2 * i + 1]);
    m_rows.Slot<uint64_t>(m_plan.schema.GeometrySlot())[row] =
        none      ? NullValue<uint64_t>()
        : isPoint ? m_rows.AddGeometry(point.data(), static_cast<uint32_t>(point.size()))
                  : m_rows.AddGeometry(batch.Wkb(i), static_cast<uint32_t>(batch.WkbBytes(i)));
}

fn_status ZonalRows::Write(const Batch &batch, int64_t first, RowSink &sink, const volatile bool *cancel, fn_error *err)
{
    const bool reads = m_split.way != InputSplit::Way::Nothing, hasClasses = m_plan.HasClasses();
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
        if (m_zones->WaitFor(zone, cancel, err) != FN_OK)
            return err->status;
        const size_t rows = hasClasses ? std::max<size_t>(1, m_zones->Classes(zone).count) : 1;
        if (sink.Counts())
            sink.Count(static_cast<int64_t>(rows));
        for (size_t k = 0; !sink.Counts() && k < rows; k++) {
            size_t row = 0;
            if (sink.AddRow(i, &row, err) != FN_OK)
                return err->status;
            m_rows.Slot<int64_t>(m_plan.zoneFid)[row] = m_zones->Fid(zone);
            if (hasClasses)
                SetClass(row, zone, k);
            else
                SetStats(row, zone);
            if (m_plan.schema.geometry != wkbNone)
                SetGeometry(row, batch, i);
        }
    }
    return FN_OK;
}

} // namespace fishnet::zonalstats
