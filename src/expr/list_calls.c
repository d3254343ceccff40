#include "list_calls.h"

#include <math.h>
#include <strings.h>

/* A call whose lists have been laid out as one. */
typedef struct list_call {
    fn_parser *p;
    const struct list_rule *rule;
    bool numpy;
    uint32_t position;
    fn_arguments *arguments;
    const fn_operand *operands; /* as they were given */
    int32_t n_operands;
    int32_t first, n; /* of p->members: all but what is no member */
    fn_operand *result;
} list_call;

typedef struct list_rule {
    fn_rule rule;
    fn_status (*make)(list_call *c);
    int which;         /* of those that `make` makes */
    bool skips;        /* members without a value */
    int others;        /* operands at the end that are no members */
    const char *takes; /* how it is written */
} list_rule;

static int32_t member(const list_call *c, int32_t i)
{
    return c->p->members[c->first + i];
}

static int32_t op(const list_call *c, fn_op of, int32_t a, int32_t b)
{
    return fn_graph_op(c->p->graph, of, a, b, FN_NO_CHILD);
}

static int32_t is_nan(const list_call *c, int32_t a)
{
    return fn_graph_op(c->p->graph, FN_OP_ISNAN, a, FN_NO_CHILD, FN_NO_CHILD);
}

static int32_t where(const list_call *c, int32_t condition, int32_t a, int32_t b)
{
    return fn_graph_op(c->p->graph, FN_OP_WHERE, condition, a, b);
}

static int32_t whole(const list_call *c, int64_t value)
{
    return fn_graph_const(c->p->graph, (double)value, FN_INT);
}

static int32_t no_value(const list_call *c)
{
    return fn_graph_const(c->p->graph, (double)NAN, FN_REAL);
}

static fn_status give(const list_call *c, int32_t node)
{
    *c->result = (fn_operand){.node = node, .position = c->position};
    return node < 0 ? fn_parser_no_memory(c->p) : FN_OK;
}

/* ---- from member to member ---- */

static int32_t chain(const list_call *c, fn_op of)
{
    int32_t node = member(c, 0);
    for (int32_t i = 1; i < c->n; i++)
        node = op(c, of, node, member(c, i));
    return node;
}

static int32_t count_valid(const list_call *c)
{
    int32_t node = whole(c, 0);
    for (int32_t i = 0; i < c->n; i++)
        node = op(c, FN_OP_COUNTVALID, node, member(c, i));
    return node;
}

static int32_t sum_valid(const list_call *c)
{
    int32_t node = whole(c, 0);
    for (int32_t i = 0; i < c->n; i++)
        node = op(c, FN_OP_ADDVALID, node, member(c, i));
    return node;
}

/* NoData where no member has a value; numpy gives the neutral element there. */
static int32_t if_any(const list_call *c, int32_t node)
{
    if (!c->p->graph->nodata)
        return node;
    return where(c, op(c, FN_OP_EQ, count_valid(c), whole(c, 0)), no_value(c), node);
}

static fn_status make_chain(list_call *c)
{
    return give(c, chain(c, (fn_op)c->rule->which));
}

static fn_status make_sum(list_call *c)
{
    return give(c, c->rule->skips ? if_any(c, sum_valid(c)) : chain(c, FN_OP_ADD));
}

/* Products, any and all: where a member has no value, that of `neutral` is as good. */
static fn_status make_with_neutral(list_call *c)
{
    const fn_op of = (fn_op)c->rule->which;
    const int64_t neutral = of == FN_OP_OR ? 0 : 1;
    int32_t node = whole(c, neutral);
    for (int32_t i = 0; i < c->n; i++) {
        const int32_t x = member(c, i);
        node = op(c, of, node, c->rule->skips ? where(c, is_nan(c, x), whole(c, neutral), x) : x);
    }
    return give(c, c->rule->skips ? if_any(c, node) : node);
}

static int32_t mean_of(const list_call *c)
{
    return c->rule->skips ? op(c, FN_OP_DIV, sum_valid(c), count_valid(c))
                          : op(c, FN_OP_DIV, chain(c, FN_OP_ADD), whole(c, c->n));
}

static fn_status make_mean(list_call *c)
{
    return give(c, mean_of(c));
}

/* Corrected by one member after the other, those without a value left out. */
static fn_status make_running_mean(list_call *c)
{
    int32_t mean = member(c, 0), count = op(c, FN_OP_COUNTVALID, whole(c, 0), mean);
    for (int32_t i = 1; i < c->n; i++) {
        const int32_t x = member(c, i);
        count = op(c, FN_OP_COUNTVALID, count, x);
        const int32_t next = op(c, FN_OP_ADD, mean, op(c, FN_OP_DIV, op(c, FN_OP_SUB, x, mean), count));
        mean = where(c, is_nan(c, x), mean, where(c, is_nan(c, mean), x, next));
    }
    return give(c, mean);
}

/* In two passes, as numpy. */
static int32_t variance(const list_call *c, double ddof)
{
    const int32_t mean = mean_of(c), degrees = fn_graph_const(c->p->graph, ddof, FN_INT);
    const int32_t count = c->rule->skips ? count_valid(c) : whole(c, c->n);
    int32_t sum = -1;
    for (int32_t i = 0; i < c->n; i++) {
        const int32_t x = member(c, i), d = op(c, FN_OP_SUB, x, mean);
        int32_t square = op(c, FN_OP_MUL, d, d);
        if (c->rule->skips)
            square = where(c, is_nan(c, x), whole(c, 0), square);
        sum = i == 0 ? square : op(c, FN_OP_ADD, sum, square);
    }
    const int32_t result = op(c, FN_OP_DIV, sum, op(c, FN_OP_SUB, count, degrees));
    return c->rule->skips ? where(c, op(c, FN_OP_GT, count, degrees), result, no_value(c)) : result;
}

static fn_status make_variance(list_call *c)
{
    double ddof = 0;
    const fn_status status = fn_arguments_number(c->p, c->arguments, -1, "ddof", &ddof);
    if (status != FN_OK)
        return status;
    if (ddof != 0 && ddof != 1)
        return fn_parser_complain(c->p, c->position, "ddof is 0 or 1, not %.15g", ddof);
    const int32_t node = variance(c, ddof);
    return give(c, c->rule->which ? fn_graph_op(c->p->graph, FN_OP_SQRT, node, FN_NO_CHILD, FN_NO_CHILD) : node);
}

static fn_status make_count(list_call *c)
{
    return give(c, count_valid(c));
}

/* ---- which member ---- */

/* Is member i better than the best one before? In IEEE 754 a NaN is the best, as numpy has it. */
static int32_t is_better(const list_call *c, fn_op better, int32_t best, int32_t i)
{
    const int32_t x = member(c, i);
    if (c->rule->skips || c->p->graph->nodata)
        return op(c, better, best, x);
    const int32_t is_first = op(c, FN_OP_GT, is_nan(c, x), is_nan(c, best));
    return op(c, FN_OP_OR, op(c, better == FN_OP_ISMORE ? FN_OP_GT : FN_OP_LT, x, best), is_first);
}

/* The place of the first of the best members, from 1; from 0 under numpy's name, or with its axis. */
static fn_status make_arg(list_call *c)
{
    const bool most = c->rule->which == FN_OP_MAX;
    const fn_op better = most ? FN_OP_ISMORE : FN_OP_ISLESS;
    const fn_op best_of = c->rule->skips ? (most ? FN_OP_FMAX : FN_OP_FMIN) : (most ? FN_OP_MAX : FN_OP_MIN);
    const int from = c->numpy ? 0 : 1;
    int32_t best = member(c, 0), place = whole(c, from);
    for (int32_t i = 1; i < c->n; i++) {
        place = where(c, is_better(c, better, best, i), whole(c, from + i), place);
        best = op(c, best_of, best, member(c, i));
    }
    const bool spreads = c->rule->skips || c->p->graph->nodata;
    const fn_status status = give(c, spreads ? where(c, is_nan(c, best), no_value(c), place) : place);
    c->result->from_zero = c->numpy;
    return status;
}

static fn_status make_first(list_call *c)
{
    const bool last = c->rule->which != 0;
    int32_t node = member(c, last ? c->n - 1 : 0);
    for (int32_t i = 1; c->rule->skips && i < c->n; i++)
        node = where(c, is_nan(c, node), member(c, last ? c->n - 1 - i : i), node);
    return give(c, node);
}

/* Of the values that come most often, the one that has come so often first. */
static fn_status make_first_mode(list_call *c)
{
    int32_t mode = member(c, 0), most = op(c, FN_OP_COUNTVALID, whole(c, 0), mode);
    for (int32_t i = 1; i < c->n; i++) {
        const int32_t x = member(c, i);
        int32_t times = op(c, FN_OP_COUNTVALID, whole(c, 0), x);
        for (int32_t k = 0; k < i; k++)
            times = op(c, FN_OP_ADDVALID, times, op(c, FN_OP_EQ, x, member(c, k)));
        const int32_t more = op(c, FN_OP_GT, times, most);
        mode = where(c, more, x, mode);
        most = where(c, more, times, most);
    }
    return give(c, mode);
}

/* The constant that the k-th of the operands that are no members is, from 1 to `most`. */
static fn_status read_place(const list_call *c, int k, int32_t most, int32_t *place)
{
    const fn_operand *o = &c->operands[c->n_operands - c->rule->others + k];
    const fn_node *node = o->is_list ? NULL : &c->p->graph->nodes[o->node];
    if (!node || node->op != FN_OP_CONST || node->value != floor(node->value))
        return fn_parser_complain(c->p, o->position, "'%s' needs whole numbers here: %s", c->rule->rule.name,
                                  c->rule->takes);
    if (!(node->value >= 1 && node->value <= most))
        return fn_parser_complain(c->p, o->position, "there is no member %.15g, the list has %d, counted from 1",
                                  node->value, (int)most);
    *place = (int32_t)node->value;
    return FN_OK;
}

static fn_status make_item(list_call *c)
{
    int32_t place = 0;
    const fn_status status = read_place(c, 0, c->n, &place);
    return status == FN_OK ? give(c, member(c, place - 1)) : status;
}

static fn_status make_slice(list_call *c)
{
    int32_t first = 0, last = 0;
    fn_status status = read_place(c, 0, c->n, &first);
    if (status == FN_OK)
        status = read_place(c, 1, c->n, &last);
    if (status == FN_OK && first > last)
        status = fn_parser_complain(c->p, c->position, "from member %d to %d there are none", (int)first, (int)last);
    *c->result =
        (fn_operand){.node = c->first + first - 1, .is_list = true, .count = last - first + 1, .position = c->position};
    return status;
}

static fn_status make_length(list_call *c)
{
    return give(c, whole(c, c->n));
}

/* The k-th member, of each pixel its own. */
static fn_status make_pick(list_call *c)
{
    const fn_operand *k = &c->operands[c->n_operands - 1];
    if (k->is_list)
        return fn_parser_complain(c->p, k->position,
                                  "a list of %d: which member to pick is one value, as in "
                                  "pick(S, argmax(N))",
                                  (int)k->count);
    if (k->from_zero)
        return fn_parser_complain(c->p, k->position,
                                  "pick counts members from 1, and numpy's argmax and argmin from 0: leave out "
                                  "'numpy.' and axis, as in pick(S, argmax(N))");
    int32_t node = no_value(c);
    for (int32_t i = 0; i < c->n; i++)
        node = where(c, op(c, FN_OP_EQ, k->node, whole(c, i + 1)), member(c, i), node);
    if (c->p->graph->nodata)
        return give(c, node);
    return give(c, where(c, is_nan(c, k->node), no_value(c), node));
}

/* ---- order ---- */

static fn_kind kind_of_members(const list_call *c)
{
    fn_kind kind = FN_BOOL;
    for (int32_t i = 0; i < c->n; i++) {
        const fn_kind own = (fn_kind)c->p->graph->nodes[member(c, i)].kind;
        kind = own > kind ? own : kind;
    }
    return kind;
}

static fn_status make_order(list_call *c)
{
    const fn_list_statistic statistic = (fn_list_statistic)c->rule->which;
    const fn_kind kind = statistic == FN_LIST_MEDIAN    ? FN_REAL
                         : statistic == FN_LIST_VARIETY ? FN_INT
                                                        : kind_of_members(c);
    return give(c, fn_graph_order(c->p->graph, c->p->members + c->first, c->n,
                                  (fn_list_asked){.statistic = statistic, .skips = c->rule->skips}, kind));
}

/* Which percentile is asked for: q, or the last operand. which: what all is, 100 or 1. */
static fn_status read_percentile(list_call *c, double *asked)
{
    double q = NAN;
    fn_status status = fn_arguments_number(c->p, c->arguments, -1, "q", &q);
    if (status != FN_OK)
        return status;
    if (isnan(q)) {
        const fn_operand *o = &c->operands[c->n_operands - 1];
        if (c->n_operands < 2 || o->is_list || c->p->graph->nodes[o->node].op != FN_OP_CONST)
            return fn_parser_complain(c->p, c->n_operands < 2 ? c->position : o->position,
                                      "which percentile is a constant behind the list: %s", c->rule->takes);
        q = c->p->graph->nodes[o->node].value;
        c->n--;
    }
    if (!(q >= 0 && q <= c->rule->which))
        return fn_parser_complain(c->p, c->position, "'%s': %.15g is not between 0 and %d", c->rule->rule.name, q,
                                  c->rule->which);
    *asked = q;
    return FN_OK;
}

static fn_status make_percentile(list_call *c)
{
    double q = 0;
    const fn_status status = read_percentile(c, &q);
    if (status != FN_OK)
        return status;
    const fn_list_asked asked = {FN_LIST_PERCENTILE, q / c->rule->which, c->rule->skips};
    return give(c, fn_graph_order(c->p->graph, c->p->members + c->first, c->n, asked, FN_REAL));
}

static fn_status make_weighted_quantile(list_call *c)
{
    double q = 0;
    const fn_status status = read_percentile(c, &q);
    if (status != FN_OK)
        return status;
    return give(c, fn_graph_order(c->p->graph, c->p->members + c->first, c->n,
                                  (fn_list_asked){FN_LIST_QUANTILE, q, c->rule->skips}, FN_REAL));
}

/* ---- the functions ---- */

#define RULE(name, least, most, make, which, skips, others, takes)                                                     \
    {                                                                                                                  \
        {name, FN_DO_LIST, FN_OP_COUNT, least, most, 0}, make, which, skips, others, takes                             \
    }
#define LIST(name, make, which) RULE(name, 1, FN_ANY_ARGS, make, which, false, 0, name "(S, axis=)")
#define SKIPS(name, make, which) RULE(name, 1, FN_ANY_ARGS, make, which, true, 0, name "(S, axis=)")

static const list_rule rules[] = {
    LIST("sum", make_sum, 0),
    SKIPS("nansum", make_sum, 0),
    LIST("mean", make_mean, 0),
    LIST("average", make_mean, 0),
    LIST("avg", make_mean, 0),
    SKIPS("nanmean", make_mean, 0),
    LIST("min", make_chain, FN_OP_MIN),
    LIST("amin", make_chain, FN_OP_MIN),
    SKIPS("nanmin", make_chain, FN_OP_FMIN),
    LIST("max", make_chain, FN_OP_MAX),
    LIST("amax", make_chain, FN_OP_MAX),
    SKIPS("nanmax", make_chain, FN_OP_FMAX),
    LIST("prod", make_with_neutral, FN_OP_MUL),
    SKIPS("nanprod", make_with_neutral, FN_OP_MUL),
    LIST("any", make_with_neutral, FN_OP_OR),
    SKIPS("nanany", make_with_neutral, FN_OP_OR),
    LIST("all", make_with_neutral, FN_OP_AND),
    SKIPS("nanall", make_with_neutral, FN_OP_AND),
    RULE("var", 1, FN_ANY_ARGS, make_variance, 0, false, 0, "var(S, axis=, ddof=)"),
    RULE("nanvar", 1, FN_ANY_ARGS, make_variance, 0, true, 0, "nanvar(S, axis=, ddof=)"),
    RULE("std", 1, FN_ANY_ARGS, make_variance, 1, false, 0, "std(S, axis=, ddof=)"),
    RULE("nanstd", 1, FN_ANY_ARGS, make_variance, 1, true, 0, "nanstd(S, axis=, ddof=)"),
    LIST("count", make_count, 0),
    LIST("median", make_order, FN_LIST_MEDIAN),
    SKIPS("nanmedian", make_order, FN_LIST_MEDIAN),
    LIST("mode", make_order, FN_LIST_MODE),
    SKIPS("nanmode", make_order, FN_LIST_MODE),
    LIST("majority", make_order, FN_LIST_MAJORITY),
    SKIPS("nanmajority", make_order, FN_LIST_MAJORITY),
    LIST("variety", make_order, FN_LIST_VARIETY),
    SKIPS("nanvariety", make_order, FN_LIST_VARIETY),
    RULE("percentile", 1, FN_ANY_ARGS, make_percentile, 100, false, 0, "percentile(S, q, axis=)"),
    RULE("nanpercentile", 1, FN_ANY_ARGS, make_percentile, 100, true, 0, "nanpercentile(S, q, axis=)"),
    RULE("quantile", 1, FN_ANY_ARGS, make_percentile, 1, false, 0, "quantile(S, q, axis=)"),
    RULE("nanquantile", 1, FN_ANY_ARGS, make_percentile, 1, true, 0, "nanquantile(S, q, axis=)"),
    LIST("argmin", make_arg, FN_OP_MIN),
    SKIPS("nanargmin", make_arg, FN_OP_MIN),
    LIST("argmax", make_arg, FN_OP_MAX),
    SKIPS("nanargmax", make_arg, FN_OP_MAX),
    LIST("first", make_first, 0),
    SKIPS("nanfirst", make_first, 0),
    LIST("last", make_first, 1),
    SKIPS("nanlast", make_first, 1),
    SKIPS("gdal_mean", make_running_mean, 0),
    SKIPS("gdal_mode", make_first_mode, 0),
    RULE("gdal_quantile", 1, FN_ANY_ARGS, make_weighted_quantile, 1, true, 0, "gdal_quantile(S, q, axis=)"),
    RULE("item", 2, 2, make_item, 0, false, 1, "item(S, 3)"),
    RULE("slice", 3, 3, make_slice, 0, false, 2, "slice(S, 2, 5)"),
    RULE("len", 1, 1, make_length, 0, false, 0, "len(S)"),
    RULE("pick", 2, 2, make_pick, 0, false, 1, "pick(S, k)"),
};

const size_t fn_list_function_count = sizeof rules / sizeof *rules;

const fn_rule *fn_list_function(size_t i)
{
    return &rules[i].rule;
}

/* ---- a call ---- */

/* numpy reduces a whole array without axis=0, which no raster can mean. */
static fn_status take_axis(list_call *c)
{
    bool lists = false;
    for (int32_t i = 0; i < c->n_operands; i++)
        lists |= c->operands[i].is_list;
    double axis = NAN;
    const fn_argument *given = fn_arguments_take(c->arguments, -1, "axis");
    if (given && given->kind == FN_ARGUMENT_NUMBER)
        axis = c->arguments->numbers[given->first].value;
    if (given && axis != 0)
        return fn_parser_complain(c->p, given->position, "only axis=0 can be asked for, from member to member");
    if (!given && c->numpy && lists && c->rule->rule.max_args == FN_ANY_ARGS)
        return fn_parser_complain(c->p, c->position,
                                  "numpy.%s without an axis is one number for whole rasters; write axis=0",
                                  c->rule->rule.name);
    c->numpy = c->numpy || given;
    return FN_OK;
}

static fn_status take_dtype(list_call *c)
{
    const fn_argument *given = fn_arguments_take(c->arguments, -1, "dtype");
    if (!given || (given->kind == FN_ARGUMENT_WORD && (strncmp(given->word.text, "float", 5) == 0 ||
                                                       fn_is_word(given->word.text, given->word.length, "double"))))
        return FN_OK;
    return fn_parser_complain(c->p, given->position,
                              "values are double precision already, and only a float type can be asked for here; use "
                              "OT for the output type");
}

/* Lays out what is given as one list. */
static fn_status lay_out(list_call *c)
{
    c->first = c->p->n_members;
    for (int32_t i = 0; i < c->n_operands - c->rule->others; i++) {
        const fn_operand *o = &c->operands[i];
        for (int32_t k = 0; k < (o->is_list ? o->count : 1); k++) {
            const fn_status status = fn_parser_add_member(c->p, o->is_list ? c->p->members[o->node + k] : o->node);
            if (status != FN_OK)
                return status;
        }
    }
    c->n = c->p->n_members - c->first;
    if (c->rule->others > 0 && !c->operands[0].is_list)
        return fn_parser_complain(c->p, c->operands[0].position, "'%s' needs a list here: %s", c->rule->rule.name,
                                  c->rule->takes);
    return FN_OK;
}

fn_status fn_parser_apply_list(fn_parser *p, const fn_waiting *call, fn_arguments *arguments)
{
    fn_operand result = {.node = -1};
    list_call c = {.p = p,
                   .rule = (const list_rule *)(const void *)call->rule, /* its first member */
                   .numpy = call->numpy,
                   .position = call->position,
                   .arguments = arguments,
                   .operands = &p->operands[call->base],
                   .n_operands = p->n_operands - call->base,
                   .result = &result};
    const fn_rule *r = call->rule;
    if (c.n_operands < r->min_args || (r->max_args != FN_ANY_ARGS && c.n_operands > r->max_args))
        return fn_parser_complain(p, call->position, "'%s' takes %d argument%s, not %d: %s", r->name, r->min_args,
                                  r->min_args == 1 ? (r->max_args == FN_ANY_ARGS ? " or more" : "") : "s",
                                  (int)c.n_operands, c.rule->takes);
    fn_status status = take_axis(&c);
    if (status == FN_OK)
        status = take_dtype(&c);
    if (status == FN_OK)
        status = lay_out(&c);
    if (status == FN_OK)
        status = c.rule->make(&c);
    if (status == FN_OK)
        status = fn_arguments_check(p, arguments, r->name, c.rule->takes);
    if (status != FN_OK)
        return status;
    p->operands[call->base] = result;
    p->n_operands = call->base + 1;
    return FN_OK;
}
