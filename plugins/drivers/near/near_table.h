/* NEARTABLE, as a kind of table. */
#ifndef FN_NEAR_TABLE_H
#define FN_NEAR_TABLE_H

#include "table_kind.h"

namespace fishnet
{
extern const TableKind kNearTable;
} // namespace fishnet

#endif
