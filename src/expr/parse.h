/* From text to graph. The language is described in docs/FISHNET.md. */
#ifndef FN_PARSE_H
#define FN_PARSE_H

#include "graph.h"
#include "neighborhood.h"

/* The inputs met so far, in order of appearance, shared by all texts of a program. */
typedef struct fn_inputs {
    struct fn_input {
        int raster, band;
        fn_type type;
        double scale, offset; /* of stored values */
        bool in_text; /* the text that is being parsed names it */
    } * items;
    int count;
    size_t capacity;
    /* Where the texts look: an input's own pixel, or a neighbour of it. Without neighbours a tap is an input. */
    struct fn_input_tap {
        int input, row, column;
    } * taps;
    int n_taps;
    size_t tap_capacity;
    /* Of names without a band: whether their numbers of bands must agree, and that number. */
    bool agree;
    int bands;
} fn_inputs;

/* Parses one text into the graph, in which names alone mean that band, and what looks at neighbours into
 * neighborhoods. Returns its root. err->text gets message, position, excerpt and caret. No recursion: nesting is
 * limited by memory, not by the stack. */
fn_status fn_parse(const char *text, int band, const fn_expr_options *options, fn_graph *graph, fn_inputs *inputs,
                   fn_neighborhoods *neighborhoods, int32_t *root, fn_error *err);

#endif
