/* A folder that workers write files into, each whole: whose it is, what is there already, and what is left over. For tiles of a raster and parts of a
 * table. */
#ifndef FN_OUTPUT_FOLDER_H
#define FN_OUTPUT_FOLDER_H

#include <cstdint>
#include <string>
#include <vector>

namespace fishnet::output
{

/* What stands in messages and in the folder's recipe file. */
struct OutputKind {
    const char *driver;                        /* "FISHNET" */
    const char *what;                          /* "tiles" */
    bool (*isMember)(const std::string &name); /* such a name is one of ours: "r003_c012.tif" */
};

/* An output is written under its own name in a folder of its own, and moved from there when it is whole, with the files that belong to it:
 * ".r003_c012.4711.part", with the number of the process that writes it. stem: the output's name without ending. */
std::string PartFolder(const std::string &folder, const std::string &stem, long process);
/* Moves what is in a part folder to its place, `file` last: where it is, the output is whole. *bytes: grows by their sizes. False after
 * CPLError. */
bool Publish(const std::string &part, const std::string &folder, const std::string &file, int64_t *bytes);

/* "No space left on device", when the system does not let files be written in that folder; else empty. */
std::string WhyNotWritable(const std::string &folder);

/* Writes a file under another name, then renames it: under its own it is always whole. False after CPLError. */
bool WriteWhole(const char *driver, const std::string &name, const std::string &text);

/* Lines of a file; none if it is not there. */
std::vector<std::string> ReadLines(const std::string &name);
/* A text on one line. */
std::string OneLine(const std::string &text);

/* All that the outputs depend on. */
struct OutputRecipe {
    std::vector<std::string> lines;
    std::string unknown; /* an input of which nobody can know whether it has changed; empty: none */
};

class OutputFolder
{
  public:
    OutputFolder(const OutputKind &kind, const std::string &folder) : m_kind(kind), m_folder(folder) {}
    ~OutputFolder();
    OutputFolder(const OutputFolder &) = delete;
    OutputFolder &operator=(const OutputFolder &) = delete;

    /* Makes the folder or takes it over, and keeps other processes out. Without `resume` older outputs are removed;
     * with it they are kept if they were made by the same recipe, and refused otherwise, or if that cannot be known. A
     * folder that is not of our making is refused. False after CPLError. */
    bool Begin(const OutputRecipe &recipe, bool resume);

    /* Is the output there, whole, and without failures (a file of its own beside it, or empty)? What there is of it otherwise is removed. */
    bool Has(const std::string &file, const std::string &failures = std::string()) const;
    /* Names in the folder. */
    std::vector<std::string> List() const;

    /* What a process that is gone has left of an output. */
    void RemovePart(const std::string &stem, long process) const;
    void RemoveParts() const;

  private:
    bool Lock();
    bool IsOurs(bool &isNew);
    bool SameRecipe(const OutputRecipe &recipe, bool &same) const;
    bool WriteRecipe(const OutputRecipe &recipe) const;
    bool RemoveOutputs() const;

    OutputKind m_kind;
    std::string m_folder;
    int m_lock = -1;
};

} // namespace fishnet::output

#endif
