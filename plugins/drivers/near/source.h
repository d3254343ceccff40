/* Reading the input in tasks, in one of three ways that its driver decides. */
#ifndef FN_NEARTABLE_SOURCE_H
#define FN_NEARTABLE_SOURCE_H

#include <condition_variable>
#include <map>
#include <mutex>

#include "near_side.h"

namespace fishnet::neartable
{

/* Whether the layer is a table of a database whose FIDs are in that column. */
bool IsTableWithFids(const LayerPlan &layer, GDALDatasetH dataset, const std::string &fidColumn);

using SharedDatasets = std::shared_ptr<Handles>;

/* How the input is cut into tasks. */
struct InputSplit {
    enum class Way {
        ByFid,    /* each worker for itself: fid BETWEEN a AND b */
        ByNumber, /* each worker for itself: from the a-th feature on */
        OneReader /* one after the other, all from one handle */
    };
    Way way = Way::OneReader;
    bool numbersAreFids = false; /* with ByNumber: numbers of deleted features are left out */
    int64_t begin = 0,
            count = 0; /* FIDs or feature numbers; count is INT64_MAX - begin where the end is found by reading */
    int64_t size = 1;  /* of a task */
    int64_t early = 0,
            earlySize = 1; /* the first tasks are smaller, so that the reader need not wait for a large one */
    std::string fidColumn;

    /* False after CPLError. May ask the dataset for numbers, but reads no feature of it. */
    static bool Choose(const NearPlan &plan, GDALDatasetH dataset, InputSplit &split);

    int64_t TaskCount() const;
    int64_t TaskBegin(int64_t task) const
    {
        return begin + (task < early ? task * earlySize : early * earlySize + (task - early) * size);
    }
    int64_t TaskSize(int64_t task) const
    {
        return std::min(task < early ? earlySize : size, count - (TaskBegin(task) - begin));
    }
    bool operator==(const InputSplit &other) const { return ToWords() == other.ToWords(); }
    std::string Describe(int64_t task) const; /* "FIDs 1 to 16384" */
    /* For another process, and back. False: the words make no sense. */
    static constexpr size_t kWords = 8;
    Words ToWords() const;
    bool FromWords(const std::string *words);
    const char *Name() const;
};

/* A layer that is read from its first feature on. What lies before a range is passed over. Belongs to one thread at
 * a time. */
class Cursor
{
  public:
    explicit Cursor(const NearPlan &plan) : m_plan(plan) {}

    bool IsOpen() const { return m_layer != nullptr; }
    bool Open(OGRLayerH layer, const Extractor &extractor, MessageCollector &collector, std::string &cause);
    void Close() { m_layer = nullptr; }

    /* Hands over the features from number `begin` on: so many, or fewer where the end comes; then *end is set. */
    using Visit = std::function<void(FeatureHandle feature, int64_t number)>;
    fn_status Read(int64_t begin, int64_t size, const volatile bool *cancel, const Visit &visit, bool *end,
                   MessageCollector &collector, std::string &cause);

  private:
    void Rewind();
    fn_status MoveTo(int64_t number, const volatile bool *cancel, MessageCollector &collector, std::string &cause);
    fn_status Next(const volatile bool *cancel, FeatureHandle *feature, MessageCollector &collector,
                   std::string &cause);

    const NearPlan &m_plan;
    OGRLayerH m_layer = nullptr;
    int64_t m_number = 0; /* of the next feature */
    bool m_atEnd = false;
    bool m_lost = false; /* a call has failed, and where the layer stands is not known */
};

/* Hands out batches from one handle to workers, in the order of tasks. What has been read for a task belongs to it
 * until it is done: it is there for every attempt. A task that cannot read keeps its turn: when it is tried again,
 * the input is opened anew. */
class OneReader
{
  public:
    OneReader(const NearPlan &plan, const InputSplit &split, SharedDatasets datasets)
        : m_plan(plan), m_split(split), m_datasets(std::move(datasets)), m_cursor(plan)
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
        std::vector<FeatureHandle> features; /* those from batch.Count() on are still to be taken out */
        std::vector<Message> messages;       /* that reading them gave */
        fn_status status = FN_OK; /* of an attempt in advance; a failure is told once, the task has its turn still */
        std::string cause;
    };
    fn_status WaitForTurn(int64_t task, const volatile bool *cancel, std::unique_lock<std::mutex> &lock, bool *end,
                          std::string &cause);
    fn_status TakeTurn(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &spare,
                       MessageCollector &collector, std::string &cause);
    fn_status ReadFeatures(int64_t task, const volatile bool *cancel, Extractor &extractor, Given &given, bool *atEnd,
                           MessageCollector &collector, std::string &cause);
    void TakeOut(int64_t task, Extractor &extractor, Given &given, MessageCollector &collector);
    void EndTurn(int64_t task, Given &&given, bool atEnd);
    fn_status OpenCursor(const Extractor &extractor, MessageCollector &collector, std::string &cause);

    const NearPlan &m_plan;
    const InputSplit &m_split;
    SharedDatasets m_datasets;
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

/* What one worker reads with. */
class TaskReader
{
  public:
    /* shared: with Way::OneReader only, and NULL in a worker process, which passes over what is not its own. NULL, a
     * status and `cause` on failure. */
    static std::unique_ptr<TaskReader> Open(const NearPlan &plan, const NearSide *near, const InputSplit &split,
                                            OneReader *shared, fn_status *status, std::string &cause);
    /* *batch lasts until the next call. A task that fails may be tried again, by this reader or another. */
    fn_status Read(int64_t task, const volatile bool *cancel, const Batch **batch, bool *end,
                   MessageCollector &collector, std::string &cause);
    /* The task has its result, and is not tried again. */
    void Done(int64_t task) noexcept;

  private:
    fn_status PassAndRead(int64_t task, const volatile bool *cancel, bool *end, MessageCollector &collector,
                          std::string &cause);
    fn_status ReadRange(int64_t task, const volatile bool *cancel, MessageCollector &collector, std::string &cause);
    bool Select(int64_t begin, int64_t size, MessageCollector &collector, std::string &cause);
    TaskReader(const NearPlan &plan, const InputSplit &split, OneReader *shared)
        : m_plan(plan), m_split(split), m_shared(shared), m_cursor(plan)
    {
    }
    const NearPlan &m_plan;
    const InputSplit &m_split;
    OneReader *m_shared;
    Extractor m_extractor;
    DatasetHandle m_dataset;
    OGRLayerH m_layer = nullptr;
    Cursor m_cursor;
    Batch m_batch; /* its own; with a shared reader, memory for the next one */
};

} // namespace fishnet::neartable

#endif
