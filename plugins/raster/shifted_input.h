/* An input that is shifted by whole cells. */
#ifndef FN_FISHNET_SHIFTED_INPUT_H
#define FN_FISHNET_SHIFTED_INPUT_H

#include "grid_placement.h"
#include "vrt_text.h"

namespace fishnet
{

/* The text of a VRT; empty after CPLError. Its pixels are those of the input; where it has none, they are NoData, or
 * `outside`: all of them, if they lie apart. */
std::string ShiftedText(const InputOnGrid &own, const Placement &placed);

/* The value of an alpha band where a raster is opaque. */
std::string Opaque(fn_type type);

/* Can all bands hold the number that they are outside of the raster? most: of 64 bits, that is not rounded on its way.
 * False after CPLError. */
bool CheckOutside(const InputOnGrid &own, const std::vector<BandFacts> &bands, int64_t most);

} // namespace fishnet

#endif
