#include "output_folder.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <cpl_string.h>

#include "file_names.h"
#include "handles.h"
#include "output_files.h"

namespace fishnet::output
{

/* ---- names ---- */

/* Of a share: processes on other machines may have the number that this one has. */
static std::string NewRun()
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
        number = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    return std::to_string(number);
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

/* "shares_64.txt" */
static const std::string kSharesBegin = "shares_", kSharesEnd = ".txt";

/* 0: it is no such name. */
static int SharesIn(const std::string &name)
{
    const size_t all = kSharesBegin.size() + kSharesEnd.size();
    if (name.size() <= all || name.size() > all + 9 || !EndsWith(name, kSharesEnd) ||
        name.compare(0, kSharesBegin.size(), kSharesBegin) != 0)
        return 0;
    const std::string number = name.substr(kSharesBegin.size(), name.size() - all);
    return number.find_first_not_of("0123456789") == std::string::npos ? atoi(number.c_str()) : 0;
}

/* ---- an output that is not whole yet ---- */

PartFolder::~PartFolder()
{
    if (!m_path.empty())
        GuardedQuietly(0, [this] { return VSIRmdirRecursive(m_path.c_str()); });
}

/* Objects cannot be written to here and there: they grow on this machine's disk. */
static std::string MakeTemporaryFolder(const std::string &stem)
{
    const char *folder = CPLGetConfigOption("CPL_TMPDIR", getenv("TMPDIR"));
    std::string path = std::string(folder && *folder ? folder : "/tmp") + "/fishnet." + stem + ".XXXXXX";
    return mkdtemp(path.data()) ? path : std::string();
}

/* A process of the same number may have left one, and another thread may be at work on an output of that name. */
bool PartFolder::Make()
{
    if (IsFarAway(m_folder)) {
        errno = 0;
        m_path = MakeTemporaryFolder(m_stem);
        return !m_path.empty() || FailFile(m_who.c_str(), "a temporary folder for " + m_folder, "made");
    }
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
        if (IsFarAway(m_folder)) {
            if (!SendFile(m_who, from, to))
                return false;
            continue;
        }
        errno = 0;
        if (VSIRename(from.c_str(), to.c_str()) != 0)
            return FailFile(m_who.c_str(), from, "moved to " + to);
    }
    return true;
}

/* ---- whose folder it is ---- */

OutputFolder::OutputFolder(const OutputKind &kind, const std::string &folder, Writer writer)
    : m_kind(kind), m_folder(folder), m_writer(writer), m_run(writer == Writer::Share ? NewRun() : std::string())
{
}

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
    const bool share = m_writer == Writer::Share;
    if (flock(m_lock, (share ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return true;
    m_isBusy = m_writer == Writer::Assembler; /* who may still say what is missing */
    if (m_isBusy)
        return true;
    CPLError(CE_Failure, CPLE_AppDefined, "%s: another run is writing %s to %s%s", m_kind.driver, m_kind.what,
             m_folder.c_str(), share ? ", and it is no share" : "");
    return false;
}

/* A folder that others have put files into is theirs: nothing is written to it or removed. Its names, which may be very
 * many, are read only where the recipe does not say whose it is; before the recipe is read again, since outputs of
 * another share come after its recipe. */
bool OutputFolder::IsOurs(bool &isNew)
{
    std::vector<std::string> lines, names;
    const auto read = [&] {
        lines.clear();
        return ReadLines(m_kind.driver, m_folder + "/" + kRecipe, lines);
    };
    const auto isOurs = [&] { return !lines.empty() && lines[0] == FirstLine(m_kind); };
    isNew = false;
    if (!read() || (!isOurs() && (!List(names) || !read())))
        return false;
    if (isOurs())
        return true;
    isNew = lines.empty();
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

/* What a user is told of outputs that cannot be kept. */
static const char *OptionOf(Writer writer)
{
    return writer == Writer::Share ? "PARTITION" : writer == Writer::Assembler ? "ASSEMBLE" : "RESUME";
}

static const char *WayOut(Writer writer)
{
    return writer == Writer::Share ? "All shares of a job are of one recipe: give another output, or remove this folder"
           : writer == Writer::Assembler
               ? "They are assembled by the words that the shares were given; where an input has "
                 "changed, remove this folder, and run all shares again"
               : "Without RESUME, or when this folder is removed, they are made anew";
}

bool OutputFolder::IsSame(const OutputRecipe &recipe) const
{
    const std::string name = m_folder + "/" + kRecipe;
    std::vector<std::string> old;
    if (!ReadLines(m_kind.driver, name, old))
        return false;
    const bool ours = !old.empty() && old[0] == FirstLine(m_kind);
    if (!old.empty())
        old.erase(old.begin());
    const std::string why = ours ? recipe.WhyNot(old) : "It is no recipe of ours";
    if (!why.empty()) {
        CPLError(CE_Failure, CPLE_AppDefined, "%s: %s: the %s in %s were made in another way, see %s. %s\n%s",
                 m_kind.driver, OptionOf(m_writer), m_kind.what, m_folder.c_str(), name.c_str(), why.c_str(),
                 WayOut(m_writer));
        return false;
    }
    if (!recipe.Unknown().empty() && m_writer == Writer::Resumed) {
        CPLError(CE_Failure, CPLE_AppDefined,
                 "%s: %s: whether the input %.300s has changed since the %s in %s were made cannot be known: it tells "
                 "no time of its last change. %s",
                 m_kind.driver, OptionOf(m_writer), WithoutSecrets(recipe.Unknown()).c_str(), m_kind.what,
                 m_folder.c_str(), WayOut(m_writer));
        return false;
    }
    return true;
}

bool OutputFolder::WriteRecipe(const OutputRecipe &recipe) const
{
    const std::string name = m_folder + "/" + kRecipe;
    std::string text = FirstLine(m_kind) + "\n";
    for (const std::string &line : recipe.Lines())
        text += LineWithoutSecrets(line) + "\n";
    return m_writer == Writer::Share ? WriteFirst(m_kind.driver, name, text, m_run)
                                     : WriteWhole(m_kind.driver, name, text);
}

/* Where nothing may be made. */
bool OutputFolder::IsThere() const
{
    VSIStatBufL recipe;
    if (VSIStatL((m_folder + "/" + kRecipe).c_str(), &recipe) == 0)
        return true;
    CPLError(CE_Failure, CPLE_OpenFailed, "%s: ASSEMBLE: there are no %s in %s: no share has begun", m_kind.driver,
             m_kind.what, m_folder.c_str());
    return false;
}

bool OutputFolder::MakeFolder() const
{
    VSIStatBufL stat;
    if (m_folder.find('\\') != std::string::npos) { /* as GDAL takes it, when the file over the parts names them */
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s: a backslash in a name separates folders: choose another name",
                 m_kind.driver, m_folder.c_str());
        return false;
    }
    if (IsFarAway(m_folder))
        return true;
    errno = 0;
    if (VSIStatL(m_folder.c_str(), &stat) != 0) {
        errno = 0;
        if (VSIMkdir(m_folder.c_str(), 0755) != 0 && !(errno == EEXIST && m_writer == Writer::Share))
            return FailFile(m_kind.driver, m_folder, "made");
    } else if (!VSI_ISDIR(stat.st_mode)) {
        CPLError(CE_Failure, CPLE_FileIO, "%s: %s is to be the folder for %s, and is a file", m_kind.driver,
                 m_folder.c_str(), m_kind.what);
        return false;
    }
    return true;
}

bool OutputFolder::Begin(const OutputRecipe &recipe)
{
    bool isNew = false;
    const bool assembler = m_writer == Writer::Assembler;
    if ((assembler ? !IsThere() : !MakeFolder()) || !Lock() || !IsOurs(isNew))
        return false;
    if (assembler)
        return IsSame(recipe) && Look();
    if (m_writer == Writer::Share && !recipe.Unknown().empty())
        CPLError(CE_Warning, CPLE_AppDefined,
                 "%s: PARTITION: whether the input %.300s changes from one share to the next cannot be known: it tells "
                 "no time of its last change",
                 m_kind.driver, WithoutSecrets(recipe.Unknown()).c_str());
    if (m_writer == Writer::Share)
        return (!isNew || WriteRecipe(recipe)) && IsSame(recipe) && Look();
    const bool resumed = m_writer == Writer::Resumed;
    if (resumed && !isNew && !IsSame(recipe))
        return false;
    if (resumed && isNew && !recipe.Unknown().empty())
        CPLError(CE_Warning, CPLE_AppDefined,
                 "%s: RESUME: this run cannot be continued if it is interrupted: the input %.300s tells no time of its "
                 "last change",
                 m_kind.driver, WithoutSecrets(recipe.Unknown()).c_str());
    RemoveNotes();
    return RemoveParts() && ((resumed && !isNew) || (RemoveOutputs() && WriteRecipe(recipe))) && Look();
}

bool OutputFolder::IsStill(const OutputRecipe &recipe) const
{
    return m_writer != Writer::Share || IsSame(recipe);
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

bool OutputFolder::LookForOutput(const std::string &file, bool &there, bool &full) const
{
    if (IsFarAway(m_folder)) { /* no request for each */
        const auto object = m_objects.find(file);
        there = object != m_objects.end();
        full = there && object->second > 0;
        return true;
    }
    VSIStatBufL stat;
    const bool known = LookFor(m_kind.driver, m_folder + "/" + file, there, stat);
    full = there && (VSI_ISDIR(stat.st_mode) || stat.st_size > 0);
    return known;
}

bool OutputFolder::Look()
{
    m_objects.clear();
    return !IsFarAway(m_folder) || ListObjects(m_kind.driver, m_folder, m_objects);
}

bool OutputFolder::Find(const std::string &file, const std::string &failures, bool &there) const
{
    const std::string name = m_folder + "/" + file, failed = m_folder + "/" + failures;
    const bool keeps = m_writer == Writer::Share || m_writer == Writer::Assembler;
    bool isThere = false, isFull = false, hasFailed = false, anything = false;
    there = false;
    if (!LookForOutput(file, isThere, isFull) ||
        (!keeps && !failures.empty() && !LookForOutput(failures, hasFailed, anything)))
        return false;
    there = isThere && !hasFailed && isFull;
    if (there || keeps)
        return true;
    /* The output first: the note stays as long as it. */
    return (!isThere || Remove(m_kind.driver, name)) && (!hasFailed || Remove(m_kind.driver, failed));
}

bool OutputFolder::RemovePart(const std::string &stem, long process) const
{
    return Remove(m_kind.driver, PartName(m_folder, m_run.empty() ? stem : stem + "." + m_run, process));
}

bool OutputFolder::RemoveParts() const
{
    const std::string own = "." + m_run + ".";
    std::vector<std::string> names;
    bool ok = List(names);
    for (const std::string &name : names)
        if (IsPart(name) && (m_run.empty() || name.find(own) != std::string::npos))
            ok = Remove(m_kind.driver, m_folder + "/" + name) && ok;
    return ok;
}

void OutputFolder::RemoveNotes() const
{
    MessageCollector collector;
    std::vector<std::string> names;
    List(names);
    for (const std::string &name : names)
        if (SharesIn(name) > 0)
            Remove(m_kind.driver, m_folder + "/" + name);
}

std::string OutputFolder::Noted(const std::string &key) const
{
    MessageCollector collector; /* that it cannot be read is said later */
    std::vector<std::string> lines;
    ReadLines(m_kind.driver, m_folder + "/" + kRecipe, lines);
    for (const std::string &line : lines)
        if (line.compare(0, key.size(), key) == 0)
            return line.substr(key.size());
    return {};
}

bool OutputFolder::NoteShares(int shares) const
{
    VSIStatBufL stat;
    const std::string name = m_folder + "/" + kSharesBegin + std::to_string(shares) + kSharesEnd;
    return VSIStatL(name.c_str(), &stat) == 0 ||
           WriteFirst(m_kind.driver, name, std::to_string(shares) + " shares\n", m_run);
}

bool OutputFolder::ReadShares(std::vector<int> &shares) const
{
    std::vector<std::string> names;
    if (!List(names))
        return false;
    for (const std::string &name : names)
        if (SharesIn(name) > 0)
            shares.push_back(SharesIn(name));
    std::sort(shares.begin(), shares.end());
    return true;
}

} // namespace fishnet::output
