#include "options.h"

#include <cctype>
#include <cmath>
#include <cstring>

#include <cpl_conv.h>
#include <cpl_error.h>

#include "handles.h"
#include "open_options.h"
#include "workers.h"

namespace fishnet::neartable
{

/* ---- units ---- */

static constexpr Unit kUnits[] = {{"mm", 0.001},
                                  {"cm", 0.01},
                                  {"m", 1},
                                  {"km", 1000},
                                  {"in", 0.0254},
                                  {"ft", 0.3048},
                                  {"us-ft", 1200 / 3937.0},
                                  {"yd", 0.9144},
                                  {"mi", 1609.344},
                                  {"nmi", 1852},
                                  {"deg", 0}};

const Unit *FindUnit(const std::string &name)
{
    for (const Unit &unit : kUnits)
        if (EQUAL(unit.name, name.c_str()))
            return &unit;
    return nullptr;
}

std::string UnitNames()
{
    std::string names;
    for (const Unit &unit : kUnits)
        names += (names.empty() ? "" : ", ") + std::string(unit.name);
    return names;
}

/* ---- texts ---- */

static std::string Trim(const std::string &text)
{
    size_t begin = 0, end = text.size();
    while (begin < end && isspace(static_cast<unsigned char>(text[begin])))
        begin++;
    while (end > begin && isspace(static_cast<unsigned char>(text[end - 1])))
        end--;
    return text.substr(begin, end - begin);
}

static std::string Unquote(const std::string &text)
{
    return text.size() > 1 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

/* The pieces between separators that stand outside of quotes. */
static std::vector<std::string> Split(const char *text, char separator, const char *quotes)
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
        piece = Trim(piece);
    return pieces;
}

static bool Wrong(const char *name, const char *value, const char *wanted)
{
    CPLError(CE_Failure, CPLE_IllegalArg, "NEARTABLE: %s=%.200s: %s", name, WithoutSecrets(value).c_str(), wanted);
    return false;
}

/* ---- the options ---- */

namespace
{
/* An option that is given. */
struct Given {
    const char *name, *text;
    fn_option_value value;
    Options &options;

    /* False, after CPLError: that text is wrong. */
    bool Fail(const char *why) const { return Wrong(name, text, why); }
};

/* Takes it. False after CPLError. */
using Take = bool (*)(const Given &given);

struct Row {
    fn_option option;
    Take take;
};
} // namespace

/* Pieces without the quotes around them, or with them where they are SQL. */
static bool TakePieces(const Given &given, char separator, const char *quotes, bool unquote, const char *empty,
                       std::vector<std::string> &out)
{
    for (const std::string &piece : Split(given.text, separator, quotes)) {
        if (piece.empty())
            return given.Fail(empty);
        out.push_back(unquote ? Unquote(piece) : piece);
    }
    return true;
}

static bool TakeNames(const Given &given, std::vector<std::string> &out)
{
    return TakePieces(given, ';', "\"", true, "a name is empty", out);
}

static bool TakeFields(const Given &given, std::vector<std::string> &out)
{
    return TakePieces(given, ',', "\"", true, "field names separated by ',' or * are wanted", out);
}

static bool TakeMatch(const Given &given)
{
    for (const std::string &piece : Split(given.text, ',', "\"")) {
        const std::vector<std::string> sides = Split(piece.c_str(), '=', "\"");
        if (sides.size() > 2 || sides.front().empty() || sides.back().empty())
            return given.Fail("<field>=<near field> is wanted, several pairs separated by ','");
        given.options.match.emplace_back(Unquote(sides.front()), Unquote(sides.back()));
    }
    return true;
}

static bool TakeSettings(const Given &given, CPLStringList &out)
{
    return SplitSettings(given.text, out) ||
           given.Fail("an open option of the input, NAME=VALUE, is wanted, or several separated by ';'");
}

static bool TakeGeometryField(const Given &given, std::string &out)
{
    out = given.text;
    return !out.empty() || given.Fail("the name of a geometry field is wanted");
}

static bool TakeDistance(const Given &given, Distance &out)
{
    char *end = nullptr;
    const double number = CPLStrtod(given.text, &end);
    const std::string unit = Trim(end);
    if (end == given.text || !std::isfinite(number) || number < 0)
        return given.Fail("a distance such as 500, 500m or 2 km is wanted, not negative");
    out.unit = unit.empty() ? nullptr : FindUnit(unit);
    if (unit[0] == ',')
        return given.Fail("decimals stand behind a point: 5.5");
    if (!unit.empty() && !out.unit)
        return given.Fail(("the unit is not known: " + UnitNames() + " are").c_str());
    out.given = true;
    out.value = number;
    out.text = given.text;
    return true;
}

static bool TakeUnit(const Given &given)
{
    given.options.distanceUnit = FindUnit(Trim(given.text));
    return given.options.distanceUnit || given.Fail((UnitNames() + " are known").c_str());
}

/* The value of a flag, or of a choice whose words are in the order of the enumeration. */
template <class Value> static bool Set(const Given &given, Value &out)
{
    out = static_cast<Value>(given.value.whole);
    return true;
}

static const Row kRows[] = {
    {{"NEAR", FN_OPTION_NAMES, nullptr, 0, 0, nullptr,
      "Dataset of the near features; may be repeated, or hold several separated by a semicolon", nullptr},
     [](const Given &g) { return TakeNames(g, g.options.near); }},
    {{"LAYER", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "Layer of the input dataset", nullptr},
     [](const Given &g) { return g.options.layer = g.text, true; }},
    {{"NEAR_LAYER", FN_OPTION_LAYERS, nullptr, 0, 0, nullptr, "Layer of the near dataset; one for all, or one for each",
      nullptr},
     [](const Given &g) { return TakeNames(g, g.options.nearLayers); }},
    {{"WHERE", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "Attribute filter on the input", nullptr},
     [](const Given &g) { return g.options.where = g.text, true; }},
    {{"NEAR_WHERE", FN_OPTION_CONDITIONS, nullptr, 0, 0, nullptr,
      "Attribute filter on the near side; one for all near layers, or one for each", nullptr},
     [](const Given &g) { return TakePieces(g, ';', "'\"", false, "a condition is empty", g.options.nearWhere); }},
    {{"OO", FN_OPTION_SETTINGS, nullptr, 0, 0, nullptr,
      "Open option of the input dataset, NAME=VALUE; may be repeated, or hold several separated by a semicolon",
      nullptr},
     [](const Given &g) { return TakeSettings(g, g.options.inputOptions); }},
    {{"NEAR_OO", FN_OPTION_SETTINGS, nullptr, 0, 0, nullptr, "Open option of the near datasets, likewise", nullptr},
     [](const Given &g) { return TakeSettings(g, g.options.nearInputOptions); }},
    {{"GEOMETRY_FIELD", FN_OPTION_TEXT, nullptr, 0, 0, nullptr,
      "Geometry field of the input, where it has several; by default the first", nullptr},
     [](const Given &g) { return TakeGeometryField(g, g.options.geometryField); }},
    {{"NEAR_GEOMETRY_FIELD", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "Geometry field of the near layers, likewise",
      nullptr},
     [](const Given &g) { return TakeGeometryField(g, g.options.nearGeometryField); }},
    {{"CLOSEST", FN_OPTION_WHOLE, "ALL", 1, UINT32_MAX, "1", "How many near features for each feature, or ALL",
      "a number from 1 or ALL is wanted"},
     [](const Given &g) {
         g.options.closest = g.value.whole == 0 ? kAll : static_cast<size_t>(g.value.whole);
         return true;
     }},
    {{"RADIUS", FN_OPTION_QUANTITY, nullptr, 0, 0, nullptr, "Largest distance, such as 500, 500m or 2 km", nullptr},
     [](const Given &g) { return TakeDistance(g, g.options.radius); }},
    {{"MIN_RADIUS", FN_OPTION_QUANTITY, nullptr, 0, 0, nullptr, "Smallest distance", nullptr},
     [](const Given &g) { return TakeDistance(g, g.options.minRadius); }},
    {{"METHOD", FN_OPTION_CHOICE, "AUTO|PLANAR|GEODESIC", 0, 0, "AUTO",
      "How distances are measured; AUTO: geodesic if the CRS of the input is geographic", nullptr},
     [](const Given &g) { return Set(g, g.options.method); }},
    {{"DISTANCE_UNIT", FN_OPTION_TEXT, nullptr, 0, 0, nullptr,
      "Unit of NEAR_DIST and NEAR_ALONG: mm, cm, m, km, in, ft, us-ft, yd, mi, nmi or deg", nullptr},
     TakeUnit},
    {{"LOCATION", FN_OPTION_FLAG, nullptr, 0, 0, "NO", "Columns FROM_X, FROM_Y, NEAR_X, NEAR_Y", nullptr},
     [](const Given &g) { return Set(g, g.options.location); }},
    {{"ANGLE", FN_OPTION_FLAG, nullptr, 0, 0, "NO", "Column NEAR_ANGLE", nullptr},
     [](const Given &g) { return Set(g, g.options.angle); }},
    {{"ALONG", FN_OPTION_FLAG, nullptr, 0, 0, "NO", "Column NEAR_ALONG", nullptr},
     [](const Given &g) { return Set(g, g.options.along); }},
    {{"EXCLUDE_SELF", FN_OPTION_CHOICE, "AUTO|YES|NO", 0, 0, "AUTO",
      "Whether a feature is no neighbour of its own; AUTO: where both sides are one layer", nullptr},
     [](const Given &g) { return Set(g, g.options.excludeSelf); }},
    {{"MATCH", FN_OPTION_PAIRS, nullptr, 0, 0, nullptr,
      "Pairs of fields that must be equal: field=near field, separated by commas", nullptr},
     TakeMatch},
    {{"UNMATCHED", FN_OPTION_CHOICE, "DROP|NULL", 0, 0, "DROP", "Features without a near feature", nullptr},
     [](const Given &g) { return Set(g, g.options.unmatchedNull); }},
    {{"GEOMETRY", FN_OPTION_CHOICE, "NONE|LINE|FROM|NEAR", 0, 0, "NONE", "Geometry of the rows", nullptr},
     [](const Given &g) { return Set(g, g.options.geometry); }},
    {{"FIELDS", FN_OPTION_FIELDS, nullptr, 0, 0, nullptr,
      "Fields of the input to carry over, separated by commas, or *", nullptr},
     [](const Given &g) { return TakeFields(g, g.options.fields); }},
    {{"NEAR_FIELDS", FN_OPTION_FIELDS, nullptr, 0, 0, nullptr, "Fields of the near features to carry over, or *",
      nullptr},
     [](const Given &g) { return TakeFields(g, g.options.nearFields); }},
    {{"PARTITION_SIZE", FN_OPTION_WHOLE, "AUTO", 1, 1000000000, "AUTO", "Features of the input in a task, or AUTO",
      nullptr},
     [](const Given &g) { return Set(g, g.options.partitionSize); }},
    {{"PARTITION", FN_OPTION_SHARE, nullptr, 0, 0, nullptr, "i/n: only the i-th of n parts of the input", nullptr},
     [](const Given &g) {
         g.options.part = g.value.whole;
         g.options.parts = g.value.second;
         return true;
     }},
};

static const OptionTable &Table()
{
    static const OptionTable table = [] {
        OptionTable rows("NEARTABLE");
        for (const Row &row : kRows)
            rows.Add(row.option);
        return rows;
    }();
    return table;
}

const OptionTable &OpenOptions()
{
    static const OptionTable table = OptionTable(Table()).Add(fn_worker_option_table());
    return table;
}

static bool ParseOption(const char *name, const char *value, Options &o)
{
    fn_error err;
    bool known = false;
    if (fn_worker_options_take(&o.workers, name, strlen(name), value, &known, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_IllegalArg, "NEARTABLE: %s", err.text);
        return false;
    }
    if (known)
        return true;
    if (const fn_option *option = Table().Find(name)) {
        Given given = {option->name, value, {}, o};
        return ReadOption("NEARTABLE", *option, value, given.value) &&
               kRows[option - Table().Rows().data()].take(given);
    }
    if (EQUAL(name, "TRACE"))
        return Wrong("TRACE", value, kTraceIsNoOpenOption);
    return IsForOtherDrivers(name) || FailUnknownOption("NEARTABLE", name);
}

std::string CheckOption(const char *option)
{
    char *key = nullptr;
    const char *value = CPLParseNameValue(option, &key);
    Options options;
    MessageCollector collector;
    const bool ok = !key || !value || ParseOption(key, value, options);
    CPLFree(key);
    if (ok)
        return {};
    const std::string cause = collector.Cause("not understood"), driver = "NEARTABLE: ";
    return cause.compare(0, driver.size(), driver) == 0 ? cause.substr(driver.size()) : cause;
}

void SayNoNear(CPLErr level)
{
    CPLError(level, CPLE_IllegalArg,
             "NEARTABLE: NEAR is not given: -oo NEAR=<dataset>, or NEAR_LAYER=<name> for a layer of the input dataset");
}

bool Options::ParseName(const char *name)
{
    connection = name;
    input = Unquote(Trim(connection.substr(strlen(FN_NEARTABLE_PREFIX))));
    if (input.empty()) {
        CPLError(CE_Failure, CPLE_IllegalArg, "NEARTABLE: there is no dataset behind \"" FN_NEARTABLE_PREFIX "\"");
        return false;
    }
    return true;
}

bool Options::Parse(const char *name, CSLConstList list)
{
    openOptions.Assign(CSLDuplicate(list), TRUE);
    trace = TraceFile();
    if (!ParseName(name))
        return false;
    for (CSLConstList option = list; option && *option; option++) {
        char *key = nullptr;
        const char *value = CPLParseNameValue(*option, &key);
        const bool ok = !key || !value || ParseOption(key, value, *this);
        CPLFree(key);
        if (!ok)
            return false;
    }
    if (near.empty() && nearLayers.empty()) {
        SayNoNear(CE_Failure);
        return false;
    }
    if (near.size() > 1 && nearLayers.size() > 1 && near.size() != nearLayers.size()) {
        CPLError(
            CE_Failure, CPLE_IllegalArg,
            "NEARTABLE: NEAR_LAYER: %d names for %d near datasets: one for all of them, or one for each, is wanted",
            static_cast<int>(nearLayers.size()), static_cast<int>(near.size()));
        return false;
    }
    if (radius.given && minRadius.given && radius.unit == minRadius.unit && minRadius.value > radius.value)
        return Wrong("MIN_RADIUS", minRadius.text.c_str(), ("it is beyond RADIUS=" + radius.text).c_str());
    return true;
}

} // namespace fishnet::neartable
