/* Reading numbers and words. */
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

bool fn_parser_skip_numpy(fn_parser *p)
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
        fn_parser_skip_numpy(p);
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

/* reason: of who knows the rasters, or empty. */
static fn_status complain_of_name(fn_parser *p, uint32_t position, const char *name, size_t n, const char *behind,
                                  const char *reason)
{
    const bool call = *behind == '(';
    const char *what = call ? "function" : "name";
    const int shown = (int)(n < 60 ? n : 60);
    const char *hint = fn_language_hint(name, n);
    if (hint)
        return fn_parser_complain(p, position, "unknown %s '%.*s' (did you mean '%s'?)", what, shown, name, hint);
    const char *nearest = call ? fn_language_nearest_function(name, n) : NULL;
    if (call)
        return fn_parser_complain(p, position, "unknown function '%.*s'%s%s%s", shown, name,
                                  nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
    if (behind[0] == '=' && behind[1] != '=')
        return fn_parser_complain(
            p, position, "'%.*s=': only functions that look at neighbors have named arguments, behind the raster",
            shown, name);
    if (*reason)
        return fn_parser_complain(p, position, "unknown name '%.*s': %s", shown, name, reason);
    if (n == 1 && *name >= 'a' && *name <= 'z')
        return fn_parser_complain(p, position, "unknown name '%c' (did you mean '%c'?)", *name,
                                  toupper((unsigned char)*name));
    return fn_parser_complain(p, position, "unknown name '%.*s'", shown, name);
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
    const bool numpy = fn_parser_skip_numpy(p);
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
            return complain_of_name(p, position, name, n, behind, "");
        p->at = behind + 1;
        *done = false;
        return fn_parser_push_waiting(p, (fn_waiting){.kind = FN_WAITING_CALL,
                                                      .rule = function,
                                                      .numpy = numpy,
                                                      .position = position,
                                                      .base = p->n_operands});
    }
    fn_error reason = {.text = ""};
    if (!numpy && !fn_is_word(name, n, "NODATA")) {
        bool known = false;
        const fn_status status = fn_parser_read_raster(p, &known, &reason);
        if (known || status != FN_OK)
            return status;
    }
    const fn_constant *constant = fn_language_constant(name, n);
    if (constant)
        return push_constant(p, constant, position);
    if (fn_language_function(name, n))
        return fn_parser_complain(p, position, "the function '%.*s' needs arguments in parentheses", (int)n, name);
    return complain_of_name(p, position, name, n, behind, reason.text);
}
