/* From text to graph. The language is described in docs/FISHNET.md. */
#ifndef FN_PARSE_H
#define FN_PARSE_H

#include "graph.h"

/* The inputs met so far, in order of appearance, shared by all texts of a program. */
typedef struct fn_inputs {
    struct fn_input {
        char name;
        int band;
        fn_type type;
    } * items;
    int count;
    size_t capacity;
} fn_inputs;

/* Parses one text into the graph and returns its root. err->text gets message, position, excerpt and caret. No
 * recursion: nesting is limited by memory, not by the stack. */
fn_status fn_parse(const char *text, const fn_expr_options *options, fn_graph *graph, fn_inputs *inputs, int32_t *root,
                   fn_error *err);

#endif
