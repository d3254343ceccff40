/* An operator-precedence parser (Dijkstra's shunting yard) with its two stacks on the heap: values and operators by
 * turns, from the first to the last. */
#include "parse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "list_calls.h"
#include "neighborhood_calls.h"
#include "parser.h"

/* The function whose argument stands in the parentheses on top; NULL: it is none. */
static const fn_rule *call_below(const fn_parser *p)
{
    if (p->n_stack < 2 || p->stack[p->n_stack - 1].kind != FN_WAITING_PARENTHESIS)
        return NULL;
    const fn_waiting *call = &p->stack[p->n_stack - 2];
    return call->kind == FN_WAITING_CALL ? call->rule : NULL;
}

/* wanted: what should stand there. */
static fn_status complain_of_character(fn_parser *p, uint32_t position, char c, const char *wanted)
{
    if ((unsigned char)c >= 0x80)
        return fn_parser_complain(p, position, "a character that is not ASCII, expected %s", wanted);
    if ((unsigned char)c < 32 || c == 127)
        return fn_parser_complain(p, position, "a control character (0x%02X), expected %s", (unsigned)c, wanted);
    return fn_parser_complain(p, position, "unexpected '%c', expected %s", c, wanted);
}

/* Where a value must stand: reads it, or something that opens. *done: the value has been read whole. */
static fn_status read_operand(fn_parser *p, bool *done)
{
    const uint32_t position = fn_parser_here(p);
    const char c = *p->at;
    *done = true;
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)p->at[1]))) {
        double value = 0;
        fn_status status = fn_parser_read_number(p, false, &value);
        if (status != FN_OK)
            return status;
        const bool whole = value == floor(value) && value <= 0x1p53;
        p->graph->beyond_float32 |= whole && (double)(float)value != value;
        return fn_parser_push_operand(
            p, (fn_operand){.node = fn_graph_const(p->graph, value, whole ? FN_INT : FN_REAL), .position = position});
    }
    const fn_sign *prefix = fn_language_prefix(p->at);
    if (prefix) {
        const fn_waiting *top = p->n_stack ? &p->stack[p->n_stack - 1] : NULL;
        if (prefix->precedence == FN_P_NOT && top && top->kind == FN_WAITING_OPERATOR && top->precedence > FN_P_NOT)
            return fn_parser_complain(p, position, "'not' needs parentheses behind '%s'", top->rule->name);
        p->at += strlen(prefix->text);
        *done = false;
        return fn_parser_push_waiting(p, (fn_waiting){.kind = FN_WAITING_OPERATOR,
                                                      .precedence = prefix->precedence,
                                                      .rule = &prefix->rule,
                                                      .position = position});
    }
    if (fn_name_begin(c))
        return fn_parser_read_name(p, done);
    if (c == '(') {
        p->at++;
        *done = false;
        return fn_parser_push_waiting(
            p, (fn_waiting){.kind = FN_WAITING_PARENTHESIS, .position = position, .base = p->n_operands});
    }
    if (c == '[') {
        p->at++;
        *done = false;
        return fn_parser_push_waiting(
            p, (fn_waiting){.kind = FN_WAITING_LIST, .closing = ']', .position = position, .base = p->n_operands});
    }
    if (c == '"' || c == '\'')
        return fn_parser_complain(p, position,
                                  "names have no quotes: what is \"dem@1\" elsewhere is A, or A[1], or a name given "
                                  "with INPUT=dem=<dataset>");
    if (c == '\0')
        return fn_parser_complain(p, position,
                                  p->n_stack ? "the expression ends, expected a value" : "the expression is empty");
    if (c == ')') {
        const fn_waiting *top = p->n_stack ? &p->stack[p->n_stack - 1] : NULL;
        if (top && top->kind == FN_WAITING_CALL && p->n_operands == top->base)
            return fn_parser_complain(p, position, "'%s' needs arguments", top->rule->name);
        if (!top)
            return fn_parser_complain(p, position, "unbalanced ')'");
    }
    if (c == ']' && p->n_stack && p->stack[p->n_stack - 1].kind == FN_WAITING_LIST)
        return fn_parser_complain(p, position, "a list needs a value here");
    return complain_of_character(p, position, c, "a value");
}

/* Puts a list in the place of what stands between its brackets; lists within are laid out. */
static fn_status close_list(fn_parser *p, const fn_waiting *w)
{
    const int32_t first = p->n_members;
    for (int32_t i = w->base; i < p->n_operands; i++) {
        const fn_operand *o = &p->operands[i];
        for (int32_t k = 0; k < (o->is_list ? o->count : 1); k++) {
            const fn_status status = fn_parser_add_member(p, o->is_list ? p->members[o->node + k] : o->node);
            if (status != FN_OK)
                return status;
        }
    }
    p->operands[w->base] =
        (fn_operand){.node = first, .is_list = true, .count = p->n_members - first, .position = w->position};
    p->n_operands = w->base + 1;
    return FN_OK;
}

static fn_status close_bracket(fn_parser *p, uint32_t position)
{
    const fn_status status = fn_parser_reduce_above(p, 0, false);
    if (status != FN_OK)
        return status;
    const fn_waiting *top = p->n_stack ? &p->stack[p->n_stack - 1] : NULL;
    if (!top || top->kind != FN_WAITING_LIST || top->closing != ']')
        return fn_parser_complain(p, position, "unexpected ']', expected an operator");
    p->at++;
    p->n_stack--;
    return close_list(p, top);
}

static fn_status close_parenthesis(fn_parser *p, uint32_t position)
{
    fn_status status = fn_parser_reduce_above(p, 0, false);
    if (status != FN_OK)
        return status;
    p->at++;
    if (p->n_stack == 0)
        return fn_parser_complain(p, position, "unbalanced ')'");
    const fn_waiting w = p->stack[p->n_stack - 1];
    if (w.kind == FN_WAITING_QUESTION)
        return fn_parser_complain(p, w.position, "'?' has no ':'");
    if (w.kind == FN_WAITING_LIST && w.closing == ']')
        return fn_parser_complain(p, w.position, "'[' is not closed");
    p->n_stack--;
    if (w.kind == FN_WAITING_LIST)
        return close_list(p, &w);
    fn_operand *last = &p->operands[p->n_operands - 1];
    if (w.kind == FN_WAITING_PARENTHESIS) {
        if (last->bare != FN_BARE_NODATA && last->bare != FN_BARE_NAN)
            last->bare = FN_BARE_NOTHING;
        last->position = w.position;
        return FN_OK;
    }
    const int32_t n = p->n_operands - w.base;
    const fn_rule *r = w.rule;
    if (r->action == FN_DO_NEIGHBORHOOD)
        return fn_parser_apply_neighborhood(p, &w, &(fn_arguments){0}, fn_parser_here(p));
    if (r->action == FN_DO_LIST)
        return fn_parser_apply_list(p, &w, &(fn_arguments){0});
    if (n < r->min_args || (r->max_args != FN_ANY_ARGS && n > r->max_args))
        return fn_parser_complain(p, w.position, "'%s' takes %d argument%s, not %d", r->name, r->min_args,
                                  r->min_args == 1 ? (r->max_args == FN_ANY_ARGS ? " or more" : "") : "s", (int)n);
    fn_operand *o = &p->operands[w.base];
    fn_operand result;
    status = fn_parser_apply(p, r, w.numpy, o, n, &result);
    if (status != FN_OK)
        return status;
    result.position = w.position;
    *o = result;
    p->n_operands = w.base + 1;
    return FN_OK;
}

/* Behind the comma after the last operand of a call: its other arguments. */
static fn_status close_call(fn_parser *p)
{
    const fn_waiting call = p->stack[--p->n_stack];
    const char *begin = p->at;
    fn_arguments arguments = {0};
    fn_status status = fn_arguments_read(p, &arguments);
    if (status == FN_OK)
        status = call.rule->action == FN_DO_LIST
                     ? fn_parser_apply_list(p, &call, &arguments)
                     : fn_parser_apply_neighborhood(p, &call, &arguments, (uint32_t)(begin - p->text));
    fn_arguments_free(&arguments);
    return status;
}

/* Does the argument that comes next have a name, as in axis=0? */
static bool has_name(fn_parser *p)
{
    fn_parser_skip_space(p);
    const char *behind = p->at + fn_name_length(p->at);
    while (isspace((unsigned char)*behind))
        behind++;
    return behind > p->at && fn_name_begin(*p->at) && behind[0] == '=' && behind[1] != '=';
}

/* *operand_next: an argument that is a value must follow. */
static fn_status read_comma(fn_parser *p, uint32_t position, bool *operand_next)
{
    const fn_status status = fn_parser_reduce_above(p, 0, false);
    if (status != FN_OK)
        return status;
    const fn_waiting *top = p->n_stack ? &p->stack[p->n_stack - 1] : NULL;
    if (top && top->kind == FN_WAITING_QUESTION)
        return fn_parser_complain(p, top->position, "'?' has no ':'");
    const fn_rule *call = call_below(p);
    if (call && call->action == FN_DO_LIST) { /* numpy.max((A, B), axis=0) */
        p->stack[p->n_stack - 1].kind = FN_WAITING_LIST;
        p->stack[p->n_stack - 1].closing = ')';
    } else if (call && call->max_args != 1)
        return fn_parser_complain(p, position, "'%s' takes its arguments one by one, not as a list; write %s(A, B)",
                                  call->name, call->name);
    if (!top || (top->kind != FN_WAITING_CALL && top->kind != FN_WAITING_LIST))
        return fn_parser_complain(p, position, "',' outside of a function's arguments");
    p->at++;
    *operand_next = top->kind == FN_WAITING_LIST ||
                    (top->rule->action != FN_DO_NEIGHBORHOOD && !(top->rule->action == FN_DO_LIST && has_name(p)));
    return *operand_next ? FN_OK : close_call(p);
}

static fn_status read_question(fn_parser *p, uint32_t position)
{
    const fn_status status = fn_parser_reduce_above(p, FN_P_CHOICE, true);
    if (status != FN_OK)
        return status;
    p->at++;
    return fn_parser_push_waiting(p, (fn_waiting){.kind = FN_WAITING_QUESTION,
                                                  .precedence = FN_P_CHOICE,
                                                  .rule = &fn_language_choice,
                                                  .position = position});
}

static fn_status read_colon(fn_parser *p, uint32_t position)
{
    const fn_status status = fn_parser_reduce_above(p, FN_P_CHOICE, false);
    if (status != FN_OK)
        return status;
    if (p->n_stack == 0 || p->stack[p->n_stack - 1].kind != FN_WAITING_QUESTION)
        return fn_parser_complain(p, position, "':' has no '?'");
    p->at++;
    p->stack[p->n_stack - 1].kind = FN_WAITING_CHOICE;
    return FN_OK;
}

static fn_status complain_of_operator(fn_parser *p, uint32_t position, char c)
{
    const size_t n = fn_name_length(p->at);
    const char *hint = fn_language_operator_hint(p->at);
    if (hint)
        return fn_parser_complain(p, position, "'%.*s' is no operator (did you mean '%s'?)", (int)(n > 0 ? n : 2),
                                  p->at, hint);
    if (n > 0)
        return fn_parser_complain(p, position, "an operator is missing before '%.*s'", (int)(n < 40 ? n : 40), p->at);
    if (c == '=')
        return fn_parser_complain(p, position, "'=' is no operator; use '==' to compare");
    if (c == '@')
        return fn_parser_complain(p, position,
                                  "'@' is no operator: what is A@1 elsewhere is A[1], or A, its first band");
    if (c == '(' || isdigit((unsigned char)c))
        return fn_parser_complain(p, position, "an operator is missing before '%c'", c);
    return complain_of_character(p, position, c, "an operator");
}

/* Behind a value: reads an operator, or something that closes. *operand_next: a value must follow. */
static fn_status read_operator(fn_parser *p, bool *operand_next)
{
    const uint32_t position = fn_parser_here(p);
    const char c = *p->at;
    *operand_next = c != '.' && c != ')' && c != ']';
    const fn_sign *s = c == '.' || strncmp(p->at, "<>", 2) == 0 ? NULL : fn_language_binary(p->at);
    if (s) {
        const fn_status status = fn_parser_reduce_above(p, s->precedence, s->right);
        if (status != FN_OK)
            return status;
        p->at += strlen(s->text);
        return fn_parser_push_waiting(
            p, (fn_waiting){
                   .kind = FN_WAITING_OPERATOR, .precedence = s->precedence, .rule = &s->rule, .position = position});
    }
    switch (c) {
    case '.':
        return fn_parser_read_method(p);
    case '?':
        return read_question(p, position);
    case ':':
        return read_colon(p, position);
    case ',':
        return read_comma(p, position, operand_next);
    case ')':
        return close_parenthesis(p, position);
    case ']':
        return close_bracket(p, position);
    default:
        return complain_of_operator(p, position, c);
    }
}

static fn_status parse_all(fn_parser *p)
{
    bool want_operand = true;
    for (;;) {
        fn_parser_skip_space(p);
        fn_status status = FN_OK;
        if (want_operand) {
            bool done = true;
            status = read_operand(p, &done);
            want_operand = !done;
        } else if (*p->at == '\0')
            break;
        else
            status = read_operator(p, &want_operand);
        if (status != FN_OK)
            return status;
    }
    fn_status status = fn_parser_reduce_above(p, 0, false);
    if (status == FN_OK && p->n_stack > 0) {
        const fn_waiting *w = &p->stack[p->n_stack - 1];
        if (w->kind == FN_WAITING_QUESTION)
            return fn_parser_complain(p, w->position, "'?' has no ':'");
        if (w->kind == FN_WAITING_CALL)
            return fn_parser_complain(p, w->position, "the arguments of '%s' are not closed with ')'", w->rule->name);
        return fn_parser_complain(p, w->position, "'%c' is not closed",
                                  w->kind == FN_WAITING_LIST && w->closing == ']' ? '[' : '(');
    }
    const fn_operand *root = p->operands;
    if (status == FN_OK && root->is_list)
        return fn_parser_complain(p, root->position,
                                  "the result is a list of %d values; reduce it with mean(...), nanmedian(...)",
                                  (int)root->count);
    return status;
}

/* NoData wherever a band is that the text names. */
static fn_status propagate_nodata(fn_parser *p, int32_t *root)
{
    fn_status status = FN_OK;
    for (int i = 0; status == FN_OK && i < p->inputs->count; i++) {
        int32_t band = -1;
        if (!p->inputs->items[i].in_text)
            continue;
        status = fn_parser_input_node(p, i, 0, 0, &band);
        if (status == FN_OK) {
            const int32_t missing = fn_graph_op(p->graph, FN_OP_ISNAN, band, FN_NO_CHILD, FN_NO_CHILD);
            *root = fn_graph_op(p->graph, FN_OP_WHERE, missing, fn_graph_const(p->graph, (double)NAN, FN_REAL), *root);
        }
    }
    return status == FN_OK && *root < 0 ? fn_parser_no_memory(p) : status;
}

fn_status fn_parse(const char *text, int band, const fn_expr_options *options, fn_graph *graph, fn_inputs *inputs,
                   fn_neighborhoods *neighborhoods, int32_t *root, fn_error *err)
{
    fn_parser p = {.text = text,
                   .at = text,
                   .options = options,
                   .band = band,
                   .graph = graph,
                   .inputs = inputs,
                   .neighborhoods = neighborhoods,
                   .err = err};
    for (int i = 0; i < inputs->count; i++)
        inputs->items[i].in_text = false;
    fn_status status =
        strlen(text) < INT32_MAX ? parse_all(&p) : fn_fail(err, FN_ERR_SYNTAX, "the expression is too long");
    if (status == FN_OK)
        *root = p.operands[0].node;
    if (status == FN_OK && options->propagate && graph->nodata)
        status = propagate_nodata(&p, root);
    free(p.operands);
    free(p.stack);
    free(p.members);
    return status;
}
