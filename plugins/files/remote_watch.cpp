#include "remote_watch.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <system_error>
#include <utility>

#include <cpl_conv.h>
#include <cpl_vsi.h>

#include "boundary.h"
#include "file_names.h"
#include "handles.h"
#include "input_files.h"
#include "input_search.h"
#include "workers.h"

namespace fishnet
{

static constexpr size_t kMostFiles = 1024; /* of a mosaic; more are not looked at */
static constexpr size_t kThreads = 16;     /* requests in flight */

RemoteWatch::~RemoteWatch()
{
    DropLook();
    if (m_finder.joinable())
        m_finder.join();
}

/* Calls look(0 to count - 1), several at a time, with this thread's configuration: credentials may be there. */
static void LookAtAll(size_t count, const std::function<void(size_t)> &look)
{
    const CPLStringList config = ThreadConfig();
    std::atomic<size_t> next{0};
    const auto work = [&] {
        GuardedQuietly(false, [&] {
            for (size_t i = next++; i < count; i = next++)
                look(i);
            return true;
        });
    };
    std::vector<std::thread> others;
    for (size_t i = 1; i < std::min(count, kThreads); i++)
        GuardedQuietly(false, [&] {
            others.emplace_back([&] {
                CPLSetThreadLocalConfigOptions(config.List());
                work();
            });
            return true;
        });
    work();
    for (std::thread &other : others)
        other.join();
}

/* What GDAL knows of the file costs nothing: from then on it must be the same. */
static bool IsOther(const std::string &path, FileState &state)
{
    MessageCollector collector;
    VSIStatBufL status;
    const bool isKnown = VSIStatL(path.c_str(), &status) == 0;
    state = StateOf(path);
    if (!isKnown || state.kind != FileState::Kind::Known)
        return isKnown && status.st_size > 0 && state.kind == FileState::Kind::Absent;
    return state.bytes != static_cast<int64_t>(status.st_size) ||
           (status.st_mtime > 0 && state.seconds > 0 && state.seconds != static_cast<int64_t>(status.st_mtime));
}

/* Both are known. What a server said once and not again is not compared. */
static bool AreSame(const FileState &a, const FileState &b)
{
    return a.bytes == b.bytes && (a.seconds == b.seconds || a.seconds <= 0 || b.seconds <= 0) &&
           (a.tag == b.tag || a.tag.empty() || b.tag.empty());
}

/* Asks again where there is no answer. Another state is one if the server still gives the file: where it begins to
 * refuse, what GDAL knows may be a mixture of answers. */
RemoteWatch::Answer RemoteWatch::Compare(const File &file, int attempts)
{
    if (file.isOther)
        return Answer::Other;
    for (int attempt = 0; file.state.kind == FileState::Kind::Known && attempt < attempts; attempt++) {
        if (attempt > 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(500 * attempt));
        const FileState now = StateOf(file.path);
        if (now.kind == FileState::Kind::Known && AreSame(file.state, now))
            return Answer::Same;
        if (now.kind == FileState::Kind::Known && StateOf(file.path).kind == FileState::Kind::Known)
            return Answer::Other;
    }
    return file.state.kind == FileState::Kind::Known ? Answer::None : Answer::Same;
}

/* Programs open a dataset twice in a row, such as gdal_translate: the second one takes what the first has asked for,
 * and has still open. */
static std::shared_ptr<const FileState> NotedState(const std::string &path)
{
    using Clock = std::chrono::steady_clock;
    struct Noted {
        std::weak_ptr<const FileState> state;
        Clock::time_point when;
    };
    static auto *mutex = new std::mutex(); /* never destroyed, as all that may be closed late */
    static auto *all = new std::map<std::string, Noted>();
    constexpr auto kLong = std::chrono::seconds(1);
    const Clock::time_point begin = Clock::now();
    {
        const std::lock_guard<std::mutex> lock(*mutex);
        const auto found = all->find(path);
        if (found != all->end() && begin - found->second.when < kLong)
            if (std::shared_ptr<const FileState> state = found->second.state.lock())
                return state;
    }
    auto state = std::make_shared<const FileState>(StateOfServer(path));
    const std::lock_guard<std::mutex> lock(*mutex);
    for (auto at = all->begin(); at != all->end();)
        at = at->second.state.expired() ? all->erase(at) : std::next(at);
    (*all)[path] = {state, begin};
    return state;
}

/* The first bytes of several files, which GDAL would ask for one after the other: it keeps what it has read. */
static void ReadHeader(const std::string &path)
{
    const MessageCollector collector; /* what is wrong, opening will tell */
    const int given = atoi(CPLGetConfigOption("GDAL_INGESTED_BYTES_AT_OPEN", "0"));
    std::vector<char> bytes(static_cast<size_t>(std::clamp(given, 1024, 1 << 20)));
    VSILFILE *file = VSIFOpenL(path.c_str(), "rb");
    if (!file)
        return;
    (void)VSIFReadL(bytes.data(), 1, bytes.size(), file);
    VSIFCloseL(file);
}

void RemoteWatch::Note(const std::vector<std::string> &names)
{
    m_names = names;
    for (const std::string &name : names)
        if (m_files.size() < kMostFiles)
            m_files.push_back({name, FileState(), false, {}});
    LookAtAll(m_files.size(), [this](size_t i) {
        m_files[i].noted = NotedState(m_files[i].path);
        m_files[i].state = *m_files[i].noted;
        if (m_files.size() > 1 && m_files[i].state.kind == FileState::Kind::Known)
            ReadHeader(m_files[i].path);
    });
    const auto isUnknown = [](const File &file) { return file.state.kind != FileState::Kind::Known; };
    m_files.erase(std::remove_if(m_files.begin(), m_files.end(), isUnknown), m_files.end());
}

void RemoteWatch::Find()
{
    InputFiles files(InputFiles::Reach::Names);
    for (const std::string &name : m_names)
        files.AddName(name);
    const size_t noted = m_files.size();
    for (const InputFile &file : files.Files()) {
        const auto isIt = [&file](const File &other) { return other.path == file.path; };
        const auto end = m_files.begin() + static_cast<std::ptrdiff_t>(noted);
        if (IsRemoteName(file.path) && m_files.size() < kMostFiles && std::none_of(m_files.begin(), end, isIt))
            m_files.push_back({file.path, FileState(), false, {}});
    }
    LookAtAll(m_files.size() - noted, [this, noted](size_t i) {
        File &file = m_files[noted + i];
        file.isOther = IsOther(file.path, file.state);
    });
}

void RemoteWatch::Begin()
{
    if (m_begun || m_names.empty())
        return;
    m_begun = true;
    m_next = Clock::now() + std::chrono::seconds(2);
    if (m_files.size() == m_names.size() && std::all_of(m_names.begin(), m_names.end(), IsPlainData))
        return;
    const CPLStringList config = ThreadConfig();
    const auto find = [this, config] {
        GuardedQuietly(false, [&] {
            CPLSetThreadLocalConfigOptions(config.List());
            Find();
            return true;
        });
    };
    try {
        m_finder = std::thread(find);
    } catch (const std::system_error &) {
        Find();
    }
}

void RemoteWatch::Look(int attempts)
{
    if (m_finder.joinable())
        m_finder.join();
    m_answers.assign(m_files.size(), Answer::Same);
    LookAtAll(m_files.size(), [this, attempts](size_t i) { m_answers[i] = Compare(m_files[i], attempts); });
}

void RemoteWatch::BeginLook()
{
    if (!m_begun || !m_why.empty() || m_looker.joinable())
        return;
    const CPLStringList config = ThreadConfig();
    const auto look = [this, config] {
        GuardedQuietly(false, [&] {
            CPLSetThreadLocalConfigOptions(config.List());
            Look(1);
            return true;
        });
    };
    GuardedQuietly(false, [&] {
        m_looker = std::thread(look);
        return true;
    });
}

void RemoteWatch::DropLook()
{
    if (m_looker.joinable())
        m_looker.join();
    m_answers.clear();
}

std::string RemoteWatch::WhyNot(bool now, bool failed)
{
    constexpr int kShare = 20; /* looks take at most this part of the time */
    if (!m_begun || !m_why.empty() || (!now && Clock::now() < m_next))
        return m_why;
    const Clock::time_point begin = Clock::now();
    if (m_looker.joinable())
        m_looker.join();
    if (failed) /* by what has changed since, perhaps */
        m_answers.clear();
    const auto isNone = [](Answer answer) { return answer == Answer::None; };
    if (m_answers.empty() || std::any_of(m_answers.begin(), m_answers.end(), isNone))
        Look(failed ? 1 : 3);
    const std::vector<Answer> answers = std::exchange(m_answers, {});
    const Clock::time_point end = Clock::now();
    m_next = end + std::max<Clock::duration>(std::chrono::seconds(2), kShare * (end - begin));
    for (size_t i = 0; i < answers.size() && m_why.empty(); i++)
        if (answers[i] == Answer::Other)
            m_why = "an input has changed since it was opened: " + WithoutSecrets(m_files[i].path);
    const auto none = std::find(answers.begin(), answers.end(), Answer::None);
    return !m_why.empty() || failed || none == answers.end()
               ? m_why
               : "whether an input has changed since it was opened is not to be known, its server gives no answer: " +
                     WithoutSecrets(m_files[static_cast<size_t>(none - answers.begin())].path);
}

} // namespace fishnet
