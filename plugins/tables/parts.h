/* Writing, such as ogr2ogr -f NEARTABLE: a table as one file for each range of the input, written by the workers that
 * compute it, and an OGR VRT union over them. */
#ifndef FN_PARTS_H
#define FN_PARTS_H

#include "shares.h"
#include "table_kind.h"

namespace fishnet
{

/* GDALDriver::pfnCreateCopy. */
GDALDataset *WriteTable(const TableKind &kind, const char *output, GDALDataset *source, CSLConstList options,
                        GDALProgressFunc progress, void *progressData);

/* How large that would be. False after CPLError. */
bool PlanTable(const TableKind &kind, const std::string &output, GDALDataset *source, CSLConstList options,
               JobSize &size);

/* The creation options of a kind, made; and those of one that is known. */
OptionTable NewPartOptions(const TableKind &kind);
const OptionTable &PartOptions(const TableKind &kind);

} // namespace fishnet

#endif
