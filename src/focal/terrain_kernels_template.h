/* Included once for each instruction set, after defining
 *   FN_TERRAIN_TABLE  name of the table of kernels
 *   FN_WIDTH          doubles in a vector of FN_VECTOR, with FN_VLOAD(p) and FN_VSTORE(p, v)
 *   FN_SLEEF(f)       SLEEF's function f for that vector, 1.0 ulp, in the form that gives the same bits for any width
 * The loops are plain C that the compiler vectorises; contraction is off, so that both variants compute the same bits. */
#include <math.h>
#include <string.h>

#include "terrain_kernels.h"

#define LOOP _Pragma("omp simd") for (size_t i = 0; i < n; i++)
#define DEGREES 57.295779513082320877 /* in a radian */
#define HALF_PI 1.5707963267948966192

/* ---- derivatives by columns and rows ---- */

/* The window of cell i: names as in terrain.h. */
#define WINDOW                                                                                                         \
    const double a = row[0][i - 1], b = row[0][i], c = row[0][i + 1], d = row[1][i - 1], f = row[1][i + 1],            \
                 g = row[2][i - 1], h = row[2][i], k = row[2][i + 1];
#define EACH_CELL _Pragma("omp simd") for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++)

static void horn_first(const double *const row[3], size_t n, double *const out[FN_DERIVATIVES])
{
    double *by_column = out[FN_BY_COLUMN], *by_row = out[FN_BY_ROW];
    EACH_CELL
    {
        WINDOW
        by_column[i] = 0.125 * (((c + k) + 2 * f) - ((a + g) + 2 * d));
        by_row[i] = 0.125 * (((g + k) + 2 * h) - ((a + c) + 2 * b));
    }
}

static void thorne_first(const double *const row[3], size_t n, double *const out[FN_DERIVATIVES])
{
    double *by_column = out[FN_BY_COLUMN], *by_row = out[FN_BY_ROW];
    EACH_CELL
    {
        by_column[i] = 0.5 * (row[1][i + 1] - row[1][i - 1]);
        by_row[i] = 0.5 * (row[2][i] - row[0][i]);
    }
}

static void horn_second(const double *const row[3], size_t n, double *const out[FN_DERIVATIVES])
{
    double *by_columns = out[FN_BY_COLUMNS], *by_both = out[FN_BY_BOTH], *by_rows = out[FN_BY_ROWS];
    horn_first(row, n, out);
    EACH_CELL
    {
        WINDOW
        const double e = row[1][i];
        by_columns[i] = 0.25 * (((a - 2 * b + c) + (g - 2 * h + k)) + 2 * (d - 2 * e + f));
        by_both[i] = 0.25 * ((a + k) - (c + g));
        by_rows[i] = 0.25 * (((a - 2 * d + g) + (c - 2 * f + k)) + 2 * (b - 2 * e + h));
    }
}

static void thorne_second(const double *const row[3], size_t n, double *const out[FN_DERIVATIVES])
{
    double *by_columns = out[FN_BY_COLUMNS], *by_both = out[FN_BY_BOTH], *by_rows = out[FN_BY_ROWS];
    thorne_first(row, n, out);
    EACH_CELL
    {
        WINDOW
        const double e = row[1][i];
        by_columns[i] = d - 2 * e + f;
        by_both[i] = 0.25 * ((a + k) - (c + g));
        by_rows[i] = b - 2 * e + h;
    }
}

static bool any_missing(const double *const row[3], size_t n)
{
    const double *a = row[0] - 1, *b = row[1] - 1, *c = row[2] - 1;
    int any = 0;
    _Pragma("omp simd reduction(| : any)") for (size_t i = 0; i < n + 2; i++) any |=
        (a[i] != a[i]) | (b[i] != b[i]) | (c[i] != c[i]);
    return any;
}

/* mark: 1 where a window has a cell without a value, else 0. */
static void mark_missing(const double *const row[3], size_t n, double *mark)
{
    const double *a = row[0], *b = row[1], *c = row[2];
    double column[FN_TERRAIN_BLOCK + 2];
    for (ptrdiff_t i = -1; i <= (ptrdiff_t)n; i++)
        column[i + 1] = (a[i] != a[i]) | (b[i] != b[i]) | (c[i] != c[i]);
    LOOP mark[i] = column[i] + column[i + 1] + column[i + 2] > 0 ? 1.0 : 0.0;
}

/* ---- results ---- */

/* p and q of cell i, of its derivatives by columns and rows. */
#define GRADIENT                                                                                                       \
    const double by_column = x[i], by_row = y[i];                                                                      \
    const double p = by_column * e0 + by_row * e1, q = by_column * n0 + by_row * n1;
#define FINISH(name) static void finish_##name(const fn_terrain_map *map, size_t n, double *const d[FN_DERIVATIVES])
#define FIRST_DERIVATIVES                                                                                              \
    double *x = d[FN_BY_COLUMN], *y = d[FN_BY_ROW];                                                                    \
    const double e0 = map->east[0], e1 = map->east[1], n0 = map->north[0], n1 = map->north[1];

/* One or two values that SLEEF takes, in place; n is rounded up to whole vectors. */
#define IN_PLACE(name)                                                                                                 \
    static void name##_in_place(double *x, size_t n)                                                                   \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i += FN_WIDTH)                                                                       \
            FN_VSTORE(x + i, FN_SLEEF(name)(FN_VLOAD(x + i)));                                                         \
    }
IN_PLACE(atan)
IN_PLACE(acos)

static void atan2_in_place(double *y, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i += FN_WIDTH)
        FN_VSTORE(y + i, FN_SLEEF(atan2)(FN_VLOAD(y + i), FN_VLOAD(x + i)));
}

FINISH(slope_percent)
{
    FIRST_DERIVATIVES
    LOOP
    {
        GRADIENT
        x[i] = 100 * sqrt(p * p + q * q);
    }
}

FINISH(slope_degrees)
{
    FIRST_DERIVATIVES
    LOOP
    {
        GRADIENT
        x[i] = sqrt(p * p + q * q);
    }
    atan_in_place(x, n);
    LOOP x[i] *= DEGREES;
}

/* The angle from y to x, 0 <= angle < 360, in x. */
static void angle_in_place(double *x, const double *y, size_t n, double flat)
{
    double length[FN_TERRAIN_BLOCK];
    LOOP length[i] = fabs(x[i]) + fabs(y[i]);
    atan2_in_place(x, y, n);
    LOOP
    {
        const double degrees = x[i] * DEGREES, turned = degrees < 0 ? degrees + 360 : degrees;
        const double angle = turned >= 360 ? 0.0 : turned + 0.0; /* no -0 */
        x[i] = length[i] == 0 ? flat : angle;
    }
}

FINISH(aspect_azimuth)
{
    FIRST_DERIVATIVES
    LOOP
    {
        GRADIENT
        x[i] = -p;
        y[i] = -q;
    }
    angle_in_place(x, y, n, map->flat);
}

FINISH(aspect_trigonometric)
{
    FIRST_DERIVATIVES
    LOOP
    {
        GRADIENT
        x[i] = -q;
        y[i] = -p;
    }
    angle_in_place(x, y, n, map->flat);
}

/* The cosine of the angle between the light and the normal. */
#define COSINE ((high - (p * l0 + q * l1)) / sqrt(1 + (p * p + q * q)))
#define LIGHT const double l0 = map->light[0], l1 = map->light[1], high = map->light[2];

FINISH(shade_regular)
{
    FIRST_DERIVATIVES
    LIGHT
    LOOP
    {
        GRADIENT
        const double shade = 254 * COSINE;
        x[i] = shade <= 0 ? 1.0 : 1 + shade;
    }
}

FINISH(shade_combined)
{
    FIRST_DERIVATIVES
    LIGHT
    LOOP
    {
        GRADIENT
        const double cosine = COSINE;
        x[i] = cosine > 1 ? 1.0 : cosine < -1 ? -1.0 : cosine; /* by rounding */
        y[i] = sqrt(p * p + q * q);
    }
    acos_in_place(x, n);
    atan_in_place(y, n);
    LOOP
    {
        const double shade = 1 - x[i] * y[i] * (1 / (HALF_PI * HALF_PI));
        x[i] = shade <= 0 ? 1.0 : 1 + 254 * shade;
    }
}

FINISH(shade_multidirectional)
{
    FIRST_DERIVATIVES
    LIGHT
    const double low = sqrt(l0 * l0 + l1 * l1), slant = low * 0.70710678118654752440;
    LOOP
    {
        GRADIENT
        const double pp = p * p, qq = q * q, both = pp + qq;
        const double c225 = high + slant * (p + q), c270 = high + low * p, c315 = high + slant * (p - q),
                     c360 = high - low * q;
        const double w225 = 0.5 * both + p * q, w315 = both - w225;
        const double sum = (w225 * (c225 <= 0 ? 0 : c225) + pp * (c270 <= 0 ? 0 : c270)) +
                           (w315 * (c315 <= 0 ? 0 : c315) + qq * (c360 <= 0 ? 0 : c360));
        const double shade = 127 * (sum / both) / sqrt(1 + both);
        x[i] = both == 0 ? 1 + 254 * high : 1 + shade;
    }
}

/* y, x: how far downhill turns from straight away from the light. */
FINISH(shade_igor)
{
    FIRST_DERIVATIVES
    const double l0 = map->light[0], l1 = map->light[1];
    double turn[FN_TERRAIN_BLOCK];
    LOOP
    {
        GRADIENT
        turn[i] = fabs(p * l1 - q * l0);
        y[i] = p * l0 + q * l1;
        x[i] = sqrt(p * p + q * q);
    }
    atan2_in_place(turn, y, n);
    atan_in_place(x, n);
    LOOP x[i] = 255 * (1 - x[i] * (1 / HALF_PI) * (1 - turn[i] * (0.5 / HALF_PI)));
}

/* Of p, q, r, s and t, see terrain.h; flat_too: 1 where no direction is needed. */
#define CURVATURE(name, flat_too, formula)                                                                             \
    FINISH(curvature_##name)                                                                                           \
    {                                                                                                                  \
        FIRST_DERIVATIVES                                                                                              \
        const double *xx = d[FN_BY_COLUMNS], *xy = d[FN_BY_BOTH], *yy = d[FN_BY_ROWS];                                 \
        const double flat = map->flat;                                                                                 \
        const fn_terrain_map m = *map;                                                                                 \
        LOOP                                                                                                           \
        {                                                                                                              \
            GRADIENT                                                                                                   \
            const double r = xx[i] * m.second[0][0] + xy[i] * m.second[0][1] + yy[i] * m.second[0][2];                 \
            const double s = xx[i] * m.second[1][0] + xy[i] * m.second[1][1] + yy[i] * m.second[1][2];                 \
            const double t = xx[i] * m.second[2][0] + xy[i] * m.second[2][1] + yy[i] * m.second[2][2];                 \
            const double pp = p * p, qq = q * q, pq2s = 2 * (p * q) * s, both = pp + qq, over = 1 + both;              \
            const double value = (formula);                                                                            \
            (void)over;                                                                                                \
            x[i] = (flat_too) | (both != 0) ? value : flat;                                                            \
        }                                                                                                              \
    }
CURVATURE(profile, 0, -(pp *r + pq2s + qq * t) / (both * over * sqrt(over)))
CURVATURE(plan, 0, -(qq *r - pq2s + pp * t) / (both * sqrt(both)))
CURVATURE(tangential, 0, -(qq *r - pq2s + pp * t) / (both * sqrt(over)))
CURVATURE(mean, 1, -((1 + qq) * r - pq2s + (1 + pp) * t) / (2 * over * sqrt(over)))

/* ---- windows of any size ---- */

static void add_row(const double *in, size_t n, const fn_window_sums *sums)
{
    double *sum = sums->sum, *number = sums->number, *lowest = sums->lowest, *highest = sums->highest;
    if (sum)
        LOOP sum[i] += in[i] == in[i] ? in[i] : 0;
    LOOP number[i] += in[i] == in[i] ? 1 : 0;
    if (lowest)
        LOOP
        {
            lowest[i] = in[i] < lowest[i] ? in[i] : lowest[i];
            highest[i] = in[i] > highest[i] ? in[i] : highest[i];
        }
}

static void add_column(const fn_window_sums *columns, size_t first, size_t n, const fn_window_sums *sums)
{
    const double *more = columns->number + first;
    double *number = sums->number;
    LOOP number[i] += more[i];
    if (sums->sum) {
        const double *in = columns->sum + first;
        double *sum = sums->sum;
        LOOP sum[i] += in[i];
    }
    if (sums->lowest) {
        const double *low = columns->lowest + first, *high = columns->highest + first;
        double *lowest = sums->lowest, *highest = sums->highest;
        LOOP
        {
            lowest[i] = low[i] < lowest[i] ? low[i] : lowest[i];
            highest[i] = high[i] > highest[i] ? high[i] : highest[i];
        }
    }
}

#define ADD_DIFFERENCES(name, formula)                                                                                 \
    static void add_##name(const double *centre, const double *in, size_t n, double *sum, double *number)              \
    {                                                                                                                  \
        LOOP                                                                                                           \
        {                                                                                                              \
            const double off = in[i] - centre[i], value = (formula);                                                   \
            sum[i] += off == off ? value : 0;                                                                          \
            number[i] += off == off ? 1 : 0;                                                                           \
        }                                                                                                              \
    }
ADD_DIFFERENCES(squares, off *off)
ADD_DIFFERENCES(distances, fabs(off))

const fn_terrain_kernels FN_TERRAIN_TABLE = {
    .first = {[FN_HORN] = horn_first, [FN_ZEVENBERGEN_THORNE] = thorne_first},
    .second = {[FN_HORN] = horn_second, [FN_ZEVENBERGEN_THORNE] = thorne_second},
    .finish = {[FN_FORMULA_SLOPE_DEGREES] = finish_slope_degrees,
               [FN_FORMULA_SLOPE_PERCENT] = finish_slope_percent,
               [FN_FORMULA_ASPECT_AZIMUTH] = finish_aspect_azimuth,
               [FN_FORMULA_ASPECT_TRIGONOMETRIC] = finish_aspect_trigonometric,
               [FN_FORMULA_SHADE_REGULAR] = finish_shade_regular,
               [FN_FORMULA_SHADE_COMBINED] = finish_shade_combined,
               [FN_FORMULA_SHADE_MULTIDIRECTIONAL] = finish_shade_multidirectional,
               [FN_FORMULA_SHADE_IGOR] = finish_shade_igor,
               [FN_FORMULA_CURVATURE_PROFILE] = finish_curvature_profile,
               [FN_FORMULA_CURVATURE_PLAN] = finish_curvature_plan,
               [FN_FORMULA_CURVATURE_TANGENTIAL] = finish_curvature_tangential,
               [FN_FORMULA_CURVATURE_MEAN] = finish_curvature_mean},
    .any_missing = any_missing,
    .mark_missing = mark_missing,
    .add_row = add_row,
    .add_column = add_column,
    .add_differences = {[FN_TRI_RILEY] = add_squares, [FN_TRI_WILSON] = add_distances}};
