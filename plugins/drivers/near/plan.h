/* What a near table computes: its near layers, the distance and its unit, the columns. Made when the dataset is opened,
 * then read by all workers and never changed. */
#ifndef FN_NEARTABLE_PLAN_H
#define FN_NEARTABLE_PLAN_H

#include "fishnet/near.h"
#include "options.h"
#include "table_plan.h"

namespace fishnet::neartable
{

constexpr int64_t kNoFeature = -1; /* NEAR_FID of a row without a near feature */

class NearPlan final : public TablePlan
{
  public:
    Options options;
    std::vector<LayerPlan> near;
    bool geodesic = false;
    double semiMajor = 0, flattening = 0;
    double unit = 1;            /* NEAR_DIST times this is what the core measures in */
    fn_near_limits limits = {}; /* in the core's unit */
    fn_excluded excluded = {-1, 0};
    std::vector<CarriedField> nearFields;

    /* Slots of the schema; -1: there is none. */
    int inFid = -1, nearFid = -1, distance = -1, rank = -1;
    int location = -1; /* FROM_X, then FROM_Y, NEAR_X, NEAR_Y */
    int angle = -1, along = -1, nearFc = -1;
    int nearGroup = -1;

    bool Complete(const TableOptions &given, Handles &handles) override;
    int64_t UsualPartitionSize() const override;
    void MakeSchema() override;
    std::vector<const LayerPlan *> OtherLayers() const override;
    std::string OwnSignature() const override;
    void Report(CPLStringList &report, int64_t size) const override;
    size_t RowsOfTask(int64_t features) const override;
    size_t OtherRecordBytes() const override;
    const char *LostText() const override { return "have no near feature"; }

    /* The near side. */
    bool Shares() const override { return true; }
    bool SharesLittle() const override { return true; }
    std::shared_ptr<const Shared> Share(const Handles &handles, Notes &messages, const GoesOn &goesOn,
                                        fn_error *err) const override;
    std::unique_ptr<RowWriter> NewWriter(const Shared *shared, const InputSplit &split, PartBuilder &rows,
                                         fn_error *err) const override;

    Counting HowToCount(int64_t size) const override;
    int64_t RowsOf(int64_t usable, int64_t unusable, int64_t size) const override;
};

} // namespace fishnet::neartable

#endif
