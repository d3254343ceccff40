/* Open options: names that a driver does not have, and settings for other drivers within them. */
#ifndef FN_OPEN_OPTIONS_H
#define FN_OPEN_OPTIONS_H

#include <cpl_string.h>

#include <string>
#include <vector>

namespace fishnet
{

/* The known name that a mistyped one is nearest to, in any case; empty: none is near. "retries" for "retires" */
std::string NearestName(const std::string &name, const std::vector<std::string> &known);

/* Whether that open option is none of ours and does not matter: programs give it to every driver. */
bool IsForOtherDrivers(const char *name);

/* The error for an open option that the driver does not have, with the one that may be meant. Always false. */
bool FailUnknownOption(const char *driver, const char *name);
/* Whether a driver of ours has all these options. GDAL only warns of one that it does not have, and goes on without.
 * list: GDAL_DMD_OPENOPTIONLIST or GDAL_DMD_CREATIONOPTIONLIST. other: NULL, or a driver whose options will do too.
 * False after CPLError. */
bool CheckOptionNames(const char *driver, const char *list, CSLConstList options, const char *other = nullptr);

/* Appends NAME=VALUE, or several of them with semicolons outside of quotes between them. False: it is something
 * else. */
bool SplitSettings(const char *text, CPLStringList &settings);

} // namespace fishnet

#endif
