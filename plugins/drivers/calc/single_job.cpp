#include "single_job.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "fishnet/stream.h"
#include "pixels.h"
#include "worker.h"

namespace fishnet
{

/* ---- what workers do ---- */

namespace
{
/* Memory for pixels, aligned as results are. */
struct FreeAligned {
    void operator()(char *data) const { free(data); }
};
using Pixels = std::unique_ptr<char, FreeAligned>;

/* Puts a result together. */
class ResultWriter
{
  public:
    ResultWriter(size_t blocks, void *result)
        : m_begin(static_cast<char *>(result)), m_head(m_begin + sizeof(uint64_t)), m_data(m_begin + HeadBytes(blocks))
    {
        const uint64_t count = blocks;
        memcpy(m_begin, &count, sizeof count);
    }
    /* Where the bytes of the next block go. */
    char *Next(const BlockHead &head)
    {
        memcpy(m_head, &head, sizeof head);
        m_head += sizeof head;
        return std::exchange(m_data, m_data + head.size);
    }
    size_t Bytes() const { return static_cast<size_t>(m_data - m_begin); }

  private:
    char *m_begin, *m_head, *m_data;
};

class TileEncoder
{
  public:
    TileEncoder(std::shared_ptr<const Plan> plan, const Layout &layout)
        : m_plan(std::move(plan)), m_layout(layout), m_isRaw(layout.IsRaw()), m_encoder(layout.Format(*m_plan))
    {
    }
    const Plan &GetPlan() const { return *m_plan; }
    /* Before the pixels of a tile: whose result they become. */
    void Begin(const fn_task &task);
    /* Where the pixels of a group of outputs go, as Worker::Run() gives them. */
    char *PixelsOf(size_t group) const;
    /* All pixels of the tile are there: they become task->result. */
    fn_status Encode(fn_task *task, Notes *notes, fn_error *err);

  private:
    const char *PixelsAt(size_t output, const fn_window &tile, const fn_window &block) const;
    void Cut(size_t output, const fn_window &tile, const fn_window &block, char *target, size_t space) const;
    bool IsWhole(const fn_window &block) const;
    bool IsOfBlocks(const fn_window &tile) const;
    bool AddBlock(const fn_window &tile, int64_t number);
    bool EncodeBlock(const fn_window &tile, int64_t number, char *target);
    bool CopyBlocks(const fn_window &tile, const std::vector<int64_t> &numbers, fn_task *task);
    fn_status EncodeBlocks(const fn_window &tile, const std::vector<int64_t> &numbers, fn_task *task, fn_error *err);
    size_t FirstOutput(int64_t number) const;
    fn_window WindowOf(int64_t number) const;
    std::vector<int64_t> BlocksOf(const fn_window &tile) const;
    size_t Offset(size_t group, size_t pixels) const;

    std::shared_ptr<const Plan> m_plan;
    Layout m_layout;
    bool m_isRaw;
    BlockEncoder m_encoder;
    Pixels m_own;                           /* for the largest tile */
    fn_window m_tile = {};                  /* at work */
    char *m_pixels = nullptr;               /* its pixels */
    bool m_areInPlace = false;              /* where its blocks are to be */
    std::vector<std::vector<char>> m_bands; /* of a block */
};

class SingleWorker final : public JobWorker
{
  public:
    SingleWorker(std::unique_ptr<Worker> worker, const Layout &layout)
        : m_worker(std::move(worker)), m_encoder(m_worker->GetPlan(), layout)
    {
    }
    fn_status Run(fn_task &task, Notes &messages, fn_error *err) override;

  private:
    std::unique_ptr<Worker> m_worker;
    TileEncoder m_encoder;
};
} // namespace

size_t Layout::PixelBytes() const
{
    return static_cast<size_t>(GDALGetDataTypeSizeBytes(type)) * static_cast<size_t>(bands);
}

BlockFormat Layout::Format(const Plan &plan) const
{
    BlockFormat format;
    format.width = blockWidth;
    format.height = blockHeight;
    format.bands = byPixel ? bands : 1;
    format.type = type;
    format.nodata = plan.outputs[0].nodata;
    format.nodataType = plan.outputs[0].type;
    format.sparse = sparse;
    format.options = options;
    return format;
}

static int64_t BlocksAlong(int64_t pixels, int block)
{
    return (pixels + block - 1) / block;
}

size_t Layout::TileBytes(const fn_window &window) const
{
    const size_t blocks =
        static_cast<size_t>(BlocksAlong(window.width, blockWidth) * BlocksAlong(window.height, blockHeight));
    const size_t heads = blocks * static_cast<size_t>(byPixel ? 1 : bands);
    const size_t raw = blocks * static_cast<size_t>(blockWidth) * static_cast<size_t>(blockHeight) * PixelBytes();
    return raw + raw / 16 + heads * (sizeof(BlockHead) + 256) + 64;
}

size_t Layout::BlockBytes() const
{
    return static_cast<size_t>(blockWidth) * static_cast<size_t>(blockHeight) *
           static_cast<size_t>(GDALGetDataTypeSizeBytes(type)) * static_cast<size_t>(byPixel ? bands : 1);
}

bool Layout::IsRaw() const
{
    static const char *const kChanges[] = {"NBITS", "PIXELTYPE", "ENDIANNESS", "DISCARD_LSB"};
    const bool isKnown = GDALDataTypeIsInteger(type) || type == GDT_Float32 || type == GDT_Float64;
    return isKnown && !sparse && EQUAL(options.FetchNameValueDef("COMPRESS", "NONE"), "NONE") &&
           std::none_of(std::begin(kChanges), std::end(kChanges),
                        [this](const char *name) { return options.FetchNameValue(name) != nullptr; });
}

size_t TileEncoder::Offset(size_t group, size_t pixels) const
{
    size_t offset = 0;
    for (size_t g = 0; g < group; g++)
        offset += m_plan->Offset(m_plan->groups[g], m_plan->groups[g].first + m_plan->groups[g].count, pixels);
    return offset;
}

/* Are its pixels, as they lie there, the blocks of the tile? */
bool TileEncoder::IsOfBlocks(const fn_window &tile) const
{
    const size_t pixels = static_cast<size_t>(tile.width * tile.height);
    bool same = m_isRaw && IsWhole(tile) && !(m_layout.byPixel && m_layout.bands > 1);
    for (size_t i = 0; same && i < static_cast<size_t>(m_layout.bands); i++) {
        const size_t group = m_plan->GroupOf(i);
        same = TypeInMemory(m_plan->outputs[i].type) == m_layout.type &&
               Offset(group, pixels) + m_plan->Offset(m_plan->groups[group], i, pixels) == i * m_layout.BlockBytes();
    }
    return same;
}

void TileEncoder::Begin(const fn_task &task)
{
    const fn_grid &grid = m_plan->grid;
    m_tile = fn_grid_tile(&grid, task.number);
    m_areInPlace = IsOfBlocks(m_tile);
    if (m_areInPlace) {
        m_pixels = static_cast<char *>(task.result) + HeadBytes(static_cast<size_t>(m_layout.bands));
        return;
    }
    if (!m_own) {
        const size_t most = static_cast<size_t>(grid.tile_width) * static_cast<size_t>(grid.tile_height);
        const size_t bytes = Offset(m_plan->groups.size(), most);
        m_own.reset(static_cast<char *>(aligned_alloc(64, (bytes + 63) / 64 * 64)));
        if (!m_own)
            throw std::bad_alloc();
    }
    m_pixels = m_own.get();
}

char *TileEncoder::PixelsOf(size_t group) const
{
    return m_pixels + Offset(group, static_cast<size_t>(m_tile.width * m_tile.height));
}

/* What lies beyond the raster's edge is 0, as in any GeoTIFF of GDAL. Since 3.9 it is NaN where LERC would take it
 * for one of the values that it quantizes; not with several bands in a block, where libtiff could not do that for
 * long. */
static void FillBeyondEdge(const Layout &layout, char *block, size_t bytes)
{
    const bool lerc = STARTS_WITH_CI(layout.options.FetchNameValueDef("COMPRESS", ""), "LERC");
    if (FN_GDAL_AT_LEAST(3, 9) && lerc && (layout.type == GDT_Float32 || layout.type == GDT_Float64) &&
        !(layout.byPixel && layout.bands > 1)) {
        const double nan = std::numeric_limits<double>::quiet_NaN();
        const int size = GDALGetDataTypeSizeBytes(layout.type);
        GDALCopyWords64(&nan, GDT_Float64, 0, block, layout.type, size, static_cast<GPtrDiff_t>(bytes) / size);
    } else
        memset(block, 0, bytes);
}

bool TileEncoder::IsWhole(const fn_window &block) const
{
    return block.width == m_layout.blockWidth && block.height == m_layout.blockHeight;
}

/* A block's first pixel of one band. */
const char *TileEncoder::PixelsAt(size_t output, const fn_window &tile, const fn_window &block) const
{
    const size_t group = m_plan->GroupOf(output), pixels = static_cast<size_t>(tile.width * tile.height);
    return m_pixels + Offset(group, pixels) + m_plan->Offset(m_plan->groups[group], output, pixels) +
           static_cast<size_t>((block.y - tile.y) * tile.width + block.x - tile.x) *
               fn_type_size(m_plan->outputs[output].type);
}

/* A block's pixels of one band, in the file's type. space: bytes from one to the next. */
void TileEncoder::Cut(size_t output, const fn_window &tile, const fn_window &block, char *target, size_t space) const
{
    const GDALDataType type = TypeInMemory(m_plan->outputs[output].type);
    const size_t from = static_cast<size_t>(GDALGetDataTypeSizeBytes(type));
    const bool same = type == m_layout.type && space == from;
    const char *line = PixelsAt(output, tile, block);
    for (int64_t y = 0; y < block.height; y++) {
        if (same)
            memcpy(target, line, static_cast<size_t>(block.width) * from);
        else
            GDALCopyWords64(line, type, static_cast<int>(from), target, m_layout.type, static_cast<int>(space),
                            block.width);
        line += static_cast<size_t>(tile.width) * from;
        target += static_cast<size_t>(m_layout.blockWidth) * space;
    }
}

/* In the order in which they stand in the file: row by row, all bands of the tile one after the other. */
std::vector<int64_t> TileEncoder::BlocksOf(const fn_window &tile) const
{
    const fn_grid &grid = m_plan->grid;
    const int64_t columns = BlocksAlong(grid.width, m_layout.blockWidth);
    const int64_t plane = columns * BlocksAlong(grid.height, m_layout.blockHeight);
    std::vector<int64_t> numbers;
    for (int band = 0; band < (m_layout.byPixel ? 1 : m_layout.bands); band++)
        for (int64_t y = tile.y / m_layout.blockHeight; y * m_layout.blockHeight < tile.y + tile.height; y++)
            for (int64_t x = tile.x / m_layout.blockWidth; x * m_layout.blockWidth < tile.x + tile.width; x++)
                numbers.push_back(band * plane + y * columns + x);
    return numbers;
}

/* Of a block. */
size_t TileEncoder::FirstOutput(int64_t number) const
{
    const fn_grid &grid = m_plan->grid;
    return static_cast<size_t>(
        number / (BlocksAlong(grid.width, m_layout.blockWidth) * BlocksAlong(grid.height, m_layout.blockHeight)));
}

fn_window TileEncoder::WindowOf(int64_t number) const
{
    const fn_grid &grid = m_plan->grid;
    const int64_t columns = BlocksAlong(grid.width, m_layout.blockWidth);
    const int64_t rows = BlocksAlong(grid.height, m_layout.blockHeight), own = number % (columns * rows);
    fn_window block = {own % columns * m_layout.blockWidth, own / columns * m_layout.blockHeight, m_layout.blockWidth,
                       m_layout.blockHeight};
    block.width = std::min(block.width, grid.width - block.x);
    block.height = std::min(block.height, grid.height - block.y);
    return block;
}

bool TileEncoder::AddBlock(const fn_window &tile, int64_t number)
{
    const size_t inBlock = static_cast<size_t>(m_layout.byPixel ? m_layout.bands : 1), first = FirstOutput(number);
    const size_t size = static_cast<size_t>(GDALGetDataTypeSizeBytes(m_layout.type));
    const fn_window block = WindowOf(number);
    m_bands.resize(inBlock);
    std::vector<const char *> bands(inBlock);
    for (size_t i = 0; i < inBlock; i++) {
        const bool same = TypeInMemory(m_plan->outputs[first + i].type) == m_layout.type;
        if (IsWhole(block) && same && block.width == tile.width) {
            bands[i] = PixelsAt(first + i, tile, block);
            continue;
        }
        m_bands[i].resize(m_layout.BlockBytes() / inBlock);
        if (!IsWhole(block))
            FillBeyondEdge(m_layout, m_bands[i].data(), m_bands[i].size());
        Cut(first + i, tile, block, m_bands[i].data(), size);
        bands[i] = m_bands[i].data();
    }
    return m_encoder.Add(bands.data());
}

/* ---- blocks that are their pixels ---- */

/* Is it possible that GTiff writes NoData instead, of which there are several for it: NaN of all kinds, and both
 * zeros? */
template <class T> static bool MayBeEmpty(const char *block, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += sizeof(T)) {
        T value;
        memcpy(&value, block + at, sizeof value);
        if (!(value == 0 || std::isnan(value)))
            return false;
    }
    return true;
}

static bool MayBeEmpty(GDALDataType type, const char *block, size_t bytes)
{
    return type == GDT_Float32   ? MayBeEmpty<float>(block, bytes)
           : type == GDT_Float64 ? MayBeEmpty<double>(block, bytes)
                                 : false;
}

bool TileEncoder::EncodeBlock(const fn_window &tile, int64_t number, char *target)
{
    const char *data = nullptr;
    size_t size = 0;
    if (!m_encoder.Begin(1) || !AddBlock(tile, number) || !m_encoder.Finish() || !m_encoder.Get(0, &data, &size))
        return false;
    memcpy(target, data, std::min(size, m_layout.BlockBytes()));
    return true;
}

/* Straight into the result, where they are not there yet: GTiff would copy them three times. */
bool TileEncoder::CopyBlocks(const fn_window &tile, const std::vector<int64_t> &numbers, fn_task *task)
{
    const size_t bytes = m_layout.BlockBytes(), size = static_cast<size_t>(GDALGetDataTypeSizeBytes(m_layout.type));
    const size_t inBlock = static_cast<size_t>(m_layout.byPixel ? m_layout.bands : 1);
    ResultWriter writer(numbers.size(), task->result);
    for (int64_t number : numbers) {
        const fn_window block = WindowOf(number);
        char *target = writer.Next({number, bytes});
        if (!IsWhole(block))
            FillBeyondEdge(m_layout, target, bytes);
        for (size_t i = 0; i < inBlock && !m_areInPlace; i++)
            Cut(FirstOutput(number) + i, tile, block, target + i * size, inBlock * size);
        if (MayBeEmpty(m_layout.type, target, bytes) && !EncodeBlock(tile, number, target))
            return false;
    }
    task->bytes = writer.Bytes();
    return true;
}

/* ---- a tile ---- */

/* FN_ERR_VALUE: GTiff has said why. */
fn_status TileEncoder::EncodeBlocks(const fn_window &tile, const std::vector<int64_t> &numbers, fn_task *task,
                                    fn_error *err)
{
    std::vector<BlockHead> heads;
    std::vector<const char *> data(numbers.size());
    bool ok = m_encoder.Begin(static_cast<int>(numbers.size()));
    for (size_t i = 0; ok && i < numbers.size(); i++)
        ok = AddBlock(tile, numbers[i]);
    ok = ok && m_encoder.Finish();
    size_t bytes = HeadBytes(numbers.size());
    for (size_t i = 0; ok && i < numbers.size(); i++) {
        size_t size = 0;
        ok = m_encoder.Get(static_cast<int>(i), &data[i], &size);
        heads.push_back({numbers[i], size});
        bytes += size;
    }
    if (!ok)
        return FN_ERR_VALUE;
    if (bytes > task->bytes) { /* an encoding that makes it larger */
        const fn_status status = fn_stream_part(task, 0, bytes, err);
        if (status != FN_OK)
            return status;
    }
    ResultWriter writer(heads.size(), task->result);
    for (size_t i = 0; i < heads.size(); i++) {
        char *target = writer.Next(heads[i]);
        if (heads[i].size)
            memcpy(target, data[i], heads[i].size);
    }
    task->bytes = bytes;
    return FN_OK;
}

fn_status TileEncoder::Encode(fn_task *task, Notes *notes, fn_error *err)
{
    const std::vector<int64_t> numbers = BlocksOf(m_tile);
    MessageCollector collector;
    const fn_status status = !m_isRaw                            ? EncodeBlocks(m_tile, numbers, task, err)
                             : CopyBlocks(m_tile, numbers, task) ? FN_OK
                                                                 : FN_ERR_VALUE;
    if (status == FN_ERR_VALUE)
        return fn_fail(err, status, "tile %s cannot be encoded: %s", Describe(m_tile).c_str(),
                       collector.Cause("the driver GTiff gives no reason").c_str());
    for (Message &message : collector.messages) {
        const size_t at = message.text.find(m_encoder.Name());
        if (at != std::string::npos)
            message.text.replace(at, m_encoder.Name().size(), "FISHNET: the output");
        notes->push_back(std::move(message));
    }
    return status;
}

fn_status SingleWorker::Run(fn_task &task, Notes &messages, fn_error *err)
{
    const Plan &plan = m_encoder.GetPlan();
    const int64_t tiles = fn_grid_tile_count(&plan.grid);
    m_encoder.Begin(task);
    for (size_t group = 0; group < plan.groups.size(); group++) {
        if (plan.outputs[plan.groups[group].first].isMask)
            continue;
        fn_task pixels = {};
        pixels.number = static_cast<int64_t>(group) * tiles + task.number;
        pixels.result = m_encoder.PixelsOf(group);
        pixels.cancel = task.cancel;
        Notes said;
        const fn_status status = m_worker->Run(pixels, said, err);
        messages.insert(messages.end(), said.begin(), said.end());
        if (status != FN_OK)
            return status;
    }
    return m_encoder.Encode(&task, &messages, err);
}

/* ---- the job ---- */

SingleJob::SingleJob(std::shared_ptr<const Plan> plan, PlanSource source, std::string signature, Layout layout,
                     int threads, bool errorIsNoData)
    : Job(threads), m_plan(std::move(plan)), m_source(std::move(source)), m_signature(std::move(signature)),
      m_layout(std::move(layout)), m_errorIsNoData(errorIsNoData)
{
    Share(m_source.sharedBytes);
}

void SingleJob::Share(size_t bytes)
{
    m_source.sharedBytes = bytes;
    m_blocks = NewSharedBlocks(m_plan, bytes);
}

enum : size_t {
    kSignature,
    kConnection,
    kBlockWidth,
    kBlockHeight,
    kBands,
    kByPixel,
    kType,
    kSparse,
    kSharedBytes,
    kOpenOptions,
    kOptions,
    kWords
};

JobDescription SingleJob::Describe() const
{
    return {"single",
            {m_signature, m_source.connection, std::to_string(m_layout.blockWidth),
             std::to_string(m_layout.blockHeight), std::to_string(m_layout.bands), std::to_string(m_layout.byPixel),
             GDALGetDataTypeName(m_layout.type), std::to_string(m_layout.sparse), std::to_string(m_source.sharedBytes),
             PackOptions(m_source.openOptions.List()), PackOptions(m_layout.options.List())},
            m_source.folder,
            InputsOf(*m_plan)};
}

std::unique_ptr<Job> SingleJob::FromWords(const Words &words, int threads, fn_error *err)
{
    PlanSource source;
    Layout layout;
    if (words.size() != kWords || !UnpackOptions(words[kOpenOptions], source.openOptions) ||
        !UnpackOptions(words[kOptions], layout.options)) {
        fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told what makes no sense");
        return nullptr;
    }
    source.connection = words[kConnection];
    source.sharedBytes = static_cast<size_t>(strtoull(words[kSharedBytes].c_str(), nullptr, 10));
    layout.blockWidth = atoi(words[kBlockWidth].c_str());
    layout.blockHeight = atoi(words[kBlockHeight].c_str());
    layout.bands = atoi(words[kBands].c_str());
    layout.byPixel = words[kByPixel] != "0";
    layout.type = GDALGetDataTypeByName(words[kType].c_str());
    layout.sparse = words[kSparse] != "0";
    return std::make_unique<SingleJob>(nullptr, std::move(source), words[kSignature], std::move(layout), threads,
                                       false);
}

std::unique_ptr<JobWorker> SingleJob::OpenWorker(fn_error *err)
{
    std::unique_ptr<Worker> worker =
        m_plan ? Worker::Open(m_plan, m_blocks, err) : Worker::OpenRemote(m_source, m_signature, err);
    return worker ? std::make_unique<SingleWorker>(std::move(worker), m_layout) : nullptr;
}

size_t SingleJob::TaskBytes(int64_t task, int) const
{
    return m_layout.TileBytes(fn_grid_tile(&m_plan->grid, task));
}

std::string SingleJob::TaskName(int64_t task) const
{
    return "tile " + fishnet::Describe(fn_grid_tile(&m_plan->grid, task));
}

bool SingleJob::Complete(fn_task &task, Notes &messages, const fn_error &err)
{
    TileEncoder encoder(m_plan, m_layout);
    encoder.Begin(task);
    for (size_t group = 0; group < m_plan->groups.size(); group++)
        if (!m_plan->outputs[m_plan->groups[group].first].isMask)
            m_plan->FillNoData(static_cast<int64_t>(group) * TaskCount() + task.number, encoder.PixelsOf(group));
    fn_error ignored;
    if (encoder.Encode(&task, &messages, &ignored) != FN_OK)
        return false;
    m_failed.Add(task.number, err, messages);
    return true;
}

/* GTiff says once for a file what an encoder says for each of its files. */
void SingleJob::Tell(const Message &message, const std::string &task, long process)
{
    if (message.level != CE_Warning || m_warnings.insert(message.text).second)
        Job::Tell(message, task, process);
}

} // namespace fishnet
