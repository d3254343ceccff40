/* On which side of an edge a point lies, exactly, and how far from it along an axis.
 *
 * All comes from one determinant, the doubled area of the triangle of the point (x, y) and the edge's ends:
 *     D(x, y) = (x0 - x) (y1 - y) - (x1 - x) (y0 - y)
 * With y0 < y1 and X(y) the edge's x at y:  D = (X(y) - x) (y1 - y0).  With Y(x) its y at x:  D = (y - Y(x)) (x1 - x0).
 *
 * It is computed in doubles first, with a bound of the error, then in pairs of doubles, then exactly by expansions
 * (J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates, Discrete &
 * Computational Geometry 18, 1997). Nothing overflows or underflows while coordinates are multiples of 2^-100 below
 * 2^401. */
#ifndef FN_ORIENTATION_H
#define FN_ORIENTATION_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* An edge from its upper to its lower end (from left to right where they are at one height), whichever way a ring
 * stores it: so that all that is computed of it is the same for both of its sides. */
typedef struct fn_edge {
    double x0, y0, x1, y1;
    double dx, dy, slope; /* x1 - x0, y1 - y0, dx / dy or 0: rounded */
    double error;         /* x0 + (y - y0) slope, in doubles, is that close to X(y): there are six roundings in it */
} fn_edge;

static inline fn_edge fn_edge_of(const double *p, const double *q)
{
    const bool forward = p[1] < q[1] || (p[1] == q[1] && p[0] <= q[0]);
    const double *a = forward ? p : q, *b = forward ? q : p;
    const double dx = b[0] - a[0], dy = b[1] - a[1];
    return (fn_edge){.x0 = a[0],
                     .y0 = a[1],
                     .x1 = b[0],
                     .y1 = b[1],
                     .dx = dx,
                     .dy = dy,
                     .slope = dy > 0 ? dx / dy : 0,
                     .error = (fabs(a[0]) + fabs(b[0]) + 1) * 0x1p-49};
}

static inline double fn_x_about(const fn_edge *e, double y)
{
    return e->x0 + (y - e->y0) * e->slope;
}

/* Shewchuk's ccwerrboundA: bounds the error of the determinant in doubles by that of its two products. */
#define FN_DETERMINANT_ERROR ((3 + 16 * 0x1p-53) * 0x1p-53)

/* In pairs of doubles, or exactly, so that the error is at most `error`, or the last bit of the result. */
double fn_determinant_refined(const fn_edge *edge, double x, double y, double error);
/* The sign of D(x, y) where doubles cannot tell: -1, 0, 1. */
int fn_side_refined(const fn_edge *edge, double x, double y);

/* D(x, y), with an error of at most `error`, or of the last bit. */
static inline double fn_determinant(const fn_edge *e, double x, double y, double error)
{
    const double a = (e->x0 - x) * (e->y1 - y), b = (e->x1 - x) * (e->y0 - y);
    return (fabs(a) + fabs(b)) * FN_DETERMINANT_ERROR <= error ? a - b : fn_determinant_refined(e, x, y, error);
}

/* The sign of D(x, y): positive where the point is left of the edge, 0 on it, negative right of it. */
static inline int fn_side(const fn_edge *e, double x, double y)
{
    const double a = (e->x0 - x) * (e->y1 - y), b = (e->x1 - x) * (e->y0 - y), d = a - b;
    const double error = (fabs(a) + fabs(b)) * FN_DETERMINANT_ERROR;
    /* Both products are 0: x is on a vertical edge, as is common. */
    if (error == 0)
        return 0;
    return d > error ? 1 : d < -error ? -1 : fn_side_refined(e, x, y);
}

/* The sign of a closed ring's signed area, the sum of x[i] y[i + 1] - x[i + 1] y[i], exactly. xy: n pairs, the last
 * is the first again. */
int fn_ring_sign(const double *xy, size_t n);
/* Whether all n vertices lie on one line. */
bool fn_are_collinear(const double *xy, size_t n);

/* The largest whole number that is not greater. The C library's floor() is a call. */
static inline double fn_floor(double v)
{
    if (!(fabs(v) < 0x1p52))
        return v;
    const double whole = (double)(long long)v;
    return whole > v ? whole - 1 : whole;
}

static inline double fn_ceil(double v)
{
    return -fn_floor(-v);
}

/* Where fn_x_about() is too close to a whole number. */
double fn_first_column_exactly(const fn_edge *edge, double y, double offset, bool closed, double low, double high);

/* The smallest whole column c in [low, high] with X(y) <= c + offset, or X(y) < c + offset if not `closed`; high if
 * there is none. Exact. Only for y0 < y1. */
static inline double fn_first_column(const fn_edge *e, double y, double offset, bool closed, double low, double high)
{
    const double x = fn_x_about(e, y) - offset, before = fn_floor(x);
    if (!(x - before > e->error && before + 1 - x > e->error))
        return fn_first_column_exactly(e, y, offset, closed, low, high);
    const double first = before + 1;
    return first < low ? low : first > high ? high : first;
}

#endif
