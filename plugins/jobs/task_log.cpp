#include "task_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cpl_string.h>
#include <cpl_vsi.h>

#include "secrets.h"
#include "workers.h"

namespace fishnet
{

/* How every log begins. */
static constexpr const char *kHeader =
    "# time                   worker   process    seconds  outcome  task                    pixels              "
    "    extent\n";
static constexpr size_t kHeaderMark = 30; /* bytes of it that tell a log from other files */

static std::timespec Now()
{
    std::timespec now = {};
    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

TaskLog::TaskLog(std::string file, const char *driver) : m_file(std::move(file)), m_driver(driver), m_born(Now()) {}

TaskLog::~TaskLog()
{
    if (m_descriptor >= 0)
        close(m_descriptor);
}

/* ---- the file ---- */

bool TaskLog::FailToWrite(const std::string &why)
{
    if (m_why.empty())
        m_why = "the log " + m_file + " cannot be written: " + why;
    return false;
}

static bool IsLog(const std::string &file)
{
    char begin[kHeaderMark];
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const ssize_t n = descriptor >= 0 ? read(descriptor, begin, sizeof begin) : -1;
    if (descriptor >= 0)
        close(descriptor);
    return n == 0 || (n == static_cast<ssize_t>(sizeof begin) && memcmp(begin, kHeader, sizeof begin) == 0);
}

static bool IsStdout(const std::string &file)
{
    return file == "-" || file == "/vsistdout/";
}

/* Of a file on a disk; empty: it may be one. */
static std::string WhyNoLog(const std::string &file, bool &exists)
{
    struct stat there = {};
    exists = false;
    if (STARTS_WITH(file.c_str(), "/vsi"))
        return "it is no file on a disk, nor -, /vsistdout/ or /vsistderr/";
    exists = stat(file.c_str(), &there) == 0;
    if (exists && !S_ISREG(there.st_mode) && !S_ISCHR(there.st_mode) && !S_ISFIFO(there.st_mode))
        return "it is no file";
    return exists && S_ISREG(there.st_mode) && !IsLog(file)
               ? "there is a file of that name which is no log, and stays as it is"
               : "";
}

fn_status CheckLog(const std::string &file, fn_error *err)
{
    bool exists = false;
    if (file.empty() || IsOnScreen(file))
        return FN_OK;
    std::string why = WhyNoLog(file, exists);
    const std::string folder = file.substr(0, file.rfind('/') + 1);
    const bool may = exists ? access(file.c_str(), W_OK) == 0 : access(folder.c_str(), W_OK | X_OK) == 0;
    if (why.empty() && !may)
        why = strerror(errno);
    return why.empty()
               ? FN_OK
               : fn_fail(err, FN_ERR_ARGUMENT, "the log %.300s cannot be written: %s", file.c_str(), why.c_str());
}

bool TaskLog::Open()
{
    m_isStdout = IsStdout(m_file);
    if (m_isStdout)
        return true;
    if (m_file == "/vsistderr/") {
        m_descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
        return m_descriptor >= 0 || FailToWrite(strerror(errno));
    }
    bool exists = false;
    const std::string why = WhyNoLog(m_file, exists);
    if (!why.empty())
        return FailToWrite(why);
    m_descriptor = open(m_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (m_descriptor < 0 || fcntl(m_descriptor, F_SETFL, O_APPEND) != 0)
        return FailToWrite(strerror(errno));
    return true;
}

void TaskLog::Write(const std::string &line)
{
    if (!m_why.empty())
        return;
    if (m_isStdout) { /* through GDAL, for hosts that have it elsewhere */
        VSILFILE *file = VSIFOpenL("/vsistdout/", "wb");
        const bool written = file && VSIFWriteL(line.data(), 1, line.size(), file) == line.size();
        if ((file && VSIFFlushL(file) != 0) || !written)
            FailToWrite("no more can be written there");
        if (file)
            VSIFCloseL(file);
        return;
    }
    for (size_t done = 0; done < line.size();) {
        const ssize_t n = write(m_descriptor, line.data() + done, line.size() - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            FailToWrite(n < 0 ? strerror(errno) : "no more can be written there");
            return;
        }
        done += static_cast<size_t>(n);
    }
}

fn_status TaskLog::CheckLocked(fn_error *err) const
{
    return m_why.empty() ? FN_OK : fn_fail(err, FN_ERR_ARGUMENT, "%.500s", m_why.c_str());
}

fn_status TaskLog::Begin(fn_error *err)
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    if (IsAsked() && !std::exchange(m_isBegun, true) && Open()) {
        m_wantsHeader = IsOnScreen(m_file);
        if (!m_wantsHeader)
            Write(kHeader);
    }
    return CheckLocked(err);
}

fn_status TaskLog::Check(fn_error *err)
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    return CheckLocked(err);
}

/* ---- lines ---- */

/* UTC, so that logs of several machines can be sorted into one. */
std::string TaskLog::TimeOf(double seconds) const
{
    constexpr long long kMillion = 1000000;
    const long long micros = m_born.tv_nsec / 1000 + static_cast<long long>(seconds * static_cast<double>(kMillion));
    const time_t whole = m_born.tv_sec + static_cast<time_t>(micros / kMillion);
    std::tm parts = {};
    gmtime_r(&whole, &parts);
    char day[32];
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
    return CPLSPrintf("%s.%03dZ", day, static_cast<int>(micros % kMillion / 1000));
}

static std::string PixelsOf(const fn_task_place &place)
{
    return place.has_pixels
               ? CPLSPrintf("%lld,%lld %lldx%lld", static_cast<long long>(place.x), static_cast<long long>(place.y),
                            static_cast<long long>(place.width), static_cast<long long>(place.height))
               : "-";
}

static std::string ExtentOf(const fn_task_place &place)
{
    return place.has_extent ? CPLSPrintf("%.12g,%.12g,%.12g,%.12g", place.extent[0], place.extent[1], place.extent[2],
                                         place.extent[3])
                            : "-";
}

static const char *OutcomeOf(const fn_report &report)
{
    return report.again                        ? "again"
           : report.completed                  ? "nodata"
           : report.status == FN_OK            ? "done"
           : report.status == FN_ERR_CANCELLED ? "stopped"
                                               : "failed";
}

double TaskLog::Clock() const
{
    const std::timespec now = Now();
    return static_cast<double>(now.tv_sec - m_born.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec - m_born.tv_nsec);
}

void TaskLog::TellFrom(double seconds)
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    m_from = seconds;
}

void TaskLog::Add(const fn_report &report, const std::string &task, const fn_task_place &place)
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    if (!m_isBegun || report.begin < m_from)
        return;
    (report.again                        ? m_again
     : report.completed                  ? m_completed
     : report.status == FN_OK            ? m_done
     : report.status == FN_ERR_CANCELLED ? m_stopped
                                         : m_failed)++;
    m_work += report.seconds;
    m_workers.insert(report.worker);
    std::string line =
        CPLSPrintf("%s %7d %9ld %10.3f  %-7s  %-22s  %-22s  %s", TimeOf(report.begin + report.seconds).c_str(),
                   report.worker, report.process, report.seconds, OutcomeOf(report), task.c_str(),
                   PixelsOf(place).c_str(), ExtentOf(place).c_str());
    if (report.error)
        line += "  " + WithoutSecrets(report.error);
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    Write((std::exchange(m_wantsHeader, false) ? kHeader : "") + line + "\n");
}

void TaskLog::End()
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    if (!m_isBegun || std::exchange(m_isEnded, true) || (m_from > 0 && m_workers.empty()))
        return;
    const auto count = [](int64_t number) { return static_cast<long long>(number); };
    const double seconds = Clock();
    std::string line = CPLSPrintf("# %s: %lld tasks done, %lld failed, %lld tried again", m_driver,
                                  count(m_done + m_completed), count(m_failed), count(m_again));
    if (m_completed > 0)
        line += CPLSPrintf(", %lld are NoData", count(m_completed));
    if (m_stopped > 0)
        line += CPLSPrintf(", %lld stopped", count(m_stopped));
    line += CPLSPrintf(" in %.3f s: %.3f s of work by %d worker%s, until %s\n", seconds, m_work,
                       static_cast<int>(m_workers.size()), m_workers.size() == 1 ? "" : "s", TimeOf(seconds).c_str());
    Write(line);
}

} // namespace fishnet
