/* A zone in pixel space, prepared so that a window finds the edges that cross its rows. */
#ifndef FN_ZONE_H
#define FN_ZONE_H

#include "fishnet/coverage.h"

typedef enum fn_zone_kind { FN_ZONE_EMPTY, FN_ZONE_POINTS, FN_ZONE_LINES, FN_ZONE_AREAS } fn_zone_kind;

/* Edge i leads from vertex i to vertex i + 1, unless i is the last vertex of its path. A box is around
 * FN_BOX_EDGES edges; above, around FN_BOX_FANOUT boxes. */
#define FN_BOX_EDGES 64
#define FN_BOX_FANOUT 8
#define FN_BOX_LEVELS 10 /* 64 * 8^9 > 2^32 */

typedef struct fn_box {
    double x0, y0, x1, y1;
    uint64_t path_ends; /* level 0: bit i for its i-th edge, which is none; above: not 0 if there is one below */
} fn_box;

typedef struct fn_cell {
    int32_t row, column;
} fn_cell;

struct fn_zone {
    fn_zone_kind kind;
    /* Paths one after the other. Rings are closed, and turn so that what they cover is to the right of edges that lead
     * down: shells left of it, holes right of it. */
    double *xy;
    size_t n_vertices;
    fn_box *boxes; /* level by level; the top level has at most FN_BOX_FANOUT */
    size_t level_start[FN_BOX_LEVELS], level_count[FN_BOX_LEVELS];
    int levels;
    fn_cell *cells; /* of points: sorted, each once */
    size_t n_cells;
    fn_window extent;
    bool crosses; /* edges of a zone of a few cells cross each other */
};

/* Takes the zone apart for a window of rows [top, bottom) and columns [left, right). */
typedef struct fn_visitor {
    double top, bottom, left, right;
    bool skips_left;
    void *user;
    /* n edges one after the other, from vertex xy on. */
    void (*chain)(void *user, const double *xy, size_t n);
    /* A chain of edges that are all left of the window, as its ends: only the rows between them matter. Not called
     * if skips_left. */
    void (*left_chain)(void *user, const double *from, const double *to);
} fn_visitor;

/* Whether two edges of an area cross, exactly; edges that touch do not. Takes the square of the number of vertices.
 * For zones of one box. */
bool fn_zone_crosses(const fn_zone *zone);

void fn_zone_visit(const fn_zone *zone, const fn_visitor *visitor);

#endif
