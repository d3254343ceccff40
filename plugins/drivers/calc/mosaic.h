/* The raster that a set of tiles is: a VRT or a tile index (GTI) over them. */
#ifndef FN_FISHNET_MOSAIC_H
#define FN_FISHNET_MOSAIC_H

#include "gdal_compat.h"

#include "tiles.h"

namespace fishnet
{

enum class MosaicKind { vrt, gti };

/* Can that kind of mosaic hold the raster? False after CPLError. */
bool CanBeMosaic(MosaicKind kind, GDALDataset *computed);

/* Writes the mosaic under that name, whole or not at all, with all that `computed` has beside the pixels. failures:
 * for the metadata domain FISHNET. False after CPLError. */
bool WriteMosaic(MosaicKind kind, const TileSet &tiles, GDALDataset *computed, const std::string &output,
                 const std::vector<std::string> &failures);

} // namespace fishnet

#endif
