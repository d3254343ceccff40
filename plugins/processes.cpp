#include "processes.h"

#include <cstring>

#include <dlfcn.h>
#include <unistd.h>

#include "fishnet/materialized.h"
#include "fishnet/session.h"
#include "fishnet/single.h"
#include "fishnet/tiles.h"
#include "gdal_compat.h"
#include "module.h"
#include "neartable/helper.h"
#include "neartable/parts.h"

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

/* A dataset that a worker opens as its input lies within another one, and knows it by this thread-local configuration option. */
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
    if (options.retries < 0)
        options.retries = Depth() > 0 ? 0 : FN_RETRIES_DEFAULT;
    const bool ask = options.processes < 0 && Depth() == 0;
    const char *kind = ask ? CPLGetConfigOption("FISHNET_WORKERS", nullptr) : nullptr;
    if (kind && fn_worker_options_take(&options, "WORKERS", 7, kind, &known, &err) != FN_OK)
        CPLError(CE_Warning, CPLE_IllegalArg, "%s: FISHNET_%s; threads are used", driver, err.text);
    if (options.processes < 0)
        options.processes = 0;
}

const char *WorkerOptionList()
{
    return "<Option name='WORKERS' type='string-select' default='THREADS' description='Kind of worker'>"
           "<Value>THREADS</Value><Value>PROCESSES</Value></Option>"
           "<Option name='NUM_WORKERS' type='string' default='ALL_CPUS' description='Number of workers or ALL_CPUS'/>"
           "<Option name='THREADS_PER_WORKER' type='int' min='1' default='1' description='Threads that GDAL may use "
           "for each "
           "worker'/>"
           "<Option name='RETRIES' type='int' min='0' max='100' default='2' description='How often a failed task is "
           "tried again'/>"
           "<Option name='TASK_TIMEOUT' type='float' min='0' default='3600' description='Seconds after which a worker "
           "process is "
           "taken to hang; 0: never'/>";
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

std::string TraceFile()
{
    const std::string file = CPLGetConfigOption("FISHNET_TRACE", "");
    if (file.empty() || Depth() > 0)
        return std::string();
    return CPLIsFilenameRelative(file.c_str()) ? CurrentFolder() + "/" + file : file;
}

CPLStringList ThreadConfig()
{
    return CPLStringList(CPLGetThreadLocalConfigOptions(), TRUE);
}

void ConfigureWorker(CSLConstList config, int threads)
{
    CPLSetThreadLocalConfigOptions(config);
    CPLSetThreadLocalConfigOption(kDepth, CPLSPrintf("%d", Depth() + 1));
    /* Warped VRTs in their blocks: larger windows are transformed less exactly, so that a pixel would depend on who asks for it. */
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

/* ---- the host's side ---- */

/* Options that GDAL may have for a path, beside those for all: access to network file systems. They cannot be listed, only asked for. */
static const char *const kPathOptions[] = {"AWS_ACCESS_KEY_ID",
                                           "AWS_SECRET_ACCESS_KEY",
                                           "AWS_SESSION_TOKEN",
                                           "AWS_DEFAULT_REGION",
                                           "AWS_REGION",
                                           "AWS_S3_ENDPOINT",
                                           "AWS_HTTPS",
                                           "AWS_VIRTUAL_HOSTING",
                                           "AWS_NO_SIGN_REQUEST",
                                           "AWS_REQUEST_PAYER",
                                           "AWS_PROFILE",
                                           "AWS_CONFIG_FILE",
                                           "AWS_ROLE_ARN",
                                           "CPL_AWS_CREDENTIALS_FILE",
                                           "GS_SECRET_ACCESS_KEY",
                                           "GS_ACCESS_KEY_ID",
                                           "GS_NO_SIGN_REQUEST",
                                           "GS_OAUTH2_REFRESH_TOKEN",
                                           "GS_OAUTH2_CLIENT_ID",
                                           "GS_OAUTH2_CLIENT_SECRET",
                                           "GS_OAUTH2_PRIVATE_KEY",
                                           "GS_OAUTH2_PRIVATE_KEY_FILE",
                                           "GS_OAUTH2_CLIENT_EMAIL",
                                           "GS_OAUTH2_SCOPE",
                                           "GS_USER_PROJECT",
                                           "GOOGLE_APPLICATION_CREDENTIALS",
                                           "CPL_GS_ENDPOINT",
                                           "AZURE_STORAGE_CONNECTION_STRING",
                                           "AZURE_STORAGE_ACCOUNT",
                                           "AZURE_STORAGE_ACCESS_KEY",
                                           "AZURE_STORAGE_SAS_TOKEN",
                                           "AZURE_STORAGE_ACCESS_TOKEN",
                                           "AZURE_NO_SIGN_REQUEST",
                                           "AZURE_SAS",
                                           "OSS_SECRET_ACCESS_KEY",
                                           "OSS_ACCESS_KEY_ID",
                                           "OSS_ENDPOINT",
                                           "SWIFT_STORAGE_URL",
                                           "SWIFT_AUTH_TOKEN",
                                           "SWIFT_AUTH_V1_URL",
                                           "SWIFT_USER",
                                           "SWIFT_KEY",
                                           "WEBHDFS_USERNAME",
                                           "WEBHDFS_DELEGATION",
                                           "GDAL_HTTP_HEADERS",
                                           "GDAL_HTTP_HEADER_FILE",
                                           "GDAL_HTTP_AUTH",
                                           "GDAL_HTTP_USERPWD",
                                           "GDAL_HTTP_BEARER",
                                           "GDAL_HTTP_COOKIE",
                                           "GDAL_HTTP_COOKIEFILE",
                                           "GDAL_HTTP_USERAGENT",
                                           "GDAL_HTTP_MAX_RETRY",
                                           "GDAL_HTTP_RETRY_DELAY",
                                           "GDAL_HTTP_TIMEOUT",
                                           "GDAL_HTTP_CONNECTTIMEOUT",
                                           "GDAL_HTTP_UNSAFESSL",
                                           "GDAL_HTTP_PROXY",
                                           "GDAL_HTTPS_PROXY",
                                           "GDAL_HTTP_PROXYUSERPWD",
                                           "GDAL_HTTP_SSLCERT",
                                           "GDAL_HTTP_SSLKEY",
                                           "GDAL_HTTP_KEYPASSWD",
                                           "GDAL_HTTP_CAINFO",
                                           "GDAL_HTTP_CAPATH",
                                           "CPL_VSIL_CURL_CHUNK_SIZE",
                                           "CPL_VSIL_CURL_ALLOWED_EXTENSIONS",
                                           "GDAL_DISABLE_READDIR_ON_OPEN"};

static Words PathOptions(const Words &inputs)
{
    Words words;
    for (const std::string &input : inputs) {
        const size_t at = input.find("/vsi");
        if (at == std::string::npos)
            continue;
        const std::string path = input.substr(at);
        for (const char *key : kPathOptions)
            if (const char *value = VSIGetPathSpecificOption(path.c_str(), key, nullptr)) {
                const char *forAll = CPLGetConfigOption(key, nullptr);
                if (!forAll || !EQUAL(forAll, value))
                    words.insert(words.end(), {path, key, value});
            }
    }
    return words;
}

/* The file that holds a function. */
static std::string LibraryOf(const void *function)
{
    Dl_info info;
    if (!dladdr(function, &info) || !info.dli_fname)
        return std::string();
    const std::unique_ptr<char, void (*)(void *)> real(realpath(info.dli_fname, nullptr), free);
    return real ? real.get() : info.dli_fname[0] == '/' ? info.dli_fname : "";
}

namespace
{
struct LoadedFiles {
    std::string module = LibraryOf(reinterpret_cast<const void *>(&fishnet_worker_main));
    std::string gdal = LibraryOf(reinterpret_cast<const void *>(&GDALAllRegister));
};
/* As they are when the module is registered: what the loader knows may be relative to the folder of that moment. */
const LoadedFiles &Loaded()
{
    static const LoadedFiles *files = new LoadedFiles();
    return *files;
}
} // namespace

void RememberFiles()
{
    Loaded();
}

const std::string &ModuleFile()
{
    return Loaded().module;
}

const std::string &GDALFile()
{
    return Loaded().gdal;
}

/* In the folder of a build as in that of an installation. */
std::string HelperProgram()
{
    const std::string &module = ModuleFile();
    return module.empty() ? module : module.substr(0, module.rfind('/') + 1) + "fishnet-worker";
}

PoolHandle NewPool(const char *kind, const Words &words, const std::string &folder, const Words &inputs,
                   const fn_worker_options &workers, size_t budget, const fn_job &job, fn_error *err)
{
    constexpr size_t kMore = size_t(1) << 30; /* addresses for a buffer beyond the budget, and for gaps */
    const CPLStringList config(CPLGetConfigOptions());
    const std::string setup = Pack({kind, folder, PackOptions(config.List()), PackOptions(ThreadConfig().List()),
                                    Pack(PathOptions(inputs)), Pack(ListMaterialized()), Pack(words)});
    const std::string program = HelperProgram();
    if (program.empty()) {
        fn_fail(err, FN_ERR_ARGUMENT,
                "the folder of the program fishnet-worker is not known, worker processes cannot be started");
        return nullptr;
    }
    const char *const command[] = {program.c_str(), ModuleFile().c_str(), GDALFile().c_str(), nullptr};
    fn_pool_options options = {};
    options.command = command;
    options.setup = setup.data();
    options.setup_bytes = setup.size();
    options.timeout = workers.timeout;
    options.memory = 2 * budget + kMore;
    options.workers = workers.workers;
    fn_pool *pool = nullptr;
    fn_pool_new(&options, &job, &pool, err);
    return PoolHandle(pool);
}

/* ---- the helper's side ---- */

static const struct {
    const char *kind;
    PrepareJob prepare;
} kKinds[] = {{"raster", PrepareRasterJob},
              {"tiles", PrepareTilesJob},
              {"single", PrepareSingleJob},
              {"near", PrepareNearJob},
              {"near parts", PreparePartsJob}};

/* Before the drivers are registered: some look at it then. */
static bool Configure(const Words &setup)
{
    Words config, paths;
    if (!Unpack(setup[2].data(), setup[2].size(), config) || !Unpack(setup[4].data(), setup[4].size(), paths) ||
        paths.size() % 3 != 0)
        return false;
    for (const std::string &item : config) {
        char *key = nullptr;
        const char *value = CPLParseNameValue(item.c_str(), &key);
        if (key && value)
            CPLSetConfigOption(key, value);
        CPLFree(key);
    }
    for (size_t i = 0; i < paths.size(); i += 3)
        VSISetPathSpecificOption(paths[i].c_str(), paths[i + 1].c_str(), paths[i + 2].c_str());
    CPLStringList local;
    Words options;
    if (!Unpack(setup[3].data(), setup[3].size(), options))
        return false;
    for (const std::string &option : options)
        local.AddString(option.c_str());
    CPLSetThreadLocalConfigOptions(local.List());
    return true;
}

/* Nobody in this process is there to hear messages. Those of tasks travel to the host, which has heard those of registering drivers itself. */
static void CPL_STDCALL KeepDebugMessages(CPLErr level, CPLErrorNum number, const char *text)
{
    if (level == CE_Debug)
        CPLDefaultErrorHandler(level, number, text);
}

static fn_status Prepare(const void *bytes, size_t size, fn_job *job, void **answer, size_t *answerBytes, fn_error *err)
{
    CPLSetErrorHandler(KeepDebugMessages);
    return GuardedTask(err, "the helper process", FN_ERR_MEMORY, [&]() -> fn_status {
        Words setup, materialized, words;
        if (!Unpack(bytes, size, setup) || setup.size() != 7 ||
            !Unpack(setup[5].data(), setup[5].size(), materialized) ||
            !Unpack(setup[6].data(), setup[6].size(), words) || !Configure(setup))
            return fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
        TakeOverMaterialized(materialized);
        if (!setup[1].empty() && chdir(setup[1].c_str()) != 0)
            return fn_fail(err, FN_ERR_READ, "the folder %.300s cannot be entered: %s", setup[1].c_str(),
                           strerror(errno));
        GDALAllRegister();
        if (!GDALGetDriverByName("FISHNET"))
            GDALRegister_FISHNET();
        for (const auto &known : kKinds)
            if (setup[0] == known.kind) {
                std::string text;
                const fn_status status = known.prepare(words, job, &text, err);
                job->notes_to_bytes = NotesToBytes;
                if (!text.empty())
                    *answer = Duplicate(text, answerBytes);
                return status;
            }
        return fn_fail(err, FN_ERR_ARGUMENT, "the helper process knows no job of the kind %.50s", setup[0].c_str());
    });
}

} // namespace fishnet

/* What the program fishnet-worker calls. */
int fishnet_worker_main(void)
{
    static const fn_helper helper = {fishnet::Prepare};
    return fn_pool_help(&helper);
}
