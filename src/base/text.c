#include "text.h"

#include <ctype.h>
#include <stdint.h>

#include "fishnet/base.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static locale_t c_locale;

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

double fn_strtod(const char *text, char **end)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_locale);
    return c_locale ? strtod_l(text, end, c_locale) : strtod(text, end);
}

void fn_print_double(char *text, size_t size, double value)
{
    snprintf(text, size, "%.15g", value);
    for (char *at = text; *at; at++)
        if (!strchr("0123456789+-.einfa", *at)) /* the point of the host's locale */
            *at = '.';
}

size_t fn_utf8_length(const char *s, size_t left)
{
    const unsigned char *u = (const unsigned char *)s;
    const size_t n = u[0] < 0x80 ? 1 : u[0] < 0xC2 ? 0 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : u[0] < 0xF5 ? 4 : 0;
    if (n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xC0) != 0x80)
            return 0;
    /* overlong forms, surrogates, beyond U+10FFFF */
    if ((u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xED && u[1] > 0x9F) || (u[0] == 0xF0 && u[1] < 0x90) ||
        (u[0] == 0xF4 && u[1] > 0x8F))
        return 0;
    return n;
}

size_t fn_edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
    enum { MOST = 64 };
    size_t rows[3][MOST + 1] = {{0}}; /* one before the last, the last, this one */
    if (na > MOST || nb > MOST)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        rows[1][j] = j;
    for (size_t i = 1; i <= na; i++) {
        const size_t *before = rows[(i - 1) % 3], *last = rows[i % 3];
        size_t *row = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            const int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            const size_t one_more = (last[j] < row[j - 1] ? last[j] : row[j - 1]) + 1;
            row[j] = last[j - 1] + (x == y ? 0 : 1);
            row[j] = one_more < row[j] ? one_more : row[j];
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]) &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
    }
    return rows[(na + 1) % 3][nb];
}
