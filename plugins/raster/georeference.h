/* Where the pixels of a raster lie on the ground, as the core wants to know it. */
#ifndef FN_FISHNET_GEOREFERENCE_H
#define FN_FISHNET_GEOREFERENCE_H

#include <gdal.h>

#include "fishnet/georeference.h"

namespace fishnet
{

fn_georeference GeoreferenceOf(GDALDatasetH dataset);

} // namespace fishnet

#endif
