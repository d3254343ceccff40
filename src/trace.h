/* A timeline in Chrome's trace event format: a JSON array of complete ("X") events. Viewers accept it without its end, so a
 * killed process leaves a readable file. Callers serialize. */
#ifndef FN_TRACE_H
#define FN_TRACE_H

#include "fishnet/base.h"

typedef struct fn_trace fn_trace;

fn_status fn_trace_open(const char *path, fn_trace **out, fn_error *err);
/* One stretch of time of one thread (0: the reader, 1..: workers). begin and duration in seconds. NULL trace: nothing. */
void fn_trace_event(fn_trace *trace, const char *name, const char *category, long process, int thread, double begin,
                    double seconds, const char *status);
void fn_trace_close(fn_trace *trace); /* NULL is fine */

#endif
