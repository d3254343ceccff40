/* How many cells have which value: a list of keys as they come, or counted in bins.
 *
 * A bin holds the values whose keys agree but for the lowest `shift` bits; with shift 0 it is a class. Whatever comes
 * is appended, and joined with the bins now and then. Since covers are added exactly, the bins depend on what was added
 * and on the shift alone. */
#ifndef FN_TALLY_H
#define FN_TALLY_H

#include "cover.h"
#include "fishnet/base.h"

typedef struct fn_bin {
    uint64_t key; /* without the lowest `shift` bits */
    fn_cover cover;
} fn_bin;

/* Zero it before the first use, but for key_size. */
typedef struct fn_tally {
    size_t key_size;     /* 4 or 8 bytes: of each of `keys` */
    unsigned char *keys; /* of cells that are covered wholly */
    size_t n_keys, keys_capacity;
    fn_bin *loose; /* in no order, keys whole */
    size_t n_loose, loose_capacity;
    fn_bin *bins; /* ascending */
    size_t n_bins, bins_capacity;
    int shift;
} fn_tally;

/* False: out of memory, nothing is changed. keys: n of key_size; nothing need be aligned. */
bool fn_tally_add(fn_tally *tally, const void *keys, size_t n_keys, const void *loose, size_t n_loose);
/* Joins all into bins, made coarser until there are at most `most` (which is at least 4096). False: out of memory; the
 * tally holds what it held. */
bool fn_tally_join(fn_tally *tally, size_t most);
/* Forgets all that was counted, but keeps the memory. */
void fn_tally_clear(fn_tally *tally);
void fn_tally_destroy(fn_tally *tally);
size_t fn_tally_bytes(const fn_tally *tally);

/* Key i of n. */
static inline uint64_t fn_tally_key(const fn_tally *tally, size_t i)
{
    return tally->key_size == 4 ? ((const uint32_t *)(const void *)tally->keys)[i]
                                : ((const uint64_t *)(const void *)tally->keys)[i];
}

/* Sorts n keys of `size` bytes, 4 or 8, ascending; scratch has room for as many. */
void fn_sort_keys(void *keys, void *scratch, size_t n, size_t size);

#endif
