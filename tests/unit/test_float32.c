/* One operation on Float32 that gives Float32: the bits of the same operation on doubles, rounded once. */
#include "check.h"

#include <math.h>

#include "fishnet/expr.h"

#define N 3001

static fn_type type_of_inputs;

static fn_status resolve_types(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    (void)user;
    (void)raster;
    (void)band;
    (void)err;
    *type = type_of_inputs;
    return FN_OK;
}

static fn_expr *compile(const char *text, fn_type type, bool nodata)
{
    fn_expr *expr = NULL;
    fn_error err;
    memset(&err, 0, sizeof err);
    type_of_inputs = type;
    const fn_expr_options options = {.nodata = nodata, .resolve = resolve_types};
    REQUIRE(fn_expr_compile(&text, 1, &options, &expr, &err) == FN_OK, "%s: %s", text, err.text);
    return expr;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Any bits; numbers that are near each other, or near the ends of the range; and what is special. */
static float any_float(check_random *r)
{
    static const float special[] = {0.0f,
                                    -0.0f,
                                    1.0f,
                                    -9999.0f,
                                    2.0f,
                                    INFINITY,
                                    -INFINITY,
                                    NAN,
                                    0x1p-149f,
                                    0x1p-126f,
                                    0x1.fffffep127f,
                                    -0x1.fffffep127f};
    const uint32_t bits = (uint32_t)random_bits(r);
    switch (random_between(r, 0, 4)) {
    case 0:
        return float_of(bits);
    case 1:
        return float_of((bits & 0x807FFFFFu) | 0x3F800000u);
    case 2: /* subnormal */
        return float_of(bits & 0x80FFFFFFu);
    case 3:
        return float_of(bits | 0x7E000000u);
    default:
        return special[random_between(r, 0, (int64_t)(sizeof special / sizeof *special) - 1)];
    }
}

typedef struct inputs {
    float of[2][N + 8];
    double wide[2][N + 8];
} inputs;

static void fill(check_random *r, inputs *in)
{
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < N + 8; i++) {
            in->of[k][i] = any_float(r);
            in->wide[k][i] = (double)in->of[k][i];
        }
}

/* The values from `first` on, as Float32 or as doubles. */
static void run(const char *text, fn_type type, bool nodata, fn_simd simd, const inputs *in, size_t first, size_t n,
                const fn_nodata *drop, fn_sink sink)
{
    fn_expr *expr = compile(text, type, nodata);
    fn_plane planes[2];
    for (int k = 0; k < 2; k++)
        planes[k] = (fn_plane){.data = type == FN_FLOAT32 ? (const void *)(in->of[k] + first) : in->wide[k] + first,
                               .type = type,
                               .nodata = drop[k]};
    fn_error err;
    void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
    const fn_status status = fn_expr_run_simd(expr, simd, n, planes, &sink, scratch, NULL, &err);
    REQUIRE(status == FN_OK, "%s: %s", text, err.text);
    free(scratch);
    fn_expr_free(expr);
}

static bool available(fn_simd simd)
{
    fn_expr *expr = compile("A", FN_FLOAT32, true);
    float value = 1;
    const fn_plane plane = {.data = &value, .type = FN_FLOAT32};
    const fn_sink sink = {.data = &value, .type = FN_FLOAT32};
    fn_error err;
    void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
    const fn_status status = fn_expr_run_simd(expr, simd, 0, &plane, &sink, scratch, NULL, &err);
    free(scratch);
    fn_expr_free(expr);
    return status == FN_OK;
}

static void check_bits(const char *text, bool nodata, const inputs *in, size_t first, size_t n, const fn_nodata *drop,
                       fn_sink sink)
{
    static float want[N], got[N + 1];
    sink.data = want;
    run(text, FN_FLOAT64, nodata, FN_SIMD_PLAIN, in, first, n, drop, sink);
    for (fn_simd simd = FN_SIMD_PLAIN; simd < FN_SIMD_COUNT; simd++) {
        if (!available(simd))
            continue;
        sink.data = got;
        got[n] = 77;
        run(text, FN_FLOAT32, nodata, simd, in, first, n, drop, sink);
        EXPECT(got[n] == 77, "%s, %s: one value more is written", text, fn_simd_name(simd));
        for (size_t i = 0; i < n; i++)
            if (!(isnan(want[i]) && isnan(got[i])))
                EXPECT(bits_of(want[i]) == bits_of(got[i]), "%s, %s: %a and %a give %a, not %a", text,
                       fn_simd_name(simd), (double)in->of[0][first + i], (double)in->of[1][first + i], (double)got[i],
                       (double)want[i]);
    }
}

static void same_bits_as_doubles(void)
{
    static const char *const texts[] = {"sqrt(A)", "A+B",   "A-B", "A*B",        "A/B",     "A+A",   "B-A",
                                        "A*0.5",   "A-1e9", "3/A", "7.5-A",      "A/3e-20", "A*0.1", "A+1e300",
                                        "-A",      "A*B+A", "A",   "16777217-A", "A/0"};
    static const double nodata[] = {NAN, -9999, 0, 0.1, 1, -3.4028234663852886e38};
    static inputs in;
    check_random r = random_for("same_bits_as_doubles");
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        for (int round = 0; round < 24; round++) {
            fill(&r, &in);
            const fn_nodata none = {0};
            fn_nodata drop[2];
            for (int k = 0; k < 2; k++) {
                drop[k] = none;
                drop[k].set = random_between(&r, 0, 2) > 0;
                drop[k].value.f = nodata[random_between(&r, 0, 5)];
            }
            fn_sink sink = {.type = FN_FLOAT32, .equals_stay = round % 4 == 3};
            sink.nodata.set = round % 2 == 1;
            sink.nodata.value.f = (double)(float)nodata[random_between(&r, 0, 5)];
            const size_t first = (size_t)random_between(&r, 0, 7);
            check_bits(texts[t], round % 3 > 0, &in, first, (size_t)random_between(&r, 0, round % 2 ? N : 40), drop,
                       sink);
        }
}

/* A mask says what is NoData. */
static void masks(void)
{
    static const uint8_t mask[5] = {1, 0, 255, 0, 1};
    const float in[5] = {4, 9, 16, 25, 36};
    float out[5];
    const fn_plane plane = {.data = in, .type = FN_FLOAT32, .mask = mask};
    const fn_sink sink = {.data = out, .type = FN_FLOAT32, .nodata = {.set = true, .value.f = -1}};
    fn_expr *expr = compile("sqrt(A)", FN_FLOAT32, true);
    fn_error err;
    void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
    REQUIRE(fn_expr_run(expr, 5, &plane, &sink, scratch, NULL, &err) == FN_OK, "%s", err.text);
    const float want[5] = {2, -1, 4, -1, 6};
    for (int i = 0; i < 5; i++)
        EXPECT(out[i] == want[i], "%d: %g", i, (double)out[i]);
    free(scratch);
    fn_expr_free(expr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(same_bits_as_doubles),
        UNIT(masks),
    };
    return check_main(tests);
}
