#include "find_layer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "condition.h"
#include "patient_files.h"

namespace fishnet
{

static bool Fail(const Side &side, const std::string &text, CPLErrorNum number = CPLE_IllegalArg)
{
    CPLError(CE_Failure, number, "%s: %s", side.driver, WithoutSecrets(text).c_str());
    return false;
}

static std::string Option(const Side &side, const char *name)
{
    return std::string(side.options) + name;
}

bool OpenFirst(const Side &side, LayerPlan &layer, Handles &handles)
{
    layer.option = side.dataset;
    layer.path = PatientName(AbsoluteName(layer.name));
    std::vector<Message> messages;
    std::string cause;
    {
        MessageCollector collector;
        handles.push_back(OpenDataset(layer));
        cause = collector.Cause("not recognized as a vector dataset");
        messages = std::move(collector.messages);
    }
    if (!handles.back())
        return Fail(side, side.dataset + layer.name + " cannot be opened: " + cause, CPLE_OpenFailed);
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

/* PROJ without memory does not say what the axes are, and GDAL then takes the first for x without a word. */
static bool AreAxesInOrder(OGRSpatialReferenceH srs)
{
    if (OSRGetAxisMappingStrategy(srs) != OAMS_TRADITIONAL_GIS_ORDER || (!OSRIsGeographic(srs) && !OSRIsProjected(srs)))
        return true;
    int count = 0;
    const int *axes = OSRGetDataAxisToSRSAxisMapping(srs, &count);
    OGRAxisOrientation first = OAO_Other, second = OAO_Other;
    return OSRGetAxis(srs, nullptr, 0, &first) && OSRGetAxis(srs, nullptr, 1, &second) && count >= 2 &&
           (first != OAO_North || second != OAO_East || axes[0] == 2);
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
static bool ChooseGeometry(const Side &side, const std::string &wanted, OGRLayerH handle, LayerPlan &layer)
{
    const std::string option = Option(side, "GEOMETRY_FIELD");
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(handle);
    const int count = OGR_FD_GetGeomFieldCount(defn);
    if (count == 0)
        return Fail(side, Describe(layer) + " has no geometry" + HowToGetPoints(defn, layer, Option(side, "OO")));
    if (!wanted.empty()) {
        layer.geometryField = OGR_FD_GetGeomFieldIndex(defn, wanted.c_str());
        for (int i = 0; i < count; i++)
            if (wanted == OGR_GFld_GetNameRef(OGR_FD_GetGeomFieldDefn(defn, i)))
                layer.geometryField = i;
    } else if (count > 1)
        CPLError(CE_Warning, CPLE_AppDefined,
                 "%s: %s has several geometry fields: %s. The first is taken; choose with %s", side.driver,
                 Describe(layer).c_str(), GeometryNames(defn).c_str(), option.c_str());
    if (layer.geometryField < 0)
        return Fail(side, option + "=" + wanted + ": there is no such geometry field in " + Describe(layer) +
                              ", it has " + GeometryNames(defn));
    OGRGeomFieldDefnH field = OGR_FD_GetGeomFieldDefn(defn, layer.geometryField);
    layer.geometryName = OGR_GFld_GetNameRef(field);
    layer.points = wkbFlatten(OGR_GFld_GetType(field)) == wkbPoint;
    OGRSpatialReferenceH srs = OGR_GFld_GetSpatialRef(field);
    if (srs && !IsUndefined(srs))
        layer.srs.reset(OSRClone(srs));
    if (layer.srs && !AreAxesInOrder(layer.srs.get()))
        return Fail(side, "the axes of the CRS of " + Describe(layer) + " cannot be told");
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

bool ChooseLayer(const Side &side, const std::string &wanted, const std::string &geometryField, const Handles &handles,
                 LayerPlan &layer)
{
    GDALDatasetH dataset = handles[layer.dataset].get();
    const int count = GDALDatasetGetLayerCount(dataset);
    const std::vector<std::string> candidates = LayersWithGeometry(dataset);
    OGRLayerH handle = nullptr;
    if (!wanted.empty()) {
        handle = GDALDatasetGetLayerByName(dataset, wanted.c_str());
        if (!handle)
            return Fail(side, Option(side, "LAYER") + "=" + wanted + ": there is no such layer in " + layer.name +
                                  ", it has " + (count ? LayerNames(dataset) : "none"));
    } else if (count == 1)
        handle = GDALDatasetGetLayer(dataset, 0);
    else if (candidates.size() == 1)
        handle = GDALDatasetGetLayerByName(dataset, candidates[0].c_str());
    if (!handle && count > 0 && candidates.empty())
        return Fail(side, layer.name + " has no layer with geometries: " + LayerNames(dataset));
    if (!handle)
        return Fail(side, count ? layer.name + " has several layers: " + LayerNames(dataset) + "; choose with " +
                                      Option(side, "LAYER")
                                : layer.name + " has no layers");
    layer.layer = OGR_L_GetName(handle);
    layer.structure = StructureOf(handle);
    layer.label = WithoutSecrets(layer.name) + (count > 1 ? ":" + layer.layer : "");
    if (GDALDriverH driver = GDALGetDatasetDriver(dataset))
        layer.driver = GDALGetDriverShortName(driver);
    const int64_t failures = PatientFailures();
    if (!ChooseGeometry(side, geometryField, handle, layer))
        return false;
    if (PlainName(layer.path) != layer.path &&
        PatientFailures() != failures) /* the error has been told: a CRS may lie beside the file */
        return Fail(side, Describe(layer) + " cannot be read as a whole", CPLE_OpenFailed);
    std::string cause;
    if (!layer.where.empty() && !CheckCondition(dataset, handle, layer, cause))
        return Fail(side, Option(side, "WHERE") + "=" + layer.where + ": " + Describe(layer) + ": " + cause);
    return true;
}

} // namespace fishnet
