/* The slides, included by loops_template.h for each instruction set. A tile's ranks are in what they work on, so all is
 * whole numbers, and results are values of cells. */
#include "slide.h"

/* The edges that a window takes in and leaves behind. */
typedef enum fn_move { FN_MOVE_RIGHT = 0, FN_MOVE_LEFT, FN_MOVE_DOWN } fn_move;
static const fn_edge enters[] = {FN_RIGHT_EDGE, FN_LEFT_EDGE, FN_LOWER_EDGE};
static const fn_edge leaves[] = {FN_LEFT_EDGE, FN_RIGHT_EDGE, FN_UPPER_EDGE};

/* ---- medians and percentiles ---- */

/* The ranks in a window as bits, some of which it may share with other windows. Searches take four words at a time: the
 * fewer steps, the fewer that a processor cannot foresee. */
typedef struct rank_set {
    uint64_t *own;
    const uint64_t *shared;
    size_t word;  /* where the last answer was: the first of four words */
    size_t below; /* bits in all words before it */
} rank_set;

enum { WORDS = 4 };

static size_t words_of_tile(const fn_tile *t)
{
    return (t->no_rank / 64 / WORDS + 1) * WORDS;
}

static uint64_t word_of(const rank_set *s, size_t word)
{
    return s->own[word] | s->shared[word];
}

static size_t bits_of(const rank_set *s, size_t word)
{
    return (size_t)__builtin_popcountll(word_of(s, word));
}

/* The bit that has `skip` bits below it: first the byte in which it is, by sums of the bits of bytes. */
static size_t bit_at(uint64_t bits, size_t skip)
{
    const uint64_t ones = 0x0101010101010101, high = 0x80 * ones;
    uint64_t sums = bits - (bits >> 1 & 0x55 * ones);
    sums = (sums & 0x33 * ones) + (sums >> 2 & 0x33 * ones);
    sums = ((sums + (sums >> 4)) & 0x0f * ones) * ones; /* of each byte and all below it */
    const uint64_t passed = (skip * ones | high) - sums;
    size_t at = 8 * (size_t)__builtin_popcountll(passed & high);
    skip -= (size_t)(sums << 8 >> at & 0xff);
    for (size_t half = 4; half > 0; half /= 2) {
        const size_t here = (size_t)__builtin_popcountll(bits >> at & ((UINT64_C(1) << half) - 1));
        const size_t beyond = (size_t)0 - (size_t)(skip >= here); /* all bits, or none: no branch */
        at += half & beyond;
        skip -= here & beyond;
    }
    return at;
}

/* The rank at a place of the window. */
static uint32_t rank_at(rank_set *s, size_t place)
{
    while (s->below > place) {
        s->word -= WORDS;
        s->below -= bits_of(s, s->word) + bits_of(s, s->word + 1) + bits_of(s, s->word + 2) + bits_of(s, s->word + 3);
    }
    for (;;) {
        const size_t first = bits_of(s, s->word), second = first + bits_of(s, s->word + 1);
        const size_t third = second + bits_of(s, s->word + 2), all = third + bits_of(s, s->word + 3);
        const size_t skip = place - s->below;
        if (skip < all) {
            const size_t word = s->word + (skip >= first) + (skip >= second) + (skip >= third);
            const size_t passed = skip >= third ? third : skip >= second ? second : skip >= first ? first : 0;
            return (uint32_t)(word * 64 + bit_at(word_of(s, word), skip - passed));
        }
        s->below += all;
        s->word += WORDS;
    }
}

static void answer_rank(rank_set *s, const fn_tile *t, const fn_place *all, size_t x, size_t y)
{
    const fn_block *b = t->block;
    const size_t n = b->missing ? (size_t)b->count[y * b->width + x] : b->focal->footprint->cells;
    if (n == 0)
        return;
    const fn_place place = n == b->focal->footprint->cells ? *all : fn_place_among(b->focal, n);
    const double low = t->values[rank_at(s, place.low)];
    const double high = place.high == place.low ? low : t->values[rank_at(s, place.high)];
    fn_row_out(b, y)[x] = fn_between(&place, low, high);
}

static void toggle_rank(uint64_t *bits, uint32_t rank)
{
    bits[rank / 64] ^= UINT64_C(1) << rank % 64;
}

static void toggle_edge(rank_set *s, const fn_tile *t, const uint32_t *centre, fn_edge edge, size_t one)
{
    const int32_t *cells = t->edge[edge];
    const uint32_t limit = (uint32_t)(s->word * 64);
    size_t below = 0;
    for (size_t i = 0; i < t->n_edge[edge]; i++) {
        const uint32_t rank = centre[cells[i]];
        toggle_rank(s->own, rank);
        below += rank < limit;
    }
    s->below += below * one;
}

static void slide_ranks(const fn_tile *t)
{
    const fn_block *b = t->block;
    const fn_footprint *f = b->focal->footprint;
    uint64_t *bits = (uint64_t *)(void *)t->rest;
    rank_set s = {.own = bits, .shared = bits};
    memset(bits, 0, words_of_tile(t) * sizeof *bits);
    const uint32_t *centre = t->rank + (size_t)f->top * t->wide + f->left;
    for (size_t i = 0; i < f->n_runs; i++)
        for (int column = f->runs[i].begin; column < f->runs[i].end; column++)
            toggle_rank(bits, centre[f->runs[i].row * (ptrdiff_t)t->wide + column]);
    const fn_place all = fn_place_among(b->focal, f->cells);
    for (size_t y = 0; y < b->height; y++)
        for (size_t i = 0; i < b->width; i++) {
            if (i > 0 || y > 0) {
                const fn_move move = i == 0 ? FN_MOVE_DOWN : y % 2 == 0 ? FN_MOVE_RIGHT : FN_MOVE_LEFT;
                const uint32_t *before = centre;
                centre += move == FN_MOVE_DOWN ? (ptrdiff_t)t->wide : move == FN_MOVE_RIGHT ? 1 : -1;
                toggle_edge(&s, t, before, leaves[move], (size_t)-1);
                toggle_edge(&s, t, centre, enters[move], 1);
            }
            answer_rank(&s, t, &all, y % 2 == 0 ? i : b->width - 1 - i, y);
        }
}

/* Boxes of some rows of windows that slide together: what all of them hold enters and leaves once for all, and each has
 * only the rows for itself that others have not. */
enum { TOGETHER = 8 };

typedef struct rank_group {
    rank_set set[TOGETHER];
    size_t n, rows; /* of a window */
    uint64_t *shared;
} rank_group;

/* How many of n ranks are below the limit. Reads up to FN_RANKS_BEHIND more. */
static size_t count_below(const uint32_t *x, size_t n, uint32_t limit)
{
    size_t below = 0, i = 0;
    for (; i + FN_RANKS_WIDTH <= n; i += FN_RANKS_WIDTH)
        below += (size_t)__builtin_popcount(FN_RANKS_BELOW(x + i, limit));
    return below + (size_t)__builtin_popcount(FN_RANKS_BELOW(x + i, limit) & ((1u << (n - i)) - 1));
}

/* column: cells from the first row of the first window on. */
static void toggle_column(rank_group *g, const uint32_t *column, size_t one)
{
    for (size_t i = g->n - 1; i < g->rows; i++)
        toggle_rank(g->shared, column[i]);
    for (size_t w = 0; w < g->n; w++) {
        rank_set *s = &g->set[w];
        for (size_t i = w; i + 1 < g->n; i++)
            toggle_rank(s->own, column[i]);
        for (size_t i = g->rows; i < g->rows + w; i++)
            toggle_rank(s->own, column[i]);
        s->below += one * count_below(column + w, g->rows, (uint32_t)(s->word * 64));
    }
}

static void slide_boxes(const fn_tile *t)
{
    const fn_block *b = t->block;
    const fn_footprint *f = b->focal->footprint;
    const size_t columns = (size_t)(f->left + f->right + 1), words = words_of_tile(t);
    const fn_place all = fn_place_among(b->focal, f->cells);
    uint64_t *bits = (uint64_t *)(void *)t->rest;
    rank_group g = {.rows = (size_t)(f->top + f->bottom + 1), .shared = bits};
    size_t together = 1; /* about the root of the rows */
    while (together < TOGETHER && (together + 1) * (together + 1) <= g.rows)
        together++;
    for (size_t y = 0; y < b->height; y += g.n) {
        g.n = b->height - y < together ? b->height - y : together;
        memset(bits, 0, (g.n + 1) * words * sizeof *bits);
        for (size_t w = 0; w < g.n; w++)
            g.set[w] = (rank_set){.own = bits + (w + 1) * words, .shared = bits};
        for (size_t x = 0; x < columns - 1; x++)
            toggle_column(&g, t->rank + x * t->high + y, 1);
        for (size_t x = 0; x < b->width; x++) {
            toggle_column(&g, t->rank + (x + columns - 1) * t->high + y, 1);
            for (size_t w = 0; w < g.n; w++)
                answer_rank(&g.set[w], t, &all, x, y + w);
            toggle_column(&g, t->rank + x * t->high + y, (size_t)-1);
        }
    }
}

/* ---- majority, minority, variety ---- */

/* How often each value is in a window. */
typedef struct class_counts {
    uint32_t *count;     /* of each value */
    uint32_t *frequency; /* how many values are there that often */
    uint32_t most, least, variety;
    uint32_t asked, answer; /* the last answer is the lowest value that is there `asked` times */
    uint32_t none;          /* what is no value */
    uint32_t touched;       /* the lowest value whose count has changed since */
} class_counts;

static void enter_class(class_counts *s, uint32_t value)
{
    if (value == s->none)
        return;
    const uint32_t count = ++s->count[value];
    s->frequency[count - 1]--;
    s->frequency[count]++;
    s->variety += count == 1;
    s->most = count > s->most ? count : s->most;
    s->least = count < s->least ? count : s->least;
    s->touched = value < s->touched ? value : s->touched;
}

static void leave_class(class_counts *s, uint32_t value)
{
    if (value == s->none)
        return;
    const uint32_t count = --s->count[value];
    s->frequency[count + 1]--;
    s->frequency[count]++;
    s->variety -= count == 0;
    s->least = count > 0 && count < s->least ? count : s->least;
    s->touched = value < s->touched ? value : s->touched;
}

/* The lowest value that is there `asked` times; there is one. */
static uint32_t lowest_class(class_counts *s, uint32_t asked)
{
    enum { AT_ONCE = 16 };
    const uint32_t *at = s->count;
    if (asked == s->asked)
        at += s->touched < s->answer ? s->touched : s->answer;
    for (;; at += AT_ONCE) {
        uint32_t found = 0;
        _Pragma("omp simd reduction(| : found)") for (int i = 0; i < AT_ONCE; i++) found |= at[i] == asked;
        if (found)
            break;
    }
    while (*at != asked)
        at++;
    s->asked = asked;
    s->answer = (uint32_t)(at - s->count);
    s->touched = UINT32_MAX;
    return s->answer;
}

static double answer_of_classes(class_counts *s, const fn_tile *t)
{
    const fn_focal_statistic what = t->block->focal->options.statistic;
    if (s->variety == 0)
        return (double)NAN;
    if (what == FN_FOCAL_VARIETY)
        return s->variety;
    while (s->frequency[s->most] == 0)
        s->most--;
    while (s->frequency[s->least] == 0)
        s->least++;
    return t->values[lowest_class(s, what == FN_FOCAL_MAJORITY ? s->most : s->least)];
}

static void slide_classes(const fn_tile *t)
{
    const fn_block *b = t->block;
    const fn_footprint *f = b->focal->footprint;
    class_counts s = {.count = (uint32_t *)(void *)t->rest, .least = UINT32_MAX, .none = t->no_rank};
    s.frequency = s.count + t->n_values + 16;
    memset(s.count, 0, (t->n_values + 16 + f->cells + 2) * sizeof *s.count);
    const uint32_t *centre = t->rank + (size_t)f->top * t->wide + f->left;
    for (size_t i = 0; i < f->n_runs; i++)
        for (int column = f->runs[i].begin; column < f->runs[i].end; column++)
            enter_class(&s, centre[f->runs[i].row * (ptrdiff_t)t->wide + column]);
    for (size_t y = 0; y < b->height; y++)
        for (size_t i = 0; i < b->width; i++) {
            const size_t x = y % 2 == 0 ? i : b->width - 1 - i;
            if (i > 0 || y > 0) {
                const fn_move move = i == 0 ? FN_MOVE_DOWN : y % 2 == 0 ? FN_MOVE_RIGHT : FN_MOVE_LEFT;
                for (size_t k = 0; k < t->n_edge[leaves[move]]; k++)
                    leave_class(&s, centre[t->edge[leaves[move]][k]]);
                centre += move == FN_MOVE_DOWN ? (ptrdiff_t)t->wide : move == FN_MOVE_RIGHT ? 1 : -1;
                for (size_t k = 0; k < t->n_edge[enters[move]]; k++)
                    enter_class(&s, centre[t->edge[enters[move]][k]]);
            }
            fn_row_out(b, y)[x] = answer_of_classes(&s, t);
        }
}
