/* Which instruction sets this machine can run. */
#include "fishnet/simd.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>

bool fn_simd_available(fn_simd simd)
{
    switch (simd) {
    case FN_SIMD_PLAIN:
        return true;
#ifdef FN_X86
    case FN_SIMD_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case FN_SIMD_AVX512:
        return fn_simd_available(FN_SIMD_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl");
#endif
    default:
        return false;
    }
}

const char *fn_simd_name(fn_simd simd)
{
    static const char *const names[FN_SIMD_COUNT] = {"plain", "avx2", "avx512"};
    return (unsigned)simd < FN_SIMD_COUNT ? names[simd] : "unknown";
}

fn_simd fn_simd_best(void)
{
    static atomic_int known = -1;
    int best = atomic_load(&known);
    if (best < 0) {
        best = FN_SIMD_COUNT - 1;
        const char *limit = getenv("FISHNET_SIMD");
        for (int i = 0; limit && i < FN_SIMD_COUNT; i++)
            if (strcasecmp(limit, fn_simd_name((fn_simd)i)) == 0)
                best = i;
        while (!fn_simd_available((fn_simd)best))
            best--;
        atomic_store(&known, best);
    }
    return (fn_simd)best;
}
