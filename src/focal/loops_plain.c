/* The loops without special instructions, and those of an instruction set. */
#define FN_LOOPS fn_focal_loops_plain
#define FN_LOOPS_WIDTH 2
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
