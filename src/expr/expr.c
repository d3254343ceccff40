/* From graph to a register program, and running it block by block (the idea of numexpr: Cooke, Alted et al.). */
#include "fishnet/expr.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "kernels.h"
#include "parse.h"

/* LOAD: input -> register; FILL: constant -> register; STORE: register -> output; anything below FN_OP_COUNT: an
 * operation. */
enum { LOAD = FN_OP_COUNT, FILL, STORE };

/* A source is a register (>= 0) or a constant (-1 - its index). */
typedef struct instruction {
    uint16_t op;
    int32_t target; /* register; the output's index of STORE */
    int32_t source[3];
} instruction;

struct fn_expr {
    instruction *code;
    size_t n_code, code_capacity;
    double *constants;
    int n_constants;
    size_t constant_capacity;
    int n_registers;
    int n_outputs;
    bool nodata;
    fn_inputs inputs;
    const fn_kernels *kernels; /* the best for this machine */
};

/* 8 KB each: 64 MB for one thread. A tree of n operations needs log2(n) of them; only webs of shared parts need
 * many. */
#define REGISTERS_MAX 8192

/* ---- compiling ---- */

typedef struct compiler {
    fn_expr *expr;
    const fn_graph *graph;
    int32_t *need; /* per node: registers needed to compute it (Sethi and Ullman, JACM 1970) */
    int32_t *uses; /* per node: operations and outputs that still want it */
    int32_t *home; /* per node: its register, -1 before it is computed */
    int32_t *free_registers;
    int32_t n_free;
    int32_t *stack; /* nodes to visit */
    size_t stack_capacity;
} compiler;

static bool emit(fn_expr *e, instruction in)
{
    if (!fn_reserve(&e->code, &e->code_capacity, e->n_code + 1, sizeof in))
        return false;
    e->code[e->n_code++] = in;
    return true;
}

static bool add_constant(fn_expr *e, double value, int32_t *source)
{
    if (!fn_reserve(&e->constants, &e->constant_capacity, (size_t)e->n_constants + 1, sizeof value))
        return false;
    e->constants[e->n_constants] = value;
    *source = -1 - e->n_constants++;
    return true;
}

static int children(const fn_node *node, int32_t out[3])
{
    int n = 0;
    for (int k = 0; k < 3; k++)
        if (node->op < FN_OP_COUNT && node->child[k] >= 0)
            out[n++] = node->child[k];
    return n;
}

/* Children come before parents, so one pass over the nodes is enough. */
static void count_needs(compiler *c)
{
    for (int32_t i = 0; i < c->graph->count; i++) {
        int32_t child[3], largest = 0, ties = 0;
        const int n = children(&c->graph->nodes[i], child);
        for (int k = 0; k < n; k++) {
            const int32_t wanted = c->need[child[k]];
            if (wanted > largest)
                largest = wanted, ties = 0;
            else if (wanted == largest)
                ties++;
        }
        const bool constant = c->graph->nodes[i].op == FN_OP_CONST;
        c->need[i] = constant ? 0 : largest + ties > 1 ? largest + ties : 1;
    }
}

static void count_uses(compiler *c, const int32_t *roots, int n_roots)
{
    for (int k = 0; k < n_roots; k++)
        c->uses[roots[k]]++;
    for (int32_t i = c->graph->count - 1; i >= 0; i--) {
        int32_t child[3];
        const int n = c->uses[i] ? children(&c->graph->nodes[i], child) : 0;
        for (int k = 0; k < n; k++)
            c->uses[child[k]]++;
    }
}

static void release(compiler *c, int32_t node)
{
    if (--c->uses[node] == 0 && c->home[node] >= 0)
        c->free_registers[c->n_free++] = c->home[node];
}

static fn_status take_register(compiler *c, int32_t *target, fn_error *err)
{
    if (c->n_free > 0) {
        *target = c->free_registers[--c->n_free];
        return FN_OK;
    }
    if (c->expr->n_registers == REGISTERS_MAX)
        return fn_fail(err, FN_ERR_SYNTAX, "the expression needs more than %d intermediate results at a time",
                       REGISTERS_MAX);
    *target = c->expr->n_registers++;
    return FN_OK;
}

static fn_status no_memory(fn_error *err)
{
    return fn_fail(err, FN_ERR_MEMORY, "out of memory for the expression");
}

/* Emits the code of one node, whose children have theirs. */
static fn_status emit_node(compiler *c, int32_t i, fn_error *err)
{
    const fn_node *node = &c->graph->nodes[i];
    instruction in = {.op = node->op};
    int32_t child[3];
    const int n = children(node, child);
    if (node->op == FN_OP_INPUT) {
        in.op = LOAD;
        in.source[0] = (int32_t)node->value;
    }
    for (int k = 0; k < n; k++) {
        const fn_node *from = &c->graph->nodes[child[k]];
        if (from->op != FN_OP_CONST)
            in.source[k] = c->home[child[k]];
        else if (!add_constant(c->expr, from->value, &in.source[k]))
            return no_memory(err);
    }
    for (int k = 0; k < n; k++) /* the result may take the place of an operand */
        release(c, child[k]);
    fn_status status = take_register(c, &in.target, err);
    c->home[i] = in.target;
    return status != FN_OK ? status : emit(c->expr, in) ? FN_OK : no_memory(err);
}

static bool push(compiler *c, int32_t *n, int32_t node)
{
    if (!fn_reserve(&c->stack, &c->stack_capacity, (size_t)*n + 1, sizeof node))
        return false;
    c->stack[(*n)++] = node;
    return true;
}

/* Emits everything below a root, the child that needs more registers first. */
static fn_status emit_tree(compiler *c, int32_t root, fn_error *err)
{
    int32_t n = 0;
    if (!push(c, &n, root))
        return no_memory(err);
    while (n > 0) {
        const int32_t i = c->stack[n - 1];
        if (c->home[i] >= 0 || c->graph->nodes[i].op == FN_OP_CONST) {
            n--;
            continue;
        }
        int32_t child[3];
        const int n_children = children(&c->graph->nodes[i], child);
        for (int a = 1; a < n_children; a++) /* neediest last, so that it is on top of the stack */
            for (int b = a; b > 0 && c->need[child[b]] < c->need[child[b - 1]]; b--) {
                const int32_t swap = child[b];
                child[b] = child[b - 1];
                child[b - 1] = swap;
            }
        bool ready = true;
        for (int k = 0; k < n_children; k++)
            if (c->home[child[k]] < 0 && c->graph->nodes[child[k]].op != FN_OP_CONST) {
                ready = false;
                if (!push(c, &n, child[k]))
                    return no_memory(err);
            }
        if (ready) {
            fn_status status = emit_node(c, i, err);
            if (status != FN_OK)
                return status;
            n--;
        }
    }
    return FN_OK;
}

static fn_status emit_output(compiler *c, int32_t root, int output, fn_error *err)
{
    fn_status status = emit_tree(c, root, err);
    if (status != FN_OK)
        return status;
    int32_t from = c->home[root];
    if (c->graph->nodes[root].op == FN_OP_CONST) {
        instruction fill = {.op = FILL};
        if ((status = take_register(c, &fill.target, err)) != FN_OK)
            return status;
        if (!add_constant(c->expr, c->graph->nodes[root].value, &fill.source[0]) || !emit(c->expr, fill))
            return no_memory(err);
        from = fill.target;
        c->free_registers[c->n_free++] = from;
    }
    if (!emit(c->expr, (instruction){.op = STORE, .target = output, .source = {from}}))
        return no_memory(err);
    release(c, root);
    return FN_OK;
}

static fn_status emit_program(fn_expr *e, const fn_graph *graph, const int32_t *roots, fn_error *err)
{
    const size_t n = (size_t)graph->count;
    compiler c = {.expr = e,
                  .graph = graph,
                  .need = malloc(n * sizeof(int32_t)),
                  .uses = calloc(n, sizeof(int32_t)),
                  .home = malloc(n * sizeof(int32_t)),
                  .free_registers = malloc((REGISTERS_MAX + 1) * sizeof(int32_t))};
    fn_status status = FN_OK;
    if (!c.need || !c.uses || !c.home || !c.free_registers)
        status = no_memory(err);
    else {
        memset(c.home, 0xFF, n * sizeof(int32_t));
        count_needs(&c);
        count_uses(&c, roots, e->n_outputs);
        for (int k = 0; status == FN_OK && k < e->n_outputs; k++)
            status = emit_output(&c, roots[k], k, err);
    }
    free(c.need);
    free(c.uses);
    free(c.home);
    free(c.free_registers);
    free(c.stack);
    return status;
}

fn_status fn_expr_compile(const char *const *texts, int n_texts, const fn_expr_options *options, fn_expr **out,
                          fn_error *err)
{
    *out = NULL;
    if (n_texts < 1)
        return fn_fail(err, FN_ERR_ARGUMENT, "there is no expression");
    fn_graph graph;
    fn_graph_init(&graph, options->nodata);
    fn_expr *e = calloc(1, sizeof *e);
    int32_t *roots = malloc((size_t)n_texts * sizeof *roots);
    fn_status status = e && roots ? FN_OK : no_memory(err);
    for (int k = 0; status == FN_OK && k < n_texts; k++) {
        status = fn_parse(texts[k], options, &graph, &e->inputs, &roots[k], err);
        if (status == FN_ERR_SYNTAX && n_texts > 1 && err) {
            fn_error inner = *err;
            fn_fail(err, status, "expression %d: %.980s", k + 1, inner.text);
        }
    }
    if (status == FN_OK) {
        e->n_outputs = n_texts;
        e->nodata = options->nodata;
        e->kernels = fn_kernels_get(fn_simd_best());
        status = emit_program(e, &graph, roots, err);
    }
    free(roots);
    fn_graph_destroy(&graph);
    if (status == FN_OK)
        *out = e;
    else
        fn_expr_free(e);
    return status;
}

void fn_expr_free(fn_expr *e)
{
    if (!e)
        return;
    free(e->code);
    free(e->constants);
    free(e->inputs.items);
    free(e);
}

int fn_expr_output_count(const fn_expr *e)
{
    return e->n_outputs;
}

int fn_expr_input_count(const fn_expr *e)
{
    return e->inputs.count;
}

void fn_expr_input(const fn_expr *e, int i, char *name, int *band)
{
    *name = e->inputs.items[i].name;
    *band = e->inputs.items[i].band;
}

/* ---- running ---- */

#define ALIGNMENT 64

size_t fn_expr_scratch_bytes(const fn_expr *e)
{
    return (size_t)e->n_registers * FN_BLOCK * sizeof(double) + ALIGNMENT;
}

/* Runs the whole program over one block; returns n, or the index in the block of a value that double does not hold. */
static size_t run_block(const fn_expr *e, const fn_kernels *kernels, size_t first, size_t n, const fn_plane *inputs,
                        const fn_sink *outputs, double *registers)
{
    const fn_kernel *operations = e->nodata ? kernels->nodata : kernels->ieee;
    const size_t lanes = (n + FN_LANES - 1) / FN_LANES * FN_LANES;
    for (const instruction *in = e->code, *end = in + e->n_code; in < end; in++) {
        double *target = registers + (size_t)in->target * FN_BLOCK;
        switch (in->op) {
        case LOAD: {
            const fn_plane *plane = &inputs[in->source[0]];
            size_t done = kernels->load[plane->type](target, plane, first, n, e->nodata);
            if (done < n)
                return done;
            for (size_t i = n; i < lanes; i++)
                target[i] = 0;
            break;
        }
        case FILL:
            for (size_t i = 0; i < lanes; i++)
                target[i] = e->constants[-1 - in->source[0]];
            break;
        case STORE: {
            const fn_sink *sink = &outputs[in->target];
            size_t done = kernels->store[sink->type](sink, first, registers + (size_t)in->source[0] * FN_BLOCK, n);
            if (done < n)
                return done;
            break;
        }
        default: {
            const double *operand[3];
            int step[3];
            for (int k = 0; k < 3; k++) {
                const int32_t s = in->source[k];
                step[k] = s >= 0;
                operand[k] = s >= 0 ? registers + (size_t)s * FN_BLOCK : &e->constants[-1 - s];
            }
            operations[in->op](target, operand, step, lanes);
        }
        }
    }
    return n;
}

static fn_status run_with(const fn_expr *e, const fn_kernels *kernels, size_t n, const fn_plane *inputs,
                          const fn_sink *outputs, void *scratch, size_t *bad, fn_error *err)
{
    double *registers = (double *)(((uintptr_t)scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    for (size_t first = 0; first < n; first += FN_BLOCK) {
        const size_t block = n - first < FN_BLOCK ? n - first : FN_BLOCK;
        const size_t done = run_block(e, kernels, first, block, inputs, outputs, registers);
        if (done < block) {
            if (bad)
                *bad = first + done;
            return fn_fail(err, FN_ERR_VALUE,
                           "a 64 bit integer of 2^53 or beyond cannot be told from a rounded one in double precision");
        }
    }
    return FN_OK;
}

fn_status fn_expr_run_simd(const fn_expr *e, fn_simd simd, size_t n, const fn_plane *inputs, const fn_sink *outputs,
                           void *scratch, size_t *bad, fn_error *err)
{
    if (!fn_simd_available(simd))
        return fn_fail(err, FN_ERR_ARGUMENT, "this machine has no %s", fn_simd_name(simd));
    return run_with(e, fn_kernels_get(simd), n, inputs, outputs, scratch, bad, err);
}

fn_status fn_expr_run(const fn_expr *e, size_t n, const fn_plane *inputs, const fn_sink *outputs, void *scratch,
                      size_t *bad, fn_error *err)
{
    return run_with(e, e->kernels, n, inputs, outputs, scratch, bad, err);
}
