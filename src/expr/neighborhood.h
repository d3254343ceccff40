/* What looks beyond its own pixel: a neighbour, a window, a function of terrain. */
#ifndef FN_NEIGHBORHOOD_H
#define FN_NEIGHBORHOOD_H

#include "fishnet/georeference.h"
#include "fishnet/grid.h"
#include "focal.h"
#include "graph.h"
#include "terrain.h"

#define FN_OFFSET_MAX 10000  /* of one neighbour */
#define FN_REACH_MAX 1000000 /* of all that are nested, in each direction */

/* What lies beyond the raster's edge. */
typedef enum fn_edge {
    FN_EDGE_SHRINK,  /* nothing */
    FN_EDGE_NEAREST, /* the nearest pixel */
    FN_EDGE_REFLECT, /* the raster, mirrored: d c b a | a b c d */
    FN_EDGE_WRAP,    /* the raster again */
    FN_EDGE_WRAPX,   /* the raster again to its left and right, nothing above and below: around the globe */
    FN_EDGE_NODATA   /* nothing, and a window that has a pixel there gives none */
} fn_edge;

typedef struct fn_neighborhood {
    enum { FN_NEIGHBOR, FN_WINDOW, FN_TERRAIN } kind;
    int32_t row, column; /* FN_NEIGHBOR */
    fn_focal *focal;     /* FN_WINDOW */
    fn_terrain terrain;  /* FN_TERRAIN */
    fn_edge edge;
    fn_reach reach;
    fn_kind values; /* the result's, of any operand; FN_BOOL: as the operand's */
    char *words;    /* its name and arguments without spaces: same words, same neighbourhood */
} fn_neighborhood;

typedef struct fn_neighborhoods {
    fn_neighborhood **items;
    int count;
    size_t capacity;
} fn_neighborhoods;

/* Computes a window (of the raster, in its own pixels) of a plane of doubles. in: the operand's value at the window's
 * first pixel, with all that it reaches around; strides in doubles. scratch: aligned as doubles are. */
size_t fn_neighborhood_scratch_bytes(const fn_neighborhood *neighborhood, size_t width, size_t height);
void fn_neighborhood_run(const fn_neighborhood *neighborhood, const double *in, size_t in_stride,
                         const fn_window *window, double *out, size_t out_stride, void *scratch);

void fn_neighborhoods_destroy(fn_neighborhoods *neighborhoods);

#endif
