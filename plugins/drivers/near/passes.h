/* Passes over the input of a near table, each a session of workers: to read the rows, or to count them. What they have
 * in common is made by the first that needs it and kept for the next: the handles of the inputs, the near side, or the
 * helper that has it. */
#ifndef FN_NEARTABLE_PASSES_H
#define FN_NEARTABLE_PASSES_H

#include <functional>

#include "input_watch.h"
#include "session.h"

namespace fishnet::neartable
{

class Passes
{
  public:
    /* datasets: those of the plan. near: NULL, or the near side if it has been read. watch: NULL if a worker reads the
     * table. */
    Passes(std::shared_ptr<const NearPlan> plan, SharedDatasets datasets, std::shared_ptr<const NearSide> near,
           std::shared_ptr<InputWatch> watch);
    Passes(const Passes &) = delete;
    Passes &operator=(const Passes &) = delete;

    /* The one way to end a session: handles that workers still have are theirs from then on. */
    struct End {
        Passes *passes;
        void operator()(Session *session) const;
    };
    using SessionHandle = std::unique_ptr<Session, End>;

    /* A session whose workers have begun to compute the rows. NULL after CPLError. */
    SessionHandle Begin();

    /* A whole pass, or one until visit() returns false. beside: a session that is under way, or NULL. False after
     * CPLError. */
    using Visit = std::function<bool(const PartView &part, const fn_part &bytes)>;
    bool Run(Purpose purpose, const Session *beside, const Visit &visit);

    /* Can the rows be counted without a search? */
    bool CanCountFast() const;
    /* How many rows the table has; -1 after CPLError. */
    GIntBig Count(const Session *beside);

    /* Are the inputs the files that were opened? Rows of other ones must not be handed out. all: as in
     * InputWatch::WhyNot(). False after CPLError. */
    bool CheckInputs(bool all) const;

    /* NULL before rows are read, and with worker processes: then the helper has it. */
    const NearSide *Near() const { return m_near.get(); }
    /* How many near features there are; -1: not known yet. */
    int64_t NearFeatures() const { return m_nearFeatures; }

  private:
    bool PrepareDatasets();
    bool Prepare(const Session *beside, SharedDatasets &datasets);
    SessionHandle Open(Purpose purpose, SharedDatasets datasets);
    bool ReadNear();
    std::shared_ptr<Helper> PrepareHelper(const InputSplit &split, bool withNear);
    bool Start(Session &session, Purpose purpose);
    bool CountNear();

    std::shared_ptr<const NearPlan> m_plan;
    SharedDatasets m_datasets;
    std::shared_ptr<InputWatch> m_watch;
    std::shared_ptr<const NearSide> m_near;
    std::shared_ptr<Helper> m_helper; /* kept for the next session */
    InputSplit m_helperSplit;         /* that it serves */
    int64_t m_nearFeatures = -1;
};

} // namespace fishnet::neartable

#endif
