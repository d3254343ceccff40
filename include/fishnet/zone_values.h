/* fishnet/zone_values.h - zones that a raster gives: the cells of a window by the number that each has there.
 *
 *     fn_zone_values *values;
 *     fn_zone_values_new(&values, NULL);
 *     uint8_t classes[4] = {7, 7, 3, 7};
 *     fn_zone_values_find(values, FN_UINT8, classes, NULL, (fn_nodata){.set = false},
 *                         (fn_window){0, 0, 2, 2}, NULL);
 *     for (size_t i = 0; i < fn_zone_values_count(values); i++) {
 *         size_t n;
 *         const fn_cells *cells = fn_zone_values_cells(values, i, &n);
 *         int64_t zone = fn_zone_values_zone(values, i);
 *         ; // 3: the cell (1, 0); 7: cells (0, 0) and (0, 1), and (1, 1)
 *     }
 */
#ifndef FISHNET_ZONE_VALUES_H
#define FISHNET_ZONE_VALUES_H

#include "fishnet/grid.h"
#include "fishnet/zonal_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Memory of one thread: it grows with the largest window, up to 48 bytes a cell. */
typedef struct fn_zone_values fn_zone_values;

fn_status fn_zone_values_new(fn_zone_values **out, fn_error *err);
void fn_zone_values_free(fn_zone_values *values); /* NULL is fine */

/* Takes a window apart. numbers: of an integer type, row by row without gaps. valid: 0 where a cell is of no zone;
 * NULL: all are. nodata: the number that is no zone, if it is set; of the type. What was found before is gone. Takes
 * the time of the cells, and of sorting the different numbers. FN_ERR_ARGUMENT: a real type, or a window beyond rows
 * and columns 0..INT32_MAX. FN_ERR_VALUE: a number is beyond INT64_MAX. FN_ERR_MEMORY. There are no zones then. */
fn_status fn_zone_values_find(fn_zone_values *values, fn_type type, const void *numbers, const uint8_t *valid,
                              fn_nodata nodata, fn_window window, fn_error *err);

/* How many different numbers there are; the i-th, ascending; its cells, as runs in the order of fn_stats_collect(),
 * which last until the next window. */
size_t fn_zone_values_count(const fn_zone_values *values);
int64_t fn_zone_values_zone(const fn_zone_values *values, size_t i);
const fn_cells *fn_zone_values_cells(const fn_zone_values *values, size_t i, size_t *n);

#ifdef __cplusplus
}
#endif
#endif
