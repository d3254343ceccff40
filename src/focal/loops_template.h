/* Included once for each instruction set, after defining FN_LOOPS, the name of the table, and FN_LOOPS_WIDTH, doubles in
 * a vector. The loops are plain C that the compiler vectorizes; contraction is off, so that all give the same bits. */
#include <math.h>
#include <string.h>

#include "loops.h"

#define EACH(n) _Pragma("omp simd") for (size_t i = 0; i < (n); i++)

static bool any_missing(const double *x, size_t n)
{
    int64_t missing = 0;
    _Pragma("omp simd reduction(| : missing)") for (size_t i = 0; i < n; i++) missing |= x[i] != x[i];
    return missing != 0;
}

/* NaN is a float, too. */
static bool all_floats(const double *x, size_t n)
{
    int64_t other = 0;
    _Pragma("omp simd reduction(| : other)") for (size_t i = 0; i < n; i++) other |=
        (x[i] == x[i]) & ((double)(float)x[i] != x[i]);
    return other == 0;
}

static void fill_missing(double *out, const double *x, double with, size_t n)
{
    EACH(n) out[i] = x[i] == x[i] ? x[i] : with;
}

static void mark_there(double *out, const double *x, size_t n)
{
    EACH(n) out[i] = x[i] == x[i] ? 1 : 0;
}

/* ---- parts ---- */

static void merge_sum(fn_parts out, fn_parts a, fn_parts b, double cells, size_t n)
{
    (void)cells;
    double *to = out.of[0];
    const double *x = a.of[0], *y = b.of[0];
    EACH(n) to[i] = x[i] + y[i];
}

static void merge_least(fn_parts out, fn_parts a, fn_parts b, double cells, size_t n)
{
    (void)cells;
    double *to = out.of[0];
    const double *x = a.of[0], *y = b.of[0];
    EACH(n) to[i] = x[i] < y[i] ? x[i] : y[i];
}

static void merge_most(fn_parts out, fn_parts a, fn_parts b, double cells, size_t n)
{
    (void)cells;
    double *to = out.of[0];
    const double *x = a.of[0], *y = b.of[0];
    EACH(n) to[i] = x[i] > y[i] ? x[i] : y[i];
}

/* Moves the sums of b to the p of a: with d = p(b) - p(a), the sum of x - p(a) is that of x - p(b) and cells * d, and
 * the sum of squares grows by d * (2 * sum + cells * d). Sums of differences from a value of the part itself do not
 * cancel: (p - mean)^2 is at most cells * variance. */
static void merge_moments(fn_parts out, fn_parts a, fn_parts b, double cells, size_t n)
{
    double *sum = out.of[0], *squares = out.of[1];
    const double *sa = a.of[0], *qa = a.of[1], *pa = a.of[2], *sb = b.of[0], *qb = b.of[1], *pb = b.of[2];
    EACH(n)
    {
        const double d = pb[i] - pa[i], moved = sb[i] + cells * d, q = qb[i] + d * (sb[i] + moved);
        sum[i] = sa[i] + moved;
        squares[i] = qa[i] + q;
    }
}

static void merge_sparse_moments(fn_parts out, fn_parts a, fn_parts b, double cells, size_t n)
{
    (void)cells;
    double *sum = out.of[0], *squares = out.of[1], *first = out.of[2], *count = out.of[3];
    const double *sa = a.of[0], *qa = a.of[1], *pa = a.of[2], *na = a.of[3];
    const double *sb = b.of[0], *qb = b.of[1], *pb = b.of[2], *nb = b.of[3];
    EACH(n)
    {
        const double p = pa[i], difference = pb[i] - p, d = nb[i] > 0 && na[i] > 0 ? difference : 0;
        const double moved = sb[i] + nb[i] * d, q = qb[i] + d * (sb[i] + moved);
        sum[i] = sa[i] + moved;
        squares[i] = qa[i] + q;
        first[i] = na[i] > 0 ? p : pb[i];
        count[i] = na[i] + nb[i];
    }
}

/* ---- terms ---- */

/* So many cells at a time stay in registers. */
enum { STRIPE = 4 * FN_LOOPS_WIDTH };
typedef double vector __attribute__((vector_size(FN_LOOPS_WIDTH * sizeof(double))));
typedef double unaligned
    __attribute__((vector_size(FN_LOOPS_WIDTH * sizeof(double)), aligned(sizeof(double)), may_alias));

static void add_terms(double *out, const double *const *terms, size_t n_terms, size_t n)
{
    size_t i = 0;
    for (; i + STRIPE <= n; i += STRIPE) {
        vector sum[4];
        _Pragma("GCC unroll 4") for (size_t k = 0; k < 4; k++) sum[k] = ((const unaligned *)(terms[0] + i))[k];
        for (size_t t = 1; t < n_terms; t++)
            _Pragma("GCC unroll 4") for (size_t k = 0; k < 4; k++) sum[k] += ((const unaligned *)(terms[t] + i))[k];
        _Pragma("GCC unroll 4") for (size_t k = 0; k < 4; k++)((unaligned *)(out + i))[k] = sum[k];
    }
    for (; i < n; i++) {
        double sum = terms[0][i];
        for (size_t t = 1; t < n_terms; t++)
            sum += terms[t][i];
        out[i] = sum;
    }
}

static void add_weighted_terms(double *out, const double *const *terms, const double *weights, size_t n_terms, size_t n)
{
    size_t i = 0;
    for (; i + STRIPE <= n; i += STRIPE) {
        vector sum[4] = {{0}};
        for (size_t t = 0; t < n_terms; t++)
            _Pragma("GCC unroll 4") for (size_t k = 0; k < 4; k++) sum[k] +=
                ((const unaligned *)(terms[t] + i))[k] * weights[t];
        _Pragma("GCC unroll 4") for (size_t k = 0; k < 4; k++)((unaligned *)(out + i))[k] = sum[k];
    }
    for (; i < n; i++) {
        double sum = 0;
        for (size_t t = 0; t < n_terms; t++)
            sum += terms[t][i] * weights[t];
        out[i] = sum;
    }
}

static void add_sparse_terms(double *out, double *weight, const double *const *terms, const double *weights,
                             size_t n_terms, size_t n)
{
    EACH(n)
    {
        out[i] = 0;
        weight[i] = 0;
    }
    for (size_t t = 0; t < n_terms; t++) {
        const double *x = terms[t], w = weights[t];
        EACH(n)
        {
            const double product = x[i] * w;
            out[i] += x[i] == x[i] ? product : 0;
            weight[i] += x[i] == x[i] ? w : 0;
        }
    }
}

static void weighted_spread(double *sum, double *squares, const double *center, const double *const *terms,
                            const double *weights, size_t n_terms, size_t n)
{
    EACH(n)
    {
        sum[i] = 0;
        squares[i] = 0;
    }
    for (size_t t = 0; t < n_terms; t++) {
        const double *x = terms[t], w = weights[t];
        EACH(n)
        {
            const double difference = x[i] - center[i], d = x[i] == x[i] ? difference : 0, wd = w * d;
            sum[i] += wd;
            squares[i] += wd * d;
        }
    }
}

/* ---- results ---- */

static void mean_of_sum(double *out, const double *sum, const double *count, double cells, size_t n)
{
    if (!count)
        EACH(n) out[i] = sum[i] / cells;
    else
        EACH(n) out[i] = sum[i] / count[i];
}

static void variance_of_sums(double *out, const double *sum, const double *squares, const double *count, double cells,
                             bool root, size_t n)
{
    EACH(n)
    {
        const double all = count ? count[i] : cells, s = sum[i], q = squares[i];
        const double v = (q - s * s / all) / all, big = q == (double)INFINITY && s - s == 0 ? q : v;
        out[i] = big < 0 ? 0 : big;
    }
    if (root)
        EACH(n) out[i] = sqrt(out[i]);
}

static void apply_policy(double *out, const double *count, double least, const double *centre, size_t n)
{
    if (centre)
        EACH(n) out[i] = count[i] < least || centre[i] != centre[i] ? (double)NAN : out[i] + 0.0;
    else
        EACH(n) out[i] = count[i] < least ? (double)NAN : out[i] + 0.0;
}

static void tidy(double *out, size_t n)
{
    EACH(n) out[i] += 0.0;
}

/* ---- networks ---- */

static void lanes_f32(void *out, const double *x, size_t n)
{
    float *to = out;
    EACH(n) to[i] = x[i] == x[i] ? (float)x[i] : (float)INFINITY;
}

static void lanes_f64(void *out, const double *x, size_t n)
{
    fill_missing(out, x, (double)INFINITY, n);
}

#define EXCHANGE(name, real)                                                                                           \
    static void name(const void *a, const void *b, void *lo, void *hi)                                                 \
    {                                                                                                                  \
        const real *x = a, *y = b;                                                                                     \
        real *least = lo, *most = hi;                                                                                  \
        if (lo && hi)                                                                                                  \
            EACH(FN_LANES_OF_NETWORK)                                                                                  \
            {                                                                                                          \
                const real p = x[i], q = y[i];                                                                         \
                least[i] = p < q ? p : q;                                                                              \
                most[i] = p > q ? p : q;                                                                               \
            }                                                                                                          \
        else if (lo)                                                                                                   \
            EACH(FN_LANES_OF_NETWORK) least[i] = x[i] < y[i] ? x[i] : y[i];                                            \
        else                                                                                                           \
            EACH(FN_LANES_OF_NETWORK) most[i] = x[i] > y[i] ? x[i] : y[i];                                             \
    }

EXCHANGE(exchange_f32, float)
EXCHANGE(exchange_f64, double)

#include "slide_template.h"

const fn_focal_loops FN_LOOPS = {
    .any_missing = any_missing,
    .all_floats = all_floats,
    .fill = fill_missing,
    .there = mark_there,
    .merge = {merge_sum, merge_least, merge_most, merge_moments, merge_sparse_moments},
    .add = add_terms,
    .add_weighted = add_weighted_terms,
    .add_sparse = add_sparse_terms,
    .deviations = weighted_spread,
    .mean = mean_of_sum,
    .variance = variance_of_sums,
    .policy = apply_policy,
    .tidy = tidy,
    .lanes_f32 = lanes_f32,
    .lanes_f64 = lanes_f64,
    .exchange_f32 = exchange_f32,
    .exchange_f64 = exchange_f64,
    .slide_ranks = slide_ranks,
    .slide_classes = slide_classes,
};
