/* A program over many rasters in phases, each of which needs a few of them: what it computes on the way is kept in
 * planes of doubles. Not for expressions that look around. */
#ifndef FN_PHASES_H
#define FN_PHASES_H

#include "program.h"

/* Cuts the program of the outputs, so that no phase needs more than `most` rasters, unless one instruction does. */
fn_status fn_expr_cut_phases(fn_expr *expr, int most, fn_error *err);
void fn_phases_destroy(fn_expr *expr);

#endif
