#include "arrow_rows.h"

#include <cstring>

#include "gdal_compat.h"

namespace fishnet
{

std::string FidRange::Condition(const std::string &fidColumn) const
{
    return Quoted(fidColumn, '"') + " BETWEEN " + std::to_string(first) + " AND " + std::to_string(last);
}

/* Coordinates that the layer rounds as it reads them SQL gives as they are stored. */
static bool AreRounded(OGRLayerH layer)
{
#if FN_GDAL_AT_LEAST(3, 9)
    OGRGeomFieldDefnH geometry = OGR_FD_GetGeomFieldDefn(OGR_L_GetLayerDefn(layer), 0);
    return geometry && OGRGeomCoordinatePrecisionGetXYResolution(OGR_GFld_GetCoordinatePrecision(geometry)) !=
                           OGR_GEOM_COORD_PRECISION_UNKNOWN;
#else
    (void)layer;
    return false;
#endif
}

bool ArrowRows::AreMade(OGRLayerH layer)
{
    return OGR_L_TestCapability(layer, OLCFastGetArrowStream) != 0 && !AreRounded(layer);
}

void ArrowRows::Close()
{
    for (ArrowArray &array : m_arrays)
        array.release(&array);
    m_arrays.clear();
    if (m_stream.release)
        m_stream.release(&m_stream);
    m_stream = {};
    if (m_result)
        GDALDatasetReleaseResultSet(m_dataset, m_result);
    m_result = nullptr;
    m_at = m_ready = 0;
    m_atEnd = false;
}

/* A column of FIDs, then one of WKB. */
bool ArrowRows::IsAsExpected(const LayerPlan &plan, OGRLayerH layer)
{
    const char *fid = OGR_L_GetFIDColumn(layer), *geometry = plan.geometryName.c_str();
    ArrowSchema schema = {};
    if (m_stream.get_schema(&m_stream, &schema) != 0)
        return false;
    const auto is = [&schema](int i, const char *name, const char *formats) {
        const ArrowSchema *child = schema.children[i];
        return strcmp(child->name, name) == 0 && strlen(child->format) == 1 && strchr(formats, child->format[0]);
    };
    const bool good = schema.n_children == 2 && is(0, *fid ? fid : "OGC_FID", "l") &&
                      is(1, *geometry ? geometry : "wkb_geometry", "zZ");
    m_large = good && schema.children[1]->format[0] == 'Z';
    schema.release(&schema);
    return good;
}

OGRLayerH ArrowRows::Ask(const LayerPlan &plan, GDALDatasetH dataset, OGRLayerH layer, const FidRange &range)
{
    const std::string fid = OGR_L_GetFIDColumn(layer);
    const std::string sql = "SELECT " + Quoted(fid, '"') + ", " + Quoted(plan.geometryName, '"') + " FROM " +
                            Quoted(plan.layer, '"') + (range.IsAll() ? "" : " WHERE " + range.Condition(fid));
    m_dataset = dataset;
    m_result = GDALDatasetExecuteSQL(dataset, sql.c_str(), nullptr, nullptr);
    return m_result;
}

bool ArrowRows::Open(const LayerPlan &plan, GDALDatasetH dataset, OGRLayerH layer, const FidRange &range)
{
    CPLStringList options;
    options.SetNameValue("INCLUDE_FID", "YES");
    options.SetNameValue("MAX_FEATURES_IN_BATCH", "4096");
    Close();
    OGRLayerH rows = EQUAL(plan.driver.c_str(), "GPKG") ? Ask(plan, dataset, layer, range) : layer;
    if (!rows || !OGR_L_GetArrowStream(rows, &m_stream, options.List())) {
        m_stream = {};
        Close();
        return false;
    }
    if (!IsAsExpected(plan, layer)) {
        Close();
        return false;
    }
    return true;
}

/* Takes the array, or ends it. */
bool ArrowRows::Keep(ArrowArray &array)
{
    /* Where a GeoPackage is damaged there may be empty ones without end. */
    const bool good = array.length > 0 && array.n_children == 2 && array.offset == 0 &&
                      array.children[0]->null_count == 0 && array.children[0]->length == array.length &&
                      array.children[1]->length == array.length;
    if (!good) {
        array.release(&array);
        return false;
    }
    try {
        m_arrays.push_back(array);
    } catch (...) {
        array.release(&array);
        throw;
    }
    m_ready += array.length;
    return true;
}

bool ArrowRows::Fetch(int64_t n)
{
    while (m_ready < n && !m_atEnd) {
        ArrowArray array = {};
        if (m_stream.get_next(&m_stream, &array) != 0)
            return false;
        m_atEnd = !array.release;
        if (!m_atEnd && !Keep(array))
            return false;
    }
    return true;
}

ArrowRow ArrowRows::Take()
{
    while (m_at == m_arrays.front().length) {
        m_arrays.front().release(&m_arrays.front());
        m_arrays.pop_front();
        m_at = 0;
    }
    const ArrowArray &fids = *m_arrays.front().children[0], &geometries = *m_arrays.front().children[1];
    ArrowRow row = {};
    row.fid = static_cast<const int64_t *>(fids.buffers[1])[fids.offset + m_at];
    const int64_t i = geometries.offset + m_at;
    const auto *valid = static_cast<const unsigned char *>(geometries.buffers[0]);
    if (geometries.null_count == 0 || !valid || (valid[i / 8] >> (i % 8) & 1)) {
        const auto at = [&](int64_t k) {
            return m_large ? static_cast<const int64_t *>(geometries.buffers[1])[k]
                           : static_cast<const int32_t *>(geometries.buffers[1])[k];
        };
        row.wkb = static_cast<const unsigned char *>(geometries.buffers[2]) + at(i);
        row.bytes = static_cast<size_t>(at(i + 1) - at(i));
    }
    m_at++;
    m_ready--;
    return row;
}

} // namespace fishnet
