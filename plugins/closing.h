/* How things with workers are closed. */
#ifndef FN_CLOSING_H
#define FN_CLOSING_H

namespace fishnet
{

/* Something that has workers, which have handles of their own. */
class Crew
{
  public:
    virtual ~Crew() = default;
    /* Stops the workers and closes their handles. Waits at most so long; false: nothing is closed. */
    virtual bool TryStop(double seconds) = 0;
    virtual void Stop() = 0;
    /* The host must not be told anything from now on. What there is to tell it, now. */
    virtual void Leave() = 0;
};

/* Stops the workers and deletes the crew. GDAL closes datasets under a global lock that a worker may be waiting for in the middle of a
 * task: then the crew is left to a thread of its own, which ends when it does, and the result is false. */
bool CloseCrew(Crew *crew);

/* Waits for the crews that were left. */
void WaitForClosing();

} // namespace fishnet

#endif
