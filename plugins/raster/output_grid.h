/* The grid of a result where options say it: EXTENT, CELL_SIZE, SNAP and CRS. */
#ifndef FN_FISHNET_OUTPUT_GRID_H
#define FN_FISHNET_OUTPUT_GRID_H

#include "fishnet/grid_options.h"
#include "inputs.h"

namespace fishnet
{

/* North up, unless it is that of the first input as it is. */
struct OutputGrid {
    double geotransform[6] = {0, 1, 0, 0, 0, 1};
    int width = 0, height = 0;
    SRSHandle srs; /* NULL: none. x or longitude first */
};

/* The files that options name beside the inputs: what a result depends on, too. */
std::vector<std::string> FilesOf(const fn_grid_options &options);

/* What options do not say is as in the first input. Messages say the cell size where it was found by FINEST or
 * COARSEST. False after CPLError: an input without a geotransform or a CRS where one is needed, extents that have
 * nothing in common, a CRS that there is no transformation to, too many cells. */
bool ChooseGrid(const Inputs &inputs, const InputHandles &handles, const fn_grid_options &options, OutputGrid &grid);

} // namespace fishnet

#endif
