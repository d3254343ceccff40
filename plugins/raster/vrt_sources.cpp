#include "vrt_sources.h"

#include <algorithm>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <unordered_map>

#include <sys/stat.h>

#include <cpl_conv.h>
#include <cpl_string.h>

#include "block_reader.h"
#include "pixels.h"

namespace fishnet
{

/* Elements of a VRT that say nothing about how pixels are made. */
static constexpr std::array<const char *, 7> kOfDataset = {"SRS",        "GeoTransform", "GCPList",     "Metadata",
                                                           "BlockXSize", "BlockYSize",   "OverviewList"};
static constexpr std::array<const char *, 13> kOfBand = {"MaskBand",
                                                         "Overview",
                                                         "Description",
                                                         "NoDataValue",
                                                         "UnitType",
                                                         "Offset",
                                                         "Scale",
                                                         "ColorInterp",
                                                         "ColorTable",
                                                         "CategoryNames",
                                                         "Histograms",
                                                         "Metadata",
                                                         "GDALRasterAttributeTable"};
/* Those of a source that are read here; SourceProperties repeats what the file says. */
static constexpr std::array<const char *, 6> kOfSource = {"SourceFilename", "SourceBand", "SourceProperties",
                                                          "SrcRect",        "DstRect",    "NODATA"};

template <size_t N> static bool IsIn(const CPLXMLNode *node, const std::array<const char *, N> &names)
{
    return std::any_of(names.begin(), names.end(), [&](const char *name) { return EQUAL(node->pszValue, name); });
}

static const char *Text(const CPLXMLNode *node, const char *path, const char *otherwise = "")
{
    return CPLGetXMLValue(const_cast<CPLXMLNode *>(node), path, otherwise);
}

static bool IsWhole(const char *text, double least, int64_t &value)
{
    const double number = text ? CPLAtof(text) : -1;
    if (!(number >= least && number <= INT_MAX) || number != std::floor(number))
        return false;
    value = static_cast<int64_t>(number);
    return true;
}

/* Whole pixels? */
static bool TakeWindow(const CPLXMLNode *source, const char *name, fn_window &window)
{
    const CPLXMLNode *node = CPLGetXMLNode(const_cast<CPLXMLNode *>(source), name);
    return node && IsWhole(Text(node, "xOff", nullptr), 0, window.x) &&
           IsWhole(Text(node, "yOff", nullptr), 0, window.y) &&
           IsWhole(Text(node, "xSize", nullptr), 1, window.width) &&
           IsWhole(Text(node, "ySize", nullptr), 1, window.height);
}

/* The file of a source, absolute; empty where the name may mean something else. */
static std::string FileOf(const CPLXMLNode *source, const std::string &folder)
{
    const std::string name = Text(source, "SourceFilename");
    if (name.empty() || name.find_first_of(":<{?") != std::string::npos ||
        (STARTS_WITH(name.c_str(), "/vsi") && !STARTS_WITH(name.c_str(), "/vsimem/")))
        return "";
    if (!CPLIsFilenameRelative(name.c_str()))
        return name;
    return atoi(Text(source, "SourceFilename.relativeToVRT", "0")) ? folder + "/" + name : "";
}

/* What GDAL compares pixels of such a type with, and how. False: nothing that all its versions agree on. */
static bool TakeNoData(const char *text, fn_type type, VrtSources::Source &source)
{
    using Skip = VrtSources::Skip;
    if (!text)
        return true;
    double value = CPLAtofM(text);
    source.nodata = value;
    if (std::isnan(value)) {
        source.skip = type == FN_FLOAT32 || type == FN_FLOAT64 ? Skip::kNaN : Skip::kNone;
        return true;
    }
    const auto skipIf = [&](double least, double most) {
        const bool isInRange = value >= least && value <= most;
        source.skip = isInRange ? Skip::kEqual : Skip::kNone;
        return !isInRange || value == std::floor(value);
    };
    switch (type) {
    case FN_UINT8:
        return skipIf(0, UINT8_MAX);
    case FN_INT16:
        return skipIf(INT16_MIN, INT16_MAX);
    case FN_UINT16:
        return skipIf(0, UINT16_MAX);
    case FN_FLOAT32: {
        constexpr double kMost = FLT_MAX;
        if (std::fabs(std::fabs(value) - kMost) < 1e-10 * kMost)
            source.nodata = value = std::copysign(kMost, value);
        source.skip = std::isinf(value) || std::fabs(value) <= kMost ? Skip::kClose : Skip::kNone;
        return true;
    }
    default:
        source.skip = Skip::kClose;
        return true;
    }
}

/* A pixel where no source is. */
static std::array<char, sizeof(double)> FillOf(GDALRasterBandH band, fn_type type)
{
    std::array<char, sizeof(double)> fill = {};
    int set = FALSE;
    const double value = GDALGetRasterNoDataValue(band, &set);
    if (set && value != 0) /* -0 is filled with 0, too */
        GDALCopyWords(&value, GDT_Float64, 0, fill.data(), TypeInMemory(type), 0, 1);
    return fill;
}

/* ---- which sources a window has ---- */

static void Index(VrtSources::Band &band, int64_t width, int64_t height)
{
    constexpr int kLeast = 64;
    int64_t cellWidth = kLeast, cellHeight = kLeast;
    for (const VrtSources::Source &source : band.sources) {
        cellWidth = std::max(cellWidth, std::min(source.place.width, width));
        cellHeight = std::max(cellHeight, std::min(source.place.height, height));
    }
    const auto most = static_cast<double>(4 * band.sources.size() + 16);
    while (static_cast<double>(width) / static_cast<double>(cellWidth) * static_cast<double>(height) /
               static_cast<double>(cellHeight) >
           most)
        cellWidth = std::min(2 * cellWidth, width), cellHeight = std::min(2 * cellHeight, height);
    fn_grid_init(&band.cells, width, height, static_cast<int>(cellWidth), static_cast<int>(cellHeight), nullptr);
    const auto visit = [&](const auto &what) {
        for (uint32_t i = 0; i < band.sources.size(); i++) {
            const fn_window own = fn_window_overlap(band.sources[i].place, {0, 0, width, height});
            const fn_window touched = own.width > 0 ? fn_grid_touch(&band.cells, own) : own;
            for (int64_t row = touched.y; row < touched.y + touched.height; row++)
                for (int64_t column = touched.x; column < touched.x + touched.width; column++)
                    what(static_cast<size_t>(row * band.cells.cols + column), i);
        }
    };
    band.begin.assign(static_cast<size_t>(fn_grid_tile_count(&band.cells)) + 1, 0);
    visit([&](size_t cell, uint32_t) { band.begin[cell + 1]++; });
    for (size_t cell = 1; cell < band.begin.size(); cell++)
        band.begin[cell] += band.begin[cell - 1];
    std::vector<size_t> next = band.begin;
    band.inCell.resize(band.begin.back());
    visit([&](size_t cell, uint32_t i) { band.inCell[next[cell]++] = i; });
}

std::vector<uint32_t> VrtSources::Band::Touching(const fn_window &window) const
{
    std::vector<uint32_t> found;
    const fn_window touched = fn_grid_touch(&cells, window);
    for (int64_t row = touched.y; row < touched.y + touched.height; row++)
        for (int64_t column = touched.x; column < touched.x + touched.width; column++) {
            const auto cell = static_cast<size_t>(row * cells.cols + column);
            for (size_t i = begin[cell]; i < begin[cell + 1]; i++)
                if (fn_window_overlap(sources[inCell[i]].place, window).width > 0)
                    found.push_back(inCell[i]);
        }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

/* ---- which VRTs ---- */

/* Is it one band of a file, pixel for pixel? file: its name. */
static bool TakeSource(const CPLXMLNode *node, fn_type type, const std::string &folder, VrtSources::Source &source,
                       std::string &file)
{
    const bool isComplex = EQUAL(node->pszValue, "ComplexSource");
    if (!isComplex && !EQUAL(node->pszValue, "SimpleSource"))
        return false;
    for (const CPLXMLNode *part = node->psChild; part; part = part->psNext)
        if (part->eType == CXT_Attribute ? !EQUAL(part->pszValue, "name")
                                         : part->eType == CXT_Element && !IsIn(part, kOfSource))
            return false;
    fn_window from = {};
    int64_t band = 0;
    file = FileOf(node, folder);
    if (file.empty() || !TakeWindow(node, "SrcRect", from) || !TakeWindow(node, "DstRect", source.place) ||
        from.width != source.place.width || from.height != source.place.height ||
        !IsWhole(Text(node, "SourceBand", "1"), 1, band) ||
        !TakeNoData(isComplex ? Text(node, "NODATA", nullptr) : nullptr, type, source))
        return false;
    source.x = from.x;
    source.y = from.y;
    source.band = static_cast<int>(band);
    return true;
}

bool VrtSources::TakeBand(const CPLXMLNode *tree, GDALDatasetH dataset, const std::string &folder)
{
    GDALRasterBandH handle = GDALGetRasterBand(dataset, static_cast<int>(m_bands.size()) + 1);
    Band band;
    band.type = handle ? FromGDAL(handle) : FN_TYPE_COUNT;
    const bool isTaken = band.type == FN_UINT8 || band.type == FN_UINT16 || band.type == FN_INT16 ||
                         band.type == FN_UINT32 || band.type == FN_INT32 || band.type == FN_FLOAT32 ||
                         band.type == FN_FLOAT64;
    const char *kind = Text(tree, "subClass");
    if (!isTaken || GDALGetMetadataItem(handle, "NBITS", "IMAGE_STRUCTURE") ||
        (*kind && !EQUAL(kind, "VRTSourcedRasterBand")))
        return false;
    band.fill = FillOf(handle, band.type);
    std::unordered_map<std::string, uint32_t> known;
    for (uint32_t i = 0; i < m_files.size(); i++)
        known.emplace(m_files[i], i);
    for (const CPLXMLNode *node = tree->psChild; node; node = node->psNext) {
        if (node->eType != CXT_Element || IsIn(node, kOfBand))
            continue;
        Source source = {};
        std::string file;
        if (!TakeSource(node, band.type, folder, source, file))
            return false;
        source.file = known.emplace(file, static_cast<uint32_t>(known.size())).first->second;
        if (source.file == m_files.size())
            m_files.push_back(file);
        band.sources.push_back(source);
    }
    m_bands.push_back(std::move(band));
    return !m_bands.back().sources.empty();
}

bool VrtSources::Take(const CPLXMLNode *root, GDALDatasetH dataset, const std::string &folder)
{
    if (*Text(root, "subClass"))
        return false;
    for (const CPLXMLNode *node = root->psChild; node; node = node->psNext) {
        if (node->eType != CXT_Element || IsIn(node, kOfDataset) || EQUAL(node->pszValue, "MaskBand"))
            continue;
        if (!EQUAL(node->pszValue, "VRTRasterBand") || !TakeBand(node, dataset, folder))
            return false;
    }
    return !m_bands.empty() && m_bands.size() <= 64 && BandCount() == GDALGetRasterCount(dataset);
}

fn_grid VrtSources::UnitsOf(const fn_grid &blocks)
{
    constexpr int64_t kPixels = 1 << 16; /* together, where a block is the width of the file */
    const int64_t pixels = int64_t(blocks.tile_width) * blocks.tile_height;
    const int64_t together = blocks.cols == 1 ? std::clamp<int64_t>(kPixels / pixels, 1, blocks.rows) : 1;
    fn_grid units = {};
    fn_grid_init(&units, blocks.width, blocks.height, blocks.tile_width,
                 static_cast<int>(together) * blocks.tile_height, nullptr);
    return units;
}

/* Can the first file be read past GDAL? */
bool VrtSources::LooksPlain()
{
    const std::unique_ptr<BlockReader> first =
        GDALGetDriverByName("GTiff") ? BlockReader::OpenFile(m_files[0]) : nullptr;
    if (!first || first->Type() != m_bands[0].type)
        return false;
    m_units = UnitsOf(first->Grid());
    return true;
}

void VrtSources::Compare()
{
    const Band &first = m_bands[0];
    for (const Band &band : m_bands)
        m_alike = m_alike && band.type == first.type &&
                  std::equal(band.sources.begin(), band.sources.end(), first.sources.begin(), first.sources.end(),
                             [](const Source &a, const Source &b) {
                                 return a.file == b.file && a.x == b.x && a.y == b.y && a.place.x == b.place.x &&
                                        a.place.y == b.place.y && a.place.width == b.place.width &&
                                        a.place.height == b.place.height;
                             });
}

std::shared_ptr<const VrtSources> VrtSources::Of(const CPLXMLNode *root, GDALDatasetH dataset, const std::string &path)
{
    const bool isMemory = STARTS_WITH(path.c_str(), "/vsimem/"), isText = path[0] == '<';
    struct stat status;
    /* GDAL looks for sources where a link leads to. */
    if (!isText && (path[0] != '/' || (!isMemory && (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)))))
        return nullptr;
    auto own = std::make_shared<VrtSources>();
    if (!own->Take(root, dataset, isText ? "" : CPLGetPath(path.c_str())) || !own->LooksPlain())
        return nullptr;
    own->Compare();
    for (Band &band : own->m_bands)
        Index(band, GDALGetRasterXSize(dataset), GDALGetRasterYSize(dataset));
    return own;
}

} // namespace fishnet
