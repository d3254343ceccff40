/* OUTPUT=SINGLE: one GeoTIFF, whose blocks the workers compute and encode. */
#ifndef FN_FISHNET_SINGLE_H
#define FN_FISHNET_SINGLE_H

#include "processes.h"

namespace fishnet
{

/* Whether there is a COMPRESS of that name. */
bool CanCompress(const char *codec);

/* In a helper process. */
fn_status PrepareSingleJob(const Words &words, fn_job *job, std::string *answer, fn_error *err);

} // namespace fishnet

#endif
