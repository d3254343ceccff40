/* The statistics: names, aliases, what each needs. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fishnet/zonal_stats.h"
#include "plan.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    SUM = FN_NEEDS_SUM,
    MOMENTS = FN_NEEDS_SUM | FN_NEEDS_MOMENTS,
    EXTREMES = FN_NEEDS_EXTREMES,
    PLACES = FN_NEEDS_EXTREMES | FN_NEEDS_PLACES,
    CLASSES = FN_NEEDS_CLASSES,
    WEIGHTS = FN_NEEDS_WEIGHTS,
    WEIGHTED_MOMENTS = FN_NEEDS_WEIGHTS | FN_NEEDS_WEIGHTED_MOMENTS
};

/* What a result is: always real; an integer where the raster is one; an integer but with fractions; always one. */
typedef enum result_type { REAL, AS_RASTER, AS_COUNT, INTEGER } result_type;

static const struct {
    const char *name;
    const char *aliases; /* in lower case, '|' between them */
    unsigned needs;
    result_type type;
    const char *help;
} rows[FN_STAT_KIND_COUNT] = {
    [FN_STAT_COUNT] = {"COUNT", "n", 0, AS_COUNT, "cells with value, or the sum of their coverage"},
    [FN_STAT_AREA] = {"AREA", NULL, FN_NEEDS_AREA, REAL, "area of the cells with value"},
    [FN_STAT_MIN] = {"MIN", "minimum", EXTREMES, AS_RASTER, "lowest value"},
    [FN_STAT_MAX] = {"MAX", "maximum", EXTREMES, AS_RASTER, "highest value"},
    [FN_STAT_RANGE] = {"RANGE", NULL, EXTREMES, AS_RASTER, "MAX - MIN"},
    [FN_STAT_MEAN] = {"MEAN", "average|avg", SUM, REAL, "SUM / COUNT"},
    [FN_STAT_STD] = {"STD", "stdev|stddev", MOMENTS, REAL, "standard deviation of the population"},
    [FN_STAT_SUM] = {"SUM", "total", SUM, REAL, "sum of the values"},
    [FN_STAT_VARIETY] = {"VARIETY", "unique", CLASSES, INTEGER, "number of distinct values"},
    [FN_STAT_MAJORITY] = {"MAJORITY", "mode", CLASSES, AS_RASTER, "most frequent value; of several the lowest"},
    [FN_STAT_MINORITY] = {"MINORITY", NULL, CLASSES, AS_RASTER, "least frequent value; of several the lowest"},
    [FN_STAT_MEDIAN] = {"MEDIAN", NULL, FN_NEEDS_VALUES, REAL, "the 50th percentile"},
    [FN_STAT_PERCENTILE] = {"PCT", "percentile|quantile", FN_NEEDS_VALUES, REAL,
                            "PCT90: the 90th percentile, linear between cells"},
    [FN_STAT_STD_SAMPLE] = {"STD_SAMPLE", "stdev_sample|stddev_sample", MOMENTS, REAL,
                            "standard deviation of a sample: by COUNT - 1"},
    [FN_STAT_VARIANCE] = {"VARIANCE", "var", MOMENTS, REAL, "variance of the population"},
    [FN_STAT_CV] = {"CV", "coefficient_of_variation|coeff_var", MOMENTS, REAL, "STD / MEAN"},
    [FN_STAT_MAJORITY_COUNT] = {"MAJORITY_COUNT", NULL, CLASSES, AS_COUNT, "cells that hold MAJORITY"},
    [FN_STAT_MAJORITY_SHARE] = {"MAJORITY_SHARE", NULL, CLASSES, REAL, "their part of all cells with value, 0..1"},
    [FN_STAT_MIN_X] = {"MIN_X", NULL, PLACES, INTEGER, "column of the first cell that holds MIN"},
    [FN_STAT_MIN_Y] = {"MIN_Y", NULL, PLACES, INTEGER, "row of the first cell that holds MIN"},
    [FN_STAT_MAX_X] = {"MAX_X", NULL, PLACES, INTEGER, "column of the first cell that holds MAX"},
    [FN_STAT_MAX_Y] = {"MAX_Y", NULL, PLACES, INTEGER, "row of the first cell that holds MAX"},
    [FN_STAT_NODATA_COUNT] = {"NODATA_COUNT", "nodata|null_cells", 0, AS_COUNT, "cells without value"},
    [FN_STAT_WEIGHT_SUM] = {"WEIGHT_SUM", NULL, WEIGHTS, REAL, "sum of coverage times weight"},
    [FN_STAT_WEIGHTED_SUM] = {"WEIGHTED_SUM", NULL, WEIGHTS, REAL, "sum of values times weights"},
    [FN_STAT_WEIGHTED_MEAN] = {"WEIGHTED_MEAN", NULL, WEIGHTS, REAL, "WEIGHTED_SUM / WEIGHT_SUM"},
    [FN_STAT_WEIGHTED_VARIANCE] = {"WEIGHTED_VARIANCE", NULL, WEIGHTED_MOMENTS, REAL, "variance, weighted"},
    [FN_STAT_WEIGHTED_STD] = {"WEIGHTED_STD", "weighted_stdev|weighted_stddev", WEIGHTED_MOMENTS, REAL,
                              "standard deviation, weighted"},
};

unsigned fn_stat_needs(fn_stat_kind kind)
{
    return rows[kind].needs;
}

const char *fn_stat_help(fn_stat_kind kind)
{
    return (unsigned)kind < FN_STAT_KIND_COUNT ? rows[kind].help : "";
}

bool fn_stat_is_integer(fn_stat stat, fn_type type, bool fractions)
{
    switch (rows[stat.kind].type) {
    case INTEGER:
        return true;
    case AS_RASTER:
        return fn_type_is_integer(type);
    case AS_COUNT:
        return !fractions;
    default:
        return false;
    }
}

bool fn_stat_is_weighted(fn_stat stat)
{
    return rows[stat.kind].needs & FN_NEEDS_WEIGHTS;
}

void fn_stat_name(fn_stat stat, char name[FN_STAT_NAME_BYTES])
{
    if (stat.kind != FN_STAT_PERCENTILE) {
        snprintf(name, FN_STAT_NAME_BYTES, "%s", rows[stat.kind].name);
        return;
    }
    for (int digits = 3; digits <= 17; digits++) {
        snprintf(name, FN_STAT_NAME_BYTES, "PCT%.*g", digits, stat.percent);
        char *comma = strchr(name, ','); /* of the host's locale */
        if (comma)
            *comma = '.';
        if (fn_strtod(name + 3, NULL) == stat.percent)
            break;
    }
}

/* ---- reading names ---- */

/* Whether `name` is one of "a|b|c", in any case. */
static bool is_one_of(const char *words, const char *name, size_t length)
{
    while (words) {
        const size_t n = strcspn(words, "|");
        if (n == length && strncasecmp(words, name, n) == 0)
            return true;
        words = words[n] ? words + n + 1 : NULL;
    }
    return false;
}

/* The number of a percentile behind its name: 90, _90, (90), and of a quantile (0.9), (q=0.9). */
static bool read_percent(const char *text, double *percent)
{
    char *end;
    const bool bracket = *text == '(';
    text += bracket || *text == '_';
    if (bracket && strncasecmp(text, "q=", 2) == 0)
        text += 2;
    if (!isdigit((unsigned char)*text) || (text[0] == '0' && tolower((unsigned char)text[1]) == 'x'))
        return false;
    *percent = fn_strtod(text, &end);
    if (bracket && *end == ')')
        end++;
    else if (bracket)
        return false;
    return *end == '\0';
}

/* *known: the name begins as that of a percentile does. */
static fn_status read_percentile(const char *name, fn_stat *out, bool *known, fn_error *err)
{
    const size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const bool quantile = is_one_of("quantile", name, length);
    *known = true;
    *out = (fn_stat){FN_STAT_PERCENTILE, 0};
    if (is_one_of("first_quartile|third_quartile", name, strlen(name))) {
        out->percent = tolower((unsigned char)name[0]) == 'f' ? 25 : 75;
        return FN_OK;
    }
    if (!quantile && !is_one_of("PCT|percentile|p", name, length)) {
        *known = false;
        return FN_OK;
    }
    if (!read_percent(name + length, &out->percent)) {
        *known = length > 1;
        return *known ? fn_fail(err, FN_ERR_ARGUMENT, "STATS=%.100s: expected a percentile such as PCT90", name)
                      : FN_OK;
    }
    if (quantile && name[length] == '(')
        out->percent = nearbyint(out->percent * 1e12) / 1e10; /* 0.07 is 7, not 7.000000000000001 */
    if (!(out->percent >= 0 && out->percent <= 100))
        return fn_fail(err, FN_ERR_ARGUMENT, "STATS=%.100s: a percentile is from 0 to 100", name);
    return FN_OK;
}

enum { LETTERS = 32 };

/* Letters to change, add, leave out or exchange with their neighbour to make the one word of the other, in any case
 * (Levenshtein 1966, Damerau 1964). Both have less than LETTERS. */
static size_t distance(const char *a, const char *b)
{
    size_t table[3][LETTERS + 1]; /* of the last two letters of a, and of this one */
    const size_t n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        table[0][j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t *now = table[i % 3];
        const size_t *last = table[(i + 2) % 3], *before = table[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= n; j++) {
            const int x = toupper((unsigned char)a[i - 1]), y = toupper((unsigned char)b[j - 1]);
            const size_t change = last[j - 1] + (x != y), other = (now[j - 1] < last[j] ? now[j - 1] : last[j]) + 1;
            now[j] = change < other ? change : other;
            if (i > 1 && j > 1 && x == toupper((unsigned char)b[j - 2]) && toupper((unsigned char)a[i - 2]) == y &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    return table[strlen(a) % 3][n];
}

static fn_status complain(const char *name, fn_error *err)
{
    const char *nearest = NULL;
    size_t least = 3;
    for (size_t i = 0; i < COUNT(rows) && strlen(name) < LETTERS; i++) {
        const size_t d = distance(name, rows[i].name);
        if (d < least && d < strlen(name) && i != FN_STAT_PERCENTILE) {
            least = d;
            nearest = rows[i].name;
        }
    }
    if (nearest)
        return fn_fail(err, FN_ERR_ARGUMENT, "STATS=%.100s: there is no such statistic (did you mean %s?)", name,
                       nearest);
    char all[512] = "";
    for (size_t i = 0; i < COUNT(rows); i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s%s", i > 0 ? ", " : "", rows[i].name,
                 i == FN_STAT_PERCENTILE ? "<0..100>" : "");
    return fn_fail(err, FN_ERR_ARGUMENT, "STATS=%.100s: there is no such statistic; there are %s", name, all);
}

fn_status fn_stat_parse(const char *name, fn_stat *out, fn_error *err)
{
    const size_t length = strlen(name);
    bool known;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (i != FN_STAT_PERCENTILE &&
            (is_one_of(rows[i].name, name, length) || is_one_of(rows[i].aliases, name, length))) {
            *out = (fn_stat){(fn_stat_kind)i, 0};
            return FN_OK;
        }
    fn_stat stat;
    const fn_status status = read_percentile(name, &stat, &known, err);
    if (status != FN_OK)
        return status;
    if (!known)
        return complain(name, err);
    *out = stat;
    return FN_OK;
}
