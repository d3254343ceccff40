#include "plan_steps.h"

#include <cmath>
#include <utility>

#include <cpl_json.h>

#include "crs_name.h"

namespace fishnet::neartable
{

/* Distances do not depend on heights. */
static void DropVertical(SRSHandle &srs)
{
    if (srs && OSRIsCompound(srs.get()))
        OSRStripVertical(srs.get());
}

/* One unit of a geographic CRS in degrees. */
static double DegreesOf(OGRSpatialReferenceH srs)
{
    constexpr double kDegree = 3.14159265358979323846 / 180;
    const double degrees = OSRGetAngularUnits(srs, nullptr) / kDegree;
    return std::abs(degrees - 1) < 1e-9 ? 1 : degrees;
}

/* The geographic CRS that a derived one, such as one with a rotated pole, is made from. NULL: PROJ does not say. */
static SRSHandle BaseOf(OGRSpatialReferenceH derived)
{
    char *json = nullptr;
    const bool exported = OSRExportToPROJJSON(derived, &json, nullptr) == OGRERR_NONE;
    CPLJSONDocument document;
    const bool loaded = exported && json && document.LoadMemory(json);
    CPLFree(json);
    if (!loaded)
        return nullptr;
    CPLJSONObject root = document.GetRoot();
    if (root.GetObj("source_crs").IsValid()) /* bound to another datum */
        root = root.GetObj("source_crs");
    const std::string base = root.GetObj("base_crs").Format(CPLJSONObject::PrettyFormat::Plain);
    SRSHandle srs(OSRNewSpatialReference(nullptr));
    return OSRSetFromUserInput(srs.get(), base.c_str()) == OGRERR_NONE ? std::move(srs) : nullptr;
}

/* OSRSetAxisMappingStrategy() cannot fail, and does nothing where PROJ does not say what the axes are. */
static bool IsLongitudeFirst(OGRSpatialReferenceH srs)
{
    int count = 0;
    const int *axes = OSRGetDataAxisToSRSAxisMapping(srs, &count);
    OGRAxisOrientation first = OAO_Other;
    return count >= 2 && OSRGetAxis(srs, nullptr, std::abs(axes[0]) - 1, &first) &&
           (first == OAO_East || first == OAO_West);
}

/* Sets the CRS that geodesic distances are computed in: lines of longitude and latitude on the ellipsoid itself. */
static bool ChooseGeodesic(NearPlan &plan)
{
    const std::string text = "METHOD=GEODESIC: ", name = CRSName(plan.srs.get());
    if (!plan.srs)
        return Fail(text + Describe(plan.input) + " has no CRS, so its ellipsoid is not known");
    if (OSRIsDerivedGeographic(plan.srs.get()))
        plan.srs = BaseOf(plan.srs.get());
    else if (!OSRIsGeographic(plan.srs.get()))
        plan.srs.reset(OSRCloneGeogCS(plan.srs.get()));
    if (!plan.srs)
        return Fail(text + name + " of " + Describe(plan.input) +
                    " has no geographic CRS below it: give METHOD=PLANAR, or another CRS");
    OSRSetAxisMappingStrategy(plan.srs.get(), OAMS_TRADITIONAL_GIS_ORDER);
    if (!IsLongitudeFirst(plan.srs.get()))
        return Fail(text + "the axes of " + CRSName(plan.srs.get()) + " cannot be told");
    OGRErr bad = OGRERR_NONE;
    plan.semiMajor = OSRGetSemiMajor(plan.srs.get(), &bad);
    const double inverse = OSRGetInvFlattening(plan.srs.get(), &bad);
    if (bad != OGRERR_NONE || !(plan.semiMajor > 0))
        return Fail(text + CRSName(plan.srs.get()) + " of " + Describe(plan.input) + " has no ellipsoid");
    plan.flattening = inverse > 0 ? 1 / inverse : 0;
    plan.toDegrees = DegreesOf(plan.srs.get());
    return true;
}

/* Do x and y in the layer's CRS say where a feature is? */
static bool IsHorizontal(const LayerPlan &layer)
{
    const char *kind = !layer.srs                         ? nullptr
                       : OSRIsGeocentric(layer.srs.get()) ? "geocentric, and Z is not looked at"
                       : OSRIsVertical(layer.srs.get())   ? "vertical: it has no x and y"
                                                          : nullptr;
    return !kind || Fail("the CRS of " + Describe(layer) + ", " + CRSName(layer.srs.get()) + ", is " + kind +
                         ". Transform the layer to a geographic or projected CRS first: ogr2ogr -t_srs EPSG:4326");
}

/* Is there a transformation from the layer's CRS to that of the plan, where they differ? */
static bool ChooseTransformation(const NearPlan &plan, LayerPlan &layer)
{
    layer.transform = layer.srs && plan.srs && !OSRIsSame(layer.srs.get(), plan.srs.get());
    if (!layer.transform)
        return true;
    const std::string names = CRSName(layer.srs.get()) + " to " + CRSName(plan.srs.get());
    std::string cause;
    if (!plan.NewTransformation(layer, cause)) {
        if (OSRIsLocal(layer.srs.get()) || OSRIsLocal(plan.srs.get()))
            cause = "a local CRS is tied to no place on earth. Give both sides the same CRS: ogr2ogr -a_srs";
        return Fail(Describe(layer) + " cannot be transformed from " + names + ": " + cause);
    }
    CPLDebug("FISHNET", "%s is transformed from %s%s", Describe(layer).c_str(), names.c_str(),
             OSRIsGeographic(plan.srs.get()) ? ", longitude first" : "");
    return true;
}

bool ChooseCRS(NearPlan &plan)
{
    const Options &options = plan.options;
    LayerPlan &input = plan.input;
    std::vector<LayerPlan *> layers = {&input};
    for (LayerPlan &layer : plan.near)
        layers.push_back(&layer);
    for (LayerPlan *layer : layers) {
        DropVertical(layer->srs);
        if (!IsHorizontal(*layer))
            return false;
    }
    if (input.srs) {
        plan.srs.reset(OSRClone(input.srs.get()));
        OSRSetAxisMappingStrategy(plan.srs.get(), OAMS_TRADITIONAL_GIS_ORDER);
    }
    const bool geographic = plan.srs && OSRIsGeographic(plan.srs.get());
    plan.geodesic = options.method == Method::Geodesic || (options.method == Method::Auto && geographic);
    if (plan.geodesic && !ChooseGeodesic(plan))
        return false;
    if (geographic && !plan.geodesic) {
        char *unit = nullptr;
        OSRGetAngularUnits(plan.srs.get(), &unit);
        const bool degrees = DegreesOf(plan.srs.get()) == 1;
        Warn("METHOD=PLANAR: " + CRSName(plan.srs.get()) + " of " + Describe(input) +
             " is geographic: distances are in " + (degrees || !unit ? "degrees" : "its unit, " + std::string(unit)));
    }
    for (LayerPlan *layer : layers) {
        if (!layer->srs != !plan.srs)
            Warn(Describe(plan.srs ? *layer : input) + " has no CRS: its coordinates are taken as those of " +
                 Describe(plan.srs ? input : *layer) + (plan.srs ? "" : ", and distances are planar, in their unit"));
        if (!ChooseTransformation(plan, *layer))
            return false;
    }
    return true;
}

/* A distance in the unit of the core. */
static bool ToCore(const NearPlan &plan, const char *option, const Distance &distance, double &value)
{
    const Unit *unit = distance.unit;
    value = distance.value;
    if (!unit)
        return true;
    const std::string text = std::string(option) + "=" + distance.text + ": ";
    if (plan.geodesic) {
        if (unit->metres == 0)
            return Fail(text + "geodesic distances are not in degrees");
        value *= unit->metres;
        return true;
    }
    if (!plan.srs)
        return Fail(text + Describe(plan.input) + " has no CRS, so its unit is not known: " +
                    (EQUAL(option, "DISTANCE_UNIT") ? "leave it out, or give the layer a CRS"
                                                    : "give a number without unit"));
    if (OSRIsGeographic(plan.srs.get())) {
        if (unit->metres != 0)
            return Fail(text + "planar distances in a geographic CRS are in degrees (METHOD=GEODESIC: in metres)");
        value /= DegreesOf(plan.srs.get());
        return true;
    }
    if (unit->metres == 0)
        return Fail(text + CRSName(plan.srs.get()) + " of " + Describe(plan.input) + " is not in degrees");
    const double metres = OSRGetLinearUnits(plan.srs.get(), nullptr);
    value *= unit->metres / (metres > 0 ? metres : 1);
    return true;
}

bool ChooseUnits(NearPlan &plan)
{
    const Options &options = plan.options;
    fn_near_limits &limits = plan.limits;
    limits.closest = options.closest;
    limits.radius = HUGE_VAL;
    limits.min_radius = 0;
    limits.location = options.location || options.geometry != RowGeometry::None;
    limits.angle = options.angle;
    limits.along = options.along;
    if (options.radius.given && !ToCore(plan, "RADIUS", options.radius, limits.radius))
        return false;
    if (options.minRadius.given && !ToCore(plan, "MIN_RADIUS", options.minRadius, limits.min_radius))
        return false;
    if (limits.min_radius > limits.radius)
        return Fail("MIN_RADIUS=" + options.minRadius.text + ": it is beyond RADIUS=" + options.radius.text);
    if (!options.distanceUnit)
        return true;
    Distance one;
    one.value = 1;
    one.unit = options.distanceUnit;
    one.text = options.distanceUnit->name;
    return ToCore(plan, "DISTANCE_UNIT", one, plan.unit);
}

} // namespace fishnet::neartable
