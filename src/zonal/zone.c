#include "zone.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "orientation.h"
#include "shape.h"

/* The largest whole number of rows or columns of a window. */
#define CELLS_MAX ((double)INT32_MAX)

/* An hourglass within a cell or two may cancel out, so that its coverages show nothing. */
#define FEW_CELLS 3

/* ---- to pixel space ---- */

typedef struct grid_frame {
    double g[6];
    double determinant;
} grid_frame;

static bool frame_of(const double geotransform[6], grid_frame *frame)
{
    memcpy(frame->g, geotransform, sizeof frame->g);
    const double *g = frame->g;
    frame->determinant = g[1] * g[5] - g[2] * g[4];
    for (int i = 0; i < 6; i++)
        if (!isfinite(g[i]))
            return false;
    return isfinite(frame->determinant) && frame->determinant != 0;
}

/* A coordinate that all later arithmetic can take exactly: see orientation.h. */
static double tamed(double v)
{
    if (fabs(v) < 0x1p-48)
        return v + 0x1.8p-48 - 0x1.8p-48;
    return v > 0x1p400 ? 0x1p400 : v < -0x1p400 ? -0x1p400 : v;
}

/* False: it is not finite there. */
static bool to_pixels(const grid_frame *frame, const double *from, double *to)
{
    const double *g = frame->g, x = from[0] - g[0], y = from[1] - g[3];
    double column, row;
    if (g[2] == 0 && g[4] == 0) {
        column = x / g[1];
        row = y / g[5];
    } else {
        column = (x * g[5] - y * g[2]) / frame->determinant;
        row = (y * g[1] - x * g[4]) / frame->determinant;
    }
    if (!isfinite(column) || !isfinite(row))
        return false;
    to[0] = tamed(column);
    to[1] = tamed(row);
    return true;
}

/* ---- paths ---- */

/* The highest dimension, by type: a polygon that has collapsed is one. */
static fn_zone_kind kind_of(const fn_shape *shape)
{
    return shape->has_area || shape->has_collapsed ? FN_ZONE_AREAS : shape->has_lines ? FN_ZONE_LINES : FN_ZONE_POINTS;
}

static bool belongs_to(const fn_path *path, fn_zone_kind kind)
{
    switch (path->kind) {
    case FN_PATH_POINT:
        return kind == FN_ZONE_POINTS;
    case FN_PATH_LINE:
        return kind == FN_ZONE_LINES;
    default:
        return kind == FN_ZONE_AREAS;
    }
}

/* Turns a closed ring so that its signed area has that sign. */
static void turn(double *xy, size_t n, int sign)
{
    if (fn_ring_sign(xy, n) * sign >= 0)
        return;
    for (size_t i = 0, j = n - 1; i < j; i++, j--)
        for (int axis = 0; axis < 2; axis++) {
            const double v = xy[2 * i + (size_t)axis];
            xy[2 * i + (size_t)axis] = xy[2 * j + (size_t)axis];
            xy[2 * j + (size_t)axis] = v;
        }
}

/* Moves the paths of the zone's kind to the front, in pixel space. What is left out: other kinds, rings without an
 * inside. *n_paths of them are left. False: a coordinate is not finite. */
static bool keep_paths(fn_shape *shape, fn_zone_kind kind, const grid_frame *frame, size_t *n_paths)
{
    size_t n = 0, vertices = 0;
    bool has_shell = true;
    for (size_t i = 0; i < shape->n_paths; i++) {
        fn_path path = shape->paths[i];
        double *to = shape->xy + 2 * vertices;
        for (size_t k = 0; k < path.count; k++)
            if (!to_pixels(frame, shape->xy + 2 * (path.first + k), to + 2 * k))
                return false;
        if (!belongs_to(&path, kind) || (path.kind == FN_PATH_HOLE && !has_shell))
            continue;
        const bool is_ring = path.kind == FN_PATH_SHELL || path.kind == FN_PATH_HOLE;
        const bool has_inside = is_ring && !fn_are_collinear(to, path.count);
        if (path.kind == FN_PATH_SHELL)
            has_shell = has_inside;
        if (is_ring && !has_inside)
            continue;
        if (is_ring)
            turn(to, path.count, path.kind == FN_PATH_SHELL ? -1 : 1);
        path.first = (uint32_t)vertices;
        vertices += path.count;
        shape->paths[n++] = path;
    }
    shape->n_vertices = vertices;
    *n_paths = n;
    return true;
}

/* ---- boxes ---- */

static const fn_box kNothing = {INFINITY, INFINITY, -INFINITY, -INFINITY, 0};

static void widen(fn_box *box, const fn_box *by)
{
    box->x0 = by->x0 < box->x0 ? by->x0 : box->x0;
    box->y0 = by->y0 < box->y0 ? by->y0 : box->y0;
    box->x1 = by->x1 > box->x1 ? by->x1 : box->x1;
    box->y1 = by->y1 > box->y1 ? by->y1 : box->y1;
}

/* Around the vertices of the edges from `first` on. The last of them ends at a vertex of the next box. */
static void bound_edges(const fn_zone *zone, size_t first, fn_box *box)
{
    const size_t end = first + FN_BOX_EDGES;
    const bool leads_on = end < zone->n_vertices && !(box->path_ends >> (FN_BOX_EDGES - 1));
    const size_t last = leads_on ? end + 1 : end < zone->n_vertices ? end : zone->n_vertices;
    for (size_t i = first; i < last; i++) {
        const double *p = zone->xy + 2 * i;
        widen(box, &(fn_box){p[0], p[1], p[0], p[1], 0});
    }
}

static bool make_boxes(fn_zone *zone, const fn_shape *shape, size_t n_paths)
{
    size_t n = (zone->n_vertices + FN_BOX_EDGES - 1) / FN_BOX_EDGES, boxes = 0;
    do {
        zone->level_start[zone->levels] = boxes;
        zone->level_count[zone->levels++] = n;
        boxes += n;
    } while (n > FN_BOX_FANOUT && (n = (n + FN_BOX_FANOUT - 1) / FN_BOX_FANOUT));
    zone->boxes = malloc(boxes * sizeof *zone->boxes);
    if (!zone->boxes)
        return false;
    for (size_t i = 0; i < boxes; i++)
        zone->boxes[i] = kNothing;
    for (size_t i = 0; i < n_paths; i++) {
        const size_t last = (size_t)shape->paths[i].first + shape->paths[i].count - 1;
        zone->boxes[last / FN_BOX_EDGES].path_ends |= UINT64_C(1) << (last % FN_BOX_EDGES);
    }
    for (size_t i = 0; i < zone->level_count[0]; i++)
        bound_edges(zone, i * FN_BOX_EDGES, &zone->boxes[i]);
    for (int level = 1; level < zone->levels; level++)
        for (size_t i = 0; i < zone->level_count[level - 1]; i++) {
            const fn_box *box = &zone->boxes[zone->level_start[level - 1] + i];
            fn_box *above = &zone->boxes[zone->level_start[level] + i / FN_BOX_FANOUT];
            widen(above, box);
            above->path_ends |= box->path_ends;
        }
    return true;
}

/* ---- cells of points ---- */

static int by_row(const void *a, const void *b)
{
    const fn_cell *p = a, *q = b;
    return p->row != q->row ? (p->row > q->row) - (p->row < q->row) : (p->column > q->column) - (p->column < q->column);
}

static bool make_cells(fn_zone *zone)
{
    zone->cells = malloc(zone->n_vertices * sizeof *zone->cells);
    if (!zone->cells)
        return false;
    size_t n = 0, unique = 0;
    for (size_t i = 0; i < zone->n_vertices; i++) {
        const double column = fn_floor(zone->xy[2 * i]), row = fn_floor(zone->xy[2 * i + 1]);
        if (column >= 0 && column < CELLS_MAX && row >= 0 && row < CELLS_MAX)
            zone->cells[n++] = (fn_cell){(int32_t)row, (int32_t)column};
    }
    qsort(zone->cells, n, sizeof *zone->cells, by_row);
    for (size_t i = 0; i < n; i++)
        if (unique == 0 || by_row(&zone->cells[unique - 1], &zone->cells[i]) != 0)
            zone->cells[unique++] = zone->cells[i];
    zone->n_cells = unique;
    return true;
}

/* ---- a zone ---- */

static int64_t within(double v)
{
    return (int64_t)(v < 0 ? 0 : v > CELLS_MAX ? CELLS_MAX : v);
}

/* The far side of what is at a whole number: a polygon ends there, a line or a point lies in the next cell. */
static fn_window extent_of(const fn_zone *zone)
{
    fn_box all = kNothing;
    const size_t top = zone->levels > 0 ? zone->level_start[zone->levels - 1] : 0;
    for (size_t i = 0; zone->levels > 0 && i < zone->level_count[zone->levels - 1]; i++)
        widen(&all, &zone->boxes[top + i]);
    for (size_t i = 0; i < zone->n_cells; i++) {
        const double column = zone->cells[i].column, row = zone->cells[i].row;
        widen(&all, &(fn_box){column, row, column, row, 0});
    }
    if (!(all.x0 <= all.x1))
        return (fn_window){0, 0, 0, 0};
    const bool has_area = zone->kind == FN_ZONE_AREAS;
    const int64_t x = within(fn_floor(all.x0)), y = within(fn_floor(all.y0));
    const int64_t width = within(has_area ? fn_ceil(all.x1) : fn_floor(all.x1) + 1) - x;
    const int64_t height = within(has_area ? fn_ceil(all.y1) : fn_floor(all.y1) + 1) - y;
    return width > 0 && height > 0 ? (fn_window){x, y, width, height} : (fn_window){0, 0, 0, 0};
}

/* Takes the vertices from the shape. */
static bool fill(fn_zone *zone, fn_shape *shape, const grid_frame *frame, fn_usable *usable)
{
    size_t n_paths;
    const fn_zone_kind kind = kind_of(shape);
    if (!keep_paths(shape, kind, frame, &n_paths)) {
        *usable = FN_UNUSABLE_NOT_FINITE;
        return true;
    }
    if (n_paths == 0)
        return true;
    zone->kind = kind;
    zone->n_vertices = shape->n_vertices;
    double *fitting = realloc(shape->xy, zone->n_vertices * 2 * sizeof(double));
    zone->xy = fitting ? fitting : shape->xy;
    shape->xy = NULL;
    if (kind == FN_ZONE_POINTS ? !make_cells(zone) : !make_boxes(zone, shape, n_paths))
        return false;
    zone->extent = extent_of(zone);
    zone->crosses = kind == FN_ZONE_AREAS && zone->n_vertices <= FN_BOX_EDGES && zone->extent.width <= FEW_CELLS &&
                    zone->extent.height <= FEW_CELLS && fn_zone_crosses(zone);
    return true;
}

fn_status fn_zone_new(const void *wkb, size_t bytes, const double geotransform[6], fn_zone **out, fn_usable *usable,
                      fn_error *err)
{
    grid_frame frame;
    fn_shape shape = {0};
    fn_usable ignored;
    usable = usable ? usable : &ignored;
    *out = NULL;
    *usable = FN_USABLE;
    if (!frame_of(geotransform, &frame))
        return fn_fail(err, FN_ERR_ARGUMENT, "the geotransform cannot be inverted");
    fn_zone *zone = calloc(1, sizeof *zone);
    if (!zone)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory for a zone");
    fn_status status = fn_shape_from_wkb(&shape, wkb, bytes, false, usable, err);
    if (status == FN_OK && *usable == FN_USABLE && !fill(zone, &shape, &frame, usable))
        status = fn_fail(err, FN_ERR_MEMORY, "out of memory for a zone of %zu vertices", shape.n_vertices);
    fn_shape_destroy(&shape);
    if (status != FN_OK)
        fn_zone_free(zone);
    else
        *out = zone;
    return status;
}

void fn_zone_free(fn_zone *zone)
{
    if (!zone)
        return;
    free(zone->xy);
    free(zone->boxes);
    free(zone->cells);
    free(zone);
}

fn_window fn_zone_extent(const fn_zone *zone)
{
    return zone->extent;
}

int fn_zone_dimension(const fn_zone *zone)
{
    return (int)zone->kind - (int)FN_ZONE_POINTS;
}

size_t fn_zone_vertices(const fn_zone *zone)
{
    return zone->n_vertices;
}
