/* One reader of the input for all workers: of a layer that can only be read in order, by threads. */
#ifndef FN_ONE_READER_H
#define FN_ONE_READER_H

#include <condition_variable>
#include <map>
#include <mutex>

#include "cursor.h"
#include "input_split.h"

namespace fishnet
{

using SharedDatasets = std::shared_ptr<Handles>;

/* Hands out batches from one handle to workers, in the order of tasks. What has been read for a task belongs to it
 * until it is done: it is there for every attempt. A task that cannot read keeps its turn: when it is tried again,
 * the input is opened anew. */
class OneReader
{
  public:
    OneReader(const LayerPlan &plan, const InputSplit &split, std::shared_ptr<const Handles> datasets)
        : m_plan(plan), m_split(split), m_datasets(std::move(datasets)), m_cursor(plan, split)
    {
    }
    /* FN_ERR_CANCELLED when the task is. *batch: until Done(), the same for every attempt. *end: there is nothing
     * left for it. spare: its memory is used. */
    fn_status Read(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &spare, const Batch **batch,
                   bool *end, MessageCollector &collector, std::string &cause);
    /* The task has its result. spare: gets the batch's memory. */
    void Done(int64_t task, Batch &spare) noexcept;

    /* Reads the next batch and keeps it until its task asks. Before the workers begin. False: there is no next, or
     * it is cancelled. */
    bool ReadInAdvance(const volatile bool *cancel, Extractor &extractor);
    bool Uses(const SharedDatasets &datasets) const { return m_datasets == datasets; }
    size_t BytesInAdvance() const { return m_readyBytes; }

  private:
    /* What a task was given. Belongs to the worker that has the task. */
    struct Given {
        Batch batch;
        Cursor::Kept kept;             /* of its features those from batch.Count() on are still to be taken out */
        std::vector<Message> messages; /* that reading them gave */
        fn_status status = FN_OK; /* of an attempt in advance; a failure is told once, the task has its turn still */
        std::string cause;
    };
    fn_status WaitForTurn(int64_t task, const volatile bool *cancel, std::unique_lock<std::mutex> &lock, bool *end,
                          std::string &cause);
    fn_status TakeTurn(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &spare,
                       MessageCollector &collector, std::string &cause);
    fn_status ReadFeatures(int64_t task, const volatile bool *cancel, Extractor &extractor, Given &given, bool *atEnd,
                           MessageCollector &collector, std::string &cause);
    fn_status TakeOut(int64_t task, const volatile bool *cancel, Extractor &extractor, Given &given,
                      MessageCollector &collector, std::string &cause);
    void EndTurn(int64_t task, Given &&given, bool atEnd);
    fn_status OpenCursor(const Extractor &extractor, MessageCollector &collector, std::string &cause);

    const LayerPlan &m_plan;
    const InputSplit &m_split;
    std::shared_ptr<const Handles> m_datasets;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    int64_t m_turn = 0;               /* the task that may read */
    int64_t m_end = INT64_MAX;        /* from this task on there is nothing */
    std::map<int64_t, Given> m_given; /* by task: those that have been read for, and are not done */
    size_t m_readyBytes = 0;
    /* These belong to the worker whose turn it is. */
    bool m_hasFailed = false;
    DatasetHandle m_own; /* after a failure */
    Cursor m_cursor;
};

} // namespace fishnet

#endif
