/* gdal fishnet plan, run, assemble: jobs in files. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include "boundary.h"
#include "capability.h"
#include "job_file.h"
#include "workers.h"

namespace fishnet::commands
{

namespace
{
class JobCommand : public GDALAlgorithm
{
  protected:
    JobCommand(const char *name, const char *description, const char *examples)
        : GDALAlgorithm(name, description, HelpPage(name))
    {
        m_longDescription = ExamplesAsHelp(examples);
        AddArg("job", 0, "Job file: a recipe *.fishnet.json with an \"output\"", &m_job)
            .SetPositional()
            .SetRequired()
            .SetMetaVar("<JOB>");
    }

    std::string m_job;
};

class PlanCommand final : public JobCommand
{
  public:
    PlanCommand()
        : JobCommand("plan", "Say how large a job is, and how many shares are good.",
                     "gdal fishnet plan job.fishnet.json\n"
                     "gdal fishnet plan job.fishnet.json --partition 3/16")
    {
        AddArg("partition", 0, "i/n: and what is in the i-th of n shares", &m_share).SetMetaVar("i/n");
        AddOutputStringArg(&m_answer);
    }

  private:
    bool RunImpl(GDALProgressFunc, void *) override
    {
        return Guarded("gdal fishnet plan", false, [this] { return PlanJob(m_job, m_share, m_answer); });
    }

    std::string m_share, m_answer;
};

class RunCommand final : public JobCommand
{
  public:
    RunCommand();

  private:
    bool RunImpl(GDALProgressFunc progress, void *progressData) override;

    std::string m_share, m_count, m_kind, m_log;
};

class AssembleCommand final : public JobCommand
{
  public:
    AssembleCommand()
        : JobCommand("assemble", "Put together what all shares of a job have made, or say what is missing.",
                     "gdal fishnet assemble job.fishnet.json")
    {
        AddProgressArg();
    }

  private:
    bool RunImpl(GDALProgressFunc progress, void *progressData) override
    {
        return Guarded("gdal fishnet assemble", false, [&] { return AssembleJob(m_job, progress, progressData); });
    }
};
} // namespace

RunCommand::RunCommand()
    : JobCommand("run", "Run a job, or one share of it.",
                 "gdal fishnet run job.fishnet.json\n"
                 "gdal fishnet run job.fishnet.json --partition 3/16 --log share3.log")
{
    AddProgressArg();
    AddArg("partition", 0, "i/n: the i-th of n shares; auto: as the launcher of an array job says", &m_share)
        .SetMetaVar("i/n|auto|auto/n");
    AddArg("num-threads", 'j', "Number of workers, or ALL_CPUS", &m_count).SetMetaVar("N|ALL_CPUS");
    AddArg("workers", 0, "Kind of worker", &m_kind).SetChoices("threads", "processes");
    AddArg("log", 0, kLogHelp, &m_log).SetMetaVar("FILE|-");
}

bool RunCommand::RunImpl(GDALProgressFunc progress, void *progressData)
{
    CPLStringList workers;
    if (!m_count.empty())
        workers.SetNameValue("NUM_WORKERS", m_count.c_str());
    if (!m_kind.empty())
        workers.SetNameValue("WORKERS", m_kind.c_str());
    std::unique_ptr<CPLConfigOptionSetter> log;
    if (!m_log.empty())
        log = std::make_unique<CPLConfigOptionSetter>("FISHNET_LOG", m_log.c_str(), false);
    if (IsOnScreen(m_log))
        progress = nullptr;
    return Guarded("gdal fishnet run", false, [&] {
        return RunJob(m_job, m_share, workers, progress ? progress : GDALDummyProgress, progressData);
    });
}

static Capability capability(nullptr, [] {
    DeclareCommand("plan", MakeCommand<PlanCommand>);
    DeclareCommand("run", MakeCommand<RunCommand>);
    DeclareCommand("assemble", MakeCommand<AssembleCommand>);
});

} // namespace fishnet::commands
#endif
