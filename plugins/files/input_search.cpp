#include "input_search.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <sys/stat.h>

#include <ogr_api.h>

#include "command_line.h"
#include "file_names.h"
#include "gdal_compat.h"
#include "handles.h"
#include "recipe_file.h"

namespace fishnet
{

static constexpr size_t kMostFiles = 1000000;
static constexpr int kMostOpened = 100;
static constexpr GIntBig kMostText = 100 << 20; /* bytes of a VRT */

static bool StartsWith(const std::string &text, const char *begin)
{
    return STARTS_WITH_CI(text.c_str(), begin);
}

static std::string Folder(const std::string &name)
{
    const size_t slash = name.rfind('/');
    return slash == std::string::npos ? std::string() : name.substr(0, slash);
}

/* ---- the names to follow, and the files that they lead to ---- */

void InputSearch::Push(const std::string &name, CSLConstList options, bool isIndex)
{
    const std::string path = name.empty() || name[0] == '<' || name[0] == '{' ? name : NameIn(CurrentFolder(), name);
    std::string key = path + (isIndex ? "\nindex" : "");
    for (CSLConstList option = options; option && *option; option++)
        key += "\n" + std::string(*option);
    if (path.empty() || m_seen.size() > 2 * kMostFiles || !m_seen.insert(key).second)
        return;
    m_pending.push_back({path, CPLStringList(CSLDuplicate(options)), isIndex});
}

/* Takes a name that begins at the folder of the file that holds it, or else at the current one: whichever file is
 * there. */
void InputSearch::PushEither(const std::string &folder, const std::string &name)
{
    VSIStatBufL status;
    const std::string there = folder.empty() ? name : NameIn(folder, name);
    Push(IsVirtual(there) || VSIStatL(there.c_str(), &status) == 0 ? there : name);
}

void InputSearch::Work()
{
    while (!m_pending.empty()) {
        const Pending pending = m_pending.front();
        m_pending.pop_front();
        Take(pending);
    }
}

bool InputSearch::IndexLeadsBeyond(const std::string &name)
{
    InputSearch search(Reach::Disk);
    const MessageCollector collector; /* whoever reads it will tell */
    search.Push(name);
    for (; !search.m_pending.empty(); search.m_pending.pop_front()) {
        const Pending &pending = search.m_pending.front();
        if (IsRemoteName(pending.name))
            return true;
        if (pending.isIndex || !IsPlainData(pending.name) || pending.name.find(".gti.") != std::string::npos)
            search.Take(Pending(pending));
    }
    return false;
}

bool InputSearch::Add(const std::string &name, const FileState &state)
{
    if (m_files.size() < kMostFiles) {
        m_files.push_back({name, name, state});
        return true;
    }
    if (m_files.size() == kMostFiles)
        m_files.push_back({"more than a million files", "", FileState()});
    return false;
}

void InputSearch::AddUnknown(const std::string &name)
{
    if (m_seen.insert(name + "\nunknown").second)
        Add(name, FileState());
}

/* ---- what a name stands for ---- */

/* The length of PREFIX: at the beginning; 0: there is none. */
static size_t PrefixLength(const std::string &name)
{
    size_t n = 0;
    while (n < name.size() && (isalnum(static_cast<unsigned char>(name[n])) || name[n] == '_' || name[n] == ' '))
        n++;
    return n > 1 && n < name.size() && name[n] == ':' ? n + 1 : 0;
}

/* May it be a connection string of ours, perhaps behind a folder? */
static bool HoldsPrefix(const std::string &name)
{
    std::string upper = name;
    std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return toupper(c); });
    return std::any_of(RecipeKinds().begin(), RecipeKinds().end(),
                       [&upper](const RecipeKind *kind) { return upper.find(kind->prefix) != std::string::npos; });
}

void InputSearch::Take(const Pending &pending)
{
    const std::string &name = pending.name;
    if (name[0] == '<')
        return LookIntoXML(name, CurrentFolder());
    if (name.find("\"gdal_streamed_alg\"") != std::string::npos)
        return LookIntoPipeline(name);
    if (name[0] == '{')
        return AddUnknown(name);
    if (StartsWith(name, "vrt://"))
        return Push(name.substr(strlen("vrt://"), name.find('?') - strlen("vrt://")));
    if (HoldsPrefix(name) && TakeOurs(name, pending.options.List()))
        return;
    if (IsURL(name))
        return Push(NameOfURL(name));
    if (name.find("://") != std::string::npos && !IsVirtual(name))
        return AddUnknown(name);
    if (const size_t prefix = PrefixLength(name))
        return TakePrefixed(name, prefix, pending.isIndex || StartsWith(name, "GTI:"));
    if (TakeArchive(name))
        return LookInto(name, pending.options.List());
    TakeFile(name, pending);
}

/* Takes a connection string of ours, also behind a folder, or a recipe file. False: it is none. */
bool InputSearch::TakeOurs(const std::string &name, CSLConstList options)
{
    GDALOpenInfo info(name.c_str(), GDAL_OF_RASTER | GDAL_OF_VECTOR);
    info.papszOpenOptions = const_cast<char **>(options);
    for (const RecipeKind *kind : RecipeKinds()) {
        Opening opening;
        if (!IdentifyName(&info, *kind) || !ReadName(&info, *kind, opening))
            continue;
        for (const std::string &input : NamesOf(opening, *kind))
            Push(input);
        return true;
    }
    return false;
}

/* Which part of PREFIX:part:part... is a file depends on the driver: take the one that is there. */
void InputSearch::TakePrefixed(const std::string &name, size_t prefix, bool isIndex)
{
    bool found = false;
    for (size_t begin = prefix; begin < name.size();) {
        const bool quoted = name[begin] == '"';
        const size_t first = begin + (quoted ? 1 : 0);
        size_t end = std::min(name.find(quoted ? '"' : ':', first), name.size());
        if (IsFarAway(name.substr(first, end - first)) && !quoted)
            end = name.size(); /* names over a network have colons */
        const std::string part = name.substr(first, end - first);
        VSIStatBufL status;
        if (!part.empty() && (IsFarAway(part) || VSIStatL(part.c_str(), &status) == 0)) {
            Push(part, nullptr, isIndex);
            found = true;
        }
        begin = end + 1;
    }
    if (!found)
        AddUnknown(name);
}

void InputSearch::LeaveOut(const std::string &name)
{
    if (IsRemoteName(name))
        m_leftOut.push_back(name);
}

FileState InputSearch::StateIn(const std::string &name) const
{
    return m_reach == Reach::Names && IsFarAway(name) ? FileState() : StateOf(name);
}

void InputSearch::TakeFile(const std::string &name, const Pending &pending)
{
    if (m_reach == Reach::Disk && IsFarAway(name))
        return LeaveOut(name);
    VSIStatBufL status;
    if (!IsFarAway(name) && VSIStatL(name.c_str(), &status) == 0 && VSI_ISDIR(status.st_mode))
        return OpenAndAsk(name, GDAL_OF_RASTER | GDAL_OF_VECTOR);
    if (!Add(name, StateIn(name)))
        return;
    AddBeside(name);
    LookInto(name, pending.options.List());
    if (pending.isIndex || HasEnding(name, ".gti.gpkg") || HasEnding(name, ".gti.fgb") ||
        HasEnding(name, ".gti.parquet"))
        LookIntoIndex(name);
}

/* A file in an archive changes with the archive. False: it is none. */
bool InputSearch::TakeArchive(const std::string &name)
{
    static constexpr const char *kArchives[] = {"/vsizip/", "/vsitar/",   "/vsigzip/",    "/vsi7z/",
                                                "/vsirar/", "/vsicrypt/", "/vsisubfile/", "/vsisparse/"};
    const auto *archive = std::find_if(std::begin(kArchives), std::end(kArchives),
                                       [&name](const char *begin) { return STARTS_WITH(name.c_str(), begin); });
    if (archive == std::end(kArchives))
        return false;
    std::string rest = name.substr(strlen(*archive));
    if (EQUAL(*archive, "/vsisubfile/"))
        rest = rest.substr(std::min(rest.find(','), rest.size() - 1) + 1);
    if (!rest.empty() && rest[0] == '{')
        rest = rest.substr(1, rest.find('}') - 1);
    rest = InCurrentFolder(STARTS_WITH(rest.c_str(), "vsi") ? "/" + rest : rest);
    if (m_reach == Reach::Disk && IsFarAway(rest))
        LeaveOut(name);
    for (size_t end = rest.find('/', 1);; end = rest.find('/', end + 1)) {
        const std::string file = rest.substr(0, end);
        VSIStatBufL status;
        const bool mayBe = !IsFarAway(file) || !CPLString(CPLGetExtension(file.c_str())).empty();
        if (mayBe && !(m_reach == Reach::Disk && IsFarAway(file)) && VSIStatL(file.c_str(), &status) == 0 &&
            VSI_ISREG(status.st_mode)) {
            Push(file);
            return true;
        }
        if (end == std::string::npos)
            break;
    }
    AddUnknown(name);
    return true;
}

/* Files that belong to a file and are not named in it. */
void InputSearch::AddBeside(const std::string &name)
{
    static constexpr struct {
        const char *extension, *others; /* instead of it */
    } kBeside[] = {{"shp", "shx dbf prj cpg"},
                   {"dbf", "cpg"},
                   {"tab", "dat map id ind"},
                   {"mif", "mid"},
                   {"csv", "csvt prj"},
                   {"tif", "tfw"},
                   {"tiff", "tfw"},
                   {"jpg", "jgw"},
                   {"png", "pgw"},
                   {"bil", "hdr prj"},
                   {"bip", "hdr prj"},
                   {"bsq", "hdr prj"},
                   {"img", "hdr"},
                   {"dat", "hdr"},
                   {"raw", "hdr"},
                   {"flt", "hdr prj"},
                   {"asc", "prj"},
                   {"gml", "gfs xsd"},
                   {"", "hdr"}};
    if (IsFarAway(name) || IsJournal(name))
        return;
    std::vector<std::string> others = {name + ".aux.xml", name + ".msk", name + ".ovr"};
    const std::string extension = CPLGetExtension(name.c_str());
    for (const auto &beside : kBeside)
        if (EQUAL(extension.c_str(), beside.extension)) {
            const CPLStringList endings(CSLTokenizeString2(beside.others, " ", 0));
            for (int i = 0; i < endings.size(); i++)
                others.push_back(name.substr(0, name.size() - extension.size()) + (extension.empty() ? "." : "") +
                                 endings[i]);
        }
    for (const std::string &other : others) {
        const FileState state = StateOf(other);
        if (state.kind == FileState::Kind::Known && m_seen.insert(other).second)
            Add(other, state);
    }
}

/* ---- what a file refers to ---- */

bool IsPlainData(const std::string &name)
{
    static constexpr const char *kPlain[] = {"tif", "tiff", "jp2", "png", "jpg", "jpeg", "gpkg", "nc",     "h5",
                                             "hdf", "grib", "grb", "img", "shp", "dbf",  "fgb",  "parquet"};
    const std::string extension = CPLGetExtension(name.c_str());
    return std::any_of(std::begin(kPlain), std::end(kPlain),
                       [&extension](const char *plain) { return EQUAL(extension.c_str(), plain); });
}

static std::string FirstBytes(const std::string &name)
{
    char bytes[1024];
    VSILFILE *file = VSIFOpenL(name.c_str(), "rb");
    if (!file)
        return {};
    const std::string text(bytes, VSIFReadL(bytes, 1, sizeof bytes, file));
    VSIFCloseL(file);
    return text;
}

/* Descriptions of services: what they give may change, and the file does not. */
static bool IsService(const std::string &text)
{
    for (const char *begin : {"<GDAL_WMS", "<GDAL_WMTS", "<WCS_GDAL", "<OGRWFSDataSource", "\"stac_version\"",
                              "<Capabilities", "<WMS_Capabilities", "<TileMap", "\"tilejson\""})
        if (text.find(begin) != std::string::npos)
            return true;
    return false;
}

void InputSearch::LookInto(const std::string &name, CSLConstList options)
{
    if (IsFarAway(name) && (IsPlainData(name) || m_reach == Reach::Disk))
        return;
    struct stat status;
    if (!IsVirtual(name) && (stat(name.c_str(), &status) != 0 || !S_ISREG(status.st_mode)))
        return; /* reading a pipe would take its bytes from its reader */
    const std::string text = FirstBytes(name);
    const bool mark = STARTS_WITH(text.c_str(), "\xEF\xBB\xBF");
    const size_t first = text.find_first_not_of(" \t\r\n", mark ? 3 : 0);
    const char begin = first == std::string::npos ? '\0' : text[first];
    if (STARTS_WITH(text.c_str(), "SQLite format 3"))
        return Push(name + "-wal");
    if (begin != '<' && begin != '{')
        return;
    if (IsService(text))
        return AddUnknown(name);
    if (begin == '{' && text.find("\"gdal_streamed_alg\"") != std::string::npos)
        return LookIntoPipeline(name);
    if (begin == '{') {
        TakeOurs(name, options);
        return;
    }
    const bool refers = text.find("<VRTDataset") != std::string::npos ||
                        text.find("<OGRVRTDataSource") != std::string::npos ||
                        text.find("<GDALTileIndexDataset") != std::string::npos || HasEnding(name, ".vrt");
    if (!refers)
        return HasEnding(name, ".aux.xml") ? void() : OpenAndAsk(name, GDAL_OF_RASTER);
    GByte *bytes = nullptr;
    if (!VSIIngestFile(nullptr, name.c_str(), &bytes, nullptr, kMostText))
        return AddUnknown(name);
    const std::unique_ptr<GByte, void (*)(void *)> owner(bytes, VSIFree);
    LookIntoXML(reinterpret_cast<const char *>(bytes), Folder(name));
}

/* Formats of several files, which their driver knows. */
void InputSearch::OpenAndAsk(const std::string &name, unsigned kinds)
{
    if (m_opened++ >= kMostOpened)
        return AddUnknown(name);
    const DatasetHandle dataset(GDALOpenEx(name.c_str(), kinds, nullptr, nullptr, nullptr));
    const CPLStringList files(dataset ? GDALGetFileList(dataset.get()) : nullptr);
    for (int i = 0; i < files.size(); i++)
        if (!EQUAL(files[i], name.c_str()))
            Push(files[i]);
}

void InputSearch::LookIntoXML(const std::string &text, const std::string &folder)
{
    const std::unique_ptr<CPLXMLNode, void (*)(CPLXMLNode *)> tree(CPLParseXMLString(text.c_str()), CPLDestroyXMLNode);
    std::vector<std::pair<CPLXMLNode *, CPLXMLNode *>> todo = {{tree.get(), nullptr}}; /* with their parents */
    while (!todo.empty()) {
        const auto [node, parent] = todo.back();
        todo.pop_back();
        if (!node)
            continue;
        todo.emplace_back(node->psNext, parent);
        todo.emplace_back(node->psChild, node);
        if (node->eType == CXT_Element)
            LookAtElement(node, parent, folder);
    }
}

void InputSearch::LookAtElement(CPLXMLNode *node, CPLXMLNode *parent, const std::string &folder)
{
    const std::string element = node->pszValue;
    const std::string name = CPLGetXMLValue(node, "", "");
    if (name.empty())
        return;
    /* Files of a transformer or of an algorithm; where they begin depends on it. */
    const std::string key = CPLGetXMLValue(node, "key", ""), argument = CPLGetXMLValue(node, "name", "");
    if (EQUAL(element.c_str(), "DEMPath") || EQUAL(key.c_str(), "X_DATASET") || EQUAL(key.c_str(), "Y_DATASET") ||
        (EQUAL(element.c_str(), "Argument") && argument.find("filename") != std::string::npos))
        return PushEither(folder, name);
    const bool isIndex = EQUAL(element.c_str(), "IndexDataset");
    if (!isIndex && !EQUAL(element.c_str(), "SourceFilename") && !EQUAL(element.c_str(), "SourceDataset") &&
        !EQUAL(element.c_str(), "SrcDataSource"))
        return;
    CPLStringList options;
    const CPLXMLNode *given = parent ? CPLGetXMLNode(parent, "OpenOptions") : nullptr;
    for (const CPLXMLNode *item = given ? given->psChild : nullptr; item; item = item->psNext)
        if (item->eType == CXT_Element && EQUAL(item->pszValue, "OOI"))
            options.SetNameValue(CPLGetXMLValue(const_cast<CPLXMLNode *>(item), "key", ""),
                                 CPLGetXMLValue(const_cast<CPLXMLNode *>(item), "", ""));
    const bool isRelative = atoi(CPLGetXMLValue(node, "relativeToVRT", "0")) != 0;
    if (isRelative && FindRecipes(name)) /* options begin there, too */
        Push(folder + "/" + name, options.List());
    else if (isRelative)
        Push(NameIn(folder, name), options.List(), isIndex);
    else
        Push(name, options.List(), isIndex);
}

/* Takes those of its words that are there: a pipeline does not say which of them are files. */
void InputSearch::LookIntoPipeline(const std::string &name)
{
    CommandLine command;
    if (!ReadCommandLine(name, command))
        return;
    for (const Words &step : command.steps) {
        for (const std::string &input : InputsOf(step, command.folder))
            Push(input);
        for (std::string word : step) {
            const size_t equal = word.find('=');
            if (STARTS_WITH(word.c_str(), "--") && equal != std::string::npos)
                word = word.substr(equal + 1);
            if (IsFarAway(word) || word[0] == '{' || STARTS_WITH(word.c_str(), "<VRT") || PrefixLength(word) > 0)
                PushEither(command.folder, word);
        }
    }
}

/* Takes the tiles of an index, the values of its field. */
void InputSearch::LookIntoIndex(const std::string &name)
{
    const DatasetHandle dataset(GDALOpenEx(name.c_str(), GDAL_OF_VECTOR, nullptr, nullptr, nullptr));
    OGRLayerH layer = dataset ? GDALDatasetGetLayer(dataset.get(), 0) : nullptr;
    const char *given = layer ? GDALGetMetadataItem(layer, "LOCATION_FIELD", nullptr) : nullptr;
    const int field = layer ? OGR_FD_GetFieldIndex(OGR_L_GetLayerDefn(layer), given ? given : "location") : -1;
    if (field < 0)
        return AddUnknown(name);
    OGR_L_ResetReading(layer);
    while (OGRFeatureH feature = OGR_L_GetNextFeature(layer)) {
        PushEither(Folder(name), OGR_F_GetFieldAsString(feature, field));
        OGR_F_Destroy(feature);
    }
}

} // namespace fishnet
