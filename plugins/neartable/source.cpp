#include "neartable/source.h"

#include <algorithm>
#include <chrono>

#include "fishnet/job.h"

namespace fishnet::neartable
{

/* ---- how the input is cut ---- */

int64_t Split::TaskCount() const
{
    const int64_t first = std::min(early, count / earlySize + (count % earlySize ? 1 : 0));
    const int64_t left = first < early ? 0 : std::max<int64_t>(0, count - early * earlySize);
    return first + left / size + (left % size ? 1 : 0);
}

std::string Split::Describe(int64_t task) const
{
    const int64_t first = TaskBegin(task), last = first + TaskSize(task) - 1;
    return CPLSPrintf("%s " CPL_FRMT_GIB " to " CPL_FRMT_GIB, way == Way::ByFid ? "FIDs" : "features",
                      static_cast<GIntBig>(first), static_cast<GIntBig>(last));
}

const char *Split::Name() const
{
    return way == Way::ByFid ? "FID" : way == Way::ByNumber ? "NUMBER" : "ONE_READER";
}

static std::string Quoted(const std::string &text, char quote)
{
    std::string quoted(1, quote);
    for (char c : text)
        quoted += c == quote ? std::string(2, c) : std::string(1, c);
    return quoted + quote;
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

/* A table that can be read by ranges of its FIDs, and is not mostly gaps. */
static bool CanReadByFid(const Plan &plan, GDALDatasetH dataset, OGRLayerH layer, Split &split)
{
    constexpr double kGaps = 4; /* a range that is mostly empty costs nearly as much as a full one */
    const LayerPlan &input = plan.input;
    const bool sqlite = EQUAL(input.driver.c_str(), "GPKG") || EQUAL(input.driver.c_str(), "SQLite");
    const bool postgres = EQUAL(input.driver.c_str(), "PostgreSQL");
    split.fidColumn = OGR_L_GetFIDColumn(layer);
    if ((!sqlite && !postgres) || split.fidColumn.empty())
        return false;
    std::string table = Quoted(input.layer, '"');
    int64_t one = 0, ends[2] = {};
    if (sqlite && !Ask(dataset,
                       "SELECT COUNT(*) FROM sqlite_master WHERE lower(name) = lower(" + Quoted(input.layer, '\'') +
                           ") AND type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'",
                       1, &one))
        return false;
    if (postgres) {
        const size_t dot = input.layer.find('.');
        if (dot != std::string::npos)
            table = Quoted(input.layer.substr(0, dot), '"') + "." + Quoted(input.layer.substr(dot + 1), '"');
        if (!Ask(dataset,
                 "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass(" + Quoted(table, '\'') +
                     ") AND relkind IN ('r', 'p', 'm')",
                 1, &one))
            return false;
    }
    if (one != 1)
        return false;
    const std::string fid = Quoted(split.fidColumn, '"');
    if (!Ask(dataset,
             "SELECT (SELECT MIN(" + fid + ") FROM " + table + "), (SELECT MAX(" + fid + ") FROM " + table + ")", 2,
             ends))
        return false;
    const double features = static_cast<double>(OGR_L_GetFeatureCount(layer, TRUE));
    const double span = static_cast<double>(ends[1]) - static_cast<double>(ends[0]) + 1;
    if (span > kGaps * features + 1000)
        return false;
    split.way = Split::Way::ByFid;
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

static void TakePart(const Options &options, Split &split)
{
    const auto at = [&](int64_t part) {
        return static_cast<int64_t>(static_cast<__int128>(split.count) * part / options.parts);
    };
    const int64_t first = at(options.part - 1), end = at(options.part);
    split.begin += first;
    split.count = end - first;
}

/* Small enough that every worker has some of a small input. */
static int64_t SizeForAll(const Plan &plan, const Split &split, OGRLayerH layer)
{
    constexpr int64_t kEach = 4, kLeast = 256; /* tasks of a worker; features of a task */
    int64_t count = split.count;
    if (count == INT64_MAX && OGR_L_TestCapability(layer, OLCFastFeatureCount))
        count = OGR_L_GetFeatureCount(layer, FALSE);
    if (count < 0 || plan.workers == 1)
        return split.size;
    return std::min(split.size, std::max(kLeast, count / (kEach * plan.workers) + 1));
}

static OGRLayerH FindLayer(const LayerPlan &plan, GDALDatasetH dataset)
{
    return GDALDatasetGetLayerByName(dataset, plan.layer.c_str());
}

bool Split::Choose(const Plan &plan, GDALDatasetH dataset, Split &split)
{
    OGRLayerH layer = FindLayer(plan.input, dataset);
    if (!layer) {
        CPLError(CE_Failure, CPLE_OpenFailed, "NEARTABLE: %s is not there any more",
                 neartable::Describe(plan.input).c_str());
        return false;
    }
    split = Split();
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
        split.early = plan.workers;
        split.earlySize = std::max<int64_t>(1, split.size / 4);
    }
    CPLDebug("FISHNET", "%s is read by %s", neartable::Describe(plan.input).c_str(),
             split.way == Way::ByFid      ? "ranges of FIDs, each worker for itself"
             : split.way == Way::ByNumber ? "feature numbers, each worker for itself"
                                          : "one reader");
    return true;
}

/* ---- one reader for all ---- */

bool OneReader::Begin(Extractor &extractor, MessageCollector &collector, std::string &cause)
{
    m_layer = FindLayer(m_plan.input, (*m_datasets)[m_plan.input.dataset].get());
    cause = "the layer is not there any more";
    if (!m_layer)
        return false;
    extractor.Prepare(m_layer);
    const char *where = m_plan.input.where.empty() ? nullptr : m_plan.input.where.c_str();
    const bool good = OGR_L_SetAttributeFilter(m_layer, where) == OGRERR_NONE;
    cause = collector.Cause("the condition is not valid");
    OGR_L_ResetReading(m_layer);
    m_number = m_split.begin;
    if (!good || m_number == 0)
        return good;
    cause = collector.Cause("its first features cannot be passed over");
    return OGR_L_SetNextByIndex(m_layer, m_number) == OGRERR_NONE;
}

fn_status OneReader::ReadBatch(const volatile bool *cancel, int64_t size, Extractor &extractor, Batch &batch, bool *end,
                               MessageCollector &collector, std::string &cause)
{
    constexpr int64_t kOften = 256;
    if (!m_layer && !Begin(extractor, collector, cause))
        return FN_ERR_READ;
    for (int64_t i = 0; i < size && !*end; i++) {
        if (i % kOften == 0 && fn_is_cancelled(cancel))
            return FN_ERR_CANCELLED;
        FeatureHandle feature;
        if (!ReadFeature(m_layer, collector, &feature, cause))
            return FN_ERR_READ;
        *end = !feature;
        if (*end)
            break;
        /* A point is taken out here and now, which is quicker than keeping the feature. */
        if (m_plan.input.points)
            extractor.Append(feature.get(), m_number, batch, collector);
        else
            m_features.push_back(std::move(feature));
        m_number++;
    }
    return FN_OK;
}

void OneReader::EndTurn(State state)
{
    const std::lock_guard<std::mutex> lock(m_mutex);
    m_state = state;
    m_turn++;
    m_changed.notify_all();
}

fn_status OneReader::Read(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &batch, bool *end,
                          MessageCollector &collector, std::string &cause)
{
    constexpr std::chrono::milliseconds kPatience(50); /* a task that was given up never takes its turn */
    {
        std::unique_lock<std::mutex> lock(m_mutex);
        const auto ready = m_ready.find(task);
        if (ready != m_ready.end()) {
            batch = std::move(ready->second.batch);
            *end = ready->second.end;
            cause = ready->second.cause;
            for (Message &message : ready->second.messages)
                collector.messages.push_back(std::move(message));
            const fn_status status = ready->second.status;
            m_ready.erase(ready);
            return status;
        }
        while (m_turn != task && m_state == State::Reading) {
            m_changed.wait_for(lock, kPatience);
            if (fn_is_cancelled(cancel))
                return FN_ERR_CANCELLED;
        }
        *end = m_state == State::AtEnd;
        if (*end)
            return FN_OK;
        if (m_state == State::Failed) {
            cause = "the features before cannot be read";
            return FN_ERR_READ;
        }
    }
    return ReadNow(task, cancel, extractor, batch, end, collector, cause);
}

/* The task's turn has come. */
fn_status OneReader::ReadNow(int64_t task, const volatile bool *cancel, Extractor &extractor, Batch &batch, bool *end,
                             MessageCollector &collector, std::string &cause)
{
    int64_t number = m_layer ? m_number : m_split.begin;
    std::vector<FeatureHandle> features;
    fn_status status = FN_OK;
    try {
        m_features.clear();
        status = ReadBatch(cancel, m_split.TaskSize(task), extractor, batch, end, collector, cause);
        features.swap(m_features);
    } catch (...) {
        EndTurn(State::Failed);
        throw;
    }
    EndTurn(status != FN_OK ? State::Failed : *end ? State::AtEnd : State::Reading);
    for (FeatureHandle &feature : features) {
        extractor.Append(feature.get(), number++, batch, collector);
        feature.reset();
    }
    *end = status == FN_OK && batch.Count() == 0;
    return status;
}

bool OneReader::ReadInAdvance(const volatile bool *cancel, Extractor &extractor)
{
    if (m_state != State::Reading || m_turn >= m_split.TaskCount())
        return false;
    const int64_t task = m_turn;
    Ready ready;
    MessageCollector collector;
    ready.status = ReadNow(task, cancel, extractor, ready.batch, &ready.end, collector, ready.cause);
    if (ready.status != FN_ERR_READ)
        ready.messages = std::move(collector.messages);
    m_readyBytes += ready.batch.Bytes();
    m_ready.emplace(task, std::move(ready));
    return m_state == State::Reading;
}

/* ---- one worker ---- */

std::unique_ptr<TaskReader> TaskReader::Open(const Plan &plan, const NearSide *near, const Split &split,
                                             OneReader *shared, std::string &cause)
{
    std::unique_ptr<TaskReader> self(new TaskReader(plan, split, shared));
    const auto groupOf = [near](const std::string &key) { return near ? near->Group(key) : FN_NO_GROUP; };
    if (!self->m_extractor.Init(plan, plan.input, plan.fields, groupOf, cause))
        return nullptr;
    if (shared)
        return self;
    MessageCollector collector;
    self->m_dataset = Plan::Open(plan.input.path);
    if (self->m_dataset)
        self->m_layer = FindLayer(plan.input, self->m_dataset.get());
    if (!self->m_layer) {
        cause = collector.Cause(self->m_dataset ? "the layer is not there any more" : "no reason given");
        return nullptr;
    }
    self->m_extractor.Prepare(self->m_layer);
    return self;
}

fn_status TaskReader::Read(int64_t task, const volatile bool *cancel, Batch &batch, bool *end,
                           MessageCollector &collector, std::string &cause)
{
    constexpr int64_t kOften = 256;
    *end = false;
    if (m_shared)
        return m_shared->Read(task, cancel, m_extractor, batch, end, collector, cause);

    const int64_t begin = m_split.TaskBegin(task), size = m_split.TaskSize(task);
    const bool byFid = m_split.way == Split::Way::ByFid;
    if (byFid) {
        const std::string range = Quoted(m_split.fidColumn, '"') + " BETWEEN " + std::to_string(begin) + " AND " +
                                  std::to_string(begin + (size - 1));
        const std::string &where = m_plan.input.where;
        const std::string condition = where.empty() ? range : "(" + where + ") AND " + range;
        cause = "the condition is not valid";
        if (OGR_L_SetAttributeFilter(m_layer, condition.c_str()) != OGRERR_NONE) {
            cause = collector.Cause(cause.c_str());
            return FN_ERR_READ;
        }
        OGR_L_ResetReading(m_layer);
    } else if (OGR_L_SetNextByIndex(m_layer, begin) != OGRERR_NONE) {
        cause = collector.Cause("the first of them is not found");
        return FN_ERR_READ;
    }
    int64_t number = begin;
    for (;; number++) {
        if (number % kOften == 0 && fn_is_cancelled(cancel))
            return FN_ERR_CANCELLED;
        if (!byFid && !m_split.numbersAreFids && number - begin == size)
            break;
        FeatureHandle feature;
        if (!ReadFeature(m_layer, collector, &feature, cause))
            return FN_ERR_READ;
        if (!feature || (m_split.numbersAreFids && OGR_F_GetFID(feature.get()) >= begin + size))
            break;
        m_extractor.Append(feature.get(), number, batch, collector);
    }
    if (!byFid && !m_split.numbersAreFids && number - begin < size) {
        cause = "there are fewer features than the layer says";
        return FN_ERR_READ;
    }
    if (byFid)
        batch.Sort();
    return FN_OK;
}

} // namespace fishnet::neartable
