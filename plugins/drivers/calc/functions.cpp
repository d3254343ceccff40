#include "functions.h"

#include <algorithm>
#include <cstring>

#include <cpl_json.h>
#include <cpl_string.h>

#include "fishnet/expr.h"

namespace fishnet
{

static bool Matches(const fn_expr_function &function, const std::string &word)
{
    const auto has = [&word](const char *text) { return text && CPLString(text).ifind(word) != std::string::npos; };
    return word.empty() || has(function.name) || has(function.others) || has(function.group) || has(function.help);
}

template <class Use> static void ForEachFunction(const std::string &word, Use use)
{
    const fn_expr_function *function = nullptr;
    for (size_t i = 0; (function = fn_expr_function_at(i)) != nullptr; i++)
        if (Matches(*function, word))
            use(*function);
}

std::string FunctionsAsText(const std::string &word)
{
    std::string text;
    const char *group = "";
    ForEachFunction(word, [&](const fn_expr_function &function) {
        if (strcmp(group, function.group) != 0) {
            group = function.group;
            text += std::string(text.empty() ? "" : "\n") + group + "\n";
        }
        text += CPLSPrintf("  %-32s %s", function.call, function.help);
        if (function.others)
            text += std::string(" [also ") + function.others + "]";
        text += "\n";
    });
    return text;
}

std::string FunctionsAsJSON(const std::string &word)
{
    CPLJSONArray functions;
    ForEachFunction(word, [&](const fn_expr_function &function) {
        CPLJSONObject object;
        object.Add("name", function.name);
        object.Add("group", function.group);
        object.Add("call", function.call);
        object.Add("help", function.help);
        if (function.others) {
            CPLJSONArray spellings;
            const CPLStringList words(CSLTokenizeString2(function.others, " ", 0));
            for (int i = 0; i < words.size(); i++)
                spellings.Add(words[i]);
            object.Add("spellings", spellings);
        }
        functions.Add(object);
    });
    return functions.Format(CPLJSONObject::PrettyFormat::Plain);
}

} // namespace fishnet
