/* What is known of a neighbour beside its distance: where query and feature are nearest, the angle from the one place
 * to the other, and how far along the near line that is. */
#include <math.h>
#include <string.h>

#include "searcher_internal.h"

static double normal_longitude(double degrees)
{
    return degrees >= -180 && degrees <= 180 ? degrees : degrees - 360 * floor((degrees + 180) / 360);
}

static bool all_lines(const fn_near *set, uint32_t feature)
{
    if (!set->first_path)
        return false;
    for (uint32_t p = set->first_path[feature]; p < set->first_path[feature + 1]; p++)
        if (set->paths[p].kind != FN_PATH_LINE)
            return false;
    return true;
}

/* Distance along the near line: what lies before the chain, the whole segments before the meeting, and the rest. */
static double along(const fn_searcher *s, const fn_candidate *c, const fn_meeting *m)
{
    const fn_near *set = s->set;
    const bool chain = c->kind == FN_ITEM_CHAIN || c->kind == FN_ITEM_CHAIN_INSIDE;
    if (!chain || !s->index->chain_along || !all_lines(set, fn_feature_of_rank(set, c->rank)))
        return NAN;
    double length = s->index->chain_along[c->item];
    const double *v = set->xy + 2 * (size_t)s->index->chain[c->item].first;
    for (uint32_t i = 0; i <= m->q_segment; i++, v += 2) {
        const double *to = i < m->q_segment ? v + 2 : m->q;
        length += s->geodesic ? fn_geo_distance(&set->ellipsoid, v, to, NULL)
                              : sqrt((to[0] - v[0]) * (to[0] - v[0]) + (to[1] - v[1]) * (to[1] - v[1]));
    }
    return length;
}

/* Where the query and a candidate are nearest. */
static void locate(fn_searcher *s, const fn_candidate *c, fn_meeting *m)
{
    m->q_segment = 0;
    switch (c->kind) {
    case FN_ITEM_POLYGON:
        if (fn_search_begin_areas(s))
            fn_search_fail(
                s, fn_areas_nearest(s->areas, c->part, &s->index->polygon[c->item], c->distance, m->p, m->q, s->err));
        return;
    case FN_ITEM_AROUND:
        memcpy(m->q, fn_query_xy(s, c->part), sizeof m->q);
        break;
    case FN_ITEM_POINT_INSIDE:
        if (s->geodesic)
            memcpy(m->q, fn_near_run(s, c->kind, c->item).xy, sizeof m->q);
        else
            fn_copy_point(s, c->item, m->q);
        break;
    case FN_ITEM_CHAIN_INSIDE:
        memcpy(m->q, s->set->xy + 2 * (size_t)s->index->chain[c->item].first, sizeof m->q);
        break;
    default:
        if (c->kind == FN_ITEM_POINT && s->chains[c->part].segments == 0) {
            memcpy(m->p, fn_query_xy(s, c->part), sizeof m->p);
            if (s->geodesic)
                memcpy(m->q, fn_near_run(s, c->kind, c->item).xy, sizeof m->q);
            else
                fn_copy_point(s, c->item, m->q);
        } else if (s->geodesic) {
            const fn_run query = fn_query_run(s, c->part), near = fn_near_run(s, c->kind, c->item);
            fn_run_distance(&s->set->ellipsoid, &query, &near, INFINITY, m);
        } else if (c->kind == FN_ITEM_POINT) {
            double p[2];
            fn_copy_point(s, c->item, p);
            fn_planar_distance(fn_query_xy(s, c->part), s->chains[c->part].segments, p, 0, m);
        } else {
            const fn_chain *chain = &s->index->chain[c->item];
            fn_planar_distance(fn_query_xy(s, c->part), s->chains[c->part].segments,
                               s->set->xy + 2 * (size_t)chain->first, chain->segments, m);
        }
        if (c->distance == 0)
            memcpy(m->p, m->q, sizeof m->p);
        return;
    }
    memcpy(m->p, m->q, sizeof m->p);
}

void fn_search_describe(fn_searcher *s, const fn_candidate *c, fn_neighbour *to)
{
    const fn_near_limits *l = &s->limits;
    fn_meeting m;
    locate(s, c, &m);
    if (s->status != FN_OK)
        return;
    if (l->along)
        to->along = along(s, c, &m);
    if (l->angle && c->distance == 0)
        to->angle = 0;
    else if (l->angle && s->geodesic)
        fn_geo_distance(&s->set->ellipsoid, m.p, m.q, &to->angle);
    else if (l->angle) {
        to->angle = atan2(m.q[1] - m.p[1], m.q[0] - m.p[0]) * FN_DEGREES;
        if (to->angle <= -180)
            to->angle = 180;
    }
    if (l->location) {
        to->from_x = s->geodesic ? normal_longitude(m.p[0]) : m.p[0];
        to->from_y = m.p[1];
        to->near_x = s->geodesic ? normal_longitude(m.q[0]) : m.q[0];
        to->near_y = m.q[1];
    }
}
