/* fishnet/expr.h - raster expressions: compiled once, run over blocks of pixels.
 *
 * The language is described in docs/FISHNET.md. In short: the operators and functions that people type into
 * `gdal raster calc` (muparser) and gdal_calc.py (numpy), on double precision numbers.
 *
 * NoData inside an expression is NaN. A pixel that is NoData in an input enters as NaN, every operation on NaN gives
 * NaN (comparisons and logic too), a computed NaN (sqrt(-1), 0/0) is NoData as well, and `where` and `?:` look only
 * at the branch they take. With `nodata` off (NODATA=none) the numbers are plain IEEE 754, as in numpy.
 *
 * Example: one expression over two UInt16 planes
 *
 *     const char *text = "(A-B)/(A+B)";
 *     fn_expr *expr;
 *     fn_error err;
 *     if (fn_expr_compile(&text, 1, &(fn_expr_options){.nodata = true, .resolve = my_types}, &expr, &err)) ...
 *     void *scratch = malloc(fn_expr_scratch_bytes(expr));
 *     fn_plane in[2] = {{.data = red, .type = FN_UINT16}, {.data = nir, .type = FN_UINT16}};
 *     fn_sink out = {.data = ndvi, .type = FN_FLOAT32, .nodata = fn_nodata_default(FN_FLOAT32)};
 *     fn_expr_run(expr, n_pixels, in, &out, scratch, NULL, &err);
 */
#ifndef FISHNET_EXPR_H
#define FISHNET_EXPR_H

#include "fishnet/base.h"
#include "fishnet/georeference.h"
#include "fishnet/grid.h"
#include "fishnet/simd.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fn_expr fn_expr;

/* What a name stands for: a raster, or a stack of rasters of one grid, which is a list in expressions. */
typedef struct fn_expr_name {
    int raster;  /* the caller's number of the raster, or of a stack's first member; the others follow */
    int members; /* of the stack; 0: it is one raster */
    int bands;   /* of the raster, or of each member; 0: nobody knows, and lists of bands are refused */
} fn_expr_name;

/* Called while compiling: what does the name (of n bytes) stand for? On failure err->text is the reason only, or empty:
 * then it is an unknown name. Position, excerpt and caret are added by the compiler. */
typedef fn_status (*fn_expr_find)(void *user, const char *name, size_t n, fn_expr_name *found, fn_error *err);
/* Called once for each distinct input in order of appearance: is there such a band (from 1), and of which type? On
 * failure as above ("no band 5 in A, it has 1"). */
typedef fn_status (*fn_expr_resolve)(void *user, int raster, int band, fn_type *type, fn_error *err);

/* Called behind it: what does a stored value mean? value * *scale + *offset, in double precision; 1 and 0 at first. */
typedef void (*fn_expr_scale)(void *user, int raster, int band, double *scale, double *offset);

typedef struct fn_expr_options {
    bool nodata;             /* true: NaN is NoData and propagates (the default of the driver); false: IEEE 754 */
    fn_expr_find find;       /* NULL: the names are A to Z, rasters 0 to 25 */
    fn_expr_resolve resolve; /* NULL: every band exists and is Float64 */
    fn_expr_scale scale;     /* NULL: values are as they are stored */
    void *user;
    /* The band that each text means by a name alone, or the raster's last one if it has fewer. NULL: the first. */
    const int *bands;
    bool flatten; /* within sum(...), median(...) and their like the name of a raster means all its bands */
    /* With nodata: an output is NoData wherever a band that its text names is, whatever the text does with it. */
    bool propagate;
    /* Not 0: the expression is to be run in phases that need so many rasters each, see fn_expr_run_phase(). */
    int rasters_at_once;
    /* Of the raster, for what looks at neighbours; copied. NULL: such expressions do not compile. */
    const fn_georeference *georeference;
} fn_expr_options;

/* Compiles n texts (UTF-8, NUL-terminated), one output each, into one program that shares inputs and common parts.
 * On success *out is owned by the caller (fn_expr_free). On failure *out is NULL and err->text holds what is wrong,
 * the character position (from 1), an excerpt and a caret line. Time and memory grow linearly with the text; the C
 * stack does not grow with it. */
fn_status fn_expr_compile(const char *const *texts, int n_texts, const fn_expr_options *options, fn_expr **out,
                          fn_error *err);
void fn_expr_free(fn_expr *expr); /* NULL is fine */

/* How many bands have the rasters that the text names without one? Those with one band do for all; others must agree.
 * *bands: at least 1. Fails as fn_expr_compile() does. */
fn_status fn_expr_count_bands(const char *text, const fn_expr_options *options, int *bands, fn_error *err);

int fn_expr_output_count(const fn_expr *expr);
/* Whether the texts have a whole number that Float32 cannot hold, such as the date 20240601. */
bool fn_expr_is_beyond_float32(const fn_expr *expr);
int fn_expr_input_count(const fn_expr *expr);
/* The i-th input (from 0): the order in which fn_expr_run wants its planes. */
void fn_expr_input(const fn_expr *expr, int i, int *raster, int *band);

/* A part of a plane: the pixels of a window, rows `stride` values apart. */
typedef struct fn_piece {
    fn_window window;    /* of the raster; it may lie beyond the edge where the expression wraps */
    const void *data;    /* of its first pixel */
    const uint8_t *mask; /* of its first pixel, or NULL */
    int64_t stride;
} fn_piece;

/* One input: n values of `type`, aligned as it demands, in any order that all planes share. */
typedef struct fn_plane {
    const void *data;
    fn_type type;
    fn_nodata nodata;    /* values equal to it are NoData; ignored when compiled without nodata */
    const uint8_t *mask; /* NULL, or n bytes: 0 is NoData, anything else valid; ignored when compiled without nodata */
    /* For fn_expr_run_window() a plane may also lie in pieces that cover each pixel once, instead of data and mask. */
    const fn_piece *pieces;
    size_t n_pieces; /* 0: packed, in data and mask */
} fn_plane;

/* One output: n values of `type`, aligned as it demands. Doubles are cast as GDAL casts: rounded half away from
 * zero, clamped to the type; beyond Float32's range gives an infinity. NaN becomes `nodata` (if set; else NaN, or 0
 * for integers), and a valid value that would equal nodata is moved to the next value of the type towards zero (from
 * zero: up), unless the value was chosen to be equal to it. */
typedef struct fn_sink {
    void *data;
    fn_type type;
    fn_nodata nodata;
    bool equals_stay; /* what equals nodata is NoData */
} fn_sink;

/* Bytes of scratch memory for one thread: a block of each register. */
size_t fn_expr_scratch_bytes(const fn_expr *expr);

/* Runs the program over n pixels. Threads: expr is read only, so any number may run it at once, each with its own
 * scratch (64-byte aligned is fastest, any alignment works) and its own outputs. Outputs must not overlap inputs.
 * The result of a pixel depends on its inputs alone, not on n, the block, or the instruction set (see fn_simd).
 * Fails with FN_ERR_VALUE, outputs undefined, when an Int64/UInt64 value beyond 2^53 comes in, or one of 2^53 or
 * beyond goes out: it could be silently wrong in double precision; *bad (may be NULL) is then the index of the
 * pixel. */
fn_status fn_expr_run(const fn_expr *expr, size_t n, const fn_plane *inputs, const fn_sink *outputs, void *scratch,
                      size_t *bad, fn_error *err);

/* ---- expressions over more rasters than memory holds at a time ---- */

/* Phases, 1 or more, follow each other; each needs some of the inputs (numbers as in fn_expr_input(), ascending), a few
 * rasters' if it can. An order statistic of a list needs all members at once. An expression that looks at neighbours is
 * not cut, and must not be run so. */
int fn_expr_phase_count(const fn_expr *expr);
const int *fn_expr_phase_inputs(const fn_expr *expr, int phase, int *n);
/* Memory for what is kept of n pixels from one phase to the next. */
size_t fn_expr_kept_bytes(const fn_expr *expr, size_t n);
/* Runs a phase over n pixels, the same for all phases. Of inputs only those that it needs are looked at. The outputs
 * are whole after the last one. The bits are those of fn_expr_run(). */
fn_status fn_expr_run_phase(const fn_expr *expr, int phase, size_t n, const fn_plane *inputs, const fn_sink *outputs,
                            void *scratch, double *kept, size_t *bad, fn_error *err);

/* ---- expressions that look at neighbours ---- */

/* Whether it does: then a pixel depends on others, and fn_expr_run_window() must run it. */
bool fn_expr_looks_around(const fn_expr *expr);
/* How far beyond a window the i-th input is needed, and whether beyond the edge of the raster, too (edge=wrap): its
 * plane covers fn_window_grow(window, reach, width, height, wraps). */
fn_reach fn_expr_input_reach(const fn_expr *expr, int i);
bool fn_expr_wraps(const fn_expr *expr);

/* Bytes of scratch memory for one thread and windows of up to that size: registers, and a plane of doubles for each
 * step between inputs and outputs. */
size_t fn_expr_window_scratch_bytes(const fn_expr *expr, int64_t width, int64_t height);

/* Computes a window of the raster. inputs: each packed over its own window, see above, or in pieces of it. outputs:
 * each packed over the window. Whatever the window, a pixel of the raster is given the same value, to the last bit.
 * Threads as in fn_expr_run(); so are failures, with the column and row of the pixel in bad. */
fn_status fn_expr_run_window(const fn_expr *expr, const fn_window *window, const fn_plane *inputs,
                             const fn_sink *outputs, void *scratch, int64_t bad[2], fn_error *err);

/* Like fn_expr_run, with kernels of a given instruction set; FN_ERR_ARGUMENT if the machine lacks it. */
fn_status fn_expr_run_simd(const fn_expr *expr, fn_simd simd, size_t n, const fn_plane *inputs, const fn_sink *outputs,
                           void *scratch, size_t *bad, fn_error *err);

/* Whether a name of n bytes is a word of the language, a constant such as pi or a function, or would be taken for one,
 * such as PI. */
bool fn_expr_is_word(const char *name, size_t n);

/* ---- the language, as lists to be shown ---- */

/* A function, or an operator, constant or shape of a window, in the order and the groups in which people look for
 * them. */
typedef struct fn_expr_function {
    const char *group; /* "rounding": those of a group stand together */
    const char *name;
    const char *call;   /* "clamp(x, lo, hi)" */
    const char *others; /* other spellings, with a space between them; or NULL */
    const char *help;   /* one line */
} fn_expr_function;
/* The i-th; NULL: there are no more. */
const fn_expr_function *fn_expr_function_at(size_t i);

/* What other calculators write, in any case: messages say what to write here. */
typedef struct fn_expr_spelling {
    const char *where; /* "GRASS r.mapcalc" */
    const char *theirs, *ours;
} fn_expr_spelling;
const fn_expr_spelling *fn_expr_spelling_at(size_t i);

#ifdef __cplusplus
}
#endif
#endif
