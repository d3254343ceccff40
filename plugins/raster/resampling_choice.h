/* How an input is resampled where nobody says it. */
#ifndef FN_FISHNET_RESAMPLING_CHOICE_H
#define FN_FISHNET_RESAMPLING_CHOICE_H

#include <string>

#include "fishnet/grid_options.h"
#include "warp_source.h"

namespace fishnet
{

/* Classes are never mixed: near. Else bilinear, or average where a cell of the grid has more than two of the raster's.
 * reason: "band 1 has a colour table". */
fn_resampling ChooseResampling(GDALDatasetH dataset, const CellRatio &ratio, std::string &reason);

/* Does it make values that no cell of the raster has? */
bool MakesFractions(fn_resampling method);
/* Does it weigh cells by a kernel, whose size GDAL's XSCALE and YSCALE say? */
bool HasKernel(fn_resampling method);

} // namespace fishnet

#endif
