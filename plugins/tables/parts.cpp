#include "parts.h"

#include <cctype>
#include <cmath>
#include <cstring>

#include "deleted_files.h"
#include "folding.h"
#include "helper.h"
#include "input_files.h"
#include "input_watch.h"
#include "open_options.h"
#include "output_folder.h"
#include "parts_job.h"
#include "single_table.h"
#include "streamed_parts.h"
#include "table_dataset.h"
#include "task_log.h"
#include "union.h"

namespace fishnet
{

using namespace output;

/* ---- creation options ---- */

OptionTable NewPartOptions(const TableKind &kind)
{
    static const fn_option rows[] = {
        {"OUTPUT", FN_OPTION_CHOICE, "PARTS|SINGLE", 0, 0, "PARTS",
         "Parts with a union over them, or one file whose rows the workers encode: FlatGeobuf, CSV, GeoJSONSeq",
         nullptr},
        {"FORMAT", FN_OPTION_TEXT, nullptr, 0, 0, "GPKG",
         "Driver that writes the parts, or the single file: for that, by the ending of its name", nullptr},
        {"PARTS", FN_OPTION_WHOLE, nullptr, 1, 100000, nullptr, "Number of parts; by default four for each worker",
         nullptr},
        {"PART_DSCO", FN_OPTION_SETTINGS, nullptr, 0, 0, nullptr,
         "Dataset creation option of that driver, NAME=VALUE; may be repeated, or hold several separated by a "
         "semicolon",
         nullptr},
        {"PART_LCO", FN_OPTION_SETTINGS, nullptr, 0, 0, nullptr, "Layer creation option of that driver, likewise",
         nullptr},
        {"RESUME", FN_OPTION_FLAG, nullptr, 0, 0, "NO", "Continue an interrupted run: whole parts are kept", nullptr},
        {"PARTITION", FN_OPTION_SHARE, nullptr, 0, 0, nullptr,
         "i/n: only the i-th of n shares of the parts, and no union: other runs write the others into the same folder",
         nullptr},
        {"ASSEMBLE", FN_OPTION_FLAG, nullptr, 0, 0, "NO",
         "When all shares are done: only write the union over their parts, or say what is missing", nullptr}};
    return OptionTable(kind.driver).Add({rows, std::size(rows)});
}

/* Keeps the types of columns where the format has them in a file apart. */
static void KeepTypes(PartsJob &job)
{
    if (EQUAL(job.format.driver.c_str(), "CSV") && !job.format.layerOptions.FetchNameValue("CREATE_CSVT"))
        job.format.layerOptions.SetNameValue("CREATE_CSVT", "YES");
}

/* The options of the table that workers take over: none about workers, which are those of the run. */
static CPLStringList OptionsOfTable(const TablePlan &plan)
{
    CPLStringList list;
    for (int i = 0; i < plan.openOptions.size(); i++) {
        const char *item = plan.openOptions[i];
        bool known = false;
        fn_error ignored;
        fn_worker_options workers = fn_worker_options_default();
        const char *equal = strchr(item, '=');
        if (equal)
            fn_worker_options_take(&workers, item, static_cast<size_t>(equal - item), equal + 1, &known, &ignored);
        if (!known)
            list.AddString(item);
    }
    list.SetNameValue("NUM_WORKERS", "1");
    list.SetNameValue("WORKERS", "THREADS");
    return list;
}

/* In the recipe of parts that are partial results. */
static const std::string kFolded = "FOLDED=";

/* All that the parts depend on. */
static OutputRecipe Recipe(const PartsJob &job, GDALDataset *table)
{
    OutputRecipe recipe;
    recipe.AddConnection("table", job.connection);
    recipe.AddOptions(OpenOptionsOf(*job.kind), job.openOptions.List(), {"RETRIES"});
    recipe.Add("FORMAT=" + job.format.driver);
    recipe.AddList("PART_DSCO", job.format.datasetOptions.List());
    recipe.AddList("PART_LCO", job.format.layerOptions.List());
    recipe.Add("PARTS=" + std::to_string(job.parts));
    if (job.partial)
        recipe.Add(kFolded + job.plan->HowFolded().cut);
    InputFiles files;
    files.AddDataset(GDALDataset::ToHandle(table));
    files.AddName(job.connection, job.openOptions.List());
    recipe.AddFiles(files, RecipeFile(*table));
    return recipe;
}

static bool IsMember(const std::string &name)
{
    constexpr size_t kDigits = 4;
    const std::string begin = "part_";
    const size_t end = name.find_first_not_of("0123456789", begin.size());
    return name.compare(0, begin.size(), begin) == 0 && end != std::string::npos && end - begin.size() >= kDigits &&
           name[end] == '.';
}

static OutputKind KindOf(const TablePlan &plan)
{
    return {plan.driver, "parts", IsMember};
}

/* ---- writing ---- */

static constexpr const char *kEnding = ".vrt";

static std::string FolderOf(const std::string &output)
{
    return output.substr(0, output.size() - strlen(kEnding)) + "_parts";
}

/* input: what GDAL has deleted for the output, and is there again. */
static bool CheckIsNoInput(const TablePlan &plan, const std::string &output, const std::string &input)
{
    if (!input.empty())
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: the output %s is an input: %s", plan.driver, output.c_str(),
                 input.c_str());
    return input.empty();
}

/* Workers know of none. */
static bool CheckHasNoFilter(const TableDataset &table)
{
    if (table.HasFilter())
        CPLError(CE_Failure, CPLE_NotSupported,
                 "%s: a table with a filter (-spat, -where) cannot be written by its workers: write it with the driver "
                 "of a format, such as ogr2ogr -f GPKG, or filter the input with WHERE",
                 table.GetPlan()->driver);
    return !table.HasFilter();
}

/* Can the table be written in parts, and there? */
static bool CheckTable(const TableDataset &table, const std::string &output)
{
    const TablePlan &plan = *table.GetPlan();
    if (output.size() <= strlen(kEnding) ||
        output.compare(output.size() - strlen(kEnding), strlen(kEnding), kEnding) != 0) {
        CPLError(CE_Failure, CPLE_IllegalArg,
                 "%s: the output %.300s is a union over parts: its name has to end in .vrt", plan.driver,
                 output.c_str());
        return false;
    }
    const std::string why = plan.UsesProcesses() ? WhyNotShared(nullptr, output) : std::string();
    if (!why.empty()) {
        CPLError(CE_Failure, CPLE_NotSupported,
                 "%s: worker processes cannot write to %.300s: %s. Write to a file, or use WORKERS=THREADS",
                 plan.driver, output.c_str(), why.c_str());
        return false;
    }
    if (!CheckHasNoFilter(table))
        return false;
    if (plan.parts > 1) {
        CPLError(CE_Failure, CPLE_NotSupported, "%s: a part of a table (PARTITION) cannot be cut into parts again",
                 plan.driver);
        return false;
    }
    return true;
}

/* Without PARTS: as many as there are shares, or, where a job goes on, as it had. */
static int64_t UsualParts(const PartsJob &job, TableDataset &table, const RunOptions &run)
{
    const TablePlan &plan = *table.GetPlan();
    /* For each worker; one, where each part is to read the input from its begin. */
    const int each = CanBeJoined(job.format.driver) || !table.Rows().ReadsInOrder() ? 4 : 1;
    const OutputFolder folder(KindOf(plan), job.folder, run.writer);
    const std::string noted = run.writer == Writer::Alone ? std::string() : folder.Noted("PARTS=");
    const int64_t known = CPLAtoGIntBig(noted.c_str());
    return known > 0 ? known : run.shares > 0 ? run.shares : int64_t{each} * plan.workers.workers;
}

/* Reads the creation options into the job. */
static bool ReadOptions(CSLConstList options, TableDataset &dataset, PartsJob &job, RunOptions &run)
{
    const TablePlan &plan = *dataset.GetPlan();
    const bool hasGeometry = plan.schema.geometry != wkbNone;
    const OptionTable &table = PartOptions(*plan.kind);
    fn_option_value parts;
    if (!job.format.Read(plan.driver, options, "GPKG", hasGeometry, job.extension) ||
        !table.Read(options, "PARTS", parts) || !ReadRunOptions(table, options, run))
        return false;
    job.parts = parts.whole > 0 ? parts.whole : UsualParts(job, dataset, run);
    KeepTypes(job);
    job.format.LeaveOutIndex();
    return true;
}

/* Whether the parts are partial results: the first share decides, for all that follow. */
static bool IsPartial(const PartsJob &job, const TablePlan &plan, const RunOptions &run, const OutputFolder &folder)
{
    if (run.writer == Writer::Alone)
        return false;
    if (!folder.Noted("PARTS=").empty())
        return !folder.Noted(kFolded).empty();
    return run.writer == Writer::Share && plan.Folds(job.parts);
}

namespace
{
/* A run that writes parts. */
struct Writing {
    TableDataset &table;
    OutputFolder &folder;
    const RunOptions &run;
    const OutputRecipe &recipe;
    PartGrid grid;
    std::vector<int64_t> wanted;
    GDALProgressFunc progress;
    void *progressData;

    bool IsShare() const { return run.writer == Writer::Share; }
    bool Find(PartsJob &job, const std::vector<int64_t> &parts) const
    {
        return job.FindTodo(folder, parts, [](int64_t) { return std::string(); });
    }
    bool Prepare(PartsJob &job) const;
    bool HasBetterProcesses(const PartsJob &job) const;
    bool Write(const std::shared_ptr<PartsJob> &job) const;
    bool WriteFolded(PartsJob &job, const std::shared_ptr<PartsJob> &whole) const;
};
} // namespace

/* Finds what is to do. */
bool Writing::Prepare(PartsJob &job) const
{
    if (!Find(job, wanted))
        return false;
    if (job.partial)
        AddDamaged(job, wanted);
    if (IsShare() && !job.todo.empty() && !folder.NoteShares(run.shares))
        return false;
    return run.writer != Writer::Assembler || job.IsComplete(folder, grid);
}

/* Threads that write to SQLite wait for each other. Small tables are written before a process has begun. */
bool Writing::HasBetterProcesses(const PartsJob &job) const
{
    constexpr int64_t kEnough = 50000; /* features */
    const TablePlan &plan = *job.plan;
    VSIStatBufL stat;
    return job.format.IsDatabase() && plan.workers.workers > 1 && job.TaskCount() > 1 && plan.SharesLittle() &&
           !plan.openOptions.FetchNameValue("WORKERS") && !CPLGetConfigOption("FISHNET_WORKERS", nullptr) &&
           table.Rows().InputCount() >= kEnough && table.CanUseProcesses() &&
           WhyNotShared(nullptr, job.folder).empty() && VSIStatL(HelperProgram().c_str(), &stat) == 0;
}

bool Writing::Write(const std::shared_ptr<PartsJob> &job) const
{
    const TablePlan &plan = *job->plan;
    fn_worker_options workers = plan.workers;
    if (!job->partials.empty()) /* a helper is not told of these */
        workers.processes = 0;
    else if (workers.processes == 0 && HasBetterProcesses(*job))
        workers.processes = 1;
    std::vector<int64_t> cuts;
    bool stream = false;
    if (!FindStream(*job, table, cuts, stream))
        return false;
    if (stream)
        return StreamParts(*job, table, std::move(cuts), progress, progressData);
    return WriteParts(job, folder, workers, plan.reports, table.Watch().get(), progress, progressData);
}

/* Of a share, partial results; else the one part that has all rows, too. Where that is there all is done. */
bool Writing::WriteFolded(PartsJob &job, const std::shared_ptr<PartsJob> &whole) const
{
    if (!Find(*whole, {0}))
        return false;
    if (whole->todo.empty())
        return true;
    if (!Prepare(job) || !WritePartials(job, table.Watch().get(), progress, progressData))
        return false;
    if (!IsShare())
        return Write(whole);
    progress(1, "", progressData);
    const std::shared_ptr<PartsJob> now = job.Folded();
    return folder.Look() && Find(*now, {0}) && (now->todo.empty() || job.IsDone(folder, recipe));
}

/* What the table is made of, as far as the options say. */
static void DescribeTable(TableDataset &table, PartsJob &job)
{
    const TablePlan &plan = *table.GetPlan();
    job.connection = plan.connection;
    job.openOptions = OptionsOfTable(plan);
    job.openOptions.SetNameValue("RETRIES", CPLSPrintf("%d", plan.workers.retries));
    job.signature = plan.Signature();
    job.builders = plan.workers.workers;
    job.plan = table.GetPlan();
}

static GDALDataset *CreateParts(const std::string &output, TableDataset &table, CSLConstList options,
                                GDALProgressFunc progress, void *progressData)
{
    auto lack = std::make_unique<LackOfMemory>(); /* for an option: GDAL's lists go on without it */
    const TablePlan &plan = *table.GetPlan();
    const auto owner = std::make_shared<PartsJob>(plan.kind, plan.workers.threads);
    PartsJob &job = *owner;
    RunOptions run;
    if (!CheckTable(table, output))
        return nullptr;
    job.folder = FolderOf(output);
    if (!ReadOptions(options, table, job, run))
        return nullptr;
    DescribeTable(table, job);

    InputFiles inputs(InputFiles::Reach::Disk);
    inputs.AddDataset(GDALDataset::ToHandle(&table));
    inputs.AddName(job.connection, job.openOptions.List());
    if (!CheckOutput(plan.driver, inputs, output, job.folder))
        return nullptr;
    OutputFolder folder(KindOf(plan), job.folder, run.writer);
    job.partial = IsPartial(job, plan, run, folder);
    const OutputRecipe recipe = Recipe(job, &table);
    job.recipe = recipe.Check();
    Writing writing = {table, folder, run, recipe, {job.parts, 1, {}}, {}, progress, progressData};
    if (!FindWanted(plan.driver, folder.What(), run, writing.grid, writing.wanted) || !folder.Begin(recipe) ||
        (!writing.IsShare() && !Remove(plan.driver, output)))
        return nullptr;
    job.folder = AbsoluteName(job.folder);
    const std::shared_ptr<PartsJob> rows = job.partial ? job.Folded() : owner;
    if (!job.partial && !writing.Prepare(job))
        return nullptr;
    if (lack->IsMet())
        return nullptr;
    lack.reset();
    if (!(job.partial ? writing.WriteFolded(job, rows) : writing.Write(owner)))
        return nullptr;
    if (writing.IsShare()) /* what would be read of the whole is what is computed */
        return job.partial || job.IsDone(folder, recipe)
                   ? TableDataset::OpenWith(*job.kind, job.connection.c_str(), job.openOptions.List(), nullptr)
                         .release()
                   : nullptr;
    if (!folder.Look() || !WriteUnion(*rows, output, GDALDatasetGetLayer(GDALDataset::ToHandle(&table), 0)))
        return nullptr;
    if (job.partial)
        RemovePartials(job);
    if (run.writer == Writer::Assembler)
        folder.RemoveNotes();
    return GDALDataset::FromHandle(
        GDALOpenEx(output.c_str(), GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
}

static GDALDataset *CreateSingle(const std::string &output, TableDataset &table, CSLConstList options,
                                 GDALProgressFunc progress, void *progressData)
{
    const TablePlan &plan = *table.GetPlan();
    InputFiles inputs(InputFiles::Reach::Disk);
    inputs.AddDataset(GDALDataset::ToHandle(&table));
    inputs.AddName(plan.connection, plan.openOptions.List());
    return CheckHasNoFilter(table) && CheckOutput(plan.driver, inputs, output, std::string())
               ? WriteSingleTable(output, table, options, progress, progressData)
               : nullptr;
}

/* False after CPLError. */
static bool IsSingle(const TableKind &kind, CSLConstList options, bool &single)
{
    fn_option_value output;
    if (!CheckOptionNames(kind.driver, GDAL_DMD_CREATIONOPTIONLIST, options) ||
        !PartOptions(kind).Read(options, "OUTPUT", output))
        return false;
    single = output.whole == 1;
    return true;
}

static GDALDataset *Create(const std::string &output, TableDataset &table, CSLConstList options,
                           GDALProgressFunc progress, void *progressData)
{
    const TablePlan &plan = *table.GetPlan();
    fn_error err;
    if (CheckLog(FindReportFiles().log, &err) != FN_OK) {
        EmitError(plan, err);
        return nullptr;
    }
    const std::string input = InputWatch::PutBack(output);
    const auto addNone = [](InputFiles &) {};
    const bool keeps = CSLFetchNameValue(options, "PARTITION") || CSLFetchNameValue(options, "ASSEMBLE") ||
                       CSLFetchNameValue(options, "RESUME"); /* what there is goes when it may */
    bool single = false;
    if (input.empty() && keeps)
        PutBackDeletedFiles(output, addNone, true);
    if (!CheckIsNoInput(plan, output, input) || !IsSingle(*plan.kind, options, single))
        return nullptr;
    return single ? CreateSingle(output, table, options, progress, progressData)
                  : CreateParts(output, table, options, progress, progressData);
}

bool PlanTable(const TableKind &kind, const std::string &output, GDALDataset *source, CSLConstList options,
               JobSize &size)
{
    constexpr double kFeaturesOfShare = 1e5;
    auto *table = dynamic_cast<TableDataset *>(source);
    if (!table) {
        kind.sayIncomplete(CE_Failure);
        return false;
    }
    const TablePlan &plan = *table->GetPlan();
    PartsJob job(plan.kind, plan.workers.threads);
    RunOptions run;
    bool single = false;
    if (!IsSingle(kind, options, single))
        return false;
    if (single) {
        const int64_t features = CountFeatures(plan);
        size.canShare = false;
        size.what = "parts";
        size.parts = 1;
        size.cut = "none, it is one file";
        size.domain = WithoutSecrets(plan.input.name);
        size.work = static_cast<double>(std::max<int64_t>(0, features));
        return true;
    }
    if (!CheckTable(*table, output))
        return false;
    job.folder = FolderOf(output);
    if (!ReadOptions(options, *table, job, run))
        return false;
    const OutputFolder folder(KindOf(plan), job.folder, run.writer);
    const std::string noted = folder.Noted("PARTS=");
    size.what = "parts";
    size.parts = CSLFetchNameValue(options, "PARTS") ? job.parts : CPLAtoGIntBig(noted.c_str());
    const Folding folding = plan.HowFolded();
    const auto wanted = static_cast<int64_t>(std::ceil(folding.work / folding.workOfShare));
    const int64_t shares = size.parts > 0 ? size.parts : std::max<int64_t>(1, wanted);
    const bool folds = noted.empty() ? plan.Folds(shares) : !folder.Noted(kFolded).empty();
    const int64_t features = folds ? 0 : CountFeatures(plan);
    size.domain = folds           ? folding.domain
                  : features >= 0 ? std::to_string(features) + " features of " + WithoutSecrets(plan.input.name)
                                  : WithoutSecrets(plan.input.name);
    size.work = folds ? folding.work : static_cast<double>(std::max<int64_t>(0, features));
    size.workOfShare = folds ? folding.workOfShare : kFeaturesOfShare;
    const char *ranges = folds ? ", ranges of the raster's tiles" : ", ranges of the input";
    size.cut = size.parts > 0 ? std::to_string(size.parts) + ranges : "as many as shares";
    std::vector<int64_t> ofShare;
    if (run.shares > 0 && !FindWanted(plan.driver, size.what, run, {job.parts, 1, {}}, ofShare))
        return false;
    if (!ofShare.empty())
        size.share = CPLSPrintf("parts %lld to %lld of %lld", static_cast<long long>(ofShare.front() + 1),
                                static_cast<long long>(ofShare.back() + 1), static_cast<long long>(job.parts));
    return true;
}

GDALDataset *WriteTable(const TableKind &kind, const char *output, GDALDataset *source, CSLConstList options,
                        GDALProgressFunc progress, void *progressData)
{
    GDALDriver *driver = source->GetDriver();
    if (!driver || !EQUAL(driver->GetDescription(), kind.driver)) {
        CPLError(CE_Failure, CPLE_NotSupported,
                 "%s: the source %.300s is not one of this driver: give %s<dataset> with its open options", kind.driver,
                 WithoutSecrets(source->GetDescription()).c_str(), kind.prefix);
        return nullptr;
    }
    auto *table = dynamic_cast<TableDataset *>(source);
    if (!table) {
        kind.sayIncomplete(CE_Failure);
        return nullptr;
    }
    return Guarded<GDALDataset *>(kind.driver, nullptr, [&] {
        return Create(output, *table, options, progress ? progress : GDALDummyProgress, progressData);
    });
}

} // namespace fishnet
