/* The functions of windows: focal_mean(A, circle(3), edge=reflect)... */
#include <math.h>
#include <stdlib.h>

#include "neighborhood_calls.h"

static const char *const missing_words[] = {"skip", "fill", "spread", NULL};

/* ---- windows ---- */

/* Sizes of a cell in map units; fails where rows and columns are not at right angles, or there are no such units. */
static fn_status find_cell_size(fn_parser *p, uint32_t position, fn_cell_size *size)
{
    const fn_georeference *g = p->options->georeference;
    const double *t = g->geotransform;
    if (!g->known || g->geographic || !(g->metres > 0))
        return fn_parser_complain(p, position, "a radius in metres needs a raster with a projected CRS%s",
                                  g->geographic ? "; this one is in angles: give the radius in cells, or warp it first"
                                                : "");
    *size = (fn_cell_size){hypot(t[1], t[4]) * g->metres, hypot(t[2], t[5]) * g->metres};
    if (fabs(t[1] * t[2] + t[4] * t[5]) * g->metres * g->metres > 1e-9 * size->width * size->height)
        return fn_parser_complain(p, position, "a radius in metres needs rows and columns at right angles");
    return FN_OK;
}

/* Radii in cells, or all of them in metres or kilometres: then they are made metres. n: how many numbers are radii. */
static fn_status read_radii(fn_parser *p, fn_quantity *radii, size_t n, fn_cell_size *size)
{
    *size = (fn_cell_size){1, 1};
    for (size_t i = 0; i < n; i++) {
        const fn_word *unit = &radii[i].unit;
        const bool is_km = fn_is_word(unit->text, unit->length, "km");
        if (unit->length > 0 && !is_km && !fn_is_word(unit->text, unit->length, "m"))
            return fn_parser_complain(p, unit->position, "a radius is in cells, or has the unit m or km, as in 250m");
        if ((unit->length > 0) != (radii[0].unit.length > 0))
            return fn_parser_complain(p, radii[i].position, "radii with and without a unit");
        if (is_km)
            radii[i].value *= 1000;
    }
    return radii[0].unit.length > 0 ? find_cell_size(p, radii[0].unit.position, size) : FN_OK;
}

typedef struct shape {
    const char *name;
    size_t numbers, radii;
    enum { RECT, CIRCLE, ANNULUS, WEDGE, GAUSSIAN } kind;
    const char *written;
} shape;

static const shape shapes[] = {
    {"rect", 2, 0, RECT, "rect(rows, columns)"},         {"circle", 1, 1, CIRCLE, "circle(radius)"},
    {"annulus", 2, 2, ANNULUS, "annulus(inner, outer)"}, {"wedge", 3, 1, WEDGE, "wedge(radius, begin, end)"},
    {"gaussian", 1, 0, GAUSSIAN, "gaussian(sigma)"},
};

/* So many rows and columns. */
static fn_status make_box(double rows, double columns, fn_footprint **out, fn_error *err)
{
    for (int k = 0; k < 2; k++) {
        const double n = k == 0 ? rows : columns;
        if (n != floor(n) || fabs(n) > FN_FOOTPRINT_MOST)
            return fn_fail(err, FN_ERR_ARGUMENT,
                           "rows and columns of a window are odd whole numbers up to %d; %.10g is none",
                           FN_FOOTPRINT_MOST, n);
    }
    return fn_footprint_box((int)rows, (int)columns, out, err);
}

static fn_status make_shape(const shape *s, const fn_quantity *q, fn_cell_size size, fn_footprint **out, fn_error *err)
{
    switch (s->kind) {
    case RECT:
        return make_box(q[0].value, q[1].value, out, err);
    case CIRCLE:
        return fn_footprint_circle(q[0].value, size, out, err);
    case ANNULUS:
        return fn_footprint_annulus(q[0].value, q[1].value, size, out, err);
    case WEDGE:
        return fn_footprint_wedge(q[0].value, q[1].value, q[2].value, size, out, err);
    case GAUSSIAN:
        break;
    }
    return fn_footprint_gaussian(q[0].value, out, err);
}

static fn_status find_shape(fn_parser *p, const fn_argument *argument, fn_quantity *numbers, fn_footprint **out,
                            fn_error *err)
{
    const shape *s = NULL;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (fn_is_word(argument->word.text, argument->word.length, shapes[i].name))
            s = &shapes[i];
    if (!s)
        return fn_parser_complain(
            p, argument->position,
            "unknown window '%.*s'; there are 3 (a square), rect, circle, annulus, wedge, gaussian "
            "and [[...]]",
            (int)(argument->word.length < 40 ? argument->word.length : 40), argument->word.text);
    if (argument->count != s->numbers)
        return fn_parser_complain(p, argument->position, "the window is written %s", s->written);
    fn_cell_size size = {1, 1};
    fn_status status = s->radii > 0 ? read_radii(p, numbers, s->radii, &size) : FN_OK;
    for (size_t i = s->radii; status == FN_OK && i < s->numbers; i++)
        if (numbers[i].unit.length > 0)
            return fn_parser_complain(
                p, numbers[i].unit.position,
                "this number of %s has no unit; the radii of circle, annulus and wedge may have one", s->name);
    return status == FN_OK ? make_shape(s, numbers, size, out, err) : status;
}

static fn_status find_matrix(fn_parser *p, const fn_argument *argument, const fn_quantity *numbers, fn_footprint **out,
                             fn_error *err)
{
    double *values = malloc(argument->count * sizeof *values);
    if (!values)
        return fn_parser_no_memory(p);
    fn_status status = FN_OK;
    for (size_t i = 0; i < argument->count; i++) {
        values[i] = numbers[i].value;
        if (numbers[i].unit.length > 0)
            status = fn_parser_complain(p, numbers[i].unit.position, "a weight has no unit");
    }
    const int columns = (int)(argument->count / (size_t)argument->rows);
    if (status == FN_OK)
        status = fn_footprint_matrix(argument->rows, columns, values, out, err);
    free(values);
    return status;
}

/* 3, circle(5), [[0,1,0],[1,1,1],[0,1,0]]... */
static fn_status read_footprint(fn_parser *p, const fn_neighborhood_rule *rule, fn_arguments *a, int place,
                                uint32_t position, fn_footprint **out)
{
    const fn_argument *argument = fn_arguments_take(a, place, "window");
    if (!argument || argument->kind == FN_ARGUMENT_WORD)
        return fn_parser_complain(p, argument ? argument->position : position,
                                  "'%s' needs a window, like 3 or circle(2): %s", rule->rule.name, rule->takes);
    fn_quantity *numbers = &a->numbers[argument->first];
    fn_error reason = {.text = ""};
    fn_status status = FN_OK;
    if (argument->kind == FN_ARGUMENT_SHAPE)
        status = find_shape(p, argument, numbers, out, &reason);
    else if (argument->kind == FN_ARGUMENT_MATRIX)
        status = find_matrix(p, argument, numbers, out, &reason);
    else if (numbers->unit.length > 0)
        return fn_parser_complain(p, numbers->unit.position,
                                  "a square has a whole number of rows; there is circle(%g%.*s)", numbers->value,
                                  (int)numbers->unit.length, numbers->unit.text);
    else
        status = make_box(numbers->value, numbers->value, out, &reason);
    if (status == FN_ERR_ARGUMENT && place > 0) /* the two numbers may have changed places */
        return fn_parser_complain(p, argument->position, "%s; it is written %s", reason.text, rule->takes);
    if (status == FN_ERR_ARGUMENT)
        return fn_parser_complain(p, argument->position, "%s", reason.text);
    return status == FN_ERR_MEMORY ? fn_parser_no_memory(p) : status;
}

/* ---- the function ---- */

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* What mirrors the raster needs as much on either side. */
static fn_reach reach_of(const fn_footprint *f, fn_edge edge)
{
    const fn_reach r = {f->top, f->left, f->bottom, f->right};
    const int32_t rows = larger(r.top, r.bottom), columns = larger(r.left, r.right);
    return edge == FN_EDGE_REFLECT ? (fn_reach){rows, columns, rows, columns} : r;
}

static fn_status make_window(fn_parser *p, const fn_neighborhood_rule *rule, fn_arguments *a, uint32_t position,
                             fn_neighborhood *made)
{
    fn_focal_options o = {.statistic = (fn_focal_statistic)rule->which};
    int missing = FN_FOCAL_KEEP, edge = FN_EDGE_SHRINK, place = 0;
    fn_footprint *footprint = NULL;
    fn_status status = FN_OK;
    if (o.statistic == FN_FOCAL_PERCENTILE) {
        o.percent = NAN;
        status = fn_arguments_number(p, a, place++, "percentile", &o.percent);
    }
    if (status == FN_OK)
        status = read_footprint(p, rule, a, place, position, &footprint);
    if (status == FN_OK)
        status = fn_arguments_choice(p, a, -1, "nodata", missing_words, &missing);
    if (status == FN_OK)
        status = fn_arguments_choice(p, a, -1, "edge", fn_edge_words, &edge);
    if (status != FN_OK) {
        fn_footprint_free(footprint);
        return status;
    }
    o.missing = (fn_focal_missing)missing;
    made->kind = FN_WINDOW;
    made->edge = (fn_edge)edge;
    made->reach = reach_of(footprint, made->edge);
    if (o.statistic == FN_FOCAL_SUM && footprint->weights)
        made->values = FN_REAL;
    fn_error reason = {.text = ""};
    status = fn_focal_new(&o, footprint, &made->focal, &reason); /* takes the footprint */
    if (status == FN_ERR_MEMORY)
        return fn_parser_no_memory(p);
    return status == FN_OK ? FN_OK : fn_parser_complain(p, position, "'%s': %s", rule->rule.name, reason.text);
}

#define WINDOW(name, which, values, more)                                                                              \
    {                                                                                                                  \
        {"focal_" name, FN_DO_NEIGHBORHOOD, FN_OP_COUNT, 1, 1, 0}, make_window, which, values,                         \
            "focal_" name "(A, " more "window, nodata=, edge=)"                                                        \
    }

const fn_neighborhood_rule fn_window_rules[] = {
    WINDOW("mean", FN_FOCAL_MEAN, FN_REAL, ""),
    WINDOW("sum", FN_FOCAL_SUM, FN_BOOL, ""),
    WINDOW("min", FN_FOCAL_MIN, FN_BOOL, ""),
    WINDOW("max", FN_FOCAL_MAX, FN_BOOL, ""),
    WINDOW("range", FN_FOCAL_RANGE, FN_BOOL, ""),
    WINDOW("std", FN_FOCAL_STD, FN_REAL, ""),
    WINDOW("var", FN_FOCAL_VAR, FN_REAL, ""),
    WINDOW("median", FN_FOCAL_MEDIAN, FN_REAL, ""),
    WINDOW("percentile", FN_FOCAL_PERCENTILE, FN_REAL, "percentile, "),
    WINDOW("majority", FN_FOCAL_MAJORITY, FN_BOOL, ""),
    WINDOW("minority", FN_FOCAL_MINORITY, FN_BOOL, ""),
    WINDOW("variety", FN_FOCAL_VARIETY, FN_INT, ""),
    WINDOW("count", FN_FOCAL_COUNT, FN_INT, ""),
};
const size_t fn_window_rule_count = sizeof fn_window_rules / sizeof *fn_window_rules;
