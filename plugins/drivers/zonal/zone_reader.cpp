#include "zone_reader.h"

#include <cstring>

#include "job_run.h"
#include "pixel_wkb.h"

namespace fishnet::zonalstats
{

void CountUnusableWkb(const Batch &batch, Unusable &unusable)
{
    for (size_t i = 0; i < batch.Count(); i++)
        if (batch.shapes[i] == Batch::Shape::Wkb)
            unusable.Count(fn_wkb_usable(batch.Wkb(i), batch.WkbBytes(i), false));
}

/* ---- on a worker's thread ---- */

class ZoneReader::Writer final : public RowWriter
{
  public:
    Writer(const ZoneReader &reader, PartBuilder &rows) : m_reader(reader), m_rows(rows) {}
    fn_status Write(const Batch &batch, int64_t first, RowSink &sink, const volatile bool *cancel,
                    fn_error *err) override;

  private:
    fn_status Make(const Batch &batch, size_t i, ReadZone &zone, fn_error *err) const;

    const ZoneReader &m_reader;
    PartBuilder &m_rows;
};

fn_status ZoneReader::Writer::Make(const Batch &batch, size_t i, ReadZone &zone, fn_error *err) const
{
    zone.fid = batch.fids[i];
    zone.group = batch.groups.empty() ? FN_NO_GROUP : batch.groups[i];
    if (m_reader.m_fids && m_reader.m_fids->count(zone.fid) == 0)
        return FN_OK;
    const bool isPoint = batch.shapes[i] == Batch::Shape::Point;
    const PointWkb point = MakePoint(batch.xy[2 * i], batch.xy[2 * i + 1]);
    const char *wkb = isPoint ? reinterpret_cast<const char *>(point.data()) : batch.Wkb(i);
    const size_t bytes = isPoint ? point.size() : batch.WkbBytes(i);
    if (m_reader.m_wants != Wants::Zones)
        zone.wkb.assign(wkb, bytes);
    return m_reader.m_wants == Wants::Wkb ? FN_OK
                                          : MakeZone(wkb, bytes, m_reader.m_plan.rasters->geotransform, zone.zone, err);
}

fn_status ZoneReader::Writer::Write(const Batch &batch, int64_t first, RowSink &sink, const volatile bool *cancel,
                                    fn_error *err)
{
    std::vector<ReadZone> zones(batch.Count());
    CountUnusableWkb(batch, m_rows.header.unusable);
    for (size_t i = 0; i < zones.size(); i++) {
        if (fn_is_cancelled(cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        if (Make(batch, i, zones[i], err) != FN_OK)
            return err->status;
    }
    sink.Count(static_cast<int64_t>(zones.size()));
    const std::lock_guard<std::mutex> lock(m_reader.m_mutex);
    m_reader.m_read[first] = std::move(zones);
    return FN_OK;
}

/* Numbers are as keys come, in any order. */
uint32_t ZoneReader::Group(const std::string &key) const
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    return m_groups.try_emplace(key, static_cast<uint32_t>(m_groups.size())).first->second;
}

std::unique_ptr<RowWriter> ZoneReader::NewWriter(PartBuilder &rows) const
{
    return std::make_unique<Writer>(*this, rows);
}

/* ---- on the thread that wants them ---- */

fn_status ZoneReader::Take(int64_t first, const Visit &visit, fn_error *err) const
{
    std::vector<ReadZone> zones;
    {
        const std::lock_guard<std::mutex> lock(m_mutex);
        const auto found = m_read.find(first);
        if (found == m_read.end())
            return fn_fail(err, FN_ERR_SYSTEM, "the zones of a task are missing");
        zones = std::move(found->second);
        m_read.erase(found);
    }
    for (ReadZone &zone : zones)
        if (visit(zone, err) != FN_OK)
            return err->status;
    return FN_OK;
}

fn_status ZoneReader::Read(std::shared_ptr<const ZoneReader> self, const InputSplit &split, SharedDatasets datasets,
                           const GoesOn &goesOn, const Visit &visit, Unusable &unusable, fn_error *err)
{
    constexpr size_t kTasksEach = 3; /* under way for each worker */
    const auto plan = self->m_plan.shared_from_this();
    const auto job = std::make_shared<TableJob>(plan, split, true);
    job->shared = self;
    if (split.way == InputSplit::Way::OneReader)
        job->oneReader = std::make_unique<OneReader>(plan->input, job->split, std::move(datasets));
    JobRunOptions options = {};
    options.workers = plan->workers;
    options.budget = kTasksEach * sizeof(PartHeader) * static_cast<size_t>(plan->workers.workers);
    options.variant = CountRows;
    const JobRunHandle run(JobRun::New(job, ResultKind::InOrder, options, nullptr, err).release());
    if (!run)
        return err->status;
    for (;;) {
        fn_part part = {};
        if (fn_stream_next(run->Stream(), &part, err) != FN_OK)
            return err->status;
        if (!part.data)
            return FN_OK;
        if (part.bytes < sizeof(PartHeader))
            continue;
        PartHeader header;
        memcpy(&header, part.data, sizeof header);
        unusable.Add(header.unusable);
        if (self->Take(split.TaskBegin(part.task), visit, err) != FN_OK)
            return err->status;
        if (goesOn && !goesOn())
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled while the zones were read");
    }
}

} // namespace fishnet::zonalstats
