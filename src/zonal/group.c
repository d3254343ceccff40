#include "group.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

bool fn_group_begin(fn_group *group, const fn_window *window)
{
    group->n = 0;
    return fn_reserve(&group->starts, &group->starts_capacity, (size_t)window->height + 2, sizeof *group->starts) &&
           fn_reserve(&group->sums, &group->sums_capacity, (size_t)window->width + 1, sizeof *group->sums);
}

bool fn_group_add(fn_group *group, const fn_cells *spans, size_t n)
{
    if (n == 0)
        return true;
    if (!fn_reserve(&group->found, &group->found_capacity, group->n + n, sizeof *group->found))
        return false;
    memcpy(group->found + group->n, spans, n * sizeof *spans);
    group->n += n;
    return true;
}

/* By counting: the order of zones stays within a row. */
bool fn_group_sort(fn_group *group, const fn_window *window)
{
    const size_t rows = (size_t)window->height;
    if (!fn_reserve(&group->sorted, &group->sorted_capacity, group->n + 1, sizeof *group->sorted))
        return false;
    memset(group->starts, 0, (rows + 2) * sizeof *group->starts);
    for (size_t i = 0; i < group->n; i++)
        group->starts[(size_t)(group->found[i].row - window->y) + 2]++;
    for (size_t row = 2; row < rows + 2; row++)
        group->starts[row] += group->starts[row - 1];
    for (size_t i = 0; i < group->n; i++)
        group->sorted[group->starts[(size_t)(group->found[i].row - window->y) + 1]++] = group->found[i];
    return true;
}

const double *fn_group_sum(fn_group *group, const fn_window *window, size_t row, int64_t *first, int64_t *end)
{
    const fn_cells *spans = group->sorted + group->starts[row];
    const size_t n = group->starts[row + 1] - group->starts[row];
    *first = *end = window->x;
    for (size_t i = 0; i < n; i++) {
        *first = i == 0 || spans[i].column < *first ? spans[i].column : *first;
        *end = spans[i].column + spans[i].count > *end ? spans[i].column + spans[i].count : *end;
    }
    if (n > 0)
        memset(group->sums + (*first - window->x), 0, (size_t)(*end - *first) * sizeof *group->sums);
    for (size_t i = 0; i < n; i++) {
        double *sums = group->sums + (spans[i].column - window->x);
        for (int64_t k = 0; k < spans[i].count; k++)
            sums[k] += spans[i].coverage;
    }
    return group->sums;
}

void fn_group_destroy(fn_group *group)
{
    free(group->found);
    free(group->sorted);
    free(group->starts);
    free(group->sums);
}
