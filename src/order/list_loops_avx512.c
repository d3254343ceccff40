#define FN_LIST_TABLE fn_list_loops_avx512
#include "list_loops_template.h"
