#include "row_maker.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace fishnet
{

RowMaker::RowMaker(const Schema &schema, OGRSpatialReferenceH srs)
    : m_schema(schema), m_defn(schema.NewDefn(srs, &m_renamed)),
      m_wanted(static_cast<size_t>(m_defn->GetFieldCount()), 1),
      m_hasTexts(!schema.groups.empty() ||
                 std::any_of(schema.columns.begin(), schema.columns.end(),
                             [](const Column &column) { return column.kind == Column::Kind::Label; }))
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

static constexpr char kLittle = 1; /* of WKB: the order of bytes */

/* False: it is another geometry. */
static bool ReadPoint(const char *wkb, size_t size, double *xy)
{
    uint32_t type = 0;
    constexpr size_t kHead = 1 + sizeof type, kVertex = 2 * sizeof(double);
    if (!CPL_IS_LSB || size != kHead + kVertex || wkb[0] != kLittle)
        return false;
    memcpy(&type, wkb + 1, sizeof type);
    memcpy(xy, wkb + kHead, kVertex);
    return type == wkbPoint;
}

/* Where both are points in the plane. False: nothing has changed. */
static bool MovePoint(OGRGeometry *geometry, const char *wkb, size_t size)
{
    double xy[2];
    if (!geometry || geometry->getGeometryType() != wkbPoint || !ReadPoint(wkb, size, xy) || !std::isfinite(xy[0]) ||
        !std::isfinite(xy[1]))
        return false;
    geometry->toPoint()->setX(xy[0]);
    geometry->toPoint()->setY(xy[1]);
    return true;
}

/* The two geometries that most rows have; NULL: it is another. */
static OGRGeometry *NewPointOrLine(const char *wkb, size_t size)
{
    double xy[2];
    if (ReadPoint(wkb, size, xy))
        return new OGRPoint(xy[0], xy[1]);
    const auto at = [wkb](size_t offset) {
        double value;
        memcpy(&value, wkb + offset, sizeof value);
        return value;
    };
    uint32_t type = 0, count = 0;
    constexpr size_t kHead = 1 + sizeof type, kVertex = 2 * sizeof(double), kVertices = kHead + sizeof count;
    if (!CPL_IS_LSB || size < kVertices || wkb[0] != kLittle)
        return nullptr;
    memcpy(&type, wkb + 1, sizeof type);
    memcpy(&count, wkb + kHead, sizeof count);
    if (type != wkbLineString || count != 2 || size != kVertices + 2 * kVertex)
        return nullptr;
    auto line = std::make_unique<OGRLineString>();
    line->setNumPoints(2, FALSE);
    if (line->getNumPoints() != 2)
        throw std::bad_alloc();
    for (int i = 0; i < 2; i++) {
        const size_t vertex = kVertices + static_cast<size_t>(i) * kVertex;
        line->setPoint(i, at(vertex), at(vertex + sizeof(double)));
    }
    return line.release();
}

void RowMaker::SetGeometry(OGRFeature *feature, const PartView &part, int64_t row) const
{
    size_t size = 0;
    const char *wkb = part.Geometry(m_schema, row, &size);
    if (!wkb) {
        feature->SetGeometryDirectly(nullptr);
        return;
    }
    if (MovePoint(feature->GetGeometryRef(), wkb, size))
        return;
    auto *srs = m_defn->GetGeomFieldDefn(0)->GetSpatialRef();
    OGRGeometry *geometry = NewPointOrLine(wkb, size);
    if (geometry)
        geometry->assignSpatialReference(srs);
    else if (OGRGeometryFactory::createFromWkb(wkb, srs, &geometry, size) != OGRERR_NONE)
        throw std::bad_alloc(); /* it is whole: a worker of ours has made it */
    feature->SetGeometryDirectly(geometry);
}

void RowMaker::Set(OGRFeature &feature, const PartView &part, int64_t row, int64_t rowsBefore) const
{
    const auto errors = m_hasTexts ? CPLGetErrorCounter() : 0;
    feature.SetFID(rowsBefore + row + 1);
    for (int column = 0; column < static_cast<int>(m_schema.columns.size()); column++)
        if (Wants(column))
            SetColumn(&feature, column, part, row);
    SetCarried(&feature, part, row);
    if (WantsGeometry())
        SetGeometry(&feature, part, row);
    /* GDAL leaves out of a feature what it has no memory for, and goes on. */
    if (m_hasTexts && CPLGetErrorCounter() != errors && CPLGetLastErrorNo() == CPLE_OutOfMemory)
        throw std::bad_alloc();
}

std::unique_ptr<OGRFeature> RowMaker::Make(const PartView &part, int64_t row, int64_t rowsBefore) const
{
    std::unique_ptr<OGRFeature> feature(OGRFeature::CreateFeature(m_defn));
    if (!feature)
        throw std::bad_alloc();
    Set(*feature, part, row, rowsBefore);
    return feature;
}

void RowMaker::Refill(OGRFeature &feature, const PartView &part, int64_t row, int64_t rowsBefore) const
{
    if (feature.GetDefnRef() != m_defn)
        feature.SetFDefnUnsafe(m_defn);
    for (int i = static_cast<int>(m_schema.columns.size()); i < m_defn->GetFieldCount(); i++)
        feature.UnsetField(i);
    Set(feature, part, row, rowsBefore);
}

} // namespace fishnet
