#include "raw_features.h"

#include <utility>

#include "csv_lines.h"
#include "fishnet/job.h"

namespace fishnet
{

void RawFeatures::Shorten()
{
    if (wanted.empty())
        return;
    char *records = bytes.data() + begin + head;
    const char *end = EmptyCsvFields(records, bytes.data() + bytes.size(), delimiter, wanted);
    bytes.resize(static_cast<size_t>(end - bytes.data()));
    wanted.clear();
}

OGRLayerH RawDataset::Open(const LayerPlan &plan, RawFeatures &raw, fn_status *status, std::string &cause)
{
    raw.Shorten();
    m_folder = CPLSPrintf("/vsimem/fishnet-raw-%p", static_cast<void *>(this));
    LayerPlan own = {};
    own.path = m_folder + "/" + CPLGetFilename(plan.path.c_str()); /* a CSV's layer is called like its file */
    own.openOptions = plan.openOptions;
    VSILFILE *file = VSIFileFromMemBuffer(own.path.c_str(), reinterpret_cast<GByte *>(raw.bytes.data() + raw.begin),
                                          static_cast<vsi_l_offset>(raw.bytes.size() - raw.begin), FALSE);
    *status = FN_ERR_READ;
    cause = "no reason given";
    if (!file)
        return nullptr;
    VSIFCloseL(file);
    m_dataset = OpenDataset(own);
    return m_dataset ? FindLayer(plan, m_dataset.get(), status, cause) : nullptr;
}

RawDataset::~RawDataset()
{
    m_dataset.reset();
    if (!m_folder.empty())
        GuardedQuietly(0, [this] { return VSIRmdirRecursive(m_folder.c_str()); });
}

namespace
{
class RawReader
{
  public:
    RawReader(const LayerPlan &plan, const RawFeatures &raw, const volatile bool *cancel, Extractor &extractor,
              Batch &batch, MessageCollector &collector)
        : m_plan(plan), m_raw(raw), m_cancel(cancel), m_extractor(extractor), m_batch(batch), m_collector(collector)
    {
    }
    /* FN_ERR_READ of rows: features may tell more. */
    fn_status ReadRows(GDALDatasetH dataset, OGRLayerH layer);
    fn_status ReadFeatures(OGRLayerH layer, std::string &cause);

  private:
    bool HasAll() const { return static_cast<int64_t>(m_batch.Count()) == m_raw.count; }

    const LayerPlan &m_plan;
    const RawFeatures &m_raw;
    const volatile bool *m_cancel;
    Extractor &m_extractor;
    Batch &m_batch;
    MessageCollector &m_collector;
};
} // namespace

fn_status RawReader::ReadRows(GDALDatasetH dataset, OGRLayerH layer)
{
    constexpr int64_t kOften = 4096;
    const size_t failures = m_collector.Failures();
    ArrowRows rows;
    bool good = rows.Open(m_plan, dataset, layer), end = false;
    while (good && !end) {
        if (fn_is_cancelled(m_cancel))
            return FN_ERR_CANCELLED;
        good = rows.Fetch(kOften) && m_collector.Failures() == failures;
        end = good && rows.Ready() < kOften;
        while (good && rows.Ready() > 0) {
            ArrowRow row = rows.Take();
            row.fid += m_raw.first;
            good = m_extractor.Append(row, m_batch);
        }
    }
    return good && HasAll() ? FN_OK : FN_ERR_READ;
}

fn_status RawReader::ReadFeatures(OGRLayerH layer, std::string &cause)
{
    constexpr int64_t kOften = 256;
    OGR_L_ResetReading(layer);
    for (int64_t number = m_raw.first;; number++) {
        FeatureHandle feature;
        if (number % kOften == 0 && fn_is_cancelled(m_cancel))
            return FN_ERR_CANCELLED;
        if (!ReadFeature(layer, m_collector, &feature, cause))
            return FN_ERR_READ;
        if (!feature)
            break;
        const int64_t fid = OGR_F_GetFID(feature.get());
        if (fid != OGRNullFID)
            OGR_F_SetFID(feature.get(), fid + m_raw.first);
        m_extractor.Append(feature.get(), number, m_batch, m_collector);
    }
    if (!HasAll())
        cause = "there are more features, or fewer, than their bytes say";
    return HasAll() ? FN_OK : FN_ERR_READ;
}

static fn_status Read(const LayerPlan &plan, bool rows, RawFeatures &raw, const volatile bool *cancel,
                      Extractor &extractor, Batch &batch, MessageCollector &collector, std::string &cause)
{
    const size_t before = collector.messages.size();
    fn_status status = FN_OK;
    RawDataset dataset;
    OGRLayerH layer = dataset.Open(plan, raw, &status, cause);
    if (!layer) {
        cause = collector.Cause(cause.c_str());
        return status;
    }
    collector.messages.resize(before); /* what there is to say of the file the host has heard */
    extractor.Prepare(layer);
    RawReader reader(plan, raw, cancel, extractor, batch, collector);
    status = FN_ERR_READ;
    if (rows && extractor.TakesRows(layer))
        status = reader.ReadRows(dataset.Handle(), layer);
    if (status != FN_ERR_READ)
        return status;
    batch.Clear();
    collector.messages.resize(before);
    return reader.ReadFeatures(layer, cause);
}

fn_status ReadRaw(const LayerPlan &plan, bool rows, RawFeatures &raw, const volatile bool *cancel, Extractor &extractor,
                  Batch &batch, MessageCollector &collector, std::string &cause)
{
    try {
        const fn_status status = Read(plan, rows, raw, cancel, extractor, batch, collector, cause);
        if (status != FN_OK)
            batch.Clear();
        return status;
    } catch (...) {
        batch.Clear();
        throw;
    }
}

} // namespace fishnet
