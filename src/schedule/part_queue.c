#include "part_queue.h"

#include <stdlib.h>

void fn_queue_init(fn_part_queue *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
}

bool fn_queue_add(fn_part_queue *queue, fn_waiting part)
{
    fn_waiting *p = malloc(sizeof *p);
    if (!p)
        return false;
    *p = part;
    p->next = NULL;
    *queue->end = p;
    queue->end = &p->next;
    return true;
}

fn_waiting *fn_queue_pop(fn_part_queue *queue)
{
    fn_waiting *p = queue->first;
    if (p && !(queue->first = p->next))
        queue->end = &queue->first;
    return p;
}

void fn_queue_free_part(fn_buffers *buffers, fn_waiting *part)
{
    if (part)
        fn_buffers_give(buffers, part->data, part->bytes);
    free(part);
}

void fn_queue_empty(fn_part_queue *queue, fn_buffers *buffers)
{
    for (fn_waiting *p; (p = fn_queue_pop(queue)) != NULL;)
        fn_queue_free_part(buffers, p);
}
