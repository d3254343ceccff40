/* What looks at neighbours needs its operand as a plane, computed before and further around: which planes are computed,
 * in which order, of what, and how far around. */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "phases.h"

typedef struct planner {
    fn_expr *expr;
    const fn_graph *graph;
    int *tap_of;    /* per node: the tap that has its values, -1: computed where it is used */
    fn_type *types; /* per tap, if all are inputs' own pixels */
    int *rasters;
    int *plane_of; /* per node: its plane of doubles, -1: none */
    bool *used;    /* per node: an output depends on it */
    size_t step_capacity, tap_capacity;
    int rasters_at_once;
} planner;

static fn_status no_memory(fn_error *err)
{
    return fn_fail(err, FN_ERR_MEMORY, "out of memory for the expression");
}

static bool add_tap(planner *p, fn_tap tap, int *index)
{
    fn_expr *e = p->expr;
    if (!fn_reserve(&e->taps, &p->tap_capacity, (size_t)e->n_taps + 1, sizeof tap))
        return false;
    e->taps[e->n_taps] = tap;
    *index = e->n_taps++;
    return true;
}

static fn_step *add_step(planner *p, int *plane)
{
    fn_expr *e = p->expr;
    if (!fn_reserve(&e->steps, &p->step_capacity, (size_t)e->n_steps + 1, sizeof *e->steps))
        return NULL;
    *plane = e->inputs.count + e->n_steps;
    fn_step *step = &e->steps[e->n_steps++];
    *step = (fn_step){0};
    return step;
}

/* Children come before parents. */
static void find_used(planner *p, const int32_t *roots)
{
    for (int k = 0; k < p->expr->n_outputs; k++)
        p->used[roots[k]] = true;
    for (int32_t i = p->graph->count - 1; i >= 0; i--) {
        int32_t n;
        const int32_t *operands = fn_graph_operands(p->graph, i, &n);
        for (int32_t k = 0; p->used[i] && k < n; k++)
            p->used[operands[k]] = true;
    }
}

/* Sees to it that a node has a plane. */
static fn_status need_plane(planner *p, int32_t node, fn_error *err)
{
    if (p->plane_of[node] >= 0)
        return FN_OK;
    fn_step *step = add_step(p, &p->plane_of[node]);
    return step ? fn_program_compile(p->graph, &node, 1, (fn_taps_of){.tap_of = p->tap_of}, &step->program, err)
                : no_memory(err);
}

static fn_status plan_neighborhood(planner *p, int32_t i, fn_error *err)
{
    const fn_node *node = &p->graph->nodes[i];
    const fn_neighborhood *n = p->expr->neighborhoods.items[(int)node->value];
    fn_status status = need_plane(p, node->child[0], err);
    if (status != FN_OK)
        return status;
    fn_tap tap = {.plane = p->plane_of[node->child[0]]};
    if (n->kind == FN_NEIGHBOR) {
        tap.row = n->row;
        tap.column = n->column;
    } else {
        fn_step *step = add_step(p, &p->plane_of[i]);
        if (!step)
            return no_memory(err);
        step->neighborhood = n;
        step->source = tap.plane;
        tap.plane = p->plane_of[i];
    }
    return add_tap(p, tap, &p->tap_of[i]) ? FN_OK : no_memory(err);
}

/* ---- how far around ---- */

static void extend(int32_t *reach, int64_t more)
{
    *reach = (int32_t)(more > *reach ? more : *reach);
}

static fn_reach *reach_of(fn_expr *e, int plane)
{
    return plane < e->inputs.count ? &e->reach[plane] : &e->steps[plane - e->inputs.count].reach;
}

/* What is needed of a plane, when so much is needed of one that looks `beyond` its own pixels. */
static void need(fn_reach *reach, const fn_reach *of, const fn_reach *beyond)
{
    extend(&reach->top, of->top + beyond->top);
    extend(&reach->left, of->left + beyond->left);
    extend(&reach->bottom, of->bottom + beyond->bottom);
    extend(&reach->right, of->right + beyond->right);
}

static void need_taps(fn_expr *e, const fn_program *program, const fn_reach *of)
{
    for (size_t k = 0; k < program->n_code; k++) {
        if (program->code[k].op != FN_LOAD)
            continue;
        const fn_tap *tap = &e->taps[program->code[k].source[0]];
        const fn_reach beyond = {.top = tap->row < 0 ? -tap->row : 0,
                                 .left = tap->column < 0 ? -tap->column : 0,
                                 .bottom = tap->row > 0 ? tap->row : 0,
                                 .right = tap->column > 0 ? tap->column : 0};
        need(reach_of(e, tap->plane), of, &beyond);
    }
}

static bool is_too_far(const fn_reach *r)
{
    return r->top > FN_REACH_MAX || r->left > FN_REACH_MAX || r->bottom > FN_REACH_MAX || r->right > FN_REACH_MAX;
}

/* From the outputs back to the inputs. */
static fn_status find_reaches(fn_expr *e, fn_error *err)
{
    const fn_reach none = {0};
    bool too_far = false;
    need_taps(e, &e->program, &none);
    for (int i = e->n_steps - 1; i >= 0 && !too_far; i--) {
        const fn_step *step = &e->steps[i];
        const fn_reach reach = step->reach;
        too_far = is_too_far(&reach);
        if (step->neighborhood)
            need(reach_of(e, step->source), &reach, &step->neighborhood->reach);
        else
            need_taps(e, &step->program, &reach);
    }
    for (int i = 0; i < e->inputs.count; i++)
        too_far |= is_too_far(&e->reach[i]);
    if (too_far)
        return fn_fail(err, FN_ERR_SYNTAX, "the expression looks further than %d pixels away", FN_REACH_MAX);
    return FN_OK;
}

/* ---- all ---- */

/* Every input is read, each tap of it is a node. */
static fn_status take_inputs(planner *p, fn_error *err)
{
    fn_expr *e = p->expr;
    for (int i = 0; i < e->inputs.n_taps; i++) {
        int index;
        const struct fn_input_tap *tap = &e->inputs.taps[i];
        if (!add_tap(p, (fn_tap){tap->input, tap->row, tap->column}, &index))
            return no_memory(err);
        e->looks_around |= tap->row != 0 || tap->column != 0;
        p->types[i] = e->inputs.items[tap->input].type;
        p->rasters[i] = e->inputs.items[tap->input].raster;
    }
    for (int32_t i = 0; i < p->graph->count; i++)
        p->tap_of[i] = p->graph->nodes[i].op == FN_OP_INPUT ? (int)p->graph->nodes[i].value : -1;
    e->reach = calloc((size_t)e->inputs.count + 1, sizeof *e->reach);
    return e->reach ? FN_OK : no_memory(err);
}

static fn_status plan_all(planner *p, const int32_t *roots, fn_error *err)
{
    fn_expr *e = p->expr;
    find_used(p, roots);
    fn_status status = take_inputs(p, err);
    for (int32_t i = 0; status == FN_OK && i < p->graph->count; i++) {
        const fn_node *node = &p->graph->nodes[i];
        if (!p->used[i] || node->op != FN_OP_NEIGHBORHOOD)
            continue;
        e->looks_around = true;
        const fn_edge edge = e->neighborhoods.items[(int)node->value]->edge;
        e->wraps |= edge == FN_EDGE_WRAP || edge == FN_EDGE_WRAPX;
        status = plan_neighborhood(p, i, err);
    }
    fn_taps_of taps = {.tap_of = p->tap_of};
    if (!e->looks_around) {
        taps.types = p->types;
        taps.rasters = p->rasters_at_once > 0 ? p->rasters : NULL;
    }
    if (status == FN_OK)
        status = fn_program_compile(p->graph, roots, e->n_outputs, taps, &e->program, err);
    if (status == FN_OK && taps.rasters)
        status = fn_expr_cut_phases(e, p->rasters_at_once, err);
    return status == FN_OK ? find_reaches(e, err) : status;
}

fn_status fn_expr_compile_steps(fn_expr *e, const fn_graph *graph, const int32_t *roots, int rasters_at_once,
                                fn_error *err)
{
    const size_t n = (size_t)graph->count;
    planner p = {.expr = e,
                 .graph = graph,
                 .tap_of = malloc(n * sizeof(int)),
                 .plane_of = malloc(n * sizeof(int)),
                 .types = malloc(((size_t)e->inputs.n_taps + 1) * sizeof(fn_type)),
                 .rasters = malloc(((size_t)e->inputs.n_taps + 1) * sizeof(int)),
                 .used = calloc(n, sizeof(bool)),
                 .rasters_at_once = rasters_at_once};
    fn_status status = FN_OK;
    if (!p.tap_of || !p.plane_of || !p.used || !p.types || !p.rasters)
        status = no_memory(err);
    else {
        memset(p.plane_of, 0xFF, n * sizeof(int));
        status = plan_all(&p, roots, err);
    }
    free(p.tap_of);
    free(p.plane_of);
    free(p.types);
    free(p.rasters);
    free(p.used);
    return status;
}
