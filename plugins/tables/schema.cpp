#include "schema.h"

#include <algorithm>

#include "layer_plan.h"

namespace fishnet
{

int Schema::Add(Column::Kind kind, const char *column, std::vector<std::string> labels)
{
    columns.push_back({kind, column, std::move(labels)});
    return static_cast<int>(columns.size()) - 1;
}

int Schema::Carry(const std::vector<CarriedField> &fields, const char *prefix, bool inPlace)
{
    if (fields.empty())
        return -1;
    groups.push_back({fields, prefix, inPlace});
    return static_cast<int>(columns.size() + groups.size()) - 1;
}

size_t Schema::Width(size_t slot) const
{
    const bool narrow = slot < columns.size() &&
                        (columns[slot].kind == Column::Kind::Integer || columns[slot].kind == Column::Kind::Label);
    return narrow ? sizeof(int32_t) : sizeof(int64_t);
}

int Schema::FieldCount() const
{
    size_t count = columns.size();
    for (const CarriedGroup &group : groups)
        count += group.fields.size();
    return static_cast<int>(count);
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

static OGRFieldType TypeOf(Column::Kind kind)
{
    switch (kind) {
    case Column::Kind::Integer:
        return OFTInteger;
    case Column::Kind::Integer64:
        return OFTInteger64;
    case Column::Kind::Real:
        return OFTReal;
    case Column::Kind::Label:
        break;
    }
    return OFTString;
}

OGRFeatureDefn *Schema::NewDefn(OGRSpatialReferenceH srs,
                                std::vector<std::pair<std::string, std::string>> *renamed) const
{
    auto *defn = new OGRFeatureDefn(name.c_str());
    defn->Reference();
    for (const Column &column : columns) {
        OGRFieldDefn field(column.name.c_str(), TypeOf(column.kind));
        defn->AddFieldDefn(&field);
    }
    for (const CarriedGroup &group : groups)
        for (const CarriedField &carried : group.fields) {
            const std::string own = FreeName(defn, carried.name, group.prefix.c_str());
            if (renamed && IsOfFormats(carried.name))
                renamed->emplace_back(carried.name, own);
            OGRFieldDefn field(own.c_str(), carried.type);
            field.SetSubType(carried.subtype);
            field.SetWidth(carried.width);
            field.SetPrecision(carried.precision);
            defn->AddFieldDefn(&field);
        }
    defn->SetGeomType(geometry);
    if (geometry != wkbNone && srs) {
        const SRSHandle own(OSRClone(srs));
        OGR_GFld_SetSpatialRef(OGR_FD_GetGeomFieldDefn(OGRFeatureDefn::ToHandle(defn), 0), own.get());
    }
    return defn;
}

} // namespace fishnet
