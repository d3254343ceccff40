/* The loops over a block of pixels. Included once for each instruction set, after defining
 *   FN_TABLE             name of the table of kernels
 *   FN_SIMD_HERE         the instruction set
 *   FN_VECTOR            vector type of FN_WIDTH doubles, with FN_VLOAD(p) and FN_VSTORE(p, v)
 *   FN_VMIN(a, b)        where a is NaN, b; FN_VMAX the same. With FMA only
 *   FN_SLEEF1/2(f, ulp)  SLEEF's function f for that vector
 *   FN_FMA_OR(a, b)      a where the machine has fused multiply-add, else b
 * The loops are plain C that the compiler vectorizes; contraction is off, so every variant computes the same bits. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "float16.h"
#include "kernels.h"

#define LOOP _Pragma("omp simd") for (size_t i = 0; i < n; i++)

/* ---- operations ---- */

#define UNARY(name, formula)                                                                                           \
    static void k_##name(double *out, const double *const *operand, const int *step, size_t n)                         \
    {                                                                                                                  \
        (void)step;                                                                                                    \
        const double *pa = operand[0];                                                                                 \
        LOOP                                                                                                           \
        {                                                                                                              \
            const double a = pa[i];                                                                                    \
            out[i] = (formula);                                                                                        \
        }                                                                                                              \
    }

#define BINARY(name, formula)                                                                                          \
    static void k_##name(double *out, const double *const *operand, const int *step, size_t n)                         \
    {                                                                                                                  \
        const double *pa = operand[0], *pb = operand[1];                                                               \
        if (step[0] && step[1])                                                                                        \
            LOOP                                                                                                       \
            {                                                                                                          \
                const double a = pa[i], b = pb[i];                                                                     \
                out[i] = (formula);                                                                                    \
            }                                                                                                          \
        else if (step[0]) {                                                                                            \
            const double b = *pb;                                                                                      \
            LOOP                                                                                                       \
            {                                                                                                          \
                const double a = pa[i];                                                                                \
                out[i] = (formula);                                                                                    \
            }                                                                                                          \
        } else {                                                                                                       \
            const double a = *pa;                                                                                      \
            const int sb = step[1];                                                                                    \
            if (sb)                                                                                                    \
                LOOP                                                                                                   \
                {                                                                                                      \
                    const double b = pb[i];                                                                            \
                    out[i] = (formula);                                                                                \
                }                                                                                                      \
            else                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                    const double b = *pb;                                                                              \
                    out[i] = (formula);                                                                                \
                }                                                                                                      \
        }                                                                                                              \
    }

/* Three operands, the first always a register: a constant condition has been folded away. */
#define TERNARY(name, formula)                                                                                         \
    static void k_##name(double *out, const double *const *operand, const int *step, size_t n)                         \
    {                                                                                                                  \
        const double *pa = operand[0], *pb = operand[1], *pc = operand[2];                                             \
        if (step[1] && step[2])                                                                                        \
            LOOP                                                                                                       \
            {                                                                                                          \
                const double a = pa[i], b = pb[i], c = pc[i];                                                          \
                out[i] = (formula);                                                                                    \
            }                                                                                                          \
        else if (step[1]) {                                                                                            \
            const double c = *pc;                                                                                      \
            LOOP                                                                                                       \
            {                                                                                                          \
                const double a = pa[i], b = pb[i];                                                                     \
                out[i] = (formula);                                                                                    \
            }                                                                                                          \
        } else if (step[2]) {                                                                                          \
            const double b = *pb;                                                                                      \
            LOOP                                                                                                       \
            {                                                                                                          \
                const double a = pa[i], c = pc[i];                                                                     \
                out[i] = (formula);                                                                                    \
            }                                                                                                          \
        } else {                                                                                                       \
            const double b = *pb, c = *pc;                                                                             \
            LOOP                                                                                                       \
            {                                                                                                          \
                const double a = pa[i];                                                                                \
                out[i] = (formula);                                                                                    \
            }                                                                                                          \
        }                                                                                                              \
    }

#define NAN1 ((double)NAN)
#define ISNAN(x) ((x) != (x))
#define EITHER_NAN (ISNAN(a) | ISNAN(b))

UNARY(neg, -a)
UNARY(abs, fabs(a))
UNARY(sign, a > 0 ? 1.0 : a < 0 ? -1.0 : a == 0 ? 0.0 : a)
UNARY(sqrt, sqrt(a))
UNARY(floor, floor(a))
UNARY(ceil, ceil(a))
UNARY(trunc, trunc(a))
UNARY(rint, rint(a))
/* Half away from zero; a - trunc(a) is exact, so 0.49999999999999994 stays below a half. */
UNARY(round, fabs(a - trunc(a)) >= 0.5 ? trunc(a) + copysign(1.0, a) : trunc(a))
UNARY(not, a == 0 ? 1.0 : 0.0)
UNARY(not_n, ISNAN(a) ? NAN1 : a == 0 ? 1.0 : 0.0)
UNARY(truth, a == 0 ? 0.0 : 1.0)
UNARY(truth_n, ISNAN(a) ? NAN1 : a == 0 ? 0.0 : 1.0)
UNARY(isnan, ISNAN(a) ? 1.0 : 0.0)
UNARY(isinf, fabs(a) == (double)INFINITY ? 1.0 : 0.0)
UNARY(isinf_n, ISNAN(a) ? NAN1 : fabs(a) == (double)INFINITY ? 1.0 : 0.0)
UNARY(isfinite, fabs(a) < (double)INFINITY ? 1.0 : 0.0)
UNARY(isfinite_n, ISNAN(a) ? NAN1 : fabs(a) < (double)INFINITY ? 1.0 : 0.0)

BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a *b)
BINARY(min, EITHER_NAN ? NAN1 : b < a ? b : a)
BINARY(max, EITHER_NAN ? NAN1 : a < b ? b : a)
/* Of lists whose members without a value are skipped: b is the next member. */
BINARY(fmin, (ISNAN(a) | (b < a)) ? b : a)
BINARY(fmax, (ISNAN(a) | (a < b)) ? b : a)
BINARY(addvalid, a + (ISNAN(b) ? 0.0 : b))
BINARY(countvalid, a + (ISNAN(b) ? 0.0 : 1.0))
BINARY(isless, ((b < a) | (ISNAN(a) & !ISNAN(b))) ? 1.0 : 0.0)
BINARY(ismore, ((a < b) | (ISNAN(a) & !ISNAN(b))) ? 1.0 : 0.0)
BINARY(lt, a < b ? 1.0 : 0.0)
BINARY(le, a <= b ? 1.0 : 0.0)
BINARY(gt, a > b ? 1.0 : 0.0)
BINARY(ge, a >= b ? 1.0 : 0.0)
BINARY(eq, a == b ? 1.0 : 0.0)
BINARY(ne, a != b ? 1.0 : 0.0)
BINARY(lt_n, EITHER_NAN ? NAN1 : a < b ? 1.0 : 0.0)
BINARY(le_n, EITHER_NAN ? NAN1 : a <= b ? 1.0 : 0.0)
BINARY(gt_n, EITHER_NAN ? NAN1 : a > b ? 1.0 : 0.0)
BINARY(ge_n, EITHER_NAN ? NAN1 : a >= b ? 1.0 : 0.0)
BINARY(eq_n, EITHER_NAN ? NAN1 : a == b ? 1.0 : 0.0)
BINARY(ne_n, EITHER_NAN ? NAN1 : a != b ? 1.0 : 0.0)
BINARY(and, ((a != 0) & (b != 0)) ? 1.0 : 0.0)
BINARY(or, ((a != 0) | (b != 0)) ? 1.0 : 0.0)
BINARY(xor, (a != 0) != (b != 0) ? 1.0 : 0.0)
BINARY(and_n, EITHER_NAN ? NAN1 : ((a != 0) & (b != 0)) ? 1.0 : 0.0)
BINARY(or_n, EITHER_NAN ? NAN1 : ((a != 0) | (b != 0)) ? 1.0 : 0.0)
BINARY(xor_n, EITHER_NAN ? NAN1 : (a != 0) != (b != 0) ? 1.0 : 0.0)

TERNARY(where, a != 0 ? b : c)
TERNARY(where_n, ISNAN(a) ? NAN1 : a != 0 ? b : c)

static unsigned judge(const double *condition, size_t n, bool nodata)
{
    int64_t yes = 0, no = 0, nan = 0;
    _Pragma("omp simd reduction(| : yes, no, nan)") for (size_t i = 0; i < n; i++)
    {
        const double a = condition[i];
        yes |= fabs(a) > 0 ? -1 : 0;
        no |= a == 0 ? -1 : 0;
        nan |= ISNAN(a) ? -1 : 0;
    }
    return (yes || (nan && !nodata) ? 0u : 1u) | (no ? 0u : 2u);
}

/* Bits of whole numbers below 2^53; from there on a double may have lost its low bits, and gives NaN. */
#define WHOLE(x) (fabs(x) < 0x1p53)
#define BITS(x) ((int64_t)(WHOLE(x) ? (x) : 0.0))
BINARY(bitand, (WHOLE(a) & WHOLE(b)) ? (double)(BITS(a) & BITS(b)) : NAN1)
BINARY(bitor, (WHOLE(a) & WHOLE(b)) ? (double)(BITS(a) | BITS(b)) : NAN1)
BINARY(bitxor, (WHOLE(a) & WHOLE(b)) ? (double)(BITS(a) ^ BITS(b)) : NAN1)

/* 2^n for n in 0..63, by its bits. */
static inline double power_of_two(double n)
{
    const uint64_t bits = (uint64_t)(1023 + (int64_t)n) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}
#define SHIFT_OK(n) (((n) >= 0) & ((n) <= 63))
BINARY(shl, (WHOLE(a) & SHIFT_OK(b)) ? a *power_of_two(SHIFT_OK(b) ? b : 0.0) : NAN1)
BINARY(shr, (WHOLE(a) & SHIFT_OK(b)) ? floor(a / power_of_two(SHIFT_OK(b) ? b : 0.0)) : NAN1)

/* Remainders are exact in the C library only. Python's rules (PEP 238 and numpy's npy_divmod): the remainder has the
 * sign of the divisor, and the quotient is the whole number nearest to (a - remainder) / b. */
static inline double python_mod(double a, double b)
{
    double r = fmod(a, b);
    if (r != 0)
        return (b < 0) != (r < 0) ? r + b : r;
    return copysign(0.0, b); /* also for NaN r, which compares unequal to 0 and has returned above */
}
static inline double python_floordiv(double a, double b)
{
    if (b == 0)
        return a / b;
    double r = fmod(a, b);
    double q = (a - r) / b;
    if (r != 0 && (b < 0) != (r < 0))
        q -= 1;
    if (q == 0)
        return copysign(0.0, a / b);
    double whole = floor(q);
    return q - whole > 0.5 ? whole + 1 : whole;
}
#define SCALAR2(name, call)                                                                                            \
    static void k_##name(double *out, const double *const *operand, const int *step, size_t n)                         \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const double a = operand[0][step[0] ? i : 0], b = operand[1][step[1] ? i : 0];                             \
            out[i] = (call);                                                                                           \
        }                                                                                                              \
    }
SCALAR2(fmod, fmod(a, b))
SCALAR2(mod, python_mod(a, b))
SCALAR2(floordiv, python_floordiv(a, b))

/* Where the C library's own error is beyond 1 ulp (cbrt 3 ulp, the others 2 in glibc 2.36), being within 1 ulp of it
 * means being it. */
#define SCALAR1(name)                                                                                                  \
    static void k_##name(double *out, const double *const *operand, const int *step, size_t n)                         \
    {                                                                                                                  \
        (void)step;                                                                                                    \
        for (size_t i = 0; i < n; i++)                                                                                 \
            out[i] = name(operand[0][i]);                                                                              \
    }
SCALAR1(sinh)
SCALAR1(tanh)
SCALAR1(asinh)
SCALAR1(acosh)
SCALAR1(atanh)
SCALAR1(cbrt)
SCALAR1(log10)

/* The rest: SLEEF's 1.0 ulp functions (Shibata and Petrogalli, IEEE TPDS 2020), in the deterministic forms that give
 * the same bits for every vector width. */
#define VECTOR1(name, ulp)                                                                                             \
    static void k_##name(double *out, const double *const *operand, const int *step, size_t n)                         \
    {                                                                                                                  \
        (void)step;                                                                                                    \
        const double *pa = operand[0];                                                                                 \
        for (size_t i = 0; i < n; i += FN_WIDTH)                                                                       \
            FN_VSTORE(out + i, FN_SLEEF1(name, ulp)(FN_VLOAD(pa + i)));                                                \
    }
VECTOR1(exp2, u10)
VECTOR1(expm1, u10)
VECTOR1(log, u10)
VECTOR1(log2, u10)
VECTOR1(asin, u10)
VECTOR1(acos, u10)
VECTOR1(atan, u10)

/* any: whether `hard` is true of a value. It is as wide as a value, so that nothing has to be packed. */
#define ANY(values, x, hard)                                                                                           \
    int64_t any = 0;                                                                                                   \
    _Pragma("omp simd reduction(| : any)") for (size_t i = 0; i < n; i++)                                              \
    {                                                                                                                  \
        const double x = (values)[i];                                                                                  \
        any |= (hard);                                                                                                 \
    }

/* SLEEF is off by more than 1 ulp for arguments at the end of the range (overflow comes early, and beyond 1e14 the
 * reduction of angles loses bits). Where `hard(a)` is true the C library answers. */
#define VECTOR1_HARD(name, ulp, hard)                                                                                  \
    static void k_##name(double *out, const double *const *operand, const int *step, size_t n)                         \
    {                                                                                                                  \
        (void)step;                                                                                                    \
        const double *pa = operand[0];                                                                                 \
        ANY(pa, a, hard)                                                                                               \
        if (any) {                                                                                                     \
            double value[FN_BLOCK];                                                                                    \
            for (size_t i = 0; i < n; i += FN_WIDTH)                                                                   \
                FN_VSTORE(value + i, FN_SLEEF1(name, ulp)(FN_VLOAD(pa + i)));                                          \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const double a = pa[i];                                                                                \
                out[i] = (hard) ? name(a) : value[i];                                                                  \
            }                                                                                                          \
        } else                                                                                                         \
            for (size_t i = 0; i < n; i += FN_WIDTH)                                                                   \
                FN_VSTORE(out + i, FN_SLEEF1(name, ulp)(FN_VLOAD(pa + i)));                                            \
    }
VECTOR1_HARD(exp, u10, fabs(a) > 700)
VECTOR1_HARD(cosh, u10, fabs(a) > 700)
VECTOR1_HARD(log1p, u10, a > 1e300)
VECTOR1_HARD(tan, u10, fabs(a) > 1e14)

/* sin and cos of angles up to a million are our own, at half the time of SLEEF's; larger ones go to the C library.
 *
 * The angle is reduced to r in [-pi/4, pi/4] with pi/2 as a sum of three doubles (Cody and Waite 1980): x - k*P1 is
 * exact with a fused multiply-add, since both are multiples of 2^-53 and the difference is below 1; the rest is
 * carried as a high and a low part with the exact difference and product of Dekker (1971) and Knuth. The error of
 * the reduction stays below 2^-130. On that interval the Taylor series to r^17 and r^18 are exact to 2^-62. What
 * remains are the roundings of the sum: below 0.8 ulp together. fma() is exact in any build, so that all instruction
 * sets give the same bits. */
#define FMA __builtin_fma
static inline double small_sin(double h, double l, double z)
{
    double s = FMA(z, 0x1.952c77030ad4ap-49, -0x1.ae7f3e733b81fp-41);
    s = FMA(z, s, 0x1.6124613a86d09p-33);
    s = FMA(z, s, -0x1.ae64567f544e4p-26);
    s = FMA(z, s, 0x1.71de3a556c734p-19);
    s = FMA(z, s, -0x1.a01a01a01a01ap-13);
    s = FMA(z, s, 0x1.1111111111111p-7);
    s = FMA(z, s, -0x1.5555555555555p-3);
    return h + FMA(h * z, s, FMA(-0.5 * z, l, l));
}
static inline double small_cos(double h, double l, double z)
{
    double c = FMA(z, -0x1.6827863b97d97p-53, 0x1.ae7f3e733b81fp-45);
    c = FMA(z, c, -0x1.93974a8c07c9dp-37);
    c = FMA(z, c, 0x1.1eed8eff8d898p-29);
    c = FMA(z, c, -0x1.27e4fb7789f5cp-22);
    c = FMA(z, c, 0x1.a01a01a01a01ap-16);
    c = FMA(z, c, -0x1.6c16c16c16c17p-10);
    c = FMA(z, c, 0x1.5555555555555p-5);
    const double half = 0.5 * z, w = 1.0 - half, low = FMA(h, h, -z);
    return w + (((1.0 - w) - half) + FMA(z * z, c, FMA(-h, l, -0.5 * low)));
}
/* sin(x + turns * pi/2) */
static inline double sin_turned(double x, uint64_t turns)
{
    const double shifted = FMA(x, 0x1.45f306dc9c883p-1, 0x1.8p52); /* the low bits hold the nearest multiple of pi/2 */
    uint64_t quadrant;
    memcpy(&quadrant, &shifted, sizeof quadrant);
    quadrant += turns;
    const double k = shifted - 0x1.8p52;
    const double t = FMA(-k, 0x1.921fb54442d18p+0, x);
    const double p = k * 0x1.1a62633145c07p-54, p_low = FMA(k, 0x1.1a62633145c07p-54, -p);
    const double h = t - p, b = h - t;
    const double l = FMA(-k, -0x1.f1976b7ed8fbcp-110, ((t - (h - b)) - (p + b)) - p_low);
    const double z = h * h;
    const double value = quadrant & 1 ? small_cos(h, l, z) : small_sin(h, l, z);
    return quadrant & 2 ? -value : value;
}
#ifdef __FMA__
#define FMA_LOOP LOOP
#else /* fma and SLEEF's scalar functions are calls: nothing for the vectorizer */
#define FMA_LOOP for (size_t i = 0; i < n; i++)
#endif
#define UNARY_HARD(name, hard, formula)                                                                                \
    static void k_##name(double *out, const double *const *operand, const int *step, size_t n)                         \
    {                                                                                                                  \
        (void)step;                                                                                                    \
        const double *pa = operand[0];                                                                                 \
        ANY(pa, a, hard)                                                                                               \
        if (any)                                                                                                       \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const double a = pa[i];                                                                                \
                out[i] = (hard) ? name(a) : (formula);                                                                 \
            }                                                                                                          \
        else                                                                                                           \
            FMA_LOOP                                                                                                   \
            {                                                                                                          \
                const double a = pa[i];                                                                                \
                out[i] = (formula);                                                                                    \
            }                                                                                                          \
    }
UNARY_HARD(sin, fabs(a) > 1e6, FN_FMA_OR(a == 0 ? a : sin_turned(a, 0), Sleef_cinz_sind1_u10purec(a)))
UNARY_HARD(cos, fabs(a) > 1e6, FN_FMA_OR(sin_turned(a, 1), Sleef_cinz_cosd1_u10purec(a)))

/* With two operands. */
#define VALUES2(values, f, ulp)                                                                                        \
    const double *pa = operand[0], *pb = operand[1];                                                                   \
    const size_t sa = (size_t)step[0], sb = (size_t)step[1];                                                           \
    for (size_t i = 0; i < n; i += FN_WIDTH) {                                                                         \
        const FN_VECTOR a = sa ? FN_VLOAD(pa + i) : FN_VSET(*pa), b = sb ? FN_VLOAD(pb + i) : FN_VSET(*pb);            \
        FN_VSTORE((values) + i, FN_SLEEF2(f, ulp)(a, b));                                                              \
    }
#define VECTOR2(name, ulp)                                                                                             \
    static void k_##name(double *out, const double *const *operand, const int *step, size_t n)                         \
    {                                                                                                                  \
        VALUES2(out, name, ulp)                                                                                        \
    }

/* SLEEF's value v is the result where `sure` is true of it; elsewhere `fix` is, of the operands and v. Values are
 * looked at one by one only in blocks that need it. */
#define VECTOR2_FIXED(name, f, ulp, sure, fix)                                                                         \
    static void k_##name(double *out, const double *const *operand, const int *step, size_t n)                         \
    {                                                                                                                  \
        double value[FN_BLOCK];                                                                                        \
        VALUES2(value, f, ulp)                                                                                         \
        ANY(value, v, !(sure))                                                                                         \
        for (size_t i = 0; any && i < n; i++) {                                                                        \
            const double a = pa[i * sa], b = pb[i * sb], v = value[i];                                                 \
            value[i] = (fix);                                                                                          \
        }                                                                                                              \
        memcpy(out, value, n * sizeof *out);                                                                           \
    }
#define POW_SURE ((fabs(v) < 1e300) & (fabs(v) > 1e-300))
#define POW_FIXED (POW_SURE ? v : pow(a, b))
VECTOR2(atan2, u10)
VECTOR2_FIXED(pow, pow, u10, POW_SURE, POW_FIXED)
VECTOR2(hypot, u05)
/* pow(1, NaN) and pow(NaN, 0), which are 1, and hypot(inf, NaN) are numbers in IEEE 754, but NoData under NoData
 * rules. */
VECTOR2_FIXED(pow_n, pow, u10, POW_SURE & (v != 1), EITHER_NAN ? NAN1 : POW_FIXED)
VECTOR2_FIXED(hypot_n, hypot, u05, fabs(v) < (double)INFINITY, EITHER_NAN ? NAN1 : v)

/* ---- loads ---- */

static inline void mask_off(double *out, const uint8_t *mask, size_t n)
{
    LOOP out[i] = mask[i] ? out[i] : NAN1;
}

#define AS_IS(x) ((double)(x))
#define LOAD(type, ctype, member, convert)                                                                             \
    static size_t load_##type(double *out, const fn_plane *plane, size_t first, size_t n, bool nodata)                 \
    {                                                                                                                  \
        const ctype *in = (const ctype *)plane->data + first;                                                          \
        if (nodata && plane->nodata.set) {                                                                             \
            const double nd = (double)plane->nodata.value.member;                                                      \
            LOOP                                                                                                       \
            {                                                                                                          \
                const double x = convert(in[i]);                                                                       \
                out[i] = x == nd ? NAN1 : x;                                                                           \
            }                                                                                                          \
        } else                                                                                                         \
            LOOP out[i] = convert(in[i]);                                                                              \
        if (nodata && plane->mask)                                                                                     \
            mask_off(out, plane->mask + first, n);                                                                     \
        return n;                                                                                                      \
    }
LOAD(u8, uint8_t, u, AS_IS)
LOAD(i8, int8_t, i, AS_IS)
LOAD(u16, uint16_t, u, AS_IS)
LOAD(i16, int16_t, i, AS_IS)
LOAD(u32, uint32_t, u, AS_IS)
LOAD(i32, int32_t, i, AS_IS)
LOAD(f16, uint16_t, f, float16_to_double)
LOAD(f32, float, f, AS_IS)
LOAD(f64, double, f, AS_IS)

#define TWO53 ((int64_t)1 << 53)
#define LOAD64(type, ctype, member, exact)                                                                             \
    static size_t load_##type(double *out, const fn_plane *plane, size_t first, size_t n, bool nodata)                 \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const ctype x = ((const ctype *)plane->data)[first + i];                                                   \
            if (nodata &&                                                                                              \
                ((plane->nodata.set && x == plane->nodata.value.member) || (plane->mask && !plane->mask[first + i])))  \
                out[i] = NAN1;                                                                                         \
            else if (exact)                                                                                            \
                out[i] = (double)x;                                                                                    \
            else                                                                                                       \
                return i;                                                                                              \
        }                                                                                                              \
        return n;                                                                                                      \
    }
LOAD64(u64, uint64_t, u, x <= (uint64_t)TWO53)
LOAD64(i64, int64_t, i, x >= -TWO53 && x <= TWO53)

/* ---- stores: the rules of GDALCopyWords, see fn_sink ---- */

/* Whole numbers: clamp, then round half away from zero. The value next to NoData is found on the double, which is exact
 * for these types. */
#define STORE(type, ctype, member, lowest, highest)                                                                    \
    static size_t store_##type(const fn_sink *sink, size_t first, const double *in, size_t n)                          \
    {                                                                                                                  \
        ctype *out = (ctype *)sink->data + first;                                                                      \
        const ctype nd = sink->nodata.set ? (ctype)sink->nodata.value.member : (ctype)0;                               \
        const ctype beside = (ctype)(!sink->nodata.set || sink->equals_stay ? nd : nd > 0 ? nd - 1 : nd + 1);          \
        LOOP                                                                                                           \
        {                                                                                                              \
            const double x = in[i];                                                                                    \
            const double clamped =                                                                                     \
                x > (double)(lowest) ? (x < (double)(highest) ? x : (double)(highest)) : (double)(lowest);             \
            const ctype v = (ctype)(clamped > 0 ? clamped + 0.5 : clamped - 0.5);                                      \
            const ctype valid = v == nd ? beside : v;                                                                  \
            out[i] = ISNAN(x) ? nd : valid;                                                                            \
        }                                                                                                              \
        return n;                                                                                                      \
    }
#define STORE_UNSIGNED(type, ctype, highest) STORE(type, ctype, u, 0, highest)
STORE_UNSIGNED(u8, uint8_t, UINT8_MAX)
STORE_UNSIGNED(u16, uint16_t, UINT16_MAX)
STORE_UNSIGNED(u32, uint32_t, UINT32_MAX)
STORE(i8, int8_t, i, INT8_MIN, INT8_MAX)
STORE(i16, int16_t, i, INT16_MIN, INT16_MAX)
STORE(i32, int32_t, i, INT32_MIN, INT32_MAX)

#define STORE64(type, ctype, member, low)                                                                              \
    static size_t store_##type(const fn_sink *sink, size_t first, const double *in, size_t n)                          \
    {                                                                                                                  \
        const ctype nd = sink->nodata.set ? sink->nodata.value.member : 0;                                             \
        for (size_t i = 0; i < n; i++) {                                                                               \
            ctype v = nd;                                                                                              \
            const double x = in[i];                                                                                    \
            if (!ISNAN(x)) {                                                                                           \
                const double clamped = x > (low) ? x : (low);                                                          \
                if (fabs(clamped) >= 0x1p53) /* which 2^53 + 1 rounds to */                                           \
                    return i;                                                                                          \
                /* beyond 2^52 it is whole, and adding a half would round once more */                                 \
                v = (ctype)(fabs(clamped) < 0x1p52 ? clamped + copysign(0.5, clamped) : clamped);                      \
                if (sink->nodata.set && v == nd && !sink->equals_stay)                                                 \
                    v = nd > 0 ? nd - 1 : nd + 1;                                                                      \
            }                                                                                                          \
            ((ctype *)sink->data)[first + i] = v;                                                                      \
        }                                                                                                              \
        return n;                                                                                                      \
    }
STORE64(u64, uint64_t, u, 0.0)
STORE64(i64, int64_t, i, -(double)INFINITY)

static size_t store_f32(const fn_sink *sink, size_t first, const double *in, size_t n)
{
    float *out = (float *)sink->data + first;
    const float nd = sink->nodata.set ? (float)sink->nodata.value.f : NAN;
    const float beside = sink->equals_stay ? nd : nextafterf(nd, nd == 0 ? 1.0f : 0.0f);
    LOOP
    {
        const double x = in[i];
        const float v = (float)x; /* beyond its range an infinity, as IEEE 754 rounds */
        const float valid = v == nd ? beside : v;
        out[i] = ISNAN(x) ? nd : valid;
    }
    return n;
}

static size_t store_f64(const fn_sink *sink, size_t first, const double *in, size_t n)
{
    double *out = (double *)sink->data + first;
    const double nd = sink->nodata.set ? sink->nodata.value.f : NAN1;
    const double beside = sink->equals_stay ? nd : nextafter(nd, nd == 0 ? 1.0 : 0.0);
    LOOP
    {
        const double x = in[i];
        const double valid = x == nd ? beside : x;
        out[i] = ISNAN(x) ? nd : valid;
    }
    return n;
}

static size_t store_f16(const fn_sink *sink, size_t first, const double *in, size_t n)
{
    const uint16_t nd = sink->nodata.set ? double_to_float16(sink->nodata.value.f) : 0x7E00;
    const bool zero = (nd & 0x7FFF) == 0;
    /* bits count up away from zero, on both sides */
    const uint16_t beside = (uint16_t)(sink->equals_stay ? nd : zero ? 1 : nd - 1);
    for (size_t i = 0; i < n; i++) {
        uint16_t v = nd;
        if (!ISNAN(in[i])) {
            v = double_to_float16(in[i]);
            if (v == nd || (zero && (v & 0x7FFF) == 0))
                v = beside;
        }
        ((uint16_t *)sink->data)[first + i] = v;
    }
    return n;
}

#include "division_template.h"
#include "float32_template.h"

const fn_kernels FN_TABLE = {
#define IEEE(name, operands, ieee_, nodata_) [FN_OP_##name] = k_##ieee_,
#define NODATA(name, operands, ieee_, nodata_) [FN_OP_##name] = k_##nodata_,
    .ieee = {FN_OPS(IEEE)},
    .nodata = {FN_OPS(NODATA)},
#define ALL_TYPES(verb)                                                                                                \
    {                                                                                                                  \
        [FN_UINT8] = verb##_u8, [FN_INT8] = verb##_i8, [FN_UINT16] = verb##_u16, [FN_INT16] = verb##_i16,              \
        [FN_UINT32] = verb##_u32, [FN_INT32] = verb##_i32, [FN_UINT64] = verb##_u64, [FN_INT64] = verb##_i64,          \
        [FN_FLOAT16] = verb##_f16, [FN_FLOAT32] = verb##_f32, [FN_FLOAT64] = verb##_f64                                \
    }
    .load = ALL_TYPES(load),
    .store = ALL_TYPES(store),
    .float32 = {[FN_OP_SQRT] = float32_sqrt,
                [FN_OP_ADD] = float32_add,
                [FN_OP_SUB] = float32_sub,
                [FN_OP_MUL] = float32_mul,
                [FN_OP_DIV] = float32_div},
    .judge = judge,
    .simd = FN_SIMD_HERE,
};
