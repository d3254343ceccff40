#include "georeference.h"

#include <ogr_srs_api.h>

namespace fishnet
{

fn_georeference GeoreferenceOf(GDALDatasetH dataset)
{
    fn_georeference g = {};
    g.width = GDALGetRasterXSize(dataset);
    g.height = GDALGetRasterYSize(dataset);
    g.known = GDALGetGeoTransform(dataset, g.geotransform) == CE_None;
    OGRSpatialReferenceH srs = GDALGetSpatialRef(dataset);
    if (!srs)
        return g;
    g.geographic = OSRIsGeographic(srs);
    if (g.geographic) {
        OGRErr failed = OGRERR_NONE;
        const double inverse = OSRGetInvFlattening(srs, &failed);
        g.semi_major = OSRGetSemiMajor(srs, &failed);
        g.flattening = inverse > 0 ? 1 / inverse : 0;
        g.radians = OSRGetAngularUnits(srs, nullptr);
    } else if (OSRIsProjected(srs) || OSRIsLocal(srs))
        g.metres = OSRGetLinearUnits(srs, nullptr);
    return g;
}

} // namespace fishnet
