#include "neartable/driver.h"

#include "neartable/dataset.h"
#include "neartable/parts.h"
#include "prefix_info.h"
#include "processes.h"

namespace fishnet
{

using neartable::Dataset;

static constexpr const char *kOptions =
    "<Option name='NEAR' type='string' description='Dataset of the near features; may be repeated, or hold several "
    "separated by a semicolon'/>"
    "<Option name='LAYER' type='string' description='Layer of the input dataset'/>"
    "<Option name='NEAR_LAYER' type='string' description='Layer of the near dataset; one for all, or one for each'/>"
    "<Option name='WHERE' type='string' description='Attribute filter on the input'/>"
    "<Option name='NEAR_WHERE' type='string' description='Attribute filter on the near side; one for all near layers, "
    "or "
    "one for each'/>"
    "<Option name='CLOSEST' type='string' default='1' description='How many near features for each feature, or ALL'/>"
    "<Option name='RADIUS' type='string' description='Largest distance, such as 500, 500m or 2 km'/>"
    "<Option name='MIN_RADIUS' type='string' description='Smallest distance'/>"
    "<Option name='METHOD' type='string-select' default='AUTO' description='How distances are measured; AUTO: geodesic "
    "if the CRS of the input is geographic'><Value>AUTO</Value><Value>PLANAR</Value><Value>GEODESIC</Value></Option>"
    "<Option name='DISTANCE_UNIT' type='string' description='Unit of NEAR_DIST and NEAR_ALONG: mm, cm, m, km, in, ft, "
    "us-ft, yd, mi, nmi or deg'/>"
    "<Option name='LOCATION' type='boolean' default='NO' description='Columns FROM_X, FROM_Y, NEAR_X, NEAR_Y'/>"
    "<Option name='ANGLE' type='boolean' default='NO' description='Column NEAR_ANGLE'/>"
    "<Option name='ALONG' type='boolean' default='NO' description='Column NEAR_ALONG'/>"
    "<Option name='EXCLUDE_SELF' type='string-select' default='AUTO' description='Whether a feature is no neighbour of "
    "its own; AUTO: where both sides are one layer'><Value>AUTO</Value><Value>YES</Value><Value>NO</Value></Option>"
    "<Option name='MATCH' type='string' description='Pairs of fields that must be equal: field=near field, separated "
    "by "
    "commas'/>"
    "<Option name='UNMATCHED' type='string-select' default='DROP' description='Features without a near feature'>"
    "<Value>DROP</Value><Value>NULL</Value></Option>"
    "<Option name='GEOMETRY' type='string-select' default='NONE' description='Geometry of the rows'>"
    "<Value>NONE</Value><Value>LINE</Value><Value>FROM</Value><Value>NEAR</Value></Option>"
    "<Option name='FIELDS' type='string' description='Fields of the input to carry over, separated by commas, or *'/>"
    "<Option name='NEAR_FIELDS' type='string' description='Fields of the near features to carry over, or *'/>"
    "<Option name='PARTITION_SIZE' type='string' default='AUTO' description='Features of the input in a task, or "
    "AUTO'/>"
    "<Option name='PARTITION' type='string' description='i/n: only the i-th of n parts of the input'/>"
    "<Option name='TRACE' type='string' description='File for a timeline in Chrome trace format'/>";

void RegisterNearTableDriver()
{
    if (GDALGetDriverByName("NEARTABLE"))
        return;
    auto *driver = new GDALDriver();
    driver->SetDescription("NEARTABLE");
    driver->SetMetadataItem(GDAL_DMD_LONGNAME, "Fishnet: near tables on every core");
    driver->SetMetadataItem(GDAL_DCAP_VECTOR, "YES");
    driver->SetMetadataItem(GDAL_DCAP_OPEN, "YES");
    driver->SetMetadataItem(GDAL_DCAP_VIRTUALIO, "YES");
    driver->SetMetadataItem(GDAL_DMD_CONNECTION_PREFIX, FN_NEARTABLE_PREFIX);
    const std::string list = std::string("<OpenOptionList>") + kOptions + WorkerOptionList() + "</OpenOptionList>";
    driver->SetMetadataItem(GDAL_DMD_OPENOPTIONLIST, list.c_str());
    driver->SetMetadataItem(GDAL_DCAP_CREATECOPY, "YES");
    driver->SetMetadataItem(GDAL_DMD_CREATIONOPTIONLIST, neartable::CreationOptionList().c_str());
    driver->pfnCreateCopy = neartable::CreateCopy;
    driver->pfnIdentify = Dataset::Identify;
    driver->pfnOpen = Dataset::Open;
    driver->pfnUnloadDriver = [](GDALDriver *) { WaitForClosing(); };
#if FN_GDAL_AT_LEAST(3, 8)
    driver->SetMetadataItem(GDAL_DMD_SUBDATASETS, "YES");
    driver->pfnGetSubdatasetInfoFunc = [](const char *name) -> GDALSubdatasetInfo * {
        return neartable::IsNearTableName(name) ? new PrefixInfo(name, FN_NEARTABLE_PREFIX) : nullptr;
    };
#endif
    GetGDALDriverManager()->RegisterDriver(driver);
}

} // namespace fishnet
