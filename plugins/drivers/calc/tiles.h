/* OUTPUT=TILES: a raster cut into a grid of tiles, each a file that one worker computes and writes. */
#ifndef FN_FISHNET_TILES_H
#define FN_FISHNET_TILES_H

#include <string>
#include <vector>

#include <cpl_string.h>

#include "fishnet/grid.h"

namespace fishnet
{

/* Which tiles there are, and how they are written. */
struct TileSet {
    std::string folder;             /* that they go to */
    std::string format;             /* the driver that writes them */
    std::string extension;          /* of their files, without a dot */
    CPLStringList options;          /* of that driver */
    std::vector<int> columns, rows; /* edges in pixels: one more than there are tiles, from 0 to the raster's size */

    int64_t Count() const { return static_cast<int64_t>((columns.size() - 1) * (rows.size() - 1)); }
    fn_window Window(int64_t tile) const;
    std::string Stem(int64_t tile) const; /* "r003_c012" */
    std::string File(int64_t tile) const { return Stem(tile) + "." + extension; }
    /* Beside a tile with pixels that could not be computed (ON_ERROR=NODATA): why, a line for each. */
    std::string FailedFile(int64_t tile) const { return Stem(tile) + ".failed.txt"; }
};

/* Of an index over the tiles, in their folder, and of the raster that it is, where a VRT has it as its source. */
constexpr const char *kIndexName = "index.fgb", *kInnerGTI = "index.gti";

/* Cuts `size` pixels into `count` parts as equal as possible, between blocks where that leaves them about equal; at
 * most a part for each pixel. */
std::vector<int> EqualEdges(int size, int count, int block);

} // namespace fishnet

#endif
