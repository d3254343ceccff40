/* The expression graph: operations as nodes, each made once (common subexpressions are shared), children before
 * parents. Made by parse.c, turned into a program by expr.c. */
#ifndef FN_GRAPH_H
#define FN_GRAPH_H

#include "fishnet/expr.h"
#include "lists.h"
#include "ops.h"

/* What is known of a node's values: 0 or 1, whole numbers, anything. NaN belongs to all three. */
typedef enum fn_kind { FN_BOOL, FN_INT, FN_REAL } fn_kind;

typedef struct fn_node {
    uint8_t op;   /* fn_op */
    uint8_t kind; /* fn_kind */
    int32_t child[3];
    double value; /* of a constant; the index of FN_OP_INPUT's tap, of FN_OP_NEIGHBORHOOD, of FN_OP_LIST's order */
    int32_t next; /* in the hash chain */
} fn_node;

/* Nodes that lists consist of. */
typedef struct fn_list {
    size_t first; /* in fn_graph.members */
    int32_t count;
} fn_list;

/* What is asked for of a list. */
typedef struct fn_order {
    int32_t list; /* in fn_graph.lists */
    fn_list_asked asked;
} fn_order;

typedef struct fn_graph {
    fn_node *nodes;
    int32_t count, capacity;
    int32_t *table; /* hash -> first node, -1 none */
    uint32_t table_size;
    bool nodata;         /* NaN propagates through everything */
    bool beyond_float32; /* a whole number was read that Float32 cannot hold */
    fn_list *lists;
    size_t n_lists, list_capacity;
    int32_t *members;
    size_t n_members, member_capacity;
    fn_order *orders;
    size_t n_orders, order_capacity;
} fn_graph;

void fn_graph_init(fn_graph *graph, bool nodata);
void fn_graph_destroy(fn_graph *graph);

/* Each returns a node's index, or -1 when out of memory; -1 as a child gives -1. */
int32_t fn_graph_const(fn_graph *graph, double value, fn_kind kind);
int32_t fn_graph_input(fn_graph *graph, int index, fn_kind kind);
int32_t fn_graph_neighborhood(fn_graph *graph, int index, int32_t child, fn_kind kind);
/* An order statistic of the nodes; NaN where it has no value. */
int32_t fn_graph_order(fn_graph *graph, const int32_t *nodes, int32_t n, fn_list_asked asked, fn_kind kind);

int fn_op_operands(fn_op op);

/* The nodes that a node is computed of. */
const int32_t *fn_graph_operands(const fn_graph *graph, int32_t node, int32_t *n);

/* Folds operations on constants. Unused children are given as -2 (FN_NO_CHILD). */
#define FN_NO_CHILD (-2)
int32_t fn_graph_op(fn_graph *graph, fn_op op, int32_t a, int32_t b, int32_t c);

#endif
