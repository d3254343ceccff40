/* The statistics of a zone: names, numbers that can be checked by hand, windows and sets of instructions that agree. */
#include "check.h"

#include <math.h>

#include "double_double.h"
#include "fishnet/zonal_stats.h"
#include "sums.h"
#include "tally.h"

/* ---- a raster, a zone of runs, and its results ---- */

enum { STATS_MAX = 40 };

typedef struct setup {
    fn_stats_options options;
    const void *values;
    const uint8_t *valid;
    fn_nodata nodata;
    const double *weights;
    const uint8_t *weights_valid;
    const double *row_areas;
    int64_t rows, columns;
    const fn_cells *cells;
    size_t n_cells;
    int64_t window_rows, window_columns; /* 0: one window */
} setup;

static size_t parse_stats(const char *names, fn_stat stats[STATS_MAX])
{
    char text[1024];
    size_t n = 0;
    snprintf(text, sizeof text, "%s", names);
    for (char *name = strtok(text, " "); name; name = strtok(NULL, " ")) {
        fn_error err;
        REQUIRE(fn_stat_parse(name, &stats[n++], &err) == FN_OK, "%s: %s", name, err.text);
    }
    return n;
}

/* The part of the zone in a window, as a partial result added to the buffer. */
static fn_status collect_window(fn_stats_worker *worker, const setup *s, fn_stats_window w,
                                const fn_stats_range *ranges, size_t n_ranges, fn_stats_buffer *buffer, fn_error *err)
{
    static fn_cells here[200000];
    size_t n = 0;
    const size_t first = (size_t)(w.row * s->columns + w.column);
    for (size_t i = 0; i < s->n_cells; i++) {
        fn_cells c = s->cells[i];
        const int64_t begin = c.column > w.column ? c.column : w.column, c_end = c.column + c.count,
                      w_end = w.column + w.columns, end = c_end < w_end ? c_end : w_end;
        if (c.row < w.row || c.row >= w.row + w.rows || begin >= end)
            continue;
        c.column = begin;
        c.count = end - begin;
        here[n++] = c;
    }
    w.stride = (size_t)s->columns;
    w.values = (const unsigned char *)s->values + first * fn_type_size(s->options.type);
    w.valid = s->valid ? s->valid + first : NULL;
    w.nodata = s->nodata;
    w.weights = s->weights ? s->weights + first : NULL;
    w.weights_valid = s->weights_valid ? s->weights_valid + first : NULL;
    w.row_areas = s->row_areas ? s->row_areas + w.row : NULL;
    return fn_stats_collect(worker, &w, here, n, ranges, n_ranges, buffer, err);
}

static fn_status collect_all(fn_stats_worker *worker, const setup *s, fn_zone_stats *zone, fn_error *err)
{
    const int64_t rows = s->window_rows ? s->window_rows : s->rows,
                  columns = s->window_columns ? s->window_columns : s->columns;
    size_t n_ranges;
    const fn_stats_range *ranges = fn_zone_stats_ranges(zone, &n_ranges);
    fn_status status = FN_OK;
    for (int64_t row = 0; row < s->rows && status == FN_OK; row += rows) {
        /* from right to left: the order of windows is of no meaning */
        for (int64_t column = (s->columns - 1) / columns * columns; column >= 0 && status == FN_OK; column -= columns) {
            fn_stats_buffer buffer = {.data = NULL};
            const fn_stats_window w = {.row = row,
                                       .column = column,
                                       .rows = rows < s->rows - row ? rows : s->rows - row,
                                       .columns = columns < s->columns - column ? columns : s->columns - column};
            status = collect_window(worker, s, w, ranges, n_ranges, &buffer, err);
            if (status == FN_OK)
                status = fn_zone_stats_add(zone, buffer.data, buffer.bytes, err);
            free(buffer.data);
        }
        if (status == FN_OK)
            status = fn_zone_stats_settle(zone, row + rows, err);
    }
    return status;
}

static int passes;

static fn_status run(const setup *s, fn_stat_value *results, fn_error *err)
{
    fn_stats_plan *plan;
    fn_stats_worker *worker = NULL;
    fn_zone_stats *zone = NULL;
    bool again = true;
    fn_status status = fn_stats_plan_new(&s->options, &plan, err);
    if (status == FN_OK)
        status = fn_stats_worker_new(plan, &worker, err);
    if (status == FN_OK)
        status = fn_zone_stats_new(plan, &zone, err);
    for (passes = 0; status == FN_OK && again; passes++) {
        status = collect_all(worker, s, zone, err);
        if (status == FN_OK)
            status = fn_zone_stats_finish(zone, results, &again, err);
    }
    fn_zone_stats_free(zone);
    fn_stats_worker_free(worker);
    fn_stats_plan_free(plan);
    return status;
}

/* All cells of a raster of one row. */
static void one_row(const char *names, fn_type type, const void *values, const uint8_t *valid, int64_t n,
                    fn_stat_value *results)
{
    fn_stat stats[STATS_MAX];
    const fn_cells cells = {0, 0, n, 1};
    fn_error err;
    const setup s = {.options = {.stats = stats, .n_stats = parse_stats(names, stats), .type = type},
                     .values = values,
                     .valid = valid,
                     .rows = 1,
                     .columns = n,
                     .cells = &cells,
                     .n_cells = 1};
    REQUIRE(run(&s, results, &err) == FN_OK, "%s: %s", names, err.text);
}

static bool is_real(fn_stat_value v, double expected)
{
    return v.result == FN_STAT_REAL && v.real == expected;
}

static bool is_integer(fn_stat_value v, int64_t expected)
{
    return v.result == FN_STAT_INTEGER && v.integer == expected;
}

#define EXPECT_REAL(v, expected)                                                                                       \
    EXPECT(is_real(v, expected), "kind %d, %.17g, expected %.17g", (v).result, (v).real, (double)(expected))
#define EXPECT_INTEGER(v, expected)                                                                                    \
    EXPECT(is_integer(v, expected), "kind %d, %lld, expected %lld", (v).result, (long long)(v).integer,                \
           (long long)(expected))
#define EXPECT_NONE(v) EXPECT((v).result == FN_STAT_NONE && isnan((v).real), "kind %d, %.17g", (v).result, (v).real)

/* The example of the header. */
static void example(void)
{
    fn_stat stats[2];
    fn_stat_parse("MEAN", &stats[0], NULL);
    fn_stat_parse("PCT90", &stats[1], NULL);
    fn_stats_plan *plan;
    fn_stats_plan_new(&(fn_stats_options){.stats = stats, .n_stats = 2, .type = FN_FLOAT32}, &plan, NULL);
    fn_stats_worker *worker;
    fn_stats_worker_new(plan, &worker, NULL);
    float values[3] = {1, 2, 4};
    fn_stats_window window = {.rows = 1, .columns = 3, .values = values, .stride = 3};
    fn_cells cells = {.row = 0, .column = 0, .count = 3, .coverage = 1};
    fn_stats_buffer partial = {.data = NULL};
    fn_stats_collect(worker, &window, &cells, 1, NULL, 0, &partial, NULL);
    fn_zone_stats *zone;
    fn_zone_stats_new(plan, &zone, NULL);
    fn_zone_stats_add(zone, partial.data, partial.bytes, NULL);
    fn_stat_value result[2];
    EXPECT(fn_zone_stats_finish(zone, result, NULL, NULL) == FN_OK, "finish");
    EXPECT_REAL(result[0], 2.3333333333333335);
    EXPECT_REAL(result[1], 3.6);
    fn_zone_stats_free(zone);
    fn_stats_worker_free(worker);
    fn_stats_plan_free(plan);
    free(partial.data);
}

/* ---- names ---- */

static void names(void)
{
    static const struct {
        const char *given, *name;
    } good[] = {{"COUNT", "COUNT"},
                {"mean", "MEAN"},
                {"stdev", "STD"},
                {"Mode", "MAJORITY"},
                {"majority", "MAJORITY"},
                {"unique", "VARIETY"},
                {"PCT90", "PCT90"},
                {"pct99.9", "PCT99.9"},
                {"percentile_5", "PCT5"},
                {"quantile_25", "PCT25"},
                {"quantile(q=0.07)", "PCT7"},
                {"quantile(0.333)", "PCT33.3"},
                {"p95", "PCT95"},
                {"first_quartile", "PCT25"},
                {"coefficient_of_variation", "CV"},
                {"weighted_stdev", "WEIGHTED_STD"},
                {"PCT0", "PCT0"},
                {"PCT100", "PCT100"}};
    static const struct {
        const char *given, *part;
    } bad[] = {{"MAEN", "did you mean MEAN?"},
               {"MAJORTY", "did you mean MAJORITY?"},
               {"PCT", "such as PCT90"},
               {"PCT101", "from 0 to 100"},
               {"PCT-1", "such as PCT90"},
               {"PCT90x", "such as PCT90"},
               {"quantile(q=1.5)", "from 0 to 100"},
               {"", "there are COUNT, AREA"},
               {"PCTnan", "there are COUNT"},
               {"max_center_x", "there "},
               {"KURTOSIS", "there are COUNT, AREA"},
               {"p", "there are"},
               {"quantile(q=0.5", "such as PCT90"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        fn_stat stat;
        fn_error err;
        char name[FN_STAT_NAME_BYTES] = "";
        if (fn_stat_parse(good[i].given, &stat, &err) == FN_OK)
            fn_stat_name(stat, name);
        EXPECT(strcmp(name, good[i].name) == 0, "%s: %s", good[i].given, name);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fn_stat stat;
        fn_error err = {.text = ""};
        EXPECT(fn_stat_parse(bad[i].given, &stat, &err) == FN_ERR_ARGUMENT, "%s", bad[i].given);
        EXPECT(strstr(err.text, bad[i].part), "%s: %s", bad[i].given, err.text);
    }
    for (int kind = 0; kind < FN_STAT_KIND_COUNT; kind++) { /* each is parsed from its own name */
        const fn_stat stat = {(fn_stat_kind)kind, kind == FN_STAT_PERCENTILE ? 12.5 : 0};
        fn_stat again;
        char name[FN_STAT_NAME_BYTES];
        fn_stat_name(stat, name);
        EXPECT(fn_stat_parse(name, &again, NULL) == FN_OK && again.kind == stat.kind && again.percent == stat.percent,
               "%s", name);
        EXPECT(fn_stat_help(stat.kind)[0], "%s", name);
    }
}

/* ---- numbers ---- */

static void plain_numbers(void)
{
    uint8_t values[36];
    fn_stat_value r[STATS_MAX];
    for (int i = 0; i < 36; i++)
        values[i] = (uint8_t)(i + 1);
    one_row("COUNT SUM MEAN MIN MAX RANGE VARIETY MEDIAN PCT25 PCT90 VARIANCE MAJORITY MINORITY MIN_X MAX_X MAX_Y "
            "NODATA_COUNT MAJORITY_COUNT MAJORITY_SHARE",
            FN_UINT8, values, NULL, 36, r);
    EXPECT_INTEGER(r[0], 36);
    EXPECT_REAL(r[1], 666);
    EXPECT_REAL(r[2], 18.5);
    EXPECT_INTEGER(r[3], 1);
    EXPECT_INTEGER(r[4], 36);
    EXPECT_INTEGER(r[5], 35);
    EXPECT_INTEGER(r[6], 36);
    EXPECT_REAL(r[7], 18.5);
    EXPECT_REAL(r[8], 9.75);
    EXPECT_REAL(r[9], 32.5);
    EXPECT_REAL(r[10], (36.0 * 36 - 1) / 12);
    EXPECT_INTEGER(r[11], 1);
    EXPECT_INTEGER(r[12], 1);
    EXPECT_INTEGER(r[13], 0);
    EXPECT_INTEGER(r[14], 35);
    EXPECT_INTEGER(r[15], 0);
    EXPECT_INTEGER(r[16], 0);
    EXPECT_INTEGER(r[17], 1);
    EXPECT_REAL(r[18], 1.0 / 36);
}

static void special_values(void)
{
    fn_stat_value r[STATS_MAX];
    const float some[5] = {1, NAN, 3, NAN, 2};
    one_row("COUNT SUM MEAN MIN MAX NODATA_COUNT MEDIAN VARIETY", FN_FLOAT32, some, NULL, 5, r);
    EXPECT_INTEGER(r[0], 3);
    EXPECT_REAL(r[1], 6);
    EXPECT_REAL(r[2], 2);
    EXPECT_REAL(r[3], 1);
    EXPECT_REAL(r[4], 3);
    EXPECT_INTEGER(r[5], 2);
    EXPECT_REAL(r[6], 2);
    EXPECT_INTEGER(r[7], 3);

    const float none[2] = {NAN, NAN};
    one_row("COUNT NODATA_COUNT SUM MEAN MIN MAX RANGE STD MEDIAN VARIETY MAJORITY MIN_X AREA CV", FN_FLOAT32, none,
            NULL, 2, r);
    EXPECT_INTEGER(r[0], 0);
    EXPECT_INTEGER(r[1], 2);
    for (int i = 2; i < 14; i++)
        EXPECT_NONE(r[i]);

    const double inf[1] = {INFINITY};
    one_row("MIN MAX SUM MEAN VARIANCE MEDIAN RANGE", FN_FLOAT64, inf, NULL, 1, r);
    for (int i = 0; i < 4; i++)
        EXPECT_REAL(r[i], (double)INFINITY);
    EXPECT_NONE(r[4]);
    EXPECT_REAL(r[5], (double)INFINITY);
    EXPECT_REAL(r[6], 0);

    const double both[4] = {-INFINITY, 5, INFINITY, 1};
    one_row("MIN MAX SUM MEDIAN PCT10 PCT99 PCT0 PCT100", FN_FLOAT64, both, NULL, 4, r);
    EXPECT_REAL(r[0], -(double)INFINITY);
    EXPECT_REAL(r[1], (double)INFINITY);
    EXPECT_NONE(r[2]);
    EXPECT_REAL(r[3], 3);
    EXPECT_REAL(r[4], -(double)INFINITY);
    EXPECT_REAL(r[5], (double)INFINITY);
    EXPECT_REAL(r[6], -(double)INFINITY);
    EXPECT_REAL(r[7], (double)INFINITY);

    const double zeros[3] = {-0.0, 0.0, -0.0};
    one_row("VARIETY MIN MAX SUM MIN_X MAX_X", FN_FLOAT64, zeros, NULL, 3, r);
    EXPECT_INTEGER(r[0], 1);
    EXPECT(r[1].real == 0 && !signbit(r[1].real) && !signbit(r[2].real) && !signbit(r[3].real), "-0");
    EXPECT_INTEGER(r[4], 0);
    EXPECT_INTEGER(r[5], 0);

    const uint16_t halves[6] = {0x3C00, 0xC000, 0x7E00, 0x0001, 0x7C00, 0x7BFF}; /* 1, -2, NaN, 2^-24, inf, 65504 */
    one_row("COUNT MIN MAX PCT50 VARIETY", FN_FLOAT16, halves, NULL, 6, r);
    EXPECT_INTEGER(r[0], 5);
    EXPECT_REAL(r[1], -2);
    EXPECT_REAL(r[2], (double)INFINITY);
    EXPECT_REAL(r[3], 1);
    EXPECT_INTEGER(r[4], 5);
}

static void large_integers(void)
{
    fn_stat_value r[STATS_MAX];
    int32_t billions[36];
    for (int i = 0; i < 36; i++)
        billions[i] = 2000000000;
    one_row("SUM MEAN VARIANCE", FN_INT32, billions, NULL, 36, r);
    EXPECT_REAL(r[0], 7.2e10);
    EXPECT_REAL(r[1], 2e9);
    EXPECT_REAL(r[2], 0);

    const int64_t odd[1] = {9007199254740993};
    one_row("MIN MAX MAJORITY SUM COUNT", FN_INT64, odd, NULL, 1, r);
    for (int i = 0; i < 3; i++)
        EXPECT_INTEGER(r[i], 9007199254740993);

    const int64_t ends[4] = {INT64_MIN, INT64_MAX, INT64_MAX, INT64_MAX - 1};
    one_row("MIN MAX RANGE SUM MAJORITY VARIETY", FN_INT64, ends, NULL, 4, r);
    EXPECT_INTEGER(r[0], INT64_MIN);
    EXPECT_INTEGER(r[1], INT64_MAX);
    EXPECT(r[2].result == FN_STAT_UNSIGNED && r[2].unsigned64 == UINT64_MAX, "range");
    EXPECT_REAL(r[3], 0x1p64 - 4);
    EXPECT_INTEGER(r[4], INT64_MAX);
    EXPECT_INTEGER(r[5], 3);

    const uint64_t beyond[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX - 1};
    one_row("MAX MIN SUM MEAN MAJORITY VARIANCE", FN_UINT64, beyond, NULL, 3, r);
    EXPECT(r[0].result == FN_STAT_UNSIGNED && r[0].unsigned64 == UINT64_MAX, "max");
    EXPECT(r[1].result == FN_STAT_UNSIGNED && r[1].unsigned64 == UINT64_MAX - 1, "min");
    EXPECT_REAL(r[2], 3 * 0x1p64);
    EXPECT(r[4].result == FN_STAT_UNSIGNED && r[4].unsigned64 == UINT64_MAX, "majority");
    EXPECT(fabs(r[5].real - 2.0 / 9) < 1e-15, "variance %.17g", r[5].real);

    const int8_t small[3] = {-128, 127, -128};
    one_row("MIN MAX RANGE MAJORITY MEDIAN SUM", FN_INT8, small, NULL, 3, r);
    EXPECT_INTEGER(r[0], -128);
    EXPECT_INTEGER(r[1], 127);
    EXPECT_INTEGER(r[2], 255);
    EXPECT_INTEGER(r[3], -128);
    EXPECT_REAL(r[4], -128);
    EXPECT_REAL(r[5], -129);
}

static void stable_variance(void)
{
    enum { N = 200000 };
    static double values[N];
    fn_stat_value r[STATS_MAX];
    for (int i = 0; i < N; i++)
        values[i] = 1e9 + i % 2;
    one_row("VARIANCE STD STD_SAMPLE MEAN CV", FN_FLOAT64, values, NULL, N, r);
    EXPECT_REAL(r[0], .25);
    EXPECT_REAL(r[1], .5);
    EXPECT_REAL(r[2], sqrt(.25 * (double)N / (double)(N - 1)));
    EXPECT_REAL(r[3], 1e9 + .5);
    EXPECT_REAL(r[4], .5 / (1e9 + .5));
    one_row("VARIANCE STD_SAMPLE", FN_FLOAT64, values, NULL, 1, r);
    EXPECT_REAL(r[0], 0);
    EXPECT_NONE(r[1]);
    one_row("VARIANCE", FN_FLOAT64, values, NULL, 2, r);
    EXPECT_REAL(r[0], .25);
    for (int i = 0; i < N; i++)
        values[i] = i == 0 ? 1e9 : i % 2; /* the first is the odd one */
    one_row("VARIANCE", FN_FLOAT64, values, NULL, N, r);
    /* exactly: sum of squares 1e18 + 100000, sum 1e9 + 100000 */
    const double exact = (1e18 + 1e5 - (1e9 + 1e5) / (double)N * (1e9 + 1e5)) / (double)N;
    EXPECT(fabs(r[0].real / exact - 1) < 1e-14, "%.17g, expected %.17g", r[0].real, exact);
    /* what a plain sum in double loses */
    for (int i = 0; i < N; i++)
        values[i] = i == 0 ? 1e30 : i == N - 1 ? -1e30 : 1;
    one_row("SUM", FN_FLOAT64, values, NULL, N, r);
    EXPECT_REAL(r[0], N - 2);
}

/* A page of floats from 1 to 2^spread, each a multiple of 2^-23: their exact sum, rounded once, whether or not a plain
 * sum would round. */
static void sums_of_floats(void)
{
    enum { N = FN_PAGE_ROWS * FN_PAGE_COLUMNS };
    static float values[N];
    static fn_cells cells[FN_PAGE_ROWS];
    check_random dice = random_for("sums_of_floats");
    fn_stat stats[STATS_MAX];
    fn_stat_value result;
    fn_error err;
    const setup s = {.options = {.stats = stats, .n_stats = parse_stats("SUM", stats), .type = FN_FLOAT32},
                     .values = values,
                     .rows = FN_PAGE_ROWS,
                     .columns = FN_PAGE_COLUMNS,
                     .cells = cells,
                     .n_cells = FN_PAGE_ROWS};
    for (int row = 0; row < FN_PAGE_ROWS; row++)
        cells[row] = (fn_cells){row, 0, FN_PAGE_COLUMNS, 1};
    for (int round = 0; round < 4 * 48; round++) {
        const int spread = round / 4, with_zeros = round % 4 == 2, both_signs = round % 4 == 3;
        __int128 sum = 0;
        for (size_t i = 0; i < N; i++) {
            values[i] = (float)ldexp(random_uniform(&dice, 1, 2), (int)random_between(&dice, 0, spread));
            values[i] *= with_zeros ? (float)random_between(&dice, 0, 1) : round % 4 == 1 ? -1 : 1;
            values[i] *= both_signs && random_between(&dice, 0, 1) ? -1 : 1;
            sum += (__int128)ldexp(values[i], 23);
        }
        REQUIRE(run(&s, &result, &err) == FN_OK, "%s", err.text);
        EXPECT_REAL(result, ldexp((double)sum, -23));
    }
}

static void put_value(void *values, size_t i, fn_type type, int value)
{
    static const uint16_t halves[10] = {0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700, 0x4800, 0x4880};
    const float single = (float)value;
    const double twice = value;
    const int64_t integer = value; /* little endian */
    const void *from = type == FN_FLOAT16   ? (const void *)&halves[value]
                       : type == FN_FLOAT32 ? (const void *)&single
                       : type == FN_FLOAT64 ? (const void *)&twice
                                            : (const void *)&integer;
    memcpy((unsigned char *)values + i * fn_type_size(type), from, fn_type_size(type));
}

/* A cell that equals NoData is one that is masked, in long runs and in short ones, whole and in part. */
static void nodata_is_no_value(void)
{
    enum { N = 300 };
    const char *const names = "COUNT SUM MEAN MIN MAX STD NODATA_COUNT MAJORITY MEDIAN";
    const fn_cells cells[] = {{0, 0, 1, 1},  {0, 1, 1, .5},    {0, 2, 1, 1},
                              {0, 3, 90, 1}, {0, 93, 40, .25}, {0, 140, 160, 1}};
    check_random dice = random_for("nodata_is_no_value");
    fn_stat stats[STATS_MAX];
    fn_stat_value results[2][STATS_MAX];
    fn_error err;
    for (int round = 0; round < 20 * FN_TYPE_COUNT; round++) {
        const fn_type type = (fn_type)(round % FN_TYPE_COUNT);
        unsigned char values[N * 8];
        uint8_t valid[N], masked[N];
        for (size_t i = 0; i < N; i++) {
            const int value = (int)random_between(&dice, 0, 9);
            put_value(values, i, type, value);
            masked[i] = round % 2 == 0 || random_between(&dice, 0, 9) > 0;
            valid[i] = masked[i] && value != 3;
        }
        setup s = {.options = {.stats = stats, .n_stats = parse_stats(names, stats), .type = type, .fractions = true},
                   .values = values,
                   .valid = valid,
                   .rows = 1,
                   .columns = N,
                   .cells = cells,
                   .n_cells = sizeof cells / sizeof *cells};
        REQUIRE(run(&s, results[0], &err) == FN_OK, "%s", err.text);
        s.nodata = fn_nodata_from_double(3, type);
        s.valid = round % 2 == 0 ? NULL : masked;
        REQUIRE(run(&s, results[1], &err) == FN_OK, "%s", err.text);
        for (size_t i = 0; i < s.options.n_stats; i++)
            EXPECT(results[0][i].real == results[1][i].real, "type %d, statistic %zu: %g and %g", type, i,
                   results[0][i].real, results[1][i].real);
        EXPECT(results[1][6].real > 0, "type %d: no NoData", type);
    }
}

static void ties(void)
{
    fn_stat_value r[STATS_MAX];
    const int16_t three[3] = {3, 2, 1};
    one_row("MAJORITY MINORITY", FN_INT16, three, NULL, 3, r);
    EXPECT_INTEGER(r[0], 1);
    EXPECT_INTEGER(r[1], 1);
    double values[36] = {10}; /* and 35 zeros */
    one_row("MEDIAN PCT25 PCT90 MAJORITY MINORITY", FN_FLOAT64, values, NULL, 36, r);
    EXPECT_REAL(r[0], 0);
    EXPECT_REAL(r[1], 0);
    EXPECT_REAL(r[2], 0);
    EXPECT_REAL(r[3], 0);
    EXPECT_REAL(r[4], 10);
}

/* ---- coverage, weights, NoData ---- */

static void coverage(void)
{
    const float values[4] = {1, 2, 3, 100};
    const fn_cells cells[4] = {{0, 0, 1, .25}, {0, 1, 1, 1}, {0, 2, 1, .5}, {0, 3, 1, 1e-10}};
    fn_stat stats[STATS_MAX];
    fn_stat_value r[STATS_MAX];
    fn_error err;
    const setup s = {.options = {.stats = stats,
                                 .n_stats = parse_stats("COUNT SUM MAX VARIETY MAJORITY MAJORITY_COUNT MEAN VARIANCE "
                                                        "PCT0 PCT100 MIN MAX_X AREA",
                                                        stats),
                                 .type = FN_FLOAT32,
                                 .fractions = true,
                                 .cell_area = 4},
                     .values = values,
                     .rows = 1,
                     .columns = 4,
                     .cells = cells,
                     .n_cells = 4};
    REQUIRE(run(&s, r, &err) == FN_OK, "%s", err.text);
    EXPECT(fabs(r[0].real - (1.75 + 1e-10)) < 1e-15, "count %.17g", r[0].real);
    EXPECT(fabs(r[1].real - (3.75 + 1e-8)) < 1e-15, "sum %.17g", r[1].real);
    EXPECT_REAL(r[2], 3);
    EXPECT_INTEGER(r[3], 3);
    EXPECT_REAL(r[4], 2);
    EXPECT_REAL(r[5], 1);
    EXPECT(fabs(r[6].real - 3.75 / 1.75) < 1e-7, "mean %.17g", r[6].real);
    EXPECT(fabs(r[7].real - (.25 + 4 + 4.5) / 1.75 + 3.75 * 3.75 / 1.75 / 1.75) < 1e-6, "variance %.17g", r[7].real);
    /* the window is (1/16 + 1 + 1/4) / 1.75 = .75 long: .25 of 1 and .5 of 2 at the low end, .5 of 3 and .25 of 2 */
    EXPECT(fabs(r[8].real - (.25 * 1 + .5 * 2) / .75) < 1e-15, "lowest %.17g", r[8].real);
    EXPECT(fabs(r[9].real - (.5 * 3 + .25 * 2) / .75) < 1e-15, "highest %.17g", r[9].real);
    EXPECT_REAL(r[10], 1);
    EXPECT_INTEGER(r[11], 2);
    EXPECT(fabs(r[12].real - 7) < 1e-8, "area %.17g", r[12].real);
}

static void weights(void)
{
    const double values[5] = {1, 2, 3, NAN, 5}, w[5] = {1, 3, NAN, 1, 0}, areas[1] = {2.5};
    const uint8_t weights_valid[5] = {1, 1, 1, 1, 1};
    const fn_cells cells = {0, 0, 5, 1};
    fn_stat stats[STATS_MAX];
    fn_stat_value r[STATS_MAX];
    fn_error err;
    setup s = {
        .options = {.stats = stats,
                    .n_stats = parse_stats("WEIGHTED_MEAN WEIGHTED_SUM WEIGHTED_VARIANCE WEIGHTED_STD WEIGHT_SUM "
                                           "COUNT MEAN AREA",
                                           stats),
                    .type = FN_FLOAT64},
        .values = values,
        .weights = w,
        .weights_valid = weights_valid,
        .row_areas = areas,
        .rows = 1,
        .columns = 5,
        .cells = &cells,
        .n_cells = 1};
    REQUIRE(run(&s, r, &err) == FN_OK, "%s", err.text);
    EXPECT_REAL(r[0], 1.75);
    EXPECT_REAL(r[1], 7);
    EXPECT_REAL(r[2], .1875);
    EXPECT_REAL(r[3], sqrt(.1875));
    EXPECT_REAL(r[4], 4);
    EXPECT_INTEGER(r[5], 4);
    EXPECT_REAL(r[6], 11 / 4.);
    EXPECT_REAL(r[7], 10);
    const uint8_t nothing[5] = {0};
    s.weights_valid = nothing;
    REQUIRE(run(&s, r, &err) == FN_OK, "%s", err.text);
    for (int i = 0; i < 5; i++)
        EXPECT_NONE(r[i]);
    EXPECT_INTEGER(r[5], 4);
    const double negative[5] = {1, 3, NAN, -1, -2}, infinite[5] = {1, INFINITY, NAN, 1, 0};
    s.weights_valid = NULL;
    s.weights = negative;
    EXPECT(run(&s, r, &err) == FN_ERR_VALUE && strstr(err.text, "pixel 4,0: the weight -2 is negative"), "%s",
           err.text);
    s.weights = infinite;
    EXPECT(run(&s, r, &err) == FN_ERR_VALUE && strstr(err.text, "pixel 1,0: the weight inf is infinite"), "%s",
           err.text);
    s.weights = NULL;
    EXPECT(run(&s, r, &err) == FN_ERR_ARGUMENT, "no weights");
}

static void spread(void)
{
    const uint8_t values[4] = {1, 2, 3, 4}, valid[4] = {1, 0, 1, 1};
    fn_stat stats[STATS_MAX];
    fn_stat_value r[STATS_MAX];
    fn_error err;
    const fn_cells with[2] = {{0, 0, 2, 1}, {0, 2, 1, 1}}, without = {0, 2, 2, 1};
    setup s = {.options = {.stats = stats,
                           .n_stats = parse_stats("NODATA_COUNT COUNT MEAN MEDIAN MAJORITY MIN", stats),
                           .type = FN_UINT8,
                           .spread = true},
               .values = values,
               .valid = valid,
               .rows = 1,
               .columns = 4,
               .cells = with,
               .n_cells = 2};
    REQUIRE(run(&s, r, &err) == FN_OK, "%s", err.text);
    EXPECT_INTEGER(r[0], 1);
    for (int i = 1; i < 6; i++)
        EXPECT_NONE(r[i]);
    s.cells = &without;
    s.n_cells = 1;
    REQUIRE(run(&s, r, &err) == FN_OK, "%s", err.text);
    EXPECT_INTEGER(r[0], 0);
    EXPECT_INTEGER(r[1], 2);
    EXPECT_REAL(r[2], 3.5);
    EXPECT_REAL(r[3], 3.5);
}

static void nothing(void)
{
    fn_stat stats[STATS_MAX];
    fn_stat_value r[STATS_MAX];
    fn_error err;
    const setup s = {.options = {.stats = stats, .n_stats = parse_stats("COUNT SUM MEDIAN VARIETY", stats)},
                     .values = "",
                     .rows = 1,
                     .columns = 1};
    REQUIRE(run(&s, r, &err) == FN_OK, "%s", err.text);
    EXPECT_INTEGER(r[0], 0);
    for (int i = 1; i < 4; i++)
        EXPECT_NONE(r[i]);
}

/* ---- places ---- */

static void first_place(void)
{
    enum { ROWS = 130, COLUMNS = 600 };
    static int16_t values[ROWS][COLUMNS];
    static fn_cells cells[ROWS];
    fn_stat stats[STATS_MAX];
    fn_stat_value r[STATS_MAX];
    fn_error err;
    for (int i = 0; i < ROWS; i++)
        cells[i] = (fn_cells){i, 0, COLUMNS, 1};
    /* row 63 is in the first row of pages; its last page comes before the first of row 64, but row 62 before both */
    values[63][599] = values[64][0] = values[62][300] = -7;
    values[5][599] = values[6][0] = values[129][1] = 9;
    setup s = {
        .options = {.stats = stats, .n_stats = parse_stats("MIN_X MIN_Y MAX_X MAX_Y MIN MAX", stats), .type = FN_INT16},
        .values = values,
        .rows = ROWS,
        .columns = COLUMNS,
        .cells = cells,
        .n_cells = ROWS};
    for (int cut = 0; cut < 3; cut++) {
        s.window_rows = cut ? 64 : 0;
        s.window_columns = cut == 2 ? 256 : 0;
        REQUIRE(run(&s, r, &err) == FN_OK, "%s", err.text);
        EXPECT_INTEGER(r[0], 300);
        EXPECT_INTEGER(r[1], 62);
        EXPECT_INTEGER(r[2], 599);
        EXPECT_INTEGER(r[3], 5);
        EXPECT_INTEGER(r[4], -7);
        EXPECT_INTEGER(r[5], 9);
    }
}

/* ---- percentiles in several passes ---- */

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double numpy_percentile(const double *sorted, size_t n, double percent)
{
    const double at = (double)(n - 1) * (percent / 100), before = floor(at), t = at - before;
    const size_t k = (size_t)before;
    if (k + 1 >= n)
        return sorted[n - 1];
    const double a = sorted[k], b = sorted[k + 1];
    return t >= .5 ? b - (b - a) * (1 - t) : a + (b - a) * t;
}

static void many_values(void)
{
    enum { ROWS = 512, COLUMNS = 512, N = ROWS * COLUMNS };
    static double values[N], sorted[N];
    static fn_cells cells[ROWS];
    check_random dice = random_for("many_values");
    fn_stat stats[STATS_MAX];
    fn_stat_value r[2][STATS_MAX];
    fn_error err;
    for (int i = 0; i < ROWS; i++)
        cells[i] = (fn_cells){i, 0, COLUMNS, 1};
    for (int kind = 0; kind < 4; kind++) {
        for (int i = 0; i < N; i++) {
            const double u = random_uniform(&dice, -1, 1);
            values[i] = kind == 0   ? u
                        : kind == 1 ? exp(u * 600) * u
                        : kind == 2 ? floor(u * 50)
                        : i == 7    ? 1e300
                                    : u * 1e-9;
        }
        memcpy(sorted, values, sizeof sorted);
        qsort(sorted, N, sizeof *sorted, ascending);
        setup s = {.options = {.stats = stats,
                               .n_stats = parse_stats("PCT0 PCT1 PCT25 MEDIAN PCT75 PCT90 PCT99.9 PCT100 MEAN", stats),
                               .type = FN_FLOAT64},
                   .values = values,
                   .rows = ROWS,
                   .columns = COLUMNS,
                   .cells = cells,
                   .n_cells = ROWS};
        static const double percents[8] = {0, 1, 25, 50, 75, 90, 99.9, 100};
        for (int limited = 0; limited < 2; limited++) {
            s.options.values_max = limited ? 40000 : 0;
            REQUIRE(run(&s, r[limited], &err) == FN_OK, "%s", err.text);
            for (int i = 0; i < 8; i++)
                EXPECT_REAL(r[limited][i], numpy_percentile(sorted, N, percents[i]));
            EXPECT(passes == 1 || (limited && passes <= 4), "kind %d: %d passes", kind, passes);
        }
        EXPECT(memcmp(r[0], r[1], 9 * sizeof r[0][0]) == 0, "kind %d", kind);
    }
}

/* The answer does not depend on how many values are kept, with partly covered cells neither. */
static void many_parts(void)
{
    enum { ROWS = 320, COLUMNS = 256, N = ROWS * COLUMNS, RUNS = ROWS * 4 };
    static double values[N];
    static fn_cells cells[RUNS];
    check_random dice = random_for("many_parts");
    fn_stat stats[STATS_MAX];
    fn_stat_value r[2][STATS_MAX];
    fn_error err;
    for (int i = 0; i < N; i++)
        values[i] = random_uniform(&dice, -1, 1) * 1e6;
    for (int i = 0; i < RUNS; i++)
        cells[i] = (fn_cells){i / 4, i % 4 * 64, 64, i % 3 ? 1 : random_uniform(&dice, 1e-10, 1)};
    setup s = {.options = {.stats = stats,
                           .n_stats = parse_stats("PCT0 PCT1 PCT25 MEDIAN PCT75 PCT90 PCT99.9 PCT100", stats),
                           .type = FN_FLOAT64,
                           .fractions = true},
               .values = values,
               .rows = ROWS,
               .columns = COLUMNS,
               .cells = cells,
               .n_cells = RUNS};
    for (int limited = 0; limited < 2; limited++) {
        s.options.values_max = limited ? 1 : 0;
        REQUIRE(run(&s, r[limited], &err) == FN_OK, "%s", err.text);
        EXPECT(limited ? passes > 1 : passes == 1, "%d passes", passes);
    }
    for (int i = 0; i < 8; i++)
        EXPECT(r[0][i].real == r[1][i].real, "%d: %.17g and %.17g", i, r[0][i].real, r[1][i].real);
}

static void too_many_classes(void)
{
    int32_t values[200];
    fn_stat stats[STATS_MAX];
    fn_stat_value r[STATS_MAX];
    fn_error err;
    const fn_cells cells = {0, 0, 200, 1};
    for (int i = 0; i < 200; i++)
        values[i] = i * 1000;
    setup s = {
        .options = {.stats = stats, .n_stats = parse_stats("VARIETY", stats), .type = FN_INT32, .classes_max = 199},
        .values = values,
        .rows = 1,
        .columns = 200,
        .cells = &cells,
        .n_cells = 1};
    EXPECT(run(&s, r, &err) == FN_ERR_VALUE && strstr(err.text, "more than 199 distinct"), "%s", err.text);
    s.options.classes_max = 200;
    EXPECT(run(&s, r, &err) == FN_OK && r[0].integer == 200, "%s", err.text);
}

/* 3 x 4 cells of two values, whose rows have areas that a sum of doubles would round. */
static void class_areas(void)
{
    static const int16_t values[12] = {-7, 5, 5, -7, 5, 5, 5, 5, -7, -7, -7, 5};
    static const double row_areas[3] = {1000, 0x1p-40, 3 * 0x1p-42};
    static const fn_cells cells[4] = {{0, 0, 4, 1}, {1, 0, 3, 1}, {1, 3, 1, 0.25}, {2, 0, 4, 1}};
    fn_stats_options options = {.histogram = true, .type = FN_INT16, .fractions = true, .cell_area = 0.1};
    for (int by_rows = 0; by_rows < 2; by_rows++) {
        fn_stats_plan *plan;
        fn_stats_worker *worker;
        fn_zone_stats *zone;
        fn_stats_buffer buffer = {.data = NULL};
        fn_error err;
        fn_stats_window window = {.rows = 3, .columns = 4, .values = values, .stride = 4};
        options.area_most = by_rows ? 1000 : 0;
        REQUIRE(fn_stats_plan_new(&options, &plan, &err) == FN_OK, "%s", err.text);
        REQUIRE(fn_stats_worker_new(plan, &worker, &err) == FN_OK, "%s", err.text);
        REQUIRE(fn_zone_stats_new(plan, &zone, &err) == FN_OK, "%s", err.text);
        if (by_rows)
            EXPECT(fn_stats_collect(worker, &window, cells, 4, NULL, 0, &buffer, &err) == FN_ERR_ARGUMENT, "no areas");
        window.row_areas = row_areas;
        REQUIRE(fn_stats_collect(worker, &window, cells, 4, NULL, 0, &buffer, &err) == FN_OK, "%s", err.text);
        REQUIRE(fn_zone_stats_add(zone, buffer.data, buffer.bytes, &err) == FN_OK, "%s", err.text);
        REQUIRE(fn_zone_stats_finish(zone, NULL, NULL, &err) == FN_OK, "%s", err.text);
        REQUIRE(fn_zone_stats_class_count(zone) == 2, "%zu", fn_zone_stats_class_count(zone));
        const fn_class low = fn_zone_stats_class(zone, 0), high = fn_zone_stats_class(zone, 1);
        EXPECT(low.value.integer == -7 && low.count == 5 && high.value.integer == 5 && high.count == 6.25, "counts");
        EXPECT(low.area == (by_rows ? 2000 + 9 * 0x1p-42 : 0.5), "%.17g", low.area);
        EXPECT(high.area == (by_rows ? 2000 + 3.25 * 0x1p-40 + 3 * 0x1p-42 : 0.625), "%.17g", high.area);
        EXPECT(fn_zone_stats_class_total(zone) == 11.25 && !fn_zone_stats_is_void(zone), "total");
        fn_zone_stats_free(zone);
        fn_stats_worker_free(worker);
        fn_stats_plan_free(plan);
        free(buffer.data);
    }
    fn_stats_plan *plan;
    fn_error err;
    options.area_most = (double)NAN;
    EXPECT(fn_stats_plan_new(&options, &plan, &err) == FN_ERR_ARGUMENT && strstr(err.text, "area"), "%s", err.text);
}

/* ---- what is refused ---- */

static void refused(void)
{
    static const uint8_t values[70 * 300];
    const fn_stat stat = {FN_STAT_SUM, 0};
    fn_stats_plan *plan;
    fn_stats_worker *worker;
    fn_zone_stats *zone;
    fn_error err;
    fn_stats_buffer buffer = {.data = NULL};
    fn_stats_window window = {.rows = 70, .columns = 300, .values = values, .stride = 300};
    REQUIRE(fn_stats_plan_new(&(fn_stats_options){.stats = &stat, .n_stats = 1}, &plan, NULL) == FN_OK, "plan");
    REQUIRE(fn_stats_worker_new(plan, &worker, NULL) == FN_OK, "worker");
    REQUIRE(fn_zone_stats_new(plan, &zone, NULL) == FN_OK, "zone");
    static const fn_cells bad[] = {{70, 0, 1, 1},  {-1, 0, 1, 1},  {0, 299, 2, 1},       {0, -1, 1, 1},
                                   {0, 0, 0, 1},   {0, 0, 301, 1}, {0, 0, 1, 0},         {0, 0, 1, 1500},
                                   {0, 0, 1, NAN}, {0, 0, 1, .5},  {0, 0, INT64_MAX, 1}, {0, INT64_MAX, 1, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(fn_stats_collect(worker, &window, &bad[i], 1, NULL, 0, &buffer, &err) == FN_ERR_ARGUMENT, "%zu", i);
        EXPECT_ERROR_TEXT(err, "%zu", i);
    }
    const fn_cells twice[2] = {{0, 0, 5, 1}, {0, 4, 1, 1}}, good = {0, 0, 300, 1};
    EXPECT(fn_stats_collect(worker, &window, twice, 2, NULL, 0, &buffer, &err) == FN_ERR_ARGUMENT, "twice");
    window.row = 32;
    EXPECT(fn_stats_collect(worker, &window, &good, 1, NULL, 0, &buffer, &err) == FN_ERR_ARGUMENT, "row 32");
    window.row = 0;
    REQUIRE(fn_stats_collect(worker, &window, &good, 1, NULL, 0, &buffer, &err) == FN_OK, "%s", err.text);
    EXPECT(fn_zone_stats_add(zone, buffer.data, buffer.bytes - 1, &err) == FN_ERR_READ, "cut");
    fn_zone_stats_free(zone);
    REQUIRE(fn_zone_stats_new(plan, &zone, NULL) == FN_OK, "zone");
    EXPECT(fn_zone_stats_add(zone, buffer.data, buffer.bytes, &err) == FN_OK, "%s", err.text);
    EXPECT(fn_zone_stats_bytes(zone) >= buffer.bytes, "bytes");
    EXPECT(fn_zone_stats_add(zone, buffer.data, buffer.bytes, &err) == FN_OK, "%s", err.text);
    EXPECT(fn_zone_stats_settle(zone, 1000, &err) == FN_ERR_READ && strstr(err.text, "twice"), "%s", err.text);
    fn_zone_stats_free(zone);
    fn_stats_worker_free(worker);
    fn_stats_plan_free(plan);
    free(buffer.data);
    const fn_stat bad_stat = {FN_STAT_PERCENTILE, 101};
    EXPECT(fn_stats_plan_new(&(fn_stats_options){.stats = &bad_stat, .n_stats = 1}, &plan, &err) == FN_ERR_ARGUMENT,
           "101");
    EXPECT(fn_stats_plan_new(&(fn_stats_options){.type = FN_TYPE_COUNT}, &plan, &err) == FN_ERR_ARGUMENT, "type");
}

/* ---- inside ---- */

static void instruction_sets_agree(void)
{
#ifdef FN_X86
    if (!__builtin_cpu_supports("avx2"))
        SKIP("no AVX2 here");
    enum { N = 4096 };
    static double x[2][N], w[N];
    static unsigned char raw[N * 8];
    static uint8_t valid[N];
    const fn_sum_kernels *sets[2] = {&fn_sums_plain, &fn_sums_avx2};
    check_random dice = random_for("instruction_sets_agree");
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof raw; i++)
            raw[i] = (unsigned char)random_bits(&dice);
        for (size_t i = 0; i < N; i++) {
            valid[i] = random_between(&dice, 0, 3) != 0;
            w[i] = random_between(&dice, 0, 9)   ? random_uniform(&dice, 0, 2)
                   : random_between(&dice, 0, 1) ? 0
                                                 : (double)NAN;
        }
        for (int type = 0; type < FN_TYPE_COUNT; type++)
            for (int set = 0; set < 2 && type != FN_INT64 && type != FN_UINT64; set++) {
                double nodata;
                sets[0]->load[type](raw, NULL, (double)NAN, 1, &nodata);
                sets[set]->load[type](raw, round % 2 ? valid : NULL, nodata, N, x[set]);
                EXPECT(isnan(x[set][0]), "type %d, NoData", type);
                for (size_t i = 0; i < N; i++)
                    EXPECT(set == 0 || x[0][i] == x[1][i] || (isnan(x[0][i]) && isnan(x[1][i])), "type %d, %zu", type,
                           i);
            }
        for (size_t i = 0; i < N; i++)
            x[0][i] = isnan(x[0][i]) || round % 3 == 0 ? random_uniform(&dice, -1, 1) : x[0][i];
        x[0][random_between(&dice, 0, N - 1)] = (double)NAN;
        x[0][random_between(&dice, 0, N - 1)] = round % 5 ? 1 : (double)INFINITY;
        const size_t n = (size_t)random_between(&dice, 0, N / 8) * 8;
        struct {
            fn_survey survey;
            fn_dd sum;
            fn_deviations deviations, weighted_deviations;
            fn_weighted_sums weighted;
        } out[2];
        memset(out, 0, sizeof out);
        for (int set = 0; set < 2; set++) {
            sets[set]->survey(x[0], n, &out[set].survey);
            sets[set]->sum(x[0], n, &out[set].sum);
            sets[set]->deviations(x[0], n, .25, &out[set].deviations);
            sets[set]->weighted_sums(x[0], w, n, &out[set].weighted);
            sets[set]->weighted_deviations(x[0], w, n, .25, &out[set].weighted_deviations);
        }
        const double *a = &out[0].survey.min, *b = &out[1].survey.min;
        EXPECT(out[0].survey.count == out[1].survey.count, "round %d", round);
        for (size_t i = 0; i < (sizeof out[0] - sizeof(int64_t)) / sizeof *a; i++)
            EXPECT(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])), "round %d, number %zu: %.17g and %.17g", round, i,
                   a[i], b[i]);
    }
#endif
}

static void tallies(void)
{
    check_random dice = random_for("tallies");
    for (int round = 0; round < 200; round++) {
        const size_t size = round % 2 ? 4 : 8;
        fn_tally tally = {.key_size = size};
        static uint64_t all[60000];
        size_t n = 0;
        const int bits = (int)random_between(&dice, 1, 8 * (int64_t)size);
        const int64_t batches = random_between(&dice, 1, 5);
        const bool coarse = round % 3 == 0;
        for (int64_t batch = 0; batch < batches; batch++) {
            static unsigned char keys[12000 * 8];
            const size_t count = (size_t)random_between(&dice, 0, 12000);
            for (size_t i = 0; i < count; i++) {
                const uint64_t key = random_bits(&dice) >> (64 - bits)
                                                               << (round % 5 == 0 ? 8 * size - (size_t)bits : 0);
                const uint32_t narrow = (uint32_t)key;
                memcpy(keys + i * size, size == 4 ? (const void *)&narrow : (const void *)&key, size);
                all[n++] = key;
            }
            const fn_bin part = {42, {0, UINT64_C(1) << 51}};
            REQUIRE(fn_tally_add(&tally, keys, count, &part, 1), "memory");
            REQUIRE(fn_tally_join(&tally, coarse ? 4096 : SIZE_MAX), "memory");
        }
        fn_cover sum = {0, 0};
        for (size_t i = 0; i < tally.n_bins; i++) {
            const uint64_t low = tally.bins[i].key << tally.shift, high = low | ((UINT64_C(1) << tally.shift) - 1);
            uint64_t expected = 0;
            if (tally.n_bins < 300) {
                for (size_t k = 0; k < n; k++)
                    expected += all[k] >= low && all[k] <= high;
                EXPECT(low <= 42 && high >= 42 ? tally.bins[i].cover.whole >= expected
                                               : tally.bins[i].cover.whole == expected,
                       "round %d, bin %zu", round, i);
            }
            EXPECT(i == 0 || tally.bins[i - 1].key < tally.bins[i].key, "round %d", round);
            sum = fn_cover_add(sum, tally.bins[i].cover);
        }
        EXPECT(fn_cover_as_double(sum) == (double)n + (double)batches / 2, "round %d: %.17g", round,
               fn_cover_as_double(sum));
        EXPECT(coarse ? tally.n_bins <= 4096 : tally.shift == 0, "round %d", round);
        fn_tally_destroy(&tally);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(example),
                                       UNIT(names),
                                       UNIT(plain_numbers),
                                       UNIT(special_values),
                                       UNIT(large_integers),
                                       UNIT(stable_variance),
                                       UNIT(sums_of_floats),
                                       UNIT(nodata_is_no_value),
                                       UNIT(ties),
                                       UNIT(coverage),
                                       UNIT(weights),
                                       UNIT(spread),
                                       UNIT(nothing),
                                       UNIT(first_place),
                                       UNIT(many_values),
                                       UNIT(many_parts),
                                       UNIT(too_many_classes),
                                       UNIT(class_areas),
                                       UNIT(refused),
                                       UNIT(instruction_sets_agree),
                                       UNIT(tallies)};
    return check_main(tests);
}
