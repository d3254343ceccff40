/* A name by which workers, threads or processes, open the source of a copy again. */
#ifndef FN_FISHNET_SOURCE_NAME_H
#define FN_FISHNET_SOURCE_NAME_H

#include "create.h"
#include "handles.h"

namespace fishnet
{

/* Fills connection and openOptions, which has the options of the recipe already. Takes over the options about workers
 * of a source of ours. False after CPLError. */
bool NameSource(Creation &creation);

/* Opens the connection. again: its warnings have been given. NULL after CPLError. */
DatasetHandle OpenConnection(const Creation &creation, const CPLStringList &options, bool again = false);

/* Opens the connection as workers will: is it the source? Gives errors only: whoever opens it next gives the warnings.
 * False after CPLError. */
bool CheckConnection(const Creation &creation);

} // namespace fishnet

#endif
