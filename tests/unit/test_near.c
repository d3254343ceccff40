/* The near index against a brute force: GEOS between all pairs in the plane; on the ellipsoid all edges with all
 * edges. */
#include "check.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>
#include <math.h>

#include "fishnet/near.h"
#include "near_internal.h"

/* ---- making geometries ---- */

typedef struct bytes {
    uint8_t data[65536];
    size_t n;
} bytes;

static void put(bytes *b, const void *data, size_t n)
{
    memcpy(b->data + b->n, data, n);
    b->n += n;
}

static void put_head(bytes *b, uint32_t type)
{
    const uint8_t little = 1;
    put(b, &little, 1);
    put(b, &type, 4);
}

static void put_count(bytes *b, uint32_t n)
{
    put(b, &n, 4);
}

static void put_xy(bytes *b, double x, double y)
{
    put(b, &x, 8);
    put(b, &y, 8);
}

static check_random dice;

static double random_in(double from, double to)
{
    return random_uniform(&dice, from, to);
}

static int random_below(int n)
{
    return (int)random_in(0, n);
}

/* Where geometries lie and how large they are. */
typedef struct world {
    double x0, y0, x1, y1, size;
    bool lattice; /* whole numbers: ties */
    bool few;     /* vertices: brute force on the ellipsoid is slow */
} world;

static double maybe_whole(const world *w, double v)
{
    return w->lattice ? floor(v) : v;
}

static void put_line(bytes *b, const world *w, double x, double y)
{
    const uint32_t n = 2 + (uint32_t)random_below(w->few ? 10 : 20);
    put_head(b, 2);
    put_count(b, n);
    for (uint32_t i = 0; i < n; i++) {
        put_xy(b, x, y);
        x += maybe_whole(w, random_in(-w->size, w->size));
        y = fmin(fmax(y + maybe_whole(w, random_in(-w->size, w->size)), w->y0), w->y1);
    }
}

/* A star round x, y, with a hole now and then. */
static void put_star(bytes *b, const world *w, double x, double y)
{
    const uint32_t n = 5 + (uint32_t)random_below(w->few ? 8 : random_below(8) == 0 ? 300 : 25);
    const int rings = random_below(3) == 0 ? 2 : 1;
    put_head(b, 3);
    put_count(b, (uint32_t)rings);
    for (int ring = 0; ring < rings; ring++) {
        double first[2] = {0, 0};
        put_count(b, n + 1);
        for (uint32_t i = 0; i < n; i++) {
            const double r = w->size * (ring == 0 ? random_in(1, 2) : random_in(0.2, 0.6)), a = 6.283185307 * i / n;
            const double p[2] = {x + r * cos(a), fmin(fmax(y + r * sin(a), w->y0), w->y1)};
            if (i == 0)
                memcpy(first, p, sizeof first);
            put_xy(b, p[0], p[1]);
        }
        put_xy(b, first[0], first[1]);
    }
}

enum { POINTS = 1, LINES = 2, POLYGONS = 4, MULTI = 8, MIX = 15 };

static void put_one(bytes *b, const world *w, int kind, double x, double y)
{
    if (kind == POINTS) {
        put_head(b, 1);
        put_xy(b, x, y);
    } else if (kind == LINES)
        put_line(b, w, x, y);
    else
        put_star(b, w, x, y);
}

static void make_random(bytes *b, const world *w, int kinds)
{
    static const int all[3] = {POINTS, LINES, POLYGONS};
    int kind;
    do
        kind = all[random_below(3)];
    while (!(kinds & kind));
    const double x = maybe_whole(w, random_in(w->x0, w->x1)), y = maybe_whole(w, random_in(w->y0, w->y1));
    b->n = 0;
    if ((kinds & MULTI) && random_below(3) == 0) {
        const int n = 1 + random_below(3);
        put_head(b, 7);
        put_count(b, (uint32_t)n);
        for (int i = 0; i < n; i++) {
            put_one(b, w, kind, x + random_in(-5, 5) * w->size,
                    fmin(fmax(y + random_in(-5, 5) * w->size, w->y0), w->y1));
            do
                kind = all[random_below(3)];
            while (!(kinds & kind));
        }
    } else
        put_one(b, w, kind, x, y);
}

/* ---- brute force ---- */

static GEOSContextHandle_t geos;

typedef struct feature {
    GEOSGeometry *geometry;
    fn_shape shape; /* geodesic: cut */
    int64_t fid;
    int layer;
    uint32_t group;
    bytes *wkb;
} feature;

static fn_ellipsoid earth;

static feature make_feature(const bytes *wkb, int64_t fid, int layer, uint32_t group, bool geodesic)
{
    feature f = {.fid = fid, .layer = layer, .group = group};
    if (geodesic) {
        fn_shape whole = {0};
        fn_usable usable;
        REQUIRE(fn_shape_from_wkb(&whole, wkb->data, wkb->n, true, &usable, NULL) == FN_OK, "WKB");
        REQUIRE(fn_shape_cut(&earth, &whole, &f.shape, NULL) == FN_OK, "cut");
        fn_shape_destroy(&whole);
    } else {
        GEOSWKBReader *reader = GEOSWKBReader_create_r(geos);
        f.geometry = GEOSWKBReader_read_r(geos, reader, wkb->data, wkb->n);
        REQUIRE(f.geometry, "WKB");
        GEOSWKBReader_destroy_r(geos, reader);
    }
    f.wkb = malloc(sizeof *f.wkb);
    *f.wkb = *wkb;
    return f;
}

static void free_feature(feature *f)
{
    if (f->geometry)
        GEOSGeom_destroy_r(geos, f->geometry);
    fn_shape_destroy(&f->shape);
    free(f->wkb);
}

static bool shape_contains(const fn_shape *s, const double *p)
{
    bool inside = false, in_hole = false;
    for (size_t i = 0; i < s->n_paths; i++) {
        const fn_path *path = &s->paths[i];
        const double *ring = s->xy + 2 * (size_t)path->first;
        if (path->kind == FN_PATH_SHELL) {
            if (inside && !in_hole)
                return true;
            inside = fn_geo_ring_contains(&earth, ring, path->count, p);
            in_hole = false;
        } else if (path->kind == FN_PATH_HOLE)
            in_hole |= fn_geo_ring_contains(&earth, ring, path->count, p);
    }
    return inside && !in_hole;
}

static double geodesic_brute(const fn_shape *a, const fn_shape *b)
{
    for (size_t i = 0; i < a->n_paths; i++)
        if (shape_contains(b, a->xy + 2 * (size_t)a->paths[i].first))
            return 0;
    for (size_t i = 0; i < b->n_paths; i++)
        if (shape_contains(a, b->xy + 2 * (size_t)b->paths[i].first))
            return 0;
    double best = INFINITY;
    for (size_t i = 0; i < a->n_paths; i++)
        for (size_t j = 0; j < b->n_paths; j++) {
            const fn_path *p = &a->paths[i], *q = &b->paths[j];
            for (uint32_t k = 0; k < (p->count > 1 ? p->count - 1 : 1); k++)
                for (uint32_t l = 0; l < (q->count > 1 ? q->count - 1 : 1); l++) {
                    const double *s = a->xy + 2 * ((size_t)p->first + k), *t = b->xy + 2 * ((size_t)q->first + l);
                    const double d = p->count == 1 && q->count == 1 ? fn_geo_distance(&earth, s, t, NULL)
                                     : p->count == 1                ? fn_geo_point_edge(&earth, s, t, t + 2, NULL)
                                     : q->count == 1                ? fn_geo_point_edge(&earth, t, s, s + 2, NULL)
                                                     : fn_geo_edge_edge(&earth, s, s + 2, t, t + 2, NULL, NULL);
                    best = fmin(best, d);
                }
        }
    return best;
}

static double brute(const feature *a, const feature *b)
{
    double d = NAN;
    if (!a->geometry)
        return geodesic_brute(&a->shape, &b->shape);
    REQUIRE(GEOSDistance_r(geos, a->geometry, b->geometry, &d) == 1, "GEOS");
    return d;
}

typedef struct pair {
    double d;
    const feature *near;
    uint32_t number;
} pair;

static int in_order(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->d != y->d)
        return x->d < y->d ? -1 : 1;
    if (x->near->layer != y->near->layer)
        return x->near->layer < y->near->layer ? -1 : 1;
    return x->near->fid < y->near->fid ? -1 : x->near->fid > y->near->fid;
}

/* ---- comparing ---- */

typedef struct setting {
    const char *name;
    world w;
    int near_kinds, query_kinds;
    size_t n_near, n_queries;
    bool geodesic, grouped;
    bool twins; /* many near features have the geometry of another; and so have queries */
    fn_near_limits limits;
} setting;

static void compare(const setting *t, const feature *query, const feature *near, const fn_near *set, fn_searcher *s,
                    const fn_neighbour *bulk, uint32_t bulk_count)
{
    pair *all = malloc((t->n_near + 1) * sizeof *all);
    size_t n = 0, got;
    const size_t self = (size_t)query->fid % t->n_near;
    const fn_excluded some[] = {{0, near[self].fid}, {FN_BY_NUMBER, (int64_t)self}, FN_NOT_EXCLUDED, FN_NOT_EXCLUDED};
    const fn_excluded excluded = bulk ? FN_NOT_EXCLUDED : some[random_below(4)];
    for (size_t i = 0; i < t->n_near; i++)
        if ((!t->grouped || near[i].group == query->group) &&
            !(excluded.layer == FN_BY_NUMBER && excluded.fid == (int64_t)i) &&
            !(excluded.layer == near[i].layer && excluded.fid == near[i].fid)) {
            const double d = brute(query, &near[i]);
            if (d <= t->limits.radius && d >= t->limits.min_radius)
                all[n++] = (pair){d, &near[i], (uint32_t)i};
        }
    qsort(all, n, sizeof *all, in_order);
    const size_t expected = n < t->limits.closest ? n : t->limits.closest;
    const fn_neighbour *found = bulk;
    fn_usable usable = FN_USABLE;
    fn_error err;
    if (bulk)
        got = bulk_count;
    else
        REQUIRE(fn_searcher_find_wkb(s, query->wkb->data, query->wkb->n, t->grouped ? query->group : FN_NO_GROUP,
                                     excluded, &found, &got, &usable, NULL, &err) == FN_OK,
                "%s: %s", t->name, err.text);
    EXPECT(got == expected, "%s: query %lld: %zu, expected %zu", t->name, (long long)query->fid, got, expected);
    const bool points = t->near_kinds == POINTS && t->query_kinds == POINTS;
    for (size_t i = 0; i < got && i < expected; i++) {
        const double d = found[i].distance,
                     tolerance = points ? 0 : 1e-9 * fmax(1, all[i].d) + (t->geodesic ? 1e-6 : 0);
        EXPECT(fabs(d - all[i].d) <= tolerance, "%s: query %lld, rank %zu: %.17g, expected %.17g", t->name,
               (long long)query->fid, i, d, all[i].d);
        const bool tie =
            (i > 0 && all[i].d - all[i - 1].d <= tolerance) || (i + 1 < n && all[i + 1].d - all[i].d <= tolerance);
        EXPECT(found[i].fid == fn_near_fid(set, found[i].feature) &&
                   found[i].layer == fn_near_layer(set, found[i].feature),
               "%s: feature %u is not %lld of layer %d", t->name, found[i].feature, (long long)found[i].fid,
               found[i].layer);
        if (!tie || tolerance == 0 || all[i].d == 0)
            EXPECT(found[i].feature == all[i].number,
                   "%s: query %lld, rank %zu: feature %u (%lld) at %.17g, expected %u (%lld) at %.17g", t->name,
                   (long long)query->fid, i, found[i].feature, (long long)fn_near_fid(set, found[i].feature), d,
                   all[i].number, (long long)all[i].near->fid, all[i].d);
        if (t->limits.location) {
            const double from[2] = {found[i].from_x, found[i].from_y}, to[2] = {found[i].near_x, found[i].near_y};
            const double apart =
                t->geodesic ? fn_geo_distance(&earth, from, to, NULL) : hypot(from[0] - to[0], from[1] - to[1]);
            EXPECT(fabs(apart - d) <= 1e-9 * fmax(1, fabs(d)) + 1e-9 * t->w.x1 + (t->geodesic ? 1e-5 : 0),
                   "%s: query %lld, rank %zu: locations %.17g apart, distance %.17g", t->name, (long long)query->fid, i,
                   apart, d);
            if (d == 0)
                EXPECT(apart == 0 && found[i].angle == 0, "%s: distance 0, %g apart, angle %g", t->name, apart,
                       found[i].angle);
        }
    }
    free(all);
}

static void run_setting(const setting *t)
{
    bytes *b = malloc(sizeof *b);
    feature *near = malloc(t->n_near * sizeof *near);
    fn_near *set;
    fn_error err;
    REQUIRE(fn_near_new(&(fn_near_options){.geodesic = t->geodesic, .along = t->limits.along}, &set, &err) == FN_OK,
            "%s", err.text);
    for (size_t i = 0; i < t->n_near; i++) {
        if (t->twins && i > 0 && random_below(3) > 0)
            *b = *near[random_below((int)i)].wkb;
        else
            make_random(b, &t->w, t->near_kinds);
        near[i] = make_feature(b, (int64_t)((i * 7919) % 100003) - 50, random_below(3), (uint32_t)random_below(5),
                               t->geodesic);
        fn_usable usable;
        REQUIRE(fn_near_add_wkb(set, b->data, b->n, near[i].fid, t->grouped ? near[i].group : FN_NO_GROUP,
                                near[i].layer, &usable, &err) == FN_OK &&
                    usable == FN_USABLE,
                "%s: %s", t->name, err.text);
    }
    REQUIRE(fn_near_build(set, 1, NULL, &err) == FN_OK, "%s", err.text);
    fn_searcher *s;
    REQUIRE(fn_searcher_new(set, &t->limits, &s, &err) == FN_OK, "%s", err.text);
    const bool bulk = t->query_kinds == POINTS && t->limits.closest <= FN_BULK_CLOSEST && !t->grouped;
    double *xy = malloc(t->n_queries * 2 * sizeof *xy);
    feature *queries = malloc(t->n_queries * sizeof *queries);
    for (size_t i = 0; i < t->n_queries; i++) {
        make_random(b, &t->w, t->query_kinds);
        if (t->twins && t->query_kinds == t->near_kinds && random_below(3) > 0)
            *b = *near[random_below((int)t->n_near)].wkb;
        memcpy(xy + 2 * i, b->data + 5, 16);
        queries[i] = make_feature(b, (int64_t)i, 0, (uint32_t)random_below(6), t->geodesic);
        compare(t, &queries[i], near, set, s, NULL, 0);
    }
    if (bulk) {
        fn_neighbour *found = malloc(t->n_queries * t->limits.closest * sizeof *found);
        uint32_t *counts = malloc(t->n_queries * sizeof *counts);
        fn_usable *usable = malloc(t->n_queries * sizeof *usable);
        REQUIRE(fn_searcher_find_points(s, t->n_queries, xy, NULL, -1, NULL, found, counts, usable, NULL, &err) ==
                    FN_OK,
                "%s", err.text);
        for (size_t i = 0; i < t->n_queries; i++)
            compare(t, &queries[i], near, set, s, found + i * t->limits.closest, counts[i]);
        free(found);
        free(counts);
        free(usable);
    }
    for (size_t i = 0; i < t->n_queries; i++)
        free_feature(&queries[i]);
    for (size_t i = 0; i < t->n_near; i++)
        free_feature(&near[i]);
    free(queries);
    free(xy);
    free(near);
    free(b);
    fn_searcher_free(s);
    fn_near_free(set);
}

static const fn_near_limits every_limit[] = {
    {.closest = 1, .radius = INFINITY, .location = true, .angle = true, .along = true},
    {.closest = 5, .radius = INFINITY, .location = true, .angle = true},
    {.closest = SIZE_MAX, .radius = INFINITY},
    {.closest = SIZE_MAX, .radius = 30},
    {.closest = 7, .radius = INFINITY, .min_radius = 12},
    {.closest = 3, .radius = 40, .min_radius = 5},
};

static void planar(void)
{
    dice = random_for(__func__);
    static const int kinds[] = {POINTS, LINES, POLYGONS, MIX};
    static const char *names[] = {"points", "lines", "polygons", "mix"};
    for (int near = 0; near < 4; near++)
        for (int query = 0; query < 4; query++)
            for (size_t l = 0; l < sizeof every_limit / sizeof *every_limit; l++) {
                char name[64];
                snprintf(name, sizeof name, "%s to %s, limit %zu", names[query], names[near], l);
                run_setting(&(setting){.name = name,
                                       .w = {0, 0, 1000, 1000, 10, false, false},
                                       .near_kinds = kinds[near],
                                       .query_kinds = kinds[query],
                                       .n_near = 150,
                                       .n_queries = CHECK_SANITIZED ? 5 : 25,
                                       .grouped = l % 2,
                                       .limits = every_limit[l]});
            }
}

static void ties(void)
{
    dice = random_for(__func__);
    for (size_t l = 0; l < sizeof every_limit / sizeof *every_limit; l++) {
        run_setting(&(setting){.name = "points on a lattice",
                               .w = {0, 0, 40, 40, 3, true, false},
                               .near_kinds = POINTS,
                               .query_kinds = POINTS,
                               .n_near = 3000,
                               .n_queries = 200,
                               .limits = every_limit[l]});
        run_setting(&(setting){.name = "lines on a lattice",
                               .w = {0, 0, 40, 40, 3, true, false},
                               .near_kinds = LINES | POINTS,
                               .query_kinds = POINTS,
                               .n_near = 300,
                               .n_queries = 100,
                               .limits = every_limit[l]});
    }
}

static void geodesic(void)
{
    dice = random_for(__func__);
    static const world worlds[] = {{-180, -90, 180, 90, 0.4, false, true},
                                   {178, -5, 182, 5, 0.2, false, true},
                                   {-180, 88, 180, 90, 0.3, false, true},
                                   {0, 45, 360, 46, 0.05, false, true},
                                   {5, 50, 5.01, 50.01, 0.0002, false, true}};
    static const int kinds[] = {POINTS, LINES, POLYGONS, MIX};
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++)
        for (int near = 0; near < 4; near++)
            for (int query = 0; query < 4; query++)
                for (size_t l = 0; l < 6; l += 1 + (size_t)(near + query) % 2) {
                    char name[64];
                    snprintf(name, sizeof name, "geodesic %zu, kinds %d to %d, limit %zu", w, kinds[query], kinds[near],
                             l);
                    fn_near_limits limits = every_limit[l];
                    const double scale = worlds[w].size * 2000;
                    limits.radius *= scale;
                    limits.min_radius *= scale;
                    run_setting(&(setting){.name = name,
                                           .w = worlds[w],
                                           .near_kinds = kinds[near],
                                           .query_kinds = kinds[query],
                                           .n_near = 16,
                                           .n_queries = CHECK_SANITIZED ? 2 : 4,
                                           .geodesic = true,
                                           .limits = limits});
                }
}

static void twins(void)
{
    dice = random_for(__func__);
    static const world plane = {0, 0, 1000, 1000, 10, false, true}, globe = {-180, -90, 180, 90, 0.2, false, true};
    static const int kinds[] = {POINTS, LINES, POLYGONS, MIX};
    for (int geodesic = 0; geodesic < 2; geodesic++)
        for (int near = 0; near < 4; near++)
            for (int query = 0; query < 4; query++)
                for (size_t l = 0; l < sizeof every_limit / sizeof *every_limit; l++) {
                    char name[64];
                    snprintf(name, sizeof name, "twins, %s, kinds %d to %d, limit %zu",
                             geodesic ? "geodesic" : "planar", kinds[query], kinds[near], l);
                    fn_near_limits limits = every_limit[l];
                    limits.radius *= geodesic ? 400 : 1;
                    limits.min_radius *= geodesic ? 400 : 1;
                    run_setting(&(setting){.name = name,
                                           .w = geodesic ? globe : plane,
                                           .near_kinds = kinds[near],
                                           .query_kinds = kinds[query],
                                           .n_near = geodesic ? 12 : 60,
                                           .n_queries = geodesic || CHECK_SANITIZED ? 2 : 10,
                                           .geodesic = geodesic,
                                           .grouped = l % 2,
                                           .twins = true,
                                           .limits = limits});
                }
}

/* ---- what a search costs ---- */

enum { AT_POINT, LINE_FROM, SQUARE_AT, SQUARES_AROUND };

/* n features that are all alike for whoever looks from x, y: in one place, from one place on, or all around it. FIDs
 * fall. */
static fn_near *pile_up(int kind, size_t n, double x, double y, bool geodesic)
{
    bytes *b = malloc(sizeof *b);
    fn_near *set;
    REQUIRE(b && fn_near_new(&(fn_near_options){.geodesic = geodesic}, &set, NULL) == FN_OK, "set");
    for (size_t i = 0; i < n; i++) {
        const double part = (double)(i + 1) / (double)n, size = kind == SQUARES_AROUND ? 0.1 + 0.4 * part : 0.1;
        const double corners[5][2] = {{-size, -size}, {size, -size}, {size, size}, {-size, size}, {-size, -size}};
        b->n = 0;
        put_head(b, kind == AT_POINT ? 1 : kind == LINE_FROM ? 2 : 3);
        if (kind == LINE_FROM)
            put_count(b, 2);
        if (kind >= SQUARE_AT) {
            put_count(b, 1);
            put_count(b, 5);
        }
        if (kind <= LINE_FROM)
            put_xy(b, x, y);
        if (kind == LINE_FROM)
            put_xy(b, x + 0.1 * cos(7 * part), y + 0.1 * sin(7 * part));
        for (int k = 0; kind >= SQUARE_AT && k < 5; k++)
            put_xy(b, x + corners[k][0], y + corners[k][1]);
        fn_usable usable;
        REQUIRE(fn_near_add_wkb(set, b->data, b->n, (int64_t)(n - i), FN_NO_GROUP, 0, &usable, NULL) == FN_OK &&
                    usable == FN_USABLE,
                "add");
    }
    REQUIRE(fn_near_build(set, 1, NULL, NULL) == FN_OK, "build");
    free(b);
    return set;
}

/* Looks that the search for the neighbours of x, y takes; they must be those with the lowest FIDs but 1, which is
 * excluded. */
static uint64_t looks_for(const fn_near *set, const char *name, double x, double y, const fn_near_limits *limits)
{
    fn_searcher *s;
    const fn_neighbour *found;
    size_t n;
    REQUIRE(fn_searcher_new(set, limits, &s, NULL) == FN_OK, "searcher");
    REQUIRE(fn_searcher_find_point(s, x, y, FN_NO_GROUP, (fn_excluded){0, 1}, &found, &n, NULL, NULL, NULL) == FN_OK,
            "find");
    EXPECT(n == limits->closest, "%s: %zu found", name, n);
    for (size_t i = 0; i < n; i++)
        EXPECT(found[i].fid == (int64_t)i + 2 && found[i].distance == found[0].distance,
               "%s: rank %zu is %lld at %.17g, the first at %.17g", name, i, (long long)found[i].fid, found[i].distance,
               found[0].distance);
    const uint64_t looks = fn_searcher_looks(s);
    fn_searcher_free(s);
    return looks;
}

/* Ties go to the lowest FIDs without a look at all: so a search among 80 times as many takes hardly more looks. */
static void piles(void)
{
    enum { FEW = 100, MANY = 8000 };
    static const char *names[] = {"points", "lines from a point", "squares", "squares around"};
    static const fn_near_limits limits[] = {{.closest = 1, .radius = INFINITY},
                                            {.closest = 3, .radius = INFINITY, .location = true},
                                            {.closest = 2, .radius = 1e6}};
    for (int geodesic = 0; geodesic < 2; geodesic++)
        for (int kind = AT_POINT; kind <= SQUARES_AROUND; kind++)
            for (int away = 0; away < (kind == AT_POINT || kind == SQUARE_AT ? 2 : 1); away++)
                for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
                    char name[96];
                    snprintf(name, sizeof name, "%s, %s, %s, limit %zu", names[kind], geodesic ? "geodesic" : "planar",
                             away ? "from elsewhere" : "from there", l);
                    uint64_t looks[2];
                    for (int many = 0; many < 2; many++) {
                        fn_near *set = pile_up(kind, many ? MANY : FEW, 5, 45, geodesic);
                        looks[many] = looks_for(set, name, away ? 5.7 : 5, away ? 45.4 : 45, &limits[l]);
                        fn_near_free(set);
                    }
                    EXPECT(looks[1] < looks[0] + MANY / 16, "%s: %llu looks among %d, %llu among %d", name,
                           (unsigned long long)looks[0], FEW, (unsigned long long)looks[1], MANY);
                }
}

/* A line of n vertices that runs north in zigzags. */
static void put_river(bytes *b, size_t n, double x, double y)
{
    put_head(b, 2);
    put_count(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        put_xy(b, x + 0.03 * (double)(i % 3), y + 0.01 * (double)i);
}

/* Rivers far away from a field of squares: not each of their runs of edges against each square. */
static void rivers_and_squares(void)
{
    enum { SQUARES = 400, VERTICES = 3000, RUNS = VERTICES / FN_CHAIN };
    static const double places[][2] = {{20, 0}, {-60, -35}, {140, -40}, {100, 40}, {-100, 45}, {178, 10}, {60, -58}};
    bytes *b = malloc(sizeof *b);
    fn_near *set;
    fn_searcher *s;
    REQUIRE(b && fn_near_new(&(fn_near_options){.geodesic = true}, &set, NULL) == FN_OK, "set");
    for (int i = 0; i < SQUARES; i++) {
        const double x = -108.5 + 0.03 * (i % 20), y = 37.2 + 0.03 * (double)(i / 20), side = 0.01;
        b->n = 0;
        put_head(b, 3);
        put_count(b, 1);
        put_count(b, 5);
        for (int k = 0; k < 5; k++)
            put_xy(b, x + (k == 1 || k == 2 ? side : 0), y + (k == 2 || k == 3 ? side : 0));
        fn_usable usable;
        REQUIRE(fn_near_add_wkb(set, b->data, b->n, i, FN_NO_GROUP, 0, &usable, NULL) == FN_OK, "add");
    }
    REQUIRE(fn_near_build(set, 1, NULL, NULL) == FN_OK, "build");
    REQUIRE(fn_searcher_new(set, &(fn_near_limits){.closest = 2, .radius = INFINITY}, &s, NULL) == FN_OK, "searcher");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const fn_neighbour *found;
        size_t n;
        b->n = 0;
        put_river(b, VERTICES, places[i][0], places[i][1]);
        const uint64_t before = fn_searcher_looks(s);
        REQUIRE(fn_searcher_find_wkb(s, b->data, b->n, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, NULL, NULL, NULL) ==
                        FN_OK &&
                    n == 2,
                "river %zu", i);
        const uint64_t looks = fn_searcher_looks(s) - before;
        EXPECT(looks < RUNS * SQUARES / 5, "the river at %g, %g: %llu looks for %d pairs", places[i][0], places[i][1],
               (unsigned long long)looks, RUNS * SQUARES);
    }
    /* A search that takes long is given up soon, and the searcher is good for the next. */
    const volatile bool cancel = true;
    const fn_neighbour *found;
    size_t n;
    fn_error err;
    const uint64_t before = fn_searcher_looks(s);
    EXPECT(fn_searcher_find_wkb(s, b->data, b->n, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, NULL, &cancel, &err) ==
                   FN_ERR_CANCELLED &&
               err.status == FN_ERR_CANCELLED && n == 0,
           "not cancelled");
    EXPECT(fn_searcher_looks(s) - before <= 128, "%llu looks before it was given up",
           (unsigned long long)(fn_searcher_looks(s) - before));
    EXPECT(fn_searcher_find_wkb(s, b->data, b->n, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, NULL, NULL, &err) ==
                   FN_OK &&
               n == 2,
           "after it was cancelled");
    fn_searcher_free(s);
    fn_near_free(set);
    free(b);
}

/* Longitudes that are many turns away are the places that they are exactly, and edges between them as short and as
 * quick. */
static void longitudes_far_out(void)
{
    static const double far[][2] = {{5e179, 1e22}, {-1e300, 3e18}, {1e15, 1e15 + 8}, {359999990, 360000010}};
    bytes *b = malloc(sizeof *b);
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        double distance[2];
        fn_neighbour first[2];
        uint64_t looks[2];
        for (int plain = 0; plain < 2; plain++) {
            fn_near *set;
            fn_searcher *s = NULL;
            double lon[2];
            for (int k = 0; k < 2; k++)
                lon[k] = plain ? remainder(far[i][k], 360) : far[i][k];
            REQUIRE(b && fn_near_new(&(fn_near_options){.geodesic = true}, &set, NULL) == FN_OK, "set");
            fn_usable usable;
            for (int k = 0; k < 2; k++) {
                b->n = 0;
                put_head(b, 2);
                put_count(b, 3);
                put_xy(b, lon[0], 10 + k);
                put_xy(b, lon[1], 20 + k);
                put_xy(b, lon[0], 30 - k);
                REQUIRE(fn_near_add_wkb(set, b->data, b->n, k, FN_NO_GROUP, 0, &usable, NULL) == FN_OK &&
                            usable == FN_USABLE,
                        "add");
            }
            REQUIRE(fn_near_add_points(set, 1, (double[]){lon[1], 40}, (int64_t[]){2}, NULL, 0, NULL, NULL, NULL) ==
                            FN_OK &&
                        fn_near_build(set, 1, NULL, NULL) == FN_OK &&
                        fn_searcher_new(set, &(fn_near_limits){.closest = 3, .radius = INFINITY, .location = true}, &s,
                                        NULL) == FN_OK,
                    "searcher");
            const fn_neighbour *found;
            size_t n;
            REQUIRE(fn_searcher_find_point(s, lon[0], 39, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, NULL, NULL, NULL) ==
                            FN_OK &&
                        n == 3,
                    "find");
            distance[plain] = found[0].distance + found[1].distance + found[2].distance;
            first[plain] = found[0];
            REQUIRE(fn_searcher_find_wkb(s, b->data, b->n, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, NULL, NULL,
                                         NULL) == FN_OK &&
                        n == 3,
                    "find");
            distance[plain] += found[1].distance + found[2].distance;
            looks[plain] = fn_searcher_looks(s);
            fn_searcher_free(s);
            fn_near_free(set);
        }
        EXPECT(distance[0] == distance[1] && first[0].from_x == first[1].from_x && first[0].near_x == first[1].near_x &&
                   first[0].fid == first[1].fid,
               "longitudes %g and %g: %.17g, expected %.17g; near %g, expected %g", far[i][0], far[i][1], distance[0],
               distance[1], first[0].near_x, first[1].near_x);
        EXPECT(looks[0] == looks[1], "longitudes %g and %g: %llu looks, %llu without turns", far[i][0], far[i][1],
               (unsigned long long)looks[0], (unsigned long long)looks[1]);
    }
    free(b);
}

static void unusable(void)
{
    fn_near *set;
    fn_near_new(&(fn_near_options){.geodesic = true}, &set, NULL);
    const double xy[] = {0, 0, NAN, 1, 1, INFINITY, 5, 91, 2, 2};
    const int64_t fids[] = {1, 2, 3, 4, 5};
    fn_usable usable[5];
    size_t added;
    REQUIRE(fn_near_add_points(set, 5, xy, fids, NULL, 0, usable, &added, NULL) == FN_OK, "points");
    EXPECT(added == 2 && usable[1] == FN_UNUSABLE_NOT_FINITE && usable[2] == FN_UNUSABLE_NOT_FINITE &&
               usable[3] == FN_UNUSABLE_LATITUDE,
           "%zu added", added);
    bytes *b = calloc(1, sizeof *b);
    put_head(b, 7);
    put_count(b, 2);
    put_head(b, 1);
    put_xy(b, NAN, NAN);
    put_head(b, 2);
    put_count(b, 0);
    EXPECT(fn_wkb_usable(b->data, b->n, false) == FN_UNUSABLE_EMPTY, "nested empty");
    put_head(b, 1);
    put_xy(b, 1, 2);
    memcpy(b->data + 5, &(uint32_t){3}, 4);
    EXPECT(fn_wkb_usable(b->data, b->n, false) == FN_USABLE, "an empty part beside a point");
    for (size_t n = 0; n < b->n; n++)
        EXPECT(fn_wkb_usable(b->data, n, false) == FN_UNUSABLE_WKB, "cut off after %zu bytes", n);
    REQUIRE(fn_near_build(set, 1, NULL, NULL) == FN_OK, "build");
    EXPECT(fn_near_count(set) == 2 && fn_near_fid(set, 1) == 5, "%zu", fn_near_count(set));
    free(b);
    fn_near_free(set);
}

/* Nothing near, one near, all in one place, one far away from all others. */
static void few(void)
{
    for (size_t n = 0; n <= 70; n += n < 3 ? 1 : 16)
        for (int wild = 0; wild < 2; wild++) {
            fn_near *set;
            fn_searcher *s;
            fn_near_new(&(fn_near_options){0}, &set, NULL);
            for (size_t i = 0; i < n; i++)
                REQUIRE(fn_near_add_points(set, 1, wild && i == 1 ? (double[]){1e15, -1e15} : (double[]){3, 4},
                                           &(int64_t){100 - (int64_t)i}, NULL, 0, NULL, NULL, NULL) == FN_OK,
                        "add");
            REQUIRE(fn_near_build(set, 1, NULL, NULL) == FN_OK, "build");
            REQUIRE(fn_searcher_new(set, &(fn_near_limits){.closest = 2, .radius = INFINITY}, &s, NULL) == FN_OK,
                    "searcher");
            const fn_neighbour *found;
            size_t got;
            REQUIRE(fn_searcher_find_point(s, 0, 0, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &got, NULL, NULL, NULL) ==
                        FN_OK,
                    "find");
            REQUIRE(got == (n < 2 ? n : 2), "%zu of %zu", got, n);
            for (size_t i = 0; i < got && !(wild && n <= 3); i++)
                EXPECT(found[i].distance == 5 &&
                           fn_near_fid(set, found[i].feature) == 100 - (int64_t)n + 1 + (int64_t)i,
                       "%zu points, rank %zu: FID %lld at %g", n, i, (long long)fn_near_fid(set, found[i].feature),
                       found[i].distance);
            fn_searcher_free(s);
            fn_near_free(set);
        }
}

/* What is found of a feature does not depend on others that are too far to be found: among places that are equally near
 * the same one is taken, whatever the trees are. */
static void strangers(void)
{
    enum { FEATURES = 40, STRANGERS = 300 };
    const world here = {.x0 = 0, .y0 = 0, .x1 = 12, .y1 = 12, .size = 4, .lattice = true, .few = true};
    const world there = {.x0 = 30, .y0 = -60, .x1 = 70, .y1 = -20, .size = 4, .few = true};
    bytes *b = malloc(sizeof *b);
    dice = random_for(__func__);
    REQUIRE(b, "memory");
    for (int round = 0; round < 40; round++) {
        const bool geodesic = round % 2, along = round % 4 >= 2;
        fn_near *sets[2];
        fn_searcher *searchers[2];
        for (int i = 0; i < 2; i++)
            REQUIRE(fn_near_new(&(fn_near_options){.geodesic = geodesic, .along = along}, &sets[i], NULL) == FN_OK,
                    "set");
        for (int i = 0; i < FEATURES + STRANGERS; i++) {
            const bool near = i % ((FEATURES + STRANGERS) / FEATURES) == 0;
            fn_usable usable;
            b->n = 0;
            make_random(b, near ? &here : &there, MIX);
            for (int k = near ? 0 : 1; k < 2; k++)
                REQUIRE(fn_near_add_wkb(sets[k], b->data, b->n, i, FN_NO_GROUP, 0, &usable, NULL) == FN_OK, "add");
        }
        const fn_near_limits limits = {
            .closest = 5, .radius = geodesic ? 300000 : 3, .location = true, .angle = true, .along = along};
        for (int i = 0; i < 2; i++)
            REQUIRE(fn_near_build(sets[i], 1, NULL, NULL) == FN_OK &&
                        fn_searcher_new(sets[i], &limits, &searchers[i], NULL) == FN_OK,
                    "searcher");
        for (int query = 0; query < 30; query++) {
            const fn_neighbour *found[2];
            size_t n[2];
            b->n = 0;
            make_random(b, &here, MIX);
            for (int i = 0; i < 2; i++)
                REQUIRE(fn_searcher_find_wkb(searchers[i], b->data, b->n, FN_NO_GROUP, FN_NOT_EXCLUDED, &found[i],
                                             &n[i], NULL, NULL, NULL) == FN_OK,
                        "find");
            EXPECT(n[0] == n[1], "round %d, query %d: %zu alone, %zu among strangers", round, query, n[0], n[1]);
            for (size_t k = 0; k < n[0] && n[0] == n[1]; k++) {
                const fn_neighbour *a = &found[0][k], *c = &found[1][k];
                EXPECT(a->fid == c->fid && memcmp(&a->distance, &c->distance, 7 * sizeof(double)) == 0,
                       "round %d, query %d: %lld at %g, %g alone, %lld at %g, %g among strangers", round, query,
                       (long long)a->fid, a->near_x, a->near_y, (long long)c->fid, c->near_x, c->near_y);
            }
        }
        for (int i = 0; i < 2; i++) {
            fn_searcher_free(searchers[i]);
            fn_near_free(sets[i]);
        }
    }
    free(b);
}

static void silent(const char *message, void *user)
{
    (void)message;
    (void)user;
}

int main(void)
{
    geos = GEOS_init_r();
    GEOSContext_setErrorMessageHandler_r(geos, silent, NULL);
    fn_ellipsoid_init(&earth, 6378137, 1 / 298.257223563);
    const struct CMUnitTest tests[] = {
        UNIT(planar),
        UNIT(ties),
        UNIT(geodesic),
        UNIT(twins),
        UNIT(piles),
        UNIT(rivers_and_squares),
        UNIT(longitudes_far_out),
        UNIT(unusable),
        UNIT(few),
        UNIT(strangers),
    };
    return check_main(tests);
}
