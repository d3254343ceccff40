#include "create.h"

#include <cctype>
#include <cstring>

#include <cpl_minixml.h>
#include <gdal_utils.h>

#include "dataset.h"
#include "fishnet/recipe.h"
#include "deleted_files.h"
#include "input_watch.h"
#include "open_options.h"
#include "recipe_file.h"

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

/* An option of the recipe, or about workers, goes where it belongs; any other one to `other`, if that is given. */
static bool TakeOption(const char *option, Creation &creation, CPLStringList *other)
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

/* ---- how workers open the source again ---- */

static bool IsOfDriver(GDALDataset *dataset, const char *name)
{
    return dataset->GetDriver() && EQUAL(dataset->GetDriver()->GetDescription(), name);
}

static bool FailSource(const Creation &creation, const std::string &why)
{
    const bool processes = creation.workers.processes > 0;
    const std::string name = WithoutSecrets(creation.source->GetDescription());
    CPLError(CE_Failure, CPLE_NotSupported,
             "FISHNET: the source %.300s cannot be opened by %s: %.500s. Write it to a file first%s",
             name.empty() ? "(it has no name)" : name.c_str(), processes ? "worker processes" : "workers",
             why.c_str(), processes ? ", or use WORKERS=THREADS where threads can open it" : "");
    return false;
}

/* Sets an item of an <OpenOptions>. */
static void SetOpenOption(CPLXMLNode *options, const char *key, const char *value)
{
    CPLXMLNode *item = options->psChild;
    while (item && !EQUAL(CPLGetXMLValue(item, "key", ""), key))
        item = item->psNext;
    if (item)
        CPLSetXMLValue(item, "", value);
    else
        CPLAddXMLAttributeAndValue(CPLCreateXMLElementAndValue(options, "OOI", value), "key", key);
}

/* Makes the sources of a VRT ready for a worker: each has a name that opens it, and a FISHNET dataset does not start
 * workers of its own. False: a source has no name. */
static bool PrepareSources(CPLXMLNode *node)
{
    for (CPLXMLNode *child = node->psChild; child; child = child->psNext) {
        if (child->eType != CXT_Element)
            continue;
        if (!EQUAL(child->pszValue, "SourceFilename") && !EQUAL(child->pszValue, "SourceDataset")) {
            if (!PrepareSources(child))
                return false;
            continue;
        }
        const char *name = CPLGetXMLValue(child, nullptr, "");
        if (!*name || STARTS_WITH_CI(name, "MEM:::"))
            return false;
        if (!fn_recipe_is_name(name))
            continue;
        CPLXMLNode *options = CPLGetXMLNode(node, "OpenOptions");
        if (!options) {
            options = CPLCreateXMLNode(nullptr, CXT_Element, "OpenOptions");
            options->psNext = child->psNext;
            child->psNext = options;
        }
        SetOpenOption(options, "NUM_WORKERS", "1");
        SetOpenOption(options, "WORKERS", "THREADS");
    }
    return true;
}

/* The XML of a VRT is a name that GDAL opens. */
static bool NameOfVRT(const Creation &creation, GDALDataset *vrt, std::string &name)
{
    CSLConstList xml = vrt->GetMetadata("xml:VRT");
    const std::unique_ptr<CPLXMLNode, void (*)(CPLXMLNode *)> tree(xml && *xml ? CPLParseXMLString(*xml) : nullptr,
                                                                   CPLDestroyXMLNode);
    CPLXMLNode *root = CPLGetXMLNode(tree.get(), "=VRTDataset");
    if (!root)
        return FailSource(creation, "it has no name, and no description as a VRT");
    if (!PrepareSources(root))
        return FailSource(creation, "what it refers to is in the memory of this process");
    char *text = CPLSerializeXMLTree(root);
    name = text;
    CPLFree(text);
    return true;
}

static bool WrapAsVRT(const Creation &creation, std::string &name)
{
    /* GDAL dies when it copies the XML of a warped VRT that was opened at an overview level. With one option more it
     * writes a VRT of its own. */
    const bool byXML = IsOfDriver(creation.source, "VRT");
    const char *const arguments[] = {"-of", "VRT", byXML ? "-noxmp" : nullptr, nullptr};
    const std::unique_ptr<GDALTranslateOptions, void (*)(GDALTranslateOptions *)> options(
        GDALTranslateOptionsNew(const_cast<char **>(arguments), nullptr), GDALTranslateOptionsFree);
    const DatasetHandle vrt(
        GDALTranslate("", GDALDataset::ToHandle(creation.source), options.get(), nullptr)); /* opens no file again */
    return vrt && NameOfVRT(creation, GDALDataset::FromHandle(vrt.get()), name);
}

/* For a source of ours that is copied as it is: our workers compute what it computes. Its options about workers are
 * ours, where others were not given. */
static bool NameOurs(Creation &creation)
{
    const std::string name = creation.source->GetDescription();
    GDALOpenInfo info(name.c_str(), GDAL_OF_RASTER);
    info.papszOpenOptions = const_cast<char **>(creation.source->GetOpenOptions());
    Opening opening;
    if (!ReadName(&info, RasterRecipes(), opening))
        return false;
    const Creation given = creation;
    const fn_worker_options standard = fn_worker_options_default();
    creation.workers = standard;
    for (int i = 0; i < opening.options.size(); i++)
        if (!TakeOption(opening.options[i], creation, nullptr))
            return false;
    const char *cache = given.openOptions.FetchNameValue("CACHE_MB");
    if (cache)
        creation.openOptions.SetNameValue("CACHE_MB", cache);
    if (given.workers.processes >= 0)
        creation.workers.processes = given.workers.processes;
    if (given.workers.workers >= 0)
        creation.workers.workers = given.workers.workers;
    if (given.workers.threads != standard.threads)
        creation.workers.threads = given.workers.threads;
    if (given.workers.retries != standard.retries)
        creation.workers.retries = given.workers.retries;
    if (given.workers.timeout < standard.timeout || given.workers.timeout > standard.timeout)
        creation.workers.timeout = given.workers.timeout;
    creation.errorIsNoData = creation.errorIsNoData || given.errorIsNoData;
    creation.connection = opening.connection;
    return true;
}

/* Fills connection and openOptions. The options of the recipe are there. */
static bool NameSource(Creation &creation)
{
    GDALDataset *source = creation.source;
    CSLConstList openOptions = source->GetOpenOptions();
    std::string name = source->GetDescription();
    VSIStatBufL stat;

    /* What a program has changed and not written, others do not see. */
    if (source->GetAccess() == GA_Update)
        GDALFlushCache(GDALDataset::ToHandle(source));
    if (IsOfDriver(source, "MEM") || IsOfDriver(source, "Memory"))
        return FailSource(creation, "it is in the memory of this process");
    bool computes = false;
    for (int i = 0; i < creation.openOptions.size(); i++)
        computes = computes || !STARTS_WITH_CI(creation.openOptions[i], "CACHE_MB=");
    /* One that was opened at an overview level is not ours, but GDAL's view of ours. */
    if (dynamic_cast<Dataset *>(source) && !computes)
        return NameOurs(creation);
    if (IsOfDriver(source, "VRT") && (name.empty() || VSIStatL(name.c_str(), &stat) != 0)) {
        if (!NameOfVRT(creation, source, name))
            return false;
    } else if (!name.empty() && (IsOfDriver(source, "FISHNET") || (openOptions && *openOptions))) {
        if (!WrapAsVRT(creation, name))
            return false;
    }
    if (name.empty())
        return FailSource(creation, WhyNotShared(GDALDataset::ToHandle(source), name));
    /* The recipe takes white space and one pair of quotes away. */
    const bool quote = isspace(static_cast<unsigned char>(name.front())) ||
                       isspace(static_cast<unsigned char>(name.back())) || (name.front() == '"' && name.back() == '"');
    creation.connection = FN_RECIPE_PREFIX + (quote ? "\"" + name + "\"" : name);
    return true;
}

/* ---- a look at the whole before anything is written ---- */

static std::string ShapeOf(GDALDataset *dataset, bool bands)
{
    std::string shape = CPLSPrintf("%d x %d pixels", dataset->GetRasterXSize(), dataset->GetRasterYSize());
    if (bands)
        shape += CPLSPrintf(", %d bands", dataset->GetRasterCount());
    for (int i = 1; bands && i <= dataset->GetRasterCount(); i++)
        shape += std::string(i == 1 ? " of type " : ", ") +
                 GDALGetDataTypeName(dataset->GetRasterBand(i)->GetRasterDataType());
    return shape;
}

/* Opens what is to be computed as workers will. Only errors are said: who opens it next gives the warnings. */
static bool CheckConnection(const Creation &creation)
{
    std::string cause, shape, why, names = creation.connection;
    const bool computes = creation.openOptions.FetchNameValue("CALC") != nullptr;
    CPLStringList options(creation.openOptions);
    options.SetNameValue("NUM_WORKERS", "1");
    options.SetNameValue("WORKERS", "THREADS");
    options.SetNameValue("ON_ERROR", creation.errorIsNoData ? "NODATA" : "FAIL");
    for (int i = 0; i < creation.openOptions.size(); i++)
        names += std::string(" ") + creation.openOptions[i];
    {
        MessageCollector collector;
        const DatasetHandle dataset(GDALOpenEx(creation.connection.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR,
                                               nullptr, options.List(), nullptr));
        if (!dataset) {
            cause = collector.Cause("it cannot be opened again");
        } else {
            shape = ShapeOf(GDALDataset::FromHandle(dataset.get()), !computes);
            why = WhyNotShared(dataset.get(), names);
        }
    }
    if (!cause.empty()) {
        CPLError(CE_Failure, CPLE_OpenFailed, "%s%s",
                 STARTS_WITH(cause.c_str(), "FISHNET") ? "" : "FISHNET: ", cause.c_str());
        return false;
    }
    const std::string expected = ShapeOf(creation.source, !computes);
    if (shape != expected)
        return FailSource(creation, "opened by its name it is another one, of " + shape + " instead of " + expected);
    return creation.workers.processes == 0 || why.empty() || FailSource(creation, why);
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
