#include "block_reader.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include <cpl_vsi_virtual.h>
#include <tiffio.h>

#include "file_names.h"
#include "inputs.h"
#include "pixels.h"

namespace fishnet
{

/* ---- which files ---- */

/* Open options of GTiff that change no pixel. */
static bool ChangesPixels(const char *setting)
{
    static const char *const kHarmless[] = {"NUM_THREADS=", "GEOREF_SOURCES=", "GEOTIFF_KEYS_FLAVOR=",
                                            "IGNORE_COG_LAYOUT_BREAK=", "COLOR_TABLE_MULTIPLIER="};
    return std::none_of(std::begin(kHarmless), std::end(kHarmless),
                        [&](const char *name) { return STARTS_WITH_CI(setting, name); });
}

/* FN_TYPE_COUNT: GDAL has more to say about such samples. */
static fn_type TypeOfSamples(uint16_t bits, uint16_t format)
{
    static constexpr fn_type kUnsigned[] = {FN_UINT8, FN_UINT16, FN_UINT32, FN_UINT64};
    static constexpr fn_type kSigned[] = {FN_INT8, FN_INT16, FN_INT32, FN_INT64};
    const int log = bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : bits == 64 ? 3 : -1;
    if (log < 0)
        return FN_TYPE_COUNT;
    switch (format) {
    case SAMPLEFORMAT_UINT:
        return kUnsigned[log];
    case SAMPLEFORMAT_INT:
        return kSigned[log];
    case SAMPLEFORMAT_IEEEFP:
        return log == 2 ? FN_FLOAT32 : log == 3 ? FN_FLOAT64 : FN_TYPE_COUNT;
    default:
        return FN_TYPE_COUNT;
    }
}

/* How blocks are decoded. False: by GDAL. */
static bool ChooseCodec(TIFF *tiff, fn_block_layout &layout, bool &byLibtiff)
{
    uint16_t compression = COMPRESSION_NONE, predictor = PREDICTOR_NONE, fillOrder = FILLORDER_MSB2LSB;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_FILLORDER, &fillOrder);
    byLibtiff = TIFFIsByteSwapped(tiff) || TIFFIsBigEndian(tiff) || fillOrder != FILLORDER_MSB2LSB;
    layout.codec = FN_CODEC_NONE;
    switch (compression) {
    case COMPRESSION_NONE:
        break;
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
        layout.codec = FN_CODEC_DEFLATE;
        break;
    case COMPRESSION_ZSTD:
        layout.codec = FN_CODEC_ZSTD;
        break;
    case COMPRESSION_LZW:
    case COMPRESSION_PACKBITS:
    case COMPRESSION_LZMA:
    case COMPRESSION_LERC:
        byLibtiff = true;
        return TIFFIsCODECConfigured(compression) == 1;
    default:
        return false;
    }
    if (layout.codec != FN_CODEC_NONE)
        TIFFGetFieldDefaulted(tiff, TIFFTAG_PREDICTOR, &predictor);
    const bool isFloat = layout.type == FN_FLOAT32 || layout.type == FN_FLOAT64;
    layout.predictor = static_cast<fn_predictor>(predictor);
    return predictor == PREDICTOR_NONE || predictor == PREDICTOR_HORIZONTAL ||
           (predictor == PREDICTOR_FLOATINGPOINT && isFloat);
}

/* Does GDAL read such files as they are? */
static bool IsReadAsStored()
{
    const char *config = CPLGetConfigOption("GTIFF_FORCE_RGBA", nullptr);
    return !(config && CPLTestBool(config));
}

/* Is it a file whose samples are pixels, without a conversion? */
bool BlockReader::IsPlain(const Input &input, GDALDatasetH dataset)
{
    GDALDriverH driver = GDALGetDatasetDriver(dataset);
    m_isRemote = IsFarAway(input.path);
    if (!driver || !EQUAL(GDALGetDriverShortName(driver), "GTiff") || !IsReadAsStored() ||
        (m_isRemote && !VSIHasOptimizedReadMultiRange(input.path.c_str()))) /* a file system of ranges */
        return false;
    for (int i = 0; i < input.openOptions.size(); i++)
        if (ChangesPixels(input.openOptions[i]))
            return false;
    const char *directory = GDALGetMetadataItem(GDALGetRasterBand(dataset, 1), "IFD_OFFSET", "TIFF");
    if (!directory || !m_tiff.Open(input.path, TiffHandle::kRead))
        return false;
    const uint64_t offset = strtoull(directory, nullptr, 10);
    return (TIFFCurrentDirOffset(m_tiff.Get()) == offset || TIFFSetSubDirectory(m_tiff.Get(), offset) == 1) &&
           HasPlainSamples() && !(m_isRemote && m_byLibtiff); /* which reads block by block */
}

bool BlockReader::HasPlainSamples()
{
    TIFF *tiff = m_tiff.Get();
    uint16_t photometric = 0, bits = 1, format = SAMPLEFORMAT_UINT;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
    m_layout.type = TypeOfSamples(bits, format);
    return m_layout.type != FN_TYPE_COUNT && ChooseCodec(tiff, m_layout, m_byLibtiff) &&
           (photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_RGB ||
            photometric == PHOTOMETRIC_PALETTE);
}

/* Finds out its size, bands and blocks. */
bool BlockReader::FindBlocks()
{
    TIFF *tiff = m_tiff.Get();
    uint32_t width = 0, height = 0, blockWidth = 0, blockHeight = 0;
    uint16_t samples = 1, planes = PLANARCONFIG_CONTIG;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
    m_isTiled = TIFFIsTiled(tiff) != 0;
    if (m_isTiled) {
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &blockWidth);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &blockHeight);
    } else {
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &blockHeight);
        blockHeight = std::min(blockHeight, height);
        blockWidth = width;
    }
    constexpr uint32_t kMostPixels = INT_MAX;
    if (width - 1 >= kMostPixels || height - 1 >= kMostPixels || blockWidth - 1 >= kMostPixels ||
        blockHeight - 1 >= kMostPixels || samples == 0)
        return false;
    m_bandCount = samples;
    m_layout.samples = planes == PLANARCONFIG_CONTIG ? m_bandCount : 1;
    m_layout.width = static_cast<int>(blockWidth);
    m_layout.height = static_cast<int>(blockHeight);
    m_grid = {int64_t(width),
              int64_t(height),
              m_layout.width,
              m_layout.height,
              (int64_t(width) - 1) / blockWidth + 1,
              (int64_t(height) - 1) / blockHeight + 1,
              0};
    constexpr size_t kMost = size_t(1) << 28; /* bytes of a block */
    const int64_t blocks = m_grid.cols * m_grid.rows * (m_layout.samples == 1 ? m_bandCount : 1);
    return fn_block_bytes(&m_layout) <= kMost &&
           blocks == static_cast<int64_t>(m_isTiled ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff));
}

/* Are its size, bands and blocks those that GDAL has? */
bool BlockReader::IsAsGDALSees(GDALDatasetH dataset) const
{
    if (GDALGetRasterCount(dataset) != m_bandCount)
        return false;
    for (int number = 1; number <= m_bandCount; number++) {
        GDALRasterBandH band = GDALGetRasterBand(dataset, number);
        int ownWidth = 0, ownHeight = 0;
        GDALGetBlockSize(band, &ownWidth, &ownHeight);
        if (FromGDAL(band) != m_layout.type || GDALGetMetadataItem(band, "NBITS", "IMAGE_STRUCTURE") ||
            ownWidth != m_layout.width || ownHeight != m_layout.height ||
            GDALGetRasterBandXSize(band) != m_grid.width || GDALGetRasterBandYSize(band) != m_grid.height)
            return false;
    }
    return true;
}

/* Where blocks are is written before them, in more bytes than GDAL has read to open the file if these are many. Readers
 * that look it up as they go would ask for the same bytes at once: one of them does, and the others find it in GDAL's
 * cache. */
static void LookUpBlocks(TIFF *tiff, int64_t count)
{
    constexpr int64_t kMost = 1 << 18, kPage = 256; /* what libtiff reads at a time has more */
    static auto *one = new std::mutex();            /* never destroyed: threads of ours may end late */
    if (count < 1 || count > kMost)
        return;
    const std::lock_guard<std::mutex> lock(*one);
    /* One array after the other. */
    const auto look = [&](auto lookUp) {
        int failed = 0;
        for (int64_t i = 0; i < count && !failed; i += kPage)
            lookUp(tiff, static_cast<uint32_t>(i), &failed);
        if (!failed)
            lookUp(tiff, static_cast<uint32_t>(count - 1), &failed);
    };
    look(TIFFGetStrileOffsetWithErr);
    look(TIFFGetStrileByteCountWithErr);
}

std::unique_ptr<BlockReader> BlockReader::Open(const Input &input, GDALDatasetH dataset)
{
    MessageCollector collector; /* whatever it is, GDAL has read the file */
    std::unique_ptr<BlockReader> reader(new BlockReader());
    if (!reader->IsPlain(input, dataset) || !reader->FindBlocks() || !reader->IsAsGDALSees(dataset))
        return nullptr;
    if (reader->m_isRemote)
        LookUpBlocks(reader->m_tiff.Get(), reader->m_isTiled ? TIFFNumberOfTiles(reader->m_tiff.Get())
                                                             : TIFFNumberOfStrips(reader->m_tiff.Get()));
    return reader;
}

std::unique_ptr<BlockReader> BlockReader::OpenFile(const std::string &path)
{
    MessageCollector collector; /* GDAL will say what is wrong with it */
    std::unique_ptr<BlockReader> reader(new BlockReader());
    return !IsFarAway(path) && IsReadAsStored() && reader->m_tiff.Open(path, TiffHandle::kRead) &&
                   reader->HasPlainSamples() && reader->FindBlocks()
               ? std::move(reader)
               : nullptr;
}

bool BlockReader::CanRead(const std::vector<BandBuffer> &bands) const
{
    return std::all_of(bands.begin(), bands.end(), [&](const BandBuffer &band) {
        return !band.isMask && band.type == m_layout.type && band.band <= m_bandCount;
    });
}

bool BlockReader::IsWholeBlocks(const fn_window &w) const
{
    const bool ends = (w.x + w.width) % m_layout.width == 0 || w.x + w.width == m_grid.width;
    const bool endsBelow = (w.y + w.height) % m_layout.height == 0 || w.y + w.height == m_grid.height;
    return w.x % m_layout.width == 0 && w.y % m_layout.height == 0 && ends && endsBelow;
}

/* ---- reading ---- */

/* Looks up where it lies. size 0: nowhere that can be read here. */
void BlockReader::Place(Block &block) const
{
    int failed = 0;
    block.offset = TIFFGetStrileOffsetWithErr(m_tiff.Get(), block.number, &failed);
    block.size = failed ? 0 : TIFFGetStrileByteCountWithErr(m_tiff.Get(), block.number, &failed);
    /* Nothing that was compressed in earnest takes more; a damaged file may say anything. */
    if (failed || block.offset == 0 || block.size > 2 * fn_block_bytes(&m_layout) + 65536)
        block.size = 0;
}

/* In the order of the file, most likely. */
BlockReader::Blocks BlockReader::BlocksOf(const std::vector<BandBuffer> &bands, const fn_window &window) const
{
    Blocks blocks;
    const fn_window touched = fn_grid_touch(&m_grid, window);
    const bool together = m_layout.samples > 1;
    for (size_t first = 0; first < (together ? 1 : bands.size()); first++)
        for (int64_t row = touched.y; row < touched.y + touched.height; row++)
            for (int64_t column = touched.x; column < touched.x + touched.width; column++) {
                int64_t number = row * m_grid.cols + column;
                const fn_window own = fn_grid_tile(&m_grid, number);
                if (!together)
                    number += (bands[first].band - 1) * m_grid.cols * m_grid.rows;
                blocks.push_back({fn_window_overlap(own, window), static_cast<uint32_t>(number), first,
                                  together ? bands.size() : 1, 0, 0});
                Place(blocks.back());
            }
    return blocks;
}

bool BlockReader::ReadBytes(uint64_t offset, size_t size, std::vector<char> &bytes) const
{
    if (bytes.size() < size)
        bytes.resize(size);
    const auto *file = reinterpret_cast<const VSIVirtualHandle *>(m_tiff.File());
    if (file->HasPRead())
        return file->PRead(bytes.data(), size, offset) == size;
    return VSIFSeekL(m_tiff.File(), offset, SEEK_SET) == 0 && VSIFReadL(bytes.data(), 1, size, m_tiff.File()) == size;
}

bool BlockReader::ReadByLibtiff(const Block &block, std::vector<char> &bytes) const
{
    MessageCollector collector;
    const size_t size = fn_block_bytes(&m_layout);
    bytes.resize(size);
    const tmsize_t done =
        m_isTiled ? TIFFReadEncodedTile(m_tiff.Get(), block.number, bytes.data(), static_cast<tmsize_t>(size))
                  : TIFFReadEncodedStrip(m_tiff.Get(), block.number, bytes.data(), static_cast<tmsize_t>(size));
    if (done < 0)
        return false;
    std::fill(bytes.begin() + done, bytes.end(), 0);
    return true;
}

bool BlockReader::Decode(const Block &block, const char *bytes, const std::vector<BandBuffer> &bands,
                         const fn_window &window, int64_t stride, BlockScratch &scratch) const
{
    std::vector<fn_block_plane> &planes = scratch.planes;
    planes.clear();
    for (size_t i = block.first; i < block.first + block.count; i++)
        planes.push_back(
            {m_layout.samples > 1 ? bands[i].band - 1 : 0,
             bands[i].data + static_cast<size_t>((block.part.y - window.y) * stride + block.part.x - window.x) *
                                 fn_type_size(m_layout.type),
             stride});
    const int64_t blocksOfBand = m_grid.cols * m_grid.rows;
    const fn_window own = fn_grid_tile(&m_grid, block.number % blocksOfBand);
    const fn_window part = {block.part.x - own.x, block.part.y - own.y, block.part.width, block.part.height};
    const int64_t rows = m_isTiled ? m_layout.height : own.height;
    if (!m_byLibtiff)
        return fn_block_decode(scratch.decoder.get(), &m_layout, bytes, block.size, rows, part, planes.data(),
                               planes.size());
    fn_block_layout decoded = m_layout;
    decoded.codec = FN_CODEC_NONE;
    return ReadByLibtiff(block, scratch.block) &&
           fn_block_decode(scratch.decoder.get(), &decoded, scratch.block.data(), scratch.block.size(), rows, part,
                           planes.data(), planes.size());
}

/* The blocks from `first` on that are read at once, with what little lies between them: up to where? Those that are
 * nowhere, among them, do not end it. */
size_t BlockReader::RunEnd(const Blocks &blocks, size_t first) const
{
    const uint64_t run = m_isRemote ? 10 << 20 : 1 << 20, gap = m_isRemote ? 16384 : 4096;
    const uint64_t begin = blocks[first].offset;
    uint64_t end = begin + blocks[first].size;
    size_t next = first + 1;
    for (size_t i = next; !m_byLibtiff && blocks[first].size > 0 && i < blocks.size(); i++) {
        if (blocks[i].size == 0)
            continue;
        if (blocks[i].offset < end || blocks[i].offset - end > gap || blocks[i].offset + blocks[i].size - begin > run)
            break;
        end = blocks[i].offset + blocks[i].size;
        next = i + 1;
    }
    return next;
}

bool BlockReader::LieTogether(const std::vector<BandBuffer> &bands, const fn_window &window) const
{
    if (!m_isRemote)
        return true;
    if (!IsWholeBlocks(window)) /* others would ask for the same blocks */
        return false;
    const Blocks blocks = BlocksOf(bands, window);
    const auto isThere = [](const Block &block) { return block.size > 0; };
    const auto first = std::find_if(blocks.begin(), blocks.end(), isThere);
    if (first == blocks.end())
        return true;
    const size_t end = RunEnd(blocks, static_cast<size_t>(first - blocks.begin()));
    return std::none_of(blocks.begin() + static_cast<std::ptrdiff_t>(end), blocks.end(), isThere);
}

/* Decodes blocks whose bytes have been read. left: those that cannot be decoded. */
void BlockReader::DecodeRun(const Block *first, const Block *end, const std::vector<BandBuffer> &bands,
                            const fn_window &window, int64_t stride, BlockScratch &scratch,
                            std::vector<const Block *> &left, Turns *turns) const
{
    const Turn turn(turns);
    for (const Block *block = first; block != end; block++)
        if (block->size == 0 ||
            !Decode(*block, scratch.bytes.data() + (block->offset - first->offset), bands, window, stride, scratch))
            left.push_back(block);
}

bool BlockReader::Read(const std::vector<BandBuffer> &bands, const fn_window &window, int64_t stride,
                       BlockScratch &scratch, const Otherwise &otherwise, Turns *turns)
{
    if (!scratch.decoder)
        scratch.decoder.reset(fn_block_decoder_new());
    const Blocks blocks = BlocksOf(bands, window);
    std::vector<const Block *> left;
    for (size_t i = 0, next = 0; i < blocks.size(); i = next) {
        next = RunEnd(blocks, i);
        const uint64_t begin = blocks[i].offset, end = blocks[next - 1].offset + blocks[next - 1].size;
        const auto size = static_cast<size_t>(end - begin);
        const int attempts = m_isRemote ? 2 : 1; /* or GDAL would ask for block after block */
        bool isRead = m_byLibtiff;
        for (int attempt = 0; attempt < attempts && !isRead && blocks[i].size > 0; attempt++) {
            const Fetch fetch(turns);
            isRead = ReadBytes(begin, size, scratch.bytes);
        }
        left.clear();
        if (!isRead || !scratch.decoder)
            for (size_t k = i; k < next; k++)
                left.push_back(&blocks[k]);
        else
            DecodeRun(blocks.data() + i, blocks.data() + next, bands, window, stride, scratch, left, turns);
        for (const Block *block : left)
            for (size_t band = block->first; band < block->first + block->count; band++)
                if (!otherwise(bands[band], block->part))
                    return false;
    }
    return true;
}

} // namespace fishnet
