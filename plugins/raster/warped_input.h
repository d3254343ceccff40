/* An input that GDAL's warper resamples. */
#ifndef FN_FISHNET_WARPED_INPUT_H
#define FN_FISHNET_WARPED_INPUT_H

#include <functional>

#include "fishnet/grid_options.h"
#include "vrt_text.h"
#include "warp_source.h"

namespace fishnet
{

/* What does not depend on which window is read. */
struct Warping {
    fn_resampling method = FN_RESAMPLING_NEAR;
    double xScale = 0, yScale = 0; /* 0: near has none */
    int block = 0;                 /* the warper computes squares of so many cells, from the grid's corner */
    double accuracy = 0;           /* cells of the raster that positions within a row of a block may be off; 0: none */
};

/* For a method, an input and a grid. */
Warping PinWarping(fn_resampling method, const WarpSource &source);
/* The text of a VRT; empty after CPLError. Takes the source's transformer. Bands that are computed with become floating
 * point where the method makes fractions. */
std::string WarpedText(const InputOnGrid &own, WarpSource &source, const Warping &warping);

/* Reads of such a VRT. What PROJ says meanwhile of places off the world is said no more, if it succeeds. */
bool ReadWarped(const std::function<bool()> &read);

} // namespace fishnet

#endif
