/* OUTPUT=SINGLE: a table as one file, whose rows are encoded by the workers that compute them, and put in order by the
 * host's thread. */
#ifndef FN_SINGLE_TABLE_H
#define FN_SINGLE_TABLE_H

#include "table_dataset.h"

namespace fishnet
{

/* The names of the options are known, and the output is no input. NULL after CPLError. */
GDALDataset *WriteSingleTable(const std::string &output, TableDataset &table, CSLConstList options,
                              GDALProgressFunc progress, void *progressData);

/* Whether ogr2ogr writes the same bytes to that name. options: FORMAT, PART_DSCO and PART_LCO. No errors. */
bool IsSingleAsUsual(const std::string &output, TableDataset &table, CSLConstList options);

} // namespace fishnet

#endif
