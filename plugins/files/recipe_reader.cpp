#include "recipe_reader.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>

#include <cpl_conv.h>
#include <cpl_json.h>
#include <cpl_vsi.h>

#include "fishnet/recipe.h"
#include "handles.h"
#include "input_lists.h"
#include "secrets.h"
#include "workers.h"

namespace fishnet
{

static constexpr const char *kInputs = "inputs", *kOutput = "output", *kCreationOptions = "creation_options";

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
    /* Does the driver know inputs by names? */
    bool HasInputs() const;
    bool TakeInputs(const CPLJSONObject &inputs);
    bool TakeInput(const std::string &path, const std::string &name, const CPLJSONObject &input);
    bool TakeStack(const std::string &path, const std::string &name, const CPLJSONObject &input);
    std::string Member(const std::string &text) const;
    bool TakeCreationOptions(const CPLJSONObject &options);
    bool AddCreationOption(const std::string &path, const std::string &key, const CPLJSONObject &value);
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
    std::string m_output;
    CPLStringList m_creationOptions;
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
    if (const char *why = fn_option_is_configuration(key.c_str(), key.size()))
        return Fail(key, why);
    std::vector<std::string> known = {m_kind.first, kOutput, kCreationOptions};
    for (const std::string &name : m_kind.options.Names())
        if (name.size() > 1 && m_kind.options.Find(name)->kind != FN_OPTION_INPUT)
            known.push_back(CPLString(name).tolower());
    if (HasInputs())
        known.emplace_back(kInputs);
    const std::string nearest = NearestName(key, known);
    return Fail(key, "there is no such key" + (nearest.empty() ? "" : ", is \"" + nearest + "\" meant?"));
}

/* A name, or one of several texts in an option. */
std::string Reader::Piece(const fn_option &option, const std::string &text) const
{
    const fn_option_kind kind = option.kind;
    const bool quote = (kind == FN_OPTION_NAMES || kind == FN_OPTION_LAYERS || kind == FN_OPTION_SETTINGS ||
                        kind == FN_OPTION_FIELDS) &&
                       text != "*" && text.find('"') == std::string::npos;
    const bool isDataset = kind == FN_OPTION_NAMES || NamesFile(option, text);
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
    const bool comma = option.kind >= FN_OPTION_FIELDS && option.kind <= FN_OPTION_WORDS;
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
    const bool isName = NamesFile(option, text) || kind == FN_OPTION_NAMES || kind == FN_OPTION_LAYERS;
    return Add(key, key, isName ? Piece(option, text) : text);
}

bool Reader::HasInputs() const
{
    const fn_option *option = m_kind.options.Find("INPUT");
    return option && option->kind == FN_OPTION_INPUT;
}

bool Reader::TakeInputs(const CPLJSONObject &inputs)
{
    if (inputs.GetType() != CPLJSONObject::Type::Object)
        return Fail("inputs", "expected an object such as {\"A\": \"dem.tif\"}");
    const std::vector<CPLJSONObject> children = inputs.GetChildren();
    for (const CPLJSONObject &input : children) {
        const std::string name = input.GetName(), path = "inputs." + name;
        if (!fn_recipe_is_input_name(name.c_str(), name.size()))
            return Fail(path, "expected a name that begins with a letter and goes on with letters, digits and _");
        if (input.GetType() == CPLJSONObject::Type::Array ? !TakeStack(path, name, input)
                                                          : !TakeInput(path, name, input))
            return false;
    }
    return !children.empty() || Fail("inputs", "is empty");
}

/* One dataset; a stack, if it has wildcards or is a list. */
bool Reader::TakeInput(const std::string &path, const std::string &name, const CPLJSONObject &input)
{
    if (!IsText(path, input, "expected a string or an array of strings"))
        return false;
    const std::string text = input.ToString();
    const bool isLetter = name.size() == 1 && isupper(static_cast<unsigned char>(name[0]));
    return isLetter && m_kind.options.Find(name) && !HasWildcards(text) && text[0] != '@'
               ? Add(path, name, NameIn(m_folder, text))
               : Add(path, "INPUT", name + "=" + Member(text));
}

bool Reader::TakeStack(const std::string &path, const std::string &name, const CPLJSONObject &input)
{
    const CPLJSONArray members = input.ToArray();
    if (members.Size() == 0)
        return Fail(path, "is empty");
    std::string all;
    for (int i = 0; i < members.Size(); i++) {
        if (!IsText(CPLSPrintf("%s[%d]", path.c_str(), i), members[i]))
            return false;
        all += Member(members[i].ToString()) + (i == 0 || i + 1 < members.Size() ? ";" : "");
    }
    return Add(path, "INPUT", name + "=" + all);
}

/* As INPUT has it: in quotes, unless it is more than a name. */
std::string Reader::Member(const std::string &text) const
{
    const bool isPlain = (HasWildcards(text) || text[0] == '@') && text.find_first_of(";\"") == std::string::npos;
    return InputValueIn(m_folder, isPlain ? "m=" + text : InputValue("m", {text}, false)).substr(strlen("m="));
}

/* A text, a number or a flag. */
bool Reader::AddCreationOption(const std::string &path, const std::string &key, const CPLJSONObject &value)
{
    const CPLJSONObject::Type type = value.GetType();
    std::string text;
    if (type == CPLJSONObject::Type::Boolean)
        text = value.ToBool() ? "YES" : "NO";
    else if (type == CPLJSONObject::Type::Integer || type == CPLJSONObject::Type::Long ||
             type == CPLJSONObject::Type::Double)
        text = value.Format(CPLJSONObject::PrettyFormat::Plain);
    else if (IsText(path, value, "expected a string, a number, true or false"))
        text = value.ToString();
    else
        return false;
    m_creationOptions.AddString((key + "=" + text).c_str());
    return true;
}

bool Reader::TakeCreationOptions(const CPLJSONObject &options)
{
    if (options.GetType() != CPLJSONObject::Type::Object)
        return Fail(kCreationOptions, "expected an object such as {\"TILE_SIZE\": 4096}");
    for (const CPLJSONObject &option : options.GetChildren()) {
        const std::string name = option.GetName(), key = CPLString(name).toupper();
        std::string path = std::string(kCreationOptions) + "." + name;
        if (option.GetType() != CPLJSONObject::Type::Array) {
            if (!AddCreationOption(path, key, option))
                return false;
            continue;
        }
        const CPLJSONArray items = option.ToArray();
        for (int i = 0; i < items.Size(); i++)
            if (!AddCreationOption(CPLSPrintf("%s[%d]", path.c_str(), i), key, items[i]))
                return false;
    }
    return true;
}

bool Reader::TakeKey(const CPLJSONObject &value)
{
    const std::string name = value.GetName();
    if (name == "type")
        return true;
    if (name == "$schema" || name == "description")
        return value.GetType() == CPLJSONObject::Type::String || Fail(name, "expected a string");
    if (name == kInputs && HasInputs())
        return TakeInputs(value);
    if (name == m_kind.first) {
        m_input = IsText(name, value) ? NameIn(m_folder, value.ToString()) : std::string();
        return !m_input.empty();
    }
    if (name == kOutput) {
        m_output = IsText(name, value) ? NameIn(m_folder, value.ToString()) : std::string();
        return !m_output.empty();
    }
    if (name == kCreationOptions)
        return TakeCreationOptions(value);
    const fn_option *option =
        name.size() > 1 && name == CPLString(name).tolower() ? m_kind.options.Find(name) : nullptr;
    return option && option->kind != FN_OPTION_INPUT ? Take(name, *option, value) : Unknown(name);
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
    opening.output = m_output;
    opening.creationOptions = m_creationOptions;
    return m_creationOptions.size() == 0 || !m_output.empty() ||
           Fail(kOutput, "is missing, what are creation_options for?");
}

} // namespace

bool NamesFile(const fn_option &option, const std::string &value)
{
    if (option.kind == FN_OPTION_NAME)
        return !option.words || !EQUAL(option.words, value.c_str());
    return fn_grid_names_file(option.name, value.c_str());
}

bool ReadRecipe(const char *file, const RecipeKind &kind, Opening &opening)
{
    return Reader(file, kind).Read(opening);
}

} // namespace fishnet
