/* The table that a set of parts is: an OGR VRT union over them. */
#ifndef FN_UNION_H
#define FN_UNION_H

#include "parts_job.h"

namespace fishnet
{

/* Writes the union over the job's parts under that name, whole or not at all. It says which columns it has: its first
 * part may have no rows, and then in some formats no columns either. False after CPLError. */
bool WriteUnion(const PartsJob &job, const std::string &output, OGRLayerH table);

} // namespace fishnet

#endif
