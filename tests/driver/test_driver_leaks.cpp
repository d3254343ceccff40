/* Opening what cannot be opened, again and again, in one process: each is refused with a CE_Failure that says
 * something, and under the address sanitizer nothing is lost. Good datasets in between are read, half read, and
 * closed. */
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_vsi.h>
#include <gdal.h>

static int failures = 0;

#define CHECK(condition, what)                                                                                         \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: failed: %s\n", __FILE__, __LINE__, (what).c_str(), #condition);                \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

static const char *const kFile = "/vsimem/leaks.tif", *const kOther = "/vsimem/other.tif",
                         *const kCut = "/vsimem/cut.tif";

static void Make(const char *name, int width, GDALDataType type)
{
    const char *const options[] = {"TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", "COMPRESS=DEFLATE", nullptr};
    GDALDatasetH dataset =
        GDALCreate(GDALGetDriverByName("GTiff"), name, width, 300, 2, type, const_cast<char **>(options));
    for (int band = 1; band <= 2; band++)
        CHECK(GDALFillRaster(GDALGetRasterBand(dataset, band), 7 * band, 0) == CE_None, std::string(name));
    GDALClose(dataset);
}

static GDALDatasetH Open(const std::string &name, std::vector<const char *> options)
{
    options.push_back(nullptr);
    CPLErrorReset();
    return GDALOpenEx(name.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, options.data(), nullptr);
}

static void Refused(const std::string &name, const std::vector<const char *> &options)
{
    std::string what = name.substr(0, 60);
    for (const char *option : options)
        what.append(" ").append(option, strnlen(option, 60));
    GDALDatasetH dataset = Open(name, options);
    CHECK(dataset == nullptr, what);
    CHECK(CPLGetLastErrorType() == CE_Failure, what);
    CHECK(strlen(CPLGetLastErrorMsg()) > 10, what);
    if (dataset)
        GDALClose(dataset);
}

static void Bad()
{
    const std::string good = std::string("FISHNET:") + kFile;
    const std::string other = std::string("B=") + kOther;
    Refused("FISHNET:", {});
    Refused("FISHNET:/vsimem/absent.tif", {});
    Refused("FISHNET:/vsimem/absent.tif", {"CALC=A"});
    Refused("FISHNET:/vsimem/", {"CALC=A"});
    Refused(good, {"CALC=A+B", "B=/vsimem/absent.tif"});
    Refused(good, {"CALC=A+B", other.c_str()}); /* another size */
    Refused(good, {other.c_str()});
    for (const char *calc : {"",          ";",    "A;", "A+",        "(A",        "A)",      "foo(A)", "A+foo",
                             "A[3]",      "A[0]", "C",  "A B",       "0<A<5",     "A>1 & 2", "A ? 1",  "sqrt()",
                             "sqrt(A,A)", "1e",   "0x", "A==NODATA", "sqrt(A)&1", "'A'",     "\x01",   "\xC3\xA9"})
        Refused(good, {(std::string("CALC=") + calc).c_str()});
    Refused(good, {("CALC=" + std::string(1 << 20, '(')).c_str()});
    for (const char *option :
         {"NUM_WORKERS=0", "NUM_WORKERS=1025", "NUM_WORKERS=x", "TILE_SIZE=0", "TILE_SIZE=1000000000", "TILE_SIZE=5x",
          "WORKERS=PROCESSES", "WORKERS=x", "OT=CFloat32", "OT=x", "NODATA=x", "CACHE_MB=0", "CACHE_MB=x",
          "TRACE=/nonexistent/trace.json", "A=/vsimem/other.tif"})
        Refused(good, {"CALC=A", option});
    Refused(good, {"CALC=A", "OT=Byte", "NODATA=300"});
    Refused(good, {"OT=Byte"});
    Refused(good, {"NODATA=0"});
}

/* The blocks at the end are not there: opening works, reading names the tile. */
static void Truncated()
{
    GDALDatasetH dataset = Open(std::string("FISHNET:") + kCut, {"CALC=A+1", "TILE_SIZE=64"});
    CHECK(dataset != nullptr, std::string("truncated"));
    if (!dataset)
        return;
    std::vector<float> pixels(300 * 300);
    CPLErrorReset();
    const CPLErr err = GDALRasterIO(GDALGetRasterBand(dataset, 1), GF_Read, 0, 0, 300, 300, pixels.data(), 300, 300,
                                    GDT_Float32, 0, 0);
    CHECK(err == CE_Failure, std::string("truncated"));
    CHECK(strstr(CPLGetLastErrorMsg(), "tile x=") != nullptr, std::string(CPLGetLastErrorMsg()));
    GDALClose(dataset);
}

static void Good()
{
    GDALDatasetH dataset =
        Open(std::string("FISHNET:") + kFile, {"CALC=A+A[2]; A-A[2]", "OT=Int16", "TILE_SIZE=50x70"});
    CHECK(dataset != nullptr, std::string("good"));
    if (!dataset)
        return;
    GInt16 pixel = 0;
    CHECK(GDALRasterIO(GDALGetRasterBand(dataset, 1), GF_Read, 120, 130, 1, 1, &pixel, 1, 1, GDT_Int16, 0, 0) ==
              CE_None,
          std::string("good"));
    CHECK(pixel == 21, std::string("good"));
    GDALClose(dataset);
}

int main()
{
    GDALAllRegister();
    if (!GDALGetDriverByName("FISHNET")) {
        fprintf(stderr, "the driver FISHNET is not there\n");
        return 1;
    }
    Make(kFile, 300, GDT_Byte);
    Make(kOther, 301, GDT_Byte);
    Make(kCut, 300, GDT_Byte);
    VSIStatBufL stat;
    CHECK(VSIStatL(kCut, &stat) == 0, std::string("stat"));
    VSILFILE *file = VSIFOpenL(kCut, "r+b");
    CHECK(VSIFTruncateL(file, static_cast<vsi_l_offset>(stat.st_size) - 600) == 0, std::string("truncate"));
    VSIFCloseL(file);

    CPLPushErrorHandler(CPLQuietErrorHandler);
    for (int round = 0; round < 3; round++) {
        Bad();
        Good();
        Truncated();
    }
    CPLPopErrorHandler();
    for (const char *name : {kFile, kOther, kCut})
        VSIUnlink(name);
    GDALDestroyDriverManager();
    printf("%d passed, %d failed\n", failures ? 0 : 1, failures ? 1 : 0);
    return failures ? 1 : 0;
}
