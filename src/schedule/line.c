#include "line.h"

#include <stdlib.h>

void fn_line_init(fn_line *line)
{
    line->first = NULL;
    line->end = &line->first;
}

bool fn_line_add(fn_line *line, fn_waiting part)
{
    fn_waiting *p = malloc(sizeof *p);
    if (!p)
        return false;
    *p = part;
    p->next = NULL;
    *line->end = p;
    line->end = &p->next;
    return true;
}

fn_waiting *fn_line_pop(fn_line *line)
{
    fn_waiting *p = line->first;
    if (p && !(line->first = p->next))
        line->end = &line->first;
    return p;
}

void fn_line_free_part(fn_buffers *buffers, fn_waiting *part)
{
    if (part)
        fn_buffers_give(buffers, part->data, part->bytes);
    free(part);
}

void fn_line_empty(fn_line *line, fn_buffers *buffers)
{
    for (fn_waiting *p; (p = fn_line_pop(line)) != NULL;)
        fn_line_free_part(buffers, p);
}
