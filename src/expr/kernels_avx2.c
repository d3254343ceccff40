/* Kernels for AVX2 and FMA; compiled with those instructions, run only where the machine has them. */
#include <immintrin.h>
#include <sleef.h>

#define FN_TABLE fn_kernels_avx2
#define FN_SIMD_HERE FN_SIMD_AVX2
#define FN_WIDTH 4
#define FN_VECTOR __m256d
#define FN_VLOAD(p) _mm256_loadu_pd(p)
#define FN_VSTORE(p, v) _mm256_storeu_pd(p, v)
#define FN_VMIN(a, b) _mm256_min_pd(a, b)
#define FN_VMAX(a, b) _mm256_max_pd(a, b)
#define FN_VSET(x) _mm256_set1_pd(x)
#define FN_SLEEF1(f, ulp) Sleef_finz_##f##d4_##ulp##avx2
#define FN_SLEEF2(f, ulp) Sleef_finz_##f##d4_##ulp##avx2
#define FN_FMA_OR(a, b) (a)
#include "kernels_template.h"
