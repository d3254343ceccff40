/* The loops without special instructions, and which of the two the machine runs. */
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>

#define FP_FAST_FMA /* declares SLEEF's fused forms, which this file calls only where the machine has FMA */
#include <sleef.h>
#undef FP_FAST_FMA

#define FN_TERRAIN_TABLE fn_terrain_plain
#define FN_WIDTH 1
#define FN_VECTOR double
#define FN_VLOAD(p) (*(p))
#define FN_VSTORE(p, v) (*(p) = (v))
#ifdef FN_X86
/* On a machine with FMA the fused forms, so that plain code gives the bits of the vector code. */
#define FN_SLEEF(f) (__builtin_cpu_supports("fma") ? Sleef_finz_##f##d1_u10purecfma : Sleef_cinz_##f##d1_u10purec)
#else
#define FN_SLEEF(f) Sleef_cinz_##f##d1_u10purec
#endif
#include "terrain_kernels_template.h"

const fn_terrain_kernels *fn_terrain_kernels_best(void)
{
#ifdef FN_X86
    static atomic_int known = -1;
    int fast = atomic_load(&known);
    if (fast < 0) {
        const char *limit = getenv("FISHNET_SIMD");
        fast = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               !(limit && strcasecmp(limit, "plain") == 0);
        atomic_store(&known, fast);
    }
    if (fast)
        return &fn_terrain_avx2;
#endif
    return &fn_terrain_plain;
}
