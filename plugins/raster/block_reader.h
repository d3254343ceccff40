/* Reads the blocks of a GeoTIFF past GDAL: a block's bytes are read as they lie in the file and decoded here, all bands
 * that it holds at once, faster than GDAL does and without its block cache. Only where the pixels are certainly those
 * that GDAL would give; what is doubtful, missing or damaged is GDAL's. */
#ifndef FN_FISHNET_BLOCK_READER_H
#define FN_FISHNET_BLOCK_READER_H

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fishnet/block.h"
#include "tiff_handle.h"
#include "turns.h"

typedef void *GDALDatasetH;

namespace fishnet
{

struct Input;

/* Where the pixels of a band, or of its mask, go: packed, in a core type's form in memory. */
struct BandBuffer {
    int band;
    bool isMask;
    fn_type type; /* of the band; FN_UINT8 for a mask */
    char *data;
};

/* Memory for decoding, of a thread. */
struct BlockScratch {
    struct Free {
        void operator()(fn_block_decoder *own) const { fn_block_decoder_free(own); }
    };
    std::unique_ptr<fn_block_decoder, Free> decoder;
    std::vector<char> bytes, block;
    std::vector<fn_block_plane> planes;
};

/* For one thread. */
class BlockReader
{
  public:
    /* NULL: GDAL is to read that input. dataset: of the input, open. */
    static std::unique_ptr<BlockReader> Open(const Input &input, GDALDatasetH dataset);
    /* The same of a file that GDAL has not opened, such as a source of a VRT: its first directory. */
    static std::unique_ptr<BlockReader> OpenFile(const std::string &path);

    fn_type Type() const { return m_layout.type; } /* of all bands */
    int BandCount() const { return m_bandCount; }
    const fn_grid &Grid() const { return m_grid; } /* of blocks */

    /* Whether these pixels can be read. None of them is a mask. */
    bool CanRead(const std::vector<BandBuffer> &bands) const;
    bool IsWholeBlocks(const fn_window &window) const;
    /* Of a file beyond a network: can all that a window needs be asked for at once? Else GDAL asks for its pieces
     * together. Always true of other files. */
    bool LieTogether(const std::vector<BandBuffer> &bands, const fn_window &window) const;

    /* What reads a part of a window, within one block, of one of the bands: GDAL. */
    using Otherwise = std::function<bool(const BandBuffer &band, const fn_window &part)>;
    /* Reads a window into buffers whose rows are `stride` pixels apart. False if `otherwise` has failed. turns: of
     * those that decode, NULL: all may. */
    bool Read(const std::vector<BandBuffer> &bands, const fn_window &window, int64_t stride, BlockScratch &scratch,
              const Otherwise &otherwise, Turns *turns = nullptr);

  private:
    struct Block { /* of a window */
        fn_window part;
        uint32_t number;
        size_t first, count; /* bands, in the order of those that are read */
        uint64_t offset, size;
    };
    using Blocks = std::vector<Block>;

    BlockReader() = default;
    bool IsPlain(const Input &input, GDALDatasetH dataset);
    bool HasPlainSamples();
    bool FindBlocks();
    bool IsAsGDALSees(GDALDatasetH dataset) const;
    Blocks BlocksOf(const std::vector<BandBuffer> &bands, const fn_window &window) const;
    void Place(Block &block) const;
    size_t RunEnd(const Blocks &blocks, size_t first) const;
    bool ReadBytes(uint64_t offset, size_t size, std::vector<char> &bytes) const;
    bool ReadByLibtiff(const Block &block, std::vector<char> &bytes) const;
    void DecodeRun(const Block *first, const Block *end, const std::vector<BandBuffer> &bands, const fn_window &window,
                   int64_t stride, BlockScratch &scratch, std::vector<const Block *> &left, Turns *turns) const;
    bool Decode(const Block &block, const char *bytes, const std::vector<BandBuffer> &bands, const fn_window &window,
                int64_t stride, BlockScratch &scratch) const;

    TiffHandle m_tiff;
    fn_block_layout m_layout = {}; /* of a block */
    fn_grid m_grid = {};           /* of blocks */
    int m_bandCount = 0;
    bool m_isTiled = false;
    bool m_byLibtiff = false; /* which decodes it */
    bool m_isRemote = false;
};

} // namespace fishnet

#endif
