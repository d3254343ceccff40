#include "output_files.h"

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "file_names.h"
#include "handles.h"

namespace fishnet::output
{

bool FailFile(const char *driver, const std::string &name, const std::string &what)
{
    const int number = errno;
    CPLError(CE_Failure, CPLE_FileIO, "%s%s%s cannot be %s: %s", driver, *driver ? ": " : "", name.c_str(),
             what.c_str(), number ? strerror(number) : "no reason given");
    return false;
}

static bool FailObject(const char *driver, const std::string &name, const std::string &what, const std::string &why)
{
    CPLError(CE_Failure, CPLE_FileIO, "%s%s%s cannot be %s: %s", driver, *driver ? ": " : "", name.c_str(),
             what.c_str(), why.c_str());
    return false;
}

/* Where the system's own calls reach the files. */
bool IsOnDisk(const std::string &name)
{
    return !IsVirtual(name);
}

/* Whether a file or folder is there. False after CPLError: that cannot be found out. */
bool LookFor(const char *driver, const std::string &name, bool &there, VSIStatBufL &stat)
{
    errno = 0;
    there = VSIStatL(name.c_str(), &stat) == 0;
    return there || !IsOnDisk(name) || errno == 0 || errno == ENOENT || errno == ENOTDIR ||
           FailFile(driver, name, "looked for");
}

bool Remove(const char *driver, const std::string &name)
{
    VSIStatBufL stat;
    bool there = false;
    if (!LookFor(driver, name, there, stat))
        return false;
    if (!there && IsOnDisk(name)) { /* a link that leads nowhere is a file, too */
        errno = 0;
        return unlink(name.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR || FailFile(driver, name, "removed");
    }
    errno = 0;
    return !there || (VSI_ISDIR(stat.st_mode) ? VSIRmdirRecursive(name.c_str()) : VSIUnlink(name.c_str())) == 0 ||
           FailFile(driver, name, "removed");
}

static bool ListOnDisk(const char *driver, const std::string &folder, std::vector<std::string> &names)
{
    errno = 0;
    const std::unique_ptr<DIR, int (*)(DIR *)> stream(opendir(folder.c_str()), closedir);
    if (!stream)
        return FailFile(driver, folder, "listed");
    for (;;) {
        errno = 0;
        const dirent *entry = readdir(stream.get());
        if (!entry)
            return errno == 0 || FailFile(driver, folder, "listed");
        if (!EQUAL(entry->d_name, ".") && !EQUAL(entry->d_name, ".."))
            names.emplace_back(entry->d_name);
    }
}

/* What an object store has below a folder, with sizes. It needs no folder to be there. */
bool ListObjects(const char *driver, const std::string &folder, std::map<std::string, int64_t> &objects)
{
    std::string why;
    {
        MessageCollector collector;
        VSICurlPartialClearCache(folder.c_str()); /* others write to it, too */
        const std::unique_ptr<VSIDIR, void (*)(VSIDIR *)> stream(VSIOpenDir(folder.c_str(), 0, nullptr), VSICloseDir);
        while (const VSIDIREntry *entry = stream ? VSIGetNextDirEntry(stream.get()) : nullptr)
            if (*entry->pszName && !VSI_ISDIR(entry->nMode))
                objects[entry->pszName] = static_cast<int64_t>(entry->nSize);
        why = collector.Cause("");
    }
    return why.empty() || FailObject(driver, folder, "listed", why);
}

bool ListFolder(const char *driver, const std::string &folder, std::vector<std::string> &names)
{
    if (IsOnDisk(folder))
        return ListOnDisk(driver, folder, names);
    if (IsFarAway(folder)) {
        std::map<std::string, int64_t> objects;
        const bool listed = ListObjects(driver, folder, objects);
        for (const auto &object : objects)
            names.push_back(object.first);
        return listed;
    }
    errno = 0;
    const std::unique_ptr<VSIDIR, void (*)(VSIDIR *)> stream(VSIOpenDir(folder.c_str(), 0, nullptr), VSICloseDir);
    if (!stream)
        return FailFile(driver, folder, "listed");
    while (const VSIDIREntry *entry = VSIGetNextDirEntry(stream.get()))
        names.emplace_back(entry->pszName);
    return true;
}

/* An object has its name when all of it has been sent. next: the bytes that follow, none at the end; false: there is
 * no telling. */
static bool SendObject(const char *who, const std::string &name,
                       const std::function<bool(const char *&bytes, size_t &count)> &next)
{
    std::string why;
    {
        MessageCollector collector;
        VSILFILE *file = VSIFOpenL(name.c_str(), "wb");
        const char *bytes = nullptr;
        size_t count = 0;
        bool good = file != nullptr;
        while (good && (good = next(bytes, count)) && count > 0)
            good = VSIFWriteL(bytes, 1, count, file) == count;
        good = file && VSIFCloseL(file) == 0 && good;
        if (!good || collector.Failures() > 0)
            why = collector.Cause("no reason given");
    }
    if (!why.empty())
        VSIUnlink(name.c_str()); /* half of it may have been sent */
    return why.empty() || FailObject(who, name, "written", why);
}

static bool SendText(const char *driver, const std::string &name, const std::string &text)
{
    bool sent = false;
    return SendObject(driver, name, [&](const char *&bytes, size_t &count) {
        bytes = text.data();
        count = sent ? 0 : text.size();
        return sent = true;
    });
}

bool SendFile(const std::string &who, const std::string &from, const std::string &to)
{
    std::vector<char> block(1 << 20);
    const std::unique_ptr<VSILFILE, int (*)(VSILFILE *)> file(VSIFOpenL(from.c_str(), "rb"), VSIFCloseL);
    if (!file)
        return FailFile(who.c_str(), from, "read");
    return SendObject(who.c_str(), to, [&](const char *&bytes, size_t &count) {
        bytes = block.data();
        count = VSIFReadL(block.data(), 1, block.size(), file.get());
        return count == block.size() || VSIFEofL(file.get()) != 0;
    });
}

/* put: gives the file its name. */
static bool WriteAndPut(const char *driver, const std::string &name, const std::string &text, const std::string &part,
                        bool (*put)(const std::string &part, const std::string &name))
{
    errno = 0;
    VSILFILE *file = VSIFOpenL(part.c_str(), "wb");
    if (!file)
        return FailFile(driver, name, "written");
    const bool written = VSIFWriteL(text.data(), 1, text.size(), file) == text.size();
    const bool whole = VSIFCloseL(file) == 0 && written;
    if (whole && put(part, name))
        return true;
    FailFile(driver, name, "written");
    VSIUnlink(part.c_str());
    return false;
}

std::string PartName(const std::string &folder, const std::string &stem, long process)
{
    return folder + "/." + stem + "." + std::to_string(process) + ".part";
}

static std::string PartOfFile(const std::string &name, const std::string &run)
{
    const size_t slash = name.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : name.substr(0, slash);
    const std::string base = slash == std::string::npos ? name : name.substr(slash + 1);
    return PartName(folder, run.empty() ? base : base + "." + run, getpid());
}

static bool PutInPlace(const std::string &part, const std::string &name)
{
    return VSIRename(part.c_str(), name.c_str()) == 0;
}

/* Where there are no links the file is written in its place: who sees half of it takes it for another one. */
static bool PutIfFree(const std::string &part, const std::string &name)
{
    if (!IsOnDisk(name))
        return PutInPlace(part, name);
    const bool linked = link(part.c_str(), name.c_str()) == 0;
    if (linked || errno == EEXIST) {
        unlink(part.c_str());
        return true;
    }
    const int from = open(part.c_str(), O_RDONLY | O_CLOEXEC);
    const int to = from < 0 ? -1 : open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    const bool isThere = from >= 0 && to < 0 && errno == EEXIST;
    std::vector<char> block(1 << 16);
    ssize_t n = 0;
    bool good = to >= 0;
    while (good && (n = read(from, block.data(), block.size())) > 0)
        good = write(to, block.data(), static_cast<size_t>(n)) == n;
    good = good && n == 0;
    for (const int file : {from, to})
        good = (file < 0 || close(file) == 0) && good;
    if (to >= 0 && !good)
        unlink(name.c_str());
    if (good || isThere)
        unlink(part.c_str());
    return good || isThere;
}

bool WriteWhole(const char *driver, const std::string &name, const std::string &text)
{
    if (IsFarAway(name))
        return SendText(driver, name, text);
    return WriteAndPut(driver, name, text, PartOfFile(name, std::string()), PutInPlace);
}

bool WriteFirst(const char *driver, const std::string &name, const std::string &text, const std::string &run)
{
    if (IsFarAway(name))
        return SendText(driver, name, text);
    return WriteAndPut(driver, name, text, PartOfFile(name, run), PutIfFree);
}

std::string WhyNotWritable(const std::string &folder)
{
    if (!IsOnDisk(folder))
        return std::string();
    /* More than a file system keeps in reserve for small files. */
    static const std::vector<char> some(size_t(1) << 20);
    const std::string name = folder + "/probe";
    const int file = open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int number = file < 0 ? errno : 0;
    if (file >= 0) {
        for (size_t done = 0; done < some.size() && !number;) {
            const ssize_t n = write(file, some.data() + done, some.size() - done);
            if (n > 0)
                done += static_cast<size_t>(n);
            else
                number = errno ? errno : ENOSPC;
        }
        if (!number && fsync(file) != 0 && errno != EINVAL)
            number = errno;
        close(file);
        unlink(name.c_str());
    }
    return number ? strerror(number) : std::string();
}

bool ReadLines(const char *driver, const std::string &name, std::vector<std::string> &lines)
{
    GByte *bytes = nullptr;
    vsi_l_offset size = 0;
    VSIStatBufL stat;
    bool there = false;
    if (IsFarAway(name))
        VSICurlPartialClearCache(name.c_str());
    if (!LookFor(driver, name, there, stat))
        return false;
    if (!there)
        return true;
    {
        MessageCollector collector;
        errno = 0;
        there = VSIIngestFile(nullptr, name.c_str(), &bytes, &size, -1);
    }
    const std::unique_ptr<GByte, void (*)(void *)> owner(bytes, VSIFree);
    if (!there || size < static_cast<vsi_l_offset>(stat.st_size))
        return FailFile(driver, name, "read");
    const std::string text(reinterpret_cast<char *>(bytes), static_cast<size_t>(size));
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return true;
}

} // namespace fishnet::output
