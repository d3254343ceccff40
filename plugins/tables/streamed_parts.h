/* Parts of a table whose input can only be read from its begin, in formats whose rows can be joined: one pass over the
 * input for all parts, in place of one for each. */
#ifndef FN_STREAMED_PARTS_H
#define FN_STREAMED_PARTS_H

#include "parts_job.h"
#include "table_dataset.h"

namespace fishnet
{

/* Whether that can be: all parts of the job are to be written. cuts: where they begin. Where it cannot, and each part
 * has to read the input from its begin, the job knows how many features there are. False after CPLError. */
bool FindStream(PartsJob &job, TableDataset &table, std::vector<int64_t> &cuts, bool &can);

/* Writes them all, each whole under its name. False after CPLError. */
bool StreamParts(PartsJob &job, TableDataset &table, std::vector<int64_t> cuts, GDALProgressFunc progress,
                 void *progressData);

} // namespace fishnet

#endif
