/* Included once for each instruction set, after defining FN_TERRAIN_TABLE, the name of the table of kernels. The loops
 * are plain C that the compiler vectorises; contraction is off: all variants compute the same bits. */
#include <math.h>

#include "terrain_kernels.h"

#define LOOP _Pragma("omp simd") for (size_t i = 0; i < n; i++)
#define DEGREES 57.295779513082320877 /* in a radian */

/* ---- derivatives by columns and rows ---- */

/* The window of cell i: names as in terrain.h. Missing cells make what is computed of them NaN. */
#define ROWS const double *const north = row[0], *const middle = row[1], *const south = row[2]
#define EACH_CELL _Pragma("omp simd") for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++)
#define WINDOW                                                                                                         \
    const double a = north[i - 1], b = north[i], c = north[i + 1], d = middle[i - 1], e = middle[i],                   \
                 f = middle[i + 1], g = south[i - 1], h = south[i], k = south[i + 1];                                  \
    (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h, (void)k

/* First derivatives, but for a factor: a power of two, which changes no bit wherever it is multiplied with. */
#define HORN_FACTOR 0.125
#define HORN_FIRST                                                                                                     \
    const double by_column = ((c + k) + 2 * f) - ((a + g) + 2 * d);                                                    \
    const double by_row = ((g + k) + 2 * h) - ((a + c) + 2 * b);
#define THORNE_FACTOR 0.5
#define THORNE_FIRST const double by_column = f - d, by_row = h - b;
#define HORN_SECOND                                                                                                    \
    const double by_columns = 0.25 * (((a - 2 * b + c) + (g - 2 * h + k)) + 2 * (d - 2 * e + f));                      \
    const double by_both = 0.25 * ((a + k) - (c + g));                                                                 \
    const double by_rows = 0.25 * (((a - 2 * d + g) + (c - 2 * f + k)) + 2 * (b - 2 * e + h));
#define THORNE_SECOND                                                                                                  \
    const double by_columns = d - 2 * e + f;                                                                           \
    const double by_both = 0.25 * ((a + k) - (c + g));                                                                 \
    const double by_rows = b - 2 * e + h;

#define DIFFERENCES(name, factor, first)                                                                               \
    static void name(const double *const row[3], size_t n, double *const out[2])                                       \
    {                                                                                                                  \
        double *const columns = out[FN_BY_COLUMN], *const rows = out[FN_BY_ROW];                                       \
        ROWS;                                                                                                          \
        EACH_CELL                                                                                                      \
        {                                                                                                              \
            WINDOW;                                                                                                    \
            first;                                                                                                     \
            columns[i] = factor * by_column;                                                                           \
            rows[i] = factor * by_row;                                                                                 \
        }                                                                                                              \
    }
DIFFERENCES(horn_differences, HORN_FACTOR, HORN_FIRST)
DIFFERENCES(thorne_differences, THORNE_FACTOR, THORNE_FIRST)

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

/* A sum is NaN where a term is; where infinite ones cancel, too, which only costs time. */
static bool take_away(const double *in, size_t n, double *out)
{
    double sum = 0;
    _Pragma("omp simd reduction(+ : sum)") for (size_t i = 0; i < n; i++)
    {
        sum += in[i] == in[i] ? out[i] : 0;
        out[i] = in[i] == in[i] ? out[i] : (double)NAN;
    }
    return sum != sum;
}

/* ---- results ---- */

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

/* The angles of tangents, none negative, in their place. Most ground is flatter than 22.5 degrees: nothing has to be
 * divided there, and small_atan alone gives the same bits. */
static void angles_of(size_t count, double *tangent)
{
    enum { PIECE = 64 };
    for (size_t at = 0, n; at < count; at += n, tangent += n) {
        n = count - at < PIECE ? count - at : PIECE;
        int steep = 0;
        _Pragma("omp simd reduction(| : steep)") for (size_t i = 0; i < n; i++) steep |=
            tangent[i] > 0.41421356237309503;
        if (steep)
            LOOP tangent[i] = angle_of(tangent[i], 1);
        else
            LOOP tangent[i] = small_atan(tangent[i]);
    }
}

/* A formula gives the result of a cell: of p and q, curvatures of r, s and t, too. See terrain.h. */
#define FORMULA(name) static inline double name(fn_terrain_map map, double p, double q)

FORMULA(slope_percent)
{
    (void)map;
    return 100 * sqrt(p * p + q * q);
}

/* Its angle comes in a loop of its own: a chain half as long. */
FORMULA(slope_degrees)
{
    (void)map;
    return sqrt(p * p + q * q);
}

/* Of a direction, from the front: 0 <= angle < 360. */
static inline double full_angle(double side, double front, double flat)
{
    const double quarter = angle_of(fabs(side), fabs(front)), half = front < 0 ? 180 - quarter : quarter,
                 angle = side < 0 ? 360 - half : half;
    return ((side == 0) & (front == 0)) ? flat : angle >= 360 ? 0.0 : angle;
}

FORMULA(aspect_azimuth)
{
    return full_angle(-p, -q, map.flat);
}

FORMULA(aspect_trigonometric)
{
    return full_angle(-q, -p, map.flat);
}

#define LIGHT const double l0 = map.light[0], l1 = map.light[1], high = map.light[2];

FORMULA(shade_regular)
{
    LIGHT
    const double cosine = (high - (p * l0 + q * l1)) / sqrt(1 + (p * p + q * q)), shade = 254 * cosine;
    return shade <= 0 ? 1.0 : 1 + shade;
}

/* The angle between the light and the normal comes from the length of their vector product: no digits are lost. */
FORMULA(shade_combined)
{
    LIGHT
    const double a = q * high + l1, b = p * high + l0, c = q * l0 - p * l1, dot = high - (p * l0 + q * l1);
    const double quarter = angle_of(sqrt(a * a + b * b + c * c), fabs(dot)), angle = dot < 0 ? 180 - quarter : quarter;
    const double shade = 1 - angle * angle_of(sqrt(p * p + q * q), 1) * (1 / 8100.0);
    return shade <= 0 ? 1.0 : 1 + 254 * shade;
}

FORMULA(shade_multidirectional)
{
    LIGHT
    const double low = sqrt(l0 * l0 + l1 * l1), slant = low * 0.70710678118654752440;
    const double pp = p * p, qq = q * q, both = pp + qq;
    const double c225 = high + slant * (p + q), c270 = high + low * p, c315 = high + slant * (p - q),
                 c360 = high - low * q;
    const double w225 = 0.5 * both + p * q, w315 = both - w225;
    const double sum = (w225 * (c225 <= 0 ? 0 : c225) + pp * (c270 <= 0 ? 0 : c270)) +
                       (w315 * (c315 <= 0 ? 0 : c315) + qq * (c360 <= 0 ? 0 : c360));
    const double shade = 127 * (sum / both) / sqrt(1 + both);
    return both == 0 ? 1 + 254 * high : 1 + shade;
}

FORMULA(shade_igor)
{
    const double l0 = map.light[0], l1 = map.light[1];
    const double dot = p * l0 + q * l1, quarter = angle_of(fabs(p * l1 - q * l0), fabs(dot)),
                 turn = dot < 0 ? 180 - quarter : quarter;
    const double slope = angle_of(sqrt(p * p + q * q), 1), shade = 1 - slope * (1 / 90.0) * (1 - turn * (1 / 180.0));
    return ((p == 0) & (q == 0)) ? 255.0 : 255 * shade;
}

/* flat_too: 1 where no direction is needed. A missing cell shows in s, even where p and q do without it. */
#define CURVATURE(name, flat_too, formula)                                                                             \
    static inline double curvature_##name(fn_terrain_map map, double p, double q, double r, double s, double t)        \
    {                                                                                                                  \
        const double pp = p * p, qq = q * q, pq2s = 2 * (p * q) * s, both = pp + qq, over = 1 + both;                  \
        const double value = (formula);                                                                                \
        (void)over;                                                                                                    \
        return ((flat_too) | (both != 0) | (s != s)) ? value : map.flat;                                               \
    }
CURVATURE(profile, 0, -(pp *r + pq2s + qq * t) / (both * over * sqrt(over)))
CURVATURE(plan, 0, -(qq *r - pq2s + pp * t) / (both * sqrt(both)))
CURVATURE(tangential, 0, -(qq *r - pq2s + pp * t) / (both * sqrt(over)))
CURVATURE(mean, 1, -((1 + qq) * r - pq2s + (1 + pp) * t) / (2 * over * sqrt(over)))

/* ---- loops over formulas ---- */

/* The map of derivatives that still are to be multiplied with a factor. Whole: out might be a part of it, for all that
 * the compiler knows. */
static inline fn_terrain_map with_factor(fn_terrain_map map, double factor)
{
    for (int k = 0; k < 2; k++) {
        map.east[k] *= factor;
        map.north[k] *= factor;
    }
    return map;
}

#define GRADIENT                                                                                                       \
    const double p = by_column * m.east[0] + by_row * m.east[1], q = by_column * m.north[0] + by_row * m.north[1];
#define BENDS                                                                                                          \
    const double r = by_columns * m.second[0][0] + by_both * m.second[0][1] + by_rows * m.second[0][2];                \
    const double s = by_columns * m.second[1][0] + by_both * m.second[1][1] + by_rows * m.second[1][2];                \
    const double t = by_columns * m.second[2][0] + by_both * m.second[2][1] + by_rows * m.second[2][2];
#define GIVEN_FIRST const double by_column = d[FN_BY_COLUMN][i], by_row = d[FN_BY_ROW][i];
#define GIVEN_SECOND                                                                                                   \
    const double by_columns = d[FN_BY_COLUMNS][i], by_both = d[FN_BY_BOTH][i], by_rows = d[FN_BY_ROWS][i];

/* derivatives: of a cell; result: of these; after: what is done with the results of all cells. */
#define FROM_WINDOWS(name, factor, derivatives, result, after)                                                         \
    static void name(const fn_terrain_map *map, const double *const row[3], size_t n, double *out)                     \
    {                                                                                                                  \
        const fn_terrain_map m = with_factor(*map, factor);                                                            \
        ROWS;                                                                                                          \
        EACH_CELL                                                                                                      \
        {                                                                                                              \
            WINDOW;                                                                                                    \
            derivatives;                                                                                               \
            out[i] = result;                                                                                           \
        }                                                                                                              \
        after;                                                                                                         \
    }
#define FROM_DERIVATIVES(name, derivatives, result, after)                                                             \
    static void name(const fn_terrain_map *map, size_t n, double *const d[FN_DERIVATIVES], double *out)                \
    {                                                                                                                  \
        const fn_terrain_map m = *map;                                                                                 \
        LOOP                                                                                                           \
        {                                                                                                              \
            derivatives;                                                                                               \
            out[i] = result;                                                                                           \
        }                                                                                                              \
        after;                                                                                                         \
    }
#define LOOPS(name, after)                                                                                             \
    FROM_WINDOWS(horn_##name, HORN_FACTOR, HORN_FIRST GRADIENT, name(m, p, q), after)                                  \
    FROM_WINDOWS(thorne_##name, THORNE_FACTOR, THORNE_FIRST GRADIENT, name(m, p, q), after)                            \
    FROM_DERIVATIVES(finish_##name, GIVEN_FIRST GRADIENT, name(m, p, q), after)
#define CURVATURE_LOOPS(name)                                                                                          \
    FROM_WINDOWS(horn_##name, HORN_FACTOR, HORN_FIRST HORN_SECOND GRADIENT BENDS, name(m, p, q, r, s, t), )            \
    FROM_WINDOWS(thorne_##name, THORNE_FACTOR, THORNE_FIRST THORNE_SECOND GRADIENT BENDS, name(m, p, q, r, s, t), )    \
    FROM_DERIVATIVES(finish_##name, GIVEN_FIRST GIVEN_SECOND GRADIENT BENDS, name(m, p, q, r, s, t), )
LOOPS(slope_degrees, angles_of(n, out))
LOOPS(slope_percent, )
LOOPS(aspect_azimuth, )
LOOPS(aspect_trigonometric, )
LOOPS(shade_regular, )
LOOPS(shade_combined, )
LOOPS(shade_multidirectional, )
LOOPS(shade_igor, )
CURVATURE_LOOPS(curvature_profile)
CURVATURE_LOOPS(curvature_plan)
CURVATURE_LOOPS(curvature_tangential)
CURVATURE_LOOPS(curvature_mean)

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

/* ---- windows of 3 x 3 cells: what the loops above make of them, in the same order ---- */

#define OR_ZERO(v) ((v) == (v) ? (v) : 0)
#define IS_THERE(v) ((v) == (v) ? 1.0 : 0.0)
/* A loop over what a loop before has written, apart from it: clang 14 carries values from cell to cell otherwise, and
 * computes cells one by one. */
#define APART __attribute__((noinline)) static void

APART tpi_of_columns(const double *sum, const double *number, const double *middle, double z, size_t n, double *out)
{
    LOOP
    {
        const double centre = middle[i + 1], others = number[i] + number[i + 1] + number[i + 2] - 1;
        const double mean = ((sum[i] + sum[i + 1] + sum[i + 2]) - centre) / others;
        out[i] = others > 0 ? z * (centre - mean) : (double)NAN;
    }
}

static void tpi_small(const double *const row[3], double z, size_t n, double *out)
{
    double sum[FN_TERRAIN_BLOCK + 2], number[FN_TERRAIN_BLOCK + 2];
    const double *const north = row[0] - 1, *const middle = row[1] - 1, *const south = row[2] - 1;
    _Pragma("omp simd") for (size_t i = 0; i < n + 2; i++)
    {
        sum[i] = (OR_ZERO(north[i]) + OR_ZERO(middle[i])) + OR_ZERO(south[i]);
        number[i] = (IS_THERE(north[i]) + IS_THERE(middle[i])) + IS_THERE(south[i]);
    }
    tpi_of_columns(sum, number, middle, z, n, out);
}

#define LEAST_OF(a, b) ((a) < (b) ? (a) : (b))
#define MOST_OF(a, b) ((a) > (b) ? (a) : (b))

APART roughness_of_columns(const double *low, const double *high, const double *number, const double *middle, double z,
                           size_t n, double *out)
{
    LOOP
    {
        const double least = LEAST_OF(low[i + 1], low[i]), most = MOST_OF(high[i + 1], high[i]);
        const double lowest = LEAST_OF(low[i + 2], least), highest = MOST_OF(high[i + 2], most);
        const double centre = middle[i + 1], cells = number[i] + number[i + 1] + number[i + 2];
        out[i] = ((cells > 1) & (centre == centre)) ? z * (highest - lowest) : (double)NAN;
    }
}

static void roughness_small(const double *const row[3], double z, size_t n, double *out)
{
    double low[FN_TERRAIN_BLOCK + 2], high[FN_TERRAIN_BLOCK + 2], number[FN_TERRAIN_BLOCK + 2];
    const double *const north = row[0] - 1, *const middle = row[1] - 1, *const south = row[2] - 1;
    _Pragma("omp simd") for (size_t i = 0; i < n + 2; i++)
    {
        const double least = LEAST_OF(north[i], (double)INFINITY), most = MOST_OF(north[i], -(double)INFINITY);
        const double less = LEAST_OF(middle[i], least), more = MOST_OF(middle[i], most);
        low[i] = LEAST_OF(south[i], less);
        high[i] = MOST_OF(south[i], more);
        number[i] = (IS_THERE(north[i]) + IS_THERE(middle[i])) + IS_THERE(south[i]);
    }
    roughness_of_columns(low, high, number, middle, z, n, out);
}

/* difference: of what it is a sum, of v, a cell less the centre. */
#define RUGGEDNESS(name, difference, result)                                                                           \
    static void tri_##name##_small(const double *const row[3], double z, size_t n, double *out)                        \
    {                                                                                                                  \
        ROWS;                                                                                                          \
        EACH_CELL                                                                                                      \
        {                                                                                                              \
            WINDOW;                                                                                                    \
            const double cells[] = {a, b, c, d, f, g, h, k};                                                           \
            double sum = 0, others = 0;                                                                                \
            for (int j = 0; j < 8; j++) {                                                                              \
                const double v = cells[j] - e;                                                                         \
                sum += v == v ? (difference) : 0;                                                                      \
                others += v == v ? 1 : 0;                                                                              \
            }                                                                                                          \
            out[i] = ((others > 0) & (e == e)) ? z * (result) : (double)NAN;                                           \
        }                                                                                                              \
    }
RUGGEDNESS(riley, v *v, sqrt(sum))
RUGGEDNESS(wilson, fabs(v), sum / others)

#define ALL(name)                                                                                                      \
    {                                                                                                                  \
        {horn_##name, thorne_##name}, finish_##name                                                                    \
    }
const fn_terrain_kernels FN_TERRAIN_TABLE = {
    .differences = {[FN_HORN] = horn_differences, [FN_ZEVENBERGEN_THORNE] = thorne_differences},
    .formulas = {[FN_FORMULA_SLOPE_DEGREES] = ALL(slope_degrees),
                 [FN_FORMULA_SLOPE_PERCENT] = ALL(slope_percent),
                 [FN_FORMULA_ASPECT_AZIMUTH] = ALL(aspect_azimuth),
                 [FN_FORMULA_ASPECT_TRIGONOMETRIC] = ALL(aspect_trigonometric),
                 [FN_FORMULA_SHADE_REGULAR] = ALL(shade_regular),
                 [FN_FORMULA_SHADE_COMBINED] = ALL(shade_combined),
                 [FN_FORMULA_SHADE_MULTIDIRECTIONAL] = ALL(shade_multidirectional),
                 [FN_FORMULA_SHADE_IGOR] = ALL(shade_igor),
                 [FN_FORMULA_CURVATURE_PROFILE] = ALL(curvature_profile),
                 [FN_FORMULA_CURVATURE_PLAN] = ALL(curvature_plan),
                 [FN_FORMULA_CURVATURE_TANGENTIAL] = ALL(curvature_tangential),
                 [FN_FORMULA_CURVATURE_MEAN] = ALL(curvature_mean)},
    .any_missing = any_missing,
    .mark_missing = mark_missing,
    .take_away = take_away,
    .small_tpi = tpi_small,
    .small_tri = {[FN_TRI_RILEY] = tri_riley_small, [FN_TRI_WILSON] = tri_wilson_small},
    .small_roughness = roughness_small,
    .add_row = add_window_row,
    .add_column = add_column,
    .add_spread = add_spread,
    .add_squares = add_squares,
    .add_distances = add_distances};
