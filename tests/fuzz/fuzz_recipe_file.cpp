/* Recipe files, as GDAL opens them: the drivers themselves, with inputs that are there. See README.md for the layout
 * of the input. */
#include <cstdint>
#include <string>

#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>
#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_string.h>
#include <cpl_vsi.h>

#include "check.h"
#include "module.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static constexpr const char *kRecipe = "/vsimem/fuzz/r.fishnet.json";

static void MakeRaster(const char *name, int bands, double nodata)
{
    GDALDatasetH dataset = GDALCreate(GDALGetDriverByName("GTiff"), name, 8, 6, bands, GDT_Int16, nullptr);
    CHECK(dataset);
    double transform[] = {0, 10, 0, 60, 0, -10};
    GDALSetGeoTransform(dataset, transform);
    GDALSetRasterNoDataValue(GDALGetRasterBand(dataset, 1), nodata);
    GDALClose(dataset);
}

static void MakePoints(const char *name)
{
    GDALDatasetH dataset = GDALCreate(GDALGetDriverByName("GeoJSON"), name, 0, 0, 0, GDT_Unknown, nullptr);
    CHECK(dataset);
    OGRLayerH layer = GDALDatasetCreateLayer(dataset, "points", nullptr, wkbPoint, nullptr);
    OGRFieldDefnH field = OGR_Fld_Create("name", OFTString);
    OGR_L_CreateField(layer, field, TRUE);
    OGR_Fld_Destroy(field);
    for (int i = 0; i < 5; i++) {
        OGRFeatureH feature = OGR_F_Create(OGR_L_GetLayerDefn(layer));
        OGRGeometryH point = OGR_G_CreateGeometry(wkbPoint);
        OGR_G_SetPoint_2D(point, 0, i * 3 % 7, i);
        OGR_F_SetGeometryDirectly(feature, point);
        OGR_F_SetFieldString(feature, 0, i % 2 ? "odd" : "even");
        CHECK(OGR_L_CreateFeature(layer, feature) == OGRERR_NONE);
        OGR_F_Destroy(feature);
    }
    GDALClose(dataset);
}

/* GDAL's drivers and ours, without a network and other plugins; files that recipes of the corpus name. */
static bool Prepare()
{
    CPLSetErrorHandler(CPLQuietErrorHandler); /* one GDAL has drivers that another does not know */
    CPLSetConfigOption("GDAL_DRIVER_PATH", "disable");
    CPLSetConfigOption("CPL_VSIL_CURL_ALLOWED_FILENAME", "/none");
    CPLSetConfigOption("GDAL_SKIP",
                       "WMS,WMTS,WCS,HTTP,PLMOSAIC,EEDA,EEDAI,DAAS,STACTA,STACIT,OGCAPI,DODS,PostGISRaster");
    CPLSetConfigOption("OGR_SKIP",
                       "WFS,CSW,GMLAS,Carto,AmigoCloud,Elastic,NGW,PLScenes,OAPIF,PostgreSQL,MySQL,MSSQLSpatial,OCI");
    CPLSetConfigOption("OGR_SQLITE_JOURNAL", "MEMORY");
    GDALAllRegister();
    GDALRegister_FISHNET();
    MakeRaster("/vsimem/fuzz/a.tif", 4, -1);
    MakeRaster("/vsimem/fuzz/b.tif", 1, 0);
    MakePoints("/vsimem/fuzz/p.geojson");
    MakePoints("/vsimem/fuzz/q.geojson");
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const bool prepared = Prepare();
    CHECK(prepared);
    VSILFILE *file = VSIFileFromMemBuffer(kRecipe, const_cast<GByte *>(data), size, FALSE);
    CHECK(file);
    VSIFCloseL(file);
    CPLErrorReset();
    static const char *const drivers[] = {"FISHNET", "NEARTABLE", nullptr};
    GDALDatasetH dataset =
        GDALOpenEx(kRecipe, GDAL_OF_RASTER | GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, drivers, nullptr, nullptr);
    if (dataset) {
        CHECK(GDALGetRasterCount(dataset) > 0 || GDALDatasetGetLayerCount(dataset) > 0);
        CSLDestroy(GDALGetFileList(dataset));
        GDALClose(dataset);
    } else {
        CHECK(CPLGetLastErrorType() == CE_Failure);
        CHECK(*CPLGetLastErrorMsg());
    }
    VSIUnlink(kRecipe);
    return 0;
}
