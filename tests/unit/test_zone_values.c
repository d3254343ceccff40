/* The cells of a window by the number that a raster of zones has there: all integer types against a walk over all cells
 * for each number, failing memory. */
#include "check.h"

#include <limits.h>

#include "fishnet/zone_values.h"

/* ---- failing memory: the linker leads the core's allocations here ---- */

static long allocations, failing = LONG_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    return ++allocations == failing ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return ++allocations == failing ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return ++allocations == failing ? NULL : __real_realloc(memory, size);
}

/* ---- windows ---- */

#define SIDE 40

static const fn_type kTypes[] = {FN_UINT8, FN_INT8, FN_UINT16, FN_INT16, FN_UINT32, FN_INT32, FN_UINT64, FN_INT64};
static const int64_t kLeast[] = {0, INT8_MIN, 0, INT16_MIN, 0, INT32_MIN, 0, INT64_MIN};
static const int64_t kMost[] = {UINT8_MAX,  INT8_MAX,  UINT16_MAX, INT16_MAX,
                                UINT32_MAX, INT32_MAX, INT64_MAX,  INT64_MAX};

typedef struct window {
    int64_t zone[SIDE * SIDE];
    uint8_t valid[SIDE * SIDE];
    unsigned char numbers[SIDE * SIDE * sizeof(int64_t)]; /* as the type has them */
    fn_window place;
} window;

/* Little endian, as all machines that this runs on. */
static void put(window *w, size_t i, fn_type type, int64_t zone)
{
    w->zone[i] = zone;
    memcpy(w->numbers + i * fn_type_size(type), &zone, fn_type_size(type));
}

static const fn_nodata kNone = {.set = false};

/* One in `calm` cells has another number than the one before. */
static void fill(window *w, int t, int calm, check_random *dice)
{
    w->place = (fn_window){random_between(dice, 0, 5000), random_between(dice, 0, 5000), random_between(dice, 1, SIDE),
                           random_between(dice, 1, SIDE)};
    int64_t zone = kLeast[t];
    for (int64_t i = 0; i < w->place.width * w->place.height; i++) {
        if (random_between(dice, 0, calm) == 0) {
            const int64_t k = random_between(dice, -40, 40);
            zone = k == -40 ? kLeast[t] : k == 40 ? kMost[t] : k < 0 && kLeast[t] == 0 ? -k : k;
        }
        put(w, (size_t)i, kTypes[t], zone);
        w->valid[i] = (uint8_t)(random_between(dice, 0, 9) != 0);
    }
}

/* The cells that are found are those of the number, row by row, each once; returns how many. */
static int64_t check_zone(const window *w, const fn_zone_values *values, size_t k, bool masked, fn_nodata nodata)
{
    size_t n;
    const fn_cells *cells = fn_zone_values_cells(values, k, &n);
    int64_t count = 0, before = -1;
    for (size_t i = 0; i < n; i++)
        for (int64_t c = 0; c < cells[i].count; c++, count++) {
            const int64_t row = cells[i].row - w->place.y, column = cells[i].column + c - w->place.x;
            const int64_t at = row * w->place.width + column;
            REQUIRE(row >= 0 && row < w->place.height && column >= 0 && column < w->place.width && at > before,
                    "zone %zu, run %zu", k, i);
            before = at;
            EXPECT(w->zone[at] == fn_zone_values_zone(values, k) && (!masked || w->valid[at]) && cells[i].coverage == 1,
                   "cell %lld", (long long)at);
            EXPECT(!nodata.set || w->zone[at] != nodata.value.i, "cell %lld has NoData", (long long)at);
        }
    return count;
}

static void all_types(void)
{
    static window w;
    check_random dice = random_for("zone values");
    fn_zone_values *values;
    REQUIRE(fn_zone_values_new(&values, NULL) == FN_OK, "no memory");
    for (int round = 0; round < 400; round++) {
        const int t = round % 8;
        const bool masked = round % 3 == 0;
        fill(&w, t, round % 5 * 4, &dice);
        const fn_nodata nodata = {.set = round / 8 % 2 == 0, .value.i = w.zone[0]};
        fn_error err;
        REQUIRE(fn_zone_values_find(values, kTypes[t], w.numbers, masked ? w.valid : NULL, nodata, w.place, &err) ==
                    FN_OK,
                "%s", err.text);
        int64_t count = 0, there = 0;
        for (size_t k = 0; k < fn_zone_values_count(values); k++) {
            EXPECT(k == 0 || fn_zone_values_zone(values, k) > fn_zone_values_zone(values, k - 1), "zone %zu", k);
            count += check_zone(&w, values, k, masked, nodata);
        }
        for (int64_t i = 0; i < w.place.width * w.place.height; i++)
            there += (!masked || w.valid[i]) && !(nodata.set && w.zone[i] == nodata.value.i);
        EXPECT(count == there, "%lld of %lld cells, round %d", (long long)count, (long long)there, round);
    }
    fn_zone_values_free(values);
}

static void what_cannot_be(void)
{
    fn_zone_values *values;
    const uint64_t beyond[2] = {1, (uint64_t)INT64_MAX + 1};
    const uint8_t first[2] = {1, 0};
    const float real[2] = {1, 2};
    const fn_window place = {0, 0, 2, 1};
    fn_error err;
    REQUIRE(fn_zone_values_new(&values, NULL) == FN_OK, "no memory");
    EXPECT(fn_zone_values_find(values, FN_UINT64, beyond, NULL, kNone, place, &err) == FN_ERR_VALUE, "beyond");
    EXPECT_ERROR_TEXT(err, "beyond");
    EXPECT(fn_zone_values_count(values) == 0, "%zu zones", fn_zone_values_count(values));
    EXPECT(fn_zone_values_find(values, FN_UINT64, beyond, first, kNone, place, &err) == FN_OK &&
               fn_zone_values_count(values) == 1,
           "one that is masked may be any");
    EXPECT(fn_zone_values_find(values, FN_FLOAT32, real, NULL, kNone, place, &err) == FN_ERR_ARGUMENT, "real numbers");
    EXPECT_ERROR_TEXT(err, "real numbers");
    EXPECT(fn_zone_values_find(values, FN_UINT8, first, NULL, kNone, (fn_window){-1, 0, 2, 1}, &err) == FN_ERR_ARGUMENT,
           "left of the raster");
    fn_zone_values_free(values);
    fn_zone_values_free(NULL);
}

static void failing_memory(void)
{
    static window w;
    check_random dice = random_for("memory");
    fill(&w, 5, 0, &dice);
    for (int i = 0; i < SIDE * SIDE; i++) /* many different ones: all that grows does */
        put(&w, (size_t)i, FN_INT32, i * 7);
    w.place = (fn_window){0, 0, SIDE, SIDE};
    long n = 0;
    for (long k = 0; k <= n; k++) { /* the first time none fails: how many are there? */
        fn_zone_values *values = NULL;
        fn_error err;
        allocations = 0;
        failing = k;
        fn_status status = fn_zone_values_new(&values, &err);
        if (status == FN_OK)
            status = fn_zone_values_find(values, FN_INT32, w.numbers, NULL, kNone, w.place, &err);
        failing = LONG_MAX;
        n = k == 0 ? allocations : n;
        EXPECT(status == FN_ERR_MEMORY || (status == FN_OK && fn_zone_values_count(values) == SIDE * SIDE),
               "allocation %ld: status %d", k, status);
        EXPECT(status == FN_OK || !values || fn_zone_values_count(values) == 0, "allocation %ld", k);
        EXPECT(!values || fn_zone_values_find(values, FN_INT32, w.numbers, NULL, kNone, w.place, NULL) == FN_OK,
               "after allocation %ld", k);
        fn_zone_values_free(values);
    }
    EXPECT(n > 10, "%ld allocations", n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(all_types), UNIT(what_cannot_be), UNIT(failing_memory)};
    return check_main(tests);
}
