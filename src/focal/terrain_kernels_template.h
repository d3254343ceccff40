/* Included once for each instruction set, after defining FN_TERRAIN_TABLE, the name of the table of kernels. The loops
 * are plain C that the compiler vectorises; contraction is off: both variants compute the same bits. */
#include <math.h>

#include "terrain_kernels.h"

#define LOOP _Pragma("omp simd") for (size_t i = 0; i < n; i++)
#define DEGREES 57.295779513082320877 /* in a radian */

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

static void mark_missing(const double *const row[3], size_t n, double *mark)
{
    const double *a = row[0] - 1, *b = row[1] - 1, *c = row[2] - 1;
    double column[FN_TERRAIN_BLOCK + 2];
    for (size_t i = 0; i < n + 2; i++)
        column[i] = ((a[i] != a[i]) | (b[i] != b[i]) | (c[i] != c[i])) ? 1.0 : 0.0;
    for (size_t i = 0; i < n; i++)
        mark[i] = column[i] + column[i + 1] + column[i + 2];
}

/* ---- results ---- */

/* p and q of cell i, of its derivatives by columns and rows. */
#define GRADIENT                                                                                                       \
    const double by_column = x[i], by_row = y[i];                                                                      \
    const double p = by_column * e0 + by_row * e1, q = by_column * n0 + by_row * n1;
#define FINISH(name)                                                                                                   \
    static void finish_##name(const fn_terrain_map *map, size_t n, double *const d[FN_DERIVATIVES], double *out)
#define FIRST_DERIVATIVES                                                                                              \
    const double *x = d[FN_BY_COLUMN], *y = d[FN_BY_ROW];                                                              \
    const double e0 = map->east[0], e1 = map->east[1], n0 = map->north[0], n1 = map->north[1];

/* atan(u) in degrees for |u| <= tan(22.5 degrees): the polynomial in u^2 that comes nearest to atan(u) / u, to 2^-57 of
 * it (Chebyshev's nodes, 11 terms). By Estrin's scheme: a sum of sums waits less than Horner's one. */
static inline double small_atan(double u)
{
    const double z = u * u, zz = z * z, z4 = zz * zz;
    const double a =
        (-0x1.5555555555555p-2 + z * 0x1.999999999934cp-3) + zz * (-0x1.2492492436201p-3 + z * 0x1.c71c71853d7fap-4);
    const double b =
        (-0x1.745d0b28a7e37p-4 + z * 0x1.3b1263064f6b9p-4) + zz * (-0x1.10fa77b1a6d57p-4 + z * 0x1.dfe6497e96323p-5);
    const double c = (-0x1.a0999c632b6edp-5 + z * 0x1.4162c02b1dda3p-5) + zz * -0x1.3a31b1c0fd3b7p-6;
    return (u + u * z * (a + z4 * (b + z4 * c))) * DEGREES;
}

/* The angle, 0...90 degrees, whose tangent is y / x, neither negative, nor both 0. Counted from the nearest of 0, 45
 * and 90 degrees: these three are exact. */
static inline double angle_of(double y, double x)
{
    const double low = y < x ? y : x, high = y < x ? x : y;
    const bool middle = low > 0.41421356237309503 * high;
    const double over = middle ? low - high : low, under = middle ? low + high : high;
    const double angle = (middle ? 45.0 : 0.0) + small_atan(over / under);
    return y < x ? angle : 90 - angle;
}

FINISH(slope_percent)
{
    FIRST_DERIVATIVES
    LOOP
    {
        GRADIENT
        out[i] = 100 * sqrt(p * p + q * q);
    }
}

FINISH(slope_degrees)
{
    FIRST_DERIVATIVES
    LOOP
    {
        GRADIENT
        out[i] = sqrt(p * p + q * q);
    }
    LOOP out[i] = angle_of(out[i], 1); /* a loop of its own: a chain half as long */
}

/* Of a direction, from the front: 0 <= angle < 360. */
static inline double full_angle(double side, double front, double flat)
{
    const double quarter = angle_of(fabs(side), fabs(front)), half = front < 0 ? 180 - quarter : quarter,
                 angle = side < 0 ? 360 - half : half;
    return ((side == 0) & (front == 0)) ? flat : angle >= 360 ? 0.0 : angle;
}

FINISH(aspect_azimuth)
{
    FIRST_DERIVATIVES
    const double flat = map->flat;
    LOOP
    {
        GRADIENT
        out[i] = full_angle(-p, -q, flat);
    }
}

FINISH(aspect_trigonometric)
{
    FIRST_DERIVATIVES
    const double flat = map->flat;
    LOOP
    {
        GRADIENT
        out[i] = full_angle(-q, -p, flat);
    }
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
        out[i] = shade <= 0 ? 1.0 : 1 + shade;
    }
}

/* The angle between the light and the normal comes from the length of their vector product: no digits are lost. */
FINISH(shade_combined)
{
    FIRST_DERIVATIVES
    LIGHT
    LOOP
    {
        GRADIENT
        const double a = q * high + l1, b = p * high + l0, c = q * l0 - p * l1, dot = high - (p * l0 + q * l1);
        const double quarter = angle_of(sqrt(a * a + b * b + c * c), fabs(dot)),
                     angle = dot < 0 ? 180 - quarter : quarter;
        const double shade = 1 - angle * angle_of(sqrt(p * p + q * q), 1) * (1 / 8100.0);
        out[i] = shade <= 0 ? 1.0 : 1 + 254 * shade;
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
        out[i] = both == 0 ? 1 + 254 * high : 1 + shade;
    }
}

FINISH(shade_igor)
{
    FIRST_DERIVATIVES
    const double l0 = map->light[0], l1 = map->light[1];
    LOOP
    {
        GRADIENT
        const double dot = p * l0 + q * l1, quarter = angle_of(fabs(p * l1 - q * l0), fabs(dot)),
                     turn = dot < 0 ? 180 - quarter : quarter;
        const double slope = angle_of(sqrt(p * p + q * q), 1),
                     shade = 1 - slope * (1 / 90.0) * (1 - turn * (1 / 180.0));
        out[i] = ((p == 0) & (q == 0)) ? 255.0 : 255 * shade;
    }
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
            out[i] = ((flat_too) | (both != 0)) ? value : flat;                                                        \
        }                                                                                                              \
    }
CURVATURE(profile, 0, -(pp *r + pq2s + qq * t) / (both * over * sqrt(over)))
CURVATURE(plan, 0, -(qq *r - pq2s + pp * t) / (both * sqrt(both)))
CURVATURE(tangential, 0, -(qq *r - pq2s + pp * t) / (both * sqrt(over)))
CURVATURE(mean, 1, -((1 + qq) * r - pq2s + (1 + pp) * t) / (2 * over * sqrt(over)))

/* ---- windows of any size ---- */

static void add_window_row(const double *in, size_t n, const fn_window_sums *sums)
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

static void add_spread(const fn_window_sums *columns, size_t first, const double *centre, size_t n, double *sum,
                       double *number)
{
    const double *mean = columns->sum + first, *squares = columns->squares + first, *more = columns->number + first;
    LOOP
    {
        const double off = mean[i] - centre[i];
        sum[i] += squares[i] + more[i] * (off * off);
        number[i] += more[i];
    }
}

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
    .add_row = add_window_row,
    .add_column = add_column,
    .add_spread = add_spread,
    .add_differences = {[FN_TRI_RILEY] = add_squares, [FN_TRI_WILSON] = add_distances}};
