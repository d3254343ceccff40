#include "recipe_file.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include <cpl_conv.h>
#include <cpl_vsi.h>

#include "fishnet/grid_options.h"
#include "handles.h"
#include "input_lists.h"
#include "open_options.h"
#include "recipe_reader.h"
#include "workers.h"

namespace fishnet
{

/* ---- the kinds ---- */

static std::vector<const RecipeKind *> &Kinds()
{
    static std::vector<const RecipeKind *> kinds;
    return kinds;
}

void RegisterRecipes(const RecipeKind &kind)
{
    if (std::find(Kinds().begin(), Kinds().end(), &kind) == Kinds().end())
        Kinds().push_back(&kind);
}

const std::vector<const RecipeKind *> &RecipeKinds()
{
    return Kinds();
}

const RecipeKind *FindRecipes(const std::string &name)
{
    for (const RecipeKind *kind : Kinds())
        if (STARTS_WITH_CI(name.c_str(), kind->prefix))
            return kind;
    return nullptr;
}

/* ---- names ---- */

static bool Exists(const std::string &name)
{
    VSIStatBufL stat;
    return VSIStatExL(name.c_str(), &stat, VSI_STAT_EXISTS_FLAG) == 0;
}

static bool IsRelative(const std::string &name)
{
    return !name.empty() && CPLIsFilenameRelative(name.c_str()) && name.find("://") == std::string::npos;
}

static std::string Join(const std::string &folder, const std::string &name)
{
    std::string base = folder, rest = name;
    /* Archives and memory know no "..". On a disk it may follow a link. */
    while (STARTS_WITH(base.c_str(), "/vsi") && STARTS_WITH(rest.c_str(), "../") && base.rfind('/') > 0) {
        base.erase(base.rfind('/'));
        rest.erase(0, 3);
    }
    return base + (base.empty() || base.back() == '/' ? "" : "/") + rest;
}

/* The length of PREFIX: at the beginning; 0: there is none. A single letter is no prefix. */
static size_t PrefixLength(const std::string &name)
{
    size_t n = 0;
    while (n < name.size() && (isalnum(static_cast<unsigned char>(name[n])) || name[n] == '_'))
        n++;
    return n > 1 && n < name.size() && name[n] == ':' ? n + 1 : 0;
}

/* Which part of PREFIX:part:part... is a file depends on the driver: it is the one that is there. */
static std::string PartsIn(const std::string &folder, const std::string &name, size_t begin)
{
    while (begin < name.size()) {
        const bool quoted = name[begin] == '"';
        const size_t first = begin + (quoted ? 1 : 0);
        const size_t end = std::min(name.find(quoted ? '"' : ':', first), name.size());
        const std::string part = name.substr(first, end - first);
        if (IsRelative(part) && Exists(Join(folder, part)))
            return name.substr(0, first) + Join(folder, part) + name.substr(end);
        begin = std::min(name.find(':', end), name.size()) + 1;
    }
    return name;
}

std::string NameIn(const std::string &folder, const std::string &name)
{
    if (STARTS_WITH_CI(name.c_str(), "vrt://")) {
        const size_t begin = strlen("vrt://"), end = std::min(name.find('?'), name.size());
        return name.substr(0, begin) + NameIn(folder, name.substr(begin, end - begin)) + name.substr(end);
    }
    if (!IsRelative(name) || name[0] == '<' || name[0] == '{')
        return name; /* absolute, or what is usually in a file */
    const size_t prefix = PrefixLength(name);
    if (prefix == 0 || Exists(Join(folder, name)))
        return Join(folder, name);
    if (FindRecipes(name) && prefix < name.size() && name[prefix] != '"')
        return name.substr(0, prefix) + NameIn(folder, name.substr(prefix));
    return PartsIn(folder, name, prefix);
}

std::string NameFrom(const std::string &folder, const std::string &name)
{
    const std::string begin = Join(folder, "");
    return name.size() > begin.size() && name.compare(0, begin.size(), begin) == 0 ? name.substr(begin.size()) : name;
}

std::string NameFrom(const std::string &folder, const std::string &name, const std::string &option)
{
    const std::string moved = NameFrom(folder, name);
    return fn_grid_names_file(option.c_str(), moved.c_str()) ? moved : "./" + moved;
}

std::string AbsoluteFolder(const std::string &folder)
{
    return folder.empty() ? CurrentFolder() : IsRelative(folder) ? CurrentFolder() + "/" + folder : folder;
}

/* ---- identifying: for each file that any program opens ---- */

/* The connection string in "folder/PREFIX:name": what GDAL makes of a name that a VRT or a pipeline has relative to
 * itself. */
static const char *BehindFolder(const char *name, const RecipeKind &kind)
{
    const char *colon = strchr(name, ':');
    for (const char *slash = strchr(name, '/'); colon && slash; slash = strchr(slash + 1, '/')) {
        if (slash > colon && !STARTS_WITH(name, "/vsi"))
            return nullptr; /* part of a name with another prefix */
        if (STARTS_WITH_CI(slash + 1, kind.prefix))
            return slash + 1;
    }
    return nullptr;
}

static bool HasExtension(const char *name)
{
    const size_t n = strlen(name), m = strlen("." FN_RECIPE_FILE_EXTENSION);
    return n > m && EQUAL(name + n - m, "." FN_RECIPE_FILE_EXTENSION);
}

/* The text behind the first "type" in JSON, with its quotes; empty: there is none. */
static std::string TypeIn(const std::string &text)
{
    static const char key[] = "\"type\"";
    size_t at = text.find(key);
    if (at == std::string::npos)
        return {};
    at = text.find_first_not_of(" \t\r\n", at + strlen(key));
    if (at == std::string::npos || text[at] != ':')
        return {};
    at = text.find_first_not_of(" \t\r\n", at + 1);
    if (at == std::string::npos || text[at] != '"')
        return {};
    const size_t end = text.find('"', at + 1);
    return end == std::string::npos ? "" : text.substr(at, end + 1 - at);
}

static bool IsRecipeFile(const GDALOpenInfo *info, const RecipeKind &kind)
{
    const char *bytes = reinterpret_cast<const char *>(info->pabyHeader);
    const size_t n = static_cast<size_t>(info->nHeaderBytes);
    const size_t first = n > 2 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    size_t begin = first;
    while (begin < n && strchr(" \t\r\n", bytes[begin]) && bytes[begin])
        begin++;
    const bool named = HasExtension(info->pszFilename);
    if (!named && (begin == n || bytes[begin] != '{'))
        return false;
    if (named && memchr(bytes, 0, n))
        return false; /* what others have written under such a name */
    const std::string type = TypeIn(std::string(bytes + begin, n - begin));
    for (const RecipeKind *known : RecipeKinds())
        if (type == "\"" + std::string(known->type) + "\"")
            return known == &kind;
    return named; /* its type stands further down, or is wrong */
}

int IdentifyName(const GDALOpenInfo *info, const RecipeKind &kind)
{
    if (STARTS_WITH_CI(info->pszFilename, kind.prefix))
        return TRUE;
    if (info->nHeaderBytes > 0)
        return IsRecipeFile(info, kind);
    return !info->bStatOK && BehindFolder(info->pszFilename, kind);
}

namespace
{

/* What an option sets: of inputs, each for itself: B=x and INPUT=B=x set the same. */
std::string KeyOf(const std::string &option)
{
    const size_t equal = option.find('=');
    const std::string key = CPLString(option.substr(0, equal)).toupper();
    if (equal == std::string::npos || (key != "INPUT" && key != "INPUT_OO"))
        return key.size() == 1 ? "INPUT=" + key : key;
    return option.substr(0, option.find('=', equal + 1)).replace(0, equal, key);
}

/* Options that are given replace those of the recipe. An input keeps its place: the first gives the grid. */
void PutOnTop(CSLConstList given, CPLStringList &options)
{
    std::set<std::string> own, others; /* keys */
    std::map<std::string, std::string> inputs;
    CPLStringList all, behind;
    for (int i = 0; i < options.size(); i++)
        own.insert(KeyOf(options[i]));
    for (CSLConstList option = given; option && *option; option++) {
        const std::string key = KeyOf(*option);
        if (STARTS_WITH(key.c_str(), "INPUT=") && own.count(key) > 0) {
            inputs[key] = *option;
            continue;
        }
        others.insert(key);
        behind.AddString(*option);
    }
    for (int i = 0; i < options.size(); i++) {
        const std::string key = KeyOf(options[i]);
        if (others.count(key) == 0)
            all.AddString(inputs.count(key) > 0 ? inputs[key].c_str() : options[i]);
    }
    for (int i = 0; i < behind.size(); i++)
        all.AddString(behind[i]);
    options = all;
}

/* ---- names behind a folder ---- */

/* Pieces between semicolons outside of quotes. */
std::vector<std::string> Pieces(const std::string &names)
{
    std::vector<std::string> pieces(1);
    bool quoted = false;
    for (const char c : names) {
        if (c == ';' && !quoted) {
            pieces.emplace_back();
            continue;
        }
        quoted = quoted != (c == '"');
        pieces.back() += c;
    }
    return pieces;
}

/* Without white space around it, and without its quotes. */
std::string Bare(const std::string &text, bool &quoted)
{
    CPLString bare(text);
    bare.Trim();
    quoted = bare.size() > 1 && bare.front() == '"' && bare.back() == '"';
    return quoted ? bare.substr(1, bare.size() - 2) : std::string(bare);
}

std::string NamesIn(const std::string &folder, const std::string &names)
{
    std::string all;
    for (const std::string &piece : Pieces(names)) {
        bool quoted = false;
        const std::string name = NameIn(folder, Bare(piece, quoted));
        all += (all.empty() ? "" : ";") + (quoted ? "\"" + name + "\"" : name);
    }
    return all;
}

enum class Holds { NoName, Name, Names, Input };

/* What an open option names, beside its other purposes. */
Holds HeldBy(const std::string &key, const std::string &value, const RecipeKind &kind)
{
    if (key.size() == 1) /* an input: A..Z */
        return Holds::Name;
    const fn_option *option = kind.options.Find(key);
    if (option && NamesFile(*option, value))
        return Holds::Name;
    if (option && option->kind == FN_OPTION_INPUT)
        return Holds::Input;
    return option && option->kind == FN_OPTION_NAMES ? Holds::Names : Holds::NoName;
}

void ReadBehindFolder(const char *name, const char *connection, const RecipeKind &kind, CSLConstList given,
                      Opening &opening)
{
    const std::string folder = AbsoluteFolder(std::string(name, static_cast<size_t>(connection - name) - 1));
    bool quoted = false;
    std::string input = Bare(connection + strlen(kind.prefix), quoted);
    if (!input.empty())
        input = NameIn(folder, input);
    opening.connection = std::string(kind.prefix) + (quoted ? "\"" + input + "\"" : input);
    for (CSLConstList option = given; option && *option; option++) {
        const std::string text = *option, key = text.substr(0, text.find('='));
        const std::string value = key.size() < text.size() ? text.substr(key.size() + 1) : "";
        const Holds holds = value.empty() ? Holds::NoName : HeldBy(key, value, kind);
        const std::string resolved = holds == Holds::Name    ? NameIn(folder, value)
                                     : holds == Holds::Input ? InputValueIn(folder, value)
                                                             : NamesIn(folder, value);
        opening.options.AddString(holds == Holds::NoName ? text.c_str() : (key + "=" + resolved).c_str());
    }
}

} // namespace

/* Whatever it is, but with inputs as they were given. */
static bool ReadGiven(const GDALOpenInfo *info, const RecipeKind &kind, Opening &opening)
{
    const CPLStringList given = SplitInputs(info->papszOpenOptions);
    if (STARTS_WITH_CI(info->pszFilename, kind.prefix)) {
        opening.connection = info->pszFilename;
        opening.options = given;
        return true;
    }
    if (info->nHeaderBytes == 0) {
        const char *connection = BehindFolder(info->pszFilename, kind);
        if (connection)
            ReadBehindFolder(info->pszFilename, connection, kind, given.List(), opening);
        return connection != nullptr;
    }
    if (!ReadRecipe(info->pszFilename, kind, opening))
        return false;
    PutOnTop(given.List(), opening.options);
    return true;
}

bool ReadName(const GDALOpenInfo *info, const RecipeKind &kind, Opening &opening)
{
    return ReadGiven(info, kind, opening) && ExpandInputs(kind.driver, opening.options);
}

std::string RecipeFile(GDALDataset &dataset)
{
    const GDALDriver *driver = dataset.GetDriver();
    const std::string name = dataset.GetDescription();
    const auto isOurs = [driver](const RecipeKind *kind) { return EQUAL(driver->GetDescription(), kind->driver); };
    VSIStatBufL stat;
    return driver && std::any_of(Kinds().begin(), Kinds().end(), isOurs) && VSIStatL(name.c_str(), &stat) == 0
               ? name
               : std::string();
}

std::vector<std::string> NamesOf(const Opening &opening, const RecipeKind &kind)
{
    bool quoted = false;
    std::vector<std::string> names = {Bare(opening.connection.substr(strlen(kind.prefix)), quoted)};
    for (int i = 0; i < opening.options.size(); i++) {
        const std::string text = opening.options[i], key = text.substr(0, text.find('='));
        const std::string value = key.size() < text.size() ? text.substr(key.size() + 1) : "";
        const Holds holds = EQUAL(key.c_str(), "TRACE") ? Holds::NoName : HeldBy(key, value, kind);
        if (holds == Holds::Name)
            names.push_back(value);
        for (const std::string &dataset : holds == Holds::Input ? InputDatasetsOf(value) : std::vector<std::string>())
            names.push_back(dataset);
        for (const std::string &piece : holds == Holds::Names ? Pieces(value) : std::vector<std::string>())
            names.push_back(Bare(piece, quoted));
    }
    names.erase(std::remove(names.begin(), names.end(), std::string()), names.end());
    return names;
}

CPLErr DeleteRecipeFile(const char *name, const RecipeKind &kind)
{
    const GDALOpenInfo info(name, GDAL_OF_READONLY);
    if (info.nHeaderBytes == 0 || !IsRecipeFile(&info, kind)) {
        CPLError(CE_Failure, CPLE_NotSupported, "%s: %s is no file, its inputs are not deleted", kind.driver, name);
        return CE_Failure;
    }
    return VSIUnlink(name) == 0 ? CE_None : CE_Failure;
}

} // namespace fishnet
