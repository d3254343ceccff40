/* Windows that may be asked for. */
#ifndef FN_ZONAL_WINDOW_H
#define FN_ZONAL_WINDOW_H

#include "fishnet/grid.h"

/* Whether its rows and columns are within 0..INT32_MAX. False and FN_ERR_ARGUMENT if not. */
bool fn_window_is_within(fn_window window, fn_error *err);

#endif
