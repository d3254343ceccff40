#include "fishnet/coverage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "group.h"
#include "walk.h"
#include "window.h"

struct fn_coverage {
    fn_touches touches;
    fn_group group;
    fn_cells *spans;
    size_t n_spans, spans_capacity;
    int64_t last_row, last_end; /* of the last span, as is the next */
    double last_coverage;
    bool consistent;
};

/* 1e-9 of a cell, about. */
#define ROUNDING (FN_WHOLE >> 30)

static bool reserve_spans(fn_coverage *c, size_t n)
{
    return fn_reserve(&c->spans, &c->spans_capacity, c->n_spans + n, sizeof *c->spans);
}

/* Adds a run of cells, for which there is room; joins it with the one before if that is covered alike. */
static void add_span(fn_coverage *c, int64_t row, int64_t column, int64_t end, double coverage)
{
    const bool joins = c->last_row == row && c->last_end == column && c->last_coverage == coverage && c->n_spans > 0;
    c->last_row = row;
    c->last_end = end;
    c->last_coverage = coverage;
    if (joins)
        c->spans[c->n_spans - 1].count += end - column;
    else
        c->spans[c->n_spans++] = (fn_cells){row, column, end - column, coverage};
}

/* ---- the sum along a row ---- */

static void add_fraction(fn_coverage *c, int64_t row, int64_t column, int64_t end, fn_int128 sum, bool is_line)
{
    if (column >= end || sum == 0)
        return;
    if (!is_line && (sum < -ROUNDING || sum > FN_WHOLE + ROUNDING))
        c->consistent = false;
    if (sum < 0)
        return;
    const double cells = is_line ? (double)sum : (double)(int64_t)(sum < FN_WHOLE ? sum : FN_WHOLE);
    add_span(c, row, column, end, cells * 0x1p-60);
}

static bool sum_fractions(fn_coverage *c, const fn_window *window, size_t row, bool is_line)
{
    const fn_touches *t = &c->touches;
    const int64_t y = window->y + (int64_t)row, right = window->x + window->width;
    const size_t end = t->starts[row + 1];
    int64_t column = window->x;
    fn_int128 sum = t->left[row];
    if (!reserve_spans(c, 2 * (end - t->starts[row]) + 1))
        return false;
    for (size_t i = t->starts[row]; i < end;) {
        const int64_t at = fn_touch_column(t->sorted[i]);
        add_fraction(c, y, column, at, sum, is_line);
        fn_int128 area = 0, height = 0;
        for (; i < end && fn_touch_column(t->sorted[i]) == at; i++) {
            const fn_touch *touch = fn_touch_of(t, t->sorted[i]);
            area += touch->area;
            height += touch->height;
        }
        add_fraction(c, y, at, at + 1, sum + area, is_line);
        sum += height;
        column = at + 1;
    }
    add_fraction(c, y, column, right, sum, is_line);
    return true;
}

/* Cells [column, end) of a winding; an edge has passed through those up to `passed`. */
static void add_counted(fn_coverage *c, int64_t row, int64_t column, int64_t end, fn_int128 winding, int64_t passed)
{
    if (column >= end)
        return;
    if (winding != 0 && winding != 1)
        c->consistent = false;
    const int64_t last = winding > 0 || passed > end ? end : passed;
    if (column < last)
        add_span(c, row, column, last, 1);
}

static bool sum_counts(fn_coverage *c, const fn_window *window, size_t row)
{
    const fn_touches *t = &c->touches;
    const int64_t y = window->y + (int64_t)row;
    int64_t column = window->x, passed = column;
    const size_t end = t->starts[row + 1];
    fn_int128 winding = t->left[row];
    if (!reserve_spans(c, end - t->starts[row] + 1))
        return false;
    for (size_t i = t->starts[row]; i < end; i++) {
        const fn_touch *touch = fn_touch_of(t, t->sorted[i]);
        add_counted(c, y, column, touch->column, winding, passed);
        winding += touch->winding;
        passed = touch->end > passed ? touch->end : passed;
        column = touch->column;
    }
    add_counted(c, y, column, window->x + window->width, winding, passed);
    return true;
}

/* ---- a window ---- */

static bool find_points(fn_coverage *c, const fn_zone *zone, const fn_window *window)
{
    size_t first = 0;
    for (size_t n = zone->n_cells; n > 0;) {
        const size_t half = n / 2;
        if (zone->cells[first + half].row < window->y) {
            first += half + 1;
            n -= half + 1;
        } else
            n = half;
    }
    for (; first < zone->n_cells && zone->cells[first].row < window->y + window->height; first++) {
        const int64_t column = zone->cells[first].column;
        if (column < window->x || column >= window->x + window->width)
            continue;
        if (!reserve_spans(c, 1))
            return false;
        add_span(c, zone->cells[first].row, column, column + 1, 1);
    }
    return true;
}

static bool find_cells(fn_coverage *c, const fn_zone *zone, fn_pixels pixels, const fn_window *window)
{
    const size_t rows = (size_t)window->height;
    const bool is_line = zone->kind == FN_ZONE_LINES;
    fn_walk walk = {.to = &c->touches,
                    .top = (double)window->y,
                    .bottom = (double)(window->y + window->height),
                    .left = (double)window->x,
                    .right = (double)(window->x + window->width),
                    .is_line = is_line};
    if (!fn_touches_begin(&c->touches, rows))
        return false;
    if (pixels == FN_PIXELS_FRACTION)
        fn_walk_fraction(&walk, zone);
    else if (pixels == FN_PIXELS_CENTER && !is_line)
        fn_walk_center(&walk, zone);
    else
        fn_walk_touched(&walk, zone);
    if (!fn_touches_sort(&c->touches, rows))
        return false;
    for (size_t row = 0; row < rows; row++)
        if (pixels == FN_PIXELS_FRACTION ? !sum_fractions(c, window, row, is_line) : !sum_counts(c, window, row))
            return false;
    return true;
}

fn_status fn_coverage_find(fn_coverage *coverage, const fn_zone *zone, fn_pixels pixels, fn_window window,
                           const fn_cells **spans, size_t *n, bool *consistent, fn_error *err)
{
    *spans = NULL;
    *n = 0;
    *consistent = true;
    coverage->n_spans = 0;
    coverage->consistent = !zone->crosses;
    if (!fn_window_is_within(window, err))
        return FN_ERR_ARGUMENT;
    const fn_window cut = fn_window_overlap(window, zone->extent);
    if (cut.height > 0 &&
        (zone->kind == FN_ZONE_POINTS ? !find_points(coverage, zone, &cut) : !find_cells(coverage, zone, pixels, &cut)))
        return fn_fail(err, FN_ERR_MEMORY, "out of memory for the cells of a zone in a window of %lld x %lld",
                       (long long)window.width, (long long)window.height);
    *spans = coverage->spans;
    *n = coverage->n_spans;
    *consistent = coverage->consistent;
    return FN_OK;
}

/* ---- several zones as one ---- */

/* The cells of the window's row that the group has. */
static bool add_row(fn_coverage *c, const fn_window *window, size_t row, double most)
{
    int64_t first, end;
    const double *sums = fn_group_sum(&c->group, window, row, &first, &end);
    if (!reserve_spans(c, (size_t)(end - first)))
        return false;
    for (int64_t column = first; column < end;) {
        const int64_t begin = column;
        const double sum = sums[column - window->x], coverage = sum < most ? sum : most;
        while (column < end && (sums[column - window->x] < most ? sums[column - window->x] : most) == coverage)
            column++;
        if (coverage > 0)
            add_span(c, window->y + (int64_t)row, begin, column, coverage);
    }
    return true;
}

fn_status fn_coverage_find_group(fn_coverage *coverage, const fn_zone *const *zones, size_t n_zones, fn_pixels pixels,
                                 fn_window window, const fn_cells **spans, size_t *n, bool *consistent, fn_error *err)
{
    *n = 0;
    if (!fn_window_is_within(window, err))
        return FN_ERR_ARGUMENT;
    bool all_consistent = true, good = fn_group_begin(&coverage->group, &window);
    double most = 1;
    for (size_t i = 0; i < n_zones && good; i++) {
        if (fn_coverage_find(coverage, zones[i], pixels, window, spans, n, consistent, err) != FN_OK)
            return err->status;
        all_consistent = all_consistent && *consistent;
        if (zones[i]->kind == FN_ZONE_LINES && pixels == FN_PIXELS_FRACTION)
            most = HUGE_VAL;
        good = fn_group_add(&coverage->group, *spans, *n);
    }
    good = good && fn_group_sort(&coverage->group, &window);
    coverage->n_spans = 0;
    for (size_t row = 0; good && row < (size_t)window.height; row++)
        good = add_row(coverage, &window, row, most);
    *spans = coverage->spans;
    *n = good ? coverage->n_spans : 0;
    *consistent = all_consistent;
    return good ? FN_OK
                : fn_fail(err, FN_ERR_MEMORY, "out of memory for the cells of a zone in a window of %lld x %lld",
                          (long long)window.width, (long long)window.height);
}

fn_status fn_coverage_new(fn_coverage **out, fn_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? FN_OK : fn_fail(err, FN_ERR_MEMORY, "out of memory for the coverage of zones");
}

void fn_coverage_free(fn_coverage *coverage)
{
    if (!coverage)
        return;
    fn_touches_destroy(&coverage->touches);
    fn_group_destroy(&coverage->group);
    free(coverage->spans);
    free(coverage);
}
