/* fishnet/recipe.h - what a connection string and its open options say, checked and in numbers.
 *
 * "FISHNET:dem.tif" with CALC=sqrt(A), TILE_SIZE=512... becomes a fn_recipe. Nothing is opened here.
 */
#ifndef FISHNET_RECIPE_H
#define FISHNET_RECIPE_H

#include "fishnet/job.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FN_INPUTS 26 /* A..Z */

typedef struct fn_recipe {
    char *inputs[FN_INPUTS]; /* dataset names, NULL when not given; [0] is the one in the connection string or A= */
    char *open_options
        [FN_INPUTS]; /* A_OO: NAME=VALUE, several with semicolons between, for the driver that reads the input */
    char **calcs;    /* one expression per output band; n_calcs 0: the dataset as it is */
    int n_calcs;
    fn_worker_options workers;
    bool error_is_nodata; /* ON_ERROR=NODATA */
    bool ignore_alpha;    /* ALPHA=IGNORE */
    int part, parts;      /* PARTITION=part/parts, 1/1 when not given */
    int tile_width;       /* 0: AUTO */
    int tile_height;
    fn_type type;       /* OT; FN_TYPE_COUNT when not given */
    bool nodata_none;   /* NODATA=none */
    char *nodata;       /* NODATA's text, NULL when not given or none */
    size_t cache_bytes; /* CACHE_MB; 0 when not given */
} fn_recipe;

/* The prefix of connection strings, "FISHNET:". */
#define FN_RECIPE_PREFIX "FISHNET:"
bool fn_recipe_is_name(const char *connection); /* starts with the prefix, in any case */

/* All options but those about workers. */
fn_option_table fn_recipe_option_table(void);

/* options: NULL-terminated array of KEY=VALUE, or NULL; keys case-insensitive, CALC may be repeated, and one CALC
 * may hold several expressions separated by ';'. Keys that are not known here are ignored. On failure *out is empty
 * and err names the option. On success free with fn_recipe_clear. */
fn_status fn_recipe_parse(const char *connection, const char *const *options, fn_recipe *out, fn_error *err);
void fn_recipe_clear(fn_recipe *recipe);

/* "512", "512x256", "AUTO" (0, 0). */
fn_status fn_parse_tile_size(const char *text, int *width, int *height, fn_error *err);

#ifdef __cplusplus
}
#endif
#endif
