/* What a near table computes: its layers found, the distance and its unit, the columns. Made when the dataset is
 * opened, then read by all workers and never changed. */
#ifndef FN_NEARTABLE_PLAN_H
#define FN_NEARTABLE_PLAN_H

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <ogr_srs_api.h>

#include "fishnet/near.h"
#include "layer_plan.h"
#include "options.h"
#include "record.h"
#include "workers.h"

namespace fishnet::neartable
{

struct DestroyTransformation {
    void operator()(OGRCoordinateTransformationH ct) const { OCTDestroyCoordinateTransformation(ct); }
};
using TransformationHandle =
    std::unique_ptr<std::remove_pointer_t<OGRCoordinateTransformationH>, DestroyTransformation>;

class NearPlan
{
  public:
    /* NULL after CPLError. handles: the datasets, opened by this thread, the input first; the caller closes them. */
    static std::shared_ptr<const NearPlan> Make(const Options &options, Handles &handles);

    Options options;
    LayerPlan input;
    std::vector<LayerPlan> near;

    bool geodesic = false;
    double semiMajor = 0, flattening = 0;
    SRSHandle srs;              /* that distances are computed in, x or longitude first; NULL: none */
    double toDegrees = 1;       /* coordinates in srs times this are degrees; planar: they are taken as they are */
    double unit = 1;            /* NEAR_DIST times this is what the core measures in */
    fn_near_limits limits = {}; /* in the core's unit */
    fn_excluded excluded = {-1, 0};
    std::vector<bool> matchNumbers; /* of the MATCH pairs: compare as numbers */
    std::vector<CarriedField> fields, nearFields;
    int64_t partitionSize = 0;
    fn_worker_options workers = {}; /* settled */
    std::string folder;             /* that relative names begin at */

    bool UsesProcesses() const { return workers.processes > 0; }
    /* Fields of near features travel with the rows: the near side is in another process. */
    bool CarriesNearRecords() const { return UsesProcesses() && !nearFields.empty(); }
    bool HasGroups() const { return !options.match.empty(); }
    bool NearLabels() const { return near.size() > 1; }

    /* Two plans with the same text compute the same table of the same data. */
    std::string Signature() const;

    /* From a layer's coordinates to `srs`; NULL and `cause` on failure. Any thread. */
    TransformationHandle NewTransformation(const LayerPlan &layer, std::string &cause) const;
};

/* The layers of the input that rows can be made for. False after CPLError. */
bool FindInputLayers(const Options &options, std::vector<std::string> &layers);

/* The names of its inputs. */
Words InputsOf(const NearPlan &plan);

/* A failure in words for the host: CPLError in the name of the table. */
void EmitError(const NearPlan &plan, const fn_error &err);

} // namespace fishnet::neartable

#endif
