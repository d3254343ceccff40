#include "expression.h"

#include "georeference.h"

namespace fishnet
{

namespace
{
/* What names in an expression stand for. */
struct Names {
    const ExpressionSource &source;
    const Inputs &inputs;
    const Handles &handles;
};
} // namespace

/* fn_expr_resolve: is there such an input, and can it be computed with? */
static fn_status ResolveBand(void *user, char letter, int band, fn_type *type, fn_error *err)
{
    const auto *names = static_cast<const Names *>(user);
    const size_t input = names->source.letters.find(letter);
    const char own[] = {letter, '\0'};
    if (input != std::string::npos)
        return CheckBand(names->inputs[input], names->handles[input].get(), band, type, err);
    return fn_fail(err, FN_ERR_SYNTAX, "unknown name '%c': there is no input %c, give one with -oo %s=<dataset>",
                   letter, letter, names->source.option ? names->source.option : own);
}

std::unique_ptr<const Expression> Expression::Compile(const ExpressionSource &source, Inputs &inputs,
                                                      const Handles &handles, std::vector<Plane> &planes)
{
    Names names = {source, inputs, handles};
    fn_expr_options options = {};
    options.nodata = source.nodata;
    options.resolve = ResolveBand;
    options.user = &names;
    const fn_georeference georeference = GeoreferenceOf(handles[0].get());
    options.georeference = &georeference;
    std::vector<const char *> texts;
    for (const std::string &text : source.texts)
        texts.push_back(text.c_str());
    fn_error err;
    fn_expr *compiled = nullptr;
    if (fn_expr_compile(texts.data(), static_cast<int>(texts.size()), &options, &compiled, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_AppDefined, "%s: CALC: %s", inputs[0].driver, err.text);
        return nullptr;
    }
    auto self = std::make_unique<Expression>();
    self->m_expr.reset(compiled);
    for (int i = 0; i < fn_expr_input_count(compiled); i++) {
        char letter = 0;
        int band = 0;
        fn_expr_input(compiled, i, &letter, &band);
        const size_t input = source.letters.find(letter);
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
