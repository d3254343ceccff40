/* One pass over the input by workers: their stream and all that they use. It can outlive the dataset: see closing.h. */
#ifndef FN_NEARTABLE_SESSION_H
#define FN_NEARTABLE_SESSION_H

#include "closing.h"
#include "neartable/helper.h"
#include "neartable/read_ahead.h"

namespace fishnet::neartable
{

class Session final : public Crew
{
  public:
    ~Session() override;
    /* NULL after CPLError. The thread-local configuration options of this thread are those of the workers. datasets: those of the
     * plan; one reader uses the input's handle, and begins to read at once. */
    static Session *Open(std::shared_ptr<const Plan> plan, Purpose purpose, SharedDatasets datasets);

    /* Lets the workers begin: threads, or the processes of a helper. near: NULL with CountUsable. False after CPLError. */
    bool Start(std::shared_ptr<const NearSide> near);
    bool Start(std::shared_ptr<Helper> helper);

    /* The next part, or false: at the end, or after CPLError with *failed. bytes: as it came. */
    bool Next(PartView *part, bool *failed, fn_part *bytes = nullptr);

    bool ReadsFromTheHost() const { return m_work.shared != nullptr; } /* its handle is in use */
    fn_stream *Stream() const { return m_stream; }
    const Split &GetSplit() const { return m_work.split; }

    bool TryStop(double seconds) override;
    bool StopBehind(void (*stopped)(void *user), void *user) override;
    void Leave() override;

  private:
    Session() = default;
    bool Start(fn_job &job);
    void FreeHelper();
    static void OnReport(void *user, const fn_report *report);
    void Tell(const fn_report &report, const Notes *notes) const;

    Work m_work;
    Purpose m_purpose = Purpose::Rows;
    std::shared_ptr<Helper> m_helper; /* of worker processes */
    CPLStringList m_config;
    std::unique_ptr<ReadAhead> m_readAhead; /* until the workers begin */
    fn_stream *m_stream = nullptr;
    bool m_hostListens = true; /* messages may be given: we are on a thread of the host */
};

struct CloseSession {
    void operator()(Session *session) const { CloseCrew(session); }
};

} // namespace fishnet::neartable

#endif
