#include "inputs.h"

#include <algorithm>
#include <cmath>

#include <ogr_srs_api.h>

#include "crs_name.h"

namespace fishnet
{

/* How far the corners of two rasters are apart, in pixels of A: the largest distance, and at which corner it is. */
static double CornerDistance(double *a, const double *b, double width, double height, int *corner)
{
    double inverse[6], worst = 0;
    if (!GDALInvGeoTransform(a, inverse))
        return std::equal(a, a + 6, b) ? 0 : HUGE_VAL;
    for (int k = 0; k < 4; k++) {
        const double x = k & 1 ? width : 0, y = k & 2 ? height : 0;
        const double gx = b[0] + x * b[1] + y * b[2], gy = b[3] + x * b[4] + y * b[5];
        const double px = inverse[0] + gx * inverse[1] + gy * inverse[2];
        const double py = inverse[3] + gx * inverse[4] + gy * inverse[5];
        const double distance = std::hypot(px - x, py - y);
        if (!(distance <= worst)) {
            worst = distance;
            *corner = k;
        }
    }
    return worst;
}

/* Where a place of one raster lies in another, in pixels of that. */
static void PlaceIn(const double *inverse, const double *gt, double column, double row, double *x, double *y)
{
    const double gx = gt[0] + column * gt[1] + row * gt[2], gy = gt[3] + column * gt[4] + row * gt[5];
    *x = inverse[0] + gx * inverse[1] + gy * inverse[2];
    *y = inverse[3] + gx * inverse[4] + gy * inverse[5];
}

static bool IsWhole(double number)
{
    constexpr double kTolerance = 1e-3; /* of a cell */
    return std::abs(number - std::round(number)) <= kTolerance;
}

/* The option that brings the second raster onto the grid of the first, and why it must be brought: how it lies there,
 * in cells. */
static std::string CureOfPlace(GDALDatasetH a, const Input &first, GDALDatasetH b, const Input &other)
{
    constexpr double kSameCells = 1e-2; /* of a cell, from the first to the last */
    const double width = GDALGetRasterXSize(b), height = GDALGetRasterYSize(b);
    double gtA[6], gt[6], inverse[6], x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    if (GDALGetGeoTransform(a, gtA) != CE_None || GDALGetGeoTransform(b, gt) != CE_None ||
        !GDALInvGeoTransform(gtA, inverse))
        return ". Bring them onto one grid first, for example with gdalwarp -te -ts";
    PlaceIn(inverse, gt, 0, 0, &x0, &y0);
    PlaceIn(inverse, gt, width, height, &x1, &y1);
    PlaceIn(inverse, gt, width, 0, &x2, &y2);
    const bool isApart = std::max(x0, x1) <= 0 || std::max(y0, y1) <= 0 || std::min(x0, x1) >= GDALGetRasterXSize(a) ||
                         std::min(y0, y1) >= GDALGetRasterYSize(a);
    if (isApart)
        return "; they do not overlap. EXTENT=UNION takes the cells that any has";
    const std::string onto = " resamples " + Describe(other) + " onto the grid of " + Describe(first);
    const bool isTurned = std::abs(x2 - x1) > kSameCells || std::abs(y2 - y0) > kSameCells;
    if (isTurned || std::abs(x1 - x0 - width) > kSameCells || std::abs(y1 - y0 - height) > kSameCells)
        return CPLSPrintf("; a cell of %s is as large as %.6g x %.6g of %s. RESAMPLING=AUTO", other.key.c_str(),
                          std::abs(x1 - x0) / width, std::abs(y1 - y0) / height, first.key.c_str()) +
               onto + ", CELL_SIZE=<size> says another size for all";
    const bool isWhole = IsWhole(x0) && IsWhole(y0) && IsWhole(x1) && IsWhole(y1);
    const double right = isWhole ? std::round(x0) + 0.0 : x0, down = isWhole ? std::round(y0) + 0.0 : y0;
    const std::string shift = CPLSPrintf("; %s is shifted by %.6g, %.6g cells. ", other.key.c_str(), right, down);
    return shift + (isWhole ? "EXTENT=INTERSECTION takes the cells that all have, EXTENT=UNION those that any has"
                            : "RESAMPLING=AUTO" + onto);
}

static bool SameCRS(OGRSpatialReferenceH a, OGRSpatialReferenceH b)
{
    if (!a || !b)
        return !a && !b;
    const char *const options[] = {"IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES", nullptr};
    return OSRIsSameEx(a, b, options) != 0;
}

static std::string CureOfCRS(const Input &first, const Input &other, bool both)
{
    if (!both)
        return ". CHECK_CRS=KNOWN takes it to be in that of the others; gdal_translate -of VRT -a_srs gives the one a "
               "CRS that has none";
    return ". RESAMPLING=AUTO resamples " + Describe(other) + " onto the grid of " + Describe(first) +
           ", CRS says another CRS for all";
}

/* ---- georeference without a geotransform ---- */

/* Are they the same but for what writing them as text may have rounded? A centimetre in degrees, less in metres. */
static bool SameNumber(double a, double b)
{
    constexpr double kRounded = 1e-9;
    return std::abs(a - b) <= kRounded * std::max(std::abs(a), std::abs(b));
}

/* Numbers between blanks. */
static bool SameNumbers(const char *a, const char *b)
{
    const CPLStringList as(CSLTokenizeString2(a, " ", 0)), bs(CSLTokenizeString2(b, " ", 0));
    bool same = as.size() == bs.size();
    for (int i = 0; same && i < as.size(); i++)
        same = SameNumber(CPLAtof(as[i]), CPLAtof(bs[i]));
    return same;
}

static std::string Describe(const GDAL_GCP &gcp)
{
    return CPLSPrintf("pixel %.15g,%.15g at %.15g,%.15g,%.15g", gcp.dfGCPPixel, gcp.dfGCPLine, gcp.dfGCPX, gcp.dfGCPY,
                      gcp.dfGCPZ);
}

/* What differs; empty: nothing. */
static std::string CompareGCPs(GDALDatasetH a, GDALDatasetH b)
{
    const int count = GDALGetGCPCount(a);
    if (GDALGetGCPCount(b) != count)
        return CPLSPrintf("%d and %d ground control points", GDALGetGCPCount(b), count);
    for (int i = 0; i < count; i++) {
        const GDAL_GCP &p = GDALGetGCPs(a)[i], &q = GDALGetGCPs(b)[i];
        if (!SameNumber(p.dfGCPPixel, q.dfGCPPixel) || !SameNumber(p.dfGCPLine, q.dfGCPLine) ||
            !SameNumber(p.dfGCPX, q.dfGCPX) || !SameNumber(p.dfGCPY, q.dfGCPY) || !SameNumber(p.dfGCPZ, q.dfGCPZ))
            return CPLSPrintf("ground control point %d is %s and ", i + 1, Describe(q).c_str()) + Describe(p);
    }
    OGRSpatialReferenceH srsA = GDALGetGCPSpatialRef(a), srsB = GDALGetGCPSpatialRef(b);
    if (count > 0 && !SameCRS(srsA, srsB))
        return "the CRS of their ground control points are " + CRSName(srsB) + " and " + CRSName(srsA);
    return {};
}

static std::string CompareRPCs(CSLConstList a, CSLConstList b)
{
    for (const char *key :
         {"LINE_OFF", "SAMP_OFF", "LAT_OFF", "LONG_OFF", "HEIGHT_OFF", "LINE_SCALE", "SAMP_SCALE", "LAT_SCALE",
          "LONG_SCALE", "HEIGHT_SCALE", "LINE_NUM_COEFF", "LINE_DEN_COEFF", "SAMP_NUM_COEFF", "SAMP_DEN_COEFF"}) {
        const char *x = CSLFetchNameValueDef(a, key, ""), *y = CSLFetchNameValueDef(b, key, "");
        if (!SameNumbers(x, y))
            return CPLSPrintf("%s of their RPCs is %.100s and %.100s", key, y, x);
    }
    return {};
}

/* Have two arrays of coordinates, which may be files of their own, the same pixels? */
static bool SameArray(const char *nameA, int bandA, const char *nameB, int bandB)
{
    MessageCollector collector;
    const DatasetHandle fileA(GDALOpenEx(nameA, GDAL_OF_RASTER, nullptr, nullptr, nullptr));
    const DatasetHandle fileB(GDALOpenEx(nameB, GDAL_OF_RASTER, nullptr, nullptr, nullptr));
    GDALRasterBandH a = fileA ? GDALGetRasterBand(fileA.get(), bandA) : nullptr;
    GDALRasterBandH b = fileB ? GDALGetRasterBand(fileB.get(), bandB) : nullptr;
    const int width = a ? GDALGetRasterBandXSize(a) : 0, height = a ? GDALGetRasterBandYSize(a) : 0;
    if (!a || !b || GDALGetRasterBandXSize(b) != width || GDALGetRasterBandYSize(b) != height)
        return false;
    std::vector<double> rowA(static_cast<size_t>(width)), rowB(rowA);
    const auto read = [width](GDALRasterBandH band, int y, std::vector<double> &row) {
        return GDALRasterIO(band, GF_Read, 0, y, width, 1, row.data(), width, 1, GDT_Float64, 0, 0) == CE_None;
    };
    const auto same = [](double x, double y) { return SameNumber(x, y) || (std::isnan(x) && std::isnan(y)); };
    for (int y = 0; y < height; y++)
        if (!read(a, y, rowA) || !read(b, y, rowB) || !std::equal(rowA.begin(), rowA.end(), rowB.begin(), same))
            return false;
    return true;
}

static std::string CompareGeolocation(CSLConstList a, CSLConstList b)
{
    for (const char *key : {"PIXEL_OFFSET", "LINE_OFFSET", "PIXEL_STEP", "LINE_STEP"})
        if (!SameNumbers(CSLFetchNameValueDef(a, key, ""), CSLFetchNameValueDef(b, key, "")))
            return CPLSPrintf("%s of their geolocation arrays is %.100s and %.100s", key,
                              CSLFetchNameValueDef(b, key, ""), CSLFetchNameValueDef(a, key, ""));
    for (const char *axis : {"X", "Y"}) {
        const std::string name = std::string(axis) + "_DATASET", band = std::string(axis) + "_BAND";
        const char *nameA = CSLFetchNameValueDef(a, name.c_str(), ""),
                   *nameB = CSLFetchNameValueDef(b, name.c_str(), "");
        const int bandA = atoi(CSLFetchNameValueDef(a, band.c_str(), "1"));
        const int bandB = atoi(CSLFetchNameValueDef(b, band.c_str(), "1"));
        if ((!EQUAL(nameA, nameB) || bandA != bandB) && !SameArray(nameA, bandA, nameB, bandB))
            return CPLSPrintf("their geolocation arrays, %.300s and %.300s, are not the same", nameB, nameA);
    }
    return {};
}

/* Compares the other ways to say where pixels lie, for two datasets whose geotransforms, if they have any, agree.
 * Returns what differs; empty: nothing. Where there is a geotransform, it does not matter that only one of them has,
 * say, GCPs. */
static std::string CompareOthers(GDALDatasetH a, const Input &first, GDALDatasetH b, const Input &other,
                                 bool hasGeoTransform)
{
    const auto onlyOne = [&](bool inA, bool inB, const char *what) -> std::string {
        return inA == inB || hasGeoTransform ? "" : "only " + Describe(inA ? first : other) + " has " + what;
    };
    const bool pointsA = GDALGetGCPCount(a) > 0, pointsB = GDALGetGCPCount(b) > 0;
    std::string why = pointsA && pointsB ? CompareGCPs(a, b) : onlyOne(pointsA, pointsB, "ground control points");
    if (!why.empty())
        return why;
    CSLConstList rpcA = GDALGetMetadata(a, "RPC"), rpcB = GDALGetMetadata(b, "RPC");
    why = rpcA && rpcB ? CompareRPCs(rpcA, rpcB) : onlyOne(rpcA, rpcB, "RPCs");
    if (!why.empty() || hasGeoTransform)
        return why;
    CSLConstList arraysA = GDALGetMetadata(a, "GEOLOCATION"), arraysB = GDALGetMetadata(b, "GEOLOCATION");
    return arraysA && arraysB ? CompareGeolocation(arraysA, arraysB) : onlyOne(arraysA, arraysB, "geolocation arrays");
}

/* Also where only the sizes differ. */
static std::string CureOf(GDALDatasetH a, const Input &first, GDALDatasetH b, const Input &other)
{
    double gtA[6], gtB[6];
    OGRSpatialReferenceH srsA = GDALGetSpatialRef(a), srsB = GDALGetSpatialRef(b);
    if (GDALGetGeoTransform(a, gtA) != CE_None || GDALGetGeoTransform(b, gtB) != CE_None)
        return ". Bring them onto one grid first, for example with gdalwarp -te -ts";
    if (srsA && srsB && !SameCRS(srsA, srsB))
        return "; and in CRS: " + CRSName(srsB) + " and " + CRSName(srsA) + CureOfCRS(first, other, true);
    return CureOfPlace(a, first, b, other);
}

/* What differs between two rasters of as many pixels, and how far they are apart. */
struct Difference {
    std::string position, crs; /* empty: nothing does */
    double pixels = 0;         /* between their corners; infinite, where nobody knows */
    bool crsIsMissing = false; /* only one of them has any */
};

/* srs: that counts, or NULL. */
static Difference Compare(GDALDatasetH a, const Input &first, GDALDatasetH b, const Input &other,
                          OGRSpatialReferenceH srs)
{
    constexpr double kTolerance = 1e-4; /* of a pixel, at each corner */
    static const char *const names[] = {"upper left", "upper right", "lower left", "lower right"};
    Difference found;
    double gtA[6], gtB[6];
    const bool hasA = GDALGetGeoTransform(a, gtA) == CE_None, hasB = GDALGetGeoTransform(b, gtB) == CE_None;
    int corner = 0;
    if (hasA && hasB)
        found.pixels = CornerDistance(gtA, gtB, GDALGetRasterXSize(a), GDALGetRasterYSize(a), &corner);
    if (hasA != hasB)
        found.position = ": only " + Describe(hasA ? first : other) + " has a geotransform";
    else if (!(found.pixels <= kTolerance))
        found.position =
            CPLSPrintf(" in position: their %s corners are %.6g pixels apart (origins %.15g,%.15g and "
                       "%.15g,%.15g; pixel sizes %.15g,%.15g and %.15g,%.15g)",
                       names[corner], found.pixels, gtB[0], gtB[3], gtA[0], gtA[3], gtB[1], gtB[5], gtA[1], gtA[5]) +
            CureOf(a, first, b, other);
    OGRSpatialReferenceH own = GDALGetSpatialRef(b);
    if (!SameCRS(srs, own))
        found.crs = CRSName(own) + " and " + CRSName(srs) + CureOfCRS(first, other, srs && own);
    found.crsIsMissing = !srs != !own;
    const std::string why = found.position.empty() ? CompareOthers(a, first, b, other, hasA) : std::string();
    if (!why.empty())
        found.position = " in position: " + why + ". Bring them onto one grid first, for example with gdalwarp -te -ts";
    if (hasA != hasB || !why.empty())
        found.pixels = HUGE_VAL;
    return found;
}

namespace
{
/* What has been let pass. */
struct LetPass {
    std::string shifted, crs, without; /* inputs: the farthest off, the first of another CRS, the first without one */
    double pixels = 0;
};
} // namespace

static void Warn(const Input &first, const LetPass &passed)
{
    const std::string by = std::isfinite(passed.pixels) ? CPLSPrintf("by up to %.6g pixels", passed.pixels) : "";
    if (!passed.shifted.empty())
        CPLError(CE_Warning, CPLE_AppDefined,
                 "%s: %s does not lie where %s does%s%s: pixels are matched by their column and row (CHECK_EXTENT=NO)",
                 first.driver, passed.shifted.c_str(), Describe(first).c_str(), by.empty() ? "" : ", ", by.c_str());
    if (!passed.crs.empty())
        CPLError(CE_Warning, CPLE_AppDefined, "%s: %s has another CRS than %s, which counts (CHECK_CRS=NO)",
                 first.driver, passed.crs.c_str(), Describe(first).c_str());
    if (!passed.without.empty())
        CPLError(CE_Warning, CPLE_AppDefined, "%s: %s has no CRS, and is taken to be in that of the other inputs%s",
                 first.driver, passed.without.c_str(),
                 passed.without == Describe(first) ? "; the result has none, too" : "");
}

bool CheckGrids(const Inputs &inputs, const InputHandles &handles, const GridChecks &checks)
{
    const Input &first = inputs[0];
    GDALDatasetH a = handles[0];
    const int width = GDALGetRasterXSize(a), height = GDALGetRasterYSize(a);
    SRSHandle srs(GDALGetSpatialRef(a) ? OSRClone(GDALGetSpatialRef(a)) : nullptr); /* the first there is */
    const Input *known = &first;
    LetPass passed;
    for (size_t i = 1; i < inputs.size(); i++) {
        const Input &other = inputs[i];
        GDALDatasetH b = handles[i];
        const std::string both = Describe(other) + " and " + Describe(first);
        const int widthB = GDALGetRasterXSize(b), heightB = GDALGetRasterYSize(b);
        if (widthB != width || heightB != height) {
            CPLError(CE_Failure, CPLE_AppDefined, "%s: %s differ in size: %d x %d and %d x %d pixels%s", first.driver,
                     both.c_str(), widthB, heightB, width, height, CureOf(a, first, b, other).c_str());
            return false;
        }
        const Difference found = Compare(a, first, b, other, srs.get());
        const bool pass = checks.crs == FN_CHECK_CRS_NONE || (checks.crs == FN_CHECK_CRS_KNOWN && found.crsIsMissing);
        const bool fails = !found.position.empty() && checks.extent;
        if (fails || (!found.crs.empty() && !pass)) {
            CPLError(CE_Failure, CPLE_AppDefined, "%s: %s and %s differ%s", first.driver, Describe(other).c_str(),
                     Describe(fails ? first : *known).c_str(),
                     fails ? found.position.c_str() : (" in CRS: " + found.crs).c_str());
            return false;
        }
        if (!srs && GDALGetSpatialRef(b)) {
            srs.reset(OSRClone(GDALGetSpatialRef(b)));
            known = &other;
        }
        if (!found.position.empty() && (passed.shifted.empty() || found.pixels > passed.pixels)) {
            passed.shifted = Describe(other);
            passed.pixels = found.pixels;
        }
        std::string &named = found.crsIsMissing ? passed.without : passed.crs;
        if (!found.crs.empty() && named.empty())
            named = Describe(found.crsIsMissing && GDALGetSpatialRef(b) ? first : other);
    }
    Warn(first, passed);
    return true;
}

} // namespace fishnet
