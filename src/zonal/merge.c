#include "merge.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

void fn_record_merge(fn_record *all, const fn_record *page)
{
    const bool first = all->whole + all->parts == 0;
    if (page->whole + page->parts > 0) {
        fn_take_extreme(&all->min, &all->min_place, first, page->min, page->min_place, 1);
        fn_take_extreme(&all->max, &all->max_place, first, page->max, page->max_place, -1);
    }
    if (fn_cover_as_bits(page->count) > 0) {
        const bool none = fn_cover_as_bits(all->count) == 0;
        all->least = none || page->least < all->least ? page->least : all->least;
        all->most = none || page->most > all->most ? page->most : all->most;
    }
    all->m2 = fn_merge_m2(all->m2, fn_cover_as_dd(all->count), fn_record_sum(all), page->m2,
                          fn_cover_as_dd(page->count), fn_record_sum(page));
    all->weighted_m2 = fn_merge_m2(all->weighted_m2, all->weight, all->weighted_sum, page->weighted_m2, page->weight,
                                   page->weighted_sum);
    all->count = fn_cover_add(all->count, page->count);
    all->missing = fn_cover_add(all->missing, page->missing);
    all->whole += page->whole;
    all->parts += page->parts;
    all->missing_ones += page->missing_ones;
    all->part_squares += page->part_squares;
    all->integers = (__int128)((unsigned __int128)all->integers + (unsigned __int128)page->integers);
    all->reals = fn_dd_add(all->reals, page->reals);
    all->area = fn_dd_add(all->area, page->area);
    all->weight = fn_dd_add(all->weight, page->weight);
    all->weighted_sum = fn_dd_add(all->weighted_sum, page->weighted_sum);
}

static size_t keys_bytes(const fn_record *record, size_t key_size)
{
    return ((size_t)record->n_keys * key_size + 7) / 8 * 8;
}

static size_t record_bytes(const fn_record *record, size_t key_size)
{
    return sizeof *record + keys_bytes(record, key_size) + (size_t)(record->n_bins + record->n_areas) * sizeof(fn_bin);
}

const void *fn_record_keys(const fn_record *record)
{
    return record + 1;
}

const fn_bin *fn_record_bins(const fn_record *record, size_t key_size)
{
    return (const fn_bin *)(const void *)((const unsigned char *)(record + 1) + keys_bytes(record, key_size));
}

const fn_bin *fn_record_areas(const fn_record *record, size_t key_size)
{
    return fn_record_bins(record, key_size) + record->n_bins;
}

/* Whether `left` bytes are enough for the record and what follows it. */
static bool is_whole(const fn_record *record, size_t left, size_t key_size)
{
    return record->n_keys <= left / key_size && record->n_bins <= left / sizeof(fn_bin) &&
           record->n_areas <= left / sizeof(fn_bin) && record_bytes(record, key_size) <= left;
}

/* Whether covers are such, keys as wide as they may be, and sums not more than a page can have. */
static bool is_sound(const fn_record *record, size_t key_size)
{
    const fn_bin *bins = fn_record_bins(record, key_size);
    const __int128 most = (__int128)1 << 80;
    const uint64_t keys = record->min | record->max | record->least | record->most;
    bool sound = record->count.part >> FN_COVER_BITS == 0 && record->missing.part >> FN_COVER_BITS == 0 &&
                 (key_size == 8 || keys <= UINT32_MAX) && record->part_squares >= 0 && record->integers <= most &&
                 record->integers >= -most;
    for (uint64_t i = 0; i < record->n_bins + record->n_areas; i++)
        sound &= bins[i].cover.part >> FN_COVER_BITS == 0 && (key_size == 8 || bins[i].key <= UINT32_MAX);
    return sound;
}

static fn_status damaged(size_t bytes, fn_error *err)
{
    return fn_fail(err, FN_ERR_READ, "a partial result of %zu bytes is damaged", bytes);
}

fn_status fn_waiting_add(fn_waiting *waiting, const void *partial, size_t bytes, size_t key_size, fn_error *err)
{
    const unsigned char *from = partial;
    for (size_t at = 0, size; at < bytes; at += size) {
        fn_record head;
        if (bytes - at >= sizeof head)
            memcpy(&head, from + at, sizeof head);
        if (bytes - at < sizeof head || !is_whole(&head, bytes - at, key_size))
            return damaged(bytes, err);
        size = record_bytes(&head, key_size);
        fn_record *page = fn_reserve(&waiting->pages, &waiting->capacity, waiting->n + 1, sizeof *waiting->pages)
                              ? malloc(size)
                              : NULL;
        if (!page)
            return fn_fail(err, FN_ERR_MEMORY, "out of memory");
        memcpy(page, from + at, size);
        waiting->pages[waiting->n++] = page;
        waiting->bytes += size;
        if (!is_sound(page, key_size))
            return damaged(bytes, err);
    }
    return FN_OK;
}

static int in_page_order(const void *a, const void *b)
{
    const fn_record *p = *(fn_record *const *)a, *q = *(fn_record *const *)b;
    if (p->page_row != q->page_row)
        return p->page_row < q->page_row ? -1 : 1;
    return (p->page_column > q->page_column) - (p->page_column < q->page_column);
}

void fn_waiting_sort(fn_waiting *waiting)
{
    if (waiting->n > 1)
        qsort(waiting->pages, waiting->n, sizeof *waiting->pages, in_page_order);
}

void fn_waiting_drop(fn_waiting *waiting, size_t n, size_t key_size)
{
    for (size_t i = 0; i < n; i++) {
        waiting->bytes -= record_bytes(waiting->pages[i], key_size);
        free(waiting->pages[i]);
    }
    waiting->n -= n;
    if (waiting->n > 0)
        memmove(waiting->pages, waiting->pages + n, waiting->n * sizeof *waiting->pages);
}

void fn_waiting_destroy(fn_waiting *waiting, size_t key_size)
{
    fn_waiting_drop(waiting, waiting->n, key_size);
    free(waiting->pages);
    *waiting = (fn_waiting){.pages = NULL};
}
