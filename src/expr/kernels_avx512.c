/* Kernels for AVX-512 (F, DQ, BW, VL); compiled with those instructions, run only where the machine has them. */
#include <immintrin.h>
#include <sleef.h>

#define FN_TABLE fn_kernels_avx512
#define FN_SIMD_HERE FN_SIMD_AVX512
#define FN_WIDTH 8
#define FN_VECTOR __m512d
#define FN_VLOAD(p) _mm512_loadu_pd(p)
#define FN_VSTORE(p, v) _mm512_storeu_pd(p, v)
#define FN_VMIN(a, b) _mm512_min_pd(a, b)
#define FN_VMAX(a, b) _mm512_max_pd(a, b)
#define FN_VSET(x) _mm512_set1_pd(x)
#define FN_SLEEF1(f, ulp) Sleef_finz_##f##d8_##ulp##avx512f
#define FN_SLEEF2(f, ulp) Sleef_finz_##f##d8_##ulp##avx512f
#define FN_FMA_OR(a, b) (a)
#include "kernels_template.h"
