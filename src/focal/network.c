/* Medians and percentiles of small windows: a sorting network over many windows at once. The network is Batcher's
 * odd-even merge of runs of any length (Knuth, The Art of Computer Programming 3, 5.3.4), without the exchanges that
 * what is asked for does not need. In a box the columns are sorted once for all windows that share them. Values that
 * are floats are sorted as floats: twice as many at a time, and the same values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "block.h"

typedef struct exchanges {
    fn_exchange *all;
    size_t n, room;
    bool no_memory;
} exchanges;

struct fn_network {
    exchanges columns;              /* of a box: sorts the rows of a column */
    exchanges some;                 /* gives the places that are asked for where each cell has a value */
    exchanges every;                /* all places */
    uint8_t place[FN_NETWORK_MOST]; /* the wire that has the value of each place */
    /* Where each wire begins: a line, and a column in it. */
    struct wire {
        int line, column;
    } wires[FN_NETWORK_MOST];
    int lines;
};

static void add_exchange(exchanges *to, uint8_t a, uint8_t b)
{
    if (to->no_memory || !fn_reserve(&to->all, &to->room, to->n + 1, sizeof *to->all))
        to->no_memory = true;
    else
        to->all[to->n++] = (fn_exchange){a, b, true, true};
}

/* Merges the wires x[0], x[step]... (n_x of them, sorted) and y into out. */
static void merge_wires(exchanges *to, const uint8_t *x, int n_x, const uint8_t *y, int n_y, int step, uint8_t *out)
{
    if (n_x == 0 || n_y == 0) {
        for (int i = 0; i < n_x + n_y; i++)
            out[i] = n_x > 0 ? x[i * step] : y[i * step];
        return;
    }
    if (n_x == 1 && n_y == 1) {
        add_exchange(to, x[0], y[0]);
        out[0] = x[0];
        out[1] = y[0];
        return;
    }
    uint8_t even[FN_NETWORK_MOST] = {0}, odd[FN_NETWORK_MOST] = {0};
    const int n_even = (n_x + 1) / 2 + (n_y + 1) / 2, n_odd = n_x / 2 + n_y / 2;
    merge_wires(to, x, (n_x + 1) / 2, y, (n_y + 1) / 2, 2 * step, even);
    merge_wires(to, x + step, n_x / 2, y + step, n_y / 2, 2 * step, odd);
    out[0] = even[0];
    for (int i = 0; i < n_odd && i + 1 < n_even; i++) {
        add_exchange(to, odd[i], even[i + 1]);
        out[2 * i + 1] = odd[i];
        out[2 * i + 2] = even[i + 1];
    }
    if (n_odd >= n_even) /* as many of both: the last has no partner */
        out[n_x + n_y - 1] = odd[n_odd - 1];
    for (int i = n_odd + 1; i < n_even; i++)
        out[n_odd + i] = even[i];
}

/* Sorts wires that consist of sorted runs of `run` (the last may be shorter). */
static void sort_wires(exchanges *to, uint8_t *wires, int n, int run)
{
    if (n <= run)
        return;
    uint8_t merged[FN_NETWORK_MOST];
    const int first = (n + run - 1) / run / 2 * run;
    sort_wires(to, wires, first, run);
    sort_wires(to, wires + first, n - first, run);
    merge_wires(to, wires, first, wires + first, n - first, 1, merged);
    memcpy(wires, merged, (size_t)n);
}

/* Leaves out what does not lead to the wires that are needed. */
static void leave_out_exchanges(exchanges *of, bool *needed)
{
    size_t kept = of->n;
    for (size_t i = of->n; i-- > 0;) {
        fn_exchange x = of->all[i];
        x.low = needed[x.a];
        x.high = needed[x.b];
        if (!x.low && !x.high)
            continue;
        needed[x.a] = needed[x.b] = true;
        of->all[--kept] = x;
    }
    if (kept > 0)
        memmove(of->all, of->all + kept, (of->n - kept) * sizeof *of->all);
    of->n -= kept;
}

/* Wires begin as cells, or, in a box, as the lines of sorted columns. */
static void place_wires(fn_network *w, const fn_footprint *f)
{
    const int rows = f->top + f->bottom + 1;
    int n = 0;
    if (f->box) {
        uint8_t order[FN_NETWORK_MOST];
        for (int i = 0; i < rows; i++)
            order[i] = (uint8_t)i;
        sort_wires(&w->columns, order, rows, 1);
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
    uint8_t wires[FN_NETWORK_MOST];
    for (int i = 0; i < n; i++)
        wires[i] = w->place[i] = (uint8_t)i;
    sort_wires(&w->some, w->place, n, f->box ? rows : 1);
    for (int i = 0; i < n; i++)
        wires[i] = (uint8_t)i;
    sort_wires(&w->every, wires, n, f->box ? rows : 1);
    if (w->columns.no_memory || w->some.no_memory || w->every.no_memory) {
        fn_network_free(w);
        *out = NULL;
        return fn_fail(err, FN_ERR_MEMORY, "out of memory for the cells of a window");
    }
    const fn_place place = fn_place_among(focal, f->cells);
    bool needed[FN_NETWORK_MOST] = {false};
    needed[w->place[place.low]] = needed[w->place[place.high]] = true;
    leave_out_exchanges(&w->some, needed);
    return FN_OK;
}

void fn_network_free(fn_network *w)
{
    if (!w)
        return;
    free(w->columns.all);
    free(w->some.all);
    free(w->every.all);
    free(w);
}

/* ---- at work ---- */

/* Lines and wires of doubles or floats; the lanes of a wire fill 512 bytes. */
enum { WIRE = 512 };

typedef struct sorting {
    const fn_block *block;
    const fn_network *network;
    fn_run_network run;
    bool floats;
    size_t real;        /* bytes of a value */
    size_t lanes, wide; /* values of a wire, and of a line */
    char *lines, *wires;
    const void *at[FN_NETWORK_MOST]; /* where the values of each wire are */
} sorting;

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* sorted: the columns of a box. */
static void load_lines(sorting *w, size_t y, size_t begin, size_t n, bool sorted)
{
    const fn_footprint *f = w->block->focal->footprint;
    const size_t cells = n + (size_t)(f->left + f->right);
    for (int i = 0; i < w->network->lines; i++) {
        char *line = w->lines + (size_t)i * w->wide * w->real;
        const double *x = fn_row_in(w->block, (ptrdiff_t)y + i - f->top) + (ptrdiff_t)begin - f->left;
        (w->floats ? w->block->loops->lanes_f32 : w->block->loops->lanes_f64)(line, x, cells);
        memset(line + cells * w->real, 0, (w->wide - cells) * w->real);
        if (f->box)
            w->at[i] = line;
    }
    if (sorted)
        w->run(w->network->columns.all, w->network->columns.n, w->at, w->lines, w->wide);
    for (size_t i = 0; i < f->cells; i++)
        w->at[i] =
            w->lines + ((size_t)w->network->wires[i].line * w->wide + (size_t)w->network->wires[i].column) * w->real;
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
        const fn_place place = fn_place_among(w->block->focal, (size_t)count[i]);
        out[i] = fn_between(&place, lane_of(w, place.low, i), lane_of(w, place.high, i));
    }
}

static void answer_all(const sorting *w, double *out, size_t n)
{
    const fn_place place = fn_place_among(w->block->focal, w->block->focal->footprint->cells);
    const void *low = w->at[w->network->place[place.low]], *high = w->at[w->network->place[place.high]];
    if (w->floats)
        for (size_t i = 0; i < n; i++)
            out[i] = fn_between(&place, (double)((const float *)low)[i], (double)((const float *)high)[i]);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = fn_between(&place, ((const double *)low)[i], ((const double *)high)[i]);
}

static void sort_some(sorting *w, size_t y, size_t begin, size_t n)
{
    const fn_block *b = w->block;
    const double *count = b->count + y * b->width + begin;
    const size_t cells = b->focal->footprint->cells;
    bool sparse = false;
    for (size_t i = 0; b->missing && i < n; i++)
        sparse |= count[i] < (double)cells;
    const bool median = b->focal->options.statistic == FN_FOCAL_MEDIAN && !sparse && (cells == 9 || cells == 25);
    const exchanges *all = sparse ? &w->network->every : &w->network->some;
    load_lines(w, y, begin, n, !median);
    if (median) {
        b->loops->median(w->wires, w->at, cells, w->floats, w->lanes);
        w->at[w->network->place[cells / 2]] = w->wires;
    } else {
        w->run(all->all, all->n, w->at, w->wires, w->lanes);
    }
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
    w.wires = (char *)scratch;
    w.lines = w.wires + WIRE * f->cells;
    for (size_t y = 0; y < b->height; y++)
        for (size_t begin = 0; begin < b->width; begin += w.lanes)
            sort_some(&w, y, begin, b->width - begin < w.lanes ? b->width - begin : w.lanes);
}

static void by_network_size(const fn_focal *focal, size_t *width, size_t *height)
{
    (void)focal;
    *width = *width < 512 ? *width : 512;
    *height = *height < 64 ? *height : 64;
}

/* For doubles; floats have as many bytes in a wire, and fewer in a line. */
static size_t by_network_scratch(const fn_focal *focal, size_t width, size_t height)
{
    (void)width;
    (void)height;
    const fn_footprint *f = focal->footprint;
    const size_t wide = round_up(WIRE / sizeof(double) + (size_t)(f->left + f->right), FN_NETWORK_LANES);
    return (size_t)(f->top + f->bottom + 1) * wide + f->cells * WIRE / sizeof(double);
}

const fn_way fn_by_network = {by_network_size, by_network_scratch, run_by_network};
