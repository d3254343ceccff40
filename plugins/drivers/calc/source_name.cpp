#include "source_name.h"

#include <cctype>

#include <cpl_minixml.h>
#include <gdal_utils.h>

#include "creation_options.h"
#include "dataset.h"
#include "fishnet/recipe.h"
#include "recipes.h"

namespace fishnet
{

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
             name.empty() ? "(it has no name)" : name.c_str(), processes ? "worker processes" : "workers", why.c_str(),
             processes ? ", or use WORKERS=THREADS where threads can open it" : "");
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
    creation.hasWarned = true;
    return true;
}

bool NameSource(Creation &creation)
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

DatasetHandle OpenConnection(const Creation &creation, const CPLStringList &options, bool again)
{
    const LackOfMemory passesOn(!again && !creation.hasWarned);
    const char *const drivers[] = {"FISHNET", nullptr};
    return DatasetHandle(GDALOpenEx(creation.connection.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, drivers,
                                    const_cast<CPLStringList &>(options).List(), nullptr));
}

/* The shape of what the connection names by itself, before options bring it onto another grid. */
static std::string ShapeOnItsGrid(const Creation &creation, bool bands)
{
    const MessageCollector collector;
    const char *const options[] = {"NUM_WORKERS=1", "WORKERS=THREADS", nullptr};
    const DatasetHandle dataset(GDALOpenEx(creation.connection.c_str(), GDAL_OF_RASTER, nullptr, options, nullptr));
    return dataset ? ShapeOf(GDALDataset::FromHandle(dataset.get()), bands) : "no raster";
}

bool CheckConnection(const Creation &creation)
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
    if (shape != expected && HasGridOptions(creation.openOptions.List()))
        shape = ShapeOnItsGrid(creation, !computes);
    if (shape != expected)
        return FailSource(creation, "opened by its name it is another one, of " + shape + " instead of " + expected);
    return creation.workers.processes == 0 || why.empty() || FailSource(creation, why);
}

} // namespace fishnet
