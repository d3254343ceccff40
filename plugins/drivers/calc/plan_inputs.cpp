#include "plan_steps.h"

#include <algorithm>
#include <utility>

#include "dataset_pool.h"
#include "open_options.h"
#include "pixels.h"
#include "workers.h"

namespace fishnet
{

/* Looks into a source that is opened at an overview level. GDAL dies when it describes a warped VRT that was opened so,
 * and the rectangles of any VRT are those of the whole. */
static Pipeline LookIntoWhole(const std::string &path)
{
    DatasetHandle whole;
    {
        MessageCollector collector;
        whole.reset(GDALOpenEx(path.c_str(), GDAL_OF_RASTER | GDAL_OF_INTERNAL, nullptr, nullptr, nullptr));
    }
    return whole ? LookInto(whole.get(), path) : Pipeline();
}

bool OpenSources(Plan &plan, const fn_recipe &recipe, int overview, Handles &handles)
{
    const LargeDatasetPool pool(recipe.workers.workers);
    for (int i = 0; i < FN_INPUTS; i++) {
        if (!recipe.inputs[i])
            continue;
        plan.sources.emplace_back();
        Source &source = plan.sources.back();
        source.letter = static_cast<char>('A' + i);
        source.name = recipe.inputs[i];
        source.path = AbsoluteName(source.name);
        if (!Materialize(Describe(source), &source.path, &source.results))
            return false;
        const char *settings = recipe.open_options[i];
        if (settings && !SplitSettings(settings, source.openOptions)) {
            CPLError(CE_Failure, CPLE_IllegalArg,
                     "FISHNET: %c_OO=%.200s: NAME=VALUE is wanted, or several separated by a semicolon", source.letter,
                     settings);
            return false;
        }
        if (overview >= 0)
            source.openOptions.SetNameValue("OVERVIEW_LEVEL", CPLSPrintf("%d", overview));
        std::vector<Message> messages;
        std::string cause;
        {
            MessageCollector collector;
            handles.push_back(plan.OpenSource(plan.sources.size() - 1));
            cause = collector.Cause("not recognized as a raster dataset");
            messages = std::move(collector.messages);
        }
        if (!handles.back()) {
            CPLError(CE_Failure, CPLE_OpenFailed, "FISHNET: input %s cannot be opened: %s", Describe(source).c_str(),
                     cause.c_str());
            return false;
        }
        for (const Message &message : messages)
            Emit(message);
        GDALDatasetH dataset = handles.back().get();
        if (GDALGetRasterCount(dataset) == 0) {
            CSLConstList subdatasets = GDALGetMetadata(dataset, "SUBDATASETS");
            const char *first = CSLFetchNameValue(subdatasets, "SUBDATASET_1_NAME");
            CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: input %s has no raster bands%s%s", Describe(source).c_str(),
                     first ? ", but subdatasets, such as " : "", first ? first : "");
            return false;
        }
        source.pipeline = overview < 0 ? LookInto(dataset, source.path) : LookIntoWhole(source.path);
        if (!IsOpenedByWorker()) /* a thread that may have places already must not wait for others */
            plan.poolPlaces = std::max(plan.poolPlaces, source.pipeline.levels);
    }
    return true;
}

/* ---- the expression ---- */

namespace
{
/* What names in an expression stand for. */
struct Inputs {
    const std::vector<Source> &sources;
    const Handles &handles;
};
} // namespace

/* fn_expr_resolve: is there such an input, and can it be computed with? */
static fn_status ResolveBand(void *user, char letter, int band, fn_type *type, fn_error *err)
{
    const auto *inputs = static_cast<const Inputs *>(user);
    for (size_t i = 0; i < inputs->sources.size(); i++) {
        const Source &source = inputs->sources[i];
        if (source.letter != letter)
            continue;
        const int count = GDALGetRasterCount(inputs->handles[i].get());
        if (band > count)
            return fn_fail(err, FN_ERR_SYNTAX, "there is no band %d in %.300s, it has %d", band,
                           Describe(source).c_str(), count);
        GDALRasterBandH handle = GDALGetRasterBand(inputs->handles[i].get(), band);
        *type = FromGDAL(handle);
        if (*type == FN_TYPE_COUNT)
            return fn_fail(err, FN_ERR_SYNTAX, "band %d of %.300s has the type %s: only real types can be computed",
                           band, Describe(source).c_str(), GDALGetDataTypeName(GDALGetRasterDataType(handle)));
        return FN_OK;
    }
    return fn_fail(err, FN_ERR_SYNTAX, "unknown name '%c': there is no input %c, give one with -oo %c=<dataset>",
                   letter, letter, letter);
}

bool Compile(Plan &plan, const fn_recipe &recipe, const Handles &handles)
{
    Inputs inputs = {plan.sources, handles};
    fn_expr_options options = {};
    options.nodata = !recipe.nodata_none;
    options.resolve = ResolveBand;
    options.user = &inputs;
    fn_error err;
    fn_expr *compiled = nullptr;
    if (fn_expr_compile(recipe.calcs, recipe.n_calcs, &options, &compiled, &err) != FN_OK) {
        CPLError(CE_Failure, CPLE_AppDefined, "FISHNET: CALC: %s", err.text);
        return false;
    }
    plan.expr.reset(compiled);
    plan.calcs.assign(recipe.calcs, recipe.calcs + recipe.n_calcs);
    return true;
}

/* VRT files may declare a value that no pixel can be equal to. */
static void WarnOfLostNoData(const Source &source, int number, GDALRasterBandH band, const fn_nodata &nodata)
{
    int set = FALSE;
    const double value = nodata.set ? 0 : GDALGetRasterNoDataValue(band, &set);
    if (set)
        CPLError(CE_Warning, CPLE_AppDefined,
                 "FISHNET: band %d of %s is of type %s, which cannot hold its NoData value %.17g: that makes no pixel "
                 "NoData",
                 number, Describe(source).c_str(), GDALGetDataTypeName(GDALGetRasterDataType(band)), value);
}

void AddPlanes(Plan &plan, const fn_recipe &recipe, const Handles &handles)
{
    for (int i = 0; i < fn_expr_input_count(plan.expr.get()); i++) {
        char letter = 0;
        Plane plane;
        fn_expr_input(plan.expr.get(), i, &letter, &plane.band);
        while (plan.sources[plane.source].letter != letter)
            plane.source++;
        GDALDatasetH dataset = handles[plane.source].get();
        GDALRasterBandH band = GDALGetRasterBand(dataset, plane.band);
        const int alpha = AlphaBand(dataset);
        const bool byAlpha = (GDALGetMaskFlags(band) & GMF_ALPHA) != 0; /* what GDAL has for a mask is that band */
        plane.type = FromGDAL(band);
        if (plane.band != alpha) { /* alpha has no NoData, though a file may have one NoData value for all bands */
            plane.nodata = NoDataOf(band, plane.type);
            if (!recipe.nodata_none)
                WarnOfLostNoData(plan.sources[plane.source], plane.band, band, plane.nodata);
            plane.alpha = recipe.ignore_alpha ? 0 : alpha;
        }
        plane.mask = HasMask(band) && !(byAlpha && (alpha > 0 || recipe.ignore_alpha));
        plan.planes.push_back(plane);
    }
}

} // namespace fishnet
