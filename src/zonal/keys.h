/* Values as unsigned integers in the same order, so that extremes, classes and percentiles need not know types.
 * Integers up to 32 bits and Float16, Float32 have keys of 32 bits, the others of 64. -0 has the key of 0. */
#ifndef FN_KEYS_H
#define FN_KEYS_H

#include <string.h>

#include "fishnet/zonal_stats.h"

static inline bool fn_is_wide_integer(fn_type type)
{
    return type == FN_INT64 || type == FN_UINT64;
}

static inline size_t fn_key_size(fn_type type)
{
    return fn_is_wide_integer(type) || type == FN_FLOAT64 ? 8 : 4;
}

static inline uint32_t fn_key_of_float(double value)
{
    const float v = (float)value + 0.0f;
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits & UINT32_C(0x80000000) ? ~bits : bits | UINT32_C(0x80000000);
}

static inline uint64_t fn_key_of_double(double value)
{
    const double v = value + 0.0;
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

/* An integer of 32 bits at most. */
static inline uint32_t fn_key_of_int(double value)
{
    return (uint32_t)((int64_t)value + INT64_C(0x80000000));
}

/* UInt32 needs no offset, as it has no sign. */
static inline uint32_t fn_key_of_uint32(double value)
{
    return (uint32_t)value;
}

/* An integer of 64 bits, as it stands in memory. */
static inline uint64_t fn_key_of_wide(fn_type type, uint64_t bits)
{
    return type == FN_INT64 ? bits ^ UINT64_C(1) << 63 : bits;
}

/* The key of a value that the type holds; not of the 64 bit integers. */
static inline uint64_t fn_key(fn_type type, double value)
{
    switch (type) {
    case FN_FLOAT64:
        return fn_key_of_double(value);
    case FN_FLOAT32:
    case FN_FLOAT16:
        return fn_key_of_float(value);
    case FN_UINT32:
        return fn_key_of_uint32(value);
    default:
        return fn_key_of_int(value);
    }
}

/* What has that key. */
fn_stat_value fn_value_of_key(fn_type type, uint64_t key);
/* The same as the nearest double. */
double fn_double_of_key(fn_type type, uint64_t key);

fn_stat_value fn_integer_value(__int128 value);
/* NONE where it is NaN. */
fn_stat_value fn_real_value(double value);

#endif
