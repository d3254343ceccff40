#include "open_options.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include <cpl_error.h>
#include <cpl_minixml.h>
#include <gdal.h>

#include "fishnet/grid_options.h"
#include "secrets.h"

namespace fishnet
{

OptionTable &OptionTable::Add(fn_option_table table)
{
    m_rows.insert(m_rows.end(), table.rows, table.rows + table.count);
    return *this;
}

const fn_option *OptionTable::Find(const std::string &name) const
{
    return fn_option_find({m_rows.data(), m_rows.size()}, name.c_str(), name.size());
}

static const char *TypeOf(const fn_option &option)
{
    switch (option.kind) {
    case FN_OPTION_FLAG:
        return "boolean";
    case FN_OPTION_CHOICE:
        return "string-select";
    case FN_OPTION_WHOLE:
        return option.words ? "string" : "int";
    case FN_OPTION_NUMBER:
        return "float";
    default:
        return "string";
    }
}

/* What few need. Programs that show open options, such as QGIS, leave out what is not of the scope raster or vector;
 * it may be given all the same. */
static bool IsAdvanced(const std::string &name)
{
    static const char *const names[] = {"A",
                                        "INPUT_OO",
                                        "FLATTEN",
                                        "PROPAGATE_NODATA",
                                        "ALPHA",
                                        "CHECK_EXTENT",
                                        "CHECK_CRS",
                                        "ON_ERROR",
                                        "TILE_SIZE",
                                        "PARTITION",
                                        "PARTITION_SIZE",
                                        "CACHE_MB",
                                        "OUTSIDE",
                                        "ACCURACY",
                                        "READERS",
                                        "THREADS_PER_WORKER",
                                        "RETRIES",
                                        "TASK_TIMEOUT",
                                        "RASTER_OO",
                                        "ZONE_BAND",
                                        "WEIGHTS_BAND",
                                        "NEAR_GEOMETRY_FIELD",
                                        "GEOMETRY_FIELD",
                                        "INVALID",
                                        "INPUT_RESAMPLING"};
    const bool ofLetter = name.size() > 1 && name[1] == '_', letter = name.size() == 1 && name[0] > 'F';
    return ofLetter || letter ||
           std::any_of(std::begin(names), std::end(names), [&name](const char *one) { return name == one; });
}

static std::string Element(const fn_option &option, const std::string &name, bool advanced)
{
    const bool isNumber = !EQUAL(TypeOf(option), "string");
    std::string xml = "<Option name='" + name + "' type='" + TypeOf(option) + "'";
    if (isNumber && option.least < option.most)
        xml += CPLSPrintf(" min='%lld' max='%lld'", option.least, option.most);
    if (option.preset)
        xml += std::string(" default='") + option.preset + "'";
    xml += std::string(" description='") + option.help + "'";
    if (advanced)
        xml += " scope='advanced'";
    if (option.kind != FN_OPTION_CHOICE)
        return xml + "/>";
    const CPLStringList words(CSLTokenizeString2(option.words, "|", 0));
    xml += ">";
    for (int i = 0; i < words.size(); i++)
        xml += std::string("<Value>") + words[i] + "</Value>";
    return xml + "</Option>";
}

static std::vector<std::string> NamesOf(const fn_option &option)
{
    std::string name = option.name;
    const size_t any = name.find('?');
    if (any == std::string::npos)
        return {name};
    std::vector<std::string> names;
    for (const char *letter = option.words; *letter; letter++) {
        name[any] = *letter;
        names.push_back(name);
    }
    return names;
}

std::vector<std::string> OptionTable::Names() const
{
    std::vector<std::string> all;
    for (const fn_option &option : m_rows)
        for (const std::string &name : NamesOf(option))
            all.push_back(name);
    return all;
}

std::string OptionTable::List(const char *root) const
{
    const bool folds = EQUAL(root, "OpenOptionList");
    std::string xml = std::string("<") + root + ">", advanced;
    for (const fn_option &option : m_rows)
        for (const std::string &name : NamesOf(option)) {
            const bool folded = folds && IsAdvanced(name);
            (folded ? advanced : xml) += Element(option, name, folded);
        }
    return xml + advanced + "</" + root + ">";
}

bool ReadOption(const char *driver, const fn_option &option, const char *text, fn_option_value &value)
{
    fn_error err;
    if (fn_option_read(&option, text, &value, &err) == FN_OK)
        return true;
    CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s", driver, WithoutSecrets(err.text).c_str());
    return false;
}

bool OptionTable::Read(CSLConstList options, const char *name, fn_option_value &value) const
{
    const fn_option *option = Find(name);
    const char *text = option ? CSLFetchNameValueDef(options, name, option->preset) : nullptr;
    value = {};
    return !text || ReadOption(m_driver, *option, text, value);
}

std::string NearestName(const std::string &name, const std::vector<std::string> &known)
{
    constexpr size_t kFar = 3;
    std::string nearest;
    size_t least = std::min(kFar, name.size());
    for (const std::string &candidate : known) {
        const size_t distance = fn_edit_distance(name.c_str(), name.size(), candidate.c_str(), candidate.size());
        if (distance < least && (candidate.size() > 1 || name.size() == 1)) { /* a letter is near to anything */
            least = distance;
            nearest = candidate;
        }
    }
    return nearest;
}

bool IsForOtherDrivers(const char *name)
{
    /* QGIS takes NEARTABLE:a.gpkg for a GeoPackage, ogr2ogr asks every input for native data, and Fiona tells GDAL not
     * to check names. */
    static const char *const names[] = {"NOLOCK",      "DO_NOT_ENABLE_WAL", "LIST_ALL_TABLES",
                                        "NATIVE_DATA", "OVERVIEW_LEVEL",    "VALIDATE_OPEN_OPTIONS"};
    return name[0] == '@' ||
           std::any_of(std::begin(names), std::end(names), [name](const char *other) { return EQUAL(name, other); });
}

static std::vector<std::string> NamesOfOptions(const char *driver, const char *list)
{
    std::vector<std::string> names;
    GDALDriverH handle = GDALGetDriverByName(driver);
    const char *xml = handle ? GDALGetMetadataItem(handle, list, nullptr) : nullptr;
    const CPLXMLTreeCloser tree(xml ? CPLParseXMLString(xml) : nullptr);
    for (const CPLXMLNode *node = tree.get() ? tree->psChild : nullptr; node; node = node->psNext)
        if (const char *name = CPLGetXMLValue(node, "name", nullptr))
            names.emplace_back(name);
    return names;
}

/* The option that is meant; empty: none. gdalwarp has other names for some. */
static std::string MeantName(const std::string &name, const std::vector<std::string> &known)
{
    const char *ours = fn_grid_option_of_others(name.c_str(), name.size());
    const std::string option(ours ? ours : "", ours ? strcspn(ours, "=") : 0);
    return ours && std::find(known.begin(), known.end(), option) != known.end() ? ours : NearestName(name, known);
}

static bool Fail(const char *driver, const char *list, const std::string &name, const std::vector<std::string> &known)
{
    if (const char *why = fn_option_is_configuration(name.c_str(), name.size())) {
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s: %s", driver, name.c_str(), why);
        return false;
    }
    const std::string nearest = MeantName(name, known);
    CPLError(CE_Failure, CPLE_IllegalArg, "%s: there is no %s option %.200s%s%s%s", driver,
             EQUAL(list, GDAL_DMD_OPENOPTIONLIST) ? "open" : "creation", name.c_str(), nearest.empty() ? "" : ", is ",
             nearest.c_str(), nearest.empty() ? "" : " meant?");
    return false;
}

bool FailUnknownOption(const char *driver, const char *name)
{
    return Fail(driver, GDAL_DMD_OPENOPTIONLIST, name, NamesOfOptions(driver, GDAL_DMD_OPENOPTIONLIST));
}

bool CheckOptionNames(const char *driver, const char *list, CSLConstList options, const char *other)
{
    if (!options || !*options)
        return true;
    std::vector<std::string> known = NamesOfOptions(driver, list);
    if (other)
        for (const std::string &name : NamesOfOptions(other, list))
            known.push_back(name);
    for (CSLConstList option = options; *option; option++) {
        const std::string name = std::string(*option).substr(0, strcspn(*option, "="));
        const auto is = [&name](const std::string &one) { return EQUAL(one.c_str(), name.c_str()); };
        if (!IsForOtherDrivers(name.c_str()) && std::none_of(known.begin(), known.end(), is))
            return Fail(driver, list, name, known);
    }
    return true;
}

void MakeOptionLists(GDALDriverH driver)
{
    for (const char *list : {GDAL_DMD_CREATIONOPTIONLIST, GDAL_DS_LAYER_CREATIONOPTIONLIST})
        (void)GDALGetMetadataItem(driver, list, nullptr);
}

bool SplitSettings(const char *text, CPLStringList &settings)
{
    const CPLStringList items(
        CSLTokenizeString2(text, ";", CSLT_HONOURSTRINGS | CSLT_STRIPLEADSPACES | CSLT_STRIPENDSPACES));
    for (int i = 0; i < items.size(); i++) {
        const char *equal = strchr(items[i], '=');
        if (!equal || equal == items[i])
            return false;
        settings.AddString(items[i]);
    }
    return items.size() > 0;
}

} // namespace fishnet
