/* The loops for AVX2; run only where the machine has it. */
#define FN_SUMS_TABLE fn_sums_avx2
#define FN_SUMS_WIDTH 4
#include "sums_template.h"
