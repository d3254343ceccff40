/* What one worker reads with: the features of its tasks. */
#ifndef FN_TASK_READER_H
#define FN_TASK_READER_H

#include "one_reader.h"

namespace fishnet
{

/* What one worker reads with. */
class TaskReader
{
  public:
    /* layer: the plan's input, or another. shared: with Way::OneReader only, and NULL in a worker process, which passes
     * over what is not its own. fields: that are carried over, those of the layer or none. NULL, a status and `cause`
     * on failure. */
    static std::unique_ptr<TaskReader> Open(const InputPlan &plan, const LayerPlan &layer,
                                            const std::vector<CarriedField> &fields, Extractor::GroupOf groupOf,
                                            const InputSplit &split, OneReader *shared, fn_status *status,
                                            std::string &cause);
    /* *batch lasts until the next call. A task that fails may be tried again, by this reader or another. */
    fn_status Read(int64_t task, const volatile bool *cancel, const Batch **batch, bool *end,
                   MessageCollector &collector, std::string &cause);
    /* The task has its result, and is not tried again. */
    void Done(int64_t task) noexcept;
    /* The same, and the batch is the caller's. */
    Batch TakeBatch(int64_t task);

  private:
    fn_status PassAndRead(int64_t task, const volatile bool *cancel, bool *end, MessageCollector &collector,
                          std::string &cause);
    fn_status ReadRange(int64_t task, const volatile bool *cancel, MessageCollector &collector, std::string &cause);
    FidRange Range(int64_t begin, int64_t size) const { return {begin, begin + (size - 1)}; }
    bool Select(int64_t begin, int64_t size, MessageCollector &collector, std::string &cause);
    fn_status ReadRows(int64_t begin, int64_t size, const volatile bool *cancel, MessageCollector &collector);
    TaskReader(const LayerPlan &plan, const InputSplit &split, OneReader *shared)
        : m_plan(plan), m_split(split), m_shared(shared), m_cursor(plan, split)
    {
    }
    const LayerPlan &m_plan;
    const InputSplit &m_split;
    OneReader *m_shared;
    Extractor m_extractor;
    DatasetHandle m_dataset;
    OGRLayerH m_layer = nullptr;
    Cursor m_cursor;
    Batch m_batch; /* its own; with a shared reader, memory for the next one */
};

} // namespace fishnet

#endif
