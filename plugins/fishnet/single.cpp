#include "fishnet/single.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include <unistd.h>

#include "fishnet/create.h"
#include "fishnet/dataset.h"
#include "fishnet/stream.h"
#include "fishnet/tiff_blocks.h"
#include "fishnet/worker.h"
#include "gdal_compat.h"
#include "output_folder.h"

namespace fishnet
{

/* ---- what workers do, threads and processes ---- */

namespace
{
/* The file's blocks. */
struct Layout {
    int blockWidth = 0, blockHeight = 0;
    int bands = 0;
    bool byPixel = false; /* all bands of a pixel are in one block */
    GDALDataType type = GDT_Byte;
    bool sparse = false;
    CPLStringList options; /* of GTiff, for the encoder */

    BlockFormat Format(const Plan &plan) const;
    size_t TileBytes(const fn_window &window) const; /* more than a tile's blocks are likely to take */
};

/* Memory for pixels, aligned as results are. */
struct FreeAligned {
    void operator()(char *data) const { free(data); }
};
using Pixels = std::unique_ptr<char, FreeAligned>;

/* A result: how many blocks, then the head of each, then their bytes. */
struct BlockHead {
    int64_t number; /* in the file */
    uint64_t size;  /* 0: left out */
};

class TileEncoder
{
  public:
    TileEncoder(std::shared_ptr<const Plan> plan, const Layout &layout)
        : m_plan(std::move(plan)), m_layout(layout), m_encoder(layout.Format(*m_plan))
    {
    }
    const Plan &GetPlan() const { return *m_plan; }
    /* Where the pixels of a group of outputs go, as Worker::Run() gives them. */
    char *PixelsOf(size_t group, int64_t tile);
    /* All pixels of the tile are there: they become task->result. */
    fn_status Encode(fn_task *task, Notes *notes, fn_error *err);

  private:
    const char *Cut(size_t output, const fn_window &tile, const fn_window &block, std::vector<char> &buffer) const;
    bool AddBlocks(const fn_window &tile, const std::vector<int64_t> &numbers);
    std::vector<int64_t> BlocksOf(const fn_window &tile) const;
    size_t Offset(size_t group, size_t pixels) const;

    std::shared_ptr<const Plan> m_plan;
    Layout m_layout;
    BlockEncoder m_encoder;
    Pixels m_pixels;
    std::vector<std::vector<char>> m_bands; /* of a block */
};

struct SingleWorker {
    SingleWorker(std::unique_ptr<Worker> owned, const std::shared_ptr<const Plan> &plan, const Layout &layout)
        : worker(std::move(owned)), encoder(plan, layout)
    {
    }
    fn_status Run(fn_task *task, Notes *notes, fn_error *err);

    std::unique_ptr<Worker> worker;
    TileEncoder encoder;
};
} // namespace

static size_t PixelBytes(const Layout &layout)
{
    return static_cast<size_t>(GDALGetDataTypeSizeBytes(layout.type)) * static_cast<size_t>(layout.bands);
}

/* Signed bytes of old GDALs are Byte to it. */
static GDALDataType TypeOf(const Output &output)
{
    return ToGDAL(output.type) == GDT_Unknown ? GDT_Byte : ToGDAL(output.type);
}

static std::string TileName(const Plan &plan, int64_t task)
{
    return "tile " + Describe(fn_grid_tile(&plan.grid, task));
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
    const size_t raw = blocks * static_cast<size_t>(blockWidth) * static_cast<size_t>(blockHeight) * PixelBytes(*this);
    return raw + raw / 16 + heads * (sizeof(BlockHead) + 256) + 64;
}

size_t TileEncoder::Offset(size_t group, size_t pixels) const
{
    size_t offset = 0;
    for (size_t g = 0; g < group; g++)
        offset += m_plan->Offset(m_plan->groups[g], m_plan->groups[g].first + m_plan->groups[g].count, pixels);
    return offset;
}

/* Memory for the largest tile. */
char *TileEncoder::PixelsOf(size_t group, int64_t tile)
{
    const fn_window window = fn_grid_tile(&m_plan->grid, tile);
    if (!m_pixels) {
        const size_t most =
            static_cast<size_t>(m_plan->grid.tile_width) * static_cast<size_t>(m_plan->grid.tile_height);
        const size_t bytes = Offset(m_plan->groups.size(), most);
        m_pixels.reset(static_cast<char *>(aligned_alloc(64, (bytes + 63) / 64 * 64)));
        if (!m_pixels)
            throw std::bad_alloc();
    }
    return m_pixels.get() + Offset(group, static_cast<size_t>(window.width * window.height));
}

/* What lies beyond the raster's edge is 0, as in any GeoTIFF of GDAL. Since 3.9 it is NaN where LERC would take it for one of the
 * values that it quantizes; not with several bands in a block, where libtiff could not do that for long. */
static void FillBeyondEdge(const Layout &layout, std::vector<char> &block)
{
    const bool lerc = STARTS_WITH_CI(layout.options.FetchNameValueDef("COMPRESS", ""), "LERC");
    if (FN_GDAL_AT_LEAST(3, 9) && lerc && (layout.type == GDT_Float32 || layout.type == GDT_Float64) &&
        !(layout.byPixel && layout.bands > 1)) {
        const double nan = std::numeric_limits<double>::quiet_NaN();
        const int size = GDALGetDataTypeSizeBytes(layout.type);
        GDALCopyWords64(&nan, GDT_Float64, 0, block.data(), layout.type, size,
                        static_cast<GPtrDiff_t>(block.size()) / size);
    } else
        memset(block.data(), 0, block.size());
}

/* A block's pixels of one band, in the file's type. */
const char *TileEncoder::Cut(size_t output, const fn_window &tile, const fn_window &block,
                             std::vector<char> &buffer) const
{
    const size_t pixels = static_cast<size_t>(tile.width * tile.height);
    const size_t group = m_plan->GroupOf(output);
    const GDALDataType type = TypeOf(m_plan->outputs[output]);
    const int64_t from = GDALGetDataTypeSizeBytes(type), to = GDALGetDataTypeSizeBytes(m_layout.type);
    const char *data = m_pixels.get() + Offset(group, pixels) + m_plan->Offset(m_plan->groups[group], output, pixels) +
                       ((block.y - tile.y) * tile.width + block.x - tile.x) * from;
    const bool whole = block.width == m_layout.blockWidth && block.height == m_layout.blockHeight;
    if (whole && type == m_layout.type && block.width == tile.width)
        return data;
    buffer.resize(static_cast<size_t>(m_layout.blockWidth * to) * static_cast<size_t>(m_layout.blockHeight));
    if (!whole)
        FillBeyondEdge(m_layout, buffer);
    for (int64_t y = 0; y < block.height; y++) {
        const char *line = data + y * tile.width * from;
        char *target = buffer.data() + y * m_layout.blockWidth * to;
        if (type == m_layout.type)
            memcpy(target, line, static_cast<size_t>(block.width * to));
        else
            GDALCopyWords64(line, type, static_cast<int>(from), target, m_layout.type, static_cast<int>(to),
                            block.width);
    }
    return buffer.data();
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

bool TileEncoder::AddBlocks(const fn_window &tile, const std::vector<int64_t> &numbers)
{
    const fn_grid &grid = m_plan->grid;
    const int64_t columns = BlocksAlong(grid.width, m_layout.blockWidth);
    const int64_t plane = columns * BlocksAlong(grid.height, m_layout.blockHeight);
    const size_t inBlock = static_cast<size_t>(m_layout.byPixel ? m_layout.bands : 1);
    m_bands.resize(inBlock);
    std::vector<const char *> bands(inBlock);
    for (int64_t number : numbers) {
        const size_t first = static_cast<size_t>(number / plane);
        fn_window block = {number % plane % columns * m_layout.blockWidth,
                           number % plane / columns * m_layout.blockHeight, m_layout.blockWidth, m_layout.blockHeight};
        block.width = std::min(block.width, grid.width - block.x);
        block.height = std::min(block.height, grid.height - block.y);
        for (size_t i = 0; i < inBlock; i++)
            bands[i] = Cut(first + i, tile, block, m_bands[i]);
        if (!m_encoder.Add(bands.data()))
            return false;
    }
    return true;
}

fn_status TileEncoder::Encode(fn_task *task, Notes *notes, fn_error *err)
{
    const fn_window tile = fn_grid_tile(&m_plan->grid, task->number);
    const std::vector<int64_t> numbers = BlocksOf(tile);
    MessageCollector collector;
    std::vector<BlockHead> heads;
    std::vector<const char *> data(numbers.size());
    bool ok = m_encoder.Begin(static_cast<int>(numbers.size())) && AddBlocks(tile, numbers) && m_encoder.Finish();
    size_t bytes = sizeof(uint64_t);
    for (size_t i = 0; ok && i < numbers.size(); i++) {
        size_t size = 0;
        ok = m_encoder.Get(static_cast<int>(i), &data[i], &size);
        heads.push_back({numbers[i], size});
        bytes += sizeof(BlockHead) + size;
    }
    if (!ok)
        return fn_fail(err, FN_ERR_VALUE, "tile %s cannot be encoded: %s", Describe(tile).c_str(),
                       collector.Cause("the driver GTiff gives no reason").c_str());
    for (Message &message : collector.messages) {
        const size_t at = message.text.find(m_encoder.Name());
        if (at != std::string::npos)
            message.text.replace(at, m_encoder.Name().size(), "FISHNET: the output");
        notes->push_back(std::move(message));
    }
    if (bytes > task->bytes) { /* an encoding that makes it larger */
        const fn_status status = fn_stream_part(task, 0, bytes, err);
        if (status != FN_OK)
            return status;
    }
    char *to = static_cast<char *>(task->result);
    const uint64_t count = heads.size();
    memcpy(to, &count, sizeof count);
    to += sizeof count;
    memcpy(to, heads.data(), heads.size() * sizeof(BlockHead));
    to += heads.size() * sizeof(BlockHead);
    for (size_t i = 0; i < heads.size(); i++) {
        if (heads[i].size)
            memcpy(to, data[i], heads[i].size);
        to += heads[i].size;
    }
    task->bytes = bytes;
    return FN_OK;
}

fn_status SingleWorker::Run(fn_task *task, Notes *notes, fn_error *err)
{
    const Plan &plan = encoder.GetPlan();
    const int64_t tiles = fn_grid_tile_count(&plan.grid);
    for (size_t group = 0; group < plan.groups.size(); group++) {
        if (plan.outputs[plan.groups[group].first].isMask)
            continue;
        fn_task pixels = {};
        pixels.number = static_cast<int64_t>(group) * tiles + task->number;
        pixels.result = encoder.PixelsOf(group, task->number);
        pixels.cancel = task->cancel;
        Notes messages;
        const fn_status status = worker->Run(pixels, &messages, err);
        notes->insert(notes->end(), messages.begin(), messages.end());
        if (status != FN_OK)
            return status;
    }
    return encoder.Encode(task, notes, err);
}

static void SetWorkerCalls(fn_job &job)
{
    job.worker_run = [](void *, void *worker, fn_task *task, fn_error *error) {
        return KeepNotes(task, error, "a tile cannot be computed", [&](Notes &messages) {
            return static_cast<SingleWorker *>(worker)->Run(task, &messages, error);
        });
    };
    job.worker_close = [](void *, void *worker) { delete static_cast<SingleWorker *>(worker); };
}

/* ---- in a helper process ---- */

namespace
{
struct Remote {
    std::string connection, signature;
    CPLStringList openOptions, config;
    Layout layout;
    int threads = 1;
};
} // namespace

static constexpr size_t kWords = 10; /* before the options */

static Words Describe(const Plan &plan, const std::string &connection, const CPLStringList &openOptions,
                      const Layout &layout, int threads)
{
    Words words = {plan.Signature(),
                   connection,
                   std::to_string(threads),
                   std::to_string(layout.blockWidth),
                   std::to_string(layout.blockHeight),
                   std::to_string(layout.bands),
                   std::to_string(layout.byPixel),
                   GDALGetDataTypeName(layout.type),
                   std::to_string(layout.sparse),
                   std::to_string(openOptions.size())};
    for (int i = 0; i < openOptions.size(); i++)
        words.emplace_back(openOptions[i]);
    for (int i = 0; i < layout.options.size(); i++)
        words.emplace_back(layout.options[i]);
    return words;
}

static SingleWorker *OpenRemoteWorker(const Remote &remote, fn_error *err)
{
    std::unique_ptr<Worker> worker = Worker::OpenRemote(remote.connection, remote.openOptions, -1, remote.signature,
                                                        remote.config.List(), remote.threads, err);
    if (!worker)
        return nullptr;
    const std::shared_ptr<const Plan> plan = worker->GetPlan();
    return std::make_unique<SingleWorker>(std::move(worker), plan, remote.layout).release();
}

fn_status PrepareSingleJob(const Words &words, fn_job *job, std::string *, fn_error *err)
{
    if (words.size() < kWords || words.size() - kWords < static_cast<size_t>(atoi(words[kWords - 1].c_str())))
        return fn_fail(err, FN_ERR_ARGUMENT, "the helper process was told too little");
    auto *remote = new Remote();
    remote->signature = words[0];
    remote->connection = words[1];
    remote->threads = atoi(words[2].c_str());
    remote->layout.blockWidth = atoi(words[3].c_str());
    remote->layout.blockHeight = atoi(words[4].c_str());
    remote->layout.bands = atoi(words[5].c_str());
    remote->layout.byPixel = words[6] != "0";
    remote->layout.type = GDALGetDataTypeByName(words[7].c_str());
    remote->layout.sparse = words[8] != "0";
    const size_t options = kWords + static_cast<size_t>(atoi(words[9].c_str()));
    for (size_t i = kWords; i < words.size(); i++)
        (i < options ? remote->openOptions : remote->layout.options).AddString(words[i].c_str());
    remote->config = ThreadConfig();
    job->user = remote;
    job->worker_open = [](void *user, int, fn_error *error) -> void * {
        return GuardedTask<void *>(error, "a worker cannot begin", nullptr,
                                   [&] { return OpenRemoteWorker(*static_cast<const Remote *>(user), error); });
    };
    SetWorkerCalls(*job);
    return FN_OK;
}

/* ---- options ---- */

/* Codecs that need nothing but a block to encode it. */
static const char *const kCodecs[] = {"NONE",     "DEFLATE", "ZSTD",         "LZW",       "LZMA",
                                      "PACKBITS", "LERC",    "LERC_DEFLATE", "LERC_ZSTD", "WEBP"};

/* Creation options of GTiff that a block depends on; the file has them too. */
static const char *const kBlockOptions[] = {"COMPRESS",    "PREDICTOR",   "ZLEVEL",        "ZSTD_LEVEL",
                                            "LZMA_PRESET", "MAX_Z_ERROR", "WEBP_LOSSLESS", "WEBP_LEVEL",
                                            "DISCARD_LSB", "ENDIANNESS",  "NBITS",         "PIXELTYPE"};
static const char *const kFileOptions[] = {
    "BLOCKXSIZE", "BLOCKYSIZE", "INTERLEAVE",          "BIGTIFF",         "PHOTOMETRIC",  "ALPHA",  "PROFILE", "TFW",
    "RPB",        "RPCTXT",     "GEOTIFF_KEYS_FLAVOR", "GEOTIFF_VERSION", "COPY_SRC_MDD", "SRC_MDD"};

static bool Fail(CPLErrorNum number, const std::string &file, const std::string &why)
{
    CPLError(CE_Failure, number, "FISHNET: %.1000s: %s", file.c_str(), why.c_str());
    return false;
}

static bool IsAmong(const char *name, const char *const *begin, const char *const *end)
{
    return std::any_of(begin, end, [name](const char *other) { return EQUAL(name, other); });
}

bool CanCompress(const char *codec)
{
    return IsAmong(codec, std::begin(kCodecs), std::end(kCodecs));
}

static bool CheckOptions(const Creation &creation)
{
    const CPLStringList &own = creation.own;
    const char *codec = own.FetchNameValueDef("COMPRESS", "NONE");
    const char *known = GDALGetMetadataItem(GDALGetDriverByName("GTiff"), GDAL_DMD_CREATIONOPTIONLIST, nullptr);
    std::string possible;
    for (const char *name : kCodecs)
        if (known && strstr(known, CPLSPrintf("<Value>%s</Value>", name)))
            possible += (possible.empty() ? "" : ", ") + std::string(name);
    if (!CanCompress(codec) ||
        !(known && strstr(known, CPLSPrintf("<Value>%s</Value>", CPLString(codec).toupper().c_str()))))
        return Fail(CPLE_NotSupported, creation.output,
                    std::string("COMPRESS=") + codec + " is not possible with OUTPUT=SINGLE; " + possible + " are");
    for (const char *name : {"TILED", "STREAMABLE_OUTPUT", "APPEND_SUBDATASET", "COPY_SRC_OVERVIEWS"}) {
        const char *value = own.FetchNameValue(name);
        if (value && CPLTestBool(value) != EQUAL(name, "TILED"))
            return Fail(CPLE_NotSupported, creation.output,
                        std::string(name) + "=" + value + " is not possible with OUTPUT=SINGLE");
    }
    for (const char *name : {"BLOCKXSIZE", "BLOCKYSIZE"}) {
        const char *value = own.FetchNameValue(name);
        const int size = value ? atoi(value) : 16;
        if (size < 16 || size > FN_TILE_MAX || size % 16 != 0)
            return Fail(CPLE_IllegalArg, creation.output,
                        std::string(name) + "=" + value + ": a multiple of 16 is wanted");
    }
    const char *bits = own.FetchNameValue("DISCARD_LSB");
    if (bits && strchr(bits, ','))
        return Fail(CPLE_NotSupported, creation.output, "DISCARD_LSB by band is not possible with OUTPUT=SINGLE");
    return true;
}

/* ---- the file without blocks ---- */

namespace
{
/* A folder beside the output, in which it grows under its own name: what belongs to it, such as .aux.xml, has the right name too. */
class Workshop
{
  public:
    bool Make(const std::string &output);
    ~Workshop();
    std::string Path() const { return m_folder + "/" + m_name; }
    /* Moves all files to where they belong, the output as the last one. */
    bool Deliver();

  private:
    std::string m_output, m_name, m_folder;
};
} // namespace

static std::string Reason(const char *otherwise)
{
    return errno ? strerror(errno) : otherwise;
}

bool Workshop::Make(const std::string &output)
{
    m_output = output;
    m_name = CPLGetFilename(output.c_str());
    if (m_name.empty())
        return Fail(CPLE_IllegalArg, output, "it is not the name of a file");
    for (int i = 0; i < 100; i++) {
        const std::string folder =
            output + CPLSPrintf(".part-%ld%s", static_cast<long>(getpid()), i ? CPLSPrintf("-%d", i) : "");
        VSIStatBufL stat;
        if (VSIStatL(folder.c_str(), &stat) == 0)
            continue;
        errno = 0;
        if (VSIMkdir(folder.c_str(), 0777) == 0) {
            m_folder = folder;
            return true;
        }
        if (errno != EEXIST)
            break;
    }
    return Fail(CPLE_FileIO, output, "it cannot be made: " + Reason("its folder cannot be written to"));
}

Workshop::~Workshop()
{
    if (!m_folder.empty())
        GuardedQuietly(0, [&] { return VSIRmdirRecursive(m_folder.c_str()); });
}

bool Workshop::Deliver()
{
    const std::string place = m_output.substr(0, m_output.size() - m_name.size());
    Words names;
    if (!output::ListFolder("FISHNET", m_folder, names))
        return false;
    /* What an older file of that name has left would belong to the new one. */
    for (const char *ending : {".msk", ".msk.ovr", ".ovr", ".aux.xml"})
        if (std::find(names.begin(), names.end(), m_name + ending) == names.end() &&
            !output::Remove("FISHNET", m_output + ending))
            return false;
    names.erase(std::remove(names.begin(), names.end(), m_name), names.end());
    names.push_back(m_name);
    for (const std::string &name : names) {
        errno = 0;
        if (VSIRename((m_folder + "/" + name).c_str(), (place + name).c_str()) != 0)
            return Fail(CPLE_FileIO, place + name,
                        "it cannot be put in its place: " + Reason("the file system gives no reason"));
    }
    return true;
}

/* Of the work as a whole, in the eyes of who watches the progress. */
static double ShareOfMasks(const Plan &plan)
{
    return plan.outputs.size() > static_cast<size_t>(plan.bandCount) ? 0.1 : 0;
}

/* Before GDAL 3.10, a copy of several bands at a time asks no band for its blocks. GTiff leaves out those of a hollow dataset because they
 * hold nothing but NoData; that it does not see where the value is a 64-bit integer, or none of the type. Then it is set when the file is
 * there. */
class LateNoData
{
  public:
    explicit LateNoData(Dataset &source)
    {
        const Output &output = source.GetPlan().outputs[0]; /* the file has one NoData value */
        GDALRasterBandH band = GDALGetRasterBand(GDALDataset::ToHandle(&source), 1);
        int isSet = FALSE;
        m_type = output.type;
        if (m_type == FN_INT64)
            m_signed = GDALGetRasterNoDataValueAsInt64(band, &isSet);
        else if (m_type == FN_UINT64)
            m_unsigned = GDALGetRasterNoDataValueAsUInt64(band, &isSet);
        else
            m_real = GDALGetRasterNoDataValue(band, &isSet);
        m_isSet = GDAL_VERSION_NUM < GDAL_COMPUTE_VERSION(3, 10, 0) && isSet &&
                  (m_type == FN_INT64 || m_type == FN_UINT64 || !output.nodata.set);
    }
    bool IsSet() const { return m_isSet; }
    bool SetOn(GDALDatasetH dataset) const
    {
        GDALRasterBandH band = GDALGetRasterBand(dataset, 1);
        return (m_type == FN_INT64    ? GDALSetRasterNoDataValueAsInt64(band, m_signed)
                : m_type == FN_UINT64 ? GDALSetRasterNoDataValueAsUInt64(band, m_unsigned)
                                      : GDALSetRasterNoDataValue(band, m_real)) == CE_None;
    }

  private:
    fn_type m_type;
    bool m_isSet = false;
    double m_real = 0;
    int64_t m_signed = 0;
    uint64_t m_unsigned = 0;
};

/* GTiff copies all that there is to a dataset but its pixels, because it is told that there are none. */
static bool MakeFile(const Creation &creation, Dataset &source, const std::string &path)
{
    CPLStringList options;
    for (const auto &names : {std::make_pair(std::begin(kBlockOptions), std::end(kBlockOptions)),
                              std::make_pair(std::begin(kFileOptions), std::end(kFileOptions))})
        for (const char *const *name = names.first; name != names.second; name++)
            if (const char *value = creation.own.FetchNameValue(*name))
                options.SetNameValue(*name, value);
    options.SetNameValue("TILED", "YES");
    options.SetNameValue("SPARSE_OK", "TRUE");
    if (!options.FetchNameValue("BIGTIFF"))
        options.SetNameValue("BIGTIFF", "IF_SAFER");
    const LateNoData late(source);
    source.BeHollow(late.IsSet());
    /* The mask goes into the file, not beside it, and is written by one thread. */
    const CPLStringList config(CPLGetThreadLocalConfigOptions(), TRUE);
    CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES");
    CPLSetThreadLocalConfigOption("GDAL_NUM_THREADS", "1");
    void *progress =
        GDALCreateScaledProgress(0, ShareOfMasks(source.GetPlan()), creation.progress, creation.progressData);
    DatasetHandle dataset(GDALCreateCopy(GDALGetDriverByName("GTiff"), path.c_str(), GDALDataset::ToHandle(&source),
                                         FALSE, options.List(), GDALScaledProgress, progress));
    bool made = dataset != nullptr;
    if (made) {
        CPLErrorReset();
        if (late.IsSet()) {
            GDALFlushCache(dataset.get()); /* blocks that hold nothing are told by the value that there is now */
            made = late.SetOn(dataset.get());
        }
        dataset.reset();
        made = made && CPLGetLastErrorType() < CE_Failure;
    }
    GDALDestroyScaledProgress(progress);
    CPLSetThreadLocalConfigOptions(config.List());
    return made;
}

/* The file's own word on what its blocks are. */
static bool ReadLayout(const Creation &creation, const std::string &path, Layout &layout)
{
    const char *const drivers[] = {"GTiff", nullptr};
    const DatasetHandle dataset(
        GDALOpenEx(path.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, drivers, nullptr, nullptr));
    if (!dataset)
        return false;
    GDALRasterBandH band = GDALGetRasterBand(dataset.get(), 1);
    GDALGetBlockSize(band, &layout.blockWidth, &layout.blockHeight);
    layout.bands = GDALGetRasterCount(dataset.get());
    for (int i = 1; i <= layout.bands; i++)
        if (!HasNoBlock(GDALGetRasterBand(dataset.get(), i)))
            return Fail(CPLE_AppDefined, creation.output, "GTiff has written pixels of its own, so that ours cannot take their place");
    layout.type = GDALGetRasterDataType(band);
    const char *interleave = GDALGetMetadataItem(dataset.get(), "INTERLEAVE", "IMAGE_STRUCTURE");
    layout.byPixel = layout.bands > 1 && interleave && EQUAL(interleave, "PIXEL");
    layout.sparse = creation.own.FetchBool("SPARSE_OK", false);
    for (const char *name : kBlockOptions)
        if (const char *value = creation.own.FetchNameValue(name))
            layout.options.SetNameValue(name, value);
    for (const char *name : kStored) /* GTiff may have taken them from the source */
        if (const char *value = GDALGetMetadataItem(band, name, "IMAGE_STRUCTURE"))
            layout.options.SetNameValue(name, value);
    const char *codec = creation.own.FetchNameValueDef("COMPRESS", "NONE");
    const char *used = GDALGetMetadataItem(dataset.get(), "COMPRESSION", "IMAGE_STRUCTURE");
    return EQUAL(codec, used ? used : "NONE") ||
           Fail(CPLE_NotSupported, creation.output, std::string("this GDAL cannot COMPRESS=") + codec);
}

/* ---- tasks ---- */

static int64_t CommonMultiple(int64_t a, int64_t b)
{
    int64_t x = a, y = b;
    while (y != 0) {
        const int64_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x * b;
}

static int RoundTo(int64_t size, int block, int64_t most)
{
    const int64_t up = (std::min(size, most) + block - 1) / block * block;
    return static_cast<int>(up > most && up > block ? up - block : up);
}

/* A task is a tile of whole blocks of the file, and of whole tiles that suit the source as far as both go together. Depends on source and
 * file alone: it decides on the order of the blocks in the file. */
static void ChooseTile(const Plan &plan, const Layout &layout, int *width, int *height)
{
    constexpr size_t kMost = 32 << 20;
    const fn_grid &grid = plan.grid;
    size_t pixel = PixelBytes(layout);
    for (const Plane &plane : plan.planes)
        pixel += fn_type_size(plane.type);
    const auto fits = [pixel](int64_t w, int64_t h) {
        return static_cast<double>(pixel) * static_cast<double>(w) * static_cast<double>(h) <= double(kMost);
    };
    int64_t w = CommonMultiple(grid.tile_width, layout.blockWidth);
    int64_t h = CommonMultiple(grid.tile_height, layout.blockHeight);
    if (grid.tile_width >= grid.width || !fits(w, layout.blockHeight))
        w = grid.tile_width;
    if (grid.tile_height >= grid.height || !fits(w, h))
        h = grid.tile_height;
    *width = RoundTo(w, layout.blockWidth, FN_TILE_MAX);
    *height = RoundTo(h, layout.blockHeight, FN_TILE_MAX);
    while (!fits(*width, *height) && (*width > layout.blockWidth || *height > layout.blockHeight))
        if (*height > layout.blockHeight)
            *height = RoundTo(*height / 2, layout.blockHeight, FN_TILE_MAX);
        else
            *width = RoundTo(*width / 2, layout.blockWidth, FN_TILE_MAX);
}

/* ---- in the host ---- */

namespace
{
class Single
{
  public:
    explicit Single(const Creation &creation) : m_creation(creation) {}
    bool Prepare(const Dataset &source, const Layout &layout);
    /* Computes all and writes it. */
    bool Write(const std::string &path);

  private:
    size_t WorkerBytes() const;
    void SetBudget(fn_job_options &options) const;
    bool Start(fn_error *err);
    bool Place(const fn_part &part, BlockWriter &writer) const;
    bool NoteFailed(const std::string &path) const;
    bool FailTask(const fn_error &err) const;
    static void OnReport(void *user, const fn_report *report);
    void Tell(const fn_report &report, const Notes *notes);
    static bool OnFailure(void *user, fn_task *task, const fn_error *err);

    struct FreeStream {
        void operator()(fn_stream *stream) const { fn_stream_free(stream); }
    };

    const Creation &m_creation;
    Layout m_layout;
    CPLStringList m_openOptions, m_config;
    std::shared_ptr<const Plan> m_plan;
    std::shared_ptr<InputWatch> m_watch;
    std::set<std::string> m_warnings; /* that have been given */
    std::mutex m_failedMutex;
    std::map<int64_t, std::string> m_failed; /* by task: filled with NoData */
    PoolHandle m_pool;
    std::unique_ptr<fn_stream, FreeStream> m_stream;
};
} // namespace

/* The plan, with tasks of that size. Its warnings have been given by the dataset that the metadata came from. */
bool Single::Prepare(const Dataset &dataset, const Layout &layout)
{
    const Plan &source = dataset.GetPlan();
    m_watch = dataset.Watch();
    int tileWidth = 0, tileHeight = 0;
    fn_error err;
    m_layout = layout;
    /* A size that was given for the source, if it will do. */
    const char *given = m_creation.openOptions.FetchNameValueDef("TILE_SIZE", "AUTO");
    if (fn_parse_tile_size(given, &tileWidth, &tileHeight, &err) != FN_OK || tileWidth == 0 ||
        tileWidth % layout.blockWidth != 0 || tileHeight % layout.blockHeight != 0)
        ChooseTile(source, layout, &tileWidth, &tileHeight);
    m_openOptions = m_creation.openOptions;
    m_openOptions.SetNameValue("TILE_SIZE", CPLSPrintf("%dx%d", tileWidth, tileHeight));
    m_config = ThreadConfig();
    fn_recipe recipe = {};
    if (fn_recipe_parse(m_creation.connection.c_str(), m_openOptions.List(), &recipe, &err) != FN_OK)
        return Fail(CPLE_IllegalArg, m_creation.output, WithoutSecrets(err.text));
    const std::unique_ptr<fn_recipe, void (*)(fn_recipe *)> owner(&recipe, fn_recipe_clear);
    std::string cause;
    {
        std::vector<DatasetHandle> handles;
        MessageCollector collector;
        m_plan = Plan::Make(recipe, -1, handles);
        cause = collector.Cause("not recognized as a raster dataset");
    }
    if (!m_plan)
        return Fail(CPLE_OpenFailed, m_creation.output, cause);
    return true;
}

/* A worker keeps the pixels of a tile, and its encoder the blocks, before they are a result. */
size_t Single::WorkerBytes() const
{
    const fn_window tile = fn_grid_tile(&m_plan->grid, 0);
    size_t pixels = 0;
    for (size_t group = 0; group < m_plan->groups.size(); group++)
        pixels += m_plan->TaskBytes(static_cast<int64_t>(group) * fn_grid_tile_count(&m_plan->grid));
    return m_plan->WorkerBytes() + pixels + m_layout.TileBytes(tile);
}

/* What workers keep comes out of the budget, and a quarter of it at the least is left for results. A budget that was given is kept by fewer
 * workers, if need be. */
void Single::SetBudget(fn_job_options &options) const
{
    const char *cache = m_openOptions.FetchNameValue("CACHE_MB");
    const size_t own = WorkerBytes(), results = 4 * m_layout.TileBytes(fn_grid_tile(&m_plan->grid, 0));
    const size_t most = static_cast<size_t>(std::max<GIntBig>(GDALGetCacheMax64(), 1 << 20));
    options.budget = std::min(std::max(static_cast<size_t>(options.workers) * (own + results), size_t(64) << 20), most);
    if (cache) {
        options.budget = static_cast<size_t>(strtoull(cache, nullptr, 10)) << 20;
        const size_t fit = std::max<size_t>(1, options.budget / 4 * 3 / own);
        options.workers = static_cast<int>(std::min(fit, static_cast<size_t>(options.workers)));
        CPLDebug("FISHNET", "CACHE_MB=%s is enough for %d workers", cache, options.workers);
    }
    options.budget -= std::min(static_cast<size_t>(options.workers) * own, options.budget / 4 * 3);
}

bool Single::Start(fn_error *err)
{
    fn_job job = {};
    job.task_count = fn_grid_tile_count(&m_plan->grid);
    job.user = this;
    job.task_bytes = [](void *user, int64_t task) {
        const auto *self = static_cast<Single *>(user);
        return self->m_layout.TileBytes(fn_grid_tile(&self->m_plan->grid, task));
    };
    job.worker_open = [](void *user, int, fn_error *error) -> void * {
        auto *self = static_cast<Single *>(user);
        return GuardedTask<void *>(error, "a worker cannot begin", nullptr, [&] {
            std::unique_ptr<Worker> worker =
                Worker::Open(self->m_plan, self->m_config.List(), self->m_creation.workers.threads, error);
            return worker ? new SingleWorker(std::move(worker), self->m_plan, self->m_layout) : nullptr;
        });
    };
    SetWorkerCalls(job);
    job.on_report = OnReport;
    job.on_failure = m_creation.errorIsNoData ? OnFailure : nullptr;
    job.task_label = [](void *user, int64_t task, char *label, size_t size) {
        GuardedLabel(label, size, [&] { return TileName(*static_cast<Single *>(user)->m_plan, task); });
    };
    job.notes_from_bytes = NotesFromBytes;

    const fn_worker_options &workers = m_creation.workers;
    fn_job_options options = {};
    options.workers = workers.workers;
    options.retries = workers.retries;
    options.trace = m_creation.trace.empty() ? nullptr : m_creation.trace.c_str();
    SetBudget(options);
    const fn_job *scheduled = &job;
    if (workers.processes > 0) {
        Words inputs;
        for (const Source &input : m_plan->sources)
            inputs.push_back(input.path);
        m_pool = NewPool("single", Describe(*m_plan, m_creation.connection, m_openOptions, m_layout, workers.threads),
                         m_creation.folder, inputs, workers, options.budget, job, err);
        if (!m_pool)
            return false;
        scheduled = fn_pool_job(m_pool.get());
    }
    fn_stream *stream = nullptr;
    const bool ok = fn_stream_new(scheduled, &options, &stream, err) == FN_OK;
    m_stream.reset(stream);
    return ok;
}

void Single::OnReport(void *user, const fn_report *report)
{
    auto *self = static_cast<Single *>(user);
    const std::unique_ptr<Notes> notes(static_cast<Notes *>(report->notes));
    GuardedReport("FISHNET", [&] { self->Tell(*report, notes.get()); });
}

void Single::Tell(const fn_report &report, const Notes *notes)
{
    const std::string tile = TileName(*m_plan, report.task);
    CPLDebug("FISHNET", "%s by worker %d, process %ld: %.1f ms%s%s%s", tile.c_str(), report.worker, report.process,
             report.seconds * 1e3, report.status == FN_OK ? "" : ", failed: ", report.error ? report.error : "",
             report.again ? "; again" : "");
    if (!notes)
        return;
    for (const Message &message : *notes) {
        /* GTiff says once for a file what an encoder says for each of its files. */
        if (message.level == CE_Warning && !m_warnings.insert(message.text).second)
            continue;
        Emit(message, m_pool ? CPLSPrintf("%s, worker process %ld: ", tile.c_str(), report.process) : "");
    }
}

/* ON_ERROR=NODATA. On a worker's thread of this process, also where workers are processes. */
bool Single::OnFailure(void *user, fn_task *task, const fn_error *err)
{
    auto *self = static_cast<Single *>(user);
    const Plan &plan = *self->m_plan;
    return GuardedQuietly(false, [&] {
        TileEncoder encoder(self->m_plan, self->m_layout);
        for (size_t group = 0; group < plan.groups.size(); group++)
            plan.FillNoData(static_cast<int64_t>(group) * fn_grid_tile_count(&plan.grid) + task->number,
                            encoder.PixelsOf(group, task->number));
        fn_error ignored;
        auto notes = std::make_unique<Notes>();
        notes->push_back({CE_Warning, CPLE_FileIO, std::string("FISHNET: filled with NoData: ") + err->text});
        if (encoder.Encode(task, notes.get(), &ignored) != FN_OK)
            return false;
        const std::lock_guard<std::mutex> lock(self->m_failedMutex);
        self->m_failed[task->number] = err->text;
        task->notes = notes.release();
        return true;
    });
}

bool Single::FailTask(const fn_error &err) const
{
    CPLErrorNum number = CPLE_AppDefined;
    if (err.status == FN_ERR_MEMORY)
        number = CPLE_OutOfMemory;
    else if (err.status == FN_ERR_READ)
        number = CPLE_FileIO;
    return Fail(number, m_creation.output, err.text);
}

/* Puts the blocks of a task where they belong. */
bool Single::Place(const fn_part &part, BlockWriter &writer) const
{
    const char *data = static_cast<const char *>(part.data);
    uint64_t count = 0;
    size_t at = sizeof count;
    if (part.bytes >= at)
        memcpy(&count, data, at);
    bool ok = part.bytes >= at && count <= (part.bytes - at) / sizeof(BlockHead);
    const char *heads = data + at;
    at += ok ? static_cast<size_t>(count) * sizeof(BlockHead) : 0;
    for (uint64_t i = 0; ok && i < count; i++) {
        BlockHead head;
        memcpy(&head, heads + i * sizeof head, sizeof head);
        ok = head.size <= part.bytes - at;
        if (ok && head.size > 0 && !writer.Write(head.number, data + at, static_cast<size_t>(head.size)))
            return Fail(CPLE_FileIO, m_creation.output, "it cannot be written: " + writer.Why());
        at += ok ? static_cast<size_t>(head.size) : 0;
    }
    return ok || Fail(CPLE_AppDefined, m_creation.output, TileName(*m_plan, part.task) + " came back damaged");
}

/* What was filled with NoData is listed in the file, and is not valid where it has a mask. The list moves the file's directory behind the
 * blocks. */
bool Single::NoteFailed(const std::string &path) const
{
    if (m_failed.empty())
        return true;
    const char *const drivers[] = {"GTiff", nullptr};
    const DatasetHandle dataset(
        GDALOpenEx(path.c_str(), GDAL_OF_RASTER | GDAL_OF_UPDATE | GDAL_OF_VERBOSE_ERROR, drivers, nullptr, nullptr));
    if (!dataset)
        return false;
    CPLStringList list;
    list.SetNameValue("TILES_FAILED", CPLSPrintf("%d", static_cast<int>(m_failed.size())));
    int number = 0;
    bool ok = true;
    GDALRasterBandH band = GDALGetRasterBand(dataset.get(), 1);
    const bool masked = GDALGetMaskFlags(band) == GMF_PER_DATASET;
    for (const auto &failed : m_failed) {
        list.SetNameValue(CPLSPrintf("TILE_FAILED_%d", ++number), failed.second.c_str());
        const fn_window window = fn_grid_tile(&m_plan->grid, failed.first);
        GByte zero = 0; /* for all pixels */
        ok = ok && (!masked ||
                    GDALRasterIOEx(GDALGetMaskBand(band), GF_Write, static_cast<int>(window.x),
                                   static_cast<int>(window.y), static_cast<int>(window.width),
                                   static_cast<int>(window.height), &zero, 1, 1, GDT_Byte, 1, 1, nullptr) == CE_None);
    }
    ok = ok && GDALSetMetadata(dataset.get(), list.List(), "FISHNET") == CE_None;
    CPLErrorReset();
    GDALFlushCache(dataset.get());
    return ok && CPLGetLastErrorType() < CE_Failure;
}

bool Single::Write(const std::string &path)
{
    const double count = static_cast<double>(fn_grid_tile_count(&m_plan->grid)), begin = ShareOfMasks(*m_plan);
    BlockWriter writer;
    fn_error err;
    if (!writer.Open(path))
        return Fail(CPLE_FileIO, m_creation.output, "it cannot be written: " + writer.Why());
    if (!Start(&err))
        return FailTask(err);
    for (;;) {
        fn_part part = {};
        const fn_status status = fn_stream_next(m_stream.get(), &part, &err);
        const std::string why = m_watch ? m_watch->WhyNot(!part.data) : std::string();
        if (!why.empty())
            return Fail(CPLE_FileIO, m_creation.output, why);
        if (status != FN_OK)
            return FailTask(err);
        if (!part.data)
            break;
        if (!Place(part, writer))
            return false;
        const double done = begin + (1 - begin) * static_cast<double>(part.task + 1) / count;
        if (!m_creation.progress(done, "", m_creation.progressData))
            return Fail(CPLE_UserInterrupt, m_creation.output, "stopped by the user");
    }
    m_stream.reset();
    if (!writer.Close())
        return Fail(CPLE_FileIO, m_creation.output, "it cannot be written: " + writer.Why());
    return NoteFailed(path);
}

/* ---- the whole ---- */

/* The dataset that is to be written. It gives the warnings that there are, and its metadata. */
static DatasetHandle OpenSource(const Creation &creation)
{
    const fn_worker_options &workers = creation.workers;
    CPLStringList options(creation.openOptions);
    options.SetNameValue("WORKERS", workers.processes > 0 ? "PROCESSES" : "THREADS");
    options.SetNameValue("NUM_WORKERS", CPLSPrintf("%d", workers.workers));
    options.SetNameValue("THREADS_PER_WORKER", CPLSPrintf("%d", workers.threads));
    options.SetNameValue("RETRIES", CPLSPrintf("%d", workers.retries));
    options.SetNameValue("TASK_TIMEOUT", CPLSPrintf("%.17g", workers.timeout));
    options.SetNameValue("ON_ERROR", creation.errorIsNoData ? "NODATA" : "FAIL");
    const char *const drivers[] = {"FISHNET", nullptr};
    return DatasetHandle(GDALOpenEx(creation.connection.c_str(), GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, drivers,
                                    options.List(), nullptr));
}

/* Before a worker starts the source is closed again: it may have workers of its own, of masks. */
static bool Prepare(const Creation &creation, const std::string &path, Single &single)
{
    const DatasetHandle handle = OpenSource(creation);
    auto *source = dynamic_cast<Dataset *>(GDALDataset::FromHandle(handle.get()));
    Layout layout;
    return source && MakeFile(creation, *source, path) && ReadLayout(creation, path, layout) &&
           single.Prepare(*source, layout);
}

GDALDataset *CreateSingle(const Creation &creation)
{
    Workshop workshop;
    if (!CheckOptions(creation) || !workshop.Make(creation.output))
        return nullptr;
    {
        Single single(creation);
        if (!Prepare(creation, workshop.Path(), single) || !single.Write(workshop.Path()))
            return nullptr;
    }
    if (!workshop.Deliver())
        return nullptr;
    return GDALDataset::FromHandle(GDALOpenEx(
        creation.output.c_str(), GDAL_OF_RASTER | GDAL_OF_UPDATE | GDAL_OF_VERBOSE_ERROR, nullptr, nullptr, nullptr));
}

} // namespace fishnet
