/* Reads cases of zonal statistics from the standard input, computes each in several windows, and writes the results:
 * for test_zonal_stats.py, which makes the cases and knows the answers. Both are bytes as they stand in memory:
 *
 *   case:    struct head; names, 40 bytes each; cells; values; validity (or none), weights (or none) and their
 *            validity, areas of rows (or none); then the sizes of windows, two int32 each; 0 0: the whole raster
 *   results: for each of these sizes int32 status, int32 passes; results, each int64 kind, integer, unsigned, double;
 *            double cells of all classes, int64 number of classes; classes, each a result and double count, area */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fishnet/zonal_stats.h"

typedef struct head {
    int32_t type, rows, columns, fractions, spread, histogram, n_stats, n_cells, has_valid, has_weights, has_areas,
        n_cuts;
    int64_t values_max;
    double cell_area;
    uint64_t seed;
} head;

typedef struct zonal_case {
    head h;
    fn_stat *stats;
    fn_cells *cells;
    unsigned char *values;
    uint8_t *valid, *weights_valid;
    double *weights, *areas;
    int32_t (*cuts)[2];
} zonal_case;

static void *must(void *memory)
{
    if (!memory)
        exit(3);
    return memory;
}

static void *get(size_t n, size_t size, bool wanted)
{
    if (!wanted)
        return NULL;
    void *memory = must(malloc(n * size + 1));
    if (fread(memory, size, n, stdin) != n)
        exit(2);
    return memory;
}

static bool read_case(zonal_case *c)
{
    if (fread(&c->h, sizeof c->h, 1, stdin) != 1)
        return false;
    const size_t cells = (size_t)c->h.rows * (size_t)c->h.columns;
    char(*names)[40] = get((size_t)c->h.n_stats, sizeof *names, true);
    c->stats = must(malloc((size_t)c->h.n_stats * sizeof *c->stats + 1));
    for (int i = 0; i < c->h.n_stats; i++)
        if (fn_stat_parse(names[i], &c->stats[i], NULL) != FN_OK)
            exit(4);
    free(names);
    c->cells = get((size_t)c->h.n_cells, sizeof *c->cells, true);
    c->values = get(cells, fn_type_size((fn_type)c->h.type), true);
    c->valid = get(cells, 1, c->h.has_valid);
    c->weights = get(cells, sizeof(double), c->h.has_weights);
    c->weights_valid = get(cells, 1, c->h.has_weights);
    c->areas = get((size_t)c->h.rows, sizeof(double), c->h.has_areas);
    c->cuts = get((size_t)c->h.n_cuts, sizeof *c->cuts, true);
    return true;
}

static void free_case(zonal_case *c)
{
    free(c->stats);
    free(c->cells);
    free(c->values);
    free(c->valid);
    free(c->weights);
    free(c->weights_valid);
    free(c->areas);
    free(c->cuts);
}

/* xorshift64 (Marsaglia) */
static uint64_t random_bits(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The zone's cells of a window; a run is cut in two now and then, which changes nothing. */
static size_t cells_within(const zonal_case *c, const fn_stats_window *w, uint64_t *seed, fn_cells *out)
{
    size_t n = 0;
    for (int i = 0; i < c->h.n_cells; i++) {
        fn_cells run = c->cells[i];
        const int64_t begin = run.column > w->column ? run.column : w->column;
        const int64_t c_end = run.column + run.count, w_end = w->column + w->columns,
                      end = c_end < w_end ? c_end : w_end;
        if (run.row < w->row || run.row >= w->row + w->rows || begin >= end)
            continue;
        run.column = begin;
        run.count = end - begin;
        if (run.count > 1 && random_bits(seed) % 4 == 0) {
            const int64_t first = 1 + (int64_t)(random_bits(seed) % (uint64_t)(run.count - 1));
            out[n++] = (fn_cells){run.row, run.column, first, run.coverage};
            run.column += first;
            run.count -= first;
        }
        out[n++] = run;
    }
    return n;
}

static fn_status collect(const zonal_case *c, fn_stats_worker *worker, fn_zone_stats *zone, fn_stats_window w,
                         uint64_t *seed, fn_error *err)
{
    size_t n_ranges;
    const fn_stats_range *ranges = fn_zone_stats_ranges(zone, &n_ranges);
    const size_t first = (size_t)w.row * (size_t)c->h.columns + (size_t)w.column;
    fn_cells *cells = must(malloc(2 * (size_t)c->h.n_cells * sizeof *cells + 1));
    fn_stats_buffer buffer = {.data = NULL};
    const size_t n = cells_within(c, &w, seed, cells);
    w.stride = (size_t)c->h.columns;
    w.values = c->values + first * fn_type_size((fn_type)c->h.type);
    w.valid = c->valid ? c->valid + first : NULL;
    w.weights = c->weights ? c->weights + first : NULL;
    w.weights_valid = c->weights_valid ? c->weights_valid + first : NULL;
    w.row_areas = c->areas ? c->areas + w.row : NULL;
    fn_status status = fn_stats_collect(worker, &w, cells, n, ranges, n_ranges, &buffer, err);
    if (status == FN_OK)
        status = fn_zone_stats_add(zone, buffer.data, buffer.bytes, err);
    free(buffer.data);
    free(cells);
    return status;
}

/* One pass over all windows; those of a row of windows in any order. */
static fn_status pass(const zonal_case *c, const int32_t cut[2], fn_stats_worker *worker, fn_zone_stats *zone,
                      uint64_t *seed, fn_error *err)
{
    const int64_t rows = cut[0] ? cut[0] : c->h.rows, columns = cut[1] ? cut[1] : c->h.columns;
    const int64_t n = (c->h.columns + columns - 1) / columns;
    fn_status status = FN_OK;
    for (int64_t row = 0; row < c->h.rows && status == FN_OK; row += rows) {
        const int64_t from = (int64_t)(random_bits(seed) % (uint64_t)n);
        for (int64_t i = 0; i < n && status == FN_OK; i++) {
            const int64_t column = (from + i) % n * columns;
            const fn_stats_window w = {.row = row,
                                       .column = column,
                                       .rows = rows < c->h.rows - row ? rows : c->h.rows - row,
                                       .columns = columns < c->h.columns - column ? columns : c->h.columns - column};
            status = collect(c, worker, zone, w, seed, err);
        }
        if (status == FN_OK && random_bits(seed) % 2)
            status = fn_zone_stats_settle(zone, row + rows, err);
    }
    return status;
}

/* Without the gap in the structure, which may hold anything. */
static void write_value(const fn_stat_value *value)
{
    const int64_t result = value->result;
    fwrite(&result, sizeof result, 1, stdout);
    fwrite(&value->integer, sizeof value->integer, 1, stdout);
    fwrite(&value->unsigned64, sizeof value->unsigned64, 1, stdout);
    fwrite(&value->real, sizeof value->real, 1, stdout);
}

static void write_results(const fn_zone_stats *zone, fn_status status, int32_t passes, const fn_stat_value *results,
                          int32_t n)
{
    const int32_t first[2] = {(int32_t)status, passes};
    const double total = status == FN_OK ? fn_zone_stats_class_total(zone) : 0;
    const int64_t n_classes = status == FN_OK ? (int64_t)fn_zone_stats_class_count(zone) : 0;
    fwrite(first, sizeof first, 1, stdout);
    for (int32_t i = 0; i < n; i++)
        write_value(&results[i]);
    fwrite(&total, sizeof total, 1, stdout);
    fwrite(&n_classes, sizeof n_classes, 1, stdout);
    for (int64_t i = 0; i < n_classes; i++) {
        const fn_class class = fn_zone_stats_class(zone, (size_t)i);
        write_value(&class.value);
        fwrite(&class.count, sizeof class.count, 1, stdout);
        fwrite(&class.area, sizeof class.area, 1, stdout);
    }
}

static void run(const zonal_case *c, const int32_t cut[2], uint64_t *seed)
{
    fn_error err = {.text = ""};
    fn_stats_plan *plan;
    fn_stats_worker *worker;
    fn_zone_stats *zone;
    double largest = 0;
    for (int row = 0; c->areas && row < c->h.rows; row++)
        largest = c->areas[row] > largest ? c->areas[row] : largest;
    fn_stat_value *results = must(calloc((size_t)c->h.n_stats + 1, sizeof *results));
    const fn_stats_options options = {.stats = c->stats,
                                      .n_stats = (size_t)c->h.n_stats,
                                      .histogram = c->h.histogram,
                                      .type = (fn_type)c->h.type,
                                      .fractions = c->h.fractions,
                                      .spread = c->h.spread,
                                      .cell_area = c->h.cell_area,
                                      .area_most = largest,
                                      .values_max = (size_t)c->h.values_max};
    if (fn_stats_plan_new(&options, &plan, &err) != FN_OK || fn_stats_worker_new(plan, &worker, &err) != FN_OK ||
        fn_zone_stats_new(plan, &zone, &err) != FN_OK)
        exit(5);
    fn_status status = FN_OK;
    int32_t passes = 0;
    for (bool again = true; status == FN_OK && again; passes++) {
        status = pass(c, cut, worker, zone, seed, &err);
        if (status == FN_OK)
            status = fn_zone_stats_finish(zone, results, &again, &err);
    }
    if (status != FN_OK)
        fprintf(stderr, "%s\n", err.text);
    write_results(zone, status, passes, results, c->h.n_stats);
    fn_zone_stats_free(zone);
    fn_stats_worker_free(worker);
    fn_stats_plan_free(plan);
    free(results);
}

int main(void)
{
    zonal_case c;
    while (read_case(&c)) {
        uint64_t seed = c.h.seed | 1;
        for (int i = 0; i < c.h.n_cuts; i++)
            run(&c, c.cuts[i], &seed);
        free_case(&c);
        fflush(stdout);
    }
    return 0;
}
