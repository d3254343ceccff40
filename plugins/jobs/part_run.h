/* A job whose tasks each write a part of an output, a file of its own in a folder that OutputFolder guards; and the
 * run over all parts that are not there yet. For tiles of a raster and parts of a table. */
#ifndef FN_JOBS_PART_RUN_H
#define FN_JOBS_PART_RUN_H

#include <cpl_progress.h>

#include "input_watch.h"
#include "job.h"
#include "output_folder.h"
#include "shares.h"

namespace fishnet
{

class PartJob : public Job
{
  public:
    using Job::Job;

    std::string folder;        /* that the parts go to */
    std::vector<int64_t> todo; /* the part of each task, from 0 */
    std::string run;           /* see OutputFolder::Run() */

    virtual int64_t PartCount() const = 0;
    virtual std::string Stem(int64_t part) const = 0; /* of its files: "r003_c012" */
    virtual std::string File(int64_t part) const = 0;
    int64_t PartOf(int64_t task) const { return todo[static_cast<size_t>(task)]; }

    /* CPLError: the parts cannot be written. */
    virtual void Fail(const fn_error &err) const = 0;

    int64_t TaskCount() const override { return static_cast<int64_t>(todo.size()); }
    size_t TaskBytes(int64_t, int) const override { return sizeof(int64_t); }
    std::string TaskName(int64_t task) const override { return File(PartOf(task)); }
    /* A part has been written: what its task has left as result. On a thread of the host. */
    virtual void Written(int64_t /*part*/, const void * /*result*/, size_t /*bytes*/) {}
    /* Removes what a process that has failed has left. */
    void Ended(const fn_report &report, bool byProcess) override;

    /* Sets todo, of the parts that are wanted, and run. failures: the file beside a part that lists what it lacks;
     * empty: there is none. False after CPLError. */
    bool FindTodo(const output::OutputFolder &outputs, const std::vector<int64_t> &wanted,
                  const std::function<std::string(int64_t part)> &failures);
    /* Of a share, whose folder others may write to: whether all that are wanted are there now, and the folder is still
     * that of the recipe. False after CPLError. */
    bool IsDone(output::OutputFolder &outputs, const output::OutputRecipe &recipe) const;
    /* Whether nothing is to do. False after CPLError, which says what is missing. */
    bool IsComplete(const output::OutputFolder &outputs, const PartGrid &grid) const;

  private:
    friend class PartRun;
    std::vector<int64_t> m_wanted;
    const output::OutputFolder *m_outputs = nullptr; /* of the host, while it writes */
};

/* Writes what is to do. watch: of the inputs; may be NULL. Nothing unfinished stays behind. False after CPLError. */
bool WriteParts(const std::shared_ptr<PartJob> &job, const output::OutputFolder &outputs, fn_worker_options workers,
                const ReportFiles &reports, InputWatch *watch, GDALProgressFunc progress, void *progressData);

} // namespace fishnet

#endif
