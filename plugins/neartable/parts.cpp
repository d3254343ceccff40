#include "neartable/parts.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <exception>
#include <set>

#include "fishnet/stream.h"
#include "input_files.h"
#include "input_watch.h"
#include "neartable/dataset.h"
#include "neartable/helper.h"
#include "neartable/part_worker.h"
#include "open_options.h"
#include "output_folder.h"

namespace fishnet::neartable
{

using namespace output;

/* ---- creation options ---- */

std::string CreationOptionList()
{
    return "<CreationOptionList>"
           "<Option name='FORMAT' type='string' default='GPKG' description='Driver that writes the parts'/>"
           "<Option name='PARTS' type='int' min='1' description='Number of parts; by default four for each worker'/>"
           "<Option name='PART_DSCO' type='string' description='Dataset creation option of that driver, NAME=VALUE; "
           "may be "
           "repeated, or hold several separated by a semicolon'/>"
           "<Option name='PART_LCO' type='string' description='Layer creation option of that driver, likewise'/>"
           "<Option name='RESUME' type='boolean' default='NO' description='Continue an interrupted run: whole parts "
           "are kept'/>"
           "</CreationOptionList>";
}

static bool Refuse(const char *key, const char *value, const char *wanted)
{
    CPLError(CE_Failure, CPLE_IllegalArg, "NEARTABLE: %s=%.200s: %s", key, value, wanted);
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
        return Refuse("FORMAT", name, "GDAL has no vector driver of that name");
    if (!has(GDAL_DCAP_CREATE) || !has(GDAL_DCAP_OPEN))
        return Refuse("FORMAT", name, "that driver cannot write a table and read it again");
    const char *extension = driver->GetMetadataItem(GDAL_DMD_EXTENSION);
    const CPLStringList extensions(CSLTokenizeString2(driver->GetMetadataItem(GDAL_DMD_EXTENSIONS), " ", 0));
    if ((!extension || !*extension) && extensions.size() > 0)
        extension = extensions[0];
    if (!extension || !*extension)
        return Refuse("FORMAT", name, "that driver does not write a file for each part");
    job.format = name;
    job.extension = extension;
    if (EQUAL(name, "ESRI Shapefile") && !hasGeometry)
        job.extension = "dbf";
    return true;
}

/* Types of columns, where the format keeps them apart. */
static void KeepTypes(PartsJob &job)
{
    if (EQUAL(job.format.c_str(), "CSV") && !job.layerOptions.FetchNameValue("CREATE_CSVT"))
        job.layerOptions.SetNameValue("CREATE_CSVT", "YES");
}

/* The order of rows, where the format would sort them for an index. */
static void KeepOrder(PartsJob &job)
{
    if (EQUAL(job.format.c_str(), "FlatGeobuf") && !job.layerOptions.FetchNameValue("SPATIAL_INDEX"))
        job.layerOptions.SetNameValue("SPATIAL_INDEX", "NO");
}

static bool ReadList(CSLConstList options, const char *key, CPLStringList &list)
{
    const CPLStringList given(CSLFetchNameValueMultiple(const_cast<char **>(options), key));
    for (int i = 0; i < given.size(); i++)
        if (!SplitSettings(given[i], list))
            return Refuse(key, given[i], "NAME=VALUE is wanted, or several separated by a semicolon");
    return true;
}

static bool ReadParts(const char *text, int workers, int64_t &parts)
{
    constexpr int64_t kEach = 4, kMost = 100000;
    parts = kEach * workers;
    if (!text)
        return true;
    char *end = nullptr;
    const long long n = isdigit(static_cast<unsigned char>(*text)) ? strtoll(text, &end, 10) : 0;
    if (n < 1 || n > kMost || *end != '\0')
        return Refuse("PARTS", text, "a number from 1 to 100000 is wanted");
    parts = n;
    return true;
}

static bool ReadYes(const char *key, const char *text, bool &yes)
{
    yes = EQUAL(text, "YES") || EQUAL(text, "TRUE") || EQUAL(text, "ON") || EQUAL(text, "1");
    return yes || EQUAL(text, "NO") || EQUAL(text, "FALSE") || EQUAL(text, "OFF") || EQUAL(text, "0") ||
           Refuse(key, text, "YES or NO is wanted");
}

/* The options of the table that workers take over: none about workers, which are those of the run. */
static CPLStringList TableOptions(const Options &options)
{
    CPLStringList list;
    for (int i = 0; i < options.openOptions.size(); i++) {
        const char *item = options.openOptions[i];
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

/* ---- the union ---- */

static std::string Escaped(const char *text)
{
    char *escaped = CPLEscapeString(text, -1, CPLES_XML);
    const std::string result = escaped;
    CPLFree(escaped);
    return result;
}

static bool IsJSON(const std::string &format)
{
    return EQUAL(format.c_str(), "GeoJSON") || EQUAL(format.c_str(), "GeoJSONSeq");
}

/* The type of a column of the union: the table's where each format can give values of it, whatever it made of those of one part. */
static OGRFieldType UnionType(OGRFieldType table, OGRFieldType part)
{
    switch (table) {
    case OFTInteger:
    case OFTInteger64:
    case OFTReal:
    case OFTString:
        return table;
    default:
        return part;
    }
}

/* The columns of the table under the names that a part has for them; empty: it does not have them all. */
static std::string UnionFields(OGRFeatureDefnH table, OGRFeatureDefnH part)
{
    std::string fields;
    const std::vector<int> columns = PartsJob::FindColumns(table, part);
    for (size_t i = 0; i < columns.size(); i++) {
        if (columns[i] < 0)
            return {};
        OGRFieldDefnH own = OGR_FD_GetFieldDefn(table, static_cast<int>(i));
        OGRFieldDefnH stored = OGR_FD_GetFieldDefn(part, columns[i]);
        const OGRFieldType type = UnionType(OGR_Fld_GetType(own), OGR_Fld_GetType(stored));
        const OGRFieldSubType subtype = OGR_Fld_GetSubType(OGR_Fld_GetType(stored) == type ? stored : own);
        fields +=
            "    <Field name=\"" + Escaped(OGR_Fld_GetNameRef(stored)) + "\" type=\"" + OGR_GetFieldTypeName(type) +
            (subtype == OFSTNone ? std::string() : std::string("\" subtype=\"") + OGR_GetFieldSubTypeName(subtype)) +
            "\"/>\n";
    }
    return fields;
}

/* The geometries of the union, as a part has them. */
static std::string UnionGeometry(OGRFeatureDefnH table, OGRLayerH part)
{
    const OGRwkbGeometryType own = OGR_FD_GetGeomType(table);
    const OGRwkbGeometryType stored = OGR_FD_GetGeomType(OGR_L_GetLayerDefn(part));
    std::string type = own == wkbNone ? "wkbNone" : own == wkbPoint ? "wkbPoint" : "wkbLineString";
    if (own != wkbNone)
        type = wkbFlatten(stored) != own ? "wkbUnknown" : wkbHasZ(stored) ? type + "25D" : type;
    std::string xml = "<GeometryType>" + type + "</GeometryType>";
    OGRSpatialReferenceH srs = own == wkbNone ? nullptr : OGR_L_GetSpatialRef(part);
    const char *name = own == wkbNone ? "" : OGR_L_GetGeometryColumn(part); /* geometries are found by it */
    const std::string element = *name ? "SRS" : "LayerSRS";
    char *wkt = nullptr;
    if (srs && OSRExportToWkt(srs, &wkt) == OGRERR_NONE)
        xml += "<" + element + ">" + Escaped(wkt) + "</" + element + ">";
    CPLFree(wkt);
    if (*name)
        xml = "<GeometryField name=\"" + Escaped(name) + "\">" + xml + "</GeometryField>";
    return "    " + xml + "\n";
}

/* A union that says which columns it has: its first part may have no rows, and then in some formats no columns either. */
static bool WriteUnion(const PartsJob &job, const std::string &output, OGRLayerH table)
{
    const std::string folder = job.folder.substr(job.folder.rfind('/') + 1);
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(table);
    std::string sources, fields, geometry;
    int64_t rows = 0;
    for (int64_t part = 0; part < job.parts; part++) {
        const std::string file = job.folder + "/" + job.File(part);
        VSIStatBufL stat;
        if (VSIStatL(file.c_str(), &stat) == 0 && stat.st_size == 0 && !VSI_ISDIR(stat.st_mode))
            continue; /* no rows, no file of that format */
        const DatasetHandle dataset(
            GDALOpenEx(file.c_str(), GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
        OGRLayerH layer = PartsJob::OnlyLayer(dataset.get());
        if (dataset && !layer && GDALDatasetGetLayerCount(dataset.get()) == 0)
            continue; /* no rows, no layer in a file of that format */
        if (!layer) {
            CPLError(CE_Failure, CPLE_OpenFailed, "NEARTABLE: the part %s cannot be read again", file.c_str());
            return false;
        }
        const int64_t count = OGR_L_GetFeatureCount(layer, TRUE);
        if (count == 0 && rows > 0)
            continue;
        if (fields.empty())
            fields = UnionFields(defn, OGR_L_GetLayerDefn(layer));
        if (rows == 0)
            geometry = UnionGeometry(defn, layer);
        rows += count;
        sources += "    <OGRVRTLayer name=\"" + Escaped(OGR_L_GetName(layer)) +
                   "\">\n      <SrcDataSource relativeToVRT=\"1\">" + Escaped((folder + "/" + job.File(part)).c_str()) +
                   "</SrcDataSource>\n";
        if (IsJSON(job.format)) /* a text that looks like a date stays as it is */
            sources += "      <OpenOptions><OOI key=\"DATE_AS_STRING\">YES</OOI></OpenOptions>\n";
        sources += "      <FeatureCount>" + std::to_string(count) + "</FeatureCount>\n    </OGRVRTLayer>\n";
    }
    if (sources.empty()) {
        CPLError(CE_Failure, CPLE_AppDefined, "NEARTABLE: the table has no rows, and %s writes no file without rows",
                 job.format.c_str());
        return false;
    }
    if (fields.empty())
        fields = UnionFields(defn, defn);
    return WriteWhole("NEARTABLE", output,
                      "<OGRVRTDataSource>\n  <OGRVRTUnionLayer name=\"near_table\">\n" + geometry + fields +
                          "    <FeatureCount>" + std::to_string(rows) + "</FeatureCount>\n" + sources +
                          "  </OGRVRTUnionLayer>\n</OGRVRTDataSource>\n");
}

/* ---- in a helper process ---- */

/* Each part opens what it reads: a worker keeps nothing. */
static void *OpenWorker(PartsJob &job, fn_error *err)
{
    return GuardedTask<void *>(err, "a worker cannot begin", nullptr, [&] {
        ConfigureWorker(job.config.List(), job.threads);
        return &job;
    });
}

static fn_status PrepareJob(const Words &words, fn_job *job, std::string *answer, fn_error *err)
{
    auto *told = new PartsJob(); /* as long as the process */
    if (!told->FromWords(words))
        return fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
    told->config = ThreadConfig();
    ConfigureWorker(told->config.List(), 1); /* threads of the helper would be missing in its workers */
    Notes messages;
    const fn_status status = told->ReadNear(messages, err);
    VSICurlClearCache(); /* nor may a connection cross the fork */
    if (status != FN_OK)
        return status;
    size_t bytes = 0;
    void *packed = NotesToBytes(nullptr, new Notes(std::move(messages)), &bytes);
    answer->assign(static_cast<const char *>(packed), packed ? bytes : 0);
    free(packed);
    job->user = told;
    job->worker_open = [](void *user, int, fn_error *error) {
        return OpenWorker(*static_cast<PartsJob *>(user), error);
    };
    job->worker_run = [](void *user, void *, fn_task *task, fn_error *error) {
        return RunPart(*static_cast<const PartsJob *>(user), task, error);
    };
    job->worker_close = [](void *, void *) {};
    return FN_OK;
}

/* ---- in the host ---- */

namespace
{
/* One run over all parts that are not there yet. */
class Run
{
  public:
    Run(PartsJob &job, const Plan &plan, const OutputFolder &folder, InputWatch *watch, GDALProgressFunc progress,
        void *progressData)
        : m_job(job), m_plan(plan), m_folder(folder), m_watch(watch), m_progress(progress), m_progressData(progressData)
    {
    }
    ~Run() { Stop(); }
    Run(const Run &) = delete;
    Run &operator=(const Run &) = delete;

    /* False after CPLError. */
    bool Write();

  private:
    static void OnReport(void *user, const fn_report *report);
    void Tell(const fn_report &report, const Notes *notes) const;
    bool GoesOn(int64_t done) const;
    bool Begin(fn_error *err);
    bool ReadNear(fn_error *err);
    bool Progress(int64_t done);
    void Stop();

    PartsJob &m_job;
    const Plan &m_plan;
    const OutputFolder &m_folder;
    InputWatch *m_watch; /* may be NULL */
    GDALProgressFunc m_progress;
    void *m_progressData;
    PoolHandle m_pool;
    fn_stream *m_stream = nullptr;
};
} // namespace

void Run::OnReport(void *user, const fn_report *report)
{
    const std::unique_ptr<Notes> notes(static_cast<Notes *>(report->notes));
    GuardedReport("NEARTABLE", [&] { static_cast<Run *>(user)->Tell(*report, notes.get()); });
}

void Run::Tell(const fn_report &report, const Notes *notes) const
{
    const int64_t part = m_job.todo[static_cast<size_t>(report.task)];
    const std::string name = m_job.File(part);
    CPLDebug("FISHNET", "%s by worker %d, process %ld: %.1f ms%s%s%s", name.c_str(), report.worker, report.process,
             report.seconds * 1e3, report.status == FN_OK ? "" : ", failed: ", report.error ? report.error : "",
             report.again ? "; again" : "");
    if (report.status != FN_OK && m_pool)
        m_folder.RemovePart(m_job.Stem(part), report.process);
    if (notes)
        for (const Message &message : *notes)
            Emit(message, (name + ": ").c_str());
}

bool Run::GoesOn(int64_t done) const
{
    const int64_t before = m_job.parts - static_cast<int64_t>(m_job.todo.size());
    return m_progress(static_cast<double>(before + done) / static_cast<double>(m_job.parts), "", m_progressData) != 0;
}

bool Run::Progress(int64_t done)
{
    if (GoesOn(done))
        return true;
    CPLError(CE_Failure, CPLE_UserInterrupt, "User terminated");
    return false;
}

/* In this process, or in the helper. */
bool Run::ReadNear(fn_error *err)
{
    Notes messages;
    for (int tried = 1;; tried++) {
        if ((m_pool ? fn_pool_start(m_pool.get(), err) : m_job.ReadNear(messages, err, [this] { return GoesOn(0); })) ==
            FN_OK)
            break;
        if (!WaitToTryAgain(tried, m_plan.workers.retries, err))
            return false;
    }
    if (m_pool) {
        size_t bytes = 0;
        const void *answer = fn_pool_answer(m_pool.get(), &bytes);
        const std::unique_ptr<Notes> told(static_cast<Notes *>(NotesFromBytes(nullptr, answer, bytes)));
        if (told)
            messages = *told;
    }
    for (const Message &message : messages)
        Emit(message);
    return true;
}

bool Run::Begin(fn_error *err)
{
    constexpr size_t kBudget = 1 << 20; /* results are small */
    fn_worker_options workers = m_plan.workers;
    workers.workers = static_cast<int>(
        std::max<int64_t>(1, std::min<int64_t>(workers.workers, static_cast<int64_t>(m_job.todo.size()))));
    fn_job job = {};
    job.task_count = static_cast<int64_t>(m_job.todo.size());
    job.user = this;
    job.task_bytes = [](void *, int64_t) { return sizeof(PartResult); };
    job.task_label = [](void *user, int64_t task, char *label, size_t size) {
        const PartsJob &parts = static_cast<const Run *>(user)->m_job;
        GuardedLabel(label, size, [&] { return parts.File(parts.todo[static_cast<size_t>(task)]); });
    };
    job.notes_from_bytes = NotesFromBytes;
    job.on_report = OnReport;
    job.worker_open = [](void *user, int, fn_error *error) {
        return OpenWorker(static_cast<Run *>(user)->m_job, error);
    };
    job.worker_run = [](void *user, void *, fn_task *task, fn_error *error) {
        return RunPart(static_cast<Run *>(user)->m_job, task, error);
    };
    job.worker_close = [](void *, void *) {};
    const fn_job *scheduled = &job;
    if (workers.processes > 0) {
        Words inputs = {m_plan.input.path};
        for (const LayerPlan &layer : m_plan.near)
            inputs.push_back(layer.path);
        m_pool = NewPool("near parts", m_job.ToWords(), m_plan.folder, inputs, workers, kBudget, job, err);
        if (!m_pool)
            return false;
        scheduled = fn_pool_job(m_pool.get());
    }
    if (!ReadNear(err))
        return false;
    fn_job_options options = {};
    options.workers = workers.workers;
    options.retries = workers.retries;
    options.budget = kBudget;
    options.trace = m_plan.options.trace.empty() ? nullptr : m_plan.options.trace.c_str();
    return fn_stream_new(scheduled, &options, &m_stream, err) == FN_OK;
}

bool Run::Write()
{
    if (m_job.todo.empty())
        return Progress(0);
    fn_error err;
    fn_status status = Begin(&err) ? FN_OK : err.status;
    fn_part part = {};
    for (int64_t done = 0; status == FN_OK;) {
        status = fn_stream_next(m_stream, &part, &err);
        const std::string why = m_watch ? m_watch->WhyNot(!part.data) : std::string();
        if (!why.empty())
            status = fn_fail(&err, FN_ERR_READ, "%s", why.c_str());
        if (status != FN_OK || !part.data)
            break;
        if (!Progress(++done)) {
            Stop();
            return false;
        }
    }
    Stop();
    if (status != FN_OK)
        EmitError(m_plan, err);
    return status == FN_OK;
}

/* Nothing unfinished stays behind, whoever was writing it. */
void Run::Stop()
{
    fn_stream_free(m_stream);
    m_stream = nullptr;
    m_pool.reset();
    GuardedQuietly(false, [&] { return m_folder.RemoveParts(); }); /* what stays, the next run removes */
}

static GDALDataset *Create(const std::string &output, Dataset &table, CSLConstList options, GDALProgressFunc progress,
                           void *progressData)
{
    constexpr const char *kEnding = ".vrt";
    const Plan &plan = table.GetPlan();
    const bool hasGeometry = plan.options.geometry != RowGeometry::None;
    PartsJob job;
    bool resume = false;
    if (!CheckOptionNames("NEARTABLE", GDAL_DMD_CREATIONOPTIONLIST, options))
        return nullptr;
    /* GDAL has deleted what had the name of the output. */
    const std::string input = InputWatch::PutBack(output);
    if (!input.empty()) {
        CPLError(CE_Failure, CPLE_IllegalArg, "NEARTABLE: the output %s is an input: %s", output.c_str(), input.c_str());
        return nullptr;
    }
    if (output.size() <= strlen(kEnding) || !EQUAL(output.c_str() + output.size() - strlen(kEnding), kEnding)) {
        CPLError(CE_Failure, CPLE_IllegalArg,
                 "NEARTABLE: the output %.300s is a union over parts: its name has to end in .vrt", output.c_str());
        return nullptr;
    }
    const std::string why = plan.UsesProcesses() ? WhyNotShared(nullptr, output) : std::string();
    if (!why.empty()) {
        CPLError(CE_Failure, CPLE_NotSupported,
                 "NEARTABLE: worker processes cannot write to %.300s: %s. Write to a file, or use WORKERS=THREADS",
                 output.c_str(), why.c_str());
        return nullptr;
    }
    if (table.HasFilter()) { /* workers open the table anew */
        CPLError(CE_Failure, CPLE_NotSupported,
                 "NEARTABLE: a table with a filter (-spat, -where) cannot be written in parts: write it into one file, or "
                 "filter the input with WHERE");
        return nullptr;
    }
    if (plan.options.parts > 1) {
        CPLError(CE_Failure, CPLE_NotSupported,
                 "NEARTABLE: a part of a table (PARTITION) cannot be cut into parts again");
        return nullptr;
    }
    if (!ReadFormat(CSLFetchNameValueDef(options, "FORMAT", "GPKG"), hasGeometry, job) ||
        !ReadList(options, "PART_DSCO", job.datasetOptions) || !ReadList(options, "PART_LCO", job.layerOptions) ||
        !ReadParts(CSLFetchNameValue(options, "PARTS"), plan.workers.workers, job.parts) ||
        !ReadYes("RESUME", CSLFetchNameValueDef(options, "RESUME", "NO"), resume))
        return nullptr;
    KeepTypes(job);
    KeepOrder(job);
    job.connection = plan.options.connection;
    job.openOptions = TableOptions(plan.options);
    job.openOptions.SetNameValue("RETRIES", CPLSPrintf("%d", plan.workers.retries));
    job.signature = plan.Signature();
    job.threads = plan.workers.threads;
    job.config = ThreadConfig();
    job.folder = output.substr(0, output.size() - strlen(kEnding)) + "_parts";

    InputFiles inputs(InputFiles::Reach::Disk);
    inputs.AddDataset(GDALDataset::ToHandle(&table));
    inputs.AddName(job.connection, job.openOptions.List());
    if (!CheckOutput("NEARTABLE", inputs, output, job.folder))
        return nullptr;
    OutputFolder folder({"NEARTABLE", "parts", IsMember}, job.folder);
    if (!folder.Begin(Recipe(job, &table), resume))
        return nullptr;
    if (!Remove("NEARTABLE", output))
        return nullptr;
    for (int64_t part = 0; part < job.parts; part++) {
        bool there = false;
        if (!folder.Find(job.File(part), "", there))
            return nullptr;
        if (!there)
            job.todo.push_back(part);
    }
    job.folder = AbsoluteName(job.folder);
    if (!Run(job, plan, folder, table.Watch().get(), progress, progressData).Write() ||
        !WriteUnion(job, output, GDALDatasetGetLayer(GDALDataset::ToHandle(&table), 0)))
        return nullptr;
    return GDALDataset::FromHandle(
        GDALOpenEx(output.c_str(), GDAL_OF_VECTOR | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
}

GDALDataset *CreateCopy(const char *output, GDALDataset *source, int, FN_CSL options, GDALProgressFunc progress,
                        void *progressData)
{
    GDALDriver *driver = source->GetDriver();
    if (!driver || !EQUAL(driver->GetDescription(), "NEARTABLE")) {
        CPLError(
            CE_Failure, CPLE_NotSupported,
            "NEARTABLE: %.300s is no near table: NEARTABLE:<dataset> with its open options is wanted as the source",
            WithoutSecrets(source->GetDescription()).c_str());
        return nullptr;
    }
    auto *table = dynamic_cast<Dataset *>(source);
    if (!table) {
        SayNoNear(CE_Failure);
        return nullptr;
    }
    return Guarded<GDALDataset *>("NEARTABLE", nullptr, [&] {
        return Create(output, *table, options, progress ? progress : GDALDummyProgress, progressData);
    });
}

} // namespace fishnet::neartable

fn_status fishnet::PreparePartsJob(const Words &words, fn_job *job, std::string *answer, fn_error *err)
{
    return neartable::PrepareJob(words, job, answer, err);
}
