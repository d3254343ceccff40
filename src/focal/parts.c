/* Statistics that are put together of parts: sums, extremes, moments. Few cells are merged one after the other. Parts
 * of more cells double in length: one of 2^i cells is two of 2^(i - 1), and a run of any length is one of each power of
 * two in it, or, where cells may count twice, two that overlap. So the work for a window grows with the logarithm of
 * its sides, nothing is subtracted, and the order depends on the window alone. */
#include <math.h>
#include <string.h>

#include "block.h"

typedef enum quantity { SUM, COUNT, LEAST, MOST, MOMENTS } quantity;

enum {
    FEW = 15,   /* so many are added one after the other: it takes fewer passes */
    CHUNK = 64, /* columns that are folded at a time: what they need stays in the cache */
    LEVELS = 12 /* 2^11 > FN_FOOTPRINT_MOST */
};

static fn_merging merging_of(const fn_block *b, quantity what)
{
    static const fn_merging all[] = {FN_MERGE_SUM, FN_MERGE_SUM, FN_MERGE_LEAST, FN_MERGE_MOST, FN_MERGE_MOMENTS};
    return what == MOMENTS && b->missing ? FN_MERGE_SPARSE_MOMENTS : all[what];
}

static size_t arrays_of(fn_merging merging)
{
    return merging == FN_MERGE_SPARSE_MOMENTS ? 4 : merging == FN_MERGE_MOMENTS ? 3 : 1;
}

static fn_parts shifted(fn_parts p, size_t by)
{
    for (int i = 0; i < 4; i++)
        p.of[i] = p.of[i] ? p.of[i] + by : NULL;
    return p;
}

static void copy_parts(fn_parts to, fn_parts from, size_t n)
{
    for (int i = 0; i < 4; i++)
        if (from.of[i] && to.of[i] != from.of[i])
            memcpy(to.of[i], from.of[i], n * sizeof(double));
}

/* As many arrays of n values as parts are made of. */
static fn_parts take_parts(double **scratch, fn_merging merging, size_t n)
{
    fn_parts p = {{NULL}};
    for (size_t i = 0; i < arrays_of(merging); i++) {
        p.of[i] = *scratch;
        *scratch += n;
    }
    return p;
}

/* Parts of one cell each. */
static void load_parts(const fn_block *b, quantity what, fn_parts to, const double *x, size_t n)
{
    if (what == COUNT) {
        b->loops->there(to.of[0], x, n);
    } else if (what == MOMENTS) {
        for (size_t i = 0; i < n; i++) /* an infinite value has no moments */
            to.of[0][i] = to.of[1][i] = isinf(x[i]) ? (double)NAN : 0;
        memcpy(to.of[2], x, n * sizeof *x);
        if (b->missing)
            b->loops->there(to.of[3], x, n);
    } else if (b->missing) {
        b->loops->fill(to.of[0], x, what == LEAST ? (double)INFINITY : what == MOST ? -(double)INFINITY : 0, n);
    } else {
        memcpy(to.of[0], x, n * sizeof *x);
    }
}

/* ---- boxes: columns, then rows ---- */

static int highest_bit(int k)
{
    int bit = 1;
    while (2 * bit <= k)
        bit *= 2;
    return bit;
}

/* out[i]: the k parts of `cells` cells at i, i + step .. i + (k - 1) * step as one, for n of i. `parts` is used up. */
static void fold_parts(const fn_block *b, fn_merging merging, fn_parts out, fn_parts parts, size_t step, int k,
                       size_t n, double cells)
{
    const fn_merge merge = b->loops->merge[merging];
    if (merging <= FN_MERGE_MOST && k <= FEW) {
        const double *terms[FEW];
        for (int i = 0; i < k; i++)
            terms[i] = parts.of[0] + (size_t)i * step;
        b->loops->terms[merging](out.of[0], terms, (size_t)k, n);
        return;
    }
    const bool overlap = merging == FN_MERGE_LEAST || merging == FN_MERGE_MOST;
    size_t done = 0;
    for (int bit = 1; bit <= k; bit *= 2) {
        if (k & bit && !overlap) {
            if (done == 0)
                copy_parts(out, parts, n);
            else
                merge(out, out, shifted(parts, done * step), bit * cells, n);
            done += (size_t)bit;
        }
        if (2 * bit <= k)
            merge(parts, parts, shifted(parts, (size_t)bit * step), bit * cells, n + (size_t)(k - 2 * bit) * step);
    }
    if (overlap)
        merge(out, parts, shifted(parts, (size_t)(k - highest_bit(k)) * step), cells, n);
}

typedef struct box {
    int rows, columns;
    size_t wide; /* columns that the windows of a block hold */
    size_t chunks;
} box;

static box box_of(const fn_footprint *f, size_t width)
{
    box x = {f->top + f->bottom + 1, f->left + f->right + 1, width + (size_t)(f->left + f->right), 0};
    x.chunks = (x.wide + CHUNK - 1) / CHUNK;
    return x;
}

/* The columns of each chunk folded: `to` has height x CHUNK for each chunk. */
static void fold_columns(const fn_block *b, quantity what, const box *x, fn_parts to, double *scratch)
{
    const fn_footprint *f = b->focal->footprint;
    const fn_merging merging = merging_of(b, what);
    const size_t rows = b->height + (size_t)x->rows - 1;
    const fn_parts parts = take_parts(&scratch, merging, rows * CHUNK);
    for (size_t c = 0; c < x->chunks; c++) {
        const size_t begin = c * CHUNK, n = x->wide - begin < CHUNK ? x->wide - begin : CHUNK;
        for (size_t r = 0; r < rows; r++)
            load_parts(b, what, shifted(parts, r * n), fn_row_in(b, (ptrdiff_t)r - f->top) + (ptrdiff_t)begin - f->left,
                       n);
        fn_parts out = shifted(to, begin * b->height);
        if (merging == FN_MERGE_MOMENTS) /* the values p are those of the first rows, and are not copied */
            out.of[2] = parts.of[2];
        fold_parts(b, merging, out, parts, n, x->rows, b->height * n, 1);
    }
}

/* Row y of the folded columns in one piece. */
static void join_chunks(const fn_block *b, const box *x, fn_parts to, fn_parts columns, size_t y)
{
    for (size_t c = 0; c < x->chunks; c++) {
        const size_t begin = c * CHUNK, n = x->wide - begin < CHUNK ? x->wide - begin : CHUNK;
        copy_parts(shifted(to, begin), shifted(columns, begin * b->height + y * n), n);
    }
}

/* A few rows need no chunks. */
static void fold_few_rows(const fn_block *b, fn_merging merging, const box *x, double *to, size_t y)
{
    const fn_footprint *f = b->focal->footprint;
    const double *terms[FEW];
    for (int i = 0; i < x->rows; i++)
        terms[i] = fn_row_in(b, (ptrdiff_t)y + i - f->top) - f->left;
    b->loops->terms[merging](to, terms, (size_t)x->rows, x->wide);
}

/* results: the first two arrays of the parts of all windows; `strides` from row to row. */
typedef struct planes {
    double *of[2];
    ptrdiff_t stride[2];
} planes;

static void box_parts(const fn_block *b, quantity what, const planes *to, double *scratch)
{
    const box x = box_of(b->focal->footprint, b->width);
    const fn_merging merging = merging_of(b, what);
    const bool few = merging <= FN_MERGE_MOST && what != COUNT && !b->missing && x.rows <= FEW;
    const fn_footprint *f = b->focal->footprint;
    const fn_parts line = take_parts(&scratch, merging, x.wide), rest = take_parts(&scratch, merging, b->width);
    fn_parts columns = take_parts(&scratch, merging, few ? 0 : x.chunks * CHUNK * b->height);
    if (!few)
        fold_columns(b, what, &x, columns, scratch);
    if (merging == FN_MERGE_MOMENTS)
        columns.of[2] = NULL;
    for (size_t y = 0; y < b->height; y++) {
        if (few)
            fold_few_rows(b, merging, &x, line.of[0], y);
        else
            join_chunks(b, &x, line, columns, y);
        fn_parts out = rest;
        if (merging == FN_MERGE_MOMENTS) {
            memcpy(line.of[2], fn_row_in(b, (ptrdiff_t)y - f->top) - f->left, x.wide * sizeof(double));
            out.of[2] = line.of[2];
        }
        for (int i = 0; i < 2; i++)
            if (rest.of[i])
                out.of[i] = to->of[i] + (ptrdiff_t)y * to->stride[i];
        fold_parts(b, merging, out, line, 1, x.columns, b->width, x.rows);
    }
}

static size_t box_scratch(const fn_footprint *f, size_t width, size_t height, size_t arrays)
{
    const box x = box_of(f, width);
    return arrays * (x.wide + width + x.chunks * CHUNK * height + (height + (size_t)x.rows - 1) * CHUNK);
}

/* ---- other shapes: row by row, and each run of a row ---- */

static int longest_run(const fn_footprint *f)
{
    int most = 1;
    for (size_t i = 0; i < f->n_runs; i++)
        most = f->runs[i].end - f->runs[i].begin > most ? f->runs[i].end - f->runs[i].begin : most;
    return most;
}

/* Adds the run of k cells that begins at `begin` of the row, whose parts of 2^i cells are levels[i]. */
static void merge_run(const fn_block *b, fn_merging merging, fn_parts to, const fn_parts *levels, size_t begin, int k)
{
    for (int level = 0; 1 << level <= k; level++)
        if (k & 1 << level) {
            b->loops->merge[merging](to, to, shifted(levels[level], begin), 1 << level, b->width);
            begin += (size_t)1 << level;
        }
}

static void begin_parts(const fn_block *b, quantity what, fn_parts to, size_t y)
{
    const fn_cells first = b->focal->footprint->runs[0];
    for (size_t i = 0; i < b->width; i++)
        to.of[0][i] = what == LEAST ? (double)INFINITY : what == MOST ? -(double)INFINITY : 0;
    if (what != MOMENTS)
        return;
    memset(to.of[1], 0, b->width * sizeof(double));
    memcpy(to.of[2], fn_row_in(b, (ptrdiff_t)y + first.row) + first.begin, b->width * sizeof(double));
    if (b->missing)
        memset(to.of[3], 0, b->width * sizeof(double));
}

/* The parts of a row of cells, of 1, 2, 4... cells. */
static void load_levels(const fn_block *b, quantity what, fn_parts *levels, int longest, ptrdiff_t row)
{
    const fn_footprint *f = b->focal->footprint;
    const size_t wide = b->width + (size_t)(f->left + f->right);
    const fn_merging merging = merging_of(b, what);
    load_parts(b, what, levels[0], fn_row_in(b, row) - f->left, wide);
    for (int i = 1; 1 << i <= longest; i++) {
        const size_t half = (size_t)1 << (i - 1);
        if (merging == FN_MERGE_MOMENTS)
            levels[i].of[2] = levels[0].of[2];
        b->loops->merge[merging](levels[i], levels[i - 1], shifted(levels[i - 1], half), (double)half,
                                 wide + 1 - 2 * half);
    }
}

/* Rows of cells that are at hand at a time, and the most terms that are merged at once. */
enum { GROUP = 4, TERMS_MOST = 64 };

typedef struct terms {
    const double *all[TERMS_MOST];
    size_t n;
} terms;

/* Merges what has been gathered; all[0] is what there was before. */
static void merge_terms(const fn_block *b, fn_merging merging, terms *t, double *to)
{
    t->all[0] = to;
    if (t->n > 1)
        b->loops->terms[merging](to, t->all, t->n, b->width);
    t->n = 1;
}

/* The same as merge_run(), of parts with one array, whose terms are gathered first. */
static void gather_run(const fn_block *b, fn_merging merging, terms *t, double *to, const fn_parts *levels,
                       size_t begin, int k)
{
    if (t->n + LEVELS > TERMS_MOST)
        merge_terms(b, merging, t, to);
    int level = 0;
    if (merging != FN_MERGE_SUM) {
        while (2 << level <= k)
            level++;
        t->all[t->n++] = levels[level].of[0] + begin;
        if (k > 1 << level)
            t->all[t->n++] = levels[level].of[0] + begin + (size_t)(k - (1 << level));
        return;
    }
    for (; 1 << level <= k; level++)
        if (k & 1 << level) {
            t->all[t->n++] = levels[level].of[0] + begin;
            begin += (size_t)1 << level;
        }
}

/* The first run of that row or of a later one. */
static size_t first_run(const fn_footprint *f, ptrdiff_t row)
{
    size_t low = 0, high = f->n_runs;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (f->runs[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Adds to the windows of row y what they have of GROUP rows of cells from `row` on. */
static void merge_group(const fn_block *b, quantity what, fn_parts to, fn_parts (*levels)[LEVELS], ptrdiff_t row,
                        size_t y)
{
    const fn_footprint *f = b->focal->footprint;
    const fn_merging merging = merging_of(b, what);
    const ptrdiff_t first = row - (ptrdiff_t)y;
    terms t = {.n = 1};
    for (size_t i = first_run(f, first); i < f->n_runs && f->runs[i].row < first + GROUP; i++) {
        const fn_parts *of_row = levels[f->runs[i].row - first];
        const size_t begin = (size_t)(f->runs[i].begin + f->left);
        const int k = f->runs[i].end - f->runs[i].begin;
        if (i == 0)
            begin_parts(b, what, to, y);
        if (merging <= FN_MERGE_MOST)
            gather_run(b, merging, &t, to.of[0], of_row, begin, k);
        else
            merge_run(b, merging, to, of_row, begin, k);
    }
    merge_terms(b, merging, &t, to.of[0]);
}

static void run_parts(const fn_block *b, quantity what, const planes *results, double *scratch)
{
    const fn_footprint *f = b->focal->footprint;
    const fn_merging merging = merging_of(b, what);
    const size_t wide = b->width + (size_t)(f->left + f->right);
    const int longest = longest_run(f);
    fn_parts levels[GROUP][LEVELS];
    for (int g = 0; g < GROUP; g++)
        for (int i = 0; 1 << i <= longest; i++)
            levels[g][i] = take_parts(&scratch, merging, wide);
    const fn_parts rest = take_parts(&scratch, merging, b->width * b->height);
    const ptrdiff_t end = (ptrdiff_t)b->height + f->bottom;
    for (ptrdiff_t row = -f->top; row < end; row += GROUP) {
        for (int g = 0; g < GROUP && row + g < end; g++)
            load_levels(b, what, levels[g], longest, row + g);
        for (size_t y = 0; y < b->height; y++) {
            if (row + GROUP - 1 < (ptrdiff_t)y - f->top || row > (ptrdiff_t)y + f->bottom)
                continue;
            fn_parts to = shifted(rest, y * b->width);
            for (int k = 0; k < 2; k++)
                if (rest.of[k])
                    to.of[k] = results->of[k] + (ptrdiff_t)y * results->stride[k];
            merge_group(b, what, to, levels, row, y);
        }
    }
}

static size_t run_scratch(const fn_footprint *f, size_t width, size_t height, size_t arrays)
{
    return arrays * (GROUP * LEVELS * (width + (size_t)(f->left + f->right)) + width * height);
}

/* ---- statistics ---- */

static void compute_parts(const fn_block *b, quantity what, planes to, double *scratch)
{
    (b->focal->footprint->box ? box_parts : run_parts)(b, what, &to, scratch);
}

void fn_count_values(const fn_block *b, double *count, double *scratch)
{
    compute_parts(b, COUNT, (planes){{count}, {(ptrdiff_t)b->width}}, scratch);
}

static bool has_moments(const fn_focal *focal)
{
    return focal->options.statistic == FN_FOCAL_STD || focal->options.statistic == FN_FOCAL_VAR;
}

/* Blocks are small where that costs nothing, so that they stay in the first cache; otherwise large against the cells
 * around them, which are folded for each block. */
static void by_parts_size(const fn_focal *focal, size_t *width, size_t *height)
{
    const fn_footprint *f = focal->footprint;
    const size_t rows = (size_t)(f->top + f->bottom), columns = (size_t)(f->left + f->right);
    size_t wide = columns * 4 > 512 ? columns * 4 : 512, high = rows * 3 > 64 ? rows * 3 : 64;
    if (!f->box || (rows < FEW && columns < FEW && !has_moments(focal))) {
        wide = 256;
        high = 16 + rows / 4;
    }
    *width = *width < wide ? *width : wide;
    *height = *height < high ? *height : high;
}

static size_t by_parts_scratch(const fn_focal *focal, size_t width, size_t height)
{
    const fn_footprint *f = focal->footprint;
    return width * height + (f->box ? box_scratch : run_scratch)(f, width, height, has_moments(focal) ? 4 : 1);
}

static void run_by_parts(const fn_block *b, double *scratch)
{
    double *other = scratch;
    const ptrdiff_t width = (ptrdiff_t)b->width;
    const double cells = (double)b->focal->footprint->cells;
    const fn_focal_statistic what = b->focal->options.statistic;
    const planes to = {{b->out, other}, {b->out_stride, width}};
    static const quantity quantities[FN_FOCAL_STATISTICS] = {
        [FN_FOCAL_MEAN] = SUM,   [FN_FOCAL_SUM] = SUM,     [FN_FOCAL_MIN] = LEAST,   [FN_FOCAL_MAX] = MOST,
        [FN_FOCAL_RANGE] = MOST, [FN_FOCAL_STD] = MOMENTS, [FN_FOCAL_VAR] = MOMENTS, [FN_FOCAL_COUNT] = COUNT};
    scratch += b->width * b->height;
    compute_parts(b, quantities[what], to, scratch);
    if (what == FN_FOCAL_RANGE)
        compute_parts(b, LEAST, (planes){{other}, {width}}, scratch);
    for (size_t y = 0; y < b->height; y++) {
        double *out = fn_row_out(b, y), *row = other + y * b->width;
        const double *count = b->missing ? b->count + y * b->width : NULL;
        if (what == FN_FOCAL_MEAN)
            b->loops->mean(out, out, count, cells, b->width);
        else if (what == FN_FOCAL_STD || what == FN_FOCAL_VAR)
            b->loops->variance(out, out, row, count, cells, what == FN_FOCAL_STD, b->width);
        for (size_t i = 0; what == FN_FOCAL_RANGE && i < b->width; i++)
            out[i] -= row[i];
    }
}

const fn_way fn_by_parts = {by_parts_size, by_parts_scratch, run_by_parts};
