#include "find_fields.h"

#include <algorithm>
#include <set>

#include "open_options.h"

namespace fishnet
{

OGRFeatureDefnH Defn(const LayerPlan &layer, const Handles &handles)
{
    return OGR_L_GetLayerDefn(GDALDatasetGetLayerByName(handles[layer.dataset].get(), layer.layer.c_str()));
}

static CarriedField FieldOf(OGRFeatureDefnH defn, int i)
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

/* Gives `field` a type that holds the values of `other`, too: of the same column in another near layer. */
static void Merge(CarriedField &field, const CarriedField &other)
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

int FieldIndex(OGRFeatureDefnH defn, const std::string &name)
{
    for (int i = 0; i < OGR_FD_GetFieldCount(defn); i++)
        if (name == OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(defn, i)))
            return i;
    return OGR_FD_GetFieldIndex(defn, name.c_str());
}

std::string MeantField(const std::vector<OGRFeatureDefnH> &layers, const std::string &name)
{
    std::vector<std::string> known;
    for (OGRFeatureDefnH defn : layers)
        for (int i = 0; i < OGR_FD_GetFieldCount(defn); i++)
            known.emplace_back(OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(defn, i)));
    const std::string nearest = NearestName(name, known);
    return nearest.empty() ? nearest : ", is " + nearest + " meant?";
}

/* The names of fields; * becomes those of all layers. */
static std::vector<std::string> NamesOf(const std::vector<std::string> &wanted, const std::vector<LayerPlan *> &layers,
                                        const Handles &handles)
{
    std::vector<std::string> names;
    for (const std::string &name : wanted) {
        if (name != "*") {
            names.push_back(name);
            continue;
        }
        for (const LayerPlan *layer : layers) {
            OGRFeatureDefnH defn = Defn(*layer, handles);
            for (int i = 0; i < OGR_FD_GetFieldCount(defn); i++)
                names.emplace_back(OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(defn, i)));
        }
    }
    return names;
}

bool FindFields(const char *driver, const char *option, const std::vector<std::string> &wanted,
                const std::vector<LayerPlan *> &layers, const Handles &handles, std::vector<CarriedField> &fields)
{
    std::set<std::vector<int>> columns; /* the field of each layer */
    std::vector<OGRFeatureDefnH> defns; /* none where no field is wanted: then there may be no layer either */
    for (const LayerPlan *layer : layers)
        defns.push_back(wanted.empty() ? nullptr : Defn(*layer, handles));
    for (const std::string &name : NamesOf(wanted, layers, handles)) {
        std::vector<int> indices;
        for (OGRFeatureDefnH defn : defns)
            indices.push_back(FieldIndex(defn, name));
        if (std::all_of(indices.begin(), indices.end(), [](int i) { return i < 0; })) {
            CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s=%s: there is no such field in %s%s%s", driver, option,
                     WithoutSecrets(name).c_str(), Describe(*layers[0]).c_str(),
                     layers.size() > 1 ? ", nor in the other near layers" : "", MeantField(defns, name).c_str());
            return false;
        }
        if (!columns.insert(indices).second)
            continue; /* another spelling of a column that is there */
        bool found = false;
        CarriedField field;
        for (size_t i = 0; i < indices.size(); i++) {
            layers[i]->fields.push_back(indices[i]);
            if (indices[i] < 0)
                continue;
            const CarriedField own = FieldOf(defns[i], indices[i]);
            if (found)
                Merge(field, own);
            else
                field = own;
            found = true;
        }
        fields.push_back(field);
    }
    return true;
}

} // namespace fishnet
