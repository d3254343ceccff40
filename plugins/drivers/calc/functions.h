/* The functions of expressions as text: for people, and as JSON for programs, which GDAL's driver has as its metadata
 * item FUNCTIONS. */
#ifndef FN_FISHNET_FUNCTIONS_H
#define FN_FISHNET_FUNCTIONS_H

#include <string>

namespace fishnet
{

/* word: only those that have it in their name, another spelling, the name of their group or what they do; empty: all.
 * Empty: there is none. */
std::string FunctionsAsText(const std::string &word);
/* An array of objects: name, group, call, help and, where there are any, spellings. On one line, as metadata. */
std::string FunctionsAsJSON(const std::string &word);

} // namespace fishnet

#endif
