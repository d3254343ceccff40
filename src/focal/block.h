/* A block of windows at work, and the ways to compute it. */
#ifndef FN_FOCAL_BLOCK_H
#define FN_FOCAL_BLOCK_H

#include <math.h>

#include "focal.h"
#include "loops.h"
#include "place.h"

typedef struct fn_network fn_network;
typedef struct fn_moves fn_moves;
typedef struct fn_stacks fn_stacks;

struct fn_focal {
    fn_focal_options options;
    fn_footprint *footprint;
    double weight;       /* the sum of all weights, in the order in which they are added up */
    fn_network *network; /* of small windows for median and percentile */
    fn_moves *moves;     /* of all other order statistics, and of classes */
    fn_stacks *stacks;   /* of sums, extremes and moments of what is no box */
};

typedef struct fn_block {
    const fn_focal *focal;
    const fn_focal_loops *loops;
    const double *in; /* the centre of the first window */
    ptrdiff_t stride;
    size_t width, height;
    bool missing; /* a cell without a value is among those that the windows hold */
    double *out;
    ptrdiff_t out_stride;
    /* Of each window, width a row; only where `missing`. */
    double *count;
} fn_block;

static inline const double *fn_row_in(const fn_block *b, ptrdiff_t row)
{
    return b->in + row * b->stride;
}

static inline double *fn_row_out(const fn_block *b, size_t row)
{
    return b->out + (ptrdiff_t)row * b->out_stride;
}

/* Each way says how large its blocks are at best, of what is asked for, and how many doubles of scratch such a block
 * needs; what it finds is in b->out. Counts and policies are not its business. */
typedef struct fn_way {
    void (*size)(const fn_focal *focal, size_t *width, size_t *height);
    size_t (*scratch)(const fn_focal *focal, size_t width, size_t height);
    void (*run)(const fn_block *block, double *scratch);
} fn_way;

extern const fn_way fn_by_parts, fn_by_weights, fn_by_network, fn_by_ranks, fn_by_classes;

/* The number of values in each window, width a row. */
void fn_count_values(const fn_block *block, double *count, double *scratch);
size_t fn_count_scratch(const fn_focal *focal, size_t width, size_t height);

/* The columns of a footprint. */
fn_status fn_stacks_new(const fn_footprint *footprint, fn_stacks **out, fn_error *err);
void fn_stacks_free(fn_stacks *stacks);

/* ---- order statistics ---- */

/* Of a median or percentile. */
fn_place fn_place_among(const fn_focal *focal, size_t n);

/* A network that sorts the cells of a footprint; FN_ERR_MEMORY. */
#define FN_NETWORK_MOST 49
fn_status fn_network_new(const fn_focal *focal, fn_network **out, fn_error *err);
void fn_network_free(fn_network *network);

fn_status fn_moves_new(const fn_footprint *footprint, fn_moves **out, fn_error *err);
void fn_moves_free(fn_moves *moves);

#endif
