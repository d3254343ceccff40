/* More threads than CPUs: those that wait for a network read, and only some of them compute at a time. */
#ifndef FN_TURNS_H
#define FN_TURNS_H

#include <condition_variable>
#include <mutex>

namespace fishnet
{

/* How many of a job's readers may compute at a time. */
class Turns
{
  public:
    explicit Turns(int most) : m_free(most) {}

  private:
    friend class Turn;
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

} // namespace fishnet

#endif
