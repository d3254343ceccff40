#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

bool fn_tally_add(fn_tally *tally, const void *keys, size_t n_keys, const void *loose, size_t n_loose)
{
    const size_t size = tally->key_size;
    if (!fn_reserve(&tally->keys, &tally->keys_capacity, tally->n_keys + n_keys, size) ||
        !fn_reserve(&tally->loose, &tally->loose_capacity, tally->n_loose + n_loose, sizeof *tally->loose))
        return false;
    if (n_keys > 0)
        memcpy(tally->keys + tally->n_keys * size, keys, n_keys * size);
    if (n_loose > 0)
        memcpy(tally->loose + tally->n_loose, loose, n_loose * sizeof *tally->loose);
    tally->n_keys += n_keys;
    tally->n_loose += n_loose;
    return true;
}

void fn_tally_clear(fn_tally *tally)
{
    tally->n_keys = tally->n_loose = tally->n_bins = 0;
    tally->shift = 0;
}

void fn_tally_destroy(fn_tally *tally)
{
    free(tally->keys);
    free(tally->loose);
    free(tally->bins);
    *tally = (fn_tally){.key_size = tally->key_size};
}

size_t fn_tally_bytes(const fn_tally *tally)
{
    return tally->keys_capacity * tally->key_size +
           (tally->loose_capacity + tally->bins_capacity) * sizeof *tally->bins;
}

/* ---- keys counted ---- */

enum { TABLE = 4096 };

/* Whether the keys lie so close that a table counts them sooner than sorting does. *least is the lowest, *places are
 * those of the table. */
static bool are_close(const fn_tally *tally, uint64_t *least, size_t *places)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (size_t i = 0; i < tally->n_keys; i++) {
        const uint64_t key = fn_tally_key(tally, i);
        low = key < low ? key : low;
        high = key > high ? key : high;
    }
    *least = low;
    *places = (size_t)(high - low) + 1;
    return high - low < TABLE && high - low < 8 * (uint64_t)tally->n_keys;
}

static size_t count_close(const fn_tally *tally, uint64_t least, size_t places, fn_bin *out)
{
    uint64_t counts[TABLE];
    size_t n = 0;
    memset(counts, 0, places * sizeof *counts);
    for (size_t i = 0; i < tally->n_keys; i++)
        counts[fn_tally_key(tally, i) - least]++;
    for (size_t i = 0; i < places; i++)
        if (counts[i] > 0)
            out[n++] = (fn_bin){least + i, {counts[i], 0}};
    return n;
}

/* Of sorted keys. out NULL: only their number. */
static size_t count_sorted(const fn_tally *tally, int shift, fn_bin *out)
{
    size_t n = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < tally->n_keys; i++) {
        const uint64_t key = fn_tally_key(tally, i) >> shift;
        if (n == 0 || key != last) {
            if (out)
                out[n] = (fn_bin){key, {0, 0}};
            last = key;
            n++;
        }
        if (out)
            out[n - 1].cover.whole++;
    }
    return n;
}

/* ---- bins joined ---- */

static size_t count_bins(const fn_bin *bins, size_t n, int shift)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += i == 0 || bins[i].key >> shift != bins[i - 1].key >> shift;
    return count;
}

static int by_key(const void *a, const void *b)
{
    const uint64_t x = ((const fn_bin *)a)->key, y = ((const fn_bin *)b)->key;
    return (x > y) - (x < y);
}

/* Bins in order, of which the keys lose `shift` bits more. */
typedef struct source {
    const fn_bin *bins;
    size_t n;
    int shift;
} source;

/* out may be where the one source begins. */
static size_t join(source *sources, size_t n_sources, fn_bin *out)
{
    size_t n = 0;
    for (;;) {
        source *least = NULL;
        for (size_t i = 0; i < n_sources; i++) {
            source *s = &sources[i];
            if (s->n > 0 && (!least || s->bins->key >> s->shift < least->bins->key >> least->shift))
                least = s;
        }
        if (!least)
            return n;
        const fn_bin bin = {least->bins->key >> least->shift, least->bins->cover};
        least->bins++;
        least->n--;
        if (n > 0 && out[n - 1].key == bin.key)
            out[n - 1].cover = fn_cover_add(out[n - 1].cover, bin.cover);
        else
            out[n++] = bin;
    }
}

/* The bins of the keys in memory for the caller to free; their keys lose *shift bits, more if there would be too many.
 * NULL: out of memory. */
static fn_bin *bins_of_keys(fn_tally *tally, size_t most, int *shift, size_t *n)
{
    uint64_t least;
    size_t places;
    fn_bin *out = NULL;
    if (are_close(tally, &least, &places)) {
        if ((out = malloc(places * sizeof *out))) {
            *n = count_close(tally, least, places, out);
            *n = join(&(source){out, *n, *shift}, 1, out);
        }
        return out;
    }
    void *scratch = malloc(tally->n_keys * tally->key_size);
    if (!scratch)
        return NULL;
    fn_sort_keys(tally->keys, scratch, tally->n_keys, tally->key_size);
    free(scratch);
    while ((*n = count_sorted(tally, *shift, NULL)) > most)
        *shift += 2;
    if ((out = malloc(*n * sizeof *out)))
        count_sorted(tally, *shift, out);
    return out;
}

bool fn_tally_join(fn_tally *tally, size_t most)
{
    int shift = tally->shift;
    size_t n_counted = 0, n;
    fn_bin *counted = NULL;
    if (tally->n_loose + tally->n_keys == 0)
        return true;
    if (tally->n_keys > 0 && !(counted = bins_of_keys(tally, most, &shift, &n_counted)))
        return false;
    if (tally->n_loose > 1)
        qsort(tally->loose, tally->n_loose, sizeof *tally->loose, by_key);
    const int counted_shift = shift;
    while ((n = count_bins(tally->loose, tally->n_loose, shift) +
                count_bins(counted, n_counted, shift - counted_shift) +
                count_bins(tally->bins, tally->n_bins, shift - tally->shift)) > most)
        shift += 2;
    fn_bin *joined = malloc(n * sizeof *joined);
    if (joined) {
        source sources[3] = {{counted, n_counted, shift - counted_shift},
                             {tally->loose, tally->n_loose, shift},
                             {tally->bins, tally->n_bins, shift - tally->shift}};
        n = join(sources, 3, joined);
        free(tally->bins);
        tally->bins = joined;
        tally->n_bins = tally->bins_capacity = n;
        tally->n_keys = tally->n_loose = 0;
        tally->shift = shift;
    }
    free(counted);
    return joined != NULL;
}
