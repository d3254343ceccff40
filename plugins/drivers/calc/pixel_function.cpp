/* The pixel function `fishnet`: an expression over the sources of a VRT derived band. */
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include <cpl_string.h>

#include "boundary.h"
#include "capability.h"
#include "fishnet/expr.h"
#include "pixels.h"
#include "plan.h"

namespace fishnet
{

/* Sources are A, B... in their order, all of the type that the VRT hands over. */
struct Sources {
    int count;
    fn_type type;
};

static fn_status FindSource(void *user, const char *name, size_t length, fn_expr_name *found, fn_error *err)
{
    const auto *sources = static_cast<const Sources *>(user);
    found->raster = *name - 'A';
    found->bands = 1;
    if (length == 1 && *name >= 'A' && found->raster < sources->count)
        return FN_OK;
    return fn_fail(err, FN_ERR_SYNTAX, "the band has %d source%s, from A", sources->count,
                   sources->count == 1 ? "" : "s");
}

static fn_status ResolveSource(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    const auto *sources = static_cast<const Sources *>(user);
    if (band != 1)
        return fn_fail(err, FN_ERR_SYNTAX,
                       "%c[%d]: a source of a derived band is one band, choose it with <SourceBand>", 'A' + raster,
                       band);
    *type = sources->type;
    return FN_OK;
}

static CPLErr Complain(const char *text)
{
    CPLError(CE_Failure, CPLE_AppDefined, "pixel function fishnet: %s", text);
    return CE_Failure;
}

static CPLErr Compute(void **sources, int sourceCount, void *data, int width, int height, GDALDataType sourceType,
                      GDALDataType bufferType, int pixelSpace, int lineSpace, CSLConstList arguments)
{
    Sources known = {sourceCount, FromGDAL(sourceType)};
    const fn_type outputType = FromGDAL(bufferType);
    if (known.type == FN_TYPE_COUNT || outputType == FN_TYPE_COUNT)
        return Complain(CPLSPrintf("the type %s cannot be computed: only real types can",
                                   GDALGetDataTypeName(known.type == FN_TYPE_COUNT ? sourceType : bufferType)));
    const char *calc = CSLFetchNameValue(arguments, "CALC");
    const char *nodataText = CSLFetchNameValue(arguments, "NODATA");
    if (!calc)
        return Complain("the argument CALC is missing");

    fn_expr_options options = {};
    options.nodata = true;
    options.find = FindSource;
    options.resolve = ResolveSource;
    options.user = &known;
    fn_expr *compiled = nullptr;
    fn_error err;
    if (fn_expr_compile(&calc, 1, &options, &compiled, &err) != FN_OK)
        return Complain(CPLSPrintf("CALC: %s", err.text));
    const std::unique_ptr<fn_expr, FreeExpr> expr(compiled);

    fn_nodata nodataIn = {}, nodataOut = {};
    if (nodataText && *nodataText) {
        /* The value may lie outside of the type of the buffers on purpose: then nothing equals it. */
        fn_nodata number = {};
        if (fn_nodata_parse(nodataText, FN_FLOAT64, &number, &err) != FN_OK)
            return Complain(err.text);
        nodataIn = fn_nodata_from_double(number.value.f, known.type);
        nodataOut = fn_nodata_from_double(number.value.f, outputType);
    }
    const size_t pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
    std::vector<fn_plane> planes(static_cast<size_t>(fn_expr_input_count(expr.get())));
    for (size_t i = 0; i < planes.size(); i++) {
        int raster = 0, band = 0;
        fn_expr_input(expr.get(), static_cast<int>(i), &raster, &band);
        planes[i].data = sources[raster];
        planes[i].type = known.type;
        planes[i].nodata = nodataIn;
    }
    std::vector<char> packed(pixels * fn_type_size(outputType)), scratch(fn_expr_scratch_bytes(expr.get()));
    fn_sink sink = {};
    sink.data = packed.data();
    sink.type = outputType;
    sink.nodata = nodataOut;
    sink.equals_stay = true;
    if (fn_expr_run(expr.get(), pixels, planes.data(), &sink, scratch.data(), nullptr, &err) != FN_OK)
        return Complain(err.text);
    const int size = static_cast<int>(fn_type_size(outputType));
    for (int y = 0; y < height; y++)
        GDALCopyWords(packed.data() + static_cast<size_t>(y) * static_cast<size_t>(width) * static_cast<size_t>(size),
                      bufferType, size, static_cast<char *>(data) + static_cast<GSpacing>(y) * lineSpace, bufferType,
                      pixelSpace, width);
    return CE_None;
}

static CPLErr PixelFunction(void **sources, int sourceCount, void *data, int width, int height, GDALDataType sourceType,
                            GDALDataType bufferType, int pixelSpace, int lineSpace, CSLConstList arguments)
{
    return Guarded("pixel function fishnet", CE_Failure, [&] {
        return Compute(sources, sourceCount, data, width, height, sourceType, bufferType, pixelSpace, lineSpace,
                       arguments);
    });
}

static void RegisterPixelFunction()
{
    static const char metadata[] =
        "<PixelFunctionArgumentsList>"
        "<Argument name='CALC' type='string' description='Expression over the sources A, B...'/>"
        "<Argument name='NODATA' type='double' optional='true' description='Value that is NoData in the sources and in "
        "the "
        "result'/>"
        "</PixelFunctionArgumentsList>";
    GDALAddDerivedBandPixelFuncWithArgs("fishnet", PixelFunction, metadata);
}

static Capability capability(nullptr, RegisterPixelFunction);

} // namespace fishnet
