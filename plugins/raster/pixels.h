/* Pixels as GDAL and the core have them: types and NoData values of one as those of the other, and which band or mask
 * says where pixels are valid. */
#ifndef FN_FISHNET_PIXELS_H
#define FN_FISHNET_PIXELS_H

#include <gdal.h>

#include "fishnet/base.h"
#include "fishnet/grid.h"
#include "gdal_compat.h"

namespace fishnet
{

/* GDAL's type for a core type and back; GDT_Unknown, FN_TYPE_COUNT where there is none. */
GDALDataType ToGDAL(fn_type type);
fn_type FromGDAL(GDALDataType type);
/* The type of a band's pixels; signed bytes have it in old GDALs, too. */
fn_type FromGDAL(GDALRasterBandH band);
/* GDAL's type for pixels of a core type in memory: signed bytes are Byte to old GDALs. */
GDALDataType TypeInMemory(fn_type type);

/* Metadata items about how pixels are stored, where their type does not say it. GDAL 3.7 warns those who ask for
 * more. */
inline constexpr const char *kStored[] = {"NBITS",
#if !FN_GDAL_AT_LEAST(3, 7)
                                          "PIXELTYPE"
#endif
};

/* The NoData value of a band whose pixels have that type; not set: it has none that a pixel can be equal to. */
fn_nodata NoDataOf(GDALRasterBandH band, fn_type type);

/* A number as a pixel of that type has it in memory: signed bytes are Byte to old GDALs. */
double NumberInMemory(double number, fn_type type);

/* visible: becomes 0 where the pixel is 0, and stays elsewhere. */
void HideWhereZero(const char *values, fn_type type, size_t count, unsigned char *visible);

/* Fills `count` pixels of toType, each `step` bytes after the one before, with a NoData value of `type`, or with zeros
 * if it is not set. */
void FillWith(const fn_nodata &nodata, fn_type type, void *to, GDALDataType toType, int step, int64_t count);

/* Copies the pixels of a window's size, row by row; strides are in pixels. */
void CopyRows(const char *from, int64_t fromStride, char *to, int64_t toStride, const fn_window &window, size_t size);

/* Does another band, and not its NoData value, say which of the band's pixels are valid? */
bool HasMask(GDALRasterBandH band);

/* The first band that is opaqueness, whatever its type and place, or 0: GDAL takes it for a mask only where it is Byte
 * or UInt16 and the last of 2 or 4. */
int AlphaBand(GDALDatasetH dataset);

} // namespace fishnet

#endif
