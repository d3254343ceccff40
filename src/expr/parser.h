/* The parser from the inside: its state, its two stacks, and who does what to them. */
#ifndef FN_PARSER_H
#define FN_PARSER_H

#include <ctype.h>

#include "language.h"
#include "parse.h"

/* A finished operand: a value, or a list of them. `bare` remembers the operator that made it, if no parentheses stand
 * around it. */
typedef struct fn_operand {
    int32_t node; /* of a list: the place of its first one in fn_parser.members */
    bool is_list;
    int32_t count;  /* of a list */
    bool from_zero; /* places in a list that are counted so */
    uint32_t position;
    enum { FN_BARE_NOTHING, FN_BARE_COMPARE, FN_BARE_BITS, FN_BARE_NODATA, FN_BARE_NAN } bare;
    uint32_t bare_position;
} fn_operand;

/* An operator or a parenthesis that waits for its end. */
typedef struct fn_waiting {
    enum {
        FN_WAITING_OPERATOR,
        FN_WAITING_QUESTION,
        FN_WAITING_CHOICE,
        FN_WAITING_PARENTHESIS,
        FN_WAITING_CALL,
        FN_WAITING_LIST /* [a, b], or (a, b) as an argument */
    } kind;
    char closing; /* of a list */
    int precedence;
    const fn_rule *rule;
    bool numpy; /* the function's name stood behind numpy. */
    uint32_t position;
    int32_t base; /* operands below what stands in parentheses */
} fn_waiting;

typedef struct fn_parser {
    const char *text;
    const char *at;
    const fn_expr_options *options;
    int band; /* of names alone */
    fn_graph *graph;
    fn_inputs *inputs;
    fn_neighborhoods *neighborhoods;
    fn_error *err;
    fn_operand *operands;
    int32_t n_operands;
    size_t operand_capacity;
    fn_waiting *stack;
    int32_t n_stack;
    size_t stack_capacity;
    int32_t *members; /* nodes of lists, one list after the other */
    int32_t n_members;
    size_t member_capacity;
} fn_parser;

static inline uint32_t fn_parser_here(const fn_parser *p)
{
    return (uint32_t)(p->at - p->text);
}

static inline void fn_parser_skip_space(fn_parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

/* ---- complain.c ---- */

/* Fails with the message, "at position N", an excerpt of the text and a caret below the place. */
fn_status fn_parser_complain(fn_parser *p, size_t offset, const char *format, ...) FN_PRINTF(3, 4);
fn_status fn_parser_no_memory(fn_parser *p);

/* ---- reduce.c ---- */

fn_status fn_parser_push_operand(fn_parser *p, fn_operand o);
fn_status fn_parser_push_waiting(fn_parser *p, fn_waiting w);
/* Applies a rule to n operands: the node of *result, or its list, member by member. numpy: the rule's name was written
 * numpy.name. */
fn_status fn_parser_apply(fn_parser *p, const fn_rule *r, bool numpy, const fn_operand *o, int32_t n,
                          fn_operand *result);
/* Adds a node to the list that is being made: those behind the first one, see fn_operand. */
fn_status fn_parser_add_member(fn_parser *p, int32_t node);
/* Applies all operators that bind tighter than `precedence` (or as tight, if the next one is left associative). */
fn_status fn_parser_reduce_above(fn_parser *p, int precedence, bool right);

/* ---- names.c ---- */

/* A raster or a stack with its bands and neighbours, of the name that p->at stands at. *known: there is such a name;
 * else nothing has been read, and the reason may say why. */
fn_status fn_parser_read_raster(fn_parser *p, bool *known, fn_error *reason);
/* The node of an input (its index), or of a neighbour of its pixels. */
fn_status fn_parser_input_node(fn_parser *p, int input, int row, int column, int32_t *node);
/* Can an expression look so far here? */
fn_status fn_parser_check_offset(fn_parser *p, uint32_t position, double offset);

/* ---- words.c: each reads what p->at stands at ---- */

/* unit: letters may follow. */
fn_status fn_parser_read_number(fn_parser *p, bool unit, double *value);
/* An input, a constant, or a function up to its parenthesis. *done: false after a function. */
fn_status fn_parser_read_name(fn_parser *p, bool *done);
/* x.astype(float), from the point on: everything is double already. */
fn_status fn_parser_read_method(fn_parser *p);
/* numpy. or np. in front of a name: skips it. */
bool fn_parser_skip_numpy(fn_parser *p);

#endif
