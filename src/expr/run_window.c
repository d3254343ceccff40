/* Running an expression that looks around over a window: step by step, each a plane, then the outputs; in strips of
 * rows whose planes stay in the cache.
 *
 * A plane covers the window and its reach. Where nothing wraps, it ends with the raster. Where something does, planes
 * go on beyond the raster's edge, as if the plane were covered with copies of the raster, side by side: whatever does
 * not wrap itself ends at the edges of each copy. So what wraps may look at what does not, and the other way. */
#include <math.h>
#include <string.h>

#include "program.h"

#define STRIP_BYTES (1 << 20) /* of the planes of all steps */

/* A plane in memory, packed. */
typedef struct area {
    fn_window window;
    double *values; /* NULL: an input's */
} area;

typedef struct running {
    const fn_expr *expr;
    fn_window (*area)(const fn_expr *e, const fn_window *window, const fn_reach *reach);
    fn_window whole;  /* that inputs and outputs cover */
    fn_window window; /* the strip of it that is computed */
    const fn_plane *inputs;
    area *areas;    /* of inputs and steps */
    fn_plane *taps; /* in one row, as the next */
    fn_sink *sinks;
    double *registers;
    void *lists;
    double *missing; /* a block of NaN */
    double *padded;  /* the operand of a neighbourhood, with what lies beyond the edge */
    void *scratch;   /* of a neighbourhood */
} running;

/* What is needed of a plane, for a window of the raster. */
static fn_window area_of(const fn_expr *e, const fn_window *window, const fn_reach *reach)
{
    return fn_window_grow(*window, *reach, e->width, e->height, e->wraps);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The most that can be needed, wherever the window is. */
static fn_window largest_area(const fn_expr *e, const fn_window *window, const fn_reach *reach)
{
    const int64_t width = window->width + reach->left + reach->right;
    const int64_t height = window->height + reach->top + reach->bottom;
    return e->wraps ? (fn_window){0, 0, width, height}
                    : (fn_window){0, 0, smaller(width, e->width), smaller(height, e->height)};
}

/* ---- memory ---- */

static size_t cells(const fn_window *w)
{
    return (size_t)w->width * (size_t)w->height;
}

/* Of what the largest neighbourhood needs beside its planes. */
static void find_largest(const running *r, size_t *padded, size_t *scratch)
{
    const fn_expr *e = r->expr;
    *padded = *scratch = 0;
    for (int i = 0; i < e->n_steps; i++) {
        const fn_neighborhood *n = e->steps[i].neighborhood;
        if (!n)
            continue;
        const fn_window at = r->area(e, &r->window, &e->steps[i].reach);
        const size_t with_reach = (size_t)(at.width + n->reach.left + n->reach.right) *
                                  (size_t)(at.height + n->reach.top + n->reach.bottom) * sizeof(double);
        const size_t own = fn_neighborhood_scratch_bytes(n, (size_t)at.width, (size_t)at.height);
        *padded = with_reach > *padded ? with_reach : *padded;
        *scratch = own > *scratch ? own : *scratch;
    }
}

/* Lays everything out from `memory` on, and says how much it is. NULL: only that. */
static size_t lay_out(running *r, void *memory)
{
    const fn_expr *e = r->expr;
    size_t at = 0, registers = (size_t)e->program.n_registers, padded, scratch;
    size_t lists = fn_program_list_bytes(&e->program);
    find_largest(r, &padded, &scratch);
    char *base = memory;
#define PLACE(pointer, bytes)                                                                                          \
    do {                                                                                                               \
        if (base)                                                                                                      \
            pointer = (void *)(base + at);                                                                             \
        at += fn_aligned(bytes);                                                                                       \
    } while (0)
    PLACE(r->areas, (size_t)(e->inputs.count + e->n_steps) * sizeof *r->areas);
    PLACE(r->taps, (size_t)e->n_taps * sizeof *r->taps);
    PLACE(r->sinks, (size_t)e->n_outputs * sizeof *r->sinks);
    PLACE(r->missing, FN_BLOCK * sizeof(double));
    PLACE(r->padded, padded);
    PLACE(r->scratch, scratch);
    for (int i = 0; i < e->n_steps; i++) {
        const fn_step *step = &e->steps[i];
        const fn_window window = r->area(e, &r->window, &step->reach);
        area *own = base ? &r->areas[e->inputs.count + i] : &(area){0};
        own->window = window;
        PLACE(own->values, cells(&window) * sizeof(double));
        registers = (size_t)step->program.n_registers > registers ? (size_t)step->program.n_registers : registers;
        const size_t own_lists = fn_program_list_bytes(&step->program);
        lists = own_lists > lists ? own_lists : lists;
    }
    PLACE(r->registers, registers * FN_BLOCK * sizeof(double));
    PLACE(r->lists, lists);
#undef PLACE
    return at;
}

/* Rows of a strip: few, but enough that what two strips both compute is little. */
static int64_t strip_rows(const fn_expr *e, const fn_window *window)
{
    int64_t row = 1, reach = 0;
    for (int i = 0; i < e->n_steps; i++) {
        const fn_reach *r = &e->steps[i].reach;
        row += (window->width + r->left + r->right) * (int64_t)sizeof(double);
        reach = r->top + r->bottom > reach ? r->top + r->bottom : reach;
        const fn_neighborhood *n = e->steps[i].neighborhood;
        if (n && n->reach.top + n->reach.bottom > reach)
            reach = n->reach.top + n->reach.bottom;
    }
    const int64_t rows = STRIP_BYTES / row;
    return rows > 4 * reach ? rows : 4 * reach > 0 ? 4 * reach : 1;
}

size_t fn_expr_window_scratch_bytes(const fn_expr *e, int64_t width, int64_t height)
{
    running r = {.expr = e, .area = largest_area, .window = {0, 0, width, height}};
    r.window.height = smaller(height, strip_rows(e, &r.window));
    return lay_out(&r, NULL) + FN_ALIGNMENT;
}

/* ---- copies of the raster ---- */

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The part of a window within one copy of the raster, that with (x, y); and that copy. */
static fn_window piece_at(const fn_expr *e, const fn_window *w, int64_t x, int64_t y, fn_window *copy)
{
    *copy =
        (fn_window){floor_divide(x, e->width) * e->width, floor_divide(y, e->height) * e->height, e->width, e->height};
    const int64_t right = w->x + w->width, bottom = w->y + w->height;
    const int64_t end = copy->x + copy->width, end_below = copy->y + copy->height;
    return (fn_window){x, y, (end < right ? end : right) - x, (end_below < bottom ? end_below : bottom) - y};
}

/* ---- planes ---- */

static double *value_at(const area *plane, int64_t x, int64_t y)
{
    return plane->values + (y - plane->window.y) * plane->window.width + x - plane->window.x;
}

/* The piece of an input that has a pixel; a packed input is one. */
static fn_piece piece_with(const running *r, int input, int64_t x, int64_t y)
{
    const fn_plane *plane = &r->inputs[input];
    for (size_t i = 0; i < plane->n_pieces; i++) {
        const fn_window *w = &plane->pieces[i].window;
        if (x >= w->x && x < w->x + w->width && y >= w->y && y < w->y + w->height)
            return plane->pieces[i];
    }
    const fn_window *all = &r->areas[input].window;
    return (fn_piece){*all, plane->data, plane->mask, all->width};
}

/* The pixels of an input from (x, y) on. Returns where their row ends. */
static int64_t tap_input(const running *r, int input, int64_t x, int64_t y, fn_plane *pixels)
{
    const fn_piece piece = piece_with(r, input, x, y);
    const int64_t offset = (y - piece.window.y) * piece.stride + x - piece.window.x;
    *pixels = r->inputs[input];
    pixels->data = (const char *)piece.data + offset * (int64_t)fn_type_size(pixels->type);
    pixels->mask = piece.mask ? piece.mask + offset : NULL;
    return piece.window.x + piece.window.width;
}

/* The plane that a program takes over as it is; -1: it computes. */
static int plane_copied(const fn_expr *e, const fn_program *program)
{
    const fn_instruction *code = program->code;
    if (program->n_code != 2 || code[0].op != FN_LOAD || code[1].op != FN_STORE)
        return -1;
    const fn_tap *tap = &e->taps[code[0].source[0]];
    return tap->row == 0 && tap->column == 0 ? tap->plane : -1;
}

/* A value of (x, y), or of its copy, that a double does not hold. */
static fn_status fail_at(const fn_expr *e, int64_t x, int64_t y, int64_t bad[2], fn_error *err)
{
    bad[0] = x - floor_divide(x, e->width) * e->width;
    bad[1] = y - floor_divide(y, e->height) * e->height;
    return fn_run_fails(err);
}

static fn_status load_plane(const running *r, int input, const area *to, int64_t bad[2], fn_error *err)
{
    const fn_window *w = &to->window;
    const fn_load load = r->expr->kernels->load[r->inputs[input].type];
    double *values = to->values;
    for (int64_t y = w->y; y < w->y + w->height; y++)
        for (int64_t x = w->x, next; x < w->x + w->width; x = next) {
            fn_plane from;
            next = smaller(tap_input(r, input, x, y, &from), w->x + w->width);
            const size_t n = (size_t)(next - x), done = load(values, &from, 0, n, r->expr->nodata);
            if (done < n)
                return fail_at(r->expr, x + (int64_t)done, y, bad, err);
            values += n;
        }
    return FN_OK;
}

static fn_status store_plane(const running *r, const area *from, const fn_sink *sink, int64_t bad[2], fn_error *err)
{
    const fn_window *w = &r->window;
    const fn_store store = r->expr->kernels->store[sink->type];
    const size_t n = (size_t)w->width;
    for (int64_t y = w->y; y < w->y + w->height; y++) {
        const size_t done = store(sink, (size_t)(y - r->whole.y) * n, value_at(from, w->x, y), n);
        if (done < n)
            return fail_at(r->expr, w->x + (int64_t)done, y, bad, err);
    }
    return FN_OK;
}

/* ---- programs ---- */

/* Where a tap begins to be, or ceases to be, within the copy: the first place behind x, at most `end`. */
static int64_t set_tap(running *r, int index, const fn_window *copy, int64_t x, int64_t y, int64_t end)
{
    const fn_tap *tap = &r->expr->taps[index];
    const area *at = &r->areas[tap->plane];
    const int64_t column = x + tap->column, row = y + tap->row;
    fn_plane *plane = &r->taps[index];
    const bool above_or_below = row < copy->y || row >= copy->y + copy->height;
    if (above_or_below || column < copy->x || column >= copy->x + copy->width) {
        *plane = (fn_plane){.data = r->missing, .type = FN_FLOAT64};
        return !above_or_below && column < copy->x ? smaller(copy->x - tap->column, end) : end;
    }
    end = smaller(copy->x + copy->width - tap->column, end);
    if (!at->values)
        return smaller(end, tap_input(r, tap->plane, column, row, plane) - tap->column);
    *plane = (fn_plane){.data = value_at(at, column, row), .type = FN_FLOAT64};
    return end;
}

/* The same of all taps of a program. Lists take theirs without a load where no pixel looks around. */
static int64_t set_taps(running *r, const fn_program *program, const fn_window *copy, int64_t x, int64_t y, int64_t end)
{
    for (size_t k = 0; k < program->n_code; k++) {
        const fn_instruction *in = &program->code[k];
        if (in->op == FN_LOAD)
            end = set_tap(r, in->source[0], copy, x, y, end);
        const fn_sorted_list *list = in->op == FN_SORT ? &program->lists[in->target] : NULL;
        for (int32_t i = 0; list && list->taps && i < list->n_members; i++)
            end = set_tap(r, list->member[i], copy, x, y, end);
    }
    return end;
}

/* A row within one copy of the raster. bad: the pixel that fails. */
static fn_status run_row(running *r, const fn_program *program, const fn_window *copy, fn_window row,
                         const fn_window *origin, const fn_sink *sinks, int n_sinks, int64_t bad[2], fn_error *err)
{
    const int64_t end = row.x + row.width;
    for (int64_t x = row.x, next; x < end; x = next) {
        const int64_t most = x + FN_BLOCK < end ? x + FN_BLOCK : end;
        next = set_taps(r, program, copy, x, row.y, most);
        const size_t offset = (size_t)((row.y - origin->y) * origin->width + x - origin->x);
        for (int k = 0; k < n_sinks; k++) {
            r->sinks[k] = sinks[k];
            r->sinks[k].data = (char *)sinks[k].data + offset * fn_type_size(sinks[k].type);
        }
        const fn_run run = {program, r->expr->kernels, r->expr->nodata, r->taps, r->sinks, r->registers, r->lists,
                            0,       program->n_code};
        const size_t n = (size_t)(next - x), done = fn_run_block(&run, 0, n);
        if (done < n) {
            bad[0] = x + (int64_t)done - copy->x;
            bad[1] = row.y - copy->y;
            return fn_run_fails(err);
        }
    }
    return FN_OK;
}

/* origin: the window that the sinks are of. */
static fn_status run_program(running *r, const fn_program *program, const fn_window *window, const fn_window *origin,
                             const fn_sink *sinks, int n_sinks, int64_t bad[2], fn_error *err)
{
    fn_window copy, piece = {0};
    for (int64_t y = window->y; y < window->y + window->height; y += piece.height)
        for (int64_t x = window->x; x < window->x + window->width; x += piece.width) {
            piece = piece_at(r->expr, window, x, y, &copy);
            for (int64_t line = y; line < y + piece.height; line++) {
                const fn_status status =
                    run_row(r, program, &copy, (fn_window){x, line, piece.width, 1}, origin, sinks, n_sinks, bad, err);
                if (status != FN_OK)
                    return status;
            }
        }
    return FN_OK;
}

/* ---- neighbourhoods ---- */

#define NOWHERE INT64_MIN

/* The pixel of the raster, 0 to n - 1, that stands for one beyond its edge; NOWHERE: none does. */
static int64_t stand_in(int64_t at, int64_t n, fn_edge edge)
{
    if (at >= 0 && at < n)
        return at;
    switch (edge) {
    case FN_EDGE_NEAREST:
        return at < 0 ? 0 : n - 1;
    case FN_EDGE_REFLECT: {
        const int64_t twice = at - floor_divide(at, 2 * n) * 2 * n;
        return twice < n ? twice : 2 * n - 1 - twice;
    }
    default:
        return NOWHERE;
    }
}

/* A value of a row of the raster, or what stands for it. */
static double value_or_stand_in(const double *row, int64_t column, int64_t n, fn_edge edge)
{
    const int64_t at = stand_in(column, n, edge);
    return at == NOWHERE ? NAN : row[at];
}

/* Copies a window of a plane, with what stands for pixels beyond the copy of the raster. */
static void pad(running *r, const area *source, const fn_window *copy, const fn_window *window, fn_edge edge)
{
    const int64_t left = window->x - copy->x, right = left + window->width;
    const int64_t begin = left < 0 && edge != FN_EDGE_WRAPX ? 0 : left;
    const int64_t end = edge != FN_EDGE_WRAPX ? smaller(right, copy->width) : right;
    double *to = r->padded;
    for (int64_t y = window->y; y < window->y + window->height; y++, to += window->width) {
        const int64_t row = stand_in(y - copy->y, copy->height, edge);
        if (row == NOWHERE) {
            for (int64_t x = left; x < right; x++)
                to[x - left] = NAN;
            continue;
        }
        const double *from = value_at(source, copy->x, copy->y + row);
        for (int64_t x = left; x < begin; x++)
            to[x - left] = value_or_stand_in(from, x, copy->width, edge);
        memcpy(to + begin - left, from + begin, (size_t)(end - begin) * sizeof *to);
        for (int64_t x = end; x < right; x++)
            to[x - left] = value_or_stand_in(from, x, copy->width, edge);
    }
}

/* A piece within one copy of the raster. */
static void run_piece(running *r, const fn_step *step, const fn_window *piece, const fn_window *copy)
{
    const fn_neighborhood *n = step->neighborhood;
    const area *source = &r->areas[step->source], *target = &r->areas[step - r->expr->steps + r->expr->inputs.count];
    const fn_reach *reach = &n->reach;
    const fn_window around = {piece->x - reach->left, piece->y - reach->top, piece->width + reach->left + reach->right,
                              piece->height + reach->top + reach->bottom};
    const bool inside = around.x >= copy->x && around.y >= copy->y &&
                        around.x + around.width <= copy->x + copy->width &&
                        around.y + around.height <= copy->y + copy->height;
    const double *in = value_at(source, piece->x, piece->y);
    int64_t stride = source->window.width, out_stride = target->window.width;
    if (!inside && n->edge != FN_EDGE_WRAP) {
        pad(r, source, copy, &around, n->edge);
        in = r->padded + reach->top * around.width + reach->left;
        stride = around.width;
    }
    double *out = value_at(target, piece->x, piece->y);
    const fn_window own = {piece->x - copy->x, piece->y - copy->y, piece->width, piece->height};
    fn_neighborhood_run(n, in, (size_t)stride, &own, out, (size_t)out_stride, r->scratch);
    if (!inside && n->edge == FN_EDGE_NODATA)
        for (int64_t y = 0; y < own.height; y++)
            for (int64_t x = 0; x < own.width; x++)
                if (own.y + y < reach->top || own.y + y + reach->bottom >= copy->height || own.x + x < reach->left ||
                    own.x + x + reach->right >= copy->width)
                    out[y * out_stride + x] = NAN;
}

static void run_neighborhood(running *r, const fn_step *step)
{
    const fn_window *window = &r->areas[step - r->expr->steps + r->expr->inputs.count].window;
    fn_window copy, piece = {0};
    for (int64_t y = window->y; y < window->y + window->height; y += piece.height)
        for (int64_t x = window->x; x < window->x + window->width; x += piece.width) {
            piece = piece_at(r->expr, window, x, y, &copy);
            run_piece(r, step, &piece, &copy);
        }
}

/* ---- the whole ---- */

static fn_status run_step(running *r, const fn_step *step, int64_t bad[2], fn_error *err)
{
    const area *own = &r->areas[step - r->expr->steps + r->expr->inputs.count];
    if (step->neighborhood) {
        run_neighborhood(r, step);
        return FN_OK;
    }
    const int copied = plane_copied(r->expr, &step->program);
    if (copied >= 0 && copied < r->expr->inputs.count)
        return load_plane(r, copied, own, bad, err);
    const fn_sink sink = {.data = own->values, .type = FN_FLOAT64};
    return run_program(r, &step->program, &own->window, &own->window, &sink, 1, bad, err);
}

static fn_status run_strip(running *r, const fn_sink *outputs, int64_t bad[2], fn_error *err)
{
    const fn_expr *e = r->expr;
    fn_status status = FN_OK;
    for (int i = 0; status == FN_OK && i < e->n_steps; i++)
        status = run_step(r, &e->steps[i], bad, err);
    const int copied = plane_copied(e, &e->program);
    if (status == FN_OK && copied >= e->inputs.count)
        return store_plane(r, &r->areas[copied], outputs, bad, err);
    return status == FN_OK ? run_program(r, &e->program, &r->window, &r->whole, outputs, e->n_outputs, bad, err)
                           : status;
}

fn_status fn_expr_run_window(const fn_expr *e, const fn_window *window, const fn_plane *inputs, const fn_sink *outputs,
                             void *scratch, int64_t bad[2], fn_error *err)
{
    const int64_t end = window->y + window->height, rows = strip_rows(e, window);
    fn_status status = FN_OK;
    for (int64_t y = window->y; status == FN_OK && y < end; y += rows) {
        running r = {.expr = e,
                     .area = area_of,
                     .whole = *window,
                     .window = {window->x, y, window->width, smaller(end - y, rows)},
                     .inputs = inputs};
        lay_out(&r, fn_align(scratch));
        for (int i = 0; i < e->inputs.count; i++)
            r.areas[i] = (area){area_of(e, window, &e->reach[i]), NULL};
        for (size_t i = 0; i < FN_BLOCK; i++)
            r.missing[i] = NAN;
        status = run_strip(&r, outputs, bad, err);
    }
    return status;
}
