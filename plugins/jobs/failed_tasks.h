/* Tasks that were completed without their result because they had failed for good: ON_ERROR=NODATA. */
#ifndef FN_FAILED_TASKS_H
#define FN_FAILED_TASKS_H

#include <map>
#include <mutex>

#include "workers.h"

namespace fishnet
{

/* Any thread. */
class FailedTasks
{
  public:
    explicit FailedTasks(const char *driver) : m_driver(driver) {}
    /* Says so to the host, too. */
    void Add(int64_t task, const fn_error &err, Notes &messages);
    /* Texts by task, in that order. */
    std::map<int64_t, std::string> List() const;

  private:
    const char *m_driver;
    mutable std::mutex m_mutex;
    std::map<int64_t, std::string> m_texts;
};

} // namespace fishnet

#endif
