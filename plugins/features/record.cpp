#include "record.h"

#include <cpl_conv.h>
#include <cpl_string.h>

namespace fishnet
{

/* ---- packing ---- */

template <class T> static void Put(std::vector<char> &out, T value)
{
    const char *bytes = reinterpret_cast<const char *>(&value);
    out.insert(out.end(), bytes, bytes + sizeof value);
}

static void PutBytes(std::vector<char> &out, const void *bytes, size_t size)
{
    const char *begin = static_cast<const char *>(bytes);
    if (size > 0)
        out.insert(out.end(), begin, begin + size);
}

static void PutString(std::vector<char> &out, const char *text)
{
    const size_t length = strlen(text);
    Put(out, static_cast<uint32_t>(length));
    PutBytes(out, text, length + 1);
}

template <class T> static void PutList(std::vector<char> &out, const T *values, int n)
{
    Put(out, static_cast<uint32_t>(n));
    PutBytes(out, values, static_cast<size_t>(n) * sizeof(T));
}

static void PutValue(OGRFeatureH feature, int i, OGRFieldType type, std::vector<char> &out)
{
    int n = 0;
    switch (type) {
    case OFTInteger:
        Put(out, static_cast<int32_t>(OGR_F_GetFieldAsInteger(feature, i)));
        break;
    case OFTInteger64:
        Put(out, static_cast<int64_t>(OGR_F_GetFieldAsInteger64(feature, i)));
        break;
    case OFTReal:
        Put(out, OGR_F_GetFieldAsDouble(feature, i));
        break;
    case OFTDate:
    case OFTTime:
    case OFTDateTime:
        PutBytes(out, &OGR_F_GetRawFieldRef(feature, i)->Date, sizeof(OGRField::Date));
        break;
    case OFTBinary: {
        const GByte *bytes = OGR_F_GetFieldAsBinary(feature, i, &n);
        PutList(out, bytes, n);
        break;
    }
    case OFTIntegerList: {
        const int *values = OGR_F_GetFieldAsIntegerList(feature, i, &n);
        PutList(out, values, n);
        break;
    }
    case OFTInteger64List: {
        const GIntBig *values = OGR_F_GetFieldAsInteger64List(feature, i, &n);
        PutList(out, values, n);
        break;
    }
    case OFTRealList: {
        const double *values = OGR_F_GetFieldAsDoubleList(feature, i, &n);
        PutList(out, values, n);
        break;
    }
    case OFTStringList: {
        CSLConstList values = OGR_F_GetFieldAsStringList(feature, i);
        Put(out, static_cast<uint32_t>(CSLCount(values)));
        for (CSLConstList value = values; value && *value; value++)
            PutString(out, *value);
        break;
    }
    default:
        PutString(out, OGR_F_GetFieldAsString(feature, i));
    }
}

void AppendRecord(OGRFeatureH feature, const std::vector<int> &indices, const std::vector<CarriedField> &fields,
                  std::vector<char> &out)
{
    for (size_t k = 0; k < fields.size(); k++) {
        const int i = indices[k];
        if (i < 0 || OGR_F_IsFieldNull(feature, i))
            out.push_back(static_cast<char>(Tag::Null));
        else if (!OGR_F_IsFieldSet(feature, i))
            out.push_back(static_cast<char>(Tag::Unset));
        else {
            out.push_back(static_cast<char>(Tag::Value));
            PutValue(feature, i, fields[k].type, out);
        }
    }
}

/* ---- unpacking ---- */

FieldValue RecordCursor::Next(OGRFieldType type)
{
    FieldValue value;
    value.integer64 = 0;
    value.tag = static_cast<Tag>(*m_at++);
    if (value.tag != Tag::Value)
        return value;
    size_t element = 1;
    switch (type) {
    case OFTInteger:
        value.integer = Take<int32_t>();
        return value;
    case OFTInteger64:
        value.integer64 = Take<int64_t>();
        return value;
    case OFTReal:
        value.real = Take<double>();
        return value;
    case OFTDate:
    case OFTTime:
    case OFTDateTime:
        value.bytes = m_at;
        m_at += sizeof(OGRField::Date);
        return value;
    case OFTStringList:
        value.count = Take<uint32_t>();
        value.bytes = m_at;
        for (uint32_t i = 0; i < value.count; i++) {
            const uint32_t length = Take<uint32_t>();
            m_at += length + size_t(1);
        }
        return value;
    case OFTBinary:
        break;
    case OFTIntegerList:
        element = sizeof(int);
        break;
    case OFTInteger64List:
    case OFTRealList:
        element = sizeof(double);
        break;
    default: /* a string */
        value.count = Take<uint32_t>();
        value.bytes = m_at;
        m_at += value.count + size_t(1);
        return value;
    }
    value.count = Take<uint32_t>();
    value.bytes = m_at;
    m_at += value.count * element;
    return value;
}

template <class T> static std::vector<T> Elements(const FieldValue &value)
{
    std::vector<T> elements(value.count);
    if (value.count > 0)
        memcpy(elements.data(), value.bytes, value.count * sizeof(T));
    return elements;
}

static void SetField(OGRFeature *feature, int i, OGRFieldType type, const FieldValue &value)
{
    OGRField *raw = feature->GetRawFieldRef(i);
    const int n = static_cast<int>(value.count);
    switch (type) {
    case OFTInteger:
        raw->Integer = value.integer;
        raw->Set.nMarker2 = raw->Set.nMarker3 = 0;
        break;
    case OFTInteger64:
        raw->Integer64 = value.integer64;
        raw->Set.nMarker3 = 0;
        break;
    case OFTReal:
        raw->Real = value.real;
        raw->Set.nMarker3 = 0;
        break;
    case OFTDate:
    case OFTTime:
    case OFTDateTime:
        memcpy(&raw->Date, value.bytes, sizeof(OGRField::Date));
        break;
    case OFTBinary:
        feature->SetField(i, n, static_cast<const void *>(value.bytes));
        break;
    case OFTIntegerList:
        feature->SetField(i, n, Elements<int>(value).data());
        break;
    case OFTInteger64List:
        feature->SetField(i, n, Elements<GIntBig>(value).data());
        break;
    case OFTRealList:
        feature->SetField(i, n, Elements<double>(value).data());
        break;
    case OFTStringList: {
        CPLStringList strings;
        const char *at = value.bytes;
        for (int k = 0; k < n; k++) {
            uint32_t length;
            memcpy(&length, at, sizeof length);
            strings.AddString(at + sizeof length);
            at += sizeof length + length + 1;
        }
        feature->SetField(i, strings.List());
        break;
    }
    default:
        if (char *text = static_cast<char *>(VSI_MALLOC_VERBOSE(value.count + size_t(1)))) {
            memcpy(text, value.bytes, value.count + size_t(1));
            raw->String = text;
            raw->Set.nMarker3 = 0;
        }
    }
}

void SetFields(OGRFeature *feature, int first, const std::vector<CarriedField> &fields, const char *record)
{
    RecordCursor cursor(record);
    for (size_t k = 0; k < fields.size(); k++) {
        const int i = first + static_cast<int>(k);
        const FieldValue value = cursor.Next(fields[k].type);
        if (value.tag == Tag::Unset || feature->GetFieldDefnRef(i)->IsIgnored())
            continue;
        if (value.tag == Tag::Null)
            feature->SetFieldNull(i);
        else
            SetField(feature, i, fields[k].type, value);
    }
}

} // namespace fishnet
