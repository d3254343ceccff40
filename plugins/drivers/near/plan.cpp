#include "plan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <utility>

#include <cpl_json.h>

#include "crs_name.h"
#include "gdal_compat.h"
#include "workers.h"

namespace fishnet::neartable
{

std::string Describe(const LayerPlan &layer)
{
    return "layer \"" + layer.layer + "\" of " + WithoutSecrets(layer.name);
}

/* What a plan's indices of fields, and its ways to read geometries, hold for. */
static std::string StructureOf(OGRLayerH layer)
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

DatasetHandle NearPlan::Open(const LayerPlan &layer)
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

TransformationHandle NearPlan::NewTransformation(const LayerPlan &layer, std::string &cause) const
{
    static std::mutex mutex; /* spatial references are not for several threads, not even to be read */
    const std::lock_guard<std::mutex> lock(mutex);
    MessageCollector collector;
    TransformationHandle ct(OCTNewCoordinateTransformation(layer.srs.get(), srs.get()));
    if (!ct)
        cause = collector.Cause("no reason given");
    return ct;
}

namespace
{

/* Makes a plan, step by step; each step returns false after CPLError. */
struct NearPlanBuilder {
    NearPlan &plan;
    const Options &options;
    std::vector<DatasetHandle> &handles;

    bool OpenDataset(const char *what, LayerPlan &layer);
    bool FindGeometry(OGRLayerH handle, LayerPlan &layer);
    bool FindLayer(const char *option, const std::string &wanted, LayerPlan &layer);
    bool FindInput();
    bool FindNear();
    bool ChooseGeodesic();
    bool ChooseTransformation(LayerPlan &layer);
    bool ChooseCRS();
    bool ChooseUnits();
    bool ToCore(const char *option, const Distance &distance, double &value) const;
    bool ExcludeSelf();
    std::vector<std::string> NamesOf(const std::vector<std::string> &wanted,
                                     const std::vector<LayerPlan *> &layers) const;
    bool FindFields();
    bool FindMatch();
    void ChooseWorkers();

    OGRLayerH Layer(const LayerPlan &layer) const
    {
        return GDALDatasetGetLayerByName(handles[layer.dataset].get(), layer.layer.c_str());
    }
    OGRFeatureDefnH Defn(const LayerPlan &layer) const { return OGR_L_GetLayerDefn(Layer(layer)); }
};

bool Fail(const std::string &text, CPLErrorNum number = CPLE_IllegalArg)
{
    CPLError(CE_Failure, number, "NEARTABLE: %s", WithoutSecrets(text).c_str());
    return false;
}

void Warn(const std::string &text)
{
    CPLError(CE_Warning, CPLE_AppDefined, "NEARTABLE: %s", text.c_str());
}

/* ---- datasets and layers ---- */

/* Of its name and open options. what: stands before the name in messages. */
bool NearPlanBuilder::OpenDataset(const char *what, LayerPlan &layer)
{
    layer.path = AbsoluteName(layer.name);
    std::vector<Message> messages;
    std::string cause;
    {
        MessageCollector collector;
        handles.push_back(NearPlan::Open(layer));
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

std::string LayerNames(GDALDatasetH dataset)
{
    constexpr int kMost = 20;
    const int n = GDALDatasetGetLayerCount(dataset);
    std::string names;
    for (int i = 0; i < std::min(n, kMost); i++)
        names += (i ? ", " : "") + std::string(OGR_L_GetName(GDALDatasetGetLayer(dataset, i)));
    return n > kMost ? names + "..." : names;
}

std::string Quoted(const std::string &name)
{
    std::string quoted = "\"";
    for (char c : name)
        quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + "\"";
}

/* What GeoPackage has where there is no CRS. */
bool IsUndefined(OGRSpatialReferenceH srs)
{
    const char *name = OSRGetName(srs);
    return name && STARTS_WITH_CI(name, "Undefined ") && strstr(name, "SRS");
}

/* Whether the layer's condition is one. Reads no feature. */
bool IsCondition(GDALDatasetH dataset, OGRLayerH handle, const LayerPlan &layer, std::string &cause)
{
    MessageCollector collector;
    bool valid = OGR_L_SetAttributeFilter(handle, layer.where.c_str()) == OGRERR_NONE;
    OGR_L_SetAttributeFilter(handle, nullptr);
    if (valid && (EQUAL(layer.driver.c_str(), "GPKG") || EQUAL(layer.driver.c_str(), "SQLite"))) {
        /* These find out when the first feature is read. */
        const std::string sql = "SELECT 1 FROM " + Quoted(layer.layer) + " WHERE (" + layer.where + ") LIMIT 0";
        OGRLayerH result = GDALDatasetExecuteSQL(dataset, sql.c_str(), nullptr, nullptr);
        if (result)
            GDALDatasetReleaseResultSet(dataset, result);
        const std::string text = collector.Cause("");
        valid = text.empty() || text.find("no such table") != std::string::npos;
    }
    cause = collector.Cause("not a valid condition");
    return valid;
}

std::string GeometryNames(OGRFeatureDefnH defn)
{
    std::string names;
    for (int i = 0; i < OGR_FD_GetGeomFieldCount(defn); i++) {
        const std::string name = OGR_GFld_GetNameRef(OGR_FD_GetGeomFieldDefn(defn, i));
        names += (i ? ", " : "") + (name.empty() ? "one without name" : name);
    }
    return names;
}

/* The field that holds one coordinate, by its name; empty: none seems to. */
std::string CoordinateField(OGRFeatureDefnH defn, const std::vector<const char *> &names)
{
    for (const char *name : names) {
        const int i = OGR_FD_GetFieldIndex(defn, name);
        if (i >= 0)
            return OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(defn, i));
    }
    return {};
}

/* What to do where coordinates are in fields of a text file. */
std::string HowToGetPoints(OGRFeatureDefnH defn, const LayerPlan &layer, const std::string &option)
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

/* Which of the layer's geometries is looked at, and what there is to know of it. */
bool NearPlanBuilder::FindGeometry(OGRLayerH handle, LayerPlan &layer)
{
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

std::vector<std::string> LayersWithGeometry(GDALDatasetH dataset)
{
    std::vector<std::string> names;
    for (int i = 0; i < GDALDatasetGetLayerCount(dataset); i++) {
        OGRLayerH layer = GDALDatasetGetLayer(dataset, i);
        if (OGR_FD_GetGeomFieldCount(OGR_L_GetLayerDefn(layer)) > 0)
            names.emplace_back(OGR_L_GetName(layer));
    }
    return names;
}

/* layer.dataset is set. wanted: a name; empty: the only layer, or the only one that has a geometry. */
bool NearPlanBuilder::FindLayer(const char *option, const std::string &wanted, LayerPlan &layer)
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
    if (!FindGeometry(handle, layer))
        return false;
    std::string cause;
    if (!layer.where.empty() && !IsCondition(dataset, handle, layer, cause))
        return Fail((EQUAL(option, "LAYER") ? "WHERE=" : "NEAR_WHERE=") + layer.where + ": " + Describe(layer) + ": " +
                    cause);
    return true;
}

bool FindLayers(const Options &options, std::vector<std::string> &layers)
{
    NearPlan plan;
    std::vector<DatasetHandle> handles;
    NearPlanBuilder builder = {plan, options, handles};
    plan.input.name = options.input;
    if (!builder.OpenDataset("", plan.input))
        return false;
    layers = LayersWithGeometry(handles[0].get());
    return !layers.empty() || builder.FindLayer("LAYER", "", plan.input);
}

bool NearPlanBuilder::FindInput()
{
    plan.input.name = options.input;
    plan.input.where = options.where;
    plan.input.openOptions = options.inputOptions;
    return OpenDataset("", plan.input) && FindLayer("LAYER", options.layer, plan.input);
}

bool NearPlanBuilder::FindNear()
{
    /* Which layer of which dataset. Without NEAR it is the input's, opened as that is. */
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
        if (!OpenDataset("NEAR=", datasets.back()))
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
        if (!FindLayer("NEAR_LAYER", layers[layers.size() == 1 ? 0 : i], layer))
            return false;
    }
    return true;
}

/* ---- the CRS, and how distances are measured in it ---- */

/* Heights are not looked at. */
void DropVertical(SRSHandle &srs)
{
    if (srs && OSRIsCompound(srs.get()))
        OSRStripVertical(srs.get());
}

/* One unit of a geographic CRS in degrees. */
double DegreesOf(OGRSpatialReferenceH srs)
{
    constexpr double kDegree = 3.14159265358979323846 / 180;
    const double degrees = OSRGetAngularUnits(srs, nullptr) / kDegree;
    return std::abs(degrees - 1) < 1e-9 ? 1 : degrees;
}

/* The geographic CRS that a derived one, such as one with a rotated pole, is made from. NULL: PROJ does not tell. */
SRSHandle BaseOf(OGRSpatialReferenceH derived)
{
    char *json = nullptr;
    const bool exported = OSRExportToPROJJSON(derived, &json, nullptr) == OGRERR_NONE;
    CPLJSONDocument document;
    const bool loaded = exported && json && document.LoadMemory(json);
    CPLFree(json);
    if (!loaded)
        return nullptr;
    CPLJSONObject root = document.GetRoot();
    if (root.GetObj("source_crs").IsValid()) /* bound to another datum */
        root = root.GetObj("source_crs");
    const std::string base = root.GetObj("base_crs").Format(CPLJSONObject::PrettyFormat::Plain);
    SRSHandle srs(OSRNewSpatialReference(nullptr));
    return OSRSetFromUserInput(srs.get(), base.c_str()) == OGRERR_NONE ? std::move(srs) : nullptr;
}

/* OSRSetAxisMappingStrategy() cannot fail, and does nothing where PROJ does not say what the axes are. */
static bool IsLongitudeFirst(OGRSpatialReferenceH srs)
{
    int count = 0;
    const int *axes = OSRGetDataAxisToSRSAxisMapping(srs, &count);
    OGRAxisOrientation first = OAO_Other;
    return count >= 2 && OSRGetAxis(srs, nullptr, std::abs(axes[0]) - 1, &first) &&
           (first == OAO_East || first == OAO_West);
}

/* Sets the CRS that geodesic distances are computed in: lines of longitude and latitude on the ellipsoid itself. */
bool NearPlanBuilder::ChooseGeodesic()
{
    const std::string text = "METHOD=GEODESIC: ", name = CRSName(plan.srs.get());
    if (!plan.srs)
        return Fail(text + Describe(plan.input) + " has no CRS, so its ellipsoid is not known");
    if (OSRIsDerivedGeographic(plan.srs.get()))
        plan.srs = BaseOf(plan.srs.get());
    else if (!OSRIsGeographic(plan.srs.get()))
        plan.srs.reset(OSRCloneGeogCS(plan.srs.get()));
    if (!plan.srs)
        return Fail(text + name + " of " + Describe(plan.input) +
                    " has no geographic CRS below it: METHOD=PLANAR is wanted, or another CRS");
    OSRSetAxisMappingStrategy(plan.srs.get(), OAMS_TRADITIONAL_GIS_ORDER);
    if (!IsLongitudeFirst(plan.srs.get()))
        return Fail(text + "the axes of " + CRSName(plan.srs.get()) + " cannot be told");
    OGRErr bad = OGRERR_NONE;
    plan.semiMajor = OSRGetSemiMajor(plan.srs.get(), &bad);
    const double inverse = OSRGetInvFlattening(plan.srs.get(), &bad);
    if (bad != OGRERR_NONE || !(plan.semiMajor > 0))
        return Fail(text + CRSName(plan.srs.get()) + " of " + Describe(plan.input) + " has no ellipsoid");
    plan.flattening = inverse > 0 ? 1 / inverse : 0;
    plan.toDegrees = DegreesOf(plan.srs.get());
    return true;
}

/* Whether x and y of that CRS say where a feature is. */
bool IsHorizontal(const LayerPlan &layer)
{
    const char *kind = !layer.srs                         ? nullptr
                       : OSRIsGeocentric(layer.srs.get()) ? "geocentric, and Z is not looked at"
                       : OSRIsVertical(layer.srs.get())   ? "vertical: it has no x and y"
                                                          : nullptr;
    return !kind || Fail("the CRS of " + Describe(layer) + ", " + CRSName(layer.srs.get()) + ", is " + kind +
                         ". Transform the layer to a geographic or projected CRS first: ogr2ogr -t_srs EPSG:4326");
}

/* From the layer's CRS to that of the plan. */
bool NearPlanBuilder::ChooseTransformation(LayerPlan &layer)
{
    layer.transform = layer.srs && plan.srs && !OSRIsSame(layer.srs.get(), plan.srs.get());
    if (!layer.transform)
        return true;
    const std::string names = CRSName(layer.srs.get()) + " to " + CRSName(plan.srs.get());
    std::string cause;
    if (!plan.NewTransformation(layer, cause)) {
        if (OSRIsLocal(layer.srs.get()) || OSRIsLocal(plan.srs.get()))
            cause = "a local CRS is tied to no place on earth. Give both sides the same CRS: ogr2ogr -a_srs";
        return Fail(Describe(layer) + " cannot be transformed from " + names + ": " + cause);
    }
    CPLDebug("FISHNET", "%s is transformed from %s%s", Describe(layer).c_str(), names.c_str(),
             OSRIsGeographic(plan.srs.get()) ? ", longitude first" : "");
    return true;
}

bool NearPlanBuilder::ChooseCRS()
{
    LayerPlan &input = plan.input;
    std::vector<LayerPlan *> layers = {&input};
    for (LayerPlan &layer : plan.near)
        layers.push_back(&layer);
    for (LayerPlan *layer : layers) {
        DropVertical(layer->srs);
        if (!IsHorizontal(*layer))
            return false;
    }
    if (input.srs) {
        plan.srs.reset(OSRClone(input.srs.get()));
        OSRSetAxisMappingStrategy(plan.srs.get(), OAMS_TRADITIONAL_GIS_ORDER);
    }
    const bool geographic = plan.srs && OSRIsGeographic(plan.srs.get());
    plan.geodesic = options.method == Method::Geodesic || (options.method == Method::Auto && geographic);
    if (plan.geodesic && !ChooseGeodesic())
        return false;
    if (geographic && !plan.geodesic) {
        char *unit = nullptr;
        OSRGetAngularUnits(plan.srs.get(), &unit);
        const bool degrees = DegreesOf(plan.srs.get()) == 1;
        Warn("METHOD=PLANAR: " + CRSName(plan.srs.get()) + " of " + Describe(input) +
             " is geographic: distances are in " + (degrees || !unit ? "degrees" : "its unit, " + std::string(unit)));
    }
    for (LayerPlan *layer : layers) {
        if (!layer->srs != !plan.srs)
            Warn(Describe(plan.srs ? *layer : input) + " has no CRS: its coordinates are taken as those of " +
                 Describe(plan.srs ? input : *layer) + (plan.srs ? "" : ", and distances are planar, in their unit"));
        if (!ChooseTransformation(*layer))
            return false;
    }
    return true;
}

/* A distance in the unit of the core. */
bool NearPlanBuilder::ToCore(const char *option, const Distance &distance, double &value) const
{
    const Unit *unit = distance.unit;
    value = distance.value;
    if (!unit)
        return true;
    const std::string text = std::string(option) + "=" + distance.text + ": ";
    if (plan.geodesic) {
        if (unit->metres == 0)
            return Fail(text + "geodesic distances are not in degrees");
        value *= unit->metres;
        return true;
    }
    if (!plan.srs)
        return Fail(text + Describe(plan.input) + " has no CRS, so its unit is not known: " +
                    (EQUAL(option, "DISTANCE_UNIT") ? "leave it out, or give the layer a CRS"
                                                    : "a number without unit is wanted"));
    if (OSRIsGeographic(plan.srs.get())) {
        if (unit->metres != 0)
            return Fail(text + "planar distances in a geographic CRS are in degrees (METHOD=GEODESIC: in metres)");
        value /= DegreesOf(plan.srs.get());
        return true;
    }
    if (unit->metres == 0)
        return Fail(text + CRSName(plan.srs.get()) + " of " + Describe(plan.input) + " is not in degrees");
    const double metres = OSRGetLinearUnits(plan.srs.get(), nullptr);
    value *= unit->metres / (metres > 0 ? metres : 1);
    return true;
}

bool NearPlanBuilder::ChooseUnits()
{
    fn_near_limits &limits = plan.limits;
    limits.closest = options.closest;
    limits.radius = HUGE_VAL;
    limits.min_radius = 0;
    limits.location = options.location || options.geometry != RowGeometry::None;
    limits.angle = options.angle;
    limits.along = options.along;
    if (options.radius.given && !ToCore("RADIUS", options.radius, limits.radius))
        return false;
    if (options.minRadius.given && !ToCore("MIN_RADIUS", options.minRadius, limits.min_radius))
        return false;
    if (limits.min_radius > limits.radius)
        return Fail("MIN_RADIUS=" + options.minRadius.text + ": it is beyond RADIUS=" + options.radius.text);
    if (!options.distanceUnit)
        return true;
    Distance one;
    one.value = 1;
    one.unit = options.distanceUnit;
    one.text = options.distanceUnit->name;
    return ToCore("DISTANCE_UNIT", one, plan.unit);
}

/* ---- features that are not their own neighbours ---- */

/* Comparable names: two names of one file are the same. */
std::string CanonicalName(const std::string &path)
{
    std::error_code bad;
    const std::filesystem::path canonical = std::filesystem::canonical(path, bad);
    return bad ? path : canonical.string();
}

bool NearPlanBuilder::ExcludeSelf()
{
    if (options.excludeSelf == Choice::No)
        return true;
    const std::string name = CanonicalName(plan.input.path);
    std::vector<int> same;
    for (size_t i = 0; i < plan.near.size(); i++)
        if (plan.near[i].layer == plan.input.layer && CanonicalName(plan.near[i].path) == name)
            same.push_back(static_cast<int>(i));
    if (same.size() == 1)
        plan.excluded.layer = same[0];
    else if (same.size() == plan.near.size() || (same.empty() && options.excludeSelf == Choice::Yes))
        plan.excluded.layer = FN_ANY_LAYER;
    else if (!same.empty())
        return Fail("EXCLUDE_SELF: " + Describe(plan.input) +
                        " is a near layer more than once, and not the only one: EXCLUDE_SELF=NO is wanted",
                    CPLE_NotSupported);
    return true;
}

/* ---- fields ---- */

CarriedField FieldOf(OGRFeatureDefnH defn, int i)
{
    OGRFieldDefnH field = OGR_FD_GetFieldDefn(defn, i);
    CarriedField carried;
    carried.name = OGR_Fld_GetNameRef(field);
    carried.type = OGR_Fld_GetType(field);
    carried.subtype = OGR_Fld_GetSubType(field);
    carried.width = OGR_Fld_GetWidth(field);
    carried.precision = OGR_Fld_GetPrecision(field);
    if (carried.type > OFTMaxType || carried.type == OFTWideString || carried.type == OFTWideStringList)
        carried = {carried.name, OFTString, OFSTNone, 0, 0};
    return carried;
}

bool IsNumber(OGRFieldType type)
{
    return type == OFTInteger || type == OFTInteger64 || type == OFTReal;
}

/* A type for a field that several near layers have. */
void Merge(CarriedField &field, const CarriedField &other)
{
    if (field.type == other.type) {
        if (field.subtype != other.subtype)
            field.subtype = OFSTNone;
        const bool unlimited = field.width == 0 || other.width == 0;
        field.width = unlimited ? 0 : std::max(field.width, other.width);
        field.precision = unlimited ? 0 : std::max(field.precision, other.precision);
        return;
    }
    OGRFieldType type = OFTString;
    if (IsNumber(field.type) && IsNumber(other.type))
        type = field.type == OFTReal || other.type == OFTReal ? OFTReal : OFTInteger64;
    field = {field.name, type, OFSTNone, 0, 0};
}

/* The field of exactly that name, else the first whose name differs in upper and lower case only; -1: none. */
int FieldIndex(OGRFeatureDefnH defn, const std::string &name)
{
    for (int i = 0; i < OGR_FD_GetFieldCount(defn); i++)
        if (name == OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(defn, i)))
            return i;
    return OGR_FD_GetFieldIndex(defn, name.c_str());
}

/* The names of fields, with those that * stands for. */
std::vector<std::string> NearPlanBuilder::NamesOf(const std::vector<std::string> &wanted,
                                          const std::vector<LayerPlan *> &layers) const
{
    std::vector<std::string> names;
    for (const std::string &name : wanted) {
        if (name != "*") {
            names.push_back(name);
            continue;
        }
        for (const LayerPlan *layer : layers)
            for (int i = 0; i < OGR_FD_GetFieldCount(Defn(*layer)); i++)
                names.emplace_back(OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(Defn(*layer), i)));
    }
    return names;
}

bool NearPlanBuilder::FindFields()
{
    struct Side {
        const char *option;
        const std::vector<std::string> &wanted;
        std::vector<LayerPlan *> layers;
        std::vector<CarriedField> &fields;
    };
    Side sides[] = {{"FIELDS", options.fields, {&plan.input}, plan.fields},
                    {"NEAR_FIELDS", options.nearFields, {}, plan.nearFields}};
    for (LayerPlan &layer : plan.near)
        sides[1].layers.push_back(&layer);
    for (Side &side : sides) {
        std::set<std::vector<int>> columns; /* the field of each layer */
        for (const std::string &name : NamesOf(side.wanted, side.layers)) {
            std::vector<int> indices;
            for (const LayerPlan *layer : side.layers)
                indices.push_back(FieldIndex(Defn(*layer), name));
            if (std::all_of(indices.begin(), indices.end(), [](int i) { return i < 0; }))
                return Fail(std::string(side.option) + "=" + name + ": there is no such field in " +
                            Describe(*side.layers[0]) +
                            (side.layers.size() > 1 ? ", nor in the other near layers" : ""));
            if (!columns.insert(indices).second)
                continue; /* another spelling of a column that is there */
            bool found = false;
            CarriedField field;
            for (size_t i = 0; i < indices.size(); i++) {
                side.layers[i]->fields.push_back(indices[i]);
                if (indices[i] < 0)
                    continue;
                const CarriedField own = FieldOf(Defn(*side.layers[i]), indices[i]);
                if (found)
                    Merge(field, own);
                else
                    field = own;
                found = true;
            }
            side.fields.push_back(field);
        }
    }
    return true;
}

bool NearPlanBuilder::FindMatch()
{
    for (const auto &pair : options.match) {
        bool numbers = true;
        const auto find = [&](LayerPlan &layer, const std::string &name) {
            OGRFeatureDefnH defn = Defn(layer);
            const int i = FieldIndex(defn, name);
            if (i < 0)
                return Fail("MATCH=" + pair.first + "=" + pair.second + ": there is no field " + name + " in " +
                            Describe(layer));
            numbers = numbers && IsNumber(OGR_Fld_GetType(OGR_FD_GetFieldDefn(defn, i)));
            layer.match.push_back(i);
            return true;
        };
        if (!find(plan.input, pair.first))
            return false;
        for (LayerPlan &layer : plan.near)
            if (!find(layer, pair.second))
                return false;
        plan.matchNumbers.push_back(numbers);
    }
    return true;
}

/* ---- tasks ---- */

void NearPlanBuilder::ChooseWorkers()
{
    plan.workers = options.workers;
    ResolveWorkers("NEARTABLE", plan.workers);
    plan.folder = CurrentFolder();

    /* So many rows that starting a task costs nothing, and so few that all workers have some. */
    constexpr int64_t kMost = 16384, kMostPoints = 65536, kLeast = 256, kRows = 65536, kUnknown = 2048;
    constexpr int64_t kMostEdges =
        1024; /* lines and areas on the ellipsoid take long, and their reader waits for each task */
    plan.partitionSize = options.partitionSize;
    if (plan.partitionSize == 0 && options.closest == kAll)
        plan.partitionSize = options.radius.given ? kUnknown : kLeast;
    else if (plan.partitionSize == 0)
        plan.partitionSize = std::clamp(kRows / static_cast<int64_t>(options.closest), kLeast,
                                        plan.input.points ? kMostPoints /* many points are searched as one */
                                        : plan.geodesic   ? kMostEdges
                                                          : kMost);
}

} // namespace

bool NearPlan::FindInputLayers(const Options &options, std::vector<std::string> &layers)
{
    return FindLayers(options, layers);
}

std::string NearPlan::Signature() const
{
    std::string text = CPLSPrintf("%d %.17g %.17g %.17g %.17g %zu %.17g %.17g %d%d%d %d", geodesic, semiMajor,
                                  flattening, toDegrees, unit, limits.closest, limits.radius, limits.min_radius,
                                  limits.location, limits.angle, limits.along, excluded.layer);
    const auto addLayer = [&text](const LayerPlan &layer) {
        text += "\n" + layer.driver + " " + layer.structure + " " + Quoted(layer.layer) +
                CPLSPrintf(" %d%d %d", layer.transform, layer.points, layer.geometryField);
        for (const std::vector<int> *indices : {&layer.fields, &layer.match})
            for (int i : *indices)
                text += CPLSPrintf(" %d", i);
        for (int i = 0; i < layer.openOptions.size(); i++)
            text += " " + Quoted(layer.openOptions[i]);
        char *wkt = nullptr;
        if (layer.srs && OSRExportToWkt(layer.srs.get(), &wkt) == OGRERR_NONE)
            text += std::string(" ") + wkt;
        CPLFree(wkt);
    };
    addLayer(input);
    for (const LayerPlan &layer : near)
        addLayer(layer);
    for (bool numbers : matchNumbers)
        text += numbers ? " n" : " t";
    for (const std::vector<CarriedField> *list : {&fields, &nearFields})
        for (const CarriedField &field : *list)
            text += "\n" + Quoted(field.name) + CPLSPrintf(" %d %d", field.type, field.subtype);
    return text;
}

std::shared_ptr<const NearPlan> NearPlan::Make(const Options &options, std::vector<DatasetHandle> &handles)
{
    auto plan = std::make_shared<NearPlan>();
    plan->options = options;
    NearPlanBuilder builder = {*plan, plan->options, handles};
    if (!builder.FindInput() || !builder.FindNear() || !builder.ChooseCRS() || !builder.ChooseUnits() ||
        !builder.ExcludeSelf() || !builder.FindFields() || !builder.FindMatch())
        return nullptr;
    builder.ChooseWorkers();
    return plan;
}

Words InputsOf(const NearPlan &plan)
{
    Words inputs = {plan.input.path};
    for (const LayerPlan &layer : plan.near)
        inputs.push_back(layer.path);
    return inputs;
}

void EmitError(const NearPlan &plan, const fn_error &err)
{
    CPLErrorNum number = CPLE_AppDefined;
    if (err.status == FN_ERR_MEMORY)
        number = CPLE_OutOfMemory;
    else if (err.status == FN_ERR_CANCELLED)
        number = CPLE_UserInterrupt;
    else if (err.status == FN_ERR_READ)
        number = CPLE_FileIO;
    CPLError(CE_Failure, number, "NEARTABLE:%s: %s", WithoutSecrets(plan.input.name).c_str(), err.text);
}

} // namespace fishnet::neartable
