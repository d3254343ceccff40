#include "pixels.h"

#include <cstring>

namespace fishnet
{

static constexpr GDALDataType kGDALTypes[FN_TYPE_COUNT] = {GDT_Byte,
#if FN_GDAL_AT_LEAST(3, 7)
                                                           GDT_Int8,
#else
                                                           GDT_Unknown,
#endif
                                                           GDT_UInt16,  GDT_Int16,  GDT_UInt32,
                                                           GDT_Int32,   GDT_UInt64, GDT_Int64,
#if FN_GDAL_AT_LEAST(3, 11)
                                                           GDT_Float16,
#else
                                                           GDT_Unknown,
#endif
                                                           GDT_Float32, GDT_Float64};

GDALDataType ToGDAL(fn_type type)
{
    return type < FN_TYPE_COUNT ? kGDALTypes[type] : GDT_Unknown;
}

fn_type FromGDAL(GDALDataType type)
{
    for (int i = 0; i < FN_TYPE_COUNT; i++)
        if (kGDALTypes[i] == type && type != GDT_Unknown)
            return static_cast<fn_type>(i);
    return FN_TYPE_COUNT;
}

fn_type FromGDAL(GDALRasterBandH band)
{
    const GDALDataType type = GDALGetRasterDataType(band);
#if !FN_GDAL_AT_LEAST(3, 7)
    /* Signed bytes were Byte with a remark. Later GDALs warn those who ask for it. */
    const char *pixelType = GDALGetMetadataItem(band, "PIXELTYPE", "IMAGE_STRUCTURE");
    if (type == GDT_Byte && pixelType && EQUAL(pixelType, "SIGNEDBYTE"))
        return FN_INT8;
#endif
    return FromGDAL(type);
}

GDALDataType TypeInMemory(fn_type type)
{
    return ToGDAL(type) == GDT_Unknown ? GDT_Byte : ToGDAL(type);
}

fn_nodata NoDataOf(GDALRasterBandH band, fn_type type)
{
    int set = FALSE;
    fn_nodata nodata = {};
    if (type == FN_INT64) {
        nodata.value.i = GDALGetRasterNoDataValueAsInt64(band, &set);
        nodata.set = set != 0;
    } else if (type == FN_UINT64) {
        nodata.value.u = GDALGetRasterNoDataValueAsUInt64(band, &set);
        nodata.set = set != 0;
    } else {
        const double value = GDALGetRasterNoDataValue(band, &set);
        if (set)
            nodata = fn_nodata_from_double(value, type);
    }
    return nodata;
}

double NumberInMemory(double number, fn_type type)
{
    return type == FN_INT8 && TypeInMemory(type) == GDT_Byte && number < 0 ? number + 256 : number;
}

void HideWhereZero(const char *values, fn_type type, size_t count, unsigned char *visible)
{
    constexpr size_t kAtOnce = 1024;
    double some[kAtOnce];
    const size_t size = fn_type_size(type);
    for (size_t at = 0; at < count; at += kAtOnce) {
        const size_t n = std::min(kAtOnce, count - at);
        GDALCopyWords64(values + at * size, TypeInMemory(type), static_cast<int>(size), some, GDT_Float64,
                        sizeof(double), static_cast<GPtrDiff_t>(n));
        for (size_t i = 0; i < n; i++)
            if (some[i] == 0.0)
                visible[at + i] = 0;
    }
}

void FillWith(const fn_nodata &nodata, fn_type type, void *to, GDALDataType toType, int step, int64_t count)
{
    const GDALDataType wide = type == FN_INT64 ? GDT_Int64 : type == FN_UINT64 ? GDT_UInt64 : GDT_Float64;
    const double number = nodata.set ? fn_nodata_as_double(nodata, type) : 0;
    const double real = toType == GDT_Byte ? NumberInMemory(number, type) : number;
    const uint64_t whole = nodata.set ? nodata.value.u : 0;
    const void *value = wide == GDT_Float64 ? static_cast<const void *>(&real) : &whole;
    GDALCopyWords64(value, wide, 0, to, toType, step, count);
}

void CopyRows(const char *from, int64_t fromStride, char *to, int64_t toStride, const fn_window &window, size_t size)
{
    for (int64_t y = 0; y < window.height; y++)
        memcpy(to + static_cast<size_t>(y * toStride) * size, from + static_cast<size_t>(y * fromStride) * size,
               static_cast<size_t>(window.width) * size);
}

bool HasMask(GDALRasterBandH band)
{
    const int flags = GDALGetMaskFlags(band);
    return !(flags & GMF_ALL_VALID) && flags != GMF_NODATA;
}

int AlphaBand(GDALDatasetH dataset)
{
    for (int band = 1; band <= GDALGetRasterCount(dataset); band++)
        if (GDALGetRasterColorInterpretation(GDALGetRasterBand(dataset, band)) == GCI_AlphaBand)
            return band;
    return 0;
}

} // namespace fishnet
