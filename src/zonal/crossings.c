/* Do edges of a small zone cross each other? */
#include "orientation.h"
#include "zone.h"

static bool is_edge(const fn_zone *zone, size_t i)
{
    return i + 1 < zone->n_vertices && !(zone->boxes[0].path_ends >> i & 1);
}

/* Whether both ends of an edge lie off the other one, on different sides of it. */
static bool parts(const fn_edge *e, const double *p, const double *q)
{
    return fn_side(e, p[0], p[1]) * fn_side(e, q[0], q[1]) < 0;
}

bool fn_zone_crosses(const fn_zone *zone)
{
    for (size_t i = 0; i + 1 < zone->n_vertices; i++) {
        if (!is_edge(zone, i))
            continue;
        const double *p = zone->xy + 2 * i;
        const fn_edge e = fn_edge_of(p, p + 2);
        for (size_t k = i + 1; k + 1 < zone->n_vertices; k++) {
            const double *q = zone->xy + 2 * k;
            if (!is_edge(zone, k) || !parts(&e, q, q + 2))
                continue;
            const fn_edge other = fn_edge_of(q, q + 2);
            if (parts(&other, p, p + 2))
                return true;
        }
    }
    return false;
}
