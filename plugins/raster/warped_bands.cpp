#include "warped_bands.h"

#include <algorithm>
#include <cmath>

#include "joined_validity.h"
#include "pixels.h"
#include "shifted_input.h"

namespace fishnet
{

static GDALResampleAlg OfGDAL(fn_resampling method)
{
    switch (method) {
    case FN_RESAMPLING_BILINEAR:
        return GRA_Bilinear;
    case FN_RESAMPLING_CUBIC:
        return GRA_Cubic;
    case FN_RESAMPLING_CUBICSPLINE:
        return GRA_CubicSpline;
    case FN_RESAMPLING_LANCZOS:
        return GRA_Lanczos;
    case FN_RESAMPLING_AVERAGE:
        return GRA_Average;
    case FN_RESAMPLING_RMS:
        return GRA_RMS;
    case FN_RESAMPLING_MODE:
        return GRA_Mode;
    case FN_RESAMPLING_MIN:
        return GRA_Min;
    case FN_RESAMPLING_MAX:
        return GRA_Max;
    case FN_RESAMPLING_MED:
        return GRA_Med;
    case FN_RESAMPLING_Q1:
        return GRA_Q1;
    case FN_RESAMPLING_Q3:
        return GRA_Q3;
    case FN_RESAMPLING_SUM:
        return GRA_Sum;
    default:
        return GRA_NearestNeighbour;
    }
}

/* ---- what can be done ---- */

static bool Refuse(const InputOnGrid &own, const std::string &why)
{
    CPLError(CE_Failure, CPLE_NotSupported, "%s: input %s lies on another grid, and %s", own.input.driver,
             Describe(own.input).c_str(), why.c_str());
    return false;
}

bool Warped::CheckKinds() const
{
    for (size_t i = 0; i < bands.size(); i++) {
        const std::string band = "its band " + std::to_string(numbers[i]);
        const fn_type type = bands[i].type;
        if (type == FN_TYPE_COUNT)
            return Refuse(own, band + " is complex: GDAL's warper makes it real values. gdal_translate -b leaves it "
                                      "out");
        if (type == FN_INT8 && ToGDAL(FN_INT8) == GDT_Unknown && warping.method != FN_RESAMPLING_NEAR)
            return Refuse(own, band + " has signed bytes, which GDAL " GDAL_RELEASE_NAME
                                      " does not resample: RESAMPLING=NEAR, or gdal_translate -ot Int16");
    }
    return true;
}

bool NeedsCover(const InputOnGrid &own, const std::vector<BandFacts> &bands, fn_resampling method)
{
    return own.outside && std::any_of(bands.begin(), bands.end(), [method](const BandFacts &band) {
               return band.hasMask || (method != FN_RESAMPLING_NEAR && (band.nodata.set || band.isAlpha));
           });
}

bool Warped::AllHaveNoData() const
{
    return std::all_of(bands.begin(), bands.end(),
                       [](const BandFacts &band) { return band.isAlpha || band.nodata.set; });
}

bool Warped::AnyHasNoData() const
{
    return std::any_of(bands.begin(), bands.end(), [](const BandFacts &band) { return band.nodata.set; });
}

/* only: a band, or 0. */
bool Warped::Plan(GDALDatasetH source, int only)
{
    const std::vector<BandFacts> all = FactsOf(source);
    for (int number = 1; number <= static_cast<int>(all.size()); number++)
        if (only == 0 || only == number) {
            bands.push_back(all[static_cast<size_t>(number) - 1]);
            numbers.push_back(number);
            if (isJoined && IsRounded(bands.back()))
                bands.back().nodata = {};
            alpha = bands.back().isAlpha && !isJoined ? static_cast<int>(bands.size()) : alpha;
        }
    becomesReal = own.computes && MakesFractions(warping.method) && !IsAlphaAlone();
    keepsNoData = KeepsAll();
    if (keepsNoData)
        alpha = 0;
    if (!CheckKinds())
        return false;
    for (size_t i = 0; i < bands.size(); i++) {
        if (IsAlpha(i))
            continue;
        GDALDataType type = TypeInMemory(bands[i].type);
        if (Is64Bits(bands[i].type)) /* numbers beyond 2^53 are rounded, and expressions refuse them */
            type = GDT_Float64;
        if (becomesReal)
            type = fn_type_fits_float32(bands[i].type) ? GDT_Float32 : GDT_Float64;
#if FN_GDAL_AT_LEAST(3, 11)
        if (type == GDT_Float16)
            type = GDT_Float32;
#endif
        working = working == GDT_Unknown ? type : GDALDataTypeUnion(working, type);
    }
    if (!own.outside && !becomesReal && alpha == 0 && !AllHaveNoData())
        validity = static_cast<int>(bands.size()) + 1;
    return true;
}

/* ---- the warper's options ---- */

std::string Warped::InitialValues() const
{
    std::string values;
    for (size_t i = 0; i < bands.size(); i++) {
        const BandFacts &band = bands[i];
        if (IsAlpha(i))
            continue;
        std::string value = "0";
        if (own.outside)
            value = band.isAlpha ? Opaque(band.type) : own.outside;
        else if (BeginsWithNaN())
            value = "nan";
        else if (becomesReal)
            value = "0";
        else if (band.nodata.set)
            value = CPLSPrintf("%.17g", fn_nodata_as_double(band.nodata, band.type));
        if (band.type == FN_INT8 && !becomesReal)
            value = CPLSPrintf("%.17g", NumberInMemory(CPLAtof(value.c_str()), FN_INT8));
        values += (values.empty() ? "" : ",") + value;
    }
    return values;
}

WarpOptions Warped::Options(GDALDatasetH source) const
{
    constexpr double kNone = -1.1e20, kMemory = 64 << 20;
    WarpOptions options(GDALCreateWarpOptions());
    options->eResampleAlg = OfGDAL(Method());
    options->eWorkingDataType = working;
    options->dfWarpMemoryLimit = kMemory;
    options->hSrcDS = source;
    options->pfnTransformer = GDALGenImgProjTransform;
    const size_t count = bands.size() - (alpha > 0 ? 1 : 0), bytes = count * sizeof(double);
    options->nBandCount = static_cast<int>(count);
    options->panSrcBands = static_cast<int *>(CPLMalloc(count * sizeof(int)));
    options->panDstBands = static_cast<int *>(CPLMalloc(count * sizeof(int)));
    if (AnyHasNoData() && !keepsNoData && !isJoined)
        options->padfSrcNoDataReal = static_cast<double *>(CPLMalloc(bytes));
    if (!own.outside && (BeginsWithNaN() || AllHaveNoData()) && !IsAlphaAlone())
        options->padfDstNoDataReal = static_cast<double *>(CPLMalloc(bytes));
    int at = 0;
    for (size_t i = 0; i < bands.size(); i++) {
        if (IsAlpha(i))
            continue;
        options->panSrcBands[at] = isJoined ? 1 : numbers[i];
        options->panDstBands[at] = static_cast<int>(i) + 1;
        const double nodata = bands[i].nodata.set ? fn_nodata_as_double(bands[i].nodata, bands[i].type) : kNone;
        if (options->padfSrcNoDataReal)
            options->padfSrcNoDataReal[at] = nodata;
        if (options->padfDstNoDataReal)
            options->padfDstNoDataReal[at] = becomesReal ? NAN : nodata;
        at++;
    }
    options->nSrcAlphaBand = alpha > 0 ? numbers[static_cast<size_t>(alpha) - 1] : 0;
    options->nDstAlphaBand = alpha > 0 ? alpha : validity;
    CPLStringList words;
    words.SetNameValue("INIT_DEST", InitialValues().c_str());
    words.SetNameValue("UNIFIED_SRC_NODATA", "NO");
    words.SetNameValue("ERROR_OUT_IF_EMPTY_SOURCE_WINDOW", "FALSE");
    if (!IsSameHorizontally(GDALGetSpatialRef(source), own.grid.srs.get()))
        /* What a block takes of the raster is found by places all over it: it may be torn, or partly off the world */
        words.SetNameValue("SAMPLE_GRID", "YES").SetNameValue("SAMPLE_STEPS", "100").SetNameValue("SOURCE_EXTRA", "64");
    if (alpha > 0 && bands[static_cast<size_t>(alpha) - 1].type == FN_UINT16)
        words.SetNameValue("SRC_ALPHA_MAX", "65535").SetNameValue("DST_ALPHA_MAX", "65535");
    if (warping.xScale > 0) {
        words.SetNameValue("XSCALE", CPLSPrintf("%.12g", warping.xScale));
        words.SetNameValue("YSCALE", CPLSPrintf("%.12g", warping.yScale));
    }
    options->papszWarpOptions = words.StealList();
    return options;
}

} // namespace fishnet
