/* Radix sort, the lowest digit first. A digit that all keys share costs no pass: classes and neighbours share most. */
#include <string.h>

#include "tally.h"

enum { DIGIT = 8, DIGITS = 1 << DIGIT };

#define SORT(bits)                                                                                                     \
    static void sort##bits(uint##bits##_t *keys, uint##bits##_t *scratch, size_t n)                                    \
    {                                                                                                                  \
        size_t counts[bits / DIGIT][DIGITS] = {{0}};                                                                   \
        uint##bits##_t *from = keys, *to = scratch;                                                                    \
        for (size_t i = 0; i < n; i++)                                                                                 \
            for (int d = 0; d < bits / DIGIT; d++)                                                                     \
                counts[d][keys[i] >> (d * DIGIT) & (DIGITS - 1)]++;                                                    \
        for (int d = 0; d < bits / DIGIT; d++) {                                                                       \
            size_t *count = counts[d], sum = 0;                                                                        \
            if (count[from[0] >> (d * DIGIT) & (DIGITS - 1)] == n)                                                     \
                continue;                                                                                              \
            for (int b = 0; b < DIGITS; b++) {                                                                         \
                const size_t here = count[b];                                                                          \
                count[b] = sum;                                                                                        \
                sum += here;                                                                                           \
            }                                                                                                          \
            for (size_t i = 0; i < n; i++)                                                                             \
                to[count[from[i] >> (d * DIGIT) & (DIGITS - 1)]++] = from[i];                                          \
            uint##bits##_t *swap = from;                                                                               \
            from = to;                                                                                                 \
            to = swap;                                                                                                 \
        }                                                                                                              \
        if (from != keys)                                                                                              \
            memcpy(keys, from, n * sizeof *keys);                                                                      \
    }                                                                                                                  \
                                                                                                                       \
    static void insert##bits(uint##bits##_t *keys, size_t n)                                                           \
    {                                                                                                                  \
        for (size_t i = 1; i < n; i++) {                                                                               \
            const uint##bits##_t key = keys[i];                                                                        \
            size_t j = i;                                                                                              \
            for (; j > 0 && keys[j - 1] > key; j--)                                                                    \
                keys[j] = keys[j - 1];                                                                                 \
            keys[j] = key;                                                                                             \
        }                                                                                                              \
    }
SORT(32)
SORT(64)

void fn_sort_keys(void *keys, void *scratch, size_t n, size_t size)
{
    const size_t few = 64; /* the counts of digits would cost more */
    if (n < few && size == 4)
        insert32(keys, n);
    else if (n < few)
        insert64(keys, n);
    else if (size == 4)
        sort32(keys, scratch, n);
    else
        sort64(keys, scratch, n);
}
