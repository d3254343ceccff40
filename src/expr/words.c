/* Reading numbers, inputs and names. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "parser.h"
#include "text.h"

fn_status fn_parser_read_number(fn_parser *p, bool unit, double *value)
{
    const char *begin = p->at;
    char *end = NULL;
    const char base = begin[0] == '0' ? begin[1] : '\0';
    if (base == 'x' || base == 'X' || base == 'b' || base == 'B') {
        errno = 0;
        const bool hex = base == 'x' || base == 'X';
        unsigned long long whole = isxdigit((unsigned char)begin[2]) ? strtoull(begin + 2, &end, hex ? 16 : 2) : 0;
        if (!end || end == begin + 2)
            return fn_parser_complain(p, fn_parser_here(p), "a digit is missing after '0%c'", base);
        if (errno || whole > (1ULL << 53))
            return fn_parser_complain(p, fn_parser_here(p), "the number is beyond 2^53");
        *value = (double)whole;
    } else {
        /* Digits and exponent are checked here: strtod would take "1e" as 1. */
        size_t n = 0, digits = 0;
        while (isdigit((unsigned char)begin[n]))
            n++, digits++;
        if (begin[n] == '.') {
            n++;
            while (isdigit((unsigned char)begin[n]))
                n++, digits++;
        }
        if (digits == 0)
            return fn_parser_complain(p, fn_parser_here(p), "a number has no digits");
        if (begin[n] == 'e' || begin[n] == 'E') {
            size_t m = n + 1;
            if (begin[m] == '+' || begin[m] == '-')
                m++;
            if (!isdigit((unsigned char)begin[m]))
                return fn_parser_complain(p, fn_parser_here(p), "the exponent of the number has no digits");
            while (isdigit((unsigned char)begin[m]))
                m++;
            n = m;
        }
        *value = fn_strtod(begin, &end);
    }
    if (*end == '.' || (fn_name_part(*end) && !unit))
        return fn_parser_complain(p, (size_t)(end - p->text), "unexpected '%c' behind a number", *end);
    p->at = end;
    return FN_OK;
}

/* A whole number with its sign. */
static fn_status read_index(fn_parser *p, char name, long *index)
{
    char *end = NULL;
    errno = 0;
    const bool begins = isdigit((unsigned char)p->at[*p->at == '-' || *p->at == '+']);
    *index = begins ? strtol(p->at, &end, 10) : 0;
    if (!end || errno || *end == '.' || fn_name_begin(*end))
        return fn_parser_complain(p, fn_parser_here(p),
                                  "expected a whole number in %c[...]: a band from 1, or the row and the column of a "
                                  "neighbor as in %c[-1,0]",
                                  name, name);
    p->at = end;
    fn_parser_skip_space(p);
    return FN_OK;
}

/* [2], [-1,0] or [2,-1,0], if there is one: a band, a neighbour, both. *count: how many numbers it has, from *position
 * on. */
static fn_status read_indices(fn_parser *p, char name, long index[3], int *count, uint32_t *position)
{
    const char *behind = p->at;
    *count = 0;
    fn_parser_skip_space(p);
    if (*p->at != '[') {
        p->at = behind;
        return FN_OK;
    }
    do {
        p->at++;
        if (*count == 3)
            return fn_parser_complain(p, fn_parser_here(p), "%c[...] takes three numbers at most: band, row, column",
                                      name);
        fn_parser_skip_space(p);
        *position = *count == 0 ? fn_parser_here(p) : *position;
        const fn_status status = read_index(p, name, &index[(*count)++]);
        if (status != FN_OK)
            return status;
    } while (*p->at == ',');
    if (*p->at != ']')
        return fn_parser_complain(p, fn_parser_here(p), "expected ']' after the %s",
                                  *count == 1 ? "band number" : "column");
    p->at++;
    return FN_OK;
}

static fn_status find_band(fn_parser *p, uint32_t position, char name, int band, int *index)
{
    fn_inputs *in = p->inputs;
    int i = 0;
    while (i < in->count && (in->items[i].name != name || in->items[i].band != band))
        i++;
    *index = i;
    if (i < in->count)
        return FN_OK;
    fn_type type = FN_FLOAT64;
    fn_error reason = {.text = ""};
    if (p->options->resolve && p->options->resolve(p->options->user, name, band, &type, &reason) != FN_OK)
        return fn_parser_complain(p, position, "%s", reason.text);
    if (!fn_reserve(&in->items, &in->capacity, (size_t)in->count + 1, sizeof *in->items))
        return fn_parser_no_memory(p);
    in->items[in->count++] = (struct fn_input){name, band, type};
    return FN_OK;
}

fn_status fn_parser_input_node(fn_parser *p, int input, int row, int column, int32_t *node)
{
    fn_inputs *in = p->inputs;
    int i = 0;
    while (i < in->n_taps && (in->taps[i].input != input || in->taps[i].row != row || in->taps[i].column != column))
        i++;
    if (i == in->n_taps) {
        if (!fn_reserve(&in->taps, &in->tap_capacity, (size_t)in->n_taps + 1, sizeof *in->taps))
            return fn_parser_no_memory(p);
        in->taps[in->n_taps++] = (struct fn_input_tap){input, row, column};
    }
    *node = fn_graph_input(p->graph, i, fn_type_is_integer(in->items[input].type) ? FN_INT : FN_REAL);
    return FN_OK;
}

fn_status fn_parser_check_offset(fn_parser *p, uint32_t position, double offset)
{
    if (offset != floor(offset) || fabs(offset) > FN_OFFSET_MAX)
        return fn_parser_complain(p, position, "a neighbor is a whole number of rows and columns away, up to %d",
                                  FN_OFFSET_MAX);
    return p->options->georeference
               ? FN_OK
               : fn_parser_complain(p, position, "neighbors cannot be looked at here: each pixel comes alone");
}

/* A, A[2], A[-1,0], A[2,-1,0] or A[2][-1,0]. */
static fn_status read_input(fn_parser *p, int32_t *node)
{
    const uint32_t position = fn_parser_here(p);
    const char name = *p->at++;
    long index[3], offset[3] = {0};
    int count = 0, more = 0;
    uint32_t place = position, further = position;
    fn_status status = read_indices(p, name, index, &count, &place);
    if (status != FN_OK)
        return status;
    if (count == 1 && (status = read_indices(p, name, offset, &more, &further)) != FN_OK)
        return status;
    if (more == 1 || more == 3)
        return fn_parser_complain(p, further, "a neighbor of %c[%ld] has a row and a column, as in %c[%ld][-1,0]", name,
                                  index[0], name, index[0]);
    const long band = count == 1 || count == 3 ? index[0] : 1;
    const long *at = count == 1 ? offset : &index[count == 3];
    if (band < 1 || band > 65535)
        return fn_parser_complain(
            p, place, "expected a band number from 1 in %c[...]; a neighbor has two numbers, as in %c[-1,0]", name,
            name);
    const bool away = count > 1 || more > 1;
    for (int k = 0; away && k < 2; k++)
        if ((status = fn_parser_check_offset(p, place, (double)at[k])) != FN_OK)
            return status;
    int input;
    if ((status = find_band(p, position, name, (int)band, &input)) != FN_OK)
        return status;
    return fn_parser_input_node(p, input, away ? (int)at[0] : 0, away ? (int)at[1] : 0, node);
}

/* numpy. or np. in front of a name: skips it. */
static bool skip_numpy(fn_parser *p)
{
    const size_t n = fn_name_length(p->at);
    if ((fn_is_word(p->at, n, "numpy") || fn_is_word(p->at, n, "np")) && p->at[n] == '.') {
        p->at += n + 1;
        return true;
    }
    return false;
}

fn_status fn_parser_read_method(fn_parser *p)
{
    const uint32_t position = fn_parser_here(p);
    p->at++;
    const size_t n = fn_name_length(p->at);
    if (!fn_is_word(p->at, n, "astype"))
        return fn_parser_complain(p, position, "unknown method '.%.*s'; only .astype(float) is known",
                                  (int)(n < 40 ? n : 40), p->at);
    p->at += n;
    fn_parser_skip_space(p);
    if (*p->at != '(')
        return fn_parser_complain(p, fn_parser_here(p), "expected '(' after .astype");
    p->at++;
    fn_parser_skip_space(p);
    const char quote = *p->at == '\'' || *p->at == '"' ? *p->at++ : '\0';
    if (!quote)
        skip_numpy(p);
    static const char *const floats[] = {"float", "float32", "float64", "double", "single", "float_", "f4", "f8"};
    const uint32_t type_position = fn_parser_here(p);
    const size_t length = fn_name_length(p->at);
    bool known = false;
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        known |= fn_is_word(p->at, length, floats[i]);
    if (!known)
        return fn_parser_complain(p, type_position,
                                  "values are double precision already, and only a float type can be asked for here; "
                                  "use OT for the output type");
    p->at += length;
    if (quote && *p->at++ != quote)
        return fn_parser_complain(p, type_position, "a quote is missing");
    fn_parser_skip_space(p);
    if (*p->at != ')')
        return fn_parser_complain(p, fn_parser_here(p), "expected ')'");
    p->at++;
    return FN_OK;
}

static fn_status complain_of_name(fn_parser *p, uint32_t position, const char *name, size_t n, const char *behind)
{
    const bool call = *behind == '(';
    const char *what = call ? "function" : "name";
    const int shown = (int)(n < 60 ? n : 60);
    const char *hint = fn_language_hint(name, n);
    if (hint)
        return fn_parser_complain(p, position, "unknown %s '%.*s' (did you mean '%s'?)", what, shown, name, hint);
    if (call)
        return fn_parser_complain(p, position, "unknown function '%.*s'", shown, name);
    if (behind[0] == '=' && behind[1] != '=')
        return fn_parser_complain(
            p, position, "'%.*s=': only functions that look at neighbors have named arguments, behind the raster",
            shown, name);
    if (n == 1 && *name >= 'a' && *name <= 'z')
        return fn_parser_complain(p, position, "unknown name '%c' (inputs have capital letters: did you mean '%c'?)",
                                  *name, toupper((unsigned char)*name));
    return fn_parser_complain(p, position, "unknown name '%.*s'; inputs are A to Z, their bands A[2]...", shown, name);
}

static fn_status push_constant(fn_parser *p, const fn_constant *constant, uint32_t position)
{
    const bool nodata = strcmp(constant->name, "NODATA") == 0;
    if (nodata && !p->options->nodata)
        return fn_parser_complain(p, position, "there is no NODATA with NODATA=none");
    p->at += strlen(constant->name);
    return fn_parser_push_operand(p, (fn_operand){.node = fn_graph_const(p->graph, constant->value, constant->kind),
                                                  .position = position,
                                                  .bare = nodata                   ? FN_BARE_NODATA
                                                          : isnan(constant->value) ? FN_BARE_NAN
                                                                                   : FN_BARE_NOTHING});
}

fn_status fn_parser_read_name(fn_parser *p, bool *done)
{
    const uint32_t position = fn_parser_here(p);
    const bool numpy = skip_numpy(p);
    const size_t n = fn_name_length(p->at);
    const char *name = p->at;
    if (n == 0)
        return fn_parser_complain(p, fn_parser_here(p), "expected a name after 'numpy.'");
    const char *behind = name + n;
    while (isspace((unsigned char)*behind))
        behind++;
    if (*behind == '(') {
        const fn_rule *function = fn_language_function(name, n);
        if (!function)
            return complain_of_name(p, position, name, n, behind);
        p->at = behind + 1;
        *done = false;
        return fn_parser_push_waiting(p, (fn_waiting){.kind = FN_WAITING_CALL,
                                                      .rule = function,
                                                      .numpy = numpy,
                                                      .position = position,
                                                      .base = p->n_operands});
    }
    if (n == 1 && *name >= 'A' && *name <= 'Z' && !numpy) {
        fn_operand o = {.position = position};
        fn_status status = read_input(p, &o.node);
        return status == FN_OK ? fn_parser_push_operand(p, o) : status;
    }
    const fn_constant *constant = fn_language_constant(name, n);
    if (constant)
        return push_constant(p, constant, position);
    if (fn_language_function(name, n))
        return fn_parser_complain(p, position, "the function '%.*s' needs arguments in parentheses", (int)n, name);
    return complain_of_name(p, position, name, n, behind);
}
