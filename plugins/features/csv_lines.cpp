#include "csv_lines.h"

#include <algorithm>
#include <cstring>

namespace fishnet
{

static const char *Find(const char *begin, const char *end, char c)
{
    return begin < end ? static_cast<const char *>(memchr(begin, c, static_cast<size_t>(end - begin))) : nullptr;
}

/* The quote that ends a text between quotes; those in it are doubled. NULL: it is not there, or what follows it. */
static const char *FindClosing(const char *begin, const char *end, bool last)
{
    const char *at = Find(begin, end, '"');
    while (at && at + 1 < end && at[1] == '"')
        at = Find(at + 2, end, '"');
    return at && (last || at + 1 < end) ? at : nullptr;
}

/* A text between quotes is a whole field: behind its closing quote come a delimiter or the line's end. */
static bool EndsField(const char *at, const char *end, char delimiter, bool *cut)
{
    *cut = at < end && at[0] == '\r' && at + 1 == end;
    return at == end || *cut || at[0] == delimiter || at[0] == '\n' || (at[0] == '\r' && at[1] == '\n');
}

/* Line ends are \n or \r\n. */
static bool IsOdd(const char *begin, const char *end)
{
    if (Find(begin, end, '\0'))
        return true;
    for (const char *at = Find(begin, end, '\r'); at; at = Find(at + 1, end, '\r'))
        if (at + 1 == end || at[1] != '\n')
            return true;
    return false;
}

CsvLine FindCsvLine(const char *begin, const char *end, bool last, char delimiter, size_t *size)
{
    const CsvLine unfinished = last ? CsvLine::Odd : CsvLine::Cut;
    const char *at = begin, *line = nullptr;
    for (;;) {
        line = Find(at, end, '\n');
        if (!line && !last)
            return CsvLine::Cut;
        const char *stop = line ? line + 1 : end;
        const char *quote = Find(at, stop, '"');
        if (!quote) {
            *size = static_cast<size_t>(stop - begin);
            break;
        }
        if (quote != begin && quote[-1] != delimiter)
            return CsvLine::Odd;
        const char *closing = FindClosing(quote + 1, end, last);
        bool cut = false;
        if (!closing)
            return unfinished;
        if (!EndsField(closing + 1, end, delimiter, &cut))
            return CsvLine::Odd;
        if (cut)
            return unfinished;
        at = closing + 1;
    }
    const size_t text = *size - (line ? 1 : 0) - (line && line > begin && line[-1] == '\r' ? 1 : 0);
    return IsOdd(begin, begin + *size) ? CsvLine::Odd : text == 0 ? CsvLine::Blank : CsvLine::Record;
}

/* Of the field at `at`, quotes and all. */
static const char *FindFieldEnd(const char *at, const char *end, char delimiter)
{
    if (at < end && *at == '"') {
        const char *closing = FindClosing(at + 1, end, true);
        return closing ? closing + 1 : end;
    }
    while (at < end && *at != delimiter && *at != '\n')
        at++;
    return at < end && *at == '\n' && at[-1] == '\r' ? at - 1 : at;
}

/* Of the record, whose field at `at` begins or has ended. */
static const char *FindRecordEnd(const char *at, const char *end, char delimiter)
{
    const char *line = Find(at, end, '\n');
    if (!Find(at, line ? line : end, '"'))
        return line ? line + 1 : end;
    for (at = FindFieldEnd(at, end, delimiter); at < end && *at == delimiter;)
        at = FindFieldEnd(at + 1, end, delimiter);
    line = Find(at, end, '\n');
    return line ? line + 1 : end;
}

char *EmptyCsvFields(char *begin, const char *end, char delimiter, const std::vector<char> &wanted)
{
    char *to = begin;
    const auto keep = [&to](const char *from, const char *until) {
        memmove(to, from, static_cast<size_t>(until - from));
        to += until - from;
    };
    for (const char *at = begin; at < end;) {
        bool whole = false;
        for (size_t column = 0; column < wanted.size() && !whole; column++) {
            const char *field = FindFieldEnd(at, end, delimiter);
            whole = field == end || *field != delimiter;
            if (wanted[column] || (whole && column == 0)) /* an empty line would be no record */
                keep(at, field);
            at = whole ? field : field + 1;
            if (!whole)
                *to++ = delimiter;
        }
        const char *after = whole ? Find(at, end, '\n') : FindRecordEnd(at, end, delimiter) - 1;
        if (whole)
            keep(at, after ? after + 1 : end);
        else if (after[0] == '\n')
            *to++ = '\n';
        at = after ? after + 1 : end;
    }
    return to;
}

char FindCsvDelimiter(const char *line, size_t size)
{
    const char known[] = {',', ';', '\t'};
    const auto has = [line, size](char c) { return memchr(line, c, size) != nullptr; };
    const auto several = std::count_if(std::begin(known), std::end(known), has);
    if (several > 1 || has('|') || (several == 0 && has(' ')))
        return 0;
    return several == 0 ? ',' : *std::find_if(std::begin(known), std::end(known), has);
}

} // namespace fishnet
