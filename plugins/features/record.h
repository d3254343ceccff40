/* The fields of a feature that are carried over, packed into bytes one after the other: a tag and a value for each.
 * Such a record can be copied and can cross into another process. */
#ifndef FN_RECORD_H
#define FN_RECORD_H

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <ogr_api.h>
#include <ogr_feature.h>

namespace fishnet
{

/* A field that is carried over, as it will be in the table. */
struct CarriedField {
    std::string name;
    OGRFieldType type = OFTString;
    OGRFieldSubType subtype = OFSTNone;
    int width = 0, precision = 0;
};

enum class Tag : char { Unset, Null, Value };

/* One value of a record. Bytes: a string (with its NUL, which `count` leaves out), binary data, a date as OGRField
 * has it, or the elements of a list. */
struct FieldValue {
    Tag tag = Tag::Unset;
    union {
        int32_t integer;
        int64_t integer64;
        double real;
    };
    const char *bytes = nullptr;
    uint32_t count = 0;
};

/* indices: of the fields in the feature, -1: none, which is NULL. */
void AppendRecord(OGRFeatureH feature, const std::vector<int> &indices, const std::vector<CarriedField> &fields,
                  std::vector<char> &out);

/* Walks through a record. */
class RecordCursor
{
  public:
    explicit RecordCursor(const char *record) : m_at(record) {}
    FieldValue Next(OGRFieldType type);

  private:
    template <class T> T Take()
    {
        T value;
        memcpy(&value, m_at, sizeof value);
        m_at += sizeof value;
        return value;
    }
    const char *m_at;
};

/* Sets fields first, first + 1... of the feature, those that are not ignored. */
void SetFields(OGRFeature *feature, int first, const std::vector<CarriedField> &fields, const char *record);

} // namespace fishnet

#endif
