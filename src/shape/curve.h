/* The curve that trees are laid along (D. Hilbert, Math. Ann. 38, 1891). */
#ifndef FN_CURVE_H
#define FN_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The frame in which positions on the curve are counted: holds the bulk of the points, what lies outside of it is
 * moved to its border, so that a few wild coordinates do not make all others fall into one cell. xy: n pairs; stride
 * in doubles from pair to pair. */
typedef struct fn_frame {
    double x, y, scale_x, scale_y;
} fn_frame;
fn_frame fn_frame_of(const double *xy, size_t n, size_t stride);

#define FN_CURVE_BITS 20 /* the finest */

/* keys[i]: position of point i on the curve through a grid of 2^bits cells a side, bits: 5, 10, 15 or 20. x and y of
 * point i at i * stride. */
void fn_curve_keys(const fn_frame *frame, int bits, const double *x, const double *y, size_t n, size_t stride,
                   uint64_t *keys);

/* order[0..n): the numbers of the points along the curve; equal cells in ascending order. False: out of memory. */
bool fn_hilbert_order(const fn_frame *frame, int bits, const double *xy, size_t n, size_t stride, uint32_t *order);

/* A position on the curve, and whose it is. */
typedef struct fn_keyed {
    uint64_t key;
    uint64_t number;
} fn_keyed;

/* Sorts by the lowest `bits` bits of the keys; equal ones stay in their order. spare: room for n. Returns where the
 * sorted ones are: one of the two. */
fn_keyed *fn_sort_keyed(fn_keyed *keyed, fn_keyed *spare, size_t n, int bits);

#endif
