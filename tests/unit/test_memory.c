/* Failing memory is an ordinary input. Each scenario is run with its 1st, 2nd, 3rd... allocation failing, alone or
 * with all after it. It gives the right answer, or a status and a text; nothing leaks (ASan tells), nothing crashes,
 * and what is freed afterwards is whole.
 *
 * The linker leads the core's malloc() and its like here (--wrap); GEOS's operator new is in failing_new.cpp. The C
 * library and OpenMP keep theirs. */
#include "check.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>
#include <limits.h>
#include <math.h>

#include "fishnet/engine.h"
#include "fishnet/expr.h"
#include "fishnet/near.h"
#include "fishnet/recipe.h"
#include "fishnet/stream.h"
#include "fishnet/zonal_stats.h"

/* ---- the allocator ---- */

static atomic_bool armed;
static atomic_long allocations, first_failure;
static atomic_bool once;

/* One allocation more: is it one that fails? */
bool fails_now(void);
bool fails_now(void)
{
    if (!atomic_load(&armed))
        return false;
    const long number = atomic_fetch_add(&allocations, 1) + 1, first = atomic_load(&first_failure);
    return atomic_load(&once) ? number == first : number >= first;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
GEOSContextHandle_t __real_GEOS_init_r(void);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
GEOSContextHandle_t __wrap_GEOS_init_r(void);

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text)
{
    return fails_now() ? NULL : __real_strdup(text);
}

/* GEOS throws from here, which only a C++ caller can catch: with memory, or none before it begins. */
GEOSContextHandle_t __wrap_GEOS_init_r(void)
{
    if (fails_now())
        return NULL;
    const bool was = atomic_exchange(&armed, false);
    GEOSContextHandle_t context = __real_GEOS_init_r();
    atomic_store(&armed, was);
    return context;
}

/* ---- the sweep ---- */

/* Runs all of something, and frees it. *answer: what there was to find out. */
typedef fn_status scenario(double *answer, fn_error *err);

static long run(scenario *job, long first, bool only_once, double *answer, fn_status *status, fn_error *err)
{
    atomic_store(&allocations, 0);
    atomic_store(&first_failure, first);
    atomic_store(&once, only_once);
    *err = (fn_error){.status = FN_OK};
    *answer = NAN;
    atomic_store(&armed, true);
    *status = job(answer, err);
    atomic_store(&armed, false);
    return atomic_load(&allocations);
}

static void sweep(const char *name, scenario *job)
{
    double right, answer;
    fn_status status;
    fn_error err;
    const long n = run(job, LONG_MAX, true, &right, &status, &err);
    REQUIRE(status == FN_OK && !isnan(right), "%s: %s", name, err.text);
    REQUIRE(n > 0, "%s allocates nothing", name);
    long failed = 0;
    for (int only_once = 0; only_once < 2; only_once++)
        for (long first = 1; first <= n; first++) {
            run(job, first, only_once, &answer, &status, &err);
            if (status == FN_OK)
                EXPECT(answer == right, "%s, allocation %ld%s: %.17g, expected %.17g", name, first,
                       only_once ? "" : " and all after it", answer, right);
            else {
                EXPECT(status == FN_ERR_MEMORY && err.status == status, "%s, allocation %ld%s: status %d: %s", name,
                       first, only_once ? "" : " and all after it", status, err.text);
                EXPECT_ERROR_TEXT(err, "%s, allocation %ld", name, first);
                failed++;
            }
        }
    EXPECT(failed > 0, "%s: %ld allocations, and none of them matters", name, n);
    printf("%s: %ld allocations, %ld of %ld runs failed\n", name, n, failed, 2 * n);
}

/* ---- expressions and recipes ---- */

static fn_status expression(double *answer, fn_error *err)
{
    char text[2048] = "A";
    for (int i = 0; i < 40; i++) /* long enough for all arrays to grow */
        snprintf(text + strlen(text), sizeof text - strlen(text), "+where(%c>%d,sqrt(%c),(%c-%d)*(A+%d))", 'A' + i % 20,
                 i, 'A' + i % 20, 'B' + i % 7, i, 100 + i);
    const char *texts[] = {text, "max(A,B,C)", "A>2 ? B : C"};
    fn_expr *expr;
    const fn_status status = fn_expr_compile(texts, 3, &(fn_expr_options){.nodata = true}, &expr, err);
    if (status != FN_OK)
        return status;
    double values[20][3], out[3][3];
    fn_plane planes[20];
    fn_sink sinks[3];
    const int n = fn_expr_input_count(expr);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++)
            values[i][k] = i + k;
        planes[i] = (fn_plane){.data = values[i], .type = FN_FLOAT64};
    }
    for (int i = 0; i < 3; i++)
        sinks[i] = (fn_sink){.data = out[i], .type = FN_FLOAT64};
    static uint8_t scratch[4 << 20];
    REQUIRE(n <= 20 && fn_expr_scratch_bytes(expr) <= sizeof scratch, "%d inputs", n);
    const fn_status ran = fn_expr_run(expr, 3, planes, sinks, scratch, NULL, err);
    *answer = out[0][0] + out[0][1] + out[1][2] + out[2][0];
    fn_expr_free(expr);
    return ran;
}

static void expressions(void)
{
    sweep("an expression", expression);
}

static fn_status neighborhood(double *answer, fn_error *err)
{
    static const char *const texts[] = {
        "focal_mean(focal_max(A, circle(2), edge=reflect) - A[0,1] + at(A*A, 1, 0), [[0,1,0],[1,2,1],[0,1,0]])",
        "focal_percentile(A, 90, 3) + focal_majority(A, annulus(1,2)) + slope(A) + focal_var(A, gaussian(0.5))"};
    const fn_georeference georeference = {.width = 4, .height = 4};
    fn_expr *expr;
    const fn_expr_options options = {.nodata = true, .georeference = &georeference};
    const fn_status status = fn_expr_compile(texts, 2, &options, &expr, err);
    if (status != FN_OK)
        return status;
    double values[16], out[2][16];
    for (int i = 0; i < 16; i++)
        values[i] = i * i % 7;
    static uint8_t scratch[1 << 20];
    REQUIRE(fn_expr_window_scratch_bytes(expr, 4, 4) <= sizeof scratch, "scratch");
    int64_t bad[2];
    const fn_plane plane = {.data = values, .type = FN_FLOAT64};
    const fn_sink sinks[2] = {{.data = out[0], .type = FN_FLOAT64}, {.data = out[1], .type = FN_FLOAT64}};
    const fn_status ran = fn_expr_run_window(expr, &(fn_window){0, 0, 4, 4}, &plane, sinks, scratch, bad, err);
    *answer = out[0][5] + out[1][6];
    fn_expr_free(expr);
    return ran;
}

static void neighborhoods(void)
{
    sweep("what looks around", neighborhood);
}

static fn_status recipe(double *answer, fn_error *err)
{
    const char *const options[] = {"B=b.tif",        "CALC=A+B;A-B",
                                   "CALC=A*2",       "NODATA=-1",
                                   "B_OO=X=1",       "B_OO=Y=2",
                                   "NUM_WORKERS=3",  "INPUT=S=c.tif;\"d.tif\"",
                                   "INPUT_OO=S=X=1", NULL};
    fn_recipe r;
    const fn_status status = fn_recipe_parse("FISHNET:a.tif", options, &r, err);
    if (status == FN_OK)
        *answer = r.n_calcs + (r.nodata ? 10 : 0) + 100 * r.inputs[1].n_datasets +
                  (r.inputs[1].open_options ? 1000 : 0) + 10000 * r.inputs[2].n_datasets;
    fn_recipe_clear(&r);
    return status;
}

static void recipes(void)
{
    sweep("a recipe", recipe);
}

/* ---- near features ---- */

typedef struct bytes {
    uint8_t data[8192];
    size_t n;
} bytes;

static void put(bytes *b, const void *data, size_t n)
{
    memcpy(b->data + b->n, data, n);
    b->n += n;
}

/* A line, or a polygon with a hole now and then, round a place. */
static void make_shape(bytes *b, bool area, uint32_t vertices, double x, double y, double size)
{
    const uint8_t little = 1;
    const uint32_t type = area ? 3 : 2, rings = vertices % 2 ? 2 : 1;
    b->n = 0;
    put(b, &little, 1);
    put(b, &type, 4);
    if (area)
        put(b, &rings, 4);
    for (uint32_t ring = 0; ring < (area ? rings : 1); ring++) {
        const uint32_t n = vertices + (area ? 1 : 0);
        put(b, &n, 4);
        for (uint32_t i = 0; i < n; i++) {
            const double a = 6.283185307179586 * (i % vertices) / vertices, r = ring ? size / 2 : size;
            put(b, &(double){x + r * cos(a)}, 8);
            put(b, &(double){y + r * sin(a)}, 8);
        }
    }
}

static fn_status fill(fn_near *set, bool plain, fn_error *err)
{
    static bytes b;
    fn_status status = FN_OK;
    fn_usable usable;
    const uint32_t group = FN_NO_GROUP;
    for (int i = 0; i < (plain ? 70 : 40) && status == FN_OK; i++) {
        const double x = i % 8, y = 0.7 * (i / 8);
        if (plain || i % 3 == 0)
            status = fn_near_add_points(set, 1, (double[]){x, y}, &(int64_t){100 - i}, NULL, i % 2, NULL, NULL, err);
        else {
            make_shape(&b, i % 3 == 1, i % 5 == 0 ? 150 : 7 + (uint32_t)i % 4, x, y, 0.2);
            status = fn_near_add_wkb(set, b.data, b.n, 100 - i, group, i % 2, &usable, err);
            if (status == FN_OK && i % 4 == 0) /* a twin */
                status = fn_near_add_wkb(set, b.data, b.n, 200 - i, group, 0, &usable, err);
        }
    }
    return status;
}

static fn_status ask(const fn_near *set, const fn_near_limits *limits, double *answer, fn_error *err)
{
    static bytes b;
    fn_searcher *s;
    fn_status status = fn_searcher_new(set, limits, &s, err);
    double sum = 0;
    for (int i = 0; i < 6 && status == FN_OK; i++) {
        const fn_neighbour *found = NULL;
        size_t n = 0;
        make_shape(&b, i % 2, i == 3 ? 160 : 9, 1.3 * i + 0.5, 1.1, 0.6);
        if (i < 4)
            status = fn_searcher_find_wkb(s, b.data, b.n, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, NULL, NULL, err);
        else
            status = fn_searcher_find_point(s, i, 0.4, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, NULL, NULL, err);
        for (size_t k = 0; k < n; k++)
            sum += found[k].distance + (double)found[k].fid * (double)(k + 1);
    }
    if (status == FN_OK && limits->closest <= FN_BULK_CLOSEST) {
        enum { POINTS = 20 };
        double xy[2 * POINTS];
        fn_neighbour found[POINTS * FN_BULK_CLOSEST];
        uint32_t counts[POINTS];
        fn_usable usable[POINTS];
        for (int i = 0; i < 2 * POINTS; i++)
            xy[i] = (i * 37 % 100) / 14.0;
        status = fn_searcher_find_points(s, POINTS, xy, NULL, -1, NULL, found, counts, usable, NULL, err);
        for (int i = 0; i < POINTS && status == FN_OK; i++)
            sum += (double)counts[i] + found[(size_t)i * limits->closest].distance;
    }
    fn_searcher_free(s);
    *answer = sum;
    return status;
}

static fn_status near_with(const fn_near_options *options, bool plain, const fn_near_limits *limits, double *answer,
                           fn_error *err)
{
    fn_near *set;
    fn_status status = fn_near_new(options, &set, err);
    if (status == FN_OK)
        status = fill(set, plain, err);
    if (status == FN_OK)
        status = fn_near_build(set, 1, NULL, err);
    if (status == FN_OK)
        status = ask(set, limits, answer, err);
    fn_near_free(set);
    return status;
}

static const fn_near_limits nearest = {
    .closest = 2, .radius = INFINITY, .location = true, .angle = true, .along = true};
static const fn_near_limits within = {.closest = SIZE_MAX, .radius = 2, .min_radius = 0.1};

static fn_status planar_points(double *answer, fn_error *err)
{
    return near_with(&(fn_near_options){.geodesic = false}, true, &nearest, answer, err);
}

static fn_status planar_mix(double *answer, fn_error *err)
{
    return near_with(&(fn_near_options){.along = true}, false, &nearest, answer, err);
}

static fn_status planar_within(double *answer, fn_error *err)
{
    return near_with(&(fn_near_options){.along = true}, false, &within, answer, err);
}

static fn_status geodesic_mix(double *answer, fn_error *err)
{
    return near_with(&(fn_near_options){.geodesic = true, .along = true}, false, &nearest, answer, err);
}

/* More than one worker sorts at a time. */
static fn_status planar_many(double *answer, fn_error *err)
{
    enum { N = 70000, ONCE = 1000 };
    double xy[2 * ONCE];
    int64_t fids[ONCE];
    fn_near *set;
    fn_status status = fn_near_new(&(fn_near_options){.geodesic = false}, &set, err);
    for (int i = 0; i < N && status == FN_OK; i += ONCE) {
        for (int k = 0; k < ONCE; k++) {
            xy[2 * k] = (i + k) % 251;
            xy[2 * k + 1] = (i + k) * 7 % 263;
            fids[k] = N - i - k;
        }
        status = fn_near_add_points(set, ONCE, xy, fids, NULL, 0, NULL, NULL, err);
    }
    if (status == FN_OK)
        status = fn_near_build(set, 3, NULL, err);
    if (status == FN_OK)
        status = ask(set, &nearest, answer, err);
    fn_near_free(set);
    return status;
}

static void near_features(void)
{
    sweep("many near points", planar_many);
    sweep("near points", planar_points);
    sweep("near features", planar_mix);
    sweep("near features within a radius", planar_within);
    sweep("near features on the ellipsoid", geodesic_mix);
}

/* ---- engine and stream ---- */

enum { TASKS = 12, TASK_BYTES = 64 };

static size_t task_bytes(void *user, int64_t task)
{
    (void)user;
    (void)task;
    return TASK_BYTES;
}

static void *worker_open(void *user, int worker, fn_error *err)
{
    (void)user;
    (void)worker;
    void *state = malloc(1);
    if (!state)
        fn_fail(err, FN_ERR_MEMORY, "out of memory for a worker");
    return state;
}

static void worker_close(void *user, void *worker)
{
    (void)user;
    free(worker);
}

static fn_status compute(void *user, void *worker, fn_task *task, fn_error *err)
{
    (void)worker;
    for (int part = 0; user && part < 3; part++) { /* a stream */
        memset(task->result, (int)task->number + part, TASK_BYTES);
        const fn_status status = fn_stream_part(task, TASK_BYTES, TASK_BYTES, err);
        if (status != FN_OK)
            return status;
    }
    memset(task->result, (int)task->number, TASK_BYTES);
    return FN_OK;
}

/* Without retries: they take pauses. */
static const fn_job_options two_workers = {.workers = 2, .budget = 512};

static bool consume(void *user, int64_t task, const void *result, size_t size)
{
    double *sum = user;
    *sum += (double)(task + 1) * ((const uint8_t *)result)[size - 1];
    return true;
}

static fn_status engine(double *answer, fn_error *err)
{
    const fn_job job = {.task_count = TASKS,
                        .task_bytes = task_bytes,
                        .worker_open = worker_open,
                        .worker_run = compute,
                        .worker_close = worker_close};
    int64_t wanted[TASKS];
    for (int i = 0; i < TASKS; i++)
        wanted[i] = i;
    fn_engine *e = NULL;
    fn_status status = fn_engine_new(&job, &two_workers, &e, err);
    double sum = 0;
    for (int i = 0; i < 2 && status == FN_OK; i++)
        status = fn_engine_read(e, wanted + 6 * i, 6, i ? NULL : wanted + 6, i ? 0 : 6, consume, &sum, err);
    fn_engine_free(e);
    *answer = sum;
    return status;
}

static fn_status stream(double *answer, fn_error *err)
{
    const fn_job job = {.task_count = TASKS,
                        .user = (void *)&two_workers, /* anything: it is a stream */
                        .task_bytes = task_bytes,
                        .worker_open = worker_open,
                        .worker_run = compute,
                        .worker_close = worker_close};
    fn_stream *s = NULL;
    fn_status status = fn_stream_new(&job, &two_workers, &s, err);
    fn_part part = {.data = NULL};
    double sum = 0, place = 1;
    while (status == FN_OK && (status = fn_stream_next(s, &part, err)) == FN_OK && part.data)
        sum += place++ * ((const uint8_t *)part.data)[part.bytes - 1];
    fn_stream_free(s);
    *answer = sum;
    return status;
}

static void schedulers(void)
{
    sweep("an engine", engine);
    sweep("a stream", stream);
}

/* ---- the statistics of a zone ---- */

enum { ZONE_ROWS = 192, ZONE_COLUMNS = 600 };

/* Two windows, of which the lower one comes first; again where the zone asks for it. */
static fn_status zone_passes(fn_stats_worker *worker, fn_zone_stats *zone, const double *values, fn_stat_value *results,
                             fn_error *err)
{
    static fn_cells cells[ZONE_ROWS];
    for (int i = 0; i < ZONE_ROWS; i++)
        cells[i] = (fn_cells){i, 0, ZONE_COLUMNS, i % 64 == 0 ? .5 : 1};
    fn_stats_buffer buffer = {.data = NULL};
    bool again = true;
    fn_status status = FN_OK;
    for (int pass = 0; status == FN_OK && again; pass++) {
        size_t n;
        const fn_stats_range *ranges = fn_zone_stats_ranges(zone, &n);
        REQUIRE(pass < 6, "pass %d", pass);
        for (int row = 128; status == FN_OK && row >= 0; row -= 128) {
            const fn_stats_window w = {.row = row,
                                       .rows = row ? 64 : 128,
                                       .columns = ZONE_COLUMNS,
                                       .stride = ZONE_COLUMNS,
                                       .values = values + row * ZONE_COLUMNS};
            buffer.bytes = 0;
            status = fn_stats_collect(worker, &w, cells + row, row ? 64 : 128, ranges, n, &buffer, err);
            EXPECT(status == FN_OK || buffer.bytes == 0, "what failed has left something");
            if (status == FN_OK)
                status = fn_zone_stats_add(zone, buffer.data, buffer.bytes, err);
        }
        if (status == FN_OK)
            status = fn_zone_stats_settle(zone, 64, err);
        if (status == FN_OK)
            status = fn_zone_stats_finish(zone, results, &again, err);
    }
    free(buffer.data);
    return status;
}

static fn_status zone(bool histogram, double *answer, fn_error *err)
{
    static double values[ZONE_ROWS * ZONE_COLUMNS];
    const fn_stat stats[3] = {{FN_STAT_MEAN, 0}, {FN_STAT_MEDIAN, 0}, {FN_STAT_MAX_X, 0}};
    fn_stat_value results[3] = {{.real = 0}};
    for (int i = 0; i < ZONE_ROWS * ZONE_COLUMNS; i++)
        values[i] = histogram ? i * 7 % 4999 : sin(i);
    fn_stats_plan *plan;
    fn_stats_worker *worker = NULL;
    fn_zone_stats *state = NULL;
    fn_status status = fn_stats_plan_new(&(fn_stats_options){.stats = stats,
                                                             .n_stats = 3,
                                                             .histogram = histogram,
                                                             .type = FN_FLOAT64,
                                                             .fractions = true,
                                                             .values_max = 1},
                                         &plan, err);
    if (status == FN_OK)
        status = fn_stats_worker_new(plan, &worker, err);
    if (status == FN_OK)
        status = fn_zone_stats_new(plan, &state, err);
    if (status == FN_OK)
        status = zone_passes(worker, state, values, results, err);
    *answer = results[0].real + results[1].real + results[2].real;
    fn_zone_stats_free(state);
    fn_stats_worker_free(worker);
    fn_stats_plan_free(plan);
    return status;
}

static fn_status zone_in_passes(double *answer, fn_error *err)
{
    return zone(false, answer, err);
}

static fn_status zone_of_classes(double *answer, fn_error *err)
{
    return zone(true, answer, err);
}

static void zones(void)
{
    sweep("a zone in several passes", zone_in_passes);
    sweep("a zone of classes", zone_of_classes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(expressions),   UNIT(neighborhoods), UNIT(recipes),
                                       UNIT(near_features), UNIT(schedulers),    UNIT(zones)};
    return check_main(tests);
}
