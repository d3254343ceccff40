/* More threads than CPUs: those that wait for a network read, and only some of them compute at a time. */
#ifndef FN_TURNS_H
#define FN_TURNS_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace fishnet
{

/* How many of a job's readers may compute at a time; and what they ask servers for. */
class Turns
{
  public:
    explicit Turns(int most) : m_free(most) {}
    /* Reads that have ended; -1 while there is one. */
    int64_t Reads() const;

  private:
    friend class Turn;
    friend class Fetch;
    std::atomic<int64_t> m_begun{0}, m_ended{0}; /* reads */
    std::mutex m_mutex;
    std::condition_variable m_given;
    int m_free;
};

/* Waits for a turn, and has it as long as it lives. Nothing is read meanwhile. turns: NULL where there are no more
 * readers than may compute. */
class Turn
{
  public:
    explicit Turn(Turns *turns);
    ~Turn();
    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;

  private:
    Turns *m_turns;
};

/* A read over a network, as long as it lives. turns: may be NULL. */
class Fetch
{
  public:
    explicit Fetch(Turns *turns) : m_turns(turns)
    {
        if (m_turns)
            m_turns->m_begun++;
    }
    ~Fetch()
    {
        if (m_turns)
            m_turns->m_ended++;
    }
    Fetch(const Fetch &) = delete;
    Fetch &operator=(const Fetch &) = delete;

  private:
    Turns *m_turns;
};

/* Servers that limit requests want to be left alone: seconds that are left of it, for fn_job::rest; 0: none. By all of
 * this process that read beyond a network: a limit is seldom for one file. */
double ServersWantRest();
/* For so long from now on, at the least. */
void LeaveServersAlone(double seconds);

} // namespace fishnet

#endif
