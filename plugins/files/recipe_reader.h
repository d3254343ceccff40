/* A recipe file, *.fishnet.json: its keys, judged one by one, become a connection string and open options. */
#ifndef FN_RECIPE_READER_H
#define FN_RECIPE_READER_H

#include "recipe_file.h"

namespace fishnet
{

/* False: it is another driver's, or broken, then after CPLError. */
bool ReadRecipe(const char *file, const RecipeKind &kind, Opening &opening);

/* A folder that may be relative, or empty: the current one. */
std::string AbsoluteFolder(const std::string &folder);
/* Whether the value of an option is one name, of a dataset or another file: not that of several, and no word that may
 * stand instead. */
bool NamesFile(const fn_option &option, const std::string &value);

} // namespace fishnet

#endif
