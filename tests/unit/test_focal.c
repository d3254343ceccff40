/* Windows against a brute force in long double: every statistic, shape and policy; the same bytes for any split of a
 * plane and any instruction set; infinite values stay where they are. */
#include "check.h"

#include <float.h>
#include <math.h>

#include "focal.h"

enum { WIDE = 90, HIGH = 70, ROOM = 40 }; /* ROOM: cells around the windows' centres */

typedef struct plane {
    double *cells; /* (WIDE + 2 ROOM) x (HIGH + 2 ROOM) */
} plane;

enum { STRIDE = WIDE + 2 * ROOM, ROWS = HIGH + 2 * ROOM };

static const double *centre_of(const double *cells)
{
    return cells + ROOM * STRIDE + ROOM;
}

/* ---- planes ---- */

typedef enum fill { CLASSES, FLOATS, DOUBLES, LARGE_OFFSET, INFINITE, ENORMOUS, FILLS } fill;

static double value_for(check_random *r, fill what)
{
    switch (what) {
    case CLASSES:
        return random_between(r, 0, 20) == 0 ? -0.0 : (double)random_between(r, -3, 6);
    case FLOATS:
        return (double)(float)random_uniform(r, -100, 3000);
    case DOUBLES:
        return random_uniform(r, -1, 1) * pow(10, (double)random_between(r, -3, 3));
    case LARGE_OFFSET:
        return 1e9 + (double)random_between(r, 0, 1);
    case ENORMOUS:
        return random_uniform(r, -1, 1) * (random_between(r, 0, 9) == 0 ? 1e300 : 1);
    default:
        return random_between(r, 0, 300) == 0   ? (double)INFINITY
               : random_between(r, 0, 300) == 0 ? -(double)INFINITY
                                                : random_uniform(r, -5, 5);
    }
}

/* holes: in 1000; those come alone, and as patches. */
static double *new_plane(check_random *r, fill what, int holes)
{
    double *cells = malloc(sizeof(double) * STRIDE * ROWS);
    REQUIRE(cells != NULL, "memory");
    for (int i = 0; i < STRIDE * ROWS; i++)
        cells[i] = random_between(r, 0, 999) < holes ? (double)NAN : value_for(r, what);
    for (int k = 0; holes > 0 && k < 3; k++) {
        const int64_t x = random_between(r, 0, STRIDE - 31), y = random_between(r, 0, ROWS - 31);
        for (int i = 0; i < 30 * 30; i++)
            cells[(y + i / 30) * STRIDE + x + i % 30] = NAN;
    }
    return cells;
}

/* ---- shapes ---- */

typedef struct shape {
    const char *name;
    bool weights, negative;
    fn_status (*make)(fn_footprint **out, fn_error *err);
} shape;

#define SHAPE(name, call)                                                                                              \
    static fn_status name(fn_footprint **out, fn_error *err)                                                           \
    {                                                                                                                  \
        return call;                                                                                                   \
    }

static const fn_cell_size unit = {1, 1};
static const double cross[] = {0, 1, 0, 1, 1, 1, 0, 1, 0}, ring[] = {1, 1, 1, 1, 0, 1, 1, 1, 1};
static const double ramp[] = {1, 2, 3, 0, 0.25, 5, 0.5, 0, 7, 1, 1, 1, 2, 2, 2};
static const double edges[] = {-1, -1, -1, -1, 8, -1, -1, -1, -1};
static const double corner[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};

SHAPE(one_cell, fn_footprint_box(1, 1, out, err))
SHAPE(box_3, fn_footprint_box(3, 3, out, err))
SHAPE(box_5, fn_footprint_box(5, 5, out, err))
SHAPE(box_3_5, fn_footprint_box(3, 5, out, err))
SHAPE(box_1_9, fn_footprint_box(1, 9, out, err))
SHAPE(box_11_1, fn_footprint_box(11, 1, out, err))
SHAPE(box_7, fn_footprint_box(7, 7, out, err))
SHAPE(box_11, fn_footprint_box(11, 11, out, err))
SHAPE(box_9_31, fn_footprint_box(9, 31, out, err))
SHAPE(box_33, fn_footprint_box(33, 33, out, err))
SHAPE(circle_2, fn_footprint_circle(2, unit, out, err))
SHAPE(circle_10, fn_footprint_circle(10, unit, out, err))
SHAPE(annulus_4_9, fn_footprint_annulus(4, 9, unit, out, err))
SHAPE(wedge_9, fn_footprint_wedge(9, 20, 110, unit, out, err))
SHAPE(cross_3, fn_footprint_matrix(3, 3, cross, out, err))
SHAPE(ring_3, fn_footprint_matrix(3, 3, ring, out, err))
SHAPE(corner_5, fn_footprint_matrix(5, 5, corner, out, err))
SHAPE(ramp_3_5, fn_footprint_matrix(3, 5, ramp, out, err))
SHAPE(edges_3, fn_footprint_matrix(3, 3, edges, out, err))
SHAPE(gaussian_15, fn_footprint_gaussian(1.5, out, err))

/* 20 x 20 cells below and to the right. */
static fn_status quarter(fn_footprint **out, fn_error *err)
{
    double cells[41 * 41] = {0};
    for (int i = 0; i < 20 * 20; i++)
        cells[(20 + i / 20) * 41 + 20 + i % 20] = 1;
    return fn_footprint_matrix(41, 41, cells, out, err);
}

static const shape shapes[] = {
    {"1 x 1", false, false, one_cell},      {"3 x 3", false, false, box_3},
    {"5 x 5", false, false, box_5},         {"3 x 5", false, false, box_3_5},
    {"1 x 9", false, false, box_1_9},       {"11 x 1", false, false, box_11_1},
    {"7 x 7", false, false, box_7},         {"11 x 11", false, false, box_11},
    {"9 x 31", false, false, box_9_31},     {"33 x 33", false, false, box_33},
    {"circle 2", false, false, circle_2},   {"circle 10", false, false, circle_10},
    {"annulus", false, false, annulus_4_9}, {"wedge", false, false, wedge_9},
    {"cross", false, false, cross_3},       {"ring", false, false, ring_3},
    {"quarter", false, false, quarter},     {"corner", false, false, corner_5},
    {"ramp", true, false, ramp_3_5},        {"edges", true, true, edges_3},
    {"gaussian", true, false, gaussian_15},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static fn_focal *new_focal(const shape *s, fn_focal_options options)
{
    fn_footprint *f = NULL;
    fn_focal *focal = NULL;
    fn_error err = {FN_OK, ""};
    REQUIRE(s->make(&f, &err) == FN_OK, "%s: %s", s->name, err.text);
    REQUIRE(fn_focal_new(&options, f, &focal, &err) == FN_OK, "%s: %s", s->name, err.text);
    return focal;
}

static bool allowed(const shape *s, fn_focal_statistic what)
{
    const bool moments = what == FN_FOCAL_STD || what == FN_FOCAL_VAR;
    return !s->weights || what == FN_FOCAL_MEAN || what == FN_FOCAL_SUM || (moments && !s->negative);
}

/* ---- brute force ---- */

typedef struct window {
    double x[4096], w[4096];
    size_t n, cells;
    bool centre_missing;
} window;

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void gather_window(const fn_footprint *f, const double *centre, window *w)
{
    size_t k = 0;
    w->n = 0;
    w->cells = f->cells;
    w->centre_missing = isnan(*centre);
    for (size_t i = 0; i < f->n_runs; i++)
        for (int c = f->runs[i].begin; c < f->runs[i].end; c++, k++) {
            const double x = centre[f->runs[i].row * STRIDE + c];
            if (isnan(x))
                continue;
            w->x[w->n] = x;
            w->w[w->n++] = f->weights ? f->weights[k] : 1;
        }
}

/* What is expected, and how much an honest sum may be off. */
typedef struct expected {
    double value, tolerance;
} expected;

static expected moments_of(const window *w, fn_focal_statistic what)
{
    long double sum = 0, from_first = 0, weight = 0, size = 0, squares = 0;
    for (size_t i = 0; i < w->n; i++) {
        sum += (long double)w->w[i] * w->x[i];
        from_first += (long double)w->w[i] * ((long double)w->x[i] - w->x[0]);
        size += fabsl((long double)w->w[i] * w->x[i]);
        weight += w->w[i];
    }
    if (what == FN_FOCAL_SUM)
        return (expected){(double)sum, (double)(size * 64 * DBL_EPSILON)};
    if (weight == 0)
        return (expected){NAN, 0};
    const long double mean = sum / weight;
    if (what == FN_FOCAL_MEAN)
        return (expected){(double)mean, (double)fabsl(size / weight * 64 * DBL_EPSILON)};
    for (size_t i = 0; i < w->n; i++) {
        const long double d = (long double)w->x[i] - w->x[0] - from_first / weight;
        squares += w->w[i] * d * d;
    }
    const long double variance = squares / weight;
    if (what == FN_FOCAL_STD)
        return (expected){(double)sqrtl(variance), (double)(sqrtl(variance) * 1e-12L)};
    return (expected){(double)variance, (double)(variance * 1e-12L)};
}

/* numpy.percentile(..., method="linear") */
static double percentile_of(const double *sorted, size_t n, double percent)
{
    const double at = percent / 100 * (double)(n - 1);
    const size_t low = (size_t)floor(at), high = low + 1 < n ? low + 1 : n - 1;
    const double t = at - (double)low, a = sorted[low], b = sorted[high];
    if (t == 0 || a == b)
        return a;
    if (isinf(a) || isinf(b))
        return isinf(a) && isinf(b) ? (double)NAN : isinf(a) ? a : b;
    return t >= 0.5 ? b - (b - a) * (1 - t) : a + (b - a) * t;
}

static double class_of(const double *sorted, size_t n, fn_focal_statistic what)
{
    size_t classes = 0, best_count = 0;
    double best = NAN;
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && sorted[j] == sorted[i]; j++)
            ;
        const size_t count = j - i;
        if (classes++ == 0 || (what == FN_FOCAL_MAJORITY ? count > best_count : count < best_count)) {
            best = sorted[i];
            best_count = count;
        }
    }
    return what == FN_FOCAL_VARIETY ? (double)classes : best;
}

static expected brute_force(const fn_focal_options *o, window *w)
{
    const size_t n = w->n;
    if ((o->missing != FN_FOCAL_FILL && w->centre_missing) || (o->missing == FN_FOCAL_SPREAD && n < w->cells))
        return (expected){NAN, 0};
    if (o->statistic == FN_FOCAL_COUNT)
        return (expected){(double)n, 0};
    if (n == 0)
        return (expected){NAN, 0};
    if (o->statistic == FN_FOCAL_MEAN || o->statistic == FN_FOCAL_SUM || o->statistic == FN_FOCAL_STD ||
        o->statistic == FN_FOCAL_VAR)
        return moments_of(w, o->statistic);
    qsort(w->x, n, sizeof *w->x, compare);
    switch (o->statistic) {
    case FN_FOCAL_MIN:
        return (expected){w->x[0], 0};
    case FN_FOCAL_MAX:
        return (expected){w->x[n - 1], 0};
    case FN_FOCAL_RANGE:
        return (expected){w->x[n - 1] - w->x[0], 0};
    case FN_FOCAL_MEDIAN:
        return (expected){n % 2 == 1 ? w->x[n / 2] : (w->x[n / 2 - 1] + w->x[n / 2]) / 2, 0};
    case FN_FOCAL_PERCENTILE:
        return (expected){percentile_of(w->x, n, o->percent), 0};
    default:
        return (expected){class_of(w->x, n, o->statistic), 0};
    }
}

static bool agrees(double got, expected e)
{
    if (isnan(e.value) || isnan(got))
        return isnan(e.value) && isnan(got);
    if (got == 0 && signbit(got))
        return false;
    return got == e.value || fabs(got - e.value) <= e.tolerance;
}

static double *run_all(const fn_focal *focal, const double *cells)
{
    double *out = malloc(sizeof(double) * WIDE * HIGH);
    void *scratch = malloc(fn_focal_scratch_bytes(focal, WIDE, HIGH));
    REQUIRE(out != NULL && scratch != NULL, "memory");
    fn_focal_run(focal, centre_of(cells), STRIDE, WIDE, HIGH, out, WIDE, scratch);
    free(scratch);
    return out;
}

static void compare_plane(const shape *s, const fn_focal_options *o, const double *cells, const char *kind)
{
    static window w;
    fn_focal *focal = new_focal(s, *o);
    double *out = run_all(focal, cells);
    const int step = fn_focal_footprint(focal)->cells > 300 ? 29 : 11;
    for (int i = 0; i < WIDE * HIGH; i += step) {
        gather_window(fn_focal_footprint(focal), centre_of(cells) + i / WIDE * STRIDE + i % WIDE, &w);
        const expected e = brute_force(o, &w);
        EXPECT(agrees(out[i], e), "%s of %s, policy %d, %s, cell %d: %.17g, expected %.17g +- %g",
               fn_focal_name(o->statistic), s->name, (int)o->missing, kind, i, out[i], e.value, e.tolerance);
    }
    free(out);
    fn_focal_free(focal);
}

static void every_statistic(void)
{
    static const char *const kinds[FILLS] = {"classes", "floats", "doubles", "large offset", "infinite", "enormous"};
    static const int holes[] = {0, 5, 400};
    check_random r = random_for("every");
    for (int kind = 0; kind < FILLS; kind++)
        for (int h = 0; h < 3; h++) {
            double *cells = new_plane(&r, (fill)kind, holes[h]);
            for (int s = 0; s < SHAPES; s++)
                for (int what = 0; what < FN_FOCAL_STATISTICS; what++) {
                    fn_focal_options o = {(fn_focal_statistic)what, (fn_focal_missing)random_between(&r, 0, 2),
                                          (double)random_between(&r, 0, 40) * 2.5};
                    const bool moments = what == FN_FOCAL_STD || what == FN_FOCAL_VAR;
                    if (allowed(&shapes[s], o.statistic) && !(moments && kind == ENORMOUS))
                        compare_plane(&shapes[s], &o, cells, kinds[kind]);
                }
            free(cells);
        }
}

static void every_policy(void)
{
    check_random r = random_for("policy");
    double *cells = new_plane(&r, FLOATS, 30);
    for (int s = 0; s < SHAPES; s++)
        for (int what = 0; what < FN_FOCAL_STATISTICS; what++)
            for (int policy = FN_FOCAL_KEEP; policy <= FN_FOCAL_SPREAD; policy++) {
                const fn_focal_options o = {(fn_focal_statistic)what, (fn_focal_missing)policy, 33.3};
                if (allowed(&shapes[s], o.statistic))
                    compare_plane(&shapes[s], &o, cells, "floats");
            }
    free(cells);
}

/* ---- the same bytes ---- */

static void compare_bytes(const double *a, const double *b, const char *what, const char *name)
{
    for (int i = 0; i < WIDE * HIGH; i++)
        if (!(isnan(a[i]) && isnan(b[i])) && memcmp(&a[i], &b[i], sizeof *a) != 0) {
            EXPECT(false, "%s of %s, cell %d: %.17g and %.17g", what, name, i, a[i], b[i]);
            return;
        }
}

/* The plane in calls of random sizes, each with memory of its own whose end a sanitizer sees. */
static void run_in_pieces(check_random *r, const fn_focal *focal, const double *cells, double *out)
{
    for (int y = 0, high; y < HIGH; y += high) {
        high = (int)random_between(r, 1, HIGH - y);
        for (int x = 0, wide; x < WIDE; x += wide) {
            wide = (int)random_between(r, 1, WIDE - x);
            void *scratch = malloc(fn_focal_scratch_bytes(focal, (size_t)wide, (size_t)high));
            fn_focal_run(focal, centre_of(cells) + y * STRIDE + x, STRIDE, (size_t)wide, (size_t)high,
                         out + y * WIDE + x, WIDE, scratch);
            free(scratch);
        }
    }
}

static void same_bytes(void)
{
    check_random r = random_for("bytes");
    double *out = malloc(sizeof(double) * WIDE * HIGH);
    static const int holes[FILLS] = {[CLASSES] = 10, [LARGE_OFFSET] = 10, [INFINITE] = 10};
    for (int kind = 0; kind < FILLS; kind++) {
        double *cells = new_plane(&r, (fill)kind, holes[kind]);
        for (int s = 0; s < SHAPES; s++)
            for (int what = 0; what < FN_FOCAL_STATISTICS; what++) {
                if (!allowed(&shapes[s], (fn_focal_statistic)what))
                    continue;
                fn_focal *focal =
                    new_focal(&shapes[s], (fn_focal_options){(fn_focal_statistic)what, FN_FOCAL_FILL, 90});
                double *whole = run_all(focal, cells);
                run_in_pieces(&r, focal, cells, out);
                compare_bytes(whole, out, fn_focal_name((fn_focal_statistic)what), shapes[s].name);
                void *scratch = malloc(fn_focal_scratch_bytes(focal, WIDE, HIGH));
                for (int simd = 0; simd < FN_SIMD_COUNT; simd++)
                    if (fn_simd_available((fn_simd)simd)) {
                        fn_focal_run_simd(focal, (fn_simd)simd, centre_of(cells), STRIDE, WIDE, HIGH, out, WIDE,
                                          scratch);
                        compare_bytes(whole, out, fn_simd_name((fn_simd)simd), shapes[s].name);
                    }
                free(scratch);
                free(whole);
                fn_focal_free(focal);
            }
        free(cells);
    }
    free(out);
}

/* Planes of several blocks. */
static void large_planes(void)
{
    enum { SIDE_WIDE = 1100, SIDE_HIGH = 300, MARGIN = 20, PITCH = SIDE_WIDE + 2 * MARGIN };
    static const struct {
        int shape;
        fn_focal_statistic what;
    } all[] = {{1, FN_FOCAL_MEAN},    {8, FN_FOCAL_MEAN},   {7, FN_FOCAL_STD},      {2, FN_FOCAL_MEDIAN},
               {9, FN_FOCAL_MAX},     {9, FN_FOCAL_MEDIAN}, {2, FN_FOCAL_MAJORITY}, {11, FN_FOCAL_RANGE},
               {11, FN_FOCAL_MEDIAN}, {19, FN_FOCAL_SUM}};
    check_random r = random_for("large");
    const size_t n = (size_t)PITCH * (SIDE_HIGH + 2 * MARGIN);
    double *cells = malloc(n * sizeof *cells), *out[2];
    for (size_t i = 0; i < n; i++)
        cells[i] = i > n / 2 && random_between(&r, 0, 99) == 0 ? (double)NAN : (double)random_between(&r, 0, 500) / 10;
    for (int k = 0; k < 2; k++)
        out[k] = malloc(sizeof(double) * SIDE_WIDE * SIDE_HIGH);
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        fn_focal *focal = new_focal(&shapes[all[k].shape], (fn_focal_options){.statistic = all[k].what});
        void *scratch = malloc(fn_focal_scratch_bytes(focal, SIDE_WIDE, SIDE_HIGH));
        fn_focal_run(focal, cells + MARGIN * PITCH + MARGIN, PITCH, SIDE_WIDE, SIDE_HIGH, out[0], SIDE_WIDE, scratch);
        for (int y = 0; y < SIDE_HIGH; y += 73)
            for (int x = 0; x < SIDE_WIDE; x += 97)
                fn_focal_run(focal, cells + (MARGIN + y) * PITCH + MARGIN + x, PITCH,
                             (size_t)(SIDE_WIDE - x < 97 ? SIDE_WIDE - x : 97),
                             (size_t)(SIDE_HIGH - y < 73 ? SIDE_HIGH - y : 73), out[1] + y * SIDE_WIDE + x, SIDE_WIDE,
                             scratch);
        for (int i = 0; i < SIDE_WIDE * SIDE_HIGH; i++)
            if (!(isnan(out[0][i]) && isnan(out[1][i])) && memcmp(&out[0][i], &out[1][i], sizeof(double)) != 0) {
                EXPECT(false, "%s of %s, cell %d: %.17g and %.17g", fn_focal_name(all[k].what),
                       shapes[all[k].shape].name, i, out[0][i], out[1][i]);
                break;
            }
        free(scratch);
        fn_focal_free(focal);
    }
    free(cells);
    free(out[0]);
    free(out[1]);
}

/* The largest windows, of a plane whose value is the number of its row but for one hole: what they hold is known. */
static void largest_windows(void)
{
    enum { REACH = (FN_FOOTPRINT_MOST - 1) / 2, SIDE = FN_FOOTPRINT_MOST + 2 };
    double *cells = malloc(sizeof(double) * SIDE * SIDE), out[9];
    for (int i = 0; i < SIDE * SIDE; i++)
        cells[i] = i / SIDE;
    cells[SIDE * SIDE / 2 + 3] = NAN;
    const double first = SIDE / 2 - REACH - 1, whole = FN_FOOTPRINT_MOST * (double)FN_FOOTPRINT_MOST;
    for (int what = 0; what < FN_FOCAL_STATISTICS; what++) {
        fn_footprint *f = NULL;
        fn_focal *focal = NULL;
        REQUIRE(fn_footprint_box(FN_FOOTPRINT_MOST, FN_FOOTPRINT_MOST, &f, NULL) == FN_OK, "a box");
        REQUIRE(fn_focal_new(&(fn_focal_options){.statistic = (fn_focal_statistic)what, .percent = 100}, f, &focal,
                             NULL) == FN_OK,
                "a statistic");
        void *scratch = malloc(fn_focal_scratch_bytes(focal, 3, 3));
        fn_focal_run(focal, cells + (REACH * SIDE + REACH), SIDE, 3, 3, out, 3, scratch);
        for (int i = 0; i < 9; i++) {
            const double low = first + i / 3, middle = low + (int)REACH, hole = SIDE / 2, n = whole - 1;
            const double sum = middle * whole - hole, mean = sum / n, k = FN_FOOTPRINT_MOST, from = hole - mean;
            const double squares = k * (k * (k * k - 1) / 12 + k * (middle - mean) * (middle - mean)) - from * from;
            const double known[] = {mean,        sum, low,  low + k - 1, k - 1, sqrt(squares / n), squares / n, middle,
                                    low + k - 1, low, hole, k,           n};
            EXPECT(fabs(out[i] - known[what]) <= 1e-12 * known[what], "%s, cell %d: %.17g, expected %.17g",
                   fn_focal_name((fn_focal_statistic)what), i, out[i], known[what]);
        }
        free(scratch);
        fn_focal_free(focal);
    }
    free(cells);
}

/* One hole far away changes the path, not the bits. */
static void hole_changes_nothing(void)
{
    check_random r = random_for("hole");
    double *cells = new_plane(&r, DOUBLES, 0);
    for (int s = 0; s < SHAPES; s++)
        for (int what = 0; what < FN_FOCAL_STATISTICS; what++) {
            if (!allowed(&shapes[s], (fn_focal_statistic)what))
                continue;
            fn_focal *focal = new_focal(&shapes[s], (fn_focal_options){(fn_focal_statistic)what, FN_FOCAL_FILL, 12});
            double *before = run_all(focal, cells);
            double *at = cells + (ROOM + HIGH - 1) * STRIDE + ROOM + WIDE - 1, was = *at;
            *at = NAN;
            double *after = run_all(focal, cells);
            *at = was;
            const fn_footprint *f = fn_focal_footprint(focal);
            for (int y = 0; y < HIGH; y++)
                for (int x = 0; x < WIDE; x++)
                    if (y + f->bottom >= HIGH - 1 && x + f->right >= WIDE - 1)
                        after[y * WIDE + x] = before[y * WIDE + x];
            compare_bytes(before, after, fn_focal_name((fn_focal_statistic)what), shapes[s].name);
            free(before);
            free(after);
            fn_focal_free(focal);
        }
    free(cells);
}

/* ---- numbers that are known ---- */

static void exact_variance(void)
{
    double *cells = malloc(sizeof(double) * STRIDE * ROWS);
    for (int i = 0; i < STRIDE * ROWS; i++)
        cells[i] = 1e9 + (i / STRIDE + i % STRIDE) % 2;
    const double pair[] = {0, 1, 1};
    fn_footprint *f = NULL;
    fn_focal *focal = NULL;
    fn_error err;
    REQUIRE(fn_footprint_matrix(1, 3, pair, &f, &err) == FN_OK, "matrix");
    REQUIRE(fn_focal_new(&(fn_focal_options){.statistic = FN_FOCAL_VAR}, f, &focal, &err) == FN_OK, "variance");
    double *out = run_all(focal, cells);
    for (int i = 0; i < WIDE * HIGH; i++)
        EXPECT(out[i] == 0.25, "cell %d: %.17g", i, out[i]);
    free(out);
    fn_focal_free(focal);
    free(cells);
}

#define EXPECT_CELLS(call, n, what)                                                                                    \
    do {                                                                                                               \
        fn_footprint *f = NULL;                                                                                        \
        REQUIRE(call == FN_OK && f != NULL, what);                                                                     \
        EXPECT(f->cells == n, "%s: %zu cells", what, f->cells);                                                        \
        fn_footprint_free(f);                                                                                          \
    } while (0)

static void shapes_of_cells(void)
{
    EXPECT_CELLS(fn_footprint_circle(0, unit, &f, NULL), 1, "circle 0");
    EXPECT_CELLS(fn_footprint_circle(1, unit, &f, NULL), 5, "circle 1");
    EXPECT_CELLS(fn_footprint_circle(1.5, unit, &f, NULL), 9, "circle 1.5");
    EXPECT_CELLS(fn_footprint_circle(2, unit, &f, NULL), 13, "circle 2");
    EXPECT_CELLS(fn_footprint_circle(5, unit, &f, NULL), 81, "circle 5: 3-4-5 is in");
    EXPECT_CELLS(fn_footprint_circle(3 * 30.1, (fn_cell_size){30.1, 30.1}, &f, NULL), 29, "circle 90.3 m");
    EXPECT_CELLS(fn_footprint_circle(90.3, (fn_cell_size){30.1, 30.1}, &f, NULL), 29, "circle 90.3 m");
    EXPECT_CELLS(fn_footprint_circle(20, (fn_cell_size){10, 20}, &f, NULL), 7, "circle of oblong cells");
    EXPECT_CELLS(fn_footprint_annulus(1, 2, unit, &f, NULL), 8, "annulus");
    EXPECT_CELLS(fn_footprint_annulus(0, 1, unit, &f, NULL), 4, "annulus without its centre");
    EXPECT_CELLS(fn_footprint_wedge(2, 0, 90, unit, &f, NULL), 6, "wedge: a quarter with both axes");
    EXPECT_CELLS(fn_footprint_wedge(2, 0, 360, unit, &f, NULL), 13, "wedge: all");
    EXPECT_CELLS(fn_footprint_wedge(2, 45, 45, unit, &f, NULL), 2, "wedge: a ray");
    EXPECT_CELLS(fn_footprint_wedge(3, 350, 10, unit, &f, NULL), 4, "wedge across 0");
    EXPECT_CELLS(fn_footprint_box(2001, 1, &f, NULL), 2001, "the most rows");
    fn_footprint *f = NULL;
    REQUIRE(fn_footprint_wedge(2, 0, 90, unit, &f, NULL) == FN_OK, "wedge");
    EXPECT(f->top == 2 && f->right == 2 && f->bottom == 0 && f->left == 0 && f->centre, "a wedge to the upper right");
    fn_footprint_free(f);
    REQUIRE(fn_footprint_gaussian(1, &f, NULL) == FN_OK, "gaussian");
    double sum = 0;
    for (size_t i = 0; i < f->cells; i++)
        sum += f->weights[i];
    EXPECT(f->cells == 81 && fabs(sum - 1) < 1e-15, "gaussian: %zu cells, sum %.17g", f->cells, sum);
    EXPECT(fabs(f->weights[41] / f->weights[40] - exp(-0.5)) < 1e-15, "gaussian: the cell beside the centre");
    fn_footprint_free(f);
}

static void refuse_shape(fn_status status, const fn_footprint *f, fn_error *err, const char *part)
{
    EXPECT(status == FN_ERR_ARGUMENT && f == NULL, "%s: status %d", part, (int)status);
    EXPECT_ERROR_TEXT(*err, "%s", part);
    EXPECT(strstr(err->text, part) != NULL, "%s: %s", part, err->text);
    err->text[0] = '\0';
}

static void refused_shapes(void)
{
    fn_error err = {FN_OK, ""};
    fn_footprint *f = NULL;
    const double zeros[9] = {0}, nans[] = {1, NAN, 1};
    refuse_shape(fn_footprint_box(4, 5, &f, &err), f, &err, "must be odd");
    refuse_shape(fn_footprint_box(3, 0, &f, &err), f, &err, "at least");
    refuse_shape(fn_footprint_box(3, 2003, &f, &err), f, &err, "2001");
    refuse_shape(fn_footprint_circle(-1, unit, &f, &err), f, &err, "radius -1");
    refuse_shape(fn_footprint_circle(NAN, unit, &f, &err), f, &err, "radius nan");
    refuse_shape(fn_footprint_circle(1001, unit, &f, &err), f, &err, "1001 cells");
    refuse_shape(fn_footprint_circle(1e300, unit, &f, &err), f, &err, "1000 are the most");
    refuse_shape(fn_footprint_circle(1, (fn_cell_size){0, 1}, &f, &err), f, &err, "no size");
    refuse_shape(fn_footprint_annulus(3, 2, unit, &f, &err), f, &err, "below the second");
    refuse_shape(fn_footprint_annulus(1.1, 1.2, unit, &f, &err), f, &err, "no cell");
    refuse_shape(fn_footprint_wedge(3, 0, 400, unit, &f, &err), f, &err, "degrees");
    refuse_shape(fn_footprint_matrix(3, 3, zeros, &f, &err), f, &err, "no cell");
    refuse_shape(fn_footprint_matrix(1, 3, nans, &f, &err), f, &err, "row 1, column 2");
    refuse_shape(fn_footprint_matrix(2, 3, zeros, &f, &err), f, &err, "must be odd");
    refuse_shape(fn_footprint_gaussian(0, &f, &err), f, &err, "above 0");
    refuse_shape(fn_footprint_gaussian(300, &f, &err), f, &err, "the most");
}

static void refuse_focal(const shape *s, fn_focal_options options, const char *part)
{
    fn_error err = {FN_OK, ""};
    fn_footprint *f = NULL;
    fn_focal *focal = NULL;
    REQUIRE(s->make(&f, &err) == FN_OK, "%s", s->name);
    EXPECT(fn_focal_new(&options, f, &focal, &err) == FN_ERR_ARGUMENT && focal == NULL, "%s", part);
    EXPECT_ERROR_TEXT(err, "%s", part);
    EXPECT(strstr(err.text, part) != NULL, "%s: %s", part, err.text);
}

static void refused_statistics(void)
{
    for (int s = 0; s < SHAPES; s++)
        for (int what = 0; what < FN_FOCAL_STATISTICS; what++)
            if (!allowed(&shapes[s], (fn_focal_statistic)what))
                refuse_focal(&shapes[s], (fn_focal_options){.statistic = (fn_focal_statistic)what},
                             what == FN_FOCAL_STD || what == FN_FOCAL_VAR ? "negative" : "no weights");
    refuse_focal(&shapes[1], (fn_focal_options){.statistic = FN_FOCAL_PERCENTILE, .percent = 101}, "101");
    refuse_focal(&shapes[1], (fn_focal_options){.statistic = FN_FOCAL_PERCENTILE, .percent = NAN}, "between 0 and 100");
    refuse_focal(&shapes[1], (fn_focal_options){.statistic = FN_FOCAL_STATISTICS}, "no statistic");
}

int main(void)
{
    const struct CMUnitTest tests[] = {UNIT(shapes_of_cells), UNIT(refused_shapes),  UNIT(refused_statistics),
                                       UNIT(every_statistic), UNIT(every_policy),    UNIT(same_bytes),
                                       UNIT(large_planes),    UNIT(largest_windows), UNIT(hole_changes_nothing),
                                       UNIT(exact_variance)};
    return check_main(tests);
}
