#include "calc_inputs.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include <cpl_string.h>
#include <gdal_utils.h>

#include "file_names.h"
#include "gdal_compat.h"
#include "handles.h"
#include "recipe_file.h"

namespace fishnet::commands
{

/* ---- pipelines ---- */

bool IsPipeline(const std::string &text)
{
    return text.size() > 2 && text.front() == '[' && text.back() == ']';
}

bool IsUnclosedPipeline(const std::string &text)
{
    const CPLStringList words(CSLTokenizeString(text.c_str()));
    int depth = 0;
    for (int i = 0; i < words.size(); i++)
        depth += EQUAL(words[i], "[") ? 1 : EQUAL(words[i], "]") ? -1 : 0;
    return depth > 0 && EQUAL(words[0], "[");
}

static std::string Quoted(const std::string &word)
{
    if (!word.empty() && word.find_first_of(" \t\"\\'") == std::string::npos)
        return word;
    std::string quoted = "\"";
    for (const char c : word)
        quoted += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
    return quoted + "\"";
}

std::string PipelineIn(const std::string &folder, const std::string &text, const std::string &home)
{
    const CPLStringList words(CSLTokenizeString(text.c_str()));
    std::string moved;
    for (int i = 0; i < words.size(); i++) {
        const std::string word = words[i], path = folder.empty() ? word : NameIn(folder, word);
        VSIStatBufL stat;
        const bool isFile = VSIStatL(path.c_str(), &stat) == 0;
        const std::string full = isFile ? AbsoluteName(path) : word;
        const bool within = isFile && !home.empty() && full.compare(0, home.size(), home) == 0;
        moved += (i > 0 ? " " : "") + Quoted(within ? full.substr(home.size()) : full);
    }
    return moved;
}

std::string PipelineDataset(const std::string &pipeline)
{
    std::string command;
    for (const char c : pipeline.substr(1, pipeline.size() - 2))
        command += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
    return R"({"type":"gdal_streamed_alg","command_line":"gdal raster pipeline)" + command + R"("})";
}

std::vector<std::string> JoinPipelines(const std::vector<std::string> &words, bool &isClosed)
{
    std::vector<std::string> joined;
    int depth = 0;
    for (const std::string &word : words) {
        const bool opens = !word.empty() && word.back() == '[' && (word.size() == 1 || word[word.size() - 2] == '=');
        if (depth > 0)
            joined.back() += " " + (word == "[" || word == "]" || word == "!" ? word : Quoted(word));
        else
            joined.push_back(word);
        depth += opens ? 1 : word == "]" ? -1 : 0;
        depth = std::max(depth, 0);
    }
    isClosed = depth == 0;
    return joined;
}

/* ---- resolutions ---- */

namespace
{
struct Grid {
    int width = 0, height = 0;
    double transform[6] = {};
};
} // namespace

/* False: there is none that could be compared. */
static bool ReadGrid(GDALDatasetH dataset, Grid &grid)
{
    grid.width = dataset ? GDALGetRasterXSize(dataset) : 0;
    grid.height = dataset ? GDALGetRasterYSize(dataset) : 0;
    return grid.width > 0 && grid.height > 0 && GDALGetGeoTransform(dataset, grid.transform) == CE_None &&
           grid.transform[2] == 0 && grid.transform[4] == 0;
}

/* Do they have the same edges, to a thousandth of a pixel? */
static bool SameExtent(const Grid &a, const Grid &b)
{
    constexpr double kTolerance = 1e-3;
    const auto near = [](double from, double to, double pixel) {
        return std::abs(from - to) <= kTolerance * std::abs(pixel);
    };
    const double *s = a.transform, *t = b.transform;
    const double x = std::min(std::abs(s[1]), std::abs(t[1])), y = std::min(std::abs(s[5]), std::abs(t[5]));
    return near(s[0], t[0], x) && near(s[3], t[3], y) && near(s[0] + a.width * s[1], t[0] + b.width * t[1], x) &&
           near(s[3] + a.height * s[5], t[3] + b.height * t[5], y);
}

/* The raster with so many pixels, as a VRT that is its own name. Empty: GDAL has said why not. */
static std::string Repeated(GDALDatasetH dataset, int width, int height)
{
    CPLStringList words(CSLTokenizeString2(CPLSPrintf("-of VRT -r nearest -outsize %d %d", width, height), " ", 0));
    const std::unique_ptr<GDALTranslateOptions, void (*)(GDALTranslateOptions *)> options(
        GDALTranslateOptionsNew(words.List(), nullptr), GDALTranslateOptionsFree);
    const DatasetHandle vrt(options ? GDALTranslate("", dataset, options.get(), nullptr) : nullptr);
    const char *const *xml = vrt ? GDALGetMetadata(vrt.get(), "xml:VRT") : nullptr;
    return xml && xml[0] ? xml[0] : "";
}

/* NULL, and silent: the driver opens it again, and complains. */
static DatasetHandle OpenQuietly(const CalcDataset &dataset)
{
    CPLStringList options;
    for (const std::string &option : dataset.openOptions)
        options.AddString(option.c_str());
    const MessageCollector collector;
    return DatasetHandle(GDALOpenEx(dataset.name.c_str(), GDAL_OF_RASTER, nullptr, options.List(), nullptr));
}

/* The grid that all of them divide. False: they have no such grid, or it is too fine. */
static bool FindCommonGrid(const std::vector<CalcDataset> &datasets, std::vector<Grid> &grids, int &width, int &height)
{
    constexpr int64_t kMostTimes = 4; /* as many pixels as the finest has, in each direction */
    int64_t commonWidth = 1, commonHeight = 1, mostWide = 1, mostHigh = 1;
    for (const CalcDataset &dataset : datasets) { /* one is open at a time: there may be many */
        Grid grid;
        if (!ReadGrid(OpenQuietly(dataset).get(), grid) || (!grids.empty() && !SameExtent(grids[0], grid)))
            return false;
        grids.push_back(grid);
        mostWide = std::max<int64_t>(mostWide, grid.width);
        mostHigh = std::max<int64_t>(mostHigh, grid.height);
        commonWidth = std::lcm(commonWidth, static_cast<int64_t>(grid.width));
        commonHeight = std::lcm(commonHeight, static_cast<int64_t>(grid.height));
        if (commonWidth > INT32_MAX || commonHeight > INT32_MAX)
            return false;
    }
    width = static_cast<int>(commonWidth);
    height = static_cast<int>(commonHeight);
    return commonWidth <= kMostTimes * mostWide && commonHeight <= kMostTimes * mostHigh;
}

std::string MatchResolutions(std::vector<CalcDataset> &datasets)
{
    std::vector<Grid> grids;
    int width = 0, height = 0;
    std::string done;
    if (!FindCommonGrid(datasets, grids, width, height))
        return {};
    for (size_t i = 0; i < datasets.size(); i++) {
        if (grids[i].width == width && grids[i].height == height)
            continue;
        const DatasetHandle dataset = OpenQuietly(datasets[i]);
        const std::string name = dataset ? Repeated(dataset.get(), width, height) : std::string();
        if (name.empty())
            return {};
        done +=
            (done.empty() ? "" : ", ") + datasets[i].said + CPLSPrintf(" (%d x %d)", grids[i].width, grids[i].height);
        datasets[i].name = name;
        datasets[i].openOptions.clear();
    }
    return done.empty() ? "" : CPLSPrintf("%d x %d pixels are computed, and those repeated of ", width, height) + done;
}

} // namespace fishnet::commands
