/* Lists in expressions: what they are made of, what becomes of them, and what wrong ones are told. Order statistics are
 * compared with plain sorting. */
#include "check.h"

#include <math.h>

#include "fishnet/expr.h"

enum { MEMBERS_MOST = 130, PIXELS = 1500 };

/* `s` is a stack of so many rasters from number 30 on, `t` of two, all of one type; A to Z have three bands. */
typedef struct world {
    int members;
    fn_type type;
} world;

static fn_status find(void *user, const char *name, size_t n, fn_expr_name *found, fn_error *err)
{
    const world *w = user;
    *found = (fn_expr_name){.raster = *name - 'A', .bands = 3};
    if (n == 1 && *name == 's')
        *found = (fn_expr_name){.raster = 30, .members = w->members, .bands = 1};
    else if (n == 1 && *name == 't')
        *found = (fn_expr_name){.raster = 30, .members = 2, .bands = 2};
    else if (n != 1 || *name < 'A' || *name > 'Z')
        return fn_fail(err, FN_ERR_ARGUMENT, "the inputs are s and t");
    return FN_OK;
}

static fn_status resolve(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    (void)raster;
    *type = ((const world *)user)->type;
    return band <= 3 ? FN_OK : fn_fail(err, FN_ERR_ARGUMENT, "it has 3 bands, not %d", band);
}

static fn_expr_options options_of(world *w, bool nodata)
{
    return (fn_expr_options){.nodata = nodata, .find = find, .resolve = resolve, .user = w};
}

/* ---- values ---- */

/* Raster n + 1 is n + 1 in its first band, 10 more in each other. */
static double value_of(const char *text, int members, bool nodata)
{
    world w = {members, FN_FLOAT64};
    const fn_expr_options options = options_of(&w, nodata);
    fn_expr *expr;
    fn_error err = {.text = ""};
    const fn_status status = fn_expr_compile(&text, 1, &options, &expr, &err);
    EXPECT(status == FN_OK, "%s: %s", text, err.text);
    if (status != FN_OK)
        return -77;
    fn_plane planes[MEMBERS_MOST];
    double values[MEMBERS_MOST];
    for (int i = 0; i < fn_expr_input_count(expr); i++) {
        int raster = 0, band = 0;
        fn_expr_input(expr, i, &raster, &band);
        values[i] = raster == 33 ? (double)NAN : raster % 30 + 1 + 10 * (band - 1);
        planes[i] = (fn_plane){.data = &values[i], .type = FN_FLOAT64};
    }
    double out = -77;
    void *scratch = malloc(fn_expr_scratch_bytes(expr));
    EXPECT(fn_expr_run(expr, 1, planes, &(fn_sink){.data = &out, .type = FN_FLOAT64}, scratch, NULL, &err) == FN_OK,
           "%s: %s", text, err.text);
    free(scratch);
    fn_expr_free(expr);
    return out;
}

static bool is_same(double a, double b)
{
    return isnan(a) ? isnan(b) : a == b;
}

/* Members are 1, 2, 3, and the fourth is NaN. */
static void meanings(void)
{
    static const struct {
        const char *text;
        int members;
        double want, without_nodata; /* the second where NODATA is none */
    } all[] = {
        {"sum(s)", 3, 6, 6},
        {"sum(s)", 4, NAN, NAN},
        {"nansum(s)", 4, 6, 6},
        {"nansum(item(s,4), item(s,4))", 4, NAN, 0},
        {"mean(s)", 3, 2, 2},
        {"nanmean(s)", 5, 11.0 / 4, 11.0 / 4},
        {"avg(s)", 2, 1.5, 1.5},
        {"min(s, 0.5)", 3, 0.5, 0.5},
        {"max(s)", 4, NAN, NAN},
        {"nanmax(s)", 4, 3, 3},
        {"nanmin(item(s,4), s)", 4, 1, 1},
        {"prod(s, 4)", 3, 24, 24},
        {"nanprod(s)", 4, 6, 6},
        {"any(s == 2)", 3, 1, 1},
        {"any(s == 9)", 3, 0, 0},
        {"any(s == 2)", 4, NAN, 1},
        {"nanany(s == 2)", 4, 1, 1},
        {"all(s > 0)", 3, 1, 1},
        {"nanall(s > 0)", 4, 1, 0},
        {"var(s)", 3, 2.0 / 3, 2.0 / 3},
        {"var(s, ddof=1)", 3, 1, 1},
        {"nanstd(s, ddof=1)", 4, 1, 1},
        {"nanvar(item(s,1), ddof=1)", 4, NAN, NAN},
        {"std(s)", 4, NAN, NAN},
        {"count(s)", 5, 4, 4},
        {"median(s)", 2, 1.5, 1.5},
        {"median(s)", 4, NAN, NAN},
        {"nanmedian(s)", 4, 2, 2},
        {"percentile(s, 25)", 3, 1.5, 1.5},
        {"nanpercentile(s, q=75)", 4, 2.5, 2.5},
        {"quantile(s, 1)", 3, 3, 3},
        {"percentile(1, 2, 3, 4, 100)", 1, 4, 4},
        {"mode(s, 2, 3)", 3, 2, 2},
        {"majority(s, 2, 3)", 3, NAN, NAN},
        {"majority(s, 3)", 3, 3, 3},
        {"nanmode(s, 3)", 4, 3, 3},
        {"gdal_mean(s, 10)", 4, 4, 4},
        {"gdal_mean(item(s,4), s)", 4, 2, 2},
        {"gdal_mean(item(s,4), item(s,4))", 4, NAN, NAN},
        {"gdal_mode(s, 3, 2)", 4, 3, 3},
        {"gdal_mode(item(s,4), 2, 1, 1, 2)", 4, 1, 1},
        {"gdal_mode(item(s,4), item(s,4))", 4, NAN, NAN},
        {"gdal_quantile(s, 0.25)", 4, 1.5, 1.5},
        {"gdal_quantile(s, q=1)", 4, 3, 3},
        {"gdal_quantile([0.1, 0.1], q=0.3)", 4, 0.7 * 0.1 + 0.3 * 0.1, 0.7 * 0.1 + 0.3 * 0.1},
        {"variety(s, 2, 7)", 3, 4, 4},
        {"nanvariety(s)", 4, 3, 3},
        {"argmax(s)", 3, 3, 3},
        {"argmin(s, 1)", 3, 1, 1},
        {"argmax(s)", 4, NAN, 4},
        {"nanargmax(s)", 5, 5, 5},
        {"numpy.argmax(s, axis=0)", 3, 2, 2},
        {"argmax(s, axis=0)", 3, 2, 2},
        {"first(s)", 4, 1, 1},
        {"last(s)", 4, NAN, NAN},
        {"nanlast(s)", 4, 3, 3},
        {"nanfirst(item(s,4), s)", 4, 1, 1},
        {"pick(s, 2)", 4, 2, 2},
        {"pick(s, 4)", 4, NAN, NAN},
        {"pick(s, 9)", 4, NAN, NAN},
        {"pick(s * 2, nanargmax(-s))", 4, 2, 2},
        {"item(s, 3)", 3, 3, 3},
        {"sum(slice(s, 2, 3))", 4, 5, 5},
        {"len(s)", 7, 7, 7},
        {"len([s, A[*], 5])", 3, 7, 7},
        {"sum(A[*])", 1, 33, 33},
        {"sum(A[2:3])", 1, 32, 32},
        {"sum(A[2:])", 1, 32, 32},
        {"sum(A[:2])", 1, 12, 12},
        {"sum(A[1:3:2])", 1, 22, 22},
        {"sum(A[ : ])", 1, 33, 33},
        {"sum(t[2])", 1, 23, 23},
        {"sum(t[2] - t)", 1, 20, 20},
        {"numpy.max((A, B), axis=0)", 1, 2, 2},
        {"numpy.nanmedian([A, B, C], axis=0)", 1, 2, 2},
        {"numpy.sum(s, axis=0, dtype=numpy.float32)", 3, 6, 6},
        {"average(A[*], axis=0)", 1, 11, 11},
        {"sum(where(s > 1, s, 0))", 3, 5, 5},
        {"sum(sqrt(s * s) + -s)", 3, 0, 0},
        {"sum(s > 1 ? 10 : s)", 3, 21, 21},
        {"max((s))", 3, 3, 3},
        {"maximum(A, B)", 1, 2, 2},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const double nodata = value_of(all[i].text, all[i].members, true);
        const double none = value_of(all[i].text, all[i].members, false);
        EXPECT(is_same(nodata, all[i].want), "%s of %d is %g, not %g", all[i].text, all[i].members, nodata,
               all[i].want);
        EXPECT(is_same(none, all[i].without_nodata), "%s of %d is %g without NoData, not %g", all[i].text,
               all[i].members, none, all[i].without_nodata);
    }
}

/* ---- errors ---- */

static void errors(void)
{
    static const struct {
        const char *text, *says;
        size_t position;
    } all[] = {
        {"s", "a list of 30 values; reduce it with mean(...)", 1},
        {"1 + sqrt(s)", "a list of 30 values", 1},
        {"s + t", "a list of 2 beside the list of 30 at position 1", 5},
        {"sum(s[*] + t[2])", "a list of 2 beside", 12},
        {"A[0]", "expected a band number from 1", 3},
        {"A[-1]", "last(A[*])", 3},
        {"sum(A[2:9])", "no bands 2 to 9 in A: it has 3, counted from 1", 7},
        {"sum(A[3:2])", "no bands 3 to 2", 7},
        {"sum(A[1:3:0])", "the step from band to band is at least 1", 7},
        {"sum(t[*])", "the members of t have 2 bands each; write t[2]", 7},
        {"sum(A[1:2:3:4])", "expected ']'", 12},
        {"A[*", "expected ']'", 4},
        {"numpy.sum(s)", "write axis=0", 1},
        {"sum(s, axis=1)", "only axis=0", 13},
        {"sum(s, keepdims=1)", "'sum' has no argument 'keepdims'", 8},
        {"sum(s, dtype=int)", "double precision already", 14},
        {"var(s, ddof=2)", "ddof is 0 or 1", 1},
        {"percentile(s, 101)", "101 is not between 0 and 100", 1},
        {"quantile(s, 50)", "50 is not between 0 and 1", 1},
        {"percentile(s)", "which percentile is a constant behind the list", 1},
        {"percentile(s, A)", "which percentile is a constant", 15},
        {"pick(s, t)", "which member to pick is one value", 9},
        {"pick(A, 1)", "'pick' needs a list here", 6},
        {"item(s, 31)", "there is no member 31, the list has 30", 9},
        {"item(s, A)", "needs whole numbers here", 9},
        {"sum(slice(s, 5, 2))", "from member 5 to 2 there are none", 5},
        {"[]", "a list needs a value here", 2},
        {"[A, B", "'[' is not closed", 1},
        {"sum([A, B)", "'[' is not closed", 5},
        {"A]", "unexpected ']'", 2},
        {"hypot((A, B))", "takes its arguments one by one", 9},
        {"item(s)", "'item' takes 2 arguments, not 1", 1},
        {"u", "unknown name 'u': the inputs are s and t", 1},
        {"Median(s)", "did you mean 'median'", 1},
        {"Con(A > 3, 1, 0)", "did you mean 'where(c, a, b)'", 1},
        {"IsNull(A)", "did you mean 'isnodata(A)'", 1},
        {"SetNull(A, 1)", "did you mean 'where(c, NODATA, a)'", 1},
        {"1 + SquareRoot(A)", "did you mean 'sqrt(A)'", 5},
        {"Float(A)", "values are in double precision", 1},
        {"Abs(A)", "did you mean 'abs'", 1},
        {"A > 1 AND A < 3", "'AND' is no operator (did you mean 'and'?)", 7},
        {"A Or A", "'Or' is no operator (did you mean 'or'?)", 3},
        {"A XOR A", "did you mean 'logical_xor(a, b)'", 3},
        {"NOT A", "did you mean 'not'", 1},
        {"A <> 1", "'<>' is no operator (did you mean '!='?)", 3},
        {"A => 1", "'=>' is no operator (did you mean '>='?)", 3},
        {"A mod 2", "'mod' is no operator (did you mean '%'?)", 3},
        {"1 + \"dem@1\"", "names have no quotes", 5},
        {"A = 1", "use '=='", 3},
        {"A B", "an operator is missing before 'B'", 3},
        {"A <> 1 <> 2", "'<>' is no operator", 3},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        world w = {30, FN_FLOAT64};
        const fn_expr_options options = options_of(&w, true);
        fn_expr *expr;
        fn_error err = {.text = ""};
        char place[40];
        snprintf(place, sizeof place, " at position %zu\n", all[i].position);
        EXPECT(fn_expr_compile(&all[i].text, 1, &options, &expr, &err) == FN_ERR_SYNTAX && expr == NULL, "%s compiles",
               all[i].text);
        EXPECT(strstr(err.text, all[i].says) && strstr(err.text, place), "%s: '%s', not '%s'%s", all[i].text, err.text,
               all[i].says, place);
    }
}

/* ---- bands ---- */

static void every_band(void)
{
    world w = {4, FN_FLOAT64};
    fn_expr_options options = options_of(&w, true);
    fn_error err = {.text = ""};
    int bands = 0;
    EXPECT(fn_expr_count_bands("A / sum(A[*]) + sum(s)", &options, &bands, &err) == FN_OK && bands == 3, "%d bands",
           bands);
    EXPECT(fn_expr_count_bands("A[2] + sum(s)", &options, &bands, &err) == FN_OK && bands == 1, "%d bands", bands);
    EXPECT(fn_expr_count_bands("A + sum(t)", &options, &bands, &err) == FN_ERR_SYNTAX &&
               strstr(err.text, "t has 2 bands, those before have 3"),
           "%s", err.text);
    options.flatten = true;
    EXPECT(fn_expr_count_bands("sum(A) + A[2]", &options, &bands, &err) == FN_OK && bands == 1, "%d bands", bands);
    EXPECT(fn_expr_count_bands("A - sum(A)", &options, &bands, &err) == FN_OK && bands == 3, "%d bands", bands);

    const char *texts[3] = {"A - sum(A * 2)", "A - sum(A * 2)", "A - sum(A * 2) + s"};
    options.bands = (const int[]){1, 2, 3};
    fn_expr *expr;
    w.members = 0;
    texts[2] = texts[0];
    REQUIRE(fn_expr_compile(texts, 3, &options, &expr, &err) == FN_OK, "%s", err.text);
    REQUIRE(fn_expr_input_count(expr) == 3, "%d inputs", fn_expr_input_count(expr));
    fn_plane planes[3];
    double values[3] = {1, 2, 3}, out[3];
    fn_sink sinks[3];
    for (int i = 0; i < 3; i++) {
        int raster, band;
        fn_expr_input(expr, i, &raster, &band);
        planes[i] = (fn_plane){.data = &values[band - 1], .type = FN_FLOAT64};
        sinks[i] = (fn_sink){.data = &out[i], .type = FN_FLOAT64};
    }
    void *scratch = malloc(fn_expr_scratch_bytes(expr));
    REQUIRE(fn_expr_run(expr, 1, planes, sinks, scratch, NULL, &err) == FN_OK, "%s", err.text);
    EXPECT(out[0] == -11 && out[1] == -10 && out[2] == -9, "%g %g %g", out[0], out[1], out[2]);
    free(scratch);
    fn_expr_free(expr);
}

static void propagated(void)
{
    world w = {2, FN_FLOAT64};
    fn_expr_options options = options_of(&w, true);
    options.propagate = true;
    const char *const texts[] = {"where(isnodata(A), 0, A) + count(A[2])", "count(A[2])", "7"};
    const double want[][3] = {{2, 1, 7}, {NAN, 1, 7}, {NAN, NAN, 7}};
    fn_error err = {.text = ""};
    fn_expr *expr;
    REQUIRE(fn_expr_compile(texts, 3, &options, &expr, &err) == FN_OK, "%s", err.text);
    REQUIRE(fn_expr_input_count(expr) == 2, "%d inputs", fn_expr_input_count(expr));
    const double first[] = {1, NAN, NAN}, second[] = {1, 1, NAN};
    const fn_plane planes[] = {{.data = first, .type = FN_FLOAT64}, {.data = second, .type = FN_FLOAT64}};
    double out[3][3];
    fn_sink sinks[3];
    for (int k = 0; k < 3; k++)
        sinks[k] = (fn_sink){.data = out[k], .type = FN_FLOAT64};
    void *scratch = malloc(fn_expr_scratch_bytes(expr));
    REQUIRE(fn_expr_run(expr, 3, planes, sinks, scratch, NULL, &err) == FN_OK, "%s", err.text);
    for (int pixel = 0; pixel < 3; pixel++)
        for (int k = 0; k < 3; k++)
            EXPECT(out[k][pixel] == want[pixel][k] || (isnan(out[k][pixel]) && isnan(want[pixel][k])),
                   "pixel %d, output %d: %g", pixel, k, out[k][pixel]);
    free(scratch);
    fn_expr_free(expr);
}

/* ---- order, in each type and on each instruction set ---- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* numpy's linear percentile of n sorted values. */
static double percentile(const double *sorted, int n, double q)
{
    const double at = (n - 1) * (q / 100);
    const int low = (int)floor(at), high = low + 1 < n ? low + 1 : low;
    const double t = at - low, d = sorted[high] - sorted[low];
    return t >= 0.5 ? sorted[high] - d * (1 - t) : sorted[low] + d * t;
}

/* The answers of one pixel, from its valid values in order: median, percentiles 10 and 90, mode, majority, variety. */
static void answer(double *values, int n, double *out)
{
    qsort(values, (size_t)n, sizeof *values, compare);
    int most = 0, times = 0, different = 0;
    double mode = NAN;
    for (int i = 0, run = 0; i < n; i++) {
        run = i > 0 && values[i] == values[i - 1] ? run + 1 : 1;
        different += run == 1;
        times = run > most ? 1 : times + (run == most);
        mode = run > most ? values[i] : mode;
        most = run > most ? run : most;
    }
    out[0] = n ? (values[(n - 1) / 2] + values[n / 2]) / 2 : (double)NAN;
    out[1] = n ? percentile(values, n, 10) : (double)NAN;
    out[2] = n ? percentile(values, n, 90) : (double)NAN;
    out[3] = n ? mode : (double)NAN;
    out[4] = n && times == 1 ? mode : (double)NAN;
    out[5] = n ? different : (double)NAN;
}

enum { ORDERS = 6 };

/* texts: of lists whose members are taps, or computed. */
static void check_orders(const char *const *texts, int members, fn_type type, bool skips)
{
    check_random stream = {check_seed + (uint64_t)members};
    world w = {members, type};
    const fn_expr_options options = options_of(&w, true);
    fn_expr *expr;
    fn_error err = {.text = ""};
    REQUIRE(fn_expr_compile(texts, ORDERS, &options, &expr, &err) == FN_OK, "%s", err.text);
    const size_t size = fn_type_size(type);
    char *data = malloc((size_t)members * PIXELS * size);
    uint8_t *mask = malloc((size_t)members * PIXELS);
    double *values = malloc((size_t)members * PIXELS * sizeof *values), *out[ORDERS];
    fn_plane planes[MEMBERS_MOST];
    fn_sink sinks[ORDERS];
    for (int m = 0; m < members; m++) {
        planes[m] = (fn_plane){.data = data + (size_t)m * PIXELS * size, .type = type};
        planes[m].nodata = fn_nodata_from_double(7, type);
        planes[m].mask = m % 3 == 2 ? mask + (size_t)m * PIXELS : NULL;
        for (size_t i = 0; i < PIXELS; i++) {
            const bool rare = i < 40; /* all of these have few values, or none */
            double v =
                (double)(random_bits(&stream) % (i % 5 == 0 ? 6 : 250)) + (i % 7 == 1 && type == FN_FLOAT64 ? 0.3 : 0);
            if (i % 11 == 3 && type == FN_UINT16)
                v = 65535 - v; /* as large as what stands for no value */
            const bool none = rare ? random_bits(&stream) % 32 != 0 : i % 4 == 0 && random_bits(&stream) % 3 == 0;
            v = none ? (type == FN_FLOAT32 && random_bits(&stream) % 2 ? (double)NAN : 7) : v;
            mask[(size_t)m * PIXELS + i] = random_bits(&stream) % 8 != 0;
            const bool masked = planes[m].mask && !mask[(size_t)m * PIXELS + i];
            values[(size_t)m * PIXELS + i] = masked || v == 7 ? (double)NAN : v;
            char *to = data + ((size_t)m * PIXELS + i) * size;
            switch (type) {
            case FN_UINT8:
                *(uint8_t *)to = (uint8_t)v;
                break;
            case FN_UINT16:
                *(uint16_t *)(void *)to = (uint16_t)v;
                break;
            case FN_INT16:
                *(int16_t *)(void *)to = (int16_t)v;
                break;
            case FN_INT32:
                *(int32_t *)(void *)to = (int32_t)v;
                break;
            case FN_FLOAT32:
                *(float *)(void *)to = (float)v;
                break;
            default:
                *(double *)(void *)to = v;
                break;
            }
        }
    }
    for (int o = 0; o < ORDERS; o++) {
        out[o] = malloc(PIXELS * sizeof(double));
        sinks[o] = (fn_sink){.data = out[o], .type = FN_FLOAT64};
    }
    void *scratch = malloc(fn_expr_scratch_bytes(expr));
    for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++) {
        if (!fn_simd_available(simd))
            continue;
        REQUIRE(fn_expr_run_simd(expr, simd, PIXELS, planes, sinks, scratch, NULL, &err) == FN_OK, "%s", err.text);
        for (size_t i = 0; i < PIXELS; i++) {
            double valid[MEMBERS_MOST], want[ORDERS];
            int n = 0;
            for (int m = 0; m < members; m++)
                if (!isnan(values[(size_t)m * PIXELS + i]))
                    valid[n++] = values[(size_t)m * PIXELS + i];
            answer(valid, skips || n == members ? n : 0, want);
            for (int o = 0; o < ORDERS; o++)
                EXPECT(is_same(out[o][i], want[o]), "%s of %d %s, pixel %zu with %d values: %.17g, not %.17g (%s)",
                       texts[o], members, fn_type_name(type), i, n, out[o][i], want[o], fn_simd_name(simd));
        }
    }
    for (int o = 0; o < ORDERS; o++)
        free(out[o]);
    free(scratch);
    free(values);
    free(mask);
    free(data);
    fn_expr_free(expr);
}

static void orders(void)
{
    static const char *const texts[4][ORDERS] = {
        {"median(s)", "percentile(s,10)", "quantile(s,0.9)", "mode(s)", "majority(s)", "variety(s)"},
        {"nanmedian(s)", "nanpercentile(s,10)", "nanquantile(s,0.9)", "nanmode(s)", "nanmajority(s)", "nanvariety(s)"},
        {"median(s+0)", "percentile(s+0,10)", "percentile(s+0,90)", "mode(s+0)", "majority(s+0)", "variety(s+0)"},
        {"nanmedian(s+0)", "nanpercentile(s+0,10)", "nanpercentile(s+0,90)", "nanmode(s+0)", "nanmajority(s+0)",
         "nanvariety(s+0)"},
    };
    static const fn_type types[] = {FN_UINT8, FN_UINT16, FN_INT16, FN_INT32, FN_FLOAT32, FN_FLOAT64};
    static const int members[] = {1, 2, 3, 5, 8, 17, 30, 33, 129};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (size_t m = 0; m < sizeof members / sizeof *members; m++)
            for (int k = 0; k < 4; k++)
                check_orders(texts[k], members[m], types[t], k % 2 == 1);
}

/* ---- phases ---- */

enum { MANY = 40 };

static void run_whole(const fn_expr *expr, const fn_plane *planes, const fn_sink *sinks)
{
    void *scratch = malloc(fn_expr_scratch_bytes(expr));
    fn_error err = {.text = ""};
    EXPECT(fn_expr_run(expr, PIXELS, planes, sinks, scratch, NULL, &err) == FN_OK, "%s", err.text);
    free(scratch);
}

/* Inputs that a phase does not need are nowhere. Returns how many phases there are. */
static int run_phases(const fn_expr *expr, const fn_plane *planes, const fn_sink *sinks, int most, const char *text)
{
    const int phases = fn_expr_phase_count(expr);
    double *kept = malloc(fn_expr_kept_bytes(expr, PIXELS) + 1);
    void *scratch = malloc(fn_expr_scratch_bytes(expr));
    fn_error err = {.text = ""};
    for (int p = 0; p < phases; p++) {
        fn_plane given[3 * MANY] = {{.data = NULL}};
        int n = 0, rasters = 0, last = -1;
        const int *inputs = fn_expr_phase_inputs(expr, p, &n);
        for (int i = 0; i < n; i++) {
            int raster, band;
            fn_expr_input(expr, inputs[i], &raster, &band);
            given[inputs[i]] = planes[inputs[i]];
            rasters += raster != last;
            last = raster;
        }
        EXPECT(most == 0 || rasters <= most, "%s: phase %d needs %d rasters", text, p, rasters);
        EXPECT(fn_expr_run_phase(expr, p, PIXELS, given, sinks, scratch, kept, NULL, &err) == FN_OK, "%s", err.text);
    }
    free(scratch);
    free(kept);
    return phases;
}

/* The same bits, whatever is read at a time. */
static void phases(void)
{
    static const struct {
        const char *texts[2];
        size_t kept;   /* planes of doubles, at most, with one raster at a time */
        int at_once;   /* 0: so many rasters as are asked for */
        int most_read; /* phases with one raster at a time, at most */
    } all[] = {
        {{"nansum(s)", "count(s)"}, 3, 0, MANY},
        {{"mean(s)", "max(s)"}, 3, 0, MANY},
        {{"nanargmax(s)", "first(s)"}, 5, 0, MANY},
        {{"nanstd(s)", "A[2] - nanmean(s)"}, 6, 0, 2 * MANY + 3},
        {{"nanmedian(s)", "sum(s)"}, 3, MANY, 2 * MANY},
        {{"pick(s, nanargmin(s))", "nanmax((s - A) / (s + A[2]))"}, 7, 0, 3 * MANY},
        {{"A + B", "item(s, 3)"}, 3, 0, 4},
    };
    check_random stream = {check_seed};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (int most = 0; most <= 7; most++) {
            world w = {MANY, FN_UINT16};
            fn_expr_options options = options_of(&w, true);
            options.rasters_at_once = most;
            fn_expr *expr;
            fn_error err = {.text = ""};
            REQUIRE(fn_expr_compile(all[k].texts, 2, &options, &expr, &err) == FN_OK, "%s", err.text);
            const int n = fn_expr_input_count(expr);
            uint16_t *data = malloc((size_t)n * PIXELS * sizeof *data);
            fn_plane planes[3 * MANY];
            for (int i = 0; i < n; i++)
                planes[i] = (fn_plane){.data = data + (size_t)i * PIXELS,
                                       .type = FN_UINT16,
                                       .nodata = fn_nodata_from_double(0, FN_UINT16)};
            for (size_t i = 0; i < (size_t)n * PIXELS; i++)
                data[i] = (uint16_t)(random_bits(&stream) % 3 == 0 ? 0 : random_bits(&stream) % 1000);
            double whole[2][PIXELS], cut[2][PIXELS];
            fn_sink sinks[2], own[2];
            for (int o = 0; o < 2; o++) {
                sinks[o] = (fn_sink){.data = whole[o], .type = FN_FLOAT64};
                own[o] = (fn_sink){.data = cut[o], .type = FN_FLOAT64};
            }
            run_whole(expr, planes, sinks);
            if (most > 0) {
                const int count =
                    run_phases(expr, planes, own, all[k].at_once ? all[k].at_once : most, all[k].texts[0]);
                EXPECT(memcmp(whole, cut, sizeof whole) == 0, "%s, %d at once", all[k].texts[0], most);
                const size_t kept = fn_expr_kept_bytes(expr, 1) / sizeof(double);
                EXPECT(kept <= all[k].kept, "%s, %d at once: %zu planes", all[k].texts[0], most, kept);
                EXPECT(most > 1 || count <= all[k].most_read, "%s: %d phases", all[k].texts[0], count);
            }
            free(data);
            fn_expr_free(expr);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(meanings),   UNIT(errors), UNIT(every_band),
                                       UNIT(propagated), UNIT(orders), UNIT(phases)};
    return check_main(tests);
}
