#include "create.h"

#include <cctype>
#include <cstring>

#include "deleted_files.h"
#include "input_watch.h"
#include "open_options.h"
#include "source_name.h"

namespace fishnet
{

/* ---- creation options ---- */

namespace
{
enum class Belongs { both, tiles, single };

/* Those that are not of the recipe, nor about workers. */
const struct {
    const char *name;
    Belongs to;
    const char *rest; /* of its element in the option list */
} kOwnOptions[] = {
    {"OUTPUT", Belongs::both,
     "type='string-select' default='TILES' description='A file for each tile and a mosaic over them, or one GeoTIFF'>"
     "<Value>TILES</Value><Value>SINGLE</Value></Option>"},
    {"GRID", Belongs::tiles, "type='string' description='Columns x rows of tiles, such as 4x4'/>"},
    {"TILE_SIZE", Belongs::tiles,
     "type='string' default='4096' description='Size of a tile in pixels: 4096 or 4096x2048'/>"},
    {"FORMAT", Belongs::tiles, "type='string' default='GTiff' description='Driver that writes the tiles'/>"},
    {"TILE_CO", Belongs::tiles,
     "type='string' description='Creation option of that driver, NAME=VALUE; may be repeated, or hold several "
     "separated by a semicolon'/>"},
    {"MOSAIC", Belongs::tiles,
     "type='string-select' default='VRT' description='Kind of mosaic; GTI needs GDAL 3.9'>"
     "<Value>VRT</Value><Value>GTI</Value></Option>"},
    {"RESUME", Belongs::tiles,
     "type='boolean' default='NO' description='Continue an interrupted run: whole tiles are kept'/>"},
    {"COMPRESS", Belongs::single, "type='string' default='NONE' description='As in GTiff: DEFLATE, ZSTD, LZW...'/>"},
    {"PREDICTOR", Belongs::single, "type='int' min='1' max='3' default='1' description='As in GTiff'/>"},
    {"ZLEVEL", Belongs::single, "type='int' min='1' max='12' description='Level of DEFLATE'/>"},
    {"ZSTD_LEVEL", Belongs::single, "type='int' min='1' max='22' description='Level of ZSTD'/>"},
    {"LZMA_PRESET", Belongs::single, "type='int' min='0' max='9' description='Level of LZMA'/>"},
    {"MAX_Z_ERROR", Belongs::single, "type='float' default='0' description='Largest error of LERC'/>"},
    {"BLOCKXSIZE", Belongs::single, "type='int' description='Width of a block'/>"},
    {"BLOCKYSIZE", Belongs::single, "type='int' description='Height of a block'/>"},
    {"BIGTIFF", Belongs::single,
     "type='string-select' default='IF_SAFER' description='As in GTiff'>"
     "<Value>YES</Value><Value>NO</Value><Value>IF_NEEDED</Value><Value>IF_SAFER</Value></Option>"},
    {"INTERLEAVE", Belongs::both, /* gdal_translate adds it by itself */
     "type='string-select' description='As in GTiff'><Value>BAND</Value><Value>PIXEL</Value></Option>"},
    {"NBITS", Belongs::single, "type='int' description='As in GTiff'/>"},
    {"SPARSE_OK", Belongs::single,
     "type='boolean' default='NO' description='Leave out blocks of nothing but NoData'/>"},
    {"WEBP_LEVEL", Belongs::single, "type='int' min='1' max='100' description='Level of WEBP'/>"},
    {"WEBP_LOSSLESS", Belongs::single, "type='boolean' description='As in GTiff'/>"},
    {"DISCARD_LSB", Belongs::single, "type='int' description='As in GTiff'/>"},
    {"ENDIANNESS", Belongs::single, "type='string' description='As in GTiff'/>"},
    {"PIXELTYPE", Belongs::single, "type='string' description='As in GTiff'/>"},
    {"PHOTOMETRIC", Belongs::single, "type='string' description='As in GTiff'/>"},
    {"ALPHA", Belongs::single,
     "type='string' description='NODATA or IGNORE: what is transparent in an input; anything else as in GTiff'/>"},
    {"PROFILE", Belongs::single, "type='string' description='As in GTiff'/>"},
    {"GEOTIFF_KEYS_FLAVOR", Belongs::single, "type='string' description='As in GTiff'/>"},
    {"GEOTIFF_VERSION", Belongs::single, "type='string' description='As in GTiff'/>"},
    {"COPY_SRC_MDD", Belongs::single, "type='string' description='As in GTiff'/>"},
    {"SRC_MDD", Belongs::single, "type='string' description='As in GTiff'/>"},
    {"TFW", Belongs::single, "type='boolean' default='NO' description='Write a world file'/>"},
    {"RPB", Belongs::single, "type='boolean' default='NO' description='Write an .RPB file'/>"},
    {"RPCTXT", Belongs::single, "type='boolean' default='NO' description='Write an _RPC.TXT file'/>"},
};
} // namespace

std::string CreationOptionList()
{
    std::string xml =
        "<CreationOptionList>"
        "<Option name='CALC' type='string' description='Expression of an output band over A (the source), A[2], B...; "
        "may be repeated, or hold several separated by a semicolon'/>";
    for (char letter = 'B'; letter <= 'Z'; letter++)
        xml += std::string("<Option name='") + letter + "' type='string' description='Dataset that is input " + letter +
               "'/>";
    for (char letter = 'A'; letter <= 'Z'; letter++)
        xml += std::string("<Option name='") + letter +
               "_OO' type='string' description='Open option NAME=VALUE of input " + letter +
               "; may be repeated, or hold several separated by a semicolon'/>";
    xml += "<Option name='OT' type='string' description='Pixel type of computed bands'/>"
           "<Option name='NODATA' type='string' description='NoData value of computed bands, or none'/>"
           "<Option name='CACHE_MB' type='int' min='1' description='Memory for tiles in megabytes'/>"
           "<Option name='ON_ERROR' type='string-select' default='FAIL' description='What becomes of pixels that "
           "cannot be computed'><Value>FAIL</Value><Value>NODATA</Value></Option>";
    xml += WorkerOptionList();
    for (const auto &option : kOwnOptions)
        xml += std::string("<Option name='") + option.name + "' " + option.rest;
    return xml + "</CreationOptionList>";
}

static bool IsOfRecipe(const std::string &key, const char *value)
{
    if (EQUAL(key.c_str(), "ALPHA")) /* GTiff has an option of that name, with other values */
        return EQUAL(value, "IGNORE") || EQUAL(value, "NODATA");
    if (key.size() == 1 || (key.size() == 4 && EQUAL(key.c_str() + 1, "_OO")))
        return isalpha(static_cast<unsigned char>(key[0])) != 0;
    for (const char *name : {"CALC", "OT", "NODATA", "CACHE_MB"})
        if (EQUAL(key.c_str(), name))
            return true;
    return false;
}

bool TakeOption(const char *option, Creation &creation, CPLStringList *other)
{
    const char *equal = strchr(option, '=');
    if (!equal)
        return true;
    const std::string key(option, equal);
    const char *value = equal + 1;
    bool known = false;
    fn_error err;
    if (fn_worker_options_take(&creation.workers, key.c_str(), key.size(), value, &known, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: %s", err.text);
        return false;
    }
    if (known)
        return true;
    if (EQUAL(key.c_str(), "ON_ERROR")) {
        creation.errorIsNoData = EQUAL(value, "NODATA");
        if (!creation.errorIsNoData && !EQUAL(value, "FAIL")) {
            CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: ON_ERROR=%.100s: FAIL or NODATA is wanted", value);
            return false;
        }
    } else if (EQUAL(key.c_str(), "CACHE_MB")) {
        creation.openOptions.SetNameValue("CACHE_MB", value); /* the last one counts */
    } else if (IsOfRecipe(key, value) || !other) {
        creation.openOptions.AddString(option);
    } else {
        other->AddString(option);
    }
    return true;
}

/* Options that the kind of output does not know would be passed over in silence. */
static bool CheckOwnOptions(const Creation &creation, bool single)
{
    for (const auto &option : kOwnOptions) {
        if (option.to == Belongs::both || !creation.own.FetchNameValue(option.name) ||
            single == (option.to == Belongs::single))
            continue;
        if (single)
            CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: %s is an option of OUTPUT=TILES, and there are no tiles",
                     option.name);
        else
            CPLError(CE_Failure, CPLE_IllegalArg,
                     "FISHNET: %s is an option of OUTPUT=SINGLE. Options of the driver that writes the tiles are given "
                     "with TILE_CO=%s=%s",
                     option.name, option.name, creation.own.FetchNameValue(option.name));
        return false;
    }
    return true;
}

bool CheckOutput(const Creation &creation, const std::string &folder)
{
    InputFiles inputs(InputFiles::Reach::Disk);
    inputs.AddDataset(GDALDataset::ToHandle(creation.source));
    inputs.AddName(creation.connection, creation.openOptions.List());
    return fishnet::CheckOutput("FISHNET", inputs, creation.output, folder);
}

/* GDAL has deleted what had the name of the output. The input that this was, which is there again; or empty. */
static std::string PutBackInput(const Creation &creation, CSLConstList options)
{
    const std::string watched = InputWatch::PutBack(creation.output);
    if (!watched.empty())
        return watched;
    return PutBackDeletedFiles(creation.output, [&](InputFiles &inputs) {
        inputs.AddDataset(GDALDataset::ToHandle(creation.source));
        inputs.AddName(creation.source->GetDescription());
        for (CSLConstList option = options; option && *option; option++)
            if (isalpha(static_cast<unsigned char>((*option)[0])) && (*option)[1] == '=')
                inputs.AddName(*option + 2);
    });
}

static GDALDataset *Create(Creation &creation, CSLConstList options)
{
    const std::string input = PutBackInput(creation, options);
    if (!input.empty()) {
        CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: the output %s is an input: %s", creation.output.c_str(),
                 input.c_str());
        return nullptr;
    }
    creation.workers = fn_worker_options_default();
    for (CSLConstList option = options; option && *option; option++)
        if (!TakeOption(*option, creation, &creation.own))
            return nullptr;
    if (creation.openOptions.FetchNameValue("A")) {
        CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: A is the source that is copied, and cannot be given");
        return nullptr;
    }
    const char *output = creation.own.FetchNameValueDef("OUTPUT", "TILES");
    const bool single = EQUAL(output, "SINGLE");
    if (!single && !EQUAL(output, "TILES")) {
        CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: OUTPUT=%.100s: TILES or SINGLE is wanted", output);
        return nullptr;
    }
    if (creation.source->GetRasterCount() == 0) {
        CPLError(CE_Failure, CPLE_NotSupported, "FISHNET: the source %.300s has no raster bands",
                 WithoutSecrets(creation.source->GetDescription()).c_str());
        return nullptr;
    }
    if (!CheckOwnOptions(creation, single) ||
        !CheckOptionNames("FISHNET", GDAL_DMD_CREATIONOPTIONLIST, creation.own.List(), single ? "GTiff" : nullptr) ||
        !NameSource(creation) || !CheckOutput(creation, std::string()))
        return nullptr;
    ResolveWorkers("FISHNET", creation.workers);
    if (!CheckConnection(creation))
        return nullptr;
    return single ? CreateSingle(creation) : CreateTiles(creation);
}

GDALDataset *CreateCopy(const char *output, GDALDataset *source, int, FN_CSL options, GDALProgressFunc progress,
                        void *progressData)
{
    return Guarded<GDALDataset *>("FISHNET", nullptr, [&] {
        Creation creation;
        creation.output = output;
        creation.source = source;
        creation.trace = TraceFile();
        creation.folder = CurrentFolder();
        creation.progress = progress ? progress : GDALDummyProgress;
        creation.progressData = progressData;
        return Create(creation, options);
    });
}

} // namespace fishnet
