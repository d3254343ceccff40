/* The GeoTIFF of OUTPUT=SINGLE: its options, and the file before it has blocks. */
#ifndef FN_FISHNET_SINGLE_FILE_H
#define FN_FISHNET_SINGLE_FILE_H

#include "create.h"
#include "dataset.h"
#include "single_job.h"

namespace fishnet::single
{

/* CPLError that names the file. False. */
bool Fail(CPLErrorNum number, const std::string &file, const std::string &why);

/* False after CPLError: an option that is not known, or makes no sense. */
bool CheckOptions(const Creation &creation);

/* How much of the work masks are, in the eyes of who watches the progress. */
double ShareOfMasks(const Plan &plan);
/* Makes the file, with all that there is to the source but its pixels. False after CPLError. */
bool MakeFile(const Creation &creation, Dataset &source, const std::string &path);
/* The file's own word on what its blocks are. False after CPLError. */
bool ReadLayout(const Creation &creation, Dataset &source, const std::string &path, Layout &layout);

} // namespace fishnet::single

#endif
