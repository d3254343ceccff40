#include "resampling_choice.h"

#include <algorithm>
#include <bitset>
#include <cctype>
#include <cmath>

#include "pixels.h"

namespace fishnet
{

bool MakesFractions(fn_resampling method)
{
    switch (method) {
    case FN_RESAMPLING_NEAR:
    case FN_RESAMPLING_MODE:
    case FN_RESAMPLING_MIN:
    case FN_RESAMPLING_MAX:
    case FN_RESAMPLING_MED:
        return false;
    default:
        return true;
    }
}

bool HasKernel(fn_resampling method)
{
    return method == FN_RESAMPLING_BILINEAR || method == FN_RESAMPLING_CUBIC || method == FN_RESAMPLING_CUBICSPLINE ||
           method == FN_RESAMPLING_LANCZOS;
}

/* ---- classes ---- */

/* "Fmask", "pixel_qa", "QA60", "scene classification" */
static bool IsNameOfClasses(const char *name)
{
    std::string word;
    const auto isOne = [&] {
        for (const char *known : {"qa", "scl", "fmask", "cfmask", "class", "classes", "classification", "quality"})
            if (word == known)
                return true;
        return word.size() > 2 && word.compare(0, 2, "qa") == 0 && isdigit(static_cast<unsigned char>(word[2]));
    };
    for (; *name; name++) {
        if (isalnum(static_cast<unsigned char>(*name))) {
            word += static_cast<char>(tolower(static_cast<unsigned char>(*name)));
            continue;
        }
        if (isOne())
            return true;
        word.clear();
    }
    return isOne();
}

constexpr int kFew = 64; /* values of classes */

/* Pixels of a band of bytes, as a coarse overview has them or, where there is none, some windows. */
static std::bitset<256> ValuesOf(GDALRasterBandH band)
{
    constexpr int kSide = 64, kPlaces = 4;
    std::bitset<256> values;
    std::vector<unsigned char> pixels(static_cast<size_t>(kSide) * kSide);
    GDALRasterBandH source = band;
    for (int level = 0; level < GDALGetOverviewCount(band); level++) {
        GDALRasterBandH overview = GDALGetOverview(band, level);
        if (overview && std::min(GDALGetRasterBandXSize(overview), GDALGetRasterBandYSize(overview)) >= kSide)
            source = overview;
    }
    const MessageCollector collector; /* what cannot be read, a tile will tell */
    const int width = GDALGetRasterBandXSize(source), height = GDALGetRasterBandYSize(source);
    const int columns = std::min(kSide, width), rows = std::min(kSide, height);
    for (int place = 0; place < kPlaces * kPlaces; place++) {
        const int x = (width - columns) / (kPlaces - 1) * (place % kPlaces);
        const int y = (height - rows) / (kPlaces - 1) * (place / kPlaces);
        if (GDALRasterIO(source, GF_Read, x, y, columns, rows, pixels.data(), columns, rows, GDT_Byte, 0, 0) != CE_None)
            continue;
        for (int i = 0; i < columns * rows; i++)
            values.set(pixels[static_cast<size_t>(i)]);
    }
    return values;
}

/* Bytes with few values are classes, most likely. */
static bool HasFewValues(GDALRasterBandH band)
{
    if (GDALGetDataTypeSizeBits(GDALGetRasterDataType(band)) > 8)
        return false;
    const char *least = GDALGetMetadataItem(band, "STATISTICS_MINIMUM", nullptr);
    const char *most = GDALGetMetadataItem(band, "STATISTICS_MAXIMUM", nullptr);
    if (least && most && CPLAtof(most) - CPLAtof(least) < kFew)
        return true;
    return ValuesOf(band).count() <= kFew;
}

/* Why a band may hold classes; empty: it does not. */
static std::string WhyClasses(GDALRasterBandH band)
{
    const GDALColorInterp colour = GDALGetRasterColorInterpretation(band);
    if (GDALGetRasterColorTable(band))
        return "has a colour table";
    if (GDALGetRasterCategoryNames(band))
        return "has names of categories";
    if (GDALGetDefaultRAT(band))
        return "has an attribute table";
    if (colour != GCI_Undefined && colour != GCI_GrayIndex)
        return std::string("is a colour: ") + GDALGetColorInterpretationName(colour);
    if (IsNameOfClasses(GDALGetDescription(band)))
        return std::string("is called ") + GDALGetDescription(band);
    return HasFewValues(band) ? "has few values" : "";
}

fn_resampling ChooseResampling(GDALDatasetH dataset, const CellRatio &ratio, std::string &reason)
{
    constexpr double kCoarse = 2;
    const int alpha = AlphaBand(dataset);
    for (int band = 1; band <= GDALGetRasterCount(dataset); band++) {
        const std::string why = band == alpha ? "" : WhyClasses(GDALGetRasterBand(dataset, band));
        if (!why.empty()) {
            reason = "band " + std::to_string(band) + " " + why;
            return FN_RESAMPLING_NEAR;
        }
    }
    const double coarsest = std::max(ratio.x, ratio.y);
    reason = CPLSPrintf("its cells are %.3g times as long as those of the result", 1 / coarsest);
    return coarsest > kCoarse ? FN_RESAMPLING_AVERAGE : FN_RESAMPLING_BILINEAR;
}

} // namespace fishnet
