#include "plan_steps.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace fishnet::neartable
{

/* Opens the dataset that `layer` names. what: stands before the name in messages. */
static bool OpenFirst(const char *what, LayerPlan &layer, Handles &handles)
{
    layer.path = AbsoluteName(layer.name);
    std::vector<Message> messages;
    std::string cause;
    {
        MessageCollector collector;
        handles.push_back(OpenDataset(layer));
        cause = collector.Cause("not recognized as a vector dataset");
        messages = std::move(collector.messages);
    }
    if (!handles.back())
        return Fail(what + layer.name + " cannot be opened: " + cause, CPLE_OpenFailed);
    for (const Message &message : messages)
        Emit(message);
    layer.dataset = handles.size() - 1;
    return true;
}

static std::string LayerNames(GDALDatasetH dataset)
{
    constexpr int kMost = 20;
    const int n = GDALDatasetGetLayerCount(dataset);
    std::string names;
    for (int i = 0; i < std::min(n, kMost); i++)
        names += (i ? ", " : "") + std::string(OGR_L_GetName(GDALDatasetGetLayer(dataset, i)));
    return n > kMost ? names + "..." : names;
}

/* What GeoPackage has where there is no CRS. */
static bool IsUndefined(OGRSpatialReferenceH srs)
{
    const char *name = OSRGetName(srs);
    return name && STARTS_WITH_CI(name, "Undefined ") && strstr(name, "SRS");
}

/* Is `layer.where` a condition that the layer can evaluate? Reads no feature. */
static bool IsCondition(GDALDatasetH dataset, OGRLayerH handle, const LayerPlan &layer, std::string &cause)
{
    MessageCollector collector;
    bool valid = OGR_L_SetAttributeFilter(handle, layer.where.c_str()) == OGRERR_NONE;
    OGR_L_SetAttributeFilter(handle, nullptr);
    if (valid && (EQUAL(layer.driver.c_str(), "GPKG") || EQUAL(layer.driver.c_str(), "SQLite"))) {
        /* These find out when the first feature is read. */
        const std::string sql = "SELECT 1 FROM " + Quoted(layer.layer, '"') + " WHERE (" + layer.where + ") LIMIT 0";
        OGRLayerH result = GDALDatasetExecuteSQL(dataset, sql.c_str(), nullptr, nullptr);
        if (result)
            GDALDatasetReleaseResultSet(dataset, result);
        const std::string text = collector.Cause("");
        valid = text.empty() || text.find("no such table") != std::string::npos;
    }
    cause = collector.Cause("not a valid condition");
    return valid;
}

static std::string GeometryNames(OGRFeatureDefnH defn)
{
    std::string names;
    for (int i = 0; i < OGR_FD_GetGeomFieldCount(defn); i++) {
        const std::string name = OGR_GFld_GetNameRef(OGR_FD_GetGeomFieldDefn(defn, i));
        names += (i ? ", " : "") + (name.empty() ? "one without name" : name);
    }
    return names;
}

/* The name of the field that, by its name, holds one coordinate; empty: there is none. */
static std::string CoordinateField(OGRFeatureDefnH defn, const std::vector<const char *> &names)
{
    for (const char *name : names) {
        const int i = OGR_FD_GetFieldIndex(defn, name);
        if (i >= 0)
            return OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(defn, i));
    }
    return {};
}

/* Advice for a text file whose coordinates are in its fields. */
static std::string HowToGetPoints(OGRFeatureDefnH defn, const LayerPlan &layer, const std::string &option)
{
    if (!EQUAL(layer.driver.c_str(), "CSV"))
        return {};
    std::string x = CoordinateField(defn, {"lon", "longitude", "long", "lng", "x", "easting", "east"});
    std::string y = CoordinateField(defn, {"lat", "latitude", "y", "northing", "north"});
    const bool known = !x.empty() && !y.empty();
    if (!known) {
        x = "<field of x>";
        y = "<field of y>";
    }
    return std::string(known ? "" : " that GDAL knows") + ": -oo " + option + "=X_POSSIBLE_NAMES=" + x + " -oo " +
           option + "=Y_POSSIBLE_NAMES=" + y + " makes points of two fields" +
           (known ? "" : ", -oo " + option + "=GEOM_POSSIBLE_NAMES=<field> geometries of WKT");
}

/* Chooses one of the layer's geometries, and reads its type and CRS. */
static bool ChooseGeometry(OGRLayerH handle, const NearPlan &plan, LayerPlan &layer)
{
    const Options &options = plan.options;
    const bool isInput = &layer == &plan.input;
    const std::string &wanted = isInput ? options.geometryField : options.nearGeometryField;
    const std::string option = isInput ? "GEOMETRY_FIELD" : "NEAR_GEOMETRY_FIELD";
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(handle);
    const int count = OGR_FD_GetGeomFieldCount(defn);
    if (count == 0)
        return Fail(Describe(layer) + " has no geometry" + HowToGetPoints(defn, layer, isInput ? "OO" : "NEAR_OO"));
    if (!wanted.empty()) {
        layer.geometryField = OGR_FD_GetGeomFieldIndex(defn, wanted.c_str());
        for (int i = 0; i < count; i++)
            if (wanted == OGR_GFld_GetNameRef(OGR_FD_GetGeomFieldDefn(defn, i)))
                layer.geometryField = i;
    } else if (count > 1)
        Warn(Describe(layer) + " has several geometry fields: " + GeometryNames(defn) +
             ". The first is taken; choose with " + option);
    if (layer.geometryField < 0)
        return Fail(option + "=" + wanted + ": there is no such geometry field in " + Describe(layer) + ", it has " +
                    GeometryNames(defn));
    OGRGeomFieldDefnH field = OGR_FD_GetGeomFieldDefn(defn, layer.geometryField);
    layer.geometryName = OGR_GFld_GetNameRef(field);
    layer.points = wkbFlatten(OGR_GFld_GetType(field)) == wkbPoint;
    OGRSpatialReferenceH srs = OGR_GFld_GetSpatialRef(field);
    if (srs && !IsUndefined(srs))
        layer.srs.reset(OSRClone(srs));
    if (count > 1)
        CPLDebug("FISHNET", "%s: geometry field \"%s\"", Describe(layer).c_str(), layer.geometryName.c_str());
    return true;
}

static std::vector<std::string> LayersWithGeometry(GDALDatasetH dataset)
{
    std::vector<std::string> names;
    for (int i = 0; i < GDALDatasetGetLayerCount(dataset); i++) {
        OGRLayerH layer = GDALDatasetGetLayer(dataset, i);
        if (OGR_FD_GetGeomFieldCount(OGR_L_GetLayerDefn(layer)) > 0)
            names.emplace_back(OGR_L_GetName(layer));
    }
    return names;
}

/* Finds the layer in its dataset, which is open. wanted: a name; empty: the only layer, or the only one that has a
 * geometry. */
static bool ChooseLayer(const char *option, const std::string &wanted, const NearPlan &plan, const Handles &handles,
                        LayerPlan &layer)
{
    GDALDatasetH dataset = handles[layer.dataset].get();
    const int count = GDALDatasetGetLayerCount(dataset);
    const std::vector<std::string> candidates = LayersWithGeometry(dataset);
    OGRLayerH handle = nullptr;
    if (!wanted.empty()) {
        handle = GDALDatasetGetLayerByName(dataset, wanted.c_str());
        if (!handle)
            return Fail(std::string(option) + "=" + wanted + ": there is no such layer in " + layer.name + ", it has " +
                        (count ? LayerNames(dataset) : "none"));
    } else if (count == 1)
        handle = GDALDatasetGetLayer(dataset, 0);
    else if (candidates.size() == 1)
        handle = GDALDatasetGetLayerByName(dataset, candidates[0].c_str());
    if (!handle && count > 0 && candidates.empty())
        return Fail(layer.name + " has no layer with geometries: " + LayerNames(dataset));
    if (!handle)
        return Fail(count ? layer.name + " has several layers: " + LayerNames(dataset) + "; choose with " + option
                          : layer.name + " has no layers");
    layer.layer = OGR_L_GetName(handle);
    layer.structure = StructureOf(handle);
    layer.label = WithoutSecrets(layer.name) + (count > 1 ? ":" + layer.layer : "");
    if (GDALDriverH driver = GDALGetDatasetDriver(dataset))
        layer.driver = GDALGetDriverShortName(driver);
    if (!ChooseGeometry(handle, plan, layer))
        return false;
    std::string cause;
    if (!layer.where.empty() && !IsCondition(dataset, handle, layer, cause))
        return Fail((EQUAL(option, "LAYER") ? "WHERE=" : "NEAR_WHERE=") + layer.where + ": " + Describe(layer) + ": " +
                    cause);
    return true;
}

bool FindInputLayers(const Options &options, std::vector<std::string> &layers)
{
    NearPlan plan;
    Handles handles;
    plan.options = options;
    plan.input.name = options.input;
    if (!OpenFirst("", plan.input, handles))
        return false;
    layers = LayersWithGeometry(handles[0].get());
    return !layers.empty() || ChooseLayer("LAYER", "", plan, handles, plan.input);
}

bool FindInput(NearPlan &plan, Handles &handles)
{
    const Options &options = plan.options;
    plan.input.name = options.input;
    plan.input.where = options.where;
    plan.input.openOptions = options.inputOptions;
    return OpenFirst("", plan.input, handles) && ChooseLayer("LAYER", options.layer, plan, handles, plan.input);
}

bool FindNear(NearPlan &plan, Handles &handles)
{
    const Options &options = plan.options;
    /* Without NEAR the near layers are in the input's dataset, opened as that is. */
    std::vector<std::string> names = options.near, layers = options.nearLayers;
    const bool ownDataset = names.empty();
    if (ownDataset)
        names.push_back(options.input);
    std::vector<LayerPlan> datasets;
    for (const std::string &name : names) {
        datasets.emplace_back();
        datasets.back().name = name;
        datasets.back().openOptions =
            ownDataset && options.nearInputOptions.empty() ? options.inputOptions : options.nearInputOptions;
        if (!OpenFirst("NEAR=", datasets.back(), handles))
            return false;
    }
    const size_t count = std::max(names.size(), layers.size());
    if (layers.empty())
        layers.emplace_back();
    if (options.nearWhere.size() > 1 && options.nearWhere.size() != count)
        return Fail(CPLSPrintf("NEAR_WHERE: %d conditions for %d near layers: one for all of them, or one for each, is "
                               "wanted",
                               static_cast<int>(options.nearWhere.size()), static_cast<int>(count)));
    if (count > 65535)
        return Fail("there are more than 65535 near layers", CPLE_NotSupported);
    for (size_t i = 0; i < count; i++) {
        plan.near.emplace_back();
        LayerPlan &layer = plan.near.back();
        const LayerPlan &dataset = datasets[names.size() == 1 ? 0 : i];
        layer.name = dataset.name;
        layer.path = dataset.path;
        layer.openOptions = dataset.openOptions;
        layer.dataset = dataset.dataset;
        if (!options.nearWhere.empty())
            layer.where = options.nearWhere[options.nearWhere.size() == 1 ? 0 : i];
        if (!ChooseLayer("NEAR_LAYER", layers[layers.size() == 1 ? 0 : i], plan, handles, layer))
            return false;
    }
    return true;
}

} // namespace fishnet::neartable
