/* An input as GDAL's warper reads it: at one resolution, with the transformation from a grid's cells to its own. */
#ifndef FN_FISHNET_WARP_SOURCE_H
#define FN_FISHNET_WARP_SOURCE_H

#include "grid_placement.h"
#include "output_grid.h"

namespace fishnet
{

struct DestroyTransformer {
    void operator()(void *transformer) const;
};
using Transformer = std::unique_ptr<void, DestroyTransformer>;

/* Cells of an input in a cell of the grid, in its columns and rows. */
struct CellRatio {
    double x = 1, y = 1;
};

struct WarpSource {
    DatasetHandle dataset;
    CPLStringList openOptions; /* that it was opened with */
    int overview = -1;         /* -1: the raster itself */
    Transformer transformer;   /* exact */
    CellRatio ratio;
};

/* Opens an input at an overview level, or -1. nested: how it lies in the grid, where the transformation is to be that
 * of whole numbers, or NULL. False after CPLError. */
bool OpenWarpSource(const Input &input, const OutputGrid &grid, int overview, const Placement *nested,
                    WarpSource &source);
/* The coarsest overview level from which a grid's cell has at least `least` cells, each way; -1: there is none. */
int CoarsestOverview(const WarpSource &source, double least);
/* A CRS without what is vertical, x or longitude first. NULL stays NULL. */
SRSHandle HorizontalOf(OGRSpatialReferenceH srs);
/* The same CRS, but for what is vertical? Where one of two is missing, it is taken to be that of the other. */
bool IsSameHorizontally(OGRSpatialReferenceH a, OGRSpatialReferenceH b);

} // namespace fishnet

#endif
