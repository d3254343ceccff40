#include "output_recipe.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "file_names.h"
#include "input_lists.h"
#include "recipe_reader.h"
#include "secrets.h"

namespace fishnet::output
{

std::string OneLine(const std::string &text)
{
    std::string line;
    for (char c : text)
        line += c == '\n' ? "\\n" : c == '\\' ? "\\\\" : std::string(1, c);
    return line;
}

/* ---- versions ---- */

/* "3.6" of "3.6.2": patches do not change results. */
static std::string MinorVersion(const std::string &version)
{
    const size_t dot = version.find('.');
    return version.substr(0, dot == std::string::npos ? dot : version.find_first_not_of("0123456789", dot + 1));
}

OutputRecipe::OutputRecipe()
{
    Add("Fishnet " + MinorVersion(FISHNET_VERSION));
    Add("GDAL " + MinorVersion(GDALVersionInfo("RELEASE_NAME")));
}

/* ---- names ---- */

static std::string LastPart(const std::string &path)
{
    return path.substr(path.rfind('/') + 1);
}

/* A file on disk by the last part of its name and by what is in it; any other text as it is. */
static std::string Known(const std::string &name)
{
    constexpr size_t kMost = 512 << 10; /* bytes that are looked at */
    const bool quoted = name.size() > 2 && name.front() == '"' && name.back() == '"';
    const std::string path = InCurrentFolder(quoted ? name.substr(1, name.size() - 2) : name);
    uint64_t check = 0;
    return name.empty() || IsVirtual(path) || !CheckFile(path, kMost, check)
               ? name
               : LastPart(path) + CPLSPrintf(" (%016llx)", static_cast<unsigned long long>(check));
}

/* The same of several names. */
static std::string KnownList(const std::string &names)
{
    if (names.find('"') != std::string::npos)
        return Known(names);
    std::string list;
    for (size_t at = 0; at <= names.size();) {
        const size_t end = std::min(names.find(';', at), names.size());
        list += (at > 0 ? ";" : "") + Known(names.substr(at, end - at));
        at = end + 1;
    }
    return list;
}

void OutputRecipe::AddConnection(const std::string &word, const std::string &connection)
{
    const size_t prefix = connection.find(':') + 1; /* "FISHNET:"; nothing, where a recipe file is opened */
    Add(word + " " + connection.substr(0, prefix) + Known(connection.substr(prefix)));
}

void OutputRecipe::AddOptions(const OptionTable &table, CSLConstList options, const std::vector<std::string> &without)
{
    for (CSLConstList item = options; item && *item; item++) {
        const char *equal = strchr(*item, '=');
        const std::string key(*item, equal ? static_cast<size_t>(equal - *item) : strlen(*item));
        const fn_option *option = equal ? table.Find(key) : nullptr;
        if (std::any_of(without.begin(), without.end(),
                        [&key](const auto &name) { return EQUAL(name.c_str(), key.c_str()); }))
            continue;
        const bool one = equal && (key.size() == 1 || (option && NamesFile(*option, equal + 1))); /* A to Z: inputs */
        const bool names = option && option->kind == FN_OPTION_NAMES;
        if (option && option->kind == FN_OPTION_INPUT)
            AddInput(equal + 1);
        else
            Add("option " + (one     ? key + "=" + Known(equal + 1)
                             : names ? key + "=" + KnownList(equal + 1)
                                     : std::string(*item)));
    }
}

/* A line for each dataset: "option INPUT=S[2]=b.tif (check)". */
void OutputRecipe::AddInput(const std::string &value)
{
    const std::string name = InputNameOf(value);
    const std::vector<std::string> datasets = InputDatasetsOf(value);
    const bool isStack = value == InputValue(name, datasets, true);
    for (size_t i = 0; i < datasets.size(); i++)
        Add("option INPUT=" + name + (isStack ? "[" + std::to_string(i + 1) + "]=" : "=") + Known(datasets[i]));
}

void OutputRecipe::AddList(const char *key, CSLConstList items)
{
    for (CSLConstList item = items; item && *item; item++)
        Add(std::string(key) + "=" + *item);
}

/* ---- files ---- */

static const std::string kSeen = "seen ";

/* A number for this machine until it starts again: then numbers of files may mean others. */
static std::string Machine()
{
    char text[40] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    const size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    return std::string(text, strcspn(text, "\n")).substr(0, size);
}

/* Two lines for a file on disk: what is in it, and that very file on that very machine, with its time, which shows that
 * it was written to. */
void OutputRecipe::AddFiles(const InputFiles &files, const std::string &recipe)
{
    const std::string machine = Machine(), without = recipe.empty() ? recipe : InCurrentFolder(recipe);
    std::vector<std::pair<std::string, std::string>> lines; /* by the last parts of names */
    std::set<std::string> known, seen;                      /* a file may have been found by several names */
    for (const InputFile &file : files.Files()) {
        const FileState &state = file.state;
        const bool onDisk = !IsVirtual(file.path);
        if (file.path == without || !known.insert(onDisk ? RealPath(file.path) : file.path).second)
            continue;
        const std::string name = OneLine(onDisk ? LastPart(file.path) : file.path);
        lines.emplace_back(name, name + ": " + files.Content(file));
        if (onDisk && state.kind == FileState::Kind::Known && !machine.empty() && !HasEnding(file.path, ".aux.xml"))
            seen.insert(kSeen + machine +
                        CPLSPrintf(" %llu:%llu %lld.%09ld ", static_cast<unsigned long long>(state.device),
                                   static_cast<unsigned long long>(state.inode), static_cast<long long>(state.seconds),
                                   static_cast<long>(state.nanoseconds)) +
                        name);
    }
    /* Those of one name stay in the order in which they were found: which is which counts. */
    std::stable_sort(lines.begin(), lines.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
    for (const auto &[name, line] : lines)
        m_lines.push_back(line);
    m_lines.insert(m_lines.end(), seen.begin(), seen.end());
    m_unknown = files.Unknown();
}

/* ---- comparing ---- */

static bool IsSeen(const std::string &line)
{
    return line.compare(0, kSeen.size(), kSeen) == 0;
}

/* "seen <machine> <file> <time> <name>": by machine and file, the rest. */
static std::map<std::string, std::string> Seen(const std::vector<std::string> &lines)
{
    std::map<std::string, std::string> seen;
    for (const std::string &line : lines) {
        const size_t machine = IsSeen(line) ? line.find(' ', kSeen.size()) : std::string::npos;
        const size_t file = machine == std::string::npos ? machine : line.find(' ', machine + 1);
        if (file != std::string::npos)
            seen[line.substr(0, file)] = line.substr(file + 1);
    }
    return seen;
}

static std::vector<std::string> Unseen(const std::vector<std::string> &lines)
{
    std::vector<std::string> others;
    std::copy_if(lines.begin(), lines.end(), std::back_inserter(others),
                 [](const auto &line) { return !IsSeen(line); });
    return others;
}

/* FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo). */
uint64_t OutputRecipe::Check() const
{
    uint64_t check = 14695981039346656037u;
    for (const std::string &line : Unseen(m_lines))
        for (const char c : LineWithoutSecrets(line) + "\n")
            check = (check ^ static_cast<unsigned char>(c)) * 1099511628211u;
    return check;
}

/* The first line that others do not have, or have elsewhere. */
static std::string FirstOwn(const std::vector<std::string> &lines, const std::vector<std::string> &others)
{
    for (const std::string &line : lines)
        if (std::find(others.begin(), others.end(), line) == others.end())
            return line;
    for (size_t i = 0; lines.size() == others.size() && i < lines.size(); i++)
        if (lines[i] != others[i])
            return lines[i];
    return "nothing more";
}

/* Where to begin to show two long lines that are alike for long; 0: at the beginning. */
static size_t FirstDifference(const std::string &a, const std::string &b)
{
    constexpr size_t kLong = 200, kBefore = 40;
    size_t at = 0;
    while (at < a.size() && at < b.size() && a[at] == b[at])
        at++;
    return at > kLong ? at - kBefore : 0;
}

std::string OutputRecipe::WhyNot(const std::vector<std::string> &other) const
{
    const std::vector<std::string> old = Unseen(other);
    std::vector<std::string> own = Unseen(m_lines);
    std::transform(own.begin(), own.end(), own.begin(), LineWithoutSecrets);
    if (old != own) {
        const std::string before = FirstOwn(old, own), now = FirstOwn(own, old);
        const size_t from = FirstDifference(before, now);
        return CPLSPrintf("It says\n  %s%.300s\nand now it is\n  %s%.300s", from > 0 ? "..." : "",
                          before.c_str() + from, from > 0 ? "..." : "", now.c_str() + from);
    }
    const std::map<std::string, std::string> before = Seen(other);
    for (const auto &[file, now] : Seen(m_lines)) {
        const auto found = before.find(file);
        if (found != before.end() && found->second != now)
            return CPLSPrintf("%.300s has been written to since", now.substr(now.find(' ') + 1).c_str());
    }
    return {};
}

} // namespace fishnet::output
