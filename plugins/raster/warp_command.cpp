#include "warp_command.h"

#include <algorithm>

#include "joined_validity.h"
#include "warped_bands.h"

namespace fishnet
{

static std::string Quoted(const std::string &word)
{
    if (!word.empty() &&
        word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,+-") ==
            std::string::npos)
        return word;
    std::string text = "'";
    for (const char c : word)
        text += c == '\'' ? "'\\''" : std::string(1, c);
    return text + "'";
}

/* "EPSG:32632", where that is the same CRS; else in words. */
static std::string NameOf(OGRSpatialReferenceH srs)
{
    const char *authority = OSRGetAuthorityName(srs, nullptr), *code = OSRGetAuthorityCode(srs, nullptr);
    const SRSHandle named(OSRNewSpatialReference(nullptr));
    const std::string name = authority && code ? std::string(authority) + ":" + code : "";
    const QuietErrors quiet;
    if (!name.empty() && OSRSetFromUserInput(named.get(), name.c_str()) == OGRERR_NONE &&
        IsSameHorizontally(srs, named.get()))
        return name;
    char *words = nullptr;
    const char *const options[] = {"FORMAT=WKT2_2019", nullptr};
    const bool known = OSRExportToWktEx(srs, &words, options) == OGRERR_NONE && words;
    const std::string text = known ? words : "";
    CPLFree(words);
    return text;
}

std::string WarpCommand(const InputOnGrid &own, const WarpSource &source, const Warping &warping)
{
    Warped warped = {own, warping};
    std::vector<BandFacts> facts = FactsOf(source.dataset.get());
    if (NeedsCover(own, facts, warping.method))
        return "";
    for (BandFacts &band : facts)
        band.hasMask = band.hasMask && !band.maskIsNoData;
    if (MustJoin(facts) || !warped.Plan(source.dataset.get()))
        return "";
    const double *gt = own.grid.geotransform;
    std::string text = std::string("gdalwarp -et 0 -novshift -r ") + fn_resampling_name(warping.method);
    if (OGRSpatialReferenceH srs = GDALGetSpatialRef(source.dataset.get()); srs && OSRGetAxesCount(srs) > 2)
        text += " -s_srs " + Quoted(NameOf(HorizontalOf(srs).get()));
    if (own.grid.srs)
        text += " -t_srs " + Quoted(NameOf(HorizontalOf(own.grid.srs.get()).get()));
    text += CPLSPrintf(" -te %.17g %.17g %.17g %.17g -ts %d %d", gt[0], gt[3] + own.grid.height * gt[5],
                       gt[0] + own.grid.width * gt[1], gt[3], own.grid.width, own.grid.height);
    text += source.overview < 0 ? " -ovr NONE" : " -ovr " + std::to_string(source.overview);
    const WarpOptions options = warped.Options(source.dataset.get());
    for (char **word = options->papszWarpOptions; *word; word++)
        if (!STARTS_WITH(*word, "ERROR_OUT") && !STARTS_WITH(*word, "INIT_DEST"))
            text += " -wo " + Quoted(*word);
    const char *type = GDALGetDataTypeName(warped.working);
    /* gdalwarp loses the NoData value of 64 bits */
    const bool isDouble = std::any_of(warped.bands.begin(), warped.bands.end(),
                                      [](const BandFacts &band) { return Is64Bits(band.type); });
    text += std::string(" -wt ") + type;
    text += warped.becomesReal || isDouble ? std::string(" -ot ") + type : "";
    if (own.outside) {
        text += " -wo INIT_DEST=" + Quoted(warped.InitialValues()) + " -dstnodata none";
        text += warped.keepsNoData ? " -srcnodata none -nosrcalpha" : "";
    } else if (options->padfDstNoDataReal)
        text += " -dstnodata " + Quoted([&] {
                    std::string values = warped.InitialValues();
                    std::replace(values.begin(), values.end(), ',', ' ');
                    return values;
                }());
    if (warped.validity > 0)
        text += " -dstalpha";
    if (warped.MustPart()) /* one after the other */
        text += " -b 1";
    for (CSLConstList option = own.input.openOptions.List(); option && *option; option++)
        text += " -oo " + Quoted(*option);
    return text + " " + Quoted(WithoutSecrets(own.input.name)) + " out.tif";
}

} // namespace fishnet
