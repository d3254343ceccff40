#include "statistics.h"

#include <cmath>

#include "pixel_wkb.h"
#include "slots.h"

namespace fishnet::zonalstats
{

/* ---- values in slots ---- */

/* The column of the i-th statistic of all planes. */
static const Column &ColumnAt(const ZonalPlan &plan, size_t i)
{
    return plan.schema.columns[static_cast<size_t>(plan.firstStat) + i];
}

/* stats: NULL: the zone has no cell. */
fn_status Statistics::Store(int64_t zone, size_t plane, const fn_stat_value *values, const fn_zone_stats *stats,
                            fn_error *err)
{
    const size_t count = m_plan.options.stats.size();
    size_t first = 0;
    for (size_t before = 0; before < plane; before++)
        first += m_plan.StatCount(before);
    int64_t *to = m_table.m_values.data() + static_cast<size_t>(zone) * m_table.m_statCount + first;
    for (size_t i = 0; i < count; i++) {
        const Column &column = ColumnAt(m_plan, first + i);
        if (!FitsSlot(values[i], column.kind == Column::Kind::Integer64, to[i]))
            return FailToHold(zone, column.name, values[i].real, err);
    }
    if (m_plan.options.histogram == Histogram::Wide)
        return CountClasses(stats, m_plan.values[plane], m_plan.CountIsInteger(), to + count, err);
    if (!m_plan.HasClasses())
        return FN_OK;
    const Column &column = m_plan.schema.columns[static_cast<size_t>(m_plan.classValue)];
    double tooLarge = 0;
    if (TakeClasses(stats, column.kind == Column::Kind::Integer64, m_plan.CountIsInteger(),
                    m_table.m_classes[static_cast<size_t>(zone)], tooLarge))
        return FN_OK;
    return FailToHold(zone, column.name, tooLarge, err);
}

fn_status Statistics::FailToHold(int64_t zone, const std::string &column, double value, fn_error *err) const
{
    return fn_fail(err, FN_ERR_VALUE, "the feature %lld: %s is %.17g, which the column cannot hold",
                   static_cast<long long>(m_table.Fid(zone)), column.c_str(), value);
}

/* ---- reading zones ---- */

fn_status Statistics::AddZone(int64_t fid, fn_error *)
{
    m_table.m_fids.push_back(fid);
    for (size_t i = 0; i < m_table.m_statCount; i++)
        m_table.m_values.push_back(NullSlot(ColumnAt(m_plan, i).kind == Column::Kind::Integer64));
    if (m_plan.HasClasses())
        m_table.m_classes.emplace_back();
    return FN_OK;
}

fn_status Statistics::ReadBatch(const Batch &batch, bool adds, int64_t &zone, const Visit &visit, fn_error *err)
{
    for (size_t i = 0; i < batch.Count(); i++, zone++) {
        if (adds)
            AddZone(batch.fids[i], err);
        else if (zone >= m_table.Size() || m_table.Fid(zone) != batch.fids[i])
            return fn_fail(err, FN_ERR_ARGUMENT, "%s has changed since it was read first",
                           Describe(m_plan.input).c_str());
        const PointWkb point = MakePoint(batch.xy[2 * i], batch.xy[2 * i + 1]);
        const bool isPoint = batch.shapes[i] == Batch::Shape::Point;
        const void *wkb = isPoint ? point.data() : batch.Wkb(i);
        if (visit(zone, wkb, isPoint ? point.size() : batch.WkbBytes(i), err) != FN_OK)
            return err->status;
    }
    return FN_OK;
}

fn_status Statistics::ReadZones(bool adds, const Visit &visit, fn_error *err)
{
    static const volatile bool kNever = false;
    MessageCollector collector;
    std::string cause;
    fn_status status = FN_OK;
    const std::unique_ptr<TaskReader> reader = TaskReader::Open(
        m_plan, [](const std::string &) { return FN_NO_GROUP; }, m_split, nullptr, &status, cause);
    if (!reader)
        return fn_fail(err, status, "%.300s cannot be opened again: %.600s", Describe(m_plan.input).c_str(),
                       cause.c_str());
    int64_t zone = 0;
    for (int64_t task = 0; task < m_split.TaskCount(); task++) {
        const Batch *batch = nullptr;
        bool end = false;
        status = reader->Read(task, &kNever, &batch, &end, collector, cause);
        if (status != FN_OK)
            return fn_fail(err, status, "%s of %.300s cannot be read: %.500s", m_split.Describe(task).c_str(),
                           Describe(m_plan.input).c_str(), cause.c_str());
        if (end)
            break;
        if (ReadBatch(*batch, adds, zone, visit, err) != FN_OK)
            return err->status;
        if (m_goesOn && !m_goesOn())
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled while the zones were read");
    }
    return FN_OK;
}

/* ---- passes ---- */

std::shared_ptr<ZoneList> Statistics::NewList() const
{
    return std::make_shared<ZoneList>(m_plan.rasterWorkers.processes > 0);
}

bool Statistics::IsFull(const ZoneList &zones) const
{
    constexpr size_t kMostBytes = size_t(160) << 20, kMostZones = 1 << 20;
    return zones.Bytes() > kMostBytes || zones.Count() >= kMostZones;
}

fn_status Statistics::MakePlans(fn_error *err)
{
    for (size_t plane = 0; plane < m_plan.rasters->planes.size(); plane++) {
        const fn_stats_options options = StatsOf(m_plan.options, *m_plan.rasters, plane);
        fn_stats_plan *plan = nullptr;
        fn_zone_stats *empty = nullptr;
        if (fn_stats_plan_new(&options, &plan, err) != FN_OK)
            return err->status;
        m_plans.emplace_back(plan);
        if (fn_zone_stats_new(plan, &empty, err) != FN_OK)
            return err->status;
        const ZoneStats owner(empty);
        m_nothing.emplace_back(options.n_stats);
        if (fn_zone_stats_finish(empty, m_nothing.back().data(), nullptr, err) != FN_OK)
            return err->status;
    }
    return FN_OK;
}

fn_status Statistics::Finish(int64_t zone, PlaneStats &stats, bool inconsistent, fn_error *err)
{
    if (inconsistent) {
        m_open.doubtful.insert(zone);
        m_doubtful.insert(zone);
        return FN_OK;
    }
    bool any = false;
    for (size_t plane = 0; plane < m_plans.size(); plane++) {
        std::vector<fn_stat_value> values = m_nothing[plane];
        bool again = false;
        fn_zone_stats *own = stats.empty() ? nullptr : stats[plane].get();
        if (own && fn_zone_stats_finish(own, values.data(), &again, err) != FN_OK)
            return err->status;
        if (Store(zone, plane, values.data(), own, err) != FN_OK)
            return err->status;
        any = any || again;
    }
    if (any)
        m_open.again[zone] = std::move(stats);
    return FN_OK;
}

fn_status Statistics::Pass(std::shared_ptr<ZoneList> &zones, fn_error *err)
{
    const std::shared_ptr<const ZoneList> list = std::move(zones);
    zones = NewList();
    const auto job = std::make_shared<ZonalJob>(
        m_plan.rasters, m_plan.options, Source{m_plan.connection, m_plan.openOptions, m_plan.folder}, list,
        m_plan.rasterWorkers.threads, m_failed, m_plan.options.errorIsNoData && !m_isFurther);
    PassResults results(*list, *job, m_plans, [&](size_t i, PlaneStats &stats, bool inconsistent, fn_error *error) {
        return Finish(list->Place(i), stats, inconsistent, error);
    });
    for (size_t i = 0; i < list->Count(); i++) {
        const auto before = m_before.again.find(list->Place(i));
        if (before != m_before.again.end())
            results.SetStats(i, std::move(before->second));
    }
    const fn_status status = PassOver(job, m_plan.rasterWorkers, m_plan.rasterTrace, m_goesOn, results, err);
    for (const uint32_t i : results.Lost())
        m_lost.insert(list->Place(i));
    return status;
}

/* ---- what one pass does not settle ---- */

static GeometryHandle FromWkb(const void *wkb, size_t bytes)
{
    OGRGeometryH geometry = nullptr;
    OGR_G_CreateFromWkb(wkb, nullptr, &geometry, static_cast<int>(bytes));
    return GeometryHandle(geometry);
}

/* The area that a polygon is meant to have: its shells together, without its holes. Empty: it cannot be found. */
static std::string Repaired(OGRGeometryH broken)
{
    const char *const options[] = {"METHOD=STRUCTURE", nullptr};
    const GeometryHandle whole(OGR_G_MakeValidEx(broken, const_cast<char **>(options)));
    std::string text(whole ? OGR_G_WkbSizeEx(whole.get()) : 0, '\0');
    if (whole &&
        OGR_G_ExportToIsoWkb(whole.get(), wkbNDR, reinterpret_cast<unsigned char *>(text.data())) != OGRERR_NONE)
        text.clear();
    return text;
}

/* A zone that covers cells more than once: is it invalid, and what is to be taken in its place? */
fn_status Statistics::Judge(int64_t zone, const void *&wkb, size_t &bytes, std::string &repaired, bool &skipped,
                            fn_error *err)
{
    const MessageCollector collector; /* GEOS says why */
    const GeometryHandle geometry = FromWkb(wkb, bytes);
    if (!geometry || OGR_G_IsValid(geometry.get()))
        return FN_OK;
    const long long fid = m_table.Fid(zone);
    const std::string layer = Describe(m_plan.input);
    if (m_plan.options.invalid == Invalid::Fail)
        return fn_fail(err, FN_ERR_VALUE,
                       "the polygon of feature %lld in %.300s crosses or covers itself (INVALID=REPAIR)", fid,
                       layer.c_str());
    if (m_before.doubtful.count(zone) > 0)
        m_invalid.insert(zone);
    skipped = m_plan.options.invalid == Invalid::Skip;
    if (skipped)
        return FN_OK;
    repaired = Repaired(geometry.get());
    if (repaired.empty())
        return fn_fail(err, FN_ERR_VALUE, "the polygon of feature %lld in %.300s cannot be repaired (INVALID=SKIP)",
                       fid, layer.c_str());
    wkb = repaired.data();
    bytes = repaired.size();
    return FN_OK;
}

fn_status Statistics::AddOpen(ZoneList &zones, int64_t zone, const void *wkb, size_t bytes, fn_error *err)
{
    const auto again = m_before.again.find(zone);
    if (again == m_before.again.end() && m_before.doubtful.count(zone) == 0)
        return FN_OK;
    const bool isDoubtful = m_doubtful.count(zone) > 0;
    std::string repaired;
    bool skipped = false;
    if (isDoubtful && Judge(zone, wkb, bytes, repaired, skipped, err) != FN_OK)
        return err->status;
    if (skipped)
        return FN_OK;
    if (zones.Add(zone, wkb, bytes, m_plan.rasters->geotransform, isDoubtful, err) != FN_OK)
        return err->status;
    if (again == m_before.again.end())
        return FN_OK;
    for (size_t plane = 0; plane < again->second.size(); plane++) {
        size_t n = 0;
        const fn_zone_stats *stats = again->second[plane].get();
        const fn_stats_range *ranges = stats ? fn_zone_stats_ranges(stats, &n) : nullptr;
        zones.SetRanges(plane, ranges, n);
    }
    return FN_OK;
}

/* what: "polygon". */
void Statistics::Warn(const std::set<int64_t> &zones, const char *what, const char *ofWhich) const
{
    constexpr size_t kShown = 5;
    if (zones.empty())
        return;
    std::string fids;
    size_t shown = 0;
    for (auto zone = zones.begin(); zone != zones.end() && shown < kShown; ++zone, shown++)
        fids += (shown ? ", " : "") + std::to_string(m_table.Fid(*zone));
    CPLError(CE_Warning, CPLE_AppDefined, "ZONALSTATS: %zu %s%s of %s %s (FID %s%s)", zones.size(), what,
             zones.size() == 1 ? "" : "s", Describe(m_plan.input).c_str(), ofWhich, fids.c_str(),
             zones.size() > kShown ? ", ..." : "");
}

/* ---- all ---- */

fn_status Statistics::Compute(fn_error *err)
{
    *err = {};
    {
        MessageCollector collector;
        const DatasetHandle dataset = OpenDataset(m_plan.input);
        if (!dataset || !InputSplit::Choose(m_plan, dataset.get(), m_split))
            return fn_fail(err, FN_ERR_READ, "%.300s cannot be opened again: %.600s", Describe(m_plan.input).c_str(),
                           collector.Cause("no reason given").c_str());
    }
    m_table.m_firstPlace = m_split.begin;
    if (MakePlans(err) != FN_OK)
        return err->status;
    std::shared_ptr<ZoneList> zones = NewList();
    for (bool first = true; first || m_open.Any(); first = false) {
        m_isFurther = !first;
        m_before = std::move(m_open);
        m_open = Open();
        const Visit visit = [&](int64_t zone, const void *wkb, size_t bytes, fn_error *error) {
            const fn_status status = first ? zones->Add(zone, wkb, bytes, m_plan.rasters->geotransform, false, error)
                                           : AddOpen(*zones, zone, wkb, bytes, error);
            return status == FN_OK && IsFull(*zones) ? Pass(zones, error) : status;
        };
        if (ReadZones(first, visit, err) != FN_OK || Pass(zones, err) != FN_OK)
            return err->status;
    }
    Warn(m_invalid, "polygon",
         m_plan.options.invalid == Invalid::Skip ? "cross or cover themselves, and have no statistics"
                                                 : "cross or cover themselves, and have been repaired");
    Warn(m_lost, "zone", "have cells in tiles that could not be read: these have no value");
    return FN_OK;
}

} // namespace fishnet::zonalstats
