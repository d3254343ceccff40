#include "arguments.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "array.h"

static fn_word read_word(fn_parser *p)
{
    const fn_word word = {p->at, fn_name_length(p->at), fn_parser_here(p)};
    p->at += word.length;
    return word;
}

/* Takes the character if it comes next, behind spaces. */
static bool take(fn_parser *p, char c)
{
    fn_parser_skip_space(p);
    if (*p->at != c)
        return false;
    p->at++;
    return true;
}

/* A number with its sign, and perhaps a unit behind it. */
static fn_status read_number(fn_parser *p, fn_quantity *q)
{
    fn_parser_skip_space(p);
    q->position = fn_parser_here(p);
    const bool negative = *p->at == '-';
    if (*p->at == '-' || *p->at == '+')
        p->at++;
    if (!isdigit((unsigned char)*p->at) && *p->at != '.')
        return fn_parser_complain(p, q->position, "expected a number: here only constants can stand");
    const fn_status status = fn_parser_read_number(p, true, &q->value);
    if (status != FN_OK)
        return status;
    if (negative)
        q->value = -q->value;
    if (fn_name_begin(*p->at))
        q->unit = read_word(p);
    return FN_OK;
}

/* Numbers with * and / between them. */
static fn_status read_product(fn_parser *p, fn_quantity *q)
{
    fn_status status = read_number(p, q);
    while (status == FN_OK && q->unit.length == 0) {
        fn_quantity factor = {0};
        const bool divides = take(p, '/');
        if (!divides && !take(p, '*'))
            break;
        status = read_number(p, &factor);
        if (status == FN_OK && factor.unit.length > 0)
            status = fn_parser_complain(p, factor.unit.position, "a unit stands behind a number that is not computed");
        q->value = divides ? q->value / factor.value : q->value * factor.value;
    }
    return status;
}

/* A number that may have a unit, or one that is computed of numbers, as 1/111120 is. */
static fn_status read_quantity(fn_parser *p, fn_arguments *a)
{
    fn_quantity q = {0};
    fn_status status = read_product(p, &q);
    while (status == FN_OK && q.unit.length == 0) {
        fn_quantity term = {0};
        const bool subtracts = take(p, '-');
        if (!subtracts && !take(p, '+'))
            break;
        status = read_product(p, &term);
        if (status == FN_OK && term.unit.length > 0)
            status = fn_parser_complain(p, term.unit.position, "a unit stands behind a number that is not computed");
        q.value += subtracts ? -term.value : term.value;
    }
    if (status != FN_OK)
        return status;
    if (!isfinite(q.value))
        return fn_parser_complain(p, q.position, "the number is beyond all bounds");
    if (!fn_reserve(&a->numbers, &a->number_capacity, a->n_numbers + 1, sizeof q))
        return fn_parser_no_memory(p);
    a->numbers[a->n_numbers++] = q;
    return FN_OK;
}

/* Numbers with commas between them, up to what closes them. */
static fn_status read_quantities(fn_parser *p, fn_arguments *a, char closing, size_t *count)
{
    const size_t before = a->n_numbers;
    do {
        const fn_status status = read_quantity(p, a);
        if (status != FN_OK)
            return status;
    } while (take(p, ','));
    if (!take(p, closing))
        return fn_parser_complain(p, fn_parser_here(p), "expected ',' or '%c' behind a number", closing);
    *count = a->n_numbers - before;
    return FN_OK;
}

/* [[a, b], [c, d]], behind the first bracket. */
static fn_status read_matrix(fn_parser *p, fn_arguments *a, fn_argument *argument)
{
    do {
        fn_parser_skip_space(p);
        const uint32_t position = fn_parser_here(p);
        size_t columns = 0;
        if (!take(p, '['))
            return fn_parser_complain(p, position,
                                      "expected '[' before a row of the matrix, as in [[0,1,0],[1,1,1],[0,1,0]]");
        const fn_status status = read_quantities(p, a, ']', &columns);
        if (status != FN_OK)
            return status;
        argument->rows++;
        argument->count += columns;
        if (argument->count != columns * (size_t)argument->rows)
            return fn_parser_complain(p, position, "a row of the matrix has %zu numbers, the first one %zu", columns,
                                      (argument->count - columns) / (size_t)(argument->rows - 1));
    } while (take(p, ','));
    return take(p, ']') ? FN_OK
                        : fn_parser_complain(p, fn_parser_here(p), "expected ',' or ']' behind a row of the matrix");
}

static fn_status read_quoted(fn_parser *p, fn_argument *argument)
{
    const char quote = *p->at++;
    argument->word = (fn_word){p->at, 0, fn_parser_here(p)};
    while (*p->at && *p->at != quote)
        p->at++;
    argument->word.length = (size_t)(p->at - argument->word.text);
    if (!*p->at)
        return fn_parser_complain(p, argument->position, "a quote is missing");
    p->at++;
    return FN_OK;
}

static fn_status read_value(fn_parser *p, fn_arguments *a, fn_argument *argument)
{
    fn_parser_skip_space(p);
    argument->position = fn_parser_here(p);
    argument->first = a->n_numbers;
    if (*p->at == '\'' || *p->at == '"') {
        argument->kind = FN_ARGUMENT_WORD;
        return read_quoted(p, argument);
    }
    if (*p->at == '[') {
        argument->kind = FN_ARGUMENT_MATRIX;
        p->at++;
        return read_matrix(p, a, argument);
    }
    if (fn_name_begin(*p->at)) {
        fn_parser_skip_numpy(p);
        argument->word = read_word(p);
        argument->kind = take(p, '(') ? FN_ARGUMENT_SHAPE : FN_ARGUMENT_WORD;
        return argument->kind == FN_ARGUMENT_SHAPE ? read_quantities(p, a, ')', &argument->count) : FN_OK;
    }
    argument->kind = FN_ARGUMENT_NUMBER;
    argument->count = 1;
    return read_quantity(p, a);
}

static fn_status read_argument(fn_parser *p, fn_arguments *a)
{
    fn_argument argument = {0};
    fn_parser_skip_space(p);
    const char *begin = p->at;
    if (fn_name_begin(*p->at)) {
        const fn_word name = read_word(p);
        fn_parser_skip_space(p);
        if (*p->at == '=' && p->at[1] != '=') {
            argument.name = name;
            p->at++;
        } else
            p->at = begin;
    }
    const fn_status status = read_value(p, a, &argument);
    if (status != FN_OK)
        return status;
    if (!argument.name.text && a->count > 0 && a->items[a->count - 1].name.text)
        return fn_parser_complain(p, argument.position, "an argument without a name behind one that has one");
    if (!fn_reserve(&a->items, &a->capacity, a->count + 1, sizeof argument))
        return fn_parser_no_memory(p);
    a->items[a->count++] = argument;
    return FN_OK;
}

fn_status fn_arguments_read(fn_parser *p, fn_arguments *a)
{
    do {
        const fn_status status = read_argument(p, a);
        if (status != FN_OK)
            return status;
    } while (take(p, ','));
    return take(p, ')') ? FN_OK
                        : fn_parser_complain(p, fn_parser_here(p),
                                             "expected ',' or ')' behind an argument: here only constants can stand");
}

void fn_arguments_free(fn_arguments *a)
{
    free(a->items);
    free(a->numbers);
    *a = (fn_arguments){0};
}

/* ---- what a function takes of them ---- */

const fn_argument *fn_arguments_take(fn_arguments *a, int place, const char *name)
{
    for (size_t i = 0; i < a->count; i++) {
        fn_argument *argument = &a->items[i];
        const bool is_it = argument->name.text ? fn_is_word(argument->name.text, argument->name.length, name)
                                               : place >= 0 && i == (size_t)place;
        if (is_it && !argument->is_taken) {
            argument->is_taken = true;
            return argument;
        }
    }
    return NULL;
}

fn_status fn_arguments_number(fn_parser *p, fn_arguments *a, int place, const char *name, double *given)
{
    const fn_argument *argument = fn_arguments_take(a, place, name);
    if (!argument)
        return FN_OK;
    if (argument->kind != FN_ARGUMENT_NUMBER || a->numbers[argument->first].unit.length > 0)
        return fn_parser_complain(p, argument->position, "%s must be a number", name);
    *given = a->numbers[argument->first].value;
    return FN_OK;
}

static void list_words(const char *const *words, char *list, size_t size)
{
    size_t n = 0;
    list[0] = '\0';
    for (int i = 0; words[i] && n < size; i++)
        n += (size_t)snprintf(list + n, size - n, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
}

fn_status fn_arguments_choice(fn_parser *p, fn_arguments *a, int place, const char *name, const char *const *words,
                              int *given)
{
    const fn_argument *argument = fn_arguments_take(a, place, name);
    if (!argument)
        return FN_OK;
    for (int i = 0; argument->kind == FN_ARGUMENT_WORD && words[i]; i++)
        if (strlen(words[i]) == argument->word.length &&
            strncasecmp(argument->word.text, words[i], argument->word.length) == 0) {
            *given = i;
            return FN_OK;
        }
    char list[200];
    list_words(words, list, sizeof list);
    return fn_parser_complain(p, argument->position, "%s must be %s", name, list);
}

/* Is it one of those that a function is written with? */
static bool has_word(const char *takes, const fn_word *word)
{
    for (const char *at = takes; *at;) {
        const size_t n = fn_name_length(at);
        if (n == word->length && n > 0 && memcmp(at, word->text, n) == 0)
            return true;
        at += n > 0 ? n : 1;
    }
    return false;
}

fn_status fn_arguments_check(fn_parser *p, const fn_arguments *a, const char *function, const char *takes)
{
    for (size_t i = 0; i < a->count; i++) {
        const fn_argument *argument = &a->items[i];
        if (argument->is_taken)
            continue;
        if (!argument->name.text)
            return fn_parser_complain(p, argument->position, "'%s' has no such argument; it is written %s", function,
                                      takes);
        for (size_t k = 0; k < i; k++)
            if (a->items[k].name.text && a->items[k].name.length == argument->name.length &&
                memcmp(a->items[k].name.text, argument->name.text, argument->name.length) == 0)
                return fn_parser_complain(p, argument->name.position, "'%.*s' is given twice",
                                          (int)argument->name.length, argument->name.text);
        if (has_word(takes, &argument->name))
            return fn_parser_complain(p, argument->name.position, "'%.*s' is given twice", (int)argument->name.length,
                                      argument->name.text);
        return fn_parser_complain(p, argument->name.position, "'%s' has no argument '%.*s'; it is written %s", function,
                                  (int)(argument->name.length < 40 ? argument->name.length : 40), argument->name.text,
                                  takes);
    }
    return FN_OK;
}
