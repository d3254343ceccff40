/* From graph to a register program (the idea of numexpr: Cooke, Alted et al.). */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "program.h"

/* 4 KB each: 32 MB for one thread. A tree of n operations needs log2(n) of them; only webs of shared parts need
 * many. */
#define REGISTERS_MAX 8192

typedef struct compiler {
    fn_program *program;
    const fn_graph *graph;
    fn_taps_of taps;
    int32_t *need;    /* per node: registers needed to compute it (Sethi and Ullman, JACM 1970) */
    int32_t *uses;    /* per node: operations and outputs that still want it */
    int32_t *home;    /* per node: its register, -1 before it is computed */
    uint32_t *unless; /* per node: the branches of where() that all of its uses are in */
    uint8_t *choice;  /* per node: its number, from 1, if it is a where() that may leave out a branch; else 0 */
    uint32_t judged;  /* a bit for each choice whose condition the code has judged */
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

/* The type of all operands of a list, if they are taps of one that can be sorted as it is; FN_TYPE_COUNT: they are
 * computed. */
static fn_type type_of_taps(const compiler *c, int32_t i)
{
    int32_t n;
    const int32_t *operands = fn_graph_operands(c->graph, i, &n);
    fn_type type = FN_TYPE_COUNT;
    for (int32_t k = 0; k < n; k++) {
        const int tap = c->taps.tap_of[operands[k]];
        if (!c->taps.types || tap < 0 || (k > 0 && c->taps.types[tap] != type))
            return FN_TYPE_COUNT;
        type = c->taps.types[tap];
    }
    return fn_list_sorts(type) ? type : FN_TYPE_COUNT;
}

/* The operands that are computed here, too. */
static const int32_t *children(const compiler *c, int32_t i, int32_t *n)
{
    const int32_t *operands = fn_graph_operands(c->graph, i, n);
    if (c->taps.tap_of[i] >= 0 || (c->graph->nodes[i].op == FN_OP_LIST && type_of_taps(c, i) != FN_TYPE_COUNT))
        *n = 0;
    return operands;
}

/* Children come before parents, so one pass over the nodes is enough. */
static void count_needs(compiler *c)
{
    for (int32_t i = 0; i < c->graph->count; i++) {
        int32_t n, largest = 0, ties = 0;
        const int32_t *child = children(c, i, &n);
        for (int32_t k = 0; k < n; k++) {
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
        int32_t n;
        const int32_t *child = children(c, i, &n);
        for (int32_t k = 0; c->uses[i] && k < n; k++)
            c->uses[child[k]]++;
    }
}

/* Does it take far longer than to look at a condition? */
static bool is_slow(uint8_t op)
{
    return op == FN_OP_SQRT || (op >= FN_OP_EXP && op <= FN_OP_CBRT) || (op >= FN_OP_DIV && op <= FN_OP_FMOD) ||
           (op >= FN_OP_POW && op <= FN_OP_ATAN2) || op == FN_OP_LIST;
}

/* Is it a where() with a slow branch that nothing else uses? */
static bool is_choice(const compiler *c, const bool *slow, int32_t i)
{
    const fn_node *node = &c->graph->nodes[i];
    bool worthwhile = false;
    for (int k = 1; node->op == FN_OP_WHERE && c->taps.tap_of[i] < 0 && k < 3; k++)
        worthwhile |= slow[node->child[k]] && c->uses[node->child[k]] == 1;
    return worthwhile;
}

/* A node belongs to a branch if all of its uses are in that branch. Loads belong to none: one that fails must fail in
 * any block. */
static bool find_choices(compiler *c, const int32_t *roots, int n_roots)
{
    const int32_t count = c->graph->count;
    bool *slow = calloc((size_t)count, sizeof *slow);
    if (!slow)
        return false;
    for (int32_t i = 0, n; i < count; i++) {
        const int32_t *child = children(c, i, &n);
        slow[i] = c->taps.tap_of[i] < 0 && is_slow(c->graph->nodes[i].op);
        for (int32_t k = 0; k < n; k++)
            slow[i] |= slow[child[k]];
    }
    memset(c->unless, 0xFF, (size_t)count * sizeof *c->unless);
    for (int k = 0; k < n_roots; k++)
        c->unless[roots[k]] = 0;
    uint8_t n_choices = 0;
    for (int32_t i = count - 1, n; i >= 0; i--) {
        if (c->uses[i] == 0)
            continue;
        if (c->taps.tap_of[i] >= 0)
            c->unless[i] = 0;
        if (n_choices < FN_CHOICES_MAX && is_choice(c, slow, i))
            c->choice[i] = ++n_choices;
        const int32_t *child = children(c, i, &n);
        for (int32_t k = 0; k < n; k++) {
            const uint32_t branch = c->choice[i] && k > 0 ? UINT32_C(1) << (2 * (c->choice[i] - 1) + k - 1) : 0;
            c->unless[child[k]] &= c->unless[i] | branch;
        }
    }
    free(slow);
    return true;
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
    fn_instruction in = {.op = node->op, .unless = c->unless[i]};
    int32_t n;
    const int32_t *child = children(c, i, &n);
    if (c->taps.tap_of[i] >= 0) {
        in.op = FN_LOAD;
        in.source[0] = c->taps.tap_of[i];
    }
    for (int32_t k = 0; k < n; k++) {
        const fn_node *from = &c->graph->nodes[child[k]];
        if (from->op != FN_OP_CONST)
            in.source[k] = c->home[child[k]];
        else if (!add_constant(c->program, from->value, &in.source[k]))
            return no_memory(err);
    }
    for (int32_t k = 0; k < n; k++) /* the result may take the place of an operand */
        release(c, child[k]);
    fn_status status = take_register(c, &in.target, err);
    c->home[i] = in.target;
    return status != FN_OK ? status : emit(c->program, in) ? FN_OK : no_memory(err);
}

/* ---- lists ---- */

/* Is it another statistic of the same list, which is wanted, too? */
static bool is_of_list(const compiler *c, int32_t i, int32_t list)
{
    const fn_node *node = &c->graph->nodes[i];
    return node->op == FN_OP_LIST && c->graph->orders[(size_t)node->value].list == list && c->uses[i] > 0 &&
           c->home[i] < 0 && c->taps.tap_of[i] < 0;
}

static fn_sorted_list *add_list(compiler *c, int32_t n_members, int32_t n_targets)
{
    fn_program *p = c->program;
    if (!fn_reserve(&p->lists, &p->list_capacity, (size_t)p->n_lists + 1, sizeof *p->lists))
        return NULL;
    fn_sorted_list *list = &p->lists[p->n_lists++];
    *list = (fn_sorted_list){.n_members = n_members, .n_targets = n_targets};
    list->member = malloc((size_t)n_members * sizeof *list->member);
    list->target = malloc((size_t)n_targets * sizeof *list->target);
    return list->member && list->target ? list : NULL;
}

/* Where the members are: taps, or registers; those of constants are filled, and free afterwards. */
static fn_status place_members(compiler *c, fn_sorted_list *list, const int32_t *operands, fn_error *err)
{
    for (int32_t k = 0; k < list->n_members; k++) {
        const fn_node *node = &c->graph->nodes[operands[k]];
        list->member[k] = list->taps ? c->taps.tap_of[operands[k]] : c->home[operands[k]];
        if (list->taps || node->op != FN_OP_CONST)
            continue;
        fn_instruction fill = {.op = FN_FILL};
        const fn_status status = take_register(c, &fill.target, err);
        if (status != FN_OK)
            return status;
        if (!add_constant(c->program, node->value, &fill.source[0]) || !emit(c->program, fill))
            return no_memory(err);
        list->member[k] = fill.target;
    }
    return FN_OK;
}

/* Emits all statistics that are wanted of the list of node i. */
static fn_status emit_list(compiler *c, int32_t i, fn_error *err)
{
    const fn_graph *graph = c->graph;
    const int32_t of = graph->orders[(size_t)graph->nodes[i].value].list;
    const fn_type type = type_of_taps(c, i);
    int32_t n, n_targets = 0;
    const int32_t *operands = fn_graph_operands(graph, i, &n);
    for (int32_t k = 0; k < graph->count; k++)
        n_targets += is_of_list(c, k, of);
    fn_list_asked *asked = malloc((size_t)n_targets * sizeof *asked);
    fn_sorted_list *list = asked ? add_list(c, n, n_targets) : NULL;
    fn_status status = list ? FN_OK : no_memory(err);
    if (list) {
        list->taps = type != FN_TYPE_COUNT;
        status = place_members(c, list, operands, err);
    }
    fn_instruction sort = {.op = FN_SORT, .unless = UINT32_MAX, .target = c->program->n_lists - 1};
    int32_t target = 0;
    for (int32_t k = 0; status == FN_OK && k < graph->count; k++) {
        if (!is_of_list(c, k, of))
            continue;
        asked[target] = graph->orders[(size_t)graph->nodes[k].value].asked;
        status = take_register(c, &list->target[target], err);
        c->home[k] = list->target[target++];
        sort.unless &= c->unless[k];
    }
    if (status == FN_OK)
        status =
            fn_list_orders_new((size_t)n, list->taps ? type : FN_FLOAT64, asked, (size_t)n_targets, &list->orders, err);
    if (status == FN_OK && !emit(c->program, sort))
        status = no_memory(err);
    for (int32_t k = 0; status == FN_OK && !list->taps && k < n; k++) {
        for (int32_t t = 0; t < n_targets; t++)
            release(c, operands[k]);
        if (graph->nodes[operands[k]].op == FN_OP_CONST)
            c->free_registers[c->n_free++] = list->member[k];
    }
    free(asked);
    return status;
}

/* ---- all of it ---- */

static bool push(compiler *c, int32_t *n, int32_t node)
{
    if (!fn_reserve(&c->stack, &c->stack_capacity, (size_t)*n + 1, sizeof node))
        return false;
    c->stack[(*n)++] = node;
    return true;
}

/* The condition of a choice is computed and judged before its branches. *ready: it has been. */
static bool push_condition(compiler *c, int32_t i, int32_t *n, bool *ready)
{
    const int32_t choice = c->choice[i] - 1, condition = c->graph->nodes[i].child[0];
    if (choice < 0 || c->judged >> choice & 1)
        return true;
    const int32_t at = c->home[condition];
    if (at < 0) {
        *ready = false;
        return push(c, n, condition);
    }
    c->judged |= UINT32_C(1) << choice;
    return emit(c->program,
                (fn_instruction){.op = FN_JUDGE, .unless = c->unless[i], .target = at, .source = {at, choice}});
}

/* Those that have no register yet, the one that needs most of them on top. *ready: there is none. */
static bool push_children(compiler *c, int32_t i, int32_t *n, bool *ready)
{
    int32_t count, order[3] = {0};
    const int32_t *child = children(c, i, &count);
    if (count <= 3) {
        for (int32_t a = 0; a < count; a++) {
            int32_t b = a;
            for (; b > 0 && c->need[child[a]] < c->need[order[b - 1]]; b--)
                order[b] = order[b - 1];
            order[b] = child[a];
        }
        child = order;
    }
    for (int32_t k = 0; k < count; k++) {
        const int32_t node = child[count > 3 ? count - 1 - k : k];
        if (c->home[node] >= 0 || c->graph->nodes[node].op == FN_OP_CONST)
            continue;
        *ready = false;
        if (!push(c, n, node))
            return false;
    }
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
        bool ready = true;
        if (!push_condition(c, i, &n, &ready) || (ready && !push_children(c, i, &n, &ready)))
            return no_memory(err);
        if (ready) {
            fn_status status = c->graph->nodes[i].op == FN_OP_LIST && c->taps.tap_of[i] < 0 ? emit_list(c, i, err)
                                                                                            : emit_node(c, i, err);
            if (status != FN_OK)
                return status;
            n--;
        }
    }
    return FN_OK;
}

/* ---- raster by raster ---- */

/* What is computed of a node's rasters, counted from 1; 0: it needs none. */
typedef struct rasters_of {
    int *first, *last; /* of each node */
    int32_t *order;    /* nodes by their last raster */
    bool *wanted;      /* by what needs a later raster, or as an output */
    bool *again;       /* it is to be computed once more */
} rasters_of;

static void find_rasters(const compiler *c, rasters_of *r)
{
    for (int32_t i = 0; i < c->graph->count; i++) {
        int32_t n;
        const int32_t *operands = fn_graph_operands(c->graph, i, &n);
        const int tap = c->taps.tap_of[i];
        r->first[i] = r->last[i] = tap >= 0 ? c->taps.rasters[tap] + 1 : 0;
        for (int32_t k = 0; tap < 0 && k < n; k++) {
            const int first = r->first[operands[k]], last = r->last[operands[k]];
            r->first[i] = first > 0 && (r->first[i] == 0 || first < r->first[i]) ? first : r->first[i];
            r->last[i] = last > r->last[i] ? last : r->last[i];
        }
    }
}

static bool sort_by_raster(const compiler *c, rasters_of *r)
{
    int most = 0;
    for (int32_t i = 0; i < c->graph->count; i++)
        most = r->last[i] > most ? r->last[i] : most;
    int32_t *begin = calloc((size_t)most + 2, sizeof *begin);
    if (!begin)
        return false;
    for (int32_t i = 0; i < c->graph->count; i++)
        begin[r->last[i] + 1]++;
    for (int k = 0; k <= most; k++)
        begin[k + 1] += begin[k];
    for (int32_t i = 0; i < c->graph->count; i++)
        r->order[begin[r->last[i]]++] = i;
    free(begin);
    return true;
}

static void find_wanted(const compiler *c, rasters_of *r, const int32_t *roots, int n_roots)
{
    for (int k = 0; k < n_roots; k++)
        r->wanted[roots[k]] = true;
    for (int32_t i = 0; i < c->graph->count; i++) {
        int32_t n;
        const int32_t *child = children(c, i, &n);
        for (int32_t k = 0; c->uses[i] > 0 && k < n; k++)
            r->wanted[child[k]] |= r->last[i] > r->last[child[k]];
    }
}

/* What one raster gave is computed again where it is needed later: until then it would take more room than the raster.
 * nodes: all of that raster, ascending. */
static void forget(compiler *c, rasters_of *r, const int32_t *nodes, int32_t n)
{
    for (int32_t at = n; at-- > 0;) {
        const int32_t i = nodes[at];
        if (r->first[i] != r->last[i] || r->first[i] == 0)
            continue;
        if (c->home[i] >= 0 && c->uses[i] > 0) {
            c->free_registers[c->n_free++] = c->home[i];
            c->home[i] = -1;
            r->again[i] = true;
        }
        int32_t n_children;
        const int32_t *child = children(c, i, &n_children);
        for (int32_t k = 0; r->again[i] && k < n_children; k++)
            if (c->uses[child[k]]++ == 0)
                r->again[child[k]] = true;
    }
}

/* Computes all that a raster allows before the next one is needed. */
static fn_status emit_by_raster(compiler *c, rasters_of *r, fn_error *err)
{
    const int32_t count = c->graph->count;
    fn_status status = FN_OK;
    for (int32_t begin = 0, end; status == FN_OK && begin < count; begin = end) {
        for (end = begin; end < count && r->last[r->order[end]] == r->last[r->order[begin]]; end++) {
            const int32_t i = r->order[end];
            if (status == FN_OK && r->wanted[i] && r->first[i] < r->last[i])
                status = emit_tree(c, i, err);
        }
        forget(c, r, r->order + begin, end - begin);
    }
    return status;
}

static fn_status stream(compiler *c, const int32_t *roots, int n_roots, fn_error *err)
{
    const size_t n = (size_t)c->graph->count;
    rasters_of r = {.first = malloc(n * sizeof(int)),
                    .last = malloc(n * sizeof(int)),
                    .order = malloc(n * sizeof(int32_t)),
                    .wanted = calloc(n, sizeof(bool)),
                    .again = calloc(n, sizeof(bool))};
    fn_status status = FN_ERR_MEMORY;
    if (r.first && r.last && r.order && r.wanted && r.again) {
        find_rasters(c, &r);
        find_wanted(c, &r, roots, n_roots);
        if (sort_by_raster(c, &r))
            status = emit_by_raster(c, &r, err);
    }
    free(r.first);
    free(r.last);
    free(r.order);
    free(r.wanted);
    free(r.again);
    return status == FN_ERR_MEMORY ? no_memory(err) : status;
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

fn_status fn_program_compile(const fn_graph *graph, const int32_t *roots, int n_roots, fn_taps_of taps,
                             fn_program *program, fn_error *err)
{
    const size_t n = (size_t)graph->count;
    compiler c = {.program = program,
                  .graph = graph,
                  .taps = taps,
                  .need = malloc(n * sizeof(int32_t)),
                  .uses = calloc(n, sizeof(int32_t)),
                  .home = malloc(n * sizeof(int32_t)),
                  .unless = calloc(n, sizeof(uint32_t)),
                  .choice = calloc(n, sizeof(uint8_t)),
                  .free_registers = malloc((REGISTERS_MAX + 1) * sizeof(int32_t))};
    fn_status status = FN_OK;
    if (!c.need || !c.uses || !c.home || !c.unless || !c.choice || !c.free_registers)
        status = no_memory(err);
    else {
        memset(c.home, 0xFF, n * sizeof(int32_t));
        count_needs(&c);
        count_uses(&c, roots, n_roots);
        if (!taps.rasters && !find_choices(&c, roots, n_roots))
            status = no_memory(err);
        if (taps.rasters)
            status = stream(&c, roots, n_roots, err);
        for (int k = 0; status == FN_OK && k < n_roots; k++)
            status = emit_output(&c, roots[k], k, err);
    }
    free(c.need);
    free(c.uses);
    free(c.home);
    free(c.unless);
    free(c.choice);
    free(c.free_registers);
    free(c.stack);
    return status;
}

void fn_program_destroy(fn_program *program)
{
    free(program->code);
    free(program->constants);
    for (int i = 0; i < program->n_lists; i++) {
        fn_list_orders_free(program->lists[i].orders);
        free(program->lists[i].member);
        free(program->lists[i].target);
    }
    free(program->lists);
}
