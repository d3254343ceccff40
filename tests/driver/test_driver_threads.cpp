/* Threads of one host, each with a FISHNET dataset of its own over the same file: right pixels, and clean under the
 * thread sanitizer, which sees this program and the module. Prints a TAP-like line for each part; exit code 1 on
 * failure. */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <cpl_conv.h>
#include <cpl_vsi.h>
#include <gdal.h>

static std::atomic<int> failures{0};

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                    \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

constexpr int kWidth = 1500, kHeight = 1100;

/* Worker processes cannot see the memory of this one. */
static std::string FileName()
{
    return getenv("FISHNET_WORKERS") ? "/tmp/fishnet-test-threads-" + std::to_string(getpid()) + ".tif"
                                     : std::string("/vsimem/threads.tif");
}
static const std::string kFile = FileName();

static int Value(int x, int y)
{
    return (x * 31 + y * 17) % 30011;
}

static void MakeFile()
{
    GDALDriverH driver = GDALGetDriverByName("GTiff");
    const char *const options[] = {"TILED=YES", "BLOCKXSIZE=128", "BLOCKYSIZE=64", "COMPRESS=DEFLATE", nullptr};
    GDALDatasetH dataset =
        GDALCreate(driver, kFile.c_str(), kWidth, kHeight, 1, GDT_Int16, const_cast<char **>(options));
    std::vector<GInt16> row(kWidth);
    for (int y = 0; y < kHeight; y++) {
        for (int x = 0; x < kWidth; x++)
            row[static_cast<size_t>(x)] = static_cast<GInt16>(Value(x, y));
        CHECK(GDALRasterIO(GDALGetRasterBand(dataset, 1), GF_Write, 0, y, kWidth, 1, row.data(), kWidth, 1, GDT_Int16,
                           0, 0) == CE_None);
    }
    GDALClose(dataset);
}

static GDALDatasetH Open(const std::vector<const char *> &extra)
{
    std::vector<const char *> options = {"CALC=A*2+1", "NUM_WORKERS=3", "TILE_SIZE=128x64"};
    options.insert(options.end(), extra.begin(), extra.end());
    options.push_back(nullptr);
    const std::string name = "FISHNET:" + kFile;
    return GDALOpenEx(name.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, options.data(), nullptr);
}

static void CheckWindow(GDALDatasetH dataset, int x0, int y0, int width, int height)
{
    std::vector<float> pixels(static_cast<size_t>(width) * static_cast<size_t>(height), -1);
    CHECK(GDALRasterIO(GDALGetRasterBand(dataset, 1), GF_Read, x0, y0, width, height, pixels.data(), width, height,
                       GDT_Float32, 0, 0) == CE_None);
    int wrong = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const float expected = static_cast<float>(Value(x0 + x, y0 + y) * 2 + 1);
            const float seen = pixels[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
            wrong += !(seen >= expected && seen <= expected);
        }
    CHECK(wrong == 0);
}

static void RandomWindows(unsigned seed)
{
    std::mt19937 random(seed);
    GDALDatasetH dataset = Open({});
    CHECK(dataset != nullptr);
    for (int i = 0; dataset && i < 25; i++) {
        const int x = static_cast<int>(random() % (kWidth - 256)), y = static_cast<int>(random() % (kHeight - 256));
        CheckWindow(dataset, x, y, 256, 256);
    }
    if (dataset)
        GDALClose(dataset);
}

static void Scan(int rows, const char *cache)
{
    GDALDatasetH dataset = Open({cache});
    CHECK(dataset != nullptr);
    for (int y = 0; dataset && y < kHeight; y += rows)
        CheckWindow(dataset, 0, y, kWidth, y + rows > kHeight ? kHeight - y : rows);
    if (dataset)
        GDALClose(dataset);
}

static void OpenAndClose()
{
    for (int i = 0; i < 8; i++) {
        GDALDatasetH dataset = Open({});
        CHECK(dataset != nullptr);
        if (!dataset)
            continue;
        if (i % 2 == 0)
            CheckWindow(dataset, 100 * i, 50 * i, 130, 70);
        GDALClose(dataset); /* workers are in the middle of reading ahead */
    }
}

/* Opened and closed without a read: no worker is ever started. */
static void Untouched()
{
    GDALDatasetH dataset = Open({});
    CHECK(dataset != nullptr);
    if (dataset)
        GDALClose(dataset);
}

template <class... Function> static void Together(const char *name, Function... functions)
{
    const int before = failures;
    std::vector<std::thread> threads;
    (threads.emplace_back(functions), ...);
    for (std::thread &thread : threads)
        thread.join();
    printf("%s: %s\n", name, failures == before ? "ok" : "FAILED");
}

int main()
{
    GDALAllRegister();
    if (!GDALGetDriverByName("FISHNET")) {
        fprintf(stderr, "the driver FISHNET is not there\n");
        return 1;
    }
    MakeFile();
    const char *text = getenv("FISHNET_SEED");
    const unsigned seed = text ? static_cast<unsigned>(atoi(text)) : std::random_device{}();
    printf("seed %u\n", seed);
    Together(
        "random windows", [=] { RandomWindows(seed); }, [=] { RandomWindows(seed + 1); },
        [=] { RandomWindows(seed + 2); }, [=] { RandomWindows(seed + 3); });
    Together(
        "scans", [] { Scan(64, "CACHE_MB=64"); }, [] { Scan(100, "CACHE_MB=1"); }, [] { Scan(1, "CACHE_MB=2"); },
        [] { Scan(1100, "CACHE_MB=1"); });
    Together("open and close", OpenAndClose, OpenAndClose, OpenAndClose, OpenAndClose);
    Together("nothing read", Untouched, Untouched);
    VSIUnlink(kFile.c_str());
    GDALDestroyDriverManager();
    printf("%d passed, %d failed\n", failures ? 0 : 1, failures ? 1 : 0);
    return failures ? 1 : 0;
}
