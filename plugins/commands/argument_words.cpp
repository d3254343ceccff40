#include "argument_words.h"

#include "gdal_compat.h"

#if FN_GDAL_AT_LEAST(3, 11)

#include <algorithm>
#include <cctype>
#include <cstring>

#include <cpl_error.h>

#include "handles.h"

namespace fishnet::commands
{

static bool IsOfName(char c)
{
    return isupper(static_cast<unsigned char>(c)) || isdigit(static_cast<unsigned char>(c)) || c == '_';
}

/* Whether a word may begin behind what there is: no name of a file goes on, nor another word. */
static bool CanBegin(const std::string &before)
{
    return before.empty() || isspace(static_cast<unsigned char>(before.back())) || before.back() == '(';
}

/* "-oo " and the like say how the tools of GDAL are given the option. */
static bool DropSwitch(std::string &before)
{
    for (const std::string name : {"-oo ", "-co ", "-dsco "})
        if (before.size() >= name.size() && before.compare(before.size() - name.size(), name.size(), name) == 0) {
            before.resize(before.size() - name.size());
            return true;
        }
    return false;
}

std::string InArguments(const std::string &text, const ArgumentOf &argumentOf)
{
    std::string told;
    for (size_t i = 0; i < text.size();) {
        const size_t end = static_cast<size_t>(
            std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(i), text.end(), IsOfName) - text.begin());
        if (end == i || end == text.size() || text[end] != '=' || !CanBegin(told)) {
            const size_t next = std::max(end, i + 1);
            told.append(text, i, next - i);
            i = next;
            continue;
        }
        const std::string option = text.substr(i, end - i);
        const Argument argument = argumentOf(option);
        const char *const value = argument.denies ? "=NO" : "=YES";
        const size_t behind = end + strlen(value);
        const bool isWhole = argument.isFlag && text.compare(end, strlen(value), value) == 0 &&
                             (behind >= text.size() || !IsOfName(text[behind]));
        if (argument.denies && !isWhole) {
            told += option;
            i = end;
            continue;
        }
        const bool isSwitched = (!argument.name.empty() || option.size() == 1) && DropSwitch(told);
        if (argument.name.empty()) /* B=<dataset> */
            told += (isSwitched ? "-i " : "") + option;
        else
            told += "--" + argument.name;
        i = isWhole ? behind : end;
    }
    return told;
}

static void CPL_STDCALL Tell(CPLErr level, CPLErrorNum number, const char *text)
{
    const auto *argumentOf = static_cast<const ArgumentOf *>(CPLGetErrorHandlerUserData());
    const std::string told = level == CE_Debug
                                 ? std::string()
                                 : GuardedQuietly(std::string(), [&] { return InArguments(text, *argumentOf); });
    CPLCallPreviousHandler(level, number, told.empty() ? text : told.c_str());
}

TellInArguments::TellInArguments(ArgumentOf argumentOf) : m_argumentOf(std::move(argumentOf))
{
    CPLPushErrorHandlerEx(Tell, const_cast<ArgumentOf *>(&m_argumentOf));
}

TellInArguments::~TellInArguments()
{
    CPLPopErrorHandler();
}

} // namespace fishnet::commands
#endif
