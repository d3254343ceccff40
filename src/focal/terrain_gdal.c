/* FN_EDGE_GDAL: what gdaldem puts in the place of missing cells, and its formulas where they are others than ours.
 * Derivatives are by column and row, as everywhere here: gdaldem's are 8 (or 2) times as large, a power of two that
 * changes no bit of what comes of them. Angles come from the C library, as its own. */
#include "terrain_internal.h"

#include <math.h>

#define PI 3.14159265358979323846

void fn_terrain_gdal_window(const fn_georeference *g, const double *in, size_t stride, int64_t x, int64_t y,
                            double window[9])
{
    const bool top = y == 0, bottom = y == g->height - 1, computed = g->width > 1 && g->height > 1;
    const ptrdiff_t s = (ptrdiff_t)stride;
    for (int i = 0; i < 9; i++) {
        ptrdiff_t c = i % 3 - 1;
        const ptrdiff_t r = i / 3 - 1;
        const bool beside = x + c < 0 || x + c >= g->width;
        double value;
        if (top || bottom) {
            c = beside ? 0 : c;
            value = y + r < 0 || y + r >= g->height ? 2 * in[c] - in[c - r * s] : in[c + r * s];
        } else
            value = beside ? 2 * in[r * s] - in[r * s - c] : in[r * s + c];
        window[i] = !computed ? (double)NAN : isnan(value) ? in[0] : value;
    }
}

/* The sizes of a cell, as GDAL gives them where a raster has no geotransform, too. */
static double gdal_width(const fn_georeference *g)
{
    return g->known ? g->geotransform[1] : 1;
}

static double gdal_height(const fn_georeference *g)
{
    return g->known ? g->geotransform[5] : 1;
}

fn_terrain_map fn_terrain_gdal_map(const fn_terrain *terrain)
{
    const double z = terrain->options.z_factor;
    return (fn_terrain_map){.east = {z / gdal_width(&terrain->georeference), 0},
                            .north = {0, z / gdal_height(&terrain->georeference)},
                            .light = {terrain->light[0], terrain->light[1], terrain->light[2]},
                            .flat = terrain->options.flat};
}

static void gdal_slope(const fn_terrain *terrain, size_t n, double *const d[FN_DERIVATIVES], double *out)
{
    const double scale = 1 / terrain->options.z_factor, width = gdal_width(&terrain->georeference) * scale,
                 height = gdal_height(&terrain->georeference) * scale;
    const bool degrees = terrain->options.unit == FN_SLOPE_DEGREES;
    for (size_t i = 0; i < n; i++) {
        const double x = d[FN_BY_COLUMN][i] / width, y = d[FN_BY_ROW][i] / height, steep = sqrt(x * x + y * y);
        out[i] = degrees ? atan(steep) * (180 / PI) : 100 * steep;
    }
}

/* From here on in Float32, as there. */
static double gdal_angle(double degrees, fn_aspect_angle kind)
{
    const float a = (float)degrees;
    float angle = kind == FN_ANGLE_TRIGONOMETRIC ? (a < 0 ? a + 360.0f : a) : a > 90 ? 450.0f - a : 90.0f - a;
    if (angle == 360.0f)
        angle = 0;
    return (double)angle;
}

static void gdal_aspect(const fn_terrain *terrain, size_t n, double *const d[FN_DERIVATIVES], double *out)
{
    for (size_t i = 0; i < n; i++) {
        const double x = d[FN_BY_COLUMN][i], y = d[FN_BY_ROW][i];
        out[i] =
            x == 0 && y == 0 ? terrain->options.flat : gdal_angle(atan2(y, -x) / (PI / 180), terrain->options.angle);
    }
}

static void gdal_igor(const fn_terrain *terrain, const fn_terrain_map *map, size_t n, double *const d[FN_DERIVATIVES],
                      double *out)
{
    const double dark = PI * 3 / 2 - terrain->options.azimuth * (PI / 180);
    for (size_t i = 0; i < n; i++) {
        const double x = d[FN_BY_COLUMN][i], y = d[FN_BY_ROW][i], east = x * map->east[0], north = y * map->north[1];
        const double slope = atan(sqrt(east * east + north * north)),
                     turn = fabs(remainder(atan2(y, -x) - dark, 2 * PI));
        out[i] = 255 * (1 - slope / (PI / 2) * (1 - turn / PI));
    }
}

bool fn_terrain_gdal_differs(const fn_terrain_options *o)
{
    return o->kind == FN_SLOPE || o->kind == FN_ASPECT ||
           (o->kind == FN_HILLSHADE && o->hillshade == FN_HILLSHADE_IGOR);
}

void fn_terrain_gdal_finish(const fn_terrain *terrain, const fn_terrain_map *map, size_t n,
                            double *const d[FN_DERIVATIVES], double *out)
{
    if (terrain->options.kind == FN_SLOPE)
        gdal_slope(terrain, n, d, out);
    else if (terrain->options.kind == FN_ASPECT)
        gdal_aspect(terrain, n, d, out);
    else
        gdal_igor(terrain, map, n, d, out);
}
