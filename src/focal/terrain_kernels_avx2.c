/* The loops for AVX2 and FMA; run only where the machine has them. */
#include <immintrin.h>
#include <sleef.h>

#define FN_TERRAIN_TABLE fn_terrain_avx2
#define FN_WIDTH 4
#define FN_VECTOR __m256d
#define FN_VLOAD(p) _mm256_loadu_pd(p)
#define FN_VSTORE(p, v) _mm256_storeu_pd(p, v)
#define FN_SLEEF(f) Sleef_finz_##f##d4_u10avx2
#include "terrain_kernels_template.h"
