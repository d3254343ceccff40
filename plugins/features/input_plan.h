/* The input of a table: a layer, how its features are read, and into what tasks it is cut. Made when the table is
 * opened, then read by all workers and never changed. */
#ifndef FN_INPUT_PLAN_H
#define FN_INPUT_PLAN_H

#include <string>
#include <vector>

#include "fishnet/job.h"
#include "layer_plan.h"
#include "record.h"

namespace fishnet
{

struct DestroyTransformation {
    void operator()(OGRCoordinateTransformationH ct) const { OCTDestroyCoordinateTransformation(ct); }
};
using TransformationHandle =
    std::unique_ptr<std::remove_pointer_t<OGRCoordinateTransformationH>, DestroyTransformation>;

struct InputPlan {
    const char *driver = ""; /* of the table, for messages: "NEARTABLE" */
    LayerPlan input;
    SRSHandle srs;        /* that geometries are brought into, x or longitude first; NULL: they stay as they are */
    double toDegrees = 1; /* coordinates in srs are multiplied by it */
    std::vector<bool> matchNumbers; /* of the fields that group features: compare as numbers */
    std::vector<CarriedField> fields;
    int64_t partitionSize = 0; /* features of a task */
    bool partitionGiven = false;
    int64_t part = 1, lastPart = 1, parts = 1; /* the share of the input: from one part to another, from 1 */
    int64_t counted = -1;                      /* features of the input, where that is known already */
    fn_worker_options workers = {};

    /* A copy for one thread. NULL: there is none. Any thread. */
    SRSHandle CloneOf(OGRSpatialReferenceH of) const;
    bool UsesProcesses() const { return workers.processes > 0; }
    bool HasGroups() const { return !matchNumbers.empty(); }

    /* From a layer's coordinates to `srs`; NULL and `cause` on failure. Any thread. */
    TransformationHandle NewTransformation(const LayerPlan &layer, std::string &cause) const;
};

} // namespace fishnet

#endif
