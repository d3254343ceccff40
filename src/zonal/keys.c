#include "keys.h"

#include <math.h>

fn_stat_value fn_real_value(double value)
{
    if (isnan(value))
        return (fn_stat_value){.result = FN_STAT_NONE, .real = NAN};
    return (fn_stat_value){.result = FN_STAT_REAL, .real = value};
}

fn_stat_value fn_integer_value(__int128 value)
{
    if (value > INT64_MAX)
        return (fn_stat_value){.result = FN_STAT_UNSIGNED, .unsigned64 = (uint64_t)value, .real = (double)value};
    return (fn_stat_value){.result = FN_STAT_INTEGER, .integer = (int64_t)value, .real = (double)value};
}

static double double_of_float_key(uint64_t key)
{
    const uint32_t k = (uint32_t)key, bits = k & UINT32_C(0x80000000) ? k & UINT32_C(0x7FFFFFFF) : ~k;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static double double_of_double_key(uint64_t key)
{
    const uint64_t bits = key >> 63 ? key & (UINT64_MAX >> 1) : ~key;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

fn_stat_value fn_value_of_key(fn_type type, uint64_t key)
{
    switch (type) {
    case FN_FLOAT64:
        return fn_real_value(double_of_double_key(key));
    case FN_FLOAT32:
    case FN_FLOAT16:
        return fn_real_value(double_of_float_key(key));
    case FN_UINT64:
    case FN_UINT32:
        return fn_integer_value(key);
    case FN_INT64:
        return fn_integer_value((int64_t)(key ^ UINT64_C(1) << 63));
    default:
        return fn_integer_value((int64_t)key - INT64_C(0x80000000));
    }
}

double fn_double_of_key(fn_type type, uint64_t key)
{
    return fn_value_of_key(type, key).real;
}
