/* Geodesics on an ellipsoid. What is expected comes from PROJ's direct and inverse problems alone: edges cut into
 * many points, least distances searched for among them, and how far round a point a ring goes as seen from there. */
#include "check.h"

#include <math.h>

#include "geodetic.h"

#define RADIANS (3.14159265358979323846 / 180)

static const double shapes[][2] = {
    {6378137, 1 / 298.257223563}, {6371000, 0}, {6378137, 0.019}, {3396190, 1 / 169.8944}};
#define SHAPES (sizeof shapes / sizeof *shapes)

static fn_ellipsoid shape(size_t i)
{
    fn_ellipsoid e;
    fn_ellipsoid_init(&e, shapes[i % SHAPES][0], shapes[i % SHAPES][1]);
    return e;
}

static int fewer(int n)
{
    return CHECK_SANITIZED ? n / 8 : n;
}

static double random_log(check_random *r, double low, double high)
{
    return exp(random_uniform(r, log(low), log(high)));
}

/* Anywhere, but often where things go wrong. */
static void random_point(check_random *r, double p[2])
{
    p[0] = random_uniform(r, -180, 180);
    p[1] = asin(random_uniform(r, -1, 1)) / RADIANS;
    double little = random_log(r, 1e-9, 1) * (random_bits(r) % 2 ? 1 : -1);
    switch (random_bits(r) % 12) {
    case 0:
        p[1] = 90 - fabs(little);
        break;
    case 1:
        p[1] = fabs(little) - 90;
        break;
    case 2:
        p[0] = 180 + little;
        break;
    case 3:
        p[1] = little;
        break;
    case 4:
        p[1] = random_bits(r) % 2 ? 90 : -90;
        break;
    case 5:
        p[0] = (double)random_between(r, -2, 2) * 90;
        break;
    case 6:
        p[1] = 0;
        break;
    case 7:
        p[0] += (double)random_between(r, -2, 2) * 360;
        break;
    default:
        break;
    }
}

static void random_direction(check_random *r, double *azimuth)
{
    *azimuth = random_bits(r) % 6 == 0 ? (double)random_between(r, -2, 2) * 90 : random_uniform(r, -180, 180);
}

static void go(const fn_ellipsoid *e, const double p[2], double azimuth, double s, double q[2])
{
    geod_direct(&e->geod, p[1], p[0], azimuth, s, &q[1], &q[0], NULL);
}

static double between(const fn_ellipsoid *e, const double p[2], const double q[2])
{
    double s;
    geod_inverse(&e->geod, p[1], p[0], q[1], q[0], &s, NULL, NULL);
    return s;
}

static void random_edge(check_random *r, const fn_ellipsoid *e, double a[2], double b[2])
{
    double azimuth;
    random_point(r, a);
    random_direction(r, &azimuth);
    go(e, a, azimuth, random_log(r, 1, FN_GEO_EDGE), b);
    switch (random_bits(r) % 40) {
    case 0:
        memcpy(b, a, 2 * sizeof *b);
        break;
    case 1:
        b[0] = a[0];
        break;
    case 2: /* ends at a pole */
        b[1] = a[1] < 0 ? -90 : 90;
        a[1] = b[1] - (a[1] < 0 ? -1 : 1) * random_log(r, 1e-6, 0.17);
        break;
    case 3: /* over a pole */
        a[1] = 90 - random_log(r, 1e-6, 0.08);
        b[1] = 90 - random_log(r, 1e-6, 0.08);
        b[0] = a[0] + 180;
        break;
    default:
        break;
    }
}

#define EDGE "(%.17g %.17g, %.17g %.17g)"
#define SHOW(a, b) (a)[0], (a)[1], (b)[0], (b)[1]

/* ---- bounds ---- */

static double chord_of(const fn_ellipsoid *e, const double p[2], const double q[2])
{
    double v[3], w[3];
    fn_geo_space(e, p, v);
    fn_geo_space(e, q, w);
    return sqrt((v[0] - w[0]) * (v[0] - w[0]) + (v[1] - w[1]) * (v[1] - w[1]) + (v[2] - w[2]) * (v[2] - w[2]));
}

static void space_known_points(void)
{
    fn_ellipsoid e = shape(0);
    const struct {
        double p[2], xyz[3];
    } known[] = {{{0, 0}, {6378137, 0, 0}},
                 {{90, 0}, {0, 6378137, 0}},
                 {{-180, 0}, {-6378137, 0, 0}},
                 {{540, 0}, {-6378137, 0, 0}},
                 {{-3510, 0}, {0, 6378137, 0}},
                 {{17, 90}, {0, 0, 6356752.314245179}},
                 {{17, -90}, {0, 0, -6356752.314245179}},
                 /* by hand: at 45 degrees N = a/sqrt(1 - e2/2) */
                 {{0, 45}, {4517590.878848932, 0, 4487348.408865919}}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double xyz[3];
        fn_geo_space(&e, known[i].p, xyz);
        for (int k = 0; k < 3; k++)
            EXPECT(fabs(xyz[k] - known[i].xyz[k]) < 1e-8, "case %zu: %.12g, not %.12g", i, xyz[k], known[i].xyz[k]);
    }
}

static void chord_max_holds(void)
{
    check_random r = random_for(__func__);
    for (size_t k = 0; k < SHAPES; k++) {
        fn_ellipsoid e = shape(k);
        double tightest = INFINITY;
        for (int i = 0; i < fewer(100000); i++) {
            double p[2], q[2], azimuth, s = random_log(&r, 1e-3, 3.2 * e.a);
            random_point(&r, p);
            random_direction(&r, &azimuth);
            go(&e, p, azimuth, s, q); /* their distance is s or less */
            double chord = chord_of(&e, p, q), bound = fn_geo_chord_max(&e, s);
            EXPECT(chord <= bound, "f %g: %.17g apart, chord %.17g, bound %.17g, p (%.17g %.17g)", e.f, s, chord, bound,
                   p[0], p[1]);
            if (s > 0.1 * e.a && s < 3 * e.b)
                tightest = fmin(tightest, bound / chord - 1);
        }
        EXPECT(tightest < 0.001 + 2 * e.f, "f %g: bound far from every chord: %g", e.f, tightest);
        double before = fn_geo_chord_max(&e, 0);
        EXPECT(before >= 0 && before < 1e-5, "%g", before);
        for (double s = 1e-6; s < 1e9; s *= 1.001) {
            double bound = fn_geo_chord_max(&e, s);
            EXPECT(bound >= before && bound <= 2 * e.a * (1 + 1e-12), "%.17g at %g", bound, s);
            before = bound;
        }
        EXPECT(fn_geo_chord_max(&e, INFINITY) >= 2 * e.a, "no limit");
        EXPECT(fn_geo_chord_max(&e, INFINITY) <= 2 * e.a * (1 + 1e-12), "no limit");
    }
}

static void bulge_holds(void)
{
    check_random r = random_for(__func__);
    for (size_t k = 0; k < SHAPES; k++) {
        fn_ellipsoid e = shape(k);
        for (int i = 0; i < fewer(50000); i++) {
            double a[2], b[2], x[2], azimuth, va[3], vb[3], vx[3];
            random_point(&r, a);
            random_direction(&r, &azimuth);
            double s = random_bits(&r) % 2 ? FN_GEO_EDGE : random_log(&r, 1e-3, FN_GEO_EDGE);
            go(&e, a, azimuth, s, b);
            go(&e, a, azimuth, s * (random_bits(&r) % 2 ? 0.5 : random_uniform(&r, 0, 1)), x);
            fn_geo_space(&e, a, va);
            fn_geo_space(&e, b, vb);
            fn_geo_space(&e, x, vx);
            double ab = 0, ax = 0, off = 0;
            for (int j = 0; j < 3; j++) {
                ab += (vb[j] - va[j]) * (vb[j] - va[j]);
                ax += (vb[j] - va[j]) * (vx[j] - va[j]);
            }
            double t = ab > 0 ? fmin(fmax(ax / ab, 0), 1) : 0;
            for (int j = 0; j < 3; j++)
                off += pow(vx[j] - va[j] - t * (vb[j] - va[j]), 2);
            double bound = fn_geo_bulge(&e, sqrt(ab));
            EXPECT(sqrt(off) <= bound, "f %g, edge " EDGE ": %.17g above the chord, bound %.17g", e.f, SHOW(a, b),
                   sqrt(off), bound);
        }
        double circle = FN_GEO_EDGE * FN_GEO_EDGE / (8 * e.a);
        EXPECT(fn_geo_bulge(&e, FN_GEO_EDGE) < circle * (1.2 + 3 * e.f), "%g", fn_geo_bulge(&e, FN_GEO_EDGE));
    }
    fn_ellipsoid tiny;
    fn_ellipsoid_init(&tiny, 1000, 0.01);
    EXPECT(fn_geo_bulge(&tiny, 1999) >= 1000 && fn_geo_bulge(&tiny, 20000) < 1600, "chords that are no short ones");
}

/* ---- distances ---- */

static double in_direction(const double *unit, const double *from, const double *to)
{
    return unit[0] * (to[0] - from[0]) + unit[1] * (to[1] - from[1]) + unit[2] * (to[2] - from[2]);
}

static double straight(const double *p, const double *q)
{
    return sqrt((p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1]) + (p[2] - q[2]) * (p[2] - q[2]));
}

/* No two points beside a sight are nearer than it says; and it says much, not something that is always right. */
static void sights_hold(void)
{
    check_random r = random_for(__func__);
    for (int i = 0; i < fewer(200000); i++) {
        const fn_ellipsoid e = shape(random_bits(&r));
        double p[2], q[2], x[2], y[2], in[4][3], azimuth;
        random_point(&r, p);
        random_direction(&r, &azimuth);
        if (random_bits(&r) % 3 == 0)
            random_point(&r, q);
        else
            go(&e, p, azimuth, random_log(&r, 1, 3.1 * e.a), q);
        const double scale = random_log(&r, 1e-8, 0.4) * e.a;
        for (int k = 0; k < 2; k++) {
            random_direction(&r, &azimuth);
            go(&e, k ? q : p, azimuth, random_bits(&r) % 8 ? scale * random_uniform(&r, 0, 1) : 0, k ? y : x);
        }
        fn_geo_space(&e, p, in[0]);
        fn_geo_space(&e, q, in[1]);
        fn_geo_space(&e, x, in[2]);
        fn_geo_space(&e, y, in[3]);
        fn_sight s;
        fn_geo_sight(&e, p, in[0], q, in[1], &s);
        const double reach_p = straight(in[0], in[2]), reach_q = straight(in[1], in[3]);
        const double doubt = fn_geo_sight_doubt(&e, &s, reach_p, reach_q), exact = between(&e, x, y);
        const double least =
            s.distance + in_direction(s.away_at_p, in[0], in[2]) + in_direction(s.away_at_q, in[1], in[3]) - doubt;
        EXPECT(least <= exact, "%g %g to %g %g, from %.17g %.17g and %.17g %.17g (f %g): %.17g, but it is %.17g", x[0],
               x[1], y[0], y[1], p[0], p[1], q[0], q[1], e.f, least, exact);
        const double reach = fmax(reach_p, reach_q);
        if (s.distance < 2.2 * e.a && reach < 0.2 * s.distance && reach < 0.05 * e.a)
            EXPECT(doubt <= 3 * reach * reach / e.a + 1e-5, "distance %g, reach %g: doubt %g", s.distance, reach,
                   doubt);
    }
}

/* The point under the middle of a box is where a sight begins: on the surface and not far. */
static void points_under(void)
{
    check_random r = random_for(__func__);
    for (int i = 0; i < fewer(20000); i++) {
        const fn_ellipsoid e = shape(random_bits(&r));
        double p[2], in[3], q[2];
        random_point(&r, p);
        fn_geo_space(&e, p, in);
        const double depth = random_uniform(&r, 0.9, 1);
        fn_geo_under(&e, (double[]){in[0] * depth, in[1] * depth, in[2] * depth}, q);
        EXPECT(between(&e, p, q) < 1e-6 && fabs(q[1]) <= 90, "%.17g %.17g: %.17g %.17g", p[0], p[1], q[0], q[1]);
    }
    const fn_ellipsoid e = shape(0);
    double q[2];
    fn_geo_under(&e, (double[]){0, 0, 0}, q);
    EXPECT(fabs(q[0]) <= 180 && fabs(q[1]) <= 90, "the middle of the earth: %g %g", q[0], q[1]);
}

static void distance_and_azimuth(void)
{
    fn_ellipsoid e = shape(0);
    double azimuth;
    /* Karney's GeodTest: 0 N 0 E to 0 N 90 E is a quarter of the equator. */
    EXPECT(fabs(fn_geo_distance(&e, (double[]){0, 0}, (double[]){90, 0}, &azimuth) - 10018754.171394622) < 1e-7,
           "equator");
    EXPECT(azimuth == 90, "%g", azimuth);
    EXPECT(fabs(fn_geo_distance(&e, (double[]){33, -90}, (double[]){7, 90}, NULL) - 20003931.458625447) < 1e-7,
           "meridian");
    const struct {
        double p[2], q[2], azimuth;
    } cases[] = {{{5, 10}, {5, 9}, 180}, {{5, 10}, {365, 9}, 180},    {{5, 10}, {5, 11}, 0},
                 {{5, 10}, {5, 10}, 0},  {{5, 10}, {725, 10}, 0},     {{5, 90}, {70, 90}, 0},
                 {{0, 0}, {0, -0.0}, 0}, {{-180, 0}, {180, -1}, 180}, {{180, 0}, {-179, 0}, 90}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double s = fn_geo_distance(&e, cases[i].p, cases[i].q, &azimuth);
        EXPECT(azimuth == cases[i].azimuth && !signbit(azimuth), "case %zu: %g", i, azimuth);
        EXPECT((s == 0) == (i >= 3 && i <= 6), "case %zu: %g", i, s);
    }
}

/* An edge as points of its own making. */
typedef struct track {
    const fn_ellipsoid *e;
    double a[2], b[2], azimuth, s;
} track;

static track track_of(const fn_ellipsoid *e, const double a[2], const double b[2])
{
    track t = {.e = e, .a = {a[0], a[1]}, .b = {b[0], b[1]}};
    geod_inverse(&e->geod, a[1], a[0], b[1], b[0], &t.s, &t.azimuth, NULL);
    return t;
}

static double track_distance(const track *t, double x, const double p[2])
{
    double q[2];
    go(t->e, t->a, t->azimuth, x, q);
    return between(t->e, p, q);
}

/* The least distance of p, by many points and then golden sections beside the nearest of them. */
static double least_distance(const track *t, const double p[2], int points)
{
    double best = between(t->e, p, t->b), where = t->s;
    for (int i = 0; i <= points; i++) {
        double x = t->s * i / points, d = track_distance(t, x, p);
        if (d < best) {
            best = d;
            where = x;
        }
    }
    double low = fmax(where - t->s / points, 0), high = fmin(where + t->s / points, t->s);
    for (int i = 0; i < 80 && high - low > 1e-7; i++) {
        double x = low + 0.381966 * (high - low), y = high - 0.381966 * (high - low);
        double dx = track_distance(t, x, p), dy = track_distance(t, y, p);
        *(dx < dy ? &high : &low) = dx < dy ? y : x;
        best = fmin(best, fmin(dx, dy));
    }
    return best;
}

static bool on_edge(const fn_ellipsoid *e, const double a[2], const double b[2], const double x[2])
{
    return between(e, a, x) + between(e, x, b) - between(e, a, b) < 2e-7 && x[0] >= -180 && x[0] <= 180 &&
           least_distance(&(track){e, {a[0], a[1]}, {b[0], b[1]}, track_of(e, a, b).azimuth, between(e, a, b)}, x, 8) <
               1e-6;
}

static void check_point_edge(const fn_ellipsoid *e, const double p[2], const double a[2], const double b[2], int points)
{
    double at[2] = {NAN, NAN};
    double got = fn_geo_point_edge(e, p, a, b, at);
    track t = track_of(e, a, b);
    double want = least_distance(&t, p, points);
    EXPECT(fabs(got - want) <= 1e-7, "f %g, point (%.17g %.17g), edge " EDGE ": %.17g, not %.17g", e->f, p[0], p[1],
           SHOW(a, b), got, want);
    EXPECT(fabs(between(e, p, at) - got) <= 3e-8 && on_edge(e, a, b, at),
           "f %g, point (%.17g %.17g), edge " EDGE ": %.17g at (%.17g %.17g)", e->f, p[0], p[1], SHOW(a, b), got, at[0],
           at[1]);
    EXPECT(fn_geo_point_edge(e, p, a, b, NULL) == got, "the same without the place");
}

static void point_edge_random(void)
{
    check_random r = random_for(__func__);
    for (int i = 0; i < fewer(2500); i++) {
        fn_ellipsoid e = shape((size_t)i);
        double a[2], b[2], p[2], on[2], azimuth;
        random_edge(&r, &e, a, b);
        track t = track_of(&e, a, b);
        go(&e, a, t.azimuth, t.s * random_uniform(&r, -0.3, 1.3), on);
        random_direction(&r, &azimuth);
        if (random_bits(&r) % 3 == 0) { /* square to the edge: so that the foot matters */
            double sixth = random_uniform(&r, 0, 1), back;
            geod_direct(&e.geod, a[1], a[0], t.azimuth, t.s * sixth, &on[1], &on[0], &back);
            azimuth = back + 90 + random_uniform(&r, -1e-4, 1e-4);
        }
        go(&e, on, azimuth, random_log(&r, 1e-3, 3.1 * e.a), p);
        if (random_bits(&r) % 16 == 0)
            p[0] += 360 * (double)random_between(&r, -2, 2);
        check_point_edge(&e, p, a, b, i % 50 == 0 ? 3000 : 40);
    }
}

/* A quarter round the earth the distance turns from convex to concave; half round it, several ways compete. */
static void point_edge_far(void)
{
    check_random r = random_for(__func__);
    for (int i = 0; i < fewer(1000); i++) {
        fn_ellipsoid e = shape((size_t)i);
        double a[2], b[2], p[2], on[2], azimuth, ahead;
        random_edge(&r, &e, a, b);
        track t = track_of(&e, a, b);
        geod_direct(&e.geod, a[1], a[0], t.azimuth, t.s * random_uniform(&r, 0, 1), &on[1], &on[0], &ahead);
        azimuth = ahead + 90 + random_uniform(&r, -1, 1) * random_log(&r, 1e-6, 10);
        double quarter = 90 * RADIANS * e.a, spread = random_log(&r, 1, 4e5);
        go(&e, on, azimuth, (random_bits(&r) % 2 ? quarter : 2 * quarter) + random_uniform(&r, -spread, spread), p);
        check_point_edge(&e, p, a, b, 60);
    }
}

static void point_edge_special(void)
{
    static const double edges[][4] = {
        {0, 0, 0, 0},           {10, 50, 10, 50},          {10, 50, 370, 50},        {0, 0, 0.1, 0},
        {0, -0.05, 0, 0.05},    {179.95, 10, -179.95, 10}, {179.95, 10, 180.05, 10}, {540, 0.05, 539.9, -0.05},
        {33, 89.9, 77, 90},     {33, 90, 77, 89.9},        {0, 89.95, 180, 89.95},   {30, -89.95, 170, -89.98},
        {-20, 90, 100, 90},     {12, -90, 12, -89.9},      {5, 60, 5, 60.1},         {5, 60, 5.1, 60},
        {5, 60, 5, 60.00000001}};
    static const double points[][2] = {{0, 0},          {180, 0},
                                       {-180, 0},       {540, 0},
                                       {10, 50},        {-170, -50},
                                       {0, 90},         {123, 90},
                                       {0, -90},        {-77, -90},
                                       {0.05, 0},       {0.05, 1},
                                       {179.99, 0},     {5, 60.05},
                                       {5.05, 60},      {185, -60},
                                       {90, 0},         {-90, 0},
                                       {30, 89.95},     {210, 89.95},
                                       {-149.9, 89.97}, {179.9999, 10.0000001},
                                       {77, 89.99999},  {12, -89.95},
                                       {0.05, 0.3}};
    for (size_t k = 0; k < SHAPES; k++) {
        fn_ellipsoid e = shape(k);
        for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
            for (size_t j = 0; j < sizeof points / sizeof *points; j++)
                check_point_edge(&e, points[j], edges[i], edges[i] + 2, 60);
        /* Vertices: exactly 0, and exactly the vertex. */
        for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
            double at[2];
            EXPECT(fn_geo_point_edge(&e, edges[i], edges[i], edges[i] + 2, at) == 0, "edge %zu", i);
            EXPECT(fn_geo_point_edge(&e, edges[i] + 2, edges[i], edges[i] + 2, at) == 0, "edge %zu", i);
        }
    }
}

static void check_edge_edge(const fn_ellipsoid *e, const double a[2], const double b[2], const double c[2],
                            const double d[2], bool search)
{
    double at_ab[2], at_cd[2];
    double got = fn_geo_edge_edge(e, a, b, c, d, at_ab, at_cd);
    EXPECT(fabs(between(e, at_ab, at_cd) - got) <= 5e-8 && on_edge(e, a, b, at_ab) && on_edge(e, c, d, at_cd),
           "f %g, " EDGE " " EDGE ": %.17g at " EDGE, e->f, SHOW(a, b), SHOW(c, d), got, SHOW(at_ab, at_cd));
    if (got == 0)
        EXPECT(at_ab[0] == at_cd[0] && at_ab[1] == at_cd[1], "one point");
    EXPECT(fn_geo_edge_edge(e, a, b, c, d, NULL, NULL) == got, "the same without the places");
    EXPECT(fabs(fn_geo_edge_edge(e, d, c, b, a, NULL, NULL) - got) < 1e-7, "the same the other way round");
    track ab = track_of(e, a, b), cd = track_of(e, c, d);
    int points = search ? 12 : 4;
    for (int i = 0; i <= points; i++) {
        double x[2];
        go(e, a, ab.azimuth, ab.s * i / points, x);
        double near = least_distance(&cd, x, 8);
        EXPECT(got <= near + 1e-7, "f %g, " EDGE " " EDGE ": %.17g, but %.17g at (%.17g %.17g)", e->f, SHOW(a, b),
               SHOW(c, d), got, near, x[0], x[1]);
    }
}

static void edge_edge_random(void)
{
    check_random r = random_for(__func__);
    int crossed = 0;
    for (int i = 0; i < fewer(600); i++) {
        fn_ellipsoid e = shape((size_t)i);
        double a[2], b[2], c[2], d[2], azimuth;
        random_edge(&r, &e, a, b);
        double reach = fmax(between(&e, a, b), 1);
        random_direction(&r, &azimuth);
        go(&e, a, azimuth, reach * random_log(&r, 1e-3, i % 10 == 0 ? 3 * e.a / reach : 3), c);
        random_direction(&r, &azimuth);
        go(&e, c, azimuth, random_log(&r, 1, fmin(4 * reach, FN_GEO_EDGE)), d);
        crossed += fn_geo_edge_edge(&e, a, b, c, d, NULL, NULL) == 0;
        check_edge_edge(&e, a, b, c, d, true);
    }
    EXPECT(crossed > fewer(15), "%d crossings", crossed);
}

/* Edges made to cross at x, at any angle, and the same with one of them ending just before or behind the other. */
static void edge_edge_crossing(void)
{
    check_random r = random_for(__func__);
    for (int i = 0; i < fewer(2500); i++) {
        fn_ellipsoid e = shape((size_t)i);
        double x[2], a[2], b[2], c[2], d[2], azimuth, at[2], at2[2];
        random_point(&r, x);
        random_direction(&r, &azimuth);
        double angle = random_bits(&r) % 2 ? random_uniform(&r, 10, 170) : random_log(&r, 1e-3, 90);
        go(&e, x, azimuth, random_log(&r, 1, 1e4), a);
        go(&e, x, azimuth, -random_log(&r, 1, 1e4), b);
        double s = random_log(&r, 1, 1e4), t = random_log(&r, 1, 1e4);
        go(&e, x, azimuth + angle, s, c);
        go(&e, x, azimuth + angle, -t, d);
        double sine = sin(angle * RADIANS);
        double got = fn_geo_edge_edge(&e, a, b, c, d, at, at2);
        EXPECT(got == 0 && at[0] == at2[0] && at[1] == at2[1] && between(&e, at, x) < 1e-7 / sine,
               "f %g, " EDGE " " EDGE " at %g: %.17g, %g from where they cross", e.f, SHOW(a, b), SHOW(c, d), angle,
               got, between(&e, at, x));
        if (angle < 10)
            continue;
        double gap = random_log(&r, 1e-5, 0.5);
        go(&e, x, azimuth + angle, -gap, c);
        got = fn_geo_edge_edge(&e, a, b, c, d, at, at2);
        if (t > gap)
            EXPECT(fabs(got - gap * sine) < 1e-7 + 1e-6 * gap, "f %g: %.17g, not %.17g", e.f, got, gap * sine);
        go(&e, x, azimuth + angle, gap, c);
        EXPECT(fn_geo_edge_edge(&e, a, b, c, d, at, at2) == 0, "f %g, %g behind", e.f, gap);
    }
}

static void edge_edge_special(void)
{
    static const double edges[][4] = {{0, 0, 0, 0},
                                      {0, 0, 0.1, 0},
                                      {0.05, -0.05, 0.05, 0.05},
                                      {0.1, 0, 0.1, 0.1},
                                      {0.05, 0, 0.15, 0},
                                      {0.2, 0, 0.3, 0},
                                      {360, 0, 360.1, 0},
                                      {0, 89.95, 180, 89.95},
                                      {90, 89.95, -90, 89.95},
                                      {17, 90, 45, 89.9},
                                      {0, 90, 120, 90},
                                      {179.95, 10, -179.95, 10},
                                      {180, 9.95, -180, 10.05},
                                      {0, -0.1, 0, 0.05},
                                      {5, 60, 5.1, 60},
                                      {5, 60.00001, 5.1, 60.00001},
                                      {0.05, 1e-9, 0.05, 1}};
    size_t n = sizeof edges / sizeof *edges;
    fn_ellipsoid e = shape(0);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            check_edge_edge(&e, edges[i], edges[i] + 2, edges[j], edges[j] + 2, false);
    static const int touching[][2] = {{1, 2},  {1, 3},   {1, 4}, {1, 6}, {7, 8}, {7, 9},
                                      {8, 10}, {11, 12}, {0, 1}, {0, 6}, {1, 13}};
    for (size_t i = 0; i < sizeof touching / sizeof *touching; i++) {
        const double *p = edges[touching[i][0]], *q = edges[touching[i][1]];
        EXPECT(fn_geo_edge_edge(&e, p, p + 2, q, q + 2, NULL, NULL) == 0, "pair %zu", i);
    }
    for (size_t i = 0; i < n; i++)
        EXPECT(fn_geo_edge_edge(&e, edges[i], edges[i] + 2, edges[i], edges[i] + 2, NULL, NULL) == 0, "itself, %zu", i);
}

static void cut_edges(void)
{
    check_random r = random_for(__func__);
    for (int i = 0; i < 300; i++) {
        fn_ellipsoid e = shape((size_t)i);
        double a[2], b[2];
        random_point(&r, a);
        random_point(&r, b);
        if (i % 3 == 0)
            go(&e, a, random_uniform(&r, -180, 180), random_log(&r, 1e4, 1e6), b);
        double s = between(&e, a, b);
        size_t n = fn_geo_cut_count(&e, a, b);
        REQUIRE(n <= 2000 && (n == 0) == (s <= FN_GEO_EDGE), "%zu pieces of %g", n + 1, s);
        EXPECT(s <= FN_GEO_EDGE * (double)(n + 1) * (1 + 1e-12) && (n == 0 || s > FN_GEO_EDGE * (double)n), "%zu", n);
        double *points = malloc((2 * n + 2) * sizeof *points), last[2] = {a[0], a[1]}, sum = 0;
        fn_geo_cut(&e, a, b, n, points);
        for (size_t k = 0; k <= n; k++) {
            const double *q = k < n ? &points[2 * k] : b;
            double piece = between(&e, last, q);
            EXPECT(fabs(piece - s / (double)(n + 1)) < 1e-6, "edge " EDGE ": piece %zu is %.12g", SHOW(a, b), k, piece);
            double high = fmax(fabs(last[1]), fabs(q[1]));
            EXPECT(k == n || fabs(q[0] - last[0]) < 180 || high > 89.8, "edge " EDGE ": longitude jumps", SHOW(a, b));
            sum += piece;
            memcpy(last, q, sizeof last);
        }
        EXPECT(fabs(sum - s) < 1e-5, "%g", sum - s);
        free(points);
    }
}

/* ---- rings ---- */

typedef struct ring {
    double *xy;
    size_t n, room;
} ring;

static void push(ring *g, const double p[2])
{
    const double v[2] = {p[0], p[1]}; /* p may be in the ring */
    if (g->n == g->room) {
        g->room = g->room > 0 ? 2 * g->room : 64;
        g->xy = realloc(g->xy, 2 * g->room * sizeof *g->xy);
    }
    memcpy(&g->xy[2 * g->n++], v, sizeof v);
}

/* Long edges cut, as all rings here come. */
static ring cut_ring(const fn_ellipsoid *e, const double *xy, size_t n)
{
    ring g = {NULL, 0, 0};
    push(&g, xy);
    for (const double *p = xy + 2; p < xy + 2 * n; p += 2) {
        size_t cuts = fn_geo_cut_count(e, p - 2, p);
        double *points = malloc((2 * cuts + 1) * sizeof *points);
        fn_geo_cut(e, p - 2, p, cuts, points);
        for (size_t k = 0; k < cuts; k++)
            push(&g, &points[2 * k]);
        free(points);
        push(&g, p);
    }
    return g;
}

/* How often the ring goes round p as p sees it, in azimuths towards points of it. It then has p on the other side than
 * p's antipode; `far_inside` tells on which side that is. NAN: p is too near the ring to tell. */
static double turns_round(const fn_ellipsoid *e, const ring *g, const double p[2])
{
    double sum = 0, before = 0;
    for (size_t i = 0; i + 1 < g->n; i++) {
        track t = track_of(e, &g->xy[2 * i], &g->xy[2 * i + 2]);
        double near = between(e, p, t.a);
        if (near < 1e-6)
            return NAN;
        int points = near < 5 * t.s ? 24 : 2;
        for (int k = i == 0 ? 0 : 1; k <= points; k++) {
            double q[2], s, azimuth;
            go(e, t.a, t.azimuth, t.s * k / points, q);
            geod_inverse(&e->geod, p[1], p[0], q[1], q[0], &s, &azimuth, NULL);
            if (i + (size_t)k > 0) {
                double by = remainder(azimuth - before, 360);
                if (fabs(by) > 120)
                    return NAN;
                sum += by;
            }
            before = azimuth;
        }
    }
    return sum / 360;
}

static int asked, answered_in;

static void check_contains(const fn_ellipsoid *e, const ring *g, const double p[2], const double bounds[4])
{
    double turns = turns_round(e, g, p);
    if (isnan(turns))
        return;
    bool want = fabs(turns) > 0.5;
    bool got = fn_geo_ring_contains(e, g->xy, g->n, p);
    asked++;
    answered_in += got;
    EXPECT(got == want, "f %g, ring of %zu from (%.17g %.17g): (%.17g %.17g) %s", e->f, g->n, g->xy[0], g->xy[1], p[0],
           p[1], want ? "is inside" : "is outside");
    if (got) {
        double lon = p[0] + 360 * ceil((bounds[0] - p[0]) / 360 - 1e-15);
        EXPECT(lon <= bounds[2] && p[1] >= bounds[1] && p[1] <= bounds[3],
               "f %g, (%.17g %.17g) is in a ring, but not in its bounds %.17g %.17g %.17g %.17g", e->f, p[0], p[1],
               bounds[0], bounds[1], bounds[2], bounds[3]);
    }
}

static void check_bounds(const fn_ellipsoid *e, const ring *g, double bounds[4])
{
    fn_geo_ring_bounds(e, g->xy, g->n, bounds);
    EXPECT(bounds[0] >= -180 && bounds[0] < 180 && bounds[2] >= bounds[0] && bounds[2] - bounds[0] <= 360 &&
               bounds[1] >= -90 && bounds[3] >= bounds[1] && bounds[3] <= 90,
           "bounds %.17g %.17g %.17g %.17g", bounds[0], bounds[1], bounds[2], bounds[3]);
    double south = 90, north = -90;
    for (size_t i = 0; i + 1 < g->n; i++) {
        track t = track_of(e, &g->xy[2 * i], &g->xy[2 * i + 2]);
        for (int k = 0; k <= 16; k++) {
            double q[2];
            go(e, t.a, t.azimuth, t.s * k / 16, q);
            south = fmin(south, q[1]);
            north = fmax(north, q[1]);
            double lon = q[0] + 360 * ceil((bounds[0] - q[0]) / 360);
            double beyond = fmin(lon - bounds[2], bounds[0] + 360 - lon);
            double metres = beyond * RADIANS * cos(q[1] * RADIANS) * e->a;
            EXPECT(metres < 1e-7 && q[1] >= bounds[1] - 1e-12 && q[1] <= bounds[3] + 1e-12,
                   "f %g, ring of %zu from (%.17g %.17g): (%.17g %.17g) is %g m outside %.17g %.17g %.17g %.17g", e->f,
                   g->n, g->xy[0], g->xy[1], q[0], q[1], metres, bounds[0], bounds[1], bounds[2], bounds[3]);
        }
    }
    EXPECT((bounds[1] == -90 || south - bounds[1] < 1e-3) && (bounds[3] == 90 || bounds[3] - north < 1e-3),
           "f %g, bounds %.17g %.17g are too wide: %.17g %.17g", e->f, bounds[1], bounds[3], south, north);
}

/* Points everywhere, and those that are hard: beside edges, on the meridian of a vertex, poles. */
static void check_ring(check_random *r, const fn_ellipsoid *e, ring *g, const double centre[2], double radius,
                       int points)
{
    double bounds[4], p[2];
    check_bounds(e, g, bounds);
    for (int i = 0; i < points; i++) {
        const double *v = &g->xy[2 * ((size_t)random_bits(r) % g->n)];
        go(e, centre, random_uniform(r, -180, 180), radius * random_uniform(r, 0, 1.4), p);
        switch (i % 6) {
        case 1:
            p[0] = v[0];
            break;
        case 2:
            p[1] = v[1];
            break;
        case 3:
            go(e, v, random_uniform(r, -180, 180), random_log(r, 1e-3, 100), p);
            break;
        case 4:
            p[0] += 360 * (double)random_between(r, -2, 2);
            break;
        case 5:
            if (i % 4 == 1) /* the nearer pole: of the other one the antipode can be inside */
                p[1] = centre[1] < 0 ? -90 : 90;
            break;
        default:
            break;
        }
        check_contains(e, g, p, bounds);
    }
    /* On both sides of an edge, 1 mm away. */
    for (int i = 0; i < points / 4; i++) {
        size_t k = (size_t)random_bits(r) % (g->n - 1);
        track t = track_of(e, &g->xy[2 * k], &g->xy[2 * k + 2]);
        if (t.s < 1 || fabs(t.a[1]) > 89.9999 || fabs(t.b[1]) > 89.9999)
            continue;
        double on[2], left[2], right[2], azimuth;
        geod_direct(&e->geod, t.a[1], t.a[0], t.azimuth, t.s * random_uniform(r, 0.01, 0.99), &on[1], &on[0], &azimuth);
        go(e, on, azimuth - 90, 1e-3, left);
        go(e, on, azimuth + 90, 1e-3, right);
        bool sides = fn_geo_ring_contains(e, g->xy, g->n, left) != fn_geo_ring_contains(e, g->xy, g->n, right);
        bool twice = fabs(fabs(t.a[0]) - 180) < 1e-9 && fabs(fabs(t.b[0]) - 180) < 1e-9; /* to the pole and back */
        EXPECT(sides != twice, "f %g, ring of %zu: on both sides of (%.17g %.17g)", e->f, g->n, on[0], on[1]);
    }
}

/* A star round a centre: its rays ascend in azimuth. */
static void rings_random(void)
{
    check_random r = random_for(__func__);
    asked = answered_in = 0;
    for (int i = 0; i < fewer(150); i++) {
        fn_ellipsoid e = shape((size_t)i);
        double centre[2], radius = random_log(&r, 10, i % 8 == 0 ? 2e6 : 1e5);
        random_point(&r, centre);
        if (i % 3 == 0)
            centre[1] = (i % 2 ? 90 : -90) * (1 - random_log(&r, 1e-9, 0.02));
        ring corners = {NULL, 0, 0};
        int rays = (int)random_between(&r, 3, 40);
        double first = random_uniform(&r, -180, 180);
        for (int k = 0; k < rays; k++) {
            double p[2];
            go(&e, centre, (i % 2 ? first + 360.0 * k / rays : first - 360.0 * k / rays),
               radius * random_uniform(&r, rays > 6 ? 0.3 : 0.8, 1), p);
            if (i % 5 == 0)
                p[0] += 360 * (double)random_between(&r, -2, 2);
            push(&corners, p);
        }
        push(&corners, corners.xy);
        ring g = cut_ring(&e, corners.xy, corners.n);
        check_ring(&r, &e, &g, centre, radius, g.n > 300 ? 6 : 40);
        free(g.xy);
        free(corners.xy);
    }
    EXPECT(asked > fewer(2000) && answered_in > asked / 10 && answered_in < asked * 9 / 10, "%d of %d inside",
           answered_in, asked);
}

/* Continents round a pole as files have them: a coast from -180 to 180, then along the antimeridian to the pole,
 * along the latitude of the pole and back up; or with the ends joined at the coast; or with the pole only once. Both
 * poles. */
static void rings_round_a_pole(void)
{
    check_random r = random_for(__func__);
    asked = answered_in = 0;
    for (int i = 0; i < 12; i++) {
        fn_ellipsoid e = shape((size_t)i);
        double pole = i % 2 ? 90 : -90, sign = i % 2 ? 1 : -1;
        ring corners = {NULL, 0, 0};
        for (int k = 0; k <= 72; k++) {
            double lat = sign * random_uniform(&r, 68, 72), first = k == 72 ? corners.xy[1] : lat;
            push(&corners, (double[]){-180 + 5 * k, first});
        }
        if (i % 6 < 4) {
            push(&corners, (double[]){180, pole});
            if (i % 6 < 2)
                for (int k = 1; k < 8; k++)
                    push(&corners, (double[]){180 - 45 * k, pole});
            push(&corners, (double[]){-180, pole});
            push(&corners, corners.xy);
        }
        if (i >= 6) /* the same, the other way */
            for (size_t k = 0; k < corners.n / 2; k++)
                for (int c = 0; c < 2; c++) {
                    double *v = &corners.xy[2 * k + (size_t)c], *w = &corners.xy[2 * (corners.n - 1 - k) + (size_t)c],
                           x = *v;
                    *v = *w;
                    *w = x;
                }
        ring g = cut_ring(&e, corners.xy, corners.n);
        double bounds[4];
        check_ring(&r, &e, &g, (double[]){0, pole}, 2.5e6, 30);
        fn_geo_ring_bounds(&e, g.xy, g.n, bounds);
        EXPECT(bounds[0] == -180 && bounds[2] == 180 && (i % 2 ? bounds[3] : bounds[1]) == pole, "all round");
        for (int k = 0; k < 24; k++) {
            EXPECT(fn_geo_ring_contains(&e, g.xy, g.n, (double[]){k * 15 - 179.5, pole * 0.99}), "%d near the pole", k);
            EXPECT(!fn_geo_ring_contains(&e, g.xy, g.n, (double[]){k * 15 - 180, sign * 60}), "%d sea", k);
            EXPECT(!fn_geo_ring_contains(&e, g.xy, g.n, (double[]){k * 15 - 180, -pole}), "%d the other pole", k);
        }
        free(g.xy);
        free(corners.xy);
    }
    EXPECT(asked > 100 && answered_in > asked / 10, "%d of %d inside", answered_in, asked);
}

/* A corner at a pole, whose longitude says nothing; one at both. */
static void rings_with_a_pole(void)
{
    check_random r = random_for(__func__);
    for (int i = 0; i < 16; i++) {
        fn_ellipsoid e = shape((size_t)i);
        double west = (double)random_between(&r, -36, 36) * 10, width = (double)random_between(&r, 1, 17) * 10;
        double pole = i % 2 ? 90 : -90, lon = random_uniform(&r, -400, 400), foot = i % 4 < 2 ? 0 : pole * 0.9;
        double octant[][2] = {{west, foot}, {west + width, foot}, {lon, pole}, {west, foot}};
        double from_pole[][2] = {{lon, pole}, {west, foot}, {west + width, foot}, {lon + 50, pole}};
        ring g = i % 8 < 4 ? cut_ring(&e, octant[0], 4) : cut_ring(&e, from_pole[0], 4);
        double bounds[4];
        check_bounds(&e, &g, bounds);
        EXPECT(fabs(bounds[2] - bounds[0] - width) < 1e-9, "%g wide, not %g", bounds[2] - bounds[0], width);
        for (int k = 0; k < 24; k++) {
            double p[2] = {random_uniform(&r, -180, 180), random_uniform(&r, -90, 90)};
            if (i % 4 >= 2)
                p[1] = pole * random_uniform(&r, 0.85, 1);
            double east = remainder(p[0] - west - width / 2, 360);
            if (p[1] * pole > 0) /* its antipode is outside */
                check_contains(&e, &g, p, bounds);
            else
                EXPECT(!fn_geo_ring_contains(&e, g.xy, g.n, p), "(%.17g %.17g)", p[0], p[1]);
            if (fabs(p[1]) > 0.99 * 90 && p[1] * pole > 0)
                EXPECT(fn_geo_ring_contains(&e, g.xy, g.n, p) == (fabs(east) < width / 2), "(%.17g %.17g), %g from %g",
                       p[0], p[1], width, west);
        }
        free(g.xy);

        double lune[][2] = {{lon, 90}, {west, 0}, {west, -90}, {west + width, -90}, {west + width, 0}, {lon, 90}};
        double narrow = fmin(width, 60);
        lune[3][0] = lune[4][0] = west + narrow;
        g = cut_ring(&e, lune[0], 6);
        check_bounds(&e, &g, bounds);
        for (int k = 0; k < 40; k++) {
            double p[2] = {random_uniform(&r, -180, 180), random_uniform(&r, -89, 89)};
            bool want = fabs(remainder(p[0] - west - narrow / 2, 360)) < narrow / 2;
            EXPECT(fn_geo_ring_contains(&e, g.xy, g.n, p) == want, "(%.17g %.17g) in the lune of %g from %g", p[0],
                   p[1], narrow, west);
        }
        free(g.xy);
    }
}

static void rings_degenerate(void)
{
    fn_ellipsoid e = shape(0);
    double point[] = {5, 5, 5, 5, 5, 5, 5, 5}, spike[] = {0, 0, 0.1, 0.1, 0, 0},
           poles[] = {0, 90, 90, 90, 180, 90, 0, 90};
    double bounds[4];
    EXPECT(!fn_geo_ring_contains(&e, point, 4, (double[]){5, 4}), "a point");
    EXPECT(!fn_geo_ring_contains(&e, spike, 3, (double[]){0.05, 0.01}), "a spike");
    EXPECT(!fn_geo_ring_contains(&e, poles, 4, (double[]){0.05, 89}), "a pole");
    fn_geo_ring_bounds(&e, point, 4, bounds);
    EXPECT(bounds[0] == 5 && bounds[1] == 5 && bounds[2] == 5 && bounds[3] == 5, "a point");
    fn_geo_ring_bounds(&e, poles, 4, bounds);
    EXPECT(bounds[1] == 90 && bounds[3] == 90, "a pole");
    /* West of 180 by less than a sum with 180 can tell. */
    double edge[] = {nextafter(180, 0), 0, -179, 0, -179, 1, nextafter(180, 0), 0};
    fn_geo_ring_bounds(&e, edge, 4, bounds);
    EXPECT(bounds[0] == nextafter(180, 0) && bounds[2] == 181, "bounds %.17g %.17g", bounds[0], bounds[2]);
    /* The top of a parallel's chord, and boxes over the antimeridian in both spellings. */
    double box[] = {179.9, 60, 180.1, 60, 180.1, 60.1, 179.9, 60.1, 179.9, 60};
    double same[] = {179.9, 60, -179.9, 60, -179.9, 60.1, 179.9, 60.1, 179.9, 60};
    fn_geo_ring_bounds(&e, box, 5, bounds);
    EXPECT(bounds[0] == 179.9 && bounds[1] == 60 && bounds[3] > 60.1 && bounds[2] == 180.1, "%.17g %.17g", bounds[0],
           bounds[2]);
    fn_geo_ring_bounds(&e, same, 5, bounds);
    EXPECT(fabs(bounds[0] - 179.9) < 1e-11 && fabs(bounds[2] - 180.1) < 1e-11, "%.17g %.17g", bounds[0], bounds[2]);
    EXPECT(fn_geo_ring_contains(&e, box, 5, (double[]){-180, 60.05}), "antimeridian");
    EXPECT(fn_geo_ring_contains(&e, same, 5, (double[]){540, 60.05}), "antimeridian");
    EXPECT(!fn_geo_ring_contains(&e, same, 5, (double[]){0, 60.05}), "the other side");
}

/* ---- rings with an index ---- */

static double choice(check_random *r, const double *values, size_t n)
{
    return values[(size_t)random_bits(r) % n];
}

/* Vertices that wander, all sorts of them. Closed by a jump or, `round`, by coming back; longitudes may go on and
 * on. */
static ring wandering(check_random *r, size_t n)
{
    const double steps[] = {1e-13, 1e-9, 1e-3, 0.2, 3, 40, 120, 180, 200};
    const double starts[] = {0, 180, -180, 179.999, 360, -540, 99990, 1e7, 1e15};
    const bool exact = random_bits(r) % 3 == 0; /* whole degrees: on meridians of one another, 180 apart */
    const bool repeats = random_bits(r) % 4 == 0, jumps = random_bits(r) % 4 == 0;
    const unsigned poles = random_bits(r) % 3 == 0 ? 1u << random_between(r, 0, 10) : 0;
    const double step = exact ? 1 + (double)random_between(r, 0, 60) : choice(r, steps, 9);
    const double drift = random_bits(r) % 2 ? (random_bits(r) % 2 ? 360.0 : -360) / (double)n : 0;
    double base = random_bits(r) % 2 ? random_uniform(r, -180, 180) : choice(r, starts, 9);
    double p[2] = {exact ? rint(base) : base, random_uniform(r, -89, 89)};
    ring g = {NULL, 0, 0};
    while (g.n < n - 1) {
        double q[2] = {p[0], p[1]};
        if (poles && random_bits(r) % poles == 0) {
            q[1] = random_bits(r) % 8 == 0 ? -90 : p[1] < 0 ? -90 : 90;
            q[0] += random_uniform(r, -400, 400);
        }
        if (jumps && random_bits(r) % 2)
            q[0] += 360 * (double)random_between(r, -3, 3);
        push(&g, q);
        if (repeats && random_bits(r) % 2)
            continue;
        double by = random_uniform(r, -step, step);
        p[0] += (exact ? rint(by) : by) + drift;
        p[1] = fmin(fmax(p[1] + random_uniform(r, -1, 1) * fmin(step, 5), -89.9), 89.9);
        if (exact)
            p[1] = rint(p[1]);
    }
    push(&g, g.xy);
    return g;
}

/* A circle with a wavy shore, round a pole or not. */
static ring shore(check_random *r, size_t n)
{
    ring g = {NULL, 0, 0};
    const double lon = random_uniform(r, -400, 400), lat = random_uniform(r, -60, 60), far = random_uniform(r, 1, 80);
    const double waves = (double)random_between(r, 1, 400), sign = random_bits(r) % 2 ? 1 : -1;
    const bool polar = random_bits(r) % 3 == 0, to_pole = random_bits(r) % 2;
    for (size_t i = 0; i < n - (polar && to_pole ? 4 : 1); i++) {
        double t = 360 * (double)i / (double)n, wave = 1 + 0.2 * sin(waves * t * RADIANS) + random_uniform(r, 0, 0.01);
        if (polar)
            push(&g, (double[]){sign * (t - 180), sign * (90 - 20 * wave)});
        else
            push(&g, (double[]){lon + far * wave * cos(t * RADIANS), lat + 20 * wave * sin(t * RADIANS)});
    }
    if (polar && to_pole) { /* as Antarctica is drawn */
        push(&g, (double[]){sign * 180, g.xy[1]});
        push(&g, (double[]){sign * 180, sign * 90});
        push(&g, (double[]){sign * -180, sign * 90});
    }
    push(&g, g.xy);
    return g;
}

/* Anywhere, and where it is decided: at and beside longitudes and latitudes of vertices, and half way round from
 * them. */
static void hard_point(check_random *r, const ring *g, double p[2])
{
    const double *v = &g->xy[2 * ((size_t)random_bits(r) % g->n)], *w = &g->xy[2 * ((size_t)random_bits(r) % g->n)];
    random_point(r, p);
    const uint64_t kind = random_bits(r);
    if (kind % 8 < 5)
        p[0] = v[0];
    if (kind % 8 == 1)
        p[0] += random_log(r, 1e-14, 1) * (kind & 256 ? 1 : -1);
    else if (kind % 8 == 2)
        p[0] += 180 * (double)random_between(r, -4, 4);
    else if (kind % 8 == 3)
        p[0] = nextafter(p[0], kind & 256 ? 1e300 : -1e300);
    else if (kind % 8 == 4)
        p[0] = (v[0] + w[0]) / 2;
    if (kind & 1024)
        p[1] = kind & 2048 ? w[1] : fmin(fmax(v[1] + random_log(r, 1e-12, 1) * (kind & 256 ? 1 : -1), -90), 90);
    const double far[] = {36e4, -36e4, 36e8, 36e13, -1e300};
    if (kind % 8 == 5)
        p[0] = remainder(v[0], 360);
    if ((kind >> 12) % 32 == 0)
        p[0] += choice(r, far, 5);
}

static void rings_indexed(void)
{
    check_random r = random_for(__func__);
    size_t in = 0, all = 0, looked = 0;
    const size_t budget = (size_t)fewer(200 * 1000 * 1000);
    for (int i = 0; looked < budget; i++) {
        fn_ellipsoid e = shape((size_t)i);
        const size_t n = (size_t)random_log(&r, 4, i % 16 == 0 ? 20000 : 400);
        ring g = i % 3 == 0 ? shore(&r, n + 8) : wandering(&r, n < 4 ? 4 : n);
        fn_ring_index index = {0};
        REQUIRE(fn_ring_index_init(&index, g.xy, g.n), "memory");
        const size_t points = 20000 / g.n + 100;
        for (size_t k = 0; k < points; k++) {
            double p[2];
            hard_point(&r, &g, p);
            const bool want = fn_geo_ring_contains(&e, g.xy, g.n, p);
            const bool got = fn_geo_ring_contains_indexed(&e, g.xy, g.n, &index, p);
            EXPECT(got == want,
                   "f %g, ring %d of %zu from (%.17g %.17g): (%.17g %.17g) is %s, with the index it is not", e.f, i,
                   g.n, g.xy[0], g.xy[1], p[0], p[1], want ? "inside" : "outside");
            in += want;
            all++;
        }
        looked += points * g.n;
        fn_ring_index_destroy(&index);
        free(g.xy);
    }
    EXPECT(in > all / 20 && in < all * 19 / 20, "%zu of %zu inside", in, all);
}

/* Few vertices, and all at poles. */
static void rings_indexed_degenerate(void)
{
    fn_ellipsoid e = shape(0);
    double xy[2 * 300];
    for (size_t n = 0; n <= 300; n++) {
        for (size_t k = 0; k < n; k++) {
            xy[2 * k] = (double)k;
            xy[2 * k + 1] = k % 2 ? 90 : -90;
        }
        for (int one = 0; one < (n > 0 ? 2 : 1); one++) {
            if (one) /* not at a pole */
                xy[n / 2 * 2 + 1] = 10;
            fn_ring_index index = {0};
            REQUIRE(fn_ring_index_init(&index, xy, n), "memory");
            for (int k = -1; k < 300; k++) {
                double p[2] = {k, k % 3 * 40};
                EXPECT(fn_geo_ring_contains_indexed(&e, xy, n, &index, p) == fn_geo_ring_contains(&e, xy, n, p),
                       "%zu at poles: %d", n, k);
            }
            fn_ring_index_destroy(&index);
        }
    }
    double box[] = {0, 0, 0.1, 0, 0.1, 0.1, 0, 0.1, 0, 0};
    EXPECT(fn_geo_ring_contains_indexed(&e, box, 5, NULL, (double[]){0.05, 0.05}), "without an index");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(space_known_points),
        UNIT(chord_max_holds),
        UNIT(bulge_holds),
        UNIT(distance_and_azimuth),
        UNIT(sights_hold),
        UNIT(points_under),
        UNIT(point_edge_random),
        UNIT(point_edge_far),
        UNIT(point_edge_special),
        UNIT(edge_edge_random),
        UNIT(edge_edge_crossing),
        UNIT(edge_edge_special),
        UNIT(cut_edges),
        UNIT(rings_random),
        UNIT(rings_round_a_pole),
        UNIT(rings_with_a_pole),
        UNIT(rings_degenerate),
        UNIT(rings_indexed),
        UNIT(rings_indexed_degenerate),
    };
    return check_main(tests);
}
