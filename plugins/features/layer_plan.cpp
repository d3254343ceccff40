#include "layer_plan.h"

#include <utility>

#include <cpl_vsi.h>

#include "patient_files.h"

namespace fishnet
{

std::string Describe(const LayerPlan &layer)
{
    return "layer \"" + layer.layer + "\" of " + WithoutSecrets(layer.name);
}

std::string StructureOf(OGRLayerH layer)
{
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(layer);
    std::string text = OGR_L_GetFIDColumn(layer);
    for (int i = 0; i < OGR_FD_GetGeomFieldCount(defn); i++) {
        OGRGeomFieldDefnH field = OGR_FD_GetGeomFieldDefn(defn, i);
        text += CPLSPrintf("\n%s %d", OGR_GFld_GetNameRef(field), static_cast<int>(OGR_GFld_GetType(field)));
    }
    for (int i = 0; i < OGR_FD_GetFieldCount(defn); i++) {
        OGRFieldDefnH field = OGR_FD_GetFieldDefn(defn, i);
        text += CPLSPrintf("\n%s %d %d", OGR_Fld_GetNameRef(field), static_cast<int>(OGR_Fld_GetType(field)),
                           static_cast<int>(OGR_Fld_GetSubType(field)));
    }
    return text;
}

OGRLayerH FindLayer(const LayerPlan &layer, GDALDatasetH dataset, fn_status *status, std::string &cause)
{
    OGRLayerH handle = dataset ? GDALDatasetGetLayerByName(dataset, layer.layer.c_str()) : nullptr;
    *status = handle ? FN_OK : FN_ERR_READ;
    if (!handle)
        cause = "the layer is not there any more";
    if (!handle || StructureOf(handle) == layer.structure)
        return handle;
    *status = FN_ERR_ARGUMENT;
    cause = "an input has changed since it was opened: its fields are others";
    return nullptr;
}

/* QGIS sets SHAPE_ENCODING to nothing for the whole program, takes Shapefiles as they are and recodes them itself.
 * What goes into a table is UTF-8 there too: the encoding that a Shapefile names, or an empty text where it names
 * none. */
static std::string EncodingToAskFor(GDALDatasetH dataset)
{
    const char *asked = CPLGetConfigOption("SHAPE_ENCODING", nullptr);
    if (!asked || *asked || GDALDatasetGetLayerCount(dataset) != 1 ||
        !EQUAL(GDALGetDriverShortName(GDALGetDatasetDriver(dataset)), "ESRI Shapefile"))
        return std::string();
    OGRLayerH layer = GDALDatasetGetLayer(dataset, 0);
    for (const char *item : {"ENCODING_FROM_CPG", "ENCODING_FROM_LDID"})
        if (const char *encoding = GDALGetMetadataItem(layer, item, "SHAPEFILE"))
            return encoding;
    return std::string();
}

static DatasetHandle OpenOnce(const LayerPlan &layer)
{
    constexpr unsigned kFlags = GDAL_OF_VECTOR | GDAL_OF_INTERNAL | GDAL_OF_VERBOSE_ERROR;
    CPLStringList options(layer.openOptions);
    DatasetHandle dataset(GDALOpenEx(layer.path.c_str(), kFlags, nullptr, options.List(), nullptr));
    const std::string encoding =
        dataset && !options.FetchNameValue("ENCODING") ? EncodingToAskFor(dataset.get()) : std::string();
    if (!encoding.empty()) {
        options.SetNameValue("ENCODING", encoding.c_str());
        dataset.reset(GDALOpenEx(layer.path.c_str(), kFlags, nullptr, options.List(), nullptr));
    }
    return HasLackedMemory() ? DatasetHandle() : std::move(dataset);
}

/* Not without files beside it that a server does not give. GDAL may have kept that it did not give the file to a look
 * at it: then it is asked once more. */
DatasetHandle OpenDataset(const LayerPlan &layer)
{
    const std::string plain = PlainName(layer.path);
    if (plain == layer.path)
        return OpenOnce(layer);
    const int64_t before = PatientFailures();
    DatasetHandle dataset = OpenOnce(layer);
    if (!dataset && PatientFailures() == before) {
        VSICurlPartialClearCache(plain.c_str());
        dataset = OpenOnce(layer);
    }
    return PatientFailures() == before ? std::move(dataset) : DatasetHandle();
}

std::string Quoted(const std::string &text, char quote)
{
    std::string quoted(1, quote);
    for (char c : text)
        quoted += c == quote ? std::string(2, c) : std::string(1, c);
    return quoted + quote;
}

} // namespace fishnet
