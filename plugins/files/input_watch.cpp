#include "input_watch.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unwind.h>

#include "boundary.h"
#include "file_names.h"
#include "handles.h"
#include "per_thread.h"
#include "workers.h"

namespace fishnet
{

/* ---- files that are set aside ---- */

/* Files that GDAL deletes to make place for an output, under other names beside their own. */
class SetAside
{
  public:
    /* Sets the files of the dataset aside that its own driver deletes, and has it do so. NULL after CPLError:
     * nothing was done. */
    static std::shared_ptr<SetAside> Delete(const std::string &name, CPLErr *result);
    ~SetAside()
    {
        Guarded("FISHNET", false, [this] {
            Settle();
            return true;
        });
    }
    SetAside(const SetAside &) = delete;
    SetAside &operator=(const SetAside &) = delete;

    /* A read was refused. The thread that deleted the file is the one that writes the output, which it then cannot
     * finish. */
    void Refuse() { (std::this_thread::get_id() == m_thread ? m_refused : m_refusedElsewhere).store(true); }
    /* Puts the input back, or removes what is left of it. */
    void Settle();
    const std::string &Name() const { return m_name; }

  private:
    struct Moved {
        std::string path, kept;
    };
    explicit SetAside(const std::string &name) : m_name(name) {}
    bool Keep(const std::string &path);
    bool KeepByName(const std::string &path);
    void PutBack() const;

    std::string m_name;
    std::vector<Moved> m_moved;
    std::vector<std::string> m_absent; /* files beside it that an output may leave */
    const std::thread::id m_thread = std::this_thread::get_id();
    std::atomic<bool> m_refused{false}, m_refusedElsewhere{false};
};

/* Whether what GDAL asks on this thread is answered as if there were no watch. */
static PerThread<bool> s_pass;

static bool Passes()
{
    const bool *pass = s_pass.Find();
    return pass && *pass;
}

namespace
{
struct Pass {
    Pass() { s_pass.Get() = true; }
    ~Pass() { s_pass.Get() = false; }
    Pass(const Pass &) = delete;
    Pass &operator=(const Pass &) = delete;
};
} // namespace

static bool IsThere(const std::string &path)
{
    VSIStatBufL status;
    struct stat own;
    return IsVirtual(path) ? VSIStatExL(path.c_str(), &status, VSI_STAT_EXISTS_FLAG) == 0
                           : lstat(path.c_str(), &own) == 0;
}

/* A name that a search for what is missing finds: nothing hidden, and not taken for a file of its format. */
static std::string NameToKeep(const std::string &path)
{
    constexpr int kMost = 1000;
    const std::string begin = path + ".fishnet-" + std::to_string(getpid());
    std::string name = begin;
    for (int i = 2; IsThere(name) && i < kMost; i++)
        name = begin + "-" + std::to_string(i);
    return name;
}

/* By a second name of the file, which its driver may then delete. */
bool SetAside::Keep(const std::string &path)
{
    const std::string kept = NameToKeep(path);
    if (IsVirtual(path) || link(path.c_str(), kept.c_str()) != 0)
        return false;
    m_moved.push_back({path, kept});
    return true;
}

/* Where a file has one name only. */
bool SetAside::KeepByName(const std::string &path)
{
    const std::string kept = NameToKeep(path);
    errno = 0;
    if (VSIRename(path.c_str(), kept.c_str()) != 0) {
        CPLError(CE_Failure, CPLE_FileIO, "FISHNET: %s is an input and cannot be set aside: %s", path.c_str(),
                 strerror(errno));
        return false;
    }
    m_moved.push_back({path, kept});
    return true;
}

/* Is it named as the dataset is, but for its ending: x.tfw beside x.tif? */
static bool IsBeside(const std::string &path, const std::string &name)
{
    const size_t base = name.rfind('/') + 1, dot = std::min(name.find('.', base), name.size());
    return path.compare(0, dot, name, 0, dot) == 0 && path.find('/', dot) == std::string::npos &&
           (path.size() == dot || path[dot] == '.');
}

/* The file itself, and those that the dataset consists of or refers to: what a driver deletes with it is among them. */
static std::vector<std::string> FilesOf(const std::string &name)
{
    MessageCollector collector;
    std::vector<std::string> files = {name};
    const DatasetHandle dataset(
        GDALOpenEx(name.c_str(), GDAL_OF_RASTER | GDAL_OF_VECTOR | GDAL_OF_INTERNAL, nullptr, nullptr, nullptr));
    const CPLStringList list(dataset ? GDALGetFileList(dataset.get()) : nullptr);
    for (int i = 0; i < list.size(); i++)
        if (name != list[i])
            files.emplace_back(AbsoluteName(list[i]));
    return files;
}

std::shared_ptr<SetAside> SetAside::Delete(const std::string &name, CPLErr *result)
{
    const Pass pass;
    std::shared_ptr<SetAside> self(new SetAside(name));
    const std::vector<std::string> files = FilesOf(name);
    for (const char *ending : {".aux.xml", ".msk", ".ovr"})
        if (!IsThere(name + ending))
            self->m_absent.push_back(name + ending);
    *result = CE_None;
    if (!self->Keep(name))
        return self->KeepByName(name) ? self : nullptr;
    for (size_t i = 1; i < files.size(); i++)
        self->Keep(files[i]);
    if (GDALDriverH driver = GDALIdentifyDriver(name.c_str(), nullptr))
        *result = GDALDeleteDataset(driver, name.c_str());
    else
        VSIUnlink(name.c_str());
    const auto isThere = [](const Moved &moved) {
        const bool there = IsThere(moved.path);
        if (there)
            unlink(moved.kept.c_str());
        return there;
    };
    self->m_moved.erase(std::remove_if(self->m_moved.begin(), self->m_moved.end(), isThere), self->m_moved.end());
    return self;
}

void SetAside::PutBack() const
{
    for (const std::string &path : m_absent)
        if (IsThere(path))
            VSIUnlink(path.c_str()); /* of the output that was not finished */
    for (const Moved &moved : m_moved) {
        errno = 0;
        if (VSIRename(moved.kept.c_str(), moved.path.c_str()) != 0)
            CPLError(CE_Failure, CPLE_FileIO, "FISHNET: the input %s cannot be put back, it is now %s: %s",
                     moved.path.c_str(), moved.kept.c_str(), strerror(errno));
    }
}

void SetAside::Settle()
{
    if (m_refused.load() || !IsThere(m_name)) {
        PutBack();
    } else if (m_refusedElsewhere.load()) {
        for (const Moved &moved : m_moved)
            CPLError(CE_Warning, CPLE_AppDefined, "FISHNET: the input %s was overwritten, what it was is now %s",
                     moved.path.c_str(), moved.kept.c_str());
    } else {
        /* The driver of an OGR VRT deletes the layers that it reads. */
        for (const Moved &moved : m_moved)
            if (IsBeside(moved.path, m_name) || IsThere(moved.path) ||
                VSIRename(moved.kept.c_str(), moved.path.c_str()) != 0)
                VSIUnlink(moved.kept.c_str());
    }
    m_moved.clear();
}

/* ---- all that watch ---- */

namespace
{
struct All {
    std::mutex mutex;
    std::vector<InputWatch *> watches;
    std::atomic<size_t> count{0}; /* of them: most programs have none when they open a file */
};
} // namespace

static All &Everybody()
{
    /* Never destroyed: datasets may be closed after static objects are gone. Takes no memory: a destructor may be
     * the first that asks. */
    alignas(All) static unsigned char place[sizeof(All)];
    static All *all = new (place) All();
    return *all;
}

std::shared_ptr<InputWatch> InputWatch::New(const std::vector<std::string> &names)
{
    if (IsOpenedByWorker())
        return nullptr;
    std::shared_ptr<InputWatch> self(new InputWatch());
    for (const std::string &name : names)
        if (!name.empty())
            self->m_files.AddName(name);
    self->m_remote.Note(self->m_files.LeftOut());
    self->Begin();
    return self;
}

/* Not what programs leave beside a file when they only look at it, nor what a database keeps beside itself as long
 * as it is open. */
static bool DecidesOnValues(const InputFile &file)
{
    if (file.state.kind == FileState::Kind::Unknown || IsFarAway(file.path))
        return false;
    return !HasEnding(file.path, ".aux.xml") && !HasEnding(file.path, ".ovr") && !IsJournal(file.path);
}

void InputWatch::Begin()
{
    for (const InputFile &file : m_files.Files())
        if (DecidesOnValues(file))
            m_watched.push_back({file});
    All &all = Everybody();
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.watches.push_back(this);
    all.count.store(all.watches.size());
}

InputWatch::~InputWatch()
{
    All &all = Everybody();
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.watches.erase(std::remove(all.watches.begin(), all.watches.end(), this), all.watches.end());
    all.count.store(all.watches.size());
}

/* ---- what is asked of a dataset ---- */

static bool IsAnother(const InputFile &file, bool isOurDatabase)
{
    const FileState now = StateOf(file.path);
    return isOurDatabase ? now.device != file.state.device || now.inode != file.state.inode : now != file.state;
}

std::string InputWatch::Changed(bool all)
{
    using Clock = std::chrono::steady_clock;
    constexpr size_t kFew = 256;
    constexpr int kShare = 50; /* the time for a look at all of many files is at most this part of the whole */
    const Clock::time_point begin = Clock::now();
    const bool whole = all || m_watched.size() <= kFew || begin >= m_next;
    const size_t n = whole ? m_watched.size() : kFew;
    for (size_t i = 0; i < n; i++)
        if (IsAnother(m_watched[i].file, m_watched[i].isOurDatabase))
            return m_watched[i].file.name;
    if (whole) {
        const Clock::time_point end = Clock::now();
        m_next = end + kShare * (end - begin);
    }
    return {};
}

/* Looks through this process's own files. */
std::string InputWatch::OpenForWriting()
{
    const std::unique_ptr<DIR, int (*)(DIR *)> folder(opendir("/proc/self/fd"), closedir);
    while (const dirent *entry = folder ? readdir(folder.get()) : nullptr) {
        struct stat status;
        if (fstat(atoi(entry->d_name), &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        for (const Watched &watched : m_watched) {
            const FileState &state = watched.file.state;
            if (!watched.isOurDatabase && state.inode == static_cast<uint64_t>(status.st_ino) &&
                state.device == static_cast<uint64_t>(status.st_dev) && state.inode != 0 &&
                (fcntl(atoi(entry->d_name), F_GETFL) & O_ACCMODE) != O_RDONLY)
                return watched.file.name;
        }
    }
    return {};
}

std::string InputWatch::WhyNot(bool all, bool failed)
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    if (!IsWhole()) {
        if (m_setAside)
            m_setAside->Refuse();
        return m_setAside ? "the output is an input: " + m_setAside->Name() +
                                " was to be overwritten, and is put back when this dataset is closed"
                          : std::string("the output is an input");
    }
    const std::string written = m_maybeWritten.load() ? OpenForWriting() : std::string();
    if (!written.empty())
        return "the output is an input: " + written + " is open for writing in this program";
    m_remote.Begin();
    const std::string changed = Changed(all);
    if (changed.empty())
        return m_remote.WhyNot(all, failed);
    return changed.empty() ? changed : "an input has changed since it was opened: " + changed;
}

void InputWatch::BeginLook()
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    m_remote.BeginLook();
}

void InputWatch::DropLook()
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    m_remote.DropLook();
}

/* ---- what GDAL asks of the driver ---- */

bool IsForDriverAlone(const GDALOpenInfo *info)
{
    constexpr int kAllKinds = GDAL_OF_KIND_MASK & ~GDAL_OF_MULTIDIM_RASTER;
    const int kinds = info->nOpenFlags & GDAL_OF_KIND_MASK;
    return info->eAccess != GA_Update && (kinds == 0 || kinds == kAllKinds);
}

/* Others who ask whose file this is are told what they would be told without us. */
bool IsAskedToDelete()
{
    struct Search {
        int left = 24; /* frames */
        bool found = false;
    } search;
    const auto look = [](_Unwind_Context *frame, void *data) {
        auto *self = static_cast<Search *>(data);
        Dl_info info;
        const uintptr_t address = _Unwind_GetIP(frame);
        self->found = address != 0 && dladdr(reinterpret_cast<void *>(address - 1), &info) != 0 && info.dli_sname &&
                      strstr(info.dli_sname, "GDALDriver11QuietDelete") != nullptr;
        return self->found || --self->left == 0 ? _URC_END_OF_STACK : _URC_NO_REASON;
    };
    if (!Passes())
        _Unwind_Backtrace(look, &search);
    return search.found;
}

/* Whether the file of that name is an input: the very file, by whatever name. The number of an input that is gone
 * may be another file's by now. */
bool InputWatch::IsInput(const std::string &path, const FileState &now) const
{
    if (!IsWhole() || now.kind != FileState::Kind::Known)
        return false;
    const std::vector<InputFile> &files = m_files.Files();
    const auto isNow = [&now](const FileState &state) {
        return state.inode == now.inode && state.device == now.device;
    };
    return std::any_of(files.begin(), files.end(), [&](const InputFile &file) {
        return now.inode != 0 ? isNow(file.state) && isNow(StateOf(file.path)) : file.path == path;
    });
}

bool InputWatch::Identify(const GDALOpenInfo *info)
{
    All &all = Everybody();
    if (all.count.load(std::memory_order_relaxed) == 0 || Passes())
        return false;
    const bool update = info->eAccess == GA_Update;
    if (!update && !IsForDriverAlone(info))
        return false;
    const bool isDatabase = info->nHeaderBytes > 15 && memcmp(info->pabyHeader, "SQLite format 3", 15) == 0;
    const std::string path = InCurrentFolder(info->pszFilename);
    if (IsFarAway(path))
        return false;
    const FileState now = StateOf(path);
    const std::lock_guard<std::mutex> lock(all.mutex);
    for (InputWatch *watch : all.watches) {
        if (!watch->IsInput(path, now))
            continue;
        if (!update)
            return IsAskedToDelete();
        const std::lock_guard<std::mutex> own(watch->m_mutex);
        /* programs that show layers open them so, and write only when somebody edits */
        if (info->nOpenFlags & GDAL_OF_RASTER)
            watch->m_maybeWritten.store(true);
        for (Watched &watched : watch->m_watched)
            if (watched.file.state.inode == now.inode && watched.file.state.device == now.device)
                watched.isOurDatabase = isDatabase;
    }
    return false;
}

/* Those that read the file, and still may. */
std::vector<std::shared_ptr<InputWatch>> InputWatch::Having(const std::string &name)
{
    All &all = Everybody();
    const std::string path = InCurrentFolder(name);
    const FileState now = StateOf(path);
    std::vector<std::shared_ptr<InputWatch>> found;
    const std::lock_guard<std::mutex> lock(all.mutex);
    for (InputWatch *watch : all.watches)
        if (watch->IsInput(path, now))
            if (std::shared_ptr<InputWatch> alive = watch->weak_from_this().lock())
                found.push_back(std::move(alive));
    return found;
}

bool InputWatch::Delete(const char *name, CPLErr *result)
{
    if (Everybody().count.load(std::memory_order_relaxed) == 0 || Passes())
        return false;
    const std::vector<std::shared_ptr<InputWatch>> watches = Having(name);
    if (watches.empty())
        return false;
    *result = CE_Failure;
    const std::shared_ptr<SetAside> aside = SetAside::Delete(InCurrentFolder(name), result);
    for (const std::shared_ptr<InputWatch> &watch : watches) {
        const std::lock_guard<std::mutex> lock(watch->m_mutex);
        watch->m_setAside = aside;
        watch->m_isSetAside.store(true, std::memory_order_release);
    }
    return true;
}

std::string InputWatch::PutBack(const std::string &name)
{
    All &all = Everybody();
    const std::string path = InCurrentFolder(name);
    std::shared_ptr<SetAside> aside;
    {
        const std::lock_guard<std::mutex> lock(all.mutex);
        for (InputWatch *watch : all.watches) {
            const std::lock_guard<std::mutex> own(watch->m_mutex);
            if (watch->m_setAside && watch->m_setAside->Name() == path)
                aside = watch->m_setAside;
        }
    }
    if (!aside)
        return {};
    aside->Refuse();
    aside->Settle();
    return path;
}

bool CheckOutput(const char *driver, const InputFiles &inputs, const std::string &output, const std::string &folder)
{
    const std::string same = inputs.Find(output), within = folder.empty() ? folder : inputs.FindIn(folder);
    if (!same.empty())
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: the output %s is an input: %s", driver, output.c_str(),
                 same.c_str());
    else if (!within.empty())
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: the input %s lies in %s, which the output takes for itself", driver,
                 within.c_str(), folder.c_str());
    return same.empty() && within.empty();
}

} // namespace fishnet
