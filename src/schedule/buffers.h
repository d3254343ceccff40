/* Memory for results: buffers that are counted, and a pool of those to use again, since fresh ones cost a page fault
 * every 4 KB. Who uses them decides how many there may be. Callers serialize. All zero but the job is empty. */
#ifndef FN_BUFFERS_H
#define FN_BUFFERS_H

#include "fishnet/job.h"

#define FN_BUFFERS_POOL 32

typedef struct fn_buffers {
    const fn_job *job; /* whose result_new() and result_free() are used */
    size_t bytes;      /* of all that exist, those in the pool too */
    size_t idle;       /* of those in the pool */
    size_t peak;       /* most bytes there were */
    struct {
        void *data;
        size_t bytes;
    } pool[FN_BUFFERS_POOL];
    int n_pool;
} fn_buffers;

/* One of that size from the pool, or NULL. */
void *fn_buffers_reuse(fn_buffers *b, size_t bytes);
/* A new one, 64-byte aligned, of 0 bytes too; NULL without memory. */
void *fn_buffers_make(fn_buffers *b, size_t bytes);
/* Gives back one of that size: to the pool, or to the system when the pool is full. NULL is fine. */
void fn_buffers_give(fn_buffers *b, void *data, size_t bytes);
/* Gives the pool to the system. */
void fn_buffers_empty_pool(fn_buffers *b);

#endif
