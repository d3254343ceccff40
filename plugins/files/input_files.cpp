#include "input_files.h"

#include <algorithm>
#include <cctype>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <sys/stat.h>

#include <ogr_api.h>

#include "command_line.h"
#include "gdal_compat.h"
#include "handles.h"
#include "output_folder.h"
#include "workers.h"
#include "recipe_file.h"

namespace fishnet
{

static constexpr size_t kMostFiles = 1000000;
static constexpr int kMostOpened = 100;
static constexpr GIntBig kMostText = 100 << 20; /* bytes of a VRT */

/* ---- names ---- */

static bool StartsWith(const std::string &text, const char *begin)
{
    return STARTS_WITH_CI(text.c_str(), begin);
}

static bool EndsWith(const std::string &text, const std::string &end)
{
    return text.size() >= end.size() && EQUAL(text.c_str() + text.size() - end.size(), end.c_str());
}

static bool IsVirtual(const std::string &name)
{
    return STARTS_WITH(name.c_str(), "/vsi");
}

static bool IsInMemory(const std::string &name)
{
    return STARTS_WITH(name.c_str(), "/vsimem/");
}

static bool IsFarAway(const std::string &name)
{
    return IsVirtual(name) && !IsInMemory(name);
}

static std::string Folder(const std::string &name)
{
    const size_t slash = name.rfind('/');
    return slash == std::string::npos ? std::string() : name.substr(0, slash);
}

static std::string InCurrentFolder(const std::string &name)
{
    return !name.empty() && CPLIsFilenameRelative(name.c_str()) ? CurrentFolder() + "/" + name : name;
}

/* ---- states ---- */

bool FileState::operator==(const FileState &other) const
{
    return kind == other.kind && device == other.device && inode == other.inode && bytes == other.bytes &&
           seconds == other.seconds && nanoseconds == other.nanoseconds && tag == other.tag;
}

static FileState StateOnDisk(const std::string &path)
{
    FileState state;
    struct stat status;
    if (stat(path.c_str(), &status) != 0) {
        state.kind = errno == ENOENT || errno == ENOTDIR ? FileState::Kind::Absent : FileState::Kind::Unknown;
        return state;
    }
    state.kind = FileState::Kind::Known;
    state.device = static_cast<uint64_t>(status.st_dev);
    state.inode = static_cast<uint64_t>(status.st_ino);
    state.bytes = static_cast<int64_t>(status.st_size);
    state.seconds = static_cast<int64_t>(status.st_mtim.tv_sec);
    state.nanoseconds = static_cast<int64_t>(status.st_mtim.tv_nsec);
    return state;
}

/* What a server that tells no time tells versions apart by. */
static std::string TagOf(const std::string &path)
{
    const CPLStringList headers(VSIGetFileMetadata(path.c_str(), "HEADERS", nullptr));
    for (const char *key : {"ETag", "etag", "Etag"})
        if (const char *tag = headers.FetchNameValue(key))
            return STARTS_WITH(tag, "W/") ? std::string() : tag; /* a weak one may stand for several versions */
    return {};
}

static FileState StateOf(const std::string &path)
{
    if (!IsVirtual(path))
        return StateOnDisk(path);
    FileState state;
    MessageCollector collector;
    VSIStatBufL status;
    if (IsFarAway(path))
        VSICurlPartialClearCache(path.c_str()); /* or it would say what it has said before */
    if (VSIStatL(path.c_str(), &status) != 0) {
        state.kind = IsInMemory(path) ? FileState::Kind::Absent : FileState::Kind::Unknown;
        return state;
    }
    state.bytes = static_cast<int64_t>(status.st_size);
    state.seconds = static_cast<int64_t>(status.st_mtime);
    if (state.seconds <= 0)
        state.tag = TagOf(path);
    if (state.seconds > 0 || !state.tag.empty())
        state.kind = FileState::Kind::Known;
    return state;
}

static bool IsJournal(const std::string &name)
{
    return EndsWith(name, "-wal");
}

/* SQLite makes an empty journal where it looks for one, and removes it. */
static FileState StateOfInput(const std::string &path)
{
    const FileState state = StateOf(path);
    if (!IsJournal(path) || state.kind != FileState::Kind::Known || state.bytes > 0)
        return state;
    FileState absent;
    absent.kind = FileState::Kind::Absent;
    return absent;
}

/* ---- what is asked ---- */

FileState InputFiles::StateOf(const std::string &path)
{
    return StateOfInput(path);
}

bool InputFiles::IsNear(const std::string &path)
{
    return !IsFarAway(path);
}

std::string InputFiles::Changed() const
{
    for (const InputFile &file : m_files)
        if (!IsFarAway(file.path) && file.state.kind != FileState::Kind::Unknown && !EndsWith(file.path, ".aux.xml") &&
            StateOfInput(file.path) != file.state)
            return file.name;
    return {};
}

std::string InputFiles::Find(const std::string &file) const
{
    const std::string path = InCurrentFolder(file);
    const FileState state = IsVirtual(path) ? FileState() : StateOnDisk(path);
    for (const InputFile &input : m_files)
        if (input.path == path || (state.kind == FileState::Kind::Known && input.state.device == state.device &&
                                   input.state.inode == state.inode))
            return input.name;
    return {};
}

/* Without links and dots, where there is such a file. */
static std::string RealPath(const std::string &path)
{
    const std::unique_ptr<char, void (*)(void *)> real(IsVirtual(path) ? nullptr : realpath(path.c_str(), nullptr),
                                                       free);
    return real ? real.get() : path;
}

std::string InputFiles::FindIn(const std::string &folder) const
{
    const std::string begin = RealPath(InCurrentFolder(folder)) + "/";
    for (const InputFile &input : m_files)
        if (STARTS_WITH(RealPath(input.path).c_str(), begin.c_str()))
            return input.name;
    return {};
}

std::string InputFiles::Unknown() const
{
    for (const InputFile &file : m_files)
        if (file.state.kind == FileState::Kind::Unknown)
            return file.name;
    return {};
}

std::vector<std::string> InputFiles::Lines() const
{
    std::vector<std::string> lines;
    for (const InputFile &file : m_files) {
        const FileState &state = file.state;
        std::string text = ": not there";
        if (state.kind == FileState::Kind::Unknown)
            text = ": whether it changes cannot be known";
        else if (state.kind == FileState::Kind::Known && !state.tag.empty())
            text = CPLSPrintf(": %lld bytes, tag ", static_cast<long long>(state.bytes)) + state.tag;
        else if (state.kind == FileState::Kind::Known)
            text = CPLSPrintf(": %lld bytes of %lld.%09ld", static_cast<long long>(state.bytes),
                              static_cast<long long>(state.seconds), static_cast<long>(state.nanoseconds));
        lines.push_back(output::OneLine(file.path + text));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

/* ---- adding ---- */

void InputFiles::AddDataset(GDALDatasetH dataset)
{
    if (!dataset)
        return;
    MessageCollector collector;
    const CPLStringList files(GDALGetFileList(dataset));
    const std::string name = GDALGetDescription(dataset);
    if (!name.empty())
        Push(name, GDALDataset::FromHandle(dataset)->GetOpenOptions());
    else if (files.size() == 0)
        AddUnknown("a dataset without a name");
    for (int i = 0; i < files.size(); i++)
        Push(files[i]);
    Work();
}

void InputFiles::AddName(const std::string &name, CSLConstList openOptions)
{
    MessageCollector collector;
    Push(name, openOptions);
    Work();
}

void InputFiles::Push(const std::string &name, CSLConstList options, bool isIndex)
{
    const std::string path = name.empty() || name[0] == '<' || name[0] == '{' ? name : NameIn(CurrentFolder(), name);
    std::string key = path + (isIndex ? "\nindex" : "");
    for (CSLConstList option = options; option && *option; option++)
        key += "\n" + std::string(*option);
    if (path.empty() || m_seen.size() > 2 * kMostFiles || !m_seen.insert(key).second)
        return;
    m_pending.push_back({path, CPLStringList(CSLDuplicate(options)), isIndex});
}

/* A name that begins at the folder of the file that it stands in, or at the current one: the file that is there. */
void InputFiles::PushEither(const std::string &folder, const std::string &name)
{
    VSIStatBufL status;
    const std::string there = folder.empty() ? name : NameIn(folder, name);
    Push(IsVirtual(there) || VSIStatL(there.c_str(), &status) == 0 ? there : name);
}

void InputFiles::Work()
{
    while (!m_pending.empty()) {
        const Pending pending = m_pending.front();
        m_pending.pop_front();
        Take(pending);
    }
}

bool InputFiles::Add(const std::string &name, const FileState &state)
{
    if (m_files.size() < kMostFiles) {
        m_files.push_back({name, name, state});
        return true;
    }
    if (m_files.size() == kMostFiles)
        m_files.push_back({"more than a million files", "", FileState()});
    return false;
}

void InputFiles::AddUnknown(const std::string &name)
{
    if (m_seen.insert(name + "\nunknown").second)
        Add(name, FileState());
}

/* ---- kinds of names ---- */

/* The length of PREFIX: at the beginning; 0: there is none. */
static size_t PrefixLength(const std::string &name)
{
    size_t n = 0;
    while (n < name.size() && (isalnum(static_cast<unsigned char>(name[n])) || name[n] == '_' || name[n] == ' '))
        n++;
    return n > 1 && n < name.size() && name[n] == ':' ? n + 1 : 0;
}

/* Of a connection string of ours. */
static bool HoldsPrefix(const std::string &name)
{
    std::string upper = name;
    std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return toupper(c); });
    return upper.find(RasterRecipes().prefix) != std::string::npos ||
           upper.find(NearRecipes().prefix) != std::string::npos;
}

void InputFiles::Take(const Pending &pending)
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
    if (name.find("://") != std::string::npos && !IsVirtual(name))
        return AddUnknown(name);
    if (const size_t prefix = PrefixLength(name))
        return TakePrefixed(name, prefix, pending.isIndex || StartsWith(name, "GTI:"));
    if (TakeArchive(name))
        return LookInto(name, pending.options.List());
    TakeFile(name, pending);
}

/* A connection string of ours, also behind a folder, or a recipe file. */
bool InputFiles::TakeOurs(const std::string &name, CSLConstList options)
{
    GDALOpenInfo info(name.c_str(), GDAL_OF_RASTER | GDAL_OF_VECTOR);
    info.papszOpenOptions = const_cast<char **>(options);
    for (const RecipeKind *kind : {&RasterRecipes(), &NearRecipes()}) {
        Opening opening;
        if (!IdentifyName(&info, *kind) || !ReadName(&info, *kind, opening))
            continue;
        for (const std::string &input : NamesOf(opening, *kind))
            Push(input);
        return true;
    }
    return false;
}

/* Which part of PREFIX:part:part... is a file depends on the driver: it is the one that is there. */
void InputFiles::TakePrefixed(const std::string &name, size_t prefix, bool isIndex)
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

void InputFiles::TakeFile(const std::string &name, const Pending &pending)
{
    if (m_reach == Reach::Disk && IsFarAway(name))
        return;
    VSIStatBufL status;
    if (!IsFarAway(name) && VSIStatL(name.c_str(), &status) == 0 && VSI_ISDIR(status.st_mode))
        return OpenAndAsk(name, GDAL_OF_RASTER | GDAL_OF_VECTOR); /* its files are those that it says */
    if (!Add(name, StateOfInput(name)))
        return;
    AddBeside(name);
    LookInto(name, pending.options.List());
    if (pending.isIndex || EndsWith(name, ".gti.gpkg") || EndsWith(name, ".gti.fgb") || EndsWith(name, ".gti.parquet"))
        LookIntoIndex(name);
}

/* A file in an archive changes with the archive. False: it is none. */
bool InputFiles::TakeArchive(const std::string &name)
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
void InputFiles::AddBeside(const std::string &name)
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

/* Formats that refer to nothing, by their names: the first bytes of a file over a network cost a request. */
static bool IsPlainData(const std::string &name)
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

void InputFiles::LookInto(const std::string &name, CSLConstList options)
{
    if (IsFarAway(name) && (IsPlainData(name) || m_reach == Reach::Disk))
        return;
    struct stat status;
    if (!IsVirtual(name) && (stat(name.c_str(), &status) != 0 || !S_ISREG(status.st_mode)))
        return; /* reading a pipe takes its bytes from who wants them */
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
                        text.find("<GDALTileIndexDataset") != std::string::npos || EndsWith(name, ".vrt");
    if (!refers)
        return EndsWith(name, ".aux.xml") ? void() : OpenAndAsk(name, GDAL_OF_RASTER);
    GByte *bytes = nullptr;
    if (!VSIIngestFile(nullptr, name.c_str(), &bytes, nullptr, kMostText))
        return AddUnknown(name);
    const std::unique_ptr<GByte, void (*)(void *)> owner(bytes, VSIFree);
    LookIntoXML(reinterpret_cast<const char *>(bytes), Folder(name));
}

/* Formats of several files, which their driver knows. */
void InputFiles::OpenAndAsk(const std::string &name, unsigned kinds)
{
    if (m_opened++ >= kMostOpened)
        return AddUnknown(name);
    const DatasetHandle dataset(GDALOpenEx(name.c_str(), kinds, nullptr, nullptr, nullptr));
    const CPLStringList files(dataset ? GDALGetFileList(dataset.get()) : nullptr);
    for (int i = 0; i < files.size(); i++)
        if (!EQUAL(files[i], name.c_str()))
            Push(files[i]);
}

void InputFiles::LookIntoXML(const std::string &text, const std::string &folder)
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

void InputFiles::LookAtElement(CPLXMLNode *node, CPLXMLNode *parent, const std::string &folder)
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
    const bool isOurs = StartsWith(name, RasterRecipes().prefix) ||
                        StartsWith(name, NearRecipes().prefix); /* options begin there, too */
    if (isRelative && isOurs)
        Push(folder + "/" + name, options.List());
    else if (isRelative)
        Push(NameIn(folder, name), options.List(), isIndex);
    else
        Push(name, options.List(), isIndex);
}

/* What is there of its words: a pipeline says no more of what they are. */
void InputFiles::LookIntoPipeline(const std::string &name)
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

/* The tiles of an index: values of its field. */
void InputFiles::LookIntoIndex(const std::string &name)
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
