/* Arrays that grow. */
#ifndef FN_ARRAY_H
#define FN_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for n elements of `size` bytes in the array that the pointer at `array` points to, which holds
 * *capacity of them; grows by half at least. False: out of memory, nothing is changed. */
static inline bool fn_reserve(void *array, size_t *capacity, size_t n, size_t size)
{
    if (n <= *capacity)
        return true;
    size_t more = *capacity + *capacity / 2;
    more = more > n ? more : n;
    more = more > 16 ? more : 16;
    void *memory;
    memcpy(&memory, array, sizeof memory);
    memory = more > SIZE_MAX / size ? NULL : realloc(memory, more * size);
    if (!memory)
        return false;
    memcpy(array, &memory, sizeof memory);
    *capacity = more;
    return true;
}

#endif
