/* The engine of a dataset and all that its workers use. It can outlive the dataset: see closing.h. */
#ifndef FN_FISHNET_SESSION_H
#define FN_FISHNET_SESSION_H

#include "closing.h"
#include "fishnet/engine.h"
#include "fishnet/plan.h"

namespace fishnet
{

class Session final : public Crew
{
  public:
    /* NULL and err on failure. The thread-local configuration options of this thread are those of the workers. */
    static Session *Open(std::shared_ptr<const Plan> plan, const fn_job_options &options, fn_error *err);

    fn_engine *Engine() const { return m_engine; }

    bool TryStop(double seconds) override;
    void Stop() override;
    void Leave() override;

  private:
    Session() = default;
    static void OnReport(void *user, const fn_report *report);

    std::shared_ptr<const Plan> m_plan;
    CPLStringList m_config;
    fn_engine *m_engine = nullptr;
    bool m_hostListens = true; /* messages may be given: we are on a thread of the host */
};

struct CloseSession {
    void operator()(Session *session) const { CloseCrew(session); }
};

} // namespace fishnet

#endif
