#include "union.h"

#include "output_folder.h"

namespace fishnet
{

using namespace output;

static std::string Escaped(const char *text)
{
    char *escaped = CPLEscapeString(text, -1, CPLES_XML);
    const std::string result = escaped;
    CPLFree(escaped);
    return result;
}

static bool IsJSON(const std::string &format)
{
    return EQUAL(format.c_str(), "GeoJSON") || EQUAL(format.c_str(), "GeoJSONSeq");
}

/* The type of a column of the union: the table's where each format can give values of it, whatever it made of those
 * of one part. */
static OGRFieldType UnionType(OGRFieldType table, OGRFieldType part)
{
    switch (table) {
    case OFTInteger:
    case OFTInteger64:
    case OFTReal:
    case OFTString:
        return table;
    default:
        return part;
    }
}

/* The columns of the table under the names that a part has for them; empty: it does not have them all. */
static std::string UnionFields(OGRFeatureDefnH table, OGRFeatureDefnH part)
{
    std::string fields;
    const std::vector<int> columns = PartsJob::FindColumns(table, part);
    for (size_t i = 0; i < columns.size(); i++) {
        if (columns[i] < 0)
            return {};
        OGRFieldDefnH own = OGR_FD_GetFieldDefn(table, static_cast<int>(i));
        OGRFieldDefnH stored = OGR_FD_GetFieldDefn(part, columns[i]);
        const OGRFieldType type = UnionType(OGR_Fld_GetType(own), OGR_Fld_GetType(stored));
        const OGRFieldSubType subtype = OGR_Fld_GetSubType(OGR_Fld_GetType(stored) == type ? stored : own);
        fields +=
            "    <Field name=\"" + Escaped(OGR_Fld_GetNameRef(stored)) + "\" type=\"" + OGR_GetFieldTypeName(type) +
            (subtype == OFSTNone ? std::string() : std::string("\" subtype=\"") + OGR_GetFieldSubTypeName(subtype)) +
            "\"/>\n";
    }
    return fields;
}

/* The geometries of the union, as a part has them; empty: its CRS cannot be written. */
static std::string UnionGeometry(OGRFeatureDefnH table, OGRLayerH part)
{
    const OGRwkbGeometryType own = OGR_FD_GetGeomType(table);
    const OGRwkbGeometryType stored = OGR_FD_GetGeomType(OGR_L_GetLayerDefn(part));
    std::string type = own == wkbNone         ? "wkbNone"
                       : own == wkbPoint      ? "wkbPoint"
                       : own == wkbLineString ? "wkbLineString"
                                              : "wkbUnknown";
    if (own != wkbNone)
        type = wkbFlatten(stored) != own ? "wkbUnknown" : wkbHasZ(stored) ? type + "25D" : type;
    std::string xml = "<GeometryType>" + type + "</GeometryType>";
    OGRSpatialReferenceH srs = own == wkbNone ? nullptr : OGR_L_GetSpatialRef(part);
    const char *name = own == wkbNone ? "" : OGR_L_GetGeometryColumn(part); /* geometries are found by it */
    const std::string element = *name ? "SRS" : "LayerSRS";
    char *wkt = nullptr;
    if (srs && OSRExportToWkt(srs, &wkt) == OGRERR_NONE)
        xml += "<" + element + ">" + Escaped(wkt) + "</" + element + ">";
    else if (srs)
        xml.clear();
    CPLFree(wkt);
    if (xml.empty())
        return xml;
    if (*name)
        xml = "<GeometryField name=\"" + Escaped(name) + "\">" + xml + "</GeometryField>";
    return "    " + xml + "\n";
}

bool WriteUnion(const PartsJob &job, const std::string &output, OGRLayerH table)
{
    const std::string folder = job.folder.substr(job.folder.rfind('/') + 1);
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(table);
    std::string sources, fields, geometry;
    int64_t rows = 0;
    for (int64_t part = 0; part < job.parts; part++) {
        const std::string file = job.folder + "/" + job.File(part);
        if (PartsJob::HasNoRows(file))
            continue;
        const DatasetHandle dataset(
            GDALOpenEx(file.c_str(), GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
        OGRLayerH layer = job.OnlyLayer(dataset.get());
        if (dataset && !layer && GDALDatasetGetLayerCount(dataset.get()) == 0)
            continue; /* no rows, no layer in a file of that format */
        if (!layer) {
            CPLError(CE_Failure, CPLE_OpenFailed, "%s: the part %s cannot be read again", job.Driver(), file.c_str());
            return false;
        }
        const auto known = job.rows.find(part); /* a file of text would be read to its end for it */
        const int64_t count = known != job.rows.end() ? known->second : OGR_L_GetFeatureCount(layer, TRUE);
        if (count == 0 && rows > 0)
            continue;
        if (fields.empty())
            fields = UnionFields(defn, OGR_L_GetLayerDefn(layer));
        if (rows == 0)
            geometry = UnionGeometry(defn, layer);
        if (geometry.empty()) {
            CPLError(CE_Failure, CPLE_AppDefined, "%s: the CRS of the part %s cannot be written", job.Driver(),
                     file.c_str());
            return false;
        }
        rows += count;
        sources += "    <OGRVRTLayer name=\"" + Escaped(OGR_L_GetName(layer)) +
                   "\">\n      <SrcDataSource relativeToVRT=\"1\">" + Escaped((folder + "/" + job.File(part)).c_str()) +
                   "</SrcDataSource>\n";
        if (IsJSON(job.format.driver)) /* a text that looks like a date stays as it is */
            sources += "      <OpenOptions><OOI key=\"DATE_AS_STRING\">YES</OOI></OpenOptions>\n";
        sources += "      <FeatureCount>" + std::to_string(count) + "</FeatureCount>\n    </OGRVRTLayer>\n";
    }
    if (sources.empty()) {
        CPLError(CE_Failure, CPLE_AppDefined, "%s: the table has no rows, and %s writes no file without rows",
                 job.Driver(), job.format.driver.c_str());
        return false;
    }
    if (fields.empty())
        fields = UnionFields(defn, defn);
    return WriteWhole(job.Driver(), output,
                      "<OGRVRTDataSource>\n  <OGRVRTUnionLayer name=\"" + std::string(job.kind->layer) + "\">\n" +
                          geometry + fields + "    <FeatureCount>" + std::to_string(rows) + "</FeatureCount>\n" +
                          sources + "  </OGRVRTUnionLayer>\n</OGRVRTDataSource>\n");
}

} // namespace fishnet
