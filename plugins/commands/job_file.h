/* Job files: recipes that say what is to become of them. Planned, run in shares, assembled: what the program fishnet
 * and the commands `gdal fishnet plan`, `run` and `assemble` do. */
#ifndef FN_COMMANDS_JOB_FILE_H
#define FN_COMMANDS_JOB_FILE_H

#include <string>

#include <cpl_progress.h>
#include <cpl_string.h>

namespace fishnet::commands
{

/* What a job is, a line for each thing, and what is in that share of it (empty: in none). False after CPLError. */
bool PlanJob(const std::string &file, std::string share, std::string &text);
/* Does the share (i/n, auto, auto/n; empty: all of the job). workers: NUM_WORKERS and its like, which replace those of
 * the file. False after CPLError. */
bool RunJob(const std::string &file, std::string share, const CPLStringList &workers, GDALProgressFunc progress,
            void *progressData);
/* Puts together what the shares have made. False after CPLError, which says what is missing. */
bool AssembleJob(const std::string &file, GDALProgressFunc progress, void *progressData);

} // namespace fishnet::commands

#endif
