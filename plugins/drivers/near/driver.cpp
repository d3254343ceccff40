#include "driver.h"

#include "dataset.h"
#include "near_job.h"
#include "parts.h"
#include "parts_job.h"
#include "workers.h"
#include "recipe_file.h"

namespace fishnet
{

using neartable::NearDataset;

static constexpr const char *kOptions =
    "<Option name='NEAR' type='string' description='Dataset of the near features; may be repeated, or hold several "
    "separated by a semicolon'/>"
    "<Option name='LAYER' type='string' description='Layer of the input dataset'/>"
    "<Option name='NEAR_LAYER' type='string' description='Layer of the near dataset; one for all, or one for each'/>"
    "<Option name='WHERE' type='string' description='Attribute filter on the input'/>"
    "<Option name='NEAR_WHERE' type='string' description='Attribute filter on the near side; one for all near layers, "
    "or "
    "one for each'/>"
    "<Option name='OO' type='string' description='Open option of the input dataset, NAME=VALUE; may be repeated, or "
    "hold "
    "several separated by a semicolon'/>"
    "<Option name='NEAR_OO' type='string' description='Open option of the near datasets, likewise'/>"
    "<Option name='GEOMETRY_FIELD' type='string' description='Geometry field of the input, where it has several; by "
    "default the first'/>"
    "<Option name='NEAR_GEOMETRY_FIELD' type='string' description='Geometry field of the near layers, likewise'/>"
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
    "<Option name='PARTITION' type='string' description='i/n: only the i-th of n parts of the input'/>";

const RecipeKind &NearRecipes()
{
    using Value = RecipeValue;
    static const RecipeKind kind = {"NEARTABLE",
                                    FN_NEARTABLE_PREFIX,
                                    "near_table",
                                    {{"input", Value::Name},
                                     {"near", Value::Names},
                                     {"layer", Value::Text},
                                     {"near_layer", Value::Layers},
                                     {"where", Value::Text},
                                     {"near_where", Value::Conditions},
                                     {"oo", Value::Settings},
                                     {"near_oo", Value::Settings},
                                     {"geometry_field", Value::Text},
                                     {"near_geometry_field", Value::Text},
                                     {"closest", Value::Number},
                                     {"radius", Value::Number},
                                     {"min_radius", Value::Number},
                                     {"method", Value::Text},
                                     {"distance_unit", Value::Text},
                                     {"location", Value::Flag},
                                     {"angle", Value::Flag},
                                     {"along", Value::Flag},
                                     {"exclude_self", Value::Flag},
                                     {"match", Value::Pairs},
                                     {"unmatched", Value::Text},
                                     {"geometry", Value::Text},
                                     {"fields", Value::Fields},
                                     {"near_fields", Value::Fields},
                                     {"partition_size", Value::Number},
                                     {"partition", Value::Text},
                                     {"workers", Value::Text},
                                     {"num_workers", Value::Number},
                                     {"threads_per_worker", Value::Number},
                                     {"retries", Value::Number},
                                     {"task_timeout", Value::Number}},
                                    neartable::CheckOption};
    return kind;
}

void RegisterNearTableJobs()
{
    RegisterJob("near", neartable::NearJob::FromWords);
    RegisterJob("near parts", neartable::PartsJob::FromWords);
}

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
    driver->SetMetadataItem(GDAL_DMD_EXTENSIONS, FN_RECIPE_FILE_EXTENSION);
    const std::string list = std::string("<OpenOptionList>") + kOptions + WorkerOptionList() + "</OpenOptionList>";
    driver->SetMetadataItem(GDAL_DMD_OPENOPTIONLIST, list.c_str());
    driver->SetMetadataItem(GDAL_DCAP_CREATECOPY, "YES");
    driver->SetMetadataItem(GDAL_DMD_CREATIONOPTIONLIST, neartable::CreationOptionList().c_str());
    driver->pfnCreateCopy = neartable::CreateCopy;
    driver->pfnIdentify = NearDataset::Identify;
    driver->pfnOpen = NearDataset::Open;
    driver->pfnDelete = [](const char *name) { return DeleteRecipeFile(name, NearRecipes()); };
    driver->pfnUnloadDriver = [](GDALDriver *) { WaitForClosing(); };
    GetGDALDriverManager()->RegisterDriver(driver);
}

} // namespace fishnet
