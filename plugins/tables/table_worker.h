/* One worker of a table: reads a batch of the input and hands the rows over that its kind makes of it. */
#ifndef FN_TABLE_WORKER_H
#define FN_TABLE_WORKER_H

#include "fishnet/stream.h"
#include "table_job.h"

namespace fishnet
{

class TableWorker final : public JobWorker, private RowSink
{
  public:
    /* NULL and err on failure. */
    static std::unique_ptr<TableWorker> Open(const TableJob &job, fn_error *err);
    ~TableWorker() override;

    fn_status Run(fn_task &task, Notes &messages, fn_error *err) override;
    void Done(int64_t task) noexcept override
    {
        if (m_reader)
            m_reader->Done(task);
    }

  private:
    explicit TableWorker(const TableJob &job) : m_job(job), m_plan(*job.plan), m_part(m_plan.schema) {}
    fn_status Read(const fn_task &task, bool *end, MessageCollector &collector, std::string &cause);
    fn_status Compute(fn_task &task, const Batch &batch, fn_error *err);
    fn_status Flush(fn_task &task, bool last, fn_error *err);
    fn_status HandOver(fn_task &task, bool last, size_t bytes, const std::function<void(void *)> &write, fn_error *err);
    size_t FileOf(size_t i) const;
    fn_status FlushPiece(fn_task &task, bool last, fn_error *err);

    bool Counts() const override { return !MakesRows(m_task->variant); }
    void Count(int64_t rows) override { m_part.header.rows += rows; }
    fn_status AddRow(size_t i, size_t *row, fn_error *err) override;

    const TableJob &m_job;
    const TablePlan &m_plan;
    PartBuilder m_part;
    std::unique_ptr<TaskReader> m_reader; /* NULL: no feature is read */
    Batch m_rows;                         /* in the place of features */
    std::unique_ptr<RowWriter> m_writer;
    std::unique_ptr<PieceWriter> m_pieces; /* made when it is needed, as the next */
    std::vector<char> m_rowsOfPiece;       /* as a part */
    size_t m_file = 0;                     /* that rows are of, where there are several */
    fn_task *m_task = nullptr;
    const Batch *m_batch = nullptr; /* of the task */
    size_t m_recordOf = SIZE_MAX;   /* the feature whose record is in the part, and where */
    uint64_t m_record = 0;
};

} // namespace fishnet

#endif
