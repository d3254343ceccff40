#include "statistics.h"

#include <algorithm>
#include <cmath>

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
    int64_t *to = m_table.m_values.Row(static_cast<size_t>(zone)) + first;
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

/* Puts it in front of what is said. */
fn_status Statistics::NameZone(int64_t zone, fn_error *err) const
{
    const fn_error reason = *err;
    return fn_fail(err, reason.status, "the %s %lld: %s", m_plan.zonesAreRaster ? "zone" : "feature",
                   static_cast<long long>(m_table.Fid(zone)), reason.text);
}

/* ---- passes ---- */

Statistics::Current::Current(std::shared_ptr<const ZoneList> zonesOfIt, std::shared_ptr<ZonalJob> jobOfIt,
                             PassResults::Finish finish, const std::vector<StatsPlan> &plans)
    : zones(std::move(zonesOfIt)), job(std::move(jobOfIt)), results(*zones, *job, plans, std::move(finish))
{
}

/* Where results come from, and where they go. */
void Statistics::MakePass(Current &current)
{
    if (m_share.to)
        current.sink = std::make_unique<PartialSink>(*current.zones, *current.job, *m_share.to);
    if (m_partials && !m_isFurther)
        current.pass = std::make_unique<PartialPass>(m_partials, *current.zones, *current.job, current.results);
    else if (current.sink)
        current.pass =
            std::make_unique<PassRun>(current.job, m_plan.rasterWorkers, m_plan.rasterReports, *current.sink);
    else
        current.pass =
            std::make_unique<PassRun>(current.job, m_plan.rasterWorkers, m_plan.rasterReports, current.results);
}

std::shared_ptr<ZoneList> Statistics::NewList() const
{
    return std::make_shared<ZoneList>(m_plan.rasterWorkers.processes > 0);
}

bool Statistics::IsFull(const ZoneList &zones) const
{
    constexpr size_t kMostBytes = size_t(160) << 20, kMostZones = 1 << 20;
    return !m_share.to && (zones.Bytes() > kMostBytes || zones.Count() >= kMostZones);
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
    m_anyCells = m_anyCells || !stats.empty();
    for (size_t plane = 0; plane < m_plans.size(); plane++) {
        std::vector<fn_stat_value> values = m_nothing[plane];
        bool again = false;
        fn_zone_stats *own = stats.empty() ? nullptr : stats[plane].get();
        if (own && fn_zone_stats_finish(own, values.data(), &again, err) != FN_OK)
            return NameZone(zone, err);
        if (Store(zone, plane, values.data(), own, err) != FN_OK)
            return err->status;
        any = any || again;
    }
    if (any)
        m_open.again[zone] = std::move(stats);
    else
        MarkFinished(zone);
    return FN_OK;
}

void Statistics::MarkFinished(int64_t zone)
{
    const auto index = static_cast<size_t>(zone);
    if (index >= m_isFinished.size())
        m_isFinished.resize(index + 1, false);
    m_isFinished[index] = true;
    while (static_cast<size_t>(m_finished) < m_isFinished.size() && m_isFinished[static_cast<size_t>(m_finished)])
        m_finished++;
}

void Statistics::BeginPass(std::shared_ptr<ZoneList> &zones)
{
    zones->Close();
    const std::shared_ptr<const ZoneList> list = std::move(zones);
    zones = NewList();
    const auto job = std::make_shared<ZonalJob>(
        m_plan.rasters, m_plan.options, Source{m_plan.connection, m_plan.openOptions, m_plan.folder}, list,
        m_plan.rasterWorkers, m_failed, m_plan.options.errorIsNoData && !m_isFurther);
    m_share.tasks = job->TaskCount();
    job->TakePart(m_share.part, m_share.parts);
    const auto finish = [this, list](int64_t place, PlaneStats &stats, bool inconsistent, fn_error *error) {
        return Finish(list->AreNumbers() ? RowOf(place) : place, stats, inconsistent, error);
    };
    m_pass = std::make_unique<Current>(list, job, finish, m_plans);
    MakePass(*m_pass);
    PassResults &results = m_pass->results;
    if (list->AreNumbers())
        for (auto &[row, stats] : m_before.again)
            results.SetStats(m_table.Fid(row), std::move(stats));
    for (size_t i = 0; i < list->ZoneCount(); i++) {
        const auto before = m_before.again.find(list->Place(i));
        if (before != m_before.again.end())
            results.SetStats(before->first, std::move(before->second));
    }
}

fn_status Statistics::StepPass(bool *through, fn_error *err)
{
    fn_status status = m_pass->pass->Step(through, err);
    if (status == FN_OK && !*through && m_goesOn && !m_goesOn())
        status = fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    if (status == FN_OK && !*through)
        return FN_OK;
    const std::unique_ptr<Current> pass = std::move(m_pass);
    for (const uint32_t i : pass->results.Lost())
        m_lost.insert(pass->zones->Place(i));
    const bool areNumbers = pass->zones->AreNumbers();
    if (status != FN_OK && pass->results.FailedPlace() != INT64_MIN && !areNumbers)
        return NameZone(pass->results.FailedPlace(), err);
    return status == FN_OK && areNumbers ? pass->results.FinishNumbers(&m_next, err) : status;
}

fn_status Statistics::CompletePass(fn_error *err)
{
    for (bool through = false; !through;)
        if (StepPass(&through, err) != FN_OK)
            return err->status;
    return FN_OK;
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

/* A zone that covers cells more than once: is it invalid, and what is to be taken in its place? isNew: it has not been
 * asked before. */
fn_status Statistics::Judge(ReadZone &read, bool isNew, bool &skipped, fn_error *err)
{
    const MessageCollector collector; /* GEOS says why */
    const GeometryHandle geometry = FromWkb(read.wkb.data(), read.wkb.size());
    if (!geometry || OGR_G_IsValid(geometry.get()))
        return FN_OK;
    const long long fid = read.fid;
    const std::string layer = Describe(m_plan.input);
    if (m_plan.options.invalid == Invalid::Fail)
        return fn_fail(err, FN_ERR_VALUE,
                       "the polygon of feature %lld in %.300s crosses or covers itself (INVALID=REPAIR mends it)", fid,
                       layer.c_str());
    if (isNew)
        m_invalid.push_back(read.fid);
    skipped = m_plan.options.invalid == Invalid::Skip;
    if (skipped)
        return FN_OK;
    read.wkb = Repaired(geometry.get());
    return read.wkb.empty() ? fn_fail(err, FN_ERR_VALUE,
                                      "the polygon of feature %lld in %.300s cannot be repaired (INVALID=SKIP "
                                      "leaves it out)",
                                      fid, layer.c_str())
                            : FN_OK;
}

/* What the next pass is to find out. */
static ZoneList::Ranges RangesOf(const PlaneStats &stats)
{
    ZoneList::Ranges ranges(stats.size());
    for (size_t plane = 0; plane < ranges.size(); plane++) {
        size_t n = 0;
        const fn_stats_range *first = stats[plane] ? fn_zone_stats_ranges(stats[plane].get(), &n) : nullptr;
        ranges[plane].assign(first, first + n);
    }
    return ranges;
}

fn_status Statistics::AddOpen(ZoneList &zones, int64_t zone, ReadZone &read, fn_error *err)
{
    const auto again = m_before.again.find(zone);
    const bool isNew = m_before.doubtful.count(zone) > 0;
    if (again == m_before.again.end() && !isNew)
        return FN_OK;
    const bool isDoubtful = m_doubtful.count(zone) > 0;
    bool skipped = false;
    ZoneHandle made;
    if (isDoubtful && Judge(read, isNew, skipped, err) != FN_OK)
        return err->status;
    if (skipped)
        return FN_OK;
    if (MakeZone(read.wkb.data(), read.wkb.size(), m_plan.rasters->geotransform, made, err) != FN_OK)
        return err->status;
    zones.Add(zone, std::move(made), std::move(read.wkb), isDoubtful);
    if (again == m_before.again.end())
        return FN_OK;
    zones.SetRanges(zone, RangesOf(again->second));
    return FN_OK;
}

/* what: "polygon". */
void Statistics::Warn(const std::vector<int64_t> &fids, const char *what, const char *ofWhich) const
{
    constexpr size_t kShown = 5;
    if (fids.empty())
        return;
    std::string shown;
    for (size_t i = 0; i < std::min(kShown, fids.size()); i++)
        shown += (i ? ", " : "") + std::to_string(fids[i]);
    CPLError(CE_Warning, CPLE_AppDefined, "ZONALSTATS: %zu %s%s of %s %s (FID %s%s)", fids.size(), what,
             fids.size() == 1 ? "" : "s", Describe(m_plan.input).c_str(), ofWhich, shown.c_str(),
             fids.size() > kShown ? ", ..." : "");
}

/* ---- reading zones ---- */

void Statistics::AddRow(int64_t fid)
{
    m_table.m_fids.push_back(fid);
    int64_t *slots = m_table.m_values.Add();
    for (size_t i = 0; i < m_plan.StatCount(); i++)
        slots[i] = NullSlot(ColumnAt(m_plan, i).kind == Column::Kind::Integer64);
    if (m_plan.HasClasses())
        m_table.m_classes.emplace_back();
}

/* The zone of a feature, the number-th that is read; -1 and err: it was not there before. */
int64_t Statistics::ZoneOf(size_t number, const ReadZone &read, fn_error *err)
{
    const bool grouped = m_plan.HasGroups(), known = number < (grouped ? m_zoneOf.size() : m_table.m_fids.size());
    if ((m_isRead && !known) || (known && !grouped && m_table.m_fids[number] != read.fid)) {
        fn_fail(err, FN_ERR_ARGUMENT, "%s has changed since it was read first", Describe(m_plan.input).c_str());
        return -1;
    }
    if (known)
        return grouped ? m_zoneOf[number] : static_cast<int64_t>(number);
    const int64_t next = m_table.Size();
    const int64_t zone = grouped ? m_groups.try_emplace(read.group, next).first->second : next;
    if (zone == next) {
        AddRow(read.fid);
        if (grouped)
            m_table.m_places.push_back(static_cast<int64_t>(number));
    }
    if (grouped)
        m_zoneOf.push_back(static_cast<uint32_t>(zone));
    return zone;
}

/* The list is full. Zones are whole where each is a feature; groups only at the end of the layer, so those behind are
 * left for another reading. A single one may be as large as it is. */
fn_status Statistics::MakeRoom(std::shared_ptr<ZoneList> &zones, fn_error *err)
{
    if (!m_plan.HasGroups()) {
        BeginPass(zones);
        return CompletePass(err);
    }
    if (m_until > m_from + 1) {
        m_until = std::max(m_from + 1, (m_from + zones->Last() + 1) / 2);
        zones->DropFrom(m_until);
    }
    return FN_OK;
}

/* Reads the zones, and passes over the rasters for as many as there is memory for at a time. The last of these passes
 * is left under way. */
fn_status Statistics::ReadZones(ZoneReader::Wants wants, std::shared_ptr<const ZoneReader::Fids> fids, const Add &add,
                                fn_error *err)
{
    for (m_from = 0; m_from < kAll; m_from = m_until) {
        m_until = kAll;
        size_t number = 0;
        std::shared_ptr<ZoneList> zones = NewList();
        const auto visit = [&](ReadZone &read, fn_error *error) {
            const int64_t zone = ZoneOf(number++, read, error);
            if (zone < 0)
                return error->status;
            if (zone < m_from || zone >= m_until)
                return FN_OK;
            const fn_status status = add(*zones, zone, read, error);
            return status == FN_OK && IsFull(*zones) ? MakeRoom(zones, error) : status;
        };
        Unusable again;
        if (ZoneReader::Read(std::make_shared<ZoneReader>(m_plan, wants, fids), m_split, m_datasets, m_goesOn, visit,
                             m_isRead ? again : m_table.m_unusable, err) != FN_OK)
            return err->status;
        m_isRead = true;
        BeginPass(zones);
        if (m_until < kAll && CompletePass(err) != FN_OK)
            return err->status;
    }
    return FN_OK;
}

fn_status Statistics::ReadFirst(fn_error *err)
{
    const auto add = [](ZoneList &zones, int64_t zone, ReadZone &read, fn_error *) {
        zones.Add(zone, std::move(read.zone), std::move(read.wkb), false);
        return FN_OK;
    };
    const bool processes = m_plan.rasterWorkers.processes > 0;
    return ReadZones(processes ? ZoneReader::Wants::ZonesAndWkb : ZoneReader::Wants::Zones, nullptr, add, err);
}

/* Those that the passes before have left open. */
fn_status Statistics::ReadAgain(fn_error *err)
{
    auto fids = std::make_shared<ZoneReader::Fids>();
    for (const auto &again : m_before.again)
        fids->insert(m_table.Fid(again.first));
    for (const int64_t zone : m_before.doubtful)
        fids->insert(m_table.Fid(zone));
    if (m_plan.HasGroups())
        fids.reset(); /* the others of a group are not known by FID */
    const auto add = [this](ZoneList &zones, int64_t zone, ReadZone &read, fn_error *error) {
        return AddOpen(zones, zone, read, error);
    };
    return ReadZones(ZoneReader::Wants::Wkb, fids, add, err) == FN_OK ? CompletePass(err) : err->status;
}

/* ---- zones of a raster ---- */

/* The row of a number: they come ascending, first of all when they are through for the first time. */
int64_t Statistics::RowOf(int64_t number)
{
    const auto at = std::lower_bound(m_table.m_fids.begin(), m_table.m_fids.end(), number);
    const int64_t row = at - m_table.m_fids.begin();
    if (row == m_table.Size())
        AddRow(number);
    return row;
}

fn_status Statistics::PassNumbers(fn_error *err)
{
    m_next = INT64_MIN;
    do {
        std::shared_ptr<ZoneList> zones = ZoneList::OfNumbers(m_next);
        BeginPass(zones);
        if (CompletePass(err) != FN_OK)
            return err->status;
    } while (m_next != INT64_MIN);
    return FN_OK;
}

fn_status Statistics::PassNumbersAgain(fn_error *err)
{
    std::shared_ptr<ZoneList> zones = ZoneList::OfNumbers(INT64_MIN);
    for (const auto &[row, stats] : m_before.again)
        zones->SetRanges(m_table.Fid(row), RangesOf(stats));
    BeginPass(zones);
    return CompletePass(err);
}

/* ---- all ---- */

fn_status Statistics::Choose(fn_error *err)
{
    MessageCollector collector;
    m_datasets = std::make_shared<Handles>();
    m_datasets->push_back(OpenDataset(m_plan.input));
    GDALDatasetH dataset = m_datasets->back().get();
    if (!dataset || !(m_plan.HasGroups() ? InputSplit::ChooseWhole(m_plan, m_plan.input, dataset, m_split)
                                         : InputSplit::Choose(m_plan, dataset, m_split)))
        return fn_fail(err, FN_ERR_READ, "%.300s cannot be opened again: %.600s", Describe(m_plan.input).c_str(),
                       collector.Cause("no reason given").c_str());
    m_table.m_way = m_split.way;
    m_table.m_firstPlace = m_split.begin;
    if (!m_plan.partitionGiven) { /* zones may be large: a task has fewer of them than of points */
        constexpr int64_t kFewer = 8, kLeast = 16;
        m_split.size = std::max(kLeast, m_split.size / kFewer);
        m_split.earlySize = std::min(m_split.earlySize, m_split.size);
    }
    return FN_OK;
}

/* What the passes so far have left open, and what there is to say at the end. */
fn_status Statistics::CompleteAll(fn_error *err)
{
    while (m_open.Any()) {
        m_isFurther = true;
        m_before = std::move(m_open);
        m_open = Open();
        if ((m_plan.rasters->zones.empty() ? ReadAgain(err) : PassNumbersAgain(err)) != FN_OK)
            return err->status;
    }
    if (!m_anyCells && m_table.m_unusable.Total() < m_table.Size())
        CPLError(CE_Warning, CPLE_AppDefined, "ZONALSTATS: no zone of %s has a cell of %s: do they lie on it?",
                 Describe(m_plan.input).c_str(), Describe(m_plan.rasters->inputs[0]).c_str());
    std::vector<int64_t> lost;
    for (const int64_t zone : m_lost)
        lost.push_back(m_table.Fid(zone));
    Warn(m_invalid, "polygon",
         m_plan.options.invalid == Invalid::Skip ? "cross or cover themselves, and have no statistics"
                                                 : "cross or cover themselves, and have been repaired");
    Warn(lost, "zone", "have cells in tiles that could not be read: these have no value");
    m_isDone = true;
    m_table.Publish(ZoneTable::kAll);
    return FN_OK;
}

/* What has been tried again is final. */
static fn_status AsFinal(fn_error *err)
{
    if (err->status == FN_ERR_READ)
        err->status = FN_ERR_VALUE;
    return err->status;
}

/* What the shares have found, beside the results. */
fn_status Statistics::ReadPartials(fn_error *err)
{
    Notes messages;
    if (m_partials && ReadNotes(*m_partials, m_seen, *m_failed, messages, err) != FN_OK)
        return err->status;
    for (const Message &message : messages)
        Emit(message);
    return FN_OK;
}

/* All have been read. */
fn_status Statistics::CheckZones(fn_error *err) const
{
    if (!m_partials || DescribeZones(m_seen.tasks, m_table.m_fids) == m_seen)
        return FN_OK;
    return fn_fail(err, FN_ERR_VALUE, "%.300s has changed since the shares read it", Describe(m_plan.input).c_str());
}

fn_status Statistics::WritePartial(int64_t part, int64_t parts, PartialWriter &to, fn_error *err)
{
    *err = {};
    const bool numbers = !m_plan.rasters->zones.empty();
    m_share = {&to, part, parts, 0};
    if ((!numbers && Choose(err) != FN_OK) || MakePlans(err) != FN_OK)
        return err->status;
    if ((numbers ? PassNumbers(err) : ReadFirst(err)) != FN_OK || (!numbers && CompletePass(err) != FN_OK))
        return AsFinal(err);
    return WriteNotes(DescribeZones(m_share.tasks, m_table.m_fids), *m_failed, to, err);
}

fn_status Statistics::Begin(fn_error *err)
{
    *err = {};
    const bool numbers = !m_plan.rasters->zones.empty();
    if ((!numbers && Choose(err) != FN_OK) || MakePlans(err) != FN_OK || ReadPartials(err) != FN_OK)
        return err->status;
    if ((numbers ? PassNumbers(err) : ReadFirst(err)) != FN_OK || (!numbers && CheckZones(err) != FN_OK))
        return AsFinal(err);
    if (!numbers)
        return GoOn(err); /* the job is started */
    return CompleteAll(err) == FN_OK ? FN_OK : AsFinal(err);
}

fn_status Statistics::GoOn(fn_error *err)
{
    bool through = false;
    *err = {};
    if (StepPass(&through, err) != FN_OK || (through && CompleteAll(err) != FN_OK))
        return AsFinal(err);
    if (!through)
        m_table.Publish(m_finished);
    return FN_OK;
}

} // namespace fishnet::zonalstats
