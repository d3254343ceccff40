/* The loops over rows of cells: loops_template.h, compiled for plain C, AVX2 and AVX-512. All give the same bits: a
 * cell is computed by itself, in one order, whatever the width of vectors. */
#ifndef FN_FOCAL_LOOPS_H
#define FN_FOCAL_LOOPS_H

#include <stddef.h>
#include <stdint.h>

#include "exchanges.h"
#include "fishnet/simd.h"

/* What is known of a part of a window, for each of a row of windows. Which arrays there are depends on how parts are
 * merged:
 *   SUM, LEAST, MOST    of[0]
 *   MOMENTS             of[0]: sum of x - p, of[1]: sum of (x - p)^2, of[2]: p, the first value of the part
 *   SPARSE_MOMENTS      the same of the cells that have a value, with p NaN where there is none; of[3]: their number */
typedef struct fn_parts {
    double *of[4];
} fn_parts;

typedef enum fn_merging {
    FN_MERGE_SUM = 0,
    FN_MERGE_LEAST,
    FN_MERGE_MOST,
    FN_MERGE_MOMENTS,
    FN_MERGE_SPARSE_MOMENTS,
    FN_MERGE_COUNT
} fn_merging;

/* out = a and b; cells: of each part of b. out may be a; and a and b may lie in one array, b behind a. MOMENTS: the
 * values p of out are those of a, and are not written. */
typedef void (*fn_merge)(fn_parts out, fn_parts a, fn_parts b, double cells, size_t n);

/* Runs n exchanges over many lanes. at[i]: the lanes of wire i; a value that an exchange sets goes to those of the wire
 * in `wires`, and at[i] follows. lanes: a multiple of FN_NETWORK_LANES. */
#define FN_NETWORK_LANES 16
typedef void (*fn_run_network)(const fn_exchange *all, size_t n, const void **at, void *wires, size_t lanes);

/* The same for a few wires at once, without memory between the exchanges. Wires and lanes as above, in `at`; out may be
 * the same. */
typedef void (*fn_in_registers)(void *const *out, const void *const *at, size_t lanes);

/* out: all terms as one, first to last. */
typedef void (*fn_terms)(double *out, const double *const *terms, size_t n_terms, size_t n);

/* out: cells, behind those of `base` where it is not NULL. MOMENTS: the values p are those of base, or the first term,
 * and are not written. */
typedef void (*fn_cells_as_part)(fn_parts out, const fn_parts *base, const double *const *terms, size_t n_terms,
                                 size_t n);
/* out: parts of so many cells each, which matters in MOMENTS; without the number of values, which nobody asks for. */
typedef void (*fn_parts_as_one)(fn_parts out, const fn_parts *parts, const double *cells, size_t n_parts, size_t n);

struct fn_tile;

typedef struct fn_focal_loops {
    bool (*any_missing)(const double *x, size_t n);
    bool (*all_floats)(const double *x, size_t n);                     /* none changes as a float */
    void (*fill)(double *out, const double *x, double with, size_t n); /* `with` where there is no value */
    /* count: grows by the values of a row that enters, less those of one that leaves (or NULL). */
    void (*slide_counts)(int32_t *count, const double *enter, const double *leave, size_t n);
    /* out: end - begin; add: to what is there. */
    void (*subtract_counts)(double *out, const int32_t *end, const int32_t *begin, bool add, size_t n);
    fn_merge merge[FN_MERGE_COUNT];
    fn_terms terms[FN_MERGE_MOST + 1]; /* sum, least, most */
    /* Of MOMENTS and SPARSE_MOMENTS. */
    fn_cells_as_part cells[2];
    fn_parts_as_one parts[2];
    /* The sum of terms, each with a weight. */
    void (*add_weighted)(double *out, const double *const *terms, const double *weights, size_t n_terms, size_t n);
    /* The same of terms with missing values: out, and the sum of the weights of the others. */
    void (*add_sparse)(double *out, double *weight, const double *const *terms, const double *weights, size_t n_terms,
                       size_t n);
    /* The sums of w (x - center) and w (x - center)^2. */
    void (*deviations)(double *sum, double *squares, const double *center, const double *const *terms,
                       const double *weights, size_t n_terms, size_t n);
    /* Of count (or NULL: `cells` each) values. */
    void (*mean)(double *out, const double *sum, const double *count, double cells, size_t n);
    /* Of sums as MOMENTS has them, of count (or NULL: `cells`) values, or of weights of that sum. root: its root. */
    void (*variance)(double *out, const double *sum, const double *squares, const double *count, double cells,
                     bool root, size_t n);
    /* out: NaN where count < least or, unless NULL, centre has no value. A zero becomes +0. */
    void (*policy)(double *out, const double *count, double least, const double *centre, size_t n);
    void (*tidy)(double *out, size_t n); /* a zero becomes +0 */
    /* Values as the lanes of a network; those without one become inf. */
    void (*lanes_f32)(void *out, const double *x, size_t n);
    void (*lanes_f64)(void *out, const double *x, size_t n);
    fn_run_network network_f32, network_f64;
    /* Of doubles and of floats: the values of a column, sorted; the median of sorted columns. */
    fn_in_registers sort_3[2], sort_5[2], median_9[2], median_25[2];
    /* The answers for a block, by windows that slide over its tile. */
    void (*slide_ranks)(const struct fn_tile *tile);
    void (*slide_boxes)(const struct fn_tile *tile);
    void (*slide_classes)(const struct fn_tile *tile);
} fn_focal_loops;

extern const fn_focal_loops fn_focal_loops_plain;
#ifdef FN_X86
extern const fn_focal_loops fn_focal_loops_avx2, fn_focal_loops_avx512;
#endif

const fn_focal_loops *fn_focal_loops_get(fn_simd simd);

#endif
