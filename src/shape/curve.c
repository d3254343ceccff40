#include "curve.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- the frame ---- */

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

/* ---- keys ---- */

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

void fn_curve_keys(const fn_frame *frame, int bits, const double *x, const double *y, size_t n, size_t stride,
                   uint64_t *keys)
{
    pthread_once(&curve_once, fill_curve);
    for (size_t i = 0; i < n; i++)
        keys[i] = hilbert(cell(x[i * stride], frame->x, frame->scale_x, bits),
                          cell(y[i * stride], frame->y, frame->scale_y, bits), bits);
}

/* ---- sorting ---- */

/* A radix sort, least digit first. */
fn_keyed *fn_sort_keyed(fn_keyed *keyed, fn_keyed *spare, size_t n, int bits)
{
    enum { DIGIT = 10, BUCKETS = 1 << DIGIT, PASSES = (2 * FN_CURVE_BITS + DIGIT - 1) / DIGIT };
    size_t counts[PASSES][BUCKETS];
    const int passes = (bits + DIGIT - 1) / DIGIT;
    memset(counts, 0, (size_t)passes * sizeof *counts);
    for (size_t i = 0; i < n; i++)
        for (int pass = 0; pass < passes; pass++)
            counts[pass][keyed[i].key >> (pass * DIGIT) & (BUCKETS - 1)]++;
    for (int pass = 0; pass < passes; pass++) {
        size_t *count = counts[pass], sum = 0;
        if (n > 0 && count[keyed[0].key >> (pass * DIGIT) & (BUCKETS - 1)] == n)
            continue;
        for (int b = 0; b < BUCKETS; b++) {
            const size_t here = count[b];
            count[b] = sum;
            sum += here;
        }
        for (size_t i = 0; i < n; i++)
            spare[count[keyed[i].key >> (pass * DIGIT) & (BUCKETS - 1)]++] = keyed[i];
        fn_keyed *swap = keyed;
        keyed = spare;
        spare = swap;
    }
    return keyed;
}

bool fn_hilbert_order(const fn_frame *frame, int bits, const double *xy, size_t n, size_t stride, uint32_t *order)
{
    enum { ONCE = 256 };
    fn_keyed *memory = malloc((n ? n : 1) * 2 * sizeof *memory);
    if (!memory)
        return false;
    for (size_t i = 0; i < n; i += ONCE) {
        const size_t here = n - i < ONCE ? n - i : ONCE;
        uint64_t keys[ONCE];
        fn_curve_keys(frame, bits, xy + i * stride, xy + i * stride + 1, here, stride, keys);
        for (size_t j = 0; j < here; j++)
            memory[i + j] = (fn_keyed){keys[j], i + j};
    }
    const fn_keyed *sorted = fn_sort_keyed(memory, memory + n, n, 2 * bits);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)sorted[i].number;
    free(memory);
    return true;
}
