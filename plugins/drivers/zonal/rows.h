/* The rows of a table of zonal statistics: what is known of each zone, written down. */
#ifndef FN_ZONALSTATS_ROWS_H
#define FN_ZONALSTATS_ROWS_H

#include "plan.h"
#include "zone_table.h"

namespace fishnet::zonalstats
{

class ZonalRows final : public RowWriter
{
  public:
    ZonalRows(const ZonalPlan &plan, const ZoneTable *zones, const InputSplit &split, PartBuilder &rows)
        : m_plan(plan), m_zones(zones), m_split(split), m_rows(rows)
    {
    }
    fn_status Write(const Batch &batch, int64_t first, RowSink &sink, const volatile bool *cancel,
                    fn_error *err) override;
    void CountUnusable(const Batch &batch, Unusable &unusable) const override;

  private:
    void SetStats(size_t row, int64_t zone);
    void SetClass(size_t row, int64_t zone, size_t index);
    void SetGeometry(size_t row, const Batch &batch, size_t i);

    const ZonalPlan &m_plan;
    const ZoneTable *m_zones; /* NULL: rows are only counted */
    const InputSplit &m_split;
    PartBuilder &m_rows;
};

} // namespace fishnet::zonalstats

#endif
