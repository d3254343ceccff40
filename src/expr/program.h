/* What an expression is compiled to: programs for registers, and for what looks at neighbours the steps and the planes
 * between them. Made by compile.c and steps.c, run by run.c and run_window.c. */
#ifndef FN_PROGRAM_H
#define FN_PROGRAM_H

#include "fishnet/expr.h"
#include "kernels.h"
#include "neighborhood.h"
#include "parse.h"

/* LOAD: tap -> register; FILL: constant -> register; STORE: register -> output; SORT: a list -> what is asked for of
 * it; JUDGE: which branches does the condition in a register take? Anything below FN_OP_COUNT: an operation. */
enum { FN_LOAD = FN_OP_COUNT, FN_FILL, FN_STORE, FN_SORT, FN_JUDGE };

/* A choice: a where() whose branch is left out of blocks that take it nowhere. The conditions of nested ones wait in
 * registers, so their number is limited. Each has two bits, for the branch of true and for that of false. */
#define FN_CHOICES_MAX 16

/* A source is a register (>= 0) or a constant (-1 - its index). */
typedef struct fn_instruction {
    uint16_t op;
    uint32_t unless;   /* bits of the branches it belongs to: it is left out with any of them */
    int32_t target;    /* register; the output's index of FN_STORE, the list's of FN_SORT, FN_JUDGE's source */
    int32_t source[3]; /* of FN_JUDGE: the condition, and the number of the choice */
} fn_instruction;

/* A list at work. */
typedef struct fn_sorted_list {
    fn_list_orders *orders;
    bool taps;       /* members are taps, and come in their own type; else registers */
    int32_t *member; /* of each */
    int32_t *target; /* the register of each statistic */
    int32_t n_members, n_targets;
} fn_sorted_list;

/* Computes outputs from taps, pixel by pixel. */
typedef struct fn_program {
    fn_instruction *code;
    size_t n_code, code_capacity;
    double *constants;
    int n_constants;
    size_t constant_capacity;
    int n_registers;
    fn_sorted_list *lists;
    int n_lists;
    size_t list_capacity;
} fn_program;

/* What a program loads: a plane, so many rows below and columns to the right of the pixel. */
typedef struct fn_tap {
    int plane; /* an input's; n_inputs + i: the i-th that a step computes */
    int32_t row, column;
} fn_tap;

/* Computes a plane of doubles, in which NaN is no value: by a program, or of another plane by a neighborhood. */
typedef struct fn_step {
    fn_program program;
    const fn_neighborhood *neighborhood; /* NULL: the program */
    int source;                          /* plane of the neighborhood */
    fn_reach reach;                      /* how far beyond the pixels that are asked for the plane is needed */
} fn_step;

/* A part of the outputs' program that is run over all pixels before the next one. */
typedef struct fn_phase {
    size_t begin, end; /* of the code */
    int *inputs;       /* that it needs, ascending */
    int n_inputs;
    int32_t *kept; /* registers whose values are those of the phase before */
    int n_kept;
} fn_phase;

struct fn_expr {
    fn_program program; /* of the outputs */
    fn_phase *phases;
    int n_phases; /* 0: it is not cut */
    int most_kept;
    fn_step *steps; /* in the order in which they are computed */
    int n_steps;
    fn_tap *taps;
    int n_taps;
    fn_reach *reach; /* of each input */
    bool looks_around, wraps;
    int64_t width, height; /* of the raster, if it looks around */
    int n_outputs;
    bool nodata, beyond_float32;
    fn_inputs inputs;
    fn_neighborhoods neighborhoods;
    const fn_kernels *kernels; /* the best for this machine */
};

/* ---- compile.c ---- */

/* Where a program finds what it computes of. */
typedef struct fn_taps_of {
    const int *tap_of;    /* of each node its tap; -1: it is computed here */
    const fn_type *types; /* of each tap, in which lists take them; NULL: all as doubles */
    const int *rasters;   /* of each tap, that are read one after the other; NULL: all are there at once */
} fn_taps_of;

/* Compiles what computes n_roots nodes of the graph, an output each. */
fn_status fn_program_compile(const fn_graph *graph, const int32_t *roots, int n_roots, fn_taps_of taps,
                             fn_program *program, fn_error *err);
void fn_program_destroy(fn_program *program);

/* ---- steps.c ---- */

/* Compiles the whole: the steps, then the outputs. rasters_at_once: see fn_expr_options. */
fn_status fn_expr_compile_steps(fn_expr *expr, const fn_graph *graph, const int32_t *roots, int rasters_at_once,
                                fn_error *err);

/* ---- run.c ---- */

/* Where a program finds its taps and leaves its results. */
typedef struct fn_run {
    const fn_program *program;
    const fn_kernels *kernels;
    bool nodata;
    const fn_plane *taps;
    const fn_sink *outputs;
    double *registers; /* a whole block each, aligned to 64 bytes */
    void *lists;       /* fn_program_list_bytes() */
    size_t begin, end; /* of the code */
} fn_run;

/* Of the whole program of an expression that looks at no neighbours. */
fn_run fn_run_of(const fn_expr *expr, const fn_kernels *kernels, const fn_plane *inputs, const fn_sink *outputs,
                 void *scratch);

/* Memory for the lists of a program at work, with all of its alignment. */
size_t fn_program_list_bytes(const fn_program *program);

/* Runs over pixels [first, first + n) of taps and outputs alike, n up to FN_BLOCK. Returns n, or the index from
 * `first` of a value that a double does not hold. */
size_t fn_run_block(const fn_run *run, size_t first, size_t n);
fn_status fn_run_fails(fn_error *err);

/* ---- float32.c ---- */

/* Runs over pixels [0, n) where the program is one operation on Float32 that gives Float32; false: it is not. */
bool fn_run_float32(const fn_run *run, size_t n);

#define FN_ALIGNMENT 64

/* The next address, or size, that is aligned. */
static inline size_t fn_aligned(size_t n)
{
    return (n + FN_ALIGNMENT - 1) / FN_ALIGNMENT * FN_ALIGNMENT;
}

static inline void *fn_align(void *at)
{
    return (char *)at + (fn_aligned((uintptr_t)at) - (uintptr_t)at);
}

#endif
