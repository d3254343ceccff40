#include "helper.h"

#include <cerrno>
#include <cstring>
#include <thread>

#include <dlfcn.h>
#include <unistd.h>

#include "capability.h"
#include "file_names.h"
#include "gdal_compat.h"
#include "module.h"

namespace fishnet
{

/* ---- the host's side ---- */

/* Options that GDAL may have for a path, beside those for all: access to network file systems. They cannot be
 * listed, only asked for. */
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

/* Inputs beyond a network, by their own names. */
static Words RemoteFiles(const Words &inputs)
{
    constexpr size_t kMost = 16; /* of others each worker asks for itself */
    Words files;
    for (const std::string &input : inputs)
        if (IsVirtual(input) && IsRemoteName(input) && files.size() < kMost)
            files.push_back(input);
    return files;
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

static HandedDown handedDown;

void HandDown(const HandedDown &what)
{
    handedDown = what;
}

/* Where the words of a setup are. */
enum : size_t { kKind, kFolder, kConfig, kThreadConfig, kPaths, kInherited, kThreads, kRemote, kWords, kSetupWords };

std::shared_ptr<Helper> Helper::New(std::shared_ptr<Job> job, const fn_worker_options &workers, size_t budget,
                                    fn_error *err)
{
    constexpr size_t kMore = size_t(1) << 30; /* addresses for a buffer beyond the budget, and for gaps */
    const std::shared_ptr<Helper> self(new Helper(std::move(job), workers.retries));
    const JobDescription description = self->m_job->Describe();
    const CPLStringList config(CPLGetConfigOptions());
    const std::string setup =
        Pack({description.kind, description.folder, PackOptions(config.List()), PackOptions(ThreadConfig().List()),
              Pack(PathOptions(description.inputs)), Pack(handedDown.list ? handedDown.list() : Words()),
              std::to_string(self->m_job->Threads()), Pack(RemoteFiles(description.inputs)), Pack(description.words)});
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
    self->m_core.job = self->m_job.get();
    const fn_job core = ToCore(self->m_core, 0);
    fn_pool *pool = nullptr;
    fn_pool_new(&options, &core, &pool, err);
    self->m_pool.reset(pool);
    return pool ? self : nullptr;
}

fn_status Helper::Start(Notes &messages, std::string &answer, fn_error *err)
{
    for (int tried = 1; fn_pool_start(m_pool.get(), err) != FN_OK; tried++)
        if (!WaitToTryAgain(tried, m_retries, err))
            return err->status;
    size_t size = 0;
    const void *bytes = fn_pool_answer(m_pool.get(), &size);
    Words words;
    const bool sense = Unpack(bytes, size, words) && words.size() == 2;
    const std::unique_ptr<Notes> told(
        sense ? static_cast<Notes *>(NotesFromBytes(nullptr, words[0].data(), words[0].size())) : nullptr);
    if (!told)
        return fn_fail(err, FN_ERR_SYSTEM, "the helper process gave an answer that makes no sense");
    messages = std::move(*told);
    answer = words[1];
    return FN_OK;
}

/* ---- the helper's side ---- */

/* Before the drivers are registered: some look at it then. */
static bool Configure(const Words &setup)
{
    Words config, paths;
    if (!Unpack(setup[kConfig].data(), setup[kConfig].size(), config) ||
        !Unpack(setup[kPaths].data(), setup[kPaths].size(), paths) || paths.size() % 3 != 0)
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
    if (!Unpack(setup[kThreadConfig].data(), setup[kThreadConfig].size(), options))
        return false;
    for (const std::string &option : options)
        local.AddString(option.c_str());
    CPLSetThreadLocalConfigOptions(local.List());
    return true;
}

/* Nobody in this process is there to hear messages. Those of tasks travel to the host, which has heard those of
 * registering drivers itself. */
static void CPL_STDCALL KeepDebugMessages(CPLErr level, CPLErrorNum number, const char *text)
{
    if (level == CE_Debug)
        CPLDefaultErrorHandler(level, number, text);
}

/* The bytes of a result for the host: to be freed with free(). */
static void *ToHost(const std::string &text, size_t *size)
{
    void *copy = malloc(text.size());
    if (copy)
        memcpy(copy, text.data(), text.size());
    *size = copy ? text.size() : 0;
    return copy;
}

/* Messages as a word. */
static std::string PackNotes(Notes &&messages)
{
    size_t size = 0;
    const std::unique_ptr<void, void (*)(void *)> bytes(NotesToBytes(nullptr, new Notes(std::move(messages)), &size),
                                                        free);
    return std::string(static_cast<const char *>(bytes.get()), bytes ? size : 0);
}

/* What each worker would ask the servers for first, asked once for all: GDAL keeps sizes and headers. On threads that
 * end here, and their connections with them: none may cross the fork. */
static void LookAtRemote(const Words &files)
{
    constexpr size_t kHeader = 16384; /* what GDAL asks for at least */
    const CPLStringList config = ThreadConfig();
    const auto look = [&config](const std::string &name) {
        CPLSetThreadLocalConfigOptions(config.List());
        const MessageCollector collector; /* what is wrong, workers will tell */
        std::vector<char> bytes(kHeader);
        VSILFILE *file = VSIFOpenL(name.c_str(), "rb");
        const bool isRead = file && VSIFReadL(bytes.data(), 1, kHeader, file) > 0;
        if (file)
            VSIFCloseL(file);
        if (!isRead)
            VSICurlPartialClearCache(name.c_str());
    };
    std::vector<std::thread> threads;
    for (const std::string &name : files)
        GuardedQuietly(false, [&] {
            threads.emplace_back([&look, &name] {
                GuardedQuietly(false, [&] {
                    look(name);
                    return true;
                });
            });
            return true;
        });
    for (std::thread &thread : threads)
        thread.join();
}

/* The job of the setup, prepared. */
static fn_status PrepareJob(const Words &setup, const Words &words, fn_job *core, std::string &answer, fn_error *err)
{
    const MakeJob make = FindJob(setup[kKind]);
    if (!make)
        return fn_fail(err, FN_ERR_ARGUMENT, "the helper process knows no job of the kind %.50s", setup[kKind].c_str());
    std::unique_ptr<Job> job = make(words, atoi(setup[kThreads].c_str()), err);
    if (!job)
        return err->status;
    ConfigureWorker(job->Config(), 1); /* threads of the helper would be missing in its workers */
    Notes messages;
    const fn_status status = job->Prepare(messages, {}, err);
    VSICurlClearCache(); /* nor may a connection cross the fork */
    if (status != FN_OK)
        return status;
    answer = Pack({PackNotes(std::move(messages)), job->Answer()});
    *core = ToCore(*new CoreJob{job.release(), nullptr, nullptr}, 0); /* as long as the process */
    return FN_OK;
}

static fn_status Prepare(const void *bytes, size_t size, fn_job *job, void **answer, size_t *answerBytes, fn_error *err)
{
    CPLSetErrorHandler(KeepDebugMessages);
    return GuardedTask(err, "the helper process", FN_ERR_MEMORY, [&]() -> fn_status {
        Words setup, inherited, remote, words;
        if (!Unpack(bytes, size, setup) || setup.size() != kSetupWords ||
            !Unpack(setup[kInherited].data(), setup[kInherited].size(), inherited) ||
            !Unpack(setup[kRemote].data(), setup[kRemote].size(), remote) ||
            !Unpack(setup[kWords].data(), setup[kWords].size(), words) || !Configure(setup))
            return fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
        if (!setup[kFolder].empty() && chdir(setup[kFolder].c_str()) != 0)
            return fn_fail(err, FN_ERR_READ, "the folder %.300s cannot be entered: %s", setup[kFolder].c_str(),
                           strerror(errno));
        GDALAllRegister();
        if (!GDALGetDriverByName("FISHNET"))
            GDALRegister_FISHNET();
        Capability::RegisterJobs(); /* GDAL may have found the drivers in another copy of this module */
        if (handedDown.takeOver)
            handedDown.takeOver(inherited);
        std::string text;
        const fn_status status = PrepareJob(setup, words, job, text, err);
        if (status == FN_OK)
            LookAtRemote(remote);
        if (status == FN_OK)
            *answer = ToHost(text, answerBytes);
        return status;
    });
}

} // namespace fishnet

/* What the program fishnet-worker calls. */
int fishnet_worker_main(void)
{
    static const fn_helper helper = {fishnet::Prepare};
    return fn_pool_help(&helper);
}
