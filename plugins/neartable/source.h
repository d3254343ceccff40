/* Reading the input in tasks, in one of three ways that its driver decides. */
#ifndef FN_NEARTABLE_SOURCE_H
#define FN_NEARTABLE_SOURCE_H

#include <condition_variable>
#include <map>
#include <mutex>

#include "neartable/near_side.h"

namespace fishnet::neartable
{

using SharedDatasets = std::shared_ptr<std::vector<DatasetHandle>>;

/* How the input is cut into tasks. */
struct Split {
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
    static bool Choose(const Plan &plan, GDALDatasetH dataset, Split &split);

    int64_t TaskCount() const;
    int64_t TaskBegin(int64_t task) const
    {
        return begin + (task < early ? task * earlySize : early * earlySize + (task - early) * size);
    }
    int64_t TaskSize(int64_t task) const
    {
        return std::min(task < early ? earlySize : size, count - (TaskBegin(task) - begin));
    }
    std::string Describe(int64_t task) const; /* "FIDs 1 to 16384" */
    const char *Name() const;
};

/* Hands out batches from one handle to workers, in the order of tasks. */
class OneReader
{
  public:
    OneReader(const Plan &plan, const Split &split, SharedDatasets datasets)
        : m_plan(plan), m_split(split), m_datasets(std::move(datasets))
    {
    }
    /* FN_ERR_CANCELLED when the task is. *end: there is nothing left. */
    fn_status Read(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &batch, bool *end,
                   MessageCollector &collector, std::string &cause);

    /* Reads the next batch and keeps it until its task asks. Before the workers begin. False: there is no next, or it is cancelled. */
    bool ReadInAdvance(const volatile bool *cancel, Extractor &extractor);
    size_t BytesInAdvance() const { return m_readyBytes; }

  private:
    enum class State { Reading, AtEnd, Failed };
    struct Ready {
        Batch batch;
        bool end = false;
        fn_status status = FN_OK;
        std::string cause;
        std::vector<Message> messages;
    };
    fn_status ReadNow(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &batch, bool *end,
                      MessageCollector &collector, std::string &cause);
    fn_status ReadBatch(const volatile bool *cancel, int64_t size, Extractor &extractor, Batch &batch, bool *end,
                        MessageCollector &collector, std::string &cause);
    void EndTurn(State state);
    bool Begin(Extractor &extractor, MessageCollector &collector, std::string &cause);

    const Plan &m_plan;
    const Split &m_split;
    SharedDatasets m_datasets;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    int64_t m_turn = 0;               /* the task that may read */
    std::map<int64_t, Ready> m_ready; /* read in advance, by task */
    size_t m_readyBytes = 0;
    State m_state = State::Reading;
    /* These belong to the worker whose turn it is. */
    OGRLayerH m_layer = nullptr;
    int64_t m_number = 0; /* of the next feature */
    std::vector<FeatureHandle> m_features;
};

/* What one worker reads with. */
class TaskReader
{
  public:
    /* shared: with Way::OneReader only. NULL and `cause` on failure. */
    static std::unique_ptr<TaskReader> Open(const Plan &plan, const NearSide *near, const Split &split,
                                            OneReader *shared, std::string &cause);
    fn_status Read(int64_t task, const volatile bool *cancel, Batch &batch, bool *end, MessageCollector &collector,
                   std::string &cause);

  private:
    TaskReader(const Plan &plan, const Split &split, OneReader *shared) : m_plan(plan), m_split(split), m_shared(shared)
    {
    }
    const Plan &m_plan;
    const Split &m_split;
    OneReader *m_shared;
    Extractor m_extractor;
    DatasetHandle m_dataset;
    OGRLayerH m_layer = nullptr;
};

} // namespace fishnet::neartable

#endif
