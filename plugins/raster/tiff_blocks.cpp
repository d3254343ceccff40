#include "tiff_blocks.h"

#include <cstdlib>

#include <tiffio.h>

#include "gdal_compat.h"

namespace fishnet
{

size_t BlockFormat::BandBytes() const
{
    return static_cast<size_t>(width) * static_cast<size_t>(height) *
           static_cast<size_t>(GDALGetDataTypeSizeBytes(type));
}

/* ---- encoding ---- */

/* Of the encoder's file: it is begun anew beyond, so that it does not grow for ever. Not for each task, because what
 * a codec has at its begin (tables of ZSTD, of many megabytes) is used for all blocks of a file. */
static constexpr int kSlots = 512;
static constexpr size_t kFileBytes = 8 << 20;

static void SetNoData(GDALRasterBandH band, const fn_nodata &nodata, fn_type type)
{
    if (type == FN_INT64)
        GDALSetRasterNoDataValueAsInt64(band, nodata.value.i);
    else if (type == FN_UINT64)
        GDALSetRasterNoDataValueAsUInt64(band, nodata.value.u);
    else
        GDALSetRasterNoDataValue(band, fn_nodata_as_double(nodata, type));
}

BlockEncoder::~BlockEncoder()
{
    Close();
}

void BlockEncoder::Close()
{
    const bool open = m_dataset != nullptr;
    m_dataset.reset();
    if (open)
        VSIUnlink(m_name.c_str());
    m_slots = m_first = m_next = 0;
    m_bytes = nullptr;
    m_size = 0;
}

/* A column of blocks. Sparse: one that holds nothing is found out before it is encoded. */
bool BlockEncoder::Open(const std::string &name, int blocks, bool sparse, DatasetHandle &dataset) const
{
    CPLStringList options(m_format.options);
    options.SetNameValue("TILED", "YES");
    options.SetNameValue("BLOCKXSIZE", CPLSPrintf("%d", m_format.width));
    options.SetNameValue("BLOCKYSIZE", CPLSPrintf("%d", m_format.height));
    options.SetNameValue("INTERLEAVE", m_format.bands > 1 ? "PIXEL" : "BAND");
    options.SetNameValue("SPARSE_OK", sparse ? "TRUE" : "FALSE");
    options.SetNameValue("BIGTIFF", "NO");
    dataset.reset(GDALCreate(GDALGetDriverByName("GTiff"), name.c_str(), m_format.width, m_format.height * blocks,
                             m_format.bands, m_format.type, options.List()));
    if (dataset && m_format.nodata.set)
        for (int i = 1; i <= m_format.bands; i++)
            SetNoData(GDALGetRasterBand(dataset.get(), i), m_format.nodata, m_format.nodataType);
    return dataset != nullptr;
}

bool BlockEncoder::Begin(int blocks)
{
    if (m_dataset && (m_size > kFileBytes || blocks > m_slots - m_next))
        Close();
    if (!m_dataset) {
        m_name = CPLSPrintf("/vsimem/fishnet-blocks-%p.tif", static_cast<void *>(this));
        m_slots = blocks > kSlots ? blocks : kSlots;
        if (!Open(m_name, m_slots, true, m_dataset))
            return false;
    }
    m_first = m_next;
    return true;
}

bool BlockEncoder::Add(const char *const *bands)
{
    for (int i = 0; i < m_format.bands; i++)
        if (GDALWriteBlock(GDALGetRasterBand(m_dataset.get(), i + 1), 0, m_next, const_cast<char *>(bands[i])) !=
            CE_None)
            return false;
    m_next++;
    return true;
}

bool BlockEncoder::Finish()
{
    CPLErrorReset();
    GDALFlushCache(m_dataset.get()); /* returns a failure since GDAL 3.7 only */
    if (CPLGetLastErrorType() >= CE_Failure)
        return false;
    vsi_l_offset size = 0;
    m_bytes = reinterpret_cast<const char *>(VSIGetMemFileBuffer(m_name.c_str(), &size, FALSE));
    m_size = static_cast<size_t>(size);
    return m_bytes != nullptr;
}

bool BlockEncoder::Find(GDALDatasetH dataset, int slot, size_t *offset, size_t *size)
{
    GDALRasterBandH band = GDALGetRasterBand(dataset, 1);
    const char *text = GDALGetMetadataItem(band, CPLSPrintf("BLOCK_OFFSET_0_%d", slot), "TIFF");
    *offset = text ? static_cast<size_t>(strtoull(text, nullptr, 10)) : 0;
    text = GDALGetMetadataItem(band, CPLSPrintf("BLOCK_SIZE_0_%d", slot), "TIFF");
    *size = text ? static_cast<size_t>(strtoull(text, nullptr, 10)) : 0;
    return *offset > 0 && *size > 0;
}

/* GTiff writes the blocks that hold nothing when it closes a file. */
bool BlockEncoder::MakeEmptyBlock()
{
    const std::string name = m_name + ".empty.tif";
    DatasetHandle dataset;
    bool ok = Open(name, 1, false, dataset);
    dataset.reset();
    const char *const drivers[] = {"GTiff", nullptr};
    if (ok)
        dataset.reset(GDALOpenEx(name.c_str(), GDAL_OF_RASTER | GDAL_OF_INTERNAL, drivers, nullptr, nullptr));
    size_t offset = 0, size = 0;
    vsi_l_offset all = 0;
    const GByte *bytes = VSIGetMemFileBuffer(name.c_str(), &all, FALSE);
    ok = dataset && bytes && Find(dataset.get(), 0, &offset, &size) && offset + size <= all;
    if (ok)
        m_empty.assign(bytes + offset, bytes + offset + size);
    else
        CPLError(CE_Failure, CPLE_AppDefined, "an empty block cannot be encoded");
    dataset.reset();
    VSIUnlink(name.c_str());
    return ok;
}

bool BlockEncoder::Get(int block, const char **data, size_t *size)
{
    size_t offset = 0;
    if (Find(m_dataset.get(), m_first + block, &offset, size)) {
        *data = m_bytes + offset;
        if (offset < m_size && *size <= m_size - offset)
            return true;
        CPLError(CE_Failure, CPLE_AppDefined, "a block has not been encoded");
        return false;
    }
    *size = 0;
    if (m_format.sparse)
        return true;
    if (m_empty.empty() && !MakeEmptyBlock())
        return false;
    *data = m_empty.data();
    *size = m_empty.size();
    return true;
}

/* ---- writing ---- */

BlockWriter::~BlockWriter()
{
    Close();
}

bool BlockWriter::Fail(const char *otherwise)
{
    if (m_why.empty())
        m_why = m_tiff.Why(otherwise);
    return false;
}

bool BlockWriter::Open(const std::string &path)
{
    MessageCollector collector; /* a libtiff that is GDAL's too tells GDAL */
    return m_tiff.Open(path, TiffHandle::kUpdate) || Fail(collector.Cause("libtiff cannot open it").c_str());
}

bool BlockWriter::Write(int64_t block, const char *data, size_t size)
{
    MessageCollector collector;
    if (block < 0 || block >= static_cast<int64_t>(TIFFNumberOfTiles(m_tiff.Get())))
        return Fail("there is no such block");
    const tmsize_t done = TIFFWriteRawTile(m_tiff.Get(), static_cast<uint32_t>(block), const_cast<char *>(data),
                                           static_cast<tmsize_t>(size));
    return (done == static_cast<tmsize_t>(size) && !m_tiff.HasFailed()) ||
           Fail(collector.Cause("a block cannot be written").c_str());
}

bool BlockWriter::Close()
{
    MessageCollector collector;
    bool ok = true;
    if (m_tiff.Get())
        ok = TIFFFlush(m_tiff.Get()) == 1 || Fail(collector.Cause("its directory cannot be written").c_str());
    if (!m_tiff.Close())
        ok = Fail("it cannot be written");
    return ok && m_why.empty();
}

bool LacksCRS(GDALDatasetH written, GDALDatasetH source)
{
    return GDALGetSpatialRef(source) && !GDALGetSpatialRef(written);
}

bool HasNoBlock(GDALRasterBandH band)
{
    int width = 0, height = 0;
    GDALGetBlockSize(band, &width, &height);
    for (int y = 0; y < (GDALGetRasterBandYSize(band) - 1) / height + 1; y++)
        for (int x = 0; x < (GDALGetRasterBandXSize(band) - 1) / width + 1; x++)
            if (GDALGetMetadataItem(band, CPLSPrintf("BLOCK_OFFSET_%d_%d", x, y), "TIFF"))
                return false;
    return true;
}

bool HasBlocks(GDALRasterBandH band, uint64_t size, bool sparse)
{
    int width = 0, height = 0;
    GDALGetBlockSize(band, &width, &height);
    for (int y = 0; y < (GDALGetRasterBandYSize(band) - 1) / height + 1; y++)
        for (int x = 0; x < (GDALGetRasterBandXSize(band) - 1) / width + 1; x++) {
            const char *offset = GDALGetMetadataItem(band, CPLSPrintf("BLOCK_OFFSET_%d_%d", x, y), "TIFF");
            const uint64_t begin = offset ? strtoull(offset, nullptr, 10) : 0;
            const char *bytes = GDALGetMetadataItem(band, CPLSPrintf("BLOCK_SIZE_%d_%d", x, y), "TIFF");
            if (bytes ? begin + strtoull(bytes, nullptr, 10) > size : !sparse) {
                CPLError(CE_Failure, CPLE_FileIO, "block %d,%d has not been written", x, y);
                return false;
            }
        }
    return true;
}

} // namespace fishnet
