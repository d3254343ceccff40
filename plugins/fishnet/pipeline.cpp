#include "fishnet/pipeline.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <cpl_json.h>
#include <cpl_minixml.h>
#include <cpl_string.h>

#include "gdal_compat.h"
#include "handles.h"

namespace fishnet
{

/* ---- the command line of a pipeline ---- */

using Words = std::vector<std::string>;

/* Steps that compute a row from the rows around it, row by row. */
static constexpr std::array<const char *, 6> kRowSteps = {"slope", "hillshade", "aspect", "roughness", "tpi", "tri"};
/* Steps that run as the pipeline is opened. */
static constexpr std::array<const char *, 6> kWholeSteps = {"sieve",    "fill-nodata", "proximity",
                                                            "viewshed", "materialize", "rgb-to-palette"};
static constexpr const char *kResult = "FISHNET_RESULT"; /* stands for the file in the tail */

template <size_t N> static bool IsOneOf(const std::string &word, const std::array<const char *, N> &names)
{
    return std::any_of(names.begin(), names.end(), [&word](const char *name) { return word == name; });
}

namespace
{
struct CommandLine {
    std::vector<Words> steps;
    bool nested = false;    /* a pipeline within a pipeline */
    std::string folder;     /* that relative names begin at; empty: the current one */
    std::string standalone; /* a step that is a command by itself, not a pipeline */
};
} // namespace

static bool IsPipelineFile(const std::string &path)
{
    if (path.find("\"gdal_streamed_alg\"") != std::string::npos)
        return true;
    constexpr size_t kMost = 1024; /* as much as GDAL looks at */
    char begin[kMost + 1] = {};
    VSILFILE *file = VSIFOpenL(path.c_str(), "rb");
    if (!file)
        return false;
    begin[VSIFReadL(begin, 1, kMost, file)] = 0;
    VSIFCloseL(file);
    return strstr(begin, "\"gdal_streamed_alg\"") != nullptr;
}

static bool ReadCommandLine(const std::string &path, CommandLine &command)
{
    CPLJSONDocument document;
    const bool isInline = path.find("\"gdal_streamed_alg\"") != std::string::npos;
    if (!isInline && !IsPipelineFile(path))
        return false;
    if (!(isInline ? document.LoadMemory(path) : document.Load(path)))
        return false;
    const CPLJSONObject root = document.GetRoot();
    if (!isInline && root.GetBool("relative_paths_relative_to_this_file", true))
        command.folder = CPLGetPath(path.c_str());
    const CPLStringList words(CSLTokenizeString(root.GetString("command_line").c_str()));
    int i = 1; /* after gdal */
    if (i < words.size() && EQUAL(words[i], "raster"))
        i++;
    if (i >= words.size())
        return false;
    if (EQUAL(words[i], "pipeline"))
        i++;
    else
        command.standalone = words[i];
    command.steps.emplace_back();
    for (; i < words.size(); i++) {
        const std::string word = words[i];
        if (word == "!" || word == "[" || word == "]") {
            command.nested = command.nested || word != "!";
            if (!command.steps.back().empty())
                command.steps.emplace_back();
        } else
            command.steps.back().push_back(word);
    }
    if (command.steps.back().empty())
        command.steps.pop_back();
    return true;
}

/* Names of files among a step's words: --input x, -i A=x, or what stands alone. */
static Words InputsOf(const Words &step, const std::string &folder)
{
    Words inputs;
    for (size_t i = 1; i < step.size(); i++) {
        std::string name = step[i];
        if (name.rfind("--input=", 0) == 0)
            name = name.substr(strlen("--input="));
        for (int k = 0; k < 2; k++) { /* as it is, and behind A= */
            const std::string path =
                CPLIsFilenameRelative(name.c_str()) && !folder.empty() ? folder + "/" + name : name;
            VSIStatBufL stat;
            if (!name.empty() && name[0] != '-' && VSIStatL(path.c_str(), &stat) == 0 && VSI_ISREG(stat.st_mode)) {
                inputs.push_back(path);
                break;
            }
            const size_t equal = name.find('=');
            if (equal == std::string::npos)
                break;
            name = name.substr(equal + 1);
        }
    }
    return inputs;
}

/* ---- looking into datasets ---- */

static constexpr int kMostLevels = 6; /* that are looked into */
static constexpr int kMostFiles = 3;  /* that are looked at in one file */

static Pipeline Look(GDALDatasetH dataset, const std::string &path, int depth);

/* All but the halo, which adds up along a chain and not beside it. */
static void Add(Pipeline &whole, const Pipeline &part, bool sameWidth)
{
    whole.computesRows = whole.computesRows || part.computesRows;
    whole.rows = whole.rows || part.computesRows || (part.rows && sameWidth);
    whole.blockHeight = std::max(whole.blockHeight, part.blockHeight);
    whole.oneRow = whole.oneRow || part.oneRow;
    whole.levels = std::max(whole.levels, part.levels);
}

static Pipeline LookAtStored(GDALDatasetH dataset)
{
    Pipeline found;
    if (GDALGetRasterCount(dataset) == 0)
        return found;
    int blockWidth = 0, blockHeight = 0;
    GDALGetBlockSize(GDALGetRasterBand(dataset, 1), &blockWidth, &blockHeight);
    found.rows = blockWidth == GDALGetRasterXSize(dataset) && blockHeight < GDALGetRasterYSize(dataset);
    found.blockHeight = blockHeight;
    return found;
}

static Pipeline LookIntoPipeline(const CommandLine &command, int depth, GDALDatasetH dataset)
{
    Pipeline found;
    int files = 0, haloBelow = 0;
    const int width = GDALGetRasterXSize(dataset);
    for (const Words &step : command.steps) {
        const std::string &name = step[0];
        if (IsOneOf(name, kRowSteps)) {
            found.rows = found.computesRows = true;
            found.halo++;
        } else if (name == "neighbors" || name == "neighbours") {
            int size = 3;
            for (size_t i = 1; i + 1 < step.size(); i++)
                if (step[i] == "--size")
                    size = atoi(step[i + 1].c_str());
            found.halo += size / 2;
        } else if (name == "reproject") {
            constexpr int kWarpBlock = 128; /* rows of a block, which is computed as a whole */
            found.warped = true;
            found.blockHeight = std::max(found.blockHeight, kWarpBlock);
        } else if (name == "pansharpen")
            found.allBands = true;
        for (const std::string &input : InputsOf(step, command.folder))
            if (files++ < kMostFiles) {
                const DatasetHandle handle(GDALOpenEx(input.c_str(), GDAL_OF_RASTER, nullptr, nullptr, nullptr));
                if (!handle)
                    continue;
                const Pipeline part = Look(handle.get(), input, depth + 1);
                Add(found, part, !found.warped && GDALGetRasterXSize(handle.get()) == width);
                haloBelow = std::max(haloBelow, part.halo);
            }
    }
    found.halo += haloBelow;
    found.allBands = found.allBands || found.warped;
    found.levels += 1 + static_cast<int>(command.steps.size());
    return found;
}

static const char *Text(const CPLXMLNode *node, const char *path, const char *otherwise = "")
{
    return CPLGetXMLValue(const_cast<CPLXMLNode *>(node), path, otherwise);
}

static bool Is(const CPLXMLNode *node, const char *name)
{
    return node->eType == CXT_Element && EQUAL(node->pszValue, name);
}

static bool IsDerived(const CPLXMLNode *band)
{
    return EQUAL(Text(band, "subClass"), "VRTDerivedRasterBand");
}

namespace
{
struct Virtual { /* a VRT file that is looked into */
    GDALDatasetH dataset;
    std::string folder;
    int depth;
    int files = 0;
    Pipeline found = {};

    void Source(const CPLXMLNode *source);
    void Band(const CPLXMLNode *band);
    bool HoldsDerived(const CPLXMLNode *tree) const;
};
} // namespace

/* GDAL before 3.12.3: does a file that is a part of this one hold derived bands? */
bool Virtual::HoldsDerived(const CPLXMLNode *tree) const
{
    for (const CPLXMLNode *node = tree; node; node = node->psNext)
        if ((Is(node, "VRTRasterBand") && IsDerived(node)) || HoldsDerived(node->psChild))
            return true;
    return false;
}

/* A source that fills but a part of a buffer. */
static bool IsPart(const CPLXMLNode *source, GDALDatasetH dataset)
{
    const CPLXMLNode *place = CPLGetXMLNode(const_cast<CPLXMLNode *>(source), "DstRect");
    return place && (CPLAtof(Text(place, "xOff")) > 0 || CPLAtof(Text(place, "xSize")) < GDALGetRasterXSize(dataset));
}

/* A derived band in a part of a buffer clears more than its part. */
static bool ClearsTooMuch()
{
    return atoi(GDALVersionInfo("VERSION_NUM")) < GDAL_COMPUTE_VERSION(3, 12, 3);
}

void Virtual::Source(const CPLXMLNode *source)
{
    const std::string name = Text(source, "SourceFilename");
    const int halo = Is(source, "KernelFilteredSource") ? atoi(Text(source, "Kernel.Size", "1")) / 2 : 0;
    found.halo = std::max(found.halo, halo);
    /* A few of them tell how to read; whether GDAL's bug is met depends on each. */
    const bool mayClear = ClearsTooMuch() && !found.oneRow && IsPart(source, dataset) &&
                          (name[0] == '<' || EQUAL(CPLGetExtension(name.c_str()), "vrt"));
    if (name.empty() || (files++ >= kMostFiles && !mayClear))
        return;
    std::string path = name;
    if (atoi(Text(source, "SourceFilename.relativeToVRT", "0")) && CPLIsFilenameRelative(name.c_str()) &&
        !folder.empty())
        path = folder + "/" + name;
    VSIStatBufL stat;
    if (name[0] != '<' && name[0] != '{' && (VSIStatL(path.c_str(), &stat) != 0 || !VSI_ISREG(stat.st_mode)))
        return;
    const DatasetHandle handle(GDALOpenEx(path.c_str(), GDAL_OF_RASTER, nullptr, nullptr, nullptr));
    if (!handle)
        return;
    const CPLXMLNode *place = CPLGetXMLNode(const_cast<CPLXMLNode *>(source), "DstRect");
    const double from = CPLAtof(Text(source, "SrcRect.ySize")), to = CPLAtof(Text(place, "ySize"));
    const bool sameWidth =
        GDALGetRasterXSize(handle.get()) == GDALGetRasterXSize(dataset) && !(place && from > 0 && from != to);
    const Pipeline part = Look(handle.get(), path, depth + 1);
    Add(found, part, sameWidth && !found.warped);
    found.halo = std::max(found.halo, halo + part.halo);
    CSLConstList text = mayClear ? GDALGetMetadata(handle.get(), "xml:VRT") : nullptr;
    if (CPLXMLNode *tree = text && text[0] ? CPLParseXMLString(text[0]) : nullptr) {
        found.oneRow = found.oneRow || HoldsDerived(tree);
        CPLDestroyXMLNode(tree);
    }
}

void Virtual::Band(const CPLXMLNode *band)
{
    const char *type = Text(band, "dataType");
    found.wide =
        found.wide || (!FN_GDAL_AT_LEAST(3, 11) && IsDerived(band) && !*Text(band, "SourceTransferType") &&
                       EQUAL(Text(band, "PixelFunctionLanguage", "C"), "C") && !strstr(type, "64") && *type != 'C');
    for (const CPLXMLNode *node = band->psChild; node; node = node->psNext)
        if (node->eType == CXT_Element && strstr(node->pszValue, "Source") &&
            CPLGetXMLNode(const_cast<CPLXMLNode *>(node), "SourceFilename"))
            Source(node);
}

static Pipeline LookIntoVirtual(const CPLXMLNode *root, GDALDatasetH dataset, const std::string &path, int depth)
{
    Virtual file = {dataset, path.find('<') == std::string::npos ? CPLGetPath(path.c_str()) : "", depth};
    Pipeline &found = file.found;
    const char *kind = Text(root, "subClass");
    found.warped = EQUAL(kind, "VRTWarpedDataset");
    found.allBands = found.warped || EQUAL(kind, "VRTPansharpenedDataset");
    found.levels = 1;
    for (const CPLXMLNode *node = root->psChild; node; node = node->psNext) {
        if (Is(node, "VRTRasterBand"))
            file.Band(node);
        else if (Is(node, "GDALWarpOptions")) { /* its input is called otherwise */
            const CPLXMLNode *name = CPLGetXMLNode(const_cast<CPLXMLNode *>(node), "SourceDataset");
            const std::string input = name ? Text(name, "") : "";
            const std::string full = atoi(Text(name, "relativeToVRT", "0")) ? file.folder + "/" + input : input;
            const DatasetHandle handle(GDALOpenEx(full.c_str(), GDAL_OF_RASTER, nullptr, nullptr, nullptr));
            if (!handle)
                continue;
            const Pipeline part = Look(handle.get(), full, depth + 1);
            Add(found, part, false);
            found.halo = std::max(found.halo, part.halo);
        }
    }
    found.levels++;
    return found;
}

static Pipeline Look(GDALDatasetH dataset, const std::string &path, int depth)
{
    GDALDriverH driver = GDALGetDatasetDriver(dataset);
    const char *name = driver ? GDALGetDriverShortName(driver) : "";
    if (depth >= kMostLevels)
        return {};
    CommandLine command;
    if (EQUAL(name, "GDALG"))
        return ReadCommandLine(path, command) ? LookIntoPipeline(command, depth, dataset) : Pipeline();
    CSLConstList text = EQUAL(name, "VRT") ? GDALGetMetadata(dataset, "xml:VRT") : nullptr;
    CPLXMLNode *tree = text && text[0] ? CPLParseXMLString(text[0]) : nullptr;
    if (!tree)
        return depth > 0 ? LookAtStored(dataset) : Pipeline(); /* a file alone: its blocks say it all */
    CPLXMLNode *root = CPLGetXMLNode(tree, "=VRTDataset");
    const Pipeline found = root ? LookIntoVirtual(root, dataset, path, depth) : Pipeline();
    CPLDestroyXMLNode(tree);
    return found;
}

Pipeline LookInto(GDALDatasetH dataset, const std::string &path)
{
    MessageCollector collector; /* what is wrong with a source, a tile will tell */
    return Look(dataset, path, 0);
}

/* ---- steps that need all pixels ---- */

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

static std::string ToName(const CommandLine &command, size_t first, size_t end, const std::string &begin)
{
    std::string line = "gdal raster pipeline" + begin;
    for (size_t i = first; i < end; i++) {
        line += i == first && begin.empty() ? "" : " !";
        for (const std::string &word : command.steps[i])
            line += " " + Quoted(&word == &command.steps[i][0] ? word : Absolute(word, command.folder));
    }
    CPLJSONObject object;
    object.Add("type", "gdal_streamed_alg");
    object.Add("command_line", line);
    object.Add("relative_paths_relative_to_this_file", false);
    return object.Format(CPLJSONObject::PrettyFormat::Plain);
}

Split SplitPipeline(const std::string &path)
{
    Split split;
    CommandLine command;
    MessageCollector collector;
    if (!FN_GDAL_AT_LEAST(3, 11) || !ReadCommandLine(path, command))
        return split;
    size_t last = 0;
    for (size_t i = 0; i < command.steps.size(); i++)
        if (IsOneOf(command.steps[i][0], kWholeSteps)) {
            split.step = command.steps[i][0];
            last = i;
        }
    if (split.step.empty())
        return split;
    size_t end = command.steps.size();
    if (command.steps[end - 1][0] == "write")
        end--;
    if (command.nested || !command.standalone.empty() || last + 1 >= end) {
        split.head = path;
        return split;
    }
    split.head = ToName(command, 0, last + 1, "");
    split.tail = ToName(command, last + 1, end, std::string(" read ") + kResult);
    return split;
}

std::shared_ptr<NamelessFile> RunHead(const Split &split, std::string *path)
{
    std::shared_ptr<NamelessFile> file = NamelessFile::Create();
    if (!file)
        return nullptr;
    const DatasetHandle head(
        GDALOpenEx(split.head.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
    if (!head)
        return nullptr;
    CPLStringList options;
    options.SetNameValue("BIGTIFF", "IF_SAFER");
    options.SetNameValue("INTERLEAVE", "BAND");
    const DatasetHandle copy(GDALCreateCopy(GDALGetDriverByName("GTiff"), file->Path().c_str(), head.get(), FALSE,
                                            options.List(), nullptr, nullptr));
    if (!copy)
        return nullptr;
    *path = file->Path();
    const size_t place = split.tail.find(kResult);
    if (place != std::string::npos) {
        *path = split.tail;
        path->replace(place, strlen(kResult), file->Path());
    }
    return file;
}

} // namespace fishnet
