#include "patient_files.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include <cpl_error.h>
#include <cpl_vsi.h>
#include <cpl_vsi_error.h>

#include "boundary.h"
#include "file_names.h"
#include "handles.h"
#include "secrets.h"

namespace fishnet
{

static constexpr int kAttempts = 4;

bool MayPass(const std::string &answer)
{
    static constexpr std::array<const char *, 11> kPassing = {
        "code: 429", "code: 500",    "code: 502",    "code: 503", "code: 504",  "Empty reply",
        "timed out", "Recv failure", "Send failure", "reset",     "closed with"};
    return std::any_of(kPassing.begin(), kPassing.end(),
                       [&](const char *text) { return answer.find(text) != std::string::npos; });
}

/* Databases are read page by page, by SQLite, which takes no page for another. */
static bool IsDatabase(const std::string &name)
{
    constexpr const char *kEndings[] = {".gpkg", ".sqlite", ".sqlite3", ".mbtiles", ".db"};
    return std::any_of(std::begin(kEndings), std::end(kEndings),
                       [&name](const char *ending) { return HasEnding(name, ending); });
}

/* Read once, from the begin. */
static bool IsStream(const std::string &name)
{
    return name.find("_streaming/") < name.find('/', 1);
}

std::string PatientName(const std::string &name)
{
    const bool isOfNetwork = IsVirtual(name) && !VSIIsLocal(name.c_str()) && !IsStream(name);
    return isOfNetwork && !IsDatabase(name) ? kPatientFiles + name : name;
}

std::string PlainName(const std::string &name)
{
    std::string plain = name;
    for (size_t at = plain.find(kPatientFiles); at != std::string::npos; at = plain.find(kPatientFiles, at))
        plain.erase(at, strlen(kPatientFiles));
    return plain;
}

char **PlainNames(char **names)
{
    for (char **name = names; name && *name; name++)
        strcpy(*name, PlainName(*name).c_str()); /* not longer */
    return names;
}

/* ---- attempts ---- */

/* Before attempt `number`, from 1: GDAL asks the server anew. */
static void Forget(const std::string &path, int number)
{
    VSICurlPartialClearCache(path.c_str());
    std::this_thread::sleep_for(std::chrono::milliseconds(250 << number));
}

namespace
{
/* Servers that have not given what was asked for, however often: for a while each is asked once. Drivers look for many
 * files, and a job tries again itself. Never destroyed: datasets may be closed after static objects are gone. */
class Servers
{
  public:
    static Servers &All()
    {
        static auto *all = new Servers();
        return *all;
    }
    int64_t Failures() const { return m_failures; }
    void Note(const std::string &path)
    {
        m_failures++;
        const std::lock_guard<std::mutex> lock(m_mutex);
        m_failed[NameIn(path)] = Clock::now();
    }
    int AttemptsFor(const std::string &path)
    {
        constexpr auto kWhile = std::chrono::seconds(10);
        const std::lock_guard<std::mutex> lock(m_mutex);
        const auto found = m_failed.find(NameIn(path));
        return found != m_failed.end() && Clock::now() - found->second < kWhile ? 1 : kAttempts;
    }

  private:
    using Clock = std::chrono::steady_clock;

    /* "/vsicurl/https://example.com", "/vsis3/bucket" */
    static std::string NameIn(const std::string &path)
    {
        const size_t scheme = path.find("://");
        return path.substr(0, path.find('/', scheme == std::string::npos ? path.find('/', 1) + 1 : scheme + 3));
    }

    std::atomic<int64_t> m_failures{0};
    std::mutex m_mutex;
    std::map<std::string, Clock::time_point> m_failed;
};
} // namespace

int64_t PatientFailures()
{
    return Servers::All().Failures();
}

static void Fail(const std::string &path, const std::string &why, int attempts)
{
    Servers::All().Note(path);
    CPLError(CE_Failure, CPLE_FileIO, "%s cannot be read: %s (tried %d times)", WithoutSecrets(path).c_str(),
             why.c_str(), attempts);
}

/* "HTTP response code: 503": GDAL keeps it as the error of file systems, or only warns. */
static std::string AnswerOf(const MessageCollector &collector)
{
    std::string answer = VSIGetLastErrorMsg(), code;
    for (const Message &message : collector.messages)
        if (message.text.find("HTTP response code on ") != std::string::npos)
            code = "HTTP response code" + message.text.substr(message.text.rfind(": "));
    if (answer.find("HTTP response code") != std::string::npos) /* others are an object store's own words */
        return answer;
    return answer.empty() || code.empty() ? answer + code : answer + "; " + code;
}

/* Calls attempt() until it succeeds, or the server says that there is no such file: false, without an error. */
template <class F> static bool Try(const std::string &path, F &&attempt)
{
    for (int number = 1, attempts = 0;; number++) {
        std::string answer;
        {
            const MessageCollector collector;
            VSIErrorReset();
            const bool done = attempt();
            answer = AnswerOf(collector);
            if (done && !MayPass(answer)) /* GDAL may know that a file is there, and not how large it is */
                return true;
        }
        if (!MayPass(answer))
            return false;
        attempts = attempts > 0 ? attempts : Servers::All().AttemptsFor(path);
        if (number == attempts) {
            Fail(path, answer, attempts);
            return false;
        }
        Forget(path, number);
    }
}

/* ---- files ---- */

namespace
{
struct PatientFile {
    std::string path;
    VSILFILE *file = nullptr;
    vsi_l_offset size = 0, at = 0;
    bool isAtEnd = false;

    ~PatientFile()
    {
        if (file)
            VSIFCloseL(file);
    }
    bool Open();
    size_t Read(char *to, size_t wanted);
};
} // namespace

bool PatientFile::Open()
{
    if (file)
        VSIFCloseL(file);
    file = VSIFOpenExL(path.c_str(), "rb", TRUE);
    if (!file || VSIFSeekL(file, 0, SEEK_END) != 0)
        return false;
    size = VSIFTellL(file);
    return true;
}

/* All that is wanted and is in the file, or an error. */
size_t PatientFile::Read(char *to, size_t wanted)
{
    const vsi_l_offset left = at < size ? size - at : 0;
    const auto most = static_cast<size_t>(std::min<vsi_l_offset>(wanted, left));
    size_t done = 0;
    for (int number = 1, attempts = 0; done < most; number++) {
        if (file && VSIFSeekL(file, at + done, SEEK_SET) == 0)
            done += VSIFReadL(to + done, 1, most - done, file);
        if (done == most)
            break;
        attempts = attempts > 0 ? attempts : Servers::All().AttemptsFor(path);
        if (number == attempts) {
            Fail(path, std::to_string(done) + " of " + std::to_string(most) + " bytes from " + std::to_string(at),
                 attempts);
            break;
        }
        Forget(path, number);
        const vsi_l_offset before = size;
        const int64_t failed = PatientFailures();
        const bool isOpen = Try(path, [this] { return Open(); });
        if (!isOpen || size != before) {
            size = before;
            if (PatientFailures() == failed)
                Fail(path, isOpen ? "it has changed" : "it is not there any more", number + 1);
            break;
        }
    }
    at += done;
    isAtEnd = done < wanted;
    return done;
}

/* ---- what GDAL calls ---- */

static int Stat(void *, const char *name, VSIStatBufL *status, int flags)
{
    return GuardedQuietly(-1, [&] {
        const std::string path = name;
        const bool isThere = Try(path, [&] {
            return VSIStatExL(path.c_str(), status,
                              flags & VSI_STAT_CACHE_ONLY ? flags : flags | VSI_STAT_SET_ERROR_FLAG) == 0;
        });
        return isThere ? 0 : -1;
    });
}

static char **ReadFolder(void *, const char *name, int most)
{
    return VSIReadDirEx(name, most);
}

static void *OpenFile(void *, const char *name, const char *access)
{
    return GuardedQuietly<void *>(nullptr, [&]() -> void * {
        auto own = std::make_unique<PatientFile>();
        own->path = name;
        if (*access != 'r' || strchr(access, '+') || !Try(own->path, [&] { return own->Open(); }))
            return nullptr;
        return own.release();
    });
}

static PatientFile &Of(void *file)
{
    return *static_cast<PatientFile *>(file);
}

static vsi_l_offset Tell(void *file)
{
    return Of(file).at;
}

static int Seek(void *file, vsi_l_offset offset, int whence)
{
    PatientFile &own = Of(file);
    own.at = whence == SEEK_SET ? offset : offset + (whence == SEEK_CUR ? own.at : own.size);
    own.isAtEnd = false;
    return 0;
}

static size_t Read(void *file, void *to, size_t size, size_t count)
{
    return GuardedQuietly<size_t>(
        0, [&] { return size == 0 ? 0 : Of(file).Read(static_cast<char *>(to), size * count) / size; });
}

static int ReadRanges(void *file, int count, void **to, const vsi_l_offset *offsets, const size_t *sizes)
{
    return GuardedQuietly(-1, [&] {
        PatientFile &own = Of(file);
        const vsi_l_offset before = own.at;
        bool good = true;
        for (int i = 0; good && i < count; i++) {
            own.at = offsets[i];
            good = own.Read(static_cast<char *>(to[i]), sizes[i]) == sizes[i];
        }
        own.at = before;
        return good ? 0 : -1;
    });
}

static int IsAtEnd(void *file)
{
    return Of(file).isAtEnd;
}

static int Close(void *file)
{
    delete static_cast<PatientFile *>(file);
    return 0;
}

void InstallPatientFiles()
{
    const CPLStringList there(VSIGetFileSystemsPrefixes());
    if (there.FindString(kPatientFiles) >= 0) /* drivers may be registered again */
        return;
    VSIFilesystemPluginCallbacksStruct *own = VSIAllocFilesystemPluginCallbacksStruct();
    if (!own)
        return;
    own->stat = Stat;
    own->read_dir = ReadFolder;
    own->open = OpenFile;
    own->tell = Tell;
    own->seek = Seek;
    own->read = Read;
    own->read_multi_range = ReadRanges;
    own->eof = IsAtEnd;
    own->close = Close;
    VSIInstallPluginHandler(kPatientFiles, own);
    VSIFreeFilesystemPluginCallbacksStruct(own);
}

} // namespace fishnet
