#include "mosaic.h"

#include <algorithm>
#include <cstring>
#include <map>

#include <cpl_minixml.h>
#include <ogrsf_frmts.h>

#include "handles.h"
#include "output_folder.h"

namespace fishnet
{

struct FreeXML {
    void operator()(CPLXMLNode *node) const { CPLDestroyXMLNode(node); }
};
using XML = std::unique_ptr<CPLXMLNode, FreeXML>;

/* ---- the raster without its pixels ---- */

static void CopyDomains(GDALMajorObject *from, GDALMajorObject *to)
{
    const CPLStringList domains(from->GetMetadataDomainList());
    for (int i = 0; i < domains.size(); i++) {
        const char *domain = domains[i];
        if (EQUAL(domain, "FISHNET") || EQUAL(domain, "DERIVED_SUBDATASETS") || EQUAL(domain, "IMAGE_STRUCTURE"))
            continue;
        if (FN_CSL items = from->GetMetadata(domain))
            to->SetMetadata(items, domain);
    }
}

/* A VRT of the dataset: georeference, bands and masks as GDAL describes them. NULL after CPLError. */
static XML Describe(GDALDataset *computed, int64_t count, const std::vector<std::string> &failures)
{
    GDALDriver *driver = GetGDALDriverManager()->GetDriverByName("VRT");
    const std::unique_ptr<GDALDataset> vrt(driver ? driver->CreateCopy("", computed, FALSE, nullptr, nullptr, nullptr)
                                                  : nullptr);
    if (!vrt)
        return nullptr;
    CopyDomains(computed, vrt.get());
    for (int i = 1; i <= vrt->GetRasterCount(); i++)
        CopyDomains(computed->GetRasterBand(i), vrt->GetRasterBand(i));
    CPLStringList report;
    report.SetNameValue("TILES", std::to_string(count).c_str());
    report.SetNameValue("TILES_FAILED", std::to_string(failures.size()).c_str());
    for (size_t i = 0; i < failures.size(); i++)
        report.SetNameValue(("TILE_FAILED_" + std::to_string(i + 1)).c_str(), failures[i].c_str());
    vrt->SetMetadata(report.List(), "FISHNET");
    /* A CRS that PROJ cannot write, because its database cannot be read, is left out with an error that nobody else
     * asks for. */
    CPLErrorReset();
    CSLConstList xml = vrt->GetMetadata("xml:VRT");
    XML tree(xml && *xml && CPLGetLastErrorType() < CE_Failure ? CPLParseXMLString(*xml) : nullptr);
    return tree && computed->GetSpatialRef() && !CPLGetXMLNode(tree.get(), "=VRTDataset.SRS") ? nullptr
                                                                                              : std::move(tree);
}

/* ---- nodes ---- */

static CPLXMLNode *AddElement(CPLXMLNode *parent, const char *name, const std::string &value)
{
    return CPLCreateXMLElementAndValue(parent, name, value.c_str());
}

static void AddAttribute(CPLXMLNode *node, const char *name, const std::string &value)
{
    CPLAddXMLAttributeAndValue(node, name, value.c_str());
}

static bool IsElement(const CPLXMLNode *node, const char *name)
{
    return node->eType == CXT_Element && EQUAL(node->pszValue, name);
}

static bool IsSource(const CPLXMLNode *node)
{
    return IsElement(node, "SimpleSource") || IsElement(node, "ComplexSource");
}

/* ---- VRT ---- */

namespace
{
/* How a tile's file is laid out: by its size, since tiles of one size are alike. */
struct Layout {
    std::vector<std::string> types; /* of its bands */
    int blockWidth = 0, blockHeight = 0;
};

class VRTWriter
{
  public:
    VRTWriter(const TileSet &tiles, std::string prefix) : m_tiles(tiles), m_prefix(std::move(prefix)) {}

    /* Opens a tile of each size. False after CPLError. */
    bool Look();
    /* Puts the tiles in the place of the sources of all bands, and of masks in them. */
    void Replace(CPLXMLNode *node);
    /* Gives a band the blocks of the tiles where they have some, or GDAL's usual ones. */
    void SetBlocks(CPLXMLNode *band) const;

  private:
    CPLXMLNode *Source(int64_t tile, const char *band) const;

    const TileSet &m_tiles;
    std::string m_prefix; /* of file names, as seen from the VRT */
    std::map<std::pair<int64_t, int64_t>, Layout> m_layouts;
};
} // namespace

bool VRTWriter::Look()
{
    for (int64_t tile = 0; tile < m_tiles.Count(); tile++) {
        const fn_window window = m_tiles.Window(tile);
        const std::pair<int64_t, int64_t> size(window.width, window.height);
        if (m_layouts.count(size))
            continue;
        const std::string name = m_tiles.folder + "/" + m_tiles.File(tile);
        const DatasetHandle file(
            GDALOpenEx(name.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
        if (!file)
            return false;
        Layout &layout = m_layouts[size];
        for (int band = 1; band <= GDALGetRasterCount(file.get()); band++)
            layout.types.emplace_back(GDALGetDataTypeName(GDALGetRasterDataType(GDALGetRasterBand(file.get(), band))));
        GDALGetBlockSize(GDALGetRasterBand(file.get(), 1), &layout.blockWidth, &layout.blockHeight);
    }
    return true;
}

CPLXMLNode *VRTWriter::Source(int64_t tile, const char *band) const
{
    const fn_window window = m_tiles.Window(tile);
    const Layout &layout = m_layouts.at({window.width, window.height});
    const bool mask = STARTS_WITH(band, "mask");
    const size_t number = mask ? 0 : static_cast<size_t>(std::max(1, atoi(band)));
    const std::string width = std::to_string(window.width), height = std::to_string(window.height);
    CPLXMLNode *source = CPLCreateXMLNode(nullptr, CXT_Element, "SimpleSource");
    AddAttribute(AddElement(source, "SourceFilename", m_prefix + m_tiles.File(tile)), "relativeToVRT", "1");
    AddElement(source, "SourceBand", band);
    CPLXMLNode *properties = CPLCreateXMLNode(source, CXT_Element, "SourceProperties");
    AddAttribute(properties, "RasterXSize", width);
    AddAttribute(properties, "RasterYSize", height);
    AddAttribute(properties, "DataType", mask || number > layout.types.size() ? "Byte" : layout.types[number - 1]);
    AddAttribute(properties, "BlockXSize", std::to_string(layout.blockWidth));
    AddAttribute(properties, "BlockYSize", std::to_string(layout.blockHeight));
    CPLXMLNode *from = CPLCreateXMLNode(source, CXT_Element, "SrcRect");
    CPLXMLNode *to = CPLCreateXMLNode(source, CXT_Element, "DstRect");
    for (CPLXMLNode *rectangle : {from, to}) {
        AddAttribute(rectangle, "xOff", rectangle == from ? "0" : std::to_string(window.x));
        AddAttribute(rectangle, "yOff", rectangle == from ? "0" : std::to_string(window.y));
        AddAttribute(rectangle, "xSize", width);
        AddAttribute(rectangle, "ySize", height);
    }
    return source;
}

void VRTWriter::Replace(CPLXMLNode *node)
{
    if (IsElement(node, "VRTRasterBand"))
        SetBlocks(node);
    CPLXMLNode **link = &node->psChild;
    while (*link && !IsSource(*link)) {
        Replace(*link);
        link = &(*link)->psNext;
    }
    if (!*link)
        return;
    CPLXMLNode *rest = (*link)->psNext;
    (*link)->psNext = nullptr;
    const XML old(*link);
    const std::string band = CPLGetXMLValue(old.get(), "SourceBand", "1");
    for (int64_t tile = 0; tile < m_tiles.Count(); tile++) {
        *link = Source(tile, band.c_str());
        link = &(*link)->psNext;
    }
    *link = rest;
    for (CPLXMLNode *other = rest; other; other = other->psNext)
        Replace(other);
}

void VRTWriter::SetBlocks(CPLXMLNode *band) const
{
    constexpr int kUsual = 256, kMost = 2048;
    const fn_window window = m_tiles.Window(0);
    const Layout &layout = m_layouts.at({window.width, window.height});
    const bool blocks = layout.blockWidth < window.width && layout.blockWidth <= kMost && layout.blockHeight <= kMost;
    CPLSetXMLValue(band, "#blockXSize", std::to_string(blocks ? layout.blockWidth : kUsual).c_str());
    CPLSetXMLValue(band, "#blockYSize", std::to_string(blocks ? layout.blockHeight : kUsual).c_str());
}

static std::string FolderPrefix(const TileSet &tiles)
{
    return tiles.folder.substr(tiles.folder.rfind('/') + 1) + "/";
}

static std::string ToText(CPLXMLNode *root)
{
    char *text = CPLSerializeXMLTree(root);
    const std::string copy = text;
    CPLFree(text);
    return copy;
}

static bool WriteVRT(const TileSet &tiles, CPLXMLNode *root, const std::string &output)
{
    VRTWriter writer(tiles, FolderPrefix(tiles));
    if (!writer.Look())
        return false;
    writer.Replace(root);
    return output::WriteWhole("FISHNET", output, ToText(root));
}

/* ---- tile index ---- */

#if FN_GDAL_AT_LEAST(3, 9)
static bool WriteIndex(const TileSet &tiles, GDALDataset *computed, const double *gt)
{
    output::PartFolder part("FISHNET", tiles.folder, "index");
    GDALDriver *driver = GetGDALDriverManager()->GetDriverByName("FlatGeobuf");
    if (!part.Make())
        return false;
    std::unique_ptr<GDALDataset> index(
        driver->Create((part.Path() + "/" + kIndexName).c_str(), 0, 0, 0, GDT_Unknown, nullptr));
    OGRLayer *layer =
        index ? index->CreateLayer("index", const_cast<OGRSpatialReference *>(computed->GetSpatialRef()), wkbPolygon)
              : nullptr;
    OGRFieldDefn location("location", OFTString);
    bool ok = layer && layer->CreateField(&location) == OGRERR_NONE;
    for (int64_t tile = 0; ok && tile < tiles.Count(); tile++) {
        const fn_window w = tiles.Window(tile);
        const double left = gt[0] + static_cast<double>(w.x) * gt[1], top = gt[3] + static_cast<double>(w.y) * gt[5];
        const double right = gt[0] + static_cast<double>(w.x + w.width) * gt[1];
        const double bottom = gt[3] + static_cast<double>(w.y + w.height) * gt[5];
        auto *ring = new OGRLinearRing();
        ring->addPoint(left, top);
        ring->addPoint(right, top);
        ring->addPoint(right, bottom);
        ring->addPoint(left, bottom);
        ring->closeRings();
        OGRPolygon polygon;
        polygon.addRingDirectly(ring);
        OGRFeature feature(layer->GetLayerDefn());
        feature.SetField(0, (FolderPrefix(tiles) + tiles.File(tile)).c_str());
        feature.SetGeometry(&polygon);
        ok = layer->CreateFeature(&feature) == OGRERR_NONE;
    }
    if (ok) {
        CPLErrorReset();
        index.reset(); /* what fails now says so with a message alone */
        ok = CPLGetLastErrorType() < CE_Failure;
    }
    return ok && part.Publish(kIndexName);
}

/* Bands, metadata and CRS are written as in a VRT. */
static bool WriteGTI(const TileSet &tiles, GDALDataset *computed, CPLXMLNode *vrt, const std::string &output)
{
    double gt[6];
    if (GDALGetGeoTransform(GDALDataset::ToHandle(computed), gt) != CE_None || !WriteIndex(tiles, computed, gt))
        return false;
    const XML root(CPLCreateXMLNode(nullptr, CXT_Element, "GDALTileIndexDataset"));
    /* Before GDAL 3.13 a relative name would be of the current folder. */
    const std::string prefix = FN_GDAL_AT_LEAST(3, 13) ? FolderPrefix(tiles) : tiles.folder + "/";
    AddElement(root.get(), "IndexDataset", prefix + kIndexName);
    AddElement(root.get(), "IndexLayer", "index");
    AddElement(root.get(), "LocationField", "location");
    if (const CPLXMLNode *srs = CPLGetXMLNode(vrt, "SRS")) {
        CPLXMLNode *copy = CPLCloneXMLTree(srs);
        CPLDestroyXMLNode(copy->psNext);
        copy->psNext = nullptr;
        CPLAddXMLChild(root.get(), copy);
    }
    std::string geoTransform;
    for (int i = 0; i < 6; i++)
        geoTransform += CPLSPrintf("%s%.17g", i ? ", " : "", gt[i]);
    AddElement(root.get(), "GeoTransform", geoTransform);
    AddElement(root.get(), "XSize", std::to_string(computed->GetRasterXSize()));
    AddElement(root.get(), "YSize", std::to_string(computed->GetRasterYSize()));
    bool mask = false;
    for (CPLXMLNode *child = vrt->psChild; child;) {
        CPLXMLNode *next = child->psNext;
        mask = mask || IsElement(child, "MaskBand");
        if (IsElement(child, "Metadata") || IsElement(child, "VRTRasterBand")) {
            CPLRemoveXMLChild(vrt, child);
            if (IsElement(child, "VRTRasterBand")) {
                CPLFree(child->pszValue);
                child->pszValue = CPLStrdup("Band");
                for (CPLXMLNode *part = child->psChild; part;) {
                    CPLXMLNode *after = part->psNext;
                    const bool known = part->eType != CXT_Attribute || EQUAL(part->pszValue, "dataType") ||
                                       EQUAL(part->pszValue, "band");
                    if (IsSource(part) || IsElement(part, "MaskBand") || !known) {
                        CPLRemoveXMLChild(child, part);
                        CPLDestroyXMLNode(part);
                    }
                    part = after;
                }
            }
            CPLAddXMLChild(root.get(), child);
        }
        child = next;
    }
    if (mask)
        AddElement(root.get(), "MaskBand", "true");
    return output::WriteWhole("FISHNET", output, ToText(root.get()));
}
#endif

bool CanBeMosaic(MosaicKind kind, GDALDataset *computed)
{
    if (kind == MosaicKind::vrt)
        return true;
#if FN_GDAL_AT_LEAST(3, 9)
    double gt[6] = {0, 1, 0, 0, 0, 1};
    if (!GetGDALDriverManager()->GetDriverByName("GTI") || !GetGDALDriverManager()->GetDriverByName("FlatGeobuf")) {
        CPLError(CE_Failure, CPLE_NotSupported, "FISHNET: MOSAIC=GTI needs the drivers GTI and FlatGeobuf of GDAL");
        return false;
    }
    if (GDALGetGeoTransform(GDALDataset::ToHandle(computed), gt) != CE_None || !(gt[1] > 0) || !(gt[5] < 0) ||
        std::abs(gt[2]) > 0 || std::abs(gt[4]) > 0) {
        CPLError(CE_Failure, CPLE_NotSupported,
                 "FISHNET: MOSAIC=GTI: tiles are found by their coordinates, so a geotransform without rotation, north "
                 "up, is needed. MOSAIC=VRT needs none");
        return false;
    }
    return true;
#else
    (void)computed; /* the option was refused */
    return false;
#endif
}

bool WriteMosaic(MosaicKind kind, const TileSet &tiles, GDALDataset *computed, const std::string &output,
                 const std::vector<std::string> &failures)
{
    const XML tree = Describe(computed, tiles.Count(), failures);
    CPLXMLNode *root = CPLGetXMLNode(tree.get(), "=VRTDataset");
    if (!root) {
        CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: GDAL describes no VRT for %s", output.c_str());
        return false;
    }
#if FN_GDAL_AT_LEAST(3, 9)
    if (kind == MosaicKind::gti)
        return WriteGTI(tiles, computed, root, output);
#else
    (void)kind;
#endif
    return WriteVRT(tiles, root, output);
}

} // namespace fishnet
