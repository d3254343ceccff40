/* Blocks of a tiled GeoTIFF: encoded one by one, by any number of workers, and put in their places by one writer. */
#ifndef FN_FISHNET_TIFF_BLOCKS_H
#define FN_FISHNET_TIFF_BLOCKS_H

#include <memory>
#include <string>
#include <vector>

#include <cpl_string.h>

#include "fishnet/base.h"
#include "handles.h"
#include "tiff_handle.h"

namespace fishnet
{

/* What a block of the file is: all that its bytes depend on, beside the pixels. */
struct BlockFormat {
    int width = 0, height = 0; /* in pixels */
    int bands = 1;             /* in one block: all of the file's where it is interleaved by pixel, else 1 */
    GDALDataType type = GDT_Byte;
    fn_nodata nodata = {};
    fn_type nodataType = FN_FLOAT64;
    bool sparse = false;   /* blocks of nothing but NoData, or of zeros where there is no NoData value, are left out */
    CPLStringList options; /* creation options of GTiff: COMPRESS, PREDICTOR, NBITS... */

    size_t BandBytes() const;
};

/* Encodes blocks as GDAL's GTiff driver does: it is the one that does it, in a file of its own in memory. For one
 * thread. */
class BlockEncoder
{
  public:
    explicit BlockEncoder(BlockFormat format) : m_format(std::move(format)) {}
    ~BlockEncoder();
    BlockEncoder(const BlockEncoder &) = delete;
    BlockEncoder &operator=(const BlockEncoder &) = delete;

    /* Makes room for so many blocks; those from before are gone. As all here: false after CPLError. */
    bool Begin(int blocks);
    /* Encodes the next one. bands: the pixels of each band, BandBytes() each. */
    bool Add(const char *const *bands);
    /* When all are added. */
    bool Finish();
    /* Lasts until Begin(). size 0: the block is left out. */
    bool Get(int block, const char **data, size_t *size);
    /* Of the file, in messages of GDAL. */
    const std::string &Name() const { return m_name; }

  private:
    bool Open(const std::string &name, int blocks, bool sparse, DatasetHandle &dataset) const;
    void Close();
    bool MakeEmptyBlock();
    static bool Find(GDALDatasetH dataset, int slot, size_t *offset, size_t *size);

    BlockFormat m_format;
    DatasetHandle m_dataset;
    std::string m_name;
    int m_slots = 0, m_first = 0, m_next = 0; /* of the file: all, of this begin, the next one */
    const char *m_bytes = nullptr;            /* of the file */
    size_t m_size = 0;
    std::vector<char> m_empty; /* a block of NoData */
};

/* Writes encoded blocks into a file that GTiff has made and left without any. */
class BlockWriter
{
  public:
    BlockWriter() = default;
    ~BlockWriter();
    BlockWriter(const BlockWriter &) = delete;
    BlockWriter &operator=(const BlockWriter &) = delete;

    /* False: Why() tells it. */
    bool Open(const std::string &path);
    bool Write(int64_t block, const char *data, size_t size);
    /* Writes where the blocks are. */
    bool Close();
    const std::string &Why() const { return m_why; }

  private:
    bool Fail(const char *otherwise);

    TiffHandle m_tiff;
    std::string m_why;
};

/* Is there file where a GeoTIFF says that the blocks of this band lie? size: of the file. sparse: blocks may be left
 * out. False after CPLError. */
bool HasBlocks(GDALRasterBandH band, uint64_t size, bool sparse);

/* Has a GeoTIFF that is read again no CRS, though its source has one? PROJ without memory leaves it out without a
 * word. */
bool LacksCRS(GDALDatasetH written, GDALDatasetH source);
constexpr const char *kLacksCRS =
    "read again it has no CRS (one that GeoTIFF does not hold is kept in .aux.xml, unless GDAL_PAM_ENABLED=NO)";

/* Has a GeoTIFF no block of this band at all? */
bool HasNoBlock(GDALRasterBandH band);

} // namespace fishnet

#endif
