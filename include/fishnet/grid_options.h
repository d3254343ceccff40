/* fishnet/grid_options.h - the options about the grid of a result, onto which inputs are brought that lie elsewhere. */
#ifndef FISHNET_GRID_OPTIONS_H
#define FISHNET_GRID_OPTIONS_H

#include "fishnet/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a cell gets its value from those of a raster on another grid, as GDAL's warper does it. AUTO: by what the raster
 * holds. */
typedef enum fn_resampling {
    FN_RESAMPLING_AUTO,
    FN_RESAMPLING_NEAR,
    FN_RESAMPLING_BILINEAR,
    FN_RESAMPLING_CUBIC,
    FN_RESAMPLING_CUBICSPLINE,
    FN_RESAMPLING_LANCZOS,
    FN_RESAMPLING_AVERAGE,
    FN_RESAMPLING_RMS,
    FN_RESAMPLING_MODE,
    FN_RESAMPLING_MIN,
    FN_RESAMPLING_MAX,
    FN_RESAMPLING_MED,
    FN_RESAMPLING_Q1,
    FN_RESAMPLING_Q3,
    FN_RESAMPLING_SUM
} fn_resampling;

/* What is said of one input. */
typedef struct fn_input_on_grid {
    char *name;
    bool method_given, outside_given;
    fn_resampling method;
    char *outside; /* a number; NULL: NoData */
} fn_input_on_grid;

typedef struct fn_grid_options {
    char *like, *extent, *cell_size, *snap, *crs; /* as they are written; NULL when not given */
    bool resampling_given;
    fn_resampling resampling; /* of inputs that have none of their own */
    char *outside;            /* likewise */
    fn_input_on_grid *own;
    int n_own;
    double accuracy; /* pixels that a transformed position may be off; 0: none */
} fn_grid_options;

fn_option_table fn_grid_option_table(void);
/* Takes an option of the table; *known is false for any other. value: copied. On failure err names the option; what has
 * been taken stays. Free with fn_grid_options_clear(), which makes it {0}, as it is to begin with. */
fn_status fn_grid_options_take(fn_grid_options *options, const char *key, size_t key_length, const char *value,
                               bool *known, fn_error *err);
void fn_grid_options_clear(fn_grid_options *options);
/* Whether inputs are brought onto a grid at all. */
bool fn_grid_options_asked(const fn_grid_options *options);
/* What is an option of gdalwarp or the like: which one it is here, "CELL_SIZE" for TR. NULL: none. */
const char *fn_grid_option_of_others(const char *key, size_t key_length);
/* "bilinear", in any case. */
bool fn_grid_names_method(const char *text);
/* Whether the value of LIKE, EXTENT, SNAP or CRS names a dataset or another file: no word that the option has, no
 * numbers, and nothing that an input could be called. A file with such a name is ./name. Of CRS only what ends like a
 * file. False for other options. */
bool fn_grid_names_file(const char *option, const char *value);
/* Whether the value of EXTENT is numbers with commas between, right or wrong: the first one is a number. */
bool fn_grid_holds_numbers(const char *value);
/* Of the input of a name: whether it has a method of its own, the method, and the number that it is where it has no
 * cell, or NULL: NoData. */
bool fn_grid_options_has_method(const fn_grid_options *options, const char *name);
fn_resampling fn_grid_options_resampling(const fn_grid_options *options, const char *name);
const char *fn_grid_options_outside(const fn_grid_options *options, const char *name);
/* As GDAL calls it: "near"; "auto". */
const char *fn_resampling_name(fn_resampling method);

#ifdef __cplusplus
}
#endif
#endif
