/* Rows of a CSV that are made without a feature for each: whole numbers, and real ones with 15 digits, one behind the
 * other. Whether GDAL's driver writes them so, and what it puts between them, a few rows show that it has written. */
#ifndef FN_CSV_ROWS_H
#define FN_CSV_ROWS_H

#include <memory>
#include <string>
#include <vector>

#include "part.h"

namespace fishnet
{

class CsvRows
{
  public:
    /* schema: lives longer. */
    explicit CsvRows(const Schema &schema) : m_schema(schema) {}
    /* Whether rows of the schema may be such. */
    bool CanLearn() const;
    /* The rows that GDAL is to write. */
    std::vector<std::unique_ptr<OGRFeature>> Samples(OGRFeatureDefn *defn) const;
    /* text: these rows. False: they are written in another way. */
    bool Learn(const char *text, size_t size);

    /* Rows as GDAL writes them: until the next call. False: a row has no value in some place. */
    bool Write(const PartView &part);
    const std::string &Rows() const { return m_rows; }

  private:
    enum Quoted : unsigned { kInteger = 1, kInteger64 = 2, kReal = 4 };
    /* A value, and what stands behind it. */
    template <class T> void Put(T value, unsigned kind, bool last, char *&to) const;
    std::string SampleRows() const;

    const Schema &m_schema;
    char m_separator = ',';
    const char *m_end = "\n"; /* of a row */
    unsigned m_quoted = 0;    /* the kinds of numbers that stand in quotes */
    std::string m_rows;
};

} // namespace fishnet

#endif
