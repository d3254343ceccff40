/* A folder that workers write files into, each whole: whose it is, what is there already, and what is left over. For
 * tiles of a raster and parts of a table. */
#ifndef FN_OUTPUT_FOLDER_H
#define FN_OUTPUT_FOLDER_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "output_files.h"
#include "output_recipe.h"

namespace fishnet::output
{

constexpr const char *kRecipe = "recipe.txt"; /* in the folder: what its outputs were made by */

/* What stands in messages and in the folder's recipe file. */
struct OutputKind {
    const char *driver;                        /* "FISHNET" */
    const char *what;                          /* "tiles" */
    bool (*isMember)(const std::string &name); /* such a name is one of ours: "r003_c012.tif" */
};

/* Where an output grows under its own name, with the files that belong to it, until it is whole: a folder of its own
 * beside its place, ".r003_c012.4711.part", with the number of this process; or, if its place is in an object store, a
 * temporary one on this machine. */
class PartFolder
{
  public:
    /* who: begins messages; empty: nothing does. folder: of the output's place. stem: of its name. run: see
     * OutputFolder::Run(). */
    PartFolder(const std::string &who, const std::string &folder, const std::string &stem, const std::string &run = {})
        : m_who(who), m_folder(folder), m_stem(run.empty() ? stem : stem + "." + run)
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

/* Who writes into a folder. */
enum class Writer {
    Alone,     /* one run: outputs that are there are removed */
    Resumed,   /* one run: those of the same recipe are kept */
    Assembler, /* nobody: outputs are there already */
    Share /* one of many runs, on any machine and at any time, that know nothing of each other: nothing is removed */
};

class OutputFolder
{
  public:
    OutputFolder(const OutputKind &kind, const std::string &folder, Writer writer);
    ~OutputFolder();
    OutputFolder(const OutputFolder &) = delete;
    OutputFolder &operator=(const OutputFolder &) = delete;

    const char *What() const { return m_kind.what; } /* "tiles" */
    /* Makes the folder or takes it over. A run keeps other processes out; shares keep runs out, where the file system
     * can. Outputs that are to be kept are refused if they were made by another recipe, or if that cannot be known. A
     * folder that is not of our making is refused. False after CPLError. */
    bool Begin(const OutputRecipe &recipe);
    /* Whether the folder still is that of the recipe: another job may have begun there at the same moment. False after
     * CPLError. */
    bool IsStill(const OutputRecipe &recipe) const;

    /* Whether the output is there and whole. A run takes one with failures (a file of its own beside it, or empty) for
     * missing, and removes what there is of it; a share and an assembler leave it. False after CPLError. */
    bool Find(const std::string &file, const std::string &failures, bool &there) const;
    /* Of an assembler: whether a share, or another run, is at work in the folder. */
    bool IsBusy() const { return m_isBusy; }
    /* Looks again at what is there, where that is found out at once for all: in an object store. False after
     * CPLError. */
    bool Look();
    bool List(std::vector<std::string> &names) const { return ListFolder(m_kind.driver, m_folder, names); }

    /* What stands behind `key` in the recipe that is there, "PARTS=": empty: nothing, or there is none. */
    std::string Noted(const std::string &key) const;
    /* How many shares there are, by those that have begun; several numbers where it was cut in several ways. False
     * after CPLError. */
    bool NoteShares(int shares) const;
    bool ReadShares(std::vector<int> &shares) const;

    /* Of a share: a number that no other run has, for the names of what is unfinished; else empty. */
    const std::string &Run() const { return m_run; }
    /* What a process of this run that is gone has left of an output, and what all have: a run removes what is left of
     * any, a share of its own. False after CPLError. */
    bool RemovePart(const std::string &stem, long process) const;
    bool RemoveParts() const;
    /* What shares have noted. Those that may not be removed stay. */
    void RemoveNotes() const;

  private:
    bool MakeFolder() const;
    bool Lock();
    bool IsOurs(bool &isNew);
    bool IsThere() const;
    bool LookForOutput(const std::string &file, bool &there, bool &full) const;
    bool IsSame(const OutputRecipe &recipe) const;
    bool WriteRecipe(const OutputRecipe &recipe) const;
    bool RemoveOutputs() const;

    OutputKind m_kind;
    std::string m_folder;
    Writer m_writer;
    std::string m_run;
    std::map<std::string, int64_t> m_objects; /* of an object store: sizes, by names */
    int m_lock = -1;
    bool m_isBusy = false;
};

} // namespace fishnet::output

#endif
