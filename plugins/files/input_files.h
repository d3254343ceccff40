/* The files that a dataset is made of, at any depth, and the state that they were in: what a result depends on beside
 * its options. Whoever keeps a result asks here whether it is still that of the files as they are. */
#ifndef FN_INPUT_FILES_H
#define FN_INPUT_FILES_H

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include <cpl_minixml.h>
#include <cpl_string.h>
#include <gdal.h>

namespace fishnet
{

/* What tells a file from another one, or from what it was. */
struct FileState {
    enum class Kind {
        Known,
        Absent, /* there is no such file; it may come */
        Unknown /* a database, a service, a server that tells no time: it may change and nobody sees it */
    };
    Kind kind = Kind::Unknown;
    /* 0 where there is none: on other file systems than the disk's. */
    uint64_t device = 0, inode = 0;
    int64_t bytes = 0;
    int64_t seconds = 0, nanoseconds = 0; /* when it was written */
    std::string tag;                      /* of a server that tells no time but tells versions apart */

    bool operator==(const FileState &other) const;
    bool operator!=(const FileState &other) const { return !(*this == other); }
};

struct InputFile {
    std::string name; /* as GDAL says it */
    std::string path; /* absolute */
    FileState state;  /* when it was added */
};

/* Collects what GDAL says of a dataset (GDALGetFileList), and what these files refer to: VRT in VRT, warped and
 * pansharpened ones, OGR VRT and its unions, recipes (*.fishnet.json), pipelines (*.gdalg.json), tile indices (GTI),
 * FISHNET: and NEARTABLE: names with their options, names behind another prefix, members of archives, the journal
 * (-wal) of SQLite and GeoPackage, and files beside a file that belong to it (x.tif.msk).
 *
 * No pipeline is run, and of 10,000 GeoTIFFs in a VRT none is opened as a dataset: files are told apart by their first
 * bytes, and over a network by their names. Silent: a file that cannot be read is an input, too.
 *
 * Threads: one adds; then any number of them may call what is const. */
class InputFiles
{
  public:
    /* Disk: leaves out what is reached over a network, at the cost of a request for each file: for those who only
     * open. */
    enum class Reach { Everywhere, Disk };
    explicit InputFiles(Reach reach = Reach::Everywhere) : m_reach(reach) {}

    /* An open dataset; the name of one, which is not opened, with what it is opened with. Relative names begin at the
     * current folder. */
    void AddDataset(GDALDatasetH dataset);
    void AddName(const std::string &name, CSLConstList openOptions = nullptr);

    /* In the order in which they were found, each once. */
    const std::vector<InputFile> &Files() const { return m_files; }

    /* The name of the first file that is another one now, or has been written to; empty: none. Looks at disk and
     * memory, about a microsecond for each file, and not at *.aux.xml, where those who look at a file leave
     * statistics. */
    std::string Changed() const;

    /* The name of the input that this file is, by whatever name (links, "./x" for "x"); empty: none. */
    std::string Find(const std::string &file) const;
    /* The name of the first input that lies in the folder or in one below it; empty: none. */
    std::string FindIn(const std::string &folder) const;

    /* The state that a file is in now; whether finding out costs no request over a network. */
    static FileState StateOf(const std::string &path);
    static bool IsNear(const std::string &path);

    /* The name of the first input whose state cannot be known; empty: none. */
    std::string Unknown() const;

    /* A line for each, sorted, with its size and time, for a recipe that is compared later, perhaps on another
     * machine: without device and inode. */
    std::vector<std::string> Lines() const;

  private:
    struct Pending {
        std::string name;
        CPLStringList options;
        bool isIndex; /* of tiles */
    };
    void Push(const std::string &name, CSLConstList options = nullptr, bool isIndex = false);
    void PushEither(const std::string &folder, const std::string &name);
    void Work();
    void Take(const Pending &pending);
    bool TakeOurs(const std::string &name, CSLConstList options);
    void TakePrefixed(const std::string &name, size_t prefix, bool isIndex);
    void TakeFile(const std::string &name, const Pending &pending);
    bool TakeArchive(const std::string &name);
    bool Add(const std::string &name, const FileState &state);
    void AddUnknown(const std::string &name);
    void AddBeside(const std::string &name);
    void LookInto(const std::string &name, CSLConstList options);
    void LookIntoXML(const std::string &text, const std::string &folder);
    void LookAtElement(CPLXMLNode *node, CPLXMLNode *parent, const std::string &folder);
    void LookIntoPipeline(const std::string &name);
    void LookIntoIndex(const std::string &name);
    void OpenAndAsk(const std::string &name, unsigned kinds);

    Reach m_reach;
    std::vector<InputFile> m_files;
    std::set<std::string> m_seen; /* names that were taken, with their options */
    std::deque<Pending> m_pending;
    int m_opened = 0; /* datasets, to ask them for their files */
};

} // namespace fishnet

#endif
