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

/* ---- the options ---- */

namespace
{
/* An option that is given, and what takes it. */
struct Given : GivenOption {
    Given(const GivenOption &given, Options &theOptions) : GivenOption(given), options(theOptions) {}
    Options &options;
};

/* Takes it. False after CPLError. */
using Taker = bool (*)(const Given &given);
} // namespace

static bool TakeMatch(const Given &given)
{
    for (const std::string &piece : SplitOutsideQuotes(given.text, ',', "\"")) {
        const std::vector<std::string> sides = SplitOutsideQuotes(piece.c_str(), '=', "\"");
        if (sides.size() > 2 || sides.front().empty() || sides.back().empty())
            return given.Fail("expected <field>=<near field>, several pairs separated by ','");
        given.options.match.emplace_back(Unquoted(sides.front()), Unquoted(sides.back()));
    }
    return true;
}

static bool TakeDistance(const Given &given, Distance &out)
{
    char *end = nullptr;
    const double number = CPLStrtod(given.text, &end);
    const std::string unit = Trimmed(end);
    if (end == given.text || !std::isfinite(number) || number < 0)
        return given.Fail("expected a distance such as 500, 500m or 2 km, not negative");
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
    given.options.distanceUnit = FindUnit(Trimmed(given.text));
    return given.options.distanceUnit || given.Fail((UnitNames() + " are known").c_str());
}

/* The value of a flag, or of a choice whose words are in the order of the enumeration. */
template <class Value> static bool Set(const Given &given, Value &out)
{
    out = static_cast<Value>(given.value.whole);
    return true;
}

namespace
{
struct OwnRow {
    fn_option option;
    Taker take;
};
} // namespace

static const OwnRow kRows[] = {
    {{"NEAR", FN_OPTION_NAMES, nullptr, 0, 0, nullptr,
      "Dataset of the near features; may be repeated, or hold several separated by a semicolon", nullptr},
     [](const Given &g) { return g.TakeNames(g.options.near); }},
    {{"NEAR_LAYER", FN_OPTION_LAYERS, nullptr, 0, 0, nullptr, "Layer of the near dataset; one for all, or one for each",
      nullptr},
     [](const Given &g) { return g.TakeNames(g.options.nearLayers); }},
    {{"NEAR_WHERE", FN_OPTION_CONDITIONS, nullptr, 0, 0, nullptr,
      "Attribute filter on the near side; one for all near layers, or one for each", nullptr},
     [](const Given &g) { return g.TakePieces(';', "'\"", false, "a condition is empty", g.options.nearWhere); }},
    {{"NEAR_OO", FN_OPTION_SETTINGS, nullptr, 0, 0, nullptr, "Open option of the near datasets, likewise", nullptr},
     [](const Given &g) { return g.TakeSettings(g.options.nearInputOptions); }},
    {{"NEAR_GEOMETRY_FIELD", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "Geometry field of the near layers, likewise",
      nullptr},
     [](const Given &g) { return g.TakeGeometryField(g.options.nearGeometryField); }},
    {{"CLOSEST", FN_OPTION_WHOLE, "ALL", 1, UINT32_MAX, "1", "How many near features for each feature, or ALL",
      "expected a number from 1, or ALL"},
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
    {{"NEAR_FIELDS", FN_OPTION_FIELDS, nullptr, 0, 0, nullptr, "Fields of the near features to carry over, or *",
      nullptr},
     [](const Given &g) { return g.TakeFields(g.options.nearFields); }},
};

fn_option_table OwnOptions()
{
    static const std::vector<fn_option> options = [] {
        std::vector<fn_option> own;
        for (const OwnRow &row : kRows)
            own.push_back(row.option);
        return own;
    }();
    return {options.data(), options.size()};
}

bool Options::Take(size_t index, const GivenOption &given)
{
    return kRows[index].take({given, *this});
}

void SayNoNear(CPLErr level)
{
    CPLError(level, CPLE_IllegalArg,
             "NEARTABLE: NEAR is not given: -oo NEAR=<dataset>, or NEAR_LAYER=<name> for a layer of the input dataset");
}

bool Options::Check() const
{
    if (near.empty() && nearLayers.empty()) {
        SayNoNear(CE_Failure);
        return false;
    }
    if (near.size() > 1 && nearLayers.size() > 1 && near.size() != nearLayers.size()) {
        CPLError(
            CE_Failure, CPLE_IllegalArg,
            "NEARTABLE: NEAR_LAYER: %d names for %d near datasets: expected one for all of them, or one for each",
            static_cast<int>(nearLayers.size()), static_cast<int>(near.size()));
        return false;
    }
    if (radius.given && minRadius.given && radius.unit == minRadius.unit && minRadius.value > radius.value)
        return GivenOption{"NEARTABLE", "MIN_RADIUS", minRadius.text.c_str(), {}}.Fail(
            ("it is beyond RADIUS=" + radius.text).c_str());
    return true;
}

} // namespace fishnet::neartable
