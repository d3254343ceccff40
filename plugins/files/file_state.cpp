#include "file_state.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <vector>

#include <sys/stat.h>

#include <cpl_string.h>
#include <cpl_time.h>
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

FileState StateOfServer(const std::string &path)
{
    FileState state;
    const MessageCollector collector;
    const CPLStringList headers(VSIGetFileMetadata(path.c_str(), "HEADERS", nullptr));
    const auto find = [&headers](const char *key) -> const char * { /* FetchNameValue() knows no case, either */
                                                                    const char *value = headers.FetchNameValue(key);
                                                                    return value ? value : "";
    };
    const char *range = strrchr(find("Content-Range"), '/'); /* some are asked for a few bytes */
    const char *size = range ? range + 1 : find("Content-Length"), *tag = find("ETag");
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    struct tm time = {};
    if (CPLParseRFC822DateTime(find("Last-Modified"), &year, &month, &day, &hour, &minute, &second, nullptr, nullptr)) {
        time.tm_year = year - 1900;
        time.tm_mon = month - 1;
        time.tm_mday = day;
        time.tm_hour = hour;
        time.tm_min = minute;
        time.tm_sec = std::max(0, second);
        state.seconds = static_cast<int64_t>(CPLYMDHMSToUnixTime(&time));
    }
    if (!STARTS_WITH(tag, "W/")) /* a weak one may stand for several versions */
        state.tag = tag;
    state.bytes = strtoll(size, nullptr, 10);
    if (*size && (state.seconds > 0 || !state.tag.empty()))
        state.kind = FileState::Kind::Known;
    return state;
}

static FileState StateInGDAL(const std::string &path)
{
    FileState state;
    MessageCollector collector;
    VSIStatBufL status;
    if (IsFarAway(path))
        state = StateOfServer(path);
    if (state.kind == FileState::Kind::Known)
        return state;
    if (IsFarAway(path))
        VSICurlPartialClearCache(path.c_str()); /* or it would say what it has said before */
    if (VSIStatL(path.c_str(), &status) != 0) {
        state.kind = IsInMemory(path) ? FileState::Kind::Absent : FileState::Kind::Unknown;
        return state;
    }
    state.bytes = static_cast<int64_t>(status.st_size);
    state.seconds = static_cast<int64_t>(status.st_mtime);
    if (state.seconds > 0)
        state.kind = FileState::Kind::Known;
    return state;
}

static void AddToCheck(const char *bytes, size_t size, uint64_t &check)
{
    for (size_t i = 0; i < size; i++)
        check = (check ^ static_cast<unsigned char>(bytes[i])) * 1099511628211u;
}

static void CheckFolder(const std::string &path, uint64_t &check)
{
    const CPLStringList list(VSIReadDir(path.c_str()));
    std::vector<std::string> names;
    for (int i = 0; i < list.size(); i++)
        names.emplace_back(list[i]);
    std::sort(names.begin(), names.end());
    for (const std::string &name : names)
        AddToCheck(name.c_str(), name.size() + 1, check);
}

/* A quarter of what is read is at the front, a quarter at the end, where formats have their indices. */
static bool CheckPieces(VSILFILE *file, vsi_l_offset size, size_t most, uint64_t &check)
{
    constexpr size_t kPiece = 4096;
    const size_t end = most / 4 / kPiece * kPiece, pieces = most / 2 / kPiece;
    std::vector<char> bytes(size <= most ? static_cast<size_t>(size) : std::max(end, kPiece));
    const auto add = [&](vsi_l_offset at, size_t count) {
        const bool read = VSIFSeekL(file, at, SEEK_SET) == 0 && VSIFReadL(bytes.data(), 1, count, file) == count;
        if (read)
            AddToCheck(bytes.data(), count, check);
        return read;
    };
    if (size <= most)
        return add(0, bytes.size());
    bool read = add(0, end) && add(size - end, end);
    const vsi_l_offset between = size - 2 * end;
    for (size_t i = 0; read && i < pieces; i++)
        read = add(end + between / pieces * i, std::min<size_t>(kPiece, static_cast<size_t>(between / pieces)));
    return read;
}

bool CheckFile(const std::string &path, size_t most, uint64_t &check)
{
    MessageCollector collector;
    VSIStatBufL status;
    check = 14695981039346656037u;
    if (VSIStatL(path.c_str(), &status) != 0)
        return false;
    if (VSI_ISDIR(status.st_mode)) {
        CheckFolder(path, check);
        return true;
    }
    const std::unique_ptr<VSILFILE, int (*)(VSILFILE *)> file(VSIFOpenL(path.c_str(), "rb"), VSIFCloseL);
    return file && CheckPieces(file.get(), static_cast<vsi_l_offset>(status.st_size), most, check);
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
