/* The statistics of all zones, finished: what the rows of the table are written from. */
#ifndef FN_ZONALSTATS_ZONE_TABLE_H
#define FN_ZONALSTATS_ZONE_TABLE_H

#include <atomic>
#include <condition_variable>
#include <mutex>

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

class Statistics;

/* It is shared when all zones have been read: then all is there but values and classes of zones that are not finished,
 * for which readers wait. */
class ZoneTable final : public Shared
{
  public:
    explicit ZoneTable(size_t statCount);
    ~ZoneTable() override;
    /* Reads the zones of the plan's share of the input, a range at a time, and passes over the rasters for each; the
     * last pass is left to GoOn(). NULL and err on failure. messages: for the host. */
    static std::shared_ptr<const ZoneTable> Make(const ZonalPlan &plan, Notes &messages, const GoesOn &goesOn,
                                                 fn_error *err);
    /* The same, where shares have made the pass over the rasters. */
    static std::shared_ptr<const ZoneTable> Fold(const ZonalPlan &plan, std::shared_ptr<PartialReader> from,
                                                 Notes &messages, const GoesOn &goesOn, fn_error *err);
    /* A share of that pass, from 0. */
    static fn_status WritePartial(const ZonalPlan &plan, int64_t part, int64_t parts, PartialWriter &to,
                                  Notes &messages, const GoesOn &goesOn, fn_error *err);

    /* Whether features are found by what that split says of them, or none is asked for. */
    bool IsReadBy(const InputSplit &split) const { return split.way == InputSplit::Way::Nothing || split.way == m_way; }
    bool IsWhole() const override { return m_ready == kAll; }
    fn_status GoOn(Notes &messages, fn_error *err) const override;
    bool IsGivenUp() const override { return !IsWhole() && !m_statistics; }
    void GiveUp() const override;
    int64_t Size() const override { return static_cast<int64_t>(m_fids.size()); }
    /* The zone of a feature that is read by that split, with groups of the first of one; -1: there is none. */
    int64_t Find(int64_t fid, int64_t place, const InputSplit &split) const;
    int64_t Fid(int64_t zone) const { return m_fids[static_cast<size_t>(zone)]; }
    /* Of the features that were read. */
    const Unusable &GetUnusable() const { return m_unusable; }
    /* Until the zone is finished. FN_ERR_CANCELLED: it will never be. Any thread. */
    fn_status WaitFor(int64_t zone, const volatile bool *cancel, fn_error *err) const;
    /* Of a zone that is finished, as slots of the schema have them: integers, or the bytes of doubles. */
    const int64_t *Values(int64_t zone) const { return m_values.Row(static_cast<size_t>(zone)); }
    /* With HISTOGRAM=LONG. */
    const ZoneClasses &Classes(int64_t zone) const { return m_classes[static_cast<size_t>(zone)]; }

  private:
    friend class Statistics;
    static constexpr int64_t kAll = INT64_MAX;
    void Sort();
    /* The zones before that one are finished. */
    void Publish(int64_t zone) const;

    InputSplit::Way m_way = InputSplit::Way::OneReader; /* how the zones were read */
    int64_t m_firstPlace = 0;
    std::vector<int64_t> m_fids;   /* of the first feature of each, in the order of reading */
    std::vector<int64_t> m_places; /* with groups: of that feature */
    std::vector<uint32_t> m_byFid; /* empty: m_fids ascends */
    SlotRows m_values;
    Unusable m_unusable;
    std::vector<ZoneClasses> m_classes;

    /* Of the thread that makes it. */
    mutable std::unique_ptr<Statistics> m_statistics; /* NULL: it is whole, or given up */
    mutable fn_error m_failure = {};                  /* why that */
    /* Of all threads. */
    mutable std::atomic<int64_t> m_ready{0};
    mutable std::atomic<bool> m_stops{false};
    mutable std::mutex m_mutex;
    mutable std::condition_variable m_news;
};

} // namespace fishnet::zonalstats

#endif
