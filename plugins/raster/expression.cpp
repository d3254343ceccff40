#include "expression.h"

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
        inputs[input].bands.push_back(band);
    }
    return self;
}

fn_status Expression::Run(const fn_plane *planes, const fn_window &window, const fn_sink *sinks,
                          std::vector<char> &scratch, fn_error *err) const
{
    scratch.resize(ScratchBytes());
    size_t bad = 0;
    fn_error reason;
    const fn_status status = fn_expr_run(m_expr.get(), static_cast<size_t>(window.width * window.height), planes, sinks,
                                         scratch.data(), &bad, &reason);
    if (status != FN_OK) {
        const long long column = static_cast<long long>(bad % static_cast<size_t>(window.width)),
                        line = static_cast<long long>(bad / static_cast<size_t>(window.width));
        fn_fail(err, status, "pixel %lld,%lld: %s", static_cast<long long>(window.x) + column,
                static_cast<long long>(window.y) + line, reason.text);
    }
    return status;
}

} // namespace fishnet
