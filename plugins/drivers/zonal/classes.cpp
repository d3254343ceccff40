#include "classes.h"

#include <algorithm>

#include "boundary.h"
#include "slots.h"

namespace fishnet::zonalstats
{

static int64_t CountSlot(double count, bool isInteger)
{
    return isInteger ? static_cast<int64_t>(count) : AsSlot(count);
}

/* ---- a row for each ---- */

bool TakeClasses(const fn_zone_stats *stats, bool valueIsInteger, bool countIsInteger, ZoneClasses &out,
                 double &tooLarge)
{
    out = ZoneClasses();
    if (stats && fn_zone_stats_is_void(stats))
        return true;
    out.total = stats ? fn_zone_stats_class_total(stats) : 0;
    out.count = stats ? static_cast<uint32_t>(fn_zone_stats_class_count(stats)) : 0;
    if (out.count > 0)
        out.rows = std::make_unique<ClassRow[]>(out.count);
    for (size_t i = 0; i < out.count; i++) {
        const fn_class one = fn_zone_stats_class(stats, i);
        ClassRow &row = out.rows[i];
        tooLarge = one.value.real;
        if (!FitsSlot(one.value, valueIsInteger, row.value))
            return false;
        row.count = CountSlot(one.count, countIsInteger);
        row.area = one.area;
    }
    return true;
}

/* ---- a column for each ---- */

static std::string NumberOf(const fn_stat_value &value)
{
    return value.result == FN_STAT_UNSIGNED ? std::to_string(value.unsigned64) : std::to_string(value.integer);
}

std::string ColumnOf(const fn_stat_value &value)
{
    return "VALUE_" + NumberOf(value);
}

/* Of integers: those beyond Int64 are behind all others. */
static bool IsBefore(const fn_stat_value &a, const fn_stat_value &b)
{
    if (a.result != b.result)
        return a.result == FN_STAT_INTEGER;
    return a.result == FN_STAT_INTEGER ? a.integer < b.integer : a.unsigned64 < b.unsigned64;
}

fn_status CountClasses(const fn_zone_stats *stats, const ClassValues &values, bool countIsInteger, int64_t *to,
                       fn_error *err)
{
    const bool isVoid = stats && fn_zone_stats_is_void(stats);
    std::fill(to, to + values.size(), isVoid ? NullSlot(countIsInteger) : CountSlot(0, countIsInteger));
    const size_t count = stats ? fn_zone_stats_class_count(stats) : 0;
    for (size_t i = 0; i < count; i++) {
        const fn_class one = fn_zone_stats_class(stats, i);
        const auto at = std::lower_bound(values.begin(), values.end(), one.value, IsBefore);
        if (at == values.end() || IsBefore(one.value, *at))
            return fn_fail(err, FN_ERR_ARGUMENT, "the raster has the value %s, which it did not have as it was opened",
                           NumberOf(one.value).c_str());
        to[at - values.begin()] = CountSlot(one.count, countIsInteger);
    }
    return FN_OK;
}

/* ---- the values of a raster ---- */

/* A rectangle around all cells, as WKB in the CRS of the rasters. */
static std::string AroundAll(const Rasters &rasters)
{
    const double right = static_cast<double>(rasters.grid.width) + 1,
                 bottom = static_cast<double>(rasters.grid.height) + 1;
    const double corners[5][2] = {{-1, -1}, {right, -1}, {right, bottom}, {-1, bottom}, {-1, -1}};
    const double *gt = rasters.geotransform;
    std::string wkb = {1, 3, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0};
    for (const auto &corner : corners)
        for (int i = 0; i < 6; i += 3) {
            const double place = gt[i] + corner[0] * gt[i + 1] + corner[1] * gt[i + 2];
            wkb.append(reinterpret_cast<const char *>(&place), sizeof place);
        }
    return wkb;
}

/* One zone, and of its statistics only the classes. */
static ZonalOptions OptionsOfPass(const ZonalOptions &options)
{
    ZonalOptions own = options;
    own.stats = {{FN_STAT_COUNT, 0}};
    own.pixels = FN_PIXELS_CENTER;
    own.spread = false;
    return own;
}

/* So that a helper process has the same. */
static Source SourceOfPass(const Source &source)
{
    Source own = source;
    for (const char *name : {"STATS", "PERCENTILES", "PIXELS", "NODATA"})
        while (own.openOptions.FetchNameValue(name))
            own.openOptions.SetNameValue(name, nullptr);
    return own;
}

/* The most values of a plane that are known so far: *which. */
static size_t MostValues(const PlaneStats &zone, size_t &which)
{
    size_t most = 0;
    for (size_t plane = 0; plane < zone.size(); plane++)
        if (zone[plane] && fn_zone_stats_class_count(zone[plane].get()) > most) {
            most = fn_zone_stats_class_count(zone[plane].get());
            which = plane;
        }
    return most;
}

static fn_status FindAll(const std::shared_ptr<const Rasters> &rasters, const ZonalOptions &options,
                         const Source &source, const fn_worker_options &workers, std::vector<ClassValues> &values,
                         fn_error *err)
{
    const auto zones = std::make_shared<ZoneList>(workers.processes > 0);
    const std::string wkb = AroundAll(*rasters);
    std::vector<StatsPlan> plans;
    for (size_t plane = 0; plane < rasters->planes.size(); plane++) {
        const fn_stats_options stats = StatsOf(options, *rasters, plane);
        fn_stats_plan *plan = nullptr;
        if (fn_stats_plan_new(&stats, &plan, err) != FN_OK)
            return err->status;
        plans.emplace_back(plan);
    }
    ZoneHandle whole;
    if (MakeZone(wkb.data(), wkb.size(), rasters->geotransform, whole, err) != FN_OK)
        return err->status;
    zones->Add(0, std::move(whole), wkb, true);
    zones->Close();
    const auto job = std::make_shared<ZonalJob>(rasters, options, source, zones, workers,
                                                std::make_shared<FailedTasks>("ZONALSTATS"), options.errorIsNoData);
    size_t most = 0, which = 0;
    PassResults results(*zones, *job, plans, [&](int64_t, PlaneStats &zone, bool, fn_error *error) {
        for (size_t plane = 0; plane < zone.size(); plane++) {
            fn_stat_value count;
            fn_zone_stats *stats = zone[plane].get();
            if (stats && fn_zone_stats_finish(stats, &count, nullptr, error) != FN_OK)
                return error->status;
            for (size_t i = 0; stats && i < fn_zone_stats_class_count(stats); i++)
                values[plane].push_back(fn_zone_stats_class(stats, i).value);
        }
        most = MostValues(zone, which);
        return FN_OK;
    });
    const GoesOn fewSoFar = [&] { return (most = MostValues(results.Stats(0), which)) <= kWideMost; };
    const fn_status status = PassOver(job, workers, ReportFiles(), fewSoFar, results, err);
    if (most > kWideMost)
        return fn_fail(err, FN_ERR_VALUE,
                       "band %d of %.300s has at least %zu different values, and at most %zu can be columns "
                       "(HISTOGRAM=LONG takes more)",
                       rasters->read[which].band, Describe(rasters->inputs[rasters->read[which].input]).c_str(), most,
                       kWideMost);
    return status;
}

static bool AreIntegers(const Rasters &rasters)
{
    for (size_t i = 0; i < rasters.planes.size(); i++) {
        if (fn_type_is_integer(rasters.planes[i].type))
            continue;
        const std::string what = rasters.calc ? "CALC"
                                              : "band " + std::to_string(rasters.read[i].band) + " of " +
                                                    Describe(rasters.inputs[rasters.read[i].input]);
        CPLError(CE_Failure, CPLE_NotSupported,
                 "ZONALSTATS: HISTOGRAM=WIDE takes rasters of integers; %s is of %s (HISTOGRAM=LONG takes it)",
                 what.c_str(), fn_type_name(rasters.planes[i].type));
        return false;
    }
    return true;
}

bool FindValues(const std::shared_ptr<const Rasters> &rasters, const ZonalOptions &options, const Source &source,
                const fn_worker_options &workers, std::vector<ClassValues> &values)
{
    fn_error err = {};
    fn_status status = FN_OK;
    Notes messages;
    if (!AreIntegers(*rasters))
        return false;
    values.assign(rasters->planes.size(), {});
    {
        MessageCollector collector;
        status = FindAll(rasters, OptionsOfPass(options), SourceOfPass(source), workers, values, &err);
        messages = std::move(collector.messages);
    }
    for (const Message &message : messages)
        if (message.level == CE_Debug) /* the pass for the zones gives all others */
            Emit(message);
    if (status != FN_OK)
        CPLError(CE_Failure, ErrorNumber(status), "ZONALSTATS: HISTOGRAM=WIDE: %s", err.text);
    return status == FN_OK;
}

} // namespace fishnet::zonalstats
