/* Rows of a FlatGeobuf that are made without a feature for each. Rows of numbers with a geometry of one size differ in
 * nothing but their values: GDAL's driver writes a few of known values, which show where in a row each value stands,
 * and all others are copies with their own values in these places. */
#ifndef FN_FLATGEOBUF_ROWS_H
#define FN_FLATGEOBUF_ROWS_H

#include <memory>
#include <vector>

#include "flatgeobuf_head.h"
#include "part.h"

namespace fishnet
{

class FlatGeobufRows
{
  public:
    /* schema: lives longer. */
    explicit FlatGeobufRows(const Schema &schema);
    /* Whether rows of the schema may be such. */
    bool CanLearn() const;
    /* The rows that GDAL is to write into an empty file. */
    std::vector<std::unique_ptr<OGRFeature>> Samples(OGRFeatureDefn *defn) const;
    /* file: with these rows. False: it is not understood. */
    bool Learn(const char *file, size_t size);

    /* Rows as GDAL writes them, and what such a file begins with: until the next call. False: a row has no value in
     * some place. */
    bool Write(const PartView &part);
    const std::string &Head() const { return m_head.Bytes(); }
    const std::vector<char> &Rows() const { return m_rows; }

  private:
    struct Value {
        size_t width, at; /* bytes; where it stands in a row */
    };
    bool FindValue(const char *base, const char *other, Value &value) const;
    template <class T> bool SetColumn(const PartView &part, size_t column);
    bool SetGeometries(const PartView &part, double corners[4]);

    const Schema &m_schema;
    std::vector<Value> m_values; /* columns, then coordinates */
    FlatGeobufHead m_head;
    std::string m_row; /* of no values that matter */
    std::vector<char> m_rows;
};

} // namespace fishnet

#endif
