#include "fishnet/grid_options.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fishnet/recipe.h"
#include "text.h"

enum { EXTENT, CELL_SIZE, SNAP, CRS, RESAMPLING, LETTER_RESAMPLING, INPUT_RESAMPLING, OUTSIDE, ACCURACY, COUNT };

#define METHODS "AUTO|NEAR|BILINEAR|CUBIC|CUBICSPLINE|LANCZOS|AVERAGE|RMS|MODE|MIN|MAX|MED|Q1|Q3|SUM"

static const char *const method_names[] = {"auto",    "near",    "bilinear", "cubic", "cubicspline",
                                           "lanczos", "average", "rms",      "mode",  "min",
                                           "max",     "med",     "q1",       "q3",    "sum"};
_Static_assert(sizeof method_names / sizeof *method_names == FN_RESAMPLING_SUM + 1, "one name each");

static const fn_option rows[COUNT] = {
    [EXTENT] = {.name = "EXTENT",
                .kind = FN_OPTION_TEXT,
                .help = "Extent of the result: the name of an input, INTERSECTION, UNION, a dataset, or "
                        "xmin,ymin,xmax,ymax; by default that of the first input"},
    [CELL_SIZE] = {.name = "CELL_SIZE",
                   .kind = FN_OPTION_QUANTITY,
                   .help = "Cell size of the result: the name of an input, FINEST, COARSEST, or x[,y]; by default that "
                           "of the first input"},
    [SNAP] = {.name = "SNAP",
              .kind = FN_OPTION_TEXT,
              .help = "Whose cells the corners of the result are corners of: the name of an input, a dataset, or TAP: "
                      "multiples of the cell size; by default the first input"},
    [CRS] = {.name = "CRS",
             .kind = FN_OPTION_TEXT,
             .help = "Coordinate reference system of the result; by default that of the first input"},
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

/* The last one counts. */
static fn_status set_own(fn_grid_options *o, const char *name, size_t n, fn_resampling method, fn_error *err)
{
    for (int i = 0; i < o->n_own; i++)
        if (strlen(o->own[i].name) == n && memcmp(o->own[i].name, name, n) == 0) {
            o->own[i].method = method;
            return FN_OK;
        }
    fn_input_resampling *own = realloc(o->own, (size_t)(o->n_own + 1) * sizeof *own);
    if (!own)
        return lack_memory(err);
    o->own = own;
    own[o->n_own] = (fn_input_resampling){.name = strndup(name, n), .method = method};
    if (!own[o->n_own].name)
        return lack_memory(err);
    o->n_own++;
    return FN_OK;
}

/* name=method */
static fn_status take_input_resampling(fn_grid_options *o, const char *text, fn_error *err)
{
    const size_t n = strcspn(text, "=");
    fn_resampling method;
    if (n == 0 || text[n] != '=')
        return fn_fail(err, FN_ERR_ARGUMENT, "INPUT_RESAMPLING=%.200s: expected <name>=<method>, such as red=CUBIC",
                       text);
    const fn_status status = read_method("INPUT_RESAMPLING", text + n + 1, &method, err);
    return status == FN_OK ? set_own(o, text, n, method, err) : status;
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

static fn_status set_outside(fn_grid_options *o, const char *text, fn_error *err)
{
    fn_nodata any;
    if (strcasecmp(text, "NODATA") == 0) {
        free(o->outside);
        o->outside = NULL;
        return FN_OK;
    }
    if (fn_nodata_parse(text, FN_FLOAT64, &any, NULL) != FN_OK)
        return fn_fail(err, FN_ERR_ARGUMENT, "OUTSIDE=%.100s: %s", text, rows[OUTSIDE].wanted);
    return set_text(&o->outside, "OUTSIDE", text, err);
}

fn_status fn_grid_options_take(fn_grid_options *o, const char *key, size_t key_length, const char *value, bool *known,
                               fn_error *err)
{
    const fn_option *option = fn_option_find(fn_grid_option_table(), key, key_length);
    fn_option_value v = {0};
    fn_resampling method = FN_RESAMPLING_AUTO;
    fn_status status = FN_OK;
    *known = option != NULL;
    if (!option)
        return FN_OK;
    switch (option - rows) {
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
    case LETTER_RESAMPLING: {
        const char letter = (char)toupper((unsigned char)*key);
        const char name[] = {letter, '_', 'R', 'E', 'S', 'A', 'M', 'P', 'L', 'I', 'N', 'G', '\0'};
        status = read_method(name, value, &method, err);
        return status == FN_OK ? set_own(o, &letter, 1, method, err) : status;
    }
    case INPUT_RESAMPLING:
        return take_input_resampling(o, value, err);
    case OUTSIDE:
        return set_outside(o, value, err);
    default:
        status = fn_option_read(option, value, &v, err);
        o->accuracy = status == FN_OK ? v.number : o->accuracy;
        return status;
    }
}

void fn_grid_options_clear(fn_grid_options *o)
{
    for (int i = 0; i < o->n_own; i++)
        free(o->own[i].name);
    free(o->own);
    free(o->extent);
    free(o->cell_size);
    free(o->snap);
    free(o->crs);
    free(o->outside);
    *o = (fn_grid_options){0};
}

bool fn_grid_options_asked(const fn_grid_options *o)
{
    return o->extent || o->cell_size || o->snap || o->crs || o->resampling_given || o->n_own > 0 || o->outside;
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
    return (strcasecmp(option, "EXTENT") == 0 || strcasecmp(option, "SNAP") == 0) && *value != '\0' &&
           !fn_recipe_is_input_name(value, strlen(value)) && !fn_grid_holds_numbers(value);
}

fn_resampling fn_grid_options_resampling(const fn_grid_options *o, const char *name)
{
    for (int i = 0; i < o->n_own; i++)
        if (strcmp(o->own[i].name, name) == 0)
            return o->own[i].method;
    return o->resampling;
}
