#include "orientation.h"

/* ---- exact sums and products of two doubles: T. J. Dekker 1971, D. E. Knuth 1969 ---- */

typedef struct pair {
    double high, low; /* the value is high + low; high is the rounded value */
} pair;

static inline pair two_sum(double a, double b)
{
    const double sum = a + b, part = sum - a;
    return (pair){sum, (a - (sum - part)) + (b - part)};
}

static inline pair two_product(double a, double b)
{
    const double split = 0x1p27 + 1, p = a * b;
    const double a_big = split * a, a_high = a_big - (a_big - a), a_low = a - a_high;
    const double b_big = split * b, b_high = b_big - (b_big - b), b_low = b - b_high;
    return (pair){p, a_low * b_low - (((p - a_high * b_high) - a_low * b_high) - a_high * b_low)};
}

/* ---- the determinant in pairs of doubles ---- */

/* a b of two pairs, but for low x low. */
static inline pair product(pair a, pair b)
{
    const pair p = two_product(a.high, b.high);
    return two_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}

/* The error of a product is below 2^-102 of it (low x low, and the rounding of three sums of parts that are 2^-52 of
 * it), that of the sum as small again: the bound has room to spare. No error, and 0, where that is plain: edges along
 * the grid, and diagonals, meet many corners and centres. */
static double in_pairs(const fn_edge *e, double x, double y, double *error)
{
    const pair x0 = two_sum(e->x0, -x), y0 = two_sum(e->y0, -y), x1 = two_sum(e->x1, -x), y1 = two_sum(e->y1, -y);
    const pair a = product(x0, y1), b = product(x1, y0);
    const bool is_exact = x0.low == 0 && y0.low == 0 && x1.low == 0 && y1.low == 0;
    if (is_exact && a.high == b.high && a.low == b.low) {
        *error = 0;
        return 0;
    }
    *error = (fabs(a.high) + fabs(b.high)) * 0x1p-98;
    const pair high = two_sum(a.high, -b.high);
    return high.high + (high.low + (a.low - b.low));
}

/* ---- expansions: sums of doubles that do not overlap, smallest first, none of them 0 ---- */

/* 2^-200 ... 2^830 is all that products of coordinates and their sums have: 20 doubles after compressing. */
#define TERMS_MAX 64

typedef struct expansion {
    double term[TERMS_MAX];
    int n;
} expansion;

/* Shewchuk's COMPRESS: as few terms as can be; the last is the value within its last bit. */
static void compress(expansion *e)
{
    if (e->n == 0)
        return;
    double packed[TERMS_MAX], sum = e->term[e->n - 1];
    int at = e->n - 1;
    for (int i = e->n - 2; i >= 0; i--) {
        const pair s = two_sum(sum, e->term[i]);
        sum = s.high;
        if (s.low != 0) {
            packed[at--] = s.high;
            sum = s.low;
        }
    }
    packed[at] = sum;
    int n = 0;
    for (int i = at + 1; i < e->n; i++) {
        const pair s = two_sum(packed[i], sum);
        sum = s.high;
        if (s.low != 0)
            e->term[n++] = s.low;
    }
    e->term[n++] = sum;
    e->n = sum == 0 ? 0 : n;
}

/* Shewchuk's GROW-EXPANSION, zeros left out. */
static void add(expansion *e, double value)
{
    if (e->n == TERMS_MAX - 1)
        compress(e);
    int n = 0;
    double sum = value;
    for (int i = 0; i < e->n; i++) {
        const pair s = two_sum(sum, e->term[i]);
        sum = s.high;
        if (s.low != 0)
            e->term[n++] = s.low;
    }
    if (sum != 0)
        e->term[n++] = sum;
    e->n = n;
}

static void add_product(expansion *e, double a, double b)
{
    const pair p = two_product(a, b);
    add(e, p.low);
    add(e, p.high);
}

static double value_of(expansion *e)
{
    compress(e);
    return e->n > 0 ? e->term[e->n - 1] : 0;
}

static int sign_of(double value)
{
    return (value > 0) - (value < 0);
}

/* The determinant multiplied out: no difference of coordinates has to be exact. */
static double exactly(const fn_edge *e, double x, double y)
{
    expansion sum = {.n = 0};
    add_product(&sum, e->x0, e->y1);
    add_product(&sum, -e->x1, e->y0);
    add_product(&sum, -x, e->y1);
    add_product(&sum, x, e->y0);
    add_product(&sum, -e->x0, y);
    add_product(&sum, e->x1, y);
    return value_of(&sum);
}

double fn_determinant_refined(const fn_edge *edge, double x, double y, double error)
{
    double bound;
    const double d = in_pairs(edge, x, y, &bound);
    return bound <= error ? d : exactly(edge, x, y);
}

int fn_side_refined(const fn_edge *edge, double x, double y)
{
    double bound;
    const double d = in_pairs(edge, x, y, &bound);
    return fabs(d) > bound || bound == 0 ? sign_of(d) : sign_of(exactly(edge, x, y));
}

/* What is within the error is decided by the sign, by halving: nearly always there is one column to try. */
double fn_first_column_exactly(const fn_edge *e, double y, double offset, bool closed, double low, double high)
{
    const double x = fn_x_about(e, y) - offset, error = e->error;
    double from = closed ? fn_ceil(x - error) : fn_floor(x - error) + 1;
    double to = closed ? fn_ceil(x + error) : fn_floor(x + error) + 1;
    from = from > low ? from < high ? from : high : low;
    to = to > low ? to < high ? to : high : low;
    while (from < to) {
        const double middle = fn_floor(from + (to - from) / 2);
        const int side = fn_side(e, middle + offset, y);
        if (side < 0 || (side == 0 && closed))
            to = middle;
        else
            from = middle + 1;
    }
    return from;
}

int fn_ring_sign(const double *xy, size_t n)
{
    double area = 0, size = 0;
    for (size_t i = 1; i + 1 < n; i++) {
        const double *p = xy + 2 * i;
        const double a = (p[0] - xy[0]) * (p[3] - xy[1]), b = (p[2] - xy[0]) * (p[1] - xy[1]);
        area += a - b;
        size += fabs(a) + fabs(b);
    }
    if (fabs(area) > size * ((double)n + 8) * 0x1p-53)
        return sign_of(area);
    expansion sum = {.n = 0};
    for (size_t i = 0; i + 1 < n; i++) {
        const double *p = xy + 2 * i;
        add_product(&sum, p[0], p[3]);
        add_product(&sum, -p[2], p[1]);
    }
    return sign_of(value_of(&sum));
}

bool fn_are_collinear(const double *xy, size_t n)
{
    size_t i = 1;
    while (i < n && xy[2 * i] == xy[0] && xy[2 * i + 1] == xy[1])
        i++;
    if (i >= n)
        return true;
    const fn_edge edge = fn_edge_of(xy, xy + 2 * i);
    for (; i < n; i++)
        if (fn_side(&edge, xy[2 * i], xy[2 * i + 1]) != 0)
            return false;
    return true;
}
