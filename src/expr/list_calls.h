/* The functions of lists: mean(S), nanmedian(A, B, C), percentile(S, 90), pick(S, k). */
#ifndef FN_LIST_CALLS_H
#define FN_LIST_CALLS_H

#include "arguments.h"

extern const size_t fn_list_function_count;
const fn_rule *fn_list_function(size_t i);

/* Puts the result of a call in the place of its operands, which are on top; the parser stands behind the parenthesis
 * that closes it. arguments: those with names. */
fn_status fn_parser_apply_list(fn_parser *p, const fn_waiting *call, fn_arguments *arguments);

#endif
