/* The cells of one zone in one page, and what is computed of them. */
#ifndef FN_PAGE_H
#define FN_PAGE_H

#include "fishnet/zonal_stats.h"
#include "plan.h"
#include "record.h"
#include "sums.h"
#include "tally.h"

enum { FN_PAGE_CELLS = FN_PAGE_ROWS * FN_PAGE_COLUMNS };

/* Cells of a kind, all wholly or all partly covered, one after the other in row-major order. The arrays have room for
 * FN_PAGE_CELLS, and for NaN up to a multiple of FN_SUM_LANES. */
typedef struct fn_page_cells {
    size_t n;
    double *x;          /* values; of 64 bit integers their distance from fn_page::base. NaN: none */
    uint64_t *wide;     /* 64 bit integers as they are */
    double *coverage;   /* of parts */
    double *weights;    /* coverage times weight; NaN: none */
    fn_cells *runs;     /* that they came from; NULL: no need, as it is of the next two */
    size_t *run_begins; /* index of the first cell of each run */
    size_t n_runs;
} fn_page_cells;

typedef struct fn_page {
    fn_page_cells whole, parts;
    __int128 base; /* of 64 bit integers: the first value in the page; else 0 */
    bool has_base;
    unsigned char *keys; /* of the whole cells' values */
    size_t n_keys;
    fn_bin *bins; /* of the parts' values */
    size_t n_bins;
} fn_page;

/* Gathers the runs of a page, which lie in the window, by row, then by column. */
void fn_page_gather(fn_page *page, const fn_stats_plan *plan, const fn_sum_kernels *kernels,
                    const fn_stats_window *window, const fn_cells *runs, size_t n);
/* The first cell that has a value and a weight that is negative or infinite; NULL: none. column: its own. */
const fn_cells *fn_page_find_bad_weight(const fn_page *page, int64_t *column);
/* All of the record but its page's place and the numbers of keys and bins. */
void fn_page_compute(const fn_page *page, const fn_stats_plan *plan, const fn_sum_kernels *kernels,
                     const fn_stats_window *window, fn_record *out);
/* Lists the values as page->keys and page->bins. ranges NULL: all of them. */
void fn_page_list_values(fn_page *page, const fn_stats_plan *plan, const fn_stats_range *ranges, size_t n_ranges);

#endif
