/* Centres of cells, and cells that an edge passes through: both by exact tests. */
#include "walk.h"

/* The first row of the window whose centre is at y or below; w->bottom if there is none. */
static inline double center_row(const fn_walk *w, double y)
{
    if (y <= w->top + 0.5)
        return w->top;
    if (y > w->bottom - 0.5)
        return w->bottom;
    const double row = fn_floor(y);
    return row + 0.5 < y ? row + 1 : row;
}

/* Centre rows [from, to) of an edge. Centres on it, and right of it, are one winding further. */
static void wind(fn_walk *w, const double *p, const double *q, double from, double to)
{
    const fn_edge e = fn_edge_of(p, q);
    const int sign = p[1] < q[1] ? 1 : -1;
    for (double row = from; row < to; row++) {
        const double column = fn_first_column(&e, row + 0.5, 0.5, true, w->left, w->right);
        if (column == w->left)
            w->to->left[(size_t)(row - w->top)] += sign;
        else if (column < w->right)
            fn_touches_add_pass(w->to, (int32_t)(row - w->top), (int32_t)column, sign, 0);
    }
}

static void wind_left(void *user, const double *p, const double *q)
{
    fn_walk *w = user;
    const double a = center_row(w, p[1]), b = center_row(w, q[1]);
    const int sign = a < b ? 1 : -1;
    for (double row = a < b ? a : b; row < (a < b ? b : a); row++)
        w->to->left[(size_t)(row - w->top)] += sign;
}

static void wind_chain(void *user, const double *xy, size_t n)
{
    fn_walk *w = user;
    double from = center_row(w, xy[1]);
    for (size_t i = 0; i < n; i++, xy += 2) {
        const double to = center_row(w, xy[3]);
        if (from < to)
            wind(w, xy, xy + 2, from, to);
        else if (to < from)
            wind(w, xy, xy + 2, to, from);
        from = to;
    }
}

/* An edge passes through the cells of columns [begin, end) of a row. Nothing is added if the edge before it has passed
 * through all of them. */
static void pass(fn_walk *w, double row, double begin, double end)
{
    begin = begin > w->left ? begin : w->left;
    end = end < w->right ? end : w->right;
    if (begin >= end)
        return;
    const int32_t at = (int32_t)(row - w->top), from = (int32_t)begin, to = (int32_t)end;
    if (at == w->row && from >= w->begin && to <= w->end)
        return;
    w->row = at;
    w->begin = from;
    w->end = to;
    fn_touches_add_pass(w->to, at, from, 0, to);
}

/* The edge's x where it crosses a row's upper side, rounded down and up, within the window and a column beyond. */
static double crossing_floor(const fn_walk *w, const fn_edge *e, double y)
{
    return fn_first_column(e, y, 0, false, w->left, w->right + 1) - 1;
}

static double crossing_ceil(const fn_walk *w, const fn_edge *e, double y)
{
    return fn_first_column(e, y, 0, true, w->left, w->right);
}

/* Within a row the edge passes through the cells between its x at both ends, which it meets nowhere else: it has a
 * height there. A line along a side of cells counts in those to the right. */
static void pass_rows(fn_walk *w, const fn_edge *e)
{
    const bool leads_right = e->x0 <= e->x1;
    double row = e->y0 < w->top ? w->top : fn_floor(e->y0);
    for (; row < e->y1 && row < w->bottom; row++) {
        const bool begins = e->y0 >= row, ends = e->y1 <= row + 1;
        const double begin = leads_right ? begins ? fn_floor(e->x0) : crossing_floor(w, e, row)
                             : ends ? fn_floor(e->x1)
                                         : crossing_floor(w, e, row + 1);
        const double end = leads_right ? ends ? fn_ceil(e->x1) : crossing_ceil(w, e, row + 1)
                           : begins ? fn_ceil(e->x0)
                                       : crossing_ceil(w, e, row);
        pass(w, row, begin, w->is_line && e->x0 == e->x1 && begin == end ? begin + 1 : end);
    }
}

/* Whether a vertex lies in the cells that the last edge passed through, and not on their sides. */
static inline bool is_amid(const fn_walk *w, const double *p)
{
    return p[0] > w->begin && p[0] < w->end && p[1] > w->top + w->row && p[1] < w->top + w->row + 1;
}

static void pass_edge(fn_walk *w, const double *p, const double *q)
{
    if (is_amid(w, p) && is_amid(w, q))
        return;
    const fn_edge e = fn_edge_of(p, q);
    if (e.y0 >= w->bottom || e.y1 < w->top || (e.x0 >= w->right && e.x1 >= w->right) ||
        (e.x0 < w->left && e.x1 < w->left))
        return;
    if (e.y0 < e.y1) {
        pass_rows(w, &e);
        return;
    }
    const double row = fn_floor(e.y0);
    if (e.x0 < e.x1 && (row < e.y0 || w->is_line))
        pass(w, row, fn_floor(e.x0), fn_ceil(e.x1));
}

static void touch_chain(void *user, const double *xy, size_t n)
{
    fn_walk *w = user;
    for (size_t i = 0; i < n; i++)
        pass_edge(w, xy + 2 * i, xy + 2 * i + 2);
    if (!w->is_line)
        wind_chain(w, xy, n);
}

void fn_walk_center(fn_walk *w, const fn_zone *zone)
{
    const fn_visitor visitor = {w->top, w->bottom, w->left, w->right, false, w, wind_chain, wind_left};
    fn_zone_visit(zone, &visitor);
}

void fn_walk_touched(fn_walk *w, const fn_zone *zone)
{
    const fn_visitor visitor = {w->top, w->bottom, w->left, w->right, w->is_line, w, touch_chain, wind_left};
    w->row = -1;
    fn_zone_visit(zone, &visitor);
}
