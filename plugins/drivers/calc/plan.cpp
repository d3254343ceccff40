#include "plan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include <ogr_srs_api.h>

#include "crs_name.h"
#include "dataset_pool.h"
#include "gdal_compat.h"
#include "open_options.h"
#include "workers.h"

namespace fishnet
{

static constexpr GDALDataType kGDALTypes[FN_TYPE_COUNT] = {GDT_Byte,
#if FN_GDAL_AT_LEAST(3, 7)
                                                           GDT_Int8,
#else
                                                           GDT_Unknown,
#endif
                                                           GDT_UInt16,  GDT_Int16,  GDT_UInt32,
                                                           GDT_Int32,   GDT_UInt64, GDT_Int64,
#if FN_GDAL_AT_LEAST(3, 11)
                                                           GDT_Float16,
#else
                                                           GDT_Unknown,
#endif
                                                           GDT_Float32, GDT_Float64};

GDALDataType ToGDAL(fn_type type)
{
    return type < FN_TYPE_COUNT ? kGDALTypes[type] : GDT_Unknown;
}

fn_type FromGDAL(GDALRasterBandH band)
{
    const GDALDataType type = GDALGetRasterDataType(band);
#if !FN_GDAL_AT_LEAST(3, 7)
    /* Signed bytes were Byte with a remark. Later GDALs warn those who ask for it. */
    const char *pixelType = GDALGetMetadataItem(band, "PIXELTYPE", "IMAGE_STRUCTURE");
    if (type == GDT_Byte && pixelType && EQUAL(pixelType, "SIGNEDBYTE"))
        return FN_INT8;
#endif
    for (int i = 0; i < FN_TYPE_COUNT; i++)
        if (kGDALTypes[i] == type && type != GDT_Unknown)
            return static_cast<fn_type>(i);
    return FN_TYPE_COUNT;
}

std::string Describe(const Source &source)
{
    return std::string(1, source.letter) + " (" + WithoutSecrets(source.name) + ")";
}

std::string Describe(const fn_window &w)
{
    return CPLSPrintf("x=%lld y=%lld %lldx%lld", static_cast<long long>(w.x), static_cast<long long>(w.y),
                      static_cast<long long>(w.width), static_cast<long long>(w.height));
}

static fn_nodata NoDataOf(GDALRasterBandH band, fn_type type)
{
    int set = FALSE;
    fn_nodata nodata = {};
    if (type == FN_INT64) {
        nodata.value.i = GDALGetRasterNoDataValueAsInt64(band, &set);
        nodata.set = set != 0;
    } else if (type == FN_UINT64) {
        nodata.value.u = GDALGetRasterNoDataValueAsUInt64(band, &set);
        nodata.set = set != 0;
    } else {
        const double value = GDALGetRasterNoDataValue(band, &set);
        if (set)
            nodata = fn_nodata_from_double(value, type);
    }
    return nodata;
}

/* VRT files may declare a value that no pixel can be equal to. */
static void WarnOfLostNoData(const Source &source, int number, GDALRasterBandH band, const fn_nodata &nodata)
{
    int set = FALSE;
    const double value = nodata.set ? 0 : GDALGetRasterNoDataValue(band, &set);
    if (set)
        CPLError(CE_Warning, CPLE_AppDefined,
                 "FISHNET: band %d of %s is of type %s, which cannot hold its NoData value %.17g: that makes no pixel "
                 "NoData",
                 number, Describe(source).c_str(), GDALGetDataTypeName(GDALGetRasterDataType(band)), value);
}

/* Is the validity of the band's pixels in another band, and not in its NoData value? */
static bool HasMask(GDALRasterBandH band)
{
    const int flags = GDALGetMaskFlags(band);
    return !(flags & GMF_ALL_VALID) && flags != GMF_NODATA;
}

/* The first band that is opaqueness, whatever its type and place: GDAL takes it for a mask only where it is Byte or
 * UInt16 and the last of 2 or 4. */
static int AlphaBand(GDALDatasetH dataset)
{
    for (int band = 1; band <= GDALGetRasterCount(dataset); band++)
        if (GDALGetRasterColorInterpretation(GDALGetRasterBand(dataset, band)) == GCI_AlphaBand)
            return band;
    return 0;
}

/* Makes a plan, step by step; each step returns false after CPLError. */
struct Builder {
    Plan &plan;
    const fn_recipe &recipe;
    std::vector<DatasetHandle> &handles;

    GDALDatasetH Handle(size_t source) const { return handles[source].get(); }
    bool OpenSources(int overview);
    bool CheckGrids() const;
    bool Compile();
    void AddPlanes();
    bool AddComputedOutputs();
    bool AddSourceOutputs();
    bool TakePart(int tileHeight, int blockHeight, int64_t *lines);
    Pipeline Shape() const;
    void AutoTile(int *width, int *height, int *blockHeight) const;
    void MakeGroups();
    bool MakeGrid();
};

/* ---- inputs ---- */

DatasetHandle Plan::OpenSource(size_t i) const
{
    const Source &source = sources[i];
    DatasetHandle dataset(GDALOpenEx(source.path.c_str(), GDAL_OF_RASTER | GDAL_OF_INTERNAL | GDAL_OF_VERBOSE_ERROR,
                                     nullptr, source.openOptions.List(), nullptr));
    return HasLackedMemory() ? DatasetHandle() : std::move(dataset);
}

/* What a source opened at an overview level is made of. GDAL dies when it is to describe a warped VRT that was
 * opened so, and the rectangles of any VRT are those of the whole. */
static Pipeline LookIntoWhole(const std::string &path)
{
    DatasetHandle whole;
    {
        MessageCollector collector;
        whole.reset(GDALOpenEx(path.c_str(), GDAL_OF_RASTER | GDAL_OF_INTERNAL, nullptr, nullptr, nullptr));
    }
    return whole ? LookInto(whole.get(), path) : Pipeline();
}

bool Builder::OpenSources(int overview)
{
    const LargeDatasetPool pool(recipe.workers.workers);
    for (int i = 0; i < FN_INPUTS; i++) {
        if (!recipe.inputs[i])
            continue;
        plan.sources.emplace_back();
        Source &source = plan.sources.back();
        source.letter = static_cast<char>('A' + i);
        source.name = recipe.inputs[i];
        source.path = AbsoluteName(source.name);
        if (!Materialize(Describe(source), &source.path, &source.results))
            return false;
        const char *settings = recipe.open_options[i];
        if (settings && !SplitSettings(settings, source.openOptions)) {
            CPLError(CE_Failure, CPLE_IllegalArg,
                     "FISHNET: %c_OO=%.200s: NAME=VALUE is wanted, or several separated by a semicolon", source.letter,
                     settings);
            return false;
        }
        if (overview >= 0)
            source.openOptions.SetNameValue("OVERVIEW_LEVEL", CPLSPrintf("%d", overview));
        std::vector<Message> messages;
        std::string cause;
        {
            MessageCollector collector;
            handles.push_back(plan.OpenSource(plan.sources.size() - 1));
            cause = collector.Cause("not recognized as a raster dataset");
            messages = std::move(collector.messages);
        }
        if (!handles.back()) {
            CPLError(CE_Failure, CPLE_OpenFailed, "FISHNET: input %s cannot be opened: %s", Describe(source).c_str(),
                     cause.c_str());
            return false;
        }
        for (const Message &message : messages)
            Emit(message);
        GDALDatasetH dataset = handles.back().get();
        if (GDALGetRasterCount(dataset) == 0) {
            CSLConstList subdatasets = GDALGetMetadata(dataset, "SUBDATASETS");
            const char *first = CSLFetchNameValue(subdatasets, "SUBDATASET_1_NAME");
            CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: input %s has no raster bands%s%s", Describe(source).c_str(),
                     first ? ", but subdatasets, such as " : "", first ? first : "");
            return false;
        }
        source.pipeline = overview < 0 ? LookInto(dataset, source.path) : LookIntoWhole(source.path);
        if (!IsOpenedByWorker()) /* whose thread may have places already: it must not wait for others */
            plan.poolPlaces = std::max(plan.poolPlaces, source.pipeline.levels);
    }
    return true;
}

/* Where the four corners lie, in pixels of A: 0 everywhere when both geotransforms agree. */
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

static bool SameCRS(OGRSpatialReferenceH a, OGRSpatialReferenceH b)
{
    if (!a || !b)
        return !a && !b;
    const char *const options[] = {"IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES", nullptr};
    return OSRIsSameEx(a, b, options) != 0;
}

/* ---- georeference without a geotransform ---- */

/* The same but for what writing it as text may have rounded: a centimetre in degrees, less in metres. */
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

/* The pixels of two arrays of coordinates, which may be files of their own. */
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

/* What the other ways to say where pixels lie have against two datasets, whose geotransforms agree, if there are
 * any; empty: nothing. Where a geotransform says it, it does not matter that only one of them has, say, GCPs. */
static std::string CompareOthers(GDALDatasetH a, const Source &first, GDALDatasetH b, const Source &other,
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

/* All inputs on the grid of the first: never resampled, never matched by pixel index. */
bool Builder::CheckGrids() const
{
    constexpr double kTolerance = 1e-4; /* of a pixel, at each corner */
    const Source &first = plan.sources[0];
    GDALDatasetH a = Handle(0);
    const int width = GDALGetRasterXSize(a), height = GDALGetRasterYSize(a);
    double gtA[6], gtB[6];
    const bool hasA = GDALGetGeoTransform(a, gtA) == CE_None;
    for (size_t i = 1; i < plan.sources.size(); i++) {
        const Source &other = plan.sources[i];
        GDALDatasetH b = Handle(i);
        const std::string both = Describe(other) + " and " + Describe(first);
        const int widthB = GDALGetRasterXSize(b), heightB = GDALGetRasterYSize(b);
        if (widthB != width || heightB != height) {
            CPLError(CE_Failure, CPLE_AppDefined,
                     "FISHNET: %s differ in size: %d x %d and %d x %d pixels. Bring them onto one grid first, for "
                     "example with "
                     "gdalwarp -te -ts",
                     both.c_str(), widthB, heightB, width, height);
            return false;
        }
        const bool hasB = GDALGetGeoTransform(b, gtB) == CE_None;
        if (hasA != hasB) {
            CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: %s differ: only %s has a geotransform", both.c_str(),
                     Describe(hasA ? first : other).c_str());
            return false;
        }
        int corner = 0;
        const double distance = hasA ? CornerDistance(gtA, gtB, width, height, &corner) : 0;
        if (!(distance <= kTolerance)) {
            static const char *const names[] = {"upper left", "upper right", "lower left", "lower right"};
            CPLError(
                CE_Failure, CPLE_AppDefined,
                "FISHNET: %s differ in position: their %s corners are %.6g pixels apart (origins %.15g,%.15g and "
                "%.15g,%.15g; pixel sizes %.15g,%.15g and %.15g,%.15g). Bring them onto one grid first, for example "
                "with gdalwarp -te -ts",
                both.c_str(), names[corner], distance, gtB[0], gtB[3], gtA[0], gtA[3], gtB[1], gtB[5], gtA[1], gtA[5]);
            return false;
        }
        OGRSpatialReferenceH srsA = GDALGetSpatialRef(a), srsB = GDALGetSpatialRef(b);
        if (!SameCRS(srsA, srsB)) {
            CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: %s differ in CRS: %s and %s", both.c_str(),
                     CRSName(srsB).c_str(), CRSName(srsA).c_str());
            return false;
        }
        const std::string why = CompareOthers(a, first, b, other, hasA);
        if (!why.empty()) {
            CPLError(CE_Failure, CPLE_AppDefined,
                     "FISHNET: %s differ in position: %s. Bring them onto one grid first, for example with gdalwarp "
                     "-te -ts",
                     both.c_str(), why.c_str());
            return false;
        }
    }
    return true;
}

/* ---- the expression ---- */

/* fn_expr_resolve: is there such an input, and can it be computed with? */
static fn_status Resolve(void *user, char letter, int band, fn_type *type, fn_error *err)
{
    const Builder *self = static_cast<const Builder *>(user);
    for (size_t i = 0; i < self->plan.sources.size(); i++) {
        const Source &source = self->plan.sources[i];
        if (source.letter != letter)
            continue;
        const int count = GDALGetRasterCount(self->Handle(i));
        if (band > count)
            return fn_fail(err, FN_ERR_SYNTAX, "there is no band %d in %.300s, it has %d", band,
                           Describe(source).c_str(), count);
        GDALRasterBandH handle = GDALGetRasterBand(self->Handle(i), band);
        *type = FromGDAL(handle);
        if (*type == FN_TYPE_COUNT)
            return fn_fail(err, FN_ERR_SYNTAX, "band %d of %.300s has the type %s: only real types can be computed",
                           band, Describe(source).c_str(), GDALGetDataTypeName(GDALGetRasterDataType(handle)));
        return FN_OK;
    }
    return fn_fail(err, FN_ERR_SYNTAX, "unknown name '%c': there is no input %c, give one with -oo %c=<dataset>",
                   letter, letter, letter);
}

bool Builder::Compile()
{
    fn_expr_options options = {};
    options.nodata = !recipe.nodata_none;
    options.resolve = Resolve;
    options.user = this;
    fn_error err;
    fn_expr *compiled = nullptr;
    if (fn_expr_compile(recipe.calcs, recipe.n_calcs, &options, &compiled, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: CALC: %s", err.text);
        return false;
    }
    plan.expr.reset(compiled);
    plan.calcs.assign(recipe.calcs, recipe.calcs + recipe.n_calcs);
    return true;
}

void Builder::AddPlanes()
{
    for (int i = 0; i < fn_expr_input_count(plan.expr.get()); i++) {
        char letter = 0;
        Plane plane;
        fn_expr_input(plan.expr.get(), i, &letter, &plane.band);
        while (plan.sources[plane.source].letter != letter)
            plane.source++;
        GDALRasterBandH band = GDALGetRasterBand(Handle(plane.source), plane.band);
        const int alpha = AlphaBand(Handle(plane.source));
        const bool byAlpha = (GDALGetMaskFlags(band) & GMF_ALPHA) != 0; /* what GDAL has for a mask is that band */
        plane.type = FromGDAL(band);
        if (plane.band !=
            alpha) { /* all that alpha may be are values, though a file may have one NoData value for all bands */
            plane.nodata = NoDataOf(band, plane.type);
            if (!recipe.nodata_none)
                WarnOfLostNoData(plan.sources[plane.source], plane.band, band, plane.nodata);
            plane.alpha = recipe.ignore_alpha ? 0 : alpha;
        }
        plane.mask = HasMask(band) && !(byAlpha && (alpha > 0 || recipe.ignore_alpha));
        plan.planes.push_back(plane);
    }
}

/* ---- outputs ---- */

bool Builder::AddComputedOutputs()
{
    Output output;
    output.type = recipe.type;
    if (output.type == FN_TYPE_COUNT) {
        output.type = FN_FLOAT32;
        for (const Plane &plane : plan.planes)
            if (!fn_type_fits_float32(plane.type))
                output.type = FN_FLOAT64;
    }
    if (ToGDAL(output.type) == GDT_Unknown) {
        CPLError(CE_Failure, CPLE_NotSupported, "FISHNET: OT=%s: GDAL " GDAL_RELEASE_NAME " has no such type",
                 fn_type_name(output.type));
        return false;
    }
    if (recipe.nodata) {
        fn_error err;
        if (fn_nodata_parse(recipe.nodata, output.type, &output.nodata, &err) != FN_OK) {
            CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: %s", err.text);
            return false;
        }
    } else if (!recipe.nodata_none) {
        output.nodata = fn_nodata_default(output.type);
        if (fn_type_is_integer(output.type))
            CPLError(
                CE_Warning, CPLE_AppDefined,
                "FISHNET: NODATA is not given: %.17g is NoData in the output of type %s (NODATA=none switches it off)",
                fn_nodata_as_double(output.nodata, output.type), fn_type_name(output.type));
    }
    plan.bandCount = fn_expr_output_count(plan.expr.get());
    plan.outputs.assign(static_cast<size_t>(plan.bandCount), output);
    plan.pixelInterleaved = plan.bandCount > 1;
    return true;
}

bool Builder::AddSourceOutputs()
{
    GDALDatasetH dataset = Handle(0);
    plan.bandCount = GDALGetRasterCount(dataset);
    bool sharedMask = false;
    std::vector<Output> masks;
    for (int i = 1; i <= plan.bandCount; i++) {
        GDALRasterBandH band = GDALGetRasterBand(dataset, i);
        Output output;
        output.band = i;
        /* Signed bytes of old GDALs keep their type there: Byte with a remark. */
        output.type = GDALGetRasterDataType(band) == GDT_Byte ? FN_UINT8 : FromGDAL(band);
        if (output.type == FN_TYPE_COUNT) {
            CPLError(CE_Failure, CPLE_NotSupported,
                     "FISHNET: band %d of %s has the type %s: only real types are supported", i,
                     Describe(plan.sources[0]).c_str(), GDALGetDataTypeName(GDALGetRasterDataType(band)));
            return false;
        }
        output.nodata = NoDataOf(band, output.type);
        output.masked = HasMask(band);
        plan.outputs.push_back(output);
        const int flags = GDALGetMaskFlags(band);
        if (HasMask(band) && !(flags & GMF_ALPHA) && !(sharedMask && (flags & GMF_PER_DATASET))) {
            sharedMask = sharedMask || (flags & GMF_PER_DATASET);
            Output mask;
            mask.band = i;
            mask.isMask = true;
            mask.type = FN_UINT8;
            masks.push_back(mask);
        }
    }
    plan.outputs.insert(plan.outputs.end(), masks.begin(), masks.end());
    const char *interleave = GDALGetMetadataItem(dataset, "INTERLEAVE", "IMAGE_STRUCTURE");
    plan.pixelInterleaved =
        plan.bandCount > 1 && (plan.sources[0].pipeline.allBands || (interleave && EQUAL(interleave, "PIXEL")));
    return true;
}

/* A part is cut by what the inputs are alone, and never by the TILE_SIZE of those who read it: they would not agree
 * on where it begins. */
bool Builder::TakePart(int tileHeight, int blockHeight, int64_t *lines)
{
    const int height = GDALGetRasterYSize(Handle(0));
    if (fn_grid_part(height, tileHeight, blockHeight, recipe.part, recipe.parts, &plan.firstLine, lines, nullptr) ==
        FN_OK)
        return true;
    CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: PARTITION=%d/%d: %s has only %d lines", recipe.part, recipe.parts,
             Describe(plan.sources[0]).c_str(), height);
    return false;
}

/* What decides the tiles: a step that computes whole rows, in whichever input, or else what A is. */
Pipeline Builder::Shape() const
{
    for (const Source &source : plan.sources)
        if (source.pipeline.computesRows)
            return source.pipeline;
    return plan.sources[0].pipeline;
}

void Builder::MakeGroups()
{
    std::vector<Plan::Group> &groups = plan.groups;
    if (plan.pixelInterleaved)
        groups.push_back({0, static_cast<size_t>(plan.bandCount)});
    while (groups.empty() || groups.back().first + groups.back().count < plan.outputs.size())
        groups.push_back({groups.empty() ? 0 : groups.back().first + groups.back().count, 1});
}

/* TILE_SIZE=AUTO */
void Builder::AutoTile(int *tileWidth, int *tileHeight, int *blockHeight) const
{
    const Plan::Group &group = plan.groups[0];
    GDALDatasetH dataset = Handle(0);
    const int width = GDALGetRasterXSize(dataset), height = GDALGetRasterYSize(dataset);
    int blockWidth = 0;
    size_t bytes = 0; /* of one pixel, all planes in and all outputs of the largest group */
    GDALGetBlockSize(GDALGetRasterBand(dataset, plan.planes.empty() || plan.planes[0].source ? 1 : plan.planes[0].band),
                     &blockWidth, blockHeight);
    for (const Plane &plane : plan.planes)
        bytes += fn_type_size(plane.type);
    for (size_t i = group.first; i < group.first + group.count; i++)
        bytes += fn_type_size(plan.outputs[i].type);
    const Pipeline shape = Shape();
    const bool rows = shape.rows || shape.halo > 0;
    if (shape.warped && (*blockHeight > 1 || !rows))
        fn_grid_large_tile(width, height, shape.rows ? width : blockWidth, *blockHeight, bytes, tileWidth, tileHeight);
    else if (rows)
        fn_grid_strips(width, height, shape.blockHeight, shape.halo, bytes, tileWidth, tileHeight);
    else
        fn_grid_auto_tile(width, height, blockWidth, *blockHeight, bytes, tileWidth, tileHeight);
}

bool Builder::MakeGrid()
{
    MakeGroups();
    int tileWidth = 0, tileHeight = 0, blockHeight = 0;
    int64_t lines = GDALGetRasterYSize(Handle(0));
    AutoTile(&tileWidth, &tileHeight, &blockHeight);
    if (recipe.parts > 1 && !TakePart(tileHeight, blockHeight, &lines))
        return false;
    if (recipe.tile_width > 0) {
        tileWidth = recipe.tile_width;
        tileHeight = recipe.tile_height;
    }
    fn_error err;
    if (fn_grid_init(&plan.grid, GDALGetRasterXSize(Handle(0)), lines, tileWidth, tileHeight, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: %s: %s", Describe(plan.sources[0]).c_str(), err.text);
        return false;
    }
    /* GDAL counts the bytes of a block in an int. */
    const double blockBytes = 8.0 * plan.grid.tile_width * plan.grid.tile_height;
    if (blockBytes > 2147483647.0) {
        CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: TILE_SIZE=%dx%d: tiles of more than 2 GB are not possible",
                 plan.grid.tile_width, plan.grid.tile_height);
        return false;
    }
    return true;
}

fn_window Plan::SourceWindow(int64_t task) const
{
    fn_window window = fn_grid_tile(&grid, task % fn_grid_tile_count(&grid));
    window.y += firstLine;
    return window;
}

size_t Plan::GroupOf(size_t output) const
{
    size_t g = 0;
    while (output >= groups[g].first + groups[g].count)
        g++;
    return g;
}

static size_t AlignedBytes(const Output &output, size_t pixels)
{
    return (pixels * fn_type_size(output.type) + 63) / 64 * 64;
}

size_t Plan::Offset(const Group &group, size_t output, size_t pixels) const
{
    size_t offset = 0;
    for (size_t i = group.first; i < output; i++)
        offset += AlignedBytes(outputs[i], pixels);
    return offset;
}

size_t Plan::TaskBytes(int64_t task) const
{
    const int64_t tiles = fn_grid_tile_count(&grid);
    const fn_window window = fn_grid_tile(&grid, task % tiles);
    const Group &group = groups[static_cast<size_t>(task / tiles)];
    return Offset(group, group.first + group.count, static_cast<size_t>(window.width * window.height));
}

/* A handle with its decoder's buffers and a thread, measured on GTiff. */
constexpr size_t kHandleBytes = 2 << 20;

size_t Plan::WorkerBytes() const
{
    const size_t pixels = static_cast<size_t>(grid.tile_width) * static_cast<size_t>(grid.tile_height);
    size_t bytes = kHandleBytes + (expr ? fn_expr_scratch_bytes(expr.get()) : 0);
    for (const Plane &plane : planes)
        bytes += pixels * (fn_type_size(plane.type) + (plane.Masked() ? 1 : 0) + (plane.alpha ? sizeof(double) : 0));
    return bytes;
}

/* ---- NoData in place of a tile ---- */

bool Plan::CanBeNoData() const
{
    for (const Output &output : outputs)
        if (!output.isMask && !output.nodata.set && !output.masked)
            return false;
    return true;
}

void Plan::FillNoData(int64_t task, void *result) const
{
    const int64_t tiles = fn_grid_tile_count(&grid);
    const fn_window window = fn_grid_tile(&grid, task % tiles);
    const Group &group = groups[static_cast<size_t>(task / tiles)];
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    for (size_t i = group.first; i < group.first + group.count; i++) {
        const Output &output = outputs[i];
        char *data = static_cast<char *>(result) + Offset(group, i, pixels);
        const fn_nodata &nodata = output.nodata;
        const GDALDataType type = output.type == FN_INT64    ? GDT_Int64
                                  : output.type == FN_UINT64 ? GDT_UInt64
                                                             : GDT_Float64;
        const double real = fn_nodata_as_double(nodata, output.type);
        const void *value = type == GDT_Float64 ? static_cast<const void *>(&real) : &nodata.value;
        if (nodata.set)
            GDALCopyWords64(value, type, 0, data, ToGDAL(output.type), static_cast<int>(fn_type_size(output.type)),
                            static_cast<GPtrDiff_t>(pixels));
        else
            memset(data, 0, pixels * fn_type_size(output.type));
    }
}

std::string Plan::Signature() const
{
    std::string text = CPLSPrintf("%lldx%lld from %lld in %dx%d;", static_cast<long long>(grid.width),
                                  static_cast<long long>(grid.height), static_cast<long long>(firstLine),
                                  grid.tile_width, grid.tile_height);
    const auto add = [&text](fn_type type, const fn_nodata &nodata) {
        text += CPLSPrintf(" %s %d %016llx", fn_type_name(type), nodata.set,
                           static_cast<unsigned long long>(nodata.set ? nodata.value.u : 0));
    };
    for (const Plane &plane : planes) {
        text += CPLSPrintf(" %d[%d]%d,%d", static_cast<int>(plane.source), plane.band, plane.mask, plane.alpha);
        add(plane.type, plane.nodata);
    }
    for (const Output &output : outputs) {
        text += CPLSPrintf(" > %d %d", output.band, output.isMask);
        add(output.type, output.nodata);
    }
    for (const Source &source : sources)
        text += "\n" + source.structure;
    for (const Group &group : groups)
        text += CPLSPrintf(" %d", static_cast<int>(group.count));
    return text;
}

std::string Plan::StructureOf(size_t source, GDALDatasetH dataset) const
{
    const int count = GDALGetRasterCount(dataset);
    std::string text = CPLSPrintf("%d x %d pixels, %d bands", GDALGetRasterXSize(dataset), GDALGetRasterYSize(dataset),
                                  count);
    double transform[6];
    if (GDALGetGeoTransform(dataset, transform) == CE_None)
        for (double value : transform)
            text += CPLSPrintf(" %.17g", value);
    const auto add = [&](int number) {
        GDALRasterBandH band = number <= count ? GDALGetRasterBand(dataset, number) : nullptr;
        if (!band)
            return;
        const fn_type type = FromGDAL(band);
        const fn_nodata nodata = NoDataOf(band, type);
        text +=
            CPLSPrintf("; %d: %s %d %016llx %d", number, GDALGetDataTypeName(GDALGetRasterDataType(band)), nodata.set,
                       static_cast<unsigned long long>(nodata.set ? nodata.value.u : 0), GDALGetMaskFlags(band));
    };
    for (const Plane &plane : planes)
        if (plane.source == source)
            add(plane.band);
    for (const Output &output : outputs)
        if (!expr && source == 0)
            add(output.band);
    return text;
}

std::shared_ptr<const Plan> Plan::Make(const fn_recipe &recipe, int overview, std::vector<DatasetHandle> &handles)
{
    auto plan = std::make_shared<Plan>();
    Builder builder = {*plan, recipe, handles};
    if (!builder.OpenSources(overview))
        return nullptr;
    if (recipe.n_calcs > 0) {
        if (!builder.CheckGrids() || !builder.Compile())
            return nullptr;
        builder.AddPlanes();
        if (!builder.AddComputedOutputs())
            return nullptr;
    } else if (!builder.AddSourceOutputs())
        return nullptr;
    for (size_t i = 0; i < plan->sources.size(); i++)
        plan->sources[i].structure = plan->StructureOf(i, handles[i].get());
    return builder.MakeGrid() ? plan : nullptr;
}

} // namespace fishnet
