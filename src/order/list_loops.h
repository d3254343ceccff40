/* The loops over the lanes of wires, a pixel each: list_loops_template.h, compiled for plain C, AVX2 and AVX-512. All
 * give the same bits. */
#ifndef FN_LIST_LOOPS_H
#define FN_LIST_LOOPS_H

#include "exchanges.h"
#include "fishnet/expr.h"

/* Of the values of a wire, whatever their type. */
#define FN_WIRE_BYTES 512
/* The most lanes that a wire has. */
#define FN_WIRE_LANES FN_WIRE_BYTES

typedef struct fn_list_loops {
    /* Takes n values of a plane into a wire; those that are none become the largest one there is, and are not counted
     * in count, one for each lane. */
    void (*take)(void *wire, uint16_t *count, const fn_plane *plane, size_t first, size_t n, bool nodata);
    /* Runs exchanges over wires that lie one behind the other. */
    void (*exchange)(void *wires, const fn_exchange *all, size_t n);
    /* Of n lanes: the value of a wire as a double. */
    void (*value)(double *out, const void *wire, size_t n);
    double (*value_at)(const void *wire, size_t lane);
    /* Of n_wires in ascending order, of which each lane has `count` values: how often the commonest value comes, which
     * it is, and whether another one comes as often. */
    void (*mode)(double *out, bool *tied, const void *const *wires, size_t n_wires, const uint16_t *count, size_t n);
    /* How many differ. */
    void (*variety)(double *out, const void *const *wires, size_t n_wires, const uint16_t *count, size_t n);
    size_t lanes; /* of a wire */
} fn_list_loops;

/* Of each type that is sorted as it is; `take` of others is NULL. */
extern const fn_list_loops fn_list_loops_plain[FN_TYPE_COUNT];
#ifdef FN_X86
extern const fn_list_loops fn_list_loops_avx2[FN_TYPE_COUNT], fn_list_loops_avx512[FN_TYPE_COUNT];
#endif

#endif
