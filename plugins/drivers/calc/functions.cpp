#include "functions.h"

#include <algorithm>
#include <cstring>
#include <vector>

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

/* What other calculators call so. */
static std::vector<const fn_expr_spelling *> Elsewhere(const std::string &word)
{
    std::vector<const fn_expr_spelling *> found;
    const fn_expr_spelling *spelling = nullptr;
    for (size_t i = 0; (spelling = fn_expr_spelling_at(i)) != nullptr; i++)
        if (EQUAL(spelling->theirs, word.c_str()))
            found.push_back(spelling);
    return found;
}

/* Those that have the word; where it is one of other calculators, those that do the same, if there are any. */
template <class Use> static void ForEachFunction(const std::string &word, Use use)
{
    const std::vector<const fn_expr_spelling *> elsewhere = Elsewhere(word);
    const auto doesTheSame = [&](const fn_expr_function &function) {
        return std::any_of(elsewhere.begin(), elsewhere.end(), [&](const fn_expr_spelling *spelling) {
            return STARTS_WITH(spelling->ours, (std::string(function.name) + "(").c_str());
        });
    };
    std::vector<const fn_expr_function *> having, same;
    const fn_expr_function *function = nullptr;
    for (size_t i = 0; (function = fn_expr_function_at(i)) != nullptr; i++) {
        if (Matches(*function, word))
            having.push_back(function);
        if (doesTheSame(*function))
            same.push_back(function);
    }
    for (const fn_expr_function *one : same.empty() ? having : same)
        use(*one);
}

std::string FunctionsAsText(const std::string &word)
{
    std::string text;
    const char *group = "";
    for (const fn_expr_spelling *spelling : Elsewhere(word))
        text += CPLSPrintf("%s (%s) is written here: %s\n", spelling->theirs, spelling->where, spelling->ours);
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
    for (const fn_expr_spelling *spelling : Elsewhere(word)) {
        CPLJSONObject object;
        object.Add("name", spelling->theirs);
        object.Add("group", spelling->where);
        object.Add("here", spelling->ours);
        functions.Add(object);
    }
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
