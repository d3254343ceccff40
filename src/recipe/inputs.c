/* Names of inputs, and the datasets that they stand for. */
#include "inputs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"

static fn_status lack_memory(fn_error *err)
{
    return fn_fail(err, FN_ERR_MEMORY, "out of memory");
}

/* ---- one input as it is written ---- */

/* In any locale. */
static bool is_ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Words that are no names in expressions, or mean something else there. */
static bool is_reserved(const char *text, size_t n)
{
    static const char *const words[] = {"NODATA", "not"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (n == strlen(words[i]) && memcmp(text, words[i], n) == 0)
            return true;
    return false;
}

bool fn_recipe_is_input_name(const char *text, size_t n)
{
    if (n == 0 || !is_ascii_letter(text[0]) || is_reserved(text, n))
        return false;
    for (size_t i = 1; i < n; i++)
        if (!is_ascii_letter(text[i]) && !(text[i] >= '0' && text[i] <= '9') && text[i] != '_')
            return false;
    return true;
}

/* Reads "NAME=" of what an option holds. Returns what stands behind it, or NULL. */
static const char *read_name(const char *option, const char *text, const char *wanted, char **name, fn_error *err)
{
    const size_t n = strcspn(text, "=");
    if (text[n] != '=' || n == 0) {
        fn_fail(err, FN_ERR_ARGUMENT, "%s=%.200s: expected <name>=%s", option, text, wanted);
        return NULL;
    }
    if (!fn_recipe_is_input_name(text, n)) {
        fn_fail(err, FN_ERR_ARGUMENT,
                "%s=%.200s: an input cannot be called %.*s: a name begins with a letter, goes on with letters, digits "
                "and _, and is not NODATA or not",
                option, text, n < 60 ? (int)n : 60, text);
        return NULL;
    }
    *name = strndup(text, n);
    if (!*name)
        lack_memory(err);
    return *name ? text + n + 1 : NULL;
}

/* In double quotes, in which "" is one: where the text goes on. NULL: they are not closed. */
static const char *read_quoted_name(const char *text, char *out)
{
    for (text++;; *out++ = *text++) {
        if (*text == '\0')
            return NULL;
        if (*text == '"' && *++text != '"')
            break;
    }
    *out = '\0';
    return text + strspn(text, " \t\r\n");
}

/* Up to a semicolon that is not within quotes, as those in NETCDF:"a;b.nc":t. */
static const char *read_plain_name(const char *text, char *out)
{
    bool within = false;
    size_t n = 0;
    for (; text[n] != '\0' && (within || text[n] != ';'); n++)
        within ^= text[n] == '"';
    const char *end = text + n;
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    memcpy(out, text, n);
    out[n] = '\0';
    return end;
}

static fn_status read_datasets(const char *text, fn_recipe_input *out, fn_error *err)
{
    const bool is_content = *text == '<' || *text == '{'; /* of a file: VRT, GDALG */
    size_t capacity = 0;
    for (const char *at = text;; at++) {
        at += strspn(at, " \t\r\n");
        const bool quoted = *at == '"';
        if (*at == '\0' && out->n_datasets > 0)
            return FN_OK;
        char *name = malloc(strlen(at) + 1);
        if (!name || !fn_reserve(&out->datasets, &capacity, (size_t)out->n_datasets + 1, sizeof *out->datasets)) {
            free(name);
            return lack_memory(err);
        }
        out->datasets[out->n_datasets++] = (fn_recipe_dataset){.name = name, .quoted = quoted};
        if (is_content)
            at = strcpy(name, at) + strlen(name);
        else
            at = quoted ? read_quoted_name(at, name) : read_plain_name(at, name);
        if (!at || (*at != '\0' && *at != ';' && !is_content))
            return fn_fail(err, FN_ERR_ARGUMENT,
                           "INPUT=%s=%.200s: a name in quotes ends with one, and is followed by ';' or nothing",
                           out->name, text);
        if (*name == '\0')
            return fn_fail(err, FN_ERR_ARGUMENT, "INPUT=%s=%.200s: expected the name of a dataset", out->name, text);
        if (is_content || *at == '\0')
            return FN_OK;
        out->is_stack = true;
    }
}

fn_status fn_recipe_input_read(const char *text, fn_recipe_input *out, fn_error *err)
{
    *out = (fn_recipe_input){0};
    const char *datasets = read_name("INPUT", text, "<dataset>, such as red=b4.tif", &out->name, err);
    const fn_status status = datasets ? read_datasets(datasets, out, err) : err ? err->status : FN_ERR_ARGUMENT;
    if (status != FN_OK)
        fn_recipe_input_clear(out);
    return status;
}

void fn_recipe_input_clear(fn_recipe_input *input)
{
    for (int i = 0; i < input->n_datasets; i++)
        free(input->datasets[i].name);
    free(input->datasets);
    free(input->open_options);
    free(input->name);
    *input = (fn_recipe_input){0};
}

/* ---- all of them ---- */

/* The input of that name; a new one has no dataset yet. NULL: no memory. */
static fn_recipe_input *get_input(fn_recipe *r, const char *name, size_t n)
{
    for (int i = 0; i < r->n_inputs; i++)
        if (strlen(r->inputs[i].name) == n && memcmp(r->inputs[i].name, name, n) == 0)
            return &r->inputs[i];
    fn_recipe_input *inputs = realloc(r->inputs, (size_t)(r->n_inputs + 1) * sizeof *inputs);
    if (!inputs)
        return NULL;
    r->inputs = inputs;
    inputs[r->n_inputs] = (fn_recipe_input){.name = strndup(name, n)};
    return inputs[r->n_inputs].name ? &inputs[r->n_inputs++] : NULL;
}

static const char *dataset_name(const fn_recipe_input *input, int i)
{
    return i < input->n_datasets ? input->datasets[i].name : "nothing";
}

/* Takes the datasets of `given` over. The same ones may be given twice. */
static fn_status take_datasets(fn_recipe *r, fn_recipe_input *given, fn_error *err)
{
    fn_recipe_input *input = get_input(r, given->name, strlen(given->name));
    if (!input)
        return lack_memory(err);
    if (input->n_datasets == 0) {
        input->datasets = given->datasets;
        input->n_datasets = given->n_datasets;
        input->is_stack = given->is_stack;
        given->datasets = NULL;
        given->n_datasets = 0;
        return FN_OK;
    }
    int i = 0;
    while (i < input->n_datasets && i < given->n_datasets &&
           strcmp(input->datasets[i].name, given->datasets[i].name) == 0)
        i++;
    if (i == input->n_datasets && i == given->n_datasets && input->is_stack == given->is_stack)
        return FN_OK;
    i = input->is_stack == given->is_stack ? i : 0;
    return fn_fail(err, FN_ERR_ARGUMENT, "input %.100s is given twice, as %.300s and %.300s", input->name,
                   dataset_name(input, i), dataset_name(given, i));
}

fn_status fn_recipe_add_dataset(fn_recipe *r, const char *name, const char *dataset, fn_error *err)
{
    if (*dataset == '\0')
        return fn_fail(err, FN_ERR_ARGUMENT, "%s=: expected the name of a dataset", name);
    fn_recipe_input input = {.name = strdup(name), .datasets = calloc(1, sizeof *input.datasets)};
    if (input.datasets) {
        input.datasets[0] = (fn_recipe_dataset){.name = strdup(dataset), .quoted = true};
        input.n_datasets = 1;
    }
    const bool whole = input.name && input.datasets && input.datasets[0].name;
    const fn_status status = whole ? take_datasets(r, &input, err) : lack_memory(err);
    fn_recipe_input_clear(&input);
    return status;
}

fn_status fn_recipe_add_input(fn_recipe *r, const char *text, fn_error *err)
{
    fn_recipe_input input;
    fn_status status = fn_recipe_input_read(text, &input, err);
    if (status == FN_OK)
        status = take_datasets(r, &input, err);
    fn_recipe_input_clear(&input);
    return status;
}

fn_status fn_recipe_add_open_option(fn_recipe *r, const char *name, size_t n, const char *option, fn_error *err)
{
    fn_recipe_input *input = get_input(r, name, n);
    const size_t before = input && input->open_options ? strlen(input->open_options) + 1 : 0;
    char *all = input ? malloc(before + strlen(option) + 1) : NULL;
    if (!all)
        return lack_memory(err);
    if (before > 0)
        snprintf(all, before + 1, "%s;", input->open_options);
    strcpy(all + before, option);
    free(input->open_options);
    input->open_options = all;
    return FN_OK;
}

fn_status fn_recipe_add_input_option(fn_recipe *r, const char *text, fn_error *err)
{
    char *name = NULL;
    const char *option = read_name("INPUT_OO", text, "NAME=VALUE, such as red=DATATYPE=Float64", &name, err);
    fn_status status = option ? FN_OK : err ? err->status : FN_ERR_ARGUMENT;
    if (option && *option == '"') { /* as a VRT holds several */
        char *plain = malloc(strlen(option) + 1);
        const char *end = plain ? read_quoted_name(option, plain) : NULL;
        if (plain && (!end || *end != '\0'))
            status =
                fn_fail(err, FN_ERR_ARGUMENT, "INPUT_OO=%.200s: quotes that are not closed, or text behind them", text);
        else
            status = plain ? fn_recipe_add_open_option(r, name, strlen(name), plain, err) : lack_memory(err);
        free(plain);
    } else if (option)
        status = fn_recipe_add_open_option(r, name, strlen(name), option, err);
    free(name);
    return status;
}

void fn_recipe_order_inputs(fn_recipe *r, bool is_connection)
{
    int first = 0;
    for (int i = 0; i < r->n_inputs && !is_connection; i++)
        if (strcmp(r->inputs[i].name, "A") == 0)
            first = i;
    for (; first > 0; first--) {
        const fn_recipe_input input = r->inputs[first];
        r->inputs[first] = r->inputs[first - 1];
        r->inputs[first - 1] = input;
    }
    r->any_name = is_connection && r->n_inputs == 1;
}

fn_status fn_recipe_check_inputs(const fn_recipe *r, fn_error *err)
{
    for (int i = 0; i < r->n_inputs; i++) {
        const fn_recipe_input *input = &r->inputs[i];
        const bool letter = strlen(input->name) == 1 && *input->name >= 'A' && *input->name <= 'Z';
        if (input->n_datasets == 0)
            return fn_fail(err, FN_ERR_ARGUMENT, "%s%s%s=%.100s: there is no input %s",
                           letter ? input->name : "INPUT_OO=", letter ? "_OO or INPUT_OO=" : "", input->name,
                           input->open_options, input->name);
    }
    if (r->n_inputs == 0)
        return fn_fail(err, FN_ERR_ARGUMENT,
                       "a dataset name is missing: %s<dataset>, or the option A=<dataset> or INPUT=<name>=<dataset>",
                       FN_RECIPE_PREFIX);
    if (r->n_calcs > 0)
        return FN_OK;
    const fn_recipe_input *last = &r->inputs[r->n_inputs - 1];
    if (r->n_inputs > 1)
        return fn_fail(err, FN_ERR_ARGUMENT, "%.100s=%.300s: a second input needs an expression, CALC=...", last->name,
                       last->datasets[0].name);
    if (last->is_stack)
        return fn_fail(err, FN_ERR_ARGUMENT, "INPUT=%.100s: a stack needs an expression, CALC=...", last->name);
    return FN_OK;
}
