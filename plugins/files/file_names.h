/* What the name of a file says by itself. */
#ifndef FN_FILE_NAMES_H
#define FN_FILE_NAMES_H

#include <cstdlib>
#include <memory>
#include <string>

#include <cpl_conv.h>
#include <cpl_string.h>
#include <cpl_vsi.h>

#include "workers.h"

namespace fishnet
{

/* In upper or lower case. */
inline bool HasEnding(const std::string &name, const std::string &ending)
{
    return name.size() >= ending.size() && EQUAL(name.c_str() + name.size() - ending.size(), ending.c_str());
}

/* Is there anything of that name? Its size is not asked for: that would use up standard input. */
inline bool Exists(const std::string &name)
{
    VSIStatBufL stat;
    return VSIStatExL(name.c_str(), &stat, VSI_STAT_EXISTS_FLAG) == 0;
}

/* Reached by GDAL, and not by the system's own calls. */
inline bool IsVirtual(const std::string &name)
{
    return STARTS_WITH(name.c_str(), "/vsi");
}

inline bool IsInMemory(const std::string &name)
{
    return STARTS_WITH(name.c_str(), "/vsimem/");
}

/* Perhaps over a network, where each look costs a request. */
inline bool IsFarAway(const std::string &name)
{
    return IsVirtual(name) && !IsInMemory(name);
}

/* Does a name, or a description as XML, lead to a file beyond a network? GDAL's file systems say so. Archives and parts
 * of files, such as /vsizip//vsicurl/..., hold the name of another file. */
inline bool IsRemoteName(const std::string &text)
{
    for (size_t at = text.find("/vsi"); at != std::string::npos; at = text.find("/vsi", at + 1))
        if (!VSIIsLocal(text.substr(at, text.find_first_of("<>\"'\n", at) - at).c_str()))
            return true;
    return false;
}

/* A file by its URL, and what GDAL reads parts of it by. */
inline bool IsURL(const std::string &name)
{
    return STARTS_WITH_CI(name.c_str(), "http://") || STARTS_WITH_CI(name.c_str(), "https://");
}

inline std::string NameOfURL(const std::string &url)
{
    return "/vsicurl/" + url;
}

/* The name, absolute where it is relative. */
inline std::string InCurrentFolder(const std::string &name)
{
    return !name.empty() && CPLIsFilenameRelative(name.c_str()) ? CurrentFolder() + "/" + name : name;
}

/* The one name that all names of a file come to, without links and dots; the same name where there is no such file. */
inline std::string RealPath(const std::string &name)
{
    const std::unique_ptr<char, void (*)(void *)> real(IsVirtual(name) ? nullptr : realpath(name.c_str(), nullptr),
                                                       free);
    return real ? real.get() : name;
}

} // namespace fishnet

#endif
