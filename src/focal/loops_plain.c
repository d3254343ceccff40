/* The loops without special instructions, and those of an instruction set. */
#define FN_LOOPS fn_focal_loops_plain
#define FN_WIDTH 1
#define FN_VECTOR double
#define FN_VLOAD(p) (*(p))
#define FN_VSTORE(p, v) (*(p) = (v))
#define FN_VSET(x) (x)
#define FN_VLEAST(a, b) LEAST_OF(a, b)
#define FN_VMOST(a, b) MOST_OF(a, b)
#define FN_VIF(x, a, b) ((x) == (x) ? (a) : (b))
#define FN_FLOATS_WIDTH 1
#define FN_FLOATS float
#define FN_FLOAD(p) (*(p))
#define FN_FSTORE(p, v) (*(p) = (v))
#define FN_FLEAST(a, b) LEAST_OF(a, b)
#define FN_FMOST(a, b) MOST_OF(a, b)
#define FN_RANKS_WIDTH 1
#define FN_RANKS_BELOW(p, limit) (*(p) < (limit) ? 1u : 0u)
#include "loops_template.h"

const fn_focal_loops *fn_focal_loops_get(fn_simd simd)
{
    switch (simd) {
#ifdef FN_X86
    case FN_SIMD_AVX512:
        return &fn_focal_loops_avx512;
    case FN_SIMD_AVX2:
        return &fn_focal_loops_avx2;
#endif
    default:
        return &fn_focal_loops_plain;
    }
}
