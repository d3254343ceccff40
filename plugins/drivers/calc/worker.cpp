#include "worker.h"

#include <algorithm>
#include <cstring>

#include "dataset_pool.h"
#include "gdal_compat.h"
#include "pixels.h"

namespace fishnet
{

std::unique_ptr<Worker> Worker::Open(std::shared_ptr<const Plan> plan, fn_error *err)
{
    MessageCollector collector;
    std::unique_ptr<Worker> worker(new Worker(std::move(plan)));
    const PoolPlaces places(worker->m_plan->poolPlaces);
    for (size_t i = 0; i < worker->m_plan->sources.size(); i++) {
        worker->m_datasets.push_back(worker->m_plan->OpenSource(i));
        if (!worker->m_datasets.back()) {
            fn_fail(err, FN_ERR_READ, "a worker cannot open input %s again: %s",
                    Describe(worker->m_plan->sources[i]).c_str(),
                    collector.Cause("not recognized as a raster dataset").c_str());
            return nullptr;
        }
        if (worker->m_plan->StructureOf(i, worker->m_datasets.back().get()) != worker->m_plan->sources[i].structure) {
            fn_fail(err, FN_ERR_ARGUMENT, "an input has changed since it was opened: %s",
                    Describe(worker->m_plan->sources[i]).c_str());
            return nullptr;
        }
    }
    return worker;
}

std::unique_ptr<Worker> Worker::OpenRemote(const std::string &connection, const CPLStringList &openOptions,
                                           int overview, const std::string &signature, fn_error *err)
{
    fn_recipe recipe = {};
    if (fn_recipe_parse(connection.c_str(), openOptions.List(), &recipe, err) != FN_OK)
        return nullptr;
    const std::unique_ptr<fn_recipe, void (*)(fn_recipe *)> owner(&recipe, fn_recipe_clear);
    std::vector<DatasetHandle> handles;
    MessageCollector collector; /* the host has heard them */
    std::shared_ptr<const Plan> plan = Plan::Make(recipe, overview, handles);
    if (!plan) {
        fn_fail(err, FN_ERR_READ, "a worker process cannot open its input: %s",
                collector.Cause("not recognized as a raster dataset").c_str());
        return nullptr;
    }
    if (plan->Signature() != signature) {
        fn_fail(err, FN_ERR_ARGUMENT, "an input has changed since it was opened: %.300s",
                WithoutSecrets(connection).c_str());
        return nullptr;
    }
    std::unique_ptr<Worker> worker(new Worker(std::move(plan)));
    worker->m_datasets = std::move(handles);
    return worker;
}

Worker::~Worker()
{
    MessageCollector collector; /* nobody is there to hear them any more */
    m_datasets.clear();
}

/* Reads one band's window, packed, in the band's own type. */
static bool ReadBand(GDALRasterBandH band, const fn_window &w, void *data, GDALDataType type)
{
    return GDALRasterIO(band, GF_Read, static_cast<int>(w.x), static_cast<int>(w.y), static_cast<int>(w.width),
                        static_cast<int>(w.height), data, static_cast<int>(w.width), static_cast<int>(w.height), type,
                        0, 0) == CE_None;
}

/* A window of whole blocks of a GeoTIFF is read block by block, past GDAL's block cache: each block is wanted once,
 * by one worker, so the cache would only cost memory, page faults and a lock. Not where a block holds several bands,
 * which the cache keeps for the next one, unless it is a single block, which the driver keeps itself. Other drivers
 * may do better with the whole window. */
static bool CanReadBlocks(GDALDatasetH dataset, GDALRasterBandH band, const fn_window &w)
{
    GDALDriverH driver = GDALGetDatasetDriver(dataset);
    if (!driver || !EQUAL(GDALGetDriverShortName(driver), "GTiff"))
        return false;
    int blockWidth = 0, blockHeight = 0;
    GDALGetBlockSize(band, &blockWidth, &blockHeight);
    const bool ends = (w.x + w.width) % blockWidth == 0 || w.x + w.width == GDALGetRasterBandXSize(band);
    const bool endsBelow = (w.y + w.height) % blockHeight == 0 || w.y + w.height == GDALGetRasterBandYSize(band);
    if (w.x % blockWidth != 0 || w.y % blockHeight != 0 || !ends || !endsBelow)
        return false;
    const char *interleave = GDALGetMetadataItem(dataset, "INTERLEAVE", "IMAGE_STRUCTURE");
    const bool oneBand = GDALGetRasterCount(dataset) == 1 || (interleave && !EQUAL(interleave, "PIXEL"));
    return oneBand || (w.width <= blockWidth && w.height <= blockHeight);
}

static bool ReadBlocks(GDALRasterBandH band, const fn_window &w, char *data, size_t size, std::vector<char> &block)
{
    int blockWidth = 0, blockHeight = 0;
    GDALGetBlockSize(band, &blockWidth, &blockHeight);
    block.resize(static_cast<size_t>(blockWidth) * static_cast<size_t>(blockHeight) * size);
    for (int64_t y = w.y; y < w.y + w.height; y += blockHeight)
        for (int64_t x = w.x; x < w.x + w.width; x += blockWidth) {
            if (GDALReadBlock(band, static_cast<int>(x / blockWidth), static_cast<int>(y / blockHeight),
                              block.data()) != CE_None)
                return false;
            const int64_t columns = std::min<int64_t>(blockWidth, w.x + w.width - x);
            const int64_t lines = std::min<int64_t>(blockHeight, w.y + w.height - y);
            for (int64_t line = 0; line < lines; line++)
                memcpy(data + static_cast<size_t>((y - w.y + line) * w.width + x - w.x) * size,
                       block.data() + static_cast<size_t>(line * blockWidth) * size,
                       static_cast<size_t>(columns) * size);
        }
    return true;
}

/* For a driver that fails without a message: what it was asked for. */
std::string Worker::WhatFailed() const
{
    GDALDriverH driver = GDALGetDatasetDriver(m_datasets[m_reading.source].get());
    return CPLSPrintf("the driver %s gives no reason; it was to read %s %d of %s",
                      driver ? GDALGetDriverShortName(driver) : "of GDAL", m_reading.mask ? "the mask of band" : "band",
                      m_reading.band, Describe(m_plan->sources[m_reading.source]).c_str());
}

bool Worker::ReadMask(size_t source, int number, const fn_window &window, void *data)
{
    m_reading = {source, number, true};
    return ReadBand(GDALGetMaskBand(GDALGetRasterBand(m_datasets[source].get(), number)), window, data, GDT_Byte);
}

bool Worker::ReadPixels(size_t source, int number, fn_type type, const fn_window &window, void *data)
{
    m_reading = {source, number, false};
    const Pipeline &pipeline = m_plan->sources[source].pipeline;
    GDALDatasetH dataset = m_datasets[source].get();
    GDALRasterBandH band = GDALGetRasterBand(dataset, number);
    if (pipeline.oneRow || pipeline.wide) {
        const int64_t step = pipeline.oneRow ? 1 : window.height;
        const size_t count = static_cast<size_t>(window.width * step);
        const GDALDataType read = pipeline.wide ? GDT_Float64 : TypeInMemory(type);
        char *to = static_cast<char *>(data);
        for (int64_t y = 0; y < window.height; y += step, to += count * fn_type_size(type)) {
            if (pipeline.wide)
                m_block.resize(count * sizeof(double));
            if (!ReadBand(band, {window.x, window.y + y, window.width, step}, pipeline.wide ? m_block.data() : to,
                          read))
                return false;
            if (pipeline.wide)
                GDALCopyWords64(m_block.data(), GDT_Float64, sizeof(double), to, TypeInMemory(type),
                                static_cast<int>(fn_type_size(type)), static_cast<GPtrDiff_t>(count));
        }
        return true;
    }
    if (CanReadBlocks(dataset, band, window))
        return ReadBlocks(band, window, static_cast<char *>(data), fn_type_size(type), m_block);
    return ReadBand(band, window, data, TypeInMemory(type));
}

bool Worker::PassThrough(const fn_window &window, const Plan::Group &group, char *result)
{
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    GDALDatasetH dataset = m_datasets[0].get();
    const std::vector<Output> &outputs = m_plan->outputs;

    const Pipeline &pipeline = m_plan->sources[0].pipeline;
    bool oneCall = group.count > 1 && !pipeline.oneRow &&
                   !pipeline.wide; /* pixel-interleaved bands of one type: decoded together */
    for (size_t i = group.first; i < group.first + group.count; i++)
        oneCall = oneCall && outputs[i].type == outputs[group.first].type && !outputs[i].isMask;
    if (oneCall) {
        const size_t bandSpace = m_plan->Offset(group, group.first + 1, pixels);
        m_reading = {0, static_cast<int>(group.first) + 1, false};
        return GDALDatasetRasterIOEx(dataset, GF_Read, static_cast<int>(window.x), static_cast<int>(window.y),
                                     static_cast<int>(window.width), static_cast<int>(window.height), result,
                                     static_cast<int>(window.width), static_cast<int>(window.height),
                                     TypeInMemory(outputs[group.first].type), static_cast<int>(group.count), nullptr,
                                     0, 0, static_cast<GSpacing>(bandSpace), nullptr) == CE_None;
    }
    for (size_t i = group.first; i < group.first + group.count; i++) {
        const Output &output = outputs[i];
        char *data = result + m_plan->Offset(group, i, pixels);
        const bool ok = output.isMask ? ReadMask(0, output.band, window, data)
                                      : ReadPixels(0, output.band, output.type, window, data);
        if (!ok)
            return false;
    }
    return true;
}

bool Worker::ReadPlanes(const fn_window &window, const volatile bool *cancel)
{
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    const std::vector<Plane> &planes = m_plan->planes;
    m_pixels.resize(planes.size());
    m_masks.resize(planes.size());
    for (size_t i = 0; i < planes.size(); i++) {
        const Plane &plane = planes[i];
        m_pixels[i].resize(pixels * fn_type_size(plane.type));
        if (fn_is_cancelled(cancel) || !ReadPixels(plane.source, plane.band, plane.type, window, m_pixels[i].data()))
            return false;
        if (plane.mask) {
            m_masks[i].resize(pixels);
            if (!ReadMask(plane.source, plane.band, window, m_masks[i].data()))
                return false;
        }
        if (plane.alpha && !ReadAlpha(i, window))
            return false;
    }
    return true;
}

/* Takes what is transparent out of the plane's mask. */
bool Worker::ReadAlpha(size_t index, const fn_window &window)
{
    const std::vector<Plane> &planes = m_plan->planes;
    const Plane &plane = planes[index];
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    std::vector<GByte> &mask = m_masks[index];
    for (size_t i = 0; i < index; i++) /* another band of the same dataset has it already */
        if (planes[i].source == plane.source && planes[i].alpha == plane.alpha && !planes[i].mask && !plane.mask) {
            mask = m_masks[i];
            return true;
        }
    GDALRasterBandH band = GDALGetRasterBand(m_datasets[plane.source].get(), plane.alpha);
    const fn_type type = FromGDAL(band);
    if (type == FN_TYPE_COUNT)
        return false;
    m_alpha.resize(pixels * fn_type_size(type));
    if (!ReadPixels(plane.source, plane.alpha, type, window, m_alpha.data()))
        return false;
    if (!plane.mask)
        mask.assign(pixels, 255);
    std::vector<double> row(static_cast<size_t>(window.width));
    const int size = static_cast<int>(fn_type_size(type));
    for (size_t at = 0; at < pixels; at += row.size()) {
        GDALCopyWords64(m_alpha.data() + at * fn_type_size(type), TypeInMemory(type), size, row.data(), GDT_Float64,
                        sizeof(double), static_cast<GPtrDiff_t>(row.size()));
        for (size_t x = 0; x < row.size(); x++)
            if (row[x] == 0.0)
                mask[at + x] = 0;
    }
    return true;
}

fn_status Worker::Compute(const fn_window &window, const Plan::Group &group, char *result, const volatile bool *cancel,
                          fn_error *err)
{
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    if (!ReadPlanes(window, cancel))
        return fn_is_cancelled(cancel) ? FN_ERR_CANCELLED : FN_ERR_READ;
    std::vector<fn_plane> in(m_plan->planes.size());
    for (size_t i = 0; i < in.size(); i++) {
        const Plane &plane = m_plan->planes[i];
        in[i].data = m_pixels[i].data();
        in[i].type = plane.type;
        in[i].nodata = plane.nodata;
        in[i].mask = plane.Masked() ? m_masks[i].data() : nullptr;
    }
    std::vector<fn_sink> out(group.count);
    for (size_t i = 0; i < group.count; i++) {
        const Output &output = m_plan->outputs[group.first + i];
        out[i].data = result + m_plan->Offset(group, group.first + i, pixels);
        out[i].type = output.type;
        out[i].nodata = output.nodata;
    }
    m_scratch.resize(fn_expr_scratch_bytes(m_plan->expr.get()));
    size_t bad = 0;
    fn_error reason;
    const fn_status status =
        fn_expr_run(m_plan->expr.get(), pixels, in.data(), out.data(), m_scratch.data(), &bad, &reason);
    if (status != FN_OK) {
        const long long column = static_cast<long long>(bad % static_cast<size_t>(window.width)),
                        line = static_cast<long long>(bad / static_cast<size_t>(window.width));
        fn_fail(err, status, "pixel %lld,%lld: %s", static_cast<long long>(window.x) + column,
                static_cast<long long>(window.y) + line, reason.text);
    }
    return status;
}

fn_status Worker::Run(fn_task &task, Notes &messages, fn_error *err)
{
    const int64_t tiles = fn_grid_tile_count(&m_plan->grid);
    const fn_window window = m_plan->SourceWindow(task.number);
    const Plan::Group &group = m_plan->groups[static_cast<size_t>(task.number / tiles)];
    char *result = static_cast<char *>(task.result);
    MessageCollector collector;
    const PoolPlaces places(m_plan->poolPlaces);
    fn_error reason = {};
    fn_status status = FN_OK;
    if (m_plan->expr)
        status = Compute(window, group, result, task.cancel, &reason);
    else if (!PassThrough(window, group, result))
        status = FN_ERR_READ;
    if (status == FN_OK)
        messages = std::move(collector.messages);
    else if (status == FN_ERR_READ)
        fn_fail(err, status, "tile %s cannot be read: %s", Describe(window).c_str(),
                collector.Cause(WhatFailed().c_str()).c_str());
    else
        fn_fail(err, status, "tile %s: %s", Describe(window).c_str(),
                status == FN_ERR_CANCELLED ? "cancelled" : reason.text);
    return status;
}

} // namespace fishnet
