/* The loops for AVX-512; run only where the machine has it. */
#define FN_TERRAIN_TABLE fn_terrain_avx512
#include "terrain_kernels_template.h"
