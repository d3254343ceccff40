/* Where a raster lies: its geotransform, size and CRS, for whoever compares grids. */
#ifndef FN_FISHNET_RASTER_PLACE_H
#define FN_FISHNET_RASTER_PLACE_H

#include <string>

#include "crs_extent.h"

namespace fishnet
{

/* Corners that are so near to those of cells are on them, in cells. */
constexpr double kWholeCells = 1e-3;

struct Place {
    std::string what; /* "B (b.tif)", "SNAP=b.tif" */
    double geotransform[6] = {0, 1, 0, 0, 0, 1};
    int width = 0, height = 0;
    SRSHandle srs; /* NULL: none */

    bool IsRotated() const { return geotransform[2] != 0.0 || geotransform[4] != 0.0; }
    Area Whole() const { return Area::Of(geotransform, width, height); }
    /* The cell in the middle. */
    Area Centre() const
    {
        const double *gt = geotransform, x = width / 2, y = height / 2;
        const double moved[6] = {gt[0] + x * gt[1] + y * gt[2], gt[1], gt[2],
                                 gt[3] + x * gt[4] + y * gt[5], gt[4], gt[5]};
        return Area::Of(moved, 1, 1);
    }
};

/* The same, x or longitude first; NULL of NULL. */
SRSHandle CopyCRS(OGRSpatialReferenceH srs);
/* Fills all but `what`, which messages call it. False after CPLError: it has no geotransform, or none that can be
 * inverted. */
bool Locate(const char *driver, GDALDatasetH dataset, Place &place);
/* How far its corners are from those of the cells of a grid that is north up, the farthest of two that are opposite,
 * -0.5 to 0.5 cells. False: its cells are not of the same size, from the first to the last. */
bool OffsetIn(const Place &place, const double *grid, double *x, double *y);

} // namespace fishnet

#endif
