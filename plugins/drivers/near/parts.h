/* Writing: ogr2ogr -f NEARTABLE. A near table as one file for each range of the input, written by the workers that
 * compute it, and an OGR VRT union over them. */
#ifndef FN_NEARTABLE_PARTS_H
#define FN_NEARTABLE_PARTS_H

#include "gdal_compat.h"
#include "open_options.h"

namespace fishnet::neartable
{

/* GDALDriver::pfnCreateCopy. */
GDALDataset *CreateCopy(const char *output, GDALDataset *source, int strict, FN_CSL options, GDALProgressFunc progress,
                        void *progressData);
const OptionTable &PartOptions();

} // namespace fishnet::neartable

#endif
