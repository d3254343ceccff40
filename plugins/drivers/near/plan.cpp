#include "plan_steps.h"

#include <algorithm>

#include "file_names.h"
#include "near_side.h"
#include "rows.h"

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
                        " is a near layer more than once, and not the only one: give EXCLUDE_SELF=NO",
                    CPLE_NotSupported);
    return true;
}

bool NearPlan::Complete(const TableOptions &given, Handles &handles)
{
    options = static_cast<const Options &>(given);
    return FindNear(*this, handles) && ChooseCRS(*this) && ChooseUnits(*this) && ExcludeSelf(*this) &&
           FindCarried(*this, handles) && FindMatch(*this, handles);
}

/* Enough rows that starting a task costs nothing, and few enough that all workers have some. Lines and areas on the
 * ellipsoid take long, and the reader waits for each task. */
int64_t NearPlan::UsualPartitionSize() const
{
    constexpr int64_t kMost = 16384, kMostPoints = 65536, kMostEdges = 1024, kLeast = 256, kRows = 65536;
    constexpr int64_t kUnknown = 2048;
    if (options.closest == kAll)
        return options.radius.given ? kUnknown : kLeast;
    return std::clamp(kRows / static_cast<int64_t>(options.closest), kLeast,
                      input.points ? kMostPoints /* many points are searched as one */
                      : geodesic   ? kMostEdges
                                   : kMost);
}

void NearPlan::MakeSchema()
{
    schema.name += "_near";
    inFid = schema.Add(Column::Kind::Integer64, "IN_FID");
    nearFid = schema.Add(Column::Kind::Integer64, "NEAR_FID");
    distance = schema.Add(Column::Kind::Real, "NEAR_DIST");
    rank = schema.Add(Column::Kind::Integer, "NEAR_RANK");
    if (options.location) {
        location = schema.Add(Column::Kind::Real, "FROM_X");
        for (const char *name : {"FROM_Y", "NEAR_X", "NEAR_Y"})
            schema.Add(Column::Kind::Real, name);
    }
    if (options.angle)
        angle = schema.Add(Column::Kind::Real, "NEAR_ANGLE");
    if (options.along)
        along = schema.Add(Column::Kind::Real, "NEAR_ALONG");
    if (near.size() > 1) {
        std::vector<std::string> labels;
        for (const LayerPlan &layer : near)
            labels.push_back(layer.label);
        nearFc = schema.Add(Column::Kind::Label, "NEAR_FC", std::move(labels));
    }
    CarryInput();
    /* In threads the near side is at hand; in processes it is another's, and records travel with the rows. */
    nearGroup = schema.Carry(nearFields, "NEAR_", !UsesProcesses());
    if (options.geometry != RowGeometry::None)
        schema.geometry = options.geometry == RowGeometry::Line ? wkbLineString : wkbPoint;
}

std::vector<const LayerPlan *> NearPlan::OtherLayers() const
{
    std::vector<const LayerPlan *> layers;
    for (const LayerPlan &layer : near)
        layers.push_back(&layer);
    return layers;
}

std::string NearPlan::OwnSignature() const
{
    return CPLSPrintf("%d %.17g %.17g %.17g %zu %.17g %.17g %d%d%d %d", geodesic, semiMajor, flattening, unit,
                      limits.closest, limits.radius, limits.min_radius, limits.location, limits.angle, limits.along,
                      excluded.layer);
}

void NearPlan::Report(CPLStringList &report, int64_t size) const
{
    report.SetNameValue("METHOD", geodesic ? "GEODESIC" : "PLANAR");
    /* Of several near layers one each, if any has a name. */
    std::string names;
    bool named = false;
    for (const LayerPlan &layer : near) {
        names += (&layer == &near[0] ? "" : ";") + layer.geometryName;
        named = named || !layer.geometryName.empty();
    }
    if (named)
        report.SetNameValue("NEAR_GEOMETRY_FIELD", names.c_str());
    if (size >= 0)
        report.SetNameValue("NEAR_FEATURES", CPLSPrintf(CPL_FRMT_GIB, static_cast<GIntBig>(size)));
}

size_t NearPlan::RowsOfTask(int64_t features) const
{
    return static_cast<size_t>(features) * std::min<size_t>(limits.closest, kPartRows);
}

size_t NearPlan::OtherRecordBytes() const
{
    constexpr size_t kField = 16, kGeometry = 48; /* about */
    return (UsesProcesses() ? nearFields.size() * kField : 0) + (schema.geometry == wkbNone ? 0 : kGeometry);
}

std::shared_ptr<const Shared> NearPlan::Share(const Handles &handles, Notes &messages, const GoesOn &goesOn,
                                              fn_error *err) const
{
    return NearSide::Read(*this, handles, messages, err, goesOn);
}

std::unique_ptr<RowWriter> NearPlan::NewWriter(const Shared *shared, const InputSplit &split, PartBuilder &rows,
                                               fn_error *err) const
{
    return NearRows::New(*this, static_cast<const NearSide *>(shared), split, rows, err);
}

/* ---- counting ---- */

Counting NearPlan::HowToCount(int64_t size) const
{
    if (options.closest == 1 && options.unmatchedNull)
        return Counting::Features;
    if (options.closest == kAll || options.radius.given || options.minRadius.given || HasGroups())
        return Counting::Compute;
    /* How many neighbours every usable feature has is certain if enough near features are left without those that may
     * be excluded. */
    const size_t excludes = excluded.layer == -1 ? 0 : excluded.layer >= 0 ? 1 : near.size();
    const bool certain = size < 0 || excludes == 0 || static_cast<size_t>(size) >= options.closest + excludes;
    return certain ? Counting::Usable : Counting::Compute;
}

int64_t NearPlan::RowsOf(int64_t usable, int64_t unusable, int64_t size) const
{
    const int64_t each = std::min(static_cast<int64_t>(options.closest), size), rows = usable * each;
    return options.unmatchedNull ? rows + unusable + (each == 0 ? usable : 0) : rows;
}

} // namespace fishnet::neartable
