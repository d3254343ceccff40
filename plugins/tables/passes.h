/* Passes over the input of a table, each a session of workers: to read the rows, or to count them. What they have
 * in common is made by the first that needs it and kept for the next: the handles of the inputs, what workers share, or
 * the helper that has it. */
#ifndef FN_PASSES_H
#define FN_PASSES_H

#include <functional>

#include "input_watch.h"
#include "session.h"

namespace fishnet
{

class Passes
{
  public:
    /* datasets: those of the plan. shared: NULL, or what workers share if it is there. watch: NULL if a worker reads
     * the table. */
    Passes(std::shared_ptr<const TablePlan> plan, SharedDatasets datasets, std::shared_ptr<const Shared> shared,
           std::shared_ptr<InputWatch> watch);
    ~Passes();
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

    /* The rows as pieces of a file: each comes behind its part's header in bytes. goesOn: asked while what
     * workers share is made. */
    bool RunPieces(std::shared_ptr<const PieceFormat> pieces, const GoesOn &goesOn, const Visit &visit);

    /* Can the rows be counted without being computed? */
    bool CanCountFast() const;
    /* How many rows the table has; -1 after CPLError. */
    GIntBig Count(const Session *beside);

    /* Are the inputs the files that were opened? Rows of other ones must not be handed out. all: as in
     * InputWatch::WhyNot(). False after CPLError. */
    bool CheckInputs(bool all) const;

    /* Whether the input is read from its begin to its end, by one reader. False as well after CPLError. */
    bool ReadsInOrder();
    /* As InputSplit::FindCuts(), of rows that are made of features. */
    bool FindCuts(int64_t parts, std::vector<int64_t> &cuts, int64_t &features);
    /* Features of the input, where that is known without counting them; else -1. Before a pass. */
    int64_t InputCount() const;
    /* Shared::Size(); -1: not known yet. */
    int64_t SharedSize() const { return m_sharedSize; }

  private:
    bool PrepareDatasets();
    bool Prepare(const Session *beside, SharedDatasets &datasets);
    SessionHandle Open(Purpose purpose, SharedDatasets datasets);
    bool MakeShared();
    std::shared_ptr<Helper> PrepareHelper(const InputSplit &split, bool shares);
    bool Start(Session &session, Purpose purpose);
    bool FindSharedSize();

    std::shared_ptr<const TablePlan> m_plan;
    SharedDatasets m_datasets;
    std::shared_ptr<InputWatch> m_watch;
    std::shared_ptr<const Shared> m_shared;
    std::shared_ptr<Helper> m_helper; /* kept for the next session */
    InputSplit m_helperSplit;         /* that it serves */
    int64_t m_sharedSize = -1;
    std::shared_ptr<const PieceFormat> m_pieces;
    GoesOn m_goesOn; /* while what is shared is made */
};

} // namespace fishnet

#endif
