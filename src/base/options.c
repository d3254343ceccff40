#include "fishnet/options.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "text.h"

#define FN_SHARES_MAX 1000000000

static bool is_name(const fn_option *option, const char *name, size_t length)
{
    if (strlen(option->name) != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        const int c = toupper((unsigned char)name[i]);
        if (option->name[i] == '?' ? c == '\0' || !strchr(option->words, c) : c != option->name[i])
            return false;
    }
    return true;
}

const fn_option *fn_option_find(fn_option_table table, const char *name, size_t length)
{
    for (size_t i = 0; i < table.count; i++)
        if (is_name(&table.rows[i], name, length))
            return &table.rows[i];
    return NULL;
}

/* The place of a word in "THREADS|PROCESSES", in any case; -1: it is not there. */
static int find_word(const char *words, const char *word)
{
    const size_t length = strlen(word);
    for (int i = 0; words; i++) {
        const size_t n = strcspn(words, "|");
        if (n == length && strncasecmp(words, word, n) == 0)
            return i;
        words = words[n] ? words + n + 1 : NULL;
    }
    return -1;
}

/* A whole number of digits only, least..most; -1 otherwise. Moves *text behind it. */
static long long read_whole(const char **text, long long least, long long most)
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
    return value >= least ? value : -1;
}

/* Two numbers with one of `between` between them; or one, which counts twice. */
static bool read_two(const char *text, const char *between, bool one, const fn_option *o, fn_option_value *out)
{
    out->whole = out->second = read_whole(&text, o->least, o->most);
    if (*text != '\0' && strchr(between, *text))
        text++, out->second = read_whole(&text, o->least, o->most);
    else if (!one)
        return false;
    return out->whole >= 0 && out->second >= 0 && *text == '\0';
}

static bool read_flag(const char *text, fn_option_value *out)
{
    const int yes = find_word("YES|TRUE|ON|1", text);
    out->whole = yes >= 0;
    return yes >= 0 || find_word("NO|FALSE|OFF|0", text) >= 0;
}

static bool read_number(const fn_option *o, const char *text, fn_option_value *out)
{
    char *end;
    out->number = fn_strtod(text, &end);
    return end != text && *end == '\0' && isfinite(out->number) && out->number >= (double)o->least;
}

static bool read_share(const char *text, fn_option_value *out)
{
    static const fn_option share = {.least = 1, .most = FN_SHARES_MAX};
    return read_two(text, "/", false, &share, out) && out->whole <= out->second;
}

static bool read(const fn_option *o, const char *text, fn_option_value *out)
{
    switch (o->kind) {
    case FN_OPTION_FLAG:
        return read_flag(text, out);
    case FN_OPTION_CHOICE:
        out->whole = find_word(o->words, text);
        return out->whole >= 0;
    case FN_OPTION_NUMBER:
        return read_number(o, text, out);
    case FN_OPTION_SHARE:
        return read_share(text, out);
    case FN_OPTION_WHOLE:
    case FN_OPTION_SIZE:
    case FN_OPTION_COUNTS:
        if (find_word(o->words, text) >= 0)
            return true;
        if (o->kind != FN_OPTION_WHOLE)
            return read_two(text, "xX", o->kind == FN_OPTION_SIZE, o, out);
        out->whole = read_whole(&text, o->least, o->most);
        return out->whole >= 0 && *text == '\0';
    default:
        return true;
    }
}

/* "expected A, B or C" */
static void say_words(const char *words, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "expected ");
    while (words && used < size) {
        const size_t n = strcspn(words, "|");
        const char *rest = words[n] ? words + n + 1 : NULL;
        used += (size_t)snprintf(out + used, size - used, "%.*s%s", (int)n, words,
                                 !rest               ? ""
                                 : strchr(rest, '|') ? ", "
                                                     : " or ");
        words = rest;
    }
}

static void say_wanted(const fn_option *o, char *out, size_t size)
{
    if (o->wanted)
        snprintf(out, size, "%s", o->wanted);
    else if (o->kind == FN_OPTION_FLAG)
        snprintf(out, size, "expected YES or NO");
    else if (o->kind == FN_OPTION_SHARE)
        snprintf(out, size, "expected <i>/<n> such as 1/4, with i from 1 to n");
    else if (o->kind == FN_OPTION_CHOICE)
        say_words(o->words, out, size);
    else
        snprintf(out, size, "expected a number from %lld to %lld%s%s", o->least, o->most, o->words ? " or " : "",
                 o->words ? o->words : "");
}

fn_status fn_option_read(const fn_option *option, const char *text, fn_option_value *out, fn_error *err)
{
    char wanted[256] = "";
    fn_option_value value = {0};
    if (read(option, text, &value)) {
        *out = value;
        return FN_OK;
    }
    say_wanted(option, wanted, sizeof wanted);
    return fn_fail(err, FN_ERR_ARGUMENT, "%s=%.200s: %s", option->name, text, wanted);
}

const char *fn_option_is_configuration(const char *name, size_t length)
{
    static const struct {
        const char *name, *why;
    } options[] = {
        {"LOG", "it is no option of a dataset, since files hold those too, and may not name what is written: give the "
                "configuration option FISHNET_LOG, or --log of a command"},
        {"TRACE", "it is no option of a dataset, since files hold those too, and may not name what is written: give "
                  "the configuration option FISHNET_TRACE, or --trace of a command"},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strlen(options[i].name) == length && strncasecmp(options[i].name, name, length) == 0)
            return options[i].why;
    return NULL;
}
