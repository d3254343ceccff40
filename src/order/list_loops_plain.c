#define FN_LIST_TABLE fn_list_loops_plain
#include "list_loops_template.h"
