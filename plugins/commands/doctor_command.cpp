/* gdal fishnet doctor. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include "boundary.h"
#include "capability.h"
#include "doctor.h"

namespace fishnet::commands
{

namespace
{
class DoctorCommand final : public GDALAlgorithm
{
  public:
    DoctorCommand();

  private:
    bool RunImpl(GDALProgressFunc progress, void *progressData) override;

    std::string m_format = "text", m_answer;
    int m_returnCode = 0;
};
} // namespace

DoctorCommand::DoctorCommand()
    : GDALAlgorithm("doctor", "Tell what is installed, test it, and say how to mend what is wrong.", HelpPage("doctor"))
{
    m_longDescription = ExamplesAsHelp("gdal fishnet doctor\n"
                                       "gdal fishnet doctor -f json");
    AddOutputFormatArg(&m_format).SetChoices("text", "json").SetDefault(std::string("text"));
    AddOutputStringArg(&m_answer);
    AddArg("return-code", 0, "Return code: 0, or 1 if something is wrong", &m_returnCode)
        .SetHiddenForCLI()
        .SetIsInput(false)
        .SetIsOutput(true);
}

bool DoctorCommand::RunImpl(GDALProgressFunc, void *)
{
    return Guarded("gdal fishnet doctor", false, [this] {
        m_returnCode = AskDoctor(EQUAL(m_format.c_str(), "json"), m_answer) == 0 ? 0 : 1;
        return true;
    });
}

static Capability capability(nullptr, [] { DeclareCommand("doctor", MakeCommand<DoctorCommand>); });

} // namespace fishnet::commands
#endif
