#include "share_extent.h"

#include <cmath>

#include "fishnet/pool.h"
#include "task_reader.h"

namespace fishnet::neartable
{

/* How many features the share is cut off, and those that are passed over before. */
static double FeaturesToRead(const NearPlan &plan, GDALDatasetH dataset, const InputSplit &split)
{
    if (plan.parts == 1) {
        fn_status status = FN_OK;
        std::string cause;
        OGRLayerH layer = FindLayer(plan.input, dataset, &status, cause);
        const bool isKnown = layer && OGR_L_TestCapability(layer, OLCFastFeatureCount);
        return isKnown ? static_cast<double>(OGR_L_GetFeatureCount(layer, FALSE)) : HUGE_VAL;
    }
    const bool open = split.count == INT64_MAX - split.begin; /* the last part, which begins where parts - 1 end */
    const auto begin = static_cast<double>(split.begin), parts = static_cast<double>(plan.parts);
    const double count = open ? begin / (parts - 1) : static_cast<double>(split.count);
    return split.way == InputSplit::Way::OneReader && !split.fetches ? begin + count : count;
}

static void MergeFeature(const NearPlan &plan, const Batch &batch, size_t i, OGREnvelope &box)
{
    OGREnvelope own;
    if (batch.shapes[i] == Batch::Shape::Point)
        own.Merge(batch.xy[2 * i], batch.xy[2 * i + 1]);
    else if (batch.shapes[i] == Batch::Shape::Wkb) {
        OGRGeometryH geometry = nullptr;
        OGR_G_CreateFromWkbEx(batch.Wkb(i), nullptr, &geometry, batch.WkbBytes(i));
        const GeometryHandle owner(geometry);
        if (geometry && !OGR_G_IsEmpty(geometry))
            OGR_G_GetEnvelope(geometry, &own);
    }
    /* What is not finite, or beyond a pole, cannot be used. */
    const bool usable = own.IsInit() && std::isfinite(own.MinX + own.MaxX + own.MinY + own.MaxY) &&
                        (!plan.geodesic || (own.MinY >= -90 && own.MaxY <= 90));
    if (usable)
        box.Merge(own);
}

static bool ReadExtent(const NearPlan &plan, int64_t most, const GoesOn &goesOn, OGREnvelope *box, bool *edges)
{
    static const volatile bool never = false;
    static const std::vector<CarriedField> noFields;
    const auto noGroup = [](const std::string &) { return FN_NO_GROUP; };
    MessageCollector collector;
    const DatasetHandle dataset = OpenDataset(plan.input);
    InputSplit split;
    if (!dataset || !InputSplit::Choose(plan, dataset.get(), split) ||
        FeaturesToRead(plan, dataset.get(), split) > static_cast<double>(most))
        return false;
    fn_status status = FN_OK;
    std::string cause;
    const std::unique_ptr<TaskReader> reader =
        TaskReader::Open(plan, plan.input, noFields, noGroup, split, nullptr, &status, cause);
    if (!reader)
        return false;
    bool end = false;
    for (int64_t task = 0; task < split.TaskCount() && !end; task++) {
        const Batch *batch = nullptr;
        fn_pool_alive();
        if ((goesOn && !goesOn()) || reader->Read(task, &never, &batch, &end, collector, cause) != FN_OK)
            return false;
        for (size_t i = 0; i < batch->Count(); i++)
            MergeFeature(plan, *batch, i, *box);
        *edges = *edges || !batch->OnlyPoints();
    }
    return true;
}

bool ReadShareExtent(const NearPlan &plan, int64_t most, const GoesOn &goesOn, OGREnvelope *box, bool *edges)
{
    const bool read = ReadExtent(plan, most, goesOn, box, edges);
    if (!read)
        CPLErrorReset(); /* it is none for the host */
    return read;
}

} // namespace fishnet::neartable
