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

/* Called while compiling, once for each distinct input in order of appearance: is there such a band, and of which type?
 * name 'A'..'Z', band from 1. On failure fill err->text with the reason only ("no band 5 in A, it has 1"): position,
 * excerpt and caret are added by the compiler. */
typedef fn_status (*fn_expr_resolve)(void *user, char name, int band, fn_type *type, fn_error *err);

typedef struct fn_expr_options {
    bool nodata;             /* true: NaN is NoData and propagates (the default of the driver); false: IEEE 754 */
    fn_expr_resolve resolve; /* NULL: every input exists and is Float64 */
    void *user;
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

int fn_expr_output_count(const fn_expr *expr);
int fn_expr_input_count(const fn_expr *expr);
/* The i-th input (from 0): the order in which fn_expr_run wants its planes. */
void fn_expr_input(const fn_expr *expr, int i, char *name, int *band);

/* One input: n values of `type`, aligned as it demands, in any order that all planes share. */
typedef struct fn_plane {
    const void *data;
    fn_type type;
    fn_nodata nodata;    /* values equal to it are NoData; ignored when compiled without nodata */
    const uint8_t *mask; /* NULL, or n bytes: 0 is NoData, anything else valid; ignored when compiled without nodata */
} fn_plane;

/* One output: n values of `type`, aligned as it demands. Doubles are cast as GDAL casts: rounded half away from
 * zero, clamped to the type; beyond Float32's range gives an infinity. NaN becomes `nodata` (if set; else NaN, or 0
 * for integers), and a valid value that would equal nodata is moved to the next value of the type towards zero (from
 * zero: up). */
typedef struct fn_sink {
    void *data;
    fn_type type;
    fn_nodata nodata;
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

/* Computes a window of the raster. inputs: each packed over its own window, see above. outputs: each packed over the
 * window. Whatever the window, a pixel of the raster is given the same value, to the last bit. Threads as in
 * fn_expr_run(); so are failures, with the column and row of the pixel in bad. */
fn_status fn_expr_run_window(const fn_expr *expr, const fn_window *window, const fn_plane *inputs,
                             const fn_sink *outputs, void *scratch, int64_t bad[2], fn_error *err);

/* Like fn_expr_run, with kernels of a given instruction set; FN_ERR_ARGUMENT if the machine lacks it. */
fn_status fn_expr_run_simd(const fn_expr *expr, fn_simd simd, size_t n, const fn_plane *inputs, const fn_sink *outputs,
                           void *scratch, size_t *bad, fn_error *err);

#ifdef __cplusplus
}
#endif
#endif
