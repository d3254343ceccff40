/* The points are dealt out to buckets, each a stretch of the curve with a few thousand of them, and then each bucket is
 * sorted for itself. Keys are computed twice, which takes less time than to keep them takes memory. */
#include "places.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parallel.h"

/* Points are counted by the first CELL_BITS bits of their keys; whole cells make a bucket. */
#define CELL_BITS 14
#define CELLS ((size_t)1 << CELL_BITS)
#define CELL_SHIFT (2 * FN_CURVE_BITS - CELL_BITS)
/* Points of a bucket: few enough for the caches, and enough that the pages which all buckets begin to fill are few. */
#define BUCKET ((size_t)8192)
#define BUCKETS ((size_t)4096) /* about the most */
#define BLOCK ((size_t)32768)  /* points that a worker deals out at a time */
#define ONCE ((size_t)256)     /* keys at a time */

/* What a worker needs to sort a bucket, and to deal out a block. */
typedef struct scratch {
    size_t capacity; /* points */
    fn_keyed *keyed; /* two for each */
    double *x, *y;
    uint32_t *number;
    uint32_t *count; /* of its points in each cell */
    uint32_t *place; /* of each bucket: where the block's next point goes */
    bool shared;
} scratch;

typedef struct sorting {
    const fn_places *places;
    uint32_t *bucket; /* of each cell */
    uint32_t *first;  /* of each bucket, and n */
    uint32_t *filled; /* of each bucket, so far */
    size_t buckets;
    int workers;
    scratch *scratch; /* of each worker */
    bool failed;
} sorting;

static void keys_of(const fn_places *p, size_t first, size_t n, uint64_t *keys)
{
    fn_curve_keys(&p->frame, FN_CURVE_BITS, p->xy + 2 * first, p->xy + 2 * first + 1, n, 2, keys);
}

static size_t block_end(const fn_places *p, size_t block)
{
    const size_t end = (block + 1) * BLOCK;
    return end < p->n ? end : p->n;
}

static size_t at_once(size_t from, size_t end)
{
    return end - from < ONCE ? end - from : ONCE;
}

/* ---- counting ---- */

static void count_block(void *user, size_t block, int worker)
{
    const sorting *s = user;
    uint32_t *count = s->scratch[worker].count;
    uint64_t keys[ONCE];
    for (size_t i = block * BLOCK, end = block_end(s->places, block), n; i < end; i += n) {
        n = at_once(i, end);
        keys_of(s->places, i, n, keys);
        for (size_t j = 0; j < n; j++)
            count[keys[j] >> CELL_SHIFT]++;
    }
}

/* Makes buckets of cells. False: out of memory. */
static bool make_buckets(sorting *s)
{
    const size_t n = s->places->n, wanted = n / BUCKETS > BUCKET ? n / BUCKETS : BUCKET;
    const size_t most = n / wanted + 2; /* all but the last are full */
    s->first = malloc((most + 1) * sizeof *s->first);
    s->filled = calloc(most, sizeof *s->filled);
    s->bucket = malloc(CELLS * sizeof *s->bucket);
    if (!s->first || !s->filled || !s->bucket)
        return false;
    size_t sum = 0;
    s->first[0] = 0;
    for (size_t cell = 0; cell < CELLS; cell++) {
        if (sum - s->first[s->buckets] >= wanted)
            s->first[++s->buckets] = (uint32_t)sum;
        s->bucket[cell] = (uint32_t)s->buckets;
        for (int w = 0; w < s->workers; w++)
            sum += s->scratch[w].count[cell];
    }
    s->first[++s->buckets] = (uint32_t)sum;
    return true;
}

/* ---- dealing out ---- */

/* Gives the whole pages of the block back. Its neighbours may have the rest of the outer ones. */
static void give_back(const fn_places *p, size_t block)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = (uintptr_t)(p->xy + 2 * block * BLOCK), end = (uintptr_t)(p->xy + 2 * block_end(p, block));
    const uintptr_t from = (begin + page - 1) / page * page, to = end / page * page;
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_DONTNEED); /* which may do nothing */
}

static void deal_block(void *user, size_t block, int worker)
{
    const sorting *s = user;
    const fn_places *p = s->places;
    uint32_t *place = s->scratch[worker].place;
    const size_t begin = block * BLOCK, end = block_end(p, block);
    uint64_t keys[ONCE];
    uint16_t bucket[BLOCK];
    _Static_assert(BUCKETS < UINT16_MAX, "numbers of buckets");
    memset(place, 0, s->buckets * sizeof *place);
    for (size_t i = begin, n; i < end; i += n) {
        n = at_once(i, end);
        keys_of(p, i, n, keys);
        for (size_t j = 0; j < n; j++) {
            const uint32_t b = s->bucket[keys[j] >> CELL_SHIFT];
            bucket[i - begin + j] = (uint16_t)b;
            place[b]++;
        }
    }
    for (size_t b = 0; b < s->buckets; b++)
        if (place[b] > 0)
            place[b] = s->first[b] + __atomic_fetch_add(&s->filled[b], place[b], __ATOMIC_RELAXED);
    for (size_t i = begin; i < end; i++) {
        const uint32_t to = place[bucket[i - begin]]++;
        p->x[to] = p->xy[2 * i];
        p->y[to] = p->xy[2 * i + 1];
        p->number[to] = p->label ? p->label[i] : (uint32_t)i;
    }
    if (p->spend)
        give_back(p, block);
}

/* ---- sorting a bucket ---- */

static bool reserve(scratch *t, size_t n)
{
    if (n <= t->capacity)
        return true;
    free(t->keyed);
    free(t->x);
    free(t->y);
    free(t->number);
    t->keyed = malloc(2 * n * sizeof *t->keyed);
    t->x = malloc(n * sizeof *t->x);
    t->y = malloc(n * sizeof *t->y);
    t->number = malloc(n * sizeof *t->number);
    const bool ok = t->keyed && t->x && t->y && t->number;
    t->capacity = ok ? n : 0;
    return ok;
}

static void free_scratch(scratch *t)
{
    free(t->keyed);
    free(t->x);
    free(t->y);
    free(t->number);
    free(t->count);
    free(t->place);
}

static int compare_bits(double a, double b)
{
    uint64_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return (x > y) - (x < y);
}

/* Of a cell of the curve. */
static int in_place_order(const void *a, const void *b, void *context)
{
    const scratch *t = context;
    const size_t i = ((const fn_keyed *)a)->number, j = ((const fn_keyed *)b)->number;
    int order = compare_bits(t->x[i], t->x[j]);
    if (order == 0)
        order = compare_bits(t->y[i], t->y[j]);
    return order != 0 ? order : (t->number[i] > t->number[j]) - (t->number[i] < t->number[j]);
}

static bool same_place(const scratch *t, uint64_t i, uint64_t j)
{
    return compare_bits(t->x[i], t->x[j]) == 0 && compare_bits(t->y[i], t->y[j]) == 0;
}

static int bits_of(uint64_t value)
{
    int bits = 0;
    for (; value > 0; value >>= 1)
        bits++;
    return bits;
}

/* The n points at x, y, number, which are copied to the scratch first. */
static void sort_points(const fn_frame *frame, scratch *t, double *x, double *y, uint32_t *number, size_t n)
{
    memcpy(t->x, x, n * sizeof *x);
    memcpy(t->y, y, n * sizeof *y);
    memcpy(t->number, number, n * sizeof *number);
    uint64_t keys[ONCE], least = UINT64_MAX, most = 0;
    for (size_t i = 0, here; i < n; i += here) {
        here = at_once(i, n);
        fn_curve_keys(frame, FN_CURVE_BITS, x + i, y + i, here, 1, keys);
        for (size_t j = 0; j < here; j++) {
            t->keyed[i + j] = (fn_keyed){keys[j], i + j};
            least = keys[j] < least ? keys[j] : least;
            most = keys[j] > most ? keys[j] : most;
        }
    }
    for (size_t i = 0; i < n; i++)
        t->keyed[i].key -= least;
    fn_keyed *sorted = fn_sort_keyed(t->keyed, t->keyed + n, n, bits_of(most - least));
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].key == sorted[i].key;)
            end++;
        if (end - i > 1)
            qsort_r(sorted + i, end - i, sizeof *sorted, in_place_order, t);
        for (size_t j = i; j < end; j++) {
            const uint64_t from = sorted[j].number;
            t->shared = t->shared || (j > i && same_place(t, sorted[j - 1].number, from));
            x[j] = t->x[from];
            y[j] = t->y[from];
            number[j] = t->number[from];
        }
    }
}

static void sort_bucket(void *user, size_t bucket, int worker)
{
    sorting *s = user;
    const fn_places *p = s->places;
    scratch *t = &s->scratch[worker];
    const size_t first = s->first[bucket], n = s->first[bucket + 1] - first;
    if (n == 0)
        return;
    if (reserve(t, n))
        sort_points(&p->frame, t, p->x + first, p->y + first, p->number + first, n);
    else
        __atomic_store_n(&s->failed, true, __ATOMIC_RELAXED);
}

/* ---- all ---- */

static bool sort_all(sorting *s)
{
    const size_t blocks = (s->places->n + BLOCK - 1) / BLOCK;
    for (int w = 0; w < s->workers; w++)
        if (!(s->scratch[w].count = calloc(CELLS, sizeof(uint32_t))))
            return false;
    fn_parallel(blocks, s->workers, count_block, s);
    if (!make_buckets(s))
        return false;
    for (int w = 0; w < s->workers; w++)
        if (!(s->scratch[w].place = malloc(s->buckets * sizeof(uint32_t))))
            return false;
    fn_parallel(blocks, s->workers, deal_block, s);
    fn_parallel(s->buckets, s->workers, sort_bucket, s);
    return !s->failed;
}

static bool sort_few(const fn_places *p, scratch *t)
{
    for (size_t i = 0; i < p->n; i++) {
        p->x[i] = p->xy[2 * i];
        p->y[i] = p->xy[2 * i + 1];
        p->number[i] = p->label ? p->label[i] : (uint32_t)i;
    }
    if (p->n > 0 && !reserve(t, p->n))
        return false;
    sort_points(&p->frame, t, p->x, p->y, p->number, p->n);
    return true;
}

bool fn_place_points(const fn_places *places, int workers, bool *shared)
{
    const size_t most = places->n / BLOCK + 1; /* what a worker needs is little beside what it sorts */
    sorting s = {.places = places, .workers = (size_t)workers < most ? workers : (int)most};
    s.scratch = calloc((size_t)s.workers, sizeof *s.scratch);
    const bool ok = s.scratch && (places->n <= BUCKET ? sort_few(places, s.scratch) : sort_all(&s));
    *shared = false;
    for (int w = 0; s.scratch && w < s.workers; w++) {
        *shared = *shared || s.scratch[w].shared;
        free_scratch(&s.scratch[w]);
    }
    free(s.scratch);
    free(s.bucket);
    free(s.first);
    free(s.filled);
    return ok;
}
