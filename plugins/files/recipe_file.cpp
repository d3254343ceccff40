#include "recipe_file.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>

#include <cpl_conv.h>
#include <cpl_json.h>
#include <cpl_vsi.h>

#include "handles.h"
#include "open_options.h"
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

static std::string AbsoluteFolder(const std::string &folder)
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

/* ---- recipe files ---- */

namespace
{

class Reader
{
  public:
    Reader(const char *file, const RecipeKind &kind)
        : m_kind(kind), m_file(file), m_folder(AbsoluteFolder(CPLGetPath(file)))
    {
    }
    bool Read(Opening &opening);

  private:
    bool Fail(const std::string &path, const std::string &text) const
    {
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: %.300s: %.200s%s%s", m_kind.driver, WithoutSecrets(m_file).c_str(),
                 path.c_str(), path.empty() ? "" : ": ", WithoutSecrets(text).c_str());
        return false;
    }
    static std::string Types();
    bool Load(CPLJSONDocument &document) const;
    bool CheckType(const CPLJSONObject &root) const;
    bool TakeKey(const CPLJSONObject &value);
    bool TakeInputs(const CPLJSONObject &inputs);
    bool Add(const std::string &path, const std::string &key, const std::string &value);
    bool Take(const std::string &key, const fn_option &option, const CPLJSONObject &value);
    bool TakeList(const std::string &key, const fn_option &option, const CPLJSONObject &value);
    bool IsText(const std::string &path, const CPLJSONObject &value, const char *wanted = "expected a string") const;
    std::string Piece(const fn_option &option, const std::string &text) const;
    bool Unknown(const std::string &key) const;

    const RecipeKind &m_kind;
    const std::string m_file, m_folder;
    std::string m_input; /* of a near table */
    CPLStringList m_options;
};

/* Where a text holds the character NUL, or \\u0000 that stands for it; npos: nowhere. A string with it ends there in
 * C: another name, another expression than what is written. */
static size_t FindNul(const std::string &json)
{
    for (size_t i = 0; i < json.size(); i++) {
        if (json[i] == '\0' || json.compare(i, 6, "\\u0000") == 0)
            return i;
        i += json[i] == '\\' ? 1 : 0; /* the next character is escaped */
    }
    return std::string::npos;
}

static int LineOf(const std::string &text, size_t offset)
{
    return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

bool Reader::Load(CPLJSONDocument &document) const
{
    constexpr vsi_l_offset kMost = 1 << 20;
    GByte *bytes = nullptr;
    vsi_l_offset size = 0;
    std::string cause;
    {
        MessageCollector collector;
        if (!VSIIngestFile(nullptr, m_file.c_str(), &bytes, &size, static_cast<GIntBig>(kMost)))
            cause = collector.Cause("cannot be read");
    }
    const std::unique_ptr<GByte, void (*)(void *)> owner(bytes, VSIFree);
    VSIStatBufL stat;
    if (!cause.empty() && VSIStatL(m_file.c_str(), &stat) == 0 && static_cast<vsi_l_offset>(stat.st_size) > kMost)
        cause = "it is larger than 1 MB, and no recipe";
    if (!cause.empty())
        return Fail("", cause);
    std::string text(reinterpret_cast<const char *>(bytes), static_cast<size_t>(size));
    if (STARTS_WITH(text.c_str(), "\xEF\xBB\xBF"))
        text.erase(0, 3);
    if (!CPLIsUTF8(text.c_str(), static_cast<int>(text.size())))
        return Fail("", "it is not UTF-8, as JSON has to be");
    const size_t nul = FindNul(text);
    if (nul != std::string::npos)
        return Fail(CPLSPrintf("line %d", LineOf(text, nul)), "the character NUL (\\u0000) cannot be part of a text");
    bool loaded;
    {
        MessageCollector collector;
        loaded = document.LoadMemory(text);
        cause = collector.Cause("");
    }
    const size_t last = text.find_last_not_of(" \t\r\n");
    if (loaded && last != std::string::npos && text[last] == '}')
        return true;
    if (loaded && document.GetRoot().GetType() == CPLJSONObject::Type::Object)
        cause = CPLSPrintf("unexpected text (at offset %d)", static_cast<int>(last));
    /* "JSON parsing error: unexpected character (at offset 12)" */
    const size_t at = cause.find("(at offset ");
    if (at == std::string::npos)
        return Fail("", cause.empty() ? "expected a JSON object" : cause);
    const size_t offset = std::min(text.size(), static_cast<size_t>(atoi(cause.c_str() + at + strlen("(at offset "))));
    const size_t colon = cause.find(": ");
    std::string what = colon < at ? cause.substr(colon + 2, at - colon - 3) : cause.substr(0, at - 1);
    if (what == "continue")
        what = "it ends too early";
    return Fail(CPLSPrintf("line %d", LineOf(text, offset)), "not JSON: " + what);
}

bool Reader::IsText(const std::string &path, const CPLJSONObject &value, const char *wanted) const
{
    if (value.GetType() != CPLJSONObject::Type::String)
        return Fail(path, wanted);
    return !value.ToString().empty() || Fail(path, "is empty");
}

bool Reader::Unknown(const std::string &key) const
{
    if (key == "trace")
        return Fail(key, kTraceIsNoOpenOption);
    std::vector<std::string> known = {m_kind.first};
    for (const std::string &name : m_kind.options.Names())
        if (name.size() > 1)
            known.push_back(CPLString(name).tolower());
    const std::string nearest = NearestName(key, known);
    return Fail(key, "there is no such key" + (nearest.empty() ? "" : ", is \"" + nearest + "\" meant?"));
}

/* A word that stands where a name may. */
bool IsWord(const fn_option &option, const std::string &text)
{
    return option.kind == FN_OPTION_NAME && option.words && EQUAL(option.words, text.c_str());
}

/* A name, or one of several texts in an option. */
std::string Reader::Piece(const fn_option &option, const std::string &text) const
{
    const fn_option_kind kind = option.kind;
    const bool quote = (kind == FN_OPTION_NAMES || kind == FN_OPTION_LAYERS || kind == FN_OPTION_SETTINGS ||
                        kind == FN_OPTION_FIELDS) &&
                       text != "*" && text.find('"') == std::string::npos;
    const bool isDataset = kind == FN_OPTION_NAMES || (kind == FN_OPTION_NAME && !IsWord(option, text));
    const std::string name = isDataset ? NameIn(m_folder, text) : text;
    return quote ? "\"" + name + "\"" : name;
}

bool Reader::Add(const std::string &path, const std::string &key, const std::string &value)
{
    std::string option = key;
    std::transform(option.begin(), option.end(), option.begin(), [](unsigned char c) { return toupper(c); });
    option += "=" + value;
    const std::string wrong = m_kind.check(m_kind, option.c_str());
    if (!wrong.empty())
        return Fail(path, wrong);
    m_options.AddString(option.c_str());
    return true;
}

bool Reader::TakeList(const std::string &key, const fn_option &option, const CPLJSONObject &value)
{
    const CPLJSONArray items = value.ToArray();
    if (items.Size() == 0)
        return Fail(key, "is empty");
    const bool comma = option.kind == FN_OPTION_FIELDS || option.kind == FN_OPTION_PAIRS;
    std::string all;
    for (int i = 0; i < items.Size(); i++) {
        const std::string path = CPLSPrintf("%s[%d]", key.c_str(), i);
        if (!IsText(path, items[i]))
            return false;
        const std::string piece = Piece(option, items[i].ToString());
        if (option.kind == FN_OPTION_REPEATED && !Add(path, key, piece))
            return false;
        all += (i == 0 ? "" : comma ? "," : ";") + piece;
    }
    return option.kind == FN_OPTION_REPEATED || Add(key, key, all);
}

bool Reader::Take(const std::string &key, const fn_option &option, const CPLJSONObject &value)
{
    const CPLJSONObject::Type type = value.GetType();
    const fn_option_kind kind = option.kind;
    const bool isList = kind >= FN_OPTION_NAMES;
    const bool isNumber =
        kind == FN_OPTION_QUANTITY || kind == FN_OPTION_WHOLE || kind == FN_OPTION_NUMBER || kind == FN_OPTION_SIZE;
    const bool isFlag = kind == FN_OPTION_FLAG || (kind == FN_OPTION_CHOICE && strstr(option.words, "YES"));
    if (isList && type == CPLJSONObject::Type::Array)
        return TakeList(key, option, value);
    if (isNumber && (type == CPLJSONObject::Type::Integer || type == CPLJSONObject::Type::Long ||
                     type == CPLJSONObject::Type::Double))
        return Add(key, key, value.Format(CPLJSONObject::PrettyFormat::Plain)); /* digit for digit */
    if (isFlag && type == CPLJSONObject::Type::Boolean)
        return Add(key, key, value.ToBool() ? "YES" : "NO");
    const char *wanted = isList     ? "expected a string or an array of strings"
                         : isNumber ? "expected a number or a string"
                         : isFlag   ? "expected true, false or a string"
                                    : "expected a string";
    if (!IsText(key, value, wanted))
        return false;
    const std::string text = value.ToString();
    /* A single name is one, whatever it contains; of fields and the like it is the option's text. */
    const bool isName = kind == FN_OPTION_NAME || kind == FN_OPTION_NAMES || kind == FN_OPTION_LAYERS;
    return Add(key, key, isName ? Piece(option, text) : text);
}

bool Reader::TakeInputs(const CPLJSONObject &inputs)
{
    if (inputs.GetType() != CPLJSONObject::Type::Object)
        return Fail("inputs", "expected an object such as {\"A\": \"dem.tif\"}");
    bool first = false;
    for (const CPLJSONObject &input : inputs.GetChildren()) {
        const std::string name = input.GetName(), path = "inputs." + name;
        if (name.size() != 1 || name[0] < 'A' || name[0] > 'Z')
            return Fail(path, "expected a letter from A to Z");
        first = first || name == "A";
        if (!IsText(path, input) || !Add(path, name, NameIn(m_folder, input.ToString())))
            return false;
    }
    return first || Fail("inputs.A", "is missing: the raster that gives the grid");
}

bool Reader::TakeKey(const CPLJSONObject &value)
{
    const std::string name = value.GetName();
    if (name == "type")
        return true;
    if (name == "$schema" || name == "description")
        return value.GetType() == CPLJSONObject::Type::String || Fail(name, "expected a string");
    if (name == m_kind.first && name == "inputs")
        return TakeInputs(value);
    if (name == m_kind.first) {
        m_input = IsText(name, value) ? NameIn(m_folder, value.ToString()) : std::string();
        return !m_input.empty();
    }
    const fn_option *option =
        name.size() > 1 && name == CPLString(name).tolower() ? m_kind.options.Find(name) : nullptr;
    return option ? Take(name, *option, value) : Unknown(name);
}

/* "fishnet_raster or near_table" */
std::string Reader::Types()
{
    std::string types;
    for (const RecipeKind *kind : RecipeKinds())
        types += (types.empty() ? "" : kind == RecipeKinds().back() ? " or " : ", ") + std::string(kind->type);
    return types;
}

bool Reader::Read(Opening &opening)
{
    CPLJSONDocument document;
    if (!Load(document))
        return false;
    const CPLJSONObject root = document.GetRoot();
    if (root.GetType() != CPLJSONObject::Type::Object)
        return Fail("", "expected a JSON object");
    const CPLJSONObject type = root.GetObj("type");
    for (const RecipeKind *kind : RecipeKinds())
        if (kind != &m_kind && type.IsValid() && type.ToString() == kind->type)
            return false; /* the other driver's */
    if (!type.IsValid() || type.GetType() != CPLJSONObject::Type::String || type.ToString() != m_kind.type)
        return Fail("type", "expected " + Types());
    if (!root.GetObj(m_kind.first).IsValid())
        return Fail(m_kind.first, "is missing");
    for (const CPLJSONObject &value : root.GetChildren())
        if (!TakeKey(value))
            return false;
    opening.connection = std::string(m_kind.prefix) + (m_input.empty() ? "" : "\"" + m_input + "\"");
    opening.options = m_options;
    opening.file = m_file;
    return true;
}

/* Options that are given replace those of the recipe. */
void PutOnTop(CSLConstList given, CPLStringList &options)
{
    CPLStringList all;
    for (int i = 0; i < options.size(); i++) {
        const std::string option = options[i], key = option.substr(0, option.find('='));
        if (!CSLFetchNameValue(given, key.c_str()))
            all.AddString(options[i]);
    }
    for (CSLConstList option = given; option && *option; option++)
        all.AddString(*option);
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

enum class Holds { NoName, Name, Names };

/* What an open option names, beside its other purposes. */
Holds HeldBy(const std::string &key, const std::string &value, const RecipeKind &kind)
{
    if (key.size() == 1) /* an input: A..Z */
        return Holds::Name;
    const fn_option *option = kind.options.Find(key);
    if (option && option->kind == FN_OPTION_NAME && !IsWord(*option, value))
        return Holds::Name;
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
        const std::string resolved = holds == Holds::Name ? NameIn(folder, value) : NamesIn(folder, value);
        opening.options.AddString(holds == Holds::NoName ? text.c_str() : (key + "=" + resolved).c_str());
    }
}

} // namespace

bool ReadName(const GDALOpenInfo *info, const RecipeKind &kind, Opening &opening)
{
    if (STARTS_WITH_CI(info->pszFilename, kind.prefix)) {
        opening.connection = info->pszFilename;
        opening.options.Assign(CSLDuplicate(info->papszOpenOptions), TRUE);
        return true;
    }
    if (info->nHeaderBytes == 0) {
        const char *connection = BehindFolder(info->pszFilename, kind);
        if (connection)
            ReadBehindFolder(info->pszFilename, connection, kind, info->papszOpenOptions, opening);
        return connection != nullptr;
    }
    if (!Reader(info->pszFilename, kind).Read(opening))
        return false;
    PutOnTop(info->papszOpenOptions, opening.options);
    return true;
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
