/* A table without the options that it needs. Programs open a name without options first, to see what layers it has,
 * and give the options when they open one of them: QGIS does. Such a dataset has the names and the columns; to read is
 * an error. */
#ifndef FN_INCOMPLETE_TABLE_H
#define FN_INCOMPLETE_TABLE_H

#include "table_kind.h"

namespace fishnet
{

/* Whether no option says anything about the table, and one has to. */
bool IsIncomplete(const TableKind &kind, CSLConstList openOptions);

/* NULL after CPLError. Warns of what is missing. */
std::unique_ptr<GDALDataset> OpenIncomplete(const TableKind &kind, const char *connection);

} // namespace fishnet

#endif
