/* A thread that reads the first batches of the input while the host's thread reads the near side, which it needs
 * before the workers can begin. */
#ifndef FN_READ_AHEAD_H
#define FN_READ_AHEAD_H

#include <thread>

#include "one_reader.h"

namespace fishnet
{

class ReadAhead
{
  public:
    /* Starts the thread; does nothing if there can be none. config: the thread-local configuration options for it. */
    ReadAhead(const InputPlan &plan, OneReader &reader, CSLConstList config);
    /* Waits for the batch that is being read. */
    ~ReadAhead();
    ReadAhead(const ReadAhead &) = delete;
    ReadAhead &operator=(const ReadAhead &) = delete;

    /* Does not wait for the batch: the reader is of no use afterwards. */
    void Cancel();

  private:
    void Run(const InputPlan &plan, OneReader &reader, CSLConstList config);

    volatile bool m_enough = false, m_cancel = false;
    std::thread m_thread;
};

} // namespace fishnet

#endif
