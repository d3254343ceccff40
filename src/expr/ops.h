/* Every operation of the expression language, in one table: OP(name, operands, kernel under IEEE 754 rules, kernel
 * under NoData rules where NaN always propagates). The kernels are in kernels_template.h under these names. */
#ifndef FN_OPS_H
#define FN_OPS_H

#define FN_OPS(OP)                                                                                                     \
    OP(NEG, 1, neg, neg)                                                                                               \
    OP(ABS, 1, abs, abs)                                                                                               \
    OP(SIGN, 1, sign, sign)                                                                                            \
    OP(SQRT, 1, sqrt, sqrt)                                                                                            \
    OP(FLOOR, 1, floor, floor)                                                                                         \
    OP(CEIL, 1, ceil, ceil)                                                                                            \
    OP(TRUNC, 1, trunc, trunc)                                                                                         \
    OP(RINT, 1, rint, rint)                                                                                            \
    OP(ROUND, 1, round, round)                                                                                         \
    OP(NOT, 1, not, not_n)                                                                                             \
    OP(TRUTH, 1, truth, truth_n)                                                                                       \
    OP(ISNAN, 1, isnan, isnan)                                                                                         \
    OP(ISINF, 1, isinf, isinf_n)                                                                                       \
    OP(ISFINITE, 1, isfinite, isfinite_n)                                                                              \
    OP(EXP, 1, exp, exp)                                                                                               \
    OP(EXP2, 1, exp2, exp2)                                                                                            \
    OP(EXPM1, 1, expm1, expm1)                                                                                         \
    OP(LOG, 1, log, log)                                                                                               \
    OP(LOG2, 1, log2, log2)                                                                                            \
    OP(LOG10, 1, log10, log10)                                                                                         \
    OP(LOG1P, 1, log1p, log1p)                                                                                         \
    OP(SIN, 1, sin, sin)                                                                                               \
    OP(COS, 1, cos, cos)                                                                                               \
    OP(TAN, 1, tan, tan)                                                                                               \
    OP(ASIN, 1, asin, asin)                                                                                            \
    OP(ACOS, 1, acos, acos)                                                                                            \
    OP(ATAN, 1, atan, atan)                                                                                            \
    OP(SINH, 1, sinh, sinh)                                                                                            \
    OP(COSH, 1, cosh, cosh)                                                                                            \
    OP(TANH, 1, tanh, tanh)                                                                                            \
    OP(ASINH, 1, asinh, asinh)                                                                                         \
    OP(ACOSH, 1, acosh, acosh)                                                                                         \
    OP(ATANH, 1, atanh, atanh)                                                                                         \
    OP(CBRT, 1, cbrt, cbrt)                                                                                            \
    OP(ADD, 2, add, add)                                                                                               \
    OP(SUB, 2, sub, sub)                                                                                               \
    OP(MUL, 2, mul, mul)                                                                                               \
    OP(DIV, 2, div, div)                                                                                               \
    OP(FLOORDIV, 2, floordiv, floordiv)                                                                                \
    OP(MOD, 2, mod, mod)                                                                                               \
    OP(FMOD, 2, fmod, fmod)                                                                                            \
    OP(MIN, 2, min, min)                                                                                               \
    OP(MAX, 2, max, max)                                                                                               \
    OP(FMIN, 2, fmin, fmin)                                                                                            \
    OP(FMAX, 2, fmax, fmax)                                                                                            \
    OP(ADDVALID, 2, addvalid, addvalid)                                                                                \
    OP(COUNTVALID, 2, countvalid, countvalid)                                                                          \
    OP(ISLESS, 2, isless, isless)                                                                                      \
    OP(ISMORE, 2, ismore, ismore)                                                                                      \
    OP(POW, 2, pow, pow_n)                                                                                             \
    OP(HYPOT, 2, hypot, hypot_n)                                                                                       \
    OP(ATAN2, 2, atan2, atan2)                                                                                         \
    OP(LT, 2, lt, lt_n)                                                                                                \
    OP(LE, 2, le, le_n)                                                                                                \
    OP(GT, 2, gt, gt_n)                                                                                                \
    OP(GE, 2, ge, ge_n)                                                                                                \
    OP(EQ, 2, eq, eq_n)                                                                                                \
    OP(NE, 2, ne, ne_n)                                                                                                \
    OP(AND, 2, and, and_n)                                                                                             \
    OP(OR, 2, or, or_n)                                                                                                \
    OP(XOR, 2, xor, xor_n)                                                                                             \
    OP(BITAND, 2, bitand, bitand)                                                                                      \
    OP(BITOR, 2, bitor, bitor)                                                                                         \
    OP(BITXOR, 2, bitxor, bitxor)                                                                                      \
    OP(SHL, 2, shl, shl)                                                                                               \
    OP(SHR, 2, shr, shr)                                                                                               \
    OP(WHERE, 3, where, where_n)

typedef enum fn_op {
#define FN_OP_ENUM(name, operands, ieee, nodata) FN_OP_##name,
    FN_OPS(FN_OP_ENUM)
#undef FN_OP_ENUM
        FN_OP_COUNT,
    FN_OP_CONST = FN_OP_COUNT, /* nodes of the graph that are no operation */
    FN_OP_INPUT,
    FN_OP_NEIGHBORHOOD,
    FN_OP_LIST
} fn_op;

#endif
