#include "vrt_text.h"

#include <algorithm>

#include <cpl_string.h>

#include "metadata_domains.h"
#include "pixels.h"

namespace fishnet
{

/* ---- what an input says ---- */

/* NODATA_VALUES hides a cell where each band has its number. */
static bool IsNoDataOf(GDALDatasetH dataset, int number, const BandFacts &facts)
{
    const CPLStringList values(CSLTokenizeString2(GDALGetMetadataItem(dataset, "NODATA_VALUES", nullptr), " ", 0));
    return facts.nodata.set && number <= values.size() &&
           CPLAtof(values[number - 1]) == fn_nodata_as_double(facts.nodata, facts.type);
}

std::vector<BandFacts> FactsOf(GDALDatasetH dataset)
{
    std::vector<BandFacts> all;
    const int alpha = AlphaBand(dataset);
    for (int number = 1; number <= GDALGetRasterCount(dataset); number++) {
        GDALRasterBandH band = GDALGetRasterBand(dataset, number);
        const int flags = GDALGetMaskFlags(band);
        BandFacts facts;
        facts.type = FromGDAL(band);
        facts.isAlpha = number == alpha;
        if (!facts.isAlpha) {
            facts.nodata = facts.type == FN_TYPE_COUNT ? fn_nodata() : NoDataOf(band, facts.type);
            facts.hasMask = HasMask(band) && !(flags & GMF_ALPHA);
            facts.maskIsShared = facts.hasMask && (flags & GMF_PER_DATASET);
            facts.maskIsNoData = facts.maskIsShared && (flags & GMF_NODATA) && IsNoDataOf(dataset, number, facts);
        }
        all.push_back(facts);
    }
    return all;
}

/* Statistics are those of other pixels, and RPCs and geolocation arrays count other rows and columns. */
static void DropPlace(GDALMajorObjectH object)
{
    CPLStringList items;
    for (CSLConstList item = GDALGetMetadata(object, nullptr); item && *item; item++)
        if (!STARTS_WITH_CI(*item, "STATISTICS_"))
            items.AddString(*item);
    GDALSetMetadata(object, items.List(), nullptr);
    for (const char *domain : {"RPC", "GEOLOCATION"})
        if (GDALGetMetadata(object, domain))
            GDALSetMetadata(object, nullptr, domain);
}

static void TakeOverNoData(GDALRasterBandH from, GDALRasterBandH to)
{
    const fn_type type = FromGDAL(from);
    const fn_nodata nodata = type == FN_TYPE_COUNT ? fn_nodata() : NoDataOf(from, type);
    if (!nodata.set)
        return;
    if (type == FN_INT64)
        GDALSetRasterNoDataValueAsInt64(to, nodata.value.i);
    else if (type == FN_UINT64)
        GDALSetRasterNoDataValueAsUInt64(to, nodata.value.u);
    else
        GDALSetRasterNoDataValue(to, GDALGetRasterNoDataValue(from, nullptr));
}

static void TakeOverBand(GDALRasterBandH from, GDALRasterBandH to)
{
    CopyDomains(from, to);
    DropPlace(to);
    for (const char *name : kStored)
        if (const char *value = GDALGetMetadataItem(from, name, "IMAGE_STRUCTURE"))
            GDALSetMetadataItem(to, name, value, "IMAGE_STRUCTURE");
    GDALSetDescription(to, GDALGetDescription(from));
    TakeOverNoData(from, to);
    int set = FALSE;
    double number = GDALGetRasterOffset(from, &set);
    if (set)
        GDALSetRasterOffset(to, number);
    number = GDALGetRasterScale(from, &set);
    if (set)
        GDALSetRasterScale(to, number);
    const char *unit = GDALGetRasterUnitType(from);
    if (unit && *unit)
        GDALSetRasterUnitType(to, unit);
    GDALSetRasterColorInterpretation(to, GDALGetRasterColorInterpretation(from));
    if (GDALColorTableH colours = GDALGetRasterColorTable(from))
        GDALSetRasterColorTable(to, colours);
    if (char **names = GDALGetRasterCategoryNames(from))
        GDALSetRasterCategoryNames(to, names);
    if (GDALRasterAttributeTableH table = GDALGetDefaultRAT(from))
        GDALSetDefaultRAT(to, table);
}

void TakeOver(GDALDatasetH from, GDALDatasetH to)
{
    CopyDomains(from, to);
    DropPlace(to);
    for (int band = 1; band <= GDALGetRasterCount(from) && band <= GDALGetRasterCount(to); band++)
        TakeOverBand(GDALGetRasterBand(from, band), GDALGetRasterBand(to, band));
}

/* ---- text ---- */

DatasetHandle NewVrt(const OutputGrid &grid)
{
    GDALDriverH driver = GDALGetDriverByName("VRT");
    DatasetHandle vrt(driver ? GDALCreate(driver, "", grid.width, grid.height, 0, GDT_Byte, nullptr) : nullptr);
    if (!vrt) {
        CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: GDAL's driver VRT is needed for inputs on other grids");
        return vrt;
    }
    GDALSetGeoTransform(vrt.get(), const_cast<double *>(grid.geotransform));
    if (grid.srs)
        GDALSetSpatialRef(vrt.get(), grid.srs.get());
    return vrt;
}

OutputGrid GridOf(GDALDatasetH dataset)
{
    OutputGrid grid;
    OGRSpatialReferenceH srs = GDALGetSpatialRef(dataset);
    GDALGetGeoTransform(dataset, grid.geotransform);
    grid.width = GDALGetRasterXSize(dataset);
    grid.height = GDALGetRasterYSize(dataset);
    grid.srs.reset(srs ? OSRClone(srs) : nullptr);
    return grid;
}

/* Words of the old form are the same whatever PROJ has been asked before, but not all can be said in them. */
static void SayCRS(CPLXMLNode *root, OGRSpatialReferenceH srs)
{
    const char *const compare[] = {"IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES", nullptr};
    for (const char *format : {"", "FORMAT=WKT2_2015", "FORMAT=WKT2_2019"}) {
        const char *const options[] = {format, nullptr};
        char *words = nullptr;
        const SRSHandle read(OSRNewSpatialReference(nullptr));
        const QuietErrors quiet;
        const bool same =
            (*format == '\0' || (OSRExportToWktEx(srs, &words, options) == OGRERR_NONE && words)) &&
            OSRSetFromUserInput(read.get(), words ? words : CPLGetXMLValue(root, "SRS", "")) == OGRERR_NONE &&
            OSRIsSameEx(srs, read.get(), compare);
        if (same && words)
            CPLSetXMLValue(root, "SRS", words);
        CPLFree(words);
        if (same)
            return;
    }
}

XMLTree TreeOf(GDALDatasetH vrt, const OutputGrid &grid)
{
    CSLConstList text = GDALGetMetadata(vrt, "xml:VRT");
    XMLTree tree(text && text[0] ? CPLParseXMLString(text[0]) : nullptr);
    CPLXMLNode *root = tree ? CPLGetXMLNode(tree.get(), "=VRTDataset") : nullptr;
    if (!root)
        return nullptr;
    if (grid.srs)
        SayCRS(root, grid.srs.get());
    double geotransform[6];
    std::copy(grid.geotransform, grid.geotransform + 6, geotransform);
    std::string numbers;
    for (const double number : geotransform)
        numbers += (numbers.empty() ? "" : ", ") + std::string(CPLSPrintf("%.17g", number));
    CPLSetXMLValue(root, "GeoTransform", numbers.c_str());
    return tree;
}

std::string TextOf(const XMLTree &tree)
{
    char *words = CPLSerializeXMLTree(CPLGetXMLNode(tree.get(), "=VRTDataset"));
    std::string text = words ? words : "";
    CPLFree(words);
    return text;
}

DatasetHandle OpenText(const std::string &text)
{
    return DatasetHandle(GDALOpenEx(text.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
}

CPLXMLNode *BandNode(const XMLTree &tree, int band)
{
    for (CPLXMLNode *node = CPLGetXMLNode(tree.get(), "=VRTDataset")->psChild; node; node = node->psNext)
        if (node->eType == CXT_Element && EQUAL(node->pszValue, "VRTRasterBand") && --band == 0)
            return node;
    return nullptr;
}

static void AddRectangle(CPLXMLNode *parent, const char *name, const fn_window &window)
{
    CPLXMLNode *node = CPLCreateXMLNode(parent, CXT_Element, name);
    const std::pair<const char *, int64_t> sides[] = {
        {"xOff", window.x}, {"yOff", window.y}, {"xSize", window.width}, {"ySize", window.height}};
    for (const auto &[side, value] : sides)
        CPLAddXMLAttributeAndValue(node, side, std::to_string(value).c_str());
}

void AddOpenOptions(CPLXMLNode *parent, CSLConstList given)
{
    CPLXMLNode *options = given && *given ? CPLCreateXMLNode(parent, CXT_Element, "OpenOptions") : nullptr;
    for (; options && *given; given++) {
        char *key = nullptr;
        const char *value = CPLParseNameValue(*given, &key);
        if (key && value)
            CPLAddXMLAttributeAndValue(CPLCreateXMLElementAndValue(options, "OOI", value), "key", key);
        CPLFree(key);
    }
}

void AddSource(CPLXMLNode *band, const SourceText &source)
{
    const bool isSimple = !source.skipped && !source.usesMask;
    CPLXMLNode *node = CPLCreateXMLNode(band, CXT_Element, isSimple ? "SimpleSource" : "ComplexSource");
    CPLXMLNode *name = CPLCreateXMLElementAndValue(node, "SourceFilename", source.name.c_str());
    CPLAddXMLAttributeAndValue(name, "relativeToVRT", "0");
    AddOpenOptions(node, source.openOptions);
    CPLCreateXMLElementAndValue(node, "SourceBand", source.band.c_str());
    AddRectangle(node, "SrcRect", source.from);
    AddRectangle(node, "DstRect", source.to);
    if (source.skipped)
        CPLCreateXMLElementAndValue(node, "NODATA", source.skipped);
    if (source.usesMask)
        CPLCreateXMLElementAndValue(node, "UseMaskBand", "true");
}

CPLXMLNode *AddMask(CPLXMLNode *parent)
{
    CPLXMLNode *band =
        CPLCreateXMLNode(CPLCreateXMLNode(parent, CXT_Element, "MaskBand"), CXT_Element, "VRTRasterBand");
    CPLAddXMLAttributeAndValue(band, "dataType", "Byte");
    return band;
}

void SetNoData(CPLXMLNode *band, const std::string &number)
{
    CPLSetXMLValue(band, "NoDataValue", number.c_str());
}

SourceText Constant(const OutputGrid &grid, fn_type type, const std::string &number)
{
    XMLTree tree(CPLCreateXMLNode(nullptr, CXT_Element, "VRTDataset"));
    CPLAddXMLAttributeAndValue(tree.get(), "rasterXSize", std::to_string(grid.width).c_str());
    CPLAddXMLAttributeAndValue(tree.get(), "rasterYSize", std::to_string(grid.height).c_str());
    CPLXMLNode *band = CPLCreateXMLNode(tree.get(), CXT_Element, "VRTRasterBand");
    const bool isWide = type == FN_INT64 || type == FN_UINT64; /* GDAL would fill them with 0 */
    const std::string fill =
        type == FN_INT8 ? CPLSPrintf("%.0f", NumberInMemory(CPLAtof(number.c_str()), type)) : number;
    CPLAddXMLAttributeAndValue(band, "dataType", GDALGetDataTypeName(TypeInMemory(isWide ? FN_FLOAT64 : type)));
    CPLAddXMLAttributeAndValue(band, "band", "1");
    CPLCreateXMLElementAndValue(band, "NoDataValue", fill.c_str());
    CPLCreateXMLElementAndValue(band, "HideNoDataValue", "1");
    const fn_window all = {0, 0, grid.width, grid.height};
    return {TextOf(tree), nullptr, "1", all, all};
}

} // namespace fishnet
