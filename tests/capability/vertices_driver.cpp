#include "vertices.h"

#include "capability.h"
#include "table_driver.h"

namespace fishnet::vertices
{

static const fn_option kOptions[] = {
    {"EVERY", FN_OPTION_WHOLE, nullptr, 1, 1000000, "1", "The first of so many vertices", nullptr}};

bool VertexOptions::Take(size_t, const GivenOption &given)
{
    every = given.value.whole;
    return true;
}

const TableKind kVertexTable = {
    "VERTEXTABLE",
    "The vertices of features, of a test",
    "VERTEXTABLE:",
    "vertex_table",
    "vertex_table",
    [] { return fn_option_table{kOptions, std::size(kOptions)}; },
    []() -> std::unique_ptr<TableOptions> { return std::make_unique<VertexOptions>(); },
    []() -> std::shared_ptr<TablePlan> { return std::make_shared<VertexPlan>(); },
    nullptr};

static Capability capability([] { RegisterTableJobs(kVertexTable); }, RegisterTableDriver<kVertexTable>);

} // namespace fishnet::vertices
