/* The expression language: what each text means, what each wrong text is told, and that long texts are no trouble. */
#include "check.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fishnet/expr.h"

#define PI 3.14159265358979323846
#define E 2.71828182845904523536

static uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static bool same_double(double a, double b)
{
    return isnan(a) || isnan(b) ? isnan(a) && isnan(b) : bits_of(a) == bits_of(b);
}

/* How many doubles apart; -0 and 0 are the same here. */
static uint64_t ulps_apart(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) ? 0 : UINT64_MAX;
    if (isinf(a) != isinf(b))
        return UINT64_MAX;
    int64_t x = (int64_t)bits_of(a), y = (int64_t)bits_of(b);
    x = x < 0 ? INT64_MIN - x : x;
    y = y < 0 ? INT64_MIN - y : y;
    return x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
}

/* One letter for each input, from A: d Float64, f Float32, h Float16, i Int32, b Byte, s Int16, l Int64, u UInt64. */
static fn_type type_of_letter(char letter)
{
    switch (letter) {
    case 'f': return FN_FLOAT32;
    case 'h': return FN_FLOAT16;
    case 'i': return FN_INT32;
    case 'b': return FN_UINT8;
    case 's': return FN_INT16;
    case 'l': return FN_INT64;
    case 'u': return FN_UINT64;
    default: return FN_FLOAT64;
    }
}

static fn_status resolve_letters(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    const char name = (char)('A' + raster);
    const char *letters = user;
    (void)band;
    (void)err;
    *type = type_of_letter((size_t)(name - 'A') < strlen(letters) ? letters[name - 'A'] : 'd');
    return FN_OK;
}

static fn_expr *compile(const char *text, bool nodata, const char *letters)
{
    fn_expr *expr = NULL;
    fn_error err;
    memset(&err, 0, sizeof err);
    fn_expr_options options = {.nodata = nodata, .resolve = resolve_letters, .user = (void *)(uintptr_t)letters};
    fn_status status = fn_expr_compile(&text, 1, &options, &expr, &err);
    if (status != FN_OK)
        check_note(__FILE__, __LINE__, "to compile", "\"%.200s\": %s", text, err.text);
    else if (expr == NULL)
        check_note(__FILE__, __LINE__, "an expression", "\"%.200s\"", text);
    return expr;
}

enum { COPIES = 5 }; /* a vector and a rest */

/* The value of an expression where A, B, C... have these values. */
static double value_of(fn_expr *expr, const char *letters, const double *values, int n_values, const char *text)
{
    static _Alignas(64) unsigned char data[26][COPIES * 8];
    fn_plane planes[26];
    int n = fn_expr_input_count(expr);
    REQUIRE(n <= 26, "%d inputs", n);
    for (int i = 0; i < n; i++) {
        int raster = 0, band = 0;
        fn_expr_input(expr, i, &raster, &band);
        const char name = (char)('A' + raster);
        REQUIRE(name >= 'A' && name < 'A' + n_values && band >= 1, "\"%s\" has input %c[%d]", text, name, band);
        fn_type type = type_of_letter((size_t)(name - 'A') < strlen(letters) ? letters[name - 'A'] : 'd');
        for (int k = 0; k < COPIES; k++) {
            double v = values[name - 'A'];
            switch (type) {
            case FN_FLOAT32: ((float *)data[i])[k] = (float)v; break;
            case FN_INT32: ((int32_t *)data[i])[k] = (int32_t)v; break;
            case FN_INT16: ((int16_t *)data[i])[k] = (int16_t)v; break;
            case FN_UINT8: data[i][k] = (uint8_t)v; break;
            case FN_INT64: ((int64_t *)data[i])[k] = (int64_t)v; break;
            case FN_UINT64: ((uint64_t *)data[i])[k] = (uint64_t)v; break;
            case FN_FLOAT64: ((double *)data[i])[k] = v; break;
            default: REQUIRE(false, "type %d", type);
            }
        }
        planes[i] = (fn_plane){.data = data[i], .type = type};
    }
    double out[COPIES] = {-77, -77, -77, -77, -77};
    fn_sink sink = {.data = out, .type = FN_FLOAT64};
    void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
    REQUIRE(scratch != NULL, "memory");
    fn_error err;
    memset(&err, 0, sizeof err);
    fn_status status = fn_expr_run(expr, COPIES, planes, &sink, scratch, NULL, &err);
    free(scratch);
    EXPECT(status == FN_OK, "\"%.200s\": %s", text, err.text);
    for (int k = 1; k < COPIES; k++)
        EXPECT(same_double(out[k], out[0]), "\"%.200s\": pixel %d is %.17g, pixel 0 %.17g", text, k, out[k], out[0]);
    return out[0];
}

static double evaluate(const char *text, bool nodata, const char *letters, const double *values, int n_values)
{
    fn_expr *expr = compile(text, nodata, letters);
    if (expr == NULL)
        return -77;
    double v = value_of(expr, letters, values, n_values, text);
    fn_expr_free(expr);
    return v;
}

enum mode { BOTH, WITH_NODATA, WITHOUT };

typedef struct golden {
    const char *text;
    double a, b, c;
    double want;
    enum mode mode;
    const char *letters;
    unsigned ulp;
} golden;

static void check_golden(const golden *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const golden *g = &cases[i];
        const char *letters = g->letters != NULL ? g->letters : "ddd";
        for (int nodata = 0; nodata < 2; nodata++) {
            if (g->mode == (nodata ? WITHOUT : WITH_NODATA))
                continue;
            double got = evaluate(g->text, nodata, letters, (double[]){g->a, g->b, g->c}, 3);
            bool ok = g->ulp == 0 ? same_double(got, g->want) : ulps_apart(got, g->want) <= g->ulp;
            EXPECT(ok, "%s with A=%g B=%g C=%g (%s%s) is %.17g, not %.17g", g->text, g->a, g->b, g->c, letters,
                   nodata ? "" : ", NODATA=none", got, g->want);
        }
    }
}

#define CHECK_GOLDEN(cases) check_golden(cases, sizeof(cases) / sizeof *(cases))

static void numbers(void)
{
    const golden cases[] = {
        {"1", .want = 1},
        {".5", .want = 0.5},
        {"5.", .want = 5},
        {"0", .want = 0},
        {"0.0", .want = 0},
        {"1e-3", .want = 1e-3},
        {"1E3", .want = 1000},
        {"1e+3", .want = 1000},
        {"1.5e2", .want = 150},
        {".5e1", .want = 5},
        {"0x1F", .want = 31},
        {"0Xff", .want = 255},
        {"0b101", .want = 5},
        {"0B11", .want = 3},
        {"0xFFFFFFFFFFFFF", .want = 4503599627370495.0},
        {"pi", .want = PI},
        {"e", .want = E},
        {"inf", .want = INFINITY},
        {"-inf", .want = -INFINITY},
        {"nan", .want = NAN},
        {"true", .want = 1},
        {"True", .want = 1},
        {"false", .want = 0},
        {"False", .want = 0},
        {"numpy.pi", .want = PI},
        {"np.pi", .want = PI},
        {"np.e", .want = E},
        {"np.inf", .want = INFINITY},
        {"numpy.nan", .want = NAN},
        {"2*e", .want = 2 * E},
        {"2e0*e", .want = 2 * E},
        {"1e0", .want = 1},
        {" \t1 \n + \r\n 2 ", .want = 3},
        /* Correctly rounded: these need more than 53 bits on the way. */
        {"0.1", .want = 0.1},
        {"1e23", .want = 1e23},
        {"9007199254740993", .want = 9007199254740992.0},
        {"1.7976931348623157e308", .want = DBL_MAX},
        {"2.2250738585072011e-308", .want = 2.2250738585072011e-308},
        {"4.9406564584124654e-324", .want = 0x1p-1074},
        {"2.4703282292062328e-324", .want = 0x1p-1074},
        {"2.4703282292062327e-324", .want = 0},
        {"3.14159265358979323846264338327950288419716939937510582097494459230781640628620899", .want = PI},
        {"0.00000000000000000000000000000000000000000000000000000000001", .want = 1e-59},
        {"100000000000000000000000000000000000000000000000000000000000", .want = 1e59},
    };
    CHECK_GOLDEN(cases);
}

static void numbers_ignore_the_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "fr_FR", "es_ES.UTF-8"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
        found = setlocale(LC_ALL, names[i]) != NULL;
    if (!found)
        SKIP("this machine has no locale with a decimal comma");
    EXPECT(evaluate("1.5+min(1,5)", true, "", NULL, 0) == 2.5, "decimal comma");
    setlocale(LC_ALL, "C");
}

static void arithmetic(void)
{
    const golden cases[] = {
        {"A+B", 0.1, 0.2, .want = 0.1 + 0.2},
        {"A-B", 0.3, 0.1, .want = 0.3 - 0.1},
        {"A*B", 0.1, 0.2, .want = 0.1 * 0.2},
        {"A/B", 1, 3, .want = 1.0 / 3},
        {"A/B", 7, 2, .want = 3.5, .letters = "ii"},
        {"A/B", 3, 2, .want = 1.5, .letters = "bb"},
        {"A*2", 200, .want = 400, .letters = "b"},
        {"A-B", 3, 5, .want = -2, .letters = "bb"},
        {"A/B", 1, 0, .want = INFINITY},
        {"A/B", -1, 0, .want = -INFINITY},
        {"A/B", 1, -0.0, .want = -INFINITY},
        {"A/B", 0, 0, .want = NAN},
        {"1/0", .want = INFINITY},
        {"0/0", .want = NAN},
        {"A*B", INFINITY, 0, .want = NAN},
        {"A-B", INFINITY, INFINITY, .want = NAN},
        {"A+B", DBL_MAX, DBL_MAX, .want = INFINITY},
        {"-A", 0, .want = -0.0},
        {"-A", -0.0, .want = 0},
        {"0-A", 0, .want = 0},
        {"+A", -3, .want = -3},
        {"--A", 3, .want = 3},
        {"- -A", 3, .want = 3},
        {"+-+A", 3, .want = -3},
        {"A+0", -0.0, .want = 0},
        {"A*1", -0.0, .want = -0.0},
        {"A-A", INFINITY, .want = NAN},
        {"A*0", INFINITY, .want = NAN},
        {"A*0", -5, .want = -0.0},
        {"A/A", 0, .want = NAN},
        {"A*B-A*B", 0.1, 0.3, .want = 0},                           /* a fused multiply-subtract would leave 1e-18 */
        {"A*B+C", 1 + DBL_EPSILON, 1 - DBL_EPSILON, -1, .want = 0}, /* nor here */
        /* % and // as Python and numpy do them */
        {"A%B", 7, 3, .want = 1},
        {"A%B", -7, 3, .want = 2},
        {"A%B", 7, -3, .want = -2},
        {"A%B", -7, -3, .want = -1},
        {"A%B", 7.5, 2, .want = 1.5},
        {"A%B", -7.5, 2, .want = 0.5},
        {"A%B", 6, -3, .want = -0.0},
        {"A%B", -6, 3, .want = 0},
        {"A%B", -0.0, 3, .want = 0},
        {"A%B", 5, INFINITY, .want = 5},
        {"A%B", -5, INFINITY, .want = INFINITY},
        {"A%B", 5, -INFINITY, .want = -INFINITY},
        {"A%B", -1e-20, 3, .want = 3},
        {"A%B", 1e300, 7, .want = fmod(1e300, 7)},
        {"A%B", INFINITY, 3, .want = NAN},
        {"A%B", 5, 0, .want = NAN},
        {"A%B", 0, 0, .want = NAN},
        {"A%B", 5.5, 0x1p-1074, .want = 0},
        {"A//B", 7, 2, .want = 3},
        {"A//B", -7, 2, .want = -4},
        {"A//B", 7, -2, .want = -4},
        {"A//B", -7, -2, .want = 3},
        {"A//B", 7.5, 2, .want = 3},
        {"A//B", 1, 0.1, .want = 9},
        {"A//B", 6, 0.1, .want = 59},
        {"A//B", 5, INFINITY, .want = 0},
        {"A//B", -5, INFINITY, .want = -1},
        {"A//B", 5, -INFINITY, .want = -1},
        {"A//B", 1, 0, .want = INFINITY},
        {"A//B", -1, 0, .want = -INFINITY},
        {"A//B", 0, 0, .want = NAN},
        {"A//B", INFINITY, 3, .want = NAN},
        {"A//B", 0, -3, .want = -0.0},
        {"A//B", 1e300, 1e-300, .want = INFINITY},
        {"mod(A,B)", -7, 3, .want = 2},
        {"fmod(A,B)", -7, 3, .want = -1},
        {"fmod(A,B)", 7, -3, .want = 1},
        {"fmod(A,B)", -6, 3, .want = -0.0},
        {"fmod(A,B)", 5, INFINITY, .want = 5},
        {"fmod(A,B)", 5, 0, .want = NAN},
        {"floor_divide(A,B)", -7, 2, .want = -4},
    };
    CHECK_GOLDEN(cases);
}

static void precedence(void)
{
    const golden cases[] = {
        {"-A^2", 3, .want = -9},
        {"(-A)^2", 3, .want = 9},
        {"-A**2", 3, .want = -9},
        {"A^-B", 2, 1, .want = 0.5},
        {"A**-B", 2, 1, .want = 0.5},
        {"A^B^C", 2, 3, 2, .want = 512},
        {"A**B**C", 2, 3, 2, .want = 512},
        {"A^B**C", 2, 3, 2, .want = 512},
        {"2^3^2", .want = 512},
        {"-2^-2", .want = -0.25},
        {"2^-3^2", .want = 0x1p-9},
        {"2^-B^2", 0, 3, .want = 0x1p-9},
        {"A^--B", 2, 3, .want = 8},
        {"A^+B", 2, 3, .want = 8},
        {"A^!B", 2, 0, .want = 2},
        {"2*-A", 3, .want = -6},
        {"A*-B", 2, 3, .want = -6},
        {"A--B", 2, 3, .want = 5},
        {"A+-B", 2, 3, .want = -1},
        {"-A*B", 2, 3, .want = -6},
        {"-A+B", 2, 3, .want = 1},
        {"A+B*C", 2, 3, 4, .want = 14},
        {"A*B+C", 2, 3, 4, .want = 10},
        {"(A+B)*C", 2, 3, 4, .want = 20},
        {"A*B^C", 2, 3, 2, .want = 18},
        {"A^B*C", 2, 3, 2, .want = 16},
        {"A-B-C", 10, 3, 2, .want = 5},
        {"A/B/C", 12, 3, 2, .want = 2},
        {"A/B*C", 12, 3, 2, .want = 8},
        {"7*3//2", .want = 10},
        {"7//2*3", .want = 9},
        {"7%4*2", .want = 6},
        {"2*7%4", .want = 2},
        {"8/2//3", .want = 1},
        {"-7//2", .want = -4},
        {"-7%3", .want = 2},
        {"-(7%3)", .want = -1},
        {"!A^B", 0, 2, .want = 1},
        {"!A==B", 2, 1, .want = 0},
        {"not A==B", 2, 1, .want = 1},
        {"!A+1", 5, .want = 1},
        {"not A+1", 5, .want = 0},
        {"!!A", 5, .want = 1},
        {"not not A", 5, .want = 1},
        {"!-A", 0, .want = 1},
        {"-!A", 0, .want = -1},
        {"not A and B", 0, 0, .want = 0},
        {"not A or B", 0, 1, .want = 1},
        {"not A and not B", .want = 1},
        {"A and not B", 1, 0, .want = 1},
        {"A||B&&C", 1, 0, 0, .want = 1},
        {"A&&B||C", 0, 0, 1, .want = 1},
        {"A or B and C", 1, 0, 0, .want = 1},
        {"A and B or C", 0, 0, 1, .want = 1},
        {"A||B and C", 1, 0, 0, .want = 1},
        {"A<B && B<C", 1, 2, 3, .want = 1},
        {"A<B && C<B", 1, 2, 3, .want = 0},
        {"A+1<B", 1, 2, .want = 0},
        {"A<B+1", 2, 2, .want = 1},
        {"A==B || B==C", 1, 2, 2, .want = 1},
        {"A==B && B==C || 1", 1, 2, 3, .want = 1},
        {"1<<2+1", .want = 8},
        {"1+1<<2", .want = 8},
        {"A<<B<<1", 1, 2, .want = 8, .letters = "ii"},
        {"256>>2<<1", .want = 128},
        {"1<<2&4", .want = 4},
        {"4&1<<2", .want = 4},
        {"1|2&2", .want = 3},
        {"2&2|1", .want = 3},
        {"4|1&2", .want = 4},
        {"~1+2", .want = 0},
        {"~A&7", 5, .want = 2, .letters = "i"},
        {"-1&255", .want = 255},
        {"A ? B : C", 1, 2, 3, .want = 2},
        {"A ? B : C", 0, 2, 3, .want = 3},
        {"A ? B : C", -0.5, 2, 3, .want = 2},
        {"A ? B : C + 1", 0, 2, 3, .want = 4},
        {"A ? B : C + 1", 1, 2, 3, .want = 2},
        {"A+1 ? B : C", -1, 2, 3, .want = 3},
        {"A || B ? 5 : 6", 0, 1, .want = 5},
        {"A or B ? 5 : 6", 0, 0, .want = 6},
        {"not A ? 5 : 6", 0, .want = 5},
        {"0 ? 1 : 0 ? 2 : 3", .want = 3},
        {"1 ? 0 ? 4 : 5 : 6", .want = 5},
        {"1 ? 2 : 0 ? 3 : 4", .want = 2},
        {"A<B ? A : B", 5, 3, .want = 3},
        {"(A?B:C)*2", 1, 2, 3, .want = 4},
        {"A?B:C*2", 1, 2, 3, .want = 2},
        {"A>B?C:-C", 1, 2, 3, .want = -3},
        {"A?B?1:2:C?3:4", 0, 1, 0, .want = 4},
        {"((((A))))", 4, .want = 4},
    };
    CHECK_GOLDEN(cases);
}

static void comparisons_and_logic(void)
{
    static const double v[] = {0, -0.0, 1, -1, 2.5, INFINITY, -INFINITY, 0x1p-1074};
    enum { N = sizeof v / sizeof *v };
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double a = v[i], b = v[j];
            bool ta = a != 0, tb = b != 0;
            const golden cases[] = {
                {"A<B", a, b, .want = a < b},
                {"A<=B", a, b, .want = a <= b},
                {"A>B", a, b, .want = a > b},
                {"A>=B", a, b, .want = a >= b},
                {"A==B", a, b, .want = a == b},
                {"A!=B", a, b, .want = a != b},
                {"less(A,B)", a, b, .want = a < b},
                {"less_equal(A,B)", a, b, .want = a <= b},
                {"greater(A,B)", a, b, .want = a > b},
                {"greater_equal(A,B)", a, b, .want = a >= b},
                {"equal(A,B)", a, b, .want = a == b},
                {"not_equal(A,B)", a, b, .want = a != b},
                {"A&&B", a, b, .want = ta && tb},
                {"A and B", a, b, .want = ta && tb},
                {"A||B", a, b, .want = ta || tb},
                {"A or B", a, b, .want = ta || tb},
                {"logical_and(A,B)", a, b, .want = ta && tb},
                {"logical_or(A,B)", a, b, .want = ta || tb},
                {"logical_xor(A,B)", a, b, .want = ta != tb},
                {"!A", a, b, .want = !ta},
                {"not A", a, b, .want = !ta},
                {"logical_not(A)", a, b, .want = !ta},
                {"(A>0) & (B>0)", a, b, .want = a > 0 && b > 0},
                {"(A>0) | (B>0)", a, b, .want = a > 0 || b > 0},
                {"~(A>0)", a, b, .want = !(a > 0)},
                {"~(A>0) & (B>0)", a, b, .want = !(a > 0) && b > 0},
                {"~((A>0) | (B>0))", a, b, .want = !(a > 0 || b > 0)},
                {"~(A>0 && B>0)", a, b, .want = !(a > 0 && b > 0)},
                {"~isinf(A)", a, b, .want = !isinf(a)},
                {"~logical_or(A,B)", a, b, .want = !(ta || tb)},
                {"~less(A,B)", a, b, .want = !(a < b)},
                {"where(A,1,2)", a, b, .want = ta ? 1 : 2},
                {"if(A>B,A,B)", a, b, .want = a > b ? a : b},
                {"A>B?A:B", a, b, .want = a > b ? a : b},
                {"where(A==B,-0.0,B)", a, b, .want = a == b ? -0.0 : b},
            };
            CHECK_GOLDEN(cases);
        }
}

static void bits(void)
{
    const golden cases[] = {
        {"A&B", 12, 10, .want = 8, .letters = "bb"},
        {"A|B", 12, 10, .want = 14, .letters = "bb"},
        {"bitwise_xor(A,B)", 12, 10, .want = 6, .letters = "bb"},
        {"bitwise_and(A,B)", 12, 10, .want = 8, .letters = "si"},
        {"bitwise_or(A,B)", 12, 10, .want = 14, .letters = "lu"},
        {"~A", 5, .want = -6, .letters = "b"},
        {"~~A", 5, .want = 5, .letters = "b"},
        {"invert(A)", -1, .want = 0, .letters = "i"},
        {"bitwise_not(A)", 0, .want = -1, .letters = "i"},
        {"A&B", -1, 255, .want = 255, .letters = "ii"},
        {"A|B", -2, 1, .want = -1, .letters = "ii"},
        {"A&B", -4, -6, .want = -8, .letters = "ll"},
        {"A<<B", 3, 2, .want = 12, .letters = "bb"},
        {"A>>B", -5, 1, .want = -3, .letters = "ib"},
        {"-5>>1", .want = -3},
        {"A>>B", -1, 63, .want = -1, .letters = "ib"},
        {"A>>B", 7, 63, .want = 0, .letters = "ib"},
        {"A<<B", 1, 62, .want = 0x1p62, .letters = "ib"},
        {"A<<B", 1, 63, .want = 0x1p63, .letters = "ib"},
        {"A<<B", 1, 64, .want = NAN, .letters = "ib"},
        {"A<<B", 1, -1, .want = NAN, .letters = "ii"},
        {"A>>B", 1, 64, .want = NAN, .letters = "ib"},
        {"A>>B", 1, -1, .want = NAN, .letters = "ii"},
        {"left_shift(A,B)", 3, 2, .want = 12, .letters = "bb"},
        {"right_shift(A,B)", 12, 2, .want = 3, .letters = "bb"},
        {"A<<0", 9007199254740991.0, .want = 9007199254740991.0, .letters = "l"},
        {"A<<0", 9007199254740992.0, .want = NAN, .letters = "l"},
        {"floor(A)&1", 9007199254740991.0, .want = 1},
        {"floor(A)&1", 9007199254740992.0, .want = NAN},
        {"floor(A)&1", 9007199254740994.0, .want = NAN},
        {"floor(A)&-1", -9007199254740991.0, .want = -9007199254740991.0},
        {"floor(A)|1", -9007199254740994.0, .want = NAN},
        {"~floor(A)", 1e17, .want = NAN},
        {"floor(A)&1", INFINITY, .want = NAN},
        {"~floor(A)", NAN, .want = NAN},
        {"floor(A)<<1", 1e17, .want = NAN},
        {"1>>floor(A)", 1e17, .want = NAN},
        /* What counts as an integer. */
        {"floor(A)&3", 6.7, .want = 2},
        {"ceil(A)&3", 6.2, .want = 3},
        {"round(A)&3", 6.5, .want = 3},
        {"rint(A)&3", 6.5, .want = 2},
        {"trunc(A)&3", 6.9, .want = 2},
        {"fix(A)&3", 6.9, .want = 2},
        {"np.round(A)&3", 6.5, .want = 2},
        {"sign(A)&3", -6.9, .want = 3},
        {"(A+B)&1", 3, 2, .want = 1, .letters = "bs"},
        {"(A-B*2)&7", 3, 1, .want = 1, .letters = "bs"},
        {"(A//B)&3", 7, 2, .want = 3, .letters = "bb"},
        {"(A%B)&3", 7, 4, .want = 3, .letters = "bb"},
        {"abs(A)&3", -7, .want = 3, .letters = "i"},
        {"min(A,B)&3", 7, 2, .want = 2, .letters = "bb"},
        {"max(A,B,1)|8", 7, 2, .want = 15, .letters = "bb"},
        {"where(A>B,A,B)&3", 7, 2, .want = 3, .letters = "bb"},
        {"(A>B?A:B)&3", 7, 2, .want = 3, .letters = "bb"},
        {"(A>1)+(B>1)&1", 7, 2, .want = 0},
        {"-A&7", 1, .want = 7, .letters = "b"},
        {"A>>2&0x3", 12, .want = 3, .letters = "b"},
        {"(A&8)==8", 12, .want = 1, .letters = "b"},
        {"(A>1)&(B&1)", 7, 3, .want = 1, .letters = "bb"},
        {"1e3|1", .want = 1001},
        {"2.0&3", .want = 2},
        {"(A&1)|(A&2)", 3, .want = 3, .letters = "b"},
        {"A & (1<<3)", 12, .want = 8, .letters = "b"},
        {"isnan(A)|(B>1)", 1, 2, .want = 1},
    };
    CHECK_GOLDEN(cases);
}

static void functions(void)
{
    const golden cases[] = {
        {"abs(A)", -3.5, .want = 3.5},
        {"abs(A)", -0.0, .want = 0},
        {"sign(A)", -3, .want = -1},
        {"sign(A)", 0.1, .want = 1},
        {"sign(A)", -INFINITY, .want = -1},
        {"sqrt(A)", 2, .want = sqrt(2)},
        {"sqrt(A)", -1, .want = NAN},
        {"sqrt(A)", -0.0, .want = -0.0},
        {"cbrt(A)", -27, .want = -3, .ulp = 1},
        {"square(A)", 3, .want = 9},
        {"reciprocal(A)", 4, .want = 0.25},
        {"reciprocal(A)", 0, .want = INFINITY},
        {"exp(A)", 1, .want = E, .ulp = 1},
        {"exp2(A)", 10, .want = 1024},
        {"expm1(A)", 1e-10, .want = expm1(1e-10), .ulp = 1},
        {"log(A)", 10, .want = log(10), .ulp = 1},
        {"ln(A)", 10, .want = log(10), .ulp = 1},
        {"log(A)", 1, .want = 0},
        {"log(A)", 0, .want = -INFINITY},
        {"log(A)", -1, .want = NAN},
        {"log2(A)", 8, .want = 3},
        {"log10(A)", 1000, .want = 3, .ulp = 1},
        {"log1p(A)", 1e-10, .want = log1p(1e-10), .ulp = 1},
        {"log1p(A)", -1, .want = -INFINITY},
        {"pow(A,B)", 2, 0.5, .want = sqrt(2), .ulp = 1},
        {"A^B", -8, 1.0 / 3, .want = NAN},
        {"A^B", -2, 3, .want = -8},
        {"A^2", -3, .want = 9},
        {"A^0.5", 16, .want = 4},
        {"A^-1", 4, .want = 0.25},
        {"A^0", 0, .want = 1},
        {"A^3", 0.1, .want = pow(0.1, 3), .ulp = 1},
        {"hypot(A,B)", 3, 4, .want = 5},
        {"hypot(A,B)", 1e300, 1e300, .want = hypot(1e300, 1e300), .ulp = 1},
        {"sin(A)", 1, .want = sin(1), .ulp = 1},
        {"cos(A)", 1, .want = cos(1), .ulp = 1},
        {"tan(A)", 1, .want = tan(1), .ulp = 1},
        {"asin(A)", 0.5, .want = asin(0.5), .ulp = 1},
        {"acos(A)", 0.5, .want = acos(0.5), .ulp = 1},
        {"acos(A)", 2, .want = NAN},
        {"atan(A)", 1, .want = PI / 4, .ulp = 1},
        {"atan2(A,B)", 1, -1, .want = 3 * PI / 4, .ulp = 1},
        {"sinh(A)", 1, .want = sinh(1), .ulp = 1},
        {"cosh(A)", 1, .want = cosh(1), .ulp = 1},
        {"tanh(A)", 1, .want = tanh(1), .ulp = 1},
        {"asinh(A)", 1, .want = asinh(1), .ulp = 1},
        {"acosh(A)", 2, .want = acosh(2), .ulp = 1},
        {"atanh(A)", 0.5, .want = atanh(0.5), .ulp = 1},
        {"radians(A)", 180, .want = 180 * (PI / 180)},
        {"degrees(A)", 2, .want = 2 * (180 / PI)},
        {"floor(A)", -1.5, .want = -2},
        {"floor(A)", -0.0, .want = -0.0},
        {"ceil(A)", -0.5, .want = -0.0},
        {"ceil(A)", 1.2, .want = 2},
        {"trunc(A)", -1.5, .want = -1},
        {"fix(A)", 1.9, .want = 1},
        {"floor(A)", 1e300, .want = 1e300},
        {"round(A)", 0.5, .want = 1},
        {"round(A)", -0.5, .want = -1},
        {"round(A)", 2.5, .want = 3},
        {"round(A)", -2.5, .want = -3},
        {"round(A)", 0.49999999999999994, .want = 0},
        {"round(A)", -0.2, .want = -0.0},
        {"round(A)", 4503599627370495.5, .want = 4503599627370496.0},
        {"round(A)", 4503599627370497.0, .want = 4503599627370497.0},
        {"round(A)", 9007199254740991.0, .want = 9007199254740991.0},
        {"rint(A)", 0.5, .want = 0},
        {"rint(A)", 1.5, .want = 2},
        {"rint(A)", 2.5, .want = 2},
        {"rint(A)", -0.5, .want = -0.0},
        {"numpy.round(A)", 2.5, .want = 2},
        {"np.round(A)", 3.5, .want = 4},
        {"around(A)", 2.5, .want = 2},
        {"np.around(A)", 0.5, .want = 0},
        {"np.rint(A)", 2.5, .want = 2},
        {"min(A,B)", 3, 2, .want = 2},
        {"max(A,B)", 3, 2, .want = 3},
        {"min(A,B,C)", 3, 2, 1, .want = 1},
        {"max(A,B,C)", 3, 2, 1, .want = 3},
        {"min(A)", 3, .want = 3},
        {"max(A)", 3, .want = 3},
        {"sum(A)", 3, .want = 3},
        {"avg(A)", 3, .want = 3},
        {"min(A,B)", INFINITY, 2, .want = 2},
        {"max(A,B)", -INFINITY, 2, .want = 2},
        {"minimum(A,B)", 3, 2, .want = 2},
        {"maximum(A,B)", 3, 2, .want = 3},
        {"sum(A,B,C)", 0.1, 0.2, 0.3, .want = (0.1 + 0.2) + 0.3},
        {"sum(A,B,C)", 1e16, 1, -1e16, .want = 0},
        {"sum(A,B,C)", 1e16, -1e16, 1, .want = 1},
        {"avg(A,B,C)", 0.1, 0.2, 0.3, .want = ((0.1 + 0.2) + 0.3) / 3},
        {"avg(A,B)", 1, 2, .want = 1.5, .letters = "bb"},
        {"clamp(A,B,C)", 5, 1, 3, .want = 3},
        {"clamp(A,B,C)", 0, 1, 3, .want = 1},
        {"clip(A,B,C)", 2, 1, 3, .want = 2},
        {"clamp(A,B,C)", 5, 3, 1, .want = 1},
        {"clamp(A,B,C)", 0, 3, 1, .want = 1}, /* min(max(x,lo),hi) */
        {"clamp(A,0,inf)", -3, .want = 0},
        {"isnan(A)", 1, .want = 0},
        {"isinf(A)", -INFINITY, .want = 1},
        {"isinf(A)", 1, .want = 0},
        {"isfinite(A)", 1, .want = 1},
        {"isfinite(A)", INFINITY, .want = 0},
        {"isnodata(A)", 1, .want = 0},
        {"isnan(0/0)", .want = 1},
        {"A.astype(float)", 1.5, .want = 1.5},
        {"A.astype(numpy.float32)*2", 0.1, .want = 0.2},
        {"A.astype(np.float64)", 0.1, .want = 0.1},
        {"A.astype('float32')", 0.1, .want = 0.1},
        {"(A+B).astype(float)/2", 1, 2, .want = 1.5},
        {"A.astype(\"float64\")", 0.1, .want = 0.1},
        {"A.astype(numpy.double)+1", 1, .want = 2},
        {"sqrt(A).astype(float)", 4, .want = 2},
        {"-A.astype(float)", 4, .want = -4},
        {"A.astype(float)**2", 4, .want = 16},
        {"numpy.where(A>B,A,B)", 1, 2, .want = 2},
        {"np.logical_and(A>0,B>0)", 1, 2, .want = 1},
        {"numpy.sqrt(np.square(A)+numpy.square(B))", 3, 4, .want = 5},
    };
    CHECK_GOLDEN(cases);
}

/* Another spelling is the same function: same bits for every pair of values, in both modes. */
static void aliases(void)
{
    static const char *const pairs[][2] = {
        {"absolute(A)", "abs(A)"},
        {"fabs(A)", "abs(A)"},
        {"reciprocal(A)", "1/A"},
        {"square(A)", "A*A"},
        {"ln(A)", "log(A)"},
        {"power(A,B)", "A^B"},
        {"pow(A,B)", "A^B"},
        {"A**B", "A^B"},
        {"arcsin(A)", "asin(A)"},
        {"arccos(A)", "acos(A)"},
        {"arctan(A)", "atan(A)"},
        {"arctan2(A,B)", "atan2(A,B)"},
        {"arcsinh(A)", "asinh(A)"},
        {"arccosh(A)", "acosh(A)"},
        {"arctanh(A)", "atanh(A)"},
        {"deg2rad(A)", "radians(A)"},
        {"rad2deg(A)", "degrees(A)"},
        {"radians(A)", "A*(pi/180)"},
        {"degrees(A)", "A*(180/pi)"},
        {"fix(A)", "trunc(A)"},
        {"around(A)", "rint(A)"},
        {"np.round(A)", "rint(A)"},
        {"numpy.around(A)", "rint(A)"},
        {"minimum(A,B)", "min(A,B)"},
        {"maximum(A,B)", "max(A,B)"},
        {"clip(A,B,2)", "clamp(A,B,2)"},
        {"clamp(A,B,2)", "min(max(A,B),2)"},
        {"remainder(A,B)", "A%B"},
        {"mod(A,B)", "A%B"},
        {"floor_divide(A,B)", "A//B"},
        {"divide(A,B)", "A/B"},
        {"true_divide(A,B)", "A/B"},
        {"add(A,B)", "A+B"},
        {"subtract(A,B)", "A-B"},
        {"multiply(A,B)", "A*B"},
        {"negative(A)", "-A"},
        {"if(A,B,3)", "where(A,B,3)"},
        {"A?B:3", "where(A,B,3)"},
        {"A and B", "A&&B"},
        {"A or B", "A||B"},
        {"not A", "!A"},
        {"logical_and(A,B)", "A&&B"},
        {"logical_or(A,B)", "A||B"},
        {"logical_not(A)", "!A"},
        {"equal(A,B)", "A==B"},
        {"not_equal(A,B)", "A!=B"},
        {"less(A,B)", "A<B"},
        {"less_equal(A,B)", "A<=B"},
        {"greater(A,B)", "A>B"},
        {"greater_equal(A,B)", "A>=B"},
        {"bitwise_and(floor(A),floor(B))", "floor(A)&floor(B)"},
        {"bitwise_or(floor(A),floor(B))", "floor(A)|floor(B)"},
        {"invert(floor(A))", "~floor(A)"},
        {"bitwise_not(floor(A))", "~floor(A)"},
        {"left_shift(floor(A),floor(B))", "floor(A)<<floor(B)"},
        {"right_shift(floor(A),floor(B))", "floor(A)>>floor(B)"},
        {"A[1]+B", "A+B"},
        {"sum(A,B)", "A+B"},
        {"avg(A,B)", "(A+B)/2"},
        {"sum(A,B,A)", "(A+B)+A"},
        {"np.abs(A)", "abs(A)"},
        {"numpy.minimum(A,B)", "min(A,B)"},
        {"np.arctan2(A,B)", "atan2(A,B)"},
        {"np.isnan(A)", "isnan(A)"},
        {"numpy.power(A,B)", "A^B"},
        {"np.logical_xor(A,B)", "logical_xor(A,B)"},
        {"numpy.hypot(A,B)", "hypot(A,B)"},
        {"np.cbrt(A)", "cbrt(A)"},
        {"np.true_divide(A,B)", "A/B"},
        {"numpy.clip(A,B,2)", "clamp(A,B,2)"},
        {"np.fmod(A,B)", "fmod(A,B)"},
        {"np.bitwise_and(floor(A),3)", "floor(A)&3"},
        {"np.log1p(A)", "log1p(A)"},
    };
    static const double v[] = {0,  -0.0, 0.5,    -0.5, 1,      -1,       2.5,       -2.5, 3,
                               40, -7,   1e-310, 1e10, -1e300, INFINITY, -INFINITY, NAN};
    enum { N = sizeof v / sizeof *v };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        for (int nodata = 0; nodata < 2; nodata++) {
            fn_expr *x = compile(pairs[i][0], nodata, "dd"), *y = compile(pairs[i][1], nodata, "dd");
            for (int a = 0; a < N && x != NULL && y != NULL; a++)
                for (int b = 0; b < N; b++) {
                    double in[] = {v[a], v[b]};
                    double p = value_of(x, "dd", in, 2, pairs[i][0]), q = value_of(y, "dd", in, 2, pairs[i][1]);
                    EXPECT(same_double(p, q), "A=%g B=%g: %s is %.17g, %s is %.17g", v[a], v[b], pairs[i][0], p,
                           pairs[i][1], q);
                }
            fn_expr_free(x);
            fn_expr_free(y);
        }
}

/* A constant operand means the same as an input with that value: nothing is folded or simplified wrongly. */
static void constants_fold_like_inputs(void)
{
    static const char *const forms[] = {"%s+%s",
                                        "%s-%s",
                                        "%s*%s",
                                        "%s/%s",
                                        "%s//%s",
                                        "%s%%%s",
                                        "%s^%s",
                                        "%s<%s",
                                        "%s<=%s",
                                        "%s==%s",
                                        "%s!=%s",
                                        "%s&&%s",
                                        "%s||%s",
                                        "min(%s,%s)",
                                        "max(%s,%s)",
                                        "fmod(%s,%s)",
                                        "hypot(%s,%s)",
                                        "atan2(%s,%s)",
                                        "where(%s,%s,7)",
                                        "where(%s,7,%s)",
                                        "logical_xor(%s,%s)",
                                        "-%s*%s",
                                        "!%s+%s",
                                        "isnan(%s)+%s",
                                        "floor(%s)&floor(%s)",
                                        "exp(%s)*%s",
                                        "sum(%s,%s,1)",
                                        "sign(%s)+%s",
                                        "round(%s)*%s",
                                        "isinf(%s)||%s"};
    static const char *const texts[] = {"0",   "1",      "(-1)",    "2", "0.5",   "(-0.0)",
                                        "inf", "(-inf)", "(0*nan)", "3", "1e300", "(-2.5)"};
    static const double values[] = {0, 1, -1, 2, 0.5, -0.0, INFINITY, -INFINITY, NAN, 3, 1e300, -2.5};
    enum { N = sizeof values / sizeof *values };
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
        for (int nodata = 0; nodata < 2; nodata++) {
            char both[64];
            snprintf(both, sizeof both, forms[f], "A", "B");
            fn_expr *expr = compile(both, nodata, "dd");
            for (int a = 0; a < N && expr != NULL; a++)
                for (int b = 0; b < N; b++) {
                    double in[] = {values[a], values[b]};
                    double want = value_of(expr, "dd", in, 2, both);
                    for (int k = 1; k < 4; k++) {
                        char text[64];
                        snprintf(text, sizeof text, forms[f], k & 1 ? texts[a] : "A", k & 2 ? texts[b] : "B");
                        double got = evaluate(text, nodata, "dd", in, 2);
                        EXPECT(same_double(got, want), "%s with A=%g B=%g%s is %.17g, %s is %.17g", text, in[0], in[1],
                               nodata ? "" : " (NODATA=none)", got, both, want);
                    }
                }
            fn_expr_free(expr);
        }
}

static void nan_and_nodata(void)
{
    const golden cases[] = {
    /* With NoData: A is a NoData pixel, B valid. */
#define N .mode = WITH_NODATA
        {"A", NAN, .want = NAN, N},
        {"A+B", NAN, 3, .want = NAN, N},
        {"A<B", NAN, 3, .want = NAN, N},
        {"A>B", NAN, 3, .want = NAN, N},
        {"A<=B", NAN, 3, .want = NAN, N},
        {"A>=B", NAN, 3, .want = NAN, N},
        {"A==A", NAN, .want = NAN, N},
        {"A!=A", NAN, .want = NAN, N},
        {"A==B", NAN, 3, .want = NAN, N},
        {"A!=B", NAN, 3, .want = NAN, N},
        {"A&&B", NAN, 3, .want = NAN, N},
        {"A&&B", NAN, 0, .want = NAN, N},
        {"B&&A", NAN, 0, .want = NAN, N},
        {"B and A", NAN, 0, .want = NAN, N},
        {"A||B", NAN, 1, .want = NAN, N},
        {"B||A", NAN, 1, .want = NAN, N},
        {"B or A", NAN, 1, .want = NAN, N},
        {"A||1", NAN, .want = NAN, N},
        {"A&&0", NAN, .want = NAN, N},
        {"0&&A", NAN, .want = NAN, N},
        {"1||A", NAN, .want = NAN, N},
        {"!A", NAN, .want = NAN, N},
        {"not A", NAN, .want = NAN, N},
        {"logical_not(A)", NAN, .want = NAN, N},
        {"logical_xor(A,B)", NAN, 1, .want = NAN, N},
        {"logical_xor(B,A)", NAN, 1, .want = NAN, N},
        {"-A", NAN, .want = NAN, N},
        {"A*0", NAN, .want = NAN, N},
        {"A-A", NAN, .want = NAN, N},
        {"A^0", NAN, .want = NAN, N},
        {"1^A", NAN, .want = NAN, N},
        {"pow(A,0)", NAN, .want = NAN, N},
        {"pow(1,A)", NAN, .want = NAN, N},
        {"pow(B,A)", NAN, 1, .want = NAN, N},
        {"hypot(inf,A)", NAN, .want = NAN, N},
        {"hypot(A,B)", NAN, INFINITY, .want = NAN, N},
        {"min(A,B)", NAN, 3, .want = NAN, N},
        {"min(B,A)", NAN, 3, .want = NAN, N},
        {"max(A,B)", NAN, 3, .want = NAN, N},
        {"max(B,A)", NAN, 3, .want = NAN, N},
        {"max(B,A,B)", NAN, 3, .want = NAN, N},
        {"min(A,-inf)", NAN, .want = NAN, N},
        {"max(inf,A)", NAN, .want = NAN, N},
        {"sum(B,A)", NAN, 3, .want = NAN, N},
        {"avg(A,B)", NAN, 3, .want = NAN, N},
        {"clamp(A,0,1)", NAN, .want = NAN, N},
        {"clamp(B,A,5)", NAN, 3, .want = NAN, N},
        {"clamp(B,0,A)", NAN, 3, .want = NAN, N},
        {"sign(A)", NAN, .want = NAN, N},
        {"abs(A)", NAN, .want = NAN, N},
        {"floor(A)", NAN, .want = NAN, N},
        {"round(A)", NAN, .want = NAN, N},
        {"isinf(A)", NAN, .want = NAN, N},
        {"isfinite(A)", NAN, .want = NAN, N},
        {"isnan(A)", NAN, .want = 1, N},
        {"isnodata(A)", NAN, .want = 1, N},
        {"isnan(B)", NAN, 3, .want = 0, N},
        {"isnodata(B)", NAN, 3, .want = 0, N},
        {"isnodata(A+B)", NAN, 3, .want = 1, N},
        {"where(A,1,2)", NAN, .want = NAN, N},
        {"A?1:2", NAN, .want = NAN, N},
        {"A?1:1", NAN, .want = NAN, N},
        {"where(A,B,B)", NAN, 3, .want = NAN, N},
        {"where(1,A,B)", NAN, 3, .want = NAN, N},
        {"where(0,A,B)", NAN, 3, .want = 3, N},
        {"B?B:A", NAN, 3, .want = 3, N},
        {"B?A:B", NAN, 3, .want = NAN, N},
        {"where(B>1,B,A)", NAN, 3, .want = 3, N},
        {"where(isnodata(A),0,A)", NAN, .want = 0, N},
        {"where(isnan(A),B,A)", NAN, 3, .want = 3, N},
        {"where(B>1,sqrt(-1),B)", NAN, 3, .want = NAN, N},
        {"where(B<1,sqrt(-1),B)", NAN, 3, .want = 3, N},
        {"where(A<0,NODATA,A)", -1, .want = NAN, N},
        {"where(A<0,NODATA,A)", 4, .want = 4, N},
        {"NODATA", .want = NAN, N},
        {"A<0?NODATA:A", -1, .want = NAN, N},
        {"isnodata(NODATA)", .want = 1, N},
        {"isnan(nan)", .want = 1, N},
        {"isnodata(nan)", .want = 1, N},
        {"isnodata(sqrt(A))", -1, .want = 1, N},
        {"isnodata(A/A)", 0, .want = 1, N},
        {"isnodata(1/A)", 0, .want = 0, N},
        {"A==nan+0", 1, .want = NAN, N},
        {"sqrt(A)>0", -1, .want = NAN, N},
        {"fmod(A,B)", NAN, 1, .want = NAN, N},
        {"A%B", 1, NAN, .want = NAN, N},
        {"A//B", 1, NAN, .want = NAN, N},
        {"atan2(A,B)", 1, NAN, .want = NAN, N},
        {"floor(A)&floor(B)", 1, NAN, .want = NAN, N},
        {"floor(A)|floor(B)", NAN, -1, .want = NAN, N},
        {"floor(A)&0", NAN, .want = NAN, N},
        {"(A>1)|(B>1)", NAN, 3, .want = NAN, N},
        {"(A>1)&(B>1)", NAN, 0, .want = NAN, N},
        {"~(A>1)", NAN, .want = NAN, N},
        {"square(A)", NAN, .want = NAN, N},
        {"A==A || 1", NAN, .want = NAN, N},
        {"isnodata(A) && B>1", NAN, 3, .want = 1, N},
        {"isnodata(A) || A>1", NAN, .want = NAN, N},
#undef N
        /* NODATA=none: IEEE 754, and NaN is true, as in C and numpy. */
#define P .mode = WITHOUT
        {"A", NAN, .want = NAN, P},
        {"A+B", NAN, 3, .want = NAN, P},
        {"A<B", NAN, 3, .want = 0, P},
        {"A>B", NAN, 3, .want = 0, P},
        {"A<=B", NAN, 3, .want = 0, P},
        {"A>=B", NAN, 3, .want = 0, P},
        {"A==A", NAN, .want = 0, P},
        {"A!=A", NAN, .want = 1, P},
        {"B<A", NAN, 3, .want = 0, P},
        {"!(A<B)", NAN, 3, .want = 1, P},
        {"not A<B", NAN, 3, .want = 1, P},
        {"!(A==B)", NAN, 3, .want = 1, P},
        {"A&&B", NAN, 3, .want = 1, P},
        {"A&&B", NAN, 0, .want = 0, P},
        {"A||0", NAN, .want = 1, P},
        {"0||A", NAN, .want = 1, P},
        {"!A", NAN, .want = 0, P},
        {"logical_xor(A,0)", NAN, .want = 1, P},
        {"logical_xor(A,1)", NAN, .want = 0, P},
        {"logical_not(A)", NAN, .want = 0, P},
        {"where(A,1,2)", NAN, .want = 1, P},
        {"A?1:2", NAN, .want = 1, P},
        {"where(0,A,B)", NAN, 3, .want = 3, P},
        {"A^0", NAN, .want = 1, P},
        {"1^A", NAN, .want = 1, P},
        {"pow(A,0)", NAN, .want = 1, P},
        {"A^B", NAN, 0, .want = 1, P},
        {"A^2", NAN, .want = NAN, P},
        {"hypot(A,inf)", NAN, .want = INFINITY, P},
        {"hypot(A,B)", NAN, -INFINITY, .want = INFINITY, P},
        {"hypot(A,1)", NAN, .want = NAN, P},
        {"min(A,B)", NAN, 3, .want = NAN, P},
        {"min(B,A)", NAN, 3, .want = NAN, P},
        {"max(A,B)", NAN, 3, .want = NAN, P},
        {"max(B,A)", NAN, 3, .want = NAN, P},
        {"clamp(A,0,1)", NAN, .want = NAN, P},
        {"isnan(A)", NAN, .want = 1, P},
        {"isnodata(A)", NAN, .want = 0, P},
        {"isnodata(nan)", .want = 0, P},
        {"isinf(A)", NAN, .want = 0, P},
        {"isfinite(A)", NAN, .want = 0, P},
        {"sign(A)", NAN, .want = NAN, P},
        {"A-A", NAN, .want = NAN, P},
        {"(A>1)|(B>1)", NAN, 3, .want = 1, P},
        {"~(A>1)", NAN, .want = 1, P},
        {"A==nan+0", 1, .want = 0, P},
        {"A!=nan+0", 1, .want = 1, P},
        {"floor(A)&1", NAN, .want = NAN, P},
        {"sum(A,B)", NAN, 1, .want = NAN, P},
        {"A==A || 1", NAN, .want = 1, P},
        {"A*0", NAN, .want = NAN, P},
#undef P
    };
    CHECK_GOLDEN(cases);
}

/* Planes with a NoData value or a mask: judged before computing; without NoData mode both are ignored. */
static void nodata_of_planes(void)
{
    const char *text = "A+B";
    for (int nodata = 0; nodata < 2; nodata++) {
        fn_expr *expr = compile(text, nodata, "bd");
        REQUIRE(expr != NULL, "compile");
        uint8_t a[6] = {1, 2, 3, 4, 5, 6};
        double b[6] = {10, 20, 30, NAN, 50, -9999};
        uint8_t mask[6] = {255, 1, 0, 255, 255, 255};
        fn_plane in[2] = {{.data = a, .type = FN_UINT8, .nodata = {.set = true, .value = {.u = 2}}, .mask = mask},
                          {.data = b, .type = FN_FLOAT64, .nodata = {.set = true, .value = {.f = -9999}}}};
        double out[6];
        fn_sink sink = {.data = out, .type = FN_FLOAT64, .nodata = {.set = nodata != 0, .value = {.f = -1}}};
        void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
        REQUIRE(fn_expr_run(expr, 6, in, &sink, scratch, NULL, NULL) == FN_OK, "run");
        const double with[6] = {11, -1, -1, -1, 55, -1}, without[6] = {11, 22, 33, NAN, 55, -9993};
        for (int i = 0; i < 6; i++)
            EXPECT(same_double(out[i], nodata ? with[i] : without[i]), "pixel %d is %g", i, out[i]);
        free(scratch);
        fn_expr_free(expr);
    }
}

/* Is `number` a word of the text? */
static bool mentions(const char *text, size_t number)
{
    char word[32];
    int n = snprintf(word, sizeof word, "%zu", number);
    for (const char *s = text; (s = strstr(s, word)) != NULL; s++)
        if ((s == text || s[-1] < '0' || s[-1] > '9') && (s[n] < '0' || s[n] > '9'))
            return true;
    return false;
}

/* The bytes of the character at `s`. */
static size_t utf8_length(const char *s)
{
    size_t n = 1;
    while (s[0] != '\0' && ((unsigned char)s[n] & 0xC0) == 0x80)
        n++;
    return s[0] == '\0' ? 0 : n;
}

static const char *utf8_skip(const char *s, size_t characters)
{
    for (; characters > 0 && *s != '\0'; characters--)
        s += utf8_length(s);
    return s;
}

/* Checks the shape of an error text: a message with the position, an excerpt line, a caret under the character.
 * Returns the position (from 1) that the caret shows; 0 when there is none. Position and caret agree. */
static size_t caret_position(const fn_error *err, const char *text, const char *what)
{
    EXPECT_ERROR_TEXT(*err, "%s: \"%s\"", what, err->text);
    const char *caret_line = strrchr(err->text, '\n');
    EXPECT(caret_line != NULL, "%s: no caret line in \"%s\"", what, err->text);
    if (caret_line == NULL)
        return 0;
    const char *excerpt = caret_line;
    while (excerpt > err->text && excerpt[-1] != '\n')
        excerpt--;
    EXPECT(excerpt > err->text, "%s: no excerpt in \"%s\"", what, err->text);
    size_t column = strspn(caret_line + 1, " ");
    bool only_caret = strcmp(caret_line + 1 + column, "^") == 0;
    EXPECT(only_caret, "%s: the last line is no caret: \"%s\"", what, err->text);
    if (excerpt == err->text || !only_caret)
        return 0;
    const char *at = utf8_skip(excerpt, column);
    EXPECT(at <= caret_line, "%s: the caret is beyond the excerpt: \"%s\"", what, err->text);
    char head[1024];
    snprintf(head, sizeof head, "%.*s", (int)(excerpt - err->text), err->text);
    /* The position named in the message is one whose character stands over the caret. */
    size_t characters = 0;
    for (const char *s = text; *s != '\0'; s += utf8_length(s))
        characters++;
    size_t found = 0;
    for (size_t position = 1; position <= characters + 1; position++) {
        const char *s = utf8_skip(text, position - 1);
        bool end = at >= caret_line;
        bool fits = end ? *s == '\0' : strncmp(s, at, utf8_length(s)) == 0 || (unsigned char)*s < ' ';
        if (fits && mentions(head, position) && (found == 0 || !end))
            found = position;
        if (characters > 2000)
            break; /* checked by the caller */
    }
    if (characters <= 2000)
        EXPECT(found != 0, "%s: position and caret do not agree: \"%s\"", what, err->text);
    return found;
}

static fn_status resolve_few(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    const char name = (char)('A' + raster);
    (void)user;
    if (name > 'D')
        return fn_fail(err, FN_ERR_ARGUMENT, "no dataset %c", name);
    if (band > 3)
        return fn_fail(err, FN_ERR_ARGUMENT, "no band %d in %c, it has 3", band, name);
    *type = name == 'B' ? FN_UINT16 : name == 'C' ? FN_FLOAT32 : FN_FLOAT64;
    return FN_OK;
}

static void refuse(const char *text, bool nodata, size_t position, const char *word)
{
    fn_expr *expr = (fn_expr *)(uintptr_t)0x1;
    fn_error err;
    memset(&err, 0, sizeof err);
    fn_expr_options options = {.nodata = nodata, .resolve = resolve_few};
    fn_status status = fn_expr_compile(&text, 1, &options, &expr, &err);
    EXPECT(status != FN_OK, "\"%s\" compiles", text);
    if (status == FN_OK) {
        fn_expr_free(expr);
        return;
    }
    EXPECT(status == FN_ERR_SYNTAX || (word != NULL && status == FN_ERR_ARGUMENT), "\"%s\" gives status %d", text,
           status);
    EXPECT(err.status == status, "\"%s\"", text);
    EXPECT(expr == NULL, "\"%s\" leaves an expression", text);
    size_t got = caret_position(&err, text, text);
    if (position != 0 && got != 0)
        EXPECT(mentions(err.text, position), "\"%s\" fails at %zu, not at %zu: \"%s\"", text, got, position, err.text);
    if (word != NULL)
        EXPECT(strstr(err.text, word) != NULL, "\"%s\" does not say %s: \"%s\"", text, word, err.text);
    EXPECT(fn_expr_compile(&text, 1, &options, &expr, NULL) == status && expr == NULL, "\"%s\" without err", text);
}

static void errors(void)
{
    static const struct {
        const char *text;
        size_t position; /* 0: any */
        const char *word;
    } cases[] = {
        {"", 1, NULL},
        {"   ", 0, NULL},
        {"A+", 3, NULL},
        {"(A", 0, NULL},
        {"A)", 2, NULL},
        {"A B", 3, NULL},
        {"1 2", 3, NULL},
        {"2A", 0, NULL},
        {"foo(A)", 1, "foo"},
        {"A+bar", 3, "bar"},
        {"A + bar", 5, "bar"},
        {"a", 1, "a"},
        {"A+Sqrt(A)", 3, "Sqrt"},
        {"AB", 1, "AB"},
        {"PI", 1, "PI"},
        {"sqrt()", 0, "sqrt"},
        {"sqrt(A,A)", 0, "sqrt"},
        {"hypot(A)", 0, "hypot"},
        {"min()", 0, "min"},
        {"where(A,A)", 0, "where"},
        {"clamp(A)", 0, "clamp"},
        {"minimum(A,A,A)", 0, "minimum"},
        {"atan2(A,A,A)", 0, "atan2"},
        {"if(A,A,A,A)", 0, "if"},
        {"sum()", 0, "sum"},
        {"sqrt", 0, "sqrt"},
        {"A+sqrt", 0, "sqrt"},
        {"sqrt A", 0, NULL},
        {"A(1)", 0, NULL},
        {"pi(A)", 0, NULL},
        {"A[0]", 0, NULL},
        {"A[", 3, NULL},
        {"A[]", 3, NULL},
        {"A[x]", 3, NULL},
        {"A[1.5]", 0, NULL},
        {"A[-1]", 3, NULL},
        {"A[1", 4, NULL},
        {"A[99999999999]", 0, NULL},
        {"A[18446744073709551617]", 0, NULL},
        {"A[4294967297]", 0, NULL},
        {"A[1]]", 5, NULL},
        {"pi[1]", 3, NULL},
        {"A[4]", 1, "no band 4 in A, it has 3"},
        {"A + A[5]*2", 5, "no band 5 in A, it has 3"},
        {"A+Z", 3, "no dataset Z"},
        {"0<A<5", 4, NULL},
        {"A==A==A", 5, NULL},
        {"A<A!=A", 4, NULL},
        {"A>1 & A<2", 0, NULL},
        {"B&4 == 4", 0, NULL},
        {"B|4 > 3", 0, NULL},
        {"4 == B&4", 0, NULL},
        {"A>1 | A<2", 0, NULL},
        {"A>1 & (A<2)", 0, NULL},
        {"~A>1", 0, NULL},
        {"1.5 & 2", 0, NULL},
        {"A & 1", 0, NULL},
        {"C & 1", 0, NULL},
        {"sqrt(B)&1", 0, NULL},
        {"~1.5", 0, NULL},
        {"B/2&1", 0, NULL},
        {"B<<0.5", 0, NULL},
        {"C>>1", 0, NULL},
        {"bitwise_and(A,1)", 0, NULL},
        {"avg(B,B)&1", 0, NULL},
        {"~inf", 0, NULL},
        {"invert(C)", 0, NULL},
        {"B*0.5&1", 0, NULL},
        {"where(B,B,C)&1", 0, NULL},
        {"min(B,0.5)|1", 0, NULL},
        {"exp(B)|1", 0, NULL},
        {"A=1", 2, NULL},
        {"A ? 1", 0, NULL},
        {"A : 1", 3, NULL},
        {"A ? : 1", 5, NULL},
        {"A ? 1 :", 8, NULL},
        {"? 1 : 2", 1, NULL},
        {"1e", 0, NULL},
        {"1e+", 0, NULL},
        {"0x", 0, NULL},
        {"0b", 0, NULL},
        {"0b12", 0, NULL},
        {"0xG", 0, NULL},
        {"1..2", 0, NULL},
        {"12abc", 0, NULL},
        {"1.2.3", 0, NULL},
        {".", 0, NULL},
        {"1_000", 0, NULL},
        {"A.astype(int)", 0, NULL},
        {"A.astype(numpy.uint8)", 0, NULL},
        {"A.astype('int32')", 0, NULL},
        {"A.astype()", 0, NULL},
        {"A.foo()", 0, NULL},
        {"A.astype", 0, NULL},
        {"A.", 0, NULL},
        {"A.astype(float", 0, NULL},
        {"A.astype('float32)", 0, NULL},
        {"A.sum()", 0, NULL},
        {"numpy", 0, NULL},
        {"numpy.", 0, NULL},
        {"numpy.foo(A)", 0, "foo"},
        {"np.A", 0, NULL},
        {"numpy.numpy.sqrt(A)", 0, NULL},
        {"np.sqrt", 0, NULL},
        {"math.sqrt(A)", 1, "math"},
        {"A==NODATA", 0, "isnodata"},
        {"NODATA!=A", 0, "isnodata"},
        {"A<NODATA", 0, "isnodata"},
        {"equal(A,NODATA)", 0, "isnodata"},
        {"(NODATA)==A", 0, "isnodata"},
        {"NODATA(A)", 0, NULL},
        {"$", 1, NULL},
        {"A@A", 2, NULL},
        {"#A", 1, NULL},
        {"A+$", 3, NULL},
        {"`A`", 1, NULL},
        {"'A'", 1, NULL},
        {"\"A\"", 1, NULL},
        {"A\\A", 2, NULL},
        {"{A}", 1, NULL},
        {"A^", 3, NULL},
        {"*A", 1, NULL},
        {"A***A", 4, NULL},
        {"A+*A", 3, NULL},
        {"()", 2, NULL},
        {"(,)", 2, NULL},
        {"min(A,)", 7, NULL},
        {"min(,A)", 5, NULL},
        {"A,A", 2, NULL},
        {",", 1, NULL},
        {"(A,A)", 3, NULL},
        {"min(A A)", 7, NULL},
        {"sqrt(A", 0, NULL},
        {"A not A", 3, NULL},
        {"not", 4, NULL},
        {"A and", 6, NULL},
        {"and A", 1, NULL},
        {"A <> A", 0, NULL},
        {"A === A", 0, NULL},
        {"A := 1", 0, NULL},
        {"A;A", 2, NULL},
        {"A+(A*", 6, NULL},
        {"A if A else A", 3, NULL},
        {"A+\xC3\xA9", 3, NULL},
        {"\xE2\x80\x9C"
         "A+$\xE2\x80\x9D",
         1, NULL},
        {"A + \xE2\x88\x92 A", 5, NULL},
        {"A++\xF0\x9F\x90\x9F", 4, NULL},
        {"A\n+\n$", 5, NULL},
        {"A\t+ $", 5, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int nodata = 0; nodata < 2; nodata++) {
            if (!nodata && cases[i].word != NULL && strcmp(cases[i].word, "isnodata") == 0)
                continue;
            refuse(cases[i].text, nodata, cases[i].position, cases[i].word);
        }
    refuse("NODATA", false, 1, "NODATA");
    refuse("where(A<0,NODATA,A)", false, 11, "NODATA");
    refuse("A==NODATA", false, 0, "NODATA");
}

/* Not UTF-8, control characters: still an error of one message, one excerpt line and one caret line. */
static void errors_of_strange_bytes(void)
{
    check_random r = random_for("errors_of_strange_bytes");
    for (int round = 0; round < 20000; round++) {
        char text[64];
        size_t n = (size_t)random_between(&r, 1, 60);
        for (size_t i = 0; i < n; i++) {
            text[i] = (char)random_between(&r, 1, 255);
            if (random_between(&r, 0, 1) == 0)
                text[i] = "ABC+-*/()[]<>=&|!~?:.,1290e \n\t"[random_between(&r, 0, 30)];
        }
        text[n] = '\0';
        const char *texts[] = {text};
        fn_expr *expr = NULL;
        fn_error err;
        memset(&err, 0, sizeof err);
        if (fn_expr_compile(texts, 1, &(fn_expr_options){.nodata = true}, &expr, &err) != FN_OK) {
            EXPECT_ERROR_TEXT(err, "round %d: \"%s\"", round, err.text);
            const char *caret = strrchr(err.text, '\n');
            EXPECT(caret != NULL && strcmp(caret + 1 + strspn(caret + 1, " "), "^") == 0, "round %d: \"%s\"", round,
                   err.text);
            for (const char *s = err.text; *s != '\0'; s++)
                EXPECT((unsigned char)*s >= ' ' || *s == '\n', "round %d: control character %d in the text", round, *s);
            EXPECT(expr == NULL, "an expression is left");
        }
        fn_expr_free(expr);
    }
}

/* Errors far inside a long text: the excerpt is cut around them, the caret still points there. */
static void errors_in_long_texts(void)
{
    enum { N = 200000 };
    char *text = malloc(N + 1);
    REQUIRE(text != NULL, "memory");
    static const size_t at[] = {0, 2, 100, 1000, 4998, 100000, N - 2};
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        for (size_t i = 0; i < N; i++)
            text[i] = i % 2 == 0 ? 'A' : '+';
        text[N - 1] = '\0';
        text[at[k]] = '$';
        fn_expr *expr = NULL;
        fn_error err;
        memset(&err, 0, sizeof err);
        const char *texts[] = {text};
        fn_status status = fn_expr_compile(texts, 1, &(fn_expr_options){.nodata = true}, &expr, &err);
        EXPECT(status == FN_ERR_SYNTAX, "status %d", status);
        caret_position(&err, text, "long text");
        EXPECT(mentions(err.text, at[k] + 1), "position %zu: \"%s\"", at[k] + 1, err.text);
        const char *caret = strrchr(err.text, '\n');
        const char *line = caret;
        while (line != NULL && line > err.text && line[-1] != '\n')
            line--;
        if (caret != NULL && line > err.text) {
            EXPECT(*utf8_skip(line, strspn(caret + 1, " ")) == '$', "the caret is not under the $: \"%s\"", err.text);
            EXPECT((size_t)(caret - line) <= 400, "the excerpt has %zu bytes", (size_t)(caret - line));
        }
        fn_expr_free(expr);
    }
    free(text);
}

typedef struct resolve_log {
    char seen[64][8];
    int n;
} resolve_log;

static fn_status resolve_and_log(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    const char name = (char)('A' + raster);
    resolve_log *log = user;
    (void)err;
    if (log->n < 64)
        snprintf(log->seen[log->n], sizeof log->seen[0], "%c[%d]", name, band);
    log->n++;
    *type = FN_FLOAT64;
    return FN_OK;
}

static void inputs_and_outputs(void)
{
    const char *texts[] = {"B[2]+A*A[1]", "C-A", "B[2]", "7", "A[3]+A[2]"};
    resolve_log log = {.n = 0};
    fn_expr_options options = {.nodata = true, .resolve = resolve_and_log, .user = &log};
    fn_expr *expr = NULL;
    fn_error err;
    memset(&err, 0, sizeof err);
    REQUIRE(fn_expr_compile(texts, 5, &options, &expr, &err) == FN_OK, "%s", err.text);
    static const char *const order[] = {"B[2]", "A[1]", "C[1]", "A[3]", "A[2]"};
    EXPECT(log.n == 5, "resolve was called %d times", log.n);
    EXPECT(fn_expr_output_count(expr) == 5, "%d outputs", fn_expr_output_count(expr));
    REQUIRE(fn_expr_input_count(expr) == 5, "%d inputs", fn_expr_input_count(expr));
    fn_plane in[5];
    double data[5][3];
    for (int i = 0; i < 5; i++) {
        char text[8];
        int raster = 0, band = 0;
        fn_expr_input(expr, i, &raster, &band);
        const char name = (char)('A' + raster);
        snprintf(text, sizeof text, "%c[%d]", name, band);
        EXPECT(strcmp(text, order[i]) == 0, "input %d is %s, not %s", i, text, order[i]);
        EXPECT(strcmp(log.seen[i], order[i]) == 0, "call %d was for %s, not %s", i, log.seen[i], order[i]);
        for (int k = 0; k < 3; k++)
            data[i][k] = (name - 'A' + 1) * 100 + band * 10 + k;
        in[i] = (fn_plane){.data = data[i], .type = FN_FLOAT64};
    }
    double o0[3], o2[3], o3[3];
    float o1[3];
    uint16_t o4[3];
    fn_sink out[5] = {{.data = o0, .type = FN_FLOAT64},
                      {.data = o1, .type = FN_FLOAT32},
                      {.data = o2, .type = FN_FLOAT64},
                      {.data = o3, .type = FN_FLOAT64},
                      {.data = o4, .type = FN_UINT16}};
    void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
    REQUIRE(fn_expr_run(expr, 3, in, out, scratch, NULL, &err) == FN_OK, "%s", err.text);
    for (int k = 0; k < 3; k++) {
        double a = 110 + k, b2 = 220 + k, c = 310 + k, a3 = 130 + k, a2 = 120 + k;
        EXPECT(o0[k] == b2 + a * a, "output 0: %g", o0[k]);
        EXPECT((double)o1[k] == c - a, "output 1: %g", (double)o1[k]);
        EXPECT(o2[k] == b2 && o3[k] == 7, "outputs 2 and 3: %g %g", o2[k], o3[k]);
        EXPECT(o4[k] == a3 + a2, "output 4: %d", o4[k]);
    }
    free(scratch);
    fn_expr_free(expr);
    fn_expr_free(NULL);

    /* No input at all. */
    expr = compile("1+1", true, "");
    EXPECT(fn_expr_input_count(expr) == 0, "%d inputs", fn_expr_input_count(expr));
    EXPECT(value_of(expr, "", NULL, 0, "1+1") == 2, "1+1");
    fn_expr_free(expr);

    /* An error in the second text shows the second text. */
    const char *bad[] = {"A+B", "A+frog"};
    EXPECT(fn_expr_compile(bad, 2, &options, &expr, &err) == FN_ERR_SYNTAX && expr == NULL, "second text");
    EXPECT(strstr(err.text, "A+frog") != NULL, "\"%s\"", err.text);
    caret_position(&err, bad[1], "second text");

    /* Many outputs. */
    enum { MANY = 500 };
    const char *many[MANY];
    char many_text[MANY][16];
    fn_sink sinks[MANY];
    static double values[MANY][2];
    for (int i = 0; i < MANY; i++) {
        snprintf(many_text[i], sizeof many_text[i], "A*%d", i);
        many[i] = many_text[i];
        sinks[i] = (fn_sink){.data = values[i], .type = FN_FLOAT64};
    }
    REQUIRE(fn_expr_compile(many, MANY, &options, &expr, &err) == FN_OK, "%s", err.text);
    EXPECT(fn_expr_output_count(expr) == MANY && fn_expr_input_count(expr) == 1, "counts");
    scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
    REQUIRE(fn_expr_run(expr, 2, &(fn_plane){.data = (double[]){2, 3}, .type = FN_FLOAT64}, sinks, scratch, NULL,
                        &err) == FN_OK,
            "%s", err.text);
    for (int i = 0; i < MANY; i++)
        EXPECT(values[i][0] == 2 * i && values[i][1] == 3 * i, "output %d: %g %g", i, values[i][0], values[i][1]);
    free(scratch);
    fn_expr_free(expr);
}

static void scale_second_band(void *user, int raster, int band, double *scale, double *offset)
{
    (void)user;
    (void)raster;
    if (band == 2) {
        *scale = 0.1;
        *offset = -3;
    }
}

/* Wherever a band is used: alone, in a list, twice. */
static void scaled_inputs(void)
{
    const char *texts[] = {"A[2]", "A-A[2]*A[2]", "max(A[2], 0.3)", "percentile([A, A[2]], 0)", "isnan(A[2])"};
    const fn_expr_options options = {.nodata = true, .scale = scale_second_band};
    fn_expr *expr = NULL;
    fn_error err = {.text = ""};
    REQUIRE(fn_expr_compile(texts, 5, &options, &expr, &err) == FN_OK, "%s", err.text);
    const double a[] = {1, 2, -5}, stored[] = {40, 7, NAN}, real[] = {40 * 0.1 - 3, 7 * 0.1 - 3, NAN};
    double results[5][3];
    const fn_plane in[] = {{.data = stored, .type = FN_FLOAT64}, {.data = a, .type = FN_FLOAT64}};
    fn_sink out[5];
    for (int i = 0; i < 5; i++)
        out[i] = (fn_sink){.data = results[i], .type = FN_FLOAT64};
    void *scratch = malloc(fn_expr_scratch_bytes(expr));
    REQUIRE(fn_expr_run(expr, 3, in, out, scratch, NULL, &err) == FN_OK, "%s", err.text);
    for (int k = 0; k < 2; k++) {
        EXPECT(results[0][k] == real[k], "A[2]: %.17g, not %.17g", results[0][k], real[k]);
        EXPECT(results[1][k] == a[k] - real[k] * real[k], "A-A[2]*A[2]: %.17g", results[1][k]);
        EXPECT(results[2][k] == fmax(real[k], 0.3), "max: %.17g", results[2][k]);
        EXPECT(results[3][k] == fmin(real[k], a[k]), "percentile: %.17g", results[3][k]);
        EXPECT(results[4][k] == 0, "isnan: %.17g", results[4][k]);
    }
    EXPECT(isnan(results[0][2]) && results[4][2] == 1, "NoData: %.17g, %.17g", results[0][2], results[4][2]);
    free(scratch);
    fn_expr_free(expr);
}

static fn_status resolve_never(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    const char name = (char)('A' + raster);
    (void)name;
    (void)band;
    (void)type;
    return fn_fail(err, *(fn_status *)user, "the disk is on fire");
}

static void resolve_errors(void)
{
    static const fn_status statuses[] = {FN_ERR_ARGUMENT, FN_ERR_READ, FN_ERR_MEMORY};
    for (size_t i = 0; i < 3; i++) {
        fn_status status = statuses[i];
        const char *texts[] = {"1 + B[2]"};
        fn_expr *expr = NULL;
        fn_error err;
        memset(&err, 0, sizeof err);
        fn_status got = fn_expr_compile(
            texts, 1, &(fn_expr_options){.nodata = true, .resolve = resolve_never, .user = &status}, &expr, &err);
        EXPECT(got != FN_OK && expr == NULL && err.status == got, "status %d", got);
        EXPECT(strstr(err.text, "the disk is on fire") != NULL, "\"%s\"", err.text);
        EXPECT(mentions(err.text, 5), "\"%s\"", err.text);
        caret_position(&err, texts[0], "resolve");
    }
    /* Options may be left out where their default will do. */
    const char *texts[] = {"A+B"};
    fn_expr *expr = NULL;
    EXPECT(fn_expr_compile(texts, 1, &(fn_expr_options){.nodata = true}, &expr, NULL) == FN_OK, "no resolve");
    fn_expr_free(expr);
}

/* A text under construction. */
typedef struct builder {
    char *text;
    size_t length, room;
} builder;

static void add(builder *b, const char *piece)
{
    size_t n = strlen(piece);
    if (b->length + n + 1 > b->room) {
        b->room = 2 * (b->length + n + 1);
        b->text = realloc(b->text, b->room);
        REQUIRE(b->text != NULL, "memory");
    }
    memcpy(b->text + b->length, piece, n + 1);
    b->length += n;
}

static void add_times(builder *b, const char *piece, size_t times)
{
    for (size_t i = 0; i < times; i++)
        add(b, piece);
}

enum shape {
    SUM,
    PARENS,
    POWER,
    MINUS,
    NOTS,
    TERNARY,
    TERNARY_NESTED,
    MIN,
    CALLS,
    RIGHT_SUM,
    LEFT_DISTINCT,
    RIGHT_DISTINCT,
    LOGIC,
    BITS,
    WHERES,
    SHAPES
};
static const char *const shape_names[] = {
    "sum",          "parentheses",      "power chain",          "minus chain",
    "not chain",    "ternary chain",    "ternary in condition", "min of many",
    "nested calls", "right-nested sum", "distinct terms",       "right-nested distinct terms",
    "logic chain",  "bit chain",        "nested where"};

/* About `tokens` tokens. */
static char *make_shape(enum shape shape, size_t tokens)
{
    builder b = {NULL, 0, 0};
    size_t n = 0;
    char number[32];
    switch (shape) {
    case SUM:
        add(&b, "A");
        add_times(&b, "+A", tokens / 2);
        break;
    case PARENS:
        add_times(&b, "(", tokens / 2);
        add(&b, "A");
        add_times(&b, ")", tokens / 2);
        break;
    case POWER:
        add_times(&b, "A^", tokens / 2);
        add(&b, "A");
        break;
    case MINUS:
        add_times(&b, "-", tokens / 2 * 2);
        add(&b, "A");
        break;
    case NOTS:
        add_times(&b, "not ", tokens / 4);
        add_times(&b, "!", tokens / 4 * 2);
        add(&b, "A");
        break;
    case TERNARY:
        add_times(&b, "A<B?A:", tokens / 6);
        add(&b, "B");
        break;
    case TERNARY_NESTED:
        n = tokens / 6;
        add_times(&b, "(", n);
        add(&b, "A");
        add_times(&b, "?A:B)", n);
        break;
    case MIN:
        add(&b, "min(B");
        add_times(&b, ",A", tokens / 2);
        add(&b, ")");
        break;
    case CALLS:
        add_times(&b, "sqrt(abs(", tokens / 6);
        add(&b, "A");
        add_times(&b, "))", tokens / 6);
        break;
    case RIGHT_SUM:
        add_times(&b, "A+(", tokens / 4);
        add(&b, "A");
        add_times(&b, ")", tokens / 4);
        break;
    case LEFT_DISTINCT:
        add(&b, "A");
        for (size_t i = 0; i < tokens / 4; i++) {
            snprintf(number, sizeof number, "+A*%zu", i + 2);
            add(&b, number);
        }
        break;
    case RIGHT_DISTINCT:
        n = tokens / 6;
        for (size_t i = 0; i < n; i++) {
            snprintf(number, sizeof number, "A*%zu+(", i + 2);
            add(&b, number);
        }
        add(&b, "A");
        add_times(&b, ")", n);
        break;
    case LOGIC:
        add(&b, "A");
        add_times(&b, "&&A||B", tokens / 4);
        break;
    case BITS:
        add(&b, "floor(A)");
        add_times(&b, "|1&3", tokens / 4);
        break;
    default:
        n = tokens / 6;
        add_times(&b, "where(A>B,A,", tokens / 8);
        add(&b, "B");
        add_times(&b, ")", tokens / 8);
        break;
    }
    return b.text;
}

/* A=1, B=2 */
static double shape_value(enum shape shape, size_t tokens)
{
    double k;
    switch (shape) {
    case SUM: return 1 + (double)(tokens / 2);
    case NOTS: return tokens / 4 % 2 == 0 ? 1 : 0;
    case RIGHT_SUM: return 1 + (double)(tokens / 4);
    case LEFT_DISTINCT: k = (double)(tokens / 4 + 1); return k * (k + 1) / 2;
    case RIGHT_DISTINCT: k = (double)(tokens / 6 + 1); return k * (k + 1) / 2;
    case WHERES: return 2;
    default: return 1;
    }
}

static void long_expressions(void)
{
    for (enum shape s = SUM; s < SHAPES; s++)
        for (size_t tokens = 16; tokens <= 16000; tokens *= 10) {
            char *text = make_shape(s, tokens);
            for (int nodata = 0; nodata < 2; nodata++) {
                double got = evaluate(text, nodata, "dd", (double[]){1, 2}, 2);
                EXPECT(got == shape_value(s, tokens), "%s of %zu tokens is %g, not %g", shape_names[s], tokens, got,
                       shape_value(s, tokens));
            }
            free(text);
        }
    char *text = make_shape(MIN, 4000); /* 2000 arguments */
    EXPECT(evaluate(text, true, "dd", (double[]){5, 7}, 2) == 5, "min of 2000");
    free(text);
    text = make_shape(PARENS, 10000); /* 5000 deep */
    EXPECT(evaluate(text, true, "d", (double[]){5}, 1) == 5, "5000 parentheses");
    free(text);
}

static void *compile_on_a_small_stack(void *arg)
{
    const char *text = arg;
    fn_expr *expr = NULL;
    fn_error err;
    memset(&err, 0, sizeof err);
    fn_status status = fn_expr_compile(&text, 1, &(fn_expr_options){.nodata = true}, &expr, &err);
    if (status != FN_OK)
        EXPECT_ERROR_TEXT(err, "\"%s\"", err.text);
    fn_expr_free(expr);
    return (void *)(uintptr_t)status;
}

/* The C stack does not grow with the text: deep nests compile in a thread with little of it. */
static void small_stack(void)
{
    for (enum shape s = SUM; s < SHAPES; s++) {
        char *text = make_shape(s, CHECK_SANITIZED ? 50000 : 200000);
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, CHECK_SANITIZED ? 512 * 1024 : 128 * 1024);
        pthread_t thread;
        REQUIRE(pthread_create(&thread, &attr, compile_on_a_small_stack, text) == 0, "thread");
        void *status = NULL;
        pthread_join(thread, &status);
        EXPECT((fn_status)(uintptr_t)status == FN_OK, "%s: status %d", shape_names[s], (int)(uintptr_t)status);
        pthread_attr_destroy(&attr);
        free(text);
    }
}

/* A megabyte of one token. */
static void megabytes(void)
{
    static const struct {
        const char *piece;
        size_t position; /* 0: not checked */
    } cases[] = {{"(", 1048577}, {")", 1},        {"-", 1048577}, {"!", 1048577}, {"~", 1048577}, {"A", 0},
                 {"1", 0},       {"sqrt(", 0},    {"[", 1048577},       {"not ", 0},    {"A?", 0},      {"A^", 0},
                 {"min(A,", 0},  {" ", 0},        {"A+", 0},      {"numpy.", 0},  {"A.", 0},      {"((A)", 0},
                 {"'", 0},       {"\xC3\xA9", 1}, {"\n", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].piece);
        char *text = malloc(1048576 + 1);
        REQUIRE(text != NULL, "memory");
        for (size_t k = 0; k + n <= 1048576; k += n)
            memcpy(text + k, cases[i].piece, n);
        text[1048576 / n * n] = '\0';
        double begin = cpu_seconds_now();
        fn_expr *expr = NULL;
        fn_error err;
        memset(&err, 0, sizeof err);
        const char *texts[] = {text};
        fn_status status = fn_expr_compile(texts, 1, &(fn_expr_options){.nodata = true}, &expr, &err);
        double seconds = cpu_seconds_now() - begin;
        if (strcmp(cases[i].piece, "1") != 0) /* a megabyte of digits is a number: inf, or refused */
            EXPECT(status == FN_ERR_SYNTAX && expr == NULL, "1 MB of \"%s\" gives status %d", cases[i].piece, status);
        if (status != FN_OK)
            EXPECT_ERROR_TEXT(err, "1 MB of \"%s\"", cases[i].piece);
        if (cases[i].position != 0)
            EXPECT(mentions(err.text, cases[i].position), "1 MB of \"%s\": \"%.200s\"", cases[i].piece, err.text);
        EXPECT(seconds < (CHECK_SANITIZED ? 10 : 2), "1 MB of \"%s\" takes %.2f s", cases[i].piece, seconds);
        fn_expr_free(expr);
        free(text);
    }
}

/* CPU seconds of one compilation. */
static double compile_seconds(const char *text)
{
    const double begin = cpu_seconds_now();
    fn_expr *expr = NULL;
    fn_status status = fn_expr_compile(&text, 1, &(fn_expr_options){.nodata = true}, &expr, NULL);
    fn_expr_free(expr);
    const double seconds = cpu_seconds_now() - begin;
    REQUIRE(status == FN_OK, "status %d", status);
    return seconds;
}

/* Ten times the text takes less than twenty times as long. On a busy machine that may need some tries; what grows
 * with the square never gets there. */
static void linear_time(void)
{
    for (enum shape s = SUM; s < SHAPES; s++) {
        size_t tokens = CHECK_SANITIZED ? 5000 : 20000;
        char *small = make_shape(s, tokens), *large = make_shape(s, 10 * tokens);
        double a = 0, b = 1;
        compile_seconds(small);
        for (int i = 0; i < 8 && b >= 20 * a; i++) {
            a = compile_seconds(small);
            b = compile_seconds(large);
            a = a > 2e-4 ? a : 2e-4;
        }
        EXPECT(b < 20 * a, "%s: %.2f ms for %zu tokens, %.2f ms for ten times as many", shape_names[s], 1e3 * a, tokens,
               1e3 * b);
        free(small);
        free(large);
    }
}

/* Peak memory of a process that compiles the text, in KB. */
static long peak_kb(const char *text)
{
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0, "fork");
    if (child == 0) {
        fn_expr *expr = NULL;
        fn_status status = fn_expr_compile(&text, 1, &(fn_expr_options){.nodata = true}, &expr, NULL);
        _exit(status == FN_OK && fn_expr_scratch_bytes(expr) > 0 ? 0 : 1);
    }
    int code = 0;
    struct rusage usage;
    REQUIRE(wait4(child, &code, 0, &usage) == child && code == 0, "child %d", code);
    return usage.ru_maxrss;
}

static void linear_memory(void)
{
    if (CHECK_SANITIZED)
        SKIP("this build has a sanitizer, which keeps freed memory");
    long base = peak_kb("A");
    for (enum shape s = SUM; s < SHAPES; s++) {
        char *small = make_shape(s, 20000), *large = make_shape(s, 200000);
        long a = peak_kb(small) - base, b = peak_kb(large) - base;
        EXPECT(b < 20 * (a > 256 ? a : 256), "%s: %ld KB for 20,000 tokens, %ld KB for 200,000", shape_names[s], a, b);
        free(small);
        free(large);
    }
}

/* Runs that share a value compute in any block the same: each n against pixel by pixel, buffers at the end of a
 * page. */
static void any_count(void)
{
    enum { MAX = 4200 };
    static const size_t counts[] = {0,    1,    2,    3,    4,    5,    7,    8,    9,    15,   16,   17,   31,
                                    33,   63,   65,   127,  255,  257,  511,  513,  1000, 1023, 1024, 1025, 1031,
                                    1032, 1033, 2047, 2048, 2049, 3071, 3073, 4095, 4096, 4097, 4200};
    const char *texts[] = {"where(A>0.5,sqrt(A)*sin(B),A-B)+log(A+2)", "A>B", "B"};
    fn_expr *expr = NULL;
    fn_error err;
    memset(&err, 0, sizeof err);
    fn_expr_options options = {.nodata = true, .resolve = resolve_letters, .user = (void *)(uintptr_t) "fs"};
    REQUIRE(fn_expr_compile(texts, 3, &options, &expr, &err) == FN_OK, "%s", err.text);
    check_random r = random_for("any_count");
    static float a[MAX];
    static int16_t b[MAX];
    for (int i = 0; i < MAX; i++) {
        a[i] = (float)random_uniform(&r, -1, 3);
        b[i] = (int16_t)random_between(&r, -300, 300);
    }
    char *scratch = malloc(fn_expr_scratch_bytes(expr) + 64);
    REQUIRE(scratch != NULL, "memory");
    static float want0[MAX];
    static uint8_t want1[MAX];
    static double want2[MAX];
    fn_nodata none = {.set = false};
    fn_nodata minus = {.set = true, .value = {.i = -300}};
    for (int i = 0; i < MAX; i++) {
        fn_plane in[2] = {{.data = a + i, .type = FN_FLOAT32, .nodata = none},
                          {.data = b + i, .type = FN_INT16, .nodata = minus}};
        fn_sink out[3] = {{.data = want0 + i, .type = FN_FLOAT32},
                          {.data = want1 + i, .type = FN_UINT8, .nodata = fn_nodata_default(FN_UINT8)},
                          {.data = want2 + i, .type = FN_FLOAT64}};
        REQUIRE(fn_expr_run(expr, 1, in, out, scratch, NULL, &err) == FN_OK, "%s", err.text);
    }
    /* Pages that end where the buffers end: a read or write beyond is a crash. */
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (MAX * 8 + page - 1) / page * page;
    char *pages[5];
    for (int i = 0; i < 5; i++) {
        pages[i] = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        REQUIRE(pages[i] != MAP_FAILED && mprotect(pages[i] + room, page, PROT_NONE) == 0, "mmap");
    }
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t n = counts[c];
        for (int shift = 0; shift < 3; shift++) {
            size_t first = shift == 0 ? 0 : (size_t)random_between(&r, 0, (int64_t)(MAX - n));
            float *pa = (float *)(void *)(pages[0] + room - n * sizeof(float)),
                  *p0 = (float *)(void *)(pages[2] + room - n * sizeof(float));
            int16_t *pb = (int16_t *)(void *)(pages[1] + room - n * sizeof(int16_t));
            uint8_t *p1 = (uint8_t *)pages[3] + room - n;
            double *p2 = (double *)(void *)(pages[4] + room - n * sizeof(double));
            if (n > 0) {
                memcpy(pa, a + first, n * sizeof *a);
                memcpy(pb, b + first, n * sizeof *b);
            }
            memset(pages[2], 0xA5, room);
            memset(pages[3], 0xA5, room);
            memset(pages[4], 0xA5, room);
            fn_plane in[2] = {{.data = pa, .type = FN_FLOAT32, .nodata = none},
                              {.data = pb, .type = FN_INT16, .nodata = minus}};
            fn_sink out[3] = {{.data = p0, .type = FN_FLOAT32},
                              {.data = p1, .type = FN_UINT8, .nodata = fn_nodata_default(FN_UINT8)},
                              {.data = p2, .type = FN_FLOAT64}};
            /* Scratch of any alignment. */
            fn_status status = fn_expr_run(expr, n, in, out,
                                           scratch + (shift == 0   ? 0
                                                      : shift == 1 ? 1
                                                                   : 8 * random_between(&r, 0, 7)),
                                           NULL, &err);
            REQUIRE(status == FN_OK, "n = %zu: %s", n, err.text);
            EXPECT(n == 0 || memcmp(p0, want0 + first, n * sizeof *p0) == 0, "n = %zu at %zu: Float32 differs", n,
                   first);
            EXPECT(n == 0 || memcmp(p1, want1 + first, n) == 0, "n = %zu at %zu: Byte differs", n, first);
            EXPECT(n == 0 || memcmp(p2, want2 + first, n * sizeof *p2) == 0, "n = %zu at %zu: Float64 differs", n,
                   first);
            for (int i = 2; i < 5; i++) {
                size_t used = n * (i == 2 ? sizeof *p0 : i == 3 ? sizeof *p1 : sizeof *p2);
                for (size_t k = 0; k < room - used; k++)
                    if ((unsigned char)pages[i][k] != 0xA5) {
                        EXPECT(false, "n = %zu: output %d is written before its begin", n, i - 2);
                        break;
                    }
            }
        }
    }
    for (int i = 0; i < 5; i++)
        munmap(pages[i], room + page);
    free(scratch);
    fn_expr_free(expr);
}

/* A constant divisor has the bits of any divisor, also where it is a power of two whose reciprocal is multiplied by. */
static void constant_divisors(void)
{
    static const char *const divisors[] = {"1",       "4",        "-0.5",   "1024",    "3", "1000",       "2^-1022",
                                           "2^-1023", "-2^-1074", "2^1023", "-2^1022", "0", "1.000000001"};
    static const double values[] = {0.0,       -0.0,      1,       -3,       0x1.fffffffffffffp-1022,
                                    0x1p-1074, 0x3p-1074, DBL_MAX, -DBL_MAX, (double)INFINITY,
                                    1e-300,    12345.678};
    for (size_t d = 0; d < sizeof divisors / sizeof *divisors; d++)
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            char text[64];
            snprintf(text, sizeof text, "A/(%s)", divisors[d]);
            const double by = evaluate(divisors[d], false, "", NULL, 0);
            const double got = evaluate(text, false, "d", &values[k], 1), want = values[k] / by;
            EXPECT(same_double(got, want), "%g / %s is %.17g, not %.17g", values[k], divisors[d], got, want);
        }
}

/* ---- branches that are left out of a block ---- */

enum { BLOCK_PIXELS = 1024, CHOICE_PIXELS = 6 * BLOCK_PIXELS + 37 };

/* Runs texts over A and B, Float32 with NoData -9999; of the first one, the results. */
static void run_choices(const char *const *texts, int n_texts, bool nodata, size_t at_once, const float *a,
                        const float *b, double *out)
{
    fn_expr *expr = NULL;
    fn_error err = {.text = ""};
    const fn_georeference place = {.width = CHOICE_PIXELS, .height = 1};
    const fn_expr_options options = {
        .nodata = nodata, .resolve = resolve_letters, .user = (void *)(uintptr_t) "ff", .georeference = &place};
    REQUIRE(fn_expr_compile(texts, n_texts, &options, &expr, &err) == FN_OK, "%s: %s", texts[0], err.text);
    const fn_nodata missing = fn_nodata_from_double(-9999, FN_FLOAT32);
    double *other = malloc(CHOICE_PIXELS * sizeof *other);
    const bool around = fn_expr_looks_around(expr);
    void *scratch = malloc(around ? fn_expr_window_scratch_bytes(expr, CHOICE_PIXELS, 1) : fn_expr_scratch_bytes(expr));
    REQUIRE(other && scratch, "memory");
    for (size_t at = 0; at < CHOICE_PIXELS; at += at_once) {
        const size_t n = CHOICE_PIXELS - at < at_once ? CHOICE_PIXELS - at : at_once;
        const fn_window window = {(int64_t)at, 0, (int64_t)n, 1};
        fn_plane planes[2];
        for (int i = 0; i < fn_expr_input_count(expr); i++) {
            int raster, band;
            fn_expr_input(expr, i, &raster, &band);
            const fn_reach reach = fn_expr_input_reach(expr, i);
            const fn_window own = fn_window_grow(window, reach, CHOICE_PIXELS, 1, false);
            planes[i] = (fn_plane){.data = (raster == 0 ? a : b) + own.x, .type = FN_FLOAT32, .nodata = missing};
        }
        fn_sink sinks[8];
        for (int k = 0; k < n_texts; k++)
            sinks[k] = (fn_sink){.data = k == 0 ? out + at : other, .type = FN_FLOAT64};
        const fn_status status = around
                                     ? fn_expr_run_window(expr, &window, planes, sinks, scratch, (int64_t[2]){0}, &err)
                                     : fn_expr_run(expr, n, planes, sinks, scratch, NULL, &err);
        REQUIRE(status == FN_OK, "%s: %s", texts[0], err.text);
    }
    free(other);
    free(scratch);
    fn_expr_free(expr);
}

/* Blocks in which a condition on A is true, false, either, NoData, NoData or false, NoData or true. */
static void fill_choices(float *a, float *b)
{
    check_random r = random_for("branches_left_out");
    for (size_t i = 0; i < CHOICE_PIXELS; i++) {
        const bool coin = random_bits(&r) & 1;
        const float positive = (float)random_uniform(&r, 0.5, 300), negative = -positive;
        const float missing = -9999;
        b[i] = (float)random_uniform(&r, 0.5, 3000);
        switch (i / BLOCK_PIXELS) {
        case 1:
            a[i] = negative;
            break;
        case 2:
            a[i] = coin ? positive : negative;
            break;
        case 3:
            a[i] = missing;
            break;
        case 4:
            a[i] = coin ? missing : negative;
            break;
        case 5:
            a[i] = coin ? missing : positive;
            break;
        default:
            a[i] = positive;
        }
    }
}

/* A branch that is an output, too, is never left out: the same results without and with it, pixel by pixel, too. */
static void branches_left_out(void)
{
    static const char *const cases[][6] = {
        {"where(A>0,log(B)*sin(A)+A,B/7)", "log(B)*sin(A)+A", "B/7"},
        {"where(A,sqrt(A),exp(A)+1)", "sqrt(A)", "exp(A)+1"},
        {"where(isnan(A),sqrt(B),exp(-B/100))", "sqrt(B)", "exp(-B/100)"},
        {"where(A>0,where(B>1000,log(B),cos(B)),where(B<2000,B/3,tan(B)))", "log(B)", "cos(B)", "B/3", "tan(B)",
         "where(B>1000,log(B),cos(B))"},
        {"where(A>0,1,where(A>-100,exp(A),where(B>1000,log(B),B/3)))", "exp(A)", "log(B)", "B/3",
         "where(B>1000,log(B),B/3)", "where(A>-100,exp(A),where(B>1000,log(B),B/3))"},
        {"where(A>0,log(B),sin(B))+where(A>0,B/3,log(B))", "log(B)", "sin(B)", "B/3"},
        {"where(A>0,B/3,log(B))+where(A>0,log(B),sin(B))", "log(B)", "sin(B)", "B/3"},
        {"where(A>0,log(B),B/3)*log(B)", "log(B)", "B/3"},
        {"log(B)*where(A>0,B/3,log(B))", "log(B)", "B/3"},
        {"where(where(A>0,log(B),0)>5,sqrt(B),B/9)", "log(B)", "sqrt(B)", "B/9"},
        {"median([A,where(A>0,log(B),B/3),where(A>0,median([A,B,sqrt(B)]),sin(B))])", "log(B)", "B/3", "sqrt(B)",
         "sin(B)", "median([A,B,sqrt(B)])"},
        {"where(A>0,median([A,sqrt(B),B]),where(B>1000,quantile([A,sqrt(B),B],0.25),B/3))", "sqrt(B)", "B/3",
         "median([A,sqrt(B),B])", "quantile([A,sqrt(B),B],0.25)",
         "where(B>1000,quantile([A,sqrt(B),B],0.25),B/3)"},
        {"where(A>0,median([A,sqrt(B),B])+quantile([A,sqrt(B),B],0.25),B)", "sqrt(B)", "median([A,sqrt(B),B])",
         "quantile([A,sqrt(B),B],0.25)"},
        {"where(A>0,log(B[1,0])+focal_mean(sqrt(B),3),A[-1,0]/3)", "log(B[1,0])+focal_mean(sqrt(B),3)", "A[-1,0]/3"},
    };
    static float a[CHOICE_PIXELS], b[CHOICE_PIXELS];
    static double got[CHOICE_PIXELS], want[CHOICE_PIXELS];
    fill_choices(a, b);
    for (size_t c = 0; c < 2 * sizeof cases / sizeof *cases; c++) {
        const char *const *texts = cases[c / 2];
        int n = 1;
        while (n < 6 && texts[n])
            n++;
        run_choices(texts, n, c % 2, CHOICE_PIXELS, a, b, want);
        for (int pass = 0; pass < 3; pass++) {
            run_choices(texts, 1, c % 2, (const size_t[]){CHOICE_PIXELS, 1, 700}[pass], a, b, got);
            size_t i = 0;
            while (i < CHOICE_PIXELS && same_double(got[i], want[i]))
                i++;
            EXPECT(i == CHOICE_PIXELS, "%s: pixel %zu is %.17g, not %.17g", texts[0], i, got[i], want[i]);
        }
    }
}

/* What a double does not hold fails, also in a branch that no pixel of the block takes. */
static void left_out_but_loaded(void)
{
    fn_expr *expr = compile("where(A>0,A,sqrt(B))", true, "dl");
    const double a[2] = {1, 1};
    const int64_t b[2] = {1, INT64_MAX};
    const fn_plane planes[2] = {{.data = a, .type = FN_FLOAT64}, {.data = b, .type = FN_INT64}};
    double out[2];
    void *scratch = malloc(fn_expr_scratch_bytes(expr));
    size_t bad = 0;
    fn_error err = {.text = ""};
    EXPECT(fn_expr_run(expr, 2, planes, &(fn_sink){.data = out, .type = FN_FLOAT64}, scratch, &bad, &err) ==
                   FN_ERR_VALUE &&
               bad == 1,
           "pixel %zu: %s", bad, err.text);
    free(scratch);
    fn_expr_free(expr);
}

typedef struct runner {
    const fn_expr *expr;
    const double *in, *want;
    size_t n;
} runner;

static void *run_many_times(void *arg)
{
    const runner *r = arg;
    double *out = malloc(r->n * sizeof *out);
    void *scratch = malloc(fn_expr_scratch_bytes(r->expr) + 1);
    for (int round = 0; round < 20; round++) {
        fn_plane in = {.data = r->in, .type = FN_FLOAT64};
        fn_sink sink = {.data = out, .type = FN_FLOAT64};
        EXPECT(fn_expr_run(r->expr, r->n, &in, &sink, scratch, NULL, NULL) == FN_OK, "run");
        EXPECT(memcmp(out, r->want, r->n * sizeof *out) == 0, "another thread disturbs");
    }
    free(scratch);
    free(out);
    return NULL;
}

static void several_threads(void)
{
    enum { SIZE = 20000, THREADS = 4 };
    fn_expr *expr = compile("sin(A)*exp(-A*A)+where(A>0,A^1.5,hypot(A,2))", true, "d");
    REQUIRE(expr != NULL, "compile");
    static double in[SIZE], want[SIZE];
    check_random r = random_for("several_threads");
    for (int i = 0; i < SIZE; i++)
        in[i] = random_uniform(&r, -3, 3);
    void *scratch = malloc(fn_expr_scratch_bytes(expr) + 1);
    fn_sink sink = {.data = want, .type = FN_FLOAT64};
    REQUIRE(fn_expr_run(expr, SIZE, &(fn_plane){.data = in, .type = FN_FLOAT64}, &sink, scratch, NULL, NULL) == FN_OK,
            "run");
    free(scratch);
    pthread_t threads[THREADS];
    runner job = {expr, in, want, SIZE};
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, run_many_times, &job) == 0, "thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    fn_expr_free(expr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(numbers),
        UNIT(numbers_ignore_the_locale),
        UNIT(arithmetic),
        UNIT(precedence),
        UNIT(comparisons_and_logic),
        UNIT(bits),
        UNIT(functions),
        UNIT(aliases),
        UNIT(constants_fold_like_inputs),
        UNIT(nan_and_nodata),
        UNIT(nodata_of_planes),
        UNIT(errors),
        UNIT(errors_of_strange_bytes),
        UNIT(errors_in_long_texts),
        UNIT(inputs_and_outputs),
        UNIT(resolve_errors),
        UNIT(scaled_inputs),
        UNIT(long_expressions),
        UNIT(small_stack),
        UNIT(megabytes),
        UNIT(linear_time),
        UNIT(linear_memory),
        UNIT(any_count),
        UNIT(constant_divisors),
        UNIT(branches_left_out),
        UNIT(left_out_but_loaded),
        UNIT(several_threads),
    };
    return check_main(tests);
}
