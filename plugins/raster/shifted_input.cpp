#include "shifted_input.h"

#include <algorithm>

#include "pixels.h"

namespace fishnet
{

/* Whether a VRT may leave 0 where it has no source: what lies outside is said by a mask. */
static bool IsLeftEmpty(fn_type type)
{
    return type == FN_INT64 || type == FN_UINT64 || (type == FN_INT8 && ToGDAL(FN_INT8) == GDT_Unknown);
}

/* A number of 64 bits is a double on its way. */
static bool IsKept(const fn_nodata &number, fn_type type, int64_t most)
{
    return type == FN_INT64    ? number.value.i >= -most && number.value.i <= most
           : type == FN_UINT64 ? number.value.u <= uint64_t(most)
                               : true;
}

bool CheckOutside(const InputOnGrid &own, const std::vector<BandFacts> &bands, int64_t most)
{
    fn_nodata number;
    for (size_t i = 0; own.outside && i < bands.size(); i++) {
        const fn_type type = bands[i].type;
        if (bands[i].isAlpha || type == FN_TYPE_COUNT)
            continue;
        const bool holds = fn_nodata_parse(own.outside, type, &number, nullptr) == FN_OK;
        if (holds && IsKept(number, type, most))
            continue;
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: OUTSIDE=%s: band %d of %s is of type %s, %s", own.input.driver,
                 own.outside, static_cast<int>(i) + 1, Describe(own.input).c_str(), fn_type_name(type),
                 holds ? CPLSPrintf("and GDAL may round a number beyond %lld", static_cast<long long>(most))
                       : "which cannot hold it");
        return false;
    }
    return true;
}

namespace
{
struct Shifted {
    const InputOnGrid &own;
    const Placement &placed;
    std::vector<BandFacts> bands;
    bool hasAlpha;

    SourceText Part(const std::string &band) const;
    void AddPixels(CPLXMLNode *node, size_t i) const;
    bool NeedsMask(size_t i) const;
    void AddMaskOf(CPLXMLNode *node, size_t i) const;
    void AddMasks(const XMLTree &tree) const;
};
} // namespace

SourceText Shifted::Part(const std::string &band) const
{
    const fn_window &common = placed.common;
    return {
        own.input.path, own.input.openOptions.List(), band, {placed.x, placed.y, common.width, common.height}, common};
}

std::string Opaque(fn_type type)
{
    return type == FN_UINT16 ? "65535" : type == FN_UINT8 ? "255" : "1";
}

void Shifted::AddPixels(CPLXMLNode *node, size_t i) const
{
    if (own.outside)
        AddSource(node, Constant(own.grid, bands[i].type, bands[i].isAlpha ? Opaque(bands[i].type) : own.outside));
    if (!placed.isApart)
        AddSource(node, Part(std::to_string(i + 1)));
}

/* Where no value and no alpha says what is valid, or where the input has a mask. To an expression alpha may be a band
 * like others. */
bool Shifted::NeedsMask(size_t i) const
{
    const BandFacts &band = bands[i];
    if (band.hasMask || (!own.outside && !band.isAlpha && IsLeftEmpty(band.type)))
        return true;
    return !own.outside && !band.nodata.set && !band.isAlpha && (!hasAlpha || own.computes);
}

void Shifted::AddMaskOf(CPLXMLNode *node, size_t i) const
{
    CPLXMLNode *mask = AddMask(node);
    if (own.outside)
        AddSource(mask, Constant(own.grid, FN_UINT8, "255"));
    if (placed.isApart)
        return;
    SourceText part = Part("mask," + std::to_string(i + 1));
    if (!bands[i].hasMask && !bands[i].nodata.set) { /* all of the raster */
        part = Constant(own.grid, FN_UINT8, "255");
        part.from = part.to = placed.common;
    }
    AddSource(mask, part);
}

void Shifted::AddMasks(const XMLTree &tree) const
{
    size_t needed = 0, shared = 0, values = 0, first = bands.size();
    for (size_t i = 0; i < bands.size(); i++) {
        if (bands[i].isAlpha)
            continue;
        values++;
        if (!NeedsMask(i))
            continue;
        first = std::min(first, i);
        needed++;
        shared += bands[i].hasMask ? bands[i].maskIsShared : !bands[i].nodata.set;
    }
    const auto isLikeFirst = [&](const BandFacts &band) {
        return band.isAlpha || band.hasMask == bands[first].hasMask;
    };
    if (needed > 0 && needed == values && shared == needed && std::all_of(bands.begin(), bands.end(), isLikeFirst))
        AddMaskOf(CPLGetXMLNode(tree.get(), "=VRTDataset"), first);
    else
        for (size_t i = 0; i < bands.size(); i++)
            if (NeedsMask(i))
                AddMaskOf(BandNode(tree, static_cast<int>(i) + 1), i);
}

std::string ShiftedText(const InputOnGrid &own, const Placement &placed)
{
    const Shifted shifted = {own, placed, FactsOf(own.dataset), AlphaBand(own.dataset) > 0};
    const DatasetHandle vrt = CheckOutside(own, shifted.bands, int64_t(1) << 53) ? NewVrt(own.grid) : nullptr;
    if (!vrt)
        return "";
    for (int band = 1; band <= GDALGetRasterCount(own.dataset); band++)
        if (GDALAddBand(vrt.get(), GDALGetRasterDataType(GDALGetRasterBand(own.dataset, band)), nullptr) != CE_None)
            return "";
    TakeOver(own.dataset, vrt.get());
    if (const char *order = GDALGetMetadataItem(own.dataset, "INTERLEAVE", "IMAGE_STRUCTURE"))
        GDALSetMetadataItem(vrt.get(), "INTERLEAVE", order, "IMAGE_STRUCTURE"); /* bands are read together, or not */
    const XMLTree tree = TreeOf(vrt.get(), own.grid);
    for (size_t i = 0; i < shifted.bands.size(); i++)
        shifted.AddPixels(BandNode(tree, static_cast<int>(i) + 1), i);
    shifted.AddMasks(tree);
    return TextOf(tree);
}

} // namespace fishnet
