/* Boxes: parts of columns, then of rows of them. More than a few cells are made of parts of 8, 32, 128 and 512 cells,
 * each of the size before, as many as there are, then cells one by one; or, where cells may count twice, of the largest
 * ones, of which the last two overlap. Moments double in length instead: one more part is dearer there than one more
 * pass. So the work for a window grows with the logarithm of its sides, nothing is subtracted, and the order depends on
 * the window alone. */
#include <string.h>

#include "parts.h"

enum {
    CHUNK = 32, /* columns that are folded at a time: what they need stays in the cache */
    FIRST = 8,
    GROWTH = 4,
    SIZES = 5,
    TERMS_MOST = 24 /* 15; or 3 of each size but the smallest, of which there are 7 */
};

/* out[i]: the k values at x[i], x[i + step] .. as one, for n of i. Uses SIZES - 1 times n + k * step of scratch. */
static void fold_values(fn_terms as_one, bool overlap, double *out, const double *x, size_t step, size_t k, size_t n,
                        double *scratch)
{
    const double *parts[SIZES] = {x}, *terms[TERMS_MOST];
    size_t sizes[SIZES] = {1}, largest = 0, n_terms = 0, at = 0;
    for (size_t many = FIRST; k > FN_FEW_CELLS && largest + 1 < SIZES && sizes[largest] * many <= k; many = GROWTH) {
        const size_t size = sizes[largest] * many, cells = n + (k - size) * step;
        for (size_t t = 0; t < many; t++)
            terms[t] = parts[largest] + t * sizes[largest] * step;
        as_one(scratch, terms, many, cells);
        parts[++largest] = scratch;
        sizes[largest] = size;
        scratch += fn_padded(cells);
    }
    while (at < k) {
        if (sizes[largest] > k - at && overlap)
            at = k - sizes[largest];
        while (sizes[largest] > k - at)
            largest--;
        terms[n_terms++] = parts[largest] + at * step;
        at += sizes[largest];
    }
    as_one(out, terms, n_terms, n);
}

static void copy_parts(fn_parts to, fn_parts from, size_t n)
{
    for (int i = 0; i < 4; i++)
        if (from.of[i] && to.of[i] && to.of[i] != from.of[i])
            memcpy(to.of[i], from.of[i], n * sizeof(double));
}

/* The same of moments, of `cells` cells each: out is one part of each power of two in k. room: for two levels of parts
 * in work. */
static void fold_moments(fn_merge merge, fn_parts out, fn_parts parts, const fn_parts *room, size_t step, size_t k,
                         size_t n, double cells)
{
    const bool shared = !parts.of[3]; /* values p are those of the first parts */
    fn_parts levels[2] = {room[0], room[1]}, first = {{NULL}};
    size_t done = 0;
    if (shared)
        out.of[2] = levels[0].of[2] = levels[1].of[2] = parts.of[2];
    for (size_t bit = 1, level = 0; bit <= k; bit *= 2) {
        if (k & bit) {
            if (done > 0)
                merge(out, first, fn_parts_at(parts, done * step), (double)bit * cells, n);
            else if (bit > 1 || k == 1)
                copy_parts(out, parts, n);
            first = k > 1 && bit == 1 ? parts : out; /* that is not used up */
            done += bit;
        }
        if (2 * bit > k)
            break;
        const size_t next = n + (k - 2 * bit) * step;
        merge(levels[level], parts, fn_parts_at(parts, bit * step), (double)bit * cells, next);
        parts = levels[level];
        level = 1 - level;
    }
}

typedef struct box {
    const fn_block *block;
    fn_merging merging;
    size_t rows, columns;
    size_t wide, high; /* cells that the windows of a block hold */
    size_t chunks;
    fn_parts line; /* the columns of a row of windows */
    fn_parts rest; /* arrays of results that nobody asked for */
    fn_parts levels[2];
    fn_parts folded; /* the columns of all rows of windows, height x CHUNK for each chunk; many rows only */
    double *scratch;
} box;

static const double *row_of_cells(const box *x, size_t row)
{
    const fn_footprint *f = x->block->focal->footprint;
    return fn_row_in(x->block, (ptrdiff_t)row - f->top) - f->left;
}

static size_t columns_of_chunk(const box *x, size_t chunk)
{
    return x->wide - chunk * CHUNK < CHUNK ? x->wide - chunk * CHUNK : CHUNK;
}

static void fold_chunk(const box *x, size_t chunk)
{
    const fn_block *b = x->block;
    const size_t begin = chunk * CHUNK, n = columns_of_chunk(x, chunk);
    const bool moments = x->merging > FN_MERGE_MOST;
    double *scratch = x->scratch;
    const fn_parts cells = fn_take_parts(&scratch, x->merging, x->high * n);
    for (size_t r = 0; r < x->high; r++) {
        const fn_parts at = fn_parts_at(cells, r * n);
        const double *row = row_of_cells(x, r) + begin;
        if (moments)
            b->loops->cells[x->merging - FN_MERGE_MOMENTS](at, NULL, &row, 1, n);
        if (x->merging != FN_MERGE_SPARSE_MOMENTS)
            memcpy(at.of[moments ? 2 : 0], row, n * sizeof *row);
    }
    const fn_parts out = fn_parts_at(x->folded, begin * b->height);
    if (moments)
        fold_moments(b->loops->merge[x->merging], out, cells, x->levels, n, x->rows, b->height * n, 1);
    else
        fold_values(b->loops->terms[x->merging], x->merging != FN_MERGE_SUM, out.of[0], cells.of[0], n, x->rows,
                    b->height * n, scratch);
}

static void join_chunks(const box *x, size_t y)
{
    for (size_t c = 0; c < x->chunks; c++) {
        const size_t begin = c * CHUNK, n = columns_of_chunk(x, c);
        copy_parts(fn_parts_at(x->line, begin), fn_parts_at(x->folded, begin * x->block->height + y * n), n);
    }
}

static void add_few_rows(const box *x, size_t y)
{
    const fn_focal_loops *loops = x->block->loops;
    const double *rows[FN_FEW_CELLS];
    for (size_t i = 0; i < x->rows; i++)
        rows[i] = row_of_cells(x, y + i);
    if (x->merging <= FN_MERGE_MOST)
        loops->terms[x->merging](x->line.of[0], rows, x->rows, x->wide);
    else
        loops->cells[x->merging - FN_MERGE_MOMENTS](x->line, NULL, rows, x->rows, x->wide);
}

static void fold_row(const box *x, fn_parts to, size_t y)
{
    const fn_block *b = x->block;
    if (x->merging <= FN_MERGE_MOST) {
        fold_values(b->loops->terms[x->merging], x->merging != FN_MERGE_SUM, to.of[0], x->line.of[0], 1, x->columns,
                    b->width, x->scratch);
        return;
    }
    fn_parts line = x->line;
    if (x->merging == FN_MERGE_MOMENTS)
        line.of[2] = (double *)row_of_cells(x, y);
    to.of[2] = x->rest.of[2];
    to.of[3] = x->rest.of[3];
    fold_moments(b->loops->merge[x->merging], to, line, x->levels, 1, x->columns, b->width, (double)x->rows);
}

static box box_of(const fn_footprint *f, size_t width, size_t height)
{
    box x = {.rows = (size_t)(f->top + f->bottom + 1), .columns = (size_t)(f->left + f->right + 1)};
    x.wide = width + x.columns - 1;
    x.high = height + x.rows - 1;
    x.chunks = x.rows <= FN_FEW_CELLS ? 0 : (x.wide + CHUNK - 1) / CHUNK;
    return x;
}

/* Cells that are folded at a time. */
static size_t longest(const box *x)
{
    return fn_padded(x->chunks > 0 && x->high * CHUNK > x->wide + 1 ? x->high * CHUNK : x->wide + 1);
}

void fn_fold_boxes(const fn_block *b, fn_merging merging, const fn_results *to, double *scratch)
{
    box x = box_of(b->focal->footprint, b->width, b->height);
    x.block = b;
    x.merging = merging;
    x.line = fn_take_parts(&scratch, merging, x.wide);
    x.rest = fn_take_parts(&scratch, merging, b->width);
    x.folded = fn_take_parts(&scratch, merging, x.chunks * CHUNK * b->height);
    if (merging == FN_MERGE_MOMENTS) /* they are the first rows */
        x.folded.of[2] = NULL;
    for (int i = 0; i < 2 && merging > FN_MERGE_MOST; i++)
        x.levels[i] = fn_take_parts(&scratch, merging, longest(&x));
    x.scratch = scratch;
    for (size_t c = 0; c < x.chunks; c++)
        fold_chunk(&x, c);
    for (size_t y = 0; y < b->height; y++) {
        if (x.chunks > 0)
            join_chunks(&x, y);
        else
            add_few_rows(&x, y);
        fold_row(&x, fn_results_row(to, y), y);
    }
}

size_t fn_fold_boxes_scratch(const fn_focal *focal, size_t width, size_t height, size_t arrays)
{
    const box x = box_of(focal->footprint, width, height);
    const size_t levels = arrays == 1 ? SIZES - 1 : 2 * arrays;
    return arrays * (fn_padded(x.wide) + fn_padded(width) + (x.chunks * height + x.high) * CHUNK) +
           levels * longest(&x);
}
