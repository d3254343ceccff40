#include "parts.h"

#include <cctype>
#include <cstring>

#include "input_files.h"
#include "input_watch.h"
#include "open_options.h"
#include "output_folder.h"
#include "parts_job.h"
#include "table_dataset.h"
#include "union.h"

namespace fishnet
{

using namespace output;

/* ---- creation options ---- */

OptionTable NewPartOptions(const TableKind &kind)
{
    static const fn_option rows[] = {
        {"FORMAT", FN_OPTION_TEXT, nullptr, 0, 0, "GPKG", "Driver that writes the parts", nullptr},
        {"PARTS", FN_OPTION_WHOLE, nullptr, 1, 100000, nullptr, "Number of parts; by default four for each worker",
         nullptr},
        {"PART_DSCO", FN_OPTION_SETTINGS, nullptr, 0, 0, nullptr,
         "Dataset creation option of that driver, NAME=VALUE; may be repeated, or hold several separated by a "
         "semicolon",
         nullptr},
        {"PART_LCO", FN_OPTION_SETTINGS, nullptr, 0, 0, nullptr, "Layer creation option of that driver, likewise",
         nullptr},
        {"RESUME", FN_OPTION_FLAG, nullptr, 0, 0, "NO", "Continue an interrupted run: whole parts are kept", nullptr}};
    return OptionTable(kind.driver).Add({rows, std::size(rows)});
}

static bool Refuse(const PartsJob &job, const char *key, const char *value, const char *wanted)
{
    CPLError(CE_Failure, CPLE_IllegalArg, "%s: %s=%.200s: %s", job.Driver(), key, value, wanted);
    return false;
}

static bool ReadFormat(const char *name, bool hasGeometry, PartsJob &job)
{
    GDALDriver *driver = GetGDALDriverManager()->GetDriverByName(name);
    const auto has = [driver](const char *item) {
        const char *value = driver ? driver->GetMetadataItem(item) : nullptr;
        return value && CPLTestBool(value);
    };
    if (!driver || !has(GDAL_DCAP_VECTOR))
        return Refuse(job, "FORMAT", name, "GDAL has no vector driver of that name");
    if (!has(GDAL_DCAP_CREATE) || !has(GDAL_DCAP_OPEN))
        return Refuse(job, "FORMAT", name, "that driver cannot write a table and read it again");
    const char *extension = driver->GetMetadataItem(GDAL_DMD_EXTENSION);
    const CPLStringList extensions(CSLTokenizeString2(driver->GetMetadataItem(GDAL_DMD_EXTENSIONS), " ", 0));
    if ((!extension || !*extension) && extensions.size() > 0)
        extension = extensions[0];
    if (!extension || !*extension)
        return Refuse(job, "FORMAT", name, "that driver does not write a file for each part");
    job.format = name;
    job.extension = extension;
    if (EQUAL(name, "ESRI Shapefile") && !hasGeometry)
        job.extension = "dbf";
    return true;
}

/* Keeps the types of columns where the format has them in a file apart. */
static void KeepTypes(PartsJob &job)
{
    if (EQUAL(job.format.c_str(), "CSV") && !job.layerOptions.FetchNameValue("CREATE_CSVT"))
        job.layerOptions.SetNameValue("CREATE_CSVT", "YES");
}

/* Keeps the order of rows where the format would sort them for an index. */
static void KeepOrder(PartsJob &job)
{
    if (EQUAL(job.format.c_str(), "FlatGeobuf") && !job.layerOptions.FetchNameValue("SPATIAL_INDEX"))
        job.layerOptions.SetNameValue("SPATIAL_INDEX", "NO");
}

static bool ReadList(const PartsJob &job, CSLConstList options, const char *key, CPLStringList &list)
{
    const CPLStringList given(CSLFetchNameValueMultiple(const_cast<char **>(options), key));
    for (int i = 0; i < given.size(); i++)
        if (!SplitSettings(given[i], list))
            return Refuse(job, key, given[i], "expected NAME=VALUE, or several separated by a semicolon");
    return true;
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

/* All that the parts depend on. */
static OutputRecipe Recipe(const PartsJob &job, GDALDataset *table)
{
    std::vector<std::string> lines = {std::string("Fishnet ") + FISHNET_VERSION,
                                      std::string("GDAL ") + GDALVersionInfo("RELEASE_NAME"),
                                      "table " + OneLine(job.connection)};
    for (int i = 0; i < job.openOptions.size(); i++)
        if (!STARTS_WITH_CI(job.openOptions[i], "RETRIES="))
            lines.push_back("option " + OneLine(job.openOptions[i]));
    lines.push_back("FORMAT=" + job.format);
    for (int i = 0; i < job.datasetOptions.size(); i++)
        lines.push_back("PART_DSCO=" + OneLine(job.datasetOptions[i]));
    for (int i = 0; i < job.layerOptions.size(); i++)
        lines.push_back("PART_LCO=" + OneLine(job.layerOptions[i]));
    lines.push_back("PARTS=" + std::to_string(job.parts));
    InputFiles files;
    files.AddDataset(GDALDataset::ToHandle(table));
    files.AddName(job.connection, job.openOptions.List());
    const std::vector<std::string> states = files.Lines();
    lines.insert(lines.end(), states.begin(), states.end());
    return {lines, files.Unknown()};
}

static bool IsMember(const std::string &name)
{
    constexpr size_t kDigits = 4;
    const std::string begin = "part_";
    const size_t end = name.find_first_not_of("0123456789", begin.size());
    return name.compare(0, begin.size(), begin) == 0 && end != std::string::npos && end - begin.size() >= kDigits &&
           name[end] == '.';
}

/* ---- writing ---- */

static constexpr const char *kEnding = ".vrt";

/* Can the table be written in parts, and there? */
static bool CheckTable(const TableDataset &table, const std::string &output)
{
    const TablePlan &plan = *table.GetPlan();
    /* GDAL has deleted what had the name of the output. */
    const std::string input = InputWatch::PutBack(output);
    if (!input.empty()) {
        CPLError(CE_Failure, CPLE_IllegalArg, "%s: the output %s is an input: %s", plan.driver, output.c_str(),
                 input.c_str());
        return false;
    }
    if (output.size() <= strlen(kEnding) || !EQUAL(output.c_str() + output.size() - strlen(kEnding), kEnding)) {
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
    if (table.HasFilter()) { /* workers open the table anew */
        CPLError(
            CE_Failure, CPLE_NotSupported,
            "%s: a table with a filter (-spat, -where) cannot be written in parts: write it into one file, or filter "
            "the input with WHERE",
            plan.driver);
        return false;
    }
    if (plan.parts > 1) {
        CPLError(CE_Failure, CPLE_NotSupported, "%s: a part of a table (PARTITION) cannot be cut into parts again",
                 plan.driver);
        return false;
    }
    return true;
}

/* Reads the creation options into the job. */
static bool ReadOptions(CSLConstList options, const TablePlan &plan, PartsJob &job, bool &resume)
{
    constexpr int kEach = 4; /* parts for each worker */
    const bool hasGeometry = plan.schema.geometry != wkbNone;
    const OptionTable &table = PartOptions(*plan.kind);
    fn_option_value parts, isResumed;
    if (!ReadFormat(CSLFetchNameValueDef(options, "FORMAT", "GPKG"), hasGeometry, job) ||
        !ReadList(job, options, "PART_DSCO", job.datasetOptions) ||
        !ReadList(job, options, "PART_LCO", job.layerOptions) || !table.Read(options, "PARTS", parts) ||
        !table.Read(options, "RESUME", isResumed))
        return false;
    job.parts = parts.whole > 0 ? parts.whole : int64_t{kEach} * plan.workers.workers;
    resume = isResumed.whole == 1;
    KeepTypes(job);
    KeepOrder(job);
    return true;
}

static GDALDataset *Create(const std::string &output, TableDataset &table, CSLConstList options,
                           GDALProgressFunc progress, void *progressData)
{
    auto lack = std::make_unique<LackOfMemory>(); /* for an option: GDAL's lists go on without it */
    const TablePlan &plan = *table.GetPlan();
    const auto owner = std::make_shared<PartsJob>(plan.kind, plan.workers.threads);
    PartsJob &job = *owner;
    bool resume = false;
    if (!CheckOptionNames(plan.driver, GDAL_DMD_CREATIONOPTIONLIST, options) || !CheckTable(table, output) ||
        !ReadOptions(options, plan, job, resume))
        return nullptr;
    job.connection = plan.connection;
    job.openOptions = OptionsOfTable(plan);
    job.openOptions.SetNameValue("RETRIES", CPLSPrintf("%d", plan.workers.retries));
    job.signature = plan.Signature();
    job.plan = table.GetPlan();
    job.folder = output.substr(0, output.size() - strlen(kEnding)) + "_parts";

    InputFiles inputs(InputFiles::Reach::Disk);
    inputs.AddDataset(GDALDataset::ToHandle(&table));
    inputs.AddName(job.connection, job.openOptions.List());
    if (!CheckOutput(plan.driver, inputs, output, job.folder))
        return nullptr;
    OutputFolder folder({plan.driver, "parts", IsMember}, job.folder);
    if (!folder.Begin(Recipe(job, &table), resume) || !Remove(plan.driver, output) ||
        !job.FindTodo(folder, [](int64_t) { return std::string(); }))
        return nullptr;
    job.folder = AbsoluteName(job.folder);
    if (lack->IsMet())
        return nullptr;
    lack.reset();
    if (!WriteParts(owner, folder, plan.workers, plan.trace, table.Watch().get(), progress, progressData) ||
        !WriteUnion(job, output, GDALDatasetGetLayer(GDALDataset::ToHandle(&table), 0)))
        return nullptr;
    return GDALDataset::FromHandle(
        GDALOpenEx(output.c_str(), GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
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
