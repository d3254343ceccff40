#include "input_plan.h"

#include <mutex>

namespace fishnet
{

TransformationHandle InputPlan::NewTransformation(const LayerPlan &layer, std::string &cause) const
{
    static std::mutex mutex; /* spatial references are not for several threads, not even to be read */
    const std::lock_guard<std::mutex> lock(mutex);
    MessageCollector collector;
    TransformationHandle ct(OCTNewCoordinateTransformation(layer.srs.get(), srs.get()));
    if (!ct)
        cause = collector.Cause("no reason given");
    return ct;
}

} // namespace fishnet
