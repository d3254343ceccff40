/* The kernels of one instruction set: a loop over a block of doubles for every operation, load and store.
 *
 * kernels_template.h holds the loops; kernels_plain.c, kernels_avx2.c and kernels_avx512.c compile it three times.
 * Plain is the reference: the others must give the same bits. */
#ifndef FN_KERNELS_H
#define FN_KERNELS_H

#include "fishnet/expr.h"
#include "ops.h"

/* Pixels in a block: three registers of 4 KB fit the first-level cache with room for the planes, also where it has
 * eight ways of 4 KB. A kernel may run on to the next multiple of FN_LANES, so registers are always whole blocks. */
#define FN_BLOCK 512
#define FN_LANES 8

/* step[k] is 1 when operand k is a register, 0 when it is one constant. out may be one of the operands. */
typedef void (*fn_kernel)(double *out, const double *const *operand, const int *step, size_t n);

/* Loads n pixels (from `first`) of a plane as doubles, NoData as NaN when `nodata` is true. Returns n, or the index
 * of the first valid 64 bit integer that a double does not hold exactly. */
typedef size_t (*fn_load)(double *out, const fn_plane *plane, size_t first, size_t n, bool nodata);
/* Casts n doubles into a sink. Returns n, or the index of the first valid value from 2^53 on (64 bit integers only). */
typedef size_t (*fn_store)(const fn_sink *sink, size_t first, const double *in, size_t n);

/* Which branches of where() no value of a condition takes: 1, that of true; 2, that of false. `nodata`: NaN takes none;
 * else it is true. */
typedef unsigned (*fn_judge)(const double *condition, size_t n, bool nodata);

/* Of one operation on Float32 that gives Float32. */
typedef struct fn_float32_operands {
    const float *in[2]; /* NULL: the constant */
    float constant[2];
    float nodata[2]; /* that are loaded as NaN; NaN: none */
    float *out;
    float stored_nodata, beside; /* for NaN; for what is equal to that */
} fn_float32_operands;
typedef void (*fn_float32_kernel)(const fn_float32_operands *operands, size_t n);

typedef struct fn_kernels {
    fn_kernel ieee[FN_OP_COUNT];
    fn_kernel nodata[FN_OP_COUNT];
    fn_load load[FN_TYPE_COUNT];
    fn_store store[FN_TYPE_COUNT];
    fn_float32_kernel float32[FN_OP_COUNT]; /* NULL: Float32 would give other bits, or is not worth it */
    fn_judge judge;
    fn_simd simd;
} fn_kernels;

extern const fn_kernels fn_kernels_plain;
#ifdef FN_X86
extern const fn_kernels fn_kernels_avx2;
extern const fn_kernels fn_kernels_avx512;
#endif

/* Set once before the first kernel runs: plain code uses the fused forms of SLEEF too, so that all sets agree. */
bool fn_cpu_has_fma(void);
const fn_kernels *fn_kernels_get(fn_simd simd);

#endif
