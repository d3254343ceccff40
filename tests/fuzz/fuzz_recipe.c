/* Connection strings and open options. See README.md for the layout of the input. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "fishnet/engine.h"
#include "fishnet/grid.h"
#include "fishnet/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPTIONS_MAX 64

static void check_empty(const fn_recipe *recipe)
{
    CHECK(recipe->inputs == NULL && recipe->n_inputs == 0);
    CHECK(recipe->calcs == NULL && recipe->n_calcs == 0);
    CHECK(recipe->nodata == NULL);
}

/* Texts are not empty, and each input that is resampled in its own way is there. */
static void check_grid(const fn_recipe *recipe)
{
    const fn_grid_options *grid = &recipe->grid;
    const char *const texts[] = {grid->extent, grid->cell_size, grid->snap, grid->crs, grid->outside};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK(texts[i] == NULL || texts[i][0] != '\0');
    for (int i = 0; i < grid->n_own; i++) {
        bool found = false;
        for (int k = 0; k < recipe->n_inputs; k++)
            found = found || strcmp(recipe->inputs[k].name, grid->own[i].name) == 0;
        CHECK(found && (unsigned)grid->own[i].method <= FN_RESAMPLING_SUM);
    }
    CHECK(grid->accuracy >= 0 && (unsigned)grid->resampling <= FN_RESAMPLING_SUM);
    CHECK(!fn_grid_options_asked(grid) || (!recipe->any_extent && recipe->check_crs != FN_CHECK_CRS_NONE));
    if (grid->extent)
        (void)fn_grid_names_file("EXTENT", grid->extent);
    if (grid->crs)
        (void)fn_grid_names_file("CRS", grid->crs);
}

static void check_recipe(const fn_recipe *recipe)
{
    CHECK(recipe->n_calcs >= 0);
    for (int i = 0; i < recipe->n_calcs; i++)
        CHECK(recipe->calcs[i] != NULL && recipe->calcs[i][0] != '\0' && strchr(recipe->calcs[i], ';') == NULL);
    CHECK(recipe->n_inputs > 0 && (recipe->n_calcs > 0 || recipe->n_inputs == 1));
    for (int i = 0; i < recipe->n_inputs; i++) {
        const fn_recipe_input *input = &recipe->inputs[i];
        CHECK(fn_recipe_is_input_name(input->name, strlen(input->name)) && input->n_datasets > 0);
        CHECK(input->is_stack || input->n_datasets == 1);
        for (int k = 0; k < input->n_datasets; k++)
            CHECK(input->datasets[k].name[0] != '\0');
    }
    CHECK(recipe->workers.workers >= -1 && recipe->workers.workers <= FN_WORKERS_MAX);
    CHECK(recipe->tile_width >= 0 && recipe->tile_width <= FN_TILE_MAX);
    CHECK(recipe->tile_height >= 0 && recipe->tile_height <= FN_TILE_MAX);
    CHECK((recipe->tile_width == 0) == (recipe->tile_height == 0));
    CHECK((unsigned)recipe->type <= FN_TYPE_COUNT);
    CHECK(!(recipe->nodata_none && recipe->nodata != NULL));
    CHECK(recipe->n_calcs > 0 || (recipe->type == FN_TYPE_COUNT && recipe->nodata == NULL && !recipe->nodata_none));
    CHECK(recipe->cache_bytes % (1 << 20) == 0);
    check_grid(recipe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    const char *options[OPTIONS_MAX + 1] = {NULL};
    int n = 0;
    for (char *s = text; n < OPTIONS_MAX && (s = strchr(s, '\n')) != NULL;) {
        *s++ = '\0';
        options[n++] = s;
    }
    fn_recipe recipe;
    fn_error err;
    memset(&recipe, 0xA5, sizeof recipe);
    memset(&err, 0, sizeof err);
    fn_status status = fn_recipe_parse(text, n > 0 ? options : NULL, &recipe, &err);
    CHECK(fn_recipe_is_name(text) || status != FN_OK);
    if (status == FN_OK) {
        check_recipe(&recipe);
        /* The same words give the same recipe. */
        fn_recipe again;
        CHECK(fn_recipe_parse(text, n > 0 ? options : NULL, &again, NULL) == FN_OK);
        CHECK(again.n_calcs == recipe.n_calcs && again.workers.workers == recipe.workers.workers &&
              again.type == recipe.type);
        fn_recipe_clear(&again);
        fn_recipe_clear(&recipe);
        check_empty(&recipe);
    } else {
        CHECK(err.status == status);
        size_t length = strnlen(err.text, sizeof err.text);
        CHECK(length > 0 && length < sizeof err.text);
        check_empty(&recipe);
    }
    for (int i = 0; i < n; i++) { /* the same words where only one value is wanted */
        int workers = -1, width = -1, height = -1;
        memset(&err, 0, sizeof err);
        if (fn_parse_workers("X", options[i], &workers, &err) == FN_OK)
            CHECK(workers >= 0 && workers <= FN_WORKERS_MAX);
        else
            CHECK(err.text[0] != '\0');
        if (fn_parse_tile_size(options[i], &width, &height, &err) == FN_OK)
            CHECK(width >= 0 && width <= FN_TILE_MAX && height >= 0 && height <= FN_TILE_MAX);
        for (fn_type type = FN_UINT8; type < FN_TYPE_COUNT; type++) {
            fn_nodata nodata;
            memset(&err, 0, sizeof err);
            if (fn_nodata_parse(options[i], type, &nodata, &err) == FN_OK) {
                CHECK(nodata.set);
                double value = fn_nodata_as_double(nodata, type);
                CHECK(!fn_type_is_integer(type) || value == value);
            } else
                CHECK(err.text[0] != '\0');
        }
        (void)fn_type_from_name(options[i]);
    }
    free(text);
    return 0;
}
