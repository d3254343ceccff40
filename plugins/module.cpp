/* The module's one entry: GDAL calls it in every process that registers drivers, so it only registers. */
#include "module.h"
#include "gdal_compat.h"

#include "boundary.h"
#include "commands.h"
#include "drivers/calc/driver.h"
#include "drivers/near/driver.h"
#include "helper.h"

void fishnet::RegisterJobs()
{
    RegisterRasterJobs();
    RegisterNearTableJobs();
}

void GDALRegister_FISHNET(void)
{
    if (!GDAL_CHECK_VERSION("FISHNET"))
        return;
    fishnet::Guarded("FISHNET", false, [] {
        fishnet::RememberFiles();
        fishnet::DeclareConfigOptions();
        fishnet::RegisterJobs();
        fishnet::RegisterRasterDriver();
        fishnet::RegisterPixelFunction();
        fishnet::RegisterNearTableDriver();
        fishnet::RegisterCommands();
        return true;
    });
}
