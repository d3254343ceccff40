/* A folder that workers write files into, each whole: whose it is, what is there already, and what is left over. For
 * tiles of a raster and parts of a table. */
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

/* Where an output grows under its own name, with the files that belong to it, until it is whole: a folder of its own
 * beside its place, ".r003_c012.4711.part", with the number of this process. */
class PartFolder
{
  public:
    /* who: begins messages; empty: nothing does. folder: of the output's place. stem: of its name. */
    PartFolder(const std::string &who, const std::string &folder, const std::string &stem)
        : m_who(who), m_folder(folder), m_stem(stem)
    {
    }
    /* Removes what is still there. */
    ~PartFolder();
    PartFolder(const PartFolder &) = delete;
    PartFolder &operator=(const PartFolder &) = delete;

    /* False after CPLError. */
    bool Make();
    const std::string &Path() const { return m_path; }
    /* Moves all that is in it to its place, `file` last: where it is, the output is whole. False after CPLError. */
    bool Publish(const std::string &file) const;

  private:
    std::string m_who, m_folder, m_stem, m_path; /* m_path: empty until it is made */
};

/* "No space left on device", when the system does not let files be written in that folder; else empty. */
std::string WhyNotWritable(const std::string &folder);

/* Writes a file under another name, then renames it: under its own it is always whole. False after CPLError. */
bool WriteWhole(const char *driver, const std::string &name, const std::string &text);

/* Lines of a file; none if it is not there. False after CPLError: it is there, and cannot be read. */
bool ReadLines(const char *driver, const std::string &name, std::vector<std::string> &lines);
/* Names in a folder, in any order, without those of the folder itself and the one above. False after CPLError: a folder
 * that cannot be listed is not an empty one. */
bool ListFolder(const char *driver, const std::string &folder, std::vector<std::string> &names);
/* Removes a file, or a folder with all that is in it; none may be there. False after CPLError: it stays. */
bool Remove(const char *driver, const std::string &name);
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

    /* Whether the output is there, whole, and without failures (a file of its own beside it, or empty). What there
     * is of it otherwise is removed. False after CPLError. */
    bool Find(const std::string &file, const std::string &failures, bool &there) const;
    bool List(std::vector<std::string> &names) const { return ListFolder(m_kind.driver, m_folder, names); }

    /* What a process that is gone has left of an output, and what all have. False after CPLError. */
    bool RemovePart(const std::string &stem, long process) const;
    bool RemoveParts() const;

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
