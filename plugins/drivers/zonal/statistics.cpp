#include "statistics.h"

#include <cmath>
#include <cstring>

#include "job_run.h"
#include "pixel_wkb.h"

namespace fishnet::zonalstats
{

/* ---- values in slots ---- */

static int64_t AsSlot(double value)
{
    int64_t slot;
    memcpy(&slot, &value, sizeof slot);
    return slot;
}

static int64_t NullSlot(const Column &column)
{
    return column.kind == Column::Kind::Integer64 ? NullValue<int64_t>() : AsSlot(NullValue<double>());
}

fn_status Statistics::Store(int64_t zone, size_t plane, const fn_stat_value *values, fn_error *err)
{
    const size_t count = m_plan.options.stats.size();
    int64_t *to = m_table.m_values.data() + static_cast<size_t>(zone) * m_table.m_statCount + plane * count;
    for (size_t i = 0; i < count; i++) {
        const Column &column = m_plan.schema.columns[static_cast<size_t>(m_plan.firstStat) + plane * count + i];
        const fn_stat_value &value = values[i];
        if (value.result == FN_STAT_NONE)
            to[i] = NullSlot(column);
        else if (column.kind == Column::Kind::Real)
            to[i] = AsSlot(value.real);
        else if (value.result == FN_STAT_INTEGER && value.integer != NullValue<int64_t>())
            to[i] = value.integer;
        else
            return fn_fail(err, FN_ERR_VALUE, "the feature %lld: %s is %.17g, which the column cannot hold",
                           static_cast<long long>(m_table.Fid(zone)), column.name.c_str(), value.real);
    }
    return FN_OK;
}

/* ---- reading zones ---- */

fn_status Statistics::AddZone(int64_t fid, fn_error *)
{
    m_table.m_fids.push_back(fid);
    for (size_t i = 0; i < m_table.m_statCount; i++)
        m_table.m_values.push_back(NullSlot(m_plan.schema.columns[static_cast<size_t>(m_plan.firstStat) + i]));
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
        if (Store(zone, plane, values.data(), err) != FN_OK)
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
    const auto job = std::make_shared<ZonalJob>(m_plan.rasters, m_plan.options,
                                                Source{m_plan.connection, m_plan.openOptions, m_plan.folder}, list,
                                                m_plan.rasterWorkers.threads);
    PassResults results(*list, *job, m_plans, [&](size_t i, PlaneStats &stats, bool inconsistent, fn_error *error) {
        return Finish(list->Place(i), stats, inconsistent, error);
    });
    for (size_t i = 0; i < list->Count(); i++) {
        const auto before = m_before.again.find(list->Place(i));
        if (before != m_before.again.end())
            results.SetStats(i, std::move(before->second));
    }
    if (results.FinishOutside(err) != FN_OK || job->TaskCount() == 0)
        return err->status;
    JobRunOptions options = {};
    options.workers = m_plan.rasterWorkers;
    options.budget = size_t(64) << 20;
    options.trace = m_plan.rasterTrace;
    const JobRunHandle run(JobRun::New(job, ResultKind::InOrder, options, nullptr, err).release());
    if (!run)
        return err->status;
    for (;;) {
        fn_part part = {};
        if (fn_stream_next(run->Stream(), &part, err) != FN_OK) {
            if (err->status == FN_ERR_READ)
                err->status = FN_ERR_VALUE; /* it has been tried again: that is final */
            return err->status;
        }
        if (results.FinishBefore(part.data ? part.task : job->TaskCount(), err) != FN_OK)
            return err->status;
        if (!part.data)
            return FN_OK;
        if (results.Add(part.task, part.data, part.bytes, err) != FN_OK)
            return err->status;
        if (m_goesOn && !m_goesOn())
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    }
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
        m_invalid.push_back(zone);
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

void Statistics::WarnOfInvalid() const
{
    constexpr size_t kShown = 5;
    if (m_invalid.empty())
        return;
    std::string fids;
    for (size_t i = 0; i < std::min(kShown, m_invalid.size()); i++)
        fids += (i ? ", " : "") + std::to_string(m_table.Fid(m_invalid[i]));
    CPLError(CE_Warning, CPLE_AppDefined, "ZONALSTATS: %s of %s cross or cover themselves, and %s (FID %s%s)",
             (std::to_string(m_invalid.size()) + (m_invalid.size() == 1 ? " polygon" : " polygons")).c_str(),
             Describe(m_plan.input).c_str(),
             m_plan.options.invalid == Invalid::Skip ? "have no statistics" : "have been repaired", fids.c_str(),
             m_invalid.size() > kShown ? ", ..." : "");
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
    WarnOfInvalid();
    return FN_OK;
}

} // namespace fishnet::zonalstats
