/* Watches over the inputs of an open dataset: that they are the files that were opened, and that no output of this
 * process takes their place. GDAL's own tools compare names to see whether an output is an input; a prefix, a recipe or
 * another spelling defeats that. */
#ifndef FN_INPUT_WATCH_H
#define FN_INPUT_WATCH_H

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gdal_priv.h>

#include "input_files.h"
#include "remote_watch.h"

namespace fishnet
{

class SetAside;

/* Of one dataset of the host. Datasets that a worker opens have none: that of the host knows all files, at any depth.
 *
 * Before GDAL creates a file it asks all drivers, ours first, whose file is there, and has that driver delete it.
 * While a watch lives, an input of its dataset is said to be ours: then it is set aside under another name, and
 * deleted as GDAL would have done. From then on the dataset reads nothing. When it is closed the input is put back,
 * unless the program did without reading: then what it has written stays, as with GDAL alone. */
class InputWatch : public std::enable_shared_from_this<InputWatch>
{
  public:
    /* names: of datasets that are read, and of a recipe; empty ones are left out. The state that files have now is
     * the one that they must keep. NULL for what a worker opens. */
    static std::shared_ptr<InputWatch> New(const std::vector<std::string> &names);
    ~InputWatch();
    InputWatch(const InputWatch &) = delete;
    InputWatch &operator=(const InputWatch &) = delete;

    /* Whether the inputs are where they were: quick, for whoever only looks ahead. */
    bool IsWhole() const { return !m_isSetAside.load(std::memory_order_acquire); }
    /* Empty, or why what has been read is not to be used: an input is about to be overwritten, is open for writing,
     * or has changed. About a microsecond for each file; where there are thousands, not all of them each time but
     * with `all`. failed: reading has, and a server that says nothing is no other reason. */
    std::string WhyNot(bool all, bool failed = false);

    /* Begins a look at the files beyond a network, which the next WhyNot(all) waits for; what is read until then makes
     * it worthless, and it is to be dropped. */
    void BeginLook();
    void DropLook();

    /* For the Identify of a driver that GDAL asks before all others: does GDAL look for a driver that deletes one of
     * our inputs? Takes note of files that are opened for writing. */
    static bool Identify(const GDALOpenInfo *info);
    /* For its Delete. False: the name is no such input. */
    static bool Delete(const char *name, CPLErr *result);
    /* For a driver of ours that creates the output `name`: an input that GDAL has deleted for it is put back. Its
     * name, or empty. */
    static std::string PutBack(const std::string &name);

  private:
    struct Watched {
        InputFile file;
        bool isOurDatabase = false; /* this process writes to it: SQLite sees to it that what is read is whole */
    };
    InputWatch() = default;
    void Begin();
    static std::vector<std::shared_ptr<InputWatch>> Having(const std::string &name);
    bool IsInput(const std::string &path, const FileState &now) const;
    std::string Changed(bool all);
    std::string OpenForWriting();

    InputFiles m_files{InputFiles::Reach::Disk};
    std::mutex m_mutex; /* over what follows */
    std::vector<Watched> m_watched;
    RemoteWatch m_remote;
    std::shared_ptr<SetAside> m_setAside;              /* NULL: it could not be */
    std::chrono::steady_clock::time_point m_next = {}; /* when all files are to be looked at again */
    std::atomic<bool> m_isSetAside{false}, m_maybeWritten{false};
};

/* May it be that GDAL asks for the driver of a file alone? A program that opens a file mostly says of which kind it
 * may be; one that asks for its driver need not, and newer GDALs say all kinds then. */
bool IsForDriverAlone(const GDALOpenInfo *info);
/* In an Identify: does GDALDriver::QuietDelete ask, which Create and CreateCopy call? */
bool IsAskedToDelete();

/* CPLError, and false, if the output is one of the inputs, or if one of them lies in the folder that goes with it
 * (may be empty). */
bool CheckOutput(const char *driver, const InputFiles &inputs, const std::string &output, const std::string &folder);

} // namespace fishnet

#endif
