/* Watches over inputs beyond a network: that they are at the end the files that they were at the beginning. Each look
 * costs a request for each file, so that there are few, and they are made beside the reading. */
#ifndef FN_REMOTE_WATCH_H
#define FN_REMOTE_WATCH_H

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "file_state.h"

namespace fishnet
{

/* For one thread. */
class RemoteWatch
{
  public:
    RemoteWatch() = default;
    ~RemoteWatch();
    RemoteWatch(const RemoteWatch &) = delete;
    RemoteWatch &operator=(const RemoteWatch &) = delete;

    /* Datasets that will be read and lie beyond a network, before GDAL opens them. It would ask for their state itself,
     * one after the other, and does not ask again. */
    void Note(const std::vector<std::string> &names);
    /* The first read. Asks, on a thread of its own, for the state of what these datasets refer to. */
    void Begin();
    /* Begins a look, beside what goes on. It counts for the next WhyNot(now) if nothing has been read since. */
    void BeginLook();
    void DropLook();
    /* Empty, or that a file is another one than it was at the beginning, or that its server does not say so any more:
     * then there is no reason if something `failed`, which says more. Asks if `now`, or if the last look was so long
     * ago that looks take little of the time. */
    std::string WhyNot(bool now, bool failed);

  private:
    using Clock = std::chrono::steady_clock;
    struct File {
        std::string path;
        FileState state;
        bool isOther;                                /* than GDAL had seen as it was opened */
        std::shared_ptr<const FileState> noted = {}; /* for others that open it at the same time */
    };
    void Find();
    enum class Answer { Same, Other, None };
    static Answer Compare(const File &file, int attempts);
    void Look(int attempts);

    std::vector<std::string> m_names;
    bool m_begun = false;
    std::thread m_finder; /* who fills m_files */
    std::thread m_looker; /* who fills m_answers, in a look that was begun */
    std::vector<Answer> m_answers;
    std::vector<File> m_files;
    Clock::time_point m_next = {};
    std::string m_why;
};

} // namespace fishnet

#endif
