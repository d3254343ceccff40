/* What a connection string and its open options say, checked and in numbers. Nothing is opened here. */
#ifndef FN_NEARTABLE_OPTIONS_H
#define FN_NEARTABLE_OPTIONS_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <cpl_error.h>
#include <cpl_string.h>

#include "fishnet/job.h"
#include "recipe_file.h"

namespace fishnet
{
const RecipeKind &NearRecipes(); /* in driver.cpp */
}

namespace fishnet::neartable
{

#define FN_NEARTABLE_PREFIX "NEARTABLE:"

/* A unit of distances. */
struct Unit {
    const char *name;
    double metres; /* 0: degrees */
};
/* "m", "KM", "us-ft"; NULL: not a unit. */
const Unit *FindUnit(const std::string &name);
/* All of their names, for messages. */
std::string UnitNames();

/* "500", "500m", "2 km" */
struct Distance {
    bool given = false;
    double value = 0;
    const Unit *unit = nullptr; /* NULL: that of the CRS */
    std::string text;
};

enum class Method { Auto, Planar, Geodesic };
enum class Choice { Auto, Yes, No };
enum class RowGeometry { None, Line, From, Near };

constexpr size_t kAll = SIZE_MAX;

struct Options {
    /* As they were given, for whoever opens the same table again. */
    std::string connection;
    CPLStringList openOptions;

    std::string input;
    std::vector<std::string> near;
    std::string layer;
    std::vector<std::string> nearLayers;
    std::string where;
    std::vector<std::string> nearWhere;
    CPLStringList inputOptions, nearInputOptions; /* open options of the inputs */
    std::string geometryField, nearGeometryField; /* empty: the first */
    size_t closest = 1; /* kAll: ALL */
    Distance radius, minRadius;
    Method method = Method::Auto;
    const Unit *distanceUnit = nullptr;
    bool location = false, angle = false, along = false;
    Choice excludeSelf = Choice::Auto;
    std::vector<std::pair<std::string, std::string>> match; /* input field, near field */
    bool unmatchedNull = false;
    RowGeometry geometry = RowGeometry::None;
    std::vector<std::string> fields, nearFields; /* "*" alone: all */
    fn_worker_options workers = fn_worker_options_default();
    int64_t partitionSize = 0; /* 0: AUTO */
    int64_t part = 1, parts = 1;
    std::string trace; /* see TraceFile() */

    /* Only the connection string. False after CPLError. */
    bool ParseName(const char *name);
    /* False after CPLError, which names the option. */
    bool Parse(const char *name, CSLConstList list);
};

const OptionTable &OpenOptions();

/* That the near side is not given, as a warning or an error. */
void SayNoNear(CPLErr level);

/* What is wrong with one option, KEY=VALUE; empty: nothing. */
std::string CheckOption(const char *option);

} // namespace fishnet::neartable

#endif
