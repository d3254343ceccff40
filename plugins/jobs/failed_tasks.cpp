#include "failed_tasks.h"

namespace fishnet
{

void FailedTasks::Add(int64_t task, const fn_error &err, Notes &messages)
{
    messages.push_back({CE_Warning, CPLE_FileIO, std::string(m_driver) + ": filled with NoData: " + err.text});
    const std::lock_guard<std::mutex> lock(m_mutex);
    m_texts[task] = err.text;
}

std::map<int64_t, std::string> FailedTasks::List() const
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    return m_texts;
}

} // namespace fishnet
