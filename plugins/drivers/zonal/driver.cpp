#include "capability.h"
#include "plan.h"
#include "table_driver.h"
#include "zonal_job.h"
#include "zonal_table.h"

namespace fishnet
{

using namespace zonalstats;

const TableKind kZonalStats = {"ZONALSTATS",
                               "Fishnet: zonal statistics on every core",
                               "ZONALSTATS:",
                               "zonal_stats",
                               "zonal_stats",
                               OwnOptions,
                               []() -> std::unique_ptr<TableOptions> { return std::make_unique<ZonalOptions>(); },
                               []() -> std::shared_ptr<TablePlan> { return std::make_shared<ZonalPlan>(); },
                               SayNoRaster};

static Capability capability(
    [] {
        RegisterTableJobs(kZonalStats);
        RegisterJob(kZonalJob, ZonalJob::FromWords);
    },
    RegisterTableDriver<kZonalStats>);

} // namespace fishnet
