/* Failing memory in the module: operator new fails for its Nth call from there, for each N that a job has. Each time
 * the pixels are right, or an error says so; nothing throws into GDAL or C, which would end this program. What GDAL
 * allocates for itself never fails here: it ends hosts. Prints a line for each part; exit code 1 on failure. */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>

#include <cpl_conv.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal.h>

namespace
{
struct Range {
    uintptr_t begin = 0, end = 0;
    bool Has(const void *address) const
    {
        const auto at = reinterpret_cast<uintptr_t>(address);
        return at >= begin && at < end;
    }
};
/* gdal_FISHNET.so; the library of C++ itself, which allocates for its caller; this program */
Range module, standard, program;

std::atomic<long> countdown{-1}; /* allocations until one fails; below 0: none does */
thread_local bool looking = false;
int failures = 0;

/* Is this allocation one of the module's code? */
bool IsOurs()
{
    constexpr int kDepth = 12;
    void *frames[kDepth];
    const int count = backtrace(frames, kDepth);
    int i = 0;
    while (i < count && program.Has(frames[i])) /* operator new */
        i++;
    while (i < count && standard.Has(frames[i]))
        i++;
    return i < count && module.Has(frames[i]);
    return false;
}

bool Fails()
{
    if (countdown < 0 || looking)
        return false;
    looking = true;
    const bool ours = IsOurs();
    looking = false;
    if (!ours)
        return false;
    return countdown-- == 0;
}
} // namespace

#pragma GCC diagnostic ignored "-Wmismatched-new-delete" /* free() is inlined, malloc() is not */
void *operator new(size_t bytes)
{
    void *memory = Fails() ? nullptr : malloc(bytes ? bytes : 1);
    if (!memory)
        throw std::bad_alloc();
    return memory;
}
void *operator new(size_t bytes, const std::nothrow_t &) noexcept
{
    return Fails() ? nullptr : malloc(bytes ? bytes : 1);
}
void operator delete(void *memory) noexcept
{
    free(memory);
}
void operator delete(void *memory, size_t) noexcept
{
    free(memory);
}

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                    \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

static int FindRanges(dl_phdr_info *info, size_t, void *)
{
    Range *range = strstr(info->dlpi_name, "gdal_FISHNET.so") ? &module
                   : strstr(info->dlpi_name, "libstdc++")     ? &standard
                   : info->dlpi_name[0] == '\0'               ? &program
                                                              : nullptr;
    for (int i = 0; range && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) &part = info->dlpi_phdr[i];
        if (part.p_type != PT_LOAD || !(part.p_flags & PF_X))
            continue;
        range->begin = info->dlpi_addr + part.p_vaddr;
        range->end = range->begin + part.p_memsz;
    }
    return 0;
}

constexpr int kSize = 96;
static const char *const kFile = "/vsimem/memory.tif", *const kRecipe = "/vsimem/memory.fishnet.json";

static int Value(int x, int y)
{
    return x * 31 + y * 17;
}

static void MakeFiles()
{
    const char *const options[] = {"TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=32", nullptr};
    GDALDatasetH dataset = GDALCreate(GDALGetDriverByName("GTiff"), kFile, kSize, kSize, 1, GDT_Int16,
                                      const_cast<char **>(options));
    std::vector<GInt16> row(kSize);
    for (int y = 0; y < kSize; y++) {
        for (int x = 0; x < kSize; x++)
            row[static_cast<size_t>(x)] = static_cast<GInt16>(Value(x, y));
        CHECK(GDALRasterIO(GDALGetRasterBand(dataset, 1), GF_Write, 0, y, kSize, 1, row.data(), kSize, 1, GDT_Int16, 0,
                           0) == CE_None);
    }
    int level = 2;
    CHECK(GDALBuildOverviews(dataset, "NEAREST", 1, &level, 0, nullptr, nullptr, nullptr) == CE_None);
    GDALClose(dataset);
    static const char text[] = "{\"type\": \"fishnet_raster\", \"inputs\": {\"A\": \"/vsimem/memory.tif\"}, "
                               "\"calc\": [\"A*2+1\"], \"workers\": \"THREADS\", \"num_workers\": 2, \"retries\": 0}";
    VSIFCloseL(VSIFileFromMemBuffer(kRecipe, reinterpret_cast<GByte *>(const_cast<char *>(text)), sizeof text - 1,
                                    FALSE));
}

/* What a host does with a dataset. Pixels that were given are right, whatever failed. True: nothing failed. */
static bool Use(const char *name, const char *const *options)
{
    bool whole = true;
    GDALDatasetH dataset = GDALOpenEx(name, GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, nullptr, options, nullptr);
    if (!dataset)
        return false;
    GDALRasterBandH band = GDALGetRasterBand(dataset, 1);
    std::vector<float> pixels(kSize * kSize, -1);
    const auto check = [&](CPLErr status) {
        whole = whole && status == CE_None;
        for (int y = 0; status == CE_None && y < kSize; y++)
            for (int x = 0; x < kSize; x++)
                if (static_cast<int>(pixels[static_cast<size_t>(y * kSize + x)]) != Value(x, y) * 2 + 1) {
                    const bool everyPixelIsRight = false;
                    CHECK(everyPixelIsRight);
                    return;
                }
        pixels.assign(pixels.size(), -1);
    };
    whole = GDALDatasetAdviseRead(dataset, 0, 0, kSize, kSize, kSize, kSize, GDT_Float32, 1, nullptr, nullptr) ==
                CE_None &&
            whole;
    check(GDALDatasetRasterIO(dataset, GF_Read, 0, 0, kSize, kSize, pixels.data(), kSize, kSize, GDT_Float32, 1,
                              nullptr, 0, 0, 0));
    check(GDALRasterIO(band, GF_Read, 0, 0, kSize, kSize, pixels.data(), kSize, kSize, GDT_Float32, 0, 0));
    int width = 0, height = 0;
    GDALGetBlockSize(band, &width, &height);
    std::vector<float> block(static_cast<size_t>(width) * static_cast<size_t>(height), -1);
    const CPLErr status = GDALReadBlock(band, 0, 0, block.data());
    whole = whole && status == CE_None;
    CHECK(status != CE_None || static_cast<int>(block[0]) == Value(0, 0) * 2 + 1);
    whole = GDALGetMetadata(dataset, "FISHNET") && whole;
    whole = GDALGetMetadataItem(dataset, "TILES", "FISHNET") && whole;
    const CPLStringList files(GDALGetFileList(dataset));
    whole = files.size() > 0 && whole;
    GDALRasterBandH overview = GDALGetOverview(band, 0);
    whole = overview && whole;
    if (overview)
        whole = GDALRasterIO(overview, GF_Read, 0, 0, 8, 8, pixels.data(), 8, 8, GDT_Float32, 0, 0) == CE_None && whole;
    GDALClose(dataset);
    return whole;
}

static std::atomic<int> errors{0};
static void CPL_STDCALL CountErrors(CPLErr level, CPLErrorNum, const char *text)
{
    errors += level == CE_Failure && *text;
}

/* For each N: the Nth allocation fails, alone. Prints how many there were. */
static void Sweep(const char *title, const char *name, const char *const *options)
{
    const int before = failures;
    long n = 0, silent = 0;
    CPLPushErrorHandler(CountErrors);
    for (bool failed = true; failed && n < 20000; n++) {
        errors = 0;
        countdown = n;
        const bool whole = Use(name, options);
        failed = countdown < 0;
        countdown = -1;
        /* A label, a debug message, tiles computed ahead: what is not needed may go missing. */
        silent += failed && whole;
        CHECK(whole || errors > 0);
        CHECK(failed || whole);
    }
    CPLPopErrorHandler();
    CHECK(n > 50 && n < 20000); /* else it is not the allocations of the module that fail */
    printf("%s: %ld allocations, %ld failures without consequence: %s\n", title, n - 1, silent,
           failures == before ? "ok" : "FAILED");
}

int main()
{
    GDALAllRegister();
    if (!GDALGetDriverByName("FISHNET")) {
        fprintf(stderr, "the driver FISHNET is not there\n");
        return 1;
    }
    dl_iterate_phdr(FindRanges, nullptr);
    CHECK(module.begin != 0);
    void *frame;
    backtrace(&frame, 1); /* loads what it needs */
    MakeFiles();
    const char *const options[] = {"CALC=A*2+1", "NUM_WORKERS=2", "WORKERS=THREADS", "RETRIES=0", "TILE_SIZE=32",
                                   nullptr};
    Sweep("connection string", (std::string("FISHNET:") + kFile).c_str(), options);
    Sweep("recipe", kRecipe, nullptr);
    VSIUnlink(kFile);
    VSIUnlink(kRecipe);
    GDALDestroyDriverManager();
    return failures ? 1 : 0;
}
