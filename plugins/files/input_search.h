/* The search for the files that datasets are made of: it follows names from file to file, and opens as few datasets as
 * it can. InputFiles says what it finds, and what it leaves out. */
#ifndef FN_INPUT_SEARCH_H
#define FN_INPUT_SEARCH_H

#include <deque>
#include <set>
#include <string>
#include <vector>

#include <cpl_minixml.h>
#include <cpl_string.h>

#include "file_state.h"

namespace fishnet
{

struct InputFile {
    std::string name; /* as GDAL says it */
    std::string path; /* absolute */
    FileState state;  /* when it was added */
};

/* Is it of a format that refers to nothing, by its name? The first bytes of a file over a network cost a request. */
bool IsPlainData(const std::string &name);

class InputSearch
{
  public:
    /* Disk: leaves out what is reached over a network, where each file costs a request: for whoever only opens a
     * dataset. Names: of such files the state is not asked for. */
    enum class Reach { Everywhere, Disk, Names };
    explicit InputSearch(Reach reach) : m_reach(reach) {}

    /* A name to begin with, and the options that it is opened with. isIndex: of tiles. */
    void Push(const std::string &name, CSLConstList options = nullptr, bool isIndex = false);
    /* Something that may change and nobody sees it. */
    void AddUnknown(const std::string &name);
    /* Follows the names. */
    void Work();
    /* Does a tile index lead to files beyond a network? Looks no further than at the names in it. */
    static bool IndexLeadsBeyond(const std::string &name);

    /* In the order in which they were found, each once. */
    const std::vector<InputFile> &Files() const { return m_files; }
    /* Names beyond a network that Reach::Disk has left out. */
    const std::vector<std::string> &LeftOut() const { return m_leftOut; }

  private:
    struct Pending {
        std::string name;
        CPLStringList options;
        bool isIndex;
    };
    void PushEither(const std::string &folder, const std::string &name);
    void Take(const Pending &pending);
    bool TakeOurs(const std::string &name, CSLConstList options);
    void TakePrefixed(const std::string &name, size_t prefix, bool isIndex);
    void TakeFile(const std::string &name, const Pending &pending);
    bool TakeArchive(const std::string &name);
    bool Add(const std::string &name, const FileState &state);
    void AddBeside(const std::string &name);
    void LookInto(const std::string &name, CSLConstList options);
    void LookIntoXML(const std::string &text, const std::string &folder);
    void LookAtElement(CPLXMLNode *node, CPLXMLNode *parent, const std::string &folder);
    void LookIntoPipeline(const std::string &name);
    void LookIntoIndex(const std::string &name);
    void OpenAndAsk(const std::string &name, unsigned kinds);

    Reach m_reach;
    void LeaveOut(const std::string &name);
    FileState StateIn(const std::string &name) const;

    std::vector<InputFile> m_files;
    std::vector<std::string> m_leftOut;
    std::set<std::string> m_seen; /* names that were taken, with their options */
    std::deque<Pending> m_pending;
    int m_opened = 0; /* datasets, to ask them for their files */
};

} // namespace fishnet

#endif
