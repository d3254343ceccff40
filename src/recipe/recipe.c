#include "fishnet/recipe.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fishnet/grid.h"

#define FN_PARTS_MAX 1000000000

bool fn_recipe_is_name(const char *connection)
{
    return strncasecmp(connection, FN_RECIPE_PREFIX, strlen(FN_RECIPE_PREFIX)) == 0;
}

/* A whole number of digits only, at most `most`; -1 otherwise. Moves *text behind it. */
static long long read_whole(const char **text, long long most)
{
    long long value = 0;
    if (!isdigit((unsigned char)**text))
        return -1;
    while (isdigit((unsigned char)**text)) {
        value = value * 10 + (**text - '0');
        if (value > most)
            return -1;
        ++*text;
    }
    return value;
}

fn_status fn_parse_partition(const char *text, int *part, int *parts, fn_error *err)
{
    const char *end = text;
    const long long i = read_whole(&end, FN_PARTS_MAX);
    const long long n = i > 0 && *end == '/' ? (end++, read_whole(&end, FN_PARTS_MAX)) : -1;
    if (i < 1 || n < i || *end != '\0')
        return fn_fail(err, FN_ERR_ARGUMENT, "PARTITION=%.100s: <i>/<n> such as 1/4 is wanted, with i from 1 to n",
                       text);
    *part = (int)i;
    *parts = (int)n;
    return FN_OK;
}

fn_status fn_parse_tile_size(const char *text, int *width, int *height, fn_error *err)
{
    *width = *height = 0;
    if (strcasecmp(text, "AUTO") == 0)
        return FN_OK;
    const char *end = text;
    long long w = read_whole(&end, FN_TILE_MAX), h = w;
    if (w >= 0 && (*end == 'x' || *end == 'X')) {
        end++;
        h = read_whole(&end, FN_TILE_MAX);
    }
    if (w < 1 || h < 1 || *end != '\0')
        return fn_fail(err, FN_ERR_ARGUMENT,
                       "TILE_SIZE=%.100s: a size such as 512, 512x256 or AUTO is wanted, each side from 1 to %d", text,
                       FN_TILE_MAX);
    *width = (int)w;
    *height = (int)h;
    return FN_OK;
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

/* One more, behind those that are there. */
static fn_status add_open_option(char **field, const char *value, fn_error *err)
{
    if (!*field)
        return set_text(field, value, err);
    const size_t size = strlen(*field) + strlen(value) + 2;
    char *both = malloc(size);
    if (!both)
        return no_memory(err);
    snprintf(both, size, "%s;%s", *field, value);
    free(*field);
    *field = both;
    return FN_OK;
}

static fn_status set_input(fn_recipe *r, char letter, const char *value, fn_error *err)
{
    if (*value == '\0')
        return fn_fail(err, FN_ERR_ARGUMENT, "%c=: the name of a dataset is wanted", letter);
    char **input = &r->inputs[letter - 'A'];
    if (*input && strcmp(*input, value) != 0)
        return fn_fail(err, FN_ERR_ARGUMENT, "input %c is given twice, as %.300s and %.300s", letter, *input, value);
    return set_text(input, value, err);
}

/* Any number, or "none". Whether the output type can hold it is checked when that type is known. */
static fn_status set_nodata(fn_recipe *r, const char *value, fn_error *err)
{
    r->nodata_none = strcasecmp(value, "none") == 0;
    free(r->nodata);
    r->nodata = NULL;
    if (r->nodata_none)
        return FN_OK;
    fn_nodata any;
    const fn_status parsed = fn_nodata_parse(value, FN_FLOAT64, &any, err);
    return parsed == FN_OK ? set_text(&r->nodata, value, err) : parsed;
}

static fn_status set_option(fn_recipe *r, const char *key, size_t key_length, const char *value, fn_error *err)
{
#define KEY(name) (key_length == strlen(name) && strncasecmp(key, name, key_length) == 0)
    if (key_length == 1 && isalpha((unsigned char)*key))
        return set_input(r, (char)toupper((unsigned char)*key), value, err);
    if (key_length == 4 && isalpha((unsigned char)*key) && strncasecmp(key + 1, "_OO", 3) == 0)
        return add_open_option(&r->open_options[toupper((unsigned char)*key) - 'A'], value, err);
    if (KEY("CALC"))
        return add_calcs(r, value, err);
    if (KEY("PARTITION"))
        return fn_parse_partition(value, &r->part, &r->parts, err);
    if (KEY("TILE_SIZE"))
        return fn_parse_tile_size(value, &r->tile_width, &r->tile_height, err);
    bool known;
    const fn_status status = fn_worker_options_take(&r->workers, key, key_length, value, &known, err);
    if (known)
        return status;
    if (KEY("ON_ERROR")) {
        r->error_is_nodata = strcasecmp(value, "NODATA") == 0;
        if (!r->error_is_nodata && strcasecmp(value, "FAIL") != 0)
            return fn_fail(err, FN_ERR_ARGUMENT, "ON_ERROR=%.100s: FAIL or NODATA is wanted", value);
    } else if (KEY("ALPHA")) {
        r->ignore_alpha = strcasecmp(value, "IGNORE") == 0;
        if (!r->ignore_alpha && strcasecmp(value, "NODATA") != 0)
            return fn_fail(err, FN_ERR_ARGUMENT, "ALPHA=%.100s: NODATA or IGNORE is wanted", value);
    } else if (KEY("OT")) {
        r->type = fn_type_from_name(value);
        if (r->type == FN_TYPE_COUNT)
            return fn_fail(
                err, FN_ERR_ARGUMENT,
                "OT=%.100s: a real pixel type is wanted: Byte, Int8, UInt16, Int16, UInt32, Int32, UInt64, Int64, "
                "Float16, Float32 or Float64",
                value);
    } else if (KEY("NODATA")) {
        return set_nodata(r, value, err);
    } else if (KEY("CACHE_MB")) {
        const char *end = value;
        const long long megabytes = read_whole(&end, 1 << 24);
        if (megabytes < 1 || *end != '\0')
            return fn_fail(err, FN_ERR_ARGUMENT, "CACHE_MB=%.100s: a number of megabytes from 1 to %d is wanted", value,
                           1 << 24);
        r->cache_bytes = (size_t)megabytes << 20;
    } else if (KEY("TRACE")) {
        return fn_fail(
            err, FN_ERR_ARGUMENT,
            "TRACE: it is no open option, since files hold those too, and may not name what is written: give the "
            "configuration option FISHNET_TRACE");
    }
    return FN_OK;
#undef KEY
}

/* Letters of inputs make sense with an expression only. */
static fn_status check(const fn_recipe *r, fn_error *err)
{
    if (!r->inputs[0])
        return fn_fail(err, FN_ERR_ARGUMENT, "a dataset name is missing: %s<dataset>, or the option A=<dataset>",
                       FN_RECIPE_PREFIX);
    for (int i = 0; i < FN_INPUTS; i++)
        if (r->open_options[i] && !r->inputs[i])
            return fn_fail(err, FN_ERR_ARGUMENT, "%c_OO=%.100s: there is no input %c", 'A' + i, r->open_options[i],
                           'A' + i);
    if (r->n_calcs > 0)
        return FN_OK;
    for (int i = 1; i < FN_INPUTS; i++)
        if (r->inputs[i])
            return fn_fail(err, FN_ERR_ARGUMENT, "%c=%.300s: a second input needs an expression, CALC=...", 'A' + i,
                           r->inputs[i]);
    if (r->type != FN_TYPE_COUNT)
        return fn_fail(err, FN_ERR_ARGUMENT, "OT=%s needs an expression, CALC=...", fn_type_name(r->type));
    if (r->nodata_none || r->nodata)
        return fn_fail(err, FN_ERR_ARGUMENT, "NODATA=%.100s needs an expression, CALC=...",
                       r->nodata ? r->nodata : "none");
    if (r->ignore_alpha)
        return fn_fail(err, FN_ERR_ARGUMENT, "ALPHA=IGNORE needs an expression, CALC=...");
    return FN_OK;
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
    if (*first)
        out->inputs[0] = first;
    else
        free(first);
    for (const char *const *option = options; status == FN_OK && option && *option; option++) {
        const char *equal = strchr(*option, '=');
        if (equal)
            status = set_option(out, *option, (size_t)(equal - *option), equal + 1, err);
    }
    if (status == FN_OK)
        status = check(out, err);
    if (status != FN_OK)
        fn_recipe_clear(out);
    return status;
}

void fn_recipe_clear(fn_recipe *r)
{
    for (int i = 0; i < FN_INPUTS; i++) {
        free(r->inputs[i]);
        free(r->open_options[i]);
    }
    for (int i = 0; i < r->n_calcs; i++)
        free(r->calcs[i]);
    free(r->calcs);
    free(r->nodata);
    *r = (fn_recipe){.type = FN_TYPE_COUNT, .workers = fn_worker_options_default(), .part = 1, .parts = 1};
}
