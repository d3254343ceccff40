/* What outputs depend on, as lines of text that say the same on any machine: files are known by the last part of their
 * names and by what is in them, versions are those that may change results. */
#ifndef FN_OUTPUT_RECIPE_H
#define FN_OUTPUT_RECIPE_H

#include <cstdint>
#include <string>
#include <vector>

#include "input_files.h"
#include "open_options.h"

namespace fishnet::output
{

/* A text on one line. */
std::string OneLine(const std::string &text);

class OutputRecipe
{
  public:
    OutputRecipe();

    void Add(const std::string &line) { m_lines.push_back(OneLine(line)); }
    /* "dataset FISHNET:dem.tif": a word, and what is opened. */
    void AddConnection(const std::string &word, const std::string &connection);
    /* "option B=other.tif" for each, but for those of the names in `without`. */
    void AddOptions(const OptionTable &table, CSLConstList options, const std::vector<std::string> &without);
    /* "key=item" for each. */
    void AddList(const char *key, CSLConstList items);
    /* At the end: all files, but for a recipe file whose options have been added; empty: there is none. */
    void AddFiles(const InputFiles &files, const std::string &recipe);

    const std::vector<std::string> &Lines() const { return m_lines; }
    /* The first input of which nobody can know whether it has changed; empty: there is none. */
    const std::string &Unknown() const { return m_unknown; }

    /* A number that says whether another recipe is the same, on any machine. */
    uint64_t Check() const;
    /* What differs from the lines of another recipe, in words; empty: nothing. */
    std::string WhyNot(const std::vector<std::string> &other) const;

  private:
    void AddInput(const std::string &value);

    std::vector<std::string> m_lines;
    std::string m_unknown;
};

} // namespace fishnet::output

#endif
