/* The area of each class, where that of a cell differs from row to row. It is kept as tallies keep how much is covered:
 * a bin's cover is the area, in cells of 2^16 and more to the largest cell. In steps of 2^-52 of these whatever is at
 * least 2^-15 of the largest cell is exact, so that sums of whole cells are, in any order. */
#ifndef FN_CLASS_AREAS_H
#define FN_CLASS_AREAS_H

#include "page.h"

/* What areas are multiplied with, a power of two: it brings the largest to 2^16..2^17. */
double fn_area_scale(double largest);
/* Adds the classes of the page's values, listed by fn_page_list_values() without ranges, to `areas`, and joins them.
 * row: a tally that may be used. False: out of memory. */
bool fn_class_areas_add(fn_tally *areas, const fn_page *page, const fn_stats_plan *plan, const fn_stats_window *window,
                        fn_tally *row);
/* A bin's cover as an area. */
double fn_class_area(const fn_stats_plan *plan, fn_cover cover);

#endif
