/* Signed height and area of edges in the cells that they cross: the scheme of font rasterisers.
 *
 * Within a cell an edge from height a to b has the height b - a, and the area of that height between it and the right
 * side of the cell. Edges that lead down count positive. A cell has the sum of areas in it, and of heights left of it.
 *
 * Each edge is cut at rows and columns by its own two ends (determinants at corners of cells): the cut is the same
 * for both polygons beside it, and in each window. Heights are whole units, of vertices by their distance from the
 * row: the heights of a chain sum up to that between its ends, exactly. */
#include <math.h>

#include "walk.h"

/* Where an edge enters or leaves a row: a column of the window and the place within it, 0..1; the column before the
 * window's first stands for all to the left, the one after its last for all to the right. */
typedef struct place {
    double column, inside;
} place;

static inline int64_t units(double share)
{
    return (int64_t)(share * (double)FN_WHOLE);
}

static inline place clipped(const fn_walk *w, double column, double inside)
{
    if (column < w->left)
        return (place){w->left - 1, 0};
    if (column >= w->right)
        return (place){w->right, 0};
    return (place){column, inside};
}

static inline place place_of(const fn_walk *w, double x)
{
    const double column = fn_floor(x);
    return clipped(w, column, x - column);
}

/* How far from the truth a crossing may be, of a cell. */
#define CROSSING_ERROR 0x1p-45

/* Where the edge crosses row y's upper side. The column is exact: a line along a border of cells, or nearly so, is in
 * the cells that it is in. The determinant at the column's corner says how far in it the edge is. */
static place crossing(const fn_walk *w, const fn_edge *e, double y)
{
    const double column = fn_first_column(e, y, 0, false, w->left, w->right + 1) - 1;
    if (column < w->left || column >= w->right)
        return clipped(w, column, 0);
    const double inside = fn_determinant(e, column, y, e->dy * CROSSING_ERROR) / e->dy;
    return (place){column, inside < 0 ? 0 : inside > 1 ? 1 : inside};
}

/* The height, from the row's upper side on, at which the edge crosses the left side of a column, between a and b. */
static inline int64_t height_at(const fn_edge *e, double column, double row, int64_t a, int64_t b)
{
    const double y = -fn_determinant(e, column, row, fabs(e->dx) * CROSSING_ERROR) / e->dx;
    const int64_t height = y > 0 ? y < 1 ? units(y) : FN_WHOLE : 0;
    return height < a ? a : height > b ? b : height;
}

/* A piece of an edge within one cell: its height, with its sign, and the places at its ends. */
static inline void leave(fn_walk *w, double row, double column, int64_t height, double from, double to)
{
    if (column >= w->right)
        return;
    const int32_t at = (int32_t)(row - w->top);
    if (w->is_line) {
        const double dx = to - from, dy = (double)height * 0x1p-60;
        const int64_t length = units(sqrt(dx * dx + dy * dy));
        if (length != 0 && column >= w->left)
            fn_touches_add_area(w->to, at, (int32_t)column, 0, length);
    } else if (height != 0) {
        if (column < w->left)
            w->to->left[at] += height;
        else
            fn_touches_add_area(w->to, at, (int32_t)column, height,
                                (int64_t)((double)height * (1 - 0.5 * (from + to))));
    }
}

/* The piece of an edge within one row, from place p and height a to q and b. */
static void walk_row(fn_walk *w, const fn_edge *e, double row, place p, int64_t a, place q, int64_t b, int sign)
{
    double from = p.inside;
    int64_t height = a;
    if (p.column < q.column)
        for (double column = p.column; column < q.column; column++) {
            const int64_t next = height_at(e, column + 1, row, a, b);
            leave(w, row, column, sign * (next - height), from, 1);
            height = next;
            from = 0;
        }
    else
        for (double column = p.column; column > q.column; column--) {
            const int64_t next = height_at(e, column, row, a, b);
            leave(w, row, column, sign * (next - height), from, 0);
            height = next;
            from = 1;
        }
    leave(w, row, q.column, sign * (b - height), from, q.inside);
}

/* An edge over any number of rows. */
static void walk_edge(fn_walk *w, const double *p, const double *q)
{
    const fn_edge e = fn_edge_of(p, q);
    if (e.y0 >= w->bottom || e.y1 < w->top || (e.y1 == w->top && e.y0 < e.y1) || (e.dy == 0 && !w->is_line))
        return;
    if (e.x0 >= w->right && e.x1 >= w->right)
        return;
    const int sign = p[1] < q[1] ? 1 : -1;
    const bool begins_above = e.y0 < w->top;
    double row = begins_above ? w->top : fn_floor(e.y0);
    place from = begins_above ? crossing(w, &e, row) : place_of(w, e.x0);
    int64_t height = begins_above ? 0 : units(e.y0 - row);
    for (;; row++) {
        const bool ends = e.y1 <= row + 1;
        const place to = ends ? place_of(w, e.x1) : crossing(w, &e, row + 1);
        walk_row(w, &e, row, from, height, to, ends ? units(e.y1 - row) : FN_WHOLE, sign);
        if (ends || row + 1 >= w->bottom)
            break;
        from = to;
        height = 0;
    }
}

/* The edge's heights alone, for what lies left of the window: the same as those of its pieces, or of all edges of a
 * chain between the two ends. */
static void walk_left(void *user, const double *p, const double *q)
{
    fn_walk *w = user;
    const double y0 = p[1] < q[1] ? p[1] : q[1], y1 = p[1] < q[1] ? q[1] : p[1];
    const int sign = p[1] < q[1] ? 1 : -1;
    if (y0 >= w->bottom || y1 <= w->top)
        return;
    double row = y0 < w->top ? w->top : fn_floor(y0);
    for (; row < y1 && row < w->bottom; row++) {
        const int64_t from = y0 > row ? units(y0 - row) : 0;
        const int64_t to = y1 < row + 1 ? units(y1 - row) : FN_WHOLE;
        w->to->left[(size_t)(row - w->top)] += sign * (to - from);
    }
}

#define OUTSIDE (-1)

/* Row << 32 | column of a vertex; OUTSIDE of the window. */
static inline int64_t cell_of(const fn_walk *w, const double *p)
{
    const bool within = p[0] >= w->left && p[0] < w->right && p[1] >= w->top && p[1] < w->bottom;
    return within ? (int64_t)p[1] << 32 | (int64_t)p[0] : OUTSIDE;
}

/* Most edges of a polygon with many vertices stay within their cell. */
static void walk_chain(void *user, const double *xy, size_t n)
{
    fn_walk *w = user;
    int64_t p_cell = cell_of(w, xy);
    for (size_t i = 0; i < n; i++, xy += 2) {
        const double *p = xy, *q = xy + 2;
        const int64_t cell = cell_of(w, q);
        if (cell == p_cell && cell != OUTSIDE) {
            const double row = (double)(cell >> 32), column = (double)(cell & UINT32_MAX);
            leave(w, row, column, units(q[1] - row) - units(p[1] - row), p[0] - column, q[0] - column);
        } else if (p[0] < w->left && q[0] < w->left && !w->is_line)
            walk_left(w, p, q);
        else
            walk_edge(w, p, q);
        p_cell = cell;
    }
}

void fn_walk_fraction(fn_walk *w, const fn_zone *zone)
{
    const fn_visitor visitor = {w->top, w->bottom, w->left, w->right, w->is_line, w, walk_chain, walk_left};
    fn_zone_visit(zone, &visitor);
}
