/* Shapes that are no boxes: stacks of cells in a column, then the stacks of a window. Windows side by side share them,
 * and in a round shape there are few kinds, each of which has a shorter one within: only what it has more is added. */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "parts.h"

/* Rows top .. end - 1. base: another kind that is within; NONE: there is none. */
typedef struct stack {
    int top, end;
    size_t base;
} stack;

#define NONE SIZE_MAX

typedef struct stack_place {
    int top, end, column;
    size_t kind;
} stack_place;

struct fn_stacks {
    stack *kinds; /* the shortest first */
    size_t n_kinds;
    stack_place *places; /* in the window, by kind */
    size_t n_places;
};

enum {
    BATCH = 256,    /* kinds that are at hand at a time; a base is of the same batch */
    TERMS_MOST = 64 /* that are added at a time */
};

static int compare_places(const void *a, const void *b)
{
    const stack_place *x = a, *y = b;
    const int longer = (x->end - x->top) - (y->end - y->top);
    return longer != 0 ? longer : x->top != y->top ? x->top - y->top : x->column - y->column;
}

static bool find_places(fn_stacks *s, const fn_footprint *f, const char *in)
{
    const int wide = f->left + f->right + 1;
    size_t room = 0;
    for (int column = -f->left; column <= f->right; column++)
        for (int row = -f->top, end; row <= f->bottom; row = end) {
            const char *cell = in + (size_t)(row + f->top) * (size_t)wide + column + f->left;
            for (end = row + 1; *cell && end <= f->bottom && cell[(end - row) * (ptrdiff_t)wide];)
                end++;
            if (!*cell)
                continue;
            if (!fn_reserve(&s->places, &room, s->n_places + 1, sizeof *s->places))
                return false;
            s->places[s->n_places++] = (stack_place){row, end, column, 0};
        }
    return true;
}

/* The longest kind before the last one that is within it. */
static size_t find_base(const fn_stacks *s)
{
    const size_t last = s->n_kinds - 1;
    for (size_t i = last; i-- > last / BATCH * BATCH;)
        if (s->kinds[i].top >= s->kinds[last].top && s->kinds[i].end <= s->kinds[last].end)
            return i;
    return NONE;
}

static bool find_kinds(fn_stacks *s)
{
    qsort(s->places, s->n_places, sizeof *s->places, compare_places);
    s->kinds = malloc(s->n_places * sizeof *s->kinds);
    for (size_t i = 0; s->kinds && i < s->n_places; i++) {
        stack_place *p = &s->places[i];
        if (i == 0 || p->top != p[-1].top || p->end != p[-1].end) {
            s->kinds[s->n_kinds++] = (stack){p->top, p->end, NONE};
            s->kinds[s->n_kinds - 1].base = find_base(s);
        }
        p->kind = s->n_kinds - 1;
    }
    return s->kinds != NULL;
}

fn_status fn_stacks_new(const fn_footprint *f, fn_stacks **out, fn_error *err)
{
    const size_t wide = (size_t)(f->left + f->right + 1), high = (size_t)(f->top + f->bottom + 1);
    char *in = calloc(wide, high);
    fn_stacks *s = *out = calloc(1, sizeof *s);
    for (size_t i = 0; in && i < f->n_runs; i++)
        memset(in + (size_t)(f->runs[i].row + f->top) * wide + f->runs[i].begin + f->left, 1,
               (size_t)(f->runs[i].end - f->runs[i].begin));
    const bool good = in && s && find_places(s, f, in) && find_kinds(s);
    free(in);
    if (good)
        return FN_OK;
    fn_stacks_free(s);
    *out = NULL;
    return fn_fail(err, FN_ERR_MEMORY, "out of memory for the cells of a window");
}

void fn_stacks_free(fn_stacks *s)
{
    if (!s)
        return;
    free(s->kinds);
    free(s->places);
    free(s);
}

/* ---- at work ---- */

typedef struct stacking {
    const fn_block *block;
    const fn_stacks *stacks;
    fn_merging merging;
    size_t wide;           /* cells that a row of windows holds */
    size_t first;          /* kind of the batch */
    fn_parts lines[BATCH]; /* of each kind of the batch; those of one cell may be a row of the plane */
    double *memory;        /* of the lines */
    double *values;        /* p of sparse windows */
    fn_parts terms[TERMS_MOST];
    double cells[TERMS_MOST]; /* of each term */
    size_t n_terms;           /* with terms[0], what there was before; 0: nothing was */
} stacking;

static double *row_of_stacks(const stacking *w, size_t y, int row)
{
    return (double *)fn_row_in(w->block, (ptrdiff_t)y + row) - w->block->focal->footprint->left;
}

/* The line of a kind, for the windows of row y. */
static void stack_up(stacking *w, size_t kind, size_t y, double **memory)
{
    const double *terms[FN_FOOTPRINT_MOST + 1];
    const stack *s = &w->stacks->kinds[kind], *base = s->base != NONE ? &w->stacks->kinds[s->base] : NULL;
    const fn_parts *of_base = base ? &w->lines[s->base - w->first] : NULL;
    const fn_focal_loops *loops = w->block->loops;
    fn_parts *line = &w->lines[kind - w->first];
    size_t n = 0;
    if (base && w->merging <= FN_MERGE_MOST)
        terms[n++] = of_base->of[0];
    for (int row = s->top; row < s->end; row++)
        if (!base || row < base->top || row >= base->end)
            terms[n++] = row_of_stacks(w, y, row);
    if (w->merging <= FN_MERGE_MOST && n == 1) {
        line->of[0] = row_of_stacks(w, y, s->top);
        return;
    }
    *line = fn_take_parts(memory, w->merging, w->wide);
    if (w->merging == FN_MERGE_MOMENTS)
        line->of[2] = base ? of_base->of[2] : row_of_stacks(w, y, s->top);
    if (w->merging <= FN_MERGE_MOST)
        loops->terms[w->merging](line->of[0], terms, n, w->wide);
    else
        loops->cells[w->merging - FN_MERGE_MOMENTS](*line, of_base, terms, n, w->wide);
}

/* Puts the terms together; they are the first term of what follows. */
static void merge_terms(stacking *w, fn_parts to)
{
    const fn_block *b = w->block;
    if (w->merging <= FN_MERGE_MOST) {
        const double *terms[TERMS_MOST];
        for (size_t i = 0; i < w->n_terms; i++)
            terms[i] = w->terms[i].of[0];
        b->loops->terms[w->merging](to.of[0], terms, w->n_terms, b->width);
    } else {
        b->loops->parts[w->merging - FN_MERGE_MOMENTS](to, w->terms, w->cells, w->n_terms, b->width);
    }
    if (w->merging == FN_MERGE_MOMENTS)
        to.of[2] = w->terms[0].of[2];
    w->terms[0] = to;
    w->n_terms = 1;
}

static void stack_row(stacking *w, fn_parts to, size_t y)
{
    const fn_stacks *s = w->stacks;
    size_t place = 0;
    w->n_terms = 0;
    to.of[2] = w->merging == FN_MERGE_SPARSE_MOMENTS ? w->values : NULL;
    for (w->first = 0; w->first < s->n_kinds; w->first += BATCH) {
        double *memory = w->memory;
        for (size_t kind = w->first; kind < s->n_kinds && kind < w->first + BATCH; kind++)
            stack_up(w, kind, y, &memory);
        for (; place < s->n_places && s->places[place].kind < w->first + BATCH; place++) {
            const stack_place *p = &s->places[place];
            if (w->n_terms == TERMS_MOST)
                merge_terms(w, to);
            w->cells[w->n_terms] = p->end - p->top;
            w->terms[w->n_terms++] =
                fn_parts_at(w->lines[p->kind - w->first], (size_t)(p->column + w->block->focal->footprint->left));
        }
        merge_terms(w, to);
    }
}

void fn_fold_stacks(const fn_block *b, fn_merging merging, const fn_results *to, double *scratch)
{
    const fn_footprint *f = b->focal->footprint;
    stacking w = {.block = b, .stacks = b->focal->stacks, .merging = merging};
    w.wide = b->width + (size_t)(f->left + f->right);
    w.values = scratch;
    w.memory = scratch + fn_padded(b->width);
    for (size_t y = 0; y < b->height; y++)
        stack_row(&w, fn_results_row(to, y), y);
}

size_t fn_fold_stacks_scratch(const fn_focal *focal, size_t width, size_t arrays)
{
    const fn_footprint *f = focal->footprint;
    const size_t n = focal->stacks->n_kinds;
    return fn_padded(width) + arrays * (n < BATCH ? n : BATCH) * fn_padded(width + (size_t)(f->left + f->right));
}
