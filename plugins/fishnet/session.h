/* The engine of a dataset and all that its workers use. It can outlive the dataset: see Close(). */
#ifndef FN_FISHNET_SESSION_H
#define FN_FISHNET_SESSION_H

#include "fishnet/engine.h"
#include "fishnet/plan.h"

namespace fishnet
{

class Session
{
  public:
    /* NULL and err on failure. The thread-local configuration options of this thread are those of the workers. */
    static Session *Open(std::shared_ptr<const Plan> plan, const fn_job_options &options, fn_error *err);

    /* Stops the workers and deletes the session. GDAL's dataset pool closes datasets under a global lock that a worker may be
     * waiting for in the middle of a tile: then the workers are left to a thread of their own, which ends when they do. */
    static void Close(Session *session);

    /* Waits for the sessions that were left. */
    static void WaitForClosing();

    fn_engine *Engine() const { return m_engine; }

  private:
    Session() = default;
    static void OnReport(void *user, const fn_report *report);

    std::shared_ptr<const Plan> m_plan;
    CPLStringList m_config;
    fn_engine *m_engine = nullptr;
    bool m_hostListens = true; /* messages may be given: we are on a thread of the host */
};

struct CloseSession {
    void operator()(Session *session) const { Session::Close(session); }
};

} // namespace fishnet

#endif
