/* Terrain functions: options, and the way of a row from values to results. */
#include "terrain.h"

#include <math.h>

#include "terrain_internal.h"

#define RADIANS 0.017453292519943295769 /* in a degree */

fn_terrain_options fn_terrain_defaults(fn_terrain_kind kind)
{
    return (fn_terrain_options){.kind = kind, .z_factor = 1, .flat = NAN, .azimuth = 315, .altitude = 45, .size = 3};
}

static bool takes_windows(const fn_terrain_options *o)
{
    return o->kind == FN_TPI || o->kind == FN_TRI || o->kind == FN_ROUGHNESS;
}

static fn_status check_options(const fn_terrain_options *o, fn_error *err)
{
    if (!isfinite(o->z_factor) || o->z_factor == 0)
        return fn_fail(err, FN_ERR_ARGUMENT, "the z factor is a number, and not 0");
    if (o->kind == FN_HILLSHADE && !isfinite(o->azimuth))
        return fn_fail(err, FN_ERR_ARGUMENT, "the azimuth of the light is a number of degrees");
    if (o->kind == FN_HILLSHADE && !(o->altitude >= 0 && o->altitude <= 90))
        return fn_fail(err, FN_ERR_ARGUMENT, "the altitude of the light is between 0 and 90 degrees, not %g",
                       o->altitude);
    if (takes_windows(o) && (o->size < 3 || o->size > FN_TERRAIN_SIZE_MAX || o->size % 2 == 0))
        return fn_fail(err, FN_ERR_ARGUMENT, "the size of the window is odd, 3 to %d, not %d", FN_TERRAIN_SIZE_MAX,
                       o->size);
    if (o->edge == FN_EDGE_GDAL && takes_windows(o) && o->size != 3)
        return fn_fail(err, FN_ERR_ARGUMENT, "GDAL's rule for edges is one for windows of 3 x 3 cells, not %d x %d",
                       o->size, o->size);
    if (o->edge == FN_EDGE_GDAL && o->kind == FN_CURVATURE)
        return fn_fail(err, FN_ERR_ARGUMENT, "GDAL has no rule for the curvature at edges");
    return FN_OK;
}

fn_status fn_terrain_init(fn_terrain *out, const fn_terrain_options *options, const fn_georeference *georeference,
                          fn_error *err)
{
    fn_status status = check_options(options, err);
    if (status == FN_OK)
        status = fn_georeference_check(georeference, err);
    if (status != FN_OK)
        return status;
    const bool igor = options->hillshade == FN_HILLSHADE_IGOR; /* takes the direction alone */
    const double azimuth = options->azimuth * RADIANS, altitude = igor ? 0 : options->altitude * RADIANS;
    *out = (fn_terrain){.options = *options,
                        .georeference = *georeference,
                        .kernels = fn_terrain_kernels_get(fn_simd_best()),
                        .light = {sin(azimuth) * cos(altitude), cos(azimuth) * cos(altitude), sin(altitude)}};
    return FN_OK;
}

int fn_terrain_reach(const fn_terrain *terrain)
{
    return takes_windows(&terrain->options) ? terrain->options.size / 2 : 1;
}

static bool as_gdal_has_it(const fn_terrain_options *o)
{
    return o->edge == FN_EDGE_GDAL && fn_terrain_gdal_differs(o);
}

/* Sums of windows, or derivatives where GDAL's formulas make results of them. */
size_t fn_terrain_scratch_bytes(const fn_terrain *terrain)
{
    return sizeof(double) *
           (takes_windows(&terrain->options) ? fn_terrain_window_doubles(terrain) : 2 * (size_t)FN_TERRAIN_BLOCK);
}

static fn_formula formula_of(const fn_terrain_options *o)
{
    switch (o->kind) {
    case FN_SLOPE:
        return o->unit == FN_SLOPE_PERCENT ? FN_FORMULA_SLOPE_PERCENT : FN_FORMULA_SLOPE_DEGREES;
    case FN_ASPECT:
        return o->angle == FN_ANGLE_TRIGONOMETRIC ? FN_FORMULA_ASPECT_TRIGONOMETRIC : FN_FORMULA_ASPECT_AZIMUTH;
    case FN_HILLSHADE:
        return FN_FORMULA_SHADE_REGULAR + (unsigned)o->hillshade;
    default:
        return FN_FORMULA_CURVATURE_PROFILE + (unsigned)o->curvature;
    }
}

/* The steps, inverted: a change of z by column and by row is p, q times these steps. */
static fn_terrain_map map_at(const fn_terrain *terrain, int64_t column, int64_t row)
{
    if (terrain->options.edge == FN_EDGE_GDAL)
        return fn_terrain_gdal_map(terrain);
    const fn_cell_steps s = fn_georeference_steps(&terrain->georeference, column, row);
    const double z = terrain->options.z_factor, f = z / (s.column_east * s.row_north - s.column_north * s.row_east);
    const double e[2] = {f * s.row_north, -f * s.column_north}, n[2] = {-f * s.row_east, f * s.column_east};
    return (fn_terrain_map){.east = {e[0], e[1]},
                            .north = {n[0], n[1]},
                            .second = {{e[0] * e[0] / z, 2 * e[0] * e[1] / z, e[1] * e[1] / z},
                                       {e[0] * n[0] / z, (e[0] * n[1] + e[1] * n[0]) / z, e[1] * n[1] / z},
                                       {n[0] * n[0] / z, 2 * n[0] * n[1] / z, n[1] * n[1] / z}},
                            .light = {terrain->light[0], terrain->light[1], terrain->light[2]},
                            .flat = terrain->options.flat};
}

/* Results of n cells whose derivatives are known. */
static void finish(const fn_terrain *terrain, const fn_terrain_map *map, size_t n, double *const d[FN_DERIVATIVES],
                   double *out)
{
    if (as_gdal_has_it(&terrain->options))
        fn_terrain_gdal_finish(terrain, map, n, d, out);
    else
        terrain->kernels->formulas[formula_of(&terrain->options)].finish(map, n, d, out);
}

/* ---- cells with missing neighbours ---- */

/* Cells of a row that are looked through for missing neighbours at a time. */
enum { STRETCH = 64 };

/* Some cells of a row that lie side by side; in: the first one's value. */
typedef struct stretch {
    const double *in;
    size_t stride;
    int64_t x, y;
    size_t n;
} stretch;

/* A plane on the ground bends in the window where coordinates are geographic; a whole window does not notice, as its
 * two sides do so alike. What is left of the bend after one round is its square. */
static void fit_bent(const fn_terrain *terrain, const fn_terrain_map *map, const double window[9], int64_t x, int64_t y,
                     double d[FN_DERIVATIVES])
{
    const double z = terrain->options.z_factor;
    double east[9], north[9], straight[9];
    fn_georeference_bend(&terrain->georeference, x, y, east, north);
    for (int round = 0; round < 2; round++) {
        const double p = d[0] * map->east[0] + d[1] * map->east[1], q = d[0] * map->north[0] + d[1] * map->north[1];
        for (int k = 0; k < 9; k++)
            straight[k] = window[k] - (p * east[k] + q * north[k]) / z;
        fn_terrain_fit(straight, terrain->options.method, false, d);
    }
}

/* The derivatives of cell i, which has a value. */
static void derive_cell(const fn_terrain *terrain, const fn_terrain_map *map, const stretch *s, size_t i,
                        double value[FN_DERIVATIVES])
{
    const bool second = terrain->options.kind == FN_CURVATURE;
    const int64_t x = s->x + (int64_t)i;
    double window[9];
    if (terrain->options.edge == FN_EDGE_GDAL) {
        fn_terrain_gdal_window(&terrain->georeference, s->in + i, s->stride, x, s->y, window);
        const double *const row[3] = {window + 1, window + 4, window + 7};
        terrain->kernels->differences[terrain->options.method](row, 1, (double *[]){value, value + 1});
        return;
    }
    for (int k = 0; k < 9; k++)
        window[k] = s->in[(ptrdiff_t)i + (k / 3 - 1) * (ptrdiff_t)s->stride + k % 3 - 1];
    fn_terrain_fit(window, terrain->options.method, second, value);
    if (terrain->georeference.known && terrain->georeference.geographic && !second)
        fit_bent(terrain, map, window, x, s->y, value);
}

/* Results that are NaN because of missing neighbours alone. Others stay, even beside a missing cell that their method
 * does not look at: what a cell becomes depends on its window, not on what else is in the stretch. */
static void patch_results(const fn_terrain *terrain, const fn_terrain_map *map, const stretch *s, const double *mark,
                          double *out)
{
    double d[FN_DERIVATIVES][STRETCH], result[STRETCH];
    size_t cell[STRETCH], count = 0;
    for (size_t i = 0; i < s->n; i++)
        if (mark[i] != 0 && isnan(out[i]) && !isnan(s->in[i])) {
            double value[FN_DERIVATIVES] = {0};
            derive_cell(terrain, map, s, i, value);
            for (int k = 0; k < FN_DERIVATIVES; k++)
                d[k][count] = value[k];
            cell[count++] = i;
        }
    finish(terrain, map, count, (double *[]){d[0], d[1], d[2], d[3], d[4]}, result);
    for (size_t i = 0; i < count; i++)
        out[cell[i]] = result[i];
}

/* The same of windows that take values as they are. */
static void patch_windows(const fn_terrain *terrain, const stretch *s, const double *mark, double *out, double *buffers)
{
    for (size_t i = 0; i < s->n; i++)
        if (mark[i] != 0 && !isnan(s->in[i])) {
            double window[9];
            fn_terrain_gdal_window(&terrain->georeference, s->in + i, s->stride, s->x + (int64_t)i, s->y, window);
            fn_terrain_windows(terrain, window + 4, 3, 1, out + i, buffers);
        }
}

/* At most STRETCH cells, of which the loops have made results. */
static void patch(const fn_terrain *terrain, const fn_terrain_map *map, const stretch *s, double *out, double *buffers)
{
    const double *const row[3] = {s->in - s->stride, s->in, s->in + s->stride};
    const bool windows = takes_windows(&terrain->options);
    const fn_terrain_kernels *kernels = terrain->kernels;
    if (!(windows ? kernels->any_missing(row, s->n) : kernels->take_away(s->in, s->n, out)))
        return;
    double mark[STRETCH];
    kernels->mark_missing(row, s->n, mark);
    if (windows)
        patch_windows(terrain, s, mark, out, buffers);
    else
        patch_results(terrain, map, s, mark, out);
}

/* ---- rows ---- */

/* At most FN_TERRAIN_BLOCK cells. */
static void run_part(const fn_terrain *terrain, const fn_terrain_map *map, const stretch *s, double *out,
                     double *buffers)
{
    const double *const row[3] = {s->in - s->stride, s->in, s->in + s->stride};
    const fn_terrain_options *o = &terrain->options;
    const fn_terrain_kernels *kernels = terrain->kernels;
    double *const d[FN_DERIVATIVES] = {buffers, buffers + FN_TERRAIN_BLOCK};
    if (takes_windows(o)) {
        fn_terrain_windows(terrain, s->in, s->stride, s->n, out, buffers);
        if (o->edge != FN_EDGE_GDAL)
            return;
    } else if (as_gdal_has_it(o)) {
        kernels->differences[o->method](row, s->n, d);
        finish(terrain, map, s->n, d, out);
    } else
        kernels->formulas[formula_of(o)].of_windows[o->method](map, row, s->n, out);
    for (size_t at = 0; at < s->n; at += STRETCH) {
        const size_t n = s->n - at < STRETCH ? s->n - at : STRETCH;
        patch(terrain, map, &(stretch){s->in + at, s->stride, s->x + (int64_t)at, s->y, n}, out + at, buffers);
    }
}

void fn_terrain_run(const fn_terrain *terrain, const double *in, size_t in_stride, int64_t x, int64_t y, size_t width,
                    size_t height, double *out, size_t out_stride, void *scratch)
{
    const bool same = terrain->options.edge == FN_EDGE_GDAL || takes_windows(&terrain->options);
    const fn_steps_vary vary = same ? FN_STEPS_CONSTANT : fn_georeference_varies(&terrain->georeference);
    const size_t most = vary == FN_STEPS_BY_CELL ? 1 : FN_TERRAIN_BLOCK;
    fn_terrain_map map = map_at(terrain, x, y);
    for (size_t j = 0; j < height; j++)
        for (size_t i = 0; i < width; i += most) {
            const stretch s = {in + j * in_stride + i, in_stride, x + (int64_t)i, y + (int64_t)j,
                               most < width - i ? most : width - i};
            if (vary == FN_STEPS_BY_CELL || (vary == FN_STEPS_BY_ROW && i == 0))
                map = map_at(terrain, s.x, s.y);
            run_part(terrain, &map, &s, out + j * out_stride + i, scratch);
        }
}
