/* fishnet/options.h - options of drivers: a table says what each is called, may hold and is for.
 *
 * From a table come parsing and its errors, the lists that GDAL shows, the keys of recipe files, and the arguments of
 * commands: a new option is one row.
 */
#ifndef FISHNET_OPTIONS_H
#define FISHNET_OPTIONS_H

#include "fishnet/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FN_OPTION_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

typedef enum fn_option_kind {
    FN_OPTION_TEXT,     /* what it means is seen by whoever uses it */
    FN_OPTION_QUANTITY, /* so is this: a number with a unit, or a word instead */
    FN_OPTION_FLAG,     /* YES, TRUE, ON, 1 or NO, FALSE, OFF, 0 */
    FN_OPTION_CHOICE,   /* one of `words` */
    FN_OPTION_WHOLE,    /* digits, least..most */
    FN_OPTION_NUMBER,   /* finite, from `least` */
    FN_OPTION_SHARE,    /* i/n with 1 <= i <= n */
    FN_OPTION_SIZE,     /* 512 or 512x256, each side least..most */
    FN_OPTION_COUNTS,   /* 4x4 only, likewise */
    FN_OPTION_NAME,     /* of a dataset */
    /* Several texts, which fn_option_read() leaves as they are; see files/recipe_file.h. */
    FN_OPTION_NAMES,      /* of datasets; ';' between them, as the next three */
    FN_OPTION_LAYERS,     /* names of layers */
    FN_OPTION_CONDITIONS, /* in SQL */
    FN_OPTION_SETTINGS,   /* NAME=VALUE */
    FN_OPTION_FIELDS,     /* names of fields, or *; ',' between them, as the next two */
    FN_OPTION_PAIRS,      /* field=field */
    FN_OPTION_WORDS,      /* of the option's own, such as statistics */
    FN_OPTION_REPEATED,   /* the option is given several times, as the next */
    FN_OPTION_INPUT       /* name=datasets, see fishnet/recipe.h */
} fn_option_kind;

typedef struct fn_option {
    const char *name; /* in upper case; '?' in it stands for one of the letters in `words` */
    fn_option_kind kind;
    const char *words;     /* CHOICE: "THREADS|PROCESSES". WHOLE, SIZE, NAME: one that may stand instead; or NULL */
    long long least, most; /* 0, 0: any */
    const char *preset;    /* what holds where it is not given; NULL: nothing does, or it depends */
    const char *help;      /* what it is for, without a full stop */
    const char *wanted;    /* the end of an error; NULL: made of the above */
} fn_option;

typedef struct fn_option_table {
    const fn_option *rows;
    size_t count;
} fn_option_table;

typedef struct fn_option_value {
    long long whole;  /* WHOLE; FLAG: 0 or 1; CHOICE: index of the word; SHARE: i; SIZE, COUNTS: the first. The word
                       * that may stand instead: 0 */
    long long second; /* SHARE: n; SIZE, COUNTS: the second */
    double number;    /* NUMBER */
} fn_option_value;

/* The row of that name, `length` characters in any case; or NULL. */
const fn_option *fn_option_find(fn_option_table table, const char *name, size_t length);
/* Reads a value; *out is left alone by kinds that are texts. err: "NAME=value: what is wanted". */
fn_status fn_option_read(const fn_option *option, const char *text, fn_option_value *out, fn_error *err);

/* Of LOG and TRACE, in any case: why they are no options of a dataset, and what to give in their place. NULL: it is
 * another name. */
const char *fn_option_is_configuration(const char *name, size_t length);

#ifdef __cplusplus
}
#endif
#endif
