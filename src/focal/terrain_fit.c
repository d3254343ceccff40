/* Derivatives where cells are missing: least squares, with the weights of Horn's window. The cells are those of a 3 x 3
 * window, so that all that does not depend on values is small whole numbers, and exact. */
#include "terrain_internal.h"

#include <math.h>

enum { TERMS = 6 }; /* 1, c, r, c^2/2, c r, r^2/2: their factors are the derivatives in the centre */

static double fit_weight(int cell)
{
    const int c = cell % 3 - 1, r = cell / 3 - 1;
    return (c == 0 ? 2 : 1) * (r == 0 ? 2 : 1);
}

/* The plane. With the sums S of weights, and T of weighted differences from the centre, times powers of c and r: the
 * normal equations, less their first, and times S. */
static void fit_plane(const double window[9], double d[2])
{
    double s = 0, sc = 0, sr = 0, scc = 0, scr = 0, srr = 0, t = 0, tc = 0, tr = 0;
    for (int i = 0; i < 9; i++) {
        if (isnan(window[i]))
            continue;
        const double c = i % 3 - 1, r = i / 3 - 1, w = fit_weight(i), z = w * (window[i] - window[4]);
        s += w;
        sc += w * c;
        sr += w * r;
        scc += w * c * c;
        scr += w * c * r;
        srr += w * r * r;
        t += z;
        tc += z * c;
        tr += z * r;
    }
    const double cc = s * scc - sc * sc, cr = s * scr - sc * sr, rr = s * srr - sr * sr;
    const double determinant = cc * rr - cr * cr; /* 0 exactly where all cells are on a line */
    const double zc = s * tc - sc * t, zr = s * tr - sr * t;
    d[FN_BY_COLUMN] = determinant == 0 ? (double)NAN : (rr * zc - cr * zr) / determinant;
    d[FN_BY_ROW] = determinant == 0 ? (double)NAN : (cc * zr - cr * zc) / determinant;
}

/* Solves m x = v, m symmetric and positive; false where it is singular: the least pivot of a window that is not is
 * 1/8, and that of one that is is rounding. */
static bool solve_symmetric(double m[TERMS][TERMS], double v[TERMS])
{
    for (int k = 0; k < TERMS; k++) {
        if (!(m[k][k] > 1e-9))
            return false;
        for (int i = k + 1; i < TERMS; i++) {
            const double factor = m[i][k] / m[k][k];
            for (int j = k; j < TERMS; j++)
                m[i][j] -= factor * m[k][j];
            v[i] -= factor * v[k];
        }
    }
    for (int k = TERMS - 1; k >= 0; k--) {
        for (int j = k + 1; j < TERMS; j++)
            v[k] -= m[k][j] * v[j];
        v[k] /= m[k][k];
    }
    return true;
}

static void fit_quadratic(const double window[9], double d[FN_DERIVATIVES])
{
    double m[TERMS][TERMS] = {{0}}, v[TERMS] = {0};
    for (int i = 0; i < 9; i++) {
        if (isnan(window[i]))
            continue;
        const double c = i % 3 - 1, r = i / 3 - 1, w = fit_weight(i), z = window[i] - window[4];
        const double term[TERMS] = {1, c, r, c * c / 2, c * r, r * r / 2};
        for (int j = 0; j < TERMS; j++) {
            for (int k = 0; k < TERMS; k++)
                m[j][k] += w * term[j] * term[k];
            v[j] += w * term[j] * z;
        }
    }
    const bool known = solve_symmetric(m, v);
    for (int k = 0; k < FN_DERIVATIVES; k++)
        d[k] = known ? v[k + 1] : (double)NAN;
}

void fn_terrain_fit(const double window[9], fn_terrain_method method, bool second, double d[FN_DERIVATIVES])
{
    if (second) {
        fit_quadratic(window, d);
        return;
    }
    const double across = window[5] - window[3], down = window[7] - window[1];
    if (method == FN_ZEVENBERGEN_THORNE && !isnan(across + down)) {
        d[FN_BY_COLUMN] = 0.5 * across;
        d[FN_BY_ROW] = 0.5 * down;
    } else
        fit_plane(window, d);
}
