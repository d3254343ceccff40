/* The module's one entry: GDAL calls it in every process that registers drivers, so it only registers. */
#include "module.h"
#include "gdal_compat.h"

#include "boundary.h"
#include "capability.h"
#include "helper.h"
#include "patient_files.h"

void GDALRegister_FISHNET(void)
{
    if (!GDAL_CHECK_VERSION("FISHNET"))
        return;
    fishnet::Guarded("FISHNET", false, [] {
        fishnet::RememberFiles();
        fishnet::DeclareConfigOptions();
        fishnet::InstallPatientFiles();
        fishnet::Capability::RegisterAll();
        return true;
    });
}
