#include "table_layer.h"

#include <algorithm>
#include <cerrno>

#include "array_maker.h"

namespace fishnet
{

TableLayer::TableLayer(GDALDataset *dataset, std::shared_ptr<const TablePlan> plan, SharedDatasets datasets,
                       std::shared_ptr<const Shared> shared, std::shared_ptr<InputWatch> watch)
    : m_dataset(dataset), m_plan(std::move(plan)), m_who(Describe(*m_plan)),
      m_passes(m_plan, std::move(datasets), std::move(shared), std::move(watch)),
      m_rows(m_plan->schema, m_plan->GeometrySRS())
{
    SetDescription(m_rows.Defn()->GetName());
}

TableLayer::~TableLayer() = default;

void TableLayer::WarnOfRenamed() const
{
    for (const auto &names : m_rows.Renamed())
        CPLError(CE_Warning, CPLE_AppDefined,
                 "%s: the field %s is carried over as %s: formats keep that name for a column of their own",
                 m_plan->driver, names.first.c_str(), names.second.c_str());
}

/* ---- rows, one part after the other ---- */

/* Keeps the last error: it is given again until reading begins anew. */
void TableLayer::Fail()
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
template <class Value, class Read> Value TableLayer::Reading(Value failed, Read read)
{
    return Catch(failed, read, [this](const char *text, CPLErrorNum number) {
        CPLError(CE_Failure, number, "%s: %s", m_who.c_str(), text);
        Fail();
    });
}

bool TableLayer::NextPart()
{
    if (m_state == State::Fresh) {
        m_session = m_passes.Begin();
        if (!m_session) {
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
        failed = !m_passes.CheckInputs(!isPart) || failed;
        if (isPart && !failed) {
            m_sum.features += m_part.header.features;
            m_sum.unusable.Add(m_part.header.unusable);
            if (m_part.header.rows > 0)
                return true;
        } else if (failed || !IsWhole())
            Fail();
        else {
            m_state = State::AtEnd;
            Finish();
        }
    }
    m_part.header = PartHeader();
    if (m_state == State::Failed && CPLGetLastErrorMsg() != m_error)
        CPLError(CE_Failure, m_errorNumber, "%s", m_error.empty() ? "out of memory" : m_error.c_str());
    return false;
}

/* All parts have come. False after CPLError. */
bool TableLayer::IsWhole() const
{
    const int64_t expected = m_plan->RowsExpected(m_passes.SharedSize());
    if (expected < 0 || expected == m_rowsBefore)
        return true;
    CPLError(CE_Failure, CPLE_FileIO,
             "%s: %lld rows have come, and %lld should: %s has changed since it was read first", m_who.c_str(),
             static_cast<long long>(m_rowsBefore), static_cast<long long>(expected), Describe(m_plan->input).c_str());
    return false;
}

/* The whole table has been read. */
void TableLayer::Finish()
{
    m_count = m_rowsBefore;
    if (m_sum.unusable.Total() == 0 || m_warned)
        return;
    m_warned = true;
    CPLError(CE_Warning, CPLE_AppDefined, "%s: %lld of %lld features in %s %s, their geometries cannot be used: %s",
             m_plan->driver, static_cast<long long>(m_sum.unusable.Total()), static_cast<long long>(m_sum.features),
             Describe(m_plan->input).c_str(), m_plan->LostText(), m_sum.unusable.Describe().c_str());
}

void TableLayer::ResetReading()
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

OGRFeature *TableLayer::GetNextFeature()
{
    return Reading<OGRFeature *>(nullptr, [this]() -> OGRFeature * {
        while (NextRow()) {
            std::unique_ptr<OGRFeature> feature = m_rows.Make(m_part, m_row, m_rowsBefore);
            m_nFeaturesRead++;
            if ((!m_poFilterGeom || FilterGeometry(feature->GetGeometryRef())) &&
                (!m_poAttrQuery || m_poAttrQuery->Evaluate(feature.get())))
                return feature.release();
        }
        return nullptr;
    });
}

bool TableLayer::NextFeature(std::unique_ptr<OGRFeature> &feature)
{
    return Reading(false, [&] {
        if (!NextRow())
            return false;
        if (feature)
            m_rows.Refill(*feature, m_part, m_row, m_rowsBefore);
        else
            feature = m_rows.Make(m_part, m_row, m_rowsBefore);
        m_nFeaturesRead++;
        return true;
    });
}

/* ---- the table as pieces of a file ---- */

bool TableLayer::WritePieces(std::shared_ptr<const PieceFormat> pieces, const GoesOn &goesOn,
                             const std::function<bool(const PartHeader &rows, const Piece &piece)> &write)
{
    ResetReading();
    bool failed = false;
    const auto take = [&](const PartView &part, const fn_part &bytes) {
        Piece piece;
        const char *data = static_cast<const char *>(bytes.data) + sizeof(PartHeader);
        if (!piece.Read(data, bytes.bytes - sizeof(PartHeader))) {
            CPLError(CE_Failure, CPLE_AppDefined, "%s: a worker gave rows that make no sense", m_who.c_str());
            failed = true;
        }
        failed = failed || !m_passes.CheckInputs(false) || !write(part.header, piece);
        m_rowsBefore += part.header.rows;
        m_sum.features += part.header.features;
        m_sum.unusable.Add(part.header.unusable);
        return !failed;
    };
    const bool whole = m_passes.RunPieces(std::move(pieces), goesOn, take) && !failed && IsWhole();
    if (whole)
        Finish();
    m_rowsBefore = 0;
    m_sum = PartHeader();
    return whole;
}

int64_t TableLayer::InputCount() const
{
    return m_passes.InputCount();
}

/* ---- a feature by its number ---- */

/* Programs that sort a table ask for its features one by one, in any order: a pass over the input for each would
 * never end. */
bool TableLayer::KeepRows()
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
    const bool good = m_passes.Run(Rows, m_session.get(), [&](const PartView &part, const fn_part &bytes) {
        total += bytes.bytes;
        tooMany = total > kMost;
        if (tooMany)
            return false;
        if (part.header.rows == 0)
            return true;
        std::unique_ptr<char[]> copy(new char[bytes.bytes]);
        memcpy(copy.get(), bytes.data, bytes.bytes);
        Kept kept = {rows, std::move(copy), PartView()};
        kept.part.Open(m_plan->schema, kept.bytes.get(), bytes.bytes);
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

OGRFeature *TableLayer::GetFeature(GIntBig fid)
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
        return m_rows.Make(kept.part, row, kept.rowsBefore).release();
    });
}

/* ---- counting ---- */

GIntBig TableLayer::GetFeatureCount(int force)
{
    return Guarded<GIntBig>(m_who.c_str(), -1, [&] {
        if (HasFilter())
            return OGRLayer::GetFeatureCount(force);
        if (m_count < 0 && (force || m_passes.CanCountFast()))
            m_count = m_passes.Count(m_session.get());
        return m_count;
    });
}

/* ---- capabilities ---- */

int TableLayer::TestCapability(const char *name) FN_CONST
{
    if (EQUAL(name, OLCFastFeatureCount))
        return !HasFilter() && (m_count >= 0 || m_passes.CanCountFast());
    if (EQUAL(name, OLCFastGetArrowStream))
        return !HasFilter() && ArrayMaker::CanMake(m_rows.Defn(), m_aosArrowArrayStreamOptions);
    return EQUAL(name, OLCRandomRead) || EQUAL(name, OLCIgnoreFields) || EQUAL(name, OLCStringsAsUTF8);
}

OGRErr TableLayer::SetIgnoredFields(FN_IGNORED_FIELDS fields)
{
    const OGRErr err = OGRLayer::SetIgnoredFields(fields);
    m_rows.UpdateIgnored();
    return err;
}

void TableLayer::Report(CPLStringList &report) const
{
    fn_stream_stats stats = {};
    if (m_session) {
        m_session->GetStats(&stats);
        report.SetNameValue("INPUT_READ_BY", m_session->GetSplit().Name());
    }
    report.SetNameValue("WORKERS", CPLSPrintf("%d", stats.workers ? stats.workers : m_plan->workers.workers));
    report.SetNameValue("WORKER_KIND", m_plan->UsesProcesses() ? "PROCESSES" : "THREADS");
    m_plan->Report(report, m_passes.SharedSize());
    report.SetNameValue("TASKS_COMPUTED", CPLSPrintf(CPL_FRMT_GIB, static_cast<GIntBig>(stats.tasks_done)));
    report.SetNameValue("TASKS_REPEATED", CPLSPrintf(CPL_FRMT_GIB, static_cast<GIntBig>(stats.tasks_again)));
    report.SetNameValue("SECONDS", CPLSPrintf("%.3f", stats.busy_seconds));
    report.SetNameValue("WAIT_SECONDS", CPLSPrintf("%.3f", stats.wait_seconds));
    report.SetNameValue("ROWS_PEAK_MB", CPLSPrintf("%.1f", static_cast<double>(stats.bytes_peak) / (1 << 20)));
}

/* ---- Arrow ---- */

int TableLayer::NextArray(ArrowArray *array)
{
    constexpr int64_t kMost = 16384; /* so that what is first is handed out before all is there */
    const char *most = m_aosArrowArrayStreamOptions.FetchNameValue("MAX_FEATURES_IN_BATCH");
    const int64_t limit = std::max<int64_t>(1, most ? std::min<int64_t>(CPLAtoGIntBig(most), kMost) : kMost);
    ArrayMaker maker(m_rows, m_aosArrowArrayStreamOptions);
    int64_t rows = 0;
    while (rows < limit && !maker.IsFull() && NextRow()) {
        const int64_t n = maker.Append(m_part, m_row, std::min(limit - rows, m_part.header.rows - m_row), m_rowsBefore);
        rows += n;
        m_row += n - 1; /* the last one that has been given */
    }
    if (m_state == State::Failed)
        return EIO;
    m_nFeaturesRead += rows;
    if (rows > 0)
        maker.Export(rows, array);
    return 0;
}

/* A stream has the whole table, wherever a reader has been. Two at a time are refused by the base class. */
bool TableLayer::GetArrowStream(ArrowArrayStream *stream, CSLConstList options)
{
    const auto &shared = m_poSharedArrowArrayStreamPrivateData;
    if (!shared || !shared->m_bArrowArrayStreamInProgress)
        ResetReading();
    return OGRLayer::GetArrowStream(stream, options);
}

int TableLayer::GetNextArrowArray(ArrowArrayStream *stream, ArrowArray *array)
{
    if (HasFilter() || !ArrayMaker::CanMake(m_rows.Defn(), m_aosArrowArrayStreamOptions))
        return OGRLayer::GetNextArrowArray(stream, array);
    memset(array, 0, sizeof *array);
    return Reading(ENOMEM, [&] { return NextArray(array); });
}

} // namespace fishnet
