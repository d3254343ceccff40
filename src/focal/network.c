/* Medians and percentiles of small windows: a sorting network over many windows at once. In a box the columns are
 * sorted once for all windows that share them. Values that are floats are sorted as floats: twice as many at a time,
 * and the same values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "block.h"

struct fn_network {
    fn_exchanges columns;                /* of a box: sorts the rows of a column */
    fn_exchanges some;                   /* gives the places that are asked for where each cell has a value */
    fn_exchanges every;                  /* those that may be asked for where cells have none */
    uint16_t place[FN_NETWORK_MOST];     /* the wire that has the value of each place */
    fn_place asked[FN_NETWORK_MOST + 1]; /* for, of so many values */
    /* Where each wire begins: a line, and a column in it. */
    struct wire {
        int line, column;
    } wires[FN_NETWORK_MOST];
    int lines;
};

static bool is_sorted_in_registers(int rows)
{
    return rows == 3 || rows == 5;
}

/* Wires begin as cells, or, in a box, as the lines of sorted columns. */
static void place_wires(fn_network *w, const fn_footprint *f)
{
    const int rows = f->top + f->bottom + 1;
    int n = 0;
    if (f->box) {
        uint16_t order[FN_NETWORK_MOST];
        for (int i = 0; i < rows; i++)
            order[i] = (uint16_t)i;
        if (!is_sorted_in_registers(rows))
            fn_exchanges_sort(&w->columns, order, (size_t)rows, 1);
        for (int column = 0; column <= f->left + f->right; column++)
            for (int row = 0; row < rows; row++)
                w->wires[n++] = (struct wire){order[row], column};
    } else {
        for (size_t i = 0; i < f->n_runs; i++)
            for (int column = f->runs[i].begin; column < f->runs[i].end; column++)
                w->wires[n++] = (struct wire){f->runs[i].row + f->top, column + f->left};
    }
    w->lines = rows;
}

fn_status fn_network_new(const fn_focal *focal, fn_network **out, fn_error *err)
{
    const fn_footprint *f = focal->footprint;
    const int n = (int)f->cells, rows = f->top + f->bottom + 1;
    fn_network *w = calloc(1, sizeof *w);
    *out = w;
    if (!w)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory for the cells of a window");
    place_wires(w, f);
    uint16_t wires[FN_NETWORK_MOST];
    for (int i = 0; i < n; i++)
        wires[i] = w->place[i] = (uint16_t)i;
    fn_exchanges_sort(&w->some, w->place, f->cells, f->box ? (size_t)rows : 1);
    for (int i = 0; i < n; i++)
        wires[i] = (uint16_t)i;
    fn_exchanges_sort(&w->every, wires, f->cells, f->box ? (size_t)rows : 1);
    if (w->columns.no_memory || w->some.no_memory || w->every.no_memory) {
        fn_network_free(w);
        *out = NULL;
        return fn_fail(err, FN_ERR_MEMORY, "out of memory for the cells of a window");
    }
    bool needed[FN_NETWORK_MOST] = {false}, often[FN_NETWORK_MOST] = {false};
    for (size_t values = 1; values <= f->cells; values++) {
        const fn_place place = w->asked[values] = fn_place_among(focal, values);
        often[w->place[place.low]] = often[w->place[place.high]] = true;
    }
    needed[w->place[w->asked[n].low]] = needed[w->place[w->asked[n].high]] = true;
    fn_exchanges_leave_out(&w->some, needed);
    fn_exchanges_leave_out(&w->every, often);
    return FN_OK;
}

void fn_network_free(fn_network *w)
{
    if (!w)
        return;
    fn_exchanges_free(&w->columns);
    fn_exchanges_free(&w->some);
    fn_exchanges_free(&w->every);
    free(w);
}

/* ---- at work ---- */

/* Lanes of doubles or floats; those of a wire fill 512 bytes. */
enum { WIRE = 512 };

typedef struct sorting {
    const fn_block *block;
    const fn_network *network;
    fn_run_network run;
    bool floats;
    size_t real;  /* bytes of a value */
    size_t lanes; /* of a wire, and of windows that are sorted at a time */
    size_t wide;  /* lanes that hold all cells of those windows */
    size_t pitch; /* lanes from one row of cells to the next */
    char *cells;  /* of the block */
    char *lines;  /* of a box: sorted columns */
    char *wires;
    const void *at[FN_NETWORK_MOST]; /* where the values of each wire are */
} sorting;

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* Up to where the last wire reads. */
static size_t pitch_of(const fn_footprint *f, size_t width, size_t lanes)
{
    return round_up(round_up(width, lanes) + (size_t)(f->left + f->right), FN_NETWORK_LANES);
}

static void load_cells(sorting *w)
{
    const fn_block *b = w->block;
    const fn_footprint *f = b->focal->footprint;
    const size_t wide = b->width + (size_t)(f->left + f->right), high = b->height + (size_t)(f->top + f->bottom);
    for (size_t y = 0; y < high; y++) {
        char *row = w->cells + y * w->pitch * w->real;
        (w->floats ? b->loops->lanes_f32 : b->loops->lanes_f64)(row, fn_row_in(b, (ptrdiff_t)y - f->top) - f->left,
                                                                wide);
        memset(row + wide * w->real, 0, (w->pitch - wide) * w->real);
    }
}

/* at: the lines of the windows of row y from column `begin` on; of a box with sorted columns. */
static void sort_columns(sorting *w, size_t y, size_t begin, const void **at)
{
    const fn_focal_loops *loops = w->block->loops;
    const int lines = w->network->lines;
    for (int i = 0; i < lines; i++)
        at[i] = w->cells + ((y + (size_t)i) * w->pitch + begin) * w->real;
    if (!w->block->focal->footprint->box)
        return;
    if (is_sorted_in_registers(lines)) {
        void *out[5];
        for (int i = 0; i < lines; i++)
            out[i] = w->lines + (size_t)i * w->wide * w->real;
        (lines == 3 ? loops->sort_3 : loops->sort_5)[w->floats](out, at, w->wide);
        memcpy(at, out, (size_t)lines * sizeof *out);
    } else {
        w->run(w->network->columns.all, w->network->columns.n, at, w->lines, w->wide);
    }
}

static double lane_of(const sorting *w, size_t place, size_t i)
{
    const void *at = w->at[w->network->place[place]];
    return w->floats ? (double)((const float *)at)[i] : ((const double *)at)[i];
}

/* Where each window may have another number of values. */
static void answer_sparse(const sorting *w, const double *count, double *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (count[i] == 0)
            continue;
        const fn_place *place = &w->network->asked[(size_t)count[i]];
        out[i] = fn_between(place, lane_of(w, place->low, i), lane_of(w, place->high, i));
    }
}

static void answer_all(const sorting *w, double *out, size_t n)
{
    const fn_place place = w->network->asked[w->block->focal->footprint->cells];
    const void *low = w->at[w->network->place[place.low]], *high = w->at[w->network->place[place.high]];
    if (w->floats && low == high)
        for (size_t i = 0; i < n; i++)
            out[i] = (double)((const float *)low)[i];
    else if (w->floats)
        for (size_t i = 0; i < n; i++)
            out[i] = fn_between(&place, (double)((const float *)low)[i], (double)((const float *)high)[i]);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = fn_between(&place, ((const double *)low)[i], ((const double *)high)[i]);
}

/* The median of a box of 3 x 3 or 5 x 5 cells in registers. */
static bool find_median(sorting *w)
{
    const fn_footprint *f = w->block->focal->footprint;
    void *out = w->wires;
    if (!f->box || f->top != f->left || f->cells > 25 || w->block->focal->options.statistic != FN_FOCAL_MEDIAN ||
        (f->cells != 9 && f->cells != 25))
        return false;
    (f->cells == 9 ? w->block->loops->median_9 : w->block->loops->median_25)[w->floats](&out, w->at, w->lanes);
    w->at[w->network->place[f->cells / 2]] = out;
    return true;
}

static void sort_some(sorting *w, size_t y, size_t begin, size_t n)
{
    const fn_block *b = w->block;
    const double *count = b->count + y * b->width + begin;
    const size_t cells = b->focal->footprint->cells;
    const void *lines[FN_NETWORK_MOST];
    bool sparse = false, wanted = !b->missing || b->focal->options.missing == FN_FOCAL_FILL;
    for (size_t i = 0; b->missing && i < n; i++) {
        sparse |= count[i] < (double)cells;
        wanted |= !isnan(fn_row_in(b, (ptrdiff_t)y)[begin + i]);
    }
    if (!wanted)
        return;
    sort_columns(w, y, begin, lines);
    for (size_t i = 0; i < cells; i++)
        w->at[i] = (const char *)lines[w->network->wires[i].line] + (size_t)w->network->wires[i].column * w->real;
    const fn_exchanges *all = sparse ? &w->network->every : &w->network->some;
    if (sparse || !find_median(w))
        w->run(all->all, all->n, w->at, w->wires, w->lanes);
    if (sparse)
        answer_sparse(w, count, fn_row_out(b, y) + begin, n);
    else
        answer_all(w, fn_row_out(b, y) + begin, n);
}

static bool all_floats_in(const fn_block *b)
{
    const fn_footprint *f = b->focal->footprint;
    for (ptrdiff_t y = -f->top; y < (ptrdiff_t)b->height + f->bottom; y++)
        if (!b->loops->all_floats(fn_row_in(b, y) - f->left, b->width + (size_t)(f->left + f->right)))
            return false;
    return true;
}

static void run_by_network(const fn_block *b, double *scratch)
{
    const fn_focal *focal = b->focal;
    const fn_footprint *f = focal->footprint;
    sorting w = {.block = b, .network = focal->network, .floats = all_floats_in(b)};
    w.run = w.floats ? b->loops->network_f32 : b->loops->network_f64;
    w.real = w.floats ? sizeof(float) : sizeof(double);
    w.lanes = WIRE / w.real;
    w.wide = round_up(w.lanes + (size_t)(f->left + f->right), FN_NETWORK_LANES);
    w.pitch = pitch_of(f, b->width, w.lanes);
    w.wires = (char *)scratch;
    w.lines = w.wires + WIRE * f->cells;
    w.cells = w.lines + w.wide * w.real * (size_t)w.network->lines;
    load_cells(&w);
    for (size_t y = 0; y < b->height; y++)
        for (size_t begin = 0; begin < b->width; begin += w.lanes)
            sort_some(&w, y, begin, b->width - begin < w.lanes ? b->width - begin : w.lanes);
}

/* As wide as a wire of floats; small, so that few blocks have missing values. */
static void by_network_size(const fn_focal *focal, size_t *width, size_t *height)
{
    (void)focal;
    *width = *width < WIRE / sizeof(float) ? *width : WIRE / sizeof(float);
    *height = *height < 32 ? *height : 32;
}

static size_t network_bytes(const fn_focal *focal, size_t width, size_t height, size_t real)
{
    const fn_footprint *f = focal->footprint;
    const size_t lanes = WIRE / real, wide = round_up(lanes + (size_t)(f->left + f->right), FN_NETWORK_LANES);
    const size_t rows = (size_t)(f->top + f->bottom + 1);
    return WIRE * f->cells + (wide * rows + pitch_of(f, width, lanes) * (height + rows)) * real;
}

static size_t by_network_scratch(const fn_focal *focal, size_t width, size_t height)
{
    const size_t floats = network_bytes(focal, width, height, sizeof(float));
    const size_t doubles = network_bytes(focal, width, height, sizeof(double));
    return (floats > doubles ? floats : doubles) / sizeof(double) + 1;
}

const fn_way fn_by_network = {by_network_size, by_network_scratch, run_by_network};
