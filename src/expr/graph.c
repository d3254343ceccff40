#include "graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "kernels.h"

static const struct {
    int operands;
} ops[FN_OP_COUNT] = {
#define OP_INFO(name, operands_, ieee, nodata_) [FN_OP_##name] = {operands_},
    FN_OPS(OP_INFO)
#undef OP_INFO
};

int fn_op_operands(fn_op op)
{
    return ops[op].operands;
}

void fn_graph_init(fn_graph *graph, bool nodata)
{
    *graph = (fn_graph){.nodata = nodata};
}

void fn_graph_destroy(fn_graph *graph)
{
    free(graph->nodes);
    free(graph->table);
    free(graph->lists);
    free(graph->members);
    free(graph->orders);
    *graph = (fn_graph){0};
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint32_t hash(const fn_node *node)
{
    uint64_t h = bits_of(node->value) + node->op;
    for (int k = 0; k < 3; k++)
        h = (h ^ (uint32_t)node->child[k]) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(h >> 32);
}

static bool same(const fn_node *a, const fn_node *b)
{
    return a->op == b->op && a->kind == b->kind && memcmp(a->child, b->child, sizeof a->child) == 0 &&
           bits_of(a->value) == bits_of(b->value);
}

static bool grow(fn_graph *graph)
{
    int32_t capacity = graph->capacity ? graph->capacity * 2 : 64;
    fn_node *nodes = realloc(graph->nodes, (size_t)capacity * sizeof *nodes);
    if (!nodes)
        return false;
    graph->nodes = nodes;
    uint32_t size = (uint32_t)capacity * 2;
    int32_t *table = malloc(size * sizeof *table);
    if (!table)
        return false;
    free(graph->table);
    graph->table = table;
    graph->table_size = size;
    graph->capacity = capacity;
    memset(table, 0xFF, size * sizeof *table);
    for (int32_t i = 0; i < graph->count; i++) {
        int32_t *slot = &table[hash(&nodes[i]) & (size - 1)];
        nodes[i].next = *slot;
        *slot = i;
    }
    return true;
}

static int32_t find_or_add(fn_graph *graph, fn_node node)
{
    if (graph->count == graph->capacity && !grow(graph))
        return -1;
    int32_t *slot = &graph->table[hash(&node) & (graph->table_size - 1)];
    for (int32_t i = *slot; i >= 0; i = graph->nodes[i].next)
        if (same(&graph->nodes[i], &node))
            return i;
    node.next = *slot;
    graph->nodes[graph->count] = node;
    return *slot = graph->count++;
}

int32_t fn_graph_const(fn_graph *graph, double value, fn_kind kind)
{
    if (isnan(value)) {
        value = NAN; /* one NaN only */
        if (graph->nodata)
            kind = FN_BOOL; /* NoData belongs to values of any kind */
    }
    return find_or_add(graph, (fn_node){.op = FN_OP_CONST,
                                        .kind = (uint8_t)kind,
                                        .child = {FN_NO_CHILD, FN_NO_CHILD, FN_NO_CHILD},
                                        .value = value});
}

int32_t fn_graph_input(fn_graph *graph, int index, fn_kind kind)
{
    return find_or_add(graph, (fn_node){.op = FN_OP_INPUT,
                                        .kind = (uint8_t)kind,
                                        .child = {FN_NO_CHILD, FN_NO_CHILD, FN_NO_CHILD},
                                        .value = index});
}

int32_t fn_graph_neighborhood(fn_graph *graph, int index, int32_t child, fn_kind kind)
{
    if (child < 0)
        return -1;
    return find_or_add(graph, (fn_node){.op = FN_OP_NEIGHBORHOOD,
                                        .kind = (uint8_t)kind,
                                        .child = {child, FN_NO_CHILD, FN_NO_CHILD},
                                        .value = index});
}

/* The list of these nodes; -1: out of memory. */
static int32_t find_or_add_list(fn_graph *g, const int32_t *nodes, int32_t n)
{
    const size_t bytes = (size_t)n * sizeof *nodes;
    for (size_t i = 0; i < g->n_lists; i++)
        if (g->lists[i].count == n && memcmp(g->members + g->lists[i].first, nodes, bytes) == 0)
            return (int32_t)i;
    if (!fn_reserve(&g->members, &g->member_capacity, g->n_members + (size_t)n, sizeof *g->members) ||
        !fn_reserve(&g->lists, &g->list_capacity, g->n_lists + 1, sizeof *g->lists))
        return -1;
    memcpy(g->members + g->n_members, nodes, bytes);
    g->lists[g->n_lists] = (fn_list){g->n_members, n};
    g->n_members += (size_t)n;
    return (int32_t)g->n_lists++;
}

int32_t fn_graph_order(fn_graph *g, const int32_t *nodes, int32_t n, fn_list_asked asked, fn_kind kind)
{
    const int32_t list = find_or_add_list(g, nodes, n);
    size_t i = 0;
    if (list < 0)
        return -1;
    while (i < g->n_orders &&
           (g->orders[i].list != list || g->orders[i].asked.statistic != asked.statistic ||
            g->orders[i].asked.skips != asked.skips || bits_of(g->orders[i].asked.quantile) != bits_of(asked.quantile)))
        i++;
    if (i == g->n_orders) {
        if (!fn_reserve(&g->orders, &g->order_capacity, g->n_orders + 1, sizeof *g->orders))
            return -1;
        g->orders[g->n_orders++] = (fn_order){list, asked};
    }
    return find_or_add(g, (fn_node){.op = FN_OP_LIST,
                                    .kind = (uint8_t)kind,
                                    .child = {FN_NO_CHILD, FN_NO_CHILD, FN_NO_CHILD},
                                    .value = (double)i});
}

const int32_t *fn_graph_operands(const fn_graph *g, int32_t i, int32_t *n)
{
    const fn_node *node = &g->nodes[i];
    if (node->op == FN_OP_LIST) {
        const fn_list *list = &g->lists[g->orders[(size_t)node->value].list];
        *n = list->count;
        return g->members + list->first;
    }
    *n = 0;
    while (*n < 3 && node->child[*n] >= 0)
        (*n)++;
    return node->child;
}

static bool is_whole_power(const fn_node *base, const fn_node *exponent)
{
    return base->kind != FN_REAL && exponent->op == FN_OP_CONST && exponent->kind != FN_REAL && exponent->value >= 0;
}

/* Which values can the operation have, given those of its operands? */
static fn_kind kind_of(const fn_graph *graph, fn_op op, const int32_t *child)
{
    const fn_node *n = graph->nodes;
    switch (op) {
    case FN_OP_NOT:
    case FN_OP_TRUTH:
    case FN_OP_ISNAN:
    case FN_OP_ISINF:
    case FN_OP_ISFINITE:
    case FN_OP_LT:
    case FN_OP_LE:
    case FN_OP_GT:
    case FN_OP_GE:
    case FN_OP_EQ:
    case FN_OP_NE:
    case FN_OP_AND:
    case FN_OP_OR:
    case FN_OP_XOR:
    case FN_OP_ISLESS:
    case FN_OP_ISMORE:
        return FN_BOOL;
    case FN_OP_FLOOR:
    case FN_OP_CEIL:
    case FN_OP_TRUNC:
    case FN_OP_RINT:
    case FN_OP_ROUND:
    case FN_OP_SIGN:
    case FN_OP_BITAND:
    case FN_OP_BITOR:
    case FN_OP_BITXOR:
    case FN_OP_SHL:
    case FN_OP_SHR:
    case FN_OP_COUNTVALID:
        return FN_INT;
    case FN_OP_NEG:
    case FN_OP_ABS:
    case FN_OP_ADD:
    case FN_OP_SUB:
    case FN_OP_MUL:
    case FN_OP_FLOORDIV:
    case FN_OP_MOD:
    case FN_OP_FMOD:
    case FN_OP_MIN:
    case FN_OP_MAX:
    case FN_OP_FMIN:
    case FN_OP_FMAX:
    case FN_OP_ADDVALID:
        for (int k = 0; k < ops[op].operands; k++)
            if (n[child[k]].kind == FN_REAL)
                return FN_REAL;
        return FN_INT;
    case FN_OP_POW:
        return is_whole_power(&n[child[0]], &n[child[1]]) ? FN_INT : FN_REAL;
    case FN_OP_WHERE:
        return n[child[1]].kind > n[child[2]].kind ? n[child[1]].kind : n[child[2]].kind;
    default:
        return FN_REAL;
    }
}

/* A power of two, small enough that its reciprocal is a number. Multiplying by that gives the bits of the division. */
static bool has_exact_reciprocal(double value)
{
    int exponent;
    return fabs(frexp(value, &exponent)) == 0.5 && isfinite(1 / value);
}

int32_t fn_graph_op(fn_graph *graph, fn_op op, int32_t a, int32_t b, int32_t c)
{
    const int32_t child[3] = {a, b, c};
    bool constant = true;
    for (int k = 0; k < ops[op].operands; k++) {
        if (child[k] < 0)
            return -1;
        constant &= graph->nodes[child[k]].op == FN_OP_CONST;
    }
    fn_kind kind = kind_of(graph, op, child);
    if (constant && op != FN_OP_WHERE) {
        double value, operand[3] = {0};
        const double *pointers[3] = {&operand[0], &operand[1], &operand[2]};
        for (int k = 0; k < ops[op].operands; k++)
            operand[k] = graph->nodes[child[k]].value;
        const fn_kernel *kernels = graph->nodata ? fn_kernels_plain.nodata : fn_kernels_plain.ieee;
        kernels[op](&value, pointers, (const int[3]){0, 0, 0}, 1);
        return fn_graph_const(graph, value, kind);
    }
    if (op == FN_OP_WHERE && graph->nodes[a].op == FN_OP_CONST) {
        double condition = graph->nodes[a].value;
        if (graph->nodata && isnan(condition))
            return a;
        return condition != 0 ? b : c; /* NaN is true, as everywhere in IEEE 754 mode */
    }
    /* x^2 as x*x: exactly rounded, and what numpy computes. */
    if (op == FN_OP_POW && graph->nodes[b].op == FN_OP_CONST && graph->nodes[b].value == 2)
        return fn_graph_op(graph, FN_OP_MUL, a, a, FN_NO_CHILD);
    if (op == FN_OP_DIV && graph->nodes[b].op == FN_OP_CONST && has_exact_reciprocal(graph->nodes[b].value))
        return fn_graph_op(graph, FN_OP_MUL, a, fn_graph_const(graph, 1 / graph->nodes[b].value, FN_REAL), FN_NO_CHILD);
    return find_or_add(graph, (fn_node){.op = (uint8_t)op, .kind = (uint8_t)kind, .child = {a, b, c}});
}
