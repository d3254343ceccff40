/* Order statistics of lists: of each pixel, the values that the planes of all members have there. Values are sorted in
 * their own type, many pixels at a time, once for all statistics that are asked for. */
#ifndef FN_LISTS_H
#define FN_LISTS_H

#include "fishnet/expr.h"

typedef enum fn_list_statistic {
    FN_LIST_MEDIAN,     /* of an even number of values, the mean of the two in the middle */
    FN_LIST_PERCENTILE, /* numpy's "linear" */
    FN_LIST_QUANTILE,   /* the same between the same two, but as a weighted sum of both: other last bits */
    FN_LIST_MODE,       /* the value that comes most often, the smallest of several */
    FN_LIST_MAJORITY,   /* no value where several come as often */
    FN_LIST_VARIETY     /* how many values differ */
} fn_list_statistic;

typedef struct fn_list_asked {
    fn_list_statistic statistic;
    double quantile; /* of a percentile or quantile, 0 to 1 */
    bool skips;      /* members without a value; else the result is NaN where there is one */
} fn_list_asked;

/* Never changes, and is for any number of threads. */
typedef struct fn_list_orders fn_list_orders;

/* Can values of that type be sorted as they are? Others come as FN_FLOAT64. */
bool fn_list_sorts(fn_type type);

/* n_members: 1 to 65535, all of one type. FN_ERR_MEMORY. */
fn_status fn_list_orders_new(size_t n_members, fn_type type, const fn_list_asked *asked, size_t n_asked,
                             fn_list_orders **out, fn_error *err);
void fn_list_orders_free(fn_list_orders *orders); /* NULL is fine */

/* Of a thread, aligned as doubles are. */
size_t fn_list_scratch_bytes(const fn_list_orders *orders);

/* Computes n pixels from `first` on. members: a plane each, packed; nodata: as in fn_expr_options. A NaN is no value
 * in any case. out: n doubles for each statistic, NaN where it has no value. The same bits for every simd. */
void fn_list_run(const fn_list_orders *orders, fn_simd simd, const fn_plane *members, size_t first, size_t n,
                 bool nodata, double *const *out, void *scratch);

#endif
