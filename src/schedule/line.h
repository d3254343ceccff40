/* Parts of a task that wait in line for the reader. Callers serialize. */
#ifndef FN_LINE_H
#define FN_LINE_H

#include "buffers.h"

typedef struct fn_waiting {
    void *data;   /* NULL: nothing, but the last of its task */
    size_t used;  /* bytes of it */
    size_t bytes; /* of the buffer */
    bool last;
    struct fn_waiting *next;
} fn_waiting;

typedef struct fn_line {
    fn_waiting *first, **end;
} fn_line;

void fn_line_init(fn_line *line);
/* Puts a part at the end, which owns its buffer from then on. False without memory: then it does not. */
bool fn_line_add(fn_line *line, fn_waiting part);
/* Takes the first one out; NULL: there is none. */
fn_waiting *fn_line_pop(fn_line *line);
/* Gives back the buffer of a part that was taken out, too. NULL is fine. */
void fn_line_free_part(fn_buffers *buffers, fn_waiting *part);
/* All that are there. */
void fn_line_empty(fn_line *line, fn_buffers *buffers);

#endif
