/* The functions that look at neighbours: from a call to a neighbourhood. */
#ifndef FN_NEIGHBORHOOD_CALLS_H
#define FN_NEIGHBORHOOD_CALLS_H

#include "arguments.h"

typedef struct fn_neighborhood_rule {
    fn_rule rule;
    /* Makes it of the arguments: fills what is not 0. position: of the call. */
    fn_status (*make)(fn_parser *p, const struct fn_neighborhood_rule *rule, fn_arguments *arguments, uint32_t position,
                      fn_neighborhood *made);
    int which;         /* of those that `make` makes */
    fn_kind values;    /* see fn_neighborhood */
    const char *takes; /* what the function is written with, for messages */
} fn_neighborhood_rule;

/* The i-th of them; NULL: there are no more. */
const fn_rule *fn_neighborhood_function(size_t i);

/* Puts the node of a call in the place of its operand, which is on top. words: where its arguments begin in the text;
 * the parser stands behind the parenthesis that closes them. */
fn_status fn_parser_apply_neighborhood(fn_parser *p, const fn_waiting *call, fn_arguments *arguments, uint32_t words);

/* ---- of the makers ---- */

/* window_calls.c, terrain_calls.c */
extern const fn_neighborhood_rule fn_window_rules[], fn_terrain_rules[];
extern const size_t fn_window_rule_count, fn_terrain_rule_count;
/* The words of fn_edge, in its order, then NULL. */
extern const char *const fn_edge_words[];

#endif
