#include "table_options.h"

#include <cctype>
#include <cstring>

#include "handles.h"
#include "table_kind.h"
#include "workers.h"

namespace fishnet
{

/* ---- texts ---- */

std::string Trimmed(const std::string &text)
{
    size_t begin = 0, end = text.size();
    while (begin < end && isspace(static_cast<unsigned char>(text[begin])))
        begin++;
    while (end > begin && isspace(static_cast<unsigned char>(text[end - 1])))
        end--;
    return text.substr(begin, end - begin);
}

std::string Unquoted(const std::string &text)
{
    return text.size() > 1 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

std::vector<std::string> SplitOutsideQuotes(const char *text, char separator, const char *quotes)
{
    std::vector<std::string> pieces(1);
    char quote = 0;
    for (const char *c = text; *c; c++) {
        if (quote)
            quote = *c == quote ? 0 : quote;
        else if (strchr(quotes, *c))
            quote = *c;
        if (*c == separator && !quote)
            pieces.emplace_back();
        else
            pieces.back() += *c;
    }
    for (std::string &piece : pieces)
        piece = Trimmed(piece);
    return pieces;
}

bool GivenOption::Fail(const char *why) const
{
    CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s=%.200s: %s", driver, name, WithoutSecrets(text).c_str(), why);
    return false;
}

bool GivenOption::TakePieces(char separator, const char *quotes, bool unquote, const char *empty,
                             std::vector<std::string> &out) const
{
    for (const std::string &piece : SplitOutsideQuotes(text, separator, quotes)) {
        if (piece.empty())
            return Fail(empty);
        out.push_back(unquote ? Unquoted(piece) : piece);
    }
    return true;
}

bool GivenOption::TakeFields(std::vector<std::string> &out) const
{
    return TakePieces(',', "\"", true, "expected field names separated by ',', or *", out);
}

bool GivenOption::TakeSettings(CPLStringList &out) const
{
    return SplitSettings(text, out) ||
           Fail("expected an open option of the input, NAME=VALUE, or several separated by ';'");
}

bool GivenOption::TakeGeometryField(std::string &out) const
{
    out = text;
    return !out.empty() || Fail("expected the name of a geometry field");
}

/* ---- the options of all tables ---- */

namespace
{
struct Row {
    fn_option option;
    bool (*take)(const GivenOption &given, TableOptions &options);
};
} // namespace

static const Row kRows[] = {
    {{"LAYER", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "Layer of the input dataset", nullptr},
     [](const GivenOption &g, TableOptions &o) { return o.layer = g.text, true; }},
    {{"WHERE", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "Attribute filter on the input", nullptr},
     [](const GivenOption &g, TableOptions &o) { return o.where = g.text, true; }},
    {{"OO", FN_OPTION_SETTINGS, nullptr, 0, 0, nullptr,
      "Open option of the input dataset, NAME=VALUE; may be repeated, or hold several separated by a semicolon",
      nullptr},
     [](const GivenOption &g, TableOptions &o) { return g.TakeSettings(o.inputOptions); }},
    {{"GEOMETRY_FIELD", FN_OPTION_TEXT, nullptr, 0, 0, nullptr,
      "Geometry field of the input, where it has several; by default the first", nullptr},
     [](const GivenOption &g, TableOptions &o) { return g.TakeGeometryField(o.geometryField); }},
    {{"FIELDS", FN_OPTION_FIELDS, nullptr, 0, 0, nullptr,
      "Fields of the input to carry over, separated by commas, or *", nullptr},
     [](const GivenOption &g, TableOptions &o) { return g.TakeFields(o.fields); }},
    {{"PARTITION_SIZE", FN_OPTION_WHOLE, "AUTO", 1, 1000000000, "AUTO", "Features of the input in a task, or AUTO",
      nullptr},
     [](const GivenOption &g, TableOptions &o) { return o.partitionSize = g.value.whole, true; }},
    {{"PARTITION", FN_OPTION_SHARE, nullptr, 0, 0, nullptr, "i/n: only the i-th of n parts of the input", nullptr},
     [](const GivenOption &g, TableOptions &o) {
         o.part = o.lastPart = g.value.whole;
         o.parts = g.value.second;
         return true;
     }},
};

OptionTable OpenOptionsOf(const TableKind &kind)
{
    OptionTable table(kind.driver);
    table.Add(kind.options());
    for (const Row &row : kRows)
        table.Add(row.option);
    return table.Add(fn_worker_option_table());
}

bool TableOptions::ParseOption(const TableKind &kind, const char *name, const char *value)
{
    fn_error err;
    bool known = false;
    if (fn_worker_options_take(&workers, name, strlen(name), value, &known, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s", kind.driver, err.text);
        return false;
    }
    if (known)
        return true;
    const fn_option_table mine = kind.options();
    for (size_t i = 0; i < mine.count + std::size(kRows); i++) {
        const bool own = i < mine.count;
        const fn_option &option = own ? mine.rows[i] : kRows[i - mine.count].option;
        if (!fn_option_find({&option, 1}, name, strlen(name)))
            continue;
        GivenOption given = {kind.driver, option.name[0] == '?' ? name : option.name, value, {}};
        return ReadOption(kind.driver, option, value, given.value) &&
               (own ? Take(i, given) : kRows[i - mine.count].take(given, *this));
    }
    return IsForOtherDrivers(name) || FailUnknownOption(kind.driver, name);
}

/* Calls take(name, value) for each option of the list, until one is false. */
template <class Take> static bool ForEachOption(CSLConstList list, Take take)
{
    bool ok = true;
    for (CSLConstList option = list; ok && option && *option; option++) {
        char *key = nullptr;
        const char *value = CPLParseNameValue(*option, &key);
        ok = !key || !value || take(key, value);
        CPLFree(key);
    }
    return ok;
}

std::string WhyNotOption(const TableKind &kind, const char *option)
{
    const std::unique_ptr<TableOptions> options = kind.newOptions();
    const char *const list[] = {option, nullptr};
    MessageCollector collector;
    if (ForEachOption(list,
                      [&](const char *name, const char *value) { return options->ParseOption(kind, name, value); }))
        return {};
    const std::string cause = collector.Cause("not understood"), driver = std::string(kind.driver) + ": ";
    return cause.compare(0, driver.size(), driver) == 0 ? cause.substr(driver.size()) : cause;
}

bool TableOptions::ParseName(const TableKind &kind, const char *name)
{
    connection = name;
    input = Unquoted(Trimmed(connection.substr(strlen(kind.prefix))));
    if (input.empty())
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: there is no dataset behind \"%s\"", kind.driver, kind.prefix);
    return !input.empty();
}

bool TableOptions::Parse(const TableKind &kind, const char *name, CSLConstList list)
{
    openOptions.Assign(CSLDuplicate(list), TRUE);
    reports = FindReportFiles();
    return ParseName(kind, name) &&
           ForEachOption(list, [&](const char *key, const char *value) { return ParseOption(kind, key, value); }) &&
           Check();
}

} // namespace fishnet
