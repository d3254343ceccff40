/* The words and signs of the language, and what each does. The language is described in docs/FISHNET.md. */
#ifndef FN_LANGUAGE_H
#define FN_LANGUAGE_H

#include <string.h>

#include "fishnet/expr.h"
#include "graph.h"

typedef enum fn_action {
    FN_DO_OP,         /* one operation, operands as given */
    FN_DO_COMPARE,    /* op on two operands that are not the word NODATA */
    FN_DO_BITS,       /* op on integers; the logical op behind it on comparisons */
    FN_DO_SHIFT,      /* op on integers */
    FN_DO_INVERT,     /* ~ */
    FN_DO_CLAMP,      /* min(max(x, lo), hi) */
    FN_DO_SQUARE,     /* x*x */
    FN_DO_RECIPROCAL, /* 1/x */
    FN_DO_SCALE,      /* x * constant */
    FN_DO_ROUND,      /* half away from zero; half to even under numpy's name */
    FN_DO_ISNODATA,
    FN_DO_LIST,         /* something of a list, see list_calls.h */
    FN_DO_NEIGHBORHOOD, /* a plane of the operand, see neighborhood_calls.h */
    FN_DO_IDENTITY
} fn_action;

#define FN_ANY_ARGS (-1)
/* What an operator or function does. */
typedef struct fn_rule {
    const char *name;
    fn_action action;
    fn_op op;
    int min_args, max_args; /* max FN_ANY_ARGS: any number */
    double scale;
} fn_rule;

typedef struct fn_constant {
    const char *name;
    double value;
    fn_kind kind;
} fn_constant;

/* From loose to tight. */
enum {
    FN_P_CHOICE = 1,
    FN_P_OR,
    FN_P_AND,
    FN_P_NOT,
    FN_P_COMPARE,
    FN_P_BITOR,
    FN_P_BITAND,
    FN_P_SHIFT,
    FN_P_ADD,
    FN_P_MULTIPLY,
    FN_P_SIGN,
    FN_P_POWER
};

/* An operator as it is written. */
typedef struct fn_sign {
    const char *text;
    int precedence;
    bool right; /* right associative */
    fn_rule rule;
} fn_sign;

/* a ? b : c */
extern const fn_rule fn_language_choice;

/* The function or constant of that name, of n bytes; NULL: there is none. */
const fn_rule *fn_language_function(const char *name, size_t n);
const fn_constant *fn_language_constant(const char *name, size_t n);

/* The i-th of all functions; NULL: there are no more. */
const fn_rule *fn_language_function_at(size_t i);

/* The binary or prefix operator that the text begins with; a word only when the whole name is the word. NULL: none. */
const fn_sign *fn_language_binary(const char *text);
const fn_sign *fn_language_prefix(const char *text);

/* What an unknown name may stand for: ours in another case, or what other calculators call ours. NULL: no idea. */
const char *fn_language_hint(const char *name, size_t n);
/* What the text begins with, if that is an operator elsewhere; NULL: it is none. A binary operator of ours must have
 * been looked for, but for `<>`. */
const char *fn_language_operator_hint(const char *text);
/* The function that is written almost so; NULL: there is none. */
const char *fn_language_nearest_function(const char *name, size_t n);

static inline bool fn_name_begin(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool fn_name_part(char c)
{
    return fn_name_begin(c) || (c >= '0' && c <= '9');
}

static inline size_t fn_name_length(const char *s)
{
    size_t n = 0;
    if (fn_name_begin(*s))
        while (fn_name_part(s[n]))
            n++;
    return n;
}

static inline bool fn_is_word(const char *s, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(s, word, length) == 0;
}

#endif
