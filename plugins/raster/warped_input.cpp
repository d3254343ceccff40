#include "warped_input.h"

#include <algorithm>
#include <cmath>

#include <gdalwarper.h>

#include "joined_validity.h"
#include "pixels.h"
#include "resampling_choice.h"
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

namespace
{
struct FreeWarpOptions {
    void operator()(GDALWarpOptions *options) const { GDALDestroyWarpOptions(options); }
};
using WarpOptions = std::unique_ptr<GDALWarpOptions, FreeWarpOptions>;

/* Bands that are resampled together, in their order. */
struct Warped {
    const InputOnGrid &own;
    const Warping &warping;
    std::vector<BandFacts> bands = {};
    std::vector<int> numbers = {}; /* in the source */
    int alpha = 0;                 /* which of them is opaqueness, from 1 */
    int validity = 0;              /* a band that the VRT has more: where a cell has values */
    bool becomesReal = false;      /* the bands */
    GDALDataType working = GDT_Unknown;
    bool keepsNoData = false; /* NoData values are copied as others are */
    bool isJoined = false;    /* one band, as joined_validity.h has it: its mask says which cells are valid */
    std::string text = {};    /* of what the warper reads, where that is a VRT over the input */

    bool Plan(GDALDatasetH source, int only = 0);
    bool CheckKinds() const;
    bool AllHaveNoData() const;
    bool AnyHasNoData() const;
    /* What is NoData in one band is not seen in others: one alone has NoData where the nearest cell is, several have
     * what is around it. */
    bool MustPart() const
    {
        return isJoined || (bands.size() > 1 && AnyHasNoData() && !keepsNoData && alpha == 0 &&
                            warping.method != FN_RESAMPLING_NEAR);
    }
    /* Where a number is outside, near copies NoData and opaqueness as other values. */
    bool KeepsAll() const { return own.outside && warping.method == FN_RESAMPLING_NEAR; }
    /* It says for each cell what the others' masks have said already: that of the centre, where they need it to be
     * valid, or the most that a cell has. */
    bool IsAlphaAlone() const { return isJoined && bands.size() == 1 && bands[0].isAlpha; }
    fn_resampling Method() const
    {
        const bool isOfCentre = warping.method == FN_RESAMPLING_NEAR || HasKernel(warping.method);
        return !IsAlphaAlone() ? warping.method : isOfCentre ? FN_RESAMPLING_NEAR : FN_RESAMPLING_MAX;
    }
    bool IsAlpha(size_t i) const { return static_cast<int>(i) + 1 == alpha; }
    /* Where nothing is, and whether that says so: opaqueness does it else, and NaN is no value to mix with. */
    bool BeginsWithNaN() const { return becomesReal && !IsAlphaAlone() && (alpha == 0 || AnyHasNoData()); }
    std::string InitialValues() const;
    WarpOptions Options(GDALDatasetH source) const;
    std::string Text(WarpSource &source, bool isAll) const;
    fn_type TypeOf(size_t i) const; /* in the VRT */
    void SayBand(CPLXMLNode *band, size_t i) const;
    void SayWarp(const XMLTree &tree, const WarpSource &source) const;
};
} // namespace

/* ---- what can be done ---- */

static bool Is64Bits(fn_type type)
{
    return type == FN_INT64 || type == FN_UINT64;
}

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

/* Outside of a raster is a number, which is no NoData: GDAL's warper leaves what it begins with where a cell has no
 * values, whether it lies outside or has NoData cells only. Which of the two it is a raster that is valid all over
 * says, unless NoData is copied as other values are. */
static bool NeedsCover(const InputOnGrid &own, const std::vector<BandFacts> &bands, fn_resampling method)
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

/* ---- the command ---- */

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
    const std::vector<BandFacts> facts = FactsOf(source.dataset.get());
    const bool hasNone = MustJoin(facts) || NeedsCover(own, facts, warping.method);
    if (hasNone || !warped.Plan(source.dataset.get()))
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
