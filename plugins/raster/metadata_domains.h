/* What datasets and bands say of themselves, taken over by others. */
#ifndef FN_FISHNET_METADATA_DOMAINS_H
#define FN_FISHNET_METADATA_DOMAINS_H

#include <gdal.h>

namespace fishnet
{

/* All domains but those that describe the file, or that GDAL derives by itself. */
void CopyDomains(GDALMajorObjectH from, GDALMajorObjectH to);

} // namespace fishnet

#endif
