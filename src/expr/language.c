#include "language.h"

#include <math.h>
#include <strings.h>

#include "list_calls.h"
#include "neighborhood_calls.h"

#define PI 3.141592653589793238462643

static const fn_rule functions[] = {
    {"abs", FN_DO_OP, FN_OP_ABS, 1, 1, 0},
    {"absolute", FN_DO_OP, FN_OP_ABS, 1, 1, 0},
    {"fabs", FN_DO_OP, FN_OP_ABS, 1, 1, 0},
    {"sign", FN_DO_OP, FN_OP_SIGN, 1, 1, 0},
    {"sqrt", FN_DO_OP, FN_OP_SQRT, 1, 1, 0},
    {"cbrt", FN_DO_OP, FN_OP_CBRT, 1, 1, 0},
    {"square", FN_DO_SQUARE, FN_OP_MUL, 1, 1, 0},
    {"reciprocal", FN_DO_RECIPROCAL, FN_OP_DIV, 1, 1, 0},
    {"exp", FN_DO_OP, FN_OP_EXP, 1, 1, 0},
    {"exp2", FN_DO_OP, FN_OP_EXP2, 1, 1, 0},
    {"expm1", FN_DO_OP, FN_OP_EXPM1, 1, 1, 0},
    {"log", FN_DO_OP, FN_OP_LOG, 1, 1, 0},
    {"ln", FN_DO_OP, FN_OP_LOG, 1, 1, 0},
    {"log2", FN_DO_OP, FN_OP_LOG2, 1, 1, 0},
    {"log10", FN_DO_OP, FN_OP_LOG10, 1, 1, 0},
    {"log1p", FN_DO_OP, FN_OP_LOG1P, 1, 1, 0},
    {"pow", FN_DO_OP, FN_OP_POW, 2, 2, 0},
    {"power", FN_DO_OP, FN_OP_POW, 2, 2, 0},
    {"hypot", FN_DO_OP, FN_OP_HYPOT, 2, 2, 0},
    {"sin", FN_DO_OP, FN_OP_SIN, 1, 1, 0},
    {"cos", FN_DO_OP, FN_OP_COS, 1, 1, 0},
    {"tan", FN_DO_OP, FN_OP_TAN, 1, 1, 0},
    {"asin", FN_DO_OP, FN_OP_ASIN, 1, 1, 0},
    {"acos", FN_DO_OP, FN_OP_ACOS, 1, 1, 0},
    {"atan", FN_DO_OP, FN_OP_ATAN, 1, 1, 0},
    {"atan2", FN_DO_OP, FN_OP_ATAN2, 2, 2, 0},
    {"arcsin", FN_DO_OP, FN_OP_ASIN, 1, 1, 0},
    {"arccos", FN_DO_OP, FN_OP_ACOS, 1, 1, 0},
    {"arctan", FN_DO_OP, FN_OP_ATAN, 1, 1, 0},
    {"arctan2", FN_DO_OP, FN_OP_ATAN2, 2, 2, 0},
    {"sinh", FN_DO_OP, FN_OP_SINH, 1, 1, 0},
    {"cosh", FN_DO_OP, FN_OP_COSH, 1, 1, 0},
    {"tanh", FN_DO_OP, FN_OP_TANH, 1, 1, 0},
    {"asinh", FN_DO_OP, FN_OP_ASINH, 1, 1, 0},
    {"acosh", FN_DO_OP, FN_OP_ACOSH, 1, 1, 0},
    {"atanh", FN_DO_OP, FN_OP_ATANH, 1, 1, 0},
    {"arcsinh", FN_DO_OP, FN_OP_ASINH, 1, 1, 0},
    {"arccosh", FN_DO_OP, FN_OP_ACOSH, 1, 1, 0},
    {"arctanh", FN_DO_OP, FN_OP_ATANH, 1, 1, 0},
    {"radians", FN_DO_SCALE, FN_OP_MUL, 1, 1, PI / 180},
    {"deg2rad", FN_DO_SCALE, FN_OP_MUL, 1, 1, PI / 180},
    {"degrees", FN_DO_SCALE, FN_OP_MUL, 1, 1, 180 / PI},
    {"rad2deg", FN_DO_SCALE, FN_OP_MUL, 1, 1, 180 / PI},
    {"floor", FN_DO_OP, FN_OP_FLOOR, 1, 1, 0},
    {"ceil", FN_DO_OP, FN_OP_CEIL, 1, 1, 0},
    {"trunc", FN_DO_OP, FN_OP_TRUNC, 1, 1, 0},
    {"fix", FN_DO_OP, FN_OP_TRUNC, 1, 1, 0},
    {"round", FN_DO_ROUND, FN_OP_ROUND, 1, 1, 0},
    {"rint", FN_DO_OP, FN_OP_RINT, 1, 1, 0},
    {"around", FN_DO_OP, FN_OP_RINT, 1, 1, 0},
    {"minimum", FN_DO_OP, FN_OP_MIN, 2, 2, 0},
    {"maximum", FN_DO_OP, FN_OP_MAX, 2, 2, 0},
    {"clamp", FN_DO_CLAMP, FN_OP_MIN, 3, 3, 0},
    {"clip", FN_DO_CLAMP, FN_OP_MIN, 3, 3, 0},
    {"fmod", FN_DO_OP, FN_OP_FMOD, 2, 2, 0},
    {"mod", FN_DO_OP, FN_OP_MOD, 2, 2, 0},
    {"remainder", FN_DO_OP, FN_OP_MOD, 2, 2, 0},
    {"floor_divide", FN_DO_OP, FN_OP_FLOORDIV, 2, 2, 0},
    {"divide", FN_DO_OP, FN_OP_DIV, 2, 2, 0},
    {"true_divide", FN_DO_OP, FN_OP_DIV, 2, 2, 0},
    {"add", FN_DO_OP, FN_OP_ADD, 2, 2, 0},
    {"subtract", FN_DO_OP, FN_OP_SUB, 2, 2, 0},
    {"multiply", FN_DO_OP, FN_OP_MUL, 2, 2, 0},
    {"negative", FN_DO_OP, FN_OP_NEG, 1, 1, 0},
    {"where", FN_DO_OP, FN_OP_WHERE, 3, 3, 0},
    {"if", FN_DO_OP, FN_OP_WHERE, 3, 3, 0},
    {"isnan", FN_DO_OP, FN_OP_ISNAN, 1, 1, 0},
    {"isnodata", FN_DO_ISNODATA, FN_OP_ISNAN, 1, 1, 0},
    {"isinf", FN_DO_OP, FN_OP_ISINF, 1, 1, 0},
    {"isfinite", FN_DO_OP, FN_OP_ISFINITE, 1, 1, 0},
    {"logical_and", FN_DO_OP, FN_OP_AND, 2, 2, 0},
    {"logical_or", FN_DO_OP, FN_OP_OR, 2, 2, 0},
    {"logical_xor", FN_DO_OP, FN_OP_XOR, 2, 2, 0},
    {"logical_not", FN_DO_OP, FN_OP_NOT, 1, 1, 0},
    {"equal", FN_DO_COMPARE, FN_OP_EQ, 2, 2, 0},
    {"not_equal", FN_DO_COMPARE, FN_OP_NE, 2, 2, 0},
    {"less", FN_DO_COMPARE, FN_OP_LT, 2, 2, 0},
    {"less_equal", FN_DO_COMPARE, FN_OP_LE, 2, 2, 0},
    {"greater", FN_DO_COMPARE, FN_OP_GT, 2, 2, 0},
    {"greater_equal", FN_DO_COMPARE, FN_OP_GE, 2, 2, 0},
    {"bitwise_and", FN_DO_BITS, FN_OP_BITAND, 2, 2, 0},
    {"bitwise_or", FN_DO_BITS, FN_OP_BITOR, 2, 2, 0},
    {"bitwise_xor", FN_DO_BITS, FN_OP_BITXOR, 2, 2, 0},
    {"invert", FN_DO_INVERT, FN_OP_NOT, 1, 1, 0},
    {"bitwise_not", FN_DO_INVERT, FN_OP_NOT, 1, 1, 0},
    {"left_shift", FN_DO_SHIFT, FN_OP_SHL, 2, 2, 0},
    {"right_shift", FN_DO_SHIFT, FN_OP_SHR, 2, 2, 0},
};

static const fn_constant constants[] = {
    {"pi", PI, FN_REAL},      {"e", 2.718281828459045235360287, FN_REAL},
    {"nan", NAN, FN_REAL},    {"inf", INFINITY, FN_REAL},
    {"true", 1, FN_BOOL},     {"True", 1, FN_BOOL},
    {"false", 0, FN_BOOL},    {"False", 0, FN_BOOL},
    {"NODATA", NAN, FN_REAL},
};

/* Longer ones first. */
static const fn_sign binaries[] = {
    {"**", FN_P_POWER, true, {"**", FN_DO_OP, FN_OP_POW, 2, 2, 0}},
    {"//", FN_P_MULTIPLY, false, {"//", FN_DO_OP, FN_OP_FLOORDIV, 2, 2, 0}},
    {"<<", FN_P_SHIFT, false, {"<<", FN_DO_SHIFT, FN_OP_SHL, 2, 2, 0}},
    {">>", FN_P_SHIFT, false, {">>", FN_DO_SHIFT, FN_OP_SHR, 2, 2, 0}},
    {"<=", FN_P_COMPARE, false, {"<=", FN_DO_COMPARE, FN_OP_LE, 2, 2, 0}},
    {">=", FN_P_COMPARE, false, {">=", FN_DO_COMPARE, FN_OP_GE, 2, 2, 0}},
    {"==", FN_P_COMPARE, false, {"==", FN_DO_COMPARE, FN_OP_EQ, 2, 2, 0}},
    {"!=", FN_P_COMPARE, false, {"!=", FN_DO_COMPARE, FN_OP_NE, 2, 2, 0}},
    {"&&", FN_P_AND, false, {"&&", FN_DO_OP, FN_OP_AND, 2, 2, 0}},
    {"||", FN_P_OR, false, {"||", FN_DO_OP, FN_OP_OR, 2, 2, 0}},
    {"and", FN_P_AND, false, {"and", FN_DO_OP, FN_OP_AND, 2, 2, 0}},
    {"or", FN_P_OR, false, {"or", FN_DO_OP, FN_OP_OR, 2, 2, 0}},
    {"^", FN_P_POWER, true, {"^", FN_DO_OP, FN_OP_POW, 2, 2, 0}},
    {"*", FN_P_MULTIPLY, false, {"*", FN_DO_OP, FN_OP_MUL, 2, 2, 0}},
    {"/", FN_P_MULTIPLY, false, {"/", FN_DO_OP, FN_OP_DIV, 2, 2, 0}},
    {"%", FN_P_MULTIPLY, false, {"%", FN_DO_OP, FN_OP_MOD, 2, 2, 0}},
    {"+", FN_P_ADD, false, {"+", FN_DO_OP, FN_OP_ADD, 2, 2, 0}},
    {"-", FN_P_ADD, false, {"-", FN_DO_OP, FN_OP_SUB, 2, 2, 0}},
    {"&", FN_P_BITAND, false, {"&", FN_DO_BITS, FN_OP_BITAND, 2, 2, 0}},
    {"|", FN_P_BITOR, false, {"|", FN_DO_BITS, FN_OP_BITOR, 2, 2, 0}},
    {"<", FN_P_COMPARE, false, {"<", FN_DO_COMPARE, FN_OP_LT, 2, 2, 0}},
    {">", FN_P_COMPARE, false, {">", FN_DO_COMPARE, FN_OP_GT, 2, 2, 0}},
};

static const fn_sign prefixes[] = {
    {"not", FN_P_NOT, true, {"not", FN_DO_OP, FN_OP_NOT, 1, 1, 0}},
    {"-", FN_P_SIGN, true, {"-", FN_DO_OP, FN_OP_NEG, 1, 1, 0}},
    {"+", FN_P_SIGN, true, {"+", FN_DO_IDENTITY, FN_OP_NEG, 1, 1, 0}},
    {"~", FN_P_SIGN, true, {"~", FN_DO_INVERT, FN_OP_NOT, 1, 1, 0}},
    {"!", FN_P_SIGN, true, {"!", FN_DO_OP, FN_OP_NOT, 1, 1, 0}},
};

const fn_rule fn_language_choice = {"?:", FN_DO_OP, FN_OP_WHERE, 3, 3, 0};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const fn_rule *fn_language_function_at(size_t i)
{
    if (i < COUNT(functions))
        return &functions[i];
    i -= COUNT(functions);
    return i < fn_list_function_count ? fn_list_function(i) : fn_neighborhood_function(i - fn_list_function_count);
}

const fn_rule *fn_language_function(const char *name, size_t n)
{
    const fn_rule *rule;
    for (size_t i = 0; (rule = fn_language_function_at(i)) != NULL; i++)
        if (fn_is_word(name, n, rule->name))
            return rule;
    return NULL;
}

const fn_constant *fn_language_constant(const char *name, size_t n)
{
    for (size_t i = 0; i < COUNT(constants); i++)
        if (fn_is_word(name, n, constants[i].name))
            return &constants[i];
    return NULL;
}

static const fn_sign *find_sign(const char *at, const fn_sign *signs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = signs[i].text;
        const size_t length = strlen(text);
        if (strncmp(at, text, length) == 0 && !(fn_name_begin(text[0]) && fn_name_part(at[length])))
            return &signs[i];
    }
    return NULL;
}

const fn_sign *fn_language_binary(const char *text)
{
    return find_sign(text, binaries, COUNT(binaries));
}

const fn_sign *fn_language_prefix(const char *text)
{
    return find_sign(text, prefixes, COUNT(prefixes));
}

static bool in_other_case(const char *name, size_t n, const char *word)
{
    return strlen(word) == n && strncasecmp(word, name, n) == 0;
}

const char *fn_language_hint(const char *name, size_t n)
{
    const fn_rule *rule;
    for (size_t i = 0; (rule = fn_language_function_at(i)) != NULL; i++)
        if (in_other_case(name, n, rule->name))
            return rule->name;
    for (size_t i = 0; i < COUNT(constants); i++)
        if (in_other_case(name, n, constants[i].name))
            return constants[i].name;
    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (in_other_case(name, n, prefixes[i].text))
            return prefixes[i].text;
    const fn_expr_spelling *other;
    for (size_t i = 0; (other = fn_expr_spelling_at(i)) != NULL; i++)
        if (in_other_case(name, n, other->theirs))
            return other->ours;
    return NULL;
}

const char *fn_language_operator_hint(const char *text)
{
    static const struct {
        const char *sign, *ours;
    } others[] = {{"<>", "!="}, {"=<", "<="}, {"=>", ">="}};
    const size_t n = fn_name_length(text);
    for (size_t i = 0; i < COUNT(others); i++)
        if (strncmp(text, others[i].sign, strlen(others[i].sign)) == 0)
            return others[i].ours;
    for (size_t i = 0; i < COUNT(binaries); i++)
        if (n > 0 && in_other_case(text, n, binaries[i].text))
            return binaries[i].text;
    return in_other_case(text, n, "mod") ? "%" : in_other_case(text, n, "xor") ? "logical_xor(a, b)" : NULL;
}

const char *fn_language_nearest_function(const char *name, size_t n)
{
    const char *nearest = NULL;
    size_t least = n < 6 ? 2 : 3; /* far */
    const fn_rule *rule;
    for (size_t i = 0; (rule = fn_language_function_at(i)) != NULL; i++) {
        const size_t distance = fn_edit_distance(name, n, rule->name, strlen(rule->name));
        if (distance < least) {
            least = distance;
            nearest = rule->name;
        }
    }
    return nearest;
}
