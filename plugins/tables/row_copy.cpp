#include "row_copy.h"

#include <limits>

namespace fishnet
{

bool RowCopy::HaveSameFields(const OGRFeatureDefn *rows, const OGRFeatureDefn *other)
{
    bool same = rows->GetGeomFieldCount() == other->GetGeomFieldCount();
    for (int i = 0; i < rows->GetFieldCount(); i++) {
        const OGRFieldDefn *from = rows->GetFieldDefn(i), *to = other->GetFieldDefn(i);
        same = same && from->GetType() == to->GetType() && from->GetSubType() == to->GetSubType();
    }
    return same;
}

/* GDAL 3.6's driver for GeoPackages writes whole numbers of 64 bits as text, which SQLite reads again: an eighth of the
 * time of a row. */
RowCopy::RowCopy(const OGRFeatureDefn *rows, OGRLayer *layer, const std::string &driver)
    : m_layer(layer), m_defn(layer->GetLayerDefn()), m_same(HaveSameFields(rows, m_defn))
{
    const bool shortens = m_same && EQUAL(driver.c_str(), "GPKG");
    for (int i = 0; i < m_defn->GetFieldCount(); i++) {
        m_fields.push_back(i);
        if (shortens && m_defn->GetFieldDefn(i)->GetType() == OFTInteger64)
            m_long.push_back(i);
    }
    if (m_long.empty())
        return;
    OGRFeatureDefn *shorter = m_defn->Clone();
    shorter->Reference();
    m_shorter.reset(shorter);
    for (const int i : m_long) {
        shorter->GetFieldDefn(i)->SetType(OFTInteger);
        if (shorter->GetFieldDefn(i)->GetType() != OFTInteger) {
            m_shorter.reset();
            break;
        }
    }
}

/* False: a value has no room in 32 bits, and all are as they were. */
bool RowCopy::MakeShort(OGRFeature &feature) const
{
    using Limits = std::numeric_limits<int>;
    for (const int i : m_long)
        if (feature.IsFieldSetAndNotNull(i)) {
            const GIntBig value = feature.GetRawFieldRef(i)->Integer64;
            if (value < Limits::min() || value > Limits::max())
                return false;
        }
    for (const int i : m_long)
        if (feature.IsFieldSetAndNotNull(i)) {
            OGRField *field = feature.GetRawFieldRef(i);
            const int value = static_cast<int>(field->Integer64);
            field->Set.nMarker2 = field->Set.nMarker3 = 0;
            field->Integer = value;
        }
    return true;
}

bool RowCopy::Add(OGRFeature &feature) const
{
    if (!m_same) {
        OGRFeature converted(m_defn);
        return converted.SetFrom(&feature, m_fields.data(), TRUE) == OGRERR_NONE && Create(converted);
    }
    feature.SetFDefnUnsafe(m_shorter && MakeShort(feature) ? m_shorter.get() : m_defn);
    return Create(feature);
}

bool RowCopy::Create(OGRFeature &feature) const
{
    feature.SetFID(OGRNullFID);
    return m_layer->CreateFeature(&feature) == OGRERR_NONE;
}

} // namespace fishnet
