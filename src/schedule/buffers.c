#include "buffers.h"

#include <stdlib.h>

static void release(const fn_buffers *b, void *data, size_t bytes)
{
    if (b->job->result_free)
        b->job->result_free(b->job->user, data, bytes ? bytes : 1);
    else
        free(data);
}

void *fn_buffers_reuse(fn_buffers *b, size_t bytes)
{
    for (int i = b->n_pool - 1; i >= 0; i--)
        if (b->pool[i].bytes == bytes) {
            void *data = b->pool[i].data;
            b->pool[i] = b->pool[--b->n_pool];
            b->idle -= bytes;
            return data;
        }
    return NULL;
}

void *fn_buffers_make(fn_buffers *b, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) /* would wrap around below */
        return NULL;
    const size_t size = bytes ? bytes : 1;
    void *data = b->job->result_new ? b->job->result_new(b->job->user, size) : aligned_alloc(64, (size + 63) / 64 * 64);
    if (!data)
        return NULL;
    b->bytes += bytes;
    if (b->bytes > b->peak)
        b->peak = b->bytes;
    return data;
}

void fn_buffers_give(fn_buffers *b, void *data, size_t bytes)
{
    if (data && b->n_pool < FN_BUFFERS_POOL) {
        b->pool[b->n_pool].data = data;
        b->pool[b->n_pool++].bytes = bytes;
        b->idle += bytes;
    } else if (data) {
        release(b, data, bytes);
        b->bytes -= bytes;
    }
}

void fn_buffers_empty_pool(fn_buffers *b)
{
    while (b->n_pool > 0) {
        b->n_pool--;
        release(b, b->pool[b->n_pool].data, b->pool[b->n_pool].bytes);
    }
    b->bytes -= b->idle;
    b->idle = 0;
}
