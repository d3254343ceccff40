/* The features of a near layer, read in order: by all workers where its driver reads ranges, else by this thread. */
#ifndef FN_NEARTABLE_SIDE_READER_H
#define FN_NEARTABLE_SIDE_READER_H

#include "plan.h"
#include "task_reader.h"

namespace fishnet::neartable
{

struct SideSource {
    const LayerPlan &layer;
    std::shared_ptr<const Handles> datasets; /* of this thread */
};

/* Hands over the features, in batches. all: false, the layer has a spatial filter in those datasets, which it has in no
 * others. groupOf: any thread. messages: for the host. */
using VisitSide = std::function<fn_status(const Batch &batch, fn_error *err)>;
fn_status ReadSide(const NearPlan &plan, const SideSource &source, bool all, const Extractor::GroupOf &groupOf,
                   const VisitSide &visit, Notes &messages, const GoesOn &goesOn, fn_error *err);

} // namespace fishnet::neartable

#endif
