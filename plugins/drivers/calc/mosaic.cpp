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

/* Before GDAL 3.13 a relative name of an index would be of the current folder. */
static constexpr bool kMovableIndex = FN_GDAL_AT_LEAST(3, 13);

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

/* A VRT of the dataset: georeference, bands and masks as GDAL describes them. Past GDALDriver::CreateCopy(), which
 * says that all of it is about to be read: nothing is. NULL after CPLError. */
static XML Describe(GDALDataset *computed, int64_t count, const std::vector<std::string> &failures)
{
    GDALDriver *driver = GetGDALDriverManager()->GetDriverByName("VRT");
    const std::unique_ptr<GDALDataset> vrt(
        driver ? driver->pfnCreateCopy("", computed, FALSE, nullptr, GDALDummyProgress, nullptr) : nullptr);
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
/* A file of the mosaic and its place: a tile, or an index over all of them. */
struct Piece {
    std::string file; /* in the folder of the tiles */
    fn_window window;
};

/* How a piece's file is laid out: by its size, since tiles of one size are alike. */
struct Layout {
    std::vector<std::string> types; /* of its bands */
    int blockWidth = 0, blockHeight = 0;
};

class VRTWriter
{
  public:
    VRTWriter(std::vector<Piece> pieces, std::string folder) : m_pieces(std::move(pieces)), m_folder(std::move(folder))
    {
    }

    /* Opens a piece of each size. False after CPLError. */
    bool Look();
    /* Puts the pieces in the place of the sources of all bands, and of masks in them. */
    void Replace(CPLXMLNode *node);
    /* Gives a band the blocks of the pieces where they have some, or GDAL's usual ones. */
    void SetBlocks(CPLXMLNode *band) const;

  private:
    CPLXMLNode *Source(const Piece &piece, const char *band) const;

    std::vector<Piece> m_pieces;
    std::string m_folder; /* of the tiles; the VRT is beside it */
    std::map<std::pair<int64_t, int64_t>, Layout> m_layouts;
};
} // namespace

bool VRTWriter::Look()
{
    for (const Piece &piece : m_pieces) {
        const std::pair<int64_t, int64_t> size(piece.window.width, piece.window.height);
        if (m_layouts.count(size))
            continue;
        const std::string name = m_folder + "/" + piece.file;
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

static std::string LastPart(const std::string &path)
{
    return path.substr(path.rfind('/') + 1);
}

CPLXMLNode *VRTWriter::Source(const Piece &piece, const char *band) const
{
    const fn_window &window = piece.window;
    const Layout &layout = m_layouts.at({window.width, window.height});
    const bool mask = STARTS_WITH(band, "mask");
    const size_t number = mask ? 0 : static_cast<size_t>(std::max(1, atoi(band)));
    const std::string width = std::to_string(window.width), height = std::to_string(window.height);
    CPLXMLNode *source = CPLCreateXMLNode(nullptr, CXT_Element, "SimpleSource");
    AddAttribute(AddElement(source, "SourceFilename", LastPart(m_folder) + "/" + piece.file), "relativeToVRT", "1");
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
    for (const Piece &piece : m_pieces) {
        *link = Source(piece, band.c_str());
        link = &(*link)->psNext;
    }
    *link = rest;
    for (CPLXMLNode *other = rest; other; other = other->psNext)
        Replace(other);
}

void VRTWriter::SetBlocks(CPLXMLNode *band) const
{
    constexpr int kUsual = 256, kMost = 2048;
    const fn_window &window = m_pieces[0].window;
    const Layout &layout = m_layouts.at({window.width, window.height});
    const bool blocks = layout.blockWidth < window.width && layout.blockWidth <= kMost && layout.blockHeight <= kMost;
    CPLSetXMLValue(band, "#blockXSize", std::to_string(blocks ? layout.blockWidth : kUsual).c_str());
    CPLSetXMLValue(band, "#blockYSize", std::to_string(blocks ? layout.blockHeight : kUsual).c_str());
}

static std::string ToText(CPLXMLNode *root)
{
    char *text = CPLSerializeXMLTree(root);
    const std::string copy = text;
    CPLFree(text);
    return copy;
}

static bool WriteVRT(std::vector<Piece> pieces, const std::string &folder, CPLXMLNode *root, const std::string &output)
{
    VRTWriter writer(std::move(pieces), folder);
    if (!writer.Look())
        return false;
    writer.Replace(root);
    return output::WriteWhole("FISHNET", output, ToText(root));
}

static std::vector<Piece> AllTiles(const TileSet &tiles)
{
    std::vector<Piece> pieces;
    for (int64_t tile = 0; tile < tiles.Count(); tile++)
        pieces.push_back({tiles.File(tile), tiles.Window(tile)});
    return pieces;
}

/* ---- tile index ---- */

/* Why an index cannot hold the raster; empty: it can. */
static std::string WhyNoIndex(GDALDataset *computed)
{
    double gt[6] = {0, 1, 0, 0, 0, 1};
    if (!FN_GDAL_AT_LEAST(3, 9))
        return "needs GDAL 3.9, and this is GDAL " GDAL_RELEASE_NAME;
    if (!GetGDALDriverManager()->GetDriverByName("GTI") || !GetGDALDriverManager()->GetDriverByName("FlatGeobuf"))
        return "needs the drivers GTI and FlatGeobuf of GDAL";
    if (GDALGetGeoTransform(GDALDataset::ToHandle(computed), gt) != CE_None || !(gt[1] > 0) || !(gt[5] < 0) ||
        std::abs(gt[2]) > 0 || std::abs(gt[4]) > 0)
        return "tiles are found by their coordinates, so a geotransform without rotation, north up, is needed";
    return {};
}

#if FN_GDAL_AT_LEAST(3, 9)
/* prefix: of the tiles' names, as seen from the file that names the index. */
static bool WriteIndex(const TileSet &tiles, const std::string &prefix, GDALDataset *computed, const double *gt)
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
        feature.SetField(0, (prefix + tiles.File(tile)).c_str());
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

/* Beside the folder of the tiles, or in it. Bands, metadata and CRS are written as in a VRT, which loses them. */
static bool WriteGTI(const TileSet &tiles, GDALDataset *computed, CPLXMLNode *vrt, const std::string &output)
{
    double gt[6];
    const bool inside = output.compare(0, tiles.folder.size() + 1, tiles.folder + "/") == 0;
    const std::string prefix = inside ? std::string() : LastPart(tiles.folder) + "/";
    if (GDALGetGeoTransform(GDALDataset::ToHandle(computed), gt) != CE_None || !WriteIndex(tiles, prefix, computed, gt))
        return false;
    const XML root(CPLCreateXMLNode(nullptr, CXT_Element, "GDALTileIndexDataset"));
    AddElement(root.get(), "IndexDataset", (kMovableIndex ? prefix : tiles.folder + "/") + kIndexName);
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
    const std::string why = kind == MosaicKind::vrt ? std::string() : WhyNoIndex(computed);
    if (!why.empty())
        CPLError(CE_Failure, CPLE_NotSupported, "FISHNET: MOSAIC=GTI: %s. MOSAIC=VRT needs none", why.c_str());
    return why.empty();
}

MosaicKind UsualMosaic(int64_t tiles, GDALDataset *computed)
{
    constexpr int64_t kMany = 10000;
    return kMovableIndex && tiles >= kMany && WhyNoIndex(computed).empty() ? MosaicKind::vrtOverGTI : MosaicKind::vrt;
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
    if (kind == MosaicKind::vrt)
        return WriteVRT(AllTiles(tiles), tiles.folder, root, output);
#if FN_GDAL_AT_LEAST(3, 9)
    if (kind == MosaicKind::gti)
        return WriteGTI(tiles, computed, root, output);
    const XML copy(CPLCloneXMLTree(root));
    const Piece whole = {kInnerGTI, {0, 0, computed->GetRasterXSize(), computed->GetRasterYSize()}};
    return WriteGTI(tiles, computed, copy.get(), tiles.folder + "/" + kInnerGTI) &&
           WriteVRT(std::vector<Piece>(1, whole), tiles.folder, root, output);
#else
    return false; /* the option was refused */
#endif
}

} // namespace fishnet
