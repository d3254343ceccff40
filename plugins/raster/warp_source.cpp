#include "warp_source.h"

#include <algorithm>
#include <cmath>

#include <gdal_alg.h>

#include "vrt_text.h"

namespace fishnet
{

void DestroyTransformer::operator()(void *transformer) const
{
    GDALDestroyGenImgProjTransformer(transformer);
}

/* ---- CRS ---- */

SRSHandle HorizontalOf(OGRSpatialReferenceH srs)
{
    SRSHandle own(srs ? OSRClone(srs) : nullptr);
    if (!own)
        return own;
    const QuietErrors quiet;
    if (OSRIsCompound(own.get()))
        OSRStripVertical(own.get());
    else if (OSRGetAxesCount(own.get()) > 2)
        OSRDemoteTo2D(own.get(), nullptr);
    OSRSetAxisMappingStrategy(own.get(), OAMS_TRADITIONAL_GIS_ORDER);
    return own;
}

bool IsSameHorizontally(OGRSpatialReferenceH a, OGRSpatialReferenceH b)
{
    const SRSHandle first = HorizontalOf(a), second = HorizontalOf(b);
    const char *const options[] = {"IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES", nullptr};
    return !first || !second || OSRIsSameEx(first.get(), second.get(), options) != 0;
}

static std::string WordsOf(OGRSpatialReferenceH srs)
{
    char *words = nullptr;
    const char *const options[] = {"FORMAT=WKT2_2019", nullptr};
    const bool known = OSRExportToWktEx(srs, &words, options) == OGRERR_NONE && words;
    std::string text = known ? words : "";
    CPLFree(words);
    return text;
}

/* ---- the transformation ---- */

static Transformer NestedTransformer(const Placement &nested)
{
    const double raster[6] = {nested.origin[0], nested.rasterCell[0], 0, nested.origin[1], 0, nested.rasterCell[1]};
    const double grid[6] = {0, nested.gridCell[0], 0, 0, 0, nested.gridCell[1]};
    return Transformer(GDALCreateGenImgProjTransformer3(nullptr, raster, nullptr, grid));
}

/* As gdalwarp makes it, but for vertical shifts. */
static Transformer NewTransformer(GDALDatasetH dataset, const OutputGrid &grid)
{
    OutputGrid flat;
    std::copy(grid.geotransform, grid.geotransform + 6, flat.geotransform);
    flat.width = grid.width;
    flat.height = grid.height;
    flat.srs = HorizontalOf(grid.srs.get());
    const DatasetHandle target = NewVrt(flat);
    if (!target)
        return nullptr;
    CPLStringList options;
    options.SetNameValue("METHOD", "GEOTRANSFORM");
    OGRSpatialReferenceH own = GDALGetSpatialRef(dataset);
    if (own && OSRGetAxesCount(own) > 2)
        options.SetNameValue("SRC_SRS", WordsOf(HorizontalOf(own).get()).c_str());
    return Transformer(GDALCreateGenImgProjTransformer2(dataset, target.get(), options.List()));
}

/* ---- ratio ---- */

namespace
{
/* What a cell of the grid covers of the raster. */
struct Covered {
    double x, y; /* columns and rows */
    bool isInside;
};
} // namespace

static bool Cover(void *transformer, double column, double row, double width, double height, Covered &covered)
{
    double x[] = {column, column + 1, column, column + 1}, y[] = {row, row, row + 1, row + 1}, z[4] = {};
    int done[4] = {};
    GDALGenImgProjTransform(transformer, TRUE, 4, x, y, z, done);
    for (int i = 0; i < 4; i++)
        if (!done[i] || !std::isfinite(x[i]) || !std::isfinite(y[i]))
            return false;
    const auto [left, right] = std::minmax_element(x, x + 4);
    const auto [top, bottom] = std::minmax_element(y, y + 4);
    covered = {*right - *left, *bottom - *top, *right > 0 && *left<width && * bottom> 0 && *top < height};
    return covered.x > 0 && covered.y > 0;
}

/* Without those that lie across a seam or a pole. */
static double MeanOf(std::vector<double> values)
{
    constexpr double kUsual = 16;
    std::sort(values.begin(), values.end());
    const double most = kUsual * values[values.size() / 2];
    double sum = 0;
    size_t count = 0;
    for (const double value : values)
        if (value <= most) {
            sum += value;
            count++;
        }
    return sum / static_cast<double>(count);
}

/* The mean of 10 x 10 cells all over the grid: of those in the raster, if there are some. */
static CellRatio RatioOf(void *transformer, GDALDatasetH dataset, const OutputGrid &grid)
{
    constexpr int kPlaces = 10;
    std::vector<Covered> all;
    const QuietErrors quiet;
    for (int row = 0; row < kPlaces; row++)
        for (int column = 0; column < kPlaces; column++) {
            Covered covered = {};
            if (Cover(transformer, std::floor((column + 0.5) * grid.width / kPlaces),
                      std::floor((row + 0.5) * grid.height / kPlaces), GDALGetRasterXSize(dataset),
                      GDALGetRasterYSize(dataset), covered))
                all.push_back(covered);
        }
    const bool someInside = std::any_of(all.begin(), all.end(), [](const Covered &c) { return c.isInside; });
    std::vector<double> x, y;
    for (const Covered &covered : all)
        if (covered.isInside || !someInside) {
            x.push_back(covered.x);
            y.push_back(covered.y);
        }
    return x.empty() ? CellRatio{} : CellRatio{MeanOf(x), MeanOf(y)};
}

/* ---- all ---- */

bool OpenWarpSource(const Input &input, const OutputGrid &grid, int overview, const Placement *nested,
                    WarpSource &source)
{
    std::string cause;
    {
        MessageCollector collector;
        source.openOptions = input.openOptions;
        source.overview = overview;
        if (overview >= 0)
            source.openOptions.SetNameValue("OVERVIEW_LEVEL", CPLSPrintf("%d only", overview));
        source.dataset.reset(GDALOpenEx(input.path.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr,
                                        source.openOptions.List(), nullptr));
        if (source.dataset)
            source.transformer = nested ? NestedTransformer(*nested) : NewTransformer(source.dataset.get(), grid);
        cause = collector.Cause("GDAL gives no reason");
    }
    if (!source.dataset || !source.transformer) {
        CPLError(CE_Failure, CPLE_AppDefined, "%s: input %s cannot be brought onto the grid of the result: %s",
                 input.driver, Describe(input).c_str(), cause.c_str());
        return false;
    }
    source.ratio = RatioOf(source.transformer.get(), source.dataset.get(), grid);
    return true;
}

int CoarsestOverview(const WarpSource &source, double least)
{
    GDALRasterBandH band = GDALGetRasterBand(source.dataset.get(), 1);
    int best = -1;
    double bestFactor = 1;
    for (int level = 0; level < GDALGetOverviewCount(band); level++) {
        GDALRasterBandH overview = GDALGetOverview(band, level);
        if (!overview || GDALGetRasterBandXSize(overview) < 1)
            continue;
        const double x = static_cast<double>(GDALGetRasterBandXSize(band)) / GDALGetRasterBandXSize(overview);
        const double y = static_cast<double>(GDALGetRasterBandYSize(band)) / GDALGetRasterBandYSize(overview);
        constexpr double kRounded = 1 + 1e-3; /* overviews have whole cells */
        if (x * least <= source.ratio.x * kRounded && y * least <= source.ratio.y * kRounded && x > bestFactor) {
            best = level;
            bestFactor = x;
        }
    }
    return best;
}

} // namespace fishnet
