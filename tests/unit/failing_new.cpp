/* operator new of the whole process, GEOS included, that fails as the allocations of the core do: see test_memory.c. */
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include <dlfcn.h>
#include <execinfo.h>

extern "C" bool fails_now(void);
extern "C" void *__real_malloc(std::size_t size);

/* Whether std::bad_alloc would pass where GEOS 3.11 dies of it: it has deleted what it wants to replace, and deletes
 * it again. */
static bool IsDeadly(const void *frame)
{
    struct Known {
        const void *frame;
        bool deadly;
    };
    static Known known[1024]; /* looking up takes long */
    Known &k = known[reinterpret_cast<std::uintptr_t>(frame) % 1021];
    Dl_info info;
    if (k.frame != frame)
        k = {frame, dladdr(frame, &info) && info.dli_sname &&
                        std::strstr(info.dli_sname, "FastSegmentSetIntersectionFinder10intersects")};
    return k.deadly;
}

static bool GeosDies()
{
    void *frames[32];
    return std::any_of(frames, frames + backtrace(frames, 32), IsDeadly);
}

void *operator new(std::size_t size)
{
    void *memory = fails_now() && !GeosDies() ? nullptr : __real_malloc(size ? size : 1);
    if (!memory)
        throw std::bad_alloc();
    return memory;
}

void operator delete(void *memory) noexcept
{
    std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept
{
    std::free(memory);
}

/* GEOS itself loses memory where its operator new throws; the core may not. That it was GEOS only the slow way of
 * unwinding sees: it has no frame pointers. */
extern "C" __attribute__((visibility("default"))) const char *__lsan_default_suppressions()
{
    return "leak:libgeos\n";
}

extern "C" __attribute__((visibility("default"))) const char *__asan_default_options()
{
    return "fast_unwind_on_malloc=0";
}
