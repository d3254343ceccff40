#include "source.h"

#include <algorithm>
#include <chrono>

#include "fishnet/job.h"

namespace fishnet::neartable
{

/* ---- how the input is cut ---- */

int64_t InputSplit::TaskCount() const
{
    const int64_t first = std::min(early, count / earlySize + (count % earlySize ? 1 : 0));
    const int64_t left = first < early ? 0 : std::max<int64_t>(0, count - early * earlySize);
    return first + left / size + (left % size ? 1 : 0);
}

std::string InputSplit::Describe(int64_t task) const
{
    const int64_t first = TaskBegin(task), last = first + TaskSize(task) - 1;
    return CPLSPrintf("%s " CPL_FRMT_GIB " to " CPL_FRMT_GIB, way == Way::ByFid ? "FIDs" : "features",
                      static_cast<GIntBig>(first), static_cast<GIntBig>(last));
}

Words InputSplit::ToWords() const
{
    Words words = {fidColumn};
    for (int64_t number :
         {static_cast<int64_t>(way), static_cast<int64_t>(numbersAreFids), begin, count, size, early, earlySize})
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
    begin = numbers[2];
    count = numbers[3];
    size = numbers[4];
    early = numbers[5];
    earlySize = numbers[6];
    return way >= Way::ByFid && way <= Way::OneReader && count >= 0 && size > 0 && early >= 0 && earlySize > 0;
}

const char *InputSplit::Name() const
{
    return way == Way::ByFid ? "FID" : way == Way::ByNumber ? "NUMBER" : "ONE_READER";
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

bool IsTableWithFids(const LayerPlan &layer, GDALDatasetH dataset, const std::string &fidColumn)
{
    const bool sqlite = EQUAL(layer.driver.c_str(), "GPKG") || EQUAL(layer.driver.c_str(), "SQLite");
    const bool postgres = EQUAL(layer.driver.c_str(), "PostgreSQL");
    if ((!sqlite && !postgres) || fidColumn.empty())
        return false;
    int64_t one = 0;
    const std::string sql = sqlite ? "SELECT COUNT(*) FROM sqlite_master WHERE lower(name) = lower(" +
                                         Quoted(layer.layer, '\'') +
                                         ") AND type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
                                   : "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass(" +
                                         Quoted(QuotedTable(layer), '\'') + ") AND relkind IN ('r', 'p', 'm')";
    return Ask(dataset, sql, 1, &one) && one == 1;
}

/* A table that can be read by ranges of its FIDs, and is not mostly gaps. */
static bool CanReadByFid(const NearPlan &plan, GDALDatasetH dataset, OGRLayerH layer, InputSplit &split)
{
    constexpr double kGaps = 4; /* a range that is mostly empty costs nearly as much as a full one */
    split.fidColumn = OGR_L_GetFIDColumn(layer);
    if (!IsTableWithFids(plan.input, dataset, split.fidColumn))
        return false;
    const std::string table = QuotedTable(plan.input);
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
    static const char *const no[] = {"GeoJSON", "GeoJSONSeq", "TopoJSON",  "ESRIJSON",   "ODS",     "XLSX",
                                     "XLS",     "Memory",     "MEM",       "OGR_VRT",    "Parquet", "Arrow",
                                     "SQLite",  "GPKG",       "NEARTABLE", "PostgreSQL", "GPX",     "KML"};
    if (!OGR_L_TestCapability(layer, OLCFastSetNextByIndex) || !input.where.empty())
        return false;
    return std::none_of(std::begin(no), std::end(no),
                        [&](const char *driver) { return EQUAL(driver, input.driver.c_str()); });
}

static void TakePart(const Options &options, InputSplit &split)
{
    const auto at = [&](int64_t part) {
        return static_cast<int64_t>(static_cast<__int128>(split.count) * part / options.parts);
    };
    const int64_t first = at(options.part - 1), end = at(options.part);
    split.begin += first;
    /* What the driver says of their number is only for cutting: the last part ends where reading does. */
    const bool open = split.way == InputSplit::Way::OneReader && options.part == options.parts;
    split.count = open ? INT64_MAX - split.begin : end - first;
}

/* Small enough that every worker has some of a small input. */
static int64_t SizeForAll(const NearPlan &plan, const InputSplit &split, OGRLayerH layer)
{
    constexpr int64_t kEach = 4, kLeast = 256; /* tasks of a worker; features of a task */
    int64_t count = split.count;
    if (count == INT64_MAX - split.begin && OGR_L_TestCapability(layer, OLCFastFeatureCount))
        count = OGR_L_GetFeatureCount(layer, FALSE);
    if (count < 0 || plan.workers.workers == 1)
        return split.size;
    return std::min(split.size, std::max(kLeast, count / (kEach * plan.workers.workers) + 1));
}

bool InputSplit::Choose(const NearPlan &plan, GDALDatasetH dataset, InputSplit &split)
{
    fn_status status = FN_OK;
    std::string cause;
    OGRLayerH layer = FindLayer(plan.input, dataset, &status, cause);
    if (!layer) {
        CPLError(CE_Failure, CPLE_OpenFailed, "NEARTABLE: %s: %s", neartable::Describe(plan.input).c_str(),
                 cause.c_str());
        return false;
    }
    split = InputSplit();
    split.size = plan.partitionSize;
    if (!CanReadByFid(plan, dataset, layer, split)) {
        if (Jumps(plan.input, layer)) {
            split.way = Way::ByNumber;
            split.numbersAreFids = EQUAL(plan.input.driver.c_str(), "ESRI Shapefile");
        } else if (plan.options.parts == 1)
            split.count = INT64_MAX;
        if (split.count == 0) {
            if (split.way == Way::OneReader && !plan.input.where.empty())
                OGR_L_SetAttributeFilter(layer, plan.input.where.c_str());
            split.count = OGR_L_GetFeatureCount(layer, TRUE);
            OGR_L_SetAttributeFilter(layer, nullptr);
        }
        if (split.count < 0) {
            CPLError(CE_Failure, CPLE_FileIO, "NEARTABLE: the features of %s cannot be counted",
                     neartable::Describe(plan.input).c_str());
            return false;
        }
    }
    TakePart(plan.options, split);
    if (plan.options.partitionSize == 0) {
        split.size = SizeForAll(plan, split, layer);
        split.early = plan.workers.workers;
        split.earlySize = std::max<int64_t>(1, split.size / 4);
    }
    CPLDebug("FISHNET", "%s is read by %s", neartable::Describe(plan.input).c_str(),
             split.way == Way::ByFid      ? "ranges of FIDs, each worker for itself"
             : split.way == Way::ByNumber ? "feature numbers, each worker for itself"
             : plan.UsesProcesses()       ? "each worker process from its first feature on"
                                          : "one reader");
    return true;
}

/* ---- from the first feature on ---- */

bool Cursor::Open(OGRLayerH layer, const Extractor &extractor, MessageCollector &collector, std::string &cause)
{
    extractor.Prepare(layer);
    const char *where = m_plan.input.where.empty() ? nullptr : m_plan.input.where.c_str();
    if (OGR_L_SetAttributeFilter(layer, where) != OGRERR_NONE) {
        cause = collector.Cause("the condition is not valid");
        return false;
    }
    OGR_L_ResetReading(layer);
    m_layer = layer;
    m_number = 0;
    m_atEnd = m_lost = false;
    return true;
}

void Cursor::Rewind()
{
    OGR_L_ResetReading(m_layer);
    m_number = 0;
    m_atEnd = false;
}

fn_status Cursor::Next(const volatile bool *cancel, FeatureHandle *feature, MessageCollector &collector,
                       std::string &cause)
{
    constexpr int64_t kOften = 256;
    if (m_number % kOften == 0 && fn_is_cancelled(cancel))
        return FN_ERR_CANCELLED;
    if (!ReadFeature(m_layer, collector, feature, cause))
        return FN_ERR_READ;
    m_atEnd = !*feature;
    m_number += m_atEnd ? 0 : 1;
    return FN_OK;
}

fn_status Cursor::MoveTo(int64_t number, const volatile bool *cancel, MessageCollector &collector, std::string &cause)
{
    if (number < m_number || m_lost)
        Rewind();
    m_lost = true; /* should something be thrown */
    if (m_number == 0 && number > 0 && OGR_L_TestCapability(m_layer, OLCFastSetNextByIndex)) {
        MessageCollector dropped; /* where there are not so many, reading tells */
        if (OGR_L_SetNextByIndex(m_layer, number) == OGRERR_NONE)
            m_number = number;
        else
            OGR_L_ResetReading(m_layer);
    }
    const auto before = static_cast<std::ptrdiff_t>(collector.messages.size());
    fn_status status = FN_OK;
    FeatureHandle passed;
    while (status == FN_OK && m_number < number && !m_atEnd)
        status = Next(cancel, &passed, collector, cause);
    if (status == FN_OK) /* what there was to say is said by whoever reads these features */
        collector.messages.erase(collector.messages.begin() + before, collector.messages.end());
    return status;
}

fn_status Cursor::Read(int64_t begin, int64_t size, const volatile bool *cancel, const Visit &visit, bool *end,
                       MessageCollector &collector, std::string &cause)
{
    fn_status status = MoveTo(begin, cancel, collector, cause);
    while (status == FN_OK && m_number - begin < size && !m_atEnd) {
        FeatureHandle feature;
        const int64_t number = m_number;
        status = Next(cancel, &feature, collector, cause);
        if (status == FN_OK && feature)
            visit(std::move(feature), number);
    }
    *end = m_atEnd;
    m_lost = status != FN_OK;
    return status;
}

/* ---- one reader for all ---- */

fn_status OneReader::OpenCursor(const Extractor &extractor, MessageCollector &collector, std::string &cause)
{
    GDALDatasetH dataset = m_datasets ? (*m_datasets)[m_plan.input.dataset].get() : nullptr;
    if (m_hasFailed) {
        m_own.reset();
        m_own = OpenDataset(m_plan.input);
        dataset = m_own.get();
    }
    fn_status status = FN_OK;
    OGRLayerH layer = FindLayer(m_plan.input, dataset, &status, cause);
    if (!layer)
        cause = collector.Cause(cause.c_str());
    else if (!m_cursor.Open(layer, extractor, collector, cause))
        status = FN_ERR_READ;
    return status;
}

fn_status OneReader::ReadFeatures(int64_t task, const volatile bool *cancel, Extractor &extractor, Given &given,
                                  bool *atEnd, MessageCollector &collector, std::string &cause)
{
    const fn_status status = m_cursor.IsOpen() ? FN_OK : OpenCursor(extractor, collector, cause);
    if (status != FN_OK)
        return status;
    const auto visit = [&](FeatureHandle feature, int64_t number) {
        /* A point is taken out here and now, which is quicker than keeping the feature. */
        if (m_plan.input.points)
            extractor.Append(feature.get(), number, given.batch, collector);
        else
            given.features.push_back(std::move(feature));
    };
    return m_cursor.Read(m_split.TaskBegin(task), m_split.TaskSize(task), cancel, visit, atEnd, collector, cause);
}

/* The turn passes as the task gets what was read: both, or neither. */
void OneReader::EndTurn(int64_t task, Given &&given, bool atEnd)
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    const bool empty = given.features.empty() && given.batch.Count() == 0;
    if (!atEnd || !empty)
        m_given[task] = std::move(given);
    if (atEnd)
        m_end = empty ? task : task + 1;
    m_turn = task + 1;
    m_changed.notify_all();
}

/* The task's turn has come: reads for it. On failure it is its turn still. */
fn_status OneReader::TakeTurn(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &spare,
                              MessageCollector &collector, std::string &cause)
{
    const auto fail = [this] {
        m_hasFailed = true;
        m_cursor.Close();
    };
    try {
        bool atEnd = false;
        Given given;
        given.batch = std::move(spare);
        given.batch.Clear();
        const auto before = static_cast<std::ptrdiff_t>(collector.messages.size());
        const fn_status status = ReadFeatures(task, cancel, extractor, given, &atEnd, collector, cause);
        if (status == FN_OK) {
            given.messages.assign(collector.messages.begin() + before, collector.messages.end());
            EndTurn(task, std::move(given), atEnd);
        } else
            fail();
        return status;
    } catch (...) {
        fail();
        throw;
    }
}

/* Beside the others, who may read meanwhile. Goes on where an attempt that failed has come to. */
void OneReader::TakeOut(int64_t task, Extractor &extractor, Given &given, MessageCollector &collector)
{
    for (size_t i = given.batch.Count(); i < given.features.size(); i++) {
        extractor.Append(given.features[i].get(), m_split.TaskBegin(task) + static_cast<int64_t>(i), given.batch,
                         collector);
        given.features[i].reset();
    }
    std::vector<FeatureHandle>().swap(given.features);
}

/* FN_OK: it has come, or there is nothing left. */
fn_status OneReader::WaitForTurn(int64_t task, const volatile bool *cancel, std::unique_lock<std::mutex> &lock,
                                 bool *end, std::string &cause)
{
    constexpr std::chrono::milliseconds kPatience(50); /* a task that was given up never takes its turn */
    while (m_turn < task && task < m_end) {
        m_changed.wait_for(lock, kPatience);
        if (fn_is_cancelled(cancel))
            return FN_ERR_CANCELLED;
    }
    *end = task >= m_end;
    if (*end || m_turn == task)
        return FN_OK;
    cause = "they have been read before, and were given away";
    return FN_ERR_ARGUMENT;
}

fn_status OneReader::Read(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &spare,
                          const Batch **batch, bool *end, MessageCollector &collector, std::string &cause)
{
    std::unique_lock<std::mutex> lock(m_mutex);
    auto given = m_given.find(task);
    if (given != m_given.end() && given->second.status != FN_OK) {
        const fn_status status = given->second.status;
        cause = std::move(given->second.cause);
        m_given.erase(given);
        return status;
    }
    if (given == m_given.end()) {
        fn_status status = WaitForTurn(task, cancel, lock, end, cause);
        if (status != FN_OK || *end)
            return status;
        lock.unlock();
        status = TakeTurn(task, cancel, extractor, spare, collector, cause);
        if (status != FN_OK)
            return status;
        lock.lock();
        given = m_given.find(task);
        *end = given == m_given.end();
        if (*end)
            return FN_OK;
    } else
        collector.messages.insert(collector.messages.end(), given->second.messages.begin(),
                                  given->second.messages.end());
    lock.unlock();
    TakeOut(task, extractor, given->second, collector);
    *batch = &given->second.batch;
    return FN_OK;
}

void OneReader::Done(int64_t task, Batch &spare) noexcept
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    const auto given = m_given.find(task);
    if (given == m_given.end())
        return;
    spare = std::move(given->second.batch);
    m_given.erase(given);
}

bool OneReader::ReadInAdvance(const volatile bool *cancel, Extractor &extractor)
{
    if (m_turn >= std::min(m_end, m_split.TaskCount()))
        return false;
    const int64_t task = m_turn;
    MessageCollector collector;
    Batch none;
    std::string cause;
    const fn_status status = TakeTurn(task, cancel, extractor, none, collector, cause);
    if (status != FN_OK) {
        Given &failure = m_given[task];
        failure.status = status;
        failure.cause = std::move(cause);
        return false;
    }
    const auto given = m_given.find(task);
    if (given == m_given.end())
        return false;
    TakeOut(task, extractor, given->second, collector);
    m_readyBytes += given->second.batch.Bytes();
    return true;
}

/* ---- one worker ---- */

std::unique_ptr<TaskReader> TaskReader::Open(const NearPlan &plan, const NearSide *near, const InputSplit &split,
                                             OneReader *shared, fn_status *status, std::string &cause)
{
    *status = FN_ERR_READ;
    std::unique_ptr<TaskReader> self(new TaskReader(plan, split, shared));
    const auto groupOf = [near](const std::string &key) { return near ? near->Group(key) : FN_NO_GROUP; };
    if (!self->m_extractor.Init(plan, plan.input, plan.fields, groupOf, cause))
        return nullptr;
    if (shared)
        return self;
    MessageCollector collector;
    self->m_dataset = OpenDataset(plan.input);
    self->m_layer = FindLayer(plan.input, self->m_dataset.get(), status, cause);
    if (!self->m_layer) {
        cause = collector.Cause(self->m_dataset ? cause.c_str() : "no reason given");
        return nullptr;
    }
    self->m_extractor.Prepare(self->m_layer);
    return self;
}

/* In a worker process, which has no share in another's handle. Its tasks ascend: it passes each feature once. */
fn_status TaskReader::PassAndRead(int64_t task, const volatile bool *cancel, bool *end, MessageCollector &collector,
                                  std::string &cause)
{
    if (!m_cursor.IsOpen() && !m_cursor.Open(m_layer, m_extractor, collector, cause))
        return FN_ERR_READ;
    const auto visit = [&](FeatureHandle feature, int64_t number) {
        m_extractor.Append(feature.get(), number, m_batch, collector);
    };
    bool atEnd = false;
    const fn_status status =
        m_cursor.Read(m_split.TaskBegin(task), m_split.TaskSize(task), cancel, visit, &atEnd, collector, cause);
    *end = status == FN_OK && atEnd && m_batch.Count() == 0;
    return status;
}

/* The layer stands before the first of them, wherever it was. */
bool TaskReader::Select(int64_t begin, int64_t size, MessageCollector &collector, std::string &cause)
{
    if (m_split.way == InputSplit::Way::ByNumber) {
        const bool there = OGR_L_SetNextByIndex(m_layer, begin) == OGRERR_NONE;
        if (!there)
            cause = collector.Cause("the first of them is not found");
        return there;
    }
    const std::string range = Quoted(m_split.fidColumn, '"') + " BETWEEN " + std::to_string(begin) + " AND " +
                              std::to_string(begin + (size - 1));
    const std::string &where = m_plan.input.where;
    const std::string condition = where.empty() ? range : "(" + where + ") AND " + range;
    if (OGR_L_SetAttributeFilter(m_layer, condition.c_str()) != OGRERR_NONE) {
        cause = collector.Cause("the condition is not valid");
        return false;
    }
    OGR_L_ResetReading(m_layer);
    return true;
}

/* By FID or by number: what comes before is not read. */
fn_status TaskReader::ReadRange(int64_t task, const volatile bool *cancel, MessageCollector &collector,
                                std::string &cause)
{
    constexpr int64_t kOften = 256;
    const int64_t begin = m_split.TaskBegin(task), size = m_split.TaskSize(task);
    const bool byFid = m_split.way == InputSplit::Way::ByFid, counted = !byFid && !m_split.numbersAreFids;
    if (!Select(begin, size, collector, cause))
        return FN_ERR_READ;
    int64_t number = begin;
    for (; !counted || number - begin < size; number++) {
        if (number % kOften == 0 && fn_is_cancelled(cancel))
            return FN_ERR_CANCELLED;
        FeatureHandle feature;
        if (!ReadFeature(m_layer, collector, &feature, cause))
            return FN_ERR_READ;
        if (!feature || (m_split.numbersAreFids && OGR_F_GetFID(feature.get()) >= begin + size))
            break;
        m_extractor.Append(feature.get(), number, m_batch, collector);
    }
    if (counted && number - begin < size) {
        cause = "there are fewer features than the layer says";
        return FN_ERR_READ;
    }
    if (byFid)
        m_batch.Sort();
    return FN_OK;
}

fn_status TaskReader::Read(int64_t task, const volatile bool *cancel, const Batch **batch, bool *end,
                           MessageCollector &collector, std::string &cause)
{
    *end = false;
    if (m_shared)
        return m_shared->Read(task, cancel, m_extractor, m_batch, batch, end, collector, cause);
    m_batch.Clear();
    *batch = &m_batch;
    return m_split.way == InputSplit::Way::OneReader ? PassAndRead(task, cancel, end, collector, cause)
                                                : ReadRange(task, cancel, collector, cause);
}

void TaskReader::Done(int64_t task) noexcept
{
    if (m_shared)
        m_shared->Done(task, m_batch);
}

} // namespace fishnet::neartable
