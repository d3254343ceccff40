/* Edges whose boxes are too far away are passed over; of the others squares of distances are compared, and where these
 * may be the least, the distance by GEOS's formulas. */
#include "facets.h"

#include <math.h>

#include "clones.h"

/* So that there is one for each instruction set. */
#define INLINED static inline __attribute__((always_inline))

/* Rounding of a square, and more. */
#define WIDER (1 + 1e-12)

enum { LANES = 8 };

typedef struct edge {
    double ax, ay, bx, by;
    double lx, ly, hx, hy; /* its box */
    bool is_last;          /* no other edge begins where it ends */
} edge;

typedef struct best {
    double distance;
    double square; /* nothing with a larger one is less than `distance` */
    double error;  /* of a distance by GEOS's formulas, at most */
} best;

static double bound_of(double distance, double error)
{
    return (distance + error) * (distance + error) * WIDER;
}

static void take(best *b, double distance)
{
    if (distance < b->distance) {
        b->distance = distance;
        b->square = bound_of(distance, b->error);
    }
}

static double distance_of(double ax, double ay, double bx, double by)
{
    const double dx = ax - bx, dy = ay - by;
    return sqrt(dx * dx + dy * dy);
}

/* By GEOS's formulas. */
static void take_point(best *b, double x, double y, const edge *e, double dot, double cross, double length2)
{
    const double r = dot / length2;
    if (length2 == 0 || r <= 0)
        take(b, distance_of(x, y, e->ax, e->ay));
    else if (r >= 1)
        take(b, distance_of(x, y, e->bx, e->by));
    else
        take(b, fabs(cross / length2) * sqrt(length2));
}

/* Of a point and an edge. */
INLINED void point_meets_edge(best *b, double x, double y, const edge *e)
{
    const double dx = e->bx - e->ax, dy = e->by - e->ay, length2 = dx * dx + dy * dy;
    const double px = x - e->ax, py = y - e->ay, dot = px * dx + py * dy;
    const double cross = (e->ay - y) * dx - (e->ax - x) * dy;
    bool is_far;
    if (dot > 0 && dot < length2)
        is_far = cross * cross > b->square * length2;
    else if (dot > 0)
        is_far = (x - e->bx) * (x - e->bx) + (y - e->by) * (y - e->by) > b->square;
    else
        is_far = px * px + py * py > b->square;
    if (!is_far)
        take_point(b, x, y, e, dot, cross, length2);
}

/* Of edges whose boxes touch. */
static bool cross(const edge *p, const edge *q)
{
    const double denominator = (p->bx - p->ax) * (q->by - q->ay) - (p->by - p->ay) * (q->bx - q->ax);
    if (denominator == 0)
        return false;
    const double r_num = (p->ay - q->ay) * (q->bx - q->ax) - (p->ax - q->ax) * (q->by - q->ay);
    const double s_num = (p->ay - q->ay) * (p->bx - p->ax) - (p->ax - q->ax) * (p->by - p->ay);
    const double s = s_num / denominator, r = r_num / denominator;
    return !(r < 0 || r > 1 || s < 0 || s > 1);
}

static bool is_point(const edge *e)
{
    return e->ax == e->bx && e->ay == e->by;
}

/* Of a vertex that another edge begins with: either it meets the other edge with that one, or that one is too far away
 * for it to matter. */
INLINED void edges_meet(best *b, const edge *p, const edge *q, double box2)
{
    if (is_point(p)) {
        point_meets_edge(b, p->ax, p->ay, q);
        return;
    }
    if (is_point(q)) {
        point_meets_edge(b, q->bx, q->by, p);
        return;
    }
    if (box2 == 0 && cross(p, q)) {
        take(b, 0);
        return;
    }
    point_meets_edge(b, p->ax, p->ay, q);
    if (p->is_last)
        point_meets_edge(b, p->bx, p->by, q);
    point_meets_edge(b, q->ax, q->ay, p);
    if (q->is_last)
        point_meets_edge(b, q->bx, q->by, p);
}

INLINED double gap(double lo, double hi, double qlo, double qhi)
{
    const double below = lo - qhi, above = qlo - hi, most = below > above ? below : above;
    return most > 0 ? most : 0;
}

INLINED double between_boxes(const edge *p, const edge *q)
{
    const double x = gap(p->lx, p->hx, q->lx, q->hx), y = gap(p->ly, p->hy, q->ly, q->hy);
    return x * x + y * y;
}

INLINED double lesser(double a, double b)
{
    return a < b ? a : b;
}

INLINED double greater(double a, double b)
{
    return a > b ? a : b;
}

/* Squares of the distances of n edges along v from the box. For the vectorizer (whose places must not wrap around):
 * here a search spends its time. */
INLINED void edges_to_box(const double *restrict v, size_t n, const double *lo, const double *hi,
                          double *restrict squares)
{
    const double xlo = lo[0], ylo = lo[1], xhi = hi[0], yhi = hi[1];
    for (size_t k = 0; k < n; k++) {
        const double ax = v[2 * k], ay = v[2 * k + 1], bx = v[2 * k + 2], by = v[2 * k + 3];
        const double x = greater(greater(lesser(ax, bx) - xhi, xlo - greater(ax, bx)), 0);
        const double y = greater(greater(lesser(ay, by) - yhi, ylo - greater(ay, by)), 0);
        squares[k] = x * x + y * y;
    }
}

INLINED edge edge_of(const double *a, const double *b, bool is_last)
{
    return (edge){
        a[0],   a[1], b[0], b[1], lesser(a[0], b[0]), lesser(a[1], b[1]), greater(a[0], b[0]), greater(a[1], b[1]),
        is_last};
}

static uint32_t edges_of(const fn_path *path)
{
    return path->count > 1 ? path->count - 1 : 1;
}

/* The place of the least of n squares. Those up to a multiple of LANES are there, and not less. */
INLINED size_t least_of(const double *squares, size_t n)
{
    double least[LANES], all = INFINITY;
    size_t at = 0;
    for (size_t j = 0; j < LANES; j++)
        least[j] = squares[j];
    for (size_t k = LANES; k < n; k += LANES)
        for (size_t j = 0; j < LANES; j++)
            least[j] = lesser(squares[k + j], least[j]);
    for (size_t j = 0; j < LANES; j++)
        all = lesser(least[j], all);
    while (at + 1 < n && squares[at] != all)
        at++;
    return at;
}

/* How far each edge is from the box: squares, with room for LANES more. Returns the least. nearest: the two ends of
 * that edge. */
INLINED double edges_to(const fn_facets *f, const double *lo, const double *hi, double *squares,
                        const double *nearest[2])
{
    double least = INFINITY;
    for (uint32_t i = 0; i < f->n_paths; i++) {
        const double *v = f->xy + 2 * (size_t)f->paths[i].first;
        const size_t n = edges_of(&f->paths[i]);
        const double point[4] = {v[0], v[1], v[0], v[1]};
        const bool alone = f->paths[i].count == 1;
        edges_to_box(alone ? point : v, n, lo, hi, squares);
        for (size_t k = 0; k < LANES; k++)
            squares[n + k] = INFINITY;
        const size_t k = least_of(squares, n);
        if (i == 0 || squares[k] < least) {
            least = squares[k];
            nearest[0] = v + 2 * k;
            nearest[1] = alone ? v : v + 2 * k + 2;
        }
        squares += n;
    }
    return least;
}

static bool is_closed(const double *v, uint32_t count)
{
    return count > 1 && v[0] == v[2 * count - 2] && v[1] == v[2 * count - 1];
}

/* The edges that are no farther than the best. */
INLINED size_t take_edges(const fn_facets *f, const double *squares, const best *b, edge *edges)
{
    size_t n = 0;
    for (uint32_t i = 0; i < f->n_paths; i++) {
        const double *v = f->xy + 2 * (size_t)f->paths[i].first;
        const uint32_t count = edges_of(&f->paths[i]);
        const bool closed = is_closed(v, f->paths[i].count);
        for (uint32_t k = 0; k < count; k++)
            if (squares[k] <= b->square)
                edges[n++] = edge_of(v + 2 * k, f->paths[i].count == 1 ? v : v + 2 * k + 2, !closed && k + 1 == count);
        squares += count;
    }
    return n;
}

/* Leaves out the edges that are too far from all of the others. */
INLINED size_t leave_out(edge *edges, size_t n, const edge *others, size_t m, const best *b)
{
    edge box = {.lx = INFINITY, .ly = INFINITY, .hx = -INFINITY, .hy = -INFINITY};
    size_t left = 0;
    for (size_t j = 0; j < m; j++) {
        box.lx = lesser(box.lx, others[j].lx);
        box.ly = lesser(box.ly, others[j].ly);
        box.hx = greater(box.hx, others[j].hx);
        box.hy = greater(box.hy, others[j].hy);
    }
    for (size_t i = 0; i < n; i++)
        if (between_boxes(&edges[i], &box) <= b->square)
            edges[left++] = edges[i];
    return left;
}

FN_CLONES static double least_distance(const fn_facets *p, const fn_facets *q, double most)
{
    edge from[FN_FACETS_MOST], to[FN_FACETS_MOST];
    double from2[FN_FACETS_MOST + LANES], to2[FN_FACETS_MOST + LANES];
    const double error = 1e-14 * (greater(p->hi[0], q->hi[0]) - lesser(p->lo[0], q->lo[0]) +
                                  greater(p->hi[1], q->hi[1]) - lesser(p->lo[1], q->lo[1]));
    best b = {INFINITY, bound_of(most, error), error};
    const double *first[2] = {p->xy, p->xy}, *second[2] = {q->xy, q->xy};
    if (!(edges_to(p, q->lo, q->hi, from2, first) <= b.square) || !(edges_to(q, p->lo, p->hi, to2, second) <= b.square))
        return INFINITY;
    const edge one = edge_of(first[0], first[1], true), other = edge_of(second[0], second[1], true);
    edges_meet(&b, &one, &other, between_boxes(&one, &other)); /* the best is near what it will be */
    size_t n = take_edges(p, from2, &b, from);
    size_t m = leave_out(to, take_edges(q, to2, &b, to), from, n, &b);
    n = leave_out(from, n, to, m, &b);
    for (size_t i = 0; i < n && b.distance > 0; i++)
        for (size_t j = 0; j < m; j++) {
            const double box2 = between_boxes(&from[i], &to[j]);
            if (box2 <= b.square)
                edges_meet(&b, &from[i], &to[j], box2);
        }
    return b.distance;
}

double fn_facet_distance(const fn_facets *p, const fn_facets *q, double most)
{
    return least_distance(p, q, most);
}

/* A ray to the right crosses an edge that goes up or down through the point's height, and has the point on its left if
 * it goes up. */
static int ring_contains(const double *v, uint32_t count, const double *p)
{
    const double rounding = 0x1p-50; /* of the determinant's two products, and more */
    uint32_t crossings = 0;
    if (count < 4 || v[0] != v[2 * count - 2] || v[1] != v[2 * count - 1])
        return -1;
    for (uint32_t k = 0; k + 1 < count; k++) {
        const double *a = v + 2 * k, *b = a + 2;
        if ((a[1] > p[1]) == (b[1] > p[1]) || (a[0] < p[0] && b[0] < p[0]))
            continue;
        const double one = (a[0] - p[0]) * (b[1] - p[1]), other = (b[0] - p[0]) * (a[1] - p[1]);
        const double side = one - other;
        if (!(fabs(side) > (fabs(one) + fabs(other)) * rounding))
            return -1;
        crossings += (side > 0) == (b[1] > a[1]);
    }
    return (int)(crossings & 1);
}

int fn_facets_contain(const fn_facets *polygon, const double point[2])
{
    for (uint32_t i = 0; i < polygon->n_paths; i++) {
        const fn_path *ring = &polygon->paths[i];
        const int inside = ring_contains(polygon->xy + 2 * (size_t)ring->first, ring->count, point);
        if (inside < 0 || (i == 0) != (inside == 1))
            return inside < 0 ? -1 : 0;
    }
    return 1;
}
