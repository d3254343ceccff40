#include "parts_job.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>

#include <gdal_utils.h>

#include "batch.h"
#include "output_folder.h"
#include "pieces.h"
#include "row_copy.h"
#include "table_dataset.h"

namespace fishnet
{

using namespace output;

/* ---- what workers are told ---- */

std::string PartsJob::Stem(int64_t part) const
{
    const size_t digits = std::max<size_t>(4, std::to_string(parts - 1).size());
    const std::string number = std::to_string(part);
    return "part_" + std::string(digits - number.size(), '0') + number;
}

OGRLayerH PartsJob::OnlyLayer(GDALDatasetH dataset) const
{
    if (!dataset)
        return nullptr;
    OGRLayerH layer =
        GDALDatasetGetLayerByName(dataset, kind->layer); /* SQLite does not list tables without geometry */
    return layer || GDALDatasetGetLayerCount(dataset) != 1 ? layer : GDALDatasetGetLayer(dataset, 0);
}

/* By name; what is then left by its place, where the format has as many columns. */
std::vector<int> PartsJob::FindColumns(OGRFeatureDefnH table, OGRFeatureDefnH part)
{
    const int count = OGR_FD_GetFieldCount(table), stored = OGR_FD_GetFieldCount(part);
    std::vector<int> columns;
    std::vector<char> taken(static_cast<size_t>(stored), 0);
    for (int i = 0; i < count; i++) {
        const int found = OGR_FD_GetFieldIndex(part, OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(table, i)));
        columns.push_back(found);
        if (found >= 0)
            taken[static_cast<size_t>(found)] = 1;
    }
    for (int i = 0; stored == count && i < count; i++)
        if (columns[static_cast<size_t>(i)] < 0 && !taken[static_cast<size_t>(i)])
            columns[static_cast<size_t>(i)] = i;
    return columns;
}

JobDescription PartsJob::Describe() const
{
    std::string numbers(reinterpret_cast<const char *>(todo.data()), todo.size() * sizeof(int64_t));
    return {kTablePartsJob,
            {kind->driver, folder, format.driver, extension, PackOptions(format.datasetOptions.List()),
             PackOptions(format.layerOptions.List()), std::to_string(parts), numbers, connection,
             PackOptions(openOptions.List()), signature, run, std::to_string(features), std::to_string(builders)},
            plan->folder,
            plan->Inputs()};
}

std::unique_ptr<Job> PartsJob::FromWords(const Words &words, int threads, fn_error *err)
{
    constexpr size_t kWords = 14;
    const TableKind *kind = words.size() == kWords ? FindTableKind(words[0]) : nullptr;
    auto job = std::make_unique<PartsJob>(kind, threads);
    if (!kind || !UnpackOptions(words[4], job->format.datasetOptions) ||
        !UnpackOptions(words[5], job->format.layerOptions) || !UnpackOptions(words[9], job->openOptions)) {
        fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
        return nullptr;
    }
    job->folder = words[1];
    job->format.driver = words[2];
    job->extension = words[3];
    job->parts = CPLAtoGIntBig(words[6].c_str());
    job->todo.resize(words[7].size() / sizeof(int64_t));
    if (!job->todo.empty())
        memcpy(job->todo.data(), words[7].data(), job->todo.size() * sizeof(int64_t));
    job->connection = words[8];
    job->signature = words[10];
    job->run = words[11];
    job->features = CPLAtoGIntBig(words[12].c_str());
    job->builders = atoi(words[13].c_str());
    return job;
}

/* What is shared is of the parts that are to do, from the first to the last. */
void PartsJob::TakeRange(TableOptions &options) const
{
    const auto ends = std::minmax_element(todo.begin(), todo.end());
    if (todo.empty())
        return;
    options.part = *ends.first + 1;
    options.lastPart = *ends.second + 1;
    options.parts = parts;
    options.features = features;
}

fn_status PartsJob::Prepare(Notes &messages, const GoesOn &goesOn, fn_error *err)
{
    MessageCollector collector; /* the host has heard what opening gives */
    const std::unique_ptr<TableOptions> options = kind->newOptions();
    Handles handles;
    /* In the host by all workers that the table has; a helper has one thread. */
    const bool parsed = options->Parse(*kind, connection.c_str(), (plan ? plan->openOptions : openOptions).List());
    TakeRange(*options);
    options->builders = builders;
    own = parsed ? TablePlan::Make(*kind, *options, handles, plan.get()) : nullptr;
    if (!own)
        return fn_fail(err, FN_ERR_READ, "the inputs cannot be opened: %s", collector.Cause("no reason given").c_str());
    if (own->Signature() != signature)
        return fn_fail(err, FN_ERR_ARGUMENT, "an input has changed since the table was opened");
    if (!own->Shares())
        return Job::Prepare(messages, goesOn, err);
    const auto reader = std::make_shared<PartialReader>();
    if (!partials.empty() && reader->Open(partials, recipe, err) != FN_OK)
        return err->status;
    shared = partials.empty() ? own->Share(handles, messages, goesOn, err) : own->Fold(reader, messages, goesOn, err);
    return shared ? shared->Complete(messages, err) : err->status;
}

/* ---- in the host ---- */

std::shared_ptr<PartsJob> PartsJob::Folded() const
{
    auto job = std::make_shared<PartsJob>(kind, Threads());
    job->format = format;
    job->extension = extension;
    job->connection = connection;
    job->openOptions = openOptions;
    job->signature = signature;
    job->folder = folder;
    job->plan = plan;
    job->recipe = recipe;
    for (int64_t part = 0; part < parts; part++)
        job->partials.push_back(Path(part));
    return job;
}

void PartsJob::Fail(const fn_error &err) const
{
    EmitError(*plan, err);
}

void PartsJob::Written(int64_t part, const void *result, size_t bytes)
{
    int64_t count = 0;
    if (bytes < sizeof count)
        return;
    memcpy(&count, result, sizeof count);
    rows[part] = count;
}

void PartsJob::Tell(const Message &message, const std::string &task, long)
{
    Emit(message, (task + ": ").c_str());
}

/* ---- one part ---- */

static int CPL_STDCALL IsWanted(double done, const char *, void *user)
{
    const auto *task = static_cast<const fn_task *>(user);
    fn_task_progress(task, done);
    return !fn_is_cancelled(task->cancel);
}

static std::unique_ptr<TableDataset> OpenPart(const PartsJob &job, int64_t part)
{
    CPLStringList options(job.openOptions);
    options.SetNameValue("PARTITION",
                         CPLSPrintf("%lld/%lld", static_cast<long long>(part + 1), static_cast<long long>(job.parts)));
    std::unique_ptr<TableDataset> table = TableDataset::OpenWith(*job.kind, job.connection.c_str(), options.List(),
                                                                 job.shared, std::string(), job.own.get());
    if (table && table->GetPlan()->Signature() != job.signature) {
        CPLError(CE_Failure, CPLE_AppDefined, "an input has changed since the table was opened");
        table.reset();
    }
    return table;
}

/* In transactions as long as those of ogr2ogr. */
static bool CopyRows(const PartsJob &job, TableLayer &rows, GDALDataset &to, fn_task &task)
{
    constexpr int64_t kTransaction = 100000;
    OGRLayer *layer = to.GetLayer(0);
    if (!layer || to.StartTransaction() != OGRERR_NONE)
        return false;
    const RowCopy copy(rows.GetLayerDefn(), layer, job.format.driver);
    const double features = static_cast<double>(rows.InputCount()) / static_cast<double>(job.parts);
    std::unique_ptr<OGRFeature> feature;
    for (int64_t row = 1; rows.NextFeature(feature); row++) {
        const double done = features >= 1 ? static_cast<double>(rows.FeaturesRead()) / features : 0;
        if (!copy.Add(*feature) || !IsWanted(std::min(done, 1.0), nullptr, &task))
            return false;
        if (row % kTransaction == 0 && (to.CommitTransaction() != OGRERR_NONE || to.StartTransaction() != OGRERR_NONE))
            return false;
    }
    return to.CommitTransaction() == OGRERR_NONE;
}

/* Without ogr2ogr, which reads the input once more to count the rows, and makes another feature of each. A database
 * takes longest with features, and not with their bytes. */
static bool WriteDatabase(const PartsJob &job, TableDataset &table, const std::string &file, fn_task &task)
{
    PieceFormat format;
    format.format = job.format;
    format.layer = job.kind->layer;
    const RowMaker columns(table.GetPlan()->schema, table.Rows().SRS());
    DatasetHandle written = NewRowsFile(format, file, columns);
    const bool good = written && CopyRows(job, table.Rows(), *GDALDataset::FromHandle(written.get()), task);
    written.reset();
    return good;
}

/* False, and messages have been collected. */
static bool Write(const PartsJob &job, TableDataset *table, const std::string &file, fn_task &task)
{
    if (job.format.IsDatabase())
        return WriteDatabase(job, *table, file, task);
    const Translation translation = job.format.NewTranslation(job.kind->layer);
    if (!translation)
        return false;
    GDALVectorTranslateOptionsSetProgress(translation.get(), IsWanted, &task);
    GDALDatasetH source = GDALDataset::ToHandle(table);
    DatasetHandle written(GDALVectorTranslate(file.c_str(), nullptr, 1, &source, translation.get(), nullptr));
    const bool begun = written != nullptr;
    written.reset(); /* much is written only now, and a failure is a message alone */
    return begun;
}

/* Where a format reads whole numbers again as real ones: the column in which one of them is rounded, or -1. */
static int FindRounded(OGRFeatureDefnH table, OGRLayerH layer, const std::vector<int> &columns)
{
    constexpr double kExact = 9007199254740992.0; /* 2^53 */
    std::vector<size_t> real;
    for (size_t i = 0; i < columns.size(); i++)
        if (OGR_Fld_GetType(OGR_FD_GetFieldDefn(table, static_cast<int>(i))) == OFTInteger64 &&
            OGR_Fld_GetType(OGR_FD_GetFieldDefn(OGR_L_GetLayerDefn(layer), columns[i])) == OFTReal)
            real.push_back(i);
    if (real.empty())
        return -1;
    OGR_L_ResetReading(layer);
    while (const FeatureHandle feature = FeatureHandle(OGR_L_GetNextFeature(layer)))
        for (const size_t i : real)
            if (std::abs(OGR_F_GetFieldAsDouble(feature.get(), columns[i])) >= kExact)
                return static_cast<int>(i);
    return -1;
}

/* The CRS is not there, in a format that has a place for any. PROJ without memory leaves it out without a word. */
static bool LacksCRS(const RowsFormat &format, OGRLayerH written, OGRLayerH table)
{
    const char *const formats[] = {"GPKG", "FlatGeobuf", "ESRI Shapefile", "SQLite", "Parquet"};
    return OGR_L_GetSpatialRef(table) && !OGR_L_GetSpatialRef(written) &&
           std::any_of(std::begin(formats), std::end(formats),
                       [&format](const char *driver) { return EQUAL(format.driver.c_str(), driver); });
}

bool HoldsAll(const RowsFormat &format, OGRLayerH layer, OGRLayerH table)
{
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(table);
    const std::vector<int> columns = PartsJob::FindColumns(defn, OGR_L_GetLayerDefn(layer));
    const auto nameOf = [defn](int column) { return OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(defn, column)); };
    const auto missing = std::find(columns.begin(), columns.end(), -1);
    const int rounded = missing == columns.end() ? FindRounded(defn, layer, columns) : -1;
    if (missing != columns.end())
        CPLError(CE_Failure, CPLE_AppDefined, "read again it lacks the column %s: the format %s does not hold it",
                 nameOf(static_cast<int>(missing - columns.begin())), format.driver.c_str());
    else if (rounded >= 0)
        CPLError(CE_Failure, CPLE_AppDefined,
                 "read again whole numbers of the column %s are rounded: the format %s does not hold them",
                 nameOf(rounded), format.driver.c_str());
    else if (OGR_FD_GetGeomType(defn) != wkbNone && OGR_FD_GetGeomType(OGR_L_GetLayerDefn(layer)) == wkbNone)
        CPLError(
            CE_Failure, CPLE_AppDefined,
            "read again it has no geometry: the format %s does not hold it (GEOMETRY=NONE leaves it out; CSV holds "
            "it with PART_LCO=GEOMETRY=AS_WKT)",
            format.driver.c_str());
    else if (LacksCRS(format, layer, table))
        CPLError(CE_Failure, CPLE_AppDefined, "read again it has no CRS: the format %s does not hold it",
                 format.driver.c_str());
    else
        return true;
    return false;
}

bool HoldsRows(const RowsFormat &format, int64_t there, int64_t rows)
{
    if (there != rows)
        CPLError(CE_Failure, CPLE_AppDefined,
                 "read again it has %lld of %lld rows: the format %s does not hold them (without geometry?)",
                 static_cast<long long>(there), static_cast<long long>(rows), format.driver.c_str());
    return there == rows;
}

/* All rows can be read again, with all columns and the CRS. Some formats drop rows without geometry, or columns whose
 * names they keep for themselves, and say nothing. */
static bool IsWhole(const PartsJob &job, const std::string &file, OGRLayerH table, int64_t rows)
{
    if (rows == 0)
        return true; /* some write no file then */
    const DatasetHandle written(GDALOpenEx(file.c_str(), GDAL_OF_VECTOR, nullptr, nullptr, nullptr));
    OGRLayerH layer = job.OnlyLayer(written.get());
    return HoldsRows(job.format, layer ? OGR_L_GetFeatureCount(layer, TRUE) : 0, rows) &&
           HoldsAll(job.format, layer, table);
}

/* What stands in the place of a part without rows, where the format writes no file then: the part is done. */
static constexpr const char *kNoRows = "This part has no rows, and its format writes no file then.\n";

bool PartsJob::HasNoRows(const std::string &file)
{
    VSIStatBufL stat;
    std::vector<std::string> lines;
    return VSIStatL(file.c_str(), &stat) == 0 && !VSI_ISDIR(stat.st_mode) &&
           static_cast<size_t>(stat.st_size) == strlen(kNoRows) && ReadLines("", file, lines) && lines.size() == 1 &&
           lines[0] + "\n" == kNoRows;
}

bool MakeSureItIsThere(const std::string &file)
{
    VSIStatBufL stat;
    if (VSIStatL(file.c_str(), &stat) == 0 && (VSI_ISDIR(stat.st_mode) || stat.st_size > 0))
        return true;
    return WriteWhole("", file, kNoRows);
}

static fn_status WritePart(const PartsJob &job, fn_task &task, Notes &messages, fn_error *err)
{
    const int64_t part = job.PartOf(task.number);
    int64_t rows = 0;
    std::string cause, reason;
    bool opened = false, done = false;
    {
        MessageCollector collector;
        PartFolder temporary("", job.folder, job.Stem(part), job.run);
        const std::unique_ptr<TableDataset> table = OpenPart(job, part);
        opened = table != nullptr;
        if (opened && temporary.Make()) {
            const std::string file = temporary.Path() + "/" + job.File(part);
            if (Write(job, table.get(), file, task) && collector.Failures() == 0) {
                OGRLayerH layer = GDALDatasetGetLayer(GDALDataset::ToHandle(table.get()), 0);
                rows = OGR_L_GetFeatureCount(layer, TRUE);
                done = IsWhole(job, file, layer, rows) && MakeSureItIsThere(file) && temporary.Publish(job.File(part));
            }
        }
        cause = collector.Cause("no reason given");
        if (!done && !temporary.Path().empty())
            reason = WhyNotWritable(temporary.Path());
        messages = std::move(collector.messages);
    }
    if (done) {
        memcpy(task.result, &rows, sizeof rows);
        return FN_OK;
    }
    messages.clear();
    if (fn_is_cancelled(task.cancel))
        return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    const std::string name = job.folder + "/" + job.File(part);
    if (!opened)
        return fn_fail(err, FN_ERR_READ, "%.300s: the input cannot be opened: %.500s", name.c_str(), cause.c_str());
    /* Reading has been tried again by the table itself, and writing to a full disk is not: that is final. */
    return fn_fail(err, FN_ERR_VALUE, "%.300s cannot be written: %.500s%s%s", name.c_str(), cause.c_str(),
                   reason.empty() ? "" : ": ", reason.c_str());
}

namespace
{
/* Each part opens what it reads: a worker keeps nothing. */
class PartWorker final : public JobWorker
{
  public:
    explicit PartWorker(const PartsJob &job) : m_job(job) {}
    fn_status Run(fn_task &task, Notes &messages, fn_error *err) override
    {
        return WritePart(m_job, task, messages, err);
    }

  private:
    const PartsJob &m_job;
};
} // namespace

std::unique_ptr<JobWorker> PartsJob::OpenWorker(fn_error *)
{
    return std::make_unique<PartWorker>(*this);
}

} // namespace fishnet
