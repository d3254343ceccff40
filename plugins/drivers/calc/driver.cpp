#include "driver.h"

#include <cstring>
#include <string>

#include "deleted_files.h"
#include "create.h"
#include "dataset.h"
#include "materialized.h"
#include "fishnet/recipe.h"
#include "single_job.h"
#include "tile_job.h"
#include "input_watch.h"
#include "recipe_file.h"

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
    for (char letter = 'A'; letter <= 'Z'; letter++)
        xml += std::string("<Option name='") + letter +
               "_OO' type='string' description='Open option NAME=VALUE of input " + letter +
               "; may be repeated, or hold several separated by a semicolon'/>";
    xml += WorkerOptionList();
    xml += "<Option name='ON_ERROR' type='string-select' default='FAIL' description='What a tile becomes that cannot "
           "be computed'>"
           "<Value>FAIL</Value><Value>NODATA</Value></Option>"
           "<Option name='TILE_SIZE' type='string' default='AUTO' description='Size of a task: 512, 512x256 or AUTO'/>"
           "<Option name='OT' type='string' description='Pixel type of computed bands'/>"
           "<Option name='NODATA' type='string' description='NoData value of computed bands, or none'/>"
           "<Option name='ALPHA' type='string-select' default='NODATA' description='What is transparent in an input'>"
           "<Value>NODATA</Value><Value>IGNORE</Value></Option>"
           "<Option name='PARTITION' type='string' description='i/n: only the i-th of n parts of the grid'/>"
           "<Option name='CACHE_MB' type='int' min='1' description='Memory for tiles in megabytes'/>"
           "</OpenOptionList>";
    return xml;
}

/* What the parser of options has against one of them. */
static std::string CheckOption(const char *option)
{
    const std::string input = std::string(1, *option) + "=a"; /* that B_OO is for */
    const bool isCalc = STARTS_WITH_CI(option, "CALC="),
               isOO = strlen(option) > 4 && STARTS_WITH_CI(option + 1, "_OO=");
    const char *const options[] = {option, isCalc ? nullptr : "CALC=A", isOO ? input.c_str() : nullptr, nullptr};
    fn_recipe recipe;
    fn_error err;
    const bool isFirst = STARTS_WITH_CI(option, "A=");
    if (fn_recipe_parse(isFirst ? FN_RECIPE_PREFIX : FN_RECIPE_PREFIX "a", options, &recipe, &err) != FN_OK)
        return err.text;
    fn_recipe_clear(&recipe);
    return {};
}

static std::vector<RecipeKey> Keys()
{
    using Value = RecipeValue;
    static char openOptions[FN_INPUTS][5]; /* "a_oo" */
    std::vector<RecipeKey> keys = {{"inputs", Value::Text},
                                   {"calc", Value::Bands},
                                   {"ot", Value::Text},
                                   {"nodata", Value::Number},
                                   {"alpha", Value::Text},
                                   {"tile_size", Value::Number},
                                   {"partition", Value::Text},
                                   {"cache_mb", Value::Number},
                                   {"on_error", Value::Text},
                                   {"workers", Value::Text},
                                   {"num_workers", Value::Number},
                                   {"threads_per_worker", Value::Number},
                                   {"retries", Value::Number},
                                   {"task_timeout", Value::Number}};
    for (int i = 0; i < FN_INPUTS; i++) {
        snprintf(openOptions[i], sizeof openOptions[i], "%c_oo", 'a' + i);
        keys.push_back({openOptions[i], Value::Bands});
    }
    return keys;
}

const RecipeKind &RasterRecipes()
{
    static const RecipeKind kind = {"FISHNET", FN_RECIPE_PREFIX, "fishnet_raster", Keys(), CheckOption};
    return kind;
}

void RegisterRasterJobs()
{
    RegisterJob("raster", RasterJob::FromWords);
    RegisterJob("tiles", TileJob::FromWords);
    RegisterJob("single", SingleJob::FromWords);
    HandDown({ListMaterialized, TakeOverMaterialized});
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
    driver->SetMetadataItem(GDAL_DMD_EXTENSIONS, FN_RECIPE_FILE_EXTENSION);
    driver->SetMetadataItem(GDAL_DMD_OPENOPTIONLIST, OpenOptionList().c_str());
    driver->SetMetadataItem(GDAL_DMD_CREATIONOPTIONLIST, CreationOptionList().c_str());
    driver->pfnIdentify = [](GDALOpenInfo *info) {
        const bool deletes = GuardedQuietly(false, [info] {
            NoteDeletedFiles(info);
            return InputWatch::Identify(info);
        });
        return deletes ? TRUE : Dataset::Identify(info);
    };
    driver->pfnOpen = Dataset::Open;
    driver->pfnCreateCopy = CreateCopy;
    driver->pfnDelete = [](const char *name) {
        return Guarded("FISHNET", CE_Failure, [name] {
            CPLErr result = CE_None;
            return InputWatch::Delete(name, &result) ? result : DeleteRecipeFile(name, RasterRecipes());
        });
    };
    driver->pfnUnloadDriver = [](GDALDriver *) { WaitForClosing(); };
    GetGDALDriverManager()->RegisterDriver(driver);
}

} // namespace fishnet
