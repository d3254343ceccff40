#include <algorithm>
#include <cstring>
#include <string>

#include "capability.h"
#include "creation_options.h"
#include "dataset.h"
#include "deleted_files.h"
#include "fishnet/recipe.h"
#include "functions.h"
#include "input_watch.h"
#include "materialized.h"
#include "recipes.h"
#include "single_job.h"
#include "tile_job.h"

namespace fishnet
{

/* What the parser of options has against one of them. */
static std::string CheckOption(const RecipeKind &, const char *option)
{
    const std::string text = option, key = text.substr(0, text.find('='));
    const bool isOfName = STARTS_WITH_CI(key.c_str(), "INPUT_");
    const bool isOfLetter = key.size() > 1 && key[1] == '_'; /* A_OO, B_OUTSIDE */
    const std::string value = text.substr(std::min(text.size(), key.size() + 1));
    const std::string input = isOfName ? "INPUT=" + value.substr(0, value.find('=')) + "=a" : text.substr(0, 1) + "=a";
    const bool isCalc = EQUAL(key.c_str(), "CALC");
    const char *const options[] = {option, isCalc ? nullptr : "CALC=1",
                                   isOfName || isOfLetter ? input.c_str() : nullptr, nullptr};
    fn_recipe recipe;
    fn_error err;
    const bool isInput = STARTS_WITH_CI(option, "A=") || STARTS_WITH_CI(option, "INPUT=");
    if (fn_recipe_parse(isInput ? FN_RECIPE_PREFIX : FN_RECIPE_PREFIX "a", options, &recipe, &err) != FN_OK)
        return err.text;
    fn_recipe_clear(&recipe);
    return {};
}

const RecipeKind &RasterRecipes()
{
    static const RecipeKind kind = {"FISHNET",
                                    FN_RECIPE_PREFIX,
                                    "fishnet_raster",
                                    "inputs",
                                    OptionTable("FISHNET")
                                        .Add(fn_recipe_option_table())
                                        .Add(fn_grid_option_table())
                                        .Add(fn_worker_option_table()),
                                    CheckOption};
    return kind;
}

static void RegisterJobs()
{
    RegisterRecipes(RasterRecipes());
    RegisterJob("raster", RasterJob::FromWords);
    RegisterJob("tiles", TileJob::FromWords);
    RegisterJob("single", SingleJob::FromWords);
    HandDown({ListMaterialized, TakeOverMaterialized});
}

static void RegisterDriver()
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
    driver->SetMetadataItem(GDAL_DMD_EXTENSIONS, FN_RECIPE_FILE_EXTENSION);
    driver->SetMetadataItem(GDAL_DMD_OPENOPTIONLIST, RasterRecipes().options.List("OpenOptionList").c_str());
    driver->SetMetadataItem("FUNCTIONS", FunctionsAsJSON(std::string()).c_str());
    driver->SetMetadataItem(GDAL_DMD_CREATIONOPTIONLIST, CreationOptions().List("CreationOptionList").c_str());
    driver->pfnIdentify = [](GDALOpenInfo *info) {
        const bool deletes = GuardedQuietly(false, [info] {
            NoteDeletedFiles(info);
            return InputWatch::Identify(info) || (IsForDriverAlone(info) && IsMosaicToDelete(info->pszFilename));
        });
        return deletes ? TRUE : Dataset::Identify(info);
    };
    driver->pfnOpen = Dataset::Open;
    driver->pfnCreateCopy = CreateCopy;
    driver->pfnDelete = [](const char *name) {
        return Guarded("FISHNET", CE_Failure, [name] {
            CPLErr result = CE_None;
            if (InputWatch::Delete(name, &result))
                return result;
            return IsMosaicToDelete(name) ? DeleteMosaic(name) : DeleteRecipeFile(name, RasterRecipes());
        });
    };
    driver->pfnUnloadDriver = [](GDALDriver *) { WaitForClosing(); };
    GetGDALDriverManager()->RegisterDriver(driver);
}

static Capability capability(RegisterJobs, RegisterDriver);

} // namespace fishnet
