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
static std::vector<std::string> InputSplit(const char *text, char separator, const char *quotes)
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

/* A whole number of digits only, 1..most; 0 otherwise. Moves *text behind it. */
static int64_t ReadWhole(const char **text, int64_t most)
{
    int64_t value = 0;
    while (isdigit(static_cast<unsigned char>(**text))) {
        value = value * 10 + (**text - '0');
        if (value > most)
            return 0;
        ++*text;
    }
    return value;
}

/* ---- one option each; false after CPLError ---- */

static bool ParseNames(const char *name, const char *value, const char *quotes, std::vector<std::string> &out)
{
    for (const std::string &piece : InputSplit(value, ';', quotes)) {
        if (piece.empty())
            return Wrong(name, value, "a name is empty");
        out.push_back(Unquote(piece));
    }
    return true;
}

static bool ParseConditions(const char *name, const char *value, std::vector<std::string> &out)
{
    for (const std::string &piece : InputSplit(value, ';', "'\"")) {
        if (piece.empty())
            return Wrong(name, value, "a condition is empty");
        out.push_back(piece);
    }
    return true;
}

static bool ParseFields(const char *name, const char *value, std::vector<std::string> &out)
{
    for (const std::string &piece : InputSplit(value, ',', "\"")) {
        if (piece.empty())
            return Wrong(name, value, "field names separated by ',' or * are wanted");
        out.push_back(Unquote(piece));
    }
    return true;
}

static bool ParseMatch(const char *name, const char *value, std::vector<std::pair<std::string, std::string>> &out)
{
    for (const std::string &piece : InputSplit(value, ',', "\"")) {
        const std::vector<std::string> sides = InputSplit(piece.c_str(), '=', "\"");
        if (sides.size() > 2 || sides.front().empty() || sides.back().empty())
            return Wrong(name, value, "<field>=<near field> is wanted, several pairs separated by ','");
        out.emplace_back(Unquote(sides.front()), Unquote(sides.back()));
    }
    return true;
}

static bool ParseYes(const char *name, const char *value, bool &out)
{
    const bool yes = EQUAL(value, "YES") || EQUAL(value, "TRUE") || EQUAL(value, "ON") || EQUAL(value, "1");
    const bool no = EQUAL(value, "NO") || EQUAL(value, "FALSE") || EQUAL(value, "OFF") || EQUAL(value, "0");
    if (!yes && !no)
        return Wrong(name, value, "YES or NO is wanted");
    out = yes;
    return true;
}

static bool ParseDistance(const char *name, const char *value, Distance &out)
{
    char *end = nullptr;
    const double number = CPLStrtod(value, &end);
    const std::string unit = Trim(end);
    if (end == value || !std::isfinite(number) || number < 0)
        return Wrong(name, value, "a distance such as 500, 500m or 2 km is wanted, not negative");
    out.unit = unit.empty() ? nullptr : FindUnit(unit);
    if (unit[0] == ',')
        return Wrong(name, value, "decimals stand behind a point: 5.5");
    if (!unit.empty() && !out.unit)
        return Wrong(name, value, ("the unit is not known: " + UnitNames() + " are").c_str());
    out.given = true;
    out.value = number;
    out.text = value;
    return true;
}

static bool ParseClosest(const char *name, const char *value, size_t &out)
{
    out = kAll;
    if (EQUAL(value, "ALL"))
        return true;
    const char *end = value;
    const int64_t k = ReadWhole(&end, UINT32_MAX);
    if (k < 1 || *end)
        return Wrong(name, value, "a number from 1 or ALL is wanted");
    out = static_cast<size_t>(k);
    return true;
}

static bool ParsePartition(const char *name, const char *value, int64_t &part, int64_t &parts)
{
    constexpr int64_t kMost = 1000000000;
    const char *end = value;
    part = ReadWhole(&end, kMost);
    parts = part > 0 && *end == '/' ? ReadWhole(&++end, kMost) : 0;
    if (part < 1 || parts < part || *end)
        return Wrong(name, value, "<i>/<n> such as 1/4 is wanted, with i from 1 to n");
    return true;
}

template <class Enum> struct Word {
    const char *text;
    Enum value;
};

template <class Enum, size_t N>
static bool ParseWord(const char *name, const char *value, const Word<Enum> (&words)[N], Enum &out)
{
    std::string wanted;
    for (size_t i = 0; i < N; i++) {
        if (EQUAL(value, words[i].text)) {
            out = words[i].value;
            return true;
        }
        wanted += (i == 0 ? "" : i + 1 < N ? ", " : " or ") + std::string(words[i].text);
    }
    return Wrong(name, value, (wanted + " is wanted").c_str());
}

static constexpr Word<Method> kMethods[] = {
    {"AUTO", Method::Auto}, {"PLANAR", Method::Planar}, {"GEODESIC", Method::Geodesic}};
static constexpr Word<Choice> kChoices[] = {{"AUTO", Choice::Auto}, {"YES", Choice::Yes}, {"NO", Choice::No}};
static constexpr Word<bool> kUnmatched[] = {{"DROP", false}, {"NULL", true}};
static constexpr Word<RowGeometry> kGeometries[] = {
    {"NONE", RowGeometry::None}, {"LINE", RowGeometry::Line}, {"FROM", RowGeometry::From}, {"NEAR", RowGeometry::Near}};

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
    if (EQUAL(name, "NEAR"))
        return ParseNames("NEAR", value, "\"", o.near);
    if (EQUAL(name, "LAYER")) {
        o.layer = value;
        return true;
    }
    if (EQUAL(name, "NEAR_LAYER"))
        return ParseNames("NEAR_LAYER", value, "\"", o.nearLayers);
    if (EQUAL(name, "WHERE")) {
        o.where = value;
        return true;
    }
    if (EQUAL(name, "NEAR_WHERE"))
        return ParseConditions("NEAR_WHERE", value, o.nearWhere);
    if (EQUAL(name, "OO") || EQUAL(name, "NEAR_OO"))
        return SplitSettings(value, EQUAL(name, "OO") ? o.inputOptions : o.nearInputOptions) ||
               Wrong(name, value, "an open option of the input, NAME=VALUE, is wanted, or several separated by ';'");
    if (EQUAL(name, "GEOMETRY_FIELD") || EQUAL(name, "NEAR_GEOMETRY_FIELD")) {
        (EQUAL(name, "GEOMETRY_FIELD") ? o.geometryField : o.nearGeometryField) = value;
        return *value || Wrong(name, value, "the name of a geometry field is wanted");
    }
    if (EQUAL(name, "CLOSEST"))
        return ParseClosest("CLOSEST", value, o.closest);
    if (EQUAL(name, "RADIUS"))
        return ParseDistance("RADIUS", value, o.radius);
    if (EQUAL(name, "MIN_RADIUS"))
        return ParseDistance("MIN_RADIUS", value, o.minRadius);
    if (EQUAL(name, "METHOD"))
        return ParseWord("METHOD", value, kMethods, o.method);
    if (EQUAL(name, "DISTANCE_UNIT")) {
        o.distanceUnit = FindUnit(Trim(value));
        return o.distanceUnit || Wrong("DISTANCE_UNIT", value, (UnitNames() + " are known").c_str());
    }
    if (EQUAL(name, "LOCATION"))
        return ParseYes("LOCATION", value, o.location);
    if (EQUAL(name, "ANGLE"))
        return ParseYes("ANGLE", value, o.angle);
    if (EQUAL(name, "ALONG"))
        return ParseYes("ALONG", value, o.along);
    if (EQUAL(name, "EXCLUDE_SELF"))
        return ParseWord("EXCLUDE_SELF", value, kChoices, o.excludeSelf);
    if (EQUAL(name, "MATCH"))
        return ParseMatch("MATCH", value, o.match);
    if (EQUAL(name, "UNMATCHED"))
        return ParseWord("UNMATCHED", value, kUnmatched, o.unmatchedNull);
    if (EQUAL(name, "GEOMETRY"))
        return ParseWord("GEOMETRY", value, kGeometries, o.geometry);
    if (EQUAL(name, "FIELDS"))
        return ParseFields("FIELDS", value, o.fields);
    if (EQUAL(name, "NEAR_FIELDS"))
        return ParseFields("NEAR_FIELDS", value, o.nearFields);
    if (EQUAL(name, "PARTITION_SIZE")) {
        const char *end = value;
        o.partitionSize = EQUAL(value, "AUTO") ? 0 : ReadWhole(&end, 1000000000);
        return EQUAL(value, "AUTO") || (o.partitionSize > 0 && !*end) ||
               Wrong("PARTITION_SIZE", value, "a number from 1 to 1000000000 or AUTO is wanted");
    }
    if (EQUAL(name, "PARTITION"))
        return ParsePartition("PARTITION", value, o.part, o.parts);
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
