/* What the parser says of a text that it does not understand, and where. */
#include <stdarg.h>
#include <stdio.h>

#include "parser.h"
#include "text.h"

/* Bytes of the character at s; bytes that are no UTF-8 count as one each. */
static size_t character(const char *s, size_t left)
{
    const size_t n = fn_utf8_length(s, left);
    return n ? n : 1;
}

fn_status fn_parser_complain(fn_parser *p, size_t offset, const char *format, ...)
{
    enum { AROUND = 36 };
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);

    const char *text = p->text;
    const size_t length = strlen(text);
    size_t begin = 0, position = 1;
    for (size_t i = 0, n; i < offset; i += n) {
        n = character(text + i, length - i);
        position++;
        if (offset - i > AROUND)
            begin = i + n;
    }
    char excerpt[2 * AROUND + 16], caret[2 * AROUND + 16];
    size_t written = 0, column = 0, end = begin;
    while (end < length && end < offset + AROUND) {
        const size_t n = character(text + end, length - end);
        const unsigned char c = (unsigned char)text[end];
        if (n > 1) {
            memcpy(excerpt + written, text + end, n);
            written += n;
        } else
            excerpt[written++] = (c == '\t' || c == '\n' || c == '\r') ? ' ' : (c < 32 || c >= 127) ? '?' : (char)c;
        if (end < offset)
            caret[column++] = ' ';
        end += n;
    }
    excerpt[written] = '\0';
    caret[column++] = '^';
    caret[column] = '\0';
    return fn_fail(p->err, FN_ERR_SYNTAX, "%s at position %zu\n  %s%s%s\n  %s%s", message, position,
                   begin > 0 ? "..." : "", excerpt, end < length ? "..." : "", begin > 0 ? "   " : "", caret);
}

fn_status fn_parser_no_memory(fn_parser *p)
{
    return fn_fail(p->err, FN_ERR_MEMORY, "out of memory for the expression");
}
