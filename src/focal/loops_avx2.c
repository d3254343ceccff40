/* The loops for AVX2; run only where the machine has it. */
#include <immintrin.h>

#define FN_LOOPS fn_focal_loops_avx2
#define FN_WIDTH 4
#define FN_VECTOR __m256d
#define FN_VLOAD(p) _mm256_loadu_pd(p)
#define FN_VSTORE(p, v) _mm256_storeu_pd(p, v)
#define FN_VSET(x) _mm256_set1_pd(x)
#define FN_VLEAST(a, b) _mm256_min_pd(a, b)
#define FN_VMOST(a, b) _mm256_max_pd(a, b)
#define FN_VIF(x, a, b) _mm256_blendv_pd(a, b, _mm256_cmp_pd(x, x, _CMP_UNORD_Q))
#define FN_FLOATS_WIDTH 8
#define FN_FLOATS __m256
#define FN_FLOAD(p) _mm256_loadu_ps(p)
#define FN_FSTORE(p, v) _mm256_storeu_ps(p, v)
#define FN_FLEAST(a, b) _mm256_min_ps(a, b)
#define FN_FMOST(a, b) _mm256_max_ps(a, b)
#define FN_RANKS_WIDTH 8
#define FN_RANKS_BELOW(p, limit)                                                                                       \
    ((unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(                                                                 \
        _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(limit)), _mm256_loadu_si256((const __m256i *)(const void *)(p))))))
#include "loops_template.h"
