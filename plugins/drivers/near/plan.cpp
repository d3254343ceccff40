#include "plan_steps.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "file_names.h"

namespace fishnet::neartable
{

bool Fail(const std::string &text, CPLErrorNum number)
{
    CPLError(CE_Failure, number, "NEARTABLE: %s", WithoutSecrets(text).c_str());
    return false;
}

void Warn(const std::string &text)
{
    CPLError(CE_Warning, CPLE_AppDefined, "NEARTABLE: %s", text.c_str());
}

TransformationHandle NearPlan::NewTransformation(const LayerPlan &layer, std::string &cause) const
{
    static std::mutex mutex; /* spatial references are not for several threads, not even to be read */
    const std::lock_guard<std::mutex> lock(mutex);
    MessageCollector collector;
    TransformationHandle ct(OCTNewCoordinateTransformation(layer.srs.get(), srs.get()));
    if (!ct)
        cause = collector.Cause("no reason given");
    return ct;
}

/* Finds the near layer that is the input: features of it are not their own neighbours. */
static bool ExcludeSelf(NearPlan &plan)
{
    const Options &options = plan.options;
    if (options.excludeSelf == Choice::No)
        return true;
    const std::string name = RealPath(plan.input.path);
    std::vector<int> same;
    for (size_t i = 0; i < plan.near.size(); i++)
        if (plan.near[i].layer == plan.input.layer && RealPath(plan.near[i].path) == name)
            same.push_back(static_cast<int>(i));
    if (same.size() == 1)
        plan.excluded.layer = same[0];
    else if (same.size() == plan.near.size() || (same.empty() && options.excludeSelf == Choice::Yes))
        plan.excluded.layer = FN_ANY_LAYER;
    else if (!same.empty())
        return Fail("EXCLUDE_SELF: " + Describe(plan.input) +
                        " is a near layer more than once, and not the only one: EXCLUDE_SELF=NO is wanted",
                    CPLE_NotSupported);
    return true;
}

static void ChooseWorkers(NearPlan &plan)
{
    const Options &options = plan.options;
    plan.workers = options.workers;
    ResolveWorkers("NEARTABLE", plan.workers);
    plan.folder = CurrentFolder();

    /* Enough rows that starting a task costs nothing, and few enough that all workers have some. Lines and areas on
     * the ellipsoid take long, and the reader waits for each task. */
    constexpr int64_t kMost = 16384, kMostPoints = 65536, kMostEdges = 1024, kLeast = 256, kRows = 65536;
    constexpr int64_t kUnknown = 2048;
    plan.partitionSize = options.partitionSize;
    if (plan.partitionSize == 0 && options.closest == kAll)
        plan.partitionSize = options.radius.given ? kUnknown : kLeast;
    else if (plan.partitionSize == 0)
        plan.partitionSize = std::clamp(kRows / static_cast<int64_t>(options.closest), kLeast,
                                        plan.input.points ? kMostPoints /* many points are searched as one */
                                        : plan.geodesic   ? kMostEdges
                                                          : kMost);
}

std::string NearPlan::Signature() const
{
    std::string text = CPLSPrintf("%d %.17g %.17g %.17g %.17g %zu %.17g %.17g %d%d%d %d", geodesic, semiMajor,
                                  flattening, toDegrees, unit, limits.closest, limits.radius, limits.min_radius,
                                  limits.location, limits.angle, limits.along, excluded.layer);
    const auto addLayer = [&text](const LayerPlan &layer) {
        text += "\n" + layer.driver + " " + layer.structure + " " + Quoted(layer.layer, '"') +
                CPLSPrintf(" %d%d %d", layer.transform, layer.points, layer.geometryField);
        for (const std::vector<int> *indices : {&layer.fields, &layer.match})
            for (int i : *indices)
                text += CPLSPrintf(" %d", i);
        for (int i = 0; i < layer.openOptions.size(); i++)
            text += " " + Quoted(layer.openOptions[i], '"');
        char *wkt = nullptr;
        if (layer.srs && OSRExportToWkt(layer.srs.get(), &wkt) == OGRERR_NONE)
            text += std::string(" ") + wkt;
        CPLFree(wkt);
    };
    addLayer(input);
    for (const LayerPlan &layer : near)
        addLayer(layer);
    for (bool numbers : matchNumbers)
        text += numbers ? " n" : " t";
    for (const std::vector<CarriedField> *list : {&fields, &nearFields})
        for (const CarriedField &field : *list)
            text += "\n" + Quoted(field.name, '"') + CPLSPrintf(" %d %d", field.type, field.subtype);
    return text;
}

std::shared_ptr<const NearPlan> NearPlan::Make(const Options &options, Handles &handles)
{
    auto plan = std::make_shared<NearPlan>();
    plan->options = options;
    if (!FindInput(*plan, handles) || !FindNear(*plan, handles) || !ChooseCRS(*plan) || !ChooseUnits(*plan) ||
        !ExcludeSelf(*plan) || !FindFields(*plan, handles) || !FindMatch(*plan, handles))
        return nullptr;
    ChooseWorkers(*plan);
    return plan;
}

Words InputsOf(const NearPlan &plan)
{
    Words inputs = {plan.input.path};
    for (const LayerPlan &layer : plan.near)
        inputs.push_back(layer.path);
    return inputs;
}

void EmitError(const NearPlan &plan, const fn_error &err)
{
    CPLError(CE_Failure, ErrorNumber(err.status), "NEARTABLE:%s: %s", WithoutSecrets(plan.input.name).c_str(),
             err.text);
}

} // namespace fishnet::neartable
