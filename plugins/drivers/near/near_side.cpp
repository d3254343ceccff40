#include "near_side.h"

#include <algorithm>
#include <mutex>

namespace fishnet::neartable
{

/* ---- which feature is which ---- */

/* Counted alike on both sides. */
static bool SharesPlaces(const NearPlan &plan, size_t near)
{
    return plan.excluded.layer == static_cast<int>(near) && plan.near[near].where == plan.input.where;
}

/* Features of the input's own layer are known by their FIDs where their places are not the same on both sides. */
static bool NeedsUniqueFids(const NearPlan &plan, size_t near)
{
    const LayerPlan &layer = plan.near[near];
    if (plan.excluded.layer == FN_ANY_LAYER)
        return near == 0 && layer.path == plan.input.path && layer.layer == plan.input.layer;
    return plan.excluded.layer == static_cast<int>(near) && !SharesPlaces(plan, near);
}

/* Sets the layer's filter while it lives. */
class SpatialFilter
{
  public:
    SpatialFilter() = default;
    ~SpatialFilter()
    {
        if (m_handle)
            OGR_L_SetSpatialFilter(m_handle, nullptr);
    }
    SpatialFilter(const SpatialFilter &) = delete;
    SpatialFilter &operator=(const SpatialFilter &) = delete;
    void Set(const LayerPlan &layer, OGRLayerH handle, const OGREnvelope &box)
    {
        m_handle = handle;
        OGR_L_SetSpatialFilterRectEx(handle, layer.geometryField, box.MinX, box.MinY, box.MaxX, box.MaxY);
    }

  private:
    OGRLayerH m_handle = nullptr;
};

/* Reads the whole layer for its FIDs, but where the driver is known for giving each of them once. */
static bool CheckFids(const LayerPlan &layer, GDALDatasetH dataset, OGRLayerH handle, fn_error *err)
{
    for (const char *driver : {"ESRI Shapefile", "FlatGeobuf", "CSV", "MapInfo File", "Parquet", "Arrow"})
        if (EQUAL(driver, layer.driver.c_str()))
            return true;
    if (IsTableWithFids(layer, dataset, OGR_L_GetFIDColumn(handle)))
        return true;
    MessageCollector collector;
    FeatureHandle feature;
    std::vector<int64_t> fids;
    std::string cause;
    OGR_L_SetAttributeFilter(handle, nullptr);
    OGR_L_ResetReading(handle);
    do {
        if (!ReadFeature(handle, collector, &feature, cause)) {
            fn_fail(err, FN_ERR_READ, "%.400s cannot be read: %.500s", Describe(layer).c_str(), cause.c_str());
            return false;
        }
        if (feature)
            fids.push_back(OGR_F_GetFID(feature.get()));
    } while (feature);
    std::sort(fids.begin(), fids.end());
    const auto twin = std::adjacent_find(fids.begin(), fids.end());
    if (twin == fids.end())
        return true;
    fn_fail(err, FN_ERR_ARGUMENT,
            "EXCLUDE_SELF: several features of %.400s have the FID %lld, and a WHERE that differs from NEAR_WHERE, or "
            "a layer that is given more "
            "than once, leaves nothing else to know them by: give EXCLUDE_SELF=NO",
            Describe(layer).c_str(), static_cast<long long>(*twin));
    return false;
}

/* The feature that is added next is the one at that place. */
void NearSide::AddPlace(int64_t place)
{
    if (!m_places.empty()) {
        Run &last = m_places.back();
        if (last.place + last.count == place && last.feature + last.count == m_features) {
            last.count++;
            return;
        }
    }
    m_places.push_back({place, m_features, 1});
}

int64_t NearSide::FeatureAt(int64_t place) const
{
    const auto after = std::upper_bound(m_places.begin(), m_places.end(), place,
                                        [](int64_t wanted, const Run &run) { return wanted < run.place; });
    if (after == m_places.begin())
        return -1;
    const Run &run = *std::prev(after);
    return place - run.place < run.count ? run.feature + (place - run.place) : -1;
}

/* ---- reading ---- */

std::shared_ptr<const NearSide> NearSide::Read(const NearPlan &plan, const Handles &handles, Notes &messages,
                                               fn_error *err, const GoesOn &goesOn)
{
    Reach reach(plan, goesOn);
    Notes heard = messages;
    std::shared_ptr<NearSide> self(new NearSide());
    fn_status status = self->ReadLayers(plan, handles, reach, messages, goesOn, err);
    if (status != FN_OK && status != FN_ERR_CANCELLED && reach.IsUsed()) { /* a filter fails where geometries are odd */
        reach.GiveUp();
        CPLErrorReset();
        messages = std::move(heard);
        self.reset(new NearSide());
        status = self->ReadLayers(plan, handles, reach, messages, goesOn, err);
    }
    return status == FN_OK ? self : nullptr;
}

fn_status NearSide::ReadLayers(const NearPlan &plan, const Handles &handles, Reach &reach, Notes &messages,
                               const GoesOn &goesOn, fn_error *err)
{
    fn_near_options options = {};
    options.geodesic = plan.geodesic;
    options.semi_major = plan.semiMajor;
    options.flattening = plan.flattening;
    options.along = plan.limits.along;
    fn_near *set = nullptr;
    if (fn_near_new(&options, &set, err) != FN_OK)
        return err->status;
    m_set.reset(set);
    const std::shared_ptr<const Handles> lent(&handles, [](const Handles *) {});
    const auto own = std::make_shared<Handles>(); /* those that are missing */
    MessageCollector collector;
    for (size_t i = 0; i < plan.near.size(); i++) {
        const LayerPlan &layer = plan.near[i];
        const bool isLent = layer.dataset < handles.size() && handles[layer.dataset];
        if (!isLent && own->size() <= layer.dataset)
            own->resize(layer.dataset + 1);
        if (!isLent && !(*own)[layer.dataset])
            (*own)[layer.dataset] = OpenDataset(layer);
        const SideSource source = {layer, isLent ? lent : std::shared_ptr<const Handles>(own)};
        fn_status status = FN_OK;
        std::string cause;
        GDALDatasetH dataset = (*source.datasets)[layer.dataset].get();
        OGRLayerH handle = FindLayer(layer, dataset, &status, cause);
        if (!handle)
            return fn_fail(err, status, "%.400s cannot be opened again: %.500s", Describe(layer).c_str(),
                           collector.Cause(cause.c_str()).c_str());
        if (NeedsUniqueFids(plan, i) && !CheckFids(layer, dataset, handle, err))
            return err->status;
        OGREnvelope box;
        SpatialFilter filter;
        const bool all = !reach.Covers(layer, dataset, handle, &box);
        if (!all)
            filter.Set(layer, handle, box);
        if (ReadLayer(plan, source, static_cast<int>(i), all, messages, goesOn, err) != FN_OK)
            return err->status;
    }
    return fn_near_build(set, std::max(plan.workers.workers, plan.builders), nullptr, err);
}

fn_status NearSide::ReadLayer(const NearPlan &plan, const SideSource &source, int number, bool all, Notes &messages,
                              const GoesOn &goesOn, fn_error *err)
{
    const LayerPlan &layer = source.layer;
    std::mutex mutex;
    const auto group = [this, &mutex](const std::string &key) {
        const std::lock_guard<std::mutex> lock(mutex);
        return m_groups.emplace(key, static_cast<uint32_t>(m_groups.size())).first->second;
    };
    int64_t count = 0;
    m_knowsPlaces = m_knowsPlaces || (all && SharesPlaces(plan, static_cast<size_t>(number)));
    Unusable unusable;
    const auto visit = [&](const Batch &batch, fn_error *failure) {
        fn_error reason = {};
        unusable.Add(batch.unusable);
        if (!AddBatch(plan, batch, number, count, unusable, &reason))
            return fn_fail(failure, reason.status, "%.400s: %.500s", Describe(layer).c_str(), reason.text);
        count += static_cast<int64_t>(batch.Count());
        return FN_OK;
    };
    if (ReadSide(plan, source, all, group, visit, messages, goesOn, err) != FN_OK)
        return err->status;
    if (!all)
        messages.push_back(
            {CE_Debug, CPLE_None,
             std::to_string(count) + " near features of " + Describe(layer) + " are read, which the share can reach"});
    if (unusable.Total() > 0)
        messages.push_back({CE_Warning, CPLE_AppDefined,
                            "NEARTABLE: " + std::to_string(unusable.Total()) + " of " + std::to_string(count) +
                                " near features in " + Describe(layer) +
                                " are left out, their geometries cannot be used: " + unusable.Describe()});
    return FN_OK;
}

/* place: of the first in its layer. */
bool NearSide::AddBatch(const NearPlan &plan, const Batch &batch, int layer, int64_t place, Unusable &unusable,
                        fn_error *err)
{
    const bool grouped = plan.HasGroups(), records = !plan.nearFields.empty();
    const bool places = m_knowsPlaces && SharesPlaces(plan, static_cast<size_t>(layer));
    std::vector<fn_usable> verdicts;
    const auto added = [&](size_t i, fn_usable verdict) {
        unusable.Count(verdict);
        if (verdict != FN_USABLE)
            return;
        if (places)
            AddPlace(place + static_cast<int64_t>(i));
        m_features++;
        if (!records)
            return;
        m_recordBegin.push_back(m_records.size());
        m_records.insert(m_records.end(), batch.Record(i), batch.Record(i) + batch.RecordBytes(i));
    };
    /* A feature without a group can never be found. */
    const auto skip = [&](size_t i) {
        return batch.shapes[i] == Batch::Shape::Nothing || (grouped && batch.groups[i] == FN_NO_GROUP);
    };
    for (size_t i = 0; i < batch.Count();) {
        if (skip(i)) {
            i++;
            continue;
        }
        if (batch.shapes[i] == Batch::Shape::Wkb) {
            fn_usable verdict = FN_USABLE;
            if (fn_near_add_wkb(m_set.get(), batch.Wkb(i), batch.WkbBytes(i), batch.fids[i],
                                grouped ? batch.groups[i] : FN_NO_GROUP, layer, &verdict, err) != FN_OK)
                return false;
            added(i, verdict);
            i++;
            continue;
        }
        size_t end = i;
        while (end < batch.Count() && batch.shapes[end] == Batch::Shape::Point && !skip(end))
            end++;
        verdicts.resize(end - i);
        if (fn_near_add_points(m_set.get(), end - i, batch.xy.data() + 2 * i, batch.fids.data() + i,
                               grouped ? batch.groups.data() + i : nullptr, layer, verdicts.data(), nullptr,
                               err) != FN_OK)
            return false;
        for (size_t k = i; k < end; k++)
            added(k, verdicts[k - i]);
        i = end;
    }
    return true;
}

uint32_t NearSide::Group(const std::string &key) const
{
    const auto found = m_groups.find(key);
    return found == m_groups.end() ? FN_NO_GROUP : found->second;
}

} // namespace fishnet::neartable
