/* What is told of an input that is resampled, so that gdalwarp can be asked for the same pixels. */
#ifndef FN_FISHNET_WARP_COMMAND_H
#define FN_FISHNET_WARP_COMMAND_H

#include "warped_input.h"

namespace fishnet
{

/* The command of GDAL that makes the same pixels, where they are exact: otherwise there is none. Empty also where
 * gdalwarp would not see all of what is valid. */
std::string WarpCommand(const InputOnGrid &own, const WarpSource &source, const Warping &warping);

} // namespace fishnet

#endif
