/* Down the boxes of a zone, to the edges that concern a window. */
#include "zone.h"

static void visit_chains(const fn_zone *zone, const fn_visitor *v, size_t place)
{
    const size_t first = place * FN_BOX_EDGES, left = zone->n_vertices - first;
    const size_t n = left < FN_BOX_EDGES ? left : FN_BOX_EDGES;
    uint64_t ends = zone->boxes[place].path_ends;
    size_t begin = 0;
    while (begin < n) {
        const size_t end = ends ? (size_t)__builtin_ctzll(ends) : n;
        if (end > begin)
            v->chain(v->user, zone->xy + 2 * (first + begin), end - begin);
        begin = end + 1;
        ends &= ends - 1;
    }
}

static void visit(const fn_zone *zone, const fn_visitor *v, int level, size_t place)
{
    const fn_box *box = &zone->boxes[zone->level_start[level] + place];
    if (box->y1 < v->top || box->y0 >= v->bottom || box->x0 >= v->right)
        return;
    if (box->x1 < v->left) {
        if (v->skips_left)
            return;
        if (box->path_ends == 0) {
            const size_t edges = (size_t)FN_BOX_EDGES << (3 * level), first = place * edges;
            v->left_chain(v->user, zone->xy + 2 * first, zone->xy + 2 * (first + edges));
            return;
        }
    }
    if (level == 0) {
        visit_chains(zone, v, place);
        return;
    }
    const size_t begin = place * FN_BOX_FANOUT, below = zone->level_count[level - 1];
    const size_t end = begin + FN_BOX_FANOUT < below ? begin + FN_BOX_FANOUT : below;
    for (size_t i = begin; i < end; i++)
        visit(zone, v, level - 1, i);
}

void fn_zone_visit(const fn_zone *zone, const fn_visitor *visitor)
{
    for (size_t i = 0; zone->levels > 0 && i < zone->level_count[zone->levels - 1]; i++)
        visit(zone, visitor, zone->levels - 1, i);
}
