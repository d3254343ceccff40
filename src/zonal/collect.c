/* A worker: the cells of a zone in a window, page by page, as a partial result. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "class_areas.h"
#include "keys.h"
#include "page.h"

struct fn_stats_worker {
    const fn_stats_plan *plan;
    const fn_sum_kernels *kernels;
    void *memory; /* of the page's arrays */
    fn_page page;
    fn_tally tally; /* classes of a page */
    fn_tally areas; /* and their areas */
    fn_tally row;   /* classes of a row of cells */
    /* Runs cut at the columns of pages, of one row of pages: as they come, and sorted by page. */
    fn_cells *cut, *sorted;
    size_t n_cut, cut_capacity, sorted_capacity;
    size_t *begins; /* index in `sorted` of the first run of each column of pages, and the end */
    size_t begins_capacity;
};

enum { ROOM = FN_PAGE_CELLS + FN_SUM_LANES };

/* Gives out `n` elements of `size` bytes; a multiple of 8. Without memory it only counts. */
static void *take(unsigned char **memory, size_t *bytes, size_t n, size_t size)
{
    void *piece = *memory ? *memory + *bytes : NULL;
    *bytes += n * size;
    return piece;
}

static void lay_out_cells(fn_page_cells *cells, const fn_stats_plan *plan, bool parts, unsigned char **memory,
                          size_t *bytes)
{
    cells->x = take(memory, bytes, ROOM, sizeof *cells->x);
    if (fn_is_wide_integer(plan->type))
        cells->wide = take(memory, bytes, ROOM, sizeof *cells->wide);
    if (parts)
        cells->coverage = take(memory, bytes, ROOM, sizeof *cells->coverage);
    if (plan->needs & FN_NEEDS_WEIGHTS)
        cells->weights = take(memory, bytes, ROOM, sizeof *cells->weights);
    if (!(plan->needs & (FN_NEEDS_PLACES | FN_NEEDS_AREA | FN_NEEDS_WEIGHTS | FN_NEEDS_CLASS_AREAS)))
        return;
    cells->runs = take(memory, bytes, FN_PAGE_CELLS, sizeof *cells->runs);
    cells->run_begins = take(memory, bytes, FN_PAGE_CELLS, sizeof *cells->run_begins);
}

static size_t lay_out(fn_page *page, const fn_stats_plan *plan, unsigned char *memory)
{
    size_t bytes = 0;
    lay_out_cells(&page->whole, plan, false, &memory, &bytes);
    if (plan->fractions)
        lay_out_cells(&page->parts, plan, true, &memory, &bytes);
    if (plan->needs & (FN_NEEDS_VALUES | FN_NEEDS_CLASSES)) {
        page->keys = take(&memory, &bytes, ROOM, sizeof(uint64_t));
        if (plan->fractions)
            page->bins = take(&memory, &bytes, FN_PAGE_CELLS, sizeof *page->bins);
    }
    return bytes;
}

fn_status fn_stats_worker_new(const fn_stats_plan *plan, fn_stats_worker **out, fn_error *err)
{
    *out = NULL;
    fn_stats_worker *worker = malloc(sizeof *worker);
    if (!worker)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    const size_t key_size = fn_key_size(plan->type);
    *worker = (fn_stats_worker){.plan = plan, .kernels = fn_sums_best()};
    worker->tally.key_size = worker->areas.key_size = worker->row.key_size = key_size;
    worker->memory = malloc(lay_out(&worker->page, plan, NULL));
    if (!worker->memory) {
        free(worker);
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    }
    lay_out(&worker->page, plan, worker->memory);
    *out = worker;
    return FN_OK;
}

void fn_stats_worker_free(fn_stats_worker *worker)
{
    if (!worker)
        return;
    fn_tally_destroy(&worker->tally);
    fn_tally_destroy(&worker->areas);
    fn_tally_destroy(&worker->row);
    free(worker->memory);
    free(worker->cut);
    free(worker->sorted);
    free(worker->begins);
    free(worker);
}

/* ---- a page ---- */

static bool append(fn_stats_buffer *buffer, const void *data, size_t bytes)
{
    const size_t padded = (bytes + 7) / 8 * 8;
    if (!fn_reserve(&buffer->data, &buffer->capacity, buffer->bytes + padded, 1))
        return false;
    if (bytes > 0)
        memcpy(buffer->data + buffer->bytes, data, bytes);
    memset(buffer->data + buffer->bytes + bytes, 0, padded - bytes);
    buffer->bytes += padded;
    return true;
}

static fn_status no_memory(fn_error *err)
{
    return fn_fail(err, FN_ERR_MEMORY, "out of memory");
}

static fn_status check_weights(const fn_page *page, const fn_stats_window *w, fn_error *err)
{
    int64_t column;
    const fn_cells *run = fn_page_find_bad_weight(page, &column);
    if (!run)
        return FN_OK;
    const double weight = w->weights[(size_t)(run->row - w->row) * w->stride + (size_t)(column - w->column)];
    return fn_fail(err, FN_ERR_VALUE, "pixel %lld,%lld: the weight %.17g is %s", (long long)column, (long long)run->row,
                   weight, weight < 0 ? "negative (NoData that is not declared?)" : "infinite");
}

/* ranges: not NULL in a later pass, which is about the values alone. */
static fn_status collect_page(fn_stats_worker *worker, const fn_stats_window *window, const fn_cells *runs, size_t n,
                              const fn_stats_range *ranges, size_t n_ranges, fn_stats_buffer *buffer, fn_error *err)
{
    const fn_stats_plan *plan = worker->plan;
    fn_page *page = &worker->page;
    fn_tally *tally = &worker->tally;
    const bool classes = plan->needs & FN_NEEDS_CLASSES, values = plan->needs & FN_NEEDS_VALUES;
    fn_record record;
    memset(&record, 0, sizeof record); /* the gaps, too: the same bytes always */
    record.page_row = runs->row / FN_PAGE_ROWS;
    record.page_column = runs->column / FN_PAGE_COLUMNS;
    fn_page_gather(page, plan, worker->kernels, window, runs, n);
    if (check_weights(page, window, err) != FN_OK)
        return FN_ERR_VALUE;
    if (!ranges)
        fn_page_compute(page, plan, worker->kernels, window, &record);
    fn_tally_clear(tally);
    if (classes || values)
        fn_page_list_values(page, plan, ranges, n_ranges);
    if (classes &&
        (!fn_tally_add(tally, page->keys, page->n_keys, page->bins, page->n_bins) || !fn_tally_join(tally, SIZE_MAX)))
        return no_memory(err);
    fn_tally_clear(&worker->areas);
    if (plan->needs & FN_NEEDS_CLASS_AREAS && !ranges &&
        !fn_class_areas_add(&worker->areas, page, plan, window, &worker->row))
        return no_memory(err);
    /* Where most values differ, classes are longer than the values themselves. */
    const size_t bytes_of_list = page->n_keys * tally->key_size + page->n_bins * sizeof *page->bins;
    const bool as_list = values || bytes_of_list <= tally->n_bins * sizeof *tally->bins;
    if (classes || values) {
        record.n_keys = as_list ? page->n_keys : 0;
        record.n_bins = as_list ? page->n_bins : tally->n_bins;
        record.n_areas = worker->areas.n_bins;
    }
    const bool whole = append(buffer, &record, sizeof record) &&
                       append(buffer, page->keys, record.n_keys * tally->key_size) &&
                       append(buffer, as_list ? page->bins : tally->bins, record.n_bins * sizeof(fn_bin)) &&
                       append(buffer, worker->areas.bins, record.n_areas * sizeof(fn_bin));
    return whole ? FN_OK : no_memory(err);
}

/* ---- a window ---- */

static fn_status check_window(const fn_stats_window *w, fn_error *err)
{
    if (w->row < 0 || w->column < 0 || w->row % FN_PAGE_ROWS != 0 || w->column % FN_PAGE_COLUMNS != 0 || w->rows < 0 ||
        w->columns < 0 || (int64_t)w->stride < w->columns)
        return fn_fail(err, FN_ERR_ARGUMENT,
                       "a window of %lld x %lld cells at row %lld, column %lld is not made of whole pages",
                       (long long)w->columns, (long long)w->rows, (long long)w->row, (long long)w->column);
    return FN_OK;
}

static fn_status check_areas(const fn_stats_plan *plan, const fn_stats_window *w, fn_error *err)
{
    if (!(plan->needs & FN_NEEDS_CLASS_AREAS))
        return FN_OK;
    if (!w->row_areas)
        return fn_fail(err, FN_ERR_ARGUMENT, "areas of classes need those of rows");
    for (int64_t row = 0; row < w->rows; row++)
        if (!(w->row_areas[row] >= 0 && w->row_areas[row] <= plan->area_most))
            return fn_fail(err, FN_ERR_ARGUMENT, "a cell of row %lld has the area %g, the largest %g",
                           (long long)(w->row + row), w->row_areas[row], plan->area_most);
    return FN_OK;
}

/* Columns [begin, end) of a window. */
typedef struct column_range {
    uint64_t begin, end;
} column_range;

/* How many cells, from the first on, lie in one row of pages, and in order: in the window, behind those before, and
 * with a coverage. *end: of those before, counted from the window's first cell on; becomes that of the last one. */
static size_t count_in_row(const fn_cells *cells, size_t n, const fn_stats_window *w, bool fractions, uint64_t *end,
                           column_range *range)
{
    const double least = fractions ? DBL_TRUE_MIN : 1, most = fractions ? FN_COVERAGE_MOST : 1;
    const uint64_t rows = (uint64_t)w->rows, columns = (uint64_t)w->columns, top = (uint64_t)w->row;
    const uint64_t below = ((uint64_t)cells->row - top) / FN_PAGE_ROWS * FN_PAGE_ROWS + FN_PAGE_ROWS;
    size_t i = 0;
    *range = (column_range){columns, 0};
    for (; i < n; i++) {
        const uint64_t row = (uint64_t)cells[i].row - top, count = (uint64_t)cells[i].count;
        const uint64_t column = (uint64_t)cells[i].column - (uint64_t)w->column, begin = row * columns + column;
        if (row >= below || row >= rows || column >= columns || count - 1 >= columns - column || begin < *end ||
            !(cells[i].coverage >= least && cells[i].coverage <= most))
            break;
        *end = begin + count;
        range->begin = column < range->begin ? column : range->begin;
        range->end = column + count > range->end ? column + count : range->end;
    }
    return i;
}

static fn_status out_of_order(const fn_cells *cells, fn_error *err)
{
    return fn_fail(err, FN_ERR_ARGUMENT,
                   "%lld cells at row %lld, column %lld, coverage %g, are out of order or of the window",
                   (long long)cells->count, (long long)cells->row, (long long)cells->column, cells->coverage);
}

/* Cuts cells of one row of pages, and counts the runs of each column of pages in begins[column + 1]. */
static bool cut_runs(fn_stats_worker *worker, const fn_cells *cells, size_t n, int64_t first_page)
{
    worker->n_cut = 0;
    for (size_t i = 0; i < n; i++)
        for (fn_cells rest = cells[i]; rest.count > 0;) {
            const int64_t page = rest.column / FN_PAGE_COLUMNS, end = (page + 1) * FN_PAGE_COLUMNS;
            fn_cells run = rest;
            run.count = rest.column + rest.count < end ? rest.count : end - rest.column;
            if (!fn_reserve(&worker->cut, &worker->cut_capacity, worker->n_cut + 1, sizeof run))
                return false;
            worker->cut[worker->n_cut++] = run;
            worker->begins[page - first_page + 1]++;
            rest.column += run.count;
            rest.count -= run.count;
        }
    return true;
}

/* The runs of each page one after the other; *runs is where page p begins at begins[p]. */
static bool sort_runs(fn_stats_worker *worker, int64_t first_page, size_t n_pages, const fn_cells **runs)
{
    size_t *begins = worker->begins;
    if (!fn_reserve(&worker->sorted, &worker->sorted_capacity, worker->n_cut, sizeof *worker->sorted))
        return false;
    *runs = worker->sorted;
    for (size_t p = 0; p < n_pages; p++)
        begins[p + 1] += begins[p];
    for (size_t i = worker->n_cut; i-- > 0;) /* from the last on, so that begins[p + 1] becomes the begin of page p */
        worker->sorted[--begins[worker->cut[i].column / FN_PAGE_COLUMNS - first_page + 1]] = worker->cut[i];
    memmove(begins, begins + 1, n_pages * sizeof *begins);
    begins[n_pages] = worker->n_cut;
    return true;
}

/* Cells of one row of pages. */
static fn_status collect_row(fn_stats_worker *worker, const fn_stats_window *window, const fn_cells *cells, size_t n,
                             const column_range *range, const fn_stats_range *ranges, size_t n_ranges,
                             fn_stats_buffer *buffer, fn_error *err)
{
    const int64_t first_page = (window->column + (int64_t)range->begin) / FN_PAGE_COLUMNS;
    const size_t n_pages = (size_t)((range->end - 1) / FN_PAGE_COLUMNS - range->begin / FN_PAGE_COLUMNS) + 1;
    const fn_cells *runs;
    if (n_pages == 1)
        return collect_page(worker, window, cells, n, ranges, n_ranges, buffer, err);
    if (!fn_reserve(&worker->begins, &worker->begins_capacity, n_pages + 1, sizeof *worker->begins))
        return no_memory(err);
    memset(worker->begins, 0, (n_pages + 1) * sizeof *worker->begins);
    if (!cut_runs(worker, cells, n, first_page) || !sort_runs(worker, first_page, n_pages, &runs))
        return no_memory(err);
    for (size_t p = 0; p < n_pages; p++) {
        const size_t begin = worker->begins[p], end = worker->begins[p + 1];
        fn_status status = FN_OK;
        if (end > begin)
            status = collect_page(worker, window, runs + begin, end - begin, ranges, n_ranges, buffer, err);
        if (status != FN_OK)
            return status;
    }
    return FN_OK;
}

fn_status fn_stats_collect(fn_stats_worker *worker, const fn_stats_window *window, const fn_cells *cells, size_t n,
                           const fn_stats_range *ranges, size_t n_ranges, fn_stats_buffer *buffer, fn_error *err)
{
    const size_t before = buffer->bytes;
    const fn_stats_plan *plan = worker->plan;
    fn_status status = check_window(window, err);
    if (status == FN_OK)
        status = check_areas(plan, window, err);
    if (status != FN_OK)
        return status;
    if (plan->needs & FN_NEEDS_WEIGHTS && !window->weights)
        return fn_fail(err, FN_ERR_ARGUMENT, "weighted statistics need weights");
    column_range range;
    uint64_t end = 0;
    for (size_t begin = 0, count; status == FN_OK && begin < n; begin += count) {
        count = count_in_row(cells + begin, n - begin, window, plan->fractions, &end, &range);
        status = count > 0 ? collect_row(worker, window, cells + begin, count, &range, ranges, n_ranges, buffer, err)
                           : out_of_order(&cells[begin], err);
    }
    if (status != FN_OK)
        buffer->bytes = before;
    return status;
}
