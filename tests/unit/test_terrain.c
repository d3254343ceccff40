/* Terrain functions: planes and spheres that have their own answers, geodesics, formulas once more in another way,
 * GDAL's rules by numbers that gdaldem gives, cuts into calls and sets of instructions that agree. */
#include "check.h"

#include <geodesic.h>
#include <math.h>

#include "terrain.h"
#include "terrain_kernels.h"

#define RADIANS (3.14159265358979323846 / 180)

enum { ROWS = 7, COLUMNS = 9 };

/* ---- a raster, and a terrain function of all of it ---- */

/* A raster with what is outside of it: NaN, reach cells wide. */
typedef struct raster {
    size_t columns, rows, reach, stride;
    double *cells; /* the first one is inside, at cells[reach * stride + reach] */
} raster;

static raster make_raster(size_t columns, size_t rows, size_t reach)
{
    raster r = {columns, rows, reach, columns + 2 * reach, NULL};
    const size_t n = r.stride * (rows + 2 * reach);
    r.cells = malloc(n * sizeof *r.cells);
    REQUIRE(r.cells != NULL, "memory");
    for (size_t i = 0; i < n; i++)
        r.cells[i] = NAN;
    return r;
}

static double *at(const raster *r, ptrdiff_t column, ptrdiff_t row)
{
    return r->cells + (row + (ptrdiff_t)r->reach) * (ptrdiff_t)r->stride + column + (ptrdiff_t)r->reach;
}

static fn_terrain make_terrain(const fn_terrain_options *options, const fn_georeference *g)
{
    fn_terrain terrain;
    fn_error err;
    REQUIRE(fn_terrain_init(&terrain, options, g, &err) == FN_OK, "%s", err.text);
    return terrain;
}

static void run_all(const fn_terrain *terrain, const raster *in, double *out)
{
    void *scratch = malloc(fn_terrain_scratch_bytes(terrain));
    REQUIRE(scratch != NULL && (size_t)fn_terrain_reach(terrain) <= in->reach, "scratch");
    fn_terrain_run(terrain, at(in, 0, 0), in->stride, 0, 0, in->columns, in->rows, out, in->columns, scratch);
    free(scratch);
}

static fn_georeference projected(size_t columns, size_t rows, const double t[6])
{
    fn_georeference g = {.known = true, .width = (int64_t)columns, .height = (int64_t)rows};
    memcpy(g.geotransform, t, sizeof g.geotransform);
    return g;
}

/* The result of the cell in the middle of 3 x 3 values. */
static double of_window(const fn_terrain_options *options, const fn_georeference *g, const double window[9])
{
    const fn_terrain terrain = make_terrain(options, g);
    void *scratch = malloc(fn_terrain_scratch_bytes(&terrain));
    double out;
    REQUIRE(scratch != NULL, "memory");
    fn_terrain_run(&terrain, window + 4, 3, 1, 1, 1, 1, &out, 1, scratch);
    free(scratch);
    return out;
}

/* ---- planes ---- */

static const double grids[][6] = {
    {0, 30, 0, 0, 0, -30},                               /* north up, square */
    {0, 10, 0, 0, 0, -20},                               /* not square */
    {0, 10, 0, 0, 0, 25},                                /* south up */
    {0, -10, 0, 0, 0, -10},                              /* west to the right */
    {0, 8.660254037844386, 5, 0, 5, -8.660254037844386}, /* rotated by 30 degrees */
    {0, -6, 16, 0, 8, 12},                               /* by more, not square, the other way round */
    {0, 3, -40, 0, -30, -4},                             /* by a quarter turn and some */
    {0, 20, 7, 0, -3, -10},                              /* sheared */
};

static double turn_between(double a, double b)
{
    return fabs(remainder(a - b, 360));
}

/* Cells that are left out: none; scattered, so that each kind of neighbourhood is there. */
static bool is_hole(int holes, int column, int row)
{
    return holes == 1 ? column == 4 && row == 3 : holes == 2 ? (column * 5 + row * 3) % 7 == 0 : false;
}

static void check_plane(const double t[6], double slope, double azimuth, int holes, fn_terrain_method method)
{
    raster in = make_raster(COLUMNS, ROWS, 1);
    const double tangent = tan(slope * RADIANS), p = -tangent * sin(azimuth * RADIANS),
                 q = -tangent * cos(azimuth * RADIANS);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++)
            *at(&in, c, r) =
                is_hole(holes, c, r) ? (double)NAN : 100 + p * (t[1] * c + t[2] * r) + q * (t[4] * c + t[5] * r);
    const fn_georeference g = projected(COLUMNS, ROWS, t);
    fn_terrain_options options = fn_terrain_defaults(FN_SLOPE);
    options.method = method;
    double slopes[ROWS * COLUMNS], aspects[ROWS * COLUMNS];
    fn_terrain terrain = make_terrain(&options, &g);
    run_all(&terrain, &in, slopes);
    options.kind = FN_ASPECT;
    terrain = make_terrain(&options, &g);
    run_all(&terrain, &in, aspects);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            const double s = slopes[r * COLUMNS + c], a = aspects[r * COLUMNS + c];
            if (is_hole(holes, c, r)) {
                EXPECT(isnan(s) && isnan(a), "hole at %d, %d", c, r);
                continue;
            }
            EXPECT(fabs(s - slope) < 1e-12 * 90, "grid %g %g, %g %g at %d, %d: slope %.17g", t[1], t[2], slope, azimuth,
                   c, r, s);
            /* an angle is as exact as the slope that it is of */
            EXPECT(turn_between(a, azimuth) < 1e-12 * 360 / fmin(1, tangent),
                   "grid %g %g, %g %g at %d, %d: aspect %.17g", t[1], t[2], slope, azimuth, c, r, a);
        }
    free(in.cells);
}

static void test_planes(void)
{
    static const double slopes[] = {0.5, 7, 19.83, 45, 70};
    for (size_t k = 0; k < sizeof grids / sizeof *grids; k++)
        for (size_t s = 0; s < sizeof slopes / sizeof *slopes; s++)
            for (double azimuth = 0; azimuth < 360; azimuth += 15)
                for (int holes = 0; holes < 3; holes++)
                    for (int method = 0; method < 2; method++)
                        check_plane(grids[k], slopes[s], azimuth, holes, (fn_terrain_method)method);
}

/* Fewer than three cells, or all on a line: no plane, but never a number that is none. */
static void test_too_few(void)
{
    const double v = 5, none = NAN;
    const fn_georeference g = projected(3, 3, grids[0]);
    const fn_terrain_options options = fn_terrain_defaults(FN_SLOPE);
    const double alone[9] = {none, none, none, none, v, none, none, none, none};
    const double two[9] = {none, 4, none, none, v, none, none, none, none};
    const double line[9] = {none, none, 7, none, v, none, 3, none, none};
    const double row[9] = {none, none, none, 1, v, 9, none, none, none};
    const double three[9] = {none, 35, none, none, v, 5, none, none, none};
    EXPECT(isnan(of_window(&options, &g, alone)), "one cell");
    EXPECT(isnan(of_window(&options, &g, two)), "two cells");
    EXPECT(isnan(of_window(&options, &g, line)), "a diagonal");
    EXPECT(isnan(of_window(&options, &g, row)), "a row");
    EXPECT(fabs(of_window(&options, &g, three) - 45) < 1e-12, "three cells: %g", of_window(&options, &g, three));
}

static void test_flat(void)
{
    double window[9];
    for (int i = 0; i < 9; i++)
        window[i] = 0.1;
    const fn_georeference g = projected(3, 3, grids[4]);
    fn_terrain_options options = fn_terrain_defaults(FN_ASPECT);
    EXPECT(isnan(of_window(&options, &g, window)), "flat aspect");
    options.flat = -1;
    EXPECT(of_window(&options, &g, window) == -1, "flat aspect with a value");
    options.kind = FN_SLOPE;
    EXPECT(of_window(&options, &g, window) == 0, "flat slope");
    options.kind = FN_HILLSHADE;
    for (int h = 0; h < 4; h++) {
        options.hillshade = (fn_hillshade_kind)h;
        const double flat = 1 + 254 * sin(45 * RADIANS), expected = h == FN_HILLSHADE_IGOR       ? 255
                                                                    : h == FN_HILLSHADE_COMBINED ? 255
                                                                                                 : flat;
        EXPECT(fabs(of_window(&options, &g, window) - expected) < 1e-12 * 255, "hillshade %d", h);
    }
    options.kind = FN_CURVATURE;
    for (int k = 0; k < 4; k++) {
        options.curvature = (fn_curvature_kind)k;
        EXPECT(of_window(&options, &g, window) == (k == FN_CURVATURE_MEAN ? 0 : -1), "curvature %d", k);
    }
}

/* ---- longitude and latitude ---- */

static fn_georeference geographic(double west, double north, const double steps[4], double radians)
{
    return (fn_georeference){.known = true,
                             .width = 3,
                             .height = 3,
                             .geotransform = {west, steps[0], steps[1], north, steps[2], steps[3]},
                             .geographic = true,
                             .semi_major = 6378137,
                             .flattening = 1 / 298.257223563,
                             .radians = radians};
}

/* A surface that rises, along the geodesics from the centre, like a plane. missing: bits of cells. */
static void check_geodesic(double latitude, const double steps[4], double unit, unsigned missing)
{
    struct geod_geodesic ellipsoid;
    geod_init(&ellipsoid, 6378137, 1 / 298.257223563);
    const double azimuth = 37, tangent = 0.4;
    const double west = 20 - 1.5 * steps[0] - 1.5 * steps[1], north = latitude - 1.5 * steps[2] - 1.5 * steps[3];
    double window[9];
    for (int i = 0; i < 9; i++) {
        const int c = i % 3 - 1, r = i / 3 - 1;
        double distance, direction;
        geod_inverse(&ellipsoid, latitude, 20, latitude + c * steps[2] + r * steps[3], 20 + c * steps[0] + r * steps[1],
                     &distance, &direction, NULL);
        window[i] = missing >> i & 1 ? (double)NAN : 500 - tangent * distance * cos((direction - azimuth) * RADIANS);
    }
    const double scaled[4] = {steps[0] / unit, steps[1] / unit, steps[2] / unit, steps[3] / unit};
    const fn_georeference g = geographic(west / unit, north / unit, scaled, RADIANS * unit);
    fn_terrain_options options = fn_terrain_defaults(FN_SLOPE);
    options.unit = FN_SLOPE_PERCENT;
    const double slope = of_window(&options, &g, window);
    options.kind = FN_ASPECT;
    const double aspect = of_window(&options, &g, window);
    EXPECT(fabs(slope - 100 * tangent) < 1e-6 * 100 * tangent, "latitude %g, cells %x: slope %.12g %%", latitude,
           missing, slope);
    EXPECT(turn_between(aspect, azimuth) < 1e-6 * 360, "latitude %g, cells %x: aspect %.12g", latitude, missing,
           aspect);
}

static void test_geodesic(void)
{
    const double second = 1 / 3600.0;
    const double north_up[4] = {second, 0, 0, -second}, south_up[4] = {second, 0, 0, second},
                 narrow[4] = {0.5 * second, 0, 0, -3 * second},
                 rotated[4] = {0.8 * second, 0.6 * second, 0.6 * second, -0.8 * second}, wide[4] = {0.01, 0, 0, -0.01};
    for (double latitude = -60; latitude <= 80; latitude += 2.5) {
        check_geodesic(latitude, north_up, 1, 0);
        check_geodesic(latitude, south_up, 1, 0);
        check_geodesic(latitude, narrow, 1, 0);
        check_geodesic(latitude, rotated, 1, 0);
        check_geodesic(latitude, north_up, 1, 0x49); /* the first column */
        check_geodesic(latitude, rotated, 1, 0x107); /* the first row and a corner */
        check_geodesic(latitude, north_up, 0.9, 0);  /* gon */
        check_geodesic(latitude, wide, 1, 0);
        if (fabs(latitude) <= 60)
            check_geodesic(latitude, wide, 1, 0x107);
    }
}

/* Each row has its own steps, each cell where rows are turned. Where there is no east, there is nothing. */
static void test_steps(void)
{
    const double steps[4] = {1, 0, 0, -1}, turned[4] = {1, 0.5, 0.5, -1};
    fn_georeference g = geographic(-180, 90.5, steps, RADIANS);
    EXPECT(isnan(fn_georeference_steps(&g, 0, 0).column_east), "a pole");
    EXPECT(isnan(fn_georeference_steps(&g, 7, 180).column_east), "the other pole");
    EXPECT(isnan(fn_georeference_steps(&g, 0, 200).row_north), "beyond it");
    EXPECT(fabs(fn_georeference_steps(&g, 0, 90).column_east - 111319.49079327358) < 1e-6, "the equator");
    EXPECT(fabs(fn_georeference_steps(&g, 0, 90).row_north + 110574.27582159434) < 1e-6, "the equator: %.17g",
           fn_georeference_steps(&g, 0, 90).row_north);
    EXPECT(fn_georeference_varies(&g) == FN_STEPS_BY_ROW, "rows");
    g = geographic(0, 0, turned, RADIANS);
    EXPECT(fn_georeference_varies(&g) == FN_STEPS_BY_CELL, "cells");
    g.known = false;
    const fn_cell_steps s = fn_georeference_steps(&g, 3, 4);
    EXPECT(s.column_east == 1 && s.column_north == 0 && s.row_east == 0 && s.row_north == -1, "no georeference");
}

/* ---- formulas, in another way ---- */

/* The gradient by east and north, of the surface's differences along columns and rows: 2 equations solved. */
static void gradient_of(const double w[9], const double t[6], fn_terrain_method method, double *p, double *q)
{
    long double x, y;
    if (method == FN_HORN) {
        x = ((long double)w[2] - w[0] + 2 * ((long double)w[5] - w[3]) + w[8] - w[6]) / 8;
        y = ((long double)w[6] - w[0] + 2 * ((long double)w[7] - w[1]) + w[8] - w[2]) / 8;
    } else {
        x = ((long double)w[5] - w[3]) / 2;
        y = ((long double)w[7] - w[1]) / 2;
    }
    const long double determinant = (long double)t[1] * t[5] - (long double)t[2] * t[4];
    *p = (double)((x * t[5] - y * t[4]) / determinant);
    *q = (double)((y * t[1] - x * t[2]) / determinant);
}

static double cosine_of(double p, double q, double azimuth, double altitude)
{
    const double normal[3] = {-p, -q, 1},
                 light[3] = {sin(azimuth) * cos(altitude), cos(azimuth) * cos(altitude), sin(altitude)};
    return (normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2]) / sqrt(p * p + q * q + 1);
}

static double shade_of(double p, double q, const fn_terrain_options *o)
{
    const double azimuth = o->azimuth * RADIANS, altitude = o->altitude * RADIANS, slope = atan(hypot(p, q)),
                 aspect = atan2(-p, -q), pi = 180 * RADIANS;
    double sum = 0;
    switch (o->hillshade) {
    case FN_HILLSHADE_REGULAR:
        return 1 + 254 * fmax(0, cosine_of(p, q, azimuth, altitude));
    case FN_HILLSHADE_COMBINED:
        return 1 + 254 * fmax(0, 1 - acos(cosine_of(p, q, azimuth, altitude)) * slope * 4 / (pi * pi));
    case FN_HILLSHADE_MULTIDIRECTIONAL:
        for (int from = 225; from <= 360; from += 45)
            sum += fmax(0, cosine_of(p, q, from * RADIANS, altitude)) * pow(cos(aspect - from * RADIANS), 2);
        return 1 + 254 * sum / 2;
    default:
        return 255 * (1 - slope / (pi / 2) * (1 - fabs(remainder(aspect - (azimuth + pi), 2 * pi)) / pi));
    }
}

static void random_window(check_random *random, double w[9])
{
    const double height = random_uniform(random, 0.01, 100);
    for (int i = 0; i < 9; i++)
        w[i] = 1000 + random_uniform(random, -height, height);
}

static void test_formulas(void)
{
    check_random random = random_for("formulas");
    for (int k = 0; k < 4000; k++) {
        double w[9], p, q;
        random_window(&random, w);
        const double *t = grids[(size_t)k % (sizeof grids / sizeof *grids)];
        const fn_georeference g = projected(3, 3, t);
        fn_terrain_options o = fn_terrain_defaults(FN_SLOPE);
        o.method = k & 1 ? FN_HORN : FN_ZEVENBERGEN_THORNE;
        o.z_factor = k & 2 ? 1 : 0.3048;
        gradient_of(w, t, o.method, &p, &q);
        p *= o.z_factor;
        q *= o.z_factor;
        EXPECT(fabs(of_window(&o, &g, w) - atan(hypot(p, q)) / RADIANS) < 1e-11, "slope");
        o.unit = FN_SLOPE_PERCENT;
        EXPECT(fabs(of_window(&o, &g, w) - 100 * hypot(p, q)) < 1e-11 * (1 + 100 * hypot(p, q)), "percent");
        o.kind = FN_ASPECT;
        const double azimuth = of_window(&o, &g, w);
        EXPECT(turn_between(azimuth, atan2(-p, -q) / RADIANS) < 1e-9 && azimuth >= 0 && azimuth < 360, "aspect");
        o.angle = FN_ANGLE_TRIGONOMETRIC;
        EXPECT(turn_between(of_window(&o, &g, w), 90 - azimuth) < 1e-11, "trigonometric");
        o.kind = FN_HILLSHADE;
        o.azimuth = random_uniform(&random, -400, 400);
        o.altitude = k % 10 ? random_uniform(&random, 0, 90) : 90;
        for (int h = 0; h < 4; h++) {
            o.hillshade = (fn_hillshade_kind)h;
            const double shade = of_window(&o, &g, w), expected = shade_of(p, q, &o);
            EXPECT(fabs(shade - expected) < 1e-5, "hillshade %d of %g %g: %.15g, expected %.15g", h, p, q, shade,
                   expected);
            EXPECT(h == FN_HILLSHADE_COMBINED || fabs(shade - expected) < 1e-8, "hillshade %d: %.15g, expected %.15g",
                   h, shade, expected);
        }
    }
}

/* Spheres and cylinders have curvatures that everybody knows. */
static double curvature_of(const double w[9], const double t[6], fn_curvature_kind kind, fn_terrain_method method,
                           double z)
{
    const fn_georeference g = projected(3, 3, t);
    fn_terrain_options o = fn_terrain_defaults(FN_CURVATURE);
    o.curvature = kind;
    o.method = method;
    o.z_factor = z;
    return of_window(&o, &g, w);
}

static void test_curvature(void)
{
    const double radius = 1e5;
    for (size_t k = 0; k < 2 * sizeof grids / sizeof *grids; k++) {
        const double *t = grids[k / 2];
        const fn_terrain_method method = (fn_terrain_method)(k % 2);
        double dome[9], bowl[9], ridge[9];
        for (int i = 0; i < 9; i++) {
            const double c = i % 3 - 1, r = i / 3 - 1, x = 3e4 + c * t[1] + r * t[2], y = -5e4 + c * t[4] + r * t[5];
            dome[i] = sqrt(radius * radius - x * x - y * y);
            bowl[i] = -2 * dome[i];
            ridge[i] = sqrt(radius * radius - x * x); /* a cylinder along y */
        }
        const double contour = hypot(3e4, 5e4), near = 1e-4;
        EXPECT(fabs(curvature_of(dome, t, FN_CURVATURE_PROFILE, method, 1) * radius - 1) < near, "%zu profile: %g", k,
               curvature_of(dome, t, FN_CURVATURE_PROFILE, method, 1) * radius);
        EXPECT(fabs(curvature_of(dome, t, FN_CURVATURE_TANGENTIAL, method, 1) * radius - 1) < near, "%zu tangential",
               k);
        EXPECT(fabs(curvature_of(dome, t, FN_CURVATURE_MEAN, method, 1) * radius - 1) < near, "%zu mean", k);
        EXPECT(fabs(curvature_of(dome, t, FN_CURVATURE_PLAN, method, 1) * contour - 1) < near, "%zu plan", k);
        EXPECT(fabs(curvature_of(bowl, t, FN_CURVATURE_MEAN, method, 0.5) * radius + 1) < near, "%zu concave", k);
        EXPECT(fabs(curvature_of(ridge, t, FN_CURVATURE_PROFILE, method, 1) * radius - 1) < near, "%zu cylinder", k);
        EXPECT(fabs(curvature_of(ridge, t, FN_CURVATURE_TANGENTIAL, method, 1) * radius) < near, "%zu along", k);
        EXPECT(fabs(curvature_of(ridge, t, FN_CURVATURE_MEAN, method, 1) * radius - 0.5) < near, "%zu cylinder's mean",
               k);
    }
}

/* A quadratic surface keeps its curvature where cells are missing, as long as they tell it. */
static void test_curvature_beside_holes(void)
{
    const double *t = grids[4];
    double w[9];
    for (int i = 0; i < 9; i++) {
        const double c = i % 3 - 1, r = i / 3 - 1, x = 3 + c * t[1] + r * t[2], y = 8 + c * t[4] + r * t[5];
        w[i] = 0.01 * x * x + 0.02 * x * y - 0.03 * y * y + 0.5 * x - 0.4 * y;
    }
    for (unsigned missing = 0; missing < 512; missing++) {
        double v[9];
        int there = 0;
        for (int i = 0; i < 9; i++) {
            v[i] = missing >> i & 1 ? (double)NAN : w[i];
            there += !(missing >> i & 1);
        }
        for (int kind = 0; kind < 4; kind++) {
            const double whole = curvature_of(w, t, (fn_curvature_kind)kind, FN_HORN, 1),
                         part = curvature_of(v, t, (fn_curvature_kind)kind, FN_HORN, 1);
            if (missing >> 4 & 1 || there < 6)
                EXPECT(isnan(part), "%x: %g", missing, part);
            else
                EXPECT(isnan(part) ? there < 8 : fabs(part - whole) < 1e-12, "%x: %.15g, not %.15g", missing, part,
                       whole);
        }
    }
}

/* The four neighbours that ZEVENBERGEN_THORNE looks at are as high as the centre. One corner is not, and another is
 * missing: the surface that fits is not flat. */
static void test_curvature_of_no_direction(void)
{
    const double t[6] = {0, 1, 0, 0, 0, -1}, window[9] = {5, 0, 0, 0, 0, 0, 0, 0, NAN};
    const fn_georeference g = projected(3, 3, t);
    fn_terrain_options o = fn_terrain_defaults(FN_CURVATURE);
    o.method = FN_ZEVENBERGEN_THORNE;
    o.flat = -1000;
    for (int kind = 0; kind < 4; kind++) {
        o.curvature = (fn_curvature_kind)kind;
        const double curvature = of_window(&o, &g, window);
        EXPECT(fabs(curvature) < 100, "curvature %d: %g", kind, curvature);
    }
}

/* Steep and gentle slopes side by side: each is what it is alone. */
static void test_steep_and_gentle(void)
{
    enum { CELLS = 400 };
    const double t[6] = {0, 1, 0, 0, 0, -1};
    const fn_georeference g = projected(CELLS, 3, t);
    const fn_terrain_options o = fn_terrain_defaults(FN_SLOPE);
    raster r = make_raster(CELLS, 3, 1);
    for (int x = 0, y = 0; x < CELLS; x++) /* steeper and steeper, from 100 on gentle but for a cell here and there */
        for (y = 0; y < 3; y++)
            *at(&r, x, y) = x < 100 ? 0.01 * x * x : 100 + 0.1 * (x % 7) + (x % 90 == 0 ? 5 : 0);
    double slopes[3 * CELLS];
    const fn_terrain terrain = make_terrain(&o, &g);
    run_all(&terrain, &r, slopes);
    int gentle = 0;
    for (int x = 1; x < CELLS - 1; x++) {
        const double expected = atan(fabs(*at(&r, x + 1, 1) - *at(&r, x - 1, 1)) / 2) / RADIANS;
        double window[9];
        for (int k = 0; k < 9; k++)
            window[k] = *at(&r, x + k % 3 - 1, k / 3);
        EXPECT(fabs(slopes[CELLS + x] - expected) <= 1e-15 * 90, "column %d: %.17g, not %.17g", x, slopes[CELLS + x],
               expected);
        EXPECT(slopes[CELLS + x] == of_window(&o, &g, window), "column %d alone", x);
        gentle += expected < 22.5;
    }
    EXPECT(gentle > 200 && gentle < CELLS - 60, "%d gentle cells", gentle);
    free(r.cells);
}

/* ---- windows ---- */

/* missing: one cell in so many. */
static raster random_raster(const char *name, size_t columns, size_t rows, size_t reach, unsigned missing)
{
    check_random random = random_for(name);
    raster r = make_raster(columns, rows, reach);
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++)
            *at(&r, (ptrdiff_t)x, (ptrdiff_t)y) =
                missing && random_bits(&random) % missing == 0 ? (double)NAN : random_uniform(&random, -50, 900);
    return r;
}

static double brute_window(const fn_terrain_options *o, const raster *r, ptrdiff_t x, ptrdiff_t y)
{
    const ptrdiff_t reach = o->size / 2;
    const double centre = *at(r, x, y);
    long double sum = 0, squares = 0, distances = 0;
    double lowest = centre, highest = centre;
    int n = 0;
    for (ptrdiff_t j = -reach; j <= reach; j++)
        for (ptrdiff_t i = -reach; i <= reach; i++) {
            const double v = *at(r, x + i, y + j);
            if ((i == 0 && j == 0) || isnan(v))
                continue;
            n++;
            sum += v;
            squares += ((long double)v - centre) * ((long double)v - centre);
            distances += fabsl((long double)v - centre);
            lowest = fmin(lowest, v);
            highest = fmax(highest, v);
        }
    if (n == 0 || isnan(centre))
        return NAN;
    const double z = fabs(o->z_factor);
    return o->kind == FN_TPI         ? o->z_factor * (double)(centre - sum / n)
           : o->kind == FN_ROUGHNESS ? z * (highest - lowest)
           : o->tri == FN_TRI_RILEY  ? z * (double)sqrtl(squares)
                                     : z * (double)(distances / n);
}

static void test_windows(void)
{
    static const int sizes[] = {3, 5, 9, 31};
    const fn_georeference g = projected(37, 23, grids[0]);
    double out[37 * 23];
    for (unsigned missing = 0; missing < 3; missing++)
        for (int s = 0; s < 4; s++)
            for (int kind = 0; kind < 4; kind++) {
                fn_terrain_options o = fn_terrain_defaults(kind == 3 ? FN_TRI : FN_TPI + (fn_terrain_kind)kind);
                o.tri = kind == 3 ? FN_TRI_WILSON : FN_TRI_RILEY;
                o.size = sizes[s];
                o.z_factor = s == 1 ? -2.5 : 1;
                raster in = random_raster("windows", 37, 23, 15, (unsigned[]){0, 4, 0x7fffffff}[missing]);
                if (missing == 2) /* one cell alone */
                    for (int i = 0; i < 37 * 23; i++)
                        if (i != 400)
                            *at(&in, i % 37, i / 37) = NAN;
                const fn_terrain terrain = make_terrain(&o, &g);
                run_all(&terrain, &in, out);
                for (int i = 0; i < 37 * 23; i++) {
                    const double expected = brute_window(&o, &in, i % 37, i / 37);
                    EXPECT(isnan(expected) ? isnan(out[i]) : fabs(out[i] - expected) <= 1e-12 * (900 + fabs(expected)),
                           "kind %d, size %d, cell %d: %.17g, expected %.17g", kind, o.size, i, out[i], expected);
                }
                free(in.cells);
            }
}

/* ---- GDAL's rules ---- */

/* What gdaldem of GDAL 3.6.2 writes with -compute_edges. */
typedef struct from_gdal {
    fn_terrain_kind kind;
    fn_terrain_method method;
    int choice; /* percent; trigonometric; Wilson */
    float value[20];
} from_gdal;

static const from_gdal gdal_results[] = {
    {FN_SLOPE, FN_HORN, 0, {16.7538891f, 22.2670631f, 19.47122f,   20.938385f,  14.8825665f, 19.5609779f, 21.954998f,
                            16.6030807f, 15.869875f,  13.6422462f, 19.1526814f, 20.1879272f, 14.8825665f, NAN,
                            15.1318064f, 14.4503946f, 21.954998f,  14.8825665f, 17.7654667f, 10.2193775f}},
    {FN_SLOPE, FN_ZEVENBERGEN_THORNE, 0, {17.7527905f, 20.8462658f, 21.3312664f, 21.3312664f, 14.0362434f,
                                          16.7538891f, 24.0948429f, 21.3709965f, 11.0483522f, 15.793169f,
                                          19.1526814f, 18.5898819f, 10.2193775f, NAN,         12.6803837f,
                                          14.0362434f, 21.954998f,  19.47122f,   16.6992435f, 15.793169f}},
    {FN_SLOPE, FN_HORN, 1, {30.1039867f, 40.9458466f, 35.3553391f, 38.2630692f, 26.5753651f, 35.5316772f, 40.3112869f,
                            29.817152f,  28.4289131f, 24.2706089f, 34.7311096f, 36.7689171f, 26.5753651f, NAN,
                            27.0416355f, 25.7694111f, 40.3112869f, 26.5753651f, 32.0400124f, 18.0277557f}},
    {FN_ASPECT, FN_HORN, 0, {336.037506f, 320.527527f, 333.434937f, 327.724365f, 330.255127f, 328.570435f, 318.814087f,
                             322.431396f, 322.765167f, 323.972626f, 319.398712f, 321.115509f, 330.255127f, NAN,
                             341.565063f, 328.392487f, 318.814087f, 330.255127f, 306.869904f, 341.565063f}},
    {FN_ASPECT, FN_ZEVENBERGEN_THORNE, 0, {338.198608f, 310.601288f, 337.380127f, 329.036255f, 326.309937f,
                                           336.037506f, 315,         315,         329.036255f, 333.434937f,
                                           319.398712f, 330.945404f, 341.565063f, NAN,         0,
                                           326.309937f, 318.814087f, 333.434937f, 270,         333.434937f}},
    {FN_ASPECT, FN_HORN, 1, {113.962486f, 129.472458f, 116.565048f, 122.275642f, 119.744881f, 121.429565f, 131.185928f,
                             127.568588f, 127.234833f, 126.027374f, 130.601288f, 128.884491f, 119.744881f, NAN,
                             108.434952f, 121.607506f, 131.185928f, 119.744881f, 143.130096f, 108.434952f}},
    {FN_TPI, FN_HORN, 0, {-1.5f,  0.375f, 0.375f, -0.75f, 1.5f,   0.375f, -1,     3,      0.625f, 0.5f,
                          0.375f, 0.125f, -0.5f,  NAN,    0.375f, -1.5f,  0.375f, 0.875f, -0.75f, 0.5f}},
    {FN_TRI, FN_HORN, 0, {12.884099f,  14.662878f,  13.3790884f, 14.1421356f, 11.5758371f, 13.4536238f, 13.2664995f,
                          13.1148767f, 11.3578167f, 9.59166336f, 11.5325623f, 12.3693171f, 11.4891253f, NAN,
                          12.7671452f, 10.7703295f, 13.2287569f, 10.630146f,  11.9163752f, 8.94427204f}},
    {FN_TRI, FN_HORN, 1, {4,      4.375f, 4.125f, 4.5f, 3.25f,  3.875f, 4,      3.5f,   2.875f, 2.5f,
                          3.625f, 3.625f, 3,      NAN,  3.375f, 3,      4.125f, 2.875f, 3,      2.5f}},
    {FN_ROUGHNESS, FN_HORN, 0, {12, 18, 13, 15, 12, 16, 14, 10, 14, 12, 13, 14, 14, NAN, 15, 11, 15, 12, 15, 8}},
};

static void test_gdal_results(void)
{
    const fn_georeference g = projected(5, 4, (double[]){0, 10, 0, 0, 0, -20});
    raster in = make_raster(5, 4, 1);
    for (int i = 0; i < 20; i++)
        *at(&in, i % 5, i / 5) = 3 * (i % 5) + 4 * (i / 5) + (i == 7 ? 2 : 0) + i * i % 3;
    *at(&in, 3, 2) = NAN;
    for (size_t k = 0; k < sizeof gdal_results / sizeof *gdal_results; k++) {
        const from_gdal *expected = gdal_results + k;
        fn_terrain_options o = fn_terrain_defaults(expected->kind);
        o.edge = FN_EDGE_GDAL;
        o.method = expected->method;
        o.unit = (fn_slope_unit)expected->choice;
        o.angle = (fn_aspect_angle)expected->choice;
        o.tri = (fn_tri_kind)expected->choice;
        double out[20];
        const fn_terrain terrain = make_terrain(&o, &g);
        run_all(&terrain, &in, out);
        for (int i = 0; i < 20; i++)
            EXPECT(isnan(expected->value[i]) ? isnan(out[i]) : (float)out[i] == expected->value[i],
                   "result %zu, cell %d: %.9g, expected %.9g", k, i, out[i], (double)expected->value[i]);
    }
    free(in.cells);
}

/* GDAL computes nothing of one row or one column; its hillshades are ours where no cell is missing. */
static void test_gdal_alone(void)
{
    fn_terrain_options o = fn_terrain_defaults(FN_TRI);
    o.edge = FN_EDGE_GDAL;
    raster in = make_raster(4, 1, 1);
    for (int i = 0; i < 4; i++)
        *at(&in, i, 0) = i;
    double out[4], w[9];
    const fn_georeference row = projected(4, 1, grids[0]);
    const fn_terrain terrain = make_terrain(&o, &row);
    run_all(&terrain, &in, out);
    EXPECT(isnan(out[0]) && isnan(out[1]) && isnan(out[3]), "one row");
    free(in.cells);
    check_random random = random_for("gdal alone");
    const fn_georeference g = projected(3, 3, grids[0]);
    o.kind = FN_HILLSHADE;
    for (int k = 0; k < 400; k++) {
        random_window(&random, w);
        o.hillshade = (fn_hillshade_kind)(k % 4);
        o.edge = FN_EDGE_GDAL;
        const double theirs = of_window(&o, &g, w);
        o.edge = FN_EDGE_FIT;
        EXPECT(fabs(theirs - of_window(&o, &g, w)) < 1e-9, "hillshade %d: %.15g", k % 4, theirs);
    }
}

/* ---- the same bits ---- */

/* Each formula, rule and window there is, by number; false where there are no more. */
static bool each_option(int k, fn_terrain_options *o)
{
    static const fn_terrain_kind kinds[] = {FN_SLOPE, FN_ASPECT, FN_HILLSHADE, FN_CURVATURE,
                                            FN_TPI,   FN_TRI,    FN_ROUGHNESS};
    *o = fn_terrain_defaults(kinds[k % 7]);
    k /= 7;
    const int choice = k % 4;
    o->unit = (fn_slope_unit)(choice % 2);
    o->angle = (fn_aspect_angle)(choice % 2);
    o->tri = (fn_tri_kind)(choice % 2);
    o->hillshade = (fn_hillshade_kind)choice;
    o->curvature = (fn_curvature_kind)choice;
    k /= 4;
    o->method = k % 2 ? FN_ZEVENBERGEN_THORNE : FN_HORN;
    k /= 2;
    o->size = k == 1 ? 7 : 3;
    o->edge = k == 2 && o->kind != FN_CURVATURE ? FN_EDGE_GDAL : FN_EDGE_FIT;
    return k < 3;
}

enum { WIDE = 1200, HIGH = 9 };

static void compare_bytes(const double *a, const double *b, size_t n, const char *what, int k)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(a + i, b + i, sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) {
            EXPECT(false, "%s, options %d: %a, not %a, in cell %zu", what, k, b[i], a[i], i);
            return;
        }
}

static void check_same_bits(int k, const fn_terrain_options *o, const raster *in, const fn_georeference *g,
                            check_random *random)
{
    static double whole[WIDE * HIGH], other[WIDE * HIGH];
    fn_terrain terrain = make_terrain(o, g);
    run_all(&terrain, in, whole);
    for (int simd = 0; simd < FN_SIMD_COUNT; simd++)
        if (fn_simd_available((fn_simd)simd)) {
            terrain.kernels = fn_terrain_kernels_get((fn_simd)simd);
            run_all(&terrain, in, other);
            compare_bytes(whole, other, WIDE * HIGH, fn_simd_name((fn_simd)simd), k);
        }
    void *scratch = malloc(fn_terrain_scratch_bytes(&terrain));
    REQUIRE(scratch != NULL, "memory");
    memset(other, 0, sizeof other);
    const size_t rows = 1 + random_bits(random) % 4;
    for (size_t y = 0; y < HIGH; y += rows)
        for (size_t x = 0, n; x < WIDE; x += n) {
            n = 1 + random_bits(random) % (random_bits(random) % 2 ? 9 : 700);
            n = n < WIDE - x ? n : WIDE - x;
            /* another set of instructions, too: nobody could tell */
            terrain.kernels = fn_terrain_kernels_get(random_bits(random) % 2 ? FN_SIMD_PLAIN : fn_simd_best());
            fn_terrain_run(&terrain, at(in, (ptrdiff_t)x, (ptrdiff_t)y), in->stride, (int64_t)x, (int64_t)y, n,
                           rows < HIGH - y ? rows : HIGH - y, other + y * WIDE + x, WIDE, scratch);
        }
    compare_bytes(whole, other, WIDE * HIGH, "in parts", k);
    free(scratch);
}

static void test_same_bits(void)
{
    check_random random = random_for("same bits");
    const double north_up[4] = {0.01, 0, 0, -0.01}, rotated[4] = {0.01, 0.002, 0.002, -0.01};
    const fn_georeference places[] = {projected(WIDE, HIGH, grids[4]), geographic(10, 50, north_up, RADIANS),
                                      geographic(10, 50, rotated, RADIANS), geographic(10, 50, north_up, RADIANS)};
    raster whole = random_raster("bits", WIDE, HIGH, 3, 0), holes = random_raster("holes", WIDE, HIGH, 3, 40);
    for (int i = 0; i < 200; i++) /* flat here and there */
        *at(&holes, 500 + i % 40, i / 40) = 7;
    for (ptrdiff_t i = 0; i < 250 * HIGH; i++) { /* and in one place flatter than 22.5 degrees */
        *at(&whole, 200 + i % 250, i / 250) *= 0.002;
        *at(&holes, 200 + i % 250, i / 250) *= 0.002;
    }
    fn_terrain_options o;
    for (int k = 0; each_option(k, &o); k++)
        for (size_t p = 0; p < 4; p++) {
            fn_georeference g = places[p];
            g.width = WIDE;
            g.height = HIGH;
            if (p > 0 && o.edge == FN_EDGE_GDAL)
                continue;
            check_same_bits(k, &o, p == 1 ? &whole : &holes, &g, &random);
        }
    free(whole.cells);
    free(holes.cells);
}

/* ---- bad input ---- */

static void refuse(const fn_terrain_options *o, const fn_georeference *g, const char *word)
{
    fn_terrain terrain;
    fn_error err = {FN_OK, ""};
    EXPECT(fn_terrain_init(&terrain, o, g, &err) == FN_ERR_ARGUMENT, "%s", word);
    EXPECT(strstr(err.text, word) != NULL, "%s, not %s", err.text, word);
    EXPECT_ERROR_TEXT(err, "%s", word);
}

static void test_bad_options(void)
{
    const fn_georeference g = projected(9, 9, grids[0]);
    fn_terrain_options o = fn_terrain_defaults(FN_TPI);
    for (int size = -1; size < 5; size++) {
        o.size = size;
        if (size != 3)
            refuse(&o, &g, "the size of the window");
    }
    o.size = FN_TERRAIN_SIZE_MAX + 2;
    refuse(&o, &g, "the size of the window");
    o.size = 5;
    o.edge = FN_EDGE_GDAL;
    refuse(&o, &g, "not 5 x 5");
    o = fn_terrain_defaults(FN_CURVATURE);
    o.edge = FN_EDGE_GDAL;
    refuse(&o, &g, "curvature");
    o = fn_terrain_defaults(FN_HILLSHADE);
    o.altitude = 90.5;
    refuse(&o, &g, "altitude");
    o.altitude = 45;
    o.azimuth = NAN;
    refuse(&o, &g, "azimuth");
    o.azimuth = 0;
    o.z_factor = 0;
    refuse(&o, &g, "z factor");
    o.z_factor = INFINITY;
    refuse(&o, &g, "z factor");
}

static void test_bad_georeference(void)
{
    const fn_terrain_options o = fn_terrain_defaults(FN_SLOPE);
    fn_georeference g = projected(9, 9, (double[]){0, 1, 2, 0, 2, 4});
    refuse(&o, &g, "inverted");
    g.geotransform[3] = NAN;
    refuse(&o, &g, "finite");
    const double steps[4] = {1, 0, 0, -1};
    g = geographic(0, 0, steps, RADIANS);
    g.semi_major = 0;
    refuse(&o, &g, "ellipsoid");
    g = geographic(0, 0, steps, RADIANS);
    g.flattening = 1;
    refuse(&o, &g, "ellipsoid");
    g = geographic(0, 0, steps, 0);
    refuse(&o, &g, "angle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_planes),
        UNIT(test_too_few),
        UNIT(test_flat),
        UNIT(test_geodesic),
        UNIT(test_steps),
        UNIT(test_formulas),
        UNIT(test_curvature),
        UNIT(test_curvature_beside_holes),
        UNIT(test_windows),
        UNIT(test_gdal_results),
        UNIT(test_gdal_alone),
        UNIT(test_same_bits),
        UNIT(test_bad_options),
        UNIT(test_bad_georeference),
        UNIT(test_curvature_of_no_direction),
        UNIT(test_steep_and_gentle),
    };
    return check_main(tests);
}
