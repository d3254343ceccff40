/* The loops for AVX2; run only where the machine has it. */
#include <immintrin.h>

#define FN_SUMS_TABLE fn_sums_avx2
#define FN_SUMS_WIDTH 4
#define FN_SUMS_LEAST(a, b) _mm256_min_pd(a, b)
#define FN_SUMS_MOST(a, b) _mm256_max_pd(a, b)
#include "sums_template.h"
