#include "neartable/near_side.h"

namespace fishnet::neartable
{

std::shared_ptr<const NearSide> NearSide::Read(const Plan &plan, const std::vector<DatasetHandle> &handles)
{
    std::shared_ptr<NearSide> self(new NearSide());
    fn_near_options options = {};
    options.geodesic = plan.geodesic;
    options.semi_major = plan.semiMajor;
    options.flattening = plan.flattening;
    options.along = plan.limits.along;
    fn_error err;
    fn_near *set = nullptr;
    if (fn_near_new(&options, &set, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_AppDefined, "NEARTABLE: %s", err.text);
        return nullptr;
    }
    self->m_set.reset(set);
    for (size_t i = 0; i < plan.near.size(); i++) {
        const LayerPlan &layer = plan.near[i];
        OGRLayerH handle = GDALDatasetGetLayerByName(handles[layer.dataset].get(), layer.layer.c_str());
        if (!handle) {
            CPLError(CE_Failure, CPLE_OpenFailed, "NEARTABLE: %s is not there any more", Describe(layer).c_str());
            return nullptr;
        }
        if (!self->ReadLayer(plan, layer, static_cast<int>(i), handle))
            return nullptr;
    }
    if (fn_near_build(set, nullptr, &err) != FN_OK) {
        CPLError(CE_Failure, err.status == FN_ERR_MEMORY ? CPLE_OutOfMemory : CPLE_AppDefined, "NEARTABLE: %s",
                 err.text);
        return nullptr;
    }
    return self;
}

bool NearSide::ReadLayer(const Plan &plan, const LayerPlan &layer, int number, OGRLayerH handle)
{
    constexpr size_t kBatch = 16384, kBytes = 16 << 20;
    std::string cause;
    Extractor extractor;
    const auto group = [this](const std::string &key) {
        return m_groups.emplace(key, static_cast<uint32_t>(m_groups.size())).first->second;
    };
    if (!extractor.Init(plan, layer, plan.nearFields, group, cause)) {
        CPLError(CE_Failure, CPLE_AppDefined, "NEARTABLE: %s cannot be transformed: %s", Describe(layer).c_str(),
                 cause.c_str());
        return false;
    }

    std::vector<Message> messages;
    int64_t count = 0;
    bool good = true;
    fn_error err = {};
    Unusable unusable;
    {
        MessageCollector collector;
        extractor.Prepare(handle);
        OGR_L_SetAttributeFilter(handle, layer.where.empty() ? nullptr : layer.where.c_str());
        OGR_L_ResetReading(handle);
        Batch batch;
        for (bool end = false; good && !end;) {
            batch.Clear();
            while (batch.Count() < kBatch && batch.wkb.size() < kBytes) {
                FeatureHandle feature;
                good = ReadFeature(handle, collector, &feature, cause);
                end = !feature;
                if (!good || end)
                    break;
                extractor.Append(feature.get(), count++, batch, collector);
            }
            unusable.Add(batch.unusable);
            good = good && AddBatch(plan, batch, number, unusable, &err);
        }
        OGR_L_ResetReading(handle);
        messages = std::move(collector.messages);
    }
    if (!good && err.status != FN_OK)
        CPLError(CE_Failure, err.status == FN_ERR_MEMORY ? CPLE_OutOfMemory : CPLE_AppDefined, "NEARTABLE: %s: %s",
                 Describe(layer).c_str(), err.text);
    else if (!good)
        CPLError(CE_Failure, CPLE_FileIO, "NEARTABLE: %s cannot be read after %lld features: %s",
                 Describe(layer).c_str(), static_cast<long long>(count), cause.c_str());
    if (!good)
        return false;
    for (const Message &message : messages)
        Emit(message);
    if (unusable.Total() > 0)
        CPLError(CE_Warning, CPLE_AppDefined,
                 "NEARTABLE: %lld of %lld near features in %s are left out, their geometries cannot be used: %s",
                 static_cast<long long>(unusable.Total()), static_cast<long long>(count), Describe(layer).c_str(),
                 unusable.Describe().c_str());
    return true;
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
