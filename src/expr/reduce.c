/* The two stacks: pushing onto them, and applying the operator on top to the operands on top. */
#include "array.h"
#include "parser.h"

fn_status fn_parser_push_operand(fn_parser *p, fn_operand o)
{
    if (o.node < 0 || !fn_reserve(&p->operands, &p->operand_capacity, (size_t)p->n_operands + 1, sizeof o))
        return fn_parser_no_memory(p);
    p->operands[p->n_operands++] = o;
    return FN_OK;
}

fn_status fn_parser_push_waiting(fn_parser *p, fn_waiting w)
{
    if (!fn_reserve(&p->stack, &p->stack_capacity, (size_t)p->n_stack + 1, sizeof w))
        return fn_parser_no_memory(p);
    p->stack[p->n_stack++] = w;
    return FN_OK;
}

fn_status fn_parser_add_member(fn_parser *p, int32_t node)
{
    if (node < 0 || !fn_reserve(&p->members, &p->member_capacity, (size_t)p->n_members + 1, sizeof node))
        return fn_parser_no_memory(p);
    p->members[p->n_members++] = node;
    return FN_OK;
}

/* ---- a rule applied ---- */

static fn_kind kind(const fn_parser *p, int32_t node)
{
    return (fn_kind)p->graph->nodes[node].kind;
}

static fn_status need_integers(fn_parser *p, const fn_rule *r, const fn_operand *o, int n)
{
    for (int i = 0; i < n; i++)
        if (kind(p, o[i].node) == FN_REAL)
            return fn_parser_complain(
                p, o[i].position,
                "'%s' needs integers, but this %s may have a fraction; make it whole with floor() or round()", r->name,
                n > 1 ? (i == 0 ? "left operand" : "right operand") : "operand");
    return FN_OK;
}

static bool are_bools(const fn_parser *p, const fn_operand *o)
{
    return kind(p, o[0].node) == FN_BOOL && kind(p, o[1].node) == FN_BOOL;
}

/* Whether the rule can be applied to such operands. */
static fn_status check_operands(fn_parser *p, const fn_rule *r, const fn_operand *o)
{
    switch (r->action) {
    case FN_DO_COMPARE:
        for (int i = 0; i < 2; i++) {
            if (o[i].bare == FN_BARE_NODATA)
                return fn_parser_complain(p, o[i].position,
                                          "comparing with NODATA always gives NODATA; use isnodata(...)");
            if (o[i].bare == FN_BARE_NAN && (r->op == FN_OP_EQ || r->op == FN_OP_NE))
                return fn_parser_complain(p, o[i].position, "nothing equals nan; use isnan(...)");
        }
        return FN_OK;
    case FN_DO_BITS:
        return are_bools(p, o) ? FN_OK : need_integers(p, r, o, 2);
    case FN_DO_SHIFT:
        return need_integers(p, r, o, 2);
    case FN_DO_INVERT:
        return need_integers(p, r, o, 1);
    default:
        return FN_OK;
    }
}

static fn_op logical_op(fn_op bits)
{
    return bits == FN_OP_BITAND ? FN_OP_AND : bits == FN_OP_BITOR ? FN_OP_OR : FN_OP_XOR;
}

/* The node of the rule, whose operands are good; -1: out of memory. */
static int32_t make_node(const fn_parser *p, const fn_rule *r, bool numpy, const fn_operand *o, int32_t n)
{
    fn_graph *g = p->graph;
    const int32_t none = FN_NO_CHILD;
    const int32_t a = o[0].node, b = n > 1 ? o[1].node : none, c = n > 2 ? o[2].node : none;
    switch (r->action) {
    case FN_DO_OP:
    case FN_DO_COMPARE:
    case FN_DO_SHIFT:
        return fn_graph_op(g, r->op, a, b, c);
    case FN_DO_BITS:
        return fn_graph_op(g, are_bools(p, o) ? logical_op(r->op) : r->op, a, b, none);
    case FN_DO_INVERT:
        if (kind(p, a) == FN_BOOL)
            return fn_graph_op(g, FN_OP_NOT, a, none, none);
        /* -x-1, by way of the bits so that what has lost them gives NaN */
        return fn_graph_op(g, FN_OP_BITXOR, a, fn_graph_const(g, -1, FN_INT), none);
    case FN_DO_CLAMP:
        return fn_graph_op(g, FN_OP_MIN, fn_graph_op(g, FN_OP_MAX, a, b, none), c, none);
    case FN_DO_SQUARE:
        return fn_graph_op(g, FN_OP_MUL, a, a, none);
    case FN_DO_RECIPROCAL:
        return fn_graph_op(g, FN_OP_DIV, fn_graph_const(g, 1, FN_INT), a, none);
    case FN_DO_SCALE:
        return fn_graph_op(g, FN_OP_MUL, a, fn_graph_const(g, r->scale, FN_REAL), none);
    case FN_DO_ROUND:
        return fn_graph_op(g, numpy ? FN_OP_RINT : FN_OP_ROUND, a, none, none);
    case FN_DO_ISNODATA:
        return g->nodata ? fn_graph_op(g, FN_OP_ISNAN, a, none, none) : fn_graph_const(g, 0, FN_BOOL);
    case FN_DO_LIST: /* fn_parser_apply_list() and fn_parser_apply_neighborhood() have their own ways */
    case FN_DO_NEIGHBORHOOD:
    case FN_DO_IDENTITY:
        break;
    }
    return a;
}

static fn_status apply_to_values(fn_parser *p, const fn_rule *r, bool numpy, const fn_operand *o, int32_t n,
                                 int32_t *node)
{
    const fn_status status = check_operands(p, r, o);
    if (status != FN_OK)
        return status;
    *node = make_node(p, r, numpy, o, n);
    return *node < 0 ? fn_parser_no_memory(p) : FN_OK;
}

/* The operand that says how long the result is; NULL: there is no list. */
static fn_status find_list(fn_parser *p, const fn_operand *o, int32_t n, const fn_operand **list)
{
    *list = NULL;
    for (int32_t i = 0; i < n; i++) {
        if (!o[i].is_list)
            continue;
        if (*list && (*list)->count != o[i].count)
            return fn_parser_complain(p, o[i].position,
                                      "a list of %d beside the list of %d at position %d: they must be as long",
                                      (int)o[i].count, (int)(*list)->count, (int)(*list)->position + 1);
        *list = *list ? *list : &o[i];
    }
    return FN_OK;
}

/* Values are repeated for each member. */
static fn_status apply_to_lists(fn_parser *p, const fn_rule *r, bool numpy, const fn_operand *o, int32_t n,
                                int32_t count, fn_operand *result)
{
    enum { MOST = 3 }; /* operands of any rule */
    fn_operand of_member[MOST];
    *result = (fn_operand){.node = p->n_members, .is_list = true, .count = count};
    for (int32_t k = 0; k < count; k++) {
        int32_t node = -1;
        for (int32_t i = 0; i < n; i++) {
            of_member[i] = o[i];
            if (o[i].is_list)
                of_member[i].node = p->members[o[i].node + k];
        }
        fn_status status = apply_to_values(p, r, numpy, of_member, n, &node);
        if (status == FN_OK)
            status = fn_parser_add_member(p, node);
        if (status != FN_OK)
            return status;
    }
    return FN_OK;
}

fn_status fn_parser_apply(fn_parser *p, const fn_rule *r, bool numpy, const fn_operand *o, int32_t n,
                          fn_operand *result)
{
    const fn_operand *list;
    const fn_status status = find_list(p, o, n, &list);
    *result = (fn_operand){.node = -1};
    if (status != FN_OK)
        return status;
    return list ? apply_to_lists(p, r, numpy, o, n, list->count, result)
                : apply_to_values(p, r, numpy, o, n, &result->node);
}

/* ---- operators ---- */

static fn_status ask_for_parentheses(fn_parser *p, uint32_t position, const char *comparison)
{
    return fn_parser_complain(
        p, position,
        "Python and C read '&' and '|' beside '%s' differently; put parentheses around what belongs "
        "together, as in (A>1) & (B<2) or (A&4) == 4",
        comparison);
}

/* `A>1 & B<2` and `A&4 == 4` mean one thing to Python and another to C, `0<A<5` too: refused, never guessed. */
static fn_status refuse_ambiguous(fn_parser *p, const fn_waiting *w, const fn_operand *o)
{
    for (int i = 0; i < 2; i++) {
        if (o[i].bare == FN_BARE_BITS)
            return ask_for_parentheses(p, o[i].bare_position, w->rule->name);
        if (o[i].bare == FN_BARE_COMPARE)
            return fn_parser_complain(p, w->position,
                                      "comparisons cannot be chained; write (0 < A) && (A < 5) for 0 < A < 5");
    }
    return FN_OK;
}

static bool is_real(const fn_parser *p, const fn_operand *o)
{
    return kind(p, o->is_list ? p->members[o->node] : o->node) == FN_REAL;
}

/* Real numbers beside '&' or '|', and a comparison next to them: what is missing is not floor() but parentheses. */
static fn_status check_bits(fn_parser *p, const fn_waiting *w, const fn_operand *o)
{
    const fn_waiting *before = p->n_stack ? &p->stack[p->n_stack - 1] : NULL;
    const fn_sign *behind = fn_language_binary(p->at);
    const char *comparison = NULL;
    if (before && before->kind == FN_WAITING_OPERATOR && before->precedence == FN_P_COMPARE)
        comparison = before->rule->name;
    else if (behind && behind->precedence == FN_P_COMPARE)
        comparison = behind->text;
    if (comparison && (is_real(p, &o[0]) || is_real(p, &o[1])))
        return ask_for_parentheses(p, w->position, comparison);
    return FN_OK;
}

/* Takes the top operator off the stack and applies it. */
static fn_status reduce(fn_parser *p)
{
    const fn_waiting w = p->stack[--p->n_stack];
    const int n = w.rule->min_args;
    fn_operand *o = &p->operands[p->n_operands - n];
    fn_status status = FN_OK;
    if (w.precedence == FN_P_COMPARE && (status = refuse_ambiguous(p, &w, o)) != FN_OK)
        return status;
    const bool bits = w.precedence == FN_P_BITAND || w.precedence == FN_P_BITOR;
    if (bits && (status = check_bits(p, &w, o)) != FN_OK)
        return status;
    fn_operand result;
    if ((status = fn_parser_apply(p, w.rule, false, o, n, &result)) != FN_OK)
        return status;
    result.position = o->position < w.position ? o->position : w.position;
    result.bare = bits ? FN_BARE_BITS : w.precedence == FN_P_COMPARE ? FN_BARE_COMPARE : FN_BARE_NOTHING;
    result.bare_position = w.position;
    *o = result;
    p->n_operands -= n - 1;
    return FN_OK;
}

fn_status fn_parser_reduce_above(fn_parser *p, int precedence, bool right)
{
    while (p->n_stack > 0) {
        const fn_waiting *w = &p->stack[p->n_stack - 1];
        if (w->kind != FN_WAITING_OPERATOR && w->kind != FN_WAITING_CHOICE)
            break;
        if (w->precedence < precedence || (w->precedence == precedence && right))
            break;
        fn_status status = reduce(p);
        if (status != FN_OK)
            return status;
    }
    return FN_OK;
}
