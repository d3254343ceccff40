/* The loops for AVX2; run only where the machine has it. */
#define FN_TERRAIN_TABLE fn_terrain_avx2
#include "terrain_kernels_template.h"
