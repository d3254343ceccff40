/* Memory for results that worker processes write into: one file without a name, mapped as a whole by the host and by
 * each worker. It is as large as the addresses that were set aside; memory is taken as pages are written, and given
 * back as buffers are freed. Callers serialize. */
#ifndef FN_ARENA_H
#define FN_ARENA_H

#include "fishnet/base.h"

typedef struct fn_arena fn_arena;

/* At the begin of every arena: a line for each worker, that other processes see. */
typedef struct fn_worker_line {
    _Alignas(64) volatile bool cancel; /* its task has been cancelled */
    volatile uint32_t done;            /* of its task, see fn_task_progress() */
} fn_worker_line;

/* bytes: to set aside for buffers. NULL: this system has none; then results are not shared. */
fn_arena *fn_arena_new(size_t bytes, int workers);
void fn_arena_free(fn_arena *arena);
int fn_arena_file(const fn_arena *arena);
size_t fn_arena_bytes(const fn_arena *arena); /* of the whole file */
fn_worker_line *fn_arena_line(fn_arena *arena, int worker);

/* A buffer, 64-byte aligned; from the C library when the arena is full. NULL: no memory. */
void *fn_arena_take(fn_arena *arena, size_t bytes);
void fn_arena_give(fn_arena *arena, void *data, size_t bytes);
/* Where in the file a buffer lies; false: it is not in it. */
bool fn_arena_offset(const fn_arena *arena, const void *data, uint64_t *offset);

#endif
