#include "input_plan.h"

#include <mutex>

namespace fishnet
{

/* Spatial references are not for several threads, not even to be read. */
static std::mutex mutex;

SRSHandle InputPlan::CloneOf(OGRSpatialReferenceH of) const
{
    const std::lock_guard<std::mutex> lock(mutex);
    return SRSHandle(of ? OSRClone(of) : nullptr);
}

TransformationHandle InputPlan::NewTransformation(const LayerPlan &layer, std::string &cause) const
{
    const std::lock_guard<std::mutex> lock(mutex);
    MessageCollector collector;
    TransformationHandle ct(OCTNewCoordinateTransformation(layer.srs.get(), srs.get()));
    if (!ct)
        cause = collector.Cause("no reason given");
    return ct;
}

} // namespace fishnet
