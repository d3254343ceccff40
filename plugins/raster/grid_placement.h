/* How the cells of a raster lie to those of a grid in the same CRS: as far as whole numbers say it, nothing needs to be
 * resampled. */
#ifndef FN_FISHNET_GRID_PLACEMENT_H
#define FN_FISHNET_GRID_PLACEMENT_H

#include <cstdint>

#include "fishnet/grid.h"

namespace fishnet
{

struct Placement {
    enum class Kind {
        kSame,    /* cell by cell */
        kShifted, /* by whole cells */
        kNested,  /* cells of one consist of whole cells of the other, in each direction */
        kElsewhere
    };
    Kind kind = Kind::kElsewhere;
    bool isApart = false; /* they have nothing in common; kind says nothing then */
    /* Shifted: the grid's part in common, and where that begins in the raster. */
    fn_window common = {};
    int64_t x = 0, y = 0;
    /* Nested: in units of the smaller cells, from the grid's corner: where the raster begins, and the sizes of its
     * cells and of the grid's. */
    double origin[2] = {}, rasterCell[2] = {}, gridCell[2] = {};
    double off = 0; /* how far that is from where they lie, in smaller cells */

    /* Nested: do the centres of the grid's cells lie between cells of the raster? */
    bool IsTied() const;
};

/* A raster or a grid. */
struct Lattice {
    double geotransform[6];
    int64_t width, height;
};

/* Both corners of what they have in common lie within a thousandth of a cell of whole cells, else they are
 * elsewhere. */
Placement PlacementOf(const Lattice &raster, const Lattice &grid);

} // namespace fishnet

#endif
