/* The index of a near set does not depend on how many build it: nor on the order in which they come to its parts. And
 * a set of points takes hardly more memory while it is built than afterwards. */
#include "check.h"

#include <math.h>

#include "fishnet/near.h"
#include "near_internal.h"

static check_random dice;

/* Points: clustered, some in the same places, with FIDs that do not ascend. */
static void add_points(fn_near *set, size_t n, bool in_order, bool grouped)
{
    enum { ONCE = 1000 };
    double xy[2 * ONCE];
    int64_t fids[ONCE];
    uint32_t groups[ONCE];
    for (size_t i = 0; i < n; i += ONCE) {
        for (size_t k = 0; k < ONCE; k++) {
            const bool dense = random_uniform(&dice, 0, 1)<0.3, again = k> 0 && random_uniform(&dice, 0, 1) < 0.1;
            xy[2 * k] = again ? xy[0] : dense ? random_uniform(&dice, 7, 7.001) : random_uniform(&dice, -170, 170);
            xy[2 * k + 1] = again ? xy[1] : dense ? random_uniform(&dice, 7, 7.001) : random_uniform(&dice, -80, 80);
            fids[k] = in_order ? (int64_t)(i + k) : (int64_t)((i + k) * 7919 % 1000003);
            groups[k] = (uint32_t)random_uniform(&dice, 0, 3);
        }
        REQUIRE(fn_near_add_points(set, ONCE, xy, fids, grouped ? groups : NULL, 0, NULL, NULL, NULL) == FN_OK, "add");
    }
}

/* Lines and squares, each of them twice now and then. */
static void add_shapes(fn_near *set, size_t n, bool grouped)
{
    uint8_t wkb[512];
    for (size_t i = 0; i < n; i++) {
        const uint32_t area = i % 2, vertices = area ? 5 : 2 + (uint32_t)i % 25, type = area ? 3 : 2, rings = 1;
        const double x = random_uniform(&dice, -170, 170), y = random_uniform(&dice, -80, 80);
        static const double corners[5][2] = {{0, 0}, {0.1, 0}, {0.1, 0.1}, {0, 0.1}, {0, 0}};
        size_t size = 0;
        wkb[size++] = 1;
        memcpy(wkb + size, &type, 4);
        size += 4;
        if (area) {
            memcpy(wkb + size, &rings, 4);
            size += 4;
        }
        memcpy(wkb + size, &vertices, 4);
        size += 4;
        for (uint32_t k = 0; k < vertices; k++) {
            const double p[2] = {x + (area ? corners[k][0] : 0.01 * k), y + (area ? corners[k][1] : 0.01 * (k % 3))};
            memcpy(wkb + size, p, sizeof p);
            size += sizeof p;
        }
        fn_usable usable;
        for (int twice = 0; twice < (i % 10 == 0 ? 2 : 1); twice++)
            REQUIRE(fn_near_add_wkb(set, wkb, size, (int64_t)(n - i), grouped ? (uint32_t)i % 3 : FN_NO_GROUP, 0,
                                    &usable, NULL) == FN_OK,
                    "add");
    }
}

typedef struct made {
    size_t points, shapes;
    bool geodesic, in_order, grouped;
} made;

static fn_near *make(const made *of, int workers)
{
    fn_near *set;
    dice = (check_random){4711};
    REQUIRE(fn_near_new(&(fn_near_options){.geodesic = of->geodesic, .along = true}, &set, NULL) == FN_OK, "set");
    add_points(set, of->points, of->in_order, of->grouped);
    add_shapes(set, of->shapes, of->grouped);
    REQUIRE(fn_near_build(set, workers, NULL, NULL) == FN_OK, "build");
    return set;
}

static void same_tree(const fn_tree *a, const fn_tree *b, const char *what)
{
    EXPECT(a->levels == b->levels && a->dims == b->dims, "%s: %d and %d levels", what, a->levels, b->levels);
    for (int level = 0; level < a->levels && a->levels == b->levels; level++)
        for (int d = 0; d < a->dims; d++) {
            const size_t bytes = a->count[level] * sizeof(double);
            EXPECT(a->count[level] == b->count[level] &&
                       memcmp(fn_tree_lo(a, level, d), fn_tree_lo(b, level, d), bytes) == 0 &&
                       memcmp(fn_tree_hi(a, level, d), fn_tree_hi(b, level, d), bytes) == 0,
                   "%s: level %d differs, axis %d", what, level, d);
        }
}

static void same_twins(const fn_twins *a, const fn_twins *b, size_t n, const char *what)
{
    EXPECT(!a->first == !b->first, "%s: twins", what);
    if (a->first && b->first)
        EXPECT(memcmp(a->first, b->first, (n + 1) * sizeof *a->first) == 0 &&
                   memcmp(a->rank, b->rank, a->first[n] * sizeof *a->rank) == 0,
               "%s: twins differ", what);
}

static size_t items_of(const fn_tree *tree)
{
    return tree->levels ? tree->count[0] : 0;
}

static void same_index(const fn_index *a, const fn_index *b)
{
    same_tree(&a->points, &b->points, "points");
    same_tree(&a->chains, &b->chains, "chains");
    same_tree(&a->polygons, &b->polygons, "polygons");
    const size_t points = items_of(&a->points), chains = items_of(&a->chains), polygons = items_of(&a->polygons);
    EXPECT(points == 0 || memcmp(a->point_rank, b->point_rank, points * sizeof *a->point_rank) == 0, "ranks");
    EXPECT(!a->point_vertex == !b->point_vertex, "vertices");
    EXPECT(!a->point_vertex || memcmp(a->point_vertex, b->point_vertex, points * sizeof *a->point_vertex) == 0,
           "vertices differ");
    EXPECT(chains == 0 || memcmp(a->chain, b->chain, chains * sizeof *a->chain) == 0, "chains");
    EXPECT(chains == 0 || memcmp(a->chain_along, b->chain_along, chains * sizeof *a->chain_along) == 0, "along");
    EXPECT(polygons == 0 || memcmp(a->polygon, b->polygon, polygons * sizeof *a->polygon) == 0, "polygons");
    same_twins(&a->point_twins, &b->point_twins, points, "points");
    same_twins(&a->chain_twins, &b->chain_twins, chains, "chains");
    same_twins(&a->polygon_twins, &b->polygon_twins, polygons, "polygons");
}

static void any_number_of_workers(void)
{
    static const made sets[] = {{200000, 0, false, true, false},  {200000, 0, false, false, false},
                                {150000, 0, true, false, false},  {20000, 20000, false, false, false},
                                {2000, 10000, true, true, false}, {60000, 2000, false, false, true},
                                {5000, 0, false, false, true}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        fn_near *one = make(&sets[i], 1);
        for (int workers = 2; workers <= 7; workers += 5) {
            fn_near *many = make(&sets[i], workers);
            REQUIRE(one->n_indexes == many->n_indexes && one->repeated == many->repeated, "set %zu", i);
            for (size_t g = 0; g < one->n_indexes; g++)
                same_index(&one->indexes[g], &many->indexes[g]);
            fn_near_free(many);
        }
        fn_near_free(one);
    }
}

/* Along the curve by an ordinary sort: keys, then the bits of the coordinates, then the rank. */
typedef struct wanted {
    uint64_t key, x, y;
    uint32_t rank;
} wanted;

static int in_order_wanted(const void *a, const void *b)
{
    const wanted *p = a, *q = b;
    if (p->key != q->key)
        return p->key < q->key ? -1 : 1;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return (p->rank > q->rank) - (p->rank < q->rank);
}

static void as_by_a_plain_sort(void)
{
    enum { N = 100000 };
    static double xy[2 * N];
    static int64_t fids[N];
    static wanted points[N];
    dice = (check_random){815};
    fn_near *set;
    fn_near_new(&(fn_near_options){0}, &set, NULL);
    for (size_t i = 0; i < N; i++) {
        for (int d = 0; d < 2; d++)
            xy[2 * i + (size_t)d] = floor(random_uniform(&dice, 0, 300)) * (i % 3 ? 1e-7 : 1);
        fids[i] = (int64_t)i;
    }
    REQUIRE(fn_near_add_points(set, N, xy, fids, NULL, 0, NULL, NULL, NULL) == FN_OK, "add");
    const fn_frame frame = fn_frame_of(xy, N, 2);
    REQUIRE(fn_near_build(set, 3, NULL, NULL) == FN_OK, "build");
    for (size_t i = 0; i < N; i++) {
        fn_curve_keys(&frame, FN_CURVE_BITS, &xy[2 * i], &xy[2 * i + 1], 1, 2, &points[i].key);
        memcpy(&points[i].x, &xy[2 * i], 8);
        memcpy(&points[i].y, &xy[2 * i + 1], 8);
        points[i].rank = (uint32_t)i;
    }
    qsort(points, N, sizeof *points, in_order_wanted);
    const fn_index *index = &set->indexes[0];
    size_t item = 0, twin = 0;
    for (size_t i = 0; i < N; i++) {
        const bool again = i > 0 && points[i].x == points[i - 1].x && points[i].y == points[i - 1].y;
        if (again) {
            REQUIRE(index->point_twins.rank[twin++] == points[i].rank, "twin %zu", i);
            continue;
        }
        double p[2];
        memcpy(p, &points[i].x, sizeof p);
        REQUIRE(fn_tree_lo(&index->points, 0, 0)[item] == p[0] && fn_tree_lo(&index->points, 0, 1)[item] == p[1] &&
                    index->point_rank[item] == points[i].rank && index->point_twins.first[item] == twin,
                "item %zu of the tree is another", item);
        item++;
    }
    EXPECT(item == index->points.count[0] && twin == index->point_twins.first[item], "%zu items", item);
    fn_near_free(set);
}

/* ---- memory ---- */

/* Kilobytes, by /proc; -1: it does not say. */
static long memory_of(const char *what)
{
    char line[256];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, what, strlen(what)) == 0)
            value = atol(line + strlen(what));
    if (file)
        fclose(file);
    return value;
}

static bool forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    const bool ok = file && fputs("5", file) >= 0;
    return file && fclose(file) == 0 && ok;
}

static void memory_of_points(void)
{
    enum { N = 2000000, ONCE = 10000 };
    const double most = 33; /* bytes a point, all in all */
    static double xy[2 * ONCE];
    static int64_t fids[ONCE];
    fn_near *set;
    fn_near_new(&(fn_near_options){0}, &set, NULL);
    if (CHECK_SANITIZED || !forget_peak() || memory_of("VmHWM:") < 0) {
        printf("memory: nobody tells\n");
        fn_near_free(set);
        return;
    }
    const long before = memory_of("VmRSS:");
    for (size_t i = 0; i < N; i += ONCE) {
        for (size_t k = 0; k < ONCE; k++) {
            xy[2 * k] = random_uniform(&dice, 0, 1e5);
            xy[2 * k + 1] = random_uniform(&dice, 0, 1e5);
            fids[k] = (int64_t)(i + k);
        }
        REQUIRE(fn_near_add_points(set, ONCE, xy, fids, NULL, 0, NULL, NULL, NULL) == FN_OK, "add");
    }
    REQUIRE(fn_near_build(set, 2, NULL, NULL) == FN_OK, "build");
    const double each = 1024.0 * (double)(memory_of("VmHWM:") - before) / (double)N;
    EXPECT(each < most, "%.1f bytes a point at the most, expected less than %g", each, most);
    printf("memory: %.1f bytes a point at the most\n", each);
    fn_near_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(memory_of_points), /* first: memory that others have left is not counted */
        UNIT(any_number_of_workers),
        UNIT(as_by_a_plain_sort),
    };
    return check_main(tests);
}
