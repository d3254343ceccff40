/* Included once for each instruction set, after defining
 *   FN_LOOPS    name of the table
 *   FN_VECTOR   vector of FN_WIDTH doubles, with FN_VLOAD(p), FN_VSTORE(p, v), FN_VSET(x), and FN_VLEAST(a, b),
 *               FN_VMOST(a, b): the smaller and the larger of two that are no NaN
 *   FN_FLOATS   vector of FN_FLOATS_WIDTH floats, with FN_FLOAD... in the same way
 * Loops are plain C that the compiler vectorizes, but where values are to stay in registers. Contraction is off, so
 * that all give the same bits. */
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

/* So many cells at a time stay in registers: four vectors. */
enum { STRIPE = 4 * FN_WIDTH };
#define FOUR _Pragma("GCC unroll 4") for (size_t k = 0; k < 4; k++)

#define SUM_OF(a, b) ((a) + (b))
#define LEAST_OF(a, b) ((a) < (b) ? (a) : (b))
#define MOST_OF(a, b) ((a) > (b) ? (a) : (b))

/* out: all terms as one, first to last. */
#define TERMS(name, one, one_vector)                                                                                   \
    static void name(double *out, const double *const *terms, size_t n_terms, size_t n)                                \
    {                                                                                                                  \
        size_t i = 0;                                                                                                  \
        for (; i + STRIPE <= n; i += STRIPE) {                                                                         \
            FN_VECTOR all[4];                                                                                          \
            FOUR all[k] = FN_VLOAD(terms[0] + i + k * FN_WIDTH);                                                       \
            for (size_t t = 1; t < n_terms; t++)                                                                       \
                FOUR all[k] = one_vector(all[k], FN_VLOAD(terms[t] + i + k * FN_WIDTH));                               \
            FOUR FN_VSTORE(out + i + k * FN_WIDTH, all[k]);                                                            \
        }                                                                                                              \
        for (; i < n; i++) {                                                                                           \
            double all = terms[0][i];                                                                                  \
            for (size_t t = 1; t < n_terms; t++)                                                                       \
                all = one(all, terms[t][i]);                                                                           \
            out[i] = all;                                                                                              \
        }                                                                                                              \
    }

TERMS(add_terms, SUM_OF, SUM_OF)
TERMS(least_of_terms, LEAST_OF, FN_VLEAST)
TERMS(most_of_terms, MOST_OF, FN_VMOST)

static void add_weighted_terms(double *out, const double *const *terms, const double *weights, size_t n_terms, size_t n)
{
    size_t i = 0;
    for (; i + STRIPE <= n; i += STRIPE) {
        FN_VECTOR sum[4];
        FOUR sum[k] = FN_VSET(0);
        for (size_t t = 0; t < n_terms; t++)
            FOUR sum[k] += FN_VLOAD(terms[t] + i + k * FN_WIDTH) * FN_VSET(weights[t]);
        FOUR FN_VSTORE(out + i + k * FN_WIDTH, sum[k]);
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

/* One division, so that the variance of whole numbers is exact as far as n * squares is. */
static void variance_of_sums(double *out, const double *sum, const double *squares, const double *count, double cells,
                             bool root, size_t n)
{
    EACH(n)
    {
        const double all = count ? count[i] : cells, s = sum[i], q = all * squares[i];
        const double v = (q - s * s) / (all * all), big = q == (double)INFINITY && s - s == 0 ? q : v;
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

/* A wire's values stay in memory, all lanes of an exchange at a time. */
#define NETWORK(name, real, vector, width, load, store, least, most)                                                   \
    static void name(const fn_exchange *all, size_t n, const void **at, void *wires, size_t lanes)                     \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const fn_exchange x = all[i];                                                                              \
            const real *a = at[x.a], *b = at[x.b];                                                                     \
            real *low = (real *)wires + x.a * lanes, *high = (real *)wires + x.b * lanes;                              \
            at[x.a] = low;                                                                                             \
            at[x.b] = high;                                                                                            \
            if (x.low && x.high)                                                                                       \
                for (size_t k = 0; k < lanes; k += width) {                                                            \
                    const vector p = load(a + k), q = load(b + k);                                                     \
                    store(low + k, least(p, q));                                                                       \
                    store(high + k, most(p, q));                                                                       \
                }                                                                                                      \
            else if (x.low)                                                                                            \
                for (size_t k = 0; k < lanes; k += width)                                                              \
                    store(low + k, least(load(a + k), load(b + k)));                                                   \
            else                                                                                                       \
                for (size_t k = 0; k < lanes; k += width)                                                              \
                    store(high + k, most(load(a + k), load(b + k)));                                                   \
        }                                                                                                              \
    }

NETWORK(network_f32, float, FN_FLOATS, FN_FLOATS_WIDTH, FN_FLOAD, FN_FSTORE, FN_FLEAST, FN_FMOST)
NETWORK(network_f64, double, FN_VECTOR, FN_WIDTH, FN_VLOAD, FN_VSTORE, FN_VLEAST, FN_VMOST)

/* The median of an odd number of values, in registers: of half of them and two more the least and the most cannot be
 * it, and give way to the next value, until three are left. That takes more exchanges than a network, but no memory. */
#define MEDIAN(name, real, cells, vector, width, load, store, least, most)                                             \
    static void name(real *out, const void *const *at, size_t lanes)                                                   \
    {                                                                                                                  \
        enum { HALF = cells / 2 + 2 };                                                                                 \
        for (size_t i = 0; i < lanes; i += width) {                                                                    \
            vector w[HALF];                                                                                            \
            _Pragma("GCC unroll 16") for (int k = 0; k < HALF; k++) w[k] = load((const real *)at[k] + i);              \
            _Pragma("GCC unroll 16") for (int m = HALF; m >= 3; m--)                                                   \
            {                                                                                                          \
                _Pragma("GCC unroll 16") for (int k = 0; k < m / 2; k++)                                               \
                {                                                                                                      \
                    const vector a = w[k], b = w[m - 1 - k];                                                           \
                    w[k] = least(a, b);                                                                                \
                    w[m - 1 - k] = most(a, b);                                                                         \
                }                                                                                                      \
                _Pragma("GCC unroll 16") for (int k = 1; k < (m + 1) / 2; k++)                                         \
                {                                                                                                      \
                    const vector a = w[0], b = w[k];                                                                   \
                    w[0] = least(a, b);                                                                                \
                    w[k] = most(a, b);                                                                                 \
                }                                                                                                      \
                _Pragma("GCC unroll 16") for (int k = m / 2; k < m - 1; k++)                                           \
                {                                                                                                      \
                    const vector a = w[k], b = w[m - 1];                                                               \
                    w[k] = least(a, b);                                                                                \
                    w[m - 1] = most(a, b);                                                                             \
                }                                                                                                      \
                if (m > 3)                                                                                             \
                    w[0] = load((const real *)at[HALF + (HALF - m)] + i);                                              \
            }                                                                                                          \
            store(out + i, w[1]);                                                                                      \
        }                                                                                                              \
    }

MEDIAN(median_9_f32, float, 9, FN_FLOATS, FN_FLOATS_WIDTH, FN_FLOAD, FN_FSTORE, FN_FLEAST, FN_FMOST)
MEDIAN(median_25_f32, float, 25, FN_FLOATS, FN_FLOATS_WIDTH, FN_FLOAD, FN_FSTORE, FN_FLEAST, FN_FMOST)
MEDIAN(median_9_f64, double, 9, FN_VECTOR, FN_WIDTH, FN_VLOAD, FN_VSTORE, FN_VLEAST, FN_VMOST)
MEDIAN(median_25_f64, double, 25, FN_VECTOR, FN_WIDTH, FN_VLOAD, FN_VSTORE, FN_VLEAST, FN_VMOST)

static void median_of_lanes(void *out, const void *const *at, size_t cells, bool floats, size_t lanes)
{
    if (floats)
        (cells == 9 ? median_9_f32 : median_25_f32)(out, at, lanes);
    else
        (cells == 9 ? median_9_f64 : median_25_f64)(out, at, lanes);
}

#include "slide_template.h"

const fn_focal_loops FN_LOOPS = {
    .any_missing = any_missing,
    .all_floats = all_floats,
    .fill = fill_missing,
    .there = mark_there,
    .merge = {merge_sum, merge_least, merge_most, merge_moments, merge_sparse_moments},
    .terms = {add_terms, least_of_terms, most_of_terms},
    .add_weighted = add_weighted_terms,
    .add_sparse = add_sparse_terms,
    .deviations = weighted_spread,
    .mean = mean_of_sum,
    .variance = variance_of_sums,
    .policy = apply_policy,
    .tidy = tidy,
    .lanes_f32 = lanes_f32,
    .lanes_f64 = lanes_f64,
    .network_f32 = network_f32,
    .network_f64 = network_f64,
    .median = median_of_lanes,
    .slide_ranks = slide_ranks,
    .slide_boxes = slide_boxes,
    .slide_classes = slide_classes,
};
