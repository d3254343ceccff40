#include "touches.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

bool fn_touches_begin(fn_touches *t, size_t rows)
{
    t->n = 0;
    t->failed = !fn_reserve(&t->starts, &t->starts_capacity, rows + 1, sizeof *t->starts) ||
                !fn_reserve(&t->left, &t->left_capacity, rows, sizeof *t->left);
    if (!t->failed && rows > 0)
        memset(t->left, 0, rows * sizeof *t->left);
    return !t->failed;
}

bool fn_touches_grow(fn_touches *t)
{
    const bool grown = fn_reserve(&t->list, &t->capacity, t->n + 1, sizeof *t->list);
    t->failed |= !grown;
    return grown;
}

static void sort_few(uint64_t *list, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const uint64_t key = list[i];
        size_t k = i;
        for (; k > 0 && list[k - 1] > key; k--)
            list[k] = list[k - 1];
        list[k] = key;
    }
}

/* From the bottom up, between the list and a place of the same size. */
static void merge_sort(uint64_t *list, uint64_t *other, size_t n)
{
    const size_t few = 16;
    for (size_t i = 0; i < n; i += few)
        sort_few(list + i, n - i < few ? n - i : few);
    uint64_t *from = list, *to = other;
    for (size_t width = few; width < n; width *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * width) {
            const size_t middle = n - begin < width ? n : begin + width;
            const size_t end = n - middle < width ? n : middle + width;
            size_t a = begin, b = middle;
            for (size_t k = begin; k < end; k++)
                to[k] = b == end || (a < middle && from[a] < from[b]) ? from[a++] : from[b++];
        }
        uint64_t *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != list)
        memcpy(list, from, n * sizeof *list);
}

bool fn_touches_sort(fn_touches *t, size_t rows)
{
    if (t->failed || t->n > UINT32_MAX || !fn_reserve(&t->sorted, &t->sorted_capacity, t->n, sizeof *t->sorted) ||
        !fn_reserve(&t->merged, &t->merged_capacity, t->n, sizeof *t->merged))
        return false;
    size_t *starts = t->starts;
    memset(starts, 0, (rows + 1) * sizeof *starts);
    for (size_t i = 0; i < t->n; i++)
        starts[t->list[i].row]++;
    for (size_t row = 0, sum = 0; row <= rows; row++) {
        sum += starts[row];
        starts[row] = sum;
    }
    for (size_t i = t->n; i-- > 0;)
        t->sorted[--starts[t->list[i].row]] = (uint64_t)t->list[i].column << 32 | i;
    for (size_t row = 0; row < rows; row++)
        if (starts[row + 1] - starts[row] > 1)
            merge_sort(t->sorted + starts[row], t->merged, starts[row + 1] - starts[row]);
    return true;
}

void fn_touches_destroy(fn_touches *t)
{
    free(t->list);
    free(t->sorted);
    free(t->merged);
    free(t->starts);
    free(t->left);
    *t = (fn_touches){0};
}
