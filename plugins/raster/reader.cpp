#include "reader.h"

#include <algorithm>
#include <cstring>

#include "dataset_pool.h"
#include "first_open.h"
#include "gdal_compat.h"
#include "patient_files.h"
#include "picked_input.h"
#include "pixels.h"
#include "server_rest.h"
#include "warped_input.h"

namespace fishnet
{

InputReader::InputReader(const Inputs &inputs, InputHandles handles, std::shared_ptr<SharedBlocks> blocks)
    : m_inputs(inputs), m_handles(std::move(handles)), m_blocks(std::move(blocks))
{
    for (const Input &input : m_inputs)
        m_poolPlaces = std::max(m_poolPlaces, input.poolPlaces);
}

InputReader::~InputReader()
{
    MessageCollector collector; /* nobody is there to hear them any more */
    m_handles.Close();
}

/* After a failure: the next attempt asks the server again, and GDAL has not said what it answered. */
static std::string Answer(const Input &input)
{
    const std::string answer = input.IsRemote() ? ForgetRemote(input.path) : std::string();
    return answer.empty() ? answer
                          : "; " + answer + " for " + WithoutSecrets(input.path) + AskForRest(input.path, answer);
}

void FailAsChanged(const Input *inputs, size_t count, fn_error *err)
{
    const auto isRemote = [](const Input &input) { return input.IsRemote(); };
    const fn_status status = std::any_of(inputs, inputs + count, isRemote) ? FN_ERR_READ : FN_ERR_ARGUMENT;
    constexpr size_t kAsked = 8; /* of many, the next attempt asks for all that GDAL has forgotten */
    std::string names, answers;
    if (count > kAsked && status == FN_ERR_READ)
        VSICurlClearCache();
    for (size_t i = 0; i < count; i++) {
        names += (i > 0 ? " or " : "") + Describe(inputs[i]);
        if (answers.empty() && i < kAsked)
            answers = Answer(inputs[i]);
    }
    fn_fail(err, status, "an input has changed since it was opened: %.400s%.800s", names.c_str(), answers.c_str());
}

std::unique_ptr<InputReader> InputReader::Open(const Inputs &inputs, size_t most, std::shared_ptr<SharedBlocks> blocks,
                                               fn_error *err)
{
    MessageCollector collector;
    auto reader = std::make_unique<InputReader>(inputs, InputHandles(inputs, most), std::move(blocks));
    const PoolPlaces places(reader->m_poolPlaces);
    for (size_t i = 0; i < inputs.size() && i < most; i++) {
        const Input &input = inputs[i];
        DatasetHandle dataset = OpenAgain(input);
        const std::string answer = dataset ? std::string() : Answer(input);
        if (!dataset && answer.empty() && input.IsRemote()) /* GDAL had kept what the server said to another worker */
            dataset = OpenAgain(input);
        if (!dataset) {
            fn_fail(err, FN_ERR_READ, "a worker cannot open input %.400s again: %.800s", Describe(input).c_str(),
                    (collector.Cause("not recognized as a raster dataset") + answer).c_str());
            return nullptr;
        }
        const bool isSame = StructureOf(dataset.get(), input.bands) == input.structure;
        const std::string unread = input.IsRemote() ? WhatIsUnread(collector) : std::string();
        if (!isSame || !unread.empty()) {
            FailAsChanged(&input, 1, err);
            if (!unread.empty())
                fn_fail(err, FN_ERR_READ, "a worker cannot open input %.400s again: %.800s", Describe(input).c_str(),
                        unread.c_str());
            return nullptr;
        }
        reader->m_handles.Add(std::move(dataset));
    }
    return reader;
}

std::string InputReader::WhatIsRead() const
{
    return CPLSPrintf("%s %d of ", m_reading.mask ? "the mask of band" : "band", m_reading.band) +
           Describe(m_inputs[m_reading.input]);
}

std::string InputReader::NameOf(const Plane &plane) const
{
    return "band " + std::to_string(plane.band) + " of " + Describe(m_inputs[plane.input]);
}

/* For a driver that fails without a message. */
std::string InputReader::WhatFailed() const
{
    GDALDatasetH dataset = m_reading.isOpen ? m_handles.Find(m_reading.input) : nullptr;
    GDALDriverH driver = dataset ? GDALGetDatasetDriver(dataset) : nullptr;
    return CPLSPrintf("the driver %s gives no reason; it was to read ",
                      driver ? GDALGetDriverShortName(driver) : "of GDAL") +
           WhatIsRead();
}

std::string InputReader::Cause(const MessageCollector &said) const
{
    return said.Cause(WhatFailed().c_str()) + m_answer;
}

/* ---- one band ---- */

/* Reads one band's window, packed, in the band's own type. */
static bool ReadBand(GDALRasterBandH band, const fn_window &w, void *data, GDALDataType type)
{
    const int64_t before = PatientFailures();
    return GDALRasterIO(band, GF_Read, static_cast<int>(w.x), static_cast<int>(w.y), static_cast<int>(w.width),
                        static_cast<int>(w.height), data, static_cast<int>(w.width), static_cast<int>(w.height), type,
                        0, 0) == CE_None &&
           PatientFailures() == before;
}

static bool IsWholeBlocks(GDALRasterBandH band, const fn_window &w)
{
    int blockWidth = 0, blockHeight = 0;
    GDALGetBlockSize(band, &blockWidth, &blockHeight);
    const bool ends = (w.x + w.width) % blockWidth == 0 || w.x + w.width == GDALGetRasterBandXSize(band);
    const bool endsBelow = (w.y + w.height) % blockHeight == 0 || w.y + w.height == GDALGetRasterBandYSize(band);
    return w.x % blockWidth == 0 && w.y % blockHeight == 0 && ends && endsBelow;
}

/* A window of whole blocks of a GeoTIFF is read block by block, past GDAL's block cache: each block is wanted once,
 * by one worker, so the cache would only cost memory, page faults and a lock. Not where a block holds several bands,
 * which the cache keeps for the next one, unless it is a single block, which the driver keeps itself. Other drivers
 * may do better with the whole window. parts: the window may begin and end within blocks. */
static bool SuitsBlocks(GDALDatasetH dataset, GDALRasterBandH band, const fn_window &w, bool parts)
{
    GDALDriverH driver = GDALGetDatasetDriver(dataset);
    if (!driver || !EQUAL(GDALGetDriverShortName(driver), "GTiff"))
        return false;
    int blockWidth = 0, blockHeight = 0;
    GDALGetBlockSize(band, &blockWidth, &blockHeight);
    if (!parts && !IsWholeBlocks(band, w))
        return false;
    const char *interleave = GDALGetMetadataItem(dataset, "INTERLEAVE", "IMAGE_STRUCTURE");
    const bool oneBand = GDALGetRasterCount(dataset) == 1 || (interleave && !EQUAL(interleave, "PIXEL"));
    return oneBand || (w.width <= blockWidth && w.height <= blockHeight);
}

/* Reads what of a block a window has. data: the window's. */
static bool ReadBlock(GDALRasterBandH band, int64_t column, int64_t row, const fn_window &w, char *data, size_t size,
                      std::vector<char> &block)
{
    int blockWidth = 0, blockHeight = 0;
    GDALGetBlockSize(band, &blockWidth, &blockHeight);
    const fn_window own = {column * blockWidth, row * blockHeight, blockWidth, blockHeight};
    const bool isAll = own.x == w.x && own.y == w.y && own.width == w.width && own.height == w.height;
    if (!isAll)
        block.resize(static_cast<size_t>(blockWidth) * static_cast<size_t>(blockHeight) * size);
    if (GDALReadBlock(band, static_cast<int>(column), static_cast<int>(row), isAll ? data : block.data()) != CE_None)
        return false;
    const fn_window both = fn_window_overlap(own, w);
    if (!isAll)
        CopyRows(block.data() + static_cast<size_t>((both.y - own.y) * blockWidth + both.x - own.x) * size, blockWidth,
                 data + static_cast<size_t>((both.y - w.y) * w.width + both.x - w.x) * size, w.width, both, size);
    return true;
}

static bool ReadBlockByBlock(GDALRasterBandH band, const fn_window &w, char *data, size_t size,
                             std::vector<char> &block)
{
    int blockWidth = 0, blockHeight = 0;
    GDALGetBlockSize(band, &blockWidth, &blockHeight);
    for (int64_t row = w.y / blockHeight; row * blockHeight < w.y + w.height; row++)
        for (int64_t column = w.x / blockWidth; column * blockWidth < w.x + w.width; column++)
            if (!ReadBlock(band, column, row, w, data, size, block))
                return false;
    return true;
}

/* The band that is to be read. NULL: GDAL has said why. */
GDALRasterBandH InputReader::Find(size_t input, int number, bool mask)
{
    m_reading = {input, number, mask, false};
    GDALDatasetH dataset = m_handles.Find(input);
    m_reading.isOpen = dataset != nullptr;
    return dataset ? GDALGetRasterBand(dataset, number) : nullptr;
}

bool InputReader::ReadMask(size_t input, int number, const fn_window &window, void *data)
{
    GDALRasterBandH band = Find(input, number, true);
    return band && ReadBand(GDALGetMaskBand(band), window, data, GDT_Byte);
}

bool InputReader::ReadPixels(size_t input, const BandBuffer &own, const fn_window &window)
{
    const Pipeline &pipeline = m_inputs[input].pipeline;
    GDALRasterBandH band = Find(input, own.band, false);
    if (!band)
        return false;
    const size_t size = fn_type_size(own.type);
    if (pipeline.oneRow || pipeline.wide) {
        const int64_t step = pipeline.oneRow ? 1 : window.height;
        const size_t count = static_cast<size_t>(window.width * step);
        const GDALDataType read = pipeline.wide ? GDT_Float64 : TypeInMemory(own.type);
        char *to = own.data;
        for (int64_t y = 0; y < window.height; y += step, to += count * size) {
            if (pipeline.wide)
                m_block.resize(count * sizeof(double));
            if (!ReadBand(band, {window.x, window.y + y, window.width, step}, pipeline.wide ? m_block.data() : to,
                          read))
                return false;
            if (pipeline.wide)
                GDALCopyWords64(m_block.data(), GDT_Float64, sizeof(double), to, TypeInMemory(own.type),
                                static_cast<int>(size), static_cast<GPtrDiff_t>(count));
        }
        return true;
    }
    const bool isRemote = m_inputs[input].IsRemote();
    if ((m_inputs[input].bandCount > 1 || isRemote) && IsWholeBlocks(band, window))
        m_cached.insert(input);
    if (!isRemote && SuitsBlocks(GDALGetBandDataset(band), band, window, m_partsOfBlocks))
        return ReadBlockByBlock(band, window, own.data, size, m_block);
    return ReadBand(band, window, own.data, TypeInMemory(own.type));
}

/* Reads what a window has of a block that cannot be decoded here. */
bool InputReader::ReadPart(size_t input, const BandBuffer &own, const fn_window &window, const fn_window &part)
{
    const Fetch fetch(ReadersOf(input));
    GDALRasterBandH band = Find(input, own.band, false);
    int blockWidth = 0, blockHeight = 0;
    if (!band)
        return false;
    GDALGetBlockSize(band, &blockWidth, &blockHeight);
    return ReadBlock(band, part.x / blockWidth, part.y / blockHeight, window, own.data, fn_type_size(own.type),
                     m_block);
}

/* ---- bands of an input ---- */

/* Past GDAL? Blocks are wanted once then: those that the window only touches would be decoded again for others. */
bool InputReader::CanReadBlocks(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window)
{
    const Pipeline &pipeline = m_inputs[input].pipeline;
    if (pipeline.oneRow || pipeline.wide || !Find(input, bands[0].band, false))
        return false;
    const BlockReader *blocks = m_handles.Blocks(input);
    return blocks && blocks->CanRead(bands) && (m_partsOfBlocks || blocks->IsWholeBlocks(window)) &&
           blocks->LieTogether(bands, window);
}

/* NULL for an input on this machine. */
Turns *InputReader::ReadersOf(size_t input) const
{
    return m_inputs[input].IsRemote() ? WhoComputes() : nullptr;
}

bool InputReader::ReadBlocks(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window)
{
    return m_handles.Blocks(input)->Read(
        bands, window, window.width, m_scratch,
        [&](const BandBuffer &band, const fn_window &part) { return ReadPart(input, band, window, part); },
        ReadersOf(input));
}

/* Out of the files of a mosaic, past GDAL? False: GDAL is to do it. */
bool InputReader::ReadSources(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window,
                              const volatile bool *cancel)
{
    VrtReader *sources = m_handles.Sources(input);
    return sources && sources->CanRead(bands) && sources->Read(bands, window, m_blocks.get(), cancel, m_scratch);
}

bool InputReader::ReadEach(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window,
                           const volatile bool *cancel)
{
    const auto read = [&] {
        return std::all_of(bands.begin(), bands.end(), [&](const BandBuffer &band) {
            return !fn_is_cancelled(cancel) &&
                   (band.isMask ? ReadMask(input, band.band, window, band.data) : ReadPixels(input, band, window));
        });
    };
    return m_inputs[input].onGrid.warpBlock > 0 ? ReadWarped(read) : read();
}

/* ---- bands as they are ---- */

/* Beyond a network: one call of GDAL for all bands that it can read together, so that it joins what it asks the server
 * for. It reads block by block where it is asked for blocks. */
bool InputReader::ReadRemote(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window,
                             const volatile bool *cancel)
{
    const auto isAlike = [&](const BandBuffer &band) { return band.type == bands[0].type && !band.isMask; };
    const Pipeline &pipeline = m_inputs[input].pipeline;
    if (bands.size() < 2 || pipeline.oneRow || pipeline.wide || !std::all_of(bands.begin(), bands.end(), isAlike))
        return ReadEach(input, bands, window, cancel);
    const size_t bytes = static_cast<size_t>(window.width * window.height) * fn_type_size(bands[0].type);
    std::vector<BandBuffer> packed = bands;
    m_block.resize(bands.size() * bytes);
    for (size_t i = 0; i < bands.size(); i++)
        packed[i].data = m_block.data() + i * bytes;
    m_cached.insert(input);
    if (!ReadTogether(input, packed, window))
        return false;
    for (size_t i = 0; i < bands.size(); i++)
        memcpy(bands[i].data, packed[i].data, bytes);
    return true;
}

/* Out of the raster, whose cells are counted. */
bool InputReader::ReadByPicking(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window,
                                const volatile bool *cancel)
{
    const size_t most = std::clamp<size_t>(m_handles.Most() / 4, 1, 16); /* that are open, of a stack with many */
    const Picking &picking = *m_inputs[input].onGrid.picking;
    const auto isElse = [&](const BandBuffer &band) {
        return band.isMask && !picking.bands[static_cast<size_t>(band.band) - 1].hasMask;
    };
    if (std::any_of(bands.begin(), bands.end(), isElse))
        return ReadEach(input, bands, window, cancel);
    std::unique_ptr<InputReader> &source = m_sources[input];
    if (!source) {
        source = std::make_unique<InputReader>(picking.source, InputHandles(picking.source, 2), nullptr);
        if (m_sources.size() > most)
            m_sources.erase(m_sources.begin()->first == input ? std::next(m_sources.begin()) : m_sources.begin());
    }
    InputReader &own = *m_sources[input];
    m_reading = {input, bands[0].band, bands[0].isMask, true};
    own.ReadPartsOfBlocks(m_partsOfBlocks);
    const bool done =
        ReadPicked(picking, bands, window, cancel, [&](const std::vector<BandBuffer> &buffers, const fn_window &part) {
            return own.ReadBands(0, buffers, part);
        });
    own.DropCached();
    return done;
}

/* Beyond a network an error that is told is one, whatever is returned: where libtiff cannot read the place of a block,
 * it says so, and takes it for a hole the next time. */
template <class Read> static bool ReadCompletely(bool isRemote, const Read &read)
{
    if (!isRemote)
        return read();
    std::vector<Message> messages;
    bool done = false;
    {
        MessageCollector collector;
        done = read() && collector.Failures() == 0;
        messages = std::move(collector.messages);
    }
    for (const Message &message : messages)
        Emit(message);
    return done;
}

/* By GDAL, or out of the files of a mosaic. */
bool InputReader::ReadWhole(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window,
                            const volatile bool *cancel)
{
    if (m_inputs[input].onGrid.picking)
        return ReadByPicking(input, bands, window, cancel);
    const Fetch fetch(ReadersOf(input));
    const bool isRemote = m_inputs[input].IsRemote();
    return ReadSources(input, bands, window, cancel) || ReadCompletely(isRemote, [&] {
               return isRemote ? ReadRemote(input, bands, window, cancel) : ReadEach(input, bands, window, cancel);
           });
}

/* Bands of one type that are interleaved by pixel are decoded together. */
bool InputReader::ReadTogether(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window)
{
    std::vector<int> numbers;
    for (const BandBuffer &band : bands)
        numbers.push_back(band.band);
    GDALRasterBandH first = Find(input, numbers[0], false);
    const auto read = [&] {
        return first && GDALDatasetRasterIOEx(
                            GDALGetBandDataset(first), GF_Read, static_cast<int>(window.x), static_cast<int>(window.y),
                            static_cast<int>(window.width), static_cast<int>(window.height), bands[0].data,
                            static_cast<int>(window.width), static_cast<int>(window.height),
                            TypeInMemory(bands[0].type), static_cast<int>(numbers.size()), numbers.data(), 0, 0,
                            static_cast<GSpacing>(bands[1].data - bands[0].data), nullptr) == CE_None;
    };
    return m_inputs[input].onGrid.warpBlock > 0 ? ReadWarped(read) : read();
}

bool InputReader::ReadBands(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window)
{
    const bool done = ReadBandsOnce(input, bands, window) && AreExact(input, bands, window);
    if (!done)
        m_answer = Answer(Reading());
    return done;
}

/* GDAL's warper computes in double precision, and adds half of one where it makes a whole number. */
static bool IsExact(GDALDatasetH dataset, const BandBuffer &own, size_t pixels)
{
    constexpr int64_t kMost = (int64_t(1) << 52) - 1;
    const fn_nodata nodata = NoDataOf(GDALGetRasterBand(dataset, own.band), own.type);
    const auto *is = reinterpret_cast<const int64_t *>(own.data);
    const auto *u = reinterpret_cast<const uint64_t *>(own.data);
    for (size_t i = 0; i < pixels; i++) {
        const bool isSmall = own.type == FN_INT64 ? is[i] >= -kMost && is[i] <= kMost : u[i] <= uint64_t(kMost);
        if (isSmall || (nodata.set && nodata.value.u == u[i]))
            continue;
        const std::string number = own.type == FN_INT64 ? std::to_string(is[i]) : std::to_string(u[i]);
        CPLError(CE_Failure, CPLE_AppDefined,
                 "band %d has the number %s on another grid: GDAL's warper computes in double precision, and may have "
                 "rounded it. Numbers below 2^52 are exact",
                 own.band, number.c_str());
        return false;
    }
    return true;
}

/* Of those that are resampled. */
bool InputReader::AreExact(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window)
{
    return m_inputs[input].onGrid.warpBlock == 0 ||
           std::all_of(bands.begin(), bands.end(), [&](const BandBuffer &band) {
               return band.isMask || (band.type != FN_INT64 && band.type != FN_UINT64) ||
                      IsExact(m_handles.Find(input), band, static_cast<size_t>(window.width * window.height));
           });
}

bool InputReader::ReadBandsOnce(size_t input, const std::vector<BandBuffer> &bands, const fn_window &window)
{
    const PoolPlaces places(m_poolPlaces);
    const Pipeline &pipeline = m_inputs[input].pipeline;
    const ThreadSetting calm = WithoutThreads(pipeline.remote.is);
    if (CanReadBlocks(input, bands, window))
        return ReadBlocks(input, bands, window);
    const volatile bool goesOn = false;
    if (m_inputs[input].onGrid.picking)
        return ReadByPicking(input, bands, window, &goesOn);
    const Fetch fetch(ReadersOf(input));
    if (ReadSources(input, bands, window, &goesOn))
        return true;
    const bool together = bands.size() > 1 && !pipeline.oneRow && !pipeline.wide &&
                          std::all_of(bands.begin(), bands.end(), [&](const BandBuffer &band) {
                              return band.type == bands[0].type && !band.isMask;
                          });
    return ReadCompletely(m_inputs[input].IsRemote(), [&] {
        return together ? ReadTogether(input, bands, window) : ReadEach(input, bands, window, &goesOn);
    });
}

/* ---- planes ---- */

bool InputReader::ReadPlanes(const std::vector<Plane> &planes, const fn_window &window, const volatile bool *cancel,
                             std::vector<fn_plane> &read)
{
    const PoolPlaces places(m_poolPlaces);
    m_read.resize(planes.size());
    m_pieces.assign(planes.size(), {});
    m_held.clear();
    read.clear();
    std::map<size_t, std::vector<size_t>> groups; /* by input: each is opened, and its blocks are decoded, once */
    for (size_t i = 0; i < planes.size(); i++)
        if (m_inputs[planes[i].input].units.width == 0)
            groups[planes[i].input].push_back(i);
    bool done = true;
    for (auto group = groups.begin(); done && group != groups.end(); ++group) {
        done = ReadGroup(planes, group->second, window, cancel, m_read);
        DropCached();
    }
    done = done && ReadShared(planes, window, cancel);
    DropCached();
    if (!done && !fn_is_cancelled(cancel))
        m_answer = Answer(Reading());
    if (!done)
        return false;
    for (size_t i = 0; i < planes.size(); i++)
        read.push_back({m_read[i].pixels.data(), planes[i].type, planes[i].nodata,
                        planes[i].Masked() ? m_read[i].mask.data() : nullptr, m_pieces[i].data(), m_pieces[i].size()});
    return true;
}

/* Where bands are stored together, GDAL decodes one into the others' caches: of a stack these are many, and no other
 * window wants them. */
void InputReader::DropCached()
{
    MessageCollector collector; /* nothing is written */
    for (const size_t input : m_cached)
        if (GDALDatasetH dataset = m_handles.FindOpen(input))
            for (int band = 1; band <= m_inputs[input].bandCount; band++)
                GDALFlushRasterCache(GDALGetRasterBand(dataset, band));
    m_cached.clear();
}

/* Opaqueness is read with the planes, once for all. */
bool InputReader::AddAlpha(const Plane &plane, const fn_window &window, std::vector<BandBuffer> &bands)
{
    GDALRasterBandH band = Find(plane.input, plane.alpha, false);
    const fn_type type = band ? FromGDAL(band) : FN_TYPE_COUNT;
    if (type == FN_TYPE_COUNT)
        return false;
    m_alpha.resize(static_cast<size_t>(window.width * window.height) * fn_type_size(type));
    bands.push_back({plane.alpha, false, type, m_alpha.data()});
    return true;
}

void InputReader::UseAlpha(const BandBuffer &alpha, const fn_window &window)
{
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    m_opaque.assign(pixels, 255);
    HideWhereZero(m_alpha.data(), alpha.type, pixels, m_opaque.data());
}

/* Reads planes of one input. */
bool InputReader::ReadGroup(const std::vector<Plane> &planes, const std::vector<size_t> &group, const fn_window &window,
                            const volatile bool *cancel, std::vector<PlanePixels> &read)
{
    const size_t input = planes[group[0]].input, pixels = static_cast<size_t>(window.width * window.height);
    const ThreadSetting calm = WithoutThreads(m_inputs[input].IsRemote());
    std::vector<BandBuffer> bands, masks;
    for (const size_t i : group) {
        read[i].pixels.resize(pixels * fn_type_size(planes[i].type));
        bands.push_back({planes[i].band, false, planes[i].type, read[i].pixels.data()});
        if (!planes[i].Masked())
            continue;
        read[i].mask.resize(pixels);
        if (planes[i].mask)
            masks.push_back({planes[i].band, true, FN_UINT8, reinterpret_cast<char *>(read[i].mask.data())});
    }
    const auto byAlpha = std::find_if(group.begin(), group.end(), [&](size_t i) { return planes[i].alpha > 0; });
    if (byAlpha != group.end() && !AddAlpha(planes[*byAlpha], window, bands))
        return false;
    if (fn_is_cancelled(cancel) ||
        !(CanReadBlocks(input, bands, window) ? ReadBlocks(input, bands, window)
                                              : ReadWhole(input, bands, window, cancel)) ||
        !AreExact(input, bands, window) || (!masks.empty() && !ReadWhole(input, masks, window, cancel)))
        return false;
    if (byAlpha == group.end())
        return true;
    UseAlpha(bands.back(), window);
    for (const size_t i : group)
        if (planes[i].alpha > 0 && !planes[i].mask)
            read[i].mask = m_opaque;
        else if (planes[i].alpha > 0)
            std::transform(m_opaque.begin(), m_opaque.end(), read[i].mask.begin(), read[i].mask.begin(),
                           [](unsigned char opaque, unsigned char valid) { return opaque ? valid : opaque; });
    return true;
}

} // namespace fishnet
