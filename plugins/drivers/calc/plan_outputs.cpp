#include "plan_outputs.h"

#include <algorithm>

#include "pixels.h"

namespace fishnet
{

bool AddComputedOutputs(Plan &plan, const fn_recipe &recipe)
{
    Output output;
    output.type = recipe.type;
    if (output.type == FN_TYPE_COUNT) {
        output.type = plan.expr->IsBeyondFloat32() ? FN_FLOAT64 : FN_FLOAT32;
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
        output.equalsStay = true; /* A*(A>0) with NODATA=0 masks */
    } else if (!recipe.nodata_none) {
        output.nodata = fn_nodata_default(output.type);
        if (fn_type_is_integer(output.type))
            CPLError(
                CE_Warning, CPLE_AppDefined,
                "FISHNET: NODATA is not given: %.17g is NoData in the output of type %s, and values of it become the "
                "next to it (NODATA=none switches it off)",
                fn_nodata_as_double(output.nodata, output.type), fn_type_name(output.type));
    }
    plan.bandCount = static_cast<int>(plan.expr->OutputCount());
    plan.outputs.assign(static_cast<size_t>(plan.bandCount), output);
    plan.pixelInterleaved = plan.bandCount > 1;
    return true;
}

bool AddSourceOutputs(Plan &plan, const InputHandles &handles)
{
    GDALDatasetH dataset = handles[0];
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
                     Describe(plan.inputs[0]).c_str(), GDALGetDataTypeName(GDALGetRasterDataType(band)));
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
    for (const Output &output : plan.outputs)
        plan.inputs[0].bands.push_back(output.band);
    const char *interleave = GDALGetMetadataItem(dataset, "INTERLEAVE", "IMAGE_STRUCTURE");
    plan.pixelInterleaved =
        plan.bandCount > 1 && (plan.inputs[0].pipeline.allBands || (interleave && EQUAL(interleave, "PIXEL")));
    return true;
}

/* Finds the lines of a part (PARTITION). The inputs alone decide, and never the TILE_SIZE of who reads it: readers of
 * other parts would not agree on where it begins. */
static bool TakePart(Plan &plan, const fn_recipe &recipe, GDALDatasetH first, int tileHeight, int blockHeight,
                     int64_t *lines)
{
    const int height = GDALGetRasterYSize(first);
    if (fn_grid_part(height, tileHeight, blockHeight, recipe.part, recipe.parts, &plan.firstLine, lines, nullptr) ==
        FN_OK)
        return true;
    CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: PARTITION=%d/%d: %s has only %d lines", recipe.part, recipe.parts,
             Describe(plan.inputs[0]).c_str(), height);
    return false;
}

static void MakeGroups(Plan &plan)
{
    std::vector<Plan::Group> &groups = plan.groups;
    if (plan.pixelInterleaved)
        groups.push_back({0, static_cast<size_t>(plan.bandCount)});
    while (groups.empty() || groups.back().first + groups.back().count < plan.outputs.size())
        groups.push_back({groups.empty() ? 0 : groups.back().first + groups.back().count, 1});
}

/* A copy reads whole blocks of its source. Strips that are a little higher than some blocks of a file, so that less is
 * decoded twice, would end within the blocks of the copy: nothing could be written behind (see TileReader). */
static int BlockHeight(const fn_grid &grid, bool given)
{
    constexpr int kBlock = 256;
    const bool isHigh = grid.cols == 1 && grid.rows > 1 && grid.tile_height > kBlock && grid.tile_height % kBlock != 0;
    return static_cast<int>(std::min<int64_t>(isHigh && !given ? kBlock : grid.tile_height, grid.height));
}

/* The tiles of TILE_SIZE=AUTO. dataset: the first input. */
static void AutoTile(const Plan &plan, GDALDatasetH dataset, int *tileWidth, int *tileHeight, int *blockHeight)
{
    const Plan::Group &group = plan.groups[0];
    size_t bytes = 0; /* of one pixel, all planes in and all outputs of the largest group */
    for (const Plane &plane : plan.planes)
        bytes += fn_type_size(plane.type);
    if (plan.expr)
        bytes = std::min(bytes, plan.expr->PixelBytes());
    for (size_t i = group.first; i < group.first + group.count; i++)
        bytes += fn_type_size(plan.outputs[i].type);
    ChooseTileSize(plan.inputs, plan.planes, dataset, bytes, tileWidth, tileHeight, blockHeight);
}

bool MakeGrid(Plan &plan, const fn_recipe &recipe, const InputHandles &handles)
{
    GDALDatasetH first = handles[0];
    MakeGroups(plan);
    int tileWidth = 0, tileHeight = 0, blockHeight = 0;
    const int width = plan.place ? plan.place->width : GDALGetRasterXSize(first);
    int64_t lines = plan.place ? plan.place->height : GDALGetRasterYSize(first);
    AutoTile(plan, first, &tileWidth, &tileHeight, &blockHeight);
    if (recipe.parts > 1 && !TakePart(plan, recipe, first, tileHeight, blockHeight, &lines))
        return false;
    int above = LinesAbove(plan.inputs, tileHeight, plan.firstLine);
    if (recipe.tile_width > 0) {
        tileWidth = recipe.tile_width;
        tileHeight = recipe.tile_height;
        above = 0;
    }
    fn_error err;
    if (fn_grid_init_above(&plan.grid, width, lines, tileWidth, tileHeight, above, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: %s: %s", Describe(plan.inputs[0]).c_str(), err.text);
        return false;
    }
    plan.blockHeight = BlockHeight(plan.grid, recipe.tile_width > 0);
    /* GDAL counts the bytes of a block in an int. */
    const double blockBytes = 8.0 * plan.grid.tile_width * plan.grid.tile_height;
    if (blockBytes > 2147483647.0) {
        CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: TILE_SIZE=%dx%d: tiles of more than 2 GB are not possible",
                 plan.grid.tile_width, plan.grid.tile_height);
        return false;
    }
    return true;
}

} // namespace fishnet
