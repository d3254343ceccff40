#include "output_grid.h"

namespace fishnet
{

bool ChooseGrid(const Inputs &, const InputHandles &handles, const fn_grid_options &, OutputGrid &grid)
{
    GDALDatasetH first = handles[0];
    GDALGetGeoTransform(first, grid.geotransform);
    grid.width = GDALGetRasterXSize(first);
    grid.height = GDALGetRasterYSize(first);
    if (OGRSpatialReferenceH srs = GDALGetSpatialRef(first)) {
        grid.srs.reset(OSRClone(srs));
        OSRSetAxisMappingStrategy(grid.srs.get(), OAMS_TRADITIONAL_GIS_ORDER);
    }
    return true;
}

} // namespace fishnet
