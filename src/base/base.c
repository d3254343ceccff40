/* Status, errors, pixel types and NoData values. */
#include "fishnet/base.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"

fn_status fn_fail(fn_error *err, fn_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->status = status;
        const int length = vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        if (length >= (int)sizeof err->text) { /* cut: not within a character */
            size_t begin = sizeof err->text - 2;
            while (begin > 0 && ((unsigned char)err->text[begin] & 0xC0) == 0x80)
                begin--;
            if (fn_utf8_length(&err->text[begin], sizeof err->text - 1 - begin) == 0)
                err->text[begin] = '\0';
        }
    }
    return status;
}

enum kind { UNSIGNED, SIGNED, FLOATING };

static const struct {
    const char *name;
    size_t size;
    enum kind kind;
    bool fits_float32;
    double lowest, highest; /* of integer types, exact in double but for 64 bits */
} types[FN_TYPE_COUNT] = {
    [FN_UINT8] = {"Byte", 1, UNSIGNED, true, 0, UINT8_MAX},
    [FN_INT8] = {"Int8", 1, SIGNED, true, INT8_MIN, INT8_MAX},
    [FN_UINT16] = {"UInt16", 2, UNSIGNED, true, 0, UINT16_MAX},
    [FN_INT16] = {"Int16", 2, SIGNED, true, INT16_MIN, INT16_MAX},
    [FN_UINT32] = {"UInt32", 4, UNSIGNED, false, 0, UINT32_MAX},
    [FN_INT32] = {"Int32", 4, SIGNED, false, INT32_MIN, INT32_MAX},
    [FN_UINT64] = {"UInt64", 8, UNSIGNED, false, 0, 0x1p64},
    [FN_INT64] = {"Int64", 8, SIGNED, false, -0x1p63, 0x1p63},
    [FN_FLOAT16] = {"Float16", 2, FLOATING, true, 0, 0},
    [FN_FLOAT32] = {"Float32", 4, FLOATING, true, 0, 0},
    [FN_FLOAT64] = {"Float64", 8, FLOATING, false, 0, 0},
};

static bool known(fn_type type)
{
    return (unsigned)type < FN_TYPE_COUNT;
}

size_t fn_type_size(fn_type type)
{
    return known(type) ? types[type].size : 0;
}

const char *fn_type_name(fn_type type)
{
    return known(type) ? types[type].name : "Unknown";
}

fn_type fn_type_from_name(const char *name)
{
    if (strcasecmp(name, "UInt8") == 0)
        return FN_UINT8;
    int type = 0;
    while (type < FN_TYPE_COUNT && strcasecmp(name, types[type].name) != 0)
        type++;
    return (fn_type)type;
}

bool fn_type_is_integer(fn_type type)
{
    return known(type) && types[type].kind != FLOATING;
}

bool fn_type_is_signed(fn_type type)
{
    return known(type) && types[type].kind != UNSIGNED;
}

bool fn_type_fits_float32(fn_type type)
{
    return known(type) && types[type].fits_float32;
}

/* The nearest value that binary16 can hold, ties to even. Its spacing is 2^-24 below 2^-14, else 2^(exponent-10). */
static double round_to_float16(double value)
{
    if (value == 0 || !isfinite(value))
        return value;
    int exponent = ilogb(value);
    double spacing = ldexp(1, (exponent < -14 ? -14 : exponent) - 10);
    return nearbyint(value / spacing) * spacing;
}

/* GDAL writes FLT_MAX with too few digits to read it back. */
static double round_to_float32(double value)
{
    if (fabs(value) > FLT_MAX && fabs(value) < FLT_MAX * (1 + 1e-6))
        return copysign(FLT_MAX, value);
    return fabs(value) > FLT_MAX ? value : (double)(float)value;
}

fn_nodata fn_nodata_from_double(double value, fn_type type)
{
    fn_nodata out = {.set = false};
    if (type == FN_FLOAT64 || type == FN_FLOAT32 || type == FN_FLOAT16) {
        const double most = type == FN_FLOAT64 ? DBL_MAX : type == FN_FLOAT32 ? FLT_MAX : 65504;
        if (type == FN_FLOAT32)
            value = round_to_float32(value);
        else if (type == FN_FLOAT16)
            value = round_to_float16(value);
        out.set = !isfinite(value) || fabs(value) <= most;
        out.value.f = value;
    } else if (known(type) && value == floor(value) && value >= types[type].lowest) {
        /* 2^63 and 2^64 themselves are beyond the 64 bit types */
        bool wide = types[type].size == 8;
        out.set = wide ? value < types[type].highest : value <= types[type].highest;
        if (out.set && types[type].kind == SIGNED)
            out.value.i = (int64_t)value;
        else if (out.set)
            out.value.u = (uint64_t)value;
    }
    return out;
}

fn_status fn_nodata_parse(const char *text, fn_type type, fn_nodata *out, fn_error *err)
{
    char *end = NULL;
    *out = (fn_nodata){.set = false};
    errno = 0;
    double value = 0;
    bool beyond = false;                         /* of the type, or of double itself */
    if (type == FN_INT64 || type == FN_UINT64) { /* all 64 bits, where a double would round */
        const bool minus = text[strspn(text, " \t")] == '-';
        if (type == FN_INT64)
            out->value.i = strtoll(text, &end, 10);
        else
            out->value.u = strtoull(text, &end, 10);
        beyond = errno != 0;
        out->set = end != text && *end == '\0' && !beyond && (!minus || type == FN_INT64);
        if (out->set)
            return FN_OK;
        errno = 0;
    }
    value = fn_strtod(text, &end);
    if (end == text || *end != '\0')
        return fn_fail(err, FN_ERR_ARGUMENT, "NODATA=%.100s is not a number", text);
    beyond |= errno == ERANGE && isinf(value);
    if (isnan(value))
        value = NAN; /* one NaN: strtod keeps signs and payloads */
    *out = beyond ? (fn_nodata){.set = false} : fn_nodata_from_double(value, type);
    if (!out->set)
        return fn_fail(err, FN_ERR_ARGUMENT, "NODATA=%.100s cannot be a value of type %s", text, fn_type_name(type));
    return FN_OK;
}

fn_nodata fn_nodata_default(fn_type type)
{
    fn_nodata out = {.set = true};
    if (!fn_type_is_integer(type))
        out.value.f = NAN;
    else if (type == FN_INT64)
        out.value.i = -((int64_t)1 << 53);
    else if (type == FN_UINT64)
        out.value.u = (uint64_t)1 << 53;
    else if (types[type].kind == SIGNED)
        out.value.i = (int64_t)types[type].lowest;
    else
        out.value.u = (uint64_t)types[type].highest;
    return out;
}

double fn_nodata_as_double(fn_nodata nodata, fn_type type)
{
    if (!nodata.set || !known(type))
        return NAN;
    switch (types[type].kind) {
    case SIGNED:
        return (double)nodata.value.i;
    case UNSIGNED:
        return (double)nodata.value.u;
    default:
        return nodata.value.f;
    }
}
