#include "row_maker.h"

#include <cmath>

namespace fishnet::neartable
{

RowMaker::RowMaker(const NearPlan &plan, const Passes &passes)
    : m_plan(plan), m_passes(passes), m_schema(plan), m_wanted(static_cast<size_t>(m_schema.defn->GetFieldCount()), 1)
{
}

void RowMaker::UpdateIgnored()
{
    for (int i = 0; i < m_schema.defn->GetFieldCount(); i++)
        m_wanted[static_cast<size_t>(i)] = !m_schema.defn->GetFieldDefn(i)->IsIgnored();
}

static void SetInteger(OGRFeature *feature, int i, int32_t value)
{
    OGRField *field = feature->GetRawFieldRef(i);
    field->Integer = value;
    field->Set.nMarker2 = field->Set.nMarker3 = 0;
}

static void SetInteger64(OGRFeature *feature, int i, int64_t value)
{
    OGRField *field = feature->GetRawFieldRef(i);
    field->Integer64 = value;
    field->Set.nMarker3 = 0;
}

static void SetReal(OGRFeature *feature, int i, double value)
{
    OGRField *field = feature->GetRawFieldRef(i);
    field->Real = value;
    field->Set.nMarker3 = 0;
}

/* The longitude of a link's end that makes the link the short way: over the antimeridian it goes on beyond 180. */
static double Unwrap(double x, double from)
{
    return std::abs(x - from) > 180 ? x - 360 * std::round((x - from) / 360) : x;
}

std::unique_ptr<OGRGeometry> RowMaker::MakeGeometry(const PartView &part, int64_t row) const
{
    const auto &columns = part.columns;
    const double scale = m_plan.toDegrees;
    const double fromX = columns.fromX[row] / scale, fromY = columns.fromY[row] / scale;
    const double nearY = columns.nearY[row] / scale;
    switch (m_plan.options.geometry) {
    case RowGeometry::From:
        return std::make_unique<OGRPoint>(fromX, fromY);
    case RowGeometry::Near:
        return std::make_unique<OGRPoint>(columns.nearX[row] / scale, nearY);
    default: {
        auto line = std::make_unique<OGRLineString>();
        const double nearX = columns.nearX[row];
        line->setNumPoints(2, FALSE);
        if (line->getNumPoints() != 2)
            throw std::bad_alloc();
        line->setPoint(0, fromX, fromY);
        line->setPoint(1, (m_plan.geodesic ? Unwrap(nearX, columns.fromX[row]) : nearX) / scale, nearY);
        return line;
    }
    }
}

const char *RowMaker::NearRecord(const PartView &part, int64_t row) const
{
    return m_plan.CarriesNearRecords() ? part.records + part.columns.nearRecord[row]
                                       : m_passes.Near()->Record(part.columns.feature[row]);
}

/* The columns of the near feature. */
void RowMaker::SetNear(OGRFeature *feature, const PartView &part, int64_t row) const
{
    const auto &columns = part.columns;
    if (Wants(m_schema.distance))
        SetReal(feature, m_schema.distance, columns.distance[row]);
    if (Wants(m_schema.rank))
        SetInteger(feature, m_schema.rank, static_cast<int32_t>(columns.rank[row]));
    if (m_schema.location >= 0) {
        const double *const values[] = {columns.fromX, columns.fromY, columns.nearX, columns.nearY};
        for (int k = 0; k < 4; k++)
            if (Wants(m_schema.location + k))
                SetReal(feature, m_schema.location + k, values[k][row]);
    }
    if (m_schema.angle >= 0 && Wants(m_schema.angle))
        SetReal(feature, m_schema.angle, columns.angle[row]);
    if (m_schema.along >= 0 && Wants(m_schema.along)) {
        if (std::isnan(columns.along[row]))
            feature->SetFieldNull(m_schema.along);
        else
            SetReal(feature, m_schema.along, columns.along[row]);
    }
    if (m_schema.nearFc >= 0 && Wants(m_schema.nearFc))
        feature->SetField(m_schema.nearFc, m_plan.near[columns.layer[row]].label.c_str());
    if (!m_plan.nearFields.empty())
        SetFields(feature, m_schema.nearFields, m_plan.nearFields, NearRecord(part, row));
    if (!WantsGeometry())
        return;
    std::unique_ptr<OGRGeometry> geometry = MakeGeometry(part, row);
    geometry->assignSpatialReference(m_schema.defn->GetGeomFieldDefn(0)->GetSpatialRef());
    feature->SetGeometryDirectly(geometry.release());
}

void RowMaker::SetRow(OGRFeature *feature, const PartView &part, int64_t row, int64_t rowsBefore) const
{
    const auto &columns = part.columns;
    feature->SetFID(rowsBefore + row + 1);
    if (Wants(m_schema.inFid))
        SetInteger64(feature, m_schema.inFid, columns.inFid[row]);
    if (Wants(m_schema.nearFid))
        SetInteger64(feature, m_schema.nearFid, columns.nearFid[row]);
    if (!m_plan.fields.empty())
        SetFields(feature, m_schema.fields, m_plan.fields, part.records + columns.record[row]);
    if (columns.feature[row] != kNoFeature) {
        SetNear(feature, part, row);
        return;
    }
    for (int i = m_schema.distance; i < m_schema.defn->GetFieldCount(); i++)
        if ((i < m_schema.fields || i >= m_schema.nearFields) && Wants(i))
            feature->SetFieldNull(i);
}

std::unique_ptr<OGRFeature> RowMaker::Make(const PartView &part, int64_t row, int64_t rowsBefore) const
{
    const auto errors = CPLGetErrorCounter(); /* GDAL leaves out of a feature what it has no memory for, and goes on */
    std::unique_ptr<OGRFeature> feature(OGRFeature::CreateFeature(m_schema.defn));
    if (!feature)
        throw std::bad_alloc();
    SetRow(feature.get(), part, row, rowsBefore);
    if (CPLGetErrorCounter() != errors && CPLGetLastErrorNo() == CPLE_OutOfMemory)
        throw std::bad_alloc();
    return feature;
}

} // namespace fishnet::neartable
