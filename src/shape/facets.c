/* Edges whose boxes are too far away are passed over; of the others squares of distances are compared, and where these
 * may be the least, the distance by GEOS's formulas. */
#include "facets.h"

#include <math.h>

/* Rounding of a square, and more. */
#define WIDER (1 + 1e-12)

typedef struct edge {
    double ax, ay, bx, by;
    double lx, ly, hx, hy; /* its box */
} edge;

typedef struct best {
    double distance;
    double square; /* nothing with a larger one is less than `distance` */
} best;

static void take(best *b, double distance)
{
    if (distance < b->distance) {
        b->distance = distance;
        b->square = distance * distance * WIDER;
    }
}

static double distance_of(double ax, double ay, double bx, double by)
{
    const double dx = ax - bx, dy = ay - by;
    return sqrt(dx * dx + dy * dy);
}

/* Of a point and an edge. */
static void point_meets_edge(best *b, double x, double y, const edge *e)
{
    const double dx = e->bx - e->ax, dy = e->by - e->ay, length2 = dx * dx + dy * dy;
    const double px = x - e->ax, py = y - e->ay, dot = px * dx + py * dy;
    const double cross = (e->ay - y) * dx - (e->ax - x) * dy;
    double square;
    if (dot > 0 && dot < length2)
        square = cross / length2 * cross;
    else if (dot > 0)
        square = (x - e->bx) * (x - e->bx) + (y - e->by) * (y - e->by);
    else
        square = px * px + py * py;
    if (!(square <= b->square))
        return;
    const double r = dot / length2;
    if (length2 == 0 || r <= 0)
        take(b, distance_of(x, y, e->ax, e->ay));
    else if (r >= 1)
        take(b, distance_of(x, y, e->bx, e->by));
    else
        take(b, fabs(cross / length2) * sqrt(length2));
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

static void edges_meet(best *b, const edge *p, const edge *q, double box2)
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
    point_meets_edge(b, p->bx, p->by, q);
    point_meets_edge(b, q->ax, q->ay, p);
    point_meets_edge(b, q->bx, q->by, p);
}

static double gap(double lo, double hi, double qlo, double qhi)
{
    const double below = lo - qhi, above = qlo - hi, most = below > above ? below : above;
    return most > 0 ? most : 0;
}

static double between_boxes(const edge *p, const edge *q)
{
    const double x = gap(p->lx, p->hx, q->lx, q->hx), y = gap(p->ly, p->hy, q->ly, q->hy);
    return x * x + y * y;
}

/* Squares of the distances of n edges along v from the box. For the vectorizer: here a search spends its time. */
static void edges_to_box(const double *restrict v, uint32_t n, const double *lo, const double *hi,
                         double *restrict squares)
{
    const double xlo = lo[0], ylo = lo[1], xhi = hi[0], yhi = hi[1];
    for (uint32_t k = 0; k < n; k++) {
        const double ax = v[2 * k], ay = v[2 * k + 1], bx = v[2 * k + 2], by = v[2 * k + 3];
        const double x = gap(ax < bx ? ax : bx, ax < bx ? bx : ax, xlo, xhi);
        const double y = gap(ay < by ? ay : by, ay < by ? by : ay, ylo, yhi);
        squares[k] = x * x + y * y;
    }
}

static edge edge_of(const double *a, const double *b)
{
    return (edge){a[0],
                  a[1],
                  b[0],
                  b[1],
                  a[0] < b[0] ? a[0] : b[0],
                  a[1] < b[1] ? a[1] : b[1],
                  a[0] < b[0] ? b[0] : a[0],
                  a[1] < b[1] ? b[1] : a[1]};
}

static uint32_t edges_of(const fn_path *path)
{
    return path->count > 1 ? path->count - 1 : 1;
}

/* How far each edge is from the box: squares. Returns the least. nearest: the two ends of that edge; of the first one
 * where all squares are too large for a double. */
static double edges_to(const fn_facets *f, const double *lo, const double *hi, double *squares,
                       const double *nearest[2])
{
    double least = INFINITY;
    nearest[0] = nearest[1] = NULL;
    for (uint32_t i = 0; i < f->n_paths; i++) {
        const double *v = f->xy + 2 * (size_t)f->paths[i].first;
        const uint32_t n = edges_of(&f->paths[i]);
        const double point[4] = {v[0], v[1], v[0], v[1]};
        const bool alone = f->paths[i].count == 1;
        edges_to_box(alone ? point : v, n, lo, hi, squares);
        for (uint32_t k = 0; k < n; k++)
            if (squares[k] < least || !nearest[0]) {
                least = squares[k];
                nearest[0] = v + 2 * k;
                nearest[1] = alone ? v : v + 2 * k + 2;
            }
        squares += n;
    }
    return least;
}

/* The edges that are no farther than the best. */
static size_t take_edges(const fn_facets *f, const double *squares, const best *b, edge *edges)
{
    size_t n = 0;
    for (uint32_t i = 0; i < f->n_paths; i++) {
        const double *v = f->xy + 2 * (size_t)f->paths[i].first;
        const uint32_t count = edges_of(&f->paths[i]);
        for (uint32_t k = 0; k < count; k++)
            if (squares[k] <= b->square)
                edges[n++] = edge_of(v + 2 * k, f->paths[i].count == 1 ? v : v + 2 * k + 2);
        squares += count;
    }
    return n;
}

double fn_facet_distance(const fn_facets *p, const fn_facets *q, double most)
{
    edge from[FN_FACETS_MOST], to[FN_FACETS_MOST];
    double from2[FN_FACETS_MOST], to2[FN_FACETS_MOST];
    best b = {INFINITY, most * most * WIDER};
    const double *first[2], *second[2];
    if (!(edges_to(p, q->lo, q->hi, from2, first) <= b.square) || !(edges_to(q, p->lo, p->hi, to2, second) <= b.square))
        return INFINITY;
    const edge one = edge_of(first[0], first[1]), other = edge_of(second[0], second[1]);
    edges_meet(&b, &one, &other, between_boxes(&one, &other)); /* the best is near what it will be */
    const size_t n = take_edges(p, from2, &b, from), m = take_edges(q, to2, &b, to);
    for (size_t i = 0; i < n && b.distance > 0; i++)
        for (size_t j = 0; j < m; j++) {
            const double box2 = between_boxes(&from[i], &to[j]);
            if (box2 <= b.square)
                edges_meet(&b, &from[i], &to[j], box2);
        }
    return b.distance;
}
