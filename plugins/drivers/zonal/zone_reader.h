/* The zones of a layer, read by workers and handed over in the order of the layer. */
#ifndef FN_ZONALSTATS_ZONE_READER_H
#define FN_ZONALSTATS_ZONE_READER_H

#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "plan.h"
#include "table_job.h"
#include "zone_list.h"

namespace fishnet::zonalstats
{

/* A feature of the layer. */
struct ReadZone {
    int64_t fid = -1;
    uint32_t group = FN_NO_GROUP; /* a number for each value of ZONE_FIELD, FN_NO_GROUP: NULL */
    ZoneHandle zone;              /* as the next: where it is wanted */
    std::string wkb;
};

/* What the workers of one reading share. To the table's machinery they count rows: see ZonalPlan::NewWriter(). */
class ZoneReader final : public Shared
{
  public:
    enum class Wants { Zones, ZonesAndWkb, Wkb };
    using Fids = std::unordered_set<int64_t>;
    /* fids: of the features that are wanted; NULL: all. */
    ZoneReader(const ZonalPlan &plan, Wants wants, std::shared_ptr<const Fids> fids)
        : m_plan(plan), m_wants(wants), m_fids(std::move(fids))
    {
    }

    using Visit = std::function<fn_status(ReadZone &zone, fn_error *err)>;
    /* Reads all that the split says by the table's workers. datasets: the input, opened by this thread. unusable: how
     * many cannot be used. */
    static fn_status Read(std::shared_ptr<const ZoneReader> self, const InputSplit &split, SharedDatasets datasets,
                          const GoesOn &goesOn, const Visit &visit, Unusable &unusable, fn_error *err);
    std::unique_ptr<RowWriter> NewWriter(PartBuilder &rows) const;

    int64_t Size() const override { return 0; }
    uint32_t Group(const std::string &key) const override;

  private:
    class Writer;
    fn_status Take(int64_t first, const Visit &visit, fn_error *err) const;

    const ZonalPlan &m_plan;
    const Wants m_wants;
    const std::shared_ptr<const Fids> m_fids;
    mutable std::mutex m_mutex;
    mutable std::map<int64_t, std::vector<ReadZone>> m_read; /* by the first feature of a task */
    mutable std::unordered_map<std::string, uint32_t> m_groups;
};

/* Counts the geometries of the batch that cannot be used, beside those that it has counted itself. */
void CountUnusableWkb(const Batch &batch, Unusable &unusable);

} // namespace fishnet::zonalstats

#endif
