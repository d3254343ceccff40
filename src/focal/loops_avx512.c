/* The loops for AVX-512; run only where the machine has it. */
#define FN_LOOPS fn_focal_loops_avx512
#define FN_LOOPS_WIDTH 8
#include "loops_template.h"
