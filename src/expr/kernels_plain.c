/* Kernels without special instructions: the reference, and what runs on old machines. */
#define FP_FAST_FMA /* declares SLEEF's fused forms, which this file calls only where the machine has FMA */
#include <sleef.h>
#undef FP_FAST_FMA

#include "kernels.h"

#define FN_TABLE fn_kernels_plain
#define FN_SIMD_HERE FN_SIMD_PLAIN
#define FN_WIDTH 1
#define FN_VECTOR double
#define FN_VLOAD(p) (*(p))
#define FN_VSTORE(p, v) (*(p) = (v))
#define FN_VSET(x) (x)
#ifdef FN_X86
/* On a machine with FMA the fused forms, so that plain code gives the bits of the vector code. */
#define FN_FMA_OR(a, b) (fn_cpu_has_fma() ? (a) : (b))
#define FN_SLEEF1(f, ulp) FN_FMA_OR(Sleef_finz_##f##d1_##ulp##purecfma, Sleef_cinz_##f##d1_##ulp##purec)
#else
#define FN_FMA_OR(a, b) (b)
#define FN_SLEEF1(f, ulp) Sleef_cinz_##f##d1_##ulp##purec
#endif
#define FN_SLEEF2(f, ulp) FN_SLEEF1(f, ulp)
#include "kernels_template.h"
