/* What the rows of a table are: columns, fields that are carried over from features, and a geometry. Parts (part.h),
 * OGR features and Arrow arrays are all made by this one description. */
#ifndef FN_SCHEMA_H
#define FN_SCHEMA_H

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gdal_compat.h"
#include "record.h"
#include <ogrsf_frmts.h>

namespace fishnet
{

struct Column {
    enum class Kind { Integer, Integer64, Real, Label };
    Kind kind;
    std::string name;
    std::vector<std::string> labels; /* Kind::Label: its values, strings, of which a row has the number */
};

/* Fields that are carried over from features of one side, packed in records. */
struct CarriedGroup {
    std::vector<CarriedField> fields;
    std::string prefix;   /* of a name that is taken: "IN_" */
    bool inPlace = false; /* rows have the address of the record, in memory of this process, and not its place in the
                           * part */
};

/* A value of a row, in slots: a column each, then a group each, then the geometry. */
struct Schema {
    std::string name; /* of the layer */
    std::vector<Column> columns;
    std::vector<CarriedGroup> groups; /* none is empty */
    OGRwkbGeometryType geometry = wkbNone;

    /* Adds one and returns its slot. Columns come first. */
    int Add(Column::Kind kind, const char *column, std::vector<std::string> labels = {});
    /* -1: there are no fields. */
    int Carry(const std::vector<CarriedField> &fields, const char *prefix, bool inPlace = false);

    size_t SlotCount() const { return columns.size() + groups.size() + (geometry == wkbNone ? 0 : 1); }
    int GeometrySlot() const { return static_cast<int>(columns.size() + groups.size()); }
    /* Bytes of a value. */
    size_t Width(size_t slot) const;
    int FieldCount() const;

    /* The layer's definition, with one reference, which the caller releases. srs: of the geometry; may be NULL.
     * renamed: gets the carried fields whose names formats keep for columns of their own, and what they are called. */
    OGRFeatureDefn *NewDefn(OGRSpatialReferenceH srs, std::vector<std::pair<std::string, std::string>> *renamed) const;
};

/* What stands in a slot for NULL. */
template <class T> constexpr T NullValue()
{
    return std::numeric_limits<T>::min();
}
template <> constexpr double NullValue<double>()
{
    return std::numeric_limits<double>::quiet_NaN();
}
/* Kind::Label, records and geometries. */
template <> constexpr uint32_t NullValue<uint32_t>()
{
    return UINT32_MAX;
}
template <> constexpr uint64_t NullValue<uint64_t>()
{
    return UINT64_MAX;
}

template <class T> bool IsNullValue(T value)
{
    return value == NullValue<T>();
}
template <> inline bool IsNullValue(double value)
{
    return std::isnan(value);
}

} // namespace fishnet

#endif
