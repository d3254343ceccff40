/* What differs between GDAL 3.6 and 3.13, in one place. Every override says `override`: a signature that has changed
 * must not compile. Never define GDAL_BANDMAP_TYPE_CONST_SAFE: libgdal exports the non-const names only. */
#ifndef FN_GDAL_COMPAT_H
#define FN_GDAL_COMPAT_H

#include <gdal_priv.h>
#include <gdal_version.h>

#define FN_GDAL_AT_LEAST(major, minor) (GDAL_VERSION_NUM >= GDAL_COMPUTE_VERSION(major, minor, 0))

#ifndef BANDMAP_TYPE
#define BANDMAP_TYPE int *
#endif

#if FN_GDAL_AT_LEAST(3, 13)
#define FN_CSL CSLConstList
#else
#define FN_CSL char **
#endif

/* Of OGRLayer and GDALDataset: what only looks is const, and so is what it returns. */
#if FN_GDAL_AT_LEAST(3, 12)
#define FN_CONST const
#else
#define FN_CONST
#endif
#if FN_GDAL_AT_LEAST(3, 9)
#define FN_IGNORED_FIELDS CSLConstList
#else
#define FN_IGNORED_FIELDS const char **
#endif

/* Declares GetGeoTransform in a class and forwards it to `CPLErr FillGeoTransform(double *) const`. */
#if FN_GDAL_AT_LEAST(3, 12)
#define FN_DECLARE_GET_GEOTRANSFORM                                                                                    \
    CPLErr GetGeoTransform(GDALGeoTransform &gt) const override                                                        \
    {                                                                                                                  \
        double values[6];                                                                                              \
        const CPLErr err = FillGeoTransform(values);                                                                   \
        for (int i = 0; i < 6; i++)                                                                                    \
            gt[i] = values[i];                                                                                         \
        return err;                                                                                                    \
    }
#else
#define FN_DECLARE_GET_GEOTRANSFORM                                                                                    \
    CPLErr GetGeoTransform(double *values) override                                                                    \
    {                                                                                                                  \
        return FillGeoTransform(values);                                                                               \
    }
#endif

#endif
