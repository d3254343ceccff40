/* The module's one entry: GDAL calls it in every process that registers drivers, so it only registers. */
#include "module.h"
#include "gdal_compat.h"

#include "commands/commands.h"
#include "fishnet/driver.h"
#include "neartable/driver.h"

void GDALRegister_FISHNET(void)
{
    if (!GDAL_CHECK_VERSION("FISHNET"))
        return;
    fishnet::RegisterRasterDriver();
    fishnet::RegisterPixelFunction();
    fishnet::RegisterNearTableDriver();
    fishnet::RegisterCommands();
}
