#include "turns.h"

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

} // namespace fishnet
