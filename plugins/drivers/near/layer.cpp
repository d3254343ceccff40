#include "layer.h"

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "boundary.h"
#include "arrow.h"

namespace fishnet::neartable
{

Layer::Layer(GDALDataset *dataset, std::shared_ptr<const NearPlan> plan, SharedDatasets datasets,
             std::shared_ptr<const NearSide> near, std::shared_ptr<InputWatch> watch)
    : m_dataset(dataset), m_plan(std::move(plan)), m_who("NEARTABLE:" + WithoutSecrets(m_plan->input.name)),
      m_datasets(std::move(datasets)), m_watch(std::move(watch)), m_schema(*m_plan),
      m_wanted(static_cast<size_t>(m_schema.defn->GetFieldCount()), 1), m_near(std::move(near))
{
    if (m_near)
        m_nearFeatures = static_cast<int64_t>(fn_near_count(m_near->Set()));
    SetDescription(m_schema.defn->GetName());
}

Layer::~Layer() = default;

void Layer::WarnOfRenamed() const
{
    for (const auto &names : m_schema.renamed)
        CPLError(CE_Warning, CPLE_AppDefined,
                 "NEARTABLE: the field %s is carried over as %s: formats keep that name for a column of their own",
                 names.first.c_str(), names.second.c_str());
}

/* ---- parts ---- */

void Layer::EndSession::operator()(Session *session) const
{
    const std::unique_ptr<Session> owner(session);
    const bool uses = session->Uses(layer->m_datasets);
    if (!session->Close() && uses)
        layer->m_datasets.reset();
}

/* Keeps the last error: it is given again until reading begins anew. */
void Layer::Fail()
{
    m_state = State::Failed;
    m_errorNumber = CPLGetLastErrorNo();
    m_error = "out of memory"; /* short enough to need none */
    GuardedQuietly(false, [this] {
        m_error = CPLGetLastErrorMsg();
        return true;
    });
    m_session.reset();
}

/* An entry from GDAL that moves the reader: an exception is a failure of reading. */
template <class Value, class Read> Value Layer::Reading(Value failed, Read read)
{
    return Catch(failed, read, [this](const char *text, CPLErrorNum number) {
        CPLError(CE_Failure, number, "%s: %s", m_who.c_str(), text);
        Fail();
    });
}

/* The handles, opened again if they were left to workers that did not stop. */
bool Layer::PrepareDatasets()
{
    if (m_datasets)
        return true;
    auto datasets = std::make_shared<std::vector<DatasetHandle>>();
    datasets->push_back(OpenDataset(m_plan->input));
    if (!datasets->back())
        return false;
    m_datasets = std::move(datasets);
    return true;
}

bool Layer::ReadNear()
{
    static const std::vector<DatasetHandle> none;
    for (int tried = 1; !m_near; tried++) {
        Notes messages;
        fn_error err;
        m_near = NearSide::Read(*m_plan, tried == 1 ? *m_datasets : none, messages, &err);
        if (!m_near && !WaitToTryAgain(tried, m_plan->workers.retries, &err)) {
            EmitError(*m_plan, err);
            return false;
        }
        if (m_near)
            for (const Message &message : messages)
                Emit(message);
    }
    m_nearFeatures = static_cast<int64_t>(fn_near_count(m_near->Set()));
    return true;
}

/* The helper that there is, or another where that one is at work. NULL after CPLError. */
std::shared_ptr<Helper> Layer::PrepareHelper(const InputSplit &split, bool withNear)
{
    if (m_helper && !m_helper->IsBusy() && m_helperSplit == split)
        return m_helper;
    fn_error err;
    Notes messages;
    std::string nearFeatures;
    const auto job = std::make_shared<NearJob>(m_plan, split, withNear);
    const std::shared_ptr<Helper> made = Helper::New(job, m_plan->workers, Budget(*m_plan), &err);
    if (!made || made->Start(messages, nearFeatures, &err) != FN_OK) {
        EmitError(*m_plan, err);
        return nullptr;
    }
    if (!withNear)
        return made;
    if (m_nearFeatures < 0) /* the host has heard them otherwise */
        for (const Message &message : messages)
            Emit(message);
    m_nearFeatures = CPLAtoGIntBig(nearFeatures.c_str());
    m_helper = made;
    m_helperSplit = split;
    return made;
}

bool Layer::StartSession(Session &session, Purpose purpose)
{
    const bool withNear = purpose != CountUsable;
    if (!m_plan->UsesProcesses())
        return (!withNear || ReadNear()) && session.Start(withNear ? m_near : nullptr, nullptr);
    const std::shared_ptr<Helper> helper = PrepareHelper(session.GetSplit(), withNear);
    return helper && session.Start(nullptr, helper);
}

/* Rows of other files than those that were opened are not handed out. False after CPLError. */
bool Layer::CheckInputs(bool all) const
{
    const std::string why = m_watch ? m_watch->WhyNot(all) : std::string();
    if (!why.empty())
        CPLError(CE_Failure, CPLE_FileIO, "NEARTABLE:%s: %s", m_plan->input.name.c_str(), why.c_str());
    return why.empty();
}

bool Layer::Begin()
{
    if (!CheckInputs(true) || !PrepareDatasets())
        return false;
    m_session.reset(Session::Open(m_plan, Rows, m_datasets).release());
    return m_session && StartSession(*m_session, Rows);
}

bool Layer::NextPart()
{
    if (m_state == State::Fresh) {
        if (!Begin()) {
            Fail();
            return false;
        }
        m_state = State::Reading;
    }
    m_row = 0;
    while (m_state == State::Reading) {
        m_rowsBefore += m_part.header.rows;
        m_part.header = PartHeader();
        bool failed = false;
        const bool isPart = m_session->Next(&m_part, &failed);
        failed = !CheckInputs(!isPart) || failed;
        if (isPart && !failed) {
            m_sum.features += m_part.header.features;
            m_sum.unusable.Add(m_part.header.unusable);
            if (m_part.header.rows > 0)
                return true;
        } else if (failed)
            Fail();
        else {
            m_state = State::AtEnd;
            Finish();
        }
    }
    m_part.header = PartHeader();
    if (m_state == State::Failed && CPLGetLastErrorMsg() != m_error)
        CPLError(CE_Failure, m_errorNumber, "%s", m_error.empty() ? "NEARTABLE: out of memory" : m_error.c_str());
    return false;
}

/* The whole table has been read. */
void Layer::Finish()
{
    m_count = m_rowsBefore;
    if (m_sum.unusable.Total() == 0 || m_warned)
        return;
    m_warned = true;
    CPLError(CE_Warning, CPLE_AppDefined,
             "NEARTABLE: %lld of %lld features in %s have no near feature, their geometries cannot be used: %s",
             static_cast<long long>(m_sum.unusable.Total()), static_cast<long long>(m_sum.features),
             Describe(m_plan->input).c_str(), m_sum.unusable.Describe().c_str());
}

void Layer::ResetReading()
{
    Guarded(m_who.c_str(), false, [this] {
        m_session.reset();
        return true;
    });
    m_state = State::Fresh;
    m_part.header = PartHeader();
    m_row = -1;
    m_rowsBefore = 0;
    m_sum = PartHeader();
}

/* ---- features ---- */

static void SetInteger(OGRFeature *feature, int i, int32_t value)
{
    OGRField *field = feature->GetRawFieldRef(i);
    field->Integer = value;
    field->Set.nMarker2 = field->Set.nMarker3 = 0;
}

static void SetInteger64(OGRFeature *feature, int i, int64_t value)
{
    OGRField *field = feature->GetRawFieldRef(i);
    field->Integer64 = value;
    field->Set.nMarker3 = 0;
}

static void SetReal(OGRFeature *feature, int i, double value)
{
    OGRField *field = feature->GetRawFieldRef(i);
    field->Real = value;
    field->Set.nMarker3 = 0;
}

/* Longitude of a link's end, so that the link is the short way: over the antimeridian it goes on beyond 180. */
static double Unwrap(double x, double from)
{
    return std::abs(x - from) > 180 ? x - 360 * std::round((x - from) / 360) : x;
}

std::unique_ptr<OGRGeometry> Layer::MakeGeometry(const PartView &part, int64_t row) const
{
    const auto &columns = part.columns;
    const double scale = m_plan->toDegrees;
    const double fromX = columns.fromX[row] / scale, fromY = columns.fromY[row] / scale;
    const double nearY = columns.nearY[row] / scale;
    switch (m_plan->options.geometry) {
    case RowGeometry::From:
        return std::make_unique<OGRPoint>(fromX, fromY);
    case RowGeometry::Near:
        return std::make_unique<OGRPoint>(columns.nearX[row] / scale, nearY);
    default: {
        auto line = std::make_unique<OGRLineString>();
        const double nearX = columns.nearX[row];
        line->setNumPoints(2, FALSE);
        if (line->getNumPoints() != 2)
            throw std::bad_alloc();
        line->setPoint(0, fromX, fromY);
        line->setPoint(1, (m_plan->geodesic ? Unwrap(nearX, columns.fromX[row]) : nearX) / scale, nearY);
        return line;
    }
    }
}

const char *Layer::NearRecord(const PartView &part, int64_t row) const
{
    return m_plan->CarriesNearRecords() ? part.records + part.columns.nearRecord[row]
                                        : m_near->Record(part.columns.feature[row]);
}

/* The columns of the near feature. */
void Layer::SetNear(OGRFeature *feature, const PartView &part, int64_t row) const
{
    const auto &columns = part.columns;
    const auto wanted = [this](int field) { return m_wanted[static_cast<size_t>(field)] != 0; };
    if (wanted(m_schema.distance))
        SetReal(feature, m_schema.distance, columns.distance[row]);
    if (wanted(m_schema.rank))
        SetInteger(feature, m_schema.rank, static_cast<int32_t>(columns.rank[row]));
    if (m_schema.location >= 0) {
        const double *const values[] = {columns.fromX, columns.fromY, columns.nearX, columns.nearY};
        for (int k = 0; k < 4; k++)
            if (wanted(m_schema.location + k))
                SetReal(feature, m_schema.location + k, values[k][row]);
    }
    if (m_schema.angle >= 0 && wanted(m_schema.angle))
        SetReal(feature, m_schema.angle, columns.angle[row]);
    if (m_schema.along >= 0 && wanted(m_schema.along)) {
        if (std::isnan(columns.along[row]))
            feature->SetFieldNull(m_schema.along);
        else
            SetReal(feature, m_schema.along, columns.along[row]);
    }
    if (m_schema.nearFc >= 0 && wanted(m_schema.nearFc))
        feature->SetField(m_schema.nearFc, m_plan->near[columns.layer[row]].label.c_str());
    if (!m_plan->nearFields.empty())
        SetFields(feature, m_schema.nearFields, m_plan->nearFields, NearRecord(part, row));
    if (m_plan->options.geometry == RowGeometry::None || m_schema.defn->IsGeometryIgnored())
        return;
    std::unique_ptr<OGRGeometry> geometry = MakeGeometry(part, row);
    geometry->assignSpatialReference(m_schema.defn->GetGeomFieldDefn(0)->GetSpatialRef());
    feature->SetGeometryDirectly(geometry.release());
}

void Layer::SetRow(OGRFeature *feature, const PartView &part, int64_t row, int64_t rowsBefore) const
{
    const auto &columns = part.columns;
    feature->SetFID(rowsBefore + row + 1);
    if (m_wanted[static_cast<size_t>(m_schema.inFid)])
        SetInteger64(feature, m_schema.inFid, columns.inFid[row]);
    if (m_wanted[static_cast<size_t>(m_schema.nearFid)])
        SetInteger64(feature, m_schema.nearFid, columns.nearFid[row]);
    if (!m_plan->fields.empty())
        SetFields(feature, m_schema.fields, m_plan->fields, part.records + columns.record[row]);
    if (columns.feature[row] != kNoFeature) {
        SetNear(feature, part, row);
        return;
    }
    for (int i = m_schema.distance; i < m_schema.defn->GetFieldCount(); i++)
        if ((i < m_schema.fields || i >= m_schema.nearFields) && m_wanted[static_cast<size_t>(i)])
            feature->SetFieldNull(i);
}

/* What GDAL has no memory for it leaves out of the feature, and goes on. */
std::unique_ptr<OGRFeature> Layer::MakeRow(const PartView &part, int64_t row, int64_t rowsBefore) const
{
    const auto errors = CPLGetErrorCounter();
    std::unique_ptr<OGRFeature> feature(OGRFeature::CreateFeature(m_schema.defn));
    if (!feature)
        throw std::bad_alloc();
    SetRow(feature.get(), part, row, rowsBefore);
    if (CPLGetErrorCounter() != errors && CPLGetLastErrorNo() == CPLE_OutOfMemory)
        throw std::bad_alloc();
    return feature;
}

OGRFeature *Layer::GetNextFeature()
{
    return Reading<OGRFeature *>(nullptr, [this]() -> OGRFeature * {
        while (NextRow()) {
            std::unique_ptr<OGRFeature> feature = MakeRow(m_part, m_row, m_rowsBefore);
            m_nFeaturesRead++;
            if ((!m_poFilterGeom || FilterGeometry(feature->GetGeometryRef())) &&
                (!m_poAttrQuery || m_poAttrQuery->Evaluate(feature.get())))
                return feature.release();
        }
        return nullptr;
    });
}

/* ---- a feature by its number ---- */

/* Programs that sort a table ask for its features one by one, in any order: a pass over the input for each would
 * never end. */
bool Layer::KeepRows()
{
    constexpr size_t kMost = size_t(512) << 20; /* bytes */
    if (m_keeping == Keeping::Failed)           /* that was said then */
        CPLError(CE_Failure, CPLE_AppDefined, "%s: reading all rows has failed before", m_who.c_str());
    if (m_keeping != Keeping::Untried)
        return m_keeping == Keeping::Done;
    m_keeping = Keeping::Failed;
    size_t total = 0;
    int64_t rows = 0;
    bool tooMany = false;
    const bool good = Run(Rows, [&](const PartView &part, const fn_part &bytes) {
        total += bytes.bytes;
        tooMany = total > kMost;
        if (tooMany)
            return false;
        if (part.header.rows == 0)
            return true;
        std::unique_ptr<char[]> copy(new char[bytes.bytes]);
        memcpy(copy.get(), bytes.data, bytes.bytes);
        Kept kept = {rows, std::move(copy), PartView()};
        kept.part.Open(*m_plan, kept.bytes.get(), bytes.bytes);
        m_kept.push_back(std::move(kept));
        rows += part.header.rows;
        return true;
    });
    if (!good || tooMany)
        m_kept.clear();
    if (tooMany)
        CPLDebug("FISHNET", "more than %d MB of rows are not kept: GetFeature() reads from the start each time",
                 static_cast<int>(kMost >> 20));
    m_keeping = tooMany ? Keeping::TooMany : good ? Keeping::Done : Keeping::Failed;
    return m_keeping == Keeping::Done;
}

OGRFeature *Layer::GetFeature(GIntBig fid)
{
    return Guarded<OGRFeature *>(m_who.c_str(), nullptr, [&]() -> OGRFeature * {
        if (fid < 1)
            return nullptr;
        if (!KeepRows())
            return m_keeping == Keeping::TooMany ? OGRLayer::GetFeature(fid) : nullptr;
        const auto after = std::upper_bound(m_kept.begin(), m_kept.end(), fid - 1,
                                            [](int64_t row, const Kept &kept) { return row < kept.rowsBefore; });
        if (after == m_kept.begin())
            return nullptr;
        const Kept &kept = *std::prev(after);
        const int64_t row = fid - 1 - kept.rowsBefore;
        if (row >= kept.part.header.rows)
            return nullptr;
        return MakeRow(kept.part, row, kept.rowsBefore).release();
    });
}

/* ---- counting ---- */

bool Layer::CanCountFast() const
{
    const Options &options = m_plan->options;
    if (options.closest == kAll)
        return false;
    const bool limited = options.radius.given || options.minRadius.given || m_plan->HasGroups();
    return !limited || (options.closest == 1 && options.unmatchedNull);
}

/* A pass over the input, beside the one that may be under way. */
bool Layer::Run(Purpose purpose, const Visit &visit)
{
    if (!CheckInputs(true) || !PrepareDatasets())
        return false;
    SharedDatasets datasets = m_datasets;
    if (m_session && m_session->Uses(m_datasets)) {
        datasets = std::make_shared<std::vector<DatasetHandle>>();
        datasets->push_back(OpenDataset(m_plan->input));
        if (!datasets->back())
            return false;
    }
    SessionHandle session(Session::Open(m_plan, purpose, datasets).release(), EndSession{this});
    bool failed = !session || !StartSession(*session, purpose);
    PartView part;
    fn_part bytes = {};
    while (!failed && session->Next(&part, &failed, &bytes) && visit(part, bytes)) {
    }
    failed = !CheckInputs(true) || failed;
    return !failed;
}

/* Finds m_nearFeatures. */
bool Layer::CountNear()
{
    if (m_nearFeatures >= 0)
        return true;
    if (!m_plan->UsesProcesses())
        return ReadNear();
    InputSplit split;
    return InputSplit::Choose(*m_plan, (*m_datasets)[m_plan->input.dataset].get(), split) && PrepareHelper(split, true);
}

GIntBig Layer::Count()
{
    const Options &options = m_plan->options;
    const bool onceEach = options.closest == 1 && options.unmatchedNull;
    PartHeader sum;
    bool fast = CanCountFast();
    if (!PrepareDatasets() || (!onceEach && !CountNear()))
        return -1;
    int64_t each = 1;
    if (fast && !onceEach) {
        /* How many neighbours every usable feature has: certain if so many are left without those that may be
         * excluded. */
        const size_t excluded = m_plan->excluded.layer == -1  ? 0
                                : m_plan->excluded.layer >= 0 ? 1
                                                              : m_plan->near.size();
        const auto near = static_cast<size_t>(m_nearFeatures);
        each = static_cast<int64_t>(std::min(options.closest, near));
        fast = excluded == 0 || near >= options.closest + excluded;
    }
    const auto add = [&sum](const PartView &part, const fn_part &) {
        sum.rows += part.header.rows;
        sum.features += part.header.features;
        sum.unusable.Add(part.header.unusable);
        return true;
    };
    if (!Run(fast ? CountUsable : CountRows, add))
        return -1;
    if (!fast)
        return sum.rows;
    if (onceEach)
        return sum.features;
    const int64_t usable = sum.features - sum.unusable.Total();
    const int64_t rows = usable * each;
    if (!options.unmatchedNull)
        return rows;
    return rows + sum.unusable.Total() + (each == 0 ? usable : 0);
}

GIntBig Layer::GetFeatureCount(int force)
{
    return Guarded<GIntBig>(m_who.c_str(), -1, [&] {
        if (HasFilter())
            return OGRLayer::GetFeatureCount(force);
        if (m_count < 0 && (force || CanCountFast()))
            m_count = Count();
        return m_count;
    });
}

/* ---- capabilities ---- */

int Layer::TestCapability(const char *name) FN_CONST
{
    if (EQUAL(name, OLCFastFeatureCount))
        return !HasFilter() && (m_count >= 0 || CanCountFast());
    if (EQUAL(name, OLCFastGetArrowStream))
        return !HasFilter() && HasNativeArrow();
    return EQUAL(name, OLCRandomRead) || EQUAL(name, OLCIgnoreFields) || EQUAL(name, OLCStringsAsUTF8);
}

OGRErr Layer::SetIgnoredFields(FN_IGNORED_FIELDS fields)
{
    const OGRErr err = OGRLayer::SetIgnoredFields(fields);
    for (int i = 0; i < m_schema.defn->GetFieldCount(); i++)
        m_wanted[static_cast<size_t>(i)] = !m_schema.defn->GetFieldDefn(i)->IsIgnored();
    return err;
}

void Layer::Report(CPLStringList &report) const
{
    fn_stream_stats stats = {};
    if (m_session) {
        m_session->GetStats(&stats);
        report.SetNameValue("INPUT_READ_BY", m_session->GetSplit().Name());
    }
    report.SetNameValue("WORKERS", CPLSPrintf("%d", stats.workers ? stats.workers : m_plan->workers.workers));
    report.SetNameValue("WORKER_KIND", m_plan->UsesProcesses() ? "PROCESSES" : "THREADS");
    if (m_nearFeatures >= 0)
        report.SetNameValue("NEAR_FEATURES", CPLSPrintf(CPL_FRMT_GIB, static_cast<GIntBig>(m_nearFeatures)));
    report.SetNameValue("TASKS_COMPUTED", CPLSPrintf(CPL_FRMT_GIB, static_cast<GIntBig>(stats.tasks_done)));
    report.SetNameValue("TASKS_REPEATED", CPLSPrintf(CPL_FRMT_GIB, static_cast<GIntBig>(stats.tasks_again)));
    report.SetNameValue("SECONDS", CPLSPrintf("%.3f", stats.busy_seconds));
    report.SetNameValue("WAIT_SECONDS", CPLSPrintf("%.3f", stats.wait_seconds));
    report.SetNameValue("ROWS_PEAK_MB", CPLSPrintf("%.1f", static_cast<double>(stats.bytes_peak) / (1 << 20)));
}

/* ---- Arrow ---- */

/* Whether all columns are of kinds that are made here, and not by the base class. */
bool Layer::HasNativeArrow() const
{
    const char *encoding = m_aosArrowArrayStreamOptions.FetchNameValue("GEOMETRY_ENCODING");
    if (encoding && !EQUAL(encoding, "WKB"))
        return false;
    for (int i = 0; i < m_schema.defn->GetFieldCount(); i++) {
        OGRFieldDefn *field = m_schema.defn->GetFieldDefn(i);
        if (!field->IsIgnored() && !ArrowColumn::Makes(field->GetType(), field->GetSubType()))
            return false;
    }
    return true;
}

/* The columns of one array, in the order of the schema. */
struct Layer::ArrayBuilder {
    std::vector<ArrowColumn> columns;
    std::vector<int> ofField; /* index of the column of each field; -1: ignored */
    int fid = -1, geometry = -1;

    ArrowColumn *Field(int i)
    {
        const int column = i < 0 ? -1 : ofField[static_cast<size_t>(i)];
        return column < 0 ? nullptr : &columns[static_cast<size_t>(column)];
    }
    int Add(ArrowColumn::Kind kind)
    {
        columns.emplace_back(kind);
        return static_cast<int>(columns.size()) - 1;
    }
    /* Offsets into a column are 32 bit. */
    bool IsFull() const
    {
        constexpr size_t kBytes = 256 << 20;
        return std::any_of(columns.begin(), columns.end(),
                           [](const ArrowColumn &column) { return column.Bytes() > kBytes; });
    }
};

static void AppendValue(ArrowColumn *column, OGRFieldType type, const FieldValue &value)
{
    if (!column)
        return;
    if (value.tag != Tag::Value)
        column->AppendNull();
    else if (type == OFTInteger)
        column->Append(value.integer);
    else if (type == OFTInteger64)
        column->Append(value.integer64);
    else if (type == OFTReal)
        column->Append(value.real);
    else
        column->AppendBytes(value.bytes, value.count);
}

/* The fields that are carried over of at most n rows: as many as there is room for. */
int64_t Layer::AppendRecords(ArrayBuilder &builder, int64_t n) const
{
    const std::vector<CarriedField> &fields = m_plan->fields, &nearFields = m_plan->nearFields;
    if (fields.empty() && nearFields.empty())
        return n;
    int64_t done = 0;
    for (; done < n && !(done > 0 && done % 64 == 0 && builder.IsFull()); done++) {
        const int64_t row = m_row + done;
        if (!fields.empty()) {
            RecordCursor cursor(m_part.records + m_part.columns.record[row]);
            for (size_t k = 0; k < fields.size(); k++)
                AppendValue(builder.Field(m_schema.fields + static_cast<int>(k)), fields[k].type,
                            cursor.Next(fields[k].type));
        }
        if (nearFields.empty())
            continue;
        const uint32_t feature = m_part.columns.feature[row];
        const bool matched = feature != kNoFeature;
        RecordCursor cursor(matched ? NearRecord(m_part, row) : nullptr);
        for (size_t k = 0; k < nearFields.size(); k++)
            AppendValue(builder.Field(m_schema.nearFields + static_cast<int>(k)), nearFields[k].type,
                        matched ? cursor.Next(nearFields[k].type) : FieldValue());
    }
    return done;
}

void Layer::AppendGeometry(ArrowColumn &column, int64_t row) const
{
    if (m_part.columns.feature[row] == kNoFeature) {
        column.AppendNull();
        return;
    }
    unsigned char wkb[64]; /* a line of two points has 41 bytes */
    const std::unique_ptr<OGRGeometry> geometry = MakeGeometry(m_part, row);
    geometry->exportToWkb(wkbNDR, wkb, wkbVariantIso);
    column.AppendBytes(wkb, geometry->WkbSize());
}

/* At most n rows from m_row on; returns how many. */
int64_t Layer::AppendRows(ArrayBuilder &builder, int64_t n) const
{
    const auto &columns = m_part.columns;
    n = AppendRecords(builder, n);
    const int64_t end = m_row + n;
    if (builder.fid >= 0)
        for (int64_t row = m_row; row < end; row++)
            builder.columns[static_cast<size_t>(builder.fid)].Append<int64_t>(m_rowsBefore + row + 1);
    if (ArrowColumn *column = builder.Field(m_schema.inFid))
        column->AppendMany(columns.inFid + m_row, n);
    if (ArrowColumn *column = builder.Field(m_schema.nearFid))
        column->AppendMany(columns.nearFid + m_row, n);
    if (ArrowColumn *column = builder.Field(m_schema.rank))
        column->AppendMany(columns.rank + m_row, n);
    /* NULL where the feature is unmatched, and where the near feature has no such value. */
    std::pair<int, const double *> reals[] = {{m_schema.distance, columns.distance},
                                              {m_schema.angle, columns.angle},
                                              {m_schema.along, columns.along},
                                              {-1, columns.fromX},
                                              {-1, columns.fromY},
                                              {-1, columns.nearX},
                                              {-1, columns.nearY}};
    if (m_schema.location >= 0)
        for (int k = 0; k < 4; k++)
            reals[3 + k].first = m_schema.location + k;
    for (const auto &real : reals)
        if (ArrowColumn *column = builder.Field(real.first)) {
            column->AppendMany(real.second + m_row, n);
            if (real.first == m_schema.along)
                for (int64_t row = m_row; row < end; row++)
                    if (columns.feature[row] != kNoFeature && std::isnan(columns.along[row]))
                        column->SetNull(column->Length() - (end - row));
        }
    if (ArrowColumn *column = builder.Field(m_schema.nearFc))
        for (int64_t row = m_row; row < end; row++) {
            const std::string &label = m_plan->near[columns.layer[row]].label;
            if (columns.feature[row] == kNoFeature)
                column->AppendNull();
            else
                column->AppendBytes(label.data(), label.size());
        }
    if (builder.geometry >= 0)
        for (int64_t row = m_row; row < end; row++)
            AppendGeometry(builder.columns[static_cast<size_t>(builder.geometry)], row);
    if (m_plan->options.unmatchedNull)
        for (int64_t row = m_row; row < end; row++)
            if (columns.feature[row] == kNoFeature) {
                if (ArrowColumn *column = builder.Field(m_schema.rank))
                    column->SetNull(column->Length() - (end - row));
                for (const auto &real : reals)
                    if (ArrowColumn *column = builder.Field(real.first))
                        column->SetNull(column->Length() - (end - row));
            }
    return n;
}

int Layer::NextArray(ArrowArray *array)
{
    constexpr int64_t kDefault = 65536;
    const char *most = m_aosArrowArrayStreamOptions.FetchNameValue("MAX_FEATURES_IN_BATCH");
    const int64_t limit = std::max<int64_t>(1, most ? CPLAtoGIntBig(most) : kDefault);
    ArrayBuilder builder;
    if (CPLTestBool(m_aosArrowArrayStreamOptions.FetchNameValueDef("INCLUDE_FID", "YES")))
        builder.fid = builder.Add(ArrowColumn::Kind::Integer64);
    for (int i = 0; i < m_schema.defn->GetFieldCount(); i++) {
        const bool wanted = m_wanted[static_cast<size_t>(i)] != 0;
        builder.ofField.push_back(wanted ? builder.Add(ArrowColumn::KindOf(m_schema.defn->GetFieldDefn(i)->GetType()))
                                         : -1);
    }
    if (m_plan->options.geometry != RowGeometry::None && !m_schema.defn->IsGeometryIgnored())
        builder.geometry = builder.Add(ArrowColumn::Kind::Binary);

    int64_t rows = 0;
    while (rows < limit && !builder.IsFull() && NextRow()) {
        const int64_t n = AppendRows(builder, std::min(limit - rows, m_part.header.rows - m_row));
        rows += n;
        m_row += n - 1; /* the last one that has been given */
    }
    if (m_state == State::Failed)
        return EIO;
    m_nFeaturesRead += rows;
    if (rows > 0)
        ArrowColumn::Export(std::move(builder.columns), rows, array);
    return 0;
}

/* A stream has the whole table, wherever a reader has been. Two at a time are refused by the base class. */
bool Layer::GetArrowStream(ArrowArrayStream *stream, CSLConstList options)
{
    const auto &shared = m_poSharedArrowArrayStreamPrivateData;
    if (!shared || !shared->m_bArrowArrayStreamInProgress)
        ResetReading();
    return OGRLayer::GetArrowStream(stream, options);
}

int Layer::GetNextArrowArray(ArrowArrayStream *stream, ArrowArray *array)
{
    if (HasFilter() || !HasNativeArrow())
        return OGRLayer::GetNextArrowArray(stream, array);
    memset(array, 0, sizeof *array);
    return Reading(ENOMEM, [&] { return NextArray(array); });
}

} // namespace fishnet::neartable
