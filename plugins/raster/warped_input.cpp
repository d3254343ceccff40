#include "warped_input.h"

#include <algorithm>

#include "joined_validity.h"
#include "pixels.h"
#include "shifted_input.h"
#include "warped_bands.h"

namespace fishnet
{

/* ---- what is pinned ---- */

/* Of a kernel: its size in cells of the raster is 1 / scale. Bilinear and cubic take the cells around a point as long
 * as there are less than two in a cell of the grid, as GDAL 3.13 does; all versions give the same then. Of the methods
 * that have no kernel: how far around a block cells of the raster are read. */
static double ScaleOf(fn_resampling method, double ratio)
{
    const bool isSmall = method == FN_RESAMPLING_BILINEAR || method == FN_RESAMPLING_CUBIC;
    const double scale = 1 / ratio, least = isSmall ? 0.5 : HasKernel(method) ? 0.95 : 1;
    return scale >= least ? 1 : CPLAtof(CPLSPrintf("%.12g", scale));
}

Warping PinWarping(fn_resampling method, const WarpSource &source)
{
    constexpr int kBlock = 512, kLeast = 32;
    constexpr double kBytes = 128 << 20; /* of the raster, for a block */
    Warping warping;
    warping.method = method;
    if (method != FN_RESAMPLING_NEAR) {
        warping.xScale = ScaleOf(method, source.ratio.x);
        warping.yScale = ScaleOf(method, source.ratio.y);
    }
    double cell = std::max(source.ratio.x, 1.0) * std::max(source.ratio.y, 1.0);
    for (int band = 1; band <= GDALGetRasterCount(source.dataset.get()); band++)
        cell += std::max(source.ratio.x, 1.0) * std::max(source.ratio.y, 1.0) *
                GDALGetDataTypeSizeBytes(GDALGetRasterDataType(GDALGetRasterBand(source.dataset.get(), band)));
    warping.block = kBlock;
    while (warping.block > kLeast && cell * warping.block * warping.block > kBytes)
        warping.block /= 2;
    return warping;
}

/* ---- the VRT ---- */

static void RemoveChild(CPLXMLNode *parent, CPLXMLNode *child)
{
    if (child && CPLRemoveXMLChild(parent, child))
        CPLDestroyXMLNode(child);
}

fn_type Warped::TypeOf(size_t i) const
{
    return !becomesReal || IsAlpha(i) ? bands[i].type : working == GDT_Float32 ? FN_FLOAT32 : FN_FLOAT64;
}

/* The type of its pixels and its NoData value. */
void Warped::SayBand(CPLXMLNode *band, size_t i) const
{
    const bool changes = becomesReal && !IsAlpha(i);
    CPLSetXMLValue(band, "#dataType", GDALGetDataTypeName(changes ? working : TypeInMemory(bands[i].type)));
    if (!changes)
        return;
    RemoveChild(band, CPLGetXMLNode(band, "NoDataValue"));
    if (!own.outside && BeginsWithNaN())
        SetNoData(band, "nan");
    CPLXMLNode *stored = nullptr; /* NBITS */
    for (CPLXMLNode *node = band->psChild; node && !stored; node = node->psNext)
        if (EQUAL(node->pszValue, "Metadata") && EQUAL(CPLGetXMLValue(node, "domain", ""), "IMAGE_STRUCTURE"))
            stored = node;
    RemoveChild(band, stored);
}

void Warped::SayWarp(const XMLTree &tree, const WarpSource &source) const
{
    CPLXMLNode *root = CPLGetXMLNode(tree.get(), "=VRTDataset");
    CPLXMLNode *warp = CPLGetXMLNode(root, "GDALWarpOptions");
    for (const char *side : {"BlockXSize", "BlockYSize"})
        CPLSetXMLValue(root, side, CPLSPrintf("%d", warping.block));
    CPLSetXMLValue(warp, "SourceDataset", (text.empty() ? own.input.path : text).c_str());
    CPLSetXMLValue(warp, "SourceDataset.#relativeToVRT", "0");
    RemoveChild(warp, CPLGetXMLNode(warp, "OpenOptions"));
    if (text.empty())
        AddOpenOptions(warp, source.openOptions.List());
}

/* isAll: it says of itself what the input does. Takes the transformer, which the VRT owns then. Empty after
 * CPLError. */
std::string Warped::Text(WarpSource &source, bool isAll) const
{
    const WarpOptions options = Options(source.dataset.get());
    options->pTransformerArg = source.transformer.release();
    if (warping.accuracy > 0) { /* as blocks are fixed, so are the places between which it takes straight lines */
        void *exact = options->pTransformerArg;
        options->pTransformerArg = GDALCreateApproxTransformer(GDALGenImgProjTransform, exact, warping.accuracy);
        GDALApproxTransformerOwnsSubtransformer(options->pTransformerArg, TRUE);
        options->pfnTransformer = GDALApproxTransform;
    }
    const DatasetHandle vrt(GDALCreateWarpedVRT(source.dataset.get(), own.grid.width, own.grid.height,
                                                const_cast<double *>(own.grid.geotransform), options.get()));
    if (vrt && isAll)
        TakeOver(own.dataset, vrt.get());
    const XMLTree tree = vrt ? TreeOf(vrt.get(), own.grid) : nullptr;
    if (!tree)
        return "";
    SayWarp(tree, source);
    for (size_t i = 0; i < bands.size(); i++)
        SayBand(BandNode(tree, static_cast<int>(i) + 1), i);
    if (validity > 0)
        CPLSetXMLValue(BandNode(tree, validity), "#dataType", "Byte");
    return TextOf(tree);
}

namespace
{
/* A band of a warped VRT. */
struct Inner {
    std::string text;
    int band;
    const Warped &warped;
    size_t i; /* of warped.bands */
};

/* Bands of warped VRTs in one VRT. */
struct Gathered {
    const InputOnGrid &own;
    std::vector<Inner> inner;
    std::string cover; /* of a warped VRT whose band 2 says where the input has cells; empty: no number is outside */

    std::string Text() const;
    bool AddPixels(CPLXMLNode *node, const Inner &one, int band, fn_type type, const std::string &outside) const;
    bool AddMaskOf(CPLXMLNode *parent, const Inner &one) const;
};
} // namespace

/* band: of the warped VRT, its pixels or where they are valid. False after CPLError. */
bool Gathered::AddPixels(CPLXMLNode *node, const Inner &one, int band, fn_type type, const std::string &outside) const
{
    const fn_window all = {0, 0, own.grid.width, own.grid.height};
    SourceText pixels = {one.text, nullptr, std::to_string(band), all, all};
    if (!cover.empty()) {
        const DatasetHandle vrt = NewVrt(own.grid);
        if (!vrt || GDALAddBand(vrt.get(), TypeInMemory(type), nullptr) != CE_None)
            return false;
        const XMLTree tree = TreeOf(vrt.get(), own.grid);
        if (!tree)
            return false;
        AddSource(BandNode(tree, 1), pixels);
        AddSource(AddMask(CPLGetXMLNode(tree.get(), "=VRTDataset")), {cover, nullptr, "2", all, all});
        pixels = {TextOf(tree), nullptr, "1", all, all, nullptr, true};
        AddSource(node, Constant(own.grid, type, outside));
    }
    AddSource(node, pixels);
    return true;
}

bool Gathered::AddMaskOf(CPLXMLNode *parent, const Inner &one) const
{
    return AddPixels(AddMask(parent), one, one.warped.validity, FN_UINT8, "255");
}

/* What the warped ones have more, where cells have values, is a mask of bands without NoData. */
std::string Gathered::Text() const
{
    const DatasetHandle vrt = NewVrt(own.grid);
    for (const Inner &one : inner)
        if (!vrt || GDALAddBand(vrt.get(), TypeInMemory(one.warped.bands[one.i].type), nullptr) != CE_None)
            return "";
    TakeOver(own.dataset, vrt.get());
    const XMLTree tree = TreeOf(vrt.get(), own.grid);
    bool good = tree != nullptr;
    const auto hasOwn = [](const Inner &one) { return one.warped.validity > 0; };
    const bool isOne = std::all_of(inner.begin(), inner.end(), [&](const Inner &one) {
        return hasOwn(one) && !one.warped.isJoined && !one.warped.AnyHasNoData();
    });
    for (size_t i = 0; good && i < inner.size(); i++) {
        const Inner &one = inner[i];
        const BandFacts &facts = one.warped.bands[one.i];
        CPLXMLNode *band = BandNode(tree, static_cast<int>(i) + 1);
        const fn_type type = one.warped.TypeOf(one.i);
        one.warped.SayBand(band, one.i);
        good = AddPixels(band, one, one.band, type, facts.isAlpha ? Opaque(type) : own.outside ? own.outside : "0");
        if (good && !isOne && hasOwn(one) && (!facts.nodata.set || facts.hasMask))
            good = AddMaskOf(band, one);
    }
    if (good && isOne)
        good = AddMaskOf(CPLGetXMLNode(tree.get(), "=VRTDataset"), inner[0]);
    return good ? TextOf(tree) : "";
}

/* Of a band alone. Empty after CPLError. */
static std::string PartText(Warped &part, int number, const WarpSource &source)
{
    WarpSource again;
    if (!OpenWarpSource(part.own.input, part.own.grid, source.overview, nullptr, again) ||
        !part.Plan(again.dataset.get(), number))
        return "";
    if (part.isJoined) {
        part.text = JoinedText(part.own.input, again, FactsOf(again.dataset.get()), number);
        again.dataset = OpenText(part.text);
    }
    return again.dataset ? part.Text(again, false) : "";
}

/* A warped VRT of two bands, whose second says where the input has cells. Empty after CPLError. */
static std::string CoverText(const InputOnGrid &own, const WarpSource &source, const Warping &warping)
{
    WarpSource again;
    if (!OpenWarpSource(own.input, own.grid, source.overview, nullptr, again))
        return "";
    Warped cover = {own, warping};
    cover.text = AllValidText(again);
    again.dataset = OpenText(cover.text);
    if (!again.dataset)
        return "";
    cover.bands.resize(1);
    cover.bands[0].type = FN_UINT8;
    cover.numbers = {1};
    cover.validity = 2;
    cover.working = GDT_Byte;
    return cover.Text(again, false);
}

std::string WarpedText(const InputOnGrid &given, WarpSource &source, const Warping &warping)
{
    const std::vector<BandFacts> facts = FactsOf(source.dataset.get());
    const bool isCovered = NeedsCover(given, facts, warping.method);
    InputOnGrid own = given;
    own.outside = isCovered ? nullptr : given.outside;
    Warped whole = {own, warping};
    whole.isJoined = MustJoin(facts) && !whole.KeepsAll();
    Gathered all = {given, {}, ""};
    if (!CheckOutside(given, facts, (int64_t(1) << 52) - 1) || !whole.Plan(source.dataset.get()))
        return "";
    if (isCovered && (all.cover = CoverText(own, source, warping)).empty())
        return "";
    if (!whole.MustPart()) {
        const bool isAll = whole.validity == 0 && !isCovered;
        const std::string text = whole.Text(source, isAll);
        for (size_t i = 0; i < whole.bands.size(); i++)
            all.inner.push_back({text, static_cast<int>(i) + 1, whole, i});
        return text.empty() || isAll ? text : all.Text();
    }
    std::vector<std::unique_ptr<Warped>> parts;
    for (const int number : whole.numbers) {
        parts.push_back(std::make_unique<Warped>(Warped{own, warping}));
        parts.back()->isJoined = whole.isJoined;
        all.inner.push_back({PartText(*parts.back(), number, source), 1, *parts.back(), 0});
        if (all.inner.back().text.empty())
            return "";
    }
    return all.Text();
}

bool ReadWarped(const std::function<bool()> &read)
{
    std::vector<Message> said;
    bool done = false;
    {
        MessageCollector collector;
        done = read();
        said = std::move(collector.messages);
    }
    for (const Message &message : said)
        if (!done || !STARTS_WITH(message.text.c_str(), "PROJ: "))
            Emit(message);
    return done;
}

} // namespace fishnet
