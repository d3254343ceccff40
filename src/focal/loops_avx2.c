/* The loops for AVX2; run only where the machine has it. */
#define FN_LOOPS fn_focal_loops_avx2
#define FN_LOOPS_WIDTH 4
#include "loops_template.h"
