#include "expression.h"

#include <algorithm>
#include <set>

#include "fishnet/recipe.h"
#include "georeference.h"
#include "open_options.h"

namespace fishnet
{

namespace
{
/* What names in an expression stand for. */
struct Names {
    const ExpressionSource &source;
    const Inputs &inputs;
    const Handles &handles;
    std::set<std::string> used = {};
};
} // namespace

/* Bands of an input, or of that member of a stack which has most. */
static int BandsOf(const RasterName &name, const Handles &handles)
{
    int bands = 0;
    for (size_t i = 0; i < static_cast<size_t>(std::max(1, name.members)); i++)
        bands = std::max(bands, GDALGetRasterCount(handles[name.first + i].get()));
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
            *found = {static_cast<int>(own.first), own.members, BandsOf(own, names->handles)};
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
    *found = {0, 0, BandsOf(names->source.names[0], names->handles)};
    return FN_OK;
}

/* What the texts call the only raster: their only name, else what it is called anyway. */
static std::string OnlyName(Names names, fn_expr_options options)
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

/* fn_expr_resolve: can it be computed with? */
static fn_status ResolveBand(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    const auto *names = static_cast<const Names *>(user);
    const auto input = static_cast<size_t>(raster);
    return CheckBand(names->inputs[input], names->handles[input].get(), band, type, err);
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

/* Each text, or with allBands each of its bands. */
static fn_status ListTexts(const ExpressionSource &source, const fn_expr_options &options, Texts &texts, fn_error *err)
{
    for (const std::string &text : source.texts) {
        int bands = 1;
        const fn_status status = source.allBands ? fn_expr_count_bands(text.c_str(), &options, &bands, err) : FN_OK;
        if (status != FN_OK)
            return status;
        for (int band = 1; band <= bands; band++) {
            texts.text.push_back(text.c_str());
            texts.band.push_back(band);
            texts.name.push_back(bands > 1 ? text + " (band " + std::to_string(band) + ")" : text);
        }
    }
    return FN_OK;
}

std::unique_ptr<const Expression> Expression::Compile(const ExpressionSource &given, Inputs &inputs,
                                                      const Handles &handles, std::vector<Plane> &planes,
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
    options.user = &names;
    const fn_georeference georeference = GeoreferenceOf(handles[0].get());
    options.georeference = &georeference;
    if (source.anyName)
        source.names[0].name = OnlyName(names, options);
    Texts texts;
    fn_error err;
    fn_expr *compiled = nullptr;
    fn_status status = ListTexts(source, options, texts, &err);
    options.bands = texts.band.data();
    if (status == FN_OK)
        status = fn_expr_compile(texts.text.data(), static_cast<int>(texts.text.size()), &options, &compiled, &err);
    if (status != FN_OK) {
        CPLError(CE_Failure, CPLE_AppDefined, "%s: CALC: %s", inputs[0].driver, err.text);
        return nullptr;
    }
    auto self = std::make_unique<Expression>();
    self->m_expr.reset(compiled);
    if (outputs)
        *outputs = std::move(texts.name);
    for (int i = 0; i < fn_expr_input_count(compiled); i++) {
        int raster = 0, band = 0;
        fn_expr_input(compiled, i, &raster, &band);
        const auto input = static_cast<size_t>(raster);
        planes.push_back(MakePlane(inputs, handles, input, band, source.ignoreAlpha, source.nodata));
        planes.back().reach = fn_expr_input_reach(compiled, i);
        planes.back().wraps = fn_expr_wraps(compiled);
        inputs[input].bands.push_back(band);
    }
    return self;
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

} // namespace fishnet
