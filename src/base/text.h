/* Reading numbers and text the same way in every locale. */
#ifndef FN_TEXT_H
#define FN_TEXT_H

#include <stddef.h>

/* strtod() with a decimal point whatever the host's locale. Any thread. */
double fn_strtod(const char *text, char **end);

/* A number as "%.15g" in the C locale, into `size` bytes. */
void fn_print_double(char *text, size_t size, double value);

/* Bytes of the UTF-8 character at s, of which `left` bytes are there; 0 if it is no valid one (RFC 3629). */
size_t fn_utf8_length(const char *s, size_t left);

#endif
