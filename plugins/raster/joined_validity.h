/* What says which cells of an input are valid, where that is more than GDAL's warper sees at once: said by one mask. */
#ifndef FN_FISHNET_JOINED_VALIDITY_H
#define FN_FISHNET_JOINED_VALIDITY_H

#include "vrt_text.h"
#include "warp_source.h"

namespace fishnet
{

/* Is its NoData value, of 64 bits, one that the warper cannot write? Other bands have it where they have no value. */
bool IsRounded(const BandFacts &band);
/* Whether the warper would lose some of it: it sees NoData values or a mask that all bands share, and opaqueness of
 * Byte or UInt16. */
bool MustJoin(const std::vector<BandFacts> &bands);
/* The text of a VRT of one band of an input, as the warper is to read it. Its mask is 0 where the band's own mask is 0,
 * where it has its NoData value, or where the dataset is transparent; the alpha band has none. Empty after CPLError. */
std::string JoinedText(const Input &input, const WarpSource &source, const std::vector<BandFacts> &bands, int band);
/* The text of a VRT of the same cells, all of which are valid. Empty after CPLError. */
std::string AllValidText(const WarpSource &source);

} // namespace fishnet

#endif
