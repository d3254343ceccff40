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
/* A word that stands where a name may. */
inline bool IsWord(const fn_option &option, const std::string &text)
{
    return option.kind == FN_OPTION_NAME && option.words && EQUAL(option.words, text.c_str());
}

} // namespace fishnet

#endif
