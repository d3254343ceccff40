#include "neartable/near_side.h"

#include <map>

namespace fishnet::neartable
{

std::shared_ptr<const NearSide> NearSide::Read(const Plan &plan, const std::vector<DatasetHandle> &handles,
                                               Notes &messages, fn_error *err)
{
    std::shared_ptr<NearSide> self(new NearSide());
    fn_near_options options = {};
    options.geodesic = plan.geodesic;
    options.semi_major = plan.semiMajor;
    options.flattening = plan.flattening;
    options.along = plan.limits.along;
    fn_near *set = nullptr;
    if (fn_near_new(&options, &set, err) != FN_OK)
        return nullptr;
    self->m_set.reset(set);
    std::map<size_t, DatasetHandle> opened;
    MessageCollector collector;
    for (size_t i = 0; i < plan.near.size(); i++) {
        const LayerPlan &layer = plan.near[i];
        GDALDatasetH dataset = layer.dataset < handles.size() ? handles[layer.dataset].get() : nullptr;
        if (!dataset) {
            DatasetHandle &own = opened[layer.dataset];
            if (!own)
                own = Plan::Open(layer.path);
            dataset = own.get();
        }
        OGRLayerH handle = dataset ? GDALDatasetGetLayerByName(dataset, layer.layer.c_str()) : nullptr;
        if (!handle) {
            fn_fail(err, FN_ERR_READ, "%.400s cannot be opened again: %.500s", Describe(layer).c_str(),
                    collector.Cause("the layer is not there any more").c_str());
            return nullptr;
        }
        if (self->ReadLayer(plan, layer, static_cast<int>(i), handle, messages, err) != FN_OK)
            return nullptr;
    }
    if (fn_near_build(set, nullptr, err) != FN_OK)
        return nullptr;
    return self;
}

fn_status NearSide::ReadLayer(const Plan &plan, const LayerPlan &layer, int number, OGRLayerH handle, Notes &messages,
                              fn_error *err)
{
    constexpr size_t kBatch = 16384, kBytes = 16 << 20;
    std::string cause;
    Extractor extractor;
    const auto group = [this](const std::string &key) {
        return m_groups.emplace(key, static_cast<uint32_t>(m_groups.size())).first->second;
    };
    if (!extractor.Init(plan, layer, plan.nearFields, group, cause))
        return fn_fail(err, FN_ERR_ARGUMENT, "%.400s cannot be transformed: %.500s", Describe(layer).c_str(),
                       cause.c_str());

    int64_t count = 0;
    Unusable unusable;
    MessageCollector collector;
    extractor.Prepare(handle);
    OGR_L_SetAttributeFilter(handle, layer.where.empty() ? nullptr : layer.where.c_str());
    OGR_L_ResetReading(handle);
    Batch batch;
    for (bool end = false; !end;) {
        batch.Clear();
        fn_pool_alive();
        while (batch.Count() < kBatch && batch.wkb.size() < kBytes) {
            FeatureHandle feature;
            if (!ReadFeature(handle, collector, &feature, cause))
                return fn_fail(err, FN_ERR_READ, "%.400s cannot be read after %lld features: %.500s",
                               Describe(layer).c_str(), static_cast<long long>(count), cause.c_str());
            end = !feature;
            if (end)
                break;
            extractor.Append(feature.get(), count++, batch, collector);
        }
        unusable.Add(batch.unusable);
        fn_error reason = {};
        if (!AddBatch(plan, batch, number, unusable, &reason))
            return fn_fail(err, reason.status, "%.400s: %.500s", Describe(layer).c_str(), reason.text);
    }
    OGR_L_ResetReading(handle);
    messages.insert(messages.end(), collector.messages.begin(), collector.messages.end());
    if (unusable.Total() > 0)
        messages.push_back({CE_Warning, CPLE_AppDefined,
                            "NEARTABLE: " + std::to_string(unusable.Total()) + " of " + std::to_string(count) +
                                " near features in " + Describe(layer) +
                                " are left out, their geometries cannot be used: " + unusable.Describe()});
    return FN_OK;
}

bool NearSide::AddBatch(const Plan &plan, Batch &batch, int layer, Unusable &unusable, fn_error *err)
{
    const bool grouped = plan.HasGroups(), records = !plan.nearFields.empty();
    std::vector<fn_usable> verdicts;
    const auto added = [&](size_t i, fn_usable verdict) {
        unusable.Count(verdict);
        if (verdict != FN_USABLE || !records)
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
