/* Terrain functions: options, and the way of a row from values to derivatives to results. */
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
                        .kernels = fn_terrain_kernels_best(),
                        .light = {sin(azimuth) * cos(altitude), cos(azimuth) * cos(altitude), sin(altitude)}};
    return FN_OK;
}

int fn_terrain_reach(const fn_terrain *terrain)
{
    return takes_windows(&terrain->options) ? terrain->options.size / 2 : 1;
}

static size_t buffer_doubles(const fn_terrain *terrain)
{
    return takes_windows(&terrain->options) ? fn_terrain_window_doubles(terrain)
                                            : FN_DERIVATIVES * (size_t)FN_TERRAIN_BLOCK;
}

/* Marks of missing cells, and derivatives or sums. */
size_t fn_terrain_scratch_bytes(const fn_terrain *terrain)
{
    return (FN_TERRAIN_BLOCK + buffer_doubles(terrain)) * sizeof(double);
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

static void differentiate(const fn_terrain *terrain, const double *const row[3], size_t n,
                          double *const d[FN_DERIVATIVES])
{
    const fn_terrain_kernels *kernels = terrain->kernels;
    const fn_differences *differences = terrain->options.kind == FN_CURVATURE ? kernels->second : kernels->first;
    differences[terrain->options.method](row, n, d);
}

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

/* A cell whose window has missing cells: its derivatives, or its result (d[0]) where the kind has none. */
static void patch_cell(const fn_terrain *terrain, const fn_terrain_map *map, const double *in, size_t stride, int64_t x,
                       int64_t y, size_t i, double *const d[FN_DERIVATIVES], double *buffers)
{
    const bool windows = takes_windows(&terrain->options), second = terrain->options.kind == FN_CURVATURE;
    const int written = windows ? 1 : second ? FN_DERIVATIVES : 2;
    double window[9], value[FN_DERIVATIVES] = {NAN, NAN, NAN, NAN, NAN};
    double *const values[FN_DERIVATIVES] = {value, value + 1, value + 2, value + 3, value + 4};
    const bool there = !isnan(*in);
    if (there && terrain->options.edge == FN_EDGE_FIT) {
        for (int k = 0; k < 9; k++)
            window[k] = in[(k / 3 - 1) * (ptrdiff_t)stride + k % 3 - 1];
        fn_terrain_fit(window, terrain->options.method, second, value);
        if (terrain->georeference.known && terrain->georeference.geographic && !second)
            fit_bent(terrain, map, window, x, y, value);
    } else if (there) {
        fn_terrain_gdal_window(&terrain->georeference, in, stride, x, y, window);
        if (windows)
            fn_terrain_windows(terrain, window + 4, 3, 1, value, buffers);
        else
            differentiate(terrain, (const double *[]){window + 1, window + 4, window + 7}, 1, values);
    }
    for (int k = 0; k < written; k++)
        d[k][i] = value[k];
}

/* n cells of a row, at most FN_TERRAIN_BLOCK. */
static void run_part(const fn_terrain *terrain, const double *in, size_t stride, int64_t x, int64_t y, size_t n,
                     double *out, double *scratch)
{
    double *mark = scratch, *buffers = mark + FN_TERRAIN_BLOCK;
    const double *const row[3] = {in - stride, in, in + stride};
    const fn_terrain_options *o = &terrain->options;
    const bool windows = takes_windows(o);
    const fn_terrain_map map = map_at(terrain, x, y);
    double *d[FN_DERIVATIVES] = {out};
    if (windows)
        fn_terrain_windows(terrain, in, stride, n, out, buffers);
    else {
        for (size_t k = 0; k < FN_DERIVATIVES; k++)
            d[k] = buffers + k * FN_TERRAIN_BLOCK;
        differentiate(terrain, row, n, d);
    }
    if ((!windows || o->edge == FN_EDGE_GDAL) && terrain->kernels->any_missing(row, n)) {
        terrain->kernels->mark_missing(row, n, mark);
        for (size_t i = 0; i < n; i++)
            if (mark[i] != 0)
                patch_cell(terrain, &map, in + i, stride, x + (int64_t)i, y, i, d, buffers);
    }
    if (windows)
        return;
    if (o->edge != FN_EDGE_GDAL || !fn_terrain_gdal_finish(terrain, &map, n, d, out))
        terrain->kernels->finish[formula_of(o)](&map, n, d, out);
}

void fn_terrain_run(const fn_terrain *terrain, const double *in, size_t in_stride, int64_t x, int64_t y, size_t width,
                    size_t height, double *out, size_t out_stride, void *scratch)
{
    const bool by_cell = terrain->options.edge == FN_EDGE_FIT && !takes_windows(&terrain->options) &&
                         fn_georeference_varies(&terrain->georeference) == FN_STEPS_BY_CELL;
    const size_t most = by_cell ? 1 : FN_TERRAIN_BLOCK;
    for (size_t j = 0; j < height; j++)
        for (size_t i = 0; i < width; i += most)
            run_part(terrain, in + j * in_stride + i, in_stride, x + (int64_t)i, y + (int64_t)j,
                     most < width - i ? most : width - i, out + j * out_stride + i, scratch);
}
