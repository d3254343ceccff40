/* kernel.c - seconds that one thread of the core needs for an expression over arrays in memory. See kernel.py.
 *
 *     bench_kernel EXPRESSION A.raw B.raw OUT.raw nodata|none
 *
 * A and B hold Float32 values, as many each; OUT receives the Float32 result. -9999 is NoData unless `none` is given. The
 * first pass warms up, the second is timed. Prints: seconds, instruction set.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#endif
#include "fishnet/expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static float *load(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    float *values = NULL;
    long bytes;
    if (!file)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (bytes = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0) {
        *n = (size_t)bytes / sizeof(float);
        values = aligned_alloc(64, ((size_t)bytes + 63) / 64 * 64);
        if (values && fread(values, sizeof(float), *n, file) != *n) {
            free(values);
            values = NULL;
        }
    }
    fclose(file);
    return values;
}

static fn_status all_float32(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    const char name = (char)('A' + raster);
    (void)user;
    if (band != 1 || name > 'B')
        return fn_fail(err, FN_ERR_ARGUMENT, "there are A and B only");
    *type = FN_FLOAT32;
    return FN_OK;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: bench_kernel EXPRESSION A.raw B.raw OUT.raw nodata|none\n");
        return 2;
    }
    const bool nodata = strcmp(argv[5], "none") != 0;
    size_t n = 0, n_b = 0;
    float *data[2] = {load(argv[2], &n), load(argv[3], &n_b)};
    float *out = aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
    fn_expr *expr = NULL;
    fn_error err = {FN_OK, ""};
    if (!data[0] || !data[1] || !out || n != n_b) {
        fprintf(stderr, "cannot read %s and %s, or they differ in size\n", argv[2], argv[3]);
        return 1;
    }
    const char *text = argv[1];
    const fn_expr_options options = {.nodata = nodata, .resolve = all_float32};
    if (fn_expr_compile(&text, 1, &options, &expr, &err) != FN_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    void *scratch = aligned_alloc(64, (fn_expr_scratch_bytes(expr) + 63) / 64 * 64);
    const fn_sink sink = {.data = out, .type = FN_FLOAT32, .nodata = fn_nodata_default(FN_FLOAT32)};
    fn_plane planes[2] = {{0}};
    for (int i = 0; i < fn_expr_input_count(expr); i++) {
        int raster = 0, band = 0;
        fn_expr_input(expr, i, &raster, &band);
        const char name = (char)('A' + raster);
        planes[i] = (fn_plane){.data = data[name - 'A'], .type = FN_FLOAT32};
        if (nodata)
            planes[i].nodata = fn_nodata_from_double(-9999, FN_FLOAT32);
    }
    double start = 0;
    for (int pass = 0; pass < 2; pass++) {
        start = now();
        if (!scratch || fn_expr_run(expr, n, planes, &sink, scratch, NULL, &err) != FN_OK) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
    }
    printf("%.6f %s\n", now() - start, fn_simd_name(fn_simd_best()));

    FILE *file = fopen(argv[4], "wb");
    if (!file || fwrite(out, sizeof(float), n, file) != n || fclose(file) != 0) {
        fprintf(stderr, "cannot write %s\n", argv[4]);
        return 1;
    }
    fn_expr_free(expr);
    free(scratch);
    free(out);
    free(data[0]);
    free(data[1]);
    return 0;
}
