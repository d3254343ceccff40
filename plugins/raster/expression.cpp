#include "expression.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "fishnet/recipe.h"
#include "georeference.h"
#include "open_options.h"

namespace fishnet
{

/* Of many rasters so many are read at a time, where the result does not need all of them. */
constexpr int kRastersAtOnce = 16;
/* What a worker may take for planes; the rows of a tile are cut where it is too little. */
constexpr size_t kWorkerBytes = size_t(160) << 20;

namespace
{
/* What names in an expression stand for. */
struct Names {
    const ExpressionSource &source;
    const Inputs &inputs;
    const InputHandles &handles;
    std::set<std::string> used = {};
    std::map<std::pair<int, int>, Plane> planes = {}; /* of raster and band, those that were asked for */
};
} // namespace

/* Bands of an input, or of that member of a stack which has most. */
static int BandsOf(const RasterName &name, const Inputs &inputs)
{
    int bands = 0;
    for (size_t i = 0; i < static_cast<size_t>(std::max(1, name.members)); i++)
        bands = std::max(bands, inputs[name.first + i].bandCount);
    return bands;
}

/* fn_expr_find. */
static fn_status FindRaster(void *user, const char *text, size_t length, fn_expr_name *found, fn_error *err)
{
    const auto *names = static_cast<const Names *>(user);
    const std::string name(text, length);
    std::vector<std::string> known;
    for (const RasterName &own : names->source.names) {
        if (own.name == name) {
            *found = {static_cast<int>(own.first), own.members, BandsOf(own, names->inputs)};
            return FN_OK;
        }
        known.push_back(own.name);
    }
    const std::string nearest = NearestName(name, known);
    if (nearest.empty() && length == 1 && *text >= 'A' && *text <= 'Z')
        return fn_fail(err, FN_ERR_SYNTAX, "there is no input %c, give one with -oo %s=<dataset>", *text,
                       names->source.option ? names->source.option : name.c_str());
    std::string all;
    for (const std::string &one : known)
        all += (all.empty() ? "" : ", ") + one;
    return fn_fail(err, FN_ERR_SYNTAX, "%s%s%s%s %.300s", nearest.empty() ? "" : "did you mean '", nearest.c_str(),
                   nearest.empty() ? "" : "'? ", known.size() == 1 ? "the only input is" : "the inputs are",
                   all.c_str());
}

/* fn_expr_find: any name may stand for the only raster. Letters but X are left for other inputs. */
static fn_status NoteName(void *user, const char *text, size_t length, fn_expr_name *found, fn_error *err)
{
    auto *names = static_cast<Names *>(user);
    const std::string name(text, length);
    const bool isLetter = length == 1 && *text >= 'A' && *text <= 'Z' && *text != 'X';
    if (name != names->source.names[0].name &&
        (isLetter || !fn_recipe_is_input_name(text, length) || fn_expr_is_word(text, length)))
        return fn_fail(err, FN_ERR_SYNTAX, "%s", "");
    names->used.insert(name);
    *found = {0, 0, BandsOf(names->source.names[0], names->inputs)};
    return FN_OK;
}

/* What the texts call the only raster: their only name, else what it is called anyway. */
static std::string OnlyName(Names &names, fn_expr_options options)
{
    options.find = NoteName;
    options.user = &names;
    for (const std::string &text : names.source.texts) {
        int bands = 0;
        fn_error err;
        fn_expr_count_bands(text.c_str(), &options, &bands, &err); /* what is wrong is said when it is compiled */
    }
    return names.used.size() == 1 ? *names.used.begin() : names.source.names[0].name;
}

/* Overviews do not know it: the whole does. False: values cannot be computed by what the band has. */
static bool FindScale(const Input &input, GDALDatasetH dataset, int band, Plane &plane)
{
    Input whole = input;
    DatasetHandle opened;
    if (whole.openOptions.FetchNameValue("OVERVIEW_LEVEL")) {
        whole.openOptions.SetNameValue("OVERVIEW_LEVEL", nullptr);
        opened = OpenAgain(whole);
        if (!opened)
            throw std::runtime_error("the whole of " + Describe(input) + " cannot be opened for its scale");
    }
    GDALRasterBandH handle = GDALGetRasterBand(opened ? opened.get() : dataset, band);
    int hasScale = FALSE, hasOffset = FALSE;
    const double scale = GDALGetRasterScale(handle, &hasScale), offset = GDALGetRasterOffset(handle, &hasOffset);
    plane.scale = hasScale ? scale : 1;
    plane.offset = hasOffset ? offset : 0;
    return std::isfinite(plane.scale) && std::isfinite(plane.offset);
}

/* fn_expr_scale. */
static void ScaleOf(void *user, int raster, int band, double *scale, double *offset)
{
    const Plane &plane = static_cast<Names *>(user)->planes.at({raster, band});
    *scale = plane.scale;
    *offset = plane.offset;
}

/* fn_expr_resolve: can it be computed with? */
static fn_status ResolveBand(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    auto *names = static_cast<Names *>(user);
    const auto input = static_cast<size_t>(raster);
    const auto find = [&] {
        const auto known = names->planes.find({raster, band});
        if (known != names->planes.end()) {
            *type = known->second.type;
            return FN_OK;
        }
        const ExpressionSource &source = names->source;
        const fn_status status = CheckBand(names->inputs[input], names->handles[input], band, type, err);
        if (status != FN_OK)
            return status;
        Plane plane = MakePlane(names->inputs, names->handles, input, band, source.ignoreAlpha, source.nodata);
        if (source.unscale && !FindScale(names->inputs[input], names->handles[input], band, plane))
            return fn_fail(err, FN_ERR_SYNTAX,
                           "band %d of %.300s has the scale %g and the offset %g, which are no numbers", band,
                           Describe(names->inputs[input]).c_str(), plane.scale, plane.offset);
        names->planes[{raster, band}] = plane;
        return FN_OK;
    };
    return GuardedTask(err, "CALC", FN_ERR_READ, find);
}

static size_t BytesOf(const std::vector<Plane> &planes)
{
    size_t bytes = 0;
    for (const Plane &plane : planes)
        bytes += plane.PixelBytes();
    return bytes;
}

namespace
{
/* The texts as fn_expr_compile() takes them. */
struct Texts {
    std::vector<const char *> text;
    std::vector<int> band; /* that names alone mean */
    std::vector<std::string> name;
};
} // namespace

/* Each text, or with allBands each of its bands. False after CPLError. */
static bool ListTexts(const ExpressionSource &source, const char *driver, const fn_expr_options &options, Texts &texts)
{
    for (const std::string &text : source.texts) {
        int bands = 1;
        fn_error err;
        if (source.allBands && fn_expr_count_bands(text.c_str(), &options, &bands, &err) != FN_OK) {
            CPLError(CE_Failure, CPLE_AppDefined, "%s: CALC: %s", driver, err.text);
            return false;
        }
        for (int band = 1; band <= bands; band++) {
            texts.text.push_back(text.c_str());
            texts.band.push_back(band);
            texts.name.push_back(bands > 1 ? text + " (band " + std::to_string(band) + ")" : text);
        }
    }
    return true;
}

/* NULL after CPLError. */
static Expression::Compiled CompileTexts(const Texts &texts, const char *driver, const fn_expr_options &options)
{
    fn_error err;
    fn_expr *compiled = nullptr;
    if (fn_expr_compile(texts.text.data(), static_cast<int>(texts.text.size()), &options, &compiled, &err) != FN_OK)
        CPLError(CE_Failure, CPLE_AppDefined, "%s: CALC: %s", driver, err.text);
    return Expression::Compiled(compiled);
}

std::unique_ptr<const Expression> Expression::Compile(const ExpressionSource &given, Inputs &inputs,
                                                      const InputHandles &handles, std::vector<Plane> &planes,
                                                      std::vector<std::string> *outputs)
{
    ExpressionSource source = given;
    Names names = {source, inputs, handles};
    fn_expr_options options = {};
    options.nodata = source.nodata;
    options.flatten = source.flatten;
    options.propagate = source.propagate;
    options.find = FindRaster;
    options.resolve = ResolveBand;
    options.scale = ScaleOf;
    options.user = &names;
    const fn_georeference georeference = GeoreferenceOf(handles[0]);
    options.georeference = &georeference;
    if (source.anyName)
        source.names[0].name = OnlyName(names, options);
    Texts texts;
    if (!ListTexts(source, inputs[0].driver, options, texts))
        return nullptr;
    options.bands = texts.band.data();
    auto self = std::make_unique<Expression>();
    self->m_expr = CompileTexts(texts, inputs[0].driver, options);
    if (outputs)
        *outputs = texts.name;
    fn_expr *compiled = self->m_expr.get();
    for (int i = 0; compiled && i < fn_expr_input_count(compiled); i++) {
        int raster = 0, band = 0;
        fn_expr_input(compiled, i, &raster, &band);
        Plane &plane = self->m_planes.emplace_back(names.planes.at({raster, band}));
        plane.reach = fn_expr_input_reach(compiled, i);
        plane.wraps = fn_expr_wraps(compiled);
        inputs[plane.input].bands.push_back(band);
    }
    if (!compiled)
        return nullptr;
    if (!self->m_planes.empty()) {
        int width = 0;
        const Plane &plane = self->m_planes[0];
        GDALGetBlockSize(GDALGetRasterBand(handles[plane.input], plane.band), &width, &self->m_blockHeight);
    }
    planes.insert(planes.end(), self->m_planes.begin(), self->m_planes.end());
    self->m_pixelBytes = BytesOf(self->m_planes);
    options.rasters_at_once = kRastersAtOnce;
    if (!source.streams || inputs.size() <= size_t(kRastersAtOnce) || self->LooksAround())
        return self;
    Compiled inPhases = CompileTexts(texts, inputs[0].driver, options);
    if (!inPhases)
        return nullptr;
    self->TakePhases(std::move(inPhases));
    return self;
}

/* The same expression, to be run in phases: what is kept from one to the next costs time, so that they must need much
 * less memory to be of use. */
void Expression::TakePhases(Compiled expr)
{
    std::vector<Phase> phases;
    size_t most = 0;
    for (int i = 0; i < fn_expr_phase_count(expr.get()); i++) {
        int n = 0;
        const int *numbers = fn_expr_phase_inputs(expr.get(), i, &n);
        Phase &phase = phases.emplace_back();
        for (int k = 0; k < n; k++) {
            phase.numbers.push_back(static_cast<size_t>(numbers[k]));
            phase.planes.push_back(m_planes[phase.numbers.back()]);
        }
        most = std::max(most, BytesOf(phase.planes));
    }
    most += fn_expr_kept_bytes(expr.get(), 1);
    if (phases.size() < 2 || 2 * most > m_pixelBytes)
        return;
    CPLDebug("FISHNET", "%d bands are read in %d phases", static_cast<int>(m_planes.size()),
             static_cast<int>(phases.size()));
    m_pixelBytes = most;
    m_phases = std::move(phases);
    m_expr = std::move(expr);
}

size_t Expression::ScratchBytes(int64_t width, int64_t height) const
{
    return LooksAround() ? fn_expr_window_scratch_bytes(m_expr.get(), width, height)
                         : fn_expr_scratch_bytes(m_expr.get());
}

/* Each pixel for itself. */
fn_status Expression::RunAlone(const fn_plane *planes, const fn_window &window, const fn_sink *sinks, void *scratch,
                               int64_t bad[2], fn_error *err) const
{
    const size_t width = static_cast<size_t>(window.width);
    size_t at = 0;
    const fn_status status =
        fn_expr_run(m_expr.get(), width * static_cast<size_t>(window.height), planes, sinks, scratch, &at, err);
    bad[0] = window.x + static_cast<int64_t>(at % width);
    bad[1] = window.y + static_cast<int64_t>(at / width);
    return status;
}

fn_status Expression::Run(const fn_plane *planes, const fn_window &window, const fn_sink *sinks,
                          std::vector<char> &scratch, fn_error *err) const
{
    scratch.resize(ScratchBytes(window.width, window.height));
    int64_t bad[2] = {0, 0};
    fn_error reason;
    const fn_status status =
        LooksAround() ? fn_expr_run_window(m_expr.get(), &window, planes, sinks, scratch.data(), bad, &reason)
                      : RunAlone(planes, window, sinks, scratch.data(), bad, &reason);
    if (status != FN_OK)
        fn_fail(err, status, "pixel %lld,%lld: %s", static_cast<long long>(bad[0]), static_cast<long long>(bad[1]),
                reason.text);
    return status;
}

/* ---- as much at a time as there is memory for ---- */

int64_t Expression::RowsAtOnce(int64_t width, int64_t height) const
{
    constexpr int64_t kStrip = 16; /* rows of most strips */
    const size_t row = static_cast<size_t>(width) * m_pixelBytes;
    if (LooksAround() || row == 0 || row * static_cast<size_t>(height) <= kWorkerBytes)
        return height;
    const auto most = std::max<int64_t>(1, static_cast<int64_t>(kWorkerBytes / row));
    if (most >= m_blockHeight)
        return most / m_blockHeight * m_blockHeight;
    const int64_t times = (height + most - 1) / most, rows = (height + times - 1) / times;
    return most >= kStrip ? std::min(most / kStrip, (rows + kStrip - 1) / kStrip) * kStrip : rows;
}

/* What fails in a window of several rows is told as Run() does. */
static fn_status FailAt(const fn_window &window, size_t at, fn_status status, const std::string &reason, fn_error *err)
{
    const auto width = static_cast<size_t>(window.width);
    return fn_fail(err, status, "pixel %lld,%lld: %s",
                   static_cast<long long>(window.x) + static_cast<long long>(at % width),
                   static_cast<long long>(window.y) + static_cast<long long>(at / width), reason.c_str());
}

/* Is there a whole number that doubles do not have all neighbours of? */
static bool IsBeyondDoubles(const fn_plane &plane, size_t at)
{
    constexpr int64_t kMost = int64_t(1) << 53;
    if (plane.type == FN_INT64) {
        const int64_t value = static_cast<const int64_t *>(plane.data)[at];
        return value > kMost || value < -kMost;
    }
    return plane.type == FN_UINT64 && static_cast<const uint64_t *>(plane.data)[at] > uint64_t(kMost);
}

/* " (band 1 of S (b.tif))": which of the planes has made a pixel fail; "": none by its value. */
static std::string Culprit(const InputReader &reader, const std::vector<Plane> &planes,
                           const std::vector<fn_plane> &read, size_t at)
{
    for (size_t i = 0; i < planes.size(); i++)
        if (IsBeyondDoubles(read[i], at))
            return " (" + reader.NameOf(planes[i]) + ")";
    return {};
}

fn_status Expression::ComputeRows(InputReader &reader, const fn_window &window, const fn_sink *sinks, Memory &memory,
                                  const volatile bool *cancel, fn_error *err) const
{
    const auto unread = [cancel] { return fn_is_cancelled(cancel) ? FN_ERR_CANCELLED : FN_ERR_READ; };
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    size_t at = 0;
    fn_error reason;
    if (m_phases.empty()) {
        if (!reader.ReadPlanes(m_planes, window, cancel, memory.planes))
            return unread();
        const Turn turn(reader.WhoComputes());
        if (LooksAround())
            return Run(memory.planes.data(), window, sinks, memory.scratch, err);
        memory.scratch.resize(fn_expr_scratch_bytes(m_expr.get()));
        const fn_status status =
            fn_expr_run(m_expr.get(), pixels, memory.planes.data(), sinks, memory.scratch.data(), &at, &reason);
        return status == FN_OK
                   ? status
                   : FailAt(window, at, status, reason.text + Culprit(reader, m_planes, memory.planes, at), err);
    }
    memory.scratch.resize(fn_expr_scratch_bytes(m_expr.get()));
    memory.kept.resize(fn_expr_kept_bytes(m_expr.get(), pixels) / sizeof(double));
    std::vector<fn_plane> all(m_planes.size());
    for (size_t i = 0; i < m_phases.size(); i++) {
        const Phase &phase = m_phases[i];
        if (!reader.ReadPlanes(phase.planes, window, cancel, memory.planes))
            return unread();
        const Turn turn(reader.WhoComputes());
        for (size_t k = 0; k < phase.numbers.size(); k++)
            all[phase.numbers[k]] = memory.planes[k];
        const fn_status status = fn_expr_run_phase(m_expr.get(), static_cast<int>(i), pixels, all.data(), sinks,
                                                   memory.scratch.data(), memory.kept.data(), &at, &reason);
        if (status != FN_OK)
            return FailAt(window, at, status, reason.text + Culprit(reader, phase.planes, memory.planes, at), err);
    }
    return FN_OK;
}

fn_status Expression::Compute(InputReader &reader, const fn_window &window, const std::vector<fn_sink> &sinks,
                              Memory &memory, const volatile bool *cancel, fn_error *err) const
{
    const int64_t rows = RowsAtOnce(window.width, window.height);
    std::vector<fn_sink> some(sinks);
    reader.ReadPartsOfBlocks(rows < window.height);
    fn_status status = FN_OK;
    for (int64_t y = 0; status == FN_OK && y < window.height; y += rows) {
        const fn_window part = {window.x, window.y + y, window.width, std::min(rows, window.height - y)};
        for (size_t i = 0; i < sinks.size(); i++)
            some[i].data = static_cast<char *>(sinks[i].data) +
                           static_cast<size_t>(y * window.width) * fn_type_size(sinks[i].type);
        status = ComputeRows(reader, part, some.data(), memory, cancel, err);
    }
    return status;
}

} // namespace fishnet
