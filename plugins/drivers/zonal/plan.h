/* What a table of zonal statistics computes: the rasters, the columns. Made when the dataset is opened, then read by
 * all workers and never changed. */
#ifndef FN_ZONALSTATS_PLAN_H
#define FN_ZONALSTATS_PLAN_H

#include "classes.h"
#include "table_plan.h"

namespace fishnet::zonalstats
{

class ZonalPlan final : public TablePlan
{
  public:
    ZonalOptions options;
    std::shared_ptr<const Rasters> rasters;
    fn_worker_options rasterWorkers = {}; /* who computes; the rows are but written down, by threads of the host */
    ReportFiles rasterReports;

    bool zonesAreRaster = false;     /* and not a layer */
    std::vector<ClassValues> values; /* with HISTOGRAM=WIDE: of each plane */

    /* Slots of the schema: the zone's FID, or its number in a raster of zones, then the statistics of each plane, and a
     * count for each of its values; or those of a class. */
    int zoneFid = -1, firstStat = -1, classValue = -1, classCount = -1, classArea = -1, classShare = -1;
    size_t StatCount(size_t plane) const { return options.stats.size() + (values.empty() ? 0 : values[plane].size()); }
    size_t StatCount() const;
    bool HasClasses() const { return options.histogram == Histogram::Long; }
    bool CountIsInteger() const { return options.pixels != FN_PIXELS_FRACTION; }

    void AddColumns(const std::string &prefix, fn_type type, size_t plane);
    void AddClassColumns();
    void TakeOver(const TablePlan &same) override { values = static_cast<const ZonalPlan &>(same).values; }
    bool FindInput(const TableOptions &given, Handles &handles) override;
    bool Complete(const TableOptions &given, Handles &handles) override;
    void MakeSchema() override;
    std::vector<std::string> FieldsToCarry(const TableOptions &given) const override;
    void ListFiles(CPLStringList &files) const override;
    std::string OwnSignature() const override;
    void Report(CPLStringList &report, int64_t size) const override;
    const char *LostText() const override { return "have no cells"; }

    /* The statistics of all zones. */
    bool Shares() const override { return true; }
    /* Where there is nothing to carry over. With parts the zones of a part are those of a range of the layer. */
    bool RowsAreShared() const override
    {
        return zonesAreRaster || (fields.empty() && !options.geometry && parts == 1);
    }
    std::shared_ptr<const Shared> Share(const Handles &handles, Notes &messages, const GoesOn &goesOn,
                                        fn_error *err) const override;
    std::unique_ptr<RowWriter> NewWriter(const Shared *shared, const InputSplit &split, PartBuilder &rows,
                                         fn_error *err) const override;

    /* Where each share would pass over the whole raster: shares are of its tiles then. */
    bool Folds(int64_t count) const override;
    Folding HowFolded() const override;
    fn_status WritePartial(int64_t share, int64_t shares, PartialWriter &to, Notes &messages, const GoesOn &goesOn,
                           fn_error *err) const override;
    std::shared_ptr<const Shared> Fold(std::shared_ptr<PartialReader> from, Notes &messages, const GoesOn &goesOn,
                                       fn_error *err) const override;

    int64_t RowsExpected(int64_t size) const override { return HasClasses() || parts > 1 ? -1 : size; }
    Counting HowToCount(int64_t) const override
    {
        return zonesAreRaster || HasGroups() || HasClasses() ? Counting::Compute : Counting::Features;
    }
};

} // namespace fishnet::zonalstats

#endif
