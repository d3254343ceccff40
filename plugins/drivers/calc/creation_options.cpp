#include "creation_options.h"

#include <cstring>

#include "fishnet/grid.h"
#include "fishnet/recipe.h"

namespace fishnet
{

namespace
{
enum class Belongs { both, tiles, single };

/* Those that are not of the recipe, nor about workers. What GTiff takes is checked by GTiff. */
const struct {
    fn_option option;
    Belongs to;
} kOwnOptions[] = {
    {{"OUTPUT", FN_OPTION_CHOICE, "TILES|SINGLE", 0, 0, "TILES",
      "A file for each tile and a mosaic over them, or one GeoTIFF", nullptr},
     Belongs::both},
    {{"GRID", FN_OPTION_COUNTS, nullptr, 1, 100000, nullptr, "Columns x rows of tiles, such as 4x4",
      "expected columns x rows of tiles, such as 4x4"},
     Belongs::tiles},
    {{"TILE_SIZE", FN_OPTION_SIZE, "AUTO", 1, FN_TILE_MAX, "4096", "Size of a tile in pixels: 4096 or 4096x2048",
      "expected a size such as 4096 or 4096x2048, each side from 1 to 65536"},
     Belongs::tiles},
    {{"FORMAT", FN_OPTION_TEXT, nullptr, 0, 0, "GTiff", "Driver that writes the tiles", nullptr}, Belongs::tiles},
    {{"TILE_CO", FN_OPTION_SETTINGS, nullptr, 0, 0, nullptr,
      "Creation option of that driver, NAME=VALUE; may be repeated, or hold several separated by a semicolon",
      "expected NAME=VALUE, or several separated by a semicolon"},
     Belongs::tiles},
    {{"MOSAIC", FN_OPTION_CHOICE, "AUTO|VRT|GTI", 0, 0, "AUTO",
      "Kind of mosaic; AUTO: by the name of the output and the number of tiles; GTI needs GDAL 3.9", nullptr},
     Belongs::tiles},
    {{"RESUME", FN_OPTION_FLAG, nullptr, 0, 0, "NO", "Continue an interrupted run: whole tiles are kept", nullptr},
     Belongs::tiles},
    {{"PARTITION", FN_OPTION_SHARE, nullptr, 0, 0, nullptr,
      "i/n: only the tiles of the i-th of n shares, and no mosaic: other runs write the others into the same folder",
      nullptr},
     Belongs::tiles},
    {{"ASSEMBLE", FN_OPTION_FLAG, nullptr, 0, 0, "NO",
      "When all shares are done: only write the mosaic over their tiles, or say what is missing", nullptr},
     Belongs::tiles},
    {{"COMPRESS", FN_OPTION_TEXT, nullptr, 0, 0, "NONE", "As in GTiff: DEFLATE, ZSTD, LZW...", nullptr},
     Belongs::single},
    {{"PREDICTOR", FN_OPTION_WHOLE, nullptr, 1, 3, "1", "As in GTiff", nullptr}, Belongs::single},
    {{"ZLEVEL", FN_OPTION_WHOLE, nullptr, 1, 12, nullptr, "Level of DEFLATE", nullptr}, Belongs::single},
    {{"ZSTD_LEVEL", FN_OPTION_WHOLE, nullptr, 1, 22, nullptr, "Level of ZSTD", nullptr}, Belongs::single},
    {{"LZMA_PRESET", FN_OPTION_WHOLE, nullptr, 0, 9, nullptr, "Level of LZMA", nullptr}, Belongs::single},
    {{"MAX_Z_ERROR", FN_OPTION_NUMBER, nullptr, 0, 0, "0", "Largest error of LERC", nullptr}, Belongs::single},
    {{"BLOCKXSIZE", FN_OPTION_WHOLE, nullptr, 0, 0, nullptr, "Width of a block", nullptr}, Belongs::single},
    {{"BLOCKYSIZE", FN_OPTION_WHOLE, nullptr, 0, 0, nullptr, "Height of a block", nullptr}, Belongs::single},
    {{"BIGTIFF", FN_OPTION_CHOICE, "YES|NO|IF_NEEDED|IF_SAFER", 0, 0, "IF_SAFER", "As in GTiff", nullptr},
     Belongs::single},
    {{"INTERLEAVE", FN_OPTION_CHOICE, "BAND|PIXEL", 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::both},
    {{"NBITS", FN_OPTION_WHOLE, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"SPARSE_OK", FN_OPTION_FLAG, nullptr, 0, 0, "NO", "Leave out blocks of nothing but NoData", nullptr},
     Belongs::single},
    {{"WEBP_LEVEL", FN_OPTION_WHOLE, nullptr, 1, 100, nullptr, "Level of WEBP", nullptr}, Belongs::single},
    {{"WEBP_LOSSLESS", FN_OPTION_FLAG, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"DISCARD_LSB", FN_OPTION_WHOLE, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"ENDIANNESS", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"PIXELTYPE", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"PHOTOMETRIC", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"ALPHA", FN_OPTION_TEXT, nullptr, 0, 0, nullptr,
      "NODATA or IGNORE: what is transparent in an input; anything else as in GTiff", nullptr},
     Belongs::single},
    {{"PROFILE", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"GEOTIFF_KEYS_FLAVOR", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"GEOTIFF_VERSION", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"COPY_SRC_MDD", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"SRC_MDD", FN_OPTION_TEXT, nullptr, 0, 0, nullptr, "As in GTiff", nullptr}, Belongs::single},
    {{"TFW", FN_OPTION_FLAG, nullptr, 0, 0, "NO", "Write a world file", nullptr}, Belongs::single},
    {{"RPB", FN_OPTION_FLAG, nullptr, 0, 0, "NO", "Write an .RPB file", nullptr}, Belongs::single},
    {{"RPCTXT", FN_OPTION_FLAG, nullptr, 0, 0, "NO", "Write an _RPC.TXT file", nullptr}, Belongs::single},
};
} // namespace

/* The options of a recipe that may be given here, too. */
static const OptionTable &OfRecipe()
{
    static const OptionTable table = [] {
        /* A is the source. */
        const fn_option input = {"?", FN_OPTION_TEXT, &FN_OPTION_LETTERS[1],        0,
                                 0,   nullptr,        "Dataset that is this input", nullptr};
        OptionTable rows("FISHNET");
        rows.Add(input);
        for (const char *name : {"A_OO", "INPUT", "INPUT_OO", "CALC", "BANDS", "FLATTEN", "OT", "NODATA",
                                 "PROPAGATE_NODATA", "UNSCALE", "CHECK_EXTENT", "CHECK_CRS", "CACHE_MB", "ON_ERROR"})
            rows.Add(*fn_option_find(fn_recipe_option_table(), name, strlen(name)));
        rows.Add(fn_grid_option_table());
        return rows;
    }();
    return table;
}

const OptionTable &CreationOptions()
{
    static const OptionTable table = [] {
        OptionTable rows = OfRecipe();
        rows.Add(fn_worker_option_table());
        for (const auto &own : kOwnOptions)
            rows.Add(own.option);
        return rows;
    }();
    return table;
}

bool HasGridOptions(CSLConstList options)
{
    for (CSLConstList option = options; option && *option; option++)
        if (fn_option_find(fn_grid_option_table(), *option, strcspn(*option, "=")))
            return true;
    return false;
}

static bool IsOfRecipe(const std::string &key, const char *value)
{
    if (EQUAL(key.c_str(), "ALPHA")) /* GTiff has an option of that name, with other values */
        return EQUAL(value, "IGNORE") || EQUAL(value, "NODATA");
    return EQUAL(key.c_str(), "A") || OfRecipe().Find(key);
}

bool TakeOption(const char *option, Creation &creation, CPLStringList *other)
{
    const char *equal = strchr(option, '=');
    if (!equal)
        return true;
    const std::string key(option, equal);
    const char *value = equal + 1;
    bool known = false;
    fn_error err;
    if (fn_worker_options_take(&creation.workers, key.c_str(), key.size(), value, &known, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: %s", err.text);
        return false;
    }
    if (known)
        return true;
    if (EQUAL(key.c_str(), "ON_ERROR")) {
        fn_option_value onError;
        if (!ReadOption("FISHNET", *OfRecipe().Find(key), value, onError))
            return false;
        creation.errorIsNoData = onError.whole == 1;
    } else if (EQUAL(key.c_str(), "CACHE_MB")) {
        creation.openOptions.SetNameValue("CACHE_MB", value); /* the last one counts */
    } else if (IsOfRecipe(key, value) || !other) {
        creation.openOptions.AddString(option);
    } else {
        other->AddString(option);
    }
    return true;
}

bool CheckOwnOptions(const Creation &creation, bool single)
{
    for (const auto &[option, to] : kOwnOptions) {
        if (to == Belongs::both || !creation.own.FetchNameValue(option.name) || single == (to == Belongs::single))
            continue;
        if (single)
            CPLError(CE_Failure, CPLE_IllegalArg, "FISHNET: %s is an option of OUTPUT=TILES, and there are no tiles",
                     option.name);
        else
            CPLError(CE_Failure, CPLE_IllegalArg,
                     "FISHNET: %s is an option of OUTPUT=SINGLE. Options of the driver that writes the tiles are given "
                     "with TILE_CO=%s=%s",
                     option.name, option.name, creation.own.FetchNameValue(option.name));
        return false;
    }
    return true;
}

} // namespace fishnet
