/* What a connection string and its open options say, checked and in numbers. Nothing is opened here. */
#ifndef FN_NEARTABLE_OPTIONS_H
#define FN_NEARTABLE_OPTIONS_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "table_options.h"

namespace fishnet::neartable
{

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

struct Options final : TableOptions {
    std::vector<std::string> near;
    std::vector<std::string> nearLayers;
    std::vector<std::string> nearWhere;
    CPLStringList nearInputOptions; /* open options of the near datasets */
    std::string nearGeometryField;  /* empty: the first */
    size_t closest = 1;             /* kAll: ALL */
    Distance radius, minRadius;
    Method method = Method::Auto;
    const Unit *distanceUnit = nullptr;
    bool location = false, angle = false, along = false;
    Choice excludeSelf = Choice::Auto;
    std::vector<std::pair<std::string, std::string>> match; /* input field, near field */
    bool unmatchedNull = false;
    RowGeometry geometry = RowGeometry::None;
    std::vector<std::string> nearFields; /* "*" alone: all */

    std::vector<std::string> OtherInputs() const override { return near; }

  private:
    bool Take(size_t index, const GivenOption &given) override;
    bool Check() const override;
};

/* The table's own options. */
fn_option_table OwnOptions();

/* That the near side is not given, as a warning or an error. */
void SayNoNear(CPLErr level);

} // namespace fishnet::neartable

#endif
