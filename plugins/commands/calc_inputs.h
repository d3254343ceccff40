/* What the inputs of calc may be, beside names of datasets: pipelines in brackets, and rasters of several resolutions
 * on one extent. */
#ifndef FN_CALC_INPUTS_H
#define FN_CALC_INPUTS_H

#include <string>
#include <vector>

namespace fishnet::commands
{

/* "[ read dem.tif ! slope ]" */
bool IsPipeline(const std::string &text);
/* "[ read dem.tif ! slope", with a ']' too few. */
bool IsUnclosedPipeline(const std::string &text);
/* The pipeline, with names of files that there are in that folder (empty: the current one) as absolute ones, but for
 * those within `home`, which are relative to it. home: empty, or with a slash at its end. */
std::string PipelineIn(const std::string &folder, const std::string &text, const std::string &home = "");
/* A name under which GDAL opens it. */
std::string PipelineDataset(const std::string &pipeline);
/* Words of a command line; those that are a pipeline become one. *isClosed: whether each has its ']'. */
std::vector<std::string> JoinPipelines(const std::vector<std::string> &words, bool &isClosed);

struct CalcDataset {
    std::string name;                     /* that opens it anywhere */
    std::vector<std::string> openOptions; /* NAME=VALUE; empty where the name holds them already */
    std::string said;                     /* as the user calls it */
};

/* Brings rasters of one extent whose sizes differ onto the grid that all of them divide, if it is not much finer than
 * the finest: pixels are repeated. Other rasters stay as they are: it is the driver that tells what differs. Empty, or
 * what has been done. */
std::string MatchResolutions(std::vector<CalcDataset> &datasets);

} // namespace fishnet::commands

#endif
