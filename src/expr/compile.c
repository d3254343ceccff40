/* From graph to a register program (the idea of numexpr: Cooke, Alted et al.). */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "program.h"

/* 8 KB each: 64 MB for one thread. A tree of n operations needs log2(n) of them; only webs of shared parts need
 * many. */
#define REGISTERS_MAX 8192

typedef struct compiler {
    fn_program *program;
    const fn_graph *graph;
    const int *tap_of; /* per node, see fn_program_compile */
    int32_t *need;     /* per node: registers needed to compute it (Sethi and Ullman, JACM 1970) */
    int32_t *uses;     /* per node: operations and outputs that still want it */
    int32_t *home;     /* per node: its register, -1 before it is computed */
    int32_t *free_registers;
    int32_t n_free;
    int32_t *stack; /* nodes to visit */
    size_t stack_capacity;
} compiler;

static bool emit(fn_program *e, fn_instruction in)
{
    if (!fn_reserve(&e->code, &e->code_capacity, e->n_code + 1, sizeof in))
        return false;
    e->code[e->n_code++] = in;
    return true;
}

static bool add_constant(fn_program *e, double value, int32_t *source)
{
    if (!fn_reserve(&e->constants, &e->constant_capacity, (size_t)e->n_constants + 1, sizeof value))
        return false;
    e->constants[e->n_constants] = value;
    *source = -1 - e->n_constants++;
    return true;
}

/* The operands that are computed here, too. */
static int children(const compiler *c, int32_t i, int32_t out[3])
{
    const fn_node *node = &c->graph->nodes[i];
    int n = 0;
    for (int k = 0; k < 3; k++)
        if (c->tap_of[i] < 0 && node->child[k] >= 0)
            out[n++] = node->child[k];
    return n;
}

/* Children come before parents, so one pass over the nodes is enough. */
static void count_needs(compiler *c)
{
    for (int32_t i = 0; i < c->graph->count; i++) {
        int32_t child[3], largest = 0, ties = 0;
        const int n = children(c, i, child);
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
        const int n = c->uses[i] ? children(c, i, child) : 0;
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
    if (c->program->n_registers == REGISTERS_MAX)
        return fn_fail(err, FN_ERR_SYNTAX, "the expression needs more than %d intermediate results at a time",
                       REGISTERS_MAX);
    *target = c->program->n_registers++;
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
    fn_instruction in = {.op = node->op};
    int32_t child[3];
    const int n = children(c, i, child);
    if (c->tap_of[i] >= 0) {
        in.op = FN_LOAD;
        in.source[0] = c->tap_of[i];
    }
    for (int k = 0; k < n; k++) {
        const fn_node *from = &c->graph->nodes[child[k]];
        if (from->op != FN_OP_CONST)
            in.source[k] = c->home[child[k]];
        else if (!add_constant(c->program, from->value, &in.source[k]))
            return no_memory(err);
    }
    for (int k = 0; k < n; k++) /* the result may take the place of an operand */
        release(c, child[k]);
    fn_status status = take_register(c, &in.target, err);
    c->home[i] = in.target;
    return status != FN_OK ? status : emit(c->program, in) ? FN_OK : no_memory(err);
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
        const int n_children = children(c, i, child);
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
        fn_instruction fill = {.op = FN_FILL};
        if ((status = take_register(c, &fill.target, err)) != FN_OK)
            return status;
        if (!add_constant(c->program, c->graph->nodes[root].value, &fill.source[0]) || !emit(c->program, fill))
            return no_memory(err);
        from = fill.target;
        c->free_registers[c->n_free++] = from;
    }
    if (!emit(c->program, (fn_instruction){.op = FN_STORE, .target = output, .source = {from}}))
        return no_memory(err);
    release(c, root);
    return FN_OK;
}

fn_status fn_program_compile(const fn_graph *graph, const int32_t *roots, int n_roots, const int *tap_of,
                             fn_program *program, fn_error *err)
{
    const size_t n = (size_t)graph->count;
    compiler c = {.program = program,
                  .graph = graph,
                  .tap_of = tap_of,
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
        count_uses(&c, roots, n_roots);
        for (int k = 0; status == FN_OK && k < n_roots; k++)
            status = emit_output(&c, roots[k], k, err);
    }
    free(c.need);
    free(c.uses);
    free(c.home);
    free(c.free_registers);
    free(c.stack);
    return status;
}

void fn_program_destroy(fn_program *program)
{
    free(program->code);
    free(program->constants);
}
