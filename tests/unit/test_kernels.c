/* Every kernel of every instruction set: the same bits everywhere, C's result for exact operations, within 1 ulp of
 * the C library for transcendental ones; loads and stores of every pixel type. */
#include "check.h"

#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <sys/mman.h>

#include "fishnet/expr.h"

#define PI 3.14159265358979323846

static uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double double_of(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static bool same_double(double a, double b)
{
    return isnan(a) || isnan(b) ? isnan(a) && isnan(b) : bits_of(a) == bits_of(b);
}

/* How many doubles apart. An infinity is one step beyond DBL_MAX; a wrong sign of zero counts as far away. */
static uint64_t ulps_apart(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) ? 0 : UINT64_MAX;
    if (a == 0 && b == 0)
        return signbit(a) == signbit(b) ? 0 : UINT64_MAX;
    int64_t x = (int64_t)bits_of(a), y = (int64_t)bits_of(b);
    x = x < 0 ? INT64_MIN - x : x;
    y = y < 0 ? INT64_MIN - y : y;
    return x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
}

static bool available(fn_simd simd)
{
    static int known[FN_SIMD_COUNT]; /* 0 unknown, 1 yes, 2 no */
    if (known[simd] == 0) {
        const char *text = "1";
        fn_expr *expr = NULL;
        fn_error err;
        memset(&err, 0, sizeof err);
        REQUIRE(fn_expr_compile(&text, 1, &(fn_expr_options){.nodata = true}, &expr, &err) == FN_OK, "%s", err.text);
        double out = 0;
        fn_sink sink = {.data = &out, .type = FN_FLOAT64};
        void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
        fn_status status = fn_expr_run_simd(expr, simd, 1, NULL, &sink, scratch, NULL, &err);
        REQUIRE(status == FN_OK || status == FN_ERR_ARGUMENT, "%s: status %d", fn_simd_name(simd), status);
        if (status != FN_OK)
            EXPECT_ERROR_TEXT(err, "%s", fn_simd_name(simd));
        known[simd] = status == FN_OK ? 1 : 2;
        free(scratch);
        fn_expr_free(expr);
    }
    return known[simd] == 1;
}

static bool has_fma(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("fma") != 0;
#else
    return true; /* only one set of kernels */
#endif
}

/* Memory that ends where a page ends, so that a step beyond is a crash. */
typedef struct edge {
    unsigned char *pages;
    size_t room;
} edge;

static edge edge_new(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    edge e = {NULL, (bytes + page - 1) / page * page};
    e.pages = mmap(NULL, e.room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(e.pages != MAP_FAILED && mprotect(e.pages + e.room, page, PROT_NONE) == 0, "mmap");
    return e;
}

static void *edge_last(edge e, size_t bytes)
{
    return e.pages + e.room - bytes;
}

static void edge_free(edge e)
{
    munmap(e.pages, e.room + (size_t)sysconf(_SC_PAGESIZE));
}

static fn_type input_types[26];

static fn_status resolve_types(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    const char name = (char)('A' + raster);
    (void)user;
    (void)band;
    (void)err;
    *type = input_types[name - 'A'];
    return FN_OK;
}

static fn_expr *compile(const char *text, bool nodata)
{
    fn_expr *expr = NULL;
    fn_error err;
    memset(&err, 0, sizeof err);
    fn_expr_options options = {.nodata = nodata, .resolve = resolve_types};
    REQUIRE(fn_expr_compile(&text, 1, &options, &expr, &err) == FN_OK, "%s: %s", text, err.text);
    return expr;
}

/* ---- operators and functions ---- */

typedef double (*scalar)(double a, double b, double c);

#define SCALAR(name, value)                                                                                            \
    static double name(double a, double b, double c)                                                                   \
    {                                                                                                                  \
        (void)a;                                                                                                       \
        (void)b;                                                                                                       \
        (void)c;                                                                                                       \
        return value;                                                                                                  \
    }

/* As Python and numpy: the remainder has the sign of the divisor. */
static double python_mod(double a, double b)
{
    double r = fmod(a, b);
    if (b == 0 || isnan(r))
        return NAN;
    if (r != 0)
        return (r < 0) != (b < 0) ? r + b : r;
    return copysign(0, b);
}

/* numpy's npy_floor_divide */
static double python_floor_divide(double a, double b)
{
    if (b == 0)
        return a / b;
    double r = fmod(a, b), q = (a - r) / b;
    if (isnan(r))
        return NAN;
    if (r != 0 && (b < 0) != (r < 0))
        q -= 1;
    if (q == 0)
        return copysign(0, a / b);
    double f = floor(q);
    return q - f > 0.5 ? f + 1 : f;
}

#define MAX_WHOLE (0x1p53 - 1)

static bool is_whole(double x)
{
    return x == floor(x) && fabs(x) <= MAX_WHOLE;
}

static double shift(double a, double b, bool left)
{
    if (!is_whole(a) || !is_whole(b) || b < 0 || b > 63)
        return NAN;
    return left ? ldexp(a, (int)b) : floor(ldexp(a, -(int)b));
}

#define BITWISE(a, op, b) (is_whole(a) && is_whole(b) ? (double)((int64_t)(a)op(int64_t)(b)) : NAN)

SCALAR(f_neg, -a)
SCALAR(f_plus, a)
SCALAR(f_abs, fabs(a))
SCALAR(f_sign, isnan(a) ? NAN : (double)(a > 0) - (double)(a < 0))
SCALAR(f_sqrt, sqrt(a))
SCALAR(f_square, a *a)
SCALAR(f_reciprocal, 1 / a)
SCALAR(f_floor, floor(a))
SCALAR(f_ceil, ceil(a))
SCALAR(f_trunc, trunc(a))
SCALAR(f_rint, nearbyint(a))
SCALAR(f_round, round(a))
SCALAR(f_not, a == 0)
SCALAR(f_isnan, isnan(a) ? 1 : 0)
SCALAR(f_isinf, isinf(a) ? 1 : 0)
SCALAR(f_isfinite, isfinite(a) ? 1 : 0)
SCALAR(f_radians, a *(PI / 180))
SCALAR(f_degrees, a *(180 / PI))
SCALAR(f_add, a + b)
SCALAR(f_sub, a - b)
SCALAR(f_mul, a *b)
SCALAR(f_div, a / b)
SCALAR(f_mod, python_mod(a, b))
SCALAR(f_floordiv, python_floor_divide(a, b))
SCALAR(f_fmod, fmod(a, b))
SCALAR(f_min, isnan(a) || isnan(b) ? NAN : a < b ? a : b)
SCALAR(f_max, isnan(a) || isnan(b) ? NAN : a > b ? a : b)
SCALAR(f_lt, a < b)
SCALAR(f_le, a <= b)
SCALAR(f_gt, a > b)
SCALAR(f_ge, a >= b)
SCALAR(f_eq, a == b)
SCALAR(f_ne, a != b)
SCALAR(f_and, a != 0 && b != 0)
SCALAR(f_or, a != 0 || b != 0)
SCALAR(f_xor, (a != 0) != (b != 0))
SCALAR(f_bitand, BITWISE(floor(a), &, floor(b)))
SCALAR(f_bitor, BITWISE(floor(a), |, floor(b)))
SCALAR(f_bitxor, BITWISE(floor(a), ^, floor(b)))
SCALAR(f_invert, is_whole(floor(a)) ? -floor(a) - 1 : NAN)
SCALAR(f_shl, shift(floor(a), floor(b), true))
SCALAR(f_shr, shift(floor(a), floor(b), false))
SCALAR(f_where, a != 0 ? b : c)
SCALAR(f_clamp, f_min(f_max(a, b, 0), c, 0))
SCALAR(f_sum, (a + b) + c)
SCALAR(f_avg, ((a + b) + c) / 3)
SCALAR(f_min3, f_min(f_min(a, b, 0), c, 0))
SCALAR(f_max3, f_max(f_max(a, b, 0), c, 0))
SCALAR(f_mul_add, a *b + c)
SCALAR(f_mul_sub, a *b - c * a)
SCALAR(f_exp, exp(a))
SCALAR(f_exp2, exp2(a))
SCALAR(f_expm1, expm1(a))
SCALAR(f_log, log(a))
SCALAR(f_log2, log2(a))
SCALAR(f_log10, log10(a))
SCALAR(f_log1p, log1p(a))
SCALAR(f_sin, sin(a))
SCALAR(f_cos, cos(a))
SCALAR(f_tan, tan(a))
SCALAR(f_asin, asin(a))
SCALAR(f_acos, acos(a))
SCALAR(f_atan, atan(a))
SCALAR(f_sinh, sinh(a))
SCALAR(f_cosh, cosh(a))
SCALAR(f_tanh, tanh(a))
SCALAR(f_asinh, asinh(a))
SCALAR(f_acosh, acosh(a))
SCALAR(f_atanh, atanh(a))
SCALAR(f_cbrt, cbrt(a))
SCALAR(f_pow, pow(a, b))
SCALAR(f_hypot, hypot(a, b))
SCALAR(f_atan2, atan2(a, b))

/* Where the interesting arguments of a function lie, beside all bit patterns. */
enum domain {
    ANY,
    EXP,
    EXP2,
    LOG,
    LOG1P,
    TRIG,
    UNIT_RANGE,
    ABOVE_ONE,
    HYPERBOLIC,
    POWERS,
    LENGTHS,
    ANGLES,
    WHOLE,
    SHIFTS
};

/* Which NaN rule holds: in NoData mode NaN in gives NaN out, but for isnan and the branch not taken. */
enum nan_rule { SPREADS, ASKS, BRANCHES };

static const struct function {
    const char *text;
    int operands;
    scalar reference;
    unsigned ulp;
    enum domain domain;
    enum nan_rule rule;
} functions[] = {
    {"-A", 1, f_neg, 0, ANY, SPREADS},
    {"+A", 1, f_plus, 0, ANY, SPREADS},
    {"abs(A)", 1, f_abs, 0, ANY, SPREADS},
    {"sign(A)", 1, f_sign, 0, ANY, SPREADS},
    {"sqrt(A)", 1, f_sqrt, 0, ANY, SPREADS},
    {"square(A)", 1, f_square, 0, ANY, SPREADS},
    {"reciprocal(A)", 1, f_reciprocal, 0, ANY, SPREADS},
    {"floor(A)", 1, f_floor, 0, WHOLE, SPREADS},
    {"ceil(A)", 1, f_ceil, 0, WHOLE, SPREADS},
    {"trunc(A)", 1, f_trunc, 0, WHOLE, SPREADS},
    {"rint(A)", 1, f_rint, 0, WHOLE, SPREADS},
    {"round(A)", 1, f_round, 0, WHOLE, SPREADS},
    {"!A", 1, f_not, 0, ANY, SPREADS},
    {"isnan(A)", 1, f_isnan, 0, ANY, ASKS},
    {"isinf(A)", 1, f_isinf, 0, ANY, SPREADS},
    {"isfinite(A)", 1, f_isfinite, 0, ANY, SPREADS},
    {"radians(A)", 1, f_radians, 0, ANY, SPREADS},
    {"degrees(A)", 1, f_degrees, 0, ANY, SPREADS},
    {"~floor(A)", 1, f_invert, 0, WHOLE, SPREADS},
    {"A+B", 2, f_add, 0, ANY, SPREADS},
    {"A-B", 2, f_sub, 0, ANY, SPREADS},
    {"A*B", 2, f_mul, 0, ANY, SPREADS},
    {"A/B", 2, f_div, 0, ANY, SPREADS},
    {"A%B", 2, f_mod, 0, ANY, SPREADS},
    {"A//B", 2, f_floordiv, 0, ANY, SPREADS},
    {"fmod(A,B)", 2, f_fmod, 0, ANY, SPREADS},
    {"min(A,B)", 2, f_min, 0, ANY, SPREADS},
    {"max(A,B)", 2, f_max, 0, ANY, SPREADS},
    {"A<B", 2, f_lt, 0, ANY, SPREADS},
    {"A<=B", 2, f_le, 0, ANY, SPREADS},
    {"A>B", 2, f_gt, 0, ANY, SPREADS},
    {"A>=B", 2, f_ge, 0, ANY, SPREADS},
    {"A==B", 2, f_eq, 0, ANY, SPREADS},
    {"A!=B", 2, f_ne, 0, ANY, SPREADS},
    {"A&&B", 2, f_and, 0, ANY, SPREADS},
    {"A||B", 2, f_or, 0, ANY, SPREADS},
    {"logical_xor(A,B)", 2, f_xor, 0, ANY, SPREADS},
    {"floor(A)&floor(B)", 2, f_bitand, 0, WHOLE, SPREADS},
    {"floor(A)|floor(B)", 2, f_bitor, 0, WHOLE, SPREADS},
    {"bitwise_xor(floor(A),floor(B))", 2, f_bitxor, 0, WHOLE, SPREADS},
    {"floor(A)<<floor(B)", 2, f_shl, 0, SHIFTS, SPREADS},
    {"floor(A)>>floor(B)", 2, f_shr, 0, SHIFTS, SPREADS},
    {"where(A,B,C)", 3, f_where, 0, ANY, BRANCHES},
    {"A?B:C", 3, f_where, 0, ANY, BRANCHES},
    {"clamp(A,B,C)", 3, f_clamp, 0, ANY, SPREADS},
    {"sum(A,B,C)", 3, f_sum, 0, ANY, SPREADS},
    {"avg(A,B,C)", 3, f_avg, 0, ANY, SPREADS},
    {"min(A,B,C)", 3, f_min3, 0, ANY, SPREADS},
    {"max(A,B,C)", 3, f_max3, 0, ANY, SPREADS},
    {"A*B+C", 3, f_mul_add, 0, ANY, SPREADS}, /* never fused */
    {"A*B-C*A", 3, f_mul_sub, 0, ANY, SPREADS},
    {"exp(A)", 1, f_exp, 1, EXP, SPREADS},
    {"exp2(A)", 1, f_exp2, 1, EXP2, SPREADS},
    {"expm1(A)", 1, f_expm1, 1, EXP, SPREADS},
    {"log(A)", 1, f_log, 1, LOG, SPREADS},
    {"log2(A)", 1, f_log2, 1, LOG, SPREADS},
    {"log10(A)", 1, f_log10, 1, LOG, SPREADS},
    {"log1p(A)", 1, f_log1p, 1, LOG1P, SPREADS},
    {"sin(A)", 1, f_sin, 1, TRIG, SPREADS},
    {"cos(A)", 1, f_cos, 1, TRIG, SPREADS},
    {"tan(A)", 1, f_tan, 1, TRIG, SPREADS},
    {"asin(A)", 1, f_asin, 1, UNIT_RANGE, SPREADS},
    {"acos(A)", 1, f_acos, 1, UNIT_RANGE, SPREADS},
    {"atan(A)", 1, f_atan, 1, LOG1P, SPREADS},
    {"sinh(A)", 1, f_sinh, 1, HYPERBOLIC, SPREADS},
    {"cosh(A)", 1, f_cosh, 1, HYPERBOLIC, SPREADS},
    {"tanh(A)", 1, f_tanh, 1, HYPERBOLIC, SPREADS},
    {"asinh(A)", 1, f_asinh, 1, LOG1P, SPREADS},
    {"acosh(A)", 1, f_acosh, 1, ABOVE_ONE, SPREADS},
    {"atanh(A)", 1, f_atanh, 1, UNIT_RANGE, SPREADS},
    {"cbrt(A)", 1, f_cbrt, 1, LOG1P, SPREADS},
    {"A^B", 2, f_pow, 1, POWERS, SPREADS},
    {"hypot(A,B)", 2, f_hypot, 1, LENGTHS, SPREADS},
    {"atan2(A,B)", 2, f_atan2, 1, ANGLES, SPREADS},
};
#define FUNCTIONS (sizeof functions / sizeof *functions)

static const double specials[] = {
    0.0,
    -0.0,
    1,
    -1,
    2,
    -2,
    3,
    -3,
    0.5,
    -0.5,
    1.5,
    -1.5,
    2.5,
    -2.5,
    0.1,
    -0.1,
    1.0 / 3,
    10,
    -10,
    63,
    64,
    63.5,
    100,
    255,
    256,
    INFINITY,
    -INFINITY,
    NAN,
    0x1p-1074,
    -0x1p-1074,
    0x1p-1073,
    0x1.8p-1060,
    DBL_MIN,
    -DBL_MIN,
    0x0.fffffffffffffp-1022,
    DBL_MAX,
    -DBL_MAX,
    0x1.fffffffffffffp1022,
    0x1p1023,
    DBL_EPSILON,
    1 + DBL_EPSILON,
    1 - DBL_EPSILON / 2,
    -1 - DBL_EPSILON,
    -1 + DBL_EPSILON / 2,
    0x1p51,
    0x1p51 + 0.5,
    0x1p52,
    0x1p52 + 1,
    0x1p52 - 0.5,
    -0x1p52 + 0.5,
    0x1p53,
    0x1p53 - 1,
    0x1p53 + 2,
    -0x1p53,
    -0x1p53 - 2,
    -0x1p53 + 1,
    0x1p54,
    0x1p62,
    0x1p63,
    -0x1p63,
    0x1p64,
    4503599627370497.5,
    0.49999999999999994,
    -0.49999999999999994,
    1e300,
    -1e300,
    1e-300,
    1e22,
    1e16,
    1e15,
    2147483647,
    -2147483648.0,
    4294967296.0,
    709.782712893384,
    709.7827128933841,
    710,
    -708.3964185322641,
    -708.4,
    -745.1332191019411,
    -745.1332191019412,
    -745.2,
    -740,
    -1022,
    -1022.5,
    -1074,
    -1074.5,
    -1075,
    -1075.1,
    -1076,
    1023,
    1023.9999999999999,
    1024,
    36.7,
    -36.7,
    -37.5,
    54,
    710.4758600739439,
    710.475860073944,
    711,
    -710.4758600739439,
    5e-9,
    1e-8,
    -1e-8,
    3e-8,
    1e-17,
    -1e-17,
    PI,
    -PI,
    PI / 2,
    -PI / 2,
    PI / 4,
    3 * PI / 2,
    2 * PI,
    1e5,
    105414357.85,
    1647099.3,
    6381956970095103.0 * 0x1p797,
    0x1.921fb54442d18p0,
    0x1.921fb54442d19p0,
    0.7071067811865476,
    0.99999,
    1.00001,
    20,
    -20,
    19.0625,
    22,
    -22,
    1.3407807929942596e154,
    1.3407807929942597e154,
    1e154,
    1e-154,
    1.5e-162,
    2.2e-162,
    1.4142135623730951,
};
#define SPECIALS (sizeof specials / sizeof *specials)

/* Neighbours of x, sometimes. */
static double near_to(check_random *r, double x)
{
    return double_of(bits_of(x) + (uint64_t)random_between(r, -3, 3));
}

/* Any magnitude at all, evenly over the exponents. */
static double any_magnitude(check_random *r, double low_exponent, double high_exponent)
{
    double x = ldexp(random_uniform(r, 1, 2), (int)floor(random_uniform(r, low_exponent, high_exponent)));
    return random_bits(r) & 1 ? x : -x;
}

static void random_arguments(check_random *r, enum domain domain, double *a, double *b, double *c)
{
    switch (random_between(r, 0, 9)) {
    case 0: /* all bit patterns */
        *a = double_of(random_bits(r));
        *b = double_of(random_bits(r));
        *c = double_of(random_bits(r));
        return;
    case 1:
        *a = specials[random_between(r, 0, SPECIALS - 1)];
        *b = any_magnitude(r, -20, 20);
        *c = specials[random_between(r, 0, SPECIALS - 1)];
        return;
    case 2: /* small numbers with short fractions, as in rasters */
        *a = (double)random_between(r, -4000, 4000) / 8;
        *b = (double)random_between(r, -400, 400) / 8;
        *c = (double)random_between(r, -40, 40) / 4;
        return;
    case 3:
        *a = near_to(r, specials[random_between(r, 0, SPECIALS - 1)]);
        *b = near_to(r, specials[random_between(r, 0, SPECIALS - 1)]);
        *c = near_to(r, specials[random_between(r, 0, SPECIALS - 1)]);
        return;
    default:
        break;
    }
    *b = random_uniform(r, -10, 10);
    *c = random_uniform(r, -10, 10);
    int kind = (int)random_between(r, 0, 3);
    switch (domain) {
    case EXP:
        *a = kind == 0   ? random_uniform(r, -745.5, -708) /* subnormal results */
             : kind == 1 ? random_uniform(r, 709, 709.8)
             : kind == 2 ? any_magnitude(r, -60, 10)
                         : random_uniform(r, -745, 710);
        break;
    case EXP2:
        *a = kind == 0   ? random_uniform(r, -1076, -1021)
             : kind == 1 ? random_uniform(r, 1022, 1024)
             : kind == 2 ? any_magnitude(r, -60, 10)
                         : random_uniform(r, -1075, 1024);
        break;
    case LOG:
        *a = kind == 0   ? double_of(random_bits(r) >> 12) /* subnormal arguments */
             : kind == 1 ? 1 + any_magnitude(r, -52, -2)
             : kind == 2 ? random_uniform(r, 0, 4)
                         : fabs(any_magnitude(r, -1022, 1024));
        break;
    case LOG1P:
        *a = kind == 0   ? any_magnitude(r, -1074, 1024)
             : kind == 1 ? -1 + fabs(any_magnitude(r, -53, -1))
             : kind == 2 ? any_magnitude(r, -60, 0)
                         : random_uniform(r, -1, 10);
        break;
    case TRIG:
        *a = kind == 0   ? any_magnitude(r, -1074, 1024)
             : kind == 1 ? near_to(r, PI / 4 * (double)random_between(r, -1000000, 1000000))
             : kind == 2 ? any_magnitude(r, 20, 60)
                         : random_uniform(r, -10, 10);
        break;
    case UNIT_RANGE:
        *a = kind == 0   ? any_magnitude(r, -1074, 0)
             : kind == 1 ? 1 - fabs(any_magnitude(r, -53, -1))
                         : random_uniform(r, -1, 1);
        if (kind == 1 && (random_bits(r) & 1))
            *a = -*a;
        break;
    case ABOVE_ONE:
        *a = kind == 0   ? 1 + fabs(any_magnitude(r, -52, 0))
             : kind == 1 ? fabs(any_magnitude(r, 0, 1024))
                         : random_uniform(r, 1, 50);
        break;
    case HYPERBOLIC:
        *a = kind == 0   ? any_magnitude(r, -1074, 9)
             : kind == 1 ? random_uniform(r, 709, 710.5) * (random_bits(r) & 1 ? 1 : -1)
             : kind == 2 ? random_uniform(r, -1, 1)
                         : random_uniform(r, -40, 40);
        break;
    case POWERS:
        *a = any_magnitude(r, -1074, 1024);
        if (kind == 0) { /* near overflow, underflow and among subnormal results */
            *a = fabs(*a);
            double bits = random_bits(r) & 1 ? random_uniform(r, 1023, 1024.1) : random_uniform(r, -1076, -1021);
            *b = bits / log2(*a);
        } else if (kind == 1) { /* negative bases with whole exponents */
            *a = any_magnitude(r, -20, 20);
            *b = (double)random_between(r, -80, 80);
        } else if (kind == 2) { /* near 1, large exponents */
            *a = 1 + any_magnitude(r, -40, -5);
            *b = any_magnitude(r, 0, 45);
        } else {
            *a = random_uniform(r, 0, 100);
        }
        break;
    case LENGTHS:
        *a = any_magnitude(r, -1074, 1024);
        *b = kind == 0   ? any_magnitude(r, -1074, 1024)
             : kind == 1 ? *a * random_uniform(r, 0.001, 1000)
             : kind == 2 ? *a * any_magnitude(r, -56, -20)
                         : random_uniform(r, -10, 10);
        if (kind == 3)
            *a = random_uniform(r, -10, 10);
        break;
    case ANGLES:
        *a = any_magnitude(r, -1074, 1024);
        *b = kind == 0   ? any_magnitude(r, -1074, 1024)
             : kind == 1 ? *a * random_uniform(r, -1000, 1000)
             : kind == 2 ? *a * any_magnitude(r, 900, 1074) /* subnormal results */
                         : random_uniform(r, -10, 10);
        if (kind == 3)
            *a = random_uniform(r, -10, 10);
        break;
    case WHOLE:
        *a = kind == 0   ? any_magnitude(r, 45, 55)
             : kind == 1 ? (double)random_between(r, -1000, 1000) / 2
                         : any_magnitude(r, -2, 53);
        *b = kind == 0 ? any_magnitude(r, 45, 55) : any_magnitude(r, -2, 53);
        break;
    case SHIFTS:
        *a = any_magnitude(r, -2, 54);
        *b = (double)random_between(r, -2, 66);
        break;
    default:
        *a = kind == 0 ? any_magnitude(r, -1074, 1024) : random_uniform(r, -10, 10);
        if (kind == 0)
            *b = *a * any_magnitude(r, -60, 60);
        if (kind == 1)
            *b = *a;
        break;
    }
}

/* What a text gives on n triples for one instruction set. */
static void run_doubles(const fn_expr *expr, fn_simd simd, const char *text, const double *const abc[3], double *out,
                        size_t n)
{
    fn_plane planes[3];
    int inputs = fn_expr_input_count(expr);
    REQUIRE(inputs <= 3, "%s: %d inputs", text, inputs);
    for (int i = 0; i < inputs; i++) {
        int raster = 0, band = 0;
        fn_expr_input(expr, i, &raster, &band);
        const char name = (char)('A' + raster);
        planes[i] = (fn_plane){.data = abc[name - 'A'], .type = FN_FLOAT64};
    }
    fn_sink sink = {.data = out, .type = FN_FLOAT64};
    void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
    REQUIRE(scratch != NULL, "memory");
    fn_error err;
    memset(&err, 0, sizeof err);
    fn_status status = fn_expr_run_simd(expr, simd, n, planes, &sink, scratch, NULL, &err);
    REQUIRE(status == FN_OK, "%s with %s: %s", text, fn_simd_name(simd), err.text);
    free(scratch);
}

/* glibc tells signalling NaNs from quiet ones, an expression does not. */
static double quiet(double x)
{
    return isnan(x) ? NAN : x;
}

/* One function over given arguments: all instruction sets agree, and the reference is met. */
static void check_function(const struct function *f, const double *const abc[3], size_t n, double *out[FN_SIMD_COUNT])
{
    uint64_t worst = 0;
    int wrong = 0;
    for (int nodata = 0; nodata < 2; nodata++) {
        fn_expr *expr = compile(f->text, nodata);
        for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++)
            if (available(simd))
                run_doubles(expr, simd, f->text, abc, out[simd], n);
        fn_expr_free(expr);
        const char *mode = nodata ? "" : ", NODATA=none";
        for (size_t i = 0; i < n; i++) {
            double a = quiet(abc[0][i]), b = quiet(abc[1][i]), c = quiet(abc[2][i]), want = f->reference(a, b, c);
            if (nodata && f->rule == SPREADS &&
                (isnan(a) || (f->operands > 1 && isnan(b)) || (f->operands > 2 && isnan(c))))
                want = NAN;
            if (nodata && f->rule == BRANCHES && isnan(a))
                want = NAN;
            double got = out[FN_SIMD_PLAIN][i];
            uint64_t apart = ulps_apart(got, want);
            /* Zeros of either sign are equal for min and max, and sign(-0) is a zero. */
            if (apart == UINT64_MAX && got == 0 && want == 0 &&
                (f->domain == SHIFTS || strstr(f->text, "min") != NULL || strstr(f->text, "max") != NULL ||
                 strstr(f->text, "clamp") != NULL || strstr(f->text, "sign") != NULL))
                apart = 0;
            worst = apart > worst ? apart : worst;
            if (apart > f->ulp && ++wrong > 3)
                continue; /* the first few of each function */
            EXPECT(apart <= f->ulp,
                   "%s with A=%a (%.17g) B=%a (%.17g) C=%a%s: %a (%.17g), C gives %a (%.17g), %" PRIu64 " ulp", f->text,
                   a, a, b, b, c, mode, got, got, want, want, apart);
            for (fn_simd simd = FN_SIMD_AVX2; simd < FN_SIMD_COUNT; simd++) {
                if (!available(simd))
                    continue;
                if (f->ulp == 0 || has_fma())
                    EXPECT(same_double(out[simd][i], got), "%s with A=%a B=%a C=%a%s: %s gives %a, plain %a", f->text,
                           a, b, c, mode, fn_simd_name(simd), out[simd][i], got);
                else
                    EXPECT(ulps_apart(out[simd][i], want) <= f->ulp, "%s with A=%a B=%a%s: %s gives %a", f->text, a, b,
                           mode, fn_simd_name(simd), out[simd][i]);
            }
        }
    }
    if (wrong > 0)
        fprintf(stderr, "%s: %d wrong of %zu, up to %" PRIu64 " ulp\n", f->text, wrong, 2 * n, worst);
}

static double *arguments[3], *results[FN_SIMD_COUNT];

static void make_room(size_t n)
{
    for (int i = 0; i < 3; i++) {
        free(arguments[i]);
        arguments[i] = malloc(n * sizeof(double));
        REQUIRE(arguments[i] != NULL, "memory");
    }
    for (int i = 0; i < FN_SIMD_COUNT; i++) {
        free(results[i]);
        results[i] = malloc(n * sizeof(double));
        REQUIRE(results[i] != NULL, "memory");
    }
}

static void drop_room(void)
{
    for (int i = 0; i < 3; i++) {
        free(arguments[i]);
        arguments[i] = NULL;
    }
    for (int i = 0; i < FN_SIMD_COUNT; i++) {
        free(results[i]);
        results[i] = NULL;
    }
}

static void all_types_are_float64(void)
{
    for (int i = 0; i < 26; i++)
        input_types[i] = FN_FLOAT64;
}

static void instruction_sets(void)
{
    all_types_are_float64();
    EXPECT(available(FN_SIMD_PLAIN), "plain code runs everywhere");
    EXPECT(available(fn_simd_best()), "the best one is available");
    const char *limit = getenv("FISHNET_SIMD");
    if (limit == NULL)
        for (fn_simd s = fn_simd_best() + 1; s < FN_SIMD_COUNT; s++)
            EXPECT(!available(s), "%s is better than the best", fn_simd_name(s));
    else if (strcmp(limit, "plain") == 0)
        EXPECT(fn_simd_best() == FN_SIMD_PLAIN, "FISHNET_SIMD=plain");
    static const char *const names[] = {"plain", "avx2", "avx512"};
    for (fn_simd s = FN_SIMD_PLAIN; s < FN_SIMD_COUNT; s++) {
        EXPECT(strcmp(fn_simd_name(s), names[s]) == 0, "%s", fn_simd_name(s));
        printf("%s: %s\n", fn_simd_name(s), available(s) ? "yes" : "no");
    }
#if defined(__x86_64__)
    EXPECT(available(FN_SIMD_AVX2) == (__builtin_cpu_supports("avx2") && has_fma()), "avx2");
#endif
}

/* Special values with special values; the third operand takes turns. */
static void special_values(void)
{
    all_types_are_float64();
    size_t n = SPECIALS * SPECIALS;
    make_room(n);
    for (size_t i = 0; i < SPECIALS; i++)
        for (size_t k = 0; k < SPECIALS; k++) {
            arguments[0][i * SPECIALS + k] = specials[i];
            arguments[1][i * SPECIALS + k] = specials[k];
            arguments[2][i * SPECIALS + k] = specials[(i * 7 + k * 3) % SPECIALS];
        }
    for (size_t f = 0; f < FUNCTIONS; f++)
        check_function(&functions[f], (const double *const *)arguments, n, results);
    drop_room();
}

static void random_values(void)
{
    all_types_are_float64();
    check_random r = random_for("random_values");
    size_t n = CHECK_SANITIZED ? 60001 : 400001;
    make_room(n);
    for (size_t f = 0; f < FUNCTIONS; f++) {
        for (size_t i = 0; i < n; i++)
            random_arguments(&r, functions[f].domain, &arguments[0][i], &arguments[1][i], &arguments[2][i]);
        check_function(&functions[f], (const double *const *)arguments, n, results);
    }
    drop_room();
}

/* Constants on either side: kernels have a form of their own for them. */
static void constant_operands(void)
{
    all_types_are_float64();
    size_t n = SPECIALS;
    make_room(n);
    static const char *const forms[] = {"A+%a",          "%a-A",
                                        "A*%a",          "%a/A",
                                        "A%%%a",         "%a//A",
                                        "A^%a",          "%a^A",
                                        "A<%a",          "%a<=A",
                                        "A==%a",         "%a!=A",
                                        "A&&%a",         "%a||A",
                                        "min(A,%a)",     "max(%a,A)",
                                        "hypot(A,%a)",   "atan2(%a,A)",
                                        "fmod(%a,A)",    "where(A,%a,B)",
                                        "where(A,B,%a)", "logical_xor(A,%a)"};
    static const double constants[] = {0, 1, 2, 3, 0.5, 0.25, 4, 10};
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++)
        for (size_t c = 0; c < sizeof constants / sizeof *constants; c++) {
            char text[2][64];
            snprintf(text[1], sizeof text[1], "%s", forms[k]);
            char *mark = strstr(text[1], "%a");
            snprintf(text[0], sizeof text[0], "%.*s%.17g%s", (int)(mark - text[1]), text[1], constants[c], mark + 2);
            snprintf(text[1] + (mark - text[1]), sizeof text[1] - (size_t)(mark - text[1]), "C%s",
                     strstr(forms[k], "%a") + 2);
            for (char *percent = text[0]; (percent = strstr(percent, "%%")) != NULL; percent++)
                memmove(percent, percent + 1, strlen(percent));
            for (char *percent = text[1]; (percent = strstr(percent, "%%")) != NULL; percent++)
                memmove(percent, percent + 1, strlen(percent));
            for (size_t i = 0; i < n; i++) {
                arguments[0][i] = specials[i];
                arguments[1][i] = specials[(i * 5 + 3) % n];
                arguments[2][i] = constants[c];
            }
            for (int nodata = 0; nodata < 2; nodata++) {
                fn_expr *x = compile(text[0], nodata), *y = compile(text[1], nodata);
                for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++) {
                    if (!available(simd))
                        continue;
                    run_doubles(x, simd, text[0], (const double *const *)arguments, results[0], n);
                    run_doubles(y, simd, text[1], (const double *const *)arguments, results[1], n);
                    for (size_t i = 0; i < n; i++)
                        EXPECT(same_double(results[0][i], results[1][i]) ||
                                   /* A^2 is A*A */
                                   (strchr(forms[k], '^') != NULL && ulps_apart(results[0][i], results[1][i]) <= 1),
                               "%s with A=%a B=%a (%s%s): %a, but %s gives %a", text[0], arguments[0][i],
                               arguments[1][i], fn_simd_name(simd), nodata ? "" : ", NODATA=none", results[0][i],
                               text[1], results[1][i]);
                }
                fn_expr_free(x);
                fn_expr_free(y);
            }
        }
    drop_room();
}

/* Quotients as near as can be to the middle between two doubles, blocks of them alone and with one value in between
 * that is zero, not finite, or has a quotient at the ends of the range. */
static void divisions_by_constants(void)
{
    enum { BLOCK = 512, N = 16 * BLOCK };
    static const double between[] = {0,         -0.0,       NAN,        INFINITY,  -INFINITY,   0x1p-1074,
                                     0x1p-1022, 0x1p-499,   -0x1p-501,  0x1p499,   0x1.8p501,   DBL_MAX};
    static const double constants[] = {1,          3,           10,         100,       -1000,     0.3048,      1e22,
                                       0x1p-300,   0x1.8p-300,  0x1.8p299,  0x1p300,   0x1.8p301, 0x1p-1022,   5e-324,
                                       0x1p1023,   DBL_MAX,     0,          -0.0};
    check_random r = random_for("divisions_by_constants");
    all_types_are_float64();
    make_room(N);
    for (int c = 0; c < 120; c++) {
        const int known = (int)(sizeof constants / sizeof *constants);
        const double ends = 2 - ldexp((double)random_between(&r, 1, 64), -52);
        const double b = c < known ? constants[c] : c % 2 ? any_magnitude(&r, -40, 40) : ends;
        char text[64];
        snprintf(text, sizeof text, "A/(%.17g)", b);
        for (size_t i = 0; i < N; i++) {
            const double quotient = any_magnitude(&r, -8, 9);
            const double half = 0.5 * (nextafter(quotient, INFINITY) - quotient);
            double a = fma(quotient, b, half * b);
            a = i % 3 ? a : nextafter(a, i % 2 ? INFINITY : 0);
            arguments[0][i] = isfinite(a) ? a : 7;
        }
        for (size_t block = 1; block < N / BLOCK && c % 4 == 0; block += 2)
            arguments[0][block * BLOCK + (size_t)random_between(&r, 0, BLOCK - 1)] =
                between[random_between(&r, 0, (int64_t)(sizeof between / sizeof *between) - 1)];
        fn_expr *expr = compile(text, c % 3 != 0);
        for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++) {
            if (!available(simd))
                continue;
            run_doubles(expr, simd, text, (const double *const *)arguments, results[0], N);
            for (size_t i = 0; i < N; i++)
                EXPECT(same_double(results[0][i], arguments[0][i] / b), "%s with A=%a (%s): %a", text, arguments[0][i],
                       fn_simd_name(simd), results[0][i]);
        }
        fn_expr_free(expr);
    }
    drop_room();
}

/* ---- loads and stores ---- */

/* IEEE 754 binary16, by the book. */
static double half_to_double(uint16_t h)
{
    int exponent = (h >> 10) & 31;
    double fraction = h & 1023;
    double x = exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
               : exponent == 0 ? ldexp(fraction, -24)
                               : ldexp(fraction + 1024, exponent - 25);
    return h & 0x8000 ? -x : x;
}

/* Nearest, ties to even, in one rounding. */
static uint16_t double_to_half(double x)
{
    uint16_t sign = signbit(x) ? 0x8000 : 0;
    x = fabs(x);
    if (isnan(x))
        return 0x7E00;
    if (x >= 65520)
        return (uint16_t)(sign | 0x7C00);
    int exponent;
    if (x < 0x1p-14)
        return (uint16_t)(sign | (uint16_t)nearbyint(ldexp(x, 24))); /* 1024 is the smallest normal number's bits */
    frexp(x, &exponent);
    exponent--; /* x = 1.f * 2^exponent */
    double mantissa = nearbyint(ldexp(x, 10 - exponent)); /* 1024..2048 */
    return (uint16_t)(sign + ((exponent + 14) << 10) + (int)mantissa);
}

static double value_at(const void *data, fn_type type, size_t i)
{
    switch (type) {
    case FN_UINT8: return ((const uint8_t *)data)[i];
    case FN_INT8: return ((const int8_t *)data)[i];
    case FN_UINT16: return ((const uint16_t *)data)[i];
    case FN_INT16: return ((const int16_t *)data)[i];
    case FN_UINT32: return ((const uint32_t *)data)[i];
    case FN_INT32: return ((const int32_t *)data)[i];
    case FN_UINT64: return (double)((const uint64_t *)data)[i];
    case FN_INT64: return (double)((const int64_t *)data)[i];
    case FN_FLOAT16: return half_to_double(((const uint16_t *)data)[i]);
    case FN_FLOAT32: return (double)((const float *)data)[i];
    default: return ((const double *)data)[i];
    }
}

static void every_half(void)
{
    enum { N = 65536 };
    static uint16_t in[N];
    static double out[N];
    static uint16_t back[N];
    for (int i = 0; i < N; i++) {
        in[i] = (uint16_t)i;
        if (!isnan(half_to_double((uint16_t)i)))
            REQUIRE(double_to_half(half_to_double((uint16_t)i)) == i, "the test's own conversion of %d", i);
    }
    for (int nodata = 0; nodata < 2; nodata++)
        for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++) {
            if (!available(simd))
                continue;
            input_types[0] = FN_FLOAT16;
            fn_expr *expr = compile("A", nodata);
            void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
            fn_plane plane = {.data = in, .type = FN_FLOAT16};
            fn_sink sink = {.data = out, .type = FN_FLOAT64}, half = {.data = back, .type = FN_FLOAT16};
            REQUIRE(fn_expr_run_simd(expr, simd, N, &plane, &sink, scratch, NULL, NULL) == FN_OK, "run");
            REQUIRE(fn_expr_run_simd(expr, simd, N, &plane, &half, scratch, NULL, NULL) == FN_OK, "run");
            for (int i = 0; i < N; i++) {
                double want = half_to_double((uint16_t)i);
                EXPECT(same_double(out[i], want), "%s: half %04x is %a, not %a", fn_simd_name(simd), i, out[i], want);
                EXPECT(isnan(want) ? isnan(half_to_double(back[i])) : back[i] == i, "%s: half %04x comes back as %04x",
                       fn_simd_name(simd), i, back[i]);
            }
            free(scratch);
            fn_expr_free(expr);
        }
    all_types_are_float64();
}

/* Loads of every type with every NoData value of it, and masks. */
static void loads(void)
{
    check_random r = random_for("loads");
    enum { MAX = 3000 };
    static double out[MAX];
    static uint8_t mask[MAX];
    for (fn_type type = FN_UINT8; type < FN_TYPE_COUNT; type++) {
        size_t size = fn_type_size(type);
        input_types[0] = type;
        edge memory = edge_new(MAX * size), mask_memory = edge_new(MAX);
        for (int round = 0; round < 60; round++) {
            size_t n = round < 40 ? (size_t)round : (size_t)random_between(&r, 1000, MAX);
            unsigned char *data = edge_last(memory, n * size);
            uint8_t *mask_data = edge_last(mask_memory, n);
            for (size_t i = 0; i < n; i++) {
                uint64_t bits = random_bits(&r);
                if (type == FN_INT64)
                    bits = (uint64_t)random_between(&r, -(INT64_C(1) << 53), INT64_C(1) << 53);
                if (type == FN_UINT64)
                    bits = (uint64_t)random_between(&r, 0, INT64_C(1) << 53);
                if (random_between(&r, 0, 2) == 0)
                    bits = type == FN_FLOAT16   ? (uint64_t)double_to_half((double)(bits % 5))
                           : type == FN_FLOAT32 ? 0
                           : type == FN_FLOAT64 ? bits_of((double)(bits % 5))
                                                : bits % 5;
                if (type == FN_FLOAT32 && bits == 0) {
                    float f = (float)random_between(&r, -2, 2);
                    memcpy(data + i * size, &f, size);
                } else
                    memcpy(data + i * size, &bits, size); /* little endian */
                mask_data[i] = mask[i] = (uint8_t)(random_between(&r, 0, 3) == 0 ? 0 : random_between(&r, 1, 255));
            }
            /* NoData: unset, a value that occurs, an extreme one. */
            fn_nodata nodata = {.set = false};
            int kind = (int)random_between(&r, 0, 3);
            if (kind == 1)
                nodata = fn_nodata_default(type);
            if (kind >= 2 && n > 0) {
                size_t k = (size_t)random_between(&r, 0, (int64_t)n - 1);
                nodata.set = true;
                if (!fn_type_is_integer(type))
                    nodata.value.f = value_at(data, type, k);
                else if (fn_type_is_signed(type))
                    nodata.value.i = (int64_t)value_at(data, type, k);
                else
                    nodata.value.u = (uint64_t)value_at(data, type, k);
            }
            bool masked = random_between(&r, 0, 1) == 1;
            for (int with = 0; with < 2; with++) {
                fn_expr *expr = compile("A", with);
                void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
                for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++) {
                    if (!available(simd))
                        continue;
                    fn_plane plane = {.data = data, .type = type, .nodata = nodata, .mask = masked ? mask_data : NULL};
                    fn_sink sink = {.data = out, .type = FN_FLOAT64};
                    fn_error err;
                    memset(&err, 0, sizeof err);
                    size_t bad = 0;
                    fn_status status = fn_expr_run_simd(expr, simd, n, &plane, &sink, scratch, &bad, &err);
                    REQUIRE(status == FN_OK, "%s: %s at %zu", fn_type_name(type), err.text, bad);
                    for (size_t i = 0; i < n; i++) {
                        double want = value_at(data, type, i);
                        if (with && masked && mask[i] == 0)
                            want = NAN;
                        if (with && nodata.set && value_at(data, type, i) == fn_nodata_as_double(nodata, type))
                            want = NAN;
                        EXPECT(same_double(out[i], want),
                               "%s %s%s, pixel %zu of %zu: %a, not %a (NoData %d %g, mask %d)", fn_simd_name(simd),
                               fn_type_name(type), with ? "" : " NODATA=none", i, n, out[i], want, nodata.set,
                               fn_nodata_as_double(nodata, type), masked ? mask[i] : -1);
                    }
                }
                free(scratch);
                fn_expr_free(expr);
            }
        }
        edge_free(memory);
        edge_free(mask_memory);
    }
    all_types_are_float64();
}

/* The neighbour of a half towards zero; from zero the smallest positive one. */
static uint16_t half_next(uint16_t h)
{
    return (uint16_t)((h & 0x7FFF) == 0 ? 1 : h - 1);
}

static const struct {
    double low, high;
} limits[] = {{0, 255}, {-128, 127}, {0, 65535}, {-32768, 32767}, {0, 4294967295.0}, {-2147483648.0, 2147483647}};

static const double store_values[] = {
    0,
    -0.0,
    0.4999999999999999,
    0.5,
    0.50000000000001,
    -0.4999999999999999,
    -0.5,
    -0.50000000000001,
    1,
    -1,
    1.5,
    -1.5,
    2.5,
    -2.5,
    3.5,
    126.5,
    127,
    127.4,
    127.5,
    128,
    -127.5,
    -128,
    -128.4,
    -128.5,
    -129,
    254,
    254.4,
    254.5,
    254.6,
    255,
    255.4,
    255.5,
    256,
    1000,
    32766.5,
    32767,
    32767.5,
    32768,
    -32767.5,
    -32768,
    -32768.5,
    -32769,
    65534.5,
    65535,
    65535.5,
    65536,
    2147483646.5,
    2147483647,
    2147483647.5,
    2147483648.0,
    -2147483647.5,
    -2147483648.0,
    -2147483648.5,
    -2147483649.0,
    4294967294.5,
    4294967295.0,
    4294967295.5,
    4294967296.0,
    1e10,
    -1e10,
    0x1p52 + 0.5,
    0x1p52 - 0.5,
    0x1p53,
    -0x1p53,
    0x1p53 - 1,
    -0x1p53 + 1,
    0.49999999999999994,
    -0.49999999999999994,
    4503599627370497.0,
    -4503599627370497.0,
    /* Float32 and Float16 */
    16777217,
    16777219,
    1e-45,
    7e-46,
    1e-46,
    1.17549435e-38,
    3.4028234663852886e38,
    3.4028235677973362e38,
    3.4028235677973366e38,
    3.5e38,
    -3.5e38,
    0.1,
    -0.1,
    1 + 0x1p-24,
    1 + 0x1p-24 + 0x1p-50,
    1 + 0x1p-11,
    1 + 0x1p-11 + 0x1p-40,
    1 + 0x1p-11 - 0x1p-40,
    1 + 0x3p-11,
    65504,
    65519.99999,
    65520,
    -65520,
    65536,
    0x1p-24,
    0x1p-25,
    0x1.0000001p-25,
    0x1.8p-24,
    0x1p-14,
    0x1.ffcp-15,
    0x1.ffep-15,
    0x1.ffdp-15,
    2049,
    2050,
    2051,
    2052,
    9999,
    -9999,
    1e-300,
    -1e-300,
    0x1p-1074,
};
#define STORE_VALUES (sizeof store_values / sizeof *store_values)

/* The value of `type`, as a double, that x must be stored as: the table of docs/FISHNET.md. */
static double stored(double x, fn_type type, fn_nodata nodata)
{
    double mark = fn_nodata_as_double(nodata, type);
    if (isnan(x))
        return nodata.set ? mark : fn_type_is_integer(type) ? 0 : NAN;
    double v = x;
    if (type == FN_FLOAT32) {
        v = (double)(float)x;
        if (nodata.set && v == mark)
            v = v == 0 ? (double)FLT_TRUE_MIN : (double)nextafterf((float)v, 0);
        return v;
    }
    if (type == FN_FLOAT16) {
        uint16_t h = double_to_half(x);
        if (nodata.set && half_to_double(h) == mark)
            h = half_next(h);
        return half_to_double(h);
    }
    if (type == FN_FLOAT64)
        return nodata.set && v == mark ? (v == 0 ? DBL_TRUE_MIN : nextafter(v, 0)) : v;
    /* As GDALCopyWords, which makes 1 of 0.49999999999999994; whole numbers stay what they are up to 2^53. */
    v = fabs(x) < 0x1p52 ? trunc(x + copysign(0.5, x)) : x;
    if (type <= FN_INT32) {
        v = v < limits[type].low ? limits[type].low : v > limits[type].high ? limits[type].high : v;
    } else if (type == FN_UINT64 && v < 0)
        v = 0;
    if (v == 0)
        v = 0; /* no -0 */
    if (nodata.set && v == mark)
        v = v > 0 ? v - 1 : v + 1;
    return v == 0 ? 0 : v;
}

static void check_stores(fn_type type, fn_nodata nodata, const double *values, size_t n)
{
    size_t size = fn_type_size(type);
    fn_expr *expr = compile("A", true);
    void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
    edge memory = edge_new(n * size + 64);
    int wrong = 0;
    for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++) {
        if (!available(simd))
            continue;
        unsigned char *out = edge_last(memory, n * size);
        memset(memory.pages, 0xA5, memory.room);
        fn_plane plane = {.data = values, .type = FN_FLOAT64};
        fn_sink sink = {.data = out, .type = type, .nodata = nodata};
        fn_error err;
        memset(&err, 0, sizeof err);
        size_t bad = 0;
        fn_status status = fn_expr_run_simd(expr, simd, n, &plane, &sink, scratch, &bad, &err);
        REQUIRE(status == FN_OK, "%s: %s at %zu", fn_type_name(type), err.text, bad);
        for (unsigned char *p = memory.pages; p < out; p++)
            if (*p != 0xA5) {
                EXPECT(false, "%s: written before the begin", fn_type_name(type));
                break;
            }
        for (size_t i = 0; i < n; i++) {
            double got = value_at(out, type, i), want = stored(values[i], type, nodata);
            if (!same_double(got, want) && ++wrong > 3)
                continue; /* the first few of each type */
            EXPECT(same_double(got, want), "%s: %a (%.17g) as %s with NoData %d %.17g: %.17g, not %.17g",
                   fn_simd_name(simd), values[i], values[i], fn_type_name(type), nodata.set,
                   fn_nodata_as_double(nodata, type), got, want);
        }
    }
    edge_free(memory);
    free(scratch);
    fn_expr_free(expr);
}

static size_t nodata_choices(fn_type type, fn_nodata choices[16])
{
    static const double values[] = {0, 1, -1, 255, -128, 127, -9999, 65535, -32768, 32767, 2, 100};
    size_t n = 0;
    choices[n++] = (fn_nodata){.set = false};
    choices[n++] = fn_nodata_default(type);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        fn_nodata v = fn_nodata_from_double(values[i], type);
        if (v.set)
            choices[n++] = v;
    }
    return n;
}

static void stores(void)
{
    all_types_are_float64();
    check_random r = random_for("stores");
    enum { N = 3003 };
    static double values[N + STORE_VALUES];
    for (fn_type type = FN_UINT8; type < FN_TYPE_COUNT; type++) {
        bool wide = type == FN_INT64 || type == FN_UINT64;
        fn_nodata choices[16];
        size_t count = nodata_choices(type, choices);
        for (size_t c = 0; c < count; c++) {
            size_t n = 0;
            for (size_t i = 0; i < STORE_VALUES; i++)
                if (!wide || fabs(store_values[i]) <= MAX_WHOLE)
                    values[n++] = store_values[i];
            while (n < N) {
                double x = double_of(random_bits(&r));
                switch (random_between(&r, 0, 5)) {
                case 0: x = (double)random_between(&r, -600, 600) / 2; break;
                case 1: x = random_uniform(&r, -70000, 70000); break;
                case 2: x = any_magnitude(&r, -30, 52); break;
                case 3: x = NAN; break;
                case 4:
                    x = near_to(&r, fn_nodata_as_double(choices[c], type));
                    break;
                default: break;
                }
                if (isinf(x) || (wide && fabs(x) > MAX_WHOLE))
                    continue;
                values[n++] = x;
            }
            check_stores(type, choices[c], values, n);
            for (size_t k = 0; k < 20; k++) /* every rest of a vector */
                check_stores(type, choices[c], values + k, k);
        }
    }
}

/* Infinities become the limits of the narrow integer types; floating types keep them. */
static void stores_of_infinities(void)
{
    all_types_are_float64();
    static const double values[] = {INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, 1e300, -1e300, INFINITY, -INFINITY, NAN};
    for (fn_type type = FN_UINT8; type < FN_TYPE_COUNT; type++) {
        if (type == FN_INT64 || type == FN_UINT64)
            continue;
        fn_nodata choices[16];
        size_t count = nodata_choices(type, choices);
        for (size_t c = 0; c < count; c++)
            check_stores(type, choices[c], values, sizeof values / sizeof *values);
    }
    /* NoData at the infinities themselves. */
    fn_nodata inf = {.set = true, .value = {.f = INFINITY}};
    static const double finite[] = {0, 1, INFINITY, -INFINITY, NAN, 3e38};
    for (fn_type type = FN_FLOAT16; type <= FN_FLOAT64; type++) {
        check_stores(type, inf, finite, 6);
        inf.value.f = -inf.value.f;
        check_stores(type, inf, finite, 6);
        inf.value.f = -inf.value.f;
    }
}

/* Random doubles to halves and floats, where a double rounding would show. */
static void stores_of_small_floats(void)
{
    all_types_are_float64();
    check_random r = random_for("stores_of_small_floats");
    enum { N = 60000 };
    static double values[N];
    for (int i = 0; i < N; i++) {
        uint16_t h = (uint16_t)random_bits(&r);
        double x = half_to_double((uint16_t)(h & 0xFBFF)), next = half_to_double((uint16_t)((h & 0xFBFF) + 1));
        double middle = (x + next) / 2; /* exact */
        if (isinf(middle))
            middle = x;
        values[i] = random_between(&r, 0, 3) == 0 ? middle : middle * (1 + (double)random_between(&r, -2, 2) * 0x1p-50);
        if (random_between(&r, 0, 4) == 0)
            values[i] = any_magnitude(&r, -30, 17);
    }
    check_stores(FN_FLOAT16, (fn_nodata){.set = false}, values, N);
    for (int i = 0; i < N; i++) {
        uint32_t u = (uint32_t)random_bits(&r);
        float x;
        memcpy(&x, &u, sizeof x);
        values[i] = isfinite(x) ? (double)x * (1 + (double)random_between(&r, -3, 3) * 0x1p-25 +
                                               (double)random_between(&r, -1, 1) * 0x1p-52)
                                : any_magnitude(&r, -160, 129);
    }
    check_stores(FN_FLOAT32, (fn_nodata){.set = false}, values, N);
}

/* Each type in, the same type out: nothing is lost. */
static void every_type_comes_back(void)
{
    check_random r = random_for("every_type_comes_back");
    enum { N = 5000 };
    static unsigned char in[N * 8], out[N * 8];
    for (fn_type type = FN_UINT8; type < FN_TYPE_COUNT; type++) {
        size_t size = fn_type_size(type);
        input_types[0] = type;
        for (size_t i = 0; i < N; i++) {
            uint64_t bits = random_bits(&r);
            if (type == FN_INT64)
                bits = (uint64_t)random_between(&r, -(INT64_C(1) << 53), INT64_C(1) << 53);
            if (type == FN_UINT64)
                bits = (uint64_t)random_between(&r, 0, INT64_C(1) << 53);
            memcpy(in + i * size, &bits, size);
        }
        fn_expr *expr = compile("A", true);
        void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
        int wrong = 0;
        for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++) {
            if (!available(simd))
                continue;
            fn_plane plane = {.data = in, .type = type};
            fn_sink sink = {.data = out, .type = type};
            REQUIRE(fn_expr_run_simd(expr, simd, N, &plane, &sink, scratch, NULL, NULL) == FN_OK, "%s",
                    fn_type_name(type));
            for (size_t i = 0; i < N; i++)
                if (!same_double(value_at(in, type, i), value_at(out, type, i)) && wrong++ < 3)
                    EXPECT(false, "%s %s: %.17g comes back as %.17g", fn_simd_name(simd),
                       fn_type_name(type), value_at(in, type, i), value_at(out, type, i));
        }
        free(scratch);
        fn_expr_free(expr);
    }
    all_types_are_float64();
}

/* A 64 bit integer beyond 2^53 that is valid stops the run and names its pixel, wherever it stands. */
static void wide_integers_in(void)
{
    enum { N = 2500 };
    static int64_t in[N];
    static uint8_t mask[N];
    static double out[N];
    static const size_t places[] = {0, 1, 7, 8, 9, 1023, 1024, 1025, 2047, N - 1};
    static const int64_t beyond_signed[] = {(INT64_C(1) << 53) + 1, -(INT64_C(1) << 53) - 1, INT64_MAX, INT64_MIN,
                                            INT64_C(1) << 62};
    static const uint64_t beyond_unsigned[] = {(UINT64_C(1) << 53) + 1, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 1,
                                               UINT64_C(1) << 54};
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        fn_type type = is_signed ? FN_INT64 : FN_UINT64;
        input_types[0] = type;
        for (int with = 0; with < 2; with++) {
            fn_expr *expr = compile("A*0+1", with);
            void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
            for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++) {
                if (!available(simd))
                    continue;
                for (size_t p = 0; p < sizeof places / sizeof *places; p++)
                    for (size_t b = 0; b < 5; b++) {
                        for (size_t i = 0; i < N; i++) {
                            in[i] = i % 2 == 0 ? INT64_C(1) << 53 : is_signed ? -(INT64_C(1) << 53) : 0;
                            mask[i] = 1;
                        }
                        int64_t bits = is_signed ? beyond_signed[b] : (int64_t)beyond_unsigned[b];
                        size_t at = places[p], bad = 12345;
                        in[at] = bits;
                        fn_nodata nodata = {.set = true, .value = {.i = bits}};
                        fn_error err;
                        memset(&err, 0, sizeof err);
                        fn_plane plane = {.data = in, .type = type, .mask = mask};
                        fn_sink sink = {.data = out, .type = FN_FLOAT64};
                        fn_status status = fn_expr_run_simd(expr, simd, N, &plane, &sink, scratch, &bad, &err);
                        EXPECT(status == FN_ERR_VALUE && err.status == FN_ERR_VALUE && bad == at,
                               "%s %s: %" PRId64 " at %zu: status %d, pixel %zu", fn_simd_name(simd),
                               fn_type_name(type), bits, at, status, bad);
                        EXPECT_ERROR_TEXT(err, "%s", err.text);
                        if (with) { /* not a valid pixel: no trouble */
                            plane.nodata = nodata;
                            status = fn_expr_run_simd(expr, simd, N, &plane, &sink, scratch, &bad, &err);
                            EXPECT(status == FN_OK && isnan(out[at]), "%s NoData %" PRId64 " at %zu: status %d, %g",
                                   fn_simd_name(simd), bits, at, status, out[at]);
                            EXPECT(out[(at + 1) % N] == 1, "its neighbour is %g", out[(at + 1) % N]);
                            plane.nodata.set = false;
                            mask[at] = 0;
                            status = fn_expr_run_simd(expr, simd, N, &plane, &sink, scratch, &bad, &err);
                            EXPECT(status == FN_OK && isnan(out[at]), "%s masked %" PRId64 " at %zu: status %d, %g",
                                   fn_simd_name(simd), bits, at, status, out[at]);
                        } else { /* NoData and mask mean nothing */
                            plane.nodata = nodata;
                            mask[at] = 0;
                            status = fn_expr_run_simd(expr, simd, N, &plane, &sink, scratch, NULL, NULL);
                            EXPECT(status == FN_ERR_VALUE, "NODATA=none: status %d", status);
                        }
                    }
            }
            free(scratch);
            fn_expr_free(expr);
        }
    }
    all_types_are_float64();
}

/* Nor may a value of 2^53 or beyond go out, which a rounded one could be; NaN, what is below and what clamps to zero
 * may. */
static void wide_integers_out(void)
{
    enum { N = 2500 };
    static double in[N];
    static int64_t out[N];
    static const size_t places[] = {0, 1, 7, 8, 9, 1023, 1024, 1025, 2047, N - 1};
    static const double beyond[] = {0x1p53, 0x1p53 + 2, 0x1p54,  0x1p62,      0x1p63,  0x1p64,
                                    1e300,  DBL_MAX,    -0x1p53, -0x1p53 - 2, -0x1p63, -1e300};
    fn_expr *expr = compile("A", true);
    void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
    for (int is_signed = 0; is_signed < 2; is_signed++)
        for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++) {
            if (!available(simd))
                continue;
            fn_sink sink = {
                .data = out, .type = is_signed ? FN_INT64 : FN_UINT64, .nodata = {.set = true, .value = {.i = 77}}};
            for (size_t p = 0; p < sizeof places / sizeof *places; p++)
                for (size_t b = 0; b < sizeof beyond / sizeof *beyond; b++) {
                    if (!is_signed && beyond[b] < 0)
                        continue;
                    for (size_t i = 0; i < N; i++)
                        in[i] = i % 3 == 0 ? 0x1p53 - 1 : i % 3 == 1 ? NAN : is_signed ? 1 - 0x1p53 : -5;
                    size_t at = places[p], bad = 12345;
                    in[at] = beyond[b];
                    fn_error err;
                    memset(&err, 0, sizeof err);
                    fn_plane plane = {.data = in, .type = FN_FLOAT64};
                    fn_status status = fn_expr_run_simd(expr, simd, N, &plane, &sink, scratch, &bad, &err);
                    EXPECT(status == FN_ERR_VALUE && err.status == FN_ERR_VALUE && bad == at,
                           "%s: %g at %zu: status %d, pixel %zu", fn_simd_name(simd), beyond[b], at, status, bad);
                    EXPECT_ERROR_TEXT(err, "%s", err.text);
                    in[at] = 3.5;
                    status = fn_expr_run_simd(expr, simd, N, &plane, &sink, scratch, NULL, NULL);
                    EXPECT(status == FN_OK && out[at] == 4, "%s: status %d, 3.5 is %" PRId64, fn_simd_name(simd),
                           status, out[at]);
                    size_t other = at >= 3 ? at - 3 : at + 3;
                    int64_t want = other % 3 == 0   ? (INT64_C(1) << 53) - 1
                                   : other % 3 == 1 ? 77
                                   : is_signed      ? 1 - (INT64_C(1) << 53)
                                                    : 0;
                    EXPECT(out[other] == want, "%s: %" PRId64 ", not %" PRId64, fn_simd_name(simd), out[other], want);
                }
        }
    free(scratch);
    fn_expr_free(expr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(instruction_sets),
        UNIT(special_values),
        UNIT(random_values),
        UNIT(constant_operands),
        UNIT(divisions_by_constants),
        UNIT(every_half),
        UNIT(loads),
        UNIT(stores),
        UNIT(stores_of_infinities),
        UNIT(stores_of_small_floats),
        UNIT(every_type_comes_back),
        UNIT(wide_integers_in),
        UNIT(wide_integers_out),
    };
    return check_main(tests);
}
