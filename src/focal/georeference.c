/* What a step from cell to cell is on the ground. */
#include "fishnet/georeference.h"

#include <math.h>

/* Beyond this the centre of a cell counts as a pole: 1e-12 is 6 micrometres on the earth. */
#define POLE_COSINE 1e-12

fn_status fn_georeference_check(const fn_georeference *g, fn_error *err)
{
    if (!g->known)
        return FN_OK;
    const double *t = g->geotransform;
    for (int i = 0; i < 6; i++)
        if (!isfinite(t[i]))
            return fn_fail(err, FN_ERR_ARGUMENT, "the geotransform of the raster is not finite");
    const double determinant = t[1] * t[5] - t[2] * t[4];
    if (!(fabs(determinant) > 1e-12 * (fabs(t[1] * t[5]) + fabs(t[2] * t[4]))))
        return fn_fail(err, FN_ERR_ARGUMENT,
                       "the geotransform of the raster cannot be inverted: its cells have no area");
    if (g->geographic && !(g->semi_major > 0 && isfinite(g->semi_major) && g->flattening >= 0 && g->flattening < 1))
        return fn_fail(err, FN_ERR_ARGUMENT, "no ellipsoid has a semi-major axis of %g and a flattening of %g",
                       g->semi_major, g->flattening);
    if (g->geographic && !(g->radians > 0 && isfinite(g->radians)))
        return fn_fail(err, FN_ERR_ARGUMENT, "no angle has a unit of %g radians", g->radians);
    return FN_OK;
}

/* Of a point of the ellipsoid. */
typedef struct place {
    double sine, cosine;       /* of the latitude */
    double meridian, parallel; /* metres for a radian */
    double e2, w2;             /* the squared eccentricity, and 1 - e2 sine^2 */
} place;

static place place_of(const fn_georeference *g, int64_t column, int64_t row)
{
    const double *t = g->geotransform;
    const double latitude = (t[3] + ((double)column + 0.5) * t[4] + ((double)row + 0.5) * t[5]) * g->radians;
    const double s = sin(latitude), c = cos(latitude), e2 = g->flattening * (2 - g->flattening), w2 = 1 - e2 * s * s;
    if (!(fabs(latitude) < 2 && c > POLE_COSINE)) /* 2: between a quarter and three quarters of a turn */
        return (place){NAN, NAN, NAN, NAN, e2, NAN};
    return (place){s, c, g->semi_major * (1 - e2) / (w2 * sqrt(w2)), g->semi_major * c / sqrt(w2), e2, w2};
}

fn_cell_steps fn_georeference_steps(const fn_georeference *g, int64_t column, int64_t row)
{
    if (!g->known)
        return (fn_cell_steps){1, 0, 0, -1};
    const double *t = g->geotransform;
    if (!g->geographic)
        return (fn_cell_steps){t[1], t[4], t[2], t[5]};
    const place p = place_of(g, column, row);
    const double parallel = g->radians * p.parallel, meridian = g->radians * p.meridian;
    return (fn_cell_steps){t[1] * parallel, t[4] * meridian, t[2] * parallel, t[5] * meridian};
}

/* The terms of second order: the derivatives of N cos B and of M by B are -M sin B and 3 M e^2 sin B cos B / w^2, and a
 * geodesic that begins to the east leaves the parallel by sin B / (2 N cos B) times the square of its length. */
void fn_georeference_bend(const fn_georeference *g, int64_t column, int64_t row, double east[9], double north[9])
{
    const bool bent = g->known && g->geographic;
    const place p = bent ? place_of(g, column, row) : (place){0};
    const double along = bent ? 3 * p.meridian * p.e2 * p.sine * p.cosine / p.w2 : 0;
    const double *t = g->geotransform;
    for (int i = 0; i < 9; i++) {
        const int c = i % 3 - 1, r = i / 3 - 1;
        const double longitude = bent ? (c * t[1] + r * t[2]) * g->radians : 0,
                     latitude = bent ? (c * t[4] + r * t[5]) * g->radians : 0;
        east[i] = -p.meridian * p.sine * latitude * longitude;
        north[i] = 0.5 * (p.parallel * p.sine * longitude * longitude + along * latitude * latitude);
    }
}

fn_steps_vary fn_georeference_varies(const fn_georeference *g)
{
    if (!g->known || !g->geographic)
        return FN_STEPS_CONSTANT;
    return g->geotransform[4] != 0 ? FN_STEPS_BY_CELL : FN_STEPS_BY_ROW;
}
