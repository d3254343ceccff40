#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include <algorithm>
#include <cctype>
#include <cstring>

#include "calc_inputs.h"
#include "deleted_files.h"
#include "file_names.h"
#include "fishnet/recipe.h"
#include "handles.h"
#include "helper.h"
#include "input_files.h"
#include "recipe_file.h"
#include "shares.h"
#include "task_log.h"
#include "workers.h"

namespace fishnet::commands
{

void DeclareCommand(const char *name, std::unique_ptr<GDALAlgorithm> (*make)())
{
    auto &registry = GDALGlobalAlgorithmRegistry::GetSingleton();
    if (!registry.HasDeclaredSubAlgorithm({"fishnet"}))
        registry.DeclareAlgorithm({"fishnet"}, [] {
            return std::make_unique<GDALContainerAlgorithm>("fishnet", "Raster math and tables on every core.");
        });
    registry.DeclareAlgorithm({"fishnet", name}, make);
}

std::string HelpPage(const char *command)
{
    static const std::string page = [] {
        std::string folder = ModuleFile();
        VSIStatBufL stat;
        for (size_t at; (at = folder.rfind('/')) != std::string::npos;) {
            folder.resize(at);
            const std::string file = folder + "/share/doc/gdal-plugin-fishnet/docs/COMMANDS.md";
            if (VSIStatL(file.c_str(), &stat) == 0)
                return "file://" + file;
        }
        return std::string();
    }();
    return page.empty() ? page : page + "#gdal-fishnet-" + command;
}

std::string ExamplesAsHelp(const char *lines)
{
    std::string help = "Examples:\n";
    const CPLStringList list(CSLTokenizeString2(lines, "\n", 0));
    for (int i = 0; i < list.size(); i++)
        help += (i > 0 ? "\n  " : "  ") + std::string(list[i]);
    return help;
}

Command::Command(const char *name, const char *description, const OptionTable &open, const OptionTable &many)
    : GDALAlgorithm(name, description, HelpPage(name)), m_options{open, {}}, m_grid{open, {}}, m_many{many, {}}
{
    m_supportsStreamedOutput = true;
    AddProgressArg();
}

bool Command::Fail(CPLErrorNum number, const std::string &text) const
{
    ReportError(CE_Failure, number, "%s", text.c_str());
    return false;
}

/* ---- arguments ---- */

/* Of several values, or one that holds them all. */
static bool IsRepeated(const fn_option &option)
{
    return option.kind >= FN_OPTION_NAMES && option.kind != FN_OPTION_FIELDS;
}

GDALInConstructionAlgorithmArg &Command::AddOption(Options &options, const char *argument, const char *name,
                                                   char letter)
{
    const fn_option &option = *options.table.Find(name);
    Option &added = options.given.emplace_back(Option{argument, option, {}, {}, false});
    const std::string help = &options == &m_grid ? GridHelp(option) : Help(option);
    if (option.kind == FN_OPTION_FLAG)
        return AddArg(argument, letter, help, &added.yes);
    if (IsRepeated(option))
        return AddArg(argument, letter, help, &added.texts).SetPackedValuesAllowed(false).SetMinCount(1);
    auto &arg = AddArg(argument, letter, help, &added.text);
    if (option.preset)
        arg.SetDefault(std::string(option.kind == FN_OPTION_CHOICE ? CPLString(option.preset).tolower()
                                                                   : CPLString(option.preset)));
    const CPLStringList words(CSLTokenizeString2(option.kind == FN_OPTION_CHOICE ? option.words : "", "|", 0));
    for (int i = 0; i < words.size(); i++)
        arg.SetChoices(CPLString(words[i]).tolower());
    return arg;
}

void Command::AddWorkerOptions()
{
    AddOption(m_options, "num-threads", "NUM_WORKERS", 'j').SetMetaVar("N|ALL_CPUS");
    AddOption(m_options, "workers", "WORKERS");
    AddOption(m_options, "readers", "READERS").SetMetaVar("<N>").SetCategory(GAAC_ADVANCED);
    AddOption(m_options, "threads-per-worker", "THREADS_PER_WORKER").SetMetaVar("<N>").SetCategory(GAAC_ADVANCED);
    AddOption(m_options, "retries", "RETRIES").SetMetaVar("<N>").SetCategory(GAAC_ADVANCED);
    AddOption(m_options, "task-timeout", "TASK_TIMEOUT").SetMetaVar("<SECONDS>").SetCategory(GAAC_ADVANCED);
    AddArg("log", 0, kLogHelp, &m_log).SetMetaVar("FILE|-");
    AddArg("trace", 0, "File for a timeline in Chrome trace format", &m_trace)
        .SetMetaVar("<FILE>")
        .SetCategory(GAAC_ADVANCED);
}

void Command::AddOutput(int type, const char *capability)
{
    AddOutputFormatArg(&m_format, /* stream */ true, /* GDALG */ true)
        .AddMetadataItem(GAAMDI_REQUIRED_CAPABILITIES,
                         {type == GDAL_OF_RASTER ? GDAL_DCAP_RASTER : GDAL_DCAP_VECTOR, capability});
    AddOutputDatasetArg(&m_output, type).SetDatasetInputFlags(GADV_NAME | GADV_OBJECT);
    AddCreationOptionsArg(&m_creationOptions);
    AddOverwriteArg(&m_overwrite);
}

const char *Command::FirstGiven(const Options &options) const
{
    for (const Option &option : options.given)
        if (const GDALAlgorithmArg *arg = GetArg(option.argument, false); arg && arg->IsExplicitlySet())
            return option.argument.c_str();
    return nullptr;
}

Argument Command::ArgumentOf(const std::string &option)
{
    std::string name;
    for (const Options *options : {&m_options, &m_grid, &m_many}) {
        for (const Option &given : options->given)
            if (option == given.option.name)
                name = given.argument;
        /* Those that are taken in another way have the same name; --output is none of them. */
        if (name.empty() && option.size() > 1 && option != "OUTPUT" && options->table.Find(option))
            name = CPLString(option).tolower().replaceAll('_', '-');
    }
    const GDALAlgorithmArg *arg = name.empty() ? nullptr : GetArg(name, false);
    const GDALAlgorithmArg *no = name.empty() || arg ? nullptr : GetArg("no-" + name, false);
    if (no)
        return {no->GetName(), true, true};
    return arg ? Argument{arg->GetName(), arg->GetType() == GAAT_BOOLEAN} : Argument();
}

CPLStringList Command::Given(const Options &options) const
{
    CPLStringList given;
    const auto add = [&given](const fn_option &option, const std::string &value) {
        given.AddString((std::string(option.name) + "=" + value).c_str());
    };
    for (const Option &option : options.given) {
        const GDALAlgorithmArg *arg = GetArg(option.argument, false);
        if (!arg || !arg->IsExplicitlySet())
            continue;
        const fn_option &row = option.option;
        for (const std::string &text : option.texts)
            add(row, text);
        if (row.kind == FN_OPTION_FLAG)
            add(row, option.yes ? "YES" : "NO");
        else if (!IsRepeated(row))
            add(row, row.kind == FN_OPTION_CHOICE ? CPLString(option.text).toupper() : option.text);
    }
    return given;
}

static bool IsPartition(const fn_option &option)
{
    return EQUAL(option.name, "PARTITION");
}

CPLStringList Command::DriverOptions() const
{
    CPLStringList given = Given(m_options);
    if (WritesMany())
        given.SetNameValue("PARTITION", nullptr);
    return given;
}

CPLStringList Command::ManyOptions() const
{
    CPLStringList options = Given(m_many);
    const CPLStringList open = WritesMany() ? Given(m_options) : CPLStringList();
    for (const std::string &option : m_creationOptions)
        options.AddString(option.c_str());
    if (const char *share = open.FetchNameValue("PARTITION"))
        options.AddNameValue("PARTITION", share);
    return options;
}

bool Command::GoesOn() const
{
    const CPLStringList options = WritesMany() ? ManyOptions() : CPLStringList();
    return options.FetchNameValue("PARTITION") || options.FetchBool("RESUME", false) ||
           options.FetchBool("ASSEMBLE", false);
}

/* --partition auto: a launcher of array jobs knows. */
bool Command::ResolvePartition()
{
    std::string why;
    for (Option &option : m_options.given)
        if (IsPartition(option.option) && !ResolveShare(option.text, why))
            return Fail(CPLE_IllegalArg, "Argument 'partition': " + why);
    return true;
}

/* ---- names of datasets ---- */

std::string Command::NameOf(const char *argument, const std::string &name) const
{
    if (name.empty())
        Fail(CPLE_IllegalArg, std::string("Argument '") + argument + "' has no dataset name.");
    const std::string &folder = GetReferencePathForRelativePaths();
    return folder.empty() || name.empty() ? name : GDALDataset::BuildFilename(name.c_str(), folder.c_str(), true);
}

std::string Command::NameOf(const char *argument, GDALArgDatasetValue &value) const
{
    GDALDataset *dataset = value.GetDatasetRef();
    if (!dataset)
        return NameOf(argument, value.GetName());
    /* Workers open it again. */
    const std::string name = dataset->GetDescription();
    const GDALDriver *driver = dataset->GetDriver();
    CSLConstList openOptions = dataset->GetOpenOptions();
    const char *why = nullptr;
    if (name.empty() || !driver || EQUAL(driver->GetDescription(), "MEM") || EQUAL(driver->GetDescription(), "Memory"))
        why = "is in memory, and has no name";
    else if (openOptions && *openOptions)
        why = "was opened with options, which are no part of its name";
    if (why) {
        Fail(CPLE_NotSupported, std::string("Argument '") + argument + "': workers cannot open the dataset again: it " +
                                    why + ". Write it to a file or a .gdalg.json");
        return std::string();
    }
    if (dataset->GetAccess() == GA_Update)
        dataset->FlushCache(false);
    return name;
}

/* White space and quotes around a name are no part of it, for our drivers. */
static std::string Quoted(const std::string &name)
{
    const auto is = [](char c) { return isspace(static_cast<unsigned char>(c)) || c == '"'; };
    return !name.empty() && (is(name.front()) || is(name.back())) ? '"' + name + '"' : name;
}

Source Command::OpenDataset(const char *prefix, const std::string &name, const CPLStringList &options, unsigned flags)
{
    /* An input may be a dataset of the same name with other options, in a .gdalg.json: to GDAL, which looks at name
     * and allowed drivers, it would seem to be opened within itself. So the options stand among these, too. */
    CPLStringList allowed;
    allowed.AddString(std::string(prefix, strlen(prefix) - 1).c_str());
    for (int i = 0; i < options.size(); i++)
        allowed.AddString((" " + std::string(options[i])).c_str());
    const std::string path =
        name.empty() ? name : AbsoluteName(name); /* the output may be a VRT, and depends on no folder */
    return Source(GDALDataset::Open((prefix + Quoted(path)).c_str(), flags | GDAL_OF_VERBOSE_ERROR, allowed.List(),
                                    options.List(), nullptr));
}

/* Of "red=" in "red=dem.tif". */
static size_t NameLength(const std::string &text)
{
    const size_t equal = text.find('=');
    const bool named = equal != std::string::npos && equal + 1 < text.size() &&
                       fn_recipe_is_input_name(text.c_str(), equal) && !Exists(text);
    return named ? equal + 1 : 0;
}

void Command::ForEachName(GDALAlgorithmArg &arg, const std::function<void(GDALArgDatasetValue &)> &use)
{
    if (arg.GetType() == GAAT_DATASET)
        use(arg.Get<GDALArgDatasetValue>());
    else if (arg.GetType() == GAAT_DATASET_LIST)
        for (auto &value : arg.Get<std::vector<GDALArgDatasetValue>>())
            use(value);
}

/* With --overwrite GDAL deletes the output as it looks at the arguments, and without it refuses one that exists. So it
 * hears of an output that is to be overwritten when the new one can be computed; a mosaic or a union is left to the
 * driver by what goes on with its files. */
bool Command::ValidateArguments()
{
    const std::string output = m_output.GetName();
    const bool isOld = !m_output.GetDatasetRef() && GoesOn() && IsOverParts(output);
    if (m_output.GetDatasetRef() || (!isOld && !m_overwrite))
        return GDALAlgorithm::ValidateArguments();
    m_output.Set(std::string());
    const bool good = GDALAlgorithm::ValidateArguments();
    m_output.Set(output);
    if (!good || !m_overwrite)
        return good;
    const bool isSafe = Guarded("gdal fishnet", false, [this] { return CheckInputs() && OpenFirst(); });
    return isSafe && (isOld || GDALAlgorithm::ValidateArguments());
}

bool Command::OpenFirst()
{
    const TellInArguments tell([this](const std::string &option) { return ArgumentOf(option); });
    const Reports reports(*this);
    return Prepare();
}

/* All that was given, as text; empty: some of it has none. */
std::string Command::Asked() const
{
    std::string asked;
    for (const auto &arg : GetArgs()) {
        std::string text;
        if (!arg->IsExplicitlySet())
            continue;
        if (!arg->Serialize(text))
            return {};
        asked += text + "\n";
    }
    return asked;
}

/* GDAL looks at the arguments more than once. */
bool Command::Prepare()
{
    if (m_source && !m_asked.empty() && Asked() == m_asked)
        return true;
    m_source = CheckOutput() && ResolvePartition() ? Open() : nullptr;
    m_asked = Asked();
    return m_source != nullptr;
}

bool Command::CheckOutput()
{
    const char *many = AsksForMany();
    fn_error err;
    if (CheckLog(FindReportFiles().log, &err) != FN_OK)
        return Fail(CPLE_OpenFailed, err.text);
    return !many || CheckIsForMany(many);
}

/* What is deleted must not be read. */
bool Command::CheckInputs()
{
    InputFiles inputs(InputFiles::Reach::Disk);
    const auto add = [&inputs](GDALArgDatasetValue &value) {
        const std::string text = value.GetName(), name = text.substr(NameLength(text));
        inputs.AddName(IsPipeline(name) ? PipelineDataset(name) : name);
        const std::string option = "INPUT=S=" + name; /* it may be a stack */
        const char *const options[] = {option.c_str(), nullptr};
        inputs.AddName(FN_RECIPE_PREFIX, options);
    };
    for (auto &arg : GetArgs())
        if (arg->GetName() != "output" && arg->IsExplicitlySet())
            ForEachName(*arg, add);
    for (const Option &option : m_grid.given)
        if (fn_grid_names_file(option.option.name, option.text.c_str()))
            inputs.AddName(option.text);
    const std::string input = inputs.Find(m_output.GetName());
    return input.empty() || Fail(CPLE_IllegalArg, "Argument 'output': '" + m_output.GetName() + "' is an input (" +
                                                      input + "), which would be deleted");
}

/* ---- running ---- */

/* What a .gdalg.json says is done at every open: it must make sense now, and write nothing then. */
GDALAlgorithm::ProcessGDALGOutputRet Command::ProcessGDALGOutput()
{
    if (IsGDALGOutput()) {
        if (!CheckSafeForStreamOutput() || (!m_source && !Open()))
            return ProcessGDALGOutputRet::GDALG_ERROR;
        const std::string name = m_output.GetName(), path = InCurrentFolder(name);
        const std::string folder = path.substr(0, path.rfind('/') + 1);
        if (name.find('/') != std::string::npos && !MoveNames(folder))
            return ProcessGDALGOutputRet::GDALG_ERROR;
    }
    return GDALAlgorithm::ProcessGDALGOutput();
}

bool Command::CheckSafeForStreamOutput()
{
    const char *many = AsksForMany(), *told = !m_trace.empty() ? "trace" : !m_log.empty() ? "log" : nullptr;
    if (many || told)
        return Fail(CPLE_NotSupported, std::string("Argument '") + (many ? many : told) +
                                           "' writes files, and a streamed dataset may not");
    return !m_executionForStreamOutput || GDALAlgorithm::CheckSafeForStreamOutput();
}

/* Where there is none, the name stays. */
bool Command::Take(GDALDataset *written)
{
    if (written)
        m_output.Set(std::unique_ptr<GDALDataset>(written));
    return written != nullptr;
}

bool Command::RunImpl(GDALProgressFunc progress, void *progressData)
{
    return Guarded("gdal fishnet", false, [&] { return Work(progress, progressData); });
}

/* many: the argument that asks for many files. */
bool Command::CheckIsForMany(const std::string &many) const
{
    for (const char *one : {"output-format", "creation-option", "layer-creation-option", "output-layer",
                            "overwrite-layer", "append", "update"})
        if (const GDALAlgorithmArg *arg = GetArg(one, false); arg && arg->IsExplicitlySet())
            return Fail(CPLE_IllegalArg,
                        "Argument '" + many + "' asks for many files: argument '" + one + "' is for one");
    return true;
}

Command::Reports::Reports(const Command &command)
{
    if (!command.m_trace.empty())
        m_trace = std::make_unique<CPLConfigOptionSetter>("FISHNET_TRACE", command.m_trace.c_str(), false);
    if (!command.m_log.empty())
        m_log = std::make_unique<CPLConfigOptionSetter>("FISHNET_LOG", command.m_log.c_str(), false);
}

bool Command::Work(GDALProgressFunc progress, void *progressData)
{
    const TellInArguments tell([this](const std::string &option) { return ArgumentOf(option); });
    const Reports reports(*this);
    if (IsOnScreen(m_log)) /* a bar would go through its lines */
        progress = GDALDummyProgress;
    if (!Prepare())
        return false;
    const Source source = std::move(m_source);
    if (EQUAL(m_format.c_str(), "stream")) {
        m_output.Set(source.get());
        return true;
    }
    const bool writesMany = WritesMany();
    m_isNew = !writesMany && !m_output.GetDatasetRef() && !EQUAL(m_format.c_str(), "MEM");
    if (writesMany ? Take(WriteMany(*source, ManyOptions(), progress, progressData))
                   : Write(*source, progress, progressData))
        return true;
    RemoveOutput();
    return false;
}

/* Some formats are written when the dataset is closed. */
bool Command::Finalize()
{
    const bool written = m_output.GetDatasetRef() != nullptr;
    const bool good = GDALAlgorithm::Finalize();
    if (!good && written)
        RemoveOutput();
    return good;
}

/* Half an output must not look whole. That there was nothing before has been seen to. */
void Command::RemoveOutput()
{
    const std::string name = m_output.GetName();
    VSIStatBufL stat;
    if (!m_isNew || name.empty())
        return;
    m_output.Close();
    const MessageCollector collector; /* the cause is known */
    GDALDriver::QuietDelete(name.c_str());
    if (VSIStatL(name.c_str(), &stat) == 0 && VSI_ISREG(stat.st_mode))
        VSIUnlink(name.c_str());
}

} // namespace fishnet::commands
#endif
