/* Tiles for windows that slide: the edges of a footprint, and the ranks of the cells of a tile. */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "slide.h"

/* ---- edges ---- */

static bool add_offset(fn_moves *m, size_t *room, fn_edge edge, int row, int column)
{
    if (!fn_reserve(&m->cells[edge], room, m->n[edge] + 1, sizeof *m->cells[edge]))
        return false;
    m->cells[edge][m->n[edge]++] = (struct fn_offset){row, column};
    return true;
}

/* The cell's neighbour that is not in the window says which edge it is of. `in` has a border of one cell. */
static bool add_edges(fn_moves *m, const fn_footprint *f, const char *in)
{
    const int wide = f->left + f->right + 3;
    size_t room[FN_EDGES] = {0};
    const int neighbours[FN_EDGES] = {1, -1, wide, -wide};
    bool good = true;
    for (size_t i = 0; i < f->n_runs; i++)
        for (int column = f->runs[i].begin; column < f->runs[i].end; column++) {
            const char *at = in + (f->runs[i].row + f->top + 1) * wide + column + f->left + 1;
            for (int e = 0; e < FN_EDGES; e++)
                good = good && (at[neighbours[e]] || add_offset(m, &room[e], (fn_edge)e, f->runs[i].row, column));
        }
    return good;
}

fn_status fn_moves_new(const fn_footprint *f, fn_moves **out, fn_error *err)
{
    const size_t wide = (size_t)(f->left + f->right + 3), high = (size_t)(f->top + f->bottom + 3);
    char *in = calloc(wide, high);
    *out = calloc(1, sizeof **out);
    for (size_t i = 0; in && i < f->n_runs; i++)
        memset(in + (size_t)(f->runs[i].row + f->top + 1) * wide + f->runs[i].begin + f->left + 1, 1,
               (size_t)(f->runs[i].end - f->runs[i].begin));
    const bool good = in && *out && add_edges(*out, f, in);
    free(in);
    if (good)
        return FN_OK;
    fn_moves_free(*out);
    *out = NULL;
    return fn_fail(err, FN_ERR_MEMORY, "out of memory for the cells of a window");
}

void fn_moves_free(fn_moves *m)
{
    if (!m)
        return;
    for (int e = 0; e < FN_EDGES; e++)
        free(m->cells[e]);
    free(m);
}

/* ---- ranks ---- */

/* An item to sort is one number: a key, and below it the cell. Keys count from the lowest in the tile, in steps that
 * all share, so that those of floats fit in. Where they do not, items are sorted in two rounds, lower bits first. */
enum { CELL_BITS = 26, KEY_BITS = 64 - CELL_BITS, DIGIT = 11 };
#define CELL_OF(item) ((uint32_t)((item) & ((UINT64_C(1) << CELL_BITS) - 1)))

typedef struct key_range {
    uint64_t lowest;
    int shift, bits;
} key_range;

/* Keys are ordered as the values, and -0 is 0. */
static uint64_t key_of_value(double x)
{
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double value_of_key(uint64_t key)
{
    const uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static const double *row_of_tile(const fn_tile *t, size_t y)
{
    const fn_footprint *f = t->block->focal->footprint;
    return fn_row_in(t->block, (ptrdiff_t)y - f->top) - f->left;
}

static key_range range_of_keys(const fn_tile *t)
{
    uint64_t lowest = UINT64_MAX, highest = 0, every = 0, some = 0;
    for (size_t y = 0; y < t->high; y++) {
        const double *x = row_of_tile(t, y);
        for (size_t i = 0; i < t->wide; i++) {
            if (x[i] != x[i])
                continue;
            const uint64_t key = key_of_value(x[i]);
            lowest = key < lowest ? key : lowest;
            highest = key > highest ? key : highest;
            every |= key;
            some |= ~key;
        }
    }
    const uint64_t differ = every & some;
    if (differ == 0) /* one value, or none */
        return (key_range){lowest, 0, 0};
    const int shift = __builtin_ctzll(differ);
    return (key_range){lowest, shift, 64 - __builtin_clzll((highest - lowest) >> shift)};
}

/* By digits of the key, the lowest first. Returns which of the two has the result. */
static uint64_t *sort_items(uint64_t *from, uint64_t *to, size_t n, int bits)
{
    uint32_t count[1 << DIGIT];
    const int digits = (bits + DIGIT - 1) / DIGIT, digit = digits > 0 ? (bits + digits - 1) / digits : 0;
    const size_t buckets = (size_t)1 << digit;
    for (int d = 0; d < digits; d++) {
        const int shift = CELL_BITS + d * digit;
        memset(count, 0, buckets * sizeof *count);
        for (size_t i = 0; i < n; i++)
            count[from[i] >> shift & (buckets - 1)]++;
        uint32_t below = 0;
        for (size_t k = 0; k < buckets; k++) {
            const uint32_t here = count[k];
            count[k] = below;
            below += here;
        }
        for (size_t i = 0; i < n; i++)
            to[count[from[i] >> shift & (buckets - 1)]++] = from[i];
        uint64_t *other = from;
        from = to;
        to = other;
    }
    return from;
}

/* keys: by cell, or NULL where an item has all of a key. Returns how many items there are. */
static size_t items_of_tile(const fn_tile *t, const key_range *range, bool by_columns, uint64_t *keys, uint64_t *items)
{
    size_t n = 0;
    for (size_t y = 0; y < t->high; y++) {
        const double *x = row_of_tile(t, y);
        for (size_t i = 0; i < t->wide; i++) {
            const size_t cell = by_columns ? i * t->high + y : y * t->wide + i;
            if (x[i] != x[i])
                continue;
            const uint64_t key = (key_of_value(x[i]) - range->lowest) >> range->shift;
            if (keys)
                keys[cell] = key;
            items[n++] = key << CELL_BITS | cell;
        }
    }
    return n;
}

/* items: room for three numbers of each cell. */
static void rank_cells(fn_tile *t, fn_ranks ranks, uint64_t *items, size_t cells)
{
    const key_range range = range_of_keys(t);
    uint64_t *keys = range.bits > KEY_BITS ? items + 2 * cells : NULL;
    const size_t n = items_of_tile(t, &range, ranks == FN_RANKS_OF_BOXES, keys, items);
    uint64_t *sorted = sort_items(items, items + cells, n, keys ? KEY_BITS : range.bits);
    if (keys) {
        for (size_t i = 0; i < n; i++)
            sorted[i] = keys[CELL_OF(sorted[i])] >> KEY_BITS << CELL_BITS | CELL_OF(sorted[i]);
        sorted = sort_items(sorted, sorted == items ? items + cells : items, n, range.bits - KEY_BITS);
    }
    for (size_t i = 0; i < cells && n < cells; i++)
        t->rank[i] = t->no_rank;
    uint64_t before = 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t key = keys ? keys[CELL_OF(sorted[i])] : sorted[i] >> CELL_BITS;
        if (ranks != FN_RANKS_OF_CLASSES || i == 0 || key != before)
            t->values[t->n_values++] = value_of_key((key << range.shift) + range.lowest);
        t->rank[CELL_OF(sorted[i])] = (uint32_t)(t->n_values - 1);
        before = key;
    }
}

static size_t cells_of_tile(const fn_footprint *f, size_t width, size_t height)
{
    return (width + (size_t)(f->left + f->right)) * (height + (size_t)(f->top + f->bottom));
}

void fn_tile_make(fn_tile *t, const fn_block *b, fn_ranks ranks, double *scratch)
{
    const fn_footprint *f = b->focal->footprint;
    const fn_moves *m = b->focal->moves;
    const size_t cells = cells_of_tile(f, b->width, b->height);
    *t = (fn_tile){
        .block = b, .wide = b->width + (size_t)(f->left + f->right), .high = b->height + (size_t)(f->top + f->bottom)};
    t->no_rank = (uint32_t)cells;
    t->values = scratch;
    t->rank = (uint32_t *)(scratch + cells);
    int32_t *edges = (int32_t *)(scratch + cells + (cells + FN_RANKS_BEHIND + 1) / 2);
    memset(t->rank + cells, 0, FN_RANKS_BEHIND * sizeof *t->rank);
    for (int e = 0; e < FN_EDGES; e++) {
        t->edge[e] = edges;
        t->n_edge[e] = m->n[e];
        for (size_t i = 0; i < m->n[e]; i++)
            edges[i] = m->cells[e][i].row * (int32_t)t->wide + m->cells[e][i].column;
        edges += m->n[e];
    }
    scratch += cells + (cells + FN_RANKS_BEHIND + 1) / 2 + (m->n[0] + m->n[1] + m->n[2] + m->n[3] + 1) / 2;
    t->rest = scratch;
    rank_cells(t, ranks, (uint64_t *)(void *)scratch, cells);
}

/* What the slides need is less than the items and keys: nine bits or two counts for each cell. */
size_t fn_tile_scratch(const fn_focal *focal, size_t width, size_t height)
{
    const fn_moves *m = focal->moves;
    const size_t cells = cells_of_tile(focal->footprint, width, height);
    return 2 * cells + (m->n[0] + m->n[1] + m->n[2] + m->n[3]) + 2 + 3 * cells + 64;
}

/* ---- the two ways ---- */

static void by_tiles_size(const fn_focal *focal, size_t *width, size_t *height)
{
    const fn_footprint *f = focal->footprint;
    const size_t reach = (size_t)(f->left + f->right > f->top + f->bottom ? f->left + f->right : f->top + f->bottom);
    const size_t side = 2 * reach > 128 ? 2 * reach : 128;
    *width = *width < side ? *width : side;
    *height = *height < side ? *height : side;
}

static void run_by_ranks(const fn_block *b, double *scratch)
{
    fn_tile tile;
    const bool box = b->focal->footprint->box;
    fn_tile_make(&tile, b, box ? FN_RANKS_OF_BOXES : FN_RANKS_OF_SHAPES, scratch);
    (box ? b->loops->slide_boxes : b->loops->slide_ranks)(&tile);
}

static void run_by_classes(const fn_block *b, double *scratch)
{
    fn_tile tile;
    fn_tile_make(&tile, b, FN_RANKS_OF_CLASSES, scratch);
    b->loops->slide_classes(&tile);
}

const fn_way fn_by_ranks = {by_tiles_size, fn_tile_scratch, run_by_ranks};
const fn_way fn_by_classes = {by_tiles_size, fn_tile_scratch, run_by_classes};
