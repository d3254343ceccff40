/* Where the records of a CSV end: lines, but for line ends between quotes. Only what all versions of GDAL take for the
 * same records. */
#ifndef FN_CSV_LINES_H
#define FN_CSV_LINES_H

#include <cstddef>
#include <vector>

namespace fishnet
{

enum class CsvLine {
    Record,
    Blank, /* no record */
    Cut,   /* its end is not there yet */
    Odd    /* quotes in the middle of a field, \r alone, bytes of 0: only GDAL knows what it makes of these */
};

/* The line at `begin`, with its end: *size bytes. last: no more comes behind `end`. delimiter: between fields. */
CsvLine FindCsvLine(const char *begin, const char *end, bool last, char delimiter, size_t *size);

/* Shortens records, whose lines FindCsvLine() has found, in place: fields that are not wanted are emptied, and what
 * follows the last one that is wanted becomes one empty field. wanted: of each column; the last one is. Returns where
 * they end now. */
char *EmptyCsvFields(char *begin, const char *end, char delimiter, const std::vector<char> &wanted);

/* The delimiter that GDAL finds in the first line, which has its end; 0: that depends on its version. */
char FindCsvDelimiter(const char *line, size_t size);

} // namespace fishnet

#endif
