#include "neighborhood_calls.h"

#include <stdlib.h>
#include <strings.h>

#include "array.h"

/* ---- the functions ---- */

static fn_status make_neighbor(fn_parser *p, const fn_neighborhood_rule *rule, fn_arguments *a, uint32_t position,
                               fn_neighborhood *made)
{
    double offset[2] = {0};
    for (int k = 0; k < 2; k++) {
        const fn_argument *argument = fn_arguments_take(a, k, k == 0 ? "row" : "column");
        if (!argument || argument->kind != FN_ARGUMENT_NUMBER)
            return fn_parser_complain(p, argument ? argument->position : position, "'%s' is written %s",
                                      rule->rule.name, rule->takes);
        const fn_quantity *given = &a->numbers[argument->first];
        if (given->unit.length > 0)
            return fn_parser_complain(p, given->unit.position,
                                      "a neighbor is counted in rows and columns, without a unit");
        offset[k] = given->value;
        const fn_status status = fn_parser_check_offset(p, argument->position, offset[k]);
        if (status != FN_OK)
            return status;
    }
    made->kind = FN_NEIGHBOR;
    made->row = (int32_t)offset[0];
    made->column = (int32_t)offset[1];
    return FN_OK;
}

static const fn_neighborhood_rule neighbor_rule = {
    {"at", FN_DO_NEIGHBORHOOD, FN_OP_COUNT, 1, 1, 0}, make_neighbor, 0, FN_BOOL, "at(A, row, column)"};

const char *const fn_edge_words[] = {"shrink", "nearest", "reflect", "wrap", "wrapx", "nodata", NULL};

const fn_rule *fn_neighborhood_function(size_t i)
{
    if (i == 0)
        return &neighbor_rule.rule;
    if (--i < fn_window_rule_count)
        return &fn_window_rules[i].rule;
    i -= fn_window_rule_count;
    return i < fn_terrain_rule_count ? &fn_terrain_rules[i].rule : NULL;
}

/* ---- the neighbourhood of a call ---- */

static void free_neighborhood(fn_neighborhood *n)
{
    if (!n)
        return;
    fn_focal_free(n->focal);
    free(n->words);
    free(n);
}

void fn_neighborhoods_destroy(fn_neighborhoods *all)
{
    for (int i = 0; i < all->count; i++)
        free_neighborhood(all->items[i]);
    free(all->items);
    *all = (fn_neighborhoods){0};
}

/* The name and its arguments without spaces: equal ones are the same neighbourhood. NULL: no memory. */
static char *words_of(const fn_parser *p, const fn_rule *rule, uint32_t begin)
{
    const size_t name = strlen(rule->name), n = (size_t)(p->at - (p->text + begin));
    char *words = malloc(name + n + 2);
    if (!words)
        return NULL;
    memcpy(words, rule->name, name);
    char *to = words + name;
    *to++ = ' ';
    for (size_t i = 0; i < n; i++)
        if (!isspace((unsigned char)p->text[begin + i]))
            *to++ = p->text[begin + i];
    *to = '\0';
    return words;
}

static fn_status make_neighborhood(fn_parser *p, const fn_waiting *call, fn_arguments *a, uint32_t words,
                                   fn_neighborhood *made)
{
    const fn_neighborhood_rule *rule = (const void *)call->rule; /* its first member */
    if (!p->options->georeference)
        return fn_parser_complain(p, call->position, "'%s' cannot be used here: each pixel comes alone",
                                  call->rule->name);
    made->values = rule->values;
    fn_status status = rule->make(p, rule, a, call->position, made);
    if (status == FN_OK)
        status = fn_arguments_check(p, a, rule->rule.name, rule->takes);
    if (status == FN_OK && !(made->words = words_of(p, call->rule, words)))
        status = fn_parser_no_memory(p);
    return status;
}

/* Takes ownership. *index: of it, or of an equal one. */
static fn_status add_neighborhood(fn_parser *p, fn_neighborhood *made, int *index)
{
    fn_neighborhoods *all = p->neighborhoods;
    int i = 0;
    while (i < all->count && strcmp(all->items[i]->words, made->words) != 0)
        i++;
    *index = i;
    if (i < all->count || !fn_reserve(&all->items, &all->capacity, (size_t)all->count + 1, sizeof made)) {
        free_neighborhood(made);
        return i < all->count ? FN_OK : fn_parser_no_memory(p);
    }
    all->items[all->count++] = made;
    return FN_OK;
}

static fn_kind values_of(const fn_neighborhood *n, const fn_node *operand)
{
    return n->values != FN_BOOL ? n->values : n->kind == FN_WINDOW && operand->kind == FN_BOOL ? FN_INT : operand->kind;
}

/* A neighbour of an input is a tap of it. */
static fn_status find_node(fn_parser *p, int index, int32_t child, int32_t *node)
{
    const fn_neighborhood *n = p->neighborhoods->items[index];
    const fn_node *operand = &p->graph->nodes[child];
    if (n->kind == FN_NEIGHBOR && n->row == 0 && n->column == 0) {
        *node = child;
        return FN_OK;
    }
    const struct fn_input_tap *tap = operand->op == FN_OP_INPUT ? &p->inputs->taps[(int)operand->value] : NULL;
    if (n->kind == FN_NEIGHBOR && tap && tap->row == 0 && tap->column == 0)
        return fn_parser_input_node(p, tap->input, n->row, n->column, node);
    *node = fn_graph_neighborhood(p->graph, index, child, values_of(n, operand));
    return *node < 0 ? fn_parser_no_memory(p) : FN_OK;
}

/* Of each member of a list, in its place. */
static fn_status apply_to_members(fn_parser *p, int index, fn_operand *operand)
{
    const int32_t first = p->n_members;
    for (int32_t k = 0; k < operand->count; k++) {
        int32_t node = -1;
        fn_status status = find_node(p, index, p->members[operand->node + k], &node);
        if (status == FN_OK)
            status = fn_parser_add_member(p, node);
        if (status != FN_OK)
            return status;
    }
    operand->node = first;
    return FN_OK;
}

fn_status fn_parser_apply_neighborhood(fn_parser *p, const fn_waiting *call, fn_arguments *a, uint32_t words)
{
    const int32_t n = p->n_operands - call->base;
    if (n != 1)
        return fn_parser_complain(p, call->position, "'%s' needs arguments", call->rule->name);
    fn_neighborhood *made = calloc(1, sizeof *made);
    if (!made)
        return fn_parser_no_memory(p);
    fn_status status = make_neighborhood(p, call, a, words, made);
    if (status != FN_OK) {
        free_neighborhood(made);
        return status;
    }
    int index;
    fn_operand *operand = &p->operands[call->base];
    int32_t node = -1;
    status = add_neighborhood(p, made, &index);
    if (status == FN_OK && operand->is_list) {
        operand->position = call->position;
        return apply_to_members(p, index, operand);
    }
    if (status == FN_OK)
        status = find_node(p, index, operand->node, &node);
    if (status == FN_OK)
        *operand = (fn_operand){.node = node, .position = call->position};
    return status;
}
