/* VERTEXTABLE: a row for each vertex of each feature. The whole of a capability in four files, of which nothing else
 * knows: that is what this test is about. See "Adding a capability" in HACKING.md. */
#ifndef FN_VERTICES_H
#define FN_VERTICES_H

#include "table_kind.h"

namespace fishnet::vertices
{

struct VertexOptions final : TableOptions {
    int64_t every = 1;

  private:
    bool Take(size_t index, const GivenOption &given) override;
};

class VertexPlan final : public TablePlan
{
  public:
    int64_t every = 1;
    int inFid = -1, number = -1, shape = -1, x = -1, y = -1; /* slots */

    bool Complete(const TableOptions &options, Handles &handles) override;
    void MakeSchema() override;
    std::string OwnSignature() const override { return std::to_string(every); }
    const char *LostText() const override { return "have no vertices"; }
    std::unique_ptr<RowWriter> NewWriter(const Shared *shared, const InputSplit &split, PartBuilder &rows,
                                         fn_error *err) const override;
};

extern const TableKind kVertexTable;

} // namespace fishnet::vertices

#endif
