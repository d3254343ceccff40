/* VRT files over datasets of the driver FISHNET, whose names in the file's folder, or below, are relative to it. */
#ifndef FN_RELATIVE_VRT_H
#define FN_RELATIVE_VRT_H

#include <string>

namespace fishnet::commands
{

/* Rewrites the file, so that it can be moved together with its inputs. False: it cannot be written. */
bool MakeRelative(const std::string &path);

} // namespace fishnet::commands

#endif
