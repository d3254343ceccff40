#include "raster_place.h"

#include <algorithm>
#include <cmath>

#include <cpl_conv.h>

namespace fishnet
{

static bool Fail(const char *driver, const std::string &text)
{
    CPLError(CE_Failure, CPLE_AppDefined, "%s: %s", driver, WithoutSecrets(text).c_str());
    return false;
}

SRSHandle CopyCRS(OGRSpatialReferenceH srs)
{
    SRSHandle own(srs ? OSRClone(srs) : nullptr);
    if (own)
        OSRSetAxisMappingStrategy(own.get(), OAMS_TRADITIONAL_GIS_ORDER);
    return own;
}

bool Locate(const char *driver, GDALDatasetH dataset, Place &place)
{
    double *gt = place.geotransform;
    if (GDALGetGeoTransform(dataset, gt) != CE_None) {
        const char *others = GDALGetGCPCount(dataset) > 0              ? "ground control points"
                             : GDALGetMetadata(dataset, "RPC")         ? "RPCs"
                             : GDALGetMetadata(dataset, "GEOLOCATION") ? "geolocation arrays"
                                                                       : nullptr;
        return Fail(driver, place.what + (others ? std::string(" has ") + others +
                                                       " and no geotransform: gdalwarp brings it "
                                                       "onto a grid"
                                                 : std::string(" has no geotransform, so nobody knows where it lies: "
                                                               "gdal_translate -a_ullr gives it one")));
    }
    if (!(std::abs(gt[1] * gt[5] - gt[2] * gt[4]) > 0) ||
        !std::all_of(gt, gt + 6, [](double value) { return std::isfinite(value); }))
        return Fail(driver, place.what + ": its geotransform cannot be inverted");
    place.width = GDALGetRasterXSize(dataset);
    place.height = GDALGetRasterYSize(dataset);
    place.srs = CopyCRS(GDALGetSpatialRef(dataset));
    return true;
}

/* Of first and last in cells, which are `count` apart. */
static bool Offset(double first, double last, double count, double *offset)
{
    constexpr double kSame = 2e-2; /* of a cell */
    const double a = first - std::round(first), b = last - std::round(last);
    *offset = std::abs(a) >= std::abs(b) ? a : b;
    return std::abs(std::abs(last - first) - count) <= kSame;
}

bool OffsetIn(const Place &place, const double *grid, double *x, double *y)
{
    const double *gt = place.geotransform;
    if (place.IsRotated() || grid[2] != 0.0 || grid[4] != 0.0)
        return false;
    const double left = (gt[0] - grid[0]) / grid[1], top = (gt[3] - grid[3]) / grid[5];
    return Offset(left, left + place.width * gt[1] / grid[1], place.width, x) &&
           Offset(top, top + place.height * gt[5] / grid[5], place.height, y);
}

} // namespace fishnet
