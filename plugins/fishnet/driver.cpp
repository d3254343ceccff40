#include "fishnet/driver.h"

#include <string>

#include "fishnet/create.h"
#include "fishnet/dataset.h"
#include "prefix_info.h"

namespace fishnet
{

static std::string OpenOptionList()
{
    std::string xml =
        "<OpenOptionList>"
        "<Option name='CALC' type='string' description='Expression of an output band over A, A[2], B...; may be "
        "repeated, or hold several separated by a semicolon'/>";
    for (char letter = 'A'; letter <= 'Z'; letter++)
        xml += std::string("<Option name='") + letter + "' type='string' description='Dataset that is input " + letter +
               "'/>";
    xml += WorkerOptionList();
    xml += "<Option name='ON_ERROR' type='string-select' default='FAIL' description='What a tile becomes that cannot "
           "be computed'>"
           "<Value>FAIL</Value><Value>NODATA</Value></Option>"
           "<Option name='TILE_SIZE' type='string' default='AUTO' description='Size of a task: 512, 512x256 or AUTO'/>"
           "<Option name='OT' type='string' description='Pixel type of computed bands'/>"
           "<Option name='NODATA' type='string' description='NoData value of computed bands, or none'/>"
           "<Option name='PARTITION' type='string' description='i/n: only the i-th of n parts of the grid'/>"
           "<Option name='CACHE_MB' type='int' min='1' description='Memory for tiles in megabytes'/>"
           "<Option name='TRACE' type='string' description='File for a timeline in Chrome trace format'/>"
           "</OpenOptionList>";
    return xml;
}

void RegisterRasterDriver()
{
    if (GDALGetDriverByName("FISHNET"))
        return;
    auto *driver = new GDALDriver();
    driver->SetDescription("FISHNET");
    driver->SetMetadataItem(GDAL_DMD_LONGNAME, "Fishnet: raster math in parallel tiles");
    driver->SetMetadataItem(GDAL_DCAP_RASTER, "YES");
    driver->SetMetadataItem(GDAL_DCAP_OPEN, "YES");
    driver->SetMetadataItem(GDAL_DCAP_CREATECOPY, "YES");
    driver->SetMetadataItem(GDAL_DCAP_VIRTUALIO, "YES");
    driver->SetMetadataItem(GDAL_DMD_CONNECTION_PREFIX, FN_RECIPE_PREFIX);
    driver->SetMetadataItem(GDAL_DMD_OPENOPTIONLIST, OpenOptionList().c_str());
    driver->SetMetadataItem(GDAL_DMD_CREATIONOPTIONLIST, CreationOptionList().c_str());
    driver->pfnIdentify = Dataset::Identify;
    driver->pfnOpen = Dataset::Open;
    driver->pfnCreateCopy = CreateCopy;
    driver->pfnUnloadDriver = [](GDALDriver *) { WaitForClosing(); };
#if FN_GDAL_AT_LEAST(3, 8)
    driver->SetMetadataItem(GDAL_DMD_SUBDATASETS, "YES");
    driver->pfnGetSubdatasetInfoFunc = [](const char *name) -> GDALSubdatasetInfo * {
        return fn_recipe_is_name(name) ? new PrefixInfo(name, FN_RECIPE_PREFIX) : nullptr;
    };
#endif
    GetGDALDriverManager()->RegisterDriver(driver);
}

} // namespace fishnet
