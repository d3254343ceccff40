/* The raster that a set of tiles is: a VRT or a tile index (GTI) over them. A VRT is read whole when it is opened: of
 * 100,000 tiles that takes 2 s and 300 MB, of an index 10 ms and 10 MB. */
#ifndef FN_FISHNET_MOSAIC_H
#define FN_FISHNET_MOSAIC_H

#include "gdal_compat.h"

#include "tiles.h"

namespace fishnet
{

enum class MosaicKind {
    vrt,
    gti,
    vrtOverGTI, /* a VRT whose one source is an index in the folder of the tiles */
};

/* What becomes of a name that ends in .vrt, if nothing else is asked for. From 10,000 tiles on over an index, where
 * that can be moved with its tiles (GDAL 3.13), and can hold the raster. */
MosaicKind UsualMosaic(int64_t tiles, GDALDataset *computed);

/* Can that kind of mosaic hold the raster? False after CPLError. */
bool CanBeMosaic(MosaicKind kind, GDALDataset *computed);

/* Writes the mosaic under that name, whole or not at all, with all that `computed` has beside the pixels. failures:
 * for the metadata domain FISHNET. False after CPLError. */
bool WriteMosaic(MosaicKind kind, const TileSet &tiles, GDALDataset *computed, const std::string &output,
                 const std::vector<std::string> &failures);

} // namespace fishnet

#endif
