#include "plan_outputs.h"

#include <algorithm>

#include "job.h"
#include "onto_grid.h"
#include "patient_files.h"
#include "pixels.h"

namespace fishnet
{

std::string Describe(const fn_window &w)
{
    return CPLSPrintf("x=%lld y=%lld %lldx%lld", static_cast<long long>(w.x), static_cast<long long>(w.y),
                      static_cast<long long>(w.width), static_cast<long long>(w.height));
}

fn_window Plan::InputWindow(int64_t task) const
{
    fn_window window = fn_grid_tile(&grid, task % fn_grid_tile_count(&grid));
    window.y += firstLine;
    return window;
}

fn_task_place Plan::Place(int64_t task) const
{
    return PlaceOf(InputWindow(task), geotransform.empty() ? nullptr : geotransform.data());
}

/* Of the pixels that tasks are about. */
static std::vector<double> FindGeotransform(const Plan &plan, GDALDatasetH first)
{
    std::vector<double> values(6);
    if (plan.place)
        std::copy_n(plan.place->geotransform, 6, values.begin());
    else if (!first || GDALGetGeoTransform(first, values.data()) != CE_None)
        values.clear();
    return values;
}

size_t Plan::GroupOf(size_t output) const
{
    size_t g = 0;
    while (output >= groups[g].first + groups[g].count)
        g++;
    return g;
}

static size_t AlignedBytes(const Output &output, size_t pixels)
{
    return (pixels * fn_type_size(output.type) + 63) / 64 * 64;
}

size_t Plan::Offset(const Group &group, size_t output, size_t pixels) const
{
    size_t offset = 0;
    for (size_t i = group.first; i < output; i++)
        offset += AlignedBytes(outputs[i], pixels);
    return offset;
}

size_t Plan::TaskBytes(int64_t task) const
{
    const int64_t tiles = fn_grid_tile_count(&grid);
    const fn_window window = fn_grid_tile(&grid, task % tiles);
    const Group &group = groups[static_cast<size_t>(task / tiles)];
    return Offset(group, group.first + group.count, static_cast<size_t>(window.width * window.height));
}

size_t Plan::MostBytes(const Group &group) const
{
    return Offset(group, group.first + group.count,
                  static_cast<size_t>(grid.tile_width) * static_cast<size_t>(grid.tile_height));
}

/* A handle with its decoder's buffers and a thread, measured on GTiff. */
constexpr size_t kHandleBytes = 2 << 20;

size_t Plan::WorkerBytes() const
{
    if (expr && !expr->LooksAround()) {
        const int64_t rows = expr->RowsAtOnce(grid.tile_width, grid.tile_height);
        return kHandleBytes + expr->ScratchBytes(grid.tile_width, rows) +
               static_cast<size_t>(grid.tile_width * rows) * expr->PixelBytes();
    }
    return kHandleBytes + (expr ? expr->ScratchBytes(grid.tile_width, grid.tile_height) : 0) +
           ReadingBytes(inputs, planes, grid);
}

size_t Plan::SharedBytes(int workers, size_t budget) const
{
    return std::min(fishnet::SharedBytes(inputs, planes, grid, workers), budget / 2);
}

std::shared_ptr<SharedBlocks> NewSharedBlocks(const std::shared_ptr<const Plan> &plan, size_t bytes)
{
    if (!plan)
        return std::make_shared<SharedBlocks>(bytes);
    return std::make_shared<SharedBlocks>(bytes, [plan](const SharedBlocks::Key &key) {
        return static_cast<int64_t>(plan->groups.size()) *
               TilesOfUnit(plan->inputs, plan->planes, plan->grid, plan->firstLine, key);
    });
}

bool Plan::CanBeNoData() const
{
    for (const Output &output : outputs)
        if (!output.isMask && !output.nodata.set && !output.masked)
            return false;
    return true;
}

void Plan::FillNoData(int64_t task, void *result) const
{
    const int64_t tiles = fn_grid_tile_count(&grid);
    const fn_window window = fn_grid_tile(&grid, task % tiles);
    const Group &group = groups[static_cast<size_t>(task / tiles)];
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    for (size_t i = group.first; i < group.first + group.count; i++) {
        const Output &output = outputs[i];
        FillWith(output.nodata, output.type, static_cast<char *>(result) + Offset(group, i, pixels),
                 ToGDAL(output.type), static_cast<int>(fn_type_size(output.type)), static_cast<int64_t>(pixels));
    }
}

std::string Plan::Signature() const
{
    std::string text = CPLSPrintf("%lldx%lld from %lld in %dx%d;", static_cast<long long>(grid.width),
                                  static_cast<long long>(grid.height), static_cast<long long>(firstLine),
                                  grid.tile_width, grid.tile_height);
    if (grid.above > 0)
        text += CPLSPrintf(" from %d above", grid.above);
    const auto add = [&text](fn_type type, const fn_nodata &nodata) {
        text += CPLSPrintf(" %s %d %016llx", fn_type_name(type), nodata.set,
                           static_cast<unsigned long long>(nodata.set ? nodata.value.u : 0));
    };
    for (const Plane &plane : planes) {
        text += CPLSPrintf(" %d[%d]%d,%d", static_cast<int>(plane.input), plane.band, plane.mask, plane.alpha);
        if (plane.HasReach())
            text += CPLSPrintf(" %d,%d,%d,%d%s", plane.reach.top, plane.reach.left, plane.reach.bottom,
                               plane.reach.right, plane.wraps ? " wraps" : "");
        if (plane.scale != 1 || plane.offset != 0)
            text += CPLSPrintf(" *%.17g+%.17g", plane.scale, plane.offset);
        add(plane.type, plane.nodata);
    }
    for (const Output &output : outputs) {
        text += CPLSPrintf(" > %d %d", output.band, output.isMask);
        add(output.type, output.nodata);
    }
    for (const Input &input : inputs)
        text += "\n" + input.structure + (input.onGrid.isBrought ? PlainName(input.path) : "");
    for (const Group &group : groups)
        text += CPLSPrintf(" %d", static_cast<int>(group.count));
    return text;
}

/* ---- the steps that make it, in this order; each returns false after CPLError ---- */

static bool OpenNamed(Plan &plan, const fn_recipe &recipe, int overview, InputHandles &handles)
{
    std::vector<InputName> names;
    for (int i = 0; i < recipe.n_inputs; i++) {
        const fn_recipe_input &input = recipe.inputs[i];
        plan.names.push_back({input.name, names.size(), input.is_stack ? input.n_datasets : 0});
        for (int k = 0; k < input.n_datasets; k++)
            names.push_back({input.name, input.datasets[k].name, input.open_options});
    }
    if (!OpenInputs(names, overview, recipe.workers, plan.inputs, handles))
        return false;
    plan.handlesOfEach = handles.Most();
    return true;
}

/* The expression, and the bands that it reads. */
static bool Compile(Plan &plan, const fn_recipe &recipe, const InputHandles &handles)
{
    ExpressionSource source;
    source.texts.assign(recipe.calcs, recipe.calcs + recipe.n_calcs);
    source.names = plan.names;
    source.anyName = recipe.any_name;
    source.nodata = !recipe.nodata_none;
    source.ignoreAlpha = recipe.ignore_alpha;
    source.unscale = recipe.unscale;
    source.streams = true;
    source.flatten = recipe.flatten;
    source.propagate = recipe.propagate_nodata;
    source.allBands = recipe.all_bands;
    plan.expr = Expression::Compile(source, plan.inputs, handles, plan.planes, &plan.calcs);
    return plan.expr != nullptr;
}

/* One worker must have room for a tile with all that is around it; how many have, is seen to where they begin. */
static bool CheckMemory(const Plan &plan)
{
    if (!plan.expr || !plan.expr->LooksAround())
        return true;
    const GIntBig machine = CPLGetUsablePhysicalRAM();
    const size_t needed = plan.WorkerBytes();
    if (machine <= 0 || needed <= static_cast<size_t>(machine))
        return true;
    CPLError(
        CE_Failure, CPLE_OutOfMemory,
        "FISHNET: CALC looks so far around that a worker needs %llu MB for a tile of %dx%d pixels, and this machine "
        "has %llu MB: a smaller window or a smaller TILE_SIZE needs less",
        static_cast<unsigned long long>(needed >> 20) + 1, plan.grid.tile_width, plan.grid.tile_height,
        static_cast<unsigned long long>(machine >> 20));
    return false;
}

std::shared_ptr<const Plan> Plan::Make(const fn_recipe &recipe, int overview, InputHandles &handles)
{
    auto plan = std::make_shared<Plan>();
    if (!OpenNamed(*plan, recipe, overview, handles))
        return nullptr;
    if (fn_grid_options_asked(&recipe.grid)) {
        const auto place = std::make_shared<OutputGrid>();
        if (!ChooseGrid(plan->inputs, handles, recipe.grid, *place) ||
            !BringOntoGrid(plan->inputs, handles, *place, recipe.grid, recipe.n_calcs > 0))
            return nullptr;
        plan->place = place;
    }
    if (recipe.n_calcs > 0) {
        if (!CheckGrids(plan->inputs, handles, {!recipe.any_extent, recipe.check_crs}) ||
            !Compile(*plan, recipe, handles) || !AddComputedOutputs(*plan, recipe))
            return nullptr;
    } else if (!AddSourceOutputs(*plan, handles))
        return nullptr;
    CutUnits(plan->planes, handles, plan->inputs);
    for (size_t i = 0; i < plan->inputs.size(); i++)
        plan->inputs[i].structure = StructureOf(handles[i], plan->inputs[i].bands);
    plan->geotransform = FindGeotransform(*plan, handles[0]);
    return MakeGrid(*plan, recipe, handles) && CheckMemory(*plan) ? plan : nullptr;
}

} // namespace fishnet
