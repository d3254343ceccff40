#include "deleted_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cpl_vsi.h>

#include "file_names.h"
#include "input_watch.h"
#include "output_folder.h"
#include "per_thread.h"
#include "workers.h"

namespace fishnet
{

namespace
{
/* A file, or a symbolic link. */
struct Deleted {
    std::string path, target; /* of a link */
    int file = -1;
    struct stat status = {};
};

class DeletedFiles
{
  public:
    explicit DeletedFiles(const std::string &path) : m_path(path) {}
    ~DeletedFiles()
    {
        for (const Deleted &deleted : m_files)
            if (deleted.file >= 0)
                close(deleted.file);
    }
    DeletedFiles(const DeletedFiles &) = delete;
    DeletedFiles &operator=(const DeletedFiles &) = delete;

    const std::string &Path() const { return m_path; }
    std::chrono::steady_clock::time_point Begin() const { return m_begin; }
    bool IsEmpty() const { return m_files.empty(); }
    bool IsStillThere() const;
    void Add(const std::string &path);
    void AddBeside();
    std::string FindAmong(const InputFiles &inputs) const;
    bool PutBack() const;

  private:
    const std::chrono::steady_clock::time_point m_begin = std::chrono::steady_clock::now();
    std::string m_path;
    std::vector<Deleted> m_files; /* the first one is that of the name */
};
} // namespace

namespace
{
struct ThisThread {
    std::unique_ptr<DeletedFiles> deleted;
    /* Names that it has opened lately, the next one to be replaced at `next`. */
    std::array<std::string, 32> opened;
    size_t next = 0;
};
} // namespace

static PerThread<ThisThread> s_threads;

/* "./x.tif" and "folder/../x.tif" as "/here/x.tif". The file itself may be a link, and need not be there. */
static std::string Resolved(const std::string &name)
{
    const std::string path = InCurrentFolder(name);
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos || IsVirtual(path))
        return path;
    const std::unique_ptr<char, void (*)(void *)> folder(realpath(path.substr(0, slash + 1).c_str(), nullptr), free);
    return folder ? std::string(folder.get()) + "/" + path.substr(slash + 1) : path;
}

void DeletedFiles::Add(const std::string &path)
{
    Deleted deleted;
    deleted.path = path;
    m_files.reserve(m_files.size() + 1); /* before a descriptor could be lost */
    if (lstat(path.c_str(), &deleted.status) != 0)
        return;
    if (S_ISLNK(deleted.status.st_mode)) {
        char target[4096];
        const ssize_t length = readlink(path.c_str(), target, sizeof target);
        if (length < 0 || length == sizeof target || stat(path.c_str(), &deleted.status) != 0)
            return;
        deleted.target.assign(target, static_cast<size_t>(length));
    } else if (!S_ISREG(deleted.status.st_mode) || (deleted.file = open(path.c_str(), O_RDONLY | O_CLOEXEC)) < 0)
        return;
    m_files.push_back(std::move(deleted));
}

/* x.tfw, x.tif.aux.xml and x.tif.msk beside x.tif: drivers delete what belongs to a dataset. */
void DeletedFiles::AddBeside()
{
    constexpr size_t kMost = 32;
    const size_t base = m_path.rfind('/') + 1, dot = std::min(m_path.find('.', base), m_path.size());
    const std::string stem = m_path.substr(base, dot - base) + ".";
    DIR *folder = opendir(m_path.substr(0, base).c_str());
    if (!folder)
        return;
    while (const dirent *entry = readdir(folder)) {
        const std::string path = m_path.substr(0, base) + entry->d_name;
        const bool isBeside = STARTS_WITH(entry->d_name, stem.c_str()) && !strstr(entry->d_name, ".fishnet-");
        if (m_files.size() < kMost && isBeside && path != m_path)
            Add(path);
    }
    closedir(folder);
}

/* Whether the file is there that was noted, and not another one of that name. */
bool DeletedFiles::IsStillThere() const
{
    struct stat now;
    const struct stat &noted = m_files.front().status;
    return stat(m_path.c_str(), &now) == 0 && now.st_ino == noted.st_ino && now.st_dev == noted.st_dev &&
           now.st_mtim.tv_sec == noted.st_mtim.tv_sec && now.st_mtim.tv_nsec == noted.st_mtim.tv_nsec;
}

/* How often this process has the file open. */
static int TimesOpen(const struct stat &file)
{
    DIR *folder = opendir("/proc/self/fd");
    int times = 0;
    struct stat status;
    while (const dirent *entry = folder ? readdir(folder) : nullptr)
        times += fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 && status.st_ino == file.st_ino &&
                 status.st_dev == file.st_dev;
    if (folder)
        closedir(folder);
    return times;
}

/* Whether what this thread has opened lately refers to the file, as VRTs and recipes do. */
static bool IsReferredTo(const std::string &path)
{
    for (const std::string &name : s_threads.Get().opened) {
        if (name.empty() || Resolved(name) == path)
            continue;
        InputFiles inputs(InputFiles::Reach::Disk);
        inputs.AddName(name);
        for (const InputFile &input : inputs.Files())
            if (Resolved(input.path) == path)
                return true;
    }
    return false;
}

bool IsOverParts(const std::string &path)
{
    const std::string stem = path.substr(0, path.rfind('.'));
    VSIStatBufL stat;
    for (const char *folder : {"_tiles/", "_parts/"})
        if (VSIStatExL((stem + folder + output::kRecipe).c_str(), &stat, VSI_STAT_EXISTS_FLAG) == 0)
            return true;
    return false;
}

static bool IsVrt(const std::string &path)
{
    char begin[512] = {};
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t size = file >= 0 ? read(file, begin, sizeof begin - 1) : -1;
    if (file >= 0)
        close(file);
    return size > 0 && (strstr(begin, "<VRTDataset") || strstr(begin, "<OGRVRTDataSource"));
}

bool IsMosaicToDelete(const char *name)
{
    const std::string path = name;
    return !IsVirtual(path) && path.size() > 4 && EQUAL(path.c_str() + path.size() - 4, ".vrt") && IsOverParts(path) &&
           IsVrt(path) && IsAskedToDelete();
}

CPLErr DeleteMosaic(const char *name)
{
    if (unlink(name) == 0 || errno == ENOENT)
        return CE_None;
    CPLError(CE_Failure, CPLE_FileIO, "FISHNET: %s cannot be deleted: %s", name, strerror(errno));
    return CE_Failure;
}

/* Any other file is let go at once: its place on the disk may be needed. */
static bool MayBeInput(const std::string &path, bool isOpenToAsk)
{
    constexpr off_t kSmall = 1 << 20;
    struct stat status;
    return stat(path.c_str(), &status) == 0 &&
           (status.st_size <= kSmall || TimesOpen(status) > isOpenToAsk || IsReferredTo(path) || IsOverParts(path));
}

static void NoteDeleted(const std::string &path, bool isOpenToAsk)
{
    std::unique_ptr<DeletedFiles> &last = s_threads.Get().deleted;
    if (last && last->Path() == path && last->IsStillThere())
        return; /* it is opened once more to see what belongs to it */
    if (!MayBeInput(path, isOpenToAsk))
        return; /* not there, mostly: tools delete a file, and then have GDAL do so again */
    auto deleted = std::make_unique<DeletedFiles>(path);
    deleted->Add(path);
    if (deleted->IsEmpty())
        return;
    deleted->AddBeside();
    last = std::move(deleted);
}

void NoteDeletedFiles(const GDALOpenInfo *info)
{
    constexpr auto kTime = std::chrono::seconds(10);
    constexpr size_t kLongest = 4096;
    ThisThread &here = s_threads.Get();
    if (here.deleted && std::chrono::steady_clock::now() - here.deleted->Begin() > kTime)
        here.deleted.reset();
    if (IsVirtual(info->pszFilename) || IsOpenedByWorker())
        return;
    if (IsForDriverAlone(info)) {
        if (IsAskedToDelete())
            NoteDeleted(Resolved(info->pszFilename), info->fpL != nullptr);
    } else if (strlen(info->pszFilename) < kLongest &&
               here.opened[(here.next + here.opened.size() - 1) % here.opened.size()] != info->pszFilename) {
        here.opened[here.next] = info->pszFilename;
        here.next = (here.next + 1) % here.opened.size();
    }
}

std::string DeletedFiles::FindAmong(const InputFiles &inputs) const
{
    const struct stat &status = m_files.front().status;
    for (const InputFile &input : inputs.Files())
        if (Resolved(input.path) == m_path ||
            (input.state.inode == status.st_ino && input.state.device == status.st_dev))
            return input.path;
    return std::string();
}

/* With its mode and time. */
static bool CopyTo(int to, const Deleted &deleted)
{
    std::vector<char> block(1 << 20);
    off_t at = 0;
    for (;;) {
        const ssize_t size = pread(deleted.file, block.data(), block.size(), at);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size == 0 && fchmod(to, deleted.status.st_mode & 07777) == 0 &&
                   futimens(to, std::vector<timespec>{deleted.status.st_atim, deleted.status.st_mtim}.data()) == 0;
        for (ssize_t done = 0; done < size;) {
            const ssize_t written = write(to, block.data() + done, static_cast<size_t>(size - done));
            if (written < 0 && errno != EINTR)
                return false;
            done += std::max<ssize_t>(written, 0);
        }
        at += size;
    }
}

static bool PutBackOne(const Deleted &deleted)
{
    struct stat now;
    if (lstat(deleted.path.c_str(), &now) == 0)
        return true; /* it was let be */
    if (deleted.file < 0)
        return symlink(deleted.target.c_str(), deleted.path.c_str()) == 0;
    const std::string itself = "/proc/self/fd/" + std::to_string(deleted.file);
    if (linkat(AT_FDCWD, itself.c_str(), AT_FDCWD, deleted.path.c_str(), AT_SYMLINK_FOLLOW) == 0)
        return true; /* it has another name still */
    const std::string part = deleted.path + ".fishnet-" + std::to_string(getpid());
    const int to = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool whole = to >= 0 && CopyTo(to, deleted);
    whole = (to < 0 || close(to) == 0) && whole && rename(part.c_str(), deleted.path.c_str()) == 0;
    if (!whole && to >= 0) {
        const int reason = errno;
        unlink(part.c_str());
        errno = reason;
    }
    return whole;
}

bool DeletedFiles::PutBack() const
{
    bool whole = true;
    for (const Deleted &deleted : m_files)
        if (!PutBackOne(deleted)) {
            CPLError(CE_Failure, CPLE_FileIO, "FISHNET: %s was deleted by GDAL and cannot be put back: %s",
                     deleted.path.c_str(), strerror(errno));
            whole = false;
        }
    return whole;
}

std::string PutBackDeletedFiles(const std::string &output, const std::function<void(InputFiles &inputs)> &addInputs,
                                bool anyway)
{
    ThisThread *here = s_threads.Find();
    const std::unique_ptr<DeletedFiles> deleted = here ? std::move(here->deleted) : nullptr;
    if (!deleted || deleted->Path() != Resolved(output))
        return std::string();
    InputFiles inputs(InputFiles::Reach::Disk);
    addInputs(inputs);
    const std::string input = deleted->FindAmong(inputs);
    if (!input.empty() || (anyway && IsOverParts(deleted->Path())))
        deleted->PutBack();
    return input;
}

} // namespace fishnet
