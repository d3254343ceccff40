/* OUTPUT=SINGLE: one GeoTIFF, whose blocks the workers compute and encode. */
#ifndef FN_FISHNET_SINGLE_H
#define FN_FISHNET_SINGLE_H

namespace fishnet
{

/* Whether there is a COMPRESS of that name. */
bool CanCompress(const char *codec);

} // namespace fishnet

#endif
