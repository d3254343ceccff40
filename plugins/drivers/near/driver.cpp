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

const RecipeKind &NearRecipes()
{
    static const RecipeKind kind = {"NEARTABLE", FN_NEARTABLE_PREFIX,      "near_table",
                                    "input",     neartable::OpenOptions(), neartable::CheckOption};
    return kind;
}

void RegisterNearTableJobs()
{
    RegisterRecipes(NearRecipes());
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
    driver->SetMetadataItem(GDAL_DMD_OPENOPTIONLIST, neartable::OpenOptions().List("OpenOptionList").c_str());
    driver->SetMetadataItem(GDAL_DCAP_CREATECOPY, "YES");
    driver->SetMetadataItem(GDAL_DMD_CREATIONOPTIONLIST, neartable::PartOptions().List("CreationOptionList").c_str());
    driver->pfnCreateCopy = neartable::CreateCopy;
    driver->pfnIdentify = NearDataset::Identify;
    driver->pfnOpen = NearDataset::Open;
    driver->pfnDelete = [](const char *name) { return DeleteRecipeFile(name, NearRecipes()); };
    driver->pfnUnloadDriver = [](GDALDriver *) { WaitForClosing(); };
    GetGDALDriverManager()->RegisterDriver(driver);
}

} // namespace fishnet
