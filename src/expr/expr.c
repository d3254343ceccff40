/* An expression as the caller has it. */
#include "fishnet/expr.h"

#include <stdlib.h>

#include "language.h"
#include "phases.h"

static fn_status parse_all_texts(const char *const *texts, int n_texts, const fn_expr_options *options, fn_graph *graph,
                                 fn_expr *e, int32_t *roots, fn_error *err)
{
    fn_status status = FN_OK;
    for (int k = 0; status == FN_OK && k < n_texts; k++) {
        const int band = options->bands ? options->bands[k] : 1;
        status = fn_parse(texts[k], band, options, graph, &e->inputs, &e->neighborhoods, &roots[k], err);
        if (status == FN_ERR_SYNTAX && n_texts > 1 && err) {
            fn_error inner = *err;
            fn_fail(err, status, "expression %d: %.980s", k + 1, inner.text);
        }
    }
    return status;
}

fn_status fn_expr_compile(const char *const *texts, int n_texts, const fn_expr_options *options, fn_expr **out,
                          fn_error *err)
{
    *out = NULL;
    if (n_texts < 1)
        return fn_fail(err, FN_ERR_ARGUMENT, "there is no expression");
    fn_graph graph;
    fn_graph_init(&graph, options->nodata);
    fn_expr *e = calloc(1, sizeof *e);
    int32_t *roots = malloc((size_t)n_texts * sizeof *roots);
    fn_status status = e && roots ? FN_OK : fn_fail(err, FN_ERR_MEMORY, "out of memory for the expression");
    if (status == FN_OK)
        status = parse_all_texts(texts, n_texts, options, &graph, e, roots, err);
    if (status == FN_OK) {
        e->n_outputs = n_texts;
        e->nodata = options->nodata;
        e->beyond_float32 = graph.beyond_float32;
        e->kernels = fn_kernels_get(fn_simd_best());
        if (options->georeference) {
            e->width = options->georeference->width;
            e->height = options->georeference->height;
        }
        status = fn_expr_compile_steps(e, &graph, roots, options->rasters_at_once, err);
    }
    free(roots);
    fn_graph_destroy(&graph);
    if (status == FN_OK)
        *out = e;
    else
        fn_expr_free(e);
    return status;
}

fn_status fn_expr_count_bands(const char *text, const fn_expr_options *options, int *bands, fn_error *err)
{
    fn_graph graph;
    fn_inputs inputs = {.agree = true, .bands = 1};
    fn_neighborhoods neighborhoods = {0};
    int32_t root;
    fn_graph_init(&graph, options->nodata);
    const fn_status status = fn_parse(text, 1, options, &graph, &inputs, &neighborhoods, &root, err);
    *bands = inputs.bands;
    fn_graph_destroy(&graph);
    free(inputs.items);
    free(inputs.taps);
    fn_neighborhoods_destroy(&neighborhoods);
    return status;
}

void fn_expr_free(fn_expr *e)
{
    if (!e)
        return;
    fn_phases_destroy(e);
    fn_program_destroy(&e->program);
    for (int i = 0; i < e->n_steps; i++)
        fn_program_destroy(&e->steps[i].program);
    free(e->steps);
    free(e->taps);
    free(e->reach);
    free(e->inputs.items);
    free(e->inputs.taps);
    fn_neighborhoods_destroy(&e->neighborhoods);
    free(e);
}

bool fn_expr_is_beyond_float32(const fn_expr *e)
{
    return e->beyond_float32;
}

int fn_expr_output_count(const fn_expr *e)
{
    return e->n_outputs;
}

int fn_expr_input_count(const fn_expr *e)
{
    return e->inputs.count;
}

void fn_expr_input(const fn_expr *e, int i, int *raster, int *band)
{
    *raster = e->inputs.items[i].raster;
    *band = e->inputs.items[i].band;
}

bool fn_expr_looks_around(const fn_expr *e)
{
    return e->looks_around;
}

bool fn_expr_wraps(const fn_expr *e)
{
    return e->wraps;
}

fn_reach fn_expr_input_reach(const fn_expr *e, int i)
{
    return e->reach[i];
}

bool fn_expr_is_word(const char *name, size_t n)
{
    return fn_language_constant(name, n) || fn_language_function(name, n) || fn_language_hint(name, n);
}
