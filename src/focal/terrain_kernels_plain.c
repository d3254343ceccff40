/* The loops without special instructions, and which of the two the machine runs. */
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>

#define FN_TERRAIN_TABLE fn_terrain_plain
#include "terrain_kernels_template.h"

const fn_terrain_kernels *fn_terrain_kernels_best(void)
{
#ifdef FN_X86
    static atomic_int known = -1;
    int fast = atomic_load(&known);
    if (fast < 0) {
        const char *limit = getenv("FISHNET_SIMD");
        fast = __builtin_cpu_supports("avx2") && !(limit && strcasecmp(limit, "plain") == 0);
        atomic_store(&known, fast);
    }
    if (fast)
        return &fn_terrain_avx2;
#endif
    return &fn_terrain_plain;
}
