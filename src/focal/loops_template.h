/* Included once for each instruction set, after defining
 *   FN_LOOPS    name of the table
 *   FN_VECTOR   vector of FN_WIDTH doubles, with FN_VLOAD(p), FN_VSTORE(p, v), FN_VSET(x), and FN_VLEAST(a, b),
 *               FN_VMOST(a, b): the smaller and the larger of two that are no NaN, and FN_VIF(x, a, b): a where x is no
 *               NaN, else b
 *   FN_FLOATS   vector of FN_FLOATS_WIDTH floats, with FN_FLOAD... in the same way
 *   FN_RANKS_BELOW(p, limit)  a bit for each of the FN_RANKS_WIDTH ranks at p: is it below the limit?
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

/* `leave` may be NULL. */
static void slide_counts(int32_t *count, const double *enter, const double *leave, size_t n)
{
    if (leave)
        EACH(n) count[i] += (enter[i] == enter[i]) - (leave[i] == leave[i]);
    else
        EACH(n) count[i] += enter[i] == enter[i];
}

static void subtract_counts(double *out, const int32_t *end, const int32_t *begin, bool add, size_t n)
{
    if (add)
        EACH(n) out[i] += (double)(end[i] - begin[i]);
    else
        EACH(n) out[i] = (double)(end[i] - begin[i]);
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

/* A part without a value has a p of NaN, and sums of 0. Where p is infinite the sums are NaN, whatever d is. */
/* A part without a value has a p of NaN, and sums of 0. Where a p is infinite the sums are NaN, whatever d is. */
static void merge_sparse_moments(fn_parts out, fn_parts a, fn_parts b, double cells, size_t n)
{
    (void)cells;
    double *sum = out.of[0], *squares = out.of[1], *first = out.of[2], *count = out.of[3];
    const double *sa = a.of[0], *qa = a.of[1], *pa = a.of[2], *na = a.of[3];
    const double *sb = b.of[0], *qb = b.of[1], *pb = b.of[2], *nb = b.of[3];
    EACH(n)
    {
        const double p = pa[i], difference = pb[i] - p, d = difference == difference ? difference : 0;
        const double moved = sb[i] + nb[i] * d, q = qb[i] + d * (sb[i] + moved);
        sum[i] = sa[i] + moved;
        squares[i] = qa[i] + q;
        first[i] = p == p ? p : pb[i];
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
        for (; i + FN_WIDTH <= n; i += FN_WIDTH) {                                                                     \
            FN_VECTOR all = FN_VLOAD(terms[0] + i);                                                                    \
            for (size_t t = 1; t < n_terms; t++)                                                                       \
                all = one_vector(all, FN_VLOAD(terms[t] + i));                                                         \
            FN_VSTORE(out + i, all);                                                                                   \
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

/* ---- moments of cells, and of parts ---- */

/* What stays in registers is written once, for vectors and for the cells that are left. */
#define SCALAR_LOAD(p) (*(p))
#define SCALAR_STORE(p, v) (*(p) = (v))
#define SCALAR_SET(x) (x)
#define SCALAR_IF(x, a, b) ((x) == (x) ? (a) : (b))
#define BY_VECTORS(body)                                                                                               \
    size_t i = 0;                                                                                                      \
    for (; i + FN_WIDTH <= n; i += FN_WIDTH)                                                                           \
        body(FN_VECTOR, FN_VLOAD, FN_VSTORE, FN_VSET, FN_VIF);                                                         \
    for (; i < n; i++)                                                                                                 \
    body(double, SCALAR_LOAD, SCALAR_STORE, SCALAR_SET, SCALAR_IF)

/* The difference of p to itself is NaN where p is infinite. */
#define CELLS_OF_MOMENTS(real, load, store, set, vif)                                                                  \
    {                                                                                                                  \
        const real p = load((base ? base->of[2] : terms[0]) + i);                                                      \
        real sum = p - p, squares = sum;                                                                               \
        if (base) {                                                                                                    \
            sum = load(base->of[0] + i);                                                                               \
            squares = load(base->of[1] + i);                                                                           \
        }                                                                                                              \
        for (size_t t = base ? 0 : 1; t < n_terms; t++) {                                                              \
            const real d = load(terms[t] + i) - p;                                                                     \
            sum += d;                                                                                                  \
            squares += d * d;                                                                                          \
        }                                                                                                              \
        store(out.of[0] + i, sum);                                                                                     \
        store(out.of[1] + i, squares);                                                                                 \
    }

#define CELLS_OF_SPARSE_MOMENTS(real, load, store, set, vif)                                                           \
    {                                                                                                                  \
        real p = load((base ? base->of[2] : terms[0]) + i), sum = set(0), squares = set(0), count = set(0);            \
        if (base) {                                                                                                    \
            sum = load(base->of[0] + i);                                                                               \
            squares = load(base->of[1] + i);                                                                           \
            count = load(base->of[3] + i);                                                                             \
        }                                                                                                              \
        for (size_t t = 0; t < n_terms; t++) {                                                                         \
            const real x = load(terms[t] + i);                                                                         \
            p = vif(p, p, x);                                                                                          \
            const real d = vif(x, x - p, set(0));                                                                      \
            sum += d;                                                                                                  \
            squares += d * d;                                                                                          \
            count += vif(x, set(1), set(0));                                                                           \
        }                                                                                                              \
        store(out.of[0] + i, sum);                                                                                     \
        store(out.of[1] + i, squares);                                                                                 \
        store(out.of[2] + i, p);                                                                                       \
        store(out.of[3] + i, count);                                                                                   \
    }

/* As merge_moments(), of many parts. */
#define PARTS_OF_MOMENTS(real, load, store, set, vif)                                                                  \
    {                                                                                                                  \
        const real p = load(parts[0].of[2] + i);                                                                       \
        real sum = load(parts[0].of[0] + i), squares = load(parts[0].of[1] + i);                                       \
        for (size_t t = 1; t < n_parts; t++) {                                                                         \
            const real s = load(parts[t].of[0] + i), d = load(parts[t].of[2] + i) - p, moved = s + set(cells[t]) * d;  \
            sum += moved;                                                                                              \
            squares += load(parts[t].of[1] + i) + d * (s + moved);                                                     \
        }                                                                                                              \
        store(out.of[0] + i, sum);                                                                                     \
        store(out.of[1] + i, squares);                                                                                 \
    }

#define PARTS_OF_SPARSE_MOMENTS(real, load, store, set, vif)                                                           \
    {                                                                                                                  \
        real p = load(parts[0].of[2] + i), sum = load(parts[0].of[0] + i), squares = load(parts[0].of[1] + i);         \
        for (size_t t = 1; t < n_parts; t++) {                                                                         \
            const real s = load(parts[t].of[0] + i), first = load(parts[t].of[2] + i), apart = first - p;              \
            const real d = vif(apart, apart, set(0)), moved = s + load(parts[t].of[3] + i) * d;                        \
            p = vif(p, p, first);                                                                                      \
            sum += moved;                                                                                              \
            squares += load(parts[t].of[1] + i) + d * (s + moved);                                                     \
        }                                                                                                              \
        store(out.of[0] + i, sum);                                                                                     \
        store(out.of[1] + i, squares);                                                                                 \
        store(out.of[2] + i, p);                                                                                       \
    }

static void moments_of_cells(fn_parts out, const fn_parts *base, const double *const *terms, size_t n_terms, size_t n)
{
    BY_VECTORS(CELLS_OF_MOMENTS)
}

static void sparse_moments_of_cells(fn_parts out, const fn_parts *base, const double *const *terms, size_t n_terms,
                                    size_t n)
{
    BY_VECTORS(CELLS_OF_SPARSE_MOMENTS)
}

static void moments_of_parts(fn_parts out, const fn_parts *parts, const double *cells, size_t n_parts, size_t n)
{
    BY_VECTORS(PARTS_OF_MOMENTS)
}

static void sparse_moments_of_parts(fn_parts out, const fn_parts *parts, const double *cells, size_t n_parts, size_t n)
{
    (void)cells;
    BY_VECTORS(PARTS_OF_SPARSE_MOMENTS)
}

/* ---- weights ---- */

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

/* Exchanges X(a, b) of values in registers: a gets the smaller one. Wires are the values of columns, column by column;
 * those for medians begin with sorted columns, and end with the median in the middle. That of 25 was found by a random
 * search; test_focal_medians proves it for all 6^5 columns of zeros and ones (Knuth, 5.3.4, the 0-1 principle). */
#define SORT_3(X) X(0, 1) X(1, 2) X(0, 1)
#define SORT_5(X) X(0, 1) X(3, 4) X(2, 4) X(2, 3) X(1, 4) X(0, 3) X(0, 2) X(1, 3) X(1, 2)
#define MEDIAN_9(X) X(0, 3) X(3, 6) X(2, 5) X(2, 8) X(1, 4) X(4, 7) X(1, 4) X(4, 6) X(2, 6) X(2, 4)
// clang-format off
#define MEDIAN_25(X)                                                                                                   \
    X(0, 15) X(11, 16) X(5, 15) X(12, 22) X(13, 23) X(2, 7) X(13, 8) X(2, 17) X(16, 21) X(14, 24) X(14, 22) X(4, 14)   \
    X(3, 18) X(0, 5) X(5, 11) X(3, 13) X(18, 8) X(10, 15) X(17, 22) X(13, 24) X(13, 18) X(1, 6) X(14, 19) X(6, 21)     \
    X(11, 6) X(9, 14) X(15, 13) X(1, 16) X(7, 23) X(17, 7) X(3, 6) X(20, 15) X(9, 4) X(6, 16) X(10, 15) X(13, 21)      \
    X(4, 18) X(4, 14) X(17, 16) X(9, 6) X(2, 12) X(16, 4) X(6, 11) X(13, 12) X(17, 13) X(12, 7) X(13, 16) X(12, 15)    \
    X(15, 16) X(13, 12) X(12, 11) X(15, 12) X(12, 11)
// clang-format on

/* Wires `first` and `n_out` - 1 more are given. */
#define IN_REGISTERS(name, exchanges, n, first, n_out, real, vector, width, load, store, X)                            \
    static void name(void *const *out, const void *const *at, size_t lanes)                                            \
    {                                                                                                                  \
        for (size_t i = 0; i < lanes; i += width) {                                                                    \
            vector w[n];                                                                                               \
            _Pragma("GCC unroll 25") for (int k = 0; k < n; k++) w[k] = load((const real *)at[k] + i);                 \
            exchanges(X);                                                                                              \
            _Pragma("GCC unroll 5") for (int k = 0; k < n_out; k++) store((real *)out[k] + i, w[first + k]);           \
        }                                                                                                              \
    }
#define EXCHANGE_FLOATS(a, b)                                                                                          \
    {                                                                                                                  \
        const FN_FLOATS x = w[a], y = w[b];                                                                            \
        w[a] = FN_FLEAST(x, y);                                                                                        \
        w[b] = FN_FMOST(x, y);                                                                                         \
    }
#define EXCHANGE_DOUBLES(a, b)                                                                                         \
    {                                                                                                                  \
        const FN_VECTOR x = w[a], y = w[b];                                                                            \
        w[a] = FN_VLEAST(x, y);                                                                                        \
        w[b] = FN_VMOST(x, y);                                                                                         \
    }
#define OF_FLOATS float, FN_FLOATS, FN_FLOATS_WIDTH, FN_FLOAD, FN_FSTORE, EXCHANGE_FLOATS
#define OF_DOUBLES double, FN_VECTOR, FN_WIDTH, FN_VLOAD, FN_VSTORE, EXCHANGE_DOUBLES
#define EXPANDED(macro, ...) macro(__VA_ARGS__)

EXPANDED(IN_REGISTERS, sort_3_f32, SORT_3, 3, 0, 3, OF_FLOATS)
EXPANDED(IN_REGISTERS, sort_5_f32, SORT_5, 5, 0, 5, OF_FLOATS)
EXPANDED(IN_REGISTERS, median_9_f32, MEDIAN_9, 9, 4, 1, OF_FLOATS)
EXPANDED(IN_REGISTERS, median_25_f32, MEDIAN_25, 25, 12, 1, OF_FLOATS)
EXPANDED(IN_REGISTERS, sort_3_f64, SORT_3, 3, 0, 3, OF_DOUBLES)
EXPANDED(IN_REGISTERS, sort_5_f64, SORT_5, 5, 0, 5, OF_DOUBLES)
EXPANDED(IN_REGISTERS, median_9_f64, MEDIAN_9, 9, 4, 1, OF_DOUBLES)
EXPANDED(IN_REGISTERS, median_25_f64, MEDIAN_25, 25, 12, 1, OF_DOUBLES)

#include "slide_template.h"

const fn_focal_loops FN_LOOPS = {
    .any_missing = any_missing,
    .all_floats = all_floats,
    .fill = fill_missing,
    .slide_counts = slide_counts,
    .subtract_counts = subtract_counts,
    .merge = {merge_sum, merge_least, merge_most, merge_moments, merge_sparse_moments},
    .terms = {add_terms, least_of_terms, most_of_terms},
    .cells = {moments_of_cells, sparse_moments_of_cells},
    .parts = {moments_of_parts, sparse_moments_of_parts},
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
    .sort_3 = {sort_3_f64, sort_3_f32},
    .sort_5 = {sort_5_f64, sort_5_f32},
    .median_9 = {median_9_f64, median_9_f32},
    .median_25 = {median_25_f64, median_25_f32},
    .slide_ranks = slide_ranks,
    .slide_boxes = slide_boxes,
    .slide_classes = slide_classes,
};
