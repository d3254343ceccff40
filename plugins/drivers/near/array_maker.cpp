#include "array_maker.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fishnet::neartable
{

bool ArrayMaker::CanMake(const Schema &schema, const CPLStringList &options)
{
    const char *encoding = options.FetchNameValue("GEOMETRY_ENCODING");
    if (encoding && !EQUAL(encoding, "WKB"))
        return false;
    for (int i = 0; i < schema.defn->GetFieldCount(); i++) {
        OGRFieldDefn *field = schema.defn->GetFieldDefn(i);
        if (!field->IsIgnored() && !ArrowColumn::Makes(field->GetType(), field->GetSubType()))
            return false;
    }
    return true;
}

ArrayMaker::ArrayMaker(const NearPlan &plan, const RowMaker &rows, const CPLStringList &options)
    : m_plan(plan), m_rows(rows), m_schema(rows.GetSchema())
{
    if (CPLTestBool(options.FetchNameValueDef("INCLUDE_FID", "YES")))
        m_fid = Add(ArrowColumn::Kind::Integer64);
    for (int i = 0; i < m_schema.defn->GetFieldCount(); i++)
        m_ofField.push_back(rows.Wants(i) ? Add(ArrowColumn::KindOf(m_schema.defn->GetFieldDefn(i)->GetType())) : -1);
    if (rows.WantsGeometry())
        m_geometry = Add(ArrowColumn::Kind::Binary);
}

ArrowColumn *ArrayMaker::Field(int i)
{
    const int column = i < 0 ? -1 : m_ofField[static_cast<size_t>(i)];
    return column < 0 ? nullptr : &m_columns[static_cast<size_t>(column)];
}

int ArrayMaker::Add(ArrowColumn::Kind kind)
{
    m_columns.emplace_back(kind);
    return static_cast<int>(m_columns.size()) - 1;
}

bool ArrayMaker::IsFull() const
{
    constexpr size_t kBytes = 256 << 20;
    return std::any_of(m_columns.begin(), m_columns.end(),
                       [](const ArrowColumn &column) { return column.Bytes() > kBytes; });
}

static void AppendValue(ArrowColumn *column, OGRFieldType type, const FieldValue &value)
{
    if (!column)
        return;
    if (value.tag != Tag::Value)
        column->AppendNull();
    else if (type == OFTInteger)
        column->Append(value.integer);
    else if (type == OFTInteger64)
        column->Append(value.integer64);
    else if (type == OFTReal)
        column->Append(value.real);
    else
        column->AppendBytes(value.bytes, value.count);
}

/* Appends the fields that are carried over, and returns for how many rows there was room. */
int64_t ArrayMaker::AppendRecords(const PartView &part, int64_t first, int64_t n)
{
    const std::vector<CarriedField> &fields = m_plan.fields, &nearFields = m_plan.nearFields;
    if (fields.empty() && nearFields.empty())
        return n;
    int64_t done = 0;
    for (; done < n && !(done > 0 && done % 64 == 0 && IsFull()); done++) {
        const int64_t row = first + done;
        if (!fields.empty()) {
            RecordCursor cursor(part.records + part.columns.record[row]);
            for (size_t k = 0; k < fields.size(); k++)
                AppendValue(Field(m_schema.fields + static_cast<int>(k)), fields[k].type, cursor.Next(fields[k].type));
        }
        if (nearFields.empty())
            continue;
        const uint32_t feature = part.columns.feature[row];
        const bool matched = feature != kNoFeature;
        RecordCursor cursor(matched ? m_rows.NearRecord(part, row) : nullptr);
        for (size_t k = 0; k < nearFields.size(); k++)
            AppendValue(Field(m_schema.nearFields + static_cast<int>(k)), nearFields[k].type,
                        matched ? cursor.Next(nearFields[k].type) : FieldValue());
    }
    return done;
}

void ArrayMaker::AppendGeometry(const PartView &part, int64_t row)
{
    ArrowColumn &column = m_columns[static_cast<size_t>(m_geometry)];
    if (part.columns.feature[row] == kNoFeature) {
        column.AppendNull();
        return;
    }
    unsigned char wkb[64]; /* a line of two points has 41 bytes */
    const std::unique_ptr<OGRGeometry> geometry = m_rows.MakeGeometry(part, row);
    geometry->exportToWkb(wkbNDR, wkb, wkbVariantIso);
    column.AppendBytes(wkb, geometry->WkbSize());
}

int64_t ArrayMaker::Append(const PartView &part, int64_t first, int64_t n, int64_t rowsBefore)
{
    const auto &columns = part.columns;
    n = AppendRecords(part, first, n);
    const int64_t end = first + n;
    if (m_fid >= 0)
        for (int64_t row = first; row < end; row++)
            m_columns[static_cast<size_t>(m_fid)].Append<int64_t>(rowsBefore + row + 1);
    if (ArrowColumn *column = Field(m_schema.inFid))
        column->AppendMany(columns.inFid + first, n);
    if (ArrowColumn *column = Field(m_schema.nearFid))
        column->AppendMany(columns.nearFid + first, n);
    if (ArrowColumn *column = Field(m_schema.rank))
        column->AppendMany(columns.rank + first, n);
    /* NULL where the feature is unmatched, and where the near feature has no such value. */
    std::pair<int, const double *> reals[] = {{m_schema.distance, columns.distance},
                                              {m_schema.angle, columns.angle},
                                              {m_schema.along, columns.along},
                                              {-1, columns.fromX},
                                              {-1, columns.fromY},
                                              {-1, columns.nearX},
                                              {-1, columns.nearY}};
    if (m_schema.location >= 0)
        for (int k = 0; k < 4; k++)
            reals[3 + k].first = m_schema.location + k;
    for (const auto &real : reals)
        if (ArrowColumn *column = Field(real.first)) {
            column->AppendMany(real.second + first, n);
            if (real.first == m_schema.along)
                for (int64_t row = first; row < end; row++)
                    if (columns.feature[row] != kNoFeature && std::isnan(columns.along[row]))
                        column->SetNull(column->Length() - (end - row));
        }
    if (ArrowColumn *column = Field(m_schema.nearFc))
        for (int64_t row = first; row < end; row++) {
            const std::string &label = m_plan.near[columns.layer[row]].label;
            if (columns.feature[row] == kNoFeature)
                column->AppendNull();
            else
                column->AppendBytes(label.data(), label.size());
        }
    if (m_geometry >= 0)
        for (int64_t row = first; row < end; row++)
            AppendGeometry(part, row);
    if (m_plan.options.unmatchedNull)
        for (int64_t row = first; row < end; row++)
            if (columns.feature[row] == kNoFeature) {
                if (ArrowColumn *column = Field(m_schema.rank))
                    column->SetNull(column->Length() - (end - row));
                for (const auto &real : reals)
                    if (ArrowColumn *column = Field(real.first))
                        column->SetNull(column->Length() - (end - row));
            }
    return n;
}

} // namespace fishnet::neartable
