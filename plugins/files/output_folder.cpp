#include "output_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cpl_string.h>

#include "file_names.h"
#include "handles.h"

namespace fishnet::output
{

static constexpr const char *kRecipe = "recipe.txt";

/* ---- names ---- */

static std::string PartName(const std::string &folder, const std::string &stem, long process)
{
    return folder + "/." + stem + "." + std::to_string(process) + ".part";
}

static std::string FirstLine(const OutputKind &kind)
{
    return std::string("The ") + kind.what + " in this folder were made by Fishnet's driver " + kind.driver +
           " by this recipe:";
}

static bool EndsWith(const std::string &text, const std::string &end)
{
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/* Something unfinished of ours, of a tile or of another file. */
static bool IsPart(const std::string &name)
{
    if (name.empty() || name[0] != '.' || !EndsWith(name, ".part"))
        return false;
    const std::string rest = name.substr(1, name.size() - 1 - strlen(".part"));
    const size_t dot = rest.rfind('.');
    return dot != std::string::npos && dot + 1 < rest.size() &&
           rest.find_first_not_of("0123456789", dot + 1) == std::string::npos;
}

/* ---- files ---- */

static bool FailFile(const char *driver, const std::string &name, const std::string &what)
{
    const int number = errno;
    CPLError(CE_Failure, CPLE_FileIO, "%s%s%s cannot be %s: %s", driver, *driver ? ": " : "", name.c_str(),
             what.c_str(), number ? strerror(number) : "no reason given");
    return false;
}

/* Where the system's own calls reach the files. */
static bool IsOnDisk(const std::string &name)
{
    return !IsVirtual(name);
}

/* Whether a file or folder is there. False after CPLError: that cannot be found out. */
static bool LookFor(const char *driver, const std::string &name, bool &there, VSIStatBufL &stat)
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

bool ListFolder(const char *driver, const std::string &folder, std::vector<std::string> &names)
{
    if (IsOnDisk(folder))
        return ListOnDisk(driver, folder, names);
    errno = 0;
    const std::unique_ptr<VSIDIR, void (*)(VSIDIR *)> stream(VSIOpenDir(folder.c_str(), 0, nullptr), VSICloseDir);
    if (!stream)
        return FailFile(driver, folder, "listed");
    while (const VSIDIREntry *entry = VSIGetNextDirEntry(stream.get()))
        names.emplace_back(entry->pszName);
    return true;
}

bool WriteWhole(const char *driver, const std::string &name, const std::string &text)
{
    const size_t slash = name.rfind('/');
    const size_t base = slash == std::string::npos ? 0 : slash + 1;
    const std::string part = name.substr(0, base) + "." + name.substr(base) + "." + std::to_string(getpid()) + ".part";
    errno = 0;
    VSILFILE *file = VSIFOpenL(part.c_str(), "wb");
    if (!file)
        return FailFile(driver, name, "written");
    const bool written = VSIFWriteL(text.data(), 1, text.size(), file) == text.size();
    const bool whole = VSIFCloseL(file) == 0 && written;
    if (whole && VSIRename(part.c_str(), name.c_str()) == 0)
        return true;
    FailFile(driver, name, "written");
    VSIUnlink(part.c_str());
    return false;
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

/* ---- an output that is not whole yet ---- */

PartFolder::~PartFolder()
{
    if (!m_path.empty())
        GuardedQuietly(0, [this] { return VSIRmdirRecursive(m_path.c_str()); });
}

/* A process of the same number may have left one, and another thread may be at work on an output of that name. */
bool PartFolder::Make()
{
    constexpr int kMost = 100;
    std::string path;
    for (int i = 0; i < kMost; i++) {
        path = PartName(m_folder, i ? m_stem + "." + std::to_string(i) : m_stem, getpid());
        errno = 0;
        if (VSIMkdir(path.c_str(), 0755) == 0) {
            m_path.swap(path);
            return true;
        }
        if (errno != EEXIST)
            break;
    }
    return FailFile(m_who.c_str(), path, "made");
}

bool PartFolder::Publish(const std::string &file) const
{
    std::vector<std::string> names;
    if (!ListFolder(m_who.c_str(), m_path, names))
        return false;
    names.erase(std::remove(names.begin(), names.end(), file), names.end());
    names.push_back(file);
    for (const std::string &name : names) {
        const std::string from = m_path + "/" + name, to = m_folder + "/" + name;
        errno = 0;
        if (VSIRename(from.c_str(), to.c_str()) != 0)
            return FailFile(m_who.c_str(), from, "moved to " + to);
    }
    return true;
}

/* ---- whose folder it is ---- */

OutputFolder::~OutputFolder()
{
    if (m_lock >= 0)
        close(m_lock);
}

/* A lock that the system takes back however the process ends. Where it has none, that is no reason to stop. */
bool OutputFolder::Lock()
{
    if (!IsOnDisk(m_folder))
        return true;
    m_lock = open(m_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m_lock < 0)
        return FailFile(m_kind.driver, m_folder, "opened");
    if (flock(m_lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return true;
    CPLError(CE_Failure, CPLE_AppDefined, "%s: another run is writing %s to %s", m_kind.driver, m_kind.what,
             m_folder.c_str());
    return false;
}

bool ReadLines(const char *driver, const std::string &name, std::vector<std::string> &lines)
{
    GByte *bytes = nullptr;
    vsi_l_offset size = 0;
    VSIStatBufL stat;
    bool there = false;
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

/* A folder that others have put files into is theirs: nothing is written to it or removed. */
bool OutputFolder::IsOurs(bool &isNew)
{
    std::vector<std::string> lines, names;
    if (!ReadLines(m_kind.driver, m_folder + "/" + kRecipe, lines) || !List(names))
        return false;
    isNew = lines.empty();
    if (!isNew && lines[0] == FirstLine(m_kind))
        return true;
    for (const std::string &name : names)
        if (!isNew || !IsPart(name)) {
            CPLError(CE_Failure, CPLE_AppDefined,
                     "%s: the folder %s holds %s, and no %s of ours: it is not touched. Move it away, or write "
                     "to another place",
                     m_kind.driver, m_folder.c_str(), name.c_str(), kRecipe);
            return false;
        }
    return true;
}

bool OutputFolder::SameRecipe(const OutputRecipe &recipe, bool &same) const
{
    const std::string name = m_folder + "/" + kRecipe;
    std::vector<std::string> old;
    same = false;
    if (!ReadLines(m_kind.driver, name, old))
        return false;
    for (size_t i = 0; i < std::max(old.size() - 1, recipe.lines.size()); i++) {
        const std::string before = i + 1 < old.size() ? old[i + 1] : "nothing more";
        const std::string now = i < recipe.lines.size() ? LineWithoutSecrets(recipe.lines[i]) : "nothing more";
        if (before == now)
            continue;
        CPLError(CE_Failure, CPLE_AppDefined,
                 "%s: RESUME: the %s in %s were made in another way. %s says\n  %.300s\nand now it is\n  "
                 "%.300s\nWithout RESUME they are made anew",
                 m_kind.driver, m_kind.what, m_folder.c_str(), name.c_str(), before.c_str(), now.c_str());
        return false;
    }
    if (!recipe.unknown.empty()) {
        CPLError(CE_Failure, CPLE_AppDefined,
                 "%s: RESUME: whether the input %.300s has changed since the %s in %s were made cannot be known: it "
                 "tells no time of its last change. Without RESUME they are made anew",
                 m_kind.driver, WithoutSecrets(recipe.unknown).c_str(), m_kind.what, m_folder.c_str());
        return false;
    }
    same = true;
    return true;
}

bool OutputFolder::WriteRecipe(const OutputRecipe &recipe) const
{
    std::string text = FirstLine(m_kind) + "\n";
    for (const std::string &line : recipe.lines)
        text += LineWithoutSecrets(line) + "\n";
    return WriteWhole(m_kind.driver, m_folder + "/" + kRecipe, text);
}

std::string OneLine(const std::string &text)
{
    std::string line;
    for (char c : text)
        line += c == '\n' ? "\\n" : c == '\\' ? "\\\\" : std::string(1, c);
    return line;
}

bool OutputFolder::Begin(const OutputRecipe &recipe, bool resume)
{
    VSIStatBufL stat;
    const std::string &folder = m_folder;
    if (folder.find('\\') != std::string::npos) { /* as GDAL takes it, when the file over the parts names them */
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s: a backslash in a name separates folders: choose another name",
                 m_kind.driver, folder.c_str());
        return false;
    }
    errno = 0;
    if (VSIStatL(folder.c_str(), &stat) != 0) {
        errno = 0;
        if (VSIMkdir(folder.c_str(), 0755) != 0)
            return FailFile(m_kind.driver, folder, "made");
    } else if (!VSI_ISDIR(stat.st_mode)) {
        CPLError(CE_Failure, CPLE_FileIO, "%s: %s is to be the folder for %s, and is a file", m_kind.driver,
                 folder.c_str(), m_kind.what);
        return false;
    }
    bool isNew = false, same = false;
    if (!Lock() || !IsOurs(isNew))
        return false;
    if (resume && !isNew && !SameRecipe(recipe, same))
        return false;
    if (resume && isNew && !recipe.unknown.empty())
        CPLError(CE_Warning, CPLE_AppDefined,
                 "%s: RESUME: this run cannot be continued if it is interrupted: the input %.300s tells no time of its "
                 "last change",
                 m_kind.driver, WithoutSecrets(recipe.unknown).c_str());
    return RemoveParts() && (same || (RemoveOutputs() && WriteRecipe(recipe)));
}

bool OutputFolder::RemoveOutputs() const
{
    std::vector<std::string> names;
    if (!List(names))
        return false;
    for (const std::string &name : names)
        if (m_kind.isMember(name) && !Remove(m_kind.driver, m_folder + "/" + name))
            return false;
    return true;
}

/* ---- outputs ---- */

bool OutputFolder::Find(const std::string &file, const std::string &failures, bool &there) const
{
    VSIStatBufL stat, note;
    const std::string name = m_folder + "/" + file, failed = m_folder + "/" + failures;
    bool isThere = false, hasFailed = false;
    there = false;
    if (!LookFor(m_kind.driver, name, isThere, stat) ||
        (!failures.empty() && !LookFor(m_kind.driver, failed, hasFailed, note)))
        return false;
    there = isThere && !hasFailed && (VSI_ISDIR(stat.st_mode) || stat.st_size > 0);
    if (there)
        return true;
    /* The output first: the note stays as long as it. */
    return (!isThere || Remove(m_kind.driver, name)) && (!hasFailed || Remove(m_kind.driver, failed));
}

bool OutputFolder::RemovePart(const std::string &stem, long process) const
{
    return Remove(m_kind.driver, PartName(m_folder, stem, process));
}

bool OutputFolder::RemoveParts() const
{
    std::vector<std::string> names;
    bool ok = List(names);
    for (const std::string &name : names)
        ok = (!IsPart(name) || Remove(m_kind.driver, m_folder + "/" + name)) && ok;
    return ok;
}

} // namespace fishnet::output
