/* Rows as pieces of one file. GDAL's own driver writes the rows of a part as a file of its own, in memory, which is cut
 * in two: what such a file begins with, and the rows, which can stand behind those of another piece. */
#ifndef FN_PIECES_H
#define FN_PIECES_H

#include "csv_rows.h"
#include "flatgeobuf_rows.h"
#include "row_maker.h"
#include "rows_format.h"
#include "table_plan.h"

namespace fishnet
{

/* What workers are told. */
struct PieceFormat {
    RowsFormat format;
    std::string file;          /* its name, without a folder: some formats call the layer so */
    std::string layer;         /* empty: as ogr2ogr has it */
    std::vector<int64_t> cuts; /* several files: the number of the feature that each begins with, in order */

    /* For another process, and back. False: the words make no sense. */
    static constexpr size_t kWords = 6;
    Words ToWords() const;
    bool FromWords(const std::string *words);
};

/* The formats whose pieces can be joined, for messages; and whether a driver is one of them. */
constexpr const char *kJoinedFormats = "FlatGeobuf, CSV or GeoJSONSeq";
bool CanBeJoined(const std::string &driver);

/* Makes a file of the format for such rows, as ogr2ogr does, without any row. rows: lives longer. NULL after
 * CPLError. */
DatasetHandle NewRowsFile(const PieceFormat &format, const std::string &path, const RowMaker &rows);

/* What a worker hands over, behind the part's header: the number of the file, how long the head is, the head, the
 * rows. */
struct Piece {
    int64_t number = 0;
    const char *head = nullptr, *body = nullptr;
    size_t headSize = 0, bodySize = 0;

    static constexpr size_t kOverhead = 2 * sizeof(uint64_t);
    size_t Bytes() const { return kOverhead + headSize + bodySize; }
    void Write(char *to) const;
    /* False: the bytes are none. */
    bool Read(const char *bytes, size_t size);
};

/* Of one worker. */
class PieceWriter
{
  public:
    PieceWriter(const TablePlan &plan, const PieceFormat &format);
    ~PieceWriter();
    PieceWriter(const PieceWriter &) = delete;
    PieceWriter &operator=(const PieceWriter &) = delete;

    /* Of all rows of the part, which has some. *piece: until the next call. Warnings are of the rows alone. */
    fn_status Write(const PartView &part, Piece *piece, fn_error *err);

  private:
    DatasetHandle NewFile(fn_error *err);
    bool WriteRows(OGRLayer *layer, const PartView &part);
    fn_status FindHead(fn_error *err);
    bool Cut(int64_t rows, Piece *piece, fn_error *err) const;
    bool LearnRows();
    bool WriteLearned(const PartView &part, Piece *piece);

    SRSHandle m_srs;
    PieceFormat m_format;
    RowMaker m_rows;
    std::string m_folder, m_path;
    std::string m_head; /* of a file of text: all of it without rows */
    bool m_hasHead = false;
    FlatGeobufRows m_flatgeobuf;
    CsvRows m_csv;
    enum class Learning { Untried, Done, Failed } m_learning = Learning::Untried; /* of one of these */
};

} // namespace fishnet

#endif
