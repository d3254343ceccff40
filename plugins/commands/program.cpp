/* The program fishnet: what `gdal fishnet plan`, `run`, `assemble` and `doctor` do, with any version of GDAL; and the
 * same for programs that load the module. */
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>

#include <gdal_priv.h>

#include "boundary.h"
#include "doctor.h"
#include "functions.h"
#include "job_file.h"
#include "module.h"
#include "workers.h"

namespace fishnet::commands
{

static const char *const kUsage =
    "Usage: fishnet plan <JOB>.fishnet.json [--partition <i>/<n>]\n"
    "       fishnet run <JOB>.fishnet.json [--partition <i>/<n>|auto|auto/<n>] [-j <N>|ALL_CPUS] [--workers "
    "threads|processes] [--log <FILE>|-] [-q]\n"
    "       fishnet assemble <JOB>.fishnet.json [-q]\n"
    "       fishnet functions [<WORD>]\n"
    "       fishnet doctor [-f text|json]\n"
    "       fishnet --version\n"
    "\n"
    "A job is a recipe with an \"output\". plan says how large it is, and how many shares are good, or what is in "
    "one;\n"
    "run does one share, or all;\n"
    "assemble puts together what all shares have made, or says which are missing; functions lists what expressions "
    "know, or what a word of other calculators is here.\n"
    "doctor says what is wrong with the installation, and how to mend it. With GDAL 3.11 and later they are\n"
    "`gdal fishnet plan`, `run`, `assemble`, `functions` and `doctor`, too.\n"
    "\n"
    "For programs that start it: with --child-of <pid> before all others it ends when that one does; --module says "
    "which\n"
    "module GDAL has loaded, and does nothing else.\n";

namespace
{
struct Arguments {
    std::string command, job, share, log, format;
    CPLStringList workers;
    bool quiet = false, help = false, version = false;
};
} // namespace

/* The value of an option that is followed by one; NULL: it is another one. */
static const char *ValueOf(const char *name, const char *option, char **&words)
{
    const size_t length = strlen(option);
    if (strcmp(name, option) == 0)
        return words[1] ? *++words : "";
    return strncmp(name, option, length) == 0 && name[length] == '=' ? name + length + 1 : nullptr;
}

static bool Parse(char **words, Arguments &all)
{
    for (; *words; words++) {
        const char *word = *words, *value = nullptr;
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
            all.help = true;
        else if (strcmp(word, "--version") == 0)
            all.version = true;
        else if (strcmp(word, "-q") == 0 || strcmp(word, "--quiet") == 0)
            all.quiet = true;
        else if ((value = ValueOf(word, "--partition", words)))
            all.share = value;
        else if ((value = ValueOf(word, "--log", words)))
            all.log = value;
        else if ((value = ValueOf(word, "-f", words)) || (value = ValueOf(word, "--format", words)))
            all.format = value;
        else if ((value = ValueOf(word, "-j", words)) || (value = ValueOf(word, "--num-threads", words)))
            all.workers.SetNameValue("NUM_WORKERS", value);
        else if ((value = ValueOf(word, "--workers", words)))
            all.workers.SetNameValue("WORKERS", value);
        else if (*word == '-' || (!all.command.empty() && !all.job.empty())) {
            CPLError(CE_Failure, CPLE_IllegalArg, "fishnet: unknown argument %s", word);
            return false;
        } else
            (all.command.empty() ? all.command : all.job) = word;
        if (value && !*value) {
            CPLError(CE_Failure, CPLE_IllegalArg, "fishnet: %s needs a value", word);
            return false;
        }
    }
    return true;
}

/* What is wrong is an answer, too, and no error: but it fails. */
static bool Examine(const Arguments &all, std::string &answer)
{
    if (!all.job.empty() || !all.share.empty() || !all.log.empty() || all.workers.size() > 0) {
        CPLError(CE_Failure, CPLE_IllegalArg, "fishnet: doctor takes -f alone");
        return false;
    }
    if (!all.format.empty() && all.format != "text" && all.format != "json") {
        CPLError(CE_Failure, CPLE_IllegalArg, "fishnet: unknown format %s: expected text or json", all.format.c_str());
        return false;
    }
    return AskDoctor(all.format == "json", answer) == 0;
}

static bool Obey(const Arguments &all, std::string &answer, GDALProgressFunc progress, void *progressData)
{
    if (all.command == "doctor")
        return Examine(all, answer);
    if (!all.format.empty()) {
        CPLError(CE_Failure, CPLE_IllegalArg, "fishnet: %s takes no -f", all.command.c_str());
        return false;
    }
    if (all.command == "functions") {
        answer = FunctionsAsText(all.job);
        if (answer.empty())
            CPLError(CE_Failure, CPLE_IllegalArg, "fishnet: no function has '%s' in its name, group or description",
                     all.job.c_str());
        return !answer.empty();
    }
    if (all.command == "run") {
        std::unique_ptr<CPLConfigOptionSetter> log;
        if (!all.log.empty())
            log = std::make_unique<CPLConfigOptionSetter>("FISHNET_LOG", all.log.c_str(), false);
        return RunJob(all.job, all.share, all.workers, progress, progressData);
    }
    const bool plan = all.command == "plan";
    if (all.workers.size() > 0 || !all.log.empty() || (!plan && !all.share.empty())) {
        CPLError(CE_Failure, CPLE_IllegalArg, "fishnet: %s takes no %s-j, --log and --workers", all.command.c_str(),
                 plan ? "" : "--partition, ");
        return false;
    }
    if (all.command == "assemble")
        return AssembleJob(all.job, progress, progressData);
    if (plan)
        return PlanJob(all.job, all.share, answer);
    CPLError(CE_Failure, CPLE_IllegalArg,
             "fishnet: unknown command %s: expected plan, run, assemble, functions or doctor", all.command.c_str());
    return false;
}

static int Main(char **words)
{
    Arguments all;
    if (!Parse(words, all))
        return 2;
    if (all.help) {
        fputs(kUsage, stdout);
        return 0;
    }
    if (all.version) {
        printf("fishnet %s, GDAL %s\n", FISHNET_VERSION, GDALVersionInfo("RELEASE_NAME"));
        return 0;
    }
    if (all.job.empty() && all.command != "functions" && all.command != "doctor") {
        fputs(kUsage, stderr);
        return 2;
    }
    std::string answer;
    const bool quiet = all.quiet || IsOnScreen(all.log);
    const bool good = Obey(all, answer, quiet ? GDALDummyProgress : GDALTermProgress, nullptr);
    return fputs(answer.c_str(), stdout) >= 0 && fflush(stdout) == 0 && good ? 0 : 1;
}

/* ---- in the process of another program ---- */

namespace
{
/* Hands the messages of this thread to the caller for as long as it lives. */
class Listener
{
  public:
    explicit Listener(fishnet_tell tell) : m_tell(tell)
    {
        CPLPushErrorHandlerEx(Hear, this);
        CPLSetCurrentErrorHandlerCatchDebug(FALSE);
    }
    ~Listener()
    {
        PopErrorHandlersAbove(this);
        CPLPopErrorHandler();
    }
    Listener(const Listener &) = delete;
    Listener &operator=(const Listener &) = delete;

  private:
    static void CPL_STDCALL Hear(CPLErr level, CPLErrorNum, const char *text)
    {
        static_cast<Listener *>(CPLGetErrorHandlerUserData())->m_tell(level, text);
    }

    fishnet_tell m_tell;
};
} // namespace

static int CPL_STDCALL AskCaller(double, const char *, void *goesOn)
{
    const auto ask = *static_cast<fishnet_goes_on *>(goesOn);
    return !ask || ask();
}

/* GDAL's own registration is for one thread at a time. */
static void RegisterDrivers()
{
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    if (!GDALGetDriverByName("FISHNET"))
        GDALAllRegister();
}

static int Call(char **words, fishnet_tell tell, fishnet_goes_on goesOn)
{
    const Listener listener(tell);
    return Guarded("fishnet", 1, [&] {
        Arguments all;
        std::string answer;
        RegisterDrivers();
        if (!Parse(words, all))
            return 1;
        const bool good = Obey(all, answer, AskCaller, &goesOn);
        if (good || !answer.empty())
            tell(CE_None, answer.c_str());
        return good ? 0 : 1;
    });
}

} // namespace fishnet::commands

int fishnet_main(char **words)
{
    return fishnet::Guarded("fishnet", 1, [words] { return fishnet::commands::Main(words); });
}

int fishnet_call(char **words, fishnet_tell tell, fishnet_goes_on goesOn)
{
    return fishnet::commands::Call(words, tell, goesOn);
}
