/* The classes of zones, HISTOGRAM=LONG and WIDE: which cells have which value. */
#ifndef FN_ZONALSTATS_CLASSES_H
#define FN_ZONALSTATS_CLASSES_H

#include <limits>
#include <memory>

#include "pass_results.h"

namespace fishnet::zonalstats
{

/* ---- a row for each (LONG) ---- */

/* As slots of the schema have them: integers, or the bytes of doubles. */
struct ClassRow {
    int64_t value, count;
    double area;
};

/* Of a zone, ascending by value. */
struct ZoneClasses {
    std::unique_ptr<ClassRow[]> rows;
    double total = std::numeric_limits<double>::quiet_NaN(); /* cells of all; NaN: the zone has no statistics */
    uint32_t count = 0;
};

/* stats: NULL: there is no cell. False: the column cannot hold tooLarge. */
bool TakeClasses(const fn_zone_stats *stats, bool valueIsInteger, bool countIsInteger, ZoneClasses &out,
                 double &tooLarge);

/* ---- a column for each (WIDE) ---- */

/* The values of a plane, ascending. */
using ClassValues = std::vector<fn_stat_value>;
constexpr size_t kWideMost = 256;

/* Finds the values of each plane by a pass over the rasters, with those workers. source: of the table. False after
 * CPLError. */
bool FindValues(const std::shared_ptr<const Rasters> &rasters, const ZonalOptions &options, const Source &source,
                const fn_worker_options &workers, std::vector<ClassValues> &values);
/* The name of the column: VALUE_-3. */
std::string ColumnOf(const fn_stat_value &value);
/* Counts of a zone, one for each value, as slots. stats: NULL: there is no cell. */
fn_status CountClasses(const fn_zone_stats *stats, const ClassValues &values, bool countIsInteger, int64_t *to,
                       fn_error *err);

} // namespace fishnet::zonalstats

#endif
