#include "footprint.h"

#include <math.h>
#include <stdlib.h>

#include "array.h"

#define REACH_MOST ((FN_FOOTPRINT_MOST - 1) / 2)

/* A footprint that is being made: cells are added by row, then by column. */
typedef struct drawing {
    fn_footprint *footprint;
    size_t room, weights_room;
    bool no_memory;
} drawing;

static drawing begin_drawing(void)
{
    drawing d = {.footprint = calloc(1, sizeof(fn_footprint))};
    d.no_memory = !d.footprint;
    return d;
}

static void add_cells(drawing *d, int row, int begin, int end)
{
    if (d->no_memory || begin >= end)
        return;
    fn_footprint *f = d->footprint;
    f->cells += (size_t)(end - begin);
    if (f->n_runs > 0 && f->runs[f->n_runs - 1].row == row && f->runs[f->n_runs - 1].end == begin) {
        f->runs[f->n_runs - 1].end = end;
        return;
    }
    if (!fn_reserve(&f->runs, &d->room, f->n_runs + 1, sizeof *f->runs)) {
        d->no_memory = true;
        return;
    }
    f->runs[f->n_runs++] = (fn_cells){row, begin, end};
}

static void add_weight(drawing *d, int row, int column, double weight)
{
    add_cells(d, row, column, column + 1);
    if (d->no_memory || !fn_reserve(&d->footprint->weights, &d->weights_room, d->footprint->cells, sizeof(double)))
        d->no_memory = true;
    else
        d->footprint->weights[d->footprint->cells - 1] = weight;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* Finds out the rest, and hands the footprint over. */
static fn_status end_drawing(drawing *d, const char *shape, fn_footprint **out, fn_error *err)
{
    fn_footprint *f = d->footprint;
    if (d->no_memory || f->cells == 0) {
        fn_footprint_free(f);
        return d->no_memory ? fn_fail(err, FN_ERR_MEMORY, "out of memory for the cells of a window")
                            : fn_fail(err, FN_ERR_ARGUMENT, "%s has no cell", shape);
    }
    f->box = true;
    for (size_t i = 0; i < f->n_runs; i++) {
        const fn_cells r = f->runs[i];
        f->top = larger(f->top, -r.row);
        f->bottom = larger(f->bottom, r.row);
        f->left = larger(f->left, -r.begin);
        f->right = larger(f->right, r.end - 1);
        f->centre |= r.row == 0 && r.begin <= 0 && r.end > 0;
    }
    for (size_t i = 0; i < f->n_runs; i++)
        f->box &= f->runs[i].begin == -f->left && f->runs[i].end == f->right + 1;
    f->box &= f->n_runs == (size_t)(f->top + f->bottom + 1);
    *out = f;
    return FN_OK;
}

static fn_status check_sides(const char *shape, int rows, int columns, fn_error *err)
{
    if (rows < 1 || columns < 1)
        return fn_fail(err, FN_ERR_ARGUMENT, "%s of %d x %d cells: there must be a row and a column at least", shape,
                       rows, columns);
    if (rows % 2 == 0 || columns % 2 == 0)
        return fn_fail(err, FN_ERR_ARGUMENT,
                       "%s of %d x %d cells has no cell in its centre: rows and columns must be odd", shape, rows,
                       columns);
    if (rows > FN_FOOTPRINT_MOST || columns > FN_FOOTPRINT_MOST)
        return fn_fail(err, FN_ERR_ARGUMENT, "%s of %d x %d cells: %d rows and columns are the most", shape, rows,
                       columns, FN_FOOTPRINT_MOST);
    return FN_OK;
}

fn_status fn_footprint_box(int rows, int columns, fn_footprint **out, fn_error *err)
{
    *out = NULL;
    const fn_status status = check_sides("a window", rows, columns, err);
    if (status != FN_OK)
        return status;
    drawing d = begin_drawing();
    for (int row = -(rows / 2); row <= rows / 2; row++)
        add_cells(&d, row, -(columns / 2), columns / 2 + 1);
    return end_drawing(&d, "a window", out, err);
}

/* ---- round shapes ---- */

typedef struct round_shape {
    const char *name;
    double inner, outer; /* inner < 0: no hole */
    fn_cell_size size;
    bool wedge;
    double begin, span; /* of a wedge: degrees */
} round_shape;

/* The square of the distance to compare with. */
static double limit_of(const round_shape *s, double radius)
{
    const bool cells = s->size.width == 1 && s->size.height == 1;
    return cells ? radius * radius : radius * radius * (1 + 2e-9);
}

static double turn(double degrees)
{
    const double within = fmod(degrees, 360);
    return within < 0 ? within + 360 : within;
}

static bool is_within(const round_shape *s, int row, int column)
{
    const double x = column * s->size.width, y = -row * s->size.height, square = x * x + y * y;
    if (square > limit_of(s, s->outer) || (s->inner >= 0 && square <= limit_of(s, s->inner)))
        return false;
    if (!s->wedge || (row == 0 && column == 0))
        return true;
    const double tolerance = 1e-9, from_begin = turn(atan2(y, x) * (180 / acos(-1)) - s->begin);
    return from_begin <= s->span + tolerance || from_begin >= 360 - tolerance;
}

static fn_status draw_round(const round_shape *s, fn_footprint **out, fn_error *err)
{
    *out = NULL;
    if (!(s->outer >= 0) || !isfinite(s->outer))
        return fn_fail(err, FN_ERR_ARGUMENT, "%s: the radius %.15g is not a number of 0 or more", s->name, s->outer);
    if (!(s->size.width > 0) || !(s->size.height > 0) || !isfinite(s->size.width) || !isfinite(s->size.height))
        return fn_fail(err, FN_ERR_ARGUMENT, "%s: cells have no size", s->name);
    const double rows = floor(s->outer / s->size.height * (1 + 1e-9));
    const double columns = floor(s->outer / s->size.width * (1 + 1e-9));
    if (rows > REACH_MOST || columns > REACH_MOST)
        return fn_fail(err, FN_ERR_ARGUMENT, "%s: the radius %.15g is %.0f cells; %d are the most", s->name, s->outer,
                       rows > columns ? rows : columns, REACH_MOST);
    drawing d = begin_drawing();
    for (int row = -(int)rows; row <= (int)rows; row++)
        for (int column = -(int)columns; column <= (int)columns; column++)
            if (is_within(s, row, column))
                add_cells(&d, row, column, column + 1);
    return end_drawing(&d, s->name, out, err);
}

fn_status fn_footprint_circle(double radius, fn_cell_size size, fn_footprint **out, fn_error *err)
{
    return draw_round(&(round_shape){.name = "a circle", .inner = -1, .outer = radius, .size = size}, out, err);
}

fn_status fn_footprint_annulus(double inner, double outer, fn_cell_size size, fn_footprint **out, fn_error *err)
{
    *out = NULL;
    if (!(inner >= 0) || !(inner < outer))
        return fn_fail(err, FN_ERR_ARGUMENT,
                       "an annulus from %.15g to %.15g: the first radius must be 0 or more and below"
                       " the second",
                       inner, outer);
    return draw_round(&(round_shape){.name = "an annulus", .inner = inner, .outer = outer, .size = size}, out, err);
}

fn_status fn_footprint_wedge(double radius, double begin, double end, fn_cell_size size, fn_footprint **out,
                             fn_error *err)
{
    *out = NULL;
    if (!(fabs(begin) <= 360) || !(fabs(end) <= 360))
        return fn_fail(err, FN_ERR_ARGUMENT, "a wedge from %.15g to %.15g: angles are degrees between -360 and 360",
                       begin, end);
    const double span = begin != end && turn(end - begin) == 0 ? 360 : turn(end - begin);
    const round_shape s = {
        .name = "a wedge", .inner = -1, .outer = radius, .size = size, .wedge = true, .begin = begin, .span = span};
    return draw_round(&s, out, err);
}

/* ---- weights ---- */

fn_status fn_footprint_matrix(int rows, int columns, const double *values, fn_footprint **out, fn_error *err)
{
    *out = NULL;
    const fn_status status = check_sides("a matrix", rows, columns, err);
    if (status != FN_OK)
        return status;
    bool plain = true;
    drawing d = begin_drawing();
    for (int i = 0; i < rows * columns; i++) {
        const int row = i / columns, column = i % columns;
        if (!isfinite(values[i])) {
            fn_footprint_free(d.footprint);
            return fn_fail(err, FN_ERR_ARGUMENT, "a matrix: row %d, column %d holds no finite number", row + 1,
                           column + 1);
        }
        if (values[i] != 0)
            add_weight(&d, row - rows / 2, column - columns / 2, values[i]);
        plain &= values[i] == 0 || values[i] == 1;
    }
    if (plain && !d.no_memory) {
        free(d.footprint->weights);
        d.footprint->weights = NULL;
    }
    return end_drawing(&d, "a matrix of zeros", out, err);
}

fn_status fn_footprint_gaussian(double sigma, fn_footprint **out, fn_error *err)
{
    *out = NULL;
    if (!(sigma > 0) || !isfinite(sigma))
        return fn_fail(err, FN_ERR_ARGUMENT, "gaussian: sigma is %.15g, and must be above 0", sigma);
    if (4 * sigma + 0.5 >= REACH_MOST + 1)
        return fn_fail(err, FN_ERR_ARGUMENT, "gaussian: sigma is %.15g; %.15g is the most", sigma, REACH_MOST / 4.0);
    const int reach = (int)(4 * sigma + 0.5), side = 2 * reach + 1;
    double *line = malloc((size_t)side * sizeof *line), *other = malloc((size_t)side * sizeof *other), sum = 0;
    if (!line || !other) {
        free(line);
        free(other);
        return fn_fail(err, FN_ERR_MEMORY, "out of memory for the cells of a window");
    }
    for (int i = 0; i < side; i++) {
        line[i] = exp(-0.5 * (i - reach) / sigma * (i - reach) / sigma);
        sum += line[i];
    }
    for (int i = 0; i < side; i++)
        other[i] = line[i] /= sum;
    drawing d = begin_drawing();
    for (int i = 0; i < side * side; i++)
        add_weight(&d, i / side - reach, i % side - reach, line[i / side] * line[i % side]);
    if (d.no_memory) {
        free(line);
        free(other);
    } else {
        d.footprint->down = line;
        d.footprint->across = other;
    }
    return end_drawing(&d, "gaussian", out, err);
}

void fn_footprint_free(fn_footprint *f)
{
    if (!f)
        return;
    free(f->runs);
    free(f->weights);
    free(f->down);
    free(f->across);
    free(f);
}
