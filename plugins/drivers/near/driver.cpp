#include "capability.h"
#include "near_table.h"
#include "plan.h"
#include "table_driver.h"

namespace fishnet
{

using namespace neartable;

const TableKind kNearTable = {"NEARTABLE",
                              "Fishnet: near tables on every core",
                              "NEARTABLE:",
                              "near_table",
                              "near_table",
                              OwnOptions,
                              []() -> std::unique_ptr<TableOptions> { return std::make_unique<Options>(); },
                              []() -> std::shared_ptr<TablePlan> { return std::make_shared<NearPlan>(); },
                              SayNoNear};

static Capability capability([] { RegisterTableJobs(kNearTable); }, RegisterTableDriver<kNearTable>);

} // namespace fishnet
