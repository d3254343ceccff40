/* A table whose shares are partial results: these are written, one after the other by all workers, and the file of all
 * rows is made of them when all are there. */
#ifndef FN_FOLDING_H
#define FN_FOLDING_H

#include "parts_job.h"

namespace fishnet
{

/* Adds the parts that are there and not whole to what is to do, with a warning that says why. */
void AddDamaged(PartsJob &job, const std::vector<int64_t> &wanted);

/* Writes what is to do; the progress does not come to its end. watch: of the inputs. False after CPLError; then nothing
 * is there that looks whole. */
bool WritePartials(const PartsJob &job, InputWatch *watch, GDALProgressFunc progress, void *progressData);

/* The rows have been written: their partial results go. Those that may not be removed stay. */
void RemovePartials(const PartsJob &job);

} // namespace fishnet

#endif
