#include "fishnet/recipe.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fishnet/grid.h"
#include "inputs.h"

/* In the order in which programs show them. */
enum {
    CALC,
    LETTER,
    INPUT,
    LETTER_OO,
    INPUT_OO,
    BANDS,
    FLATTEN,
    OT,
    NODATA,
    PROPAGATE_NODATA,
    ALPHA,
    UNSCALE,
    CHECK_EXTENT,
    CHECK_CRS,
    ON_ERROR,
    TILE_SIZE,
    PARTITION,
    CACHE_MB,
    COUNT
};

static const fn_option rows[COUNT] = {
    [LETTER] = {.name = "?", .kind = FN_OPTION_TEXT, .words = FN_OPTION_LETTERS, .help = "Dataset that is this input"},
    [LETTER_OO] = {.name = "?_OO",
                   .kind = FN_OPTION_REPEATED,
                   .words = FN_OPTION_LETTERS,
                   .help = "Open option NAME=VALUE of this input; may be repeated, or hold several separated by a "
                           "semicolon"},
    [INPUT] = {.name = "INPUT",
               .kind = FN_OPTION_INPUT,
               .help = "name=dataset: an input of any name; several datasets with semicolons between, wildcards or "
                       "@list.txt are a stack; may be repeated"},
    [INPUT_OO] = {.name = "INPUT_OO",
                  .kind = FN_OPTION_REPEATED,
                  .help = "name=NAME=VALUE: open option of the input of that name; may be repeated"},
    [CALC] = {.name = "CALC",
              .kind = FN_OPTION_REPEATED,
              .help = "Expression of an output band over A, A[2], B...; may be repeated, or hold several separated by "
                      "a semicolon"},
    [BANDS] = {.name = "BANDS",
               .kind = FN_OPTION_CHOICE,
               .words = "FIRST|ALL",
               .preset = "FIRST",
               .help =
                   "Band that a name alone means: the first, or each one in turn, which makes as many output bands"},
    [FLATTEN] = {.name = "FLATTEN",
                 .kind = FN_OPTION_FLAG,
                 .preset = "NO",
                 .help = "Whether a name alone means all bands within sum(), median() and the like"},
    [OT] = {.name = "OT", .kind = FN_OPTION_TEXT, .help = "Pixel type of computed bands"},
    [NODATA] = {.name = "NODATA", .kind = FN_OPTION_QUANTITY, .help = "NoData value of computed bands, or none"},
    [PROPAGATE_NODATA] = {.name = "PROPAGATE_NODATA",
                          .kind = FN_OPTION_FLAG,
                          .preset = "NO",
                          .help = "Whether an expression is NoData wherever a band that it uses is, whatever it does "
                                  "with it"},
    [ALPHA] = {.name = "ALPHA",
               .kind = FN_OPTION_CHOICE,
               .words = "NODATA|IGNORE",
               .preset = "NODATA",
               .help = "What is transparent in an input"},
    [UNSCALE] = {.name = "UNSCALE",
                 .kind = FN_OPTION_FLAG,
                 .preset = "NO",
                 .help = "Whether expressions get real values: stored ones times the scale of their band, plus its "
                         "offset"},
    [CHECK_EXTENT] = {.name = "CHECK_EXTENT",
                      .kind = FN_OPTION_FLAG,
                      .preset = "YES",
                      .help = "Whether inputs must lie where the first one does; NO: pixels count"},
    [CHECK_CRS] = {.name = "CHECK_CRS",
                   .kind = FN_OPTION_CHOICE,
                   .words = "YES|KNOWN|NO",
                   .preset = "YES",
                   .help = "Whether inputs must have the CRS of the first one; KNOWN: those that have any"},
    [ON_ERROR] = {.name = "ON_ERROR",
                  .kind = FN_OPTION_CHOICE,
                  .words = "FAIL|NODATA",
                  .preset = "FAIL",
                  .help = "What pixels become that cannot be computed"},
    [TILE_SIZE] = {.name = "TILE_SIZE",
                   .kind = FN_OPTION_SIZE,
                   .words = "AUTO",
                   .least = 1,
                   .most = FN_TILE_MAX,
                   .preset = "AUTO",
                   .help = "Size of a task in pixels: 512, 512x256 or AUTO",
                   .wanted = "expected a size such as 512, 512x256 or AUTO, each side from 1 to 65536"},
    [PARTITION] = {.name = "PARTITION", .kind = FN_OPTION_SHARE, .help = "i/n: only the i-th of n parts of the grid"},
    [CACHE_MB] = {.name = "CACHE_MB",
                  .kind = FN_OPTION_WHOLE,
                  .least = 1,
                  .most = 1 << 24,
                  .help = "Memory for tiles in megabytes",
                  .wanted = "expected a number of megabytes from 1 to 16777216"},
};
_Static_assert(FN_TILE_MAX == 65536, "as the text says");

fn_option_table fn_recipe_option_table(void)
{
    return (fn_option_table){rows, COUNT};
}

bool fn_recipe_is_name(const char *connection)
{
    return strncasecmp(connection, FN_RECIPE_PREFIX, strlen(FN_RECIPE_PREFIX)) == 0;
}

fn_status fn_parse_tile_size(const char *text, int *width, int *height, fn_error *err)
{
    fn_option_value value = {0};
    const fn_status status = fn_option_read(&rows[TILE_SIZE], text, &value, err);
    *width = (int)value.whole;
    *height = (int)value.second;
    return status;
}

/* text[0..n) without white space at both ends and without one pair of double quotes, allocated. */
static char *trimmed(const char *text, size_t n)
{
    while (n > 0 && isspace((unsigned char)*text))
        text++, n--;
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    if (n >= 2 && text[0] == '"' && text[n - 1] == '"')
        text++, n -= 2;
    char *copy = malloc(n + 1);
    if (copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

static fn_status no_memory(fn_error *err)
{
    return fn_fail(err, FN_ERR_MEMORY, "out of memory");
}

static fn_status set_text(char **field, const char *text, fn_error *err)
{
    char *copy = strdup(text);
    if (!copy)
        return no_memory(err);
    free(*field);
    *field = copy;
    return FN_OK;
}

/* "A+B; A-B" is two bands. */
static fn_status add_calcs(fn_recipe *r, const char *text, fn_error *err)
{
    for (const char *begin = text;; begin++) {
        const size_t n = strcspn(begin, ";");
        char *calc = malloc(n + 1);
        char **calcs = realloc(r->calcs, (size_t)(r->n_calcs + 1) * sizeof *calcs);
        if (calcs)
            r->calcs = calcs;
        if (!calc || !calcs) {
            free(calc);
            return no_memory(err);
        }
        memcpy(calc, begin, n);
        calc[n] = '\0';
        r->calcs[r->n_calcs++] = calc;
        if (calc[strspn(calc, " \t\r\n")] == '\0')
            return fn_fail(err, FN_ERR_ARGUMENT, "CALC=%.100s: the expression%s is empty", text,
                           strchr(text, ';') ? " of a band" : "");
        begin += n;
        if (*begin == '\0')
            return FN_OK;
    }
}

static fn_status set_type(fn_recipe *r, const char *value, fn_error *err)
{
    r->type = fn_type_from_name(value);
    if (r->type == FN_TYPE_COUNT)
        return fn_fail(err, FN_ERR_ARGUMENT,
                       "OT=%.100s: expected a real pixel type: Byte, Int8, UInt16, Int16, UInt32, Int32, UInt64, "
                       "Int64, Float16, Float32 or Float64",
                       value);
    return FN_OK;
}

/* Whether it is a number at all. Whether the output type can hold it is seen when that is known. */
static fn_status set_nodata(fn_recipe *r, const char *value, fn_error *err)
{
    fn_nodata any;
    r->nodata_none = strcasecmp(value, "none") == 0;
    free(r->nodata);
    r->nodata = NULL;
    if (r->nodata_none)
        return FN_OK;
    const fn_status status = fn_nodata_parse(value, FN_FLOAT64, &any, err);
    return status == FN_OK ? set_text(&r->nodata, value, err) : status;
}

/* What is a word or a number. */
static void set_value(fn_recipe *r, const fn_option *option, const fn_option_value *v)
{
    switch (option - rows) {
    case BANDS:
        r->all_bands = v->whole == 1;
        break;
    case FLATTEN:
        r->flatten = v->whole == 1;
        break;
    case PROPAGATE_NODATA:
        r->propagate_nodata = v->whole == 1;
        break;
    case ALPHA:
        r->ignore_alpha = v->whole == 1;
        break;
    case UNSCALE:
        r->unscale = v->whole == 1;
        break;
    case CHECK_EXTENT:
        r->any_extent = v->whole == 0;
        break;
    case CHECK_CRS:
        r->check_crs = (fn_check_crs)v->whole;
        break;
    case ON_ERROR:
        r->error_is_nodata = v->whole == 1;
        break;
    case TILE_SIZE:
        r->tile_width = (int)v->whole;
        r->tile_height = (int)v->second;
        break;
    case PARTITION:
        r->part = (int)v->whole;
        r->parts = (int)v->second;
        break;
    default:
        r->cache_bytes = (size_t)v->whole << 20;
    }
}

static fn_status set_option(fn_recipe *r, const char *key, size_t key_length, const char *value, fn_error *err)
{
    bool known;
    fn_option_value v = {0};
    fn_status status = fn_worker_options_take(&r->workers, key, key_length, value, &known, err);
    if (!known)
        status = fn_grid_options_take(&r->grid, key, key_length, value, &known, err);
    const fn_option *option = known ? NULL : fn_option_find(fn_recipe_option_table(), key, key_length);
    if (option)
        status = fn_option_read(option, value, &v, err);
    else if (!known && fn_option_is_configuration(key, key_length))
        status = fn_fail(err, FN_ERR_ARGUMENT, "%.*s: %s", (int)key_length, key,
                         fn_option_is_configuration(key, key_length));
    if (status != FN_OK || !option)
        return status;
    const char letter[] = {(char)toupper((unsigned char)*key), '\0'};
    switch (option - rows) {
    case LETTER:
        if (*letter == 'R' && fn_grid_names_method(value))
            return fn_fail(err, FN_ERR_ARGUMENT,
                           "R=%s: R is the name of an input, RESAMPLING=%s says how inputs are resampled; a file that "
                           "is called so is ./%s",
                           value, value, value);
        return fn_recipe_add_dataset(r, letter, value, err);
    case LETTER_OO:
        return fn_recipe_add_open_option(r, letter, 1, value, err);
    case INPUT:
        return fn_recipe_add_input(r, value, err);
    case INPUT_OO:
        return fn_recipe_add_input_option(r, value, err);
    case CALC:
        return add_calcs(r, value, err);
    case OT:
        return set_type(r, value, err);
    case NODATA:
        return set_nodata(r, value, err);
    default:
        set_value(r, option, &v);
        return FN_OK;
    }
}

static bool has_input(const fn_recipe *r, const char *name)
{
    for (int i = 0; i < r->n_inputs; i++)
        if (strcmp(r->inputs[i].name, name) == 0)
            return true;
    return false;
}

static fn_status check_grid(const fn_recipe *r, fn_error *err)
{
    for (int i = 0; i < r->grid.n_own; i++) {
        const fn_input_on_grid *own = &r->grid.own[i];
        const bool letter = strlen(own->name) == 1 && *own->name >= 'A' && *own->name <= 'Z';
        const char *option = own->method_given ? "RESAMPLING" : "OUTSIDE";
        if (!has_input(r, own->name))
            return fn_fail(err, FN_ERR_ARGUMENT, "%s%s%s%sINPUT_%s=%.100s=%s: there is no input %.100s",
                           letter ? own->name : "", letter ? "_" : "", letter ? option : "", letter ? " or " : "",
                           option, own->name,
                           own->method_given ? fn_resampling_name(own->method)
                           : own->outside    ? own->outside
                                             : "NODATA",
                           own->name);
    }
    if (!fn_grid_options_asked(&r->grid) || (!r->any_extent && r->check_crs != FN_CHECK_CRS_NONE))
        return FN_OK;
    return fn_fail(err, FN_ERR_ARGUMENT,
                   "%s: then pixels are matched by their column and row, and options that bring inputs onto one grid, "
                   "such as EXTENT or RESAMPLING, cannot be given",
                   r->any_extent ? "CHECK_EXTENT=NO" : "CHECK_CRS=NO");
}

static fn_status check(const fn_recipe *r, fn_error *err)
{
    fn_status status = fn_recipe_check_inputs(r, err);
    if (status == FN_OK)
        status = check_grid(r, err);
    if (status == FN_OK && r->propagate_nodata && r->nodata_none)
        return fn_fail(err, FN_ERR_ARGUMENT, "PROPAGATE_NODATA=YES needs a NoData value, and NODATA=none says no");
    if (status != FN_OK || r->n_calcs > 0)
        return status;
    if (r->type != FN_TYPE_COUNT)
        return fn_fail(err, FN_ERR_ARGUMENT, "OT=%s needs an expression, CALC=...", fn_type_name(r->type));
    if (r->nodata_none || r->nodata)
        return fn_fail(err, FN_ERR_ARGUMENT, "NODATA=%.100s needs an expression, CALC=...",
                       r->nodata ? r->nodata : "none");
    const char *needy = r->ignore_alpha       ? "ALPHA=IGNORE"
                        : r->all_bands        ? "BANDS=ALL"
                        : r->flatten          ? "FLATTEN=YES"
                        : r->propagate_nodata ? "PROPAGATE_NODATA=YES"
                        : r->unscale          ? "UNSCALE=YES"
                                              : NULL;
    return needy ? fn_fail(err, FN_ERR_ARGUMENT, "%s needs an expression, CALC=...", needy) : FN_OK;
}

fn_status fn_recipe_parse(const char *connection, const char *const *options, fn_recipe *out, fn_error *err)
{
    *out = (fn_recipe){.type = FN_TYPE_COUNT, .workers = fn_worker_options_default(), .part = 1, .parts = 1};
    if (!fn_recipe_is_name(connection))
        return fn_fail(err, FN_ERR_ARGUMENT, "%.300s does not begin with %s", connection, FN_RECIPE_PREFIX);
    fn_status status = FN_OK;
    const char *name = connection + strlen(FN_RECIPE_PREFIX);
    char *first = trimmed(name, strlen(name));
    if (!first)
        return no_memory(err);
    const bool is_connection = *first != '\0';
    if (is_connection)
        status = fn_recipe_add_dataset(out, "A", first, err);
    free(first);
    for (const char *const *option = options; status == FN_OK && option && *option; option++) {
        const char *equal = strchr(*option, '=');
        if (equal)
            status = set_option(out, *option, (size_t)(equal - *option), equal + 1, err);
    }
    fn_recipe_order_inputs(out, is_connection);
    if (status == FN_OK)
        status = check(out, err);
    if (status != FN_OK)
        fn_recipe_clear(out);
    return status;
}

void fn_recipe_clear(fn_recipe *r)
{
    for (int i = 0; i < r->n_inputs; i++)
        fn_recipe_input_clear(&r->inputs[i]);
    free(r->inputs);
    for (int i = 0; i < r->n_calcs; i++)
        free(r->calcs[i]);
    free(r->calcs);
    free(r->nodata);
    fn_grid_options_clear(&r->grid);
    *r = (fn_recipe){.type = FN_TYPE_COUNT, .workers = fn_worker_options_default(), .part = 1, .parts = 1};
}
