/* fishnet/recipe.h - what a connection string and its open options say, checked and in numbers.
 *
 * "FISHNET:dem.tif" with CALC=sqrt(A), TILE_SIZE=512... becomes a fn_recipe. Nothing is opened here.
 */
#ifndef FISHNET_RECIPE_H
#define FISHNET_RECIPE_H

#include "fishnet/grid_options.h"
#include "fishnet/job.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A dataset of an input. */
typedef struct fn_recipe_dataset {
    char *name;
    bool quoted; /* a name as it is; else it may be a pattern, or @ and the name of a list. Nothing is looked up here */
} fn_recipe_dataset;

/* What expressions call by a name: a dataset, or a stack of them. */
typedef struct fn_recipe_input {
    char *name; /* "A", "red"; of the dataset in the connection string "A" */
    fn_recipe_dataset *datasets;
    int n_datasets; /* at least 1 */
    bool is_stack;
    char *open_options; /* NAME=VALUE, several with semicolons between, for the drivers that read it; or NULL */
} fn_recipe_input;

/* CHECK_CRS: which inputs must have the CRS of the first. */
typedef enum fn_check_crs { FN_CHECK_CRS_ALL, FN_CHECK_CRS_KNOWN, FN_CHECK_CRS_NONE } fn_check_crs;

typedef struct fn_recipe {
    fn_recipe_input *inputs; /* at least one; the first gives the grid: the dataset of the connection, else A, else the
                              * one that was given first */
    int n_inputs;
    bool any_name; /* the only input is that of the connection: expressions may give it a name */
    char **calcs;  /* one expression per output band; n_calcs 0: the dataset as it is */
    int n_calcs;
    bool all_bands;        /* BANDS=ALL: names alone mean all bands, one after the other */
    bool flatten;          /* FLATTEN=YES */
    bool propagate_nodata; /* PROPAGATE_NODATA=YES */
    bool unscale;          /* UNSCALE=YES */
    bool any_extent;       /* CHECK_EXTENT=NO */
    fn_check_crs check_crs;
    fn_grid_options grid; /* that of the result, onto which inputs are brought */
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

/* All options but those about workers and the grid. */
fn_option_table fn_recipe_option_table(void);

/* options: NULL-terminated array of KEY=VALUE, or NULL; keys case-insensitive, CALC may be repeated, and one CALC
 * may hold several expressions separated by ';'. Keys that are not known here are ignored. On failure *out is empty
 * and err names the option. On success free with fn_recipe_clear. */
fn_status fn_recipe_parse(const char *connection, const char *const *options, fn_recipe *out, fn_error *err);
void fn_recipe_clear(fn_recipe *recipe);

/* Whether it can be the name of an input: a letter, then letters, digits and _; NODATA cannot. */
bool fn_recipe_is_input_name(const char *text, size_t n);
/* Reads what the option INPUT holds: "red=b4.tif", or a stack, "S=a.tif;b.tif". A name may stand in double quotes, in
 * which "" is one: then it is quoted, and may contain semicolons. A semicolon behind a single name makes a stack of
 * one. On failure *out is empty. On success free with fn_recipe_input_clear. */
fn_status fn_recipe_input_read(const char *text, fn_recipe_input *out, fn_error *err);
void fn_recipe_input_clear(fn_recipe_input *input);

/* "512", "512x256", "AUTO" (0, 0). */
fn_status fn_parse_tile_size(const char *text, int *width, int *height, fn_error *err);

#ifdef __cplusplus
}
#endif
#endif
