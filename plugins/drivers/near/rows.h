/* The rows of a near table: each feature of a batch searched, and its neighbours. */
#ifndef FN_NEARTABLE_ROWS_H
#define FN_NEARTABLE_ROWS_H

#include "near_side.h"

namespace fishnet::neartable
{

class NearRows final : public RowWriter
{
  public:
    /* near: NULL, if nothing is searched. NULL and err on failure. */
    static std::unique_ptr<NearRows> New(const NearPlan &plan, const NearSide *near, const InputSplit &split,
                                         PartBuilder &part, fn_error *err);

    fn_status Write(const Batch &batch, int64_t first, RowSink &sink, const volatile bool *cancel,
                    fn_error *err) override;
    void CountUnusable(const Batch &batch, Unusable &unusable) const override;

  private:
    NearRows(const NearPlan &plan, const NearSide *near, const InputSplit &split, PartBuilder &part);
    fn_status SearchPoints(const Batch &batch, RowSink &sink, const volatile bool *cancel, fn_error *err);
    fn_status AddRows(const Batch &batch, size_t i, const fn_neighbour *found, size_t n, fn_usable verdict,
                      RowSink &sink, fn_error *err);
    void SetRow(size_t row, const fn_neighbour &neighbour);
    uint64_t GeometryOf(const fn_neighbour &neighbour);
    uint64_t NearRecord(uint32_t feature);
    void FindExcluded(const Batch &batch, int64_t first);

    struct FreeSearcher {
        void operator()(fn_searcher *searcher) const { fn_searcher_free(searcher); }
    };

    const NearPlan &m_plan;
    const NearSide *m_near;
    const InputSplit &m_split;
    PartBuilder &m_part;
    std::unique_ptr<fn_searcher, FreeSearcher> m_searcher;
    int m_excludedLayer = -1; /* of fn_excluded, for all of them */
    const int64_t *m_excluded = nullptr;
    std::vector<int64_t> m_byNumber;
    std::vector<fn_neighbour> m_found;
    std::vector<uint32_t> m_counts;
    std::vector<fn_usable> m_verdicts;
    /* The slots of the part; NULL: the table does not have them. */
    int64_t *m_inFid, *m_nearFid;
    double *m_distance, *m_location[4], *m_angle, *m_along;
    int32_t *m_rank;
    uint32_t *m_nearFc;
    uint64_t *m_nearGroup, *m_geometry;
};

} // namespace fishnet::neartable

#endif
