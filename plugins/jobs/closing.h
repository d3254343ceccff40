/* How things with workers are closed. */
#ifndef FN_CLOSING_H
#define FN_CLOSING_H

#include <cstdint>

namespace fishnet
{

/* Something that has workers, which have handles of their own. */
class Crew
{
  public:
    virtual ~Crew() = default;
    /* Stops the workers and closes their handles. Waits at most so long; false: nothing is closed. */
    virtual bool TryStop(double seconds) = 0;
    /* The host must not be told anything from now on. What there is to tell it, now. */
    virtual void Leave() = 0;
    /* The same as TryStop() without waiting: the workers' own thread does it when they have come to an end, and then
     * calls stopped(user). False: they had, all is closed, and stopped() is not called. */
    virtual bool StopBehind(void (*stopped)(void *user), void *user) = 0;

  private:
    friend class Left;
    struct Mark { /* in a list of all crews that were left */
        uintptr_t number = 0;
        Mark *next = nullptr;
    };
    Mark m_mark;
};

/* Stops the workers and deletes the crew. GDAL closes datasets under a global lock that a worker may be waiting for
 * in the middle of a task: then the crew is left to the thread that it has, and the result is false. Needs neither
 * memory nor a new thread, and throws nothing. */
bool CloseCrew(Crew *crew) noexcept;

/* From now on GDAL waits at its end for crews that were left. For workers that read what GDAL's pool of datasets opens
 * for them, before they do: it may be too late when a crew is left, since who waits for a server there has the lock. */
void WaitAtEnd();

/* Waits for the crews that were left. False: there is none. */
bool WaitForClosing();

} // namespace fishnet

#endif
