/* The option INPUT: an input by its name, which may be a stack of datasets: several names, wildcards, or a file of
 * names. They are looked up once, by whoever opens: from then on options name each member, so that workers, and what is
 * written about an output, all have the same ones. */
#ifndef FN_INPUT_LISTS_H
#define FN_INPUT_LISTS_H

#include <string>
#include <vector>

#include <cpl_string.h>

#include "fishnet/base.h"

namespace fishnet
{

/* Does a name have wildcards: "*", "?", "[...]"? Those of files with content or options in their names have not. */
bool HasWildcards(const std::string &name);

/* An input by its name. */
struct NamedInput {
    std::string name;
    std::vector<std::string> datasets; /* as they stand */
    bool isStack = false;
};
/* What INPUT holds. On failure err names it. */
fn_status ReadInput(const std::string &value, NamedInput &out, fn_error *err);

/* What INPUT holds for these datasets: S="a.tif";"b.tif". One dataset is a stack if isStack. */
std::string InputValue(const std::string &name, const std::vector<std::string> &datasets, bool isStack);
/* The name in what INPUT holds, and its datasets as they stand; empty if it cannot be read. */
std::string InputNameOf(const std::string &value);
std::vector<std::string> InputDatasetsOf(const std::string &value);
/* The same with datasets relative to a folder. What cannot be read stays as it is: the parser complains of it. */
std::string InputValueIn(const std::string &folder, const std::string &value);
/* The reverse, for absolute names: what lies in the folder, or below, becomes relative to it. */
std::string InputValueFrom(const std::string &folder, const std::string &value);

/* The lines of a file but for white space around them, empty ones, and those that begin with '#'. *cause: why there is
 * none. */
std::vector<std::string> LinesOf(const std::string &file, std::string &cause);

/* GDAL keeps one open option of each name in a VRT. So that may hold several inputs, all with quoted names, and '|'
 * between them: INPUT=red="a.tif"|nir="b.tif"; and so may INPUT_OO. As one option for each input, and all in one; that
 * joins CALC and A_OO, too, which have ';' between them. */
CPLStringList SplitInputs(CSLConstList options);
CPLStringList JoinInputs(CSLConstList options);

/* Looks wildcards and lists up in all INPUT options, and names each dataset. Members that wildcards find are sorted by
 * the bytes of their names. False after CPLError, which begins with the driver: nothing is there. */
bool ExpandInputs(const char *driver, CPLStringList &options);
/* Whether a name is among the datasets that INPUT holds: one that wildcards would find, too, if it were there. */
bool IsDatasetOf(const std::string &value, const std::string &name);

} // namespace fishnet

#endif
