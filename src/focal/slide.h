/* Windows that slide over a tile of cells: right along a row, one down, and back along the next. What enters and leaves
 * is the window's edge, so that a step costs as many cells as the edge has. */
#ifndef FN_SLIDE_H
#define FN_SLIDE_H

#include "block.h"

typedef enum fn_edge { FN_RIGHT_EDGE = 0, FN_LEFT_EDGE, FN_LOWER_EDGE, FN_UPPER_EDGE, FN_EDGES } fn_edge;

/* The cells of each edge of a footprint. */
struct fn_moves {
    struct fn_offset {
        int row, column;
    } * cells[FN_EDGES];
    size_t n[FN_EDGES];
};

/* What ranks are for. Of classes cells with the same value have the same rank; else each has its own. */
typedef enum fn_ranks { FN_RANKS_OF_BOXES, FN_RANKS_OF_SHAPES, FN_RANKS_OF_CLASSES } fn_ranks;

/* So many ranks may be read behind the last one. */
#define FN_RANKS_BEHIND 16

/* A tile: the cells that a block's windows hold. */
typedef struct fn_tile {
    const fn_block *block;
    size_t wide, high;
    /* The place of each cell among the values, from the lowest; no_rank, which is above all, where there is no value.
     * Row by row, or, for boxes, column by column. */
    uint32_t *rank;
    uint32_t no_rank;
    double *values; /* of each rank */
    size_t n_values;
    /* Where the cells of the edges are, counted from the centre. */
    int32_t *edge[FN_EDGES];
    size_t n_edge[FN_EDGES];
    double *rest; /* scratch that is left for the slide */
} fn_tile;

/* Ranks the cells of a block's tile. scratch: fn_tile_scratch() doubles, of which the slides have the rest. */
void fn_tile_make(fn_tile *tile, const fn_block *block, fn_ranks ranks, double *scratch);
size_t fn_tile_scratch(const fn_focal *focal, size_t width, size_t height);

#endif
