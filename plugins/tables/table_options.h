/* What the connection string and the open options of a table say, checked and in numbers: those that all tables have,
 * and the parser for a table's own. Nothing is opened here. */
#ifndef FN_TABLE_OPTIONS_H
#define FN_TABLE_OPTIONS_H

#include <cstdint>
#include <string>
#include <vector>

#include <cpl_error.h>
#include <cpl_string.h>

#include "fishnet/job.h"
#include "open_options.h"
#include "workers.h"

namespace fishnet
{

struct TableKind;

/* An option that is given. */
struct GivenOption {
    const char *driver, *name, *text;
    fn_option_value value;

    /* CPLError: that text is wrong. False. */
    bool Fail(const char *why) const;
    /* The pieces between separators that stand outside of quotes, without the quotes around them, or with them where
     * they are SQL. False after CPLError, which says `empty` of a piece that is. */
    bool TakePieces(char separator, const char *quotes, bool unquote, const char *empty,
                    std::vector<std::string> &out) const;
    bool TakeNames(std::vector<std::string> &out) const { return TakePieces(';', "\"", true, "a name is empty", out); }
    bool TakeFields(std::vector<std::string> &out) const;
    bool TakeSettings(CPLStringList &out) const;
    bool TakeGeometryField(std::string &out) const;
};

/* Texts between blanks, quotes and separators. */
std::string Trimmed(const std::string &text);
std::string Unquoted(const std::string &text);
std::vector<std::string> SplitOutsideQuotes(const char *text, char separator, const char *quotes);

class TableOptions
{
  public:
    virtual ~TableOptions() = default;

    /* As they were given, for whoever opens the same table again. */
    std::string connection;
    CPLStringList openOptions;

    std::string input, layer, where;
    CPLStringList inputOptions;      /* open options of the input */
    std::string geometryField;       /* empty: the first */
    std::vector<std::string> fields; /* "*" alone: all */
    fn_worker_options workers = fn_worker_options_default();
    int builders = 1;          /* threads that make an index, and end with it, where there are fewer workers */
    int64_t partitionSize = 0; /* 0: AUTO */
    int64_t features = -1;     /* of the input: whoever writes parts may have counted them */
    int64_t part = 1, lastPart = 1, parts = 1; /* PARTITION: one part; whoever writes parts has some together */
    ReportFiles reports;

    /* Only the connection string. As all here: false after CPLError, which names the option. */
    bool ParseName(const TableKind &kind, const char *name);
    bool Parse(const TableKind &kind, const char *name, CSLConstList list);
    bool ParseOption(const TableKind &kind, const char *name, const char *value);

    /* Datasets beside the input, as they are named. */
    virtual std::vector<std::string> OtherInputs() const { return {}; }

  private:
    /* Takes one of the table's own, the index-th of its kind. */
    virtual bool Take(size_t index, const GivenOption &given) = 0;
    /* Do all options go together? */
    virtual bool Check() const { return true; }
};

/* All open options of a table of that kind. */
OptionTable OpenOptionsOf(const TableKind &kind);
/* What is wrong with one option, KEY=VALUE; empty: nothing. */
std::string WhyNotOption(const TableKind &kind, const char *option);

} // namespace fishnet

#endif
