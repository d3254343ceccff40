/* Rows of parts made into an Arrow array, with a column for each field that is not ignored, in the order of OGR's
 * schema. */
#ifndef FN_ARRAY_MAKER_H
#define FN_ARRAY_MAKER_H

#include "arrow.h"
#include "row_maker.h"

namespace fishnet
{

class ArrayMaker
{
  public:
    /* Are all columns of kinds that are made here, and not by OGR? options: of the stream. */
    static bool CanMake(OGRFeatureDefn *defn, const CPLStringList &options);

    /* The schema of rows must outlive it. */
    ArrayMaker(const RowMaker &rows, const CPLStringList &options);

    /* A column may not grow on: its offsets are 32 bit. */
    bool IsFull() const;
    /* Appends rows of the part from `first` on, at most n, and returns for how many there was room. rowsBefore: rows in
     * the parts before. */
    int64_t Append(const PartView &part, int64_t first, int64_t n, int64_t rowsBefore);
    /* Hands the array over. rows: how many have been appended. */
    void Export(int64_t rows, ArrowArray *array) { ArrowColumn::Export(std::move(m_columns), rows, array); }

  private:
    ArrowColumn *Field(int i);
    int Add(ArrowColumn::Kind kind);
    template <class T> void AppendSlot(int slot, const PartView &part, int64_t first, int64_t n);
    void AppendLabels(int slot, const PartView &part, int64_t first, int64_t n);
    void AppendRecord(int slot, int field, const PartView &part, int64_t row);
    int64_t AppendRecords(const PartView &part, int64_t first, int64_t n);

    const Schema &m_schema;
    std::vector<ArrowColumn> m_columns;
    std::vector<int> m_ofField; /* index of the column of each field; -1: ignored */
    int m_fid = -1, m_geometry = -1;
};

} // namespace fishnet

#endif
