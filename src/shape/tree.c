#include "tree.h"

#include <stdlib.h>
#include <string.h>

static size_t padded(size_t n)
{
    return (n + FN_FANOUT - 1) / FN_FANOUT * FN_FANOUT;
}

/* The levels of a tree of n items. *total: places of all; *above: of upper sides; *boxes: above level 0. */
static void count_levels(fn_tree *tree, size_t n, size_t *total, size_t *above, size_t *boxes)
{
    *total = 0;
    tree->levels = 0;
    for (size_t count = n; count > 0; count = (count + FN_FANOUT - 1) / FN_FANOUT) {
        tree->count[tree->levels] = (uint32_t)count;
        tree->start[tree->levels++] = (uint32_t)*total;
        *total += padded(count);
        if (count <= FN_FANOUT)
            break;
    }
    if (tree->levels == 1)
        tree->start[1] = (uint32_t)*total;
    *boxes = *total - padded(n);
    *above = tree->points ? *boxes : *total;
}

static void lay_out(fn_tree *tree, double *memory, size_t total, size_t above)
{
    for (int d = 0; d < tree->dims; d++) {
        tree->lo[d] = memory + (size_t)d * total;
        tree->hi[d] = memory + (size_t)tree->dims * total + (size_t)d * above;
    }
    tree->least = (void *)(memory + (size_t)tree->dims * (total + above));
}

bool fn_tree_init(fn_tree *tree, int dims, size_t n, bool points)
{
    *tree = (fn_tree){.dims = dims, .points = points};
    size_t total, above, boxes;
    count_levels(tree, n, &total, &above, &boxes);
    if (tree->levels == 0)
        return true;
    const size_t sides = (total + above) * (size_t)dims * sizeof(double); /* a multiple of 64, as boxes are of 16 */
    double *memory = total > UINT32_MAX ? NULL : aligned_alloc(64, sides + boxes * sizeof *tree->least);
    if (!memory) {
        tree->levels = 0;
        return false;
    }
    lay_out(tree, memory, total, above);
    return true;
}

void fn_tree_shrink(fn_tree *tree, size_t n)
{
    const fn_tree before = *tree;
    size_t total, above, boxes;
    count_levels(tree, n, &total, &above, &boxes);
    lay_out(tree, before.lo[0], total, above);
    for (int d = 0; d < tree->dims; d++) /* each moves towards the beginning */
        memmove(tree->lo[d], before.lo[d], n * sizeof(double));
}

void fn_tree_destroy(fn_tree *tree)
{
    free(tree->lo[0]);
    *tree = (fn_tree){.dims = tree->dims};
}

static void put_ranks(fn_tree *tree, const uint32_t *rank, size_t stride)
{
    for (int level = 1; level < tree->levels; level++) {
        const uint32_t *below = level > 1 ? &tree->least[tree->start[level - 1] - tree->start[1]] : rank;
        const size_t n = tree->count[level - 1], step = level > 1 ? 1 : stride;
        uint32_t *least = &tree->least[tree->start[level] - tree->start[1]];
        for (size_t i = 0; i < tree->count[level]; i++)
            least[i] = UINT32_MAX;
        for (size_t j = 0; j < n; j++)
            if (below[j * step] < least[j / FN_FANOUT])
                least[j / FN_FANOUT] = below[j * step];
    }
}

void fn_tree_finish(fn_tree *tree, const uint32_t *rank, size_t stride)
{
    put_ranks(tree, rank, stride);
    for (int level = 0; level < tree->levels; level++)
        for (int d = 0; d < tree->dims; d++) {
            const size_t n = tree->count[level];
            double *lo = fn_tree_lo(tree, level, d), *hi = fn_tree_hi(tree, level, d);
            for (size_t i = n; i < padded(n); i++)
                lo[i] = hi[i] = INFINITY;
            if (level + 1 == tree->levels)
                continue;
            double *lo_above = fn_tree_lo(tree, level + 1, d), *hi_above = fn_tree_hi(tree, level + 1, d);
            for (size_t i = 0; i < tree->count[level + 1]; i++) {
                double least = INFINITY, most = -INFINITY;
                const size_t end = (i + 1) * FN_FANOUT < n ? (i + 1) * FN_FANOUT : n;
                for (size_t j = i * FN_FANOUT; j < end; j++) {
                    least = lo[j] < least ? lo[j] : least;
                    most = hi[j] > most ? hi[j] : most;
                }
                lo_above[i] = least;
                hi_above[i] = most;
            }
        }
}
