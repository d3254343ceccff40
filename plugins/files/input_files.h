/* The files that a dataset is made of, at any depth, and the state that they were in: what a result depends on beside
 * its options. Whoever keeps a result asks here whether it is still that of the files as they are. */
#ifndef FN_INPUT_FILES_H
#define FN_INPUT_FILES_H

#include <string>
#include <vector>

#include <cpl_string.h>
#include <gdal.h>

#include "input_search.h"

namespace fishnet
{

/* Collects what GDAL says of a dataset (GDALGetFileList), and what these files refer to: VRT in VRT, warped and
 * pansharpened ones, OGR VRT and its unions, recipes (*.fishnet.json), pipelines (*.gdalg.json), tile indices (GTI),
 * FISHNET: and NEARTABLE: names with their options, names behind another prefix, members of archives, the journal
 * (-wal) of SQLite and GeoPackage, and files beside a file that belong to it (x.tif.msk).
 *
 * No pipeline is run, and of 10,000 GeoTIFFs in a VRT none is opened as a dataset: the first bytes of a file say
 * what it is, and over a network its name. Silent: a file that cannot be read is an input, too.
 *
 * Threads: one adds; then any number of them may call what is const. */
class InputFiles
{
  public:
    using Reach = InputSearch::Reach;
    explicit InputFiles(Reach reach = Reach::Everywhere) : m_search(reach) {}

    /* An open dataset; the name of one, which is not opened, with what it is opened with. Relative names begin at the
     * current folder. */
    void AddDataset(GDALDatasetH dataset);
    void AddName(const std::string &name, CSLConstList openOptions = nullptr);

    /* In the order in which they were found, each once. */
    const std::vector<InputFile> &Files() const { return m_search.Files(); }

    /* Names beyond a network that Reach::Disk has left out. */
    const std::vector<std::string> &LeftOut() const { return m_search.LeftOut(); }

    /* The name of the first file that is another one now, or has been written to; empty: none. Looks at disk and
     * memory, about a microsecond for each file, and not at *.aux.xml, where those who look at a file leave
     * statistics. */
    std::string Changed() const;

    /* The name of the input that this file is, by whatever name (links, "./x" for "x"); empty: none. */
    std::string Find(const std::string &file) const;
    /* The name of the first input that lies in the folder or in one below it; empty: none. */
    std::string FindIn(const std::string &folder) const;

    /* The name of the first input whose state cannot be known; empty: none. */
    std::string Unknown() const;

    /* A line for each, sorted, with its size and time, for who compares them later. */
    std::vector<std::string> Lines() const;
    /* What is in a file, in words that are the same for a copy of it on another machine: its size and a check of its
     * first and last bytes and of some between, which also sees what was changed in one of them. Where files are many,
     * less is read of each. Over a network it is the state that a server tells. */
    std::string Content(const InputFile &file) const;

  private:
    InputSearch m_search;
};

} // namespace fishnet

#endif
