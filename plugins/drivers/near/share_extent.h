/* Where the features of a share of the input lie. */
#ifndef FN_NEARTABLE_SHARE_EXTENT_H
#define FN_NEARTABLE_SHARE_EXTENT_H

#include <ogr_core.h>

#include "plan.h"

namespace fishnet::neartable
{

/* Reads the geometries of the plan's share, with handles of its own. box: around all vertices of those that can be
 * used, in the plan's CRS (geodesic: in degrees); not OGREnvelope::IsInit(): there are none. *edges: some are no
 * points. False: they cannot be read, of which the workers will say why; it is cancelled; or more than `most` features
 * would have to be read. */
bool ReadShareExtent(const NearPlan &plan, int64_t most, const GoesOn &goesOn, OGREnvelope *box, bool *edges);

} // namespace fishnet::neartable

#endif
