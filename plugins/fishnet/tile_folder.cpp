#include "fishnet/tile_folder.h"

#include <cctype>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "handles.h"

namespace fishnet
{

static constexpr const char *kRecipe = "recipe.txt";
static constexpr const char *kFirstLine = "Tiles of Fishnet, made by this recipe:";
static constexpr const char *kFailed = "failed.txt";

/* ---- names ---- */

std::string PartFolder(const TileSet &tiles, int64_t tile, long process)
{
    return tiles.folder + "/." + tiles.Stem(tile) + "." + std::to_string(process) + ".part";
}

std::string FailedFile(const TileSet &tiles, int64_t tile)
{
    return tiles.Stem(tile) + "." + kFailed;
}

/* Length of the "r003_c012" that the name begins with, or 0. */
static size_t StemLength(const std::string &name)
{
    size_t at = 0;
    for (const char *part : {"r", "_c"}) {
        if (name.compare(at, strlen(part), part) != 0)
            return 0;
        at += strlen(part);
        const size_t begin = at;
        while (at < name.size() && isdigit(static_cast<unsigned char>(name[at])))
            at++;
        if (at - begin < 3)
            return 0;
    }
    return at;
}

static bool EndsWith(const std::string &text, const std::string &end)
{
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

static bool IsOfTile(const std::string &name)
{
    const size_t stem = StemLength(name);
    return stem > 0 && stem < name.size() && name[stem] == '.';
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

static bool FailFile(const std::string &name, const char *what)
{
    const int number = errno;
    CPLError(CE_Failure, CPLE_FileIO, "FISHNET: %s cannot be %s: %s", name.c_str(), what,
             number ? strerror(number) : "no reason given");
    return false;
}

static void RemoveAny(const std::string &name)
{
    VSIStatBufL stat;
    if (VSIStatExL(name.c_str(), &stat, VSI_STAT_EXISTS_FLAG | VSI_STAT_NATURE_FLAG) != 0)
        return;
    if (VSI_ISDIR(stat.st_mode))
        VSIRmdirRecursive(name.c_str());
    else
        VSIUnlink(name.c_str());
}

/* Where the system's own calls reach the files. */
static bool IsOnDisk(const std::string &name)
{
    return !STARTS_WITH(name.c_str(), "/vsi");
}

bool WriteWhole(const std::string &name, const std::string &text)
{
    const size_t slash = name.rfind('/');
    const size_t base = slash == std::string::npos ? 0 : slash + 1;
    const std::string part = name.substr(0, base) + "." + name.substr(base) + "." + std::to_string(getpid()) + ".part";
    errno = 0;
    VSILFILE *file = VSIFOpenL(part.c_str(), "wb");
    if (!file)
        return FailFile(name, "written");
    const bool written = VSIFWriteL(text.data(), 1, text.size(), file) == text.size();
    const bool whole = VSIFCloseL(file) == 0 && written;
    if (whole && VSIRename(part.c_str(), name.c_str()) == 0)
        return true;
    FailFile(name, "written");
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

std::vector<std::string> TileFolder::List() const
{
    std::vector<std::string> names;
    const CPLStringList entries(VSIReadDir(m_tiles.folder.c_str()));
    for (int i = 0; i < entries.size(); i++)
        if (!EQUAL(entries[i], ".") && !EQUAL(entries[i], ".."))
            names.emplace_back(entries[i]);
    return names;
}

/* ---- whose folder it is ---- */

TileFolder::~TileFolder()
{
    if (m_lock >= 0)
        close(m_lock);
}

/* A lock that the system takes back however the process ends. Where it has none, that is no reason to stop. */
bool TileFolder::Lock()
{
    if (!IsOnDisk(m_tiles.folder))
        return true;
    m_lock = open(m_tiles.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m_lock < 0)
        return FailFile(m_tiles.folder, "opened");
    if (flock(m_lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return true;
    CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: another run is writing tiles to %s", m_tiles.folder.c_str());
    return false;
}

static std::vector<std::string> ReadLines(const std::string &name)
{
    std::vector<std::string> lines;
    GByte *bytes = nullptr;
    vsi_l_offset size = 0;
    MessageCollector collector; /* an absent file is an answer */
    if (!VSIIngestFile(nullptr, name.c_str(), &bytes, &size, -1))
        return lines;
    const std::string text(reinterpret_cast<char *>(bytes), static_cast<size_t>(size));
    VSIFree(bytes);
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

/* A folder that others have put files into is theirs: nothing is written to it or removed. */
bool TileFolder::IsOurs(bool &isNew)
{
    const std::vector<std::string> lines = ReadLines(m_tiles.folder + "/" + kRecipe);
    isNew = lines.empty();
    if (!isNew && lines[0] == kFirstLine)
        return true;
    for (const std::string &name : List())
        if (!isNew || !IsPart(name)) {
            CPLError(CE_Failure, CPLE_AppDefined,
                     "FISHNET: the folder %s holds %s, and no %s of ours: it is not touched. Move it away, or write "
                     "to another "
                     "place",
                     m_tiles.folder.c_str(), name.c_str(), kRecipe);
            return false;
        }
    return true;
}

bool TileFolder::SameRecipe(const std::vector<std::string> &recipe, bool &same) const
{
    const std::string name = m_tiles.folder + "/" + kRecipe;
    const std::vector<std::string> old = ReadLines(name);
    same = false;
    for (size_t i = 0; i < std::max(old.size() - 1, recipe.size()); i++) {
        const std::string before = i + 1 < old.size() ? old[i + 1] : "nothing more";
        const std::string now = i < recipe.size() ? recipe[i] : "nothing more";
        if (before == now)
            continue;
        CPLError(CE_Failure, CPLE_AppDefined,
                 "FISHNET: RESUME: the tiles in %s were made in another way. %s says\n  %.300s\nand now it is\n  "
                 "%.300s\nWithout RESUME they are made anew",
                 m_tiles.folder.c_str(), name.c_str(), before.c_str(), now.c_str());
        return false;
    }
    same = true;
    return true;
}

bool TileFolder::WriteRecipe(const std::vector<std::string> &recipe) const
{
    std::string text = std::string(kFirstLine) + "\n";
    for (const std::string &line : recipe)
        text += line + "\n";
    return WriteWhole(m_tiles.folder + "/" + kRecipe, text);
}

bool TileFolder::Begin(const std::vector<std::string> &recipe, bool resume)
{
    VSIStatBufL stat;
    const std::string &folder = m_tiles.folder;
    errno = 0;
    if (VSIStatL(folder.c_str(), &stat) != 0) {
        errno = 0;
        if (VSIMkdir(folder.c_str(), 0755) != 0)
            return FailFile(folder, "made");
    } else if (!VSI_ISDIR(stat.st_mode)) {
        CPLError(CE_Failure, CPLE_FileIO, "FISHNET: %s is wanted as a folder for tiles, and is a file", folder.c_str());
        return false;
    }
    bool isNew = false, same = false;
    if (!Lock() || !IsOurs(isNew))
        return false;
    if (resume && !isNew && !SameRecipe(recipe, same))
        return false;
    RemoveParts();
    return same || (RemoveTiles() && WriteRecipe(recipe));
}

bool TileFolder::RemoveTiles() const
{
    for (const std::string &name : List())
        if (IsOfTile(name) || name == kIndexName)
            RemoveAny(m_tiles.folder + "/" + name);
    for (const std::string &name : List())
        if (IsOfTile(name)) {
            errno = 0;
            VSIUnlink((m_tiles.folder + "/" + name).c_str());
            return FailFile(m_tiles.folder + "/" + name, "removed");
        }
    return true;
}

/* ---- tiles ---- */

bool TileFolder::HasTile(int64_t tile) const
{
    VSIStatBufL stat;
    const std::string name = m_tiles.folder + "/" + m_tiles.File(tile);
    const std::string failed = m_tiles.folder + "/" + FailedFile(m_tiles, tile);
    if (VSIStatL(name.c_str(), &stat) != 0)
        return false;
    const bool empty = !VSI_ISDIR(stat.st_mode) && stat.st_size == 0;
    if (!empty && VSIStatL(failed.c_str(), &stat) != 0)
        return true;
    RemoveAny(name); /* first: the note stays as long as the tile */
    RemoveAny(failed);
    return false;
}

std::vector<std::string> TileFolder::Failures() const
{
    std::vector<std::string> failures, names = List();
    for (const std::string &name : names)
        if (IsOfTile(name) && EndsWith(name, std::string(".") + kFailed))
            for (const std::string &line : ReadLines(m_tiles.folder + "/" + name))
                failures.push_back(line);
    return failures;
}

void TileFolder::RemovePart(int64_t tile, long process) const
{
    RemoveAny(PartFolder(m_tiles, tile, process));
}

void TileFolder::RemoveParts() const
{
    for (const std::string &name : List())
        if (IsPart(name))
            RemoveAny(m_tiles.folder + "/" + name);
}

} // namespace fishnet
