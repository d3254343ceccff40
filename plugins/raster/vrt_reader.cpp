#include "vrt_reader.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "pixels.h"

namespace fishnet
{

/* ---- files ---- */

BlockReader *BlockFiles::Find(const std::string &path)
{
    const auto known = std::find_if(m_open.begin(), m_open.end(), [&](const Open &open) { return open.path == path; });
    if (known != m_open.end()) {
        m_open.splice(m_open.begin(), m_open, known);
        return m_open.front().blocks.get();
    }
    if (m_open.size() >= m_most)
        m_open.pop_back();
    m_open.push_front({path, BlockReader::OpenFile(path)});
    return m_open.front().blocks.get();
}

/* ---- painting ---- */

namespace
{
template <class T> struct IsEqual {
    T nodata;
    bool operator()(T value) const { return value == nodata; }
};
/* GDAL's words for it: the precision is that of float in any case. */
template <class T, class Real> struct IsClose {
    Real nodata;
    bool operator()(T own) const
    {
        constexpr Real kPrecision = std::numeric_limits<float>::epsilon();
        const Real value = static_cast<Real>(own);
        const int isSame = value == nodata;
        const int isNear = std::abs(value - nodata) < kPrecision * std::abs(value + nodata) * 2;
        return (isSame | isNear) != 0;
    }
};
template <class T> struct IsNaN {
    bool operator()(T value) const { return value != value; }
};

/* Pixels of a source that lies over others. */
struct Layer {
    char *to;
    int64_t stride;
    const char *from; /* packed; NULL: they lie in `to` already, and nothing below them */
    int64_t width, height;
    const char *fill;
};
} // namespace

template <class T, class Skips> static void PaintLayer(const Layer &layer, const Skips &skips)
{
    T fill;
    memcpy(&fill, layer.fill, sizeof fill);
    for (int64_t y = 0; y < layer.height; y++) {
        T *to = reinterpret_cast<T *>(layer.to) + y * layer.stride;
        const T *from = reinterpret_cast<const T *>(layer.from) + (layer.from ? y * layer.width : 0);
        if (layer.from)
            for (int64_t x = 0; x < layer.width; x++)
                to[x] = skips(from[x]) ? to[x] : from[x];
        else
            for (int64_t x = 0; x < layer.width; x++)
                to[x] = skips(to[x]) ? fill : to[x];
    }
}

template <class T> static void PaintWhole(const Layer &layer, const VrtSources::Source &source)
{
    if (source.skip == VrtSources::Skip::kEqual)
        PaintLayer<T>(layer, IsEqual<T>{static_cast<T>(source.nodata)});
    else
        PaintLayer<T>(layer, [](T) { return false; });
}

template <class T, class Real> static void PaintReal(const Layer &layer, const VrtSources::Source &source)
{
    if (source.skip == VrtSources::Skip::kClose)
        PaintLayer<T>(layer, IsClose<T, Real>{static_cast<Real>(source.nodata)});
    else if (source.skip == VrtSources::Skip::kNaN)
        PaintLayer<T>(layer, IsNaN<T>{});
    else
        PaintLayer<T>(layer, [](T) { return false; });
}

static void Paint(fn_type type, const Layer &layer, const VrtSources::Source &source)
{
    switch (type) {
    case FN_UINT8:
        return PaintWhole<uint8_t>(layer, source);
    case FN_UINT16:
        return PaintWhole<uint16_t>(layer, source);
    case FN_INT16:
        return PaintWhole<int16_t>(layer, source);
    case FN_UINT32:
        return PaintReal<uint32_t, double>(layer, source);
    case FN_INT32:
        return PaintReal<int32_t, double>(layer, source);
    case FN_FLOAT32:
        return PaintReal<float, float>(layer, source);
    default:
        return PaintReal<double, double>(layer, source);
    }
}

static void Fill(const BandBuffer &band, const char *fill, int64_t pixels)
{
    const GDALDataType type = TypeInMemory(band.type);
    GDALCopyWords64(fill, type, 0, band.data, type, static_cast<int>(fn_type_size(band.type)), pixels);
}

bool VrtReader::CanRead(const std::vector<BandBuffer> &bands) const
{
    return std::all_of(bands.begin(), bands.end(), [&](const BandBuffer &band) {
        return !band.isMask && band.type == m_sources->BandOf(band.band).type;
    });
}

bool VrtReader::Read(const std::vector<BandBuffer> &bands, const fn_window &window, SharedBlocks *shared,
                     const volatile bool *cancel, BlockScratch &scratch)
{
    if (m_sources->AreAlike())
        return Paint({bands, window, shared, cancel, scratch});
    return std::all_of(bands.begin(), bands.end(), [&](const BandBuffer &band) {
        const std::vector<BandBuffer> one = {band};
        return Paint({one, window, shared, cancel, scratch});
    });
}

/* Which of the parts lie over none of those before them, as far as that is soon found. */
static std::vector<bool> FindFirst(const std::vector<fn_window> &parts)
{
    constexpr size_t kMost = 100;
    std::vector<bool> first(parts.size(), parts.size() <= kMost);
    for (size_t i = 0; i < parts.size() && parts.size() <= kMost; i++)
        for (size_t k = 0; k < i && first[i]; k++)
            first[i] = fn_window_overlap(parts[i], parts[k]).width == 0;
    return first;
}

bool VrtReader::Paint(const Request &request)
{
    const VrtSources::Band &band = m_sources->BandOf(request.bands[0].band);
    const std::vector<uint32_t> touching = band.Touching(request.window);
    std::vector<fn_window> parts;
    int64_t covered = 0;
    for (const uint32_t number : touching) {
        parts.push_back(fn_window_overlap(band.sources[number].place, request.window));
        covered += parts.back().width * parts.back().height;
    }
    const std::vector<bool> first = FindFirst(parts);
    const int64_t pixels = request.window.width * request.window.height;
    if (covered < pixels || std::find(first.begin(), first.end(), false) != first.end())
        for (const BandBuffer &own : request.bands)
            Fill(own, m_sources->BandOf(own.band).fill.data(), pixels);
    for (size_t i = 0; i < touching.size(); i++)
        if (!PaintSource(request, touching[i], parts[i], first[i]))
            return false;
    return true;
}

/* first: nothing lies below it. */
bool VrtReader::PaintSource(const Request &request, uint32_t number, const fn_window &part, bool first)
{
    const fn_window &window = request.window;
    const auto sourceOf = [&](const BandBuffer &band) -> const VrtSources::Source & {
        return m_sources->BandOf(band.band).sources[number];
    };
    const auto skips = [&](const BandBuffer &band) { return sourceOf(band).skip != VrtSources::Skip::kNone; };
    const bool apart = !first && std::any_of(request.bands.begin(), request.bands.end(), skips);
    std::vector<BandBuffer> bands;
    m_layer.resize(std::max(m_layer.size(), apart ? request.bands.size() : 0));
    for (size_t i = 0; i < request.bands.size(); i++) {
        const BandBuffer &own = request.bands[i];
        const size_t size = fn_type_size(own.type);
        char *to = own.data + static_cast<size_t>((part.y - window.y) * window.width + part.x - window.x) * size;
        if (apart)
            m_layer[i].resize(static_cast<size_t>(part.width * part.height) * size);
        bands.push_back({sourceOf(own).band, false, own.type, apart ? m_layer[i].data() : to});
    }
    if (!ReadSource(request, number, bands, part, apart ? part.width : window.width))
        return false;
    for (size_t i = 0; i < bands.size(); i++) {
        const BandBuffer &own = request.bands[i];
        if (!apart && !skips(own))
            continue;
        char *to = own.data +
                   static_cast<size_t>((part.y - window.y) * window.width + part.x - window.x) * fn_type_size(own.type);
        fishnet::Paint(own.type,
                       {to, window.width, apart ? m_layer[i].data() : nullptr, part.width, part.height,
                        m_sources->BandOf(own.band).fill.data()},
                       sourceOf(own));
    }
    return true;
}

/* ---- reading ---- */

static bool IsLost(const BandBuffer &, const fn_window &)
{
    return false;
}

static std::vector<BandBuffer> MovedBy(const std::vector<BandBuffer> &bands, int64_t pixels)
{
    std::vector<BandBuffer> moved = bands;
    for (BandBuffer &band : moved)
        band.data += static_cast<std::ptrdiff_t>(pixels) * static_cast<std::ptrdiff_t>(fn_type_size(band.type));
    return moved;
}

/* bands: of the file, and where the first pixel of the part goes. What of a block others need, too, is decoded once for
 * all. */
bool VrtReader::ReadSource(const Request &request, uint32_t number, const std::vector<BandBuffer> &bands,
                           const fn_window &part, int64_t stride)
{
    constexpr size_t kMostBytes = 32 << 20; /* of a unit */
    const VrtSources::Source &source = m_sources->BandOf(request.bands[0].band).sources[number];
    BlockReader *file = m_files.Find(m_sources->FileName(source.file));
    if (!file || !file->CanRead(bands) || source.x + source.place.width > file->Grid().width ||
        source.y + source.place.height > file->Grid().height)
        return false;
    const fn_grid units = VrtSources::UnitsOf(file->Grid());
    if (static_cast<size_t>(units.tile_width) * static_cast<size_t>(units.tile_height) * fn_type_size(file->Type()) >
        kMostBytes / bands.size())
        return false;
    const int64_t x = source.x - source.place.x, y = source.y - source.place.y; /* to the file */
    const fn_window from = {part.x + x, part.y + y, part.width, part.height}, touched = fn_grid_touch(&units, from);
    uint64_t wanted = 0;
    for (const BandBuffer &band : request.bands)
        wanted |= uint64_t(1) << (band.band - 1);
    std::vector<SharedBlocks::Key> cut;
    std::vector<fn_window> whole;
    for (int64_t row = touched.y; row < touched.y + touched.height; row++)
        for (int64_t column = touched.x; column < touched.x + touched.width; column++) {
            const int64_t unit = row * units.cols + column;
            const fn_window own = fn_grid_tile(&units, unit), both = fn_window_overlap(own, from);
            if (both.width == own.width && both.height == own.height)
                whole.push_back(own);
            else
                cut.push_back({m_input, unit, number, wanted,
                               fn_window_overlap({own.x - x, own.y - y, own.width, own.height}, source.place)});
        }
    if (cut.empty() || !request.shared)
        return file->Read(bands, from, stride, request.scratch, IsLost);
    for (const fn_window &own : whole)
        if (!file->Read(MovedBy(bands, (own.y - from.y) * stride + own.x - from.x), own, stride, request.scratch,
                        IsLost))
            return false;
    return ReadUnits(request, std::move(cut), *file, bands, from, stride);
}

/* from: of the file, where the bands begin. */
bool VrtReader::ReadUnits(const Request &request, std::vector<SharedBlocks::Key> keys, BlockReader &file,
                          const std::vector<BandBuffer> &bands, const fn_window &from, int64_t stride)
{
    const fn_grid units = VrtSources::UnitsOf(file.Grid());
    const size_t size = fn_type_size(file.Type());
    std::vector<int> numbers; /* of the VRT's bands, each once: a unit has them in this order */
    for (const BandBuffer &band : request.bands)
        numbers.push_back(band.band);
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    const auto placeOf = [&](size_t band) {
        return static_cast<size_t>(std::lower_bound(numbers.begin(), numbers.end(), request.bands[band].band) -
                                   numbers.begin());
    };
    const auto read = [&](const SharedBlocks::Key &key, SharedBlocks::Unit &unit) {
        const fn_window own = fn_grid_tile(&units, key.unit);
        std::vector<BandBuffer> buffers(numbers.size());
        unit.resize(numbers.size());
        for (size_t i = 0; i < bands.size(); i++) {
            PlanePixels &plane = unit[placeOf(i)];
            plane.pixels.resize(static_cast<size_t>(own.width * own.height) * size);
            plane.mask.clear();
            buffers[placeOf(i)] = {bands[i].band, false, bands[i].type, plane.pixels.data()};
        }
        return file.Read(buffers, own, own.width, request.scratch, IsLost);
    };
    const auto use = [&](const SharedBlocks::Key &key, const SharedBlocks::Shared &unit) {
        const fn_window own = fn_grid_tile(&units, key.unit), both = fn_window_overlap(own, from);
        const auto first = static_cast<size_t>((both.y - own.y) * own.width + both.x - own.x);
        const auto to = static_cast<size_t>((both.y - from.y) * stride + both.x - from.x);
        for (size_t i = 0; i < bands.size(); i++)
            CopyRows((*unit)[placeOf(i)].pixels.data() + first * size, own.width, bands[i].data + to * size, stride,
                     both, size);
    };
    return request.shared->Visit(std::move(keys), request.cancel, read, use);
}

} // namespace fishnet
