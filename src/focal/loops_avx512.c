/* The loops for AVX-512; run only where the machine has it. */
#include <immintrin.h>

#define FN_LOOPS fn_focal_loops_avx512
#define FN_WIDTH 8
#define FN_VECTOR __m512d
#define FN_VLOAD(p) _mm512_loadu_pd(p)
#define FN_VSTORE(p, v) _mm512_storeu_pd(p, v)
#define FN_VSET(x) _mm512_set1_pd(x)
#define FN_VLEAST(a, b) _mm512_min_pd(a, b)
#define FN_VMOST(a, b) _mm512_max_pd(a, b)
#define FN_VIF(x, a, b) _mm512_mask_blend_pd(_mm512_cmp_pd_mask(x, x, _CMP_UNORD_Q), a, b)
#define FN_FLOATS_WIDTH 16
#define FN_FLOATS __m512
#define FN_FLOAD(p) _mm512_loadu_ps(p)
#define FN_FSTORE(p, v) _mm512_storeu_ps(p, v)
#define FN_FLEAST(a, b) _mm512_min_ps(a, b)
#define FN_FMOST(a, b) _mm512_max_ps(a, b)
#define FN_RANKS_WIDTH 16
#define FN_RANKS_BELOW(p, limit)                                                                                       \
    ((unsigned)_mm512_cmplt_epu32_mask(_mm512_loadu_si512(p), _mm512_set1_epi32((int)(limit))))
#include "loops_template.h"
