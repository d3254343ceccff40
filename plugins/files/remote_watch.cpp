#include "remote_watch.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <system_error>

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

enum class Answer { Same, Other, None };

/* Asks again where there is no answer. */
static Answer Compare(const std::string &path, const FileState &before, int attempts)
{
    for (int attempt = 0; attempt < attempts; attempt++) {
        if (attempt > 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(500 * attempt));
        const FileState now = StateOf(path);
        if (now.kind == FileState::Kind::Known)
            return AreSame(before, now) ? Answer::Same : Answer::Other;
    }
    return Answer::None;
}

void RemoteWatch::Note(const std::vector<std::string> &names)
{
    m_names = names;
    for (const std::string &name : names)
        if (m_files.size() < kMostFiles)
            m_files.push_back({name, FileState(), false});
    LookAtAll(m_files.size(), [this](size_t i) { m_files[i].state = StateOfServer(m_files[i].path); });
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
            m_files.push_back({file.path, FileState(), false});
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

std::string RemoteWatch::WhyNot(bool now, bool failed)
{
    constexpr int kShare = 20; /* looks take at most this part of the time */
    if (!m_begun || !m_why.empty() || (!now && Clock::now() < m_next))
        return m_why;
    if (m_finder.joinable())
        m_finder.join();
    const Clock::time_point begin = Clock::now();
    std::vector<Answer> answers(m_files.size(), Answer::Same);
    LookAtAll(m_files.size(), [&](size_t i) {
        const File &file = m_files[i];
        if (file.isOther)
            answers[i] = Answer::Other;
        else if (file.state.kind == FileState::Kind::Known)
            answers[i] = Compare(file.path, file.state, failed ? 1 : 3);
    });
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
