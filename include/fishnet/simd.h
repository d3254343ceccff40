/* fishnet/simd.h - the instruction sets for which loops are built.
 *
 * The best one that the machine has is chosen at run time. All give the same bits on any machine that has FMA (all
 * x86-64 since 2013); on older ones transcendental functions may differ in the last bit. The environment variable
 * FISHNET_SIMD (plain, avx2, avx512), read once, lowers the choice, for tests and for bug reports.
 */
#ifndef FISHNET_SIMD_H
#define FISHNET_SIMD_H

#include "fishnet/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fn_simd { FN_SIMD_PLAIN = 0, FN_SIMD_AVX2, FN_SIMD_AVX512, FN_SIMD_COUNT } fn_simd;
bool fn_simd_available(fn_simd simd);   /* whether this machine can run it */
fn_simd fn_simd_best(void);             /* what this machine can run, lowered by FISHNET_SIMD */
const char *fn_simd_name(fn_simd simd); /* "plain", "avx2", "avx512" */

#ifdef __cplusplus
}
#endif
#endif
