/* Parts of a task that wait in a queue for the reader. Callers serialize. A queue stays where it was made. */
#ifndef FN_PART_QUEUE_H
#define FN_PART_QUEUE_H

#include "buffers.h"

typedef struct fn_waiting {
    void *data;   /* NULL: nothing, but the last of its task */
    size_t used;  /* bytes of it */
    size_t bytes; /* of the buffer */
    bool last;
    struct fn_waiting *next;
} fn_waiting;

typedef struct fn_part_queue {
    fn_waiting *first, **end;
} fn_part_queue;

void fn_queue_init(fn_part_queue *queue);
/* Puts a part at the end, which owns its buffer from then on. False without memory: then it does not. */
bool fn_queue_add(fn_part_queue *queue, fn_waiting part);
/* Takes the first one out; NULL: there is none. */
fn_waiting *fn_queue_pop(fn_part_queue *queue);
/* Gives back the buffer of a part that was taken out, too. NULL is fine. */
void fn_queue_free_part(fn_buffers *buffers, fn_waiting *part);
/* All that are there. */
void fn_queue_empty(fn_part_queue *queue, fn_buffers *buffers);

#endif
