/* Spans of several zones that count as one, summed up row by row. */
#ifndef FN_ZONAL_GROUP_H
#define FN_ZONAL_GROUP_H

#include "fishnet/coverage.h"

typedef struct fn_group {
    fn_cells *found, *sorted; /* in the order of zones; by row, then in that order */
    size_t n, found_capacity, sorted_capacity;
    size_t *starts; /* of each row in sorted, and the end */
    size_t starts_capacity;
    double *sums; /* of the cells of a row of the window */
    size_t sums_capacity;
} fn_group;

/* False: out of memory, as in the next two. */
bool fn_group_begin(fn_group *group, const fn_window *window);
bool fn_group_add(fn_group *group, const fn_cells *spans, size_t n);
/* All have been added. */
bool fn_group_sort(fn_group *group, const fn_window *window);
/* The coverage of the cells of a row, summed up in the order of zones: of those from column *first to *end; beyond
 * there is none. The first number is that of the window's first column. Lasts until the next call. */
const double *fn_group_sum(fn_group *group, const fn_window *window, size_t row, int64_t *first, int64_t *end);
void fn_group_destroy(fn_group *group);

#endif
