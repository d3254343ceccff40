/* Inputs that lie elsewhere, brought onto one grid: each becomes a VRT over itself, by its text, which any worker opens
 * as it would open a file. */
#ifndef FN_FISHNET_ONTO_GRID_H
#define FN_FISHNET_ONTO_GRID_H

#include "output_grid.h"

namespace fishnet
{

/* Those that lie on the grid already stay as they are. computes: their bands are values of an expression, in floating
 * point where resampling makes fractions; else they keep their types. handles: the inputs, which are opened again
 * where they have become others. False after CPLError. */
bool BringOntoGrid(Inputs &inputs, InputHandles &handles, const OutputGrid &grid, const fn_grid_options &options,
                   bool computes);

/* The files of an input, those of what it was before it was brought onto a grid. handle: open, or NULL. For
 * CSLDestroy(). */
char **FilesOf(const Input &input, GDALDatasetH handle);

} // namespace fishnet

#endif
