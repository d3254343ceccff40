#ifndef FN_NEARTABLE_DRIVER_H
#define FN_NEARTABLE_DRIVER_H

#include "table_kind.h"

namespace fishnet
{
extern const TableKind kNearTable;

/* What helpers know of it: see jobs/. */
void RegisterNearTableJobs();
void RegisterNearTableDriver();
} // namespace fishnet

#endif
