#include "schema.h"

#include <algorithm>

namespace fishnet::neartable
{

static int AddField(OGRFeatureDefn *defn, const char *name, OGRFieldType type)
{
    OGRFieldDefn field(name, type);
    defn->AddFieldDefn(&field);
    return defn->GetFieldCount() - 1;
}

/* Names that formats give to their own columns, of FIDs and of geometries. A field of such a name replaces the FIDs,
 * is lost, or stops the writer; and which format the rows go to, the table does not know. */
static bool IsOfFormats(const std::string &name)
{
    static const char *const names[] = {"fid",      "ogc_fid",      "ogr_fid", "objectid",     "geom",
                                        "geometry", "wkb_geometry", "shape",   "ogr_geometry", "gml_id"};
    return std::any_of(std::begin(names), std::end(names), [&](const char *own) { return EQUAL(own, name.c_str()); });
}

/* The name, or another that is not taken. */
static std::string FreeName(OGRFeatureDefn *defn, const std::string &name, const char *prefix)
{
    const auto taken = [defn](const std::string &n) { return IsOfFormats(n) || defn->GetFieldIndex(n.c_str()) >= 0; };
    if (!taken(name))
        return name;
    const std::string prefixed = prefix + name;
    std::string free = prefixed;
    for (int i = 2; taken(free); i++)
        free = prefixed + "_" + std::to_string(i);
    return free;
}

int Schema::AddCarried(const std::vector<CarriedField> &carriedFields, const char *prefix)
{
    const int first = defn->GetFieldCount();
    for (const CarriedField &carried : carriedFields) {
        const std::string name = FreeName(defn, carried.name, prefix);
        if (IsOfFormats(carried.name))
            renamed.emplace_back(carried.name, name);
        OGRFieldDefn field(name.c_str(), carried.type);
        field.SetSubType(carried.subtype);
        field.SetWidth(carried.width);
        field.SetPrecision(carried.precision);
        defn->AddFieldDefn(&field);
    }
    return first;
}

Schema::Schema(const NearPlan &plan) : defn(new OGRFeatureDefn((plan.input.layer + "_near").c_str()))
{
    const Options &options = plan.options;
    defn->Reference();
    inFid = AddField(defn, "IN_FID", OFTInteger64);
    nearFid = AddField(defn, "NEAR_FID", OFTInteger64);
    distance = AddField(defn, "NEAR_DIST", OFTReal);
    rank = AddField(defn, "NEAR_RANK", OFTInteger);
    if (options.location) {
        location = AddField(defn, "FROM_X", OFTReal);
        for (const char *name : {"FROM_Y", "NEAR_X", "NEAR_Y"})
            AddField(defn, name, OFTReal);
    }
    if (options.angle)
        angle = AddField(defn, "NEAR_ANGLE", OFTReal);
    if (options.along)
        along = AddField(defn, "NEAR_ALONG", OFTReal);
    if (plan.NearLabels())
        nearFc = AddField(defn, "NEAR_FC", OFTString);
    fields = AddCarried(plan.fields, "IN_");
    nearFields = AddCarried(plan.nearFields, "NEAR_");

    if (options.geometry == RowGeometry::None) {
        defn->SetGeomType(wkbNone);
        return;
    }
    defn->SetGeomType(options.geometry == RowGeometry::Line ? wkbLineString : wkbPoint);
    if (plan.srs) {
        const SRSHandle srs(OSRClone(plan.srs.get()));
        OGR_GFld_SetSpatialRef(OGR_FD_GetGeomFieldDefn(OGRFeatureDefn::ToHandle(defn), 0), srs.get());
    }
}

Schema::~Schema()
{
    defn->Release();
}

} // namespace fishnet::neartable
