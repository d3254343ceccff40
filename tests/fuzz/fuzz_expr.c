/* Expressions: compile, run with every instruction set, compare. See README.md for the layout of the input. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "fishnet/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIXELS 37       /* vectors and a rest */
#define TEXTS_MAX 4
#define SCRATCH_MAX ((size_t)64 << 20)

static const fn_type type_sets[4][4] = {
    {FN_FLOAT64, FN_FLOAT64, FN_FLOAT64, FN_FLOAT64},
    {FN_UINT8, FN_INT16, FN_FLOAT32, FN_UINT32},
    {FN_INT32, FN_UINT16, FN_INT8, FN_FLOAT16},
    {FN_INT64, FN_UINT64, FN_FLOAT64, FN_INT32},
};

static const double values[PIXELS] = {
    0,
    -0.0,
    1,
    -1,
    2,
    0.5,
    -0.5,
    3,
    7,
    100,
    255,
    -128,
    127,
    1e10,
    -1e10,
    9007199254740992.0,
    1e300,
    -1e300,
    1e-300,
    5e-324,
    INFINITY,
    -INFINITY,
    NAN,
    0.1,
    1.5,
    2.5,
    -2.5,
    63,
    64,
    709.9,
    -745.2,
    3.141592653589793,
    1.5707963267948966,
    1e16,
    4503599627370497.5,
    -7,
    42,
};

static int set_of(void *user)
{
    return *(const uint8_t *)user >> 1 & 3;
}

/* A to Z with three bands each; `stack` has A to E as members, `pair` the next two. */
static fn_status find(void *user, const char *name, size_t n, fn_expr_name *found, fn_error *err)
{
    (void)user;
    found->bands = 3;
    found->raster = n == 1 ? *name - 'A' : n == 4 ? 5 : 0;
    found->members = n == 5 && memcmp(name, "stack", 5) == 0 ? 5 : n == 4 && memcmp(name, "pair", 4) == 0 ? 2 : 0;
    if (found->members > 0 || (n == 1 && *name >= 'A' && *name <= 'Z'))
        return FN_OK;
    return fn_fail(err, FN_ERR_ARGUMENT, "it is none of A to Z");
}

static fn_status resolve(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    const char name = (char)('A' + raster);
    CHECK(name >= 'A' && name <= 'Z' && band >= 1);
    if (name == 'Z')
        return fn_fail(err, FN_ERR_ARGUMENT, "no dataset Z");
    if (band > 3)
        return fn_fail(err, FN_ERR_ARGUMENT, "no band %d in %c, it has 3", band, name);
    *type = type_sets[set_of(user)][(name - 'A' + band - 1) % 4];
    return FN_OK;
}

/* The i-th value, turned by `turn`, as type: into what the type can hold. */
static void put(unsigned char *out, fn_type type, int i, int turn)
{
    double v = values[(i + turn) % PIXELS];
    double whole = isfinite(v) ? trunc(fmod(v, 9007199254740993.0)) : 5;
    switch (type) {
    case FN_FLOAT64: memcpy(out, &v, sizeof v); break;
    case FN_FLOAT32: memcpy(out, &(float){(float)v}, 4); break;
    case FN_FLOAT16: memcpy(out, &(uint16_t){(uint16_t)(i * 1777 + turn * 1009)}, 2); break;
    case FN_INT64: memcpy(out, &(int64_t){(int64_t)whole}, 8); break;
    case FN_UINT64: memcpy(out, &(uint64_t){(uint64_t)fabs(whole)}, 8); break;
    default: {
        int64_t bits = (int64_t)whole; /* the low bytes: any value of the type */
        memcpy(out, &bits, fn_type_size(type));
    }
    }
}

static void check_error(const fn_error *err, fn_status status)
{
    CHECK(err->status == status);
    size_t n = strnlen(err->text, sizeof err->text);
    CHECK(n > 0 && n < sizeof err->text);
    CHECK(err->text[n - 1] != '\n');
}

static void check_syntax_error(const fn_error *err)
{
    const char *caret = strrchr(err->text, '\n');
    CHECK(caret != NULL && strcmp(caret + 1 + strspn(caret + 1, " "), "^") == 0);
    int lines = 0;
    for (const char *s = err->text; *s != '\0'; s++)
        lines += *s == '\n';
    CHECK(lines >= 2);
}

/* Same bits, but any NaN equals any other. */
static int same_pixel(const unsigned char *a, const unsigned char *b, fn_type type)
{
    size_t size = fn_type_size(type);
    if (memcmp(a, b, size) == 0)
        return 1;
    if (type == FN_FLOAT64) {
        double x, y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return isnan(x) && isnan(y);
    }
    if (type == FN_FLOAT32) {
        float x, y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return isnan(x) && isnan(y);
    }
    if (type == FN_FLOAT16) {
        uint16_t x, y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return (x & 0x7FFF) > 0x7C00 && (y & 0x7FFF) > 0x7C00;
    }
    return 0;
}

static void run(const fn_expr *expr, uint8_t mode)
{
    int inputs = fn_expr_input_count(expr), outputs = fn_expr_output_count(expr);
    size_t scratch_bytes = fn_expr_scratch_bytes(expr);
    CHECK(inputs >= 0 && outputs >= 1);
    if (scratch_bytes > SCRATCH_MAX)
        return;
    fn_plane *planes = calloc((size_t)inputs + 1, sizeof *planes);
    unsigned char *data = malloc(((size_t)inputs + 1) * PIXELS * 8);
    unsigned char *results[2] = {calloc((size_t)outputs, PIXELS * 8), calloc((size_t)outputs, PIXELS * 8)};
    fn_sink *sinks = calloc((size_t)outputs, sizeof *sinks);
    void *scratch = malloc(scratch_bytes > 0 ? scratch_bytes : 1);
    static const uint8_t mask[PIXELS] = {[0 ... 4] = 255, [6 ... 20] = 1, [22 ... PIXELS - 1] = 255};
    if (planes == NULL || data == NULL || results[0] == NULL || results[1] == NULL || sinks == NULL || scratch == NULL)
        abort();
    for (int i = 0; i < inputs; i++) {
        int raster = 0, band = 0;
        fn_expr_input(expr, i, &raster, &band);
        fn_type type = FN_FLOAT64;
        CHECK(resolve(&mode, raster, band, &type, NULL) == FN_OK);
        unsigned char *plane = data + (size_t)i * PIXELS * 8;
        for (int k = 0; k < PIXELS; k++)
            put(plane + (size_t)k * fn_type_size(type), type, k, i * 5);
        planes[i] = (fn_plane){.data = plane, .type = type, .mask = mode & 8 ? mask : NULL};
        if (mode & 16)
            planes[i].nodata = fn_nodata_from_double(2, type);
    }
    static const fn_type sink_types[8] = {FN_FLOAT64, FN_FLOAT32, FN_UINT8, FN_INT16,
                                          FN_INT32,   FN_FLOAT16, FN_INT64, FN_UINT32};
    fn_status first_status = FN_OK;
    size_t first_bad = 0;
    for (fn_simd simd = FN_SIMD_PLAIN, n = 0; simd < FN_SIMD_COUNT; simd++) {
        unsigned char *out = results[n > 0];
        for (int o = 0; o < outputs; o++) {
            fn_type type = sink_types[((mode >> 5) + o) % 8];
            sinks[o] = (fn_sink){.data = out + (size_t)o * PIXELS * 8, .type = type};
            if (mode & 1)
                sinks[o].nodata = fn_nodata_default(type);
        }
        fn_error err;
        memset(&err, 0, sizeof err);
        size_t bad = 0;
        fn_status status = fn_expr_run_simd(expr, simd, PIXELS, planes, sinks, scratch, &bad, &err);
        if (status != FN_OK)
            check_error(&err, status);
        if (status == FN_ERR_ARGUMENT && simd != FN_SIMD_PLAIN)
            continue; /* not on this machine */
        CHECK(status == FN_OK || (status == FN_ERR_VALUE && bad < PIXELS));
        if (n++ == 0) {
            first_status = status;
            first_bad = bad;
            continue;
        }
        CHECK(status == first_status);
        if (status != FN_OK) {
            CHECK(bad == first_bad);
            continue;
        }
        for (int o = 0; o < outputs; o++) {
            size_t at = (size_t)o * PIXELS * 8;
            for (size_t k = 0; k < PIXELS; k++) {
                size_t pixel = at + k * fn_type_size(sinks[o].type);
                if (!same_pixel(results[0] + pixel, results[1] + pixel, sinks[o].type)) {
                    fprintf(stderr, "%s differs from plain, output %d (%s), pixel %zu\n", fn_simd_name(simd), o,
                            fn_type_name(sinks[o].type), k);
                    abort();
                }
            }
        }
    }
    free(planes);
    free(data);
    free(results[0]);
    free(results[1]);
    free(sinks);
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t mode = data[0];
    char *text = malloc(size);
    if (text == NULL)
        abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    const char *texts[TEXTS_MAX] = {text};
    int n = 1;
    for (char *s = text; n < TEXTS_MAX && (s = strchr(s, ';')) != NULL;) {
        *s++ = '\0';
        texts[n++] = s;
    }
    fn_expr_options options = {.nodata = mode & 1, .find = find, .resolve = resolve, .user = &mode};
    fn_expr *expr = (fn_expr *)(uintptr_t)1;
    fn_error err;
    memset(&err, 0, sizeof err);
    fn_status status = fn_expr_compile(texts, n, &options, &expr, &err);
    if (status == FN_OK) {
        CHECK(expr != NULL);
        CHECK(fn_expr_output_count(expr) == n);
        run(expr, mode);
        fn_expr_free(expr);
    } else {
        CHECK(expr == NULL);
        check_error(&err, status);
        if (status == FN_ERR_SYNTAX)
            check_syntax_error(&err);
    }
    free(text);
    return 0;
}
