/* A near table whose near side has not been named. Programs open a name without options first, to see what layers it
 * has, and give the options when they open one of them: QGIS does. Such a dataset has the names and the columns; to
 * read is an error. */
#ifndef FN_NEARTABLE_INCOMPLETE_H
#define FN_NEARTABLE_INCOMPLETE_H

#include <memory>

#include "schema.h"

namespace fishnet::neartable
{

/* Whether no option says anything about the table. */
bool IsIncomplete(CSLConstList openOptions);

/* NULL after CPLError. Warns of what is missing. */
std::unique_ptr<GDALDataset> OpenIncomplete(const char *connection);

} // namespace fishnet::neartable

#endif
