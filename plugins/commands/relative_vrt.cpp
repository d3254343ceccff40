#include "relative_vrt.h"

#include <cctype>
#include <cstring>

#include <cpl_minixml.h>
#include <cpl_string.h>

#include "file_names.h"
#include "fishnet/recipe.h"
#include "input_lists.h"
#include "recipe_file.h"

namespace fishnet::commands
{

/* What an open option holds, of those that name inputs. */
static std::string RelativeOption(const std::string &folder, const std::string &key, const std::string &value)
{
    if (key.size() == 1 && isalpha(static_cast<unsigned char>(key[0])))
        return NameFrom(folder, value);
    if (fn_grid_names_file(key.c_str(), value.c_str()))
        return NameFrom(folder, value, key);
    if (!EQUAL(key.c_str(), "INPUT"))
        return value;
    CPLStringList moved;
    const std::string option = "INPUT=" + value; /* it may hold several */
    const char *const given[] = {option.c_str(), nullptr};
    const CPLStringList inputs = SplitInputs(given);
    for (int i = 0; i < inputs.size(); i++)
        moved.AddString(("INPUT=" + InputValueFrom(folder, inputs[i] + strlen("INPUT="))).c_str());
    return JoinInputs(moved.List()).FetchNameValueDef("INPUT", value.c_str());
}

static void RelateOptions(const std::string &folder, CPLXMLNode *options)
{
    for (CPLXMLNode *option = options ? options->psChild : nullptr; option; option = option->psNext) {
        CPLXMLNode *text = option->psChild;
        while (text && text->eType != CXT_Text)
            text = text->psNext;
        if (!text)
            continue;
        const std::string value =
            RelativeOption(folder, CPLGetXMLValue(option, "key", ""), std::string(text->pszValue));
        CPLFree(text->pszValue);
        text->pszValue = CPLStrdup(value.c_str());
    }
}

/* Whether there was something to be done. */
static bool Relate(const std::string &folder, CPLXMLNode *node)
{
    bool changed = false;
    for (; node; node = node->psNext) {
        const char *name = CPLGetXMLValue(node, "SourceFilename", "");
        if (STARTS_WITH(name, FN_RECIPE_PREFIX)) {
            const std::string related = FN_RECIPE_PREFIX + NameFrom(folder, name + strlen(FN_RECIPE_PREFIX));
            CPLSetXMLValue(node, "SourceFilename", related.c_str());
            CPLSetXMLValue(node, "SourceFilename.#relativeToVRT", "1");
            RelateOptions(folder, CPLGetXMLNode(node, "OpenOptions"));
            changed = true;
        }
        changed = Relate(folder, node->psChild) || changed;
    }
    return changed;
}

bool MakeRelative(const std::string &path)
{
    const CPLXMLTreeCloser tree(CPLParseXMLFile(path.c_str()));
    const std::string full = InCurrentFolder(path);
    if (!tree || !Relate(full.substr(0, full.rfind('/') + 1), tree.get()))
        return tree != nullptr;
    return CPLSerializeXMLTreeToFile(tree.get(), path.c_str()) != 0;
}

} // namespace fishnet::commands
