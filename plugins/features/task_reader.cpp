#include "task_reader.h"

#include <utility>

#include "fishnet/job.h"

namespace fishnet
{

std::unique_ptr<TaskReader> TaskReader::Open(const InputPlan &plan, const LayerPlan &layer,
                                             const std::vector<CarriedField> &fields, Extractor::GroupOf groupOf,
                                             const InputSplit &split, OneReader *shared, fn_status *status,
                                             std::string &cause)
{
    *status = FN_ERR_READ;
    std::unique_ptr<TaskReader> self(new TaskReader(layer, split, shared));
    if (!self->m_extractor.Init(plan, layer, fields, std::move(groupOf), cause))
        return nullptr;
    if (shared)
        return self;
    MessageCollector collector;
    self->m_dataset = OpenDataset(layer);
    self->m_layer = FindLayer(layer, self->m_dataset.get(), status, cause);
    if (!self->m_layer) {
        cause = collector.Cause(self->m_dataset ? cause.c_str() : "no reason given");
        return nullptr;
    }
    self->m_extractor.Prepare(self->m_layer);
    return self;
}

/* In a worker process, which has no share in another's handle. Its tasks ascend: it passes each feature once. */
fn_status TaskReader::PassAndRead(int64_t task, const volatile bool *cancel, bool *end, MessageCollector &collector,
                                  std::string &cause)
{
    if (!m_cursor.IsOpen() && !m_cursor.Open(m_dataset.get(), m_layer, m_extractor, collector, cause))
        return FN_ERR_READ;
    bool atEnd = false;
    const fn_status status = m_cursor.Read(m_split.TaskBegin(task), m_split.TaskSize(task), cancel, m_extractor,
                                           m_batch, nullptr, &atEnd, collector, cause);
    *end = status == FN_OK && atEnd && m_batch.Count() == 0;
    return status;
}

/* The layer stands before the first of them, wherever it was. */
bool TaskReader::Select(int64_t begin, int64_t size, MessageCollector &collector, std::string &cause)
{
    if (m_split.way == InputSplit::Way::ByNumber) {
        const bool there = OGR_L_SetNextByIndex(m_layer, begin) == OGRERR_NONE;
        if (!there)
            cause = collector.Cause("the first of them is not found");
        return there;
    }
    const std::string range = Range(begin, size).Condition(m_split.fidColumn);
    const std::string &where = m_plan.where;
    const std::string condition = where.empty() ? range : "(" + where + ") AND " + range;
    if (OGR_L_SetAttributeFilter(m_layer, condition.c_str()) != OGRERR_NONE) {
        cause = collector.Cause("the condition is not valid");
        return false;
    }
    OGR_L_ResetReading(m_layer);
    return true;
}

/* FN_ERR_READ: nothing has been added, and the features are to be read for themselves. */
fn_status TaskReader::ReadRows(int64_t begin, int64_t size, const volatile bool *cancel, MessageCollector &collector)
{
    constexpr int64_t kOften = 4096;
    const size_t before = collector.messages.size(), failures = collector.Failures();
    ArrowRows rows;
    bool good = rows.Open(m_plan, m_dataset.get(), m_layer, Range(begin, size)), end = false;
    while (good && !end) {
        if (fn_is_cancelled(cancel))
            return FN_ERR_CANCELLED;
        good = rows.Fetch(kOften) && collector.Failures() == failures;
        end = good && rows.Ready() < kOften;
        while (good && rows.Ready() > 0)
            good = m_extractor.Append(rows.Take(), m_batch);
    }
    if (good)
        return FN_OK;
    m_batch.Clear();
    collector.messages.resize(before);
    return FN_ERR_READ;
}

/* By FID or by number: what comes before is not read. */
fn_status TaskReader::ReadRange(int64_t task, const volatile bool *cancel, MessageCollector &collector,
                                std::string &cause)
{
    constexpr int64_t kOften = 256;
    const int64_t begin = m_split.TaskBegin(task), size = m_split.TaskSize(task);
    const bool byFid = m_split.way == InputSplit::Way::ByFid, counted = !byFid && !m_split.numbersAreFids;
    if (byFid && m_split.rows && m_extractor.TakesRows(m_layer)) {
        const fn_status status = ReadRows(begin, size, cancel, collector);
        if (status == FN_OK)
            m_batch.Sort();
        if (status != FN_ERR_READ)
            return status;
    }
    if (!Select(begin, size, collector, cause))
        return FN_ERR_READ;
    int64_t number = begin;
    for (; !counted || number - begin < size; number++) {
        if (number % kOften == 0 && fn_is_cancelled(cancel))
            return FN_ERR_CANCELLED;
        FeatureHandle feature;
        if (!ReadFeature(m_layer, collector, &feature, cause))
            return FN_ERR_READ;
        if (!feature || (m_split.numbersAreFids && OGR_F_GetFID(feature.get()) >= begin + size))
            break;
        m_extractor.Append(feature.get(), number, m_batch, collector);
    }
    if (counted && number - begin < size) {
        cause = "there are fewer features than the layer says";
        return FN_ERR_READ;
    }
    if (byFid)
        m_batch.Sort();
    return FN_OK;
}

fn_status TaskReader::Read(int64_t task, const volatile bool *cancel, const Batch **batch, bool *end,
                           MessageCollector &collector, std::string &cause)
{
    *end = false;
    if (m_shared)
        return m_shared->Read(task, cancel, m_extractor, m_batch, batch, end, collector, cause);
    m_batch.Clear();
    *batch = &m_batch;
    return m_split.way == InputSplit::Way::OneReader ? PassAndRead(task, cancel, end, collector, cause)
                                                     : ReadRange(task, cancel, collector, cause);
}

void TaskReader::Done(int64_t task) noexcept
{
    if (m_shared)
        m_shared->Done(task, m_batch);
}

Batch TaskReader::TakeBatch(int64_t task)
{
    Done(task);
    return std::exchange(m_batch, Batch());
}

} // namespace fishnet
