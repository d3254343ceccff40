#include "single_file.h"

#include <algorithm>
#include <cstring>

#include "gdal_compat.h"
#include "pixels.h"

namespace fishnet
{

/* ---- options ---- */

/* Codecs that need nothing but a block to encode it. */
static const char *const kCodecs[] = {"NONE",     "DEFLATE", "ZSTD",         "LZW",       "LZMA",
                                      "PACKBITS", "LERC",    "LERC_DEFLATE", "LERC_ZSTD", "WEBP"};

static bool IsAmong(const char *name, const char *const *begin, const char *const *end)
{
    return std::any_of(begin, end, [name](const char *other) { return EQUAL(name, other); });
}

bool CanCompress(const char *codec)
{
    return IsAmong(codec, std::begin(kCodecs), std::end(kCodecs));
}

namespace single
{

/* Creation options of GTiff that a block depends on; the file has them too. */
static const char *const kBlockOptions[] = {"COMPRESS",    "PREDICTOR",   "ZLEVEL",        "ZSTD_LEVEL",
                                            "LZMA_PRESET", "MAX_Z_ERROR", "WEBP_LOSSLESS", "WEBP_LEVEL",
                                            "DISCARD_LSB", "ENDIANNESS",  "NBITS",         "PIXELTYPE"};
static const char *const kFileOptions[] = {
    "BLOCKXSIZE", "BLOCKYSIZE", "INTERLEAVE",          "BIGTIFF",         "PHOTOMETRIC",  "ALPHA",  "PROFILE", "TFW",
    "RPB",        "RPCTXT",     "GEOTIFF_KEYS_FLAVOR", "GEOTIFF_VERSION", "COPY_SRC_MDD", "SRC_MDD"};

bool Fail(CPLErrorNum number, const std::string &file, const std::string &why)
{
    CPLError(CE_Failure, number, "FISHNET: %.1000s: %s", file.c_str(), why.c_str());
    return false;
}

bool CheckOptions(const Creation &creation)
{
    const CPLStringList &own = creation.own;
    const char *codec = own.FetchNameValueDef("COMPRESS", "NONE");
    const char *known = GDALGetMetadataItem(GDALGetDriverByName("GTiff"), GDAL_DMD_CREATIONOPTIONLIST, nullptr);
    std::string possible;
    for (const char *name : kCodecs)
        if (known && strstr(known, CPLSPrintf("<Value>%s</Value>", name)))
            possible += (possible.empty() ? "" : ", ") + std::string(name);
    if (!CanCompress(codec) ||
        !(known && strstr(known, CPLSPrintf("<Value>%s</Value>", CPLString(codec).toupper().c_str()))))
        return Fail(CPLE_NotSupported, creation.output,
                    std::string("COMPRESS=") + codec + " is not possible with OUTPUT=SINGLE; " + possible + " are");
    for (const char *name : {"TILED", "STREAMABLE_OUTPUT", "APPEND_SUBDATASET", "COPY_SRC_OVERVIEWS"}) {
        const char *value = own.FetchNameValue(name);
        if (value && CPLTestBool(value) != EQUAL(name, "TILED"))
            return Fail(CPLE_NotSupported, creation.output,
                        std::string(name) + "=" + value + " is not possible with OUTPUT=SINGLE");
    }
    for (const char *name : {"BLOCKXSIZE", "BLOCKYSIZE"}) {
        const char *value = own.FetchNameValue(name);
        const int size = value ? atoi(value) : 16;
        if (size < 16 || size > FN_TILE_MAX || size % 16 != 0)
            return Fail(CPLE_IllegalArg, creation.output,
                        std::string(name) + "=" + value + ": expected a multiple of 16");
    }
    const char *alpha = own.FetchNameValue("ALPHA");
    static const char *const kAlpha[] = {"YES", "NO", "PREMULTIPLIED", "NON-PREMULTIPLIED", "UNSPECIFIED"};
    if (alpha && !IsAmong(alpha, std::begin(kAlpha), std::end(kAlpha)))
        return Fail(CPLE_IllegalArg, creation.output,
                    std::string("ALPHA=") + alpha + ": expected NODATA or IGNORE (of the input), or YES, NO, " +
                        "PREMULTIPLIED, NON-PREMULTIPLIED or UNSPECIFIED (of the output, as in GTiff)");
    const char *bits = own.FetchNameValue("DISCARD_LSB");
    if (bits && strchr(bits, ','))
        return Fail(CPLE_NotSupported, creation.output, "DISCARD_LSB by band is not possible with OUTPUT=SINGLE");
    return *CPLGetFilename(creation.output.c_str()) ||
           Fail(CPLE_IllegalArg, creation.output, "it is not the name of a file");
}

/* ---- the file without blocks ---- */

double ShareOfMasks(const Plan &plan)
{
    return plan.outputs.size() > static_cast<size_t>(plan.bandCount) ? 0.1 : 0;
}

/* Before GDAL 3.10, a copy of several bands at a time asks no band for its blocks. GTiff leaves out those of a
 * hollow dataset because they hold nothing but NoData; that it does not see where the value is a 64-bit integer, or
 * none of the type. Then it is set when the file is there. */
class LateNoData
{
  public:
    explicit LateNoData(Dataset &source)
    {
        const Output &output = source.GetPlan().outputs[0]; /* the file has one NoData value */
        GDALRasterBandH band = GDALGetRasterBand(GDALDataset::ToHandle(&source), 1);
        int isSet = FALSE;
        m_type = output.type;
        if (m_type == FN_INT64)
            m_signed = GDALGetRasterNoDataValueAsInt64(band, &isSet);
        else if (m_type == FN_UINT64)
            m_unsigned = GDALGetRasterNoDataValueAsUInt64(band, &isSet);
        else
            m_real = GDALGetRasterNoDataValue(band, &isSet);
        m_isSet = GDAL_VERSION_NUM < GDAL_COMPUTE_VERSION(3, 10, 0) && isSet &&
                  (m_type == FN_INT64 || m_type == FN_UINT64 || !output.nodata.set);
    }
    bool IsSet() const { return m_isSet; }
    bool SetOn(GDALDatasetH dataset) const
    {
        GDALRasterBandH band = GDALGetRasterBand(dataset, 1);
        return (m_type == FN_INT64    ? GDALSetRasterNoDataValueAsInt64(band, m_signed)
                : m_type == FN_UINT64 ? GDALSetRasterNoDataValueAsUInt64(band, m_unsigned)
                                      : GDALSetRasterNoDataValue(band, m_real)) == CE_None;
    }

  private:
    fn_type m_type;
    bool m_isSet = false;
    double m_real = 0;
    int64_t m_signed = 0;
    uint64_t m_unsigned = 0;
};

/* GTiff copies all that there is to a dataset but its pixels, because it is told that there are none. */
bool MakeFile(const Creation &creation, Dataset &source, const std::string &path)
{
    CPLStringList options;
    for (const auto &names : {std::make_pair(std::begin(kBlockOptions), std::end(kBlockOptions)),
                              std::make_pair(std::begin(kFileOptions), std::end(kFileOptions))})
        for (const char *const *name = names.first; name != names.second; name++)
            if (const char *value = creation.own.FetchNameValue(*name))
                options.SetNameValue(*name, value);
    options.SetNameValue("TILED", "YES");
    options.SetNameValue("SPARSE_OK", "TRUE");
    if (!options.FetchNameValue("BIGTIFF"))
        options.SetNameValue("BIGTIFF", "IF_SAFER");
    const LateNoData late(source);
    source.BeHollow(late.IsSet());
    /* The mask goes into the file, not beside it, and is written by one thread. */
    const CPLStringList config(CPLGetThreadLocalConfigOptions(), TRUE);
    CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES");
    CPLSetThreadLocalConfigOption("GDAL_NUM_THREADS", "1");
    void *progress =
        GDALCreateScaledProgress(0, ShareOfMasks(source.GetPlan()), creation.progress, creation.progressData);
    DatasetHandle dataset(GDALCreateCopy(GDALGetDriverByName("GTiff"), path.c_str(), GDALDataset::ToHandle(&source),
                                         FALSE, options.List(), GDALScaledProgress, progress));
    bool made = dataset != nullptr;
    if (made) {
        CPLErrorReset();
        if (late.IsSet()) {
            GDALFlushCache(dataset.get()); /* blocks that hold nothing are told by the value that there is now */
            made = late.SetOn(dataset.get());
        }
        dataset.reset();
        made = made && CPLGetLastErrorType() < CE_Failure;
    }
    GDALDestroyScaledProgress(progress);
    CPLSetThreadLocalConfigOptions(config.List());
    return made;
}

bool ReadLayout(const Creation &creation, Dataset &source, const std::string &path, Layout &layout)
{
    const char *const drivers[] = {"GTiff", nullptr};
    const DatasetHandle dataset(
        GDALOpenEx(path.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, drivers, nullptr, nullptr));
    if (!dataset)
        return false;
    if (LacksCRS(dataset.get(), GDALDataset::ToHandle(&source)))
        return Fail(CPLE_AppDefined, creation.output, kLacksCRS);
    GDALRasterBandH band = GDALGetRasterBand(dataset.get(), 1);
    GDALGetBlockSize(band, &layout.blockWidth, &layout.blockHeight);
    layout.bands = GDALGetRasterCount(dataset.get());
    for (int i = 1; i <= layout.bands; i++)
        if (!HasNoBlock(GDALGetRasterBand(dataset.get(), i)))
            return Fail(CPLE_AppDefined, creation.output,
                        "GTiff has written pixels of its own, so that ours cannot take their place");
    layout.type = GDALGetRasterDataType(band);
    const char *interleave = GDALGetMetadataItem(dataset.get(), "INTERLEAVE", "IMAGE_STRUCTURE");
    layout.byPixel = layout.bands > 1 && interleave && EQUAL(interleave, "PIXEL");
    layout.sparse = creation.own.FetchBool("SPARSE_OK", false);
    for (const char *name : kBlockOptions)
        if (const char *value = creation.own.FetchNameValue(name))
            layout.options.SetNameValue(name, value);
    for (const char *name : kStored) /* GTiff may have taken them from the source */
        if (const char *value = GDALGetMetadataItem(band, name, "IMAGE_STRUCTURE"))
            layout.options.SetNameValue(name, value);
    const char *codec = creation.own.FetchNameValueDef("COMPRESS", "NONE");
    const char *used = GDALGetMetadataItem(dataset.get(), "COMPRESSION", "IMAGE_STRUCTURE");
    return EQUAL(codec, used ? used : "NONE") ||
           Fail(CPLE_NotSupported, creation.output, std::string("this GDAL cannot COMPRESS=") + codec);
}

} // namespace single

} // namespace fishnet
