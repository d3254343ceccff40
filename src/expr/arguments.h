/* The arguments of a function behind its operands: constants alone, by place or by name. */
#ifndef FN_ARGUMENTS_H
#define FN_ARGUMENTS_H

#include "parser.h"

typedef struct fn_word {
    const char *text; /* in the expression; NULL: there is none */
    size_t length;
    uint32_t position;
} fn_word;

typedef struct fn_quantity {
    double value;
    fn_word unit; /* as in 250m */
    uint32_t position;
} fn_quantity;

typedef struct fn_argument {
    fn_word name; /* of name=value */
    enum { FN_ARGUMENT_NUMBER, FN_ARGUMENT_WORD, FN_ARGUMENT_SHAPE, FN_ARGUMENT_MATRIX } kind;
    fn_word word;  /* or the name of a shape */
    size_t first;  /* of its numbers */
    size_t count;  /* 1 of a number */
    int rows;      /* of a matrix */
    bool is_taken; /* by the function */
    uint32_t position;
} fn_argument;

typedef struct fn_arguments {
    fn_argument *items;
    size_t count, capacity;
    fn_quantity *numbers; /* of all */
    size_t n_numbers, number_capacity;
} fn_arguments;

/* Reads from behind a comma up to the parenthesis that closes the call, and takes that, too. Free the arguments in any
 * case. */
fn_status fn_arguments_read(fn_parser *p, fn_arguments *arguments);
void fn_arguments_free(fn_arguments *arguments);

/* The argument that has this name, or stands at this place (from 0) without one; it is taken. place -1: by name only.
 * NULL: there is none. */
const fn_argument *fn_arguments_take(fn_arguments *arguments, int place, const char *name);
/* The same for numbers and words. *given stays as it is when there is none. */
fn_status fn_arguments_number(fn_parser *p, fn_arguments *arguments, int place, const char *name, double *given);
fn_status fn_arguments_choice(fn_parser *p, fn_arguments *arguments, int place, const char *name,
                              const char *const *words, int *given);
/* Has each been taken? takes: how the function is written, "focal_mean(A, window, nodata=, edge=)". */
fn_status fn_arguments_check(fn_parser *p, const fn_arguments *arguments, const char *function, const char *takes);

#endif
