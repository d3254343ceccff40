/* Records of pages, in the order of pages. */
#ifndef FN_MERGE_H
#define FN_MERGE_H

#include "record.h"
#include "tally.h"

/* Adds the next page to the pages merged so far, which begin as zeros. */
void fn_record_merge(fn_record *all, const fn_record *page);

/* Records, with their keys and bins, that wait until all pages before them are there. Zero it before the first use. */
typedef struct fn_waiting {
    fn_record **pages; /* each is memory of its own, with all that follows the record */
    size_t n, capacity;
    size_t bytes;
} fn_waiting;

/* FN_ERR_MEMORY; FN_ERR_READ: the bytes are no whole records. */
fn_status fn_waiting_add(fn_waiting *waiting, const void *partial, size_t bytes, size_t key_size, fn_error *err);
/* By row of pages, then column. */
void fn_waiting_sort(fn_waiting *waiting);
/* Takes the first n away. */
void fn_waiting_drop(fn_waiting *waiting, size_t n, size_t key_size);
void fn_waiting_destroy(fn_waiting *waiting, size_t key_size);

/* What follows the record in memory. */
const void *fn_record_keys(const fn_record *record);
const fn_bin *fn_record_bins(const fn_record *record, size_t key_size);
const fn_bin *fn_record_areas(const fn_record *record, size_t key_size);

#endif
