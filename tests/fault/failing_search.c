/* A library for LD_PRELOAD: something fails in the middle of a near table's task, when its input has been read and
 * others have read on. The FAIL_AT-th distance that GEOS is asked for, or with FAIL_FOR=always all from it on. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC visibility push(default)
int GEOSDistance_r(void *context, const void *a, const void *b, double *distance);
int GEOSPreparedDistance_r(void *context, const void *a, const void *b, double *distance);
static bool fails(void)
{
    static long count;
    const char *at = getenv("FAIL_AT"), *duration = getenv("FAIL_FOR");
    if (!at)
        return false;
    const long n = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
    return n == atol(at) || (n > atol(at) && duration && strcmp(duration, "always") == 0);
}

#define WRAP(name)                                                                                                     \
    int name(void *context, const void *a, const void *b, double *distance)                                            \
    {                                                                                                                  \
        __typeof__(&name) real = (__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name);                                \
        return fails() ? 0 : real(context, a, b, distance);                                                            \
    }
WRAP(GEOSDistance_r)
WRAP(GEOSPreparedDistance_r)
