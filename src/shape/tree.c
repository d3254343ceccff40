#include "tree.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- the tree ---- */

static size_t padded(size_t n)
{
    return (n + FN_FANOUT - 1) / FN_FANOUT * FN_FANOUT;
}

bool fn_tree_init(fn_tree *tree, int dims, size_t n, bool points)
{
    *tree = (fn_tree){.dims = dims, .points = points};
    size_t total = 0;
    for (size_t count = n; count > 0; count = (count + FN_FANOUT - 1) / FN_FANOUT) {
        tree->count[tree->levels] = (uint32_t)count;
        tree->start[tree->levels++] = (uint32_t)total;
        total += padded(count);
        if (count <= FN_FANOUT)
            break;
    }
    if (tree->levels == 0)
        return true;
    const size_t boxes = total - padded(n), above = points ? boxes : total; /* upper sides */
    const size_t sides = (total + above) * (size_t)dims * sizeof(double);   /* a multiple of 64, as boxes are of 16 */
    double *memory = total > UINT32_MAX ? NULL : aligned_alloc(64, sides + boxes * sizeof *tree->least);
    if (!memory) {
        tree->levels = 0;
        return false;
    }
    if (tree->levels == 1)
        tree->start[1] = (uint32_t)total;
    for (int d = 0; d < dims; d++) {
        tree->lo[d] = memory + (size_t)d * total;
        tree->hi[d] = memory + (size_t)dims * total + (size_t)d * above;
    }
    tree->least = (void *)(memory + (size_t)dims * (total + above));
    return true;
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

/* ---- the curve ---- */

#define SAMPLE 1024

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* From the 1st to the 99th percentile of a sample, and half of that on both sides. */
static void range(const double *v, size_t n, size_t stride, double *from, double *scale)
{
    double sample[SAMPLE];
    const size_t taken = n < SAMPLE ? n : SAMPLE;
    for (size_t i = 0; i < taken; i++)
        sample[i] = v[(size_t)((double)i / (double)taken * (double)n) * stride];
    qsort(sample, taken, sizeof *sample, ascending);
    const double low = sample[taken / 100], high = sample[taken - 1 - taken / 100];
    double width = high - low;
    if (!(width > 0)) { /* most are equal */
        width = sample[taken - 1] - sample[0];
        if (!(width > 0))
            width = 1;
    }
    *from = low - width / 2;
    *scale = 1 / (2 * width);
    if (!isfinite(*scale) || !isfinite(*from)) {
        *from = 0;
        *scale = 0;
    }
}

fn_frame fn_frame_of(const double *xy, size_t n, size_t stride)
{
    fn_frame frame = {0, 0, 0, 0};
    if (n > 0) {
        range(xy, n, stride, &frame.x, &frame.scale_x);
        range(xy + 1, n, stride, &frame.y, &frame.scale_y);
    }
    return frame;
}

/* Column or row of v on a grid of 2^bits. */
static uint32_t cell(double v, double from, double scale, int bits)
{
    const double last = (double)((1u << bits) - 1), c = (v - from) * scale * last;
    return c > 0 ? (c < last ? (uint32_t)c : (uint32_t)last) : 0;
}

/* The Hilbert curve visits the quadrants of a square in a U, and the quadrants of each of them in a U that is
 * mirrored or turned. Which way is the state: whether both axes are reversed (1), and exchanged (2). Several levels
 * are looked up at once. */
#define AT_ONCE 5
typedef struct curve_step {
    uint16_t digits; /* AT_ONCE quadrants, 2 bits each */
    uint8_t state;
} curve_step;
static curve_step curve[4][1 << AT_ONCE][1 << AT_ONCE];
static pthread_once_t curve_once = PTHREAD_ONCE_INIT;

static void fill_curve(void)
{
    for (unsigned start = 0; start < 4; start++)
        for (unsigned x = 0; x < 1u << AT_ONCE; x++)
            for (unsigned y = 0; y < 1u << AT_ONCE; y++) {
                unsigned state = start, digits = 0;
                for (int bit = AT_ONCE - 1; bit >= 0; bit--) {
                    const unsigned a = (x >> bit ^ state) & 1, b = (y >> bit ^ state) & 1;
                    const unsigned right = state & 2 ? b : a, up = state & 2 ? a : b;
                    digits = digits << 2 | ((3 * right) ^ up);
                    state ^= (right & ~up & 1) | (up ? 0 : 2);
                }
                curve[start][x][y] = (curve_step){(uint16_t)digits, (uint8_t)state};
            }
}

static uint64_t hilbert(uint32_t x, uint32_t y, int bits)
{
    const uint32_t mask = (1u << AT_ONCE) - 1;
    uint64_t position = 0;
    uint8_t state = 0;
    for (int shift = bits - AT_ONCE; shift >= 0; shift -= AT_ONCE) {
        const curve_step *step = &curve[state][x >> shift & mask][y >> shift & mask];
        position = position << (2 * AT_ONCE) | step->digits;
        state = step->state;
    }
    return position;
}

typedef struct keyed {
    uint64_t key;
    uint64_t number;
} keyed;

/* The points by cell, in memory for the caller to free, at *sorted. NULL: out of memory. */
static keyed *sort_by_cell(const fn_frame *frame, int bits, const double *xy, size_t n, size_t stride, keyed **sorted)
{
    enum { DIGIT = 10, BUCKETS = 1 << DIGIT, PASSES = 2 * FN_CURVE_BITS / DIGIT };
    keyed *memory = malloc((n ? n : 1) * 2 * sizeof *memory);
    if (!memory)
        return NULL;
    keyed *from = memory, *to = memory + n;
    size_t counts[PASSES][BUCKETS];
    const int passes = (2 * bits + DIGIT - 1) / DIGIT;
    pthread_once(&curve_once, fill_curve);
    memset(counts, 0, (size_t)passes * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        const double *p = xy + i * stride;
        from[i].key =
            hilbert(cell(p[0], frame->x, frame->scale_x, bits), cell(p[1], frame->y, frame->scale_y, bits), bits);
        from[i].number = i;
        for (int pass = 0; pass < passes; pass++)
            counts[pass][from[i].key >> (pass * DIGIT) & (BUCKETS - 1)]++;
    }
    for (int pass = 0; pass < passes; pass++) { /* radix sort, least digit first: stable */
        size_t *count = counts[pass], sum = 0;
        if (n > 0 && count[from[0].key >> (pass * DIGIT) & (BUCKETS - 1)] == n)
            continue;
        for (int b = 0; b < BUCKETS; b++) {
            const size_t here = count[b];
            count[b] = sum;
            sum += here;
        }
        for (size_t i = 0; i < n; i++)
            to[count[from[i].key >> (pass * DIGIT) & (BUCKETS - 1)]++] = from[i];
        keyed *swap = from;
        from = to;
        to = swap;
    }
    *sorted = from;
    return memory;
}

bool fn_hilbert_order(const fn_frame *frame, int bits, const double *xy, size_t n, size_t stride, uint32_t *order)
{
    keyed *sorted, *memory = sort_by_cell(frame, bits, xy, n, stride, &sorted);
    for (size_t i = 0; memory && i < n; i++)
        order[i] = (uint32_t)sorted[i].number;
    free(memory);
    return memory != NULL;
}

typedef struct place {
    uint64_t x, y; /* bits of the coordinates */
    uint64_t number;
} place;

static int in_place_order(const void *a, const void *b)
{
    const place *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return (p->number > q->number) - (p->number < q->number);
}

/* Points of one cell. */
static bool sort_cell(const double *xy, keyed *points, size_t n, bool *shared)
{
    place few[64], *places = n <= sizeof few / sizeof *few ? few : malloc(n * sizeof *places);
    if (!places)
        return false;
    for (size_t i = 0; i < n; i++) {
        memcpy(&places[i].x, &xy[2 * points[i].number], sizeof places[i].x);
        memcpy(&places[i].y, &xy[2 * points[i].number + 1], sizeof places[i].y);
        places[i].number = points[i].number;
    }
    qsort(places, n, sizeof *places, in_place_order);
    for (size_t i = 0; i < n; i++) {
        points[i].number = places[i].number;
        *shared |= i > 0 && places[i].x == places[i - 1].x && places[i].y == places[i - 1].y;
    }
    if (places != few)
        free(places);
    return true;
}

bool fn_place_order(const fn_frame *frame, const double *xy, size_t n, uint32_t *order, bool *shared)
{
    keyed *sorted, *memory = sort_by_cell(frame, FN_CURVE_BITS, xy, n, 2, &sorted);
    bool ok = memory != NULL;
    *shared = false;
    for (size_t i = 0, end; ok && i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].key == sorted[i].key;)
            end++;
        ok = end - i == 1 || sort_cell(xy, sorted + i, end - i, shared);
        for (size_t j = i; j < end; j++)
            order[j] = (uint32_t)sorted[j].number;
    }
    free(memory);
    return ok;
}
