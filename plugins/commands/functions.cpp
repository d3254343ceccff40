/* gdal fishnet functions: the language of expressions. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include "boundary.h"
#include "capability.h"
#include "functions.h"

namespace fishnet::commands
{

namespace
{
class Functions final : public GDALAlgorithm
{
  public:
    Functions()
        : GDALAlgorithm("functions",
                        "List operators and functions of expressions: what each is written like, and does.",
                        HelpPage("functions"))
    {
        m_longDescription = ExamplesAsHelp("gdal fishnet functions\n"
                                           "gdal fishnet functions focal\n"
                                           "gdal fishnet functions Con\n"
                                           "gdal fishnet functions -f json");
        AddArg("word", 0, "Only those that have it in their name, group or description, or are called so elsewhere",
               &m_word)
            .SetPositional()
            .SetMetaVar("<WORD>");
        AddOutputFormatArg(&m_format).SetChoices("text", "json").SetDefault(std::string("text"));
        AddOutputStringArg(&m_answer);
    }

  private:
    bool RunImpl(GDALProgressFunc, void *) override
    {
        return Guarded("gdal fishnet functions", false, [this] {
            m_answer = EQUAL(m_format.c_str(), "json") ? FunctionsAsJSON(m_word) + "\n" : FunctionsAsText(m_word);
            if (m_answer.empty())
                ReportError(CE_Failure, CPLE_IllegalArg, "No function has '%s' in its name, group or description",
                            m_word.c_str());
            return !m_answer.empty();
        });
    }

    std::string m_word, m_format, m_answer;
};
} // namespace

static Capability capability(nullptr, [] { DeclareCommand("functions", MakeCommand<Functions>); });

} // namespace fishnet::commands
#endif
