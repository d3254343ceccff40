/* The state of a file: what shows that it is another file now, or has been written to. */
#ifndef FN_FILE_STATE_H
#define FN_FILE_STATE_H

#include <cstdint>
#include <string>

namespace fishnet
{

struct FileState {
    enum class Kind {
        Known,
        Absent, /* there is no such file; it may come */
        Unknown /* a database, a service, a server that gives no time: it may change and nobody sees it */
    };
    Kind kind = Kind::Unknown;
    /* 0 where there is none: on other file systems than the disk's. */
    uint64_t device = 0, inode = 0;
    int64_t bytes = 0;
    int64_t seconds = 0, nanoseconds = 0; /* when it was written */
    std::string tag;                      /* the version, from a server that gives one */

    bool operator==(const FileState &other) const;
    bool operator!=(const FileState &other) const { return !(*this == other); }
};

/* The state that a file is in now. Over a network that costs a request. */
FileState StateOf(const std::string &path);
/* What a server says of a file beyond a network. Unknown: it says nothing; GDAL may know more. One request, after which
 * GDAL knows the file's size, too. */
FileState StateOfServer(const std::string &path);

/* A check of up to `most` bytes of the file: of its ends, and of pieces between them at places that its size gives
 * (FNV-1a, G. Fowler, L. C. Noll, K.-P. Vo). Of a folder: of the names in it. False: it cannot be read. */
bool CheckFile(const std::string &path, size_t most, uint64_t &check);

/* A journal of SQLite, which has no state of its own while it is empty. */
bool IsJournal(const std::string &name);

} // namespace fishnet

#endif
