/* The condition of WHERE: whether a layer can evaluate it, and why not. */
#ifndef FN_CONDITION_H
#define FN_CONDITION_H

#include "layer_plan.h"

namespace fishnet
{

/* Whether `layer.where` is a condition that the layer can evaluate; if not, cause says why. Reads no feature. */
bool CheckCondition(GDALDatasetH dataset, OGRLayerH handle, const LayerPlan &layer, std::string &cause);

} // namespace fishnet

#endif
