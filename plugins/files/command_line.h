/* The command line of a pipeline that `gdal raster pipeline ... ! write x.gdalg.json` has saved. */
#ifndef FN_FISHNET_COMMAND_LINE_H
#define FN_FISHNET_COMMAND_LINE_H

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace fishnet
{

using Words = std::vector<std::string>;

struct CommandLine {
    std::vector<Words> steps;
    bool nested = false;    /* a pipeline within a pipeline */
    std::string folder;     /* that relative names begin at; empty: the current one */
    std::string standalone; /* a step that is a command by itself, not a pipeline */
};

/* path: a file, or the JSON itself. False, and silent: it is no such thing. */
bool ReadCommandLine(const std::string &path, CommandLine &command);

/* Names of files among a step's words: --input x, -i A=x, or what stands alone. */
Words InputsOf(const Words &step, const std::string &folder);

template <size_t N> bool IsOneOf(const std::string &word, const std::array<const char *, N> &names)
{
    return std::any_of(names.begin(), names.end(), [&word](const char *name) { return word == name; });
}

} // namespace fishnet

#endif
