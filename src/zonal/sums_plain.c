/* The loops without special instructions, and which of the two the machine runs. */
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>

#define FN_SUMS_TABLE fn_sums_plain
#define FN_SUMS_WIDTH 2
#include "sums_template.h"

const fn_sum_kernels *fn_sums_best(void)
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
        return &fn_sums_avx2;
#endif
    return &fn_sums_plain;
}
