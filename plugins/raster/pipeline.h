/* What a source is made of, as far as it decides how it must be read: VRT files, pipelines of the gdal command, and
 * what they read. */
#ifndef FN_FISHNET_PIPELINE_H
#define FN_FISHNET_PIPELINE_H

#include <cstdint>
#include <memory>
#include <string>

#include <gdal.h>

#include "remote.h"
#include "vrt_sources.h"

namespace fishnet
{

struct Pipeline {
    /* Rows are computed from the rows around them (slope and the like), or are stored as a whole: tiles of full
     * width. */
    bool rows = false;
    bool computesRows = false;
    int blockHeight = 1; /* of what is stored: so many rows are decoded together */
    int halo = 0;        /* rows above and below that a row is computed from */
    bool warped = false; /* blocks are computed as a whole, in all bands at once */
    bool allBands = false;
    /* GDAL before 3.12.3 clears more than a derived band's part of a buffer: what lies below another VRT is right in
     * windows of one row. */
    bool oneRow = false;
    /* GDAL before 3.11 reads the sources of a derived band in the type that is asked for: a wide one clips nothing. */
    bool wide = false;
    /* A GeoTIFF: its blocks lie side by side in a file, and a pixel is the same in whatever window it is read. */
    bool isStored = false;
    /* Of a VRT: files whose pixels it has as they are. NULL: it is more than that, or no VRT. */
    std::shared_ptr<const VrtSources> sources;
    RemoteStorage remote; /* how it is stored beyond a network, if it is */
    int levels = 0;       /* of VRT files, each of which keeps a dataset of GDAL's pool in use while it is read */
};

/* Opens no more than a few files that the source names. Silent; what cannot be found out is left out. */
Pipeline LookInto(GDALDatasetH dataset, const std::string &path);

} // namespace fishnet

#endif
