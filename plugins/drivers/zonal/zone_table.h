/* The statistics of all zones, finished: what the rows of the table are written from. */
#ifndef FN_ZONALSTATS_ZONE_TABLE_H
#define FN_ZONALSTATS_ZONE_TABLE_H

#include "plan.h"

namespace fishnet::zonalstats
{

/* Rows of slots, that stay where they are while there come more. */
class SlotRows
{
  public:
    explicit SlotRows(size_t width) : m_width(width) {}
    /* Adds a row, whose slots are to be set. */
    int64_t *Add()
    {
        if (m_count % kBlock == 0)
            m_blocks.push_back(std::make_unique<int64_t[]>(kBlock * m_width));
        return Row(m_count++);
    }
    int64_t *Row(size_t i) { return m_blocks[i / kBlock].get() + i % kBlock * m_width; }
    const int64_t *Row(size_t i) const { return m_blocks[i / kBlock].get() + i % kBlock * m_width; }

  private:
    static constexpr size_t kBlock = 4096;
    size_t m_width, m_count = 0;
    std::vector<std::unique_ptr<int64_t[]>> m_blocks;
};

class ZoneTable final : public Shared
{
  public:
    explicit ZoneTable(size_t statCount) : m_values(statCount) {}
    /* Reads the zones of the plan's share of the input, a range at a time, and passes over the rasters for each. NULL
     * and err on failure. messages: for the host. */
    static std::shared_ptr<const ZoneTable> Make(const ZonalPlan &plan, Notes &messages, const GoesOn &goesOn,
                                                 fn_error *err);

    /* Whether features are found by what that split says of them, or none is asked for. */
    bool IsReadBy(const InputSplit &split) const { return split.way == InputSplit::Way::Nothing || split.way == m_way; }
    int64_t Size() const override { return static_cast<int64_t>(m_fids.size()); }
    /* The zone of a feature that is read by that split, with groups of the first of one; -1: there is none. */
    int64_t Find(int64_t fid, int64_t place, const InputSplit &split) const;
    int64_t Fid(int64_t zone) const { return m_fids[static_cast<size_t>(zone)]; }
    /* Of the features that were read. */
    const Unusable &GetUnusable() const { return m_unusable; }
    /* Of a zone, as slots of the schema have them: integers, or the bytes of doubles. */
    const int64_t *Values(int64_t zone) const { return m_values.Row(static_cast<size_t>(zone)); }
    /* With HISTOGRAM=LONG. */
    const ZoneClasses &Classes(int64_t zone) const { return m_classes[static_cast<size_t>(zone)]; }

  private:
    friend class Statistics;
    void Sort();

    InputSplit::Way m_way = InputSplit::Way::OneReader; /* how the zones were read */
    int64_t m_firstPlace = 0;
    std::vector<int64_t> m_fids;   /* of the first feature of each, in the order of reading */
    std::vector<int64_t> m_places; /* with groups: of that feature */
    std::vector<uint32_t> m_byFid; /* empty: m_fids ascends */
    SlotRows m_values;
    Unusable m_unusable;
    std::vector<ZoneClasses> m_classes;
};

} // namespace fishnet::zonalstats

#endif
