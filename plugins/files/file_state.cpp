#include "file_state.h"

#include <cerrno>

#include <sys/stat.h>

#include <cpl_vsi.h>

#include "file_names.h"
#include "handles.h"

namespace fishnet
{

bool FileState::operator==(const FileState &other) const
{
    return kind == other.kind && device == other.device && inode == other.inode && bytes == other.bytes &&
           seconds == other.seconds && nanoseconds == other.nanoseconds && tag == other.tag;
}

static FileState StateOnDisk(const std::string &path)
{
    FileState state;
    struct stat status;
    if (stat(path.c_str(), &status) != 0) {
        state.kind = errno == ENOENT || errno == ENOTDIR ? FileState::Kind::Absent : FileState::Kind::Unknown;
        return state;
    }
    state.kind = FileState::Kind::Known;
    state.device = static_cast<uint64_t>(status.st_dev);
    state.inode = static_cast<uint64_t>(status.st_ino);
    state.bytes = static_cast<int64_t>(status.st_size);
    state.seconds = static_cast<int64_t>(status.st_mtim.tv_sec);
    state.nanoseconds = static_cast<int64_t>(status.st_mtim.tv_nsec);
    return state;
}

/* The version of a file, from a server that gives no time. */
static std::string TagOf(const std::string &path)
{
    const CPLStringList headers(VSIGetFileMetadata(path.c_str(), "HEADERS", nullptr));
    for (const char *key : {"ETag", "etag", "Etag"})
        if (const char *tag = headers.FetchNameValue(key))
            return STARTS_WITH(tag, "W/") ? std::string() : tag; /* a weak one may stand for several versions */
    return {};
}

static FileState StateInGDAL(const std::string &path)
{
    FileState state;
    MessageCollector collector;
    VSIStatBufL status;
    if (IsFarAway(path))
        VSICurlPartialClearCache(path.c_str()); /* or it would say what it has said before */
    if (VSIStatL(path.c_str(), &status) != 0) {
        state.kind = IsInMemory(path) ? FileState::Kind::Absent : FileState::Kind::Unknown;
        return state;
    }
    state.bytes = static_cast<int64_t>(status.st_size);
    state.seconds = static_cast<int64_t>(status.st_mtime);
    if (state.seconds <= 0)
        state.tag = TagOf(path);
    if (state.seconds > 0 || !state.tag.empty())
        state.kind = FileState::Kind::Known;
    return state;
}

bool IsJournal(const std::string &name)
{
    return HasEnding(name, "-wal");
}

FileState StateOf(const std::string &path)
{
    const FileState state = IsVirtual(path) ? StateInGDAL(path) : StateOnDisk(path);
    /* SQLite makes an empty journal where it looks for one, and removes it. */
    if (!IsJournal(path) || state.kind != FileState::Kind::Known || state.bytes > 0)
        return state;
    FileState absent;
    absent.kind = FileState::Kind::Absent;
    return absent;
}

} // namespace fishnet
