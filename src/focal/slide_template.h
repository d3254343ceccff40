/* The slides, included by loops_template.h for each instruction set. A tile's ranks are in what they work on, so all is
 * whole numbers, and results are values of cells. */
#include "slide.h"

/* The edges that a window takes in and leaves behind. */
typedef enum fn_move { FN_MOVE_RIGHT = 0, FN_MOVE_LEFT, FN_MOVE_DOWN } fn_move;
static const fn_edge enters[] = {FN_RIGHT_EDGE, FN_LEFT_EDGE, FN_LOWER_EDGE};
static const fn_edge leaves[] = {FN_LEFT_EDGE, FN_RIGHT_EDGE, FN_UPPER_EDGE};

/* ---- medians and percentiles ---- */

/* The ranks in a window as bits. */
typedef struct rank_set {
    uint64_t *bits;
    size_t word;  /* where the last answer was */
    size_t below; /* bits in all words before it */
} rank_set;

static void toggle_ranks(rank_set *s, const fn_tile *t, const uint32_t *centre, fn_edge edge, size_t one)
{
    const int32_t *cells = t->edge[edge];
    const uint32_t limit = (uint32_t)(s->word * 64);
    size_t below = 0;
    for (size_t i = 0; i < t->n_edge[edge]; i++) {
        const uint32_t rank = centre[cells[i]];
        if (rank == FN_NO_RANK)
            continue;
        s->bits[rank / 64] ^= UINT64_C(1) << rank % 64;
        below += rank < limit;
    }
    s->below += below * one;
}

/* The rank at a place of the window. */
static uint32_t rank_at(rank_set *s, size_t place)
{
    while (s->below > place)
        s->below -= (size_t)__builtin_popcountll(s->bits[--s->word]);
    size_t here = (size_t)__builtin_popcountll(s->bits[s->word]);
    while (s->below + here <= place) {
        s->below += here;
        here = (size_t)__builtin_popcountll(s->bits[++s->word]);
    }
    uint64_t bits = s->bits[s->word];
    for (size_t skip = place - s->below; skip > 0; skip--)
        bits &= bits - 1;
    return (uint32_t)(s->word * 64 + (size_t)__builtin_ctzll(bits));
}

static void slide_ranks(const fn_tile *t)
{
    const fn_block *b = t->block;
    const fn_footprint *f = b->focal->footprint;
    rank_set s = {.bits = (uint64_t *)(void *)t->rest};
    memset(s.bits, 0, (t->n_values / 64 + 1) * sizeof *s.bits);
    const uint32_t *centre = t->rank + (size_t)f->top * t->wide + f->left;
    for (size_t i = 0; i < f->n_runs; i++)
        for (int column = f->runs[i].begin; column < f->runs[i].end; column++) {
            const uint32_t rank = centre[f->runs[i].row * (ptrdiff_t)t->wide + column];
            if (rank != FN_NO_RANK)
                s.bits[rank / 64] |= UINT64_C(1) << rank % 64;
        }
    const fn_place all = fn_place_among(b->focal, f->cells);
    for (size_t y = 0; y < b->height; y++)
        for (size_t i = 0; i < b->width; i++) {
            const size_t x = y % 2 == 0 ? i : b->width - 1 - i;
            if (i > 0 || y > 0) {
                const fn_move move = i == 0 ? FN_MOVE_DOWN : y % 2 == 0 ? FN_MOVE_RIGHT : FN_MOVE_LEFT;
                const uint32_t *before = centre;
                centre += move == FN_MOVE_DOWN ? (ptrdiff_t)t->wide : move == FN_MOVE_RIGHT ? 1 : -1;
                toggle_ranks(&s, t, before, leaves[move], (size_t)-1);
                toggle_ranks(&s, t, centre, enters[move], 1);
            }
            const size_t n = b->missing ? (size_t)b->count[y * b->width + x] : f->cells;
            if (n == 0)
                continue;
            const fn_place place = n == f->cells ? all : fn_place_among(b->focal, n);
            const double low = t->values[rank_at(&s, place.low)];
            const double high = place.high == place.low ? low : t->values[rank_at(&s, place.high)];
            fn_row_out(b, y)[x] = fn_between(b->focal, place, low, high);
        }
}

/* ---- majority, minority, variety ---- */

/* How often each value is in a window. */
typedef struct class_counts {
    uint32_t *count;     /* of each value */
    uint32_t *frequency; /* how many values are there that often */
    uint32_t most, least, variety;
    uint32_t asked, answer; /* the last answer is the lowest value that is there `asked` times */
    uint32_t touched;       /* the lowest value whose count has changed since */
} class_counts;

static void enter_class(class_counts *s, uint32_t value)
{
    if (value == FN_NO_RANK)
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
    if (value == FN_NO_RANK)
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
    uint32_t at = 0;
    if (asked == s->asked)
        at = s->touched < s->answer ? s->touched : s->answer;
    for (;; at += AT_ONCE) {
        uint32_t found = 0;
        _Pragma("omp simd reduction(| : found)") for (int i = 0; i < AT_ONCE; i++) found |=
            s->count[at + (uint32_t)i] == asked;
        if (found)
            break;
    }
    while (s->count[at] != asked)
        at++;
    s->asked = asked;
    s->answer = at;
    s->touched = UINT32_MAX;
    return at;
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
    class_counts s = {.count = (uint32_t *)(void *)t->rest, .least = UINT32_MAX, .asked = 0};
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
