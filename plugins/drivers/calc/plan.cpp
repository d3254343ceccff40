#include "plan_steps.h"

#include <utility>

#include "pixels.h"
#include "workers.h"

namespace fishnet
{

std::string Describe(const Source &source)
{
    return std::string(1, source.letter) + " (" + WithoutSecrets(source.name) + ")";
}

std::string Describe(const fn_window &w)
{
    return CPLSPrintf("x=%lld y=%lld %lldx%lld", static_cast<long long>(w.x), static_cast<long long>(w.y),
                      static_cast<long long>(w.width), static_cast<long long>(w.height));
}

DatasetHandle Plan::OpenSource(size_t i) const
{
    const Source &source = sources[i];
    DatasetHandle dataset(GDALOpenEx(source.path.c_str(), GDAL_OF_RASTER | GDAL_OF_INTERNAL | GDAL_OF_VERBOSE_ERROR,
                                     nullptr, source.openOptions.List(), nullptr));
    return HasLackedMemory() ? DatasetHandle() : std::move(dataset);
}

fn_window Plan::SourceWindow(int64_t task) const
{
    fn_window window = fn_grid_tile(&grid, task % fn_grid_tile_count(&grid));
    window.y += firstLine;
    return window;
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

/* A handle with its decoder's buffers and a thread, measured on GTiff. */
constexpr size_t kHandleBytes = 2 << 20;

size_t Plan::WorkerBytes() const
{
    const size_t pixels = static_cast<size_t>(grid.tile_width) * static_cast<size_t>(grid.tile_height);
    size_t bytes = kHandleBytes + (expr ? fn_expr_scratch_bytes(expr.get()) : 0);
    for (const Plane &plane : planes)
        bytes += pixels * (fn_type_size(plane.type) + (plane.Masked() ? 1 : 0) + (plane.alpha ? sizeof(double) : 0));
    return bytes;
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
    const auto add = [&text](fn_type type, const fn_nodata &nodata) {
        text += CPLSPrintf(" %s %d %016llx", fn_type_name(type), nodata.set,
                           static_cast<unsigned long long>(nodata.set ? nodata.value.u : 0));
    };
    for (const Plane &plane : planes) {
        text += CPLSPrintf(" %d[%d]%d,%d", static_cast<int>(plane.source), plane.band, plane.mask, plane.alpha);
        add(plane.type, plane.nodata);
    }
    for (const Output &output : outputs) {
        text += CPLSPrintf(" > %d %d", output.band, output.isMask);
        add(output.type, output.nodata);
    }
    for (const Source &source : sources)
        text += "\n" + source.structure;
    for (const Group &group : groups)
        text += CPLSPrintf(" %d", static_cast<int>(group.count));
    return text;
}

std::string Plan::StructureOf(size_t source, GDALDatasetH dataset) const
{
    const int count = GDALGetRasterCount(dataset);
    std::string text =
        CPLSPrintf("%d x %d pixels, %d bands", GDALGetRasterXSize(dataset), GDALGetRasterYSize(dataset), count);
    double transform[6];
    if (GDALGetGeoTransform(dataset, transform) == CE_None)
        for (double value : transform)
            text += CPLSPrintf(" %.17g", value);
    const auto add = [&](int number) {
        GDALRasterBandH band = number <= count ? GDALGetRasterBand(dataset, number) : nullptr;
        if (!band)
            return;
        const fn_type type = FromGDAL(band);
        const fn_nodata nodata = NoDataOf(band, type);
        text +=
            CPLSPrintf("; %d: %s %d %016llx %d", number, GDALGetDataTypeName(GDALGetRasterDataType(band)), nodata.set,
                       static_cast<unsigned long long>(nodata.set ? nodata.value.u : 0), GDALGetMaskFlags(band));
    };
    for (const Plane &plane : planes)
        if (plane.source == source)
            add(plane.band);
    for (const Output &output : outputs)
        if (!expr && source == 0)
            add(output.band);
    return text;
}

std::shared_ptr<const Plan> Plan::Make(const fn_recipe &recipe, int overview, std::vector<DatasetHandle> &handles)
{
    auto plan = std::make_shared<Plan>();
    if (!OpenSources(*plan, recipe, overview, handles))
        return nullptr;
    if (recipe.n_calcs > 0) {
        if (!CheckGrids(*plan, handles) || !Compile(*plan, recipe, handles))
            return nullptr;
        AddPlanes(*plan, recipe, handles);
        if (!AddComputedOutputs(*plan, recipe))
            return nullptr;
    } else if (!AddSourceOutputs(*plan, handles))
        return nullptr;
    for (size_t i = 0; i < plan->sources.size(); i++)
        plan->sources[i].structure = plan->StructureOf(i, handles[i].get());
    return MakeGrid(*plan, recipe, handles) ? plan : nullptr;
}

} // namespace fishnet
