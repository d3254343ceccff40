#include "worker.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fishnet::neartable
{

std::unique_ptr<NearWorker> NearWorker::Open(const NearJob &job, fn_error *err)
{
    std::unique_ptr<NearWorker> self(new NearWorker(job));
    std::string cause;
    fn_status status = FN_OK;
    self->m_reader = TaskReader::Open(self->m_plan, job.near.get(), job.split, job.oneReader.get(), &status, cause);
    if (!self->m_reader) {
        fn_fail(err, status, "a worker cannot open %.300s again: %.600s", Describe(self->m_plan.input).c_str(),
                cause.c_str());
        return nullptr;
    }
    if (job.near) {
        fn_searcher *searcher = nullptr;
        if (fn_searcher_new(job.near->Set(), &self->m_plan.limits, &searcher, err) != FN_OK)
            return nullptr;
        self->m_searcher.reset(searcher);
    }
    return self;
}

NearWorker::~NearWorker()
{
    MessageCollector collector; /* nobody is there to hear them any more */
    m_reader.reset();
}

/* ---- rows ---- */

/* Hands the rows over, in a part of their own or as the rest of the task. */
fn_status NearWorker::Flush(fn_task *task, bool last, fn_error *err)
{
    const size_t bytes = m_part.Bytes(m_plan);
    if (bytes > task->bytes && fn_stream_part(task, 0, bytes, err) != FN_OK)
        return err->status;
    const size_t next = task->bytes;
    m_part.Write(m_plan, task->result);
    if (!last)
        return fn_stream_part(task, bytes, next, err);
    task->bytes = bytes;
    return FN_OK;
}

/* Where the near feature's record begins in the part. */
uint64_t NearWorker::NearRecord(uint32_t feature)
{
    const auto added = m_part.nearRecords.emplace(feature, m_part.records.size());
    if (added.second) {
        const char *record = m_job.near->Record(feature);
        m_part.records.insert(m_part.records.end(), record, record + m_job.near->RecordBytes(feature));
    }
    return added.first->second;
}

/* The rows of feature i of the batch. */
fn_status NearWorker::AddRows(fn_task *task, size_t i, const fn_neighbour *found, size_t n, fn_usable verdict,
                          fn_error *err)
{
    constexpr size_t kRecordBytes = 4 << 20; /* of a part, about */
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    if (m_batch->shapes[i] != Batch::Shape::Nothing) /* those are counted */
        m_part.header.unusable.Count(verdict);
    const bool unmatched = n == 0;
    if (unmatched && !m_plan.options.unmatchedNull)
        return FN_OK;
    if (m_purpose != Rows) {
        m_part.header.rows += static_cast<int64_t>(std::max<size_t>(n, 1));
        return FN_OK;
    }
    Columns<Vector> &columns = m_part.columns;
    const size_t rows = std::max<size_t>(n, 1);
    uint64_t record = UINT64_MAX;
    for (size_t r = 0; r < rows; r++) {
        if (m_part.Rows() >= kPartRows || m_part.records.size() > kRecordBytes) {
            if (Flush(task, false, err) != FN_OK)
                return err->status;
            record = UINT64_MAX;
        }
        if (!m_plan.fields.empty()) {
            if (record == UINT64_MAX) {
                record = m_part.records.size();
                m_part.records.insert(m_part.records.end(), m_batch->Record(i),
                                      m_batch->Record(i) + m_batch->RecordBytes(i));
            }
            columns.record.push_back(record);
        }
        static const fn_neighbour nobody = {kNoFeature, 0, -1, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN};
        const fn_neighbour &neighbour = unmatched ? nobody : found[r];
        if (m_plan.CarriesNearRecords())
            columns.nearRecord.push_back(unmatched ? UINT64_MAX : NearRecord(neighbour.feature));
        columns.inFid.push_back(m_batch->fids[i]);
        columns.nearFid.push_back(neighbour.fid);
        columns.distance.push_back(neighbour.distance / m_plan.unit);
        columns.rank.push_back(unmatched ? 0 : static_cast<uint32_t>(r + 1));
        columns.feature.push_back(neighbour.feature);
        columns.layer.push_back(static_cast<uint32_t>(neighbour.layer));
        if (m_plan.limits.location) {
            columns.fromX.push_back(neighbour.from_x);
            columns.fromY.push_back(neighbour.from_y);
            columns.nearX.push_back(neighbour.near_x);
            columns.nearY.push_back(neighbour.near_y);
        }
        if (m_plan.limits.angle)
            columns.angle.push_back(neighbour.angle);
        if (m_plan.limits.along)
            columns.along.push_back(neighbour.along / m_plan.unit);
    }
    return FN_OK;
}

/* ---- searching ---- */

/* What each feature of the batch must not find. One that was read in the order of its layer is known by its place
 * there: FIDs may be those of several. */
void NearWorker::FindExcluded(int64_t task)
{
    m_excludedLayer = m_plan.excluded.layer;
    m_excluded = m_batch->fids.data();
    if (m_job.split.way != InputSplit::Way::OneReader || !m_job.near->KnowsPlaces())
        return;
    const int64_t place = m_job.split.TaskBegin(task);
    m_byNumber.clear();
    for (size_t i = 0; i < m_batch->Count(); i++)
        m_byNumber.push_back(m_job.near->FeatureAt(place + static_cast<int64_t>(i)));
    m_excludedLayer = FN_BY_NUMBER;
    m_excluded = m_byNumber.data();
}

/* Points only: many at once, which is quicker. */
fn_status NearWorker::SearchPoints(fn_task *task, fn_error *err)
{
    constexpr size_t kNeighbours = 65536;
    const size_t closest = m_plan.limits.closest, most = std::max<size_t>(1, kNeighbours / closest);
    for (size_t begin = 0; begin < m_batch->Count(); begin += most) {
        const size_t n = std::min(most, m_batch->Count() - begin);
        m_found.resize(n * closest);
        m_counts.resize(n);
        m_verdicts.resize(n);
        if (fn_searcher_find_points(m_searcher.get(), n, m_batch->xy.data() + 2 * begin,
                                    m_plan.HasGroups() ? m_batch->groups.data() + begin : nullptr, m_excludedLayer,
                                    m_excluded + begin, m_found.data(), m_counts.data(), m_verdicts.data(),
                                    task->cancel, err) != FN_OK)
            return err->status;
        for (size_t i = 0; i < n; i++)
            if (AddRows(task, begin + i, m_found.data() + i * closest, m_counts[i], m_verdicts[i], err) != FN_OK)
                return err->status;
    }
    return FN_OK;
}

fn_status NearWorker::Search(fn_task *task, fn_error *err)
{
    FindExcluded(task->number);
    if (m_batch->OnlyPoints() && m_plan.limits.closest <= FN_BULK_CLOSEST)
        return SearchPoints(task, err);
    for (size_t i = 0; i < m_batch->Count(); i++) {
        if (fn_is_cancelled(task->cancel))
            return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
        const uint32_t group = m_plan.HasGroups() ? m_batch->groups[i] : FN_NO_GROUP;
        const fn_neighbour *found = nullptr;
        size_t n = 0;
        fn_usable verdict = FN_USABLE;
        fn_status status = FN_OK;
        if (m_batch->shapes[i] == Batch::Shape::Point)
            status = fn_searcher_find_point(m_searcher.get(), m_batch->xy[2 * i], m_batch->xy[2 * i + 1], group,
                                            {m_excludedLayer, m_excluded[i]}, &found, &n, &verdict, task->cancel, err);
        else if (m_batch->shapes[i] == Batch::Shape::Wkb)
            status = fn_searcher_find_wkb(m_searcher.get(), m_batch->Wkb(i), m_batch->WkbBytes(i), group,
                                          {m_excludedLayer, m_excluded[i]}, &found, &n, &verdict, task->cancel, err);
        if (status != FN_OK || (status = AddRows(task, i, found, n, verdict, err)) != FN_OK)
            return status;
    }
    return FN_OK;
}

static fn_usable PointUsable(double x, double y, bool geodesic)
{
    if (!std::isfinite(x) || !std::isfinite(y))
        return FN_UNUSABLE_NOT_FINITE;
    return geodesic && std::abs(y) > 90 ? FN_UNUSABLE_LATITUDE : FN_USABLE;
}

fn_status NearWorker::Run(fn_task &task, Notes &messages, fn_error *err)
{
    MessageCollector collector;
    std::string cause;
    fn_error reason = {};
    bool end = false;
    m_purpose = task.variant;
    m_part.Clear(m_plan); /* a task that was given up may have left something */
    fn_status status = m_reader->Read(task.number, task.cancel, &m_batch, &end, collector, cause);
    const std::string range = m_job.split.Describe(task.number);
    if (status != FN_OK && status != FN_ERR_CANCELLED)
        return fn_fail(err, status, "%s of %.300s cannot be read: %.500s", range.c_str(),
                       Describe(m_plan.input).c_str(), cause.c_str());
    if (status == FN_OK && end) {
        fn_stream_end(&task);
        task.bytes = 0;
        return FN_OK;
    }
    if (status == FN_OK) {
        m_part.header.features = static_cast<int64_t>(m_batch->Count());
        m_part.header.unusable = m_batch->unusable;
    }
    if (status == FN_OK && m_purpose == CountUsable) {
        for (size_t i = 0; i < m_batch->Count(); i++) {
            if (m_batch->shapes[i] == Batch::Shape::Wkb)
                m_part.header.unusable.Count(fn_wkb_usable(m_batch->Wkb(i), m_batch->WkbBytes(i), m_plan.geodesic));
            else if (m_batch->shapes[i] == Batch::Shape::Point)
                m_part.header.unusable.Count(PointUsable(m_batch->xy[2 * i], m_batch->xy[2 * i + 1], m_plan.geodesic));
        }
    } else if (status == FN_OK)
        status = Search(&task, &reason);
    if (status == FN_OK && m_purpose != Rows) {
        memcpy(task.result, &m_part.header, sizeof(PartHeader));
        task.bytes = sizeof(PartHeader);
    } else if (status == FN_OK)
        status = Flush(&task, true, &reason);
    if (status == FN_OK)
        messages = std::move(collector.messages);
    else
        fn_fail(err, status, "%s of %.300s: %.500s", range.c_str(), Describe(m_plan.input).c_str(),
                status == FN_ERR_CANCELLED ? "cancelled" : reason.text);
    return status;
}

} // namespace fishnet::neartable
