#include "fishnet/grid_options.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fishnet/recipe.h"
#include "text.h"

enum {
    LIKE,
    EXTENT,
    CELL_SIZE,
    SNAP,
    CRS,
    RESAMPLING,
    LETTER_RESAMPLING,
    INPUT_RESAMPLING,
    OUTSIDE,
    LETTER_OUTSIDE,
    INPUT_OUTSIDE,
    ACCURACY,
    COUNT
};

#define METHODS "AUTO|NEAR|BILINEAR|CUBIC|CUBICSPLINE|LANCZOS|AVERAGE|RMS|MODE|MIN|MAX|MED|Q1|Q3|SUM"

static const char *const method_names[] = {"auto",    "near",    "bilinear", "cubic", "cubicspline",
                                           "lanczos", "average", "rms",      "mode",  "min",
                                           "max",     "med",     "q1",       "q3",    "sum"};
_Static_assert(sizeof method_names / sizeof *method_names == FN_RESAMPLING_SUM + 1, "one name each");

static const fn_option rows[COUNT] = {
    [LIKE] = {.name = "LIKE",
              .kind = FN_OPTION_TEXT,
              .help = "Whose grid the result has, but for what EXTENT, CELL_SIZE, SNAP and CRS say: the name of an "
                      "input, or a dataset; by default the first input"},
    [EXTENT] = {.name = "EXTENT",
                .kind = FN_OPTION_TEXT,
                .help = "Extent of the result: the name of an input, INTERSECTION, UNION, a dataset, or "
                        "xmin,ymin,xmax,ymax; by default as LIKE says"},
    [CELL_SIZE] = {.name = "CELL_SIZE",
                   .kind = FN_OPTION_QUANTITY,
                   .help = "Cell size of the result: the name of an input, FINEST, COARSEST, or x[,y]; by default as "
                           "LIKE says"},
    [SNAP] = {.name = "SNAP",
              .kind = FN_OPTION_TEXT,
              .help = "Whose cells the corners of the result are corners of: the name of an input, a dataset, or TAP: "
                      "multiples of the cell size; by default as LIKE says"},
    [CRS] = {.name = "CRS",
             .kind = FN_OPTION_TEXT,
             .help = "Coordinate reference system of the result; by default as LIKE says"},
    [RESAMPLING] = {.name = "RESAMPLING",
                    .kind = FN_OPTION_CHOICE,
                    .words = METHODS,
                    .preset = "AUTO",
                    .help =
                        "How inputs on other grids are resampled; AUTO: near for classes, else bilinear or average"},
    [LETTER_RESAMPLING] = {.name = "?_RESAMPLING",
                           .kind = FN_OPTION_TEXT,
                           .words = FN_OPTION_LETTERS,
                           .help = "How this input is resampled, as in RESAMPLING"},
    [INPUT_RESAMPLING] = {.name = "INPUT_RESAMPLING",
                          .kind = FN_OPTION_REPEATED,
                          .help = "name=method: how the input of that name is resampled; may be repeated"},
    [OUTSIDE] = {.name = "OUTSIDE",
                 .kind = FN_OPTION_QUANTITY,
                 .preset = "NODATA",
                 .help = "What an input is where it has no cell: NODATA, or a number",
                 .wanted = "expected NODATA or a number"},
    [LETTER_OUTSIDE] = {.name = "?_OUTSIDE",
                        .kind = FN_OPTION_QUANTITY,
                        .words = FN_OPTION_LETTERS,
                        .help = "What this input is where it has no cell, as in OUTSIDE"},
    [INPUT_OUTSIDE] = {.name = "INPUT_OUTSIDE",
                       .kind = FN_OPTION_REPEATED,
                       .help = "name=value: what the input of that name is where it has no cell; may be repeated"},
    [ACCURACY] = {.name = "ACCURACY",
                  .kind = FN_OPTION_NUMBER,
                  .preset = "0",
                  .help = "Pixels of an input that a position in another CRS may be off; 0: none",
                  .wanted = "expected a number of pixels, from 0"},
};

fn_option_table fn_grid_option_table(void)
{
    return (fn_option_table){rows, COUNT};
}

const char *fn_resampling_name(fn_resampling method)
{
    return method_names[method];
}

static fn_status read_method(const char *option, const char *text, fn_resampling *method, fn_error *err)
{
    fn_option row = rows[RESAMPLING];
    fn_option_value value = {0};
    row.name = option;
    const fn_status status = fn_option_read(&row, text, &value, err);
    *method = (fn_resampling)value.whole;
    return status;
}

static fn_status lack_memory(fn_error *err)
{
    return fn_fail(err, FN_ERR_MEMORY, "out of memory");
}

bool fn_grid_names_method(const char *text)
{
    for (size_t i = 0; i < sizeof method_names / sizeof *method_names; i++)
        if (strcasecmp(text, method_names[i]) == 0)
            return true;
    return false;
}

/* What belongs to the input of that name; NULL: no memory. */
static fn_input_on_grid *get_own(fn_grid_options *o, const char *name, size_t n)
{
    for (int i = 0; i < o->n_own; i++)
        if (strlen(o->own[i].name) == n && memcmp(o->own[i].name, name, n) == 0)
            return &o->own[i];
    fn_input_on_grid *own = realloc(o->own, (size_t)(o->n_own + 1) * sizeof *own);
    if (!own)
        return NULL;
    o->own = own;
    own[o->n_own] = (fn_input_on_grid){.name = strndup(name, n)};
    return own[o->n_own].name ? &own[o->n_own++] : NULL;
}

static fn_status set_text(char **field, const char *option, const char *text, fn_error *err)
{
    if (*text == '\0')
        return fn_fail(err, FN_ERR_ARGUMENT, "%s=: expected a value", option);
    char *copy = strdup(text);
    if (!copy)
        return lack_memory(err);
    free(*field);
    *field = copy;
    return FN_OK;
}

/* A number; NULL for NODATA. */
static fn_status set_outside(char **field, const char *option, const char *text, fn_error *err)
{
    fn_nodata any;
    if (strcasecmp(text, "NODATA") == 0) {
        free(*field);
        *field = NULL;
        return FN_OK;
    }
    if (fn_nodata_parse(text, FN_FLOAT64, &any, NULL) != FN_OK)
        return fn_fail(err, FN_ERR_ARGUMENT, "%s=%.100s: %s", option, text, rows[OUTSIDE].wanted);
    return set_text(field, option, text, err);
}

/* That of one input. The last one counts. */
static fn_status set_own(fn_grid_options *o, bool is_method, const char *option, const char *name, size_t n,
                         const char *text, fn_error *err)
{
    fn_resampling method = FN_RESAMPLING_AUTO;
    char *outside = NULL;
    const fn_status status =
        is_method ? read_method(option, text, &method, err) : set_outside(&outside, option, text, err);
    fn_input_on_grid *own = status == FN_OK ? get_own(o, name, n) : NULL;
    if (!own) {
        free(outside);
        return status == FN_OK ? lack_memory(err) : status;
    }
    if (is_method) {
        own->method_given = true;
        own->method = method;
    } else {
        free(own->outside);
        own->outside_given = true;
        own->outside = outside;
    }
    return FN_OK;
}

static fn_status set_letter(fn_grid_options *o, bool is_method, char letter, const char *text, fn_error *err)
{
    const char name[] = {(char)toupper((unsigned char)letter), '\0'};
    char option[sizeof "A_RESAMPLING"];
    snprintf(option, sizeof option, "%s_%s", name, is_method ? "RESAMPLING" : "OUTSIDE");
    return set_own(o, is_method, option, name, 1, text, err);
}

/* name=method, or name=value */
static fn_status set_named(fn_grid_options *o, bool is_method, const char *text, fn_error *err)
{
    const char *option = is_method ? "INPUT_RESAMPLING" : "INPUT_OUTSIDE";
    const size_t n = strcspn(text, "=");
    if (n == 0 || text[n] != '=')
        return fn_fail(err, FN_ERR_ARGUMENT, "%s=%.200s: expected <name>=%s", option, text,
                       is_method ? "<method>, such as red=CUBIC" : "<value>, such as red=0");
    return set_own(o, is_method, option, text, n, text + n + 1, err);
}

/* What gdalwarp and other commands of GDAL call options of the grid. */
static const struct {
    const char *theirs, *ours;
} others[] = {
    {"TE", "EXTENT"},    {"TARGET_EXTENT", "EXTENT"},           {"BBOX", "EXTENT"},        {"PROJWIN", "EXTENT"},
    {"TR", "CELL_SIZE"}, {"RESOLUTION", "CELL_SIZE"},           {"TS", "CELL_SIZE"},       {"TAP", "SNAP=TAP"},
    {"T_SRS", "CRS"},    {"TARGET_ALIGNED_PIXELS", "SNAP=TAP"}, {"DST_CRS", "CRS"},        {"OUTPUT_CRS", "CRS"},
    {"ET", "ACCURACY"},  {"ERROR_THRESHOLD", "ACCURACY"},       {"RESAMPLE", "RESAMPLING"}};

const char *fn_grid_option_of_others(const char *key, size_t key_length)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strlen(others[i].theirs) == key_length && strncasecmp(others[i].theirs, key, key_length) == 0)
            return others[i].ours;
    return NULL;
}

fn_status fn_grid_options_take(fn_grid_options *o, const char *key, size_t key_length, const char *value, bool *known,
                               fn_error *err)
{
    const fn_option *option = fn_option_find(fn_grid_option_table(), key, key_length);
    fn_option_value v = {0};
    fn_status status = FN_OK;
    *known = option != NULL;
    if (!option)
        return FN_OK;
    switch (option - rows) {
    case LIKE:
        return set_text(&o->like, "LIKE", value, err);
    case EXTENT:
        return set_text(&o->extent, "EXTENT", value, err);
    case CELL_SIZE:
        return set_text(&o->cell_size, "CELL_SIZE", value, err);
    case SNAP:
        return set_text(&o->snap, "SNAP", value, err);
    case CRS:
        return set_text(&o->crs, "CRS", value, err);
    case RESAMPLING:
        o->resampling_given = true;
        return read_method("RESAMPLING", value, &o->resampling, err);
    case LETTER_RESAMPLING:
    case LETTER_OUTSIDE:
        return set_letter(o, option == &rows[LETTER_RESAMPLING], *key, value, err);
    case INPUT_RESAMPLING:
    case INPUT_OUTSIDE:
        return set_named(o, option == &rows[INPUT_RESAMPLING], value, err);
    case OUTSIDE:
        return set_outside(&o->outside, "OUTSIDE", value, err);
    default:
        status = fn_option_read(option, value, &v, err);
        o->accuracy = status == FN_OK ? v.number : o->accuracy;
        return status;
    }
}

void fn_grid_options_clear(fn_grid_options *o)
{
    for (int i = 0; i < o->n_own; i++) {
        free(o->own[i].name);
        free(o->own[i].outside);
    }
    free(o->own);
    free(o->like);
    free(o->extent);
    free(o->cell_size);
    free(o->snap);
    free(o->crs);
    free(o->outside);
    *o = (fn_grid_options){0};
}

bool fn_grid_options_asked(const fn_grid_options *o)
{
    return o->like || o->extent || o->cell_size || o->snap || o->crs || o->resampling_given || o->n_own > 0 ||
           o->outside;
}

bool fn_grid_holds_numbers(const char *value)
{
    char *end;
    const double first = fn_strtod(value, &end);
    while (isspace((unsigned char)*end))
        end++;
    return end != value && !isnan(first) && (*end == ',' || *end == '\0');
}

/* "utm.prj", but not "EPSG:32632", "+proj=...", "WGS84" or WKT: an ending of letters, and nothing that no name has. */
static bool ends_as_file(const char *text)
{
    const char *dot = strrchr(text, '.');
    size_t letters = 0;
    while (dot && isalpha((unsigned char)dot[1 + letters]))
        letters++;
    return letters > 0 && letters < 6 && dot[1 + letters] == '\0' && !strpbrk(text, ":[{<\"+=");
}

bool fn_grid_names_file(const char *option, const char *value)
{
    if (strcasecmp(option, "CRS") == 0)
        return ends_as_file(value);
    static const char *const datasets[] = {"LIKE", "EXTENT", "SNAP"};
    bool is_dataset = false;
    for (size_t i = 0; i < sizeof datasets / sizeof *datasets; i++)
        is_dataset |= strcasecmp(option, datasets[i]) == 0;
    return is_dataset && *value != '\0' && !fn_recipe_is_input_name(value, strlen(value)) &&
           !fn_grid_holds_numbers(value);
}

static const fn_input_on_grid *find_own(const fn_grid_options *o, const char *name)
{
    for (int i = 0; i < o->n_own; i++)
        if (strcmp(o->own[i].name, name) == 0)
            return &o->own[i];
    return NULL;
}

bool fn_grid_options_has_method(const fn_grid_options *o, const char *name)
{
    const fn_input_on_grid *own = find_own(o, name);
    return own && own->method_given;
}

fn_resampling fn_grid_options_resampling(const fn_grid_options *o, const char *name)
{
    return fn_grid_options_has_method(o, name) ? find_own(o, name)->method : o->resampling;
}

const char *fn_grid_options_outside(const fn_grid_options *o, const char *name)
{
    const fn_input_on_grid *own = find_own(o, name);
    return own && own->outside_given ? own->outside : o->outside;
}
