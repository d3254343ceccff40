#include "phases.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

/* ---- cutting ---- */

typedef struct cutter {
    fn_expr *expr;
    int most;
    size_t capacity; /* of phases */
    int *seen;       /* per input: the last phase that needs it, counted from 1 */
    int rasters;     /* that the phase needs */
} cutter;

static int raster_of(const fn_expr *e, int input)
{
    return e->inputs.items[input].raster;
}

/* Inputs of one raster follow each other in the code, mostly. */
static bool has_raster(const cutter *c, int raster)
{
    for (int i = 0; i < c->expr->inputs.count; i++)
        if (c->seen[i] == c->expr->n_phases && raster_of(c->expr, i) == raster)
            return true;
    return false;
}

/* The inputs that an instruction needs. */
static const int32_t *inputs_of(const fn_expr *e, const fn_instruction *in, int32_t *n)
{
    const fn_sorted_list *list = in->op == FN_SORT ? &e->program.lists[in->target] : NULL;
    *n = in->op == FN_LOAD ? 1 : list && list->taps ? list->n_members : 0;
    return in->op == FN_LOAD ? in->source : list ? list->member : NULL;
}

static bool begin_phase(cutter *c, size_t at)
{
    fn_expr *e = c->expr;
    if (!fn_reserve(&e->phases, &c->capacity, (size_t)e->n_phases + 1, sizeof *e->phases))
        return false;
    if (e->n_phases > 0)
        e->phases[e->n_phases - 1].end = at;
    e->phases[e->n_phases++] = (fn_phase){.begin = at, .end = e->program.n_code};
    c->rasters = 0;
    return true;
}

/* Takes the inputs of an instruction into the phase, or into a new one if they are too many. */
static bool take_inputs_of(cutter *c, size_t at)
{
    fn_expr *e = c->expr;
    int32_t n;
    const int32_t *inputs = inputs_of(e, &e->program.code[at], &n);
    int more = 0;
    for (int32_t k = 0; k < n; k++)
        more += c->seen[inputs[k]] != e->n_phases && !has_raster(c, raster_of(e, inputs[k]));
    if (more > 0 && c->rasters > 0 && c->rasters + more > c->most && !begin_phase(c, at))
        return false;
    for (int32_t k = 0; k < n; k++) {
        c->rasters += !has_raster(c, raster_of(e, inputs[k]));
        c->seen[inputs[k]] = e->n_phases;
    }
    return true;
}

/* Lists the inputs of each phase, ascending. */
static bool list_inputs(const cutter *c, fn_phase *phase)
{
    const fn_expr *e = c->expr;
    bool *needed = calloc((size_t)e->inputs.count + 1, sizeof *needed);
    phase->inputs = malloc(((size_t)e->inputs.count + 1) * sizeof *phase->inputs);
    for (size_t at = phase->begin; needed && at < phase->end; at++) {
        int32_t n;
        const int32_t *inputs = inputs_of(e, &e->program.code[at], &n);
        for (int32_t k = 0; k < n; k++)
            needed[inputs[k]] = true;
    }
    for (int i = 0; needed && phase->inputs && i < e->inputs.count; i++)
        if (needed[i])
            phase->inputs[phase->n_inputs++] = i;
    free(needed);
    return needed && phase->inputs;
}

/* ---- what is kept ---- */

/* What happens to registers, before the instruction. */
static void step_back(const fn_program *p, const fn_instruction *in, bool *live)
{
    if (in->op == FN_SORT) {
        const fn_sorted_list *list = &p->lists[in->target];
        for (int32_t t = 0; t < list->n_targets; t++)
            live[list->target[t]] = false;
        for (int32_t k = 0; !list->taps && k < list->n_members; k++)
            live[list->member[k]] = true;
        return;
    }
    if (in->op != FN_STORE)
        live[in->target] = false;
    const int operands = in->op == FN_LOAD || in->op == FN_FILL ? 0
                         : in->op == FN_STORE                   ? 1
                                                                : fn_op_operands((fn_op)in->op);
    for (int k = 0; k < operands; k++)
        if (in->source[k] >= 0)
            live[in->source[k]] = true;
}

static bool keep_live(fn_expr *e, fn_phase *phase, const bool *live)
{
    phase->kept = malloc(((size_t)e->program.n_registers + 1) * sizeof *phase->kept);
    for (int32_t r = 0; phase->kept && r < e->program.n_registers; r++)
        if (live[r])
            phase->kept[phase->n_kept++] = r;
    e->most_kept = phase->n_kept > e->most_kept ? phase->n_kept : e->most_kept;
    return phase->kept != NULL;
}

static bool find_kept(fn_expr *e)
{
    bool *live = calloc((size_t)e->program.n_registers + 1, sizeof *live), good = live != NULL;
    for (int i = e->n_phases - 1; good && i >= 0; i--) {
        for (size_t at = e->phases[i].end; at-- > e->phases[i].begin;)
            step_back(&e->program, &e->program.code[at], live);
        good = keep_live(e, &e->phases[i], live);
    }
    free(live);
    return good;
}

fn_status fn_expr_cut_phases(fn_expr *e, int most, fn_error *err)
{
    cutter c = {.expr = e, .most = most, .seen = calloc((size_t)e->inputs.count + 1, sizeof(int))};
    bool good = c.seen && begin_phase(&c, 0);
    for (size_t at = 0; good && at < e->program.n_code; at++)
        good = take_inputs_of(&c, at);
    for (int i = 0; good && i < e->n_phases; i++)
        good = list_inputs(&c, &e->phases[i]);
    good = good && find_kept(e);
    free(c.seen);
    return good ? FN_OK : fn_fail(err, FN_ERR_MEMORY, "out of memory for the expression");
}

void fn_phases_destroy(fn_expr *e)
{
    for (int i = 0; i < e->n_phases; i++) {
        free(e->phases[i].inputs);
        free(e->phases[i].kept);
    }
    free(e->phases);
}

/* ---- at work ---- */

int fn_expr_phase_count(const fn_expr *e)
{
    return e->n_phases > 0 ? e->n_phases : 1;
}

const int *fn_expr_phase_inputs(const fn_expr *e, int phase, int *n)
{
    *n = e->phases[phase].n_inputs;
    return e->phases[phase].inputs;
}

size_t fn_expr_kept_bytes(const fn_expr *e, size_t n)
{
    return (size_t)e->most_kept * n * sizeof(double);
}

/* One of them, from or to the registers of a block. */
static void move_kept(const fn_run *run, const fn_phase *phase, double *kept, size_t total, size_t first, size_t n,
                      bool back)
{
    for (int k = 0; k < phase->n_kept; k++) {
        double *in = kept + (size_t)k * total + first, *of = run->registers + (size_t)phase->kept[k] * FN_BLOCK;
        if (back)
            memcpy(of, in, n * sizeof *of);
        else
            memcpy(in, of, n * sizeof *in);
    }
}

fn_status fn_expr_run_phase(const fn_expr *e, int phase, size_t n, const fn_plane *inputs, const fn_sink *outputs,
                            void *scratch, double *kept, size_t *bad, fn_error *err)
{
    const fn_phase *own = &e->phases[phase], *next = phase + 1 < e->n_phases ? own + 1 : NULL;
    fn_run run = fn_run_of(e, e->kernels, inputs, outputs, scratch);
    run.begin = own->begin;
    run.end = own->end;
    for (size_t first = 0; first < n; first += FN_BLOCK) {
        const size_t block = n - first < FN_BLOCK ? n - first : FN_BLOCK;
        move_kept(&run, own, kept, n, first, block, true);
        const size_t done = fn_run_block(&run, first, block);
        if (done < block) {
            if (bad)
                *bad = first + done;
            return fn_run_fails(err);
        }
        if (next)
            move_kept(&run, next, kept, n, first, block, false);
    }
    return FN_OK;
}
