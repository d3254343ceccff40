/* The log for people: a line for each task when it is done, as the configuration option FISHNET_LOG asks for it. */
#ifndef FN_JOBS_TASK_LOG_H
#define FN_JOBS_TASK_LOG_H

#include <ctime>
#include <mutex>
#include <set>
#include <string>

#include "fishnet/job.h"

namespace fishnet
{

/* Fails where a log of that name could not be begun, as TaskLog::Begin() would; before work that is done for the first
 * task. Leaves nothing. Empty: there is none. */
fn_status CheckLog(const std::string &file, fn_error *err);

/* Of one job. Lines are written whole, and at once: jobs, and programs, may have one file. Any thread. */
class TaskLog
{
  public:
    /* file: empty: there is no log. driver: that the job is of. Nothing is written yet. */
    TaskLog(std::string file, const char *driver);
    ~TaskLog();
    TaskLog(const TaskLog &) = delete;
    TaskLog &operator=(const TaskLog &) = delete;

    bool IsAsked() const { return !m_file.empty(); }
    /* Writes the header, the first time; on the screen it comes with the first line. A file that is there is gone on
     * with if it is a log, and stays as it is if it is something else. Fails, now and later, if anything could not be
     * written. */
    fn_status Begin(fn_error *err);
    /* Whether all could be written until now. */
    fn_status Check(fn_error *err);
    /* Tasks that began before these seconds, by Clock(), are not told of. */
    void TellFrom(double seconds);
    double Clock() const;
    void Add(const fn_report &report, const std::string &task, const fn_task_place &place);
    /* The sum, once. */
    void End();

  private:
    bool Open();
    void Write(const std::string &line);
    bool FailToWrite(const std::string &why);
    fn_status CheckLocked(fn_error *err) const;
    std::string TimeOf(double seconds) const;

    std::mutex m_mutex;
    const std::string m_file;
    const char *const m_driver;
    const std::timespec m_born; /* the wall clock then: reports count from there */
    int m_descriptor = -1;
    bool m_isStdout = false, m_wantsHeader = false, m_isBegun = false, m_isEnded = false;
    std::string m_why; /* it cannot be written; empty: it can */

    int64_t m_done = 0, m_again = 0, m_failed = 0, m_completed = 0, m_stopped = 0;
    double m_work = 0, m_from = 0;
    std::set<int> m_workers;
};

} // namespace fishnet

#endif
