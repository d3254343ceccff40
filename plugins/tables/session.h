/* One pass over the input by workers. */
#ifndef FN_SESSION_H
#define FN_SESSION_H

#include "job_run.h"
#include "part.h"
#include "read_ahead.h"
#include "table_job.h"

namespace fishnet
{

class Session
{
  public:
    /* NULL after CPLError. The thread-local configuration options of this thread are those of the workers. datasets:
     * those of the plan; one reader uses the input's handle, and begins to read at once. */
    static std::unique_ptr<Session> Open(std::shared_ptr<const TablePlan> plan, Purpose purpose,
                                         std::shared_ptr<const PieceFormat> pieces, SharedDatasets datasets);
    ~Session();
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    /* Lets the workers begin. shared: NULL with CountUsable, and with a helper, which has it. helper: NULL with
     * threads. False after CPLError. */
    bool Start(std::shared_ptr<const Shared> shared, std::shared_ptr<Helper> helper);

    /* The next part, or false: at the end, or after CPLError with *failed. Goes on with what workers share until there
     * is a part. bytes: as it came. */
    bool Next(PartView *part, bool *failed, fn_part *bytes = nullptr);

    /* Whether its one reader uses the handles, and has them still if it cannot be stopped. */
    bool Uses(const SharedDatasets &datasets) const { return m_job->oneReader && m_job->oneReader->Uses(datasets); }
    void GetStats(fn_stream_stats *stats) const { fn_stream_get_stats(m_run->Stream(), stats); }
    const InputSplit &GetSplit() const { return m_job->split; }

    /* Ends it. False: the workers are at it still, and have what they use. */
    bool Close() { return !m_run || CloseCrew(m_run.release()); }

  private:
    Session() = default;
    fn_status GoOn(fn_error *err);

    std::shared_ptr<TableJob> m_job;
    Purpose m_purpose = Rows;
    std::unique_ptr<ReadAhead> m_readAhead; /* until the workers begin */
    JobRunHandle m_run;
};

} // namespace fishnet

#endif
