/* ZONALSTATS, as a kind of table. */
#ifndef FN_ZONAL_TABLE_H
#define FN_ZONAL_TABLE_H

#include "table_kind.h"

namespace fishnet
{
extern const TableKind kZonalStats;
} // namespace fishnet

#endif
