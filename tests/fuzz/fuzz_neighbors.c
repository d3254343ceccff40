/* Expressions that look around: compile, run over a raster at once and in pieces, compare. The first byte of the input
 * says where it is cut, the rest is the expression. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "fishnet/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH = 13, HEIGHT = 9, PIXELS = WIDTH * HEIGHT, INPUTS_MAX = 16 };
#define SCRATCH_MAX ((size_t)4 << 20)

static const fn_type types[] = {FN_FLOAT64, FN_UINT8, FN_INT16, FN_FLOAT32};

static fn_status resolve(void *user, int raster, int band, fn_type *type, fn_error *err)
{
    const char name = (char)('A' + raster);
    (void)user;
    if (band > 2)
        return fn_fail(err, FN_ERR_ARGUMENT, "no band %d in %c, it has 2", band, name);
    *type = types[(name - 'A' + band - 1) % 4];
    return FN_OK;
}

static int64_t modulo(int64_t a, int64_t n)
{
    return (a % n + n) % n;
}

/* Some values that are equal, some that are none. */
static double value(int input, int64_t x, int64_t y)
{
    const int64_t at = (y * WIDTH + x) * (input + 3) % 29;
    return at == 7 ? 99 : (double)(at * at % 23) + (at % 4 == 0 ? 0.5 : 0);
}

static void put(unsigned char *to, fn_type type, double v)
{
    switch (type) {
    case FN_UINT8:
        *to = (uint8_t)v;
        break;
    case FN_INT16:
        memcpy(to, &(int16_t){(int16_t)v}, 2);
        break;
    case FN_FLOAT32:
        memcpy(to, &(float){(float)v}, 4);
        break;
    default:
        memcpy(to, &v, sizeof v);
    }
}

/* A plane that was packed over a window as four pieces, some of them empty. */
static void take_apart(fn_plane *plane, const fn_window *w, int cut, fn_piece pieces[4])
{
    const int64_t x = cut % (w->width + 1), y = cut / 3 % (w->height + 1);
    const char *data = plane->data;
    for (int i = 0; i < 4; i++) {
        const int64_t left = i % 2 ? x : 0, top = i / 2 ? y : 0;
        const fn_window own = {w->x + left, w->y + top, i % 2 ? w->width - x : x, i / 2 ? w->height - y : y};
        pieces[3 - i] = (fn_piece){.window = own, .stride = w->width};
        if (own.width > 0 && own.height > 0)
            pieces[3 - i].data = data + (size_t)(top * w->width + left) * fn_type_size(plane->type);
    }
    plane->data = NULL;
    plane->pieces = pieces;
    plane->n_pieces = 4;
}

/* Runs one window, with inputs of just what it needs, into its place among `results`. cut: of the inputs, 0: none. */
static void run_window(const fn_expr *expr, fn_window window, int cut, double *results)
{
    fn_plane planes[INPUTS_MAX];
    fn_piece pieces[INPUTS_MAX][4];
    unsigned char *memory[INPUTS_MAX] = {NULL};
    const int n = fn_expr_input_count(expr);
    for (int i = 0; i < n; i++) {
        const fn_window w = fn_window_grow(window, fn_expr_input_reach(expr, i), WIDTH, HEIGHT, fn_expr_wraps(expr));
        int raster = 0, band = 0;
        fn_expr_input(expr, i, &raster, &band);
        const char name = (char)('A' + raster);
        planes[i] = (fn_plane){.type = types[(name - 'A' + band - 1) % 4]};
        planes[i].nodata = fn_nodata_from_double(99, planes[i].type);
        const size_t bytes = fn_type_size(planes[i].type);
        planes[i].data = memory[i] = malloc((size_t)(w.width * w.height) * bytes);
        CHECK(memory[i] != NULL);
        for (int64_t y = 0; y < w.height; y++)
            for (int64_t x = 0; x < w.width; x++)
                put(memory[i] + (size_t)(y * w.width + x) * bytes, planes[i].type,
                    value(i, modulo(w.x + x, WIDTH), modulo(w.y + y, HEIGHT)));
        if (cut > 0)
            take_apart(&planes[i], &w, cut + i, pieces[i]);
    }
    double out[PIXELS];
    void *scratch = malloc(fn_expr_window_scratch_bytes(expr, window.width, window.height));
    int64_t bad[2];
    fn_error err;
    CHECK(scratch != NULL);
    const fn_sink sink = {.data = out, .type = FN_FLOAT64};
    CHECK(fn_expr_run_window(expr, &window, planes, &sink, scratch, bad, &err) == FN_OK);
    for (int64_t y = 0; y < window.height; y++)
        memcpy(results + (window.y + y) * WIDTH + window.x, out + y * window.width,
               (size_t)window.width * sizeof(double));
    free(scratch);
    for (int i = 0; i < n; i++)
        free(memory[i]);
}

static void check_runs(const fn_expr *expr, uint8_t cut)
{
    if (fn_expr_input_count(expr) > INPUTS_MAX || fn_expr_window_scratch_bytes(expr, WIDTH, HEIGHT) > SCRATCH_MAX)
        return;
    for (int i = 0; i < fn_expr_input_count(expr); i++) {
        const fn_reach r = fn_expr_input_reach(expr, i);
        CHECK(r.top >= 0 && r.left >= 0 && r.bottom >= 0 && r.right >= 0);
        if (r.top + r.left + r.bottom + r.right > 400)
            return;
    }
    double whole[PIXELS], pieces[PIXELS];
    run_window(expr, (fn_window){0, 0, WIDTH, HEIGHT}, 0, whole);
    const int x = 1 + cut % (WIDTH - 1), y = 1 + cut / 16 % (HEIGHT - 1);
    run_window(expr, (fn_window){0, 0, x, y}, 0, pieces);
    run_window(expr, (fn_window){x, 0, WIDTH - x, y}, cut, pieces);
    run_window(expr, (fn_window){0, y, x, HEIGHT - y}, 1 + cut / 2, pieces);
    run_window(expr, (fn_window){x, y, WIDTH - x, HEIGHT - y}, 1 + cut, pieces);
    for (int i = 0; i < PIXELS; i++)
        CHECK(memcmp(&whole[i], &pieces[i], sizeof(double)) == 0 || (isnan(whole[i]) && isnan(pieces[i])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size);
    CHECK(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    fn_georeference georeference = {
        .known = true, .width = WIDTH, .height = HEIGHT, .geotransform = {500000, 10, 0, 4000000, 0, -20}, .metres = 1};
    if (data[0] & 1)
        georeference = (fn_georeference){.known = true,
                                         .width = WIDTH,
                                         .height = HEIGHT,
                                         .geotransform = {10, 0.1, 0, 50, 0, -0.1},
                                         .geographic = true,
                                         .semi_major = 6378137,
                                         .flattening = 1 / 298.257223563,
                                         .radians = 0.017453292519943295};
    const fn_expr_options options = {.nodata = true, .resolve = resolve, .georeference = &georeference};
    const char *texts[] = {text};
    fn_expr *expr = NULL;
    fn_error err = {.text = ""};
    const fn_status status = fn_expr_compile(texts, 1, &options, &expr, &err);
    CHECK((status == FN_OK) == (expr != NULL));
    if (status == FN_OK)
        check_runs(expr, data[0]);
    else
        CHECK(err.text[0] != '\0');
    fn_expr_free(expr);
    free(text);
    return 0;
}
