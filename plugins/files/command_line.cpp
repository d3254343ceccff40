#include "command_line.h"

#include <cstring>
#include <sys/stat.h>

#include <cpl_json.h>
#include <cpl_string.h>
#include <cpl_vsi.h>

namespace fishnet
{

static bool IsPipelineFile(const std::string &path)
{
    if (path.find("\"gdal_streamed_alg\"") != std::string::npos)
        return true;
    constexpr size_t kMost = 1024; /* as much as GDAL looks at */
    char begin[kMost + 1] = {};
    VSILFILE *file = VSIFOpenL(path.c_str(), "rb");
    if (!file)
        return false;
    begin[VSIFReadL(begin, 1, kMost, file)] = 0;
    VSIFCloseL(file);
    return strstr(begin, "\"gdal_streamed_alg\"") != nullptr;
}

bool ReadCommandLine(const std::string &path, CommandLine &command)
{
    CPLJSONDocument document;
    const bool isInline = path.find("\"gdal_streamed_alg\"") != std::string::npos;
    if (!isInline && !IsPipelineFile(path))
        return false;
    if (!(isInline ? document.LoadMemory(path) : document.Load(path)))
        return false;
    const CPLJSONObject root = document.GetRoot();
    if (!isInline && root.GetBool("relative_paths_relative_to_this_file", true))
        command.folder = CPLGetPath(path.c_str());
    const CPLStringList words(CSLTokenizeString(root.GetString("command_line").c_str()));
    int i = 1; /* after gdal */
    if (i < words.size() && EQUAL(words[i], "raster"))
        i++;
    if (i >= words.size())
        return false;
    if (EQUAL(words[i], "pipeline"))
        i++;
    else
        command.standalone = words[i];
    command.steps.emplace_back();
    for (; i < words.size(); i++) {
        const std::string word = words[i];
        if (word == "!" || word == "[" || word == "]") {
            command.nested = command.nested || word != "!";
            if (!command.steps.back().empty())
                command.steps.emplace_back();
        } else
            command.steps.back().push_back(word);
    }
    if (command.steps.back().empty())
        command.steps.pop_back();
    return true;
}

Words InputsOf(const Words &step, const std::string &folder)
{
    Words inputs;
    for (size_t i = 1; i < step.size(); i++) {
        std::string name = step[i];
        if (name.rfind("--input=", 0) == 0)
            name = name.substr(strlen("--input="));
        for (int k = 0; k < 2; k++) { /* as it is, and behind A= */
            const std::string path =
                CPLIsFilenameRelative(name.c_str()) && !folder.empty() ? folder + "/" + name : name;
            VSIStatBufL stat;
            if (!name.empty() && name[0] != '-' && VSIStatL(path.c_str(), &stat) == 0 && VSI_ISREG(stat.st_mode)) {
                inputs.push_back(path);
                break;
            }
            const size_t equal = name.find('=');
            if (equal == std::string::npos)
                break;
            name = name.substr(equal + 1);
        }
    }
    return inputs;
}

} // namespace fishnet
