/* One worker of a near table: reads a batch of the input, searches, and writes rows. */
#ifndef FN_NEARTABLE_WORKER_H
#define FN_NEARTABLE_WORKER_H

#include "fishnet/stream.h"
#include "neartable/part.h"
#include "neartable/source.h"

namespace fishnet::neartable
{

/* What is computed: the rows, or how many there are. */
enum class Purpose {
    Rows,
    CountRows,  /* searches */
    CountUsable /* of the input; searches nothing */
};

/* What all workers of a session share. */
struct Work {
    std::shared_ptr<const Plan> plan;
    std::shared_ptr<const NearSide> near; /* NULL with CountUsable */
    Split split;
    std::unique_ptr<OneReader> shared; /* NULL: each worker reads for itself */
};

class Worker
{
  public:
    /* config: the thread-local configuration options of the thread that opened the dataset. threads: that GDAL may use. NULL and err
     * on failure. */
    static std::unique_ptr<Worker> Open(const Work &work, CSLConstList config, int threads, fn_error *err);
    ~Worker();
    Worker(const Worker &) = delete;
    Worker &operator=(const Worker &) = delete;

    /* messages: of a task that succeeded. */
    fn_status Run(Purpose purpose, fn_task *task, Notes *messages, fn_error *err);
    /* The task that was run has its result, and is not tried again. */
    void Done(int64_t task) noexcept { m_reader->Done(task); }

    /* Bytes of a task's first part, about. */
    static size_t TaskBytes(const Work &work, Purpose purpose, int64_t task);
    /* What a task of so many bytes is for: the processes of one helper are not told otherwise. */
    static Purpose PurposeOf(size_t taskBytes);

  private:
    explicit Worker(const Work &work) : m_work(work), m_plan(*work.plan) {}
    fn_status Search(fn_task *task, fn_error *err);
    fn_status SearchPoints(fn_task *task, fn_error *err);
    fn_status AddRows(fn_task *task, size_t i, const fn_neighbour *found, size_t n, fn_usable verdict, fn_error *err);
    uint64_t NearRecord(uint32_t feature);
    fn_status Flush(fn_task *task, bool last, fn_error *err);
    void FindExcluded(int64_t task);

    struct FreeSearcher {
        void operator()(fn_searcher *searcher) const { fn_searcher_free(searcher); }
    };

    const Work &m_work;
    const Plan &m_plan;
    Purpose m_purpose = Purpose::Rows;
    std::unique_ptr<TaskReader> m_reader;
    std::unique_ptr<fn_searcher, FreeSearcher> m_searcher;
    const Batch *m_batch = nullptr; /* of the task */
    int m_excludedLayer = -1;       /* of fn_excluded, for all of them */
    const int64_t *m_excluded = nullptr;
    std::vector<int64_t> m_byNumber;
    PartBuilder m_part;
    std::vector<fn_neighbour> m_found;
    std::vector<uint32_t> m_counts;
    std::vector<fn_usable> m_verdicts;
};

} // namespace fishnet::neartable

#endif
