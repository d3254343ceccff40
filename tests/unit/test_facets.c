/* Distances from and to polygons of few vertices, which are found without GEOS, are
 * those of GEOS to the last bit. */
#include "check.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>
#include <math.h>

#include "fishnet/near.h"

enum { SIDE = 40, QUERIES = 400 };

typedef struct figure {
    uint8_t wkb[2048];
    size_t bytes;
    GEOSGeometry *geometry;
} figure;

typedef struct world {
    const char *name;
    double x, y, size, step; /* step: of a lattice that vertices lie on; 0: none */
} world;

static check_random dice;
static GEOSContextHandle_t geos;

static void put(figure *f, const void *data, size_t n)
{
    memcpy(f->wkb + f->bytes, data, n);
    f->bytes += n;
}

static void put_vertex(figure *f, const world *w, double x, double y)
{
    const double p[2] = {w->step > 0 ? w->x + floor((x - w->x) / w->step) * w->step : x,
                         w->step > 0 ? w->y + floor((y - w->y) / w->step) * w->step : y};
    put(f, p, sizeof p);
}

/* A ring around a place, star-like, closed; or as much of it as a line. */
static void put_ring(figure *f, const world *w, double x, double y, double radius, uint32_t corners, bool closed)
{
    const uint32_t n = corners + (closed ? 1 : 0);
    const size_t first = f->bytes + 4;
    put(f, &n, 4);
    for (uint32_t i = 0; i < corners; i++) {
        const double a = 6.283185307179586 * i / corners, r = radius * random_uniform(&dice, 0.4, 1);
        put_vertex(f, w, x + r * cos(a), y + r * sin(a));
    }
    if (closed)
        put(f, f->wkb + first, 16);
}

/* kind: 1 to 3 as in WKB. */
static void make(figure *f, const world *w, uint32_t kind)
{
    const uint8_t little = 1;
    const double x = w->x + random_uniform(&dice, 0, w->size), y = w->y + random_uniform(&dice, 0, w->size);
    const double radius = random_uniform(&dice, 0.01, 0.3) * w->size;
    const uint32_t corners = (uint32_t)random_between(&dice, 3, 30), rings = random_between(&dice, 0, 3) == 0 ? 2 : 1;
    f->bytes = 0;
    put(f, &little, 1);
    put(f, &kind, 4);
    if (kind == 1)
        put_vertex(f, w, x, y);
    if (kind == 2)
        put_ring(f, w, x, y, radius, corners, false);
    if (kind == 3) {
        put(f, &rings, 4);
        put_ring(f, w, x, y, radius, corners, true);
        if (rings == 2)
            put_ring(f, w, x, y, 0.15 * radius, 8, true); /* within the shell: GEOS looks no farther than its box */
    }
    GEOSWKBReader *reader = GEOSWKBReader_create_r(geos);
    f->geometry = GEOSWKBReader_read_r(geos, reader, f->wkb, f->bytes);
    GEOSWKBReader_destroy_r(geos, reader);
    REQUIRE(f->geometry, "GEOS reads no WKB of ours");
}

static void envelope(const figure *f, double e[4])
{
    REQUIRE(GEOSGeom_getXMin_r(geos, f->geometry, &e[0]) == 1 && GEOSGeom_getYMin_r(geos, f->geometry, &e[1]) == 1 &&
                GEOSGeom_getXMax_r(geos, f->geometry, &e[2]) == 1 && GEOSGeom_getYMax_r(geos, f->geometry, &e[3]) == 1,
            "GEOS");
}

static double gap(double lo, double hi, double qlo, double qhi)
{
    return fmax(fmax(lo - qhi, qlo - hi), 0);
}

/* What GEOS says, and no less than between the boxes. */
static double wanted(const figure *a, const figure *b)
{
    double d, p[4], q[4];
    REQUIRE(GEOSDistance_r(geos, a->geometry, b->geometry, &d) == 1, "GEOS");
    envelope(a, p);
    envelope(b, q);
    const double x = gap(p[0], p[2], q[0], q[2]), y = gap(p[1], p[3], q[1], q[3]);
    return fmax(d, sqrt(x * x + y * y));
}

static void same_bits(void)
{
    static const world worlds[] = {{"a town", 500000.1, 5200000.3, 1000, 0},
                                   {"a lattice", 0, 0, 40, 1},
                                   {"a fine lattice", 500000, 5200000, 10, 0.3},
                                   {"far apart", -2e6, 4e6, 1e6, 0}};
    static figure near[SIDE], query;
    long compared = 0;
    dice = random_for("facets");
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        fn_near *set;
        fn_searcher *all, *few;
        fn_usable usable;
        fn_near_new(&(fn_near_options){0}, &set, NULL);
        for (int i = 0; i < SIDE; i++) {
            make(&near[i], &worlds[w], 3);
            REQUIRE(fn_near_add_wkb(set, near[i].wkb, near[i].bytes, i, FN_NO_GROUP, 0, &usable, NULL) == FN_OK, "add");
        }
        REQUIRE(fn_near_build(set, 1, NULL, NULL) == FN_OK, "build");
        REQUIRE(fn_searcher_new(set, &(fn_near_limits){.closest = SIZE_MAX, .radius = INFINITY}, &all, NULL) == FN_OK &&
                    fn_searcher_new(set, &(fn_near_limits){.closest = 2, .radius = INFINITY}, &few, NULL) == FN_OK,
                "searcher");
        for (int k = 0; k < QUERIES; k++) {
            const fn_neighbour *found, *first;
            size_t n, m;
            make(&query, &worlds[w], 1 + (uint32_t)k % 3);
            REQUIRE(fn_searcher_find_wkb(all, query.wkb, query.bytes, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, NULL,
                                         NULL, NULL) == FN_OK &&
                        n == SIDE,
                    "find");
            for (size_t i = 0; i < n; i++) {
                const double want = wanted(&query, &near[found[i].feature]);
                EXPECT(found[i].distance == want, "%s, query %d: %.17g from feature %u, GEOS says %.17g",
                       worlds[w].name, k, found[i].distance, found[i].feature, want);
                compared++;
            }
            REQUIRE(fn_searcher_find_wkb(few, query.wkb, query.bytes, FN_NO_GROUP, FN_NOT_EXCLUDED, &first, &m, NULL,
                                         NULL, NULL) == FN_OK &&
                        m == 2,
                    "find");
            for (size_t i = 0; i < m; i++)
                EXPECT(first[i].feature == found[i].feature && first[i].distance == found[i].distance,
                       "%s, query %d: the nearest differ from the first of all", worlds[w].name, k);
            GEOSGeom_destroy_r(geos, query.geometry);
        }
        for (int i = 0; i < SIDE; i++)
            GEOSGeom_destroy_r(geos, near[i].geometry);
        fn_searcher_free(all);
        fn_searcher_free(few);
        fn_near_free(set);
    }
    printf("%ld distances compared\n", compared);
}

/* What a function finds that reads a variable before it is set. */
static void litter_the_stack(void)
{
    volatile unsigned char litter[64 * 1024];
    for (size_t i = 0; i < sizeof litter; i++)
        litter[i] = 0xA5;
}

/* Squares of distances that overflow: no edge is the nearest. */
static void squares_too_large(void)
{
    static const world there = {"far to one side", 1e300, 1e300, 1e299, 0},
                       other = {"to the other", -1e300, 0, 1e299, 0};
    static figure near, query;
    fn_near *set;
    fn_searcher *searcher;
    fn_usable usable;
    dice = random_for("squares too large");
    make(&near, &there, 3);
    fn_near_new(&(fn_near_options){0}, &set, NULL);
    REQUIRE(fn_near_add_wkb(set, near.wkb, near.bytes, 1, FN_NO_GROUP, 0, &usable, NULL) == FN_OK, "add");
    REQUIRE(fn_near_build(set, 1, NULL, NULL) == FN_OK, "build");
    REQUIRE(fn_searcher_new(set, &(fn_near_limits){.closest = SIZE_MAX, .radius = INFINITY}, &searcher, NULL) == FN_OK,
            "searcher");
    for (uint32_t kind = 1; kind <= 3; kind++) {
        const fn_neighbour *found = NULL;
        size_t n = 0;
        fn_error err = {.text = ""};
        make(&query, &other, kind);
        litter_the_stack();
        const fn_status status = fn_searcher_find_wkb(searcher, query.wkb, query.bytes, FN_NO_GROUP, FN_NOT_EXCLUDED,
                                                      &found, &n, NULL, NULL, &err);
        EXPECT(status != FN_OK || n <= 1, "kind %u: %zu found", kind, n);
        for (size_t i = 0; status == FN_OK && i < n; i++)
            EXPECT(found[i].distance > 1e299, "kind %u: distance %g", kind, found[i].distance);
        GEOSGeom_destroy_r(geos, query.geometry);
    }
    GEOSGeom_destroy_r(geos, near.geometry);
    fn_searcher_free(searcher);
    fn_near_free(set);
}

int main(void)
{
    geos = GEOS_init_r();
    const struct CMUnitTest tests[] = {UNIT(same_bits), UNIT(squares_too_large)};
    return check_main(tests);
}
