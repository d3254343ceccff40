#include "picked_input.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "joined_validity.h"
#include "pixels.h"
#include "shifted_input.h"
#include "vrt_sources.h"

namespace fishnet
{

void PickedAxis::Clip(int64_t &first, int64_t &end) const
{
    const auto firstFrom = [&](int64_t least) { /* At() grows with the position */
                                                int64_t low = first, high = end;
                                                while (low < high) {
                                                    const int64_t middle = low + (high - low) / 2;
                                                    if (At(middle) < least)
                                                        low = middle + 1;
                                                    else
                                                        high = middle;
                                                }
                                                return low;
    };
    const int64_t begin = firstFrom(0);
    end = firstFrom(count);
    first = std::min(begin, end);
}

/* ---- what is picked ---- */

/* Opaqueness of Byte goes with each cell as it is; of the rest GDAL's warper makes quotients. */
static bool SuitsAlpha(const std::vector<BandFacts> &bands)
{
    const auto alpha = std::find_if(bands.begin(), bands.end(), [](const BandFacts &band) { return band.isAlpha; });
    return alpha == bands.end() || MustJoin(bands) ||
           (alpha->type == FN_UINT8 && std::none_of(bands.begin(), bands.end(), [](const BandFacts &band) {
                return fn_type_size(band.type) > sizeof(float);
            }));
}

static bool SuitsPipeline(const Pipeline &pipeline)
{
    return !pipeline.rows && !pipeline.computesRows && !pipeline.warped && !pipeline.allBands && pipeline.halo == 0 &&
           !pipeline.remote.is;
}

static std::vector<PickedBand> BandsOf(const InputOnGrid &own, const std::vector<BandFacts> &facts)
{
    const bool isMasked = std::any_of(facts.begin(), facts.end(), [](const BandFacts &band) { return band.hasMask; });
    const bool keepsAll = own.outside && !isMasked, isJoined = MustJoin(facts);
    int alpha = 0;
    for (size_t i = 0; i < facts.size(); i++)
        alpha = facts[i].isAlpha ? static_cast<int>(i) + 1 : alpha;
    std::vector<PickedBand> bands;
    for (const BandFacts &one : facts) {
        PickedBand band;
        band.facts = one;
        band.outside = band.invalid = one.nodata;
        if (own.outside)
            fn_nodata_parse(one.isAlpha ? Opaque(one.type).c_str() : own.outside, one.type, &band.outside, nullptr);
        band.outsideMask = own.outside ? 255 : 0;
        band.byMask = one.hasMask;
        band.byNoData = isJoined && one.nodata.set;
        band.alpha = one.isAlpha || keepsAll ? 0 : alpha;
        band.hasMask = isJoined || alpha == 0;
        bands.push_back(band);
    }
    return bands;
}

/* Those of the raster, as the grid has them. */
static int BlockOf(int block, const PickedAxis &axis)
{
    constexpr int64_t kMost = 1 << 13;
    const int64_t cells =
        axis.gridCell > axis.rasterCell ? block / std::max<int64_t>(1, axis.gridCell) : block * axis.rasterCell;
    return static_cast<int>(std::clamp<int64_t>(cells, 1, kMost));
}

std::shared_ptr<const Picking> PickingOf(const InputOnGrid &own, const Placement &nested)
{
    const std::vector<BandFacts> facts = FactsOf(own.dataset);
    const bool isComplex =
        std::any_of(facts.begin(), facts.end(), [](const BandFacts &band) { return band.type == FN_TYPE_COUNT; });
    if (isComplex || !SuitsAlpha(facts) || !SuitsPipeline(own.input.pipeline))
        return nullptr;
    auto picking = std::make_shared<Picking>();
    const auto axis = [&](int i, int count) {
        return PickedAxis{std::llround(nested.origin[i]), std::llround(nested.rasterCell[i]),
                          std::llround(nested.gridCell[i]), count};
    };
    const int width = GDALGetRasterXSize(own.dataset), height = GDALGetRasterYSize(own.dataset);
    picking->columns = axis(0, width);
    picking->rows = axis(1, height);
    picking->bands = BandsOf(own, facts);
    picking->source.push_back(own.input);
    Input &source = picking->source[0];
    source.poolPlaces = 0; /* the one that is picked of it has them */
    source.bands.clear();
    for (int band = 1; band <= source.bandCount; band++)
        source.bands.push_back(band);
    source.structure = StructureOf(own.dataset, source.bands);
    int blockWidth = 0, blockHeight = 0;
    GDALGetBlockSize(GDALGetRasterBand(own.dataset, 1), &blockWidth, &blockHeight);
    fn_grid blocks = {};
    if (fn_grid_init(&blocks, width, height, std::min(blockWidth, width), std::min(blockHeight, height), nullptr) !=
        FN_OK)
        return nullptr;
    picking->units = VrtSources::UnitsOf(blocks);
    picking->blockWidth = BlockOf(picking->units.tile_width, picking->columns);
    picking->blockHeight = BlockOf(picking->units.tile_height, picking->rows);
    return picking;
}

/* ---- reading ---- */

namespace
{
/* Part of a window of the grid whose cells lie in one unit of the raster. */
struct Part {
    int64_t firstColumn, endColumn, firstRow, endRow; /* of the grid */
    fn_window from;                                   /* of the raster, that is read */
};

/* What is read of a unit for one of the bands. */
struct Piece {
    char *pixels = nullptr;
    std::vector<unsigned char> valid; /* where it is 0 they are hidden; empty: nowhere */
};

struct Picker {
    const Picking &picking;
    const std::vector<BandBuffer> &bands;
    const fn_window &window;
    const ReadRaster &read;
    std::vector<Piece> pieces = {};
    std::vector<char> pixels = {};     /* of all pieces, and opaqueness: those that are read lie at equal distances */
    std::vector<int64_t> columns = {}; /* of the part, in what is read */

    const PickedBand &Band(const BandBuffer &own) const { return picking.bands[static_cast<size_t>(own.band) - 1]; }
    void FillOutside(const Part &inside) const;
    bool PickPart(const Part &part);
    bool ReadPieces(const Part &part);
    void HideTransparent(const BandBuffer &opaque, size_t count);
    void HideNoData(size_t i, size_t count);
    void Hide(size_t i, size_t count);
    template <class T> void Gather(const Part &part, const BandBuffer &own, const T *from) const;
};
} // namespace

template <class T> void Picker::Gather(const Part &part, const BandBuffer &own, const T *from) const
{
    const auto count = static_cast<size_t>(part.endColumn - part.firstColumn);
    int64_t last = -1;
    const T *done = nullptr;
    for (int64_t row = part.firstRow; row < part.endRow; row++) {
        T *to = reinterpret_cast<T *>(own.data) + (row - window.y) * window.width + part.firstColumn - window.x;
        const int64_t at = picking.rows.At(row);
        if (at == last)
            memcpy(to, done, count * sizeof(T));
        else {
            const T *line = from + (at - part.from.y) * part.from.width;
            for (size_t i = 0; i < count; i++)
                to[i] = line[columns[i]];
        }
        last = at;
        done = to;
    }
}

/* Outside of the raster, all around. */
void Picker::FillOutside(const Part &inside) const
{
    const bool isAll = inside.firstColumn == window.x && inside.endColumn == window.x + window.width &&
                       inside.firstRow == window.y && inside.endRow == window.y + window.height;
    for (const BandBuffer &own : bands) {
        const int64_t count = isAll ? 0 : window.width * window.height;
        const int size = static_cast<int>(fn_type_size(own.type));
        if (own.isMask)
            memset(own.data, Band(own).outsideMask, static_cast<size_t>(count));
        else
            FillWith(Band(own).outside, Band(own).facts.type, own.data, TypeInMemory(own.type), size, count);
    }
}

void Picker::HideTransparent(const BandBuffer &opaque, size_t count)
{
    std::vector<unsigned char> visible(count, 255);
    HideWhereZero(opaque.data, opaque.type, count, visible.data());
    for (size_t i = 0; i < bands.size(); i++) {
        if (Band(bands[i]).alpha == 0)
            continue;
        pieces[i].valid.resize(count, 255);
        for (size_t at = 0; at < count; at++)
            if (!visible[at])
                pieces[i].valid[at] = 0;
    }
}

/* Of a mask that says what the NoData value says, too. */
void Picker::HideNoData(size_t i, size_t count)
{
    const PickedBand &band = Band(bands[i]);
    const size_t size = fn_type_size(band.facts.type);
    std::vector<char> nodata(size);
    FillWith(band.facts.nodata, band.facts.type, nodata.data(), TypeInMemory(band.facts.type), static_cast<int>(size),
             1);
    const bool isNaN = fn_nodata_as_double(band.facts.nodata, band.facts.type) !=
                       fn_nodata_as_double(band.facts.nodata, band.facts.type);
    pieces[i].valid.resize(count, 255);
    for (size_t at = 0; at < count && !isNaN; at++) /* NaN is no value in any case */
        if (memcmp(pieces[i].pixels + at * size, nodata.data(), size) == 0)
            pieces[i].valid[at] = 0;
}

/* Puts what a hidden cell has into its pixels; of a mask that is 0. */
void Picker::Hide(size_t i, size_t count)
{
    const PickedBand &band = Band(bands[i]);
    const size_t size = fn_type_size(bands[i].type);
    Piece &piece = pieces[i];
    if (bands[i].isMask) {
        piece.valid.resize(count, 255);
        for (size_t at = 0; at < count; at++)
            piece.pixels[at] = static_cast<char>(piece.valid[at] ? 255 : 0);
        return;
    }
    std::vector<char> invalid(size);
    FillWith(band.invalid, band.facts.type, invalid.data(), TypeInMemory(bands[i].type), static_cast<int>(size), 1);
    for (size_t at = 0; at < piece.valid.size(); at++)
        if (!piece.valid[at])
            memcpy(piece.pixels + at * size, invalid.data(), size);
}

/* Reads what the bands need of the raster: values and opaqueness, which lie side by side, and masks. */
bool Picker::ReadPieces(const Part &part)
{
    const auto count = static_cast<size_t>(part.from.width * part.from.height);
    const auto isRead = [&](const BandBuffer &own) { return !own.isMask || Band(own).byNoData; };
    std::vector<BandBuffer> values, masks;
    std::vector<size_t> order; /* of the pieces: values first */
    int alpha = 0;
    for (const bool first : {true, false})
        for (size_t i = 0; i < bands.size(); i++)
            if (isRead(bands[i]) == first) {
                order.push_back(i);
                alpha = std::max(alpha, Band(bands[i]).alpha);
                if (first)
                    values.push_back({bands[i].band, false, Band(bands[i]).facts.type, nullptr});
            }
    if (alpha > 0)
        values.push_back({alpha, false, picking.bands[static_cast<size_t>(alpha) - 1].facts.type, nullptr});
    const size_t readCount = values.size() - (alpha > 0 ? 1 : 0);
    size_t largest = 1; /* of a pixel */
    for (const BandBuffer &value : values)
        largest = std::max(largest, fn_type_size(value.type));
    pixels.resize(count * largest * (values.size() + bands.size() - readCount));
    for (size_t i = 0; i < values.size(); i++)
        values[i].data = pixels.data() + i * count * largest;
    for (size_t k = 0; k < order.size(); k++) {
        Piece &piece = pieces[order[k]];
        const BandBuffer &own = bands[order[k]];
        piece.pixels = pixels.data() + (k < readCount ? k : k + (alpha > 0 ? 1 : 0)) * count * largest;
        piece.valid = std::vector<unsigned char>(Band(own).byMask ? count : 0, 255);
        if (Band(own).byMask)
            masks.push_back({own.band, true, FN_UINT8, reinterpret_cast<char *>(piece.valid.data())});
    }
    if ((!values.empty() && !read(values, part.from)) || (!masks.empty() && !read(masks, part.from)))
        return false;
    if (alpha > 0)
        HideTransparent(values.back(), count);
    for (size_t i = 0; i < bands.size(); i++) {
        if (Band(bands[i]).byNoData && bands[i].isMask)
            HideNoData(i, count);
        Hide(i, count);
    }
    return true;
}

bool Picker::PickPart(const Part &part)
{
    columns.clear();
    for (int64_t column = part.firstColumn; column < part.endColumn; column++)
        columns.push_back(picking.columns.At(column) - part.from.x);
    if (!ReadPieces(part))
        return false;
    for (size_t i = 0; i < bands.size(); i++) {
        const char *from = pieces[i].pixels;
        switch (fn_type_size(bands[i].type)) {
        case 1:
            Gather(part, bands[i], reinterpret_cast<const uint8_t *>(from));
            break;
        case 2:
            Gather(part, bands[i], reinterpret_cast<const uint16_t *>(from));
            break;
        case 4:
            Gather(part, bands[i], reinterpret_cast<const uint32_t *>(from));
            break;
        default:
            Gather(part, bands[i], reinterpret_cast<const uint64_t *>(from));
        }
    }
    return true;
}

/* Positions of the grid from `first` on that lie in one unit of the raster, up to where. from, size: what is to be read
 * of it: all, if no other window needs of it what this one does not. */
static int64_t UnitEnd(const PickedAxis &axis, int64_t first, int64_t end, int unit, int64_t &from, int64_t &size)
{
    const int64_t begin = axis.At(first) / unit * unit, stop = std::min(begin + unit, axis.count);
    int64_t next = first;
    while (next < end && axis.At(next) < stop)
        next++;
    const bool isWhole = (first == 0 || axis.At(first - 1) < begin) && (next < end || axis.At(next) >= stop);
    from = isWhole ? begin : axis.At(first);
    size = (isWhole ? stop : axis.At(next - 1) + 1) - from;
    return next;
}

bool ReadPicked(const Picking &picking, const std::vector<BandBuffer> &bands, const fn_window &window,
                const volatile bool *cancel, const ReadRaster &read)
{
    Part inside = {window.x, window.x + window.width, window.y, window.y + window.height, {}};
    picking.columns.Clip(inside.firstColumn, inside.endColumn);
    picking.rows.Clip(inside.firstRow, inside.endRow);
    Picker picker = {picking, bands, window, read};
    picker.pieces.resize(bands.size());
    picker.FillOutside(inside);
    Part part = inside;
    for (int64_t row = inside.firstRow; row < inside.endRow; row = part.endRow) {
        part.firstRow = row;
        part.endRow =
            UnitEnd(picking.rows, row, inside.endRow, picking.units.tile_height, part.from.y, part.from.height);
        for (int64_t column = inside.firstColumn; column < inside.endColumn; column = part.endColumn) {
            part.firstColumn = column;
            part.endColumn = UnitEnd(picking.columns, column, inside.endColumn, picking.units.tile_width, part.from.x,
                                     part.from.width);
            if (fn_is_cancelled(cancel) || !picker.PickPart(part))
                return false;
        }
    }
    return true;
}

} // namespace fishnet
