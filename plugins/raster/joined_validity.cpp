#include "joined_validity.h"

#include <algorithm>

#include "pixels.h"

namespace fishnet
{

bool IsRounded(const BandFacts &band)
{
    constexpr int64_t kMost = int64_t(1) << 52;
    const auto &value = band.nodata.value;
    if (!band.nodata.set)
        return false;
    return band.type == FN_INT64 ? value.i != INT64_MIN && (value.i >= kMost || value.i <= -kMost)
                                 : band.type == FN_UINT64 && value.u >= uint64_t(kMost);
}

bool MustJoin(const std::vector<BandFacts> &bands)
{
    const bool hasAlpha = std::any_of(bands.begin(), bands.end(), [](const BandFacts &band) { return band.isAlpha; });
    return std::any_of(bands.begin(), bands.end(), [&](const BandFacts &band) {
        const bool isWeight = band.type == FN_UINT8 || band.type == FN_UINT16;
        return IsRounded(band) ? true
               : band.isAlpha  ? !isWeight
                               : band.hasMask && (band.nodata.set || !band.maskIsShared || hasAlpha);
    });
}

/* A VRT of one band; NULL after CPLError. */
static XMLTree OneBand(const OutputGrid &grid, GDALDataType type, const SourceText &source)
{
    const DatasetHandle vrt = NewVrt(grid);
    if (!vrt || GDALAddBand(vrt.get(), type, nullptr) != CE_None)
        return nullptr;
    XMLTree tree = TreeOf(vrt.get(), grid);
    if (tree)
        AddSource(BandNode(tree, 1), source);
    return tree;
}

/* A source that hides what of a band is equal to a number, painted over a mask. */
static SourceText NotEqual(const OutputGrid &grid, GDALDataType type, const SourceText &band, const std::string &number)
{
    const XMLTree tree = OneBand(grid, type, band);
    SourceText hides = {"", nullptr, "mask,1", band.from, band.to};
    if (!tree) /* out of memory; a source without a name cannot be opened */
        return hides;
    SetNoData(BandNode(tree, 1), number);
    hides.name = TextOf(tree);
    hides.skipped = "255";
    return hides;
}

static std::string Number(const fn_nodata &nodata, fn_type type)
{
    if (type == FN_INT64)
        return std::to_string(nodata.value.i);
    if (type == FN_UINT64)
        return std::to_string(nodata.value.u);
    return CPLSPrintf("%.17g", NumberInMemory(fn_nodata_as_double(nodata, type), type));
}

std::string JoinedText(const Input &input, const WarpSource &source, const std::vector<BandFacts> &bands, int band)
{
    const BandFacts &own = bands[static_cast<size_t>(band) - 1];
    const OutputGrid grid = GridOf(source.dataset.get());
    const fn_window all = {0, 0, grid.width, grid.height};
    const auto part = [&](const std::string &name) {
        return SourceText{input.path, source.openOptions.List(), name, all, all};
    };
    const XMLTree tree = OneBand(grid, TypeInMemory(own.type), part(std::to_string(band)));
    if (!tree)
        return "";
    if (own.isAlpha)
        return TextOf(tree);
    CPLXMLNode *mask = AddMask(CPLGetXMLNode(tree.get(), "=VRTDataset"));
    AddSource(mask, own.hasMask ? part("mask," + std::to_string(band)) : Constant(grid, FN_UINT8, "255"));
    if (own.nodata.set)
        AddSource(mask,
                  NotEqual(grid, TypeInMemory(own.type), part(std::to_string(band)), Number(own.nodata, own.type)));
    for (size_t i = 0; i < bands.size(); i++)
        if (bands[i].isAlpha)
            AddSource(mask, NotEqual(grid, TypeInMemory(bands[i].type), part(std::to_string(i + 1)), "0"));
    return TextOf(tree);
}

std::string AllValidText(const WarpSource &source)
{
    const OutputGrid grid = GridOf(source.dataset.get());
    const XMLTree tree = OneBand(grid, GDT_Byte, Constant(grid, FN_UINT8, "255"));
    return tree ? TextOf(tree) : "";
}

} // namespace fishnet
