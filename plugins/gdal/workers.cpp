#include "workers.h"

#include <cstring>

#include "gdal_compat.h"

namespace fishnet
{

/* ---- bytes ---- */

std::string Pack(const Words &words)
{
    std::string bytes;
    for (const std::string &word : words) {
        const uint64_t size = word.size();
        bytes.append(reinterpret_cast<const char *>(&size), sizeof size);
        bytes += word;
    }
    return bytes;
}

bool Unpack(const void *bytes, size_t size, Words &words)
{
    const char *at = static_cast<const char *>(bytes), *end = at + size;
    words.clear();
    while (at != end) {
        uint64_t length = 0;
        if (static_cast<size_t>(end - at) < sizeof length)
            return false;
        memcpy(&length, at, sizeof length);
        at += sizeof length;
        if (length > static_cast<size_t>(end - at))
            return false;
        words.emplace_back(at, length);
        at += length;
    }
    return true;
}

std::string PackOptions(CSLConstList options)
{
    Words words;
    for (; options && *options; options++)
        words.emplace_back(*options);
    return Pack(words);
}

bool UnpackOptions(const std::string &bytes, CPLStringList &options)
{
    Words words;
    if (!Unpack(bytes.data(), bytes.size(), words))
        return false;
    for (const std::string &word : words)
        options.AddString(word.c_str());
    return true;
}

static void *Duplicate(const std::string &bytes, size_t *size)
{
    void *copy = malloc(bytes.size());
    if (copy)
        memcpy(copy, bytes.data(), bytes.size());
    *size = copy ? bytes.size() : 0;
    return copy;
}

void *NotesToBytes(void *, void *notes, size_t *bytes)
{
    const std::unique_ptr<Notes> messages(static_cast<Notes *>(notes));
    return GuardedQuietly<void *>(nullptr, [&] {
        Words words;
        for (const Message &message : *messages) {
            words.push_back(std::to_string(message.level));
            words.push_back(std::to_string(message.number));
            words.push_back(message.text);
        }
        return Duplicate(Pack(words), bytes);
    });
}

void *NotesFromBytes(void *, const void *data, size_t bytes)
{
    return GuardedQuietly<void *>(nullptr, [&]() -> void * {
        Words words;
        if (!Unpack(data, bytes, words) || words.size() % 3 != 0)
            return nullptr;
        auto notes = std::make_unique<Notes>();
        for (size_t i = 0; i < words.size(); i += 3)
            notes->push_back({static_cast<CPLErr>(atoi(words[i].c_str())), atoi(words[i + 1].c_str()), words[i + 2]});
        return notes.release();
    });
}

/* ---- options ---- */

/* A dataset that a worker opens as its input lies within another one, and knows it by this thread-local
 * configuration option. */
static const char *const kDepth = "FISHNET_DEPTH";

void DeclareConfigOptions()
{
#if FN_GDAL_AT_LEAST(3, 11)
    CPLDeclareKnownConfigOption("FISHNET_WORKERS",
                                "<Option name='FISHNET_WORKERS' type='string-select' description='Kind of worker'>"
                                "<Value>THREADS</Value><Value>PROCESSES</Value></Option>");
    CPLDeclareKnownConfigOption(
        "FISHNET_TRACE",
        "<Option name='FISHNET_TRACE' type='string' description='File for a timeline in Chrome trace format'/>");
    CPLDeclareKnownConfigOption(
        "FISHNET_LOG", "<Option name='FISHNET_LOG' type='string' description='File for a line on each task'/>");
    CPLDeclareKnownConfigOption(kDepth, "<Option name='FISHNET_DEPTH' type='int' description='For the workers of the "
                                        "FISHNET and NEARTABLE drivers alone'/>");
#endif
}

static int Depth()
{
    return atoi(CPLGetThreadLocalConfigOption(kDepth, "0"));
}

bool IsOpenedByWorker()
{
    return Depth() > 0;
}

fn_status CheckDepth(fn_error *err)
{
    constexpr int kMost = 16;
    return Depth() <= kMost
               ? FN_OK
               : fn_fail(err, FN_ERR_READ, "more than %d datasets within each other: does it read itself?", kMost);
}

void ResolveWorkers(const char *driver, fn_worker_options &options)
{
    fn_error err;
    bool known = false;
    const char *threads = options.workers < 0 ? CPLGetConfigOption("GDAL_NUM_THREADS", nullptr) : nullptr;
    if (threads && fn_parse_workers("GDAL_NUM_THREADS", threads, &options.workers, &err) != FN_OK) {
        CPLError(CE_Warning, CPLE_IllegalArg, "%s: %s; all CPUs are used", driver, err.text);
        options.workers = 0;
    }
    if (options.workers <= 0)
        options.workers = fn_cpu_count();
    if (options.retries < 0) {
        options.usual = Depth() == 0;
        options.retries = options.usual ? FN_RETRIES_DEFAULT : 0;
    }
    const bool ask = options.processes < 0 && Depth() == 0;
    const char *kind = ask ? CPLGetConfigOption("FISHNET_WORKERS", nullptr) : nullptr;
    if (kind && fn_worker_options_take(&options, "WORKERS", 7, kind, &known, &err) != FN_OK)
        CPLError(CE_Warning, CPLE_IllegalArg, "%s: FISHNET_%s; threads are used", driver, err.text);
    if (options.processes < 0)
        options.processes = 0;
    if (options.readers < 0) /* threads cost less than processes */
        options.readers = Depth() > 0              ? options.workers
                          : options.processes == 0 ? 2 * FN_READERS_DEFAULT
                                                   : FN_READERS_DEFAULT;
}

std::string CurrentFolder()
{
    std::string folder;
    if (char *name = CPLGetCurrentDir()) {
        folder = name;
        CPLFree(name);
    }
    return folder;
}

static std::string ReportFile(const char *option)
{
    const std::string file = CPLGetConfigOption(option, "");
    if (file.empty() || file == "-" || Depth() > 0)
        return Depth() > 0 ? std::string() : file;
    return CPLIsFilenameRelative(file.c_str()) ? CurrentFolder() + "/" + file : file;
}

bool IsOnScreen(const std::string &log)
{
    return log == "-" || log == "/vsistdout/" || log == "/vsistderr/";
}

ReportFiles FindReportFiles()
{
    return {ReportFile("FISHNET_TRACE"), ReportFile("FISHNET_LOG")};
}

CPLStringList ThreadConfig()
{
    return CPLStringList(CPLGetThreadLocalConfigOptions(), TRUE);
}

void ConfigureWorker(CSLConstList config, int threads)
{
    CPLSetThreadLocalConfigOptions(config);
    CPLSetThreadLocalConfigOption(kDepth, CPLSPrintf("%d", Depth() + 1));
    /* Warped VRTs in their blocks: larger windows are transformed less exactly, so that a pixel would depend on who
     * asks for it. */
    CPLSetThreadLocalConfigOption("GDAL_VRT_WARP_USE_DATASET_RASTERIO", "NO");
    for (const char *name : {"GDAL_NUM_THREADS", "VRT_NUM_THREADS", "OGR_GPKG_NUM_THREADS"})
        CPLSetThreadLocalConfigOption(name, CPLSPrintf("%d", threads));
}

/* Files that are in this process alone, whatever stands before their names: /vsizip//vsimem/a.zip/b.tif */
static bool IsOfThisProcess(const std::string &name)
{
    for (const char *part : {"/vsimem/", "/vsistdin/", "/vsistdin?", "/proc/self/", "/dev/fd/", "/dev/stdin", "MEM:::"})
        if (name.find(part) != std::string::npos)
            return true;
    return false;
}

std::string WhyNotShared(GDALDatasetH dataset, const std::string &name)
{
    if (name.empty())
        return "it has no name";
    GDALDriverH driver = dataset ? GDALGetDatasetDriver(dataset) : nullptr;
    const char *driverName = driver ? GDALGetDriverShortName(driver) : "";
    if (EQUAL(driverName, "MEM") || EQUAL(driverName, "Memory"))
        return "it is in the memory of this process";
    std::string own = IsOfThisProcess(name) ? name : std::string();
    const CPLStringList files(dataset ? GDALGetFileList(dataset) : nullptr);
    for (int i = 0; i < files.size() && own.empty(); i++)
        if (IsOfThisProcess(files[i]))
            own = files[i];
    return own.empty() ? own : WithoutSecrets(own).substr(0, 300) + " is in the memory of this process";
}

} // namespace fishnet
