#include "input_split.h"

#include <algorithm>

#include "arrow_rows.h"
#include "raw_file.h"

namespace fishnet
{

int64_t InputSplit::TaskCount() const
{
    const int64_t first = std::min(early, count / earlySize + (count % earlySize ? 1 : 0));
    const int64_t left = first < early ? 0 : std::max<int64_t>(0, count - early * earlySize);
    return first + left / size + (left % size ? 1 : 0);
}

fn_task_place InputSplit::Place(int64_t task) const
{
    fn_task_place place = {};
    place.what = way == Way::ByFid ? "FIDs" : way == Way::Nothing ? "rows" : "features";
    place.first = TaskBegin(task);
    place.last = place.first + TaskSize(task) - 1;
    return place;
}

std::string InputSplit::Describe(int64_t task) const
{
    const fn_task_place place = Place(task);
    return CPLSPrintf("%s " CPL_FRMT_GIB " to " CPL_FRMT_GIB, place.what, static_cast<GIntBig>(place.first),
                      static_cast<GIntBig>(place.last));
}

Words InputSplit::ToWords() const
{
    Words words = {fidColumn};
    for (int64_t number :
         {static_cast<int64_t>(way), static_cast<int64_t>(numbersAreFids), static_cast<int64_t>(fetches),
          static_cast<int64_t>(rows), static_cast<int64_t>(raw), begin, count, size, early, earlySize})
        words.push_back(std::to_string(number));
    return words;
}

bool InputSplit::FromWords(const std::string *words)
{
    int64_t numbers[kWords - 1];
    for (size_t i = 0; i + 1 < kWords; i++)
        numbers[i] = CPLAtoGIntBig(words[i + 1].c_str());
    fidColumn = words[0];
    way = static_cast<Way>(numbers[0]);
    numbersAreFids = numbers[1] != 0;
    fetches = numbers[2] != 0;
    rows = numbers[3] != 0;
    raw = numbers[4] != 0;
    begin = numbers[5];
    count = numbers[6];
    size = numbers[7];
    early = numbers[8];
    earlySize = numbers[9];
    return way >= Way::ByFid && way <= Way::Nothing && count >= 0 && size > 0 && early >= 0 && earlySize > 0;
}

const char *InputSplit::Name() const
{
    const char *const names[] = {"FID", "NUMBER", "ONE_READER", "NOTHING"};
    return names[static_cast<size_t>(way)];
}

/* The first `n` columns of the query's first row; false: there is none, or a NULL in it. */
static bool Ask(GDALDatasetH dataset, const std::string &sql, int n, int64_t *values)
{
    MessageCollector collector;
    OGRLayerH result = GDALDatasetExecuteSQL(dataset, sql.c_str(), nullptr, nullptr);
    if (!result)
        return false;
    bool good = false;
    {
        const FeatureHandle row(OGR_L_GetNextFeature(result));
        good = row && OGR_F_GetFieldCount(row.get()) >= n;
        for (int i = 0; good && i < n; i++) {
            good = OGR_F_IsFieldSetAndNotNull(row.get(), i) != 0;
            values[i] = good ? OGR_F_GetFieldAsInteger64(row.get(), i) : 0;
        }
    }
    GDALDatasetReleaseResultSet(dataset, result);
    return good;
}

/* The name of a table, for PostgreSQL behind that of its schema. */
static std::string QuotedTable(const LayerPlan &layer)
{
    const size_t dot = EQUAL(layer.driver.c_str(), "PostgreSQL") ? layer.layer.find('.') : std::string::npos;
    return dot == std::string::npos
               ? Quoted(layer.layer, '"')
               : Quoted(layer.layer.substr(0, dot), '"') + "." + Quoted(layer.layer.substr(dot + 1), '"');
}

/* SQLite's own number of a row: exactly so declared, and nothing else a key. Any other may be NULL, and is in the order
 * of another index. */
static std::string RowidColumns(const LayerPlan &layer, const std::string &fidColumn)
{
    const std::string columns = "pragma_table_info(" + Quoted(layer.layer, '\'') + ") WHERE pk > 0";
    return "(SELECT COUNT(*) FROM " + columns + " AND lower(name) = lower(" + Quoted(fidColumn, '\'') +
           ") AND upper(type) = 'INTEGER') = 1 AND (SELECT COUNT(*) FROM " + columns + ") = 1";
}

bool IsTableWithFids(const LayerPlan &layer, GDALDatasetH dataset, const std::string &fidColumn)
{
    const bool sqlite = EQUAL(layer.driver.c_str(), "GPKG") || EQUAL(layer.driver.c_str(), "SQLite");
    const bool postgres = EQUAL(layer.driver.c_str(), "PostgreSQL");
    if ((!sqlite && !postgres) || fidColumn.empty())
        return false;
    int64_t one = 0;
    const std::string sql =
        sqlite ? "SELECT COUNT(*) FROM sqlite_master WHERE lower(name) = lower(" + Quoted(layer.layer, '\'') +
                     ") AND type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND " + RowidColumns(layer, fidColumn)
               : "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass(" + Quoted(QuotedTable(layer), '\'') +
                     ") AND relkind IN ('r', 'p', 'm')";
    return Ask(dataset, sql, 1, &one) && one == 1;
}

/* A table that can be read by ranges of its FIDs, and is not mostly gaps. */
static bool CanReadByFid(const LayerPlan &plan, GDALDatasetH dataset, OGRLayerH layer, InputSplit &split)
{
    constexpr double kGaps = 4; /* a range that is mostly empty costs nearly as much as a full one */
    split.fidColumn = OGR_L_GetFIDColumn(layer);
    if (!IsTableWithFids(plan, dataset, split.fidColumn))
        return false;
    const std::string table = QuotedTable(plan);
    int64_t ends[2] = {};
    const std::string fid = Quoted(split.fidColumn, '"');
    if (!Ask(dataset,
             "SELECT (SELECT MIN(" + fid + ") FROM " + table + "), (SELECT MAX(" + fid + ") FROM " + table + ")", 2,
             ends))
        return false;
    const double features = static_cast<double>(OGR_L_GetFeatureCount(layer, TRUE));
    const double span = static_cast<double>(ends[1]) - static_cast<double>(ends[0]) + 1;
    if (span > kGaps * features + 1000)
        return false;
    split.way = InputSplit::Way::ByFid;
    split.begin = ends[0];
    split.count = ends[1] - ends[0] + 1;
    return true;
}

/* Drivers that say that they jump, but read or hold the whole file for each handle. Parquet jumps to row groups. */
static bool Jumps(const LayerPlan &input, OGRLayerH layer)
{
    static const char *const no[] = {"GeoJSON", "GeoJSONSeq", "TopoJSON",   "ESRIJSON", "ODS",     "XLSX",
                                     "XLS",     "Memory",     "MEM",        "OGR_VRT",  "Parquet", "Arrow",
                                     "SQLite",  "GPKG",       "PostgreSQL", "GPX",      "KML"};
    if (!OGR_L_TestCapability(layer, OLCFastSetNextByIndex) || !input.where.empty())
        return false;
    return std::none_of(std::begin(no), std::end(no),
                        [&](const char *driver) { return EQUAL(driver, input.driver.c_str()); });
}

static int64_t Cut(int64_t count, int64_t part, int64_t parts)
{
    return static_cast<int64_t>(static_cast<__int128>(count) * part / parts);
}

static void TakeParts(int64_t part, int64_t last, int64_t parts, InputSplit &split)
{
    const int64_t first = Cut(split.count, part - 1, parts), end = Cut(split.count, last, parts);
    split.begin += first;
    /* What the driver says of their number is only for cutting: the last part ends where reading does. */
    const bool open = split.way == InputSplit::Way::OneReader && last == parts;
    split.count = open ? INT64_MAX - split.begin : end - first;
}

/* The FIDs of FlatGeobuf are the numbers of its features, and with an index it knows where each begins. To fetch one
 * takes as long as to pass over ten, so that it is for shares with more than that before them. */
static bool Fetches(const LayerPlan &input, OGRLayerH layer, InputSplit &split)
{
    constexpr int64_t kPassed = 10;
    if (split.way != InputSplit::Way::OneReader || !EQUAL(input.driver.c_str(), "FlatGeobuf") || !input.where.empty() ||
        !OGR_L_TestCapability(layer, OLCRandomRead))
        return false;
    const int64_t count = std::min<int64_t>(split.count, OGR_L_GetFeatureCount(layer, TRUE) - split.begin);
    if (count <= 0 || split.begin / kPassed < count)
        return false;
    split.count = count;
    return true;
}

/* Small enough that every worker has some of a small input. */
static int64_t SizeForAll(const InputPlan &plan, const InputSplit &split, OGRLayerH layer)
{
    constexpr int64_t kEach = 4, kLeast = 256; /* tasks of a worker; features of a task */
    int64_t count = split.count;
    if (count == INT64_MAX - split.begin && OGR_L_TestCapability(layer, OLCFastFeatureCount))
        count = OGR_L_GetFeatureCount(layer, FALSE);
    if (count < 0 || plan.workers.workers == 1)
        return split.size;
    return std::min(split.size, std::max(kLeast, count / (kEach * plan.workers.workers) + 1));
}

InputSplit InputSplit::OfRows(const InputPlan &plan)
{
    InputSplit split;
    split.way = Way::Nothing;
    split.count = INT64_MAX;
    split.size = plan.partitionSize;
    return split;
}

/* Of views FIDs are not sure. */
static bool HasRows(const LayerPlan &input, GDALDatasetH dataset, OGRLayerH layer)
{
    return ArrowRows::AreMade(layer) && input.where.empty() &&
           (EQUAL(input.driver.c_str(), "FlatGeobuf") ||
            (EQUAL(input.driver.c_str(), "GPKG") && IsTableWithFids(input, dataset, OGR_L_GetFIDColumn(layer))));
}

/* -1: they cannot be counted. A file that can be cut is not parsed for that. */
static int64_t CountFeatures(const LayerPlan &input, OGRLayerH layer)
{
    if (!OGR_L_TestCapability(layer, OLCFastFeatureCount) && RawFile::MayCut(input)) {
        RawFile file;
        const int64_t count = file.Open(input) ? file.Count() : -1;
        if (count >= 0)
            return count;
    }
    return OGR_L_GetFeatureCount(layer, TRUE);
}

/* How all features can be read, and, but where all are to be, how many there are. */
static bool FindWay(const InputPlan &plan, const LayerPlan &input, GDALDatasetH dataset, OGRLayerH layer, bool all,
                    InputSplit &split)
{
    split = InputSplit();
    split.size = plan.partitionSize;
    split.rows = HasRows(input, dataset, layer);
    if (!CanReadByFid(input, dataset, layer, split)) {
        if (Jumps(input, layer)) {
            split.way = InputSplit::Way::ByNumber;
            split.numbersAreFids = EQUAL(input.driver.c_str(), "ESRI Shapefile");
        } else if (all)
            split.count = INT64_MAX;
        else if (&input == &plan.input && plan.counted > 0)
            split.count = plan.counted;
        if (split.count == 0) {
            if (split.way == InputSplit::Way::OneReader && !input.where.empty())
                OGR_L_SetAttributeFilter(layer, input.where.c_str());
            split.count = CountFeatures(input, layer);
            OGR_L_SetAttributeFilter(layer, nullptr);
        }
        if (split.count < 0) {
            CPLError(CE_Failure, CPLE_FileIO, "%s: the features of %s cannot be counted", plan.driver,
                     fishnet::Describe(input).c_str());
            return false;
        }
    }
    return true;
}

/* The layer; NULL after CPLError. */
static OGRLayerH FindInput(const InputPlan &plan, const LayerPlan &input, GDALDatasetH dataset)
{
    fn_status status = FN_OK;
    std::string cause;
    OGRLayerH layer = FindLayer(input, dataset, &status, cause);
    if (!layer)
        CPLError(CE_Failure, CPLE_OpenFailed, "%s: %s: %s", plan.driver, fishnet::Describe(input).c_str(),
                 cause.c_str());
    return layer;
}

bool InputSplit::FindCuts(const InputPlan &plan, GDALDatasetH dataset, int64_t parts, std::vector<int64_t> &cuts,
                          int64_t &features)
{
    InputSplit split;
    OGRLayerH layer = FindInput(plan, plan.input, dataset);
    cuts.clear();
    if (!layer || !FindWay(plan, plan.input, dataset, layer, false, split))
        return false;
    for (int64_t part = 0; split.way == Way::OneReader && part < parts; part++)
        cuts.push_back(Cut(split.count, part, parts));
    features = cuts.empty() ? -1 : split.count;
    return true;
}

/* A FlatGeobuf is read so quickly that to have its bytes in memory before pays for more than two workers only, or where
 * features are passed over. */
static bool IsCut(const InputPlan &plan, const LayerPlan &input, const InputSplit &split)
{
    constexpr int64_t kMost = 1 << 18; /* features of a task, whose bytes are in memory */
    constexpr int kFew = 2;            /* workers */
    return split.way == InputSplit::Way::OneReader && !split.fetches && split.size <= kMost && RawFile::MayCut(input) &&
           (!EQUAL(input.driver.c_str(), "FlatGeobuf") || plan.UsesProcesses() || plan.workers.workers > kFew ||
            split.begin > 0);
}

static bool ChooseParts(const InputPlan &plan, const LayerPlan &input, GDALDatasetH dataset, int64_t part, int64_t last,
                        int64_t parts, InputSplit &split)
{
    OGRLayerH layer = FindInput(plan, input, dataset);
    if (!layer || !FindWay(plan, input, dataset, layer, last == parts && part == 1, split))
        return false;
    TakeParts(part, last, parts, split);
    split.fetches = Fetches(input, layer, split);
    if (!plan.partitionGiven) {
        split.size = SizeForAll(plan, split, layer);
        split.early = plan.workers.workers;
        split.earlySize = std::max<int64_t>(1, split.size / 4);
    }
    split.raw = IsCut(plan, input, split);
    CPLDebug("FISHNET", "%s is read by %s", fishnet::Describe(input).c_str(),
             split.way == InputSplit::Way::ByFid      ? "ranges of FIDs, each worker for itself"
             : split.way == InputSplit::Way::ByNumber ? "feature numbers, each worker for itself"
             : split.fetches                          ? "its features one by one, from the first of the share on"
             : plan.UsesProcesses()                   ? "each worker process from its first feature on"
             : split.raw                              ? "one reader, which cuts its file between features"
                                                      : "one reader");
    return true;
}

bool InputSplit::Choose(const InputPlan &plan, GDALDatasetH dataset, InputSplit &split)
{
    return ChooseParts(plan, plan.input, dataset, plan.part, plan.lastPart, plan.parts, split);
}

bool InputSplit::ChooseWhole(const InputPlan &plan, const LayerPlan &layer, GDALDatasetH dataset, InputSplit &split)
{
    return ChooseParts(plan, layer, dataset, 1, 1, 1, split);
}

} // namespace fishnet
