/* The rows of a table as a job: ranges of the input are its tasks, read in one of three ways, and rows are handed over
 * in order. */
#ifndef FN_TABLE_JOB_H
#define FN_TABLE_JOB_H

#include <set>

#include "pieces.h"
#include "table_plan.h"
#include "task_reader.h"

namespace fishnet
{

/* What is computed, the variant of a task: the rows, or how many there are. */
enum Purpose {
    Rows,
    RowPieces,  /* the rows, as pieces of a file */
    CountRows,  /* as Write() counts them */
    CountUsable /* features of the input; needs nothing that workers share */
};

inline bool MakesRows(int purpose)
{
    return purpose == Rows || purpose == RowPieces;
}

class TableJob final : public Job
{
  public:
    TableJob(std::shared_ptr<const TablePlan> thePlan, InputSplit theSplit, bool shares);
    static std::unique_ptr<Job> FromWords(const Words &words, int threads, fn_error *err);

    /* What all workers share. */
    std::shared_ptr<const TablePlan> plan;
    InputSplit split;
    std::shared_ptr<const Shared> shared;      /* NULL: there is nothing, or it is not needed */
    std::unique_ptr<OneReader> oneReader;      /* NULL: each worker reads for itself */
    std::shared_ptr<const PieceFormat> pieces; /* for RowPieces */

    /* In a helper: opens the inputs, makes what workers share and closes all. */
    fn_status Prepare(Notes &messages, const GoesOn &goesOn, fn_error *err) override;
    /* Shared::Size(). */
    std::string Answer() const override;
    std::unique_ptr<JobWorker> OpenWorker(fn_error *err) override;
    const char *Failure() const override { return "a range of the input cannot be computed"; }
    JobDescription Describe() const override;
    const char *Driver() const override { return plan->driver; }
    int64_t TaskCount() const override { return split.TaskCount(); }
    size_t TaskBytes(int64_t task, int variant) const override;
    std::string TaskName(int64_t task) const override { return split.Describe(task); }
    fn_task_place Place(int64_t task) const override { return split.Place(task); }
    /* Of pieces, a warning once: a writer says for each of its files what is said once of one. */
    void Tell(const Message &message, const std::string &task, long process) override;

  private:
    explicit TableJob(int threads) : Job(threads) {}

    std::set<std::string> m_warnings; /* that have been given, of pieces */
    bool m_shares = true;
    const TableKind *m_kind = nullptr; /* in a helper, as the next */
    std::string m_connection, m_signature;
    CPLStringList m_openOptions;
};

constexpr const char *kTableJob = "table";

/* The tasks of such a pass. datasets: of the plan. False after CPLError. */
bool ChooseSplit(const TablePlan &plan, Purpose purpose, const Handles &datasets, InputSplit &split);

/* Bytes for results: some parts for each worker, and some more. */
size_t Budget(const TablePlan &plan);

} // namespace fishnet

#endif
