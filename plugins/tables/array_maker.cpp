#include "array_maker.h"

#include <algorithm>

namespace fishnet
{

bool ArrayMaker::CanMake(OGRFeatureDefn *defn, const CPLStringList &options)
{
    const char *encoding = options.FetchNameValue("GEOMETRY_ENCODING");
    if (encoding && !EQUAL(encoding, "WKB"))
        return false;
    for (int i = 0; i < defn->GetFieldCount(); i++) {
        OGRFieldDefn *field = defn->GetFieldDefn(i);
        if (!field->IsIgnored() && !ArrowColumn::Makes(field->GetType(), field->GetSubType()))
            return false;
    }
    return true;
}

ArrayMaker::ArrayMaker(const RowMaker &rows, const CPLStringList &options) : m_schema(rows.GetSchema())
{
    if (CPLTestBool(options.FetchNameValueDef("INCLUDE_FID", "YES")))
        m_fid = Add(ArrowColumn::Kind::Integer64);
    for (int i = 0; i < rows.Defn()->GetFieldCount(); i++)
        m_ofField.push_back(rows.Wants(i) ? Add(ArrowColumn::KindOf(rows.Defn()->GetFieldDefn(i)->GetType())) : -1);
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

/* The values of a column. */
template <class T> void ArrayMaker::AppendSlot(int slot, const PartView &part, int64_t first, int64_t n)
{
    ArrowColumn *column = Field(slot);
    if (!column)
        return;
    const T *values = part.Slot<T>(slot) + first;
    const int64_t begin = column->Length();
    column->AppendMany(values, n);
    for (int64_t i = 0; i < n; i++)
        if (IsNullValue(values[i]))
            column->SetNull(begin + i);
}

void ArrayMaker::AppendLabels(int slot, const PartView &part, int64_t first, int64_t n)
{
    ArrowColumn *column = Field(slot);
    const std::vector<std::string> &labels = m_schema.columns[static_cast<size_t>(slot)].labels;
    for (int64_t row = first; column && row < first + n; row++) {
        const uint32_t label = part.Slot<uint32_t>(slot)[row];
        if (label < labels.size())
            column->AppendBytes(labels[label].data(), labels[label].size());
        else
            column->AppendNull();
    }
}

/* The fields of a group that are carried over, from the index `field` on. */
void ArrayMaker::AppendRecord(int slot, int field, const PartView &part, int64_t row)
{
    const auto &fields = m_schema.groups[static_cast<size_t>(slot) - m_schema.columns.size()].fields;
    const char *record = part.Record(m_schema, slot, row);
    RecordCursor cursor(record);
    for (size_t k = 0; k < fields.size(); k++)
        AppendValue(Field(field + static_cast<int>(k)), fields[k].type,
                    record ? cursor.Next(fields[k].type) : FieldValue());
}

/* Those of all groups. Returns for how many rows there was room. */
int64_t ArrayMaker::AppendRecords(const PartView &part, int64_t first, int64_t n)
{
    if (m_schema.groups.empty())
        return n;
    int64_t done = 0;
    for (; done < n && !(done > 0 && done % 64 == 0 && IsFull()); done++) {
        int field = static_cast<int>(m_schema.columns.size()), slot = field;
        for (const CarriedGroup &group : m_schema.groups) {
            AppendRecord(slot++, field, part, first + done);
            field += static_cast<int>(group.fields.size());
        }
    }
    return done;
}

int64_t ArrayMaker::Append(const PartView &part, int64_t first, int64_t n, int64_t rowsBefore)
{
    n = AppendRecords(part, first, n);
    for (int64_t row = first; m_fid >= 0 && row < first + n; row++)
        m_columns[static_cast<size_t>(m_fid)].Append<int64_t>(rowsBefore + row + 1);
    for (int slot = 0; slot < static_cast<int>(m_schema.columns.size()); slot++)
        switch (m_schema.columns[static_cast<size_t>(slot)].kind) {
        case Column::Kind::Integer:
            AppendSlot<int32_t>(slot, part, first, n);
            break;
        case Column::Kind::Integer64:
            AppendSlot<int64_t>(slot, part, first, n);
            break;
        case Column::Kind::Real:
            AppendSlot<double>(slot, part, first, n);
            break;
        case Column::Kind::Label:
            AppendLabels(slot, part, first, n);
        }
    for (int64_t row = first; m_geometry >= 0 && row < first + n; row++) {
        ArrowColumn &column = m_columns[static_cast<size_t>(m_geometry)];
        size_t size = 0;
        if (const char *wkb = part.Geometry(m_schema, row, &size))
            column.AppendBytes(wkb, size);
        else
            column.AppendNull();
    }
    return n;
}

} // namespace fishnet
