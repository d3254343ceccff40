/* What edges leave in the cells of a window: for each touched cell two whole numbers, which are summed along the row.
 * Whole numbers, so that the sums are exact, whatever the order of the edges. */
#ifndef FN_TOUCHES_H
#define FN_TOUCHES_H

#include "fishnet/coverage.h"

/* Heights, areas and lengths are in units of 2^-60 of a cell. */
#define FN_UNIT_BITS 60
#define FN_WHOLE ((int64_t)1 << FN_UNIT_BITS)

typedef struct fn_touch {
    int32_t row, column; /* rows from the window's first */
    union {
        int64_t height;  /* counts in all cells to the right of this one */
        int64_t winding; /* counts in this cell and all to the right of it */
    };
    union {
        int64_t area; /* or length: counts in this cell alone */
        int64_t end;  /* an edge passes through all cells from this one up to that column, if it is greater */
    };
} fn_touch;

__extension__ typedef __int128 fn_int128;

/* Zero it before the first use. Arrays grow, and stay. */
typedef struct fn_touches {
    fn_touch *list;
    size_t n, capacity;
    /* Columns and places in the list: column << 32 | place. Those of a row, by column, are
     * sorted[starts[row]] ... sorted[starts[row + 1] - 1]. */
    uint64_t *sorted, *merged;
    size_t sorted_capacity, merged_capacity;
    size_t *starts;
    size_t starts_capacity;
    fn_int128 *left; /* for each row: the height, or winding, of edges left of the window */
    size_t left_capacity;
    bool failed; /* out of memory */
} fn_touches;

/* No touches, and `rows` rows that have nothing to their left. False: out of memory. */
bool fn_touches_begin(fn_touches *t, size_t rows);
bool fn_touches_grow(fn_touches *t);
/* Fills sorted and starts. False: out of memory, now or when a touch was added. */
bool fn_touches_sort(fn_touches *t, size_t rows);
void fn_touches_destroy(fn_touches *t);

static inline bool fn_is_small(int64_t units)
{
    return units < 2 * FN_WHOLE && units > -2 * FN_WHOLE;
}

static inline int64_t fn_touch_column(uint64_t key)
{
    return (int64_t)(key >> 32);
}

static inline const fn_touch *fn_touch_of(const fn_touches *t, uint64_t key)
{
    return &t->list[(uint32_t)key];
}

/* The last touch, if that is of the same cell: edges in one cell follow each other. */
static inline fn_touch *fn_touches_last(fn_touches *t, int32_t row, int32_t column)
{
    fn_touch *last = t->n > 0 ? &t->list[t->n - 1] : NULL;
    return last && last->column == column && last->row == row ? last : NULL;
}

static inline void fn_touches_add_area(fn_touches *t, int32_t row, int32_t column, int64_t height, int64_t area)
{
    fn_touch *last = fn_touches_last(t, row, column);
    if (last && fn_is_small(last->height) && fn_is_small(last->area)) {
        last->height += height;
        last->area += area;
    } else if (t->n < t->capacity || fn_touches_grow(t))
        t->list[t->n++] = (fn_touch){.row = row, .column = column, .height = height, .area = area};
}

static inline void fn_touches_add_pass(fn_touches *t, int32_t row, int32_t column, int64_t winding, int64_t end)
{
    fn_touch *last = fn_touches_last(t, row, column);
    if (last) {
        last->winding += winding;
        last->end = end > last->end ? end : last->end;
    } else if (t->n < t->capacity || fn_touches_grow(t))
        t->list[t->n++] = (fn_touch){.row = row, .column = column, .winding = winding, .end = end};
}

#endif
