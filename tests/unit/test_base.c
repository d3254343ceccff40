/* Types, NoData values, errors. */
#include "check.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>

#include "fishnet/base.h"

static const struct {
    fn_type type;
    const char *name;
    size_t size;
    bool integer, is_signed, fits_float32;
    double low, high; /* of integer types; exact or the next power of two */
} types[] = {
    {FN_UINT8, "Byte", 1, true, false, true, 0, UINT8_MAX},
    {FN_INT8, "Int8", 1, true, true, true, INT8_MIN, INT8_MAX},
    {FN_UINT16, "UInt16", 2, true, false, true, 0, UINT16_MAX},
    {FN_INT16, "Int16", 2, true, true, true, INT16_MIN, INT16_MAX},
    {FN_UINT32, "UInt32", 4, true, false, false, 0, UINT32_MAX},
    {FN_INT32, "Int32", 4, true, true, false, INT32_MIN, INT32_MAX},
    {FN_UINT64, "UInt64", 8, true, false, false, 0, 0x1p64},
    {FN_INT64, "Int64", 8, true, true, false, -0x1p63, 0x1p63},
    {FN_FLOAT16, "Float16", 2, false, true, true, 0, 0},
    {FN_FLOAT32, "Float32", 4, false, true, true, 0, 0},
    {FN_FLOAT64, "Float64", 8, false, true, false, 0, 0},
};
#define TYPES (sizeof types / sizeof *types)

static void fail_fills_the_error(void)
{
    fn_error err;
    memset(&err, 0xA5, sizeof err);
    EXPECT(fn_fail(&err, FN_ERR_READ, "%s has %d bands", "dem.tif", 3) == FN_ERR_READ, "status is passed on");
    EXPECT(err.status == FN_ERR_READ, "%d", err.status);
    EXPECT(strcmp(err.text, "dem.tif has 3 bands") == 0, "%s", err.text);
    EXPECT(fn_fail(NULL, FN_ERR_MEMORY, "%d", 1) == FN_ERR_MEMORY, "err may be NULL");
}

static void fail_cuts_long_texts(void)
{
    for (size_t length = 1000; length < 1100; length++) {
        /* Two-byte characters: a cut in the middle of one would not be UTF-8. */
        char *text = calloc(1, 2 * length + 2);
        REQUIRE(text != NULL, "memory");
        text[0] = 'x';
        for (size_t i = 0; i < length; i++)
            memcpy(text + 1 + 2 * i, "\xC3\xA9", 2);
        for (int shift = 0; shift < 2; shift++) {
            struct {
                fn_error err;
                unsigned char guard[16];
            } e;
            memset(&e, 0xA5, sizeof e);
            fn_fail(&e.err, FN_ERR_ARGUMENT, "%s", text + shift);
            size_t got = strnlen(e.err.text, sizeof e.err.text);
            EXPECT(got < sizeof e.err.text, "terminated");
            EXPECT(got + 8 > sizeof e.err.text, "only %zu of %zu bytes kept", got, 2 * length);
            EXPECT(is_utf8(e.err.text), "cut within a character (%zu bytes, shift %d)", got, shift);
            for (size_t i = 0; i < sizeof e.guard; i++)
                EXPECT(e.guard[i] == 0xA5, "wrote beyond the error");
        }
        free(text);
    }
}

static void type_properties(void)
{
    EXPECT(TYPES == FN_TYPE_COUNT, "every type is tested");
    for (size_t i = 0; i < TYPES; i++) {
        fn_type t = types[i].type;
        EXPECT((size_t)t == i, "%s has number %d", types[i].name, t);
        EXPECT(fn_type_size(t) == types[i].size, "%s", types[i].name);
        EXPECT(strcmp(fn_type_name(t), types[i].name) == 0, "%s is called %s", types[i].name, fn_type_name(t));
        EXPECT(fn_type_is_integer(t) == types[i].integer, "%s", types[i].name);
        EXPECT(fn_type_is_signed(t) == types[i].is_signed, "%s", types[i].name);
        EXPECT(fn_type_fits_float32(t) == types[i].fits_float32, "%s", types[i].name);
    }
}

static void type_names(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        char lower[32], upper[32];
        snprintf(lower, sizeof lower, "%s", types[i].name);
        snprintf(upper, sizeof upper, "%s", types[i].name);
        for (size_t k = 0; lower[k] != '\0'; k++) {
            lower[k] = (char)(lower[k] >= 'A' && lower[k] <= 'Z' ? lower[k] + 32 : lower[k]);
            upper[k] = (char)(upper[k] >= 'a' && upper[k] <= 'z' ? upper[k] - 32 : upper[k]);
        }
        EXPECT(fn_type_from_name(types[i].name) == types[i].type, "%s", types[i].name);
        EXPECT(fn_type_from_name(lower) == types[i].type, "%s", lower);
        EXPECT(fn_type_from_name(upper) == types[i].type, "%s", upper);
    }
    EXPECT(fn_type_from_name("UInt8") == FN_UINT8, "UInt8 is Byte");
    EXPECT(fn_type_from_name("uint8") == FN_UINT8, "uint8 is Byte");
    static const char *const none[] = {"",         " ",     "Unknown",  "CInt16", "CInt32",   "CFloat16", "CFloat32",
                                       "CFloat64", "Float", "Float128", "Int",    "Byte ",    " Byte",    "Bytes",
                                       "Byt",      "UInt",  "UInt 8",   "Int128", "Float32x", "0",        "1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        EXPECT(fn_type_from_name(none[i]) == FN_TYPE_COUNT, "\"%s\" is no type", none[i]);
}

static void expect_parsed(const char *text, fn_type type, bool ok, double f, int64_t i, uint64_t u)
{
    fn_nodata n;
    fn_error err;
    memset(&n, 0xA5, sizeof n);
    memset(&err, 0, sizeof err);
    fn_status status = fn_nodata_parse(text, type, &n, &err);
    const char *name = fn_type_name(type);
    if (!ok) {
        EXPECT(status == FN_ERR_ARGUMENT, "\"%s\" for %s gives status %d", text, name, status);
        EXPECT(status == FN_OK || err.status == status, "\"%s\" for %s", text, name);
        if (status != FN_OK)
            EXPECT_ERROR_TEXT(err, "error text of \"%s\" for %s: \"%s\"", text, name, err.text);
        EXPECT(fn_nodata_parse(text, type, &n, NULL) == FN_ERR_ARGUMENT, "err may be NULL (%s)", text);
        return;
    }
    EXPECT(status == FN_OK, "\"%s\" for %s: %s", text, name, err.text);
    if (status != FN_OK)
        return;
    EXPECT(n.set, "\"%s\" for %s", text, name);
    if (!fn_type_is_integer(type))
        EXPECT(n.value.f == f || (isnan(f) && isnan(n.value.f)), "\"%s\" for %s gives %.17g", text, name, n.value.f);
    else if (fn_type_is_signed(type))
        EXPECT(n.value.i == i, "\"%s\" for %s gives %" PRId64, text, name, n.value.i);
    else
        EXPECT(n.value.u == u, "\"%s\" for %s gives %" PRIu64, text, name, n.value.u);
}

static void nodata_parse_limits(void)
{
    static const struct {
        fn_type type;
        const char *low, *below, *high, *above;
        int64_t i_low, i_high;
        uint64_t u_high;
    } limits[] = {
        {FN_UINT8, "0", "-1", "255", "256", 0, 0, 255},
        {FN_INT8, "-128", "-129", "127", "128", -128, 127, 0},
        {FN_UINT16, "0", "-1", "65535", "65536", 0, 0, 65535},
        {FN_INT16, "-32768", "-32769", "32767", "32768", -32768, 32767, 0},
        {FN_UINT32, "0", "-1", "4294967295", "4294967296", 0, 0, 4294967295u},
        {FN_INT32, "-2147483648", "-2147483649", "2147483647", "2147483648", INT32_MIN, INT32_MAX, 0},
        {FN_UINT64, "0", "-1", "18446744073709551615", "18446744073709551616", 0, 0, UINT64_MAX},
        {FN_INT64, "-9223372036854775808", "-9223372036854775809", "9223372036854775807", "9223372036854775808",
         INT64_MIN, INT64_MAX, 0},
    };
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
        fn_type t = limits[k].type;
        expect_parsed(limits[k].low, t, true, 0, limits[k].i_low, 0);
        expect_parsed(limits[k].high, t, true, 0, limits[k].i_high, limits[k].u_high);
        expect_parsed(limits[k].below, t, false, 0, 0, 0);
        expect_parsed(limits[k].above, t, false, 0, 0, 0);
        expect_parsed("7", t, true, 0, 7, 7);
        expect_parsed("7.0", t, true, 0, 7, 7);
        expect_parsed("1e2", t, true, 0, 100, 100);
        expect_parsed("-0", t, true, 0, 0, 0);
        expect_parsed("1.5", t, false, 0, 0, 0);
        expect_parsed("1e-3", t, false, 0, 0, 0);
        expect_parsed("1e30", t, false, 0, 0, 0);
        expect_parsed("nan", t, false, 0, 0, 0);
        expect_parsed("inf", t, false, 0, 0, 0);
        expect_parsed("-inf", t, false, 0, 0, 0);
    }
    /* Not through a double. */
    expect_parsed("9007199254740993", FN_INT64, true, 0, INT64_C(9007199254740993), 0);
    expect_parsed("-9007199254740993", FN_INT64, true, 0, -INT64_C(9007199254740993), 0);
    expect_parsed("9007199254740993", FN_UINT64, true, 0, 0, UINT64_C(9007199254740993));
    expect_parsed("18446744073709551613", FN_UINT64, true, 0, 0, UINT64_C(18446744073709551613));
}

static void nodata_parse_floats(void)
{
    for (fn_type t = FN_FLOAT16; t <= FN_FLOAT64; t++) {
        expect_parsed("nan", t, true, NAN, 0, 0);
        expect_parsed("NaN", t, true, NAN, 0, 0);
        expect_parsed("inf", t, true, INFINITY, 0, 0);
        expect_parsed("-inf", t, true, -INFINITY, 0, 0);
        expect_parsed("0", t, true, 0, 0, 0);
        expect_parsed("-1.5", t, true, -1.5, 0, 0);
        expect_parsed("1e400", t, false, 0, 0, 0);
        expect_parsed("-1e400", t, false, 0, 0, 0);
    }
    expect_parsed("-9999", FN_FLOAT64, true, -9999, 0, 0);
    expect_parsed("0.1", FN_FLOAT64, true, 0.1, 0, 0);
    expect_parsed("0.1", FN_FLOAT32, true, (double)0.1f, 0, 0);
    expect_parsed("-3.40282346638529e+38", FN_FLOAT32, true, -(double)FLT_MAX, 0, 0); /* as GDAL prints it */
    expect_parsed("3.4028235e38", FN_FLOAT32, true, (double)FLT_MAX, 0, 0);
    expect_parsed("1e39", FN_FLOAT32, false, 0, 0, 0);
    expect_parsed("1.7976931348623157e308", FN_FLOAT64, true, DBL_MAX, 0, 0);
    expect_parsed("-9999", FN_FLOAT16, true, -10000, 0, 0); /* halves are 8 apart there */
    expect_parsed("0.1", FN_FLOAT16, true, 0.0999755859375, 0, 0);
    expect_parsed("65504", FN_FLOAT16, true, 65504, 0, 0);
    expect_parsed("65519", FN_FLOAT16, true, 65504, 0, 0);
    expect_parsed("65520", FN_FLOAT16, false, 0, 0, 0);
    expect_parsed("1e39", FN_FLOAT16, false, 0, 0, 0);
    /* Just above the middle of 1 and 1+2^-10: rounding to Float32 first would fall on the middle, then to 1. */
    expect_parsed("1.00048828126", FN_FLOAT16, true, 1.0009765625, 0, 0);
}

static void nodata_parse_garbage(void)
{
    static const char *const bad[] = {"",   " ", "abc", "12abc", "1,5", "--1",  "1 2",    "none",     "nanx", "infx",
                                      "e5", ".", "-",   "1e",    "1e+", "0..1", "NODATA", "\xC3\xA9", "1;2"};
    for (fn_type t = FN_UINT8; t < FN_TYPE_COUNT; t++)
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            expect_parsed(bad[i], t, false, 0, 0, 0);
}

static void nodata_parse_ignores_the_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "fr_FR", "es_ES.UTF-8"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
        found = setlocale(LC_ALL, names[i]) != NULL;
    if (!found)
        SKIP("this machine has no locale with a decimal comma");
    expect_parsed("1.5", FN_FLOAT64, true, 1.5, 0, 0);
    expect_parsed("1.5", FN_UINT8, false, 0, 0, 0);
    expect_parsed("1,5", FN_FLOAT64, false, 0, 0, 0);
    setlocale(LC_ALL, "C");
}

static void nodata_from_double(void)
{
    for (size_t k = 0; k < TYPES; k++) {
        fn_type t = types[k].type;
        const char *name = types[k].name;
        if (!types[k].integer) {
            EXPECT(fn_nodata_from_double(NAN, t).set && isnan(fn_nodata_from_double(NAN, t).value.f), "%s", name);
            EXPECT(fn_nodata_from_double(INFINITY, t).value.f == INFINITY, "%s", name);
            EXPECT(fn_nodata_from_double(-INFINITY, t).value.f == -INFINITY, "%s", name);
            EXPECT(fn_nodata_from_double(-1.5, t).set && fn_nodata_from_double(-1.5, t).value.f == -1.5, "%s", name);
            continue;
        }
        static const double never[] = {NAN, INFINITY, -INFINITY, 0.5, -0.5, 1.5, 100.25, 1e300, -1e300, 5e-324};
        for (size_t i = 0; i < sizeof never / sizeof *never; i++)
            EXPECT(!fn_nodata_from_double(never[i], t).set, "%g for %s", never[i], name);
        double step = types[k].size == 8 ? 2048 : 1;
        double low = types[k].low,
               high = types[k].size == 8 ? types[k].high - (types[k].is_signed ? 1024 : 2048) : types[k].high;
        EXPECT(!fn_nodata_from_double(low - step, t).set, "below %s", name);
        EXPECT(!fn_nodata_from_double(high + step, t).set, "above %s", name);
        const double held[] = {low, high, 0, -0.0, 1, 100, 127};
        for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
            fn_nodata n = fn_nodata_from_double(held[i], t);
            EXPECT(n.set, "%g for %s", held[i], name);
            double back = types[k].is_signed ? (double)n.value.i : (double)n.value.u;
            EXPECT(back == held[i], "%g for %s gives %g", held[i], name, back);
        }
    }
    fn_nodata n = fn_nodata_from_double(-9999, FN_INT16);
    EXPECT(n.set && n.value.i == -9999, "%" PRId64, n.value.i);
    EXPECT(!fn_nodata_from_double(-9999, FN_UINT16).set, "-9999 for UInt16");
    EXPECT(!fn_nodata_from_double(-9999, FN_UINT8).set, "-9999 for Byte");
    EXPECT(!fn_nodata_from_double(0x1p63, FN_INT64).set, "2^63 for Int64");
    EXPECT(fn_nodata_from_double(0x1p63, FN_UINT64).value.u == UINT64_C(1) << 63, "2^63 for UInt64");
    EXPECT(!fn_nodata_from_double(0x1p64, FN_UINT64).set, "2^64 for UInt64");
    /* Float32 bands with a NoData value from text: the pixel that was meant is the nearest one. */
    n = fn_nodata_from_double(0.1, FN_FLOAT32);
    EXPECT(n.set && n.value.f == (double)0.1f, "%d %.17g", n.set, n.value.f);
    n = fn_nodata_from_double(-3.40282346638529e+38, FN_FLOAT32);
    EXPECT(n.set && n.value.f == -(double)FLT_MAX, "%d %.17g", n.set, n.value.f);
    EXPECT(!fn_nodata_from_double(1e39, FN_FLOAT32).set, "1e39 for Float32");
    EXPECT(!fn_nodata_from_double(-DBL_MAX, FN_FLOAT32).set, "-DBL_MAX for Float32");
    EXPECT(!fn_nodata_from_double(65520, FN_FLOAT16).set, "65520 for Float16");
    n = fn_nodata_from_double(-DBL_MAX, FN_FLOAT64);
    EXPECT(n.set && n.value.f == -DBL_MAX, "-DBL_MAX for Float64");
}

static void nodata_defaults(void)
{
    static const double expected[FN_TYPE_COUNT] = {255,    -128,    65535, -32768, 4294967295.0, -2147483648.0,
                                                   0x1p53, -0x1p53, NAN,   NAN,    NAN};
    for (fn_type t = FN_UINT8; t < FN_TYPE_COUNT; t++) {
        fn_nodata n = fn_nodata_default(t);
        double value = !fn_type_is_integer(t) ? n.value.f
                       : fn_type_is_signed(t) ? (double)n.value.i
                                              : (double)n.value.u;
        EXPECT(n.set, "%s", fn_type_name(t));
        EXPECT(value == expected[t] || (isnan(value) && isnan(expected[t])), "%s: %g", fn_type_name(t), value);
        double as_double = fn_nodata_as_double(n, t);
        EXPECT(as_double == expected[t] || (isnan(as_double) && isnan(expected[t])), "%s: %g", fn_type_name(t),
               as_double);
    }
}

static void nodata_as_double(void)
{
    for (fn_type t = FN_UINT8; t < FN_TYPE_COUNT; t++) {
        fn_nodata unset;
        memset(&unset, 0, sizeof unset);
        EXPECT(isnan(fn_nodata_as_double(unset, t)), "%s not set", fn_type_name(t));
    }
    fn_nodata n = {.set = true, .value = {.u = UINT64_MAX}};
    EXPECT(fn_nodata_as_double(n, FN_UINT64) == 0x1p64, "%g", fn_nodata_as_double(n, FN_UINT64));
    n.value.i = INT64_MIN;
    EXPECT(fn_nodata_as_double(n, FN_INT64) == -0x1p63, "%g", fn_nodata_as_double(n, FN_INT64));
    n.value.i = -1;
    EXPECT(fn_nodata_as_double(n, FN_INT8) == -1, "%g", fn_nodata_as_double(n, FN_INT8));
    n.value.f = -0.25;
    EXPECT(fn_nodata_as_double(n, FN_FLOAT16) == -0.25, "%g", fn_nodata_as_double(n, FN_FLOAT16));
}

/* A double and its text mean the same, and what was taken comes back. */
static void nodata_text_and_double_agree(void)
{
    check_random r = random_for("nodata_text_and_double_agree");
    for (int round = 0; round < 200000; round++) {
        fn_type t = (fn_type)random_between(&r, 0, FN_TYPE_COUNT - 1);
        double value;
        switch (random_between(&r, 0, 3)) {
        case 0: {
            uint64_t bits = random_bits(&r);
            memcpy(&value, &bits, sizeof value);
            break;
        }
        case 1:
            value = (double)random_between(&r, -70000, 70000);
            break;
        case 2:
            value = (double)(int64_t)random_bits(&r);
            break;
        default:
            value = (double)random_between(&r, -2000, 2000) / 8;
            break;
        }
        if (isnan(value))
            value = NAN; /* prints as "nan", never "-nan" */
        char text[64];
        snprintf(text, sizeof text, "%.17g", value);
        fn_nodata a = fn_nodata_from_double(value, t), b;
        fn_status status = fn_nodata_parse(text, t, &b, NULL);
        EXPECT((status == FN_OK) == a.set, "%s for %s: parse gives %d, from_double %d", text, fn_type_name(t), status,
               a.set);
        if (status != FN_OK || !a.set)
            continue;
        double back = fn_nodata_as_double(a, t);
        if (isnan(value)) {
            EXPECT(isnan(back) && isnan(fn_nodata_as_double(b, t)), "%s for %s", text, fn_type_name(t));
            continue;
        }
        EXPECT(a.value.u == b.value.u || back == fn_nodata_as_double(b, t), "%s for %s", text, fn_type_name(t));
        if (fn_type_is_integer(t) || t == FN_FLOAT64)
            EXPECT(back == value, "%s for %s comes back as %.17g", text, fn_type_name(t), back);
        if (t == FN_FLOAT32)
            EXPECT(back == (double)(float)value, "%s comes back as %.17g", text, back);
        fn_nodata again = fn_nodata_from_double(back, t);
        EXPECT(again.set && fn_nodata_as_double(again, t) == back, "%s for %s is not stable", text, fn_type_name(t));
    }
}

static void edit_distances(void)
{
    static const struct {
        const char *a, *b;
        size_t want;
    } cases[] = {{"", "", 0},           {"a", "", 1},        {"medain", "median", 1},
                 {"medain", "mean", 2}, {"Mean", "mEAN", 0}, {"kitten", "sitting", 3},
                 {"ca", "abc", 3},      {"ab", "ba", 1},     {"slop", "slope", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t na = strlen(cases[i].a), nb = strlen(cases[i].b);
        const size_t there = fn_edit_distance(cases[i].a, na, cases[i].b, nb);
        const size_t back = fn_edit_distance(cases[i].b, nb, cases[i].a, na);
        EXPECT(there == cases[i].want && back == there, "%s, %s: %zu", cases[i].a, cases[i].b, there);
    }
    char longest[70];
    memset(longest, 'a', sizeof longest);
    EXPECT(fn_edit_distance(longest, 64, longest, 64) == 0, "64 letters");
    EXPECT(fn_edit_distance(longest, 65, "a", 1) == SIZE_MAX, "65 letters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(fail_fills_the_error),
        UNIT(fail_cuts_long_texts),
        UNIT(edit_distances),
        UNIT(type_properties),
        UNIT(type_names),
        UNIT(nodata_parse_limits),
        UNIT(nodata_parse_floats),
        UNIT(nodata_parse_garbage),
        UNIT(nodata_parse_ignores_the_locale),
        UNIT(nodata_from_double),
        UNIT(nodata_defaults),
        UNIT(nodata_as_double),
        UNIT(nodata_text_and_double_agree),
    };
    return check_main(tests);
}
