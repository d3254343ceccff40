#include "table_driver.h"

#include "closing.h"
#include "parts_job.h"

namespace fishnet
{

static std::string CheckOption(const RecipeKind &recipes, const char *option)
{
    return WhyNotOption(*FindTableKind(recipes.driver), option);
}

namespace
{
struct Known {
    explicit Known(const TableKind &theKind)
        : kind(&theKind), recipes{theKind.driver, theKind.prefix,         theKind.type,
                                  "input",        OpenOptionsOf(theKind), CheckOption},
          parts(NewPartOptions(theKind))
    {
    }
    const TableKind *kind;
    RecipeKind recipes;
    OptionTable parts;
};
} // namespace

/* Never destroyed: helpers may ask until they end. Registering is GDAL's, one thread at a time. */
static std::vector<std::unique_ptr<const Known>> &Kinds()
{
    static auto *kinds = new std::vector<std::unique_ptr<const Known>>();
    return *kinds;
}

static const Known *Find(const std::string &driver)
{
    for (const auto &known : Kinds())
        if (driver == known->kind->driver)
            return known.get();
    return nullptr;
}

const TableKind *FindTableKind(const std::string &driver)
{
    const Known *known = Find(driver);
    return known ? known->kind : nullptr;
}

const RecipeKind &TableRecipes(const TableKind &kind)
{
    return Find(kind.driver)->recipes;
}

const OptionTable &PartOptions(const TableKind &kind)
{
    return Find(kind.driver)->parts;
}

void RegisterTableJobs(const TableKind &kind)
{
    if (!Find(kind.driver))
        Kinds().push_back(std::make_unique<const Known>(kind));
    RegisterRecipes(TableRecipes(kind));
    RegisterJob(kTableJob, TableJob::FromWords);
    RegisterJob(kTablePartsJob, PartsJob::FromWords);
}

std::unique_ptr<GDALDriver> NewTableDriver(const TableKind &kind)
{
    if (GDALGetDriverByName(kind.driver))
        return nullptr;
    auto driver = std::make_unique<GDALDriver>();
    driver->SetDescription(kind.driver);
    driver->SetMetadataItem(GDAL_DMD_LONGNAME, kind.longName);
    driver->SetMetadataItem(GDAL_DCAP_VECTOR, "YES");
    driver->SetMetadataItem(GDAL_DCAP_OPEN, "YES");
    driver->SetMetadataItem(GDAL_DCAP_VIRTUALIO, "YES");
    driver->SetMetadataItem(GDAL_DMD_CONNECTION_PREFIX, kind.prefix);
    driver->SetMetadataItem(GDAL_DMD_EXTENSIONS, FN_RECIPE_FILE_EXTENSION);
    driver->SetMetadataItem(GDAL_DMD_OPENOPTIONLIST, TableRecipes(kind).options.List("OpenOptionList").c_str());
    driver->SetMetadataItem(GDAL_DCAP_CREATECOPY, "YES");
    driver->SetMetadataItem(GDAL_DMD_CREATIONOPTIONLIST, PartOptions(kind).List("CreationOptionList").c_str());
    driver->pfnUnloadDriver = [](GDALDriver *) { WaitForClosing(); };
    return driver;
}

} // namespace fishnet
