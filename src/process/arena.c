#include "arena.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "array.h"

/* A stretch of free addresses. */
typedef struct stretch {
    size_t begin, end;
} stretch;

struct fn_arena {
    char *base;
    size_t bytes;
    int file;
    stretch *free; /* in order, none touches the next */
    size_t n_free, free_cap;
};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t whole_pages(size_t bytes)
{
    const size_t page = page_size();
    return (bytes + page - 1) / page * page;
}

/* A file beyond the limit of file sizes would end the host with a signal. */
static bool may_be_that_large(size_t bytes)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes);
}

fn_arena *fn_arena_new(size_t bytes, int workers)
{
    const size_t lines = whole_pages((size_t)workers * sizeof(fn_worker_line));
    if (bytes > SIZE_MAX / 4 || !may_be_that_large(whole_pages(bytes) + lines))
        return NULL;
    fn_arena *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->bytes = whole_pages(bytes) + lines;
    a->base = MAP_FAILED;
    a->free_cap = 64;
    a->free = malloc(a->free_cap * sizeof *a->free);
    a->file = memfd_create("fishnet results", MFD_CLOEXEC);
    if (a->free && a->file >= 0 && ftruncate(a->file, (off_t)a->bytes) == 0)
        a->base = mmap(NULL, a->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, a->file, 0);
    if (a->base == MAP_FAILED) {
        fn_arena_free(a);
        return NULL;
    }
    a->free[0] = (stretch){lines, a->bytes};
    a->n_free = 1;
    return a;
}

void fn_arena_free(fn_arena *a)
{
    if (!a)
        return;
    if (a->base != MAP_FAILED)
        munmap(a->base, a->bytes);
    if (a->file >= 0)
        close(a->file);
    free(a->free);
    free(a);
}

int fn_arena_file(const fn_arena *a)
{
    return a->file;
}

size_t fn_arena_bytes(const fn_arena *a)
{
    return a->bytes;
}

fn_worker_line *fn_arena_line(fn_arena *a, int worker)
{
    return (fn_worker_line *)(void *)a->base + worker;
}

void *fn_arena_take(fn_arena *a, size_t bytes)
{
    const size_t need = whole_pages(bytes);
    for (size_t i = 0; i < a->n_free; i++) {
        stretch *s = &a->free[i];
        if (s->end - s->begin < need)
            continue;
        char *data = a->base + s->begin;
        s->begin += need;
        if (s->begin == s->end)
            memmove(s, s + 1, (--a->n_free - i) * sizeof *s);
        return data;
    }
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

/* Adds a stretch to the free ones. Without memory for the list the addresses are lost, not the memory behind them. */
static void add_free(fn_arena *a, stretch s)
{
    size_t i = 0;
    while (i < a->n_free && a->free[i].begin < s.begin)
        i++;
    const bool joins_left = i > 0 && a->free[i - 1].end == s.begin;
    const bool joins_right = i < a->n_free && a->free[i].begin == s.end;
    if (joins_left && joins_right) {
        a->free[i - 1].end = a->free[i].end;
        memmove(&a->free[i], &a->free[i + 1], (--a->n_free - i) * sizeof s);
    } else if (joins_left)
        a->free[i - 1].end = s.end;
    else if (joins_right)
        a->free[i].begin = s.begin;
    else {
        if (!fn_reserve(&a->free, &a->free_cap, a->n_free + 1, sizeof s))
            return;
        memmove(&a->free[i + 1], &a->free[i], (a->n_free++ - i) * sizeof s);
        a->free[i] = s;
    }
}

void fn_arena_give(fn_arena *a, void *data, size_t bytes)
{
    uint64_t offset;
    if (!fn_arena_offset(a, data, &offset)) {
        free(data);
        return;
    }
    const size_t size = whole_pages(bytes);
    madvise(data, size, MADV_REMOVE);
    add_free(a, (stretch){offset, offset + size});
}

bool fn_arena_offset(const fn_arena *a, const void *data, uint64_t *offset)
{
    const char *p = data;
    if (!p || p < a->base || p >= a->base + a->bytes)
        return false;
    *offset = (uint64_t)(p - a->base);
    return true;
}
