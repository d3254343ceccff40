#include "materialized.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

#include <cpl_http.h>
#include <cpl_json.h>
#include <cpl_minixml.h>
#include <cpl_string.h>
#include <gdal.h>

#include "command_line.h"
#include "file_names.h"
#include "gdal_compat.h"
#include "handles.h"
#include "input_files.h"
#include "output_folder.h"
#include "tiff_blocks.h"

namespace fishnet
{

static constexpr std::array<const char *, 6> kWholeSteps = {"sieve",    "fill-nodata", "proximity",
                                                            "viewshed", "materialize", "rgb-to-palette"};

NamelessFile::NamelessFile(int fd) : m_fd(fd), m_path(CPLSPrintf("/proc/%ld/fd/%d", static_cast<long>(getpid()), fd)) {}

std::shared_ptr<NamelessFile> NamelessFile::Create()
{
    std::string name = std::string(CPLGenerateTempFilename("fishnet")) + "_XXXXXX";
    const int fd = mkostemp(name.data(), O_CLOEXEC);
    if (fd < 0) {
        CPLError(CE_Failure, CPLE_OpenFailed, "FISHNET: a temporary file cannot be made: %s: %s", name.c_str(),
                 strerror(errno));
        return nullptr;
    }
    unlink(name.c_str());
    return std::shared_ptr<NamelessFile>(new NamelessFile(fd));
}

NamelessFile::~NamelessFile()
{
    close(m_fd);
}

int64_t NamelessFile::Size() const
{
    struct stat status;
    return fstat(m_fd, &status) == 0 ? status.st_size : 0;
}

/* ---- a pipeline, split behind the last such step ---- */

namespace
{
struct Split {
    std::string step;        /* its name; empty: there is none */
    std::string text;        /* all of it */
    std::string head;        /* the pipeline up to that step */
    std::vector<Words> tail; /* what follows */
    Words inputs;            /* files that are read */
};
} // namespace

static std::string Quoted(const std::string &word)
{
    if (word.find_first_of(" \t\"") == std::string::npos)
        return word;
    std::string text = "\"";
    for (char c : word) {
        if (c == '"' || c == '\\')
            text += '\\';
        text += c;
    }
    return text + '"';
}

/* The same name from everywhere, also behind A= */
static std::string Absolute(const std::string &word, const std::string &folder)
{
    for (size_t begin : {size_t(0), word.find('=') + 1}) {
        const std::string name = word.substr(begin);
        if (name.empty() || !CPLIsFilenameRelative(name.c_str()))
            continue;
        const std::string path = AbsoluteName(folder.empty() ? name : folder + "/" + name);
        VSIStatBufL stat;
        if (!CPLIsFilenameRelative(path.c_str()) && VSIStatL(path.c_str(), &stat) == 0)
            return word.substr(0, begin) + path;
    }
    return word;
}

static std::string ToName(const std::vector<Words> &steps, int serial = 0)
{
    std::string line = "gdal raster pipeline";
    for (size_t i = 0; i < steps.size(); i++) {
        line += i > 0 ? " !" : "";
        for (const std::string &word : steps[i])
            line += " " + Quoted(word);
    }
    CPLJSONObject object;
    object.Add("type", "gdal_streamed_alg");
    object.Add("command_line", line);
    object.Add("relative_paths_relative_to_this_file", false);
    if (serial > 0)
        object.Add("serial", serial);
    return object.Format(CPLJSONObject::PrettyFormat::Plain);
}

static Split SplitPipeline(const std::string &path)
{
    Split split;
    CommandLine command;
    MessageCollector collector;
    if (!ReadCommandLine(path, command))
        return split;
    size_t head = 0; /* steps of it */
    for (size_t i = 0; i < command.steps.size(); i++)
        if (IsOneOf(command.steps[i][0], kWholeSteps)) {
            split.step = command.steps[i][0];
            head = i + 1;
        }
    if (split.step.empty())
        return split;
    for (Words &step : command.steps) {
        for (const std::string &input : InputsOf(step, command.folder))
            split.inputs.push_back(input);
        for (size_t i = 1; i < step.size(); i++)
            step[i] = Absolute(step[i], command.folder);
    }
    split.text = ToName(command.steps);
    if (command.nested || !command.standalone.empty()) {
        split.head = path;
        return split;
    }
    const auto begin = command.steps.begin(), behind = begin + static_cast<std::ptrdiff_t>(head);
    split.head = ToName(std::vector<Words>(begin, behind));
    split.tail.assign(behind, command.steps.end());
    if (!split.tail.empty() && split.tail.back()[0] == "write")
        split.tail.pop_back();
    return split;
}

/* ---- what has been run ---- */

namespace
{
struct Result {
    std::string state; /* of the pipeline and the files that were read */
    std::weak_ptr<NamelessFile> file;
};

struct Register { /* by heads */
    std::mutex mutex;
    std::map<std::string, Result> here;
    std::map<std::string, std::string> elsewhere; /* paths in the process that this one helps */
    std::shared_ptr<NamelessFile> standardInput;  /* which can be read once only */
};
} // namespace

static Register &TheRegister()
{
    static auto *all = new Register; /* worker threads may outlive static variables */
    return *all;
}

std::vector<std::string> ListMaterialized()
{
    Register &all = TheRegister();
    const std::lock_guard<std::mutex> lock(all.mutex);
    Words list;
    for (const auto &entry : all.here)
        if (const std::shared_ptr<NamelessFile> file = entry.second.file.lock())
            list.insert(list.end(), {entry.first, file->Path()});
    for (const auto &entry : all.elsewhere)
        list.insert(list.end(), {entry.first, entry.second});
    return list;
}

void TakeOverMaterialized(const std::vector<std::string> &list)
{
    Register &all = TheRegister();
    const std::lock_guard<std::mutex> lock(all.mutex);
    for (size_t i = 0; i + 1 < list.size(); i += 2)
        all.elsewhere[list[i]] = list[i + 1];
}

static bool Write(GDALDatasetH computed, const NamelessFile &file)
{
    CPLStringList options;
    options.SetNameValue("BIGTIFF", "IF_SAFER");
    options.SetNameValue("INTERLEAVE", "BAND");
    if (!DatasetHandle(GDALCreateCopy(GDALGetDriverByName("GTiff"), file.Path().c_str(), computed, FALSE,
                                      options.List(), nullptr, nullptr)))
        return false;
    /* GTiff does not say that the last bytes could not be written. */
    const DatasetHandle written(
        GDALOpenEx(file.Path().c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
    bool whole = written && GDALGetRasterCount(written.get()) == GDALGetRasterCount(computed);
    for (int i = 1; whole && i <= GDALGetRasterCount(computed); i++)
        whole = HasBlocks(GDALGetRasterBand(written.get(), i), static_cast<uint64_t>(file.Size()), false);
    if (whole && LacksCRS(written.get(), computed)) {
        CPLError(CE_Failure, CPLE_AppDefined, "%s", kLacksCRS);
        return false;
    }
    return whole;
}

/* NULL after CPLError. */
static std::shared_ptr<NamelessFile> Run(const std::string &head)
{
    std::shared_ptr<NamelessFile> file = NamelessFile::Create();
    if (!file)
        return nullptr;
    const DatasetHandle computed(
        GDALOpenEx(head.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
    if (!computed)
        return nullptr;
    std::string cause;
    {
        MessageCollector collector;
        if (Write(computed.get(), *file))
            return file;
        cause = collector.Cause("the driver GTiff gives no reason");
    }
    const std::string folder = CPLGetPath(CPLGenerateTempFilename("fishnet"));
    std::string why = output::WhyNotWritable(folder);
    if (!why.empty())
        why = ": " + why;
    CPLError(CE_Failure, CPLE_FileIO,
             "FISHNET: a temporary file in %s (CPL_TMPDIR) for the result of steps that need all pixels cannot be "
             "written: %s%s",
             folder.c_str(), cause.c_str(), why.c_str());
    return nullptr;
}

/* The file that has the head's pixels; empty after CPLError. */
static std::string ResultOf(const std::string &input, const Split &split, Results *results)
{
    Register &all = TheRegister();
    {
        const std::lock_guard<std::mutex> lock(all.mutex);
        const auto elsewhere = all.elsewhere.find(split.head);
        if (elsewhere != all.elsewhere.end())
            return elsewhere->second;
    }
    InputFiles files;
    for (const std::string &file : split.inputs)
        files.AddName(file);
    std::string state = split.text;
    for (const std::string &line : files.Lines())
        state += "\n" + line;
    if (files.Unknown().empty()) {
        const std::lock_guard<std::mutex> lock(all.mutex);
        const auto here = all.here.find(split.head);
        if (here != all.here.end() && here->second.state == state)
            if (std::shared_ptr<NamelessFile> file = here->second.file.lock()) {
                results->push_back(file);
                return file->Path();
            }
    }
    std::shared_ptr<NamelessFile> file = Run(split.head); /* which may open datasets of ours */
    if (!file)
        return {};
    CPLError(CE_Warning, CPLE_AppDefined,
             "FISHNET: input %s: the step %s needs all pixels at once: the pipeline was run up to there as it was "
             "opened, once for all workers, into a temporary file of %.1f MB",
             input.c_str(), split.step.c_str(), static_cast<double>(file->Size()) / 1e6);
    results->push_back(file);
    const std::lock_guard<std::mutex> lock(all.mutex);
    for (auto entry = all.here.begin(); entry != all.here.end();)
        entry = entry->second.file.expired() ? all.here.erase(entry) : std::next(entry);
    all.here[split.head] = {state, file};
    return file->Path();
}

/* ---- VRT files that read pipelines ---- */

namespace
{
struct Virtual {
    const std::string &input;
    Results *results;
    int files = 0;
    bool failed = false;

    bool Replace(CPLXMLNode *tree, const std::string &folder, int depth);
    std::string Other(const std::string &name, int depth);
    std::string Text(const std::string &path, int depth);
};
} // namespace

static constexpr int kMostLevels = 6;
static constexpr int kMostFiles = 100; /* VRT files that are looked at */

/* Silent: GDAL tells what is wrong with it. */
static CPLXMLNode *Parse(const std::string &text)
{
    MessageCollector collector;
    return CPLParseXMLString(text.c_str());
}

/* The VRT's text with other sources; empty: nothing is to be replaced. */
std::string Virtual::Text(const std::string &path, int depth)
{
    std::string text = path;
    if (path.find('<') == std::string::npos) {
        constexpr GIntBig kMost = 100 << 20;
        GByte *bytes = nullptr;
        MessageCollector collector;
        if (files++ >= kMostFiles || !VSIIngestFile(nullptr, path.c_str(), &bytes, nullptr, kMost))
            return {};
        text = reinterpret_cast<const char *>(bytes);
        VSIFree(bytes);
    }
    if (depth >= kMostLevels || (text.find(".json") == std::string::npos && text.find(".vrt") == std::string::npos &&
                                 text.find("gdal_streamed_alg") == std::string::npos))
        return {};
    const std::unique_ptr<CPLXMLNode, void (*)(CPLXMLNode *)> tree(Parse(text), CPLDestroyXMLNode);
    if (!tree)
        return {};
    const std::string folder = text == path ? std::string() : CPLGetPath(path.c_str());
    if (!Replace(tree.get(), folder, depth))
        return {};
    char *serialized = CPLSerializeXMLTree(tree.get());
    text = serialized;
    CPLFree(serialized);
    return text;
}

/* What is to be read instead of a source; empty: the source. */
std::string Virtual::Other(const std::string &name, int depth)
{
    if (HasEnding(name, ".vrt") || STARTS_WITH(name.c_str(), "<VRTDataset"))
        return Text(name, depth + 1);
    if (!HasEnding(name, ".json") && name.find("gdal_streamed_alg") == std::string::npos)
        return {};
    const Split split = SplitPipeline(name);
    if (split.step.empty())
        return {};
    const std::string result = ResultOf(input, split, results);
    failed = failed || result.empty();
    std::vector<Words> steps = split.tail;
    steps.insert(steps.begin(), {"read", result});
    static std::atomic<int> serial; /* GDAL keeps sources of VRTs open by their names, and a result's may come again */
    return ToName(steps, ++serial);
}

/* Has something been replaced? Then the names in it are absolute. */
bool Virtual::Replace(CPLXMLNode *tree, const std::string &folder, int depth)
{
    bool replaced = false;
    std::vector<CPLXMLNode *> todo = {tree}, relative;
    while (!todo.empty()) {
        CPLXMLNode *node = todo.back();
        todo.pop_back();
        if (node->psNext)
            todo.push_back(node->psNext);
        if (node->psChild)
            todo.push_back(node->psChild);
        if (node->eType != CXT_Element)
            continue;
        const bool isRelative = atoi(CPLGetXMLValue(node, "relativeToVRT", "0")) != 0;
        const bool isSource = EQUAL(node->pszValue, "SourceFilename") || EQUAL(node->pszValue, "SourceDataset");
        if (!isRelative && !isSource)
            continue;
        std::string name = CPLGetXMLValue(node, "", "");
        if (isRelative && !folder.empty() && CPLIsFilenameRelative(name.c_str())) {
            name = folder + "/" + name;
            relative.push_back(node);
        }
        const std::string other = isSource ? Other(name, depth) : std::string();
        if (other.empty())
            continue;
        replaced = true;
        CPLSetXMLValue(node, "", other.c_str());
        if (isRelative)
            CPLSetXMLValue(node, "#relativeToVRT", "0");
    }
    for (CPLXMLNode *node : relative)
        if (replaced && atoi(CPLGetXMLValue(node, "relativeToVRT", "0"))) {
            CPLSetXMLValue(node, "", (folder + "/" + CPLGetXMLValue(node, "", "")).c_str());
            CPLSetXMLValue(node, "#relativeToVRT", "0");
        }
    return replaced;
}

/* ---- standard input ---- */

static constexpr const char *kStandardInput = "/vsistdin";

/* All of it. NULL after CPLError. */
static std::shared_ptr<NamelessFile> CopyStandardInput(const std::string &name)
{
    constexpr size_t kPiece = 1 << 20;
    std::shared_ptr<NamelessFile> file = NamelessFile::Create();
    VSILFILE *from = file ? VSIFOpenL(name.c_str(), "rb") : nullptr;
    VSILFILE *to = from ? VSIFOpenL(file->Path().c_str(), "wb") : nullptr;
    bool whole = to != nullptr;
    std::vector<char> bytes(kPiece);
    for (size_t read = 1; whole && read > 0;) { /* it gives less than was asked for where its buffer ends */
        read = VSIFReadL(bytes.data(), 1, kPiece, from);
        whole = VSIFWriteL(bytes.data(), 1, read, to) == read;
    }
    if (from)
        VSIFCloseL(from);
    if (to)
        whole = VSIFCloseL(to) == 0 && whole;
    if (file && !whole)
        CPLError(CE_Failure, CPLE_FileIO,
                 "FISHNET: standard input cannot be copied into a temporary file (CPL_TMPDIR)");
    return whole ? file : nullptr;
}

/* Workers open what they read again: they read a copy, which is there as long as this process. */
static bool ReadStandardInput(std::string *path, Results *results)
{
    Register &all = TheRegister();
    const std::lock_guard<std::mutex> lock(all.mutex);
    const auto elsewhere = all.elsewhere.find(kStandardInput);
    if (elsewhere != all.elsewhere.end()) {
        *path = elsewhere->second;
        return true;
    }
    if (!all.standardInput)
        all.standardInput = CopyStandardInput(*path);
    if (!all.standardInput)
        return false;
    results->push_back(all.standardInput);
    all.here[kStandardInput] = {"", all.standardInput};
    *path = all.standardInput->Path();
    return true;
}

/* ---- what a server gives whole ---- */

static std::shared_ptr<NamelessFile> Load(const std::string &url)
{
    const std::unique_ptr<CPLHTTPResult, void (*)(CPLHTTPResult *)> got(CPLHTTPFetch(url.c_str(), nullptr),
                                                                        CPLHTTPDestroyResult);
    if (!got || got->nStatus != 0 || got->pszErrBuf || got->nDataLen <= 0)
        return nullptr;
    std::shared_ptr<NamelessFile> file = NamelessFile::Create();
    VSILFILE *to = file ? VSIFOpenL(file->Path().c_str(), "wb") : nullptr;
    const auto size = static_cast<size_t>(got->nDataLen);
    bool whole = to && VSIFWriteL(got->pabyData, 1, size, to) == size;
    if (to)
        whole = VSIFCloseL(to) == 0 && whole;
    return whole ? file : nullptr;
}

/* It may have changed since it was loaded; where a server does not tell, it is loaded again. */
std::string Download(const std::string &url, bool loads, Results *results)
{
    Register &all = TheRegister();
    {
        const std::lock_guard<std::mutex> lock(all.mutex);
        const auto elsewhere = all.elsewhere.find(url);
        if (elsewhere != all.elsewhere.end())
            return elsewhere->second;
    }
    if (!loads)
        return {};
    const FileState now = StateOfServer(NameOfURL(url));
    const std::string state =
        CPLSPrintf("%lld %lld ", static_cast<long long>(now.bytes), static_cast<long long>(now.seconds)) + now.tag;
    if (now.kind == FileState::Kind::Known) {
        const std::lock_guard<std::mutex> lock(all.mutex);
        const auto here = all.here.find(url);
        if (here != all.here.end() && here->second.state == state)
            if (std::shared_ptr<NamelessFile> file = here->second.file.lock()) {
                results->push_back(file);
                return file->Path();
            }
    }
    std::shared_ptr<NamelessFile> file = Load(url);
    if (!file)
        return {};
    CPLDebug("FISHNET", "%s is given whole only, it was loaded into a temporary file", WithoutSecrets(url).c_str());
    results->push_back(file);
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.here[url] = {state, file};
    return file->Path();
}

/* ---- all of it ---- */

bool Materialize(const std::string &input, std::string *path, Results *results)
{
    if (STARTS_WITH(path->c_str(), kStandardInput))
        return ReadStandardInput(path, results);
    if (!FN_GDAL_AT_LEAST(3, 11))
        return true;
    if (HasEnding(*path, ".vrt") || STARTS_WITH(path->c_str(), "<VRTDataset")) {
        Virtual file = {input, results};
        const std::string text = file.Text(*path, 0);
        if (!text.empty())
            *path = text;
        return !file.failed;
    }
    const Split split = SplitPipeline(*path);
    if (split.step.empty())
        return true;
    const std::string result = ResultOf(input, split, results);
    if (result.empty())
        return false;
    std::vector<Words> steps = split.tail;
    steps.insert(steps.begin(), {"read", result});
    *path = split.tail.empty() ? result : ToName(steps);
    return true;
}

} // namespace fishnet
