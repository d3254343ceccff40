/* fishnet/base.h - status codes, errors and pixel types shared by the whole core.
 *
 * The core is plain C17: it reads and writes memory, and knows no GDAL. It never prints, aborts or changes global
 * state. Every function is safe to call from several threads on different objects; what is more is said where it holds.
 */
#ifndef FISHNET_BASE_H
#define FISHNET_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FISHNET_VERSION "0.2.0"

#if defined(__GNUC__)
#define FN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define FN_PRINTF(fmt, args)
#endif

/* Zero is success. */
typedef enum fn_status {
    FN_OK = 0,
    FN_ERR_ARGUMENT,  /* an option or parameter is wrong */
    FN_ERR_SYNTAX,    /* an expression does not compile */
    FN_ERR_VALUE,     /* a pixel value cannot be computed exactly */
    FN_ERR_MEMORY,    /* out of memory */
    FN_ERR_READ,      /* a task could not read its input */
    FN_ERR_CANCELLED, /* the caller, or the reader's progress function, stopped it */
    FN_ERR_SYSTEM     /* a thread or a file could not be made */
} fn_status;

/* What went wrong, in words for the user. Filled only when a function fails; every fn_error parameter may be NULL. */
typedef struct fn_error {
    fn_status status;
    char text[1024]; /* UTF-8, no newline at the end; expression errors hold an excerpt line and a caret line */
} fn_error;

/* How many letters must be put in, left out, replaced or, neighbours, exchanged to make a text of na characters of
 * another, of nb, in any case (the distance of Damerau and Levenshtein, each letter touched once); for hints. Longer
 * than names are: SIZE_MAX. */
size_t fn_edit_distance(const char *a, size_t na, const char *b, size_t nb);

/* Sets err (if not NULL) and returns status, so that `return fn_fail(...)` reads well. */
fn_status fn_fail(fn_error *err, fn_status status, const char *format, ...) FN_PRINTF(3, 4);

/* Real pixel types. Complex types do not exist here: callers refuse them. */
typedef enum fn_type {
    FN_UINT8 = 0,
    FN_INT8,
    FN_UINT16,
    FN_INT16,
    FN_UINT32,
    FN_INT32,
    FN_UINT64,
    FN_INT64,
    FN_FLOAT16, /* IEEE 754 binary16, held as uint16_t */
    FN_FLOAT32,
    FN_FLOAT64,
    FN_TYPE_COUNT
} fn_type;

/* Bytes of one value. */
size_t fn_type_size(fn_type type);
/* GDAL's name of the type ("Byte", "Float32"...). */
const char *fn_type_name(fn_type type);
/* The type of that name, case-insensitive ("UInt8" is "Byte"); FN_TYPE_COUNT if there is none. */
fn_type fn_type_from_name(const char *name);
bool fn_type_is_integer(fn_type type);
bool fn_type_is_signed(fn_type type);
/* Whether Float32 holds every value of the type exactly. */
bool fn_type_fits_float32(fn_type type);

/* A NoData value in the type of its band: f for floating types, i for signed and u for unsigned integer types. */
typedef struct fn_nodata {
    bool set;
    union {
        double f;
        int64_t i;
        uint64_t u;
    } value;
} fn_nodata;

/* The NoData value that `text` (a number, "nan", "inf", "-inf") means for a band of that type.
 * FN_ERR_ARGUMENT when it is no number, or when the type cannot hold it (300 or 1.5 for Byte, "nan" for any integer).
 * For Float32 and Float16 the value is rounded to the type. */
fn_status fn_nodata_parse(const char *text, fn_type type, fn_nodata *out, fn_error *err);

/* The same from a double, as GDAL hands NoData values over. Returns `set` false when no pixel of that type can equal
 * it. */
fn_nodata fn_nodata_from_double(double value, fn_type type);

/* NoData for computed bands of an integer type when the user named none: the lowest value of signed types, the highest
 * of unsigned types; NaN for floating types. For Int64 and UInt64 the lowest and highest value that a double holds
 * exactly (-2^53, 2^53). */
fn_nodata fn_nodata_default(fn_type type);

/* The value as a double (rounded for integers beyond 2^53); NaN if not set. */
double fn_nodata_as_double(fn_nodata nodata, fn_type type);

#ifdef __cplusplus
}
#endif
#endif
