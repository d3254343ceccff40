/* Included once for each instruction set, after defining
 *   FN_SUMS_TABLE  name of the table
 *   FN_SUMS_WIDTH  doubles in a vector
 *   FN_SUMS_LEAST(a, b), FN_SUMS_MOST(a, b)  a where it is smaller (greater), else b; or neither of the two
 * The vectors are those of the compiler. Contraction is off, so that all variants compute the same bits. */
#include <string.h>

#include "sums.h"

enum { WIDTH = FN_SUMS_WIDTH, VECTORS = FN_SUM_LANES / WIDTH };
typedef double vector __attribute__((vector_size(WIDTH * sizeof(double))));
typedef int64_t mask __attribute__((vector_size(WIDTH * sizeof(int64_t))));
typedef double unaligned __attribute__((vector_size(WIDTH * sizeof(double)), aligned(sizeof(double)), may_alias));

#define LOAD(p, i, k) (*(const unaligned *)((p) + (i) + (k)*WIDTH))
/* x where the mask is set, else +0, which changes no sum: none is -0, as all begin with +0. */
#define WHERE(m, x) ((vector)((m) & (mask)(x)))
#define CHOOSE(m, a, b) ((vector)(((m) & (mask)(a)) | (~(m) & (mask)(b))))
#ifndef FN_SUMS_LEAST
#define FN_SUMS_LEAST(a, b) CHOOSE((a) < (b), a, b)
#define FN_SUMS_MOST(a, b) CHOOSE((a) > (b), a, b)
#endif

/* `#pragma GCC unroll` keeps the vectors in registers. */
#define EACH_VECTOR _Pragma("GCC unroll 4") for (size_t k = 0; k < VECTORS; k++)

/* The lanes' sums, one after the other. What they have lost to rounding comes along. */
static void add_lanes(const vector *sum, const vector *lost, fn_dd *out)
{
    *out = (fn_dd){0, 0};
    for (size_t k = 0; k < VECTORS; k++)
        for (size_t j = 0; j < WIDTH; j++)
            *out = fn_dd_add(*out, fn_two_sum(sum[k][j], isfinite(sum[k][j]) ? lost[k][j] : 0));
}

static double add_up(const vector *sum)
{
    double all = 0;
    for (size_t k = 0; k < VECTORS; k++)
        for (size_t j = 0; j < WIDTH; j++)
            all += sum[k][j];
    return all;
}

typedef uint8_t flags __attribute__((vector_size(WIDTH), aligned(1), may_alias));

#define LOAD_VALUES(name, ctype)                                                                                       \
    typedef ctype some_##name __attribute__((vector_size(WIDTH * sizeof(ctype)), aligned(sizeof(ctype)), may_alias));  \
    static void load_##name(const void *values, const uint8_t *valid, double nodata, size_t n, double *x)              \
    {                                                                                                                  \
        const ctype *v = values;                                                                                       \
        const vector none = (vector){0} + (double)NAN, missing = (vector){0} + nodata;                                 \
        size_t i = 0;                                                                                                  \
        for (; i + WIDTH <= n; i += WIDTH) {                                                                           \
            vector some = __builtin_convertvector(*(const some_##name *)(v + i), vector);                              \
            some = CHOOSE(some == missing, none, some);                                                                \
            if (valid)                                                                                                 \
                some = CHOOSE(__builtin_convertvector(*(const flags *)(valid + i) != 0, mask), some, none);            \
            *(unaligned *)(x + i) = some;                                                                              \
        }                                                                                                              \
        for (; i < n; i++)                                                                                             \
            x[i] = (!valid || valid[i]) && (double)v[i] != nodata ? (double)v[i] : (double)NAN;                        \
    }

static void load_f16(const void *values, const uint8_t *valid, double nodata, size_t n, double *x)
{
    const uint16_t *v = values;
    for (size_t i = 0; i < n; i++) {
        const uint64_t exponent = v[i] >> 10 & 31, digits = v[i] & 1023;
        const uint64_t bits = (exponent + 1008) << 52 | digits << 42; /* a normal number's */
        double magnitude;
        memcpy(&magnitude, &bits, sizeof magnitude);
        magnitude = exponent == 0 ? (double)digits * 0x1p-24 : magnitude;
        magnitude = exponent < 31 ? magnitude : digits ? (double)NAN : (double)INFINITY;
        const double value = v[i] & 0x8000 ? -magnitude : magnitude;
        x[i] = (valid && !valid[i]) || value == nodata ? (double)NAN : value;
    }
}

LOAD_VALUES(u8, uint8_t)
LOAD_VALUES(i8, int8_t)
LOAD_VALUES(u16, uint16_t)
LOAD_VALUES(i16, int16_t)
LOAD_VALUES(u32, uint32_t)
LOAD_VALUES(i32, int32_t)
LOAD_VALUES(f32, float)
LOAD_VALUES(f64, double)

static void survey(const double *x, size_t n, fn_survey *out)
{
    vector least[VECTORS], most[VECTORS], all[VECTORS];
    mask count[VECTORS];
    for (size_t k = 0; k < VECTORS; k++) {
        all[k] = (vector){0};
        least[k] = all[k] + (double)INFINITY;
        most[k] = -least[k];
        count[k] = (mask){0};
    }
    for (size_t i = 0; i < n; i += FN_SUM_LANES)
        EACH_VECTOR
        {
            const vector v = LOAD(x, i, k);
            const mask there = v == v;
            count[k] -= there;
            all[k] += WHERE(there, v);
            least[k] = FN_SUMS_LEAST(v, least[k]);
            most[k] = FN_SUMS_MOST(v, most[k]);
        }
    *out = (fn_survey){0, INFINITY, -INFINITY, add_up(all)};
    for (size_t k = 0; k < VECTORS; k++)
        for (size_t j = 0; j < WIDTH; j++) {
            out->count += count[k][j];
            out->min = least[k][j] < out->min ? least[k][j] : out->min;
            out->max = most[k][j] > out->max ? most[k][j] : out->max;
        }
}

static void sum(const double *x, size_t n, fn_dd *out)
{
    vector all[VECTORS] = {{0}}, lost[VECTORS] = {{0}};
    for (size_t i = 0; i < n; i += FN_SUM_LANES)
        EACH_VECTOR
        {
            const vector x_ = LOAD(x, i, k), v = WHERE(x_ == x_, x_);
            const vector s = all[k] + v, t = s - all[k];
            lost[k] += (all[k] - (s - t)) + (v - t);
            all[k] = s;
        }
    add_lanes(all, lost, out);
}

static void deviations(const double *x, size_t n, double center, fn_deviations *out)
{
    const vector c = (vector){0} + center;
    vector all[VECTORS] = {{0}}, squares[VECTORS] = {{0}};
    for (size_t i = 0; i < n; i += FN_SUM_LANES)
        EACH_VECTOR
        {
            const vector v = LOAD(x, i, k), d = WHERE(v == v, v - c);
            all[k] += d;
            squares[k] += d * d;
        }
    *out = (fn_deviations){add_up(all), add_up(squares)};
}

static void weighted_sums(const double *x, const double *w, size_t n, fn_weighted_sums *out)
{
    const vector split = (vector){0} + 134217729;
    vector weight[VECTORS] = {{0}}, weight_lost[VECTORS] = {{0}}, all[VECTORS] = {{0}}, lost[VECTORS] = {{0}};
    for (size_t i = 0; i < n; i += FN_SUM_LANES)
        EACH_VECTOR
        {
            const vector x_ = LOAD(x, i, k), w_ = LOAD(w, i, k);
            const mask there = (x_ == x_) & (w_ == w_) & (w_ != 0);
            const vector a = WHERE(there, x_), b = WHERE(there, w_), p = a * b;
            /* fn_two_product() */
            const vector ca = split * a, ah = ca - (ca - a), al = a - ah;
            const vector cb = split * b, bh = cb - (cb - b), bl = b - bh;
            const vector e = al * bl - (((p - ah * bh) - al * bh) - ah * bl), finite = e - e;
            const vector s = all[k] + p, t = s - all[k];
            lost[k] += (all[k] - (s - t)) + (p - t) + WHERE(finite == finite, e);
            all[k] = s;
            const vector ws = weight[k] + b, wt = ws - weight[k];
            weight_lost[k] += (weight[k] - (ws - wt)) + (b - wt);
            weight[k] = ws;
        }
    add_lanes(weight, weight_lost, &out->weight);
    add_lanes(all, lost, &out->sum);
}

static void weighted_deviations(const double *x, const double *w, size_t n, double center, fn_deviations *out)
{
    const vector c = (vector){0} + center;
    vector all[VECTORS] = {{0}}, squares[VECTORS] = {{0}};
    for (size_t i = 0; i < n; i += FN_SUM_LANES)
        EACH_VECTOR
        {
            const vector v = LOAD(x, i, k), w_ = LOAD(w, i, k);
            const mask there = (v == v) & (w_ == w_) & (w_ != 0);
            const vector d = WHERE(there, v - c), wd = WHERE(there, w_) * d;
            all[k] += wd;
            squares[k] += wd * d;
        }
    *out = (fn_deviations){add_up(all), add_up(squares)};
}

const fn_sum_kernels FN_SUMS_TABLE = {{[FN_UINT8] = load_u8,
                                       [FN_INT8] = load_i8,
                                       [FN_UINT16] = load_u16,
                                       [FN_INT16] = load_i16,
                                       [FN_UINT32] = load_u32,
                                       [FN_INT32] = load_i32,
                                       [FN_FLOAT16] = load_f16,
                                       [FN_FLOAT32] = load_f32,
                                       [FN_FLOAT64] = load_f64},
                                      survey,
                                      sum,
                                      deviations,
                                      weighted_sums,
                                      weighted_deviations};
