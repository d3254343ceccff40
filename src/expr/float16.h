/* Float16 and doubles. Included by each instruction set's kernels, so that the compiler makes loops of it. */
#ifndef FN_FLOAT16_H
#define FN_FLOAT16_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline double float16_to_double(uint16_t half)
{
    /* As Float32 bits with the exponent rebiased by a multiplication, which normalizes subnormals too. */
    const uint32_t magnitude = (uint32_t)(half & 0x7FFF) << 13;
    float value;
    memcpy(&value, &magnitude, sizeof value);
    value *= 0x1p112f;
    value = (half & 0x7C00) == 0x7C00 ? ((half & 0x3FF) ? NAN : INFINITY) : value;
    return (double)((half & 0x8000) ? -value : value);
}

/* Rounds to nearest even, straight from double: going through float would round twice. */
static inline uint16_t double_to_float16(double x)
{
    const uint16_t sign = signbit(x) ? 0x8000 : 0;
    const double a = fabs(x);
    if (x != x)
        return 0x7E00;
    if (a >= 65520) /* half way between the largest, 65504, and the next that there is not */
        return sign | 0x7C00;
    if (a < 0x1p-14)                                          /* subnormal: a multiple of 2^-24 */
        return (uint16_t)(sign | (uint16_t)rint(a * 0x1p24)); /* 1024 is the smallest normal number's bits */
    const int exponent = ilogb(a);
    const int bits = ((exponent + 14) << 10) + (int)rint(ldexp(a, 10 - exponent)); /* 1024..2048 carries over */
    return (uint16_t)(sign | bits);
}

#endif
