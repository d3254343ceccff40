/* The loops over the values of a page: sums_template.h, compiled for plain C and for AVX2. Both give the same bits:
 * values go round by eight lanes whatever the vectors' width, and lanes are added up in one order.
 *
 * x: n values, NaN where there is none; n is a multiple of FN_SUM_LANES. */
#ifndef FN_SUMS_H
#define FN_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "double_double.h"
#include "fishnet/base.h"

#define FN_SUM_LANES 8

typedef struct fn_survey {
    int64_t count;
    double min, max; /* inf and -inf where count is 0 */
    double sum;      /* rounded at each step; exact where page.c can tell */
} fn_survey;

/* Sums of the distances from a center. */
typedef struct fn_deviations {
    double sum, squares;
} fn_deviations;

typedef struct fn_weighted_sums {
    fn_dd weight, sum;
} fn_weighted_sums;

/* n values of a type as doubles, NaN where `valid` (or NULL) is 0 and where they equal nodata. Not of 64 bit
 * integers. */
typedef void (*fn_load_values)(const void *values, const uint8_t *valid, double nodata, size_t n, double *x);

typedef struct fn_sum_kernels {
    fn_load_values load[FN_TYPE_COUNT];
    void (*survey)(const double *x, size_t n, fn_survey *out);
    /* As if in twice the precision (Ogita, Rump and Oishi 2005, Sum2, in each lane). */
    void (*sum)(const double *x, size_t n, fn_dd *out);
    void (*deviations)(const double *x, size_t n, double center, fn_deviations *out);
    /* w: weights, NaN or 0 where there is none: the value counts nothing then. */
    void (*weighted_sums)(const double *x, const double *w, size_t n, fn_weighted_sums *out);
    void (*weighted_deviations)(const double *x, const double *w, size_t n, double center, fn_deviations *out);
} fn_sum_kernels;

extern const fn_sum_kernels fn_sums_plain;
#ifdef FN_X86
extern const fn_sum_kernels fn_sums_avx2;
#endif

/* The best that the machine has; FISHNET_SIMD=plain in the environment of the first call lowers it. */
const fn_sum_kernels *fn_sums_best(void);

#endif
