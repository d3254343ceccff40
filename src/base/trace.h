/* A timeline in Chrome's trace event format: a JSON array of complete ("X") events. Viewers accept it without its
 * end, so a killed process leaves a readable file. All that one process writes to one file is one timeline, whatever
 * is open at a time. */
#ifndef FN_TRACE_H
#define FN_TRACE_H

#include <time.h>

#include "fishnet/job.h"
#include "thread_times.h"

typedef struct fn_trace fn_trace;

/* born: what the times of its events count from, of CLOCK_MONOTONIC. An earlier timeline at that path is replaced;
 * any other file that holds something is left as it is, and so is what is no regular file: FN_ERR_SYSTEM. */
fn_status fn_trace_open(const char *path, const struct timespec *born, int workers, fn_trace **out, fn_error *err);
/* One stretch of time of one thread. begin and duration in seconds. */
typedef struct fn_trace_span {
    const char *name, *category;
    long process;
    int thread; /* 0: the reader, 1..: workers */
    double begin, seconds;
    fn_thread_times times;      /* of the thread in it; -1 is left out */
    double serial;              /* CPU seconds in which only one thread could go on; likewise */
    const char *status;         /* NULL: none */
    const fn_task_place *place; /* NULL: none */
} fn_trace_span;

/* NULL trace: nothing. Any thread. */
void fn_trace_event(fn_trace *trace, const fn_trace_span *span);
/* The last word of a scheduler: what the thread of its reader has spent since the first read, where it is that thread
 * that closes, and how long all threads have waited for the scheduler's lock, in seconds. NULL trace: nothing. */
void fn_trace_closed(fn_trace *trace, long process, double at, fn_thread_times reader, double locks);
void fn_trace_close(fn_trace *trace); /* NULL is fine */

#endif
