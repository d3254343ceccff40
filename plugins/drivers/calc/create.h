/* Writing: gdal_translate -of FISHNET. What is to be computed, and where it goes. */
#ifndef FN_FISHNET_CREATE_H
#define FN_FISHNET_CREATE_H

#include "gdal_compat.h"

#include "shares.h"
#include "workers.h"

namespace fishnet
{

struct Creation {
    std::string output;             /* the name that was asked for */
    GDALDataset *source = nullptr;  /* of the host, on its thread */
    std::string connection;         /* "FISHNET:<the source>": any thread or process opens it again */
    CPLStringList openOptions;      /* of it: CALC, A..Z, OT, NODATA, CACHE_MB; none about workers */
    std::string folder;             /* that relative names in both begin at */
    fn_worker_options workers = {}; /* resolved */
    bool errorIsNoData = false;     /* ON_ERROR=NODATA */
    bool hasWarned = false;         /* opening the source has given the warnings that opening the connection gives */
    ReportFiles reports;
    CPLStringList own; /* the other creation options: OUTPUT, GRID, FORMAT... */
    GDALProgressFunc progress = nullptr;
    void *progressData = nullptr;
};

/* CPLError, and false, if the output is an input, or an input lies in the folder (may be empty) that goes with it. */
bool CheckOutput(const Creation &creation, const std::string &folder);

/* GDALDriver::pfnCreateCopy. */
GDALDataset *CreateCopy(const char *output, GDALDataset *source, int strict, FN_CSL options, GDALProgressFunc progress,
                        void *progressData);

/* How large a copy would be. False after CPLError. */
bool PlanCopy(const std::string &output, GDALDataset *source, CSLConstList options, JobSize &size);

/* OUTPUT=TILES, the default: a file for each tile of a grid, and a mosaic over them. NULL after CPLError. */
GDALDataset *CreateTiles(const Creation &creation);
bool PlanTiles(const Creation &creation, JobSize &size);
/* OUTPUT=SINGLE: one GeoTIFF, compressed by the workers. NULL after CPLError. */
GDALDataset *CreateSingle(const Creation &creation);
/* Whether it has a COMPRESS of that name. */
bool CanCompress(const char *codec);

} // namespace fishnet

#endif
