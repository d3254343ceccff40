/* The engine of a dataset and all that its workers use. It can outlive the dataset: see closing.h. */
#ifndef FN_FISHNET_SESSION_H
#define FN_FISHNET_SESSION_H

#include <map>
#include <mutex>

#include "closing.h"
#include "fishnet/engine.h"
#include "fishnet/plan.h"
#include "processes.h"

namespace fishnet
{

/* What a worker process makes the same plan of. */
struct PlanSource {
    std::string connection;
    CPLStringList openOptions;
    int overview = -1;
    std::string folder; /* that relative names begin at */
};

class Session final : public Crew
{
  public:
    /* NULL and err on failure. The thread-local configuration options of this thread are those of the workers. */
    static Session *Open(std::shared_ptr<const Plan> plan, const PlanSource &source, const fn_recipe &recipe,
                         const fn_job_options &options, fn_error *err);

    fn_engine *Engine() const { return m_engine; }

    /* Tiles that are NoData because they could not be computed. */
    std::vector<std::string> Failed() const;

    bool TryStop(double seconds) override;
    bool StopBehind(void (*stopped)(void *user), void *user) override;
    void Leave() override;

  private:
    Session() = default;
    static void OnReport(void *user, const fn_report *report);
    void Tell(const fn_report &report, const Notes *notes) const;
    static bool OnFailure(void *user, fn_task *task, const fn_error *err);

    std::shared_ptr<const Plan> m_plan;
    CPLStringList m_config;
    int m_threads = 1; /* that GDAL may use for a worker */
    PoolHandle m_pool; /* of worker processes */
    fn_engine *m_engine = nullptr;
    mutable std::mutex m_failedMutex;
    std::map<int64_t, std::string> m_failed; /* by task */
    bool m_hostListens = true;               /* messages may be given: we are on a thread of the host */
};

/* In a helper process. */
fn_status PrepareRasterJob(const Words &words, fn_job *job, std::string *answer, fn_error *err);

struct CloseSession {
    void operator()(Session *session) const { CloseCrew(session); }
};

} // namespace fishnet

#endif
