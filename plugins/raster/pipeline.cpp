#include "pipeline.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>

#include <cpl_minixml.h>
#include <cpl_string.h>

#include "command_line.h"
#include "gdal_compat.h"
#include "handles.h"

namespace fishnet
{

/* Steps that compute a row from the rows around it, row by row. */
static constexpr std::array<const char *, 6> kRowSteps = {"slope", "hillshade", "aspect", "roughness", "tpi", "tri"};

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
    whole.remote.Add(part.remote);
}

static Pipeline LookAtStored(GDALDatasetH dataset, const std::string &path)
{
    Pipeline found;
    if (GDALGetRasterCount(dataset) == 0)
        return found;
    if (IsRemote(dataset, path))
        found.remote = RemoteStorage::Of(dataset, path);
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
        return depth > 0 ? LookAtStored(dataset, path) : Pipeline(); /* a file alone: its blocks say it all */
    CPLXMLNode *root = CPLGetXMLNode(tree, "=VRTDataset");
    Pipeline found = root ? LookIntoVirtual(root, dataset, path, depth) : Pipeline();
    if (root && depth == 0)
        found.sources = VrtSources::Of(root, dataset, path);
    CPLDestroyXMLNode(tree);
    return found;
}

Pipeline LookInto(GDALDatasetH dataset, const std::string &path)
{
    MessageCollector collector; /* what is wrong with a source, a tile will tell */
    Pipeline found = Look(dataset, path, 0);
    GDALDriverH driver = GDALGetDatasetDriver(dataset);
    found.isStored = driver && EQUAL(GDALGetDriverShortName(driver), "GTiff");
    if (!found.remote.is && IsRemote(dataset, path))
        found.remote = RemoteStorage::Of(dataset, path);
    return found;
}

} // namespace fishnet
