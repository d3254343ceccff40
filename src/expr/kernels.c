/* The kernels of an instruction set. */
#include "kernels.h"

bool fn_cpu_has_fma(void)
{
#ifdef FN_X86
    return __builtin_cpu_supports("fma") != 0;
#else
    return false;
#endif
}

const fn_kernels *fn_kernels_get(fn_simd simd)
{
    switch (simd) {
#ifdef FN_X86
    case FN_SIMD_AVX512:
        return &fn_kernels_avx512;
    case FN_SIMD_AVX2:
        return &fn_kernels_avx2;
#endif
    default:
        return &fn_kernels_plain;
    }
}
