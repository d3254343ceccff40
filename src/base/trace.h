/* A timeline in Chrome's trace event format: a JSON array of complete ("X") events. Viewers accept it without its
 * end, so a killed process leaves a readable file. All that one process writes to one file is one timeline, whatever
 * is open at a time. */
#ifndef FN_TRACE_H
#define FN_TRACE_H

#include <time.h>

#include "fishnet/base.h"

typedef struct fn_trace fn_trace;

/* born: what the times of its events count from, of CLOCK_MONOTONIC. An earlier timeline at that path is replaced;
 * any other file that holds something is left as it is, and so is what is no regular file: FN_ERR_SYSTEM. */
fn_status fn_trace_open(const char *path, const struct timespec *born, int workers, fn_trace **out, fn_error *err);
/* One stretch of time of one thread (0: the reader, 1..: workers). begin and duration in seconds. NULL trace:
 * nothing. Any thread. */
void fn_trace_event(fn_trace *trace, const char *name, const char *category, long process, int thread, double begin,
                    double seconds, const char *status);
void fn_trace_close(fn_trace *trace); /* NULL is fine */

#endif
