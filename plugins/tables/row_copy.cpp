#include "row_copy.h"

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

RowCopy::RowCopy(const OGRFeatureDefn *rows, OGRLayer *layer)
    : m_layer(layer), m_defn(layer->GetLayerDefn()), m_same(HaveSameFields(rows, m_defn))
{
    for (int i = 0; i < m_defn->GetFieldCount(); i++)
        m_fields.push_back(i);
}

bool RowCopy::Add(std::unique_ptr<OGRFeature> feature) const
{
    if (m_same)
        feature->SetFDefnUnsafe(m_defn);
    else {
        auto converted = std::make_unique<OGRFeature>(m_defn);
        if (converted->SetFrom(feature.get(), m_fields.data(), TRUE) != OGRERR_NONE)
            return false;
        feature.swap(converted);
    }
    feature->SetFID(OGRNullFID);
    return m_layer->CreateFeature(feature.get()) == OGRERR_NONE;
}

} // namespace fishnet
