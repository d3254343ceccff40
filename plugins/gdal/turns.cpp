#include "turns.h"

#include <algorithm>
#include <chrono>

namespace fishnet
{

int64_t Turns::Reads() const
{
    const int64_t ended = m_ended.load();
    return m_begun.load() == ended ? ended : -1;
}

Turn::Turn(Turns *turns) : m_turns(turns)
{
    if (!m_turns)
        return;
    std::unique_lock<std::mutex> lock(m_turns->m_mutex);
    m_turns->m_given.wait(lock, [this] { return m_turns->m_free > 0; });
    m_turns->m_free--;
}

Turn::~Turn()
{
    if (!m_turns)
        return;
    {
        const std::lock_guard<std::mutex> lock(m_turns->m_mutex);
        m_turns->m_free++;
    }
    m_turns->m_given.notify_one();
}

/* ---- servers that limit requests ---- */

using Clock = std::chrono::steady_clock;
static std::atomic<Clock::rep> restUntil{0};

double ServersWantRest()
{
    const Clock::duration until(restUntil.load());
    const std::chrono::duration<double> left = until - Clock::now().time_since_epoch();
    return std::max(0.0, left.count());
}

void LeaveServersAlone(double seconds)
{
    const auto rest = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    const Clock::rep until = (Clock::now().time_since_epoch() + rest).count();
    Clock::rep before = restUntil.load();
    while (before < until && !restUntil.compare_exchange_weak(before, until)) {
    }
}

} // namespace fishnet
