/* The loops without special instructions, and those of an instruction set. */
#define FN_TERRAIN_TABLE fn_terrain_plain
#include "terrain_kernels_template.h"

const fn_terrain_kernels *fn_terrain_kernels_get(fn_simd simd)
{
    switch (simd) {
#ifdef FN_X86
    case FN_SIMD_AVX512:
        return &fn_terrain_avx512;
    case FN_SIMD_AVX2:
        return &fn_terrain_avx2;
#endif
    default:
        return &fn_terrain_plain;
    }
}
