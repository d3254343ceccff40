#include "input_lists.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>

#include <cpl_conv.h>
#include <cpl_vsi.h>

#include "file_names.h"
#include "fishnet/recipe.h"
#include "handles.h"
#include "recipe_file.h"
#include "secrets.h"

namespace fishnet
{

namespace
{

/* What INPUT holds. */
class InputText
{
  public:
    explicit InputText(const std::string &value, fn_error *err = nullptr)
    {
        fn_recipe_input_read(value.c_str(), &m_input, err);
    }
    ~InputText() { fn_recipe_input_clear(&m_input); }
    InputText(const InputText &) = delete;
    InputText &operator=(const InputText &) = delete;
    const fn_recipe_input *operator->() const { return &m_input; }
    const fn_recipe_dataset *begin() const { return m_input.datasets; }
    const fn_recipe_dataset *end() const { return m_input.datasets + m_input.n_datasets; }

  private:
    fn_recipe_input m_input = {};
};

bool IsList(const fn_recipe_dataset &dataset)
{
    return !dataset.quoted && dataset.name[0] == '@' && dataset.name[1] != '\0';
}

/* @list.txt, @"list.txt" */
std::string ListFile(const fn_recipe_dataset &dataset)
{
    const std::string name = dataset.name + 1;
    return name.size() > 1 && name.front() == '"' && name.back() == '"' ? name.substr(1, name.size() - 2) : name;
}

bool IsPattern(const fn_recipe_dataset &dataset)
{
    return !dataset.quoted && HasWildcards(dataset.name);
}

/* ---- wildcards ---- */

/* Behind one character of UTF-8. */
const char *NextCharacter(const char *text)
{
    for (text++; (*text & 0xC0) == 0x80;)
        text++;
    return text;
}

/* Is c in the set behind '['? *behind: where the pattern goes on. A set that is not closed is a '['. */
bool IsInSet(const char *pattern, char c, const char **behind)
{
    const char *at = pattern;
    const bool negated = *at == '!' || *at == '^';
    bool found = false;
    at += negated ? 1 : 0;
    for (const char *first = at; *at && (*at != ']' || at == first); at++) {
        const bool isRange = at[1] == '-' && at[2] && at[2] != ']';
        const char low = *at, high = isRange ? at[2] : low;
        found = found || (low <= c && c <= high);
        at += isRange ? 2 : 0;
    }
    *behind = *at ? at + 1 : pattern;
    return *at ? found != negated : c == '[';
}

/* One part of a path. The last '*' takes as much as it must: no more than one is ever reconsidered. */
bool Matches(const char *pattern, const char *name)
{
    const char *star = nullptr, *rest = nullptr;
    if (*name == '.' && *pattern != '.')
        return false;
    while (*name) {
        const char *behind = pattern + 1;
        if (*pattern == '*') {
            star = ++pattern;
            rest = name;
        } else if (*pattern == '?' || (*pattern == '[' ? IsInSet(pattern + 1, *name, &behind) : *pattern == *name)) {
            name = *pattern == '?' ? NextCharacter(name) : name + 1;
            pattern = behind;
        } else if (star) {
            pattern = star;
            name = rest = NextCharacter(rest);
        } else
            return false;
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

std::vector<std::string> PartsOf(const std::string &path)
{
    std::vector<std::string> parts;
    for (size_t at = 0; at <= path.size();) {
        const size_t end = std::min(path.find('/', at), path.size());
        parts.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

bool HasFile(const std::string &name)
{
    VSIStatBufL stat;
    return VSIStatExL(name.c_str(), &stat, VSI_STAT_EXISTS_FLAG) == 0;
}

/* Files and folders of a folder, which ends in '/' or is the current one. */
CPLStringList Listing(const std::string &folder)
{
    const std::string name = folder.empty() ? "." : folder.size() > 1 ? folder.substr(0, folder.size() - 1) : folder;
    return CPLStringList(VSIReadDir(name.c_str()));
}

std::vector<std::string> FindMatches(const std::string &pattern)
{
    MessageCollector collector;
    const std::vector<std::string> parts = PartsOf(pattern);
    std::vector<std::string> found = {""};
    for (size_t i = 0; i < parts.size(); i++) {
        const std::string behind = i + 1 < parts.size() ? "/" : "";
        std::vector<std::string> next;
        for (const std::string &folder : found) {
            if (!HasWildcards(parts[i])) {
                next.push_back(folder + parts[i] + behind);
                continue;
            }
            const CPLStringList names = Listing(folder);
            for (int k = 0; k < names.size(); k++)
                if (Matches(parts[i].c_str(), names[k]))
                    next.push_back(folder + names[k] + behind);
        }
        found = std::move(next);
    }
    if (!HasWildcards(parts.back()))
        found.erase(std::remove_if(found.begin(), found.end(), [](const auto &name) { return !HasFile(name); }),
                    found.end());
    std::sort(found.begin(), found.end());
    return found;
}

/* ---- lists ---- */

/* The datasets of a list, whose names begin at its folder. */
std::vector<std::string> ReadMembers(const std::string &file, std::string &cause)
{
    std::vector<std::string> datasets = LinesOf(file, cause);
    for (std::string &name : datasets)
        name = NameIn(CPLGetPath(file.c_str()), name);
    return datasets;
}

/* Appends what one of the datasets stands for. Returns why there is nothing. */
std::string Resolve(const fn_recipe_dataset &dataset, std::vector<std::string> &all)
{
    std::string cause;
    std::vector<std::string> found = {dataset.name};
    if (IsList(dataset))
        found = ReadMembers(ListFile(dataset), cause);
    else if (IsPattern(dataset) && !HasFile(dataset.name)) {
        const bool twice = strstr(dataset.name, "**") != nullptr;
        found = twice ? std::vector<std::string>() : FindMatches(dataset.name);
        cause = twice ? "'*' is any text within a name, and there is no '**' for folders below folders"
                      : "no file is called so";
        cause = found.empty() ? cause : "";
    }
    all.insert(all.end(), found.begin(), found.end());
    return cause;
}

/* A pattern that finds that name alone, as nearly as patterns can say it. */
std::string AsPattern(const std::string &name)
{
    std::string literal;
    for (const char c : name)
        literal += c == ';' || c == '"' ? "?" : strchr("*?[", c) ? "[" + std::string(1, c) + "]" : std::string(1, c);
    return literal;
}

/* A pattern as a file in that folder has it, whose own name means itself. */
std::string PatternIn(const std::string &folder, const std::string &pattern)
{
    const std::string moved = NameIn(folder, pattern);
    const size_t own = moved.size() - std::min(moved.size(), pattern.size());
    return moved.compare(own, std::string::npos, pattern) == 0 ? AsPattern(moved.substr(0, own)) + pattern : moved;
}

/* The reverse. What is left must not read as a list, or lose white space. */
std::string PatternFrom(const std::string &folder, const std::string &pattern)
{
    const std::string moved = NameFrom(AsPattern(folder), pattern);
    return moved.empty() || moved[0] == '@' || isspace(static_cast<unsigned char>(moved[0])) ? "./" + moved : moved;
}

/* What INPUT holds, with other names, lists and patterns: each stays what it is. */
template <class Name, class Pattern>
std::string MovedInput(const std::string &value, const Name &name, const Pattern &pattern)
{
    const InputText input(value);
    std::string moved;
    for (const fn_recipe_dataset &dataset : input) {
        const std::string here = IsList(dataset)      ? "@\"" + name(ListFile(dataset)) + "\""
                                 : IsPattern(dataset) ? pattern(dataset.name)
                                                      : InputValue("", {name(dataset.name)}, false).substr(1);
        moved += (moved.empty() ? "" : ";") + here;
    }
    return moved.empty() ? value : input->name + ("=" + moved) + (input->is_stack && input->n_datasets == 1 ? ";" : "");
}

/* As Resolve(), for what an INPUT option holds. */
std::string ResolveAll(std::string &value)
{
    const InputText input(value);
    bool isStack = input->is_stack;
    std::vector<std::string> all;
    for (const fn_recipe_dataset &dataset : input) {
        const std::string cause = Resolve(dataset, all);
        if (!cause.empty())
            return std::string(input->name) + "=" + dataset.name + ": " + cause;
        isStack = isStack || IsList(dataset) || (IsPattern(dataset) && all.back() != dataset.name);
    }
    if (!all.empty())
        value = InputValue(input->name, all, isStack);
    return {};
}

} // namespace

/* ---- for all ---- */

bool HasWildcards(const std::string &name)
{
    return name.find_first_of("*?[") != std::string::npos && name.find('"') == std::string::npos && name[0] != '<' &&
           name[0] != '{' && name.find("://") == std::string::npos;
}

std::vector<std::string> LinesOf(const std::string &file, std::string &cause)
{
    constexpr GIntBig kMost = 64 << 20;
    GByte *bytes = nullptr;
    vsi_l_offset size = 0;
    {
        MessageCollector collector;
        if (!VSIIngestFile(nullptr, file.c_str(), &bytes, &size, kMost))
            cause = collector.Cause("it cannot be read");
    }
    if (bytes && memchr(bytes, '\0', static_cast<size_t>(size)))
        cause = "it is no text with a name on each line";
    const std::unique_ptr<GByte, void (*)(void *)> owner(bytes, VSIFree);
    const CPLStringList lines(CSLTokenizeString2(bytes ? reinterpret_cast<const char *>(bytes) : "", "\r\n", 0));
    std::vector<std::string> all;
    for (int i = 0; i < lines.size(); i++) {
        CPLString line(lines[i] + (i == 0 && STARTS_WITH(lines[i], "\xEF\xBB\xBF") ? 3 : 0));
        line.Trim();
        if (!line.empty() && line[0] != '#')
            all.push_back(line);
    }
    if (cause.empty() && all.empty())
        cause = "there is no dataset in it";
    return all;
}

std::string InputValue(const std::string &name, const std::vector<std::string> &datasets, bool isStack)
{
    std::string value = name + "=";
    for (size_t i = 0; i < datasets.size(); i++) {
        value += i > 0 ? ";\"" : "\"";
        for (const char c : datasets[i])
            value += c == '"' ? "\"\"" : std::string(1, c);
        value += '"';
    }
    return value + (isStack && datasets.size() == 1 ? ";" : "");
}

fn_status ReadInput(const std::string &value, NamedInput &out, fn_error *err)
{
    const InputText input(value, err);
    if (!input->name)
        return err ? err->status : FN_ERR_ARGUMENT;
    out = {input->name, {}, input->is_stack};
    for (const fn_recipe_dataset &dataset : input)
        out.datasets.emplace_back(dataset.name);
    return FN_OK;
}

std::string InputNameOf(const std::string &value)
{
    NamedInput input;
    ReadInput(value, input, nullptr);
    return input.name;
}

std::vector<std::string> InputDatasetsOf(const std::string &value)
{
    NamedInput input;
    ReadInput(value, input, nullptr);
    return input.datasets;
}

std::string InputValueIn(const std::string &folder, const std::string &value)
{
    return MovedInput(
        value, [&folder](const std::string &name) { return NameIn(folder, name); },
        [&folder](const std::string &pattern) { return PatternIn(folder, pattern); });
}

std::string InputValueFrom(const std::string &folder, const std::string &value)
{
    return MovedInput(
        value, [&folder](const std::string &name) { return NameFrom(folder, name); },
        [&folder](const std::string &pattern) { return PatternFrom(folder, pattern); });
}

/* Where '|' stands behind the quoted names of an input; npos: there are none, or nothing follows. */
static size_t EndOfInput(const std::string &value)
{
    const auto skipSpace = [&value](size_t at) { return value.find_first_not_of(" \t\r\n", at); };
    size_t at = skipSpace(value.find('=') + 1);
    while (at < value.size() && value[at] == '"') {
        for (at++; at < value.size() && (value[at] != '"' || value.compare(at, 2, "\"\"") == 0); at++)
            at += value[at] == '"' ? 1 : 0;
        at = skipSpace(at + 1);
        if (at < value.size() && value[at] == ';')
            at = skipSpace(at + 1);
    }
    return at < value.size() && value[at] == '|' ? at : std::string::npos;
}

CPLStringList SplitInputs(CSLConstList options)
{
    CPLStringList all;
    for (CSLConstList option = options; option && *option; option++) {
        std::string rest = *option;
        const std::string key = rest.substr(0, rest.find('=') + 1);
        while (EQUAL(key.c_str(), "INPUT=") || EQUAL(key.c_str(), "INPUT_OO=")) {
            const size_t end = EndOfInput(rest.substr(key.size()));
            if (end == std::string::npos)
                break;
            all.AddString(rest.substr(0, key.size() + end).c_str());
            CPLString behind(rest.substr(key.size() + end + 1));
            rest = key + behind.Trim();
        }
        all.AddString(rest.c_str());
    }
    return all;
}

namespace
{
/* Values of an option that was given several times, as one. */
struct Joined {
    std::string key;
    std::vector<std::string> values;
};
} // namespace

/* Open options of an input: name and settings, which ';' stands between. */
static std::string JoinSettings(const std::vector<std::string> &values)
{
    std::vector<std::pair<std::string, std::string>> all;
    for (const std::string &value : values) {
        const size_t equal = value.find('=');
        const std::string name = value.substr(0, equal),
                          settings = equal == std::string::npos ? "" : value.substr(equal + 1);
        const auto own = std::find_if(all.begin(), all.end(), [&](const auto &one) { return one.first == name; });
        const std::string plain = InputDatasetsOf(value).size() == 1 && settings.compare(0, 1, "\"") == 0
                                      ? InputDatasetsOf(value)[0]
                                      : settings;
        if (own == all.end())
            all.emplace_back(name, plain);
        else
            own->second += ";" + plain;
    }
    std::string text;
    for (const auto &[name, settings] : all)
        text += (text.empty() ? "" : "|") + InputValue(name, {settings}, false);
    return text;
}

CPLStringList JoinInputs(CSLConstList options)
{
    CPLStringList all;
    std::vector<Joined> repeated;
    for (CSLConstList option = options; option && *option; option++) {
        const CPLString text(*option);
        const size_t equal = text.find('=');
        const std::string key = CPLString(text.substr(0, equal)).toupper();
        const bool isLetters = key.size() == 4 && key.compare(1, 3, "_OO") == 0;
        if (equal == std::string::npos || (key != "INPUT" && key != "INPUT_OO" && key != "CALC" && !isLetters)) {
            all.AddString(text);
            continue;
        }
        auto own = std::find_if(repeated.begin(), repeated.end(), [&key](const Joined &one) { return one.key == key; });
        if (own == repeated.end())
            own = repeated.insert(own, {key, {}});
        own->values.push_back(text.substr(equal + 1));
    }
    for (const Joined &one : repeated) {
        std::string value = one.values[0];
        for (size_t i = 1; i < one.values.size(); i++)
            value += (one.key == "INPUT" ? "|" : ";") + one.values[i];
        if (one.key == "INPUT_OO" && one.values.size() > 1)
            value = JoinSettings(one.values);
        all.AddString((one.key + "=" + value).c_str());
    }
    return all;
}

bool ExpandInputs(const char *driver, CPLStringList &options)
{
    CPLStringList expanded;
    for (int i = 0; i < options.size(); i++) {
        std::string option = options[i];
        if (STARTS_WITH_CI(option.c_str(), "INPUT=")) {
            std::string value = option.substr(strlen("INPUT="));
            const std::string cause = ResolveAll(value);
            if (!cause.empty()) {
                CPLError(CE_Failure, CPLE_OpenFailed, "%s: INPUT=%s", driver, WithoutSecrets(cause).c_str());
                return false;
            }
            option = "INPUT=" + value;
        }
        expanded.AddString(option.c_str());
    }
    options = expanded;
    return true;
}

bool IsDatasetOf(const std::string &value, const std::string &name)
{
    const std::vector<std::string> parts = PartsOf(InCurrentFolder(name));
    for (const fn_recipe_dataset &dataset : InputText(value)) {
        const std::vector<std::string> own = PartsOf(InCurrentFolder(dataset.name));
        if (IsPattern(dataset) ? std::equal(own.begin(), own.end(), parts.begin(), parts.end(),
                                            [](const auto &pattern, const auto &part) {
                                                return Matches(pattern.c_str(), part.c_str());
                                            })
                               : own == parts)
            return true;
    }
    return false;
}

} // namespace fishnet
