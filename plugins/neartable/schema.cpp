#include "neartable/schema.h"

namespace fishnet::neartable
{

static int AddField(OGRFeatureDefn *defn, const char *name, OGRFieldType type)
{
    OGRFieldDefn field(name, type);
    defn->AddFieldDefn(&field);
    return defn->GetFieldCount() - 1;
}

/* The name, or another that is not taken. */
static std::string FreeName(OGRFeatureDefn *defn, const std::string &name, const char *prefix)
{
    const auto taken = [defn](const std::string &n) { return defn->GetFieldIndex(n.c_str()) >= 0; };
    if (!taken(name))
        return name;
    const std::string prefixed = prefix + name;
    std::string free = prefixed;
    for (int i = 2; taken(free); i++)
        free = prefixed + "_" + std::to_string(i);
    return free;
}

static int AddCarried(OGRFeatureDefn *defn, const std::vector<CarriedField> &fields, const char *prefix)
{
    const int first = defn->GetFieldCount();
    for (const CarriedField &carried : fields) {
        const std::string name = FreeName(defn, carried.name, prefix);
        OGRFieldDefn field(name.c_str(), carried.type);
        field.SetSubType(carried.subtype);
        field.SetWidth(carried.width);
        field.SetPrecision(carried.precision);
        defn->AddFieldDefn(&field);
    }
    return first;
}

Schema::Schema(const Plan &plan) : defn(new OGRFeatureDefn((plan.input.layer + "_near").c_str()))
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
    fields = AddCarried(defn, plan.fields, "IN_");
    nearFields = AddCarried(defn, plan.nearFields, "NEAR_");

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
