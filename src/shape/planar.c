#include "planar.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The best so far: a square to compare with, and how to get the distance from it. */
typedef struct best {
    double square;
    double cross, length2; /* of point and segment: |cross| / length; length2 0: square is of two points */
    double p[2], q[2];
    uint32_t q_segment;
    bool want_points;
} best;

static inline void points_meet(best *b, const double *p, const double *q, uint32_t q_segment)
{
    const double dx = p[0] - q[0], dy = p[1] - q[1], square = dx * dx + dy * dy;
    if (square >= b->square)
        return;
    b->square = square;
    b->length2 = 0;
    b->q_segment = q_segment;
    if (b->want_points) {
        memcpy(b->p, p, sizeof b->p);
        memcpy(b->q, q, sizeof b->q);
    }
}

/* swapped: the point is of run q, the segment of run p. */
static inline void point_meets_segment(best *b, const double *point, const double *s, const double *e,
                                       uint32_t q_segment, bool swapped)
{
    const double dx = e[0] - s[0], dy = e[1] - s[1], length2 = dx * dx + dy * dy;
    const double dot = (point[0] - s[0]) * dx + (point[1] - s[1]) * dy;
    if (!(dot > 0) || !(dot < length2)) {
        const double *end = dot > 0 ? e : s;
        points_meet(b, swapped ? end : point, swapped ? point : end, q_segment);
        return;
    }
    const double cross = (s[1] - point[1]) * dx - (s[0] - point[0]) * dy, square = cross / length2 * cross;
    if (square >= b->square)
        return;
    b->square = square;
    b->cross = cross;
    b->length2 = length2;
    b->q_segment = q_segment;
    if (b->want_points) {
        const double t = dot / length2, foot[2] = {s[0] + t * dx, s[1] + t * dy};
        memcpy(swapped ? b->q : b->p, point, sizeof b->p);
        memcpy(swapped ? b->p : b->q, foot, sizeof b->q);
    }
}

/* Whether the inner or end points of two segments that are not parallel cross, and where. */
static bool segments_cross(const double *a, const double *b, const double *c, const double *d, double at[2])
{
    const double r_x = b[0] - a[0], r_y = b[1] - a[1], s_x = d[0] - c[0], s_y = d[1] - c[1];
    const double denominator = r_x * s_y - r_y * s_x;
    if (denominator == 0)
        return false;
    const double w_x = a[0] - c[0], w_y = a[1] - c[1];
    const double s = (w_y * s_x - w_x * s_y) / denominator, t = (w_y * r_x - w_x * r_y) / denominator;
    if (!(s >= 0 && s <= 1 && t >= 0 && t <= 1))
        return false;
    at[0] = a[0] + s * r_x;
    at[1] = a[1] + s * r_y;
    return true;
}

static void segments_meet(best *b, const double *p, const double *q, uint32_t q_segment)
{
    double at[2];
    if (b->square > 0 && segments_cross(p, p + 2, q, q + 2, at)) {
        b->square = 0;
        b->length2 = 0;
        b->q_segment = q_segment;
        memcpy(b->p, at, sizeof at);
        memcpy(b->q, at, sizeof at);
        return;
    }
    point_meets_segment(b, p, q, q + 2, q_segment, false);
    point_meets_segment(b, p + 2, q, q + 2, q_segment, false);
    point_meets_segment(b, q, p, p + 2, q_segment, true);
    point_meets_segment(b, q + 2, p, p + 2, q_segment, true);
}

/* The segment of a run that is nearest to p. Without branches, for here a search among lines spends its time. */
static uint32_t nearest_segment(const double *p, const double *q, uint32_t segments)
{
    enum { AT_ONCE = 8 };
    double least = INFINITY;
    uint32_t nearest = 0;
    for (uint32_t first = 0; first < segments; first += AT_ONCE) {
        const uint32_t n = segments - first < AT_ONCE ? segments - first : AT_ONCE;
        double squares[AT_ONCE] = {0};
        for (uint32_t j = 0; j < n; j++) {
            const double *s = q + 2 * (first + j);
            const double dx = s[2] - s[0], dy = s[3] - s[1], x = p[0] - s[0], y = p[1] - s[1],
                         length2 = dx * dx + dy * dy;
            const double dot = x * dx + y * dy, t = dot > 0 ? dot < length2 ? dot / length2 : 1 : 0;
            const double fx = x - t * dx, fy = y - t * dy;
            squares[j] = fx * fx + fy * fy;
        }
        for (uint32_t j = 0; j < n; j++)
            if (squares[j] < least) {
                least = squares[j];
                nearest = first + j;
            }
    }
    return nearest;
}

double fn_planar_distance(const double *p, uint32_t p_segments, const double *q, uint32_t q_segments,
                          fn_meeting *meeting)
{
    best b = {.square = INFINITY, .want_points = meeting != NULL};
    if (p_segments == 0 && q_segments == 0)
        points_meet(&b, p, q, 0);
    else if (p_segments == 0) {
        const uint32_t j = nearest_segment(p, q, q_segments);
        point_meets_segment(&b, p, q + 2 * j, q + 2 * j + 2, j, false);
    } else if (q_segments == 0)
        for (uint32_t i = 0; i < p_segments; i++)
            point_meets_segment(&b, q, p + 2 * i, p + 2 * i + 2, 0, true);
    else
        for (uint32_t i = 0; i < p_segments; i++)
            for (uint32_t j = 0; j < q_segments; j++)
                segments_meet(&b, p + 2 * i, q + 2 * j, j);
    if (meeting) {
        memcpy(meeting->p, b.p, sizeof b.p);
        memcpy(meeting->q, b.square == 0 ? b.p : b.q, sizeof b.q);
        meeting->q_segment = b.q_segment;
    }
    return b.length2 > 0 ? fabs(b.cross / b.length2) * sqrt(b.length2) : sqrt(b.square);
}
