/* An operator-precedence parser (Dijkstra's shunting yard) with its two stacks on the heap. */
#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "array.h"
#include "text.h"

/* ---- what an operator or function does ---- */

typedef enum action {
    DO_OP,         /* one operation, operands as given */
    DO_CHAIN,      /* op folded over the arguments from left to right */
    DO_AVG,        /* their sum by their count */
    DO_COMPARE,    /* op on two operands that are not the word NODATA */
    DO_BITS,       /* op on integers; the logical op behind it on comparisons */
    DO_SHIFT,      /* op on integers */
    DO_INVERT,     /* ~ */
    DO_CLAMP,      /* min(max(x, lo), hi) */
    DO_SQUARE,     /* x*x */
    DO_RECIPROCAL, /* 1/x */
    DO_SCALE,      /* x * constant */
    DO_ROUND,      /* half away from zero; half to even under numpy's name */
    DO_ISNODATA,
    DO_IDENTITY
} action;

typedef struct rule {
    const char *name;
    action action;
    fn_op op;
    int min_args, max_args; /* max -1: any number */
    double scale;
} rule;

#define PI 3.141592653589793238462643
#define ANY (-1)

static const rule functions[] = {
    {"abs", DO_OP, FN_OP_ABS, 1, 1, 0},
    {"absolute", DO_OP, FN_OP_ABS, 1, 1, 0},
    {"fabs", DO_OP, FN_OP_ABS, 1, 1, 0},
    {"sign", DO_OP, FN_OP_SIGN, 1, 1, 0},
    {"sqrt", DO_OP, FN_OP_SQRT, 1, 1, 0},
    {"cbrt", DO_OP, FN_OP_CBRT, 1, 1, 0},
    {"square", DO_SQUARE, FN_OP_MUL, 1, 1, 0},
    {"reciprocal", DO_RECIPROCAL, FN_OP_DIV, 1, 1, 0},
    {"exp", DO_OP, FN_OP_EXP, 1, 1, 0},
    {"exp2", DO_OP, FN_OP_EXP2, 1, 1, 0},
    {"expm1", DO_OP, FN_OP_EXPM1, 1, 1, 0},
    {"log", DO_OP, FN_OP_LOG, 1, 1, 0},
    {"ln", DO_OP, FN_OP_LOG, 1, 1, 0},
    {"log2", DO_OP, FN_OP_LOG2, 1, 1, 0},
    {"log10", DO_OP, FN_OP_LOG10, 1, 1, 0},
    {"log1p", DO_OP, FN_OP_LOG1P, 1, 1, 0},
    {"pow", DO_OP, FN_OP_POW, 2, 2, 0},
    {"power", DO_OP, FN_OP_POW, 2, 2, 0},
    {"hypot", DO_OP, FN_OP_HYPOT, 2, 2, 0},
    {"sin", DO_OP, FN_OP_SIN, 1, 1, 0},
    {"cos", DO_OP, FN_OP_COS, 1, 1, 0},
    {"tan", DO_OP, FN_OP_TAN, 1, 1, 0},
    {"asin", DO_OP, FN_OP_ASIN, 1, 1, 0},
    {"acos", DO_OP, FN_OP_ACOS, 1, 1, 0},
    {"atan", DO_OP, FN_OP_ATAN, 1, 1, 0},
    {"atan2", DO_OP, FN_OP_ATAN2, 2, 2, 0},
    {"arcsin", DO_OP, FN_OP_ASIN, 1, 1, 0},
    {"arccos", DO_OP, FN_OP_ACOS, 1, 1, 0},
    {"arctan", DO_OP, FN_OP_ATAN, 1, 1, 0},
    {"arctan2", DO_OP, FN_OP_ATAN2, 2, 2, 0},
    {"sinh", DO_OP, FN_OP_SINH, 1, 1, 0},
    {"cosh", DO_OP, FN_OP_COSH, 1, 1, 0},
    {"tanh", DO_OP, FN_OP_TANH, 1, 1, 0},
    {"asinh", DO_OP, FN_OP_ASINH, 1, 1, 0},
    {"acosh", DO_OP, FN_OP_ACOSH, 1, 1, 0},
    {"atanh", DO_OP, FN_OP_ATANH, 1, 1, 0},
    {"arcsinh", DO_OP, FN_OP_ASINH, 1, 1, 0},
    {"arccosh", DO_OP, FN_OP_ACOSH, 1, 1, 0},
    {"arctanh", DO_OP, FN_OP_ATANH, 1, 1, 0},
    {"radians", DO_SCALE, FN_OP_MUL, 1, 1, PI / 180},
    {"deg2rad", DO_SCALE, FN_OP_MUL, 1, 1, PI / 180},
    {"degrees", DO_SCALE, FN_OP_MUL, 1, 1, 180 / PI},
    {"rad2deg", DO_SCALE, FN_OP_MUL, 1, 1, 180 / PI},
    {"floor", DO_OP, FN_OP_FLOOR, 1, 1, 0},
    {"ceil", DO_OP, FN_OP_CEIL, 1, 1, 0},
    {"trunc", DO_OP, FN_OP_TRUNC, 1, 1, 0},
    {"fix", DO_OP, FN_OP_TRUNC, 1, 1, 0},
    {"round", DO_ROUND, FN_OP_ROUND, 1, 1, 0},
    {"rint", DO_OP, FN_OP_RINT, 1, 1, 0},
    {"around", DO_OP, FN_OP_RINT, 1, 1, 0},
    {"min", DO_CHAIN, FN_OP_MIN, 1, ANY, 0},
    {"max", DO_CHAIN, FN_OP_MAX, 1, ANY, 0},
    {"sum", DO_CHAIN, FN_OP_ADD, 1, ANY, 0},
    {"avg", DO_AVG, FN_OP_ADD, 1, ANY, 0},
    {"minimum", DO_OP, FN_OP_MIN, 2, 2, 0},
    {"maximum", DO_OP, FN_OP_MAX, 2, 2, 0},
    {"clamp", DO_CLAMP, FN_OP_MIN, 3, 3, 0},
    {"clip", DO_CLAMP, FN_OP_MIN, 3, 3, 0},
    {"fmod", DO_OP, FN_OP_FMOD, 2, 2, 0},
    {"mod", DO_OP, FN_OP_MOD, 2, 2, 0},
    {"remainder", DO_OP, FN_OP_MOD, 2, 2, 0},
    {"floor_divide", DO_OP, FN_OP_FLOORDIV, 2, 2, 0},
    {"divide", DO_OP, FN_OP_DIV, 2, 2, 0},
    {"true_divide", DO_OP, FN_OP_DIV, 2, 2, 0},
    {"add", DO_OP, FN_OP_ADD, 2, 2, 0},
    {"subtract", DO_OP, FN_OP_SUB, 2, 2, 0},
    {"multiply", DO_OP, FN_OP_MUL, 2, 2, 0},
    {"negative", DO_OP, FN_OP_NEG, 1, 1, 0},
    {"where", DO_OP, FN_OP_WHERE, 3, 3, 0},
    {"if", DO_OP, FN_OP_WHERE, 3, 3, 0},
    {"isnan", DO_OP, FN_OP_ISNAN, 1, 1, 0},
    {"isnodata", DO_ISNODATA, FN_OP_ISNAN, 1, 1, 0},
    {"isinf", DO_OP, FN_OP_ISINF, 1, 1, 0},
    {"isfinite", DO_OP, FN_OP_ISFINITE, 1, 1, 0},
    {"logical_and", DO_OP, FN_OP_AND, 2, 2, 0},
    {"logical_or", DO_OP, FN_OP_OR, 2, 2, 0},
    {"logical_xor", DO_OP, FN_OP_XOR, 2, 2, 0},
    {"logical_not", DO_OP, FN_OP_NOT, 1, 1, 0},
    {"equal", DO_COMPARE, FN_OP_EQ, 2, 2, 0},
    {"not_equal", DO_COMPARE, FN_OP_NE, 2, 2, 0},
    {"less", DO_COMPARE, FN_OP_LT, 2, 2, 0},
    {"less_equal", DO_COMPARE, FN_OP_LE, 2, 2, 0},
    {"greater", DO_COMPARE, FN_OP_GT, 2, 2, 0},
    {"greater_equal", DO_COMPARE, FN_OP_GE, 2, 2, 0},
    {"bitwise_and", DO_BITS, FN_OP_BITAND, 2, 2, 0},
    {"bitwise_or", DO_BITS, FN_OP_BITOR, 2, 2, 0},
    {"bitwise_xor", DO_BITS, FN_OP_BITXOR, 2, 2, 0},
    {"invert", DO_INVERT, FN_OP_NOT, 1, 1, 0},
    {"bitwise_not", DO_INVERT, FN_OP_NOT, 1, 1, 0},
    {"left_shift", DO_SHIFT, FN_OP_SHL, 2, 2, 0},
    {"right_shift", DO_SHIFT, FN_OP_SHR, 2, 2, 0},
};

static const struct {
    const char *name;
    double value;
    fn_kind kind;
} constants[] = {
    {"pi", PI, FN_REAL},      {"e", 2.718281828459045235360287, FN_REAL},
    {"nan", NAN, FN_REAL},    {"inf", INFINITY, FN_REAL},
    {"true", 1, FN_BOOL},     {"True", 1, FN_BOOL},
    {"false", 0, FN_BOOL},    {"False", 0, FN_BOOL},
    {"NODATA", NAN, FN_REAL},
};

/* From loose to tight. */
enum { P_CHOICE = 1, P_OR, P_AND, P_NOT, P_COMPARE, P_BITOR, P_BITAND, P_SHIFT, P_ADD, P_MULTIPLY, P_SIGN, P_POWER };

typedef struct sign {
    const char *text;
    int precedence;
    bool right; /* right associative */
    rule rule;
} sign;

/* Longer ones first. */
static const sign binaries[] = {
    {"**", P_POWER, true, {"**", DO_OP, FN_OP_POW, 2, 2, 0}},
    {"//", P_MULTIPLY, false, {"//", DO_OP, FN_OP_FLOORDIV, 2, 2, 0}},
    {"<<", P_SHIFT, false, {"<<", DO_SHIFT, FN_OP_SHL, 2, 2, 0}},
    {">>", P_SHIFT, false, {">>", DO_SHIFT, FN_OP_SHR, 2, 2, 0}},
    {"<=", P_COMPARE, false, {"<=", DO_COMPARE, FN_OP_LE, 2, 2, 0}},
    {">=", P_COMPARE, false, {">=", DO_COMPARE, FN_OP_GE, 2, 2, 0}},
    {"==", P_COMPARE, false, {"==", DO_COMPARE, FN_OP_EQ, 2, 2, 0}},
    {"!=", P_COMPARE, false, {"!=", DO_COMPARE, FN_OP_NE, 2, 2, 0}},
    {"&&", P_AND, false, {"&&", DO_OP, FN_OP_AND, 2, 2, 0}},
    {"||", P_OR, false, {"||", DO_OP, FN_OP_OR, 2, 2, 0}},
    {"and", P_AND, false, {"and", DO_OP, FN_OP_AND, 2, 2, 0}},
    {"or", P_OR, false, {"or", DO_OP, FN_OP_OR, 2, 2, 0}},
    {"^", P_POWER, true, {"^", DO_OP, FN_OP_POW, 2, 2, 0}},
    {"*", P_MULTIPLY, false, {"*", DO_OP, FN_OP_MUL, 2, 2, 0}},
    {"/", P_MULTIPLY, false, {"/", DO_OP, FN_OP_DIV, 2, 2, 0}},
    {"%", P_MULTIPLY, false, {"%", DO_OP, FN_OP_MOD, 2, 2, 0}},
    {"+", P_ADD, false, {"+", DO_OP, FN_OP_ADD, 2, 2, 0}},
    {"-", P_ADD, false, {"-", DO_OP, FN_OP_SUB, 2, 2, 0}},
    {"&", P_BITAND, false, {"&", DO_BITS, FN_OP_BITAND, 2, 2, 0}},
    {"|", P_BITOR, false, {"|", DO_BITS, FN_OP_BITOR, 2, 2, 0}},
    {"<", P_COMPARE, false, {"<", DO_COMPARE, FN_OP_LT, 2, 2, 0}},
    {">", P_COMPARE, false, {">", DO_COMPARE, FN_OP_GT, 2, 2, 0}},
};

static const sign prefixes[] = {
    {"not", P_NOT, true, {"not", DO_OP, FN_OP_NOT, 1, 1, 0}},
    {"-", P_SIGN, true, {"-", DO_OP, FN_OP_NEG, 1, 1, 0}},
    {"+", P_SIGN, true, {"+", DO_IDENTITY, FN_OP_NEG, 1, 1, 0}},
    {"~", P_SIGN, true, {"~", DO_INVERT, FN_OP_NOT, 1, 1, 0}},
    {"!", P_SIGN, true, {"!", DO_OP, FN_OP_NOT, 1, 1, 0}},
};

static const rule choice = {"?:", DO_OP, FN_OP_WHERE, 3, 3, 0};

/* ---- the stacks ---- */

/* A finished operand. `bare` remembers the operator it was made by, if no parentheses stand around it. */
typedef struct operand {
    int32_t node;
    uint32_t position;
    enum { BARE_NOTHING, BARE_COMPARE, BARE_BITS, BARE_NODATA, BARE_NAN } bare;
    uint32_t bare_position;
} operand;

/* An operator or a parenthesis that waits for its end. */
typedef struct waiting {
    enum { OPERATOR, QUESTION, CHOICE, PARENTHESIS, CALL } kind;
    int precedence;
    const rule *rule;
    bool numpy; /* the function's name stood behind numpy. */
    uint32_t position;
    int32_t base; /* operands below a call's arguments */
} waiting;

typedef struct parser {
    const char *text;
    const char *at;
    const fn_expr_options *options;
    fn_graph *graph;
    fn_inputs *inputs;
    fn_error *err;
    operand *operands;
    int32_t n_operands;
    size_t operand_capacity;
    waiting *stack;
    int32_t n_stack;
    size_t stack_capacity;
} parser;

/* ---- errors ---- */

/* Bytes of the character at s; bytes that are no UTF-8 count as one each. */
static size_t character(const char *s, size_t left)
{
    const size_t n = fn_utf8_length(s, left);
    return n ? n : 1;
}

/* message, "at position N", an excerpt of the text and a caret below the place. */
static fn_status complain(parser *p, size_t offset, const char *format, ...) FN_PRINTF(3, 4);
static fn_status complain(parser *p, size_t offset, const char *format, ...)
{
    enum { AROUND = 36 };
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);

    const char *text = p->text;
    const size_t length = strlen(text);
    size_t begin = 0, position = 1;
    for (size_t i = 0, n; i < offset; i += n) {
        n = character(text + i, length - i);
        position++;
        if (offset - i > AROUND)
            begin = i + n;
    }
    char excerpt[2 * AROUND + 16], caret[2 * AROUND + 16];
    size_t written = 0, column = 0, end = begin;
    while (end < length && end < offset + AROUND) {
        const size_t n = character(text + end, length - end);
        const unsigned char c = (unsigned char)text[end];
        if (n > 1) {
            memcpy(excerpt + written, text + end, n);
            written += n;
        } else
            excerpt[written++] = (c == '\t' || c == '\n' || c == '\r') ? ' ' : (c < 32 || c >= 127) ? '?' : (char)c;
        if (end < offset)
            caret[column++] = ' ';
        end += n;
    }
    excerpt[written] = '\0';
    caret[column++] = '^';
    caret[column] = '\0';
    return fn_fail(p->err, FN_ERR_SYNTAX, "%s at position %zu\n  %s%s%s\n  %s%s", message, position,
                   begin > 0 ? "..." : "", excerpt, end < length ? "..." : "", begin > 0 ? "   " : "", caret);
}

static fn_status out_of_memory(parser *p)
{
    return fn_fail(p->err, FN_ERR_MEMORY, "out of memory for the expression");
}

/* ---- what stands here ---- */

static uint32_t here(const parser *p)
{
    return (uint32_t)(p->at - p->text);
}

static void skip_space(parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

static bool name_begin(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool name_part(char c)
{
    return name_begin(c) || (c >= '0' && c <= '9');
}

static size_t name_length(const char *s)
{
    size_t n = 0;
    if (name_begin(*s))
        while (name_part(s[n]))
            n++;
    return n;
}

static bool is_word(const char *s, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(s, word, length) == 0;
}

/* The sign that stands here; words only when the whole name is the word. */
static const sign *find_sign(const parser *p, const sign *signs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = signs[i].text;
        const size_t length = strlen(text);
        if (strncmp(p->at, text, length) == 0 && !(name_begin(text[0]) && name_part(p->at[length])))
            return &signs[i];
    }
    return NULL;
}
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- pushing and reducing ---- */

static fn_status push_operand(parser *p, operand o)
{
    if (o.node < 0 || !fn_reserve(&p->operands, &p->operand_capacity, (size_t)p->n_operands + 1, sizeof o))
        return out_of_memory(p);
    p->operands[p->n_operands++] = o;
    return FN_OK;
}

static fn_status push_waiting(parser *p, waiting w)
{
    if (!fn_reserve(&p->stack, &p->stack_capacity, (size_t)p->n_stack + 1, sizeof w))
        return out_of_memory(p);
    p->stack[p->n_stack++] = w;
    return FN_OK;
}

static fn_kind kind(const parser *p, int32_t node)
{
    return (fn_kind)p->graph->nodes[node].kind;
}

static fn_status need_integers(parser *p, const rule *r, const operand *o, int n)
{
    for (int i = 0; i < n; i++)
        if (kind(p, o[i].node) == FN_REAL)
            return complain(
                p, o[i].position,
                "'%s' needs integers, but this %s may have a fraction; make it whole with floor() or round()", r->name,
                n > 1 ? (i == 0 ? "left operand" : "right operand") : "operand");
    return FN_OK;
}

/* Makes the node of a rule applied to n operands. numpy: the rule's name was written numpy.name. */
static fn_status apply(parser *p, const rule *r, bool numpy, const operand *o, int32_t n, int32_t *node)
{
    fn_graph *g = p->graph;
    const int32_t none = FN_NO_CHILD;
    const int32_t a = o[0].node, b = n > 1 ? o[1].node : none, c = n > 2 ? o[2].node : none;
    fn_status status = FN_OK;
    switch (r->action) {
    case DO_OP:
        *node = fn_graph_op(g, r->op, a, b, c);
        break;
    case DO_COMPARE:
        for (int i = 0; i < 2; i++) {
            if (o[i].bare == BARE_NODATA)
                return complain(p, o[i].position, "comparing with NODATA always gives NODATA; use isnodata(...)");
            if (o[i].bare == BARE_NAN && (r->op == FN_OP_EQ || r->op == FN_OP_NE))
                return complain(p, o[i].position, "nothing equals nan; use isnan(...)");
        }
        *node = fn_graph_op(g, r->op, a, b, none);
        break;
    case DO_CHAIN:
    case DO_AVG:
        *node = a;
        for (int32_t i = 1; i < n; i++)
            *node = fn_graph_op(g, r->op, *node, o[i].node, none);
        if (r->action == DO_AVG)
            *node = fn_graph_op(g, FN_OP_DIV, *node, fn_graph_const(g, n, FN_INT), none);
        break;
    case DO_BITS: {
        fn_op op = r->op;
        if (kind(p, a) == FN_BOOL && kind(p, b) == FN_BOOL)
            op = op == FN_OP_BITAND ? FN_OP_AND : op == FN_OP_BITOR ? FN_OP_OR : FN_OP_XOR;
        else if ((status = need_integers(p, r, o, 2)) != FN_OK)
            return status;
        *node = fn_graph_op(g, op, a, b, none);
        break;
    }
    case DO_SHIFT:
        if ((status = need_integers(p, r, o, 2)) != FN_OK)
            return status;
        *node = fn_graph_op(g, r->op, a, b, none);
        break;
    case DO_INVERT:
        if ((status = need_integers(p, r, o, 1)) != FN_OK)
            return status;
        if (kind(p, a) == FN_BOOL)
            *node = fn_graph_op(g, FN_OP_NOT, a, none, none);
        else /* -x-1, by way of the bits so that what has lost them gives NaN */
            *node = fn_graph_op(g, FN_OP_BITXOR, a, fn_graph_const(g, -1, FN_INT), none);
        break;
    case DO_CLAMP:
        *node = fn_graph_op(g, FN_OP_MIN, fn_graph_op(g, FN_OP_MAX, a, b, none), c, none);
        break;
    case DO_SQUARE:
        *node = fn_graph_op(g, FN_OP_MUL, a, a, none);
        break;
    case DO_RECIPROCAL:
        *node = fn_graph_op(g, FN_OP_DIV, fn_graph_const(g, 1, FN_INT), a, none);
        break;
    case DO_SCALE:
        *node = fn_graph_op(g, FN_OP_MUL, a, fn_graph_const(g, r->scale, FN_REAL), none);
        break;
    case DO_ROUND:
        *node = fn_graph_op(g, numpy ? FN_OP_RINT : FN_OP_ROUND, a, none, none);
        break;
    case DO_ISNODATA:
        *node = g->nodata ? fn_graph_op(g, FN_OP_ISNAN, a, none, none) : fn_graph_const(g, 0, FN_BOOL);
        break;
    case DO_IDENTITY:
        *node = a;
        break;
    }
    return *node < 0 ? out_of_memory(p) : FN_OK;
}

static fn_status ask_for_parentheses(parser *p, uint32_t position, const char *comparison)
{
    return complain(p, position,
                    "Python and C read '&' and '|' beside '%s' differently; put parentheses around what belongs "
                    "together, as in (A>1) & (B<2) or (A&4) == 4",
                    comparison);
}

/* `A>1 & B<2` and `A&4 == 4` mean one thing to Python and another to C, `0<A<5` too: refused, never guessed. */
static fn_status refuse_ambiguous(parser *p, const waiting *w, const operand *o)
{
    for (int i = 0; i < 2; i++) {
        if (o[i].bare == BARE_BITS)
            return ask_for_parentheses(p, o[i].bare_position, w->rule->name);
        if (o[i].bare == BARE_COMPARE)
            return complain(p, w->position, "comparisons cannot be chained; write (0 < A) && (A < 5) for 0 < A < 5");
    }
    return FN_OK;
}

/* Real numbers beside '&' or '|', and a comparison next to them: what is missing is not floor() but parentheses. */
static fn_status check_bits(parser *p, const waiting *w, const operand *o)
{
    const waiting *before = p->n_stack ? &p->stack[p->n_stack - 1] : NULL;
    const sign *behind = find_sign(p, binaries, COUNT(binaries));
    const char *comparison = NULL;
    if (before && before->kind == OPERATOR && before->precedence == P_COMPARE)
        comparison = before->rule->name;
    else if (behind && behind->precedence == P_COMPARE)
        comparison = behind->text;
    if (comparison && (kind(p, o[0].node) == FN_REAL || kind(p, o[1].node) == FN_REAL))
        return ask_for_parentheses(p, w->position, comparison);
    return FN_OK;
}

/* Takes the top operator off the stack and applies it. */
static fn_status reduce(parser *p)
{
    const waiting w = p->stack[--p->n_stack];
    const int n = w.rule->min_args;
    operand *o = &p->operands[p->n_operands - n];
    fn_status status = FN_OK;
    if (w.precedence == P_COMPARE && (status = refuse_ambiguous(p, &w, o)) != FN_OK)
        return status;
    const bool bits = w.precedence == P_BITAND || w.precedence == P_BITOR;
    if (bits && (status = check_bits(p, &w, o)) != FN_OK)
        return status;
    int32_t node = -1;
    if ((status = apply(p, w.rule, false, o, n, &node)) != FN_OK)
        return status;
    *o = (operand){.node = node,
                   .position = o->position < w.position ? o->position : w.position,
                   .bare = bits                        ? BARE_BITS
                           : w.precedence == P_COMPARE ? BARE_COMPARE
                                                       : BARE_NOTHING,
                   .bare_position = w.position};
    p->n_operands -= n - 1;
    return FN_OK;
}

/* Applies all operators that bind tighter than `precedence` (or as tight, if the next one is left associative). */
static fn_status reduce_above(parser *p, int precedence, bool right)
{
    while (p->n_stack > 0) {
        const waiting *w = &p->stack[p->n_stack - 1];
        if (w->kind != OPERATOR && w->kind != CHOICE)
            break;
        if (w->precedence < precedence || (w->precedence == precedence && right))
            break;
        fn_status status = reduce(p);
        if (status != FN_OK)
            return status;
    }
    return FN_OK;
}

/* ---- reading ---- */

static fn_status read_number(parser *p, double *value)
{
    const char *begin = p->at;
    char *end = NULL;
    const char base = begin[0] == '0' ? begin[1] : '\0';
    if (base == 'x' || base == 'X' || base == 'b' || base == 'B') {
        errno = 0;
        const bool hex = base == 'x' || base == 'X';
        unsigned long long whole = isxdigit((unsigned char)begin[2]) ? strtoull(begin + 2, &end, hex ? 16 : 2) : 0;
        if (!end || end == begin + 2)
            return complain(p, here(p), "a digit is missing after '0%c'", base);
        if (errno || whole > (1ULL << 53))
            return complain(p, here(p), "the number is beyond 2^53");
        *value = (double)whole;
    } else {
        /* Digits and exponent are checked here: strtod would take "1e" as 1. */
        size_t n = 0, digits = 0;
        while (isdigit((unsigned char)begin[n]))
            n++, digits++;
        if (begin[n] == '.') {
            n++;
            while (isdigit((unsigned char)begin[n]))
                n++, digits++;
        }
        if (digits == 0)
            return complain(p, here(p), "a number has no digits");
        if (begin[n] == 'e' || begin[n] == 'E') {
            size_t m = n + 1;
            if (begin[m] == '+' || begin[m] == '-')
                m++;
            if (!isdigit((unsigned char)begin[m]))
                return complain(p, here(p), "the exponent of the number has no digits");
            while (isdigit((unsigned char)begin[m]))
                m++;
            n = m;
        }
        *value = fn_strtod(begin, &end);
    }
    if (name_part(*end) || *end == '.')
        return complain(p, (size_t)(end - p->text), "unexpected '%c' behind a number", *end);
    p->at = end;
    return FN_OK;
}

/* A or A[2]. */
static fn_status read_input(parser *p, int32_t *node)
{
    const uint32_t position = here(p);
    const char name = *p->at++;
    int band = 1;
    const char *behind = p->at;
    skip_space(p);
    if (*p->at == '[') {
        p->at++;
        skip_space(p);
        char *end = NULL;
        errno = 0;
        const long number = isdigit((unsigned char)*p->at) ? strtol(p->at, &end, 10) : 0;
        if (!end || number < 1 || number > 65535 || errno)
            return complain(p, here(p), "a band number from 1 is wanted in %c[...]", name);
        p->at = end;
        skip_space(p);
        if (*p->at != ']')
            return complain(p, here(p), "']' is wanted after the band number");
        p->at++;
        band = (int)number;
    } else
        p->at = behind;

    fn_inputs *in = p->inputs;
    int i = 0;
    while (i < in->count && (in->items[i].name != name || in->items[i].band != band))
        i++;
    if (i == in->count) {
        fn_type type = FN_FLOAT64;
        fn_error reason = {.text = ""};
        if (p->options->resolve && p->options->resolve(p->options->user, name, band, &type, &reason) != FN_OK)
            return complain(p, position, "%s", reason.text);
        if (!fn_reserve(&in->items, &in->capacity, (size_t)in->count + 1, sizeof *in->items))
            return out_of_memory(p);
        in->items[in->count++] = (struct fn_input){name, band, type};
    }
    *node = fn_graph_input(p->graph, i, fn_type_is_integer(in->items[i].type) ? FN_INT : FN_REAL);
    return FN_OK;
}

/* numpy. or np. in front of a name: skips it. */
static bool skip_numpy(parser *p)
{
    const size_t n = name_length(p->at);
    if ((is_word(p->at, n, "numpy") || is_word(p->at, n, "np")) && p->at[n] == '.') {
        p->at += n + 1;
        return true;
    }
    return false;
}

/* x.astype(float): everything is double already. */
static fn_status read_method(parser *p)
{
    const uint32_t position = here(p);
    p->at++;
    const size_t n = name_length(p->at);
    if (!is_word(p->at, n, "astype"))
        return complain(p, position, "unknown method '.%.*s'; only .astype(float) is known", (int)(n < 40 ? n : 40),
                        p->at);
    p->at += n;
    skip_space(p);
    if (*p->at != '(')
        return complain(p, here(p), "'(' is wanted after .astype");
    p->at++;
    skip_space(p);
    const char quote = *p->at == '\'' || *p->at == '"' ? *p->at++ : '\0';
    if (!quote)
        skip_numpy(p);
    static const char *const floats[] = {"float", "float32", "float64", "double", "single", "float_", "f4", "f8"};
    const uint32_t type_position = here(p);
    const size_t length = name_length(p->at);
    bool known = false;
    for (size_t i = 0; i < COUNT(floats); i++)
        known |= is_word(p->at, length, floats[i]);
    if (!known)
        return complain(p, type_position,
                        "values are double precision already, and only a float type can be asked for here; "
                        "use OT for the output type");
    p->at += length;
    if (quote && *p->at++ != quote)
        return complain(p, type_position, "a quote is missing");
    skip_space(p);
    if (*p->at != ')')
        return complain(p, here(p), "')' is wanted");
    p->at++;
    return FN_OK;
}

/* The same letters in another case. */
static const char *name_in_other_case(const char *name, size_t n)
{
    for (size_t i = 0; i < COUNT(functions); i++)
        if (strlen(functions[i].name) == n && strncasecmp(functions[i].name, name, n) == 0)
            return functions[i].name;
    for (size_t i = 0; i < COUNT(constants); i++)
        if (strlen(constants[i].name) == n && strncasecmp(constants[i].name, name, n) == 0)
            return constants[i].name;
    return NULL;
}

/* What other calculators call these. */
static const struct {
    const char *name, *ours;
} elsewhere[] = {
    {"mean", "avg(A, B)"},     {"average", "avg(A, B)"},  {"nanmean", "avg(A, B)"},  {"amin", "min(A, B)"},
    {"amax", "max(A, B)"},     {"con", "where(c, a, b)"}, {"iif", "where(c, a, b)"}, {"ifelse", "where(c, a, b)"},
    {"ceiling", "ceil(A)"},    {"int", "trunc(A)"},       {"null", "NODATA"},        {"None", "NODATA"},
    {"isnull", "isnodata(A)"}, {"sqr", "square(A)"},      {"log_10", "log10(A)"},
};

static fn_status complain_of_name(parser *p, uint32_t position, const char *name, size_t n, const char *behind)
{
    const bool call = *behind == '(';
    const char *what = call ? "function" : "name";
    const int shown = (int)(n < 60 ? n : 60);
    const char *hint = name_in_other_case(name, n);
    for (size_t i = 0; i < COUNT(elsewhere) && !hint; i++)
        if (is_word(name, n, elsewhere[i].name))
            hint = elsewhere[i].ours;
    if (hint)
        return complain(p, position, "unknown %s '%.*s' (did you mean '%s'?)", what, shown, name, hint);
    if (call)
        return complain(p, position, "unknown function '%.*s'", shown, name);
    if (behind[0] == '=' && behind[1] != '=')
        return complain(p, position, "'%.*s=': there are no named arguments; functions work pixel by pixel", shown,
                        name);
    if (n == 1 && *name >= 'a' && *name <= 'z')
        return complain(p, position, "unknown name '%c' (inputs have capital letters: did you mean '%c'?)", *name,
                        toupper((unsigned char)*name));
    return complain(p, position, "unknown name '%.*s'; inputs are A to Z, their bands A[2]...", shown, name);
}

static fn_status read_name(parser *p, bool *done)
{
    const uint32_t position = here(p);
    const bool numpy = skip_numpy(p);
    const size_t n = name_length(p->at);
    const char *name = p->at;
    if (n == 0)
        return complain(p, here(p), "a name is wanted after 'numpy.'");
    const char *behind = name + n;
    while (isspace((unsigned char)*behind))
        behind++;

    if (*behind == '(') {
        for (size_t i = 0; i < COUNT(functions); i++)
            if (is_word(name, n, functions[i].name)) {
                p->at = behind + 1;
                *done = false;
                return push_waiting(p, (waiting){.kind = CALL,
                                                 .rule = &functions[i],
                                                 .numpy = numpy,
                                                 .position = position,
                                                 .base = p->n_operands});
            }
    } else {
        if (n == 1 && *name >= 'A' && *name <= 'Z' && !numpy) {
            operand o = {.position = position};
            fn_status status = read_input(p, &o.node);
            return status == FN_OK ? push_operand(p, o) : status;
        }
        for (size_t i = 0; i < COUNT(constants); i++)
            if (is_word(name, n, constants[i].name)) {
                const bool nodata = is_word(name, n, "NODATA");
                if (nodata && !p->options->nodata)
                    return complain(p, position, "there is no NODATA with NODATA=none");
                p->at += n;
                return push_operand(p,
                                    (operand){.node = fn_graph_const(p->graph, constants[i].value, constants[i].kind),
                                              .position = position,
                                              .bare = nodata                      ? BARE_NODATA
                                                      : isnan(constants[i].value) ? BARE_NAN
                                                                                  : BARE_NOTHING});
            }
        for (size_t i = 0; i < COUNT(functions); i++)
            if (is_word(name, n, functions[i].name))
                return complain(p, position, "the function '%s' needs arguments in parentheses", functions[i].name);
    }
    return complain_of_name(p, position, name, n, behind);
}

/* numpy.max((A,B),axis=0), numpy.max([A,B]): the function whose arguments stand in a list; NULL: it is none of
 * these. */
static const char *call_with_list(const parser *p, bool inside)
{
    const int32_t above = inside ? 1 : 0;
    if (p->n_stack <= above || (inside && p->stack[p->n_stack - 1].kind != PARENTHESIS))
        return NULL;
    const waiting *call = &p->stack[p->n_stack - 1 - above];
    return call->kind == CALL && call->rule->max_args != 1 ? call->rule->name : NULL;
}

static fn_status complain_of_list(parser *p, uint32_t position, const char *function)
{
    return complain(p, position, "'%s' takes its arguments one by one, not as a list; write %s(A, B)", function,
                    function);
}

/* An operand is wanted: a value, or something that opens. *done: it has been read whole. */
static fn_status read_operand(parser *p, bool *done)
{
    const uint32_t position = here(p);
    const char c = *p->at;
    *done = true;
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)p->at[1]))) {
        double value = 0;
        fn_status status = read_number(p, &value);
        if (status != FN_OK)
            return status;
        const bool whole = value == floor(value) && value <= 0x1p53;
        return push_operand(
            p, (operand){.node = fn_graph_const(p->graph, value, whole ? FN_INT : FN_REAL), .position = position});
    }
    const sign *prefix = find_sign(p, prefixes, COUNT(prefixes));
    if (prefix) {
        const waiting *top = p->n_stack ? &p->stack[p->n_stack - 1] : NULL;
        if (prefix->precedence == P_NOT && top && top->kind == OPERATOR && top->precedence > P_NOT)
            return complain(p, position, "'not' needs parentheses behind '%s'", top->rule->name);
        p->at += strlen(prefix->text);
        *done = false;
        return push_waiting(
            p,
            (waiting){.kind = OPERATOR, .precedence = prefix->precedence, .rule = &prefix->rule, .position = position});
    }
    if (name_begin(c))
        return read_name(p, done);
    if (c == '(') {
        p->at++;
        *done = false;
        return push_waiting(p, (waiting){.kind = PARENTHESIS, .position = position});
    }
    if (c == '\0')
        return complain(p, position,
                        p->n_stack ? "the expression ends where a value is wanted" : "the expression is empty");
    if (c == ')') {
        const waiting *top = p->n_stack ? &p->stack[p->n_stack - 1] : NULL;
        if (top && top->kind == CALL && p->n_operands == top->base)
            return complain(p, position, "'%s' needs arguments", top->rule->name);
        if (!top)
            return complain(p, position, "unbalanced ')'");
    }
    if (c == '[' && call_with_list(p, false))
        return complain_of_list(p, position, call_with_list(p, false));
    if ((unsigned char)c >= 0x80)
        return complain(p, position, "a character that is not ASCII where a value is wanted");
    if ((unsigned char)c < 32 || c == 127)
        return complain(p, position, "a control character (0x%02X) where a value is wanted", (unsigned)c);
    return complain(p, position, "unexpected '%c' where a value is wanted", c);
}

static fn_status close_parenthesis(parser *p, uint32_t position)
{
    if (p->n_stack == 0)
        return complain(p, position, "unbalanced ')'");
    const waiting w = p->stack[p->n_stack - 1];
    if (w.kind == QUESTION)
        return complain(p, w.position, "'?' has no ':'");
    p->n_stack--;
    operand *last = &p->operands[p->n_operands - 1];
    if (w.kind == PARENTHESIS) {
        if (last->bare != BARE_NODATA && last->bare != BARE_NAN)
            last->bare = BARE_NOTHING;
        last->position = w.position;
        return FN_OK;
    }
    const int32_t n = p->n_operands - w.base;
    const rule *r = w.rule;
    if (n < r->min_args || (r->max_args != ANY && n > r->max_args))
        return complain(p, w.position, "'%s' takes %d argument%s, not %d", r->name, r->min_args,
                        r->min_args == 1 ? (r->max_args == ANY ? " or more" : "") : "s", (int)n);
    operand *o = &p->operands[w.base];
    int32_t node = -1;
    fn_status status = apply(p, r, w.numpy, o, n, &node);
    if (status != FN_OK)
        return status;
    *o = (operand){.node = node, .position = w.position};
    p->n_operands = w.base + 1;
    return FN_OK;
}

/* An operator, or something that closes, is wanted. *operand_next: a value must follow. */
static fn_status read_operator(parser *p, bool *operand_next)
{
    const uint32_t position = here(p);
    const char c = *p->at;
    fn_status status = FN_OK;
    *operand_next = true;
    if (c == '.')
        return *operand_next = false, read_method(p);
    const sign *s = find_sign(p, binaries, COUNT(binaries));
    if (s) {
        if ((status = reduce_above(p, s->precedence, s->right)) != FN_OK)
            return status;
        p->at += strlen(s->text);
        return push_waiting(
            p, (waiting){.kind = OPERATOR, .precedence = s->precedence, .rule = &s->rule, .position = position});
    }
    switch (c) {
    case '?':
        if ((status = reduce_above(p, P_CHOICE, true)) != FN_OK)
            return status;
        p->at++;
        return push_waiting(p,
                            (waiting){.kind = QUESTION, .precedence = P_CHOICE, .rule = &choice, .position = position});
    case ':':
        if ((status = reduce_above(p, P_CHOICE, false)) != FN_OK)
            return status;
        if (p->n_stack == 0 || p->stack[p->n_stack - 1].kind != QUESTION)
            return complain(p, position, "':' has no '?'");
        p->at++;
        p->stack[p->n_stack - 1].kind = CHOICE;
        return FN_OK;
    case ',':
        if ((status = reduce_above(p, 0, false)) != FN_OK)
            return status;
        if (p->n_stack && p->stack[p->n_stack - 1].kind == QUESTION)
            return complain(p, p->stack[p->n_stack - 1].position, "'?' has no ':'");
        if (call_with_list(p, true))
            return complain_of_list(p, position, call_with_list(p, true));
        if (p->n_stack == 0 || p->stack[p->n_stack - 1].kind != CALL)
            return complain(p, position, "',' outside of a function's arguments");
        p->at++;
        return FN_OK;
    case ')':
        *operand_next = false;
        if ((status = reduce_above(p, 0, false)) != FN_OK)
            return status;
        p->at++;
        return close_parenthesis(p, position);
    default:
        break;
    }
    const size_t n = name_length(p->at);
    if (n > 0)
        return complain(p, position, "an operator is missing before '%.*s'", (int)(n < 40 ? n : 40), p->at);
    if (c == '=')
        return complain(p, position, "'=' is no operator; use '==' to compare");
    if (c == '(' || isdigit((unsigned char)c))
        return complain(p, position, "an operator is missing before '%c'", c);
    if ((unsigned char)c >= 0x80)
        return complain(p, position, "a character that is not ASCII where an operator is wanted");
    if ((unsigned char)c < 32 || c == 127)
        return complain(p, position, "a control character (0x%02X) where an operator is wanted", (unsigned)c);
    return complain(p, position, "unexpected '%c' where an operator is wanted", c);
}

static fn_status parse_all(parser *p)
{
    bool want_operand = true;
    for (;;) {
        skip_space(p);
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
    fn_status status = reduce_above(p, 0, false);
    if (status == FN_OK && p->n_stack > 0) {
        const waiting *w = &p->stack[p->n_stack - 1];
        if (w->kind == QUESTION)
            return complain(p, w->position, "'?' has no ':'");
        if (w->kind == CALL)
            return complain(p, w->position, "the arguments of '%s' are not closed with ')'", w->rule->name);
        return complain(p, w->position, "'(' is not closed");
    }
    return status;
}

fn_status fn_parse(const char *text, const fn_expr_options *options, fn_graph *graph, fn_inputs *inputs, int32_t *root,
                   fn_error *err)
{
    parser p = {.text = text, .at = text, .options = options, .graph = graph, .inputs = inputs, .err = err};
    fn_status status =
        strlen(text) < INT32_MAX ? parse_all(&p) : fn_fail(err, FN_ERR_SYNTAX, "the expression is too long");
    if (status == FN_OK)
        *root = p.operands[0].node;
    free(p.operands);
    free(p.stack);
    return status;
}
