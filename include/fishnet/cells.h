/* fishnet/cells.h - cells of a raster as runs: what a coverage finds, and what statistics take. */
#ifndef FISHNET_CELLS_H
#define FISHNET_CELLS_H

#include <stdint.h>

/* A run of cells in a row, all with the same coverage. Absolute places in the raster, from 0. */
typedef struct fn_cells {
    int64_t row, column;
    int64_t count;
    double coverage; /* above 0; 1: the whole of each cell */
} fn_cells;

#endif
