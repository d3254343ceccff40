#include "row_maker.h"

namespace fishnet
{

RowMaker::RowMaker(const Schema &schema, OGRSpatialReferenceH srs)
    : m_schema(schema), m_defn(schema.NewDefn(srs, &m_renamed)),
      m_wanted(static_cast<size_t>(m_defn->GetFieldCount()), 1)
{
}

RowMaker::~RowMaker()
{
    m_defn->Release();
}

void RowMaker::UpdateIgnored()
{
    for (int i = 0; i < m_defn->GetFieldCount(); i++)
        m_wanted[static_cast<size_t>(i)] = !m_defn->GetFieldDefn(i)->IsIgnored();
}

/* False: it is NULL. */
template <class T> static bool SetRaw(OGRField *field, T OGRField::*member, T value)
{
    if (IsNullValue(value))
        return false;
    field->Set.nMarker2 = field->Set.nMarker3 = 0;
    field->*member = value;
    return true;
}

void RowMaker::SetColumn(OGRFeature *feature, int column, const PartView &part, int64_t row) const
{
    OGRField *field = feature->GetRawFieldRef(column);
    const Column &what = m_schema.columns[static_cast<size_t>(column)];
    bool set = false;
    switch (what.kind) {
    case Column::Kind::Integer:
        set = SetRaw(field, &OGRField::Integer, part.Slot<int32_t>(column)[row]);
        break;
    case Column::Kind::Integer64:
        set = SetRaw(field, &OGRField::Integer64, GIntBig{part.Slot<int64_t>(column)[row]});
        break;
    case Column::Kind::Real:
        set = SetRaw(field, &OGRField::Real, part.Slot<double>(column)[row]);
        break;
    case Column::Kind::Label: {
        const uint32_t label = part.Slot<uint32_t>(column)[row];
        set = label < what.labels.size();
        if (set)
            feature->SetField(column, what.labels[label].c_str());
    }
    }
    if (!set)
        feature->SetFieldNull(column);
}

void RowMaker::SetCarried(OGRFeature *feature, const PartView &part, int64_t row) const
{
    int field = static_cast<int>(m_schema.columns.size()), slot = field;
    for (const CarriedGroup &group : m_schema.groups) {
        const int end = field + static_cast<int>(group.fields.size());
        if (const char *record = part.Record(m_schema, slot, row))
            SetFields(feature, field, group.fields, record);
        else
            for (int i = field; i < end; i++)
                if (Wants(i))
                    feature->SetFieldNull(i);
        field = end;
        slot++;
    }
}

void RowMaker::SetGeometry(OGRFeature *feature, const PartView &part, int64_t row) const
{
    size_t size = 0;
    const char *wkb = part.Geometry(m_schema, row, &size);
    if (!wkb)
        return;
    OGRGeometry *geometry = nullptr;
    if (OGRGeometryFactory::createFromWkb(wkb, m_defn->GetGeomFieldDefn(0)->GetSpatialRef(), &geometry, size) !=
        OGRERR_NONE)
        throw std::bad_alloc(); /* it is whole: a worker of ours has made it */
    feature->SetGeometryDirectly(geometry);
}

std::unique_ptr<OGRFeature> RowMaker::Make(const PartView &part, int64_t row, int64_t rowsBefore) const
{
    const auto errors = CPLGetErrorCounter(); /* GDAL leaves out of a feature what it has no memory for, and goes on */
    std::unique_ptr<OGRFeature> feature(OGRFeature::CreateFeature(m_defn));
    if (!feature)
        throw std::bad_alloc();
    feature->SetFID(rowsBefore + row + 1);
    for (int column = 0; column < static_cast<int>(m_schema.columns.size()); column++)
        if (Wants(column))
            SetColumn(feature.get(), column, part, row);
    SetCarried(feature.get(), part, row);
    if (WantsGeometry())
        SetGeometry(feature.get(), part, row);
    if (CPLGetErrorCounter() != errors && CPLGetLastErrorNo() == CPLE_OutOfMemory)
        throw std::bad_alloc();
    return feature;
}

} // namespace fishnet
